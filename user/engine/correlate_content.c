/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/correlate_scene.h"

#include <errno.h>

/* Whether @c, a write to what is there now, was done when that was there. */
static bool was_here(const struct scene *sc, const struct zw_cause *c)
{
	bool file = sc->at.new == zw_file_place(&sc->f->after);

	if (named_entry(&sc->at, c))
		return true;
	if (!sc->final_ns)
		return !c->name;
	/* A name says where it was, the time only when the other was told. */
	return c->time_ns + (file && c->name ? 0 : placed_late_ns(sc)) > sc->final_ns;
}

/* Whether @c stands for another write as well that was done when that was there. Under another name that would be told. */
static bool stands_for_later(const struct scene *sc, const struct zw_cause *c)
{
	return !c->name && c->time_ns + zw_cause_slack_ns(c) > sc->final_ns;
}

int zw_scene_new_content(struct scene *sc)
{
	const struct zw_place *p = zw_file_place(&sc->f->after);
	const zw_causes *list = p ? zw_cause_book_of(sc->in->book, p->dev, p->ino) : NULL;
	bool seen = false;

	if (!list)
		return 0;
	ZW_VEC_FOREACH(it, list) {
		const struct zw_cause *c = *it;
		bool inside = zw_in_window(sc->in, sc->f, c);
		struct suspect *x;

		if (!zw_cause_of_file(c, &sc->f->after) || c->time_ns > sc->in->to_ns ||
			(c->op != ZW_FOP_WRITE && (c->op != ZW_FOP_MAP || !inside)))
			continue;
		x = zw_scene_enter(sc, c);
		if (!x)
			return -ENOMEM;
		if (c->op == ZW_FOP_MAP) {
			x->touched = true;
			continue;
		}
		if (!seen)
			sc->was_empty = c->size_bytes == 0;
		seen = x->wrote = true;
		if (inside && was_here(sc, c))
			x->decided = x->exact = true;
		/* Under another of its names; it may have been there by then. Or again, when it was. */
		x->touched |= inside && (c->nlink > 1 || stands_for_later(sc, c));
	}
	return 0;
}

/* Whether what @c wrote was there then: it may have been written to under another of its names. */
static bool was_written(const struct scene *sc, const struct zw_cause *c)
{
	uint64_t from_ns;

	if (zw_cause_of_file(c, &sc->f->before) || named_entry(&sc->at, c))
		return true;
	from_ns = zw_scene_visited_ns(sc, c->ino);
	return from_ns && c->nlink > 1 && c->time_ns >= from_ns;
}

/* Whether what @c wrote was found by the name of the entry. After the last act that is known to have put something there,
 * another did so later. */
static bool was_found(const struct scene *sc, const struct zw_cause *c)
{
	return named_entry(&sc->at, c) && c->nlink > 0;
}

/* *@ret_found_ns: when another than what is there was last seen there after that had been put there, as far as is known; as it is
 * when none was. */
static int old_content(struct scene *sc, const struct zw_place *place, uint64_t *ret_found_ns)
{
	const zw_causes *list =
		place ? zw_cause_book_of(sc->in->book, place->dev, place->ino) : NULL;

	if (!list)
		return 0;
	ZW_VEC_FOREACH(it, list) {
		const struct zw_cause *c = *it;
		struct suspect *x;

		if (c->op != ZW_FOP_WRITE || !zw_in_window(sc->in, sc->f, c) ||
			(sc->final_ns && c->time_ns > sc->final_ns && !was_found(sc, c)) ||
			zw_cause_of_file(c, &sc->f->after) || !was_written(sc, c))
			continue;
		x = zw_scene_enter(sc, c);
		if (!x)
			return -ENOMEM;
		x->decided = x->exact = true;
		if (sc->final_ns && c->time_ns > sc->final_ns && c->time_ns > *ret_found_ns)
			*ret_found_ns = c->time_ns;
	}
	return 0;
}

int zw_scene_old_content(struct scene *sc)
{
	uint64_t found_ns = 0;
	int r = old_content(sc, zw_file_place(&sc->f->before), &found_ns);

	if (r == 0)
		r = old_content(sc, sc->at.dir, &found_ns);
	if (r < 0 || !found_ns)
		return r;
	ZW_VEC_FOREACH(x, &sc->s->list) {
		const struct trace *t = trace_of(sc, x);

		x->decided |= t->dirent_ns && t->dirent_ns + ZW_COALESCE_NS >= found_ns;
	}
	return 0;
}
