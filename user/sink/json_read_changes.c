/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The "what" of an event, read back: the inverse of json_changes.c. Two small snapshots with what was listed, and
 * their difference. */
#include "sink/json_take.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "dns/rrtext.h"

/* RFC 3597 section 5. */
#define GENERIC "\\# "

/* One of the two states. */
struct side {
	struct zw_builder *builder;
	struct zw_rrtext *text;
	uint32_t ttl; /* of the RRset that is read */
};

struct change {
	struct zw_json_in *in;
	const char *name;
	uint8_t owner[ZW_NAME_MAX];
	uint16_t type;
	const uint8_t *origin;
};

static void side_done(struct side *side)
{
	zw_builder_free(side->builder);
	zw_rrtext_free(side->text);
}

/* What was stored is taken as it is: servers differ in how high TTLs they take. */
static int take_record(void *ctx, const struct zw_record *record)
{
	struct zw_record as_stored = *record;
	struct side *side = ctx;

	as_stored.ttl = side->ttl;
	return zw_builder_add(side->builder, &as_stored);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "\# 3 0a0b0c". The scanner would refuse data that does not fit its type, which is what was written this way. */
static int parse_generic(const char *text, uint8_t **ret_data, uint16_t *ret_len)
{
	_zw_free_ uint8_t *data = NULL;
	unsigned long len, n = 0;
	char *p;

	len = strtoul(text + strlen(GENERIC), &p, 10);
	if (len > UINT16_MAX || p == text + strlen(GENERIC))
		return -EBADMSG;
	data = malloc(len + 1);
	if (!data)
		return -ENOMEM;
	for (; *p; p++) {
		int high = hex_value(p[0]), low = high < 0 ? -1 : hex_value(p[1]);

		if (*p == ' ')
			continue;
		if (low < 0 || n == len)
			return -EBADMSG;
		data[n++] = (uint8_t)(high << 4 | low);
		p++;
	}
	if (n != len)
		return -EBADMSG;
	*ret_data = ZW_TAKE(data);
	*ret_len = (uint16_t)len;
	return 0;
}

static int add_generic(const struct change *c, struct side *side, const char *text)
{
	struct zw_record record = {.owner = c->owner,
		.type = c->type,
		.klass = ZW_CLASS_IN,
		.owner_len = (uint8_t)zw_name_len(c->owner)};
	_zw_free_ uint8_t *data = NULL;
	int r;

	if (!zw_name_is_within(c->owner, c->origin))
		return zw_json_in_fail(c->in, c->name, "is not in the zone");
	r = parse_generic(text, &data, &record.rdata_len);
	if (r == -EBADMSG)
		return zw_json_in_fail(c->in, c->name, "has data that is none");
	if (r < 0)
		return r;
	zw_rdata_lower(c->type, data, record.rdata_len);
	record.rdata = data;
	return take_record(side, &record);
}

static int add_rdata(const struct change *c, struct side *side, const json_t *item)
{
	const char *text = json_string_value(item);
	struct zw_zone_error error = {};
	int r;

	if (!text)
		return zw_json_in_fail(c->in, "rdata", "is no list of texts");
	if (zw_startswith(text, GENERIC))
		return add_generic(c, side, text);
	r = zw_rrtext_add(side->text, c->name, 0, c->type, text, &error);
	return r == -EBADMSG ? zw_json_in_fail(c->in, c->name, error.reason) : r;
}

/* {"ttl":60,"rdata":["192.0.2.1"]}; nothing when the RRset was not there. */
static int add_rrset(
	const struct change *c, const json_t *change, const char *key, struct side *side)
{
	const json_t *rrset = NULL, *list = NULL, *item;
	size_t i;
	int r;

	r = zw_json_in_object(c->in, change, key, &rrset);
	if (r < 0 || !rrset)
		return r;
	side->ttl = 0;
	r = zw_json_in_u32(c->in, rrset, "ttl", &side->ttl);
	if (r == 0)
		r = zw_json_in_list(c->in, rrset, "rdata", &list);
	if (r < 0)
		return r;
	json_array_foreach(list, i, item) {
		r = add_rdata(c, side, item);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_change(
	struct change *c, const json_t *change, struct side *before, struct side *after)
{
	const char *name = NULL, *type = NULL;
	size_t len;
	int r;

	r = zw_json_in_string(c->in, change, "name", &name);
	if (r == 0)
		r = zw_json_in_string(c->in, change, "type", &type);
	if (r < 0)
		return r;
	if (!name || zw_name_from_text(name, c->owner, &len) < 0)
		return zw_json_in_fail(c->in, "name", "is no domain name");
	if (!type || zw_type_from_text(type, &c->type) < 0 || zw_type_is_meta(c->type))
		return zw_json_in_fail(c->in, "type", "is no type of records");
	zw_name_lower(c->owner, len);
	c->name = name;
	r = add_rrset(c, change, "before", before);
	return r < 0 ? r : add_rrset(c, change, "after", after);
}

static int side_init(const struct zw_hash_key *key, const uint8_t *origin, struct side *side)
{
	int r = zw_builder_new(key, origin, NULL, &side->builder);

	return r < 0 ? r : zw_rrtext_new(origin, take_record, side, &side->text);
}

int zw_json_in_changes(
	struct zw_json_in *in, const json_t *list, const char *zone, struct zw_diff **ret_diff)
{
	_zw_cleanup_(side_done) struct side before = {}, after = {};
	_zw_snapshot_ struct zw_snapshot *old = NULL, *new = NULL;
	uint8_t origin[ZW_NAME_MAX];
	struct change c = {.in = in, .origin = origin};
	struct zw_hash_key key;
	const json_t *item;
	int r;

	if (!zone || zw_name_from_text(zone, origin, NULL) < 0)
		return zw_json_in_fail(in, "zone", "is no domain name");
	zw_name_lower(origin, zw_name_len(origin));
	zw_hash_key_init(&key);
	r = side_init(&key, origin, &before);
	if (r == 0)
		r = side_init(&key, origin, &after);
	if (r < 0)
		return r;
	json_array_foreach(list, in->index, item) {
		r = add_change(&c, item, &before, &after);
		if (r < 0)
			return r;
	}
	in->index = SIZE_MAX;
	r = zw_builder_finish(before.builder, &old);
	if (r == 0)
		r = zw_builder_finish(after.builder, &new);
	return r < 0 ? r : zw_diff_new(old, new, ret_diff);
}
