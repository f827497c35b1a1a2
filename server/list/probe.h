/* Tries whether players can reach a server where it says that it is. */
#ifndef SERVER_LIST_PROBE_H
#define SERVER_LIST_PROBE_H

#include "common/address.h"
#include "common/loop.h"

struct probes;

/* answered: somebody is there and has said something, of himself or when asked for a WebSocket or to
 * begin TLS. id: as given. */
typedef void probe_done(void *owner, int64_t id, bool answered);

/* NULL when memory is out. owner is borrowed. */
struct probes *probes_open(struct loop *loop, probe_done *done, void *owner);

/* at: the addresses, tried one after the other until one has answered. What is already waiting under
 * this id stays. False: it is not tried, since 1024 wait already, or memory is out; the next round asks
 * again. */
bool probes_add(struct probes *ps, int64_t id, const struct address *at, unsigned count);

void probes_close(struct probes *ps); /* at once; done is not called any more */

#endif
