/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/namedconf_lex.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* Words of a statement that are kept: zone NAME CLASS is the longest we look at. */
#define WORDS_MAX 3

enum block { BLOCK_TOP, BLOCK_OPTIONS, BLOCK_VIEW, BLOCK_ZONE, _BLOCK_MAX };

struct statement {
	struct zw_str words[WORDS_MAX];
	size_t n;
};

struct zone {
	char *file;
	enum zw_zone_role role;
	struct zw_namedconf_settings settings;
};

struct parser {
	struct zw_lexer lexer;
	struct statement statements[_BLOCK_MAX]; /* one for each level of nesting, reused */
	const char *view;                        /* of the block that is read */
	size_t view_number;                      /* index of that view; SIZE_MAX: it has no block */
	struct zone *zone;                       /* the block that is read is of this one */
};

static void parser_done(struct parser *p)
{
	zw_lexer_done(&p->lexer);
	for (size_t i = 0; i < _BLOCK_MAX; i++)
		for (size_t j = 0; j < WORDS_MAX; j++)
			zw_str_free(&p->statements[i].words[j]);
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

static int parse_block(struct parser *p, enum block block);

static void settings_done(struct zw_namedconf_settings *s)
{
	free(s->journal);
}

int zw_namedconf_add_zone(struct zw_namedconf *conf, const char *name, const char *view,
	const char *file, enum zw_zone_role role)
{
	int r = zw_vec_reserve(&conf->settings, conf->zones.len + 1);

	if (r == 0)
		r = zw_server_zones_add(&conf->zones, name, view, file, role);
	if (r == 0)
		conf->settings.items[conf->settings.len++] = (struct zw_namedconf_settings){};
	return r;
}

/* Takes the settings of @zone over. */
static int add_zone(
	struct zw_namedconf *conf, const char *name, const char *view, struct zone *zone)
{
	int r = zw_namedconf_add_zone(conf, name, view, zone->file, zone->role);

	if (r < 0)
		return r;
	conf->settings.items[conf->settings.len - 1] = zone->settings;
	zone->settings = (struct zw_namedconf_settings){};
	return 0;
}

static int parse_zone(struct parser *p, const struct statement *s)
{
	struct zone zone = {.role = ZW_ZONE_OTHER};
	_zw_free_ char *name = strdup(word(s, 1));
	int r = name ? 0 : -ENOMEM;

	p->zone = &zone;
	if (r == 0)
		r = parse_block(p, BLOCK_ZONE);
	p->zone = NULL;
	/* Other classes hold no records of the Internet, such as version.bind of CH. */
	if (s->n > 2 && strcasecmp(word(s, 2), "IN") != 0)
		zone.role = ZW_ZONE_OTHER;
	if (r == 0)
		r = add_zone(p->lexer.conf, name, p->view, &zone);
	free(zone.file);
	settings_done(&zone.settings);
	return r;
}

static int parse_view(struct parser *p, const struct statement *s)
{
	struct zw_namedconf *conf = p->lexer.conf;
	const char *outer = p->view;
	char *name = strdup(word(s, 1));
	int r = name ? zw_vec_push(&conf->view_settings, (struct zw_namedconf_settings){})
		     : -ENOMEM;

	if (r == 0)
		r = zw_vec_push(&conf->views, name);
	if (r < 0) {
		free(name);
		return r;
	}
	p->view = name;
	p->view_number = conf->views.len - 1;
	r = parse_block(p, BLOCK_VIEW);
	p->view = outer;
	p->view_number = SIZE_MAX;
	return r;
}

static bool is_true(const char *text)
{
	return strcasecmp(text, "yes") == 0 || strcasecmp(text, "true") == 0 ||
	       strcmp(text, "1") == 0;
}

static void catalog_done(struct zw_namedconf_catalog *c)
{
	free(c->name);
	free(c->view);
	free(c->directory);
}

/* zone NAME [default-primaries { ... }] [zone-directory DIR] [in-memory BOOL] ...; up to the semicolon. */
static int parse_catalog(struct parser *p, struct zw_namedconf_catalog *c)
{
	char **text = NULL;
	bool memory = false;

	for (;;) {
		struct zw_token t;
		bool none;
		int r = zw_lexer_next(&p->lexer, &t);

		if (r < 0)
			return r;
		if (t.kind == ZW_TOKEN_END)
			return zw_lexer_fail(&p->lexer, -EBADMSG, "a closing brace is missing");
		if (t.kind == ZW_TOKEN_PUNCT && t.punct == '{')
			r = zw_lexer_skip_block(&p->lexer, &none);
		else if (t.kind == ZW_TOKEN_PUNCT)
			return t.punct == ';' ? 0 : 1;
		else if (text)
			r = zw_text_set(text, t.text);
		else if (memory)
			c->in_memory = is_true(t.text);
		if (r < 0)
			return r;
		memory = !text && t.kind == ZW_TOKEN_WORD && strcasecmp(t.text, "in-memory") == 0;
		if (text || t.kind != ZW_TOKEN_WORD)
			text = NULL;
		else if (strcasecmp(t.text, "zone") == 0)
			text = &c->name;
		else if (strcasecmp(t.text, "zone-directory") == 0)
			text = &c->directory;
	}
}

/* catalog-zones { ...; ...; }, whose opening brace has been read. */
static int parse_catalogs(struct parser *p)
{
	struct zw_namedconf *conf = p->lexer.conf;

	for (;;) {
		struct zw_namedconf_catalog c = {.view = strdup(p->view)};
		int r = c.view ? parse_catalog(p, &c) : -ENOMEM, end = r;

		if (r == 0 && c.name) {
			r = zw_vec_push(&conf->catalogs, c);
			if (r == 0)
				continue;
		}
		catalog_done(&c);
		if (end == 1 || r < 0)
			return r < 0 ? r : 0;
	}
}

/* What a statement in @block is a setting of; NULL where there are none. */
static struct zw_namedconf_settings *settings_of(struct parser *p, enum block block)
{
	switch (block) {
	case BLOCK_OPTIONS:
		return &p->lexer.conf->options;
	case BLOCK_VIEW:
		return &p->lexer.conf->view_settings.items[p->view_number];
	case BLOCK_ZONE:
		return &p->zone->settings;
	default:
		return NULL;
	}
}

/* An opening brace after the words of @s. */
static int open_block(struct parser *p, enum block block, const struct statement *s)
{
	bool holds_zones = block == BLOCK_TOP || block == BLOCK_VIEW, none;
	struct zw_namedconf_settings *settings = settings_of(p, block);
	int r;

	if (holds_zones && is(s, "zone") && s->n > 1)
		return parse_zone(p, s);
	if (block == BLOCK_TOP && is(s, "view") && s->n > 1)
		return parse_view(p, s);
	if (block == BLOCK_TOP && is(s, "options"))
		return parse_block(p, BLOCK_OPTIONS);
	if ((block == BLOCK_OPTIONS || block == BLOCK_VIEW) && is(s, "catalog-zones"))
		return parse_catalogs(p);
	r = zw_lexer_skip_block(&p->lexer, &none);
	if (r == 0 && settings && is(s, "allow-update"))
		settings->updates = none ? ZW_NAMEDCONF_NO : ZW_NAMEDCONF_YES;
	if (r == 0 && settings && is(s, "update-policy"))
		settings->updates = ZW_NAMEDCONF_YES;
	return r;
}

static int add_setting(struct zw_namedconf_settings *settings, const struct statement *s)
{
	if (is(s, "journal"))
		return zw_text_set(&settings->journal, word(s, 1));
	if (is(s, "inline-signing"))
		settings->inline_signing = is_true(word(s, 1)) ? ZW_NAMEDCONF_YES : ZW_NAMEDCONF_NO;
	else if (is(s, "dnssec-policy"))
		settings->signing_policy =
			strcasecmp(word(s, 1), "none") == 0 ? ZW_NAMEDCONF_NO : ZW_NAMEDCONF_YES;
	else if (is(s, "update-policy"))
		settings->updates = ZW_NAMEDCONF_YES; /* "local" */
	return 0;
}

/* A semicolon after the words of @s. */
static int end_statement(struct parser *p, enum block block, const struct statement *s)
{
	struct zw_namedconf *conf = p->lexer.conf;
	struct zw_namedconf_settings *settings = settings_of(p, block);

	if (s->n < 2)
		return 0;
	if (is(s, "include"))
		return zw_lexer_include(&p->lexer, word(s, 1));
	if (block == BLOCK_OPTIONS && is(s, "directory"))
		return zw_text_set(&conf->directory, word(s, 1));
	if (block != BLOCK_ZONE && is(s, "new-zones-directory"))
		return zw_text_set(&conf->new_zones_directory, word(s, 1));
	if (block == BLOCK_ZONE && is(s, "file"))
		return zw_text_set(&p->zone->file, word(s, 1));
	if (block == BLOCK_ZONE && is(s, "type"))
		p->zone->role = role_of(word(s, 1));
	return settings ? add_setting(settings, s) : 0;
}

/* The statements up to the brace that closes the block, or the end of the configuration. */
static int parse_block(struct parser *p, enum block block)
{
	struct statement *s = &p->statements[block];
	struct zw_lexer *l = &p->lexer;

	s->n = 0;
	for (;;) {
		struct zw_token t;
		int r = zw_lexer_next(l, &t);

		if (r < 0)
			return r;
		if (t.kind == ZW_TOKEN_END && block == BLOCK_TOP)
			return s->n == 0 ? 0
					 : zw_lexer_fail(l, -EBADMSG, "a statement does not end");
		if (t.kind == ZW_TOKEN_END)
			return zw_lexer_fail(l, -EBADMSG, "a closing brace is missing");
		if (t.kind == ZW_TOKEN_WORD) {
			r = add_word(s, t.text);
		} else if (t.punct == '{') {
			r = open_block(p, block, s);
		} else if (t.punct == ';') {
			r = end_statement(p, block, s);
			s->n = 0;
		} else if (block == BLOCK_TOP) {
			return zw_lexer_fail(l, -EBADMSG, "a closing brace too many");
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
	_zw_cleanup_(parser_done) struct parser p = {
		.lexer = {.conf = conf, .error = error}, .view = view, .view_number = SIZE_MAX};
	int r = zw_lexer_push(&p.lexer, strdup(path), 0);

	return r < 0 ? r : parse_block(&p, BLOCK_TOP);
}

int zw_namedconf_parse(struct zw_namedconf *conf, char *text, size_t len, const char *name,
	const char *view, struct zw_str *error)
{
	_zw_cleanup_(parser_done) struct parser p = {
		.lexer = {.conf = conf, .error = error}, .view = view, .view_number = SIZE_MAX};
	int r = zw_vec_push(&p.lexer.stack,
		(struct zw_lexer_input){.text = text, .len = len, .name = name, .line = 1});

	return r < 0 ? r : parse_block(&p, BLOCK_TOP);
}

static int make_absolute(char **path, const char *base)
{
	char *full;

	if (!*path || (*path)[0] == '/')
		return 0;
	full = zw_path_join(base, *path);
	if (!full)
		return -ENOMEM;
	free(*path);
	*path = full;
	return 0;
}

int zw_namedconf_resolve(struct zw_namedconf *conf, const char *base)
{
	for (size_t i = 0; i < conf->zones.len; i++) {
		int r = make_absolute(&conf->zones.items[i].file, base);

		if (r == 0)
			r = make_absolute(&conf->settings.items[i].journal, base);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The nearest that says anything. */
static bool is_set(enum zw_namedconf_switch zone, enum zw_namedconf_switch view,
	enum zw_namedconf_switch options)
{
	if (zone != ZW_NAMEDCONF_UNSET)
		return zone == ZW_NAMEDCONF_YES;
	if (view != ZW_NAMEDCONF_UNSET)
		return view == ZW_NAMEDCONF_YES;
	return options == ZW_NAMEDCONF_YES;
}

bool zw_namedconf_signs_inline(const struct zw_namedconf *conf, size_t zone)
{
	static const struct zw_namedconf_settings nothing;
	const struct zw_namedconf_settings *z = &conf->settings.items[zone], *v = &nothing,
					   *o = &conf->options;

	for (size_t i = 0; i < conf->views.len; i++)
		if (zw_streq(conf->views.items[i], conf->zones.items[zone].view))
			v = &conf->view_settings.items[i];
	if (is_set(z->inline_signing, v->inline_signing, o->inline_signing))
		return true;
	return is_set(z->signing_policy, v->signing_policy, o->signing_policy) &&
	       !is_set(z->updates, v->updates, o->updates);
}

void zw_namedconf_done(struct zw_namedconf *conf)
{
	zw_server_zones_done(&conf->zones);
	zw_paths_done(&conf->views);
	ZW_VEC_FOREACH(s, &conf->settings)
		settings_done(s);
	zw_vec_free(&conf->settings);
	ZW_VEC_FOREACH(s, &conf->view_settings)
		settings_done(s);
	zw_vec_free(&conf->view_settings);
	settings_done(&conf->options);
	ZW_VEC_FOREACH(c, &conf->catalogs)
		catalog_done(c);
	zw_vec_free(&conf->catalogs);
	conf->options = (struct zw_namedconf_settings){};
	free(conf->directory);
	free(conf->new_zones_directory);
	conf->directory = conf->new_zones_directory = NULL;
}
