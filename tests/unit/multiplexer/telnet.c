/* The telnet options, one by one, as a client would see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "multiplexer/mssp.h"
#include "proto/features.h"
#include "tests/unit/multiplexer/support_layers.h"

#define IAC  "\xff"
#define DONT "\xff\xfe"
#define DO   "\xff\xfd"
#define WONT "\xff\xfc"
#define WILL "\xff\xfb"
#define SB   "\xff\xfa"
#define SE   "\xff\xf0"
#define GA   "\xff\xf9"
#define EOR  "\xff\xef"

#define FIRST_QUESTION DO "\x18" WILL "\x46"
#define GREETING       DO "\x1f" DO "\x27" WILL "\x2a" WILL "\xc9" WILL "\x19" WILL "\x45"
#define GREETING_CHAR  WILL "\x01" WILL "\x03" GREETING

/* A client that has shown telnet, behind the greeting. */
static void meet(struct rig *r, const char *kind)
{
	rig_open_telnet(r, kind, NEGOTIATE_ON_TELNET);
	assert_down(r, BYTES(""));
	rig_type(r, BYTES(IAC "\xf1"));
	if (strcmp(kind, "telnet-line") == 0)
		assert_down(r, BYTES(FIRST_QUESTION GREETING));
	else
		assert_down(r, BYTES(FIRST_QUESTION GREETING_CHAR));
}

static void one_question_is_asked_at_once_and_all_others_when_telnet_was_shown(void **state)
{
	struct rig r;

	(void)state;
	rig_open_telnet(&r, "telnet-line", NEGOTIATE_ALWAYS);
	assert_down(&r, BYTES(FIRST_QUESTION));
	rig_type(&r, BYTES("plain\r\n"));
	rig_tell(&r, "prompt", 0, "> ");
	rig_tell(&r, "echo", 0, "off");
	rig_tell(&r, "gmcp", 0, "Room.Info {}");
	rig_tell(&r, "mxp", 0, "on");
	rig_tell(&r, "echo", 0, "on");
	assert_down(&r, BYTES(""));
	rig_type(&r, BYTES(WONT "\x18"));
	assert_down(&r, BYTES(GREETING WILL "\x56"));
	rig_type(&r, BYTES(DONT "\x46" WONT "\x18"));
	assert_down(&r, BYTES(""));
	rig_close(&r);
}

static void nothing_is_offered_before_telnet_was_shown(void **state)
{
	struct rig r;

	(void)state;
	rig_open_telnet(&r, "telnet-line", NEGOTIATE_ON_TELNET);
	rig_type(&r, BYTES("plain\r\n\xfe\xf0"));
	assert_false(rig_tell(&r, "echo", 0, "off"));
	assert_down(&r, BYTES(""));
	assert_caps(&r, "{}");
	/* What the game had hidden before is hidden as soon as it can be. */
	rig_type(&r, BYTES(WILL "\x18"));
	assert_down(&r, BYTES(FIRST_QUESTION GREETING WILL "\x01" SB "\x18\x01" SE));
	rig_close(&r);
}

static void what_was_offered_and_refused_is_not_offered_again(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(WONT "\x18" DONT "\x46" WONT "\x1f" WONT "\x27" DONT "\x2a" DONT
				"\xc9" DONT "\x19" DONT "\x45"));
	assert_down(&r, BYTES(WILL "\x56"));
	rig_type(&r, BYTES(DONT "\x56" WONT "\x18" DONT "\x45" IAC "\xf1"));
	assert_down(&r, BYTES(""));
	assert_caps(&r, "{\"telnet\":true}");
	rig_close(&r);
}

static void all_options_but_ours_are_refused_and_some_of_ours_unless_we_ask(void **state)
{
	struct rig r;

	(void)state;
	for (unsigned code = 0; code < 256; code++) {
		uint8_t in[] = {0xff, 0xfb, (uint8_t)code, 0xff, 0xfd, (uint8_t)code};
		uint8_t out[] = {0xff, 0xfe, (uint8_t)code, 0xff, 0xfc, (uint8_t)code};
		static const uint8_t ours[] = {6, 24, 3, 31, 39, 42, 201, 70, 25, 69, 86};

		if (memchr(ours, (int)code, sizeof ours) != NULL)
			continue;
		meet(&r, "telnet-line");
		rig_type(&r, slice_of(in, sizeof in));
		assert_down(&r, slice_of(out, sizeof out));
		rig_close(&r);
	}
}

static void answers_are_limited_and_what_was_not_answered_did_not_happen(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	r.layers.now_ms = 5000;
	for (int i = 0; i < 64; i++)
		rig_type(&r, BYTES(DO "\x63"));
	assert_int_equal(r.down.len, 64 * 3);
	buf_eat(&r.down, r.down.len);
	rig_type(&r, BYTES(WILL "\x03" DO "\x63"));
	assert_down(&r, BYTES(""));
	assert_int_equal(r.layers.dropped_replies, 2);
	r.layers.now_ms = 6000;
	rig_type(&r, BYTES(WILL "\x03"));
	assert_down(&r, BYTES(DO "\x03"));
	rig_close(&r);
}

static void a_loop_of_wills_and_wonts_gets_one_answer_a_change(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(WILL "\x03" WILL "\x03" WILL "\x03" WONT "\x03" WONT "\x03"));
	assert_down(&r, BYTES(DO "\x03" DONT "\x03"));
	rig_close(&r);
}

/* ---- TTYPE ---- */

static void terminal_types_are_asked_for_until_mtts_has_come(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(WILL "\x18"));
	assert_down(&r, BYTES(SB "\x18\x01" SE));
	rig_type(&r, BYTES(SB "\x18\0TINTIN++" SE));
	assert_down(&r, BYTES(SB "\x18\x01" SE WILL "\x56"));
	rig_type(&r, BYTES(SB "\x18\0xterm-256color" SE));
	assert_down(&r, BYTES(SB "\x18\x01" SE));
	rig_type(&r, BYTES(SB "\x18\0MTTS 333" SE));
	assert_down(&r, BYTES(""));
	assert_caps(&r, "{\"telnet\":true,\"client\":\"TINTIN++\",\"terminal\":\"xterm-256color\","
			"\"mtts\":333,\"utf8\":true,\"colors\":16777216,\"reader\":true}");
	rig_type(&r, BYTES(SB "\x18\0MTTS 1" SE)); /* nobody asked */
	assert_down(&r, BYTES(""));
	rig_close(&r);
}

static void a_type_that_comes_again_is_the_last_one(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(WILL "\x18" SB "\x18\0XTERM" SE));
	assert_down(&r, BYTES(SB "\x18\x01" SE SB "\x18\x01" SE WILL "\x56"));
	rig_type(&r, BYTES(SB "\x18\0XTERM" SE));
	assert_down(&r, BYTES(""));
	assert_caps(&r, "{\"telnet\":true,\"terminal\":\"XTERM\",\"colors\":16}");
	rig_close(&r);
}

static void one_who_cycles_through_many_types_is_asked_four_times(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(WILL "\x18" SB "\x18\0TINYFUGUE" SE SB "\x18\0"
				"ANSI-ATTR" SE SB "\x18\0"
				"ANSI" SE SB "\x18\0UNKNOWN" SE SB "\x18\0MORE" SE));
	assert_down(&r, BYTES(SB "\x18\x01" SE SB "\x18\x01" SE WILL "\x56" SB "\x18\x01" SE SB
				 "\x18\x01" SE));
	assert_caps(&r, "{\"telnet\":true,\"client\":\"TINYFUGUE\",\"terminal\":\"ANSI-ATTR\","
			"\"colors\":16}");
	rig_close(&r);
}

static void names_are_cut_and_cleaned(void **state)
{
	struct rig r;
	char name[200] = SB "\x18";

	(void)state;
	meet(&r, "telnet-line");
	memset(name + 3, 0, 1);
	memset(name + 4, 'N', 100);
	memcpy(name + 10, "\x1b\x07\xc3\"", 4);
	memcpy(name + 104, SE, 2);
	rig_type(&r, BYTES(WILL "\x18"));
	rig_type(&r, slice_of(name, 106));
	assert_caps(&r,
		"{\"telnet\":true,\"client\":\"NNNNNN\\\"NNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNNN"
		"NNNNNNNNNNNNNNNNNNNNN\"}");
	rig_close(&r);
}

/* ---- NAWS ---- */

static void the_window_is_clamped_and_told(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(SB "\x1f\0\x50\0\x18" SE)); /* not agreed on yet */
	assert_told(&r, "");
	rig_type(&r, BYTES(WILL "\x1f" SB "\x1f\0\x50\0\x18" SE));
	assert_told(&r, "naws 2 {\"w\":80,\"h\":24}\n");
	rig_type(&r, BYTES(SB "\x1f\0\xff\xff\0\x18" SE));
	assert_told(&r, "naws 2 {\"w\":255,\"h\":24}\n");
	rig_type(&r, BYTES(SB "\x1f\xff\xff\xff\xff\xff\xff\xff\xff" SE));
	assert_told(&r, "naws 2 {\"w\":1000,\"h\":1000}\n");
	rig_type(&r, BYTES(SB "\x1f\0\x01\0\x01" SE));
	assert_told(&r, "naws 2 {\"w\":20,\"h\":5}\n");
	assert_caps(&r, "{\"telnet\":true,\"w\":20,\"h\":5}");
	rig_type(&r, BYTES(SB "\x1f\0\0\0\0" SE SB "\x1f\0\x50\0" SE SB "\x1f" SE SB
			      "\x1f\0\x50\0\x18\0" SE));
	assert_told(&r, "");
	assert_down(&r, BYTES(""));
	rig_close(&r);
}

/* ---- NEW-ENVIRON ---- */

static void the_environment_is_asked_for_by_name_and_only_those_names_count(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(WILL "\x27"));
	assert_down(&r, BYTES(SB "\x27\x01\0CLIENT_NAME\0CLIENT_VERSION\0TERMINAL_TYPE\0MTTS\0"
				 "CHARSET" SE));
	rig_type(&r, BYTES(SB "\x27\0\0CLIENT_NAME\1Mudlet\3USER\1root\0MTTS\0CHARSET\1UTF-8\3"
			      "CLIENT_VERSION\1"
			      "4.\2\1"
			      "19" SE));
	assert_told(&r, "env 2 {\"CLIENT_NAME\":\"Mudlet\",\"CHARSET\":\"UTF-8\","
			"\"CLIENT_VERSION\":\"4.19\"}\n");
	assert_caps(
		&r, "{\"telnet\":true,\"client\":\"Mudlet\",\"version\":\"4.19\",\"utf8\":true}");
	rig_type(&r, BYTES(SB "\x27\2\0MTTS\1"
			      "8" SE));
	assert_told(&r, "env 2 {\"MTTS\":\"8\"}\n");
	rig_type(
		&r, BYTES(SB "\x27\1\0USER" SE SB "\x27" SE SB "\x27\0" SE SB "\x27\0\1\1\1\2" SE));
	assert_told(&r, "");
	assert_down(&r, BYTES(""));
	rig_close(&r);
}

/* ---- CHARSET ---- */

static void utf8_is_asked_for(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(DO "\x2a"));
	assert_down(&r, BYTES(SB "\x2a\x01;UTF-8" SE));
	rig_type(&r, BYTES(SB "\x2a\x02utf-8" SE));
	assert_caps(&r, "{\"telnet\":true,\"utf8\":true}");
	rig_type(&r, BYTES(SB "\x2a\x03" SE));
	assert_caps(&r, "{\"telnet\":true,\"utf8\":false}");
	assert_down(&r, BYTES(""));
	rig_close(&r);
}

static void one_who_asks_himself_gets_utf8_or_nothing(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(WILL "\x2a" SB "\x2a\x01 ISO-8859-1 UTF-8" SE));
	assert_down(&r, BYTES(DO "\x2a" SB "\x2a\x02UTF-8" SE));
	rig_type(&r, BYTES(SB "\x2a\x01;KOI8-R" SE SB "\x2a\x01" SE SB "\x2a\x01;" SE));
	assert_down(&r, BYTES(SB "\x2a\x03" SE SB "\x2a\x03" SE SB "\x2a\x03" SE));
	rig_type(&r, BYTES(SB "\x2a\x04\x01;UTF-8" SE SB "\x2a" SE));
	assert_down(&r, BYTES(""));
	rig_close(&r);
}

/* ---- ECHO ---- */

static void hidden_input_is_asked_for_with_echo_and_taken_back(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(DO "\x01")); /* plink asks for it by itself */
	assert_down(&r, BYTES(WONT "\x01"));
	assert_true(rig_tell(&r, "echo", 0, "off"));
	assert_down(&r, BYTES(WILL "\x01"));
	rig_type(&r, BYTES(DO "\x01secret\r\n"));
	assert_up(&r, BYTES("secret\n"));
	assert_down(&r, BYTES("\r\n")); /* the Enter that his client did not show, and no more */
	rig_tell(&r, "echo", 0, "off");
	assert_down(&r, BYTES(""));
	rig_tell(&r, "echo", 0, "on");
	assert_down(&r, BYTES(WONT "\x01"));
	rig_type(&r, BYTES(DONT "\x01shown\r\n"));
	assert_up(&r, BYTES("shown\n"));
	assert_down(&r, BYTES(""));
	rig_close(&r);
}

static void echo_turned_twice_before_the_answer_ends_as_wished_last(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_tell(&r, "echo", 0, "off");
	rig_tell(&r, "echo", 0, "on");
	assert_down(&r, BYTES(WILL "\x01"));
	rig_type(&r, BYTES(DO "\x01"));
	assert_down(&r, BYTES(WONT "\x01"));
	rig_type(&r, BYTES(DONT "\x01"));
	assert_false(r.layers.echoing);
	rig_close(&r);
}

static void one_who_says_nothing_to_its_end_is_asked_again_all_the_same(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	for (int i = 0; i < 4; i++) {
		rig_tell(&r, "echo", 0, "off");
		assert_down(&r, BYTES(WILL "\x01"));
		rig_type(&r, BYTES(DO "\x01secret\r\n"));
		assert_up(&r, BYTES("secret\n"));
		assert_down(&r, BYTES("\r\n"));
		rig_tell(&r, "echo", 0, "on");
		assert_down(&r, BYTES(WONT "\x01")); /* TinTin++ does not answer this */
	}
	rig_close(&r);
}

static void an_answer_that_was_overtaken_is_left_out_and_a_refusal_is_not(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_tell(&r, "echo", 0, "off");
	rig_type(&r, BYTES(DO "\x01"));
	rig_tell(&r, "echo", 0, "on");
	rig_tell(&r, "echo", 0, "off");
	assert_down(&r, BYTES(WILL "\x01" WONT "\x01" WILL "\x01"));
	rig_type(&r, BYTES(DONT "\x01" DO "\x01secret\r\n"));
	assert_up(&r, BYTES("secret\n"));
	assert_down(&r, BYTES("\r\n"));

	rig_tell(&r, "echo", 0, "on");
	rig_tell(&r, "echo", 0, "off");
	assert_down(&r, BYTES(WONT "\x01" WILL "\x01"));
	rig_type(&r, BYTES(DONT "\x01" DONT "\x01shown\r\n"));
	assert_up(&r, BYTES("shown\n"));
	assert_down(&r, BYTES(""));
	rig_close(&r);
}

/* ---- prompts ---- */

static void a_prompt_ends_with_eor_where_it_was_agreed_on_else_with_go_ahead(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	assert_true(rig_tell(&r, "prompt", 0, "> "));
	assert_down(&r, BYTES(GA));
	rig_type(&r, BYTES(DO "\x19"));
	rig_tell(&r, "prompt", 0, "> ");
	assert_down(&r, BYTES(EOR));
	rig_close(&r);
	meet(&r, "telnet-char");
	rig_type(&r, BYTES(DO "\x03"));
	rig_tell(&r, "prompt", 0, "> ");
	assert_down(&r, BYTES(""));
	rig_close(&r);
}

/* ---- GMCP ---- */

static void gmcp_goes_both_ways(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	assert_false(rig_tell(&r, "gmcp", 0, "Room.Info {}"));
	rig_type(&r, BYTES(SB "\xc9"
			      "Too.Early" SE DO "\xc9"));
	assert_told(&r, "");
	assert_true(rig_tell(&r, "gmcp", 0, "Room.Info {\"name\":\"a \xff b\"}"));
	assert_down(&r, BYTES(SB "\xc9Room.Info {\"name\":\"a \xff\xff b\"}" SE));
	rig_type(&r, BYTES(SB "\xc9"
			      "Char.Skills.Get {\"group\":\"all\"}" SE "look\r\n"));
	assert_told(&r, "gmcp 0 Char.Skills.Get {\"group\":\"all\"}\n");
	assert_up(&r, BYTES("look\n"));
	rig_type(&r, BYTES(SB "\xc9" SE SB "\xc9 {}" SE));
	assert_told(&r, "");
	rig_close(&r);
}

static void what_gmcp_tells_of_the_client_is_kept_and_pings_are_answered(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(DO "\xc9" SB "\xc9"
			      "core.hello {\"client\":\"Mudlet\",\"version\":\"4.19\"}" SE));
	rig_type(&r, BYTES(SB "\xc9"
			      "Core.Supports.Set [\"Char 1\",\"Room 2\",\"x\\u0001y 1\",7]" SE));
	assert_caps(&r, "{\"telnet\":true,\"client\":\"Mudlet\",\"version\":\"4.19\","
			"\"gmcp\":{\"Char\":1,\"Room\":2}}");
	rig_type(&r, BYTES(SB "\xc9"
			      "Core.Supports.Add [\"Char.Skills 1\",\"char 3\"]" SE SB "\xc9"
			      "Core.Supports.Remove [\"Room\"]" SE));
	assert_caps(&r, "{\"telnet\":true,\"client\":\"Mudlet\",\"version\":\"4.19\","
			"\"gmcp\":{\"Char.Skills\":1,\"char\":3}}");
	rig_type(&r, BYTES(SB "\xc9"
			      "Core.Ping 120" SE SB "\xc9"
			      "Core.KeepAlive" SE));
	assert_down(&r, BYTES(SB "\xc9"
				 "Core.Ping" SE));
	assert_told(&r, "");
	rig_type(&r, BYTES(DONT "\xc9"));
	assert_down(&r, BYTES(WONT "\xc9"));
	assert_caps(&r, "{\"telnet\":true,\"client\":\"Mudlet\",\"version\":\"4.19\"}");
	rig_close(&r);
}

static void modules_without_end_are_kept_within_a_limit(void **state)
{
	struct rig r;
	struct buf message = {0};

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(DO "\xc9"));
	for (int round = 0; round < 20; round++) {
		buf_addf(&message, SB "\xc9"
				      "Core.Supports.Add [\"A\"");
		for (int i = 0; i < 90; i++)
			buf_addf(&message, ",\"Module%d.Of.A.Long.Name.%d 1\"", round, i);
		buf_addf(&message, "]" SE);
		rig_type(&r, buf_bytes(&message));
		buf_eat(&message, message.len);
	}
	json_t *caps = layers_caps(&r.layers);
	char *text = json_dumps(caps, JSON_COMPACT);
	assert_true(strlen(text) > 200 && strlen(text) < 3000);
	free(text);
	json_decref(caps);
	buf_free(&message);
	rig_close(&r);
}

static void a_message_of_4000_bytes_passes_and_a_longer_one_is_dropped_whole(void **state)
{
	struct rig r;
	static char body[5000];

	(void)state;
	memset(body, 'x', sizeof body);
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(DO "\xc9" SB "\xc9"));
	rig_type(&r, slice_of(body, 4000));
	rig_type(&r, BYTES(SE));
	assert_int_equal(r.told.len, 4000 + strlen("gmcp 0 \n"));
	buf_eat(&r.told, r.told.len);
	rig_type(&r, BYTES(SB "\xc9"));
	rig_type(&r, slice_of(body, 4001));
	rig_type(&r, BYTES(SE "look\r\n"));
	assert_told(&r, "");
	assert_up(&r, BYTES("look\n"));
	assert_int_equal(r.house.bodies_dropped, 1);
	rig_close(&r);
}

/* ---- MSDP ---- */

static void msdp_is_json_for_the_game(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(DO "\x45" SB "\x45\1LIST\2"
			      "COMMANDS" SE));
	assert_told(&r, "msdp 2 {\"LIST\":\"COMMANDS\"}\n");
	rig_type(&r, BYTES(SB "\x45\1"
			      "A\2\5\2x\2y\6\1"
			      "B\2\3\1"
			      "C\2"
			      "1\4\1REPORT\2H\2M" SE));
	assert_told(
		&r, "msdp 2 {\"A\":[\"x\",\"y\"],\"B\":{\"C\":\"1\"},\"REPORT\":[\"H\",\"M\"]}\n");
	rig_type(&r, BYTES(SB "\x45" SE SB "\x45garbage\2\3\4\5\6" SE));
	assert_told(&r, "");
	rig_type(&r, BYTES(SB "\x45\1X\2\xc3(" SE));
	assert_told(&r, "msdp 2 {\"X\":\"?(\"}\n");
	assert_caps(&r, "{\"telnet\":true,\"msdp\":true}");
	rig_close(&r);
}

static void json_of_the_game_is_msdp_for_the_client(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	assert_false(rig_tell(&r, "msdp", EVENT_IS_JSON, "{\"HEALTH\":5}"));
	rig_type(&r, BYTES(DO "\x45"));
	rig_tell(&r, "msdp", EVENT_IS_JSON,
		"{\"HEALTH\":5,\"ROOM\":{\"NAME\":\"Hall\\u0002\",\"EXITS\":[\"n\",\"e\"]},\"PVP\":true}");
	assert_down(&r, BYTES(SB "\x45\1HEALTH\2"
				 "5\1ROOM\2\3\1NAME\2Hall\1"
				 "EXITS\2\5\2n\2e\6\4\1PVP\2"
				 "1" SE));
	rig_tell(&r, "msdp", EVENT_IS_JSON, "[1]");
	rig_tell(&r, "msdp", EVENT_IS_JSON, "no json");
	assert_down(&r, BYTES(""));
	rig_tell(&r, "msdp", 0,
		"\1A\2"
		"1");
	assert_down(&r, BYTES(SB "\x45\1"
				 "A\2"
				 "1" SE));
	rig_close(&r);
}

static void msdp_nested_a_thousand_deep_does_no_harm(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(DO "\x45" SB "\x45\1"
			      "A\2"));
	for (int i = 0; i < 1900; i++)
		rig_type(&r, BYTES("\5\2"));
	rig_type(&r, BYTES(SE "look\r\n"));
	assert_up(&r, BYTES("look\n"));
	rig_close(&r);
}

/* ---- MXP, MSSP ---- */

static void mxp_is_offered_when_the_game_wants_it(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-line");
	rig_type(&r, BYTES(DO "\x5b"));
	assert_down(&r, BYTES(WONT "\x5b"));
	rig_tell(&r, "mxp", 0, "on");
	assert_down(&r, BYTES(WILL "\x5b"));
	rig_type(&r, BYTES(DO "\x5b"));
	assert_down(&r, BYTES(SB "\x5b" SE));
	assert_caps(&r, "{\"telnet\":true,\"mxp\":true}");
	rig_tell(&r, "mxp", 0, "off");
	assert_down(&r, BYTES(WONT "\x5b"));
	assert_caps(&r, "{\"telnet\":true}");
	rig_close(&r);
}

static void a_crawler_is_told_once_a_second_by_option_and_by_request(void **state)
{
	struct rig r;
	struct mssp mssp = {.facts = {3, 1700000000, "4000 23", "9", NULL}};
	const char *why;

	(void)state;
	assert_true(mssp_set(&mssp, slice_text("{\"NAME\":\"The Hall\",\"UTF-8\":true}"), &why));
	rig_open_telnet(&r, "telnet-line", NEGOTIATE_ALWAYS);
	r.house.mssp = &mssp;
	assert_down(&r, BYTES(FIRST_QUESTION));
	r.layers.now_ms = 1000;
	rig_type(&r, BYTES(DO "\x46"));
	assert_down(&r, BYTES(GREETING SB "\x46\1NAME\2The Hall\1UTF-8\2"
					  "1\1PLAYERS\2"
					  "3\1UPTIME\2"
					  "1700000000\1PORT\2"
					  "4000\2"
					  "23\1"
					  "CODEBASE\2Holdfast 9\1"
					  "CHARSET\2UTF-8\1"
					  "ANSI\2"
					  "1\1GMCP\2"
					  "1\1MSDP\2"
					  "1\1MCCP\2"
					  "1" SE));
	rig_type(&r, BYTES(DONT "\x46" DO "\x46"));
	assert_down(&r, BYTES(WONT "\x46" WILL "\x46"));
	rig_type(&r, BYTES("MSSP-Request\r\n"));
	assert_up(&r, BYTES(""));
	assert_down(&r, BYTES("\r\nMSSP-REPLY-START\r\nNAME\tThe Hall\r\nUTF-8\t1\r\nPLAYERS\t3\r\n"
			      "UPTIME\t1700000000\r\nPORT\t4000\t23\r\nCODEBASE\tHoldfast 9\r\n"
			      "CHARSET\tUTF-8\r\nANSI\t1\r\nGMCP\t1\r\nMSDP\t1\r\nMCCP\t1\r\n"
			      "MSSP-REPLY-END\r\n"));
	rig_type(&r, BYTES("mssp-request\r\n")); /* only the first line of all is for us */
	assert_up(&r, BYTES("mssp-request\n"));
	rig_close(&r);
	mssp_free(&mssp);
}

/* ---- character mode ---- */

static void keys_are_echoed_once_the_client_leaves_it_to_us(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-char");
	rig_type(&r, BYTES("h"));
	assert_down(&r, BYTES(""));
	rig_type(&r, BYTES(DO "\x01" DO "\x03"));
	rig_type(&r, BYTES("el"));
	assert_down(&r, BYTES("el"));
	rig_type(&r, BYTES("\x7f"));
	assert_down(&r, BYTES("\b \b"));
	rig_type(&r, BYTES("\r\0"));
	assert_down(&r, BYTES("\r\n"));
	rig_type(&r, BYTES("\x7f\x15")); /* nothing there to erase */
	assert_down(&r, BYTES(""));
	rig_type(&r, BYTES("say \xe4\xb8\xad"
			   "e\xcc\x81\x7f\x7f\x17"));
	assert_down(&r, BYTES("say \xe4\xb8\xad"
			      "e\xcc\x81\b \b\b \b\b \b\b \b\b \b\b \b\b \b"));
	rig_type(&r, BYTES("\x1b[A\x1b[D\x1bOPx\ty\x15"));
	assert_down(&r, BYTES("x y\b \b\b \b\b \b"));
	buf_eat(&r.up, r.up.len);
	rig_type(&r, BYTES("ab" IAC "\xf7"
			   "c" IAC "\xf8"
			   "d\r\n"));
	assert_down(&r, BYTES("ab\b \bc\b \b\b \bd\r\n"));
	assert_up(&r, BYTES("ab\x7f"
			    "c\x15"
			    "d\r\n"));
	rig_close(&r);
}

static void hidden_keys_are_not_echoed(void **state)
{
	struct rig r;

	(void)state;
	meet(&r, "telnet-char");
	rig_type(&r, BYTES(DO "\x01" DO "\x03"));
	assert_true(rig_tell(&r, "echo", 0, "off"));
	rig_type(&r, BYTES("secreq\x7ft\r\0"));
	assert_up(&r, BYTES("secreq\x7ft\r\0"));
	assert_down(&r, BYTES("\r\n"));
	assert_true(rig_tell(&r, "echo", 0, "on"));
	rig_type(&r, BYTES("x"));
	assert_down(&r, BYTES("x"));
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			one_question_is_asked_at_once_and_all_others_when_telnet_was_shown),
		cmocka_unit_test(nothing_is_offered_before_telnet_was_shown),
		cmocka_unit_test(what_was_offered_and_refused_is_not_offered_again),
		cmocka_unit_test(all_options_but_ours_are_refused_and_some_of_ours_unless_we_ask),
		cmocka_unit_test(answers_are_limited_and_what_was_not_answered_did_not_happen),
		cmocka_unit_test(a_loop_of_wills_and_wonts_gets_one_answer_a_change),
		cmocka_unit_test(terminal_types_are_asked_for_until_mtts_has_come),
		cmocka_unit_test(a_type_that_comes_again_is_the_last_one),
		cmocka_unit_test(one_who_cycles_through_many_types_is_asked_four_times),
		cmocka_unit_test(names_are_cut_and_cleaned),
		cmocka_unit_test(the_window_is_clamped_and_told),
		cmocka_unit_test(the_environment_is_asked_for_by_name_and_only_those_names_count),
		cmocka_unit_test(utf8_is_asked_for),
		cmocka_unit_test(one_who_asks_himself_gets_utf8_or_nothing),
		cmocka_unit_test(hidden_input_is_asked_for_with_echo_and_taken_back),
		cmocka_unit_test(echo_turned_twice_before_the_answer_ends_as_wished_last),
		cmocka_unit_test(one_who_says_nothing_to_its_end_is_asked_again_all_the_same),
		cmocka_unit_test(an_answer_that_was_overtaken_is_left_out_and_a_refusal_is_not),
		cmocka_unit_test(a_prompt_ends_with_eor_where_it_was_agreed_on_else_with_go_ahead),
		cmocka_unit_test(gmcp_goes_both_ways),
		cmocka_unit_test(what_gmcp_tells_of_the_client_is_kept_and_pings_are_answered),
		cmocka_unit_test(modules_without_end_are_kept_within_a_limit),
		cmocka_unit_test(a_message_of_4000_bytes_passes_and_a_longer_one_is_dropped_whole),
		cmocka_unit_test(msdp_is_json_for_the_game),
		cmocka_unit_test(json_of_the_game_is_msdp_for_the_client),
		cmocka_unit_test(msdp_nested_a_thousand_deep_does_no_harm),
		cmocka_unit_test(mxp_is_offered_when_the_game_wants_it),
		cmocka_unit_test(a_crawler_is_told_once_a_second_by_option_and_by_request),
		cmocka_unit_test(keys_are_echoed_once_the_client_leaves_it_to_us),
		cmocka_unit_test(hidden_keys_are_not_echoed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
