/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/json_build.h"

#include <errno.h>
#include <inttypes.h>
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

/* JSON_ENSURE_ASCII leaves nothing but DEL, which can stand only inside a string. */
static int dump_chunk(const char *text, size_t len, void *data)
{
	struct zw_str *out = data;
	const char *del;

	while ((del = memchr(text, 0x7f, len))) {
		zw_str_add_len(out, text, (size_t)(del - text));
		zw_str_add(out, "\\u007f");
		len -= (size_t)(del - text) + 1;
		text = del + 1;
	}
	zw_str_add_len(out, text, len);
	return out->failed ? -1 : 0;
}

int zw_json_dump(const json_t *value, struct zw_str *out)
{
	if (json_dump_callback(value, dump_chunk, out, JSON_COMPACT | JSON_ENSURE_ASCII) < 0)
		return -ENOMEM;
	return 0;
}
