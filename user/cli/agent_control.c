/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What clients say to servers on control channels: from events to dialogs, from dialogs to the book of requests. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/agent.h"
#include "cli/control_api.h"
#include "cli/served.h"
#include "dns/name.h"
#include "engine/request_control.h"

/* --- channels ------------------------------------------------------------------------------------------ */

static void unwatch(struct zw_agent *a, struct zw_agent_channel *c)
{
	if (c->ino)
		(void)zw_probe_unwatch_socket(a->probe, c->dev, c->ino);
	c->dev = c->ino = 0;
}

/* A server that starts makes its socket anew, so the path is walked each time. */
static int watch(struct zw_agent *a, const struct zw_agent_server *s, struct zw_agent_channel *c)
{
	_zw_walk_ struct zw_walk walk = {.fd = -1};
	const struct zw_place *place;
	int r;

	if (!c->path || c->encrypted)
		return 0;
	r = zw_walk_path_below(s->root_fd, c->path, false, zw_probe_below, a->probe, &walk);
	if (r < 0)
		return r;
	place = walk.places.len ? &walk.places.items[walk.places.len - 1] : NULL;
	if (walk.result < 0 || !place || place->kind != ZW_PLACE_FILE) {
		unwatch(a, c);
		return 0;
	}
	if (c->dev == place->dev && c->ino == place->ino)
		return 0;
	unwatch(a, c);
	r = zw_probe_watch_socket(a->probe, place->dev, place->ino);
	if (r < 0 && r != -EOPNOTSUPP)
		zw_warning("control socket '%s' of %s (pid %d) cannot be watched: %s", c->path,
			zw_server_kind_to_string(s->kind), (int)s->pid, strerror(-r));
	if (r == 0) {
		c->dev = place->dev;
		c->ino = place->ino;
	}
	return 0;
}

static struct zw_agent_channel *find_channel(
	struct zw_agent_server *s, const struct zw_server_control *control)
{
	ZW_VEC_FOREACH(c, &s->channels) {
		if (control->path ? c->path && zw_streq(c->path, control->path)
				  : !c->path && c->port == control->port)
			return c;
	}
	return NULL;
}

static int follow_channel(
	struct zw_agent *a, struct zw_agent_server *s, const struct zw_server_control *control)
{
	struct zw_agent_channel *c = find_channel(s, control);

	if (!c) {
		struct zw_agent_channel new = {.protocol = control->protocol,
			.port = control->port,
			.encrypted = control->encrypted};

		if (control->path) {
			new.path = strdup(control->path);
			if (!new.path)
				return -ENOMEM;
		}
		if (zw_vec_push(&s->channels, new) < 0) {
			free(new.path);
			return -ENOMEM;
		}
		c = &s->channels.items[s->channels.len - 1];
	}
	c->seen = true;
	return watch(a, s, c);
}

int zw_agent_channels_follow(
	struct zw_agent *a, struct zw_agent_server *s, const struct zw_server *found)
{
	int r = 0;

	ZW_VEC_FOREACH(c, &s->channels)
		c->seen = false;
	for (size_t i = 0; found && r == 0 && i < found->controls.len; i++)
		r = follow_channel(a, s, &found->controls.items[i]);
	for (size_t i = s->channels.len; r == 0 && i-- > 0;) {
		struct zw_agent_channel *c = &s->channels.items[i];

		if (c->seen)
			continue;
		unwatch(a, c);
		free(c->path);
		zw_vec_remove_unordered(&s->channels, i);
	}
	return r;
}

void zw_agent_channels_done(struct zw_agent_server *s)
{
	ZW_VEC_FOREACH(c, &s->channels)
		free(c->path);
	zw_vec_free(&s->channels);
}

/* --- requests ------------------------------------------------------------------------------------------ */

/* What a server serves may be another set of zones now. */
static void list_soon(struct zw_agent *a, const struct zw_request *request)
{
	uint64_t soon = request->asked_ns + ZW_DISCOVER_SOON_NS;

	ZW_VEC_FOREACH(s, &a->servers) {
		if ((uint32_t)(*s)->pid != request->server_process.tgid)
			continue;
		(*s)->list_ns = soon;
		if (a->discover && a->discover_ns > soon)
			a->discover_ns = soon;
	}
}

static int on_request(void *ctx, struct zw_request *request, const struct zw_control *control)
{
	struct zw_agent *a = ctx;
	int r = 0;

	if (control)
		r = zw_request_tell_control(request, control);
	if (r == 0 && control)
		r = zw_request_tell_api(request, control);
	if (r < 0)
		return r;
	if (!control || control->effect == ZW_CONTROL_ZONES ||
		control->effect == ZW_CONTROL_COMMIT || control->effect == ZW_CONTROL_UNKNOWN)
		list_soon(a, request);
	zw_served_heed(a, request);
	return zw_request_book_add(a->requests, request);
}

static void on_settle(
	void *ctx, const char *zone, uint32_t server_tgid, uint64_t time_ns, bool committed)
{
	struct zw_agent *a = ctx;
	uint8_t name[ZW_NAME_MAX];
	size_t len;

	if (zone && zw_name_from_text(zone, name, &len) == 0) {
		zw_name_lower(name, len);
		zw_request_book_settle(a->requests, name, server_tgid, time_ns, committed);
		return;
	}
	ZW_VEC_FOREACH(z, &a->zones) {
		if ((uint32_t)(*z)->server->pid == server_tgid)
			zw_request_book_settle(
				a->requests, (*z)->origin, server_tgid, time_ns, committed);
	}
}

const struct zw_dialog_ops zw_agent_dialog_ops = {.request = on_request, .settle = on_settle};

/* --- events -------------------------------------------------------------------------------------------- */

static struct zw_agent_server *server_of(struct zw_agent *a, const struct zw_unix_facts *u,
	const struct zw_agent_channel **ret_channel)
{
	ZW_VEC_FOREACH(s, &a->servers) {
		ZW_VEC_FOREACH(c, &(*s)->channels) {
			if (!c->ino || c->dev != u->dev || c->ino != u->ino)
				continue;
			*ret_channel = c;
			return *s;
		}
	}
	return NULL;
}

static struct zw_request_process process_of(const struct zw_agent_server *s)
{
	return (struct zw_request_process){.tgid = (uint32_t)s->pid,
		.start_ns = s->start_ns,
		.exe_dev = s->exe_dev,
		.exe_ino = s->exe_ino};
}

static struct zw_request_process process_of_actor(const struct zw_actor *actor)
{
	return (struct zw_request_process){.tgid = actor->tgid,
		.start_ns = actor->start_ns,
		.exe_dev = actor->exe_dev,
		.exe_ino = actor->exe_ino};
}

/* Whether another than who connected may have sent it. */
static bool is_doubtful(const struct zw_agent *a, const struct zw_event *event)
{
	return event->control.given ||
	       (event->control.made &&
		       zw_proc_table_forked(a->procs, event->proc.tgid, event->proc.start_ns));
}

/* Who sent it; NULL: it was gone before anything was known of it. */
static int find_client(
	struct zw_agent *a, const struct zw_event *event, struct zw_actor **ret_actor)
{
	int r;

	if (event->proc.start_ns)
		return zw_proc_table_resolve(a->procs, event, ret_actor);
	r = zw_proc_table_lookup(a->procs, event->proc.tgid, 0, ret_actor);
	return r == -ESRCH ? 0 : r;
}

int zw_agent_control_said(struct zw_agent *a, const struct zw_event *event)
{
	const struct zw_unix_facts *u = &event->control;
	_zw_actor_unref_ struct zw_actor *actor = NULL;
	const struct zw_agent_channel *channel;
	const struct zw_agent_server *s = server_of(a, u, &channel);
	struct zw_dialog_piece piece = {
		.id = u->connection,
		.transport = ZW_TRANSPORT_UNIX,
		.reply = u->reply,
		.time_ns = event->time_ns,
		.offset = u->offset,
		.bytes = u->payload,
		.len = u->captured,
		.omitted = u->omitted,
	};
	int r;

	/* It has stopped meanwhile. */
	if (!s)
		return 0;
	piece.protocol = channel->protocol;
	piece.server_process = process_of(s);
	if (!u->reply) {
		r = find_client(a, event, &actor);
		if (r < 0)
			return r;
		piece.client = actor;
		if (actor)
			piece.client_process = process_of_actor(actor);
		piece.client_process.made = is_doubtful(a, event);
	}
	return zw_dialogs_feed(a->dialogs, &piece);
}

static const char *nsd_config(const struct zw_proc_facts *proc)
{
	for (size_t i = 1; i + 1 < proc->argc; i++)
		if (zw_streq(proc->argv[i], "-c"))
			return proc->argv[i + 1];
	return NULL;
}

/* Whom nsd-control speaks to: its -c names the configuration of the server. */
static struct zw_agent_server *nsd_of(struct zw_agent *a, const char *config)
{
	struct zw_agent_server *found = NULL;
	size_t n = 0;

	ZW_VEC_FOREACH(s, &a->servers) {
		if ((*s)->kind != ZW_SERVER_NSD || !(*s)->pid ||
			(config && !zw_streq(config, (*s)->config)))
			continue;
		found = *s;
		n++;
	}
	return n == 1 ? found : NULL;
}

/* What is said over a unix socket is heard there. */
static bool has_socket(const struct zw_agent_server *s)
{
	ZW_VEC_FOREACH(c, &s->channels)
		if (c->ino)
			return true;
	return false;
}

int zw_agent_control_run(struct zw_agent *a, const struct zw_event *event)
{
	_zw_actor_unref_ struct zw_actor *actor = NULL;
	_zw_control_ struct zw_control control = {};
	const char *config = nsd_config(&event->proc);
	const struct zw_agent_server *s;
	struct zw_dialog_piece piece = {
		.protocol = ZW_CONTROL_NSD,
		.transport = ZW_TRANSPORT_TCP,
		.time_ns = event->time_ns,
	};
	int r = zw_control_nsd_argv(event->proc.argv, event->proc.argc, &control);

	if (r <= 0)
		return r;
	r = zw_proc_table_resolve(a->procs, event, &actor);
	if (r < 0)
		return r;
	s = nsd_of(a, config);
	/* One that is not known, or has stopped. */
	if (!s && config && config[0] == '/')
		return 0;
	if (s && has_socket(s))
		return 0;
	if (s)
		piece.server_process = process_of(s);
	piece.client = actor;
	piece.client_process = process_of_actor(actor);
	return zw_dialogs_told(a->dialogs, &piece, &control);
}
