/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/clean.h"

#include <string.h>

static void add_len(struct zw_str *out, const char *text, size_t len)
{
	_zw_str_ struct zw_str escaped = {};
	size_t backslashes = 0;

	for (size_t i = 0; i < len; i++)
		backslashes += text[i] == '\\';
	zw_str_add_escaped(&escaped, text, len);
	if (escaped.failed) {
		out->failed = true;
		return;
	}
	/* Escaping lengthens each byte it changes, a backslash by one. */
	if (escaped.len == len + backslashes)
		zw_str_add_len(out, text, len);
	else
		zw_str_add_len(out, escaped.buf, escaped.len);
}

void zw_clean_add(struct zw_str *out, const char *text)
{
	add_len(out, text, strlen(text));
}

void zw_clean_add_cut(struct zw_str *out, const char *text, size_t max)
{
	size_t len = strnlen(text, max + 1);

	if (len <= max) {
		add_len(out, text, len);
		return;
	}
	/* Not inside a UTF-8 sequence: back to before its first byte. */
	for (len = max; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
		;
	add_len(out, text, len);
	zw_str_add(out, "...");
}

void zw_clean_add_word(struct zw_str *out, const char *word)
{
	bool quote = word[0] == '\0' || strpbrk(word, " \t\n\"'$&|;<>()`*?#~!{}") != NULL;

	if (!quote) {
		zw_clean_add(out, word);
		return;
	}
	zw_str_add_char(out, '\'');
	for (const char *end; (end = strchr(word, '\'')); word = end + 1) {
		add_len(out, word, (size_t)(end - word));
		zw_str_add(out, "'\\''");
	}
	zw_clean_add(out, word);
	zw_str_add_char(out, '\'');
}
