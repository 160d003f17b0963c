/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What can be done on the machine of engine_fixture.h, and what a reading of it says. */
#pragma once

#include "unit/engine_fixture.h"

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
	(void)machine_ticks(m, &i->ctime);
	machine_attr(m, who, inode);
	if (m->at_last == inode)
		m->at_last = NOBODY;
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
	(void)machine_ticks(m, &m->inode[m->entry[name]].ctime);
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
	machine_lock(m);
	m->now += 1 * US;
	if (m->dialect == NAMED && machine_dir(name) == ZONE_DIR)
		machine_tell(m, who, f, machine_name[name]);
	m->entry[name] = machine_new_inode(m, 0);
	m->inode[m->entry[name]].size = 0;
	(void)machine_ticks(m, &m->inode[m->entry[name]].ctime);
	machine_dirent(m, who, machine_dir(name));
	machine_notify_dir(m, who, machine_dir(name), false);
	if (name == ZONE)
		machine_author(m, who);
	return true;
}

static inline void machine_moved(struct machine *m, int who, int inode)
{
	bool ticks = machine_ticks(m, &m->inode[inode].ctime);

	if (m->dialect == MARKS || (m->dialect == QUIET && ticks))
		machine_attr(m, who, inode);
}

static inline bool op_unlink(struct machine *m, int who, int name)
{
	int i = m->entry[name];
	struct zw_file_facts f;

	if (i == NOBODY)
		return false;
	machine_lock(m);
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
	machine_dirents(m, who, name, NOBODY, false);
	machine_moved(m, who, i);
	machine_notify_dir(m, who, machine_dir(name), false);
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

static inline bool op_rename(struct machine *m, int who, int from, int to)
{
	int i = m->entry[from], victim = m->entry[to];

	if (i == NOBODY || from == to || i == victim)
		return false;
	machine_lock(m);
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
	machine_notify_move(m, who, i, victim, from, to);
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
	machine_lock(m);
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
	machine_notify_move(m, who, i, UNKNOWN, a, b);
	machine_notify_move(m, who, k, UNKNOWN, b, a);
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
	machine_lock(m);
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
	machine_notify_dir(m, who, machine_dir(to), false);
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
	m->last_author = m->put_by = NOBODY;
	m->at_first = m->at_last = m->entry[ZONE];
	for (size_t i = 0; i < m->inodes; i++)
		m->inode[i].late_writers = 0;
}

static inline struct zw_report *machine_explain(const struct machine *m,
	const struct machine_state *before, uint64_t from_ns, struct zw_correlate_input in)
{
	struct zw_report *report = calloc(1, sizeof(*report));
	/* What it says of the file beyond what the machine knows is taken over. */
	struct zw_correlate_file file = in.file ? *in.file : (struct zw_correlate_file){};
	struct machine_state after;

	assert_non_null(report);
	file.before = before->reading;
	file.from_ns = from_ns;
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
