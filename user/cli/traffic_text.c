/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/traffic_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/vec.h"

#define MINUTE_NS (60 * ZW_NSEC_PER_SEC)
/* Lines that a time without --step is divided into at most. */
#define LINES_MAX 60

struct printing {
	const struct zw_traffic_cmd *cmd;
	uint64_t step_ns;
	struct zw_traffic_minute sum; /* of the step that is gathered */
	struct zw_counts own;         /* what of it is of the key that was asked for */
	bool any;
	size_t lines;
	/* --by */
	struct zw_map *keys; /* text -> struct key_sum */
	struct zw_traffic_total total;
	unsigned int seconds;
	uint64_t missed;
};

struct key_sum {
	struct zw_counts counts;
	char key[];
};

void zw_traffic_short(uint64_t n, char ret_text[static 16])
{
	static const char units[] = " kMGTP";
	double value = (double)n;
	size_t unit = 0;

	while (value >= 1000 && unit + 2 < sizeof(units)) {
		value /= 1000;
		unit++;
	}
	if (unit == 0)
		snprintf(ret_text, 16, "%" PRIu64, n);
	else
		snprintf(ret_text, 16, value < 9.95 ? "%.1f%c" : "%.0f%c", value, units[unit]);
}

/* A key comes from the database, which may be anybody's. */
static void add_key(struct zw_str *s, const char *key)
{
	if (key[0])
		zw_str_add_escaped(s, key, strlen(key));
	else
		zw_str_add(s, "(all others)");
}

static void put(struct zw_str *s)
{
	if (s->buf)
		fwrite(s->buf, 1, s->len, stdout);
	s->len = 0;
}

static double share(uint64_t part, uint64_t all)
{
	return all ? (double)part * 100 / (double)all : 0;
}

/* --- JSON ---------------------------------------------------------------------------------------------- */

static void set_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_counts(json_t *object, const struct zw_counts *counts)
{
	for (unsigned int i = 0; i < _ZW_COUNT_MAX; i++)
		set_number(object, zw_count_to_string(i), counts->n[i]);
}

static int put_json(json_t *object)
{
	int r = object && json_dumpf(object, stdout, JSON_COMPACT) == 0 ? 0 : -ENOMEM;

	json_decref(object);
	if (r == 0)
		putchar('\n');
	return r;
}

static json_t *minute_json(const struct printing *p)
{
	const struct zw_traffic_total *t = &p->sum.total;
	char time[ZW_TIME_ISO_MAX];
	json_t *object;

	zw_time_iso(p->sum.time_ns, time);
	object = json_pack("{s:s, s:I}", "@timestamp", time, "seconds", (json_int_t)p->sum.seconds);
	set_counts(object, &t->counts);
	set_number(object, "ipv6", t->ipv6);
	set_number(object, "truncated", t->truncated);
	set_number(object, "unanswered", t->unanswered);
	set_number(object, "untold", t->untold);
	set_number(object, "distinct_sources", t->sources);
	set_number(object, "distinct_names", t->names);
	set_number(object, "latency_p50_ns", zw_traffic_latency_ns(t->latency, 50));
	set_number(object, "latency_p99_ns", zw_traffic_latency_ns(t->latency, 99));
	if (p->cmd->query.rows) {
		json_t *own = json_object();

		set_counts(own, &p->own);
		json_object_set_new(object, "selected", own);
	}
	return object;
}

/* --- minutes ------------------------------------------------------------------------------------------- */

static void print_head(const struct printing *p)
{
	const struct zw_traffic_cmd *cmd = p->cmd;
	_zw_str_ struct zw_str s = {};

	if (cmd->reason[0]) {
		zw_str_add(&s, "finding ");
		zw_str_add_escaped(&s, cmd->finding, strlen(cmd->finding));
		zw_str_add(&s, ": ");
		zw_str_add_escaped(&s, cmd->reason, strlen(cmd->reason));
		zw_str_add(&s, "\n\n");
	}
	zw_str_addf(&s, "%-19s %9s %8s %6s %6s %6s %6s %7s %8s %8s", "begin", "queries", "q/s",
		"nx %", "sf %", "ref %", "tcp %", "unansw", "sources", "names");
	if (cmd->query.rows) {
		const char *key = cmd->subject[0] ? cmd->subject : cmd->query.key;

		zw_str_add(&s, "  of ");
		if (key)
			add_key(&s, key);
	}
	zw_str_add_char(&s, '\n');
	put(&s);
}

static void print_minute(const struct printing *p)
{
	const struct zw_traffic_minute *m = &p->sum;
	const uint64_t *n = m->total.counts.n;
	char time[ZW_HISTORY_TIME_MAX], sources[16], names[16];
	_zw_str_ struct zw_str s = {};

	zw_traffic_short(m->total.sources, sources);
	zw_traffic_short(m->total.names, names);
	zw_str_addf(&s, "%s %9" PRIu64 " %8.1f %6.1f %6.1f %6.1f %6.1f %7" PRIu64 " %8s %8s",
		zw_history_time(&p->cmd->common, m->time_ns, time), n[ZW_COUNT_QUERIES],
		m->seconds ? (double)n[ZW_COUNT_QUERIES] / m->seconds : 0,
		share(n[ZW_COUNT_NXDOMAIN], n[ZW_COUNT_RESPONSES]),
		share(n[ZW_COUNT_SERVFAIL], n[ZW_COUNT_RESPONSES]),
		share(n[ZW_COUNT_REFUSED], n[ZW_COUNT_RESPONSES]),
		share(n[ZW_COUNT_TCP], n[ZW_COUNT_QUERIES]), m->total.unanswered, sources, names);
	if (p->cmd->query.rows)
		zw_str_addf(&s, "  %9" PRIu64, zw_counts_weight(&p->own));
	if (p->cmd->begin_ns && p->cmd->begin_ns >= m->time_ns &&
		p->cmd->begin_ns < m->time_ns + p->step_ns)
		zw_str_add(&s, "  <- here it began");
	zw_str_add_char(&s, '\n');
	put(&s);
}

static int end_step(struct printing *p)
{
	int r = 0;

	if (!p->any)
		return 0;
	if (p->cmd->common.json) {
		r = put_json(minute_json(p));
	} else {
		if (p->lines == 0)
			print_head(p);
		print_minute(p);
	}
	p->lines++;
	p->any = false;
	p->sum = (struct zw_traffic_minute){};
	p->own = (struct zw_counts){};
	return r;
}

/* Whether a source is in the network that was asked for. */
static bool is_in_range(const struct zw_traffic_cmd *cmd, const char *key)
{
	struct zw_log_range one;

	return zw_log_range_parse(key, &one) == 0 &&
	       memcmp(one.first, cmd->range.first, sizeof(one.first)) >= 0 &&
	       memcmp(one.last, cmd->range.last, sizeof(one.last)) <= 0;
}

static int on_minute(void *ctx, const struct zw_traffic_minute *m)
{
	struct printing *p = ctx;
	uint64_t step = m->time_ns - m->time_ns % p->step_ns;
	int r = 0;

	if (p->any && p->sum.time_ns != step)
		r = end_step(p);
	p->any = true;
	p->sum.time_ns = step;
	p->sum.seconds += m->seconds;
	zw_traffic_total_add(&p->sum.total, &m->total);
	ZW_VEC_FOREACH(row, &m->rows[p->cmd->query.by])
		if (!p->cmd->ranged || is_in_range(p->cmd, row->key))
			zw_counts_add(&p->own, &row->counts);
	return r;
}

/* --- keys ---------------------------------------------------------------------------------------------- */

static int on_keys(void *ctx, const struct zw_traffic_minute *m)
{
	struct printing *p = ctx;
	const struct zw_traffic_rows *rows = &m->rows[p->cmd->query.by];
	int r = 0;

	zw_traffic_total_add(&p->total, &m->total);
	p->seconds += m->seconds;
	p->missed += rows->missed;
	ZW_VEC_FOREACH(row, rows) {
		/* An empty key cannot be in a map. */
		const char *text = row->key[0] ? row->key : " ";
		struct key_sum *sum = zw_map_get(p->keys, text, strlen(text));

		if (!sum) {
			sum = calloc(1, sizeof(*sum) + strlen(row->key) + 1);
			if (!sum)
				return -ENOMEM;
			strcpy(sum->key, row->key);
			r = zw_map_put(p->keys, text, strlen(text), sum, NULL);
			if (r < 0) {
				free(sum);
				return r;
			}
		}
		zw_counts_add(&sum->counts, &row->counts);
	}
	return 0;
}

static int compare_sums(const void *a, const void *b)
{
	const struct key_sum *x = *(struct key_sum *const *)a, *y = *(struct key_sum *const *)b;
	uint64_t left = zw_counts_weight(&x->counts), right = zw_counts_weight(&y->counts);

	/* The others last. */
	if (!x->key[0] != !y->key[0])
		return x->key[0] ? -1 : 1;
	if (left != right)
		return left > right ? -1 : 1;
	return strcmp(x->key, y->key);
}

static int print_key(const struct printing *p, const struct key_sum *sum)
{
	const uint64_t *n = sum->counts.n;
	uint64_t weight = zw_counts_weight(&sum->counts), all = zw_counts_weight(&p->total.counts);
	_zw_str_ struct zw_str s = {};
	json_t *object;

	if (p->cmd->common.json) {
		object = json_pack("{s:s, s:s?}", "by", zw_traffic_by_to_string(p->cmd->query.by),
			"key", sum->key[0] ? sum->key : NULL);
		set_counts(object, &sum->counts);
		return put_json(object);
	}
	zw_str_addf(&s, "%11" PRIu64 " %6.1f %9.1f %6.1f %6.1f %6.1f  ", weight, share(weight, all),
		p->seconds ? (double)weight / p->seconds : 0,
		share(n[ZW_COUNT_NXDOMAIN], n[ZW_COUNT_RESPONSES]),
		share(n[ZW_COUNT_SERVFAIL], n[ZW_COUNT_RESPONSES]),
		share(n[ZW_COUNT_REFUSED], n[ZW_COUNT_RESPONSES]));
	add_key(&s, sum->key);
	zw_str_add_char(&s, '\n');
	put(&s);
	return 0;
}

/* Those beyond the limit are with the others, so that the column still sums up. */
static int print_sums(const struct printing *p, struct key_sum **list, size_t n)
{
	size_t own = n > 0 && !list[n - 1]->key[0] ? n - 1 : n, limit = own;
	_zw_free_ struct key_sum *others = calloc(1, sizeof(*others) + 1);
	int r = others ? 0 : -ENOMEM;

	if (p->cmd->limit && p->cmd->limit < own)
		limit = p->cmd->limit;
	if (!p->cmd->common.json)
		printf("%11s %6s %9s %6s %6s %6s  %s\n",
			p->cmd->query.by == ZW_TRAFFIC_RCODE ? "responses" : "queries", "%",
			"a second", "nx %", "sf %", "ref %",
			zw_traffic_by_to_string(p->cmd->query.by));
	for (size_t i = 0; i < limit && r == 0; i++)
		r = print_key(p, list[i]);
	for (size_t i = limit; i < n && r == 0; i++)
		zw_counts_add(&others->counts, &list[i]->counts);
	if (r == 0 && zw_counts_weight(&others->counts) > 0)
		r = print_key(p, others);
	if (r == 0 && p->missed && !p->cmd->common.json)
		printf("of each up to %" PRIu64 " more may be with the others\n", p->missed);
	return r;
}

static int print_keys(struct printing *p)
{
	size_t n = 0, it = 0;
	_zw_free_ struct key_sum **list = calloc(zw_map_len(p->keys) + 1, sizeof(*list));
	void *value;

	if (!list)
		return -ENOMEM;
	while (zw_map_next(p->keys, &it, NULL, NULL, &value))
		list[n++] = value;
	qsort(list, n, sizeof(*list), compare_sums);
	return print_sums(p, list, n);
}

static void keys_free(struct zw_map *keys)
{
	size_t it = 0;
	void *value;

	while (keys && zw_map_next(keys, &it, NULL, NULL, &value))
		free(value);
	zw_map_free(keys);
}

/* --- both ---------------------------------------------------------------------------------------------- */

static uint64_t step_of(const struct zw_traffic_cmd *cmd)
{
	static const unsigned int minutes[] = {1, 5, 10, 30, 60, 6 * 60};
	uint64_t from = cmd->query.since_ns > cmd->first_ns ? cmd->query.since_ns : cmd->first_ns;
	uint64_t to = cmd->query.until_ns < cmd->last_ns ? cmd->query.until_ns : cmd->last_ns;

	if (cmd->step_ns)
		return cmd->step_ns;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(minutes); i++)
		if (to <= from || (to - from) / (minutes[i] * MINUTE_NS) <= LINES_MAX)
			return minutes[i] * MINUTE_NS;
	return 24 * 60 * MINUTE_NS;
}

int zw_traffic_print(const struct zw_traffic_cmd *cmd, struct zw_reader *reader)
{
	struct printing p = {.cmd = cmd, .step_ns = step_of(cmd)};
	bool by_key = cmd->query.rows && !cmd->query.key && !cmd->ranged;
	int r;

	if (!by_key) {
		r = zw_reader_traffic(reader, &cmd->query, on_minute, &p);
		if (r == 0)
			r = end_step(&p);
		if (r == 0 && p.lines == 0 && !cmd->common.json)
			puts("no traffic is stored of that time");
		return r;
	}
	r = zw_map_new(&p.keys);
	if (r == 0)
		r = zw_reader_traffic(reader, &cmd->query, on_keys, &p);
	if (r == 0)
		r = print_keys(&p);
	keys_free(p.keys);
	return r;
}
