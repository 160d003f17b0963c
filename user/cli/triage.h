/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to cli/cmd_triage.c and cli/triage_*.c. */
#pragma once

#include <jansson.h>

#include "cli/history_cmd.h"
#include "dns/name.h"
#include "engine/rule.h"
#include "engine/triage.h"

struct zw_triage_options {
	struct zw_history_cmd common;
	const char *since, *until, *zone, *socket;
	const char *db; /* --db as it was given; NULL: not */
	bool journal, markdown, nft;
	const char *journal_path;
	char zone_text[ZW_NAME_TEXT_MAX]; /* @zone in canonical form */
};

/* A change that is to be put back, or why not. */
struct zw_triage_step {
	size_t event; /* in the events of the triage */
	enum zw_triage_undo undo;
	char *why; /* NULL: nothing to say */
};

/* A name that has an address which records were pointed to. */
struct zw_triage_shadow {
	uint8_t key[16];
	char *zone, *name;
};

/* Somebody said something: an acknowledgement or an announcement. */
struct zw_triage_said {
	char id[ZW_ULID_LEN + 1]; /* of the event that was acknowledged; empty: announced */
	char *text;               /* unescaped */
};

/* All that is told, in whatever form. */
struct zw_triage_view {
	const struct zw_triage_options *o;
	const char *path; /* of the history */
	struct zw_triage *t;
	struct zw_reader_zones zones;
	ZW_VEC(struct zw_triage_step) steps; /* in the order in which they are to be applied */
	uint64_t steps_left;                 /* changes too many to be tried */
	ZW_VEC(struct zw_triage_shadow) shadows;
	uint64_t shadows_left;
	ZW_VEC(char *) targets; /* names outside the zone that records were pointed to */
	ZW_VEC(char *) unsigned_zones;
	uint64_t zones_looked, zones_left; /* states that were looked into, and those beyond that */
	ZW_VEC(struct zw_triage_said) said;
};

void zw_triage_view_done(struct zw_triage_view *view);
#define _zw_triage_view_ _zw_cleanup_(zw_triage_view_done)

/* triage_read.c: from the history, within one moment of it. 0 or -errno. */
int zw_triage_read(struct zw_triage_view *view, struct zw_reader *reader);
/* triage_states.c: what the states of the zones say. 0 or -errno. */
int zw_triage_read_states(struct zw_triage_view *view, struct zw_reader *reader);

/* --- triage_traffic.c ---------------------------------------------------------------------------------- */

/* The thresholds of the rules about it. */
void zw_triage_take_limits(struct zw_triage_input *in, const struct zw_rules_conf *rules);
/* The minutes of the history, before the conclusions. 0 or -errno. */
int zw_triage_read_traffic(struct zw_triage_view *view, struct zw_reader *reader);
/* As {"minutes", "peak", "spikes": [...]}. NULL: no memory. */
json_t *zw_triage_traffic_value(const struct zw_triage *t);
/* The command that shows what was asked for then. */
void zw_triage_add_spike_command(
	struct zw_str *s, const struct zw_triage_options *o, const struct zw_triage_spike *spike);

/* triage_text.c, triage_json.c, triage_markdown.c. Failures stick to @s. */
void zw_triage_text(struct zw_str *s, const struct zw_triage_view *view, bool colour);
void zw_triage_json(struct zw_str *s, const struct zw_triage_view *view);
void zw_triage_markdown(struct zw_str *s, const struct zw_triage_view *view);

/* --- triage_page.c: what text and markdown share ------------------------------------------------------- */

enum zw_triage_line_kind {
	ZW_TRIAGE_TITLE,
	ZW_TRIAGE_HEADING,
	ZW_TRIAGE_ALARM, /* the decision, where it is to escalate */
	ZW_TRIAGE_CALM,
	ZW_TRIAGE_PARAGRAPH,
	ZW_TRIAGE_ITEM,
	ZW_TRIAGE_DETAIL, /* below an item */
	ZW_TRIAGE_OPEN,   /* of a list to check off */
	ZW_TRIAGE_DONE,
	ZW_TRIAGE_CODE, /* a line to paste; @text is safe as it is */
};

/* In @text, what is not our own word stands between these two; it is printable, and has neither of them in it. */
#define ZW_TRIAGE_MARK '\1'
#define ZW_TRIAGE_UNMARK '\2'

struct zw_triage_line {
	enum zw_triage_line_kind kind;
	char *text;
};

struct zw_triage_page {
	ZW_VEC(struct zw_triage_line) lines;
	bool failed;
};

void zw_triage_page_done(struct zw_triage_page *page);
#define _zw_triage_page_ _zw_cleanup_(zw_triage_page_done)
void zw_triage_page_fill(struct zw_triage_page *page, const struct zw_triage_view *view);

/* Takes what is in @text, which is empty then. */
void zw_triage_page_take(
	struct zw_triage_page *page, enum zw_triage_line_kind kind, struct zw_str *text);
void zw_triage_page_add(struct zw_triage_page *page, enum zw_triage_line_kind kind, const char *fmt,
	...) _zw_printf_(3, 4);
/* Appends text from elsewhere between marks, escaped. */
void zw_triage_add_value(struct zw_str *s, const char *text);

/* triage_traffic.c: the spikes and the busiest minute, below the question about them */
void zw_triage_page_traffic(struct zw_triage_page *page, const struct zw_triage_view *view);

/* triage_response.c: what there is to be done, as part of the page */
void zw_triage_page_first_tier(struct zw_triage_page *page, const struct zw_triage_view *view);
void zw_triage_page_second_tier(struct zw_triage_page *page, const struct zw_triage_view *view);
void zw_triage_page_containment(struct zw_triage_page *page, const struct zw_triage_view *view);

/* triage_words.c */

const char *zw_triage_question_title(enum zw_triage_question q);
/* Why an answer is open, as a sentence without time: "the agent was stopped". */
const char *zw_triage_gap_title(enum zw_triage_gap_kind kind);
/* "alice (uid 1000) with sed from 198.51.100.7", unescaped. */
void zw_triage_add_who(struct zw_str *s, const struct zw_triage_who *who);
/* Commands of this program, ready to be pasted. Each is added as a word. */
void zw_triage_add_command(
	struct zw_str *s, const struct zw_triage_options *o, const char *const *words, size_t n);
#define zw_triage_command(s, o, ...)                                    \
	zw_triage_add_command(s, o, (const char *const[]){__VA_ARGS__}, \
		ZW_ARRAY_SIZE(((const char *const[]){__VA_ARGS__})))
/* Those for the second tier and for putting things back, a line each. */
typedef ZW_VEC(char *) zw_triage_texts;
void zw_triage_texts_done(zw_triage_texts *texts);
#define _zw_triage_texts_ _zw_cleanup_(zw_triage_texts_done)
int zw_triage_commands(const struct zw_triage_view *view, zw_triage_texts *ret_commands);
int zw_triage_revert_commands(const struct zw_triage_view *view, zw_triage_texts *ret_commands);
