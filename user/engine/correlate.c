/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/correlate.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

/* What one process was seen doing to the files of the zone in the window. */
struct suspect {
	struct zw_actor *actor; /* borrowed */
	uint32_t evidence;      /* enum zw_evidence */
	uint64_t first_ns, last_ns;
	uint64_t placed_ns; /* when it put the present file there; 0: it did not */
	uint64_t wrote_ns;  /* last write to the present file; 0: none */
	enum zw_role role;
	bool decided; /* it made, or may have made, the difference */
	bool exact;   /* it was seen making it, not merely near it */
	bool touched; /* moved the change time without a write that was seen, or could store unseen */
};
typedef ZW_VEC(struct suspect) suspects;

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

static struct suspect *suspect_of(suspects *s, struct zw_actor *actor)
{
	ZW_VEC_FOREACH(it, s)
		if (zw_actor_same_process(it->actor, actor))
			return it;
	if (zw_vec_push(s, (struct suspect){.actor = actor}) < 0)
		return NULL;
	return &s->items[s->len - 1];
}

static struct suspect *note(suspects *s, const struct zw_cause *c)
{
	struct suspect *x = suspect_of(s, c->actor);

	if (!x)
		return NULL;
	x->evidence |= op_evidence[c->op];
	if (!x->first_ns || c->time_ns < x->first_ns)
		x->first_ns = c->time_ns;
	if (c->time_ns >= x->last_ns) {
		x->last_ns = c->time_ns;
		/* A process may exec between two writes: what it was last is what it is. */
		x->actor = c->actor;
	}
	return x;
}

static bool in_window(const struct zw_correlate_input *in, const struct zw_correlate_file *f,
	const struct zw_cause *c)
{
	return c->time_ns >= f->from_ns && c->time_ns <= in->to_ns;
}

static bool same_inode(const struct zw_cause *c, const struct zw_reading *r)
{
	return !c->generation || !r->generation || c->generation == r->generation;
}

static const struct zw_place *file_place(const struct zw_reading *r)
{
	return r->present && r->places ? &r->place[r->places - 1] : NULL;
}

/* --- the same inode, other content ------------------------------------------------------------------- */

/* Two passes, since an attribute change is evidence only where no write is. */
static int written_in_place(
	const struct zw_correlate_input *in, const struct zw_correlate_file *f, suspects *s)
{
	const struct zw_place *p = file_place(&f->after);
	const zw_causes *list = zw_cause_book_of(in->book, p->dev, p->ino);
	uint64_t size = f->before.size_bytes, ctime = f->before.ctime_ns;
	bool exact = false;

	if (!list)
		return 0;
	ZW_VEC_FOREACH(it, list) {
		const struct zw_cause *c = *it;
		struct suspect *x;

		if (c->ino != p->ino || !in_window(in, f, c) || !same_inode(c, &f->after))
			continue;
		x = note(s, c);
		if (!x)
			return -ENOMEM;
		if (c->op == ZW_FOP_WRITE || (c->op == ZW_FOP_ATTR && c->size_bytes != size)) {
			x->decided = x->exact = exact = true;
			x->wrote_ns = c->time_ns;
		} else if (c->op == ZW_FOP_ATTR && c->ctime_ns != ctime) {
			x->touched = true;
		} else if (c->op == ZW_FOP_MAP) {
			/* It may be gone by now, so that it is no longer found among the holders. */
			x->touched = true;
		}
		size = c->size_bytes;
		ctime = c->ctime_ns;
	}
	if (exact)
		return 0;
	ZW_VEC_FOREACH(x, s)
		x->decided |= (x->evidence & (ZW_EVIDENCE_ATTR | ZW_EVIDENCE_OPEN |
						     ZW_EVIDENCE_MAPPING)) != 0;
	return 0;
}

/* --- another inode ------------------------------------------------------------------------------------ */

/* The level at which the path began to lead elsewhere. */
struct parting {
	const struct zw_place *dir; /* directory whose entry differs; NULL at the root */
	const struct zw_place *old; /* what was there; NULL: nothing */
	const struct zw_place *new; /* what is; NULL: nothing */
	const char *name;           /* of the entry; NULL when it is not the last one */
	bool mounted;
};

static void find_parting(const struct zw_correlate_file *f, struct parting *ret)
{
	const struct zw_reading *a = &f->before, *b = &f->after;
	size_t k = 0;

	while (k < a->places && k < b->places && a->place[k].dev == b->place[k].dev &&
		a->place[k].ino == b->place[k].ino && a->place[k].mnt_id == b->place[k].mnt_id)
		k++;
	/* The inode number was reused: the entry parts at the end all the same. */
	if (k > 0 && k == a->places && k == b->places)
		k--;
	*ret = (struct parting){
		.dir = k > 0 ? &b->place[k - 1] : NULL,
		.old = k < a->places ? &a->place[k] : NULL,
		.new = k < b->places ? &b->place[k] : NULL,
	};
	/* The entry of a link is searched in the directory before it. */
	if (ret->dir && ret->dir->kind == ZW_PLACE_LINK)
		for (size_t i = k; i-- > 0;)
			if (b->place[i].kind == ZW_PLACE_DIR) {
				ret->dir = &b->place[i];
				break;
			}
	if ((!ret->new || k + 1 == b->places) && (!ret->old || k + 1 == a->places))
		ret->name = b->name;
	/* A file system boundary moved: no entry of a directory did that. */
	ret->mounted = ret->old && ret->new && ret->old->mnt_id != ret->new->mnt_id;
}

static int mounted_over(const struct zw_correlate_input *in, const struct zw_correlate_file *f,
	suspects *s)
{
	const zw_causes *list = zw_cause_book_of(in->book, 0, 0);
	bool mounted = false;

	if (!list)
		return 0;
	/* Anybody may call mount(2) and be refused: attempts count only when no success was seen. */
	ZW_VEC_FOREACH(it, list)
		mounted |= in_window(in, f, *it) && zw_hook_is_mounted((*it)->hook);
	ZW_VEC_FOREACH(it, list) {
		struct suspect *x;

		if (!in_window(in, f, *it) || (mounted && !zw_hook_is_mounted((*it)->hook)))
			continue;
		x = note(s, *it);
		if (!x)
			return -ENOMEM;
		x->decided = x->exact = true;
		x->role = ZW_ROLE_RENAMER;
		x->placed_ns = (*it)->time_ns;
	}
	return 0;
}

static bool is_inode(const struct zw_place *p, const struct zw_cause *c, uint64_t ino)
{
	return p && ino && p->dev == c->dev && p->ino == ino;
}

static bool name_is(const struct parting *at, const struct zw_cause *c)
{
	return at->name && c->name && zw_streq(at->name, c->name);
}

/* What one event says about its actor: it put the new entry there, it was near, or neither. */
enum part {
	PART_NONE,
	PART_NEAR,
	PART_PLACED,
};

static enum part part_of(const struct parting *at, const struct zw_cause *c)
{
	bool in_dir = is_inode(at->dir, c, c->dir_ino) || is_inode(at->dir, c, c->old_dir_ino);
	bool is_new = is_inode(at->new, c, c->ino), is_old = is_inode(at->old, c, c->ino);

	switch (c->op) {
	case ZW_FOP_RENAME:
		if (is_new && in_dir)
			return PART_PLACED;
		/* An exchange told once, from the other side. */
		if (is_inode(at->new, c, c->ino2) && is_inode(at->dir, c, c->old_dir_ino))
			return PART_PLACED;
		return is_old || is_inode(at->old, c, c->ino2) || in_dir ? PART_NEAR : PART_NONE;
	case ZW_FOP_LINK:
		return is_new && in_dir && (!at->name || name_is(at, c)) ? PART_PLACED
		       : in_dir                                          ? PART_NEAR
									 : PART_NONE;
	case ZW_FOP_CREATE:
		return in_dir && name_is(at, c) && at->new ? PART_PLACED
		       : in_dir && !c->name                ? PART_NEAR
							   : PART_NONE;
	case ZW_FOP_UNLINK:
		if (is_old && !at->new)
			return PART_PLACED; /* that there is nothing now is its doing */
		return is_old ? PART_NEAR : PART_NONE;
	case ZW_FOP_ATTR:
		/* Losing the last name without an unlink is being renamed over. */
		return is_old || is_new ? PART_NEAR : PART_NONE;
	case ZW_FOP_DIRENT:
		return in_dir || is_inode(at->old, c, c->dir_ino) ||
				       is_inode(at->new, c, c->dir_ino)
			       ? PART_NEAR
			       : PART_NONE;
	case ZW_FOP_WRITE:
		/* Written under the very name it has now: made in place. */
		return is_new && name_is(at, c) && in_dir ? PART_NEAR : PART_NONE;
	default:
		return PART_NONE;
	}
}

/* In the tracepoint tier a rename has no event of its own; it is known by the marks it leaves together. */
struct marks {
	uint64_t dirent_ns;   /* changed an entry of the directory */
	uint64_t victim_ns;   /* the old inode lost its last name */
	uint64_t moved_ns;    /* touched the attributes of the new inode */
	uint64_t made_ns;     /* wrote the new inode under its present name */
	uint64_t unlinked_ns; /* removed the old name explicitly */
};

static void add_mark(struct marks *m, const struct parting *at, const struct zw_cause *c)
{
	switch (c->op) {
	case ZW_FOP_DIRENT:
		if (is_inode(at->dir, c, c->dir_ino))
			m->dirent_ns = c->time_ns;
		break;
	case ZW_FOP_ATTR:
		if (is_inode(at->old, c, c->ino) && c->nlink == 0)
			m->victim_ns = c->time_ns;
		else if (is_inode(at->new, c, c->ino))
			m->moved_ns = c->time_ns;
		break;
	case ZW_FOP_WRITE:
		if (is_inode(at->new, c, c->ino) && name_is(at, c))
			m->made_ns = c->time_ns;
		break;
	case ZW_FOP_UNLINK:
		if (is_inode(at->old, c, c->ino))
			m->unlinked_ns = c->time_ns;
		break;
	default:
		break;
	}
}

/* Looks at everything known of @place's inode for the part each actor had. */
static int gather(const struct zw_correlate_input *in, const struct zw_correlate_file *f,
	const struct parting *at,
	const struct zw_place *place, suspects *s, struct marks *marks, size_t max)
{
	const zw_causes *list = place ? zw_cause_book_of(in->book, place->dev, place->ino) : NULL;

	if (!list)
		return 0;
	ZW_VEC_FOREACH(it, list) {
		enum part part;
		struct suspect *x;

		if (!in_window(in, f, *it))
			continue;
		part = part_of(at, *it);
		if (part == PART_NONE)
			continue;
		x = note(s, *it);
		if (!x)
			return -ENOMEM;
		if ((size_t)(x - s->items) < max)
			add_mark(&marks[x - s->items], at, *it);
		x->role = ZW_ROLE_RENAMER;
		if (part == PART_PLACED) {
			x->exact = true;
			x->placed_ns = (*it)->time_ns;
		}
	}
	return 0;
}

/* More actors than this in one window are all ambiguous anyway. */
#define MARKS_MAX 64

static void judge_marks(const struct parting *at, suspects *s, const struct marks *marks)
{
	for (size_t i = 0; i < s->len && i < MARKS_MAX; i++) {
		const struct marks *m = &marks[i];
		struct suspect *x = &s->items[i];

		if (!m->dirent_ns || x->placed_ns)
			continue;
		if (m->victim_ns && !m->unlinked_ns && at->new) {
			x->placed_ns = m->victim_ns;
			x->evidence |= ZW_EVIDENCE_RENAME;
		} else if (m->made_ns) {
			x->placed_ns = m->dirent_ns;
			x->evidence |= ZW_EVIDENCE_CREATE;
			x->role = ZW_ROLE_WRITER;
		} else if (m->moved_ns) {
			x->placed_ns = m->moved_ns;
			x->evidence |= ZW_EVIDENCE_RENAME;
		}
		x->exact |= x->placed_ns != 0;
	}
}

/* Whoever placed the present file, else everybody who was near. Two that placed one after the other: the
 * later one's is what is there. */
static uint64_t decide_replacement(suspects *s, size_t from)
{
	uint64_t last = 0;

	for (size_t i = from; i < s->len; i++)
		if (s->items[i].placed_ns > last)
			last = s->items[i].placed_ns;
	for (size_t i = from; i < s->len; i++)
		s->items[i].decided |= last ? s->items[i].placed_ns == last : true;
	return last;
}

/* Writers of the new content: they prepared it, or, when they wrote after it was put there, changed it. */
static int content_writers(const struct zw_correlate_input *in, const struct zw_correlate_file *f,
	uint64_t placed_ns, suspects *s)
{
	const struct zw_place *p = file_place(&f->after);
	const zw_causes *list = p ? zw_cause_book_of(in->book, p->dev, p->ino) : NULL;

	if (!list)
		return 0;
	ZW_VEC_FOREACH(it, list) {
		const struct zw_cause *c = *it;
		struct suspect *x;

		if (c->op != ZW_FOP_WRITE || c->ino != p->ino || c->time_ns > in->to_ns ||
			!same_inode(c, &f->after))
			continue;
		x = note(s, c);
		if (!x)
			return -ENOMEM;
		x->wrote_ns = c->time_ns;
		if (c->time_ns > placed_ns && c->time_ns >= f->from_ns && placed_ns)
			x->decided = x->exact = true;
	}
	return 0;
}

static int replaced(
	const struct zw_correlate_input *in, const struct zw_correlate_file *f, suspects *s)
{
	struct marks marks[MARKS_MAX] = {};
	uint64_t placed_ns;
	struct parting at;
	suspects mine = {};
	int r;

	find_parting(f, &at);
	if (at.mounted) {
		r = mounted_over(in, f, s);
		return r < 0 ? r : content_writers(in, f, 0, s);
	}
	r = gather(in, f, &at, at.dir, &mine, marks, MARKS_MAX);
	if (r == 0 && at.old)
		r = gather(in, f, &at, at.old, &mine, marks, MARKS_MAX);
	if (r == 0 && at.new && !(at.old && at.old->ino == at.new->ino))
		r = gather(in, f, &at, at.new, &mine, marks, MARKS_MAX);
	judge_marks(&at, &mine, marks);
	placed_ns = decide_replacement(&mine, 0);
	if (r == 0)
		r = content_writers(in, f, placed_ns, &mine);
	/* The zone's other files may have brought some of the same processes in already. */
	for (size_t i = 0; r == 0 && i < mine.len; i++) {
		struct suspect *x = suspect_of(s, mine.items[i].actor);

		if (!x) {
			r = -ENOMEM;
		} else if (!x->evidence) {
			*x = mine.items[i];
		} else {
			x->evidence |= mine.items[i].evidence;
			x->decided |= mine.items[i].decided;
			x->exact |= mine.items[i].exact;
			if (mine.items[i].last_ns > x->last_ns)
				x->last_ns = mine.items[i].last_ns;
			if (mine.items[i].first_ns < x->first_ns)
				x->first_ns = mine.items[i].first_ns;
		}
	}
	zw_vec_free(&mine);
	return r;
}

/* --- the verdict of it -------------------------------------------------------------------------------- */

static bool file_replaced(const struct zw_correlate_file *f)
{
	const struct zw_place *a = file_place(&f->before), *b = file_place(&f->after);

	return !a || !b || a->dev != b->dev || a->ino != b->ino || a->mnt_id != b->mnt_id ||
	       (f->before.generation && f->after.generation &&
		       f->before.generation != f->after.generation);
}

static bool is_server(const struct zw_correlate_input *in, const struct zw_actor *a)
{
	if (!in->server_pid)
		return false;
	if (a->tgid == in->server_pid)
		return true;
	return a->exe_ino && a->exe_ino == in->server_exe_ino && a->exe_dev == in->server_exe_dev;
}

/* Holders count when nobody else is known. Those that have it mapped leave a doubt in any case: what they
 * store into a page that is dirty already is invisible. */
static int add_holders(const struct zw_correlate_input *in, suspects *s)
{
	bool anybody = false;

	ZW_VEC_FOREACH(x, s)
		anybody |= x->decided;
	for (size_t i = 0; i < in->holders; i++) {
		const struct zw_correlate_holder *h = &in->holder[i];
		struct suspect *x;

		if (!h->mapped && anybody)
			continue;
		x = suspect_of(s, h->actor);
		if (!x)
			return -ENOMEM;
		x->evidence |= h->mapped ? ZW_EVIDENCE_MAPPING : ZW_EVIDENCE_HELD_OPEN;
		x->touched = true;
		x->decided |= !anybody;
		if (!x->last_ns)
			x->first_ns = x->last_ns = in->to_ns;
	}
	return 0;
}

static int append_cause(
	const struct zw_correlate_input *in, const struct suspect *x, struct zw_report *report)
{
	struct zw_report_cause *grown =
		reallocarray(report->cause, report->causes + 1, sizeof(*report->cause));

	if (!grown)
		return -ENOMEM;
	report->cause = grown;
	report->cause[report->causes++] = (struct zw_report_cause){
		.role = is_server(in, x->actor) ? ZW_ROLE_SERVER : x->role,
		.channel = ZW_CHANNEL_FILE,
		.evidence = x->evidence,
		.first_ns = (uint64_t)((int64_t)x->first_ns + in->real_offset_ns),
		.last_ns = (uint64_t)((int64_t)x->last_ns + in->real_offset_ns),
		.actor = zw_actor_ref(x->actor),
	};
	return 0;
}

static int attribute(
	const struct zw_correlate_input *in, const suspects *s, struct zw_report *report)
{
	const struct suspect *one = NULL, *doubt = NULL;
	size_t decided = 0;

	ZW_VEC_FOREACH(x, s)
		if (x->decided) {
			decided++;
			one = x;
		} else if (x->touched) {
			doubt = x;
		}
	report->has_principal = decided == 1;
	if (decided == 0) {
		report->attribution = ZW_ATTRIBUTION_NONE;
		return 0;
	}
	if (decided > 1) {
		report->attribution = ZW_ATTRIBUTION_AMBIGUOUS;
		return zw_report_add_reason(report,
			"%zu processes could have made this change between two readings", decided);
	}
	report->attribution = ZW_ATTRIBUTION_CERTAIN;
	if (in->lost || zw_cause_book_incomplete_until(in->book) > in->from_ns) {
		report->attribution = ZW_ATTRIBUTION_PROBABLE;
		return zw_report_add_reason(report,
			"events were lost in this time, another process may have acted too");
	}
	if (one->actor->kthread) {
		report->attribution = ZW_ATTRIBUTION_PROBABLE;
		return zw_report_add_reason(
			report, "a kernel thread wrote for somebody it does not name");
	}
	if (doubt) {
		report->attribution = ZW_ATTRIBUTION_PROBABLE;
		return zw_report_add_reason(report,
			"process %u touched the file at the same time, in a way that can hide a write",
			doubt->actor->tgid);
	}
	/* Near but not seen doing it: certain only when nobody else was near, and that is so here; for a file
	 * written in place it takes a write. */
	if (!one->exact && !(one->evidence & (ZW_EVIDENCE_DIRENT | ZW_EVIDENCE_RENAME))) {
		report->attribution = ZW_ATTRIBUTION_PROBABLE;
		return zw_report_add_reason(
			report, "no write was seen, only a process that could have written");
	}
	return 0;
}

int zw_correlate(const struct zw_correlate_input *in, struct zw_report *report)
{
	suspects s = {};
	uint64_t last = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->files; i++)
		r = file_replaced(&in->file[i]) ? replaced(in, &in->file[i], &s)
						: written_in_place(in, &in->file[i], &s);
	if (r == 0)
		r = add_holders(in, &s);
	if (r == 0)
		r = attribute(in, &s, report);
	/* Those who decided first, then those who prepared or leave a doubt. */
	for (int decided = 1; r == 0 && decided >= 0; decided--)
		ZW_VEC_FOREACH(x, &s) {
			if (r < 0 || x->decided != decided)
				continue;
			if (!decided && !x->wrote_ns && !x->touched)
				continue;
			r = append_cause(in, x, report);
			if (decided && x->last_ns > last)
				last = x->last_ns;
		}
	if (r == 0) {
		report->channel = report->causes ? ZW_CHANNEL_FILE : ZW_CHANNEL_UNKNOWN;
		report->time_ns =
			(uint64_t)((int64_t)(last ? last : in->to_ns) + in->real_offset_ns);
	}
	zw_vec_free(&s);
	return r;
}
