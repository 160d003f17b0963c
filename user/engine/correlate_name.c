/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The path leads to another inode than before. Hooks of the upper tiers tell of renames, links and creations by
 * name. In the tracepoint tier those have no event of their own and are known by the marks they leave together:
 * an entry of the directory changed, the old inode lost its last name, the new one was touched or written. Where
 * the marks of inodes come with a name, that is the one from before the operation: whatever left the entry is known. */
#include "engine/correlate_impl.h"

#include <assert.h>
#include <errno.h>

/* The level at which the path began to lead elsewhere. */
struct parting {
	const struct zw_place *dir; /* directory whose entry differs; NULL at the root */
	const struct zw_place *old; /* what was there; NULL: nothing */
	const struct zw_place *new; /* what is; NULL: nothing */
	uint32_t old_generation, new_generation;
	uint32_t name_hash; /* of the entry; 0: not known */
	bool mounted;       /* a file system boundary moved: no entry of a directory did that */
	bool copied;        /* a directory there or above may only have been copied up */
};

/* What one suspect did, beyond what every correlation keeps of it. Times are of its last such act; 0: none. */
struct trace {
	uint64_t dirent_ns; /* changed an entry of the directory */
	uint64_t placed_ns; /* made the entry lead elsewhere */
	uint64_t moved_ns;  /* touched the attributes of the new inode */
	uint64_t made_ns;   /* wrote the new inode under its present name */
	uint64_t left_ns;   /* touched the attributes of the old inode */
	uint64_t gone_ns;   /* took something from the entry, or linked to it from there */
	uint64_t came_ns;   /* moved the new inode, or linked to it, from another entry */
	uint64_t entry_ns;  /* any of these, or another act on entries of the directory */
	bool near;          /* acted on the directory, the old or the new inode */
	bool unlinked;      /* removed a name of the old inode, which is no rename over it */
};

struct scene {
	const struct zw_correlate_input *in;
	const struct zw_correlate_file *f;
	struct parting at;
	struct suspects *s;
	ZW_VEC(struct trace) trace;      /* of the suspect with the same number */
	const struct zw_cause *placed;   /* the act that put there what is there, told by name */
	const struct zw_cause *nameless; /* the first that saw the old inode without any name */
	bool unlinked;                   /* the entry was removed explicitly */
	uint64_t gone_ns;         /* when something was last taken from the entry; 0: not known */
	bool direct;              /* that was the old inode */
	uint64_t first_placed_ns; /* the first such act, agreeing with what is there or not */
	uint64_t left_ns;         /* when the old inode was first touched; 0: it was not */
	uint64_t final_ns;        /* when the entry began to lead where it does; 0: not known */
};

/* A directory of an overlay that has come to the upper layer since, as it does when anything in it is changed. Unless
 * another was put in its place, which looks the same. */
static bool is_copied_up(const struct zw_place *a, const struct zw_place *b)
{
	return a->kind == ZW_PLACE_DIR && b->kind == ZW_PLACE_DIR && a->lower && !b->lower &&
	       a->mnt_id == b->mnt_id && a->name_hash == b->name_hash;
}

/* @through: directories that may have been copied up are the same. */
static void find_parting(const struct zw_correlate_file *f, bool through, struct parting *ret)
{
	const struct zw_reading *a = &f->before, *b = &f->after;
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

static bool is_inode(const struct zw_place *p, const struct zw_cause *c, uint64_t ino)
{
	return p && ino && p->dev == c->dev && p->ino == ino;
}

static bool is_old(const struct parting *at, const struct zw_cause *c)
{
	return is_inode(at->old, c, c->ino) &&
	       zw_same_generation(c->generation, at->old_generation);
}

static bool is_new(const struct parting *at, const struct zw_cause *c)
{
	return is_inode(at->new, c, c->ino) &&
	       zw_same_generation(c->generation, at->new_generation);
}

/* The event names the entry of @dir with this hash of its name. Without a name it may. */
static bool is_entry(const struct zw_place *dir, uint32_t name_hash, const struct zw_cause *c)
{
	return is_inode(dir, c, c->dir_ino) &&
	       (!c->name || !name_hash || zw_place_name_hash(c->name) == name_hash);
}

static bool at_entry(const struct parting *at, const struct zw_cause *c)
{
	return is_entry(at->dir, at->name_hash, c);
}

/* The same, and nothing is left to guess. */
static bool named_entry(const struct parting *at, const struct zw_cause *c)
{
	return c->name && at->name_hash && at_entry(at, c);
}

/* An exchange told once, from the other side. */
static bool is_exchange(const struct parting *at, const struct zw_cause *c)
{
	return c->op == ZW_FOP_RENAME && is_inode(at->new, c, c->ino2) &&
	       is_inode(at->dir, c, c->old_dir_ino);
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

static struct suspect *enter(struct scene *sc, const struct zw_cause *c)
{
	struct suspect *x = zw_suspect_note(sc->s, c);

	while (x && sc->trace.len < sc->s->list.len)
		if (zw_vec_push(&sc->trace, (struct trace){}) < 0)
			return NULL;
	return x;
}

/* Looks at everything known of @place's inode for what each process did there. */
static int gather(struct scene *sc, const struct zw_place *place)
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
		x = enter(sc, c);
		if (!x)
			return -ENOMEM;
		t = &sc->trace.items[x - sc->s->list.items];
		see_entry(sc, c, t, x);
		see_inode(sc, c, t);
		x->role = ZW_ROLE_RENAMER;
	}
	return 0;
}

/* What was told by name. When the last act says that it took the place of what was there at the last reading,
 * nobody else's was in between. */
static void decide_by_name(struct scene *sc)
{
	const struct zw_cause *c = sc->placed;
	uint64_t old_ino = sc->at.old ? sc->at.old->ino : 0;
	uint64_t left_ino = is_exchange(&sc->at, c) ? c->ino : c->ino2;
	bool direct =
		sc->at.new ? c->op == ZW_FOP_RENAME &&left_ino == old_ino : c->op == ZW_FOP_UNLINK;

	sc->final_ns = c->time_ns;
	sc->s->gap = !direct && sc->at.new && c->op == ZW_FOP_RENAME && c->ino2 &&
		     sc->first_placed_ns == c->time_ns;
	ZW_VEC_FOREACH(x, &sc->s->list) {
		const struct trace *t = &sc->trace.items[x - sc->s->list.items];

		x->decided = zw_actor_same_process(x->actor, c->actor) ||
			     (!direct && t->placed_ns && t->placed_ns <= sc->final_ns);
		/* Something may have been put there again, and been taken away by another. */
		x->touched = !sc->at.new && t->entry_ns + ZW_COALESCE_NS > sc->final_ns;
	}
}

/* The same from marks alone. */
static bool decide_by_marks(struct scene *sc)
{
	const struct zw_cause *c = sc->at.new && !sc->unlinked ? sc->nameless : NULL;
	struct suspect *over = NULL;

	ZW_VEC_FOREACH(x, &sc->s->list) {
		struct trace *t = &sc->trace.items[x - sc->s->list.items];

		if (c && t->dirent_ns && !t->unlinked &&
			zw_actor_same_process(x->actor, c->actor)) {
			over = x;
			t->placed_ns = c->time_ns;
			x->evidence |= ZW_EVIDENCE_RENAME;
		}
	}
	ZW_VEC_FOREACH(x, &sc->s->list) {
		struct trace *t = &sc->trace.items[x - sc->s->list.items];

		if (x == over || !t->dirent_ns)
			continue;
		if (t->made_ns) {
			t->placed_ns = t->made_ns;
			x->evidence |= ZW_EVIDENCE_CREATE;
			x->role = ZW_ROLE_WRITER;
		} else if (t->moved_ns && over) {
			/* Not while the old inode was still where it was: there was no room for another. */
			x->touched = t->dirent_ns + ZW_COALESCE_NS >= sc->left_ns;
		} else if (t->moved_ns) {
			t->placed_ns = t->moved_ns;
			x->evidence |= ZW_EVIDENCE_RENAME;
		} else if (!sc->at.new && t->left_ns) {
			t->placed_ns = t->dirent_ns;
			x->evidence |= ZW_EVIDENCE_RENAME;
		}
	}
	ZW_VEC_FOREACH(x, &sc->s->list) {
		const struct trace *t = &sc->trace.items[x - sc->s->list.items];

		x->decided = x->exact = t->placed_ns != 0;
		if (t->placed_ns > sc->final_ns)
			sc->final_ns = t->placed_ns;
	}
	return sc->final_ns != 0;
}

/* Whether @time_ns is not before something was last taken from the entry. */
static bool since_gone(const struct scene *sc, uint64_t time_ns)
{
	return time_ns && time_ns + ZW_COALESCE_NS >= sc->gone_ns;
}

/* From marks with names. What is there now came by the operation that took the last away, whose process then moved the
 * new inode too, or later; a file that was made there is known by who wrote it. When what was taken away last is not
 * what was there at the reading before, who put that there counts as well. */
static bool decide_by_entry(struct scene *sc)
{
	ZW_VEC_FOREACH(x, &sc->s->list) {
		struct trace *t = &sc->trace.items[x - sc->s->list.items];

		if (!sc->at.new &&since_gone(sc, t->gone_ns)) {
			t->placed_ns = t->gone_ns;
		} else if (sc->at.new && t->dirent_ns && t->made_ns) {
			t->placed_ns = t->made_ns;
			x->evidence |= ZW_EVIDENCE_CREATE;
			x->role = ZW_ROLE_WRITER;
		} else if (sc->at.new && t->dirent_ns && since_gone(sc, t->came_ns)) {
			t->placed_ns = t->came_ns;
		}
		if (t->placed_ns && !t->made_ns)
			x->evidence |= ZW_EVIDENCE_RENAME;
		if (t->placed_ns > sc->final_ns)
			sc->final_ns = t->placed_ns;
	}
	ZW_VEC_FOREACH(x, &sc->s->list) {
		const struct trace *t = &sc->trace.items[x - sc->s->list.items];
		bool own = since_gone(sc, t->gone_ns);

		x->exact = t->placed_ns != 0;
		x->decided = sc->final_ns ? x->exact : own || since_gone(sc, t->entry_ns);
		x->decided |= sc->at.new && !sc->direct && (t->gone_ns || t->came_ns);
		x->touched |= own || (sc->at.new && !sc->direct && t->dirent_ns);
	}
	return sc->final_ns != 0;
}

/* Nobody was seen doing it: everybody who changed the directory may have, else everybody who was near. Before the
 * old inode was touched, which taking it away does, there was no room for another. */
static void decide_by_place(struct scene *sc)
{
	bool entry = false;

	ZW_VEC_FOREACH(t, &sc->trace)
		entry |= t->entry_ns && t->entry_ns + ZW_COALESCE_NS >= sc->left_ns;
	ZW_VEC_FOREACH(x, &sc->s->list) {
		const struct trace *t = &sc->trace.items[x - sc->s->list.items];

		x->decided = entry ? t->entry_ns && t->entry_ns + ZW_COALESCE_NS >= sc->left_ns
				   : t->near;
	}
}

/* Who wrote what is there now: beforehand, which is preparing it, or when it was there already. */
static int new_content(struct scene *sc)
{
	const struct zw_place *p = zw_file_place(&sc->f->after);
	const zw_causes *list = p ? zw_cause_book_of(sc->in->book, p->dev, p->ino) : NULL;

	if (!list)
		return 0;
	ZW_VEC_FOREACH(it, list) {
		const struct zw_cause *c = *it;
		bool inside = zw_in_window(sc->in, sc->f, c);
		struct suspect *x;

		if (!zw_cause_of_file(c, &sc->f->after) || c->time_ns > sc->in->to_ns ||
			(c->op != ZW_FOP_WRITE && (c->op != ZW_FOP_MAP || !inside)))
			continue;
		x = enter(sc, c);
		if (!x)
			return -ENOMEM;
		if (c->op == ZW_FOP_MAP) {
			x->touched = true;
			continue;
		}
		x->wrote = true;
		if (inside && (named_entry(&sc->at, c) ||
				      (sc->final_ns ? c->time_ns > sc->final_ns : !c->name)))
			x->decided = x->exact = true;
		/* Under another of its names; it may have been there by then. */
		x->touched |= inside && !sc->final_ns && c->nlink > 1;
	}
	return 0;
}

/* Who wrote, in the window, what was there until it was replaced: the new content may be made from that. */
static int old_content(struct scene *sc, const struct zw_place *place)
{
	const zw_causes *list =
		place ? zw_cause_book_of(sc->in->book, place->dev, place->ino) : NULL;

	if (!list)
		return 0;
	ZW_VEC_FOREACH(it, list) {
		const struct zw_cause *c = *it;
		struct suspect *x;

		if (c->op != ZW_FOP_WRITE || !zw_in_window(sc->in, sc->f, c) ||
			(sc->final_ns && c->time_ns > sc->final_ns) ||
			zw_cause_of_file(c, &sc->f->after))
			continue;
		if (!zw_cause_of_file(c, &sc->f->before) && !named_entry(&sc->at, c))
			continue;
		x = enter(sc, c);
		if (!x)
			return -ENOMEM;
		x->decided = x->exact = true;
	}
	return 0;
}

/* By marks alone, one who changed the directory after the last replacement that is known may have replaced again;
 * so may one who did before the new file was written under its name. It leaves a doubt, and counts when the new
 * content is its own. Not so when whoever was seen replacing, or else making it, also wrote all of it. */
static void doubt_marks(struct scene *sc, const struct suspect *author)
{
	/* Then what came before may count as well. */
	bool any =
		!sc->at.new || sc->trace.items[author - sc->s->list.items].made_ns == sc->final_ns;
	bool own = author->wrote;

	ZW_VEC_FOREACH(x, &sc->s->list)
		own &= x == author || !x->wrote;
	if (own)
		return;
	ZW_VEC_FOREACH(x, &sc->s->list) {
		const struct trace *t = &sc->trace.items[x - sc->s->list.items];

		if (x->decided || !t->dirent_ns || !since_gone(sc, t->dirent_ns) ||
			(!any && t->dirent_ns + ZW_COALESCE_NS < sc->final_ns))
			continue;
		x->touched = true;
		x->decided = x->wrote;
	}
}

/* Who the marks say was last. */
static const struct suspect *author_by_marks(const struct scene *sc)
{
	ZW_VEC_FOREACH(x, &sc->s->list)
		if (sc->trace.items[x - sc->s->list.items].placed_ns == sc->final_ns)
			return x;
	return NULL;
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

		if (!zw_in_window(sc->in, sc->f, *it) ||
			(mounted && !zw_hook_is_mounted((*it)->hook)))
			continue;
		x = enter(sc, *it);
		if (!x)
			return -ENOMEM;
		x->decided = x->exact = true;
		x->role = ZW_ROLE_RENAMER;
		if ((*it)->time_ns > sc->final_ns)
			sc->final_ns = (*it)->time_ns;
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

/* Below the level of the parting others may have been at work as soon as the directory was there. Those that a link
 * leads through again are no news. */
static int below(struct scene *sc)
{
	const struct zw_reading *after = &sc->f->after;
	size_t i = (size_t)(sc->at.new - after->place);

	for (; i + 1 < after->places; i++) {
		const struct zw_place *dir = &after->place[i];
		const zw_causes *list = zw_cause_book_of(sc->in->book, dir->dev, dir->ino);

		if (!list || was_there(&sc->f->before, dir))
			continue;
		ZW_VEC_FOREACH(it, list) {
			struct suspect *x;

			if (!zw_in_window(sc->in, sc->f, *it) ||
				(*it)->time_ns + zw_cause_slack_ns(*it) < sc->final_ns ||
				(*it)->op == ZW_FOP_WRITE ||
				!is_entry(dir, dir[1].name_hash, *it))
				continue;
			x = enter(sc, *it);
			if (!x)
				return -ENOMEM;
			x->decided = true;
		}
	}
	return 0;
}

static int explain(struct scene *sc, bool through)
{
	bool marks = false;
	int r;

	find_parting(sc->f, through, &sc->at);
	if (sc->at.mounted) {
		r = mounted_over(sc);
	} else {
		r = gather(sc, sc->at.dir);
		if (r == 0)
			r = gather(sc, sc->at.old);
		if (r == 0)
			r = gather(sc, sc->at.new);
		if (r < 0)
			return r;
		if (sc->placed)
			decide_by_name(sc);
		else if (sc->gone_ns)
			marks = decide_by_entry(sc);
		else if (decide_by_marks(sc))
			marks = true;
		else
			decide_by_place(sc);
	}
	if (r == 0 && sc->at.new)
		r = old_content(sc, zw_file_place(&sc->f->before));
	if (r == 0 && sc->at.new)
		r = old_content(sc, sc->at.dir);
	if (r == 0)
		r = new_content(sc);
	if (r == 0 && marks)
		doubt_marks(sc, author_by_marks(sc));
	if (r == 0 && sc->at.new && !sc->at.mounted)
		r = below(sc);
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

	zw_vec_free(&sc.trace);
	if (r < 0 || !sc.at.copied || any_decided(s))
		return r;
	/* What was done in a directory just after it was copied up, before it was watched, is not known: whoever had it
	 * copied up need not be who changed the file. */
	zw_suspects_done(s);
	*s = (struct suspects){};
	sc = (struct scene){.in = in, .f = f, .s = s};
	r = explain(&sc, false);
	s->gap = true;
	zw_vec_free(&sc.trace);
	return r;
}
