/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random histories of directories: the way to the zone leads through one of three, which are renamed and exchanged while what is in
 * them is written, replaced and removed; or they stay, and links to them are. */
#include <sys/stat.h>

#include "unit/correlate_random.h"

enum {
	CURRENT, /* leads to the zone */
	SLOT_A,
	SLOT_B,
	SLOTS,
	DIRS = 3,
	PARENT = 20,     /* watched: the slots are in it */
	FIRST_LINK = 30, /* number of the link to the first directory */
	FIRST_DIR = 40,  /* number of the first directory */
};

static const char *const slot_name[SLOTS] = {"current", "a", "b"};

/* What a directory holds: indexes of inodes, or NOBODY. */
struct directory {
	int zone, tmp;
	bool watched;
	uint64_t arrived_ns; /* 0: it did not */
	uint64_t ctime;
	uint32_t version, arrived_version; /* changes of its entries, and how many when it came */
	/* since the reading: who changed what its zone yields, wherever it was */
	int last_author;
	unsigned int authors;
};

struct tree {
	struct machine m;
	struct directory dir[DIRS];
	int slot[SLOTS]; /* the directory it is, or leads to */
	bool links;      /* slots are links */
	bool unseen;     /* what is on the way was last changed where no hook looks */
	uint64_t ctime;  /* of the directory they are in */
	int mover;       /* who last changed which directory is the current one */
	/* since then: who changed the zone in it; NOBODY: nobody */
	int last_author;
	unsigned int authors;
	unsigned int named; /* of those, who is told of by name */
	int at_first;       /* the current directory of the reading */
};

static int zone_of(const struct tree *t)
{
	return t->slot[CURRENT] == NOBODY ? NOBODY : t->dir[t->slot[CURRENT]].zone;
}

/* Whether hooks look at what is done in @d. */
static bool is_seen(const struct tree *t, const struct directory *d)
{
	return d->watched || (d->arrived_ns && t->m.now < d->arrived_ns + ZW_ARRIVAL_NS);
}

static uint64_t number_of(const struct tree *t, const struct directory *d)
{
	return (uint64_t)(FIRST_DIR + (d - t->dir));
}

/* Who is an author of what the way leads to: all that there were since it last led to nothing. */
static void settle(struct tree *t, int who)
{
	int dir = t->slot[CURRENT];

	t->m.entry[ZONE] = zone_of(t);
	machine_author(&t->m, who);
	/* A directory that came back is what it was, but for what was done in it. */
	if (dir != NOBODY && dir == t->at_first)
		t->m.authors = t->dir[dir].authors;
	if (t->m.entry[ZONE] == NOBODY)
		t->m.authors = 0;
}

/* @who changed what the zone in @d yields. That it was on the way is not known where no @named entry is told of, but for the
 * last that was; @another file in its place has other authors. */
static void settle_in(struct tree *t, int who, struct directory *d, bool named, bool another)
{
	d->last_author = who;
	d->authors = d->zone == NOBODY ? 0 : d->authors | B(who);
	if (t->slot[CURRENT] != d - t->dir)
		return;
	t->last_author = who;
	if (another)
		t->authors = t->named;
	t->authors |= B(who);
	t->unseen |= !is_seen(t, d);
	if (!named || !is_seen(t, d))
		return;
	t->named |= B(who);
	settle(t, who);
}

/* --- what is told where directories notify ------------------------------------------------------------- */

/* Entries of a directory changed: it notifies where it is @watched, and else has a mark where a tick has passed. */
static void quiet_entries(struct tree *t, int who, uint64_t number, bool watched, uint64_t *ctime)
{
	struct zw_file_facts f = {.op = ZW_FOP_DIRENT, .dir_ino = number};
	bool ticks = machine_ticks(&t->m, ctime);

	t->m.now += 1 * US;
	if ((!ticks && !watched) || machine_coalesces(&t->m, who, ZW_FOP_DIRENT, number, 2, NULL))
		return;
	if (watched)
		machine_notify(&t->m, who, &f, NULL);
	else
		machine_tell(&t->m, who, f, NULL);
}

static void quiet_change(struct tree *t, int who, struct directory *d)
{
	d->version++;
	if (t->m.dialect == QUIET && is_seen(t, d))
		quiet_entries(t, who, number_of(t, d), d->watched, &d->ctime);
}

/* The change time of a file is set. */
static void quiet_mark(struct tree *t, int who, const struct directory *d, int inode)
{
	struct machine_inode *i = &t->m.inode[inode];
	bool ticks = machine_ticks(&t->m, &i->ctime);

	if (t->m.dialect == QUIET && ticks && (i->watched || is_seen(t, d)) &&
		!machine_coalesces(&t->m, who, ZW_FOP_ATTR, i->ino, i->nlink, NULL))
		machine_tell(&t->m, who, machine_facts(&t->m, ZW_FOP_ATTR, inode), NULL);
}

/* --- operations; nothing is done where it is not possible ------------------------------------------------ */

static void tree_write(struct tree *t, int who, struct directory *d, int inode, const char *name)
{
	struct machine_inode *i = &t->m.inode[inode];
	struct zw_file_facts f = machine_facts(&t->m, ZW_FOP_WRITE, inode);
	/* What is watched itself, or came, is told of without a name. */
	bool beside = !i->watched && d->watched;

	t->m.now += 1 * US;
	f.dir_ino = beside ? number_of(t, d) : 0;
	if ((i->watched || is_seen(t, d)) &&
		!machine_coalesces(&t->m, who, ZW_FOP_WRITE, i->ino, 1, beside ? name : NULL))
		machine_tell(&t->m, who, f, beside ? name : NULL);
	i->size++;
	quiet_mark(t, who, d, inode);
	i->writers |= B(who);
	i->late_writers |= B(who);
	i->last_writer = who;
	if (d->zone == inode)
		settle_in(t, who, d, d->watched, false);
}

static void tree_create(struct tree *t, int who, struct directory *d)
{
	struct zw_file_facts f = {.op = ZW_FOP_CREATE, .dir_ino = number_of(t, d)};

	if (d->tmp != NOBODY)
		return;
	machine_lock(&t->m);
	t->m.now += 1 * US;
	if (t->m.dialect == NAMED && is_seen(t, d))
		machine_tell(&t->m, who, f, "tmp");
	d->tmp = machine_new_inode(&t->m, 0);
	quiet_change(t, who, d);
}

static void tree_replace(struct tree *t, int who, struct directory *d)
{
	struct zw_file_facts f;

	if (d->tmp == NOBODY)
		return;
	machine_lock(&t->m);
	t->m.now += 1 * US;
	f = machine_facts(&t->m, ZW_FOP_RENAME, d->tmp);
	f.dir_ino = f.old_dir_ino = number_of(t, d);
	f.watch = t->m.blind ? ZW_WATCH_BLIND : 0;
	f.ino2 = d->zone == NOBODY || t->m.blind ? 0 : t->m.inode[d->zone].ino;
	if (t->m.dialect == NAMED && is_seen(t, d))
		machine_tell(&t->m, who, f, "zone");
	quiet_change(t, who, d);
	quiet_mark(t, who, d, d->tmp);
	if (d->zone != NOBODY) {
		t->m.inode[d->zone].nlink--;
		quiet_mark(t, who, d, d->zone);
	}
	if (d->watched)
		machine_notify(&t->m, who, &f, "zone");
	d->zone = d->tmp;
	d->tmp = NOBODY;
	settle_in(t, who, d, t->m.dialect == NAMED || d->watched, true);
}

static void tree_remove(struct tree *t, int who, struct directory *d)
{
	struct zw_file_facts f;

	if (d->zone == NOBODY)
		return;
	machine_lock(&t->m);
	t->m.now += 1 * US;
	f = machine_facts(&t->m, ZW_FOP_UNLINK, d->zone);
	f.dir_ino = number_of(t, d);
	if (is_seen(t, d) || t->m.inode[d->zone].watched)
		machine_tell(&t->m, who, f, "zone");
	t->m.inode[d->zone].nlink--;
	quiet_change(t, who, d);
	quiet_mark(t, who, d, d->zone);
	d->zone = NOBODY;
	settle_in(t, who, d, true, true);
}

/* What is moved: the directory or the link to it. */
static uint64_t moved_number(const struct tree *t, int dir)
{
	return (uint64_t)((t->links ? FIRST_LINK : FIRST_DIR) + dir);
}

static void arrive(struct tree *t, int dir)
{
	struct directory *d = &t->dir[dir];

	if (t->links)
		return;
	if (!d->arrived_ns || t->m.now >= d->arrived_ns + ZW_ARRIVAL_NS)
		d->arrived_version = d->version;
	d->arrived_ns = t->m.now;
}

static void tell_move(struct tree *t, int who, int dir, int victim, int to)
{
	struct zw_file_facts f = {.op = ZW_FOP_RENAME,
		.ino = moved_number(t, dir),
		.mode = t->links ? S_IFLNK : S_IFDIR,
		.nlink = 1,
		.dir_ino = PARENT,
		.old_dir_ino = PARENT,
		.ino2 = victim == NOBODY ? 0 : moved_number(t, victim),
		.watch = ZW_WATCH_PATH | (t->links ? 0 : ZW_WATCH_ARRIVED)};

	if (t->m.dialect == NAMED) {
		machine_tell(&t->m, who, f, slot_name[to]);
	} else {
		f.ino2 = 0;
		f.watch |= ZW_WATCH_BLIND;
		machine_notify(&t->m, who, &f, slot_name[to]);
	}
	arrive(t, dir);
	if (victim != NOBODY)
		arrive(t, victim);
}

/* A rename, or where something is at @to an exchange, if not @over it: a link may take the place of another. */
static void tree_move(struct tree *t, int who, int from, int to, bool over)
{
	int dir = t->slot[from], other = t->slot[to];

	if (dir == NOBODY || from == to)
		return;
	machine_lock(&t->m);
	t->m.now += 1 * US;
	if (t->m.dialect == QUIET)
		quiet_entries(t, who, PARENT, true, &t->ctime);
	tell_move(t, who, dir, other, to);
	if (other != NOBODY && !over && (t->m.dialect == QUIET || !t->m.told_once))
		tell_move(t, who, other, dir, from);
	t->slot[from] = over ? NOBODY : other;
	t->slot[to] = dir;
	if (from != CURRENT && to != CURRENT)
		return;
	t->mover = who;
	t->last_author = NOBODY;
	t->authors = t->named = 0;
	t->unseen = false;
	settle(t, who);
}

static void random_tree_op(struct tree *t, int who)
{
	static const char *const words[] = {
		"write", "write tmp", "create", "replace", "remove", "move", "move"};
	int a = (int)roll(SLOTS), b = (int)roll(SLOTS);
	uint32_t op = roll(ZW_ARRAY_SIZE(words));
	struct directory *d = t->slot[a] == NOBODY ? NULL : &t->dir[t->slot[a]];

	random_pause(&t->m);
	if (is_told())
		print_message("%10llu P%d %s %s %s\n", (unsigned long long)t->m.now, who, words[op],
			slot_name[a], slot_name[b]);
	if (!d)
		return;
	if (op == 0 && d->zone != NOBODY)
		tree_write(t, who, d, d->zone, "zone");
	else if (op == 1 && d->tmp != NOBODY)
		tree_write(t, who, d, d->tmp, "tmp");
	else if (op == 2)
		tree_create(t, who, d);
	else if (op == 3)
		tree_replace(t, who, d);
	else if (op == 4)
		tree_remove(t, who, d);
	else if (op > 4)
		tree_move(t, who, a, b, t->links && op == 5);
}

/* --- readings ------------------------------------------------------------------------------------------- */

static void tree_read(const struct tree *t, struct machine_state *st)
{
	const struct zw_place step = {.dev = DEV, .mnt_id = 1};
	uint32_t current = zw_place_name_hash("current");
	int dir = t->slot[CURRENT], zone = zone_of(t);
	struct zw_place *p = st->place;

	*st = (struct machine_state){};
	*p = step;
	p++->ino = PARENT;
	if (dir != NOBODY && t->links) {
		*p = step;
		p->kind = ZW_PLACE_LINK;
		p->ino = moved_number(t, dir);
		p++->name_hash = current;
	}
	if (dir != NOBODY) {
		*p = step;
		p->ino = (uint64_t)(FIRST_DIR + dir);
		p++->name_hash = t->links ? 6 : current;
	}
	if (zone != NOBODY) {
		*p = step;
		p->kind = ZW_PLACE_FILE;
		p->ino = t->m.inode[zone].ino;
		p++->name_hash = zw_place_name_hash("zone");
	}
	st->reading = (struct zw_reading){
		.place = st->place, .places = (size_t)(p - st->place), .present = zone != NOBODY};
	if (zone == NOBODY)
		return;
	st->reading.size_bytes = t->m.inode[zone].size;
	st->reading.ctime_ns = t->m.inode[zone].ctime;
	st->reading.generation = t->m.inode[zone].generation;
}

static void tree_setup(struct tree *t)
{
	*t = (struct tree){};
	machine_setup(&t->m, roll(2) ? NAMED : QUIET);
	t->m.told_once = roll(2);
	t->links = roll(3) == 0;
	t->m.blind = t->m.dialect == QUIET && roll(2);
	t->m.late = roll(2) ? 0 : (1 + roll(150)) * US;
	for (int i = 0; i < DIRS; i++) {
		t->slot[i] = i;
		t->dir[i] = (struct directory){.zone = machine_new_inode(&t->m, 0), .tmp = NOBODY};
	}
	t->m.entry[ZONE] = zone_of(t);
}

/* What the agent knows of then: the directory on the way, and the file. */
static void tree_begin(struct tree *t, struct machine_state *before)
{
	int zone = zone_of(t);

	tree_read(t, before);
	for (size_t i = 0; i < t->m.inodes; i++) {
		t->m.inode[i].watched = (int)i == zone;
		t->m.inode[i].late_writers = 0;
	}
	for (int i = 0; i < DIRS; i++) {
		t->dir[i].watched = t->slot[CURRENT] == i;
		t->dir[i].last_author = NOBODY;
		t->dir[i].authors = 0;
	}
	t->at_first = t->slot[CURRENT];
	t->mover = t->last_author = NOBODY;
	t->unseen = false;
	t->m.authors = t->authors = t->named = 0;
	t->m.at_first = t->m.entry[ZONE] = zone;
}

/* Unseen: the directory on the way, between when it came and now that it is watched. */
static bool may_have_changed(const struct tree *t)
{
	const struct directory *d = t->slot[CURRENT] == NOBODY ? NULL : &t->dir[t->slot[CURRENT]];

	return t->m.dialect == QUIET && d && !d->watched && d->arrived_ns &&
	       d->version != d->arrived_version;
}

static const char *tree_fault(const struct tree *t, const struct zw_report *r)
{
	const struct machine *m = &t->m;

	if (r->attribution == NONE)
		return "somebody was seen";
	/* Who was not seen at all is not known. */
	if (r->attribution != CERTAIN && (may_have_changed(t) || t->unseen))
		return NULL;
	if (!report_lists(r, m->actor[m->last_author]))
		return "the last author is not listed";
	if (r->attribution != CERTAIN)
		return NULL;
	if (!zw_actor_same_process(r->cause[0].actor, m->actor[m->last_author]))
		return "certain of the wrong one";
	return m->authors & ~B(m->last_author) ? "certain though there are several authors" : NULL;
}

/* Whether the zone reads otherwise than before, and who made it so. In the same directory it is who changed it there, wherever
 * that was then. In another one it is who brought that, or changed it after that. */
static bool differs(struct tree *t)
{
	int zone = zone_of(t), dir = t->slot[CURRENT];

	if (zone == t->m.at_first && zone != NOBODY) {
		t->m.authors = t->m.inode[zone].late_writers;
		t->m.last_author = t->m.inode[zone].last_writer;
		return t->m.authors;
	}
	if (zone == t->m.at_first)
		return false;
	t->m.authors |= zone == NOBODY ? 0 : t->authors;
	t->m.last_author = t->last_author == NOBODY ? t->mover : t->last_author;
	if (dir == t->at_first) {
		t->m.authors = t->dir[dir].authors;
		t->m.last_author = t->dir[dir].last_author;
	}
	return true;
}

static bool run_history(uint64_t seed, struct tally *tally)
{
	struct machine_state before, after;
	uint32_t actors, ops;
	struct tree t;
	uint64_t from;
	bool good = true;

	roll_from(seed);
	tree_setup(&t);
	actors = 1 + roll(MACHINE_ACTORS - 1);
	for (uint32_t i = roll(5); i > 0; i--)
		random_tree_op(&t, (int)roll(actors));
	/* What came before was long ago. */
	t.m.now += 3 * ZW_NSEC_PER_SEC;
	tree_begin(&t, &before);
	from = t.m.now;
	if (is_told())
		print_message("%10llu reading\n", (unsigned long long)from);
	ops = 1 + roll(6);
	for (uint32_t i = 0; i < ops; i++)
		random_tree_op(&t, (int)roll(actors));
	t.m.now += 2 * MS;
	machine_notices(&t.m);
	tree_read(&t, &after);
	if (differs(&t)) {
		_zw_report_free_ struct zw_report *r = calloc(1, sizeof(*r));
		struct zw_correlate_file f = {
			.before = before.reading, .after = after.reading, .from_ns = from};
		struct zw_correlate_input in = {.book = t.m.book,
			.file = &f,
			.files = 1,
			.from_ns = from,
			.to_ns = t.m.now,
			.unseen_ns = may_have_changed(&t) ? t.m.now : 0};

		assert_non_null(r);
		assert_int_equal(zw_correlate(&in, r), 0);
		good = tally_up(tally, &t.m, r, actors == 1 && !t.links && !may_have_changed(&t),
			seed, tree_fault(&t, r));
	}
	machine_done(&t.m);
	return good;
}

static void test_histories(void **state)
{
	(void)state;
	check_histories(run_history, 40000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histories),
	};

	return cmocka_run_group_tests_name("correlate-dirs", tests, NULL, NULL);
}
