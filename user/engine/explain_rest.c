/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is left when every request has got what it asked for. */
#include "engine/explain_impl.h"

#include <errno.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"

#define KIND(kind) (1U << (kind))
#define ALL_KINDS \
	(KIND(PIECE_RECORDS) | KIND(PIECE_KEYS) | KIND(PIECE_DERIVED) | KIND(PIECE_SERIAL))

static bool is_left(const struct piece *p, unsigned int kinds)
{
	return !p->done && kinds & KIND(p->kind);
}

static bool any_left(const struct explanation *x, unsigned int kinds)
{
	ZW_VEC_FOREACH(p, &x->pieces)
		if (is_left(p, kinds))
			return true;
	return false;
}

static int take(struct part *part, struct piece *piece)
{
	piece->done = true;
	return zw_vec_push(&part->changes, change_of(piece->entry));
}

/* 1: done. */
static int take_all(struct explanation *x, struct part *part, unsigned int kinds)
{
	int r = part ? 0 : -ENOMEM;

	ZW_VEC_FOREACH(p, &x->pieces)
		if (r == 0 && is_left(p, kinds))
			r = take(part, p);
	return r < 0 ? r : 1;
}

static struct part *part_at(struct explanation *x, const uint8_t *owner)
{
	ZW_VEC_FOREACH(part, &x->parts)
		ZW_VEC_FOREACH(c, &part->changes)
			if (zw_name_equal(c->owner, owner))
				return part;
	return NULL;
}

/* Signatures go with the change of the same name that they sign, else with the first. */
static int attach_derived(struct explanation *x)
{
	int r = 0;

	ZW_VEC_FOREACH(p, &x->pieces) {
		struct part *part;

		if (r < 0 || !is_left(p, KIND(PIECE_DERIVED)) || !x->parts.len)
			continue;
		part = part_at(x, p->entry->owner);
		r = take(part ? part : &x->parts.items[0], p);
	}
	return r;
}

/* --- transfers ---------------------------------------------------------------------------------------- */

/* Whether the transfer ended where the zone is now; a server that signs the zone itself counts on by itself. */
static bool ends_here(const struct explanation *x, const struct zw_request *r)
{
	uint32_t serial;

	return r->has_serial_after && zw_snapshot_serial(x->after, &serial) &&
	       serial == r->serial_after;
}

static bool began_here(const struct explanation *x, const struct zw_request *r)
{
	uint32_t serial;

	return x->before && zw_snapshot_serial(x->before, &serial) && serial == r->serial_after;
}

bool zw_explain_is_inbound(const struct explanation *x, const struct zw_request *r)
{
	if (r->kind != ZW_REQUEST_TRANSFER || !r->answered_ns || r->rcode != ZW_RCODE_NOERROR ||
		!zw_explain_of_server(x->in, r))
		return false;
	return !zw_explain_is_early(x->in, r) || (ends_here(x, r) && !began_here(x, r));
}

static int collect_transfers(const struct explanation *x, zw_requests *ret_list, bool *ret_exact)
{
	int r = 0;

	*ret_exact = false;
	ZW_VEC_FOREACH(o, x->others) {
		if (r < 0 || !zw_explain_is_inbound(x, *o))
			continue;
		r = zw_vec_push(ret_list, *o);
		*ret_exact |= ends_here(x, *o);
	}
	return r;
}

static bool all_same(const zw_requests *list)
{
	for (size_t i = 1; i < list->len; i++)
		if (!same_who(list->items[0], list->items[i]))
			return false;
	return true;
}

/* Of those of one principal the last one, which gave the zone its present state, stands for all. */
static int take_by(struct explanation *x, enum part_kind kind, enum zw_attribution attribution,
	const zw_requests *list, unsigned int kinds)
{
	bool same = all_same(list);
	struct part *part = zw_explain_part(x, kind, same ? attribution : ZW_ATTRIBUTION_AMBIGUOUS,
		same ? &list->items[list->len - 1] : list->items, same ? 1 : list->len);

	return take_all(x, part, kinds);
}

/* These return 1 when they explain the rest. */

static int by_transfers(struct explanation *x, unsigned int kinds)
{
	zw_requests list = {};
	bool exact;
	int r = collect_transfers(x, &list, &exact);

	if (r == 0 && list.len)
		r = take_by(x, PART_TRANSFER,
			exact ? ZW_ATTRIBUTION_CERTAIN : ZW_ATTRIBUTION_PROBABLE, &list, kinds);
	zw_vec_free(&list);
	return r;
}

/* --- files, commands, nobody -------------------------------------------------------------------------- */

/* Those who wrote the files beside the server. What the server wrote for requests is accounted for, so one other is
 * probably who wrote the rest. */
static int by_files(struct explanation *x, unsigned int kinds)
{
	const struct zw_report *seen = x->seen;
	enum zw_attribution attribution = seen->attribution;
	size_t others = others_in(seen);
	struct part *part;

	/* Where requests are not seen, that the server wrote is all that can be said. */
	if (!others && (x->in->seen || !seen->causes))
		return 0;
	if (server_in(seen) && others == 1 && attribution == ZW_ATTRIBUTION_AMBIGUOUS &&
		x->parts.len)
		attribution = ZW_ATTRIBUTION_PROBABLE;
	part = zw_explain_part(x, PART_FILES, attribution, NULL, 0);
	if (part)
		part->channel = x->in->database ? ZW_CHANNEL_DATABASE : ZW_CHANNEL_FILE;
	return take_all(x, part, kinds);
}

/* Commands and calls of which it is not known what they do to records. */
static bool is_opaque(const struct explanation *x, const struct zw_request *r)
{
	return (r->kind == ZW_REQUEST_API || r->kind == ZW_REQUEST_CONTROL) && !r->message &&
	       !r->held && r->may_change && r->rcode == 0 && zw_explain_of_server(x->in, r);
}

static int by_commands(struct explanation *x, unsigned int kinds)
{
	zw_requests list = {};
	int r = 0;

	ZW_VEC_FOREACH(o, x->others)
		if (r == 0 && is_opaque(x, *o))
			r = zw_vec_push(&list, *o);
	if (r == 0 && list.len)
		r = take_by(x, PART_COMMAND, ZW_ATTRIBUTION_PROBABLE, &list, kinds);
	zw_vec_free(&list);
	return r;
}

static int by_nobody(struct explanation *x, unsigned int kinds)
{
	struct part *part = zw_explain_part(x, PART_NOBODY, ZW_ATTRIBUTION_NONE, NULL, 0);

	return take_all(x, part, kinds);
}

static int by_others(struct explanation *x, unsigned int kinds)
{
	int r = by_transfers(x, kinds);

	if (r == 0)
		r = by_files(x, kinds);
	if (r == 0)
		r = by_commands(x, kinds);
	if (r == 0)
		r = by_nobody(x, kinds);
	return r < 0 ? r : 0;
}

/* The server was seen at it, or nobody could have done it beside it. */
static int by_signing(struct explanation *x, unsigned int kinds)
{
	struct part *part = zw_explain_part(x, PART_SIGNING,
		server_in(x->seen) ? ZW_ATTRIBUTION_CERTAIN : ZW_ATTRIBUTION_PROBABLE, NULL, 0);

	if (part)
		part->channel = ZW_CHANNEL_SIGNING;
	return take_all(x, part, kinds);
}

/* Whether what signing maintains can be the server's own work. */
static bool server_signs(const struct explanation *x)
{
	if (server_in(x->seen))
		return others_in(x->seen) == 0 || x->parts.len;
	return others_in(x->seen) == 0 && x->in->server_actor && x->in->served;
}

/* Nothing but what signing maintains changed. A transfer brings the signatures of the primary. */
static int only_signing(struct explanation *x, bool signs)
{
	int r = by_transfers(x, ALL_KINDS);

	if (r == 0)
		r = signs ? by_signing(x, ALL_KINDS) : by_others(x, ALL_KINDS);
	return r < 0 ? r : 0;
}

int zw_explain_leave(struct explanation *x)
{
	int r = any_left(x, ALL_KINDS) ? by_nobody(x, ALL_KINDS) : 0;

	return r < 0 ? r : 0;
}

int zw_explain_rest(struct explanation *x)
{
	bool signs = server_signs(x);
	unsigned int kinds = KIND(PIECE_RECORDS);
	int r = 0;

	if (!x->parts.len && !any_left(x, KIND(PIECE_RECORDS)))
		return only_signing(x, signs);
	if (!signs)
		kinds |= KIND(PIECE_KEYS);
	if (any_left(x, kinds))
		r = by_others(x, kinds);
	if (r == 0 && any_left(x, KIND(PIECE_KEYS)))
		r = by_signing(x, KIND(PIECE_KEYS));
	return r < 0 ? r : attach_derived(x);
}
