/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Master files as they are laid out: logical lines and the words in them, without a look at what they mean. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A record or directive with its continuation lines; @end is at its newline or at the end of input.
 * */
struct zw_masterline {
	const char *start;
	const char *end;
	uint64_t newlines; /* inside, so not counting the one that ends it */
};

/* A word, or a quoted string without its quotes. */
struct zw_mastertoken {
	const char *p;
	size_t len;
	bool quoted;
	bool spaced; /* blanks, parentheses or a comment stood before it */
};

/* The logical line that begins at @p; false at @end. */
bool zw_masterline_get(const char *p, const char *end, struct zw_masterline *ret_line);
/* Moves *p past the next token of a logical line; false when there is none. */
bool zw_mastertoken_next(const char **p, const char *end, struct zw_mastertoken *ret_token);
bool zw_mastertoken_is(const struct zw_mastertoken *token, const char *word);
