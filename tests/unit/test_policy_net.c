/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>

#include "engine/policy.h"

static void test_net_parse(void **state)
{
	static const struct {
		const char *text, *canonical; /* NULL: refused */
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.0/24"},
		{"192.0.2.1", "192.0.2.1"},
		{"192.0.2.1/32", "192.0.2.1"},
		{"0.0.0.0/0", "0.0.0.0/0"},
		{"2001:db8::/32", "2001:db8::/32"},
		{"2001:DB8::1", "2001:db8::1"},
		{"::/0", "::/0"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::ffff:192.0.2.0/120", "192.0.2.0/24"},
		{"192.0.2.1/24", NULL},
		{"192.0.2.0/33", NULL},
		{"2001:db8::/129", NULL},
		{"2001:db8::1/127", NULL},
		{"192.0.2.0/", NULL},
		{"192.0.2.0/-1", NULL},
		{"192.0.2.0/0x8", NULL},
		{"192.0.2.0/24/24", NULL},
		{"192.0.2", NULL},
		{"192.0.2.256", NULL},
		{" 192.0.2.1", NULL},
		{"", NULL},
		{"/8", NULL},
		{"fe80::1%lo", NULL},
		{"ns1.example.com", NULL},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		char text[ZW_NET_TEXT_MAX];
		struct zw_net net;
		int r = zw_net_parse(cases[i].text, &net);

		if ((r == 0) != (cases[i].canonical != NULL))
			fail_msg("%s: %d", cases[i].text, r);
		if (r < 0) {
			assert_int_equal(r, -EINVAL);
			continue;
		}
		zw_net_to_text(&net, text);
		assert_string_equal(text, cases[i].canonical);
	}
}

static void test_net_contains(void **state)
{
	static const struct {
		const char *net, *address;
		bool within;
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.0", true},
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.0/23", "192.0.3.255", true},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.0/24", "::ffff:192.0.2.7", true},
		{"::ffff:192.0.2.0/120", "192.0.2.7", true},
		{"0.0.0.0/0", "203.0.113.9", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "203.0.113.9", false},
		{"::/0", "2001:db8::1", true},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
		{"fe80::/10", "fe80::1%eth0", true},
		{"0.0.0.0/0", "", false},
		{"0.0.0.0/0", "alice", false},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		struct zw_net net;

		assert_int_equal(zw_net_parse(cases[i].net, &net), 0);
		if (zw_net_contains(&net, cases[i].address) != cases[i].within)
			fail_msg("%s in %s", cases[i].address, cases[i].net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_net_parse),
		cmocka_unit_test(test_net_contains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
