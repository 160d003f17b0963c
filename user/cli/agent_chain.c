/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The directories that hold zone files, each walked once for all zones in it. */
#include "cli/agent_index.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

bool zw_chain_is_open(const struct zw_walk *walk, size_t level)
{
	return level + 1 == walk->places.len || walk->places.items[level + 1].lower;
}

/* Takes the first @n levels of @path off the lists of their inodes. */
static void path_unindex(struct zw_agent *a, struct zw_agent_path *path, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		const struct zw_place *p = &path->walk.places.items[k];
		const struct zw_inode_key key = {.dev = p->dev, .ino = p->ino};
		struct zw_agent_site *s = zw_site_of(a, &key);
		struct zw_agent_ref *list;
		size_t slot = path->slot[k];

		if (!s)
			continue;
		if (zw_chain_is_open(&path->walk, k)) {
			zw_vec_remove_unordered(&s->open, slot);
			list = slot < s->open.len ? s->open.items : NULL;
		} else {
			zw_vec_remove_unordered(&s->through, slot);
			list = slot < s->through.len ? s->through.items : NULL;
		}
		if (list)
			list[slot].path->slot[list[slot].level] = slot;
		zw_site_put(a, p);
	}
}

static int path_index(struct zw_agent *a, struct zw_agent_path *path)
{
	for (size_t k = 0; k < path->walk.places.len; k++) {
		const struct zw_place *p = &path->walk.places.items[k];
		const struct zw_agent_ref ref = {.path = path, .level = k};
		bool open = zw_chain_is_open(&path->walk, k);
		struct zw_agent_site *s;
		int r = zw_site_get(a, p, &s);

		if (r == 0)
			r = open ? zw_vec_push(&s->open, ref) : zw_vec_push(&s->through, ref);
		if (r < 0) {
			zw_site_put(a, p);
			path_unindex(a, path, k);
			return r;
		}
		path->slot[k] = (open ? s->open.len : s->through.len) - 1;
	}
	return 0;
}

static void path_free(struct zw_agent_path *path)
{
	if (!path)
		return;
	zw_walk_done(&path->walk);
	free(path->slot);
	free(path);
}
ZW_DEFINE_CLEANUP(struct zw_agent_path *, path_free);

static int path_new(struct zw_agent *a, struct zw_agent_chain *c, struct zw_agent_path **ret_path)
{
	_zw_cleanup_(path_freep) struct zw_agent_path *path = calloc(1, sizeof(*path));
	int r;

	if (!path)
		return -ENOMEM;
	path->chain = c;
	r = zw_walk_path_below(
		c->server->root_fd, c->dir, false, zw_probe_below, a->probe, &path->walk);
	if (r < 0)
		return r;
	path->slot = calloc(path->walk.places.len + 1, sizeof(*path->slot));
	if (!path->slot)
		return -ENOMEM;
	/* The directory holds the zone files: its entries matter, also when it stops short of there. */
	if (path->walk.places.len) {
		struct zw_place *last = &path->walk.places.items[path->walk.places.len - 1];

		last->parent = true;
		if (last->kind == ZW_PLACE_FILE)
			last->kind = ZW_PLACE_DIR;
	}
	*ret_path = ZW_TAKE(path);
	return 0;
}

/* What a chain no longer leads through may be no way for others either. */
static void sweep_others(struct zw_agent *a, const struct zw_place *left)
{
	const struct zw_inode_key key = {.dev = left->dev, .ino = left->ino};
	const struct zw_agent_site *s = zw_site_of(a, &key);

	if (s && (s->through.len || s->open.len))
		zw_sweep_add(a, &key);
}

/* Walks the directory again and watches what it depends on now, before it stops watching what it did: what both
 * need is never unwatched. *ret_parted: the level at which it leads elsewhere, SIZE_MAX when it does not. On failure
 * nothing is taken over, so that the next walk differs and tries again. */
static int chain_walk(struct zw_agent *a, struct zw_agent_chain *c, size_t *ret_parted)
{
	_zw_cleanup_(path_freep) struct zw_agent_path *path = NULL;
	struct zw_agent_path *old = c->path;
	int r = path_new(a, c, &path);

	if (r < 0)
		return r;
	*ret_parted = old ? zw_walk_differs_at(&path->walk, &old->walk) : 0;
	if (*ret_parted == SIZE_MAX)
		return 0;
	r = path_index(a, path);
	if (r < 0)
		return r;
	c->path = ZW_TAKE(path);
	if (!old)
		return 0;
	path_unindex(a, old, old->walk.places.len);
	if (*ret_parted < old->walk.places.len)
		sweep_others(a, &old->walk.places.items[*ret_parted]);
	path = old;
	return 0;
}

void zw_chain_free(struct zw_agent *a, struct zw_agent_chain *c)
{
	if (c->path)
		path_unindex(a, c->path, c->path->walk.places.len);
	path_free(c->path);
	zw_vec_free(&c->zones);
	zw_vec_free(&c->wanting);
	zw_agent_server_unref(c->server);
	free(c->dir);
	free(c);
}

/* As with those of paths, the zone knows its place in the list. */
static int set_wanting(struct zw_agent_chain *c, struct zw_agent_zone *z, bool wanting)
{
	int r;

	if (z->wants_entry == wanting)
		return 0;
	if (wanting) {
		r = zw_vec_push(&c->wanting, z);
		if (r < 0)
			return r;
		z->wanting_slot = c->wanting.len - 1;
	} else {
		zw_vec_remove_unordered(&c->wanting, z->wanting_slot);
		if (z->wanting_slot < c->wanting.len)
			c->wanting.items[z->wanting_slot]->wanting_slot = z->wanting_slot;
	}
	z->wants_entry = wanting;
	return 0;
}

int zw_agent_chain_want(struct zw_agent_zone *z)
{
	bool wanting = false;

	ZW_VEC_FOREACH(f, &z->files) {
		size_t n = f->walk.places.len;

		if (zw_agent_file_is_the_servers(f))
			continue;
		wanting |= (!f->present && f->kind != ZW_AGENT_FILE_JOURNAL) ||
			   (n && f->walk.places.items[n - 1].lower);
	}
	return set_wanting(z->chain, z, wanting);
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
	size_t parted;
	int r;

	if (!c)
		return -ENOMEM;
	server->refs++;
	c->server = server;
	c->dir = strdup(dir);
	r = c->dir ? chain_walk(a, c, &parted) : -ENOMEM;
	if (r == 0)
		r = chain_remember(a, c);
	if (r < 0) {
		chain_forget(a, c);
		zw_chain_free(a, c);
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
	set_wanting(c, z, false);
	for (size_t i = c->zones.len; i-- > 0;)
		if (c->zones.items[i] == z) {
			zw_vec_remove_unordered(&c->zones, i);
			break;
		}
	if (c->zones.len)
		return;
	chain_forget(a, c);
	zw_chain_free(a, c);
}

bool zw_chain_mark(struct zw_agent *a, struct zw_agent_chain *c, uint64_t time_ns)
{
	size_t parted = SIZE_MAX;
	int r = chain_walk(a, c, &parted);

	if (r < 0)
		zw_error("cannot follow directory '%s': %s", c->dir, strerror(-r));
	if (parted == SIZE_MAX) {
		ZW_VEC_FOREACH(z, &c->wanting) {
			/* In every tier the event comes before the entry does. */
			(*z)->early |= (*z)->state == ZW_ZONE_BAD;
			zw_agent_touch(a, *z, time_ns);
		}
		return false;
	}
	ZW_VEC_FOREACH(z, &c->zones)
		zw_agent_touch(a, *z, time_ns);
	return true;
}
