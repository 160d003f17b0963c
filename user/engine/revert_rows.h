/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to revert*.c: a master file as rows, which are edited one by one while the others stay as they are, to the
 * octet. */
#pragma once

#include "base/str.h"
#include "base/vec.h"
#include "dns/masterline.h"

/* In place of @len octets at @at, which are of the row. */
struct zw_row_edit {
	const char *at;
	size_t len;
	char *text; /* owned */
};

/* A logical line. */
struct zw_row {
	const char *start, *end; /* without its newline */
	size_t first;            /* its first line, from 1 */
	size_t lines;            /* so many, with its continuations */
	size_t records;          /* that were read from it */
	bool gone;
	ZW_VEC(struct zw_row_edit) edits; /* in order of their places, which do not overlap */
	struct zw_str more;               /* whole lines that come after it */
};

struct zw_rows {
	const char *text;
	size_t len;
	ZW_VEC(struct zw_row) rows;
	ZW_VEC(size_t) by_line; /* line - 1 -> index of its row */
	bool crlf;
};

/* @text stays the caller's until zw_rows_done(). 0 or -ENOMEM. */
int zw_rows_split(const char *text, size_t len, struct zw_rows *ret_rows);
void zw_rows_done(struct zw_rows *rows);
#define _zw_rows_ _zw_cleanup_(zw_rows_done)

/* The row that line @line is part of; NULL when there is none. */
struct zw_row *zw_rows_at(const struct zw_rows *rows, uint64_t line);

/* The words of a record. NULL: it has none. */
struct zw_row_fields {
	const char *owner, *ttl, *type;
	size_t owner_len, ttl_len, type_len;
	const char *data;    /* from its first word or parenthesis ... */
	size_t data_len;     /* ... to the end of its last */
	const char *word[8]; /* of the data, as far as there are so many and they are not quoted */
	size_t word_len[8];
	size_t words;
};

/* False when it is no record: a directive, a comment. */
bool zw_row_fields(const struct zw_row *row, struct zw_row_fields *ret_fields);

/* Both take @text over, also on failure; NULL is a failure. 0 or -ENOMEM. */
int zw_row_replace(struct zw_row *row, const char *at, size_t len, char *text);

/* A row that begins with a blank has the owner of the one before it. Where that one is gone now, it is given that
 * owner's name as it was written there. 0 or -ENOMEM. */
int zw_rows_name_heirs(struct zw_rows *rows);

/* The whole text as edited. 0 or -ENOMEM. */
int zw_rows_text(const struct zw_rows *rows, struct zw_str *out);
/* As a unified diff with three lines of context, without its header. 0 or -ENOMEM. */
int zw_rows_diff(const struct zw_rows *rows, struct zw_str *out);
