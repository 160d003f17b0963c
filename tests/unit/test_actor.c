/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The process table fed with events alone: ancestry, set-user steps, reused pids, losses, bounds. */
#include "actor_fixture.h"

static int set_up(void **state)
{
	struct zw_proc_table *t = NULL;

	assert_int_equal(zw_proc_table_new(NO_PROC, &t), 0);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	zw_proc_table_free(*state);
	return 0;
}

/* init(1) - bash(800, alice) - sudo(801) - sed(802, root) */
static void sudo_session(
	struct zw_proc_table *t, struct who shell, struct who stepping, struct who target)
{
	feed_exec(t, 1, root_user, &(struct program){"/sbin/init", "init", 99}, at(0));
	feed_fork(t, 1, 800, at(1));
	feed_exec(t, 800, shell, &bash, at(2));
	feed_fork(t, 800, 801, at(3));
	feed_exec(t, 801, stepping, &sudo, at(4));
	feed_fork(t, 801, 802, at(5));
	feed_exec(t, 802, target, &sed, at(6));
}

static void ancestry_outlives_everybody(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	sudo_session(*state, alice, alice_as_root, root_user);
	feed_exit(*state, 802, at(7));
	feed_exit(*state, 801, at(8));
	feed_exit(*state, 800, at(9));
	a = write_by(*state, 802, root_user, &sed, at(6) + 1);
	assert_lineage(a, "sudo/801!sudo bash/800 init/1");
	assert_string_equal(a->name, "sed");
	assert_string_equal(a->exe, "/usr/bin/sed");
	assert_int_equal(a->argc, 4);
	assert_int_equal(a->ancestor[0].argc, 5);
	assert_string_equal(a->ancestor[0].argv[1], "sed");
	assert_int_equal(a->real.uid, 0);
	assert_string_equal(a->real.name, "root");
	assert_int_equal(a->login.uid, ZW_ID_UNSET);
	assert_null(a->login.name);
	assert_int_equal(a->principal.uid, 1000);
}

static void login_user_is_the_principal(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;
	struct who login = {0, 0, 1001};

	sudo_session(*state, alice, alice_as_root, login);
	a = write_by(*state, 802, login, &sed, at(7));
	assert_int_equal(a->login.uid, 1001);
	assert_int_equal(a->principal.uid, 1001);
	assert_int_equal(a->session, 7);
}

static void a_program_merely_named_sudo_is_none(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;
	struct who bob = {1001, 1001, ZW_ID_UNSET};

	/* Without a set-uid bit the euid stays the caller's. */
	sudo_session(*state, alice, alice, bob);
	a = write_by(*state, 802, bob, &sed, at(7));
	assert_lineage(a, "sudo/801 bash/800 init/1");
	assert_int_equal(a->principal.uid, 1001);
}

static void sudo_then_su_gives_the_first_user(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;
	struct who bob = {1001, 1001, ZW_ID_UNSET};

	sudo_session(*state, alice, alice_as_root, root_user);
	feed_exec(*state, 802, root_user, &su, at(7));
	feed_fork(*state, 802, 803, at(8));
	feed_exec(*state, 803, bob, &bash, at(9));
	a = write_by(*state, 803, bob, &bash, at(10));
	assert_lineage(a, "su/802!su sudo/801!sudo bash/800 init/1");
	assert_int_equal(a->principal.uid, 1000);
	assert_int_equal(a->effective.uid, 1001);
}

static void children_are_not_forgotten(void **state)
{
	struct zw_proc_table *t = *state;

	feed_exec(t, 800, alice, &bash, at(1));
	assert_false(zw_proc_table_forked(t, 800, start_of(800)));
	feed_fork(t, 800, 801, at(2));
	assert_true(zw_proc_table_forked(t, 800, start_of(800)));
	assert_false(zw_proc_table_forked(t, 801, start_of(801)));
	feed_exit(t, 801, at(3));
	zw_proc_table_expire(t, at(1000), 0);
	assert_true(zw_proc_table_forked(t, 800, start_of(800)));
	assert_true(zw_proc_table_forked(t, 800, 0));
	/* Nothing is known of it. */
	assert_true(zw_proc_table_forked(t, 999, start_of(999)));
}

static void doas_that_is_replaced_stays_in_the_chain(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL, *child = NULL;

	feed_exec(*state, 800, alice, &bash, at(1));
	feed_fork(*state, 800, 801, at(2));
	feed_exec(*state, 801, alice_as_root, &doas, at(3));
	feed_exec(*state, 801, root_user, &sed, at(4));
	a = write_by(*state, 801, root_user, &sed, at(5));
	assert_lineage(a, "doas/801!doas bash/800");
	assert_int_equal(a->principal.uid, 1000);
	assert_int_equal(a->ancestor[0].uid, 1000);
	assert_int_equal(a->ancestor[0].euid, 0);
	feed_fork(*state, 801, 802, at(6));
	child = write_by(*state, 802, root_user, &sed, at(7));
	assert_lineage(child, "sed/801 doas/801!doas bash/800");
	assert_int_equal(child->principal.uid, 1000);
}

static void principal_survives_a_chain_longer_than_is_shown(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	sudo_session(*state, alice, alice_as_root, root_user);
	for (uint32_t pid = 803; pid < 840; pid++) {
		feed_fork(*state, pid - 1, pid, at(pid));
		feed_exit(*state, pid - 1, at(pid) + 1);
	}
	a = write_by(*state, 839, root_user, &sed, at(900));
	assert_int_equal(a->ancestors, ZW_ANCESTORS);
	assert_int_equal(a->ancestor[15].tgid, 823);
	assert_int_equal(a->principal.uid, 1000);
}

static void reparented_process_shows_who_forked_it(void **state)
{
	_zw_event_ struct zw_event e = proc_event(ZW_WIRE_FILE, 902, alice, &sed, at(9));
	_zw_actor_unref_ struct zw_actor *a = NULL;

	feed_exec(*state, 1, root_user, &(struct program){"/sbin/init", "init", 99}, at(0));
	feed_fork(*state, 1, 800, at(1));
	feed_exec(*state, 800, alice, &bash, at(2));
	feed_fork(*state, 800, 901, at(3));
	feed_fork(*state, 901, 902, at(4));
	feed_exit(*state, 901, at(5));
	feed_exit(*state, 800, at(6));
	feed_exec(*state, 902, alice, &sed, at(7));
	/* The kernel only knows that init is the parent now. */
	add_ancestor(&e, 1, (struct who){0, 0, 5}, "systemd", 99);
	assert_int_equal(zw_proc_table_resolve(*state, &e, &a), 0);
	assert_lineage(a, "bash/901 bash/800 init/1");
	/* Where both know a process, the kernel says how it was at the event. */
	assert_string_equal(a->ancestor[2].comm, "systemd");
	assert_int_equal(a->ancestor[2].loginuid, 5);
}

static void new_parent_is_not_taken_for_the_forker(void **state)
{
	_zw_event_ struct zw_event e = proc_event(ZW_WIRE_FILE, 902, alice, &bash, at(9));
	_zw_actor_unref_ struct zw_actor *a = NULL;

	/* Who forked 901 is not known; that 902 was given to init says nothing about it. */
	feed_exec(*state, 901, alice, &bash, at(1));
	feed_fork(*state, 901, 902, at(2));
	feed_exit(*state, 901, at(3));
	add_ancestor(&e, 1, root_user, "init", 99);
	assert_int_equal(zw_proc_table_resolve(*state, &e, &a), 0);
	assert_lineage(a, "bash/901");
}

static void unknown_ancestors_come_from_the_kernel(void **state)
{
	_zw_event_ struct zw_event e = proc_event(ZW_WIRE_FILE, 803, root_user, &sed, at(9));
	_zw_actor_unref_ struct zw_actor *a = NULL;

	add_ancestor(&e, 802, root_user, "sudo", 101);
	add_ancestor(&e, 801, root_user, "sudo", 101);
	add_ancestor(&e, 800, alice, "bash", 100);
	add_ancestor(&e, 1, root_user, "systemd", 99);
	assert_int_equal(zw_proc_table_resolve(*state, &e, &a), 0);
	/* The forked copy of sudo is no step of its own. */
	assert_lineage(a, "sudo/802 sudo/801!sudo bash/800 systemd/1");
	assert_null(a->ancestor[0].exe);
	assert_null(a->ancestor[0].argv);
	assert_int_equal(a->principal.uid, 1000);
}

static void kernel_and_table_make_one_chain(void **state)
{
	_zw_event_ struct zw_event e = proc_event(ZW_WIRE_FILE, 803, root_user, &sed, at(9));
	_zw_actor_unref_ struct zw_actor *a = NULL;

	/* The fork of 803 was lost; what is above 801 has exited. */
	sudo_session(*state, alice, alice_as_root, root_user);
	feed_exit(*state, 800, at(7));
	add_ancestor(&e, 850, root_user, "sh", 300);
	add_ancestor(&e, 801, root_user, "sudo", 101);
	add_ancestor(&e, 1, root_user, "init", 99);
	assert_int_equal(zw_proc_table_resolve(*state, &e, &a), 0);
	assert_lineage(a, "sh/850 sudo/801!sudo bash/800 init/1");
	assert_int_equal(a->principal.uid, 1000);
}

static void lost_exec_is_made_good_by_the_kernel(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL, *child = NULL;
	_zw_event_ struct zw_event e = proc_event(ZW_WIRE_FILE, 801, alice, &bash, at(9));

	feed_exec(*state, 800, alice, &bash, at(1));
	/* 800 ran sed afterwards; that event never came. */
	a = write_by(*state, 800, alice, &sed, at(2));
	assert_string_equal(a->exe, "/usr/bin/sed");
	assert_string_equal(a->argv[0], "sed");
	feed_fork(*state, 800, 801, at(3));
	/* And then something that only the kernel saw. */
	add_ancestor(&e, 800, alice, "perl", 555);
	assert_int_equal(zw_proc_table_resolve(*state, &e, &child), 0);
	assert_lineage(child, "perl/800");
	assert_null(child->ancestor[0].argv);
}

static void old_event_does_not_undo_a_newer_exec(void **state)
{
	_zw_actor_unref_ struct zw_actor *old = NULL, *now = NULL;

	feed_exec(*state, 800, alice, &bash, at(1));
	feed_exec(*state, 800, alice, &sed, at(3));
	old = write_by(*state, 800, alice, &bash, at(2));
	assert_string_equal(old->exe, "/usr/bin/bash");
	assert_int_equal(zw_proc_table_lookup(*state, 800, start_of(800), &now), 0);
	assert_string_equal(now->exe, "/usr/bin/sed");
}

static void reused_pid_is_another_process(void **state)
{
	struct zw_event fork = {
		.type = ZW_WIRE_FORK,
		.time_ns = at(20),
		.fork = {.parent_tgid = 1,
			.parent_start_ns = start_of(1),
			.child_tgid = 802,
			.child_start_ns = start_of(802) + SEC},
	};
	_zw_event_ struct zw_event e = proc_event(ZW_WIRE_FILE, 802, alice, &bash, at(21));
	_zw_actor_unref_ struct zw_actor *before = NULL, *after = NULL, *gone = NULL;

	sudo_session(*state, alice, alice_as_root, root_user);
	/* Even the exit of the first was lost. */
	assert_int_equal(zw_proc_table_feed(*state, &fork), 0);
	e.proc.start_ns = start_of(802) + SEC;
	assert_int_equal(zw_proc_table_resolve(*state, &e, &after), 0);
	before = write_by(*state, 802, root_user, &sed, at(7));
	assert_lineage(after, "init/1");
	assert_lineage(before, "sudo/801!sudo bash/800 init/1");
	assert_false(zw_actor_same_process(before, after));
	assert_int_equal(zw_proc_table_lookup(*state, 802, 12345, &gone), -ESRCH);
	assert_null(gone);
	zw_proc_table_expire(*state, at(1000), 10 * SEC);
	assert_int_equal(zw_proc_table_lookup(*state, 802, start_of(802), &gone), -ESRCH);
	assert_int_equal(zw_proc_table_lookup(*state, 802, start_of(802) + SEC, &gone), 0);
}

static void cut_path_and_missing_arguments(void **state)
{
	_zw_event_ struct zw_event e = proc_event(ZW_WIRE_FILE, 800, alice, &sed, at(2));
	_zw_actor_unref_ struct zw_actor *a = NULL, *b = NULL, *c = NULL;

	feed_exec(*state, 800, alice, &sed, at(1));
	zw_argv_free(ZW_TAKE(e.proc.argv));
	e.proc.argc = 0;
	free(e.proc.exe);
	e.proc.exe = strdup(".../bin/sed");
	e.proc.flags = ZW_ACTOR_EXE_CUT | ZW_ACTOR_EXE_DELETED;
	assert_int_equal(zw_proc_table_resolve(*state, &e, &a), 0);
	assert_string_equal(a->exe, "/usr/bin/sed");
	assert_int_equal(a->argc, 4);
	assert_true(a->exe_deleted);

	/* Same file by another name: the kernel's part stays. */
	free(e.proc.exe);
	e.proc.exe = strdup(".../bin/gsed");
	assert_int_equal(zw_proc_table_resolve(*state, &e, &b), 0);
	assert_string_equal(b->exe, ".../bin/gsed");
	assert_string_equal(b->name, "gsed");

	/* Another file, at an earlier time than the exec: nothing of the table fits. */
	free(ZW_TAKE(e.proc.exe));
	e.proc.exe_ino = 999;
	e.time_ns = at(0);
	assert_int_equal(zw_proc_table_resolve(*state, &e, &c), 0);
	assert_null(c->exe);
	assert_string_equal(c->name, "sed");
	assert_int_equal(c->argc, 0);
	assert_non_null(c->argv);
}

static void kernel_thread_has_no_program(void **state)
{
	struct zw_event e = {
		.type = ZW_WIRE_FILE,
		.time_ns = at(1),
		.proc = {.tgid = 50,
			.tid = 50,
			.start_ns = 9,
			.loginuid = ZW_ID_UNSET,
			.comm = "kworker/0:1",
			.flags = ZW_ACTOR_KTHREAD},
	};
	_zw_actor_unref_ struct zw_actor *a = NULL;

	assert_int_equal(zw_proc_table_resolve(*state, &e, &a), 0);
	assert_true(a->kthread);
	assert_string_equal(a->name, "kworker/0:1");
	assert_null(a->exe);
}

static void terminal_is_the_nearest_one(void **state)
{
	_zw_event_ struct zw_event shell = proc_event(ZW_WIRE_EXEC, 800, alice, &bash, at(1));
	_zw_actor_unref_ struct zw_actor *a = NULL;

	snprintf(shell.proc.tty, sizeof(shell.proc.tty), "pts/2");
	assert_int_equal(zw_proc_table_feed(*state, &shell), 0);
	feed_fork(*state, 800, 801, at(2));
	a = write_by(*state, 801, alice, &sed, at(3));
	assert_string_equal(a->tty, "pts/2");
	assert_string_equal(a->ancestor[0].comm, "bash");
}

static void other_events_are_ignored(void **state)
{
	struct zw_event holder = {.type = ZW_WIRE_HOLDER};
	struct zw_event thread = {
		.type = ZW_WIRE_FORK,
		.fork = {5, 5, 800, 800},
	};
	struct zw_actor *a = NULL;

	assert_int_equal(zw_proc_table_feed(*state, &holder), 0);
	assert_int_equal(zw_proc_table_feed(*state, &thread), 0);
	feed_exit(*state, 4711, at(1));
	assert_int_equal(zw_proc_table_len(*state), 0);
	assert_int_equal(zw_proc_table_resolve(*state, &holder, &a), -EINVAL);
	assert_null(a);
}

static void expiry_keeps_what_others_descend_from(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	sudo_session(*state, alice, alice_as_root, root_user);
	feed_exit(*state, 800, at(7));
	feed_exit(*state, 801, at(8));
	zw_proc_table_expire(*state, at(1000), SEC);
	assert_int_equal(zw_proc_table_len(*state), 4);
	a = write_by(*state, 802, root_user, &sed, at(1001));
	assert_lineage(a, "sudo/801!sudo bash/800 init/1");
	feed_exit(*state, 802, at(1002));
	zw_proc_table_expire(*state, at(1002), 10 * SEC);
	assert_int_equal(zw_proc_table_len(*state), 4);
	zw_proc_table_expire(*state, at(2000), 10 * SEC);
	assert_int_equal(zw_proc_table_len(*state), 1);
}

static void threads_outlive_their_leader(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	feed_exec(*state, 800, alice, &bash, at(1));
	feed_exit(*state, 800, at(2));
	a = write_by(*state, 800, alice, &bash, at(100));
	zw_proc_table_expire(*state, at(105), 10 * SEC);
	assert_int_equal(zw_proc_table_len(*state), 1);
	zw_proc_table_expire(*state, at(111), 10 * SEC);
	assert_int_equal(zw_proc_table_len(*state), 0);
}

static void the_end_of_a_process_is_known(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL, *again = NULL;
	const uint64_t end = at(3), later = at(100);

	feed_exec(*state, 800, alice, &bash, at(1));
	a = write_by(*state, 800, alice, &bash, at(2));
	assert_int_equal(zw_proc_table_gone_ns(*state, a), 0);
	feed_exit(*state, 800, end);
	assert_int_equal(zw_proc_table_gone_ns(*state, a), end);
	/* Not all of it had ended. */
	again = write_by(*state, 800, alice, &bash, later);
	assert_int_equal(zw_proc_table_gone_ns(*state, again), later);
	zw_proc_table_expire(*state, at(200), 10 * SEC);
	assert_int_equal(zw_proc_table_gone_ns(*state, a), 0);
}

static void exited_processes_are_bounded(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	sudo_session(*state, alice, alice_as_root, root_user);
	feed_exit(*state, 800, at(7));
	feed_exit(*state, 801, at(8));
	for (uint32_t pid = 1000; pid < 1000 + 70000; pid++) {
		feed_fork(*state, 1, pid, at(10));
		feed_exit(*state, pid, at(10));
		assert_true(zw_proc_table_len(*state) <= 65536 + 3);
	}
	/* The storm did not push out who is behind a process that still runs. */
	a = write_by(*state, 802, root_user, &sed, at(11));
	assert_lineage(a, "sudo/801!sudo bash/800 init/1");
}

static void chain_of_exited_processes_is_bounded(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	sudo_session(*state, alice, alice_as_root, root_user);
	for (uint32_t pid = 803; pid < 803 + 70000; pid++) {
		feed_fork(*state, pid - 1, pid, at(10));
		feed_exit(*state, pid - 1, at(10));
	}
	assert_true(zw_proc_table_len(*state) <= 65536 + 4);
	a = write_by(*state, 803 + 69999, root_user, &sed, at(11));
	assert_int_equal(a->ancestors, ZW_ANCESTORS);
	assert_int_equal(a->principal.uid, 1000);
}

static void references_are_counted(void **state)
{
	struct zw_actor *a, *b;

	feed_exec(*state, 800, alice, &bash, at(1));
	a = write_by(*state, 800, alice, &bash, at(2));
	b = zw_actor_ref(a);
	assert_ptr_equal(a, b);
	zw_actor_unref(a);
	assert_string_equal(b->exe, "/usr/bin/bash");
	zw_actor_unref(b);
	assert_string_equal(zw_elevation_to_string(ZW_ELEVATION_PKEXEC), "pkexec");
	assert_string_equal(zw_elevation_to_string(_ZW_ELEVATION_MAX), "unknown");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ancestry_outlives_everybody),
		TEST(login_user_is_the_principal),
		TEST(a_program_merely_named_sudo_is_none),
		TEST(sudo_then_su_gives_the_first_user),
		TEST(children_are_not_forgotten),
		TEST(doas_that_is_replaced_stays_in_the_chain),
		TEST(principal_survives_a_chain_longer_than_is_shown),
		TEST(reparented_process_shows_who_forked_it),
		TEST(new_parent_is_not_taken_for_the_forker),
		TEST(unknown_ancestors_come_from_the_kernel),
		TEST(kernel_and_table_make_one_chain),
		TEST(lost_exec_is_made_good_by_the_kernel),
		TEST(old_event_does_not_undo_a_newer_exec),
		TEST(reused_pid_is_another_process),
		TEST(cut_path_and_missing_arguments),
		TEST(kernel_thread_has_no_program),
		TEST(terminal_is_the_nearest_one),
		TEST(other_events_are_ignored),
		TEST(expiry_keeps_what_others_descend_from),
		TEST(threads_outlive_their_leader),
		TEST(the_end_of_a_process_is_known),
		TEST(exited_processes_are_bounded),
		TEST(chain_of_exited_processes_is_bounded),
		TEST(references_are_counted),
	};

	return cmocka_run_group_tests_name("actor", tests, NULL, NULL);
}
