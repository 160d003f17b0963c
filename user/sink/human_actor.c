/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/human.h"

#include "sink/clean.h"

/* A command line says what it is for in its first words. */
#define ARGS_TEXT_MAX 200

static void add_user(struct zw_str *out, const struct zw_actor_user *user)
{
	if (user->name)
		zw_clean_add(out, user->name);
	else if (user->uid != ZW_ID_UNSET)
		zw_str_addf(out, "uid %u", user->uid);
	else
		zw_str_add(out, "somebody");
}

/* " (login, session 7, pts/2 from 198.51.100.7) as root" */
static void add_session(struct zw_str *out, const struct zw_actor *actor)
{
	zw_str_add(out, actor->login.uid != ZW_ID_UNSET ? " (login" : " (no login");
	if (actor->session != ZW_ID_UNSET)
		zw_str_addf(out, ", session %u", actor->session);
	if (actor->tty[0]) {
		zw_str_add(out, ", ");
		zw_clean_add(out, actor->tty);
	}
	if (actor->origin_ip) {
		zw_str_add(out, " from ");
		zw_clean_add(out, actor->origin_ip);
	}
	zw_str_add_char(out, ')');
	if (actor->effective.uid != actor->principal.uid) {
		zw_str_add(out, " as ");
		add_user(out, &actor->effective);
	}
}

static void add_command(struct zw_str *out, const struct zw_actor *actor)
{
	_zw_str_ struct zw_str args = {};

	for (size_t i = 0; i < actor->argc && args.len < ARGS_TEXT_MAX; i++) {
		zw_str_add(&args, i > 0 ? " " : "");
		zw_clean_add_word(&args, actor->argv[i]);
	}
	if (args.failed) {
		out->failed = true;
		return;
	}
	zw_str_add(out, ", with ");
	if (args.len == 0)
		zw_clean_add(out, actor->name ? actor->name : actor->comm);
	else
		zw_clean_add_cut(out, args.buf, ARGS_TEXT_MAX);
	if (actor->argv_cut)
		zw_str_add(out, " ...");
	zw_str_addf(out, " [pid %u", actor->tgid);
	if (actor->exe) {
		zw_str_add(out, ", ");
		zw_clean_add(out, actor->exe);
		zw_str_add(out, actor->exe_deleted ? " (deleted)" : "");
	}
	zw_str_add_char(out, ']');
	if (actor->cwd) {
		zw_str_add(out, " in ");
		zw_clean_add(out, actor->cwd);
	}
	if (actor->container) {
		zw_str_add(out, " in container ");
		zw_clean_add(out, actor->container);
	}
}

static void add_ancestors(struct zw_str *out, bool colour, const struct zw_actor *actor)
{
	_zw_str_ struct zw_str line = {};

	if (actor->ancestors == 0)
		return;
	for (size_t i = 0; i < actor->ancestors; i++) {
		zw_str_add(&line, i > 0 ? " <- " : "via ");
		zw_clean_add(&line, actor->ancestor[i].comm);
		zw_str_addf(&line, "[%u]", actor->ancestor[i].tgid);
	}
	if (line.failed) {
		out->failed = true;
		return;
	}
	zw_str_add(out, "     ");
	zw_human_tone(out, colour, ZW_TONE_DIM, line.buf);
	zw_str_add_char(out, '\n');
}

/* "192.0.2.1#5353", as named and dig write it. */
static void add_peer(struct zw_str *out, const struct zw_report_cause *cause)
{
	zw_clean_add(out, cause->peer);
	if (cause->peer_port)
		zw_str_addf(out, "#%u", cause->peer_port);
}

static void add_evidence(struct zw_str *out, const struct zw_report_cause *cause)
{
	const char *separator = ", seen: ";

	zw_str_addf(out, "     as %s (%s)", zw_role_to_string(cause->role),
		zw_channel_to_string(cause->channel));
	for (unsigned int bit = 0; bit < ZW_EVIDENCE_BITS; bit++) {
		if (!(cause->evidence & 1U << bit))
			continue;
		zw_str_addf(out, "%s%s", separator, zw_evidence_to_string(bit));
		separator = ", ";
	}
	if (cause->tsig_key) {
		zw_str_add(out, "; TSIG key ");
		zw_clean_add(out, cause->tsig_key);
	}
	if (cause->peer && cause->actor) {
		zw_str_add(out, "; peer ");
		add_peer(out, cause);
	}
	if (cause->command) {
		zw_str_add(out, "; command: ");
		zw_clean_add(out, cause->command);
	}
	zw_str_add_char(out, '\n');
}

/* No process: somebody on another host, or the server when it is not known which process that was. */
static void add_remote(struct zw_str *out, bool colour, const struct zw_report_cause *cause)
{
	_zw_str_ struct zw_str who = {};

	if (cause->peer)
		add_peer(&who, cause);
	else
		zw_str_add(&who, cause->role == ZW_ROLE_SERVER ? "the server" : "somebody");
	if (who.failed) {
		out->failed = true;
		return;
	}
	zw_human_tone(out, colour, ZW_TONE_BOLD, who.buf);
	zw_str_add_char(out, '\n');
}

void zw_human_cause(
	struct zw_str *out, bool colour, const char *label, const struct zw_report_cause *cause)
{
	const struct zw_actor *actor = cause->actor;
	_zw_str_ struct zw_str who = {};

	zw_str_addf(out, "  %s ", label);
	if (!actor) {
		add_remote(out, colour, cause);
	} else if (actor->kthread) {
		zw_str_add(out, "kernel thread ");
		zw_clean_add(out, actor->comm);
		zw_str_addf(
			out, " [pid %u], on behalf of a process that is not known\n", actor->tgid);
	} else {
		add_user(&who, &actor->principal);
		if (who.failed) {
			out->failed = true;
			return;
		}
		zw_human_tone(out, colour, ZW_TONE_BOLD, who.buf);
		add_session(out, actor);
		add_command(out, actor);
		zw_str_add_char(out, '\n');
	}
	if (actor)
		add_ancestors(out, colour, actor);
	add_evidence(out, cause);
}
