/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who last set each record of a zone, or of a name in it. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/history_cmd.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "sink/clean.h"
#include "sink/history_blame.h"
#include "sink/human.h"
#include "sink/json_build.h"

static const char usage[] =
	"usage: zonewitness blame [OPTIONS] ZONE|NAME [TYPE]\n"
	"\n"
	"Each record of the zone as it is now, with the change that last set it: ID, time, who, how, verdict.\n"
	"Of a name, its own records; of a zone, those of all its names.\n"
	"\n"
	"  --subtree      the names below NAME too\n"
	"  --no-subtree   of a zone, those of its own name alone\n" ZW_ZONE_HELP ZW_HISTORY_HELP
	"  -h, --help     this text\n";

/* What a line still carries of an RRset. */
#define RDATA_MAX 8
#define RDATA_TEXT_MAX 200
#define WHO_WIDTH 14
#define WHO_MAX 40

/* "unauthorized" and "unattributed" are the longest. */
#define VERDICT_WIDTH 12

enum {
	OPT_SUBTREE = 256,
	OPT_NO_SUBTREE,
};

static const struct option long_options[] = {
	{"subtree", no_argument, NULL, OPT_SUBTREE},
	{"no-subtree", no_argument, NULL, OPT_NO_SUBTREE},
	ZW_ZONE_OPTIONS,
	ZW_HISTORY_OPTIONS,
	{"help", no_argument, NULL, 'h'},
	{},
};

enum subtree {
	SUBTREE_AUTO = 0, /* of a zone, not of another name */
	SUBTREE_YES,
	SUBTREE_NO,
};

struct blame_options {
	struct zw_history_cmd common;
	enum subtree subtree;
	uint16_t type;
	uint8_t name[ZW_NAME_MAX]; /* wire form, lower-case */
};

struct printer {
	const struct blame_options *o;
	const struct zw_reader_zone *zone;
	const struct zw_blame *blame;
	bool colour;
};

static int put_text(struct zw_str *s)
{
	if (s->failed)
		return -ENOMEM;
	fwrite(s->buf, 1, s->len, stdout);
	s->len = 0;
	return 0;
}

static void add_address(struct zw_str *s, const uint8_t key[static 16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool is_ipv4 = memcmp(key, mapped, sizeof(mapped)) == 0;
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(is_ipv4 ? AF_INET : AF_INET6, is_ipv4 ? key + sizeof(mapped) : key, text,
		sizeof(text));
	zw_str_add(s, text);
}

/* Of several who could have been it, none is named. */
static void add_who(struct zw_str *s, const struct zw_blame_change *change)
{
	if (change->attribution == ZW_ATTRIBUTION_NONE) {
		zw_str_add(s, "nobody seen");
	} else if (change->attribution == ZW_ATTRIBUTION_AMBIGUOUS) {
		zw_str_add(s, "one of several");
	} else if (change->user) {
		zw_clean_add_cut(s, change->user, WHO_MAX);
	} else if (change->uid >= 0) {
		zw_str_addf(s, "uid %lld", (long long)change->uid);
	} else if (change->tsig_key) {
		zw_str_add(s, "key ");
		zw_clean_add_cut(s, change->tsig_key, WHO_MAX);
	} else if (change->has_peer) {
		add_address(s, change->peer);
	} else {
		zw_str_add(s, "the server");
	}
}

static void add_verdict(struct zw_str *s, bool colour, const struct zw_blame_change *change)
{
	bool loud = change->verdict == ZW_VERDICT_UNAUTHORIZED ||
		    change->verdict == ZW_VERDICT_UNATTRIBUTED;
	const char *name = zw_verdict_to_string(change->verdict);
	enum zw_tone tone = change->verdict == ZW_VERDICT_AUTHORIZED ? ZW_TONE_GOOD
			    : loud && !change->acked                 ? ZW_TONE_BAD
								     : ZW_TONE_PLAIN;
	char text[32] = "";

	for (size_t i = 0; name[i] && i + 1 < sizeof(text); i++)
		text[i] = loud ? (char)toupper((unsigned char)name[i]) : name[i];
	zw_human_tone(s, colour, tone, text);
	zw_str_addf(s, "%c%*s", change->acked ? '*' : ' ', (int)(VERDICT_WIDTH - strlen(text)), "");
}

static void add_change(struct zw_str *s, const struct printer *p, const struct zw_blame_change *c)
{
	_zw_str_ struct zw_str who = {};
	char when[ZW_HISTORY_TIME_MAX];

	add_who(&who, c);
	if (who.failed) {
		s->failed = true;
		return;
	}
	zw_clean_add(s, c->id);
	zw_str_addf(s, "  %s  %-*s  %-9s", zw_history_time(&p->o->common, c->time_ns, when),
		WHO_WIDTH, who.buf, zw_channel_to_string(c->channel));
	add_verdict(s, p->colour, c);
}

/* In the columns of those that have a change. */
static void add_no_change(struct zw_str *s, const struct printer *p, bool older)
{
	_zw_str_ struct zw_str text = {};
	char when[ZW_HISTORY_TIME_MAX];

	zw_str_addf(&text, "%-*s  ", ZW_ULID_LEN, older ? "older than the history" : "no event");
	zw_str_addf(&text, "%-19s  %-*s  %-9s %-*s",
		older ? zw_history_time(&p->o->common, p->blame->begin_ns, when) : "-", WHO_WIDTH,
		"-", "-", VERDICT_WIDTH, "-");
	if (text.failed)
		s->failed = true;
	else
		zw_human_tone(s, p->colour, ZW_TONE_DIM, text.buf);
}

static int print_line(const struct printer *p, const struct zw_blame_rrset *b)
{
	char name[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];
	_zw_str_ struct zw_str s = {};

	if (b->seq)
		add_change(&s, p, &p->blame->change[b->change]);
	else
		add_no_change(&s, p, b->older);
	zw_name_to_text(b->rrset.owner, name);
	zw_str_addf(&s, " %s %u %s ", name, b->rrset.ttl, zw_type_to_text(b->rrset.type, type));
	zw_human_rdatas(&s, &b->rrset, RDATA_MAX, RDATA_TEXT_MAX);
	zw_str_add_char(&s, '\n');
	return put_text(&s);
}

static json_t *who_value(const struct zw_blame_change *change)
{
	_zw_json_ json_t *object = json_object();
	_zw_str_ struct zw_str peer = {};
	bool failed = !object;

	zw_json_set(object, "user", zw_json_text(change->user), &failed);
	zw_json_set(
		object, "uid", change->uid >= 0 ? json_integer(change->uid) : json_null(), &failed);
	zw_json_set(object, "executable", zw_json_text(change->exe), &failed);
	zw_json_set(object, "tsig_key", zw_json_text(change->tsig_key), &failed);
	if (change->has_peer)
		add_address(&peer, change->peer);
	zw_json_set(object, "peer", zw_json_text(peer.buf), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *change_value(const struct zw_blame_change *change)
{
	_zw_json_ json_t *object = json_object();
	bool failed = !object, is_known = change->attribution >= ZW_ATTRIBUTION_PROBABLE;

	zw_json_set(object, "id", zw_json_text(change->id), &failed);
	zw_json_set(object, "time", zw_json_time(change->time_ns), &failed);
	zw_json_set(object, "channel", json_string(zw_channel_to_string(change->channel)), &failed);
	zw_json_set(object, "attribution",
		json_string(zw_attribution_to_string(change->attribution)), &failed);
	zw_json_set(object, "verdict", json_string(zw_verdict_to_string(change->verdict)), &failed);
	zw_json_set(object, "confirmed", json_boolean(change->acked), &failed);
	zw_json_set(object, "principal", is_known ? who_value(change) : json_null(), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

static json_t *rdatas_value(const struct zw_rrset *rrset)
{
	_zw_json_ json_t *list = json_array();
	bool failed = !list;

	for (size_t i = 0; i < rrset->count && !failed; i++) {
		_zw_free_ char *text = NULL;
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(rrset, i, &len);

		if (zw_rdata_to_text(rrset->type, rdata, len, &text) < 0)
			failed = true;
		else
			zw_json_append(list, zw_json_text(text), &failed);
	}
	return failed ? NULL : ZW_TAKE(list);
}

static int print_json(const struct printer *p, const struct zw_blame_rrset *b)
{
	char name[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];
	_zw_json_ json_t *object = json_object();
	_zw_str_ struct zw_str s = {};
	bool failed = !object;

	zw_name_to_text(b->rrset.owner, name);
	zw_json_set(object, "server", zw_json_text(p->zone->server), &failed);
	zw_json_set(object, "view", zw_json_text(p->zone->view), &failed);
	zw_json_set(object, "zone", zw_json_text(p->zone->zone), &failed);
	zw_json_set(object, "name", zw_json_text(name), &failed);
	zw_json_set(object, "type", json_string(zw_type_to_text(b->rrset.type, type)), &failed);
	zw_json_set(object, "ttl", json_integer(b->rrset.ttl), &failed);
	zw_json_set(object, "rdata", rdatas_value(&b->rrset), &failed);
	zw_json_set(object, "change",
		b->seq ? change_value(&p->blame->change[b->change]) : json_null(), &failed);
	if (b->older)
		zw_json_set(object, "older_than", zw_json_time(p->blame->begin_ns), &failed);
	if (failed || zw_json_dump(object, &s) < 0)
		return -ENOMEM;
	zw_str_add_char(&s, '\n');
	return put_text(&s);
}

static int print(const struct printer *p)
{
	int r = 0;

	for (size_t i = 0; i < p->blame->rrsets && r == 0; i++)
		r = p->o->common.json ? print_json(p, &p->blame->rrset[i])
				      : print_line(p, &p->blame->rrset[i]);
	if (r < 0) {
		zw_error("out of memory");
		return ZW_EXIT_FAILED;
	}
	if (p->blame->rrsets == 0) {
		zw_error("zone '%s' has no such records now", p->zone->zone);
		return ZW_EXIT_FAILED;
	}
	return ZW_EXIT_OK;
}

static int refuse(const struct zw_reader *reader, const struct zw_reader_zone *zone, int r)
{
	if (r != -ENOENT)
		return zw_history_cmd_failed(reader, "the zone", r);
	zw_error("the history has events of zone '%s', but no state of it", zone->zone);
	return ZW_EXIT_FAILED;
}

static int blame_zone(const struct blame_options *o, struct zw_reader *reader)
{
	_zw_reader_zone_ struct zw_reader_zone zone = {};
	_zw_blame_ struct zw_blame blame = {};
	struct zw_blame_scope scope = {.name = o->name, .type = o->type};
	uint8_t apex[ZW_NAME_MAX];
	int r;

	if (zw_history_cmd_zone_of(&o->common, reader, o->name, &zone) < 0)
		return ZW_EXIT_FAILED;
	if (o->subtree == SUBTREE_AUTO)
		scope.subtree = zw_name_from_text(zone.zone, apex, NULL) == 0 &&
				zw_name_equal(apex, o->name);
	else
		scope.subtree = o->subtree == SUBTREE_YES;
	r = zw_reader_blame(reader, zone.id, &scope, &blame);
	if (r < 0)
		return refuse(reader, &zone, r);
	return print(&(struct printer){
		.o = o,
		.zone = &zone,
		.blame = &blame,
		.colour = zw_history_colour(&o->common),
	});
}

static int blame(const struct blame_options *o)
{
	_zw_reader_close_ struct zw_reader *reader = NULL;
	int code, r = zw_history_cmd_open(&o->common, &reader);

	if (r < 0)
		return ZW_EXIT_FAILED;
	r = zw_reader_begin(reader);
	if (r < 0)
		return zw_history_cmd_failed(reader, "the history", r);
	code = blame_zone(o, reader);
	zw_reader_end(reader);
	return zw_history_flush(code);
}

static int take_arguments(int argc, char **argv, struct blame_options *o)
{
	size_t len;

	if (argc < 1 || argc > 2) {
		zw_error("blame takes a zone or a name, and perhaps a type");
		return ZW_EXIT_USAGE;
	}
	if (zw_name_from_text(argv[0], o->name, &len) < 0) {
		zw_error("'%s' is no domain name", argv[0]);
		return ZW_EXIT_USAGE;
	}
	zw_name_lower(o->name, len);
	if (argc == 2 && zw_type_from_text(argv[1], &o->type) < 0) {
		zw_error("'%s' is no type of records", argv[1]);
		return ZW_EXIT_USAGE;
	}
	return -1;
}

/* Exit code, or -1 to go on. */
static int parse_options(int argc, char **argv, struct blame_options *o)
{
	int c, code;

	while ((c = zw_history_getopt(&o->common, argc, argv, long_options, usage, &code)) >= 0) {
		switch (c) {
		case OPT_SUBTREE:
			o->subtree = SUBTREE_YES;
			break;
		case OPT_NO_SUBTREE:
			o->subtree = SUBTREE_NO;
			break;
		}
	}
	if (code >= 0)
		return code;
	return take_arguments(argc - optind, argv + optind, o);
}

int zw_cmd_blame(int argc, char **argv)
{
	struct blame_options o = {};
	int code = parse_options(argc, argv, &o);

	return code >= 0 ? code : blame(&o);
}
