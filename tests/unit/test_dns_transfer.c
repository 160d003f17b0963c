/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Transfers put together octet by octet, good ones and others. */
#include "unit/zone_support.h"

#include "dns/transfer.h"
#include "unit/message_support.h"

#define ID 7
#define RESPONSE 0x8400

static const uint8_t address[] = {192, 0, 2, 1};

struct context {
	struct zw_transfer *transfer;
	struct zw_zone_error error;
	unsigned int records, soas;
	int refuse;
	struct wire w;
};

static int take(void *ctx, const struct zw_record *record)
{
	struct context *c = ctx;

	assert_true(c->records || record->type == ZW_TYPE_SOA);
	c->records++;
	c->soas += record->type == ZW_TYPE_SOA;
	return c->refuse;
}

static int setup(void **state)
{
	struct context *c = calloc(1, sizeof(*c));
	uint8_t origin[ZW_NAME_MAX];

	assert_non_null(c);
	assert_int_equal(zw_name_from_text("example", origin, NULL), 0);
	assert_int_equal(zw_transfer_new(origin, ID, take, c, &c->transfer), 0);
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct context *c = *state;

	zw_transfer_free(c->transfer);
	free(c);
	return 0;
}

static void put_soa(struct wire *w, const char *owner, uint32_t serial)
{
	struct wire rdata = {};

	put_name(&rdata, "ns.example");
	put_name(&rdata, "h.example");
	put_u32(&rdata, serial);
	for (int i = 0; i < 4; i++)
		put_u32(&rdata, 60);
	put_rr(w, ZW_SECTION_ANSWER, owner, ZW_TYPE_SOA, ZW_CLASS_IN, 60, rdata.data, rdata.len);
}

static void put_a(struct wire *w, const char *owner)
{
	put_rr(w, ZW_SECTION_ANSWER, owner, ZW_TYPE_A, ZW_CLASS_IN, 60, address, sizeof(address));
}

/* The beginning of an answer. */
static void answer(struct context *c, unsigned int flags)
{
	begin(&c->w, ID, RESPONSE | flags);
	put_question(&c->w, "Example", ZW_TYPE_AXFR, ZW_CLASS_IN);
}

static int feed(struct context *c)
{
	return zw_transfer_feed(c->transfer, c->w.data, c->w.len, &c->error);
}

static void test_query(void **state)
{
	struct context *c = *state;
	uint8_t name[ZW_NAME_MAX];
	_zw_message_ struct zw_message *m = NULL;

	assert_int_equal(zw_name_from_text("www.example", name, NULL), 0);
	c->w.len = zw_query_write(c->w.data, 0xabcd, name, ZW_TYPE_AXFR);
	m = parse(&c->w);
	assert_int_equal(m->id, 0xabcd);
	assert_int_equal(m->flags, 0);
	assert_int_equal(m->rrs, 0);
	assert_true(zw_name_equal(m->question.name, name));
	assert_int_equal(m->question.type, ZW_TYPE_AXFR);
	assert_int_equal(m->question.klass, ZW_CLASS_IN);
}

static void test_one_message(void **state)
{
	struct context *c = *state;

	answer(c, 0);
	put_soa(&c->w, "example", 7);
	put_a(&c->w, "www.example");
	put_a(&c->w, "www.elsewhere");
	put_soa(&c->w, "EXAMPLE", 7);
	put_edns(&c->w, 0, NULL, 0);
	assert_int_equal(feed(c), 1);
	assert_int_equal(zw_transfer_serial(c->transfer), 7);
	assert_int_equal(c->records, 2);
	assert_int_equal(c->soas, 1);
}

/* One record each; only the first has the question. */
static void test_many_messages(void **state)
{
	struct context *c = *state;

	answer(c, 0);
	put_soa(&c->w, "example", 1);
	assert_int_equal(feed(c), 0);
	for (int i = 0; i < 100; i++) {
		begin(&c->w, ID, RESPONSE);
		put_a(&c->w, "www.example");
		assert_int_equal(feed(c), 0);
	}
	begin(&c->w, ID, RESPONSE);
	put_soa(&c->w, "example", 1);
	assert_int_equal(feed(c), 1);
	assert_int_equal(c->records, 101);
}

static void refused_with(struct context *c, unsigned int rcode, int r, const char *text)
{
	answer(c, rcode);
	assert_int_equal(feed(c), r);
	assert_non_null(strstr(c->error.reason, text));
	assert_int_equal(c->records, 0);
}

static void test_refused(void **state)
{
	struct context *c = *state;

	refused_with(c, ZW_RCODE_REFUSED, -EACCES, "refuses to transfer");
	refused_with(c, ZW_RCODE_NOTAUTH, -EACCES, "refuses to transfer");
	refused_with(c, ZW_RCODE_SERVFAIL, -ENODATA, "SERVFAIL");
	refused_with(c, ZW_RCODE_NXDOMAIN, -ENOENT, "NXDOMAIN");
	refused_with(c, ZW_RCODE_FORMERR, -EREMOTEIO, "FORMERR");
}

static void bad(struct context *c, const char *text)
{
	assert_int_equal(feed(c), -EBADMSG);
	assert_non_null(strstr(c->error.reason, text));
}

static void test_no_answer(void **state)
{
	struct context *c = *state;

	begin(&c->w, ID + 1, RESPONSE);
	put_soa(&c->w, "example", 1);
	bad(c, "no answer");
	begin(&c->w, ID, 0x0400);
	put_soa(&c->w, "example", 1);
	bad(c, "no answer");
	begin(&c->w, ID, RESPONSE);
	put_question(&c->w, "example", ZW_TYPE_IXFR, ZW_CLASS_IN);
	put_soa(&c->w, "example", 1);
	bad(c, "something else");
	begin(&c->w, ID, RESPONSE);
	put_question(&c->w, "other", ZW_TYPE_AXFR, ZW_CLASS_IN);
	bad(c, "something else");
	begin(&c->w, ID, RESPONSE);
	bad(c, "empty");
	c->w.len = 5;
	bad(c, "no DNS message");
	assert_int_equal(c->records, 0);
}

static void test_no_transfer(void **state)
{
	struct context *c = *state;

	answer(c, 0);
	put_a(&c->w, "www.example");
	bad(c, "does not begin");
	answer(c, 0);
	put_soa(&c->w, "www.example", 1);
	bad(c, "wrong SOA");
	answer(c, 0);
	put_soa(&c->w, "example", 1);
	put_rr(&c->w, ZW_SECTION_ANSWER, "example", ZW_TYPE_A, 3, 60, address, 4);
	bad(c, "no zone holds");
	answer(c, 0);
	put_soa(&c->w, "example", 2);
	bad(c, "two versions");
	answer(c, 0);
	put_soa(&c->w, "example", 1);
	put_a(&c->w, "www.example");
	bad(c, "more than a transfer");
}

static void test_callback(void **state)
{
	struct context *c = *state;

	c->refuse = -EPIPE;
	answer(c, 0);
	put_soa(&c->w, "example", 1);
	assert_int_equal(feed(c), -EPIPE);
}

static void test_soa(void **state)
{
	struct context *c = *state;
	uint8_t name[ZW_NAME_MAX];
	uint32_t serial = 1;

	assert_int_equal(zw_name_from_text("example", name, NULL), 0);
	begin(&c->w, ID, RESPONSE);
	put_question(&c->w, "example", ZW_TYPE_SOA, ZW_CLASS_IN);
	assert_int_equal(zw_soa_answer(c->w.data, c->w.len, ID, name, &serial, &c->error), -ENOENT);
	put_soa(&c->w, "other", 3);
	assert_int_equal(zw_soa_answer(c->w.data, c->w.len, ID, name, &serial, &c->error), -ENOENT);
	put_soa(&c->w, "Example", 4294967295);
	assert_int_equal(zw_soa_answer(c->w.data, c->w.len, ID, name, &serial, &c->error), 0);
	assert_int_equal(serial, 4294967295);
	begin(&c->w, ID, RESPONSE | ZW_RCODE_REFUSED);
	assert_int_equal(
		zw_soa_answer(c->w.data, c->w.len, ID, name, &serial, &c->error), -EREMOTEIO);
	assert_non_null(strstr(c->error.reason, "REFUSED"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_query),
		TEST(test_one_message),
		TEST(test_many_messages),
		TEST(test_refused),
		TEST(test_no_answer),
		TEST(test_no_transfer),
		TEST(test_callback),
		TEST(test_soa),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
