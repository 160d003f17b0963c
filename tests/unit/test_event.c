/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Wire events: what is well-formed arrives whole, everything else is refused and leaks nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "event/argv.h"
#include "event/event.h"

#define PUT(dst, len, bytes)                               \
	do {                                               \
		memcpy((dst), (bytes), sizeof(bytes) - 1); \
		(len) = sizeof(bytes) - 1;                 \
	} while (0)

static void fill_actor(struct zw_wire_actor *a)
{
	*a = (struct zw_wire_actor){
		.start_ns = 5000000001,
		.exe_dev = 8 << 20 | 1,
		.exe_ino = 42,
		.cgroup_id = 77,
		.tgid = 812,
		.tid = 813,
		.uid = 1000,
		.euid = 0,
		.gid = 1001,
		.egid = 2,
		.loginuid = 1000,
		.session = 7,
		.mntns = 11,
		.pidns = 12,
		.netns = 13,
		.ancestors = 2,
		.comm = "sed",
		.tty = "pts/2",
	};
	PUT(a->argv, a->argv_len, "sed\0-i\0s/a/b/\0");
	PUT(a->exe, a->exe_len, "sed\0bin\0usr\0");
	PUT(a->cwd, a->cwd_len, "bind\0etc\0");
	a->ancestor[0] =
		(struct zw_wire_ancestor){.tgid = 800, .start_ns = 4, .uid = 1000, .comm = "bash"};
	a->ancestor[1] = (struct zw_wire_ancestor){.tgid = 1, .start_ns = 1, .comm = "systemd"};
}

static void fill_file(struct zw_wire_file *w)
{
	*w = (struct zw_wire_file){
		.hdr = {sizeof(*w), ZW_WIRE_FILE, ZW_HOOK_LSM_INODE_RENAME, ZW_WIRE_VERSION,
			123456789},
		.dev = 8 << 20 | 1,
		.ino = 100,
		.dir_ino = 101,
		.old_dir_ino = 102,
		.ino2 = 103,
		.size_bytes = 4096,
		.mode = 0100644,
		.nlink = 1,
		.owner_uid = 53,
		.op = ZW_FOP_RENAME,
		.watch = ZW_WATCH_FILE | ZW_WATCH_DIR,
		.coalesced = 3,
		.generation = 7,
		.name = "example.com.zone",
	};
	fill_actor(&w->actor);
}

static void fill_exec(struct zw_wire_exec *w)
{
	*w = (struct zw_wire_exec){
		.hdr = {sizeof(*w), ZW_WIRE_EXEC, ZW_HOOK_TP_EXEC, ZW_WIRE_VERSION, 9}};
	fill_actor(&w->actor);
}

static void whole_file_event(void **state)
{
	_zw_event_ struct zw_event e = {};
	struct zw_wire_file w;

	(void)state;
	fill_file(&w);
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), 0);
	assert_int_equal(e.type, ZW_WIRE_FILE);
	assert_int_equal(e.hook, ZW_HOOK_LSM_INODE_RENAME);
	assert_int_equal(e.time_ns, 123456789);
	assert_int_equal(e.file.op, ZW_FOP_RENAME);
	assert_int_equal(e.file.dev, 8 << 20 | 1);
	assert_int_equal(e.file.ino, 100);
	assert_int_equal(e.file.dir_ino, 101);
	assert_int_equal(e.file.old_dir_ino, 102);
	assert_int_equal(e.file.ino2, 103);
	assert_int_equal(e.file.size_bytes, 4096);
	assert_int_equal(e.file.mode, 0100644);
	assert_int_equal(e.file.nlink, 1);
	assert_int_equal(e.file.owner_uid, 53);
	assert_int_equal(e.file.watch, ZW_WATCH_FILE | ZW_WATCH_DIR);
	assert_int_equal(e.file.coalesced, 3);
	assert_int_equal(e.file.generation, 7);
	assert_string_equal(e.file.name, "example.com.zone");
	assert_int_equal(e.proc.start_ns, 5000000001);
	assert_int_equal(e.proc.tgid, 812);
	assert_int_equal(e.proc.tid, 813);
	assert_int_equal(e.proc.uid, 1000);
	assert_int_equal(e.proc.euid, 0);
	assert_int_equal(e.proc.gid, 1001);
	assert_int_equal(e.proc.egid, 2);
	assert_int_equal(e.proc.loginuid, 1000);
	assert_int_equal(e.proc.session, 7);
	assert_int_equal(e.proc.mntns, 11);
	assert_int_equal(e.proc.pidns, 12);
	assert_int_equal(e.proc.netns, 13);
	assert_int_equal(e.proc.exe_ino, 42);
	assert_int_equal(e.proc.cgroup_id, 77);
	assert_string_equal(e.proc.comm, "sed");
	assert_string_equal(e.proc.tty, "pts/2");
	assert_string_equal(e.proc.exe, "/usr/bin/sed");
	assert_string_equal(e.proc.cwd, "/etc/bind");
	assert_int_equal(e.proc.argc, 3);
	assert_string_equal(e.proc.argv[2], "s/a/b/");
	assert_null(e.proc.argv[3]);
	assert_int_equal(e.proc.ancestors, 2);
	assert_string_equal(e.proc.ancestor[0].comm, "bash");
	assert_int_equal(e.proc.ancestor[1].tgid, 1);
}

static void fork_and_exit_events(void **state)
{
	struct zw_wire_fork w = {
		.hdr = {sizeof(w), ZW_WIRE_FORK, ZW_HOOK_TP_FORK, ZW_WIRE_VERSION, 9},
		.parent_start_ns = 1,
		.child_start_ns = 2,
		.parent_tgid = 3,
		.child_tgid = 4,
	};
	_zw_event_ struct zw_event e = {};

	(void)state;
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), 0);
	assert_int_equal(e.type, ZW_WIRE_FORK);
	assert_int_equal(e.fork.parent_start_ns, 1);
	assert_int_equal(e.fork.child_start_ns, 2);
	assert_int_equal(e.fork.parent_tgid, 3);
	assert_int_equal(e.fork.child_tgid, 4);
	w.hdr.type = ZW_WIRE_EXIT;
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), -EBADMSG);
	w.hdr.hook = ZW_HOOK_TP_EXIT;
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), 0);
	assert_int_equal(e.type, ZW_WIRE_EXIT);
}

static void odd_paths(void **state)
{
	_zw_event_ struct zw_event e = {};
	struct zw_wire_exec w;

	(void)state;
	fill_exec(&w);
	PUT(w.actor.exe, w.actor.exe_len, "memfd:/usr/bin/vim\0");
	PUT(w.actor.cwd, w.actor.cwd_len, "\0");
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), 0);
	assert_string_equal(e.proc.exe, "/memfd:/usr/bin/vim");
	assert_string_equal(e.proc.cwd, "/");
	zw_event_done(&e);

	PUT(w.actor.exe, w.actor.exe_len, "vim\0bin\0");
	w.actor.cwd_len = 0;
	w.actor.flags = ZW_ACTOR_EXE_CUT | ZW_ACTOR_EXE_DELETED | ZW_ACTOR_CWD_CUT;
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), 0);
	assert_string_equal(e.proc.exe, ".../bin/vim");
	assert_null(e.proc.cwd);
	assert_int_equal(e.proc.flags, w.actor.flags);
	zw_event_done(&e);

	w.actor.flags = 0;
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), 0);
	assert_string_equal(e.proc.cwd, "/");
	zw_event_done(&e);
	w.actor.exe_len = 0;
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), 0);
	assert_null(e.proc.cwd);
	assert_null(e.proc.exe);
	zw_event_done(&e);

	memset(w.actor.exe, 'x', sizeof(w.actor.exe));
	w.actor.exe[sizeof(w.actor.exe) - 1] = '\0';
	w.actor.flags = ZW_ACTOR_EXE_CUT;
	w.actor.exe_len = sizeof(w.actor.exe);
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), 0);
	assert_int_equal(strlen(e.proc.exe), sizeof(w.actor.exe) + 3);
}

static void odd_arguments(void **state)
{
	_zw_event_ struct zw_event e = {};
	struct zw_wire_exec w;

	(void)state;
	fill_exec(&w);
	w.actor.argv_len = 0;
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), 0);
	assert_non_null(e.proc.argv);
	assert_null(e.proc.argv[0]);
	assert_int_equal(e.proc.argc, 0);
	zw_event_done(&e);

	/* The process cut the terminator off; it must not hide its event by that. */
	memset(w.actor.argv, 'y', sizeof(w.actor.argv));
	w.actor.argv_len = sizeof(w.actor.argv);
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), 0);
	assert_int_equal(e.proc.argc, 1);
	assert_int_equal(strlen(e.proc.argv[0]), ZW_ARGV_LEN);
	zw_event_done(&e);

	PUT(w.actor.argv, w.actor.argv_len, "sed\0\0-i\0\0");
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), 0);
	assert_int_equal(e.proc.argc, 4);
	assert_string_equal(e.proc.argv[1], "");
	assert_string_equal(e.proc.argv[3], "");
	zw_event_done(&e);

	PUT(w.actor.argv, w.actor.argv_len, "sshd: alice [priv]\0\0\0\0\0\0");
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), 0);
	assert_int_equal(e.proc.argc, 1);
	assert_string_equal(e.proc.argv[0], "sshd: alice [priv]");
}

static void terminals_are_called_by_their_path(void **state)
{
	static const struct {
		const char *wire, *want;
	} cases[] = {
		{"pts2", "pts/2"},
		{"pts123456", "pts/123456"},
		{"pts/2", "pts/2"},
		{"tty1", "tty1"},
		{"ttyS0", "ttyS0"},
		{"pts", "pts"},
		{"", ""},
		{"pts012345678901", "pts012345678901"},
		{"pts01234567890", "pts/01234567890"},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_event_ struct zw_event e = {};
		struct zw_wire_exec w;

		fill_exec(&w);
		snprintf(w.actor.tty, sizeof(w.actor.tty), "%s", cases[i].wire);
		assert_int_equal(zw_event_decode(&w, sizeof(w), &e), 0);
		assert_string_equal(e.proc.tty, cases[i].want);
	}
}

static void refuse_file(void (*spoil)(struct zw_wire_file *))
{
	struct zw_event e = {.time_ns = 4711};
	struct zw_wire_file w;

	fill_file(&w);
	spoil(&w);
	assert_int_equal(zw_event_decode(&w, sizeof(w), &e), -EBADMSG);
	assert_int_equal(e.time_ns, 4711);
	assert_null(e.proc.exe);
}

#define SPOIL(name, code)                        \
	static void name(struct zw_wire_file *w) \
	{                                        \
		code;                            \
	}

SPOIL(bad_version, w->hdr.version++)
SPOIL(bad_type_none, w->hdr.type = ZW_WIRE_NONE)
SPOIL(bad_type_max, w->hdr.type = 255)
SPOIL(bad_type_holder, w->hdr.type = ZW_WIRE_HOLDER)
SPOIL(bad_type_other, w->hdr.type = ZW_WIRE_EXEC)
SPOIL(bad_hook_none, w->hdr.hook = ZW_HOOK_NONE)
SPOIL(bad_hook_max, w->hdr.hook = _ZW_HOOK_MAX)
SPOIL(bad_hook_other, w->hdr.hook = ZW_HOOK_TP_EXEC)
SPOIL(bad_size_less, w->hdr.size--)
SPOIL(bad_size_more, w->hdr.size = 0xffffffff)
SPOIL(bad_op_none, w->op = ZW_FOP_NONE)
SPOIL(bad_op_max, w->op = _ZW_FOP_MAX)
SPOIL(bad_watch, w->watch = ZW_WATCH_BLIND << 1)
SPOIL(bad_name, memset(w->name, 'n', sizeof(w->name)))
SPOIL(bad_flags, w->actor.flags = 1u << 31)
SPOIL(bad_comm, memset(w->actor.comm, 'c', sizeof(w->actor.comm)))
SPOIL(bad_tty, memset(w->actor.tty, 't', sizeof(w->actor.tty)))
SPOIL(bad_argv_len, w->actor.argv_len = ZW_ARGV_LEN + 1)
SPOIL(bad_exe_len, w->actor.exe_len = ZW_PATH_LEN + 1)
SPOIL(bad_cwd_len, w->actor.cwd_len = 0xffff)
SPOIL(bad_exe_end, w->actor.exe_len--)
SPOIL(bad_cwd_end, w->actor.cwd_len--)
SPOIL(bad_ancestors, w->actor.ancestors = ZW_ANCESTORS + 1)
SPOIL(bad_ancestor_comm, memset(w->actor.ancestor[1].comm, 'a', ZW_COMM_LEN))

static void refused(void **state)
{
	static void (*const spoil[])(struct zw_wire_file *) = {bad_version, bad_type_none,
		bad_type_max, bad_type_holder, bad_type_other, bad_hook_none, bad_hook_max,
		bad_hook_other, bad_size_less, bad_size_more, bad_op_none, bad_op_max, bad_watch,
		bad_name, bad_flags, bad_comm, bad_tty, bad_argv_len, bad_exe_len, bad_cwd_len,
		bad_exe_end, bad_cwd_end, bad_ancestors, bad_ancestor_comm};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(spoil); i++)
		refuse_file(spoil[i]);
}

static void every_truncation_is_refused(void **state)
{
	struct zw_event e = {};
	struct zw_wire_file w;

	(void)state;
	fill_file(&w);
	for (size_t len = 0; len < sizeof(w); len++) {
		_zw_free_ char *copy = malloc(len + 1);

		assert_non_null(copy);
		memcpy(copy, &w, len);
		assert_int_equal(zw_event_decode(copy, len, &e), -EBADMSG);
	}
}

static void unaligned_bytes_are_read(void **state)
{
	_zw_event_ struct zw_event e = {};
	char buf[sizeof(struct zw_wire_file) + 1];
	struct zw_wire_file w;

	(void)state;
	fill_file(&w);
	memcpy(buf + 1, &w, sizeof(w));
	assert_int_equal(zw_event_decode(buf + 1, sizeof(w), &e), 0);
	assert_string_equal(e.proc.exe, "/usr/bin/sed");
}

static void every_enumerator_has_its_own_name(void **state)
{
	(void)state;
	for (int i = 0; i < _ZW_FOP_MAX; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(zw_fop_to_string(i), zw_fop_to_string(k));
	for (int i = 0; i < _ZW_HOOK_MAX; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(zw_hook_to_string(i), zw_hook_to_string(k));
	assert_string_equal(zw_fop_to_string(_ZW_FOP_MAX), "unknown");
	assert_string_equal(zw_hook_to_string(_ZW_HOOK_MAX), "unknown");
	assert_string_equal(
		zw_hook_to_string(ZW_HOOK_TP_DIRTY), "tp_btf/writeback_mark_inode_dirty");
	assert_string_equal(zw_hook_to_string(ZW_HOOK_SYSCALL_STATE), "syscall/inode_state");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_file_event),
		cmocka_unit_test(fork_and_exit_events),
		cmocka_unit_test(odd_paths),
		cmocka_unit_test(odd_arguments),
		cmocka_unit_test(terminals_are_called_by_their_path),
		cmocka_unit_test(refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(unaligned_bytes_are_read),
		cmocka_unit_test(every_enumerator_has_its_own_name),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
