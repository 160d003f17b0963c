/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "actor/proc.h"
#include "actor/procfs.h"
#include "base/clock.h"
#include "base/str.h"

/* Parents that are read for the sake of a child; chains of processes that are longer begin in the middle. */
#define DEPTH_MAX 64

static int import_at(struct zw_proc_table *table, uint32_t tgid, unsigned int depth,
	struct zw_proc_facts *ret_facts, struct zw_proc **ret_proc);

/* The parent as it is now, NULL when it cannot be had. A parent is no younger than its child. */
static int import_parent(struct zw_proc_table *table, uint32_t ppid, uint64_t child_start_ns,
	unsigned int depth, struct zw_proc **ret_parent)
{
	_zw_cleanup_(zw_proc_facts_done) struct zw_proc_facts facts = {};
	struct zw_proc *parent = ppid ? zw_proc_youngest(table, ppid) : NULL;
	int r;

	if (ppid && (!parent || parent->state != ZW_PROC_LIVE) && depth < DEPTH_MAX) {
		r = import_at(table, ppid, depth + 1, &facts, &parent);
		if (r == -ESRCH)
			parent = NULL;
		else if (r < 0)
			return r;
	}
	if (parent && parent->start_ns > child_start_ns + table->tick_ns)
		parent = NULL;
	*ret_parent = parent;
	return 0;
}

static int import_new(struct zw_proc_table *table, const struct zw_proc_facts *facts, uint32_t ppid,
	uint64_t now_ns, unsigned int depth, struct zw_proc **ret_proc)
{
	struct zw_proc *parent = NULL, *proc;
	int r = import_parent(table, ppid, facts->start_ns, depth, &parent);

	if (r < 0)
		return r;
	/* Two processes that each seem to be the other's parent, when pids were reused while reading. */
	proc = zw_proc_find(table, facts->tgid, facts->start_ns, false);
	if (!proc) {
		r = zw_proc_add(table, facts->tgid, facts->start_ns, false, parent, now_ns, &proc);
		if (r == 0)
			r = zw_proc_apply(proc, facts, now_ns);
		if (r < 0)
			return r;
	}
	*ret_proc = proc;
	return 0;
}

static int import_at(struct zw_proc_table *table, uint32_t tgid, unsigned int depth,
	struct zw_proc_facts *ret_facts, struct zw_proc **ret_proc)
{
	_zw_cleanup_(zw_proc_facts_done) struct zw_proc_facts facts = {};
	uint64_t now_ns = zw_boottime_ns();
	struct zw_proc *proc;
	uint32_t ppid;
	int r = zw_procfs_read(table->root, tgid, &facts, &ppid);

	if (r < 0)
		return r;
	proc = zw_proc_find(table, tgid, facts.start_ns, false);
	if (!proc)
		r = import_new(table, &facts, ppid, now_ns, depth, &proc);
	else if (!proc->image || !zw_image_agrees(proc->image, facts.exe_dev, facts.exe_ino))
		r = zw_proc_apply(proc, &facts, now_ns);
	if (r < 0)
		return r;
	proc->seed = table->seed;
	r = zw_proc_find_origin(table, proc);
	if (r < 0)
		return r;
	*ret_facts = facts;
	facts = (struct zw_proc_facts){};
	*ret_proc = proc;
	return 0;
}

int zw_proc_import(struct zw_proc_table *table, uint32_t tgid, struct zw_proc_facts *ret_facts,
	struct zw_proc **ret_proc)
{
	return import_at(table, tgid, 0, ret_facts, ret_proc);
}

/* After lost exit events the table is set right by seeding again. */
static void mark_missing(struct zw_proc_table *table)
{
	uint64_t now_ns = zw_boottime_ns();
	size_t it = 0;
	void *value;

	while (zw_map_next(table->by_pid, &it, NULL, NULL, &value))
		for (struct zw_proc *proc = value; proc; proc = proc->older)
			if (proc->state == ZW_PROC_LIVE && proc->seed != table->seed)
				zw_proc_mark_exited(table, proc, now_ns);
}

int zw_proc_table_seed(struct zw_proc_table *table)
{
	_zw_closedir_ DIR *dir = opendir(table->root);
	struct dirent *de;
	uint32_t tgid;
	int r;

	if (!dir)
		return -errno;
	table->seed++;
	for (errno = 0; (de = readdir(dir)); errno = 0) {
		_zw_cleanup_(zw_proc_facts_done) struct zw_proc_facts facts = {};
		struct zw_proc *proc;

		if (zw_parse_u32(de->d_name, &tgid) < 0)
			continue;
		r = zw_proc_import(table, tgid, &facts, &proc);
		if (r < 0 && r != -ESRCH)
			return r;
	}
	if (errno)
		return -errno;
	mark_missing(table);
	return 0;
}
