/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit/zone_support.h"

#include "dns/rrtext.h"

struct given {
	struct zw_rrtext *text;
	struct zw_builder *builder;
	struct zw_zone_error error;
};

static int setup(void **state)
{
	struct given *g = calloc(1, sizeof(*g));
	uint8_t origin[ZW_NAME_MAX];

	assert_non_null(g);
	assert_int_equal(zw_name_from_text("Example.", origin, NULL), 0);
	zw_name_lower(origin, zw_name_len(origin));
	assert_int_equal(zw_builder_new(&test_key, origin, NULL, &g->builder), 0);
	assert_int_equal(zw_rrtext_new(origin, zw_builder_add_fn, g->builder, &g->text), 0);
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	struct given *g = *state;

	zw_rrtext_free(g->text);
	zw_builder_free(g->builder);
	free(g);
	return 0;
}

static int add(struct given *g, const char *owner, uint16_t type, const char *data)
{
	return zw_rrtext_add(g->text, owner, 60, type, data, &g->error);
}

static void expect(struct given *g, const char *want)
{
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	_zw_free_ char *dump = NULL;

	assert_int_equal(zw_builder_finish(g->builder, &s), 0);
	dump = test_dump(s);
	assert_string_equal(dump, want);
}

static void test_forms(void **state)
{
	struct given *g = *state;

	/* As PowerDNS stores it, without final dots, and as Knot prints it. */
	assert_int_equal(add(g, "example", ZW_TYPE_SOA, "NS.example h.example 1 2 3 4 5"), 0);
	assert_int_equal(add(g, "Mail.Example.", ZW_TYPE_MX, "10 mx.example."), 0);
	assert_int_equal(add(g, "www.example", ZW_TYPE_A, "192.0.2.1"), 0);
	assert_int_equal(add(g, "www.example", ZW_TYPE_AAAA, "2001:db8::1"), 0);
	assert_int_equal(add(g, "x.example", 65280, "\\# 2 00ff"), 0);
	assert_int_equal(add(g, "x.example", 99, "\"v=spf1; (a) @\""), 0);
	assert_int_equal(add(g, "a\\.b.example", ZW_TYPE_TXT, "\"a\\\"b\" \"\\0101\""), 0);
	assert_int_equal(add(g, "alias.example", 65401, "other.test"), 0);
	assert_int_equal(add(g, "lua.example", 65402, "A \"ifportup(443, {'192.0.2.1'})\""), 0);
	assert_int_equal(zw_rrtext_end(g->text, &g->error), 0);
	expect(g, "example. 60 SOA ns.example. h.example. 1 2 3 4 5\n"
		  "a\\.b.example. 60 TXT \"a\\\"b\" \"\\0101\"\n"
		  "alias.example. 60 ALIAS other.test.\n"
		  "lua.example. 60 LUA \"A\" \"ifportup(443, {'192.0.2.1'})\"\n"
		  "mail.example. 60 MX 10 mx.example.\n"
		  "www.example. 60 A 192.0.2.1\n"
		  "www.example. 60 AAAA 2001:db8::1\n"
		  "x.example. 60 SPF \"v=spf1; (a) @\"\n"
		  "x.example. 60 TYPE65280 \\# 2 00FF\n");
}

/* What has a meaning in master files only. */
static void test_no_syntax(void **state)
{
	struct given *g = *state;

	assert_int_equal(add(g, "example", ZW_TYPE_SOA, "ns h 1 2 3 4 5"), 0);
	assert_int_equal(add(g, "c.example", ZW_TYPE_CNAME, "odd;name(1)@x\tb"), -EBADMSG);
	assert_int_equal(add(g, "c.example", ZW_TYPE_CNAME, "odd;name(1)@x!y.example"), 0);
	assert_int_equal(add(g, "t.example", ZW_TYPE_TXT, "\"one\nevil IN A 192.0.2.66\n\""), 0);
	assert_int_equal(add(g, "u.example", ZW_TYPE_TXT, "plain;(text)"), 0);
	assert_int_equal(add(g, "$ORIGIN.example", ZW_TYPE_A, "192.0.2.1"), 0);
	expect(g, "example. 60 SOA ns. h. 1 2 3 4 5\n"
		  "\\$origin.example. 60 A 192.0.2.1\n"
		  "c.example. 60 CNAME odd\\;name\\(1\\)\\@x\\!y.example.\n"
		  "t.example. 60 TXT \"one\\010evil IN A 192.0.2.66\\010\"\n"
		  "u.example. 60 TXT \"plain;(text)\"\n");
}

/* One that is refused leaves nothing behind. */
static void test_refused(void **state)
{
	static const struct {
		const char *owner;
		uint16_t type;
		const char *data;
		enum zw_zone_errkind kind;
	} cases[] = {
		{"www.example", ZW_TYPE_A, "192.0.2", ZW_ZERR_SYNTAX},
		{"www.example", ZW_TYPE_A, "", ZW_ZERR_SYNTAX},
		{"www.example", ZW_TYPE_A, "192.0.2.1 192.0.2.2", ZW_ZERR_SYNTAX},
		{"www.example", ZW_TYPE_A, "192.0.2.1\nb IN A 192.0.2.2", ZW_ZERR_SYNTAX},
		{"www.example", ZW_TYPE_A, "(192.0.2.1", ZW_ZERR_SYNTAX},
		{"www.example", ZW_TYPE_TXT, "\"open", ZW_ZERR_SYNTAX},
		{"www.example", ZW_TYPE_TXT, "\"open\\", ZW_ZERR_SYNTAX},
		{"www..example", ZW_TYPE_A, "192.0.2.1", ZW_ZERR_SYNTAX},
		{"", ZW_TYPE_A, "192.0.2.1", ZW_ZERR_SYNTAX},
		{"www.test", ZW_TYPE_A, "192.0.2.1", ZW_ZERR_OUT_OF_ZONE},
		{"www.example", 252, "x", ZW_ZERR_TYPE},
		{"www.example", ZW_TYPE_SOA, "ns h 1 2 3 4 5", ZW_ZERR_SOA_OWNER},
	};
	struct given *g = *state;

	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		g->error = (struct zw_zone_error){};
		assert_int_equal(add(g, cases[i].owner, cases[i].type, cases[i].data), -EBADMSG);
		assert_int_equal(g->error.kind, cases[i].kind);
		assert_int_equal(add(g, "w.example", ZW_TYPE_A, "192.0.2.1"), 0);
	}
	assert_int_equal(zw_rrtext_end(g->text, &g->error), -EBADMSG);
	assert_int_equal(g->error.kind, ZW_ZERR_NO_SOA);
	assert_int_equal(zw_rrtext_add(g->text, "example", UINT32_MAX, ZW_TYPE_SOA,
				 "ns h 1 2 3 4 5", &g->error),
		0);
	assert_int_equal(zw_rrtext_end(g->text, &g->error), 0);
	expect(g, "example. 0 SOA ns. h. 1 2 3 4 5\nw.example. 60 A 192.0.2.1\n");
}

/* A key in one string of 600 octets is three strings, as PowerDNS answers it. */
static void test_long_string(void **state)
{
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	struct given *g = *state;
	char text[1024] = "\"";
	struct zw_rrset set;
	const uint8_t *rdata;
	uint8_t owner[ZW_NAME_MAX];
	uint16_t len;

	for (int i = 0; i < 598; i++)
		strcat(text, "k");
	strcat(text, "\\255\\\"\"");
	assert_int_equal(add(g, "key.example", ZW_TYPE_TXT, text), 0);
	assert_int_equal(add(g, "caa.example", ZW_TYPE_CAA, "0 issue \"ca.test; a=b\""), 0);
	assert_int_equal(zw_builder_finish(g->builder, &s), 0);
	assert_int_equal(zw_name_from_text("key.example.", owner, NULL), 0);
	assert_true(zw_snapshot_lookup(s, owner, ZW_TYPE_TXT, &set));
	rdata = zw_rrset_rdata(&set, 0, &len);
	assert_int_equal(len, 603);
	assert_int_equal(rdata[0], 255);
	assert_int_equal(rdata[256], 255);
	assert_int_equal(rdata[512], 90);
	assert_int_equal(rdata[601], 255);
	assert_int_equal(rdata[602], '"');
}

static int stop(void *ctx, const struct zw_record *record)
{
	(void)ctx;
	(void)record;
	return -EPIPE;
}

static void test_callback_error(void **state)
{
	_zw_rrtext_ struct zw_rrtext *t = NULL;

	(void)state;
	assert_int_equal(zw_rrtext_new((const uint8_t *)"", stop, NULL, &t), 0);
	assert_int_equal(zw_rrtext_add(t, "a", 1, ZW_TYPE_A, "192.0.2.1", NULL), -EPIPE);
	assert_int_equal(zw_rrtext_add(t, "a", 1, ZW_TYPE_A, "x", NULL), -EBADMSG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_forms),
		TEST(test_no_syntax),
		TEST(test_refused),
		TEST(test_long_string),
		cmocka_unit_test(test_callback_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
