/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows as a unified diff (POSIX diff(1), "Diff -u Output Format"). */
#include "engine/revert_rows.h"

#include <errno.h>
#include <string.h>

#define CONTEXT 3

/* Lines of either file, in the order of the diff. */
struct line {
	char op; /* ' ', '-', '+' */
	const char *p;
	size_t len;
	bool newline;
};
typedef ZW_VEC(struct line) lines;

static int add_lines(lines *list, char op, const char *p, size_t len, bool newline)
{
	const char *end = p + len;
	int r = 0;

	while (r == 0) {
		const char *q = memchr(p, '\n', (size_t)(end - p));
		struct line line = {op, p, (size_t)((q ? q : end) - p), q || newline};

		r = zw_vec_push(list, line);
		if (!q)
			break;
		p = q + 1;
	}
	return r;
}

static bool same_line(const struct line *a, const struct line *b)
{
	return a->newline == b->newline && a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

/* Of a row with as many lines as before those that are the same stay. */
static int add_edited(lines *list, const lines *old, const lines *new)
{
	bool pairs = old->len == new->len;
	int r = 0;

	if (!pairs) {
		ZW_VEC_FOREACH(line, old)
			r = r < 0 ? r : zw_vec_push(list, *line);
		ZW_VEC_FOREACH(line, new)
			r = r < 0 ? r : zw_vec_push(list, *line);
		return r;
	}
	for (size_t i = 0; r == 0 && i < old->len; i++) {
		struct line line = old->items[i];

		if (same_line(&old->items[i], &new->items[i])) {
			line.op = ' ';
			r = zw_vec_push(list, line);
			continue;
		}
		r = zw_vec_push(list, line);
		if (r == 0)
			r = zw_vec_push(list, new->items[i]);
	}
	return r;
}

/* @text keeps what the lines of the new file lead to. */
static int add_row(
	const struct zw_rows *t, const struct zw_row *row, lines *list, struct zw_str *text)
{
	bool newline = row->end < t->text + t->len, later = newline || row->more.len;
	lines old = {}, new = {};
	int r;

	r = add_lines(&old, '-', row->start, (size_t)(row->end - row->start), newline);
	if (r == 0 && !row->gone) {
		const char *p = row->start;

		ZW_VEC_FOREACH(edit, &row->edits) {
			zw_str_add_len(text, p, (size_t)(edit->at - p));
			zw_str_add(text, edit->text);
			p = edit->at + edit->len;
		}
		zw_str_add_len(text, p, (size_t)(row->end - p));
		r = text->failed ? -ENOMEM : add_lines(&new, '+', text->buf, text->len, later);
	}
	if (r == 0)
		r = add_edited(list, &old, &new);
	zw_vec_free(&old);
	zw_vec_free(&new);
	return r;
}

static bool is_touched(const struct zw_rows *t, const struct zw_row *row)
{
	return row->gone || row->edits.len || (row->more.len && row->end == t->text + t->len);
}

static int collect(const struct zw_rows *t, lines *list, struct zw_str *texts)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->rows.len; i++) {
		const struct zw_row *row = &t->rows.items[i];

		if (is_touched(t, row))
			r = add_row(t, row, list, &texts[i]);
		else
			r = add_lines(list, ' ', row->start, (size_t)(row->end - row->start),
				row->end < t->text + t->len);
		if (r == 0 && row->more.len)
			r = add_lines(list, '+', row->more.buf, row->more.len - 1, true);
	}
	return r;
}

static void add_line(struct zw_str *out, const struct line *line)
{
	zw_str_add_char(out, line->op);
	zw_str_add_len(out, line->p, line->len);
	zw_str_add_char(out, '\n');
	if (!line->newline)
		zw_str_add(out, "\\ No newline at end of file\n");
}

/* Lines [@from, @end), of which the first are at these numbers of the two files. */
static void add_hunk(struct zw_str *out, const lines *list, size_t from, size_t end, size_t old_at,
	size_t new_at)
{
	size_t old = 0, new = 0;

	for (size_t i = from; i < end; i++) {
		old += list->items[i].op != '+';
		new += list->items[i].op != '-';
	}
	/* Without lines the number is that of the line before. */
	zw_str_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n", old ? old_at : old_at - 1, old,
		new ? new_at : new_at - 1, new);
	for (size_t i = from; i < end; i++)
		add_line(out, &list->items[i]);
}

/* Behind the last change that is near enough to the ones before it. */
static size_t hunk_end(const lines *list, size_t at)
{
	size_t last = at;

	for (size_t i = at; i < list->len && i <= last + 2 * CONTEXT; i++)
		if (list->items[i].op != ' ')
			last = i;
	return last + 1 + CONTEXT < list->len ? last + 1 + CONTEXT : list->len;
}

static void add_hunks(struct zw_str *out, const lines *list)
{
	size_t old_at = 1, new_at = 1, i = 0;

	while (i < list->len) {
		size_t ahead = 0, end;

		/* The first change and the context before it. */
		while (i + ahead < list->len && list->items[i + ahead].op == ' ')
			ahead++;
		if (i + ahead == list->len)
			break;
		if (ahead > CONTEXT) {
			old_at += ahead - CONTEXT;
			new_at += ahead - CONTEXT;
			i += ahead - CONTEXT;
			ahead = CONTEXT;
		}
		end = hunk_end(list, i + ahead);
		add_hunk(out, list, i, end, old_at, new_at);
		for (; i < end; i++) {
			old_at += list->items[i].op != '+';
			new_at += list->items[i].op != '-';
		}
	}
}

int zw_rows_diff(const struct zw_rows *t, struct zw_str *out)
{
	_zw_free_ struct zw_str *texts = calloc(t->rows.len + 1, sizeof(*texts));
	lines list = {};
	int r = texts ? collect(t, &list, texts) : -ENOMEM;

	if (r == 0)
		add_hunks(out, &list);
	for (size_t i = 0; texts && i < t->rows.len; i++)
		zw_str_free(&texts[i]);
	zw_vec_free(&list);
	return r < 0 ? r : out->failed ? -ENOMEM : 0;
}
