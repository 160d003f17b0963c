/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A triage for a ticket, as GitHub Flavored Markdown. What is not our own stands in code spans or fenced code alone, where
 * nothing has a meaning but the backticks that end it (spec.commonmark.org/0.31.2, sections 4.5 and 6.1). */
#include "cli/triage.h"

#include <string.h>

static const char *const prefixes[] = {
	[ZW_TRIAGE_TITLE] = "# ",
	[ZW_TRIAGE_HEADING] = "## ",
	[ZW_TRIAGE_ALARM] = "**",
	[ZW_TRIAGE_CALM] = "",
	[ZW_TRIAGE_PARAGRAPH] = "",
	[ZW_TRIAGE_ITEM] = "- ",
	[ZW_TRIAGE_DETAIL] = "  - ",
	[ZW_TRIAGE_OPEN] = "- [ ] ",
	[ZW_TRIAGE_DONE] = "- [x] ",
	[ZW_TRIAGE_CODE] = "",
};
_Static_assert(ZW_ARRAY_SIZE(prefixes) == ZW_TRIAGE_CODE + 1, "a prefix for every kind of line");

/* Backticks one after the other at most. */
static size_t longest_run(const char *text, size_t len)
{
	size_t longest = 0, run = 0;

	for (size_t i = 0; i < len; i++) {
		run = text[i] == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest;
}

static void add_ticks(struct zw_str *s, size_t n)
{
	while (n-- > 0)
		zw_str_add_char(s, '`');
}

/* The blanks are stripped again, so that the text may begin and end with backticks. One that is all blanks stays so. */
static void add_span(struct zw_str *s, const char *text, size_t len)
{
	size_t ticks = longest_run(text, len) + 1;

	add_ticks(s, ticks);
	zw_str_add_char(s, ' ');
	zw_str_add_len(s, text, len);
	zw_str_add_char(s, ' ');
	add_ticks(s, ticks);
}

static void add_text(struct zw_str *s, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, (const char[]){ZW_TRIAGE_MARK, '\0'});
		const char *value = text + len;

		zw_str_add_len(s, text, len);
		if (!*value)
			break;
		value++;
		len = strcspn(value, (const char[]){ZW_TRIAGE_UNMARK, '\0'});
		add_span(s, value, len);
		text = value + len + (value[len] != '\0');
	}
}

/* All lines of code that follow one another, in a fence longer than what is in them. */
static size_t add_fenced(struct zw_str *s, const struct zw_triage_page *page, size_t i)
{
	size_t ticks = 3, end = i;

	for (; end < page->lines.len && page->lines.items[end].kind == ZW_TRIAGE_CODE; end++) {
		const char *text = page->lines.items[end].text;
		size_t run = longest_run(text, strlen(text)) + 1;

		ticks = run > ticks ? run : ticks;
	}
	zw_str_add_char(s, '\n');
	add_ticks(s, ticks);
	zw_str_add(s, "sh\n");
	for (; i < end; i++) {
		zw_str_add(s, page->lines.items[i].text);
		zw_str_add_char(s, '\n');
	}
	add_ticks(s, ticks);
	zw_str_add(s, "\n\n");
	return end;
}

static bool is_apart(enum zw_triage_line_kind kind)
{
	return kind <= ZW_TRIAGE_PARAGRAPH;
}

void zw_triage_markdown(struct zw_str *s, const struct zw_triage_view *view)
{
	_zw_triage_page_ struct zw_triage_page page = {};

	zw_triage_page_fill(&page, view);
	s->failed |= page.failed;
	for (size_t i = 0; i < page.lines.len;) {
		const struct zw_triage_line *line = &page.lines.items[i];

		if (line->kind == ZW_TRIAGE_CODE) {
			i = add_fenced(s, &page, i);
			continue;
		}
		if (i > 0 && is_apart(line->kind))
			zw_str_add_char(s, '\n');
		zw_str_add(s, prefixes[line->kind]);
		add_text(s, line->text);
		if (line->kind == ZW_TRIAGE_ALARM)
			zw_str_add(s, "**");
		zw_str_add_char(s, '\n');
		if (is_apart(line->kind))
			zw_str_add_char(s, '\n');
		i++;
	}
}
