/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the commands that read the history share: choosing a zone, moments, times, colours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "cli/history_cmd.h"
#include "cli/moment.h"
#include "history_support.h"

static void assert_meant(struct zw_reader *reader, const char *server, const char *view,
	const char *name, int64_t meant, int64_t expected)
{
	const struct zw_history_cmd cmd = {.server = server, .view = view};
	_zw_reader_zone_ struct zw_reader_zone found = {};
	int r = zw_history_cmd_zone(&cmd, reader, name, meant, &found);

	assert_int_equal(r < 0 ? r : found.id, expected);
}

static void assert_zone(struct zw_reader *reader, const char *server, const char *view,
	const char *name, int64_t expected)
{
	assert_meant(reader, server, view, name, 0, expected);
}

static void test_zone(void **state)
{
	struct history_fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;

	history_fill(f, false);
	history_run_sql(f->path, "INSERT INTO zone (id, server, view, zone) VALUES"
				 " (2, 'bind:/etc/named.conf:signed', '_default', 'example.com.'),"
				 " (3, 'knot:/k', '', 'example.com.'),"
				 " (4, 'bind:/b:signed', '', 'signed.example.'),"
				 " (5, 'bind:/b', 'in', 'view.example.'),"
				 " (6, 'bind:/b', 'out', 'view.example.')");
	reader = history_open_reader(f->path);
	assert_zone(reader, NULL, NULL, "example.com", -ENOTUNIQ);
	assert_zone(reader, "bind", NULL, "Example.COM.", 1);
	assert_zone(reader, "bind:/etc/named.conf", NULL, "example.com", 1);
	assert_zone(reader, "bind:/etc/named.conf:signed", NULL, "example.com", 2);
	assert_zone(reader, "knot", NULL, "example.com", 3);
	assert_zone(reader, NULL, "", "example.com", 3);
	assert_zone(reader, "kno", NULL, "example.com", -ENOENT);
	assert_zone(reader, NULL, NULL, "signed.example", 4);
	assert_zone(reader, NULL, NULL, "view.example", -ENOTUNIQ);
	assert_zone(reader, NULL, "out", "view.example", 6);
	assert_zone(reader, NULL, NULL, "example", -ENOENT);
	assert_zone(reader, NULL, NULL, "..", -EINVAL);
	/* Of several of one name it is the one that a change is of, unless it was said to be another. */
	assert_meant(reader, NULL, NULL, "example.com", 2, 2);
	assert_meant(reader, NULL, NULL, "view.example", 5, 5);
	assert_meant(reader, NULL, "out", "view.example", 5, 6);
	assert_meant(reader, NULL, NULL, "view.example", 1, -ENOTUNIQ);
	assert_meant(reader, NULL, NULL, "signed.example", 1, 4);
}

static void test_zone_of(void **state)
{
	static const struct {
		const char *name;
		int64_t expected;
	} cases[] = {
		{"www.example.com.", 1},
		{"example.com.", 1},
		{"a.sub.example.com.", 2},
		{"com.", -ENOENT},
		{".", -ENOENT},
	};
	const struct zw_history_cmd cmd = {};
	struct history_fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;

	history_fill(f, false);
	history_run_sql(f->path, "INSERT INTO zone (id, server, view, zone) VALUES"
				 " (2, 'bind:/etc/named.conf', '_default', 'sub.example.com.')");
	reader = history_open_reader(f->path);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_reader_zone_ struct zw_reader_zone found = {};
		uint8_t name[ZW_NAME_MAX];
		int r;

		assert_int_equal(zw_name_from_text(cases[i].name, name, NULL), 0);
		r = zw_history_cmd_zone_of(&cmd, reader, name, &found);
		assert_int_equal(r < 0 ? r : found.id, cases[i].expected);
	}
}

static void test_moments(void **state)
{
	const struct zw_history_cmd cmd = {.utc = true};
	struct history_fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;
	char before[ZW_ULID_LEN + 2];
	struct zw_moment m;

	history_fill(f, true);
	reader = history_open_reader(f->path);
	assert_int_equal(zw_moment_parse(&cmd, reader, "2026112201", &m), 0);
	assert_int_equal(m.kind, ZW_MOMENT_SERIAL);
	assert_int_equal(m.serial, 2026112201);
	assert_int_equal(zw_moment_parse(&cmd, reader, "2026-11-22T00:11:22.123456789", &m), 0);
	assert_int_equal(m.kind, ZW_MOMENT_TIME);
	assert_int_equal(m.time_ns, SAMPLE_TIME_NS);
	assert_int_equal(zw_moment_parse(&cmd, reader, f->id[3], &m), 0);
	assert_int_equal(m.kind, ZW_MOMENT_AFTER);
	assert_int_equal(m.seq, 3);
	snprintf(before, sizeof(before), "%s^", f->id[3]);
	assert_int_equal(zw_moment_parse(&cmd, reader, before, &m), 0);
	assert_int_equal(m.kind, ZW_MOMENT_BEFORE);
	assert_int_equal(m.seq, 3);
	assert_int_equal(zw_moment_parse(&cmd, reader, "4294967296", &m), -ERANGE);
	assert_int_equal(zw_moment_parse(&cmd, reader, "7ZZZ", &m), -ENOENT);
	assert_int_equal(zw_moment_parse(&cmd, reader, "", &m), -EINVAL);
	assert_int_equal(zw_moment_parse(&cmd, reader, "^", &m), -EINVAL);
}

/* What getopt(3) would take for options. */
static void test_shield(void **state)
{
	char *argv[] = {"diff", "zone", "-2h", "-x", "--db", "--", "-3h", NULL};

	(void)state;
	assert_int_equal(zw_moment_shield(7, argv), 0);
	assert_string_equal(argv[2], "2h ago");
	assert_string_equal(argv[3], "-x");
	assert_string_equal(argv[6], "-3h");
	free(argv[2]);
}

static void test_printing(void **state)
{
	struct zw_history_cmd cmd = {.utc = true};
	char buf[ZW_HISTORY_TIME_MAX];

	(void)state;
	assert_string_equal(zw_history_time(&cmd, SAMPLE_TIME_NS, buf), "2026-11-22 00:11:22");
	assert_string_equal(
		zw_history_time_exact(&cmd, SAMPLE_TIME_NS, buf), "2026-11-22 00:11:22.123 UTC");
	cmd.utc = false;
	setenv("TZ", "EST5", 1);
	tzset();
	assert_string_equal(zw_history_time(&cmd, SAMPLE_TIME_NS, buf), "2026-11-21 19:11:22");
	assert_string_equal(
		zw_history_time_exact(&cmd, SAMPLE_TIME_NS, buf), "2026-11-21 19:11:22.123 -0500");
	/* Times that no clock shows do not overrun anything. */
	zw_history_time_exact(&cmd, UINT64_MAX, buf);
	assert_true(strlen(buf) < sizeof(buf));

	assert_int_equal(zw_history_option(&cmd, ZW_OPT_COLOR, "never"), -1);
	assert_false(zw_history_colour(&cmd));
	assert_int_equal(zw_history_option(&cmd, ZW_OPT_COLOR, NULL), -1);
	assert_true(zw_history_colour(&cmd));
	assert_int_equal(zw_history_option(&cmd, ZW_OPT_COLOR, "red"), 2);
	assert_int_equal(zw_history_option(&cmd, 'x', NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_zone, history_setup, history_teardown),
		cmocka_unit_test_setup_teardown(test_zone_of, history_setup, history_teardown),
		cmocka_unit_test_setup_teardown(test_moments, history_setup, history_teardown),
		cmocka_unit_test(test_shield),
		cmocka_unit_test(test_printing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
