/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/correlate_impl.h"

#include <errno.h>

/* What the inode was when the event before happened, for telling what moved since. */
struct state {
	uint64_t size_bytes, ctime_ns;
	uint32_t mode, owner_uid, nlink;
};

/* Why the change time moved is plain: a chmod, a chown, a link made or removed. */
static bool is_plain(const struct zw_cause *c, const struct state *state)
{
	return c->mode != state->mode || c->owner_uid != state->owner_uid ||
	       (state->nlink && c->nlink != state->nlink);
}

/* An attribute change is a write when the size moved with it; when the change time did and nothing tells why, it can
 * hide one. Reading moves neither. */
static void judge(const struct zw_correlate_input *in, const struct zw_correlate_file *f,
	const struct zw_cause *c, struct state *state, struct suspect *x)
{
	/* From before the reading: what moved with it is not known. */
	bool early = c->time_ns < f->from_ns;
	bool attr = c->op == ZW_FOP_ATTR && !early && !f->shared && zw_moved_ctime(in, c);

	if (c->op == ZW_FOP_WRITE || (attr && c->size_bytes != state->size_bytes))
		x->decided = x->exact = x->wrote = true;
	else if (attr && f->attributes && is_plain(c, state))
		x->decided = x->exact = true;
	else if (c->op == ZW_FOP_MAP ||
		 (attr && c->ctime_ns != state->ctime_ns && !is_plain(c, state)))
		x->touched = true;
	if (!early)
		*state =
			(struct state){c->size_bytes, c->ctime_ns, c->mode, c->owner_uid, c->nlink};
}

/* Whether whoever did it had nothing more to do with the file when that was last seen as it was before. */
static bool was_gone(const struct zw_correlate_input *in, const struct zw_correlate_file *f,
	const struct zw_cause *c)
{
	uint64_t gone_ns = f->settled_ns && in->gone_ns ? in->gone_ns(in->gone_ctx, c->actor) : 0;

	return gone_ns && gone_ns < f->settled_ns;
}

int zw_correlate_written(
	const struct zw_correlate_input *in, const struct zw_correlate_file *f, struct suspects *s)
{
	const struct zw_place *p = zw_file_place(&f->after);
	const zw_causes *list = zw_cause_book_of(in->book, p->dev, p->ino);
	/* How many names it had was not looked at then. */
	struct state state = {
		f->before.size_bytes, f->before.ctime_ns, f->before.mode, f->before.owner_uid, 0};
	bool anybody = false;

	if (!list)
		return 0;
	ZW_VEC_FOREACH(it, list) {
		struct suspect *x;

		if (!zw_cause_of_file(*it, &f->after) || !zw_in_window(in, f, *it))
			continue;
		if (was_gone(in, f, *it)) {
			s->gone |= (*it)->op == ZW_FOP_WRITE;
			continue;
		}
		x = zw_suspect_note(s, *it);
		if (!x)
			return -ENOMEM;
		judge(in, f, *it, &state, x);
		anybody |= x->decided;
	}
	/* Where no write is known, who could have hidden one counts. */
	ZW_VEC_FOREACH(x, &s->list)
		x->decided |= !anybody && (x->touched || x->evidence & ZW_EVIDENCE_OPEN);
	return 0;
}
