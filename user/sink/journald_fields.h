/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/: a report as journal fields (systemd.journal-fields(7)), packed so that it can wait in the
 * spool: for each field u32 length, then "NAME=value" without a NUL. Host byte order: a spool file does not
 * leave its machine. */
#pragma once

#include <stddef.h>
#include <sys/uio.h>

#include "base/str.h"
#include "sink/sink.h"

/* About 30 fields of ours, one ZW_NAME for each of the first 64 names that changed, one ZW_RULE for each of the first 24
 * rules that found something. */
#define ZW_JOURNAL_NAMES_MAX 64
#define ZW_JOURNAL_RULES_MAX 24
#define ZW_JOURNAL_FIELDS_MAX 160

/* Appends all fields to @out. 0 or -ENOMEM. */
int zw_journald_pack(
	const struct zw_report *report, const struct zw_sink_host *host, struct zw_str *out);

/* Splits what zw_journald_pack() made; the pointers lead into @data. -EBADMSG for anything else. */
int zw_journald_unpack(const void *data, size_t len,
	struct iovec ret_field[static ZW_JOURNAL_FIELDS_MAX], int *ret_fields);
