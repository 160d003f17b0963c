/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/chain_text.h"

#include <errno.h>
#include <string.h>

#include "base/vec.h"
#include "sink/clean.h"
#include "sink/human.h"

/* A command line says what it is for in its first words; those of ancestors are only the way there. */
#define ARGS_MAX 200
#define ANCESTOR_ARGS_MAX 72
/* Deeper than any chain of processes the agent keeps. */
#define DEPTH_MAX 128

#define NOT_FOUND SIZE_MAX

struct node {
	size_t parent; /* NOT_FOUND: at the top */
	char *key;     /* what it is, whatever it is shown as */
	char *text;
	struct zw_str notes; /* lines below it, each ended by '\n' */
};

struct tree {
	const struct zw_history_cmd *cmd;
	bool colour, failed;
	ZW_VEC(struct node) nodes; /* parents before their children */
};

static void tree_done(struct tree *t)
{
	ZW_VEC_FOREACH(n, &t->nodes) {
		free(n->key);
		free(n->text);
		zw_str_free(&n->notes);
	}
	zw_vec_free(&t->nodes);
}

/* The child of @parent that is @key, made with @text if need be; takes what both strings hold. */
static size_t descend(struct tree *t, size_t parent, struct zw_str *key, struct zw_str *text)
{
	struct node made = {.parent = parent};

	if (zw_str_done(key, &made.key) < 0 || zw_str_done(text, &made.text) < 0) {
		free(made.key);
		t->failed = true;
		return parent;
	}
	for (size_t i = 0; i < t->nodes.len; i++)
		if (t->nodes.items[i].parent == parent &&
			zw_streq(t->nodes.items[i].key, made.key)) {
			free(made.key);
			free(made.text);
			return i;
		}
	if (zw_vec_push(&t->nodes, made) == 0)
		return t->nodes.len - 1;
	free(made.key);
	free(made.text);
	t->failed = true;
	return parent;
}

static void add_user(struct zw_str *s, const struct zw_actor_user *user)
{
	if (user->name)
		zw_clean_add(s, user->name);
	else if (user->uid != ZW_ID_UNSET)
		zw_str_addf(s, "uid %u", user->uid);
	else
		zw_str_add(s, "somebody");
}

static size_t add_origin(struct tree *t, size_t at, const char *address, uint16_t port)
{
	_zw_str_ struct zw_str key = {}, text = {};

	zw_str_addf(&key, "origin %s %u", address, port);
	zw_clean_add(&text, address);
	if (port)
		zw_str_addf(&text, " port %u", port);
	return descend(t, at, &key, &text);
}

static size_t add_login(struct tree *t, size_t at, const struct zw_actor *actor)
{
	_zw_str_ struct zw_str key = {}, text = {};

	if (actor->login.uid == ZW_ID_UNSET)
		return at;
	zw_str_addf(&key, "login %u %u", actor->login.uid, actor->session);
	zw_str_add(&text, "login ");
	add_user(&text, &actor->login);
	if (actor->login.name)
		zw_str_addf(&text, " (uid %u)", actor->login.uid);
	if (actor->session != ZW_ID_UNSET)
		zw_str_addf(&text, ", session %u", actor->session);
	if (actor->tty[0]) {
		zw_str_add(&text, ", ");
		zw_clean_add(&text, actor->tty);
	}
	return descend(t, at, &key, &text);
}

static void add_args(struct zw_str *s, char *const *argv, size_t argc, bool cut, size_t max)
{
	_zw_str_ struct zw_str args = {};

	for (size_t i = 0; i < argc && args.len < max; i++) {
		zw_str_add(&args, i > 0 ? " " : "");
		zw_clean_add_word(&args, argv[i]);
	}
	if (args.failed)
		s->failed = true;
	else
		zw_clean_add_cut(s, args.buf, max);
	if (cut)
		zw_str_add(s, " ...");
}

static void add_process_key(struct zw_str *key, uint32_t tgid)
{
	zw_str_addf(key, "process %u", tgid);
}

static size_t add_ancestor(struct tree *t, size_t at, const struct zw_ancestor *a)
{
	_zw_str_ struct zw_str key = {}, text = {};

	add_process_key(&key, a->tgid);
	if (a->argc > 0)
		add_args(&text, a->argv, a->argc, false, ANCESTOR_ARGS_MAX);
	else
		zw_clean_add(&text, a->comm);
	zw_str_addf(&text, "  [pid %u", a->tgid);
	if (a->exe) {
		zw_str_add(&text, ", ");
		zw_clean_add(&text, a->exe);
	}
	zw_str_addf(&text, "]  uid %u", a->uid);
	if (a->euid != a->uid)
		zw_str_addf(&text, " as uid %u", a->euid);
	if (a->elevation != ZW_ELEVATION_NONE)
		zw_str_addf(&text, "  (%s)", zw_elevation_to_string(a->elevation));
	return descend(t, at, &key, &text);
}

static size_t add_process(struct tree *t, size_t at, const struct zw_actor *actor)
{
	_zw_str_ struct zw_str key = {}, text = {};
	char when[ZW_HISTORY_TIME_MAX];

	add_process_key(&key, actor->tgid);
	if (actor->kthread)
		zw_str_add(&text, "kernel thread ");
	if (actor->argc > 0)
		add_args(&text, actor->argv, actor->argc, actor->argv_cut, ARGS_MAX);
	else
		zw_clean_add(&text, actor->name ? actor->name : actor->comm);
	zw_str_addf(&text, "  [pid %u", actor->tgid);
	if (actor->exe) {
		zw_str_add(&text, ", ");
		zw_clean_add(&text, actor->exe);
		zw_str_add(&text, actor->exe_deleted ? " (deleted)" : "");
	}
	zw_str_add(&text, "]  as ");
	add_user(&text, &actor->effective);
	if (actor->cwd) {
		zw_str_add(&text, " in ");
		zw_clean_add(&text, actor->cwd);
	}
	if (actor->container) {
		zw_str_add(&text, ", container ");
		zw_clean_add(&text, actor->container);
	}
	if (actor->start_real_ns)
		zw_str_addf(&text, ", started %s",
			zw_history_time_exact(t->cmd, actor->start_real_ns, when));
	return descend(t, at, &key, &text);
}

static size_t add_actor(struct tree *t, const struct zw_actor *actor)
{
	size_t at = NOT_FOUND;

	if (actor->origin_ip)
		at = add_origin(t, at, actor->origin_ip, actor->origin_port);
	at = add_login(t, at, actor);
	for (size_t i = actor->ancestors; i > 0; i--)
		at = add_ancestor(t, at, &actor->ancestor[i - 1]);
	return add_process(t, at, actor);
}

/* Somebody on another host, or the server when it is not known which process that was. */
static size_t add_remote(struct tree *t, const struct zw_report_cause *cause)
{
	_zw_str_ struct zw_str key = {}, text = {};

	if (cause->peer)
		return add_origin(t, NOT_FOUND, cause->peer, cause->peer_port);
	zw_str_addf(&key, "role %d", cause->role);
	zw_str_add(&text, cause->role == ZW_ROLE_SERVER ? "the server" : "somebody");
	return descend(t, NOT_FOUND, &key, &text);
}

/* What a cause did, and when. */
static void add_notes(struct tree *t, size_t at, const char *label, const struct zw_report_cause *c)
{
	struct zw_str *s = &t->nodes.items[at].notes;
	const char *separator = ": ";
	char when[ZW_HISTORY_TIME_MAX];

	zw_human_tone(s, t->colour, ZW_TONE_BOLD, label);
	zw_str_addf(s, " %s (%s)", zw_role_to_string(c->role), zw_channel_to_string(c->channel));
	for (unsigned int bit = 0; bit < ZW_EVIDENCE_BITS; bit++) {
		if (!(c->evidence & 1U << bit))
			continue;
		zw_str_addf(s, "%s%s", separator, zw_evidence_to_string(bit));
		separator = ", ";
	}
	zw_str_add_char(s, '\n');
	if (c->first_ns)
		zw_str_addf(s, "first %s\n", zw_history_time_exact(t->cmd, c->first_ns, when));
	if (c->last_ns && c->last_ns != c->first_ns)
		zw_str_addf(s, "last  %s\n", zw_history_time_exact(t->cmd, c->last_ns, when));
	if (c->tsig_key) {
		zw_str_add(s, "TSIG key ");
		zw_clean_add(s, c->tsig_key);
		zw_str_add_char(s, '\n');
	}
	if (c->peer && c->actor) {
		zw_str_add(s, "from ");
		zw_clean_add(s, c->peer);
		if (c->peer_port)
			zw_str_addf(s, " port %u", c->peer_port);
		zw_str_add_char(s, '\n');
	}
	if (c->command) {
		zw_str_add(s, "command: ");
		zw_clean_add(s, c->command);
		zw_str_add_char(s, '\n');
	}
}

static size_t next_child(const struct tree *t, size_t parent, size_t from)
{
	for (size_t i = from; i < t->nodes.len; i++)
		if (t->nodes.items[i].parent == parent)
			return i;
	return NOT_FOUND;
}

static void add_indented(struct zw_str *s, const struct zw_str *indent, const struct zw_str *notes)
{
	const char *line = notes->buf, *end;

	for (; line && (end = strchr(line, '\n')); line = end + 1) {
		zw_str_add_len(s, indent->buf, indent->len);
		zw_str_add_len(s, line, (size_t)(end - line) + 1);
	}
}

static void print_node(
	struct zw_str *s, const struct tree *t, size_t at, const struct zw_str *indent, int depth)
{
	const struct node *n = &t->nodes.items[at];
	bool is_top = n->parent == NOT_FOUND;
	size_t child = next_child(t, at, at + 1);
	_zw_str_ struct zw_str below = {}, notes = {};

	zw_str_add_len(s, indent->buf, indent->len);
	zw_str_add(s, is_top ? "" : "`- ");
	zw_str_add(s, n->text);
	zw_str_add_char(s, '\n');
	zw_str_add_len(&below, indent->buf, indent->len);
	zw_str_add(&below, is_top ? "" : "   ");
	zw_str_add_len(&notes, below.buf, below.len);
	zw_str_add(&notes, child == NOT_FOUND ? "   " : "|  ");
	add_indented(s, &notes, &n->notes);
	if (below.failed || notes.failed)
		s->failed = true;
	for (; child != NOT_FOUND && depth < DEPTH_MAX; child = next_child(t, at, child + 1))
		print_node(s, t, child, &below, depth + 1);
}

static const char *label_of(const struct zw_report *report, size_t i)
{
	if (report->has_principal)
		return i == 0 ? "principal," : "also";
	return report->attribution == ZW_ATTRIBUTION_NONE ? "seen as" : "perhaps";
}

void zw_chain_text(
	struct zw_str *s, const struct zw_history_cmd *cmd, const struct zw_report *report)
{
	_zw_cleanup_(tree_done) struct tree t = {.cmd = cmd, .colour = zw_history_colour(cmd)};
	_zw_str_ struct zw_str indent = {};

	for (size_t i = 0; i < report->causes && !t.failed; i++) {
		const struct zw_report_cause *cause = &report->cause[i];
		size_t at = cause->actor ? add_actor(&t, cause->actor) : add_remote(&t, cause);

		if (!t.failed)
			add_notes(&t, at, label_of(report, i), cause);
	}
	ZW_VEC_FOREACH(n, &t.nodes)
		t.failed |= n->notes.failed;
	zw_str_add(&indent, "  ");
	s->failed |= t.failed || indent.failed;
	for (size_t i = 0; i < t.nodes.len && !s->failed; i++)
		if (t.nodes.items[i].parent == NOT_FOUND)
			print_node(s, &t, i, &indent, 0);
}
