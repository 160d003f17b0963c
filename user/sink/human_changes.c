/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/human.h"

#include <assert.h>

#include "dns/name.h"
#include "dns/rr.h"
#include "zone/changes.h"
#include "sink/clean.h"

/* What fits a screen; `--json` has up to 1,000. */
#define CHANGES_MAX 20
#define RDATA_MAX 8
/* A key or signature is recognised by its beginning. */
#define RDATA_TEXT_MAX 200

static const struct {
	const char *sign;
	enum zw_tone tone;
} ops[] = {
	[ZW_DIFF_ADD] = {"+", ZW_TONE_GOOD},
	[ZW_DIFF_DELETE] = {"-", ZW_TONE_BAD},
	[ZW_DIFF_MODIFY] = {"~", ZW_TONE_WARN},
};

static_assert(ZW_ARRAY_SIZE(ops) == _ZW_DIFF_OP_MAX, "one entry for every operation");

void zw_human_rdatas(struct zw_str *out, const struct zw_rrset *rrset, size_t max, size_t text_max)
{
	for (size_t i = 0; i < rrset->count && i < max; i++) {
		_zw_free_ char *text = NULL;
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(rrset, i, &len);

		if (zw_rdata_to_text(rrset->type, rdata, len, &text) < 0) {
			out->failed = true;
			return;
		}
		zw_str_add(out, i > 0 ? ", " : "");
		zw_clean_add_cut(out, text, text_max);
	}
	if (rrset->count > max)
		zw_str_addf(out, " and %zu more", rrset->count - max);
}

static void add_rdatas(struct zw_str *out, const struct zw_rrset *rrset)
{
	zw_human_rdatas(out, rrset, RDATA_MAX, RDATA_TEXT_MAX);
}

/* Only the TTL differs: the data is then shown once. */
static bool same_rdatas(const struct zw_rrset *a, const struct zw_rrset *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const uint8_t *x, *y;
		uint16_t x_len, y_len;

		x = zw_rrset_rdata(a, i, &x_len);
		y = zw_rrset_rdata(b, i, &y_len);
		if (zw_rdata_cmp(x, x_len, y, y_len) != 0)
			return false;
	}
	return true;
}

static void add_modified(struct zw_str *out, const struct zw_diff_entry *entry)
{
	uint32_t old_serial, new_serial;

	/* Seven numbers before and after would hide that it is only one. */
	if (zw_change_is_serial(entry, &old_serial, &new_serial)) {
		zw_str_addf(out, "serial %u", old_serial);
		if (old_serial != new_serial)
			zw_str_addf(out, " -> %u", new_serial);
	} else {
		add_rdatas(out, &entry->before);
		if (!same_rdatas(&entry->before, &entry->after)) {
			zw_str_add(out, " -> ");
			add_rdatas(out, &entry->after);
		}
	}
	if (entry->before.ttl != entry->after.ttl)
		zw_str_addf(out, "  (ttl %u -> %u)", entry->before.ttl, entry->after.ttl);
}

static void add_change(struct zw_str *out, bool colour, const struct zw_diff_entry *entry)
{
	const struct zw_rrset *only = entry->op == ZW_DIFF_ADD ? &entry->after : &entry->before;
	char name[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

	zw_name_to_text(entry->owner, name);
	zw_str_add(out, "  ");
	zw_human_tone(out, colour, ops[entry->op].tone, ops[entry->op].sign);
	zw_str_add(out, " ");
	zw_clean_add(out, name);
	zw_str_addf(out, "  %s  ", zw_type_to_text(entry->type, type));
	if (entry->op == ZW_DIFF_MODIFY) {
		add_modified(out, entry);
	} else {
		add_rdatas(out, only);
		zw_str_addf(out, "  (ttl %u)", only->ttl);
	}
	zw_str_add_char(out, '\n');
}

void zw_human_changes(struct zw_str *out, bool colour, const struct zw_diff *diff)
{
	size_t shown = 0, more = 0;

	for (size_t i = 0; i < diff->len; i++) {
		if (zw_change_is_implied(diff, &diff->entries[i]))
			continue;
		if (shown++ < CHANGES_MAX)
			add_change(out, colour, &diff->entries[i]);
		else
			more++;
	}
	if (more > 0)
		zw_str_addf(out, "  and %zu more\n", more);
}
