/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prints what the packet side of the probe tells, one JSON object a line: for tests, without an agent.
 *
 *	zw-packets [--no-tcx] [--ring BYTES] [--ports LIST] DIRECTORY NETNS...
 *
 * LIST is like 53:dns,953:control,853:tls. NETNS are files of network namespaces. The first lines are the sockets on
 * these ports, then {"type":"ready"}; on SIGTERM the last one is {"type":"end"} with all counters. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/str.h"
#include "event/event.h"
#include "probe/net.h"

#define MAX_PORTS 16

static void die(const char *what, int r)
{
	fprintf(stderr, "zw-packets: %s: %s\n", what, strerror(-r));
	exit(1);
}

static void put_address(const char *name, uint8_t family, const uint8_t *addr)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(family, addr, text, sizeof(text));
	printf(",\"%s\":\"%s\"", name, text);
}

static void put_owner(const char *name, const struct zw_wire_owner *o)
{
	printf(",\"%s\":{\"pid\":%u,\"uid\":%u,\"start\":%llu,\"exe\":%llu,\"made\":%u}", name,
		o->tgid, o->uid, (unsigned long long)o->start_ns, (unsigned long long)o->exe_ino,
		o->made);
}

static uint16_t u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Id and opcode where the payload is, or begins with, a message. */
static void put_message(const struct zw_packet_facts *p)
{
	size_t at = p->proto == IPPROTO_TCP ? 2 : 0;

	if (p->captured < at + 12 || !(p->port_flags & ZW_PORT_DNS))
		return;
	if (p->proto == IPPROTO_TCP && (!(p->flags & ZW_PACKET_BOUNDARY) || p->boundary != p->seq))
		return;
	printf(",\"id\":%u,\"opcode\":%u,\"answer\":%s", u16(p->payload + at),
		p->payload[at + 2] >> 3 & 0xf, p->payload[at + 2] & 0x80 ? "true" : "false");
}

static void put_packet(const struct zw_packet_facts *p, enum zw_hook hook)
{
	printf("{\"type\":\"packet\",\"hook\":\"%s\",\"netns\":%u,\"ifindex\":%u,\"proto\":\"%s\","
	       "\"direction\":\"%s\",\"sport\":%u,\"dport\":%u,\"seq\":%u,\"flags\":%u,\"ran\":%s,"
	       "\"tcp_flags\":%u,\"bytes\":%u,\"captured\":%zu,\"omitted\":%u,\"segment\":%u,"
	       "\"cookie\":%llu",
		zw_hook_to_string(hook), p->netns, p->ifindex,
		p->proto == IPPROTO_TCP ? "tcp" : "udp", zw_direction_to_string(p->direction),
		p->sport, p->dport, p->seq, p->flags, p->flags & ZW_PACKET_RAN ? "true" : "false",
		p->tcp_flags, p->payload_bytes, p->captured, p->omitted, p->segment_bytes,
		(unsigned long long)p->cookie);
	put_address("source", p->family, p->saddr);
	put_address("destination", p->family, p->daddr);
	put_owner("sender", &p->sender);
	put_owner("receiver", &p->receiver);
	put_message(p);
	puts("}");
}

static void on_event(void *ctx, const void *data, size_t len)
{
	_zw_event_ struct zw_event e = {};
	size_t *bad = ctx;

	if (zw_event_decode(data, len, &e) < 0) {
		*bad += 1;
		return;
	}
	if (e.type == ZW_WIRE_PACKET) {
		put_packet(&e.packet, e.hook);
	} else if (e.type == ZW_WIRE_BIND) {
		printf("{\"type\":\"bind\",\"netns\":%u,\"port\":%u,\"proto\":\"%s\",\"pid\":%u,"
		       "\"uid\":%u,\"executable\":\"%s\"",
			e.bind.netns, e.bind.port, e.bind.proto == IPPROTO_TCP ? "tcp" : "udp",
			e.proc.tgid, e.proc.uid, e.proc.exe ? e.proc.exe : "");
		put_address("address", e.bind.family, e.bind.addr);
		puts("}");
	}
}

static void on_socket(void *ctx, const void *data, size_t len)
{
	struct zw_wire_socket s;

	(void)ctx;
	if (len != sizeof(s))
		return;
	memcpy(&s, data, sizeof(s));
	printf("{\"type\":\"socket\",\"netns\":%u,\"port\":%u,\"proto\":\"%s\",\"cookie\":%llu",
		s.netns, s.port, s.proto == IPPROTO_TCP ? "tcp" : "udp",
		(unsigned long long)s.cookie);
	put_address("address", s.family, s.addr);
	put_owner("owner", &s.owner);
	puts("}");
}

static size_t parse_ports(char *list, struct zw_net_port ports[static MAX_PORTS])
{
	size_t n = 0;

	for (char *item = strtok(list, ","); item && n < MAX_PORTS; item = strtok(NULL, ",")) {
		const char *kind = strchr(item, ':');

		ports[n].port = (uint16_t)strtoul(item, NULL, 10);
		ports[n++].flags = !kind || zw_streq(kind, ":dns") ? ZW_PORT_DNS
				   : zw_streq(kind, ":tls")        ? ZW_PORT_TLS
								   : ZW_PORT_CONTROL;
	}
	return n;
}

static void put_end(struct zw_probe *p, size_t bad)
{
	uint64_t drops[_ZW_DROP_MAX];
	struct zw_traffic t;
	uint64_t queries = 0, responses = 0, control = 0;

	if (zw_probe_drops(p, drops) < 0 || zw_probe_net_traffic(p, &t) < 0)
		die("counters", -errno);
	for (int d = 0; d < _ZW_DIRECTION_MAX; d++)
		for (int tcp = 0; tcp < 2; tcp++) {
			for (int q = 0; q < _ZW_QUERY_MAX; q++)
				queries += t.query[d][tcp][q];
			for (int r = 0; r < 16; r++)
				responses += t.response[d][tcp][r];
			control += t.control[d][tcp];
		}
	printf("{\"type\":\"end\",\"bad\":%zu,\"queries\":%llu,\"responses\":%llu,\"control\":%llu,"
	       "\"ring_full\":%llu,\"fragments\":%llu,\"bind_full\":%llu,\"headers\":%llu}\n",
		bad, (unsigned long long)queries, (unsigned long long)responses,
		(unsigned long long)control, (unsigned long long)drops[ZW_DROP_NET_RING_FULL],
		(unsigned long long)drops[ZW_DROP_NET_FRAGMENT],
		(unsigned long long)drops[ZW_DROP_BIND_RING_FULL],
		(unsigned long long)drops[ZW_DROP_NET_HEADERS]);
}

static int stop_fd(void)
{
	sigset_t stop;
	int fd;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	fd = signalfd(-1, &stop, SFD_CLOEXEC);
	if (fd < 0)
		die("signalfd", -errno);
	return fd;
}

static void start(struct zw_probe *p, char *ports_list, char *const *netns, int n)
{
	struct zw_net_port ports[MAX_PORTS];
	struct zw_net_status status;
	int r = zw_probe_net_ports(p, ports, parse_ports(ports_list, ports));

	if (r == 0)
		r = zw_probe_net_sockets(p, on_socket, NULL);
	for (int i = 0; r == 0 && i < n; i++) {
		int fd = open(netns[i], O_RDONLY | O_CLOEXEC);
		uint32_t inum;

		if (fd < 0)
			die(netns[i], -errno);
		r = zw_probe_net_follow(p, fd, &inum);
		close(fd);
	}
	if (r == 0)
		r = zw_probe_net_status(p, &status);
	if (r < 0)
		die("following", r);
	printf("{\"type\":\"ready\",\"devices\":%zu,\"refused\":%zu,\"tcx\":%s}\n", status.devices,
		status.refused, status.tcx ? "true" : "false");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"no-tcx", no_argument, NULL, 'x'},
		{"ring", required_argument, NULL, 'r'}, {"ports", required_argument, NULL, 'p'},
		{}};
	struct zw_probe_options o = {.ring_bytes = 1 << 20};
	_zw_free_ char *ports = strdup("53:dns");
	_zw_probe_close_ struct zw_probe *p = NULL;
	_zw_str_ struct zw_str error = {};
	size_t bad = 0;
	int stop, c;

	/* The probe runs its own program so, to see an exec. */
	if (argc == 2 && zw_streq(argv[1], "version"))
		return 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'x') {
			o.no_tcx = true;
		} else if (c == 'r') {
			o.net_ring_bytes = strtoull(optarg, NULL, 10);
		} else if (c == 'p') {
			free(ports);
			ports = strdup(optarg);
		} else {
			return 2;
		}
	}
	if (optind >= argc || !ports)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 1 << 16);
	o.scratch = argv[optind];
	c = zw_probe_open(&o, &p, &error);
	if (c < 0)
		die(error.buf ? error.buf : "opening", c);
	stop = stop_fd();
	start(p, ports, argv + optind + 1, argc - optind - 1);
	for (;;) {
		struct pollfd fds[] = {{.fd = zw_probe_net_fd(p), .events = POLLIN},
			{.fd = stop, .events = POLLIN}};

		if (poll(fds, 2, -1) < 0)
			die("poll", -errno);
		c = zw_probe_net_drain(p, on_event, &bad);
		if (c < 0)
			die("draining", c);
		if (fds[1].revents)
			break;
	}
	put_end(p, bad);
	close(stop);
	return 0;
}
