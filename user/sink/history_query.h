/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which events of the history somebody asks for, newest stored first. Whatever is asked, the database is entered by the
 * index that leads to the fewest events, and these are checked one by one; so the first page does not wait for what
 * is not on it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "dns/name.h"
#include "engine/report.h"
#include "sink/history_read.h"

/* Addresses as the history keys them: 16 octets, that of IPv4 mapped into IPv6. */
struct zw_log_range {
	uint8_t first[16], last[16];
};

/* "192.0.2.0/24", "2001:db8::/32", "192.0.2.1". -EINVAL; bits behind the prefix do not matter. */
int zw_log_range_parse(const char *text, struct zw_log_range *ret_range);

/* All conditions hold for what is found; NULL, 0, and -1 for uid, login_uid and pid, are no condition. Those about the
 * records hold for one and the same RRset, those about who for one and the same cause. */
struct zw_log_filter {
	const char *server, *view; /* "bind" stands for every server of that kind */
	const char *
		zone; /* presentation form, as the history has it: lower-case, with the final dot */
	const uint8_t *name; /* wire form */
	bool subtree;        /* and all names below it */
	uint16_t type;
	const struct zw_log_range *address; /* in data before or after */
	const char *user, *login;           /* names; login: of the login session */
	const char *exe;                    /* path, or the last part of one */
	const char *tsig_key;               /* any case, with or without the final dot */
	int64_t uid, login_uid, pid;
	const struct zw_log_range *peer; /* of the request, or where the login came from */
	/* Bits 1 << enum zw_verdict and so on. */
	uint32_t verdicts, attributions, channels, actions;
	const char *rule;
	bool unacknowledged;
	uint64_t since_ns, until_ns;    /* @since_ns <= time < @until_ns */
	uint64_t after_seq, before_seq; /* events stored between the two */
	bool oldest_first;
};

/* What every filter begins with. */
#define ZW_LOG_FILTER_INIT                            \
	{                                             \
		.uid = -1, .login_uid = -1, .pid = -1 \
	}

struct zw_log_row {
	uint64_t seq, time_ns;
	enum zw_action action;
	enum zw_channel channel;
	enum zw_attribution attribution;
	enum zw_verdict verdict;
	bool acknowledged;
	int64_t zone_id; /* 0: of no zone */
};

struct zw_log_query;

/* The filter's texts and the reader stay the caller's until zw_log_query_free(); to be used between zw_reader_begin()
 * and zw_reader_end(). 0 or -errno; zw_reader_error() knows more. */
int zw_log_query_new(struct zw_reader *reader, const struct zw_log_filter *filter,
	struct zw_log_query **ret_query);
void zw_log_query_free(struct zw_log_query *query);
ZW_DEFINE_CLEANUP(struct zw_log_query *, zw_log_query_free);
#define _zw_log_query_ _zw_cleanup_(zw_log_query_freep)

/* 1: there is one; 0: no more; -errno. */
int zw_log_query_next(struct zw_log_query *query, struct zw_log_row *ret_row);

/* Appends how the database is entered, a line for each statement, as SQLite tells it (sqlite.org/eqp.html). */
int zw_log_query_plan(struct zw_log_query *query, struct zw_str *out);

/* The newest event there is; 0 when there is none. */
int zw_log_last(struct zw_reader *reader, uint64_t *ret_seq);
/* How many characters of @id tell it from every other, @least at least. */
int zw_log_id_len(
	struct zw_reader *reader, const char *id, unsigned int least, unsigned int *ret_len);

/* Whoever had a part in an event, the principal first; texts are NULL where there is none. */
struct zw_log_who {
	const char *user, *tsig_key, *exe, *role;
	int64_t uid;
	char peer[64]; /* empty: none */
};

/* The first cause of the event that was returned last; its texts stay until the next call. 1, 0: it has none. */
int zw_log_query_who(struct zw_log_query *query, struct zw_log_who *ret_who);
