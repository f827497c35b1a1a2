/* libmicrohttpd, answering the same bytes to everything: microhttpd PORT. For api.py to measure. */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct MHD_Response *response;

static enum MHD_Result answer(void *owner, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *body, size_t *body_len, void **state)
{
	(void)owner, (void)url, (void)method, (void)version, (void)body, (void)body_len,
		(void)state;
	return MHD_queue_response(connection, MHD_HTTP_OK, response);
}

int main(int argc, char **argv)
{
	static char body[4096];
	size_t len;

	if (argc != 2)
		return 64;
	len = fread(body, 1, sizeof body, stdin);
	response = MHD_create_response_from_buffer(len, body, MHD_RESPMEM_PERSISTENT);
	MHD_add_response_header(response, "Content-Type", "application/json");
	struct MHD_Daemon *daemon =
		MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, (uint16_t)atoi(argv[1]), NULL, NULL,
			answer, NULL, MHD_OPTION_CONNECTION_LIMIT, 300u, MHD_OPTION_END);
	if (daemon == NULL)
		return 1;
	for (;;)
		pause();
}
