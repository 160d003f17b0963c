/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests as the causes of a report. */
#include "engine/explain_impl.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "dns/name.h"
#include "dns/rr.h"

/* What a refused update asked for is listed up to this; "asked_total" has the number. */
#define ASKED_MAX 20
/* A text record can have 64 KiB. */
#define ASKED_TEXT_MAX 512

static bool same_program(
	const struct zw_explain_input *in, uint32_t tgid, uint64_t exe_dev, uint64_t exe_ino)
{
	if (!in->server_pid)
		return false;
	return tgid == in->server_pid ||
	       (in->server_forks && exe_ino && exe_ino == in->server_exe_ino &&
		       exe_dev == in->server_exe_dev);
}

static bool is_the_server(const struct zw_explain_input *in, const struct zw_actor *actor)
{
	return actor && same_program(in, actor->tgid, actor->exe_dev, actor->exe_ino);
}

/* What came through an encrypted connection is no sooner on disk than what is seen: a transfer is written when it is
 * whole, and not found in time where the zone was looked at in between. */
#define CONNECTION_LAG_NS 5000000000ULL

/* An encrypted connection that the server made, as to get a zone. */
static bool opened_itself(const struct zw_explain_input *in, const struct zw_request *request)
{
	const struct zw_request_process *p = &request->client_process;

	return request->kind == ZW_REQUEST_CONNECTION && p->tgid &&
	       same_program(in, p->tgid, p->exe_dev, p->exe_ino);
}

bool zw_explain_of_server(const struct zw_explain_input *in, const struct zw_request *request)
{
	bool inbound = request->kind == ZW_REQUEST_TRANSFER;
	const struct zw_request_process *p =
		inbound ? &request->client_process : &request->server_process;

	if (inbound && request->client_actor)
		return is_the_server(in, request->client_actor);
	if (opened_itself(in, request))
		return true;
	/* A transfer that nobody of this host asked for goes out, not in. */
	if (!p->tgid)
		return !inbound;
	return same_program(in, p->tgid, p->exe_dev, p->exe_ino);
}

bool zw_explain_is_early(const struct zw_explain_input *in, const struct zw_request *request)
{
	uint64_t end_ns = zw_request_end_ns(request), lag_ns = in->lag_ns;

	if (request->kind == ZW_REQUEST_CONNECTION && lag_ns < CONNECTION_LAG_NS)
		lag_ns = CONNECTION_LAG_NS;
	return end_ns < in->from_ns && in->from_ns - end_ns > lag_ns;
}

static uint64_t to_real(const struct zw_explain_input *in, uint64_t boot_ns)
{
	return (uint64_t)((int64_t)boot_ns + in->real_offset_ns);
}

static int copy_text(const char *text, char **ret_copy)
{
	if (!text)
		return 0;
	*ret_copy = strdup(text);
	return *ret_copy ? 0 : -ENOMEM;
}

static int append(struct zw_report *report, struct zw_report_cause cause)
{
	struct zw_report_cause *grown =
		reallocarray(report->cause, report->causes + 1, sizeof(*report->cause));

	if (!grown)
		return -ENOMEM;
	report->cause = grown;
	report->cause[report->causes++] = cause;
	return 0;
}

/* The end that is told of: of a transfer where the zone came from, else who asked. */
static int set_peer(const struct zw_explain_input *in, const struct zw_request *request,
	struct zw_report_cause *cause)
{
	bool out = request->kind == ZW_REQUEST_TRANSFER || opened_itself(in, request);
	const struct zw_endpoint *end = out ? &request->server : &request->client;
	char text[ZW_ADDRESS_TEXT_MAX];

	zw_endpoint_to_text(end, text);
	if (!text[0])
		return 0;
	cause->peer_port = end->port;
	return copy_text(text, &cause->peer);
}

int zw_explain_add_cause(const struct zw_explain_input *in, const struct zw_request *request,
	enum zw_role role, uint32_t evidence, struct zw_report *report)
{
	struct zw_actor *actor =
		request->kind == ZW_REQUEST_TRANSFER ? NULL : request->client_actor;
	struct zw_report_cause cause = {
		.role = role == ZW_ROLE_CLIENT && !actor ? ZW_ROLE_PEER : role,
		.channel = request->channel,
		.evidence = evidence,
		.first_ns = to_real(in, request->asked_ns),
		.last_ns = to_real(
			in, request->answered_ns ? request->answered_ns : request->asked_ns),
	};
	int r = set_peer(in, request, &cause);

	if (r == 0)
		r = copy_text(request->tsig_key, &cause.tsig_key);
	if (r == 0)
		r = copy_text(request->command, &cause.command);
	if (r == 0)
		r = append(report, cause);
	if (r < 0) {
		free(cause.peer);
		free(cause.tsig_key);
		free(cause.command);
		return r;
	}
	if (actor)
		report->cause[report->causes - 1].actor = zw_actor_ref(actor);
	return 0;
}

static int copy_cause(const struct zw_report_cause *from, struct zw_report *report)
{
	struct zw_report_cause copy = *from;
	int r;

	copy.tsig_key = copy.peer = copy.command = NULL;
	r = append(report, copy);
	if (r == 0 && from->actor)
		zw_actor_ref(from->actor);
	return r;
}

int zw_explain_copy_causes(const struct zw_report *seen, struct zw_report *report)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < seen->causes; i++)
		r = copy_cause(&seen->cause[i], report);
	return r;
}

int zw_explain_copy_others(const struct zw_report *seen, struct zw_report *report)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < seen->causes; i++)
		if (is_other(&seen->cause[i]))
			r = copy_cause(&seen->cause[i], report);
	return r;
}

static bool same_user(const struct zw_actor *a, const struct zw_actor *b)
{
	return a->principal.uid == b->principal.uid && a->principal.uid != ZW_ID_UNSET &&
	       a->session == b->session;
}

bool zw_explain_same_who(const struct zw_request *a, const struct zw_request *b)
{
	const char *p = a->tsig_key ? a->tsig_key : "", *q = b->tsig_key ? b->tsig_key : "";

	if (a == b)
		return true;
	if (!zw_streq(p, q))
		return false;
	if (a->kind == ZW_REQUEST_TRANSFER && b->kind == ZW_REQUEST_TRANSFER)
		return zw_endpoint_same_host(&a->server, &b->server);
	if (a->client_actor && b->client_actor && a->effect_ns && a->effect_ns == b->effect_ns)
		return same_user(a->client_actor, b->client_actor);
	if (a->client_actor && b->client_actor)
		return zw_actor_same_process(a->client_actor, b->client_actor);
	return !a->client_actor && !b->client_actor && a->client.family &&
	       zw_endpoint_same_host(&a->client, &b->client);
}

int zw_explain_add_server(
	const struct zw_explain_input *in, const struct zw_report *seen, struct zw_report *report)
{
	struct zw_report_cause cause = {.role = ZW_ROLE_SERVER, .channel = report->channel};
	int r;

	for (size_t i = 0; i < report->causes; i++)
		if (report->cause[i].role == ZW_ROLE_SERVER)
			return 0;
	for (size_t i = 0; i < seen->causes; i++)
		if (seen->cause[i].role == ZW_ROLE_SERVER)
			return copy_cause(&seen->cause[i], report);
	if (!in->server_actor)
		return 0;
	cause.last_ns = cause.first_ns = to_real(in, in->to_ns);
	r = append(report, cause);
	if (r == 0)
		report->cause[report->causes - 1].actor = zw_actor_ref(in->server_actor);
	return r;
}

/* --- zones that come and go --------------------------------------------------------------------------- */

/* Commands about all zones do not say who put this one into the configuration. */
static bool is_about_zone(const struct zw_explain_input *in, const struct zw_request *r)
{
	return (r->kind == ZW_REQUEST_CONTROL || r->kind == ZW_REQUEST_API) && r->zone &&
	       r->may_change && !r->message &&
	       (r->rcode == ZW_RCODE_NOERROR || r->rcode == ZW_REQUEST_UNANSWERED) &&
	       zw_explain_of_server(in, r);
}

int zw_explain_zone(const struct zw_explain_input *in, struct zw_report *report)
{
	zw_requests found = {};
	int r = zw_request_book_find(in->book, in->origin, in->from_ns, in->to_ns, &found);

	/* The latest: a zone comes, or goes, once. */
	for (size_t i = found.len; r == 0 && !report->causes && i-- > 0;) {
		const struct zw_request *q = found.items[i];

		if (!is_about_zone(in, q))
			continue;
		report->attribution = q->rcode == ZW_RCODE_NOERROR ? ZW_ATTRIBUTION_CERTAIN
								   : ZW_ATTRIBUTION_PROBABLE;
		report->channel = q->channel;
		report->has_principal = true;
		r = zw_explain_add_cause(in, q, ZW_ROLE_CLIENT, ZW_EVIDENCE_REQUEST, report);
		if (r == 0 && q->client_process.made)
			r = zw_explain_doubt(report, ZW_EXPLAIN_MADE);
	}
	zw_vec_free(&found);
	return r;
}

/* --- what was asked for ------------------------------------------------------------------------------- */

static void add_rdata(struct zw_str *s, const struct zw_message_rr *rr)
{
	_zw_free_ char *text = NULL;

	if (zw_rdata_to_text(rr->type, rr->rdata, rr->rdata_len, &text) < 0) {
		s->failed = true;
		return;
	}
	zw_str_add_char(s, ' ');
	zw_str_add_escaped(s, text, strnlen(text, ASKED_TEXT_MAX));
	if (strlen(text) > ASKED_TEXT_MAX)
		zw_str_add(s, "...");
}

/* RFC 2136 section 2.5: by class and type. */
static void add_asked(struct zw_str *s, const struct zw_message_rr *rr, uint16_t zone_class)
{
	char name[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

	zw_name_to_text(rr->owner, name);
	zw_str_add(s, rr->klass == zone_class ? "add " : "delete ");
	zw_str_add_escaped(s, name, strlen(name));
	if (rr->klass == zone_class)
		zw_str_addf(s, " %u", rr->ttl);
	if (rr->type != ZW_TYPE_ANY)
		zw_str_addf(s, " %s", zw_type_to_text(rr->type, type));
	if (rr->rdata_len)
		add_rdata(s, rr);
}

static int list_asked(const struct zw_request *request, struct zw_report_request *told)
{
	const struct zw_message *m = request->message;

	told->asked = calloc(ASKED_MAX, sizeof(*told->asked));
	if (!told->asked)
		return -ENOMEM;
	for (size_t i = 0; m && i < m->rrs; i++) {
		_zw_str_ struct zw_str s = {};

		if (m->rr[i].section != ZW_SECTION_UPDATE)
			continue;
		told->asked_total++;
		if (told->asked_len == ASKED_MAX)
			continue;
		add_asked(&s, &m->rr[i], request->klass);
		if (zw_str_done(&s, &told->asked[told->asked_len]) < 0)
			return -ENOMEM;
		told->asked_len++;
	}
	return 0;
}

static void set_rcode(int rcode, char ret_text[static 16])
{
	const char *name = rcode >= 0 ? zw_rcode_to_text((unsigned int)rcode) : NULL;

	if (name)
		snprintf(ret_text, 16, "%s", name);
	else if (rcode >= 0)
		snprintf(ret_text, 16, "RCODE%d", rcode);
}

/* A prerequisite that does not hold is everyday life of a client; the others say no to who asks. */
static unsigned int refusal_severity(int rcode)
{
	switch (rcode) {
	case ZW_RCODE_NXDOMAIN:
	case ZW_RCODE_YXDOMAIN:
	case ZW_RCODE_YXRRSET:
	case ZW_RCODE_NXRRSET:
	case ZW_RCODE_SERVFAIL:
	case ZW_REQUEST_UNANSWERED:
		return 21;
	default:
		return 47;
	}
}

int zw_explain_refusal(
	const struct zw_request *request, int64_t real_offset_ns, struct zw_report *report)
{
	const struct zw_explain_input in = {.real_offset_ns = real_offset_ns};
	const struct zw_request *first = zw_request_first(request);
	int r;

	report->channel = request->channel;
	report->attribution = ZW_ATTRIBUTION_CERTAIN;
	report->severity = refusal_severity(request->rcode);
	report->time_ns =
		to_real(&in, request->answered_ns ? request->answered_ns : request->asked_ns);
	report->request.transport = zw_transport_to_string(request->transport);
	report->request.encrypted = request->encrypted;
	set_rcode(request->rcode, report->request.rcode);
	r = list_asked(request, &report->request);
	if (r == 0)
		r = zw_explain_add_cause(&in, first, ZW_ROLE_CLIENT, ZW_EVIDENCE_REQUEST, report);
	if (r == 0 && first != request)
		r = zw_explain_add_cause(&in, request, ZW_ROLE_PEER, ZW_EVIDENCE_REQUEST, report);
	report->has_principal = report->causes > 0;
	return r;
}

int zw_explain_refusals(
	const struct zw_refusals_sum *sum, int64_t real_offset_ns, struct zw_report *report)
{
	const struct zw_explain_input in = {.real_offset_ns = real_offset_ns};
	int r = zw_explain_refusal(sum->last, real_offset_ns, report);

	report->request.repeated = sum->count;
	report->request.asked_total = sum->asked;
	report->request.first_ns = to_real(&in, sum->first_ns);
	report->request.last_ns = report->time_ns = to_real(&in, sum->last_ns);
	if (r < 0 || !sum->several)
		return r;
	report->attribution = ZW_ATTRIBUTION_AMBIGUOUS;
	report->has_principal = false;
	return zw_report_add_reason(
		report, "more clients asked than can be told apart; this is the last one");
}
