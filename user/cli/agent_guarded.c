/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files that decide what a server serves and whom it obeys: its configuration, what that includes, and the keys beside it.
 * They are compared when they had an event, and with every look at the configuration, so that a change is found also
 * where no hook saw it. */
#include "cli/agent_index.h"
#include "cli/agent_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/rule.h"

#define PROC_ROOT "/proc"

/* An editor writes in several steps. */
#define SETTLE_NS (200 * ZW_NSEC_PER_MSEC)
/* Of a database of configuration the times have to do. */
#define CONTENT_MAX (4U << 20)
/* Of a server that includes a file for each of its zones, so many are followed. */
#define FILES_MAX 1000

struct guarded_file {
	struct zw_agent_file file;
	bool secret;
	uint64_t read_ns; /* CLOCK_BOOTTIME: beginning of the reading */
	uint64_t due_ns;  /* to be read again then; UINT64_MAX: not */
};

struct zw_agent_guarded {
	int root_fd; /* in which the server read its configuration */
	ZW_VEC(struct guarded_file) files;
	uint64_t due_ns; /* the earliest */
};

/* --- one file ------------------------------------------------------------------------------------------ */

static void file_done(struct guarded_file *f)
{
	free(f->file.path);
	zw_walk_done(&f->file.walk);
}

static int hash_content(struct zw_agent *a, struct guarded_file *f)
{
	struct zw_hash_key key = a->key;
	char buf[16384];
	ssize_t n;

	if (f->file.size_bytes > CONTENT_MAX) {
		f->file.digest = f->file.mtime_ns ^ f->file.size_bytes;
		return 0;
	}
	while ((n = read(f->file.walk.fd, buf, sizeof(buf))) > 0)
		key.k0 = zw_hash_bytes(&key, buf, (size_t)n);
	f->file.digest = key.k0;
	return n < 0 ? -errno : 0;
}

/* Fills @f but for its path. A file that is not there is a result. 0 or -ENOMEM. */
static int read_file(
	struct zw_agent *a, struct zw_agent_server *s, const char *path, struct guarded_file *f)
{
	struct zw_inode_state state;
	int r;

	f->read_ns = zw_boottime_ns();
	f->due_ns = UINT64_MAX;
	r = zw_walk_path_below(
		s->guarded->root_fd, path, true, zw_probe_below, a->probe, &f->file.walk);
	if (r < 0)
		return r;
	f->file.present = f->file.walk.result == 0 && f->file.walk.fd >= 0 &&
			  zw_agent_file_stat(&f->file) == 0;
	if (!f->file.present)
		return 0;
	if (zw_probe_inode_state(a->probe, f->file.walk.fd, &state) == 0)
		f->file.generation = state.generation;
	if (hash_content(a, f) < 0)
		f->file.present = false;
	r = zw_agent_reads_watch(a, s, path, f->file.walk.fd);
	zw_closep(&f->file.walk.fd);
	f->file.walk.fd = -1;
	return r;
}

/* The first @n places on the way to it. */
static void unindex_places(struct zw_agent *a, const struct guarded_file *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct zw_place *p = &f->file.walk.places.items[i];
		struct zw_inode_key key = {.dev = p->dev, .ino = p->ino};
		struct zw_agent_site *s = zw_site_of(a, &key);

		if (!s || s->guards == 0)
			continue;
		s->guards--;
		zw_site_put(a, p);
	}
}

static void unindex(struct zw_agent *a, const struct guarded_file *f)
{
	unindex_places(a, f, f->file.walk.places.len);
}

/* The file, links on the way, and the directories that hold them; all of them or none. */
static int index_file(struct zw_agent *a, struct guarded_file *f)
{
	size_t n = f->file.walk.places.len;

	if (f->file.walk.result < 0 && n)
		f->file.walk.places.items[n - 1].parent = true;
	for (size_t i = 0; i < n; i++) {
		struct zw_agent_site *s;
		int r = zw_site_get(a, &f->file.walk.places.items[i], &s);

		if (r < 0) {
			unindex_places(a, f, i);
			return r;
		}
		s->guards++;
	}
	return 0;
}

static bool differs(const struct guarded_file *old, const struct guarded_file *now)
{
	return old->file.present != now->file.present ||
	       (now->file.present &&
		       (old->file.digest != now->file.digest || old->file.mode != now->file.mode ||
			       old->file.uid != now->file.uid || old->file.gid != now->file.gid));
}

/* --- what is told of a change -------------------------------------------------------------------------- */

static int attribute(struct zw_agent *a, const struct zw_agent_server *s,
	const struct guarded_file *old, const struct guarded_file *now, struct zw_report *report)
{
	const struct zw_correlate_file file = {.before = zw_agent_file_reading(&old->file),
		.after = zw_agent_file_reading(&now->file),
		.from_ns = old->read_ns,
		.attributes = old->file.present && now->file.present &&
			      old->file.digest == now->file.digest};
	const struct zw_correlate_input in = {
		.book = a->book,
		.file = &file,
		.files = 1,
		.from_ns = old->read_ns,
		.to_ns = zw_boottime_ns(),
		.real_offset_ns = zw_boot_to_real_offset_ns(),
		.unseen_ns = a->unseen_ns,
		.server_pid = (uint32_t)s->pid,
		.server_exe_dev = s->exe_dev,
		.server_exe_ino = s->exe_ino,
	};

	return zw_correlate(&in, report);
}

static bool is_admin(const struct zw_policy *policy, const struct zw_actor_user *user)
{
	char uid[16];

	snprintf(uid, sizeof(uid), "%u", user->uid);
	for (size_t i = 0; i < policy->admins; i++) {
		const char *admin = policy->admin[i].user;

		if (admin && (zw_streq(admin, uid) || (user->name && zw_streq(admin, user->name))))
			return true;
	}
	return false;
}

/* A server writes files of its own; what runs as root without anybody's login, as the upgrade of a package, is nobody's to
 * judge. */
enum zw_verdict zw_agent_guarded_judge(
	const struct zw_agent *a, const struct zw_agent_server *s, const struct zw_actor *actor)
{
	const struct zw_policy *policy = &a->conf->policy;

	if (zw_agent_server_is(s, actor->tgid, actor->exe_dev, actor->exe_ino))
		return ZW_VERDICT_AUTOMATIC;
	if (policy->admins == 0)
		return ZW_VERDICT_UNJUDGED;
	if (is_admin(policy, &actor->principal))
		return ZW_VERDICT_AUTHORIZED;
	return actor->principal.uid == 0 && actor->login.uid == ZW_ID_UNSET
		       ? ZW_VERDICT_UNJUDGED
		       : ZW_VERDICT_UNAUTHORIZED;
}

static enum zw_verdict judge(
	const struct zw_agent *a, const struct zw_agent_server *s, const struct zw_report *report)
{
	if (report->attribution == ZW_ATTRIBUTION_NONE)
		return ZW_VERDICT_UNATTRIBUTED;
	if (!report->has_principal || !report->cause[0].actor)
		return ZW_VERDICT_UNJUDGED;
	return zw_agent_guarded_judge(a, s, report->cause[0].actor);
}

static void add_who(struct zw_str *s, const struct zw_report *report)
{
	const struct zw_actor *actor = report->has_principal ? report->cause[0].actor : NULL;

	if (!actor) {
		zw_str_add(s, report->causes ? "One of several" : "Somebody unseen");
		return;
	}
	zw_actor_add_who(actor, s);
}

static int describe(struct zw_report *report, const struct zw_agent_server *s,
	const struct guarded_file *old, const struct guarded_file *now)
{
	const char *did = !now->file.present                     ? " removed "
			  : !old->file.present                   ? " made "
			  : old->file.digest != now->file.digest ? " changed "
								 : " changed who may use ";
	struct zw_str text = {};

	add_who(&text, report);
	zw_str_add(&text, did);
	zw_str_add_escaped(&text, old->file.path, strlen(old->file.path));
	zw_str_addf(&text, ", %s of %s (pid %d)", old->secret ? "a key" : "configuration",
		zw_server_kind_to_string(s->kind), (int)s->pid);
	return zw_str_done(&text, &report->message);
}

static int tell(struct zw_agent *a, struct zw_agent_server *s, const struct guarded_file *old,
	const struct guarded_file *now)
{
	_zw_report_free_ struct zw_report *report =
		zw_agent_report_new(a, ZW_ACTION_CONFIG_CHANGE, NULL);
	int r;

	if (!report)
		return -ENOMEM;
	report->server_kind = strdup(zw_server_kind_to_string(s->kind));
	report->server_pid = (uint32_t)s->pid;
	r = report->server_kind ? 0 : -ENOMEM;
	/* What was read may be newer than what was heard of. */
	if (r == 0)
		r = zw_agent_drain(a);
	if (r == 0)
		r = attribute(a, s, old, now, report);
	if (r == 0)
		r = zw_agent_file_report(&now->file, old->file.path, report);
	if (r == 0)
		r = describe(report, s, old, now);
	if (r < 0)
		return r;
	report->verdict = judge(a, s, report);
	if (report->verdict != ZW_VERDICT_AUTOMATIC && report->verdict != ZW_VERDICT_AUTHORIZED)
		r = zw_rules_add_finding(&a->conf->rules, report,
			old->secret ? "server-key-changed" : "server-config-changed",
			old->file.path, "%s", report->message);
	if (r < 0)
		return r;
	if (report->verdict == ZW_VERDICT_UNAUTHORIZED) {
		report->severity = report->severity > ZW_SEVERITY_UNAUTHORIZED
					   ? report->severity
					   : ZW_SEVERITY_UNAUTHORIZED;
		report->escalate = true;
	}
	zw_agent_deliver(a, ZW_TAKE(report));
	return 0;
}

/* --- the files of a server ----------------------------------------------------------------------------- */

static int check(struct zw_agent *a, struct zw_agent_server *s, struct guarded_file *f)
{
	struct guarded_file now = {.file.walk = {.fd = -1}};
	int r = read_file(a, s, f->file.path, &now);

	if (r == 0)
		r = index_file(a, &now);
	if (r < 0) {
		file_done(&now);
		return r;
	}
	if (differs(f, &now))
		r = tell(a, s, f, &now);
	if (r < 0) {
		unindex(a, &now);
		file_done(&now);
		return r;
	}
	now.file.path = ZW_TAKE(f->file.path);
	now.secret = f->secret;
	/* The new places first, so that what both have is never unwatched. */
	unindex(a, f);
	file_done(f);
	*f = now;
	return 0;
}

static void check_server(struct zw_agent *a, struct zw_agent_server *s, uint64_t now_ns)
{
	struct zw_agent_guarded *g = s->guarded;

	g->due_ns = UINT64_MAX;
	ZW_VEC_FOREACH(f, &g->files) {
		int r = f->due_ns <= now_ns ? check(a, s, f) : 0;

		if (r < 0) {
			zw_error("cannot look at '%s': %s", f->file.path ? f->file.path : "a file",
				strerror(-r));
			f->due_ns = UINT64_MAX;
		}
		if (f->due_ns < g->due_ns)
			g->due_ns = f->due_ns;
	}
}

void zw_agent_guarded_run(struct zw_agent *a, uint64_t now_ns)
{
	ZW_VEC_FOREACH(s, &a->servers)
		if ((*s)->guarded && (*s)->guarded->due_ns <= now_ns)
			check_server(a, *s, now_ns);
}

/* Whether an event of @key may be one of @f: of the file itself, or of an entry of its name. */
static bool concerns(const struct guarded_file *f, const struct zw_inode_key *key, const char *name)
{
	const char *slash = strrchr(f->file.path, '/');

	ZW_VEC_FOREACH(p, &f->file.walk.places) {
		if (p->dev != key->dev || p->ino != key->ino)
			continue;
		return p->kind != ZW_PLACE_DIR ||
		       (p->parent && (!name[0] || !slash || zw_streq(slash + 1, name)));
	}
	return false;
}

void zw_agent_guarded_touch(
	struct zw_agent *a, const struct zw_inode_key *key, const struct zw_event *event)
{
	ZW_VEC_FOREACH(s, &a->servers) {
		struct zw_agent_guarded *g = (*s)->guarded;

		for (size_t i = 0; g && i < g->files.len; i++) {
			struct guarded_file *f = &g->files.items[i];

			if (!concerns(f, key, event->file.name))
				continue;
			f->due_ns = event->time_ns + SETTLE_NS;
			if (f->due_ns < g->due_ns)
				g->due_ns = f->due_ns;
		}
	}
}

static bool is_secret(const char *path)
{
	return zw_endswith(path, ".key") || zw_endswith(path, ".private") ||
	       zw_endswith(path, ".pem");
}

static struct guarded_file *find_file(struct zw_agent_guarded *g, const char *path)
{
	ZW_VEC_FOREACH(f, &g->files)
		if (zw_streq(f->file.path, path))
			return f;
	return NULL;
}

static int add_path(struct zw_agent *a, struct zw_agent_server *s, const char *path)
{
	struct zw_agent_guarded *g = s->guarded;
	struct guarded_file f = {.file.walk = {.fd = -1}, .secret = is_secret(path)};
	int r;

	if (g->files.len == FILES_MAX || find_file(g, path))
		return 0;
	f.file.path = strdup(path);
	r = f.file.path ? read_file(a, s, path, &f) : -ENOMEM;
	if (r == 0)
		r = index_file(a, &f);
	if (r < 0) {
		file_done(&f);
		return r;
	}
	r = zw_vec_push(&g->files, f);
	if (r < 0) {
		unindex(a, &f);
		file_done(&f);
	}
	return r;
}

void zw_agent_guarded_free(struct zw_agent *a, struct zw_agent_server *s)
{
	struct zw_agent_guarded *g = s->guarded;

	if (!g)
		return;
	if (a)
		zw_agent_reads_forget(a, s, NULL);
	ZW_VEC_FOREACH(f, &g->files) {
		if (a && a->sites)
			unindex(a, f);
		file_done(f);
	}
	zw_vec_free(&g->files);
	zw_closep(&g->root_fd);
	free(g);
	s->guarded = NULL;
}

/* Those that it includes no longer have nothing to say. */
static void drop_others(struct zw_agent *a, struct zw_agent_server *s, const zw_paths *paths)
{
	struct zw_agent_guarded *g = s->guarded;

	for (size_t i = g->files.len; i-- > 0;) {
		bool wanted = false;

		ZW_VEC_FOREACH(path, paths)
			wanted |= zw_streq(*path, g->files.items[i].file.path);
		/* One that was removed is told of before it is forgotten. */
		if (wanted || g->files.items[i].due_ns != UINT64_MAX)
			continue;
		zw_agent_reads_forget(a, s, g->files.items[i].file.path);
		unindex(a, &g->files.items[i]);
		file_done(&g->files.items[i]);
		zw_vec_remove_unordered(&g->files, i);
	}
}

int zw_agent_guarded_follow(
	struct zw_agent *a, struct zw_agent_server *s, const struct zw_server *found)
{
	_zw_paths_ zw_paths paths = {};
	uint64_t now_ns = zw_boottime_ns();
	_zw_close_ int root_fd = -1;
	int r = zw_server_config_files(found, PROC_ROOT, &root_fd, &paths);

	/* Gone again already. */
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (!s->guarded) {
		s->guarded = calloc(1, sizeof(*s->guarded));
		if (!s->guarded)
			return -ENOMEM;
		s->guarded->root_fd = -1;
		s->guarded->due_ns = UINT64_MAX;
	}
	/* After a restart, the same path may be in another root. */
	zw_closep(&s->guarded->root_fd);
	s->guarded->root_fd = ZW_TAKE_FD(root_fd);
	ZW_VEC_FOREACH(f, &s->guarded->files)
		f->due_ns = 0;
	check_server(a, s, now_ns);
	drop_others(a, s, &paths);
	for (size_t i = 0; r == 0 && i < paths.len; i++)
		r = add_path(a, s, paths.items[i]);
	return r;
}
