/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each process was seen doing where the path parts from what it was. */
#include "engine/correlate_scene.h"

#include <assert.h>
#include <errno.h>

/* A directory of an overlay that has come to the upper layer since, as it does when anything in it is changed. Unless
 * another was put in its place, which looks the same. */
static bool is_copied_up(const struct zw_place *a, const struct zw_place *b)
{
	return a->kind == ZW_PLACE_DIR && b->kind == ZW_PLACE_DIR && a->lower && !b->lower &&
	       a->mnt_id == b->mnt_id && a->name_hash == b->name_hash;
}

void zw_scene_part(struct scene *sc, bool through)
{
	const struct zw_reading *a = &sc->f->before, *b = &sc->f->after;
	struct parting *ret = &sc->at;
	bool copied = false;
	size_t k = 0;

	for (; k < a->places && k < b->places; k++) {
		bool up = is_copied_up(&a->place[k], &b->place[k]);

		copied |= up;
		if ((!up || !through) &&
			(a->place[k].dev != b->place[k].dev || a->place[k].ino != b->place[k].ino ||
				a->place[k].mnt_id != b->place[k].mnt_id))
			break;
	}
	/* The inode number was reused: the entry parts at the end all the same. */
	if (k > 0 && k == a->places && k == b->places)
		k--;
	*ret = (struct parting){
		.old = k < a->places ? &a->place[k] : NULL,
		.new = k < b->places ? &b->place[k] : NULL,
	};
	/* The entry a link leads to is searched in the directory before the link. */
	for (size_t i = k; !ret->dir && i-- > 0;)
		if (b->place[i].kind == ZW_PLACE_DIR)
			ret->dir = &b->place[i];
	if (ret->old && k + 1 == a->places)
		ret->old_generation = a->generation;
	if (ret->new &&k + 1 == b->places)
		ret->new_generation = b->generation;
	if (ret->new)
		ret->name_hash = ret->new->name_hash;
	else if (ret->old)
		ret->name_hash = ret->old->name_hash;
	ret->mounted = ret->old && ret->new && ret->old->mnt_id != ret->new->mnt_id;
	ret->copied = copied;
}

/* Made the entry lead elsewhere, or to nothing. Hooks that run before the operation may tell of one that failed
 * then; the last that agrees with what is there now did not. */
static bool is_placing(const struct parting *at, const struct zw_cause *c)
{
	switch (c->op) {
	case ZW_FOP_RENAME:
		if (!at->new)
			return is_old(at, c) && is_inode(at->dir, c, c->old_dir_ino);
		return at_entry(at, c) || is_exchange(at, c);
	case ZW_FOP_LINK:
	case ZW_FOP_CREATE:
		return at->new &&at_entry(at, c) && (c->name || is_new(at, c));
	case ZW_FOP_UNLINK:
		return !at->new &&at_entry(at, c);
	default:
		return false;
	}
}

static bool agrees(const struct parting *at, const struct zw_cause *c)
{
	return !at->new || c->op == ZW_FOP_CREATE || is_new(at, c) || is_exchange(at, c);
}

/* From there on the operations are on entries. */
static_assert(ZW_FOP_CREATE == ZW_FOP_DIRENT + 1 && ZW_FOP_RENAME == ZW_FOP_CREATE + 3,
	"operations on entries are not in a row");

static void see_entry(
	struct scene *sc, const struct zw_cause *c, struct trace *t, struct suspect *x)
{
	const struct parting *at = &sc->at;
	bool in_dir = is_inode(at->dir, c, c->dir_ino) || is_inode(at->dir, c, c->old_dir_ino);

	if (c->op == ZW_FOP_UNLINK && is_old(at, c))
		t->unlinked = true;
	if (c->op == ZW_FOP_UNLINK && at_entry(at, c))
		sc->unlinked = true;
	if (is_placing(at, c)) {
		t->placed_ns = c->time_ns;
		x->exact = true;
		if (!sc->first_placed_ns || c->time_ns < sc->first_placed_ns)
			sc->first_placed_ns = c->time_ns;
		if (agrees(at, c) && (!sc->placed || c->time_ns >= sc->placed->time_ns))
			sc->placed = c;
	}
	/* Other names of the directory are none of our business, but a rename does not tell the name it took. */
	if (t->placed_ns == c->time_ns || (c->op == ZW_FOP_RENAME && in_dir) ||
		(c->op >= ZW_FOP_CREATE && at_entry(at, c)))
		t->entry_ns = c->time_ns;
	t->near |= t->entry_ns || is_inode(at->old, c, c->ino2);
}

static void see_leaving(struct scene *sc, const struct zw_cause *c)
{
	if (!sc->left_ns || c->time_ns < sc->left_ns)
		sc->left_ns = c->time_ns;
}

/* Part of an operation on names: @c tells where the inode was then. The new one was at the entry only to be linked to
 * from there, or to come back. */
static void see_entry_mark(struct scene *sc, const struct zw_cause *c, struct trace *t)
{
	const struct parting *at = &sc->at;
	bool here = at_entry(at, c);

	t->near |= here || is_old(at, c) || is_new(at, c);
	if (is_new(at, c) && !named_entry(at, c) && c->time_ns > t->came_ns)
		t->came_ns = c->time_ns;
	if (!here || is_new(at, c))
		return;
	see_leaving(sc, c);
	if (c->time_ns > t->gone_ns)
		t->gone_ns = c->time_ns;
	if (c->time_ns > sc->gone_ns) {
		sc->gone_ns = c->time_ns;
		sc->direct = is_old(at, c);
	}
}

static void see_inode(struct scene *sc, const struct zw_cause *c, struct trace *t)
{
	const struct parting *at = &sc->at;
	/* From before the reading and only standing for later ones: may be, but proves nothing. */
	bool early = c->time_ns < sc->f->from_ns;

	switch (c->op) {
	case ZW_FOP_DIRENT:
		if (is_inode(at->dir, c, c->dir_ino)) {
			t->dirent_ns = t->entry_ns = c->time_ns;
			t->near = true;
		}
		t->near |= is_inode(at->old, c, c->dir_ino) || is_inode(at->new, c, c->dir_ino);
		if (is_inode(at->old, c, c->dir_ino))
			see_leaving(sc, c);
		break;
	case ZW_FOP_ATTR:
		if (c->dir_ino) {
			if (!early)
				see_entry_mark(sc, c, t);
			break;
		}
		t->near |= is_old(at, c) || is_new(at, c);
		if (is_old(at, c)) {
			t->left_ns = c->time_ns;
			see_leaving(sc, c);
		}
		if (early)
			break;
		/* Whoever lets go of an inode last also sees it without a name, but later. */
		if (is_old(at, c) && c->nlink == 0 &&
			(!sc->nameless || c->time_ns < sc->nameless->time_ns))
			sc->nameless = c;
		if (is_new(at, c) && !is_old(at, c))
			t->moved_ns = c->time_ns;
		break;
	case ZW_FOP_WRITE:
		t->near = true;
		if (!early)
			t->made_ns = c->time_ns;
		break;
	default:
		break;
	}
}

struct suspect *zw_scene_enter(struct scene *sc, const struct zw_cause *c)
{
	struct suspect *x = zw_suspect_note(sc->s, c);

	while (x && sc->trace.len < sc->s->list.len)
		if (zw_vec_push(&sc->trace, (struct trace){}) < 0)
			return NULL;
	return x;
}

static int gather_at(struct scene *sc, const struct zw_place *place)
{
	const zw_causes *list =
		place ? zw_cause_book_of(sc->in->book, place->dev, place->ino) : NULL;

	if (!list)
		return 0;
	ZW_VEC_FOREACH(it, list) {
		const struct zw_cause *c = *it;
		struct suspect *x;
		struct trace *t;

		if (!zw_in_window(sc->in, sc->f, c) || c->op == ZW_FOP_OPEN || c->op == ZW_FOP_MAP)
			continue;
		/* Writing other files of the directory, or what was there before: see new_content() and old_content(). */
		if (c->op == ZW_FOP_WRITE && !(is_new(&sc->at, c) && named_entry(&sc->at, c)))
			continue;
		x = zw_scene_enter(sc, c);
		if (!x)
			return -ENOMEM;
		t = trace_of(sc, x);
		see_entry(sc, c, t, x);
		see_inode(sc, c, t);
		x->role = ZW_ROLE_RENAMER;
	}
	return 0;
}

int zw_scene_gather(struct scene *sc)
{
	int r = gather_at(sc, sc->at.dir);

	if (r == 0)
		r = gather_at(sc, sc->at.old);
	return r < 0 ? r : gather_at(sc, sc->at.new);
}
