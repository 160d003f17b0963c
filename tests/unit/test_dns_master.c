/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Master files. What BIND 9.18 makes of the accepted ones was compared with named-compilezone. */
#include "unit/zone_support.h"

struct good {
	const char *what;
	const char *text; /* after SOA_LINE */
	const char *dump; /* without the SOA */
};

#define E "example. "

static const struct good good[] = {
	{"relative names, inherited owner, class and TTL in either order",
		"a 5 IN A 1.1.1.1\n IN 6 TXT x\nb.example. AAAA ::1\n",
		"a." E "5 A 1.1.1.1\na." E "6 TXT \"x\"\nb." E "6 AAAA ::1\n"},
	{"owners are folded, rdata names of the listed types too",
		"A.B 5 NS NS.Host\na.b 5 SRV 1 2 3 T.X\na.b 5 TXT Case\na.b 5 NSEC N.X. A\n",
		"a.b." E "5 NS ns.host.example.\na.b." E "5 TXT \"Case\"\na.b." E
		"5 SRV 1 2 3 t.x.example.\na.b." E "5 NSEC N.X. A\n"},
	{"parentheses, comments, tabs, blank lines",
		"\n; c\na\t5 A ( ; x\n 1.1.1.1\n) ; y\n\nb 5 MX (10\n\n m )\n",
		"a." E "5 A 1.1.1.1\nb." E "5 MX 10 m.example.\n"},
	{"escapes", "a\\.b 5 TXT \"q\\\"\\;\\009\" \\065\n\\097 5 A 1.1.1.1\n",
		"a." E "5 A 1.1.1.1\na\\.b." E "5 TXT \"q\\\";\\009\" \"A\"\n"},
	{"generic types and data", "a 5 TYPE1 \\# 4 01020304\na 5 TYPE65280 \\# 2 ( ab\n cd )\n",
		"a." E "5 A 1.2.3.4\na." E "5 TYPE65280 \\# 2 ABCD\n"},
	{"types libzscanner does not know",
		"a 5 MB M\na 5 X25 311\na DLV 1 8 1 AABB\na SIG A 8 2 3600 20260101000000 "
		"20250101000000 1 E. AAAA\n",
		"a." E "5 MB m.example.\na." E "5 X25 \"311\"\na." E
		"5 SIG A 8 2 3600 20260101000000 20250101000000 1 e. AAAA\na." E
		"5 DLV 1 8 1 AABB\n"},
	{"$TTL with units, $ORIGIN, @",
		"$TTL 1h30m\na A 1.1.1.1\n$ORIGIN sub.example.\n@ A 1.1.1.1\n$TTL 7\nb A 1.1.1.1\n",
		"a." E "5400 A 1.1.1.1\nsub." E "5400 A 1.1.1.1\nb.sub." E "7 A 1.1.1.1\n"},
	{"relative $ORIGIN", "$ORIGIN a\n$ORIGIN b\nx 5 A 1.1.1.1\n$ORIGIN @\ny 5 A 1.1.1.1\n",
		"x.b.a." E "5 A 1.1.1.1\ny.b.a." E "5 A 1.1.1.1\n"},
	{"no newline at the end", "a 5 A 1.1.1.1", "a." E "5 A 1.1.1.1\n"},
	{"CRLF", "a 5 A (\r\n 1.1.1.1 )\r\nb 5 TXT \"x\"\r\n",
		"a." E "5 A 1.1.1.1\nb." E "5 TXT \"x\"\n"},
	{"8-bit text and names",
		"caf\303\251 5 TXT \"caf\303\251\" \303\251\na 5 CNAME caf\303\251.x\n",
		"a." E "5 CNAME caf\\195\\169.x.example.\ncaf\\195\\169." E
		"5 TXT \"caf\\195\\169\" \"\\195\\169\"\n"},
	{"unusual characters in names", "a+b!# 5 A 1.1.1.1\nc 5 MX 10 d+e\n",
		"a+b!#." E "5 A 1.1.1.1\nc." E "5 MX 10 d\\+e.example.\n"},
	{"CLASS1 is IN", "a CLASS1 5 A 1.1.1.1\nb CLASS1 5 NS c+d\n",
		"a." E "5 A 1.1.1.1\nb." E "5 NS c\\+d.example.\n"},
	{"TTL over 2^31-1 counts as 0", "a 2147483648 A 1.1.1.1\nb 2147483647 A 1.1.1.1\n",
		"a." E "0 A 1.1.1.1\nb." E "2147483647 A 1.1.1.1\n"},
	{"the same SOA again", "@ 9 SOA NS h 1 2 3 4 500\na 5 A 1.1.1.1\n", "a." E "5 A 1.1.1.1\n"},
	{"duplicates, and TTLs that differ in an RRset",
		"a 5 A 1.1.1.2\na 6 A 1.1.1.1\nA 7 A 1.1.1.2\n",
		"a." E "5 A 1.1.1.1\na." E "5 A 1.1.1.2\n"},
	{"signatures keep their own TTLs",
		"a 5 RRSIG A 8 2 3600 20260101000000 20250101000000 1 e. AAAA\n"
		"a 6 RRSIG MX 8 2 3600 20260101000000 20250101000000 1 e. AAAA\n",
		"a." E "5 RRSIG A 8 2 3600 20260101000000 20250101000000 1 e. AAAA\n"
		"a." E "6 RRSIG MX 8 2 3600 20260101000000 20250101000000 1 e. AAAA\n"},
	{"$GENERATE with an offset, TTL and class",
		"b 5 A 1.1.1.1\n$GENERATE 1-2 a${-5} 10 IN A 1.1.1.$ ; c\n 6 TXT x\n",
		"a-3." E "10 A 1.1.1.2\na-4." E "10 A 1.1.1.1\nb." E "5 A 1.1.1.1\nb." E
		"6 TXT \"x\"\n"},
	{"$GENERATE with widths, bases and steps",
		"$ORIGIN s\n$generate 8-16/8 ${0,3,x}.${10,2,o}.${1,0,X} 5 A 1.1.1.1\n",
		"010.32.11.s." E "5 A 1.1.1.1\n008.22.9.s." E "5 A 1.1.1.1\n"},
	{"$GENERATE of nibbles",
		"$GENERATE 1-1 ${0,5,n} 5 A 1.1.1.1\n$GENERATE 171-171 ${0,0,N} 5 A 1.1.1.1\n",
		"1.0.0." E "5 A 1.1.1.1\nb.a." E "5 A 1.1.1.1\n"},
	{"$GENERATE of quoted data and dollar signs",
		"$GENERATE 1-1 a$ 5 MX \"10 m$\"\n$GENERATE 1-1 \\$b$ 5 TXT $$x\n",
		"\\$b1." E "5 TXT \"$x\"\na1." E "5 MX 10 m1.example.\n"},
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(good); i++) {
		_zw_free_ char *text = zw_asprintf("%s%s", SOA_LINE, good[i].text), *dump = NULL;
		_zw_snapshot_ struct zw_snapshot *s = NULL;
		char *soa, *end;

		s = test_load(text, NULL);
		dump = test_dump(s);
		soa = strstr(dump, "example. 300 SOA");
		assert_non_null(soa);
		end = strchr(soa, '\n') + 1;
		memmove(soa, end, strlen(end) + 1);
		if (strcmp(dump, good[i].dump) != 0)
			print_error("%s\n", good[i].what);
		assert_string_equal(dump, good[i].dump);
	}
}

static void test_ttl_rules(void **state)
{
	static const struct {
		enum zw_ttl_rule rule;
		const char *text, *dump;
	} cases[] = {
		{ZW_TTL_RFC1035, "@ SOA n h 1 2 3 4 500\na A 1.1.1.1\nb 7 A 1.1.1.1\nc A 1.1.1.1\n",
			E "500 SOA n.example. h.example. 1 2 3 4 500\na." E "500 A 1.1.1.1\nb." E
			  "7 A 1.1.1.1\nc." E "500 A 1.1.1.1\n"},
		{ZW_TTL_RFC1035,
			"@ 3 SOA n h 1 2 3 4 500\na A 1.1.1.1\nb 7 A 1.1.1.1\nc A 1.1.1.1\n",
			E "3 SOA n.example. h.example. 1 2 3 4 500\na." E "3 A 1.1.1.1\nb." E
			  "7 A 1.1.1.1\nc." E "7 A 1.1.1.1\n"},
		{ZW_TTL_FIXED, "@ SOA n h 1 2 3 4 500\na 7 A 1.1.1.1\nb A 1.1.1.1\n",
			E "3600 SOA n.example. h.example. 1 2 3 4 500\na." E "7 A 1.1.1.1\nb." E
			  "3600 A 1.1.1.1\n"},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		struct zw_zone_input in = test_input(cases[i].text, strlen(cases[i].text), NULL);
		_zw_snapshot_ struct zw_snapshot *s = NULL;
		_zw_free_ char *dump = NULL;

		in.master.ttl_rule = cases[i].rule;
		in.master.default_ttl = 3600;
		assert_int_equal(zw_zone_load(&in, NULL, &s, NULL), 0);
		dump = test_dump(s);
		assert_string_equal(dump, cases[i].dump);
	}
}

static void test_includes(void **state)
{
	static const struct test_file files[] = {
		{"sub/inc", " TXT first-of-inc\n$TTL 77\nx A 9.9.9.9\n$ORIGIN deep\ny A 9.9.9.9\n"},
		{"/abs", "z A 9.9.9.8\n$INCLUDE \"sub/inc\" w\n"},
		{},
	};
	static const char text[] = SOA_LINE "a 10 A 1.1.1.1\n$INCLUDE sub/inc s\n A 1.1.1.2\n"
					    "b A 1.1.1.1\n$INCLUDE /abs\nc A 1.1.1.1";
	_zw_snapshot_ struct zw_snapshot *s = test_load_bytes(text, sizeof(text) - 1, files, NULL);
	_zw_free_ char *dump = test_dump(s);

	(void)state;
	assert_string_equal(dump,
		E "300 SOA ns.example. h.example. 1 2 3 4 500\n"
		  "a." E "10 A 1.1.1.1\na." E "10 A 1.1.1.2\na." E "10 TXT \"first-of-inc\"\n"
		  "b." E "77 A 1.1.1.1\nc." E "77 A 1.1.1.1\n"
		  "y.deep.s." E "77 A 9.9.9.9\nx.s." E "77 A 9.9.9.9\n"
		  "y.deep.w." E "77 A 9.9.9.9\nx.w." E "77 A 9.9.9.9\n"
		  "z." E "77 A 9.9.9.8\nz." E "77 TXT \"first-of-inc\"\n");
}

struct bad {
	const char *text; /* after SOA_LINE */
	enum zw_zone_errkind kind;
	uint32_t file;
	uint64_t line;
};

static const struct test_file bad_files[] = {
	{"loop", "$INCLUDE loop\n"},
	{"ping", "\n$INCLUDE pong\n"},
	{"pong", "\n\n$INCLUDE ping\n"},
	{"broken", "x 5 A 1.1.1.1\nx 5 A 1.1.1\n"},
	{},
};

static const struct bad bad[] = {
	{"a 5 A 1.1.1\n", ZW_ZERR_SYNTAX, 0, 2},
	{"a 5 A 1.1.1.1 x\n", ZW_ZERR_SYNTAX, 0, 2},
	{"\n\na 5 A\n", ZW_ZERR_SYNTAX, 0, 4},
	{"a 5 NOTATYPE x\n", ZW_ZERR_SYNTAX, 0, 2},
	{"a 5 TXT \"x\nb 5 A 1.1.1.1\n", ZW_ZERR_SYNTAX, 0, 2},
	{"a 5 A )\n", ZW_ZERR_SYNTAX, 0, 2},
	{"caf\303\251 5 A 1.1.1\n", ZW_ZERR_SYNTAX, 0, 2},
	{"$FOO x\n", ZW_ZERR_SYNTAX, 0, 2},
	{"$TTL x\n", ZW_ZERR_SYNTAX, 0, 2},
	{"a 5 A 1.1.1.1\nb 5 A 1.1", ZW_ZERR_TRUNCATED, 0, 3},
	{"a 5 TXT \"x", ZW_ZERR_TRUNCATED, 0, 2},
	{"a 5 MX ( 10\n", ZW_ZERR_TRUNCATED, 0, 3},
	{"a.other. 5 A 1.1.1.1\n", ZW_ZERR_OUT_OF_ZONE, 0, 2},
	{"badexample. 5 A 1.1.1.1\n", ZW_ZERR_OUT_OF_ZONE, 0, 2},
	{"a 5 CH A 1.1.1.1\n", ZW_ZERR_CLASS, 0, 2},
	{"a CLASS3 5 A 1.1.1.1\n", ZW_ZERR_CLASS, 0, 2},
	{"a 5 TYPE252 \\# 0\n", ZW_ZERR_TYPE, 0, 2},
	{"@ SOA ns h 2 2 3 4 500\n", ZW_ZERR_TWO_SOA, 0, 2},
	{"a SOA ns h 1 2 3 4 500\n", ZW_ZERR_SOA_OWNER, 0, 2},
	{"\n$INCLUDE missing\n", ZW_ZERR_INCLUDE, 0, 3},
	{"$INCLUDE loop\n", ZW_ZERR_INCLUDE_LOOP, 1, 1},
	{"$INCLUDE ping\n", ZW_ZERR_INCLUDE_LOOP, 2, 3},
	{"\n\n$INCLUDE broken\n", ZW_ZERR_SYNTAX, 1, 2},
	{"$INCLUDE broken relative\n", ZW_ZERR_SYNTAX, 1, 2},
	{"$GENERATE 1 a$ 5 A 1.1.1.1\n", ZW_ZERR_GENERATE, 0, 2},
	{"$GENERATE 2-1 a$ 5 A 1.1.1.1\n", ZW_ZERR_GENERATE, 0, 2},
	{"$GENERATE 1-2/0 a$ 5 A 1.1.1.1\n", ZW_ZERR_GENERATE, 0, 2},
	{"$GENERATE 0-65536 a$ 5 A 1.1.1.1\n", ZW_ZERR_GENERATE, 0, 2},
	{"$GENERATE 1-99999999999 a$ 5 A 1.1.1.1\n", ZW_ZERR_GENERATE, 0, 2},
	{"$GENERATE 1-2 a${0,300} 5 A 1.1.1.1\n", ZW_ZERR_GENERATE, 0, 2},
	{"$GENERATE 1-2 a${0,3 5 A 1.1.1.1\n", ZW_ZERR_GENERATE, 0, 2},
	{"$GENERATE 1-2 a$ 5 A\n", ZW_ZERR_GENERATE, 0, 2},
	{"$GENERATE 1-2 a$ 5 MX 10 m$\n", ZW_ZERR_GENERATE, 0, 2},
	{"$GENERATE 1-2 a$ 5 A 1.1.$\n", ZW_ZERR_SYNTAX, 0, 2},
};

static void check_bad(const char *text, size_t len, const struct bad *want)
{
	struct zw_zone_input in = test_input(text, len, bad_files);
	struct zw_zone_error error = {};
	struct zw_snapshot *s = NULL;

	assert_int_equal(zw_zone_load(&in, NULL, &s, &error), -EBADMSG);
	assert_null(s);
	if (error.kind != want->kind || error.line != want->line)
		print_error(
			"%s: line %llu: %s\n", text, (unsigned long long)error.line, error.reason);
	assert_int_equal(error.kind, want->kind);
	assert_int_equal(error.file, want->file);
	assert_int_equal(error.line, want->line);
	assert_true(strlen(error.reason) > 5);
	for (const char *p = error.reason; *p; p++)
		assert_true(*p >= 0x20 && *p < 0x7f);
}

static void test_bad(void **state)
{
	static const struct bad empty = {"", ZW_ZERR_EMPTY, 0, 0},
				no_soa = {"", ZW_ZERR_NO_SOA, 0, 0},
				no_ttl = {"", ZW_ZERR_NO_TTL, 0, 1},
				binary = {"", ZW_ZERR_BINARY, 0, 2},
				map = {"", ZW_ZERR_FORMAT, 0, 0};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(bad); i++) {
		_zw_free_ char *text = zw_asprintf("%s%s", SOA_LINE, bad[i].text);

		check_bad(text, strlen(text), &bad[i]);
	}
	check_bad("", 0, &empty);
	check_bad("\n; nothing\n", 11, &empty);
	check_bad("a 5 A 1.1.1.1\n", 14, &no_soa);
	check_bad("a A 1.1.1.1\n", 12, &no_ttl);
	check_bad(SOA_LINE "\0\n", sizeof(SOA_LINE) + 1, &binary);
	/* A semicolon that is quoted or escaped opens no comment. */
	check_bad(SOA_LINE "a\\;\0\n", sizeof(SOA_LINE) + 4, &binary);
	check_bad(SOA_LINE "a 5 TXT \";\0\"\n", sizeof(SOA_LINE) + 12, &binary);
	check_bad("\0\0\0\3\0\0\0\1\0\0\0\0", 12, &map);
}

/* Includes without a loop: nested one in another, or a binary tree of depth 14 with too many
 * leaves. */
static int include_deep(
	void *ctx, const char *path, uint32_t file, const char **ret_data, size_t *ret_len)
{
	static char text[ZW_MASTER_INCLUDE_TOTAL + 1][48];
	unsigned int width = *(unsigned int *)ctx, n = (unsigned int)strtoul(path, NULL, 10);

	assert_true(file <= ZW_MASTER_INCLUDE_TOTAL);
	if (width == 1)
		snprintf(text[file], sizeof(text[file]), "$INCLUDE %u\n", n + 1);
	else if (n < 1U << 14)
		snprintf(text[file], sizeof(text[file]), "$INCLUDE %u\n$INCLUDE %u\n", n * 2,
			n * 2 + 1);
	else
		strcpy(text[file], "\n");
	*ret_data = text[file];
	*ret_len = strlen(text[file]);
	return 0;
}

static void test_include_bounds(void **state)
{
	static const char text[] = SOA_LINE "$INCLUDE 1\n";

	(void)state;
	for (unsigned int width = 1; width <= 2; width++) {
		struct zw_zone_input in = test_input(text, sizeof(text) - 1, NULL);
		struct zw_zone_error error = {};
		struct zw_snapshot *s = NULL;

		in.master.include = include_deep;
		in.master.include_ctx = &width;
		assert_int_equal(zw_zone_load(&in, NULL, &s, &error), -EBADMSG);
		assert_int_equal(error.kind, ZW_ZERR_INCLUDE_DEPTH);
		if (width == 1)
			assert_int_equal(error.file, ZW_MASTER_INCLUDE_DEPTH);
	}
}

static void test_long_line(void **state)
{
	static const char *const heads[] = {"a 5 TXT ", "", "a 5 A (", "a 5 TXT \"\303\251"};
	size_t len = 10 * 1024 * 1024;
	_zw_free_ char *text = malloc(len + 1);

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(heads); i++) {
		struct zw_zone_input in = test_input(text, len, NULL);
		struct zw_zone_error error = {};
		struct zw_snapshot *s = NULL;
		int n = snprintf(text, len, "%s%s", SOA_LINE, heads[i]);

		memset(text + n, 'x', len - (size_t)n - 1);
		text[len - 1] = '\n';
		assert_int_equal(zw_zone_load(&in, NULL, &s, &error), -EBADMSG);
		assert_int_equal(error.line, 2);
		assert_non_null(strstr(error.reason, "in a line of 10485"));
	}
}

/* Servers pass over whatever a comment holds; a hole punched into one is no damage. */
static void test_nul_in_comment(void **state)
{
	static const char text[] = SOA_LINE "a 5 A 1.1.1.1 ; \0\0\0 end\n;\0\nb 5 A 1.1.1.2\n";
	struct zw_zone_input in = test_input(text, sizeof(text) - 1, NULL);
	struct zw_zone_error error = {};
	struct zw_snapshot *s = NULL;

	(void)state;
	assert_int_equal(zw_zone_load(&in, NULL, &s, &error), 0);
	assert_int_equal(zw_snapshot_count(s), 3);
	zw_snapshot_unref(s);
}

static int stop_at_third(void *ctx, const struct zw_record *record)
{
	assert_int_equal(record->line, ++*(uint64_t *)ctx);
	assert_int_equal(record->klass, ZW_CLASS_IN);
	assert_int_equal(record->file, 0);
	return *(uint64_t *)ctx == 3 ? -ECANCELED : 0;
}

static void test_callback_stops(void **state)
{
	static const char text[] = SOA_LINE "a 5 A 1.1.1.1\nb 5 A 1.1.1.1\nc 5 A 1.1.1.1\n";
	struct zw_zone_input in = test_input(text, sizeof(text) - 1, NULL);
	struct zw_zone_error error = {};
	uint64_t n = 0;

	(void)state;
	assert_int_equal(zw_master_parse(&in.master, in.data, in.len, stop_at_third, &n, &error),
		-ECANCELED);
	assert_int_equal(n, 3);
	assert_int_equal(error.kind, ZW_ZERR_NONE);
}

static void test_generate_16(void **state)
{
	static const char text[] = SOA_LINE "$GENERATE 0-65535 h${0,5} 5 A 10.0.0.1\n";
	_zw_snapshot_ struct zw_snapshot *s = test_load(text, NULL);

	(void)state;
	assert_int_equal(zw_snapshot_count(s), 65537);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_ttl_rules),
		cmocka_unit_test(test_includes),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_include_bounds),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_nul_in_comment),
		cmocka_unit_test(test_callback_stops),
		cmocka_unit_test(test_generate_16),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
