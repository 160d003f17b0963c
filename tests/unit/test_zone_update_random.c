/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random updates against a model that follows the pseudocode of RFC 2136 on a list of records. */
#include "unit/update_fixture.h"

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
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
