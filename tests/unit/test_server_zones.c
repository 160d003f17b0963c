/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zone lists from configurations with one oddity each, and the fingerprint that tells of changes. */
#include "server_fixture.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "server/pdns_control.h"

struct listing {
	zw_server_zones zones;
	struct zw_str error;
	int result;
};

static void listing_done(struct listing *l)
{
	zw_server_zones_done(&l->zones);
	zw_str_free(&l->error);
}
#define _listing_ _zw_cleanup_(listing_done)

static struct zw_server server_of(struct fixture *f, enum zw_server_kind kind, const char *config)
{
	return (struct zw_server){.kind = kind,
		.pid = 10,
		.config = (char *)config,
		.cwd = (char *)"/wd",
		.chroot = f->root};
}

static struct listing list(struct fixture *f, enum zw_server_kind kind, const char *config)
{
	struct zw_server server = server_of(f, kind, config);
	struct listing l = {};

	l.result = zw_server_list_zones(&server, f->proc, &l.zones, &l.error);
	return l;
}

static struct listing list_text(struct fixture *f, enum zw_server_kind kind, const char *text)
{
	put_process(f, 10, 1, "/usr/sbin/x", "x");
	put(f, "etc/conf", text);
	return list(f, kind, "/etc/conf");
}

static void test_bind_syntax(void **state)
{
	_listing_ struct listing l = list_text(*state, ZW_SERVER_BIND,
		"# zone \"c1.\" { type primary; };\n"
		"// zone \"c2.\" { type primary; };\n"
		"/* zone \"c3.\" { type primary; };\n*/"
		"acl a { !1.2.3.4; { any; }; };\n"
		"zone\"Tight.\"{type master;file\"f1\";};\n"
		"ZONE unquoted IN { Type Secondary; File \"a b;{}\\\"c\"; masters { 1.2.3.4 key \"}\"; }; };\n"
		"zone \"esc\\.\" { type primary; file \"x\\y\"; };\n"
		"zone \"version.bind\" CH { type primary; file \"ch\"; };\n"
		"zone \"mirror.\" { type mirror; file \"m\"; };\n"
		"zone \"only\" { type primary; update-policy { grant * zonesub any; }; file \"o\"; };\n");

	assert_int_equal(l.result, 0);
	assert_int_equal(l.zones.len, 6);
	assert_zone(&l.zones, "tight.", "_default", "/wd/f1", ZW_ZONE_PRIMARY);
	assert_zone(&l.zones, "unquoted.", "_default", "/wd/a b;{}\"c", ZW_ZONE_SECONDARY);
	assert_zone(&l.zones, "esc\\..", "_default", "/wd/x\\y", ZW_ZONE_PRIMARY);
	assert_zone(&l.zones, "version.bind.", "_default", "/wd/ch", ZW_ZONE_OTHER);
	assert_zone(&l.zones, "mirror.", "_default", "/wd/m", ZW_ZONE_OTHER);
	assert_zone(&l.zones, "only.", "_default", "/wd/o", ZW_ZONE_PRIMARY);
}

static void test_bind_includes(void **state)
{
	struct fixture *f = *state;

	put(f, "wd/z/1.conf", "zone one { type primary; include \"z/file\"; };");
	put(f, "wd/z/2.conf", "/* the next file closes nothing */ zone two { type primary; };");
	put(f, "wd/z/.hidden.conf", "zone hidden { type primary; };");
	put(f, "wd/z/file", "file \"of-include\";");
	put(f, "etc/beside", "zone beside { type primary; };");
	_listing_ struct listing l = list_text(f, ZW_SERVER_BIND,
		"view v { include \"z/*.conf\"; zone after { type primary; }; };"
		"view w { include \"beside\"; };");

	assert_int_equal(l.result, 0);
	assert_int_equal(l.zones.len, 4);
	assert_zone(&l.zones, "one.", "v", "/wd/of-include", ZW_ZONE_PRIMARY);
	assert_string_equal(l.zones.items[1].name, "two.");
	assert_zone(&l.zones, "after.", "v", NULL, ZW_ZONE_PRIMARY);
	assert_zone(&l.zones, "beside.", "w", NULL, ZW_ZONE_PRIMARY);
}

static const struct zw_server_zone *with_file(const zw_server_zones *zones, const char *file)
{
	ZW_VEC_FOREACH(z, zones)
		if (z->file && zw_streq(z->file, file))
			return z;
	fail_msg("no zone in %s", file);
	return NULL;
}

static void test_bind_journals(void **state)
{
	_listing_ struct listing l = list_text(*state, ZW_SERVER_BIND,
		"zone a { type primary; file \"a\"; };"
		"zone b { type secondary; file \"b\"; journal \"other/b\"; };"
		"zone c { type primary; file \"c\"; journal \"/abs/c.journal\"; inline-signing yes; };"
		"zone none { type secondary; };"
		"zone hint { type hint; file \"hint\"; };");

	assert_int_equal(l.result, 0);
	assert_int_equal(l.zones.len, 6);
	assert_string_equal(with_file(&l.zones, "/wd/a")->journal, "/wd/a.jnl");
	assert_string_equal(with_file(&l.zones, "/wd/b")->journal, "/wd/other/b");
	assert_string_equal(with_file(&l.zones, "/wd/c")->journal, "/abs/c.journal");
	assert_null(with_file(&l.zones, "/wd/c")->unsigned_file);
	/* The journal that is configured is that of the zone before it is signed. */
	assert_string_equal(with_file(&l.zones, "/wd/c.signed")->journal, "/wd/c.signed.jnl");
	assert_string_equal(with_file(&l.zones, "/wd/c.signed")->unsigned_file, "/wd/c");
	assert_string_equal(with_file(&l.zones, "/wd/c.signed")->name, "c.");
	assert_null(with_file(&l.zones, "/wd/hint")->journal);
	assert_null(find_zone(&l.zones, "none.", "_default")->journal);
}

/* Which zones are signed into files of their own: told so, or signed by a policy and not by updates. Settings come from
 * the view, then from the options, which may follow the zones. */
static void test_bind_inline_signing(void **state)
{
	struct fixture *f = *state;
	static const char *const cases[][3] = {
		/* options, view, zone */
		{"", "", ""},
		{"", "", "+inline-signing yes;"},
		{"", "", "inline-signing no;"},
		{"", "+inline-signing yes;", ""},
		{"inline-signing yes;", "", "inline-signing no;"},
		{"+inline-signing yes;", "", "allow-update { any; };"},
		{"", "", "+dnssec-policy default;"},
		{"", "", "dnssec-policy \"none\";"},
		{"dnssec-policy default;", "dnssec-policy none;", ""},
		{"+dnssec-policy default;", "", ""},
		{"", "", "dnssec-policy default; allow-update { any; };"},
		{"", "", "+dnssec-policy default; allow-update { none; };"},
		{"", "", "dnssec-policy default; allow-update { !192.0.2.1; none; };"},
		{"", "", "dnssec-policy default; update-policy local;"},
		{"", "", "dnssec-policy default; update-policy { grant k zonesub any; };"},
		{"allow-update { key k; };", "", "dnssec-policy default;"},
		{"allow-update { key k; };", "+allow-update { none; };", "dnssec-policy default;"},
	};

	put_process(f, 10, 1, "/usr/sbin/named", "named");
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		bool signs = false;
		const char *text[3];
		_zw_free_ char *conf = NULL;

		for (int k = 0; k < 3; k++) {
			signs |= cases[i][k][0] == '+';
			text[k] = cases[i][k] + (cases[i][k][0] == '+');
		}
		conf = zw_asprintf("view v { %s zone z { type primary; file \"z\"; %s }; };"
				   "options { %s };",
			text[1], text[2], text[0]);
		put(f, "etc/conf", conf);
		_listing_ struct listing l = list(f, ZW_SERVER_BIND, "/etc/conf");

		assert_int_equal(l.result, 0);
		if (l.zones.len != 1U + signs)
			fail_msg("case %zu: %zu zones", i, l.zones.len);
	}
}

/* Members of catalog zones are known by their files. */
static void test_bind_catalogs(void **state)
{
	static const char hashed[] = "wd/members/__catz__0123456789abcdef.db";
	struct fixture *f = *state;
	_zw_free_ char *path = zw_asprintf("%s/%s", f->root, hashed);
	_zw_fclose_ FILE *file = NULL;

	put(f, "wd/members/__catz__v_cat.test_one.example.db", "");
	put(f, "wd/members/__catz__v_cat.test_two_underscores.example.db", "");
	put(f, "wd/members/__catz__w_cat.test_other-view.example.db", "");
	put(f, "wd/members/other.db", "");
	put(f, "wd/__catz__w_Second.test_three.example.db", "");
	put(f, "wd/__catz__v_memory.test_none.example.db", "");
	put(f, hashed, "");
	file = fopen(path, "we");
	assert_non_null(file);
	/* As named 9.18 writes it: format, version, time, flags, source serial, last transfer; then the SOA record. */
	static const char raw[] = "\0\0\0\2\0\0\0\1aaaa\0\0\0\0\0\0\0\0\0\0\0\0"
				  "\0\0\0\x56\0\1\0\6\0\0\0\0\0\x3c\0\0\0\1\0\x0e"
				  "\6hashed\5ZONES";
	assert_int_equal(fwrite(raw, 1, sizeof(raw), file), sizeof(raw));
	assert_int_equal(fflush(file), 0);
	_listing_ struct listing l = list_text(f, ZW_SERVER_BIND,
		"view v { catalog-zones { zone \"cat.test.\" default-primaries { 192.0.2.1; key \"}\"; }"
		" zone-directory \"members\" min-update-interval 1;"
		" zone memory.test in-memory yes; }; };"
		"view w { catalog-zones { zone second.test in-memory no; }; };"
		"view x { zone last { type primary; file \"last\"; }; };");

	assert_int_equal(l.result, 0);
	assert_int_equal(l.zones.len, 5);
	assert_zone(&l.zones, "one.example.", "v", "/wd/members/__catz__v_cat.test_one.example.db",
		ZW_ZONE_SECONDARY);
	assert_zone(&l.zones, "two_underscores.example.", "v",
		"/wd/members/__catz__v_cat.test_two_underscores.example.db", ZW_ZONE_SECONDARY);
	assert_zone(&l.zones, "three.example.", "w", "/wd/__catz__w_Second.test_three.example.db",
		ZW_ZONE_SECONDARY);
	assert_zone(&l.zones, "hashed.zones.", "v", "/wd/members/__catz__0123456789abcdef.db",
		ZW_ZONE_SECONDARY);
	assert_string_equal(find_zone(&l.zones, "one.example.", "v")->journal,
		"/wd/members/__catz__v_cat.test_one.example.db.jnl");
	assert_zone(&l.zones, "last.", "x", "/wd/last", ZW_ZONE_PRIMARY);
}

static void test_bind_bad_configurations(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *text, *want;
		int result;
	} cases[] = {
		{"zone x {\ntype primary;\n", "/etc/conf:3: a closing brace is missing", -EBADMSG},
		{"}\n", "/etc/conf:1: a closing brace too many", -EBADMSG},
		{"zone \"x\n\" { };", "/etc/conf:1: a string does not end on its line", -EBADMSG},
		{"\n/* x", "/etc/conf:2: a comment does not end", -EBADMSG},
		{"zone \"x", "a string does not end", -EBADMSG},
		{"options", "a statement does not end", -EBADMSG},
		{"include \"none\";", "cannot read \"none\": No such file", -ENOENT},
		{"include \"/etc/conf\";", "the file includes itself", -ELOOP},
	};

	put_process(f, 10, 1, "/usr/sbin/named", "named");
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		put(f, "etc/conf", cases[i].text);
		_listing_ struct listing l = list(f, ZW_SERVER_BIND, "/etc/conf");

		assert_int_equal(l.result, cases[i].result);
		assert_true(zw_startswith(l.error.buf, "bind (pid 10): "));
		assert_non_null(strstr(l.error.buf, cases[i].want));
		assert_null(l.zones.items);
	}
	_listing_ struct listing none = list(f, ZW_SERVER_BIND, NULL);

	assert_int_equal(none.result, -ENOENT);
	assert_non_null(strstr(none.error.buf, "named.conf"));
}

static void test_bind_added_zones_in_text(void **state)
{
	struct fixture *f = *state;

	put(f, "wd/added/_default.nzf", "zone new { type primary; file \"n\"; };");
	_listing_ struct listing l =
		list_text(f, ZW_SERVER_BIND, "options { new-zones-directory \"added\"; };");

	assert_int_equal(l.result, 0);
	assert_zone(&l.zones, "new.", "_default", "/wd/n", ZW_ZONE_PRIMARY);
}

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

static uint64_t fingerprint(struct fixture *f, enum zw_server_kind kind)
{
	struct zw_server server = server_of(f, kind, "/etc/conf");
	uint64_t fp = 0;

	assert_int_equal(zw_server_fingerprint(&server, f->proc, &fp), 0);
	return fp;
}

/* Writing @name changes the fingerprint; asking twice does not. */
static void assert_seen(struct fixture *f, enum zw_server_kind kind, const char *name, bool seen)
{
	uint64_t before = fingerprint(f, kind);

	assert_int_equal(before, fingerprint(f, kind));
	put(f, name, "zone changed { type primary; };\n# and longer than it was");
	if (seen)
		assert_int_not_equal(before, fingerprint(f, kind));
	else
		assert_int_equal(before, fingerprint(f, kind));
}

static void test_fingerprint(void **state)
{
	struct fixture *f = *state;

	put_process(f, 10, 1, "/usr/sbin/x", "x --bind-config=/wd/args");
	put(f, "wd/inc/deep", "");
	put(f, "wd/inc/a", "include \"inc/deep\";");
	put(f, "etc/conf", "view v { include \"inc/a*\"; };\nnotinclude \"other\";");
	assert_seen(f, ZW_SERVER_BIND, "wd/inc/deep", true);
	assert_seen(f, ZW_SERVER_BIND, "wd/inc/abc", true);
	assert_seen(f, ZW_SERVER_BIND, "wd/v.nzf", true);
	assert_seen(f, ZW_SERVER_BIND, "wd/_default.nzd", true);
	assert_seen(f, ZW_SERVER_BIND, "wd/other", false);
	assert_seen(f, ZW_SERVER_BIND, "etc/conf", true);
	put(f, "etc/conf", "catalog-zones { zone a zone-directory \"m\"; };");
	put(f, "wd/m/none", "");
	assert_seen(f, ZW_SERVER_BIND, "wd/m/__catz__v_a_b.db", true);
	assert_seen(f, ZW_SERVER_BIND, "wd/m/__catz__v_a_b.db", false);
	assert_seen(f, ZW_SERVER_BIND, "wd/m/__catz__v_a_b.db.jnl", false);
	assert_seen(f, ZW_SERVER_BIND, "wd/__catz__v_a_c.db", true);

	put(f, "etc/conf", "include: \"inc/deep\"\nserver:\n zonelistfile: zl\n");
	assert_seen(f, ZW_SERVER_NSD, "wd/zl", true);
	assert_seen(f, ZW_SERVER_NSD, "wd/inc/deep", true);
	put(f, "etc/conf", "include: beside\n");
	assert_seen(f, ZW_SERVER_KNOT, "etc/beside", true);
	put(f, "wd/base/x", "");
	put(f, "wd/args", "options { directory \"base\"; }; include \"x\";");
	put(f, "etc/conf", "include-dir=/wd/d\n");
	assert_seen(f, ZW_SERVER_PDNS, "wd/d/x.conf", true);
	assert_seen(f, ZW_SERVER_PDNS, "wd/base/x", true);
	assert_seen(f, ZW_SERVER_PDNS, "wd/args", true);
	put(f, "etc/conf", "include \"/etc/conf\"; include \"/etc/conf\";");
	/* Ends although it doubles at every level. */
	assert_seen(f, ZW_SERVER_BIND, "etc/conf", true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZW_FIXTURE_TEST(test_bind_syntax),
		ZW_FIXTURE_TEST(test_bind_includes),
		ZW_FIXTURE_TEST(test_bind_journals),
		ZW_FIXTURE_TEST(test_bind_inline_signing),
		ZW_FIXTURE_TEST(test_bind_catalogs),
		ZW_FIXTURE_TEST(test_bind_bad_configurations),
		ZW_FIXTURE_TEST(test_bind_added_zones_in_text),
		ZW_FIXTURE_TEST(test_knot_text),
		ZW_FIXTURE_TEST(test_knot_without_configuration),
		ZW_FIXTURE_TEST(test_nsd_syntax),
		ZW_FIXTURE_TEST(test_nsd_includes_itself),
		ZW_FIXTURE_TEST(test_pdns_settings),
		cmocka_unit_test(test_pdns_status),
		ZW_FIXTURE_TEST(test_pdns_running),
		ZW_FIXTURE_TEST(test_gone_or_no_server),
		ZW_FIXTURE_TEST(test_fingerprint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
