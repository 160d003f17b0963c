/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/conf_read.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* Bytes of the file shown in a message. Each may become four ("\x1b"), and there are quotes and dots. */
#define QUOTED_BYTES 64

int zw_conf_reader_init(struct zw_conf_reader *reader, const char *name, const char *text,
	size_t len, struct zw_str *error)
{
	*reader = (struct zw_conf_reader){.name = name, .text = text, .len = len, .error = error};
	if (!yaml_parser_initialize(&reader->parser))
		return -ENOMEM;
	if (zw_map_new(&reader->zone_names) < 0) {
		yaml_parser_delete(&reader->parser);
		return -ENOMEM;
	}
	/* Said, not guessed: a byte order mark must not turn the file into UTF-16. */
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)text, len);
	return 0;
}

void zw_conf_reader_done(struct zw_conf_reader *reader)
{
	yaml_event_delete(&reader->event);
	yaml_parser_delete(&reader->parser);
	zw_map_free(reader->zone_names);
}

const char *zw_conf_quote(const char *text, size_t len, char buf[static ZW_CONF_QUOTE_MAX])
{
	bool cut = len > QUOTED_BYTES;
	_zw_str_ struct zw_str s = {};

	/* Not in the middle of a UTF-8 sequence. */
	if (cut)
		for (len = QUOTED_BYTES; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;
			len--)
			;
	zw_str_add_escaped(&s, text, len);
	snprintf(buf, ZW_CONF_QUOTE_MAX, "\"%s%s\"", s.buf && !s.failed ? s.buf : "",
		cut ? "..." : "");
	return buf;
}

static void add_position(struct zw_conf_reader *reader, yaml_mark_t at)
{
	zw_str_add_escaped(reader->error, reader->name, strlen(reader->name));
	zw_str_addf(reader->error, ":%zu:%zu: ", at.line + 1, at.column + 1);
}

void zw_conf_mistake(struct zw_conf_reader *reader, yaml_mark_t at, const char *fmt, ...)
{
	_zw_free_ char *text = NULL;
	va_list ap;

	if (reader->stop)
		return;
	va_start(ap, fmt);
	text = zw_vasprintf(fmt, ap);
	va_end(ap);
	if (!text) {
		zw_conf_no_memory(reader);
		return;
	}
	if (reader->mistakes++)
		zw_str_add_char(reader->error, '\n');
	add_position(reader, at);
	zw_str_add(reader->error, text);
	if (reader->mistakes < ZW_CONF_MISTAKES_MAX)
		return;
	zw_str_add_char(reader->error, '\n');
	add_position(reader, at);
	zw_str_add(reader->error, "too many mistakes, the rest of the file was not read");
	reader->stop = true;
}

void zw_conf_no_memory(struct zw_conf_reader *reader)
{
	reader->failed = -ENOMEM;
	reader->stop = true;
}

#define QUOTE_HINT "text that begins with * or & needs quotes"

/* libyaml gives a byte offset alone when the file is no text. */
static yaml_mark_t mark_of_offset(const struct zw_conf_reader *reader, size_t offset)
{
	yaml_mark_t mark = {};

	for (size_t i = 0; i < offset && i < reader->len; i++) {
		unsigned char c = (unsigned char)reader->text[i];

		if (c == '\n') {
			mark.line++;
			mark.column = 0;
		} else if ((c & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	return mark;
}

static void syntax_mistake(struct zw_conf_reader *reader)
{
	const yaml_parser_t *p = &reader->parser;

	switch (p->error) {
	case YAML_MEMORY_ERROR:
		zw_conf_no_memory(reader);
		return;
	case YAML_READER_ERROR:
		zw_conf_mistake(reader, mark_of_offset(reader, p->problem_offset),
			"not UTF-8 text: %s", p->problem);
		return;
	case YAML_SCANNER_ERROR:
		if (p->context && (strstr(p->context, "alias") || strstr(p->context, "anchor"))) {
			zw_conf_mistake(reader, p->problem_mark, "not YAML: " QUOTE_HINT);
			return;
		}
		break;
	default:
		break;
	}
	/* The context is where the unfinished thing began, often far above. */
	if (p->context && p->context_mark.line != p->problem_mark.line)
		zw_conf_mistake(reader, p->problem_mark, "not YAML: %s (%s from line %zu on)",
			p->problem, p->context, p->context_mark.line + 1);
	else
		zw_conf_mistake(reader, p->problem_mark, "not YAML: %s", p->problem);
}

/* Anchors and aliases could make a small file large, and tags make text something else; a configuration
 * needs neither. */
static void refuse_extras(struct zw_conf_reader *reader)
{
	const yaml_event_t *e = &reader->event;
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch (e->type) {
	case YAML_SCALAR_EVENT:
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
		break;
	case YAML_ALIAS_EVENT:
		zw_conf_mistake(reader, e->start_mark,
			"aliases (\"*name\") are not supported; " QUOTE_HINT);
		return;
	default:
		return;
	}
	if (anchor)
		zw_conf_mistake(reader, e->start_mark, "anchors (\"&name\") are not supported");
	if (tag)
		zw_conf_mistake(reader, e->start_mark, "tags (\"!name\") are not supported");
}

static void follow_depth(struct zw_conf_reader *reader)
{
	switch (reader->event.type) {
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (++reader->depth <= ZW_CONF_DEPTH_MAX)
			return;
		zw_conf_mistake(reader, reader->event.start_mark, "nested more than %d levels deep",
			ZW_CONF_DEPTH_MAX);
		reader->stop = true;
		return;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		reader->depth--;
		return;
	default:
		return;
	}
}

void zw_conf_next(struct zw_conf_reader *reader)
{
	yaml_event_delete(&reader->event);
	if (reader->stop)
		return;
	if (!yaml_parser_parse(&reader->parser, &reader->event)) {
		syntax_mistake(reader);
		reader->stop = true;
	} else {
		refuse_extras(reader);
		follow_depth(reader);
	}
	if (reader->stop)
		yaml_event_delete(&reader->event);
}

void zw_conf_skip(struct zw_conf_reader *reader)
{
	unsigned int depth = reader->depth;

	if (reader->event.type != YAML_SEQUENCE_START_EVENT &&
		reader->event.type != YAML_MAPPING_START_EVENT)
		return;
	/* follow_depth() has counted the node's own level already. */
	while (!reader->stop && reader->depth >= depth)
		zw_conf_next(reader);
}
