/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists of lines: plain ones and hosts files. */
#include "engine/feed_impl.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

bool zw_feed_line(
	const char *bytes, size_t len, size_t *pos, const char **ret_line, size_t *ret_len)
{
	const char *line = bytes + *pos, *end;

	if (*pos >= len)
		return false;
	/* A byte order mark is no part of the first entry. */
	if (*pos == 0 && len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	end = memchr(line, '\n', len - (size_t)(line - bytes));
	*pos = end ? (size_t)(end - bytes) + 1 : len;
	if (!end)
		end = bytes + len;
	while (line < end && is_blank(*line))
		line++;
	while (end > line && is_blank(end[-1]))
		end--;
	*ret_line = line;
	*ret_len = (size_t)(end - line);
	return true;
}

static bool is_comment(const char *line, size_t len)
{
	return len == 0 || *line == '#' || *line == ';' || *line == '!' ||
	       (len > 1 && line[0] == '/' && line[1] == '/');
}

/* Length of the entry at the beginning of @line. */
static size_t entry_len(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && !is_blank(line[n]) && line[n] != ',' && line[n] != ';' && line[n] != '#')
		n++;
	return n;
}

int zw_feed_parse_plain(struct zw_feed *feed, const char *bytes, size_t len, struct zw_str *error)
{
	struct zw_feed_entry entry;
	const char *line, *why;
	size_t pos = 0, n;
	uint64_t number = 0;
	int r = 0;

	(void)error;
	while (r == 0 && zw_feed_line(bytes, len, &pos, &line, &n)) {
		number++;
		if (is_comment(line, n))
			continue;
		n = entry_len(line, n);
		if (zw_feed_entry_parse(line, n, &entry, &why) < 0)
			zw_feed_bad(feed, number, line, n, why);
		else
			r = zw_feed_add(feed, &entry, 0);
	}
	return r;
}

/* Every hosts file names this host and groups of hosts by single labels. */
static bool is_local(const char *host, size_t len)
{
	static const char local[] = "localhost.localdomain";

	return !memchr(host, '.', len) || (len == strlen(local) && memcmp(host, local, len) == 0) ||
	       (len == 7 && memcmp(host, "0.0.0.0", 7) == 0);
}

static int parse_host(struct zw_feed *feed, uint64_t number, const char *host, size_t len)
{
	struct zw_feed_entry entry;
	const char *why;

	if (is_local(host, len)) {
		feed->stats.skipped++;
		return 0;
	}
	if (zw_feed_entry_parse(host, len, &entry, &why) < 0 || entry.is_net) {
		zw_feed_bad(feed, number, host, len, "no host name");
		return 0;
	}
	return zw_feed_add(feed, &entry, ZW_FEED_EXACT);
}

/* The word at the beginning of *@line, which moves behind it; false when a comment or the end comes. */
static bool next_word(const char **line, size_t *len, const char **ret_word, size_t *ret_len)
{
	size_t n = 0;

	for (; *len > 0 && is_blank(**line); (*line)++, (*len)--)
		;
	while (n < *len && !is_blank((*line)[n]) && (*line)[n] != '#')
		n++;
	*ret_word = *line;
	*ret_len = n;
	*line += n;
	*len -= n;
	return n > 0;
}

static int parse_hosts_line(struct zw_feed *feed, uint64_t number, const char *line, size_t len)
{
	const char *all = line, *word, *why;
	struct zw_feed_entry entry;
	size_t all_len = len, n;
	int r = 0;

	if (!next_word(&line, &len, &word, &n))
		return 0;
	if (zw_feed_entry_parse(word, n, &entry, &why) < 0 || !entry.is_net) {
		/* "fe80::1%lo0 localhost" */
		if (!memchr(word, '%', n))
			zw_feed_bad(feed, number, all, all_len, "no line of a hosts file");
		return 0;
	}
	while (r == 0 && next_word(&line, &len, &word, &n))
		r = parse_host(feed, number, word, n);
	return r;
}

int zw_feed_parse_hosts(struct zw_feed *feed, const char *bytes, size_t len, struct zw_str *error)
{
	uint64_t number = 0;
	const char *line;
	size_t pos = 0, n;
	int r = 0;

	(void)error;
	while (r == 0 && zw_feed_line(bytes, len, &pos, &line, &n)) {
		number++;
		if (!is_comment(line, n))
			r = parse_hosts_line(feed, number, line, n);
	}
	return r;
}
