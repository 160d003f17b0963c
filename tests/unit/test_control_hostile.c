/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Control channels: what no tool of the servers sends, protocol by protocol. */
#include "unit/control_fixture.h"

/* A rndc message around a command, without any authentication. */
static size_t rndc_message(uint8_t *out, const char *command, size_t command_len)
{
	static const uint8_t head[] = {0, 0, 0, 1, 5, '_', 'd', 'a', 't', 'a', 2};
	size_t inner = 10 + command_len, size = sizeof(head) + 4 + inner, at = 0;

	for (int i = 0; i < 4; i++)
		out[at++] = (uint8_t)(size >> (24 - 8 * i));
	memcpy(out + at, head, sizeof(head));
	at += sizeof(head);
	for (int i = 0; i < 4; i++)
		out[at++] = (uint8_t)(inner >> (24 - 8 * i));
	memcpy(out + at, "\4type\1", 6);
	at += 6;
	for (int i = 0; i < 4; i++)
		out[at++] = (uint8_t)(command_len >> (24 - 8 * i));
	memcpy(out + at, command, command_len);
	return at + command_len;
}

static void test_rndc_zones(void **state)
{
	static const struct {
		const char *command, *expected;
	} cases[] = {
		{"RELOAD", "load zone=- reload\n"},
		{"delzone -clean a.example", "zones zone=a.example delzone -clean a.example\n"},
		{"addzone \"a.example\" { }", "zones zone=a.example addzone a.example { }\n"},
		{"signing -list a.example", "sign zone=a.example signing -list a.example\n"},
		{"signing -clear all a.example",
			"sign zone=a.example signing -clear all a.example\n"},
		{"signing -nsec3param 1 0 10 ab a.example IN v",
			"sign zone=a.example signing -nsec3param 1 0 10 ab a.example IN v\n"},
		{"signing -nsec3param none a.example",
			"sign zone=a.example signing -nsec3param none a.example\n"},
		{"dnssec -status a.example", "sign zone=a.example dnssec -status a.example\n"},
		{"dnssec -rollover -key 7 -when now a.example",
			"sign zone=a.example dnssec -rollover -key 7 -when now a.example\n"},
		{"dnssec -checkds -key 7 published a.example",
			"sign zone=a.example dnssec -checkds -key 7 published a.example\n"},
		{"reload {", "load zone=- reload {\n"},
		{"  ", ""},
		{"null", ""},
		{"freeze a\nb\x1b[1m", "load zone=a freeze a b\\x1b[1m\n"},
	};
	uint8_t data[512];

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		size_t len = rndc_message(data, cases[i].command, strlen(cases[i].command));

		assert_decodes(ZW_CONTROL_RNDC, data, len, cases[i].expected);
	}
	assert_decodes(ZW_CONTROL_RNDC, data, rndc_message(data, BYTES("stop\0 now")),
		"server zone=- stop\n");
}

static void test_rndc_hostile(void **state)
{
	static const char *const cases[][2] = {
		{"too short for a version", "\0\0\0\3\0\0\1"},
		{"another version", "\0\0\0\4\0\0\0\2"},
		{"no data", "\0\0\0\4\0\0\0\1"},
		{"an item longer than its table", "\0\0\0\x10\0\0\0\1\5_data\2\0\0\0\7\4"},
		{"a key longer than the message", "\0\0\0\5\0\0\0\1\xff"},
		{"data that is no table", "\0\0\0\x10\0\0\0\1\5_data\1\0\0\0\1\4"},
		{"a type that is a table", "\0\0\0\x19\0\0\0\1\5_data\2\0\0\0\x0a\4type\2\0\0\0\0"},
		{"a value of no type", "\0\0\0\x19\0\0\0\1\5_data\2\0\0\0\x0a\4type\x09\0\0\0\0"},
	};
	/* Lengths are in the first four octets; strings end early for nobody. */
	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		size_t len = 4 + (size_t)(uint8_t)cases[i][1][3];

		assert_decodes(ZW_CONTROL_RNDC, cases[i][1], len, EBADMSG_LINE);
	}
	assert_decodes(ZW_CONTROL_RNDC, BYTES("\xff\xff\xff\xff"), EMSGSIZE_LINE);
	assert_decodes(ZW_CONTROL_RNDC, BYTES("\0\x10\0\1"), EMSGSIZE_LINE);
}

/* @depth lists, one in another, in an item before the command. */
static int decode_nested(int depth)
{
	_zw_control_ struct zw_control c = {};
	uint8_t data[1024] = {}, tail[64];
	size_t tail_len = rndc_message(tail, BYTES("status")) - 8, at = 8;

	memcpy(data + 4, "\0\0\0\1", 4);
	memcpy(data + at, "\1x", 2);
	at += 2;
	for (int i = depth - 1; i >= 0; i--) {
		data[at] = 3;
		data[at + 3] = (uint8_t)(i * 5 >> 8);
		data[at + 4] = (uint8_t)(i * 5);
		at += 5;
	}
	memcpy(data + at, tail + 8, tail_len);
	at += tail_len;
	data[2] = (uint8_t)((at - 4) >> 8);
	data[3] = (uint8_t)(at - 4);
	return decode_one(ZW_CONTROL_RNDC, data, at, &c);
}

static void test_rndc_depth(void **state)
{
	(void)state;
	assert_int_equal(decode_nested(1), 1);
	assert_int_equal(decode_nested(9), 1);
	assert_int_equal(decode_nested(10), -EBADMSG);
	assert_int_equal(decode_nested(60), -EBADMSG);
}

static void test_knot_hostile(void **state)
{
	(void)state;
	assert_decodes(ZW_CONTROL_KNOT, BYTES("\4"), EBADMSG_LINE);
	assert_decodes(ZW_CONTROL_KNOT, BYTES("\1\x1c\0\0\3"), EBADMSG_LINE);
	/* The server runs the first command of a block, whatever later units say. */
	assert_decodes(ZW_CONTROL_KNOT,
		BYTES("\1\x10\0\x08zone-set\x16\0\1a\x17\0\1x\x19\0\1A"
		      "\1\x10\0\x09zone-read\x16\0\1b\x19\0\1A\3\1\x16\0\1c\3"),
		"records zone=a zone-set a x A\nrecords zone=b zone-set b A\n");
	assert_decodes(ZW_CONTROL_KNOT, BYTES("\2\x10\0\4stop\3"), "");
	assert_decodes(
		ZW_CONTROL_KNOT, BYTES("\1\x10\0\6st\0\n\x1b!\x16\0\0\3"), "unknown zone= st\n");
	/* Of two zones the server takes the last. */
	assert_decodes(ZW_CONTROL_KNOT, BYTES("\1\x10\0\x09zone-sign\x16\0\1a\x16\0\1b\0"),
		"sign zone=b zone-sign b\n");
	assert_decodes(ZW_CONTROL_KNOT,
		BYTES("\1\x10\0\x25zone-set-and-a-name-without-any-end-x\3"),
		"unknown zone=- zone-set-and-a-name-without-any\n");
}

static void test_knot_items_bound(void **state)
{
	_zw_control_ struct zw_control c = {};
	char data[4 * 4096] = "\1";
	size_t len = 1;

	(void)state;
	while (len + 3 < sizeof(data)) {
		memcpy(data + len, "\x11\0\0", 3);
		len += 3;
	}
	assert_int_equal(decode_one(ZW_CONTROL_KNOT, data, len, &c), -EBADMSG);
}

static void test_lines(void **state)
{
	_zw_free_ char *endless = malloc(70000);
	_zw_control_ struct zw_control c = {};

	(void)state;
	assert_decodes(ZW_CONTROL_PDNS, BYTES("PURGE a.example$\r\nnotify b.example"),
		"server zone=a.example$ purge a.example$\n");
	assert_decodes(ZW_CONTROL_PDNS, BYTES("\n \t\nuptime\n"), "look zone=- uptime\n");
	assert_decodes(ZW_CONTROL_NSD, BYTES("NSDCT1 addzone a.example p\n"),
		"zones zone=a.example addzone a.example p\n");
	assert_decodes(ZW_CONTROL_NSD, BYTES("NSDCT1 addzones\na.example p\nb.example p\n\x04"),
		"zones zone=- addzones\n");
	assert_decodes(ZW_CONTROL_NSD, BYTES("UBCT1 stop\n"), EBADMSG_LINE);
	assert_non_null(endless);
	memset(endless, 'a', 70000);
	assert_int_equal(decode_one(ZW_CONTROL_PDNS, endless, 70000, &c), -EMSGSIZE);
}

static void test_http(void **state)
{
	(void)state;
	assert_decodes(ZW_CONTROL_HTTP,
		BYTES("\r\nPATCH http://ns1:8081/api/v1/servers/localhost/zones/a=2fb.%65xample.?x "
		      "HTTP/1.1\ncontent-length:2\n\n{}DELETE /api/v1/servers/localhost/zones/c. "
		      "HTTP/1.0\r\n\r\n"),
		"records zone=a/b.example. PATCH "
		"/api/v1/servers/localhost/zones/a=2fb.example.\n"
		"zones zone=c. DELETE /api/v1/servers/localhost/zones/c.\n");
	assert_decodes(ZW_CONTROL_HTTP,
		BYTES("POST /api/v1/servers/localhost/zones HTTP/1.1\r\n"
		      "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n{\"nam\r\n9\r\ne\":\"a.\"}\n\r\n"
		      "0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
		"zones zone=- POST /api/v1/servers/localhost/zones\nlook zone=- GET /\n");
	assert_decodes(ZW_CONTROL_HTTP,
		BYTES("PUT /api/v1/servers/localhost/zones/a./axfr-retrieve HTTP/1.1\r\n\r\n"
		      "PUT /api/v1/servers/localhost/cache/flush?domain=a. HTTP/1.1\r\n\r\n"
		      "PUT /api/v1/servers/localhost/zonesy HTTP/1.1\r\n\r\n"),
		"load zone=a. PUT /api/v1/servers/localhost/zones/a./axfr-retrieve\n"
		"server zone=- PUT /api/v1/servers/localhost/cache/flush\n"
		"server zone=- PUT /api/v1/servers/localhost/zonesy\n");
}

/* pdns_control over TCP, of which only what is said tells; the secret is never shown. */
static void test_pdns_over_tcp(void **state)
{
	_zw_control_ struct zw_control c = {};

	(void)state;
	assert_decodes(ZW_CONTROL_HTTP, BYTES("geheim\npurge a.example\n"),
		"server zone=a.example purge a.example\n");
	assert_decodes(ZW_CONTROL_HTTP, BYTES("bind-reload-now a.example\n"),
		"load zone=a.example bind-reload-now a.example\n");
	assert_decodes(ZW_CONTROL_HTTP, BYTES("purge\npurge a.example\n"),
		"server zone=- purge\nserver zone=a.example purge a.example\n");
	assert_decodes(ZW_CONTROL_HTTP, BYTES("geheim\nX-API-Key: geheim\n"), EBADMSG_LINE);
	assert_decodes(ZW_CONTROL_HTTP, BYTES("geheim\ngeheim\npurge a.example\n"), EBADMSG_LINE);
	assert_decodes(ZW_CONTROL_HTTP, BYTES("GET / HTTP/1.1\r\n\r\ngeheim\npurge\n\r\n"),
		"look zone=- GET /\n" EBADMSG_LINE);
	assert_int_equal(decode_one(ZW_CONTROL_HTTP, BYTES("geheim\npurge a.\n"), &c), 1);
	assert_int_equal(c.protocol, ZW_CONTROL_PDNS);
}

static void test_http_chunks_body(void **state)
{
	static const char request[] =
		"POST /api/v1/servers/localhost/zones HTTP/1.1\r\nTransfer-Encoding: CHUNKED\r\n\r\n"
		"5\r\n{\"nam\r\n9\r\ne\":\"a.\"}\n\r\n0\r\n\r\n";
	_zw_control_ struct zw_control c = {};

	(void)state;
	assert_int_equal(decode_one(ZW_CONTROL_HTTP, BYTES(request), &c), 1);
	assert_string_equal(c.body, "{\"name\":\"a.\"}\n");
	assert_int_equal(c.body_len, 14);
}

static void test_http_hostile(void **state)
{
	static const char *const refused[] = {
		"GET\r\n\r\n",
		"GET /\r\n\r\n",
		"GET / HTTP/2.0\r\n\r\n",
		"GET / x HTTP/1.1\r\n\r\n",
		"G\tT / HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nno colon\r\n\r\n",
		"GET / HTTP/1.1\r\n folded: x\r\n\r\n",
		"PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"PUT / HTTP/1.1\r\nContent-Length: 1e1\r\n\r\n",
		"PUT / HTTP/1.1\r\nContent-Length: 9999999999999999\r\n\r\n",
		"PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
		"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
		"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
		"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n",
	};
	_zw_free_ char *head = malloc(100000);
	_zw_control_ struct zw_control c = {};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(refused); i++)
		assert_decodes(ZW_CONTROL_HTTP, refused[i], strlen(refused[i]), EBADMSG_LINE);
	assert_decodes(ZW_CONTROL_HTTP, BYTES("PUT / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"),
		EMSGSIZE_LINE);
	assert_non_null(head);
	memset(head, 'a', 100000);
	assert_int_equal(decode_one(ZW_CONTROL_HTTP, head, 100000, &c), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rndc_zones),
		cmocka_unit_test(test_rndc_hostile),
		cmocka_unit_test(test_rndc_depth),
		cmocka_unit_test(test_knot_hostile),
		cmocka_unit_test(test_knot_items_bound),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_pdns_over_tcp),
		cmocka_unit_test(test_http_chunks_body),
		cmocka_unit_test(test_http_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
