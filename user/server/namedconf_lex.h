/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words of named.conf, through its includes. Shared by the namedconf*.c files only. */
#pragma once

#include "server/namedconf.h"

enum zw_token_kind { ZW_TOKEN_END, ZW_TOKEN_WORD, ZW_TOKEN_PUNCT };

struct zw_token {
	enum zw_token_kind kind;
	char punct;
	char *text; /* NUL-terminated; valid until the next token */
};

struct zw_lexer_input {
	char *path; /* owned; NULL for text that is not from a file */
	char *text; /* owned when path is; NULL until the file is reached */
	const char *name;
	size_t pos, len;
	unsigned int line, level;
};

struct zw_lexer {
	struct zw_namedconf *conf;
	ZW_VEC(struct zw_lexer_input) stack; /* the last one is read */
	size_t files;
	char *saved_at; /* where a word's NUL replaced a character that comes next */
	char saved;
	struct zw_str *error;
};

/* Adds "FILE:LINE: what" to the error and returns @r. */
int zw_lexer_fail(struct zw_lexer *l, int r, const char *what);
/* Reads a file next, then goes on where it was. Takes @path over. */
int zw_lexer_push(struct zw_lexer *l, char *path, unsigned int level);
/* The same for the files that @pattern names. */
int zw_lexer_include(struct zw_lexer *l, const char *pattern);
int zw_lexer_next(struct zw_lexer *l, struct zw_token *ret_token);
/* Skips to the end of a block whose opening brace has been read. *ret_none: all that is in it is "none". */
int zw_lexer_skip_block(struct zw_lexer *l, bool *ret_none);
void zw_lexer_done(struct zw_lexer *l);
