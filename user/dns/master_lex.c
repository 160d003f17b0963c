/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <strings.h>

#include "dns/master_impl.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Past a quoted string that begins at @p (the opening quote). Outside parentheses it cannot span
 * lines. */
static const char *skip_quoted(const char *p, const char *end, bool multiline, uint64_t *newlines)
{
	for (p++; p < end && *p != '"'; p++) {
		if (*p == '\n') {
			if (!multiline)
				return p;
			++*newlines;
		} else if (*p == '\\' && p + 1 < end && p[1] != '\n') {
			p++;
		}
	}
	return p < end ? p + 1 : end;
}

bool zw_masterline_get(const char *p, const char *end, struct zw_masterline *ret_line)
{
	struct zw_masterline line = {.start = p};
	unsigned int depth = 0;

	if (p >= end)
		return false;
	while (p < end && (*p != '\n' || depth > 0)) {
		switch (*p) {
		case '"':
			p = skip_quoted(p, end, depth > 0, &line.newlines);
			continue;
		case ';':
			p = memchr(p, '\n', (size_t)(end - p));
			if (!p)
				p = end;
			continue;
		case '\\':
			if (p + 1 < end && p[1] != '\n')
				p++;
			break;
		case '(':
			depth++;
			break;
		case ')':
			depth -= depth > 0;
			break;
		case '\n':
			line.newlines++;
			break;
		}
		p++;
	}
	line.end = p < end ? p : end;
	*ret_line = line;
	return true;
}

static const char *skip_space(const char *p, const char *end)
{
	while (p < end) {
		if (*p == ';') {
			p = memchr(p, '\n', (size_t)(end - p));
			if (!p)
				return end;
		} else if (!is_blank(*p) && *p != '\n' && *p != '(' && *p != ')') {
			return p;
		} else {
			p++;
		}
	}
	return end;
}

bool zw_mastertoken_next(const char **p, const char *end, struct zw_mastertoken *ret_token)
{
	const char *s = skip_space(*p, end), *q;

	if (s >= end)
		return false;
	ret_token->spaced = s != *p;
	ret_token->quoted = *s == '"';
	if (*s == '"') {
		for (q = ++s; q < end && *q != '"'; q++)
			if (*q == '\\' && q + 1 < end)
				q++;
		*p = q < end ? q + 1 : end;
	} else {
		/* strchr() finds the NUL of its own string, and data may hold one. */
		for (q = s; q < end && !is_blank(*q) && (!*q || !strchr("\n();\"", *q)); q++)
			if (*q == '\\' && q + 1 < end)
				q++;
		*p = q;
	}
	ret_token->p = s;
	ret_token->len = (size_t)(q - s);
	return true;
}

bool zw_mastertoken_is(const struct zw_mastertoken *token, const char *word)
{
	return !token->quoted && strlen(word) == token->len &&
	       strncasecmp(token->p, word, token->len) == 0;
}
