#include "server/list/metrics.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/metric.h"

static const struct metric table[] = {
#define METRIC(KIND, name, help) {#name, METRIC_##KIND, offsetof(struct list_metrics, name), help},
#include "server/list/metrics.def"
};

static const char *const whys[] = {
#define SUB_CODE(NAME, number, status, text) [REFUSED_##NAME] = #NAME,
#include "server/list/sub_codes.def"
	[REFUSED_METHOD] = "METHOD",
};

void list_metrics_refused(struct list_metrics *m, enum sub_code code)
{
	switch (code) {
	case SUB_NONE:
		break;
#define SUB_CODE(NAME, number, status, text)                           \
	case SUB_##NAME:                                               \
		m->refused[REFUSED_##NAME] += number != SUB_CALL_BACK; \
		break;
#include "server/list/sub_codes.def"
	}
}

bool list_metrics_text(struct buf *out, const struct list_metrics *m)
{
	bool ok = metrics_text(out, "holdfast_list", table, ARRAY_LEN(table), m) &&
		  buf_addf(out, "# HELP holdfast_list_refused_total requests that were refused\n"
				"# TYPE holdfast_list_refused_total counter\n");

	for (size_t i = 0; ok && i < REFUSED_WHYS; i++) {
		char why[32];
		size_t len = 0;

		if (i == REFUSED_CALL_BACK)
			continue;
		while (len < sizeof why - 1 && whys[i][len] != '\0') {
			why[len] = (char)tolower((unsigned char)whys[i][len]);
			len++;
		}
		ok = buf_addf(out, "holdfast_list_refused_total{reason=\"%.*s\"} %" PRIu64 "\n",
			(int)len, why, m->refused[i]);
	}
	return ok;
}
