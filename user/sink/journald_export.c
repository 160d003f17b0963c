/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal export format: entries are ended by an empty line; a field is "NAME=text" and a newline, or, where it
 * holds bytes that text has not, NAME, a newline, its length in 8 octets, little-endian, the bytes and a newline. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "sink/journald_read.h"

/* No event has more (sink/json.c); what is longer is damage. */
#define FIELD_MAX (64U << 20)
/* "ZW_JSON" and other names (systemd.journal-fields(7)). */
#define NAME_MAX_LEN 64

struct export
{
	FILE *file;
	struct zw_journal_reader *reader;
	struct zw_str json;
	bool has_json, by_root;
};

static bool is(const char *name, size_t len, const char *wanted)
{
	return len == strlen(wanted) && memcmp(name, wanted, len) == 0;
}

static void take_field(
	struct export *x, const char *name, size_t name_len, const char *value, size_t len)
{
	if (is(name, name_len, "_UID"))
		x->by_root = len == 1 && value[0] == '0';
	if (!is(name, name_len, "ZW_JSON"))
		return;
	x->json.len = 0;
	zw_str_add_len(&x->json, value, len);
	x->has_json = true;
}

static int end_entry(struct export *x)
{
	int r = 0;

	if (x->json.failed)
		return -ENOMEM;
	if (x->has_json && x->by_root)
		r = x->reader->event(x->reader->ctx, x->json.buf, x->json.len);
	else if (x->has_json)
		x->reader->foreign++;
	x->has_json = x->by_root = false;
	return r;
}

static int take_binary(struct export *x, const char *name, size_t name_len)
{
	_zw_free_ char *value = NULL;
	uint8_t size[8];
	uint64_t len = 0;

	if (fread(size, 1, sizeof(size), x->file) != sizeof(size))
		return -EBADMSG;
	for (int i = 7; i >= 0; i--)
		len = len << 8 | size[i];
	if (len > FIELD_MAX)
		return -EBADMSG;
	value = malloc(len + 1);
	if (!value)
		return -ENOMEM;
	if (fread(value, 1, len + 1, x->file) != len + 1 || value[len] != '\n')
		return -EBADMSG;
	take_field(x, name, name_len, value, len);
	return 0;
}

static int take_line(struct export *x, const char *line, size_t len)
{
	const char *equals;

	if (len == 0)
		return end_entry(x);
	equals = memchr(line, '=', len);
	if (!equals)
		return len > NAME_MAX_LEN ? -EBADMSG : take_binary(x, line, len);
	take_field(x, line, (size_t)(equals - line), equals + 1, len - (size_t)(equals + 1 - line));
	return 0;
}

int zw_journal_read_export(int fd, struct zw_journal_reader *reader)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	_zw_fclose_ FILE *file = copy < 0 ? NULL : fdopen(copy, "r");
	struct export x = {.file = file, .reader = reader};
	_zw_free_ char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int r = 0;

	if (!file) {
		r = -errno;
		if (copy >= 0)
			close(copy);
		return r;
	}
	while (r == 0 && (n = getline(&line, &cap, file)) > 0) {
		/* The last line of a file that was cut. */
		if (line[n - 1] != '\n' || n > (ssize_t)FIELD_MAX)
			r = -EBADMSG;
		else
			r = take_line(&x, line, (size_t)n - 1);
	}
	if (r == 0 && ferror(file))
		r = -EIO;
	if (r == 0)
		r = end_entry(&x);
	zw_str_free(&x.json);
	return r;
}
