/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The quick way to a snapshot, from the previous one, against the slow one, from nothing: both must
 * give the same snapshot for whatever was done to the file in between; and the difference of two
 * snapshots against one taken by lookups. */
#include <stdlib.h>

#include "unit/zone_support.h"
#include "zone/diff.h"
#include "zone/snapshot_impl.h"

/* What the random zones are made of. */
static const char *const owners[] = {"@", "a", "A", "b.a", "*.a", "c", "\\000", "\\001x", "a-b",
	"d.c.b.a", "longer-name-here", "longer-name-herf", "q\\.r", "Z"};
static const char *const datas[] = {
	"A 1.1.1.1",
	"A 1.1.1.2",
	"a 10.0.0.1",
	"AAAA ::1",
	"TXT \"text of some length that is no inline one\"",
	"TXT Text",
	"TXT text",
	"MX 10 Mail",
	"MX 10 mail",
	"MX 20 other.example.",
	"NS ns1",
	"NS NS2",
	"TYPE65280 \\# 0",
	"TYPE65280 \\# 1 00",
	"TYPE65280 \\# 4 00000000",
	"TYPE65280 \\# 5 0000000000",
	"RRSIG A 8 2 3600 20260101000000 20250101000000 1 e. AAAA",
	"RRSIG MX 8 2 3600 20260101000000 20250101000000 1 e. AAAA",
};

struct line {
	uint8_t owner, data;
	uint8_t ttl;
};

#define LINES_MAX 120

struct model {
	struct line lines[LINES_MAX];
	size_t n;
	uint32_t serial;
	unsigned int default_ttl;
	uint64_t random;
};

static uint32_t roll(struct model *m, uint32_t below)
{
	m->random = m->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(m->random >> 33) % below;
}

static struct line random_line(struct model *m)
{
	return (struct line){
		.owner = (uint8_t)roll(m, ZW_ARRAY_SIZE(owners)),
		.data = (uint8_t)roll(m, ZW_ARRAY_SIZE(datas)),
		.ttl = roll(m, 4) == 0 ? (uint8_t)roll(m, 3) : 0,
	};
}

static void insert(struct model *m, size_t at, struct line line)
{
	if (m->n == LINES_MAX)
		return;
	memmove(&m->lines[at + 1], &m->lines[at], (m->n - at) * sizeof(*m->lines));
	m->lines[at] = line;
	m->n++;
}

static void erase(struct model *m, size_t at, size_t n)
{
	memmove(&m->lines[at], &m->lines[at + n], (m->n - at - n) * sizeof(*m->lines));
	m->n -= n;
}

static void edit(struct model *m)
{
	size_t at = m->n ? roll(m, (uint32_t)m->n) : 0, other = m->n ? roll(m, (uint32_t)m->n) : 0;
	struct line line;

	switch (m->n ? roll(m, 12) : 0) {
	case 0:
	case 1:
		insert(m, at, random_line(m));
		break;
	case 2:
		erase(m, at, 1);
		break;
	case 3: /* a block goes */
		erase(m, at, 1 + roll(m, (uint32_t)(m->n - at)));
		break;
	case 4: /* one record moves */
		line = m->lines[at];
		erase(m, at, 1);
		insert(m, m->n ? other % m->n : 0, line);
		break;
	case 5: /* a duplicate elsewhere */
		insert(m, other, m->lines[at]);
		break;
	case 6:
		m->lines[at].ttl = (uint8_t)roll(m, 4);
		break;
	case 7:
		m->lines[at].data = (uint8_t)roll(m, ZW_ARRAY_SIZE(datas));
		break;
	case 8:
		m->lines[at].owner = (uint8_t)roll(m, ZW_ARRAY_SIZE(owners));
		break;
	case 9:
		m->serial++;
		break;
	case 10:
		m->default_ttl = 300 + roll(m, 2);
		break;
	default: /* reordered as a whole */
		for (size_t i = m->n; i > 1; i--) {
			size_t j = roll(m, (uint32_t)i);

			line = m->lines[i - 1];
			m->lines[i - 1] = m->lines[j];
			m->lines[j] = line;
		}
	}
}

static char *render(const struct model *m)
{
	struct zw_str s = {};
	char *text = NULL;
	size_t soa = m->n / 2;

	zw_str_addf(&s, "$TTL %u\n", m->default_ttl);
	for (size_t i = 0; i <= m->n; i++) {
		if (i == soa)
			zw_str_addf(&s, "@ SOA ns h %u 2 3 4 5\n", m->serial);
		if (i == m->n)
			break;
		zw_str_add(&s, owners[m->lines[i].owner]);
		if (m->lines[i].ttl)
			zw_str_addf(&s, " %u", m->lines[i].ttl);
		zw_str_addf(&s, " %s\n", datas[m->lines[i].data]);
	}
	assert_int_equal(zw_str_done(&s, &text), 0);
	return text;
}

/* What every snapshot promises: order, no duplicates, one text for one name, its digest. */
static void check_sound(const struct zw_snapshot *s)
{
	struct zw_digest sum = {};

	for (uint32_t i = 0; i < s->count; i++) {
		const struct zw_rec *b = &s->recs[i], *a = b - 1;
		size_t len;
		int d;

		zw_digest_add(&sum, &s->key, &s->text, b, 1);
		if (i == 0)
			continue;
		d = zw_name_cmp(zw_rec_owner(&s->text, a, &len), zw_rec_owner(&s->text, b, &len));
		assert_true(d <= 0);
		assert_int_equal(d == 0, a->owner == b->owner);
		if (d == 0)
			assert_true(zw_rec_cmp_data(&s->text, a, b) < 0);
	}
	assert_int_equal(sum.a, s->digest.a);
	assert_int_equal(sum.b, s->digest.b);
}

static void check_same(const struct zw_snapshot *a, const struct zw_snapshot *b)
{
	_zw_free_ uint8_t *x = NULL, *y = NULL;
	size_t x_len, y_len;

	assert_int_equal(zw_snapshot_save(a, &x, &x_len), 0);
	assert_int_equal(zw_snapshot_save(b, &y, &y_len), 0);
	assert_int_equal(x_len, y_len);
	assert_memory_equal(x, y, x_len);
	assert_true(zw_snapshot_equal(a, b));
	assert_int_equal(a->order_len, b->order_len);
	if (a->order_len > 0)
		assert_memory_equal(a->order, b->order, a->order_len * sizeof(*a->order));
	assert_int_equal(a->soa, b->soa);
}

/* RRsets of @a that @b has otherwise or not at all. */
static size_t count_unlike(
	const struct zw_snapshot *a, const struct zw_snapshot *b, size_t *ret_absent)
{
	struct zw_rrset x, y;
	size_t it = 0, n = 0;

	*ret_absent = 0;
	while (zw_snapshot_next(a, &it, &x)) {
		if (!zw_snapshot_lookup(b, x.owner, x.type, &y))
			++*ret_absent;
		else if (!zw_rrset_equal(&x, &y))
			n++;
	}
	return n;
}

static void check_diff(struct zw_snapshot *a, struct zw_snapshot *b)
{
	_zw_diff_ struct zw_diff *d = NULL;
	size_t deleted, added, modified = count_unlike(a, b, &deleted), ops[_ZW_DIFF_OP_MAX] = {};

	assert_int_equal(count_unlike(b, a, &added), modified);
	assert_int_equal(zw_diff_new(a, b, &d), 0);
	for (size_t i = 0; i < d->len; i++) {
		const struct zw_diff_entry *e = &d->entries[i];
		struct zw_rrset set;

		ops[e->op]++;
		assert_int_equal(
			zw_snapshot_lookup(a, e->owner, e->type, &set), e->op != ZW_DIFF_ADD);
		assert_int_equal(e->before.count > 0, e->op != ZW_DIFF_ADD);
		assert_int_equal(e->after.count > 0, e->op != ZW_DIFF_DELETE);
		if (e->op == ZW_DIFF_MODIFY)
			assert_false(zw_rrset_equal(&e->before, &e->after));
	}
	assert_int_equal(ops[ZW_DIFF_ADD], added);
	assert_int_equal(ops[ZW_DIFF_DELETE], deleted);
	assert_int_equal(ops[ZW_DIFF_MODIFY], modified);
	assert_int_equal(d->len == 0, zw_snapshot_equal(a, b));
}

/* One zone edited again and again, each time a few edits at once. */
static void run_edits(uint64_t seed, size_t rounds)
{
	struct model m = {.serial = 1, .default_ttl = 300, .random = seed};
	_zw_snapshot_ struct zw_snapshot *old = NULL;

	for (size_t i = 0; i < LINES_MAX / 2; i++)
		insert(&m, m.n, random_line(&m));
	for (size_t round = 0; round < rounds; round++) {
		_zw_snapshot_ struct zw_snapshot *quick = NULL, *slow = NULL, *again = NULL;
		_zw_free_ char *text = NULL;

		for (uint32_t n = old ? roll(&m, 4) : 0; n > 0; n--)
			edit(&m);
		text = render(&m);
		slow = test_load(text, NULL);
		quick = test_load(text, old);
		check_sound(slow);
		check_sound(quick);
		check_same(quick, slow);
		again = test_load(text, quick);
		assert_ptr_equal(again, quick);
		if (old) {
			check_diff(old, quick);
			check_diff(old, slow);
			check_diff(slow, old);
		}
		zw_snapshot_unref(old);
		old = ZW_TAKE(quick);
	}
}

static void test_random_edits(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++)
		run_edits(seed * 0x9e3779b97f4a7c15ULL, 100);
}

/* Enough records that too many searches make the builder begin anew. */
static void render_big(struct zw_str *s, size_t n, size_t step, unsigned int changed)
{
	zw_str_add(s, SOA_LINE);
	for (size_t i = 0; i < n; i++) {
		size_t k = (i * step + i / 7 * changed) % n;

		zw_str_addf(s, "h%zu A 10.0.%zu.%zu\n", k, k / 250, k % 250);
		if (k % 10 == 0)
			zw_str_addf(s, " %u TXT \"%zu%s\"\n", 300 + (changed && k % 20 == 0), k,
				changed && k % 30 == 0 ? "x" : "");
	}
}

static void test_giving_up(void **state)
{
	size_t n = 5003;
	_zw_str_ struct zw_str a = {}, b = {}, c = {};
	_zw_snapshot_ struct zw_snapshot *old = NULL, *quick = NULL, *slow = NULL, *back = NULL;

	(void)state;
	render_big(&a, n, 1, 0);
	render_big(&b, n, 1777, 0);
	render_big(&c, n, 1777, 1);
	old = test_load(a.buf, NULL);
	quick = test_load(b.buf, old);
	slow = test_load(b.buf, NULL);
	check_same(quick, slow);
	assert_true(zw_snapshot_equal(old, quick));
	/* The new file order is what the next reading is compared with. */
	back = test_load(b.buf, quick);
	assert_ptr_equal(back, quick);
	zw_snapshot_unref(quick);
	zw_snapshot_unref(slow);
	quick = test_load(c.buf, old);
	slow = test_load(c.buf, NULL);
	check_sound(quick);
	check_same(quick, slow);
	check_diff(old, quick);
}

/* Text that is no longer used does not pile up, nor do the chunks of many small changes. */
static void check_memory_stays(unsigned int changing)
{
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	size_t first = 0;

	for (unsigned int round = 0; round < 200; round++) {
		_zw_str_ struct zw_str text = {};
		struct zw_snapshot *next;

		zw_str_add(&text, SOA_LINE);
		for (unsigned int i = 0; i < 1000; i++)
			zw_str_addf(&text, "h%u 5 TXT \"some text that goes with round %u\"\n", i,
				i < changing ? round * 1000 + i : 0);
		next = test_load(text.buf, s);
		zw_snapshot_unref(s);
		s = next;
		if (round == 0)
			first = zw_snapshot_memory(s);
		assert_true(zw_snapshot_memory(s) < 2 * first + 2 * 65536);
		assert_true(s->text.len < 64);
	}
}

static void test_memory_stays(void **state)
{
	(void)state;
	check_memory_stays(1);
	check_memory_stays(300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_edits),
		cmocka_unit_test(test_giving_up),
		cmocka_unit_test(test_memory_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
