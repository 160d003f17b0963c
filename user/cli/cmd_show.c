/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One event of the history whole, with what else there is around it. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/show_text.h"

/* Events of each kind that may belong to it. */
#define RELATED_MAX 5

static const char usage[] =
	"usage: zonewitness show [OPTIONS] ID...\n"
	"\n"
	"One change of the history, or another event, whole: the records before and after, who did it and how,\n"
	"from the login to the server, why it was judged so, who confirmed it, and what else happened around\n"
	"it, by the same principal, from the same address, with the same data. The beginning of an ID will\n"
	"do, if no other begins so.\n"
	"\n"
	"  --all          every record that changed, however many, and the SOA\n"
	"  --related N    so many other events of each kind (default 5), 0 for none\n" ZW_HISTORY_HELP
	"  -h, --help     this text\n";

enum {
	OPT_ALL = 256,
	OPT_RELATED,
};

static const struct option long_options[] = {
	{"all", no_argument, NULL, OPT_ALL},
	{"related", required_argument, NULL, OPT_RELATED},
	ZW_HISTORY_OPTIONS,
	{"help", no_argument, NULL, 'h'},
	{},
};

struct show_options {
	struct zw_history_cmd common;
	uint32_t related;
	bool all;
};

static int read_list(struct zw_reader *reader, const struct zw_reader_event *event,
	enum zw_related kind, size_t max, struct zw_show_list *list)
{
	_zw_reader_seqs_ struct zw_reader_seqs seqs = {};
	int r = zw_reader_related(reader, event, kind, max, &seqs);

	for (size_t i = 0; i < seqs.len && r == 0; i++) {
		r = zw_vec_reserve(list, list->len + 1);
		if (r == 0)
			r = zw_reader_event(reader, seqs.items[i], &list->items[list->len]);
		/* A neighbour that is damaged is no reason not to show the event itself. */
		if (r == -EUCLEAN || r == -ENOENT)
			r = 0;
		else if (r == 0)
			list->len++;
	}
	return r;
}

static int read_show(
	const struct show_options *o, struct zw_reader *reader, uint64_t seq, struct zw_show *show)
{
	int r = zw_reader_event(reader, seq, &show->event);

	if (r == 0 && show->event.zone_id)
		r = zw_reader_zone(reader, show->event.zone_id, &show->zone);
	if (r == -ENOENT)
		r = 0;
	for (size_t kind = 0; kind < _ZW_RELATED_MAX && r == 0 && o->related > 0; kind++)
		r = read_list(reader, &show->event, (enum zw_related)kind, o->related,
			&show->related[kind]);
	return r;
}

static int show_one(const struct show_options *o, struct zw_reader *reader, const char *id)
{
	_zw_show_ struct zw_show show = {.cmd = &o->common, .all = o->all};
	_zw_str_ struct zw_str s = {};
	uint64_t seq;
	int r;

	if (zw_history_cmd_find(&o->common, reader, id, &seq) < 0)
		return ZW_EXIT_FAILED;
	r = read_show(o, reader, seq, &show);
	if (r < 0)
		return zw_history_cmd_failed(reader, "the event", r);
	if (o->common.json)
		zw_show_json(&s, &show);
	else
		zw_show_text(&s, &show);
	if (s.failed)
		return zw_history_cmd_failed(reader, "the event", -ENOMEM);
	fwrite(s.buf, 1, s.len, stdout);
	return ZW_EXIT_OK;
}

static int show_all(const struct show_options *o, char **ids, size_t n)
{
	_zw_reader_close_ struct zw_reader *reader = NULL;
	int code = ZW_EXIT_OK, r = zw_history_cmd_open(&o->common, &reader);

	if (r == 0 && (r = zw_reader_begin(reader)) < 0)
		zw_history_cmd_failed(reader, "the history", r);
	if (r < 0)
		return ZW_EXIT_FAILED;
	for (size_t i = 0; i < n && code == ZW_EXIT_OK; i++) {
		if (i > 0 && !o->common.json)
			putchar('\n');
		code = show_one(o, reader, ids[i]);
	}
	zw_reader_end(reader);
	return zw_history_flush(code);
}

/* Exit code, or -1 to go on. */
static int parse_options(int argc, char **argv, struct show_options *o)
{
	int c, code;

	while ((c = zw_history_getopt(&o->common, argc, argv, long_options, usage, &code)) >= 0) {
		switch (c) {
		case OPT_ALL:
			o->all = true;
			break;
		case OPT_RELATED:
			if (zw_parse_u32(optarg, &o->related) == 0 && o->related <= 1000)
				break;
			zw_error("--related '%s' is no number from 0 to 1000", optarg);
			return ZW_EXIT_USAGE;
		}
	}
	if (code >= 0)
		return code;
	if (optind < argc)
		return -1;
	zw_error("show takes the ID of an event; 'zonewitness log' has them");
	return ZW_EXIT_USAGE;
}

int zw_cmd_show(int argc, char **argv)
{
	struct show_options o = {.related = RELATED_MAX};
	int code = parse_options(argc, argv, &o);

	return code >= 0 ? code : show_all(&o, argv + optind, (size_t)(argc - optind));
}
