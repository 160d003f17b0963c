/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>

#include "cli/commands.h"
#include "cli/log.h"
#include "cli/log_journal.h"
#include "cli/pager.h"

static int log_once(const struct zw_log_options *o)
{
	_zw_reader_close_ struct zw_reader *reader = NULL;
	struct zw_log_totals totals = {};
	struct zw_pager pager = {};
	int r = zw_history_cmd_open(&o->common, &reader);
	int code;

	if (r < 0)
		return ZW_EXIT_FAILED;
	if (!o->no_pager)
		zw_pager_start(&pager);
	r = o->stat ? zw_log_stat(o, reader, &totals) : zw_log_show(o, reader, &totals);
	code = r < 0 && r != -EPIPE ? ZW_EXIT_FAILED : ZW_EXIT_OK;
	if (code == ZW_EXIT_OK && o->check && totals.alarming)
		code = ZW_EXIT_FINDINGS;
	if (r != -EPIPE)
		code = zw_history_flush(code);
	zw_pager_end(&pager);
	return code;
}

static int log_journal(struct zw_log_options *o)
{
	_zw_log_journal_ struct zw_log_journal journal = {};

	if (zw_log_journal_load(o->journal_path, &journal) < 0)
		return ZW_EXIT_FAILED;
	o->common.db = journal.path;
	return log_once(o);
}

int zw_cmd_log(int argc, char **argv)
{
	struct zw_log_options o = {.filter = ZW_LOG_FILTER_INIT};
	int code = zw_log_parse(argc, argv, &o);

	if (code >= 0)
		return code;
	/* Before the pager stands between us and the terminal. */
	o.colour = !o.common.json && zw_history_colour(&o.common);
	if (o.journal)
		return log_journal(&o);
	return o.follow ? zw_log_follow(&o) : log_once(&o);
}
