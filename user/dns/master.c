/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/master.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libzscanner/scanner.h>

#include "base/cleanup.h"
#include "dns/master_impl.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "dns/zonecheck.h"

/* As default TTL it means "none known". An explicit TTL of this value is read as absent, where BIND
 * would take 0: TTLs above 2^31-1 are errors (RFC 2181 section 8). */
#define NO_TTL UINT32_MAX
#define TTL_MAX 0x7fffffffU
/* Generated text is handed to the scanner in pieces of about this size. */
#define GENERATE_PIECE 65536
/* A refused line longer than this is called long: no record's text needs so much. */
#define LINE_LONG (4 * 65536)

/* One open file; includes nest as stack frames of parse_file(). */
struct source {
	const struct source *parent;
	const char *data;
	size_t len;
	const char *path;
	uint32_t file;
	unsigned int depth;
};

struct parser {
	const struct zw_master_options *options;
	zw_record_fn fn;
	void *ctx;
	struct zw_zone_error *error;
	struct zw_zonecheck check;
	uint8_t origin[ZW_NAME_MAX];
	uint8_t line_origin[ZW_NAME_MAX]; /* $ORIGIN in force before what is being read */
	zs_scanner_t *zs;
	int start_state; /* of the scanner at the beginning of a line */
	const struct source *source;
	uint32_t files;
	uint64_t generated;
	uint32_t last_ttl, soa_ttl; /* NO_TTL: none yet */
	uint64_t fixed_line;        /* line of the record being rewritten, 0: the scanner's */
	uint16_t fixed_type;        /* its real type, 0: the scanner's */
};

static int parse_input(struct parser *p);

static int fail(struct parser *p, enum zw_zone_errkind kind, const char *reason)
{
	uint64_t line = p->fixed_line ? p->fixed_line : p->zs->line_counter;

	return zw_zone_fail(p->error, kind, p->source->file, line, "%s", reason);
}

/* TTL rules of BIND's master.c: see enum zw_ttl_rule. False: none can be derived. */
static bool derive_ttl(struct parser *p, const zs_scanner_t *zs, uint32_t *ret_ttl)
{
	uint32_t ttl = zs->r_ttl, minimum;

	if (ttl == NO_TTL) {
		if (p->soa_ttl != NO_TTL)
			ttl = p->soa_ttl;
		else if (p->last_ttl != NO_TTL)
			ttl = p->last_ttl;
		else if (zs->r_type == ZW_TYPE_SOA &&
			 zw_soa_parse(zs->r_data, zs->r_data_length, NULL, &minimum) == 0)
			ttl = p->soa_ttl = minimum > TTL_MAX ? 0 : minimum;
		else
			return false;
	} else if (ttl > TTL_MAX) {
		ttl = 0;
	}
	p->last_ttl = ttl;
	*ret_ttl = ttl;
	return true;
}

static int emit(struct parser *p)
{
	zs_scanner_t *zs = p->zs;
	struct zw_record rec = {
		.owner = zs->r_owner,
		.rdata = zs->r_data,
		.type = p->fixed_type ? p->fixed_type : zs->r_type,
		.klass = zs->r_class,
		.rdata_len = (uint16_t)zs->r_data_length,
		.owner_len = (uint8_t)zs->r_owner_length,
		.file = p->source->file,
		.line = p->fixed_line ? p->fixed_line : zs->line_counter,
	};
	int r;

	if (!derive_ttl(p, zs, &rec.ttl))
		return fail(p, ZW_ZERR_NO_TTL, "no TTL given and none to inherit");
	zw_name_lower(zs->r_owner, rec.owner_len);
	zw_rdata_lower(rec.type, zs->r_data, rec.rdata_len);
	r = zw_zonecheck_record(&p->check, &rec, p->error);
	if (r < 0)
		return r;
	return p->fn(p->ctx, &rec);
}

/* Lets the scanner read @text as if it stood in the file, then forgets it. */
static int feed(struct parser *p, const char *text, size_t len)
{
	zs_scanner_t *zs = p->zs;

	zs->cs = p->start_state;
	zs->top = 0;
	zs->multiline = false;
	zs->long_string = false;
	zs->comma_list = false;
	zs->r_data_tail = 0;
	zs->error.code = ZS_OK;
	zs->error.fatal = false;
	if (zs_set_input_string(zs, text, len) != 0)
		return -EINVAL;
	return parse_input(p);
}

static bool already_open(const struct source *from, const struct source *s)
{
	for (; from; from = from->parent)
		if ((from->path && strcmp(from->path, s->path) == 0) ||
			(from->data == s->data && from->len == s->len && s->len > 0))
			return true;
	return false;
}

/* NUL bytes make a file binary, except in a comment, where servers pass over them: a hole punched into one
 * leaves the zone as it was. */
static bool nul_in_comment(const char *data, const char *nul)
{
	const char *p = memrchr(data, '\n', (size_t)(nul - data));
	bool quoted = false;

	for (p = p ? p + 1 : data; p < nul; p++) {
		if (*p == ';' && !quoted)
			return true;
		if (*p == '"')
			quoted = !quoted;
		if (*p == '\\')
			p++;
	}
	return false;
}

static int check_bytes(struct parser *p, const struct source *s)
{
	const char *end = s->data + s->len, *nul = s->data;
	uint64_t line = 1;

	while ((nul = memchr(nul, '\0', (size_t)(end - nul))) && nul_in_comment(s->data, nul)) {
		nul = memchr(nul, '\n', (size_t)(end - nul));
		if (!nul)
			return 0;
	}
	if (!nul)
		return 0;
	for (const char *q = s->data; (q = memchr(q, '\n', (size_t)(nul - q))); q++)
		line++;
	return zw_zone_fail(
		p->error, ZW_ZERR_BINARY, s->file, line, "NUL byte: this is not a text file");
}

/* A copy of @data with \r\n as \n, as BIND and NSD read it. NULL: no memory. */
static char *without_cr(const char *data, size_t len, size_t *ret_len)
{
	char *copy = malloc(len), *out = copy;

	if (!copy)
		return NULL;
	for (size_t i = 0; i < len; i++)
		if (data[i] != '\r' || i + 1 >= len || data[i + 1] != '\n')
			*out++ = data[i];
	*ret_len = (size_t)(out - copy);
	return copy;
}

/* Reads @s from its start with the scanner's present origin, owner and TTL. */
static int parse_file(struct parser *p, struct source *s)
{
	const struct source *outer = p->source;
	_zw_free_ char *copy = NULL;
	int r;

	r = check_bytes(p, s);
	if (r < 0)
		return r;
	if (s->len > 0 && memchr(s->data, '\r', s->len)) {
		copy = without_cr(s->data, s->len, &s->len);
		if (!copy)
			return -ENOMEM;
		s->data = copy;
	}
	p->zs->line_counter = 1;
	p->source = s;
	r = feed(p, s->data, s->len);
	p->source = outer;
	return r;
}

/* Keeps what $INCLUDE must not change: RFC 1035 section 5.1 (origin) and, as in BIND, the owner.
 * What $TTL sets in the file stays in force after it, as in BIND. */
static int include(struct parser *p)
{
	zs_scanner_t *zs = p->zs;
	struct source s = {.parent = p->source, .depth = p->source->depth + 1};
	__typeof__(zs->input) input = zs->input;
	uint64_t line = zs->line_counter, fixed_line = p->fixed_line;
	uint32_t owner_len = zs->r_owner_length, origin_len = zs->zone_origin_length;
	uint8_t owner[ZW_NAME_MAX], outer_origin[ZW_NAME_MAX];
	const char *path = zs->include_filename;
	_zw_free_ char *name = NULL;
	size_t len;
	int state = zs->cs, r;

	/* The scanner puts its directory, ".", before relative paths. */
	name = strdup(path[0] == '.' && path[1] == '/' ? path + 2 : path);
	if (!name)
		return -ENOMEM;
	s.path = name;
	if (!p->options->include)
		return fail(p, ZW_ZERR_INCLUDE, "$INCLUDE is not possible here");
	if (s.depth > ZW_MASTER_INCLUDE_DEPTH)
		return fail(p, ZW_ZERR_INCLUDE_DEPTH, "$INCLUDE nested too deeply");
	if (p->files >= ZW_MASTER_INCLUDE_TOTAL)
		return fail(p, ZW_ZERR_INCLUDE_DEPTH, "too many $INCLUDE directives");
	s.file = ++p->files;
	r = p->options->include(p->options->include_ctx, s.path, s.file, &s.data, &s.len);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return zw_zone_fail(p->error, ZW_ZERR_INCLUDE, p->source->file, line,
			"cannot open included file \"%s\": %s", s.path, strerror(-r));
	if (already_open(p->source, &s))
		return zw_zone_fail(p->error, ZW_ZERR_INCLUDE_LOOP, p->source->file, line,
			"file \"%s\" includes itself", s.path);

	memcpy(owner, zs->r_owner, owner_len);
	memcpy(outer_origin, zs->zone_origin, origin_len);
	if (zw_name_from_text((char *)zs->buffer, zs->zone_origin, &len) < 0)
		return fail(p, ZW_ZERR_SYNTAX, "invalid $INCLUDE origin");
	zs->zone_origin_length = (uint32_t)len;
	p->fixed_line = 0;
	r = parse_file(p, &s);
	p->fixed_line = fixed_line;
	memcpy(zs->zone_origin, outer_origin, origin_len);
	zs->zone_origin_length = origin_len;
	memcpy(zs->r_owner, owner, owner_len);
	zs->r_owner_length = owner_len;
	zs->line_counter = line;
	zs->input = input;
	zs->cs = state;
	zs->state = ZS_STATE_NONE;
	return r;
}

static int generate(struct parser *p, const struct zw_masterline *line)
{
	_zw_str_ struct zw_str text = {};
	uint8_t owner[ZW_NAME_MAX];
	uint32_t owner_len = p->zs->r_owner_length;
	struct zw_generate g;
	const char *reason;
	uint64_t steps;
	int r = 0;

	if (zw_generate_parse(line, &g, &reason) < 0)
		return fail(p, ZW_ZERR_GENERATE, reason);
	steps = zw_generate_steps(&g);
	p->generated += steps;
	if (steps > ZW_MASTER_GENERATE_STEPS || p->generated > ZW_MASTER_GENERATE_TOTAL)
		return fail(p, ZW_ZERR_GENERATE, "$GENERATE makes too many records");
	memcpy(owner, p->zs->r_owner, owner_len);
	for (uint64_t n = 0; n < steps && r == 0; n++) {
		r = zw_generate_line(&g, (uint32_t)(g.start + n * g.step), &text);
		if (r == -EINVAL)
			return fail(p, ZW_ZERR_GENERATE, "malformed ${...} in $GENERATE");
		if (r == 0 && (text.len >= GENERATE_PIECE || n + 1 == steps)) {
			r = feed(p, text.buf, text.len);
			text.len = 0;
		}
	}
	memcpy(p->zs->r_owner, owner, owner_len);
	p->zs->r_owner_length = owner_len;
	return r;
}

static bool is_name_error(int code)
{
	return code == ZS_BAD_DNAME_CHAR || code == ZS_BAD_OWNER;
}

/* Second try for a line the scanner refused. 1: there is nothing to rewrite. */
static int relax(struct parser *p, const struct zw_masterline *line, bool names)
{
	_zw_str_ struct zw_str text = {};
	struct zw_relaxed x = {};
	int r;

	r = zw_master_relax(line, p->line_origin, names, &x);
	if (r < 0)
		return r;
	text = x.text;
	if (x.result == ZW_RELAX_CLASS)
		return fail(p, ZW_ZERR_CLASS, "record of another class than IN");
	if (x.result == ZW_RELAX_SAME)
		return 1;
	p->fixed_type = x.type;
	r = feed(p, text.buf, text.len);
	p->fixed_type = 0;
	return r;
}

/* Finds the logical line that holds @at, going from @start, which is on line *line; *line becomes
 * the number of its last line. A relative $ORIGIN has spoilt the scanner's origin by the time it is
 * refused, so the origin is followed here. */
static bool find_line(struct parser *p, const char *start, const char *at, const char *end,
	uint64_t *line, struct zw_masterline *ret_line)
{
	struct zw_mastertoken t;
	const char *q;

	for (; zw_masterline_get(start, end, ret_line); start = ret_line->end + 1, ++*line) {
		*line += ret_line->newlines;
		if (at <= ret_line->end)
			return true;
		q = ret_line->start;
		if (*q != '$' || !zw_mastertoken_next(&q, ret_line->end, &t) ||
			!zw_mastertoken_is(&t, "$ORIGIN") ||
			!zw_mastertoken_next(&q, ret_line->end, &t) || t.len >= ZW_NAME_TEXT_MAX)
			continue;
		char text[ZW_NAME_TEXT_MAX] = {};

		memcpy(text, t.p, t.len);
		(void)zw_name_from_text(text, p->line_origin, NULL);
	}
	return false;
}

static int syntax_error(struct parser *p, int code, bool at_end, uint64_t line, size_t length)
{
	const zs_scanner_t *zs = p->zs;
	enum zw_zone_errkind kind = at_end ? ZW_ZERR_TRUNCATED : ZW_ZERR_SYNTAX;
	char where[64] = "";
	int n = zs->buffer_length > 0 ? (int)strnlen((const char *)zs->buffer, 40) : 0;

	if (length > LINE_LONG)
		snprintf(where, sizeof(where), " in a line of %zu bytes", length);
	if (at_end)
		return zw_zone_fail(p->error, kind, p->source->file, line,
			"ends inside a record: %s%s", zs_strerror(code), where);
	if (n > 0)
		return zw_zone_fail(p->error, kind, p->source->file, line, "%s%s before \"%.*s\"",
			zs_strerror(code), where, n, (const char *)zs->buffer);
	return zw_zone_fail(
		p->error, kind, p->source->file, line, "%s%s", zs_strerror(code), where);
}

/* True when @r comes from the scanner's refusal of a line of this very file. */
static bool is_refused(const struct parser *p, int r)
{
	return r == -EBADMSG && p->error->kind == ZW_ZERR_SYNTAX &&
	       p->error->file == p->source->file;
}

/* The scanner refused what it read from @start, on line @line. */
static int recover(struct parser *p, const char *start, uint64_t line, bool multiline)
{
	zs_scanner_t *zs = p->zs;
	const char *end = p->source->data + p->source->len;
	bool at_end = zs->input.eof;
	int code = zs->error.code, r;
	uint64_t error_line = zs->line_counter;
	struct zw_masterline l;
	struct zw_zone_error first;

	if (p->fixed_line)
		return syntax_error(p, code, false, p->fixed_line, 0);
	if (multiline || !find_line(p, start, at_end ? end : zs->input.current, end, &line, &l))
		return syntax_error(p, code, at_end, error_line, 0);
	syntax_error(p, code, at_end, error_line, (size_t)(l.end - l.start));
	first = *p->error;

	p->fixed_line = line;
	if (zw_generate_is(&l)) {
		r = generate(p, &l);
	} else {
		r = relax(p, &l, is_name_error(code));
		if (is_refused(p, r) && !is_name_error(code) && is_name_error(zs->error.code))
			r = relax(p, &l, true);
	}
	p->fixed_line = 0;
	if (r == 1 || is_refused(p, r)) {
		*p->error = first;
		return -EBADMSG;
	}
	if (r != 0)
		return r;
	zs->input = (__typeof__(zs->input)){.start = l.start, .current = l.end, .end = end};
	zs->cs = p->start_state;
	zs->state = ZS_STATE_NONE;
	zs->line_counter = line;
	return 0;
}

static int parse_input(struct parser *p)
{
	zs_scanner_t *zs = p->zs;
	int r = 0;

	while (r == 0) {
		const char *start = zs->input.current;
		uint64_t line = zs->line_counter;
		bool multiline = zs->multiline;

		memcpy(p->line_origin, zs->zone_origin, zs->zone_origin_length);
		if (zs_parse_record(zs) < 0)
			return fail(p, ZW_ZERR_SYNTAX, zs_strerror(zs->error.code));
		switch (zs->state) {
		case ZS_STATE_DATA:
			r = emit(p);
			break;
		case ZS_STATE_INCLUDE:
			r = include(p);
			break;
		case ZS_STATE_ERROR:
			r = recover(p, start, line, multiline);
			break;
		default:
			return 0;
		}
	}
	return r;
}

static void scanner_free(zs_scanner_t **zs)
{
	if (*zs)
		zs_deinit(*zs);
	free(*zs);
}

int zw_master_parse(const struct zw_master_options *options, const char *data, size_t len,
	zw_record_fn fn, void *ctx, struct zw_zone_error *ret_error)
{
	_zw_cleanup_(scanner_free) zs_scanner_t *zs = malloc(sizeof(*zs));
	struct zw_zone_error error = {};
	struct source source = {.data = data, .len = len};
	struct parser p = {.options = options,
		.fn = fn,
		.ctx = ctx,
		.error = &error,
		.zs = zs,
		.source = &source,
		.last_ttl = NO_TTL,
		.soa_ttl = NO_TTL};
	int r;

	if (!zs)
		return -ENOMEM;
	if (zs_init(zs, ".", ZW_CLASS_IN,
		    options->ttl_rule == ZW_TTL_FIXED ? options->default_ttl : NO_TTL) < 0)
		return -ENOMEM;
	zs->zone_origin_length = (uint32_t)zw_name_len(options->origin);
	memcpy(zs->zone_origin, options->origin, zs->zone_origin_length);
	memcpy(p.origin, options->origin, zs->zone_origin_length);
	zw_name_lower(p.origin, zs->zone_origin_length);
	zw_zonecheck_init(&p.check, p.origin);
	p.start_state = zs->cs;

	r = parse_file(&p, &source);
	if (r == 0)
		r = zw_zonecheck_end(&p.check, &error);
	if (r == -EBADMSG && error.kind != ZW_ZERR_NONE && ret_error)
		*ret_error = error;
	return r;
}
