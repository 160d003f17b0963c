/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Updates, transfers, NOTIFY and TKEY as BIND 9.18, Knot 3.2, NSD 4.6 and PowerDNS 4.7 and their tools had them on the
 * wire: what is read from the packets is what was asked and answered, and makes of the zone before the zone that the
 * server then served. */
#include "unit/capture_fixture.h"
#include "unit/zone_support.h"

#include <dirent.h>

#include "dns/transfer.h"
#include "zone/patch.h"
#include "zone/update.h"

#define ORIGIN "capture.test."

/* Of every kind of prerequisite, addition and deletion one: OWNER CLASS TYPE TTL RDATA. */
static const char all_kinds[] = "prereq www.capture.test. ANY ANY 0\n"
				"prereq new.capture.test. NONE ANY 0\n"
				"prereq www.capture.test. IN A 0 192.0.2.1\n"
				"prereq www.capture.test. IN A 0 192.0.2.2\n"
				"prereq gone.capture.test. ANY MX 0\n"
				"prereq www.capture.test. NONE AAAA 0\n"
				"update new.capture.test. IN A 300 192.0.2.10\n"
				"update new.capture.test. IN TXT 300 \"a b\" \"c\"\n"
				"update www.capture.test. NONE A 0 192.0.2.1\n"
				"update gone.capture.test. ANY MX 0\n"
				"update away.capture.test. ANY ANY 0\n";

static const struct {
	const char *name;
	const char *requests; /* KIND TRANSPORT ZONE RCODE KEY SERIALS */
	const char *update;   /* what it says, when it is one */
	/* Of all messages with one: question or answer, KEY ALGORITHM OCTETS ERROR. */
	const char *signatures;
	size_t messages;
} captures[] = {
	{"bind-axfr", "transfer tcp capture.test. NOERROR to 1\n", NULL, "", 6},
	{"bind-axfr-tsig", "transfer tcp capture.test. NOERROR capture-key to 1\n", NULL,
		"question capture-key. hmac-sha256. 32 NOERROR\n"
		"answer capture-key. hmac-sha256. 32 NOERROR\n"
		"answer capture-key. hmac-sha256. 32 NOERROR\n"
		"answer capture-key. hmac-sha256. 32 NOERROR\n"
		"answer capture-key. hmac-sha256. 32 NOERROR\n"
		"answer capture-key. hmac-sha256. 32 NOERROR\n"
		"answer capture-key. hmac-sha256. 32 NOERROR\n",
		7},
	{"bind-ixfr-nothing", "transfer tcp capture.test. NOERROR from 1 to 1\n", NULL, "", 2},
	{"bind-ixfr-tcp", "transfer tcp capture.test. NOERROR from 1 to 3 incremental\n", NULL, "",
		2},
	{"bind-ixfr-udp", "transfer udp capture.test. NOERROR from 1 to 3\n", NULL, "", 2},
	{"bind-ixfr-whole", "transfer tcp capture.test. NOERROR from 0 to 1\n", NULL, "", 2},
	{"bind-notify-knot",
		"notify udp capture.test. NOERROR to 2\n"
		"transfer tcp capture.test. NOERROR from 1 to 2 incremental\n",
		NULL, "", 6},
	{"bind-tkey", "tkey udp - FORMERR\n", NULL, "", 2},
	{"bind-update-bad-signature", "update udp capture.test. NOTAUTH capture-key\n", all_kinds,
		"question capture-key. hmac-sha256. 32 NOERROR\n"
		"answer capture-key. hmac-sha256. 0 BADSIG\n",
		2},
	{"bind-update-ipv6", "update udp capture.test. NOERROR\n", all_kinds, "", 2},
	{"bind-update-nothing", "update udp capture.test. NOERROR\n",
		"update www.capture.test. IN A 300 192.0.2.1\n", "", 2},
	{"bind-update-prerequisite", "update udp capture.test. YXDOMAIN\n",
		"prereq www.capture.test. NONE ANY 0\n"
		"update new.capture.test. IN A 300 192.0.2.10\n",
		"", 2},
	{"bind-update-refused", "update udp capture.test. REFUSED\n", all_kinds, "", 2},
	{"bind-update-tcp", "update tcp capture.test. NOERROR\n", all_kinds, "", 2},
	{"bind-update-tsig-tcp", "update tcp capture.test. NOERROR longer.capture-key\n", all_kinds,
		"question longer.capture-key. hmac-sha512. 64 NOERROR\n"
		"answer longer.capture-key. hmac-sha512. 64 NOERROR\n",
		2},
	{"bind-update-tsig-udp", "update udp capture.test. NOERROR capture-key\n", all_kinds,
		"question capture-key. hmac-sha256. 32 NOERROR\n"
		"answer capture-key. hmac-sha256. 32 NOERROR\n",
		2},
	{"bind-update-udp", "update udp capture.test. NOERROR\n", all_kinds, "", 2},
	{"knot-axfr", "transfer tcp capture.test. NOERROR to 1\n", NULL, "", 2},
	{"knot-ixfr-tcp", "transfer tcp capture.test. NOERROR from 1 to 3 incremental\n", NULL, "",
		2},
	{"knot-ixfr-udp", "transfer udp capture.test. NOERROR from 1 to 3\n", NULL, "", 2},
	{"knot-notify-bind",
		"notify tcp capture.test. NOERROR to 2\n"
		"transfer tcp capture.test. NOERROR from 1 to 2 incremental\n",
		NULL, "", 6},
	{"knot-update-tcp", "update tcp capture.test. NOERROR\n", all_kinds, "", 2},
	{"knot-update-tsig-tcp", "update tcp capture.test. NOERROR capture-key\n", all_kinds,
		"question capture-key. hmac-sha256. 32 NOERROR\n"
		"answer capture-key. hmac-sha256. 32 NOERROR\n",
		2},
	{"knot-update-tsig-udp", "update udp capture.test. NOERROR capture-key\n", all_kinds,
		"question capture-key. hmac-sha256. 32 NOERROR\n"
		"answer capture-key. hmac-sha256. 32 NOERROR\n",
		2},
	{"knot-update-udp", "update udp capture.test. NOERROR\n", all_kinds, "", 2},
	{"nsd-axfr", "transfer tcp capture.test. NOERROR to 1\n", NULL, "", 2},
	{"nsd-axfr-refused", "transfer tcp capture.test. REFUSED\n", NULL, "", 2},
	{"nsd-ixfr", "transfer tcp capture.test. NOERROR from 1 to 2 incremental\n", NULL, "", 2},
	{"nsd-notify-bind",
		"notify udp capture.test. NOERROR to 2\n"
		"transfer tcp capture.test. NOERROR from 1 to 2 incremental\n",
		NULL, "", 6},
	{"pdns-axfr", "transfer tcp capture.test. NOERROR to 1\n", NULL, "", 4},
	{"pdns-update-refused", "update udp capture.test. REFUSED\n", all_kinds, "", 2},
	{"pdns-update-tcp", "update tcp capture.test. NOERROR\n", all_kinds, "", 2},
	{"pdns-update-tsig-tcp", "update tcp capture.test. NOERROR capture-key\n", all_kinds,
		"question capture-key. hmac-sha256. 32 NOERROR\n"
		"answer capture-key. hmac-sha256. 32 NOERROR\n",
		2},
	{"pdns-update-tsig-udp", "update udp capture.test. NOERROR capture-key\n", all_kinds,
		"question capture-key. hmac-sha256. 32 NOERROR\n"
		"answer capture-key. hmac-sha256. 32 NOERROR\n",
		2},
	{"pdns-update-udp", "update udp capture.test. NOERROR\n", all_kinds, "", 2},
};

static const char *class_text(uint16_t klass)
{
	return klass == ZW_CLASS_IN     ? "IN"
	       : klass == ZW_CLASS_ANY  ? "ANY"
	       : klass == ZW_CLASS_NONE ? "NONE"
					: "?";
}

static void add_rr(struct zw_str *out, const struct zw_message_rr *rr)
{
	char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];
	_zw_free_ char *rdata = NULL;

	zw_name_to_text(rr->owner, owner);
	zw_str_addf(out, "%s %s %s %s %u", rr->section == ZW_SECTION_UPDATE ? "update" : "prereq",
		owner, class_text(rr->klass), zw_type_to_text(rr->type, type), rr->ttl);
	if (rr->rdata_len > 0) {
		assert_int_equal(zw_rdata_to_text(rr->type, rr->rdata, rr->rdata_len, &rdata), 0);
		zw_str_addf(out, " %s", rdata);
	}
	zw_str_add(out, "\n");
}

static void add_request(struct zw_str *out, const struct zw_request *q)
{
	char zone[ZW_NAME_TEXT_MAX] = "-";

	if (q->zone)
		zw_name_to_text(q->zone, zone);
	zw_str_addf(out, "%s %s %s %s", zw_request_kind_to_string(q->kind),
		zw_transport_to_string(q->transport), zone,
		q->rcode < 0 ? "unanswered" : zw_rcode_to_text((unsigned int)q->rcode));
	if (q->tsig_key)
		zw_str_addf(out, " %s", q->tsig_key);
	if (q->has_serial_before)
		zw_str_addf(out, " from %u", q->serial_before);
	if (q->has_serial_after)
		zw_str_addf(out, " to %u", q->serial_after);
	zw_str_add(out, q->incremental ? " incremental\n" : "\n");
}

static void add_signature(struct zw_str *out, const struct zw_message *m)
{
	char key[ZW_NAME_TEXT_MAX], algorithm[ZW_NAME_TEXT_MAX];

	if (!m->has_tsig)
		return;
	zw_name_to_text(m->tsig.key, key);
	zw_name_to_text(m->tsig.algorithm, algorithm);
	zw_str_addf(out, "%s %s %s %u %s\n", m->is_response ? "answer" : "question", key, algorithm,
		m->tsig.mac_len, zw_tsig_error_to_text(m->tsig.error));
}

static struct zw_message *parse_captured(const struct captured *c)
{
	struct zw_message *m = NULL;

	assert_int_equal(c->len, c->packet.whole);
	assert_int_equal(zw_message_parse(c->data, c->len, &m), 0);
	return m;
}

/* --- the zone before and after ------------------------------------------------------------------------- */

static struct zw_snapshot *load_zone(const char *name, const char *suffix)
{
	static uint8_t data[CAPTURE_MAX];
	size_t len = read_capture_file(name, suffix, data, sizeof(data));
	uint8_t origin[ZW_NAME_MAX];
	struct zw_zone_input in = {
		.key = &test_key, .master = {.origin = origin}, .data = (char *)data, .len = len};
	struct zw_zone_error error = {};
	struct zw_snapshot *s = NULL;

	if (len == 0)
		return NULL;
	assert_int_equal(zw_name_from_text(ORIGIN, origin, NULL), 0);
	assert_int_equal(zw_zone_load(&in, NULL, &s, &error), 0);
	return s;
}

/* The serial is not the update's to say. */
static char *dump_but_soa(const struct zw_snapshot *s)
{
	char *text = test_dump(s), *soa = strstr(text, " SOA "), *end;

	assert_non_null(soa);
	end = strchr(soa, '\n');
	assert_non_null(end);
	memmove(soa, end, strlen(end) + 1);
	return text;
}

static void check_update(struct zw_snapshot *before, const struct zw_snapshot *after,
	const struct zw_request *q, const char *expected)
{
	_zw_draft_ struct zw_draft *draft = NULL;
	_zw_snapshot_ struct zw_snapshot *made = NULL;
	_zw_free_ char *got = NULL, *want = NULL;
	_zw_str_ struct zw_str out = {};
	int rcode;

	assert_non_null(q->message);
	for (size_t i = 0; i < q->message->rrs; i++)
		add_rr(&out, &q->message->rr[i]);
	assert_string_equal(out.buf, expected);
	assert_int_equal(zw_draft_new(before, &draft), 0);
	rcode = zw_update_check(draft, q->message);
	/* Who may update is not for the update to say. */
	if (q->rcode == ZW_RCODE_REFUSED || q->rcode == ZW_RCODE_NOTAUTH)
		assert_int_equal(rcode, ZW_RCODE_NOERROR);
	else
		assert_int_equal(rcode, q->rcode);
	if (q->rcode != ZW_RCODE_NOERROR) {
		assert_ptr_equal(before, after);
		return;
	}
	assert_int_equal(zw_update_apply(before, q->message, &made), 0);
	assert_true((made == before) == (after == before));
	got = dump_but_soa(made);
	want = dump_but_soa(after);
	assert_string_equal(got, want);
}

/* The records of all answers about @type, in their order. */
struct answers {
	ZW_VEC(struct zw_message *) message;
	ZW_VEC(struct zw_record) record;
};

static void answers_done(struct answers *a)
{
	ZW_VEC_FOREACH(m, &a->message)
		zw_message_free(*m);
	zw_vec_free(&a->message);
	zw_vec_free(&a->record);
}
#define _answers_ _zw_cleanup_(answers_done)

static bool is_answer_to(const struct captured *m, const struct zw_request *q)
{
	return zw_endpoint_equal(&m->packet.source, &q->server) &&
	       zw_endpoint_equal(&m->packet.destination, &q->client);
}

static void collect_answers(const struct replay *r, const struct zw_request *q, struct answers *a)
{
	bool found = false;

	ZW_VEC_FOREACH(captured, &r->messages) {
		struct zw_message *m;

		if (!is_answer_to(captured, q))
			continue;
		m = parse_captured(captured);
		assert_int_equal(zw_vec_push(&a->message, m), 0);
		/* A secondary asks for the SOA first, on the same connection. */
		found = found || m->question.type == ZW_TYPE_AXFR ||
			m->question.type == ZW_TYPE_IXFR;
		for (size_t i = 0; found && i < m->rrs && m->rr[i].section == ZW_SECTION_ANSWER;
			i++)
			assert_int_equal(
				zw_vec_push(&a->record, zw_message_rr_record(&m->rr[i])), 0);
	}
}

/* RFC 1995 section 4: what goes and what comes, each behind an SOA, and the SOA of the end around all of it. */
static void check_increment(
	struct zw_snapshot *before, const struct zw_snapshot *after, const struct answers *a)
{
	_zw_snapshot_ struct zw_snapshot *made = NULL;
	_zw_patch_ struct zw_patch *patch = NULL;
	_zw_free_ char *got = NULL, *want = test_dump(after);
	bool adding = true;

	assert_true(a->record.len >= 4);
	assert_int_equal(zw_patch_new(before, &patch), 0);
	for (size_t i = 1; i + 1 < a->record.len; i++) {
		const struct zw_record *record = &a->record.items[i];
		int q;

		if (record->type == ZW_TYPE_SOA)
			adding = !adding;
		q = adding ? zw_patch_add(patch, record) : zw_patch_delete(patch, record);
		/* NSD adds records of the apex that are there, which BIND takes. */
		assert_true(q == 0 || (adding && q == -EEXIST));
	}
	assert_true(adding);
	assert_int_equal(zw_patch_finish(patch, &made), 0);
	got = test_dump(made);
	assert_string_equal(got, want);
}

/* Of an AXFR. */
static void read_whole(const struct replay *r, const struct zw_request *q, struct zw_builder *b)
{
	struct zw_transfer *transfer = NULL;
	struct zw_zone_error error = {};
	int ended = 0;

	ZW_VEC_FOREACH(m, &r->messages) {
		if (!is_answer_to(m, q))
			continue;
		if (!transfer)
			assert_int_equal(zw_transfer_new(q->zone, be16(m->data), zw_builder_add_fn,
						 b, &transfer),
				0);
		assert_int_equal(ended, 0);
		ended = zw_transfer_feed(transfer, m->data, m->len, &error);
	}
	assert_int_equal(ended, 1);
	assert_int_equal(zw_transfer_serial(transfer), q->serial_after);
	zw_transfer_free(transfer);
}

/* An answer to an IXFR can be whole too (RFC 1995 section 4). */
static void check_whole(const struct zw_snapshot *after, const struct replay *r,
	const struct zw_request *q, const struct answers *a)
{
	_zw_builder_ struct zw_builder *b = NULL;
	_zw_snapshot_ struct zw_snapshot *made = NULL;
	_zw_free_ char *got = NULL, *want = test_dump(after);

	assert_int_equal(zw_builder_new(&test_key, q->zone, NULL, &b), 0);
	if (a->message.items[0]->question.type == ZW_TYPE_AXFR)
		read_whole(r, q, b);
	else
		for (size_t i = 0; i + 1 < a->record.len; i++)
			assert_int_equal(zw_builder_add(b, &a->record.items[i]), 0);
	assert_int_equal(zw_builder_finish(b, &made), 0);
	got = test_dump(made);
	assert_string_equal(got, want);
	assert_true(zw_snapshot_equal(made, after));
}

static void check_transfer(struct zw_snapshot *before, const struct zw_snapshot *after,
	const struct replay *r, const struct zw_request *q)
{
	_answers_ struct answers a = {};
	uint32_t serial;

	if (q->rcode != ZW_RCODE_NOERROR)
		return;
	assert_true(zw_snapshot_serial(after, &serial));
	assert_true(q->has_serial_after);
	assert_int_equal(q->serial_after, serial);
	collect_answers(r, q, &a);
	if (q->incremental)
		check_increment(before, after, &a);
	else if (a.record.len > 1)
		check_whole(after, r, q, &a);
	else
		assert_true(q->has_serial_before); /* its SOA alone: nothing new, or try TCP */
}

static void check_capture(size_t i, const struct capture *c)
{
	_zw_snapshot_ struct zw_snapshot *before = load_zone(captures[i].name, ".before"),
					 *after = load_zone(captures[i].name, ".after");
	_zw_str_ struct zw_str requests = {}, signatures = {};
	_replay_ struct replay r;

	if (!after)
		after = zw_snapshot_ref(before);
	zw_str_add(&requests, "");
	zw_str_add(&signatures, "");
	replay(&r, c);
	ZW_VEC_FOREACH(m, &r.messages) {
		_zw_message_ struct zw_message *parsed = parse_captured(m);

		add_signature(&signatures, parsed);
	}
	ZW_VEC_FOREACH(q, &r.exchange.asked)
		add_request(&requests, *q);
	assert_string_equal(requests.buf, captures[i].requests);
	assert_string_equal(signatures.buf, captures[i].signatures);
	assert_int_equal(r.messages.len, captures[i].messages);
	assert_int_equal(r.exchange.answered.len, r.exchange.asked.len);
	assert_int_equal(stats(&r.exchange)->malformed, 0);
	assert_int_equal(stats(&r.exchange)->orphans, 0);
	assert_int_equal(zw_streams_stats(r.streams)->lost, 0);
	assert_int_equal(zw_streams_stats(r.streams)->resyncs, 0);
	assert_int_equal(zw_streams_stats(r.streams)->unfinished, 0);
	ZW_VEC_FOREACH(q, &r.exchange.asked) {
		if ((*q)->kind == ZW_REQUEST_UPDATE)
			check_update(before, after, *q, captures[i].update);
		else if ((*q)->kind == ZW_REQUEST_TRANSFER)
			check_transfer(before, after, &r, *q);
	}
}

static void test_recorded(void **state)
{
	static struct capture c;

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(captures); i++) {
		open_capture(captures[i].name, &c);
		check_capture(i, &c);
	}
}

/* What is recorded is also looked at. */
static void test_every_capture(void **state)
{
	_zw_closedir_ DIR *dir = opendir(CAPTURES);
	const struct dirent *entry;
	size_t found = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		found += zw_endswith(entry->d_name, ".pcap");
	assert_int_equal(found, ZW_ARRAY_SIZE(captures));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_every_capture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
