/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The source of zones whose server can be asked. A zone file, where there is one, is what an operator edits and what the
 * server writes now and then. Whatever of the two says something new is the state: an edit counts when it is made,
 * though it is loaded later; what is loaded, or written back, is known already. */
#include "cli/served.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "dns/rr.h"
#include "zone/diff.h"

/* How long a new zone file waits for what its server says. */
#define ANSWER_MAX_NS (2 * ZW_NSEC_PER_SEC)

/* What stands for all that the server said of a zone: the beginning of the reading that said it first. */
static const struct zw_agent_file *shared_file(const zw_agent_files *files)
{
	ZW_VEC_FOREACH(f, files)
		if (zw_agent_file_is_the_servers(f))
			return f;
	return NULL;
}

bool zw_source_server_is_taken(const struct zw_agent_zone *z)
{
	const struct zw_agent_file *f = shared_file(&z->files);

	return f && f->digest == z->served->begin_ns;
}

static bool is_fresh(const struct zw_agent_zone *z)
{
	return z->served->begin_ns && !zw_source_server_is_taken(z);
}

/* --- files ------------------------------------------------------------------------------------------------- */

/* What the server does with a file of all zones says nothing of this one, and that it holds it open is no sign that
 * more is to come. */
static int open_shared(struct zw_agent *a, const struct zw_agent_zone *z, const char *path,
	struct zw_agent_reading *r)
{
	const struct zw_agent_file *old = zw_agent_file_find(&z->files, path);
	int rc = zw_agent_file_open(a, z, path, ZW_AGENT_FILE_SHARED, &r->files);
	struct zw_agent_file *f;

	if (rc < 0)
		return rc;
	f = &r->files.items[r->files.len - 1];
	f->writers = f->maps = 0;
	f->digest = old ? old->digest : 0;
	if (f->walk.fd >= 0)
		close(ZW_TAKE_FD(f->walk.fd));
	return 0;
}

/* It is always there, and nothing of it. */
static int open_token(const struct zw_agent_zone *z, const char *path, struct zw_agent_reading *r)
{
	const struct zw_agent_file *old = zw_agent_file_find(&z->files, path);
	struct zw_agent_file f = {.path = strdup(path),
		.kind = ZW_AGENT_FILE_TOKEN,
		.walk.fd = -1,
		.present = true,
		.size_bytes = 1,
		.digest = old ? old->digest : 0};
	int rc = f.path ? zw_vec_push(&r->files, f) : -ENOMEM;

	if (rc < 0)
		free(f.path);
	return rc;
}

static int open_first(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	const struct zw_agent_file *first = &z->files.items[0];

	switch (first->kind) {
	case ZW_AGENT_FILE_SHARED:
		return open_shared(a, z, first->path, r);
	case ZW_AGENT_FILE_TOKEN:
		return open_token(z, first->path, r);
	default:
		return zw_source_file.open(a, z, r);
	}
}

static int server_open(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	int rc = open_first(a, z, r);

	/* What it writes for all its zones is looked into when one has changed. */
	if (z->is_copy || r->files.items[0].kind == ZW_AGENT_FILE_TOKEN) {
		if (rc == 0 && z->is_copy)
			rc = open_token(z, z->server->config, r);
		return rc;
	}
	for (size_t i = 0; rc == 0 && z->server->served; i++) {
		const zw_paths *paths = zw_served_files(z->server->served);

		if (i == paths->len)
			break;
		if (!zw_agent_file_find(&r->files, paths->items[i]))
			rc = open_shared(a, z, paths->items[i], r);
	}
	return rc;
}

/* --- the zone file ----------------------------------------------------------------------------------------- */

static bool includes_changed(struct zw_agent *a, const struct zw_agent_zone *z)
{
	ZW_VEC_FOREACH(f, &z->files)
		if (f->kind == ZW_AGENT_FILE_INCLUDED && !zw_agent_include_untouched(a, z, f))
			return true;
	return false;
}

/* Files that were not read again are still what they were. */
static int keep_included(const struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	_zw_files_ zw_agent_files copy = {};
	int rc = zw_agent_files_copy(&z->files, &copy);

	for (size_t i = 0; rc == 0 && i < copy.len; i++) {
		struct zw_agent_file *f = &copy.items[i];

		if (f->kind != ZW_AGENT_FILE_INCLUDED || zw_agent_file_find(&r->files, f->path))
			continue;
		rc = zw_vec_push(&r->files, *f);
		if (rc == 0)
			*f = (struct zw_agent_file){.walk.fd = -1};
	}
	return rc;
}

/* Whether the zone file says something else than at the last look. A file that went says nothing. */
static int read_file(
	struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r, bool *ret_changed)
{
	struct zw_agent_file *f = &r->files.items[0];
	const struct zw_agent_file *old = zw_agent_file_find(&z->files, f->path);
	int rc;

	*ret_changed = false;
	if (zw_agent_file_is_the_servers(f) || !f->present)
		return 0;
	rc = zw_agent_file_read(a, z, f, &a->content, &r->busy);
	if (rc == -ENOMEM)
		return rc;
	if (z->is_copy && z->served->snapshot)
		return 0;
	*ret_changed = rc < 0 || !old || !old->present || old->digest != f->digest ||
		       includes_changed(a, z);
	return 0;
}

/* Signed by the server: the file is then not what is served, nor does it become that. */
static bool adds_signatures(const struct zw_snapshot *served, const struct zw_snapshot *file)
{
	const uint8_t *origin = zw_snapshot_origin(file);
	struct zw_rrset set;

	return served && zw_snapshot_lookup(served, origin, ZW_TYPE_RRSIG, &set) &&
	       !zw_snapshot_lookup(file, origin, ZW_TYPE_RRSIG, &set);
}

static int take_file(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	int rc = zw_source_file.read(a, z, r);

	if (rc < 0 || r->busy || !r->snapshot)
		return rc;
	/* What becomes of it when it is loaded is told then. */
	if (z->good && adds_signatures(z->served->snapshot, r->snapshot)) {
		zw_snapshot_unref(ZW_TAKE(r->snapshot));
		r->same = true;
		return 0;
	}
	z->served->edited = true;
	return 0;
}

/* --- the server -------------------------------------------------------------------------------------------- */

/* Whether the zone file must wait: what is new in it may be what the server wrote there. */
static bool must_ask(struct zw_agent *a, struct zw_agent_zone *z, const struct zw_agent_reading *r)
{
	const struct zw_served_zone *v = z->served;

	if (a->stopping || !z->server->served || !z->server->pid)
		return false;
	if (v->wanted_ns)
		return r->begin_ns < v->wanted_ns + ANSWER_MAX_NS;
	if (v->answer_ns > z->last_ns)
		return false;
	zw_served_want(a, z);
	return true;
}

/* Loading an edit may raise the serial, and nothing else. */
static int is_loaded_edit(const struct zw_agent_zone *z, bool *ret_yes)
{
	_zw_diff_ struct zw_diff *diff = NULL;
	int rc;

	*ret_yes = false;
	if (!z->served->edited || !z->good)
		return 0;
	rc = zw_diff_new(z->good, z->served->snapshot, &diff);
	if (rc == 0)
		*ret_yes = zw_diff_is_soa_only(diff);
	return rc;
}

/* What a zone file includes is known only once it was read. */
static int learn_includes(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	int rc = zw_source_file.read(a, z, r);

	zw_snapshot_unref(ZW_TAKE(r->snapshot));
	free(ZW_TAKE(r->error_file));
	r->error = (struct zw_zone_error){};
	r->busy = r->same = false;
	return rc;
}

/* What the server said is known with this reading, and nothing that it was asked later. An edit is known as of now: who
 * made the one before is not looked for again, also when the server has said nothing since. */
static void mark_taken(const struct zw_agent_zone *z, struct zw_agent_reading *r, bool edit)
{
	const struct zw_served_zone *v = z->served;

	if (v->told_ns && z->server->served && v->answer_ns < r->begin_ns) {
		if (!edit)
			r->begin_ns = v->answer_ns > z->good_ns ? v->answer_ns : z->good_ns;
		r->end_ns = v->end_ns;
	}
	ZW_VEC_FOREACH(f, &r->files)
		if (zw_agent_file_is_the_servers(f))
			f->digest = z->served->begin_ns;
}

static int take_served(
	struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r, bool file_changed)
{
	struct zw_served_zone *v = z->served;
	int rc = is_loaded_edit(z, &r->quiet);

	if (rc == 0 && file_changed)
		rc = learn_includes(a, z, r);
	else if (rc == 0)
		rc = keep_included(z, r);
	if (rc < 0)
		return rc;
	v->edited = false;
	/* An edit that the server had no time to load: the next look finds it. */
	if (file_changed && z->last_ns >= v->begin_ns)
		r->files.items[0].digest = 0;
	r->snapshot = zw_snapshot_ref(v->snapshot);
	return 0;
}

/* Neither the server nor a file says what the zone is. */
static int nothing_to_read(const struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	const struct zw_agent_file *f = &r->files.items[0];

	zw_zone_fail(&r->error, ZW_ZERR_SERVER, 0, 0, "%s",
		z->served->error ? z->served->error : "its server cannot be asked");
	r->error_file = strdup(f->path);
	return r->error_file ? 0 : -ENOMEM;
}

static int server_read(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	bool file_changed, fresh;
	int rc = read_file(a, z, r, &file_changed);

	if (rc < 0)
		return rc;
	if (file_changed && z->served->told_ns && must_ask(a, z, r))
		r->busy = true;
	if (!r->busy)
		rc = zw_agent_catch_up(a, z, r);
	if (rc < 0 || r->busy)
		return rc;
	fresh = is_fresh(z) && z->served->snapshot;
	mark_taken(z, r, file_changed && !fresh);
	if (fresh)
		return take_served(a, z, r, file_changed);
	if (file_changed)
		return take_file(a, z, r);
	/* It said so, and there is no file that could say anything else. */
	if (r->files.items[0].kind == ZW_AGENT_FILE_TOKEN && z->served->error)
		return nothing_to_read(z, r);
	if (z->good || z->state == ZW_ZONE_BAD) {
		r->same = true;
		return keep_included(z, r);
	}
	return nothing_to_read(z, r);
}

const struct zw_agent_source zw_source_server = {
	.name = "server",
	.served = true,
	.open = server_open,
	.read = server_read,
};

const struct zw_agent_source zw_source_database = {
	.name = "database",
	.served = true,
	.database = true,
	.open = server_open,
	.read = server_read,
};
