/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/log_journal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/vec.h"
#include "sink/history.h"
#include "sink/journald_read.h"
#include "sink/json_read.h"

/* Events of one transaction. */
#define BATCH 1000

struct load {
	struct zw_history *history;
	uint64_t events, unreadable;
	char why[200]; /* of the first one that could not be read */
};

static int put(struct load *load, const struct zw_report *report, const char *json, size_t len)
{
	struct zw_history_zone zone = {
		.server = report->server_kind ? report->server_kind : "none",
		.view = report->view ? report->view : "",
		.zone = report->zone,
	};
	int r = zw_history_put_event(load->history, report->zone ? &zone : NULL, report, json, len);

	/* The agent sends again what may not have come, with the same ID. */
	return r == -EEXIST ? 0 : r;
}

static int load_event(void *ctx, const char *json, size_t len)
{
	_zw_report_free_ struct zw_report *report = NULL;
	_zw_str_ struct zw_str why = {};
	struct load *load = ctx;
	int r = zw_report_from_json(json, len, &report, &why);

	if (r == 0)
		r = put(load, report, json, len);
	if (r == -EBADMSG || r == -EINVAL) {
		if (load->unreadable++ == 0)
			snprintf(load->why, sizeof(load->why), "%s", why.buf ? why.buf : "");
		return 0;
	}
	if (r < 0)
		return r;
	if (++load->events % BATCH)
		return 0;
	r = zw_history_commit(load->history);
	return r < 0 ? r : zw_history_begin(load->history);
}

static int load_all(const char *path, struct load *load)
{
	struct zw_journal_reader reader = {.event = load_event, .ctx = load};
	_zw_str_ struct zw_str error = {};
	int r = zw_history_begin(load->history), end;

	if (r == 0)
		r = zw_journal_read(path, &reader, &error);
	end = zw_history_commit(load->history);
	if (error.len > 0)
		zw_error("%s", error.buf);
	else if (r < 0 || end < 0)
		zw_error("the events of the journal cannot be kept: %s",
			strerror(r < 0 ? -r : -end));
	if (reader.foreign > 0)
		zw_warning("%" PRIu64 " entries of the journal are left out: other users than root "
			   "wrote them, so they prove nothing",
			reader.foreign);
	if (load->unreadable > 0)
		zw_warning("%" PRIu64 " events of the journal cannot be read: %s", load->unreadable,
			load->why);
	return r < 0 ? r : end;
}

static int make_place(struct zw_log_journal *journal)
{
	const char *tmp = getenv("TMPDIR");

	journal->dir = zw_asprintf("%s/zonewitness-XXXXXX", tmp && tmp[0] ? tmp : "/var/tmp");
	if (!journal->dir)
		return -ENOMEM;
	if (!mkdtemp(journal->dir)) {
		int r = -errno;

		free(ZW_TAKE(journal->dir));
		return r;
	}
	journal->path = zw_asprintf("%s/journal.db", journal->dir);
	return journal->path ? 0 : -ENOMEM;
}

int zw_log_journal_load(const char *path, struct zw_log_journal *journal)
{
	_zw_str_ struct zw_str error = {};
	struct load load = {};
	int r = make_place(journal);

	if (r < 0) {
		zw_error("no temporary directory: %s", strerror(-r));
		return r;
	}
	r = zw_history_open(journal->path, &load.history, &error);
	if (r < 0) {
		zw_error("%s", error.buf ? error.buf : strerror(-r));
		return r;
	}
	r = load_all(path, &load);
	zw_history_close(load.history);
	return r;
}

void zw_log_journal_done(struct zw_log_journal *journal)
{
	static const char *const ends[] = {"", "-wal", "-shm", ".pending"};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(ends) && journal->path; i++) {
		_zw_free_ char *path = zw_asprintf("%s%s", journal->path, ends[i]);

		if (path)
			unlink(path);
	}
	if (journal->dir)
		rmdir(journal->dir);
	free(journal->path);
	free(journal->dir);
	*journal = (struct zw_log_journal){};
}
