/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From packets to requests: DNS messages by way of streams and exchanges, control commands over TCP by way of dialogs,
 * and encrypted connections as such. */
#include "cli/agent_net.h"
#include "cli/served.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "dns/name.h"

/* Longer than a retransmission takes (RFC 6298: a second and more), shorter than anybody waits for an event. */
#define HOLE_NS (2 * ZW_NSEC_PER_SEC)
/* Servers close connections that are silent for half of that. */
#define IDLE_NS (300 * ZW_NSEC_PER_SEC)
#define FLOWS_MAX 16384
/* A DNS message of the largest size, and as much again out of order. */
#define FLOW_BYTES (256U << 10)
#define STREAM_BYTES (32U << 20)
#define CONNECTIONS_MAX 4096
#define TCP_ACK 16

static const struct zw_packet_facts *packet_of(const struct zw_stream_item *item)
{
	return item->segment ? item->segment->tag : NULL;
}

static struct zw_endpoint endpoint(uint8_t family, const uint8_t addr[static 16], uint16_t port)
{
	struct zw_endpoint end = {.family = family, .port = port};

	memcpy(end.addr, addr, sizeof(end.addr));
	return end;
}

static struct zw_request_process process_of(const struct zw_wire_owner *owner)
{
	return (struct zw_request_process){.tgid = owner->tgid,
		.start_ns = owner->start_ns,
		.exe_dev = owner->exe_dev,
		.exe_ino = owner->exe_ino,
		.made = owner->made};
}

/* Less than it takes anybody to become another user on purpose. */
#define CLIENT_KEEP_NS (20 * ZW_NSEC_PER_MSEC)

static struct zw_agent_client *client_at(struct zw_agent *a, uint32_t tgid)
{
	return &a->net->client[tgid % ZW_ARRAY_SIZE(a->net->client)];
}

void zw_agent_net_exec(struct zw_agent *a, uint32_t tgid)
{
	struct zw_agent_client *client = client_at(a, tgid);

	if (client->tgid == tgid)
		zw_actor_unref(ZW_TAKE(client->actor));
}

/* The actor, if it is or was a process of this host. 0 or -ENOMEM. */
static int find_actor(
	struct zw_agent *a, const struct zw_request_process *process, struct zw_actor **ret_actor)
{
	struct zw_agent_client *client = client_at(a, process->tgid);
	uint64_t now = zw_boottime_ns();
	struct zw_actor *actor;
	int r;

	if (process->tgid == 0)
		return 0;
	if (!client->actor || client->tgid != process->tgid ||
		client->start_ns != process->start_ns || now - client->at_ns > CLIENT_KEEP_NS) {
		r = zw_proc_table_lookup(a->procs, process->tgid, process->start_ns, &actor);
		if (r < 0)
			return r == -ENOMEM ? r : 0;
		zw_actor_unref(client->actor);
		*client = (struct zw_agent_client){.start_ns = process->start_ns,
			.at_ns = now,
			.tgid = process->tgid,
			.actor = actor};
	}
	*ret_actor = zw_actor_ref(client->actor);
	return 0;
}

/* --- requests ------------------------------------------------------------------------------------------ */

static int on_asked(void *ctx, struct zw_request *request, bool again)
{
	struct zw_agent *a = ctx;
	struct zw_actor *actor = NULL;
	int r = find_actor(a, &request->client_process, &actor);

	if (r < 0)
		return r;
	if (actor) {
		zw_actor_unref(request->client_actor);
		request->client_actor = actor;
	}
	return again ? 0 : zw_request_book_add(a->requests, request);
}

static void on_answered(void *ctx, struct zw_request *request)
{
	struct zw_agent *a = ctx;

	zw_served_heed(a, request);
	if (request->kind == ZW_REQUEST_UPDATE && request->rcode > 0)
		zw_agent_refused(a, request);
	zw_agent_transferred(a, request);
}

static int ask(struct zw_agent *a, const struct zw_packet *packet)
{
	int r = zw_exchange_feed(a->net->exchange, packet);

	if (r < 0)
		zw_request_book_lost(a->requests, packet->time_ns);
	return r;
}

/* --- datagrams and streams ----------------------------------------------------------------------------- */

/* An end that is here and that the kernel could not name is who serves that port. */
static struct zw_request_process process_at(struct zw_agent *a, const struct zw_packet_facts *p,
	const struct zw_wire_owner *owner, enum zw_direction elsewhere,
	const struct zw_endpoint *end)
{
	const struct zw_agent_server *s;

	if (owner->tgid || p->direction == elsewhere)
		return process_of(owner);
	s = zw_agent_port_server(a, end, p->proto == IPPROTO_TCP, p->netns);
	if (!s)
		return process_of(owner);
	return (struct zw_request_process){.tgid = (uint32_t)s->pid,
		.start_ns = s->start_ns,
		.exe_dev = s->exe_dev,
		.exe_ino = s->exe_ino};
}

static struct zw_packet message_of(
	struct zw_agent *a, const struct zw_packet_facts *p, enum zw_transport transport)
{
	struct zw_packet packet = {
		.netns = p->netns,
		.passage = p->direction == ZW_DIRECTION_IN ? ZW_PASSAGE_IN : ZW_PASSAGE_OUT,
		.transport = transport,
		.source = endpoint(p->family, p->saddr, p->sport),
		.destination = endpoint(p->family, p->daddr, p->dport),
	};

	packet.sender = process_at(a, p, &p->sender, ZW_DIRECTION_IN, &packet.source);
	packet.receiver = process_at(a, p, &p->receiver, ZW_DIRECTION_OUT, &packet.destination);
	return packet;
}

/* One packet can be several datagrams. */
static int take_datagrams(struct zw_agent *a, const struct zw_event *event)
{
	const struct zw_packet_facts *p = &event->packet;
	struct zw_packet packet = message_of(a, p, ZW_TRANSPORT_UDP);
	size_t step = p->segment_bytes ? p->segment_bytes : p->payload_bytes;
	int r = 0, q;

	packet.time_ns = event->time_ns;
	for (size_t at = 0; at < p->captured; at += step) {
		size_t left = p->payload_bytes > at ? p->payload_bytes - at : 0;

		packet.data = p->payload + at;
		packet.len = p->captured - at < step ? p->captured - at : step;
		packet.whole = left < step ? left : step;
		/* How much comes in the other fragments is not known. */
		if (p->flags & ZW_PACKET_FRAGMENT || packet.whole < packet.len)
			packet.whole = packet.len + 1;
		q = ask(a, &packet);
		r = r < 0 ? r : q;
	}
	return r;
}

static int take_segment(
	struct zw_agent *a, struct zw_streams *streams, const struct zw_event *event)
{
	const struct zw_packet_facts *p = &event->packet;
	struct zw_flow_key key = {.netns = p->netns,
		.source_port = p->sport,
		.destination_port = p->dport,
		.family = p->family};
	const struct zw_segment segment = {
		.time_ns = event->time_ns,
		.seq = p->seq,
		.flags = p->tcp_flags,
		.data = p->payload,
		.len = p->captured,
		.omitted = p->omitted,
		/* How much, the next run says. */
		.cut = !!(p->flags & ZW_PACKET_CUT),
		.has_boundary = p->flags & ZW_PACKET_BOUNDARY && !(p->flags & ZW_PACKET_GAP),
		.boundary = p->boundary,
		.tag = p,
	};
	int r;

	memcpy(key.source, p->saddr, sizeof(key.source));
	memcpy(key.destination, p->daddr, sizeof(key.destination));
	r = zw_streams_feed(streams, &key, &segment);
	if (r < 0)
		zw_request_book_lost(a->requests, event->time_ns);
	return r;
}

/* A whole message, or its beginning. */
static void on_message(void *ctx, const struct zw_stream_item *item)
{
	struct zw_agent *a = ctx;
	const struct zw_packet_facts *p = packet_of(item);
	struct zw_packet packet;

	if (item->what != ZW_STREAM_DATA)
		return;
	if (p)
		packet = message_of(a, p, ZW_TRANSPORT_TCP);
	else
		packet = (struct zw_packet){
			.netns = item->key->netns,
			.transport = ZW_TRANSPORT_TCP,
			.source = endpoint(
				item->key->family, item->key->source, item->key->source_port),
			.destination = endpoint(item->key->family, item->key->destination,
				item->key->destination_port),
		};
	packet.time_ns = item->time_ns;
	packet.data = item->data;
	packet.len = item->len;
	packet.whole = item->whole;
	if (ask(a, &packet) < 0)
		a->bad_events++;
}

/* --- control channels over TCP ------------------------------------------------------------------------- */

/* The same for both directions of a connection. */
static uint64_t connection_id(const struct zw_agent *a, const struct zw_packet_facts *p)
{
	struct zw_flow_key key = {.netns = p->netns,
		.source_port = p->to_server ? p->sport : p->dport,
		.destination_port = p->to_server ? p->dport : p->sport,
		.family = p->family};

	memcpy(key.source, p->to_server ? p->saddr : p->daddr, sizeof(key.source));
	memcpy(key.destination, p->to_server ? p->daddr : p->saddr, sizeof(key.destination));
	return zw_hash_bytes(&a->key, &key, sizeof(key));
}

static const struct zw_agent_channel *channel_of(
	const struct zw_agent *a, const struct zw_request_process *server, uint16_t port)
{
	const struct zw_agent_channel *found = NULL;

	ZW_VEC_FOREACH(s, &a->servers) {
		ZW_VEC_FOREACH(c, &(*s)->channels) {
			if (c->path || c->port != port)
				continue;
			if (server->tgid && is_of(*s, server))
				return c;
			found = c;
		}
	}
	return found;
}

static int take_piece(struct zw_agent *a, const struct zw_stream_item *item)
{
	const struct zw_packet_facts *p = packet_of(item);
	_zw_actor_unref_ struct zw_actor *actor = NULL;
	const struct zw_agent_channel *channel;
	struct zw_dialog_piece piece = {
		.id = connection_id(a, p),
		.reply = !p->to_server,
		.time_ns = item->time_ns,
		.offset = item->offset,
		.bytes = item->data,
		.len = item->len,
		.omitted = item->what == ZW_STREAM_GAP ? item->whole : 0,
		.client_process = process_of(p->to_server ? &p->sender : &p->receiver),
		.server_process = process_of(p->to_server ? &p->receiver : &p->sender),
		.client_end = endpoint(p->family, p->to_server ? p->saddr : p->daddr,
			p->to_server ? p->sport : p->dport),
		.server_end = endpoint(p->family, p->to_server ? p->daddr : p->saddr,
			p->to_server ? p->dport : p->sport),
	};
	int r = 0;

	channel = channel_of(a, &piece.server_process, piece.server_end.port);
	if (!channel || channel->encrypted)
		return 0;
	piece.protocol = channel->protocol;
	piece.transport =
		channel->protocol == ZW_CONTROL_HTTP ? ZW_TRANSPORT_HTTP : ZW_TRANSPORT_TCP;
	if (p->to_server)
		r = find_actor(a, &piece.client_process, &actor);
	piece.client = actor;
	return r < 0 ? r : zw_dialogs_feed(a->dialogs, &piece);
}

static void on_bytes(void *ctx, const struct zw_stream_item *item)
{
	struct zw_agent *a = ctx;

	/* What is missing when time runs out, a later piece shows by its offset. */
	if (item->what == ZW_STREAM_END || !packet_of(item))
		return;
	if (take_piece(a, item) < 0) {
		zw_request_book_lost(a->requests, item->time_ns);
		a->bad_events++;
	}
}

/* --- encrypted connections ----------------------------------------------------------------------------- */

static void close_connection(struct zw_agent *a, uint64_t id, uint64_t time_ns)
{
	struct zw_request *q = zw_map_remove(a->net->connections, &id, sizeof(id));

	if (q)
		q->answered_ns = time_ns;
	zw_request_unref(q);
}

static int open_connection(struct zw_agent *a, const struct zw_event *event, uint64_t id)
{
	const struct zw_packet_facts *p = &event->packet;
	_zw_request_ struct zw_request *q = zw_request_new(ZW_REQUEST_CONNECTION, event->time_ns);
	int r;

	if (!q)
		return -ENOMEM;
	q->client = endpoint(p->family, p->saddr, p->sport);
	q->server = endpoint(p->family, p->daddr, p->dport);
	q->client_process = process_of(&p->sender);
	q->server_process = process_of(&p->receiver);
	/* Others of this host ask elsewhere: that changes nothing here. */
	if (p->direction == ZW_DIRECTION_OUT && !zw_agent_process_server(a, &q->client_process))
		return 0;
	q->transport = ZW_TRANSPORT_TCP;
	q->encrypted = true;
	r = on_asked(a, q, false);
	if (r < 0 || zw_map_len(a->net->connections) >= CONNECTIONS_MAX)
		return r;
	r = zw_map_put(a->net->connections, &id, sizeof(id), q, NULL);
	if (r == 0)
		ZW_TAKE(q);
	return r;
}

static int take_connection(struct zw_agent *a, const struct zw_event *event)
{
	const struct zw_packet_facts *p = &event->packet;
	uint64_t id = connection_id(a, p);

	if (p->tcp_flags & (ZW_TCP_FIN | ZW_TCP_RST)) {
		close_connection(a, id, event->time_ns);
	} else if (p->to_server && p->tcp_flags & ZW_TCP_SYN && !(p->tcp_flags & TCP_ACK)) {
		close_connection(a, id, event->time_ns);
		return open_connection(a, event, id);
	}
	return 0;
}

/* --- the agent's side ---------------------------------------------------------------------------------- */

int zw_agent_packet(struct zw_agent *a, const struct zw_event *event)
{
	const struct zw_packet_facts *p = &event->packet;

	/* Our own questions are nobody's. */
	if (zw_served_is_reader(a, p->sender.tgid, event->time_ns) ||
		zw_served_is_reader(a, p->receiver.tgid, event->time_ns))
		return 0;
	if (p->port_flags & ZW_PORT_DNS)
		return p->proto == IPPROTO_UDP ? take_datagrams(a, event)
					       : take_segment(a, a->net->dns, event);
	if (p->proto != IPPROTO_TCP)
		return 0;
	if (p->port_flags & ZW_PORT_CONTROL)
		return take_segment(a, a->net->raw, event);
	return take_connection(a, event);
}

int zw_agent_net_open(struct zw_agent *a)
{
	static const struct zw_exchange_ops ops = {.asked = on_asked, .answered = on_answered};
	struct zw_stream_options options = {
		.framing = ZW_STREAM_DNS,
		.flows_max = FLOWS_MAX,
		.flow_bytes = FLOW_BYTES,
		.bytes_max = STREAM_BYTES,
		.hole_ns = HOLE_NS,
		.idle_ns = IDLE_NS,
	};
	int r;

	a->net = calloc(1, sizeof(*a->net));
	if (!a->net)
		return -ENOMEM;
	r = zw_map_new(&a->net->connections);
	if (r == 0)
		r = zw_exchange_new(&ops, a, &a->net->exchange);
	if (r == 0)
		r = zw_refusals_new(&a->net->refusals);
	if (r == 0)
		r = zw_streams_new(&options, on_message, a, &a->net->dns);
	options.framing = ZW_STREAM_RAW;
	if (r == 0)
		r = zw_streams_new(&options, on_bytes, a, &a->net->raw);
	return r;
}

void zw_agent_net_free(struct zw_agent_net *net)
{
	size_t it = 0;
	void *request;

	if (!net)
		return;
	while (net->connections && zw_map_next(net->connections, &it, NULL, NULL, &request))
		zw_request_unref(request);
	zw_map_free(net->connections);
	zw_streams_free(net->dns);
	zw_streams_free(net->raw);
	zw_exchange_free(net->exchange);
	zw_refusals_free(net->refusals);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(net->told); i++)
		zw_request_unref(net->told[i]);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(net->client); i++)
		zw_actor_unref(net->client[i].actor);
	zw_vec_free(&net->ports);
	zw_vec_free(&net->netns);
	zw_vec_free(&net->served);
	free(net);
}

void zw_agent_net_lose(struct zw_agent *a, uint64_t now_ns)
{
	uint64_t lost = zw_agent_net_losses(a);

	if (lost != a->net->lost)
		zw_request_book_lost(a->requests, now_ns);
	a->net->lost = lost;
}

void zw_agent_net_expire(struct zw_agent *a, uint64_t now_ns)
{
	zw_streams_expire(a->net->dns, now_ns);
	zw_streams_expire(a->net->raw, now_ns);
	zw_exchange_expire(a->net->exchange, now_ns);
	if (a->ready && a->net->unlooked && zw_agent_ports_look(a) < 0)
		a->bad_events++;
	zw_agent_refusals_expire(a, now_ns, false);
	zw_agent_net_lose(a, now_ns);
}
