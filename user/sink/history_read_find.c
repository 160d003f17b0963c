/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is in the history: zones by their names, events by their IDs. */
#include "sink/history_read.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "sink/history_read_impl.h"

void zw_reader_zone_done(struct zw_reader_zone *zone)
{
	free(zone->server);
	free(zone->view);
	free(zone->zone);
	*zone = (struct zw_reader_zone){};
}

void zw_reader_zones_done(struct zw_reader_zones *zones)
{
	ZW_VEC_FOREACH(zone, zones)
		zw_reader_zone_done(zone);
	zw_vec_free(zones);
}

void zw_reader_matches_done(struct zw_reader_matches *matches)
{
	ZW_VEC_FOREACH(match, matches)
		free(match->zone);
	zw_vec_free(matches);
}

int zw_reader_text(sqlite3_stmt *stmt, int column, char **ret_text)
{
	const unsigned char *text;
	char *copy;

	if (sqlite3_column_type(stmt, column) == SQLITE_NULL) {
		*ret_text = NULL;
		return 0;
	}
	text = sqlite3_column_text(stmt, column);
	copy = text ? strdup((const char *)text) : NULL;
	if (!copy)
		return -ENOMEM;
	*ret_text = copy;
	return 0;
}

/* id, server, view, zone */
static int take_zone(struct zw_reader *reader, sqlite3_stmt *stmt, struct zw_reader_zone *ret_zone)
{
	_zw_reader_zone_ struct zw_reader_zone zone = {.id = sqlite3_column_int64(stmt, 0)};
	int r = zw_reader_text(stmt, 1, &zone.server);

	if (r == 0)
		r = zw_reader_text(stmt, 2, &zone.view);
	if (r == 0)
		r = zw_reader_text(stmt, 3, &zone.zone);
	if (r < 0)
		return r;
	if (!zone.server || !zone.view || !zone.zone)
		return zw_reader_damaged(reader, "zone %lld has no name", (long long)zone.id);
	*ret_zone = zone;
	zone = (struct zw_reader_zone){};
	return 0;
}

int zw_reader_zones(struct zw_reader *reader, const char *name, struct zw_reader_zones *ret_zones)
{
	static const char text[] = "SELECT id, server, view, zone FROM zone"
				   " WHERE ?1 IS NULL OR zone = ?1 ORDER BY zone, server, view";
	_zw_reader_zones_ struct zw_reader_zones zones = {};
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = zw_reader_sql(reader, text, &stmt);

	if (r < 0)
		return r;
	if (name)
		sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	while ((r = zw_reader_step(reader, stmt)) > 0) {
		struct zw_reader_zone zone;

		r = zw_vec_reserve(&zones, zones.len + 1);
		if (r == 0)
			r = take_zone(reader, stmt, &zone);
		if (r < 0)
			return r;
		zones.items[zones.len++] = zone;
	}
	if (r < 0)
		return r;
	*ret_zones = zones;
	zones = (struct zw_reader_zones){};
	return 0;
}

int zw_reader_zone(struct zw_reader *reader, int64_t id, struct zw_reader_zone *ret_zone)
{
	static const char text[] = "SELECT id, server, view, zone FROM zone WHERE id = ?1";
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = zw_reader_row(reader, text, id, &stmt);

	if (r < 0)
		return r;
	return take_zone(reader, stmt, ret_zone);
}

/* Crockford's base 32 as people write it. -EINVAL when it is none. */
static int normalise_id(const char *prefix, char ret_id[static ZW_ULID_LEN + 1])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	size_t len = 0;

	for (; prefix[len]; len++) {
		char c = (char)toupper((unsigned char)prefix[len]);

		if (c == 'I' || c == 'L')
			c = '1';
		else if (c == 'O')
			c = '0';
		if (len == ZW_ULID_LEN || !strchr(digits, c))
			return -EINVAL;
		ret_id[len] = c;
	}
	ret_id[len] = '\0';
	return len > 0 ? 0 : -EINVAL;
}

int zw_reader_matching(struct zw_reader *reader, const char *prefix, size_t max,
	struct zw_reader_matches *ret_matches)
{
	/* '~' comes after every digit. */
	static const char text[] =
		"SELECT event.seq, event.time_ns, event.id, zone.zone FROM event"
		" LEFT JOIN zone ON zone.id = event.zone_id"
		" WHERE event.id >= ?1 AND event.id < ?1 || '~' ORDER BY event.id LIMIT ?2";
	_zw_reader_matches_ struct zw_reader_matches matches = {};
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	char id[ZW_ULID_LEN + 1];
	int r = normalise_id(prefix, id);

	if (r == 0)
		r = zw_reader_sql(reader, text, &stmt);
	if (r < 0)
		return r;
	sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, (sqlite3_int64)max);
	while ((r = zw_reader_step(reader, stmt)) > 0) {
		struct zw_reader_match match = {
			.seq = (uint64_t)sqlite3_column_int64(stmt, 0),
			.time_ns = (uint64_t)sqlite3_column_int64(stmt, 1),
		};
		const unsigned char *found = sqlite3_column_text(stmt, 2);

		snprintf(match.id, sizeof(match.id), "%s", found ? (const char *)found : "");
		r = zw_vec_reserve(&matches, matches.len + 1);
		if (r == 0)
			r = zw_reader_text(stmt, 3, &match.zone);
		if (r < 0)
			return r;
		matches.items[matches.len++] = match;
	}
	if (r < 0)
		return r;
	*ret_matches = matches;
	matches = (struct zw_reader_matches){};
	return 0;
}

int zw_reader_find(struct zw_reader *reader, const char *prefix, uint64_t *ret_seq)
{
	_zw_reader_matches_ struct zw_reader_matches matches = {};
	int r = zw_reader_matching(reader, prefix, 2, &matches);

	if (r < 0)
		return r;
	if (matches.len != 1)
		return matches.len > 1 ? -ENOTUNIQ : -ENOENT;
	*ret_seq = matches.items[0].seq;
	return 0;
}

int zw_reader_last_change(struct zw_reader *reader, int64_t zone_id, uint64_t *ret_seq)
{
	static const char text[] = "SELECT seq FROM event WHERE zone_id = ?1 AND delta IS NOT NULL"
				   " ORDER BY seq DESC LIMIT 1";
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	int r = zw_reader_row(reader, text, zone_id, &stmt);

	if (r < 0)
		return r;
	*ret_seq = (uint64_t)sqlite3_column_int64(stmt, 0);
	return 0;
}

int zw_reader_id(struct zw_reader *reader, uint64_t seq, char ret_id[static ZW_ULID_LEN + 1])
{
	static const char text[] = "SELECT id FROM event WHERE seq = ?1";
	_zw_reader_reset_ sqlite3_stmt *stmt = NULL;
	const unsigned char *id;
	int r = zw_reader_row(reader, text, (int64_t)seq, &stmt);

	if (r < 0)
		return r;
	id = sqlite3_column_text(stmt, 0);
	snprintf(ret_id, ZW_ULID_LEN + 1, "%s", id ? (const char *)id : "");
	return 0;
}
