/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fingerprint of a server's configuration, which tells of changes. */
#include "listing_fixture.h"

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
		ZW_FIXTURE_TEST(test_fingerprint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
