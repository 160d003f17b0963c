/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/triage.h"

#include <errno.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"
#include "engine/expect.h"
#include "engine/triage_impl.h"

/* So many events are kept to be shown; all are counted. Of those that somebody answers for, a few do. */
#define EVENTS_MAX 10000
#define CONFIRMED_MAX 256
/* Whom people can still be asked about. */
#define WHO_MAX 256

/* RFC 9460 section 14.1 */
#define TYPE_SVCB 64
#define TYPE_HTTPS 65

#define BIT(question) (1U << (question))

int zw_triage_new(const struct zw_triage_input *in, struct zw_triage **ret_triage)
{
	_zw_triage_ struct zw_triage *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->in = *in;
	r = zw_map_new(&t->address_map);
	if (r == 0)
		r = zw_map_new(&t->traffic.zones);
	if (r < 0)
		return r;
	*ret_triage = ZW_TAKE(t);
	return 0;
}

static void event_done(struct zw_triage_event *e)
{
	free(e->zone);
	free(e->message);
	for (size_t i = 0; i < e->findings; i++)
		free(e->finding[i]);
	free(e->finding);
}

static void who_done(struct zw_triage_who *who)
{
	free(who->user);
	free(who->tsig_key);
	free(who->peer);
	free(who->tool);
}

void zw_triage_free(struct zw_triage *t)
{
	if (!t)
		return;
	ZW_VEC_FOREACH(e, &t->events)
		event_done(e);
	zw_vec_free(&t->events);
	ZW_VEC_FOREACH(gap, &t->gaps)
		free(gap->detail);
	zw_vec_free(&t->gaps);
	ZW_VEC_FOREACH(who, &t->who)
		who_done(who);
	zw_vec_free(&t->who);
	ZW_VEC_FOREACH(address, &t->addresses)
		free(address->name);
	zw_vec_free(&t->addresses);
	ZW_VEC_FOREACH(reason, &t->reasons)
		free(*reason);
	zw_vec_free(&t->reasons);
	zw_map_free(t->address_map);
	zw_triage_traffic_done(t);
	free(t);
}

/* --- what an event says -------------------------------------------------------------------------------- */

static bool leads_somewhere(uint16_t type)
{
	switch (type) {
	case ZW_TYPE_A:
	case ZW_TYPE_AAAA:
	case ZW_TYPE_CNAME:
	case ZW_TYPE_DNAME:
	case ZW_TYPE_SRV:
	case TYPE_SVCB:
	case TYPE_HTTPS:
		return true;
	default:
		return false;
	}
}

/* More than its TTL. */
static bool has_other_data(const struct zw_diff_entry *e)
{
	if (e->before.count != e->after.count)
		return true;
	for (size_t i = 0; i < e->before.count; i++) {
		uint16_t a_len, b_len;
		const uint8_t *a = zw_rrset_rdata(&e->before, i, &a_len);
		const uint8_t *b = zw_rrset_rdata(&e->after, i, &b_len);

		if (a_len != b_len || memcmp(a, b, a_len) != 0)
			return true;
	}
	return false;
}

/* An alias in the place of an address, and the like; entries of one name are neighbours. */
static bool replaces_another(const struct zw_diff *diff, size_t i)
{
	size_t first = i;

	while (first > 0 && zw_name_equal(diff->entries[first - 1].owner, diff->entries[i].owner))
		first--;
	for (; first < diff->len &&
		zw_name_equal(diff->entries[first].owner, diff->entries[i].owner);
		first++)
		if (first != i && diff->entries[first].op == ZW_DIFF_DELETE &&
			leads_somewhere(diff->entries[first].type))
			return true;
	return false;
}

static unsigned int entry_deeds(const struct zw_diff *diff, size_t i)
{
	const struct zw_diff_entry *e = &diff->entries[i];

	switch (e->type) {
	case ZW_TYPE_NS:
		return ZW_TRIAGE_DELEGATION;
	case ZW_TYPE_DS:
		return ZW_TRIAGE_DELEGATION | (e->op == ZW_DIFF_DELETE ? ZW_TRIAGE_DNSSEC : 0);
	case ZW_TYPE_DNSKEY:
	case ZW_TYPE_CDS:
	case ZW_TYPE_CDNSKEY:
		return e->op == ZW_DIFF_DELETE ? ZW_TRIAGE_DNSSEC : 0;
	case ZW_TYPE_MX:
		return ZW_TRIAGE_MAIL;
	default:
		break;
	}
	if (!leads_somewhere(e->type) || e->op == ZW_DIFF_DELETE)
		return 0;
	if (e->op == ZW_DIFF_MODIFY)
		return has_other_data(e) ? ZW_TRIAGE_REDIRECT : 0;
	return replaces_another(diff, i) ? ZW_TRIAGE_REDIRECT : ZW_TRIAGE_SUBDOMAIN;
}

unsigned int zw_triage_deeds(const struct zw_diff *diff)
{
	unsigned int deeds = 0;

	for (size_t i = 0; diff && i < diff->len; i++)
		deeds |= entry_deeds(diff, i);
	return deeds;
}

static bool is_expected(const struct zw_report *report)
{
	for (size_t i = 0; i < report->reasons; i++)
		if (zw_startswith(report->reason[i], ZW_EXPECT_REASON))
			return true;
	return false;
}

static bool is_alteration(const struct zw_report *report)
{
	return report->action == ZW_ACTION_RECORD_CHANGE &&
	       (report->verdict == ZW_VERDICT_UNAUTHORIZED ||
		       report->verdict == ZW_VERDICT_UNATTRIBUTED);
}

static void judge(struct zw_triage_event *e, const struct zw_triage_fact *fact)
{
	const struct zw_report *report = fact->report;

	e->deeds = zw_triage_deeds(report->diff);
	if (is_alteration(report))
		e->questions |= BIT(ZW_TRIAGE_ALTERED);
	for (size_t i = 0; i < report->findings; i++)
		e->questions |= zw_triage_rule_questions(report->finding[i].rule);
	e->listed = e->questions & BIT(ZW_TRIAGE_LISTED);
	e->confirmed = fact->acknowledged;
	/* An account that is allowed to may be in strange hands: that a feed knows the address speaks louder, unless
	 * just this change was announced. */
	if (report->action == ZW_ACTION_RECORD_CHANGE)
		e->confirmed |= report->verdict == ZW_VERDICT_AUTOMATIC ||
				(report->verdict == ZW_VERDICT_AUTHORIZED &&
					(!e->listed || is_expected(report)));
	e->escalates =
		!e->confirmed && (report->escalate || is_alteration(report) ||
					 (e->listed && report->action == ZW_ACTION_RECORD_CHANGE));
}

static int copy_findings(struct zw_triage_event *e, const struct zw_report *report)
{
	if (report->findings == 0)
		return 0;
	e->finding = calloc(report->findings, sizeof(*e->finding));
	if (!e->finding)
		return -ENOMEM;
	for (; e->findings < report->findings; e->findings++) {
		const struct zw_report_finding *f = &report->finding[e->findings];

		e->finding[e->findings] =
			zw_asprintf("%s: %s", f->rule, f->reason ? f->reason : "found");
		if (!e->finding[e->findings])
			return -ENOMEM;
	}
	return 0;
}

static int copy_event(struct zw_triage_event *e, const struct zw_triage_fact *fact)
{
	const struct zw_report *report = fact->report;

	memcpy(e->id, report->id, sizeof(e->id));
	e->seq = fact->seq;
	e->time_ns = report->time_ns;
	e->action = report->action;
	e->verdict = report->verdict;
	e->channel = report->channel;
	e->zone_id = fact->zone_id;
	e->message =
		strdup(report->message ? report->message : zw_action_to_string(report->action));
	if (report->zone)
		e->zone = strdup(report->zone);
	if (!e->message || (report->zone && !e->zone))
		return -ENOMEM;
	return copy_findings(e, report);
}

/* --- who, and from where ------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? zw_streq(a, b) : a == b;
}

static int new_who(struct zw_triage *t, const struct zw_triage_who *like)
{
	struct zw_triage_who who = {.uid = like->uid};
	int r = -ENOMEM;

	if ((!like->user || (who.user = strdup(like->user))) &&
		(!like->tsig_key || (who.tsig_key = strdup(like->tsig_key))) &&
		(!like->peer || (who.peer = strdup(like->peer))) &&
		(!like->tool || (who.tool = strdup(like->tool))))
		r = zw_vec_push(&t->who, who);
	if (r < 0)
		who_done(&who);
	return r;
}

/* @like borrows its texts. */
static int note_who(
	struct zw_triage *t, const struct zw_triage_who *like, uint64_t time_ns, size_t *ret_index)
{
	struct zw_triage_who *who = NULL;
	size_t i;
	int r;

	for (i = 0; i < t->who.len && !who; i++) {
		struct zw_triage_who *w = &t->who.items[i];

		if (w->uid == like->uid && same_text(w->user, like->user) &&
			same_text(w->tsig_key, like->tsig_key) && same_text(w->peer, like->peer))
			who = w;
	}
	if (!who) {
		if (t->who.len == WHO_MAX)
			return 0;
		r = new_who(t, like);
		if (r < 0)
			return r;
		who = &t->who.items[t->who.len - 1];
		who->first_ns = time_ns;
	}
	who->events++;
	who->last_ns = time_ns;
	*ret_index = (size_t)(who - t->who.items);
	return 0;
}

static int add_principal(
	struct zw_triage *t, struct zw_triage_event *e, const struct zw_report *report)
{
	const struct zw_report_cause *cause = report->has_principal ? &report->cause[0] : NULL;
	const struct zw_actor *actor = cause ? cause->actor : NULL;
	struct zw_triage_who like = {.uid = -1};
	uint8_t key[16];

	if (!cause)
		return 0;
	like.tsig_key = cause->tsig_key;
	like.peer = cause->peer;
	if (actor) {
		like.user = actor->principal.name;
		if (actor->principal.uid != ZW_ID_UNSET)
			like.uid = actor->principal.uid;
		like.tool = actor->name;
		if (actor->origin_ip)
			like.peer = actor->origin_ip;
	}
	if (like.peer && zw_triage_address_key(like.peer, key)) {
		struct zw_triage_address *address;
		int r = zw_triage_address_at(t, key, &address);

		if (r < 0)
			return r;
		if (address) {
			address->source = true;
			address->events++;
		}
	}
	return note_who(t, &like, e->time_ns, &e->who);
}

/* Rules of traffic are about who asks, others about where records lead. */
static int add_subjects(struct zw_triage *t, const struct zw_report *report)
{
	for (size_t i = 0; i < report->findings; i++) {
		const struct zw_report_finding *f = &report->finding[i];
		unsigned int questions = zw_triage_rule_questions(f->rule);
		struct zw_triage_address *address;
		uint8_t key[16];
		int r;

		if (!f->subject || !zw_triage_address_key(f->subject, key))
			continue;
		r = zw_triage_address_at(t, key, &address);
		if (r < 0)
			return r;
		if (!address)
			continue;
		address->events++;
		address->listed |= (questions & BIT(ZW_TRIAGE_LISTED)) != 0;
		if (report->action == ZW_ACTION_RECORD_CHANGE)
			address->target = true;
		else
			address->source = true;
	}
	return 0;
}

/* --- events -------------------------------------------------------------------------------------------- */

void zw_triage_count(struct zw_triage *t, uint64_t time_ns, enum zw_verdict verdict)
{
	t->agent.last_ns = time_ns > t->agent.last_ns ? time_ns : t->agent.last_ns;
	t->changes++;
	t->authorized += verdict == ZW_VERDICT_AUTHORIZED;
	t->automatic += verdict == ZW_VERDICT_AUTOMATIC;
}

static void count_change(struct zw_triage *t, const struct zw_triage_fact *fact)
{
	const struct zw_report *report = fact->report;

	zw_triage_count(t, report->time_ns, report->verdict);
	t->acknowledged += fact->acknowledged;
	if (report->verdict != ZW_VERDICT_UNJUDGED || fact->acknowledged)
		return;
	t->unjudged++;
	if (!t->agent.first_unjudged_ns)
		t->agent.first_unjudged_ns = report->time_ns;
	t->agent.last_unjudged_ns = report->time_ns;
}

static void tell(struct zw_triage *t, const struct zw_triage_event *e, unsigned int questions)
{
	for (unsigned int q = 0; q < _ZW_TRIAGE_QUESTION_MAX; q++) {
		if (!(questions & BIT(q)))
			continue;
		if (e->confirmed)
			t->result[q].confirmed++;
		else
			t->result[q].yes++;
	}
}

static bool has_room(const struct zw_triage *t, const struct zw_triage_event *e)
{
	return e->confirmed ? t->confirmed_kept < CONFIRMED_MAX : t->events.len < EVENTS_MAX;
}

/* Takes @e over. */
static int keep(struct zw_triage *t, struct zw_triage_event *e, const struct zw_triage_fact *fact)
{
	int r = copy_event(e, fact);

	if (r == 0 && !e->confirmed)
		r = add_principal(t, e, fact->report);
	if (r == 0 && !e->confirmed)
		r = add_subjects(t, fact->report);
	if (r == 0)
		r = zw_vec_push(&t->events, *e);
	if (r < 0)
		event_done(e);
	else
		t->confirmed_kept += e->confirmed;
	return r;
}

int zw_triage_add(struct zw_triage *t, const struct zw_triage_fact *fact)
{
	const struct zw_report *report = fact->report;
	struct zw_triage_event e = {.who = SIZE_MAX};
	int r = zw_triage_cover(t, report);

	t->wants_targets = false;
	if (r < 0 || report->time_ns < t->in.since_ns)
		return r;
	if (report->action == ZW_ACTION_RECORD_CHANGE)
		count_change(t, fact);
	judge(&e, fact);
	if (!e.questions && !e.escalates)
		return 0;
	tell(t, &e, e.questions);
	t->escalations += e.escalates;
	if (!has_room(t, &e)) {
		t->unkept++;
		return 0;
	}
	r = keep(t, &e, fact);
	if (r == 0)
		t->wants_targets = !e.confirmed && report->action == ZW_ACTION_RECORD_CHANGE;
	return r;
}

bool zw_triage_wants_targets(const struct zw_triage *t)
{
	return t->wants_targets;
}

int zw_triage_add_known(struct zw_triage *t, const uint8_t key[static 16])
{
	struct zw_triage_address *address;
	int r = zw_triage_address_at(t, key, &address);

	if (r == 0 && address && !address->target)
		address->known = true;
	return r;
}

int zw_triage_add_target(struct zw_triage *t, const uint8_t key[static 16], const char *name)
{
	struct zw_triage_event *e = &t->events.items[t->events.len - 1];
	const unsigned int diverted = BIT(ZW_TRIAGE_DIVERTED);
	struct zw_triage_address *address;
	int r = zw_triage_address_at(t, key, &address);

	if (r < 0 || !address || address->known)
		return r;
	address->target = true;
	address->events++;
	if (!address->name && !(address->name = strdup(name)))
		return -ENOMEM;
	/* Where nobody entitled made it, an address that is not one's own is unknown enough. */
	if (!(e->questions & diverted) && (e->questions & BIT(ZW_TRIAGE_ALTERED)) &&
		!address->familiar && !address->special) {
		e->questions |= diverted;
		tell(t, e, diverted);
	}
	return 0;
}
