/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests of requests: a zone example. with hosts that have addresses, clients of this host and of others,
 * and updates in words. Everything fails the test when out of memory. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "base/str.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "engine/explain.h"
#include "engine/policy.h"
#include "engine/request.h"
#include "zone/load.h"

#define MS 1000000ULL
#define SERVER_PID 411
#define SERVER_EXE 77
#define REAL_OFFSET 1000000000000000000LL

static const struct zw_hash_key fixture_key = {0x0123456789abcdefULL, 0xfedcba9876543210ULL};

static inline const uint8_t *wire_name(const char *text)
{
	static uint8_t ring[8][ZW_NAME_MAX];
	static unsigned int next;
	uint8_t *name = ring[next++ % 8];

	assert_int_equal(zw_name_from_text(text, name, NULL), 0);
	return name;
}

/* --- messages ----------------------------------------------------------------------------------------- */

/* The master file line "owner TTL type data", relative to example., as one record. */
struct one_record {
	uint8_t owner[ZW_NAME_MAX], rdata[65535];
	uint16_t type, rdata_len;
	uint32_t ttl;
};

static inline int take_record(void *ctx, const struct zw_record *record)
{
	struct one_record *one = ctx;

	memcpy(one->owner, record->owner, record->owner_len);
	memcpy(one->rdata, record->rdata, record->rdata_len);
	one->type = record->type;
	one->rdata_len = record->rdata_len;
	one->ttl = record->ttl;
	return 0;
}

static inline void parse_record(const char *line, struct one_record *ret)
{
	struct zw_master_options options = {.origin = wire_name("example.")};
	_zw_free_ char *text = zw_asprintf("@ 300 SOA ns h 1 2 3 4 500\n%s\n", line);
	struct zw_zone_error error = {};

	assert_non_null(text);
	/* The last one stays. */
	if (zw_master_parse(&options, text, strlen(text), take_record, ret, &error) < 0)
		fail_msg("%s: %s", line, error.reason);
}

static inline void add_rr(struct zw_message *m, enum zw_section section, const uint8_t *owner,
	uint16_t type, uint16_t klass, uint32_t ttl, const uint8_t *rdata, uint16_t len)
{
	struct zw_record record = {.owner = owner,
		.owner_len = (uint8_t)zw_name_len(owner),
		.type = type,
		.klass = klass,
		.ttl = ttl,
		.rdata = rdata,
		.rdata_len = len};

	assert_int_equal(zw_message_add_rr(m, section, &record), 0);
}

/* "add www 60 A 192.0.2.1", "delete www 60 A 192.0.2.1", "delete www A", "delete www", "require www A",
 * "require-not www A". */
static inline void add_word(struct zw_message *m, const char *word)
{
	char verb[16], name[300], type[32];
	struct one_record *one = malloc(sizeof(*one));
	uint16_t number = ZW_TYPE_ANY;
	int end = 0, n;

	assert_non_null(one);
	assert_int_equal(sscanf(word, "%15s %n", verb, &end), 1);
	n = sscanf(word + end, "%280s %31s", name, type);
	if (zw_streq(verb, "add") || (n == 2 && type[0] >= '0' && type[0] <= '9')) {
		bool add = zw_streq(verb, "add");

		parse_record(word + end, one);
		add_rr(m, ZW_SECTION_UPDATE, one->owner, one->type,
			add ? ZW_CLASS_IN : ZW_CLASS_NONE, add ? one->ttl : 0, one->rdata,
			one->rdata_len);
	} else {
		bool require = strncmp(verb, "require", 7) == 0;

		if (!zw_streq(name, "@"))
			strcat(name, ".example.");
		if (n == 2)
			assert_int_equal(zw_type_from_text(type, &number), 0);
		add_rr(m, require ? ZW_SECTION_PREREQUISITE : ZW_SECTION_UPDATE,
			wire_name(zw_streq(name, "@") ? "example." : name), number,
			zw_streq(verb, "require-not") ? ZW_CLASS_NONE : ZW_CLASS_ANY, 0, NULL, 0);
	}
	free(one);
}

/* Several, separated by "; ". */
static inline struct zw_message *update_message(const char *words)
{
	_zw_free_ char *copy = strdup(words);
	struct zw_message *m;

	assert_non_null(copy);
	assert_int_equal(zw_message_new_update(wire_name("example."), &m), 0);
	for (char *rest = copy, *word; (word = strsep(&rest, ";"));)
		add_word(m, word + strspn(word, " "));
	return m;
}

/* --- who ---------------------------------------------------------------------------------------------- */

static inline struct zw_actor *local_actor(uint32_t tgid, const char *user, const char *program)
{
	struct zw_actor *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	a->refs = 1;
	a->tgid = tgid;
	a->start_ns = 1000 + tgid;
	a->name = strdup(program);
	a->login = (struct zw_actor_user){tgid, strdup(user)};
	a->principal = (struct zw_actor_user){tgid, strdup(user)};
	a->real = a->effective = (struct zw_actor_user){.uid = tgid};
	return a;
}

static inline struct zw_actor *server_actor(void)
{
	struct zw_actor *a = local_actor(SERVER_PID, "bind", "named");

	a->exe_dev = 1;
	a->exe_ino = SERVER_EXE;
	return a;
}

/* Who asks: a process of this host or an address, with or without a key. */
struct client {
	struct zw_actor *actor;
	const char *address; /* "127.0.0.1" for a process */
	const char *key;
};

static inline void set_address(struct zw_endpoint *e, const char *address, uint16_t port)
{
	struct zw_net net;

	assert_int_equal(zw_net_parse(address, &net), 0);
	e->family = net.family;
	memcpy(e->addr, net.addr, sizeof(e->addr));
	e->port = port;
}

/* An accepted request of @kind for example.; more is set by the caller before it goes into the book. */
static inline struct zw_request *make_request(
	enum zw_request_kind kind, struct client client, uint64_t asked_ns, uint64_t answered_ns)
{
	struct zw_request *r = zw_request_new(kind, asked_ns);

	assert_non_null(r);
	r->answered_ns = answered_ns;
	r->rcode = ZW_RCODE_NOERROR;
	assert_int_equal(zw_request_set_zone(r, wire_name("Example.")), 0);
	if (client.address)
		set_address(&r->client, client.address, 41234);
	set_address(&r->server, "192.0.2.53", 53);
	r->client_actor = client.actor ? zw_actor_ref(client.actor) : NULL;
	if (client.actor) {
		r->client_process.tgid = client.actor->tgid;
		r->client_process.start_ns = client.actor->start_ns;
	}
	r->server_process = (struct zw_request_process){
		.tgid = SERVER_PID, .start_ns = 1, .exe_dev = 1, .exe_ino = SERVER_EXE};
	if (client.key)
		assert_int_equal(zw_request_set_tsig_key(r, wire_name(client.key)), 0);
	return r;
}

static inline struct zw_request *make_update(
	const char *words, struct client client, uint64_t asked_ns, uint64_t answered_ns)
{
	struct zw_request *r = make_request(ZW_REQUEST_UPDATE, client, asked_ns, answered_ns);

	r->message = update_message(words);
	r->size_bytes = r->message->memory;
	return r;
}

/* --- zones -------------------------------------------------------------------------------------------- */

/* Master file lines relative to example., with an SOA of this serial. */
static inline struct zw_snapshot *zone_state(uint32_t serial, const char *records)
{
	_zw_free_ char *text =
		zw_asprintf("@ 300 SOA ns h %u 2 3 4 500\n@ 300 NS ns\n%s", serial, records);
	struct zw_zone_input input = {.key = &fixture_key};
	struct zw_zone_error error = {};
	struct zw_snapshot *s = NULL;

	assert_non_null(text);
	input.master.origin = wire_name("example.");
	input.data = text;
	input.len = strlen(text);
	if (zw_zone_load(&input, NULL, &s, &error) < 0)
		fail_msg("line %llu: %s\n%s", (unsigned long long)error.line, error.reason, text);
	return s;
}
