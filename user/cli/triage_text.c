/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A triage for a terminal. What is not our own has been escaped when it came into the page. */
#include "cli/triage.h"

#include <string.h>

#include "sink/human.h"

static const struct {
	const char *before;
	enum zw_tone tone;
	bool apart; /* an empty line before it */
} forms[] = {
	[ZW_TRIAGE_TITLE] = {"", ZW_TONE_BOLD, false},
	[ZW_TRIAGE_HEADING] = {"", ZW_TONE_BOLD, true},
	[ZW_TRIAGE_ALARM] = {"  ", ZW_TONE_BAD, false},
	[ZW_TRIAGE_CALM] = {"  ", ZW_TONE_GOOD, false},
	[ZW_TRIAGE_PARAGRAPH] = {"", ZW_TONE_PLAIN, false},
	[ZW_TRIAGE_ITEM] = {"  - ", ZW_TONE_PLAIN, false},
	[ZW_TRIAGE_DETAIL] = {"      ", ZW_TONE_PLAIN, false},
	[ZW_TRIAGE_OPEN] = {"  [ ] ", ZW_TONE_PLAIN, false},
	[ZW_TRIAGE_DONE] = {"  [x] ", ZW_TONE_PLAIN, false},
	/* At the margin, to be taken as it is. */
	[ZW_TRIAGE_CODE] = {"", ZW_TONE_PLAIN, false},
};
_Static_assert(ZW_ARRAY_SIZE(forms) == ZW_TRIAGE_CODE + 1, "a form for every kind of line");

static void strip_marks(struct zw_str *s, const char *text)
{
	for (; *text; text++)
		if (*text != ZW_TRIAGE_MARK && *text != ZW_TRIAGE_UNMARK)
			zw_str_add_char(s, *text);
}

void zw_triage_text(struct zw_str *s, const struct zw_triage_view *view, bool colour)
{
	_zw_triage_page_ struct zw_triage_page page = {};

	zw_triage_page_fill(&page, view);
	s->failed |= page.failed;
	ZW_VEC_FOREACH(line, &page.lines) {
		_zw_str_ struct zw_str text = {};

		zw_str_add(&text, forms[line->kind].before);
		strip_marks(&text, line->text);
		s->failed |= text.failed;
		if (forms[line->kind].apart)
			zw_str_add_char(s, '\n');
		if (text.len)
			zw_human_tone(s, colour, forms[line->kind].tone, text.buf);
		zw_str_add_char(s, '\n');
	}
}
