/* Whatever a multiplexer behind us says, and whatever our server says and does meanwhile: what is known
 * of its users stays consistent, and nothing is read past its end. The links are not up, so that what
 * is sent goes nowhere. Each step of the input is a byte that says what happens, and for messages an
 * id, a count, a length of two bytes and the arguments. */
#include "common/log.h"
#include "multiplexer/chainlink.h"
#include "tests/fuzz/fuzz.h"

static struct loop loop;
static struct mux mux;
static struct serverlink_peer server;
static struct chainpeer peer;
static struct chainlink it;
static struct listener_config listener = {.name = (char[]){"chain"}, .number = 7};

static void no_task(struct loop_task *task UNUSED)
{
}

static void begin(void)
{
	static bool opened;

	if (!opened) {
		must(loop_open(&loop) == 0);
		log_open("fuzz", LOG_ERROR);
	}
	opened = true;
	mux = (struct mux){.loop = &loop};
	list_init(&mux.users);
	list_init(&mux.waiting);
	list_init(&mux.chain.links);
	loop_task_init(&mux.pump, no_task);
	mux.chain.mux = mux.server.mux = &mux;
	memset(&server, 0, sizeof server);
	memset(&peer, 0, sizeof peer);
	mux.server.peer = &server;
	mux.server.state = LINK_OPEN;
	mux.server.features = peer.features = ~0u;
	it = (struct chainlink){.chain = &mux.chain,
		.mux = &mux,
		.listener = &listener,
		.peer = &peer,
		.state = CHAIN_LISTING};
	peer.c = &it;
	list_init(&peer.node);
	list_init(&it.candidates);
	list_add_last(&mux.chain.links, &it.node);
}

static void check(void)
{
	struct chainuser *u, *next;
	unsigned count = 0, untold = 0;

	HASH_ITER(by_key, it.users, u, next)
	{
		struct clientkey key = chainuser_key(u);

		count++;
		untold += !u->told;
		must(key.depth >= 3 && key.depth <= CLIENTKEY_DEPTH_MAX);
		must(key.number[key.depth - 1] == listener.number);
		must(u->gone || (chain_find(&mux.chain, &key) == u) == u->told);
		must(!u->gone || list_is_empty(&u->lists));
	}
	must(count == it.user_count && untold == it.untold);
	must(count == mux.metrics.chain_users_now);
}

static void end(void)
{
	struct chainuser *u, *next;

	HASH_ITER(by_key, it.users, u, next)
	chainuser_free(u);
	must(mux.lists.members == 0);
	lists_clear(&mux.lists);
	buf_free(&it.held);
	buf_free(&it.down);
	doubt_free(&it.places);
	loop_task_cancel(&mux.pump);
}

/* What the server does; states are moved as serverlink.c moves them. */
static void server_does(unsigned what)
{
	switch (what) {
	case 0:
		mux.server.state = LINK_OPEN;
		chain_server_ready(&mux.chain);
		break;
	case 1:
		mux.server.state = LINK_HELD;
		chain_server_not_ready(&mux.chain);
		break;
	case 2:
		mux.server.state = LINK_HELD;
		chain_server_pauses(&mux.chain);
		break;
	case 3:
		it.was_open = false; /* or its link would be closed, and there is none */
		mux.server.state = LINK_DOWN;
		chain_server_down(&mux.chain, true);
		mux.server.state = LINK_HELD;
		break;
	case 4:
		chain_list(&mux.chain);
		break;
	case 5:
		chain_server_handled(&mux.chain, 1000);
		break;
	case 6:
		lists_make(&mux.lists, 1);
		for (struct chainuser *u = it.users; u != NULL; u = u->by_key.next)
			if (!u->gone)
				lists_add_chained(&mux.lists, 1, u);
		break;
	default:
		chain_server_asks_alive(&mux.chain);
	}
}

static struct slice take(struct slice *in, size_t len)
{
	struct slice taken = slice_of(in->at, size_min(len, in->len));

	*in = slice_from(*in, taken.len);
	return taken;
}

static bool is_valid_down(const struct frame *f)
{
	struct refusal why;

	switch (f->id) {
#define DOWN(num, NAME, name, fields, meaning)                         \
	case MSG_##NAME: {                                             \
		struct msg_##name m;                                   \
		return msg_##name##_read(f->args, f->count, &m, &why); \
	}
#include "proto/messages.def"
	default:
		return false;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);

	begin();
	while (in.len > 0) {
		unsigned what = *take(&in, 1).at;
		struct refusal why;

		if (what < 16) {
			server_does(what & 7);
			check();
			continue;
		}
		struct slice head = take(&in, 4);
		if (head.len < 4)
			break;
		struct frame f = {.id = head.at[0],
			.count = head.at[1],
			.args = take(&in,
				size_min(head.at[2] + 256u * head.at[3], MSG_MAX - MSG_HEADER))};
		it.at++;
		if (what < 128) {
			if ((msg_directions(f.id) & MSG_UP) != 0)
				chain_handle(&it, &f, &why);
		} else if (is_valid_down(&f)) {
			chain_down(&mux.chain, &f);
		}
		check();
	}
	end();
	return 0;
}
