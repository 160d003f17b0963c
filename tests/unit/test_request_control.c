/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands and API calls told as dynamic updates. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "cli/control_api.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "engine/request_control.h"

static const uint8_t zone[] = "\7example\3com";

static struct zw_request *new_request(const uint8_t *name)
{
	struct zw_request *q = zw_request_new(ZW_REQUEST_CONTROL, 1);

	assert_non_null(q);
	if (name)
		assert_int_equal(zw_request_set_zone(q, name), 0);
	return q;
}

/* The records of the update section, a line each: "OWNER TTL CLASS TYPE RDATA". */
static char *dump(const struct zw_request *q)
{
	struct zw_str out = {};
	char *text = NULL;

	for (size_t i = 0; q->message && i < q->message->rrs; i++) {
		const struct zw_message_rr *rr = &q->message->rr[i];
		char owner[ZW_NAME_TEXT_MAX];
		_zw_free_ char *rdata = NULL;

		assert_int_equal(rr->section, ZW_SECTION_UPDATE);
		zw_name_to_text(rr->owner, owner);
		if (rr->rdata_len)
			assert_int_equal(
				zw_rdata_to_text(rr->type, rr->rdata, rr->rdata_len, &rdata), 0);
		zw_str_addf(&out, "%s %u %u %u%s%s\n", owner, rr->ttl, rr->klass, rr->type,
			rdata ? " " : "", rdata ? rdata : "");
	}
	assert_int_equal(zw_str_done(&out, &text), 0);
	return text;
}

static void assert_tells(
	const struct zw_control *control, const uint8_t *name, const char *expected)
{
	_zw_request_ struct zw_request *q = new_request(name);
	_zw_free_ char *text = NULL;

	assert_int_equal(zw_request_tell_control(q, control), 0);
	assert_int_equal(zw_request_tell_api(q, control), 0);
	assert_int_equal(q->message != NULL, expected != NULL);
	text = dump(q);
	assert_string_equal(text ? text : "", expected ? expected : "");
}

static void test_knot(void **state)
{
	static const struct {
		const char *command, *owner, *ttl, *type, *data, *expected;
	} cases[] = {
		{"zone-set", "www", "60", "A", "203.0.113.9",
			"www.example.com. 60 1 1 203.0.113.9\n"},
		{"zone-set", "@", "60", "MX", "10 mail",
			"example.com. 60 1 15 10 mail.example.com.\n"},
		{"zone-set", "WWW.example.com.", "60", "TXT", "\"a b\" c ; comment",
			"www.example.com. 60 1 16 \"a b\" \"c\"\n"},
		/* A line more is not looked at. */
		{"zone-set", "www", "60", "A", "192.0.2.1\nevil 60 A 192.0.2.2",
			"www.example.com. 60 1 1 192.0.2.1\n"},
		/* The TTL of the set, which is not known here. */
		{"zone-set", "www", NULL, "A", "192.0.2.1",
			"www.example.com. 3600 1 1 192.0.2.1\n"},
		{"zone-set", "www", "60", "A", "not an address", NULL},
		{"zone-set", "other.test.", "60", "A", "192.0.2.1", NULL},
		{"zone-set", "$INCLUDE", "60", "A", "192.0.2.1", NULL},
		{"zone-set", "", "60", "A", "192.0.2.1", NULL},
		{"zone-set", NULL, "60", "A", "192.0.2.1", NULL},
		{"zone-unset", "www", NULL, "A", "192.0.2.1",
			"www.example.com. 0 254 1 192.0.2.1\n"},
		{"zone-unset", "www", NULL, "A", NULL, "www.example.com. 0 255 1\n"},
		{"zone-unset", "@", NULL, NULL, NULL, "example.com. 0 255 255\n"},
		{"zone-unset", "www", NULL, "NOTYPE", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		struct zw_control c = {
			.protocol = ZW_CONTROL_KNOT,
			.effect = ZW_CONTROL_RECORDS,
			.command = (char *)cases[i].command,
			.owner = (char *)cases[i].owner,
			.ttl = (char *)cases[i].ttl,
			.type = (char *)cases[i].type,
			.data = (char *)cases[i].data,
		};

		assert_tells(&c, zone, cases[i].expected);
		c.effect = ZW_CONTROL_LOAD;
		assert_tells(&c, zone, NULL);
		c.effect = ZW_CONTROL_RECORDS;
		assert_tells(&c, NULL, NULL);
	}
}

static struct zw_control patch(const char *body)
{
	return (struct zw_control){.protocol = ZW_CONTROL_HTTP,
		.effect = ZW_CONTROL_RECORDS,
		.command = (char *)"PATCH",
		.body = (char *)body,
		.body_len = strlen(body)};
}

static void test_api(void **state)
{
	static const struct {
		const char *body, *expected;
	} cases[] = {
		{"{\"rrsets\":[{\"name\":\"www.example.com.\",\"type\":\"A\",\"ttl\":60,\"changetype\":"
		 "\"REPLACE\",\"records\":[{\"content\":\"203.0.113.9\",\"disabled\":false},"
		 "{\"content\":\"203.0.113.10\"},{\"content\":\"203.0.113.11\",\"disabled\":true}]},"
		 "{\"name\":\"Old.example.com\",\"type\":\"TXT\",\"changetype\":\"DELETE\"}]}",
			"www.example.com. 0 255 1\nwww.example.com. 60 1 1 203.0.113.9\n"
			"www.example.com. 60 1 1 203.0.113.10\nold.example.com. 0 255 16\n"},
		{"{\"rrsets\":[]}", NULL},
		{"{\"rrsets\":7}", NULL},
		{"{\"rrsets\":[7]}", NULL},
		{"{\"rrsets\":[{\"name\":\"a.example.com.\",\"type\":\"A\",\"changetype\":\"EXTEND\"}]}",
			NULL},
		{"{\"rrsets\":[{\"name\":\"a.example.com.\",\"type\":\"A\",\"changetype\":\"REPLACE\","
		 "\"ttl\":-1,\"records\":[]}]}",
			NULL},
		{"{\"rrsets\":[{\"name\":\"a.example.com.\",\"type\":\"A\",\"changetype\":\"REPLACE\","
		 "\"ttl\":1,\"records\":[{\"content\":\"x\"}]}]}",
			NULL},
		{"[", NULL},
		{"[]", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		struct zw_control c = patch(cases[i].body);

		assert_tells(&c, zone, cases[i].expected);
		c.effect = ZW_CONTROL_ZONES;
		assert_tells(&c, zone, NULL);
	}
}

/* Only the body of a POST names the zone. */
static void test_new_zone(void **state)
{
	struct zw_control c = patch("{\"name\":\"New.Example.\",\"kind\":\"Native\"}");
	_zw_request_ struct zw_request *q = new_request(NULL);

	(void)state;
	c.effect = ZW_CONTROL_ZONES;
	assert_int_equal(zw_request_tell_api(q, &c), 0);
	assert_memory_equal(q->zone, "\3new\7example", 13);
	assert_null(q->message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_knot),
		cmocka_unit_test(test_api),
		cmocka_unit_test(test_new_zone),
	};

	return cmocka_run_group_tests_name("request_control", tests, NULL, NULL);
}
