/* A game without Holdfast: echoes what each connection sends. The proxies of a benchmark have it behind
 * them. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

static void take(int epoll_fd, int listening)
{
	for (int fd; (fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
		struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
		int one = 1;

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
	}
}

static void answer(int fd)
{
	static char bytes[64 * 1024];
	ssize_t n = recv(fd, bytes, sizeof bytes, 0);

	if (n <= 0 || send(fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
		close(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct rlimit most;
	int one = 1;

	if (argc != 2) {
		fprintf(stderr, "usage: echo PORT\n");
		return 64;
	}
	getrlimit(RLIMIT_NOFILE, &most);
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
	at.sin_port = htons((uint16_t)atoi(argv[1]));
	inet_pton(AF_INET, "127.0.0.1", &at.sin_addr);
	int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0),
	    epoll_fd = epoll_create1(0);
	setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(listening, (struct sockaddr *)&at, sizeof at) != 0 ||
		listen(listening, 4096) != 0) {
		perror("echo");
		return 1;
	}
	struct epoll_event e = {.events = EPOLLIN, .data.fd = listening};
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listening, &e);
	for (;;) {
		static struct epoll_event events[512];
		int n = epoll_wait(epoll_fd, events, 512, -1);

		for (int i = 0; i < n; i++)
			if (events[i].data.fd == listening)
				take(epoll_fd, listening);
			else
				answer(events[i].data.fd);
	}
}
