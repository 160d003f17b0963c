/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers that look wrong: the zone is read anew, after what was under way is done, and only what no state of it explains
 * then is told. */
#include "cli/agent_answers.h"
#include "cli/served.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

/* At most so many at a time; one name that is asked for a thousand times is one. */
#define DOUBTS_MAX 256
/* The longest time from when a server answers with something to when that can be read. */
#define SETTLED_NS ZW_NSEC_PER_SEC
/* A reading is waited for so long: those of servers take their turns. */
#define READ_MAX_NS (60 * ZW_NSEC_PER_SEC)
/* A change this long before the answer is done. */
#define CHANGING_NS (2 * ZW_NSEC_PER_SEC)

/* What one thing is said of. */
struct doubt_key {
	uint64_t server; /* its pid, start and place in memory do for as long as it is known */
	uint16_t type;
	uint8_t names[2 * ZW_NAME_MAX]; /* the zone's, and the one that was asked for */
};

void zw_answers_doubt_done(struct zw_answer_doubt *d)
{
	zw_agent_server_unref(d->server);
	zw_message_free(d->message);
	zw_actor_unref(d->actor);
	*d = (struct zw_answer_doubt){};
}

static size_t make_key(struct doubt_key *key, const struct zw_agent_server *server,
	const uint8_t *origin, const struct zw_question *q)
{
	size_t zone = zw_name_len(origin), name = zw_name_len(q->name);

	*key = (struct doubt_key){.server = (uintptr_t)server, .type = q->type};
	memcpy(key->names, origin, zone);
	memcpy(key->names + zone, q->name, name);
	return offsetof(struct doubt_key, names) + zone + name;
}

static uint64_t hash_of(const struct zw_agent *a, const struct zw_answer_doubt *d,
	const struct zw_answer_verdict *wrong)
{
	uint64_t hash = zw_hash_bytes(&a->key, wrong->answered, strlen(wrong->answered));

	hash = hash * 31 + zw_hash_bytes(&a->key, wrong->name, zw_name_len(wrong->name));
	return hash * 31 + wrong->type + ((uint64_t)d->tgid << 16);
}

static bool same_doubt(const struct zw_answer_doubt *a, const struct zw_answer_doubt *b)
{
	return a->hash == b->hash && a->server == b->server && !a->asked &&
	       a->message->question.type == b->message->question.type &&
	       zw_name_equal(a->message->question.name, b->message->question.name);
}

void zw_answers_doubt(
	struct zw_agent *a, struct zw_answer_doubt *doubt, const struct zw_answer_verdict *wrong)
{
	struct zw_agent_answers *an = a->answers;

	doubt->hash = hash_of(a, doubt, wrong);
	ZW_VEC_FOREACH(d, &an->doubts) {
		if (same_doubt(d, doubt)) {
			zw_answers_doubt_done(doubt);
			return;
		}
	}
	if (an->doubts.len < DOUBTS_MAX && zw_vec_push(&an->doubts, *doubt) == 0) {
		*doubt = (struct zw_answer_doubt){};
		return;
	}
	/* It is told of again with all others. */
	an->stats.dropped++;
	zw_answers_doubt_done(doubt);
}

static void read_anew(struct zw_agent *a, struct zw_agent_zone *z)
{
	z->digest_wanted = true;
	if (z->served)
		zw_served_want(a, z);
	if (!z->due_ns)
		zw_agent_schedule(a, z, zw_boottime_ns());
}

static bool was_read(const struct zw_agent_zone *z, uint64_t since_ns)
{
	if (z->read_ns < since_ns)
		return false;
	return !z->served || z->served->refused || z->served->answer_ns >= since_ns;
}

/* The zones of the doubt were read since; the first time they are asked for. */
static bool are_read(struct zw_agent *a, struct zw_answer_doubt *d)
{
	struct zw_answer_zones *same = zw_answers_zones(a, d->origin);
	bool read = true;

	for (size_t i = 0; same && i < same->zones.len; i++) {
		struct zw_agent_zone *z = same->zones.items[i];

		if (z->server != d->server)
			continue;
		if (!d->asked)
			read_anew(a, z);
		read &= was_read(z, d->time_ns + SETTLED_NS);
	}
	d->asked = true;
	return read;
}

/* Whether one of its zones changed about then, so that the answer may be of a moment that nobody read. */
static bool was_changing(const struct zw_agent *a, const struct zw_answer_doubt *d)
{
	const struct zw_answer_zones *same = zw_answers_zones(a, d->origin);
	uint64_t since = d->time_ns > CHANGING_NS ? d->time_ns - CHANGING_NS : 0;

	for (size_t i = 0; same && i < same->zones.len; i++) {
		const struct zw_agent_zone *z = same->zones.items[i];

		if (z->server == d->server && (z->last_ns >= since || z->past_ns >= since ||
						      (z->served && z->served->begin_ns >= since)))
			return true;
	}
	return false;
}

/* Also later states do not explain it. */
static int confirm(struct zw_agent *a, const struct zw_answer_doubt *d,
	const struct zw_answer_verdict *wrong, uint64_t now_ns)
{
	struct zw_agent_answers *an = a->answers;
	struct doubt_key key;
	size_t len = make_key(&key, d->server, d->origin, &d->message->question);
	enum zw_answer_step step = zw_answer_book_differs(
		an->book, &key, len, hash_of(a, d, wrong), was_changing(a, d), now_ns);

	switch (step) {
	case ZW_ANSWER_STEP_TELL:
		an->stats.told++;
		return zw_answers_tell(a, d, wrong);
	case ZW_ANSWER_STEP_WAIT:
		an->stats.waited++;
		zw_answers_again(a, 0);
		return 0;
	default:
		return 0;
	}
}

/* True: it is settled. */
static bool settle(struct zw_agent *a, struct zw_answer_doubt *d, uint64_t now_ns)
{
	_zw_answer_verdict_ struct zw_answer_verdict v = {};
	int r;

	if (now_ns < d->time_ns + SETTLED_NS && !a->stopping)
		return false;
	if (!are_read(a, d)) {
		if (now_ns < d->time_ns + READ_MAX_NS && !a->stopping)
			return false;
		a->answers->stats.unread++;
		zw_answers_again(a, 0);
		return true;
	}
	r = zw_answers_check(a, d->server, d->origin, d->message, &v);
	if (r == 0 && v.result == ZW_ANSWER_MISMATCH)
		r = confirm(a, d, &v, now_ns);
	else
		a->answers->stats.explained += r == 0;
	if (r < 0) {
		a->answers->stats.dropped++;
		zw_error("out of memory: a wrong answer goes without its event");
	}
	return true;
}

void zw_answers_settle(struct zw_agent *a, uint64_t now_ns)
{
	struct zw_agent_answers *an = a->answers;

	for (size_t i = 0; i < an->doubts.len; i++) {
		struct zw_answer_doubt *d = &an->doubts.items[i];

		if (!settle(a, d, now_ns))
			continue;
		zw_answers_doubt_done(d);
		zw_vec_remove_unordered(&an->doubts, i--);
	}
}

void zw_answers_agree(struct zw_agent *a, const struct zw_agent_server *server,
	const uint8_t *origin, const struct zw_message *m, uint64_t now_ns)
{
	const struct zw_answer_zones *same;
	struct doubt_key key;
	size_t len;

	if (!zw_answer_book_len(a->answers->book))
		return;
	len = make_key(&key, server, origin, &m->question);
	if (!zw_answer_book_agrees(a->answers->book, &key, len, now_ns))
		return;
	same = zw_answers_zones(a, origin);
	for (size_t i = 0; same && i < same->zones.len; i++) {
		if (same->zones.items[i]->server != server)
			continue;
		if (zw_answers_tell_over(
			    a, same->zones.items[i], m->question.name, m->question.type) < 0)
			zw_error("out of memory: the end of wrong answers goes without its event");
		return;
	}
}
