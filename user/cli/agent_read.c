/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes of a zone and of the files it includes, consistent or not at all. */
#include "cli/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "zone/load.h"

/* How long a zone that is written to all the time is waited for before it is read as it is. */
#define BUSY_MAX_NS (2 * ZW_NSEC_PER_SEC)
/* Coarse file times of kernels before 6.13 move once a jiffy; 100 Hz is the slowest. */
#define TIME_STEP_NS (10 * ZW_NSEC_PER_MSEC)

struct content {
	char *data;
	size_t len;
};

/* What the include callback needs, and what it collects. */
struct loader {
	struct zw_agent *a;
	struct zw_agent_zone *z;
	struct zw_agent_reading *r;
	ZW_VEC(struct content) included;
};

void zw_agent_files_done(zw_agent_files *files)
{
	ZW_VEC_FOREACH(f, files) {
		free(f->path);
		zw_walk_done(&f->walk);
	}
	zw_vec_free(files);
}

int zw_agent_files_copy(const zw_agent_files *from, zw_agent_files *ret_to)
{
	zw_agent_files to = {};

	ZW_VEC_FOREACH(f, from) {
		struct zw_agent_file copy = *f;
		int r = 0;

		copy.path = strdup(f->path);
		copy.walk = (struct zw_walk){.result = f->walk.result, .fd = -1};
		ZW_VEC_FOREACH(p, &f->walk.places)
			if (r == 0)
				r = zw_vec_push(&copy.walk.places, *p);
		if (r == 0 && copy.path)
			r = zw_vec_push(&to, copy);
		if (r < 0 || !copy.path) {
			free(copy.path);
			zw_walk_done(&copy.walk);
			zw_agent_files_done(&to);
			return -ENOMEM;
		}
	}
	*ret_to = to;
	return 0;
}

void zw_agent_reading_done(struct zw_agent_reading *r)
{
	zw_agent_files_done(&r->files);
	zw_snapshot_unref(r->snapshot);
	free(r->error_file);
	*r = (struct zw_agent_reading){};
}

static uint64_t stamp_ns(struct timespec ts)
{
	return (uint64_t)ts.tv_sec * ZW_NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static int take_stat(struct zw_agent_file *f)
{
	struct stat st;

	if (fstat(f->walk.fd, &st) < 0)
		return -errno;
	f->size_bytes = (uint64_t)st.st_size;
	f->mtime_ns = stamp_ns(st.st_mtim);
	f->ctime_ns = stamp_ns(st.st_ctim);
	f->uid = st.st_uid;
	f->gid = st.st_gid;
	f->mode = st.st_mode;
	return 0;
}

/* Walks to the file and opens it; a file that cannot be opened is a result, not a failure. */
static int open_file(struct zw_agent *a, const struct zw_agent_zone *z, const char *path,
	struct zw_agent_file *ret_file)
{
	struct zw_agent_file f = {.path = strdup(path), .walk.fd = -1};
	struct zw_inode_state state;
	int r;

	if (!f.path)
		return -ENOMEM;
	r = zw_walk_path(z->server->root_fd, path, true, &f.walk);
	if (r < 0) {
		free(f.path);
		return r;
	}
	f.present = f.walk.result == 0 && f.walk.fd >= 0;
	if (f.present && take_stat(&f) < 0)
		f.present = false;
	if (f.present && zw_probe_inode_state(a->probe, f.walk.fd, &state) == 0) {
		f.writers = state.writers > 0 ? state.writers : 0;
		f.maps = state.maps > 0 ? state.maps : 0;
		f.generation = state.generation;
	}
	*ret_file = f;
	return 0;
}

static bool same_file(const struct zw_agent_file *a, const struct zw_agent_file *b)
{
	return a->present == b->present && zw_walk_differs_at(&a->walk, &b->walk) == SIZE_MAX &&
	       a->generation == b->generation && a->size_bytes == b->size_bytes &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

/* Times this young may have been the same before another write. */
static bool is_racy(const struct zw_agent_file *f)
{
	return zw_realtime_ns() < f->ctime_ns + TIME_STEP_NS;
}

static bool nothing_changed(
	struct zw_agent *a, const struct zw_agent_zone *z, const struct zw_agent_file *main_file)
{
	if (z->state == ZW_ZONE_NEW || z->digest_wanted || !z->files.len)
		return false;
	for (size_t i = 0; i < z->files.len; i++) {
		const struct zw_agent_file *old = &z->files.items[i];
		struct zw_agent_file now = {.walk.fd = -1};
		bool same;

		if (i == 0) {
			same = same_file(old, main_file) && !main_file->maps && !is_racy(main_file);
		} else {
			if (open_file(a, z, old->path, &now) < 0)
				return false;
			same = same_file(old, &now) && !now.maps && !is_racy(&now);
			free(now.path);
			zw_walk_done(&now.walk);
		}
		if (!same)
			return false;
	}
	return true;
}

static void add_mapper(void *ctx, const void *data, size_t len)
{
	struct loader *l = ctx;
	const struct zw_wire_holder *h = data;
	struct zw_correlate_holder mapper = {.mapped = true};

	if (len != sizeof(*h) || !h->mapped)
		return;
	ZW_VEC_FOREACH(m, &l->z->mappers)
		if (m->actor->tgid == h->tgid && m->actor->start_ns == h->start_ns)
			return;
	if (zw_proc_table_lookup(l->a->procs, h->tgid, h->start_ns, &mapper.actor) < 0)
		return;
	if (zw_vec_push(&l->z->mappers, mapper) < 0)
		zw_actor_unref(mapper.actor);
}

/* Who has it mapped now is remembered, for a store that slips through before the mapping is given up. */
static void note_mappers(struct loader *l, const struct zw_agent_file *f)
{
	const struct zw_place *p = &f->walk.places.items[f->walk.places.len - 1];

	(void)zw_probe_holders(l->a->probe, p->dev, p->ino, add_mapper, l);
}

static int read_content(struct zw_agent_file *f, char **data, size_t *cap, size_t *ret_len)
{
	size_t len = 0;

	for (;;) {
		ssize_t n;

		/* One byte more than stat said shows whether it grew meanwhile. */
		if (*cap < len + 1 || *cap < f->size_bytes + 1) {
			size_t want =
				f->size_bytes + 1 > len * 2 ? f->size_bytes + 1 : len * 2 + 4096;
			char *grown = realloc(*data, want);

			if (!grown)
				return -ENOMEM;
			*data = grown;
			*cap = want;
		}
		n = pread(f->walk.fd, *data + len, *cap - len, (off_t)len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	*ret_len = len;
	return 0;
}

/* The same file still, with the same times: what was read is one state of it. */
static bool still_same(const struct zw_agent_file *f, size_t len)
{
	struct zw_agent_file now = {.walk.fd = f->walk.fd};

	return take_stat(&now) == 0 && now.size_bytes == f->size_bytes && len == f->size_bytes &&
	       now.mtime_ns == f->mtime_ns && now.ctime_ns == f->ctime_ns;
}

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

static int open_include(
	void *ctx, const char *path, uint32_t number, const char **ret_data, size_t *ret_len)
{
	struct loader *l = ctx;
	_zw_free_ char *full = include_path(l->z, path);
	struct zw_agent_file f;
	struct content c = {};
	size_t cap = 0;
	int r;

	(void)number; /* files are opened in the order they are numbered */
	if (!full)
		return -ENOMEM;
	r = open_file(l->a, l->z, full, &f);
	if (r < 0)
		return r;
	if (f.present)
		(void)sync_file_range(f.walk.fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	if (f.present && f.maps)
		note_mappers(l, &f);
	r = f.present ? read_content(&f, &c.data, &cap, &c.len) : f.walk.result;
	if (r == 0 && !f.present)
		r = -EINVAL;
	if (r == 0) {
		l->r->busy |= !still_same(&f, c.len);
		f.digest = zw_hash_bytes(&l->a->key, c.data, c.len);
		r = zw_vec_push(&l->included, c);
	}
	if (f.walk.fd >= 0)
		close(ZW_TAKE_FD(f.walk.fd));
	if (r < 0)
		free(c.data);
	/* Also a file that is missing belongs to the zone: it may come. */
	if (zw_vec_push(&l->r->files, f) < 0) {
		free(f.path);
		zw_walk_done(&f.walk);
		return -ENOMEM;
	}
	if (r < 0)
		return r;
	*ret_data = c.data;
	*ret_len = c.len;
	return 0;
}

/* What happened until now must be in the book before the difference is explained. Something that happened while
 * the files were read means that they are to be read again, but not for ever. */
static int catch_up(struct loader *l)
{
	struct zw_agent_reading *r = l->r;
	int rc = zw_agent_drain(l->a);

	if (rc < 0)
		return rc;
	if (l->z->last_ns >= r->begin_ns)
		r->busy = true;
	if (r->busy && !l->z->first_ns)
		l->z->first_ns = r->begin_ns;
	if (r->busy && r->begin_ns - l->z->first_ns >= BUSY_MAX_NS)
		r->busy = false;
	return 0;
}

static int parse(struct loader *l, size_t len)
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
		.data = l->a->buffer,
		.len = len,
	};
	struct zw_agent_reading *r = l->r;
	int rc;

	if (l->z->server->kind == ZW_SERVER_KNOT || l->z->server->kind == ZW_SERVER_NSD)
		input.master.ttl_rule = ZW_TTL_FIXED;
	rc = zw_zone_load(&input, l->z->good, &r->snapshot, &r->error);
	if (rc == -ENOMEM)
		return rc;
	/* Included files were read after the book was brought up to date. */
	if (r->files.len > 1) {
		int drained = catch_up(l);

		if (drained < 0 || r->busy)
			return drained;
	}
	if (rc < 0 && rc != -EBADMSG)
		zw_zone_fail(&r->error, ZW_ZERR_FORMAT, 0, 0, "%s", strerror(-rc));
	if (rc < 0) {
		size_t file = r->error.file < r->files.len ? r->error.file : 0;

		r->error_file = strdup(r->files.items[file].path);
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

/* A writer has it open and was active a moment ago: more is to come. Not for ever, though. */
static bool being_written(struct zw_agent *a, const struct zw_agent_zone *z,
	const struct zw_agent_file *f, uint64_t now)
{
	return f->writers && z->first_ns && now - z->first_ns < BUSY_MAX_NS &&
	       now < z->last_ns + a->conf->settle_held_ns;
}

static int read_main(struct loader *l, struct zw_agent_file *f)
{
	struct zw_agent *a = l->a;
	struct zw_agent_reading *r = l->r;
	size_t len;
	int rc;

	/* Pages on their way to the disk are protected: the next store into one of them fires a hook again. */
	(void)sync_file_range(f->walk.fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	if (f->maps)
		note_mappers(l, f);
	rc = read_content(f, &a->buffer, &a->buffer_cap, &len);
	if (rc == -ENOMEM)
		return rc;
	if (rc < 0) {
		f->walk.result = rc;
		return cannot_open(r, f);
	}
	r->busy = !still_same(f, len);
	f->digest = zw_hash_bytes(&a->key, a->buffer, len);
	rc = catch_up(l);
	if (rc < 0 || r->busy)
		return rc;
	/* Without includes the same bytes are the same zone. */
	if (l->z->files.len == 1 && l->z->state != ZW_ZONE_NEW &&
		f->digest == l->z->files.items[0].digest && l->z->files.items[0].present) {
		r->same = true;
		return 0;
	}
	return parse(l, len);
}

/* Nothing was read, so what is known of the files, also of those it includes, is still what they are. */
static int keep_files(const struct zw_agent_zone *z, const struct zw_agent_file *main_file,
	struct zw_agent_reading *r)
{
	zw_agent_files copy = {};
	int rc = zw_agent_files_copy(&z->files, &copy);

	if (rc < 0)
		return rc;
	copy.items[0].writers = main_file->writers;
	/* The caller closes the descriptor. */
	r->files.items[0].walk.fd = -1;
	zw_agent_files_done(&r->files);
	r->files = copy;
	r->same = true;
	return 0;
}

int zw_agent_read(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *ret_reading)
{
	struct zw_agent_reading r = {.begin_ns = zw_boottime_ns()};
	struct loader l = {.a = a, .z = z, .r = &r};
	struct zw_agent_file f;
	int rc;

	rc = open_file(a, z, z->files.items[0].path, &f);
	if (rc < 0)
		return rc;
	rc = zw_vec_push(&r.files, f);
	if (rc < 0) {
		free(f.path);
		zw_walk_done(&f.walk);
		return rc;
	}
	if (!f.present) {
		rc = zw_agent_drain(a);
		if (rc == 0)
			rc = cannot_open(&r, &f);
	} else if (being_written(a, z, &f, r.begin_ns)) {
		r.busy = true;
	} else if (nothing_changed(a, z, &f)) {
		/* Also an event that this is too early for must be known before. */
		rc = catch_up(&l);
		if (rc == 0 && !r.busy)
			rc = keep_files(z, &f, &r);
	} else {
		/* Includes are appended meanwhile, so the item moves; the copy keeps the descriptor. */
		rc = read_main(&l, &f);
		r.files.items[0].digest = f.digest;
		r.files.items[0].walk.result = f.walk.result;
	}
	if (f.walk.fd >= 0)
		close(f.walk.fd);
	r.files.items[0].walk.fd = -1;
	ZW_VEC_FOREACH(c, &l.included)
		free(c->data);
	zw_vec_free(&l.included);
	if (rc < 0) {
		zw_agent_reading_done(&r);
		return rc;
	}
	*ret_reading = r;
	return 0;
}

int zw_agent_locate(
	struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *ret_reading)
{
	struct zw_agent_reading r = {.begin_ns = zw_boottime_ns()};
	struct zw_agent_file f;
	int rc = open_file(a, z, z->files.items[0].path, &f);

	if (rc < 0)
		return rc;
	if (f.walk.fd >= 0)
		close(ZW_TAKE_FD(f.walk.fd));
	rc = zw_vec_push(&r.files, f);
	if (rc < 0) {
		free(f.path);
		zw_walk_done(&f.walk);
		return rc;
	}
	*ret_reading = r;
	return 0;
}
