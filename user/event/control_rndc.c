/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BIND's control channel (lib/isccc/cc.c): a length of 32 bits, the version, and a table of tables. Table: items of
 * one octet of key length, the key, a type octet, 32 bits of length, the value. All of `_auth` is passed over; the
 * command is the string `type` of `_data`. */
#include <errno.h>
#include <string.h>

#include "event/control_impl.h"

#define CC_VERSION 1
/* ISCCC_CCMSGTYPE_* of isccc/types.h. */
enum { CC_STRING = 0, CC_BINARY = 1, CC_TABLE = 2, CC_LIST = 3 };
/* As deep as named looks (MAX_DEPTH there). */
#define CC_DEPTH_MAX 10

struct cursor {
	const uint8_t *at;
	size_t len;
};

struct value {
	unsigned int type;
	struct cursor bytes;
};

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool take(struct cursor *c, size_t n, struct cursor *ret)
{
	if (n > c->len)
		return false;
	*ret = (struct cursor){c->at, n};
	c->at += n;
	c->len -= n;
	return true;
}

static bool take_value(struct cursor *c, struct value *ret)
{
	struct cursor head;

	if (!take(c, 5, &head))
		return false;
	ret->type = head.at[0];
	return take(c, get_u32(head.at + 1), &ret->bytes);
}

static bool take_item(struct cursor *c, struct cursor *ret_key, struct value *ret_value)
{
	struct cursor len;

	return take(c, 1, &len) && take(c, len.at[0], ret_key) && take_value(c, ret_value);
}

/* Whether a value and all within it is well-formed. */
static bool check(const struct value *value, int depth)
{
	struct cursor rest = value->bytes, key;
	struct value inner;

	if (value->type == CC_STRING || value->type == CC_BINARY)
		return true;
	if ((value->type != CC_TABLE && value->type != CC_LIST) || depth >= CC_DEPTH_MAX)
		return false;
	while (rest.len > 0) {
		bool got = value->type == CC_TABLE ? take_item(&rest, &key, &inner)
						   : take_value(&rest, &inner);

		if (!got || !check(&inner, depth + 1))
			return false;
	}
	return true;
}

static bool key_is(const struct cursor *key, const char *name)
{
	return key->len == strlen(name) && memcmp(key->at, name, key->len) == 0;
}

/* Of several with the same key named keeps the last (isccc_alist_define()). */
static bool find(const struct value *table, const char *name, struct value *ret)
{
	struct cursor rest = table->bytes, key;
	struct value value;
	bool found = false;

	while (table->type == CC_TABLE && rest.len > 0 && take_item(&rest, &key, &value)) {
		if (!key_is(&key, name))
			continue;
		*ret = value;
		found = true;
	}
	return found;
}

const struct zw_control_verb zw_control_rndc_verbs[] = {
	{"addzone", ZW_CONTROL_ZONES, ZW_ARGS_ZONE},
	{"delzone", ZW_CONTROL_ZONES, ZW_ARGS_ZONE},
	{"dnssec", ZW_CONTROL_SIGN, ZW_ARGS_DNSSEC},
	{"dnstap", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"dumpdb", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"flush", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"flushname", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"flushtree", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"freeze", ZW_CONTROL_LOAD, ZW_ARGS_ZONE},
	{"halt", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"loadkeys", ZW_CONTROL_SIGN, ZW_ARGS_ZONE},
	{"managed-keys", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"modzone", ZW_CONTROL_ZONES, ZW_ARGS_ZONE},
	{"notify", ZW_CONTROL_SERVER, ZW_ARGS_ZONE},
	{"notrace", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"nta", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"querylog", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"reconfig", ZW_CONTROL_ZONES, ZW_ARGS_NONE},
	{"recursing", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"refresh", ZW_CONTROL_LOAD, ZW_ARGS_ZONE},
	{"reload", ZW_CONTROL_LOAD, ZW_ARGS_ZONE},
	{"responselog", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"retransfer", ZW_CONTROL_LOAD, ZW_ARGS_ZONE},
	{"scan", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"secroots", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"serve-stale", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"showzone", ZW_CONTROL_LOOK, ZW_ARGS_ZONE},
	{"sign", ZW_CONTROL_SIGN, ZW_ARGS_ZONE},
	{"signing", ZW_CONTROL_SIGN, ZW_ARGS_SIGNING},
	{"skr", ZW_CONTROL_SIGN, ZW_ARGS_NONE},
	{"stats", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"status", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"stop", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"sync", ZW_CONTROL_LOAD, ZW_ARGS_ZONE},
	{"tcp-timeouts", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"thaw", ZW_CONTROL_LOAD, ZW_ARGS_ZONE},
	{"trace", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"tsig-delete", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"tsig-list", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"validation", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"zonestatus", ZW_CONTROL_LOOK, ZW_ARGS_ZONE},
	{NULL},
};

/* The first message of a connection only fetches a nonce. */
#define CC_NULL_COMMAND "null"

static int decode_line(const struct cursor *line, struct zw_control *control)
{
	_zw_control_words_ zw_control_words words = {};
	/* named takes it as a C string. */
	size_t len = strnlen((const char *)line->at, line->len);
	int r = zw_control_split((const char *)line->at, len, true, &words);

	if (r < 0)
		return r;
	if (words.len == 0 || !words.items[0][0] || zw_streq(words.items[0], CC_NULL_COMMAND))
		return 0;
	return zw_control_from_words(control, &words, zw_control_rndc_verbs);
}

/* The table of a whole message. -EAGAIN: *ret_used octets are needed. */
static int open_message(const uint8_t *data, size_t len, size_t *ret_used, struct value *ret_whole)
{
	uint32_t size;

	*ret_used = 4;
	if (len < 4)
		return -EAGAIN;
	size = get_u32(data);
	if (size < 4)
		return -EBADMSG;
	*ret_used = 4 + (size_t)size;
	if (len < *ret_used)
		return -EAGAIN;
	*ret_whole = (struct value){.type = CC_TABLE, .bytes = {data + 8, size - 4}};
	return get_u32(data + 4) == CC_VERSION && check(ret_whole, 0) ? 0 : -EBADMSG;
}

int zw_control_rndc_decode(struct zw_control_stream *stream, const uint8_t *data, size_t len,
	size_t *ret_used, struct zw_control *control)
{
	struct value whole, part, line;
	int r = open_message(data, len, ret_used, &whole);

	(void)stream;
	if (r < 0)
		return r;
	if (!find(&whole, "_data", &part) || !find(&part, "type", &line) || line.type != CC_BINARY)
		return -EBADMSG;
	return decode_line(&line.bytes, control);
}

/* `type` of `_data` repeats the command, `result` is an isc_result_t in decimal; without one all is well. */
int zw_control_rndc_reply(const uint8_t *data, size_t len, struct zw_control_reply *reply)
{
	struct value whole, part, type, result;
	size_t used;
	int r = open_message(data, len, &used, &whole);

	if (r == -EAGAIN)
		return 0;
	if (r < 0 || !find(&whole, "_data", &part))
		return -EBADMSG;
	/* No answer to any command that is told of. */
	if (find(&part, "type", &type) && key_is(&type.bytes, CC_NULL_COMMAND))
		return 0;
	reply->failed = find(&part, "result", &result) && !key_is(&result.bytes, "0");
	return 1;
}
