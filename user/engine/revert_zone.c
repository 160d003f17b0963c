/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A revert as lines of a master file. */
#include "engine/revert.h"

#include <errno.h>
#include <stdio.h>

#include "dns/name.h"
#include "dns/rr.h"

/* Types whose presentation BIND 9.16, Knot 3.0, NSD 4.3 and PowerDNS 4.4 and later read alike. */
static bool is_common(uint16_t type)
{
	static const uint16_t common[] = {
		ZW_TYPE_A, ZW_TYPE_NS, ZW_TYPE_CNAME, ZW_TYPE_SOA, ZW_TYPE_PTR, ZW_TYPE_MX,
		ZW_TYPE_TXT, ZW_TYPE_AAAA, ZW_TYPE_SRV, ZW_TYPE_DNAME, ZW_TYPE_DS, ZW_TYPE_RRSIG,
		ZW_TYPE_NSEC, ZW_TYPE_DNSKEY, ZW_TYPE_NSEC3, ZW_TYPE_NSEC3PARAM, ZW_TYPE_TLSA,
		ZW_TYPE_CDS, ZW_TYPE_CDNSKEY, ZW_TYPE_CAA, 13, /* HINFO */
		17,                                            /* RP */
		18,                                            /* AFSDB */
		35,                                            /* NAPTR */
		44,                                            /* SSHFP */
		99,                                            /* SPF */
		256,                                           /* URI */
	};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(common); i++)
		if (common[i] == type)
			return true;
	return false;
}

const char *zw_revert_type(uint16_t type, char buf[static ZW_TYPE_TEXT_MAX])
{
	if (is_common(type))
		return zw_type_to_text(type, buf);
	snprintf(buf, ZW_TYPE_TEXT_MAX, "TYPE%u", type);
	return buf;
}

/* RFC 3597 section 5: every reader takes this, whether it knows the type or not. */
static void add_generic(struct zw_str *out, const uint8_t *rdata, uint16_t len)
{
	zw_str_addf(out, "\\# %u", len);
	if (len)
		zw_str_add_char(out, ' ');
	for (uint16_t i = 0; i < len; i++)
		zw_str_addf(out, "%02x", rdata[i]);
}

void zw_revert_add_rdata(struct zw_str *out, uint16_t type, const uint8_t *rdata, uint16_t len)
{
	_zw_free_ char *text = NULL;

	if (!is_common(type) || !zw_rdata_fits(type, rdata, len))
		add_generic(out, rdata, len);
	else if (zw_rdata_to_text(type, rdata, len, &text) < 0)
		out->failed = true;
	else
		zw_str_add(out, text);
}

void zw_revert_add_data(struct zw_str *out, uint16_t type, const uint8_t *rdata, uint16_t len)
{
	char name[ZW_TYPE_TEXT_MAX];

	zw_str_addf(out, " %s ", zw_revert_type(type, name));
	zw_revert_add_rdata(out, type, rdata, len);
}

void zw_revert_add_record(struct zw_str *out, const uint8_t *owner, uint32_t ttl, uint16_t type,
	const uint8_t *rdata, uint16_t len)
{
	char name[ZW_NAME_TEXT_MAX];

	zw_name_to_text(owner, name);
	zw_str_addf(out, "%s %u IN", name, ttl);
	zw_revert_add_data(out, type, rdata, len);
	zw_str_add_char(out, '\n');
}

static void add_rrset(struct zw_str *out, const struct zw_rrset *set, const char *prefix)
{
	for (uint32_t i = 0; i < set->count; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(set, i, &len);

		zw_str_add(out, prefix);
		zw_revert_add_record(out, set->owner, zw_rrset_ttl(set, i), set->type, rdata, len);
	}
}

static void add_heading(struct zw_str *out, const struct zw_revert *v, const char *title)
{
	char type[ZW_TYPE_TEXT_MAX], name[ZW_NAME_TEXT_MAX];

	zw_str_addf(out, "; %s\n", title);
	ZW_VEC_FOREACH(set, &v->left) {
		zw_name_to_text(set->owner, name);
		zw_str_addf(out, "; left to whoever signs the zone: %s %s\n", name,
			zw_type_to_text(set->type, type));
	}
}

int zw_revert_to_rrsets(
	const struct zw_revert *v, const struct zw_revert_heading *heading, struct zw_str *out)
{
	char name[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

	add_heading(out, v, heading->title);
	zw_str_addf(out, "; the serial is %u now\n", v->serial);
	zw_revert_add_record(
		out, zw_snapshot_origin(v->present), v->soa_ttl, ZW_TYPE_SOA, v->soa, v->soa_len);
	ZW_VEC_FOREACH(set, &v->sets) {
		zw_name_to_text(set->owner, name);
		zw_str_addf(out, "; %s %s: %s\n", name, zw_type_to_text(set->type, type),
			!set->want.count   ? "to be taken out"
			: !set->have.count ? "to be put in"
					   : "instead of");
		add_rrset(out, &set->have, "; - ");
		add_rrset(out, &set->want, "");
	}
	return out->failed ? -ENOMEM : 0;
}

int zw_revert_to_zone(
	const struct zw_revert *v, const struct zw_revert_heading *heading, struct zw_str *out)
{
	_zw_snapshot_ struct zw_snapshot *target = NULL;
	struct zw_rrset set;
	size_t it = 0;
	int r;

	r = zw_revert_target(v, NULL, true, &target);
	if (r < 0)
		return r;
	add_heading(out, v, heading->title);
	if (v->signed_zone)
		zw_str_add(out,
			"; without signatures, keys and proofs of nonexistence: sign it anew\n");
	/* First, as some readers want it. */
	if (zw_snapshot_soa(target, &set))
		add_rrset(out, &set, "");
	while (zw_snapshot_next(target, &it, &set))
		if (set.type != ZW_TYPE_SOA && !zw_revert_leaves(v, set.type))
			add_rrset(out, &set, "");
	return out->failed ? -ENOMEM : 0;
}
