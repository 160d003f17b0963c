/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engine/traffic_watch*.c. */
#pragma once

#include "base/vec.h"
#include "engine/traffic_watch.h"

enum watched_class {
	WATCHED_ADDRESS = 0,
	WATCHED_NET,
	WATCHED_ZONE,
	_WATCHED_CLASS_MAX,
};

/* Rules that one of them can have findings of, at the same time. */
enum watched_rule {
	RULE_RATE_LIMIT = 0,
	RULE_RATE_SOURCE,
	RULE_NXDOMAIN,
	RULE_REFUSED,
	RULE_FLOOD,
	RULE_TUNNEL,
	RULE_DOMAIN_SPIKE,
	RULE_TRAFFIC_SPIKE,
	_WATCHED_RULE_MAX,
};

/* A window begins with what comes after the end of the last one. */
struct window {
	uint64_t from_ns;
	struct zw_counts counts;
};

/* Of a zone. */
struct watched_names {
	struct window flood, tunnel;
	uint8_t names[ZW_QUERY_ZONE_REGISTERS];      /* distinct ones of the flood window */
	uint8_t long_names[ZW_QUERY_ZONE_REGISTERS]; /* with a long label, of the tunnel window */
	struct zw_counts long_counts;
	uint8_t longest;
	bool served;
};

struct watched {
	enum watched_class class;
	struct window burst;             /* rate-limit */
	struct window nxdomain, refused; /* windows of their own, since their lengths may differ */
	struct watched_names *names;     /* NULL but for zones */
	uint64_t minute;                 /* queries in the running minute of the wall clock */
	uint64_t peak;                   /* most queries in one second of it */
	uint64_t last_ns;                /* when it was last seen */
	double limit;                    /* of that minute; 0: not looked up yet */
	struct zw_baseline_usual usual;  /* that is behind it */
	struct zw_alarm *alarm[_WATCHED_RULE_MAX];
	size_t len;
	uint8_t key[];
};

struct spike_knobs {
	uint64_t queries, percent, deviations, warm_up;
};

struct failure_knobs {
	uint64_t answers, window, percent;
};

/* What the configuration says, looked up once. */
struct watch_knobs {
	bool enabled[_WATCHED_RULE_MAX];
	bool feed_query, feed_source;
	uint64_t limit_qps, limit_window;
	struct spike_knobs spike[_WATCHED_RULE_MAX];
	struct failure_knobs nxdomain, refused;
	uint64_t flood_window, flood_children, flood_qps, flood_failed, flood_per_child;
	uint64_t tunnel_window, tunnel_label, tunnel_names, tunnel_failed, tunnel_bytes;
};

/* A new name of a zone that the kernel told of. */
struct sighting {
	uint64_t zone; /* zw_query_hash() */
	uint64_t time_ns;
	struct zw_traffic_source source; /* who asked */
	uint8_t longest;                 /* octets of its longest label */
};

/* A minute's worth of what the kernel tells of, with its own limits. */
#define SIGHTINGS_MAX 4096

/* Who was seen to ask for a name, first, and not longer ago than ASKER_NS. */
struct name_asker {
	uint64_t name; /* zw_query_hash(); 0: none */
	uint64_t time_ns;
	struct zw_traffic_source first;
	bool others; /* asked as well */
};

/* What is counted of a name comes two seconds after it at most. */
#define ASKER_NS (10 * ZW_NSEC_PER_SEC)
/* Some seconds' worth of what the kernel tells of; a name has one place, and the next name there takes it. */
#define ASKERS_MAX 4096

struct zw_watch {
	struct zw_watch_options options;
	struct watch_knobs knobs;
	struct zw_alarms *alarms;
	struct zw_map *watched[_WATCHED_CLASS_MAX];
	struct watched *host; /* all together; in no map */
	/* Of the zones of the reading that is looked at, in its order. */
	ZW_VEC(struct watched *) zones;
	ZW_VEC(struct zw_counts) frequent;
	struct sighting sighting[SIGHTINGS_MAX];
	size_t sightings; /* ever; the next overwrites the oldest */
	struct name_asker asker[ASKERS_MAX];
	uint64_t now_ns, real_ns;
};

/* --- traffic_watch_who.c ------------------------------------------------------------------------------- */

struct zw_watch_askers {
	char text[512]; /* "; of 90 of them that were looked at, ..."; empty: none was */
	char source[ZW_TRAFFIC_KEY_MAX]; /* who sent more than half of them; empty: nobody did */
};

/* Who asked for names of @zone with a label of @label octets at least, since then. */
void zw_watch_who(const struct zw_watch *w, uint64_t zone, uint64_t label, uint64_t since_ns,
	struct zw_watch_askers *ret_askers);
/* Who asked for that name lately; NULL: nobody was seen to. */
const struct name_asker *zw_watch_asker_of(const struct zw_watch *w, uint64_t name);

/* --- traffic_watch_rules.c ---------------------------------------------------------------------------- */

const char *zw_watched_rule_id(enum watched_rule rule);
void zw_watch_knobs(const struct zw_rules_conf *rules, struct watch_knobs *ret_knobs);
/* Each with what came of it in this second. */
void zw_watch_address(struct zw_watch *w, struct watched *e, const struct zw_counts *more);
void zw_watch_net(struct zw_watch *w, struct watched *e, const struct zw_counts *more);
/* @frequent: what of it was for names that were asked for more often in this second than a flood asks for one. */
void zw_watch_zone(struct zw_watch *w, struct watched *e, const struct zw_query_zone *row,
	const struct zw_counts *frequent);
void zw_watch_long_name(struct zw_watch *w, struct watched *zone, const struct zw_query_name *row);
void zw_watch_host(struct zw_watch *w, const struct zw_counts *more);
void zw_watch_feeds(
	struct zw_watch *w, const struct zw_query_book *reading, const struct zw_feeds *feeds);
/* What a baseline is called by: the key as text. */
void zw_watched_text(const struct watched *e, char ret_text[static ZW_TRAFFIC_KEY_MAX]);
