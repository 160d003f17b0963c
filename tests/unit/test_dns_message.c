/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DNS messages: header, sections, EDNS, TSIG, and what a strict parser refuses. */
#include <libknot/errcode.h>
#include <libknot/packet/pkt.h>

#include "unit/message_fixture.h"

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

/* Found by a fuzzer: libknot refuses it, wherever it stands. */
static void test_type_zero_has_no_data(void **state)
{
	(void)state;
	for (unsigned int len = 0; len < 3; len++) {
		_zw_message_ struct zw_message *m = NULL;
		struct wire w;

		begin(&w, 1, FLAGS_UPDATE);
		put_rr(&w, ZW_SECTION_ADDITIONAL, "example", 0, ZW_CLASS_ANY, 0, "ab", len);
		assert_int_equal(zw_message_parse(w.data, w.len, &m), len ? -EBADMSG : 0);
	}
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
		cmocka_unit_test(test_type_zero_has_no_data),
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
