/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Snapshots as bytes. Integers are big-endian, varints are 7 bits an octet, least significant
 * first.
 *
 *	"ZWSNAP", u16 version, u64 checksum of all that follows
 *	u32 records, u8 origin length, origin
 *	RRsets in canonical order:
 *		u8 octets shared with the end of the previous owner (at first: of the origin),
 *		u8 further octets, these octets, u16 type, varint count,
 *		u32 ttl (of signatures: before each rdata instead)
 *		count times { varint length, rdata }
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "dns/rr.h"
#include "zone/snapshot_impl.h"

#define VERSION 1
#define MAGIC "ZWSNAP"
#define MAGIC_LEN 6
#define HEADER_LEN (MAGIC_LEN + 2 + 8)
#define VARINT_MAX 5

/* The checksum finds damage, not malice: its key is public. */
static const struct zw_hash_key checksum_key = {0x7a6f6e6577697473ULL, 0x6e65737376657231ULL};

struct writer {
	ZW_VEC(uint8_t) out;
	int error; /* sticks */
};

static void put(struct writer *w, const void *data, size_t len)
{
	if (w->error == 0)
		w->error = zw_vec_reserve(&w->out, w->out.len + len);
	if (w->error < 0 || len == 0)
		return;
	memcpy(w->out.items + w->out.len, data, len);
	w->out.len += len;
}

static void put_uint(struct writer *w, uint64_t v, unsigned int octets)
{
	uint8_t buf[8];

	for (unsigned int i = 0; i < octets; i++)
		buf[i] = (uint8_t)(v >> 8 * (octets - 1 - i));
	put(w, buf, octets);
}

static void put_varint(struct writer *w, uint32_t v)
{
	for (; v >= 0x80; v >>= 7)
		put_uint(w, (v & 0x7f) | 0x80, 1);
	put_uint(w, v, 1);
}

static void put_owner(struct writer *w, const uint8_t *prev, const uint8_t *owner)
{
	size_t prev_len = zw_name_len(prev), len = zw_name_len(owner), same = 0;

	while (same < prev_len && same < len && prev[prev_len - 1 - same] == owner[len - 1 - same])
		same++;
	put_uint(w, same, 1);
	put_uint(w, len - same, 1);
	put(w, owner, len - same);
}

static void put_rrset(struct writer *w, const struct zw_rrset *set)
{
	bool common = zw_type_has_common_ttl(set->type);

	put_uint(w, set->type, 2);
	put_varint(w, set->count);
	if (common)
		put_uint(w, set->ttl, 4);
	for (uint32_t i = 0; i < set->count; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(set, i, &len);

		if (!common)
			put_uint(w, zw_rrset_ttl(set, i), 4);
		put_varint(w, len);
		put(w, rdata, len);
	}
}

int zw_snapshot_save(const struct zw_snapshot *s, uint8_t **ret_data, size_t *ret_len)
{
	const uint8_t *prev = s->origin;
	struct writer w = {};
	struct zw_rrset set;
	uint64_t sum;
	size_t it = 0;

	put(&w, MAGIC, MAGIC_LEN);
	put_uint(&w, VERSION, 2);
	put_uint(&w, 0, 8);
	put_uint(&w, s->count, 4);
	put_uint(&w, s->origin_len, 1);
	put(&w, s->origin, s->origin_len);
	for (; zw_snapshot_next(s, &it, &set); prev = set.owner) {
		put_owner(&w, prev, set.owner);
		put_rrset(&w, &set);
	}
	if (w.error < 0) {
		zw_vec_free(&w.out);
		return w.error;
	}
	sum = zw_hash_bytes(&checksum_key, w.out.items + HEADER_LEN, w.out.len - HEADER_LEN);
	for (int i = 0; i < 8; i++)
		w.out.items[MAGIC_LEN + 2 + i] = (uint8_t)(sum >> 8 * (7 - i));
	*ret_data = w.out.items;
	*ret_len = w.out.len;
	return 0;
}

struct reader {
	const uint8_t *p, *end;
	bool bad; /* sticks: reads past the end give 0 */
	uint8_t origin[ZW_NAME_MAX];
	uint8_t owner[ZW_NAME_MAX]; /* of the last RRset, at first the origin */
	size_t owner_len;
	uint32_t type; /* of the last RRset, at first 0, which no record has */
	uint8_t scratch[UINT16_MAX];
};

static const uint8_t *get(struct reader *in, size_t len)
{
	const uint8_t *p = in->p;

	if (in->bad || len > (size_t)(in->end - p)) {
		in->bad = true;
		return NULL;
	}
	in->p += len;
	return p;
}

static uint64_t get_uint(struct reader *in, unsigned int octets)
{
	const uint8_t *p = get(in, octets);
	uint64_t v = 0;

	for (unsigned int i = 0; p && i < octets; i++)
		v = v << 8 | p[i];
	return v;
}

static uint32_t get_varint(struct reader *in)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < VARINT_MAX; i++) {
		uint64_t c = get_uint(in, 1);

		v |= (c & 0x7f) << 7 * i;
		if (c < 0x80) {
			/* One form only: no padding, no overflow. */
			in->bad |= v > UINT32_MAX || (i > 0 && c == 0);
			return (uint32_t)v;
		}
	}
	in->bad = true;
	return 0;
}

/* The next owner and type, which must come after the last ones. */
static bool get_owner_and_type(struct reader *in)
{
	uint8_t name[ZW_NAME_MAX];
	size_t same = get_uint(in, 1), more = get_uint(in, 1), len;
	const uint8_t *p = get(in, more);
	uint32_t type;
	int d;

	if (!p || same > in->owner_len || same + more > sizeof(name))
		return false;
	if (more > 0 && same < in->owner_len && p[more - 1] == in->owner[in->owner_len - 1 - same])
		return false; /* one more octet could have been shared */
	memcpy(name, p, more);
	memcpy(name + more, in->owner + in->owner_len - same, same);
	if (zw_name_check(name, same + more, &len) < 0 || len != same + more)
		return false;
	memcpy(in->scratch, name, len);
	zw_name_lower(in->scratch, len);
	if (memcmp(in->scratch, name, len) != 0 || !zw_name_is_within(name, in->origin))
		return false;
	type = (uint32_t)get_uint(in, 2);
	d = zw_name_cmp(in->owner, name);
	if (zw_type_is_meta((uint16_t)type) || d > 0 || (d == 0 && type <= in->type))
		return false;
	memcpy(in->owner, name, len);
	in->owner_len = len;
	in->type = type;
	return true;
}

static int get_rrset(struct reader *in, struct zw_builder *b)
{
	struct zw_record rec = {.owner = in->owner,
		.owner_len = (uint8_t)in->owner_len,
		.type = (uint16_t)in->type,
		.klass = ZW_CLASS_IN};
	bool common = zw_type_has_common_ttl(rec.type);
	uint32_t count = get_varint(in), len;
	const uint8_t *prev = NULL;
	size_t prev_len = 0;
	int r;

	if (common)
		rec.ttl = (uint32_t)get_uint(in, 4);
	if (count == 0)
		return -EBADMSG;
	for (; count > 0; count--) {
		if (!common)
			rec.ttl = (uint32_t)get_uint(in, 4);
		len = get_varint(in);
		rec.rdata = get(in, len);
		if (!rec.rdata || len > UINT16_MAX)
			return -EBADMSG;
		memcpy(in->scratch, rec.rdata, len);
		zw_rdata_lower(rec.type, in->scratch, len);
		if (memcmp(in->scratch, rec.rdata, len) != 0 ||
			(prev && zw_rdata_cmp(prev, prev_len, rec.rdata, len) >= 0))
			return -EBADMSG;
		prev = rec.rdata;
		prev_len = len;
		rec.rdata_len = (uint16_t)len;
		r = zw_builder_add(b, &rec);
		if (r < 0)
			return r;
	}
	return 0;
}

static int get_header(struct reader *in)
{
	const uint8_t *magic = get(in, MAGIC_LEN);
	uint64_t version = get_uint(in, 2), sum = get_uint(in, 8);

	if (in->bad || memcmp(magic, MAGIC, MAGIC_LEN) != 0)
		return -EBADMSG;
	if (version != VERSION)
		return version > VERSION ? -EPROTONOSUPPORT : -EBADMSG;
	if (zw_hash_bytes(&checksum_key, in->p, (size_t)(in->end - in->p)) != sum)
		return -EBADMSG;
	return 0;
}

static int get_origin(struct reader *in)
{
	size_t len = get_uint(in, 1), checked;
	const uint8_t *p = get(in, len);

	if (!p || zw_name_check(p, len, &checked) < 0 || checked != len)
		return -EBADMSG;
	memcpy(in->owner, p, len);
	zw_name_lower(in->owner, len);
	in->owner_len = len;
	memcpy(in->origin, in->owner, len);
	return memcmp(in->owner, p, len) == 0 ? 0 : -EBADMSG;
}

int zw_snapshot_load(const struct zw_hash_key *key, const void *data, size_t len,
	struct zw_snapshot **ret_snapshot)
{
	_zw_free_ struct reader *in = calloc(1, sizeof(*in));
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	_zw_builder_ struct zw_builder *b = NULL;
	uint32_t records;
	int r;

	if (!in)
		return -ENOMEM;
	in->p = data;
	in->end = in->p + len;
	r = get_header(in);
	if (r < 0)
		return r;
	records = (uint32_t)get_uint(in, 4);
	r = get_origin(in);
	if (r < 0)
		return r;
	r = zw_builder_new(key, in->origin, NULL, &b);
	while (r == 0 && in->p < in->end)
		r = get_owner_and_type(in) ? get_rrset(in, b) : -EBADMSG;
	if (r == 0)
		r = zw_builder_finish(b, &s);
	if (r < 0)
		return r;
	if (in->bad || s->count != records)
		return -EBADMSG;
	*ret_snapshot = ZW_TAKE(s);
	return 0;
}
