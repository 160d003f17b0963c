/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What comes into the history, as it comes. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/log.h"

/* How often the database is looked at: it costs a look at one page that is in memory. */
#define LOOK_MS 200
/* How long a database may look like none of ours, while the agent makes it: looks. */
#define STRANGE_LOOKS 25
/* Events shown before those that come, as tail(1) and journalctl(1) do. */
#define BEFORE 10

struct follow {
	struct zw_log_options o;
	uint64_t before; /* events shown before those that come */
	struct zw_log_totals totals;
	struct zw_reader *reader; /* NULL: there is no database at the moment */
	char *path;
	struct stat seen;     /* of the database that is open */
	bool told;            /* that there is none */
	unsigned int strange; /* looks at one that is none of ours */
};

static bool was_replaced(const struct follow *f)
{
	struct stat now;

	return stat(f->path, &now) < 0 || now.st_ino != f->seen.st_ino ||
	       now.st_dev != f->seen.st_dev;
}

/* Where to go on in a database that was put in the place of another: behind the event that was shown last, if it has
 * that, else from its beginning. */
static void find_place(struct follow *f)
{
	uint64_t seq;

	f->o.filter.after_seq = 0;
	if (f->totals.last_id[0] && zw_reader_find(f->reader, f->totals.last_id, &seq) == 0)
		f->o.filter.after_seq = seq;
}

/* 0 also when there is none yet. */
static int open_database(struct follow *f)
{
	_zw_str_ struct zw_str error = {};
	int r;

	if (stat(f->path, &f->seen) < 0)
		r = -errno;
	else
		r = zw_reader_open(f->path, &f->reader, &error);
	f->strange = r == -EMEDIUMTYPE ? f->strange + 1 : 0;
	/* An agent that just makes it has not written its tables yet. */
	if (r == -ENOENT || r == -EBUSY || (f->strange > 0 && f->strange < STRANGE_LOOKS)) {
		if (!f->told)
			zw_notice("no history at '%s' yet; waiting for the agent to make it",
				f->path);
		f->told = true;
		return 0;
	}
	if (r < 0)
		zw_error("%s", error.buf ? error.buf : strerror(-r));
	return r;
}

/* The last ones there are, oldest first. */
static int show_before(struct follow *f)
{
	struct zw_log_options o = f->o;
	struct zw_log_filter newest = f->o.filter;
	uint64_t n = f->before, first = 0;
	_zw_log_query_ struct zw_log_query *query = NULL;
	struct zw_log_row row;
	int r = zw_reader_begin(f->reader);

	if (r == 0)
		r = zw_log_last(f->reader, &f->o.filter.after_seq);
	newest.oldest_first = false;
	if (r == 0 && n > 0)
		r = zw_log_query_new(f->reader, &newest, &query);
	while (r == 0 && n > 0 && (r = zw_log_query_next(query, &row)) > 0) {
		first = row.seq;
		n--;
		r = 0;
	}
	zw_log_query_free(ZW_TAKE(query));
	zw_reader_end(f->reader);
	if (r < 0)
		return zw_history_cmd_failed(f->reader, "the log", r), r;
	if (first == 0)
		return 0;
	o.filter.after_seq = first - 1;
	o.filter.before_seq = f->o.filter.after_seq + 1;
	return zw_log_show(&o, f->reader, &f->totals);
}

static int show_new(struct follow *f)
{
	uint64_t last = 0;
	int r = zw_reader_begin(f->reader);

	if (r == 0)
		r = zw_log_last(f->reader, &last);
	zw_reader_end(f->reader);
	if (r < 0)
		return zw_history_cmd_failed(f->reader, "the log", r), r;
	if (last <= f->o.filter.after_seq)
		return 0;
	f->o.filter.before_seq = last + 1;
	r = zw_log_show(&f->o, f->reader, &f->totals);
	f->o.filter.before_seq = 0;
	f->o.filter.after_seq = last;
	return r;
}

static int look(struct follow *f)
{
	bool first = f->totals.shown == 0 && !f->told && !f->reader;
	int r = 0;

	if (f->reader && was_replaced(f))
		zw_reader_close(ZW_TAKE(f->reader));
	if (!f->reader) {
		bool again = f->seen.st_ino != 0;

		r = open_database(f);
		if (r < 0 || !f->reader)
			return r;
		if (first && !again)
			return show_before(f);
		find_place(f);
	}
	return show_new(f);
}

int zw_log_follow(const struct zw_log_options *options)
{
	struct follow f = {.o = *options};
	int r = zw_history_path(&options->common, &f.path);

	f.before = f.o.limited ? f.o.limit : BEFORE;
	f.o.limit = 0;
	f.o.filter.oldest_first = true;
	/* Ends by a signal, or when nobody reads any more. */
	while (r >= 0) {
		struct pollfd out = {.fd = STDOUT_FILENO};

		r = look(&f);
		if (r >= 0 && poll(&out, 1, LOOK_MS) > 0 && (out.revents & (POLLERR | POLLHUP)))
			break;
	}
	zw_reader_close(f.reader);
	free(f.path);
	return r < 0 && r != -EPIPE ? ZW_EXIT_FAILED : ZW_EXIT_OK;
}
