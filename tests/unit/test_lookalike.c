/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/lookalike.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "dns/name.h"

static enum zw_lookalike compare(const char *name, const char *own)
{
	uint8_t n[ZW_NAME_MAX], o[ZW_NAME_MAX];

	assert_int_equal(zw_name_from_text(name, n, NULL), 0);
	assert_int_equal(zw_name_from_text(own, o, NULL), 0);
	return zw_lookalike(n, o);
}

static void test_imitations(void **state)
{
	static const struct {
		const char *name, *own;
		enum zw_lookalike how;
	} cases[] = {
		{"ns1.examp1e.com", "example.com", ZW_LOOKALIKE_GLYPH},
		{"ns1.exarnple.com", "example.com", ZW_LOOKALIKE_GLYPH},
		{"NS1.EXAMPIE.COM", "example.com", ZW_LOOKALIKE_GLYPH},
		{"g00gle.com", "google.com", ZW_LOOKALIKE_GLYPH},
		{"vvestbank.org", "westbank.com", ZW_LOOKALIKE_GLYPH},
		{"clelta.com", "delta.com", ZW_LOOKALIKE_GLYPH},
		{"xn--exmple-4nf.com", "example.com", ZW_LOOKALIKE_GLYPH}, /* Cyrillic a */
		{"xn--exmple-qta.com", "example.com", ZW_LOOKALIKE_GLYPH}, /* a with diaeresis */
		{"xn--80ak6aa92e.com", "apple.com", ZW_LOOKALIKE_GLYPH},   /* all Cyrillic */
		{"ns1.exmaple.com", "example.com", ZW_LOOKALIKE_EDIT},
		{"ns1.exmple.com", "example.com", ZW_LOOKALIKE_EDIT},
		{"ns1.examplee.com", "example.com", ZW_LOOKALIKE_EDIT},
		{"ns1.ezample.com", "example.com", ZW_LOOKALIKE_EDIT},
		{"exampld.co.uk", "www.example.co.uk", ZW_LOOKALIKE_EDIT},
		{"ex-ample.com", "example.com", ZW_LOOKALIKE_HYPHEN},
		{"mybank.com", "my-bank.com", ZW_LOOKALIKE_HYPHEN},
		{"ns.example.net", "example.com", ZW_LOOKALIKE_SUFFIX},
		{"ns.example.co", "example.com", ZW_LOOKALIKE_SUFFIX},
		{"ns.example.com", "example.com.au", ZW_LOOKALIKE_SUFFIX},
		{"ns.example.co.uk", "example.com", ZW_LOOKALIKE_SUFFIX},
		{"ns1.example-dns.net", "example.com", ZW_LOOKALIKE_EMBEDDED},
		{"dns-example.net", "example.com", ZW_LOOKALIKE_EMBEDDED},
		{"exampledns.com", "example.com", ZW_LOOKALIKE_EMBEDDED},
		{"secureexample.com", "example.com", ZW_LOOKALIKE_EMBEDDED},
		{"example24.com", "example.com", ZW_LOOKALIKE_EMBEDDED},
		{"ns1.example.com.attacker.net", "example.com", ZW_LOOKALIKE_BELOW},
		{"ns1.example-com.attacker.net", "example.com", ZW_LOOKALIKE_BELOW},
		{"example-com.mail.protection.outlook.com", "example.com", ZW_LOOKALIKE_BELOW},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++)
		if (compare(cases[i].name, cases[i].own) != cases[i].how)
			fail_msg("\"%s\" %s \"%s\"", cases[i].name,
				zw_lookalike_to_string(compare(cases[i].name, cases[i].own)),
				cases[i].own);
}

/* Name servers and mail exchangers that zones of all kinds honestly have. */
static void test_honest_names(void **state)
{
	static const char *const servers[] = {"ns1.digitalocean.com", "ns-1234.awsdns-12.co.uk",
		"ns-cloud-a1.googledomains.com", "ns1-07.azure-dns.com", "ada.ns.cloudflare.com",
		"ns1.p16.dynect.net", "dns1.p01.nsone.net", "a1-23.akam.net",
		"ns13.domaincontrol.com", "ns1.dnsimple.com", "dns1.registrar-servers.com",
		"ns1.ovh.net", "dns102.ovh.net", "ns1.dreamhost.com", "ns.inwx.de",
		"ns5.kasserver.com", "docks01.rzone.de", "ns-de.1and1-dns.de",
		"helium.ns.hetzner.de", "ns.udag.de", "ns1.gandi.net", "ns1.linode.com",
		"ns1.he.net", "pdns1.ultradns.net", "ns0.dnsmadeeasy.com", "dns1.easydns.com",
		"ns1.rackspace.com", "sec1.apnic.net", "ns.ripe.net", "aspmx.l.google.com",
		"mx1.mailbox.org", "in1-smtp.messagingengine.com", "mx.zoho.eu",
		"mail.protonmail.ch", "mx00.ionos.de"};
	static const char *const zones[] = {"example.org", "university.ac.uk", "acme.com",
		"bank.de", "city-hospital.nl", "ministry.gov.gr", "shop.example.it",
		"contoso.co.jp", "ibm.com", "hp.com", "a.de", "delta.com", "target.com",
		"orange.fr", "visa.com", "chase.com", "oracle.com", "nokia.fi", "volvo.se",
		"daimler.de", "allianz.de", "telekom.de"};

	(void)state;
	for (size_t s = 0; s < ZW_ARRAY_SIZE(servers); s++)
		for (size_t z = 0; z < ZW_ARRAY_SIZE(zones); z++)
			if (compare(servers[s], zones[z]) != ZW_LOOKALIKE_NONE)
				fail_msg("\"%s\" %s \"%s\"", servers[s],
					zw_lookalike_to_string(compare(servers[s], zones[z])),
					zones[z]);
}

static void test_nothing_to_say(void **state)
{
	static const struct {
		const char *name, *own;
	} cases[] = {
		{"ns1.example.com", "example.com"},
		{"ns1.EXAMPLE.com", "www.example.com"}, /* beside it, in the same domain */
		{"example.com", "sub.dept.example.com"},
		{"ns1.example.co.uk", "mail.example.co.uk"},
		{".", "example.com"},
		{"com", "example.com"},
		{"example.com", "com"},
		{"example.com", "."},
		{"2.0.192.in-addr.arpa", "192.com"},
		{"ns1.example.com", "2.0.192.in-addr.arpa"},
		{"hq.com", "hp.com"},                  /* too short */
		{"acne.com", "acme.com"},              /* too short for an edit */
		{"counterexample.com", "example.com"}, /* another word */
		{"examples-of-design.com", "example.com"},
		{"xn--mgberp4a5d4ar.com", "example.com"}, /* Arabic */
		{"\\000\\255.com", "example.com"},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++)
		if (compare(cases[i].name, cases[i].own) != ZW_LOOKALIKE_NONE)
			fail_msg("\"%s\" %s \"%s\"", cases[i].name,
				zw_lookalike_to_string(compare(cases[i].name, cases[i].own)),
				cases[i].own);
}

static void test_longest_labels(void **state)
{
	char name[ZW_LABEL_MAX + 5], own[ZW_LABEL_MAX + 5];

	(void)state;
	memset(name, 'w', ZW_LABEL_MAX);
	strcpy(name + ZW_LABEL_MAX, ".com");
	strcpy(own, name);
	own[ZW_LABEL_MAX - 1] = 'x';
	assert_int_equal(compare(name, own), ZW_LOOKALIKE_EDIT);
	assert_int_equal(compare(own + 1, name), ZW_LOOKALIKE_NONE);
	assert_int_equal(compare(name + 1, name), ZW_LOOKALIKE_EDIT);
}

static void test_domains(void **state)
{
	static const struct {
		const char *name, *domain; /* NULL: none */
	} cases[] = {
		{"www.example.com", "example.com"},
		{"example.com", "example.com"},
		{"a.b.Example.CO.uk", "Example.CO.uk"},
		{"co.uk", "co.uk"}, /* nobody's, but a rule of thumb */
		{"www.example.io", "example.io"},
		{"com", NULL},
		{".", NULL},
		{"1.2.0.192.IN-ADDR.ARPA", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		uint8_t name[ZW_NAME_MAX], domain[ZW_NAME_MAX];
		const uint8_t *found;

		assert_int_equal(zw_name_from_text(cases[i].name, name, NULL), 0);
		found = zw_lookalike_domain(name);
		assert_int_equal(found == NULL, cases[i].domain == NULL);
		if (!found)
			continue;
		assert_int_equal(zw_name_from_text(cases[i].domain, domain, NULL), 0);
		assert_memory_equal(found, domain, zw_name_len(domain));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_imitations),
		cmocka_unit_test(test_honest_names),
		cmocka_unit_test(test_nothing_to_say),
		cmocka_unit_test(test_longest_labels),
		cmocka_unit_test(test_domains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
