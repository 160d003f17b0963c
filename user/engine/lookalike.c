/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/lookalike.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "dns/name.h"
#include "dns/punycode.h"

/* Shorter labels are near to too many others. */
#define LABEL_MIN 3
#define EMBEDDED_MIN 4
#define EDIT_MIN 5

static const char *const how_text[] = {
	[ZW_LOOKALIKE_NONE] = "does not resemble",
	[ZW_LOOKALIKE_GLYPH] = "reads like",
	[ZW_LOOKALIKE_EDIT] = "is one letter away from",
	[ZW_LOOKALIKE_HYPHEN] = "differs by hyphens from",
	[ZW_LOOKALIKE_SUFFIX] = "has another ending than",
	[ZW_LOOKALIKE_EMBEDDED] = "adds a word to the name of",
	[ZW_LOOKALIKE_BELOW] = "holds, below a domain of another, the name of",
};
static_assert(ZW_ARRAY_SIZE(how_text) == _ZW_LOOKALIKE_MAX, "a way to look alike has no text");

/* A label as it is compared. */
struct word {
	uint8_t text[ZW_LABEL_MAX];
	size_t len;
};

static bool same(const struct word *a, const struct word *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static bool label_is(const uint8_t *label, const char *text)
{
	return *label == strlen(text) && strncasecmp((const char *)label + 1, text, *label) == 0;
}

/* Words that stand below the top-level domains of countries and belong to the ending. */
static bool is_second_level(const uint8_t *label)
{
	static const char *const words[] = {"ac", "co", "com", "edu", "gob", "gouv", "gov", "gv",
		"go", "ltd", "me", "mil", "ne", "net", "nic", "nom", "or", "org", "plc", "sch"};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(words); i++)
		if (label_is(label, words[i]))
			return true;
	return false;
}

/* A label and the ending after it. */
struct domain {
	const uint8_t *label;
	const uint8_t *ending;
};

/* The domain that was registered. */
static bool registered(const uint8_t *name, struct domain *ret_domain)
{
	const uint8_t *last[3] = {};
	struct domain d;

	for (const uint8_t *l = name; *l; l = zw_name_parent(l)) {
		last[0] = last[1];
		last[1] = last[2];
		last[2] = l;
	}
	if (!last[1] || label_is(last[2], "arpa"))
		return false;
	d = (struct domain){last[1], last[2]};
	if (last[0] && *last[2] == 2 && is_second_level(last[1]))
		d = (struct domain){last[0], last[1]};
	*ret_domain = d;
	return true;
}

/* Letters, and the ASCII letter that each is drawn like. Unicode's confusables (UTS 39) are thousands; these are the letters
 * of the scripts in which whole look-alike names have been registered, and those with marks that small type hides. */
static const struct {
	uint32_t first, last;
	uint8_t letter;
} drawn[] = {
	{0xe0, 0xe5, 'a'},
	{0xe7, 0xe7, 'c'},
	{0xe8, 0xeb, 'e'},
	{0xec, 0xef, 'i'},
	{0xf1, 0xf1, 'n'},
	{0xf2, 0xf6, 'o'},
	{0xf8, 0xf8, 'o'},
	{0xf9, 0xfc, 'u'},
	{0xfd, 0xfd, 'y'},
	{0xff, 0xff, 'y'},
	{0x100, 0x105, 'a'},
	{0x106, 0x10d, 'c'},
	{0x10e, 0x111, 'd'},
	{0x112, 0x11b, 'e'},
	{0x11c, 0x123, 'g'},
	{0x124, 0x127, 'h'},
	{0x128, 0x131, 'i'},
	{0x134, 0x135, 'j'},
	{0x136, 0x138, 'k'},
	{0x139, 0x142, 'l'},
	{0x143, 0x14b, 'n'},
	{0x14c, 0x151, 'o'},
	{0x154, 0x159, 'r'},
	{0x15a, 0x161, 's'},
	{0x162, 0x167, 't'},
	{0x168, 0x173, 'u'},
	{0x174, 0x175, 'w'},
	{0x176, 0x178, 'y'},
	{0x179, 0x17e, 'z'},
	{0x192, 0x192, 'f'},
	{0x1a1, 0x1a1, 'o'},
	{0x1b0, 0x1b0, 'u'},
	{0x251, 0x251, 'a'},
	{0x261, 0x261, 'g'},
	{0x26a, 0x26a, 'i'},
	/* Greek */
	{0x3b1, 0x3b1, 'a'},
	{0x3b5, 0x3b5, 'e'},
	{0x3b9, 0x3b9, 'i'},
	{0x3ba, 0x3ba, 'k'},
	{0x3bd, 0x3bd, 'v'},
	{0x3bf, 0x3bf, 'o'},
	{0x3c1, 0x3c1, 'p'},
	{0x3c4, 0x3c4, 't'},
	{0x3c5, 0x3c5, 'u'},
	{0x3c7, 0x3c7, 'x'},
	{0x3c9, 0x3c9, 'w'},
	/* Cyrillic */
	{0x430, 0x430, 'a'},
	{0x432, 0x432, 'b'},
	{0x435, 0x435, 'e'},
	{0x43a, 0x43a, 'k'},
	{0x43c, 0x43c, 'm'},
	{0x43e, 0x43e, 'o'},
	{0x440, 0x440, 'p'},
	{0x441, 0x441, 'c'},
	{0x442, 0x442, 't'},
	{0x443, 0x443, 'y'},
	{0x445, 0x445, 'x'},
	{0x450, 0x451, 'e'},
	{0x455, 0x455, 's'},
	{0x456, 0x457, 'i'},
	{0x458, 0x458, 'j'},
	{0x4bb, 0x4bb, 'h'},
	{0x4cf, 0x4cf, 'l'},
	{0x501, 0x501, 'd'},
	{0x51b, 0x51b, 'q'},
	{0x51d, 0x51d, 'w'},
	/* Armenian */
	{0x570, 0x570, 'h'},
	{0x578, 0x578, 'n'},
	{0x57d, 0x57d, 'u'},
	{0x585, 0x585, 'o'},
	{0x1e00, 0x1e01, 'a'},
	{0x1ea0, 0x1eb7, 'a'},
	{0x1eb8, 0x1ec7, 'e'},
	{0x1ec8, 0x1ecb, 'i'},
	{0x1ecc, 0x1ee3, 'o'},
	{0x1ee4, 0x1ef1, 'u'},
	{0x1ef2, 0x1ef9, 'y'},
};

/* The ASCII letter that @c is drawn like, 0 when it is like none. */
static uint8_t drawn_like(uint32_t c)
{
	if (c < 0x80)
		return (uint8_t)c;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(drawn); i++)
		if (c >= drawn[i].first && c <= drawn[i].last)
			return drawn[i].letter;
	return 0;
}

/* The label with what is drawn alike made the same. Others are left as they are. */
static void skeleton(const struct word *word, struct word *ret)
{
	static const char *const pairs[] = {"rnm", "vvw", "cld"};
	static const char singles[] = "0o1lil5s3e4a8b9g6b2z7t";
	uint32_t points[ZW_LABEL_MAX];
	uint8_t text[ZW_LABEL_MAX];
	size_t n = 0, len;

	if (zw_punycode_decode(word->text, word->len, points, &len) == 0) {
		for (size_t i = 0; i < len; i++) {
			text[i] = drawn_like(points[i]);
			if (text[i] == 0)
				text[i] = '?';
		}
	} else {
		len = word->len;
		memcpy(text, word->text, len);
	}
	*ret = (struct word){};
	for (size_t i = 0; i < len; n++) {
		uint8_t c = text[i++];

		for (const char *s = singles; *s; s += 2)
			if (c == (uint8_t)s[0]) {
				c = (uint8_t)s[1];
				break;
			}
		for (size_t p = 0; i < len && p < ZW_ARRAY_SIZE(pairs); p++)
			if (text[i - 1] == (uint8_t)pairs[p][0] &&
				text[i] == (uint8_t)pairs[p][1]) {
				c = (uint8_t)pairs[p][2];
				i++;
				break;
			}
		ret->text[n] = c;
	}
	ret->len = n;
}

static void without_hyphens(const struct word *word, struct word *ret)
{
	*ret = (struct word){};
	for (size_t i = 0; i < word->len; i++)
		if (word->text[i] != '-')
			ret->text[ret->len++] = word->text[i];
}

/* One character added, left out or changed, or two neighbours swapped (Damerau 1964). */
static bool one_edit(const struct word *a, const struct word *b)
{
	const struct word *l = a->len >= b->len ? a : b, *s = a->len >= b->len ? b : a;
	size_t i = 0;

	if (l->len - s->len > 1 || same(a, b))
		return false;
	while (i < s->len && a->text[i] == b->text[i])
		i++;
	if (l->len > s->len)
		return memcmp(l->text + i + 1, s->text + i, s->len - i) == 0;
	if (memcmp(a->text + i + 1, b->text + i + 1, a->len - i - 1) == 0)
		return true;
	return i + 1 < a->len && a->text[i] == b->text[i + 1] && a->text[i + 1] == b->text[i] &&
	       memcmp(a->text + i + 2, b->text + i + 2, a->len - i - 2) == 0;
}

static bool is_letter(uint8_t c)
{
	return c >= 'a' && c <= 'z';
}

/* Words that are put before or after a name without a hyphen. */
static bool is_companion(const uint8_t *text, size_t len)
{
	static const char *const words[] = {"account", "admin", "app", "auth", "cdn", "cloud",
		"corp", "dns", "group", "help", "host", "hosting", "inc", "it", "login", "mail",
		"my", "net", "ns", "nss", "online", "portal", "secure", "server", "service",
		"services", "sso", "support", "tech", "update", "vpn", "web", "webmail"};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == len && memcmp(words[i], text, len) == 0)
			return true;
	return false;
}

/* Whether what is left of @label on each side of the organisation's name is nothing, set off by a hyphen or digit, or
 * one of the usual words. */
static bool embeds(const struct word *label, const struct word *own)
{
	for (size_t i = 0; i + own->len <= label->len; i++) {
		const uint8_t *after = label->text + i + own->len;
		size_t rest = label->len - i - own->len;

		if (memcmp(label->text + i, own->text, own->len) != 0)
			continue;
		if (i > 0 && is_letter(label->text[i - 1]) && !is_companion(label->text, i))
			continue;
		if (rest > 0 && is_letter(*after) && !is_companion(after, rest))
			continue;
		return true;
	}
	return false;
}

static struct word word_of(const uint8_t *label)
{
	struct word w = {.len = *label};

	memcpy(w.text, label + 1, *label);
	return w;
}

/* How the registered labels compare; both domains are different. */
static enum zw_lookalike compare(const struct word *other, const struct word *own)
{
	struct word a, b;

	if (same(other, own))
		return ZW_LOOKALIKE_SUFFIX;
	without_hyphens(other, &a);
	without_hyphens(own, &b);
	if (same(&a, &b))
		return ZW_LOOKALIKE_HYPHEN;
	skeleton(other, &a);
	skeleton(own, &b);
	if (same(&a, &b))
		return ZW_LOOKALIKE_GLYPH;
	if (own->len >= EDIT_MIN && one_edit(other, own))
		return ZW_LOOKALIKE_EDIT;
	if (own->len >= EMBEDDED_MIN && embeds(other, own))
		return ZW_LOOKALIKE_EMBEDDED;
	return ZW_LOOKALIKE_NONE;
}

enum zw_lookalike zw_lookalike(const uint8_t *name, const uint8_t *own)
{
	uint8_t n[ZW_NAME_MAX], o[ZW_NAME_MAX];
	size_t n_len = zw_name_len(name), o_len = zw_name_len(own);
	struct domain theirs, ours;
	struct word other, org;
	enum zw_lookalike how;

	memcpy(n, name, n_len);
	memcpy(o, own, o_len);
	zw_name_lower(n, n_len);
	zw_name_lower(o, o_len);
	if (!registered(n, &theirs) || !registered(o, &ours) || zw_name_is_within(n, ours.label))
		return ZW_LOOKALIKE_NONE;
	org = word_of(ours.label);
	if (org.len < LABEL_MIN)
		return ZW_LOOKALIKE_NONE;
	other = word_of(theirs.label);
	how = compare(&other, &org);
	if (how != ZW_LOOKALIKE_NONE || org.len < EMBEDDED_MIN)
		return how;
	for (const uint8_t *l = n; l < theirs.label; l = zw_name_parent(l)) {
		other = word_of(l);
		if (same(&other, &org) || embeds(&other, &org))
			return ZW_LOOKALIKE_BELOW;
	}
	return ZW_LOOKALIKE_NONE;
}

const uint8_t *zw_lookalike_domain(const uint8_t *name)
{
	struct domain d;

	return registered(name, &d) ? d.label : NULL;
}

const char *zw_lookalike_to_string(enum zw_lookalike how)
{
	return how_text[how];
}
