/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens higher up the path of a file, and files of a zone beside each other. */
#include <sys/stat.h>

#include "unit/correlate_fixture.h"

enum {
	PARENT = 20,
	LINK_OLD = 30,
	LINK_NEW = 31,
	DIR_OLD = 40,
	DIR_NEW = 41,
	FILE_OLD = 50,
	FILE_NEW = 51,
};

struct path {
	struct zw_place place[5];
	struct zw_reading reading;
};

/* /PARENT/middle[/directory]/zone, where the middle is a directory or a link to one. */
static void path_to(struct path *p, enum zw_place_kind kind, uint64_t middle, uint64_t dir,
	uint64_t file, uint64_t mnt)
{
	size_t n = 0;

	*p = (struct path){};
	p->place[n++] = (struct zw_place){.dev = DEV, .ino = ROOT, .mnt_id = 1};
	p->place[n++] = (struct zw_place){.dev = DEV, .ino = PARENT, .mnt_id = 1, .name_hash = 5};
	p->place[n++] = (struct zw_place){.kind = kind,
		.dev = DEV,
		.ino = middle,
		.mnt_id = kind == ZW_PLACE_DIR ? mnt : 1,
		.name_hash = zw_place_name_hash("current")};
	if (dir)
		p->place[n++] =
			(struct zw_place){.dev = DEV, .ino = dir, .mnt_id = 1, .name_hash = 6};
	if (file)
		p->place[n++] = (struct zw_place){.kind = ZW_PLACE_FILE,
			.dev = DEV,
			.ino = file,
			.mnt_id = mnt,
			.name_hash = zw_place_name_hash("zone")};
	p->reading = (struct zw_reading){.place = p->place, .places = n, .present = file != 0};
}

struct upper {
	struct machine m;
	struct path before, after;
};

static void upper_tell(struct upper *u, int who, struct zw_file_facts f, const char *name)
{
	rest(&u->m);
	machine_tell(&u->m, who, f, name);
}

static void upper_check_mounts(
	struct upper *u, const struct zw_remounts *remounts, const struct verdict *want)
{
	_zw_report_free_ struct zw_report *r = calloc(1, sizeof(*r));
	struct zw_correlate_file f = {
		.before = u->before.reading, .after = u->after.reading, .from_ns = 1050 * MS};
	struct zw_correlate_input in = {.book = u->m.book,
		.file = &f,
		.files = 1,
		.from_ns = f.from_ns,
		.to_ns = u->m.now + MS,
		.remounts = remounts};

	assert_non_null(r);
	assert_int_equal(zw_correlate(&in, r), 0);
	if (!verdict_is(&u->m, r, want))
		show(r);
	assert_true(verdict_is(&u->m, r, want));
	machine_done(&u->m);
}

static void upper_check(struct upper *u, const struct verdict *want)
{
	upper_check_mounts(u, NULL, want);
}

static void link_swap(struct upper *u, enum dialect dialect)
{
	machine_setup(&u->m, dialect);
	path_to(&u->before, ZW_PLACE_LINK, LINK_OLD, DIR_OLD, FILE_OLD, 1);
	path_to(&u->after, ZW_PLACE_LINK, LINK_NEW, DIR_NEW, FILE_NEW, 1);
}

static void test_link_swapped(void **state)
{
	struct upper u;

	(void)state;
	link_swap(&u, NAMED);
	upper_tell(&u, P2,
		(struct zw_file_facts){
			.op = ZW_FOP_RENAME, .ino = 35, .dir_ino = PARENT, .old_dir_ino = PARENT},
		"other");
	upper_tell(&u, P1,
		(struct zw_file_facts){.op = ZW_FOP_RENAME,
			.ino = LINK_NEW,
			.dir_ino = PARENT,
			.old_dir_ino = PARENT,
			.ino2 = LINK_OLD},
		"current");
	upper_check(&u, &(struct verdict)BY(CERTAIN, P1, B(P1)));

	link_swap(&u, NAMED);
	upper_tell(&u, P2,
		(struct zw_file_facts){.op = ZW_FOP_UNLINK, .ino = LINK_OLD, .dir_ino = PARENT},
		"current");
	upper_tell(
		&u, P1, (struct zw_file_facts){.op = ZW_FOP_CREATE, .dir_ino = PARENT}, "current");
	upper_tell(&u, P3, (struct zw_file_facts){.op = ZW_FOP_CREATE, .dir_ino = PARENT}, "other");
	upper_check(&u, &(struct verdict)BY(CERTAIN, P1, B(P1)));

	link_swap(&u, MARKS);
	upper_tell(&u, P1, (struct zw_file_facts){.op = ZW_FOP_DIRENT, .dir_ino = PARENT}, NULL);
	upper_tell(&u, P1, (struct zw_file_facts){.op = ZW_FOP_ATTR, .ino = LINK_OLD}, NULL);
	upper_check(&u, &(struct verdict)BY(CERTAIN, P1, B(P1)));
}

static void test_directory_renamed(void **state)
{
	struct upper u;

	(void)state;
	for (int dialect = MARKS; dialect <= NAMED; dialect++) {
		machine_setup(&u.m, dialect);
		path_to(&u.before, ZW_PLACE_DIR, DIR_OLD, 0, FILE_OLD, 1);
		path_to(&u.after, ZW_PLACE_DIR, DIR_NEW, 0, FILE_NEW, 1);
		/* Somebody works in the old directory: that moves no entry of its parent. */
		upper_tell(&u, P2, (struct zw_file_facts){.op = ZW_FOP_DIRENT, .dir_ino = DIR_OLD},
			NULL);
		if (dialect == MARKS)
			upper_tell(&u, P1,
				(struct zw_file_facts){.op = ZW_FOP_DIRENT, .dir_ino = PARENT},
				NULL);
		else
			upper_tell(&u, P1,
				(struct zw_file_facts){.op = ZW_FOP_RENAME,
					.ino = DIR_NEW,
					.dir_ino = PARENT,
					.old_dir_ino = PARENT},
				"current");
		upper_check(&u, &(struct verdict)BY(CERTAIN, P1, B(P1)));
	}
}

static struct zw_file_facts move_of(uint64_t ino, uint64_t victim, uint32_t watch)
{
	return (struct zw_file_facts){.op = ZW_FOP_RENAME,
		.ino = ino,
		.dir_ino = PARENT,
		.old_dir_ino = PARENT,
		.ino2 = victim,
		.watch = ZW_WATCH_PATH | watch};
}

/* What is in it is looked at from then on, but where only a link to it is moved. */
#define DIR_MOVES move_of(DIR_NEW, DIR_OLD, ZW_WATCH_ARRIVED)
#define DIR_RETURNS move_of(DIR_OLD, DIR_NEW, ZW_WATCH_ARRIVED)
#define LINK_MOVES move_of(DIR_NEW, DIR_OLD, 0)

static void between_directories(struct upper *u, uint64_t file)
{
	machine_setup(&u->m, NAMED);
	path_to(&u->before, ZW_PLACE_DIR, DIR_OLD, 0, FILE_OLD, 1);
	path_to(&u->after, ZW_PLACE_DIR, DIR_NEW, 0, file, 1);
}

/* Not only who exchanged the directories counts: who removed the file from the one that came, who replaced it in the one that
 * went, from which the other may be made, and who replaced it where it had come before. */
static void test_changed_below(void **state)
{
	const struct zw_file_facts remove = {
		.op = ZW_FOP_UNLINK, .ino = FILE_NEW, .dir_ino = DIR_NEW};
	const struct zw_file_facts replace = {.op = ZW_FOP_RENAME,
		.ino = 77,
		.dir_ino = DIR_OLD,
		.old_dir_ino = DIR_OLD,
		.ino2 = FILE_OLD};
	struct zw_file_facts other = replace;
	struct upper u;

	(void)state;
	between_directories(&u, 0);
	upper_tell(&u, P1, DIR_MOVES, "current");
	upper_tell(&u, P2, remove, "zone");
	upper_check(&u, &(struct verdict)BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)));

	between_directories(&u, FILE_NEW);
	upper_tell(&u, P2, replace, "zone");
	upper_tell(&u, P1, DIR_MOVES, "current");
	upper_check(&u, &(struct verdict)BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)));

	/* Another entry is none of the zone's. */
	between_directories(&u, FILE_NEW);
	upper_tell(&u, P2, replace, "elsewhere");
	upper_tell(&u, P1, DIR_MOVES, "current");
	upper_check(&u, &(struct verdict)BY(CERTAIN, P1, B(P1)));

	between_directories(&u, 77);
	other.dir_ino = other.old_dir_ino = DIR_NEW;
	upper_tell(&u, P1, DIR_MOVES, "current");
	upper_tell(&u, P2, other, "zone");
	upper_tell(&u, P1, DIR_RETURNS, "current");
	upper_tell(&u, P1, DIR_MOVES, "current");
	upper_check(&u, &(struct verdict)BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)));
}

/* A write is told of once a moment: in the directory that came it may have been done again. */
static void test_written_across_the_move(void **state)
{
	const struct zw_file_facts write = {.op = ZW_FOP_WRITE, .ino = FILE_NEW};
	struct upper u;

	(void)state;
	between_directories(&u, FILE_NEW);
	upper_tell(&u, P2, write, NULL);
	u.m.now += 300 * US;
	machine_tell(&u.m, P1, DIR_MOVES, "current");
	upper_check(&u, &(struct verdict)BY(PROBABLE, P1, B(P1) | B(P2)));
}

/* P1 is told of just before the reading before, which his operation is not done by yet. */
static void overdue(struct upper *u, struct zw_file_facts f, const char *name)
{
	machine_setup(&u->m, NAMED);
	path_to(&u->before, ZW_PLACE_DIR, DIR_OLD, 0, FILE_OLD, 1);
	path_to(&u->after, ZW_PLACE_DIR, DIR_OLD, 0, FILE_NEW, 1);
	u->m.now = 1040 * MS;
	machine_tell(&u->m, P1, f, name);
	u->m.now = 1060 * MS;
}

static void test_told_before_the_reading(void **state)
{
	const struct zw_file_facts rename = {.op = ZW_FOP_RENAME,
		.ino = FILE_NEW,
		.ino2 = FILE_OLD,
		.dir_ino = DIR_OLD,
		.old_dir_ino = PARENT};
	const struct zw_file_facts exchange = {.op = ZW_FOP_RENAME,
		.ino = FILE_OLD,
		.ino2 = FILE_NEW,
		.dir_ino = PARENT,
		.old_dir_ino = DIR_OLD};
	const struct zw_file_facts other = {.op = ZW_FOP_RENAME,
		.ino = FILE_NEW,
		.ino2 = FILE_OLD + 5,
		.dir_ino = DIR_OLD,
		.old_dir_ino = PARENT};
	struct upper u;

	(void)state;
	overdue(&u, rename, "zone");
	upper_check(&u, &(struct verdict)BY(CERTAIN, P1, B(P1)));
	overdue(&u, exchange, "elsewhere");
	upper_check(&u, &(struct verdict)BY(CERTAIN, P1, B(P1)));
	/* Its effect was seen already, and was undone by somebody since: what it took the place of was not there. */
	overdue(&u, other, "zone");
	upper_check(&u, &(struct verdict)BY(NONE, NOBODY, 0));
	overdue(&u, rename, "another");
	upper_check(&u, &(struct verdict)BY(NONE, NOBODY, 0));
	/* Then one who came later did it. */
	overdue(&u, rename, "zone");
	machine_tell(&u.m, P2, rename, "zone");
	upper_check(&u, &(struct verdict)BY(CERTAIN, P2, B(P2)));
}

/* The file in the directory that came was touched after that, a tick of the clock before, or long before. Once hooks
 * that saw it come look there at once, all that was done then is known, unless the reading was late. */
static void test_directory_unwatched(void **state)
{
	static const struct {
		uint64_t age_ns, written_ns;
		bool arrived, late, doubt;
	} cases[] = {
		{0, 0, false, false, true},
		{5 * MS, 5 * MS, false, false, true},
		{5 * MS, 50 * MS, false, false, true},
		{20 * MS, 50 * MS, false, false, false},
		{0, 0, true, false, false},
		{5 * MS, 5 * MS, true, false, false},
		{5 * MS, 5 * MS, true, true, true},
	};
	struct upper u;

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		machine_setup(&u.m, NAMED);
		path_to(&u.before, ZW_PLACE_DIR, DIR_OLD, 0, FILE_OLD, 1);
		path_to(&u.after, ZW_PLACE_DIR, DIR_NEW, 0, FILE_NEW, 1);
		upper_tell(&u, P1,
			(struct zw_file_facts){.op = ZW_FOP_RENAME,
				.ino = DIR_NEW,
				.dir_ino = PARENT,
				.old_dir_ino = PARENT,
				.watch = ZW_WATCH_PATH | (cases[i].arrived ? ZW_WATCH_ARRIVED : 0)},
			"current");
		u.after.reading.ctime_ns = u.m.now + MS - cases[i].age_ns;
		u.after.reading.mtime_ns = u.m.now + MS - cases[i].written_ns;
		u.m.now += cases[i].late ? ZW_ARRIVAL_NS : 0;
		if (cases[i].doubt)
			upper_check(&u, &(struct verdict)BY(PROBABLE, P1, B(P1)));
		else
			upper_check(&u, &(struct verdict)BY(CERTAIN, P1, B(P1)));
	}
	/* Of a file that is gone nothing tells who removed it. */
	between_directories(&u, 0);
	upper_tell(&u, P1, LINK_MOVES, "current");
	upper_check(&u, &(struct verdict)BY(PROBABLE, P1, B(P1)));
	/* By the process itself, as it was seen. */
	between_directories(&u, FILE_NEW);
	upper_tell(&u, P1, LINK_MOVES, "current");
	upper_tell(&u, P1,
		(struct zw_file_facts){.op = ZW_FOP_WRITE, .ino = FILE_NEW, .dir_ino = DIR_NEW},
		"zone");
	u.after.reading.ctime_ns = u.m.now;
	upper_check(&u, &(struct verdict)BY(CERTAIN, P1, B(P1)));
}

/* The number of the directory that came was a file's until just before, which another removed. */
static void test_directory_reuses_number(void **state)
{
	struct upper u;

	(void)state;
	machine_setup(&u.m, MARKS);
	path_to(&u.before, ZW_PLACE_DIR, DIR_OLD, 0, FILE_OLD, 1);
	path_to(&u.after, ZW_PLACE_DIR, DIR_NEW, 0, FILE_NEW, 1);
	for (int who = P2; who >= P1; who--) {
		upper_tell(&u, who, (struct zw_file_facts){.op = ZW_FOP_DIRENT, .dir_ino = PARENT},
			NULL);
		upper_tell(&u, who,
			(struct zw_file_facts){.op = ZW_FOP_ATTR,
				.ino = DIR_NEW,
				.mode = who == P1 ? S_IFDIR | 0755 : S_IFREG | 0644},
			NULL);
	}
	upper_check(&u, &(struct verdict)BY(CERTAIN, P1, B(P1)));
}

/* On an overlay, the first who changes anything in a directory of the lower layer makes it one of the upper. What
 * another did in that then counts, and when nothing is known of it, nobody is certain. */
static void test_directory_copied_up(void **state)
{
	struct upper u;

	(void)state;
	for (int seen = 0; seen < 2; seen++) {
		machine_setup(&u.m, MARKS);
		path_to(&u.before, ZW_PLACE_DIR, DIR_OLD, 0, FILE_OLD, 1);
		u.before.place[2].lower = u.before.place[3].lower = true;
		path_to(&u.after, ZW_PLACE_DIR, DIR_NEW, 0, FILE_NEW, 1);
		upper_tell(&u, P1, (struct zw_file_facts){.op = ZW_FOP_DIRENT, .dir_ino = PARENT},
			NULL);
		if (seen)
			upper_tell(&u, P2,
				(struct zw_file_facts){.op = ZW_FOP_DIRENT, .dir_ino = DIR_NEW},
				NULL);
		if (seen)
			upper_check(&u, &(struct verdict)BY(CERTAIN, P2, B(P2)));
		else
			upper_check(&u, &(struct verdict)BY(PROBABLE, P1, B(P1)));
	}
}

static void mounts(struct upper *u)
{
	machine_setup(&u->m, MARKS);
	path_to(&u->before, ZW_PLACE_DIR, DIR_OLD, 0, FILE_OLD, 1);
	path_to(&u->after, ZW_PLACE_DIR, DIR_NEW, 0, FILE_NEW, 2);
}

/* A system call that is done. */
static void mount_call(struct upper *u, int who, uint64_t begin_ns)
{
	rest(&u->m);
	assert_int_equal(zw_cause_book_add(u->m.book,
				 &(struct zw_event){.type = ZW_WIRE_FILE,
					 .hook = ZW_HOOK_TP_SYS_MOUNT,
					 .time_ns = u->m.now,
					 .file = {.op = ZW_FOP_MOUNT, .ctime_ns = begin_ns}},
				 u->m.actor[who]),
		0);
	u->m.now += 1 * MS;
}

static void test_mounted_over(void **state)
{
	struct upper u;

	(void)state;
	mounts(&u);
	u.m.now -= 90 * MS;
	machine_tell(&u.m, P3, (struct zw_file_facts){.op = ZW_FOP_MOUNT}, NULL);
	u.m.now += 90 * MS;
	upper_tell(&u, P2, (struct zw_file_facts){.op = ZW_FOP_DIRENT, .dir_ino = DIR_OLD}, NULL);
	upper_tell(&u, P1, (struct zw_file_facts){.op = ZW_FOP_MOUNT}, NULL);
	upper_check(&u, &(struct verdict)BY(CERTAIN, P1, B(P1)));

	/* Others mounted something in the same time, before it and after. */
	for (int asked = 0; asked < 2; asked++) {
		struct zw_remounts remounts = {};

		mounts(&u);
		/* What changed before the reading is over. */
		zw_remounts_note(&remounts, 900 * MS, 900 * MS, false);
		zw_remounts_note(&remounts, 1000 * MS, 1000 * MS, true);
		mount_call(&u, P2, 1000 * MS);
		if (asked)
			zw_remounts_note(&remounts, u.m.now, u.m.now, false);
		mount_call(&u, P1, u.m.now + MS);
		zw_remounts_note(&remounts, u.m.now, u.m.now, true);
		mount_call(&u, P3, u.m.now + MS);
		zw_remounts_note(&remounts, u.m.now, u.m.now, false);
		if (asked)
			upper_check_mounts(&u, &remounts, &(struct verdict)BY(CERTAIN, P1, B(P1)));
		else
			upper_check_mounts(&u, &remounts,
				&(struct verdict)BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)));
	}

	/* An attempt beside a success, which only the hook tells apart. */
	mounts(&u);
	upper_tell(&u, P2, (struct zw_file_facts){.op = ZW_FOP_MOUNT}, NULL);
	rest(&u.m);
	mount_call(&u, P1, 0);
	upper_check(&u, &(struct verdict)BY(CERTAIN, P1, B(P1)));

	mounts(&u);
	upper_tell(&u, P1, (struct zw_file_facts){.op = ZW_FOP_MOUNT}, NULL);
	upper_tell(&u, P2, (struct zw_file_facts){.op = ZW_FOP_MOUNT}, NULL);
	upper_check(&u, &(struct verdict)BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)));

	/* Written after it was mounted. */
	mounts(&u);
	upper_tell(&u, P1, (struct zw_file_facts){.op = ZW_FOP_MOUNT}, NULL);
	upper_tell(&u, P2, (struct zw_file_facts){.op = ZW_FOP_WRITE, .ino = FILE_NEW}, NULL);
	upper_check(&u, &(struct verdict)BY(AMBIGUOUS, NOBODY, B(P1) | B(P2)));
}

/* What is mounted, a directory or the file itself, is not watched before it is found: only its change time tells that somebody
 * wrote to it. */
static void test_written_when_mounted(void **state)
{
	struct upper u;

	(void)state;
	for (int i = 0; i < 8; i++) {
		bool file = i & 1, late = i & 2, done = i & 4;
		uint64_t began_ns;

		mounts(&u);
		if (file) {
			path_to(&u.after, ZW_PLACE_DIR, DIR_OLD, 0, FILE_NEW, 1);
			u.after.place[u.after.reading.places - 1].mnt_id = 2;
		}
		rest(&u.m);
		began_ns = u.m.now;
		if (done)
			mount_call(&u, P1, began_ns);
		else
			upper_tell(&u, P1, (struct zw_file_facts){.op = ZW_FOP_MOUNT}, NULL);
		/* It mounts again, which does not cover what was written before. */
		u.m.now += 50 * MS;
		upper_tell(&u, P1, (struct zw_file_facts){.op = ZW_FOP_MOUNT}, NULL);
		u.after.reading.ctime_ns = late ? began_ns + 30 * MS : began_ns - 30 * MS;
		if (late)
			upper_check(&u, &(struct verdict)BY(PROBABLE, P1, B(P1)));
		else
			upper_check(&u, &(struct verdict)BY(CERTAIN, P1, B(P1)));
	}
}

/* A zone of two files, each changed by another process: no one of them did it all. */
static void test_included_file(void **state)
{
	struct zw_correlate_file f[2] = {};
	struct zw_correlate_input in = {.file = f, .files = 2};
	_zw_report_free_ struct zw_report *r = calloc(1, sizeof(*r));
	struct machine_state before;
	struct path inc;
	struct machine m;

	(void)state;
	machine_setup(&m, MARKS);
	machine_begin(&m, &before);
	path_to(&inc, ZW_PLACE_DIR, DIR_OLD, 0, FILE_OLD, 1);
	f[0].before = f[0].after = before.reading;
	f[1].before = f[1].after = inc.reading;
	f[0].from_ns = f[1].from_ns = in.from_ns = m.now;
	rest(&m);
	op_write(&m, P1, ZONE);
	machine_tell(&m, P2, (struct zw_file_facts){.op = ZW_FOP_WRITE, .ino = FILE_OLD}, NULL);
	in.book = m.book;
	in.to_ns = m.now;
	assert_int_equal(zw_correlate(&in, r), 0);
	assert_true(verdict_is(&m, r, &(struct verdict)BY(AMBIGUOUS, P1, B(P1) | B(P2))));
	machine_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_swapped),
		cmocka_unit_test(test_directory_renamed),
		cmocka_unit_test(test_changed_below),
		cmocka_unit_test(test_written_across_the_move),
		cmocka_unit_test(test_told_before_the_reading),
		cmocka_unit_test(test_directory_unwatched),
		cmocka_unit_test(test_directory_reuses_number),
		cmocka_unit_test(test_directory_copied_up),
		cmocka_unit_test(test_mounted_over),
		cmocka_unit_test(test_written_when_mounted),
		cmocka_unit_test(test_included_file),
	};

	return cmocka_run_group_tests_name("correlate_path", tests, NULL, NULL);
}
