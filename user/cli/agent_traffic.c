/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/agent_traffic_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "cli/agent_feeds.h"
#include "cli/agent_learned.h"
#include "dns/message.h"
#include "dns/name.h"

#define READ_NS ZW_NSEC_PER_SEC
/* What a crash forgets of what is usual is no more than that. */
#define SAVE_NS (1800 * ZW_NSEC_PER_SEC)
/* A minute in which some second was not watched teaches nothing. */
#define WHOLE_SECONDS 59

int zw_agent_traffic_open(struct zw_agent *a)
{
	struct zw_watch_options options = {.fn = zw_agent_traffic_alarm, .ctx = a};
	int r;

	a->traffic = calloc(1, sizeof(*a->traffic));
	if (!a->traffic)
		return -ENOMEM;
	r = zw_traffic_new(&a->traffic->book);
	if (r == 0)
		r = zw_baselines_new(&a->traffic->baselines);
	options.traffic = a->traffic->book;
	options.baselines = a->traffic->baselines;
	if (r == 0)
		r = zw_watch_new(&options, &a->traffic->watch);
	if (r == 0)
		zw_agent_traffic_configure(a);
	return r;
}

void zw_agent_traffic_free(struct zw_agent_traffic *t)
{
	if (!t)
		return;
	zw_watch_free(t->watch);
	zw_baselines_free(t->baselines);
	zw_traffic_free(t->book);
	zw_query_book_done(&t->reading);
	free(t);
}

void zw_agent_traffic_configure(struct zw_agent *a)
{
	zw_watch_configure(a->traffic->watch, &a->conf->rules);
}

/* --- zones --------------------------------------------------------------------------------------------- */

void zw_agent_traffic_serve(struct zw_agent *a, struct zw_agent_zone *z)
{
	int r = zw_query_serve(a->probe, z->origin, zw_name_len(z->origin));

	z->counted = r == 0;
	if (r < 0 && r != -EOPNOTSUPP)
		zw_warning("queries for '%s' are counted for its last two labels: %s", z->name,
			strerror(-r));
}

void zw_agent_traffic_unserve(struct zw_agent *a, struct zw_agent_zone *z)
{
	if (z->counted)
		(void)zw_query_unserve(a->probe, z->origin, zw_name_len(z->origin));
	z->counted = false;
}

/* --- what is usual ------------------------------------------------------------------------------------- */

static int load(void *ctx, unsigned int class, const char *key, const void *data, size_t len)
{
	return zw_baselines_load(ctx, class, key, data, len);
}

static size_t save(void *book, uint64_t now_ns, size_t max, zw_baseline_save_fn fn, void *ctx)
{
	(void)now_ns;
	return zw_baselines_save(book, max, fn, ctx);
}

static const struct zw_learned usual = {
	.what = "what traffic was usual",
	.last = _ZW_BASELINE_CLASS_MAX - 1,
	.max = ZW_BASELINE_KEYS_MAX * _ZW_BASELINE_CLASS_MAX,
	.load = load,
	.save = save,
};

/* What is not taken now is tried again with the next minute that teaches more. */
static void save_usual(struct zw_agent *a, uint64_t now_ns)
{
	(void)zw_learned_save(a, &usual, a->traffic->baselines, now_ns);
}

/* --- names and who asks for them ----------------------------------------------------------------------- */

/* Of the question's name, which is behind the header; 0: there is none. */
static uint8_t longest_label(const struct zw_query_facts *q)
{
	uint8_t longest = 0;
	const uint8_t *name;

	if (q->captured <= ZW_MESSAGE_HEADER)
		return 0;
	name = q->message + ZW_MESSAGE_HEADER;
	if (zw_name_check(name, q->captured - ZW_MESSAGE_HEADER, NULL) < 0)
		return 0;
	for (; *name; name += 1 + *name)
		if (*name > longest)
			longest = *name;
	return longest;
}

void zw_agent_traffic_asked(struct zw_agent *a, const struct zw_event *event)
{
	const struct zw_query_facts *q = &event->query;

	if (q->why & ZW_QUERY_NEW_NAME)
		zw_watch_new_name(a->traffic->watch, q->zone, longest_label(q), q->family, q->saddr,
			event->time_ns);
	if (q->why & ZW_QUERY_NEW_NAME)
		zw_watch_asker(a->traffic->watch, q->name, q->family, q->saddr, event->time_ns);
	else if (q->why & (ZW_QUERY_ANSWER_NEW | ZW_QUERY_ANSWER_CHANGED) &&
		 q->direction == ZW_DIRECTION_OUT)
		zw_watch_asker(a->traffic->watch, q->name, q->family, q->daddr, event->time_ns);
}

/* --- seconds and minutes ------------------------------------------------------------------------------- */

static void end_minute(struct zw_agent *a, struct zw_traffic_minute *minute)
{
	zw_watch_minute(a->traffic->watch, minute->time_ns, minute->seconds >= WHOLE_SECONDS);
	if (a->history && zw_writer_minute(a->history, minute) < 0)
		a->traffic->unkept++;
	zw_traffic_minute_done(minute);
}

/* 0; -EOPNOTSUPP where the kernel counts nothing. */
static int read_second(struct zw_agent *a, uint64_t now_ns, bool last)
{
	struct zw_agent_traffic *t = a->traffic;
	struct zw_traffic_minute minute = {};
	uint64_t real_ns = zw_realtime_ns();
	int r = zw_query_read(a->probe, &t->reading);

	if (r == -EOPNOTSUPP)
		return r;
	if (r < 0) {
		t->failed++;
		/* Its rows are lost; its totals come with the next one. */
		return 0;
	}
	for (size_t i = 0; i < _ZW_QUERY_TABLE_MAX; i++)
		t->evictions += t->reading.evictions[i];
	zw_agent_answers_counted(a, &t->reading.delta);
	zw_traffic_take(t->book, &t->reading, now_ns);
	zw_watch_take(t->watch, &t->reading, zw_agent_feeds_list(a->feeds), now_ns, real_ns);
	r = zw_traffic_tick(t->book, now_ns, real_ns, last, &minute);
	if (r > 0)
		end_minute(a, &minute);
	else if (r < 0)
		t->unkept++;
	return 0;
}

void zw_agent_traffic_tick(struct zw_agent *a, uint64_t now_ns)
{
	struct zw_agent_traffic *t = a->traffic;

	if (t->deaf || now_ns < t->read_ns)
		return;
	/* In step, also when one came late. */
	t->read_ns = t->read_ns + READ_NS > now_ns ? t->read_ns + READ_NS : now_ns + READ_NS;
	zw_learned_load(a, &usual, t->baselines, &t->loaded);
	if (read_second(a, now_ns, false) < 0) {
		t->deaf = true;
		return;
	}
	zw_watch_expire(t->watch, now_ns, false);
	if (!t->save_ns)
		t->save_ns = now_ns + SAVE_NS;
	if (now_ns >= t->save_ns) {
		t->save_ns = now_ns + SAVE_NS;
		save_usual(a, now_ns);
	}
}

void zw_agent_traffic_stop(struct zw_agent *a)
{
	uint64_t now_ns = zw_boottime_ns();

	if (a->traffic->deaf)
		return;
	/* Rows are an interval late, and totals wait for them. */
	if (read_second(a, now_ns, false) == 0)
		(void)read_second(a, now_ns, true);
	zw_watch_expire(a->traffic->watch, now_ns, true);
	save_usual(a, now_ns);
}
