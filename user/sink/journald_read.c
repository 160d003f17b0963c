/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/journald_read.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>

#include "base/cleanup.h"

/* How a journal file begins (systemd.io/JOURNAL_FILE_FORMAT). */
#define SIGNATURE "LPKSHHRH"

static void journal_closep(sd_journal **journal)
{
	if (*journal)
		sd_journal_close(*journal);
}

/* The value of a field of the entry; -ENOENT when it has none. */
static int get_field(sd_journal *journal, const char *name, const char **ret_value, size_t *ret_len)
{
	const void *data;
	size_t len, skip = strlen(name) + 1;
	int r = sd_journal_get_data(journal, name, &data, &len);

	if (r < 0)
		return r;
	if (len < skip)
		return -ENOENT;
	*ret_value = (const char *)data + skip;
	*ret_len = len - skip;
	return 0;
}

static int read_entry(sd_journal *journal, struct zw_journal_reader *reader)
{
	_zw_str_ struct zw_str json = {};
	const char *value;
	size_t len;
	int r = get_field(journal, "ZW_JSON", &value, &len);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	/* The next field may be put into the same memory. */
	zw_str_add_len(&json, value, len);
	if (json.failed)
		return -ENOMEM;
	r = get_field(journal, "_UID", &value, &len);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r < 0 || len != 1 || value[0] != '0') {
		reader->foreign++;
		return 0;
	}
	return reader->event(reader->ctx, json.buf, json.len);
}

static int read_journal(sd_journal *journal, struct zw_journal_reader *reader)
{
	int r;

	/* Fields are cut otherwise. */
	r = sd_journal_set_data_threshold(journal, 0);
	if (r == 0)
		r = sd_journal_add_match(journal, "SYSLOG_IDENTIFIER=zonewitness", 0);
	if (r == 0)
		r = sd_journal_seek_head(journal);
	while (r >= 0 && (r = sd_journal_next(journal)) > 0) {
		r = read_entry(journal, reader);
		/* An entry that is damaged costs itself: files are copied while they are written. */
		if (r == -EBADMSG)
			r = 0;
		if (r != 0)
			return r;
	}
	return r;
}

/* Whether the file begins as a journal file or as an export of one. */
static int look_into(int fd, bool *ret_journal)
{
	char head[8] = "";
	ssize_t n = pread(fd, head, sizeof(head), 0);

	if (n < 0)
		return -errno;
	*ret_journal = n == sizeof(head) && memcmp(head, SIGNATURE, sizeof(head)) == 0;
	/* The name of a field, as __CURSOR; or an export without entries. */
	if (*ret_journal || n == 0 || head[0] == '_' || isupper((unsigned char)head[0]))
		return 0;
	return -EMEDIUMTYPE;
}

static int read_file(const char *path, struct zw_journal_reader *reader)
{
	_zw_cleanup_(journal_closep) sd_journal *journal = NULL;
	_zw_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const char *paths[] = {path, NULL};
	bool is_journal;
	int r;

	if (fd < 0)
		return -errno;
	r = look_into(fd, &is_journal);
	if (r < 0)
		return r;
	if (!is_journal)
		return zw_journal_read_export(fd, reader);
	r = sd_journal_open_files(&journal, paths, 0);
	return r < 0 ? r : read_journal(journal, reader);
}

static int read_path(const char *path, struct zw_journal_reader *reader)
{
	_zw_cleanup_(journal_closep) sd_journal *journal = NULL;
	struct stat st;
	int r;

	if (!path) {
		r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
		return r < 0 ? r : read_journal(journal, reader);
	}
	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return read_file(path, reader);
	if (!S_ISDIR(st.st_mode))
		return -EMEDIUMTYPE;
	r = sd_journal_open_directory(&journal, path, 0);
	return r < 0 ? r : read_journal(journal, reader);
}

int zw_journal_read(const char *path, struct zw_journal_reader *reader, struct zw_str *error)
{
	int r = read_path(path, reader);

	if (r >= 0)
		return r;
	zw_str_add(error, path ? "the journal '" : "the journal ");
	if (path) {
		zw_str_add_escaped(error, path, strlen(path));
		zw_str_add(error, "' ");
	}
	if (r == -EMEDIUMTYPE)
		zw_str_add(error,
			"is neither a directory, nor a journal file, nor what journalctl -o export writes");
	else if (r == -EBADMSG)
		zw_str_add(error, "is damaged");
	else
		zw_str_addf(error, "cannot be read: %s", strerror(-r));
	return r;
}
