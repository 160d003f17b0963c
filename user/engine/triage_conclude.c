/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the facts come to: addresses, rules and their questions, answers, the decision. */
#include "engine/rule.h"
#include "engine/triage_impl.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>

#define BIT(question) (1U << (question))

/* No firewall takes more at once without complaint. */
#define ADDRESSES_MAX 65536
/* Events that a reason names. */
#define NAMED_MAX 5

/* --- addresses ----------------------------------------------------------------------------------------- */

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool zw_triage_is_ipv4(const uint8_t key[static 16])
{
	return memcmp(key, mapped, sizeof(mapped)) == 0;
}

bool zw_triage_address_key(const char *text, uint8_t ret_key[static 16])
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		memcpy(ret_key, mapped, sizeof(mapped));
		memcpy(ret_key + sizeof(mapped), &v4, sizeof(v4));
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return false;
	memcpy(ret_key, &v6, sizeof(v6));
	return true;
}

void zw_triage_address_text(
	const uint8_t key[static 16], char ret_text[static ZW_TRIAGE_ADDRESS_MAX])
{
	bool ipv4 = zw_triage_is_ipv4(key);

	if (!inet_ntop(ipv4 ? AF_INET : AF_INET6, ipv4 ? key + sizeof(mapped) : key, ret_text,
		    ZW_TRIAGE_ADDRESS_MAX))
		ret_text[0] = '\0';
}

/* Of no single host elsewhere: unspecified, loopback, link-local, multicast and above (RFC 6890 section 2.2). */
static bool is_special(const uint8_t key[static 16])
{
	static const uint8_t loopback[16] = {[15] = 1}, unspecified[16];
	const uint8_t *v4 = key + sizeof(mapped);

	if (zw_triage_is_ipv4(key))
		return v4[0] == 0 || v4[0] == 127 || v4[0] >= 224 || (v4[0] == 169 && v4[1] == 254);
	return memcmp(key, loopback, 16) == 0 || memcmp(key, unspecified, 16) == 0 ||
	       key[0] == 0xff || (key[0] == 0xfe && (key[1] & 0xc0) == 0x80);
}

static bool is_familiar(const struct zw_triage *t, const uint8_t key[static 16])
{
	char text[ZW_TRIAGE_ADDRESS_MAX];

	zw_triage_address_text(key, text);
	for (size_t i = 0; i < t->in.networks; i++)
		if (zw_net_contains(&t->in.network[i], text))
			return true;
	return false;
}

int zw_triage_address_at(
	struct zw_triage *t, const uint8_t key[static 16], struct zw_triage_address **ret_address)
{
	struct zw_triage_address address = {};
	size_t at = (size_t)(uintptr_t)zw_map_get(t->address_map, key, 16);
	int r;

	*ret_address = NULL;
	if (at == 0) {
		if (t->addresses.len == ADDRESSES_MAX)
			return 0;
		memcpy(address.key, key, sizeof(address.key));
		address.special = is_special(key);
		address.familiar = is_familiar(t, key);
		r = zw_vec_push(&t->addresses, address);
		if (r < 0)
			return r;
		at = t->addresses.len;
		r = zw_map_put(t->address_map, key, 16, (void *)(uintptr_t)at, NULL);
		if (r < 0)
			return r;
	}
	*ret_address = &t->addresses.items[at - 1];
	return 0;
}

/* --- rules ---------------------------------------------------------------------------------------------- */

/* Rules of records that are about where these lead, and those whose kind does not say what they answer. */
static const struct {
	const char *rule;
	enum zw_triage_question question;
} answered[] = {
	{"redirect-outside", ZW_TRIAGE_DIVERTED},
	{"new-subdomain-outside", ZW_TRIAGE_DIVERTED},
	{"new-alias-outside", ZW_TRIAGE_DIVERTED},
	{"ns-change", ZW_TRIAGE_DIVERTED},
	{"delegation-change", ZW_TRIAGE_DIVERTED},
	{"lookalike-ns", ZW_TRIAGE_DIVERTED},
	{"mx-change", ZW_TRIAGE_DIVERTED},
	{"random-subdomains", ZW_TRIAGE_DIVERTED},
	{"shared-address", ZW_TRIAGE_DIVERTED},
	{"wildcard-created", ZW_TRIAGE_DIVERTED},
	{"certificate-near-redirect", ZW_TRIAGE_DIVERTED},
	{"answer-mismatch", ZW_TRIAGE_DIVERTED},
	/* Of traffic, but no spike. */
	{"answer-restored", _ZW_TRIAGE_QUESTION_MAX},
	{"outbound-new", _ZW_TRIAGE_QUESTION_MAX},
	{"transfer-unknown", _ZW_TRIAGE_QUESTION_MAX},
	{"transfer-refused", _ZW_TRIAGE_QUESTION_MAX},
};

unsigned int zw_triage_rule_questions(const char *id)
{
	const struct zw_rule *rule;

	if (zw_startswith(id, "feed-"))
		return BIT(ZW_TRIAGE_LISTED);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(answered); i++)
		if (zw_streq(answered[i].rule, id))
			return answered[i].question == _ZW_TRIAGE_QUESTION_MAX
				       ? 0
				       : BIT(answered[i].question);
	/* One of another version is in no table. */
	rule = zw_rule_find(id);
	return rule && rule->kind == ZW_RULE_TRAFFIC ? BIT(ZW_TRIAGE_TRAFFIC) : 0;
}

/* --- words --------------------------------------------------------------------------------------------- */

const char *zw_triage_question_to_string(enum zw_triage_question q)
{
	static const char *const names[] = {"altered", "traffic", "diverted", "listed"};

	static_assert(ZW_ARRAY_SIZE(names) == _ZW_TRIAGE_QUESTION_MAX, "a name for every question");
	return names[q];
}

const char *zw_triage_answer_to_string(enum zw_triage_answer a)
{
	static const char *const names[] = {"no", "yes", "unknown"};

	static_assert(ZW_ARRAY_SIZE(names) == _ZW_TRIAGE_ANSWER_MAX, "a name for every answer");
	return names[a];
}

const char *zw_triage_gap_to_string(enum zw_triage_gap_kind k)
{
	static const char *const names[] = {"not-begun", "agent-stopped", "agent-killed",
		"events-lost", "zone-unreadable", "no-policy", "no-feeds", "no-traffic",
		"no-minutes", "no-baseline"};

	static_assert(ZW_ARRAY_SIZE(names) == _ZW_TRIAGE_GAP_MAX, "a name for every gap");
	return names[k];
}

const char *zw_triage_deed_to_string(unsigned int bit)
{
	static const char *const names[] = {"redirect", "new-name", "delegation", "mail", "dnssec"};

	static_assert(ZW_ARRAY_SIZE(names) == ZW_TRIAGE_DEEDS, "a name for every deed");
	return names[bit];
}

const char *zw_triage_undo_to_string(enum zw_triage_undo undo)
{
	static const char *const names[] = {"revert", "undone", "nothing", "by-hand"};

	static_assert(ZW_ARRAY_SIZE(names) == _ZW_TRIAGE_UNDO_MAX, "a name for every one");
	return names[undo];
}

/* --- answers and the decision -------------------------------------------------------------------------- */

static enum zw_triage_answer answer_of(const struct zw_triage *t, unsigned int question)
{
	if (t->result[question].yes || (question == ZW_TRIAGE_TRAFFIC && t->traffic.told))
		return ZW_TRIAGE_YES;
	ZW_VEC_FOREACH(gap, &t->gaps)
		if (gap->questions & BIT(question))
			return ZW_TRIAGE_UNKNOWN;
	return ZW_TRIAGE_NO;
}

static void add_ids(struct zw_str *s, const struct zw_triage *t,
	bool (*is)(const struct zw_triage_event *e), uint64_t total)
{
	uint64_t named = 0;

	ZW_VEC_FOREACH(e, &t->events) {
		if (!is(e) || named == NAMED_MAX)
			continue;
		zw_str_addf(s, "%s%s", named++ ? ", " : ": ", e->id);
	}
	if (total > named)
		zw_str_addf(s, " and %llu more", (unsigned long long)(total - named));
}

static bool is_altered(const struct zw_triage_event *e)
{
	return e->escalates && (e->questions & BIT(ZW_TRIAGE_ALTERED));
}

static bool is_listed(const struct zw_triage_event *e)
{
	return e->escalates && e->listed;
}

static bool is_other(const struct zw_triage_event *e)
{
	return e->escalates && !is_altered(e) && !is_listed(e);
}

static uint64_t count_of(
	const struct zw_triage *t, bool (*is)(const struct zw_triage_event *e), unsigned int deed)
{
	uint64_t n = 0;

	ZW_VEC_FOREACH(e, &t->events)
		n += is(e) && (!deed || (e->deeds & deed));
	return n;
}

static int take_reason(struct zw_triage *t, struct zw_str *s)
{
	_zw_free_ char *text = NULL;
	int r = zw_str_done(s, &text);

	if (r == 0)
		r = zw_vec_push(&t->reasons, text);
	if (r == 0)
		(void)ZW_TAKE(text);
	return r;
}

/* What the card has above all comes first. */
static void add_deeds(struct zw_str *s, const struct zw_triage *t)
{
	static const char *const words[] = {"lead what was there elsewhere",
		"bring new names that lead somewhere", "change name servers or delegations",
		"change where mail goes", "take DNSSEC away"};
	const char *before = " (";

	static_assert(ZW_ARRAY_SIZE(words) == ZW_TRIAGE_DEEDS, "words for every deed");
	for (unsigned int i = 0; i < ZW_TRIAGE_DEEDS; i++) {
		uint64_t n = count_of(t, is_altered, 1U << i);

		if (!n)
			continue;
		zw_str_addf(s, "%s%llu %s", before, (unsigned long long)n, words[i]);
		before = ", ";
	}
	if (before[0] == ',')
		zw_str_add_char(s, ')');
}

static int add_reasons(struct zw_triage *t)
{
	uint64_t altered = t->result[ZW_TRIAGE_ALTERED].yes;
	uint64_t listed = count_of(t, is_listed, 0), other = count_of(t, is_other, 0);
	int r = 0;

	if (altered) {
		_zw_str_ struct zw_str s = {};

		zw_str_addf(&s, "%llu change%s of records that nobody entitled made",
			(unsigned long long)altered, altered == 1 ? "" : "s");
		add_deeds(&s, t);
		add_ids(&s, t, is_altered, altered);
		r = take_reason(t, &s);
	}
	if (r == 0 && listed) {
		_zw_str_ struct zw_str s = {};

		zw_str_addf(&s, "security feeds confirm %llu event%s", (unsigned long long)listed,
			listed == 1 ? "" : "s");
		add_ids(&s, t, is_listed, listed);
		r = take_reason(t, &s);
	}
	if (r == 0 && other) {
		_zw_str_ struct zw_str s = {};

		zw_str_addf(&s, "%llu more event%s that the rules escalate",
			(unsigned long long)other, other == 1 ? "" : "s");
		add_ids(&s, t, is_other, other);
		r = take_reason(t, &s);
	}
	return r;
}

int zw_triage_conclude(struct zw_triage *t)
{
	int r = zw_triage_cover_end(t);

	if (r == 0)
		r = zw_triage_conclude_traffic(t);
	if (r < 0)
		return r;
	for (unsigned int q = 0; q < _ZW_TRIAGE_QUESTION_MAX; q++)
		t->result[q].answer = answer_of(t, q);
	t->escalate = t->escalations > 0;
	return add_reasons(t);
}
