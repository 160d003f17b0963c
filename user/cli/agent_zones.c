/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zones as objects: made of what a server lists, adapted when it lists something else, freed. */
#include "cli/agent_traffic.h"
#include "cli/served.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "dns/name.h"

const char *zw_agent_zone_path(
	const struct zw_agent_server *server, const struct zw_server_zone *listed)
{
	if (listed->file)
		return listed->file;
	return server->config[0] ? server->config : "/";
}

static int set_names(struct zw_agent_zone *z, const struct zw_server_zone *listed)
{
	struct zw_agent_file f = {
		.path = strdup(zw_agent_zone_path(z->server, listed)), .walk.fd = -1};
	char text[ZW_NAME_TEXT_MAX];
	size_t len;
	int r = f.path ? zw_name_from_text(listed->name, z->origin, &len) : -ENOMEM;

	if (r == 0)
		r = zw_vec_push(&z->files, f);
	if (r < 0) {
		free(f.path);
		return r;
	}
	zw_name_lower(z->origin, len);
	zw_name_to_text(z->origin, text);
	z->name = strdup(text);
	z->view = strdup(listed->view);
	z->is_signed = listed->unsigned_file != NULL;
	return z->name && z->view ? 0 : -ENOMEM;
}

/* The directory with its slash is the same. */
static bool is_beside(const char *journal, const char *file)
{
	size_t dir = (size_t)(strrchr(journal, '/') - journal) + 1;

	return strncmp(journal, file, dir) == 0 && !strchr(file + dir, '/');
}

int zw_agent_zone_relist(
	struct zw_agent *a, struct zw_agent_zone *z, const struct zw_server_zone *listed)
{
	_zw_free_ char *journal = NULL;

	z->is_dumped = listed->journal && (z->is_signed || listed->role == ZW_ZONE_SECONDARY);
	if (z->journal && listed->journal ? zw_streq(z->journal, listed->journal)
					  : z->journal == listed->journal)
		return 0;
	if (listed->journal) {
		journal = strdup(listed->journal);
		if (!journal)
			return -ENOMEM;
	}
	zw_agent_journal_forget(a, z);
	free(z->journal);
	z->journal = ZW_TAKE(journal);
	z->journal_beside = z->journal && is_beside(z->journal, listed->file);
	/* A zone that was looked at before has other files now. */
	if (z->state != ZW_ZONE_NEW)
		zw_agent_touch(a, z, zw_boottime_ns());
	return zw_agent_journal_await(a, z);
}

/* Where the state of a zone is. */
static int choose_source(struct zw_agent_zone *z, const struct zw_server_zone *listed)
{
	z->source = &zw_source_file;
	if (listed->source == ZW_ZONE_SOURCE_FILE)
		return 0;
	z->source = &zw_source_server;
	z->served = calloc(1, sizeof(*z->served));
	if (!z->served)
		return -ENOMEM;
	z->is_copy = listed->source == ZW_ZONE_SOURCE_COPY;
	if (listed->source != ZW_ZONE_SOURCE_SERVER)
		return 0;
	if (listed->file)
		z->source = &zw_source_database;
	z->files.items[0].kind = z->server->served && zw_served_transfers(z->server->served)
					 ? ZW_AGENT_FILE_TOKEN
					 : ZW_AGENT_FILE_SHARED;
	return 0;
}

int zw_agent_zone_new(struct zw_agent *a, struct zw_agent_server *server,
	const struct zw_server_zone *listed, struct zw_agent_zone **ret_zone)
{
	struct zw_agent_zone *z = calloc(1, sizeof(*z));
	int r;

	if (!z)
		return -ENOMEM;
	server->refs++;
	z->server = server;
	z->number = ++a->zone_number;
	r = set_names(z, listed);
	if (r == 0)
		r = choose_source(z, listed);
	if (r == 0)
		r = zw_agent_chain_join(a, z);
	if (r == 0)
		r = zw_agent_zone_relist(a, z, listed);
	if (r == 0)
		r = zw_agent_answers_add(a, z);
	if (r < 0) {
		zw_agent_zone_free(a, z);
		return r;
	}
	zw_agent_traffic_serve(a, z);
	*ret_zone = z;
	return 0;
}

void zw_agent_forget_mappers(struct zw_agent_zone *z)
{
	ZW_VEC_FOREACH(m, &z->mappers)
		zw_actor_unref(m->actor);
	z->mappers.len = 0;
}

void zw_agent_zone_free(struct zw_agent *a, struct zw_agent_zone *z)
{
	if (!z)
		return;
	zw_agent_traffic_unserve(a, z);
	zw_agent_answers_remove(a, z);
	zw_served_forget(z);
	zw_served_zone_free(z->served);
	zw_agent_unschedule(a, z);
	zw_agent_unindex_zone(a, z);
	zw_agent_journal_forget(a, z);
	zw_agent_chain_leave(a, z);
	if (z->pair)
		z->pair->pair = NULL;
	zw_agent_forget_mappers(z);
	zw_vec_free(&z->mappers);
	zw_snapshot_unref(z->good);
	zw_snapshot_unref(z->told);
	zw_agent_late_forget(z);
	zw_agent_files_done(&z->files);
	zw_agent_files_done(&z->good_files);
	zw_agent_server_unref(z->server);
	free(z->name);
	free(z->view);
	free(z->journal);
	free(z);
}
