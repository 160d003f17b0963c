/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/state_pdns.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "dns/rrtext.h"
#include "server/state_pdns_db.h"

/* Zones with a mark up to which each is read to see whether that still holds; above, all records are hashed once. */
#define SINGLE_MAX 8
/* Rows of one statement: with a rollback journal a writer waits for it, some 10 ms. */
#define CHUNK_ROWS 10000
/* What fillSOAData() of PowerDNS supplies where the content ends early. */
static const char *const soa_defaults[] = {".", ".", "0", "10800", "3600", "604800", "3600"};

struct pdns {
	struct zw_pdns_db db;
	const struct zw_state_pdns *given;
	const struct zw_state_ask *asks;
	const struct zw_state_sink *sink;
	size_t n;
	struct zone *zone;    /* of each ask */
	struct zw_map *by_id; /* to struct zone */
	sqlite3_stmt *records;
	struct zw_str row, content;
};

/* One that is asked for. */
struct zone {
	bool found;
	bool marked; /* @mark is what its records are now */
	sqlite3_int64 id;
	uint64_t mark;
};

/* Columns of both statements over records. */
enum { COL_ID, COL_DOMAIN, COL_NAME, COL_TYPE, COL_TTL, COL_PRIO, COL_CONTENT };
#define COLUMNS "id, domain_id, name, type, ttl, prio, content"
/* An empty type is an empty non-terminal, which is there for the DNSSEC chain and is no record. */
#define SERVED "disabled = 0 AND type <> ''"

static const char *column(sqlite3_stmt *stmt, int i)
{
	return (const char *)sqlite3_column_text(stmt, i);
}

/* --- zones --------------------------------------------------------------------------------------------- */

/* Zone names are stored without the final dot; of the root nothing is left then. */
static int read_name(const char *text, uint8_t name[static ZW_NAME_MAX], size_t *ret_len)
{
	int r = zw_name_from_text(text && text[0] ? text : ".", name, ret_len);

	if (r == 0)
		zw_name_lower(name, *ret_len);
	return r;
}

static int index_asks(const struct pdns *p, struct zw_map *by_name)
{
	for (size_t i = 0; i < p->n; i++) {
		const uint8_t *origin = p->asks[i].origin;
		int r = zw_map_put(by_name, origin, zw_name_len(origin), &p->zone[i], NULL);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Finds the row number of each asked zone. */
static int find_zones(struct pdns *p)
{
	_zw_map_free_ struct zw_map *by_name = NULL;
	_zw_stmt_ sqlite3_stmt *stmt = NULL;
	bool unasked = false;
	int r = zw_map_new(&by_name);

	if (r == 0)
		r = index_asks(p, by_name);
	if (r == 0)
		r = zw_pdns_db_prepare(&p->db, "SELECT id, name FROM domains", &stmt);
	while (r == 0 && (r = zw_pdns_db_step(&p->db, stmt)) == 1) {
		uint8_t name[ZW_NAME_MAX];
		struct zone *z = NULL;
		size_t len;

		r = 0;
		if (read_name(column(stmt, 1), name, &len) == 0)
			z = zw_map_get(by_name, name, len);
		if (!z) {
			unasked = true;
			continue;
		}
		/* PowerDNS serves the first of several. */
		if (z->found)
			continue;
		z->found = true;
		z->id = sqlite3_column_int64(stmt, 0);
		r = zw_map_put(p->by_id, &z->id, sizeof(z->id), z, NULL);
	}
	if (r == 0 && unasked && p->sink->unasked)
		r = p->sink->unasked(p->sink->ctx);
	return r;
}

/* --- marks: the sum of the hashes of the records, in whatever order they come ---------------------------- */

static int hash_row(struct pdns *p, sqlite3_stmt *stmt, uint64_t *mark)
{
	p->row.len = 0;
	for (int i = COL_NAME; i <= COL_CONTENT; i++) {
		const char *text = column(stmt, i);
		int len = sqlite3_column_bytes(stmt, i);

		/* Lengths, so that no two rows look the same; none for NULL. */
		zw_str_addf(&p->row, "%d:", text ? len : -1);
		if (text)
			zw_str_add_len(&p->row, text, (size_t)len);
	}
	if (p->row.failed)
		return -ENOMEM;
	*mark += zw_hash_bytes(p->given->key, p->row.buf, p->row.len);
	return 0;
}

static uint64_t finish_mark(uint64_t sum)
{
	return sum ? sum : 1;
}

/* One statement of the pass over all records; *ret_last is the last row number, @after when there was none. */
static int hash_chunk(
	struct pdns *p, sqlite3_stmt *stmt, sqlite3_int64 after, sqlite3_int64 *ret_last)
{
	sqlite3_int64 last = after;
	int r = 0;

	sqlite3_reset(stmt);
	sqlite3_bind_int64(stmt, 1, after);
	while (r == 0 && (r = zw_pdns_db_step(&p->db, stmt)) == 1) {
		sqlite3_int64 domain = sqlite3_column_int64(stmt, COL_DOMAIN);
		struct zone *z = zw_map_get(p->by_id, &domain, sizeof(domain));

		last = sqlite3_column_int64(stmt, COL_ID);
		r = z ? hash_row(p, stmt, &z->mark) : 0;
	}
	*ret_last = last;
	return r;
}

/* A row that moves while this goes on may be counted twice or not at all. Then the zone is read, which does no harm; and
 * who moved it makes the database be looked at again. */
static int hash_all(struct pdns *p)
{
	_zw_stmt_ sqlite3_stmt *stmt = NULL;
	_zw_free_ char *sql = zw_asprintf(
		"SELECT " COLUMNS " FROM records WHERE id > ?1 AND " SERVED " ORDER BY id LIMIT %d",
		CHUNK_ROWS);
	sqlite3_int64 last = INT64_MIN, after;
	int r = sql ? zw_pdns_db_prepare(&p->db, sql, &stmt) : -ENOMEM;

	do {
		after = last;
		if (r == 0)
			r = hash_chunk(p, stmt, after, &last);
	} while (r == 0 && last > after);
	for (size_t i = 0; r == 0 && i < p->n; i++) {
		p->zone[i].marked = true;
		p->zone[i].mark = finish_mark(p->zone[i].mark);
	}
	return r;
}

/* --- records ------------------------------------------------------------------------------------------- */

/* An SOA may end early: "ns.example.com hostmaster.example.com 7". */
static void complete_soa(struct zw_str *content, const char *text)
{
	size_t words = 0;

	for (const char *c = text; *c; words++) {
		size_t n;

		c += strspn(c, " \t");
		n = strcspn(c, " \t");
		if (n == 0)
			break;
		c += n;
	}
	zw_str_add(content, text);
	for (; words < ZW_ARRAY_SIZE(soa_defaults); words++)
		zw_str_addf(content, " %s", soa_defaults[words]);
}

/* The data of a record: a priority has a column of its own. */
static int make_content(struct pdns *p, sqlite3_stmt *stmt, uint16_t type, const char **ret_text)
{
	const char *text = column(stmt, COL_CONTENT), *prio = column(stmt, COL_PRIO);

	p->content.len = 0;
	if (type == ZW_TYPE_SOA)
		complete_soa(&p->content, text ? text : "");
	else if ((type == ZW_TYPE_MX || type == ZW_TYPE_SRV) && prio)
		zw_str_addf(&p->content, "%s %s", prio, text ? text : "");
	else
		zw_str_add(&p->content, text ? text : "");
	if (p->content.failed)
		return -ENOMEM;
	*ret_text = p->content.buf;
	return 0;
}

static int add_row(struct pdns *p, sqlite3_stmt *stmt, struct zw_rrtext *text)
{
	const char *name = column(stmt, COL_NAME), *type_text = column(stmt, COL_TYPE), *data;
	sqlite3_int64 ttl = sqlite3_column_int64(stmt, COL_TTL);
	uint16_t type;
	int r;

	if (!name || !type_text || zw_type_from_text(type_text, &type) < 0 || ttl < 0 ||
		ttl > UINT32_MAX)
		return 0;
	if (sqlite3_column_type(stmt, COL_TTL) == SQLITE_NULL)
		ttl = p->given->default_ttl;
	r = make_content(p, stmt, type, &data);
	if (r == 0)
		r = zw_rrtext_add(text, name[0] ? name : ".", (uint32_t)ttl, type, data, NULL);
	/* It answers SERVFAIL for that one and goes on. */
	return r == -EBADMSG ? 0 : r;
}

struct record_ctx {
	const struct zw_state_sink *sink;
	size_t i;
};

static int on_record(void *ctx, const struct zw_record *record)
{
	const struct record_ctx *c = ctx;

	return c->sink->record(c->sink->ctx, c->i, record);
}

/* Whether any record of the zone can be read at all. */
static int end_zone(const struct zw_rrtext *text, uint64_t rows, struct zw_zone_error *error)
{
	if (rows == 0)
		return zw_state_fail(error, -ENODATA, "the database has no records of the zone");
	return zw_rrtext_end(text, error);
}

static int read_records(struct pdns *p, size_t i)
{
	struct record_ctx ctx = {.sink = p->sink, .i = i};
	_zw_rrtext_ struct zw_rrtext *text = NULL;
	struct zw_zone_error error = {};
	uint64_t mark = 0, rows = 0;
	int r = zw_rrtext_new(p->asks[i].origin, on_record, &ctx, &text);

	sqlite3_reset(p->records);
	sqlite3_bind_int64(p->records, 1, p->zone[i].id);
	while (r == 0 && (r = zw_pdns_db_step(&p->db, p->records)) == 1) {
		rows++;
		r = hash_row(p, p->records, &mark);
		if (r == 0)
			r = add_row(p, p->records, text);
	}
	/* Ends what it holds of locks. */
	sqlite3_reset(p->records);
	if (r != 0)
		return r;
	r = end_zone(text, rows, &error);
	if (r < 0)
		return p->sink->failed(p->sink->ctx, i, r, &error);
	mark = finish_mark(mark);
	return p->sink->done(p->sink->ctx, i, mark, mark != p->asks[i].mark);
}

static int read_zone(struct pdns *p, size_t i)
{
	const struct zone *z = &p->zone[i];
	struct zw_zone_error error = {};

	if (!z->found) {
		zw_state_fail(&error, -ENOENT, "the database does not have the zone");
		return p->sink->failed(p->sink->ctx, i, -ENOENT, &error);
	}
	if (z->marked && p->asks[i].mark && z->mark == p->asks[i].mark)
		return p->sink->done(p->sink->ctx, i, z->mark, false);
	return read_records(p, i);
}

static int read_zones(struct pdns *p)
{
	size_t marks = 0;
	int r;

	p->zone = calloc(p->n ? p->n : 1, sizeof(*p->zone));
	r = p->zone ? zw_map_new(&p->by_id) : -ENOMEM;
	if (r == 0)
		r = find_zones(p);
	for (size_t i = 0; i < p->n; i++)
		marks += p->asks[i].mark != 0;
	if (r == 0 && marks > SINGLE_MAX)
		r = hash_all(p);
	if (r == 0)
		r = zw_pdns_db_prepare(&p->db,
			"SELECT " COLUMNS " FROM records WHERE domain_id = ?1 AND " SERVED,
			&p->records);
	for (size_t i = 0; r == 0 && i < p->n; i++)
		r = read_zone(p, i);
	return r == 0 ? zw_pdns_db_verify(&p->db) : r;
}

static void pdns_done(struct pdns *p)
{
	sqlite3_finalize(p->records);
	zw_pdns_db_close(&p->db);
	zw_map_free(p->by_id);
	zw_str_free(&p->row);
	zw_str_free(&p->content);
	free(p->zone);
}

int zw_state_read_pdns(const struct zw_state_pdns *db, const struct zw_state_ask *asks, size_t n,
	const struct zw_state_sink *sink, struct zw_zone_error *ret_error)
{
	_zw_cleanup_(pdns_done) struct pdns p = {.given = db, .asks = asks, .n = n, .sink = sink};
	struct zw_zone_error error = {};
	int r = zw_pdns_db_open(&p.db, db->path, db->deadline_ns, &error);

	if (r == 0)
		r = read_zones(&p);
	if (r == -ENOMEM)
		zw_state_fail(&error, r, "out of memory");
	if (r != 0 && ret_error)
		*ret_error = error;
	return r;
}

int zw_state_list_pdns(const struct zw_state_pdns *db,
	int (*fn)(void *ctx, const char *name, bool secondary), void *ctx,
	struct zw_zone_error *ret_error)
{
	_zw_pdns_db_ struct zw_pdns_db pdns = {};
	_zw_stmt_ sqlite3_stmt *stmt = NULL;
	struct zw_zone_error error = {};
	int r = zw_pdns_db_open(&pdns, db->path, db->deadline_ns, &error);

	if (r == 0)
		r = zw_pdns_db_prepare(&pdns, "SELECT name, type FROM domains ORDER BY id", &stmt);
	while (r == 0 && (r = zw_pdns_db_step(&pdns, stmt)) == 1) {
		const char *name = column(stmt, 0), *type = column(stmt, 1);
		bool secondary = type && (sqlite3_stricmp(type, "SLAVE") == 0 ||
						 sqlite3_stricmp(type, "CONSUMER") == 0);

		r = name ? fn(ctx, name[0] ? name : ".", secondary) : 0;
	}
	if (r == 0)
		r = zw_pdns_db_verify(&pdns);
	if (r != 0 && ret_error)
		*ret_error = error;
	return r;
}
