/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An exchange that keeps what it tells of, and packets to feed it with. */
#pragma once

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/exchange.h"
#include "unit/message_support.h"

#define T0 1000000000ULL
#define FLAG_ANSWER ZW_MESSAGE_FLAG_QR

struct test {
	struct zw_exchange *exchange;
	ZW_VEC(struct zw_request *) asked, answered;
	size_t again;
	int result; /* of asked() */
};

static inline int on_asked(void *ctx, struct zw_request *request, bool again)
{
	struct test *t = ctx;

	if (t->result < 0)
		return t->result;
	if (again)
		t->again++;
	else
		assert_int_equal(zw_vec_push(&t->asked, zw_request_ref(request)), 0);
	return 0;
}

static inline void on_answered(void *ctx, struct zw_request *request)
{
	struct test *t = ctx;

	assert_int_equal(zw_vec_push(&t->answered, zw_request_ref(request)), 0);
}

static inline void open_exchange(struct test *t)
{
	static const struct zw_exchange_ops ops = {on_asked, on_answered};

	*t = (struct test){};
	assert_int_equal(zw_exchange_new(&ops, t, &t->exchange), 0);
}

static inline void done(struct test *t)
{
	ZW_VEC_FOREACH(r, &t->asked)
		zw_request_unref(*r);
	ZW_VEC_FOREACH(r, &t->answered)
		zw_request_unref(*r);
	zw_vec_free(&t->asked);
	zw_vec_free(&t->answered);
	zw_exchange_free(t->exchange);
}
#define _done_ _zw_cleanup_(done)

static inline struct zw_endpoint v4(uint8_t last, uint16_t port)
{
	return (struct zw_endpoint){.family = AF_INET, .addr = {192, 0, 2, last}, .port = port};
}

static inline struct zw_packet packet(const struct wire *w, bool answer)
{
	struct zw_packet p = {.time_ns = T0,
		.transport = ZW_TRANSPORT_UDP,
		.source = v4(1, 4000),
		.destination = v4(2, 53),
		.netns = 1,
		.data = w->data,
		.len = w->len,
		.whole = w->len};

	if (answer) {
		p.source = v4(2, 53);
		p.destination = v4(1, 4000);
	}
	return p;
}

static inline void feed(struct test *t, const struct zw_packet *p)
{
	assert_int_equal(zw_exchange_feed(t->exchange, p), 0);
}

static inline const struct zw_exchange_stats *stats(const struct test *t)
{
	return zw_exchange_stats(t->exchange);
}

static inline void make_update(struct wire *w, unsigned int id, const char *owner)
{
	begin(w, id, FLAGS_UPDATE);
	put_question(w, "Example", ZW_TYPE_SOA, ZW_CLASS_IN);
	put_rr(w, ZW_SECTION_UPDATE, owner, ZW_TYPE_A, ZW_CLASS_IN, 60, "\1\2\3\4", 4);
}

static inline void make_answer(struct wire *w, unsigned int id, unsigned int rcode)
{
	begin(w, id, FLAG_ANSWER | FLAGS_UPDATE | rcode);
	put_question(w, "example", ZW_TYPE_SOA, ZW_CLASS_IN);
}
