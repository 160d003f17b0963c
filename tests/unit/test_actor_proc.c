/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The process table with a proc tree on disk: seeding, looking up, origins of logins. */
#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#include "actor/origin.h"
#include "actor_fixture.h"

#define TICK_NS (10 * ZW_NSEC_PER_MSEC)

static char root[64];

static void put(const char *text, const char *fmt, ...) _zw_printf_(2, 3);
static void put(const char *text, const char *fmt, ...)
{
	char path[256];
	va_list ap;
	FILE *f;
	int n;

	n = snprintf(path, sizeof(path), "%s/", root);
	va_start(ap, fmt);
	vsnprintf(path + n, sizeof(path) - (size_t)n, fmt, ap);
	va_end(ap);
	for (char *slash = strchr(path + n, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static void put_link(const char *target, uint32_t pid, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%u/%s", root, pid, name);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

/* A process whose start is start_of(pid), rounded down as /proc does; its executable is a file of ours. */
static void put_proc(uint32_t pid, uint32_t ppid, const char *comm, struct who who, const char *exe)
{
	_zw_free_ char *text = zw_asprintf(
		"%u (%s) S %u 1 1 %u 0 4194304 0 0 0 0 0 0 0 0 20 0 1 0 %llu 0 0\n", pid, comm,
		ppid, 136u << 8 | 3, (unsigned long long)(start_of(pid) / TICK_NS));
	_zw_free_ char *status = zw_asprintf("Name:\tx\nUid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t0\t0\n",
		who.uid, who.euid, who.euid, who.euid, who.uid, who.euid);
	_zw_free_ char *login = zw_asprintf("%u", who.loginuid);

	put(text, "%u/stat", pid);
	put(status, "%u/status", pid);
	put(login, "%u/loginuid", pid);
	put("9", "%u/sessionid", pid);
	put(comm, "%u/cmdline", pid);
	put("0::/user.slice\n", "%u/cgroup", pid);
	put_link(exe, pid, "exe");
	put_link("/srv", pid, "cwd");
	put("", "%u/fd/9", pid);
	put("", "%u/ns/x", pid);
	put_link("mnt:[4026531840]", pid, "ns/mnt");
	put_link("net:[4026531841]", pid, "ns/net");
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_proc(uint32_t pid)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%u", root, pid);
	assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static int set_up(void **state)
{
	struct zw_proc_table *t = NULL;

	snprintf(root, sizeof(root), "/tmp/zw-proc-XXXXXX");
	assert_non_null(mkdtemp(root));
	assert_int_equal(zw_proc_table_new(root, &t), 0);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	zw_proc_table_free(*state);
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

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

/* The layout of Debian: listener 500, monitor 501 of one connection, its unprivileged half 502, shell 503. */
static void put_sshd(void)
{
	put_proc(500, 0, "sshd", root_user, "/usr/sbin/sshd");
	put_link("socket:[1001]", 500, "fd/3");
	put("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	    "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1001 1\n"
	    "   1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 7777 1\n",
		"500/net/tcp");
	put_proc(501, 500, "sshd", root_user, "/usr/sbin/sshd");
	put_link("/dev/null", 501, "fd/0");
	put_link("socket:[5]", 501, "fd/5");
	put_link("socket:[1002]", 501, "fd/4");
	put("  sl\n   0: 0100007F:0016 076433C6:C3AA 01 00000000:00000000 00:00000000 00000000     0        0 1002 1\n",
		"501/net/tcp");
}

static void put_session(void)
{
	put_sshd();
	put_proc(502, 501, "sshd", alice, "/usr/sbin/sshd");
	put_proc(503, 502, "bash", alice, "/bin/sh");
}

static void origin_of_a_seeded_session(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL, *listener = NULL;

	put_session();
	assert_int_equal(zw_proc_table_seed(*state), 0);
	remove_proc(501);
	a = write_by(*state, 503, alice, &bash, at(1));
	assert_string_equal(a->origin_ip, "198.51.100.7");
	assert_int_equal(a->origin_port, 50090);
	assert_int_equal(zw_proc_table_lookup(*state, 500, 0, &listener), 0);
	assert_null(listener->origin_ip);
}

static void origin_is_learned_while_the_session_starts(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	put_sshd();
	feed_exec(*state, 500, root_user, &sshd, at(1));
	feed_fork(*state, 500, 501, at(2));
	feed_exec(*state, 501, root_user, &sshd, at(3));
	remove_proc(501);
	feed_fork(*state, 501, 502, at(4));
	feed_fork(*state, 502, 503, at(5));
	feed_exec(*state, 503, alice, &bash, at(6));
	feed_exit(*state, 502, at(7));
	feed_exit(*state, 501, at(8));
	feed_fork(*state, 503, 504, at(9));
	feed_exec(*state, 504, alice, &sed, at(10));
	a = write_by(*state, 504, alice, &sed, at(11));
	assert_string_equal(a->origin_ip, "198.51.100.7");
	assert_lineage(a, "bash/503 sshd/502 sshd/501 sshd/500");
}

static void mapped_and_ipv6_peers(void **state)
{
	_zw_origin_unref_ struct zw_origin *mapped = NULL, *six = NULL;
	enum zw_login_role role;

	(void)state;
	put_sshd();
	put("  sl\n   0: 0000000000000000FFFF00000100007F:0016 0000000000000000FFFF0000076433C6:C3AA 01 "
	    "00000000:00000000 00:00000000 00000000     0        0 1002 1\n",
		"501/net/tcp6");
	put("", "501/net/tcp");
	assert_int_equal(zw_origin_probe(root, 501, &role, &mapped), 0);
	assert_int_equal(role, ZW_LOGIN_SESSION);
	assert_string_equal(mapped->ip, "198.51.100.7");
	put("  sl\n   0: B80D0120000000000000000001000000:0016 B80D0120000000000000000002000000:C3AA 08 "
	    "00000000:00000000 00:00000000 00000000     0        0 1002 1\n",
		"501/net/tcp6");
	assert_int_equal(zw_origin_probe(root, 501, &role, &six), 0);
	assert_string_equal(six->ip, "2001:db8::2");
	assert_int_equal(six->port, 0xc3aa);
}

static void listener_with_a_fresh_connection_is_no_session(void **state)
{
	struct zw_origin *origin = NULL;
	enum zw_login_role role;

	(void)state;
	put_sshd();
	put_link("socket:[1002]", 500, "fd/6");
	put("  sl\n   0: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 1001 1\n"
	    "   1: 0100007F:0016 076433C6:C3AA 01 0:0 0:0 0 0 0 1002 1\n",
		"500/net/tcp");
	assert_int_equal(zw_origin_probe(root, 500, &role, &origin), 0);
	assert_int_equal(role, ZW_LOGIN_LISTENER);
	assert_null(origin);
}

static void session_that_forwards_a_port_is_no_listener(void **state)
{
	_zw_origin_unref_ struct zw_origin *origin = NULL;
	enum zw_login_role role;

	(void)state;
	put_sshd();
	put_link("socket:[1003]", 501, "fd/7");
	put("  sl\n   0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 1003 1\n"
	    "   1: 0100007F:0016 076433C6:C3AA 01 0:0 0:0 0 0 0 1002 1\n",
		"501/net/tcp");
	assert_int_equal(zw_origin_probe(root, 501, &role, &origin), 0);
	assert_int_equal(role, ZW_LOGIN_SESSION);
	assert_string_equal(origin->ip, "198.51.100.7");
}

static void user_program_named_sshd_gives_no_origin(void **state)
{
	static const struct program fake = {"/home/alice/sshd", "sshd", 200};
	_zw_actor_unref_ struct zw_actor *a = NULL, *b = NULL;

	put_sshd();
	feed_exec(*state, 501, alice, &fake, at(1));
	feed_fork(*state, 501, 503, at(2));
	a = write_by(*state, 503, alice, &sed, at(3));
	assert_null(a->origin_ip);
	/* Nor does the real program run by a user. */
	feed_exec(*state, 501, alice, &sshd, at(4));
	feed_fork(*state, 501, 504, at(5));
	b = write_by(*state, 504, alice, &sed, at(6));
	assert_null(b->origin_ip);
}

static const struct who bob = {1001, 1001, ZW_ID_UNSET};

/* Alice, on pts/9, runs the server by sudo as process @server. */
static void sudo_runs_server(struct zw_proc_table *t, uint32_t server)
{
	_zw_event_ struct zw_event shell = proc_event(ZW_WIRE_EXEC, 400, alice, &bash, at(1));

	snprintf(shell.proc.tty, sizeof(shell.proc.tty), "pts/9");
	assert_int_equal(zw_proc_table_feed(t, &shell), 0);
	feed_fork(t, 400, 401, at(2));
	feed_exec(t, 401, alice_as_root, &sudo, at(3));
	feed_fork(t, 401, server, at(4));
	feed_exec(t, server, root_user, &sshd, at(5));
}

static struct zw_actor *bob_logs_in(struct zw_proc_table *t)
{
	feed_fork(t, 501, 503, at(7));
	feed_exec(t, 503, bob, &bash, at(8));
	return write_by(t, 503, bob, &sed, at(9));
}

static void who_restarted_the_server_is_not_who_logs_in(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	put_sshd();
	sudo_runs_server(*state, 500);
	feed_fork(*state, 500, 501, at(6));
	a = bob_logs_in(*state);
	assert_int_equal(a->principal.uid, 1001);
	assert_string_equal(a->origin_ip, "198.51.100.7");
	assert_string_equal(a->tty, "");
	assert_lineage(a, "sshd/501 sshd/500 sudo/401!sudo bash/400");
}

static void nor_when_the_connection_is_not_found(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	put_sshd();
	remove_proc(501);
	sudo_runs_server(*state, 500);
	feed_fork(*state, 500, 501, at(6));
	a = bob_logs_in(*state);
	assert_int_equal(a->principal.uid, 1001);
	assert_null(a->origin_ip);
	assert_string_equal(a->tty, "");
}

static void nor_when_the_server_serves_one_connection(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	put_sshd();
	sudo_runs_server(*state, 501);
	a = bob_logs_in(*state);
	assert_int_equal(a->principal.uid, 1001);
	assert_string_equal(a->origin_ip, "198.51.100.7");
	assert_lineage(a, "sshd/501 sudo/401!sudo bash/400");
}

static void sudo_inside_the_session_still_counts(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	put_session();
	assert_int_equal(zw_proc_table_seed(*state), 0);
	feed_fork(*state, 503, 504, at(1));
	feed_exec(*state, 504, alice_as_root, &sudo, at(2));
	feed_fork(*state, 504, 505, at(3));
	a = write_by(*state, 505, root_user, &sed, at(4));
	assert_int_equal(a->principal.uid, 1000);
	assert_string_equal(a->origin_ip, "198.51.100.7");
}

/* The pid of the monitor belongs to another process already when its event is read. */
static void sockets_of_a_reused_pid_are_not_believed(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;

	put_sshd();
	put("501 (x) S 1 1 1 0 0 0 0 0 0 0 0 0 0 0 20 0 1 0 999999 0 0\n", "501/stat");
	feed_exec(*state, 500, root_user, &sshd, at(1));
	feed_fork(*state, 500, 501, at(2));
	feed_exec(*state, 501, root_user, &sshd, at(3));
	feed_fork(*state, 501, 503, at(4));
	a = write_by(*state, 503, alice, &bash, at(5));
	assert_null(a->origin_ip);
}

/* sudo that ran when the agent started: its real uid is 0 already. */
static void seeded_sudo_takes_its_caller_from_the_parent(void **state)
{
	_zw_actor_unref_ struct zw_actor *a = NULL;
	char path[128];

	put("", "bin/sudo");
	snprintf(path, sizeof(path), "%s/bin/sudo", root);
	put_proc(800, 0, "bash", alice, "/bin/sh");
	put_proc(801, 800, "sudo", root_user, path);
	put_proc(802, 801, "bash", root_user, "/bin/sh");
	assert_int_equal(zw_proc_table_seed(*state), 0);
	a = write_by(*state, 802, root_user, &bash, at(1));
	assert_int_equal(a->principal.uid, 1000);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

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
		TEST(origin_of_a_seeded_session),
		TEST(origin_is_learned_while_the_session_starts),
		TEST(mapped_and_ipv6_peers),
		TEST(listener_with_a_fresh_connection_is_no_session),
		TEST(session_that_forwards_a_port_is_no_listener),
		TEST(user_program_named_sshd_gives_no_origin),
		TEST(who_restarted_the_server_is_not_who_logs_in),
		TEST(nor_when_the_connection_is_not_found),
		TEST(nor_when_the_server_serves_one_connection),
		TEST(sudo_inside_the_session_still_counts),
		TEST(sockets_of_a_reused_pid_are_not_believed),
		TEST(seeded_sudo_takes_its_caller_from_the_parent),
	};

	return cmocka_run_group_tests_name("actor_proc", tests, NULL, NULL);
}
