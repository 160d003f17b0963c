/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/shell_word.h"

#include <ctype.h>
#include <string.h>

static bool is_plain(char c)
{
	return isascii((unsigned char)c) &&
	       (isalnum((unsigned char)c) || strchr("@%_+=:,./-", c) != NULL);
}

static bool is_printable(char c)
{
	return c >= 0x20 && c < 0x7f;
}

/* bash(1), "QUOTING": $'...' */
static void add_ansi(struct zw_str *out, const char *word)
{
	zw_str_add(out, "$'");
	for (; *word; word++) {
		if (*word == '\'' || *word == '\\')
			zw_str_addf(out, "\\%c", *word);
		else if (is_printable(*word))
			zw_str_add_char(out, *word);
		else
			zw_str_addf(out, "\\%03o", (unsigned char)*word);
	}
	zw_str_add_char(out, '\'');
}

void zw_shell_add_word(struct zw_str *out, const char *word)
{
	bool plain = word[0] != '\0', printable = true;

	for (const char *p = word; *p; p++) {
		plain &= is_plain(*p);
		printable &= is_printable(*p);
	}
	if (plain) {
		zw_str_add(out, word);
		return;
	}
	if (!printable) {
		add_ansi(out, word);
		return;
	}
	zw_str_add_char(out, '\'');
	for (; *word; word++)
		zw_str_add(out, *word == '\'' ? "'\\''" : (char[]){*word, '\0'});
	zw_str_add_char(out, '\'');
}
