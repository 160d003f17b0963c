/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/json_build.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"

json_t *zw_json_text(const char *text)
{
	_zw_str_ struct zw_str escaped = {};
	json_t *value;

	if (!text)
		return json_null();
	value = json_string(text);
	if (value)
		return value;
	/* Either it is no UTF-8, or there was no memory, which then shows below as well. */
	zw_str_add_escaped(&escaped, text, strlen(text));
	if (escaped.failed)
		return NULL;
	return json_stringn(escaped.buf, escaped.len);
}

json_t *zw_json_u64(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

json_t *zw_json_id(uint64_t value)
{
	return json_sprintf("%" PRIu64, value);
}

json_t *zw_json_time(uint64_t realtime_ns)
{
	char text[ZW_TIME_ISO_MAX];

	zw_time_iso(realtime_ns, text);
	return json_string(text);
}

void zw_json_set(json_t *object, const char *key, json_t *value, bool *failed)
{
	if (json_object_set_new_nocheck(object, key, value) < 0)
		*failed = true;
}

void zw_json_append(json_t *array, json_t *value, bool *failed)
{
	if (json_array_append_new(array, value) < 0)
		*failed = true;
}

/* --- text ---------------------------------------------------------------------------------------------- */

/* What ends a run of octets that stand for themselves: nothing beyond ASCII, and nothing that a terminal obeys. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void add_unit(struct zw_str *out, uint32_t unit)
{
	zw_str_addf(out, unit == 0x7f ? "\\u%04x" : "\\u%04X", (unsigned int)unit);
}

/* RFC 8259 section 7: beyond the first plane two of them. */
static void add_code(struct zw_str *out, uint32_t code)
{
	if (code < 0x10000) {
		add_unit(out, code);
		return;
	}
	add_unit(out, 0xd800 + ((code - 0x10000) >> 10));
	add_unit(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
}

/* The octets of the sequence that begins with @first, whose own bits it leaves in @ret_code. jansson holds well-formed
 * UTF-8 only (RFC 3629 section 3). */
static size_t begin_sequence(unsigned char first, uint32_t *ret_code)
{
	if (first < 0x80) {
		*ret_code = first;
		return 1;
	}
	if (first < 0xe0) {
		*ret_code = first & 0x1f;
		return 2;
	}
	*ret_code = first & (first < 0xf0 ? 0x0f : 0x07);
	return first < 0xf0 ? 3 : 4;
}

/* The octets that it took of the @left ones at @text. */
static size_t add_escaped(struct zw_str *out, const char *text, size_t left)
{
	static const char named[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	const char *at = text[0] ? strchr(named, text[0]) : NULL;
	uint32_t code;
	size_t len;

	if (at) {
		zw_str_add_len(out, (const char[2]){'\\', letter[at - named]}, 2);
		return 1;
	}
	len = begin_sequence((unsigned char)text[0], &code);
	for (size_t i = 1; i < len && i < left; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	add_code(out, code);
	return len < left ? len : left;
}

static void dump_text(const char *text, size_t len, struct zw_str *out)
{
	zw_str_add_char(out, '"');
	for (size_t i = 0, from; i < len;) {
		for (from = i; i < len && is_plain((unsigned char)text[i]); i++)
			;
		zw_str_add_len(out, text + from, i - from);
		if (i < len)
			i += add_escaped(out, text + i, len - i);
	}
	zw_str_add_char(out, '"');
}

/* --- values -------------------------------------------------------------------------------------------- */

static void dump_value(const json_t *value, struct zw_str *out);

static void dump_object(const json_t *object, struct zw_str *out)
{
	/* Nothing is written to: iterators are for that, too. */
	json_t *o = (json_t *)(uintptr_t)object;
	char before = '{';

	for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
		const char *key = json_object_iter_key(it);

		zw_str_add_char(out, before);
		before = ',';
		dump_text(key, strlen(key), out);
		zw_str_add_char(out, ':');
		dump_value(json_object_iter_value(it), out);
	}
	zw_str_add(out, before == '{' ? "{}" : "}");
}

static void dump_array(const json_t *array, struct zw_str *out)
{
	zw_str_add_char(out, '[');
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (i > 0)
			zw_str_add_char(out, ',');
		dump_value(json_array_get(array, i), out);
	}
	zw_str_add_char(out, ']');
}

static void dump_integer(json_int_t value, struct zw_str *out)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, value);

	zw_str_add_len(out, text, (size_t)len);
}

static int add_chunk(const char *text, size_t len, void *data)
{
	zw_str_add_len(data, text, len);
	return 0;
}

static void dump_value(const json_t *value, struct zw_str *out)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		dump_object(value, out);
		break;
	case JSON_ARRAY:
		dump_array(value, out);
		break;
	case JSON_STRING:
		dump_text(json_string_value(value), json_string_length(value), out);
		break;
	case JSON_INTEGER:
		dump_integer(json_integer_value(value), out);
		break;
	case JSON_TRUE:
		zw_str_add(out, "true");
		break;
	case JSON_FALSE:
		zw_str_add(out, "false");
		break;
	case JSON_NULL:
		zw_str_add(out, "null");
		break;
	default:
		if (json_dump_callback(value, add_chunk, out, JSON_ENCODE_ANY) < 0)
			out->failed = true;
	}
}

/* jansson's own looks for loops in what it writes, by the address of each object and array as text, and hands it over in
 * pieces of some octets: that takes longer than everything else about an event. What comes here was made here. */
int zw_json_dump(const json_t *value, struct zw_str *out)
{
	dump_value(value, out);
	return out->failed ? -ENOMEM : 0;
}
