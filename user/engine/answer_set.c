/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/answer_impl.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

/* Enough for a person to see what it is. */
#define TEXT_RECORDS 4
#define TEXT_RECORD_CHARS 160
/* Of the data of a SOA: what follows its two names (RFC 1035 section 3.3.13), the serial first. */
#define SOA_FIXED 20
#define SOA_SERIAL 4

const struct zw_message_rr *zw_answer_first(
	const struct zw_message *m, enum zw_section section, const uint8_t *owner, uint16_t type)
{
	for (size_t i = 0; i < m->rrs; i++) {
		const struct zw_message_rr *rr = &m->rr[i];

		if (rr->section == section && (type == ZW_TYPE_ANY || rr->type == type) &&
			zw_name_equal(rr->owner, owner))
			return rr;
	}
	return NULL;
}

static bool same_soa(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	const size_t tail = SOA_FIXED - SOA_SERIAL;

	return a_len == b_len && a_len >= SOA_FIXED && memcmp(a, b, a_len - SOA_FIXED) == 0 &&
	       memcmp(a + a_len - tail, b + b_len - tail, tail) == 0;
}

/* Which record of the set it is; they are in order. SIZE_MAX: none. */
static size_t place_in(
	const struct zw_rrset *set, const struct zw_message_rr *rr, uint16_t type, bool any_serial)
{
	size_t from = 0, to = set->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(set, middle, &len);
		int order = zw_rdata_cmp(rr->rdata, rr->rdata_len, rdata, len);

		if (order == 0 || (any_serial && type == ZW_TYPE_SOA &&
					  same_soa(rr->rdata, rr->rdata_len, rdata, len)))
			return middle;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return SIZE_MAX;
}

int zw_answer_compare(const struct zw_message *m, enum zw_section section, const uint8_t *owner,
	uint16_t type, const struct zw_rrset *set, bool any_serial, enum zw_sets *ret_sets)
{
	_zw_free_ uint8_t *seen = calloc(set->count, 1);
	size_t known = 0, all = 0;

	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i < m->rrs; i++) {
		const struct zw_message_rr *rr = &m->rr[i];
		size_t at;

		if (rr->section != section || rr->type != type || !zw_name_equal(rr->owner, owner))
			continue;
		all++;
		at = place_in(set, rr, type, any_serial);
		if (at == SIZE_MAX) {
			*ret_sets = ZW_SETS_OTHER;
			return 0;
		}
		known += !seen[at];
		seen[at] = 1;
	}
	if (all == 0)
		*ret_sets = ZW_SETS_NONE;
	else
		*ret_sets = known == set->count ? ZW_SETS_EQUAL : ZW_SETS_PART;
	return 0;
}

static int add_record(
	struct zw_str *text, size_t n, uint16_t type, const uint8_t *rdata, size_t len)
{
	_zw_free_ char *data = NULL;
	size_t chars;
	int r = 0;

	if (n >= TEXT_RECORDS)
		return 0;
	r = zw_rdata_to_text(type, rdata, len, &data);
	if (r < 0)
		return r;
	if (n > 0)
		zw_str_add(text, ", ");
	chars = strlen(data);
	zw_str_add_escaped(text, data, chars < TEXT_RECORD_CHARS ? chars : TEXT_RECORD_CHARS);
	if (chars > TEXT_RECORD_CHARS)
		zw_str_add(text, "...");
	return 0;
}

static char *end_text(struct zw_str *text, size_t n)
{
	char *done = NULL;

	if (n > TEXT_RECORDS)
		zw_str_addf(text, " and %zu more", n - TEXT_RECORDS);
	return zw_str_done(text, &done) < 0 ? NULL : done;
}

char *zw_answer_set_text(const struct zw_rrset *set)
{
	_zw_str_ struct zw_str text = {};

	for (size_t i = 0; i < set->count && i < TEXT_RECORDS; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(set, i, &len);

		if (add_record(&text, i, set->type, rdata, len) < 0)
			return NULL;
	}
	return end_text(&text, set->count);
}

/* Name servers of a referral to somewhere. */
static const struct zw_message_rr *referral_of(const struct zw_message *m)
{
	for (size_t i = 0; i < m->rrs; i++) {
		if (m->rr[i].section == ZW_SECTION_ANSWER || m->rr[i].type == ZW_TYPE_SOA)
			return NULL;
		if (m->rr[i].section == ZW_SECTION_AUTHORITY && m->rr[i].type == ZW_TYPE_NS)
			return &m->rr[i];
	}
	return NULL;
}

static char *nothing_text(const struct zw_message *m)
{
	const struct zw_message_rr *ns = referral_of(m);
	_zw_free_ char *server = NULL;
	char name[ZW_NAME_TEXT_MAX];

	if (m->rcode == ZW_RCODE_NXDOMAIN)
		return strdup("NXDOMAIN");
	if (!ns)
		return strdup("no data");
	if (zw_rdata_to_text(ns->type, ns->rdata, ns->rdata_len, &server) < 0)
		return NULL;
	zw_name_to_text(ns->owner, name);
	return zw_asprintf("a referral of %s to %s", name, server);
}

char *zw_answer_said_text(
	const struct zw_message *m, enum zw_section section, const uint8_t *owner, uint16_t type)
{
	_zw_str_ struct zw_str text = {};
	const struct zw_message_rr *cname;
	size_t n = 0;

	for (size_t i = 0; i < m->rrs; i++) {
		const struct zw_message_rr *rr = &m->rr[i];

		if (rr->section != section || rr->type != type || !zw_name_equal(rr->owner, owner))
			continue;
		if (add_record(&text, n++, type, rr->rdata, rr->rdata_len) < 0)
			return NULL;
	}
	if (n > 0)
		return end_text(&text, n);
	cname = zw_answer_first(m, ZW_SECTION_ANSWER, owner, ZW_TYPE_CNAME);
	if (!cname || section != ZW_SECTION_ANSWER)
		return nothing_text(m);
	zw_str_add(&text, "CNAME ");
	if (add_record(&text, 0, cname->type, cname->rdata, cname->rdata_len) < 0)
		return NULL;
	return end_text(&text, 1);
}
