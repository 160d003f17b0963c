/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zone lists from configurations of BIND with one oddity each. */
#include "listing_fixture.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
