/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which packets the kernel is asked for: the ports and network namespaces of the servers there are; and who else takes
 * such a port. */
#include "cli/agent_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define DNS_PORT 53
/* RFC 7858 and RFC 9250: DNS over TLS and over QUIC. */
#define DNS_TLS_PORT 853

static int add_port(zw_agent_net_ports *ports, uint16_t port, uint8_t flags)
{
	ZW_VEC_FOREACH(p, ports) {
		if (p->port == port) {
			p->flags |= flags;
			return 0;
		}
	}
	return zw_vec_push(ports, (struct zw_net_port){.port = port, .flags = flags});
}

/* "127.0.0.1:5353/udp", "[::1]:53/tcp" as in struct zw_server. */
static bool parse_listen(const char *text, struct zw_endpoint *ret_end, bool *ret_tcp)
{
	const char *colon = strrchr(text, ':'), *slash = strrchr(text, '/');
	char addr[INET6_ADDRSTRLEN + 2];
	unsigned int port;
	size_t len;

	if (!colon || !slash || sscanf(colon + 1, "%u/", &port) != 1 || port > UINT16_MAX)
		return false;
	len = (size_t)(colon - text);
	*ret_end = (struct zw_endpoint){
		.family = text[0] == '[' ? AF_INET6 : AF_INET, .port = (uint16_t)port};
	*ret_tcp = zw_streq(slash + 1, "tcp");
	if (text[0] == '[') {
		text++;
		len -= 2;
	}
	if (len >= sizeof(addr))
		return false;
	memcpy(addr, text, len);
	addr[len] = '\0';
	return inet_pton(ret_end->family, addr, ret_end->addr) == 1;
}

/* A port that is only for commands, or for what is encrypted. */
static bool is_control(const struct zw_server *server, uint16_t port)
{
	ZW_VEC_FOREACH(c, &server->controls)
		if (!c->path && c->port == port)
			return true;
	return false;
}

static int add_listens(struct zw_agent *a, struct zw_agent_server *s,
	const struct zw_server *server, uint32_t netns, zw_agent_net_ports *ports)
{
	int r = 0;

	ZW_VEC_FOREACH(l, &server->listens) {
		struct zw_agent_port served = {.server = s, .netns = netns};

		if (r < 0 || !parse_listen(*l, &served.end, &served.tcp) ||
			(served.tcp && is_control(server, served.end.port)) ||
			served.end.port == DNS_TLS_PORT)
			continue;
		r = add_port(ports, served.end.port, ZW_PORT_DNS);
		if (r == 0)
			r = zw_vec_push(&a->net->served, served);
	}
	ZW_VEC_FOREACH(c, &server->controls)
		if (r == 0 && !c->path)
			r = add_port(ports, c->port, c->encrypted ? ZW_PORT_TLS : ZW_PORT_CONTROL);
	return r;
}

/* Follows the namespace of a server. A server that is gone again is no error. */
static int follow_netns(struct zw_agent *a, const struct zw_agent_server *s, uint32_t *ret_inum)
{
	_zw_free_ char *path = zw_asprintf("/proc/%d/ns/net", (int)s->pid);
	_zw_close_ int fd = -1;
	struct zw_agent_net *net = a->net;
	int r;

	if (!path)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	r = zw_probe_net_follow(a->probe, fd, ret_inum);
	if (r < 0)
		return r;
	ZW_VEC_FOREACH(n, &net->netns) {
		if (n->inum == *ret_inum) {
			n->seen = true;
			return 0;
		}
	}
	return zw_vec_push(&net->netns, (struct zw_agent_netns){*ret_inum, true});
}

static void leave_netns(struct zw_agent *a)
{
	struct zw_agent_net *net = a->net;

	for (size_t i = net->netns.len; i-- > 0;) {
		if (net->netns.items[i].seen)
			continue;
		(void)zw_probe_net_unfollow(a->probe, net->netns.items[i].inum);
		zw_vec_remove_unordered(&net->netns, i);
	}
}

static bool same_ports(const zw_agent_net_ports *a, const zw_agent_net_ports *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (a->items[i].port != b->items[i].port || a->items[i].flags != b->items[i].flags)
			return false;
	return true;
}

static bool overlaps(
	const struct zw_agent_port *port, const struct zw_endpoint *end, bool tcp, uint32_t netns)
{
	static const uint8_t any[16];
	const struct zw_endpoint *own = &port->end;

	if (port->netns != netns || port->tcp != tcp || own->port != end->port)
		return false;
	return memcmp(own->addr, any, sizeof(any)) == 0 ||
	       memcmp(end->addr, any, sizeof(any)) == 0 ||
	       (own->family == end->family && memcmp(own->addr, end->addr, sizeof(any)) == 0);
}

const struct zw_agent_server *zw_agent_process_server(
	const struct zw_agent *a, const struct zw_request_process *process)
{
	const struct zw_agent_server *like = NULL;

	ZW_VEC_FOREACH(s, &a->servers) {
		if ((*s)->pid && (uint32_t)(*s)->pid == process->tgid)
			return *s;
		if (process->tgid && is_of(*s, process))
			like = *s;
	}
	return like;
}

const struct zw_agent_server *zw_agent_port_server(
	const struct zw_agent *a, const struct zw_endpoint *end, bool tcp, uint32_t netns)
{
	ZW_VEC_FOREACH(p, &a->net->served)
		if (p->server->pid && overlaps(p, end, tcp, netns))
			return p->server;
	return NULL;
}

bool zw_agent_port_answers(
	const struct zw_agent *a, const struct zw_agent_server *s, const struct zw_endpoint *end)
{
	ZW_VEC_FOREACH(p, &a->net->served)
		if (p->server == s && s->pid && overlaps(p, end, true, p->netns))
			return true;
	return false;
}

bool zw_agent_port_serves(const struct zw_agent *a, const struct zw_agent_server *s,
	const struct zw_endpoint *end, bool tcp, uint32_t netns)
{
	ZW_VEC_FOREACH(p, &a->net->served)
		if (p->server == s && s->pid && overlaps(p, end, tcp, netns))
			return true;
	return false;
}

static int describe(struct zw_report *report, const struct zw_agent_server *s,
	const struct zw_endpoint *end, bool tcp, struct zw_actor *actor)
{
	char addr[ZW_ADDRESS_TEXT_MAX];
	struct zw_str text = {};

	report->server_kind = strdup(zw_server_kind_to_string(s->kind));
	report->server_pid = (uint32_t)s->pid;
	if (!report->server_kind ||
		zw_report_set_cause(report, ZW_ROLE_WRITER, actor, report->time_ns) < 0)
		return -ENOMEM;
	report->severity = 90;
	report->escalate = true;
	zw_endpoint_to_text(end, addr);
	zw_str_add_escaped(&text, actor->name, strlen(actor->name));
	zw_str_addf(&text, " (pid %u) took port %u/%s at %s, which %s (pid %d) serves", actor->tgid,
		end->port, tcp ? "tcp" : "udp", addr, zw_server_kind_to_string(s->kind),
		(int)s->pid);
	return zw_str_done(&text, &report->message);
}

/* A socket is seen when it is bound, and again when all of them are looked at; and a process may have several. */
static bool is_known(const struct zw_agent_net *net, const struct zw_agent_taker *taker)
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(net->taker); i++) {
		const struct zw_agent_taker *t = &net->taker[i];

		if (t->tgid == taker->tgid && t->start_ns == taker->start_ns &&
			t->netns == taker->netns && t->port == taker->port && t->tcp == taker->tcp)
			return true;
	}
	return false;
}

/* Somebody took the port of a server beside it (SO_REUSEPORT): queries are his to answer then. */
static int tampered(struct zw_agent *a, const struct zw_agent_server *s,
	const struct zw_endpoint *end, const struct zw_agent_taker *taker, struct zw_actor *actor)
{
	_zw_report_free_ struct zw_report *report = zw_agent_report_new(a, ZW_ACTION_TAMPER, NULL);
	struct zw_agent_net *net = a->net;
	int r;

	if (!report)
		return -ENOMEM;
	r = describe(report, s, end, taker->tcp, actor);
	if (r < 0)
		return r;
	zw_agent_deliver(a, ZW_TAKE(report));
	net->taker[net->taker_next] = *taker;
	net->taker_next = (net->taker_next + 1) % ZW_ARRAY_SIZE(net->taker);
	return 0;
}

/* The server whose port this process took; NULL: nobody's, its own, or told of before. */
static const struct zw_agent_server *victim_of(const struct zw_agent *a,
	const struct zw_endpoint *end, const struct zw_agent_taker *taker, uint64_t exe_dev,
	uint64_t exe_ino)
{
	ZW_VEC_FOREACH(p, &a->net->served)
		if (p->server->pid && overlaps(p, end, taker->tcp, taker->netns) &&
			!zw_agent_server_is(p->server, taker->tgid, exe_dev, exe_ino))
			return is_known(a->net, taker) ? NULL : p->server;
	return NULL;
}

int zw_agent_bound(struct zw_agent *a, const struct zw_event *event)
{
	const struct zw_bind_facts *b = &event->bind;
	const struct zw_agent_taker taker = {.start_ns = event->proc.start_ns,
		.tgid = event->proc.tgid,
		.netns = b->netns,
		.port = b->port,
		.tcp = b->proto == IPPROTO_TCP};
	struct zw_endpoint end = {.family = b->family, .port = b->port};
	_zw_actor_unref_ struct zw_actor *actor = NULL;
	const struct zw_agent_server *victim;
	int r;

	/* Until then all sockets are looked at once it is. */
	if (!a->ready)
		return 0;
	memcpy(end.addr, b->addr, sizeof(end.addr));
	victim = victim_of(a, &end, &taker, event->proc.exe_dev, event->proc.exe_ino);
	if (!victim)
		return 0;
	r = zw_proc_table_resolve(a->procs, event, &actor);
	return r < 0 ? r : tampered(a, victim, &end, &taker, actor);
}

/* The same of a socket that was there before. */
static void on_socket(void *ctx, const void *data, size_t len)
{
	struct zw_agent *a = ctx;
	_zw_actor_unref_ struct zw_actor *actor = NULL;
	const struct zw_agent_server *victim;
	struct zw_agent_taker taker;
	struct zw_wire_socket s;
	struct zw_endpoint end;
	int r;

	if (len < sizeof(s))
		return;
	memcpy(&s, data, sizeof(s));
	if (s.hdr.type != ZW_WIRE_SOCKET)
		return;
	end = (struct zw_endpoint){.family = s.family, .port = s.port};
	memcpy(end.addr, s.addr, sizeof(end.addr));
	taker = (struct zw_agent_taker){.start_ns = s.owner.start_ns,
		.tgid = s.owner.tgid,
		.netns = s.netns,
		.port = s.port,
		.tcp = s.proto == IPPROTO_TCP};
	victim = victim_of(a, &end, &taker, s.owner.exe_dev, s.owner.exe_ino);
	if (!victim)
		return;
	r = zw_proc_table_lookup(a->procs, s.owner.tgid, s.owner.start_ns, &actor);
	if (r == 0)
		r = tampered(a, victim, &end, &taker, actor);
	/* Gone meanwhile, it holds nothing. */
	if (r < 0 && r != -ESRCH)
		a->bad_events++;
}

int zw_agent_ports_look(struct zw_agent *a)
{
	a->net->unlooked = false;
	return zw_probe_net_sockets(a->probe, on_socket, a);
}

static int collect(struct zw_agent *a, const zw_servers *found, zw_agent_net_ports *ports)
{
	int r = add_port(ports, DNS_PORT, ZW_PORT_DNS);

	if (r == 0)
		r = add_port(ports, DNS_TLS_PORT, ZW_PORT_TLS);
	a->net->served.len = 0;
	ZW_VEC_FOREACH(n, &a->net->netns)
		n->seen = false;
	ZW_VEC_FOREACH(s, &a->servers) {
		ZW_VEC_FOREACH(f, found) {
			uint32_t netns = 0;

			if (r < 0 || !(*s)->pid || f->pid != (*s)->pid ||
				f->start_ns != (*s)->start_ns)
				continue;
			r = follow_netns(a, *s, &netns);
			if (r == 0)
				r = add_listens(a, *s, f, netns, ports);
		}
	}
	return r;
}

int zw_agent_net_follow(struct zw_agent *a, const zw_servers *found)
{
	struct zw_agent_net *net = a->net;
	zw_agent_net_ports ports = {};
	int r = collect(a, found, &ports);

	if (r == 0) {
		leave_netns(a);
		if (!same_ports(&ports, &net->ports)) {
			r = zw_probe_net_ports(a->probe, ports.items, ports.len);
			if (r == 0)
				r = a->ready ? zw_agent_ports_look(a)
					     : zw_probe_net_sockets(a->probe, NULL, NULL);
			net->unlooked = !a->ready;
			if (r == 0) {
				zw_vec_free(&net->ports);
				net->ports = ports;
				ports = (zw_agent_net_ports){};
			}
		}
	}
	zw_vec_free(&ports);
	a->requests_seen = r == 0 && net->netns.len > 0;
	if (r == -ENOMEM)
		return r;
	if (r < 0 && !net->refused)
		zw_warning("what servers are asked over the network is not seen: %s", strerror(-r));
	net->refused = r < 0;
	return 0;
}
