/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/record.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "dns/rr.h"
#include "dns/zonecheck.h"

static const char *const errkind_text[] = {
	[ZW_ZERR_NONE] = "none",
	[ZW_ZERR_EMPTY] = "empty",
	[ZW_ZERR_BINARY] = "binary",
	[ZW_ZERR_SYNTAX] = "syntax",
	[ZW_ZERR_TRUNCATED] = "truncated",
	[ZW_ZERR_OUT_OF_ZONE] = "out-of-zone",
	[ZW_ZERR_CLASS] = "class",
	[ZW_ZERR_TYPE] = "type",
	[ZW_ZERR_NO_TTL] = "no-ttl",
	[ZW_ZERR_NO_SOA] = "no-soa",
	[ZW_ZERR_TWO_SOA] = "two-soa",
	[ZW_ZERR_SOA_OWNER] = "soa-owner",
	[ZW_ZERR_INCLUDE] = "include",
	[ZW_ZERR_INCLUDE_DEPTH] = "include-depth",
	[ZW_ZERR_INCLUDE_LOOP] = "include-loop",
	[ZW_ZERR_GENERATE] = "generate",
	[ZW_ZERR_FORMAT] = "format",
	[ZW_ZERR_JOURNAL] = "journal",
	[ZW_ZERR_LIMIT] = "limit",
	[ZW_ZERR_SERVER] = "server",
};
static_assert(ZW_ARRAY_SIZE(errkind_text) == _ZW_ZERR_MAX, "one text per error kind");

const char *zw_zone_errkind_to_text(enum zw_zone_errkind kind)
{
	return kind < _ZW_ZERR_MAX ? errkind_text[kind] : "unknown";
}

int zw_zone_fail(struct zw_zone_error *error, enum zw_zone_errkind kind, uint32_t file,
	uint64_t line, const char *fmt, ...)
{
	va_list ap;

	if (!error)
		return -EBADMSG;
	error->kind = kind;
	error->file = file;
	error->line = line;
	va_start(ap, fmt);
	vsnprintf(error->reason, sizeof(error->reason), fmt, ap);
	va_end(ap);
	/* The text quotes the zone, which an attacker may have written. */
	for (char *p = error->reason; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	return -EBADMSG;
}

void zw_zonecheck_init(struct zw_zonecheck *c, const uint8_t *origin)
{
	c->origin = origin;
	c->origin_len = zw_name_len(origin);
	c->records = 0;
	c->have_soa = false;
	c->soa_len = 0;
}

static int check_soa(
	struct zw_zonecheck *c, const struct zw_record *rec, struct zw_zone_error *error)
{
	if (rec->owner_len != c->origin_len)
		return zw_zone_fail(error, ZW_ZERR_SOA_OWNER, rec->file, rec->line,
			"SOA record below the zone apex");
	if (zw_soa_parse(rec->rdata, rec->rdata_len, NULL, NULL) < 0)
		return zw_zone_fail(
			error, ZW_ZERR_SYNTAX, rec->file, rec->line, "malformed SOA record");
	if (!c->have_soa) {
		c->have_soa = true;
		c->soa_len = rec->rdata_len;
		memcpy(c->soa, rec->rdata, rec->rdata_len);
		return 0;
	}
	if (zw_rdata_cmp(c->soa, c->soa_len, rec->rdata, rec->rdata_len) != 0)
		return zw_zone_fail(error, ZW_ZERR_TWO_SOA, rec->file, rec->line,
			"second, different SOA record");
	return 0;
}

int zw_zonecheck_record(
	struct zw_zonecheck *c, const struct zw_record *rec, struct zw_zone_error *error)
{
	const uint8_t *tail = rec->owner;
	size_t len = rec->owner_len;
	char text[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

	for (; len > c->origin_len; len -= 1U + *tail, tail += 1U + *tail)
		;
	if (len != c->origin_len || memcmp(tail, c->origin, len) != 0) {
		zw_name_to_text(rec->owner, text);
		return zw_zone_fail(error, ZW_ZERR_OUT_OF_ZONE, rec->file, rec->line,
			"record outside the zone: %s", text);
	}
	if (zw_type_is_meta(rec->type))
		return zw_zone_fail(error, ZW_ZERR_TYPE, rec->file, rec->line,
			"type %s cannot be in a zone", zw_type_to_text(rec->type, type));
	c->records++;
	return rec->type == ZW_TYPE_SOA ? check_soa(c, rec, error) : 0;
}

int zw_zonecheck_end(const struct zw_zonecheck *c, struct zw_zone_error *error)
{
	if (c->records == 0)
		return zw_zone_fail(error, ZW_ZERR_EMPTY, 0, 0, "no records");
	if (!c->have_soa)
		return zw_zone_fail(error, ZW_ZERR_NO_SOA, 0, 0, "no SOA record");
	return 0;
}
