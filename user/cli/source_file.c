/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The source of most zones: a file, with the files it includes, and what BIND's journal adds to it. */
#include "cli/agent_source.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "zone/load.h"

/* What the include callback needs, and what it collects. */
struct loader {
	struct zw_agent *a;
	struct zw_agent_zone *z;
	struct zw_agent_reading *r;
	ZW_VEC(struct zw_buffer) included;
};

/* BIND resolves included paths from its working directory, the others from the file's own. */
static char *include_path(const struct zw_agent_zone *z, const char *path)
{
	const char *own = z->files.items[0].path;
	const char *slash = strrchr(own, '/');

	if (path[0] == '/')
		return strdup(path);
	if (z->server->kind == ZW_SERVER_BIND && z->server->cwd)
		return zw_asprintf("%s/%s", z->server->cwd, path);
	return zw_asprintf("%.*s/%s", (int)(slash - own), own, path);
}

static int read_include(struct loader *l, struct zw_agent_file *f, struct zw_buffer *content)
{
	int r;

	if (!f->present)
		return f->walk.result ? f->walk.result : -EINVAL;
	r = zw_agent_file_read(l->a, l->z, f, content, &l->r->busy);
	close(ZW_TAKE_FD(f->walk.fd));
	return r;
}

static int open_include(
	void *ctx, const char *path, uint32_t number, const char **ret_data, size_t *ret_len)
{
	struct loader *l = ctx;
	_zw_free_ char *full = include_path(l->z, path);
	_zw_buffer_ struct zw_buffer content = {};
	zw_agent_files *files = &l->r->files;
	int r;

	(void)number; /* files are opened in the order they are numbered */
	if (!full)
		return -ENOMEM;
	/* Also a file that is missing belongs to the zone: it may come. */
	r = zw_agent_file_open(l->a, l->z, full, ZW_AGENT_FILE_INCLUDED, files);
	if (r == 0)
		r = read_include(l, &files->items[files->len - 1], &content);
	if (r == 0)
		r = zw_vec_push(&l->included, content);
	if (r < 0)
		return r;
	*ret_data = content.data;
	*ret_len = content.len;
	content = (struct zw_buffer){};
	return 0;
}

/* The file that an error of the reader counts: the zone file itself, or one of those it includes. */
static const char *counted_file(const struct zw_agent_reading *r, uint32_t number)
{
	uint32_t n = 0;

	ZW_VEC_FOREACH(f, &r->files)
		if (f->kind == ZW_AGENT_FILE_INCLUDED && ++n == number)
			return f->path;
	return r->files.items[0].path;
}

static int parse(struct loader *l, const struct zw_buffer *content)
{
	struct zw_zone_input input = {
		.key = &l->a->key,
		.master =
			{
				.origin = l->z->origin,
				.ttl_rule = ZW_TTL_RFC1035,
				.default_ttl = 3600, /* of Knot and NSD */
				.include = open_include,
				.include_ctx = l,
			},
		.data = content->data,
		.len = content->len,
	};
	struct zw_agent_reading *r = l->r;
	size_t files = r->files.len;
	int rc;

	if (l->z->server->kind == ZW_SERVER_KNOT || l->z->server->kind == ZW_SERVER_NSD)
		input.master.ttl_rule = ZW_TTL_FIXED;
	rc = zw_zone_load(&input, l->z->good, &r->snapshot, &r->error);
	if (rc == -ENOMEM)
		return rc;
	/* Included files were read after the book was brought up to date. */
	if (r->files.len > files) {
		int drained = zw_agent_catch_up(l->a, l->z, r);

		if (drained < 0 || r->busy)
			return drained;
	}
	if (rc < 0 && rc != -EBADMSG)
		zw_zone_fail(&r->error, ZW_ZERR_FORMAT, 0, 0, "%s", strerror(-rc));
	if (rc < 0) {
		r->error_file = strdup(counted_file(r, r->error.file));
		return r->error_file ? 0 : -ENOMEM;
	}
	return 0;
}

/* The zone file cannot be opened: as unreadable as one that cannot be parsed. */
static int cannot_open(struct zw_agent_reading *r, const struct zw_agent_file *f)
{
	int why = f->walk.result ? f->walk.result : -EINVAL;

	zw_zone_fail(&r->error, ZW_ZERR_NONE, 0, 0, "cannot open it: %s",
		why == -EINVAL ? "not a regular file" : strerror(-why));
	r->error_file = strdup(f->path);
	return r->error_file ? 0 : -ENOMEM;
}

/* Without includes the same bytes are the same zone. */
static bool same_bytes(const struct zw_agent_zone *z, const struct zw_agent_reading *r)
{
	if (z->state == ZW_ZONE_NEW || z->files.len != r->files.len)
		return false;
	ZW_VEC_FOREACH(now, &r->files) {
		const struct zw_agent_file *old = zw_agent_file_find(&z->files, now->path);

		if (!old || old->present != now->present || old->digest != now->digest)
			return false;
	}
	return true;
}

static int file_open(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	int rc = zw_agent_file_open(a, z, z->files.items[0].path, ZW_AGENT_FILE_MAIN, &r->files);

	return rc < 0 || !z->journal ? rc : zw_agent_journal_open(a, z, r);
}

/* All the bytes, without looking at them; with @goes_on those of the zone file are known. */
static int read_bytes(
	struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r, bool goes_on)
{
	struct zw_agent_file *f = &r->files.items[0];
	int rc = 0;

	if (goes_on)
		f->digest = z->good_files.items[0].digest;
	else
		rc = zw_agent_file_read(a, z, f, &a->content, &r->busy);
	if (rc == -ENOMEM)
		return rc;
	if (rc < 0) {
		f->walk.result = rc;
		return cannot_open(r, f);
	}
	rc = zw_agent_journal_read(a, z, r, goes_on);
	/* Together they are one state only if neither changed while the other was read. */
	r->busy |= zw_agent_files_moved(&r->files) || zw_agent_journal_came(z, r);
	return rc;
}

static int parse_all(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	struct loader l = {.a = a, .z = z, .r = r};
	int rc = parse(&l, &a->content);

	ZW_VEC_FOREACH(c, &l.included)
		zw_buffer_done(c);
	zw_vec_free(&l.included);
	return rc < 0 || !r->snapshot || r->busy ? rc : zw_agent_journal_apply(a, r);
}

static int file_read(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	bool goes_on = zw_agent_journal_goes_on(z, r);
	int rc;

	if (!r->files.items[0].present) {
		rc = zw_agent_drain(a);
		return rc < 0 ? rc : cannot_open(r, &r->files.items[0]);
	}
	rc = read_bytes(a, z, r, goes_on);
	if (rc == 0 && !r->error_file)
		rc = zw_agent_catch_up(a, z, r);
	if (rc < 0 || r->busy || r->error_file)
		return rc;
	if (same_bytes(z, r)) {
		r->same = true;
		return 0;
	}
	if (!goes_on)
		return parse_all(a, z, r);
	rc = zw_agent_journal_go_on(a, z, r);
	if (rc == -EBADMSG) {
		z->digest_wanted = r->busy = true;
		return 0;
	}
	return rc;
}

const struct zw_agent_source zw_source_file = {
	.name = "file",
	.open = file_open,
	.read = file_read,
};
