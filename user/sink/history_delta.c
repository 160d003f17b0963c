/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_delta.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "dns/name.h"
#include "dns/record.h"
#include "dns/rr.h"

enum {
	FORM_PLAIN = 1,
	FORM_DEFLATED = 2,
};

/* Shorter ones do not become shorter. */
#define DEFLATE_MIN 96
/* Without the header and checksum of zlib's own format, which are as long as many a delta. */
#define WINDOW_BITS (-15)
/* A snapshot has at most 4 GiB of text; a length beyond this is damage. */
#define PLAIN_MAX (UINT64_C(2) << 30)
/* deflate cannot do better than this (zlib.net/zlib_tech.html), so a greater ratio is damage. */
#define RATIO_MAX 1032

static uint32_t checksum(const void *data, size_t len)
{
	return (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, len);
}

void zw_delta_put_owner(struct zw_str *plain, const uint8_t *owner, size_t owner_len,
	size_t origin_len, uint16_t type)
{
	zw_str_add_len(plain, (const char *)owner, owner_len - origin_len);
	zw_str_add_char(plain, '\0');
	zw_put_number(plain, type);
}

static bool ttls_differ(const struct zw_rrset *rrset)
{
	for (size_t i = 1; i < rrset->count; i++)
		if (zw_rrset_ttl(rrset, i) != zw_rrset_ttl(rrset, 0))
			return true;
	return false;
}

static void put_side(struct zw_str *plain, const struct zw_rrset *rrset)
{
	bool ttls = rrset->count > 1 && ttls_differ(rrset);

	zw_put_number(plain, (uint64_t)rrset->count * 2 + ttls);
	if (rrset->count > 0 && !ttls)
		zw_put_number(plain, zw_rrset_ttl(rrset, 0));
	for (size_t i = 0; i < rrset->count; i++) {
		const uint8_t *rdata;
		uint16_t len;

		rdata = zw_rrset_rdata(rrset, i, &len);
		if (ttls)
			zw_put_number(plain, zw_rrset_ttl(rrset, i));
		zw_put_bytes(plain, rdata, len);
	}
}

/* false when it does not get shorter, or there is no memory to try: it goes as it is then. */
static bool put_deflated(const struct zw_str *plain, struct zw_str *out)
{
	_zw_free_ uint8_t *packed = malloc(plain->len);
	z_stream z = {};
	bool done;

	if (!packed || plain->len > UINT32_MAX ||
		deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS, 8,
			Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	z.next_in = (uint8_t *)plain->buf;
	z.avail_in = (uInt)plain->len;
	z.next_out = packed;
	z.avail_out = (uInt)plain->len - 8;
	done = deflate(&z, Z_FINISH) == Z_STREAM_END;
	deflateEnd(&z);
	if (!done)
		return false;
	zw_str_add_char(out, FORM_DEFLATED);
	zw_put_number(out, plain->len);
	zw_str_add_len(out, (const char *)packed, z.total_out);
	return true;
}

int zw_delta_seal(struct zw_str *plain, struct zw_str *out)
{
	uint32_t crc;

	if (plain->failed)
		return -ENOMEM;
	crc = htole32(checksum(plain->buf ? plain->buf : "", plain->len));
	zw_str_add_len(plain, (const char *)&crc, sizeof(crc));
	if (plain->failed)
		return -ENOMEM;
	if (plain->len < DEFLATE_MIN || !put_deflated(plain, out)) {
		zw_str_add_char(out, FORM_PLAIN);
		zw_str_add_len(out, plain->buf, plain->len);
	}
	return out->failed ? -ENOMEM : 0;
}

int zw_delta_encode(const struct zw_diff *diff, struct zw_str *out)
{
	const struct zw_snapshot *one = diff->after ? diff->after : diff->before;
	const uint8_t *origin = one ? zw_snapshot_origin(one) : (const uint8_t *)"";
	size_t origin_len = zw_name_len(origin);
	_zw_str_ struct zw_str plain = {};

	for (size_t i = 0; i < diff->len; i++) {
		const struct zw_diff_entry *entry = &diff->entries[i];

		if (!zw_name_is_within(entry->owner, origin))
			return -EINVAL;
		zw_delta_put_owner(
			&plain, entry->owner, zw_name_len(entry->owner), origin_len, entry->type);
		put_side(&plain, &entry->before);
		put_side(&plain, &entry->after);
	}
	return zw_delta_seal(&plain, out);
}

static int inflate_plain(struct zw_bytes *in, uint8_t **ret_plain, size_t *ret_len)
{
	_zw_free_ uint8_t *plain = NULL;
	uint64_t len = zw_take_number(in);
	z_stream z = {};
	int code;

	if (in->failed || len / RATIO_MAX > in->left || in->left > UINT32_MAX)
		return -EBADMSG;
	if (len > PLAIN_MAX)
		return -EFBIG;
	plain = malloc(len ? len : 1);
	if (!plain || inflateInit2(&z, WINDOW_BITS) != Z_OK)
		return -ENOMEM;
	z.next_in = (uint8_t *)in->p;
	z.avail_in = (uInt)in->left;
	z.next_out = plain;
	z.avail_out = (uInt)len;
	code = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (code == Z_MEM_ERROR)
		return -ENOMEM;
	if (code != Z_STREAM_END || z.total_out != len || z.avail_in != 0)
		return -EBADMSG;
	*ret_plain = ZW_TAKE(plain);
	*ret_len = len;
	return 0;
}

int zw_delta_begin(
	struct zw_delta_reader *reader, const uint8_t *origin, const void *data, size_t len)
{
	struct zw_bytes in = {data, len, false};
	_zw_free_ uint8_t *inflated = NULL;
	const uint8_t *form = zw_take(&in, 1);
	uint32_t crc;
	int r;

	if (!form || (*form != FORM_PLAIN && *form != FORM_DEFLATED))
		return -EBADMSG;
	if (*form == FORM_DEFLATED) {
		r = inflate_plain(&in, &inflated, &in.left);
		if (r < 0)
			return r;
		in.p = inflated;
	}
	if (in.left < sizeof(crc))
		return -EBADMSG;
	in.left -= sizeof(crc);
	memcpy(&crc, in.p + in.left, sizeof(crc));
	if (checksum(in.p, in.left) != le32toh(crc))
		return -EBADMSG;
	*reader = (struct zw_delta_reader){
		.origin = origin,
		.origin_len = zw_name_len(origin),
		.inflated = ZW_TAKE(inflated),
		.in = in,
	};
	return 0;
}

void zw_delta_done(struct zw_delta_reader *reader)
{
	free(reader->inflated);
	*reader = (struct zw_delta_reader){};
}

bool zw_delta_record(
	const struct zw_delta_side *side, struct zw_bytes *in, struct zw_delta_record *ret_record)
{
	static const uint8_t empty;
	struct zw_delta_record record = {.ttl = side->ttl};

	if (in->left == 0 || in->failed)
		return false;
	if (side->ttls)
		record.ttl = (uint32_t)zw_take_number_to(in, UINT32_MAX);
	record.len = (uint16_t)zw_take_number_to(in, UINT16_MAX);
	record.rdata = zw_take(in, record.len);
	if (in->failed)
		return false;
	if (!record.rdata)
		record.rdata = &empty;
	*ret_record = record;
	return true;
}

static void take_side(struct zw_bytes *in, struct zw_delta_side *ret_side)
{
	uint64_t head = zw_take_number_to(in, (uint64_t)UINT32_MAX * 2 + 1);
	struct zw_delta_side side = {.count = (uint32_t)(head / 2), .ttls = head & 1};

	if (side.count > 0 && !side.ttls)
		side.ttl = (uint32_t)zw_take_number_to(in, UINT32_MAX);
	side.records = in->p;
	for (uint32_t i = 0; i < side.count && !in->failed; i++) {
		if (side.ttls)
			(void)zw_take_number_to(in, UINT32_MAX);
		(void)zw_take(in, zw_take_number_to(in, UINT16_MAX));
	}
	side.len = (size_t)(in->p - side.records);
	*ret_side = side;
}

/* The labels up to the zone's own, which are added. */
static bool take_owner(struct zw_delta_reader *reader, struct zw_delta_rrset *rrset)
{
	const uint8_t *end = memchr(reader->in.p, 0, reader->in.left);
	size_t len = 0;

	while (end && len < reader->in.left && reader->in.p[len])
		len += 1U + reader->in.p[len];
	if (!end || len >= reader->in.left || len + reader->origin_len > ZW_NAME_MAX)
		return false;
	if (len > 0)
		memcpy(rrset->owner, zw_take(&reader->in, len), len);
	(void)zw_take(&reader->in, 1);
	memcpy(rrset->owner + len, reader->origin, reader->origin_len);
	rrset->owner_len = (uint8_t)(len + reader->origin_len);
	zw_name_lower(rrset->owner, rrset->owner_len);
	return zw_name_check(rrset->owner, rrset->owner_len, NULL) == 0;
}

int zw_delta_next(struct zw_delta_reader *reader, struct zw_delta_rrset *ret_rrset)
{
	if (reader->in.left == 0)
		return 0;
	if (!take_owner(reader, ret_rrset))
		return -EBADMSG;
	ret_rrset->type = (uint16_t)zw_take_number_to(&reader->in, UINT16_MAX);
	take_side(&reader->in, &ret_rrset->before);
	take_side(&reader->in, &ret_rrset->after);
	return reader->in.failed ? -EBADMSG : 1;
}

static int build_side(struct zw_builder *builder, const struct zw_delta_rrset *rrset,
	const struct zw_delta_side *side)
{
	struct zw_bytes in = {side->records, side->len, false};
	struct zw_delta_record record;

	while (zw_delta_record(side, &in, &record)) {
		struct zw_record full = {
			.owner = rrset->owner,
			.owner_len = rrset->owner_len,
			.type = rrset->type,
			.klass = ZW_CLASS_IN,
			.ttl = record.ttl,
			.rdata = record.rdata,
			.rdata_len = record.len,
		};
		int r = zw_builder_add(builder, &full);

		if (r < 0)
			return r;
	}
	return 0;
}

static int build(
	struct zw_delta_reader *reader, struct zw_builder *before, struct zw_builder *after)
{
	struct zw_delta_rrset rrset;
	int r;

	while ((r = zw_delta_next(reader, &rrset)) > 0) {
		r = build_side(before, &rrset, &rrset.before);
		if (r == 0)
			r = build_side(after, &rrset, &rrset.after);
		if (r < 0)
			break;
	}
	return r;
}

int zw_delta_decode(const struct zw_hash_key *key, const uint8_t *origin, const void *data,
	size_t len, struct zw_diff **ret_diff)
{
	_zw_builder_ struct zw_builder *before = NULL, *after = NULL;
	_zw_snapshot_ struct zw_snapshot *old = NULL, *new = NULL;
	_zw_delta_ struct zw_delta_reader reader = {};
	int r;

	r = zw_delta_begin(&reader, origin, data, len);
	if (r == 0)
		r = zw_builder_new(key, origin, NULL, &before);
	if (r == 0)
		r = zw_builder_new(key, origin, NULL, &after);
	if (r == 0)
		r = build(&reader, before, after);
	if (r == 0)
		r = zw_builder_finish(before, &old);
	if (r == 0)
		r = zw_builder_finish(after, &new);
	if (r == 0)
		r = zw_diff_new(old, new, ret_diff);
	return r;
}
