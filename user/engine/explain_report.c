/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parts of a difference become reports. */
#include "engine/explain_impl.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"

/* Connections that are listed beside a change of nobody. */
#define CONNECTIONS_MAX 16

void zw_explain_parts_done(struct explanation *x)
{
	ZW_VEC_FOREACH(p, &x->parts) {
		zw_vec_free(&p->changes);
		zw_vec_free(&p->by);
		zw_vec_free(&p->beside);
	}
	zw_vec_free(&x->parts);
	zw_map_free(x->part_by);
	zw_vec_free(&x->group_asks);
	zw_vec_free(&x->group_pieces);
	zw_vec_free(&x->pieces);
	ZW_VEC_FOREACH(s, &x->kept)
		zw_snapshot_unref(*s);
	zw_vec_free(&x->kept);
	zw_diff_free(x->own);
}

static int copy_text(const char *text, char **ret_copy)
{
	if (!text)
		return 0;
	*ret_copy = strdup(text);
	return *ret_copy ? 0 : -ENOMEM;
}

static int copy_zone(const struct zw_report *from, struct zw_report *to)
{
	int r;

	to->action = from->action;
	to->server_pid = from->server_pid;
	to->file = from->file;
	to->file.path = NULL;
	r = copy_text(from->server_kind, &to->server_kind);
	if (r == 0)
		r = copy_text(from->server, &to->server);
	if (r == 0)
		r = copy_text(from->view, &to->view);
	if (r == 0)
		r = copy_text(from->zone, &to->zone);
	if (r == 0)
		r = copy_text(from->file.path, &to->file.path);
	return r;
}

/* --- the difference ----------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const struct part_change *x = a, *y = b;
	int d = zw_name_cmp(x->owner, y->owner);

	return d ? d : (int)x->type - (int)y->type;
}

static int add_rrset(
	struct zw_builder *builder, const struct part_change *c, const struct zw_rrset *set)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < set->count; i++) {
		struct zw_record record = {
			.owner = c->owner,
			.owner_len = (uint8_t)zw_name_len(c->owner),
			.ttl = zw_rrset_ttl(set, i),
			.type = c->type,
			.klass = ZW_CLASS_IN,
		};

		record.rdata = zw_rrset_rdata(set, i, &record.rdata_len);
		r = zw_builder_add(builder, &record);
	}
	return r;
}

static int side(const struct explanation *x, const struct part *part, bool after,
	struct zw_snapshot **ret_snapshot)
{
	_zw_builder_ struct zw_builder *builder = NULL;
	int r = zw_builder_new(x->in->key, x->in->origin, NULL, &builder);

	ZW_VEC_FOREACH(c, &part->changes)
		if (r == 0)
			r = add_rrset(builder, c, after ? &c->after : &c->before);
	return r < 0 ? r : zw_builder_finish(builder, ret_snapshot);
}

/* The RRsets of the part alone. */
static int part_diff(const struct explanation *x, struct part *part, struct zw_diff **ret_diff)
{
	_zw_snapshot_ struct zw_snapshot *before = NULL, *after = NULL;
	int r;

	qsort(part->changes.items, part->changes.len, sizeof(*part->changes.items), by_place);
	r = side(x, part, false, &before);
	if (r == 0)
		r = side(x, part, true, &after);
	return r < 0 ? r : zw_diff_new(before, after, ret_diff);
}

static void set_serials(const struct zw_diff *diff, struct zw_report *report)
{
	report->has_serial_before = diff->has_serial_before;
	report->has_serial_after = diff->has_serial_after;
	report->serial_before = diff->serial_before;
	report->serial_after = diff->serial_after;
}

static int set_diff(
	const struct explanation *x, struct part *part, bool whole, struct zw_report *report)
{
	set_serials(x->diff, report);
	/* That of the report stays. */
	if (whole)
		return 0;
	return part_diff(x, part, &report->diff);
}

/* --- the causes --------------------------------------------------------------------------------------- */

static int add_requests(const struct explanation *x, const zw_requests *list, uint32_t evidence,
	struct zw_report *report)
{
	int r = 0;

	ZW_VEC_FOREACH(q, list) {
		const struct zw_request *first = zw_request_first(*q);

		if (r == 0)
			r = zw_explain_add_cause(x->in, first,
				first->kind == ZW_REQUEST_TRANSFER ? ZW_ROLE_PEER : ZW_ROLE_CLIENT,
				evidence, report);
		/* Who passed it on. */
		if (r == 0 && first != *q)
			r = zw_explain_add_cause(
				x->in, *q, ZW_ROLE_PEER, ZW_EVIDENCE_REQUEST, report);
	}
	return r;
}

static bool is_of(const zw_requests *list, const struct zw_request *request)
{
	ZW_VEC_FOREACH(q, list)
		if (same_who(*q, request))
			return true;
	return false;
}

/* Who made a change visible that somebody else made: a reload, or the commit of a transaction. */
static int add_reloaders(
	const struct explanation *x, const struct part *part, struct zw_report *report)
{
	int r = 0;

	ZW_VEC_FOREACH(o, x->others)
		if (r == 0 && (*o)->kind == ZW_REQUEST_CONTROL && (*o)->reloads &&
			(*o)->rcode == 0 && zw_explain_of_server(x->in, *o) &&
			!is_of(&part->by, *o))
			r = zw_explain_add_cause(
				x->in, *o, ZW_ROLE_RELOADER, ZW_EVIDENCE_REQUEST, report);
	return r;
}

static int add_connections(const struct explanation *x, struct zw_report *report)
{
	size_t n = 0;
	int r = 0;

	ZW_VEC_FOREACH(o, x->others) {
		if (r < 0 || (*o)->kind != ZW_REQUEST_CONNECTION ||
			!zw_explain_of_server(x->in, *o))
			continue;
		if (n++ < CONNECTIONS_MAX)
			r = zw_explain_add_cause(
				x->in, *o, ZW_ROLE_CLIENT, ZW_EVIDENCE_CONNECTION, report);
	}
	if (r == 0 && n)
		r = zw_report_add_reason(report,
			"%zu encrypted connection%s to the server %s open at that time; what was "
			"asked through %s cannot be seen",
			n, n > 1 ? "s" : "", n > 1 ? "were" : "was", n > 1 ? "them" : "it");
	return r;
}

static int copy_reasons(const struct zw_report *from, struct zw_report *to)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->reasons; i++)
		r = zw_report_add_reason(to, "%s", from->reason[i]);
	return r;
}

/* The processes that wrote the files; the server among them only where it may have made the change. */
static int add_files(const struct explanation *x, const struct part *part, struct zw_report *report)
{
	bool all = part->attribution == x->seen->attribution;
	int r = 0;

	if (all) {
		r = zw_explain_copy_causes(x->seen, report);
		report->has_principal = x->seen->has_principal;
		if (r == 0)
			r = copy_reasons(x->seen, report);
	} else {
		r = zw_explain_copy_others(x->seen, report);
		report->has_principal = report->causes > 0;
		if (r == 0)
			r = zw_report_add_reason(
				report, "the server wrote at the same time, what it was asked for");
	}
	for (size_t i = 0; i < report->causes && part->channel == ZW_CHANNEL_DATABASE; i++)
		if (is_other(&report->cause[i]))
			report->cause[i].channel = ZW_CHANNEL_DATABASE;
	return r;
}

static const char *who_text(const struct zw_report_cause *cause)
{
	if (cause->actor)
		return cause->actor->name ? cause->actor->name : cause->actor->comm;
	return cause->peer ? cause->peer : "another host";
}

static int add_beside(
	const struct explanation *x, const struct part *part, struct zw_report *report)
{
	size_t first = report->causes;
	int r = add_requests(x, &part->beside, ZW_EVIDENCE_REQUEST, report);

	for (size_t i = first; r == 0 && i < report->causes; i++)
		r = zw_report_add_reason(report,
			"%s asked for changes of the same records before; nothing of them is left",
			who_text(&report->cause[i]));
	return r;
}

static int add_causes(
	const struct explanation *x, const struct part *part, struct zw_report *report)
{
	uint32_t content = ZW_EVIDENCE_REQUEST | ZW_EVIDENCE_CONTENT;
	int r = 0;

	switch (part->kind) {
	case PART_CONTENT:
	case PART_TRANSFER:
	case PART_COMMAND:
		r = add_requests(x, &part->by,
			part->kind == PART_CONTENT ? content : ZW_EVIDENCE_REQUEST, report);
		report->has_principal = part->attribution != ZW_ATTRIBUTION_AMBIGUOUS;
		if (r == 0)
			r = add_beside(x, part, report);
		break;
	case PART_FILES:
		r = add_files(x, part, report);
		break;
	case PART_SIGNING:
		report->has_principal = true;
		break;
	case PART_NOBODY:
		r = add_connections(x, report);
		/* Nobody, not even the server: the files are the only evidence. */
		if (r == 0 && !x->seen->causes)
			r = copy_reasons(x->seen, report);
		break;
	}
	if (r == 0 && (part->channel == ZW_CHANNEL_CONTROL || part->channel == ZW_CHANNEL_FILE))
		r = add_reloaders(x, part, report);
	if (r == 0 && part->kind != PART_FILES)
		r = zw_explain_add_server(x->in, x->seen, report);
	return r;
}

/* --- how sure it is ----------------------------------------------------------------------------------- */

int zw_explain_doubt(struct zw_report *report, const char *why)
{
	if (report->attribution == ZW_ATTRIBUTION_CERTAIN)
		report->attribution = ZW_ATTRIBUTION_PROBABLE;
	return zw_report_add_reason(report, "%s", why);
}

/* An address of this host that no process is known to have sent from. */
static bool is_hidden(const struct zw_request *request)
{
	const struct zw_endpoint *c = &request->client;
	static const uint8_t loopback6[16] = {[15] = 1};

	if (request->client_actor)
		return false;
	return !c->family || (c->family == AF_INET && c->addr[0] == 127) ||
	       (c->family == AF_INET6 && memcmp(c->addr, loopback6, sizeof(loopback6)) == 0);
}

static bool is_incomplete(const struct explanation *x)
{
	return x->in->lost || zw_request_book_incomplete_until(x->in->book) > x->in->from_ns;
}

static int explain_requests(
	const struct explanation *x, const struct part *part, struct zw_report *report)
{
	const struct zw_request *by = part->by.items[0];
	int r = 0;

	if (part->attribution == ZW_ATTRIBUTION_AMBIGUOUS)
		return zw_report_add_reason(report,
			"%zu requests could have made this change; which one did cannot be told",
			part->by.len);
	if (part->kind == PART_CONTENT && part->attribution == ZW_ATTRIBUTION_PROBABLE)
		r = zw_report_add_reason(report,
			"not everything that was asked for at that time is as it was asked");
	else if (part->kind == PART_COMMAND)
		r = zw_report_add_reason(report, "what the command does to records is not known");
	else if (part->kind == PART_TRANSFER && part->attribution == ZW_ATTRIBUTION_PROBABLE)
		r = zw_report_add_reason(
			report, "the serial is not the one that the transfer ended with");
	if (r == 0 && part->kind != PART_TRANSFER && is_hidden(zw_request_first(by)))
		r = zw_explain_doubt(report, "which process of this host asked was not seen");
	if (r == 0 && zw_request_first(by)->client_process.made)
		r = zw_explain_doubt(report, ZW_EXPLAIN_MADE);
	if (r == 0 && !by->answered_ns && by->rcode == ZW_REQUEST_UNANSWERED)
		r = zw_explain_doubt(report, "the answer of the server was not seen");
	if (r == 0 && is_incomplete(x))
		r = zw_explain_doubt(
			report, "requests were lost in this time, another one may be the cause");
	return r;
}

static int explain_limits(
	const struct explanation *x, const struct part *part, struct zw_report *report)
{
	if (part->by.len)
		return explain_requests(x, part, report);
	if (part->kind == PART_NOBODY && x->budget->hurried)
		return zw_report_add_reason(report,
			"the agent was asked to stop before it had looked for who did this");
	if (part->kind == PART_NOBODY && is_incomplete(x))
		return zw_report_add_reason(
			report, "requests were lost in this time, among them perhaps the cause");
	return 0;
}

static uint64_t time_of(const struct explanation *x, const struct part *part)
{
	uint64_t ns = x->in->to_ns;

	if (part->kind == PART_FILES && x->seen->time_ns)
		return x->seen->time_ns;
	if (part->by.len) {
		const struct zw_request *by = part->by.items[0];

		ns = by->answered_ns ? by->answered_ns : by->asked_ns;
		if (by->effect_ns > ns)
			ns = by->effect_ns;
	}
	return (uint64_t)((int64_t)ns + x->in->real_offset_ns);
}

static int make_report(
	const struct explanation *x, struct part *part, bool whole, struct zw_report **ret_report)
{
	_zw_report_free_ struct zw_report *report = calloc(1, sizeof(*report));
	int r = report ? copy_zone(x->seen, report) : -ENOMEM;

	if (r < 0)
		return r;
	report->channel = part->channel;
	report->attribution = part->attribution;
	report->time_ns = time_of(x, part);
	r = set_diff(x, part, whole, report);
	if (r == 0)
		r = add_causes(x, part, report);
	if (r == 0)
		r = explain_limits(x, part, report);
	if (r < 0)
		return r;
	if (!report->causes)
		report->has_principal = false;
	*ret_report = ZW_TAKE(report);
	return 0;
}

struct turn {
	uint64_t order_ns;
	size_t number;
};

static int by_turn(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;

	if (x->order_ns != y->order_ns)
		return x->order_ns < y->order_ns ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

int zw_explain_reports(const struct explanation *x, bool whole, zw_reports *reports)
{
	_zw_free_ struct turn *turn = calloc(x->parts.len + 1, sizeof(*turn));
	int r = turn ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < x->parts.len; i++)
		turn[i] = (struct turn){x->parts.items[i].order_ns, i};
	if (r == 0)
		qsort(turn, x->parts.len, sizeof(*turn), by_turn);
	for (size_t i = 0; r == 0 && i < x->parts.len; i++) {
		struct part *p = &x->parts.items[turn[i].number];
		struct zw_report *report;

		if (!p->changes.len)
			continue;
		r = make_report(x, p, whole && x->parts.len == 1, &report);
		if (r < 0)
			break;
		r = zw_vec_push(reports, report);
		if (r < 0)
			zw_report_free(report);
	}
	return r;
}
