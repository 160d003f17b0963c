/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Command lines: the payload of the RNDC channel, the whole of the text protocols. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "event/control_impl.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void zw_control_words_done(zw_control_words *words)
{
	ZW_VEC_FOREACH(word, words)
		free(*word);
	zw_vec_free(words);
}

/* Finds the word at or after *at. */
static bool next_word(
	const char *text, size_t len, bool quotes, size_t *at, size_t *ret_begin, size_t *ret_end)
{
	size_t i = *at;

	while (i < len && is_blank(text[i]))
		i++;
	if (i == len)
		return false;
	if (quotes && text[i] == '"') {
		*ret_begin = ++i;
		while (i < len && text[i] != '"')
			i++;
		*ret_end = i;
		*at = i < len ? i + 1 : i;
		return true;
	}
	*ret_begin = i;
	while (i < len && !is_blank(text[i]))
		i++;
	*ret_end = *at = i;
	return true;
}

int zw_control_split(const char *text, size_t len, bool quotes, zw_control_words *words)
{
	size_t at = 0, begin, end;

	while (words->len < ZW_WORDS_MAX && next_word(text, len, quotes, &at, &begin, &end)) {
		char *word = strndup(text + begin, end - begin);

		if (!word)
			return -ENOMEM;
		if (zw_vec_push(words, word) < 0) {
			free(word);
			return -ENOMEM;
		}
	}
	return 0;
}

const struct zw_control_verb *zw_control_verb(const struct zw_control_verb *verbs, const char *name)
{
	for (; verbs->name; verbs++)
		if (zw_streq(verbs->name, name))
			return verbs;
	return NULL;
}

int zw_control_set_text(struct zw_control *control, struct zw_str *out)
{
	/* Cut at a whole character: a byte of UTF-8 that continues one is 10xxxxxx. */
	if (!out->failed && out->len > ZW_CONTROL_TEXT_MAX) {
		size_t at = ZW_CONTROL_TEXT_MAX - 3;

		while (at > 0 && ((unsigned char)out->buf[at] & 0xc0) == 0x80)
			at--;
		out->len = at;
		zw_str_add(out, "...");
	}
	return zw_str_done(out, &control->text) < 0 ? -ENOMEM : 1;
}

/* How many words after rndc's `signing` come before the zone (named's doc: rndc(8)). */
static size_t skip_signing(const zw_control_words *words)
{
	const char *option = words->len > 1 ? words->items[1] : "";

	if (zw_streq(option, "-clear") || zw_streq(option, "-serial"))
		return 3;
	/* -nsec3param none, or hash, flags, iterations and salt. */
	if (zw_streq(option, "-nsec3param"))
		return words->len > 2 && zw_streq(words->items[2], "none") ? 3 : 6;
	return 2;
}

/* The same for `dnssec`, whose options each take a word, and where -checkds is followed by another. */
static size_t skip_dnssec(const zw_control_words *words)
{
	bool checkds = false;
	size_t i = 1;

	while (i < words->len && words->items[i][0] == '-') {
		const char *option = words->items[i++];

		if (zw_streq(option, "-checkds"))
			checkds = true;
		else if (zw_streq(option, "-key") || zw_streq(option, "-alg") ||
			 zw_streq(option, "-when"))
			i++;
	}
	return checkds ? i + 1 : i;
}

static size_t zone_at(const zw_control_words *words, enum zw_control_args args)
{
	size_t i = 1;

	switch (args) {
	case ZW_ARGS_NONE:
	case ZW_ARGS_HIDDEN:
		return words->len;
	case ZW_ARGS_SIGNING:
		return skip_signing(words);
	case ZW_ARGS_DNSSEC:
		return skip_dnssec(words);
	case ZW_ARGS_ZONE:
	case ZW_ARGS_FIRST:
		break;
	}
	while (i < words->len && words->items[i][0] == '-')
		i++;
	return i;
}

/* zone [class [view]] { configuration }, the zone at word @at. */
static int take_zone(
	struct zw_control *control, const zw_control_words *words, size_t at, bool view)
{
	if (at >= words->len || words->items[at][0] == '{')
		return 0;
	control->zone = strdup(words->items[at]);
	if (!control->zone)
		return -ENOMEM;
	if (!view || at + 2 >= words->len || words->items[at + 1][0] == '{' ||
		words->items[at + 2][0] == '{')
		return 0;
	control->view = strdup(words->items[at + 2]);
	return control->view ? 0 : -ENOMEM;
}

/* Which words may be shown: all of a command that is known and holds no secrets, otherwise only what it is. */
static size_t shown_words(const zw_control_words *words, const struct zw_control_verb *verb)
{
	size_t n = !verb ? 1 : verb->args == ZW_ARGS_HIDDEN ? 2 : words->len;

	return n < words->len ? n : words->len;
}

static int line_of(struct zw_control *control, const zw_control_words *words,
	const struct zw_control_verb *verb)
{
	_zw_str_ struct zw_str text = {};
	size_t shown = shown_words(words, verb);

	zw_str_add_escaped(&text, control->command, strlen(control->command));
	for (size_t i = 1; i < shown; i++) {
		zw_str_add_char(&text, ' ');
		zw_str_add_escaped(&text, words->items[i], strlen(words->items[i]));
	}
	if (shown < words->len)
		zw_str_add(&text, " (arguments not shown)");
	return zw_control_set_text(control, &text);
}

int zw_control_from_words(struct zw_control *control, const zw_control_words *words,
	const struct zw_control_verb *verbs)
{
	const struct zw_control_verb *verb;
	int r;

	control->command = strdup(words->items[0]);
	if (!control->command)
		return -ENOMEM;
	for (char *c = control->command; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	verb = zw_control_verb(verbs, control->command);
	if (verb) {
		control->effect = verb->effect;
		r = take_zone(
			control, words, zone_at(words, verb->args), verb->args != ZW_ARGS_FIRST);
		if (r < 0)
			return r;
	}
	return line_of(control, words, verb);
}
