/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RFC 2136 clause by clause, then at random against a model that follows its pseudocode on a list of records. */
#include "unit/zone_support.h"

#include <stdlib.h>

#include "unit/message_support.h"
#include "zone/update.h"

#define SOA "@ 300 SOA ns h 5 2 3 4 500\n"
#define ZONE SOA "@ 300 NS ns\nns 300 A 1.1.1.1\n"
/* The same in the form of test_dump(). */
#define SOA_OUT "example. 300 SOA ns.example. h.example. 5 2 3 4 500\n"
#define HEAD_OUT "example. 300 NS ns.example.\n" SOA_OUT
#define NS_OUT "ns.example. 300 A 1.1.1.1\n"

/* "TYPE rdata" of master files to wire form. */
static size_t rdata_of(const char *text, uint16_t *ret_type, uint8_t *ret)
{
	bool soa = strncmp(text, "SOA ", 4) == 0;
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	const uint8_t *rdata;
	char zone[512];
	struct zw_rrset set;
	uint16_t len;
	size_t it = 0;

	snprintf(zone, sizeof(zone), "%s%s 1 %s\n", soa ? "" : SOA_LINE, soa ? "@" : "zz", text);
	s = test_load(zone, NULL);
	while (zw_snapshot_next(s, &it, &set))
		;
	rdata = zw_rrset_rdata(&set, 0, &len);
	*ret_type = set.type;
	memcpy(ret, rdata, len);
	return len;
}

static uint32_t number(const char **p)
{
	char *end;
	uint32_t n = (uint32_t)strtoul(*p, &end, 10);

	assert_true(end > *p);
	*p = *end == ' ' ? end + 1 : end;
	return n;
}

static void word(const char **p, char *out, size_t size)
{
	size_t n = strcspn(*p, " ");

	assert_true(n < size);
	memcpy(out, *p, n);
	out[n] = '\0';
	*p += n;
	while (**p == ' ')
		(*p)++;
}

/* One line: "OWNER TTL CLASS TYPE[ RDATA]"; class any and none may be without rdata. */
static void put_line(struct wire *w, enum zw_section section, const char *line)
{
	char owner[64], klass[8], full[300];
	uint8_t rdata[512];
	size_t len = 0;
	uint16_t type;
	unsigned int c;
	uint32_t ttl;

	word(&line, owner, sizeof(owner));
	ttl = number(&line);
	word(&line, klass, sizeof(klass));
	c = zw_streq(klass, "any")    ? ZW_CLASS_ANY
	    : zw_streq(klass, "none") ? ZW_CLASS_NONE
	    : zw_streq(klass, "ch")   ? 3
				      : ZW_CLASS_IN;
	if (strchr(line, ' '))
		len = rdata_of(line, &type, rdata);
	else if (zw_streq(line, "ANY"))
		type = ZW_TYPE_ANY;
	else
		assert_int_equal(zw_type_from_text(line, &type), 0);
	if (zw_streq(owner, "@"))
		strcpy(full, "example");
	else
		snprintf(full, sizeof(full), "%s%s", owner,
			owner[strlen(owner) - 1] == '.' ? "" : ".example");
	put_rr(w, section, full, type, c, ttl, rdata, len);
}

/* @text: lines, the prerequisites begin with "? ". */
static struct zw_message *update_of(const char *text)
{
	struct wire w;

	begin(&w, 1, FLAGS_UPDATE);
	put_question(&w, "example", ZW_TYPE_SOA, ZW_CLASS_IN);
	for (int section = 0; section < 2; section++) {
		const char *p = text;

		while (*p) {
			size_t n = strcspn(p, "\n");
			bool prerequisite = p[0] == '?';
			char line[400];

			snprintf(line, sizeof(line), "%.*s", (int)n, p);
			if (prerequisite == (section == 0))
				put_line(&w, section ? ZW_SECTION_UPDATE : ZW_SECTION_PREREQUISITE,
					line + (prerequisite ? 2 : 0));
			p += n + (p[n] == '\n');
		}
	}
	return parse(&w);
}

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

/* --- against a model ---------------------------------------------------------------------------------- */

static const char *const owners[] = {"@", "a", "b", "b.a", "c"};
static const char *const datas[] = {"A 1.1.1.1", "A 1.1.1.2", "TXT x", "CNAME ns", "CNAME a",
	"NS ns", "NS a", "SOA ns h 5 2 3 4 500", "SOA ns h 6 2 3 4 500", "SOA ns h 7 9 3 4 500"};

struct model_rr {
	uint8_t owner, data;
	uint8_t ttl;
};

struct model {
	struct model_rr rr[64];
	size_t len;
};

static bool same_type(uint8_t a, uint8_t b)
{
	return strcspn(datas[a], " ") == strcspn(datas[b], " ") &&
	       strncmp(datas[a], datas[b], strcspn(datas[a], " ")) == 0;
}

static bool is(uint8_t data, const char *type)
{
	return strncmp(datas[data], type, strlen(type)) == 0 && datas[data][strlen(type)] == ' ';
}

static void model_drop(struct model *m, size_t i)
{
	m->rr[i] = m->rr[--m->len];
}

/* Section 3.4.2.7 with the one TTL of an RRset. */
static void model_add(struct model *m, struct model_rr rr)
{
	bool soa = is(rr.data, "SOA"), cname = is(rr.data, "CNAME"), have_soa = false;

	for (size_t i = 0; i < m->len; i++) {
		const struct model_rr *old = &m->rr[i];

		if (old->owner != rr.owner)
			continue;
		if (cname != is(old->data, "CNAME"))
			return;
		if (is(old->data, "SOA")) {
			have_soa = true;
			/* the table has them by serial */
			if (soa && rr.data <= old->data)
				return;
		}
	}
	if (soa && !have_soa)
		return;
	for (size_t i = 0; i < m->len;) {
		struct model_rr *old = &m->rr[i];

		if (old->owner != rr.owner || !same_type(old->data, rr.data)) {
			i++;
		} else if (soa || cname || old->data == rr.data) {
			model_drop(m, i);
		} else {
			old->ttl = rr.ttl;
			i++;
		}
	}
	m->rr[m->len++] = rr;
}

static void model_delete_rr(struct model *m, struct model_rr rr)
{
	size_t ns = 0;

	for (size_t i = 0; i < m->len; i++)
		ns += m->rr[i].owner == 0 && is(m->rr[i].data, "NS");
	if (rr.owner == 0 && (is(rr.data, "SOA") || (is(rr.data, "NS") && ns == 1)))
		return;
	for (size_t i = 0; i < m->len; i++) {
		if (m->rr[i].owner == rr.owner && m->rr[i].data == rr.data) {
			model_drop(m, i);
			return;
		}
	}
}

static void model_delete(struct model *m, struct model_rr rr, bool all)
{
	for (size_t i = m->len; i-- > 0;) {
		const struct model_rr *old = &m->rr[i];

		if (old->owner == rr.owner && (all || same_type(old->data, rr.data)) &&
			!(rr.owner == 0 && (is(old->data, "SOA") || is(old->data, "NS"))))
			model_drop(m, i);
	}
}

static struct zw_snapshot *model_load(const struct model *m)
{
	struct zw_str text = {};
	_zw_free_ char *zone = NULL;

	zw_str_add(&text, "");
	for (size_t i = 0; i < m->len; i++)
		zw_str_addf(&text, "%s %u %s\n", owners[m->rr[i].owner], m->rr[i].ttl,
			datas[m->rr[i].data]);
	assert_int_equal(zw_str_done(&text, &zone), 0);
	return test_load(zone, NULL);
}

/* One random operation on the model, told as a line of an update. */
static void random_op(struct model *m, unsigned int *seed, struct zw_str *text)
{
	struct model_rr rr = {
		.owner = (uint8_t)((size_t)rand_r(seed) % ZW_ARRAY_SIZE(owners)),
		.data = (uint8_t)((size_t)rand_r(seed) % ZW_ARRAY_SIZE(datas)),
		.ttl = (uint8_t)(1 + rand_r(seed) % 2),
	};
	const char *owner = owners[rr.owner], *data = datas[rr.data];

	switch (rand_r(seed) % 8) {
	case 0:
		model_delete(m, rr, true);
		zw_str_addf(text, "%s 0 any ANY\n", owner);
		break;
	case 1:
		model_delete(m, rr, false);
		zw_str_addf(text, "%s 0 any %.*s\n", owner, (int)strcspn(data, " "), data);
		break;
	case 2:
	case 3:
		model_delete_rr(m, rr);
		zw_str_addf(text, "%s 0 none %s\n", owner, data);
		break;
	default:
		model_add(m, rr);
		zw_str_addf(text, "%s %u in %s\n", owner, rr.ttl, data);
	}
}

static void test_random(void **state)
{
	unsigned int seed = 2136;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct model m = {.rr = {{0, 7, 9}, {0, 5, 9}}, .len = 2};
		_zw_snapshot_ struct zw_snapshot *s = model_load(&m);

		for (int n = 0; n < 12; n++) {
			_zw_snapshot_ struct zw_snapshot *wanted = NULL, *after = NULL;
			_zw_message_ struct zw_message *update = NULL;
			_zw_free_ char *lines = NULL;
			struct zw_str text = {};

			zw_str_add(&text, "");
			for (int k = rand_r(&seed) % 6; k >= 0; k--)
				random_op(&m, &seed, &text);
			assert_int_equal(zw_str_done(&text, &lines), 0);
			update = update_of(lines);
			assert_int_equal(zw_update_apply(s, update, &after), 0);
			wanted = model_load(&m);
			if (!zw_snapshot_equal(after, wanted)) {
				_zw_free_ char *a = test_dump(s), *b = test_dump(after),
					       *c = test_dump(wanted);

				print_error("%s--\n%s--\n%s--\n%s", a, lines, b, c);
			}
			assert_true(zw_snapshot_equal(after, wanted));
			assert_int_equal(after == s, zw_snapshot_equal(s, wanted));
			zw_snapshot_unref(s);
			s = ZW_TAKE(after);
		}
	}
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
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
