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

/* An operation on names that was told of before the reading before and done only after it, as hooks that come before the
 * operation may: what it was to move was then still where it was, and is where it was to go now. */
static bool is_overdue(const struct scene *sc, const struct zw_cause *c)
{
	const struct parting *at = &sc->at;

	if (!zw_hook_is_early(c->hook) || c->time_ns >= sc->f->from_ns ||
		c->time_ns + ZW_EARLY_MAX_NS < sc->f->from_ns)
		return false;
	switch (c->op) {
	case ZW_FOP_RENAME:
		if (!at->new)
			return named_entry(at, c)
				       ? at->old && c->ino2 == at->old->ino
				       : is_old(at, c) && is_inode(at->dir, c, c->old_dir_ino);
		if (!named_entry(at, c))
			return is_exchange(at, c) && is_old(at, c);
		return is_new(at, c) && !is_old(at, c) && c->ino2 == (at->old ? at->old->ino : 0);
	case ZW_FOP_LINK:
		return !at->old && is_new(at, c) && named_entry(at, c);
	case ZW_FOP_CREATE:
		return !at->old && at->new &&named_entry(at, c);
	case ZW_FOP_UNLINK:
		return !at->new &&is_old(at, c) && at_entry(at, c);
	default:
		return false;
	}
}

/* Whether it may have been done since the reading before. */
static bool is_in_time(const struct scene *sc, const struct zw_cause *c)
{
	return zw_in_window(sc->in, sc->f, c) || is_overdue(sc, c);
}

/* Inodes that were at the entry for a while, and from when on. */
static int note_visit(struct scene *sc, uint64_t ino, uint64_t from_ns)
{
	uint64_t known = zw_scene_visited_ns(sc, ino);

	if (!ino || (known && known <= from_ns))
		return 0;
	return zw_map_put(sc->visits, &ino, sizeof(ino), (void *)(uintptr_t)from_ns, NULL);
}

/* Perhaps an exchange, told once, from the other side: what it took from the entry had been there. */
static bool may_have_placed(const struct scene *sc, const struct zw_cause *c)
{
	return c->op == ZW_FOP_RENAME && (may_exchange(c) || !sc->at.new) &&
	       is_inode(sc->at.dir, c, c->old_dir_ino) && !named_entry(&sc->at, c) &&
	       zw_scene_visited_ns(sc, c->ino);
}

/* A link, or a rename, says what came; a rename or an unlink what went, which was there since nobody knows when. A creation
 * does not say what it @made, and one from before the reading may have made what was removed by then. Of a file with
 * several names in the directory none may be told. */
static int collect_visit(struct scene *sc, const struct zw_cause *c, bool *made)
{
	bool named = named_entry(&sc->at, c);
	int r = 0;

	if (named && c->op == ZW_FOP_CREATE)
		*made = c->time_ns >= sc->f->from_ns;
	else if (named && (c->op == ZW_FOP_LINK || c->op == ZW_FOP_RENAME))
		r = note_visit(sc, c->ino, c->time_ns);
	else if ((named && c->op == ZW_FOP_UNLINK) || (!c->name && c->op == ZW_FOP_ATTR))
		r = note_visit(sc, c->ino, 1);
	if (r < 0 || !named || c->op != ZW_FOP_RENAME || !c->ino2)
		return r;
	sc->unexplained |= !*made && !zw_scene_visited_ns(sc, c->ino2);
	*made = false;
	return note_visit(sc, c->ino2, 1);
}

/* From what was there at the reading before on. */
static int collect_visits(struct scene *sc)
{
	const struct zw_place *dir = sc->at.dir;
	const zw_causes *list = dir ? zw_cause_book_of(sc->in->book, dir->dev, dir->ino) : NULL;
	bool made = false;
	int r = zw_map_new(&sc->visits);

	if (r == 0 && sc->at.old)
		r = note_visit(sc, sc->at.old->ino, 1);
	for (size_t i = 0; list && r == 0 && i < list->len; i++) {
		const struct zw_cause *c = list->items[i];

		if (!is_in_time(sc, c))
			continue;
		if (at_entry(&sc->at, c)) {
			r = collect_visit(sc, c, &made);
			continue;
		}
		/* Perhaps what was made there. */
		if (made && c->op == ZW_FOP_RENAME && is_inode(dir, c, c->old_dir_ino))
			r = note_visit(sc, c->ino, sc->f->from_ns);
		if (r == 0 && may_have_placed(sc, c))
			r = note_visit(sc, c->ino2, c->time_ns);
	}
	return r;
}

uint64_t zw_scene_visited_ns(const struct scene *sc, uint64_t ino)
{
	return sc->visits ? (uintptr_t)zw_map_get(sc->visits, &ino, sizeof(ino)) : 0;
}

void zw_scene_done(struct scene *sc)
{
	zw_vec_free(&sc->trace);
	zw_map_free(sc->visits);
	sc->visits = NULL;
}

/* What is known of an inode is in order, of several it is not. */
static void latest(uint64_t *ns, const struct zw_cause *c)
{
	if (c->time_ns > *ns)
		*ns = c->time_ns;
}

static void earliest(uint64_t *ns, const struct zw_cause *c)
{
	if (!*ns || c->time_ns < *ns)
		*ns = c->time_ns;
}

static void see_entry(
	struct scene *sc, const struct zw_cause *c, struct trace *t, struct suspect *x)
{
	const struct parting *at = &sc->at;
	bool in_dir = is_inode(at->dir, c, c->dir_ino) || is_inode(at->dir, c, c->old_dir_ino);
	bool removes = c->op == ZW_FOP_UNLINK;
	bool moves = c->op == ZW_FOP_RENAME && is_inode(at->dir, c, c->old_dir_ino);

	t->unlinked |= removes && is_old(at, c);
	if (removes && at_entry(at, c))
		latest(&sc->unlinked_ns, c);
	if (is_old(at, c) && (moves || (removes && at_entry(at, c))))
		earliest(&sc->left_ns, c);
	sc->moved |= is_old(at, c) && moves && c->nlink <= 1;
	sc->returned |= is_old(at, c) && c->op == ZW_FOP_RENAME && !moves;
	if (is_placing(at, c) || may_have_placed(sc, c)) {
		latest(&t->placed_ns, c);
		earliest(&t->first_placed_ns, c);
	}
	if (is_placing(at, c)) {
		x->exact = true;
		if (!sc->first_placed || c->time_ns < sc->first_placed->time_ns)
			sc->first_placed = c;
		if (agrees(at, c) && (!sc->placed || c->time_ns >= sc->placed->time_ns))
			sc->placed = c;
	}
	/* Other names of the directory are none of our business, but a rename does not tell the name it took. */
	if (t->placed_ns == c->time_ns || (c->op == ZW_FOP_RENAME && in_dir) ||
		(c->op >= ZW_FOP_CREATE && at_entry(at, c)))
		latest(&t->entry_ns, c);
	t->near |= t->entry_ns || is_inode(at->old, c, c->ino2);
}

/* Something was at the entry then. */
static void see_gone(struct scene *sc, const struct zw_cause *c, struct trace *t)
{
	struct going *g = &sc->going;
	bool old = is_old(&sc->at, c);

	earliest(&sc->left_ns, c);
	latest(&t->gone_ns, c);
	if (named_entry(&sc->at, c)) {
		if (c->time_ns > g->named_ns)
			g->named_old = old;
		latest(&g->named_ns, c);
		return;
	}
	earliest(&g->maybe_ns, c);
	if (!old)
		latest(&g->other_ns, c);
}

/* Part of an operation on names: @c tells where the inode was then. The new one was at the entry only to be linked to
 * from there, or to come back. */
static void see_entry_mark(struct scene *sc, const struct zw_cause *c, struct trace *t)
{
	const struct parting *at = &sc->at;
	/* One with several names may also have been there by another than the one that was looked at. */
	bool here = at_entry(at, c) || (!c->name && is_old(at, c));

	t->near |= here || is_old(at, c) || is_new(at, c);
	if (is_new(at, c) && !named_entry(at, c)) {
		latest(&t->came_ns, c);
		sc->aliased |= c->nlink > 1;
	}
	if (here && !is_new(at, c))
		see_gone(sc, c, t);
}

/* Where a name is told of a directory that changed, one came as another went. */
static void see_directory(struct scene *sc, const struct zw_cause *c, struct trace *t)
{
	const struct parting *at = &sc->at;

	if (is_inode(at->dir, c, c->dir_ino)) {
		latest(&t->dirent_ns, c);
		if (c->old_dir_ino)
			latest(&t->away_ns, c);
		/* Which may have been the old one. */
		if (c->old_dir_ino && at->old)
			earliest(&sc->left_ns, c);
		latest(&t->entry_ns, c);
		t->near = true;
		if (named_entry(at, c) && c->time_ns >= sc->f->from_ns) {
			see_gone(sc, c, t);
			latest(&t->came_ns, c);
		}
	}
	t->near |= is_inode(at->old, c, c->dir_ino) || is_inode(at->new, c, c->dir_ino);
	if (is_inode(at->old, c, c->dir_ino))
		earliest(&sc->left_ns, c);
}

static void see_inode(struct scene *sc, const struct zw_cause *c, struct trace *t)
{
	const struct parting *at = &sc->at;
	/* From before the reading and only standing for later ones: may be, but proves nothing. */
	bool early = c->time_ns < sc->f->from_ns;

	switch (c->op) {
	case ZW_FOP_DIRENT:
		see_directory(sc, c, t);
		break;
	case ZW_FOP_ATTR:
		if (c->dir_ino) {
			if (!early)
				see_entry_mark(sc, c, t);
			else if (is_old(&sc->at, c) && !c->name)
				see_gone(sc, c, t);
			break;
		}
		/* A reader, whose access time is no sign of having moved what is there now. */
		if (is_new(at, c) && !is_old(at, c) && c->ctime_ns && !zw_moved_ctime(sc->in, c))
			break;
		t->near |= is_old(at, c) || is_new(at, c);
		if (is_old(at, c)) {
			latest(&t->left_ns, c);
			earliest(&sc->left_ns, c);
			t->moved_old |= !early && c->nlink && zw_moved_ctime(sc->in, c);
		}
		if (early)
			break;
		/* Whoever lets go of an inode last also sees it without a name, but later. */
		if (is_old(at, c) && c->nlink == 0 &&
			(!sc->nameless || c->time_ns < sc->nameless->time_ns))
			sc->nameless = c;
		if (is_new(at, c) && !is_old(at, c))
			latest(&t->moved_ns, c);
		break;
	case ZW_FOP_WRITE:
		t->near = true;
		if (!early)
			latest(&t->made_ns, c);
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

/* What put there what was there at the reading before, told of only after that. */
static bool is_late(const struct scene *sc, const struct zw_cause *c)
{
	return c->hook == ZW_HOOK_TP_NOTIFY && c->op == ZW_FOP_RENAME && is_old(&sc->at, c) &&
	       named_entry(&sc->at, c) && !is_new(&sc->at, c) &&
	       c->time_ns < sc->f->from_ns + ZW_LATE_MAX_NS;
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

		if (!is_in_time(sc, c))
			continue;
		if (c->op == ZW_FOP_OPEN || c->op == ZW_FOP_MAP || is_late(sc, c))
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

/* From the last time on that something was at the entry for sure. Where a file has several names in one directory and none
 * is told, from the first time on that it may have been, or that the old one was touched at all: what was done to its names
 * a moment after that is told of together with it. */
static void settle_going(struct scene *sc)
{
	const struct going *g = &sc->going;

	sc->gone_ns = g->named_ns ? g->named_ns : g->maybe_ns;
	if (!g->named_ns && sc->gone_ns && sc->left_ns < sc->gone_ns)
		sc->gone_ns = sc->left_ns;
	sc->direct = g->named_ns ? g->named_old && g->other_ns <= g->named_ns : !g->other_ns;
}

int zw_scene_gather(struct scene *sc)
{
	int r = collect_visits(sc);

	if (r == 0)
		r = gather_at(sc, sc->at.dir);
	if (r == 0)
		r = gather_at(sc, sc->at.old);
	if (r == 0)
		r = gather_at(sc, sc->at.new);
	settle_going(sc);
	return r;
}
