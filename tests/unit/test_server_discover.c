/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Discovery in a made-up /proc: which processes are servers, and what is known about each. */
#include "server_fixture.h"

#include <errno.h>

static zw_servers discover(struct fixture *f)
{
	zw_servers servers = {};

	assert_int_equal(zw_servers_discover(f->proc, &servers), 0);
	return servers;
}

static void test_kinds_by_executable(void **state)
{
	struct fixture *f = *state;

	put_process(f, 40, 1, "/usr/sbin/pdns_server", "pdns_server");
	put_process(f, 5, 1, "/usr/sbin/named (deleted)", "renamed");
	put_process(f, 20, 1, "/opt/knot/sbin/knotd", "knotd");
	put_process(f, 30, 1, "/usr/sbin/nsd", "nsd");
	put_process(f, 50, 1, "/usr/bin/named-checkconf", "named -g");
	put_process(f, 60, 1, "/usr/bin/dash", "named");
	put_bytes(f->proc, "self/exe", "", 0);
	_zw_cleanup_(zw_servers_done) zw_servers s = discover(f);
	static const struct {
		pid_t pid;
		enum zw_server_kind kind;
	} want[] = {{5, ZW_SERVER_BIND}, {20, ZW_SERVER_KNOT}, {30, ZW_SERVER_NSD},
		{40, ZW_SERVER_PDNS}};

	assert_int_equal(s.len, ZW_ARRAY_SIZE(want));
	for (size_t i = 0; i < s.len; i++) {
		assert_int_equal(s.items[i].pid, want[i].pid);
		assert_int_equal(s.items[i].kind, want[i].kind);
		/* Field 22 of stat in hundredths of a second. */
		assert_int_equal(s.items[i].start_ns, (uint64_t)want[i].pid * 100 * 10000000);
		assert_string_equal(s.items[i].cwd, "/wd");
		assert_string_equal(s.items[i].chroot, f->root);
		assert_null(s.items[i].config);
		assert_int_equal(s.items[i].listens.len, 0);
	}
}

static void test_forks_and_tool_runs(void **state)
{
	struct fixture *f = *state;

	put_process(f, 10, 1, "/usr/sbin/nsd", "nsd -c /a");
	put_process(f, 11, 10, "/usr/sbin/nsd", "nsd -c /a");
	put_process(f, 9, 11, "/usr/sbin/nsd", "nsd -c /a"); /* pids wrap around */
	put_process(f, 12, 10, "/usr/sbin/named", "named");  /* another server started by it */
	put_process(f, 13, 1, "/usr/sbin/named", "named -gV");
	put_process(f, 14, 1, "/usr/sbin/pdns_server", "pdns_server --list-modules");
	put_process(f, 15, 1, "/usr/sbin/knotd", "knotd --version");
	put_process(f, 16, 1, "/usr/sbin/named", "named -n v"); /* the value of -n, no -v */
	_zw_cleanup_(zw_servers_done) zw_servers s = discover(f);

	assert_int_equal(s.len, 3);
	assert_int_equal(s.items[0].pid, 10);
	assert_int_equal(s.items[1].pid, 12);
	assert_int_equal(s.items[2].pid, 16);
}

static void test_parents_in_a_circle(void **state)
{
	struct fixture *f = *state;

	/* Two snapshots of /proc can contradict each other. */
	put_process(f, 10, 11, "/usr/sbin/nsd", "nsd");
	put_process(f, 11, 10, "/usr/sbin/nsd", "nsd");
	_zw_cleanup_(zw_servers_done) zw_servers s = discover(f);

	assert_true(s.len <= 2);
}

static void test_configuration_paths(void **state)
{
	struct fixture *f = *state;
	static const struct {
		int pid;
		const char *exe, *args, *config, *control;
	} cases[] = {
		{10, "named", "named -f -u bind", "/etc/bind/named.conf", NULL},
		{11, "named", "named -fc /x/y.conf -u bind", "/x/y.conf", NULL},
		{12, "named", "named -c/x/z.conf -c last.conf", "/wd/last.conf", NULL},
		{13, "knotd", "knotd --config=/k.conf -s /run/k.sock", "/k.conf", "/run/k.sock"},
		{14, "knotd", "knotd --confdb /db --socket rel", "/db", "/wd/rel"},
		{15, "nsd", "nsd -d -- -c /no", NULL, NULL},
		{16, "pdns_server", "pdns_server --config-dir=/p --config-name=x", "/p/pdns-x.conf",
			NULL},
		{17, "pdns_server", "pdns_server --config-name=", "/etc/powerdns/pdns.conf", NULL},
		{18, "named", "named -c start.conf", "/started/start.conf", NULL},
	};

	put(f, "etc/bind/named.conf", "");
	put(f, "wd/last.conf", "");
	put(f, "started/start.conf", "");
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		char exe[64];

		snprintf(exe, sizeof(exe), "/usr/sbin/%s", cases[i].exe);
		put_process(f, cases[i].pid, 1, exe, cases[i].args);
	}
	put_bytes(f->proc, "18/environ", "A=b\0PWD=/started\0C=d", 20);
	_zw_cleanup_(zw_servers_done) zw_servers s = discover(f);

	assert_int_equal(s.len, ZW_ARRAY_SIZE(cases));
	for (size_t i = 0; i < s.len; i++) {
		if (cases[i].config)
			assert_string_equal(s.items[i].config, cases[i].config);
		else
			assert_null(s.items[i].config);
		if (cases[i].control)
			assert_string_equal(s.items[i].control, cases[i].control);
		else
			assert_null(s.items[i].control);
	}
}

#define SL \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
#define REST " 00000000:00000000 00:00000000 00000000     0        0 "

static void test_listening_sockets(void **state)
{
	struct fixture *f = *state;

	put_process(f, 10, 1, "/usr/sbin/nsd", "nsd");
	put_process(f, 11, 10, "/usr/sbin/nsd", "nsd");
	put_link(f->proc, "10/fd/0", "/dev/null");
	put_link(f->proc, "10/fd/3", "socket:[100]");
	put_link(f->proc, "11/fd/4", "socket:[101]");
	put_link(f->proc, "11/fd/5", "socket:[102]");
	put_link(f->proc, "11/fd/6", "socket:[103]");
	put_link(f->proc, "11/fd/7", "socket:[104]");
	static const char tcp[] =
		SL "   0: 0100007F:1538 00000000:0000 0A" REST "100 1 x\n"
		   "   1: 0100007F:1538 0100007F:A000 01" REST "100 1 x\n"
		   "   2: 0100007F:0016 00000000:0000 0A" REST "999 1 x\n" /* not ours */
		   "garbage\n";
	static const char udp[] = SL
		"   0: 0100007F:1538 00000000:0000 07" REST "101 2 x 0\n"
		"   1: 0100007F:1538 00000000:0000 07" REST "102 2 x 0\n"  /* a second worker */
		"   2: 00000000:C001 00000000:0000 07" REST "103 2 x 0\n"; /* for its own queries */
	static const char udp6[] = SL
		"   0: 00000000000000000000000001000000:1538 00000000000000000000000000000000:0000 07" REST
		"104 2 x 0\n";

	put_bytes(f->proc, "10/net/tcp", tcp, strlen(tcp));
	put_bytes(f->proc, "10/net/udp", udp, strlen(udp));
	put_bytes(f->proc, "10/net/udp6", udp6, strlen(udp6));
	_zw_cleanup_(zw_servers_done) zw_servers s = discover(f);

	assert_int_equal(s.len, 1);
	assert_int_equal(s.items[0].listens.len, 3);
	assert_string_equal(s.items[0].listens.items[0], "127.0.0.1:5432/udp");
	assert_string_equal(s.items[0].listens.items[1], "[::1]:5432/udp");
	assert_string_equal(s.items[0].listens.items[2], "127.0.0.1:5432/tcp");
}

#define UNIX_HEAD "Num       RefCount Protocol Flags    Type St Inode Path\n"

/* Everything that listens beside plain DNS is a control channel. */
static void test_controls(void **state)
{
	static const char tcp[] =
		SL "   0: 0100007F:0035 00000000:0000 0A" REST "100 1 x\n"
		   "   1: 0100007F:1F91 00000000:0000 0A" REST "101 1 x\n"  /* 8081 */
		   "   2: 00000000:1F91 00000000:0000 0A" REST "101 1 x\n"  /* the same again */
		   "   3: 0100007F:0355 00000000:0000 0A" REST "102 1 x\n"; /* 853 */
	static const char udp[] = SL "   0: 0100007F:0035 00000000:0000 07" REST "103 2 x 0\n"
				     "   1: 0100007F:0355 00000000:0000 07" REST "103 2 x 0\n";
	static const char sockets[] = UNIX_HEAD
		"0000000000000000: 00000002 00000000 00010000 0001 01 200 /run/pdns/a socket\n"
		"0000000000000000: 00000002 00000000 00010000 0001 01 201 rel.sock\n"
		"0000000000000000: 00000002 00000000 00010000 0001 01 202 @abstract\n"
		"0000000000000000: 00000002 00000000 00000000 0001 03 203 /run/accepted\n"
		"0000000000000000: 00000002 00000000 00010000 0001 01 999 /run/not-ours\n"
		"0000000000000000: 00000002 00000000 00010000 0001 01 200\n"
		"garbage\n";
	struct fixture *f = *state;

	put_process(f, 10, 1, "/usr/sbin/pdns_server", "pdns_server");
	for (int i = 0; i < 4; i++) {
		char fd[32], target[32];

		snprintf(fd, sizeof(fd), "10/fd/%d", 10 + i);
		snprintf(target, sizeof(target), "socket:[%d]", 100 + i);
		put_link(f->proc, fd, target);
		snprintf(fd, sizeof(fd), "10/fd/%d", 20 + i);
		snprintf(target, sizeof(target), "socket:[%d]", 200 + i);
		put_link(f->proc, fd, target);
	}
	put_bytes(f->proc, "10/net/tcp", tcp, strlen(tcp));
	put_bytes(f->proc, "10/net/udp", udp, strlen(udp));
	put_bytes(f->proc, "10/net/unix", sockets, strlen(sockets));
	_zw_cleanup_(zw_servers_done) zw_servers s = discover(f);

	assert_int_equal(s.len, 1);
	assert_int_equal(s.items[0].controls.len, 4);
	const struct zw_server_control *c = s.items[0].controls.items;

	assert_int_equal(c[0].port, 8081);
	assert_int_equal(c[0].protocol, ZW_CONTROL_HTTP);
	assert_false(c[0].encrypted);
	assert_null(c[0].path);
	assert_int_equal(c[1].port, 853);
	assert_true(c[1].encrypted);
	assert_string_equal(c[2].path, "/run/pdns/a socket");
	assert_int_equal(c[2].protocol, ZW_CONTROL_PDNS);
	assert_int_equal(c[2].port, 0);
	assert_true(zw_endswith(c[3].path, "/rel.sock"));
	assert_int_equal(c[3].path[0], '/');
}

static void test_processes_that_vanish(void **state)
{
	struct fixture *f = *state;
	char path[160];

	put_process(f, 10, 1, "/usr/sbin/named", "named");
	put_process(f, 11, 1, "/usr/sbin/named", "named");
	put_process(f, 12, 1, "/usr/sbin/named", "named");
	snprintf(path, sizeof(path), "%s/10/stat", f->proc);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/11/root", f->proc);
	assert_int_equal(unlink(path), 0);
	_zw_cleanup_(zw_servers_done) zw_servers s = discover(f);

	assert_int_equal(s.len, 1);
	assert_int_equal(s.items[0].pid, 12);
	snprintf(path, sizeof(path), "%s/none", f->proc);
	zw_servers untouched = {};
	assert_int_equal(zw_servers_discover(path, &untouched), -ENOENT);
	assert_null(untouched.items);
}

static void test_kind_names(void **state)
{
	enum zw_server_kind kind = ZW_SERVER_NONE;

	(void)state;
	for (int k = 0; k < _ZW_SERVER_KIND_MAX; k++) {
		assert_int_equal(zw_server_kind_from_string(zw_server_kind_to_string(k), &kind), 0);
		assert_int_equal(kind, k);
	}
	kind = ZW_SERVER_NSD;
	assert_int_equal(zw_server_kind_from_string("unbound", &kind), -EINVAL);
	assert_int_equal(kind, ZW_SERVER_NSD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZW_FIXTURE_TEST(test_kinds_by_executable),
		ZW_FIXTURE_TEST(test_forks_and_tool_runs),
		ZW_FIXTURE_TEST(test_parents_in_a_circle),
		ZW_FIXTURE_TEST(test_configuration_paths),
		ZW_FIXTURE_TEST(test_listening_sockets),
		ZW_FIXTURE_TEST(test_controls),
		ZW_FIXTURE_TEST(test_processes_that_vanish),
		cmocka_unit_test(test_kind_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
