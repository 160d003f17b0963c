/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/: text from elsewhere, for eyes and for exact matches. */
#pragma once

#include <stddef.h>

#include "base/str.h"

/* Appends @text as it is when it holds nothing but printable text, so that a backslash in a DNS name or a
 * DOMAIN\user stays what people search for; else all of it as zw_str_add_escaped() does. */
void zw_clean_add(struct zw_str *out, const char *text);
/* The same with at most about @max bytes of @text, then "...". */
void zw_clean_add_cut(struct zw_str *out, const char *text, size_t max);
/* Appends one word of a command line, in single quotes where a shell would need them. */
void zw_clean_add_word(struct zw_str *out, const char *word);
