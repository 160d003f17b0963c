/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The "who" of an event, read back: the inverse of json_actor.c. */
#include "sink/json_take.h"

#include <errno.h>
#include <string.h>

/* The kernel's names are this long, those of executables may be longer. */
static void set_comm(struct zw_actor *actor)
{
	size_t len = strlen(actor->name);

	if (len >= sizeof(actor->comm)) {
		/* Not inside a UTF-8 sequence. */
		for (len = sizeof(actor->comm) - 1;
			len > 0 && ((unsigned char)actor->name[len] & 0xc0) == 0x80; len--)
			;
	}
	memcpy(actor->comm, actor->name, len);
	actor->comm[len] = '\0';
}

static int take_process(struct zw_json_in *in, const json_t *process, struct zw_actor *actor)
{
	const json_t *thread = NULL;
	int r;

	r = zw_json_in_need(in, process, "pid");
	if (r == 0)
		r = zw_json_in_u32(in, process, "pid", &actor->tgid);
	actor->tid = actor->tgid;
	if (r == 0)
		r = zw_json_in_time(in, process, "start", &actor->start_real_ns);
	if (r == 0)
		r = zw_json_in_text(in, process, "name", &actor->name);
	if (r == 0 && !actor->name)
		r = zw_json_in_fail(in, "name", "is missing");
	if (r < 0)
		return r;
	set_comm(actor);
	r = zw_json_in_text(in, process, "executable", &actor->exe);
	if (r == 0)
		r = zw_json_in_texts(in, process, "args", &actor->argv, &actor->argc);
	if (r == 0)
		r = zw_json_in_bool(in, process, "args_cut", &actor->argv_cut);
	if (r == 0)
		r = zw_json_in_text(in, process, "working_directory", &actor->cwd);
	if (r == 0)
		r = zw_json_in_object(in, process, "thread", &thread);
	if (r == 0 && thread)
		r = zw_json_in_u32(in, thread, "id", &actor->tid);
	return r;
}

static int take_user(struct zw_json_in *in, const json_t *object, struct zw_actor_user *user)
{
	int r = zw_json_in_id32(in, object, "id", &user->uid);

	return r < 0 ? r : zw_json_in_text(in, object, "name", &user->name);
}

static int take_users(struct zw_json_in *in, const json_t *user, struct zw_actor *actor)
{
	const json_t *effective = NULL;
	int r;

	r = take_user(in, user, &actor->principal);
	if (r == 0)
		r = zw_json_in_object(in, user, "effective", &effective);
	if (r == 0 && effective)
		r = take_user(in, effective, &actor->effective);
	return r;
}

static int take_login(struct zw_json_in *in, const json_t *login, struct zw_actor *actor)
{
	uint64_t port = 0;
	int r;

	r = zw_json_in_u32(in, login, "uid", &actor->login.uid);
	if (r == 0)
		r = zw_json_in_text(in, login, "user", &actor->login.name);
	if (r == 0)
		r = zw_json_in_u32(in, login, "session", &actor->session);
	if (r == 0)
		r = zw_json_in_word(in, login, "tty", actor->tty, sizeof(actor->tty));
	if (r == 0)
		r = zw_json_in_text(in, login, "origin", &actor->origin_ip);
	if (r == 0)
		r = zw_json_in_u64(in, login, "origin_port", UINT16_MAX, &port);
	actor->origin_port = (uint16_t)port;
	return r;
}

static int take_elevation(struct zw_json_in *in, const json_t *object, enum zw_elevation *ret)
{
	const char *text = NULL;
	int r;

	r = zw_json_in_string(in, object, "elevation", &text);
	if (r < 0 || !text)
		return r;
	for (unsigned int i = 0; i < _ZW_ELEVATION_MAX; i++) {
		if (zw_streq(text, zw_elevation_to_string(i))) {
			*ret = i;
			return 0;
		}
	}
	return zw_json_in_fail(in, "elevation", "is none that is known");
}

static int take_ancestor(struct zw_json_in *in, const json_t *object, struct zw_ancestor *a)
{
	int r;

	if (!json_is_object(object))
		return zw_json_in_fail(in, "ancestors", "is no list of objects");
	a->loginuid = ZW_ID_UNSET;
	r = zw_json_in_u32(in, object, "pid", &a->tgid);
	if (r == 0)
		r = zw_json_in_word(in, object, "name", a->comm, sizeof(a->comm));
	if (r == 0)
		r = zw_json_in_text(in, object, "executable", &a->exe);
	if (r == 0)
		r = zw_json_in_texts(in, object, "args", &a->argv, &a->argc);
	if (r == 0)
		r = zw_json_in_u32(in, object, "uid", &a->uid);
	if (r == 0)
		r = zw_json_in_u32(in, object, "euid", &a->euid);
	return r < 0 ? r : take_elevation(in, object, &a->elevation);
}

static int take_ancestors(struct zw_json_in *in, const json_t *object, struct zw_actor *actor)
{
	const json_t *list = NULL;
	size_t len;
	int r;

	r = zw_json_in_list(in, object, "ancestors", &list);
	len = json_array_size(list);
	if (r < 0 || len == 0)
		return r;
	actor->ancestor = calloc(len, sizeof(*actor->ancestor));
	if (!actor->ancestor)
		return -ENOMEM;
	actor->ancestors = len;
	for (size_t i = 0; i < len && r == 0; i++)
		r = take_ancestor(in, json_array_get(list, i), &actor->ancestor[i]);
	return r;
}

/* The members of a cause that has a process. */
static int take_actor(struct zw_json_in *in, const json_t *object, const json_t *process,
	struct zw_actor **ret_actor)
{
	_zw_actor_unref_ struct zw_actor *actor = calloc(1, sizeof(*actor));
	const json_t *user = NULL, *login = NULL;
	int r;

	if (!actor)
		return -ENOMEM;
	actor->refs = 1;
	actor->real.uid = actor->effective.uid = ZW_ID_UNSET;
	actor->login.uid = actor->principal.uid = ZW_ID_UNSET;
	actor->session = actor->gid = actor->egid = ZW_ID_UNSET;
	r = take_process(in, process, actor);
	if (r == 0)
		r = zw_json_in_object(in, object, "user", &user);
	if (r == 0 && user)
		r = take_users(in, user, actor);
	if (r == 0)
		r = zw_json_in_object(in, object, "login", &login);
	if (r == 0 && login)
		r = take_login(in, login, actor);
	if (r == 0)
		r = take_ancestors(in, object, actor);
	if (r == 0)
		r = zw_json_in_bool(in, object, "kernel_thread", &actor->kthread);
	if (r == 0)
		r = zw_json_in_bool(in, object, "executable_deleted", &actor->exe_deleted);
	if (r == 0)
		r = zw_json_in_text(in, object, "cgroup", &actor->cgroup);
	if (r == 0)
		r = zw_json_in_text(in, object, "container", &actor->container);
	if (r == 0)
		*ret_actor = ZW_TAKE(actor);
	return r;
}

static int take_evidence(struct zw_json_in *in, const json_t *object, uint32_t *ret_evidence)
{
	const json_t *list = NULL, *item;
	size_t i;
	int r;

	r = zw_json_in_list(in, object, "evidence", &list);
	json_array_foreach(list, i, item) {
		const char *text = json_string_value(item);
		unsigned int bit;

		if (!text || zw_evidence_from_string(text, &bit) < 0)
			return zw_json_in_fail(in, "evidence", "holds what is not known");
		*ret_evidence |= 1U << bit;
	}
	return r;
}

static int take_role(struct zw_json_in *in, const json_t *object, struct zw_report_cause *cause)
{
	const char *role = "", *channel = "";
	int r;

	r = zw_json_in_string(in, object, "role", &role);
	if (r == 0 && zw_role_from_string(role, &cause->role) < 0)
		r = zw_json_in_fail(in, "role", "is none that is known");
	if (r == 0)
		r = zw_json_in_string(in, object, "channel", &channel);
	if (r == 0 && zw_channel_from_string(channel, &cause->channel) < 0)
		r = zw_json_in_fail(in, "channel", "is none that is known");
	return r;
}

int zw_json_in_cause(struct zw_json_in *in, const json_t *object, struct zw_report_cause *cause)
{
	const json_t *process = NULL;
	uint64_t port = 0;
	int r;

	r = take_role(in, object, cause);
	if (r == 0)
		r = zw_json_in_time(in, object, "first", &cause->first_ns);
	if (r == 0)
		r = zw_json_in_time(in, object, "last", &cause->last_ns);
	if (r == 0)
		r = zw_json_in_object(in, object, "process", &process);
	if (r == 0 && process)
		r = take_actor(in, object, process, &cause->actor);
	if (r == 0)
		r = zw_json_in_text(in, object, "tsig_key", &cause->tsig_key);
	if (r == 0)
		r = zw_json_in_text(in, object, "peer", &cause->peer);
	if (r == 0)
		r = zw_json_in_u64(in, object, "peer_port", UINT16_MAX, &port);
	if (r == 0)
		r = zw_json_in_text(in, object, "command", &cause->command);
	if (r == 0)
		r = take_evidence(in, object, &cause->evidence);
	cause->peer_port = (uint16_t)port;
	return r;
}
