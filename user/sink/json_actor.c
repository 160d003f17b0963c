/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The "who" of an event: processes, users, login sessions. */
#include "sink/json_build.h"

#include <errno.h>

#include "sink/sink.h"

static json_t *text_list(char *const *items, size_t len)
{
	_zw_json_ json_t *list = json_array();
	bool failed = !list;

	for (size_t i = 0; i < len; i++)
		zw_json_append(list, zw_json_text(items[i]), &failed);
	return failed ? NULL : ZW_TAKE(list);
}

json_t *zw_json_process(const struct zw_actor *actor)
{
	_zw_json_ json_t *process = json_object();
	bool failed = !process;

	zw_json_set(process, "pid", json_integer(actor->tgid), &failed);
	if (actor->start_real_ns)
		zw_json_set(process, "start", zw_json_time(actor->start_real_ns), &failed);
	zw_json_set(
		process, "name", zw_json_text(actor->name ? actor->name : actor->comm), &failed);
	if (actor->exe)
		zw_json_set(process, "executable", zw_json_text(actor->exe), &failed);
	if (actor->argv)
		zw_json_set(process, "args", text_list(actor->argv, actor->argc), &failed);
	if (actor->argv_cut)
		zw_json_set(process, "args_cut", json_true(), &failed);
	if (actor->cwd)
		zw_json_set(process, "working_directory", zw_json_text(actor->cwd), &failed);
	if (actor->tid && actor->tid != actor->tgid) {
		json_t *thread = json_object();

		zw_json_set(thread, "id", json_integer(actor->tid), &failed);
		zw_json_set(process, "thread", thread, &failed);
	}
	if (actor->ancestors > 0) {
		const struct zw_ancestor *a = &actor->ancestor[0];
		json_t *parent = json_object();

		zw_json_set(parent, "pid", json_integer(a->tgid), &failed);
		zw_json_set(parent, "name", zw_json_text(a->comm), &failed);
		if (a->exe)
			zw_json_set(parent, "executable", zw_json_text(a->exe), &failed);
		zw_json_set(process, "parent", parent, &failed);
	}
	return failed ? NULL : ZW_TAKE(process);
}

static void set_user(json_t *object, const struct zw_actor_user *user, bool *failed)
{
	if (user->uid != ZW_ID_UNSET)
		zw_json_set(object, "id", zw_json_id(user->uid), failed);
	if (user->name)
		zw_json_set(object, "name", zw_json_text(user->name), failed);
}

json_t *zw_json_user(const struct zw_actor *actor)
{
	_zw_json_ json_t *user = json_object();
	json_t *effective = json_object();
	bool failed = !user;

	set_user(user, &actor->principal, &failed);
	set_user(effective, &actor->effective, &failed);
	zw_json_set(user, "effective", effective, &failed);
	return failed ? NULL : ZW_TAKE(user);
}

/* Members without a value are null, as the absence of a login is itself worth knowing. */
static json_t *login_session(const struct zw_actor *actor)
{
	_zw_json_ json_t *login = json_object();
	bool has_uid = actor->login.uid != ZW_ID_UNSET;
	bool has_session = actor->session != ZW_ID_UNSET;
	bool failed = !login;

	zw_json_set(login, "uid", has_uid ? json_integer(actor->login.uid) : json_null(), &failed);
	zw_json_set(login, "user", zw_json_text(actor->login.name), &failed);
	zw_json_set(login, "session", has_session ? json_integer(actor->session) : json_null(),
		&failed);
	zw_json_set(login, "tty", zw_json_text(actor->tty[0] ? actor->tty : NULL), &failed);
	zw_json_set(login, "origin", zw_json_text(actor->origin_ip), &failed);
	if (actor->origin_ip && actor->origin_port)
		zw_json_set(login, "origin_port", json_integer(actor->origin_port), &failed);
	return failed ? NULL : ZW_TAKE(login);
}

static json_t *ancestor_list(const struct zw_actor *actor)
{
	_zw_json_ json_t *list = json_array();
	bool failed = !list;

	for (size_t i = 0; i < actor->ancestors; i++) {
		const struct zw_ancestor *a = &actor->ancestor[i];
		json_t *item = json_object();

		zw_json_set(item, "pid", json_integer(a->tgid), &failed);
		zw_json_set(item, "name", zw_json_text(a->comm), &failed);
		if (a->exe)
			zw_json_set(item, "executable", zw_json_text(a->exe), &failed);
		if (a->argv)
			zw_json_set(item, "args", text_list(a->argv, a->argc), &failed);
		zw_json_set(item, "uid", json_integer(a->uid), &failed);
		zw_json_set(item, "euid", json_integer(a->euid), &failed);
		if (a->elevation != ZW_ELEVATION_NONE)
			zw_json_set(item, "elevation",
				zw_json_text(zw_elevation_to_string(a->elevation)), &failed);
		zw_json_append(list, item, &failed);
	}
	return failed ? NULL : ZW_TAKE(list);
}

static json_t *evidence_list(uint32_t evidence)
{
	_zw_json_ json_t *list = json_array();
	bool failed = !list;

	for (unsigned int bit = 0; bit < ZW_EVIDENCE_BITS; bit++)
		if (evidence & 1U << bit)
			zw_json_append(list, zw_json_text(zw_evidence_to_string(bit)), &failed);
	return failed ? NULL : ZW_TAKE(list);
}

/* What is known of a process; null stands for one on another host. */
static void set_process(json_t *object, const struct zw_actor *actor, bool *failed)
{
	if (!actor) {
		zw_json_set(object, "process", json_null(), failed);
		zw_json_set(object, "user", json_null(), failed);
		zw_json_set(object, "login", json_null(), failed);
		zw_json_set(object, "ancestors", json_array(), failed);
		return;
	}
	zw_json_set(object, "process", zw_json_process(actor), failed);
	zw_json_set(object, "user", zw_json_user(actor), failed);
	zw_json_set(object, "login", login_session(actor), failed);
	zw_json_set(object, "ancestors", ancestor_list(actor), failed);
	if (actor->kthread)
		zw_json_set(object, "kernel_thread", json_true(), failed);
	if (actor->exe_deleted)
		zw_json_set(object, "executable_deleted", json_true(), failed);
	if (actor->cgroup)
		zw_json_set(object, "cgroup", zw_json_text(actor->cgroup), failed);
	if (actor->container)
		zw_json_set(object, "container", zw_json_text(actor->container), failed);
}

json_t *zw_json_cause(const struct zw_report_cause *cause)
{
	_zw_json_ json_t *object = json_object();
	bool failed = !object;

	zw_json_set(object, "role", zw_json_text(zw_role_to_string(cause->role)), &failed);
	zw_json_set(object, "channel", zw_json_text(zw_channel_to_string(cause->channel)), &failed);
	if (cause->first_ns)
		zw_json_set(object, "first", zw_json_time(cause->first_ns), &failed);
	if (cause->last_ns)
		zw_json_set(object, "last", zw_json_time(cause->last_ns), &failed);
	set_process(object, cause->actor, &failed);
	zw_json_set(object, "tsig_key", zw_json_text(cause->tsig_key), &failed);
	zw_json_set(object, "peer", zw_json_text(cause->peer), &failed);
	if (cause->peer_port)
		zw_json_set(object, "peer_port", json_integer(cause->peer_port), &failed);
	if (cause->command)
		zw_json_set(object, "command", zw_json_text(cause->command), &failed);
	zw_json_set(object, "evidence", evidence_list(cause->evidence), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

int zw_cause_to_json(const struct zw_report_cause *cause, struct zw_str *out)
{
	_zw_json_ json_t *object = zw_json_cause(cause);

	return object ? zw_json_dump(object, out) : -ENOMEM;
}
