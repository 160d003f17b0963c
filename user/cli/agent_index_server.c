/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that a server keeps all its zones in: an event of one concerns the server, not each of its zones. */
#include "cli/agent_index.h"
#include "cli/served.h"

#include <errno.h>
#include <string.h>

static void leave_site(struct zw_agent *a, struct zw_agent_server *server, size_t number)
{
	const struct zw_agent_server_site site = server->sites.items[number];
	struct zw_agent_site *s = zw_site_of(a, &site.key);

	zw_vec_remove_unordered(&server->sites, number);
	for (size_t i = 0; i < s->servers.len; i++)
		if (s->servers.items[i].server == server && s->servers.items[i].open == site.open) {
			zw_vec_remove_unordered(&s->servers, i);
			break;
		}
	zw_site_put(a, &(struct zw_place){.dev = site.key.dev, .ino = site.key.ino});
}

/* An inode may be on the list of @server more than once, and is on that of its site as often. */
static int join_site(
	struct zw_agent *a, struct zw_agent_server *server, const struct zw_place *p, bool open)
{
	const struct zw_agent_server_site site = {{.dev = p->dev, .ino = p->ino}, open};
	const struct zw_agent_keeper keeper = {server, open};
	struct zw_agent_site *s;
	int r = zw_site_get(a, p, &s);

	if (r == 0)
		r = zw_vec_push(&s->servers, keeper);
	if (r < 0)
		return r;
	r = zw_vec_push(&server->sites, site);
	if (r < 0)
		s->servers.len--;
	return r;
}

static int index_path(struct zw_agent *a, struct zw_agent_server *server, const char *path)
{
	_zw_walk_ struct zw_walk walk = {.fd = -1};
	int r = zw_walk_path(server->root_fd, path, false, &walk);

	/* A file that is missing will be an entry of the directory where the walk stopped. */
	if (r == 0 && walk.result < 0 && walk.places.len)
		walk.places.items[walk.places.len - 1].parent = true;
	for (size_t i = 0; r == 0 && i < walk.places.len; i++)
		r = join_site(a, server, &walk.places.items[i], zw_chain_is_open(&walk, i));
	return r;
}

int zw_agent_index_server(struct zw_agent *a, struct zw_agent_server *server, const zw_paths *paths)
{
	size_t old = server->sites.len;
	int r = 0;

	for (size_t i = 0; r == 0 && i < paths->len; i++)
		r = index_path(a, server, paths->items[i]);
	/* The new ones first, so that what both have is never unwatched. */
	while (r == 0 && old > 0)
		leave_site(a, server, --old);
	return r;
}

void zw_agent_unindex_server(struct zw_agent *a, struct zw_agent_server *server)
{
	while (server->sites.len)
		leave_site(a, server, server->sites.len - 1);
	zw_vec_free(&server->sites);
}

/* Whether @event at inode @ino is about one of the files, or about an entry of their directories with the name of one.
 * Where no name is told, as of all that comes and goes in /tmp, only a directory that an entry can come to counts. */
static bool concerns(const struct zw_agent_keeper *keeper, const struct zw_agent_site *s,
	uint64_t ino, const struct zw_event *event)
{
	const zw_paths *paths = zw_served_files(keeper->server->served);

	if (s->flags & ZW_WATCH_FILE)
		return true;
	/* What was moved to another directory is not told. */
	if (event->file.op == ZW_FOP_DIRENT && event->file.old_dir_ino)
		return true;
	if (!event->file.name[0])
		return keeper->open || ino == event->file.ino || ino == event->file.ino2;
	for (size_t i = 0; i < paths->len; i++) {
		const char *slash = strrchr(paths->items[i], '/');

		if (slash && zw_streq(slash + 1, event->file.name))
			return true;
	}
	return false;
}

void zw_servers_mark(struct zw_agent *a, const struct zw_agent_site *s, uint64_t ino,
	const struct zw_event *event)
{
	ZW_VEC_FOREACH(keeper, &s->servers) {
		struct zw_served *served = keeper->server->served;

		if (served && concerns(keeper, s, ino, event))
			zw_served_touch(a, served, event->time_ns);
		else if (served)
			zw_served_moved(served);
	}
}
