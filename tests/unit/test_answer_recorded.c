/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What four servers answered from the zones in tests/data/answers, one question a file: lines "zone FILE", "expect RESULT" for
 * all of them, "expect RESULT SERVER" for one, and "SERVER MESSAGE" in hexadecimal. None of it is a mismatch. */
#include "unit/zone_support.h"

#include <dirent.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "engine/answer.h"

#define FIXTURES "tests/data/answers/"
#define CASES_MIN 80
#define ANSWERS_MIN 320

static struct zw_snapshot *load(const char *name)
{
	_zw_free_ char *path = zw_asprintf(FIXTURES "%s", name);
	_zw_fclose_ FILE *f = fopen(path, "re");
	_zw_free_ char *data = malloc(1 << 20);
	uint8_t origin[ZW_NAME_MAX];
	struct zw_zone_input in = {.key = &test_key};
	struct zw_zone_error error = {};
	struct zw_snapshot *s = NULL;

	assert_non_null(f);
	assert_int_equal(zw_name_from_text("answers.test.", origin, NULL), 0);
	in.master.origin = origin;
	in.data = data;
	in.len = fread(data, 1, 1 << 20, f);
	assert_int_equal(zw_zone_load(&in, NULL, &s, &error), 0);
	return s;
}

static struct zw_message *from_hex(const char *hex)
{
	size_t len = strlen(hex) / 2;
	_zw_free_ uint8_t *wire = malloc(len + 1);
	struct zw_message *m = NULL;

	for (size_t i = 0; i < len; i++) {
		char octet[3] = {hex[2 * i], hex[2 * i + 1]};

		wire[i] = (uint8_t)strtoul(octet, NULL, 16);
	}
	assert_int_equal(zw_message_parse(wire, len, &m), 0);
	return m;
}

static bool check(const char *file, const char *server, const char *expected,
	const struct zw_snapshot *zone, const struct zw_message *m)
{
	const struct zw_answer_options options = {.loose = strcmp(server, "pdns") == 0};
	_zw_answer_verdict_ struct zw_answer_verdict v = {};
	const char *got;

	assert_int_equal(zw_answer_check(zone, m, &options, &v), 0);
	got = zw_answer_result_to_string(v.result);
	assert_true((v.result == ZW_ANSWER_MISMATCH) == (v.expected != NULL));
	if (strcmp(got, expected) == 0)
		return true;
	print_error("%s: %s: %s (%s), not %s; expected \"%s\", answered \"%s\"\n", file, server,
		got, zw_answer_why_to_string(v.why), expected, v.expected ? v.expected : "",
		v.answered ? v.answered : "");
	return false;
}

static const char *expected_of(
	const char *server, const char expected[][32], const char apart[][32], size_t n)
{
	for (size_t i = n; i-- > 0;)
		if (!apart[i][0] || strcmp(apart[i], server) == 0)
			return expected[i];
	return "match";
}

static size_t check_file(const char *name, bool *good)
{
	_zw_free_ char *path = zw_asprintf(FIXTURES "%s", name), *line = NULL;
	_zw_snapshot_ struct zw_snapshot *zone = load("zone.db");
	_zw_fclose_ FILE *f = fopen(path, "re");
	char expected[8][32] = {}, apart[8][32] = {};
	size_t cap = 0, answers = 0, n = 0;

	assert_non_null(f);
	while (getline(&line, &cap, f) > 0) {
		char *word, *rest = NULL;

		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '#')
			continue;
		word = strtok_r(line, " ", &rest);
		if (strcmp(word, "zone") == 0) {
			zw_snapshot_unref(zone);
			zone = load(rest);
		} else if (strcmp(word, "expect") == 0) {
			assert_true(n < ZW_ARRAY_SIZE(expected));
			assert_true(sscanf(rest, "%31s %31s", expected[n], apart[n]) >= 1);
			n++;
		} else {
			struct zw_message *m = from_hex(rest);

			*good &= check(name, word, expected_of(word, expected, apart, n), zone, m);
			zw_message_free(m);
			answers++;
		}
	}
	return answers;
}

static void test_recorded(void **state)
{
	_zw_closedir_ DIR *dir = opendir(FIXTURES);
	size_t cases = 0, answers = 0;
	const struct dirent *entry;
	bool good = true;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (!zw_endswith(entry->d_name, ".txt"))
			continue;
		cases++;
		answers += check_file(entry->d_name, &good);
	}
	assert_true(good);
	assert_true(cases >= CASES_MIN);
	assert_true(answers >= ANSWERS_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_recorded)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
