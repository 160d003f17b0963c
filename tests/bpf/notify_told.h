/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the probe told of directories: events that are kept, and looked up by what they should say. */
#pragma once

#include "base/vec.h"
#include "check.h"
#include "event/event.h"
#include "probe/probe.h"

struct told {
	uint32_t tgid;
	enum zw_fop op;
	uint64_t ino, ino2, dir_ino, old_dir_ino;
	uint32_t watch;
	char name[ZW_NAME_LEN];
};

struct all_told {
	ZW_VEC(struct told) list;
};

static void on_event(void *ctx, const void *data, size_t len)
{
	_zw_event_ struct zw_event e = {};
	struct all_told *all = ctx;
	struct told t;

	if (zw_event_decode(data, len, &e) < 0)
		die("an event cannot be read");
	/* Where the change time moves, that is told of first, and stands for what comes just after it. */
	if (e.type != ZW_WIRE_FILE ||
		(e.hook != ZW_HOOK_TP_NOTIFY &&
			(e.hook != ZW_HOOK_TP_CTIME || e.file.op != ZW_FOP_DIRENT)))
		return;
	t = (struct told){.tgid = e.proc.tgid,
		.op = e.file.op,
		.ino = e.file.ino,
		.ino2 = e.file.ino2,
		.dir_ino = e.file.dir_ino,
		.old_dir_ino = e.file.old_dir_ino,
		.watch = e.file.watch};
	snprintf(t.name, sizeof(t.name), "%s", e.file.name);
	if (zw_vec_push(&all->list, t) < 0)
		die("memory");
}

/* What the hook told since the last time. */
static struct all_told take(struct zw_probe *p)
{
	struct all_told all = {};

	if (zw_probe_drain(p, on_event, &all) < 0)
		die("draining");
	if (getenv("ZW_SHOW"))
		ZW_VEC_FOREACH(t, &all.list)
			printf("# %u %s ino %llu dir %llu old %llu watch %#x '%s'\n", t->tgid,
				zw_fop_to_string(t->op), (unsigned long long)t->ino,
				(unsigned long long)t->dir_ino, (unsigned long long)t->old_dir_ino,
				t->watch, t->name);
	return all;
}

static size_t count(const struct all_told *all, enum zw_fop op)
{
	size_t n = 0;

	ZW_VEC_FOREACH(t, &all->list)
		n += t->op == op;
	return n;
}

/* Told of by @tgid: @op on directory @dir, with these; 0 and "": none. */
static bool has(const struct all_told *all, uint32_t tgid, enum zw_fop op, uint64_t dir,
	uint64_t old_dir, uint64_t ino, const char *name)
{
	ZW_VEC_FOREACH(t, &all->list)
		if (t->tgid == tgid && t->op == op && t->dir_ino == dir &&
			t->old_dir_ino == old_dir && t->ino == ino && zw_streq(t->name, name))
			return true;
	return false;
}

static bool tells_of(const struct all_told *all, uint64_t dir)
{
	ZW_VEC_FOREACH(t, &all->list)
		if (t->dir_ino == dir || t->old_dir_ino == dir)
			return true;
	return false;
}

/* The rename of @tgid says for sure that it replaced @ino2; 0: nothing. */
static bool replaces(const struct all_told *all, uint32_t tgid, uint64_t ino2)
{
	ZW_VEC_FOREACH(t, &all->list)
		if (t->tgid == tgid && t->op == ZW_FOP_RENAME && t->ino2 == ino2 &&
			!(t->watch & ZW_WATCH_BLIND))
			return true;
	return false;
}
