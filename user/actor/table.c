/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actor/table.h"

#include <errno.h>
#include <string.h>

#include "actor/proc.h"
#include "actor/procfs.h"

/* Exited processes that are kept at most; table.h promises it. */
#define GONE_MAX 65536
/* Paths of cgroups. Their ids are never reused, so these stay right for ever and only need a bound. */
#define CGROUPS_MAX 4096

int zw_proc_table_new(const char *proc_root, struct zw_proc_table **ret_table)
{
	_zw_proc_table_free_ struct zw_proc_table *table = calloc(1, sizeof(*table));
	int r;

	if (!table)
		return -ENOMEM;
	zw_list_init(&table->exited);
	zw_list_init(&table->pinned);
	table->tick_ns = zw_procfs_tick_ns();
	table->root = strdup(proc_root);
	if (!table->root)
		return -ENOMEM;
	r = zw_map_new(&table->by_pid);
	if (r < 0)
		return r;
	r = zw_users_new("/etc/passwd", &table->users);
	if (r < 0)
		return r;
	r = zw_cgroups_new(proc_root, CGROUPS_MAX, &table->cgroups);
	if (r < 0)
		return r;
	*ret_table = ZW_TAKE(table);
	return 0;
}

static void free_proc(struct zw_proc *proc)
{
	zw_image_unref(proc->image);
	zw_image_unref(proc->step_image);
	zw_origin_unref(proc->origin);
	free(proc);
}

void zw_proc_table_free(struct zw_proc_table *table)
{
	size_t it = 0;
	void *value;

	if (!table)
		return;
	while (table->by_pid && zw_map_next(table->by_pid, &it, NULL, NULL, &value)) {
		for (struct zw_proc *proc = value, *older; proc; proc = older) {
			older = proc->older;
			free_proc(proc);
		}
	}
	zw_map_free(table->by_pid);
	zw_users_free(table->users);
	zw_cgroups_free(table->cgroups);
	free(table->root);
	free(table);
}

struct zw_proc *zw_proc_youngest(const struct zw_proc_table *table, uint32_t tgid)
{
	return zw_map_get(table->by_pid, &tgid, sizeof(tgid));
}

struct zw_proc *zw_proc_find(
	const struct zw_proc_table *table, uint32_t tgid, uint64_t start_ns, bool exact)
{
	for (struct zw_proc *p = zw_proc_youngest(table, tgid); p; p = p->older) {
		uint64_t diff =
			p->start_ns > start_ns ? p->start_ns - start_ns : start_ns - p->start_ns;

		if (diff <= (exact && p->exact ? 0 : table->tick_ns))
			return p;
	}
	return NULL;
}

static void gone_add(struct zw_proc_table *table, struct zw_proc *proc)
{
	bool pinned = !zw_list_empty(&proc->children);

	proc->state = pinned ? ZW_PROC_PINNED : ZW_PROC_EXITED;
	zw_list_add_tail(pinned ? &table->pinned : &table->exited, &proc->gone);
	table->gone++;
}

static void gone_del(struct zw_proc_table *table, struct zw_proc *proc)
{
	if (proc->state == ZW_PROC_LIVE)
		return;
	zw_list_del(&proc->gone);
	table->gone--;
}

/* To be called when the children of an exited process came or went. */
static void gone_update(struct zw_proc_table *table, struct zw_proc *proc)
{
	bool pinned = !zw_list_empty(&proc->children);

	if (proc->state == ZW_PROC_LIVE || (proc->state == ZW_PROC_PINNED) == pinned)
		return;
	gone_del(table, proc);
	gone_add(table, proc);
}

void zw_proc_mark_exited(struct zw_proc_table *table, struct zw_proc *proc, uint64_t now_ns)
{
	gone_del(table, proc);
	proc->exit_ns = now_ns;
	gone_add(table, proc);
}

static void set_parent(struct zw_proc_table *table, struct zw_proc *proc, struct zw_proc *parent)
{
	struct zw_proc *before = proc->parent;

	if (parent == before || parent == proc)
		return;
	zw_list_del(&proc->sibling);
	proc->parent = parent;
	if (parent) {
		parent->forked = true;
		zw_list_add_tail(&parent->children, &proc->sibling);
		gone_update(table, parent);
	}
	if (before)
		gone_update(table, before);
}

void zw_proc_adopt_start(struct zw_proc *proc, uint64_t start_ns)
{
	if (proc->exact)
		return;
	proc->start_ns = start_ns;
	proc->exact = true;
}

static void inherit(struct zw_proc *proc, const struct zw_proc *parent)
{
	proc->image = zw_image_ref(parent->image);
	proc->cgroup_id = parent->cgroup_id;
	proc->uid = parent->uid;
	proc->euid = parent->euid;
	proc->gid = parent->gid;
	proc->egid = parent->egid;
	proc->loginuid = parent->loginuid;
	proc->session = parent->session;
	proc->mntns = parent->mntns;
	proc->pidns = parent->pidns;
	proc->netns = parent->netns;
	memcpy(proc->comm, parent->comm, sizeof(proc->comm));
	memcpy(proc->tty, parent->tty, sizeof(proc->tty));
	/* A new connection is a new session, whoever started the server. */
	if (parent->login_role == ZW_LOGIN_LISTENER)
		return;
	proc->origin = zw_origin_ref(parent->origin);
	proc->elevated = parent->elevated;
	proc->before_uid = parent->before_uid;
}

static const struct zw_proc nobody = {
	.uid = ZW_ID_UNSET,
	.euid = ZW_ID_UNSET,
	.gid = ZW_ID_UNSET,
	.egid = ZW_ID_UNSET,
	.loginuid = ZW_ID_UNSET,
	.session = ZW_ID_UNSET,
};

int zw_proc_add(struct zw_proc_table *table, uint32_t tgid, uint64_t start_ns, bool exact,
	struct zw_proc *parent, uint64_t now_ns, struct zw_proc **ret_proc)
{
	struct zw_proc *proc = calloc(1, sizeof(*proc));
	void *older = NULL;
	int r;

	if (!proc)
		return -ENOMEM;
	r = zw_map_put(table->by_pid, &tgid, sizeof(tgid), proc, &older);
	if (r < 0) {
		free(proc);
		return r;
	}
	zw_list_init(&proc->children);
	zw_list_init(&proc->sibling);
	zw_list_init(&proc->gone);
	proc->tgid = tgid;
	proc->start_ns = start_ns;
	proc->exact = exact;
	proc->image_ns = now_ns;
	proc->older = older;
	inherit(proc, parent ? parent : &nobody);
	set_parent(table, proc, parent);
	table->len++;
	/* Its pid is in use again, so the exit of the one before was missed. */
	if (proc->older && proc->older->state == ZW_PROC_LIVE)
		zw_proc_mark_exited(table, proc->older, now_ns);
	*ret_proc = proc;
	return 0;
}

/* Takes @proc out of the chain of its pid; the map holds the youngest of it. */
static void unlink_pid(struct zw_proc_table *table, struct zw_proc *proc)
{
	struct zw_proc *youngest = zw_proc_youngest(table, proc->tgid), *p = youngest;

	if (youngest == proc) {
		/* Replacing the value of a key that is there allocates nothing and cannot fail. */
		if (proc->older)
			zw_map_put(
				table->by_pid, &proc->tgid, sizeof(proc->tgid), proc->older, NULL);
		else
			zw_map_remove(table->by_pid, &proc->tgid, sizeof(proc->tgid));
		return;
	}
	while (p->older != proc)
		p = p->older;
	p->older = proc->older;
}

static void drop(struct zw_proc_table *table, struct zw_proc *proc)
{
	while (!zw_list_empty(&proc->children))
		set_parent(
			table, ZW_CONTAINER_OF(proc->children.next, struct zw_proc, sibling), NULL);
	set_parent(table, proc, NULL);
	gone_del(table, proc);
	unlink_pid(table, proc);
	table->len--;
	free_proc(proc);
}

static struct zw_proc *longest_gone(struct zw_list *list)
{
	return zw_list_empty(list) ? NULL : ZW_CONTAINER_OF(list->next, struct zw_proc, gone);
}

/* Ends of branches go first: a storm of short-lived processes then cannot push out the ancestry of those that still
 * run. Only when exited chains alone fill the table, their oldest link goes. */
static void keep_bound(struct zw_proc_table *table)
{
	while (table->gone > GONE_MAX) {
		struct zw_proc *proc = longest_gone(&table->exited);

		drop(table, proc ? proc : longest_gone(&table->pinned));
	}
}

void zw_proc_table_expire(struct zw_proc_table *table, uint64_t now_ns, uint64_t keep_ns)
{
	struct zw_proc *proc;

	while ((proc = longest_gone(&table->exited)) && proc->exit_ns < now_ns &&
		now_ns - proc->exit_ns > keep_ns)
		drop(table, proc);
	keep_bound(table);
}

bool zw_proc_table_forked(const struct zw_proc_table *table, uint32_t tgid, uint64_t start_ns)
{
	const struct zw_proc *proc = start_ns ? zw_proc_find(table, tgid, start_ns, true)
					      : zw_proc_youngest(table, tgid);

	return !proc || proc->forked;
}

size_t zw_proc_table_len(const struct zw_proc_table *table)
{
	return table->len;
}

static int feed_fork(struct zw_proc_table *table, const struct zw_event *event)
{
	struct zw_proc *parent, *child;

	/* A thread is no process of its own. */
	if (event->fork.child_tgid == event->fork.parent_tgid)
		return 0;
	parent = zw_proc_find(table, event->fork.parent_tgid, event->fork.parent_start_ns, true);
	if (parent)
		zw_proc_adopt_start(parent, event->fork.parent_start_ns);
	child = zw_proc_find(table, event->fork.child_tgid, event->fork.child_start_ns, true);
	if (child) {
		/* Seeding was faster; but only the event knows who forked it. */
		zw_proc_adopt_start(child, event->fork.child_start_ns);
		if (parent)
			set_parent(table, child, parent);
		return 0;
	}
	/* While the server is there and before the session begins is the best time to look at its connection. */
	if (parent) {
		int r = zw_proc_find_origin(table, parent);

		if (r < 0)
			return r;
	}
	return zw_proc_add(table, event->fork.child_tgid, event->fork.child_start_ns, true, parent,
		event->time_ns, &child);
}

static int feed_exec(struct zw_proc_table *table, const struct zw_event *event)
{
	struct zw_proc *proc = NULL;
	_zw_free_ char *path = NULL;
	int r;

	r = zw_proc_for_event(table, event, &proc);
	if (r < 0)
		return r;
	/* The cgroup may be removed together with its last process, so its path is asked for now. */
	r = zw_cgroups_path(table->cgroups, proc->cgroup_id, proc->tgid, proc->start_ns, &path);
	if (r < 0)
		return r;
	return zw_proc_find_origin(table, proc);
}

uint64_t zw_proc_table_gone_ns(const struct zw_proc_table *table, const struct zw_actor *actor)
{
	const struct zw_proc *proc = zw_proc_find(table, actor->tgid, actor->start_ns, true);

	return proc && proc->state != ZW_PROC_LIVE ? proc->exit_ns : 0;
}

int zw_proc_table_feed(struct zw_proc_table *table, const struct zw_event *event)
{
	struct zw_proc *proc;
	int r = 0;

	switch (event->type) {
	case ZW_WIRE_FORK:
		r = feed_fork(table, event);
		break;
	case ZW_WIRE_EXEC:
		r = feed_exec(table, event);
		break;
	case ZW_WIRE_EXIT:
		proc = zw_proc_find(
			table, event->fork.child_tgid, event->fork.child_start_ns, true);
		if (proc)
			zw_proc_mark_exited(table, proc, event->time_ns);
		break;
	default:
		break;
	}
	keep_bound(table);
	return r;
}
