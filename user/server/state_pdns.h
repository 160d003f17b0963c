/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PowerDNS with the gsqlite3 backend: its zones from the SQLite database, read as PowerDNS reads it (gsqlite3.schema.sql,
 * modules/gsqlite3backend, GSQLBackend::extractRecord()).
 *
 * The database belongs to a server that is running, so nothing is ever written: no file is created, made longer, locked
 * for writing or removed, not even the -shm and -wal files that SQLite makes for readers. With a rollback journal a
 * reader holds writers up for as long as a statement takes, so statements are kept short.
 *
 * Everything that changes a zone (UPDATE, API, transfer, pdnsutil, sqlite3) writes to PATH or PATH-wal; a
 * rollback journal PATH-journal is written before PATH is. Which zone changed only its records tell: they are hashed,
 * under 1 us each, so 10,000 zones of 10 records take 0.1 s, and a single one 1 ms. */
#pragma once

#include "base/hash.h"
#include "server/state.h"

struct zw_state_pdns {
	const char *path;        /* of the database */
	uint32_t default_ttl;    /* of records without one (pdns.conf, default-ttl) */
	struct zw_hash_key *key; /* of marks: the same as long as they are kept */
	uint64_t deadline_ns;
};

/* Reads @n zones. Records that PowerDNS cannot serve, because they do not parse or lie outside their zone, are passed
 * over as it does. 0 also when single zones failed; else -errno with *ret_error: -ETIME past the deadline,
 * -EAGAIN when somebody wrote meanwhile, -EBUSY, -ENOENT, -EACCES, -EUCLEAN (a transaction was left half-done by
 * somebody who is gone), -EBADMSG (no database of PowerDNS) or what a callback returned. */
int zw_state_read_pdns(const struct zw_state_pdns *db, const struct zw_state_ask *asks, size_t n,
	const struct zw_state_sink *sink, struct zw_zone_error *ret_error);

/* Calls @fn for each zone: its name, with or without a final dot, and whether it is a secondary. As above. */
int zw_state_list_pdns(const struct zw_state_pdns *db,
	int (*fn)(void *ctx, const char *name, bool secondary), void *ctx,
	struct zw_zone_error *ret_error);
