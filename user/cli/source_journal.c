/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What BIND's journal makes of a zone file, and how the first one of a zone is noticed. */
#include "cli/agent_index.h"
#include "cli/agent_source.h"

#include <errno.h>
#include <string.h>

#include "dns/rr.h"
#include "server/source.h"

#define SUFFIX ".jnl"

/* --- reading ------------------------------------------------------------------------------------------ */

/* What BIND takes for the journal where there is none under its name (lib/dns/journal.c, dns_journal_open). */
static char *backup_path(const char *journal)
{
	size_t len = strlen(journal), suffix = strlen(SUFFIX);

	if (len > suffix && zw_streq(journal + len - suffix, SUFFIX))
		len -= suffix;
	return zw_asprintf("%.*s.jbk", (int)len, journal);
}

int zw_agent_journal_open(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	const int root_fd = z->server->root_fd;
	_zw_free_ char *backup = NULL;

	if (!zw_source_absent(root_fd, z->journal))
		return zw_agent_file_open(a, z, z->journal, ZW_AGENT_FILE_JOURNAL, &r->files);
	backup = backup_path(z->journal);
	if (!backup)
		return -ENOMEM;
	if (!zw_source_absent(root_fd, backup))
		return zw_agent_file_open(a, z, backup, ZW_AGENT_FILE_JOURNAL, &r->files);
	/* Elsewhere it belongs to the zone also while it is missing, so that its directory is watched. */
	if (!z->journal_beside)
		return zw_agent_file_open(a, z, z->journal, ZW_AGENT_FILE_JOURNAL, &r->files);
	return 0;
}

bool zw_agent_journal_came(const struct zw_agent_zone *z, const struct zw_agent_reading *r)
{
	const struct zw_agent_file *f;

	if (!z->journal)
		return false;
	f = zw_agent_file_find(&r->files, z->journal);
	return (!f || !f->present) && !zw_source_absent(z->server->root_fd, z->journal);
}

static struct zw_agent_file *journal_of(const zw_agent_files *files)
{
	ZW_VEC_FOREACH(f, files)
		if (f->kind == ZW_AGENT_FILE_JOURNAL)
			return f;
	return NULL;
}

/* The error in @r is one of the journal. */
static int blame_journal(struct zw_agent_reading *r, const struct zw_agent_file *f)
{
	zw_snapshot_unref(r->snapshot);
	r->snapshot = NULL;
	r->error_file = strdup(f->path);
	return r->error_file ? 0 : -ENOMEM;
}

/* What was committed stays until the journal is compacted into another file. */
static size_t committed(const struct zw_buffer *content)
{
	struct zw_journal j;

	return zw_journal_parse(content->data, content->len, &j, NULL) == 0 ? j.end : 0;
}

int zw_agent_journal_read(
	struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r, bool goes_on)
{
	struct zw_agent_file *f = journal_of(&r->files);
	int rc;

	a->journal.len = 0;
	if (!f || f->walk.result == -ENOENT)
		return 0;
	if (f->present)
		rc = zw_agent_file_read_on(a, z, f, goes_on ? &z->good_files.items[1] : NULL,
			committed, &a->journal, &r->busy);
	else
		rc = f->walk.result ? f->walk.result : -EINVAL;
	if (rc == 0 || rc == -ENOMEM)
		return rc;
	zw_zone_fail(&r->error, ZW_ZERR_JOURNAL, 0, 0, "cannot read the journal: %s",
		rc == -EINVAL ? "not a regular file" : strerror(-rc));
	return blame_journal(r, f);
}

/* From @base, the state at @from, or of the zone file when that is NULL. */
static int replay(struct zw_agent *a, struct zw_agent_reading *r, struct zw_snapshot *base,
	const struct zw_journal_position *from)
{
	struct zw_journal_position pos = from ? *from : (struct zw_journal_position){};
	struct zw_snapshot *s = NULL;
	struct zw_journal j;
	int rc = zw_journal_parse(a->journal.data, a->journal.len, &j, &r->error);

	if (rc == 0 && !from) {
		rc = zw_replay_find(&j, base, &pos, &r->error);
		if (rc == 0)
			return 0; /* the file is newer, or the journal empty */
	}
	if (rc >= 0)
		rc = zw_replay(&j, &pos, base, &s, &r->error);
	if (rc < 0)
		return rc;
	zw_snapshot_unref(r->snapshot);
	r->snapshot = s;
	r->journal_at = pos;
	return 0;
}

int zw_agent_journal_apply(struct zw_agent *a, struct zw_agent_reading *r)
{
	struct zw_agent_file *f = journal_of(&r->files);
	int rc;

	if (!f || !f->present)
		return 0;
	rc = replay(a, r, r->snapshot, NULL);
	return rc == -EBADMSG ? blame_journal(r, f) : rc;
}

bool zw_agent_journal_left(const struct zw_agent_zone *z, const struct zw_agent_reading *r)
{
	const struct zw_agent_file *f = journal_of(&r->files);
	uint32_t before, after;

	return z->journal_at.offset && z->good && (!f || !f->present) &&
	       zw_snapshot_serial(z->good, &before) && zw_snapshot_serial(r->snapshot, &after) &&
	       zw_serial_after(before, after);
}

bool zw_agent_journal_goes_on(const struct zw_agent_zone *z, const struct zw_agent_reading *r)
{
	const struct zw_agent_file *old = z->good_files.items, *now = r->files.items;

	if (!z->journal_at.offset || z->state != ZW_ZONE_GOOD || z->digest_wanted ||
		z->good_files.len != 2 || r->files.len != 2 || now[1].kind != ZW_AGENT_FILE_JOURNAL)
		return false;
	/* A compacted journal is another file. One that somebody else wrote to in front of where we are does not
	 * show here, but when its content is compared. */
	return zw_agent_file_untouched(&old[0], &now[0]) && now[1].present &&
	       zw_walk_differs_at(&old[1].walk, &now[1].walk) == SIZE_MAX &&
	       old[1].generation == now[1].generation;
}

int zw_agent_journal_go_on(struct zw_agent *a, struct zw_agent_zone *z, struct zw_agent_reading *r)
{
	return replay(a, r, z->good, &z->journal_at);
}

/* --- the first one ------------------------------------------------------------------------------------ */

struct key {
	const struct zw_agent_chain *chain;
	char name[ZW_NAME_LEN];
};

static size_t make_key(struct key *key, const struct zw_agent_chain *chain, const char *name)
{
	size_t len = strnlen(name, sizeof(key->name) - 1);

	key->chain = chain;
	memcpy(key->name, name, len);
	return offsetof(struct key, name) + len;
}

int zw_agent_journal_await(struct zw_agent *a, struct zw_agent_zone *z)
{
	struct key key;
	size_t len;

	if (!z->journal_beside)
		return 0;
	len = make_key(&key, z->chain, strrchr(z->journal, '/') + 1);
	/* No two zones of a server can write to the same file; where the configuration says so all the same, the
	 * others find it when all zones are looked at. */
	if (zw_map_get(a->journals, &key, len))
		return 0;
	return zw_map_put(a->journals, &key, len, z, NULL);
}

void zw_agent_journal_forget(struct zw_agent *a, const struct zw_agent_zone *z)
{
	struct key key;
	size_t len;

	if (!z->journal_beside || !z->chain)
		return;
	len = make_key(&key, z->chain, strrchr(z->journal, '/') + 1);
	if (zw_map_get(a->journals, &key, len) == z)
		zw_map_remove(a->journals, &key, len);
}

static struct zw_agent_zone *waiting_for(
	const struct zw_agent *a, const struct zw_agent_chain *chain, const char *name)
{
	struct key key;

	return zw_map_get(a->journals, &key, make_key(&key, chain, name));
}

/* Some entry came, went, or was renamed: who makes a file is not told of with its name where nothing but the change time of
 * the directory tells. */
static void mark_all(
	struct zw_agent *a, const struct zw_agent_chain *chain, const struct zw_event *event)
{
	if (chain->zones.len > ZW_CHAINS_AT_ONCE)
		return;
	ZW_VEC_FOREACH(z, &chain->zones)
		if ((*z)->journal_beside &&
			waiting_for(a, chain, strrchr((*z)->journal, '/') + 1) == *z)
			zw_agent_touch(a, *z, event->time_ns);
}

void zw_agent_journal_mark(
	struct zw_agent *a, const struct zw_agent_chain *chain, const struct zw_event *event)
{
	struct zw_agent_zone *z;

	if (!zw_map_len(a->journals))
		return;
	if (!event->file.name[0]) {
		if (event->file.op == ZW_FOP_DIRENT)
			mark_all(a, chain, event);
		return;
	}
	z = waiting_for(a, chain, event->file.name);
	if (z)
		zw_agent_touch(a, z, event->time_ns);
}
