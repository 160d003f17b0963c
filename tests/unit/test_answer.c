/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers put together by hand: what is no mismatch though it differs, and what is one though it hardly does. Recorded ones
 * are in test_answer_recorded.c. */
#include "unit/zone_support.h"

#include "engine/answer.h"
#include "unit/message_support.h"

#define AA ZW_MESSAGE_FLAG_AA
#define RA ZW_MESSAGE_FLAG_RA
#define TYPE_HTTPS 65
#define TYPE_HINFO 13

static const char zone_text[] = SOA_LINE "@ NS ns\n"
					 "ns A 192.0.2.53\n"
					 "www A 192.0.2.80\nwww A 192.0.2.81\n"
					 "mx MX 10 mail\nmail A 192.0.2.25\n"
					 "pool ALIAS elsewhere.\n"
					 "geo LUA A \"ifportup(443, {'192.0.2.1'})\"\n"
					 "alias CNAME www\n"
					 "far CNAME www.elsewhere.\n"
					 "leaf.between A 192.0.2.9\n"
					 "*.above A 192.0.2.7\nhidden.x.above TXT y\n"
					 "tree DNAME www\n"
					 "child NS ns.child\nns.child A 192.0.2.54\n";

struct fixture {
	struct zw_snapshot *zone;
	struct wire w;
	struct zw_answer_options options;
	struct zw_answer_verdict v;
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){.zone = test_load(zone_text, NULL)};
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	zw_answer_verdict_done(&f->v);
	zw_snapshot_unref(f->zone);
	return 0;
}

static void begin_answer(struct fixture *f, unsigned int flags, const char *name, unsigned int type)
{
	begin(&f->w, 7, 0x8000 | flags);
	put_question(&f->w, name, type, ZW_CLASS_IN);
}

static void put_address(
	struct fixture *f, enum zw_section section, const char *owner, unsigned int last)
{
	const uint8_t rdata[] = {192, 0, 2, (uint8_t)last};

	put_rr(&f->w, section, owner, ZW_TYPE_A, ZW_CLASS_IN, 5, rdata, sizeof(rdata));
}

static void put_target(struct fixture *f, enum zw_section section, const char *owner,
	unsigned int type, const char *target)
{
	uint8_t rdata[ZW_NAME_MAX];
	size_t len;

	assert_int_equal(zw_name_from_text(target, rdata, &len), 0);
	put_rr(&f->w, section, owner, type, ZW_CLASS_IN, 5, rdata, len);
}

static void expect(struct fixture *f, enum zw_answer_result result, enum zw_answer_why why)
{
	_zw_message_ struct zw_message *m = parse(&f->w);

	zw_answer_verdict_done(&f->v);
	assert_int_equal(zw_answer_check(f->zone, m, &f->options, &f->v), 0);
	assert_string_equal(
		zw_answer_result_to_string(f->v.result), zw_answer_result_to_string(result));
	assert_string_equal(zw_answer_why_to_string(f->v.why), zw_answer_why_to_string(why));
}

static void expect_match(struct fixture *f)
{
	expect(f, ZW_ANSWER_MATCH, ZW_ANSWER_WHY_NONE);
}

static void expect_mismatch(struct fixture *f, enum zw_answer_why why, const char *name,
	const char *expected, const char *answered)
{
	char text[ZW_NAME_TEXT_MAX];

	expect(f, ZW_ANSWER_MISMATCH, why);
	zw_name_to_text(f->v.name, text);
	assert_string_equal(text, name);
	assert_string_equal(f->v.expected, expected);
	assert_string_equal(f->v.answered, answered);
}

static void test_wrong(void **state)
{
	struct fixture *f = *state;

	begin_answer(f, AA, "www.example.", ZW_TYPE_A);
	put_address(f, ZW_SECTION_ANSWER, "www.example.", 80);
	put_address(f, ZW_SECTION_ANSWER, "WWW.example.", 66);
	expect_mismatch(f, ZW_ANSWER_WHY_DATA, "www.example.", "192.0.2.80, 192.0.2.81",
		"192.0.2.80, 192.0.2.66");
	begin_answer(f, AA | ZW_RCODE_NXDOMAIN, "www.example.", ZW_TYPE_A);
	expect_mismatch(
		f, ZW_ANSWER_WHY_DENIED, "www.example.", "192.0.2.80, 192.0.2.81", "NXDOMAIN");
	begin_answer(f, AA, "www.example.", ZW_TYPE_A);
	expect_mismatch(
		f, ZW_ANSWER_WHY_DENIED, "www.example.", "192.0.2.80, 192.0.2.81", "no data");
	begin_answer(f, AA, "www.example.", ZW_TYPE_A);
	put_target(f, ZW_SECTION_ANSWER, "www.example.", ZW_TYPE_CNAME, "bad.elsewhere.");
	expect_mismatch(f, ZW_ANSWER_WHY_DENIED, "www.example.", "192.0.2.80, 192.0.2.81",
		"CNAME bad.elsewhere.");
	begin_answer(f, 0, "www.example.", ZW_TYPE_A);
	put_target(f, ZW_SECTION_AUTHORITY, "www.example.", ZW_TYPE_NS, "ns.bad.");
	expect_mismatch(f, ZW_ANSWER_WHY_DENIED, "www.example.", "192.0.2.80, 192.0.2.81",
		"a referral of www.example. to ns.bad.");
	begin_answer(f, AA, "new.example.", ZW_TYPE_A);
	put_address(f, ZW_SECTION_ANSWER, "new.example.", 66);
	expect_mismatch(f, ZW_ANSWER_WHY_INVENTED, "new.example.", "NXDOMAIN", "192.0.2.66");
	begin_answer(f, AA, "mail.example.", TYPE_HTTPS);
	put_address(f, ZW_SECTION_ANSWER, "mail.example.", 25);
	put_address(f, ZW_SECTION_ANSWER, "other.elsewhere.", 25);
	expect_mismatch(f, ZW_ANSWER_WHY_INVENTED, "other.elsewhere.", "no data", "192.0.2.25");
}

static void test_authority(void **state)
{
	struct fixture *f = *state;

	begin_answer(f, AA, "www.example.", TYPE_HTTPS);
	put_target(f, ZW_SECTION_AUTHORITY, "www.example.", ZW_TYPE_NS, "ns.bad.");
	expect_mismatch(f, ZW_ANSWER_WHY_REFERRAL, "www.example.", "no data", "ns.bad.");
	begin_answer(f, AA, "mail.example.", ZW_TYPE_A);
	put_address(f, ZW_SECTION_ANSWER, "mail.example.", 25);
	put_target(f, ZW_SECTION_AUTHORITY, "example.", ZW_TYPE_NS, "ns.bad.");
	expect_mismatch(f, ZW_ANSWER_WHY_REFERRAL, "example.", "ns.example.", "ns.bad.");
	/* The address of a mail server that comes along. */
	begin_answer(f, AA, "mx.example.", ZW_TYPE_MX);
	put_rr(&f->w, ZW_SECTION_ANSWER, "mx.example.", ZW_TYPE_MX, ZW_CLASS_IN, 5,
		"\0\12\4mail\7example", 16);
	put_address(f, ZW_SECTION_ADDITIONAL, "mail.example.", 66);
	expect_mismatch(f, ZW_ANSWER_WHY_REFERRAL, "mail.example.", "192.0.2.25", "192.0.2.66");
	/* Which a server that recurses may know from elsewhere. */
	f->w.data[3] |= RA;
	expect_match(f);
}

static void test_referral(void **state)
{
	struct fixture *f = *state;

	begin_answer(f, 0, "www.child.example.", ZW_TYPE_A);
	put_target(f, ZW_SECTION_AUTHORITY, "child.example.", ZW_TYPE_NS, "ns.child.example.");
	put_address(f, ZW_SECTION_ADDITIONAL, "ns.child.example.", 54);
	expect_match(f);
	begin_answer(f, 0, "www.child.example.", ZW_TYPE_A);
	put_target(f, ZW_SECTION_AUTHORITY, "child.example.", ZW_TYPE_NS, "ns.child.example.");
	put_address(f, ZW_SECTION_ADDITIONAL, "ns.child.example.", 66);
	expect_mismatch(f, ZW_ANSWER_WHY_REFERRAL, "ns.child.example.", "192.0.2.54", "192.0.2.66");
	f->options.children = true;
	expect_match(f);
	begin_answer(f, 0, "www.child.example.", ZW_TYPE_A);
	put_target(f, ZW_SECTION_AUTHORITY, "child.example.", ZW_TYPE_NS, "ns.bad.");
	expect_mismatch(
		f, ZW_ANSWER_WHY_REFERRAL, "child.example.", "ns.child.example.", "ns.bad.");
	f->w.data[3] |= RA;
	expect_match(f);
	/* The zone below may be here, too, or a server may ask it. */
	begin_answer(f, AA, "www.child.example.", ZW_TYPE_A);
	put_address(f, ZW_SECTION_ANSWER, "www.child.example.", 1);
	expect(f, ZW_ANSWER_NOT_OURS, ZW_ANSWER_WHY_DELEGATED);
	begin_answer(f, 0, "www.child.example.", ZW_TYPE_A);
	put_target(f, ZW_SECTION_AUTHORITY, ".", ZW_TYPE_NS, "a.root.");
	expect(f, ZW_ANSWER_CANNOT_TELL, ZW_ANSWER_WHY_LAME);
	begin_answer(f, AA | ZW_RCODE_NXDOMAIN, "www.child.example.", ZW_TYPE_A);
	expect(f, ZW_ANSWER_MISMATCH, ZW_ANSWER_WHY_DENIED);
	/* As PowerDNS does, for this type only. */
	begin_answer(f, AA, "www.child.example.", ZW_TYPE_DS);
	expect(f, ZW_ANSWER_MISMATCH, ZW_ANSWER_WHY_DENIED);
	f->options.loose = true;
	expect(f, ZW_ANSWER_CANNOT_TELL, ZW_ANSWER_WHY_PARENT);
}

static void test_computed(void **state)
{
	struct fixture *f = *state;

	begin_answer(f, AA, "pool.example.", ZW_TYPE_A);
	put_address(f, ZW_SECTION_ANSWER, "pool.example.", 200);
	expect(f, ZW_ANSWER_CANNOT_TELL, ZW_ANSWER_WHY_COMPUTED);
	begin_answer(f, AA, "geo.example.", ZW_TYPE_A);
	put_address(f, ZW_SECTION_ANSWER, "geo.example.", 200);
	expect(f, ZW_ANSWER_CANNOT_TELL, ZW_ANSWER_WHY_COMPUTED);
}

static void test_loose(void **state)
{
	struct fixture *f = *state;

	begin_answer(f, AA | ZW_RCODE_NXDOMAIN, "between.example.", ZW_TYPE_A);
	expect(f, ZW_ANSWER_MISMATCH, ZW_ANSWER_WHY_DENIED);
	f->options.loose = true;
	expect_match(f);
	begin_answer(f, AA, "www.x.above.example.", ZW_TYPE_A);
	put_address(f, ZW_SECTION_ANSWER, "www.x.above.example.", 7);
	expect_match(f);
	f->options.loose = false;
	expect_mismatch(f, ZW_ANSWER_WHY_INVENTED, "www.x.above.example.", "NXDOMAIN", "192.0.2.7");
	begin_answer(f, AA | ZW_RCODE_NXDOMAIN, "a.tree.example.", ZW_TYPE_A);
	expect_mismatch(f, ZW_ANSWER_WHY_DENIED, "a.tree.example.", "a.www.example.", "NXDOMAIN");
	f->options.loose = true;
	expect_match(f);
	begin_answer(f, AA, "a.tree.example.", ZW_TYPE_A);
	put_address(f, ZW_SECTION_ANSWER, "a.tree.example.", 66);
	expect(f, ZW_ANSWER_MISMATCH, ZW_ANSWER_WHY_DENIED);
}

static void test_serial(void **state)
{
	static const uint8_t soa[] =
		"\2ns\7example\0\1h\7example\0\0\0\0\11\0\0\0\2\0\0\0\3\0\0\0\4"
		"\0\0\1\364";
	struct fixture *f = *state;
	uint8_t other[sizeof(soa)];

	begin_answer(f, AA, "example.", ZW_TYPE_SOA);
	put_rr(&f->w, ZW_SECTION_ANSWER, "example.", ZW_TYPE_SOA, ZW_CLASS_IN, 5, soa,
		sizeof(soa) - 1);
	expect(f, ZW_ANSWER_MISMATCH, ZW_ANSWER_WHY_DATA);
	f->options.any_serial = true;
	expect_match(f);
	memcpy(other, soa, sizeof(soa));
	other[sizeof(soa) - 2]++;
	begin_answer(f, AA, "example.", ZW_TYPE_SOA);
	put_rr(&f->w, ZW_SECTION_ANSWER, "example.", ZW_TYPE_SOA, ZW_CLASS_IN, 5, other,
		sizeof(soa) - 1);
	expect(f, ZW_ANSWER_MISMATCH, ZW_ANSWER_WHY_DATA);
}

static void test_recursion(void **state)
{
	struct fixture *f = *state;

	begin_answer(f, RA, "mail.example.", ZW_TYPE_A);
	put_address(f, ZW_SECTION_ANSWER, "mail.example.", 66);
	expect(f, ZW_ANSWER_MISMATCH, ZW_ANSWER_WHY_DATA);
	/* Another view of the server does not have the zone. */
	f->options.resolves = true;
	expect(f, ZW_ANSWER_CANNOT_TELL, ZW_ANSWER_WHY_RECURSION);
	f->w.data[2] |= AA >> 8;
	expect(f, ZW_ANSWER_MISMATCH, ZW_ANSWER_WHY_DATA);
	/* What comes behind an alias is not the zone's. */
	begin_answer(f, AA | RA, "far.example.", ZW_TYPE_A);
	put_target(f, ZW_SECTION_ANSWER, "far.example.", ZW_TYPE_CNAME, "www.elsewhere.");
	put_target(f, ZW_SECTION_ANSWER, "www.elsewhere.", ZW_TYPE_CNAME, "a.third.");
	put_address(f, ZW_SECTION_ANSWER, "a.third.", 3);
	expect_match(f);
	/* But for what comes back into it. */
	put_address(f, ZW_SECTION_ANSWER, "mail.example.", 66);
	expect(f, ZW_ANSWER_MISMATCH, ZW_ANSWER_WHY_DATA);
}

static void test_any(void **state)
{
	struct fixture *f = *state;

	begin_answer(f, AA, "www.example.", ZW_TYPE_ANY);
	put_rr(&f->w, ZW_SECTION_ANSWER, "www.example.", TYPE_HINFO, ZW_CLASS_IN, 5, "\7RFC8482\0",
		9);
	expect_match(f);
	begin_answer(f, AA, "www.example.", ZW_TYPE_ANY);
	put_rr(&f->w, ZW_SECTION_ANSWER, "www.example.", TYPE_HINFO, ZW_CLASS_IN, 5, "\1x\1y", 4);
	expect(f, ZW_ANSWER_MISMATCH, ZW_ANSWER_WHY_INVENTED);
	begin_answer(f, AA, "www.example.", ZW_TYPE_ANY);
	put_address(f, ZW_SECTION_ANSWER, "www.example.", 80);
	expect(f, ZW_ANSWER_MISMATCH, ZW_ANSWER_WHY_DATA);
	begin_answer(f, AA, "www.example.", ZW_TYPE_ANY);
	expect_mismatch(f, ZW_ANSWER_WHY_DENIED, "www.example.", "records", "no data");
}

static void test_denial(void **state)
{
	struct fixture *f = *state;

	begin_answer(f, AA, "nowhere.example.", ZW_TYPE_A);
	expect_mismatch(f, ZW_ANSWER_WHY_INVENTED, "nowhere.example.", "NXDOMAIN", "no data");
	/* A signer at work says that there is such a name, but nothing at it (RFC 9824). */
	put_rr(&f->w, ZW_SECTION_AUTHORITY, "nowhere.example.", ZW_TYPE_NSEC, ZW_CLASS_IN, 5,
		"\1\0\7nowhere\7example\0\0\6\0\0\0\0\0\3", 28);
	expect(f, ZW_ANSWER_CANNOT_TELL, ZW_ANSWER_WHY_SIGNING);
	begin_answer(f, AA, "www.example.", ZW_TYPE_DNSKEY);
	put_rr(&f->w, ZW_SECTION_ANSWER, "www.example.", ZW_TYPE_DNSKEY, ZW_CLASS_IN, 5,
		"\1\0\3\15key", 7);
	expect(f, ZW_ANSWER_CANNOT_TELL, ZW_ANSWER_WHY_SIGNING);
}

static void test_not_compared(void **state)
{
	struct fixture *f = *state;

	begin_answer(f, ZW_RCODE_REFUSED, "www.example.", ZW_TYPE_A);
	expect(f, ZW_ANSWER_CANNOT_TELL, ZW_ANSWER_WHY_FAILED);
	begin_answer(f, AA, "example.", ZW_TYPE_AXFR);
	expect(f, ZW_ANSWER_CANNOT_TELL, ZW_ANSWER_WHY_META);
	begin_answer(f, AA, "www.elsewhere.", ZW_TYPE_A);
	expect(f, ZW_ANSWER_NOT_OURS, ZW_ANSWER_WHY_OUTSIDE);
	begin_answer(f, FLAGS_NOTIFY, "example.", ZW_TYPE_SOA);
	expect(f, ZW_ANSWER_NOT_OURS, ZW_ANSWER_WHY_NO_QUERY);
	begin(&f->w, 7, 0x8000);
	put_question(&f->w, "www.example.", ZW_TYPE_A, 3);
	expect(f, ZW_ANSWER_NOT_OURS, ZW_ANSWER_WHY_NO_QUERY);
	begin(&f->w, 7, 0);
	put_question(&f->w, "www.example.", ZW_TYPE_A, ZW_CLASS_IN);
	expect(f, ZW_ANSWER_NOT_OURS, ZW_ANSWER_WHY_NO_QUERY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_wrong),
		TEST(test_authority),
		TEST(test_referral),
		TEST(test_computed),
		TEST(test_loose),
		TEST(test_serial),
		TEST(test_recursion),
		TEST(test_any),
		TEST(test_denial),
		TEST(test_not_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
