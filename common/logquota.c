#include "common/logquota.h"

#include "common/hash.h"

static unsigned slot_of(const struct address *who)
{
	uint8_t ip[ADDRESS_IP_BYTES] = {0};
	struct address plain = *who;

	address_unmap(&plain);
	bool has_ip = address_ip_bytes(&plain, ip);
	if (has_ip && plain.sa.sa_family == AF_INET6)
		memset(ip + 8, 0, 8); /* who has one of these has all of them */
	return hash_bytes(ip, sizeof ip) % LOGQUOTA_SLOTS;
}

bool logquota_take(struct logquota *q, const struct address *who, uint64_t now_ms)
{
	uint64_t second = now_ms / 1000;
	unsigned slot = slot_of(who);

	if (second != q->second) {
		memset(q->of, 0, sizeof q->of);
		q->all = 0;
		q->second = second;
	}
	if (q->of[slot] >= LOGQUOTA_ADDRESS || q->all >= LOGQUOTA_ALL) {
		q->left_out++;
		return false;
	}
	q->of[slot]++;
	q->all++;
	return true;
}

uint64_t logquota_left_out(struct logquota *q)
{
	uint64_t n = q->left_out;

	q->left_out = 0;
	return n;
}
