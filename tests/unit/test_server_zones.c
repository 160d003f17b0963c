/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zone lists from configurations of Knot, NSD and PowerDNS with one oddity each. */
#include "listing_fixture.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "server/pdns_control.h"

static void test_knot_text(void **state)
{
	struct fixture *f = *state;

	put(f, "etc/inc.d/1.conf", "zone:\n  - domain: inc\n");
	_listing_ struct listing l = list_text(f, ZW_SERVER_KNOT,
		"# comment\n"
		"server:\n    rundir: \"/nowhere\"\n"
		"template:\n"
		"  - id: default\n    file: \"%c[1-3]%c[0]%c[99]-%l[1].%l[0]%l[7]%%%s\"\n    storage: st\n"
		"  - id: \"t2\"\n    master: [a, b]\n"
		"zone:\n"
		"- domain: Abc.De.   # comment\n"
		"  - domain: \"plain\"\n    file: p#q\n"
		"  - domain: t.example\n    template: t2\n"
		"\n"
		"  - domain: a/b.example\n    storage: /s\n    master: m\n"
		"  - domain: .\n"
		"include: inc.d/*.conf\n");

	assert_int_equal(l.result, 0);
	assert_int_equal(l.zones.len, 6);
	assert_zone(&l.zones, "abc.de.", "_default", "/wd/st/bc.a-abc.de%abc.de", ZW_ZONE_PRIMARY);
	assert_zone(&l.zones, "plain.", "_default", "/wd/st/p#q", ZW_ZONE_PRIMARY);
	/* A template of its own hides the default one altogether. */
	assert_zone(&l.zones, "t.example.", "_default", "/var/lib/knot/t.example.zone",
		ZW_ZONE_SECONDARY);
	assert_zone(&l.zones, "a/b.example.", "_default", "/s/_b.a-a_b.example%a_b.example",
		ZW_ZONE_SECONDARY);
	assert_zone(&l.zones, ".", "_default", "/wd/st/.-.%", ZW_ZONE_PRIMARY);
	assert_zone(&l.zones, "inc.", "_default", "/wd/st/nc.i-.inc%inc", ZW_ZONE_PRIMARY);
}

static void test_knot_without_configuration(void **state)
{
	struct fixture *f = *state;

	put_process(f, 10, 1, "/usr/sbin/knotd", "knotd");
	put(f, "db/data.mdb", "x");
	_listing_ struct listing database = list(f, ZW_SERVER_KNOT, "/db");

	assert_int_equal(database.result, -ENOENT);
	assert_non_null(strstr(database.error.buf, "knotc"));
	_listing_ struct listing none = list(f, ZW_SERVER_KNOT, "/none.conf");

	assert_true(none.result < 0);
	assert_non_null(strstr(none.error.buf, "/none.conf"));
}

static void test_nsd_syntax(void **state)
{
	struct fixture *f = *state;
	char text[1024];

	put(f, "wd/zone.list",
		"# x\nadd l.example p1\ndel d.example p1\nadd n.example nopattern\nadd\n");
	snprintf(text, sizeof(text),
		"# zone: name: no\n"
		"server: zonelistfile: zone.list\n"
		"key: name: k secret: 'zone:'\n"
		"pattern:\n name: p1\n zonefile: '%%1%%2%%3/%%z/%%y/%%x/%%s%%%%'\n"
		"pattern:\n name: p2\n zonefile: other\n include-pattern: p1\n request-xfr: 1.2.3.4 NOKEY\n"
		"zone: name: \"Ab.Cd\" include-pattern: \"p1\"\n"
		"zone:\n name: q.example\n include-pattern: p2\n zonefile: \"%s/last\"\n"
		"zone:\n name: nofile.example\n"
		"zone:\n name: loop.example\n include: /etc/none\n",
		f->root);
	_listing_ struct listing bad = list_text(f, ZW_SERVER_NSD, text);

	assert_int_equal(bad.result, -ENOENT);
	assert_non_null(strstr(bad.error.buf, "\"/etc/none\""));
	put(f, "etc/none", "zonefile: from-include");
	_listing_ struct listing l = list(f, ZW_SERVER_NSD, "/etc/conf");

	assert_int_equal(l.result, 0);
	assert_int_equal(l.zones.len, 5);
	assert_zone(&l.zones, "ab.cd.", "_default", "/wd/Ab./cd/ab/./Ab.Cd%%", ZW_ZONE_PRIMARY);
	/* An absolute path is written with the directory that becomes the root. */
	assert_zone(&l.zones, "q.example.", "_default", "/last", ZW_ZONE_SECONDARY);
	assert_int_equal(l.zones.items[1].source, ZW_ZONE_SOURCE_COPY);
	assert_zone(&l.zones, "nofile.example.", "_default", NULL, ZW_ZONE_PRIMARY);
	assert_zone(&l.zones, "loop.example.", "_default", "/wd/from-include", ZW_ZONE_PRIMARY);
	assert_zone(&l.zones, "l.example.", "_default", "/wd/l.e/example/l/./l.example%%",
		ZW_ZONE_PRIMARY);
}

static void test_nsd_includes_itself(void **state)
{
	_listing_ struct listing l = list_text(*state, ZW_SERVER_NSD, "include: /etc/conf\n");

	assert_int_equal(l.result, -ELOOP);
}

static void test_pdns_settings(void **state)
{
	struct fixture *f = *state;

	put(f, "wd/d/b.conf", "launch += bind:two # and more\nbind-two-config = two.conf\n");
	put(f, "wd/d/ignored", "bind-config=none\n");
	put(f, "wd/one.conf",
		"options { directory \"/zones\"; };zone one { type native; file \"1\"; };include \"i\";");
	put(f, "zones/i", "zone inc { type master; file \"/i\"; };");
	put(f, "wd/two.conf", "zone two { type slave; file \"2\"; };");
	put(f, "etc/conf", "launch=gsqlite3,bind\nbind-config=wrong\ninclude-dir=d\n");
	put_process(f, 10, 1, "/usr/sbin/pdns_server",
		"pdns_server --daemon=no --bind-config=one.conf");
	_listing_ struct listing l = list(f, ZW_SERVER_PDNS, "/etc/conf");

	assert_int_equal(l.result, 0);
	assert_int_equal(l.zones.len, 3);
	assert_zone(&l.zones, "one.", "_default", "/zones/1", ZW_ZONE_PRIMARY);
	assert_zone(&l.zones, "inc.", "_default", "/i", ZW_ZONE_PRIMARY);
	assert_zone(&l.zones, "two.", "_default", "/wd/2", ZW_ZONE_SECONDARY);
	/* Without the bind backend there are no zone files. */
	put(f, "etc/conf", "launch=gsqlite3\n");
	_listing_ struct listing none = list(f, ZW_SERVER_PDNS, "/etc/conf");

	assert_int_equal(none.result, 0);
	assert_int_equal(none.zones.len, 0);
}

static void test_pdns_status(void **state)
{
	zw_server_zones zones = {};
	char text[] = "a.test: \n\t Status: parsed into memory at 2026-11-22\n\t Internal ID: 1\n"
		      "\t On-disk file: /z/a (1795323204)\n\t Kind: Native\n\t Masters: \n"
		      "known.test: \n\t On-disk file: /elsewhere (0)\n\t Kind: Native\n"
		      "odd\\032name.test: \n\t Status: error at x: \n"
		      "\t On-disk file: /z/b (1) (2) (1795323204)\n\t Kind: Slave\n"
		      "no file.test: \n\t Kind: Native\n\t On-disk file: /z/late (1)\n"
		      "\t Kind: Native\n\t Kind: Master\n"
		      "cut.test: \n\t On-disk file: /z/cut";

	(void)state;
	assert_int_equal(
		zw_server_zones_add(&zones, "Known.test", "_default", "/k", ZW_ZONE_OTHER), 0);
	assert_int_equal(zw_pdns_parse_status(text, &zones), 0);
	assert_int_equal(zones.len, 4);
	assert_zone(&zones, "known.test.", "_default", "/k", ZW_ZONE_OTHER);
	assert_zone(&zones, "a.test.", "_default", "/z/a", ZW_ZONE_PRIMARY);
	assert_zone(&zones, "odd\\032name.test.", "_default", "/z/b (1) (2)", ZW_ZONE_SECONDARY);
	assert_zone(&zones, "no file.test.", "_default", "/z/late", ZW_ZONE_PRIMARY);
	zw_server_zones_done(&zones);
}

static void test_pdns_list(void **state)
{
	zw_server_zones zones = {};
	char text[] = "a.test.\nKNOWN.test.\nodd\\032name.test.\n.\nAll zonecount: 4\n";

	(void)state;
	assert_int_equal(
		zw_server_zones_add(&zones, "known.test", "_default", "/k", ZW_ZONE_OTHER), 0);
	assert_int_equal(zw_pdns_parse_list(text, &zones), 0);
	assert_int_equal(zones.len, 4);
	assert_zone(&zones, "known.test.", "_default", "/k", ZW_ZONE_OTHER);
	assert_zone(&zones, "a.test.", "_default", NULL, ZW_ZONE_PRIMARY);
	assert_zone(&zones, "odd\\032name.test.", "_default", NULL, ZW_ZONE_PRIMARY);
	assert_zone(&zones, ".", "_default", NULL, ZW_ZONE_PRIMARY);
	zw_server_zones_done(&zones);
}

/* The server's answer, read through links that would lead out of its root if they were followed from ours. */
static void test_pdns_running(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct zw_server_roots roots = {.own = f->root_fd, .config = f->root_fd};
	static const char answer[] = "r.test: \n\t On-disk file: /z/r (1)\n\t Kind: Native\n";
	zw_server_zones zones = {};
	char link[512], got[64];
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
	pid_t child;

	assert_true(listener >= 0);
	put(f, "run/x", "");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/run/pdns.controlsocket", f->root);
	snprintf(link, sizeof(link), "%s/link", f->root);
	assert_int_equal(symlink("/run", link), 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(
		zw_pdns_list_running(&roots, "/link/pdns.controlsocket", &zones), -ECONNREFUSED);
	assert_int_equal(listen(listener, 1), 0);
	child = fork();
	if (child == 0) {
		fd = accept(listener, NULL, NULL);
		if (read(fd, got, sizeof(got)) != 28 ||
			write(fd, answer, strlen(answer)) != (ssize_t)strlen(answer))
			_exit(1);
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(zw_pdns_list_running(&roots, "/link/pdns.controlsocket", &zones), 0);
	assert_int_equal(waitpid(child, &fd, 0), child);
	assert_int_equal(fd, 0);
	assert_int_equal(zones.len, 1);
	assert_zone(&zones, "r.test.", "_default", "/z/r", ZW_ZONE_PRIMARY);
	zw_server_zones_done(&zones);
	assert_int_equal(zw_pdns_list_running(&roots, "/none", &zones), -ENOENT);
	close(listener);
}

static void test_gone_or_no_server(void **state)
{
	struct fixture *f = *state;
	_listing_ struct listing gone = list(f, ZW_SERVER_NSD, "/x");

	assert_int_equal(gone.result, -ESRCH);
	put_process(f, 10, 1, "/usr/sbin/nsd", "nsd");
	put(f, "nsd.conf", "");
	struct zw_server server = server_of(f, ZW_SERVER_NSD, "/nsd.conf");
	zw_server_zones zones = {};

	server.start_ns = 10000000000;
	assert_int_equal(zw_server_list_zones(&server, f->proc, &zones, NULL), 0);
	/* Another process has the pid now. */
	server.start_ns++;
	assert_int_equal(zw_server_list_zones(&server, f->proc, &zones, NULL), -ESRCH);
	zw_server_zones_done(&zones);
	assert_non_null(strstr(gone.error.buf, "nsd (pid 10)"));
	_listing_ struct listing none = list(f, ZW_SERVER_NONE, NULL);

	assert_int_equal(none.result, -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZW_FIXTURE_TEST(test_knot_text),
		ZW_FIXTURE_TEST(test_knot_without_configuration),
		ZW_FIXTURE_TEST(test_nsd_syntax),
		ZW_FIXTURE_TEST(test_nsd_includes_itself),
		ZW_FIXTURE_TEST(test_pdns_settings),
		cmocka_unit_test(test_pdns_status),
		cmocka_unit_test(test_pdns_list),
		ZW_FIXTURE_TEST(test_pdns_running),
		ZW_FIXTURE_TEST(test_gone_or_no_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
