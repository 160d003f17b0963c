/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/history*.c: numbers and strings in the byte formats of the history. A number is 7 bits an octet,
 * the lowest first, the highest bit set in all but the last. A reader that ran out of bytes, or found them wrong,
 * stays failed and reads zeros, so that callers check once. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

struct zw_bytes {
	const uint8_t *p;
	size_t left;
	bool failed;
};

static inline void zw_put_number(struct zw_str *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		zw_str_add_char(out, (char)(value | 0x80));
	zw_str_add_char(out, (char)value);
}

static inline void zw_put_bytes(struct zw_str *out, const void *data, size_t len)
{
	zw_put_number(out, len);
	zw_str_add_len(out, data, len);
}

/* NULL for @len 0 as well as after a failure. */
static inline const uint8_t *zw_take(struct zw_bytes *in, size_t len)
{
	const uint8_t *p = in->p;

	if (in->failed || len > in->left) {
		in->failed = true;
		return NULL;
	}
	in->p += len;
	in->left -= len;
	return len > 0 ? p : NULL;
}

static inline uint64_t zw_take_number(struct zw_bytes *in)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		const uint8_t *p = zw_take(in, 1);

		if (!p)
			return 0;
		value |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p & 0x80))
			return value;
	}
	in->failed = true;
	return 0;
}

/* A number of at most @max. */
static inline uint64_t zw_take_number_to(struct zw_bytes *in, uint64_t max)
{
	uint64_t value = zw_take_number(in);

	if (value > max) {
		in->failed = true;
		return 0;
	}
	return value;
}

/* With its NUL, so that it can be used where it lies; length 0: NULL. */
static inline void zw_put_text(struct zw_str *out, const char *text)
{
	if (text)
		zw_put_bytes(out, text, strlen(text) + 1);
	else
		zw_put_number(out, 0);
}

static inline const char *zw_take_text(struct zw_bytes *in)
{
	size_t len = zw_take_number(in);
	const char *text = (const char *)zw_take(in, len);

	if (text && (text[len - 1] != '\0' || strlen(text) != len - 1)) {
		in->failed = true;
		return NULL;
	}
	return text;
}
