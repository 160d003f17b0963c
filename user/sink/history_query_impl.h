/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/history_query*.c. */
#pragma once

#include <sqlite3.h>

#include "base/vec.h"
#include "sink/history_query.h"

/* What a statement of a source is bound to from ?3 on; ?1 and ?2 are the bounds of seq. */
struct zw_log_value {
	int64_t number;
	const char *text; /* NULL: it is no text */
	const void *blob; /* NULL: it is none */
	size_t len;
};

#define ZW_LOG_VALUES_MAX 3

/* One way into the database: "FROM actor WHERE user = ?3". */
struct zw_log_source {
	const char *from; /* static, of our own code */
	bool ordered;     /* its index has the events in the order of their storing */
	struct zw_log_value value[ZW_LOG_VALUES_MAX];
	unsigned int values;
};

/* Sources of which an event matches at least one: what stands for one condition. */
struct zw_log_sources {
	struct zw_log_source *items;
	size_t len, cap;
};

/* A source that is read, the next event of it at hand. */
struct zw_log_stream {
	sqlite3_stmt *stmt;
	int64_t seq;
	bool done;
};

struct zw_log_ids {
	int64_t *items;
	size_t len, cap;
};

struct zw_log_query {
	struct zw_reader *reader;
	struct zw_log_filter filter;
	int64_t first, last; /* bounds of seq */
	bool nothing;        /* no event can match */
	bool bounded;        /* @first is not before the time that is asked for */
	unsigned int early;  /* events before that time that were met in a row */
	/* numbers of texts: of the user, of the executables, ... */
	struct zw_log_ids user, login, exe, tsig_key;
	struct zw_log_ids zone;       /* what the filter's zone, server and view leave */
	struct zw_str name, name_end; /* bounds of the names */
	struct {
		struct zw_log_stream *items;
		size_t len, cap;
	} stream;
	struct zw_log_sources later; /* to be read when the streams are at their end */
	sqlite3_stmt *event, *actor, *finding, *who;
	int64_t seq; /* returned last */
};

/* history_query.c: a statement, finalized by whoever asked for it. */
int zw_log_prepare(struct zw_log_query *query, const char *sql, sqlite3_stmt **ret_stmt);

/* history_query_source.c: chooses the way in and opens its streams. */
int zw_log_enter(struct zw_log_query *query);
/* 1: there are further streams to read; 0; -errno. */
int zw_log_go_on(struct zw_log_query *query);
/* Closes the streams. */
void zw_log_leave(struct zw_log_query *query);
bool zw_log_has_ids(const struct zw_log_ids *ids, int64_t id);

/* history_query_check.c: 1 when event @seq matches every condition, with *ret_row filled; 0; -errno. */
int zw_log_check(struct zw_log_query *query, int64_t seq, struct zw_log_row *ret_row);
