/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Single records that come and go, against zones loaded from nothing; and journals of a real BIND against the zone file
 * that it wrote afterwards. */
#include "unit/journal_fixture.h"
#include "zone/patch.h"
#include "zone/replay.h"
#include "zone/snapshot_impl.h"

/* --- patches ----------------------------------------------------------------------------------- */

struct single {
	int (*fn)(struct zw_patch *p, const struct zw_record *record);
	struct zw_patch *patch;
	int result;
};

/* The SOA record in the first line is there because no zone is without one. */
static int take_single(void *ctx, const struct zw_record *record)
{
	struct single *s = ctx;

	if (record->line > 1)
		s->result = s->fn(s->patch, record);
	return 0;
}

/* @op and a line of a master file: "+a 60 A 1.1.1.1". */
static int change(struct zw_patch *p, const char *op)
{
	_zw_free_ char *text = zw_asprintf("%s%s\n", strstr(op, " SOA ") ? "\n" : SOA_LINE, op + 1);
	struct zw_zone_input in = test_input(text, strlen(text), NULL);
	struct single s = {op[0] == '+' ? zw_patch_add : zw_patch_delete, p, 1};

	assert_int_equal(zw_master_parse(&in.master, text, strlen(text), take_single, &s, NULL), 0);
	assert_int_not_equal(s.result, 1);
	return s.result;
}

static void check_same(struct zw_snapshot *s, const char *text)
{
	_zw_snapshot_ struct zw_snapshot *want = test_load(text, NULL), *again = NULL;
	_zw_free_ char *a = test_dump(s), *b = test_dump(want);

	assert_string_equal(a, b);
	assert_true(zw_snapshot_equal(s, want));
	/* In the same order, too, or it would be another snapshot. */
	again = test_load(text, s);
	assert_ptr_equal(again, s);
}

static struct zw_snapshot *finish(struct zw_patch *p)
{
	struct zw_snapshot *s;

	assert_int_equal(zw_patch_finish(p, &s), 0);
	return s;
}

static void test_add_and_delete(void **state)
{
	_zw_snapshot_ struct zw_snapshot *base = test_load(
		SOA_LINE "a 60 A 1.1.1.1\na 60 A 1.1.1.2\nb 60 TXT long-enough-for-text\n", NULL);
	_zw_snapshot_ struct zw_snapshot *s = NULL, *more = NULL;
	_zw_patch_ struct zw_patch *p = NULL;

	(void)state;
	assert_int_equal(zw_patch_new(base, &p), 0);
	assert_int_equal(change(p, "-a 60 A 1.1.1.1"), 0);
	assert_int_equal(change(p, "-B 0 TXT long-enough-for-text"), 0);
	assert_int_equal(change(p, "+new.a 5 MX 10 MAIL"), 0);
	assert_int_equal(change(p, "+a 60 A 1.1.1.0"), 0);
	assert_int_equal(change(p, "-@ 300 SOA ns h 1 2 3 4 500"), 0);
	assert_int_equal(change(p, "+@ 300 SOA ns h 2 2 3 4 500"), 0);
	s = finish(p);
	check_same(s, "a 60 A 1.1.1.2\nnew.a 5 MX 10 mail\na 60 A 1.1.1.0\n"
		      "@ 300 SOA ns h 2 2 3 4 500\n");
	/* The same patch goes on from there. */
	assert_int_equal(change(p, "-new.a 5 MX 10 mail"), 0);
	more = finish(p);
	check_same(more, "a 60 A 1.1.1.2\na 60 A 1.1.1.0\n@ 300 SOA ns h 2 2 3 4 500\n");
}

static void test_exact(void **state)
{
	_zw_snapshot_ struct zw_snapshot *base = test_load(SOA_LINE "a 60 A 1.1.1.1\n", NULL);
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	_zw_patch_ struct zw_patch *p = NULL;
	static const uint8_t other[] = "\1a\5other";
	const struct zw_record outside = {.owner = other, .owner_len = sizeof(other), .type = 1};

	(void)state;
	assert_int_equal(zw_patch_new(base, &p), 0);
	assert_int_equal(change(p, "+A 5 A 1.1.1.1"), -EEXIST);
	assert_int_equal(change(p, "-a 60 A 1.1.1.2"), -ENOENT);
	assert_int_equal(change(p, "-a 60 TYPE2 \\# 4 01010101"), -ENOENT);
	assert_int_equal(change(p, "-b 60 A 1.1.1.1"), -ENOENT);
	assert_int_equal(change(p, "-z 60 A 1.1.1.1"), -ENOENT);
	assert_int_equal(zw_patch_add(p, &outside), -EINVAL);
	assert_int_equal(change(p, "-a 60 A 1.1.1.1"), 0);
	assert_int_equal(change(p, "-a 60 A 1.1.1.1"), -ENOENT);
	assert_int_equal(change(p, "+a 60 A 1.1.1.1"), 0);
	assert_int_equal(change(p, "+a 60 A 1.1.1.1"), -EEXIST);
	/* All of it cancelled out. */
	s = finish(p);
	assert_ptr_equal(s, base);
}

/* An RRset has the TTL of its first record. */
static void test_ttl(void **state)
{
	_zw_snapshot_ struct zw_snapshot *base =
		test_load(SOA_LINE "a 60 A 1.1.1.1\na 60 A 1.1.1.2\n", NULL);
	_zw_snapshot_ struct zw_snapshot *joined = NULL, *changed = NULL;
	_zw_patch_ struct zw_patch *p = NULL;

	(void)state;
	assert_int_equal(zw_patch_new(base, &p), 0);
	assert_int_equal(change(p, "+a 5 A 1.1.1.3"), 0);
	joined = finish(p);
	check_same(joined, SOA_LINE "a 60 A 1.1.1.1\na 60 A 1.1.1.2\na 60 A 1.1.1.3\n");
	assert_int_equal(change(p, "-a 60 A 1.1.1.1"), 0);
	assert_int_equal(change(p, "-a 60 A 1.1.1.2"), 0);
	assert_int_equal(change(p, "-a 60 A 1.1.1.3"), 0);
	/* The second one as it was before, which decides nothing. */
	assert_int_equal(change(p, "+a 7 A 1.1.1.2"), 0);
	assert_int_equal(change(p, "+a 60 A 1.1.1.1"), 0);
	changed = finish(p);
	check_same(changed, SOA_LINE "a 7 A 1.1.1.2\na 7 A 1.1.1.1\n");
}

/* --- the same at random ------------------------------------------------------------------------ */

#define RECORDS 40
#define STEPS 60

static uint32_t roll(uint64_t *random, uint32_t below)
{
	*random = *random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*random >> 33) % below;
}

/* Record number @n; four of them are an RRset. */
static char *line_of(unsigned int n, unsigned int ttl)
{
	_zw_free_ char *rdata = NULL;

	switch (n / 4 % 3) {
	case 0:
		rdata = zw_asprintf("A 1.1.1.%u", n % 4);
		break;
	case 1:
		rdata = zw_asprintf("TXT some-text-of-length-%u", n % 4);
		break;
	default:
		rdata = zw_asprintf(
			"RRSIG A 8 2 3600 20260101000000 20250101000000 %u e. AAAA", n % 4);
	}
	return zw_asprintf("o%u %u %s", n / 12, ttl, rdata);
}

struct item {
	unsigned int n, ttl;
};

static size_t index_of(const struct item *items, size_t len, unsigned int n)
{
	for (size_t i = 0; i < len; i++)
		if (items[i].n == n)
			return i;
	return SIZE_MAX;
}

static char *zone_of(const struct item *items, size_t len)
{
	struct zw_str out = {};
	char *text;

	zw_str_add(&out, SOA_LINE);
	for (size_t i = 0; i < len; i++) {
		_zw_free_ char *line = line_of(items[i].n, items[i].ttl);

		zw_str_addf(&out, "%s\n", line);
	}
	assert_int_equal(zw_str_done(&out, &text), 0);
	return text;
}

static void random_round(uint64_t seed)
{
	_zw_snapshot_ struct zw_snapshot *base = NULL, *s = NULL;
	_zw_patch_ struct zw_patch *p = NULL;
	_zw_free_ char *before = NULL, *after = NULL, *a = NULL, *b = NULL;
	_zw_snapshot_ struct zw_snapshot *want = NULL;
	struct item items[RECORDS];
	size_t len = 0;

	for (unsigned int n = 0; n < RECORDS; n++)
		if (roll(&seed, 2))
			/* Already one TTL for an RRset, as in a snapshot. */
			items[len++] = (struct item){n, 10 + n / 4};
	before = zone_of(items, len);
	base = test_load(before, NULL);
	assert_int_equal(zw_patch_new(base, &p), 0);
	for (unsigned int i = roll(&seed, STEPS); i > 0; i--) {
		unsigned int n = roll(&seed, RECORDS), ttl = 10 + n / 4 + roll(&seed, 2);
		size_t at = index_of(items, len, n);
		bool add = roll(&seed, 2);
		_zw_free_ char *line = line_of(n, ttl),
			       *op = zw_asprintf("%c%s", add ? '+' : '-', line);
		int r = change(p, op);

		assert_int_equal(
			r, add ? (at == SIZE_MAX ? 0 : -EEXIST) : (at == SIZE_MAX ? -ENOENT : 0));
		if (r < 0)
			continue;
		if (add) {
			items[len++] = (struct item){n, ttl};
		} else {
			memmove(items + at, items + at + 1, (len - at - 1) * sizeof(*items));
			len--;
		}
	}
	s = finish(p);
	after = zone_of(items, len);
	want = test_load(after, NULL);
	a = test_dump(s);
	b = test_dump(want);
	assert_string_equal(a, b);
	assert_true(zw_snapshot_equal(s, want));
}

static void test_random(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 400; seed++)
		random_round(seed);
}

/* --- journals ---------------------------------------------------------------------------------- */

/* The zone file of the fixtures, and what named-compilezone -j makes of it and the journal. */
static const char zone_before[] =
	"$TTL 3600\n@ SOA ns hostmaster 1 3600 900 604800 300\n@ NS ns\n@ MX 10 Mail\n"
	"ns A 192.0.2.53\nMail A 192.0.2.25\nwww A 192.0.2.1\nwww A 192.0.2.2\n"
	"txt 60 TXT hello world\ngone A 192.0.2.4\ngone AAAA 2001:db8::4\n";
static const char zone_after[] =
	"$TTL 3600\n@ SOA ns hostmaster 6 3600 900 604800 300\n@ NS ns\n@ MX 10 Mail\n@ MX 20 MAIL\n"
	"*.b\\000c\\.d 60 TYPE65280 \\# 3 010203\nMail A 192.0.2.25\nnew 300 A 192.0.2.77\n"
	"ns A 192.0.2.53\ntxt 60 TXT hello world\nwww 600 A 192.0.2.2\nwww 600 A 192.0.2.9\n";

/* NULL: it does not fit, and @ret_error says why. */
static struct zw_snapshot *replay(const uint8_t *data, size_t len, struct zw_snapshot *base,
	struct zw_journal_position *pos, struct zw_zone_error *ret_error)
{
	struct zw_snapshot *s;
	struct zw_journal j;
	int r;

	assert_int_equal(zw_journal_parse(data, len, &j, NULL), 0);
	if (pos->offset == 0) {
		r = zw_replay_find(&j, base, pos, ret_error);
		if (r == 0)
			return zw_snapshot_ref(base);
		if (r < 0)
			return NULL;
	}
	r = zw_replay(&j, pos, base, &s, ret_error);
	if (r < 0) {
		assert_int_equal(r, -EBADMSG);
		return NULL;
	}
	assert_int_equal(pos->offset, j.end);
	assert_int_equal(pos->serial, j.end_serial);
	return s;
}

static void test_replay(void **state)
{
	static const char *const names[] = {"bind-9.18", "bind-9.16-short-headers"};
	_zw_snapshot_ struct zw_snapshot *base = test_load(zone_before, NULL);
	_zw_snapshot_ struct zw_snapshot *want = test_load(zone_after, NULL);

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(names); i++) {
		struct zw_journal_position pos = {};
		_zw_snapshot_ struct zw_snapshot *s = NULL, *dumped = NULL;
		uint8_t data[DATA_MAX];
		size_t len = read_fixture(names[i], data);

		s = replay(data, len, base, &pos, NULL);
		assert_true(zw_snapshot_equal(s, want));
		/* The file that named writes then is no difference, and needs nothing of the journal. */
		dumped = test_load(zone_after, s);
		assert_true(zw_snapshot_equal(dumped, s));
		pos = (struct zw_journal_position){};
		zw_snapshot_unref(s);
		s = replay(data, len, dumped, &pos, NULL);
		assert_ptr_equal(s, dumped);
	}
}

/* From a state in the middle, as after each look while the journal grows, it comes to the same. */
static void test_replay_goes_on(void **state)
{
	_zw_snapshot_ struct zw_snapshot *want = test_load(zone_after, NULL);
	_zw_snapshot_ struct zw_snapshot *s = test_load(zone_before, NULL);
	uint8_t data[DATA_MAX];
	size_t len = read_fixture("bind-9.18", data);
	struct zw_journal_transaction t;
	struct zw_journal_position pos;
	struct zw_journal j;
	uint32_t serial;
	int steps = 0;

	(void)state;
	assert_int_equal(zw_journal_parse(data, len, &j, NULL), 0);
	pos = zw_journal_begin(&j);
	for (; pos.offset != j.end; steps++) {
		struct zw_journal part = j;
		struct zw_journal_position end = pos;
		struct zw_snapshot *next;

		assert_int_equal(zw_journal_next(&j, &end, &t, NULL), 1);
		part.end = end.offset;
		part.end_serial = end.serial;
		assert_int_equal(zw_replay(&part, &pos, s, &next, NULL), 0);
		zw_snapshot_unref(s);
		s = next;
		assert_true(zw_snapshot_serial(s, &serial));
		assert_int_equal(serial, pos.serial);
	}
	assert_int_equal(steps, 5);
	assert_true(zw_snapshot_equal(s, want));
}

/* NSD 4.6 was the primary of a BIND 9.18, whose zone this is before and after: it adds the CAA of the apex once more. */
static void test_adds_what_is_there(void **state)
{
	static const char before[] =
		"$TTL 300\n@ SOA ns h 1 3600 900 604800 300\n@ NS ns\n@ CAA 0 issue \"ca.example\"\n"
		"ns A 192.0.2.53\naway A 192.0.2.4\ngone A 192.0.2.3\n";
	static const char after[] =
		"$TTL 300\n@ SOA ns h 2 3600 900 604800 300\n@ NS ns\n@ CAA 0 issue \"ca.example\"\n"
		"ns A 192.0.2.53\naway A 192.0.2.14\n";
	_zw_snapshot_ struct zw_snapshot *base = test_load(before, NULL), *s = NULL;
	_zw_snapshot_ struct zw_snapshot *want = test_load(after, NULL);
	struct zw_journal_position pos = {};
	struct zw_zone_error error = {};
	uint8_t data[DATA_MAX];
	size_t len = read_fixture("added-twice", data);

	(void)state;
	s = replay(data, len, base, &pos, &error);
	assert_non_null(s);
	assert_true(zw_snapshot_equal(s, want));
}

static void test_does_not_fit(void **state)
{
	static const struct {
		const char *from, *to; /* in the zone file */
		const char *reason;
	} cases[] = {
		{"www A 192.0.2.1\n", "",
			"serial 3 deletes a record www.example. A that is not there"},
		{"hostmaster 1", "other 1",
			"serial 2 deletes a record example. SOA that is not there"},
		{"hostmaster 1", "hostmaster 0", "it goes from serial 1 to 6, and the file has 0"},
		{"hostmaster 1", "hostmaster 4294967295",
			"it goes from serial 1 to 6, and the file has 4294967295"},
		/* An edit that the journal says nothing of is what BIND would load. */
		{"txt 60 TXT hello", "txt 60 TXT goodbye", NULL},
		/* A newer file: the journal is out of date. */
		{"hostmaster 1", "hostmaster 7", NULL},
	};
	uint8_t data[DATA_MAX];
	size_t len = read_fixture("bind-9.18", data);

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		const char *at = strstr(zone_before, cases[i].from);
		_zw_free_ char *text = zw_asprintf("%.*s%s%s", (int)(at - zone_before), zone_before,
			cases[i].to, at + strlen(cases[i].from));
		_zw_snapshot_ struct zw_snapshot *base = test_load(text, NULL), *s = NULL;
		struct zw_zone_error error = {};
		struct zw_journal_position pos = {};

		s = replay(data, len, base, &pos, &error);
		if (!cases[i].reason) {
			assert_non_null(s);
			continue;
		}
		assert_null(s);
		assert_int_equal(error.kind, ZW_ZERR_JOURNAL);
		if (!strstr(error.reason, cases[i].reason))
			fail_msg("case %zu: \"%s\"", i, error.reason);
	}
}

/* What the file needs of the journal may be gone, since BIND keeps it no longer than it is useful. */
static void test_compacted(void **state)
{
	static const char text[] = "$TTL 3600\n@ SOA ns hostmaster 28 3600 900 604800 300\n";
	_zw_snapshot_ struct zw_snapshot *base = test_load(text, NULL), *s = NULL;
	struct zw_journal_position pos = {};
	struct zw_zone_error error = {};
	uint8_t data[DATA_MAX];
	size_t len = read_fixture("compacted", data);

	(void)state;
	s = replay(data, len, base, &pos, &error);
	assert_null(s);
	assert_non_null(strstr(error.reason, "serial 29 deletes a record late.example. A"));
	/* In front of the first. */
	pos = (struct zw_journal_position){};
	zw_snapshot_unref(base);
	base = test_load("$TTL 3600\n@ SOA ns hostmaster 23 3600 900 604800 300\n", NULL);
	assert_null(replay(data, len, base, &pos, &error));
	assert_non_null(strstr(error.reason, "it goes from serial 24 to 32, and the file has 23"));
}

static void test_damaged(void **state)
{
	_zw_snapshot_ struct zw_snapshot *base = test_load(zone_before, NULL);
	struct zw_journal_position pos = {};
	struct zw_zone_error error = {};
	uint8_t data[DATA_MAX];
	size_t len = read_fixture("bind-9.18", data);

	(void)state;
	data[1000] = 1; /* the size of the third transaction */
	assert_null(replay(data, len, base, &pos, &error));
	assert_non_null(strstr(error.reason, "damaged journal: "));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_and_delete),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_replay_goes_on),
		cmocka_unit_test(test_adds_what_is_there),
		cmocka_unit_test(test_does_not_fit),
		cmocka_unit_test(test_compacted),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
