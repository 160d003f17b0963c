/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What somebody calls an export of the journal. What is handed on can be read, and what was read once is read again. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sink/journald_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint64_t events, octets;
};

static void require(int holds)
{
	if (!holds)
		abort();
}

static int take(void *ctx, const char *json, size_t len)
{
	struct seen *seen = ctx;

	seen->events++;
	for (size_t i = 0; i < len; i++)
		seen->octets += (unsigned char)json[i] + 1U;
	return 0;
}

static int read_once(int fd, struct seen *seen, uint64_t *ret_foreign)
{
	struct zw_journal_reader reader = {.event = take, .ctx = seen};
	int r;

	require(lseek(fd, 0, SEEK_SET) == 0);
	r = zw_journal_read_export(fd, &reader);
	*ret_foreign = reader.foreign;
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_zw_close_ int fd = memfd_create("export", MFD_CLOEXEC);
	struct seen first = {}, second = {};
	uint64_t foreign[2];

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	require(read_once(fd, &first, &foreign[0]) == read_once(fd, &second, &foreign[1]));
	require(first.events == second.events && first.octets == second.octets);
	require(foreign[0] == foreign[1]);
	/* An entry takes its name and an end at least. */
	require((first.events + foreign[0]) * strlen("ZW_JSON=\n") <= size);
	return 0;
}
