/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal in the place of a history: its events in a database of their own, which is removed at the end. */
#pragma once

#include "base/cleanup.h"

struct zw_log_journal {
	char *dir, *path; /* of the database; NULL: there is none */
};

/* @path as zw_journal_read() takes it. 0 or -errno, logged. */
int zw_log_journal_load(const char *path, struct zw_log_journal *journal);
void zw_log_journal_done(struct zw_log_journal *journal);
#define _zw_log_journal_ _zw_cleanup_(zw_log_journal_done)
