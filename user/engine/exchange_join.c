/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "engine/exchange_pending.h"

/* Of so many that ask for the same at once, which one a server passed on is not looked for. */
#define TWINS_MAX 64

static bool same_host(const struct zw_endpoint *a, const struct zw_endpoint *b)
{
	return a->family == b->family && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static bool is_from(const struct zw_request *q, const struct zw_request *of)
{
	for (; q; q = q->forwarded_from)
		if (q == of)
			return true;
	return false;
}

/* Two requests with one signature: the second was made of the first by the server that the first was sent to. */
static void join(struct zw_request *earlier, struct zw_request *later)
{
	bool turned = same_host(&later->server, &earlier->client) &&
		      !same_host(&earlier->server, &later->client);
	struct zw_request *outer = turned ? later : earlier, *inner = turned ? earlier : later;

	/* The client itself, with another id. */
	if (zw_endpoint_equal(&earlier->client, &later->client) &&
		zw_endpoint_equal(&earlier->server, &later->server))
		return;
	if (!inner->forwarded_from && !is_from(outer, inner))
		inner->forwarded_from = zw_request_ref(outer);
}

/* Enters a signed update by its signature, and joins it with one that has the same. */
static int enter_signature(struct zw_exchange *x, struct pending *p)
{
	const struct zw_tsig *t = &p->request->message->tsig;
	size_t key_len = zw_name_len(t->key);
	struct pending *other;

	p->signature_len = key_len + sizeof(t->time_signed) + t->mac_len;
	p->signature = malloc(p->signature_len);
	if (!p->signature)
		return -ENOMEM;
	memcpy(p->signature, t->key, key_len);
	memcpy(p->signature + key_len, &t->time_signed, sizeof(t->time_signed));
	memcpy(p->signature + key_len + sizeof(t->time_signed), t->mac, t->mac_len);
	other = zw_map_get(x->by_signature, p->signature, p->signature_len);
	if (other)
		join(other->request, p->request);
	return zw_map_put(x->by_signature, p->signature, p->signature_len, p, NULL);
}

/* Whether @inner can be what the server of @outer made of it: it sent it itself, while it was asked, to another. */
static bool can_be_from(const struct zw_request *inner, const struct zw_request *outer)
{
	const struct zw_request_process *by = &outer->server_process, *who = &inner->client_process;

	return by->tgid && by->tgid == who->tgid && by->start_ns == who->start_ns &&
	       inner->server_process.tgid != by->tgid && inner->asked_ns >= outer->asked_ns &&
	       (!outer->answered_ns || inner->asked_ns <= outer->answered_ns) &&
	       inner->asked_ns - outer->asked_ns < ZW_REQUEST_WAIT_NS && !is_from(outer, inner);
}

static bool same_client(const struct zw_request *a, const struct zw_request *b)
{
	if (a->client_process.tgid || b->client_process.tgid)
		return a->client_process.tgid == b->client_process.tgid &&
		       a->client_process.start_ns == b->client_process.start_ns;
	return zw_endpoint_same_host(&a->client, &b->client);
}

/* Joins @p with the one of its twins that it was made of. Two clients that ask for the same at the same time are not told
 * apart, so that it stays with who passed it on. */
static void join_twin(struct pending *p)
{
	struct zw_request *found = NULL;
	unsigned int n = 0;

	if (p->request->forwarded_from)
		return;
	for (struct zw_list *it = p->twins.next; it != &p->twins; it = it->next) {
		struct zw_request *outer = ZW_CONTAINER_OF(it, struct pending, twins)->request;

		if (++n > TWINS_MAX)
			return;
		if (!can_be_from(p->request, outer))
			continue;
		if (found && !same_client(found, outer))
			return;
		found = outer;
	}
	if (found)
		p->request->forwarded_from = zw_request_ref(found);
}

/* Either end may be read first. */
static void join_twins(struct pending *p)
{
	unsigned int n = 0;

	join_twin(p);
	for (struct zw_list *it = p->twins.next; it != &p->twins && n++ < TWINS_MAX;
		it = it->next) {
		struct pending *other = ZW_CONTAINER_OF(it, struct pending, twins);

		if (can_be_from(other->request, p->request))
			join_twin(other);
	}
}

static int enter_body(struct zw_exchange *x, struct pending *p, const struct zw_packet *packet)
{
	struct pending *other;

	/* All but the id, which is the server's own. */
	p->body = zw_hash_bytes(&x->hash, packet->data + 2, packet->len - 2) | 1;
	other = zw_map_get(x->by_body, &p->body, sizeof(p->body));
	if (zw_map_put(x->by_body, &p->body, sizeof(p->body), p, NULL) < 0) {
		p->body = 0;
		return -ENOMEM;
	}
	if (other) {
		zw_list_add_tail(&other->twins, &p->twins);
		join_twins(p);
	}
	return 0;
}

int zw_exchange_enter_joins(
	struct zw_exchange *x, struct pending *p, const struct zw_packet *packet)
{
	const struct zw_message *m = p->request->message;

	if (!m || p->request->kind != ZW_REQUEST_UPDATE)
		return 0;
	if (m->has_tsig && m->tsig.mac_len > 0)
		return enter_signature(x, p);
	return packet->len < packet->whole ? 0 : enter_body(x, p, packet);
}

void zw_exchange_join_again(struct zw_exchange *x, struct pending *p)
{
	(void)x;
	if (p->body)
		join_twins(p);
}

void zw_exchange_leave_joins(struct zw_exchange *x, struct pending *p)
{
	if (p->signature && zw_map_get(x->by_signature, p->signature, p->signature_len) == p)
		zw_map_remove(x->by_signature, p->signature, p->signature_len);
	if (!p->body)
		return;
	if (zw_map_get(x->by_body, &p->body, sizeof(p->body)) == p) {
		zw_map_remove(x->by_body, &p->body, sizeof(p->body));
		/* There was room for it a moment ago; without, the others are no longer found. */
		if (!zw_list_empty(&p->twins))
			(void)zw_map_put(x->by_body, &p->body, sizeof(p->body),
				ZW_CONTAINER_OF(p->twins.prev, struct pending, twins), NULL);
	}
	zw_list_del(&p->twins);
	p->body = 0;
}
