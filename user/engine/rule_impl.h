/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engine/rule_*.c. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/hash.h"
#include "base/vec.h"
#include "dns/name.h"
#include "engine/rule_record.h"

/* --- memory ------------------------------------------------------------------------------------------- */

/* A name that something happened to. */
struct zw_rule_mark {
	uint64_t time_ns;
	bool all_below; /* and with it to all names below it */
	uint8_t name[ZW_NAME_MAX];
};

#define ZW_RULE_MARKS_MAX 64

struct zw_rule_marks {
	struct zw_rule_mark *item; /* NULL: none yet */
	size_t len, next;          /* the oldest is overwritten */
};

struct zw_rule_count {
	uint64_t key;
	uint64_t count;
};

#define ZW_RULE_COUNTS_MAX 32

/* Of one zone. */
struct zw_rule_zone {
	uint64_t used; /* when it was last wanted, in changes */
	bool learned;
	uint8_t prefix4, prefix6; /* with these */
	bool crowded;             /* more networks than are kept: none can be unfamiliar */
	uint64_t addresses;       /* in its records, when it was learned */
	uint64_t own_networks;    /* different ones, then */
	struct zw_map *
		network; /* of addresses (struct zw_net) and of names (wire) -> since, see zw_rule_since() */
	ZW_VEC(uint16_t) types; /* there have been records of */
	struct zw_rule_marks redirects, certificates;
	struct zw_rule_random {
		uint64_t time_ns, target;
	} * random; /* as many as the rule wants; a ring */
	size_t random_cap, random_next, random_len;
	struct zw_rule_count key[ZW_RULE_COUNTS_MAX], source[ZW_RULE_COUNTS_MAX];
	size_t keys, sources;
	uint64_t signed_updates;
};

/* A record set that changed. */
struct zw_rule_recent {
	uint64_t id;     /* 0: none */
	uint64_t origin; /* what it was before the first change of the window */
	uint64_t first_ns, last_ns;
	uint64_t changes;
};

#define ZW_RULE_ZONES_OF_ADDRESS 8

/* An address that was new to zones. */
struct zw_rule_address {
	uint64_t id; /* 0: none */
	uint64_t zone[ZW_RULE_ZONES_OF_ADDRESS], time_ns[ZW_RULE_ZONES_OF_ADDRESS];
	uint64_t last_ns;
};

/* What it is used to. */
void zw_rule_memory_unlearn(struct zw_rule_memory *memory, struct zw_rule_zone *zone);
/* NULL: no memory. */
struct zw_rule_zone *zw_rule_memory_zone(struct zw_rule_memory *memory, const char *id);
/* Never 0. */
uint64_t zw_rule_hash(
	const struct zw_rule_memory *memory, uint64_t seed, const void *data, size_t len);
/* The place of @id: what is there of it, else an empty one, for which the oldest of some others is forgotten. */
struct zw_rule_recent *zw_rule_memory_recent(struct zw_rule_memory *memory, uint64_t id);
struct zw_rule_address *zw_rule_memory_address(struct zw_rule_memory *memory, uint64_t id);
/* One network or domain more; false: it may not be kept. */
bool zw_rule_memory_take(struct zw_rule_memory *memory, struct zw_rule_zone *zone);
int zw_rule_mark(
	struct zw_rule_marks *marks, const uint8_t *name, bool all_below, uint64_t time_ns);
/* Counts @key up by one in a list where the least counted gives way; returns how often it was there before. */
uint64_t zw_rule_count_up(
	struct zw_rule_count list[static ZW_RULE_COUNTS_MAX], size_t *len, uint64_t key);

/* --- one change --------------------------------------------------------------------------------------- */

/* Findings of one rule with one @group are one finding. */
struct zw_rule_hit {
	const char *rule;
	uint64_t group; /* 0: none */
	char *subject, *sentence;
	uint64_t more;
};

/* Findings of one rule in one change; what comes after is counted. */
#define ZW_RULE_HITS_EACH 4
#define ZW_RULE_HITS_MAX 64

struct zw_rule_scene {
	const struct zw_rule_input *in;
	struct zw_rule_memory *memory;
	struct zw_rule_zone *zone;
	struct zw_report *report;
	const struct zw_diff *diff;
	uint64_t now_ns;          /* CLOCK_REALTIME: of the change */
	uint8_t prefix4, prefix6; /* of networks */
	uint64_t ttl_cuts, address_sets;
	/* What is remembered of one change is bounded: more would only push out what was there before. */
	size_t marks, flips;
	struct zw_rrset apex_before, apex_after; /* name servers of the zone; count 0: none */
	bool random_seen;
	struct zw_rule_hit hit[ZW_RULE_HITS_MAX];
	size_t hits;
	int failed; /* -ENOMEM: what was found is not all */
};

/* @group: a hash of what they have in common; 0: the rule's findings are told one by one. */
void zw_rule_found(struct zw_rule_scene *s, const char *rule, uint64_t group, const char *subject,
	const char *fmt, ...) _zw_printf_(5, 6);
/* Whether it is only counted, so that there is nothing to say; counts it then. A change may have millions of the same. */
bool zw_rule_found_again(struct zw_rule_scene *s, const char *rule, uint64_t group);
bool zw_rule_is_on(const struct zw_rule_scene *s, const char *rule);
uint64_t zw_rule_knob(const struct zw_rule_scene *s, const char *rule, const char *knob);
/* An administrator's, or the server's own: what it leads to is familiar from then on. */
bool zw_rule_is_entitled(const struct zw_rule_scene *s);

/* rule_target.c: where records lead to */

struct zw_rule_target {
	const uint8_t *name; /* not in the zone; NULL: it is an address */
	const uint8_t *
		via; /* the name in the zone that has the address; NULL: the record itself has it */
	struct zw_net address;
};

/* Types whose data is an address, or a name that is looked up for one. */
bool zw_rule_leads(uint16_t type);
/* The name in the data of those and of DNAME; NULL: there is none, or it is malformed. */
const uint8_t *zw_rule_target_name(uint16_t type, const uint8_t *rdata, size_t len);
/* Calls @fn with all that the data leads to in the zone as it is after. */
void zw_rule_targets(struct zw_rule_scene *s, const uint8_t *owner, uint16_t type,
	const uint8_t *rdata, size_t len,
	void (*fn)(struct zw_rule_scene *s, void *ctx, const struct zw_rule_target *target),
	void *ctx);
/* Whether there is data after that was not there before. */
bool zw_rule_gains(const struct zw_diff_entry *e);
/* Whether the name had records of its own before. */
bool zw_rule_existed(const struct zw_rule_scene *s, const uint8_t *owner);

/* rule_familiar.c */

/* These remember what they were asked about: it is familiar some time later. */
bool zw_rule_address_is_outside(struct zw_rule_scene *s, const struct zw_net *address);
bool zw_rule_name_is_outside(struct zw_rule_scene *s, const uint8_t *name);
/* What an address is grouped by: its network. */
void zw_rule_network_of(
	const struct zw_rule_scene *s, const struct zw_net *address, struct zw_net *ret_network);
bool zw_rule_type_is_new(struct zw_rule_scene *s, uint16_t type);
/* The address or name @subject was new at @time_ns. */
int zw_rule_recall_subject(struct zw_rule_scene *s, const char *subject, uint64_t time_ns);

/* The rules: each looks at one entry, or, those without, at the whole change after all entries. */
void zw_rule_redirect(struct zw_rule_scene *s, const struct zw_diff_entry *e);
void zw_rule_mail_and_login(struct zw_rule_scene *s, const struct zw_diff_entry *e);
void zw_rule_servers(struct zw_rule_scene *s, const struct zw_diff_entry *e);
void zw_rule_glue(struct zw_rule_scene *s, const struct zw_diff_entry *e);
void zw_rule_ttl(struct zw_rule_scene *s, const struct zw_diff_entry *e);
void zw_rule_flip(struct zw_rule_scene *s, const struct zw_diff_entry *e);
void zw_rule_types(struct zw_rule_scene *s, const struct zw_diff_entry *e);
void zw_rule_dnssec(struct zw_rule_scene *s, const struct zw_diff_entry *e);
void zw_rule_certificate(struct zw_rule_scene *s, const struct zw_diff_entry *e);
void zw_rule_feeds(struct zw_rule_scene *s, const struct zw_diff_entry *e);
void zw_rule_burst(struct zw_rule_scene *s);
void zw_rule_ttl_done(struct zw_rule_scene *s);
void zw_rule_serial(struct zw_rule_scene *s);
void zw_rule_mass(struct zw_rule_scene *s);
void zw_rule_actor(struct zw_rule_scene *s);

/* A redirect that was a finding: is there a certificate for it? */
void zw_rule_redirected(struct zw_rule_scene *s, const uint8_t *name, bool all_below);
/* Only remember. */
void zw_rule_redirected_recall(struct zw_rule_scene *s, const struct zw_diff_entry *e);
void zw_rule_flip_recall(struct zw_rule_scene *s, const struct zw_diff_entry *e);
void zw_rule_certificate_recall(struct zw_rule_scene *s, const struct zw_diff_entry *e);
void zw_rule_actor_recall(struct zw_rule_scene *s);
