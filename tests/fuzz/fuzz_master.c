/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zone files of any bytes: no crash, no leak, errors with a reason; what is accepted has a text for
 * every record, is the same read against another snapshot as by itself, and survives being saved.
 * The input is up to three files, separated by lines of "%%": the zone, what it includes as "i",
 * and the zone it is compared with. */
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"
#include "zone/diff.h"
#include "zone/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEPARATOR "\n%%\n"
#define RECORDS_MAX 3000 /* a $GENERATE of 65,536 records a line only wastes the fuzzer's time */

struct part {
	const char *data;
	size_t len;
};

struct limited {
	struct zw_builder *b;
	size_t n;
};

static const struct zw_hash_key key = {1, 2};
static const uint8_t origin[] = "\7example";

static void require(int holds)
{
	if (!holds)
		abort();
}

static struct part next_part(struct part *rest)
{
	const char *at =
		rest->len ? memmem(rest->data, rest->len, SEPARATOR, strlen(SEPARATOR)) : NULL;
	struct part p = *rest;

	if (!at) {
		*rest = (struct part){"", 0};
		return p;
	}
	p.len = (size_t)(at - p.data);
	rest->data = at + strlen(SEPARATOR);
	rest->len -= p.len + strlen(SEPARATOR);
	return p;
}

static int include(
	void *ctx, const char *path, uint32_t file, const char **ret_data, size_t *ret_len)
{
	const struct part *p = ctx;

	/* Enough to come upon every path of the bounds, without 10,000 files a run. */
	if (strcmp(path, "i") != 0 || file > 50)
		return -2;
	*ret_data = p->data;
	*ret_len = p->len;
	return 0;
}

static int add(void *ctx, const struct zw_record *record)
{
	struct limited *l = ctx;

	return ++l->n > RECORDS_MAX ? -1 : zw_builder_add(l->b, record);
}

static struct zw_snapshot *load(struct part zone, struct part *included, struct zw_snapshot *old)
{
	const struct zw_master_options options = {
		.origin = origin, .include = include, .include_ctx = included};
	_zw_builder_ struct zw_builder *b = NULL;
	struct zw_zone_error error = {};
	struct zw_snapshot *s = NULL;
	struct limited l = {};
	int r;

	require(zw_builder_new(&key, origin, old, &b) == 0);
	l.b = b;
	r = zw_master_parse(&options, zone.data, zone.len, add, &l, &error);
	if (r == 0)
		require(zw_builder_finish(b, &s) == 0);
	else
		require(r == -1 || (error.kind != ZW_ZERR_NONE && error.reason[0]));
	return s;
}

static void check(const struct zw_snapshot *s)
{
	_zw_snapshot_ struct zw_snapshot *again = NULL;
	_zw_free_ uint8_t *saved = NULL;
	struct zw_rrset set;
	size_t it = 0, len;

	while (zw_snapshot_next(s, &it, &set)) {
		require(zw_name_is_within(set.owner, origin));
		for (uint32_t i = 0; i < set.count; i++) {
			_zw_free_ char *text = NULL;
			uint16_t rdata_len;
			const uint8_t *rdata = zw_rrset_rdata(&set, i, &rdata_len);

			require(zw_rdata_to_text(set.type, rdata, rdata_len, &text) == 0);
			require(strlen(text) > 0);
		}
	}
	require(zw_snapshot_save(s, &saved, &len) == 0);
	require(zw_snapshot_load(&key, saved, len, &again) == 0);
	require(zw_snapshot_equal(s, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct part rest = {size ? (const char *)data : "", size};
	struct part zone = next_part(&rest), included = next_part(&rest), other = rest;
	_zw_snapshot_ struct zw_snapshot *s = load(zone, &included, NULL),
					 *old = load(other, &included, NULL), *quick = NULL;
	_zw_diff_ struct zw_diff *d = NULL;

	if (!s)
		return 0;
	check(s);
	if (!old)
		return 0;
	quick = load(zone, &included, old);
	require(quick && zw_snapshot_equal(s, quick));
	require(zw_diff_new(old, quick, &d) == 0);
	require((d->len == 0) == zw_snapshot_equal(old, s));
	return 0;
}
