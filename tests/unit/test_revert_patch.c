/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reverts as patches of zone files: layout and comments stay, and what cannot be exact is refused. */
#include "unit/zone_support.h"

#include <stdlib.h>

#include "engine/revert.h"

#define SOA5 "@ 300 SOA ns h 5 2 3 4 500\n"
#define SOA6 "@ 300 SOA ns h 6 2 3 4 500\n"
#define HEADING "# title\n--- /z/db\n+++ /z/db\n"
#define NS "@ 300 NS ns\n"

static const struct zw_revert_heading heading = {.title = "title"};

/* The patch of @file, whose zone was @before; the result of making it, and what it is or why there is none. */
static int make(const char *before, const char *file, const struct test_file *files,
	struct zw_str *out, struct zw_revert_refusal *refusal, struct zw_snapshot **ret_target)
{
	_zw_snapshot_ struct zw_snapshot *a = test_load(before, NULL);
	_zw_snapshot_ struct zw_snapshot *b = test_load_bytes(file, strlen(file), files, NULL);
	_zw_revert_free_ struct zw_revert *v = NULL;
	struct zw_zone_input in = test_input(file, strlen(file), files);
	struct zw_revert_input input = {.present = b};
	_zw_diff_ struct zw_diff *diff = NULL;

	assert_int_equal(zw_diff_new(a, b, &diff), 0);
	input.change = diff;
	assert_int_equal(zw_revert_new(&input, &v, refusal), 0);
	assert_int_equal(zw_revert_target(v, NULL, true, ret_target), 0);
	return zw_revert_to_patch(v, &in, "/z/db", &heading, out, refusal);
}

static void check(const char *before, const char *file, const char *patch)
{
	_zw_revert_refusal_ struct zw_revert_refusal refusal = {};
	_zw_snapshot_ struct zw_snapshot *target = NULL;
	_zw_str_ struct zw_str out = {};
	int r = make(before, file, NULL, &out, &refusal, &target);

	if (r < 0)
		print_error("%s\n", refusal.why.buf);
	assert_int_equal(r, 0);
	assert_memory_equal(out.buf, HEADING, strlen(HEADING));
	assert_string_equal(out.buf + strlen(HEADING), patch);
}

static void check_refused(const char *before, const char *file, const struct test_file *files,
	int code, const char *why)
{
	_zw_revert_refusal_ struct zw_revert_refusal refusal = {};
	_zw_snapshot_ struct zw_snapshot *target = NULL;
	_zw_str_ struct zw_str out = {};

	assert_int_equal(make(before, file, files, &out, &refusal, &target), code);
	assert_string_equal(refusal.why.buf, why);
	assert_int_equal(out.len, 0);
}

/* Only the data is other; the comment and the columns stay. */
static void test_data(void **state)
{
	(void)state;
	check(SOA5 NS "a 60 A 1.1.1.1\n", SOA6 NS "a  60\tIN A\t1.1.1.2 ; web\n",
		"@@ -1,3 +1,3 @@\n-@ 300 SOA ns h 6 2 3 4 500\n+@ 300 SOA ns h 7 2 3 4 500\n"
		" @ 300 NS ns\n-a  60\tIN A\t1.1.1.2 ; web\n+a  60\tIN A\t1.1.1.1 ; web\n");
}

static void test_soa_over_lines(void **state)
{
	(void)state;
	check("@ 300 SOA ns h 5 2 3 4 500\n" NS "a 60 A 1.1.1.1\n",
		"@ 300 SOA ns h ( ; start\n\t6 ; serial\n\t2 3 4 500 )\n" NS "b 60 A 1.1.1.1\n",
		"@@ -1,5 +1,5 @@\n @ 300 SOA ns h ( ; start\n-\t6 ; serial\n+\t7 ; serial\n"
		" \t2 3 4 500 )\n @ 300 NS ns\n-b 60 A 1.1.1.1\n+a.example. 60 IN A 1.1.1.1\n");
}

/* A line that goes leaves its name to the next one. */
static void test_heirs(void **state)
{
	(void)state;
	check(SOA5 NS "a 60 A 1.1.1.1\n", SOA6 NS "a 60 TXT x\n   60 A 1.1.1.1\n",
		"@@ -1,4 +1,3 @@\n-@ 300 SOA ns h 6 2 3 4 500\n+@ 300 SOA ns h 7 2 3 4 500\n"
		" @ 300 NS ns\n-a 60 TXT x\n-   60 A 1.1.1.1\n+a  60 A 1.1.1.1\n");
}

static void test_ttl(void **state)
{
	(void)state;
	check("$TTL 60\n" SOA5 NS "a A 1.1.1.1\nb A 1.1.1.1\n",
		"$TTL 60\n" SOA6 NS "a 61 A 1.1.1.1\nb IN A 1.1.1.1\n",
		"@@ -1,5 +1,5 @@\n $TTL 60\n-@ 300 SOA ns h 6 2 3 4 500\n"
		"+@ 300 SOA ns h 7 2 3 4 500\n @ 300 NS ns\n-a 61 A 1.1.1.1\n+a 60 A 1.1.1.1\n"
		" b IN A 1.1.1.1\n");
	check(SOA5 NS "a 61 A 1.1.1.1\n", "$TTL 60\n" SOA6 NS "a IN A 1.1.1.1\n",
		"@@ -1,4 +1,4 @@\n $TTL 60\n-@ 300 SOA ns h 6 2 3 4 500\n"
		"+@ 300 SOA ns h 7 2 3 4 500\n @ 300 NS ns\n-a IN A 1.1.1.1\n"
		"+a IN 61 A 1.1.1.1\n");
}

/* Parentheses, of which what is inside is replaced; a last line without an end; lines ended as on other systems. */
static void test_layouts(void **state)
{
	(void)state;
	check(SOA5 NS "a 60 TXT x y\n", SOA6 NS "a 60 TXT ( \"v\"\n\t\"w)\" ) ; end",
		"@@ -1,4 +1,3 @@\n-@ 300 SOA ns h 6 2 3 4 500\n+@ 300 SOA ns h 7 2 3 4 500\n"
		" @ 300 NS ns\n-a 60 TXT ( \"v\"\n-\t\"w)\" ) ; end\n\\ No newline at end of file\n"
		"+a 60 TXT \"x\" \"y\" ; end\n\\ No newline at end of file\n");
	check(SOA5 NS "a 60 A 1.1.1.1\n", SOA6 NS "b 60 A 1.1.1.1\nc 60 A 1.1.1.1",
		"@@ -1,4 +1,3 @@\n-@ 300 SOA ns h 6 2 3 4 500\n+@ 300 SOA ns h 7 2 3 4 500\n"
		" @ 300 NS ns\n-b 60 A 1.1.1.1\n-c 60 A 1.1.1.1\n\\ No newline at end of file\n"
		"+a.example. 60 IN A 1.1.1.1\n");
}

static void test_crlf(void **state)
{
	(void)state;
	check(SOA5 NS "a 60 A 1.1.1.1\n",
		"@ 300 SOA ns h 6 2 3 4 500\r\n@ 300 NS ns\r\nb 60 A 1.1.1.1\r\n",
		"@@ -1,3 +1,3 @@\n-@ 300 SOA ns h 6 2 3 4 500\r\n+@ 300 SOA ns h 7 2 3 4 500\r\n"
		" @ 300 NS ns\r\n-b 60 A 1.1.1.1\r\n+a.example. 60 IN A 1.1.1.1\r\n");
}

/* Two changes far from each other, and the context between. */
static void test_hunks(void **state)
{
	static const char many[] =
		"n1 60 A 1.1.1.1\nn2 60 A 1.1.1.1\nn3 60 A 1.1.1.1\nn4 60 A 1.1.1.1\n"
		"n5 60 A 1.1.1.1\nn6 60 A 1.1.1.1\nn7 60 A 1.1.1.1\n";
	_zw_free_ char *before = zw_asprintf(SOA5 NS "%sz 60 A 1.1.1.1\n", many);
	_zw_free_ char *after = zw_asprintf(SOA6 NS "%sz 60 A 1.1.1.2\n", many);

	(void)state;
	check(before, after,
		"@@ -1,4 +1,4 @@\n-@ 300 SOA ns h 6 2 3 4 500\n+@ 300 SOA ns h 7 2 3 4 500\n"
		" @ 300 NS ns\n n1 60 A 1.1.1.1\n n2 60 A 1.1.1.1\n"
		"@@ -7,4 +7,4 @@\n n5 60 A 1.1.1.1\n n6 60 A 1.1.1.1\n n7 60 A 1.1.1.1\n"
		"-z 60 A 1.1.1.2\n+z 60 A 1.1.1.1\n");
}

static void test_refused(void **state)
{
	static const struct test_file files[] = {{"inc", "a 60 A 1.1.1.2\n"}, {}};

	(void)state;
	check_refused(SOA5 NS "a 60 A 1.1.1.1\n", SOA6 NS "$INCLUDE inc\n", files, -EOPNOTSUPP,
		"a.example. A is in a file that is included");
	check_refused(SOA5 NS, SOA6 NS "$GENERATE 1-2 a 60 A 1.1.1.$\n", NULL, -EOPNOTSUPP,
		"a.example. A has no line of its own in the zone file");
	/* The next line has its TTL from the one that would go. */
	check_refused(SOA5 NS "a 60 A 1.1.1.1\n", SOA6 NS "b 60 A 1.1.1.1\na A 1.1.1.1\n", NULL,
		-EOPNOTSUPP, "the zone file is written so that editing these lines changes others");
}

static void test_other_file(void **state)
{
	_zw_snapshot_ struct zw_snapshot *a = test_load(SOA5 NS "a 60 A 1.1.1.1\n", NULL);
	_zw_snapshot_ struct zw_snapshot *b = test_load(SOA6 NS "a 60 A 1.1.1.2\n", NULL);
	static const char file[] = SOA5 NS "a 60 A 1.1.1.1\n", binary[] = "\0\0\0\2\0\0\0\1";
	_zw_revert_refusal_ struct zw_revert_refusal refusal = {};
	_zw_revert_free_ struct zw_revert *v = NULL;
	struct zw_zone_input in = test_input(file, strlen(file), NULL);
	struct zw_revert_input input = {.present = b};
	_zw_diff_ struct zw_diff *diff = NULL;
	_zw_str_ struct zw_str out = {};

	(void)state;
	assert_int_equal(zw_diff_new(a, b, &diff), 0);
	input.change = diff;
	assert_int_equal(zw_revert_new(&input, &v, &refusal), 0);
	assert_int_equal(zw_revert_to_patch(v, &in, "db", &heading, &out, &refusal), -ESTALE);
	assert_string_equal(
		refusal.why.buf, "a.example. A is not in the zone file as the change left it");
	zw_str_free(&refusal.why);
	in.data = binary;
	in.len = sizeof(binary) - 1;
	assert_int_equal(zw_revert_to_patch(v, &in, "db", &heading, &out, &refusal), -EOPNOTSUPP);
	zw_str_free(&refusal.why);
	in.data = "@ 300 SOA";
	in.len = 9;
	assert_int_equal(zw_revert_to_patch(v, &in, "db", &heading, &out, &refusal), -EBADMSG);
}

/* --- at random --------------------------------------------------------------------------------------- */

/* As patch(1): the lines of @text with @diff, which begins at its first hunk. */
static char *apply(const char *text, const char *diff)
{
	struct zw_str out = {};
	const char *p = text;
	size_t line = 1;
	char *done;

	while (*diff) {
		size_t at, old, n, added;

		assert_int_equal(sscanf(diff, "@@ -%zu,%zu +%zu,%zu @@", &at, &old, &n, &added), 4);
		diff = strchr(diff, '\n') + 1;
		for (; line < at + !old; line++) {
			n = strcspn(p, "\n") + 1;
			zw_str_add_len(&out, p, n);
			p += n;
		}
		while (*diff && *diff != '@') {
			bool end = false;

			n = strcspn(diff, "\n");
			if (diff[n + 1] == '\\')
				end = true;
			if (*diff != '+') {
				assert_memory_equal(p, diff + 1, n - 1);
				assert_int_equal(p[n - 1] == '\n', !end);
				p += n - end;
				line++;
			}
			if (*diff != '-')
				zw_str_add_len(&out, diff + 1, n - end);
			diff += n + 1;
			if (end)
				diff += strcspn(diff, "\n") + 1;
		}
	}
	zw_str_add(&out, p);
	assert_int_equal(zw_str_done(&out, &done), 0);
	return done;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* A zone file in some layout: names that are inherited, comments, lines that go on. */
static void random_file(struct zw_str *s, uint32_t serial, uint32_t *seed, uint32_t mask)
{
	static const char *const names[] = {"a", "b.c", "*", "d\\.e", "f"};
	static const char *const ttls[] = {"", "60 ", "IN 61 ", "61 IN ", "1m "};

	zw_str_addf(
		s, "; head\n$TTL 60\n@ SOA ns h (\n  %u ; serial\n  2 3 4 5 )\n  NS ns\n", serial);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(names); i++) {
		uint32_t own = mask >> i & 1 ? next_random(seed) : 77777u * (uint32_t)(i + 3);
		bool named = false;

		for (unsigned int bit = 0; bit < 6; bit++) {
			if (!(own >> bit & 1))
				continue;
			zw_str_addf(s, "%s\t%s", named ? "" : names[i],
				ttls[(own >> 8 >> bit / 3) % 5]);
			named = true;
			if (bit < 3)
				zw_str_addf(s, "A 192.0.2.%u ; c%u\n", bit, bit);
			else
				zw_str_addf(s, "TXT ( \"t%u\"\n\t\";\" )\n", bit);
		}
		zw_str_add(s, own & 64 ? "\n; between\n" : "");
	}
	if (mask & 32)
		s->len--;
	if (!s->failed)
		s->buf[s->len] = '\0';
}

static void test_random(void **state)
{
	uint32_t seed = 4711;
	size_t made = 0;

	(void)state;
	for (unsigned int round = 0; round < 2000; round++) {
		_zw_revert_refusal_ struct zw_revert_refusal refusal = {};
		_zw_snapshot_ struct zw_snapshot *target = NULL, *result = NULL, *a = NULL,
						 *b = NULL;
		_zw_str_ struct zw_str before = {}, after = {}, out = {};
		_zw_free_ char *text = NULL;
		int r;

		random_file(&before, 5, &seed, next_random(&seed) & 0x1f);
		random_file(&after, 6, &seed, next_random(&seed) & 0x3f);
		a = test_load(before.buf, NULL);
		b = test_load(after.buf, NULL);
		if (zw_snapshot_count(a) == zw_snapshot_count(b))
			continue;
		r = make(before.buf, after.buf, NULL, &out, &refusal, &target);
		if (r == -EOPNOTSUPP)
			continue;
		assert_int_equal(r, 0);
		text = apply(after.buf, strstr(out.buf, "@@"));
		result = test_load(text, NULL);
		assert_true(zw_snapshot_equal(result, target));
		assert_non_null(strstr(text, "; head\n"));
		made++;
	}
	assert_true(made > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_soa_over_lines),
		cmocka_unit_test(test_heirs),
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_crlf),
		cmocka_unit_test(test_hunks),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_other_file),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
