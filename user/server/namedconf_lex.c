/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/namedconf_lex.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* Nested includes, and files altogether: a file that includes itself ends at one of them. */
#define INCLUDE_DEPTH_MAX 32
#define INCLUDE_FILES_MAX 1000000

static struct zw_lexer_input *top(struct zw_lexer *l)
{
	return &l->stack.items[l->stack.len - 1];
}

int zw_lexer_fail(struct zw_lexer *l, int r, const char *what)
{
	if (l->error)
		zw_str_addf(l->error, "%s:%u: %s", top(l)->name, top(l)->line, what);
	return r;
}

static void pop_input(struct zw_lexer *l)
{
	struct zw_lexer_input *in = top(l);

	if (in->path)
		free(in->text);
	free(in->path);
	l->stack.len--;
}

void zw_lexer_done(struct zw_lexer *l)
{
	while (l->stack.len > 0)
		pop_input(l);
	zw_vec_free(&l->stack);
}

int zw_lexer_push(struct zw_lexer *l, char *path, unsigned int level)
{
	int r = -ENOMEM;

	if (path)
		r = zw_vec_push(
			&l->stack, (struct zw_lexer_input){
					   .path = path, .name = path, .line = 1, .level = level});
	if (r < 0)
		free(path);
	return r;
}

static int open_input(struct zw_lexer *l)
{
	struct zw_lexer_input *in = top(l);
	int r;

	if (in->level > INCLUDE_DEPTH_MAX || ++l->files > INCLUDE_FILES_MAX)
		return zw_lexer_fail(
			l, -ELOOP, "the file includes itself, or includes are nested too deeply");
	r = zw_source_read(l->conf->root_fd, in->path, &in->text, &in->len);
	if (r < 0 && r != -ENOMEM && l->error)
		zw_str_addf(l->error, "cannot read \"%s\": %s", in->path, strerror(-r));
	return r;
}

/* Skips blanks and the three kinds of comments. */
static int skip_blanks(struct zw_lexer *l, struct zw_lexer_input *in)
{
	while (in->pos < in->len) {
		const char *at = in->text + in->pos;

		if (*at == '\n') {
			in->line++;
			in->pos++;
		} else if (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\0') {
			in->pos++;
		} else if (*at == '#' || (at[0] == '/' && at[1] == '/')) {
			const char *eol = memchr(at, '\n', in->len - in->pos);

			in->pos = eol ? (size_t)(eol - in->text) : in->len;
		} else if (at[0] == '/' && at[1] == '*') {
			const char *end = memmem(at + 2, in->len - in->pos - 2, "*/", 2);

			if (!end)
				return zw_lexer_fail(l, -EBADMSG, "a comment does not end");
			for (const char *c = at; c < end; c++)
				in->line += *c == '\n';
			in->pos = (size_t)(end - in->text) + 2;
		} else {
			break;
		}
	}
	return 0;
}

/* A quoted string; a backslash goes away only before a quote, as in BIND's lexer. */
static int read_quoted(struct zw_lexer *l, struct zw_lexer_input *in, struct zw_token *ret)
{
	char *from = in->text + in->pos + 1, *to = from, *end = in->text + in->len;

	ret->kind = ZW_TOKEN_WORD;
	ret->text = from;
	for (char *c = from; c < end; c++) {
		if (*c == '"') {
			in->pos = (size_t)(c - in->text) + 1;
			*to = '\0';
			return 0;
		}
		if (*c == '\n')
			return zw_lexer_fail(l, -EBADMSG, "a string does not end on its line");
		if (*c == '\\' && c + 1 < end) {
			if (c[1] != '"')
				*to++ = *c;
			c++;
		}
		*to++ = *c;
	}
	return zw_lexer_fail(l, -EBADMSG, "a string does not end");
}

int zw_lexer_next(struct zw_lexer *l, struct zw_token *ret)
{
	struct zw_lexer_input *in;
	int r;

	for (;;) {
		if (l->saved_at) {
			*l->saved_at = l->saved;
			l->saved_at = NULL;
		}
		in = top(l);
		r = in->text ? 0 : open_input(l);
		if (r == 0)
			r = skip_blanks(l, in);
		if (r < 0)
			return r;
		if (in->pos < in->len)
			break;
		if (l->stack.len == 1) {
			*ret = (struct zw_token){.kind = ZW_TOKEN_END};
			return 0;
		}
		pop_input(l);
	}
	char *at = in->text + in->pos;

	if (*at == '{' || *at == '}' || *at == ';') {
		*ret = (struct zw_token){.kind = ZW_TOKEN_PUNCT, .punct = *at};
		in->pos++;
		return 0;
	}
	if (*at == '"')
		return read_quoted(l, in, ret);
	size_t n = strcspn(at, " \t\r\n{};\"");

	*ret = (struct zw_token){.kind = ZW_TOKEN_WORD, .text = at};
	in->pos += n;
	l->saved_at = at + n;
	l->saved = at[n];
	at[n] = '\0';
	return 0;
}

int zw_lexer_skip_block(struct zw_lexer *l, bool *ret_none)
{
	size_t words = 0, nones = 0;

	for (size_t open = 1; open > 0;) {
		struct zw_token t;
		int r = zw_lexer_next(l, &t);

		if (r < 0)
			return r;
		if (t.kind == ZW_TOKEN_END)
			return zw_lexer_fail(l, -EBADMSG, "a closing brace is missing");
		if (t.kind == ZW_TOKEN_WORD) {
			words++;
			nones += strcasecmp(t.text, "none") == 0;
		} else if (t.punct == '{') {
			open++;
		} else if (t.punct == '}') {
			open--;
		}
	}
	*ret_none = words == 1 && nones == 1;
	return 0;
}

int zw_lexer_include(struct zw_lexer *l, const char *pattern)
{
	struct zw_namedconf *conf = l->conf;
	_zw_free_ char *here = zw_path_dir(top(l)->name);
	const char *const bind_bases[] = {conf->cwd, conf->directory, here};
	const char *const pdns_bases[] = {conf->directory, conf->cwd, here};
	unsigned int level = top(l)->level + 1;
	_zw_paths_ zw_paths paths = {};
	int r;

	if (!here)
		return -ENOMEM;
	r = zw_source_include(conf->root_fd, conf->includes_in_directory ? pdns_bases : bind_bases,
		ZW_ARRAY_SIZE(bind_bases), pattern, &paths);
	if (r < 0 && r != -ENOMEM)
		return zw_lexer_fail(l, r, "the include cannot be expanded");
	/* The last one pushed is read first. */
	for (size_t i = paths.len; r == 0 && i-- > 0;)
		r = zw_lexer_push(l, ZW_TAKE(paths.items[i]), level);
	return r;
}
