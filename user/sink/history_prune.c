/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_prune.h"

#include <errno.h>
#include <inttypes.h>

#include "dns/name.h"
#include "sink/history_delta.h"
#include "sink/history_impl.h"
#include "sink/history_key.h"

/* So many rows of an index, or events, go in a step; a few milliseconds. */
#define ROWS_STEP 2000
/* Free pages given back to the file system in a step. */
#define VACUUM_PAGES 256

struct prune {
	struct zw_history *history;
	sqlite3_stmt *rrset, *address;
	int64_t seq;
	int side;
	unsigned int rows;
};

static int prepare(struct zw_history *history, const char *sql, sqlite3_stmt **ret_stmt)
{
	return zw_history_errno(sqlite3_prepare_v2(history->db, sql, -1, ret_stmt, NULL));
}

static int number_of(struct zw_history *history, const char *sql, int64_t arg, int64_t *ret_value)
{
	sqlite3_stmt *stmt = NULL;
	int code, r = prepare(history, sql, &stmt);

	if (r < 0)
		return r;
	sqlite3_bind_int64(stmt, 1, arg);
	code = sqlite3_step(stmt);
	r = code == SQLITE_DONE ? -ENOENT : zw_history_errno(code);
	if (r == 0)
		*ret_value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return r;
}

int zw_history_facts(struct zw_history *history, struct zw_history_facts *ret_facts)
{
	struct zw_history_facts facts = {};
	int64_t pages, free_pages, page_bytes, oldest = 0;
	int r = number_of(history, "PRAGMA page_count", 0, &pages);

	if (r == 0)
		r = number_of(history, "PRAGMA freelist_count", 0, &free_pages);
	if (r == 0)
		r = number_of(history, "PRAGMA page_size", 0, &page_bytes);
	if (r == 0)
		r = number_of(
			history, "SELECT time_ns FROM event ORDER BY seq LIMIT 1", 0, &oldest);
	if (r < 0 && r != -ENOENT)
		return r;
	facts.bytes = (uint64_t)((pages - free_pages) * page_bytes);
	facts.oldest_ns = (uint64_t)oldest;
	*ret_facts = facts;
	return 0;
}

static int run(sqlite3_stmt *stmt)
{
	int code = sqlite3_step(stmt);

	sqlite3_reset(stmt);
	return zw_history_errno(code);
}

static int drop_address(void *ctx, const uint8_t key[static 16])
{
	struct prune *p = ctx;

	sqlite3_bind_blob(p->address, 1, key, ZW_ADDRESS_KEY_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(p->address, 2, p->seq);
	sqlite3_bind_int(p->address, 3, p->side);
	return run(p->address);
}

static int drop_side(struct prune *p, uint16_t type, const struct zw_delta_side *side)
{
	struct zw_bytes in = {side->records, side->len, false};
	struct zw_delta_record record;
	int r = 0;

	while (r == 0 && zw_delta_record(side, &in, &record))
		r = zw_address_each(type, record.rdata, record.len, drop_address, p);
	return r;
}

static int drop_rrset(struct prune *p, const struct zw_delta_rrset *rrset)
{
	_zw_str_ struct zw_str key = {};
	int r = zw_name_key(rrset->owner, &key);

	if (r < 0)
		return r;
	sqlite3_bind_blob(p->rrset, 1, key.buf ? key.buf : "", (int)key.len, SQLITE_STATIC);
	sqlite3_bind_int(p->rrset, 2, rrset->type);
	sqlite3_bind_int64(p->rrset, 3, p->seq);
	r = run(p->rrset);
	p->side = 0;
	if (r == 0)
		r = drop_side(p, rrset->type, &rrset->before);
	p->side = 1;
	if (r == 0)
		r = drop_side(p, rrset->type, &rrset->after);
	return r;
}

/* The rows that lead to an event. 1: there are more of them, for the next step. */
static int drop_rrsets(struct prune *p, const char *zone, const void *delta, size_t len)
{
	struct zw_history_cursor *cursor = &p->history->pruned;
	_zw_delta_ struct zw_delta_reader reader = {};
	struct zw_delta_rrset rrset;
	uint8_t origin[ZW_NAME_MAX];
	uint64_t n = 0, skip = cursor->seq == p->seq ? cursor->rrsets : 0;
	int r;

	if (zw_name_from_text(zone, origin, NULL) < 0)
		return 0;
	zw_name_lower(origin, zw_name_len(origin));
	r = zw_delta_begin(&reader, origin, delta, len);
	while (r == 0 && (r = zw_delta_next(&reader, &rrset)) > 0) {
		r = 0;
		if (n++ < skip)
			continue;
		if (p->rows >= ROWS_STEP) {
			*cursor = (struct zw_history_cursor){p->seq, n - 1};
			return 1;
		}
		r = drop_rrset(p, &rrset);
		p->rows++;
	}
	/* Damaged: what it led to is not known, and finds no event. */
	return r == -EBADMSG || r == -EFBIG ? 0 : r;
}

/* What a state is made of stays: it moves from the event to the patch. */
static int drop_event(struct prune *p)
{
	static const char *const texts[] = {
		"UPDATE patch SET blob = (SELECT delta FROM event WHERE event.seq = patch.seq),"
		" seq = NULL WHERE seq = ?1",
		"UPDATE base SET seq = NULL WHERE seq = ?1",
		"DELETE FROM actor WHERE seq = ?1",
		"DELETE FROM finding WHERE seq = ?1",
		"DELETE FROM ack WHERE seq = ?1",
		"DELETE FROM event WHERE seq = ?1",
	};
	int r = 0;

	for (size_t i = 0; i < ZW_ARRAY_SIZE(texts) && r == 0; i++) {
		sqlite3_stmt *stmt = NULL;

		r = prepare(p->history, texts[i], &stmt);
		if (r == 0) {
			sqlite3_bind_int64(stmt, 1, p->seq);
			r = run(stmt);
		}
		sqlite3_finalize(stmt);
	}
	return r;
}

/* Events of one step, the oldest first; @all: whatever their age. 1: something was dropped. */
static int drop_events(struct prune *p, uint64_t before_ns, bool all)
{
	sqlite3_stmt *stmt = NULL;
	unsigned int dropped = 0;
	int code = SQLITE_DONE, r;

	r = prepare(p->history,
		"SELECT e.seq, e.time_ns, z.zone, e.delta FROM event e"
		" LEFT JOIN zone z ON z.id = e.zone_id"
		" WHERE e.seq < (SELECT max(seq) FROM event) ORDER BY e.seq LIMIT 100",
		&stmt);
	while (r == 0 && p->rows < ROWS_STEP && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *zone = (const char *)sqlite3_column_text(stmt, 2);
		const void *delta = sqlite3_column_blob(stmt, 3);

		if (!all && (uint64_t)sqlite3_column_int64(stmt, 1) >= before_ns)
			break;
		p->seq = sqlite3_column_int64(stmt, 0);
		if (zone && delta)
			r = drop_rrsets(p, zone, delta, (size_t)sqlite3_column_bytes(stmt, 3));
		dropped++;
		if (r == 0)
			r = drop_event(p);
		if (r > 0)
			break;
	}
	sqlite3_finalize(stmt);
	if (r < 0)
		return r;
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return zw_history_errno(code);
	return dropped > 0;
}

/* States that end before the moment: a base, and its patches, whose follower is as old. */
static int drop_states(struct zw_history *history, uint64_t before_ns)
{
	int64_t base;
	int r = number_of(history,
		"SELECT b.id FROM base b WHERE b.id < (SELECT max(n.id) FROM base n"
		" WHERE n.zone_id = b.zone_id AND n.time_ns <= ?1) LIMIT 1",
		(int64_t)before_ns, &base);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = zw_history_execf(history,
		"DELETE FROM patch WHERE id IN (SELECT id FROM patch WHERE base_id = %" PRId64
		" LIMIT %d)",
		base, ROWS_STEP);
	if (r == 0 && sqlite3_changes(history->db) == 0)
		r = zw_history_execf(history, "DELETE FROM base WHERE id = %" PRId64, base);
	return r < 0 ? r : 1;
}

/* Minutes of one step, the oldest first; @all: whatever their age. 1: something was dropped. */
static int drop_minutes(struct zw_history *history, uint64_t before_ns, bool all)
{
	int64_t last;
	int r = number_of(history,
		"SELECT max(id) FROM (SELECT id FROM minute WHERE time_ns < ?1"
		" ORDER BY time_ns LIMIT 50) HAVING count(*) > 0",
		all ? INT64_MAX : (int64_t)before_ns, &last);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	/* By number: where the clock was set back, a few that are younger go along. */
	r = zw_history_execf(history,
		"DELETE FROM traffic WHERE minute <= %" PRId64 ";"
		"DELETE FROM minute WHERE id <= %" PRId64,
		last, last);
	return r < 0 ? r : 1;
}

static int drop_baselines(struct zw_history *history, uint64_t before_ns)
{
	return before_ns ? zw_history_execf(history,
				   "DELETE FROM baseline WHERE time_ns < %" PRIu64, before_ns)
			 : 0;
}

/* Words that nobody has any more. */
static int drop_texts(struct zw_history *history)
{
	if (!history->texts_stale)
		return 0;
	history->texts_stale = false;
	return zw_history_exec(history,
		"DELETE FROM text WHERE NOT EXISTS (SELECT 1 FROM actor WHERE user = text.id)"
		" AND NOT EXISTS (SELECT 1 FROM actor WHERE login = text.id)"
		" AND NOT EXISTS (SELECT 1 FROM actor WHERE exe = text.id)"
		" AND NOT EXISTS (SELECT 1 FROM actor WHERE tsig_key = text.id)");
}

static int step(struct prune *p, const struct zw_history_limits *limits)
{
	struct zw_history_facts facts;
	uint64_t moment_ns = limits->before_ns;
	bool too_large;
	int r = zw_history_facts(p->history, &facts);

	if (r < 0)
		return r;
	too_large = limits->max_bytes && facts.bytes > limits->max_bytes;
	r = drop_baselines(p->history, limits->traffic_before_ns);
	if (r == 0 && (too_large || limits->traffic_before_ns))
		r = drop_minutes(p->history, limits->traffic_before_ns, too_large);
	if (r != 0)
		return r;
	if (too_large || facts.oldest_ns < limits->before_ns)
		r = drop_events(p, limits->before_ns, too_large);
	p->history->texts_stale |= r > 0;
	/* Of states from before the oldest event nothing is told. */
	if (too_large && facts.oldest_ns > moment_ns)
		moment_ns = facts.oldest_ns;
	if (r == 0 && moment_ns)
		r = drop_states(p->history, moment_ns);
	return r == 0 ? drop_texts(p->history) : r;
}

static int run_step(struct zw_history *history, const struct zw_history_limits *limits)
{
	struct prune p = {.history = history};
	int r = prepare(
		history, "DELETE FROM rrset WHERE name = ?1 AND type = ?2 AND seq = ?3", &p.rrset);

	if (r == 0)
		r = prepare(history,
			"DELETE FROM address WHERE address = ?1 AND seq = ?2 AND side = ?3",
			&p.address);
	if (r == 0)
		r = step(&p, limits);
	sqlite3_finalize(p.rrset);
	sqlite3_finalize(p.address);
	return r;
}

int zw_history_prune(struct zw_history *history, const struct zw_history_limits *limits)
{
	int more, r = zw_history_begin(history);

	if (r < 0)
		return r;
	more = run_step(history, limits);
	if (more < 0) {
		zw_history_rollback(history);
		return more;
	}
	r = zw_history_commit(history);
	if (r == 0)
		r = zw_history_execf(history, "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
	return r < 0 ? r : more;
}
