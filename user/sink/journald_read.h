/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events out of the journal, as sink/journald.c put them there: from the live journal, from files and directories copied
 * from one, and from what `journalctl -o export` writes (systemd.io/JOURNAL_EXPORT_FORMATS). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct zw_journal_reader {
	/* The JSON of an event, as nobody vouches for it. Anything but 0 ends the reading and is returned. */
	int (*event)(void *ctx, const char *json, size_t len);
	void *ctx;
	/* Entries with an event that no process of root wrote: the journal takes entries from anybody, so these prove
	 * nothing. */
	uint64_t foreign;
};

/* @path: NULL for the live journal; a directory, a journal file or an export file. Oldest first. 0 or -errno with a
 * sentence in @error; -EMEDIUMTYPE: neither kind of file; -EBADMSG: an export that is damaged. */
int zw_journal_read(const char *path, struct zw_journal_reader *reader, struct zw_str *error);

/* Private to sink/journald*.c. */
int zw_journal_read_export(int fd, struct zw_journal_reader *reader);
