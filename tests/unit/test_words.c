/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "dns/name.h"

static int evidence(const char *label)
{
	return zw_words_evidence((const uint8_t *)label, strlen(label));
}

/* What administrators, provisioning systems, DHCP servers and routers call things. */
static const char *const ordinary[] = {"www", "mail", "autodiscover", "enterpriseregistration",
	"enterpriseenrollment", "lyncdiscover", "msoid", "selector1", "ns1", "mx-in-01",
	"ip-10-2-3-4", "dhcp-client-17", "s3-eu-west-1", "ec2-54-12-3-4", "vpn-gw02-fra1",
	"k8sprdclstr", "ftpsrvbkp", "smtpbkp01", "xmpp-srv", "wsus01prd", "sqlsrv2k19dc3",
	"prdwebappsrv01", "dc01fra2srv", "gitlab-runner-xyz", "esxi-r12-u03", "bgp-ae1-cr2",
	"xe-0-0-1", "ge-1-2-3-100", "te0-0-0-1", "ae1-cr01-fra3", "vl1234", "be3021", "rtr1lhr2",
	"dsl-189-2-3-4-dyn", "cpe-76-1-2-3", "h1234567", "host86-171-2-3", "p5b2a1c9f", "p4fd2e1a3",
	"i59f5a1b2", "dslb-088-064-001-002", "xdsl-81-173-2-3", "2001-db8-0-1--5", "20261122093012",
	"001a2b3c4d5e", "SEP001A2B3C4D5E", "00-1a-2b-3c-4d-5e", "mrtg", "nagios", "grafana",
	"prometheus", "k8s-node-3", "mysql-prod-rw", "pgbouncer", "wpad", "vcenter",
	"idrac-7gkx2q2", "desktop-4f8k2lm", "LAPTOP-9Q3VT7HD", "win-8a2fh3kd9s6", "pc-hr-012",
	"qwertyuiop", "hvltqz", "cloudflare-verify", "rechtsschutzversicherung",
	"donaudampfschifffahrt", "krankenhausverwaltung", "arbeidsongeschiktheid",
	"zeitschriftenvertrieb", "developpementdurable", "comunicacionesinternas",
	"amministrazione", "internationalization", "thequickbrownfoxjumps", "wysiwyg", "a", "0",
	"-", "--", "xn--bcher-kva", "xn--80aswg", "xn--mgberp4a5d4ar", "_acme-challenge",
	"_3f2504e04f8911d39a0c0305e82c3301", "mta-sts", "em1234", "k2", "s1024-2013-q3"};

/* Drawn by a generator; of 23 characters those of the title, then other lengths, alphabets and forms. */
static const char *const drawn[] = {"jdk3l2m5n7q9w1x4z8v6b2c", "xkqjzvbwpmtrhgfdlnscyqa",
	"aghjkqwzxcvbnmtyplkjhgf", "q7w2vx93kfj4m0zt8rby5pd", "bqfxkvmzjwtgphrqdnlcsyx",
	"w3k9z2qx7v1m", "0x9f3kq8vz2j", "d41d8cd98f00b204e9800998ecf8427e",
	"3f2504e0-4f89-41d3-9a0c-0305e82c3301", "b6589fc6ab0dc82cf12099d1c2d40ab994e8410c",
	"gq3tcnrvhe2dinrzgi4tqmbrgy", "JDK3L2M5N7Q9W1X4Z8V6B2C", "img-w3k9z2qx7v1mt5",
	"zkqvjxwpfbgmzhkdqvtjxkw"};

static void test_ordinary_labels(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(ordinary); i++)
		if (evidence(ordinary[i]) >= ZW_WORDS_RANDOM_BITS)
			fail_msg("\"%s\" has %d bits", ordinary[i], evidence(ordinary[i]));
}

static void test_drawn_labels(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(drawn); i++)
		if (evidence(drawn[i]) < ZW_WORDS_RANDOM_BITS)
			fail_msg("\"%s\" has %d bits", drawn[i], evidence(drawn[i]));
}

/* The share of labels of @len characters of @alphabet that are called random, in percent. */
static unsigned int share_found(const char *alphabet, size_t len)
{
	const unsigned int draws = 2000;
	uint64_t seed = 42; /* the same labels at every run */
	unsigned int found = 0;
	char label[ZW_LABEL_MAX + 1] = "";

	for (unsigned int n = 0; n < draws; n++) {
		for (size_t i = 0; i < len; i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			label[i] = alphabet[(seed >> 33) % strlen(alphabet)];
		}
		found += evidence(label) >= ZW_WORDS_RANDOM_BITS;
	}
	return found * 100 / draws;
}

static void test_share_of_generated_labels(void **state)
{
	static const struct {
		const char *alphabet;
		size_t len;
		unsigned int least;
	} cases[] = {
		{"abcdefghijklmnopqrstuvwxyz0123456789", 23, 95},
		{"abcdefghijklmnopqrstuvwxyz", 23, 85},
		{"0123456789abcdef", 32, 92},
		{"abcdefghijklmnopqrstuvwxyz234567", 23, 90},
		{"bcdfghjklmnpqrstvwxz", 16, 95},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		unsigned int share = share_found(cases[i].alphabet, cases[i].len);

		if (share < cases[i].least)
			fail_msg("%zu of \"%s\": %u %%", cases[i].len, cases[i].alphabet, share);
	}
}

static void test_names(void **state)
{
	static const struct {
		const char *owner, *apex, *label; /* NULL: not random */
	} cases[] = {
		{"jdk3l2m5n7q9w1x4z8v6b2c.example.com", "example.com", "jdk3l2m5n7q9w1x4z8v6b2c"},
		{"www.jdk3l2m5n7q9w1x4z8v6b2c.example.com", "EXAMPLE.com",
			"jdk3l2m5n7q9w1x4z8v6b2c"},
		{"w3k9z2qx7v1m.q7w2vx93kfj4m0zt8rby5pd.example.com", "example.com",
			"q7w2vx93kfj4m0zt8rby5pd"},
		{"www.example.com", "example.com", NULL},
		{"example.com", "example.com", NULL},
		/* The zone's own name is no news. */
		{"www.jdk3l2m5n7q9w1x4z8v6b2c.com", "jdk3l2m5n7q9w1x4z8v6b2c.com", NULL},
		{"jdk3l2m5n7q9w1x4z8v6b2c.example.com", "example.net", NULL},
		{"jdk3l2m5n7q9w1x4z8v6b2c._domainkey.example.com", "example.com", NULL},
		{"_acme-challenge.jdk3l2m5n7q9w1x4z8v6b2c.example.com", "example.com", NULL},
		{"3f2504e0-4f89-41d3-9a0c-0305e82c3301._msdcs.example.com", "example.com", NULL},
		{"\\255\\000\\255.example.com", "example.com", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		uint8_t owner[ZW_NAME_MAX], apex[ZW_NAME_MAX];
		const uint8_t *label = NULL;
		bool random;

		assert_int_equal(zw_name_from_text(cases[i].owner, owner, NULL), 0);
		assert_int_equal(zw_name_from_text(cases[i].apex, apex, NULL), 0);
		random = zw_words_name_is_random(owner, apex, ZW_WORDS_RANDOM_BITS, &label);
		if (random != (cases[i].label != NULL))
			fail_msg("\"%s\"", cases[i].owner);
		if (!random)
			continue;
		assert_int_equal(*label, strlen(cases[i].label));
		assert_memory_equal(label + 1, cases[i].label, *label);
		assert_true(zw_words_name_is_random(owner, apex, ZW_WORDS_RANDOM_BITS, NULL));
		assert_false(zw_words_name_is_random(owner, apex, 1000, NULL));
	}
}

static void test_limits(void **state)
{
	uint8_t label[ZW_LABEL_MAX + 1];

	(void)state;
	memset(label, 'q', sizeof(label));
	assert_true(zw_words_evidence(label, ZW_LABEL_MAX) > 0);
	assert_int_equal(zw_words_evidence(label, sizeof(label)), 0);
	assert_int_equal(zw_words_evidence(label, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ordinary_labels),
		cmocka_unit_test(test_drawn_labels),
		cmocka_unit_test(test_share_of_generated_labels),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
