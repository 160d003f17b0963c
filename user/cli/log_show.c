/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pages of a log: batch by batch, so that the history is not held while a person reads. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/log.h"

/* Lines of the first batch, and how it grows. */
#define BATCH_FIRST 100
#define BATCH_GROWTH 4
#define BATCH_MAX 10000
/* Characters of an ID, if they tell it from others: the time, and a little. */
#define ID_LEAST 12

static int print_row(const struct zw_log_options *o, struct zw_reader *reader,
	const struct zw_log_row *row, struct zw_str *page, struct zw_log_totals *totals)
{
	_zw_reader_event_ struct zw_reader_event event = {};
	unsigned int id_len = ID_LEAST;
	int r = zw_reader_event(reader, row->seq, &event);

	if (r == 0 && !o->common.json)
		r = zw_log_id_len(reader, event.report->id, ID_LEAST, &id_len);
	if (r < 0)
		return r;
	zw_log_line(page, o, row, &event, id_len);
	totals->shown++;
	totals->alarming |= zw_log_is_alarming(row);
	if (row->seq > totals->last.seq) {
		totals->last = *row;
		strcpy(totals->last_id, event.report->id);
	}
	return page->failed ? -ENOMEM : 0;
}

/* Rows of one batch; oldest first they are printed from the end. */
static int read_batch(const struct zw_log_options *o, struct zw_reader *reader,
	struct zw_log_filter *filter, uint64_t most, struct zw_str *page,
	struct zw_log_totals *totals)
{
	_zw_log_query_ struct zw_log_query *query = NULL;
	struct zw_log_row row;
	uint64_t n = 0;
	int r = zw_log_query_new(reader, filter, &query);

	while (r == 0 && n < most && (r = zw_log_query_next(query, &row)) > 0) {
		r = print_row(o, reader, &row, page, totals);
		if (filter->oldest_first)
			filter->after_seq = row.seq;
		else
			filter->before_seq = row.seq;
		n++;
	}
	if (r < 0)
		return r;
	return n == most;
}

/* The batch at one moment of the database. */
static int next_batch(const struct zw_log_options *o, struct zw_reader *reader,
	struct zw_log_filter *filter, uint64_t most, struct zw_str *page,
	struct zw_log_totals *totals)
{
	int r = zw_reader_begin(reader);

	if (r == 0)
		r = read_batch(o, reader, filter, most, page, totals);
	zw_reader_end(reader);
	if (r < 0)
		zw_history_cmd_failed(reader, "the log", r);
	return r;
}

int zw_log_show(
	const struct zw_log_options *o, struct zw_reader *reader, struct zw_log_totals *totals)
{
	struct zw_log_filter filter = o->filter;
	uint64_t batch = BATCH_FIRST, left = o->limit ? o->limit : UINT64_MAX;
	int r;

	do {
		_zw_str_ struct zw_str page = {};
		uint64_t most = batch < left ? batch : left;

		r = next_batch(o, reader, &filter, most, &page, totals);
		/* What was read before something failed is shown. */
		if (page.len > 0 &&
			(fwrite(page.buf, 1, page.len, stdout) != page.len || fflush(stdout) != 0))
			return errno == EPIPE ? -EPIPE : 0;
		left -= most;
		batch = batch * BATCH_GROWTH < BATCH_MAX ? batch * BATCH_GROWTH : BATCH_MAX;
	} while (r > 0 && left > 0);
	return r < 0 ? r : 0;
}
