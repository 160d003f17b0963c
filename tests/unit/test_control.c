/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Control channels: what the servers' own tools sent, recorded from BIND 9.18, Knot 3.2, PowerDNS 4.7 and curl, whole
 * and in pieces; and what nobody should send. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "event/control.h"

#define FIXTURES "tests/data/control/"
#define BYTES(text) (text), sizeof(text) - 1

static size_t read_fixture(const char *name, uint8_t *buf, size_t size)
{
	_zw_free_ char *path = zw_asprintf(FIXTURES "%s", name);
	_zw_fclose_ FILE *f = NULL;
	size_t n;

	assert_non_null(path);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(buf, 1, size, f);
	assert_true(n > 0 && n < size);
	return n;
}

/* Every command of the bytes, a line each: "EFFECT zone=... TEXT". What ends the stream is the last line. */
static void drain(struct zw_control_stream *stream, struct zw_str *out)
{
	for (;;) {
		_zw_control_ struct zw_control c = {};
		int r = zw_control_stream_next(stream, &c);

		if (r == 0)
			return;
		if (r < 0) {
			zw_str_addf(out, "error %d\n", r);
			return;
		}
		assert_non_null(c.command);
		assert_non_null(c.text);
		assert_true(strlen(c.text) <= ZW_CONTROL_TEXT_MAX);
		zw_str_addf(out, "%s zone=%s %s\n", zw_control_effect_to_string(c.effect),
			c.zone ? c.zone : "-", c.text);
	}
}

static void assert_decodes(
	enum zw_control_protocol protocol, const void *data, size_t len, const char *expected)
{
	/* In two pieces, cut at each place; the last time with an empty second piece. */
	for (size_t cut = 0; cut <= len; cut++) {
		_zw_control_stream_ struct zw_control_stream stream = {.protocol = protocol};
		_zw_str_ struct zw_str out = {};

		assert_int_equal(zw_control_stream_add(&stream, data, cut), 0);
		drain(&stream, &out);
		if (stream.error == 0) {
			assert_int_equal(
				zw_control_stream_add(&stream, (const char *)data + cut, len - cut),
				0);
			drain(&stream, &out);
		}
		assert_false(out.failed);
		assert_string_equal(out.buf ? out.buf : "", expected);
	}
}

static void test_recorded(void **state)
{
	static const struct {
		enum zw_control_protocol protocol;
		const char *fixture, *expected;
	} cases[] = {
		{ZW_CONTROL_RNDC, "rndc-status", "look zone=- status\n"},
		{ZW_CONTROL_RNDC, "rndc-addzone",
			"zones zone=example.net addzone example.net { type primary; file "
			"example.net.zone ; };\n"},
		{ZW_CONTROL_RNDC, "rndc-freeze", "load zone=example.com freeze example.com\n"},
		{ZW_CONTROL_RNDC, "rndc-sync",
			"load zone=example.com sync -clean example.com IN _default\n"},
		{ZW_CONTROL_KNOT, "knot-begin", "look zone=example.com zone-begin example.com\n"},
		{ZW_CONTROL_KNOT, "knot-set",
			"records zone=example.com zone-set example.com www 60 A 203.0.113.9\n"},
		{ZW_CONTROL_KNOT, "knot-set-quoted",
			"records zone=example.com zone-set example.com txt 60 TXT \"hello world\"\n"},
		{ZW_CONTROL_KNOT, "knot-unset",
			"records zone=example.com zone-unset example.com www A\n"},
		{ZW_CONTROL_KNOT, "knot-commit",
			"commit zone=example.com zone-commit example.com\n"},
		{ZW_CONTROL_KNOT, "knot-read", "look zone=example.com zone-read example.com\n"},
		{ZW_CONTROL_KNOT, "knot-reload", "load zone=- zone-reload\n"},
		{ZW_CONTROL_KNOT, "knot-reload-two",
			"load zone=example.com zone-reload example.com\n"
			"load zone=example.net zone-reload example.net\n"},
		{ZW_CONTROL_KNOT, "knot-flush-forced",
			"load zone=example.com zone-flush example.com\n"},
		{ZW_CONTROL_KNOT, "knot-purge",
			"zones zone=example.com zone-purge example.com +j\n"},
		{ZW_CONTROL_KNOT, "knot-conf-begin", "look zone=- conf-begin\n"},
		{ZW_CONTROL_KNOT, "knot-conf-set",
			"zones zone=example.org conf-set zone[example.org]\n"},
		{ZW_CONTROL_KNOT, "knot-conf-set-file",
			"zones zone=example.org conf-set zone[example.org].file foo\n"},
		{ZW_CONTROL_KNOT, "knot-conf-commit", "commit zone=- conf-commit\n"},
		{ZW_CONTROL_PDNS, "pdns-ping", "look zone=- ping\n"},
		{ZW_CONTROL_PDNS, "pdns-purge", "server zone=example.com purge example.com\n"},
		{ZW_CONTROL_PDNS, "pdns-notify", "server zone=example.com notify example.com\n"},
		{ZW_CONTROL_PDNS, "pdns-bind-reload-now",
			"load zone=example.com bind-reload-now example.com\n"},
		{ZW_CONTROL_HTTP, "http-get", "look zone=- GET /api/v1/servers/localhost/zones\n"},
		{ZW_CONTROL_HTTP, "http-patch",
			"records zone=example.com. PATCH "
			"/api/v1/servers/localhost/zones/example.com.\n"},
		{ZW_CONTROL_HTTP, "http-delete",
			"zones zone=example.com. DELETE "
			"/api/v1/servers/localhost/zones/example.com.\n"},
		{ZW_CONTROL_HTTP, "http-notify",
			"server zone=example.com. PUT "
			"/api/v1/servers/localhost/zones/example.com./notify\n"},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		uint8_t data[4096];
		size_t len = read_fixture(cases[i].fixture, data, sizeof(data));

		assert_decodes(cases[i].protocol, data, len, cases[i].expected);
	}
}

static int decode_one(enum zw_control_protocol protocol, const void *data, size_t len,
	struct zw_control *ret_control)
{
	_zw_control_stream_ struct zw_control_stream stream = {.protocol = protocol};

	assert_int_equal(zw_control_stream_add(&stream, data, len), 0);
	return zw_control_stream_next(&stream, ret_control);
}

static void test_record_fields(void **state)
{
	_zw_control_ struct zw_control set = {}, unset = {}, patch = {}, sync = {};
	uint8_t data[4096];

	(void)state;
	assert_int_equal(decode_one(ZW_CONTROL_KNOT, data,
				 read_fixture("knot-set", data, sizeof(data)), &set),
		1);
	assert_string_equal(set.command, "zone-set");
	assert_string_equal(set.owner, "www");
	assert_string_equal(set.ttl, "60");
	assert_string_equal(set.type, "A");
	assert_string_equal(set.data, "203.0.113.9");
	assert_null(set.view);
	assert_null(set.body);
	assert_int_equal(decode_one(ZW_CONTROL_KNOT, data,
				 read_fixture("knot-unset", data, sizeof(data)), &unset),
		1);
	assert_string_equal(unset.owner, "www");
	assert_string_equal(unset.type, "A");
	assert_null(unset.ttl);
	assert_null(unset.data);
	assert_int_equal(decode_one(ZW_CONTROL_HTTP, data,
				 read_fixture("http-patch", data, sizeof(data)), &patch),
		1);
	assert_string_equal(patch.command, "PATCH");
	assert_int_equal(patch.body_len, 138);
	assert_int_equal(strlen(patch.body), 138);
	assert_memory_equal(patch.body, "{\"rrsets\":[", 11);
	/* The first command of the channel only asks for a nonce. */
	assert_int_equal(decode_one(ZW_CONTROL_RNDC, data,
				 read_fixture("rndc-sync", data, sizeof(data)), &sync),
		1);
	assert_string_equal(sync.view, "_default");
}

/* @secret must be in none of the strings. */
static void assert_silent(const struct zw_control *c, const char *secret)
{
	const char *const strings[] = {
		c->command, c->zone, c->view, c->owner, c->ttl, c->type, c->data, c->body, c->text};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(strings); i++)
		assert_true(!strings[i] || !strstr(strings[i], secret));
}

static void test_secrets(void **state)
{
	static const struct {
		enum zw_control_protocol protocol;
		const char *data;
		const char *text;
	} cases[] = {
		{ZW_CONTROL_PDNS, "set webserver-password SECRET\n",
			"set webserver-password (arguments not shown)"},
		{ZW_CONTROL_PDNS, "token-login softhsm 0 SECRET\n",
			"token-login softhsm (arguments not shown)"},
		{ZW_CONTROL_PDNS, "made-up SECRET\n", "made-up (arguments not shown)"},
		{ZW_CONTROL_NSD, "NSDCT1 add_tsig k SECRET hmac-sha256\n",
			"add_tsig k (arguments not shown)"},
		{ZW_CONTROL_HTTP,
			"POST /api/v1/servers/localhost/tsigkeys?api-key=SECRET HTTP/1.1\r\n"
			"X-API-Key: SECRET\r\nAuthorization: Basic SECRET\r\n"
			"Content-Length: 16\r\n\r\n{\"key\":\"SECRET\"}",
			"POST /api/v1/servers/localhost/tsigkeys"},
		{ZW_CONTROL_HTTP,
			"POST /api/v1/servers/localhost/zones/a./cryptokeys HTTP/1.1\r\n"
			"Content-Length: 6\r\n\r\nSECRET",
			"POST /api/v1/servers/localhost/zones/a./cryptokeys"},
		{ZW_CONTROL_HTTP,
			"PUT /api/v1/servers/localhost/zones/a./metadata/TSIG HTTP/1.1\r\n"
			"Content-Length: 6\r\n\r\nSECRET",
			"PUT /api/v1/servers/localhost/zones/a./metadata/TSIG"},
	};
	_zw_control_ struct zw_control knot = {};
	uint8_t data[4096];

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_control_ struct zw_control c = {};

		assert_int_equal(
			decode_one(cases[i].protocol, cases[i].data, strlen(cases[i].data), &c), 1);
		assert_string_equal(c.text, cases[i].text);
		assert_silent(&c, "SECRET");
	}
	assert_int_equal(decode_one(ZW_CONTROL_KNOT, data,
				 read_fixture("knot-conf-set-secret", data, sizeof(data)), &knot),
		1);
	assert_string_equal(knot.text, "conf-set key[mykey].secret (value not shown)");
	assert_silent(&knot, "c2VjcmV0");
}

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

#define EBADMSG_LINE "error -74\n"
#define EMSGSIZE_LINE "error -90\n"
#define ENODATA_LINE "error -61\n"

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

static void test_long_text(void **state)
{
	_zw_control_ struct zw_control c = {};
	char line[2048] = "purge ";
	size_t len = strlen(line);

	(void)state;
	while (len < 1500) {
		memcpy(line + len, "\xc3\xa4", 2);
		len += 2;
	}
	line[len++] = '\n';
	assert_int_equal(decode_one(ZW_CONTROL_PDNS, line, len, &c), 1);
	assert_true(strlen(c.text) <= ZW_CONTROL_TEXT_MAX);
	assert_true(zw_endswith(c.text, "\xc3\xa4..."));
	assert_int_equal(strlen(c.zone), len - 7);
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

static void test_lost(void **state)
{
	_zw_control_stream_ struct zw_control_stream stream = {.protocol = ZW_CONTROL_PDNS};
	_zw_str_ struct zw_str out = {};

	(void)state;
	assert_int_equal(zw_control_stream_add(&stream, BYTES("uptime\nnotify a.exa")), 0);
	zw_control_stream_lost(&stream);
	drain(&stream, &out);
	assert_string_equal(out.buf, "look zone=- uptime\n" ENODATA_LINE);
	assert_int_equal(zw_control_stream_add(&stream, BYTES("mple\n")), -ENODATA);
	assert_null(stream.buf);
}

static void test_nsd_argv(void **state)
{
	char *argv[] = {"nsd-control", "-c", "/etc/nsd/nsd.conf", "-s127.0.0.1", "addzone",
		"a.example", "primary", NULL};
	_zw_control_ struct zw_control c = {}, none = {};

	(void)state;
	assert_int_equal(zw_control_nsd_argv(argv, 7, &c), 1);
	assert_string_equal(c.zone, "a.example");
	assert_string_equal(c.text, "addzone a.example primary");
	assert_int_equal(c.effect, ZW_CONTROL_ZONES);
	assert_int_equal(zw_control_nsd_argv(argv, 4, &none), 0);
	assert_int_equal(zw_control_nsd_argv(argv, 2, &none), 0);
	assert_null(none.command);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(zw_control_protocol_to_string(ZW_CONTROL_HTTP), "http");
	assert_string_equal(zw_control_protocol_to_string(_ZW_CONTROL_PROTOCOL_MAX), "unknown");
	assert_string_equal(zw_control_effect_to_string(ZW_CONTROL_RECORDS), "records");
	assert_string_equal(zw_control_effect_to_string(_ZW_CONTROL_EFFECT_MAX), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded),
		cmocka_unit_test(test_record_fields),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_rndc_zones),
		cmocka_unit_test(test_rndc_hostile),
		cmocka_unit_test(test_rndc_depth),
		cmocka_unit_test(test_knot_hostile),
		cmocka_unit_test(test_knot_items_bound),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_http_chunks_body),
		cmocka_unit_test(test_http_hostile),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_nsd_argv),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
