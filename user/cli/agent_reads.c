/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who reads files of servers' configurations that not everybody may read, and keys whoever may. What is known of a reader is
 * what the table of processes knows of the pid. */
#include "cli/agent.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "base/log.h"
#include "engine/rule.h"
#include "probe/reads.h"

/* The same program of the same user reads the same file again: once in so long. */
#define AGAIN_NS (3600 * ZW_NSEC_PER_SEC)
/* More in that time are counted. */
#define TOLD_MAX 64
/* Who opened a file has read it by then, or else may have mapped it. */
#define OPENED_NS ZW_NSEC_PER_SEC
/* More at a time are not waited for. */
#define OPENED_MAX 64

struct read_file {
	struct zw_agent_server *server; /* for as long as it is there */
	char *path;
	dev_t dev;
	ino_t ino;
	uid_t uid;
	gid_t gid;
};

struct told {
	dev_t dev;
	ino_t ino;
	uint64_t exe_dev, exe_ino;
	uint32_t uid;
};

/* Opened by a stranger, who was not seen to read it yet. */
struct opened {
	struct zw_read read;
	struct zw_actor *actor; /* NULL: it was gone */
	uint64_t due_ns;
};

struct zw_agent_reads {
	struct zw_reads *reads; /* NULL: there is no fanotify */
	ZW_VEC(struct read_file) files;
	ZW_VEC(struct told) told;
	ZW_VEC(struct opened) opened;
	uint64_t since_ns; /* CLOCK_BOOTTIME: of the first one in @told */
	uint64_t more;     /* that were not told of since */
	uint64_t lost;
};

int zw_agent_reads_open(struct zw_agent *a)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int r;

	a->reads = calloc(1, sizeof(*a->reads));
	if (!a->reads)
		return -ENOMEM;
	r = zw_reads_open(&a->reads->reads);
	if (r < 0) {
		zw_notice("who reads keys of servers is not seen: fanotify: %s", strerror(-r));
		return r == -ENOMEM ? r : 0;
	}
	ev.data.fd = zw_reads_fd(a->reads->reads);
	return epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, ev.data.fd, &ev) < 0 ? -errno : 0;
}

void zw_agent_reads_free(struct zw_agent_reads *reads)
{
	if (!reads)
		return;
	ZW_VEC_FOREACH(f, &reads->files)
		free(f->path);
	zw_vec_free(&reads->files);
	zw_vec_free(&reads->told);
	ZW_VEC_FOREACH(o, &reads->opened)
		zw_actor_unref(o->actor);
	zw_vec_free(&reads->opened);
	zw_reads_close(reads->reads);
	free(reads);
}

uint64_t zw_agent_reads_lost(const struct zw_agent *a)
{
	return a->reads->lost;
}

/* --- files --------------------------------------------------------------------------------------------- */

void zw_agent_reads_forget(struct zw_agent *a, const struct zw_agent_server *s, const char *path)
{
	struct zw_agent_reads *reads = a->reads;

	for (size_t i = reads->files.len; i-- > 0;) {
		struct read_file *f = &reads->files.items[i];

		if (f->server != s || (path && !zw_streq(f->path, path)))
			continue;
		free(f->path);
		zw_vec_remove_unordered(&reads->files, i);
	}
}

/* By its name. The public half of a DNSSEC key, Kexample.com.+013+12345.key, is for everybody, and what is in a .pem may be a
 * certificate. */
static bool is_key(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return zw_endswith(name, ".private") ||
	       (zw_endswith(name, ".key") && !(name[0] == 'K' && strstr(name, ".+")));
}

int zw_agent_reads_watch(struct zw_agent *a, struct zw_agent_server *s, const char *path, int fd)
{
	struct zw_agent_reads *reads = a->reads;
	struct read_file f = {.server = s};
	struct stat st;
	int r;

	zw_agent_reads_forget(a, s, path);
	if (!reads->reads || fstat(fd, &st) < 0 || (st.st_mode & S_IROTH && !is_key(path)))
		return 0;
	r = zw_reads_watch(reads->reads, fd);
	if (r < 0) {
		zw_warning("who reads '%s' is not seen: fanotify: %s", path, strerror(-r));
		return 0;
	}
	f.dev = st.st_dev;
	f.ino = st.st_ino;
	f.uid = st.st_uid;
	f.gid = st.st_gid;
	f.path = strdup(path);
	r = f.path ? zw_vec_push(&reads->files, f) : -ENOMEM;
	if (r < 0)
		free(f.path);
	return r;
}

/* --- readers ------------------------------------------------------------------------------------------- */

/* Where nothing says who may administer, whom the file is for may read it. */
static bool is_stranger(
	const struct zw_agent *a, const struct read_file *f, const struct zw_actor *actor)
{
	switch (zw_agent_guarded_judge(a, f->server, actor)) {
	case ZW_VERDICT_UNAUTHORIZED:
		return true;
	case ZW_VERDICT_UNJUDGED:
		return !a->conf->policy.admins && actor->effective.uid != 0 &&
		       actor->effective.uid != f->uid && actor->egid != f->gid;
	default:
		return false;
	}
}

/* True: it was not told of lately. */
static bool note(struct zw_agent *a, const struct read_file *f, const struct zw_actor *actor)
{
	struct zw_agent_reads *reads = a->reads;
	const struct told new = {.dev = f->dev,
		.ino = f->ino,
		.exe_dev = actor ? actor->exe_dev : 0,
		.exe_ino = actor ? actor->exe_ino : 0,
		.uid = actor ? actor->principal.uid : ZW_ID_UNSET};

	ZW_VEC_FOREACH(t, &reads->told)
		if (t->dev == new.dev && t->ino == new.ino && t->exe_dev == new.exe_dev &&
			t->exe_ino == new.exe_ino && t->uid == new.uid)
			return false;
	if (reads->told.len == 0)
		reads->since_ns = zw_boottime_ns();
	if (reads->told.len == TOLD_MAX || zw_vec_push(&reads->told, new) < 0) {
		reads->more++;
		return false;
	}
	return true;
}

static int add_reader(struct zw_report *report, struct zw_actor *actor, bool alive)
{
	report->cause = calloc(1, sizeof(*report->cause));
	if (!report->cause)
		return -ENOMEM;
	report->causes = 1;
	report->has_principal = true;
	report->attribution = alive ? ZW_ATTRIBUTION_CERTAIN : ZW_ATTRIBUTION_PROBABLE;
	report->cause[0] = (struct zw_report_cause){.role = ZW_ROLE_CLIENT,
		.first_ns = report->time_ns,
		.last_ns = report->time_ns,
		.actor = zw_actor_ref(actor)};
	return 0;
}

static int describe(struct zw_report *report, const struct read_file *f,
	const struct zw_actor *actor, const struct zw_read *read)
{
	struct zw_str text = {};

	if (actor)
		zw_actor_add_who(actor, &text);
	else
		zw_str_addf(&text, "A process that is gone (pid %u)", read->tgid);
	zw_str_add(&text, read->opened ? " opened " : " read ");
	zw_str_add_escaped(&text, f->path, strlen(f->path));
	zw_str_addf(&text, " of %s (pid %d)%s", zw_server_kind_to_string(f->server->kind),
		(int)f->server->pid, read->opened ? ", and may have read it" : "");
	return zw_str_done(&text, &report->message);
}

static int tell(struct zw_agent *a, const struct read_file *f, struct zw_actor *actor,
	const struct zw_read *read)
{
	_zw_report_free_ struct zw_report *report = zw_agent_report_new(a, ZW_ACTION_FINDING, NULL);
	int r;

	if (!report)
		return -ENOMEM;
	report->server_kind = strdup(zw_server_kind_to_string(f->server->kind));
	report->server_pid = (uint32_t)f->server->pid;
	report->file.path = strdup(f->path);
	if (!report->server_kind || !report->file.path)
		return -ENOMEM;
	r = actor ? add_reader(report, actor, read->alive) : 0;
	if (r == 0)
		r = describe(report, f, actor, read);
	if (r == 0)
		r = zw_rules_add_finding(
			&a->conf->rules, report, "server-key-read", f->path, "%s", report->message);
	if (r == 0)
		zw_agent_deliver_found(a, ZW_TAKE(report));
	return r;
}

static const struct read_file *find_file(
	const struct zw_agent_reads *reads, const struct zw_read *read)
{
	ZW_VEC_FOREACH(f, &reads->files)
		if (f->dev == read->dev && f->ino == read->ino)
			return f;
	return NULL;
}

/* Whether it is to be told of when it is not seen to be read. */
static bool wait_for_read(
	struct zw_agent_reads *reads, const struct zw_read *read, struct zw_actor *actor)
{
	const struct opened o = {
		.read = *read, .actor = actor, .due_ns = zw_boottime_ns() + OPENED_NS};

	if (!read->opened || reads->opened.len == OPENED_MAX || zw_vec_push(&reads->opened, o) < 0)
		return false;
	if (actor)
		(void)zw_actor_ref(actor);
	return true;
}

/* It was read. */
static void forget_opened(struct zw_agent_reads *reads, const struct zw_read *read)
{
	for (size_t i = reads->opened.len; i-- > 0;) {
		const struct opened *o = &reads->opened.items[i];

		if (o->read.dev != read->dev || o->read.ino != read->ino ||
			o->read.tgid != read->tgid)
			continue;
		zw_actor_unref(o->actor);
		zw_vec_remove_unordered(&reads->opened, i);
	}
}

static int on_file(struct zw_agent *a, const struct read_file *f, const struct zw_read *read)
{
	_zw_actor_unref_ struct zw_actor *actor = NULL;
	int r = read->tgid ? zw_proc_table_lookup(a->procs, read->tgid, 0, &actor) : -ESRCH;

	if (r < 0 && r != -ESRCH)
		return r;
	if (!read->opened)
		forget_opened(a->reads, read);
	if ((actor && !is_stranger(a, f, actor)) || wait_for_read(a->reads, read, actor) ||
		!note(a, f, actor))
		return 0;
	return tell(a, f, actor, read);
}

static void on_read(void *ctx, const struct zw_read *read)
{
	struct zw_agent *a = ctx;
	const struct read_file *f = find_file(a->reads, read);

	if (f && on_file(a, f, read) < 0)
		zw_error("out of memory: who read '%s' is not told", f->path);
}

static void tell_opened(struct zw_agent *a, uint64_t now_ns, bool all)
{
	struct zw_agent_reads *reads = a->reads;

	for (size_t i = reads->opened.len; i-- > 0;) {
		const struct opened o = reads->opened.items[i];
		const struct read_file *f = find_file(reads, &o.read);

		if (!all && now_ns < o.due_ns)
			continue;
		zw_vec_remove_unordered(&reads->opened, i);
		if (f && note(a, f, o.actor) && tell(a, f, o.actor, &o.read) < 0)
			zw_error("out of memory: who opened '%s' is not told", f->path);
		zw_actor_unref(o.actor);
	}
}

static void tell_more(struct zw_agent *a)
{
	_zw_report_free_ struct zw_report *report = zw_agent_report_new(a, ZW_ACTION_FINDING, NULL);
	int r = report ? zw_rules_add_finding(&a->conf->rules, report, "server-key-read", NULL,
				 "%llu more reads of keys by strangers within an hour",
				 (unsigned long long)a->reads->more)
		       : -ENOMEM;

	if (r < 0)
		zw_error("out of memory: %llu reads of keys go without their event",
			(unsigned long long)a->reads->more);
	else
		zw_agent_deliver_found(a, ZW_TAKE(report));
}

void zw_agent_reads_run(struct zw_agent *a, uint64_t now_ns, bool all)
{
	struct zw_agent_reads *reads = a->reads;
	unsigned int lost = 0;
	int r;

	if (!reads->reads)
		return;
	if (reads->told.len && now_ns > reads->since_ns + AGAIN_NS) {
		if (reads->more)
			tell_more(a);
		reads->told.len = 0;
		reads->more = 0;
	}
	r = zw_reads_take(reads->reads, on_read, a, &lost);
	if (r < 0)
		zw_error("who reads keys cannot be taken: %s", strerror(-r));
	reads->lost += lost;
	tell_opened(a, now_ns, all);
}
