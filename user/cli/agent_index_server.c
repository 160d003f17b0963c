/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that a server keeps all its zones in: an event of one concerns the server, not each of its zones. */
#include "cli/agent_index.h"
#include "cli/served.h"

#include <errno.h>
#include <string.h>

static void leave_site(struct zw_agent *a, struct zw_agent_server *server, size_t number)
{
	struct zw_inode_key key = server->sites.items[number];
	struct zw_agent_site *s = zw_site_of(a, &key);

	zw_vec_remove_unordered(&server->sites, number);
	for (size_t i = 0; i < s->servers.len; i++)
		if (s->servers.items[i] == server) {
			zw_vec_remove_unordered(&s->servers, i);
			break;
		}
	zw_site_put(a, &(struct zw_place){.dev = key.dev, .ino = key.ino});
}

/* An inode may be on the list of @server more than once, and is on that of its site as often. */
static int join_site(struct zw_agent *a, struct zw_agent_server *server, const struct zw_place *p)
{
	struct zw_inode_key key = {.dev = p->dev, .ino = p->ino};
	struct zw_agent_site *s;
	int r = zw_site_get(a, p, &s);

	if (r == 0)
		r = zw_vec_push(&s->servers, server);
	if (r < 0)
		return r;
	r = zw_vec_push(&server->sites, key);
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
		r = join_site(a, server, &walk.places.items[i]);
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

/* Whether @event is about one of the files, or about an entry of their directories with the name of one. */
static bool concerns(const struct zw_agent_server *server, const struct zw_agent_site *s,
	const struct zw_event *event)
{
	const zw_paths *paths = zw_served_files(server->served);

	if (s->flags & ZW_WATCH_FILE || !event->file.name[0])
		return true;
	for (size_t i = 0; i < paths->len; i++) {
		const char *slash = strrchr(paths->items[i], '/');

		if (slash && zw_streq(slash + 1, event->file.name))
			return true;
	}
	return false;
}

void zw_servers_mark(
	struct zw_agent *a, const struct zw_agent_site *s, const struct zw_event *event)
{
	ZW_VEC_FOREACH(server, &s->servers)
		if ((*server)->served && concerns(*server, s, event))
			zw_served_touch(a, (*server)->served, event->time_ns);
}
