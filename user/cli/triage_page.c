/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A triage as a page of lines, of which text and markdown are two ways to write. */
#include "cli/triage.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "sink/clean.h"

/* Events of one question that are told; of --json all. */
#define EVIDENCE_MAX 10
#define GAPS_MAX 10
/* Of a sentence about an event. */
#define MESSAGE_MAX 300

void zw_triage_page_done(struct zw_triage_page *page)
{
	ZW_VEC_FOREACH(line, &page->lines)
		free(line->text);
	zw_vec_free(&page->lines);
}

void zw_triage_page_take(
	struct zw_triage_page *page, enum zw_triage_line_kind kind, struct zw_str *text)
{
	struct zw_triage_line line = {.kind = kind};

	zw_str_add(text, "");
	if (zw_str_done(text, &line.text) < 0 || zw_vec_push(&page->lines, line) < 0) {
		free(line.text);
		page->failed = true;
	}
}

void zw_triage_page_add(
	struct zw_triage_page *page, enum zw_triage_line_kind kind, const char *fmt, ...)
{
	struct zw_str s = {};
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = zw_vasprintf(fmt, ap);
	va_end(ap);
	if (!text) {
		page->failed = true;
		return;
	}
	zw_str_add(&s, text);
	free(text);
	zw_triage_page_take(page, kind, &s);
}

void zw_triage_add_value(struct zw_str *s, const char *text)
{
	zw_str_add_char(s, ZW_TRIAGE_MARK);
	zw_clean_add_cut(s, text, MESSAGE_MAX);
	zw_str_add_char(s, ZW_TRIAGE_UNMARK);
}

static void add_event(struct zw_triage_page *page, const struct zw_triage_view *view,
	const struct zw_triage_event *e)
{
	char when[ZW_HISTORY_TIME_MAX];
	struct zw_str s = {};

	zw_str_addf(&s, "%s  %s  ", e->id, zw_history_time(&view->o->common, e->time_ns, when));
	zw_triage_add_value(&s, e->message);
	zw_triage_page_take(page, ZW_TRIAGE_DETAIL, &s);
	for (size_t i = 0; i < e->findings; i++) {
		zw_str_add(&s, "    found ");
		zw_triage_add_value(&s, e->finding[i]);
		zw_triage_page_take(page, ZW_TRIAGE_DETAIL, &s);
	}
}

static void add_gap(struct zw_triage_page *page, const struct zw_triage_view *view,
	const struct zw_triage_gap *gap)
{
	char from[ZW_HISTORY_TIME_MAX], to[ZW_HISTORY_TIME_MAX];
	struct zw_str s = {};

	zw_str_addf(
		&s, "not known: %s", zw_history_time_exact(&view->o->common, gap->from_ns, from));
	if (gap->to_ns != gap->from_ns)
		zw_str_addf(&s, " to %s", zw_history_time_exact(&view->o->common, gap->to_ns, to));
	zw_str_add(&s, ": ");
	if (gap->events)
		zw_str_addf(&s, "%" PRIu64 " ", gap->events);
	zw_str_add(&s, zw_triage_gap_title(gap->kind));
	if (gap->detail && gap->detail[0]) {
		zw_str_add(&s, ": ");
		zw_triage_add_value(&s, gap->detail);
	}
	zw_triage_page_take(page, ZW_TRIAGE_DETAIL, &s);
}

static void add_gaps(
	struct zw_triage_page *page, const struct zw_triage_view *view, unsigned int question)
{
	size_t shown = 0, more = 0;

	ZW_VEC_FOREACH(gap, &view->t->gaps) {
		if (!(gap->questions & (1U << question)))
			continue;
		if (shown++ < GAPS_MAX)
			add_gap(page, view, gap);
		else
			more++;
	}
	if (more)
		zw_triage_page_add(page, ZW_TRIAGE_DETAIL, "and %zu more gaps", more);
}

static void add_question(
	struct zw_triage_page *page, const struct zw_triage_view *view, unsigned int question)
{
	static const char *const answers[] = {"no", "YES", "UNKNOWN"};
	const struct zw_triage_result *result = &view->t->result[question];
	size_t shown = 0;

	_Static_assert(ZW_ARRAY_SIZE(answers) == _ZW_TRIAGE_ANSWER_MAX, "a word for every answer");
	zw_triage_page_add(page, ZW_TRIAGE_ITEM, "%s %s", zw_triage_question_title(question),
		answers[result->answer]);
	ZW_VEC_FOREACH(e, &view->t->events) {
		if (e->confirmed || !(e->questions & (1U << question)))
			continue;
		if (shown++ == EVIDENCE_MAX)
			break;
		add_event(page, view, e);
	}
	if (result->yes > EVIDENCE_MAX)
		zw_triage_page_add(page, ZW_TRIAGE_DETAIL, "and %" PRIu64 " more events",
			result->yes - EVIDENCE_MAX);
	if (result->confirmed)
		zw_triage_page_add(page, ZW_TRIAGE_DETAIL,
			"%" PRIu64 " more of which somebody entitled made or confirmed",
			result->confirmed);
	if (question == ZW_TRIAGE_TRAFFIC)
		zw_triage_page_traffic(page, view);
	add_gaps(page, view, question);
}

static void add_decision(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	if (view->t->escalate)
		zw_triage_page_add(page, ZW_TRIAGE_ALARM, "ESCALATE");
	else
		zw_triage_page_add(page, ZW_TRIAGE_CALM,
			"No escalation is due by what is known of the period.");
	ZW_VEC_FOREACH(reason, &view->t->reasons)
		zw_triage_page_add(page, ZW_TRIAGE_ITEM, "%s", *reason);
}

static void add_period(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	const struct zw_triage *t = view->t;
	char since[ZW_HISTORY_TIME_MAX], until[ZW_HISTORY_TIME_MAX];
	struct zw_str s = {};

	zw_str_addf(&s, "%s to %s, ",
		zw_history_time_exact(&view->o->common, t->in.since_ns, since),
		zw_history_time_exact(&view->o->common, t->in.until_ns, until));
	if (view->o->zone) {
		zw_str_add(&s, "zone ");
		zw_triage_add_value(&s, view->o->zone_text);
	} else {
		zw_str_add(&s, "all zones");
	}
	zw_str_add(&s, ", from ");
	zw_triage_add_value(&s, view->path);
	zw_triage_page_take(page, ZW_TRIAGE_PARAGRAPH, &s);
	zw_triage_page_add(page, ZW_TRIAGE_PARAGRAPH,
		"%" PRIu64 " changes of records: %" PRIu64 " authorized, %" PRIu64
		" automatic, %" PRIu64 " of the others acknowledged",
		t->changes, t->authorized, t->automatic, t->acknowledged);
	if (t->unkept)
		zw_triage_page_add(page, ZW_TRIAGE_PARAGRAPH,
			"%" PRIu64 " events beyond the first were counted only", t->unkept);
}

void zw_triage_page_fill(struct zw_triage_page *page, const struct zw_triage_view *view)
{
	zw_triage_page_add(page, ZW_TRIAGE_TITLE, "zonewitness triage");
	add_period(page, view);
	zw_triage_page_add(page, ZW_TRIAGE_HEADING, "Decision");
	add_decision(page, view);
	zw_triage_page_add(page, ZW_TRIAGE_HEADING, "Questions");
	for (unsigned int q = 0; q < _ZW_TRIAGE_QUESTION_MAX; q++)
		add_question(page, view, q);
	zw_triage_page_add(page, ZW_TRIAGE_HEADING, "First tier");
	zw_triage_page_first_tier(page, view);
	zw_triage_page_add(page, ZW_TRIAGE_HEADING, "Second tier");
	zw_triage_page_second_tier(page, view);
	zw_triage_page_add(page, ZW_TRIAGE_HEADING, "Containment");
	zw_triage_page_containment(page, view);
}
