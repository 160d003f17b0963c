/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_schema.h"

#include <errno.h>

#include "sink/history_impl.h"

/* zone        names what events and states are of
 * text        words that return in many events, once each
 * event       one row an event, in the order of storing. json as zw_json_pack() writes it, json_len octets before;
 *             delta as in sink/history_delta.h: every RRset that changed, before and after. NULL where there is none
 * rrset       which events changed an RRset: name as zw_name_key() writes it, op 0 add, 1 delete, 2 modify
 * address     which events have an address in data before (side 0) or after (side 1): as zw_address_key() writes it
 * actor       who had a part in an event: one row a cause, n its place, 0 the principal. user is whom it is counted
 *             as (the login user, else the real one before any sudo), euid what it acted as
 * base        a whole state: from @time_ns on the zone was this, until the patch or base that follows. blob as
 *             zw_snapshot_save() writes it, compressed by zlib, raw_len octets before. blob NULL: what follows is
 *             not known, until the next base. seq: of the last event in it, NULL when there is none
 * patch       what makes the next state of the last one: of the base it is to, in the order of id. blob as a delta;
 *             NULL where it is event.delta of seq. seq NULL: the difference was no event's
 * minute      traffic of a minute, or of a part of one that an agent was there for; several may be of one time. Counts
 *             as enum zw_count and struct zw_traffic_total have them; latency as ZW_TRAFFIC_LATENCIES numbers
 * traffic     what of it was of which key: kind as enum zw_traffic_by, key as text, '' all others, so that the rows of
 *             a kind sum up to the minute. missed: so much may be with the others that is of the key
 * baseline    what is usual: class as enum zw_baseline_class or zw_outbound_class, data as zw_baselines_save() and
 *             zw_outbound_save() write it
 * meta        numbers of the history itself */
static const char tables[] =
	"CREATE TABLE zone ("
	" id INTEGER PRIMARY KEY,"
	" server TEXT NOT NULL, view TEXT NOT NULL, zone TEXT NOT NULL,"
	" UNIQUE (server, view, zone)) STRICT;"
	"CREATE TABLE text (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;"
	"CREATE TABLE event ("
	" seq INTEGER PRIMARY KEY,"
	" id TEXT NOT NULL UNIQUE,"
	" time_ns INTEGER NOT NULL,"
	" zone_id INTEGER,"
	" action TEXT NOT NULL, channel TEXT, attribution TEXT, verdict TEXT,"
	" severity INTEGER NOT NULL, escalate INTEGER NOT NULL,"
	" serial_before INTEGER, serial_after INTEGER,"
	" json_len INTEGER NOT NULL, json BLOB NOT NULL,"
	" delta BLOB) STRICT;"
	"CREATE INDEX event_time ON event (time_ns);"
	/* What is searched for comes in the order of storing: every index ends in seq. */
	"CREATE INDEX event_zone ON event (zone_id);"
	"CREATE INDEX event_action ON event (action);"
	"CREATE INDEX event_channel ON event (channel);"
	"CREATE INDEX event_attribution ON event (attribution);"
	"CREATE INDEX event_verdict ON event (verdict);"
	"CREATE TABLE rrset ("
	" name BLOB NOT NULL, type INTEGER NOT NULL, seq INTEGER NOT NULL,"
	" zone_id INTEGER NOT NULL, op INTEGER NOT NULL,"
	" PRIMARY KEY (name, type, seq)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE address ("
	" address BLOB NOT NULL, seq INTEGER NOT NULL, side INTEGER NOT NULL,"
	" PRIMARY KEY (address, seq, side)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE actor ("
	" seq INTEGER NOT NULL, n INTEGER NOT NULL,"
	" role TEXT NOT NULL,"
	" uid INTEGER, user INTEGER, euid INTEGER, login_uid INTEGER, login INTEGER,"
	" pid INTEGER, exe INTEGER, tsig_key INTEGER,"
	" peer BLOB, origin BLOB,"
	" command TEXT,"
	" PRIMARY KEY (seq, n)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX actor_uid ON actor (uid, seq) WHERE uid IS NOT NULL;"
	"CREATE INDEX actor_user ON actor (user, seq) WHERE user IS NOT NULL;"
	"CREATE INDEX actor_login_uid ON actor (login_uid, seq) WHERE login_uid IS NOT NULL;"
	"CREATE INDEX actor_pid ON actor (pid, seq) WHERE pid IS NOT NULL;"
	"CREATE INDEX actor_login ON actor (login, seq) WHERE login IS NOT NULL;"
	"CREATE INDEX actor_exe ON actor (exe, seq) WHERE exe IS NOT NULL;"
	"CREATE INDEX actor_key ON actor (tsig_key, seq) WHERE tsig_key IS NOT NULL;"
	"CREATE INDEX actor_peer ON actor (peer, seq) WHERE peer IS NOT NULL;"
	"CREATE INDEX actor_origin ON actor (origin, seq) WHERE origin IS NOT NULL;"
	"CREATE TABLE finding ("
	" seq INTEGER NOT NULL, rule TEXT NOT NULL, severity INTEGER NOT NULL,"
	" PRIMARY KEY (seq, rule)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX finding_rule ON finding (rule, seq);"
	"CREATE TABLE ack ("
	" id INTEGER PRIMARY KEY,"
	" seq INTEGER NOT NULL, time_ns INTEGER NOT NULL,"
	" by_whom TEXT NOT NULL, ticket TEXT, reason TEXT,"
	" json TEXT NOT NULL) STRICT;"
	"CREATE INDEX ack_seq ON ack (seq);"
	"CREATE TABLE expectation ("
	" id INTEGER PRIMARY KEY,"
	" time_ns INTEGER NOT NULL,"
	" user TEXT, tsig_key TEXT, zone TEXT NOT NULL,"
	" from_ns INTEGER NOT NULL, until_ns INTEGER NOT NULL,"
	" ticket TEXT NOT NULL, json TEXT NOT NULL,"
	" used INTEGER NOT NULL DEFAULT 0) STRICT;"
	"CREATE TABLE base ("
	" id INTEGER PRIMARY KEY,"
	" zone_id INTEGER NOT NULL,"
	" time_ns INTEGER NOT NULL,"
	" serial INTEGER, seq INTEGER,"
	" raw_len INTEGER NOT NULL, blob BLOB) STRICT;"
	"CREATE INDEX base_zone ON base (zone_id, id);"
	"CREATE TABLE patch ("
	" id INTEGER PRIMARY KEY,"
	" zone_id INTEGER NOT NULL, base_id INTEGER NOT NULL,"
	" time_ns INTEGER NOT NULL,"
	" serial INTEGER, seq INTEGER,"
	" blob BLOB) STRICT;"
	"CREATE INDEX patch_base ON patch (base_id, id);"
	"CREATE INDEX patch_seq ON patch (seq) WHERE seq IS NOT NULL;"
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

#define COUNTS                                                                              \
	" queries INTEGER NOT NULL, responses INTEGER NOT NULL, nxdomain INTEGER NOT NULL," \
	" servfail INTEGER NOT NULL, refused INTEGER NOT NULL, tcp INTEGER NOT NULL,"       \
	" in_bytes INTEGER NOT NULL, out_bytes INTEGER NOT NULL,"

/* Since version 3. */
static const char traffic_tables[] =
	"CREATE TABLE minute ("
	" id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, seconds INTEGER NOT NULL," COUNTS
	" ipv6 INTEGER NOT NULL, truncated INTEGER NOT NULL, unanswered INTEGER NOT NULL,"
	" untold INTEGER NOT NULL, sources INTEGER NOT NULL, names INTEGER NOT NULL,"
	" latency BLOB NOT NULL) STRICT;"
	"CREATE INDEX minute_time ON minute (time_ns);"
	"CREATE TABLE traffic ("
	" minute INTEGER NOT NULL, kind INTEGER NOT NULL, key TEXT NOT NULL," COUNTS
	" missed INTEGER NOT NULL, PRIMARY KEY (minute, kind, key)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE baseline ("
	" class INTEGER NOT NULL, key TEXT NOT NULL, time_ns INTEGER NOT NULL,"
	" data BLOB NOT NULL, PRIMARY KEY (class, key)) STRICT, WITHOUT ROWID;";

/* A zone had one base, in its row, and patches, which named RRsets as they were afterwards alone. Neither had times or
 * serials of their own. */
static const char from_1[] = "ALTER TABLE zone RENAME TO old_zone;"
			     "ALTER TABLE patch RENAME TO old_patch;"
			     "DROP INDEX patch_zone;";

static const char states_from_1[] =
	"INSERT INTO zone (id, server, view, zone) SELECT id, server, view, zone FROM old_zone;"
	"INSERT INTO base (id, zone_id, time_ns, raw_len, blob)"
	" SELECT id, id, time_ns, base_len, base FROM old_zone;"
	"INSERT INTO patch (id, zone_id, base_id, time_ns, blob)"
	" SELECT p.id, p.zone_id, p.zone_id, z.time_ns, delta_from_1(z.zone, p.patch)"
	" FROM old_patch p JOIN old_zone z ON z.id = p.zone_id ORDER BY p.id;"
	"DROP TABLE old_patch;"
	"DROP TABLE old_zone;";

static int finish(struct zw_history *history, int r)
{
	if (r == 0)
		r = zw_history_execf(history,
			"PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
			ZW_HISTORY_APPLICATION_ID, ZW_HISTORY_VERSION);
	if (r < 0 && !sqlite3_get_autocommit(history->db))
		(void)zw_history_exec(history, "ROLLBACK");
	return r;
}

int zw_history_create(struct zw_history *history)
{
	int r;

	/* Has to be said before the first table is made. */
	r = zw_history_exec(history, "PRAGMA auto_vacuum = INCREMENTAL; BEGIN IMMEDIATE");
	if (r == 0)
		r = zw_history_exec(history, tables);
	if (r == 0)
		r = zw_history_exec(history, traffic_tables);
	return finish(history, r);
}

static int migrate_1(struct zw_history *history)
{
	int r = zw_history_errno(sqlite3_create_function_v2(history->db, "delta_from_1", 2,
		SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL, zw_delta_from_1, NULL,
		NULL, NULL));

	if (r == 0)
		r = zw_history_exec(history, "BEGIN IMMEDIATE");
	if (r == 0)
		r = zw_history_exec(history, from_1);
	if (r == 0)
		r = zw_history_exec(history, tables);
	if (r == 0)
		r = zw_history_exec(history, traffic_tables);
	if (r == 0)
		r = zw_history_exec(history, states_from_1);
	r = finish(history, r);
	/* So that what is pruned can be given back to the file system. Makes the file anew, which was small. */
	if (r == 0)
		r = zw_history_exec(history, "PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
	return r;
}

/* What there was stays as it is. */
static int migrate_2(struct zw_history *history)
{
	int r = zw_history_exec(history, "BEGIN IMMEDIATE");

	if (r == 0)
		r = zw_history_exec(history, traffic_tables);
	return finish(history, r);
}

int zw_history_migrate(struct zw_history *history, int64_t version)
{
	switch (version) {
	case 1:
		return migrate_1(history);
	case 2:
		return migrate_2(history);
	default:
		return -EMEDIUMTYPE;
	}
}
