/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What there is to be done: the steps of the incident card, with what is known already filled in. */
#include "cli/triage.h"

#include <inttypes.h>
#include <string.h>

#include "engine/triage_nft.h"

/* Lines of one list; --json has all. */
#define LINES_MAX 20

#define BIT(question) (1U << (question))

/* A value of a list that has room for so many; counts the rest. */
static void add_limited(
	struct zw_triage_page *page, size_t *shown, const char *label, const char *value)
{
	struct zw_str s = {};

	if ((*shown)++ >= LINES_MAX)
		return;
	zw_str_add(&s, label);
	zw_triage_add_value(&s, value);
	zw_triage_page_take(page, ZW_TRIAGE_DETAIL, &s);
}

static void add_rest(struct zw_triage_page *page, size_t shown)
{
	if (shown > LINES_MAX)
		zw_triage_page_add(
			page, ZW_TRIAGE_DETAIL, "and %zu more; --json has all", shown - LINES_MAX);
}

static bool has_gap(const struct zw_triage_view *view, enum zw_triage_gap_kind kind)
{
	ZW_VEC_FOREACH(gap, &view->t->gaps)
		if (gap->kind == kind)
			return true;
	return false;
}

/* --- first tier ---------------------------------------------------------------------------------------- */

static void ask_staff(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	bool open =
		view->t->escalate || view->t->result[ZW_TRIAGE_ALTERED].yes || view->t->unjudged;
	size_t shown = 0;

	zw_triage_page_add(
		page, open ? ZW_TRIAGE_OPEN : ZW_TRIAGE_DONE, "Confirm with authorized staff");
	ZW_VEC_FOREACH(who, &view->t->who) {
		_zw_str_ struct zw_str text = {};
		char events[48];

		zw_triage_add_who(&text, who);
		snprintf(events, sizeof(events), "%" PRIu64 " event%s by ", who->events,
			who->events == 1 ? "" : "s");
		if (!text.failed)
			add_limited(page, &shown, events, text.buf);
	}
	add_rest(page, shown);
	shown = 0;
	ZW_VEC_FOREACH(said, &view->said) {
		char label[64];

		snprintf(label, sizeof(label),
			"%s%s: ", said->id[0] ? "acknowledged " : "announced", said->id);
		add_limited(page, &shown, label, said->text);
	}
	add_rest(page, shown);
	if (!view->said.len)
		zw_triage_page_add(page, ZW_TRIAGE_DETAIL,
			"nobody acknowledged a change of that time, or announced one");
	if (view->t->unjudged)
		zw_triage_page_add(page, ZW_TRIAGE_DETAIL,
			"%" PRIu64 " changes of which nothing says who may make them",
			view->t->unjudged);
}

static void check_feeds(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	bool open = has_gap(view, ZW_TRIAGE_NO_FEEDS);
	size_t shown = 0;

	zw_triage_page_add(page, open ? ZW_TRIAGE_OPEN : ZW_TRIAGE_DONE, "Check security feeds");
	zw_triage_page_add(page, ZW_TRIAGE_DETAIL, "%" PRIu64 " events with what is in a feed%s",
		view->t->result[ZW_TRIAGE_LISTED].yes,
		open ? ", but not all of the time there was one configured" : "");
	ZW_VEC_FOREACH(a, &view->t->addresses) {
		char text[ZW_TRIAGE_ADDRESS_MAX];

		if (a->special || a->familiar || (!a->target && !a->source))
			continue;
		zw_triage_address_text(a->key, text);
		add_limited(page, &shown, a->listed ? "in a feed: " : "to look up: ", text);
	}
	ZW_VEC_FOREACH(target, &view->targets)
		add_limited(page, &shown, "to look up: ", *target);
	add_rest(page, shown);
}

static void check_flows(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	bool open = view->t->result[ZW_TRIAGE_TRAFFIC].answer != ZW_TRIAGE_NO;
	struct zw_str s = {};

	zw_triage_page_add(page, open ? ZW_TRIAGE_OPEN : ZW_TRIAGE_DONE,
		"Check DNS flows to suspicious destinations");
	zw_triage_page_add(page, ZW_TRIAGE_DETAIL, "%" PRIu64 " unusual things in the traffic%s",
		view->t->result[ZW_TRIAGE_TRAFFIC].yes,
		has_gap(view, ZW_TRIAGE_NO_TRAFFIC) ? ", but it was not watched all of the time"
						    : "");
	if (!zw_triage_nft_count(view->t) && !view->targets.len)
		return;
	zw_str_add(&s,
		"who was led there shows in the flows to the addresses above, and in the answers given since");
	zw_triage_page_take(page, ZW_TRIAGE_DETAIL, &s);
}

void zw_triage_page_first_tier(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	ask_staff(page, view);
	check_feeds(page, view);
	check_flows(page, view);
}

/* --- second tier --------------------------------------------------------------------------------------- */

static void add_code(
	struct zw_triage_page *page, int r, const zw_triage_texts *texts, const char *none)
{
	if (r < 0) {
		page->failed = true;
		return;
	}
	ZW_VEC_FOREACH(text, texts)
		zw_triage_page_add(page, ZW_TRIAGE_CODE, "%s", *text);
	if (!texts->len)
		zw_triage_page_add(page, ZW_TRIAGE_DETAIL, "%s", none);
}

/* What they may still have in hand. */
static void add_access(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	size_t shown = 0;

	zw_triage_page_add(page, ZW_TRIAGE_ITEM, "Make sure that no further access is possible");
	ZW_VEC_FOREACH(who, &view->t->who) {
		if (who->tsig_key)
			add_limited(page, &shown, "replace the TSIG key ", who->tsig_key);
		if (who->user)
			add_limited(page, &shown,
				"end the sessions, and change the credentials, of user ",
				who->user);
		else if (who->uid >= 0) {
			char uid[32];

			snprintf(uid, sizeof(uid), "%" PRId64, who->uid);
			add_limited(page, &shown,
				"end the sessions, and change the credentials, of uid ", uid);
		}
		if (who->peer)
			add_limited(page, &shown, "find out who came from ", who->peer);
	}
	add_rest(page, shown);
	if (!shown)
		zw_triage_page_add(page, ZW_TRIAGE_DETAIL, "nobody is known to be accused");
}

void zw_triage_page_second_tier(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	_zw_triage_texts_ zw_triage_texts commands = {};

	zw_triage_page_add(page, ZW_TRIAGE_ITEM,
		"Examine the records and source addresses, validate them, review the history");
	add_code(page, zw_triage_commands(view, &commands), &commands, "nothing to examine");
	add_access(page, view);
}

/* --- containment --------------------------------------------------------------------------------------- */

static void add_steps(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	static const char *const undone[] = {
		[ZW_TRIAGE_UNDONE] = "taken back already: ",
		[ZW_TRIAGE_NOTHING] = "nothing to put back: ",
		[ZW_TRIAGE_BY_HAND] = "by hand: ",
	};
	_zw_triage_texts_ zw_triage_texts commands = {};
	size_t shown = 0;

	zw_triage_page_add(page, ZW_TRIAGE_ITEM,
		"Revert, in this order; each command prints what undoes one change, to be read and applied");
	add_code(page, zw_triage_revert_commands(view, &commands), &commands, "nothing to revert");
	ZW_VEC_FOREACH(step, &view->steps) {
		const struct zw_triage_event *e = &view->t->events.items[step->event];
		_zw_str_ struct zw_str text = {};

		if (step->undo == ZW_TRIAGE_REVERT)
			continue;
		zw_str_addf(
			&text, "%s%s%s", e->id, step->why ? ", " : "", step->why ? step->why : "");
		if (!text.failed)
			add_limited(page, &shown, undone[step->undo], text.buf);
	}
	add_rest(page, shown);
	if (view->steps_left)
		zw_triage_page_add(page, ZW_TRIAGE_DETAIL,
			"%" PRIu64
			" earlier changes were not tried; ask again when these are put back",
			view->steps_left);
}

static void add_firewall(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	_zw_str_ struct zw_str s = {};

	zw_triage_page_add(page, ZW_TRIAGE_ITEM,
		"Block suspicious addresses, after a look at each: for nft -f");
	zw_triage_nft(&s, view->t);
	if (s.failed) {
		page->failed = true;
		return;
	}
	for (char *line = s.buf, *end; (end = strchr(line, '\n')); line = end + 1)
		zw_triage_page_add(page, ZW_TRIAGE_CODE, "%.*s", (int)(end - line), line);
}

static void add_shadows(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	size_t shown = 0;

	zw_triage_page_add(page, ZW_TRIAGE_ITEM,
		"Look for domain shadowing: names that lead to these addresses now");
	ZW_VEC_FOREACH(shadow, &view->shadows) {
		char address[ZW_TRIAGE_ADDRESS_MAX], label[ZW_TRIAGE_ADDRESS_MAX + 2];

		zw_triage_address_text(shadow->key, address);
		snprintf(label, sizeof(label), "%s ", address);
		add_limited(page, &shown, label, shadow->name);
	}
	shown += view->shadows_left;
	add_rest(page, shown);
	if (!shown)
		zw_triage_page_add(page, ZW_TRIAGE_DETAIL,
			"none in the states of %" PRIu64 " zones", view->zones_looked);
	if (view->zones_left)
		zw_triage_page_add(page, ZW_TRIAGE_DETAIL,
			"%" PRIu64 " more zones were not looked into", view->zones_left);
}

static void add_unsigned(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	size_t shown = 0;

	zw_triage_page_add(page, ZW_TRIAGE_ITEM, "Deploy DNSSEC where it is missing");
	ZW_VEC_FOREACH(zone, &view->unsigned_zones)
		add_limited(page, &shown, "not signed: ", *zone);
	add_rest(page, shown);
	if (!shown)
		zw_triage_page_add(page, ZW_TRIAGE_DETAIL,
			"all of the %" PRIu64 " zones whose state is known are signed",
			view->zones_looked);
}

void zw_triage_page_containment(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	add_steps(page, view);
	add_firewall(page, view);
	add_shadows(page, view);
	add_unsigned(page, view);
}
