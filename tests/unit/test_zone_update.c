/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 2136 clause by clause. */
#include "unit/update_fixture.h"

#define SOA "@ 300 SOA ns h 5 2 3 4 500\n"
#define ZONE SOA "@ 300 NS ns\nns 300 A 1.1.1.1\n"
/* The same in the form of test_dump(). */
#define SOA_OUT "example. 300 SOA ns.example. h.example. 5 2 3 4 500\n"
#define HEAD_OUT "example. 300 NS ns.example.\n" SOA_OUT
#define NS_OUT "ns.example. 300 A 1.1.1.1\n"

static int check(const char *zone, const char *update)
{
	_zw_snapshot_ struct zw_snapshot *s = test_load(zone, NULL);
	_zw_message_ struct zw_message *m = update_of(update);
	_zw_draft_ struct zw_draft *d = NULL;

	assert_int_equal(zw_draft_new(s, &d), 0);
	return zw_update_check(d, m);
}

static void test_prerequisites(void **state)
{
	static const char zone[] = ZONE "a 60 A 1.1.1.1\na 60 A 1.1.1.2\nb.c 60 TXT x\n";
	static const struct {
		const char *update;
		int rcode;
	} cases[] = {
		{"", ZW_RCODE_NOERROR},
		/* 2.4.1: RRset exists, whatever its value */
		{"? a 0 any A", ZW_RCODE_NOERROR}, {"? A 0 any A", ZW_RCODE_NOERROR},
		{"? a 0 any TXT", ZW_RCODE_NXRRSET}, {"? x 0 any A", ZW_RCODE_NXRRSET},
		/* 2.4.2: RRset exists with this value */
		{"? a 0 in A 1.1.1.1", ZW_RCODE_NXRRSET},
		{"? a 0 in A 1.1.1.1\n? a 0 in A 1.1.1.2", ZW_RCODE_NOERROR},
		{"? a 0 in A 1.1.1.2\n? a 0 in A 1.1.1.1\n? a 0 in A 1.1.1.1", ZW_RCODE_NOERROR},
		{"? a 0 in A 1.1.1.2\n? a 0 in A 1.1.1.2", ZW_RCODE_NXRRSET},
		{"? a 0 in A 1.1.1.1\n? a 0 in A 1.1.1.2\n? a 0 in A 1.1.1.3", ZW_RCODE_NXRRSET},
		{"? a 0 in A 1.1.1.1\n? b.c 0 in TXT x\n? a 0 in A 1.1.1.2", ZW_RCODE_NOERROR},
		{"? a 0 in A 1.1.1.1\n? b.c 0 in TXT y\n? a 0 in A 1.1.1.2", ZW_RCODE_NXRRSET},
		{"? x 0 in A 1.1.1.1", ZW_RCODE_NXRRSET},
		/* 2.4.3: RRset does not exist */
		{"? a 0 none TXT", ZW_RCODE_NOERROR}, {"? x 0 none A", ZW_RCODE_NOERROR},
		{"? a 0 none A", ZW_RCODE_YXRRSET},
		/* 2.4.4: name is in use; an empty non-terminal is not */
		{"? a 0 any ANY", ZW_RCODE_NOERROR}, {"? x 0 any ANY", ZW_RCODE_NXDOMAIN},
		{"? c 0 any ANY", ZW_RCODE_NXDOMAIN},
		/* 2.4.5: name is not in use */
		{"? x 0 none ANY", ZW_RCODE_NOERROR}, {"? c 0 none ANY", ZW_RCODE_NOERROR},
		{"? a 0 none ANY", ZW_RCODE_YXDOMAIN},
		/* 3.2.5 */
		{"? a 1 any A", ZW_RCODE_FORMERR}, {"? a 1 in A 1.1.1.1", ZW_RCODE_FORMERR},
		{"? a.com. 0 any A", ZW_RCODE_NOTZONE}, {"? com. 0 in A 1.1.1.1", ZW_RCODE_NOTZONE},
		{"? a 0 any A 1.1.1.1", ZW_RCODE_FORMERR},
		{"? a 0 none A 1.1.1.1", ZW_RCODE_FORMERR},
		{"? a 0 ch A 1.1.1.1", ZW_RCODE_FORMERR},
		{"? x 0 in A 1.1.1.1\n? x 0 any ANY", ZW_RCODE_NXDOMAIN}, /* values last */
		{"? x 0 any ANY\n? x 0 any A", ZW_RCODE_NXDOMAIN},
		{"? x 0 any ANY\nx.com. 0 any A", ZW_RCODE_NXDOMAIN}, /* before the update */
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		int r = check(zone, cases[i].update);

		if (r != cases[i].rcode)
			print_error("%s\n", cases[i].update);
		assert_int_equal(r, cases[i].rcode);
	}
}

/* Section 3.4.1.3. What fails is not carried out either. */
static void test_prescan(void **state)
{
	static const struct {
		const char *update;
		int rcode;
	} cases[] = {
		{"a 60 in A 1.1.1.1", ZW_RCODE_NOERROR},
		{"a.b.c 60 in A 1.1.1.1", ZW_RCODE_NOERROR},
		{"com. 60 in A 1.1.1.1", ZW_RCODE_NOTZONE},
		{"xexample. 60 in A 1.1.1.1", ZW_RCODE_NOTZONE},
		{"a 0 any A", ZW_RCODE_NOERROR},
		{"a 0 any ANY", ZW_RCODE_NOERROR},
		{"a 1 any A", ZW_RCODE_FORMERR},
		{"a 0 any A 1.1.1.1", ZW_RCODE_FORMERR},
		{"a 0 any AXFR", ZW_RCODE_FORMERR},
		{"a 0 any TYPE253", ZW_RCODE_FORMERR},
		{"a 0 none A 1.1.1.1", ZW_RCODE_NOERROR},
		{"a 1 none A 1.1.1.1", ZW_RCODE_FORMERR},
		{"a 0 none ANY", ZW_RCODE_FORMERR},
		{"a 0 in TYPE200", ZW_RCODE_FORMERR},
		{"a 0 in TYPE300", ZW_RCODE_NOERROR},
		{"a 60 ch A 1.1.1.1", ZW_RCODE_FORMERR},
		{"a 60 in A 1.1.1.1\na 60 ch A 1.1.1.1", ZW_RCODE_FORMERR},
	};
	_zw_snapshot_ struct zw_snapshot *s = test_load(ZONE, NULL);

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_message_ struct zw_message *m = update_of(cases[i].update);
		_zw_snapshot_ struct zw_snapshot *after = NULL;
		int r = check(ZONE, cases[i].update);

		if (r != cases[i].rcode)
			print_error("%s\n", cases[i].update);
		assert_int_equal(r, cases[i].rcode);
		assert_int_equal(zw_update_apply(s, m, &after), r ? -EINVAL : 0);
	}
}

/* Section 3.1. */
static void test_zone_section(void **state)
{
	static const struct {
		const char *zone;
		unsigned int type, klass;
		int rcode;
	} cases[] = {
		{"Example", ZW_TYPE_SOA, ZW_CLASS_IN, ZW_RCODE_NOERROR},
		{"example", ZW_TYPE_NS, ZW_CLASS_IN, ZW_RCODE_FORMERR},
		{"example", ZW_TYPE_SOA, 3, ZW_RCODE_NOTAUTH},
		{"a.example", ZW_TYPE_SOA, ZW_CLASS_IN, ZW_RCODE_NOTAUTH},
		{".", ZW_TYPE_SOA, ZW_CLASS_IN, ZW_RCODE_NOTAUTH},
		{NULL, 0, 0, ZW_RCODE_FORMERR},
	};
	_zw_snapshot_ struct zw_snapshot *s = test_load(ZONE, NULL), *after = NULL;
	_zw_draft_ struct zw_draft *d = NULL;
	struct wire w;

	(void)state;
	assert_int_equal(zw_draft_new(s, &d), 0);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_message_ struct zw_message *m = NULL;
		_zw_snapshot_ struct zw_snapshot *same = NULL;

		begin(&w, 1, FLAGS_UPDATE);
		if (cases[i].zone)
			put_question(&w, cases[i].zone, cases[i].type, cases[i].klass);
		m = parse(&w);
		assert_int_equal(zw_update_check(d, m), cases[i].rcode);
		assert_int_equal(zw_update_apply(s, m, &same), cases[i].rcode ? -EINVAL : 0);
		assert_true(!same || same == s);
	}
	begin(&w, 1, 0);
	put_question(&w, "example", ZW_TYPE_SOA, ZW_CLASS_IN);
	{
		_zw_message_ struct zw_message *m = parse(&w);

		assert_int_equal(zw_update_check(d, m), -EINVAL);
		assert_int_equal(zw_update_apply(s, m, &after), -EINVAL);
	}
}

/* NULL: nothing changes. */
static const struct {
	const char *zone, *update, *after;
} changes[] = {
	/* additions */
	{ZONE, "a 60 in A 1.1.1.1", HEAD_OUT "a.example. 60 A 1.1.1.1\n" NS_OUT},
	{ZONE, "NS 300 in A 1.1.1.2", HEAD_OUT NS_OUT "ns.example. 300 A 1.1.1.2\n"},
	{ZONE, "ns 300 in A 1.1.1.1", NULL},
	{ZONE, "x 1 in A 1.1.1.1\nx 0 none A 1.1.1.1", NULL},
	/* one TTL for an RRset, that of the last one added */
	{ZONE, "ns 60 in A 1.1.1.1", HEAD_OUT "ns.example. 60 A 1.1.1.1\n"},
	{ZONE, "ns 60 in A 1.1.1.2",
		HEAD_OUT "ns.example. 60 A 1.1.1.1\nns.example. 60 A 1.1.1.2\n"},
	{ZONE, "ns 60 in A 1.1.1.2\nns 90 in A 1.1.1.1",
		HEAD_OUT "ns.example. 90 A 1.1.1.1\nns.example. 90 A 1.1.1.2\n"},
	{ZONE, "ns 60 in A 1.1.1.1\nns 300 in A 1.1.1.1", NULL},
	{ZONE, "ns 60 in AAAA ::1", HEAD_OUT NS_OUT "ns.example. 60 AAAA ::1\n"},
	/* deletions */
	{ZONE "a 60 A 1.1.1.1\na 60 A 1.1.1.2\na 60 TXT x\n", "a 0 none A 1.1.1.1",
		HEAD_OUT "a.example. 60 A 1.1.1.2\na.example. 60 TXT \"x\"\n" NS_OUT},
	{ZONE "a 60 A 1.1.1.1\na 60 A 1.1.1.2\na 60 TXT x\n", "a 0 any A",
		HEAD_OUT "a.example. 60 TXT \"x\"\n" NS_OUT},
	{ZONE "a 60 A 1.1.1.1\na 60 TXT x\nb.a 60 TXT x\n", "a 0 any ANY",
		HEAD_OUT "b.a.example. 60 TXT \"x\"\n" NS_OUT},
	{ZONE "a 60 MX 1 Mail\n", "a 0 none MX 1 mAIL", HEAD_OUT NS_OUT},
	{ZONE "a 60 TXT x\n", "a 0 none TXT X", NULL},
	{ZONE, "x 0 any ANY\nns 0 any TXT\nns 0 none A 9.9.9.9", NULL},
	{ZONE, "ns 0 any ANY\nns 300 in A 1.1.1.1", NULL},
	{ZONE, "ns 0 any ANY\nns 7 in A 1.1.1.1", HEAD_OUT "ns.example. 7 A 1.1.1.1\n"},
	/* the apex keeps SOA and NS */
	{ZONE "@ 60 TXT x\n@ 60 MX 1 m\n", "@ 0 any ANY", HEAD_OUT NS_OUT},
	{ZONE "@ 60 TXT x\n", "@ 0 any TXT", HEAD_OUT NS_OUT},
	{ZONE, "@ 0 any NS", NULL},
	{ZONE, "@ 0 any SOA", NULL},
	{ZONE, "@ 0 none NS ns", NULL},
	{ZONE, "@ 0 none SOA ns h 5 2 3 4 500", NULL},
	{ZONE "@ 300 NS n2\n", "@ 0 none NS ns", "example. 300 NS n2.example.\n" SOA_OUT NS_OUT},
	{ZONE "@ 300 NS n2\n", "@ 0 none NS ns\n@ 0 none NS n2",
		"example. 300 NS n2.example.\n" SOA_OUT NS_OUT},
	{ZONE, "@ 0 none NS ns\n@ 300 in NS n2",
		"example. 300 NS n2.example.\nexample. 300 NS ns.example.\n" SOA_OUT NS_OUT},
	{ZONE "a 60 NS ns\n", "a 0 none NS ns", HEAD_OUT NS_OUT}, /* elsewhere they may go */
	{ZONE "a 60 NS ns\n", "a 0 any NS", HEAD_OUT NS_OUT},
	/* the SOA only with a greater serial */
	{ZONE, "@ 300 in SOA ns h 6 2 3 4 500",
		"example. 300 NS ns.example.\n"
		"example. 300 SOA ns.example. h.example. 6 2 3 4 500\n" NS_OUT},
	{ZONE, "@ 9 in SOA ns h 2147483652 7 3 4 500",
		"example. 300 NS ns.example.\n"
		"example. 9 SOA ns.example. h.example. 2147483652 7 3 4 500\n" NS_OUT},
	{ZONE, "@ 300 in SOA ns h 2147483653 2 3 4 500", NULL},
	{ZONE, "@ 300 in SOA ns h 4294967295 2 3 4 500", NULL},
	{ZONE, "@ 300 in SOA ns h 5 9 3 4 500", NULL},
	{ZONE, "@ 60 in SOA ns h 5 2 3 4 500", NULL},
	{ZONE, "@ 300 in SOA ns h 4 2 3 4 500", NULL},
	{ZONE, "a 300 in SOA ns h 6 2 3 4 500", NULL},
	/* CNAME and other data */
	{ZONE, "ns 60 in CNAME a", NULL},
	{ZONE, "a 60 in CNAME b", HEAD_OUT "a.example. 60 CNAME b.example.\n" NS_OUT},
	{ZONE "a 60 CNAME b\n", "a 60 in A 1.1.1.1", NULL},
	{ZONE "a 60 CNAME b\n", "a 60 in CNAME b", NULL},
	{ZONE "a 60 CNAME b\n", "a 60 in CNAME c",
		HEAD_OUT "a.example. 60 CNAME c.example.\n" NS_OUT},
	{ZONE "a 60 CNAME b\n", "a 61 in CNAME b",
		HEAD_OUT "a.example. 61 CNAME b.example.\n" NS_OUT},
	{ZONE "a 60 CNAME b\n", "a 0 any CNAME\na 60 in A 1.1.1.1",
		HEAD_OUT "a.example. 60 A 1.1.1.1\n" NS_OUT},
	{ZONE "a 60 CNAME b\n", "a 60 in A 1.1.1.1\na 0 any CNAME", HEAD_OUT NS_OUT},
	{ZONE "a 60 CNAME b\n", "a 60 in NSEC c.example. A",
		HEAD_OUT
		"a.example. 60 CNAME b.example.\na.example. 60 NSEC c.example. A\n" NS_OUT},
	{ZONE "a 60 NSEC c.example. A\n", "a 60 in CNAME b",
		HEAD_OUT
		"a.example. 60 CNAME b.example.\na.example. 60 NSEC c.example. A\n" NS_OUT},
	/* records of which there is one */
	{ZONE "a 60 DNAME b\n", "a 60 in DNAME c",
		HEAD_OUT "a.example. 60 DNAME c.example.\n" NS_OUT},
	{ZONE "a 60 TYPE11 \\# 6 010101010601\n", "a 60 in TYPE11 \\# 6 010101010602",
		HEAD_OUT "a.example. 60 TYPE11 \\# 6 010101010602\n" NS_OUT},
	{ZONE "a 60 TYPE11 \\# 6 010101010601\n", "a 60 in TYPE11 \\# 6 010101011102",
		HEAD_OUT "a.example. 60 TYPE11 \\# 6 010101010601\n"
			 "a.example. 60 TYPE11 \\# 6 010101011102\n" NS_OUT},
	{ZONE "@ 0 NSEC3PARAM 1 0 5 AB\n@ 0 NSEC3PARAM 1 0 5 AC\n", "@ 0 in NSEC3PARAM 1 1 5 AB",
		HEAD_OUT "example. 0 NSEC3PARAM 1 0 5 AC\nexample. 0 NSEC3PARAM 1 1 5 AB\n" NS_OUT},
	{ZONE "a 60 RRSIG A 8 2 3600 20260101000000 20250101000000 1 e. AAAA\n"
	      "a 70 RRSIG A 8 2 3600 20260101000000 20250101000000 2 e. AAAA\n"
	      "a 80 RRSIG MX 8 2 3600 20260101000000 20250101000000 1 e. AAAA\n",
		"a 90 in RRSIG A 8 2 3600 20270101000000 20250101000000 1 e. AAAA",
		HEAD_OUT
		"a.example. 90 RRSIG A 8 2 3600 20260101000000 20250101000000 2 e. AAAA\n"
		"a.example. 90 RRSIG A 8 2 3600 20270101000000 20250101000000 1 e. AAAA\n"
		"a.example. 80 RRSIG MX 8 2 3600 20260101000000 20250101000000 1 e. AAAA\n" NS_OUT},
	/* prerequisites are not looked at */
	{ZONE, "? x 0 any ANY\na 60 in A 1.1.1.1", HEAD_OUT "a.example. 60 A 1.1.1.1\n" NS_OUT},
	{ZONE, "? a 0 in A 1.1.1.1", NULL},
	{ZONE, "", NULL},
};

static void test_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(changes); i++) {
		_zw_snapshot_ struct zw_snapshot *before = test_load(changes[i].zone, NULL),
						 *after = NULL;
		_zw_message_ struct zw_message *m = update_of(changes[i].update);
		_zw_free_ char *text = NULL;

		assert_int_equal(zw_update_apply(before, m, &after), 0);
		text = test_dump(after);
		if (changes[i].after ? !zw_streq(text, changes[i].after) : after != before)
			print_error("%s\n%s", changes[i].update, text);
		if (changes[i].after)
			assert_string_equal(text, changes[i].after);
		else
			assert_ptr_equal(after, before);
	}
}

static void test_touches(void **state)
{
	_zw_message_ struct zw_message *m = update_of(
		"? p 0 any A\na 60 in A 1.1.1.1\nb 0 any ANY\nc 0 any MX\nd 0 none TXT x");
	static const struct {
		const char *owner;
		uint16_t type;
		bool touched;
	} cases[] = {
		{"A.example", ZW_TYPE_A, true},
		{"a.example", ZW_TYPE_AAAA, false},
		{"b.example", ZW_TYPE_A, true},
		{"b.example", ZW_TYPE_SRV, true},
		{"c.example", ZW_TYPE_MX, true},
		{"c.example", ZW_TYPE_A, false},
		{"d.example", ZW_TYPE_TXT, true},
		{"p.example", ZW_TYPE_A, false},
		{"example", ZW_TYPE_A, false},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		uint8_t owner[ZW_NAME_MAX];

		assert_int_equal(zw_name_from_text(cases[i].owner, owner, NULL), 0);
		assert_int_equal(zw_update_touches(m, owner, cases[i].type), cases[i].touched);
	}
}

/* Several updates on one draft, looked at in between. */
static void test_draft(void **state)
{
	_zw_snapshot_ struct zw_snapshot *s = test_load(ZONE "a 60 A 1.1.1.1\n", NULL),
					 *after = NULL, *last = NULL;
	_zw_message_ struct zw_message *one = update_of("b 60 in A 1.1.1.1\na 60 in TXT x"),
				       *two = update_of("b 0 any ANY\na 0 any TXT");
	_zw_draft_ struct zw_draft *d = NULL;
	struct zw_draft_name *name;
	struct zw_rrset set;
	size_t it = 0, n = 0;

	(void)state;
	assert_int_equal(zw_draft_new(s, &d), 0);
	assert_ptr_equal(zw_draft_base(d), s);
	assert_int_equal(zw_update_run(d, one), 0);
	assert_int_equal(zw_draft_snapshot(d, &after), 0);
	while (zw_draft_next(d, &it, &name)) {
		assert_true(zw_draft_name_differs(name, s));
		assert_false(zw_draft_name_differs(name, after));
		n++;
	}
	assert_int_equal(n, 2);
	assert_int_equal(zw_draft_open(d, (const uint8_t *)"\1A\7Example", &name), 0);
	assert_true(zw_snapshot_lookup(after, name->owner, ZW_TYPE_A, &set));
	assert_true(zw_draft_set_equal(zw_draft_find(name, ZW_TYPE_A), &set));
	assert_false(zw_draft_set_equal(zw_draft_find(name, ZW_TYPE_TXT), &set));
	assert_false(zw_draft_set_equal(NULL, &set));
	assert_false(zw_draft_set_equal(zw_draft_find(name, ZW_TYPE_A), NULL));
	assert_true(zw_draft_set_equal(NULL, NULL));
	assert_int_equal(zw_update_run(d, two), 0);
	it = 0;
	while (zw_draft_next(d, &it, &name))
		assert_false(zw_draft_name_differs(name, s));
	assert_int_equal(zw_draft_snapshot(d, &last), 0);
	assert_ptr_equal(last, s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prerequisites),
		cmocka_unit_test(test_prescan),
		cmocka_unit_test(test_zone_section),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_touches),
		cmocka_unit_test(test_draft),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
