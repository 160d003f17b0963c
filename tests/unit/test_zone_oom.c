/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every allocation in the way from bytes to a difference fails once: -ENOMEM, nothing lost, and the
 * next try succeeds. Under a sanitizer, which has an allocator of its own, only the way itself is
 * taken. */
#include <stdlib.h>

#include "unit/zone_support.h"
#include "zone/diff.h"
#include "zone/patch.h"

static struct {
	bool armed;
	size_t until_failure; /* 0: the next one */
	size_t failed;
	long held;
} heap;

#ifndef __SANITIZE_ADDRESS__
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static bool may_allocate(void)
{
	if (!heap.armed)
		return true;
	if (heap.until_failure-- > 0)
		return true;
	heap.until_failure = SIZE_MAX;
	heap.failed++;
	errno = ENOMEM;
	return false;
}

void *malloc(size_t size)
{
	void *p = may_allocate() ? __libc_malloc(size) : NULL;

	heap.held += heap.armed && p;
	return p;
}

void *calloc(size_t n, size_t size)
{
	void *p = may_allocate() ? __libc_calloc(n, size) : NULL;

	heap.held += heap.armed && p;
	return p;
}

void *realloc(void *old, size_t size)
{
	void *p = may_allocate() ? __libc_realloc(old, size) : NULL;

	heap.held += heap.armed && p && !old;
	return p;
}

void free(void *p)
{
	heap.held -= heap.armed && p;
	__libc_free(p);
}
#endif

static const struct test_file files[] = {
	{"inc", "x 5 TXT \"caf\303\251\"\r\ny 5 A 1.1.1.1\r\n"},
	{},
};

static int load(const char *text, struct zw_snapshot *old, struct zw_snapshot **ret)
{
	static const uint8_t origin[] = "\7example";
	struct zw_zone_input in = {
		.key = &test_key,
		.master = {.origin = origin, .include = test_include, .include_ctx = (void *)files},
		.data = text,
		.len = strlen(text),
	};

	return zw_zone_load(&in, old, ret, NULL);
}

/* The first record of @s leaves, and comes again with another. */
static int patch(struct zw_snapshot *s, struct zw_snapshot **ret)
{
	static const uint8_t rdata[] = "\4text-that-is-not-inline";
	_zw_patch_ struct zw_patch *p = NULL;
	struct zw_record record = {};
	struct zw_rrset set;
	size_t it = 0;
	int r = zw_patch_new(s, &p);

	if (r < 0)
		return r;
	assert_true(zw_snapshot_next(s, &it, &set));
	record.owner = set.owner;
	record.owner_len = (uint8_t)zw_name_len(set.owner);
	record.type = set.type;
	record.rdata = zw_rrset_rdata(&set, 0, &record.rdata_len);
	r = zw_patch_delete(p, &record);
	if (r == 0)
		r = zw_patch_add(p, &record);
	record.type = 65280;
	record.rdata = rdata;
	record.rdata_len = sizeof(rdata);
	if (r == 0)
		r = zw_patch_add(p, &record);
	return r < 0 ? r : zw_patch_finish(p, ret);
}

/* Parse, include, rewrite, generate, build, compare, patch, save, load, print. */
static int whole_way(const char *before, const char *after)
{
	_zw_snapshot_ struct zw_snapshot *a = NULL, *b = NULL, *c = NULL, *patched = NULL;
	_zw_diff_ struct zw_diff *d = NULL;
	_zw_free_ uint8_t *data = NULL;
	_zw_free_ char *text = NULL;
	uint16_t rdata_len;
	const uint8_t *rdata;
	size_t len;
	int r;

	r = load(before, NULL, &a);
	if (r == 0)
		r = load(after, a, &b);
	if (r == 0)
		r = zw_diff_new(a, b, &d);
	if (r == 0)
		r = patch(b, &patched);
	if (r == 0)
		r = zw_snapshot_save(b, &data, &len);
	if (r == 0)
		r = zw_snapshot_load(&test_key, data, len, &c);
	if (r < 0)
		return r;
	rdata = zw_rrset_rdata(&d->entries[0].after, 0, &rdata_len);
	r = zw_rdata_to_text(d->entries[0].type, rdata, rdata_len, &text);
	if (r < 0)
		return r;
	return zw_snapshot_equal(b, c) ? 0 : -ENOTRECOVERABLE;
}

static void test_each_allocation(void **state)
{
	static const char before[] = SOA_LINE "$INCLUDE inc\n$GENERATE 1-99 g$ 5 A 1.1.1.$\n"
					      "@ NS ns\na+b 5 TXT \"\303\251\"\n";
	static const char after[] = "@ 300 SOA ns h 2 2 3 4 500\n$GENERATE 9-120 G$ 6 TXT x$\n"
				    "$INCLUDE inc\n@ NS ns2\nnew 5 MX 10 mail\nnew 7 MX 20 mail\n";
	size_t n = 0;
	int r;

	(void)state;
	assert_int_equal(whole_way(before, after), 0);
	do {
		heap.failed = 0;
		heap.held = 0;
		heap.until_failure = n++;
		heap.armed = true;
		r = whole_way(before, after);
		heap.armed = false;
		assert_int_equal(heap.held, 0);
		/* Failing to shrink a block, or qsort's wish for a buffer, may go without notice.
		 * */
		assert_true(r == -ENOMEM || r == 0);
	} while (heap.failed > 0);
#ifndef __SANITIZE_ADDRESS__
	assert_true(n > 60);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
