/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One file of a zone: found, opened, compared with what it was, read. */
#include "cli/agent_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"

/* Coarse file times of kernels before 6.13 move once a jiffy; 100 Hz is the slowest. */
#define TIME_STEP_NS (10 * ZW_NSEC_PER_MSEC)
/* No file is refused for its size. */
#define CONTENT_MAX (SIZE_MAX / 4)
/* What is read again of a file that grew is less than two of these more than what is new. */
#define BLOCK_BYTES 65536

static void file_done(struct zw_agent_file *f)
{
	free(f->path);
	zw_walk_done(&f->walk);
}

void zw_agent_files_done(zw_agent_files *files)
{
	ZW_VEC_FOREACH(f, files)
		file_done(f);
	zw_vec_free(files);
}

int zw_agent_files_copy(const zw_agent_files *from, zw_agent_files *ret_to)
{
	_zw_files_ zw_agent_files to = {};

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
			file_done(&copy);
			return -ENOMEM;
		}
	}
	*ret_to = to;
	to = (zw_agent_files){};
	return 0;
}

void zw_agent_files_close(zw_agent_files *files)
{
	ZW_VEC_FOREACH(f, files)
		if (f->walk.fd >= 0)
			close(ZW_TAKE_FD(f->walk.fd));
}

struct zw_agent_file *zw_agent_file_find(const zw_agent_files *files, const char *path)
{
	ZW_VEC_FOREACH(f, files)
		if (zw_streq(f->path, path))
			return f;
	return NULL;
}

static uint64_t stamp_ns(struct timespec ts)
{
	return (uint64_t)ts.tv_sec * ZW_NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

int zw_agent_file_stat(struct zw_agent_file *f)
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
	if (f->walk.places.len)
		f->overlay = f->walk.places.items[f->walk.places.len - 1].dev !=
			     zw_dev_from_stat(st.st_dev);
	return 0;
}

/* Pages on their way to the disk are protected: the next store into one of them fires a hook again. An overlay passes
 * only the second on to the file below (fs/overlayfs/file.c, ovl_fadvise); that also drops clean pages. */
static void start_writeback(const struct zw_agent_file *f)
{
	if (f->overlay)
		(void)posix_fadvise(f->walk.fd, 0, 0, POSIX_FADV_DONTNEED);
	else
		(void)sync_file_range(f->walk.fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int zw_agent_file_open(struct zw_agent *a, const struct zw_agent_zone *z, const char *path,
	enum zw_agent_file_kind kind, zw_agent_files *files)
{
	struct zw_agent_file f = {.path = strdup(path), .kind = kind, .walk.fd = -1};
	struct zw_inode_state state;
	/* Without a kernel to ask the inode is what stat(2) says. */
	int r = f.path ? zw_walk_path_below(z->server->root_fd, path, true,
				 a->probe ? zw_probe_below : NULL, a->probe, &f.walk)
		       : -ENOMEM;

	if (r == 0) {
		f.present = f.walk.result == 0 && f.walk.fd >= 0;
		if (f.present && zw_agent_file_stat(&f) < 0)
			f.present = false;
		if (f.present && a->probe &&
			zw_probe_inode_state(a->probe, f.walk.fd, &state) == 0) {
			f.writers = state.writers > 0 ? state.writers : 0;
			f.maps = state.maps > 0 ? state.maps : 0;
			f.generation = state.generation;
		}
		r = zw_vec_push(files, f);
	}
	if (r < 0)
		file_done(&f);
	return r;
}

/* Times this young may have been the same before another write. */
static bool is_racy(const struct zw_agent_file *f)
{
	return zw_realtime_ns() < f->ctime_ns + TIME_STEP_NS;
}

bool zw_agent_file_untouched(const struct zw_agent_file *old, const struct zw_agent_file *now)
{
	return old->present == now->present &&
	       zw_walk_differs_at(&old->walk, &now->walk) == SIZE_MAX &&
	       old->generation == now->generation && old->size_bytes == now->size_bytes &&
	       old->mtime_ns == now->mtime_ns && old->ctime_ns == now->ctime_ns && !now->maps &&
	       !is_racy(now);
}

struct mappers {
	struct zw_agent *a;
	struct zw_agent_zone *z;
};

static void add_mapper(void *ctx, const void *data, size_t len)
{
	struct mappers *to = ctx;
	const struct zw_wire_holder *h = data;
	struct zw_correlate_holder mapper = {.mapped = true};

	if (len != sizeof(*h) || !h->mapped)
		return;
	ZW_VEC_FOREACH(m, &to->z->mappers)
		if (m->actor->tgid == h->tgid && m->actor->start_ns == h->start_ns)
			return;
	if (zw_proc_table_lookup(to->a->procs, h->tgid, h->start_ns, &mapper.actor) < 0)
		return;
	if (zw_vec_push(&to->z->mappers, mapper) < 0)
		zw_actor_unref(mapper.actor);
}

/* Who has it mapped now is remembered, for a store that slips through before the mapping is given up. */
static void note_mappers(struct zw_agent *a, struct zw_agent_zone *z, const struct zw_agent_file *f)
{
	const struct zw_place *p = &f->walk.places.items[f->walk.places.len - 1];
	struct mappers to = {a, z};

	(void)zw_probe_holders(a->probe, p->dev, p->ino, add_mapper, &to);
}

/* The same file still, with the same times: what was read is one state of it. */
static bool still_same(const struct zw_agent_file *f, size_t len)
{
	struct zw_agent_file now = {.walk.fd = f->walk.fd};

	return zw_agent_file_stat(&now) == 0 && now.size_bytes == f->size_bytes &&
	       len == f->size_bytes && now.mtime_ns == f->mtime_ns && now.ctime_ns == f->ctime_ns;
}

static void prepare(struct zw_agent *a, struct zw_agent_zone *z, const struct zw_agent_file *f)
{
	start_writeback(f);
	if (f->maps)
		note_mappers(a, z, f);
}

int zw_agent_file_read(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_file *f,
	struct zw_buffer *content, bool *busy)
{
	int r;

	prepare(a, z, f);
	r = zw_file_read(f->walk.fd, f->size_bytes, CONTENT_MAX, content);
	if (r < 0)
		return r;
	*busy |= !still_same(f, content->len);
	f->digest = zw_hash_bytes(&a->key, content->data, content->len);
	return 0;
}

/* The first block, whole blocks, and the rest. */
struct fold {
	uint64_t head, blocks, rest;
};

/* Goes on from what is folded in @f, and leaves in it what may stay the next time. */
static void fold(const struct zw_hash_key *key, const struct zw_buffer *content, size_t stable,
	struct zw_agent_file *f)
{
	size_t len = content->len, at = f->folded_bytes ? f->folded_bytes : BLOCK_BYTES;
	struct fold parts = {.blocks = f->fold};

	parts.head = zw_hash_bytes(key, content->data, len < BLOCK_BYTES ? len : BLOCK_BYTES);
	for (; at + BLOCK_BYTES <= len; at += BLOCK_BYTES) {
		uint64_t pair[2] = {
			parts.blocks, zw_hash_bytes(key, content->data + at, BLOCK_BYTES)};

		parts.blocks = zw_hash_bytes(key, pair, sizeof(pair));
		if (at + BLOCK_BYTES <= stable) {
			f->fold = parts.blocks;
			f->folded_bytes = at + BLOCK_BYTES;
		}
	}
	if (at < len)
		parts.rest = zw_hash_bytes(key, content->data + at, len - at);
	f->digest = zw_hash_bytes(key, &parts, sizeof(parts));
}

int zw_agent_file_read_on(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_file *f,
	const struct zw_agent_file *old, size_t (*stable)(const struct zw_buffer *content),
	struct zw_buffer *content, bool *busy)
{
	int r;

	prepare(a, z, f);
	f->fold = f->folded_bytes = 0;
	if (old && old->folded_bytes <= f->size_bytes) {
		f->fold = old->fold;
		f->folded_bytes = old->folded_bytes;
	}
	r = zw_file_read_on(
		f->walk.fd, BLOCK_BYTES, f->folded_bytes, f->size_bytes, CONTENT_MAX, content);
	if (r < 0)
		return r;
	*busy |= !still_same(f, content->len);
	if (content->len >= f->folded_bytes)
		fold(&a->key, content, stable(content), f);
	return 0;
}

bool zw_agent_files_moved(const zw_agent_files *files)
{
	ZW_VEC_FOREACH(f, files)
		if (f->walk.fd >= 0 && !still_same(f, f->size_bytes))
			return true;
	return false;
}
