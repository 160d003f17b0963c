/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests of engine/: a small machine with one watched directory. Operations change its state and enter
 * the events into the book of causes that the hooks of a tier would tell of them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/correlate.h"

enum dialect {
	MARKS,   /* tier tracepoint, ext4 */
	NAMED,   /* tiers lsm and fentry */
	ENTRIES, /* tier tracepoint, other filesystems: marks with names */
	DIALECTS,
};

enum {
	DEV = 0x800001,
	ROOT = 2,
	ZONE_DIR = 10, /* watched: the zone is in it */
	FAR_DIR = 11,  /* not watched */
	MACHINE_ACTORS = 5,
	MACHINE_NAMES = 6,
	MACHINE_INODES = 64,
};
#define MS 1000000ULL
#define US 1000ULL
#define NOBODY (-1)

/* The names there are; the first two thirds are in ZONE_DIR. */
enum {
	ZONE,
	TMP1,
	TMP2,
	OTHER,
	FAR1,
	FAR2,
};
static const char *const machine_name[MACHINE_NAMES] = {
	"zone", "tmp1", "tmp2", "other", "far1", "far2"};

struct machine_inode {
	uint64_t ino, size, ctime;
	uint32_t nlink, generation;
	bool watched;
	unsigned int writers; /* bit set: who ever wrote it */
	/* since the first reading */
	unsigned int late_writers;
	int last_writer;
};

struct machine {
	enum dialect dialect;
	bool told_once; /* an exchange gives one event; in ENTRIES, names but no inode, as on XFS */
	uint64_t stall; /* between two events of an operation: it was preempted */
	bool dir_first; /* in ENTRIES, directories are told of before what is in them */
	uint64_t now;
	struct zw_cause_book *book;
	struct zw_actor *actor[MACHINE_ACTORS];
	struct machine_inode inode[MACHINE_INODES];
	size_t inodes;
	int entry[MACHINE_NAMES]; /* index of an inode; NOBODY: none */
	struct {
		uint64_t ns;
		uint64_t ino;
		uint32_t nlink;
		const char *name;
		int who;
		enum zw_fop op;
	} coalesced[32];
	size_t next_coalesced;
	/* the truth about what the zone's name yields */
	int last_author;
	unsigned int authors;
	int at_first; /* the inode it was at the first reading */
};

struct machine_state {
	struct zw_place place[4];
	struct zw_reading reading;
};

static inline struct zw_actor *machine_actor(uint32_t tgid)
{
	struct zw_actor *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	a->refs = 1;
	a->tgid = tgid;
	a->start_ns = 1000 + tgid;
	return a;
}

static inline int machine_new_inode(struct machine *m, uint64_t ino)
{
	struct machine_inode *i = &m->inode[m->inodes];

	assert_true(m->inodes < MACHINE_INODES);
	*i = (struct machine_inode){
		.ino = ino ? ino : 100 + m->inodes,
		.generation = (uint32_t)m->inodes + 1,
		.nlink = 1,
		.size = 10,
		.ctime = m->now,
	};
	return (int)m->inodes++;
}

static inline void machine_setup(struct machine *m, enum dialect dialect)
{
	*m = (struct machine){
		.dialect = dialect, .now = 1000 * MS, .last_author = NOBODY, .at_first = NOBODY};
	assert_int_equal(zw_cause_book_new(&m->book), 0);
	for (uint32_t i = 0; i < MACHINE_ACTORS; i++)
		m->actor[i] = machine_actor(100 + i);
	for (int i = 0; i < MACHINE_NAMES; i++)
		m->entry[i] = NOBODY;
	m->entry[ZONE] = machine_new_inode(m, 0);
	m->inode[m->entry[ZONE]].watched = true;
	m->now += 100 * MS;
}

static inline void machine_done(struct machine *m)
{
	zw_cause_book_free(m->book);
	for (int i = 0; i < MACHINE_ACTORS; i++)
		zw_actor_unref(m->actor[i]);
}

static inline uint64_t machine_dir(int name)
{
	return name < FAR1 ? ZONE_DIR : FAR_DIR;
}

/* Whatever an event is about; the operation fills in what its hook knows. */
static inline void machine_tell(
	struct machine *m, int who, struct zw_file_facts f, const char *name)
{
	struct zw_event e = {.type = ZW_WIRE_FILE, .time_ns = m->now, .file = f};

	e.file.dev = DEV;
	if (name)
		snprintf(e.file.name, sizeof(e.file.name), "%s", name);
	assert_int_equal(zw_cause_book_add(m->book, &e, m->actor[who]), 0);
}

/* As zw_file.h does for writes, attributes and directories. */
static inline bool machine_coalesces(
	struct machine *m, int who, enum zw_fop op, uint64_t ino, uint32_t nlink, const char *name)
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(m->coalesced); i++)
		if (m->coalesced[i].ns && m->coalesced[i].ino == ino && m->coalesced[i].op == op &&
			m->coalesced[i].who == who && m->coalesced[i].nlink == nlink &&
			m->coalesced[i].name == name &&
			m->now - m->coalesced[i].ns < ZW_COALESCE_NS)
			return true;
	m->coalesced[m->next_coalesced].ns = m->now;
	m->coalesced[m->next_coalesced].ino = ino;
	m->coalesced[m->next_coalesced].nlink = nlink;
	m->coalesced[m->next_coalesced].who = who;
	m->coalesced[m->next_coalesced].name = name;
	m->coalesced[m->next_coalesced].op = op;
	m->next_coalesced = (m->next_coalesced + 1) % ZW_ARRAY_SIZE(m->coalesced);
	return false;
}

static inline struct zw_file_facts machine_facts(const struct machine *m, enum zw_fop op, int inode)
{
	const struct machine_inode *i = &m->inode[inode];

	return (struct zw_file_facts){
		.op = op,
		.ino = i->ino,
		.size_bytes = i->size,
		.ctime_ns = i->ctime,
		.nlink = i->nlink,
		.generation = i->generation,
	};
}

static inline void machine_attr(struct machine *m, int who, int inode)
{
	const struct machine_inode *i = &m->inode[inode];

	m->now += 1 * US;
	if (i->watched && !machine_coalesces(m, who, ZW_FOP_ATTR, i->ino, i->nlink, NULL))
		machine_tell(m, who, machine_facts(m, ZW_FOP_ATTR, inode), NULL);
}

static inline void machine_dirent(struct machine *m, int who, uint64_t dir)
{
	struct zw_file_facts f = {.op = ZW_FOP_DIRENT, .dir_ino = dir};

	m->now += 1 * US + m->stall;
	if (m->dialect != NAMED && dir == ZONE_DIR &&
		!machine_coalesces(m, who, ZW_FOP_DIRENT, dir, 2, NULL))
		machine_tell(m, who, f, NULL);
}

/* The directories of an operation, once: before what is in them or after. */
static inline void machine_dirents(struct machine *m, int who, int a, int b, bool first)
{
	if (first != (m->dialect == ENTRIES && m->dir_first))
		return;
	machine_dirent(m, who, machine_dir(a));
	if (b != NOBODY)
		machine_dirent(m, who, machine_dir(b));
}

/* An operation that locks the directories of the names @a and @b, one of which may be NOBODY, is about to concern
 * @inode: see on_ctime() of zw_file.h. */
static inline void machine_entry_mark(struct machine *m, int who, int inode, int a, int b)
{
	const struct machine_inode *i = &m->inode[inode];
	struct zw_file_facts f = machine_facts(m, ZW_FOP_ATTR, inode);
	const char *name = NULL;
	bool beside = false;
	int found = 0;

	m->now += 1 * US + m->stall;
	m->inode[inode].ctime = m->now;
	for (int n = 0; n < MACHINE_NAMES; n++) {
		uint64_t dir = machine_dir(n);

		if (m->entry[n] != inode)
			continue;
		/* Of what is not watched one name is looked at. */
		if (!beside && !found)
			beside = dir == ZONE_DIR;
		if ((a == NOBODY || machine_dir(a) != dir) &&
			(b == NOBODY || machine_dir(b) != dir))
			continue;
		f.dir_ino = dir;
		name = found++ ? NULL : machine_name[n];
	}
	if (!i->watched && (!beside || !found))
		return;
	if (!machine_coalesces(m, who, ZW_FOP_ATTR, i->ino, i->nlink, name))
		machine_tell(m, who, f, name);
}

/* @by changed what the zone's name yields. */
static inline void machine_author(struct machine *m, int by)
{
	m->last_author = by;
	m->authors |= 1U << by;
	/* What came back is what it was, but for what was written to it. */
	if (m->entry[ZONE] != NOBODY && m->entry[ZONE] == m->at_first)
		m->authors = m->inode[m->at_first].late_writers;
}

/* --- operations; false: not possible now -------------------------------------------------------------- */

static inline void op_write_inode(struct machine *m, int who, int inode, uint64_t grow)
{
	struct machine_inode *i = &m->inode[inode];
	struct zw_file_facts f = machine_facts(m, ZW_FOP_WRITE, inode);
	const char *name = NULL;

	m->now += 1 * US;
	/* Beside the zone: the kernel adds the name it finds. */
	for (int n = 0; n < MACHINE_NAMES && !i->watched; n++)
		if (m->entry[n] == inode && machine_dir(n) == ZONE_DIR)
			name = machine_name[n];
	if (name)
		f.dir_ino = ZONE_DIR;
	if ((i->watched || name) &&
		!machine_coalesces(m, who, ZW_FOP_WRITE, i->ino, i->nlink, name))
		machine_tell(m, who, f, name);
	i->size += grow;
	i->writers |= 1U << who;
	i->late_writers |= 1U << who;
	i->last_writer = who;
	i->ctime = m->now;
	machine_attr(m, who, inode);
	if (m->entry[ZONE] == inode)
		machine_author(m, who);
}

static inline bool op_write(struct machine *m, int who, int name)
{
	if (m->entry[name] == NOBODY)
		return false;
	op_write_inode(m, who, m->entry[name], 1);
	return true;
}

static inline bool op_chmod(struct machine *m, int who, int name)
{
	if (m->entry[name] == NOBODY)
		return false;
	m->inode[m->entry[name]].ctime = m->now;
	machine_attr(m, who, m->entry[name]);
	return true;
}

static inline bool op_read(struct machine *m, int who, int name)
{
	if (m->entry[name] == NOBODY)
		return false;
	if (m->dialect != ENTRIES)
		machine_attr(m, who, m->entry[name]);
	return true;
}

static inline bool op_create(struct machine *m, int who, int name)
{
	struct zw_file_facts f = {.op = ZW_FOP_CREATE, .dir_ino = machine_dir(name)};

	if (m->entry[name] != NOBODY)
		return false;
	m->now += 1 * US;
	if (m->dialect == NAMED && machine_dir(name) == ZONE_DIR)
		machine_tell(m, who, f, machine_name[name]);
	m->entry[name] = machine_new_inode(m, 0);
	m->inode[m->entry[name]].size = 0;
	machine_dirent(m, who, machine_dir(name));
	if (name == ZONE)
		machine_author(m, who);
	return true;
}

static inline bool op_unlink(struct machine *m, int who, int name)
{
	int i = m->entry[name];
	struct zw_file_facts f;

	if (i == NOBODY)
		return false;
	f = machine_facts(m, ZW_FOP_UNLINK, i);
	f.dir_ino = machine_dir(name);
	m->now += 1 * US;
	machine_dirents(m, who, name, NOBODY, true);
	if (m->dialect == ENTRIES)
		machine_entry_mark(m, who, i, name, NOBODY);
	else if (machine_dir(name) == ZONE_DIR || m->inode[i].watched)
		machine_tell(m, who, f, machine_name[name]);
	m->entry[name] = NOBODY;
	m->inode[i].nlink--;
	m->inode[i].ctime = m->now;
	machine_dirents(m, who, name, NOBODY, false);
	if (m->dialect == MARKS)
		machine_attr(m, who, i);
	if (name == ZONE) {
		m->authors = 0;
		machine_author(m, who);
		m->authors = 0;
	}
	return true;
}

static inline void machine_tell_rename(struct machine *m, int who, int from, int to)
{
	int i = m->entry[from], victim = m->entry[to];
	struct zw_file_facts f = machine_facts(m, ZW_FOP_RENAME, i);

	f.old_dir_ino = machine_dir(from);
	f.dir_ino = machine_dir(to);
	f.ino2 = victim == NOBODY ? 0 : m->inode[victim].ino;
	if (m->dialect == NAMED && (from < FAR1 || to < FAR1 || m->inode[i].watched ||
					   (victim != NOBODY && m->inode[victim].watched)))
		machine_tell(m, who, f, machine_name[to]);
}

static inline void machine_moved(struct machine *m, int who, int inode)
{
	m->inode[inode].ctime = m->now;
	if (m->dialect == MARKS)
		machine_attr(m, who, inode);
}

static inline bool op_rename(struct machine *m, int who, int from, int to)
{
	int i = m->entry[from], victim = m->entry[to];

	if (i == NOBODY || from == to || i == victim)
		return false;
	m->now += 1 * US;
	machine_tell_rename(m, who, from, to);
	machine_dirents(m, who, to, from, true);
	if (m->dialect == ENTRIES) {
		machine_entry_mark(m, who, i, from, to);
		if (victim != NOBODY)
			machine_entry_mark(m, who, victim, from, to);
	}
	machine_moved(m, who, i);
	m->entry[from] = NOBODY;
	m->entry[to] = i;
	machine_dirents(m, who, to, from, false);
	if (victim != NOBODY) {
		m->inode[victim].nlink--;
		machine_moved(m, who, victim);
	}
	if (from == ZONE)
		m->authors = 0;
	if (from == ZONE || to == ZONE)
		machine_author(m, who);
	if (m->entry[ZONE] == NOBODY)
		m->authors = 0;
	return true;
}

/* See on_named_entry() of zw_file.h. */
static inline void machine_named_dirent(struct machine *m, int who, int name)
{
	struct zw_file_facts f = {.op = ZW_FOP_DIRENT, .dir_ino = machine_dir(name)};

	m->now += 1 * US + m->stall;
	if (machine_dir(name) == ZONE_DIR &&
		!machine_coalesces(m, who, ZW_FOP_DIRENT, f.dir_ino, 2, machine_name[name]))
		machine_tell(m, who, f, machine_name[name]);
}

static inline bool op_exchange(struct machine *m, int who, int a, int b)
{
	int i = m->entry[a], k = m->entry[b];

	if (i == NOBODY || k == NOBODY || i == k)
		return false;
	m->now += 1 * US;
	machine_tell_rename(m, who, a, b);
	if (!m->told_once)
		machine_tell_rename(m, who, b, a);
	machine_dirents(m, who, a, b, true);
	if (m->dialect == ENTRIES && m->told_once) {
		machine_named_dirent(m, who, a);
		machine_named_dirent(m, who, b);
	} else if (m->dialect == ENTRIES) {
		machine_entry_mark(m, who, i, a, b);
		machine_entry_mark(m, who, k, a, b);
	}
	m->entry[a] = k;
	m->entry[b] = i;
	machine_moved(m, who, i);
	machine_moved(m, who, k);
	machine_dirents(m, who, a, b, false);
	if (a == ZONE || b == ZONE)
		machine_author(m, who);
	return true;
}

static inline bool op_link(struct machine *m, int who, int from, int to)
{
	struct zw_file_facts f;
	int i = m->entry[from];

	if (i == NOBODY || m->entry[to] != NOBODY)
		return false;
	m->now += 1 * US;
	f = machine_facts(m, ZW_FOP_LINK, i);
	f.dir_ino = machine_dir(to);
	if (m->dialect == NAMED && (machine_dir(to) == ZONE_DIR || m->inode[i].watched))
		machine_tell(m, who, f, machine_name[to]);
	machine_dirents(m, who, to, NOBODY, true);
	if (m->dialect == ENTRIES)
		machine_entry_mark(m, who, i, to, NOBODY);
	m->inode[i].nlink++;
	machine_moved(m, who, i);
	m->entry[to] = i;
	machine_dirents(m, who, to, NOBODY, false);
	if (to == ZONE)
		machine_author(m, who);
	return true;
}

/* The last one who had an unlinked inode open lets go of it. */
static inline void op_evict(struct machine *m, int who, int inode)
{
	if (m->dialect == MARKS && m->inode[inode].nlink == 0)
		machine_attr(m, who, inode);
}

/* --- readings and the verdict ------------------------------------------------------------------------- */

static inline void machine_read(const struct machine *m, struct machine_state *st)
{
	const struct machine_inode *i = m->entry[ZONE] == NOBODY ? NULL : &m->inode[m->entry[ZONE]];

	*st = (struct machine_state){
		.place = {{.kind = ZW_PLACE_DIR, .dev = DEV, .ino = ROOT, .mnt_id = 1},
			{.kind = ZW_PLACE_DIR,
				.dev = DEV,
				.ino = ZONE_DIR,
				.mnt_id = 1,
				.parent = true,
				.name_hash = zw_place_name_hash("dir")},
			{.kind = ZW_PLACE_FILE,
				.dev = DEV,
				.ino = i ? i->ino : 0,
				.mnt_id = 1,
				.name_hash = zw_place_name_hash("zone")}},
	};
	st->reading = (struct zw_reading){.place = st->place, .places = 2, .present = i != NULL};
	if (i) {
		st->reading.places = 3;
		st->reading.size_bytes = i->size;
		st->reading.ctime_ns = i->ctime;
		st->reading.generation = i->generation;
	}
}

static inline void machine_begin(struct machine *m, struct machine_state *before)
{
	machine_read(m, before);
	m->authors = 0;
	m->last_author = NOBODY;
	m->at_first = m->entry[ZONE];
	for (size_t i = 0; i < m->inodes; i++)
		m->inode[i].late_writers = 0;
}

static inline struct zw_report *machine_explain(const struct machine *m,
	const struct machine_state *before, uint64_t from_ns, struct zw_correlate_input in)
{
	struct zw_report *report = calloc(1, sizeof(*report));
	struct zw_correlate_file file = {.before = before->reading, .from_ns = from_ns};
	struct machine_state after;

	assert_non_null(report);
	machine_read(m, &after);
	file.after = after.reading;
	in.book = m->book;
	in.file = &file;
	in.files = 1;
	in.from_ns = from_ns;
	in.to_ns = m->now;
	assert_int_equal(zw_correlate(&in, report), 0);
	return report;
}

static inline bool report_lists(const struct zw_report *report, const struct zw_actor *actor)
{
	for (size_t i = 0; i < report->causes; i++)
		if (zw_actor_same_process(report->cause[i].actor, actor))
			return true;
	return false;
}
