/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Knot's control socket (libknot's control.c; knot_ctl_type_t and knot_ctl_idx_t in libknot/control/control.h). Units
 * of one type octet below 16; a data unit is followed by items of one octet (16 and the index), 16 bits of length and
 * a string. The server runs the command of the first data unit of a block on every unit of the block. */
#include <errno.h>
#include <string.h>

#include "event/control_impl.h"

enum { UNIT_END = 0, UNIT_DATA, UNIT_EXTRA, UNIT_BLOCK, UNIT_TYPES };

/* knot_ctl_idx_t; on the wire from ITEM_OFFSET on. */
#define ITEM_OFFSET 16
enum item {
	ITEM_CMD = 0,
	ITEM_FLAGS,
	ITEM_ERROR,
	ITEM_SECTION,
	ITEM_ITEM,
	ITEM_ID,
	ITEM_ZONE,
	ITEM_OWNER,
	ITEM_TTL,
	ITEM_TYPE,
	ITEM_DATA,
	ITEM_FILTER,
	ITEM_COUNT,
};

/* knotc sends each item at most once; the bound is only against somebody who makes decoding slow. */
#define ITEMS_MAX 64

struct unit {
	const uint8_t *item[ITEM_COUNT]; /* NULL: not given */
	size_t len[ITEM_COUNT];
};

static const struct zw_control_verb verbs[] = {
	{"conf-abort", ZW_CONTROL_DISCARD},
	{"conf-begin", ZW_CONTROL_LOOK},
	{"conf-commit", ZW_CONTROL_COMMIT},
	{"conf-diff", ZW_CONTROL_LOOK},
	{"conf-get", ZW_CONTROL_LOOK},
	{"conf-list", ZW_CONTROL_LOOK},
	{"conf-read", ZW_CONTROL_LOOK},
	{"conf-set", ZW_CONTROL_ZONES},
	{"conf-unset", ZW_CONTROL_ZONES},
	{"reload", ZW_CONTROL_ZONES},
	{"stats", ZW_CONTROL_LOOK},
	{"status", ZW_CONTROL_LOOK},
	{"stop", ZW_CONTROL_SERVER},
	{"zone-abort", ZW_CONTROL_DISCARD},
	{"zone-backup", ZW_CONTROL_LOOK},
	{"zone-begin", ZW_CONTROL_LOOK},
	{"zone-commit", ZW_CONTROL_COMMIT},
	{"zone-diff", ZW_CONTROL_LOOK},
	{"zone-flush", ZW_CONTROL_LOAD},
	{"zone-freeze", ZW_CONTROL_LOAD},
	{"zone-get", ZW_CONTROL_LOOK},
	{"zone-key-rollover", ZW_CONTROL_SIGN},
	{"zone-keys-load", ZW_CONTROL_SIGN},
	{"zone-ksk-submitted", ZW_CONTROL_SIGN},
	{"zone-notify", ZW_CONTROL_SERVER},
	{"zone-purge", ZW_CONTROL_ZONES},
	{"zone-read", ZW_CONTROL_LOOK},
	{"zone-refresh", ZW_CONTROL_LOAD},
	{"zone-reload", ZW_CONTROL_LOAD},
	{"zone-restore", ZW_CONTROL_LOAD},
	{"zone-retransfer", ZW_CONTROL_LOAD},
	{"zone-set", ZW_CONTROL_RECORDS},
	{"zone-sign", ZW_CONTROL_SIGN},
	{"zone-stats", ZW_CONTROL_LOOK},
	{"zone-status", ZW_CONTROL_LOOK},
	{"zone-thaw", ZW_CONTROL_LOAD},
	{"zone-unset", ZW_CONTROL_RECORDS},
	{"zone-validate", ZW_CONTROL_LOOK},
	{"zone-xfr-freeze", ZW_CONTROL_SERVER},
	{"zone-xfr-thaw", ZW_CONTROL_LOAD},
	{NULL},
};

/* Reads items up to the octet that begins the next unit. Of several of a kind the last counts, as in the server. */
static int read_items(const uint8_t *data, size_t len, size_t *at, struct unit *unit)
{
	for (int n = 0; *at >= len || data[*at] >= ITEM_OFFSET; n++) {
		size_t i, size;

		if (*at >= len || len - *at < 3) {
			*at = *at >= len ? *at + 1 : *at + 3;
			return -EAGAIN;
		}
		i = data[*at] - ITEM_OFFSET;
		size = (size_t)data[*at + 1] << 8 | data[*at + 2];
		if (i >= ITEM_COUNT || n >= ITEMS_MAX)
			return -EBADMSG;
		if (len - *at - 3 < size) {
			*at += 3 + size;
			return -EAGAIN;
		}
		unit->item[i] = data + *at + 3;
		unit->len[i] = size;
		*at += 3 + size;
	}
	return 0;
}

/* A copy, or NULL with *failed unchanged when the unit has no such item. */
static char *copy(const struct unit *unit, enum item item, bool *failed)
{
	char *text;

	if (!unit->item[item])
		return NULL;
	text = strndup((const char *)unit->item[item], unit->len[item]);
	*failed |= !text;
	return text;
}

static bool item_is(const struct unit *unit, enum item item, const char *text)
{
	return unit->item[item] && unit->len[item] == strlen(text) &&
	       memcmp(unit->item[item], text, unit->len[item]) == 0;
}

static void add_item(struct zw_str *out, const char *before, const struct unit *unit,
	enum item item, const char *after)
{
	if (!unit->item[item])
		return;
	zw_str_add(out, before);
	zw_str_add_escaped(out, (const char *)unit->item[item],
		strnlen((const char *)unit->item[item], unit->len[item]));
	zw_str_add(out, after);
}

/* Only what is known to hold no secret is kept: keys of TSIG are set as key[NAME].secret. */
static bool shows_data(const struct unit *unit)
{
	return !unit->item[ITEM_SECTION] || item_is(unit, ITEM_SECTION, "zone") ||
	       item_is(unit, ITEM_SECTION, "template");
}

/* As it would be typed: conf-set zone[example.org].file foo; zone-set example.com www 60 A 192.0.2.1. */
static int text_of(struct zw_control *control, const struct unit *unit)
{
	_zw_str_ struct zw_str text = {};

	zw_str_add_escaped(&text, control->command, strlen(control->command));
	/* What somebody made up is named, but not repeated. */
	if (control->effect == ZW_CONTROL_UNKNOWN)
		return zw_control_set_text(control, &text);
	add_item(&text, " ", unit, ITEM_SECTION, "");
	add_item(&text, "[", unit, ITEM_ID, "]");
	add_item(&text, ".", unit, ITEM_ITEM, "");
	add_item(&text, " ", unit, ITEM_ZONE, "");
	add_item(&text, " ", unit, ITEM_OWNER, "");
	add_item(&text, " ", unit, ITEM_TTL, "");
	add_item(&text, " ", unit, ITEM_TYPE, "");
	if (shows_data(unit))
		add_item(&text, " ", unit, ITEM_DATA, "");
	else if (unit->item[ITEM_DATA])
		zw_str_add(&text, " (value not shown)");
	add_item(&text, " +", unit, ITEM_FILTER, "");
	return zw_control_set_text(control, &text);
}

static int decode_unit(
	const struct zw_control_stream *stream, const struct unit *unit, struct zw_control *control)
{
	const struct zw_control_verb *verb = zw_control_verb(verbs, stream->block);
	bool zone_section = item_is(unit, ITEM_SECTION, "zone"), failed = false;

	control->command = strdup(stream->block);
	control->zone = copy(unit, zone_section ? ITEM_ID : ITEM_ZONE, &failed);
	control->owner = copy(unit, ITEM_OWNER, &failed);
	control->ttl = copy(unit, ITEM_TTL, &failed);
	control->type = copy(unit, ITEM_TYPE, &failed);
	if (shows_data(unit))
		control->data = copy(unit, ITEM_DATA, &failed);
	if (!control->command || failed)
		return -ENOMEM;
	control->effect = verb ? verb->effect : ZW_CONTROL_UNKNOWN;
	return text_of(control, unit);
}

/* Remembers the command a block begins with. A name longer than any command is none, and is cut. */
static void begin_block(struct zw_control_stream *stream, const struct unit *unit)
{
	size_t len = strnlen((const char *)unit->item[ITEM_CMD], unit->len[ITEM_CMD]);

	if (len >= sizeof(stream->block))
		len = sizeof(stream->block) - 1;
	memcpy(stream->block, unit->item[ITEM_CMD], len);
	stream->block[len] = '\0';
}

int zw_control_knot_decode(struct zw_control_stream *stream, const uint8_t *data, size_t len,
	size_t *ret_used, struct zw_control *control)
{
	struct unit unit = {};
	size_t at = 1;
	int r;

	if (data[0] >= UNIT_TYPES)
		return -EBADMSG;
	if (data[0] == UNIT_END || data[0] == UNIT_BLOCK) {
		stream->block[0] = '\0';
		*ret_used = 1;
		return 0;
	}
	r = read_items(data, len, &at, &unit);
	*ret_used = at;
	if (r < 0)
		return r;
	if (!stream->block[0] && unit.item[ITEM_CMD])
		begin_block(stream, &unit);
	/* Without a command the server does nothing, and it leaves what an extra unit adds to commands. */
	if (!stream->block[0] || data[0] == UNIT_EXTRA)
		return 0;
	return decode_unit(stream, &unit, control);
}

int zw_control_knot_reply(
	const uint8_t *data, size_t len, size_t *at, struct zw_control_reply *reply)
{
	struct unit unit = {};
	size_t from = (*at)++;
	int r;

	if (data[from] >= UNIT_TYPES)
		return -EBADMSG;
	if (data[from] == UNIT_END || data[from] == UNIT_BLOCK)
		return 1;
	reply->last = false;
	r = read_items(data, len, at, &unit);
	if (r == -EAGAIN) {
		/* Cut short, but what is there counts. */
		*at = len;
		r = 0;
	}
	if (r < 0)
		return r;
	reply->failed = unit.item[ITEM_ERROR] != NULL;
	if (unit.item[ITEM_ZONE] && unit.len[ITEM_ZONE] < sizeof(reply->zone))
		memcpy(reply->zone, unit.item[ITEM_ZONE], unit.len[ITEM_ZONE]);
	return 1;
}
