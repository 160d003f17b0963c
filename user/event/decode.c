/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "event/argv.h"
#include "event/decode_packet.h"
#include "event/event.h"

#define KNOWN_ACTOR_FLAGS                                                             \
	(ZW_ACTOR_ARGV_CUT | ZW_ACTOR_EXE_CUT | ZW_ACTOR_CWD_CUT | ZW_ACTOR_KTHREAD | \
		ZW_ACTOR_EXE_DELETED)
#define KNOWN_UNIX_FLAGS (ZW_UNIX_REPLY | ZW_UNIX_MADE | ZW_UNIX_GIVEN)
#define KNOWN_WATCH_FLAGS \
	(ZW_WATCH_FILE | ZW_WATCH_DIR | ZW_WATCH_PATH | ZW_WATCH_ARRIVED | ZW_WATCH_BLIND)

/* What stands for the missing upper part of a path. It does not begin with a slash, so a path that was cut never
 * equals one that a policy names. */
#define CUT_PREFIX "..."

static bool terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* Turns components from the leaf up into a path. The bytes between the terminators come from file names, which
 * users choose, so an odd one (a memfd may hold a slash) is no reason to refuse the event. No bytes: not known. One
 * empty component: the root directory. */
static int turn_path(const char *bytes, size_t size, size_t len, bool cut, char **ret_path)
{
	_zw_free_ char *path = NULL;
	size_t end = len, at = 0;

	if (len > size || (len > 0 && bytes[len - 1] != '\0'))
		return -EBADMSG;
	if (len == 0) {
		*ret_path = NULL;
		return 0;
	}
	path = malloc(sizeof(CUT_PREFIX) + len + 1);
	if (!path)
		return -ENOMEM;
	if (cut) {
		memcpy(path, CUT_PREFIX, sizeof(CUT_PREFIX) - 1);
		at = sizeof(CUT_PREFIX) - 1;
	}
	while (end > 0) {
		size_t begin = end - 1;

		while (begin > 0 && bytes[begin - 1] != '\0')
			begin--;
		if (end - begin > 1 && strcmp(bytes + begin, "/") != 0) {
			path[at++] = '/';
			memcpy(path + at, bytes + begin, end - begin - 1);
			at += end - begin - 1;
		}
		end = begin;
	}
	if (at == 0)
		path[at++] = '/';
	path[at] = '\0';
	*ret_path = ZW_TAKE(path);
	return 0;
}

static int decode_ancestors(const struct zw_wire_actor *wire, struct zw_proc_facts *proc)
{
	if (wire->ancestors > ZW_ANCESTORS)
		return -EBADMSG;
	for (size_t i = 0; i < wire->ancestors; i++) {
		if (!terminated(wire->ancestor[i].comm, ZW_COMM_LEN))
			return -EBADMSG;
		proc->ancestor[i] = wire->ancestor[i];
	}
	proc->ancestors = wire->ancestors;
	return 0;
}

static void copy_numbers(const struct zw_wire_actor *wire, struct zw_proc_facts *proc)
{
	proc->start_ns = wire->start_ns;
	proc->tgid = wire->tgid;
	proc->tid = wire->tid;
	proc->uid = wire->uid;
	proc->euid = wire->euid;
	proc->gid = wire->gid;
	proc->egid = wire->egid;
	proc->loginuid = wire->loginuid;
	proc->session = wire->session;
	proc->mntns = wire->mntns;
	proc->pidns = wire->pidns;
	proc->netns = wire->netns;
	proc->flags = wire->flags;
	proc->exe_dev = wire->exe_dev;
	proc->exe_ino = wire->exe_ino;
	proc->cgroup_id = wire->cgroup_id;
}

/* The kernel calls pseudo terminals "pts2" (tty_line_name(), drivers/tty/tty_io.c), everybody else by their path below
 * /dev. A name that fills the field has no room for the slash and stays as it is. */
static void copy_tty(const char wire[static ZW_TTY_LEN], char tty[static ZW_TTY_LEN])
{
	size_t len = strlen(wire),
	       at = strncmp(wire, "pts", 3) == 0 && wire[3] >= '0' && wire[3] <= '9' ? 3 : 0;

	if (at == 0 || len + 1 >= ZW_TTY_LEN) {
		memcpy(tty, wire, len + 1);
		return;
	}
	memcpy(tty, wire, at);
	tty[at] = '/';
	memcpy(tty + at + 1, wire + at, len - at + 1);
}

/* On failure @proc may hold some of its strings: the caller ends it either way. */
static int decode_actor(const void *data, struct zw_proc_facts *proc)
{
	struct zw_wire_actor wire;
	int r;

	/* The bytes need not be aligned, nor stay the same while they are checked. */
	memcpy(&wire, data, sizeof(wire));
	if ((wire.flags & ~(unsigned int)KNOWN_ACTOR_FLAGS) != 0 || wire.argv_len > ZW_ARGV_LEN ||
		!terminated(wire.comm, sizeof(wire.comm)) ||
		!terminated(wire.tty, sizeof(wire.tty)))
		return -EBADMSG;
	copy_numbers(&wire, proc);
	memcpy(proc->comm, wire.comm, strlen(wire.comm) + 1);
	copy_tty(wire.tty, proc->tty);
	r = decode_ancestors(&wire, proc);
	if (r < 0)
		return r;
	r = turn_path(wire.exe, sizeof(wire.exe), wire.exe_len, wire.flags & ZW_ACTOR_EXE_CUT,
		&proc->exe);
	if (r < 0)
		return r;
	r = turn_path(wire.cwd, sizeof(wire.cwd), wire.cwd_len, wire.flags & ZW_ACTOR_CWD_CUT,
		&proc->cwd);
	if (r < 0)
		return r;
	/* The root directory has no components. Who still has a program has a directory (do_exit() gives up memory
	 * before it), so this is it. */
	if (!proc->cwd && proc->exe && !(wire.flags & ZW_ACTOR_CWD_CUT)) {
		proc->cwd = strdup("/");
		if (!proc->cwd)
			return -ENOMEM;
	}
	return zw_argv_split(wire.argv, wire.argv_len, &proc->argv, &proc->argc);
}

static int decode_file(const void *data, size_t len, struct zw_event *event)
{
	struct zw_file_facts *file = &event->file;
	struct zw_wire_file wire;

	(void)len;
	memcpy(&wire, data, offsetof(struct zw_wire_file, actor));
	if (wire.op == ZW_FOP_NONE || wire.op >= _ZW_FOP_MAX ||
		(wire.watch & ~(unsigned int)KNOWN_WATCH_FLAGS) != 0 ||
		!terminated(wire.name, sizeof(wire.name)))
		return -EBADMSG;
	*file = (struct zw_file_facts){
		.op = (enum zw_fop)wire.op,
		.dev = wire.dev,
		.ino = wire.ino,
		.dir_ino = wire.dir_ino,
		.old_dir_ino = wire.old_dir_ino,
		.ino2 = wire.ino2,
		.size_bytes = wire.size_bytes,
		.ctime_ns = wire.ctime_ns,
		.mode = wire.mode,
		.nlink = wire.nlink,
		.owner_uid = wire.owner_uid,
		.watch = wire.watch,
		.coalesced = wire.coalesced,
		.generation = wire.generation,
	};
	memcpy(file->name, wire.name, strlen(wire.name) + 1);
	return decode_actor(
		(const char *)data + offsetof(struct zw_wire_file, actor), &event->proc);
}

static int decode_exec(const void *data, size_t len, struct zw_event *event)
{
	(void)len;
	return decode_actor(
		(const char *)data + offsetof(struct zw_wire_exec, actor), &event->proc);
}

static int decode_fork(const void *data, size_t len, struct zw_event *event)
{
	struct zw_wire_fork wire;

	(void)len;
	memcpy(&wire, data, sizeof(wire));
	event->fork.parent_start_ns = wire.parent_start_ns;
	event->fork.child_start_ns = wire.child_start_ns;
	event->fork.parent_tgid = wire.parent_tgid;
	event->fork.child_tgid = wire.child_tgid;
	return 0;
}

static int decode_bind(const void *data, size_t len, struct zw_event *event)
{
	struct zw_bind_facts *bind = &event->bind;
	struct zw_wire_bind wire;

	(void)len;
	memcpy(&wire, data, offsetof(struct zw_wire_bind, actor));
	if (!zw_event_address_ok(wire.family, wire.addr) || !zw_event_proto_ok(wire.proto) ||
		wire.port == 0)
		return -EBADMSG;
	*bind = (struct zw_bind_facts){
		.cookie = wire.cookie,
		.netns = wire.netns,
		.port = wire.port,
		.family = wire.family,
		.proto = wire.proto,
	};
	memcpy(bind->addr, wire.addr, sizeof(bind->addr));
	return decode_actor(
		(const char *)data + offsetof(struct zw_wire_bind, actor), &event->proc);
}

static int decode_control(const void *data, size_t len, struct zw_event *event)
{
	struct zw_unix_facts *control = &event->control;
	struct zw_wire_unix wire;
	size_t room = len - sizeof(wire);
	_zw_free_ uint8_t *payload = NULL;
	int r;

	memcpy(&wire, data, offsetof(struct zw_wire_unix, actor));
	if ((room != ZW_UNIX_ROOM_0 && room != ZW_UNIX_ROOM_1) || wire.captured > room ||
		(uint64_t)wire.captured + wire.omitted > wire.sent_bytes ||
		(wire.flags & ~(unsigned int)KNOWN_UNIX_FLAGS) != 0)
		return -EBADMSG;
	r = decode_actor((const char *)data + offsetof(struct zw_wire_unix, actor), &event->proc);
	if (r < 0)
		return r;
	if (wire.captured > 0) {
		payload = malloc(wire.captured);
		if (!payload)
			return -ENOMEM;
		memcpy(payload, (const char *)data + sizeof(wire), wire.captured);
	}
	*control = (struct zw_unix_facts){
		.dev = wire.dev,
		.ino = wire.ino,
		.connection = wire.connection,
		.offset = wire.offset,
		.sent_bytes = wire.sent_bytes,
		.omitted = wire.omitted,
		.peer_tgid = wire.peer_tgid,
		.peer_uid = wire.peer_uid,
		.peer_gid = wire.peer_gid,
		.reply = wire.flags & ZW_UNIX_REPLY,
		.made = wire.flags & ZW_UNIX_MADE,
		.given = wire.flags & ZW_UNIX_GIVEN,
		.payload = ZW_TAKE(payload),
		.captured = wire.captured,
	};
	return 0;
}

/* One row a type: its exact size, or the least where it varies, the hooks that may send it, its decoder. Answers of the iterators (HOLDER,
 * SOCKET) are read where they are asked for and never come through here. */
static const struct {
	size_t size;
	enum zw_hook first_hook, last_hook;
	int (*decode)(const void *data, size_t len, struct zw_event *event);
	bool varies;
} types[_ZW_WIRE_TYPE_MAX] = {
	[ZW_WIRE_FILE] = {sizeof(struct zw_wire_file), ZW_HOOK_TP_DIRTY, ZW_HOOK_FENTRY_MOVE_MOUNT,
		decode_file},
	[ZW_WIRE_EXEC] = {sizeof(struct zw_wire_exec), ZW_HOOK_TP_EXEC, ZW_HOOK_TP_EXEC,
		decode_exec},
	[ZW_WIRE_FORK] = {sizeof(struct zw_wire_fork), ZW_HOOK_TP_FORK, ZW_HOOK_TP_FORK,
		decode_fork},
	[ZW_WIRE_EXIT] = {sizeof(struct zw_wire_fork), ZW_HOOK_TP_EXIT, ZW_HOOK_TP_EXIT,
		decode_fork},
	[ZW_WIRE_PACKET] = {sizeof(struct zw_wire_packet), ZW_HOOK_TC_IN, ZW_HOOK_TC_LOCAL,
		zw_event_decode_packet, .varies = true},
	[ZW_WIRE_BIND] = {sizeof(struct zw_wire_bind), ZW_HOOK_CG_BIND4, ZW_HOOK_CG_BIND6,
		decode_bind},
	[ZW_WIRE_UNIX] = {sizeof(struct zw_wire_unix), ZW_HOOK_FEXIT_UNIX_SEND, ZW_HOOK_TP_COPY,
		decode_control, .varies = true},
	[ZW_WIRE_QUERY] = {sizeof(struct zw_wire_query), ZW_HOOK_TC_IN, ZW_HOOK_TC_LOCAL,
		zw_event_decode_query, .varies = true},
};

int zw_event_decode(const void *data, size_t len, struct zw_event *ret_event)
{
	_zw_event_ struct zw_event event = {};
	struct zw_wire_hdr hdr;
	int r;

	if (len < sizeof(hdr))
		return -EBADMSG;
	memcpy(&hdr, data, sizeof(hdr));
	if (hdr.version != ZW_WIRE_VERSION || hdr.type >= _ZW_WIRE_TYPE_MAX ||
		!types[hdr.type].decode)
		return -EBADMSG;
	if (hdr.size != len || len < types[hdr.type].size ||
		(len != types[hdr.type].size && !types[hdr.type].varies) ||
		hdr.hook < types[hdr.type].first_hook || hdr.hook > types[hdr.type].last_hook)
		return -EBADMSG;
	event.type = (enum zw_wire_type)hdr.type;
	event.hook = (enum zw_hook)hdr.hook;
	event.time_ns = hdr.time_ns;
	r = types[hdr.type].decode(data, len, &event);
	if (r < 0)
		return r;
	*ret_event = event;
	event = (struct zw_event){};
	return 0;
}

void zw_proc_facts_done(struct zw_proc_facts *proc)
{
	free(proc->exe);
	free(proc->cwd);
	zw_argv_free(proc->argv);
	*proc = (struct zw_proc_facts){};
}

void zw_event_done(struct zw_event *event)
{
	zw_proc_facts_done(&event->proc);
	free(event->packet.payload);
	free(event->control.payload);
	free(event->query.message);
	*event = (struct zw_event){};
}
