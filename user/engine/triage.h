/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The questions of an incident, answered from what is known of a period: facts in, answers out.
 *
 * The questions and the rule for escalation are those of the incident card for MITRE ATT&CK T1584.002 (Compromise
 * Infrastructure: DNS Server). An answer is "no" only where everything that could have shown the contrary was watched
 * all the time; "unknown" has the gaps that make it so. What a person has acknowledged, and what was allowed or
 * announced beforehand, speaks for nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/baseline.h"
#include "engine/policy.h"
#include "engine/report.h"
#include "engine/traffic.h"

enum zw_triage_question {
	ZW_TRIAGE_ALTERED = 0, /* are there unauthorized alterations? */
	ZW_TRIAGE_TRAFFIC, /* is there an unusual spike in queries or traffic to specific domains? */
	ZW_TRIAGE_DIVERTED, /* do new records or subdomains point to external, unknown addresses? */
	ZW_TRIAGE_LISTED,   /* are domains or addresses flagged by security feeds? */
	_ZW_TRIAGE_QUESTION_MAX,
};

enum zw_triage_answer {
	ZW_TRIAGE_NO = 0,
	ZW_TRIAGE_YES,
	ZW_TRIAGE_UNKNOWN,
	_ZW_TRIAGE_ANSWER_MAX,
};

/* Why an answer cannot be "no". */
enum zw_triage_gap_kind {
	ZW_TRIAGE_NOT_BEGUN = 0, /* the history begins later */
	ZW_TRIAGE_STOPPED,       /* the agent was stopped */
	ZW_TRIAGE_KILLED,        /* the agent ended without a word */
	ZW_TRIAGE_LOST,          /* events were lost */
	ZW_TRIAGE_UNREADABLE,    /* a zone could not be read */
	ZW_TRIAGE_NO_POLICY,     /* changes that nobody is configured to judge */
	ZW_TRIAGE_NO_FEEDS,      /* no feeds are configured */
	ZW_TRIAGE_NO_TRAFFIC,    /* queries were not watched */
	ZW_TRIAGE_NO_MINUTES,    /* minutes of traffic are not stored */
	ZW_TRIAGE_NO_BASELINE,   /* many queries, and what is usual is not known for long enough */
	_ZW_TRIAGE_GAP_MAX,
};

struct zw_triage_gap {
	enum zw_triage_gap_kind kind;
	uint64_t from_ns, to_ns; /* CLOCK_REALTIME; the same where it is a moment */
	unsigned int questions;  /* bits: those it leaves open */
	uint64_t events;         /* changes it is about; 0: it is about the time */
	char *detail;            /* counters, the zone and why; unescaped; NULL: none */
};

/* What a change of records did that an attacker would. */
enum zw_triage_deed {
	ZW_TRIAGE_REDIRECT =
		1 << 0, /* what was there leads elsewhere: addresses, aliases, services */
	ZW_TRIAGE_SUBDOMAIN = 1 << 1,  /* a name came that leads somewhere */
	ZW_TRIAGE_DELEGATION = 1 << 2, /* name servers, DS */
	ZW_TRIAGE_MAIL = 1 << 3,       /* MX */
	ZW_TRIAGE_DNSSEC = 1 << 4,     /* DNSKEY, CDS or DS went */
};
#define ZW_TRIAGE_DEEDS 5

struct zw_triage_event {
	char id[ZW_ULID_LEN + 1];
	uint64_t seq, time_ns;
	enum zw_action action;
	enum zw_verdict verdict;
	enum zw_channel channel;
	int64_t zone_id;
	char *zone;     /* NULL: of no zone */
	char *message;  /* one sentence, printable */
	char **finding; /* "RULE: what it found", unescaped */
	size_t findings;
	unsigned int deeds;     /* enum zw_triage_deed */
	unsigned int questions; /* bits: to which it says yes, whoever answers for it */
	bool confirmed;         /* somebody answers for it: it counts for nothing */
	bool escalates, listed; /* listed: a feed confirms it */
	size_t who;             /* in zw_triage.who; SIZE_MAX: nobody known */
};

/* Whoever had a part in what nobody answers for: whom staff can ask about, and what access there may still be. */
struct zw_triage_who {
	char *user;     /* login user, or that before sudo and the like; NULL: none */
	int64_t uid;    /* -1: none */
	char *tsig_key; /* NULL: none */
	char *peer;     /* of the request, or where the session came from; NULL: none */
	char *tool;     /* name of the executable; NULL: none */
	uint64_t events;
	uint64_t first_ns, last_ns;
};

/* An address that has a part in it. */
struct zw_triage_address {
	uint8_t key[16]; /* IPv4 mapped, RFC 4291 section 2.5.5.2 */
	bool target;     /* records were pointed to it */
	bool source;     /* a request or a session came from it, or queries that a rule found */
	bool known;      /* was in the data before anything that counts */
	bool familiar, special; /* of one's own networks; loopback, multicast and the like */
	bool listed;            /* in a feed */
	char *name;             /* that first pointed there; NULL: none */
	uint64_t events;
};

struct zw_triage_result {
	enum zw_triage_answer answer;
	uint64_t yes;       /* events that say yes and nobody answers for */
	uint64_t confirmed; /* that would, but somebody does */
};

/* From when on a minute is a spike: knobs of the rules traffic-spike and domain-spike. */
struct zw_triage_limits {
	bool enabled;
	uint64_t queries, percent, deviations, warm_up_ns;
};

/* Minutes with far more queries than usual, by the stored minutes. */
struct zw_triage_spike {
	uint64_t from_ns, to_ns; /* beginnings of the first and the last */
	uint64_t peak_ns;        /* of the one with the most, which has */
	uint64_t queries;
	uint64_t minutes;               /* that were beyond what is usual */
	struct zw_baseline_usual usual; /* when it began */
	char *zone;                     /* NULL: all queries together */
	bool confirmed;                 /* the finding about it was acknowledged */
};

/* The minute with the most queries. */
struct zw_triage_peak {
	uint64_t time_ns, queries; /* time_ns 0: there is none */
	bool known;                /* what is usual is */
	struct zw_baseline_usual usual;
};

struct zw_triage_hole {
	uint64_t from_ns, to_ns;
};

struct zw_triage_input {
	uint64_t since_ns, until_ns;  /* the period, CLOCK_REALTIME */
	const struct zw_net *network; /* one's own; borrowed */
	size_t networks;
	bool running; /* the agent that writes the history runs now, and @until_ns is not before now */
	bool one_zone; /* it is about one zone: not about all queries together */
	struct zw_triage_limits spike, zone_spike;
};

struct zw_triage {
	struct zw_triage_input in;
	ZW_VEC(struct zw_triage_event) events; /* that count or would, in the order of storing */
	ZW_VEC(struct zw_triage_gap) gaps;     /* in the order of time */
	ZW_VEC(struct zw_triage_who) who;
	ZW_VEC(struct zw_triage_address) addresses;
	ZW_VEC(char *) reasons; /* for the decision; printable */
	struct zw_triage_result result[_ZW_TRIAGE_QUESTION_MAX];
	uint64_t changes, authorized, automatic,
		acknowledged; /* changes of records in the period */
	uint64_t unjudged;
	bool escalate;
	uint64_t escalations; /* events that escalate */
	uint64_t unkept;      /* events that were too many to be kept */
	uint64_t confirmed_kept;
	bool wants_targets;         /* of the event added last */
	struct zw_map *address_map; /* key -> where it is, from 1 on */
	/* How the agent was, as far as the events have told; see triage_coverage.c. */
	struct {
		bool known, up;
		uint64_t since_ns, last_ns;
		uint64_t lacks[_ZW_TRIAGE_GAP_MAX]; /* since when; 0: it does not lack it */
		uint64_t first_unjudged_ns, last_unjudged_ns;
	} agent;
	/* What the minutes say; see triage_traffic.c. */
	struct {
		struct zw_map *zones; /* those that are looked at, by name */
		struct zw_baselines *baselines;
		uint64_t minutes; /* of the period */
		struct zw_triage_peak peak;
		ZW_VEC(struct zw_triage_spike) spikes; /* in the order of time */
		uint64_t told,
			unkept; /* spikes that nobody answers for; that were too many to be kept */
		ZW_VEC(struct zw_triage_hole) holes;
		uint64_t seen_ns; /* end of the minute before */
		uint64_t unknown_from_ns, unknown_to_ns, unknown_queries;
		char *unknown_zone;
	} traffic;
};

int zw_triage_new(const struct zw_triage_input *in, struct zw_triage **ret_triage);
void zw_triage_free(struct zw_triage *t);
ZW_DEFINE_CLEANUP(struct zw_triage *, zw_triage_free);
#define _zw_triage_ _zw_cleanup_(zw_triage_freep)

/* One event, in the order of storing. Of what was before the period only agent-ready, agent-stopped and config-change
 * are looked at: they say how the agent was when it began. 0 or -ENOMEM. */
struct zw_triage_fact {
	const struct zw_report *report;
	uint64_t seq;
	int64_t zone_id;
	bool acknowledged;
};
int zw_triage_add(struct zw_triage *t, const struct zw_triage_fact *fact);

/* The same for an authorized or automatic change without findings, which needs no more than to be counted. */
void zw_triage_count(struct zw_triage *t, uint64_t time_ns, enum zw_verdict verdict);

/* Whether the two below are to be called for the event added last. */
bool zw_triage_wants_targets(const struct zw_triage *t);
/* First each address that was in the data before: putting it there again is no redirect. 0 or -ENOMEM. */
int zw_triage_add_known(struct zw_triage *t, const uint8_t key[static 16]);
/* Then each that the event brought, at that name. 0 or -ENOMEM. */
int zw_triage_add_target(struct zw_triage *t, const uint8_t key[static 16], const char *name);

/* Before the minutes: a zone whose queries are compared with what is usual. 0 or -ENOMEM. */
int zw_triage_watch_zone(struct zw_triage *t, const char *zone);
/* Days of minutes before the period from which it is learned what is usual. */
#define ZW_TRIAGE_LEARN_DAYS 8
/* A stored minute with its rows by zone, in the order of time, from ZW_TRIAGE_LEARN_DAYS before the period on. 0 or -ENOMEM. */
int zw_triage_add_minute(struct zw_triage *t, const struct zw_traffic_minute *minute);
/* There are no more: those that are missing before the end of the period leave the question open. */
int zw_triage_end_minutes(struct zw_triage *t);

/* Draws the conclusions, once, after all events and minutes. 0 or -ENOMEM. */
int zw_triage_conclude(struct zw_triage *t);

/* What a difference did, enum zw_triage_deed. */
unsigned int zw_triage_deeds(const struct zw_diff *diff);
/* The questions to which a finding of that rule says yes; 0: to none. */
unsigned int zw_triage_rule_questions(const char *rule);
/* The address as it is commonly written. */
#define ZW_TRIAGE_ADDRESS_MAX 48
void zw_triage_address_text(
	const uint8_t key[static 16], char ret_text[static ZW_TRIAGE_ADDRESS_MAX]);
bool zw_triage_is_ipv4(const uint8_t key[static 16]);

const char *zw_triage_question_to_string(enum zw_triage_question q); /* "altered" */
const char *zw_triage_answer_to_string(enum zw_triage_answer a);     /* "unknown" */
const char *zw_triage_gap_to_string(enum zw_triage_gap_kind k);      /* "agent-stopped" */
const char *zw_triage_deed_to_string(unsigned int bit); /* of bit number 0..: "redirect" */

/* --- triage_coverage.c -------------------------------------------------------------------------------- */

/* Counts in agent-ready and config-change that say what the agent had to go by. */
#define ZW_TRIAGE_COUNT_ADMINS "admins"
#define ZW_TRIAGE_COUNT_FEEDS "feeds"
#define ZW_TRIAGE_COUNT_TRAFFIC "traffic"

int zw_triage_cover(struct zw_triage *t, const struct zw_report *report);
/* At the end, when all events are known. */
int zw_triage_cover_end(struct zw_triage *t);

/* --- triage_plan.c: what can be put back, and in which order ------------------------------------------- */

enum zw_triage_undo {
	ZW_TRIAGE_REVERT = 0, /* by `revert`, after those before it in the list */
	ZW_TRIAGE_UNDONE,     /* the records are as before it already */
	ZW_TRIAGE_NOTHING,    /* a serial alone, or what a signer makes */
	ZW_TRIAGE_BY_HAND,    /* `revert` refuses, see why */
	_ZW_TRIAGE_UNDO_MAX,
};
const char *zw_triage_undo_to_string(enum zw_triage_undo undo); /* "by-hand" */

struct zw_triage_change {
	const struct zw_diff *diff; /* whole */
	enum zw_channel channel;
	enum zw_triage_undo undo; /* result */
	struct zw_str why;        /* result; empty unless by hand */
};

/* Tries on @present, the state of the zone now, what it takes to put @n changes of it back, the last one first; @change
 * is in the order in which they were made. 0 or -ENOMEM. */
int zw_triage_plan(struct zw_snapshot *present, struct zw_triage_change *change, size_t n);

/* Calls @found for each address record of the zone whose address is among those of @t that records were pointed to. 0,
 * or what @found returned that is not 0. */
int zw_triage_find_targets(const struct zw_triage *t, const struct zw_snapshot *zone,
	int (*found)(void *ctx, const struct zw_triage_address *address, const uint8_t *owner),
	void *ctx);
/* Whether the zone has keys and signatures. */
bool zw_triage_is_signed(const struct zw_snapshot *zone);
