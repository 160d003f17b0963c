/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/rrtext.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libzscanner/scanner.h>

#include "base/str.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "dns/zonecheck.h"

#define TTL_MAX 0x7fffffffU

struct zw_rrtext {
	struct zw_zonecheck check;
	zw_record_fn fn;
	void *ctx;
	int start_state; /* of the scanner at the beginning of a line */
	struct zw_str line;
	uint8_t origin[ZW_NAME_MAX];
	zs_scanner_t zs;
};

int zw_rrtext_new(const uint8_t *origin, zw_record_fn fn, void *ctx, struct zw_rrtext **ret_rrtext)
{
	struct zw_rrtext *t = calloc(1, sizeof(*t));
	size_t len = zw_name_len(origin);

	if (!t)
		return -ENOMEM;
	if (zs_init(&t->zs, ".", ZW_CLASS_IN, 0) < 0) {
		free(t);
		return -ENOMEM;
	}
	memcpy(t->origin, origin, len);
	zw_name_lower(t->origin, len);
	zw_zonecheck_init(&t->check, t->origin);
	t->fn = fn;
	t->ctx = ctx;
	t->start_state = t->zs.cs;
	*ret_rrtext = t;
	return 0;
}

void zw_rrtext_free(struct zw_rrtext *t)
{
	if (!t)
		return;
	zs_deinit(&t->zs);
	zw_str_free(&t->line);
	free(t);
}

/* Characters of a name that the scanner takes unescaped. */
static bool is_name_char(uint8_t c)
{
	return isalnum(c) || (c && strchr("*-_/.", c));
}

/* Whether @c would mean something to the scanner, outside of quotes, that it does not mean here. */
static bool is_syntax(uint8_t c)
{
	return strchr(";()@", c) != NULL;
}

/* Octets of one character string (RFC 1035 section 3.3). */
#define STRING_MAX 255

/* Length of the escape at @p, \DDD or \X; 0 where it is none. */
static size_t escape_len(const uint8_t *p)
{
	if (p[0] != '\\' || p[1] <= 0x20 || p[1] > 0x7e)
		return 0;
	return isdigit(p[1]) && isdigit(p[2]) && isdigit(p[3]) ? 4 : 2;
}

struct line {
	struct zw_str *out;
	bool names;   /* also escape what the scanner takes in other words, but not in names */
	bool strings; /* cut what is too long for one string, as PowerDNS does */
	bool quoted;
	size_t octets; /* since the quote */
};

/* What stands at @p; returns its length. */
static size_t add_octet(struct line *l, const uint8_t *p)
{
	size_t escape = escape_len(p);

	if (l->quoted && l->strings && l->octets++ == STRING_MAX) {
		zw_str_add(l->out, "\" \"");
		l->octets = 1;
	}
	if (escape) {
		zw_str_add_len(l->out, (const char *)p, escape);
		return escape;
	}
	if (*p < 0x20 || *p > 0x7e || *p == '\\' || (!l->quoted && is_syntax(*p)) ||
		(!l->quoted && l->names && !is_name_char(*p)))
		zw_str_addf(l->out, "\\%03u", *p);
	else
		zw_str_add_char(l->out, (char)*p);
	return 1;
}

/* Copies @data so that it is one line whatever it holds. */
static void add_data(struct line *l, const char *data)
{
	const uint8_t *p = (const uint8_t *)data;

	while (*p) {
		if (*p == '"') {
			l->quoted = !l->quoted;
			l->octets = 0;
			zw_str_add_char(l->out, '"');
			p++;
		} else if (!l->quoted && (*p == ' ' || *p == '\t')) {
			zw_str_add_char(l->out, ' ');
			p++;
		} else {
			p += add_octet(l, p);
		}
	}
}

/* A name whose first octet is '#', which the scanner would take for the generic form (RFC 3597 section 5). */
static bool begins_as_name(const char *data)
{
	return data[0] == '\\' && data[1] == '#' && data[2] != ' ' && data[2] != '\t';
}

/* Lets the scanner read one record. 0; -EBADMSG, the scanner says why; -ENOMEM. @names is for a second try: what it
 * does not take in names it needs in words of other kinds. */
static int scan(struct zw_rrtext *t, uint16_t type, const char *data, bool names)
{
	zs_scanner_t *zs = &t->zs;
	uint16_t like = zw_type_like(type);
	struct line l = {.out = &t->line, .names = names, .strings = like == ZW_TYPE_TXT};
	char name[ZW_TYPE_TEXT_MAX];

	t->line.len = 0;
	zw_str_addf(&t->line, ". 0 IN %s ", zw_type_to_text(like, name));
	if (begins_as_name(data)) {
		zw_str_add(&t->line, "\\035");
		data += 2;
	}
	add_data(&l, data);
	zw_str_add_char(&t->line, '\n');
	if (t->line.failed)
		return -ENOMEM;
	zs->cs = t->start_state;
	zs->top = 0;
	zs->multiline = zs->long_string = zs->comma_list = false;
	zs->r_data_tail = 0;
	zs->line_counter = 1;
	zs->error.code = ZS_OK;
	zs->error.fatal = false;
	if (zs_set_input_string(zs, t->line.buf, t->line.len) != 0)
		return -ENOMEM;
	if (zs_parse_record(zs) < 0)
		return -EBADMSG;
	return zs->state == ZS_STATE_DATA ? 0 : -EBADMSG;
}

static int fail_data(const struct zw_rrtext *t, const char *owner, uint16_t type, const char *data,
	struct zw_zone_error *error)
{
	const char *why = t->zs.error.code == ZS_OK ? "incomplete" : zs_strerror(t->zs.error.code);
	char name[ZW_TYPE_TEXT_MAX];

	return zw_zone_fail(error, ZW_ZERR_SYNTAX, 0, 0, "%s in %s %s \"%.60s\"", why, owner,
		zw_type_to_text(type, name), data);
}

int zw_rrtext_add(struct zw_rrtext *t, const char *owner, uint32_t ttl, uint16_t type,
	const char *data, struct zw_zone_error *error)
{
	uint8_t name[ZW_NAME_MAX];
	struct zw_record rec = {.owner = name, .type = type, .klass = ZW_CLASS_IN};
	size_t len;
	int r;

	if (zw_name_from_text(owner, name, &len) < 0)
		return zw_zone_fail(
			error, ZW_ZERR_SYNTAX, 0, 0, "\"%.200s\" is no domain name", owner);
	if (zw_type_is_meta(type))
		return zw_zone_fail(error, ZW_ZERR_TYPE, 0, 0, "type %u cannot be in a zone", type);
	r = scan(t, type, data, false);
	if (r == -EBADMSG)
		r = scan(t, type, data, true);
	if (r == -EBADMSG)
		return fail_data(t, owner, type, data, error);
	if (r < 0)
		return r;
	zw_name_lower(name, len);
	rec.owner_len = (uint8_t)len;
	rec.ttl = ttl > TTL_MAX ? 0 : ttl;
	rec.rdata = t->zs.r_data;
	rec.rdata_len = (uint16_t)t->zs.r_data_length;
	zw_rdata_lower(type, t->zs.r_data, rec.rdata_len);
	r = zw_zonecheck_record(&t->check, &rec, error);
	return r < 0 ? r : t->fn(t->ctx, &rec);
}

int zw_rrtext_end(const struct zw_rrtext *t, struct zw_zone_error *error)
{
	return zw_zonecheck_end(&t->check, error);
}
