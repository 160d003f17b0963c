/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit/zone_support.h"

#include <stdlib.h>

#include <libknot/errcode.h>
#include <libknot/packet/pkt.h>

#include "unit/message_support.h"

static const uint8_t a_rdata[] = {192, 0, 2, 1};

static void refuse(const struct wire *w)
{
	struct zw_message *m = (struct zw_message *)&a_rdata;

	assert_int_equal(zw_message_parse(w->data, w->len, &m), -EBADMSG);
	assert_ptr_equal(m, &a_rdata);
}

static void assert_name(const uint8_t *name, const char *text)
{
	char buf[ZW_NAME_TEXT_MAX];

	zw_name_to_text(name, buf);
	assert_string_equal(buf, text);
}

/* A query for @name as it stands, from offset 12 on. */
static void begin_query(struct wire *w, const void *name, size_t len)
{
	begin(w, 1, 0);
	put(w, name, len);
	put_u32(w, ZW_TYPE_A << 16 | ZW_CLASS_IN);
	count(w, 0);
}

static void test_query(void **state)
{
	struct wire w;
	_zw_message_ struct zw_message *m = NULL;

	(void)state;
	begin(&w, 0xabcd, 0x0120);
	put_question(&w, "Www.Example", ZW_TYPE_AAAA, ZW_CLASS_IN);
	m = parse(&w);
	assert_int_equal(m->id, 0xabcd);
	assert_int_equal(m->flags, 0x0120);
	assert_int_equal(m->opcode, ZW_OPCODE_QUERY);
	assert_false(m->is_response || m->has_edns || m->has_tsig);
	assert_true(m->has_question);
	assert_name(m->question.name, "www.example.");
	assert_int_equal(m->question.type, ZW_TYPE_AAAA);
	assert_int_equal(m->question.klass, ZW_CLASS_IN);
	assert_int_equal(m->rrs, 0);
}

static void test_update(void **state)
{
	struct wire w;
	_zw_message_ struct zw_message *m = NULL;
	struct zw_record rec;

	(void)state;
	begin(&w, 7, FLAGS_UPDATE);
	put_question(&w, "example", ZW_TYPE_SOA, ZW_CLASS_IN);
	put_rr(&w, ZW_SECTION_PREREQUISITE, "a.example", ZW_TYPE_ANY, ZW_CLASS_ANY, 0, NULL, 0);
	put_rr(&w, ZW_SECTION_PREREQUISITE, "b.example", ZW_TYPE_A, ZW_CLASS_NONE, 0, NULL, 0);
	put_rr(&w, ZW_SECTION_UPDATE, "A.Example", ZW_TYPE_A, ZW_CLASS_IN, 60, a_rdata, 4);
	put_rr(&w, ZW_SECTION_UPDATE, "a.example", ZW_TYPE_A, ZW_CLASS_NONE, 0, a_rdata, 4);
	put_rr(&w, ZW_SECTION_UPDATE, "a.example", ZW_TYPE_MX, ZW_CLASS_ANY, 0, NULL, 0);
	m = parse(&w);
	assert_int_equal(m->opcode, ZW_OPCODE_UPDATE);
	assert_int_equal(m->rrs, 5);
	for (size_t i = 0; i < m->rrs; i++)
		assert_int_equal(
			m->rr[i].section, i < 2 ? ZW_SECTION_PREREQUISITE : ZW_SECTION_UPDATE);
	assert_int_equal(m->rr[1].klass, ZW_CLASS_NONE);
	assert_int_equal(m->rr[1].rdata_len, 0);
	rec = zw_message_rr_record(&m->rr[2]);
	assert_name(rec.owner, "a.example.");
	assert_int_equal(rec.owner_len, 11);
	assert_int_equal(rec.ttl, 60);
	assert_int_equal(rec.type, ZW_TYPE_A);
	assert_int_equal(rec.klass, ZW_CLASS_IN);
	assert_int_equal(rec.rdata_len, 4);
	assert_memory_equal(rec.rdata, a_rdata, 4);
	assert_int_equal(m->rr[4].type, ZW_TYPE_MX);
}

/* Records without data are for updates, and there for the two classes that mean no data. */
static void test_empty_rdata(void **state)
{
	static const struct {
		unsigned int flags, type, klass;
		int r;
	} cases[] = {
		{FLAGS_UPDATE, ZW_TYPE_A, ZW_CLASS_ANY, 0},
		{FLAGS_UPDATE, ZW_TYPE_A, ZW_CLASS_NONE, 0},
		{FLAGS_UPDATE, ZW_TYPE_A, ZW_CLASS_IN, -EBADMSG},
		{FLAGS_UPDATE, 65280, ZW_CLASS_IN, 0}, {0, ZW_TYPE_A, ZW_CLASS_ANY, -EBADMSG},
		{0, ZW_TYPE_A, ZW_CLASS_IN, -EBADMSG}, {0, ZW_TYPE_TXT, ZW_CLASS_IN, -EBADMSG},
		{0, 42, ZW_CLASS_IN, 0}, /* APL */
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_message_ struct zw_message *m = NULL;
		struct wire w;

		begin(&w, 1, cases[i].flags);
		put_rr(&w, ZW_SECTION_UPDATE, "example", cases[i].type, cases[i].klass, 0, NULL, 0);
		assert_int_equal(zw_message_parse(w.data, w.len, &m), cases[i].r);
	}
}

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

/* A name of @len octets in labels of at most 63. */
static size_t long_name(uint8_t *out, size_t len)
{
	size_t n = 0;

	while (len - n > 1) {
		size_t label = len - n - 2 > 63 ? 63 : len - n - 2;

		if (len - n - 2 == 64)
			label = 62; /* or a length octet without a label would be left */
		out[n] = (uint8_t)label;
		memset(out + n + 1, 'x', label);
		n += 1 + label;
	}
	out[n++] = 0;
	return n;
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

/* Names are decompressed in the types that may be (RFC 3597 section 4), and in no other. */
static void test_rdata_decompression(void **state)
{
	static const struct {
		unsigned int type;
		const char *before;
		size_t before_len;
		size_t names;
		const char *after;
		size_t after_len;
		bool allowed;
	} cases[] = {
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

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		for (int compressed = 0; compressed < 2; compressed++) {
			_zw_message_ struct zw_message *m = NULL;
			struct wire w, rdata = {}, plain = {};
			int r;

			begin_query(&w, "\7example", 9);
			put(&rdata, cases[i].before, cases[i].before_len);
			plain = rdata;
			for (size_t n = 0; n < cases[i].names; n++) {
				put(&rdata, compressed ? "\1n\xc0\x0c" : "\1n\7example",
					compressed ? 4 : 11);
				put(&plain, "\1n\7example", 11);
			}
			put(&rdata, cases[i].after, cases[i].after_len);
			put(&plain, cases[i].after, cases[i].after_len);
			put_rr(&w, ZW_SECTION_ANSWER, "example", cases[i].type, ZW_CLASS_IN, 1,
				rdata.data, rdata.len);
			r = zw_message_parse(w.data, w.len, &m);
			if (compressed && !cases[i].allowed) {
				assert_int_equal(r, -EBADMSG);
				continue;
			}
			if (r < 0)
				print_error("type %u\n", cases[i].type);
			assert_int_equal(r, 0);
			assert_int_equal(m->rr[0].rdata_len, plain.len);
			assert_memory_equal(m->rr[0].rdata, plain.data, plain.len);
		}
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

static void big_update(struct wire *w)
{
	static const struct test_tsig t = {.key = "Ddns-Key.", .mac = "0123456789abcdef"};
	const uint8_t option[] = {0, 10, 0, 2, 1, 2};

	begin(w, 7, FLAGS_UPDATE);
	put_question(w, "example", ZW_TYPE_SOA, ZW_CLASS_IN);
	put_rr(w, ZW_SECTION_PREREQUISITE, "a.example", ZW_TYPE_A, ZW_CLASS_NONE, 0, NULL, 0);
	put(w, "\1b\xc0\x0c", 4);
	put_rr_tail(w, ZW_SECTION_UPDATE, ZW_TYPE_MX, ZW_CLASS_IN, 60, "\0\1\xc0\x0c", 4);
	put_edns(w, 0, option, sizeof(option));
	put_tsig(w, &t);
}

/* Every prefix of a message is refused, and so is what follows it, but where that is allowed. */
static void test_truncated_and_trailing(void **state)
{
	_zw_message_ struct zw_message *m = NULL;
	struct wire w;
	size_t len, used;

	(void)state;
	big_update(&w);
	len = w.len;
	for (w.len = 0; w.len < len; w.len++) {
		_zw_free_ uint8_t *exact = malloc(w.len + 1);

		refuse(&w);
		assert_non_null(exact);
		memcpy(exact, w.data, w.len); /* for the sanitizer */
		assert_int_equal(zw_message_parse(exact, w.len, &m), -EBADMSG);
	}
	put_u8(&w, 0);
	refuse(&w);
	assert_int_equal(zw_message_parse_prefix(w.data, w.len, &m, &used), 0);
	assert_int_equal(used, len);
	assert_int_equal(m->rrs, 2);
	w.len = ZW_MESSAGE_MAX + 1;
	refuse(&w);
}

static void test_lying_counts(void **state)
{
	struct wire w;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		big_update(&w);
		count(&w, i); /* one more than there is */
		refuse(&w);
		big_update(&w);
		w.data[4 + 2 * i] = w.data[5 + 2 * i] = 0xff;
		refuse(&w);
		big_update(&w);
		w.data[5 + 2 * i]--;
		refuse(&w);
	}
	begin_query(&w, "\7example", 9);
	put_question(&w, "example", ZW_TYPE_A, ZW_CLASS_IN);
	refuse(&w); /* two questions */
	begin(&w, 1, 0);
	put_rr(&w, ZW_SECTION_ANSWER, "example", ZW_TYPE_A, ZW_CLASS_IN, 1, a_rdata, 4);
	w.data[w.len - 5] = 5; /* rdata longer than the message */
	refuse(&w);
}

static void test_no_question(void **state)
{
	_zw_message_ struct zw_message *m = NULL;
	struct zw_message_head head;
	struct wire w;

	(void)state;
	begin(&w, 3, 0x8001);
	m = parse(&w);
	assert_false(m->has_question);
	assert_true(m->is_response);
	assert_int_equal(m->rcode, ZW_RCODE_FORMERR);
	assert_int_equal(zw_message_head_parse(w.data, w.len, &head), 0);
	assert_false(head.has_question);
}

static void test_edns(void **state)
{
	static const uint8_t cookie[] = {0, 10, 0, 2, 1, 2}, cut[] = {0, 10, 0, 3, 1, 2};
	_zw_message_ struct zw_message *m = NULL;
	struct wire w;

	(void)state;
	begin(&w, 1, 0x8007);
	put_edns(&w, 0x01008000, cookie, sizeof(cookie));
	m = parse(&w);
	assert_true(m->has_edns);
	assert_int_equal(m->edns_size, 1232);
	assert_int_equal(m->rcode, ZW_RCODE_BADCOOKIE);
	assert_int_equal(m->rrs, 0);
	begin(&w, 1, 0); /* two */
	put_edns(&w, 0, NULL, 0);
	put_edns(&w, 0, NULL, 0);
	refuse(&w);
	begin(&w, 1, 0); /* elsewhere */
	put_rr(&w, ZW_SECTION_ANSWER, ".", ZW_TYPE_OPT, 1232, 0, NULL, 0);
	refuse(&w);
	begin(&w, 1, 0); /* not at the root */
	put_rr(&w, ZW_SECTION_ADDITIONAL, "a", ZW_TYPE_OPT, 1232, 0, NULL, 0);
	refuse(&w);
	begin(&w, 1, 0);
	put_edns(&w, 0, cut, sizeof(cut));
	refuse(&w);
}

static void test_tsig(void **state)
{
	static const struct test_tsig t = {.key = "Ddns-Key.",
		.time_signed = 0x123456789abcULL,
		.mac = "not really",
		.original_id = 77,
		.error = ZW_RCODE_BADKEY};
	_zw_message_ struct zw_message *m = NULL;
	struct wire w;

	(void)state;
	begin(&w, 5, FLAGS_UPDATE);
	put_question(&w, "example", ZW_TYPE_SOA, ZW_CLASS_IN);
	put_rr(&w, ZW_SECTION_UPDATE, "a.example", ZW_TYPE_A, ZW_CLASS_ANY, 0, NULL, 0);
	put_tsig(&w, &t);
	m = parse(&w);
	assert_true(m->has_tsig);
	assert_int_equal(m->id, 5);
	assert_int_equal(m->rrs, 1);
	assert_name(m->tsig.key, "ddns-key.");
	assert_name(m->tsig.algorithm, "hmac-sha256.");
	assert_true(m->tsig.time_signed == t.time_signed);
	assert_int_equal(m->tsig.fudge, 300);
	assert_int_equal(m->tsig.mac_len, 10);
	assert_memory_equal(m->tsig.mac, t.mac, 10);
	assert_int_equal(m->tsig.original_id, 77);
	assert_int_equal(m->tsig.error, ZW_RCODE_BADKEY);
	assert_string_equal(zw_tsig_error_to_text(m->tsig.error), "BADKEY");
	assert_string_equal(zw_tsig_error_to_text(16), "BADSIG");
	assert_string_equal(zw_rcode_to_text(16), "BADVERS");
	assert_null(zw_rcode_to_text(11));
	assert_null(zw_rcode_to_text(4096));
}

static void test_tsig_in_wrong_places(void **state)
{
	static const struct test_tsig t = {.key = "k", .mac = "mac"};
	struct wire w;

	(void)state;
	begin(&w, 1, 0); /* not the last */
	put_tsig(&w, &t);
	put_edns(&w, 0, NULL, 0);
	refuse(&w);
	begin(&w, 1, 0); /* two */
	put_tsig(&w, &t);
	put_tsig(&w, &t);
	refuse(&w);
	for (size_t i = 0; i < 2; i++) { /* another section */
		begin(&w, 1, 0);
		put_tsig(&w, &t);
		w.data[11] = 0;
		w.data[7 + 2 * i] = 1;
		refuse(&w);
	}
	begin(&w, 1, 0); /* class */
	put_tsig(&w, &t);
	w.data[12 + 3 + 3] = ZW_CLASS_IN;
	refuse(&w);
	begin(&w, 1, 0); /* TTL */
	put_tsig(&w, &t);
	w.data[12 + 3 + 7] = 1;
	refuse(&w);
}

static void test_tsig_that_does_not_fit(void **state)
{
	static const struct test_tsig t = {.key = "k", .mac = "mac"};
	struct wire w;
	size_t rdata = 12 + 3 + 10, len;

	(void)state;
	begin(&w, 1, 0);
	put_tsig(&w, &t);
	len = w.len;
	for (unsigned int cut = 1; cut <= len - rdata; cut++) { /* shorter than its parts say */
		begin(&w, 1, 0);
		put_tsig(&w, &t);
		w.len -= cut;
		w.data[rdata - 1] = (uint8_t)(w.data[rdata - 1] - cut);
		refuse(&w);
	}
	begin(&w, 1, 0); /* MAC longer than the record */
	put_tsig(&w, &t);
	w.data[rdata + 13 + 9] = 10;
	refuse(&w);
	begin(&w, 1, 0); /* other data that is not there */
	put_tsig(&w, &t);
	w.data[len - 1] = 1;
	refuse(&w);
	begin(&w, 1, 0); /* compressed algorithm name */
	put_name(&w, "k");
	put_rr_tail(&w, ZW_SECTION_ADDITIONAL, ZW_TYPE_TSIG, ZW_CLASS_ANY, 0,
		"\xc0\x0c"
		"0123456701"
		"\0\0\0\0\0\0",
		18);
	refuse(&w);
}

static void test_head(void **state)
{
	struct zw_message_head head;
	struct wire w;

	(void)state;
	big_update(&w);
	for (size_t len = 0; len < 25; len++)
		assert_int_equal(zw_message_head_parse(w.data, len, &head), -EBADMSG);
	for (size_t len = 25; len <= w.len; len++) {
		assert_int_equal(zw_message_head_parse(w.data, len, &head), 0);
		assert_int_equal(head.id, 7);
		assert_int_equal(head.opcode, ZW_OPCODE_UPDATE);
		assert_name(head.name, "example.");
		assert_int_equal(head.type, ZW_TYPE_SOA);
		assert_int_equal(head.count[3], 2);
	}
}

static int knot_parse(const struct wire *w)
{
	uint8_t copy[65536];
	knot_pkt_t *pkt;
	int r;

	memcpy(copy, w->data, w->len);
	pkt = knot_pkt_new(copy, (uint16_t)w->len, NULL);
	assert_non_null(pkt);
	r = knot_pkt_parse(pkt, 0);
	knot_pkt_free(pkt);
	return r;
}

/* A pointer to the end of a name, as BIND takes it and libknot does not. */
static bool may_point_to_root(const struct wire *w)
{
	for (size_t i = 0; i + 1 < w->len; i++) {
		size_t target = (size_t)(w->data[i] & 0x3f) << 8 | w->data[i + 1];

		if (w->data[i] >= 0xc0 && target < i && w->data[target] == 0)
			return true;
	}
	return false;
}

/* A good message with octets changed at random: what is accepted, libknot accepts too. But for algorithms and
 * errors it does not know, which are for a server to answer. */
static void test_against_libknot(void **state)
{
	static const uint8_t hmac_sha256[] = "\13hmac-sha256";
	unsigned int seed = 1;
	size_t accepted = 0;

	(void)state;
	for (int n = 0; n < 100000; n++) {
		_zw_message_ struct zw_message *m = NULL;
		struct wire w;

		big_update(&w);
		for (int k = rand_r(&seed) % 3; k >= 0; k--)
			w.data[(size_t)rand_r(&seed) % w.len] = (uint8_t)rand_r(&seed);
		if (zw_message_parse(w.data, w.len, &m) < 0 || may_point_to_root(&w))
			continue;
		if (m->has_tsig &&
			(m->tsig.error || !zw_name_equal(m->tsig.algorithm, hmac_sha256)))
			continue;
		accepted++;
		assert_int_equal(knot_parse(&w), KNOT_EOK);
	}
	assert_true(accepted > 10000);
}

/* Made here and not by others, it is as if it had been parsed. */
static void test_made_update(void **state)
{
	_zw_message_ struct zw_message *made = NULL, *m = NULL;
	uint8_t owner[ZW_NAME_MAX];
	size_t len, owner_len;
	struct wire w;

	(void)state;
	begin(&w, 0, FLAGS_UPDATE);
	put_question(&w, "Example", ZW_TYPE_SOA, ZW_CLASS_IN);
	assert_int_equal(zw_message_new_update(w.data + ZW_MESSAGE_HEADER, &made), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		char text[32];
		uint8_t rdata[] = "\0\1\4Mail\7example";
		struct zw_record rec = {.owner = owner,
			.rdata = rdata,
			.rdata_len = i % 3 ? sizeof(rdata) : 0,
			.ttl = i,
			.type = ZW_TYPE_MX,
			.klass = i % 3 ? ZW_CLASS_IN : ZW_CLASS_ANY};

		snprintf(text, sizeof(text), "H%u.example", i);
		assert_int_equal(zw_name_from_text(text, owner, &owner_len), 0);
		rec.owner_len = (uint8_t)owner_len;
		put_rr(&w, ZW_SECTION_UPDATE, text, rec.type, rec.klass, rec.ttl, rdata,
			rec.rdata_len);
		assert_int_equal(zw_message_add_rr(made, ZW_SECTION_UPDATE, &rec), 0);
		assert_int_equal(zw_message_add_rr(made, ZW_SECTION_PREREQUISITE, &rec), -EINVAL);
	}
	m = parse(&w);
	assert_int_equal(made->opcode, ZW_OPCODE_UPDATE);
	assert_name(made->question.name, "example.");
	assert_int_equal(made->question.type, ZW_TYPE_SOA);
	assert_int_equal(made->rrs, m->rrs);
	for (size_t i = 0; i < m->rrs; i++) {
		const struct zw_message_rr *a = &made->rr[i], *b = &m->rr[i];

		assert_true(a->section == b->section && a->type == b->type &&
			    a->klass == b->klass && a->ttl == b->ttl);
		assert_int_equal(a->rdata_len, b->rdata_len);
		assert_memory_equal(a->owner, b->owner, b->owner_len);
		assert_memory_equal(a->rdata, b->rdata, b->rdata_len);
	}
	len = made->text_len + made->rrs * sizeof(*made->rr);
	assert_true(made->memory >= len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_empty_rdata),
		cmocka_unit_test(test_compression),
		cmocka_unit_test(test_bad_pointers),
		cmocka_unit_test(test_loop_over_records),
		cmocka_unit_test(test_pointer_chains),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_long_compressed_names),
		cmocka_unit_test(test_rdata_decompression),
		cmocka_unit_test(test_rdata_that_does_not_fit),
		cmocka_unit_test(test_longest_rdata),
		cmocka_unit_test(test_truncated_and_trailing),
		cmocka_unit_test(test_lying_counts),
		cmocka_unit_test(test_no_question),
		cmocka_unit_test(test_edns),
		cmocka_unit_test(test_tsig),
		cmocka_unit_test(test_tsig_in_wrong_places),
		cmocka_unit_test(test_tsig_that_does_not_fit),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_against_libknot),
		cmocka_unit_test(test_made_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
