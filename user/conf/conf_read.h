/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to conf/: YAML in, mistakes and events out. */
#pragma once

#include <stdbool.h>
#include <yaml.h>

#include "base/hash.h"
#include "conf/conf.h"

/* A configuration that is larger is not one: 100,000 zones with long paths take a tenth of it. */
#define ZW_CONF_BYTES_MAX (16U << 20)
/* The schema needs 4 levels; deeper input is refused before it can use memory. */
#define ZW_CONF_DEPTH_MAX 16
/* A file that is no configuration at all should not print a message for each of its lines. */
#define ZW_CONF_MISTAKES_MAX 50

struct zw_conf_reader {
	const char *name; /* of the file, in messages */
	const char *text;
	size_t len;
	struct zw_str *error;
	yaml_parser_t parser;
	yaml_event_t event; /* the current one; YAML_NO_EVENT at first and once @stop is set */
	unsigned int depth, mistakes;
	bool stop;                 /* nothing more can be read */
	int failed;                /* -ENOMEM */
	struct zw_map *zone_names; /* canonical name -> line as uintptr_t */
};

int zw_conf_reader_init(struct zw_conf_reader *reader, const char *name, const char *text,
	size_t len, struct zw_str *error);
void zw_conf_reader_done(struct zw_conf_reader *reader);

/* Moves on to the next event. When there is none, the mistake is noted and @stop set; callers loop until
 * they see the event they wait for or @stop. */
void zw_conf_next(struct zw_conf_reader *reader);
/* With the current event the first of a node, moves on to its last, whatever is in it. */
void zw_conf_skip(struct zw_conf_reader *reader);

/* Appends "NAME:LINE:COLUMN: ..." to the errors. */
void zw_conf_mistake(struct zw_conf_reader *reader, yaml_mark_t at, const char *fmt, ...)
	_zw_printf_(3, 4);
/* Gives up for want of memory. */
void zw_conf_no_memory(struct zw_conf_reader *reader);

/* Text from the file as a message shows it: in quotes, escaped, cut when long. Static storage would be
 * shared, so the caller brings the buffer. */
#define ZW_CONF_QUOTE_MAX 300
const char *zw_conf_quote(const char *text, size_t len, char buf[static ZW_CONF_QUOTE_MAX]);

/* The current event's scalar. */
static inline const char *zw_conf_text(const struct zw_conf_reader *reader, size_t *ret_len)
{
	*ret_len = reader->event.data.scalar.length;
	return (const char *)reader->event.data.scalar.value;
}
