/* Apart from the rest: linux/tcp.h, which alone has these counters, and netinet/tcp.h, which libuv
 * includes, cannot be had together. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int segments_in(int fd);

int segments_in(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof info;

	memset(&info, 0, sizeof info);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
		return -1;
	return (int)info.tcpi_data_segs_in;
}
