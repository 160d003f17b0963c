/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/request_control.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "dns/master.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/rr.h"

/* One record, and no more, is what Knot takes of a line. */
#define TAKEN 1

struct taking {
	struct zw_message *message;
	uint16_t klass;
	bool empty; /* the type counts, not the data */
};

static int take_record(void *ctx, const struct zw_record *record)
{
	const struct taking *t = ctx;
	struct zw_record copy = *record;
	int r;

	copy.klass = t->klass;
	if (t->klass != ZW_CLASS_IN)
		copy.ttl = 0;
	if (t->empty)
		copy.rdata_len = 0;
	r = zw_message_add_rr(t->message, ZW_SECTION_UPDATE, &copy);
	return r < 0 ? r : TAKEN;
}

/* Knot parses what it is given as a line of a master file (ctl/commands.c, create_rrset), in which a name without the
 * final dot is relative to the zone. Whether the line was a record: 1, 0, or -ENOMEM. */
static int take_line(struct taking *t, const uint8_t *zone, const struct zw_control *c,
	const char *ttl, const char *data)
{
	const struct zw_master_options options = {
		.origin = zone, .ttl_rule = ZW_TTL_FIXED, .default_ttl = 3600};
	_zw_str_ struct zw_str line = {};
	struct zw_zone_error error;
	int r;

	/* Directives are no owners, and a blank would be the owner before. */
	if (!c->owner[0] || strchr("$ \t\r\n;(\"", c->owner[0]))
		return 0;
	zw_str_addf(&line, "%s %s %s %s\n", c->owner, ttl, c->type, data);
	if (line.failed)
		return -ENOMEM;
	r = zw_master_parse(&options, line.buf, line.len, take_record, t, &error);
	return r == TAKEN ? 1 : r == -ENOMEM ? r : 0;
}

/* A name relative to the zone without its final dot, "@" for the zone itself. */
static bool owner_of(const char *text, const uint8_t *zone, uint8_t ret[static ZW_NAME_MAX])
{
	char origin[ZW_NAME_TEXT_MAX];
	_zw_free_ char *whole = NULL;

	if (zw_streq(text, "@"))
		return memcpy(ret, zone, zw_name_len(zone)) != NULL;
	if (zw_endswith(text, "."))
		return zw_name_from_text(text, ret, NULL) == 0;
	zw_name_to_text(zone, origin);
	whole = zw_asprintf("%s.%s", text, zw_streq(origin, ".") ? "" : origin);
	return whole && zw_name_from_text(whole, ret, NULL) == 0;
}

/* Without data the whole RRset goes, without a type all of the name (RFC 2136 section 2.5). */
static int take_removal(struct taking *t, const uint8_t *zone, const struct zw_control *c)
{
	uint8_t owner[ZW_NAME_MAX];
	struct zw_record record = {.owner = owner, .klass = ZW_CLASS_ANY, .type = ZW_TYPE_ANY};
	int r;

	if (c->type && c->data) {
		t->klass = ZW_CLASS_NONE;
		return take_line(t, zone, c, "0", c->data);
	}
	if (!owner_of(c->owner, zone, owner) ||
		(c->type && zw_type_from_text(c->type, &record.type) < 0))
		return 0;
	zw_name_lower(owner, zw_name_len(owner));
	record.owner_len = (uint8_t)zw_name_len(owner);
	r = zw_message_add_rr(t->message, ZW_SECTION_UPDATE, &record);
	return r < 0 ? r : 1;
}

int zw_request_tell_control(struct zw_request *request, const struct zw_control *c)
{
	_zw_message_ struct zw_message *message = NULL;
	struct taking t = {.klass = ZW_CLASS_IN};
	int r;

	if (c->protocol != ZW_CONTROL_KNOT || c->effect != ZW_CONTROL_RECORDS || !request->zone ||
		!c->owner)
		return 0;
	r = zw_message_new_update(request->zone, &message);
	if (r < 0)
		return r;
	t.message = message;
	if (zw_streq(c->command, "zone-unset"))
		r = take_removal(&t, request->zone, c);
	/* Without a TTL that of the other records counts, which a comparison takes for as good. */
	else if (c->type && c->data)
		r = take_line(&t, request->zone, c, c->ttl ? c->ttl : "3600", c->data);
	if (r == 1) {
		request->message = ZW_TAKE(message);
		r = 0;
	}
	return r == -EINVAL ? 0 : r;
}
