/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "server/server.h"

/* Levels with wildcards in a pattern, and directories searched for it: a pattern in a container must not keep
 * us busy with its whole file system. */
#define PATTERN_DEPTH_MAX 32
#define PATTERN_DIRS_MAX 10000

void zw_paths_done(zw_paths *paths)
{
	ZW_VEC_FOREACH(p, paths)
		free(*p);
	zw_vec_free(paths);
}

/* Takes @path over. */
static int add_path(zw_paths *paths, char *path)
{
	int r;

	if (!path)
		return -ENOMEM;
	r = zw_vec_push(paths, path);
	if (r < 0)
		free(path);
	return r;
}

char *zw_path_join(const char *base, const char *path)
{
	size_t n, m = strlen(path);
	char *text, *end;

	if (path[0] == '/' || !base)
		return strdup(path);
	n = strlen(base);
	text = malloc(n + 1 + m + 1);
	if (!text)
		return NULL;
	end = mempcpy(text, base, n);
	if (n == 0 || base[n - 1] != '/')
		*end++ = '/';
	memcpy(end, path, m + 1);
	return text;
}

char *zw_path_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

const char *zw_path_inside(const char *prefix, const char *path)
{
	size_t n = strlen(prefix);

	while (n > 0 && prefix[n - 1] == '/')
		n--;
	if (n == 0 || strncmp(path, prefix, n) != 0)
		return path;
	if (path[n] == '\0')
		return "/";
	return path[n] == '/' ? path + n : path;
}

static int read_all(int fd, char **ret_text, size_t *ret_len)
{
	_zw_buffer_ struct zw_buffer b = {};
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 0 || (uint64_t)st.st_size > ZW_SOURCE_MAX)
		return -EFBIG;
	r = zw_file_read(fd, (size_t)st.st_size, ZW_SOURCE_MAX, &b);
	if (r < 0)
		return r;
	*ret_len = b.len;
	*ret_text = ZW_TAKE(b.data);
	return 0;
}

int zw_source_read(int root_fd, const char *path, char **ret_text, size_t *ret_len)
{
	_zw_walk_ struct zw_walk walk = {.fd = -1};
	int r = zw_walk_path(root_fd, path, true, &walk);

	if (r < 0)
		return r;
	if (walk.result < 0)
		return walk.result;
	return read_all(walk.fd, ret_text, ret_len);
}

bool zw_source_exists(int root_fd, const char *path)
{
	_zw_walk_ struct zw_walk walk = {.fd = -1};

	return zw_walk_path(root_fd, path, false, &walk) == 0 && walk.result == 0;
}

/* The kernel keeps links and ".." inside the root. */
static int open_inside(int root_fd, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

bool zw_source_absent(int root_fd, const char *path)
{
	_zw_close_ int fd = open_inside(root_fd, path, O_PATH | O_NOFOLLOW);

	return fd < 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* Only a directory is ever opened. */
static DIR *open_dir(int root_fd, const char *path)
{
	int fd = open_inside(root_fd, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	DIR *dir;

	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (!dir)
		close(fd);
	return dir;
}

static bool has_wildcard(const char *text, size_t len)
{
	return memchr(text, '*', len) || memchr(text, '?', len) || memchr(text, '[', len);
}

/* The first component of @pattern that has a wildcard; false when none has. */
static bool find_wildcard(const char *pattern, size_t *ret_at, size_t *ret_len)
{
	for (const char *p = pattern; *p;) {
		size_t n = strcspn(p, "/");

		if (has_wildcard(p, n)) {
			*ret_at = (size_t)(p - pattern);
			*ret_len = n;
			return true;
		}
		p += n + strspn(p + n, "/");
	}
	return false;
}

struct expansion {
	int root_fd;
	size_t dirs; /* searched so far */
	zw_paths *out;
};

static int expand(struct expansion *e, const char *pattern, bool literal, unsigned int depth)
{
	_zw_closedir_ DIR *dir = NULL;
	_zw_free_ char *before = NULL, *part = NULL;
	struct dirent *de;
	const char *rest;
	size_t at, len;

	if (!find_wildcard(pattern, &at, &len)) {
		if (!literal && !zw_source_exists(e->root_fd, pattern))
			return 0;
		return add_path(e->out, strdup(pattern));
	}
	if (depth == PATTERN_DEPTH_MAX || ++e->dirs > PATTERN_DIRS_MAX)
		return -E2BIG;
	before = strndup(pattern, at);
	part = strndup(pattern + at, len);
	if (!before || !part)
		return -ENOMEM;
	rest = pattern + at + len;
	dir = open_dir(e->root_fd, at > 0 ? before : ".");
	while (dir && (de = readdir(dir)) != NULL) {
		_zw_free_ char *next = NULL;
		int r;

		if (fnmatch(part, de->d_name, FNM_PERIOD) != 0)
			continue;
		next = zw_asprintf("%s%s%s", before, de->d_name, rest);
		if (!next)
			return -ENOMEM;
		if (*rest == '\0')
			r = add_path(e->out, ZW_TAKE(next));
		else
			r = expand(e, next, false, depth + 1);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int zw_source_expand(int root_fd, const char *pattern, zw_paths *ret_paths)
{
	_zw_paths_ zw_paths paths = {};
	struct expansion e = {.root_fd = root_fd, .out = &paths};
	int r = expand(&e, pattern, true, 0);

	if (r < 0)
		return r;
	if (paths.len > 1)
		qsort(paths.items, paths.len, sizeof(*paths.items), compare_paths);
	ret_paths->items = ZW_TAKE(paths.items);
	ret_paths->len = paths.len;
	ret_paths->cap = paths.cap;
	paths.len = 0;
	return 0;
}

int zw_source_include(int root_fd, const char *const *bases, size_t n_bases, const char *pattern,
	zw_paths *ret_paths)
{
	if (pattern[0] == '/')
		return zw_source_expand(root_fd, pattern, ret_paths);
	for (size_t i = 0; i < n_bases; i++) {
		_zw_paths_ zw_paths paths = {};
		_zw_free_ char *full = NULL;
		int r;

		if (!bases[i])
			continue;
		full = zw_path_join(bases[i], pattern);
		if (!full)
			return -ENOMEM;
		r = zw_source_expand(root_fd, full, &paths);
		if (r < 0)
			return r;
		if (paths.len == 0 || !zw_source_exists(root_fd, paths.items[0]))
			continue;
		ret_paths->items = ZW_TAKE(paths.items);
		ret_paths->len = paths.len;
		ret_paths->cap = paths.cap;
		paths.len = 0;
		return 0;
	}
	return zw_source_expand(root_fd, pattern, ret_paths);
}
