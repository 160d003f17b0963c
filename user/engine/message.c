/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/message.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "zone/changes.h"

/* Values of an RRset that a sentence still carries. */
#define VALUES_MAX 3
/* Causes of an ambiguous change that it names. */
#define NAMES_MAX 3

static void add_text(struct zw_str *s, const char *text)
{
	zw_str_add_escaped(s, text, strlen(text));
}

static int add_values(struct zw_str *s, const struct zw_rrset *rrset)
{
	for (size_t i = 0; i < rrset->count && i < VALUES_MAX; i++) {
		_zw_free_ char *text = NULL;
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(rrset, i, &len);
		int r = zw_rdata_to_text(rrset->type, rdata, len, &text);

		if (r < 0)
			return r;
		if (i > 0)
			zw_str_add(s, ", ");
		add_text(s, text);
	}
	if (rrset->count > VALUES_MAX)
		zw_str_addf(s, ", %u more", rrset->count - VALUES_MAX);
	return 0;
}

static int add_change(struct zw_str *s, const struct zw_diff_entry *e)
{
	char name[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];
	int r = 0;

	zw_name_to_text(e->owner, name);
	add_text(s, name);
	zw_str_addf(s, " %s ", zw_type_to_text(e->type, type));
	if (e->op != ZW_DIFF_ADD)
		r = add_values(s, &e->before);
	if (r == 0 && e->op == ZW_DIFF_MODIFY)
		zw_str_add(s, " -> ");
	if (r == 0 && e->op != ZW_DIFF_DELETE)
		r = add_values(s, &e->after);
	if (e->op == ZW_DIFF_MODIFY && e->before.ttl != e->after.ttl)
		zw_str_addf(s, " (TTL %u -> %u)", e->before.ttl, e->after.ttl);
	return r;
}

static void add_user(struct zw_str *s, const struct zw_actor *a)
{
	if (a->kthread)
		zw_str_add(s, "the kernel");
	else if (a->principal.name)
		add_text(s, a->principal.name);
	else
		zw_str_addf(s, "uid %u", a->principal.uid);
}

/* A process by its user; who is on another host by the address. */
static void add_who(struct zw_str *s, const struct zw_report_cause *cause)
{
	if (cause->actor)
		add_user(s, cause->actor);
	else if (cause->peer)
		add_text(s, cause->peer);
	else
		zw_str_add(s, cause->role == ZW_ROLE_SERVER ? "the server" : "somebody");
}

static void add_tool(struct zw_str *s, const struct zw_report_cause *cause)
{
	if (cause->actor) {
		zw_str_add(s, " with ");
		add_text(s, cause->actor->name);
	} else if (cause->tsig_key) {
		zw_str_add(s, " with key ");
		add_text(s, cause->tsig_key);
	}
}

/* Who, as the subject of the sentence. */
static void add_subject(struct zw_str *s, const struct zw_report *r)
{
	if (r->has_principal) {
		add_who(s, &r->cause[0]);
	} else if (r->causes && r->attribution != ZW_ATTRIBUTION_NONE) {
		zw_str_add(s, "One of ");
		for (size_t i = 0; i < r->causes && i < NAMES_MAX; i++) {
			if (i > 0)
				zw_str_add(s, ", ");
			add_who(s, &r->cause[i]);
			add_tool(s, &r->cause[i]);
		}
		if (r->causes > NAMES_MAX)
			zw_str_addf(s, " and %zu more", r->causes - NAMES_MAX);
	} else {
		zw_str_add(s, "Somebody unseen");
	}
}

static void add_means(struct zw_str *s, const struct zw_report *r)
{
	if (r->has_principal)
		add_tool(s, &r->cause[0]);
	zw_str_addf(s, " (%s)", zw_channel_to_string(r->channel));
}

static const struct zw_diff_entry *first_told(const struct zw_diff *diff)
{
	for (size_t i = 0; i < diff->len; i++)
		if (!zw_change_is_implied(diff, &diff->entries[i]))
			return &diff->entries[i];
	return NULL;
}

static int record_change(struct zw_str *s, const struct zw_report *r)
{
	static const char *const verbs[] = {
		[ZW_DIFF_ADD] = " added ",
		[ZW_DIFF_DELETE] = " deleted ",
		[ZW_DIFF_MODIFY] = " changed ",
	};
	const struct zw_diff_entry *first = r->diff ? first_told(r->diff) : NULL;
	size_t told = r->diff ? zw_changes_count(r->diff) : 0;
	int rc = 0;

	_Static_assert(ZW_ARRAY_SIZE(verbs) == _ZW_DIFF_OP_MAX, "a verb for every operation");
	add_subject(s, r);
	if (!first) {
		zw_str_add(s, " changed records");
	} else {
		zw_str_add(s, verbs[first->op]);
		rc = add_change(s, first);
		if (told > 1)
			zw_str_addf(s, " and %zu more RRset%s", told - 1, told > 2 ? "s" : "");
	}
	zw_str_add(s, " in ");
	add_text(s, r->zone);
	add_means(s, r);
	return rc;
}

static void counts(struct zw_str *s, const struct zw_report *r, bool zeros)
{
	const char *before = ": ";

	for (size_t i = 0; i < r->counts; i++) {
		if (!zeros && !r->count[i].value)
			continue;
		zw_str_addf(s, "%s%s %llu", before, r->count[i].name,
			(unsigned long long)r->count[i].value);
		before = ", ";
	}
}

static void zone_sentence(struct zw_str *s, const struct zw_report *r, const char *what)
{
	zw_str_add(s, "Zone ");
	add_text(s, r->zone ? r->zone : "?");
	zw_str_add(s, what);
	if (r->file.path) {
		zw_str_add(s, " (");
		add_text(s, r->file.path);
		zw_str_add(s, ")");
	}
}

static void zone_unreadable(struct zw_str *s, const struct zw_report *r)
{
	zw_str_add(s, "Zone ");
	add_text(s, r->zone);
	zw_str_add(s, " cannot be read: ");
	if (r->error_file)
		add_text(s, r->error_file);
	if (r->error_line)
		zw_str_addf(s, " line %llu", (unsigned long long)r->error_line);
	zw_str_add(s, ": ");
	add_text(s, r->error);
	if (r->has_principal) {
		zw_str_add(s, "; last written by ");
		add_who(s, &r->cause[0]);
		add_tool(s, &r->cause[0]);
	}
}

static void updates_refused(struct zw_str *s, const struct zw_report *r)
{
	zw_str_addf(s, "%llu more updates", (unsigned long long)r->request.repeated);
	if (r->has_principal) {
		zw_str_add(s, " of ");
		add_text(s, r->zone ? r->zone : "no zone");
		zw_str_add(s, " by ");
		add_who(s, &r->cause[0]);
		add_tool(s, &r->cause[0]);
	} else {
		zw_str_add(s, " by many clients");
	}
	zw_str_addf(s, " were refused (%s) within a minute", r->request.rcode);
}

static void update_refused(struct zw_str *s, const struct zw_report *r)
{
	const struct zw_report_request *request = &r->request;

	if (request->repeated) {
		updates_refused(s, r);
		return;
	}
	zw_str_add(s, "An update of ");
	add_text(s, r->zone ? r->zone : "no zone");
	if (r->causes) {
		zw_str_add(s, " by ");
		add_who(s, &r->cause[0]);
		add_tool(s, &r->cause[0]);
	}
	if (request->rcode[0])
		zw_str_addf(s, " was refused (%s)", request->rcode);
	else
		zw_str_add(s, " was not answered");
	if (request->asked_len) {
		zw_str_add(s, ": ");
		zw_str_add(s, request->asked[0]);
	}
	if (request->asked_total > 1)
		zw_str_addf(s, " and %llu more", (unsigned long long)request->asked_total - 1);
}

/* Who made the zone come or go, where that was seen. */
static void zone_came(struct zw_str *s, const struct zw_report *r, const char *what)
{
	zone_sentence(s, r, what);
	if (!r->has_principal)
		return;
	zw_str_add(s, ", by ");
	add_who(s, &r->cause[0]);
	add_tool(s, &r->cause[0]);
}

static void add_ticket(struct zw_str *s, const struct zw_report_note *note)
{
	if (!note->ticket)
		return;
	zw_str_add(s, " (ticket ");
	add_text(s, note->ticket);
	zw_str_add_char(s, ')');
}

static void acknowledged(struct zw_str *s, const struct zw_report *r)
{
	const struct zw_report_note *note = &r->note;

	add_subject(s, r);
	zw_str_addf(s, " acknowledged event %s", note->of);
	if (r->zone) {
		zw_str_add(s, " of ");
		add_text(s, r->zone);
	}
	if (note->by) {
		zw_str_add(s, " in the name of ");
		add_text(s, note->by);
	}
	add_ticket(s, note);
	if (note->reason) {
		zw_str_add(s, ": ");
		add_text(s, note->reason);
	}
}

static void expected(struct zw_str *s, const struct zw_report *r)
{
	const struct zw_report_note *note = &r->note;
	char from[ZW_TIME_ISO_MAX], until[ZW_TIME_ISO_MAX];

	add_subject(s, r);
	zw_str_add(s, note->withdrawn ? " no longer expects changes of " : " expects changes of ");
	add_text(s, r->zone ? r->zone : "no zone");
	zw_str_add(s, note->user ? " by user " : " with key ");
	add_text(s, note->user ? note->user : note->tsig_key ? note->tsig_key : "?");
	if (!note->withdrawn) {
		zw_time_iso(note->from_ns, from);
		zw_time_iso(note->until_ns, until);
		zw_str_addf(s, " from %s until %s", from, until);
	}
	add_ticket(s, note);
}

static void finding(struct zw_str *s, const struct zw_report *r)
{
	if (r->findings == 0) {
		zw_str_add(s, "A rule found something");
		return;
	}
	add_text(s, r->finding[0].reason);
	if (r->findings > 1)
		zw_str_addf(s, " (and %zu more)", r->findings - 1);
}

int zw_report_set_message(struct zw_report *r)
{
	_zw_str_ struct zw_str s = {};
	int rc = 0;

	switch (r->action) {
	case ZW_ACTION_RECORD_CHANGE:
		rc = record_change(&s, r);
		break;
	case ZW_ACTION_ZONE_UNREADABLE:
		zone_unreadable(&s, r);
		break;
	case ZW_ACTION_ZONE_ADDED:
		zone_came(&s, r, " is watched from now on");
		break;
	case ZW_ACTION_ZONE_REMOVED:
		zone_came(&s, r, " is no longer served and not watched any more");
		break;
	case ZW_ACTION_UPDATE_REFUSED:
		update_refused(&s, r);
		break;
	case ZW_ACTION_AGENT_READY:
		zw_str_add(&s, "The agent watches");
		counts(&s, r, true);
		break;
	case ZW_ACTION_AGENT_STOPPED:
		zw_str_add(&s, "The agent stopped");
		counts(&s, r, true);
		break;
	case ZW_ACTION_EVENTS_LOST:
		zw_str_add(&s, "Events were lost");
		counts(&s, r, false);
		break;
	case ZW_ACTION_CONFIG_CHANGE:
		zw_str_add(&s, "The configuration was read again");
		break;
	case ZW_ACTION_TAMPER:
		zw_str_add(&s, "Somebody interferes with the agent or a server");
		break;
	case ZW_ACTION_ACKNOWLEDGED:
		acknowledged(&s, r);
		break;
	case ZW_ACTION_EXPECTED:
		expected(&s, r);
		break;
	case ZW_ACTION_FINDING:
		finding(&s, r);
		break;
	default:
		zw_str_add(&s, zw_action_to_string(r->action));
		break;
	}
	return rc < 0 ? rc : zw_str_done(&s, &r->message);
}
