/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/namedconf.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* Nested includes, and files altogether: a file that includes itself ends at one of them. */
#define INCLUDE_DEPTH_MAX 32
#define INCLUDE_FILES_MAX 1000000
/* Words of a statement that are kept: zone NAME CLASS is the longest we look at. */
#define WORDS_MAX 3

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_PUNCT };

struct token {
	enum token_kind kind;
	char punct;
	char *text; /* NUL-terminated; valid until the next token */
};

struct input {
	char *path; /* owned; NULL for text that is not from a file */
	char *text; /* owned when path is; NULL until the file is reached */
	const char *name;
	size_t pos, len;
	unsigned int line, level;
};

enum block { BLOCK_TOP, BLOCK_OPTIONS, BLOCK_VIEW, BLOCK_ZONE, _BLOCK_MAX };

struct statement {
	struct zw_str words[WORDS_MAX];
	size_t n;
};

struct parser {
	struct zw_namedconf *conf;
	ZW_VEC(struct input) stack; /* the last one is read */
	size_t files;
	char *saved_at; /* where a word's NUL replaced a character that comes next */
	char saved;
	struct statement statements[_BLOCK_MAX]; /* one for each level of nesting, reused */
	struct zw_str *error;
};

static struct input *top(struct parser *p)
{
	return &p->stack.items[p->stack.len - 1];
}

static int fail(struct parser *p, int r, const char *what)
{
	if (p->error)
		zw_str_addf(p->error, "%s:%u: %s", top(p)->name, top(p)->line, what);
	return r;
}

static void pop_input(struct parser *p)
{
	struct input *in = top(p);

	if (in->path)
		free(in->text);
	free(in->path);
	p->stack.len--;
}

static void parser_done(struct parser *p)
{
	while (p->stack.len > 0)
		pop_input(p);
	zw_vec_free(&p->stack);
	for (size_t i = 0; i < _BLOCK_MAX; i++)
		for (size_t j = 0; j < WORDS_MAX; j++)
			zw_str_free(&p->statements[i].words[j]);
}

/* Takes @path over. */
static int push_file(struct parser *p, char *path, unsigned int level)
{
	int r = -ENOMEM;

	if (path)
		r = zw_vec_push(&p->stack,
			(struct input){.path = path, .name = path, .line = 1, .level = level});
	if (r < 0)
		free(path);
	return r;
}

static int open_input(struct parser *p)
{
	struct input *in = top(p);
	int r;

	if (in->level > INCLUDE_DEPTH_MAX || ++p->files > INCLUDE_FILES_MAX)
		return fail(
			p, -ELOOP, "the file includes itself, or includes are nested too deeply");
	r = zw_source_read(p->conf->root_fd, in->path, &in->text, &in->len);
	if (r < 0 && r != -ENOMEM && p->error)
		zw_str_addf(p->error, "cannot read \"%s\": %s", in->path, strerror(-r));
	return r;
}

/* Skips blanks and the three kinds of comments. */
static int skip_blanks(struct parser *p, struct input *in)
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
				return fail(p, -EBADMSG, "a comment does not end");
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
static int read_quoted(struct parser *p, struct input *in, struct token *ret)
{
	char *from = in->text + in->pos + 1, *to = from, *end = in->text + in->len;

	ret->kind = TOKEN_WORD;
	ret->text = from;
	for (char *c = from; c < end; c++) {
		if (*c == '"') {
			in->pos = (size_t)(c - in->text) + 1;
			*to = '\0';
			return 0;
		}
		if (*c == '\n')
			return fail(p, -EBADMSG, "a string does not end on its line");
		if (*c == '\\' && c + 1 < end) {
			if (c[1] != '"')
				*to++ = *c;
			c++;
		}
		*to++ = *c;
	}
	return fail(p, -EBADMSG, "a string does not end");
}

static int next_token(struct parser *p, struct token *ret)
{
	struct input *in;
	int r;

	for (;;) {
		if (p->saved_at) {
			*p->saved_at = p->saved;
			p->saved_at = NULL;
		}
		in = top(p);
		r = in->text ? 0 : open_input(p);
		if (r == 0)
			r = skip_blanks(p, in);
		if (r < 0)
			return r;
		if (in->pos < in->len)
			break;
		if (p->stack.len == 1) {
			*ret = (struct token){.kind = TOKEN_END};
			return 0;
		}
		pop_input(p);
	}
	char *at = in->text + in->pos;

	if (*at == '{' || *at == '}' || *at == ';') {
		*ret = (struct token){.kind = TOKEN_PUNCT, .punct = *at};
		in->pos++;
		return 0;
	}
	if (*at == '"')
		return read_quoted(p, in, ret);
	size_t n = strcspn(at, " \t\r\n{};\"");

	*ret = (struct token){.kind = TOKEN_WORD, .text = at};
	in->pos += n;
	p->saved_at = at + n;
	p->saved = at[n];
	at[n] = '\0';
	return 0;
}

/* Skips to the end of a block whose opening brace has been read. */
static int skip_block(struct parser *p)
{
	for (size_t open = 1; open > 0;) {
		struct token t;
		int r = next_token(p, &t);

		if (r < 0)
			return r;
		if (t.kind == TOKEN_END)
			return fail(p, -EBADMSG, "a closing brace is missing");
		if (t.kind == TOKEN_PUNCT && t.punct == '{')
			open++;
		else if (t.kind == TOKEN_PUNCT && t.punct == '}')
			open--;
	}
	return 0;
}

static const char *word(const struct statement *s, size_t i)
{
	return i < s->n && s->words[i].buf ? s->words[i].buf : "";
}

static bool is(const struct statement *s, const char *keyword)
{
	return strcasecmp(word(s, 0), keyword) == 0;
}

static int add_word(struct statement *s, const char *text)
{
	struct zw_str *w;

	if (s->n == WORDS_MAX)
		return 0;
	w = &s->words[s->n++];
	w->len = 0;
	zw_str_add(w, text);
	return w->failed ? -ENOMEM : 0;
}

static int include(struct parser *p, const char *pattern)
{
	struct zw_namedconf *conf = p->conf;
	_zw_free_ char *here = zw_path_dir(top(p)->name);
	const char *const bind_bases[] = {conf->cwd, conf->directory, here};
	const char *const pdns_bases[] = {conf->directory, conf->cwd, here};
	unsigned int level = top(p)->level + 1;
	_zw_paths_ zw_paths paths = {};
	int r;

	if (!here)
		return -ENOMEM;
	r = zw_source_include(conf->root_fd, conf->includes_in_directory ? pdns_bases : bind_bases,
		ZW_ARRAY_SIZE(bind_bases), pattern, &paths);
	if (r < 0 && r != -ENOMEM)
		return fail(p, r, "the include cannot be expanded");
	/* The last one pushed is read first. */
	for (size_t i = paths.len; r == 0 && i-- > 0;)
		r = push_file(p, ZW_TAKE(paths.items[i]), level);
	return r;
}

struct zone {
	char *file;
	enum zw_zone_role role;
};

static enum zw_zone_role role_of(const char *type)
{
	static const struct {
		const char *type;
		enum zw_zone_role role;
	} roles[] = {
		{"primary", ZW_ZONE_PRIMARY},
		{"master", ZW_ZONE_PRIMARY},
		{"native", ZW_ZONE_PRIMARY}, /* PowerDNS */
		{"secondary", ZW_ZONE_SECONDARY},
		{"slave", ZW_ZONE_SECONDARY},
	};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(roles); i++)
		if (strcasecmp(type, roles[i].type) == 0)
			return roles[i].role;
	return ZW_ZONE_OTHER;
}

static int set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

static int parse_block(struct parser *p, enum block block, const char *view, struct zone *zone);

static int parse_zone(struct parser *p, const struct statement *s, const char *view)
{
	struct zone zone = {.role = ZW_ZONE_OTHER};
	_zw_free_ char *name = strdup(word(s, 1));
	int r = name ? parse_block(p, BLOCK_ZONE, view, &zone) : -ENOMEM;

	/* Other classes hold no records of the Internet, such as version.bind of CH. */
	if (s->n > 2 && strcasecmp(word(s, 2), "IN") != 0)
		zone.role = ZW_ZONE_OTHER;
	if (r == 0)
		r = zw_server_zones_add(&p->conf->zones, name, view, zone.file, zone.role);
	free(zone.file);
	return r;
}

static int parse_view(struct parser *p, const struct statement *s)
{
	char *name = strdup(word(s, 1));
	int r;

	if (!name)
		return -ENOMEM;
	r = zw_vec_push(&p->conf->views, name);
	if (r < 0) {
		free(name);
		return r;
	}
	return parse_block(p, BLOCK_VIEW, name, NULL);
}

/* An opening brace after the words of @s. */
static int open_block(
	struct parser *p, enum block block, const struct statement *s, const char *view)
{
	bool holds_zones = block == BLOCK_TOP || block == BLOCK_VIEW;

	if (holds_zones && is(s, "zone") && s->n > 1)
		return parse_zone(p, s, view);
	if (block == BLOCK_TOP && is(s, "view") && s->n > 1)
		return parse_view(p, s);
	if (block == BLOCK_TOP && is(s, "options"))
		return parse_block(p, BLOCK_OPTIONS, view, NULL);
	return skip_block(p);
}

/* A semicolon after the words of @s. */
static int end_statement(
	struct parser *p, enum block block, const struct statement *s, struct zone *zone)
{
	if (s->n < 2)
		return 0;
	if (is(s, "include"))
		return include(p, word(s, 1));
	if (block == BLOCK_OPTIONS && is(s, "directory"))
		return set_text(&p->conf->directory, word(s, 1));
	if (block != BLOCK_ZONE && is(s, "new-zones-directory"))
		return set_text(&p->conf->new_zones_directory, word(s, 1));
	if (block == BLOCK_ZONE && is(s, "file"))
		return set_text(&zone->file, word(s, 1));
	if (block == BLOCK_ZONE && is(s, "type"))
		zone->role = role_of(word(s, 1));
	return 0;
}

/* The statements up to the brace that closes the block, or the end of the configuration. */
static int parse_block(struct parser *p, enum block block, const char *view, struct zone *zone)
{
	struct statement *s = &p->statements[block];

	s->n = 0;
	for (;;) {
		struct token t;
		int r = next_token(p, &t);

		if (r < 0)
			return r;
		if (t.kind == TOKEN_END && block == BLOCK_TOP)
			return s->n == 0 ? 0 : fail(p, -EBADMSG, "a statement does not end");
		if (t.kind == TOKEN_END)
			return fail(p, -EBADMSG, "a closing brace is missing");
		if (t.kind == TOKEN_WORD) {
			r = add_word(s, t.text);
		} else if (t.punct == '{') {
			r = open_block(p, block, s, view);
		} else if (t.punct == ';') {
			r = end_statement(p, block, s, zone);
			s->n = 0;
		} else if (block == BLOCK_TOP) {
			return fail(p, -EBADMSG, "a closing brace too many");
		} else {
			return 0;
		}
		if (r < 0)
			return r;
	}
}

int zw_namedconf_read(
	struct zw_namedconf *conf, const char *path, const char *view, struct zw_str *error)
{
	_zw_cleanup_(parser_done) struct parser p = {.conf = conf, .error = error};
	int r = push_file(&p, strdup(path), 0);

	return r < 0 ? r : parse_block(&p, BLOCK_TOP, view, NULL);
}

int zw_namedconf_parse(struct zw_namedconf *conf, char *text, size_t len, const char *name,
	const char *view, struct zw_str *error)
{
	_zw_cleanup_(parser_done) struct parser p = {.conf = conf, .error = error};
	int r = zw_vec_push(
		&p.stack, (struct input){.text = text, .len = len, .name = name, .line = 1});

	return r < 0 ? r : parse_block(&p, BLOCK_TOP, view, NULL);
}

int zw_namedconf_resolve(struct zw_namedconf *conf, const char *base)
{
	ZW_VEC_FOREACH(z, &conf->zones) {
		char *full;

		if (!z->file || z->file[0] == '/')
			continue;
		full = zw_path_join(base, z->file);
		if (!full)
			return -ENOMEM;
		free(z->file);
		z->file = full;
	}
	return 0;
}

void zw_namedconf_done(struct zw_namedconf *conf)
{
	zw_server_zones_done(&conf->zones);
	zw_paths_done(&conf->views);
	free(conf->directory);
	free(conf->new_zones_directory);
	conf->directory = conf->new_zones_directory = NULL;
}
