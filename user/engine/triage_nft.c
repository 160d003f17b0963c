/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses to block, as nft(8) reads them. Nothing but our own words and addresses is in it. */
#include "engine/triage_nft.h"

#include <inttypes.h>

#include "base/clock.h"

enum side {
	TARGETS,
	SOURCES,
	SIDES,
};
static const char *const names[SIDES] = {"targets", "sources"};

static bool is_on(const struct zw_triage_address *a, enum side side)
{
	return side == TARGETS ? a->target : a->source;
}

static bool is_blocked(const struct zw_triage_address *a, enum side side, bool ipv4)
{
	return is_on(a, side) && !a->special && !a->familiar && zw_triage_is_ipv4(a->key) == ipv4;
}

static uint64_t count(const struct zw_triage *t, enum side side, bool ipv4)
{
	uint64_t n = 0;

	ZW_VEC_FOREACH(a, &t->addresses)
		n += is_blocked(a, side, ipv4);
	return n;
}

uint64_t zw_triage_nft_count(const struct zw_triage *t)
{
	uint64_t n = 0;

	for (enum side side = TARGETS; side < SIDES; side++)
		n += count(t, side, false) + count(t, side, true);
	return n;
}

static void add_set(struct zw_str *out, const struct zw_triage *t, enum side side, bool ipv4)
{
	const char *before = "\n\t\telements = { ";

	if (!count(t, side, ipv4))
		return;
	zw_str_addf(
		out, "\tset %s%d {\n\t\ttype ipv%d_addr", names[side], ipv4 ? 4 : 6, ipv4 ? 4 : 6);
	ZW_VEC_FOREACH(a, &t->addresses) {
		char text[ZW_TRIAGE_ADDRESS_MAX];

		if (!is_blocked(a, side, ipv4))
			continue;
		zw_triage_address_text(a->key, text);
		zw_str_addf(out, "%s%s", before, text);
		before = ",\n\t\t\t     ";
	}
	zw_str_add(out, " }\n\t}\n");
}

static void add_chain(struct zw_str *out, const struct zw_triage *t, bool in)
{
	const char *hook = in ? "input" : "output";

	/* Before the rules that are there, which would let pass. */
	zw_str_addf(out, "\tchain %s {\n\t\ttype filter hook %s priority -10; policy accept;\n",
		hook, hook);
	for (enum side side = TARGETS; side < SIDES; side++)
		for (int ipv4 = 1; ipv4 >= 0; ipv4--)
			if (count(t, side, ipv4))
				zw_str_addf(out, "\t\t%s %s @%s%d counter drop\n",
					ipv4 ? "ip" : "ip6", in ? "saddr" : "daddr", names[side],
					ipv4 ? 4 : 6);
	zw_str_add(out, "\t}\n");
}

/* What a person has to decide on. */
static void add_left_out(struct zw_str *out, const struct zw_triage *t)
{
	ZW_VEC_FOREACH(a, &t->addresses) {
		char text[ZW_TRIAGE_ADDRESS_MAX];

		if ((!a->special && !a->familiar) || (!a->target && !a->source))
			continue;
		zw_triage_address_text(a->key, text);
		zw_str_addf(out, "# left out: %s, %s\n", text,
			a->special ? "of this host or of no single one" : "of familiar_networks");
	}
}

void zw_triage_nft(struct zw_str *out, const struct zw_triage *t)
{
	char since[ZW_TIME_ISO_MAX], until[ZW_TIME_ISO_MAX];

	zw_time_iso(t->in.since_ns, since);
	zw_time_iso(t->in.until_ns, until);
	zw_str_addf(out, "# addresses of what nobody answers for, %s to %s\n", since, until);
	zw_str_add(out,
		"# targets: records were pointed there; sources: who did it came from there\n"
		"# nft delete table inet zonewitness takes it back\n");
	add_left_out(out, t);
	if (!zw_triage_nft_count(t)) {
		zw_str_add(out, "# there is nothing to block\n");
		return;
	}
	/* Loaded anew it replaces what it was before, at once. */
	zw_str_add(out, "table inet zonewitness\ndelete table inet zonewitness\n"
			"table inet zonewitness {\n");
	for (enum side side = TARGETS; side < SIDES; side++) {
		add_set(out, t, side, true);
		add_set(out, t, side, false);
	}
	add_chain(out, t, true);
	add_chain(out, t, false);
	zw_str_add(out, "}\n");
}
