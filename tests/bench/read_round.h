/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One round of somebody who reads a history while it is written. */
#pragma once

#include "sink/history_read.h"
#include "sink/history_related.h"

/* The last change of the first zone, what belongs to it, and the zone as it is then, at one moment. 0, or -errno with what
 * is wrong in @error. */
static inline int read_round(const char *path, uint64_t *ret_seq, struct zw_reader_state *ret_state,
	struct zw_str *error)
{
	_zw_reader_close_ struct zw_reader *reader = NULL;
	_zw_reader_event_ struct zw_reader_event event = {};
	int r = zw_reader_open(path, &reader, error);

	if (r < 0)
		return r;
	r = zw_reader_begin(reader);
	if (r == 0)
		r = zw_reader_last_change(reader, 1, ret_seq);
	if (r == 0)
		r = zw_reader_event(reader, *ret_seq, &event);
	for (int kind = 0; kind < _ZW_RELATED_MAX && r == 0; kind++) {
		_zw_reader_seqs_ struct zw_reader_seqs seqs = {};

		r = zw_reader_related(reader, &event, (enum zw_related)kind, 5, &seqs);
	}
	if (r == 0)
		r = zw_reader_state(reader, 1, &(struct zw_moment){}, ret_state);
	if (r < 0)
		zw_str_addf(error, "%s", zw_reader_error(reader));
	zw_reader_end(reader);
	return r;
}
