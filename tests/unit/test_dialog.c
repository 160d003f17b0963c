/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dialogs on control channels: commands become requests, answers complete them, transactions are held. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "engine/dialog.h"

#define FIXTURES "tests/data/control/"

struct fixture {
	struct zw_dialogs *dialogs;
	ZW_VEC(struct zw_request *) requests;
	struct zw_str settled; /* a line each: "ZONE TGID TIME committed|given up" */
	uint64_t sent[8], answered[8];
	int fail; /* what the next request is answered with */
};

static int on_request(void *ctx, struct zw_request *request, const struct zw_control *control)
{
	struct fixture *f = ctx;

	assert_true(control || zw_streq(request->command, "(not decoded)"));
	if (f->fail)
		return f->fail;
	return zw_vec_push(&f->requests, zw_request_ref(request));
}

static void on_settle(void *ctx, const char *zone, uint32_t tgid, uint64_t time_ns, bool committed)
{
	struct fixture *f = ctx;

	zw_str_addf(&f->settled, "%s %u %llu %s\n", zone ? zone : "-", tgid,
		(unsigned long long)time_ns, committed ? "committed" : "given up");
}

static const struct zw_dialog_ops ops = {on_request, on_settle};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(zw_dialogs_new(&ops, f, &f->dialogs), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	zw_dialogs_free(f->dialogs);
	ZW_VEC_FOREACH(r, &f->requests)
		zw_request_unref(*r);
	zw_vec_free(&f->requests);
	zw_str_free(&f->settled);
	free(f);
	return 0;
}

static struct zw_dialog_piece piece(struct fixture *f, uint64_t id,
	enum zw_control_protocol protocol, bool reply, uint64_t time_ns, const void *bytes,
	size_t len)
{
	uint64_t *offset = reply ? &f->answered[id] : &f->sent[id];
	struct zw_dialog_piece p = {
		.id = id,
		.protocol = protocol,
		.transport = protocol == ZW_CONTROL_RNDC   ? ZW_TRANSPORT_TCP
			     : protocol == ZW_CONTROL_HTTP ? ZW_TRANSPORT_HTTP
							   : ZW_TRANSPORT_UNIX,
		.reply = reply,
		.time_ns = time_ns,
		.offset = *offset,
		.bytes = bytes,
		.len = len,
		.client_process = {.tgid = 800 + (uint32_t)id},
		.server_process = {.tgid = 411},
	};

	*offset += len;
	return p;
}

static int say(struct fixture *f, uint64_t id, enum zw_control_protocol protocol, uint64_t time_ns,
	const void *bytes, size_t len)
{
	struct zw_dialog_piece p = piece(f, id, protocol, false, time_ns, bytes, len);

	return zw_dialogs_feed(f->dialogs, &p);
}

static void answer(struct fixture *f, uint64_t id, enum zw_control_protocol protocol,
	uint64_t time_ns, const void *bytes, size_t len)
{
	struct zw_dialog_piece p = piece(f, id, protocol, true, time_ns, bytes, len);

	assert_int_equal(zw_dialogs_feed(f->dialogs, &p), 0);
}

static size_t read_fixture(const char *name, uint8_t *buf, size_t size)
{
	_zw_free_ char *path = zw_asprintf(FIXTURES "%s", name);
	_zw_fclose_ FILE *f = NULL;

	assert_non_null(path);
	f = fopen(path, "re");
	assert_non_null(f);
	return fread(buf, 1, size, f);
}

static void say_fixture(struct fixture *f, uint64_t id, enum zw_control_protocol protocol,
	uint64_t time_ns, const char *name)
{
	uint8_t data[4096];
	size_t len = read_fixture(name, data, sizeof(data));

	assert_int_equal(say(f, id, protocol, time_ns, data, len), 0);
}

static void answer_fixture(struct fixture *f, uint64_t id, enum zw_control_protocol protocol,
	uint64_t time_ns, const char *name)
{
	uint8_t data[4096];
	size_t len = read_fixture(name, data, sizeof(data));

	answer(f, id, protocol, time_ns, data, len);
}

#define SAY(f, id, protocol, time_ns, text) \
	assert_int_equal(say(f, id, ZW_CONTROL_##protocol, time_ns, text, sizeof(text) - 1), 0)
#define ANSWER(f, id, protocol, time_ns, text) \
	answer(f, id, ZW_CONTROL_##protocol, time_ns, text, sizeof(text) - 1)

/* begin, set and commit are connections of their own, perhaps of several users. */
static void test_transaction(void **state)
{
	struct fixture *f = *state;
	const struct zw_request *set, *commit;

	say_fixture(f, 1, ZW_CONTROL_KNOT, 100, "knot-begin");
	ANSWER(f, 1, KNOT, 110, "\3");
	assert_int_equal(f->requests.len, 0);
	say_fixture(f, 2, ZW_CONTROL_KNOT, 200, "knot-set");
	assert_int_equal(f->requests.len, 1);
	set = f->requests.items[0];
	assert_int_equal(set->kind, ZW_REQUEST_CONTROL);
	assert_int_equal(set->channel, ZW_CHANNEL_CONTROL);
	assert_int_equal(set->transport, ZW_TRANSPORT_UNIX);
	assert_int_equal(set->asked_ns, 200);
	assert_int_equal(set->rcode, ZW_REQUEST_UNANSWERED);
	assert_int_equal(set->client_process.tgid, 802);
	assert_int_equal(set->server_process.tgid, 411);
	assert_memory_equal(set->zone, "\7example\3com", 13);
	assert_string_equal(set->command, "zone-set example.com www 60 A 203.0.113.9");
	assert_true(set->held && set->may_change && !set->reloads);
	ANSWER(f, 2, KNOT, 210, "\3");
	assert_int_equal(set->rcode, 0);
	assert_int_equal(set->answered_ns, 210);
	assert_null(f->settled.buf);
	say_fixture(f, 3, ZW_CONTROL_KNOT, 300, "knot-commit");
	assert_null(f->settled.buf);
	ANSWER(f, 3, KNOT, 310, "\3");
	assert_string_equal(f->settled.buf, "example.com 411 300 committed\n");
	commit = f->requests.items[1];
	assert_true(!commit->held && !commit->may_change && commit->reloads);
	assert_int_equal(commit->client_process.tgid, 803);
}

static void test_abort(void **state)
{
	struct fixture *f = *state;

	SAY(f, 1, KNOT, 100, "\1\x10\0\x0azone-abort\x16\0\1a\3");
	ANSWER(f, 1, KNOT, 110, "\3");
	assert_string_equal(f->settled.buf, "a 411 100 given up\n");
	assert_int_equal(f->requests.len, 0);
}

/* A commit that is refused leaves everything as it was; so does a set. */
static void test_failure(void **state)
{
	struct fixture *f = *state;

	say_fixture(f, 1, ZW_CONTROL_KNOT, 100, "knot-commit");
	ANSWER(f, 1, KNOT, 110,
		"\1\x10\0\x0bzone-commit\x11\0\0\x12\0\x0anot exists\x16\0\x0b"
		"example.com\3");
	assert_null(f->settled.buf);
	assert_int_equal(f->requests.items[0]->rcode, 1);
	say_fixture(f, 2, ZW_CONTROL_KNOT, 200, "knot-set");
	ANSWER(f, 2, KNOT, 210, "\1\x12\0\7no such\3");
	assert_int_equal(f->requests.items[1]->rcode, 1);
}

/* One of two zones is not known. */
static void test_partial_failure(void **state)
{
	struct fixture *f = *state;

	say_fixture(f, 1, ZW_CONTROL_KNOT, 100, "knot-reload-two");
	ANSWER(f, 1, KNOT, 110,
		"\1\x12\0\1x\x16\0\x0c"
		"example.net.\3");
	assert_int_equal(f->requests.len, 2);
	assert_int_equal(f->requests.items[0]->rcode, 0);
	assert_int_equal(f->requests.items[1]->rcode, 1);
}

/* The kernel may tell of an answer before the command; not of one to nothing. */
static void test_early_answer(void **state)
{
	struct fixture *f = *state;

	ANSWER(f, 1, KNOT, 1000000, "\1\x12\0\1x\3");
	say_fixture(f, 1, ZW_CONTROL_KNOT, 1001000, "knot-set");
	assert_int_equal(f->requests.items[0]->rcode, 1);
	/* Long ago: it belonged to something else. */
	ANSWER(f, 2, KNOT, 1000000, "\3");
	say_fixture(f, 2, ZW_CONTROL_KNOT, 9000000, "knot-set");
	assert_int_equal(f->requests.items[1]->rcode, ZW_REQUEST_UNANSWERED);
	/* The rest of a long answer is none to the next command. */
	say_fixture(f, 3, ZW_CONTROL_KNOT, 100, "knot-read");
	ANSWER(f, 3, KNOT, 110, "\1\x16\0\1a\x17\0\1b");
	ANSWER(f, 3, KNOT, 120, "\1\x16\0\1a\x17\0\1c");
	say_fixture(f, 3, ZW_CONTROL_KNOT, 130, "knot-set");
	assert_int_equal(f->requests.items[2]->rcode, ZW_REQUEST_UNANSWERED);
	ANSWER(f, 3, KNOT, 140, "\3");
	assert_int_equal(f->requests.items[2]->rcode, 0);
}

static void test_rndc(void **state)
{
	struct fixture *f = *state;

	say_fixture(f, 1, ZW_CONTROL_RNDC, 100, "rndc-addzone");
	answer_fixture(f, 1, ZW_CONTROL_RNDC, 105, "rndc-reply-null");
	assert_int_equal(f->requests.len, 1);
	assert_int_equal(f->requests.items[0]->rcode, ZW_REQUEST_UNANSWERED);
	assert_true(f->requests.items[0]->may_change && !f->requests.items[0]->held);
	answer_fixture(f, 1, ZW_CONTROL_RNDC, 110, "rndc-reply-addzone");
	assert_int_equal(f->requests.items[0]->rcode, 1);
	say_fixture(f, 2, ZW_CONTROL_RNDC, 200, "rndc-freeze");
	answer_fixture(f, 2, ZW_CONTROL_RNDC, 210, "rndc-reply-status");
	assert_int_equal(f->requests.items[1]->rcode, 0);
	assert_true(f->requests.items[1]->reloads);
}

static void test_http(void **state)
{
	struct fixture *f = *state;

	say_fixture(f, 1, ZW_CONTROL_HTTP, 100, "http-patch");
	ANSWER(f, 1, HTTP, 110, "HTTP/1.1 204 No Content\r\n");
	assert_int_equal(f->requests.items[0]->kind, ZW_REQUEST_API);
	assert_int_equal(f->requests.items[0]->channel, ZW_CHANNEL_API);
	assert_int_equal(f->requests.items[0]->rcode, 0);
	say_fixture(f, 2, ZW_CONTROL_HTTP, 200, "http-delete");
	ANSWER(f, 2, HTTP, 210, "HTTP/1.1 401 Unauthorized\r\n");
	assert_int_equal(f->requests.items[1]->rcode, 1);
	say_fixture(f, 3, ZW_CONTROL_HTTP, 300, "http-get");
	assert_int_equal(f->requests.len, 2);
}

static void test_text(void **state)
{
	struct fixture *f = *state;

	SAY(f, 1, PDNS, 100, "bind-reload-now a.example\n");
	ANSWER(f, 1, PDNS, 110, "a.example: parsed into memory");
	SAY(f, 2, PDNS, 100, "made-up\n");
	ANSWER(f, 2, PDNS, 110, "Unknown command: 'MADE-UP'");
	SAY(f, 3, NSD, 100, "NSDCT1 delzone a.example\n");
	ANSWER(f, 3, NSD, 110, "error zone a.example not found\n");
	assert_int_equal(f->requests.items[0]->rcode, 0);
	assert_int_equal(f->requests.items[1]->rcode, 1);
	assert_true(f->requests.items[1]->may_change);
	assert_int_equal(f->requests.items[2]->rcode, 1);
}

/* Pieces of which one is missing, or could not be read: somebody said something. */
static void test_losses(void **state)
{
	struct fixture *f = *state;
	struct zw_dialog_piece p;

	SAY(f, 1, PDNS, 100, "notify a.exa");
	f->sent[1] += 3;
	SAY(f, 1, PDNS, 101, "e\nnotify b\n");
	assert_int_equal(f->requests.len, 1);
	assert_string_equal(f->requests.items[0]->command, "(not decoded)");
	assert_true(f->requests.items[0]->may_change);
	assert_null(f->requests.items[0]->zone);
	SAY(f, 1, PDNS, 102, "notify c\n");
	assert_int_equal(f->requests.len, 1);
	p = piece(f, 2, ZW_CONTROL_KNOT, false, 100, NULL, 0);
	p.omitted = 60;
	assert_int_equal(zw_dialogs_feed(f->dialogs, &p), 0);
	assert_int_equal(f->requests.len, 2);
	SAY(f, 3, KNOT, 100, "GET / HTTP/1.1\r\n");
	assert_int_equal(f->requests.len, 3);
	assert_int_equal(zw_dialogs_counts(f->dialogs).undecoded, 3);
	assert_int_equal(zw_dialogs_counts(f->dialogs).commands, 0);
}

/* What joins an open connection begins with what comes. */
static void test_midstream(void **state)
{
	struct fixture *f = *state;

	f->sent[1] = 5000;
	SAY(f, 1, PDNS, 100, "notify a.example\n");
	assert_int_equal(f->requests.len, 1);
	assert_string_equal(f->requests.items[0]->command, "notify a.example");
}

/* A commit nobody saw the answer of may have been obeyed. */
static void test_expire(void **state)
{
	struct fixture *f = *state;

	say_fixture(f, 1, ZW_CONTROL_KNOT, 100, "knot-commit");
	say_fixture(f, 2, ZW_CONTROL_KNOT, 200, "knot-set");
	zw_dialogs_expire(f->dialogs, 150);
	assert_string_equal(f->settled.buf, "example.com 411 100 committed\n");
	assert_int_equal(f->requests.items[0]->rcode, ZW_REQUEST_UNANSWERED);
	ANSWER(f, 2, KNOT, 210, "\3");
	assert_int_equal(f->requests.items[1]->rcode, 0);
}

static void test_bounds(void **state)
{
	struct fixture *f = *state;

	for (uint64_t id = 1; id <= ZW_DIALOGS_MAX + 10; id++) {
		struct zw_dialog_piece p =
			piece(f, 0, ZW_CONTROL_PDNS, false, 100 + id, "not whole", 9);

		p.id = id;
		p.offset = 0;
		assert_int_equal(zw_dialogs_feed(f->dialogs, &p), 0);
	}
	assert_int_equal(zw_dialogs_counts(f->dialogs).forgotten, 10);
	for (int i = 0; i < 100; i++)
		SAY(f, 1, KNOT, 5000, "\1\x10\0\x0bzone-commit\x16\0\1a\3");
	assert_int_equal(f->requests.len, 100);
}

static void test_bytes_bound(void **state)
{
	static const char head[] = "PUT / HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n";
	_zw_free_ char *body = calloc(1, 2900000);
	struct fixture *f = *state;

	assert_non_null(body);
	for (uint64_t id = 1; id < 8; id++) {
		SAY(f, id, HTTP, 100 + id, head);
		assert_int_equal(say(f, id, ZW_CONTROL_HTTP, 100 + id, body, 2900000), 0);
	}
	assert_int_equal(zw_dialogs_counts(f->dialogs).forgotten, 2);
}

static void test_error_is_returned(void **state)
{
	struct fixture *f = *state;

	f->fail = -ENOMEM;
	assert_int_equal(say(f, 1, ZW_CONTROL_PDNS, 1, "reload\n", 7), -ENOMEM);
	assert_int_equal(f->requests.len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_transaction),
		TEST(test_abort),
		TEST(test_failure),
		TEST(test_partial_failure),
		TEST(test_early_answer),
		TEST(test_rndc),
		TEST(test_http),
		TEST(test_text),
		TEST(test_losses),
		TEST(test_midstream),
		TEST(test_expire),
		TEST(test_bounds),
		TEST(test_bytes_bound),
		TEST(test_error_is_returned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
