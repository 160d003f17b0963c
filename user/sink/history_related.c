/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_related.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "sink/history_key.h"
#include "sink/history_read_impl.h"
#include "zone/changes.h"

#define NEAR_NS (3600 * ZW_NSEC_PER_SEC)
/* RRsets, and addresses in them, that are looked for: a zone that was transferred anew has all of its own. */
#define KEYS_MAX 16

static const char *const names[] = {
	[ZW_RELATED_BEFORE] = "before",
	[ZW_RELATED_AFTER] = "after",
	[ZW_RELATED_ACTOR] = "same_actor",
	[ZW_RELATED_SOURCE] = "same_source",
	[ZW_RELATED_ADDRESS] = "same_address",
	[ZW_RELATED_RECORD] = "same_record",
};

static_assert(ZW_ARRAY_SIZE(names) == _ZW_RELATED_MAX, "one name for every kind");

struct search {
	struct zw_reader *reader;
	const struct zw_reader_event *event;
	size_t max;
	struct zw_reader_seqs seqs;
	size_t keys;
};

const char *zw_related_to_string(enum zw_related v)
{
	return names[v];
}

void zw_reader_seqs_done(struct zw_reader_seqs *seqs)
{
	zw_vec_free(seqs);
}

/* Runs a statement with what is bound to it and takes the event numbers it gives. */
static int collect(struct search *s, sqlite3_stmt *stmt)
{
	int r;

	while ((r = zw_reader_step(s->reader, stmt)) > 0) {
		r = zw_vec_push(&s->seqs, (uint64_t)sqlite3_column_int64(stmt, 0));
		if (r < 0)
			return r;
	}
	return r;
}

/* Statements have the event in ?1 and how many are wanted in ?2. */
static int begin(struct search *s, const char *text, sqlite3_stmt **ret_stmt)
{
	int r = zw_reader_sql(s->reader, text, ret_stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(*ret_stmt, 1, (int64_t)s->event->seq);
	sqlite3_bind_int64(*ret_stmt, 2, (int64_t)s->max);
	return 0;
}

static int find_near(struct search *s, bool after)
{
	static const char before_text[] =
		"SELECT seq FROM event WHERE time_ns <= ?3 AND time_ns >= ?4"
		" AND (time_ns < ?3 OR seq < ?1) ORDER BY time_ns DESC, seq DESC LIMIT ?2";
	static const char after_text[] =
		"SELECT seq FROM event WHERE time_ns >= ?3 AND time_ns <= ?4"
		" AND (time_ns > ?3 OR seq > ?1) ORDER BY time_ns, seq LIMIT ?2";
	int64_t now = (int64_t)s->event->report->time_ns, hour = (int64_t)NEAR_NS;
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = begin(s, after ? after_text : before_text, &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 3, now);
	sqlite3_bind_int64(stmt, 4, after ? now + hour : now - hour);
	return collect(s, stmt);
}

/* The principal is the first of an event's actors. */
static int find_actor(struct search *s)
{
	static const char who[] = "SELECT user, tsig_key, uid, peer FROM actor"
				  " WHERE seq = ?1 AND n = 0 AND ?2 > 0";
	static const char *const texts[] = {
		"SELECT seq FROM actor WHERE user = ?3 AND n = 0 AND seq <> ?1"
		" ORDER BY seq DESC LIMIT ?2",
		"SELECT seq FROM actor WHERE tsig_key = ?3 AND n = 0 AND seq <> ?1"
		" ORDER BY seq DESC LIMIT ?2",
		"SELECT seq FROM actor WHERE uid = ?3 AND n = 0 AND seq <> ?1"
		" ORDER BY seq DESC LIMIT ?2",
		"SELECT seq FROM actor WHERE peer = ?3 AND n = 0 AND seq <> ?1"
		" ORDER BY seq DESC LIMIT ?2",
	};
	_zw_reader_reset_ sqlite3_stmt *principal = NULL, *stmt = NULL;
	int r;

	if (!s->event->report->has_principal)
		return 0;
	r = begin(s, who, &principal);
	if (r == 0)
		r = zw_reader_step(s->reader, principal);
	if (r <= 0)
		return r;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(texts); i++) {
		if (sqlite3_column_type(principal, (int)i) == SQLITE_NULL)
			continue;
		r = begin(s, texts[i], &stmt);
		if (r < 0)
			return r;
		sqlite3_bind_value(stmt, 3, sqlite3_column_value(principal, (int)i));
		return collect(s, stmt);
	}
	return 0;
}

static int find_key(struct search *s, const char *text, const void *key, size_t len)
{
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = begin(s, text, &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_blob(stmt, 3, key, (int)len, SQLITE_STATIC);
	return collect(s, stmt);
}

static int find_source(struct search *s)
{
	static const char *const texts[] = {
		"SELECT DISTINCT seq FROM actor WHERE peer = ?3 AND seq <> ?1"
		" ORDER BY seq DESC LIMIT ?2",
		"SELECT DISTINCT seq FROM actor WHERE origin = ?3 AND seq <> ?1"
		" ORDER BY seq DESC LIMIT ?2",
	};
	const struct zw_report *report = s->event->report;
	const struct zw_report_cause *cause = report->cause;
	uint8_t key[ZW_ADDRESS_KEY_LEN];
	const char *address;
	int r = 0;

	if (!report->has_principal || report->causes == 0)
		return 0;
	address = cause->actor ? cause->actor->origin_ip : cause->peer;
	if (!address || zw_address_key(address, key) < 0)
		return 0;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(texts) && r == 0; i++)
		r = find_key(s, texts[i], key, sizeof(key));
	return r;
}

static int find_address(void *ctx, const uint8_t key[static ZW_ADDRESS_KEY_LEN])
{
	static const char text[] =
		"SELECT DISTINCT seq FROM address WHERE address = ?3 AND seq <> ?1"
		" ORDER BY seq DESC LIMIT ?2";
	struct search *s = ctx;

	if (s->keys++ >= KEYS_MAX)
		return 0;
	return find_key(s, text, key, ZW_ADDRESS_KEY_LEN);
}

static int find_addresses_of(struct search *s, const struct zw_rrset *rrset)
{
	int r = 0;

	for (size_t i = 0; i < rrset->count && r == 0 && s->keys < KEYS_MAX; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(rrset, i, &len);

		r = zw_address_each(rrset->type, rdata, len, find_address, s);
	}
	return r;
}

/* What is new first: it is what an analyst does not know. */
static int find_addresses(struct search *s)
{
	const struct zw_diff *diff = s->event->report->diff;
	int r = 0;

	for (size_t i = 0; diff && i < diff->len && r == 0; i++)
		r = find_addresses_of(s, &diff->entries[i].after);
	for (size_t i = 0; diff && i < diff->len && r == 0; i++)
		r = find_addresses_of(s, &diff->entries[i].before);
	return r;
}

static int find_records(struct search *s)
{
	static const char text[] =
		"SELECT seq FROM rrset WHERE name = ?3 AND type = ?4 AND seq <> ?1 AND zone_id = ?5"
		" ORDER BY seq DESC LIMIT ?2";
	const struct zw_diff *diff = s->event->report->diff;

	for (size_t i = 0; diff && i < diff->len && s->keys < KEYS_MAX; i++) {
		_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
		_zw_str_ struct zw_str key = {};
		int r;

		if (zw_change_is_implied(diff, &diff->entries[i]))
			continue;
		s->keys++;
		r = zw_name_key(diff->entries[i].owner, &key);
		if (r == 0)
			r = begin(s, text, &stmt);
		if (r < 0)
			return r;
		sqlite3_bind_blob(stmt, 3, key.buf ? key.buf : "", (int)key.len, SQLITE_STATIC);
		sqlite3_bind_int(stmt, 4, diff->entries[i].type);
		sqlite3_bind_int64(stmt, 5, s->event->zone_id);
		r = collect(s, stmt);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_newest_first(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}

/* Several searches found their newest each: the newest of all, once each. */
static void keep_newest(struct search *s)
{
	size_t kept = 0;

	if (s->seqs.len > 0)
		qsort(s->seqs.items, s->seqs.len, sizeof(*s->seqs.items), compare_newest_first);
	for (size_t i = 0; i < s->seqs.len && kept < s->max; i++)
		if (kept == 0 || s->seqs.items[kept - 1] != s->seqs.items[i])
			s->seqs.items[kept++] = s->seqs.items[i];
	s->seqs.len = kept;
}

int zw_reader_related(struct zw_reader *reader, const struct zw_reader_event *event,
	enum zw_related kind, size_t max, struct zw_reader_seqs *ret_seqs)
{
	struct search s = {.reader = reader, .event = event, .max = max};
	int r = 0;

	switch (kind) {
	case ZW_RELATED_BEFORE:
	case ZW_RELATED_AFTER:
		r = find_near(&s, kind == ZW_RELATED_AFTER);
		break;
	case ZW_RELATED_ACTOR:
		r = find_actor(&s);
		break;
	case ZW_RELATED_SOURCE:
		r = find_source(&s);
		break;
	case ZW_RELATED_ADDRESS:
		r = find_addresses(&s);
		break;
	case ZW_RELATED_RECORD:
		r = find_records(&s);
		break;
	default:
		r = -EINVAL;
	}
	if (r < 0) {
		zw_reader_seqs_done(&s.seqs);
		return r;
	}
	if (kind != ZW_RELATED_BEFORE && kind != ZW_RELATED_AFTER)
		keep_newest(&s);
	*ret_seqs = s.seqs;
	return 0;
}
