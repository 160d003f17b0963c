/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>

#include "actor/elevation.h"
#include "actor/proc.h"
#include "actor/procfs.h"

/* A login server whose sockets show nothing is not looked at for ever. */
#define PROBES_MAX 4
/* Processes of one connection: listener, monitor, its unprivileged half, and room for more. */
#define SERVERS_MAX 8

static void apply_ids(struct zw_proc *proc, const struct zw_proc_facts *facts)
{
	proc->uid = facts->uid;
	proc->euid = facts->euid;
	proc->gid = facts->gid;
	proc->egid = facts->egid;
	proc->loginuid = facts->loginuid;
	proc->session = facts->session;
	proc->mntns = facts->mntns;
	proc->pidns = facts->pidns;
	proc->netns = facts->netns;
	if (facts->cgroup_id)
		proc->cgroup_id = facts->cgroup_id;
	memcpy(proc->comm, facts->comm, sizeof(proc->comm));
	memcpy(proc->tty, facts->tty, sizeof(proc->tty));
}

/* Keeps a set-user program that another program replaces: it is no ancestor, yet a link of the chain. */
static void keep_step(struct zw_proc *proc, const struct zw_image *next)
{
	if (proc->elevation == ZW_ELEVATION_NONE ||
		zw_image_agrees(proc->image, next->dev, next->ino))
		return;
	zw_image_unref(proc->step_image);
	proc->step_image = zw_image_ref(proc->image);
	proc->step = proc->elevation;
	proc->step_uid = proc->uid;
	proc->step_euid = proc->euid;
}

int zw_proc_apply(struct zw_proc *proc, const struct zw_proc_facts *facts, uint64_t now_ns)
{
	struct zw_image *image;
	int r = zw_image_new(facts, &image);

	if (r < 0)
		return r;
	keep_step(proc, image);
	zw_image_unref(proc->image);
	proc->image = image;
	proc->image_ns = now_ns;
	proc->elevation = zw_elevation_of(zw_image_exe(image), facts->comm, facts->euid);
	if (proc->elevation != ZW_ELEVATION_NONE && !proc->elevated) {
		proc->elevated = true;
		/* At the exec the real uid is the caller's. sudo makes it 0 soon after: when the exec was missed,
		 * what was inherited at the fork tells. */
		proc->before_uid = facts->uid;
		if (facts->uid == 0 && proc->uid != ZW_ID_UNSET)
			proc->before_uid = proc->uid;
	}
	apply_ids(proc, facts);
	return 0;
}

int zw_proc_for_event(
	struct zw_proc_table *table, const struct zw_event *event, struct zw_proc **ret_proc)
{
	const struct zw_proc_facts *facts = &event->proc;
	struct zw_proc *proc = zw_proc_find(table, facts->tgid, facts->start_ns, true),
		       *parent = NULL;
	int r = 0;

	if (!proc) {
		if (facts->ancestors > 0)
			parent = zw_proc_find(
				table, facts->ancestor[0].tgid, facts->ancestor[0].start_ns, true);
		r = zw_proc_add(
			table, facts->tgid, facts->start_ns, true, parent, event->time_ns, &proc);
		if (r == 0)
			r = zw_proc_apply(proc, facts, event->time_ns);
	} else if (event->time_ns > proc->image_ns) {
		if (event->type == ZW_WIRE_EXEC ||
			!zw_image_agrees(proc->image, facts->exe_dev, facts->exe_ino))
			r = zw_proc_apply(proc, facts, event->time_ns);
		else
			apply_ids(proc, facts);
	}
	if (r < 0)
		return r;
	zw_proc_adopt_start(proc, facts->start_ns);
	/* The leader of a process may be gone before its other threads. */
	if (proc->state != ZW_PROC_LIVE && event->time_ns > proc->exit_ns)
		zw_proc_mark_exited(table, proc, event->time_ns);
	*ret_proc = proc;
	return 0;
}

static bool is_server(const struct zw_proc *proc)
{
	return proc && proc->image && proc->image->login_server;
}

static int probe(struct zw_proc_table *table, struct zw_proc *server)
{
	_zw_origin_unref_ struct zw_origin *origin = NULL;
	enum zw_login_role role;
	uint64_t start_ns;
	int r;

	if (server->state != ZW_PROC_LIVE || server->euid != 0 || server->probes >= PROBES_MAX)
		return 0;
	server->probes++;
	r = zw_origin_probe(table->root, server->tgid, &role, &origin);
	if (r < 0)
		return r;
	/* Somebody else's sockets, if the pid changed hands before its exit event came. */
	if (zw_procfs_start(table->root, server->tgid, &start_ns) < 0 ||
		zw_proc_find(table, server->tgid, start_ns, false) != server)
		return 0;
	server->login_role = role;
	if (role != ZW_LOGIN_SESSION)
		return 0;
	zw_origin_unref(server->origin);
	server->origin = ZW_TAKE(origin);
	/* Whoever restarted the server by sudo has no part in what is done by those who log in. */
	server->elevated = false;
	return 0;
}

static void share_origin(struct zw_proc *proc, const struct zw_proc *session)
{
	if (proc == session || proc->origin == session->origin)
		return;
	zw_origin_unref(proc->origin);
	proc->origin = zw_origin_ref(session->origin);
}

int zw_proc_find_origin(struct zw_proc_table *table, struct zw_proc *proc)
{
	struct zw_proc *servers[SERVERS_MAX];
	size_t n = 0;

	for (struct zw_proc *p = is_server(proc) ? proc : proc->parent;
		is_server(p) && n < SERVERS_MAX; p = p->parent)
		servers[n++] = p;
	/* The session is the outermost server that does not listen. */
	for (size_t i = n; i-- > 0;) {
		if (servers[i]->login_role == ZW_LOGIN_UNKNOWN) {
			int r = probe(table, servers[i]);

			if (r < 0)
				return r;
		}
		if (servers[i]->login_role != ZW_LOGIN_SESSION)
			continue;
		for (size_t k = 0; k < i; k++)
			share_origin(servers[k], servers[i]);
		share_origin(proc, servers[i]);
		break;
	}
	return 0;
}
