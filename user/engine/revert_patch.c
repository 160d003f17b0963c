/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A revert as a patch of a zone file: which of its rows are edited, dropped and added. */
#include "engine/revert.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rawzone.h"
#include "engine/revert_rows.h"

#define SOA_WORDS 7 /* two names, then serial, refresh, retry, expire, minimum */
#define SOA_SERIAL 2

/* A record of an RRset that is put back, and where it is written. */
struct filed {
	size_t set; /* of the revert's; the SOA: as many as there are */
	uint8_t *rdata;
	uint16_t len;
	uint32_t file;
	uint64_t line;
};

struct patch {
	const struct zw_revert *v;
	struct zw_rows rows;
	ZW_VEC(struct filed) filed;
	size_t *last_row; /* of each set: 1 + the last row with a record of its name; 0: none */
	struct zw_builder *builder;
	struct zw_revert_refusal *refusal;
};

static void patch_done(struct patch *p)
{
	ZW_VEC_FOREACH(f, &p->filed)
		free(f->rdata);
	zw_vec_free(&p->filed);
	zw_rows_done(&p->rows);
	zw_builder_free(p->builder);
	free(p->last_row);
}

static int refuse(struct patch *p, int code, const uint8_t *owner, uint16_t type, const char *why)
{
	char name[ZW_NAME_TEXT_MAX], text[ZW_TYPE_TEXT_MAX];

	zw_name_to_text(owner, name);
	zw_str_addf(&p->refusal->why, "%s %s %s", name, zw_type_to_text(type, text), why);
	return code;
}

/* --- where the records are --------------------------------------------------------------------------- */

static int file_record(struct patch *p, const struct zw_record *record, size_t set)
{
	struct filed f = {
		.set = set, .len = record->rdata_len, .file = record->file, .line = record->line};
	int r;

	f.rdata = malloc(record->rdata_len ? record->rdata_len : 1);
	if (!f.rdata)
		return -ENOMEM;
	memcpy(f.rdata, record->rdata, record->rdata_len);
	r = zw_vec_push(&p->filed, f);
	if (r < 0)
		free(f.rdata);
	return r;
}

static int on_record(void *ctx, const struct zw_record *record)
{
	struct patch *p = ctx;
	const struct zw_revert *v = p->v;
	struct zw_row *row = record->file == 0 ? zw_rows_at(&p->rows, record->line) : NULL;
	int r = zw_builder_add(p->builder, record);

	if (row)
		row->records++;
	if (r == 0 && record->type == ZW_TYPE_SOA)
		r = file_record(p, record, v->sets.len);
	for (size_t i = zw_revert_first(v, record->owner);
		r == 0 && i < v->sets.len && zw_name_equal(v->sets.items[i].owner, record->owner);
		i++) {
		if (row)
			p->last_row[i] = (size_t)(row - p->rows.rows.items) + 1;
		if (v->sets.items[i].type == record->type)
			r = file_record(p, record, i);
	}
	return r;
}

static int read_file(
	struct patch *p, const struct zw_zone_input *file, struct zw_snapshot **ret_now)
{
	struct zw_zone_error error = {};
	int r;

	if (zw_zone_format_detect(file->data, file->len) != ZW_ZONE_TEXT) {
		zw_str_add(&p->refusal->why, "the zone file is not text");
		return -EOPNOTSUPP;
	}
	p->last_row = calloc(p->v->sets.len + 1, sizeof(*p->last_row));
	if (!p->last_row)
		return -ENOMEM;
	r = zw_rows_split(file->data, file->len, &p->rows);
	if (r == 0)
		r = zw_builder_new(file->key, file->master.origin, NULL, &p->builder);
	if (r == 0)
		r = zw_master_parse(&file->master, file->data, file->len, on_record, p, &error);
	if (r == 0)
		r = zw_builder_finish(p->builder, ret_now);
	if (r == -EBADMSG)
		zw_str_addf(&p->refusal->why, "the zone file cannot be read: line %" PRIu64 ": %s",
			error.line, error.reason);
	return r;
}

/* The file may be behind a journal, or have been edited since. */
static int check_file(struct patch *p, const struct zw_snapshot *now)
{
	ZW_VEC_FOREACH(set, &p->v->sets) {
		struct zw_rrset there;
		bool is = zw_snapshot_lookup(now, set->owner, set->type, &there);

		if (is != (set->have.count > 0) || (is && !zw_rrset_equal(&there, &set->have)))
			return refuse(p, -ESTALE, set->owner, set->type,
				"is not in the zone file as the change left it");
	}
	return 0;
}

/* The one row that has this record and no other. */
static int row_of(struct patch *p, const struct filed *f, struct zw_row **ret_row)
{
	const struct zw_revert *v = p->v;
	const uint8_t *owner =
		f->set < v->sets.len ? v->sets.items[f->set].owner : zw_snapshot_origin(v->present);
	uint16_t type = f->set < v->sets.len ? v->sets.items[f->set].type : ZW_TYPE_SOA;
	struct zw_row *row = f->file == 0 ? zw_rows_at(&p->rows, f->line) : NULL;

	if (f->file)
		return refuse(p, -EOPNOTSUPP, owner, type, "is in a file that is included");
	if (!row || row->records != 1 || row->start[0] == '$')
		return refuse(
			p, -EOPNOTSUPP, owner, type, "has no line of its own in the zone file");
	*ret_row = row;
	return 0;
}

/* --- what is done to a row --------------------------------------------------------------------------- */

static int set_ttl(struct zw_row *row, uint32_t ttl)
{
	struct zw_row_fields f;

	if (!zw_row_fields(row, &f))
		return -EOPNOTSUPP;
	if (f.ttl)
		return zw_row_replace(row, f.ttl, f.ttl_len, zw_asprintf("%u", ttl));
	return zw_row_replace(row, f.type, 0, zw_asprintf("%u ", ttl));
}

static int set_data(struct zw_row *row, uint16_t type, const uint8_t *rdata, uint16_t len)
{
	struct zw_row_fields f;
	struct zw_str text = {};
	char *done;
	int r;

	if (!zw_row_fields(row, &f))
		return -EOPNOTSUPP;
	zw_revert_add_rdata(&text, type, rdata, len);
	r = zw_str_done(&text, &done);
	return r < 0 ? r : zw_row_replace(row, f.data, f.data_len, done);
}

static int add_record(
	struct patch *p, struct zw_row *row, const struct zw_revert_set *set, uint32_t i)
{
	uint16_t len;
	const uint8_t *rdata = zw_rrset_rdata(&set->want, i, &len);

	zw_revert_add_record(&row->more, set->owner, set->want.ttl, set->type, rdata, len);
	if (p->rows.crlf && !row->more.failed) {
		row->more.len--;
		zw_str_add(&row->more, "\r\n");
	}
	return row->more.failed ? -ENOMEM : 0;
}

static bool has_rdata(const struct zw_rrset *set, const uint8_t *rdata, uint16_t len)
{
	for (uint32_t i = 0; i < set->count; i++) {
		uint16_t other_len;
		const uint8_t *other = zw_rrset_rdata(set, i, &other_len);

		if (other_len == len && memcmp(other, rdata, len) == 0)
			return true;
	}
	return false;
}

/* The next record that is wanted and not there, from *@i on. */
static bool next_missing(const struct zw_revert_set *set, uint32_t *i)
{
	for (; *i < set->want.count; ++*i) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(&set->want, *i, &len);

		if (!has_rdata(&set->have, rdata, len))
			return true;
	}
	return false;
}

/* What is not wanted becomes what is, row by row, as long as there is either. */
static int edit_filed(
	struct patch *p, const struct filed *f, const struct zw_revert_set *set, uint32_t *missing)
{
	struct zw_row *row;
	int r = row_of(p, f, &row);

	if (r < 0)
		return r;
	if (!has_rdata(&set->want, f->rdata, f->len)) {
		uint16_t len;
		const uint8_t *rdata;

		if (!next_missing(set, missing)) {
			row->gone = true;
			return 0;
		}
		rdata = zw_rrset_rdata(&set->want, (*missing)++, &len);
		r = set_data(row, set->type, rdata, len);
	}
	if (r == 0 && set->have.ttl != set->want.ttl)
		r = set_ttl(row, set->want.ttl);
	return r;
}

/* New records come after those of the RRset, else of the name, else at the end. */
static int edit_set(struct patch *p, size_t i, size_t *at)
{
	const struct zw_revert_set *set = &p->v->sets.items[i];
	struct zw_row *last = NULL;
	uint32_t missing = 0;
	int r = 0;

	for (; r == 0 && *at < p->filed.len && p->filed.items[*at].set == i; ++*at) {
		r = edit_filed(p, &p->filed.items[*at], set, &missing);
		last = zw_rows_at(&p->rows, p->filed.items[*at].line);
	}
	if (!last)
		last = &p->rows.rows
				.items[p->last_row[i] ? p->last_row[i] - 1 : p->rows.rows.len - 1];
	for (; r == 0 && next_missing(set, &missing); missing++)
		r = add_record(p, last, set, missing);
	return r;
}

/* The words of an SOA as text; owned. */
static int split_soa(const uint8_t *rdata, uint16_t len, char **ret_text, char *ret_word[SOA_WORDS])
{
	char *save = NULL, *word;
	size_t n = 0;
	int r = zw_rdata_to_text(ZW_TYPE_SOA, rdata, len, ret_text);

	if (r < 0)
		return r;
	for (word = strtok_r(*ret_text, " ", &save); word && n < SOA_WORDS;
		word = strtok_r(NULL, " ", &save))
		ret_word[n++] = word;
	return n == SOA_WORDS ? 0 : -EBADMSG;
}

static int edit_soa(struct patch *p, const struct filed *f, const struct zw_snapshot *now)
{
	_zw_free_ char *have_text = NULL, *want_text = NULL;
	char *have[SOA_WORDS], *want[SOA_WORDS];
	struct zw_row_fields fields;
	struct zw_rrset soa;
	const uint8_t *rdata;
	struct zw_row *row;
	uint16_t len;
	int r = row_of(p, f, &row);

	if (r < 0)
		return r;
	if (!zw_snapshot_soa(now, &soa) || !zw_row_fields(row, &fields) ||
		fields.words != SOA_WORDS)
		return refuse(p, -EOPNOTSUPP, zw_snapshot_origin(now), ZW_TYPE_SOA,
			"is written in a way that cannot be edited");
	rdata = zw_rrset_rdata(&soa, 0, &len);
	r = split_soa(rdata, len, &have_text, have);
	if (r == 0)
		r = split_soa(p->v->soa, p->v->soa_len, &want_text, want);
	for (size_t i = 0; r == 0 && i < SOA_WORDS; i++)
		if (strcmp(have[i], want[i]) != 0)
			r = zw_row_replace(
				row, fields.word[i], fields.word_len[i], strdup(want[i]));
	if (r == 0 && soa.ttl != p->v->soa_ttl)
		r = set_ttl(row, p->v->soa_ttl);
	return r;
}

static int cmp_filed(const void *a, const void *b)
{
	const struct filed *x = a, *y = b;

	if (x->set != y->set)
		return x->set < y->set ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

static int edit_all(struct patch *p, const struct zw_snapshot *now)
{
	size_t at = 0;
	int r = 0;

	qsort(p->filed.items, p->filed.len, sizeof(*p->filed.items), cmp_filed);
	for (size_t i = 0; r == 0 && i < p->v->sets.len; i++)
		r = edit_set(p, i, &at);
	for (; r == 0 && at < p->filed.len; at++)
		r = edit_soa(p, &p->filed.items[at], now);
	return r < 0 ? r : zw_rows_name_heirs(&p->rows);
}

/* --- the result -------------------------------------------------------------------------------------- */

/* Reads what the patch makes of the file: an edit that moved a TTL or an owner on to other records is none. */
static int check_result(struct patch *p, const struct zw_zone_input *file, struct zw_snapshot *now)
{
	_zw_snapshot_ struct zw_snapshot *made = NULL, *want = NULL;
	_zw_str_ struct zw_str text = {};
	struct zw_zone_input in = *file;
	struct zw_zone_error error = {};
	int r = zw_rows_text(&p->rows, &text);

	if (r == 0)
		r = zw_revert_target(p->v, now, true, &want);
	if (r < 0)
		return r;
	in.data = text.buf;
	in.len = text.len;
	r = zw_zone_load(&in, now, &made, &error);
	if (r == 0 && zw_snapshot_equal(made, want))
		return 0;
	if (r < 0 && r != -EBADMSG)
		return r;
	zw_str_add(&p->refusal->why,
		"the zone file is written so that editing these lines changes others");
	return -EOPNOTSUPP;
}

static bool is_plain(const char *path)
{
	for (; *path; path++)
		if (!isgraph((unsigned char)*path) || *path == '"' || *path == '\\')
			return false;
	return true;
}

/* As patch(1) reads names that are not plain. */
static void add_path(struct zw_str *out, const char *prefix, const char *path)
{
	zw_str_add(out, prefix);
	if (is_plain(path)) {
		zw_str_add(out, path);
	} else {
		zw_str_add_char(out, '"');
		for (; *path; path++) {
			if (!isprint((unsigned char)*path) || *path == '"' || *path == '\\')
				zw_str_addf(out, "\\%03o", (unsigned char)*path);
			else
				zw_str_add_char(out, *path);
		}
		zw_str_add_char(out, '"');
	}
	zw_str_add_char(out, '\n');
}

int zw_revert_to_patch(const struct zw_revert *v, const struct zw_zone_input *file,
	const char *path, const struct zw_revert_heading *heading, struct zw_str *out,
	struct zw_revert_refusal *refusal)
{
	_zw_cleanup_(patch_done) struct patch p = {.v = v, .refusal = refusal};
	_zw_snapshot_ struct zw_snapshot *now = NULL;
	struct zw_revert there;
	int r = read_file(&p, file, &now);

	if (r == 0)
		r = check_file(&p, now);
	if (r == 0)
		r = zw_revert_rebase(v, now, &there);
	if (r < 0)
		return r;
	p.v = &there;
	r = edit_all(&p, now);
	if (r == 0)
		r = check_result(&p, file, now);
	if (r == -EOPNOTSUPP && !refusal->why.len)
		zw_str_add(&refusal->why, "a line of the zone file cannot be edited");
	if (r < 0)
		return r;
	zw_str_addf(out, "# %s\n", heading->title);
	add_path(out, "--- ", path);
	add_path(out, "+++ ", path);
	return zw_rows_diff(&p.rows, out);
}
