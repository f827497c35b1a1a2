/* What the server has to hear of users: arrivals, input, departures, and the listing of all. */
#ifndef MULTIPLEXER_NEWS_H
#define MULTIPLEXER_NEWS_H

#include "common/defs.h"
#include "multiplexer/lookup.h"

struct serverlink;
struct subclient;

/* u has typed. Told now if the server may be told, else held (and his reading stopped at the limit). */
void news_input(struct serverlink *s, struct subclient *u, struct slice bytes);

/* His client said something outside the text. For a server that does not know events it is nothing,
 * and who has filled what is held for him loses it. */
void news_event(struct serverlink *s, struct subclient *u, struct slice channel, uint32_t flags,
	struct slice data);

/* More is known of his client than before: told at the end of the turn, or when the server is READY. */
void news_caps(struct serverlink *s, struct subclient *u);

/* His output has become slow, or fast enough again: told as news_caps is. */
void news_flow(struct serverlink *s, struct subclient *u);

/* The server asks for what is looked up: answered now, or by news_looked_up, or when he leaves. */
void news_asked(struct serverlink *s, struct subclient *u, enum lookup_kind kind);

/* A lookup of his is done. */
void news_looked_up(struct serverlink *s, struct subclient *u, enum lookup_kind kind);

/* He leaves: what the server has asked about him and was not answered is answered by NO SUCH
 * SUBCLIENT. */
void news_unanswered(struct serverlink *s, struct subclient *u);

/* Answers all that is unanswered with what is known now: the server will hear no more. */
void news_settle(struct serverlink *s);

/* u has come, or is GONE. A GONE one may be freed by this call. */
void news_changed(struct serverlink *s, struct subclient *u);

/* Does what waits, as far as the link takes it; asks for the next turn when something is left. */
void news_pump(struct serverlink *s);

/* The server crashed: adds to each user's doubt the lines it was told of and may not have handled. */
void news_count_doubt(struct serverlink *s);

/* The server is lost: it knows nobody now, and the next one is told all, in the order of arrival. */
void news_forget_server(struct serverlink *s);

#endif
