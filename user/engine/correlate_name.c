/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The path leads to another inode than before. Hooks of the upper tiers tell of renames, links and creations by
 * name. In the tracepoint tier those have no event of their own and are known by the marks they leave together:
 * an entry of the directory changed, the old inode lost its last name, the new one was touched or written. Where
 * the marks of inodes come with a name, that is the one from before the operation: whatever left the entry is known. */
#include "engine/correlate_scene.h"

#include <errno.h>
#include <string.h>

/* Not one that was done while the mounts here stayed as they were: in another mount namespace, from where it did not come. */
static bool may_be_here(const struct scene *sc, const struct zw_cause *c)
{
	uint64_t begin_ns = c->ctime_ns > sc->f->from_ns ? c->ctime_ns : sc->f->from_ns;

	return !sc->in->remounts || !zw_hook_is_mounted(c->hook) ||
	       zw_remounts_may_be(sc->in->remounts, begin_ns, c->time_ns);
}

/* Anybody may call mount(2) and be refused: attempts count only when no success was seen. */
static int mounted_over(struct scene *sc)
{
	const zw_causes *list = zw_cause_book_of(sc->in->book, 0, 0);
	bool mounted = false;

	if (!list)
		return 0;
	ZW_VEC_FOREACH(it, list)
		mounted |= zw_in_window(sc->in, sc->f, *it) && zw_hook_is_mounted((*it)->hook);
	ZW_VEC_FOREACH(it, list) {
		struct suspect *x;
		uint64_t begin_ns;

		if (!zw_in_window(sc->in, sc->f, *it) || !may_be_here(sc, *it) ||
			(mounted && !zw_hook_is_mounted((*it)->hook)))
			continue;
		x = zw_scene_enter(sc, *it);
		if (!x)
			return -ENOMEM;
		x->decided = x->exact = true;
		x->role = ZW_ROLE_RENAMER;
		if ((*it)->time_ns > sc->final_ns)
			sc->final_ns = (*it)->time_ns;
		/* The call may be told of when it is done, and then says when it began. */
		begin_ns = (*it)->ctime_ns ? (*it)->ctime_ns : (*it)->time_ns;
		if (!sc->gone_ns || begin_ns < sc->gone_ns)
			sc->gone_ns = begin_ns;
	}
	return 0;
}

static bool was_there(const struct zw_reading *before, const struct zw_place *p)
{
	for (size_t i = 0; i < before->places; i++)
		if (before->place[i].dev == p->dev && before->place[i].ino == p->ino)
			return true;
	return false;
}

/* Whether the way led through a directory that may have changed unseen when it had just come. */
static bool is_unseen(const struct scene *sc)
{
	return sc->in->unseen_ns >= sc->f->from_ns;
}

/* @cause counts, whatever else is found. False: no memory. */
static bool decides(struct scene *sc, const struct zw_cause *cause)
{
	struct suspect *x = zw_scene_enter(sc, cause);

	if (x)
		x->decided = true;
	return x;
}

/* Then whoever moved something away from a directory on the way, which is not told where to, may have moved it there. */
static int moved_below(struct scene *sc)
{
	const struct zw_reading *after = &sc->f->after;

	for (size_t i = 0; i < after->places; i++) {
		const struct zw_place *dir = &after->place[i];
		const zw_causes *list = zw_cause_book_of(sc->in->book, dir->dev, dir->ino);

		if (!list || dir->kind != ZW_PLACE_DIR)
			continue;
		ZW_VEC_FOREACH(it, list) {
			if ((*it)->op != ZW_FOP_DIRENT || !(*it)->old_dir_ino ||
				!zw_in_window(sc->in, sc->f, *it) ||
				(*it)->time_ns + placed_late_ns(sc) < sc->final_ns)
				continue;
			if (!decides(sc, *it))
				return -ENOMEM;
		}
	}
	return 0;
}

/* The hash of the name by which the way leads on from its step @i, or led before where it ends there; 0: not known. */
static uint32_t name_after(const struct scene *sc, size_t i)
{
	const struct zw_reading *a = &sc->f->before, *b = &sc->f->after;

	if (i + 1 < b->places)
		return b->place[i + 1].name_hash;
	return i + 1 < a->places ? a->place[i + 1].name_hash : 0;
}

/* Below the level of the parting others may have been at work as soon as the directory was there, for the first time. Those that a
 * link leads through again are no news. */
static int below(struct scene *sc)
{
	const struct zw_reading *after = &sc->f->after;
	size_t i = (size_t)(sc->at.new - after->place);
	uint64_t from_ns = zw_scene_visited_ns(sc, sc->at.new->ino);

	if (!from_ns || from_ns > sc->final_ns)
		from_ns = sc->final_ns;
	for (; i < after->places; i++) {
		const struct zw_place *dir = &after->place[i];
		const zw_causes *list = zw_cause_book_of(sc->in->book, dir->dev, dir->ino);

		if (!list || dir->kind != ZW_PLACE_DIR || was_there(&sc->f->before, dir))
			continue;
		ZW_VEC_FOREACH(it, list) {
			if (!zw_in_window(sc->in, sc->f, *it) ||
				(*it)->time_ns + zw_cause_slack_ns(*it) + placed_late_ns(sc) <
					from_ns ||
				(*it)->op == ZW_FOP_WRITE || !is_entry(dir, name_after(sc, i), *it))
				continue;
			if (!decides(sc, *it))
				return -ENOMEM;
		}
	}
	return 0;
}

/* Who changed entry @name_hash of @dir when that was on the way, or wrote what it led to. Told by name: any other entry is
 * none of our business. */
static int changed_in(struct scene *sc, const struct zw_place *dir, uint32_t name_hash)
{
	const zw_causes *list = zw_cause_book_of(sc->in->book, dir->dev, dir->ino);

	if (!list)
		return 0;
	ZW_VEC_FOREACH(it, list) {
		const struct zw_cause *c = *it;

		if (!zw_in_window(sc->in, sc->f, c) || c->time_ns > sc->final_ns || !c->name ||
			!name_hash || c->op == ZW_FOP_ATTR || !is_entry(dir, name_hash, c))
			continue;
		if (!decides(sc, c))
			return -ENOMEM;
	}
	return 0;
}

/* Below what the entry led to until then: what came may be made from what others left there. */
static int below_before(struct scene *sc)
{
	const struct zw_reading *before = &sc->f->before;
	size_t first = sc->at.old ? (size_t)(sc->at.old - before->place) : before->places;
	uint32_t name_hash = name_after(sc, first);
	size_t it = 0, len;
	const void *key;
	int r = 0;

	for (size_t i = first; r == 0 && i < before->places; i++)
		if (before->place[i].kind == ZW_PLACE_DIR)
			r = changed_in(sc, &before->place[i],
				i + 1 < before->places ? before->place[i + 1].name_hash
						       : name_after(sc, i));
	while (r == 0 && zw_map_next(sc->visits, &it, &key, &len, NULL)) {
		struct zw_place dir = {.dev = sc->at.dir->dev};

		memcpy(&dir.ino, key, sizeof(dir.ino));
		if ((!sc->at.old || dir.ino != sc->at.old->ino) &&
			(!sc->at.new || dir.ino != sc->at.new->ino))
			r = changed_in(sc, &dir, name_hash);
	}
	return r;
}

/* A file's change time is not older than this much less than the act that moved it: a tick of the slowest coarse clock. */
#define TICK_NS (10 * ZW_NSEC_PER_MSEC)

/* Whether one of those who count was seen touching the file when its change time last moved. */
static bool is_accounted_for(const struct scene *sc, const struct zw_place *file)
{
	const zw_causes *list = zw_cause_book_of(sc->in->book, file->dev, file->ino);

	if (!list)
		return false;
	ZW_VEC_FOREACH(c, list) {
		uint64_t real_ns = (uint64_t)((int64_t)(*c)->time_ns + sc->in->real_offset_ns);

		if (!zw_cause_of_file(*c, &sc->f->after) ||
			real_ns + ZW_COALESCE_NS < sc->f->after.ctime_ns)
			continue;
		ZW_VEC_FOREACH(x, &sc->s->list)
			if (x->decided && zw_actor_same_process(x->actor, (*c)->actor))
				return true;
	}
	return false;
}

/* Whether all that was done in and below what came is known, since the hooks that saw it come looked there from then on,
 * until the agent did. */
static bool is_watched_since(const struct scene *sc, uint64_t came_ns)
{
	const struct zw_place *new = sc->at.new;
	const zw_causes *list = new ? zw_cause_book_of(sc->in->book, new->dev, new->ino) : NULL;

	if (!list || is_unseen(sc))
		return false;
	ZW_VEC_FOREACH(c, list)
		if ((*c)->arrived && zw_in_window(sc->in, sc->f, *c) &&
			((*c)->ino == new->ino || (*c)->ino2 == new->ino) &&
			(*c)->time_ns <= came_ns + ZW_COALESCE_NS &&
			came_ns <= (*c)->time_ns + ZW_COALESCE_NS &&
			sc->in->to_ns < (*c)->time_ns + ZW_ARRIVAL_NS)
			return true;
	return false;
}

/* Whether the way ends in a directory to which it did not lead before: what it led on to there is gone, or was not there. */
static bool ends_in_new_directory(const struct scene *sc)
{
	const struct zw_reading *after = &sc->f->after;
	const struct zw_place *last = &after->place[after->places - 1];

	return sc->at.old && sc->at.old->kind != ZW_PLACE_FILE && last->kind == ZW_PLACE_DIR &&
	       !was_there(&sc->f->before, last);
}

/* A directory that came without that is watched a moment later, and so is what was mounted. Whoever touched the file until
 * then was not seen, but left the change time: a later one, or the same as of what was written just before that came. Whoever
 * removed it left nothing. */
static void doubt_unwatched(struct scene *sc)
{
	const struct zw_reading *r = &sc->f->after;
	const struct zw_place *file = zw_file_place(r);
	uint64_t came_ns = sc->at.mounted ? sc->gone_ns : sc->final_ns;

	/* Who writes beside a zone is seen. */
	if (file == sc->at.new && !sc->at.mounted)
		return;
	ZW_VEC_FOREACH(x, &sc->s->list)
		if (!sc->final_ns && x->decided && x->last_ns > came_ns)
			came_ns = x->last_ns;
	if (!came_ns || is_watched_since(sc, came_ns))
		return;
	if (!file) {
		sc->s->unwatched = ends_in_new_directory(sc);
		return;
	}
	came_ns = (uint64_t)((int64_t)came_ns + sc->in->real_offset_ns);
	/* That it was moved in there does not show in what else was done to it. */
	sc->s->unwatched =
		r->ctime_ns + TICK_NS >= came_ns && (is_unseen(sc) || !is_accounted_for(sc, file));
}

static int explain(struct scene *sc, bool through)
{
	bool marks = false;
	int r;

	zw_scene_part(sc, through);
	if (sc->at.mounted) {
		r = mounted_over(sc);
	} else {
		r = zw_scene_gather(sc);
		if (r == 0)
			marks = zw_scene_decide(sc);
	}
	if (r == 0 && sc->at.new)
		r = zw_scene_old_content(sc);
	if (r == 0)
		r = zw_scene_new_content(sc);
	if (r == 0 && marks)
		zw_scene_doubt(sc);
	if (r == 0 && sc->at.new && !sc->at.mounted)
		r = below(sc);
	if (r == 0 && sc->at.dir && !sc->at.mounted && sc->final_ns)
		r = below_before(sc);
	if (r == 0 && sc->at.new && !sc->at.mounted && is_unseen(sc))
		r = moved_below(sc);
	if (r == 0 && sc->at.new)
		doubt_unwatched(sc);
	return r;
}

static bool any_decided(const struct suspects *s)
{
	ZW_VEC_FOREACH(x, &s->list)
		if (x->decided)
			return true;
	return false;
}

int zw_correlate_replaced(
	const struct zw_correlate_input *in, const struct zw_correlate_file *f, struct suspects *s)
{
	struct scene sc = {.in = in, .f = f, .s = s};
	int r = explain(&sc, true);

	zw_scene_done(&sc);
	if (r < 0 || !sc.at.copied || any_decided(s))
		return r;
	/* What was done in a directory just after it was copied up, before it was watched, is not known: whoever had it
	 * copied up need not be who changed the file. */
	zw_suspects_done(s);
	*s = (struct suspects){};
	sc = (struct scene){.in = in, .f = f, .s = s};
	r = explain(&sc, false);
	s->gap = true;
	zw_scene_done(&sc);
	return r;
}
