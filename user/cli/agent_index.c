/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which zones an inode concerns. A file or link names its zones; a directory names chains, so that a directory
 * with 100,000 zone files costs no more per event than one with a single file. */
#include "cli/agent_index.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "cli/agent_source.h"

struct zw_agent_site *zw_site_of(const struct zw_agent *a, const struct zw_inode_key *key)
{
	return zw_map_get(a->sites, key, sizeof(*key));
}

static uint32_t place_flags(const struct zw_place *p)
{
	if (p->kind != ZW_PLACE_DIR)
		return ZW_WATCH_FILE;
	return p->parent ? ZW_WATCH_DIR | ZW_WATCH_PATH : ZW_WATCH_PATH;
}

int zw_site_get(struct zw_agent *a, const struct zw_place *p, struct zw_agent_site **ret_site)
{
	struct zw_inode_key key = {.dev = p->dev, .ino = p->ino};
	struct zw_agent_site *s = zw_site_of(a, &key);
	uint32_t flags = place_flags(p);
	int r;

	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return -ENOMEM;
		r = zw_map_put(a->sites, &key, sizeof(key), s, NULL);
		if (r < 0) {
			free(s);
			return r;
		}
	}
	if ((s->flags | flags) != s->flags) {
		r = zw_probe_watch(a->probe, key.dev, key.ino, s->flags | flags);
		if (r < 0)
			return r;
		if (r > 0)
			a->unseen_ns = zw_boottime_ns();
		s->flags |= flags;
	}
	*ret_site = s;
	return 0;
}

static void site_free(struct zw_agent_site *s)
{
	zw_vec_free(&s->zones);
	zw_vec_free(&s->through);
	zw_vec_free(&s->open);
	zw_vec_free(&s->servers);
	free(s);
}

void zw_site_put(struct zw_agent *a, const struct zw_place *p)
{
	struct zw_inode_key key = {.dev = p->dev, .ino = p->ino};
	struct zw_agent_site *s = zw_site_of(a, &key);

	if (!s || s->zones.len || s->through.len || s->open.len || s->servers.len || s->guards)
		return;
	zw_probe_unwatch(a->probe, key.dev, key.ino);
	zw_map_remove(a->sites, &key, sizeof(key));
	site_free(s);
}

/* How many places at the beginning of @walk are its chain's. */
static size_t shared_places(const struct zw_agent_chain *chain, const struct zw_walk *walk)
{
	size_t k = 0;

	while (k < chain->path->walk.places.len && k < walk->places.len &&
		chain->path->walk.places.items[k].dev == walk->places.items[k].dev &&
		chain->path->walk.places.items[k].ino == walk->places.items[k].ino)
		k++;
	return k;
}

static bool is_indexed(const struct zw_agent_zone *z, const struct zw_place *p)
{
	for (size_t i = 0; i < z->sites.len; i++)
		if (z->sites.items[i].dev == p->dev && z->sites.items[i].ino == p->ino)
			return true;
	return false;
}

/* The zone keeps a list of its sites, which is short; that of a site's zones can be long. */
static int index_place(struct zw_agent *a, const struct zw_place *p, struct zw_agent_zone *z)
{
	struct zw_inode_key key = {.dev = p->dev, .ino = p->ino};
	struct zw_agent_site *s;
	int r = zw_site_get(a, p, &s);

	if (r < 0 || is_indexed(z, p))
		return r;
	r = zw_vec_push(&s->zones, z);
	if (r < 0)
		return r;
	r = zw_vec_push(&z->sites, key);
	if (r < 0)
		s->zones.len--;
	return r;
}

static void leave_site(struct zw_agent *a, struct zw_agent_zone *z, size_t number)
{
	struct zw_inode_key key = z->sites.items[number];
	struct zw_agent_site *s = zw_site_of(a, &key);

	zw_vec_remove_unordered(&z->sites, number);
	/* Zones leave in the opposite order they came in. */
	for (size_t i = s->zones.len; i-- > 0;)
		if (s->zones.items[i] == z) {
			zw_vec_remove_unordered(&s->zones, i);
			break;
		}
	zw_site_put(a, &(struct zw_place){.dev = key.dev, .ino = key.ino});
}

static bool depends_on(const struct zw_agent_zone *z, const struct zw_inode_key *key)
{
	for (size_t f = 0; f < z->files.len; f++) {
		const struct zw_walk *walk = &z->files.items[f].walk;

		if (zw_agent_file_is_the_servers(&z->files.items[f]))
			continue;
		for (size_t i = shared_places(z->chain, walk); i < walk->places.len; i++)
			if (walk->places.items[i].dev == key->dev &&
				walk->places.items[i].ino == key->ino)
				return true;
	}
	return false;
}

int zw_agent_index_zone(struct zw_agent *a, struct zw_agent_zone *z)
{
	for (size_t f = 0; f < z->files.len; f++) {
		const struct zw_walk *walk = &z->files.items[f].walk;

		/* Watched for the server. */
		if (zw_agent_file_is_the_servers(&z->files.items[f]))
			continue;
		for (size_t i = shared_places(z->chain, walk); i < walk->places.len; i++) {
			int r = index_place(a, &walk->places.items[i], z);

			if (r < 0)
				return r;
		}
	}
	for (size_t i = z->sites.len; i-- > 0;)
		if (!depends_on(z, &z->sites.items[i]))
			leave_site(a, z, i);
	return 0;
}

void zw_agent_unindex_zone(struct zw_agent *a, struct zw_agent_zone *z)
{
	while (z->sites.len)
		leave_site(a, z, z->sites.len - 1);
	zw_vec_free(&z->sites);
}

/* The operation may not be done yet. Whether a write is still under way, the inode itself tells; a rename in
 * the tracepoint tier is told of by its victim, just before the name moves. */
static bool is_early(const struct zw_event *event)
{
	if (event->hook == ZW_HOOK_TP_EXT4_META || zw_hook_is_ctime(event->hook))
		return event->file.op == ZW_FOP_ATTR &&
		       (event->file.nlink == 0 || event->file.dir_ino);
	return event->file.op != ZW_FOP_WRITE && zw_hook_is_early(event->hook);
}

/* Walks what an event in, or at, directory @key may have moved. Returns whether the way to it did. */
static bool walk_site(struct zw_agent *a, const struct zw_inode_key *key, uint64_t time_ns)
{
	struct zw_agent_site *s = zw_site_of(a, key);
	struct zw_agent_chain *chains[ZW_CHAINS_AT_ONCE];
	bool moved = false;
	size_t n = 0;

	if (!s)
		return true;
	/* Walking a chain changes the lists, so that they are taken first. */
	if (s->through.len)
		chains[n++] = s->through.items[0].path->chain;
	if (s->open.len + n > ZW_ARRAY_SIZE(chains))
		zw_sweep_add(a, key);
	else
		ZW_VEC_FOREACH(ref, &s->open)
			chains[n++] = ref->path->chain;
	for (size_t i = 0; i < n; i++)
		moved |= zw_chain_mark(a, chains[i], time_ns);
	return moved;
}

/* A walk that found nothing new may have been too early, mostly by microseconds; and until the directory that came is
 * watched, nobody sees what is done in it. So much later each: */
static const uint64_t walks_again[] = {
	ZW_NSEC_PER_MSEC,
	5 * ZW_NSEC_PER_MSEC,
	20 * ZW_NSEC_PER_MSEC,
	200 * ZW_NSEC_PER_MSEC,
	ZW_NSEC_PER_SEC,
};

/* From ext4's mark of a directory to the moment a path leads elsewhere: microseconds, unless the task loses its
 * processor between the two. */
#define NAME_MOVES_NS (10 * ZW_NSEC_PER_MSEC)

/* @early: the event came before the operation, which may have to wait for much. */
static void walk_again(struct zw_agent *a, const struct zw_inode_key *key, bool early)
{
	struct zw_agent_site *s = zw_site_of(a, key);
	uint64_t now = zw_boottime_ns(), until = now + (early ? ZW_EARLY_MAX_NS : NAME_MOVES_NS);

	if (!s)
		return;
	if (!s->again_ns) {
		if (zw_vec_push(&a->early_sites, *key) < 0) {
			/* The reconciliation will come to it. */
			a->bad_events++;
			return;
		}
		s->early_ns = now;
		s->early_until_ns = until;
	}
	if (until > s->early_until_ns)
		s->early_until_ns = until;
	s->again_ns = now + walks_again[0];
	s->tries = 0;
}

bool zw_agent_chain_early(const struct zw_agent *a, const struct zw_agent_zone *z, uint64_t now)
{
	uint64_t since = UINT64_MAX, until = 0;

	/* On the way to a busy place there always is one. */
	ZW_VEC_FOREACH(p, &z->chain->path->walk.places) {
		const struct zw_inode_key key = {.dev = p->dev, .ino = p->ino};
		const struct zw_agent_site *s = zw_site_of(a, &key);

		if (!s || !s->again_ns)
			continue;
		if (s->early_ns < since)
			since = s->early_ns;
		if (s->early_until_ns > until)
			until = s->early_until_ns;
	}
	return now < until && now < since + ZW_EARLY_MAX_NS;
}

/* Whether it is done with. */
static bool try_again(struct zw_agent *a, const struct zw_inode_key *key, uint64_t now)
{
	bool moved = walk_site(a, key, now);
	/* Which it may not have outlived. */
	struct zw_agent_site *s = zw_site_of(a, key);

	if (!s)
		return true;
	if (moved || ++s->tries == ZW_ARRAY_SIZE(walks_again)) {
		s->again_ns = 0;
		return true;
	}
	s->again_ns = now + walks_again[s->tries];
	return false;
}

/* Events wait for this much of walking at most. */
#define SWEEP_NS (2 * ZW_NSEC_PER_MSEC)

uint64_t zw_agent_chains_again(struct zw_agent *a)
{
	uint64_t now = zw_boottime_ns(), next = zw_sweep_run(a, now + SWEEP_NS);

	for (size_t i = 0; i < a->early_sites.len;) {
		struct zw_inode_key key = a->early_sites.items[i];
		struct zw_agent_site *s = zw_site_of(a, &key);

		if (!s || !s->again_ns || (s->again_ns <= now && try_again(a, &key, now))) {
			zw_vec_remove_unordered(&a->early_sites, i);
			continue;
		}
		if (s->again_ns < next)
			next = s->again_ns;
		i++;
	}
	return next;
}

/* Whether what happened at the inode of @s can make a way lead elsewhere. An entry of the last directory of one that
 * is whole cannot, nor can one that is known to have another name than all go on with. */
static bool may_move(const struct zw_agent_site *s, uint64_t ino, const struct zw_event *event)
{
	const struct zw_file_facts *f = &event->file;
	uint32_t hash = f->name[0] ? zw_place_name_hash(f->name) : 0;

	/* What a rename takes away is told of by its own inode. */
	if (f->op == ZW_FOP_RENAME && ino == f->old_dir_ino && ino != f->dir_ino)
		return false;
	if (ino != f->dir_ino || ino == f->ino)
		return true;
	ZW_VEC_FOREACH(ref, &s->open)
		if (ref->level + 1 < ref->path->walk.places.len || ref->path->walk.result < 0)
			return true;
	if (!hash || s->through.len > ZW_CHAINS_AT_ONCE)
		return s->through.len > 0;
	ZW_VEC_FOREACH(ref, &s->through) {
		uint32_t next = ref->path->walk.places.items[ref->level + 1].name_hash;

		if (!next || next == hash)
			return true;
	}
	return false;
}

/* The name of the entry is told, and not always what was there. Rare enough for looking through the lists: see
 * zw_tp_xfs_rename() of file.bpf.c, and zw_notify.h. A file that is renamed over tells by itself there, since its times
 * were asked for when it was read. */
static void mark_named(
	struct zw_agent *a, const struct zw_inode_key *key, const struct zw_event *event)
{
	const struct zw_agent_site *s = zw_site_of(a, key);
	uint32_t hash = zw_place_name_hash(event->file.name);
	bool sweep = false;

	ZW_VEC_FOREACH(ref, &s->through)
		sweep |= ref->path->walk.places.items[ref->level + 1].name_hash == hash;
	if (sweep)
		zw_sweep_add(a, key);
	if (event->hook == ZW_HOOK_TP_NOTIFY)
		return;
	ZW_VEC_FOREACH(ref, &s->open)
		ZW_VEC_FOREACH(z, &ref->path->chain->zones) {
			const char *slash = strrchr((*z)->files.items[0].path, '/');

			if (!slash || zw_place_name_hash(slash + 1) != hash)
				continue;
			(*z)->early = true;
			zw_agent_touch(a, *z, event->time_ns);
		}
}

static void mark_inode(struct zw_agent *a, uint64_t ino, const struct zw_event *event)
{
	const struct zw_inode_key key = {.dev = event->file.dev, .ino = ino};
	struct zw_agent_site *s = ino ? zw_site_of(a, &key) : NULL;
	bool early = is_early(event), again;

	if (!s)
		return;
	ZW_VEC_FOREACH(z, &s->zones) {
		(*z)->early |= early;
		zw_agent_touch(a, *z, event->time_ns);
	}
	zw_servers_mark(a, s, ino, event);
	if (!s->through.len && !s->open.len)
		return;
	if (ino == event->file.dir_ino && event->file.name[0] &&
		(event->file.op == ZW_FOP_DIRENT || event->hook == ZW_HOOK_TP_NOTIFY))
		mark_named(a, &key, event);
	/* What was moved to another directory is not told: any way through here may end here now. */
	if (event->file.op == ZW_FOP_DIRENT && event->file.old_dir_ino && s->through.len)
		zw_sweep_add(a, &key);
	again = may_move(s, ino, event);
	if (!walk_site(a, &key, event->time_ns) && again)
		walk_again(a, &key, early);
}

/* More zones than this are looked at by a reconciliation that begins at once, in slices. */
#define MOUNT_LOOK_MAX 4096

static void mark_server_mounts(
	struct zw_agent *a, const struct zw_agent_server *s, const struct zw_event *event)
{
	if (a->chains.len > ZW_CHAINS_AT_ONCE)
		zw_sweep_add(a, &(struct zw_inode_key){});
	else
		for (size_t i = 0; i < a->chains.len; i++)
			if (a->chains.items[i]->server == s)
				zw_chain_mark(a, a->chains.items[i], event->time_ns);
	if (a->zones.len > MOUNT_LOOK_MAX) {
		zw_agent_reconcile_now(a);
		return;
	}
	/* A hook that comes before the mount makes no zone early: the end of the system call is told of too. */
	ZW_VEC_FOREACH(z, &a->zones)
		if ((*z)->server == s)
			zw_agent_touch(a, *z, event->time_ns);
}

/* Every mount of the machine is told of; what concerns no server's mount namespace, as the start of most
 * containers, ends here. Before it is done nothing has changed yet: the end of the call is told of too. */
static void mark_mounts(struct zw_agent *a, const struct zw_event *event)
{
	ZW_VEC_FOREACH(s, &a->servers)
		if (zw_agent_server_remounted(*s))
			mark_server_mounts(a, *s, event);
}

/* The event names an entry of directory @ino, which may be the first journal of a zone. */
static void mark_entry(struct zw_agent *a, uint64_t ino, const struct zw_event *event)
{
	const struct zw_inode_key key = {.dev = event->file.dev, .ino = ino};
	const struct zw_agent_site *s = ino ? zw_site_of(a, &key) : NULL;

	for (size_t i = 0; s && i < s->open.len; i++) {
		const struct zw_agent_ref *ref = &s->open.items[i];

		if (ref->level + 1 == ref->path->walk.places.len)
			zw_agent_journal_mark(a, ref->path->chain, event);
	}
}

static void mark_guarded(struct zw_agent *a, uint64_t ino, const struct zw_event *event)
{
	struct zw_inode_key key = {.dev = event->file.dev, .ino = ino};
	const struct zw_agent_site *s = ino ? zw_site_of(a, &key) : NULL;

	if (s && s->guards)
		zw_agent_guarded_touch(a, &key, event);
}

void zw_agent_mark(struct zw_agent *a, const struct zw_event *event)
{
	const struct zw_file_facts *f = &event->file;
	/* Of what moves within a directory that counts once. */
	const uint64_t inodes[] = {
		f->ino, f->ino2, f->dir_ino, f->old_dir_ino == f->dir_ino ? 0 : f->old_dir_ino};

	if (f->op == ZW_FOP_MOUNT) {
		mark_mounts(a, event);
		return;
	}
	for (size_t i = 2; i < ZW_ARRAY_SIZE(inodes); i++)
		mark_entry(a, inodes[i], event);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(inodes); i++) {
		/* Writing a file beside a zone file changes no entry of their directory, and where one changes,
		 * the directory tells. */
		if (i >= 2 && (f->op == ZW_FOP_WRITE || f->op == ZW_FOP_ATTR))
			break;
		mark_inode(a, inodes[i], event);
	}
	for (size_t i = 0; i < ZW_ARRAY_SIZE(inodes); i++)
		mark_guarded(a, inodes[i], event);
}

void zw_agent_index_free(struct zw_agent *a)
{
	size_t it = 0;
	void *value;

	while (a->chains.len)
		zw_chain_free(a, a->chains.items[--a->chains.len]);
	zw_vec_free(&a->chains);
	zw_vec_free(&a->early_sites);
	zw_vec_free(&a->sweeps);
	zw_map_free(a->chain_by_dir);
	a->chain_by_dir = NULL;
	while (a->sites && zw_map_next(a->sites, &it, NULL, NULL, &value))
		site_free(value);
	zw_map_free(a->sites);
	a->sites = NULL;
}
