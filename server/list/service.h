/* The list on the network: which request is answered with what. */
#ifndef SERVER_LIST_SERVICE_H
#define SERVER_LIST_SERVICE_H

#include "common/http_server.h"
#include "common/loop.h"

struct service;

struct service_config {
	const char *records;     /* the file; ":memory:" for none */
	unsigned servers_each;   /* of one address; 0 = any number */
	unsigned calls_a_second; /* of one address */
};

/* Answers at the sockets, which it takes, also when it fails. NULL with *why a sentence. */
struct service *service_open(struct loop *loop, const struct service_config *config,
	const int *sockets, unsigned count, const char **why);

/* No more requests; freed when the last answers are sent. NULL is allowed. */
void service_close(struct service *s);

#endif
