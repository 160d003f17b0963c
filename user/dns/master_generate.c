/* SPDX-License-Identifier: GPL-3.0-or-later */
/* $GENERATE as BIND 9.18 reads it (lib/dns/master.c there, section "The $GENERATE directive" of its
 * manual): `$GENERATE start-stop[/step] owner [ttl] [class] type rdata`, rdata being one token. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "dns/master_impl.h"

/* Digits of one substitution; a name has at most 255 octets, so wider ones are mistakes. */
#define WIDTH_MAX 255

bool zw_generate_is(const struct zw_masterline *line)
{
	size_t len = (size_t)(line->end - line->start);

	return len > 10 && strncasecmp(line->start, "$GENERATE", 9) == 0 &&
	       (line->start[9] == ' ' || line->start[9] == '\t');
}

static int read_u32(const char **p, const char *end, uint32_t *ret_value)
{
	const char *s = *p;
	uint64_t v = 0;

	if (s >= end || !isdigit((unsigned char)*s))
		return -EINVAL;
	for (; s < end && isdigit((unsigned char)*s); s++) {
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > INT32_MAX)
			return -EINVAL;
	}
	*p = s;
	*ret_value = (uint32_t)v;
	return 0;
}

static int parse_range(const struct zw_mastertoken *t, struct zw_generate *g)
{
	const char *p = t->p, *end = t->p + t->len;

	g->step = 1;
	if (read_u32(&p, end, &g->start) < 0 || p >= end || *p++ != '-' ||
		read_u32(&p, end, &g->stop) < 0)
		return -EINVAL;
	if (p < end && (*p++ != '/' || read_u32(&p, end, &g->step) < 0))
		return -EINVAL;
	return p == end && g->step > 0 && g->stop >= g->start ? 0 : -EINVAL;
}

int zw_generate_parse(
	const struct zw_masterline *line, struct zw_generate *ret_generate, const char **ret_reason)
{
	const char *p = line->start, *end = line->end;
	struct zw_generate g = {};
	struct zw_mastertoken t;

	*ret_reason = "$GENERATE needs a range, an owner, a type and one word of data";
	if (line->newlines > 0 || !zw_mastertoken_next(&p, end, &t) ||
		!zw_mastertoken_next(&p, end, &t))
		return -EINVAL;
	if (parse_range(&t, &g) < 0) {
		*ret_reason = "$GENERATE range is not start-stop[/step]";
		return -EINVAL;
	}
	if (!zw_mastertoken_next(&p, end, &g.owner) || !zw_mastertoken_next(&p, end, &t))
		return -EINVAL;
	for (;; zw_mastertoken_next(&p, end, &t)) {
		if (t.len > 0 && isdigit((unsigned char)*t.p) && g.ttl.len == 0)
			g.ttl = t;
		else if (!zw_mastertoken_is(&t, "IN") && !zw_mastertoken_is(&t, "CLASS1"))
			break;
		t.len = 0;
		t.p = "";
	}
	if (t.len == 0)
		return -EINVAL;
	g.type = t;
	if (!zw_mastertoken_next(&p, end, &g.rdata) || zw_mastertoken_next(&p, end, &t))
		return -EINVAL;
	*ret_generate = g;
	return 0;
}

uint64_t zw_generate_steps(const struct zw_generate *g)
{
	return ((uint64_t)g->stop - g->start) / g->step + 1;
}

/* ${offset[,width[,base]}: @p is past the brace. Returns the end past the closing one, or NULL. */
static const char *parse_modifier(
	const char *p, const char *end, int64_t *ret_offset, uint32_t *ret_width, char *ret_base)
{
	bool negative = p < end && *p == '-';
	uint32_t v;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	if (read_u32(&p, end, &v) < 0)
		return NULL;
	*ret_offset = negative ? -(int64_t)v : (int64_t)v;
	if (p < end && *p == ',') {
		p++;
		if (read_u32(&p, end, ret_width) < 0 || *ret_width > WIDTH_MAX)
			return NULL;
		if (p < end && *p == ',') {
			p++;
			if (p >= end || !strchr("doxXnN", *p))
				return NULL;
			*ret_base = *p++;
		}
	}
	return p < end && *p == '}' ? p + 1 : NULL;
}

/* Hexadecimal digits, least significant first, with dots between: for ip6.arpa names. */
static void add_nibbles(struct zw_str *out, uint32_t value, uint32_t width, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	do {
		zw_str_add_char(out, digits[value & 15]);
		value >>= 4;
		if (width > 0)
			width--;
		if (width == 0 && value == 0)
			break;
		zw_str_add_char(out, '.');
		if (width > 0)
			width--;
	} while (width > 0 || value != 0);
}

static void add_number(struct zw_str *out, int64_t value, uint32_t width, char base)
{
	switch (base) {
	case 'o':
		zw_str_addf(out, "%0*o", (int)width, (unsigned int)value);
		break;
	case 'x':
		zw_str_addf(out, "%0*x", (int)width, (unsigned int)value);
		break;
	case 'X':
		zw_str_addf(out, "%0*X", (int)width, (unsigned int)value);
		break;
	case 'n':
	case 'N':
		add_nibbles(out, (uint32_t)value, width, base == 'N');
		break;
	default:
		zw_str_addf(out, "%0*lld", (int)width, (long long)value);
	}
}

static int substitute(const struct zw_mastertoken *t, uint32_t i, struct zw_str *out)
{
	const char *p = t->p, *end = t->p + t->len;

	while (p < end) {
		int64_t offset = 0;
		uint32_t width = 0;
		char base = 'd';

		if (*p == '\\' && p + 1 < end) {
			/* The scanner resolves the escape; "\$" is its dollar sign. */
			zw_str_add_len(out, p, 2);
			p += 2;
			continue;
		}
		if (*p != '$') {
			zw_str_add_char(out, *p++);
			continue;
		}
		p++;
		if (p < end && *p == '$') {
			zw_str_add(out, "\\$");
			p++;
			continue;
		}
		if (p < end && *p == '{') {
			p = parse_modifier(p + 1, end, &offset, &width, &base);
			if (!p)
				return -EINVAL;
		}
		add_number(out, (int64_t)i + offset, width, base);
	}
	return 0;
}

int zw_generate_line(const struct zw_generate *g, uint32_t i, struct zw_str *text)
{
	if (substitute(&g->owner, i, text) < 0)
		return -EINVAL;
	zw_str_add_char(text, ' ');
	zw_str_add_len(text, g->ttl.p ? g->ttl.p : "", g->ttl.len);
	zw_str_add(text, " IN ");
	zw_str_add_len(text, g->type.p, g->type.len);
	zw_str_add_char(text, ' ');
	if (substitute(&g->rdata, i, text) < 0)
		return -EINVAL;
	zw_str_add_char(text, '\n');
	return text->failed ? -ENOMEM : 0;
}
