/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Origins of logins, with a proc tree on disk: the peer of the sshd, and who it is that logs in. */
#include "proc_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
