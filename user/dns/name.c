/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/name.h"

#include <errno.h>
#include <string.h>

/* A label for each pointer is the most a compressor makes; chains of them are made to keep readers busy. */
#define POINTERS_MAX (ZW_LABELS_MAX + 1)
/* Octets of a message's header (RFC 1035 section 4.1.1), where no name can be. */
#define HEADER_LEN 12

static inline uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

size_t zw_name_len(const uint8_t *name)
{
	const uint8_t *p = name;

	while (*p)
		p += 1 + *p;
	return (size_t)(p - name) + 1;
}

int zw_name_check(const uint8_t *wire, size_t avail, size_t *ret_len)
{
	size_t limit = avail < ZW_NAME_MAX ? avail : ZW_NAME_MAX;
	size_t i = 0;

	for (;;) {
		if (i >= limit || wire[i] > ZW_LABEL_MAX)
			return -EBADMSG;
		if (wire[i] == 0)
			break;
		i += 1 + wire[i];
	}
	if (ret_len)
		*ret_len = i + 1;
	return 0;
}

int zw_name_decompress(const uint8_t *message, size_t len, size_t *pos,
	uint8_t ret_name[static ZW_NAME_MAX], size_t *ret_len)
{
	uint8_t name[ZW_NAME_MAX];
	size_t i = *pos, barrier = *pos, after = 0, n = 0, target;
	unsigned int hops = 0;

	for (;;) {
		if (i >= len)
			return -EBADMSG;
		if (message[i] >= 0xc0) {
			if (i + 1 >= len || ++hops > POINTERS_MAX)
				return -EBADMSG;
			target = (size_t)(message[i] & 0x3f) << 8 | message[i + 1];
			if (target < HEADER_LEN || target >= barrier)
				return -EBADMSG;
			if (after == 0)
				after = i + 2;
			i = barrier = target;
			continue;
		}
		/* One octet stays free for the root label. */
		if (message[i] > ZW_LABEL_MAX || message[i] >= len - i ||
			(message[i] > 0 && n + 1U + message[i] > ZW_NAME_MAX - 1))
			return -EBADMSG;
		memcpy(name + n, message + i, 1U + message[i]);
		n += 1U + message[i];
		if (message[i] == 0)
			break;
		i += 1U + message[i];
	}
	*pos = after ? after : i + 1;
	memcpy(ret_name, name, n);
	if (ret_len)
		*ret_len = n;
	return 0;
}

/* Decodes one possibly escaped octet at *@p and moves past it. 0 or -EINVAL. */
static int unescape(const char **p, uint8_t *ret_octet)
{
	const char *s = *p;
	unsigned int v;

	if (*s != '\\') {
		*ret_octet = (uint8_t)*s;
		*p = s + 1;
		return 0;
	}
	s++;
	if (!is_digit(*s)) {
		if (*s == '\0')
			return -EINVAL;
		*ret_octet = (uint8_t)*s;
		*p = s + 1;
		return 0;
	}
	if (!is_digit(s[1]) || !is_digit(s[2]))
		return -EINVAL;
	v = (unsigned int)(s[0] - '0') * 100 + (unsigned int)(s[1] - '0') * 10 +
	    (unsigned int)(s[2] - '0');
	if (v > 255)
		return -EINVAL;
	*ret_octet = (uint8_t)v;
	*p = s + 3;
	return 0;
}

int zw_name_from_text(const char *text, uint8_t ret_name[static ZW_NAME_MAX], size_t *ret_len)
{
	uint8_t name[ZW_NAME_MAX];
	size_t len = 1, label = 0; /* name[label] is the length octet being filled */
	const char *p = text;
	int r;

	if (*p == '\0')
		return -EINVAL;
	if (p[0] == '.' && p[1] == '\0')
		p++;
	while (*p) {
		if (*p == '.') {
			if (len - label == 1)
				return -EINVAL; /* empty label */
			p++;
		} else {
			/* One octet stays free for the root label. */
			if (len >= ZW_NAME_MAX - 1 || len - label > ZW_LABEL_MAX)
				return -EINVAL;
			r = unescape(&p, &name[len]);
			if (r < 0)
				return r;
			len++;
			if (*p && *p != '.')
				continue;
			if (*p == '.')
				p++;
		}
		name[label] = (uint8_t)(len - label - 1);
		label = len++;
	}
	name[label] = 0;
	memcpy(ret_name, name, label + 1);
	if (ret_len)
		*ret_len = label + 1;
	return 0;
}

static char *escape(char *out, uint8_t c)
{
	if (c < 0x21 || c > 0x7e) {
		*out++ = '\\';
		*out++ = (char)('0' + c / 100);
		*out++ = (char)('0' + c / 10 % 10);
		*out++ = (char)('0' + c % 10);
		return out;
	}
	if (strchr(".\\\"();@$", c))
		*out++ = '\\';
	*out++ = (char)c;
	return out;
}

size_t zw_name_to_text(const uint8_t *name, char ret_text[static ZW_NAME_TEXT_MAX])
{
	char *out = ret_text;

	if (*name == 0)
		*out++ = '.';
	while (*name) {
		uint8_t n = *name++;

		while (n--)
			out = escape(out, *name++);
		*out++ = '.';
	}
	*out = '\0';
	return (size_t)(out - ret_text);
}

/* Length octets are at most 63 and so below 'A': the whole name can be folded bytewise. */
void zw_name_lower(uint8_t *name, size_t len)
{
	const uint64_t ones = 0x0101010101010101ULL;
	size_t i = 0;

	for (; i + 8 <= len; i += 8) {
		uint64_t w, low, ge_a, gt_z;

		memcpy(&w, name + i, 8);
		low = w & (ones * 0x7f);
		ge_a = low + ones * (0x80 - 'A');
		gt_z = low + ones * (0x7f - 'Z');
		/* Bit 7 marks octets in A..Z, moved to bit 5 it is the case bit. */
		w |= ((ge_a & ~gt_z & ~w) & (ones * 0x80)) >> 2;
		memcpy(name + i, &w, 8);
	}
	for (; i < len; i++)
		name[i] = lower(name[i]);
}

bool zw_name_equal(const uint8_t *a, const uint8_t *b)
{
	size_t len = zw_name_len(a);

	if (len != zw_name_len(b))
		return false;
	for (size_t i = 0; i < len; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

/* Fills @ret with the offset of each label, returns their number. */
static unsigned int split(const uint8_t *name, uint8_t ret[static ZW_LABELS_MAX])
{
	unsigned int n = 0;

	for (unsigned int i = 0; name[i]; i += 1U + name[i])
		ret[n++] = (uint8_t)i;
	return n;
}

int zw_name_cmp(const uint8_t *a, const uint8_t *b)
{
	uint8_t ao[ZW_LABELS_MAX], bo[ZW_LABELS_MAX];
	unsigned int an = split(a, ao), bn = split(b, bo);

	while (an && bn) {
		const uint8_t *al = a + ao[--an], *bl = b + bo[--bn];
		unsigned int n = *al < *bl ? *al : *bl;

		for (unsigned int i = 1; i <= n; i++) {
			int d = lower(al[i]) - lower(bl[i]);

			if (d)
				return d;
		}
		if (*al != *bl)
			return *al - *bl;
	}
	return (int)an - (int)bn;
}

bool zw_name_is_within(const uint8_t *name, const uint8_t *parent)
{
	size_t len = zw_name_len(name), parent_len = zw_name_len(parent);

	for (; len > parent_len; len -= 1U + *name, name += 1U + *name)
		;
	return len == parent_len && zw_name_equal(name, parent);
}

unsigned int zw_name_labels(const uint8_t *name)
{
	unsigned int n = 0;

	for (; *name; name += 1U + *name)
		n++;
	return n;
}

const uint8_t *zw_name_parent(const uint8_t *name)
{
	return *name ? name + 1 + *name : name;
}

bool zw_name_matches(const uint8_t *pattern, const uint8_t *name)
{
	if (pattern[0] != 1 || pattern[1] != '*')
		return zw_name_equal(pattern, name);
	pattern += 2;
	return zw_name_is_within(name, pattern) && !zw_name_equal(name, pattern);
}
