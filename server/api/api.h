/* The game's HTTP API: opened for each map, served by its script between two frames. */
#ifndef SERVER_API_API_H
#define SERVER_API_API_H

#include <jansson.h>

#include "common/defs.h"

struct api;
struct game;
struct player;

/* With the game, before its first map. It starts and ends with each map, if sv_api is 1: see map.h.
 * NULL when memory is out. */
struct api *api_open(struct game *game);

/* A frame has run: what waits for one is started, what waited too long is answered. */
void api_frame(struct api *api);

/* No script is called from now on: who still waits gets 500. The map's script may still run. */
void api_stop(struct api *api);

/* Also when it is open no more. NULL is allowed. */
void api_close(struct api *api);
void api_free(struct api *api); /* once the loop has run to its end */

/* Somebody came, or left: "join", "leave". */
void api_tell(struct api *api, const char *event, const struct player *p);

/* {"ports": "127.0.0.1:8080", "connections": ..., ...}, "not started: ..." or "off". New reference. */
json_t *api_status(const struct api *api);

#endif
