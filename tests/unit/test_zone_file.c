/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "cli/diff_text.h"
#include "cli/zone_file.h"
#include "report_sample.h"

static const struct zw_hash_key key = {1, 2};

static void test_origin(void **state)
{
	static const struct {
		const char *text, *origin; /* NULL: it cannot be told */
	} cases[] = {
		{"example.com. SOA ns1 admin 1 2 3 4 5\n", "example.com."},
		{"Example.COM. 60 IN soa ns1 admin 1 2 3 4 5\n", "example.com."},
		{"; SOA\n\n$TTL 60\n$ORIGIN example.com.\n@ IN SOA ns1 admin (\n1 2 3 4 5 )\n",
			"example.com."},
		{"$ORIGIN com.\nexample 60 SOA a b 1 2 3 4 5\n", "example.com."},
		{"$ORIGIN com.\n$ORIGIN example\n@ 60 SOA a b 1 2 3 4 5\n", "example.com."},
		{"$ORIGIN .\nexample.com 60 SOA a b 1 2 3 4 5\n", "example.com."},
		{". 60 IN SOA a b 1 2 3 4 5\n", "."},
		{"a\\.b.example. 60 IN SOA a b 1 2 3 4 5", "a\\.b.example."},
		{"@ SOA ns1 admin 1 2 3 4 5\n", NULL},
		{"example SOA ns1 admin 1 2 3 4 5\n", NULL},
		{"  SOA ns1 admin 1 2 3 4 5\n", NULL},
		{"$ORIGIN example\n@ SOA ns1 admin 1 2 3 4 5\n", NULL},
		{"$INCLUDE soa.inc\nexample.com. SOA a b 1 2 3 4 5\n", NULL},
		{"www.example.com. A 192.0.2.1\nexample.com. SOA a b 1 2 3 4 5\n", NULL},
		{"; example.com. SOA a b 1 2 3 4 5\n", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		char text[ZW_NAME_TEXT_MAX] = "";
		uint8_t origin[ZW_NAME_MAX];
		int r = zw_zone_file_origin(cases[i].text, strlen(cases[i].text), origin);

		if (r == 0)
			zw_name_to_text(origin, text);
		if (r != (cases[i].origin ? 0 : -ENOENT) ||
			!zw_streq(text, cases[i].origin ? cases[i].origin : ""))
			fail_msg("case %zu: %d, '%s'", i, r, text);
	}
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void test_load(void **state)
{
	static const char *const names[] = {"zone", "www.inc", "bad"};
	_zw_snapshot_ struct zw_snapshot *snapshot = NULL;
	_zw_str_ struct zw_str error = {};
	char dir[] = "/tmp/zw-zone-file-XXXXXX", path[128];

	(void)state;
	assert_non_null(mkdtemp(dir));
	write_file(dir, "zone",
		"example.com. 60 SOA a b 1 2 3 4 5\nexample.com. NS a\n$INCLUDE www.inc\n");
	write_file(dir, "www.inc", "www 60 A 192.0.2.1\nwww 60 A 192.0.2.300\n");
	write_file(dir, "bad", "example.com. 60 SOA a b 1 2 3 4 5\n$INCLUDE nothing\n");

	snprintf(path, sizeof(path), "%s/zone", dir);
	assert_int_equal(zw_zone_file_load(&key, path, NULL, &snapshot, &error), -EBADMSG);
	assert_non_null(strstr(error.buf, "/www.inc:2: "));
	write_file(dir, "www.inc", "www 60 A 192.0.2.1\n");
	assert_int_equal(zw_zone_file_load(&key, path, NULL, &snapshot, &error), 0);
	assert_int_equal(zw_snapshot_count(snapshot), 3);
	snprintf(path, sizeof(path), "%s/bad", dir);
	error.len = 0;
	zw_snapshot_unref(ZW_TAKE(snapshot));
	assert_int_equal(zw_zone_file_load(&key, path, NULL, &snapshot, &error), -EBADMSG);
	assert_non_null(strstr(error.buf, "/bad:2: "));
	error.len = 0;
	assert_int_equal(zw_zone_file_load(&key, dir, NULL, &snapshot, &error), -EISDIR);
	assert_non_null(strstr(error.buf, dir));
	assert_null(snapshot);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void assert_diff(const char *before, const char *after, const char *expected)
{
	_zw_diff_ struct zw_diff *diff = sample_diff(before, after);
	_zw_str_ struct zw_str text = {};

	for (size_t i = 0; i < diff->len; i++)
		if (diff->entries[i].type != 6)
			zw_diff_entry_text(&text, false, &diff->entries[i]);
	assert_string_equal(text.buf ? text.buf : "", expected);
}

static void test_diff_text(void **state)
{
	(void)state;
	assert_diff("a 60 A 192.0.2.1\na 60 A 192.0.2.3\na 60 A 192.0.2.5\n",
		"a 60 A 192.0.2.3\na 60 A 192.0.2.4\na 60 A 192.0.2.9\n",
		"-a.example.com.\t60\tIN\tA\t192.0.2.1\n"
		"-a.example.com.\t60\tIN\tA\t192.0.2.5\n"
		"+a.example.com.\t60\tIN\tA\t192.0.2.4\n"
		"+a.example.com.\t60\tIN\tA\t192.0.2.9\n");
	/* Another TTL is another record. */
	assert_diff("a 60 A 192.0.2.1\n", "a 61 A 192.0.2.1\n",
		"-a.example.com.\t60\tIN\tA\t192.0.2.1\n"
		"+a.example.com.\t61\tIN\tA\t192.0.2.1\n");
	/* Each signature has a TTL of its own; the other one stays. */
	assert_diff("a 60 RRSIG A 13 3 60 20300101000000 20200101000000 1 example.com. AAAA\n"
		    "a 60 RRSIG TXT 13 3 60 20300101000000 20200101000000 1 example.com. AAAA\n",
		"a 60 RRSIG A 13 3 60 20300101000000 20200101000000 1 example.com. AAAA\n"
		"a 90 RRSIG TXT 13 3 60 20300101000000 20200101000000 1 example.com. AAAA\n",
		"-a.example.com.\t60\tIN\tRRSIG\tTXT 13 3 60 20300101000000 20200101000000 1 "
		"example.com. AAAA\n"
		"+a.example.com.\t90\tIN\tRRSIG\tTXT 13 3 60 20300101000000 20200101000000 1 "
		"example.com. AAAA\n");
	/* Nothing in a record moves the cursor or begins a line. */
	assert_diff("", "a\\010b 60 TXT \"\\027[2J\\010-www\\200\"\n",
		"+a\\010b.example.com.\t60\tIN\tTXT\t\"\\027[2J\\010-www\\200\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_diff_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
