/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actor/lineage.h"

#include <errno.h>
#include <string.h>

#include "actor/elevation.h"
#include "event/argv.h"

struct walk {
	const struct zw_proc_table *table;
	const struct zw_proc_facts *facts;
	struct zw_lineage lineage;
	size_t next_kernel; /* first ancestor of the kernel that was not passed */
	bool on_kernel_chain; /* facts->ancestor[next_kernel] is the parent of the process we stand on */
	bool caller_pending; /* the next ancestor is who called the set-user program just passed */
	bool session_over;   /* beyond the login session: other people's business */
};

void zw_lineage_done(struct zw_lineage *lineage)
{
	for (size_t i = 0; i < lineage->ancestors; i++) {
		free(lineage->ancestor[i].exe);
		zw_argv_free(lineage->ancestor[i].argv);
	}
	free(lineage->ancestor);
	*lineage = (struct zw_lineage){};
}

static int fill_image(struct zw_ancestor *ancestor, const struct zw_image *image)
{
	const char *exe = zw_image_exe(image);

	if (exe) {
		ancestor->exe = strdup(exe);
		if (!ancestor->exe)
			return -ENOMEM;
	}
	if (!image || image->argv_len == 0)
		return 0;
	return zw_image_argv(image, &ancestor->argv, &ancestor->argc);
}

/* The set-user program that was replaced within @proc: the same process as one link more. */
static int add_step(struct walk *w, const struct zw_proc *proc)
{
	struct zw_ancestor *a = &w->lineage.ancestor[w->lineage.ancestors];
	const char *exe = zw_image_exe(proc->step_image);

	if (proc->step == ZW_ELEVATION_NONE || w->lineage.ancestors == ZW_ANCESTORS)
		return 0;
	*a = (struct zw_ancestor){
		.tgid = proc->tgid,
		.start_ns = proc->start_ns,
		.uid = proc->step_uid,
		.euid = proc->step_euid,
		.loginuid = proc->loginuid,
		.elevation = proc->step,
	};
	strncpy(a->comm, exe ? zw_path_base(exe) : zw_elevation_to_string(a->elevation),
		ZW_COMM_LEN - 1);
	w->lineage.ancestors++;
	return fill_image(a, proc->step_image);
}

/* Whether the program of @kernel is a set-user step by what the kernel alone says. A child of it that has not yet
 * executed anything is none. */
static enum zw_elevation kernel_elevation(
	const struct walk *w, const struct zw_wire_ancestor *kernel)
{
	const struct zw_wire_ancestor *outer = kernel + 1,
				      *end = w->facts->ancestor + w->facts->ancestors;

	if (outer < end && kernel->exe_ino && outer->exe_ino == kernel->exe_ino &&
		outer->exe_dev == kernel->exe_dev)
		return ZW_ELEVATION_NONE;
	return zw_elevation_of(NULL, kernel->comm, kernel->euid);
}

/* @proc or @kernel may be NULL, not both. The kernel saw how it was at the event; the table how it was when it was
 * last heard of. */
static int add_ancestor(
	struct walk *w, const struct zw_proc *proc, const struct zw_wire_ancestor *kernel)
{
	struct zw_ancestor *a = &w->lineage.ancestor[w->lineage.ancestors++];
	bool known =
		proc && (!kernel || zw_image_agrees(proc->image, kernel->exe_dev, kernel->exe_ino));

	*a = (struct zw_ancestor){
		.tgid = kernel ? kernel->tgid : proc->tgid,
		.start_ns = kernel ? kernel->start_ns : proc->start_ns,
		.uid = kernel ? kernel->uid : proc->uid,
		.euid = kernel ? kernel->euid : proc->euid,
		.loginuid = kernel ? kernel->loginuid : proc->loginuid,
	};
	memcpy(a->comm, kernel ? kernel->comm : proc->comm, sizeof(a->comm));
	if (known)
		a->elevation = proc->elevation;
	else if (kernel)
		a->elevation = kernel_elevation(w, kernel);
	return known ? fill_image(a, proc->image) : 0;
}

/* What the link just added says about user, terminal and origin. */
static void note(struct walk *w, const struct zw_proc *proc)
{
	const struct zw_ancestor *a = &w->lineage.ancestor[w->lineage.ancestors - 1];
	struct zw_lineage *l = &w->lineage;

	/* Who started the server that people log in to has no part in what they do. */
	w->session_over |= proc && proc->login_role == ZW_LOGIN_LISTENER;
	if (w->session_over)
		return;
	if (w->caller_pending)
		l->before_uid = a->uid;
	w->caller_pending = false;
	if (proc && proc->elevated) {
		l->elevated = true;
		l->before_uid = proc->before_uid;
	} else if (a->elevation != ZW_ELEVATION_NONE) {
		l->elevated = true;
		l->before_uid = a->uid;
		w->caller_pending = a->uid == 0;
	}
	if (!proc)
		return;
	if (!l->tty[0])
		l->tty = proc->tty;
	if (!l->origin)
		l->origin = proc->origin;
	w->session_over = proc->login_role == ZW_LOGIN_SESSION;
}

/* Where on the kernel's chain @proc is, at or after what was passed; NULL when it is not there. */
static const struct zw_wire_ancestor *on_kernel_chain(struct walk *w, const struct zw_proc *proc)
{
	for (size_t i = w->next_kernel; i < w->facts->ancestors; i++) {
		const struct zw_wire_ancestor *k = &w->facts->ancestor[i];

		if (k->tgid != proc->tgid ||
			zw_proc_find(w->table, k->tgid, k->start_ns, true) != proc)
			continue;
		w->next_kernel = i + 1;
		return k;
	}
	return NULL;
}

/* Steps to the parent of *@proc, which is NULL for one that only the kernel knows. */
static bool step_up(
	struct walk *w, const struct zw_proc **proc, const struct zw_wire_ancestor **ret_kernel)
{
	if (*proc && (*proc)->parent) {
		*proc = (*proc)->parent;
		*ret_kernel = on_kernel_chain(w, *proc);
		w->on_kernel_chain = *ret_kernel != NULL;
		return true;
	}
	if (!w->on_kernel_chain || w->next_kernel == w->facts->ancestors)
		return false;
	*ret_kernel = &w->facts->ancestor[w->next_kernel++];
	*proc = zw_proc_find(w->table, (*ret_kernel)->tgid, (*ret_kernel)->start_ns, true);
	return true;
}

static int walk_up(struct walk *w, const struct zw_proc *proc)
{
	const struct zw_wire_ancestor *kernel;
	int r = add_step(w, proc);

	while (r == 0 && w->lineage.ancestors < ZW_ANCESTORS && step_up(w, &proc, &kernel)) {
		r = add_ancestor(w, proc, kernel);
		note(w, proc);
		if (r == 0 && proc)
			r = add_step(w, proc);
	}
	return r;
}

int zw_lineage_of(const struct zw_proc_table *table, const struct zw_proc *proc,
	const struct zw_proc_facts *facts, struct zw_lineage *ret_lineage)
{
	struct walk w = {
		.table = table,
		.facts = facts,
		.on_kernel_chain = true,
		.session_over = proc->login_role == ZW_LOGIN_SESSION,
		.lineage =
			{
				.origin = proc->origin,
				.tty = facts->tty,
				.elevated = proc->elevated,
				.before_uid = proc->before_uid,
			},
	};
	int r;

	w.lineage.ancestor = calloc(ZW_ANCESTORS, sizeof(*w.lineage.ancestor));
	if (!w.lineage.ancestor)
		return -ENOMEM;
	r = walk_up(&w, proc);
	if (r < 0) {
		zw_lineage_done(&w.lineage);
		return r;
	}
	*ret_lineage = w.lineage;
	return 0;
}
