/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/revert_rows.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void zw_rows_done(struct zw_rows *t)
{
	ZW_VEC_FOREACH(row, &t->rows) {
		ZW_VEC_FOREACH(edit, &row->edits)
			free(edit->text);
		zw_vec_free(&row->edits);
		zw_str_free(&row->more);
	}
	zw_vec_free(&t->rows);
	zw_vec_free(&t->by_line);
}

int zw_rows_split(const char *text, size_t len, struct zw_rows *ret_rows)
{
	_zw_rows_ struct zw_rows t = {.text = text, .len = len};
	const char *newline = len ? memchr(text, '\n', len) : NULL;
	struct zw_masterline line;
	size_t first = 1;
	int r = 0;

	t.crlf = newline && newline > text && newline[-1] == '\r';
	for (const char *p = text; r == 0 && zw_masterline_get(p, text + len, &line);
		p = line.end + 1) {
		struct zw_row row = {.start = line.start,
			.end = line.end,
			.first = first,
			.lines = (size_t)line.newlines + 1};

		for (size_t i = 0; r == 0 && i < row.lines; i++)
			r = zw_vec_push(&t.by_line, t.rows.len);
		if (r == 0)
			r = zw_vec_push(&t.rows, row);
		first += row.lines;
	}
	if (r < 0)
		return r;
	*ret_rows = t;
	t = (struct zw_rows){};
	return 0;
}

struct zw_row *zw_rows_at(const struct zw_rows *t, uint64_t line)
{
	if (line == 0 || line > t->by_line.len)
		return NULL;
	return &t->rows.items[t->by_line.items[line - 1]];
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* With its quotes. */
static const char *word_start(const struct zw_mastertoken *t)
{
	return t->quoted ? t->p - 1 : t->p;
}

/* The parentheses that the data is in, which may begin before its first word and end after its last. */
static void widen(const struct zw_row *row, const char *from, struct zw_row_fields *f)
{
	const char *end = f->data + f->data_len;
	bool quoted = false;

	for (const char *p = from; p < row->end; p++) {
		if (*p == '\\' && p + 1 < row->end)
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (*p == ';') {
			p = memchr(p, '\n', (size_t)(row->end - p));
			if (!p)
				break;
		} else if (*p == '(' && p < f->data)
			f->data = p;
		else if (*p == ')' && p >= end)
			end = p + 1;
	}
	f->data_len = (size_t)(end - f->data);
}

static void take_data(const struct zw_row *row, const char *p, struct zw_row_fields *f)
{
	const char *from = p;
	struct zw_mastertoken t;

	while (zw_mastertoken_next(&p, row->end, &t)) {
		if (!f->data)
			f->data = word_start(&t);
		f->data_len = (size_t)(p - f->data);
		if (t.quoted || f->words == ZW_ARRAY_SIZE(f->word))
			continue;
		f->word[f->words] = t.p;
		f->word_len[f->words++] = t.len;
	}
	if (f->data)
		widen(row, from, f);
}

bool zw_row_fields(const struct zw_row *row, struct zw_row_fields *ret_fields)
{
	struct zw_row_fields f = {};
	const char *p = row->start;
	struct zw_mastertoken t;

	if (p == row->end || *p == '$')
		return false;
	if (!is_blank(*p)) {
		if (!zw_mastertoken_next(&p, row->end, &t))
			return false;
		f.owner = word_start(&t);
		f.owner_len = (size_t)(p - f.owner);
	}
	while (!f.type) {
		if (!zw_mastertoken_next(&p, row->end, &t))
			return false;
		if (t.len && isdigit((unsigned char)*t.p)) {
			f.ttl = t.p;
			f.ttl_len = t.len;
		} else if (!zw_mastertoken_is(&t, "IN") && !zw_mastertoken_is(&t, "CLASS1")) {
			f.type = t.p;
			f.type_len = t.len;
		}
	}
	take_data(row, p, &f);
	*ret_fields = f;
	return f.data != NULL;
}

int zw_row_replace(struct zw_row *row, const char *at, size_t len, char *text)
{
	struct zw_row_edit edit = {at, len, text};
	size_t i;
	int r = text ? zw_vec_push(&row->edits, edit) : -ENOMEM;

	if (r < 0) {
		free(text);
		return r;
	}
	for (i = row->edits.len - 1; i > 0 && row->edits.items[i - 1].at > at; i--)
		row->edits.items[i] = row->edits.items[i - 1];
	row->edits.items[i] = edit;
	return 0;
}

int zw_rows_name_heirs(struct zw_rows *t)
{
	const char *owner = NULL;
	size_t owner_len = 0;
	bool lost = false;
	int r = 0;

	ZW_VEC_FOREACH(row, &t->rows) {
		struct zw_row_fields f;
		size_t blanks = 0;

		if (r < 0)
			break;
		if (!row->records || !zw_row_fields(row, &f))
			continue;
		if (f.owner) {
			owner = f.owner;
			owner_len = f.owner_len;
			lost = row->gone;
			continue;
		}
		if (row->gone || !lost || !owner)
			continue;
		/* As far as there is room for it the columns stay. */
		while (is_blank(row->start[blanks + 1]) && blanks + 1 < owner_len + 1)
			blanks++;
		r = zw_row_replace(row, row->start, row->start[0] == ' ' ? blanks : 0,
			strndup(owner, owner_len));
		lost = false;
	}
	return r;
}

static void add_row(struct zw_str *out, const struct zw_row *row)
{
	const char *p = row->start;

	ZW_VEC_FOREACH(edit, &row->edits) {
		zw_str_add_len(out, p, (size_t)(edit->at - p));
		zw_str_add(out, edit->text);
		p = edit->at + edit->len;
	}
	zw_str_add_len(out, p, (size_t)(row->end - p));
}

/* The last line may be without a newline, as long as nothing comes after it. */
static bool has_newline(const struct zw_rows *t, const struct zw_row *row)
{
	return row->end < t->text + t->len;
}

int zw_rows_text(const struct zw_rows *t, struct zw_str *out)
{
	ZW_VEC_FOREACH(row, &t->rows) {
		if (!row->gone) {
			add_row(out, row);
			if (has_newline(t, row) || row->more.len)
				zw_str_add_char(out, '\n');
		}
		zw_str_add_len(out, row->more.buf ? row->more.buf : "", row->more.len);
	}
	return out->failed ? -ENOMEM : 0;
}
