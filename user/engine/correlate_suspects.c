/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/correlate_impl.h"

#include <errno.h>

static const uint32_t op_evidence[_ZW_FOP_MAX] = {
	[ZW_FOP_WRITE] = ZW_EVIDENCE_WRITE,
	[ZW_FOP_ATTR] = ZW_EVIDENCE_ATTR,
	[ZW_FOP_OPEN] = ZW_EVIDENCE_OPEN,
	[ZW_FOP_MAP] = ZW_EVIDENCE_MAPPING,
	[ZW_FOP_DIRENT] = ZW_EVIDENCE_DIRENT,
	[ZW_FOP_CREATE] = ZW_EVIDENCE_CREATE,
	[ZW_FOP_LINK] = ZW_EVIDENCE_LINK,
	[ZW_FOP_UNLINK] = ZW_EVIDENCE_UNLINK,
	[ZW_FOP_RENAME] = ZW_EVIDENCE_RENAME,
	[ZW_FOP_MOUNT] = ZW_EVIDENCE_MOUNT,
};

struct process {
	uint64_t start_ns, tgid;
};

/* One process can be made to appear as thousands, so they are found by hash. */
struct suspect *zw_suspect_of(struct suspects *s, struct zw_actor *actor)
{
	struct process key = {.start_ns = actor->start_ns, .tgid = actor->tgid};
	uintptr_t number;

	if (!s->by_process && zw_map_new(&s->by_process) < 0)
		return NULL;
	number = (uintptr_t)zw_map_get(s->by_process, &key, sizeof(key));
	if (number)
		return &s->list.items[number - 1];
	if (zw_vec_push(&s->list, (struct suspect){.actor = actor}) < 0)
		return NULL;
	number = s->list.len;
	if (zw_map_put(s->by_process, &key, sizeof(key), (void *)number, NULL) < 0) {
		s->list.len--;
		return NULL;
	}
	return &s->list.items[number - 1];
}

/* A process may exec between two writes: what it was last is what it is. */
static void widen(struct suspect *x, struct zw_actor *actor, uint64_t first_ns, uint64_t last_ns)
{
	if (!x->first_ns || first_ns < x->first_ns)
		x->first_ns = first_ns;
	if (last_ns >= x->last_ns) {
		x->last_ns = last_ns;
		x->actor = actor;
	}
}

struct suspect *zw_suspect_note(struct suspects *s, const struct zw_cause *c)
{
	struct suspect *x = zw_suspect_of(s, c->actor);

	if (!x)
		return NULL;
	x->evidence |= op_evidence[c->op];
	widen(x, c->actor, c->time_ns, c->time_ns);
	return x;
}

int zw_suspects_merge(struct suspects *to, const struct suspects *from)
{
	ZW_VEC_FOREACH(y, &from->list) {
		struct suspect *x = zw_suspect_of(to, y->actor);

		if (!x)
			return -ENOMEM;
		/* The role in what it decided is the one that tells. */
		if (!x->evidence || (y->decided && !x->decided))
			x->role = y->role;
		x->evidence |= y->evidence;
		widen(x, y->actor, y->first_ns, y->last_ns);
		x->decided |= y->decided;
		x->exact |= y->exact;
		x->touched |= y->touched;
		x->wrote |= y->wrote;
	}
	to->gap |= from->gap;
	to->unwatched |= from->unwatched;
	to->gone |= from->gone;
	return 0;
}

void zw_suspects_done(struct suspects *s)
{
	zw_vec_free(&s->list);
	zw_map_free(s->by_process);
	s->by_process = NULL;
}
