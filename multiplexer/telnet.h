/* Telnet options of one user (RFC 854, 855, 1143): what was agreed on, and what is known of his client. */
#ifndef MULTIPLEXER_TELNET_H
#define MULTIPLEXER_TELNET_H

#include "multiplexer/layers.h"
#include "multiplexer/telnet_q.h"

enum {
	TELNET_END_OF_RECORD = 239,
	TELNET_SE = 240,
	TELNET_BRK = 243,
	TELNET_IP = 244,
	TELNET_AO = 245,
	TELNET_AYT = 246,
	TELNET_EC = 247,
	TELNET_EL = 248,
	TELNET_GA = 249,
	TELNET_SB = 250,
	TELNET_WILL = 251,
	TELNET_WONT = 252,
	TELNET_DO = 253,
	TELNET_DONT = 254,
	TELNET_IAC = 255
};

enum telnet_option_index {
#define TELNET_OPTION(NAME, ...) TELNET_##NAME,
#include "multiplexer/telnet_options.def"
	TELNET_OPTIONS
};

enum {
	TELNET_VALUE_MAX = 64,     /* bytes of a name, with the NUL behind it */
	TELNET_SUB_MAX = 1024,     /* of a subnegotiation that nobody reads */
	TELNET_REPLIES_PER_S = 64, /* answers to options; whatever loops ends here at the latest */
	TELNET_PAUSE_MS = 1000,    /* between two answers to ARE YOU THERE, or two MSSP tables */
	TELNET_TERMINAL_TYPES = 4  /* that a client is asked for */
};

enum telnet_utf8 { UTF8_UNKNOWN, UTF8_NO, UTF8_YES };

/* What is kept of a user who has shown telnet; of the others there is nothing. */
struct telnet_client {
	uint8_t us[TELNET_OPTIONS]; /* enum telnet_q: what we do, and ... */
	uint8_t him[TELNET_OPTIONS];
	uint32_t
		overtaken; /* bit by option: his DONT to our WONT may still come, see telnet_want */
	uint8_t sub_option; /* index of the subnegotiation that runs; TELNET_OPTIONS = ignored */
	uint16_t sub_len;   /* bytes of it, stops at its limit */
	uint16_t sub_limit;
	uint16_t replies;       /* in the second that began at replies_ms */
	uint16_t width, height; /* 0 = not told */
	uint32_t mtts;          /* Mud Terminal Type Standard, bit by bit; 0 = not told */
	uint8_t types;          /* terminal types that came */
	uint8_t utf8;           /* enum telnet_utf8, by CHARSET */
	bool asked_later;       /* what is offered LATER was */
	uint64_t replies_ms;
	uint64_t ayt_ms, mssp_ms; /* when answered last; 0 = never */
	struct buf sub;           /* owned: the body so far; empty between subnegotiations */
	struct buf modules;       /* owned: "Char 1\n" each, from Core.Supports */
	char name[TELNET_VALUE_MAX], version[TELNET_VALUE_MAX]; /* of the program; "" = not told */
	char terminal[TELNET_VALUE_MAX];
	char last_type[TELNET_VALUE_MAX];
};

/* What is kept of every user of a telnet listener. */
struct telnet_state {
	struct telnet_client *client; /* owned: NULL until he has sent an IAC */
	uint8_t at;                   /* where the parser is, see layer_telnet.c */
	uint8_t verb;                 /* WILL..DONT, while an option is awaited */
	bool out_after_cr;            /* the last byte of output was CR */
	bool asked;                   /* the FIRST question is on its way */
};

/* One call's view of a user: made on the stack, kept by nobody. */
struct telnet {
	struct layers *ls;
	unsigned position;
	struct telnet_state *state;
	struct telnet_client *client; /* state->client, not NULL */
	bool char_mode;
};

/* Allocates what a telnet client needs and says what is offered. False: memory is out. */
bool telnet_meet(struct telnet *t);
void telnet_forget(struct telnet_state *state);

/* The FIRST question, to one who has not said anything yet. */
void telnet_ask_first(struct telnet *t);

/* He said WILL, WONT, DO or DONT. */
void telnet_heard(struct telnet *t, uint8_t verb, uint8_t code);

/* A subnegotiation: its option, a byte of it, its end. sub_byte returns false when it is so long that
 * its end may well have been forgotten. */
void telnet_sub_begin(struct telnet *t, uint8_t code);
bool telnet_sub_byte(struct telnet *t, uint8_t byte);
void telnet_sub_end(struct telnet *t);

/* We want an option of ours on, or off again. */
void telnet_want(struct telnet *t, enum telnet_option_index option, bool on);
bool telnet_we_do(const struct telnet_client *c, enum telnet_option_index option);
bool telnet_he_does(const struct telnet_client *c, enum telnet_option_index option);

/* Offers what waited for his terminal type; only the first call does. */
void telnet_offer_later(struct telnet *t);

/* Whether one more answer is within the limit; if not, it is counted. */
bool telnet_may_reply(struct telnet *t);

/* A subnegotiation of ours: IAC SB option body IAC SE, with the body's 255s doubled. NULL: no memory. */
struct shared *telnet_sub_made(enum telnet_option_index option, struct slice body);
void telnet_sub_say(struct telnet *t, enum telnet_option_index option, struct slice body);

/* The first bytes of text as a value: printable ASCII only, cut to fit, no blanks at its
 * end. */
void telnet_value(char out[TELNET_VALUE_MAX], struct slice text);

/* More is known of the client than before. */
void telnet_learnt(struct telnet *t);

/* The options' own files; called through telnet_options.def. */
void telnet_ttype_him(struct telnet *t, bool on);
void telnet_ttype_body(struct telnet *t, struct slice body);
void telnet_naws_body(struct telnet *t, struct slice body);
void telnet_environ_him(struct telnet *t, bool on);
void telnet_environ_body(struct telnet *t, struct slice body);
void telnet_charset_us(struct telnet *t, bool on);
void telnet_charset_body(struct telnet *t, struct slice body);
void telnet_echo_us(struct telnet *t, bool on);
void telnet_gmcp_us(struct telnet *t, bool on);
void telnet_gmcp_body(struct telnet *t, struct slice body);
void telnet_mssp_us(struct telnet *t, bool on);
void telnet_msdp_us(struct telnet *t, bool on);
void telnet_msdp_body(struct telnet *t, struct slice body);
void telnet_mxp_us(struct telnet *t, bool on);
void telnet_mccp2_us(struct telnet *t, bool on);

/* A value that the client gave for one of the MNES names; false: we do not ask for this. */
bool telnet_environ_take(struct telnet *t, struct slice name, struct slice value);
void telnet_mtts_take(struct telnet *t, struct slice number);

/* What the game tells him: a GMCP message ("Package.Name json"), MSDP as JSON or raw. False: he does
 * not speak it. */
bool telnet_gmcp_tell(struct telnet *t, struct tell *tell);
bool telnet_msdp_tell(struct telnet *t, struct tell *tell);

/* What is known of him (AgNet caps). */
void telnet_caps(const struct telnet_client *c, json_t *caps);
void telnet_gmcp_caps(const struct telnet_client *c, json_t *caps);

#endif
