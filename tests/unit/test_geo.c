/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Databases of addresses, those of tests/data/geo; and a program that was built without the library for them. */
#include "cli/geo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "report_sample.h"

#define COUNTRY "tests/data/geo/country.mmdb"
#define ASN "tests/data/geo/asn.mmdb"

static struct zw_geo *open_geo(const char *first, const char *second)
{
	char *paths[] = {(char *)first, (char *)second};
	struct zw_conf conf = {.maxmind = paths, .maxminds = second ? 2 : 1};
	struct zw_geo *geo = NULL;

	assert_int_equal(zw_geo_new(&geo), 0);
	assert_int_equal(zw_geo_follow(geo, &conf), 0);
	return geo;
}

/* What the databases say of @subject, in *@ret. */
static void explain(const struct zw_geo *geo, const char *subject, struct zw_report_finding *ret)
{
	_zw_report_free_ struct zw_report *report = sample_report(ZW_ACTION_FINDING, 1);
	static char name[64];

	assert_int_equal(zw_report_add_finding(report, "feed-address", 73, subject, "x"), 0);
	assert_int_equal(zw_geo_explain(geo, report), 0);
	*ret = report->finding[0];
	if (ret->as_name)
		snprintf(name, sizeof(name), "%s", ret->as_name);
	ret->as_name = ret->as_name ? name : NULL;
}

static bool is_open(const struct zw_geo *geo, size_t i)
{
	json_t *list = zw_geo_status(geo);
	bool open = json_is_true(json_object_get(json_array_get(list, i), "open"));

	json_decref(list);
	return open;
}

#ifdef ZW_HAVE_MAXMINDDB

static void test_facts(void **state)
{
	static const struct {
		const char *subject, *country;
		uint32_t as_number;
		const char *as_name;
	} cases[] = {
		{"203.0.113.9", "NL", 64496, "Example Networks"},
		{"203.0.113.200", "NL", 0, NULL},
		{"2001:db8:bad::1", "JP", 65551, NULL},
		{"2001:db8::1", "", 65551, NULL},
		{"198.51.100.1", "", 0, NULL}, /* only where it is registered */
		{"192.0.2.1", "", 0, NULL},
		{"www.example.com.", "", 0, NULL},
		{NULL, "", 0, NULL},
	};
	struct zw_geo *geo = open_geo(COUNTRY, ASN);

	(void)state;
	assert_true(is_open(geo, 0) && is_open(geo, 1));
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		struct zw_report_finding f;

		explain(geo, cases[i].subject, &f);
		assert_string_equal(f.country, cases[i].country);
		assert_int_equal(f.as_number, cases[i].as_number);
		assert_int_equal(f.as_name != NULL, cases[i].as_name != NULL);
		if (f.as_name)
			assert_string_equal(f.as_name, cases[i].as_name);
	}
	zw_geo_free(geo);
}

static void copy(const char *from, const char *to)
{
	_zw_free_ char *command = zw_asprintf("cp %s %s.new && mv %s.new %s", from, to, to, to);

	assert_int_equal(system(command), 0);
}

/* Replaced by another, by rubbish, removed: the last good one stays. */
static void test_replaced(void **state)
{
	char dir[] = "/tmp/zw-geo.XXXXXX";
	_zw_free_ char *path = NULL;
	struct zw_report_finding f;
	uint64_t now = 1;
	struct zw_geo *geo;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = zw_asprintf("%s/db.mmdb", dir);
	geo = open_geo(path, NULL);
	assert_false(is_open(geo, 0));
	copy(ASN, path);
	zw_geo_tick(geo, now += 60 * ZW_NSEC_PER_SEC);
	explain(geo, "203.0.113.9", &f);
	assert_int_equal(f.as_number, 64496);
	assert_string_equal(f.country, "");
	copy(COUNTRY, path);
	zw_geo_tick(geo, now += ZW_NSEC_PER_SEC); /* not looked at that often */
	explain(geo, "203.0.113.9", &f);
	assert_string_equal(f.country, "");
	zw_geo_tick(geo, now += 60 * ZW_NSEC_PER_SEC);
	explain(geo, "203.0.113.9", &f);
	assert_string_equal(f.country, "NL");
	copy("tests/data/conf/everything.yaml", path);
	zw_geo_tick(geo, now += 60 * ZW_NSEC_PER_SEC);
	unlink(path);
	zw_geo_tick(geo, now += 60 * ZW_NSEC_PER_SEC);
	explain(geo, "203.0.113.9", &f);
	assert_string_equal(f.country, "NL");
	zw_geo_free(geo);
	rmdir(dir);
}

#else

static void test_without(void **state)
{
	struct zw_geo *geo = open_geo(COUNTRY, ASN);
	struct zw_report_finding f;

	(void)state;
	assert_false(is_open(geo, 0) || is_open(geo, 1));
	explain(geo, "203.0.113.9", &f);
	assert_string_equal(f.country, "");
	assert_int_equal(f.as_number, 0);
	zw_geo_tick(geo, 60 * ZW_NSEC_PER_SEC);
	zw_geo_free(geo);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef ZW_HAVE_MAXMINDDB
		cmocka_unit_test(test_facts),
		cmocka_unit_test(test_replaced),
#else
		cmocka_unit_test(test_without),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
