/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/exchange.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "engine/exchange_pending.h"

/* An answer that is read before its request is so much older at most: rings are read at least that often. */
#define ORPHAN_NS 2000000000ULL

int zw_exchange_new(const struct zw_exchange_ops *ops, void *ctx, struct zw_exchange **ret_exchange)
{
	_zw_exchange_ struct zw_exchange *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return -ENOMEM;
	zw_list_init(&x->order);
	zw_hash_key_init(&x->hash);
	x->ops = *ops;
	x->ctx = ctx;
	r = zw_map_new(&x->pending);
	if (r == 0)
		r = zw_map_new(&x->by_signature);
	if (r == 0)
		r = zw_map_new(&x->by_body);
	if (r < 0)
		return r;
	*ret_exchange = ZW_TAKE(x);
	return 0;
}

static void pending_free(struct pending *p)
{
	if (!p)
		return;
	zw_list_del(&p->order);
	zw_list_del(&p->twins);
	zw_request_unref(p->request);
	free(p->signature);
	free(p);
}
ZW_DEFINE_CLEANUP(struct pending *, pending_free);

void zw_exchange_free(struct zw_exchange *exchange)
{
	if (!exchange)
		return;
	while (!zw_list_empty(&exchange->order))
		pending_free(ZW_CONTAINER_OF(exchange->order.next, struct pending, order));
	zw_map_free(exchange->pending);
	zw_map_free(exchange->by_signature);
	zw_map_free(exchange->by_body);
	free(exchange);
}

static bool is_loopback(const struct zw_endpoint *end)
{
	static const uint8_t v6[16] = {[15] = 1}, mapped[13] = {[10] = 0xff, 0xff, 127};

	if (end->family == AF_INET)
		return end->addr[0] == 127;
	return memcmp(end->addr, v6, sizeof(v6)) == 0 ||
	       memcmp(end->addr, mapped, sizeof(mapped)) == 0;
}

static struct pair_key make_key(const struct zw_packet *packet, bool answer, uint16_t id)
{
	const struct zw_endpoint *client = answer ? &packet->destination : &packet->source;
	const struct zw_endpoint *server = answer ? &packet->source : &packet->destination;
	struct pair_key key = {
		.netns = is_loopback(client) || is_loopback(server) ? packet->netns : 0,
		.client_port = client->port,
		.server_port = server->port,
		.id = id,
		.family = (uint8_t)client->family,
		.transport = (uint8_t)packet->transport,
	};

	memcpy(key.client, client->addr, sizeof(key.client));
	memcpy(key.server, server->addr, sizeof(key.server));
	return key;
}

static uint64_t hash_question(const struct zw_exchange *x, const struct zw_message_head *h)
{
	uint64_t name;

	if (!h->has_question)
		return 0;
	name = zw_hash_bytes(&x->hash, h->name, zw_name_len(h->name));
	return (name ^ (uint64_t)h->type << 16 ^ h->klass) | 1;
}

/* Takes it out of the books; whoever waits for the answer is told that there is none. */
static void finish(struct zw_exchange *x, struct pending *p)
{
	zw_map_remove(x->pending, &p->key, sizeof(p->key));
	zw_exchange_leave_joins(x, p);
	if (!p->request) {
		x->stats.orphans++;
	} else if (!p->answered) {
		x->stats.unanswered++;
		x->ops.answered(x->ctx, p->request);
	}
	pending_free(p);
}

static void touch(struct zw_exchange *x, struct pending *p, uint64_t time_ns)
{
	p->seen_ns = time_ns;
	zw_list_del(&p->order);
	zw_list_add_tail(&x->order, &p->order);
}

static int remember(struct zw_exchange *x, struct pending *p)
{
	int r = zw_map_put(x->pending, &p->key, sizeof(p->key), p, NULL);

	if (r < 0)
		return r;
	zw_list_add_tail(&x->order, &p->order);
	if (zw_map_len(x->pending) > ZW_EXCHANGES_MAX) {
		struct pending *oldest = ZW_CONTAINER_OF(x->order.next, struct pending, order);

		x->stats.forgotten += oldest->request && !oldest->answered;
		finish(x, oldest);
	}
	return 0;
}

/* Who is at the ends, where only a later sight shows it. */
static int learn(struct zw_exchange *x, struct pending *p, const struct zw_request_process *client,
	const struct zw_request_process *server)
{
	struct zw_request *q = p->request;

	if (q->server_process.tgid == 0)
		q->server_process = *server;
	if (q->client_process.tgid != 0 || client->tgid == 0)
		return 0;
	q->client_process = *client;
	zw_exchange_join_again(x, p);
	return x->ops.asked(x->ctx, q, true);
}

static void note_passage(struct pending *p, const struct zw_packet *packet)
{
	if (packet->passage != ZW_PASSAGE_IN && p->lefts < LEFT_MAX)
		p->left[p->lefts++] = packet->netns;
}

static bool is_other(const struct zw_request_process *a, const struct zw_request_process *b)
{
	return a->tgid && b->tgid && a->tgid != b->tgid &&
	       (!a->exe_ino || a->exe_ino != b->exe_ino || a->exe_dev != b->exe_dev);
}

/* Whether it can be the answer to what was asked. */
static bool is_genuine(const struct pending *p, const struct answer *a)
{
	if (a->passage == ZW_PASSAGE_OUT)
		return !is_other(&a->server, &p->request->server_process);
	if (a->passage == ZW_PASSAGE_UNKNOWN)
		return true;
	for (size_t i = 0; i < p->lefts; i++)
		if (p->left[i] == a->netns)
			return true;
	return false;
}

static int apply(struct zw_exchange *x, struct pending *p, const struct answer *a)
{
	struct zw_request *q = p->request;
	int r;

	if (!is_genuine(p, a)) {
		x->stats.forged++;
		return 0;
	}
	r = learn(x, p, &a->client, &a->server);

	p->answered = true;
	q->rcode = a->rcode;
	q->answered_ns = a->time_ns > q->asked_ns ? a->time_ns : q->asked_ns;
	if (q->kind == ZW_REQUEST_TRANSFER) {
		q->has_serial_after = a->has_serial;
		q->serial_after = a->serial;
		q->incremental = q->incremental && a->incremental;
	}
	x->ops.answered(x->ctx, q);
	return r;
}

/* Seen before: on another device or in another namespace, or sent again. Within a TCP connection it is not: its stream
 * has every octet once. */
static bool is_again(const struct pending *p, const struct zw_packet *packet, uint64_t content)
{
	return p->request && p->content == content &&
	       (packet->transport == ZW_TRANSPORT_UDP || p->netns != packet->netns);
}

static int new_request(struct zw_exchange *x, const struct zw_packet *packet,
	const struct zw_sight *sight, struct pending *p)
{
	bool cut = false;
	int r = zw_sight_request(packet, sight, &p->request, &cut);

	if (r < 0)
		return r;
	x->stats.cut += cut;
	r = zw_exchange_enter_joins(x, p, packet);
	if (r < 0)
		return r;
	r = x->ops.asked(x->ctx, p->request, false);
	if (r == 0)
		x->stats.requests++;
	return r;
}

static int on_request(
	struct zw_exchange *x, const struct zw_packet *packet, const struct zw_sight *sight)
{
	struct pair_key key = make_key(packet, false, sight->head.id);
	struct pending *known = zw_map_get(x->pending, &key, sizeof(key));
	uint64_t content = zw_hash_bytes(&x->hash, packet->data, packet->len);
	uint64_t question = hash_question(x, &sight->head);
	_zw_cleanup_(pending_freep) struct pending *p = NULL;
	struct answer early = {};
	int r;

	if (known && is_again(known, packet, content)) {
		x->stats.again++;
		note_passage(known, packet);
		return learn(x, known, &packet->sender, &packet->receiver);
	}
	if (known) {
		if (!known->request && known->question == question &&
			known->answer.time_ns + ORPHAN_NS > packet->time_ns) {
			early = known->answer;
			x->stats.orphans--;
		}
		finish(x, known);
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	zw_list_init(&p->order);
	zw_list_init(&p->twins);
	p->key = key;
	p->seen_ns = packet->time_ns;
	p->question = question;
	p->content = content;
	p->netns = packet->netns;
	note_passage(p, packet);
	r = new_request(x, packet, sight, p);
	if (r == -EBADMSG) {
		x->stats.malformed++;
		return 0;
	}
	if (r == 0)
		r = remember(x, p);
	if (r < 0) {
		zw_exchange_leave_joins(x, p);
		return r;
	}
	if (early.time_ns)
		r = apply(x, p, &early);
	ZW_TAKE(p);
	return r;
}

/* More of a transfer, or the same again. */
static int on_answer_again(struct zw_exchange *x, struct pending *p, const struct zw_packet *packet,
	const struct answer *answer)
{
	if (!is_genuine(p, answer)) {
		x->stats.forged++;
		return 0;
	}
	if (p->request->kind == ZW_REQUEST_TRANSFER && packet->time_ns > p->request->answered_ns)
		p->request->answered_ns = packet->time_ns;
	else
		x->stats.again++;
	touch(x, p, packet->time_ns);
	return learn(x, p, &packet->receiver, &packet->sender);
}

/* Its request may still come. */
static int keep_orphan(struct zw_exchange *x, const struct pair_key *key, uint64_t question,
	const struct answer *answer)
{
	_zw_cleanup_(pending_freep) struct pending *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	zw_list_init(&p->order);
	zw_list_init(&p->twins);
	p->key = *key;
	p->question = question;
	p->answer = *answer;
	p->seen_ns = answer->time_ns;
	r = remember(x, p);
	if (r == 0)
		ZW_TAKE(p);
	return r;
}

static int on_answer(
	struct zw_exchange *x, const struct zw_packet *packet, const struct zw_sight *sight)
{
	struct pair_key key = make_key(packet, true, sight->head.id);
	struct pending *p = zw_map_get(x->pending, &key, sizeof(key));
	uint64_t question = hash_question(x, &sight->head);
	struct answer answer = {
		.time_ns = packet->time_ns,
		.netns = packet->netns,
		.passage = packet->passage,
		.rcode = zw_sight_rcode(packet, sight),
		.has_serial = sight->has_serial,
		.serial = sight->serial,
		.incremental = sight->incremental,
		.client = packet->receiver,
		.server = packet->sender,
	};

	if (!p)
		return question ? keep_orphan(x, &key, question, &answer) : 0;
	/* Not about what was asked: forged, or of an exchange before this one. */
	if (question && p->question != question) {
		x->stats.orphans++;
		return 0;
	}
	if (p->request && p->answered)
		return on_answer_again(x, p, packet, &answer);
	if (p->request)
		return apply(x, p, &answer);
	x->stats.again++;
	return 0;
}

int zw_exchange_feed(struct zw_exchange *exchange, const struct zw_packet *packet)
{
	struct zw_sight sight;

	exchange->stats.messages++;
	/* No stack takes its own address from elsewhere (RFC 1122 section 3.2.1.3, RFC 1812 section 5.3.7). */
	if (packet->passage == ZW_PASSAGE_IN &&
		(is_loopback(&packet->source) || is_loopback(&packet->destination) ||
			zw_endpoint_same_host(&packet->source, &packet->destination))) {
		exchange->stats.forged++;
		return 0;
	}
	if (zw_sight_read(packet, &sight) < 0) {
		exchange->stats.malformed++;
		return 0;
	}
	switch (sight.what) {
	case ZW_SIGHT_REQUEST:
		return on_request(exchange, packet, &sight);
	case ZW_SIGHT_ANSWER:
		return on_answer(exchange, packet, &sight);
	default:
		return 0;
	}
}

void zw_exchange_expire(struct zw_exchange *exchange, uint64_t now_ns)
{
	while (!zw_list_empty(&exchange->order)) {
		struct pending *oldest =
			ZW_CONTAINER_OF(exchange->order.next, struct pending, order);

		if (oldest->seen_ns + ZW_REQUEST_WAIT_NS > now_ns)
			return;
		finish(exchange, oldest);
	}
}

const struct zw_exchange_stats *zw_exchange_stats(const struct zw_exchange *exchange)
{
	return &exchange->stats;
}

size_t zw_exchange_len(const struct zw_exchange *exchange)
{
	return zw_map_len(exchange->pending);
}
