/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "actor/container.h"
#include "actor/lineage.h"
#include "actor/proc.h"
#include "base/clock.h"
#include "base/str.h"
#include "event/argv.h"

static int copy_text(const char *text, char **ret_copy)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	*ret_copy = copy;
	return 0;
}

static int fill_user(
	struct zw_proc_table *table, uint32_t uid, uint64_t now_ns, struct zw_actor_user *user)
{
	user->uid = uid;
	return uid == ZW_ID_UNSET ? 0 : zw_users_name(table->users, uid, now_ns, &user->name);
}

static int fill_users(struct zw_proc_table *table, const struct zw_proc_facts *facts,
	const struct zw_lineage *lineage, struct zw_actor *actor)
{
	uint64_t now_ns = zw_boottime_ns();
	uint32_t principal = facts->uid;
	int r;

	if (facts->loginuid != ZW_ID_UNSET)
		principal = facts->loginuid;
	else if (lineage->elevated)
		principal = lineage->before_uid;
	r = fill_user(table, facts->uid, now_ns, &actor->real);
	if (r == 0)
		r = fill_user(table, facts->euid, now_ns, &actor->effective);
	if (r == 0)
		r = fill_user(table, facts->loginuid, now_ns, &actor->login);
	if (r == 0)
		r = fill_user(table, principal, now_ns, &actor->principal);
	return r;
}

/* Whether @whole can be the path that @cut (".../bin/vim") is the lower part of. */
static bool completes(const char *cut, const char *whole)
{
	return zw_endswith(whole, cut + strspn(cut, "."));
}

/* The kernel's path unless it has none or only a part; then the table's, if that is the same file. */
static const char *best_exe(const struct zw_proc_facts *facts, const struct zw_image *image)
{
	const char *known = zw_image_exe(image);

	if (!facts->exe)
		return known;
	if ((facts->flags & ZW_ACTOR_EXE_CUT) && known && !image->exe_cut &&
		completes(facts->exe, known))
		return known;
	return facts->exe;
}

static int fill_program(
	const struct zw_proc_facts *facts, const struct zw_proc *proc, struct zw_actor *actor)
{
	const struct zw_image *image = NULL;
	const char *exe;
	int r;

	actor->kthread = facts->flags & ZW_ACTOR_KTHREAD;
	if (!actor->kthread && zw_image_agrees(proc->image, facts->exe_dev, facts->exe_ino))
		image = proc->image;
	exe = best_exe(facts, image);
	r = copy_text(exe, &actor->exe);
	if (r == 0)
		r = copy_text(exe ? zw_path_base(exe) : facts->comm, &actor->name);
	if (r == 0)
		r = copy_text(facts->cwd, &actor->cwd);
	if (r < 0)
		return r;
	actor->exe_dev = facts->exe_ino || !image ? facts->exe_dev : image->dev;
	actor->exe_ino = facts->exe_ino || !image ? facts->exe_ino : image->ino;
	actor->exe_deleted = (facts->flags & ZW_ACTOR_EXE_DELETED) ||
			     (facts->exe_ino == 0 && image && image->exe_deleted);
	if (facts->argc > 0 || !image) {
		actor->argv_cut = facts->flags & ZW_ACTOR_ARGV_CUT;
		actor->argc = facts->argc;
		return zw_argv_copy(facts->argv, facts->argc, &actor->argv);
	}
	actor->argv_cut = image->argv_cut;
	return zw_image_argv(image, &actor->argv, &actor->argc);
}

static int fill_cgroup(struct zw_proc_table *table, const struct zw_proc *proc,
	const struct zw_proc_facts *facts, struct zw_actor *actor)
{
	uint64_t id = facts->cgroup_id ? facts->cgroup_id : proc->cgroup_id;
	uint32_t tgid = proc->state == ZW_PROC_LIVE ? proc->tgid : 0;
	int r = zw_cgroups_path(table->cgroups, id, tgid, proc->start_ns, &actor->cgroup);

	if (r < 0 || !actor->cgroup)
		return r;
	return zw_container_of(actor->cgroup, &actor->container);
}

static int fill_lineage(struct zw_proc_table *table, const struct zw_proc *proc,
	const struct zw_proc_facts *facts, struct zw_actor *actor)
{
	_zw_cleanup_(zw_lineage_done) struct zw_lineage lineage = {};
	int r = zw_lineage_of(table, proc, facts, &lineage);

	if (r < 0)
		return r;
	memcpy(actor->tty, lineage.tty, strlen(lineage.tty) + 1);
	if (lineage.origin) {
		r = copy_text(lineage.origin->ip, &actor->origin_ip);
		if (r < 0)
			return r;
		actor->origin_port = lineage.origin->port;
	}
	r = fill_users(table, facts, &lineage, actor);
	if (r < 0)
		return r;
	actor->ancestors = lineage.ancestors;
	actor->ancestor = ZW_TAKE(lineage.ancestor);
	lineage.ancestors = 0;
	return 0;
}

/* @facts are of process @proc. */
static int make_actor(struct zw_proc_table *table, const struct zw_proc *proc,
	const struct zw_proc_facts *facts, struct zw_actor **ret_actor)
{
	_zw_actor_unref_ struct zw_actor *actor = calloc(1, sizeof(*actor));
	int r;

	if (!actor)
		return -ENOMEM;
	actor->refs = 1;
	actor->tgid = facts->tgid;
	actor->tid = facts->tid;
	actor->start_ns = proc->start_ns;
	actor->start_real_ns = proc->start_ns + (uint64_t)zw_boot_to_real_offset_ns();
	actor->gid = facts->gid;
	actor->egid = facts->egid;
	actor->session = facts->session;
	actor->mntns = facts->mntns;
	actor->pidns = facts->pidns;
	actor->netns = facts->netns;
	memcpy(actor->comm, facts->comm, sizeof(actor->comm));
	r = fill_program(facts, proc, actor);
	if (r == 0)
		r = fill_lineage(table, proc, facts, actor);
	if (r == 0)
		r = fill_cgroup(table, proc, facts, actor);
	if (r < 0)
		return r;
	*ret_actor = ZW_TAKE(actor);
	return 0;
}

int zw_proc_table_resolve(
	struct zw_proc_table *table, const struct zw_event *event, struct zw_actor **ret_actor)
{
	struct zw_proc *proc;
	int r;

	if (event->type != ZW_WIRE_FILE && event->type != ZW_WIRE_EXEC &&
		event->type != ZW_WIRE_UNIX && event->type != ZW_WIRE_BIND)
		return -EINVAL;
	r = zw_proc_for_event(table, event, &proc);
	if (r == 0)
		r = zw_proc_find_origin(table, proc);
	if (r < 0)
		return r;
	return make_actor(table, proc, &event->proc, ret_actor);
}

/* What is left of a process that is gone: its strings are in its image. */
static struct zw_proc_facts remembered(const struct zw_proc *proc)
{
	struct zw_proc_facts facts = {
		.start_ns = proc->start_ns,
		.tgid = proc->tgid,
		.tid = proc->tgid,
		.uid = proc->uid,
		.euid = proc->euid,
		.gid = proc->gid,
		.egid = proc->egid,
		.loginuid = proc->loginuid,
		.session = proc->session,
		.mntns = proc->mntns,
		.pidns = proc->pidns,
		.netns = proc->netns,
		.cgroup_id = proc->cgroup_id,
	};

	memcpy(facts.comm, proc->comm, sizeof(facts.comm));
	memcpy(facts.tty, proc->tty, sizeof(facts.tty));
	return facts;
}

int zw_proc_table_lookup(
	struct zw_proc_table *table, uint32_t tgid, uint64_t start_ns, struct zw_actor **ret_actor)
{
	_zw_cleanup_(zw_proc_facts_done) struct zw_proc_facts facts = {};
	struct zw_proc *proc = NULL, *wanted;
	int r = zw_proc_import(table, tgid, &facts, &proc);

	if (r < 0 && r != -ESRCH)
		return r;
	wanted = start_ns ? zw_proc_find(table, tgid, start_ns, true) : proc;
	if (!wanted && !start_ns)
		wanted = zw_proc_youngest(table, tgid);
	if (!wanted)
		return -ESRCH;
	if (start_ns)
		zw_proc_adopt_start(wanted, start_ns);
	if (wanted != proc) {
		zw_proc_facts_done(&facts);
		facts = remembered(wanted);
	}
	return make_actor(table, wanted, &facts, ret_actor);
}
