/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "dns/master_impl.h"
#include "dns/name.h"
#include "dns/rr.h"

struct relax {
	const uint8_t *origin;
	bool names;
	bool changed;
	bool other_class;
	uint16_t type;
	struct zw_str out;
};

static void add_ddd(struct zw_str *out, uint8_t c)
{
	zw_str_addf(out, "\\%03u", c);
}

static void add_origin(struct relax *x)
{
	const uint8_t *p = x->origin;

	if (*p == 0)
		zw_str_add_char(&x->out, '.');
	while (*p) {
		uint8_t n = *p++;

		while (n--)
			add_ddd(&x->out, *p++);
		zw_str_add_char(&x->out, '.');
	}
	x->changed = true;
}

/* Characters libzscanner takes unescaped in a name. */
static bool is_name_char(uint8_t c)
{
	return isalnum(c) || (c && strchr("*-_/.@", c));
}

/* Copies a token, writing as \DDD what the scanner does not take. */
static void add_escaped(struct relax *x, const struct zw_mastertoken *t, bool name)
{
	for (size_t i = 0; i < t->len; i++) {
		uint8_t c = (uint8_t)t->p[i];

		if (c == '\\' && i + 1 < t->len && t->p[i + 1] >= 0x20 && t->p[i + 1] < 0x7f) {
			zw_str_add_len(&x->out, t->p + i, 2);
			i++;
		} else if (c < 0x20 || c > 0x7e || (name && c != '\\' && !is_name_char(c))) {
			/* A backslash before such an octet only protects it: \DDD does that too. */
			if (c == '\\')
				continue;
			add_ddd(&x->out, c);
			x->changed = true;
		} else {
			zw_str_add_char(&x->out, (char)c);
		}
	}
}

static void add_token(struct relax *x, const struct zw_mastertoken *t, bool name)
{
	if (t->spaced)
		zw_str_add_char(&x->out, ' ');
	if (t->quoted)
		zw_str_add_char(&x->out, '"');
	add_escaped(x, t, name && !t->quoted);
	if (t->quoted)
		zw_str_add_char(&x->out, '"');
}

static bool is_absolute(const struct zw_mastertoken *t)
{
	return t->len > 0 && t->p[t->len - 1] == '.' && (t->len == 1 || t->p[t->len - 2] != '\\');
}

/* $ORIGIN and the second argument of $INCLUDE: libzscanner wants them absolute. */
static void relax_directive(struct relax *x, const char *p, const char *end)
{
	struct zw_mastertoken t;
	unsigned int name_at = 0;

	for (unsigned int i = 0; zw_mastertoken_next(&p, end, &t); i++) {
		if (i == 0 && zw_mastertoken_is(&t, "$ORIGIN"))
			name_at = 1;
		else if (i == 0 && zw_mastertoken_is(&t, "$INCLUDE"))
			name_at = 2;
		if (i == 0 || i != name_at || is_absolute(&t)) {
			add_token(x, &t, i != 0 && i == name_at);
			continue;
		}
		zw_str_add_char(&x->out, ' ');
		if (!zw_mastertoken_is(&t, "@")) {
			add_escaped(x, &t, true);
			if (x->origin[0] != 0)
				zw_str_add_char(&x->out, '.');
		}
		add_origin(x);
	}
}

/* True when @t is a class; IN in any spelling is written as such. */
static bool relax_class(struct relax *x, const struct zw_mastertoken *t)
{
	static const char *const others[] = {"CH", "CHAOS", "HS", "HESIOD", "NONE", "ANY"};

	if (zw_mastertoken_is(t, "IN") || zw_mastertoken_is(t, "CLASS1")) {
		zw_str_add(&x->out, " IN");
		x->changed |= t->len != 2;
		return true;
	}
	for (size_t i = 0; i < ZW_ARRAY_SIZE(others); i++)
		x->other_class |= zw_mastertoken_is(t, others[i]);
	x->other_class |= t->len > 5 && strncasecmp(t->p, "CLASS", 5) == 0;
	return x->other_class;
}

/* Types libzscanner does not know are read as one of the same format. */
static void relax_type(struct relax *x, const struct zw_mastertoken *t)
{
	char name[ZW_TYPE_TEXT_MAX] = "", like[ZW_TYPE_TEXT_MAX];
	uint16_t type;

	if (!t->quoted && t->len < sizeof(name))
		memcpy(name, t->p, t->len);
	if (zw_type_from_text(name, &type) < 0 || zw_type_like(type) == type ||
		strncasecmp(name, "TYPE", 4) == 0) {
		add_token(x, t, false);
		return;
	}
	zw_str_addf(&x->out, " %s", zw_type_to_text(zw_type_like(type), like));
	x->type = type;
	x->changed = true;
}

static void relax_record(struct relax *x, const char *p, const char *end)
{
	struct zw_mastertoken t;
	bool have_type = false;

	if (*p != ' ' && *p != '\t' && zw_mastertoken_next(&p, end, &t))
		add_token(x, &t, true);
	/* Parentheses and line breaks between tokens become blanks. */
	while (!x->other_class && zw_mastertoken_next(&p, end, &t)) {
		if (have_type)
			add_token(x, &t, x->names);
		else if (t.len > 0 && isdigit((unsigned char)*t.p))
			add_token(x, &t, false);
		else if (!relax_class(x, &t)) {
			relax_type(x, &t);
			have_type = true;
		}
	}
}

int zw_master_relax(const struct zw_masterline *line, const uint8_t *origin, bool names,
	struct zw_relaxed *ret_relaxed)
{
	struct relax x = {.origin = origin, .names = names};

	if (*line->start == '$')
		relax_directive(&x, line->start, line->end);
	else
		relax_record(&x, line->start, line->end);
	zw_str_add_char(&x.out, '\n');
	if (x.out.failed) {
		zw_str_free(&x.out);
		return -ENOMEM;
	}
	*ret_relaxed = (struct zw_relaxed){.text = x.out, .type = x.type};
	if (x.other_class)
		ret_relaxed->result = ZW_RELAX_CLASS;
	else
		ret_relaxed->result = x.changed ? ZW_RELAX_TEXT : ZW_RELAX_SAME;
	return 0;
}
