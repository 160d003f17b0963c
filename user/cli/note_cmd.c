/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/note_cmd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "actor/table.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/commands.h"
#include "cli/status.h"
#include "conf/conf.h"

/* An agent that starts reads all its zones before it answers. */
#define ANSWER_SECONDS 30

/* --- by the agent ------------------------------------------------------------------------------------- */

static int send_all(int fd, const char *text, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = send(fd, text + done, len - done, MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

static int send_note(int fd, const struct zw_note *note)
{
	json_t *root = zw_note_to_json(note);
	_zw_free_ char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	int r;

	json_decref(root);
	if (!text)
		return -ENOMEM;
	r = send_all(fd, text, strlen(text));
	return r < 0 ? r : send_all(fd, "\n", 1);
}

/* -ENOENT, not logged: there is no agent. */
static int ask_agent(const char *path, const struct zw_note *note, json_t **ret_answer)
{
	_zw_close_ int fd = -1;
	json_t *answer = NULL;
	const char *error;
	int r = zw_status_connect(path, ANSWER_SECONDS, true, &fd);

	if (r == -ENOENT)
		return r;
	if (r == 0)
		r = send_note(fd, note);
	if (r == 0)
		r = zw_status_read(ZW_TAKE_FD(fd), &answer);
	if (r < 0) {
		zw_status_log_failure(path, r);
		return r == -ENOENT ? -EIO : r;
	}
	error = json_string_value(json_object_get(answer, "error"));
	/* An agent of before requests answers with its state. */
	if (!error && json_object_get(answer, "hooks"))
		error = "it is of a version that does not take requests";
	if (error) {
		zw_error("the agent refuses: %s", error);
		json_decref(answer);
		return -EINVAL;
	}
	*ret_answer = answer;
	return 0;
}

/* --- without one -------------------------------------------------------------------------------------- */

/* Ourselves, as the agent would see us. */
static int find_self(struct zw_actor **ret_actor)
{
	_zw_proc_table_free_ struct zw_proc_table *procs = NULL;
	int r = zw_proc_table_new("/proc", &procs);

	if (r == 0)
		r = zw_proc_table_seed(procs);
	return r < 0 ? r : zw_proc_table_lookup(procs, (uint32_t)getpid(), 0, ret_actor);
}

static void deliver(struct zw_sink *sink, const struct zw_note_outcome *outcome)
{
	ZW_VEC_FOREACH(report, &outcome->reports) {
		int r = sink->ops->deliver(sink, *report);

		if (r < 0 || !sink->delivered)
			zw_warning("event %s is in the history, but could not be delivered to %s",
				(*report)->id, sink->ops->name);
	}
}

/* The agent would have told these. */
static void tell_sinks(const struct zw_note_cmd *cmd, const struct zw_sink_host *host,
	const struct zw_note_outcome *outcome)
{
	_zw_sink_free_ struct zw_sink *journald = NULL, *jsonfile = NULL;
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str error = {};
	const char *path = cmd->common.config ? cmd->common.config : ZW_CONF_DEFAULT_PATH;

	/* Of a copy, or of another host, nothing here is to know. */
	if (cmd->common.db || zw_conf_load(path, &conf, &error) < 0)
		return;
	if (conf->journald && zw_sink_journald_new(NULL, 0, host, &journald) == 0)
		deliver(journald, outcome);
	if (conf->json_file && zw_sink_jsonfile_new(conf->json_file, host, &jsonfile) == 0)
		deliver(jsonfile, outcome);
}

static int open_history(const struct zw_note_cmd *cmd, struct zw_history **ret_history)
{
	_zw_free_ char *path = NULL;
	_zw_str_ struct zw_str error = {};
	int r = zw_history_path(&cmd->common, &path);

	if (r < 0)
		return r;
	/* Opening would make one. */
	if (access(path, R_OK | W_OK) < 0) {
		r = -errno;
		zw_error("no agent answers at '%s', and the history '%s' cannot be written: %s",
			cmd->socket, path, strerror(-r));
		return r;
	}
	r = zw_history_open(path, ret_history, &error);
	if (r < 0)
		zw_error("%s", error.buf ? error.buf : strerror(-r));
	return r;
}

static int do_it(const struct zw_note_cmd *cmd, const struct zw_note *note, json_t **ret_answer)
{
	_zw_history_close_ struct zw_history *history = NULL;
	_zw_actor_unref_ struct zw_actor *self = NULL;
	_zw_note_outcome_ struct zw_note_outcome outcome = {};
	_zw_str_ struct zw_str error = {};
	char hostname[256] = "";
	struct zw_sink_host host = {hostname};
	struct zw_ulid_state ulid = {};
	struct zw_note_context context = {.host = &host, .ulid = &ulid, .now_ns = zw_realtime_ns()};
	int r = open_history(cmd, &history);

	if (r < 0)
		return r;
	r = find_self(&self);
	if (gethostname(hostname, sizeof(hostname) - 1) < 0)
		strcpy(hostname, "localhost");
	context.history = history;
	context.who = self;
	if (r == 0)
		r = zw_note_carry_out(&context, note, &outcome, &error);
	if (r < 0) {
		zw_error("%s", error.buf ? error.buf : strerror(-r));
		return r;
	}
	tell_sinks(cmd, &host, &outcome);
	*ret_answer = json_incref(outcome.answer);
	return 0;
}

int zw_note_send(const struct zw_note_cmd *cmd, struct zw_note *note, json_t **ret_answer)
{
	_zw_str_ struct zw_str error = {};
	int r = zw_note_check(note, zw_realtime_ns(), &error);

	if (r < 0) {
		zw_error("%s", error.buf ? error.buf : strerror(-r));
		return r;
	}
	r = cmd->common.db ? -ENOENT : ask_agent(cmd->socket, note, ret_answer);
	return r == -ENOENT ? do_it(cmd, note, ret_answer) : r;
}

int zw_note_print_json(const json_t *answer)
{
	if (json_dumpf(answer, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) < 0) {
		zw_error("out of memory");
		return -ENOMEM;
	}
	putchar('\n');
	return 0;
}
