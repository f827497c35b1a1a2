/* GMCP (option 201): "Package.Name json" both ways. What a client says of itself (Core.Hello,
 * Core.Supports) is kept for the caps, pings are answered; all else goes to the game as it is. */
#include "multiplexer/gmcp.h"
#include "multiplexer/telnet.h"

_Static_assert((int)GMCP_VALUE_MAX == (int)TELNET_VALUE_MAX, "names are kept in the same places");

void telnet_gmcp_us(struct telnet *t, bool on UNUSED)
{
	buf_free(&t->client->modules);
	telnet_learnt(t);
}

bool telnet_gmcp_tell(struct telnet *t, struct tell *tell)
{
	if (!telnet_we_do(t->client, TELNET_GMCP))
		return false;
	if (tell->wire == NULL)
		tell->wire = telnet_sub_made(TELNET_GMCP, tell->data);
	if (tell->wire != NULL)
		layers_down_from(t->ls, t->position, tell->wire);
	return true;
}

void telnet_gmcp_body(struct telnet *t, struct slice body)
{
	const struct gmcp_about about = {.client = t->client->name,
		.version = t->client->version,
		.modules = &t->client->modules};

	switch (gmcp_take(&about, body)) {
	case GMCP_FOR_GAME:
		layers_tell_game(t->ls, slice_text("gmcp"), 0, body);
		break;
	case GMCP_LEARNT:
		telnet_learnt(t);
		break;
	case GMCP_PING:
		if (telnet_may_reply(t))
			telnet_sub_say(t, TELNET_GMCP, slice_text("Core.Ping"));
		break;
	case GMCP_DROPPED:
		break;
	}
}

void telnet_gmcp_caps(const struct telnet_client *c, json_t *caps)
{
	if (telnet_we_do(c, TELNET_GMCP))
		json_object_set_new(caps, "gmcp", gmcp_modules_caps(&c->modules));
}
