/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sentences and commands that all forms of a triage have. */
#include "cli/triage.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "cli/shell_word.h"

/* Of a kind, so many commands are printed. */
#define COMMANDS_MAX 20

const char *zw_triage_question_title(enum zw_triage_question q)
{
	static const char *const titles[] = {
		[ZW_TRIAGE_ALTERED] = "Are there unauthorized alterations?",
		[ZW_TRIAGE_TRAFFIC] =
			"Is there an unusual spike in queries or traffic to specific domains?",
		[ZW_TRIAGE_DIVERTED] =
			"Do new records or subdomains point to external, unknown addresses?",
		[ZW_TRIAGE_LISTED] = "Are domains or addresses flagged by security feeds?",
	};

	static_assert(ZW_ARRAY_SIZE(titles) == _ZW_TRIAGE_QUESTION_MAX, "every question is asked");
	return titles[q];
}

const char *zw_triage_gap_title(enum zw_triage_gap_kind kind)
{
	static const char *const titles[] = {
		[ZW_TRIAGE_NOT_BEGUN] = "the history has nothing of that time",
		[ZW_TRIAGE_STOPPED] =
			"the agent was stopped; what was changed and changed back meanwhile is not known",
		[ZW_TRIAGE_KILLED] =
			"the agent did not run, and ended without a word; what was changed and changed "
			"back meanwhile is not known",
		[ZW_TRIAGE_LOST] = "events were lost",
		[ZW_TRIAGE_UNREADABLE] = "a zone could not be read",
		[ZW_TRIAGE_NO_POLICY] =
			"changes could not be judged, since no 'admins' or 'primaries' are configured",
		[ZW_TRIAGE_NO_FEEDS] = "no feeds are configured",
		[ZW_TRIAGE_NO_TRAFFIC] = "queries were not watched",
		[ZW_TRIAGE_NO_MINUTES] = "no minutes of traffic are stored of that time",
		[ZW_TRIAGE_NO_BASELINE] =
			"many queries, and what is usual is not known for long enough",
	};

	static_assert(ZW_ARRAY_SIZE(titles) == _ZW_TRIAGE_GAP_MAX, "a sentence for every gap");
	return titles[kind];
}

void zw_triage_add_who(struct zw_str *s, const struct zw_triage_who *who)
{
	const char *before = "";

	if (who->user && who->uid >= 0)
		zw_str_addf(s, "%s (uid %" PRId64 ")", who->user, who->uid);
	else if (who->uid >= 0)
		zw_str_addf(s, "uid %" PRId64, who->uid);
	else if (who->user)
		zw_str_add(s, who->user);
	before = s->len ? " " : "";
	if (who->tool)
		zw_str_addf(s, "%swith %s", before, who->tool);
	before = s->len ? " " : "";
	if (who->peer)
		zw_str_addf(s, "%sfrom %s", before, who->peer);
	before = s->len ? " " : "";
	if (who->tsig_key)
		zw_str_addf(s, "%swith key %s", before, who->tsig_key);
	if (!s->len)
		zw_str_add(s, "somebody");
}

void zw_triage_add_command(
	struct zw_str *s, const struct zw_triage_options *o, const char *const *words, size_t n)
{
	zw_str_add(s, "zonewitness");
	for (size_t i = 0; i < n; i++) {
		zw_str_add_char(s, ' ');
		zw_shell_add_word(s, words[i]);
		if (i > 0)
			continue;
		if (o->db) {
			zw_str_add(s, " --db ");
			zw_shell_add_word(s, o->db);
		} else if (o->common.config) {
			zw_str_add(s, " --config ");
			zw_shell_add_word(s, o->common.config);
		}
	}
}

void zw_triage_texts_done(zw_triage_texts *texts)
{
	ZW_VEC_FOREACH(text, texts)
		free(*text);
	zw_vec_free(texts);
}

/* Takes what is in @s over. One that is there already is left out. */
static int take(zw_triage_texts *texts, struct zw_str *s)
{
	_zw_free_ char *text = NULL;
	int r = zw_str_done(s, &text);

	if (r < 0)
		return r;
	ZW_VEC_FOREACH(known, texts)
		if (zw_streq(*known, text))
			return 0;
	r = zw_vec_push(texts, text);
	if (r == 0)
		(void)ZW_TAKE(text);
	return r;
}

/* The option and its value as one word, so that no value can be an option. */
static int log_by(zw_triage_texts *texts, const struct zw_triage_options *o, const char *option,
	const char *value)
{
	_zw_str_ struct zw_str word = {}, s = {};

	zw_str_addf(&word, "%s=%s", option, value);
	if (word.failed)
		return -ENOMEM;
	zw_triage_command(&s, o, "log", word.buf);
	return take(texts, &s);
}

static int show_events(const struct zw_triage_view *view, zw_triage_texts *texts)
{
	size_t n = 0;
	int r = 0;

	ZW_VEC_FOREACH(e, &view->t->events) {
		_zw_str_ struct zw_str s = {};

		if (!e->escalates || r < 0)
			continue;
		if (n++ == COMMANDS_MAX)
			break;
		zw_triage_command(&s, view->o, "show", e->id);
		r = take(texts, &s);
	}
	return r;
}

static int log_addresses(const struct zw_triage_view *view, zw_triage_texts *texts)
{
	size_t n = 0;
	int r = 0;

	ZW_VEC_FOREACH(a, &view->t->addresses) {
		char text[ZW_TRIAGE_ADDRESS_MAX];

		if (r < 0 || n++ == COMMANDS_MAX)
			break;
		zw_triage_address_text(a->key, text);
		if (a->target)
			r = log_by(texts, view->o, "--address", text);
		if (r == 0 && a->source)
			r = log_by(texts, view->o, "--peer", text);
	}
	return r;
}

static int log_who(const struct zw_triage_view *view, zw_triage_texts *texts)
{
	size_t n = 0;
	int r = 0;

	ZW_VEC_FOREACH(who, &view->t->who) {
		char uid[24];

		if (r < 0 || n++ == COMMANDS_MAX)
			break;
		snprintf(uid, sizeof(uid), "%" PRId64, who->uid);
		if (who->uid >= 0)
			r = log_by(texts, view->o, "--uid", uid);
		if (r == 0 && who->tsig_key)
			r = log_by(texts, view->o, "--key", who->tsig_key);
	}
	return r;
}

/* Who set what is there now, and all that differs since before the first of the changes. */
static int look_at_zones(const struct zw_triage_view *view, zw_triage_texts *texts)
{
	int64_t known[COMMANDS_MAX];
	size_t n = 0;
	int r = 0;

	ZW_VEC_FOREACH(e, &view->t->events) {
		_zw_str_ struct zw_str blame = {}, diff = {}, before = {};
		bool seen = false;

		for (size_t i = 0; i < n; i++)
			seen |= known[i] == e->zone_id;
		if (r < 0 || n == COMMANDS_MAX)
			break;
		if (seen || !e->zone || !e->escalates || e->action != ZW_ACTION_RECORD_CHANGE)
			continue;
		known[n++] = e->zone_id;
		zw_str_addf(&before, "%s^", e->id);
		if (before.failed)
			return -ENOMEM;
		/* A name may begin with what an option begins with. */
		zw_triage_command(&blame, view->o, "blame", "--", e->zone);
		zw_triage_command(&diff, view->o, "diff", "--", e->zone, before.buf);
		r = take(texts, &blame);
		if (r == 0)
			r = take(texts, &diff);
	}
	return r;
}

static int look_at_spikes(const struct zw_triage_view *view, zw_triage_texts *texts)
{
	size_t n = 0;
	int r = 0;

	ZW_VEC_FOREACH(spike, &view->t->traffic.spikes) {
		_zw_str_ struct zw_str s = {};

		if (spike->confirmed || r < 0)
			continue;
		if (n++ == COMMANDS_MAX)
			break;
		zw_triage_add_spike_command(&s, view->o, spike);
		r = take(texts, &s);
	}
	return r;
}

/* What was there long before: the first steps of an intruder are seldom the ones that are noticed. */
static int look_back(const struct zw_triage_view *view, zw_triage_texts *texts)
{
	_zw_str_ struct zw_str judged = {}, refused = {}, back = {};
	int r;

	zw_triage_command(&judged, view->o, "log", "--since=-90d",
		"--verdict=unauthorized,unattributed", "--unacknowledged");
	zw_triage_command(&refused, view->o, "log", "--since=-90d",
		"--action=update-refused,tamper,finding,config-change");
	zw_triage_command(&back, view->o, "log", "--since=-90d", "--stat");
	r = take(texts, &judged);
	if (r == 0)
		r = take(texts, &refused);
	return r < 0 ? r : take(texts, &back);
}

int zw_triage_commands(const struct zw_triage_view *view, zw_triage_texts *texts)
{
	int r = show_events(view, texts);

	if (r == 0)
		r = log_addresses(view, texts);
	if (r == 0)
		r = log_who(view, texts);
	if (r == 0)
		r = look_at_zones(view, texts);
	if (r == 0)
		r = look_at_spikes(view, texts);
	return r < 0 ? r : look_back(view, texts);
}

int zw_triage_revert_commands(const struct zw_triage_view *view, zw_triage_texts *texts)
{
	int r = 0;

	ZW_VEC_FOREACH(step, &view->steps) {
		_zw_str_ struct zw_str s = {};

		if (r < 0 || step->undo != ZW_TRIAGE_REVERT)
			continue;
		zw_triage_command(&s, view->o, "revert", view->t->events.items[step->event].id);
		r = take(texts, &s);
	}
	return r;
}
