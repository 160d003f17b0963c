/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The history as the analyst's commands read it: events, zones, and the states of zones at any moment. Never writes,
 * neither the database nor anything beside it, so that a copy stays evidence; reads while the agent writes, on another
 * machine, on read-only media. What is damaged is an error (-EUCLEAN), wherever it is met. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"
#include "engine/report.h"
#include "zone/snapshot.h"

struct zw_reader;

/* On failure @error has one sentence that names the file and says what to do. -ENOENT; -EACCES; -EMEDIUMTYPE: a file of
 * somebody else, or another version of the format; -EUCLEAN: damaged; -EBUSY; -ENOMEM. */
int zw_reader_open(const char *path, struct zw_reader **ret_reader, struct zw_str *error);
void zw_reader_close(struct zw_reader *reader);
ZW_DEFINE_CLEANUP(struct zw_reader *, zw_reader_close);
#define _zw_reader_close_ _zw_cleanup_(zw_reader_closep)

/* Between the two all queries see the database at one moment. The agent's journal cannot shrink meanwhile: not while a
 * person reads a page. Queries outside of them see each its own moment. */
int zw_reader_begin(struct zw_reader *reader);
void zw_reader_end(struct zw_reader *reader);

/* What was known of the last failure besides its code: "database disk image is malformed". For messages. */
const char *zw_reader_error(const struct zw_reader *reader);
const char *zw_reader_path(const struct zw_reader *reader);

struct zw_reader_zone {
	int64_t id;
	char *server; /* "bind:/etc/bind/named.conf", "...:signed" for what signing made of it */
	char *view;   /* "_default", "" */
	char *zone;   /* presentation form with the final dot */
};

/* As ZW_VEC(). */
struct zw_reader_zones {
	struct zw_reader_zone *items;
	size_t len, cap;
};

void zw_reader_zone_done(struct zw_reader_zone *zone);
void zw_reader_zones_done(struct zw_reader_zones *zones);
#define _zw_reader_zone_ _zw_cleanup_(zw_reader_zone_done)
#define _zw_reader_zones_ _zw_cleanup_(zw_reader_zones_done)

/* Every zone of that name in presentation form (NULL: every zone), sorted by zone, server and view. */
int zw_reader_zones(struct zw_reader *reader, const char *name, struct zw_reader_zones *ret_zones);
/* -ENOENT. */
int zw_reader_zone(struct zw_reader *reader, int64_t id, struct zw_reader_zone *ret_zone);

struct zw_reader_ack {
	uint64_t time_ns;           /* CLOCK_REALTIME */
	char *by, *ticket, *reason; /* NULL: not given */
};

struct zw_reader_event {
	uint64_t seq;             /* order of storing */
	int64_t zone_id;          /* 0: of no zone */
	struct zw_report *report; /* its diff is the whole difference, NULL where there is none */
	char *json;               /* the event as it was delivered, without the newline */
	size_t json_len;
	struct zw_reader_ack *ack; /* oldest first */
	size_t acks;
};

void zw_reader_event_done(struct zw_reader_event *event);
#define _zw_reader_event_ _zw_cleanup_(zw_reader_event_done)

/* -ENOENT; -EUCLEAN. */
int zw_reader_event(struct zw_reader *reader, uint64_t seq, struct zw_reader_event *ret_event);

/* An event by the beginning of its ID, in either case and with I, L and O as Crockford's base 32 reads them. -EINVAL:
 * no ID could begin so; -ENOENT: none does; -ENOTUNIQ: more than one does. */
int zw_reader_find(struct zw_reader *reader, const char *prefix, uint64_t *ret_seq);

/* The last event that changed records of the zone. -ENOENT. */
int zw_reader_last_change(struct zw_reader *reader, int64_t zone_id, uint64_t *ret_seq);
/* -ENOENT. */
int zw_reader_id(struct zw_reader *reader, uint64_t seq, char ret_id[static ZW_ULID_LEN + 1]);

struct zw_reader_match {
	uint64_t seq, time_ns;
	char id[ZW_ULID_LEN + 1];
	char *zone; /* NULL: of no zone */
};

struct zw_reader_matches {
	struct zw_reader_match *items;
	size_t len, cap;
};

void zw_reader_matches_done(struct zw_reader_matches *matches);
#define _zw_reader_matches_ _zw_cleanup_(zw_reader_matches_done)

/* The first @max events whose IDs begin so, oldest first: what to say where zw_reader_find() has no answer. */
int zw_reader_matching(struct zw_reader *reader, const char *prefix, size_t max,
	struct zw_reader_matches *ret_matches);

enum zw_moment_kind {
	ZW_MOMENT_LAST = 0, /* the newest state there is */
	ZW_MOMENT_TIME,     /* as it was at .time_ns */
	ZW_MOMENT_AFTER,    /* with event .seq and all before it */
	ZW_MOMENT_BEFORE,   /* with all before event .seq */
	ZW_MOMENT_SERIAL,   /* the newest state of that .serial */
	_ZW_MOMENT_MAX,
};

struct zw_moment {
	enum zw_moment_kind kind;
	uint64_t time_ns;
	uint64_t seq;
	uint32_t serial;
};

struct zw_reader_state {
	struct zw_snapshot *snapshot; /* owned reference */
	uint64_t time_ns;             /* since when the zone was so, as far as the history knows */
	uint64_t seq;                 /* the last event in it, 0: none */
};

void zw_reader_state_done(struct zw_reader_state *state);
#define _zw_reader_state_ _zw_cleanup_(zw_reader_state_done)

/* The oldest state there is of the zone. -ENOENT; -EUCLEAN. */
int zw_reader_first_state(
	struct zw_reader *reader, int64_t zone_id, struct zw_reader_state *ret_state);

/* Rebuilt from the nearest complete state before the moment. -ENOENT: the history of the zone begins later, or never
 * had that serial; -ENODATA: at that time nothing was known of the zone; -EUCLEAN: what it would be rebuilt from is
 * damaged. */
int zw_reader_state(struct zw_reader *reader, int64_t zone_id, const struct zw_moment *moment,
	struct zw_reader_state *ret_state);
