/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/punycode.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* RFC 3492 section 5 */
#define BASE 36
#define T_MIN 1
#define T_MAX 26
#define SKEW 38
#define DAMP 700
#define INITIAL_BIAS 72
#define INITIAL_N 0x80

#define CODE_POINT_MAX 0x10ffff
#define PREFIX "xn--"
#define PREFIX_LEN 4

/* Section 6.1. */
static uint32_t adapt(uint32_t delta, uint32_t points, int first)
{
	uint32_t k = 0;

	delta = first ? delta / DAMP : delta / 2;
	delta += delta / points;
	for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
		delta /= BASE - T_MIN;
	return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static uint32_t threshold(uint32_t k, uint32_t bias)
{
	if (k <= bias)
		return T_MIN;
	return k >= bias + T_MAX ? T_MAX : k - bias;
}

static int digit_of(uint8_t c, uint32_t *ret_digit)
{
	if (c >= 'a' && c <= 'z')
		*ret_digit = (uint32_t)(c - 'a');
	else if (c >= 'A' && c <= 'Z')
		*ret_digit = (uint32_t)(c - 'A');
	else if (c >= '0' && c <= '9')
		*ret_digit = (uint32_t)(c - '0') + 26;
	else
		return -EINVAL;
	return 0;
}

static uint8_t digit_to(uint32_t digit)
{
	return (uint8_t)(digit < 26 ? 'a' + digit : '0' + (digit - 26));
}

/* One generalized variable-length integer at *@pos, added to *@i. */
static int read_delta(const uint8_t *p, size_t len, size_t *pos, uint32_t bias, uint32_t *i)
{
	uint32_t w = 1, digit, t;

	for (uint32_t k = BASE;; k += BASE) {
		if (*pos >= len || digit_of(p[(*pos)++], &digit) < 0 ||
			digit > (UINT32_MAX - *i) / w)
			return -EINVAL;
		*i += digit * w;
		t = threshold(k, bias);
		if (digit < t)
			return 0;
		if (w > UINT32_MAX / (BASE - t))
			return -EINVAL;
		w *= BASE - t;
	}
}

int zw_punycode_decode(
	const uint8_t *label, size_t len, uint32_t ret_text[static ZW_LABEL_MAX], size_t *ret_len)
{
	uint32_t text[ZW_LABEL_MAX], point = INITIAL_N, i = 0, bias = INITIAL_BIAS, before;
	size_t n = 0, pos = PREFIX_LEN, basic = 0;

	if (len <= PREFIX_LEN || len > ZW_LABEL_MAX ||
		strncasecmp((const char *)label, PREFIX, PREFIX_LEN) != 0)
		return -EINVAL;
	for (size_t k = PREFIX_LEN; k < len; k++)
		if (label[k] == '-')
			basic = k;
	for (; pos < basic; pos++) {
		if (label[pos] >= INITIAL_N)
			return -EINVAL;
		text[n++] = label[pos];
	}
	if (basic)
		pos++;
	while (pos < len) {
		before = i;
		if (n == ZW_LABEL_MAX || read_delta(label, len, &pos, bias, &i) < 0)
			return -EINVAL;
		bias = adapt(i - before, (uint32_t)n + 1, before == 0);
		if (i / (n + 1) > CODE_POINT_MAX - point)
			return -EINVAL;
		point += i / (uint32_t)(n + 1);
		i %= (uint32_t)(n + 1);
		memmove(text + i + 1, text + i, (n - i) * sizeof(*text));
		text[i++] = point;
		n++;
	}
	if (n == 0)
		return -EINVAL;
	memcpy(ret_text, text, n * sizeof(*text));
	*ret_len = n;
	return 0;
}

struct out {
	uint8_t label[ZW_LABEL_MAX];
	size_t len;
};

static int put(struct out *o, uint8_t c)
{
	if (o->len == sizeof(o->label))
		return -EINVAL;
	o->label[o->len++] = c;
	return 0;
}

static int write_delta(struct out *o, uint32_t delta, uint32_t bias)
{
	for (uint32_t k = BASE;; k += BASE) {
		uint32_t t = threshold(k, bias);

		if (delta < t)
			return put(o, digit_to(delta));
		if (put(o, digit_to(t + (delta - t) % (BASE - t))) < 0)
			return -EINVAL;
		delta = (delta - t) / (BASE - t);
	}
}

/* The smallest code point that is not smaller than @least. */
static uint32_t next_point(const uint32_t *text, size_t len, uint32_t least)
{
	uint32_t next = UINT32_MAX;

	for (size_t i = 0; i < len; i++)
		if (text[i] >= least && text[i] < next)
			next = text[i];
	return next;
}

int zw_punycode_encode(
	const uint32_t *text, size_t len, uint8_t ret_label[static ZW_LABEL_MAX], size_t *ret_len)
{
	uint32_t point = INITIAL_N, delta = 0, bias = INITIAL_BIAS, next;
	struct out o = {.label = PREFIX, .len = PREFIX_LEN};
	size_t basic, done;

	/* Longer text does not fit, whatever is in it; nor do the sums below overflow. */
	if (len == 0 || len > ZW_LABEL_MAX - PREFIX_LEN)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] > CODE_POINT_MAX)
			return -EINVAL;
		if (text[i] < INITIAL_N && put(&o, (uint8_t)text[i]) < 0)
			return -EINVAL;
	}
	basic = done = o.len - PREFIX_LEN;
	if (basic == len || (basic && put(&o, '-') < 0))
		return -EINVAL;
	for (; done < len; delta++, point++) {
		next = next_point(text, len, point);
		delta += (next - point) * (uint32_t)(done + 1);
		point = next;
		for (size_t i = 0; i < len; i++) {
			delta += text[i] < point;
			if (text[i] != point)
				continue;
			if (write_delta(&o, delta, bias) < 0)
				return -EINVAL;
			bias = adapt(delta, (uint32_t)done + 1, done == basic);
			delta = 0;
			done++;
		}
	}
	memcpy(ret_label, o.label, o.len);
	*ret_len = o.len;
	return 0;
}
