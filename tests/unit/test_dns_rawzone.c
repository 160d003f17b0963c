/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BIND's raw format, on a file that named-compilezone 9.18 -F raw wrote and on damaged copies of
 * it. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dns/rawzone.h"
#include "unit/zone_support.h"

#define FIXTURE "tests/data/zones/bind-9.18.raw"

static size_t read_file(const char *path, uint8_t *buf, size_t size)
{
	_zw_fclose_ FILE *f = fopen(path, "re");

	assert_non_null(f);
	return fread(buf, 1, size, f);
}

static int count_record(void *ctx, const struct zw_record *record)
{
	assert_int_equal(record->line, 0);
	++*(size_t *)ctx;
	return 0;
}

static void test_fixture(void **state)
{
	uint8_t data[4096];
	size_t len = read_file(FIXTURE, data, sizeof(data));
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	_zw_free_ char *dump = NULL;

	(void)state;
	assert_int_equal(zw_zone_format_detect(data, len), ZW_ZONE_RAW);
	s = test_load_bytes(data, len, NULL, NULL);
	dump = test_dump(s);
	assert_string_equal(dump,
		"example. 5 NS ns.example.\n"
		"example. 5 SOA ns.example. h.example. 1 2 3 4 500\n"
		"a.example. 7 A 1.1.1.1\na.example. 7 A 1.1.1.2\n"
		"a.example. 5 RRSIG A 8 2 3600 20260101000000 20250101000000 1 example. AAAA\n"
		"a.example. 7 TYPE65280 \\# 0\n"
		"*.b.example. 7 MX 10 mail.example.\n"
		"c\\.d.example. 9 TXT \"x\" \"\\255\"\n"
		"ns.example. 5 A 1.1.1.1\n");
}

/* Enough of it is enough. */
static void test_apex(void **state)
{
	uint8_t data[4096], name[ZW_NAME_MAX];
	size_t len = read_file(FIXTURE, data, sizeof(data));

	(void)state;
	for (size_t n = 0; n <= len; n++)
		assert_int_equal(zw_rawzone_apex(data, n, name), n < 53 ? -EBADMSG : 0);
	assert_memory_equal(name, "\7example", 9);
	data[44] = 64;
	assert_int_equal(zw_rawzone_apex(data, len, name), -EBADMSG);
	assert_int_equal(zw_rawzone_apex("@ SOA", 5, name), -EBADMSG);
}

static void test_format(void **state)
{
	(void)state;
	assert_int_equal(zw_zone_format_detect("", 0), ZW_ZONE_TEXT);
	assert_int_equal(zw_zone_format_detect("\0\0\0", 3), ZW_ZONE_TEXT);
	assert_int_equal(zw_zone_format_detect("\0\0\0\2", 4), ZW_ZONE_RAW);
	assert_int_equal(zw_zone_format_detect("\0\0\0\3", 4), ZW_ZONE_MAP);
	assert_int_equal(zw_zone_format_detect("@ SOA", 5), ZW_ZONE_TEXT);
}

static int parse(const uint8_t *data, size_t len, struct zw_zone_error *ret_error)
{
	static const uint8_t origin[] = "\7example";
	size_t n = 0;

	return zw_rawzone_parse(origin, data, len, count_record, &n, ret_error);
}

/* Cut anywhere but between rdatasets, the file is refused. */
static void test_truncated(void **state)
{
	uint8_t data[4096];
	size_t len = read_file(FIXTURE, data, sizeof(data)), whole = 0;

	(void)state;
	for (size_t n = 0; n < len; n++) {
		struct zw_zone_error error = {};
		int r = parse(data, n, &error);

		if (r == 0) {
			whole++;
			continue;
		}
		assert_int_equal(r, -EBADMSG);
		assert_true(error.kind == ZW_ZERR_FORMAT || error.kind == ZW_ZERR_EMPTY);
	}
	assert_int_equal(whole, 7);
	assert_int_equal(parse(data, len, NULL), 0);
}

static void test_damaged(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum zw_zone_errkind kind;
	} cases[] = {
		{7, 2, ZW_ZERR_FORMAT},    /* version */
		{27, 19, ZW_ZERR_FORMAT},  /* total length too small */
		{27, 255, ZW_ZERR_FORMAT}, /* reaches into the next */
		{29, 3, ZW_ZERR_CLASS},    /* class CH */
		{31, 252, ZW_ZERR_TYPE},   /* type AXFR */
		{38, 1, ZW_ZERR_FORMAT},   /* 257 records */
		{41, 2, ZW_ZERR_FORMAT},   /* 2 records */
		{41, 0, ZW_ZERR_FORMAT},   /* none, with data left over */
		{43, 8, ZW_ZERR_FORMAT},   /* owner length */
		{44, 64, ZW_ZERR_FORMAT},  /* label length */
		{45, 'x', ZW_ZERR_OUT_OF_ZONE}, {54, 255, ZW_ZERR_FORMAT}, /* rdata length */
		{55, 63, ZW_ZERR_SYNTAX},                                  /* name in the SOA */
	};
	uint8_t data[4096];
	size_t len = read_file(FIXTURE, data, sizeof(data));

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		struct zw_zone_error error = {};
		uint8_t before = data[cases[i].at];

		data[cases[i].at] = cases[i].value;
		assert_int_equal(parse(data, len, &error), -EBADMSG);
		if (error.kind != cases[i].kind)
			print_error("case %zu: %s\n", i, error.reason);
		assert_int_equal(error.kind, cases[i].kind);
		data[cases[i].at] = before;
	}
}

/* The program of this machine, if there is one, agrees with the fixture: text and raw read the
 * same. */
static void test_named_compilezone(void **state)
{
	static const char text[] = "@ 5 SOA ns h 1 2 3 4 500\n@ NS ns\nns A 1.1.1.1\n"
				   "A.b MX 10 Mail\n$GENERATE 1-20 h$ AAAA ::$\n";
	char dir[] = "/tmp/zw_rawzone.XXXXXX", command[256];
	static uint8_t data[65536];
	_zw_snapshot_ struct zw_snapshot *a = NULL, *b = NULL;
	FILE *f;
	size_t len;

	(void)state;
	if (access("/usr/bin/named-compilezone", X_OK) < 0) {
		print_message("no named-compilezone here\n");
		skip();
	}
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command), "%s/text", dir);
	f = fopen(command, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	snprintf(command, sizeof(command),
		"named-compilezone -q -i none -k ignore -F raw -o %s/raw example %s/text", dir,
		dir);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "%s/raw", dir);
	len = read_file(command, data, sizeof(data));
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
	a = test_load(text, NULL);
	b = test_load_bytes(data, len, NULL, NULL);
	assert_true(zw_snapshot_equal(a, b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixture),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_apex),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_named_compilezone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
