/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/json_take.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "event/argv.h"

/* Of a text that is quoted in an error. */
#define QUOTE_MAX 60

int zw_json_in_fail(struct zw_json_in *in, const char *key, const char *what)
{
	if (!in->error)
		return -EBADMSG;
	zw_str_add(in->error, in->where);
	if (in->index != SIZE_MAX)
		zw_str_addf(in->error, "[%zu]", in->index);
	zw_str_add(in->error, ": \"");
	zw_str_add_escaped(in->error, key, strnlen(key, QUOTE_MAX));
	zw_str_add(in->error, "\" ");
	zw_str_add(in->error, what);
	return -EBADMSG;
}

int zw_json_in_need(struct zw_json_in *in, const json_t *object, const char *key)
{
	return json_object_get(object, key) ? 0 : zw_json_in_fail(in, key, "is missing");
}

/* NULL when it is missing or null. */
static const json_t *member(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

int zw_json_in_object(
	struct zw_json_in *in, const json_t *object, const char *key, const json_t **ret_value)
{
	const json_t *value = member(object, key);

	if (!value)
		return 0;
	if (!json_is_object(value))
		return zw_json_in_fail(in, key, "is no object");
	*ret_value = value;
	return 0;
}

int zw_json_in_list(
	struct zw_json_in *in, const json_t *object, const char *key, const json_t **ret_value)
{
	const json_t *value = member(object, key);

	if (!value)
		return 0;
	if (!json_is_array(value))
		return zw_json_in_fail(in, key, "is no list");
	*ret_value = value;
	return 0;
}

int zw_json_in_string(
	struct zw_json_in *in, const json_t *object, const char *key, const char **ret_text)
{
	const json_t *value = member(object, key);

	if (!value)
		return 0;
	if (!json_is_string(value))
		return zw_json_in_fail(in, key, "is no text");
	*ret_text = json_string_value(value);
	return 0;
}

int zw_json_in_text(struct zw_json_in *in, const json_t *object, const char *key, char **ret_text)
{
	const char *text = NULL;
	int r;

	r = zw_json_in_string(in, object, key, &text);
	if (r < 0 || !text)
		return r;
	return zw_text_set(ret_text, text);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes zw_str_add_escaped(); false when @text is nothing it writes, or more than @size octets with the NUL. */
static bool unescape(const char *text, char *buf, size_t size)
{
	size_t n = 0;

	for (; *text; text++) {
		char c = *text;

		if (n + 1 >= size)
			return false;
		if (c == '\\' && text[1] == 'x') {
			int high = hex_digit(text[2]), low = high < 0 ? -1 : hex_digit(text[3]);

			if (low < 0 || (high == 0 && low == 0))
				return false;
			c = (char)(high << 4 | low);
			text += 3;
		} else if (c == '\\') {
			if (*++text != '\\')
				return false;
		}
		buf[n++] = c;
	}
	buf[n] = '\0';
	return true;
}

int zw_json_in_word(
	struct zw_json_in *in, const json_t *object, const char *key, char *buf, size_t size)
{
	const char *text = NULL;
	int r;

	r = zw_json_in_string(in, object, key, &text);
	if (r < 0 || !text)
		return r;
	if (strlen(text) < size)
		strcpy(buf, text);
	else if (!unescape(text, buf, size))
		return zw_json_in_fail(in, key, "is too long");
	return 0;
}

int zw_json_in_bool(struct zw_json_in *in, const json_t *object, const char *key, bool *ret_value)
{
	const json_t *value = member(object, key);

	if (!value)
		return 0;
	if (!json_is_boolean(value))
		return zw_json_in_fail(in, key, "is neither true nor false");
	*ret_value = json_is_true(value);
	return 0;
}

int zw_json_in_u64(struct zw_json_in *in, const json_t *object, const char *key, uint64_t max,
	uint64_t *ret_value)
{
	const json_t *value = member(object, key);

	if (!value)
		return 0;
	if (!json_is_integer(value))
		return zw_json_in_fail(in, key, "is no whole number");
	if (json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
		return zw_json_in_fail(in, key, "is out of range");
	*ret_value = (uint64_t)json_integer_value(value);
	return 0;
}

int zw_json_in_u32(
	struct zw_json_in *in, const json_t *object, const char *key, uint32_t *ret_value)
{
	uint64_t value = *ret_value;
	int r = zw_json_in_u64(in, object, key, UINT32_MAX, &value);

	if (r == 0)
		*ret_value = (uint32_t)value;
	return r;
}

int zw_json_in_id(struct zw_json_in *in, const json_t *object, const char *key, uint64_t max,
	uint64_t *ret_value)
{
	const char *text = NULL;
	uint64_t value;
	int r;

	r = zw_json_in_string(in, object, key, &text);
	if (r < 0 || !text)
		return r;
	/* One spelling of a number only. */
	if (!isdigit((unsigned char)text[0]) || (text[0] == '0' && text[1]) ||
		zw_parse_u64(text, &value) < 0 || value > max)
		return zw_json_in_fail(in, key, "is no number that fits");
	*ret_value = value;
	return 0;
}

int zw_json_in_id32(
	struct zw_json_in *in, const json_t *object, const char *key, uint32_t *ret_value)
{
	uint64_t value = *ret_value;
	int r = zw_json_in_id(in, object, key, UINT32_MAX, &value);

	if (r == 0)
		*ret_value = (uint32_t)value;
	return r;
}

int zw_json_in_time(struct zw_json_in *in, const json_t *object, const char *key, uint64_t *ret_ns)
{
	const char *text = NULL;
	int r;

	r = zw_json_in_string(in, object, key, &text);
	if (r < 0 || !text)
		return r;
	if (zw_time_from_iso(text, ret_ns) < 0)
		return zw_json_in_fail(in, key, "is no time");
	return 0;
}

int zw_json_in_texts(struct zw_json_in *in, const json_t *object, const char *key,
	char ***ret_texts, size_t *ret_len)
{
	_zw_argv_free_ char **texts = NULL;
	const json_t *list = NULL;
	size_t len;
	int r;

	r = zw_json_in_list(in, object, key, &list);
	if (r < 0 || !list)
		return r;
	len = json_array_size(list);
	texts = calloc(len + 1, sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (!text)
			return zw_json_in_fail(in, key, "is no list of texts");
		texts[i] = strdup(text);
		if (!texts[i])
			return -ENOMEM;
	}
	*ret_texts = ZW_TAKE(texts);
	*ret_len = len;
	return 0;
}

int zw_json_in_registration(
	struct zw_json_in *in, const json_t *object, struct zw_report_finding *finding)
{
	const json_t *geo = NULL, *as = NULL, *organization = NULL;
	int r;

	r = zw_json_in_object(in, object, "geo", &geo);
	if (r == 0 && geo)
		r = zw_json_in_word(
			in, geo, "country_iso_code", finding->country, sizeof(finding->country));
	if (r == 0)
		r = zw_json_in_object(in, object, "as", &as);
	if (r == 0 && as)
		r = zw_json_in_u32(in, as, "number", &finding->as_number);
	if (r == 0 && as)
		r = zw_json_in_object(in, as, "organization", &organization);
	if (r == 0 && organization)
		r = zw_json_in_text(in, organization, "name", &finding->as_name);
	return r;
}
