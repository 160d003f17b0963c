/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BIND's journals, as named 9.18 wrote them for nsupdate, as named-journalprint -d rewrote one in the format of 9.16,
 * and damaged copies. */
#include "dns/journal.h"
#include "unit/journal_fixture.h"

static const uint8_t origin[] = "\7EXAMPLE";

static int add_line(void *ctx, bool add, const struct zw_record *record)
{
	char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];
	_zw_free_ char *rdata = NULL;

	assert_int_equal(zw_name_len(record->owner), record->owner_len);
	assert_int_equal(
		zw_rdata_to_text(record->type, record->rdata, record->rdata_len, &rdata), 0);
	zw_name_to_text(record->owner, owner);
	zw_str_addf(ctx, "%c %s %u %s %s\n", add ? '+' : '-', owner, record->ttl,
		zw_type_to_text(record->type, type), rdata);
	return 0;
}

static int count_line(void *ctx, bool add, const struct zw_record *record)
{
	(void)record;
	*(int *)ctx += add ? 1 : 1000;
	return 0;
}

/* Everything in it; NULL with @ret_error when it is refused. */
static char *print(const uint8_t *data, size_t len, struct zw_zone_error *ret_error)
{
	_zw_str_ struct zw_str out = {};
	struct zw_journal_transaction t;
	struct zw_journal_position pos;
	struct zw_journal j;
	char *text;
	int r = zw_journal_parse(data, len, &j, ret_error);

	zw_str_add(&out, "");
	if (r == 0) {
		pos = zw_journal_begin(&j);
		while ((r = zw_journal_next(&j, &pos, &t, ret_error)) == 1) {
			zw_str_addf(&out, "%u -> %u\n", t.serial_before, t.serial_after);
			r = zw_journal_records(&t, origin, add_line, &out, ret_error);
			if (r < 0)
				break;
		}
	}
	if (r < 0) {
		assert_int_equal(r, -EBADMSG);
		return NULL;
	}
	assert_int_equal(pos.serial, j.end_serial);
	assert_int_equal(zw_str_done(&out, &text), 0);
	return text;
}

#define SOA " example. 3600 SOA ns.example. hostmaster.example. "
#define TIMES " 3600 900 604800 300\n"

static const char updates[] =
	"1 -> 2\n"
	"-" SOA "1" TIMES "+" SOA "2" TIMES "+ new.example. 300 A 192.0.2.77\n"
	"2 -> 3\n"
	"-" SOA "2" TIMES "- www.example. 3600 A 192.0.2.1\n- www.example. 3600 A 192.0.2.2\n"
	"+" SOA "3" TIMES "+ www.example. 600 A 192.0.2.2\n+ www.example. 600 A 192.0.2.9\n"
	"3 -> 4\n"
	"-" SOA "3" TIMES "- gone.example. 3600 A 192.0.2.4\n"
	"- gone.example. 3600 AAAA 2001:db8::4\n"
	"+" SOA "4" TIMES "+ example. 3600 MX 20 mail.example.\n"
	"+ *.b\\000c\\.d.example. 60 TYPE65280 \\# 3 010203\n"
	"4 -> 5\n"
	"-" SOA "4" TIMES "+" SOA "5" TIMES "+ new.example. 300 A 192.0.2.78\n"
	"5 -> 6\n"
	"-" SOA "5" TIMES "- new.example. 300 A 192.0.2.78\n"
	"+" SOA "6" TIMES;

static void test_updates(void **state)
{
	uint8_t data[DATA_MAX];
	size_t len = read_fixture("bind-9.18", data);
	_zw_free_ char *text = print(data, len, NULL);

	(void)state;
	assert_string_equal(text, updates);
}

/* Transactions without a count, under the older magic. */
static void test_short_headers(void **state)
{
	uint8_t data[DATA_MAX];
	size_t len = read_fixture("bind-9.16-short-headers", data);
	_zw_free_ char *text = print(data, len, NULL);

	(void)state;
	assert_string_equal(text, updates);
	/* The newer one has no such transactions. */
	memcpy(data, ";BIND LOG V9.2\n", 16);
	assert_null(print(data, len, NULL));
}

static void put_u32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

enum form { LONG, SHORT, SHORT_ZERO };

/* The fixture under the older magic, the header of each transaction in one of the forms that it may have there. */
static size_t rewrite(const enum form *forms, uint8_t to[static DATA_MAX])
{
	uint8_t from[DATA_MAX];
	size_t len = read_fixture("bind-9.18", from), at;
	struct zw_journal_transaction t;
	struct zw_journal_position pos;
	struct zw_journal j;

	assert_int_equal(zw_journal_parse(from, len, &j, NULL), 0);
	memcpy(to, from, 512);
	memcpy(to, ";BIND LOG V9\n\0\0", 16);
	at = 512;
	pos = zw_journal_begin(&j);
	for (int i = 0; zw_journal_next(&j, &pos, &t, NULL) == 1; i++) {
		int shift = forms[i] == LONG ? 4 : 0;

		put_u32(to + at, (uint32_t)t.len);
		put_u32(to + at + 4, 4711); /* the count, which nobody keeps right */
		put_u32(to + at + 4 + shift, t.serial_before);
		put_u32(to + at + 8 + shift, t.serial_after);
		if (forms[i] == SHORT_ZERO)
			put_u32(to + at + 12, 0);
		at += forms[i] == SHORT ? 12 : 16;
		memcpy(to + at, t.records, t.len);
		at += t.len;
	}
	put_u32(to + 28, (uint32_t)at);
	return at;
}

/* Versions before 9.16.12 wrote long headers under the older magic, into files that had short ones. */
static void test_mixed_headers(void **state)
{
	static const enum form forms[][5] = {
		{LONG, LONG, LONG, LONG, LONG},
		{SHORT, SHORT, LONG, SHORT, LONG},
		{SHORT_ZERO, LONG, SHORT_ZERO, SHORT, SHORT_ZERO},
	};
	uint8_t data[DATA_MAX];

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(forms); i++) {
		size_t len = rewrite(forms[i], data);
		_zw_free_ char *text = print(data, len, NULL);

		assert_string_equal(text, updates);
	}
}

/* named makes some beforehand; nothing in them is a transaction, whatever stands behind the index. */
static void test_no_transactions(void **state)
{
	uint8_t data[DATA_MAX];
	size_t len = read_fixture("no-transactions", data);
	_zw_free_ char *text = print(data, len, NULL), *more = NULL;

	(void)state;
	assert_string_equal(text, "");
	memset(data + len, 0xff, 100);
	more = print(data, len + 100, NULL);
	assert_string_equal(more, "");
}

/* After a dump of the zone file old transactions go. */
static void test_compacted(void **state)
{
	uint8_t data[DATA_MAX];
	size_t len = read_fixture("compacted", data);
	_zw_free_ char *text = print(data, len, NULL);

	(void)state;
	assert_ptr_equal(strstr(text, "24 -> 25\n"), text);
	assert_non_null(strstr(text, "\n31 -> 32\n-" SOA "31" TIMES "+" SOA "32" TIMES
				     "+ more.example. 300 A 192.0.2.99\n"));
}

static void test_inline_signing(void **state)
{
	static const uint8_t inl[] = "\3inl";
	uint8_t data[DATA_MAX];
	size_t len = read_fixture("inline-signed", data);
	struct zw_journal_transaction t;
	struct zw_journal_position pos;
	struct zw_journal j;
	int transactions = 0, records = 0;

	(void)state;
	assert_int_equal(zw_journal_parse(data, len, &j, NULL), 0);
	assert_true(j.has_source_serial);
	assert_int_equal(j.source_serial, 2);
	pos = zw_journal_begin(&j);
	for (; zw_journal_next(&j, &pos, &t, NULL) == 1; transactions++)
		assert_int_equal(zw_journal_records(&t, inl, count_line, &records, NULL), 0);
	assert_int_equal(transactions, 3);
	assert_int_equal(pos.serial, 4);
	/* As named-journalprint counts them: 9 deleted, 27 added. */
	assert_int_equal(records, 9 * 1000 + 27);
}

/* What was being written when the machine went down was never committed. */
static void test_uncommitted(void **state)
{
	uint8_t data[DATA_MAX];
	size_t len = read_fixture("bind-9.18", data);
	_zw_free_ char *text = NULL;

	(void)state;
	memset(data + len, 0xa5, 300);
	text = print(data, len + 300, NULL);
	assert_string_equal(text, updates);
}

/* Cut anywhere, it is refused. */
static void test_truncated(void **state)
{
	static const char *const names[] = {"bind-9.18", "bind-9.16-short-headers", "compacted"};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(names); i++) {
		uint8_t data[DATA_MAX];
		size_t len = read_fixture(names[i], data);

		for (size_t n = 0; n < len; n++) {
			/* So that a sanitizer sees a look behind the end. */
			_zw_free_ uint8_t *cut = malloc(n + 1);
			struct zw_zone_error error = {};

			memcpy(cut, data, n);
			assert_null(print(cut, n, &error));
			assert_int_equal(error.kind, ZW_ZERR_JOURNAL);
		}
	}
}

static void test_damaged(void **state)
{
	/* The first transaction: header at 512, SOA from 528 on (its length, then owner 9, type 2, class 2, TTL 4, length 2,
	 * rdata 52 octets), the second at 603. */
	static const struct {
		size_t at;
		uint8_t value;
		const char *reason;
	} cases[] = {
		{0, 'x', "it does not begin as one"},
		{12, '3', "it does not begin as one"},
		{19, 2, "a transaction does not continue from the one before it"},
		{22, 1, "its transactions are outside of it"},
		{27, 9, "it ends at another serial than it says"},
		{28, 1, "its transactions are outside of it"},
		{31, 0xad, "its transactions are outside of it"},
		{31, 0xab, "a transaction has an impossible size"},
		{32, 1, "shorter than its index"},
		{35, 57, "its transactions are outside of it"},
		{513, 1, "a transaction has an impossible size"},
		{515, 0, "a transaction has an impossible size"},
		{515, 180, "a record longer than its transaction"},
		{515, 182, "a transaction ends inside a record"},
		{523, 3, "a transaction does not continue from the one before it"},
		{527, 1, "a transaction does not continue from the one before it"},
		{527, 3, "an SOA record has another serial than its transaction"},
		{530, 1, "a record longer than its transaction"},
		{531, 4, "a malformed record"},
		{532, 64, "a malformed record"},
		{533, 'x', "a record outside the zone"},
		{542, 1, "a transaction does not begin with an SOA record"},
		{542, 252, "a record of a type that no zone holds"},
		{544, 3, "a record of another class than IN"},
		{550, 60, "a malformed record"},
		{551, 63, "a malformed SOA record"},
	};
	uint8_t data[DATA_MAX];
	size_t len = read_fixture("bind-9.18", data);

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		struct zw_zone_error error = {};
		uint8_t before = data[cases[i].at];

		data[cases[i].at] = cases[i].value;
		assert_null(print(data, len, &error));
		assert_int_equal(error.kind, ZW_ZERR_JOURNAL);
		if (!strstr(error.reason, cases[i].reason))
			fail_msg("octet %zu: \"%s\"", cases[i].at, error.reason);
		data[cases[i].at] = before;
	}
}

/* Offsets of 32 bits that wrap, and a walk from a position that is none. */
static void test_positions(void **state)
{
	uint8_t data[DATA_MAX];
	size_t len = read_fixture("bind-9.18", data);
	struct zw_journal_transaction t;
	struct zw_journal_position pos;
	struct zw_zone_error error = {};
	struct zw_journal j;

	(void)state;
	assert_int_equal(zw_journal_parse(data, len, &j, NULL), 0);
	pos = (struct zw_journal_position){6, (uint32_t)j.end};
	assert_int_equal(zw_journal_next(&j, &pos, &t, &error), 0);
	pos = (struct zw_journal_position){6, (uint32_t)j.end + 1};
	assert_int_equal(zw_journal_next(&j, &pos, &t, &error), -EBADMSG);
	pos = (struct zw_journal_position){2, 709};
	assert_int_equal(zw_journal_next(&j, &pos, &t, &error), 1);
	assert_int_equal(pos.serial, 3);
	assert_int_equal(pos.offset, t.next.offset);
	put_u32(data + 512, UINT32_MAX - 512);
	pos = zw_journal_begin(&j);
	assert_int_equal(zw_journal_next(&j, &pos, &t, &error), -EBADMSG);
	put_u32(data + 32, UINT32_MAX);
	assert_int_equal(zw_journal_parse(data, len, &j, &error), -EBADMSG);
}

static int stop(void *ctx, bool add, const struct zw_record *record)
{
	(void)add;
	(void)record;
	return ++*(int *)ctx == 2 ? 42 : 0;
}

static void test_callback_stops(void **state)
{
	uint8_t data[DATA_MAX];
	size_t len = read_fixture("bind-9.18", data);
	struct zw_journal_transaction t;
	struct zw_journal_position pos;
	struct zw_journal j;
	int calls = 0;

	(void)state;
	assert_int_equal(zw_journal_parse(data, len, &j, NULL), 0);
	pos = zw_journal_begin(&j);
	assert_int_equal(zw_journal_next(&j, &pos, &t, NULL), 1);
	assert_int_equal(zw_journal_records(&t, origin, stop, &calls, NULL), 42);
	assert_int_equal(calls, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_short_headers),
		cmocka_unit_test(test_mixed_headers),
		cmocka_unit_test(test_no_transactions),
		cmocka_unit_test(test_compacted),
		cmocka_unit_test(test_inline_signing),
		cmocka_unit_test(test_uncommitted),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_callback_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
