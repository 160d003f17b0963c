/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Control channels: what the servers' own tools sent, recorded from BIND 9.18, Knot 3.2, PowerDNS 4.7 and curl, whole
 * and in pieces. */
#include "unit/control_fixture.h"

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
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_nsd_argv),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
