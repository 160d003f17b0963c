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
	QUIET, /* tier tracepoint, ext4 whose directories notify: marks only where a clock tick has passed */
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
#define UNKNOWN (-2)
#define TICK (4 * MS)

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
	bool blind;     /* in QUIET, what is renamed over is not told */
	uint64_t late;  /* in QUIET, from an operation to what is notified of it */
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
	uint64_t dir_ctime;
	/* what is notified, but not told yet */
	struct {
		uint64_t due;
		struct zw_file_facts f;
		const char *name;
		int who;
	} notice[8];
	size_t notices;
	/* the truth about what the zone's name yields */
	int last_author;
	unsigned int authors;
	int at_first; /* the inode it was at the first reading */
	int at_last;  /* the last inode it was, as it was then */
	int put_by;   /* who put that there, before it was moved away and back if it was */
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
		.dialect = dialect,
		.now = 1000 * MS,
		.last_author = NOBODY,
		.at_first = NOBODY,
		.at_last = NOBODY,
		.put_by = NOBODY,
	};
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

/* Which hook tells of it matters where that comes before the operation. */
static inline enum zw_hook machine_hook(const struct machine *m, enum zw_fop op)
{
	if (m->dialect == QUIET && op == ZW_FOP_RENAME)
		return ZW_HOOK_TP_NOTIFY;
	if (m->dialect == QUIET && op == ZW_FOP_UNLINK)
		return ZW_HOOK_TP_EXT4_UNLINK;
	if (m->dialect != NAMED)
		return op == ZW_FOP_WRITE ? ZW_HOOK_TP_DIRTY : ZW_HOOK_TP_CTIME;
	switch (op) {
	case ZW_FOP_CREATE:
		return ZW_HOOK_LSM_INODE_CREATE;
	case ZW_FOP_LINK:
		return ZW_HOOK_LSM_INODE_LINK;
	case ZW_FOP_UNLINK:
		return ZW_HOOK_LSM_INODE_UNLINK;
	case ZW_FOP_RENAME:
		return ZW_HOOK_LSM_INODE_RENAME;
	default:
		return ZW_HOOK_TP_DIRTY;
	}
}

static inline void machine_enter(struct machine *m, uint64_t time_ns, enum zw_hook hook, int who,
	const struct zw_file_facts *f, const char *name)
{
	struct zw_event e = {.type = ZW_WIRE_FILE, .hook = hook, .time_ns = time_ns, .file = *f};

	e.file.dev = DEV;
	if (name)
		snprintf(e.file.name, sizeof(e.file.name), "%s", name);
	assert_int_equal(zw_cause_book_add(m->book, &e, m->actor[who]), 0);
}

/* What is notified by now is told. */
static inline void machine_notices(struct machine *m)
{
	size_t n = 0;

	for (; n < m->notices && m->notice[n].due <= m->now; n++)
		machine_enter(m, m->notice[n].due, ZW_HOOK_TP_NOTIFY, m->notice[n].who,
			&m->notice[n].f, m->notice[n].name);
	m->notices -= n;
	memmove(m->notice, m->notice + n, m->notices * sizeof(*m->notice));
}

/* An operation on entries waits for the lock of the directory, under which what is notified of the one before is told. */
static inline void machine_lock(struct machine *m)
{
	if (m->notices && m->notice[m->notices - 1].due > m->now)
		m->now = m->notice[m->notices - 1].due;
	machine_notices(m);
}

/* Whatever an event is about; the operation fills in what its hook knows. */
static inline void machine_tell(
	struct machine *m, int who, struct zw_file_facts f, const char *name)
{
	machine_notices(m);
	machine_enter(m, m->now, machine_hook(m, f.op), who, &f, name);
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

/* The time that files get; true when that is another one than they have. */
static inline bool machine_ticks(const struct machine *m, uint64_t *ctime)
{
	uint64_t now = m->dialect == QUIET ? m->now / TICK * TICK : m->now;
	bool moved = m->dialect != QUIET || *ctime != now;

	*ctime = now;
	return moved;
}

static inline void machine_notify(
	struct machine *m, int who, const struct zw_file_facts *f, const char *name)
{
	if (m->dialect != QUIET)
		return;
	m->now += 1 * US;
	assert_true(m->notices < ZW_ARRAY_SIZE(m->notice));
	m->notice[m->notices].due = m->now + m->late;
	m->notice[m->notices].f = *f;
	m->notice[m->notices].name = name;
	m->notice[m->notices++].who = who;
	machine_notices(m);
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
	if (m->dialect != NAMED && dir == ZONE_DIR && machine_ticks(m, &m->dir_ctime) &&
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

/* What is notified of an entry of @dir that is made, linked or removed. Of one that is moved to another directory,
 * @left. */
static inline void machine_notify_dir(struct machine *m, int who, uint64_t dir, bool left)
{
	struct zw_file_facts f = {
		.op = ZW_FOP_DIRENT, .dir_ino = dir, .old_dir_ino = left ? dir : 0};

	if (m->dialect == QUIET && dir == ZONE_DIR &&
		(left || !machine_coalesces(m, who, ZW_FOP_DIRENT, dir, 2, NULL)))
		machine_notify(m, who, &f, NULL);
}

/* The same of inode @inode that was moved from @from to @to, in the place of @victim: of an exchange that is UNKNOWN. */
static inline void machine_notify_move(
	struct machine *m, int who, int inode, int victim, int from, int to)
{
	struct zw_file_facts f = machine_facts(m, ZW_FOP_RENAME, inode);

	machine_notify_dir(m, who, machine_dir(from), machine_dir(from) != machine_dir(to));
	if (machine_dir(to) != ZONE_DIR)
		return;
	f.dir_ino = ZONE_DIR;
	f.old_dir_ino = machine_dir(from) == ZONE_DIR ? ZONE_DIR : 0;
	if (m->blind || victim == UNKNOWN)
		f.watch = ZW_WATCH_BLIND;
	else if (victim != NOBODY)
		f.ino2 = m->inode[victim].ino;
	machine_notify(m, who, &f, machine_name[to]);
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
	if (m->entry[ZONE] != NOBODY && m->entry[ZONE] != m->at_last) {
		m->at_last = m->entry[ZONE];
		m->put_by = by;
	}
	/* What came back is what it was, but for what was written to it. */
	if (m->entry[ZONE] != NOBODY && m->entry[ZONE] == m->at_first)
		m->authors = m->inode[m->at_first].late_writers;
}
