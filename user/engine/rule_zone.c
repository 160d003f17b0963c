/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a change does to the zone as a whole: unseen-type, dnssec-downgrade, serial-unchanged, serial-back, mass-change. */
#include "engine/rule_impl.h"

#include <string.h>

#include "base/str.h"
#include "dns/rr.h"
#include "zone/changes.h"

void zw_rule_types(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

	if (e->op != ZW_DIFF_ADD || zw_type_is_signing(e->type) || e->type == ZW_TYPE_SOA ||
		e->type == ZW_TYPE_DS || !s->in->before || !zw_rule_is_on(s, "unseen-type") ||
		!zw_rule_type_is_new(s, e->type) || !zw_rule_existed(s, e->owner))
		return;
	zw_name_to_text(e->owner, owner);
	zw_rule_found(s, "unseen-type", 0, owner, "%s got %s, a type that the zone never had",
		owner, zw_type_to_text(e->type, type));
}

/* --- DNSSEC ------------------------------------------------------------------------------------------- */

/* How much an algorithm is worth (RFC 8624 section 3.1, and its successor's table): 0 must not be used, 1 is not recommended
 * any more, 2 is fine. What is not known is taken for fine. */
static unsigned int algorithm_rank(uint8_t algorithm)
{
	switch (algorithm) {
	case 0: /* "delete", RFC 8078 section 4 */
	case 1:
	case 3:
	case 6:
	case 12:
		return 0;
	case 5:
	case 7:
		return 1;
	default:
		return 2;
	}
}

/* The same of digests of DS (RFC 8624 section 3.3): SHA-1 is not to be made any more, GOST not either. */
static unsigned int digest_rank(uint8_t digest)
{
	return digest == 0 ? 0 : digest == 1 || digest == 3 ? 1 : 2;
}

/* The worth of the best one; flags, protocol, algorithm of DNSKEY, and key tag, algorithm, digest type of DS
 * (RFC 4034 sections 2.1 and 5.1) are the first 4 octets. */
static unsigned int best_rank(const struct zw_rrset *rrset)
{
	unsigned int best = 0;

	for (size_t i = 0; i < rrset->count; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(rrset, i, &len);
		unsigned int rank = 0;

		if (len >= 4 && (rrset->type == ZW_TYPE_DS || rrset->type == ZW_TYPE_CDS)) {
			rank = algorithm_rank(rdata[2]);
			if (digest_rank(rdata[3]) < rank)
				rank = digest_rank(rdata[3]);
		} else if (len >= 4) {
			rank = algorithm_rank(rdata[3]);
		}
		if (rank > best)
			best = rank;
	}
	return best;
}

/* CDS and CDNSKEY with algorithm 0 ask the parent to take the DS away (RFC 8078 section 4). */
static bool asks_for_removal(const struct zw_rrset *rrset)
{
	size_t at = rrset->type == ZW_TYPE_CDS ? 2 : 3;

	for (size_t i = 0; i < rrset->count; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(rrset, i, &len);

		if (len > at && rdata[at] == 0)
			return true;
	}
	return false;
}

static const char *downgrade_at_apex(const struct zw_diff_entry *e)
{
	switch (e->type) {
	case ZW_TYPE_DNSKEY:
		return e->after.count == 0 ? "lost all its keys (DNSKEY)"
		       : best_rank(&e->after) < best_rank(&e->before)
			       ? "is signed with weaker algorithms than before (DNSKEY)"
			       : NULL;
	case ZW_TYPE_RRSIG:
		return e->after.count == 0 ? "lost the signatures of its own name (RRSIG)" : NULL;
	case ZW_TYPE_CDS:
	case ZW_TYPE_CDNSKEY:
		return asks_for_removal(&e->after) && !asks_for_removal(&e->before)
			       ? "asks its parent to take DNSSEC away"
			       : NULL;
	default:
		return NULL;
	}
}

static const char *downgrade_of_delegation(
	const struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	struct zw_rrset servers;

	if (e->after.count > 0)
		return best_rank(&e->after) < best_rank(&e->before)
			       ? "has only weaker DS records than before"
			       : NULL;
	return s->in->after && zw_snapshot_lookup(s->in->after, e->owner, ZW_TYPE_NS, &servers)
		       ? "is delegated without DS now"
		       : NULL;
}

void zw_rule_dnssec(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	char owner[ZW_NAME_TEXT_MAX];
	const char *what = NULL;

	if (e->type == ZW_TYPE_DS && e->op != ZW_DIFF_ADD)
		what = downgrade_of_delegation(s, e);
	else if (zw_name_equal(e->owner, s->in->origin) &&
		 (e->op != ZW_DIFF_ADD || e->type == ZW_TYPE_CDS || e->type == ZW_TYPE_CDNSKEY))
		what = downgrade_at_apex(e);
	/* The zone itself went away, or is empty. */
	if (!what || !s->in->after)
		return;
	zw_name_to_text(e->owner, owner);
	zw_rule_found(s, "dnssec-downgrade", 0, owner, "%s %s", owner, what);
}

/* --- serial ------------------------------------------------------------------------------------------- */

static bool makes_own_serials(const struct zw_report *report)
{
	return report->channel == ZW_CHANNEL_DATABASE || report->channel == ZW_CHANNEL_API ||
	       report->channel == ZW_CHANNEL_SIGNING || report->verdict == ZW_VERDICT_AUTOMATIC ||
	       (report->server_kind && zw_streq(report->server_kind, "pdns"));
}

void zw_rule_serial(struct zw_rule_scene *s)
{
	const struct zw_report *report = s->report;

	if (!report->has_serial_before || !report->has_serial_after)
		return;
	if (report->serial_before == report->serial_after) {
		if (!makes_own_serials(report))
			zw_rule_found(s, "serial-unchanged", 0, NULL,
				"records changed, but the serial is still %u: secondaries will not follow",
				report->serial_after);
		return;
	}
	if (!zw_serial_after(report->serial_after, report->serial_before))
		zw_rule_found(s, "serial-back", 0, NULL,
			"the serial went back from %u to %u: secondaries keep what they have",
			report->serial_before, report->serial_after);
}

/* --- how much of it ----------------------------------------------------------------------------------- */

static bool is_of_the_server(uint16_t type)
{
	return type == ZW_TYPE_SOA || zw_type_is_signing(type);
}

/* A signed zone has up to so many records for each that people made: its signature, and NSEC with its own. */
#define SIGNED_FACTOR 4

void zw_rule_mass(struct zw_rule_scene *s)
{
	uint64_t share = zw_rule_knob(s, "mass-change", "share");
	uint64_t sets = 0, all = 0;
	struct zw_rrset rrset;
	size_t it = 0;

	if (!s->in->before || !s->in->after || !zw_rule_is_on(s, "mass-change"))
		return;
	for (size_t i = 0; i < s->diff->len; i++) {
		const struct zw_diff_entry *e = &s->diff->entries[i];

		if (e->op == ZW_DIFF_DELETE || (e->op == ZW_DIFF_MODIFY && zw_rule_gains(e)))
			sets += !is_of_the_server(e->type);
	}
	/* The sets of the zone are counted only where they may be few enough. */
	if (sets < zw_rule_knob(s, "mass-change", "least") ||
		sets * 100 * SIGNED_FACTOR <
			share * (zw_snapshot_count(s->in->before) / SIGNED_FACTOR))
		return;
	while (zw_snapshot_next(s->in->before, &it, &rrset))
		all += !is_of_the_server(rrset.type);
	if (sets * 100 < share * all)
		return;
	zw_rule_found(s, "mass-change", 0, NULL,
		"%llu of %llu record sets of the zone were changed or removed at once",
		(unsigned long long)sets, (unsigned long long)all);
}
