/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where reports go. A sink translates and delivers; it never changes a report and never blocks the agent for
 * longer than its own bound. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/str.h"
#include "engine/report.h"

/* Constant facts of this host and run that go into every event. The strings outlive every sink. */
struct zw_sink_host {
	const char *hostname;
};

struct zw_sink;

struct zw_sink_ops {
	const char *name; /* "journald", "json", "human" */
	/* 0, or -errno when the report could not be delivered nor spooled: it is then counted in @lost. */
	int (*deliver)(struct zw_sink *sink, const struct zw_report *report);
	/* Retries what was spooled, for 100 ms at most; called about once a second. 0 also while the receiver
	 * is away. NULL when there is nothing to do. */
	int (*tick)(struct zw_sink *sink);
	void (*free)(struct zw_sink *sink);
};

/* First member of every sink. */
struct zw_sink {
	const struct zw_sink_ops *ops;
	/* Reports; counted by the sink itself. @spooled is how many wait at the moment. */
	uint64_t delivered, spooled, lost;
};

static inline void zw_sink_free(struct zw_sink *sink)
{
	if (sink)
		sink->ops->free(sink);
}
ZW_DEFINE_CLEANUP(struct zw_sink *, zw_sink_free);
#define _zw_sink_free_ _zw_cleanup_(zw_sink_freep)

/* One JSON object and a newline, DESIGN section 5, appended to @out. At most 1,000 record changes are
 * listed. 0 or -ENOMEM. */
int zw_report_to_json(
	const struct zw_report *report, const struct zw_sink_host *host, struct zw_str *out);
/* Makes the same once, for all who ask for it from now on, with the same host: nothing of @report changes any more. 0 or
 * -ENOMEM. */
int zw_report_seal(struct zw_report *report, const struct zw_sink_host *host);

/* One element of "causes", without a newline: who acted. 0 or -ENOMEM. */
int zw_cause_to_json(const struct zw_report_cause *cause, struct zw_str *out);

/* A few lines for a person, colours when asked for; every name and value escaped. 0 or -ENOMEM. */
int zw_report_to_human(const struct zw_report *report, bool colour, struct zw_str *out);

/* JSON lines or human text on a stream that stays the caller's. */
int zw_sink_stream_new(FILE *stream, bool json, bool colour, const struct zw_sink_host *host,
	struct zw_sink **ret_sink);
/* JSON lines appended to a file that is reopened when it was rotated away; complete lines only. The file's
 * directory is made when it is missing. */
int zw_sink_jsonfile_new(
	const char *path, const struct zw_sink_host *host, struct zw_sink **ret_sink);
/* journald through libsystemd, which knows one address only, /run/systemd/journal/socket. While nobody reads
 * there, reports wait in memory (1,024), then in @spool_file (NULL: memory only) up to @spool_bytes; what is
 * still in memory at the end goes to the file as well and is sent by the next agent. -EMEDIUMTYPE when
 * @spool_file is something else. */
int zw_sink_journald_new(const char *spool_file, uint64_t spool_bytes,
	const struct zw_sink_host *host, struct zw_sink **ret_sink);
