/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/correlate_scene.h"

#include <errno.h>

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
		if (inside && (named_entry(&sc->at, c) ||
				      (sc->final_ns ? c->time_ns > sc->final_ns : !c->name)))
			x->decided = x->exact = true;
		/* Under another of its names; it may have been there by then. */
		x->touched |= inside && !sc->final_ns && c->nlink > 1;
	}
	return 0;
}

/* Inodes that were at the entry for a while, and from when on: what is written to them under another of their names
 * was there as well. */
static int note_visit(const struct scene *sc, const struct zw_cause *c, uint64_t ino,
	uint64_t from_ns, struct zw_map *visits)
{
	uintptr_t known = (uintptr_t)zw_map_get(visits, &ino, sizeof(ino));

	if (!ino || ino == c->dir_ino || (sc->at.new &&ino == sc->at.new->ino))
		return 0;
	if (known && known <= from_ns)
		return 0;
	return zw_map_put(visits, &ino, sizeof(ino), (void *)(uintptr_t)from_ns, NULL);
}

/* A link, or a rename, says what came; a rename or an unlink what went, which was there since nobody knows when. */
static int collect_visits(const struct scene *sc, const zw_causes *list, struct zw_map *visits)
{
	int r = 0;

	ZW_VEC_FOREACH(it, list) {
		const struct zw_cause *c = *it;

		if (r < 0 || !zw_in_window(sc->in, sc->f, c) || !named_entry(&sc->at, c))
			continue;
		if (c->op == ZW_FOP_LINK || c->op == ZW_FOP_RENAME)
			r = note_visit(sc, c, c->ino, c->time_ns, visits);
		else if (c->op == ZW_FOP_UNLINK)
			r = note_visit(sc, c, c->ino, 1, visits);
		if (r == 0 && c->op == ZW_FOP_RENAME)
			r = note_visit(sc, c, c->ino2, 1, visits);
	}
	return r;
}

/* Whether what @c wrote was there then. */
static bool was_written(const struct scene *sc, const struct zw_cause *c, struct zw_map *visits)
{
	uintptr_t from_ns;

	if (zw_cause_of_file(c, &sc->f->before) || named_entry(&sc->at, c))
		return true;
	from_ns = (uintptr_t)zw_map_get(visits, &c->ino, sizeof(c->ino));
	return from_ns && c->nlink > 1 && c->time_ns >= from_ns;
}

static int old_content(struct scene *sc, const struct zw_place *place)
{
	const zw_causes *list =
		place ? zw_cause_book_of(sc->in->book, place->dev, place->ino) : NULL;
	_zw_map_free_ struct zw_map *visits = NULL;
	int r;

	if (!list)
		return 0;
	r = zw_map_new(&visits);
	if (r == 0 && place == sc->at.dir)
		r = collect_visits(sc, list, visits);
	ZW_VEC_FOREACH(it, list) {
		const struct zw_cause *c = *it;
		struct suspect *x;

		if (r < 0)
			break;
		if (c->op != ZW_FOP_WRITE || !zw_in_window(sc->in, sc->f, c) ||
			(sc->final_ns && c->time_ns > sc->final_ns) ||
			zw_cause_of_file(c, &sc->f->after) || !was_written(sc, c, visits))
			continue;
		x = zw_scene_enter(sc, c);
		if (!x)
			return -ENOMEM;
		x->decided = x->exact = true;
	}
	return r;
}

int zw_scene_old_content(struct scene *sc)
{
	int r = old_content(sc, zw_file_place(&sc->f->before));

	return r < 0 ? r : old_content(sc, sc->at.dir);
}
