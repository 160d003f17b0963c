/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/diff_text.h"

#include <errno.h>

#include "base/vec.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "sink/clean.h"
#include "sink/human.h"
#include "sink/json_build.h"
#include "zone/changes.h"

/* Whether record @i of @a is in @b too, which is in the same order: *@j moves on with @i. With another TTL it is another
 * record. */
static bool is_in(const struct zw_rrset *a, size_t i, const struct zw_rrset *b, size_t *j)
{
	uint16_t a_len, b_len;
	const uint8_t *x = zw_rrset_rdata(a, i, &a_len), *y;
	int c = 1;

	for (; *j < b->count; ++*j) {
		y = zw_rrset_rdata(b, *j, &b_len);
		c = zw_rdata_cmp(x, a_len, y, b_len);
		if (c <= 0)
			break;
	}
	return c == 0 && zw_rrset_ttl(a, i) == zw_rrset_ttl(b, *j);
}

static void add_record(
	struct zw_str *s, bool colour, char sign, const struct zw_rrset *rrset, size_t i)
{
	char name[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];
	_zw_str_ struct zw_str line = {};
	_zw_free_ char *text = NULL;
	uint16_t len;
	const uint8_t *rdata = zw_rrset_rdata(rrset, i, &len);

	if (zw_rdata_to_text(rrset->type, rdata, len, &text) < 0) {
		s->failed = true;
		return;
	}
	zw_name_to_text(rrset->owner, name);
	zw_str_addf(&line, "%c%s\t%u\tIN\t%s\t", sign, name, zw_rrset_ttl(rrset, i),
		zw_type_to_text(rrset->type, type));
	zw_clean_add(&line, text);
	if (line.failed) {
		s->failed = true;
		return;
	}
	zw_human_tone(s, colour, sign == '-' ? ZW_TONE_BAD : ZW_TONE_GOOD, line.buf);
	zw_str_add_char(s, '\n');
}

/* Records of @a that are not in @b. */
static void add_missing(struct zw_str *s, bool colour, char sign, const struct zw_rrset *a,
	const struct zw_rrset *b)
{
	size_t j = 0;

	for (size_t i = 0; i < a->count; i++)
		if (!is_in(a, i, b, &j))
			add_record(s, colour, sign, a, i);
}

void zw_diff_entry_text(struct zw_str *s, bool colour, const struct zw_diff_entry *entry)
{
	add_missing(s, colour, '-', &entry->before, &entry->after);
	add_missing(s, colour, '+', &entry->after, &entry->before);
}

static size_t count_missing(const struct zw_rrset *a, const struct zw_rrset *b)
{
	size_t n = 0, j = 0;

	for (size_t i = 0; i < a->count; i++)
		n += !is_in(a, i, b, &j);
	return n;
}

static int put_text(struct zw_str *s)
{
	if (s->failed)
		return -ENOMEM;
	if (s->len > 0)
		fwrite(s->buf, 1, s->len, stdout);
	s->len = 0;
	return 0;
}

static void add_side(struct zw_str *s, const struct zw_diff_print *p, bool is_from)
{
	const struct zw_diff_side *side = is_from ? &p->from : &p->to;
	bool has_serial = is_from ? p->diff->has_serial_before : p->diff->has_serial_after;
	uint32_t serial = is_from ? p->diff->serial_before : p->diff->serial_after;
	char when[ZW_HISTORY_TIME_MAX];
	_zw_str_ struct zw_str line = {};

	zw_str_add(&line, is_from ? "--- " : "+++ ");
	zw_clean_add(&line, side->file ? side->file : p->zone);
	if (side->file) {
		zw_str_add(&line, "  ");
		zw_clean_add(&line, p->zone);
	}
	if (has_serial)
		zw_str_addf(&line, "  serial %u", serial);
	if (side->time_ns)
		zw_str_addf(&line, "  %s", zw_history_time_exact(p->cmd, side->time_ns, when));
	if (side->id)
		zw_str_addf(&line, "  %s", side->id);
	if (line.failed) {
		s->failed = true;
		return;
	}
	zw_human_tone(s, zw_history_colour(p->cmd), ZW_TONE_BOLD, line.buf);
	zw_str_add_char(s, '\n');
}

int zw_diff_print_text(const struct zw_diff_print *p)
{
	bool colour = zw_history_colour(p->cmd);
	_zw_str_ struct zw_str s = {};
	int r;

	if (p->diff->len == 0)
		return 0;
	add_side(&s, p, true);
	add_side(&s, p, false);
	r = put_text(&s);
	for (size_t i = 0; i < p->diff->len && r == 0; i++) {
		zw_diff_entry_text(&s, colour, &p->diff->entries[i]);
		r = put_text(&s);
	}
	return r;
}

/* How much differs, of one type or of all. */
struct tally {
	uint16_t type;
	size_t op[_ZW_DIFF_OP_MAX]; /* RRsets */
	size_t in, out;             /* records */
};

typedef ZW_VEC(struct tally) tallies;

static struct tally *tally_of(tallies *all, uint16_t type)
{
	ZW_VEC_FOREACH(t, all)
		if (t->type == type)
			return t;
	if (zw_vec_push(all, (struct tally){.type = type}) < 0)
		return NULL;
	return &all->items[all->len - 1];
}

static void count_entry(struct tally *t, const struct zw_diff_entry *entry)
{
	t->op[entry->op]++;
	t->out += count_missing(&entry->before, &entry->after);
	t->in += count_missing(&entry->after, &entry->before);
}

static void add_tally(struct zw_str *s, const char *what, const struct tally *t)
{
	zw_str_addf(s, "  %-10s %8zu %8zu %8zu %8zu %8zu\n", what, t->op[ZW_DIFF_ADD],
		t->op[ZW_DIFF_DELETE], t->op[ZW_DIFF_MODIFY], t->in, t->out);
}

static int compare_tallies(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	return (x->type > y->type) - (x->type < y->type);
}

int zw_diff_print_stat(const struct zw_diff_print *p)
{
	_zw_str_ struct zw_str s = {};
	char type[ZW_TYPE_TEXT_MAX];
	struct tally total = {};
	tallies all = {};
	int r = 0;

	for (size_t i = 0; i < p->diff->len && r == 0; i++) {
		const struct zw_diff_entry *entry = &p->diff->entries[i];
		struct tally *t = tally_of(&all, entry->type);

		if (!t) {
			r = -ENOMEM;
			break;
		}
		count_entry(t, entry);
		count_entry(&total, entry);
	}
	if (all.len > 0)
		qsort(all.items, all.len, sizeof(*all.items), compare_tallies);
	add_side(&s, p, true);
	add_side(&s, p, false);
	zw_str_addf(&s, "  %-10s %8s %8s %8s %8s %8s\n", "type", "added", "deleted", "modified",
		"+records", "-records");
	ZW_VEC_FOREACH(t, &all)
		add_tally(&s, zw_type_to_text(t->type, type), t);
	add_tally(&s, "total", &total);
	zw_vec_free(&all);
	return r < 0 ? r : put_text(&s);
}

static json_t *side_value(const struct zw_diff_print *p, bool is_from)
{
	const struct zw_diff_side *side = is_from ? &p->from : &p->to;
	bool has_serial = is_from ? p->diff->has_serial_before : p->diff->has_serial_after;
	uint32_t serial = is_from ? p->diff->serial_before : p->diff->serial_after;
	_zw_json_ json_t *object = json_object();
	bool failed = !object;

	if (side->file)
		zw_json_set(object, "file", zw_json_text(side->file), &failed);
	if (side->time_ns)
		zw_json_set(object, "time", zw_json_time(side->time_ns), &failed);
	if (side->id)
		zw_json_set(object, "id", zw_json_text(side->id), &failed);
	zw_json_set(object, "serial", has_serial ? json_integer(serial) : json_null(), &failed);
	return failed ? NULL : ZW_TAKE(object);
}

int zw_diff_print_json(const struct zw_diff_print *p)
{
	static const struct zw_json_budget all = {SIZE_MAX, SIZE_MAX, SIZE_MAX};
	_zw_json_ json_t *root = json_object();
	_zw_str_ struct zw_str s = {};
	bool failed = !root;

	zw_json_set(root, "zone", zw_json_text(p->zone), &failed);
	if (p->server)
		zw_json_set(root, "server", zw_json_text(p->server), &failed);
	if (p->view)
		zw_json_set(root, "view", zw_json_text(p->view), &failed);
	zw_json_set(root, "from", side_value(p, true), &failed);
	zw_json_set(root, "to", side_value(p, false), &failed);
	zw_json_set(root, "changes", zw_json_changes(p->diff, all), &failed);
	zw_json_set(root, "changes_total", zw_json_u64(zw_changes_count(p->diff)), &failed);
	if (failed || zw_json_dump(root, &s) < 0)
		return -ENOMEM;
	zw_str_add_char(&s, '\n');
	return put_text(&s);
}
