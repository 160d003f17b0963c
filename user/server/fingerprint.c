/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A number that changes when listing a server's zones again may give another result. The files are found by
 * searching the text for the words that name others, which costs a fraction of parsing it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "server/driver.h"

#define DEPTH_MAX 16
/* Files whose text is searched for further includes; beyond that only their state counts. */
#define SEARCH_MAX 1000
/* Files altogether; a file may name itself any number of times. */
#define FILES_MAX 200000

struct print {
	const struct zw_server *server;
	const struct zw_server_driver *driver;
	int own_fd, config_fd;
	char *base; /* ZW_NEEDLE_BASE */
	uint64_t value;
	size_t searched, files;
	zw_paths *found; /* files in the root of its configuration; NULL: nobody asks */
};

/* Everything is chained into one value; the parts are no secrets and no attacker gains by a collision. */
static void mix(struct print *p, const void *data, size_t len)
{
	const struct zw_hash_key key = {.k0 = p->value, .k1 = len};

	p->value = zw_hash_bytes(&key, data, len);
}

static void mix_result(struct print *p, int result, const struct stat *st)
{
	struct {
		uint64_t result, dev, ino, size;
		int64_t mtime, mtime_ns, ctime, ctime_ns;
	} state = {.result = (uint64_t)(int64_t)result};

	if (st) {
		state.dev = st->st_dev;
		state.ino = st->st_ino;
		state.size = (uint64_t)st->st_size;
		state.mtime = st->st_mtim.tv_sec;
		state.mtime_ns = st->st_mtim.tv_nsec;
		state.ctime = st->st_ctim.tv_sec;
		state.ctime_ns = st->st_ctim.tv_nsec;
	}
	mix(p, &state, sizeof(state));
}

static int add_found(struct print *p, const char *path)
{
	char *copy = strdup(path);
	int r = copy ? zw_vec_push(p->found, copy) : -ENOMEM;

	if (r < 0)
		free(copy);
	return r;
}

/* Mixes the state of @path in. *@ret_ok: it is a regular file that can be read. */
static int mix_file(struct print *p, int root_fd, const char *path, bool *ret_ok)
{
	_zw_walk_ struct zw_walk walk = {.fd = -1};
	struct stat st;
	int r = zw_walk_path(root_fd, path, true, &walk);

	if (r < 0)
		return r;
	mix(p, path, strlen(path));
	*ret_ok = walk.result == 0 && fstat(walk.fd, &st) == 0;
	mix_result(p, walk.result, *ret_ok ? &st : NULL);
	return *ret_ok && p->found && root_fd == p->config_fd ? add_found(p, path) : 0;
}

/* A state file may be written in the root before or after the change of it. */
static int mix_state(struct print *p, const char *path)
{
	_zw_free_ char *full = zw_path_join(
		p->server->cwd, zw_path_inside(p->server->chroot ? p->server->chroot : "", path));
	bool ok;

	return full ? mix_file(p, p->own_fd, full, &ok) : -ENOMEM;
}

static int mix_view(struct print *p, const char *view)
{
	static const char *const suffixes[] = {"nzf", "nzd"};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(suffixes); i++) {
		_zw_free_ char *path = zw_asprintf("%s.%s", view, suffixes[i]);
		int r = path ? mix_state(p, path) : -ENOMEM;

		if (r < 0)
			return r;
	}
	return 0;
}

static int search(struct print *p, int root_fd, const char *path, unsigned int depth);

static int mix_include(struct print *p, int root_fd, const char *from, const char *pattern,
	bool dir, unsigned int depth)
{
	_zw_free_ char *here = zw_path_dir(from), *all = NULL;
	const char *const bases[] = {p->base, p->server->cwd, here};
	_zw_paths_ zw_paths paths = {};
	int r;

	if (!here)
		return -ENOMEM;
	if (dir) {
		all = zw_path_join(pattern, "*.conf");
		if (!all)
			return -ENOMEM;
	}
	r = zw_source_include(root_fd, bases, ZW_ARRAY_SIZE(bases), all ? all : pattern, &paths);
	if (r == -E2BIG)
		return 0;
	for (size_t i = 0; r == 0 && i < paths.len; i++)
		r = search(p, root_fd, paths.items[i], depth + 1);
	return r;
}

/* Which members a catalog zone has. What is in their files changes no list. */
static int mix_members(struct print *p, const char *dir)
{
	_zw_free_ char *path = zw_path_join(p->server->cwd, dir), *pattern = NULL;
	_zw_paths_ zw_paths paths = {};
	int r;

	if (path)
		pattern = zw_path_join(path, ZW_CATALOG_FILES);
	if (!pattern)
		return -ENOMEM;
	r = zw_source_expand(p->own_fd, pattern, &paths);
	ZW_VEC_FOREACH(it, &paths)
		mix(p, *it, strlen(*it) + 1);
	return r == -ENOMEM ? r : 0;
}

/* The value after a needle: "x", x or =x, up to what ends it in any of the syntaxes. */
static char *value_after(const char *at)
{
	size_t n;

	at += strspn(at, " \t=");
	if (*at == '"' || *at == '\'') {
		char quote[] = {*at, '\n', '\0'};

		at++;
		n = strcspn(at, quote);
	} else {
		n = strcspn(at, " \t\r\n;{}\"");
	}
	return strndup(at, n);
}

static int act(struct print *p, int root_fd, const char *path, enum zw_needle_kind kind,
	const char *value, unsigned int depth)
{
	if (*value == '\0' && kind != ZW_NEEDLE_CATALOG)
		return 0;
	switch (kind) {
	case ZW_NEEDLE_CATALOG:
		return mix_members(p, value);
	case ZW_NEEDLE_STATE:
		return mix_state(p, value);
	case ZW_NEEDLE_VIEW:
		return strchr(value, '/') ? 0 : mix_view(p, value);
	case ZW_NEEDLE_BASE:
		free(p->base);
		p->base = zw_path_join(p->server->cwd, value);
		return p->base ? 0 : -ENOMEM;
	case ZW_NEEDLE_INCLUDE:
	case ZW_NEEDLE_DIR:
		return mix_include(p, root_fd, path, value, kind == ZW_NEEDLE_DIR, depth);
	}
	return 0;
}

/* A needle counts as a word: not in the middle of another one, and with a value after it. */
static bool is_word(const char *text, const char *at, size_t len)
{
	bool before = at == text || strchr(" \t\r\n;{}-", at[-1]);

	return before && at[len] && strchr(" \t=\"", at[len]);
}

static int search_text(struct print *p, int root_fd, const char *path, const char *text, size_t len,
	unsigned int depth)
{
	for (const struct zw_needle *needle = p->driver->needles; needle->word; needle++) {
		size_t n = strlen(needle->word);
		const char *at = text;

		while ((at = memmem(at, len - (size_t)(at - text), needle->word, n)) != NULL) {
			_zw_free_ char *value = NULL;
			int r;

			at += n;
			if (!is_word(text, at - n, n))
				continue;
			value = value_after(at);
			r = value ? act(p, root_fd, path, needle->kind, value, depth) : -ENOMEM;
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int search(struct print *p, int root_fd, const char *path, unsigned int depth)
{
	_zw_free_ char *text = NULL;
	bool ok = false;
	size_t len;
	int r;

	if (p->files++ > FILES_MAX)
		return 0;
	r = mix_file(p, root_fd, path, &ok);
	if (r < 0 || !ok || depth == DEPTH_MAX || p->searched == SEARCH_MAX)
		return r;
	p->searched++;
	r = zw_source_read(root_fd, path, &text, &len);
	if (r == -ENOMEM)
		return r;
	return r < 0 ? 0 : search_text(p, root_fd, path, text, len, depth);
}

/* PowerDNS takes settings, and what to include, from its command line too. */
static int mix_args(struct print *p, const char *proc_root)
{
	_zw_args_ struct zw_args args = {};
	int r = zw_args_read(proc_root, p->server->pid, &args);

	for (size_t i = 1; r == 0 && i < args.argv.len; i++) {
		const char *arg = args.argv.items[i];

		mix(p, arg, strlen(arg));
		if (zw_startswith(arg, "--"))
			r = search_text(p, p->own_fd, "/", arg, strlen(arg), 0);
	}
	return r;
}

static void print_done(struct print *p)
{
	free(p->base);
}

/* All that a listing may depend on. */
static int visit(struct print *p, const char *proc_root)
{
	_zw_free_ char *database = NULL;
	bool ok;
	int r = mix_args(p, proc_root);

	if (r == 0 && p->server->config) {
		/* Of a Knot configuration database, which is a directory, this file changes. */
		database = zw_asprintf("%s/data.mdb", p->server->config);
		r = database ? mix_file(p, p->config_fd, database, &ok) : -ENOMEM;
		if (r == 0)
			r = search(p, p->config_fd, p->server->config, 0);
	}
	for (const char *const *f = p->driver->state_files; r == 0 && *f; f++)
		r = mix_state(p, *f);
	return r;
}

/* @p has its server; @roots stay open for it. */
static int look_at(struct print *p, const char *proc_root, struct zw_server_roots *roots)
{
	int r;

	p->driver = zw_server_driver(p->server->kind);
	if (!p->driver)
		return -EINVAL;
	r = zw_server_roots_open(p->server, proc_root, roots);
	if (r < 0)
		return r;
	p->own_fd = roots->own;
	p->config_fd = roots->config;
	return visit(p, proc_root);
}

int zw_server_fingerprint(const struct zw_server *server, const char *proc_root, uint64_t *ret_fp)
{
	_zw_server_roots_ struct zw_server_roots roots = {-1, -1};
	_zw_cleanup_(print_done) struct print p = {.server = server};
	int r = look_at(&p, proc_root, &roots);

	if (r < 0)
		return r;
	*ret_fp = p.value;
	return 0;
}

/* Keys that lie beside the configuration: of TSIG, of control channels, and private ones of zones; K*.key are public. */
static int add_keys(struct print *p)
{
	static const char *const patterns[] = {"[!K]*.key", "*.private", "*.pem"};
	_zw_free_ char *dir = p->server->config ? zw_path_dir(p->server->config) : NULL;
	int r = 0;

	for (size_t i = 0; dir && r == 0 && i < ZW_ARRAY_SIZE(patterns); i++) {
		_zw_free_ char *pattern = zw_path_join(dir, patterns[i]);
		_zw_paths_ zw_paths paths = {};

		r = pattern ? zw_source_expand(p->config_fd, pattern, &paths) : -ENOMEM;
		if (r == -E2BIG)
			r = 0;
		ZW_VEC_FOREACH(path, &paths)
			if (r == 0 && zw_source_exists(p->config_fd, *path))
				r = add_found(p, *path);
	}
	return r;
}

int zw_server_config_files(const struct zw_server *server, const char *proc_root, int *ret_root_fd,
	zw_paths *ret_paths)
{
	_zw_server_roots_ struct zw_server_roots roots = {-1, -1};
	_zw_paths_ zw_paths found = {};
	_zw_cleanup_(print_done) struct print p = {.server = server, .found = &found};
	int fd, r = look_at(&p, proc_root, &roots);

	if (r == 0)
		r = add_keys(&p);
	if (r < 0)
		return r;
	fd = fcntl(roots.config, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	*ret_root_fd = fd;
	*ret_paths = found;
	found = (zw_paths){};
	return 0;
}
