/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The "what" of an event: record sets before and after. */
#include "sink/json_build.h"

#include <errno.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"
#include "dns/rrtext.h"
#include "zone/changes.h"

/* Reads back what was written, where the type is one whose text is not always read as what it was made of: the rules
 * of who prints and who scans differ in what they take for well-formed. */
struct proof {
	struct zw_rrtext *text; /* made when it is first needed */
	const uint8_t *rdata;
	uint16_t len;
	bool same;
};

static int compare_rdata(void *ctx, const struct zw_record *record)
{
	struct proof *proof = ctx;

	proof->same = record->rdata_len == proof->len &&
		      memcmp(record->rdata, proof->rdata, proof->len) == 0;
	return 0;
}

static bool is_plain(uint16_t type)
{
	switch (type) {
	case ZW_TYPE_A:
	case ZW_TYPE_AAAA:
	case ZW_TYPE_NS:
	case ZW_TYPE_CNAME:
	case ZW_TYPE_PTR:
	case ZW_TYPE_MX:
	case ZW_TYPE_TXT:
	case ZW_TYPE_SRV:
	case ZW_TYPE_SOA:
		return true;
	default:
		return false;
	}
}

/* Replaces *@text by the generic form when it would not be read as @rdata. 0 or -ENOMEM. */
static int prove_text(
	struct proof *proof, uint16_t type, const uint8_t *rdata, uint16_t len, char **text)
{
	static const uint8_t root[] = {0};
	int r = 0;

	if (is_plain(type))
		return 0;
	*proof = (struct proof){.text = proof->text, .rdata = rdata, .len = len};
	if (!proof->text)
		r = zw_rrtext_new(root, compare_rdata, proof, &proof->text);
	if (r == 0)
		r = zw_rrtext_add(proof->text, ".", 0, type, *text, NULL);
	if (r == -ENOMEM || proof->same)
		return r;
	free(ZW_TAKE(*text));
	return zw_rdata_to_generic(rdata, len, text);
}

static json_t *rdata_value(
	const struct zw_rrset *rrset, size_t i, struct zw_json_budget *left, struct proof *proof)
{
	_zw_free_ char *text = NULL;
	const uint8_t *rdata;
	size_t len_text;
	uint16_t len;

	rdata = zw_rrset_rdata(rrset, i, &len);
	if (zw_rdata_to_text(rrset->type, rdata, len, &text) < 0 ||
		prove_text(proof, rrset->type, rdata, len, &text) < 0)
		return NULL;
	len_text = strlen(text);
	left->bytes -= len_text < left->bytes ? len_text : left->bytes;
	left->rdatas--;
	return zw_json_text(text);
}

/* Where the budget cuts the list, "rdata_total" says how many there are. */
static json_t *rrset_value(
	const struct zw_rrset *rrset, struct zw_json_budget *left, struct proof *proof)
{
	_zw_json_ json_t *object = json_object();
	json_t *rdata = json_array();
	bool failed = !object || !rdata;
	size_t n = 0;

	for (; n < rrset->count && left->rdatas > 0 && left->bytes > 0 && !failed; n++)
		zw_json_append(rdata, rdata_value(rrset, n, left, proof), &failed);
	zw_json_set(object, "ttl", json_integer(rrset->ttl), &failed);
	zw_json_set(object, "rdata", rdata, &failed);
	if (n < rrset->count)
		zw_json_set(object, "rdata_total", json_integer(rrset->count), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *change_value(
	const struct zw_diff_entry *entry, struct zw_json_budget *left, struct proof *proof)
{
	_zw_json_ json_t *object = json_object();
	char name[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];
	bool failed = !object;

	zw_name_to_text(entry->owner, name);
	zw_json_set(object, "op", zw_json_text(zw_diff_op_to_text(entry->op)), &failed);
	zw_json_set(object, "name", zw_json_text(name), &failed);
	zw_json_set(object, "type", zw_json_text(zw_type_to_text(entry->type, type)), &failed);
	if (entry->before.count > 0)
		zw_json_set(object, "before", rrset_value(&entry->before, left, proof), &failed);
	if (entry->after.count > 0)
		zw_json_set(object, "after", rrset_value(&entry->after, left, proof), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

json_t *zw_json_changes(const struct zw_diff *diff, struct zw_json_budget budget)
{
	_zw_json_ json_t *list = json_array();
	struct proof proof = {};
	bool failed = !list;

	for (size_t i = 0; i < diff->len && budget.changes > 0 && !failed; i++) {
		if (zw_change_is_implied(diff, &diff->entries[i]))
			continue;
		zw_json_append(list, change_value(&diff->entries[i], &budget, &proof), &failed);
		budget.changes--;
	}
	zw_rrtext_free(proof.text);
	return failed ? NULL : ZW_TAKE(list);
}
