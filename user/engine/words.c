/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/words.h"

#include <string.h>

#include "base/cleanup.h"
#include "dns/name.h"
#include "engine/words_pairs.h"

/* Sixteenths of a bit, as in the table. */
#define SCALE 16
/* log2(26) and log2(36) of them: a character drawn among letters, among letters and digits. */
#define DRAWN_LETTER 75
#define DRAWN_ANY 83

/* Fewer characters between hyphens are abbreviations and serial numbers, however rare their pairs. */
#define PART_MIN 8

#define HARDWARE_DIGITS 12 /* IEEE 802 addresses */
#define IPV4_DIGITS 8

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static bool is_letter(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_hex(const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_digit(text[i]) && !(text[i] >= 'a' && text[i] <= 'f'))
			return false;
	return true;
}

/* "001a2b3c4d5e", "sep001a2b3c4d5e": hardware addresses, as phones and DHCP servers name hosts after them; "p5b2a1c9f":
 * IPv4 addresses, as access providers do. */
static bool is_address(const uint8_t *text, size_t len)
{
	size_t word = 0;

	if (len == HARDWARE_DIGITS && is_hex(text, len))
		return true;
	while (word < len && is_letter(text[word]))
		word++;
	if (len >= HARDWARE_DIGITS && len <= HARDWARE_DIGITS + 4 && word >= len - HARDWARE_DIGITS &&
		is_hex(text + len - HARDWARE_DIGITS, HARDWARE_DIGITS))
		return true;
	return len == IPV4_DIGITS + 1 && is_letter(text[0]) && is_hex(text + 1, IPV4_DIGITS);
}

/* A word before the hyphen after which Windows draws 7 to 11 characters for the name of a computer. */
static bool is_setup_prefix(const uint8_t *text, size_t len)
{
	static const char *const words[] = {"desktop", "laptop", "win"};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0)
			return true;
	return false;
}

/* Evidence of a stretch of letters and digits, in sixteenths. */
static int part_evidence(const uint8_t *text, size_t len)
{
	unsigned int row = ZW_WORDS_BEGIN;
	int drawn = DRAWN_LETTER, sum = 0;

	if (is_address(text, len))
		return 0;
	/* "web01", "2fa": numbers beside a word say nothing. */
	for (; len > 0 && is_digit(*text); text++, len--)
		;
	for (; len > 0 && is_digit(text[len - 1]); len--)
		;
	if (len < PART_MIN)
		return 0;
	for (size_t i = 0; i < len; i++)
		if (is_digit(text[i]))
			drawn = DRAWN_ANY;
	for (size_t i = 0; i < len; i++) {
		unsigned int column =
			is_digit(text[i]) ? ZW_WORDS_DIGIT : (unsigned int)(text[i] - 'a');

		sum += zw_words_pairs[row][column] - drawn;
		row = column;
	}
	return sum;
}

/* Hexadecimal digits in groups, a UUID (RFC 9562 section 4) or a hardware address, are one number. Returns how many
 * digits there are, 0 where it is something else. */
static size_t join_hex(const uint8_t *text, size_t len, uint8_t ret[static ZW_LABEL_MAX])
{
	size_t n = 0, group = 0;
	bool letters = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '-') {
			if (group < 2)
				return 0;
			group = 0;
			continue;
		}
		if (!is_hex(text + i, 1))
			return 0;
		letters |= is_letter(text[i]);
		ret[n++] = text[i];
		group++;
	}
	return letters && (n == 32 || n == HARDWARE_DIGITS) ? n : 0;
}

int zw_words_evidence(const uint8_t *label, size_t len)
{
	uint8_t text[ZW_LABEL_MAX], joined[ZW_LABEL_MAX];
	size_t begin = 0, n;
	bool drawn_by_setup = false;
	int sum = 0;

	if (len > ZW_LABEL_MAX || len == 0 || label[0] == '_')
		return 0;
	for (size_t i = 0; i < len; i++)
		text[i] = lower(label[i]);
	if (len > 4 && memcmp(text, "xn--", 4) == 0)
		return 0;
	n = join_hex(text, len, joined);
	if (n > 0)
		return part_evidence(joined, n) / SCALE;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && (is_letter(text[i]) || is_digit(text[i])))
			continue;
		if (!drawn_by_setup || i - begin > 11)
			sum += part_evidence(text + begin, i - begin);
		drawn_by_setup = begin == 0 && is_setup_prefix(text, i);
		begin = i + 1;
	}
	return sum / SCALE;
}

bool zw_words_name_is_random(
	const uint8_t *owner, const uint8_t *apex, int bits, const uint8_t **ret_label)
{
	const uint8_t *most = NULL;
	size_t below;
	int evidence = 0;

	if (!zw_name_is_within(owner, apex))
		return false;
	below = zw_name_len(owner) - zw_name_len(apex);
	for (const uint8_t *l = owner; l < owner + below; l = zw_name_parent(l)) {
		int e;

		if (l[1] == '_')
			return false;
		e = zw_words_evidence(l + 1, *l);
		if (e >= bits && (!most || e > evidence)) {
			most = l;
			evidence = e;
		}
	}
	if (!most)
		return false;
	if (ret_label)
		*ret_label = most;
	return true;
}
