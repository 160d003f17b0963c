/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names in DNS messages: compression, and the data of records that have names in it. */
#include "unit/message_fixture.h"

static void test_compression(void **state)
{
	struct wire w;
	_zw_message_ struct zw_message *m = NULL;

	(void)state;
	begin_query(&w, "\7Example", 9); /* at 12, root at 20 */
	put(&w, "\1a\xc0\x0c", 4);       /* at 25 */
	put_rr_tail(&w, ZW_SECTION_ANSWER, ZW_TYPE_CNAME, ZW_CLASS_IN, 1, "\1B\xc0\x19", 4);
	put(&w, "\xc0\x19", 2); /* a pointer to a name that ends in a pointer */
	put_rr_tail(&w, ZW_SECTION_ANSWER, ZW_TYPE_MX, ZW_CLASS_IN, 1, "\0\5\xc0\x0c", 4);
	put(&w, "\xc0\x14", 2); /* to the root label */
	put_rr_tail(&w, ZW_SECTION_ANSWER, ZW_TYPE_NS, ZW_CLASS_IN, 1, "\xc0\x14", 2);
	m = parse(&w);
	assert_int_equal(m->rrs, 3);
	assert_name(m->rr[0].owner, "a.example.");
	assert_name(m->rr[0].rdata, "b.a.example.");
	assert_int_equal(m->rr[0].rdata_len, 13);
	assert_name(m->rr[1].owner, "a.example.");
	assert_int_equal(m->rr[1].rdata_len, 11);
	assert_memory_equal(m->rr[1].rdata, "\0\5\7example", 11);
	assert_name(m->rr[2].owner, ".");
	assert_int_equal(m->rr[2].rdata_len, 1);
}

static void test_bad_pointers(void **state)
{
	static const struct {
		const char *name;
		size_t len;
	} cases[] = {
		{"\xc0\x0c", 2},         /* to itself */
		{"\1a\xc0\x0c", 4},      /* to the name it ends */
		{"\1a\xc0\x0d", 4},      /* into that name */
		{"\xc0\x03", 2},         /* into the header, where a zero octet is */
		{"\1a\xc0\x10", 4},      /* forward */
		{"\xc0\x0e\xc0\x0c", 4}, /* forward, and back again */
		{"\xff\xff", 2},         /* past the end */
		{"\1a\xc0", 3},          /* half a pointer, and what follows */
		{"\x40"
		 "a",
			2}, /* reserved label types */
		{"\x80"
		 "a",
			2},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		struct zw_message_head head;
		struct wire w;

		begin_query(&w, cases[i].name, cases[i].len);
		refuse(&w);
		assert_int_equal(zw_message_head_parse(w.data, w.len, &head), -EBADMSG);
	}
}

/* Two names that point at each other, from two records. */
static void test_loop_over_records(void **state)
{
	struct wire w;

	(void)state;
	begin(&w, 1, 0);
	put(&w, "\1a\xc0\x1a", 4); /* at 12 */
	put_rr_tail(&w, ZW_SECTION_ANSWER, 65280, ZW_CLASS_IN, 1, "", 0);
	assert_int_equal(w.len, 26);
	put(&w, "\1b\xc0\x0c", 4);
	put_rr_tail(&w, ZW_SECTION_ANSWER, 65280, ZW_CLASS_IN, 1, "", 0);
	refuse(&w);
}

/* @n pointers, each to the one before, in data that is not looked into. */
static int parse_chain(unsigned int n)
{
	_zw_message_ struct zw_message *m = NULL;
	struct wire w, chain = {.data = "\1x", .len = 3};

	begin(&w, 1, 0);
	for (unsigned int i = 0, to = 23; i < n - 1; i++, to = 22 + (unsigned int)chain.len - 2)
		put_u16(&chain, 0xc000 | (to + (i > 0)));
	put_rr(&w, ZW_SECTION_ANSWER, ".", 65280, ZW_CLASS_IN, 1, chain.data, chain.len);
	put_u16(&w, 0xc000 | (unsigned int)(w.len - (n > 1 ? 2 : 3)));
	put_rr_tail(&w, ZW_SECTION_ANSWER, 65280, ZW_CLASS_IN, 1, "", 0);
	return zw_message_parse(w.data, w.len, &m);
}

static void test_pointer_chains(void **state)
{
	(void)state;
	assert_int_equal(parse_chain(1), 0);
	assert_int_equal(parse_chain(2), 0);
	assert_int_equal(parse_chain(128), 0);
	assert_int_equal(parse_chain(129), -EBADMSG);
}

static void test_long_names(void **state)
{
	uint8_t name[300];

	(void)state;
	for (size_t len = 250; len < 260; len++) {
		_zw_message_ struct zw_message *m = NULL;
		struct wire w;

		assert_int_equal(long_name(name, len), len);
		begin_query(&w, name, len);
		assert_int_equal(
			zw_message_parse(w.data, w.len, &m), len <= ZW_NAME_MAX ? 0 : -EBADMSG);
		if (m)
			assert_int_equal(zw_name_len(m->question.name), len);
	}
	for (size_t label = 63; label <= 64; label++) {
		_zw_message_ struct zw_message *m = NULL;
		struct wire w;

		name[0] = (uint8_t)label;
		memset(name + 1, 'x', label);
		name[1 + label] = 0;
		begin_query(&w, name, label + 2);
		assert_int_equal(zw_message_parse(w.data, w.len, &m), label == 63 ? 0 : -EBADMSG);
	}
}

/* Too long only when it is put together. */
static void test_long_compressed_names(void **state)
{
	uint8_t name[300];

	(void)state;
	for (size_t more = 1; more <= 4; more++) {
		_zw_message_ struct zw_message *m = NULL;
		struct wire w;

		begin_query(&w, name, long_name(name, 252));
		put_u8(&w, (unsigned int)more);
		put(&w, "yyyy", more);
		put_u16(&w, 0xc00c);
		put_rr_tail(&w, ZW_SECTION_ANSWER, ZW_TYPE_A, ZW_CLASS_IN, 1, a_rdata, 4);
		assert_int_equal(zw_message_parse(w.data, w.len, &m), more <= 2 ? 0 : -EBADMSG);
		if (m)
			assert_int_equal(m->rr[0].owner_len, 253 + more);
	}
}

static const struct rdata_case {
	unsigned int type;
	const char *before;
	size_t before_len;
	size_t names;
	const char *after;
	size_t after_len;
	bool allowed;
} rdata_cases[] = {
	{2, "", 0, 1, "", 0, true},
	{3, "", 0, 1, "", 0, true},
	{4, "", 0, 1, "", 0, true},
	{5, "", 0, 1, "", 0, true},
	{6, "", 0, 2, "abcdefghijklmnopqrst", 20, true},
	{7, "", 0, 1, "", 0, true},
	{8, "", 0, 1, "", 0, true},
	{9, "", 0, 1, "", 0, true},
	{12, "", 0, 1, "", 0, true},
	{14, "", 0, 2, "", 0, true},
	{15, "\0\1", 2, 1, "", 0, true},
	{17, "", 0, 2, "", 0, true},
	{18, "\0\1", 2, 1, "", 0, true},
	{21, "\0\1", 2, 1, "", 0, true},
	{24, "abcdefghijklmnopqr", 18, 1, "signature", 9, true},
	{26, "\0\1", 2, 2, "", 0, true},
	{30, "", 0, 1, "\x40", 1, true},
	{33, "\0\1\0\2\0\3", 6, 1, "", 0, true},
	{35, "\0\1\0\2\1U\3E2U\0", 11, 1, "", 0, true},
	{36, "\0\1", 2, 1, "", 0, false},
	{39, "", 0, 1, "", 0, false},
	{46, "abcdefghijklmnopqr", 18, 1, "signature", 9, false},
	{47, "", 0, 1, "\0\1\x40", 3, false},
	{64, "\0\1", 2, 1, "", 0, false},
};

static void check_rdata(const struct rdata_case *c, bool compressed)
{
	_zw_message_ struct zw_message *m = NULL;
	struct wire w, rdata = {}, plain = {};
	int r;

	begin_query(&w, "\7example", 9);
	put(&rdata, c->before, c->before_len);
	plain = rdata;
	for (size_t n = 0; n < c->names; n++) {
		put(&rdata, compressed ? "\1n\xc0\x0c" : "\1n\7example", compressed ? 4 : 11);
		put(&plain, "\1n\7example", 11);
	}
	put(&rdata, c->after, c->after_len);
	put(&plain, c->after, c->after_len);
	put_rr(&w, ZW_SECTION_ANSWER, "example", c->type, ZW_CLASS_IN, 1, rdata.data, rdata.len);
	r = zw_message_parse(w.data, w.len, &m);
	if (compressed && !c->allowed) {
		assert_int_equal(r, -EBADMSG);
		return;
	}
	if (r < 0)
		print_error("type %u\n", c->type);
	assert_int_equal(r, 0);
	assert_int_equal(m->rr[0].rdata_len, plain.len);
	assert_memory_equal(m->rr[0].rdata, plain.data, plain.len);
}

/* Names are decompressed in the types that may be (RFC 3597 section 4), and in no other. */
static void test_rdata_decompression(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(rdata_cases); i++) {
		check_rdata(&rdata_cases[i], false);
		check_rdata(&rdata_cases[i], true);
	}
}

static void test_rdata_that_does_not_fit(void **state)
{
	static const struct {
		unsigned int type;
		const char *rdata;
		size_t len;
	} cases[] = {
		{1, "abc", 3}, {1, "abcde", 5}, {28, "abcdefghijklmno", 15}, {2, "", 0},
		{2, "\1", 1}, {2, "\0x", 2}, {15, "\0", 1}, {15, "\0\1", 2},
		{6, "\0\0abcdefghijklmnopqrs", 21}, {6, "\0\0abcdefghijklmnopqrstu", 23},
		{33, "\0\0\0\0\0\0", 6}, {35, "\0\0\0\0\3a", 6}, {35, "\0\0\0\0\0\0\0", 7},
		{2, "\1a\xc0", 3}, /* the pointer's other half would be the next record's */
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		struct wire w;

		begin(&w, 1, 0);
		put_rr(&w, ZW_SECTION_ANSWER, "example", cases[i].type, ZW_CLASS_IN, 1,
			cases[i].rdata, cases[i].len);
		put_rr(&w, ZW_SECTION_ANSWER, "\\000", ZW_TYPE_A, ZW_CLASS_IN, 1, a_rdata, 4);
		refuse(&w);
	}
}

/* The most there can be: a signature whose signer's name stands before it. */
static void test_longest_rdata(void **state)
{
	_zw_free_ uint8_t *rdata = calloc(1, 65536);
	_zw_message_ struct zw_message *m = NULL;
	uint8_t name[300];
	struct wire w;
	size_t len;

	(void)state;
	assert_non_null(rdata);
	begin(&w, 1, 0);
	put(&w, name, long_name(name, 255));
	put_rr_tail(&w, ZW_SECTION_ANSWER, 65280, ZW_CLASS_IN, 1, "", 0);
	put_u8(&w, 0);
	len = ZW_MESSAGE_MAX - w.len - 10;
	rdata[18] = 0xc0;
	rdata[19] = 0x0c;
	put_rr_tail(&w, ZW_SECTION_ANSWER, 24, ZW_CLASS_IN, 1, rdata, len);
	m = parse(&w);
	assert_int_equal(m->rr[1].rdata_len, len + 253);
	assert_memory_equal(m->rr[1].rdata + 18, name, 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compression),
		cmocka_unit_test(test_bad_pointers),
		cmocka_unit_test(test_loop_over_records),
		cmocka_unit_test(test_pointer_chains),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_long_compressed_names),
		cmocka_unit_test(test_rdata_decompression),
		cmocka_unit_test(test_rdata_that_does_not_fit),
		cmocka_unit_test(test_longest_rdata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
