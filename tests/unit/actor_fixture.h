/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events as the decoder makes them, and a proc tree on disk, for the tests of the actor layer. Included by one
 * test file each, so everything is static; all times are in units of a second after the boot of the real clock, because
 * seeded processes are stamped with that. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "actor/table.h"
#include "base/clock.h"
#include "base/str.h"
#include "event/argv.h"

#define SEC ZW_NSEC_PER_SEC
#define NO_PROC "/nonexistent"

struct program {
	const char *exe;
	const char *args; /* separated by blanks */
	uint64_t ino;
};

struct who {
	uint32_t uid, euid, loginuid;
};

static const struct who root_user _zw_unused_ = {0, 0, ZW_ID_UNSET};
static const struct who alice _zw_unused_ = {1000, 1000, ZW_ID_UNSET};
static const struct who alice_as_root _zw_unused_ = {1000, 0, ZW_ID_UNSET};
static const struct program bash _zw_unused_ = {"/usr/bin/bash", "-bash", 100};
static const struct program sudo _zw_unused_ = {"/usr/bin/sudo", "sudo sed -i x zone", 101};
static const struct program su _zw_unused_ = {"/usr/bin/su", "su -", 102};
static const struct program sed _zw_unused_ = {"/usr/bin/sed", "sed -i x zone", 103};
static const struct program sshd _zw_unused_ = {"/usr/sbin/sshd", "sshd -D", 104};
static const struct program doas _zw_unused_ = {"/usr/bin/doas", "doas sed", 105};

static inline uint64_t start_of(uint32_t pid)
{
	return SEC + pid * ZW_NSEC_PER_MSEC * 50 + 1234567;
}

static inline uint64_t at(uint64_t seconds)
{
	/* Later than anything seeded. */
	return zw_boottime_ns() + (1000 + seconds) * SEC;
}

static inline void set_program(struct zw_proc_facts *p, const struct program *prog)
{
	char text[256];
	size_t len = strlen(prog->args);

	memcpy(text, prog->args, len + 1);
	for (size_t i = 0; i < len; i++)
		if (text[i] == ' ')
			text[i] = '\0';
	p->exe = strdup(prog->exe);
	p->exe_dev = 1;
	p->exe_ino = prog->ino;
	assert_int_equal(zw_argv_split(text, len, &p->argv, &p->argc), 0);
	snprintf(p->comm, sizeof(p->comm), "%s", strrchr(prog->exe, '/') + 1);
}

static inline struct zw_event proc_event(enum zw_wire_type type, uint32_t pid, struct who who,
	const struct program *prog, uint64_t time_ns)
{
	struct zw_event e = {
		.type = type,
		.time_ns = time_ns,
		.proc =
			{
				.start_ns = start_of(pid),
				.tgid = pid,
				.tid = pid,
				.uid = who.uid,
				.euid = who.euid,
				.gid = who.uid,
				.egid = who.euid,
				.loginuid = who.loginuid,
				.session = who.loginuid == ZW_ID_UNSET ? ZW_ID_UNSET : 7,
			},
	};

	set_program(&e.proc, prog);
	return e;
}

static inline void add_ancestor(
	struct zw_event *e, uint32_t pid, struct who who, const char *comm, uint64_t ino)
{
	struct zw_wire_ancestor *a = &e->proc.ancestor[e->proc.ancestors++];

	*a = (struct zw_wire_ancestor){
		.start_ns = start_of(pid),
		.exe_dev = 1,
		.exe_ino = ino,
		.tgid = pid,
		.uid = who.uid,
		.euid = who.euid,
		.loginuid = who.loginuid,
	};
	snprintf(a->comm, sizeof(a->comm), "%s", comm);
}

static inline void feed_exec(struct zw_proc_table *t, uint32_t pid, struct who who,
	const struct program *prog, uint64_t time_ns)
{
	_zw_event_ struct zw_event e = proc_event(ZW_WIRE_EXEC, pid, who, prog, time_ns);

	assert_int_equal(zw_proc_table_feed(t, &e), 0);
}

static inline void feed_tree(struct zw_proc_table *t, enum zw_wire_type type, uint32_t parent,
	uint32_t child, uint64_t time_ns)
{
	struct zw_event e = {
		.type = type,
		.time_ns = time_ns,
		.fork = {.parent_start_ns = start_of(parent),
			.child_start_ns = start_of(child),
			.parent_tgid = parent,
			.child_tgid = child},
	};

	assert_int_equal(zw_proc_table_feed(t, &e), 0);
}

#define feed_fork(t, parent, child, time) feed_tree(t, ZW_WIRE_FORK, parent, child, time)
#define feed_exit(t, child, time) feed_tree(t, ZW_WIRE_EXIT, 1, child, time)

static inline struct zw_actor *write_by(struct zw_proc_table *t, uint32_t pid, struct who who,
	const struct program *prog, uint64_t time_ns)
{
	_zw_event_ struct zw_event e = proc_event(ZW_WIRE_FILE, pid, who, prog, time_ns);
	struct zw_actor *actor = NULL;

	assert_int_equal(zw_proc_table_resolve(t, &e, &actor), 0);
	return actor;
}

/* "bash/800 sudo/801" with elevations as "sudo/801!sudo". */
static inline void assert_lineage(const struct zw_actor *a, const char *want)
{
	_zw_str_ struct zw_str s = {};

	for (size_t i = 0; i < a->ancestors; i++) {
		const struct zw_ancestor *anc = &a->ancestor[i];
		const char *base = anc->exe ? strrchr(anc->exe, '/') + 1 : anc->comm;

		zw_str_addf(&s, "%s%s/%u", i ? " " : "", base, anc->tgid);
		if (anc->elevation)
			zw_str_addf(&s, "!%s", zw_elevation_to_string(anc->elevation));
	}
	zw_str_add(&s, "");
	assert_string_equal(s.buf, want);
}
