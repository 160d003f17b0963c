/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The live view. The only file that knows the terminal (ncurses). */
#include <ctype.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "cli/commands.h"
#include "cli/top.h"

/* ^C, since the terminal is in raw mode: it has to be left as it was. */
#define CTRL_C 3
#define ESCAPE 27
#define KEY_WAIT_MS 100

static const char help[] =
	"q quit  space pause  Tab or 1-5 source, name, zone, rcode, type  / filter  < > slower, faster\n"
	"sort: r rate  c count of the minute  n nxdomain  s servfail  f refused  b octets  k key";

struct screen {
	struct zw_top_source *source;
	struct zw_top_view *view;
	struct zw_top_model model;
	bool utf8, paused, typing, left, any;
	int failed; /* the last reading; 0: it did not */
	uint64_t next_ns;
};

/* Lines from @row on; those that do not fit are left out. */
static int put_lines(int row, const char *text, int attributes)
{
	int last = getmaxy(stdscr) - 1;

	while (*text && row < last) {
		size_t len = strcspn(text, "\n");

		attron(attributes);
		mvaddnstr(row++, 0, text, (int)len);
		attroff(attributes);
		clrtoeol();
		text += len + (text[len] == '\n');
	}
	return row;
}

static void put_status(const struct screen *c)
{
	const struct zw_top_view *v = c->view;
	_zw_str_ struct zw_str s = {};

	if (c->typing)
		zw_str_addf(&s, "filter: %s_", v->filter);
	else
		zw_str_addf(&s, "by %s, sorted by %s%s%s%s  every %.1f s%s  h: keys",
			zw_traffic_by_to_string(v->by), zw_top_sort_to_string(v->sort),
			v->filter[0] ? ", with '" : "", v->filter, v->filter[0] ? "'" : "",
			(double)v->interval_ns / ZW_NSEC_PER_SEC, c->paused ? "  PAUSED" : "");
	if (c->failed)
		zw_str_addf(&s, "  the agent does not answer: %s", strerror(-c->failed));
	attron(A_REVERSE);
	mvaddnstr(getmaxy(stdscr) - 1, 0, s.buf ? s.buf : "", getmaxx(stdscr) - 1);
	attroff(A_REVERSE);
	clrtoeol();
}

static void draw(struct screen *c)
{
	_zw_str_ struct zw_str head = {}, table = {};
	int row;

	zw_top_model_arrange(&c->model, c->view->sort, c->view->filter);
	zw_top_head(&head, &c->model, c->utf8);
	zw_top_table(&table, &c->model, c->view->by, (size_t)getmaxy(stdscr));
	erase();
	row = put_lines(0, head.buf && c->any ? head.buf : "the agent reads its zones ...", 0);
	if (c->any && table.buf) {
		size_t first = strcspn(table.buf, "\n");

		row++;
		attron(A_BOLD);
		mvaddnstr(row, 0, table.buf, (int)first);
		attroff(A_BOLD);
		put_lines(row + 1, table.buf + first + 1, 0);
	}
	put_status(c);
	refresh();
}

static void read_on(struct screen *c)
{
	struct zw_top_model model = {};
	json_t *traffic = NULL;

	c->failed = zw_top_source_read(c->source, false, &traffic);
	if (c->failed == 0)
		c->failed = zw_top_model_take(traffic, &model);
	json_decref(traffic);
	if (c->failed < 0)
		return;
	zw_top_model_done(&c->model);
	c->model = model;
	c->any = true;
}

static void show_help(struct screen *c)
{
	erase();
	put_lines(0, help, 0);
	put_status(c);
	refresh();
	timeout(-1);
	(void)getch();
	timeout(KEY_WAIT_MS);
}

static void type_filter(struct screen *c, int key)
{
	char *filter = c->view->filter;
	size_t len = strlen(filter);

	if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		c->typing = false;
	} else if (key == ESCAPE) {
		filter[0] = '\0';
		c->typing = false;
	} else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && len > 0) {
		filter[len - 1] = '\0';
	} else if (key > ' ' && key < 127 && len + 1 < sizeof(c->view->filter)) {
		filter[len] = (char)key;
		filter[len + 1] = '\0';
	}
	/* What was filtered away has to be read again. */
	c->next_ns = 0;
}

static void take_view_key(struct screen *c, int key)
{
	static const char sort_keys[] = {'r', 'c', 'n', 's', 'f', 'b', 'k'};
	struct zw_top_view *v = c->view;
	enum zw_traffic_by before = v->by;

	_Static_assert(sizeof(sort_keys) == _ZW_TOP_SORT_MAX, "a key for every order");
	for (unsigned int i = 0; i < _ZW_TOP_SORT_MAX; i++)
		if (key == sort_keys[i])
			v->sort = i;
	if (key >= '1' && key < '1' + _ZW_TRAFFIC_BY_MAX)
		v->by = (enum zw_traffic_by)(key - '1');
	else if (key == '\t' || key == KEY_RIGHT)
		v->by = (v->by + 1) % _ZW_TRAFFIC_BY_MAX;
	else if (key == KEY_BTAB || key == KEY_LEFT)
		v->by = (v->by + _ZW_TRAFFIC_BY_MAX - 1) % _ZW_TRAFFIC_BY_MAX;
	else if (key == '<' && v->interval_ns < 60 * ZW_NSEC_PER_SEC)
		v->interval_ns *= 2;
	else if (key == '>' && v->interval_ns > ZW_NSEC_PER_SEC / 2)
		v->interval_ns /= 2;
	/* Nothing of it stays: drawn as a whole. */
	if (v->by != before)
		clearok(stdscr, TRUE);
}

static void take_key(struct screen *c, int key)
{
	if (key == CTRL_C || (key == 'q' && !c->typing)) {
		c->left = true;
	} else if (c->typing) {
		type_filter(c, key);
	} else if (key == ' ' || key == 'p') {
		c->paused = !c->paused;
	} else if (key == '/') {
		c->typing = true;
	} else if (key == 'h' || key == '?') {
		show_help(c);
	} else {
		take_view_key(c, key);
	}
}

static void loop(struct screen *c)
{
	while (!c->left) {
		uint64_t now = zw_boottime_ns();
		int key;

		if (c->view->until_ns && now >= c->view->until_ns)
			break;
		if (!c->paused && now >= c->next_ns) {
			read_on(c);
			c->next_ns = zw_boottime_ns() + c->view->interval_ns;
		}
		draw(c);
		key = getch();
		if (key != ERR)
			take_key(c, key);
	}
}

int zw_top_screen(struct zw_top_source *source, struct zw_top_view *view)
{
	struct screen c = {.source = source, .view = view};
	SCREEN *terminal;

	setlocale(LC_CTYPE, "");
	c.utf8 = zw_streq(nl_langinfo(CODESET), "UTF-8");
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		zw_error("this terminal (TERM=%s) cannot be drawn on; use --batch",
			getenv("TERM") ? getenv("TERM") : "");
		return ZW_EXIT_FAILED;
	}
	raw();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	timeout(KEY_WAIT_MS);
	draw(&c);
	loop(&c);
	endwin();
	delscreen(terminal);
	zw_top_model_done(&c.model);
	return ZW_EXIT_OK;
}
