/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which zones an inode concerns. A file or link names its zones; a directory names chains, so that a directory
 * with 100,000 zone files costs no more per event than one with a single file. */
#include "cli/agent.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

struct zw_agent_chain {
	struct zw_agent_server *server; /* owned reference */
	char *dir;
	struct zw_walk walk;
	ZW_VEC(struct zw_agent_zone *) zones;
	uint64_t again_ns;       /* CLOCK_BOOTTIME: to be walked again then; 0: not */
	uint64_t early_ns;       /* since when that is so */
	uint64_t early_until_ns; /* until then it may be about to lead elsewhere */
	unsigned int tries;      /* walks again since the last event */
};

/* An inode somebody depends on. */
struct site {
	uint32_t flags; /* enum zw_watch_flags in the kernel's map */
	ZW_VEC(struct zw_agent_zone *) zones;
	ZW_VEC(struct zw_agent_chain *) chains;
};

static struct site *site_of(struct zw_agent *a, uint64_t dev, uint64_t ino)
{
	struct zw_inode_key key = {.dev = dev, .ino = ino};

	return zw_map_get(a->sites, &key, sizeof(key));
}

static int site_get(
	struct zw_agent *a, uint64_t dev, uint64_t ino, uint32_t flags, struct site **ret_site)
{
	struct zw_inode_key key = {.dev = dev, .ino = ino};
	struct site *s = site_of(a, dev, ino);
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
		r = zw_probe_watch(a->probe, dev, ino, s->flags | flags);
		if (r < 0)
			return r;
		s->flags |= flags;
	}
	*ret_site = s;
	return 0;
}

/* The last one to depend on an inode ends its watch. */
static void site_put(struct zw_agent *a, uint64_t dev, uint64_t ino, struct site *s)
{
	struct zw_inode_key key = {.dev = dev, .ino = ino};

	if (s->zones.len || s->chains.len)
		return;
	zw_probe_unwatch(a->probe, dev, ino);
	zw_map_remove(a->sites, &key, sizeof(key));
	zw_vec_free(&s->zones);
	zw_vec_free(&s->chains);
	free(s);
}

static uint32_t place_flags(const struct zw_place *p)
{
	if (p->kind != ZW_PLACE_DIR)
		return ZW_WATCH_FILE;
	return p->parent ? ZW_WATCH_DIR | ZW_WATCH_PATH : ZW_WATCH_PATH;
}

/* How many places at the beginning of @walk are its chain's. */
static size_t shared_places(const struct zw_agent_chain *chain, const struct zw_walk *walk)
{
	size_t k = 0;

	while (k < chain->walk.places.len && k < walk->places.len &&
		chain->walk.places.items[k].dev == walk->places.items[k].dev &&
		chain->walk.places.items[k].ino == walk->places.items[k].ino)
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
	struct site *s;
	int r = site_get(a, p->dev, p->ino, place_flags(p), &s);

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
	struct site *s = site_of(a, key.dev, key.ino);

	zw_vec_remove_unordered(&z->sites, number);
	/* Zones leave in the opposite order they came in. */
	for (size_t i = s->zones.len; i-- > 0;)
		if (s->zones.items[i] == z) {
			zw_vec_remove_unordered(&s->zones, i);
			break;
		}
	site_put(a, key.dev, key.ino, s);
}

static bool depends_on(const struct zw_agent_zone *z, const struct zw_inode_key *key)
{
	for (size_t f = 0; f < z->files.len; f++) {
		const struct zw_walk *walk = &z->files.items[f].walk;

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

/* Takes @c off the sites of the first @n places of @walk. */
static void chain_unindex(
	struct zw_agent *a, struct zw_agent_chain *c, const struct zw_walk *walk, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		const struct zw_place *p = &walk->places.items[k];
		struct site *s = site_of(a, p->dev, p->ino);

		for (size_t i = 0; s && i < s->chains.len; i++)
			if (s->chains.items[i] == c) {
				zw_vec_remove_unordered(&s->chains, i);
				break;
			}
		if (s)
			site_put(a, p->dev, p->ino, s);
	}
}

static int chain_index(struct zw_agent *a, struct zw_agent_chain *c, const struct zw_walk *walk)
{
	for (size_t k = 0; k < walk->places.len; k++) {
		const struct zw_place *p = &walk->places.items[k];
		struct site *s;
		int r = site_get(a, p->dev, p->ino, place_flags(p), &s);

		if (r == 0)
			r = zw_vec_push(&s->chains, c);
		if (r < 0) {
			chain_unindex(a, c, walk, k);
			return r;
		}
	}
	return 0;
}

/* Walks the directory again and watches what it depends on now, before it stops watching what it did: what both
 * need is never unwatched. *ret_moved: it leads elsewhere. On failure nothing is taken over, so that the next walk
 * differs and tries again. */
static int chain_walk(struct zw_agent *a, struct zw_agent_chain *c, bool *ret_moved)
{
	_zw_walk_ struct zw_walk walk = {.fd = -1};
	struct zw_walk old = c->walk;
	int r = zw_walk_path_below(
		c->server->root_fd, c->dir, false, zw_probe_below, a->probe, &walk);

	if (r < 0)
		return r;
	/* The directory holds the zone files: its entries matter, also when it stops short of there. */
	if (walk.places.len) {
		struct zw_place *last = &walk.places.items[walk.places.len - 1];

		last->parent = true;
		if (last->kind == ZW_PLACE_FILE)
			last->kind = ZW_PLACE_DIR;
	}
	*ret_moved = zw_walk_differs_at(&walk, &old) != SIZE_MAX;
	if (!*ret_moved)
		return 0;
	r = chain_index(a, c, &walk);
	if (r < 0)
		return r;
	c->walk = walk;
	walk = old;
	chain_unindex(a, c, &old, old.places.len);
	return 0;
}

static void chain_settled(struct zw_agent *a, struct zw_agent_chain *c)
{
	if (!c->again_ns)
		return;
	c->again_ns = 0;
	for (size_t i = 0; i < a->early_chains.len; i++)
		if (a->early_chains.items[i] == c) {
			zw_vec_remove_unordered(&a->early_chains, i);
			return;
		}
}

static void chain_free(struct zw_agent *a, struct zw_agent_chain *c)
{
	chain_settled(a, c);
	chain_unindex(a, c, &c->walk, c->walk.places.len);
	zw_walk_done(&c->walk);
	zw_vec_free(&c->zones);
	zw_agent_server_unref(c->server);
	free(c->dir);
	free(c);
}

/* Chains are found by their directory in a map of their own: 100,000 zones may have as many. */
static char *chain_key(const struct zw_agent_server *server, const char *dir)
{
	return zw_asprintf("%p:%s", (const void *)server, dir);
}

static struct zw_agent_chain *chain_find(
	struct zw_agent *a, const struct zw_agent_server *server, const char *dir)
{
	_zw_free_ char *key = chain_key(server, dir);

	return key ? zw_map_get(a->chain_by_dir, key, strlen(key)) : NULL;
}

static void chain_forget(struct zw_agent *a, const struct zw_agent_chain *c)
{
	_zw_free_ char *key = chain_key(c->server, c->dir);

	if (key)
		zw_map_remove(a->chain_by_dir, key, strlen(key));
	for (size_t i = a->chains.len; i-- > 0;)
		if (a->chains.items[i] == c) {
			zw_vec_remove_unordered(&a->chains, i);
			return;
		}
}

static int chain_remember(struct zw_agent *a, struct zw_agent_chain *c)
{
	_zw_free_ char *key = chain_key(c->server, c->dir);
	int r;

	if (!key)
		return -ENOMEM;
	r = zw_vec_push(&a->chains, c);
	if (r < 0)
		return r;
	return zw_map_put(a->chain_by_dir, key, strlen(key), c, NULL);
}

static int chain_new(struct zw_agent *a, struct zw_agent_server *server, const char *dir,
	struct zw_agent_chain **ret_chain)
{
	struct zw_agent_chain *c = calloc(1, sizeof(*c));
	bool moved;
	int r;

	if (!c)
		return -ENOMEM;
	server->refs++;
	c->server = server;
	c->walk.fd = -1;
	c->dir = strdup(dir);
	r = c->dir ? chain_walk(a, c, &moved) : -ENOMEM;
	if (r == 0)
		r = chain_remember(a, c);
	if (r < 0) {
		chain_forget(a, c);
		chain_free(a, c);
		return r;
	}
	*ret_chain = c;
	return 0;
}

int zw_agent_chain_join(struct zw_agent *a, struct zw_agent_zone *z)
{
	const char *path = z->files.items[0].path;
	const char *slash = strrchr(path, '/');
	_zw_free_ char *dir = slash > path ? strndup(path, (size_t)(slash - path)) : strdup("/");
	int r;

	if (!dir)
		return -ENOMEM;
	z->chain = chain_find(a, z->server, dir);
	if (!z->chain) {
		r = chain_new(a, z->server, dir, &z->chain);
		if (r < 0)
			return r;
	}
	r = zw_vec_push(&z->chain->zones, z);
	if (r < 0)
		z->chain = NULL;
	return r;
}

void zw_agent_chain_leave(struct zw_agent *a, struct zw_agent_zone *z)
{
	struct zw_agent_chain *c = ZW_TAKE(z->chain);

	if (!c)
		return;
	for (size_t i = c->zones.len; i-- > 0;)
		if (c->zones.items[i] == z) {
			zw_vec_remove_unordered(&c->zones, i);
			break;
		}
	if (c->zones.len)
		return;
	chain_forget(a, c);
	chain_free(a, c);
}

/* An entry of one of its directories changed: the path may lead elsewhere now, and a file that was missing
 * may be there. Files that are there have events of their own. Returns whether it leads elsewhere. */
static bool mark_chain(struct zw_agent *a, struct zw_agent_chain *c, uint64_t time_ns)
{
	bool moved = false;
	int r = chain_walk(a, c, &moved);

	if (r < 0)
		zw_error("cannot follow directory '%s': %s", c->dir, strerror(-r));
	ZW_VEC_FOREACH(z, &c->zones)
		if (moved || (*z)->missing_in_dir)
			zw_agent_touch(a, *z, time_ns);
	if (moved)
		chain_settled(a, c);
	return moved;
}

/* A walk that found nothing new may have been too early, mostly by microseconds; and until the directory that came is
 * watched, nobody sees what is done in it. So much later each: */
static const uint64_t chain_walks[] = {
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
static void chain_again(struct zw_agent *a, struct zw_agent_chain *c, bool early)
{
	uint64_t now = zw_boottime_ns(), until = now + (early ? ZW_EARLY_MAX_NS : NAME_MOVES_NS);

	if (!c->again_ns) {
		if (zw_vec_push(&a->early_chains, c) < 0)
			return; /* the reconciliation will come to it */
		c->early_ns = now;
		c->early_until_ns = until;
	}
	if (until > c->early_until_ns)
		c->early_until_ns = until;
	c->again_ns = now + chain_walks[0];
	c->tries = 0;
}

bool zw_agent_chain_early(const struct zw_agent_zone *z, uint64_t now)
{
	const struct zw_agent_chain *c = z->chain;

	return c->again_ns && now < c->early_until_ns && now < c->early_ns + ZW_EARLY_MAX_NS;
}

uint64_t zw_agent_chains_again(struct zw_agent *a)
{
	uint64_t now = zw_boottime_ns(), next = UINT64_MAX;

	for (size_t i = 0; i < a->early_chains.len;) {
		struct zw_agent_chain *c = a->early_chains.items[i];

		if (c->again_ns <= now) {
			/* Off the list when it moved, or has been walked often enough. */
			if (mark_chain(a, c, now))
				continue;
			if (++c->tries == ZW_ARRAY_SIZE(chain_walks)) {
				chain_settled(a, c);
				continue;
			}
			c->again_ns = now + chain_walks[c->tries];
		}
		if (c->again_ns < next)
			next = c->again_ns;
		i++;
	}
	return next;
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

/* Whether what happened at inode @ino can make the chain lead elsewhere. An entry of its last directory cannot, nor
 * can one that is known to have another name than the chain goes on with. */
static bool concerns(const struct zw_agent_chain *c, uint64_t ino, const struct zw_event *event)
{
	const struct zw_file_facts *f = &event->file;
	bool entry = ino == f->dir_ino && ino != f->ino;

	/* What a rename takes away is told of by its own inode. */
	if (f->op == ZW_FOP_RENAME && ino == f->old_dir_ino && ino != f->dir_ino)
		return false;
	for (size_t i = 0; i < c->walk.places.len; i++) {
		const struct zw_place *p = &c->walk.places.items[i], *next = p + 1;

		if (p->dev != f->dev || p->ino != ino)
			continue;
		if (!entry)
			return true;
		if (i + 1 == c->walk.places.len)
			return c->walk.result < 0;
		if (!f->name[0] || !next->name_hash ||
			next->name_hash == zw_place_name_hash(f->name))
			return true;
	}
	return false;
}

static void mark_inode(struct zw_agent *a, uint64_t ino, const struct zw_event *event)
{
	struct site *s = ino ? site_of(a, event->file.dev, ino) : NULL;
	bool early = is_early(event);
	ZW_VEC(struct zw_agent_chain *) chains = {};

	if (!s)
		return;
	ZW_VEC_FOREACH(z, &s->zones) {
		(*z)->early |= early;
		zw_agent_touch(a, *z, event->time_ns);
	}
	/* Walking a chain changes the table of sites, so the list is taken first. */
	ZW_VEC_FOREACH(c, &s->chains)
		if (zw_vec_push(&chains, *c) < 0)
			break;
	ZW_VEC_FOREACH(c, &chains)
		if (!mark_chain(a, *c, event->time_ns) && concerns(*c, ino, event))
			chain_again(a, *c, early);
	zw_vec_free(&chains);
}

/* More zones than this are looked at by a reconciliation that begins at once, in slices. */
#define MOUNT_LOOK_MAX 4096

static void mark_server_mounts(
	struct zw_agent *a, const struct zw_agent_server *s, const struct zw_event *event)
{
	for (size_t i = 0; i < a->chains.len; i++)
		if (a->chains.items[i]->server == s)
			mark_chain(a, a->chains.items[i], event->time_ns);
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
		if (zw_agent_server_remounted(*s)) {
			a->remounted_ns = zw_boottime_ns();
			mark_server_mounts(a, *s, event);
		}
}

/* The event names an entry of directory @ino, which may be the first journal of a zone. */
static void mark_entry(struct zw_agent *a, uint64_t ino, const struct zw_event *event)
{
	const struct site *s = ino ? site_of(a, event->file.dev, ino) : NULL;

	for (size_t i = 0; s && i < s->chains.len; i++)
		zw_agent_journal_mark(a, s->chains.items[i], event);
}

void zw_agent_mark(struct zw_agent *a, const struct zw_event *event)
{
	const struct zw_file_facts *f = &event->file;
	const uint64_t inodes[] = {f->ino, f->ino2, f->dir_ino, f->old_dir_ino};

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
}

void zw_agent_index_free(struct zw_agent *a)
{
	size_t it = 0;
	void *value;

	while (a->chains.len)
		chain_free(a, a->chains.items[--a->chains.len]);
	zw_vec_free(&a->chains);
	zw_vec_free(&a->early_chains);
	zw_map_free(a->chain_by_dir);
	a->chain_by_dir = NULL;
	while (a->sites && zw_map_next(a->sites, &it, NULL, NULL, &value)) {
		struct site *s = value;

		zw_vec_free(&s->zones);
		zw_vec_free(&s->chains);
		free(s);
	}
	zw_map_free(a->sites);
	a->sites = NULL;
}
