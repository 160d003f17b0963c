/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/rawzone.h"

#include <errno.h>
#include <string.h>

#include "dns/rr.h"
#include "dns/zonecheck.h"

/* lib/dns/include/dns/masterdump.h: dns_masterformat_raw and dns_masterformat_map. */
#define FORMAT_RAW 2
#define FORMAT_MAP 3
#define VERSION_MAX 1
#define HEADER_V0 12
#define HEADER_V1 24
/* Before the owner: total length, class, type, covers, TTL, count, owner length. */
#define RDATASET_FIXED 20

struct reader {
	const uint8_t *p, *end;
};

static uint32_t read_u16(struct reader *in)
{
	uint32_t v = (uint32_t)in->p[0] << 8 | in->p[1];

	in->p += 2;
	return v;
}

static uint32_t read_u32(struct reader *in)
{
	uint32_t high = read_u16(in);

	return high << 16 | read_u16(in);
}

static size_t left(const struct reader *in)
{
	return (size_t)(in->end - in->p);
}

enum zw_zone_format zw_zone_format_detect(const void *data, size_t len)
{
	static const uint8_t raw[] = {0, 0, 0, FORMAT_RAW}, map[] = {0, 0, 0, FORMAT_MAP};

	if (len >= sizeof(raw) && memcmp(data, raw, sizeof(raw)) == 0)
		return ZW_ZONE_RAW;
	if (len >= sizeof(map) && memcmp(data, map, sizeof(map)) == 0)
		return ZW_ZONE_MAP;
	return ZW_ZONE_TEXT;
}

static int damaged(struct zw_zone_error *error, const char *reason)
{
	return zw_zone_fail(error, ZW_ZERR_FORMAT, 0, 0, "raw zone: %s", reason);
}

static int read_header(struct reader *in, struct zw_zone_error *error)
{
	uint32_t format, version;

	if (left(in) < HEADER_V0)
		return damaged(error, "shorter than its header");
	format = read_u32(in);
	version = read_u32(in);
	if (format == FORMAT_MAP)
		return zw_zone_fail(error, ZW_ZERR_FORMAT, 0, 0,
			"map format: a memory image that only the BIND that wrote it can read");
	if (format != FORMAT_RAW)
		return damaged(error, "wrong format number");
	if (version > VERSION_MAX)
		return damaged(error, "unknown version");
	if (version == 1 && left(in) < HEADER_V1 - 8)
		return damaged(error, "shorter than its header");
	in->p += version == 1 ? HEADER_V1 - 8 : HEADER_V0 - 8;
	return 0;
}

/* Reads the owner into @ret, in lower case. */
static int read_owner(struct reader *in, size_t len, uint8_t ret[static ZW_NAME_MAX])
{
	size_t n;

	if (len > left(in) || zw_name_check(in->p, len, &n) < 0 || n != len)
		return -EBADMSG;
	memcpy(ret, in->p, n);
	zw_name_lower(ret, n);
	in->p += len;
	return 0;
}

int zw_rawzone_apex(const void *data, size_t len, uint8_t ret_name[static ZW_NAME_MAX])
{
	struct reader in = {data, (const uint8_t *)data + len};
	uint8_t name[ZW_NAME_MAX];
	size_t n;

	if (read_header(&in, NULL) < 0 || left(&in) < RDATASET_FIXED)
		return -EBADMSG;
	in.p += RDATASET_FIXED;
	n = (size_t)(in.p[-2] << 8 | in.p[-1]);
	if (read_owner(&in, n, name) < 0)
		return -EBADMSG;
	memcpy(ret_name, name, n);
	return 0;
}

struct rawzone {
	struct zw_zonecheck check;
	zw_record_fn fn;
	void *ctx;
	struct zw_zone_error *error;
	uint8_t rdata[UINT16_MAX];
};

/* One rdataset whose bytes are exactly @in. */
static int read_rdataset(struct rawzone *z, struct reader *in)
{
	uint8_t owner[ZW_NAME_MAX];
	struct zw_record rec = {.owner = owner, .rdata = z->rdata};
	size_t owner_len;
	uint32_t count;
	int r;

	rec.klass = (uint16_t)read_u16(in);
	rec.type = (uint16_t)read_u16(in);
	in->p += 2; /* the type a signature covers, which its rdata says as well */
	rec.ttl = read_u32(in);
	count = read_u32(in);
	owner_len = read_u16(in);
	if (read_owner(in, owner_len, owner) < 0)
		return damaged(z->error, "malformed owner name");
	rec.owner_len = (uint8_t)owner_len;
	if (rec.klass != ZW_CLASS_IN)
		return zw_zone_fail(
			z->error, ZW_ZERR_CLASS, 0, 0, "record of another class than IN");
	for (; count > 0; count--) {
		if (left(in) < 2)
			return damaged(z->error, "rdataset shorter than it says");
		rec.rdata_len = (uint16_t)read_u16(in);
		if (rec.rdata_len > left(in))
			return damaged(z->error, "rdata longer than its rdataset");
		memcpy(z->rdata, in->p, rec.rdata_len);
		in->p += rec.rdata_len;
		zw_rdata_lower(rec.type, z->rdata, rec.rdata_len);
		r = zw_zonecheck_record(&z->check, &rec, z->error);
		if (r == 0)
			r = z->fn(z->ctx, &rec);
		if (r != 0)
			return r;
	}
	return left(in) ? damaged(z->error, "rdataset longer than it says") : 0;
}

int zw_rawzone_parse(const uint8_t *origin, const void *data, size_t len, zw_record_fn fn,
	void *ctx, struct zw_zone_error *ret_error)
{
	struct reader in = {data, (const uint8_t *)data + len};
	struct rawzone z; /* large: not zeroed for nothing */
	uint8_t lower_origin[ZW_NAME_MAX];
	size_t origin_len = zw_name_len(origin);
	int r;

	memcpy(lower_origin, origin, origin_len);
	zw_name_lower(lower_origin, origin_len);
	z.fn = fn;
	z.ctx = ctx;
	z.error = ret_error;
	zw_zonecheck_init(&z.check, lower_origin);
	r = read_header(&in, ret_error);
	while (r == 0 && left(&in) > 0) {
		struct reader set = in;
		uint32_t total;

		if (left(&in) < RDATASET_FIXED)
			return damaged(ret_error, "ends inside an rdataset");
		total = read_u32(&set);
		if (total < RDATASET_FIXED || total > left(&in))
			return damaged(ret_error, "ends inside an rdataset");
		set.end = in.p + total;
		in.p += total;
		r = read_rdataset(&z, &set);
	}
	return r == 0 ? zw_zonecheck_end(&z.check, ret_error) : r;
}
