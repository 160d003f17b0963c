/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether one event matches every condition of a filter. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "sink/history_delta.h"
#include "sink/history_impl.h"
#include "sink/history_key.h"
#include "sink/history_query_impl.h"
#include "sink/history_read_impl.h"

/* IPv4 addresses in the keys (RFC 4291 section 2.5.5.2). */
static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/* Prepares *@stmt where it is not yet, and binds @seq. */
static int begin(struct zw_log_query *query, const char *sql, int64_t seq, sqlite3_stmt **stmt)
{
	int r = *stmt ? 0 : zw_log_prepare(query, sql, stmt);

	if (r < 0)
		return r;
	sqlite3_reset(*stmt);
	sqlite3_bind_int64(*stmt, 1, seq);
	return 0;
}

/* --- columns ------------------------------------------------------------------------------------- */

static bool in_mask(uint32_t mask, unsigned int value)
{
	return mask == 0 || (mask & 1U << value);
}

static const char *text_at(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	return text ? text : "";
}

/* What has no channel, attribution or verdict matches no condition about it. */
static bool take_words(sqlite3_stmt *stmt, const struct zw_log_filter *f, struct zw_log_row *row)
{
	bool channel = zw_channel_from_string(text_at(stmt, 2), &row->channel) == 0;
	bool attribution = zw_attribution_from_string(text_at(stmt, 3), &row->attribution) == 0;
	bool verdict = zw_verdict_from_string(text_at(stmt, 4), &row->verdict) == 0;
	bool action = zw_action_from_string(text_at(stmt, 1), &row->action) == 0;

	return (!f->channels || (channel && in_mask(f->channels, row->channel))) &&
	       (!f->attributions || (attribution && in_mask(f->attributions, row->attribution))) &&
	       (!f->verdicts || (verdict && in_mask(f->verdicts, row->verdict))) && action &&
	       in_mask(f->actions, row->action);
}

static bool take_columns(struct zw_log_query *query, int64_t seq, struct zw_log_row *row)
{
	const struct zw_log_filter *f = &query->filter;
	sqlite3_stmt *stmt = query->event;

	*row = (struct zw_log_row){.seq = (uint64_t)seq};
	row->time_ns = (uint64_t)sqlite3_column_int64(stmt, 0);
	if (row->time_ns < f->since_ns || (f->until_ns && row->time_ns >= f->until_ns))
		return false;
	if (!take_words(stmt, f, row))
		return false;
	row->zone_id = sqlite3_column_int64(stmt, 5);
	if ((f->zone || f->view || f->server) && !zw_log_has_ids(&query->zone, row->zone_id))
		return false;
	row->acknowledged = sqlite3_column_int(stmt, 6) != 0;
	return !f->unacknowledged || !row->acknowledged;
}

/* --- who ----------------------------------------------------------------------------------------- */

static bool asks_who(const struct zw_log_filter *f)
{
	return f->user || f->login || f->exe || f->tsig_key || f->uid >= 0 || f->login_uid >= 0 ||
	       f->pid >= 0 || f->peer;
}

static bool is_id(sqlite3_stmt *stmt, int column, const void *wanted, const struct zw_log_ids *ids)
{
	return !wanted || (sqlite3_column_type(stmt, column) != SQLITE_NULL &&
				  zw_log_has_ids(ids, sqlite3_column_int64(stmt, column)));
}

static bool is_number(sqlite3_stmt *stmt, int column, int64_t wanted)
{
	return wanted < 0 || (sqlite3_column_type(stmt, column) != SQLITE_NULL &&
				     sqlite3_column_int64(stmt, column) == wanted);
}

static bool in_range(const void *address, size_t len, const struct zw_log_range *range)
{
	return address && len == sizeof(range->first) && memcmp(address, range->first, len) >= 0 &&
	       memcmp(address, range->last, len) <= 0;
}

static bool is_peer(sqlite3_stmt *stmt, int column, const struct zw_log_range *range)
{
	return in_range(sqlite3_column_blob(stmt, column),
		(size_t)sqlite3_column_bytes(stmt, column), range);
}

static int check_who(struct zw_log_query *query, int64_t seq)
{
	static const char sql[] = "SELECT user, login, exe, tsig_key, uid, login_uid, pid, peer,"
				  " origin FROM actor WHERE seq = ?1";
	const struct zw_log_filter *f = &query->filter;
	sqlite3_stmt *stmt;
	int r;

	if (!asks_who(f))
		return 1;
	r = begin(query, sql, seq, &query->actor);
	if (r < 0)
		return r;
	stmt = query->actor;
	while ((r = zw_reader_step(query->reader, stmt)) > 0) {
		if (is_id(stmt, 0, f->user, &query->user) &&
			is_id(stmt, 1, f->login, &query->login) &&
			is_id(stmt, 2, f->exe, &query->exe) &&
			is_id(stmt, 3, f->tsig_key, &query->tsig_key) &&
			is_number(stmt, 4, f->uid) && is_number(stmt, 5, f->login_uid) &&
			is_number(stmt, 6, f->pid) &&
			(!f->peer || is_peer(stmt, 7, f->peer) || is_peer(stmt, 8, f->peer)))
			return 1;
	}
	return r;
}

static int check_rule(struct zw_log_query *query, int64_t seq)
{
	int r;

	if (!query->filter.rule)
		return 1;
	r = begin(
		query, "SELECT 1 FROM finding WHERE seq = ?1 AND rule = ?2", seq, &query->finding);
	if (r < 0)
		return r;
	sqlite3_bind_text(query->finding, 2, query->filter.rule, -1, SQLITE_STATIC);
	return zw_reader_step(query->reader, query->finding);
}

/* --- records ------------------------------------------------------------------------------------- */

static int address_found(void *ctx, const uint8_t key[static 16])
{
	return in_range(key, ZW_ADDRESS_KEY_LEN, ctx);
}

static bool has_address(
	const struct zw_log_filter *f, uint16_t type, const struct zw_delta_side *side)
{
	struct zw_bytes in = {side->records, side->len, false};
	struct zw_delta_record record;

	while (zw_delta_record(side, &in, &record))
		if (zw_address_each(
			    type, record.rdata, record.len, address_found, (void *)f->address))
			return true;
	return false;
}

static bool rrset_matches(const struct zw_log_filter *f, const struct zw_delta_rrset *rrset)
{
	if (f->type && rrset->type != f->type)
		return false;
	if (f->name && (f->subtree ? !zw_name_is_within(rrset->owner, f->name)
				   : !zw_name_equal(rrset->owner, f->name)))
		return false;
	return !f->address || has_address(f, rrset->type, &rrset->before) ||
	       has_address(f, rrset->type, &rrset->after);
}

/* What the difference says, which has every RRset that changed. */
static int check_records(struct zw_log_query *query)
{
	const struct zw_log_filter *f = &query->filter;
	_zw_delta_ struct zw_delta_reader reader = {};
	const void *delta;
	struct zw_delta_rrset rrset;
	uint8_t origin[ZW_NAME_MAX];
	int r;

	if (!f->name && !f->type && !f->address)
		return 1;
	delta = sqlite3_column_blob(query->event, 8);
	if (!delta)
		return 0;
	r = zw_name_from_text(text_at(query->event, 7), origin, NULL) < 0 ? -EBADMSG : 0;
	if (r == 0) {
		zw_name_lower(origin, zw_name_len(origin));
		r = zw_delta_begin(
			&reader, origin, delta, (size_t)sqlite3_column_bytes(query->event, 8));
	}
	while (r == 0 && (r = zw_delta_next(&reader, &rrset)) > 0) {
		if (rrset_matches(f, &rrset))
			return 1;
		r = 0;
	}
	return r == -EBADMSG ? zw_reader_damaged(query->reader, "a difference does not check out")
			     : r;
}

int zw_log_check(struct zw_log_query *query, int64_t seq, struct zw_log_row *ret_row)
{
	static const char sql[] =
		"SELECT e.time_ns, e.action, e.channel, e.attribution, e.verdict, e.zone_id,"
		" EXISTS (SELECT 1 FROM ack a WHERE a.seq = e.seq), z.zone, e.delta"
		" FROM event e LEFT JOIN zone z ON z.id = e.zone_id WHERE e.seq = ?1";
	int r = begin(query, sql, seq, &query->event);

	if (r == 0)
		r = zw_reader_step(query->reader, query->event);
	if (r <= 0)
		return r;
	if (!take_columns(query, seq, ret_row))
		return 0;
	r = check_who(query, seq);
	if (r > 0)
		r = check_rule(query, seq);
	if (r > 0)
		r = check_records(query);
	return r;
}

static void peer_text(const void *key, size_t len, char *buf, size_t size)
{
	bool ipv4 = len == ZW_ADDRESS_KEY_LEN && memcmp(key, mapped, sizeof(mapped)) == 0;

	buf[0] = '\0';
	if (key && len == ZW_ADDRESS_KEY_LEN)
		inet_ntop(ipv4 ? AF_INET : AF_INET6,
			ipv4 ? (const uint8_t *)key + sizeof(mapped) : key, buf, (socklen_t)size);
}

int zw_log_query_who(struct zw_log_query *query, struct zw_log_who *ret_who)
{
	static const char sql[] =
		"SELECT u.text, k.text, x.text, a.role, a.uid, a.peer FROM actor a"
		" LEFT JOIN text u ON u.id = a.user LEFT JOIN text k ON k.id = a.tsig_key"
		" LEFT JOIN text x ON x.id = a.exe WHERE a.seq = ?1 ORDER BY a.n LIMIT 1";
	sqlite3_stmt *stmt;
	int r = begin(query, sql, query->seq, &query->who);

	if (r == 0)
		r = zw_reader_step(query->reader, query->who);
	if (r <= 0)
		return r;
	stmt = query->who;
	*ret_who = (struct zw_log_who){
		.user = (const char *)sqlite3_column_text(stmt, 0),
		.tsig_key = (const char *)sqlite3_column_text(stmt, 1),
		.exe = (const char *)sqlite3_column_text(stmt, 2),
		.role = (const char *)sqlite3_column_text(stmt, 3),
		.uid = sqlite3_column_type(stmt, 4) == SQLITE_NULL ? -1
								   : sqlite3_column_int64(stmt, 4),
	};
	peer_text(sqlite3_column_blob(stmt, 5), (size_t)sqlite3_column_bytes(stmt, 5),
		ret_who->peer, sizeof(ret_who->peer));
	return 1;
}
