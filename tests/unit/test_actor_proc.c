/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The process table with a proc tree on disk: seeding and looking up. */
#include "proc_fixture.h"

static void seeded_processes_have_ancestry(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	put_proc(802, 801, "sed (x) y", (struct who){0, 0, 1000}, "/bin/sh");
	put_proc(801, 1, "bash", (struct who){1000, 1000, 1000}, "/bin/sh");
	put_proc(1, 0, "init", root_user, "/bin/sh");
	assert_int_equal(zw_proc_table_seed(*state), 0);
	assert_int_equal(zw_proc_table_len(*state), 3);
	assert_int_equal(zw_proc_table_lookup(*state, 802, 0, &a), 0);
	assert_int_equal(a->ancestors, 2);
	assert_int_equal(a->ancestor[0].tgid, 801);
	assert_string_equal(a->ancestor[0].comm, "bash");
	assert_int_equal(a->ancestor[0].uid, 1000);
	assert_string_equal(a->ancestor[1].comm, "init");
	assert_string_equal(a->comm, "sed (x) y");
	assert_string_equal(a->exe, "/bin/sh");
	assert_string_equal(a->cwd, "/srv");
	assert_string_equal(a->tty, "pts/3");
	assert_int_equal(a->mntns, 4026531840);
	assert_int_equal(a->netns, 4026531841);
	assert_int_equal(a->login.uid, 1000);
	assert_int_equal(a->principal.uid, 1000);
	assert_int_equal(a->session, 9);
	assert_int_equal(a->gid, 0);
	assert_string_equal(a->cgroup, "/user.slice");
	assert_int_equal(a->start_ns, start_of(802) / TICK_NS * TICK_NS);
}

static void exact_start_is_adopted(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL, *b = NULL, *c = NULL;

	put_proc(801, 1, "bash", alice, "/bin/sh");
	put_proc(1, 0, "init", root_user, "/bin/sh");
	assert_int_equal(zw_proc_table_seed(*state), 0);
	a = write_by(*state, 801, alice, &bash, at(1));
	assert_int_equal(a->start_ns, start_of(801));
	assert_int_equal(a->ancestors, 1);
	assert_int_equal(zw_proc_table_len(*state), 2);
	/* From now on one nanosecond off is another process. */
	assert_int_equal(zw_proc_table_lookup(*state, 801, start_of(801) + 1, &b), -ESRCH);
	assert_int_equal(zw_proc_table_lookup(*state, 801, start_of(801), &c), 0);
}

static void events_queued_before_the_seeding_fit_in(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	/* 900 forked 801 and is gone; by now 801 is a child of init and runs another program. */
	feed_fork(*state, 1, 900, 1);
	feed_exec(*state, 900, alice, &bash, 2);
	put_proc(801, 1, "ed", alice, "/bin/sh");
	put_proc(1, 0, "init", root_user, "/bin/sh");
	assert_int_equal(zw_proc_table_seed(*state), 0);
	feed_fork(*state, 900, 801, 3);
	feed_exec(*state, 801, alice, &bash, 4);
	feed_exit(*state, 900, 5);
	assert_int_equal(zw_proc_table_lookup(*state, 801, start_of(801), &a), 0);
	assert_lineage(a, "bash/900");
	assert_string_equal(a->exe, "/bin/sh");
}

static void parent_is_no_younger_than_its_child(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	/* The pid of the parent was reused while /proc was read. */
	put_proc(801, 900, "a", alice, "/bin/sh");
	put_proc(900, 0, "b", alice, "/bin/sh");
	assert_int_equal(zw_proc_table_seed(*state), 0);
	assert_int_equal(zw_proc_table_lookup(*state, 801, 0, &a), 0);
	assert_int_equal(a->ancestors, 0);
}

static void lookup_reads_what_was_never_seen(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL, *b = NULL;

	put_proc(801, 1, "named", root_user, "/bin/sh");
	put_proc(1, 0, "init", root_user, "/bin/sh");
	assert_int_equal(zw_proc_table_lookup(*state, 801, start_of(801), &a), 0);
	assert_int_equal(a->start_ns, start_of(801));
	assert_int_equal(a->ancestors, 1);
	assert_int_equal(zw_proc_table_lookup(*state, 4711, 0, &b), -ESRCH);
	assert_null(b);
}

static void lookup_tells_of_the_dead_from_memory(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL, *b = NULL;

	put_proc(801, 0, "named", (struct who){53, 54, 1000}, "/bin/sh");
	assert_int_equal(zw_proc_table_seed(*state), 0);
	remove_proc(801);
	assert_int_equal(zw_proc_table_lookup(*state, 801, 0, &a), 0);
	assert_string_equal(a->exe, "/bin/sh");
	assert_string_equal(a->argv[0], "named");
	assert_int_equal(a->real.uid, 53);
	assert_int_equal(a->effective.uid, 54);
	assert_int_equal(a->login.uid, 1000);
	assert_string_equal(a->tty, "pts/3");
	assert_null(a->cwd);
	/* Seeding again finds it gone. */
	assert_int_equal(zw_proc_table_seed(*state), 0);
	zw_proc_table_expire(*state, at(5000), SEC);
	assert_int_equal(zw_proc_table_len(*state), 0);
	assert_int_equal(zw_proc_table_lookup(*state, 801, 0, &b), -ESRCH);
}

static void broken_proc_files_are_survived(void **state)
{
	put_proc(801, 0, "a", alice, "/bin/sh");
	put("801 no brackets", "801/stat");
	put_proc(802, 802, "itself", alice, "/bin/sh");
	put_proc(803, 804, "cycle", alice, "/bin/sh");
	put_proc(804, 803, "cycle", alice, "/bin/sh");
	put("805 (short) S 1 2", "805/stat");
	put("806 (", "806/stat");
	put("x", "807/cmdline");
	put("x", "notapid/stat");
	assert_int_equal(zw_proc_table_seed(*state), 0);
	assert_int_equal(zw_proc_table_len(*state), 3);
}

static void no_proc_is_an_error(void **state)
{
	_zw_proc_table_free_ struct zw_proc_table *t = NULL;

	(void)state;
	assert_int_equal(zw_proc_table_new("/nonexistent/proc", &t), 0);
	assert_int_equal(zw_proc_table_seed(t), -ENOENT);
}

static void deleted_executable_is_told_from_a_strange_name(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;
	char strange[128], path[160];

	snprintf(strange, sizeof(strange), "%s/named (deleted)", root);
	put("", "named (deleted)");
	snprintf(path, sizeof(path), "%s", strange);
	put_proc(801, 0, "named", root_user, path);
	assert_int_equal(zw_proc_table_lookup(*state, 801, 0, &a), 0);
	assert_string_equal(a->exe, strange);
	assert_false(a->exe_deleted);
	assert_int_not_equal(a->exe_ino, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(seeded_processes_have_ancestry),
		TEST(exact_start_is_adopted),
		TEST(events_queued_before_the_seeding_fit_in),
		TEST(parent_is_no_younger_than_its_child),
		TEST(lookup_reads_what_was_never_seen),
		TEST(lookup_tells_of_the_dead_from_memory),
		TEST(broken_proc_files_are_survived),
		TEST(no_proc_is_an_error),
		TEST(deleted_executable_is_told_from_a_strange_name),
	};

	return cmocka_run_group_tests_name("actor_proc", tests, NULL, NULL);
}
