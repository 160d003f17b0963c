/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Comma-separated values (RFC 4180, but a field ends with its line) as abuse.ch exports them: columns are named in a
 * comment or in the first line, fields are quoted or not, with a blank after the comma or without. */
#include "engine/feed_impl.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* ThreatFox has 15 columns; what comes after so many is not looked at. */
#define FIELDS_MAX 32

struct field {
	const char *text;
	size_t len;
};

struct fields {
	struct field field[FIELDS_MAX];
	size_t n;
};

/* Which column has what; -1: none. */
struct columns {
	int value, type, tag;
};

/* In the order in which they are preferred. */
static const char *const value_names[] = {"url", "ioc_value", "ioc", "dst_ip", "dstip", "ip",
	"ip_address", "ipaddress", "host", "hostname", "domain", "indicator", NULL};
static const char *const type_names[] = {"ioc_type", "indicator_type", NULL};
static const char *const tag_names[] = {
	"malware_printable", "malware", "signature", "threat", "listingreason", NULL};

/* Values of a type column that name an address or a domain; others are hashes of files, mail addresses and the like. */
static const char *const types[] = {"ip:port", "ip", "ipv4", "ipv6", "domain", "fqdn", "hostname",
	"host", "url", "ip-dst", "ip-src", NULL};

static bool is_word(const struct field *f, const char *word)
{
	return strlen(word) == f->len && strncasecmp(f->text, word, f->len) == 0;
}

static bool is_one_of(const struct field *f, const char *const *words)
{
	for (; *words; words++)
		if (is_word(f, *words))
			return true;
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* 0, or -EINVAL when a quote is not closed. */
static int split(const char *line, size_t len, struct fields *ret)
{
	const char *p = line, *end = line + len;

	ret->n = 0;
	while (ret->n < FIELDS_MAX) {
		struct field *f = &ret->field[ret->n];
		const char *stop;

		for (; p < end && is_blank(*p); p++)
			;
		if (p < end && *p == '"') {
			f->text = ++p;
			/* A quote in the text is doubled. */
			for (stop = p;
				stop < end && (*stop != '"' || (stop + 1 < end && stop[1] == '"'));
				stop += *stop == '"' ? 2 : 1)
				;
			if (stop >= end)
				return -EINVAL;
			f->len = (size_t)(stop - p);
			p = memchr(stop, ',', (size_t)(end - stop));
		} else {
			stop = memchr(p, ',', (size_t)(end - p));
			f->text = p;
			f->len = (size_t)((stop ? stop : end) - p);
			for (; f->len > 0 && is_blank(f->text[f->len - 1]); f->len--)
				;
			p = stop;
		}
		ret->n++;
		if (!p)
			return 0;
		p++;
	}
	return 0;
}

static int find_column(const struct fields *f, const char *const *names)
{
	for (; *names; names++)
		for (size_t i = 0; i < f->n; i++)
			if (is_word(&f->field[i], *names))
				return (int)i;
	return -1;
}

/* Whether the line names columns; *@columns is then what it says. */
static bool take_names(const struct fields *f, struct columns *columns)
{
	int value = find_column(f, value_names);

	/* A sentence may be one word, too. */
	if (value < 0 || f->n < 2)
		return false;
	*columns = (struct columns){
		.value = value,
		.type = find_column(f, type_names),
		.tag = find_column(f, tag_names),
	};
	return true;
}

static const struct field *field_at(const struct fields *f, int column)
{
	return column >= 0 && (size_t)column < f->n ? &f->field[column] : NULL;
}

static int take_row(struct zw_feed *feed, uint64_t number, const struct fields *f,
	const struct columns *columns)
{
	const struct field *value = field_at(f, columns->value), *type = field_at(f, columns->type),
			   *tag = field_at(f, columns->tag);
	struct zw_feed_entry entry;
	uint16_t tag_number = 0;
	const char *why;
	int r = 0;

	if (!value) {
		zw_feed_bad(feed, number, f->field[0].text, f->field[0].len,
			"the beginning of a row with too few columns");
		return 0;
	}
	if (type && !is_one_of(type, types)) {
		feed->stats.skipped++;
		return 0;
	}
	if (zw_feed_entry_parse(value->text, value->len, &entry, &why) < 0) {
		zw_feed_bad(feed, number, value->text, value->len, why);
		return 0;
	}
	if (tag)
		r = zw_feed_tag(feed, tag->text, tag->len, &tag_number);
	return r == 0 ? zw_feed_add(feed, &entry, tag_number) : r;
}

int zw_feed_parse_csv(struct zw_feed *feed, const char *bytes, size_t len, struct zw_str *error)
{
	struct columns columns = {.value = -1};
	uint64_t number = 0, rows = 0;
	const char *line;
	size_t pos = 0, n;
	struct fields f;
	int r = 0;

	while (r == 0 && zw_feed_line(bytes, len, &pos, &line, &n)) {
		bool comment = n > 0 && *line == '#';

		number++;
		for (; comment && n > 0 && (*line == '#' || is_blank(*line)); line++, n--)
			;
		if (n == 0)
			continue;
		if (split(line, n, &f) < 0) {
			if (!comment)
				zw_feed_bad(feed, number, line, n, "a row with an open quote");
			continue;
		}
		if (comment || columns.value < 0) {
			if (take_names(&f, &columns) || comment)
				continue;
			rows++;
			continue;
		}
		r = take_row(feed, number, &f, &columns);
	}
	if (r == 0 && rows > 0) {
		zw_str_addf(error,
			"no line before its rows names their columns: one of them must be "
			"url, ioc_value, dst_ip, host or domain");
		return -EINVAL;
	}
	return r;
}
