/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static bool reserve(struct zw_str *s, size_t more)
{
	size_t need = s->len + more + 1;
	size_t cap = s->cap ? s->cap : 64;
	char *buf;

	if (s->failed)
		return false;
	if (need <= s->cap)
		return true;
	while (cap < need)
		cap *= 2;
	buf = realloc(s->buf, cap);
	if (!buf) {
		s->failed = true;
		return false;
	}
	s->buf = buf;
	s->cap = cap;
	return true;
}

void zw_str_add_len(struct zw_str *s, const char *text, size_t len)
{
	if (!reserve(s, len))
		return;
	/* Nothing may come without an address (C17 7.24.1). */
	if (len)
		memcpy(s->buf + s->len, text, len);
	s->len += len;
	s->buf[s->len] = '\0';
}

void zw_str_add(struct zw_str *s, const char *text)
{
	zw_str_add_len(s, text, strlen(text));
}

void zw_str_add_char(struct zw_str *s, char c)
{
	zw_str_add_len(s, &c, 1);
}

void zw_str_addf(struct zw_str *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		s->failed = true;
		return;
	}
	if (!reserve(s, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(s->buf + s->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	s->len += (size_t)n;
}

size_t zw_utf8_decode(const char *text, size_t len, uint32_t *ret_point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)text;
	size_t n;
	uint32_t c;

	if (len == 0)
		return 0;
	if (p[0] < 0x80)
		n = 1;
	else if (p[0] >= 0xc2 && p[0] <= 0xdf)
		n = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		n = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (n > len)
		return 0;
	c = n == 1 ? p[0] : p[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret_point = c;
	return n;
}

/* Length of the UTF-8 sequence beyond ASCII at @text, 0 if there is none that may be shown as it is: no C1 control
 * characters, which terminals obey, and none that reorder or break what an analyst reads. */
static size_t shown_len(const char *text, size_t len)
{
	uint32_t c;
	size_t n = zw_utf8_decode(text, len, &c);

	if (n == 0 || c < 0xa0 || (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2066 && c <= 0x2069))
		return 0;
	return n;
}

void zw_str_add_escaped(struct zw_str *s, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;

	for (size_t i = 0; i < len;) {
		size_t n = 1;

		if (p[i] == '\\') {
			zw_str_add_len(s, "\\\\", 2);
		} else if (p[i] >= 0x20 && p[i] < 0x7f) {
			zw_str_add_char(s, (char)p[i]);
		} else if ((n = shown_len(text + i, len - i)) > 0) {
			zw_str_add_len(s, text + i, n);
		} else {
			zw_str_addf(s, "\\x%02x", p[i]);
			n = 1;
		}
		i += n;
	}
}

int zw_str_done(struct zw_str *s, char **ret_text)
{
	if (!s->buf && !s->failed)
		zw_str_add_len(s, "", 0);
	if (s->failed) {
		zw_str_free(s);
		return -ENOMEM;
	}
	*ret_text = ZW_TAKE(s->buf);
	zw_str_free(s);
	return 0;
}

void zw_str_free(struct zw_str *s)
{
	free(s->buf);
	*s = (struct zw_str){};
}

char *zw_asprintf(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = zw_vasprintf(fmt, ap);
	va_end(ap);
	return text;
}

char *zw_vasprintf(const char *fmt, va_list ap)
{
	char *text;

	/* Where it fails, the pointer is undefined (vasprintf(3)). */
	return vasprintf(&text, fmt, ap) < 0 ? NULL : text;
}

int zw_text_set(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

bool zw_startswith(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool zw_endswith(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

int zw_parse_u64(const char *s, uint64_t *ret_value)
{
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	unsigned long long v;
	char *end;

	/* strtoull takes signs and blanks, which no number here has. */
	if (s[0] < '0' || s[0] > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(s, &end, hex ? 16 : 10);
	if (errno == ERANGE)
		return -ERANGE;
	if (*end != '\0')
		return -EINVAL;
	*ret_value = v;
	return 0;
}

int zw_parse_u32(const char *s, uint32_t *ret_value)
{
	uint64_t v;
	int r = zw_parse_u64(s, &v);

	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ret_value = (uint32_t)v;
	return 0;
}
