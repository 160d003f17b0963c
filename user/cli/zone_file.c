/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/zone_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/vec.h"
#include "dns/name.h"
#include "dns/rawzone.h"
#include "zone/load.h"

/* Offsets in a zone are 32 bits. */
#define FILE_MAX ((size_t)4 << 30)
/* The SOA comes first; what is looked through before it are comments. */
#define PROLOGUE_MAX ((size_t)1 << 20)

struct loader {
	const char *path;
	ZW_VEC(struct zw_buffer) included;
	ZW_VEC(char *) names;
};

static int read_file(const char *path, struct zw_buffer *b)
{
	/* O_NONBLOCK: a FIFO does not hold us. */
	_zw_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return zw_file_read(fd, (size_t)st.st_size, FILE_MAX, b);
}

static char *include_path(const char *own, const char *path)
{
	const char *slash = strrchr(own, '/');

	if (path[0] == '/' || !slash)
		return strdup(path);
	return zw_asprintf("%.*s/%s", (int)(slash - own), own, path);
}

static int open_include(
	void *ctx, const char *path, uint32_t number, const char **ret_data, size_t *ret_len)
{
	struct loader *l = ctx;
	_zw_free_ char *full = include_path(l->path, path);
	_zw_buffer_ struct zw_buffer content = {};
	int r;

	(void)number; /* files are opened in the order they are numbered */
	if (!full)
		return -ENOMEM;
	r = zw_vec_reserve(&l->names, l->names.len + 1);
	if (r == 0)
		r = zw_vec_reserve(&l->included, l->included.len + 1);
	if (r < 0)
		return r;
	r = read_file(full, &content);
	l->names.items[l->names.len++] = ZW_TAKE(full);
	if (r < 0)
		return r;
	*ret_data = content.data;
	*ret_len = content.len;
	l->included.items[l->included.len++] = content;
	content = (struct zw_buffer){};
	return 0;
}

static void loader_done(struct loader *l)
{
	ZW_VEC_FOREACH(b, &l->included)
		zw_buffer_done(b);
	ZW_VEC_FOREACH(name, &l->names)
		free(*name);
	zw_vec_free(&l->included);
	zw_vec_free(&l->names);
}

/* The next word of a line, up to a blank or a comment; *@at moves behind it. Length 0: no more. */
static size_t next_word(const char **at, const char *end, const char **ret_word)
{
	const char *p = *at, *word;

	while (p < end && strchr(" \t\r()", *p))
		p++;
	word = p;
	while (p < end && !strchr(" \t\r();", *p))
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	*at = p;
	*ret_word = word;
	return (size_t)(p - word);
}

static bool is_word(const char *word, size_t len, const char *wanted)
{
	return len == strlen(wanted) && strncasecmp(word, wanted, len) == 0;
}

/* @word as a name below @origin (length 0: not known). False when it cannot be told. */
static bool make_name(const char *word, size_t len, const char *origin, char *ret_text)
{
	bool absolute = len > 0 && word[len - 1] == '.';
	int n;

	if (absolute)
		n = snprintf(ret_text, ZW_NAME_TEXT_MAX, "%.*s", (int)len, word);
	else if (!origin[0])
		return false;
	else if (is_word(word, len, "@"))
		n = snprintf(ret_text, ZW_NAME_TEXT_MAX, "%s", origin);
	else
		n = snprintf(ret_text, ZW_NAME_TEXT_MAX, "%.*s.%s", (int)len, word,
			zw_streq(origin, ".") ? "" : origin);
	return n > 0 && n < ZW_NAME_TEXT_MAX;
}

/* One line of the prologue. 1: it has the SOA, whose owner is in @owner; 0: go on; -ENOENT: it cannot be told. */
static int look_at_line(const char *line, const char *end, char origin[ZW_NAME_TEXT_MAX],
	char owner[ZW_NAME_TEXT_MAX])
{
	bool inherits = line < end && strchr(" \t", *line);
	char name[ZW_NAME_TEXT_MAX];
	const char *at = line, *word;
	size_t len = next_word(&at, end, &word);

	if (len == 0)
		return 0;
	if (is_word(word, len, "$ORIGIN")) {
		len = next_word(&at, end, &word);
		if (!make_name(word, len, origin, name))
			return -ENOENT;
		memcpy(origin, name, sizeof(name));
		return 0;
	}
	if (word[0] == '$')
		return is_word(word, len, "$TTL") ? 0 : -ENOENT;
	if (!inherits) {
		if (!make_name(word, len, origin, owner))
			return -ENOENT;
		len = next_word(&at, end, &word);
	}
	for (; len > 0; len = next_word(&at, end, &word))
		if (is_word(word, len, "SOA"))
			return owner[0] ? 1 : -ENOENT;
	return -ENOENT; /* another record before it */
}

static int text_origin(const char *data, size_t len, uint8_t *ret_origin)
{
	char origin[ZW_NAME_TEXT_MAX] = "", owner[ZW_NAME_TEXT_MAX] = "";
	const char *end = data + (len < PROLOGUE_MAX ? len : PROLOGUE_MAX);
	size_t name_len;
	int r = 0;

	while (data < end && r == 0) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));
		const char *line_end = newline ? newline : end;

		r = look_at_line(data, line_end, origin, owner);
		data = line_end + 1;
	}
	if (r <= 0 || zw_name_from_text(owner, ret_origin, &name_len) < 0)
		return -ENOENT;
	zw_name_lower(ret_origin, name_len);
	return 0;
}

int zw_zone_file_origin(const char *data, size_t len, uint8_t *ret_origin)
{
	if (zw_zone_format_detect(data, len) != ZW_ZONE_RAW)
		return text_origin(data, len, ret_origin);
	if (zw_rawzone_apex(data, len, ret_origin) < 0)
		return -ENOENT;
	zw_name_lower(ret_origin, zw_name_len(ret_origin));
	return 0;
}

/* "FILE:LINE: reason", with the file that the error counts. */
static void add_reason(struct zw_str *error, const struct loader *l, const struct zw_zone_error *e)
{
	const char *path = l->path;

	if (e->file > 0 && e->file <= l->names.len)
		path = l->names.items[e->file - 1];
	zw_str_add(error, path);
	if (e->line)
		zw_str_addf(error, ":%llu", (unsigned long long)e->line);
	zw_str_addf(error, ": %s", e->reason);
}

int zw_zone_file_load(const struct zw_hash_key *key, const char *path, const uint8_t *origin,
	struct zw_snapshot **ret_snapshot, struct zw_str *error)
{
	_zw_cleanup_(loader_done) struct loader l = {.path = path};
	_zw_buffer_ struct zw_buffer content = {};
	struct zw_zone_error reason = {};
	struct zw_zone_input input = {.key = key};
	uint8_t found[ZW_NAME_MAX];
	int r = read_file(path, &content);

	if (r < 0) {
		zw_str_addf(error, "%s: cannot be read: %s", path,
			r == -EINVAL ? "it is no regular file" : strerror(-r));
		return r;
	}
	if (!origin && zw_zone_file_origin(content.data, content.len, found) < 0) {
		zw_str_addf(error, "%s: does not say which zone it is of; name it with --zone NAME",
			path);
		return -EINVAL;
	}
	input.master.origin = origin ? origin : found;
	input.master.ttl_rule = ZW_TTL_RFC1035;
	input.master.include = open_include;
	input.master.include_ctx = &l;
	input.data = content.data;
	input.len = content.len;
	r = zw_zone_load(&input, NULL, ret_snapshot, &reason);
	if (r == -EBADMSG)
		add_reason(error, &l, &reason);
	else if (r < 0)
		zw_str_addf(error, "%s: %s", path, strerror(-r));
	return r;
}

struct zw_zone_file {
	struct loader loader;
	struct zw_buffer content;
	char *path;
};

int zw_zone_file_open(const char *path, struct zw_zone_file **ret_file, struct zw_str *error)
{
	_zw_zone_file_close_ struct zw_zone_file *file = calloc(1, sizeof(*file));
	int r;

	if (!file)
		return -ENOMEM;
	file->path = strdup(path);
	if (!file->path)
		return -ENOMEM;
	file->loader.path = file->path;
	r = read_file(path, &file->content);
	if (r < 0) {
		zw_str_addf(error, "%s: cannot be read: %s", path,
			r == -EINVAL ? "it is no regular file" : strerror(-r));
		return r;
	}
	*ret_file = ZW_TAKE(file);
	return 0;
}

void zw_zone_file_close(struct zw_zone_file *file)
{
	if (!file)
		return;
	loader_done(&file->loader);
	zw_buffer_done(&file->content);
	free(file->path);
	free(file);
}

void zw_zone_file_input(struct zw_zone_file *file, struct zw_zone_input *input)
{
	input->data = file->content.data ? file->content.data : "";
	input->len = file->content.len;
	input->master.include = open_include;
	input->master.include_ctx = &file->loader;
}
