/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers of servers here, as far as the kernel tells of them: those that it has not seen before, or not lately. */
#include "cli/agent_answers.h"
#include "cli/served.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/log.h"
#include "dns/rr.h"
#include "probe/query.h"

/* Answers are compared in some 10 us: half a percent of a processor. */
#define ANSWERS_A_SECOND 500
/* Those without records are of random names, mostly. */
#define DENIALS_A_SECOND 200
/* A zone that changed is answered from some time later; and not for each of a hundred changes a second all is told of. */
#define MOVED_NS ZW_NSEC_PER_SEC
#define FORGET_MIN_NS (2 * ZW_NSEC_PER_SEC)
/* What was right may be wrong by now without having changed: the seen answers are those of any process. */
#define FORGET_NS (300 * ZW_NSEC_PER_SEC)
/* As long as something is wrong, whether it still is. */
#define FORGET_WRONG_NS (10 * ZW_NSEC_PER_SEC)
#define TICK_NS (100 * ZW_NSEC_PER_MSEC)
/* Earlier states of a zone that are kept until its server is seen to answer from a later one, and a little longer, since
 * it need not load what is in a file at once. Of a zone of many records one is enough of memory. */
#define PAST_MAX 8
#define PAST_LARGE 100000
#define PAST_NS (10 * ZW_NSEC_PER_SEC)

/* --- zones by name ------------------------------------------------------------------------------------- */

struct zw_answer_zones *zw_answers_zones(const struct zw_agent *a, const uint8_t *origin)
{
	return zw_map_get(a->answers->zones, origin, zw_name_len(origin));
}

int zw_agent_answers_add(struct zw_agent *a, struct zw_agent_zone *z)
{
	struct zw_answer_zones *same = zw_answers_zones(a, z->origin);
	int r;

	if (same)
		return zw_vec_push(&same->zones, z);
	same = calloc(1, sizeof(*same));
	if (!same)
		return -ENOMEM;
	r = zw_vec_push(&same->zones, z);
	if (r == 0)
		r = zw_map_put(a->answers->zones, z->origin, zw_name_len(z->origin), same, NULL);
	if (r < 0) {
		zw_vec_free(&same->zones);
		free(same);
	}
	return r;
}

static void drop_past(struct zw_agent_zone *z)
{
	ZW_VEC_FOREACH(s, &z->past)
		zw_snapshot_unref(*s);
	zw_vec_free(&z->past);
}

void zw_agent_answers_remove(struct zw_agent *a, struct zw_agent_zone *z)
{
	struct zw_answer_zones *same = zw_answers_zones(a, z->origin);

	for (size_t i = 0; i < a->answers->moved.len; i++)
		if (a->answers->moved.items[i] == z)
			zw_vec_remove_unordered(&a->answers->moved, i--);
	drop_past(z);
	for (size_t i = 0; same && i < same->zones.len; i++)
		if (same->zones.items[i] == z)
			zw_vec_remove_unordered(&same->zones, i--);
	if (!same || same->zones.len)
		return;
	(void)zw_map_remove(a->answers->zones, z->origin, zw_name_len(z->origin));
	zw_vec_free(&same->zones);
	free(same);
}

static bool holds(const struct zw_answer_zones *same, const struct zw_agent_server *server)
{
	for (size_t i = 0; same && i < same->zones.len; i++)
		if (same->zones.items[i]->server == server)
			return true;
	return false;
}

/* The zone of the server that a question is for: the closest to the name; the DS of a zone is asked from the one above. */
static const uint8_t *zone_of(
	const struct zw_agent *a, const struct zw_agent_server *server, const struct zw_question *q)
{
	const uint8_t *found = NULL;

	for (const uint8_t *name = q->name;; name = zw_name_parent(name)) {
		if (holds(zw_answers_zones(a, name), server)) {
			if (q->type != ZW_TYPE_DS || name != q->name)
				return name;
			found = name;
		}
		if (!*name)
			return found;
	}
}

/* --- states a zone may be in --------------------------------------------------------------------------- */

void zw_answers_again(struct zw_agent *a, uint64_t after_ns)
{
	struct zw_agent_answers *an = a->answers;
	uint64_t at = zw_boottime_ns() + after_ns;

	if (at < an->forgotten_ns + FORGET_MIN_NS)
		at = an->forgotten_ns + FORGET_MIN_NS;
	if (!an->forget_ns || at < an->forget_ns)
		an->forget_ns = at;
}

void zw_agent_answers_moved(struct zw_agent *a, struct zw_agent_zone *z)
{
	size_t max;

	if (!z->good)
		return;
	max = zw_snapshot_count(z->good) > PAST_LARGE ? 1 : PAST_MAX;
	if (!z->past.len && zw_vec_push(&a->answers->moved, z) < 0)
		return;
	while (z->past.len >= max) {
		zw_snapshot_unref(z->past.items[0]);
		memmove(&z->past.items[0], &z->past.items[1],
			--z->past.len * sizeof(z->past.items[0]));
	}
	if (zw_vec_push(&z->past, z->good) == 0)
		(void)zw_snapshot_ref(z->good);
	z->past_ns = zw_boottime_ns();
	z->past_over = false;
	zw_answers_again(a, MOVED_NS);
}

/* What servers were seen to leave behind. */
static void expire_past(struct zw_agent *a, uint64_t now_ns)
{
	for (size_t i = 0; i < a->answers->moved.len; i++) {
		struct zw_agent_zone *z = a->answers->moved.items[i];

		if (z->past.len && (!z->past_over || now_ns - z->past_ns < PAST_NS))
			continue;
		drop_past(z);
		zw_vec_remove_unordered(&a->answers->moved, i--);
	}
}

static struct zw_answer_options options_of(
	const struct zw_agent *a, const struct zw_agent_zone *z, bool whole)
{
	bool is_pdns = z->server->kind == ZW_SERVER_PDNS;
	struct zw_answer_options o = {.loose = is_pdns, .any_serial = is_pdns};

	/* Only when it matters: there may be many. */
	if (!whole)
		return o;
	ZW_VEC_FOREACH(it, &a->zones) {
		const struct zw_agent_zone *other = *it;

		if (other->server != z->server || other == z)
			continue;
		o.children |= !zw_name_equal(other->origin, z->origin) &&
			      zw_name_is_within(other->origin, z->origin);
		o.resolves |= !zw_streq(other->view, z->view);
	}
	return o;
}

/* Right for the present state, so wrong for earlier ones: the server has left those behind. */
static void note_left(struct zw_agent_zone *z, const struct zw_message *m,
	const struct zw_answer_options *options)
{
	_zw_answer_verdict_ struct zw_answer_verdict v = {};

	if (!z->past.len || z->past_over)
		return;
	if (zw_answer_check(z->past.items[z->past.len - 1], m, options, &v) == 0)
		z->past_over = v.result == ZW_ANSWER_MISMATCH;
}

/* Takes over @v unless what is there is better. */
static void take(struct zw_answer_verdict *best, struct zw_answer_verdict *v, bool first)
{
	if (!first && (best->result == ZW_ANSWER_MATCH || v->result == ZW_ANSWER_MISMATCH)) {
		zw_answer_verdict_done(v);
		return;
	}
	zw_answer_verdict_done(best);
	*best = *v;
	*v = (struct zw_answer_verdict){};
}

static int check_zone(const struct zw_agent *a, struct zw_agent_zone *z, const struct zw_message *m,
	bool whole, bool *first, struct zw_answer_verdict *best)
{
	struct zw_answer_options options = options_of(a, z, whole);
	struct zw_answer_verdict v = {};
	int r = zw_answer_check(z->good, m, &options, &v);

	if (r < 0)
		return r;
	if (v.result == ZW_ANSWER_MATCH)
		note_left(z, m, &options);
	take(best, &v, *first);
	*first = false;
	for (size_t i = z->past.len; i-- > 0 && best->result == ZW_ANSWER_MISMATCH;) {
		r = zw_answer_check(z->past.items[i], m, &options, &v);
		if (r < 0)
			return r;
		take(best, &v, false);
	}
	return 0;
}

static int check_all(struct zw_agent *a, const struct zw_agent_server *server,
	const uint8_t *origin, const struct zw_message *m, bool whole,
	struct zw_answer_verdict *ret_verdict)
{
	_zw_answer_verdict_ struct zw_answer_verdict best = {.result = ZW_ANSWER_NOT_OURS};
	struct zw_answer_zones *same = zw_answers_zones(a, origin);
	bool first = true;
	int r = 0;

	for (size_t i = 0; same && r == 0 && i < same->zones.len; i++) {
		struct zw_agent_zone *z = same->zones.items[i];

		if (z->server == server && z->good)
			r = check_zone(a, z, m, whole, &first, &best);
	}
	if (r < 0)
		return r;
	*ret_verdict = best;
	best = (struct zw_answer_verdict){};
	return 0;
}

int zw_answers_check(struct zw_agent *a, const struct zw_agent_server *server,
	const uint8_t *origin, const struct zw_message *m, struct zw_answer_verdict *ret_verdict)
{
	struct zw_answer_verdict v = {};
	int r = check_all(a, server, origin, m, false, &v);

	if (r < 0 || v.result != ZW_ANSWER_MISMATCH) {
		*ret_verdict = v;
		return r;
	}
	zw_answer_verdict_done(&v);
	return check_all(a, server, origin, m, true, ret_verdict);
}

/* --- answers ------------------------------------------------------------------------------------------- */

static struct zw_endpoint endpoint(const struct zw_query_facts *q)
{
	struct zw_endpoint end = {.family = q->family, .port = q->sport};

	memcpy(end.addr, q->saddr, sizeof(end.addr));
	return end;
}

/* Whose answer it is to be: that of the server itself where it is one that serves there. */
static const struct zw_agent_server *server_of(
	const struct zw_agent *a, const struct zw_query_facts *q)
{
	const struct zw_request_process process = {.tgid = q->process.tgid,
		.start_ns = q->process.start_ns,
		.exe_dev = q->process.exe_dev,
		.exe_ino = q->process.exe_ino};
	const struct zw_agent_server *own = zw_agent_process_server(a, &process);
	struct zw_endpoint end = endpoint(q);
	bool tcp = q->proto == IPPROTO_TCP;

	if (own && zw_agent_port_serves(a, own, &end, tcp, q->netns))
		return own;
	return zw_agent_port_server(a, &end, tcp, q->netns);
}

static int doubt_of(struct zw_agent *a, const struct zw_event *event,
	const struct zw_agent_server *server, const uint8_t *origin, struct zw_message *m,
	const struct zw_answer_verdict *wrong)
{
	const struct zw_query_facts *q = &event->query;
	struct zw_answer_doubt d = {
		.server = (struct zw_agent_server *)server,
		.message = m,
		.tgid = q->process.tgid,
		.end = endpoint(q),
		.tcp = q->proto == IPPROTO_TCP,
		.time_ns = event->time_ns,
	};
	int r = 0;

	memcpy(d.origin, origin, zw_name_len(origin));
	if (d.tgid)
		r = zw_proc_table_lookup(a->procs, d.tgid, q->process.start_ns, &d.actor);
	d.server->refs++;
	/* One that is gone already is told of by its number. */
	if (r == -ENOMEM) {
		zw_answers_doubt_done(&d);
		return r;
	}
	zw_answers_doubt(a, &d, wrong);
	return 0;
}

/* True: @m moved. */
static int judge(struct zw_agent *a, const struct zw_event *event, struct zw_message **m)
{
	struct zw_answer_stats *stats = &a->answers->stats;
	const struct zw_agent_server *server = server_of(a, &event->query);
	_zw_answer_verdict_ struct zw_answer_verdict v = {};
	const uint8_t *origin;
	int r;

	if (!server || !(*m)->is_response || !(*m)->has_question)
		return 0;
	origin = zone_of(a, server, &(*m)->question);
	if (!origin)
		return 0;
	r = zw_answers_check(a, server, origin, *m, &v);
	if (r < 0)
		return r;
	stats->result[v.result]++;
	stats->failed += v.why == ZW_ANSWER_WHY_FAILED;
	if (v.result == ZW_ANSWER_MATCH)
		zw_answers_agree(a, server, origin, *m, event->time_ns);
	if (v.result != ZW_ANSWER_MISMATCH)
		return 0;
	return doubt_of(a, event, server, origin, ZW_TAKE(*m), &v);
}

int zw_agent_answer(struct zw_agent *a, const struct zw_event *event)
{
	const struct zw_query_facts *q = &event->query;
	_zw_message_ struct zw_message *m = NULL;
	int r;

	/* What came from elsewhere answers what was asked from here. */
	if (!a->ready || !(q->why & (ZW_QUERY_ANSWER_NEW | ZW_QUERY_ANSWER_CHANGED)) ||
		q->direction == ZW_DIRECTION_IN)
		return 0;
	a->answers->stats.seen++;
	if (q->captured < q->message_bytes) {
		a->answers->stats.cut++;
		return 0;
	}
	r = zw_message_parse_prefix(q->message, q->captured, &m, NULL);
	if (r == -EBADMSG) {
		a->answers->stats.malformed++;
		return 0;
	}
	if (r == 0)
		r = judge(a, event, &m);
	a->answers->stats.dropped += r == -ENOMEM;
	return r;
}

/* --- now and then -------------------------------------------------------------------------------------- */

static void forget(struct zw_agent *a, uint64_t now_ns)
{
	struct zw_agent_answers *an = a->answers;

	if (!an->limited) {
		(void)zw_query_limit(a->probe, ZW_QUERY_ANSWER_NEW, ANSWERS_A_SECOND);
		(void)zw_query_limit(a->probe, ZW_QUERY_ANSWER_CHANGED, ANSWERS_A_SECOND);
		(void)zw_query_limit(a->probe, ZW_QUERY_ANSWER_NONE, DENIALS_A_SECOND);
		an->limited = true;
		/* What was answered before anything could be compared. */
		zw_answers_again(a, 0);
	}
	if (zw_answer_book_len(an->book) || an->doubts.len)
		zw_answers_again(a, FORGET_WRONG_NS);
	else if (!an->forget_ns)
		zw_answers_again(a, FORGET_NS);
	if (now_ns < an->forget_ns)
		return;
	an->forget_ns = 0;
	an->forgotten_ns = now_ns;
	(void)zw_query_forget_answers(a->probe);
}

void zw_agent_answers_counted(struct zw_agent *a, const struct zw_query_totals *delta)
{
	static const enum zw_query_why whys[] = {
		ZW_QUERY_ANSWER_NEW, ZW_QUERY_ANSWER_CHANGED, ZW_QUERY_ANSWER_NONE};
	uint64_t untold = 0;

	for (size_t i = 0; i < ZW_ARRAY_SIZE(whys); i++) {
		unsigned int bit = (unsigned int)__builtin_ctz(whys[i]);

		untold += delta->limited[bit] + delta->ring_full[bit];
	}
	a->answers->stats.untold += untold;
}

void zw_agent_answers_tick(struct zw_agent *a, uint64_t now_ns, bool all)
{
	struct zw_agent_answers *an = a->answers;
	uint64_t more;

	if (!a->ready || (!all && now_ns < an->tick_ns))
		return;
	an->tick_ns = now_ns + TICK_NS;
	zw_agent_outbound_tick(a, now_ns, all);
	zw_answers_settle(a, now_ns);
	expire_past(a, now_ns);
	forget(a, now_ns);
	more = zw_answer_book_expire(an->book, now_ns, all);
	an->stats.counted += more;
	if (more && zw_answers_tell_more(a, more) < 0)
		zw_error("out of memory: %llu wrong answers go without their event",
			(unsigned long long)more);
}

int zw_agent_answers_open(struct zw_agent *a)
{
	int r;

	a->answers = calloc(1, sizeof(*a->answers));
	if (!a->answers)
		return -ENOMEM;
	r = zw_map_new(&a->answers->zones);
	if (r == 0)
		r = zw_answer_book_new(&a->answers->book);
	return r == 0 ? zw_outbound_book_new(zw_boottime_ns(), &a->answers->outbound) : r;
}

void zw_agent_answers_free(struct zw_agent_answers *answers)
{
	if (!answers)
		return;
	ZW_VEC_FOREACH(d, &answers->doubts)
		zw_answers_doubt_done(d);
	zw_vec_free(&answers->doubts);
	zw_vec_free(&answers->moved);
	zw_answer_book_free(answers->book);
	zw_outbound_book_free(answers->outbound);
	zw_map_free(answers->zones);
	free(answers);
}

size_t zw_agent_answers_list(
	const struct zw_agent *a, struct zw_report_count ret_list[static ZW_AGENT_ANSWERS])
{
	const struct zw_answer_stats *s = &a->answers->stats;
	const struct zw_report_count list[] = {
		{"answers_seen", s->seen},
		{"answers_match", s->result[ZW_ANSWER_MATCH]},
		{"answers_cannot_tell", s->result[ZW_ANSWER_CANNOT_TELL]},
		{"answers_doubted", s->result[ZW_ANSWER_MISMATCH]},
		{"answers_explained", s->explained},
		{"answers_waited", s->waited},
		{"answers_unread", s->unread},
		{"answers_failed", s->failed},
		{"answers_cut", s->cut},
		{"answers_malformed", s->malformed},
		{"answers_dropped", s->dropped},
		{"answers_told", s->told},
		{"answers_untold", s->untold},
		{"outbound_untold", zw_outbound_counted(a->answers->outbound)},
	};

	static_assert(ZW_ARRAY_SIZE(list) == ZW_AGENT_ANSWERS);
	memcpy(ret_list, list, sizeof(list));
	return ZW_AGENT_ANSWERS;
}
