/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text that grows, and text that came from an attacker made safe to print. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* A growing, always NUL-terminated string. Errors stick: after one failed append every
 * later append is a no-op and zw_str_done() reports -ENOMEM, so callers check once. */
struct zw_str {
	char *buf;
	size_t len;
	size_t cap;
	bool failed;
};

void zw_str_add(struct zw_str *s, const char *text);
void zw_str_add_len(struct zw_str *s, const char *text, size_t len);
void zw_str_add_char(struct zw_str *s, char c);
void zw_str_addf(struct zw_str *s, const char *fmt, ...) _zw_printf_(2, 3);
/* Appends with C0, C1 and DEL bytes and the backslash written as \xHH (the backslash doubled), so the
 * text cannot move a cursor or begin a line. Valid UTF-8 passes; broken UTF-8 is escaped. */
void zw_str_add_escaped(struct zw_str *s, const char *text, size_t len);
/* Moves the text out; 0 or -ENOMEM. The zw_str is empty afterwards in both cases. */
int zw_str_done(struct zw_str *s, char **ret_text);
void zw_str_free(struct zw_str *s);

#define _zw_str_ _zw_cleanup_(zw_str_free)

/* asprintf(3) and vasprintf(3) that return NULL on failure. Caller frees. */
char *zw_asprintf(const char *fmt, ...) _zw_printf_(1, 2);
char *zw_vasprintf(const char *fmt, va_list ap) _zw_printf_(1, 0);
/* Puts a copy of @value in place of a text, which is freed; NULL is allowed there. 0 or -ENOMEM. */
int zw_text_set(char **text, const char *value);

static inline bool zw_streq(const char *a, const char *b)
{
	return __builtin_strcmp(a, b) == 0;
}

/* The code point that the @len octets of @text begin with: how many octets it is, 0 when they are no UTF-8 (RFC 3629
 * section 4). */
size_t zw_utf8_decode(const char *text, size_t len, uint32_t *ret_point);

bool zw_startswith(const char *s, const char *prefix);
bool zw_endswith(const char *s, const char *suffix);

/* Decimal and 0x.. numbers, whole string, no sign; -EINVAL or -ERANGE. */
int zw_parse_u64(const char *s, uint64_t *ret_value);
int zw_parse_u32(const char *s, uint32_t *ret_value);
