/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may ask the server for what. */
#include "unit/policy_fixture.h"

#include "report_sample.h"

static struct zw_report_cause *add_peer(
	struct fixture *f, enum zw_channel channel, const char *peer, const char *key)
{
	struct zw_report *report = f->report;
	struct zw_report_cause *cause;

	report->cause = reallocarray(report->cause, report->causes + 1, sizeof(*report->cause));
	assert_non_null(report->cause);
	cause = &report->cause[report->causes++];
	*cause = (struct zw_report_cause){
		.role = ZW_ROLE_PEER,
		.channel = channel,
		.peer = strdup(peer),
		.tsig_key = key ? strdup(key) : NULL,
		.last_ns = WEDNESDAY_1030,
	};
	report->channel = channel;
	return cause;
}

/* Whether an update by this peer and key, from @before to @after, is allowed by the one entry. */
static void judge_update(const char *admins, const char *peer, const char *key, const char *before,
	const char *after, bool allowed, const char *reason)
{
	struct fixture f = begin(admins, ZW_ATTRIBUTION_CERTAIN);

	add_peer(&f, ZW_CHANNEL_UPDATE, peer, key);
	f.report->diff = sample_diff(before, after);
	if (allowed)
		judge(&f, AUTHORIZED);
	else
		judge(&f, UNAUTHORIZED);
	REASONS(&f, reason);
	end(&f);
}

#define DDNS                                                                          \
	"- {tsig_key: ddns-key, zones: [example.com], names: ['*.dyn.example.com'], " \
	"types: [A, AAAA], from: [192.0.2.0/24]}\n"
#define A_DYN "a.dyn 60 A 192.0.2.1\n"

static void test_keys(void **state)
{
	(void)state;
	judge_update(DDNS, "192.0.2.9", "ddns-key", "", A_DYN, true,
		"192.0.2.9 with key ddns-key is an admin of example.com. (line 2)");
	judge_update(DDNS, "192.0.2.9", "other", "", A_DYN, false,
		"192.0.2.9 with key other is not an admin of example.com.");
	judge_update(DDNS, "192.0.2.9", NULL, "", A_DYN, false,
		"192.0.2.9 without a key is not an admin of example.com.");
	judge_update(DDNS, "198.51.100.1", "ddns-key", "", A_DYN, false,
		"address 198.51.100.1 is not within 192.0.2.0/24 (line 2)");
	judge_update("- {tsig_key: ddns-key, with: [/usr/bin/nsupdate]}\n", "192.0.2.9", "ddns-key",
		"", A_DYN, false,
		"the executable is not known, and key ddns-key may use only some (line 2)");
	/* Somebody elsewhere is no user of this host. */
	judge_update("- {user: alice}\n", "192.0.2.9", "alice", "", A_DYN, false,
		"192.0.2.9 with key alice is not an admin of example.com.");
}

static void test_names_and_types(void **state)
{
	(void)state;
	judge_update(DDNS, "192.0.2.9", "ddns-key", "", A_DYN "www 60 A 192.0.2.1\n", false,
		"www.example.com. A is not among the records that key ddns-key may change (line 2)");
	judge_update(DDNS, "192.0.2.9", "ddns-key", A_DYN, "a.dyn 60 TXT x\n", false,
		"a.dyn.example.com. TXT is not among the records that key ddns-key may change "
		"(line 2)");
	judge_update(DDNS, "192.0.2.9", "ddns-key", "www 60 A 192.0.2.1\n", "", false,
		"www.example.com. A is not among the records that key ddns-key may change (line 2)");
	/* Signatures come with every change, keys do not. */
	judge_update(DDNS, "192.0.2.9", "ddns-key", "",
		A_DYN
		"a.dyn 60 NSEC b A\na.dyn 60 RRSIG A 8 2 60 20300101000000 20200101000000 1 @ "
		"AA==\n",
		true, "192.0.2.9 with key ddns-key is an admin of example.com. (line 2)");
	judge_update(DDNS, "192.0.2.9", "ddns-key", "", A_DYN "@ 60 DNSKEY 257 3 8 AA==\n", false,
		"example.com. DNSKEY is not among the records that key ddns-key may change (line 2)");
}

/* A local client has both a user and a key. */
static void test_user_with_a_key(void **state)
{
	static const char both[] = "- {user: alice, tsig_key: k}\n";
	struct fixture f = begin(both, ZW_ATTRIBUTION_CERTAIN);
	struct fixture g = begin(both, ZW_ATTRIBUTION_CERTAIN);
	struct fixture h = begin(both, ZW_ATTRIBUTION_CERTAIN);

	(void)state;
	add_cause(&f, ZW_ROLE_CLIENT, 9, "alice", 1000, "/usr/bin/nsupdate");
	f.report->cause[0].tsig_key = strdup("k");
	judge(&f, AUTHORIZED);
	REASONS(&f, "login user alice with key k is an admin of example.com. (line 2)");
	add_cause(&g, ZW_ROLE_CLIENT, 9, "alice", 1000, "/usr/bin/nsupdate");
	judge(&g, UNAUTHORIZED);
	REASONS(&g, "it was not signed with key k (line 2)");
	add_cause(&h, ZW_ROLE_CLIENT, 9, "mallory", 1001, "/usr/bin/nsupdate");
	h.report->cause[0].tsig_key = strdup("k");
	judge(&h, UNAUTHORIZED);
	REASONS(&h, "login user mallory with key k is not an admin of example.com.");
	end(&f);
	end(&g);
	end(&h);
}

static struct fixture begin_transfer(const char *conf, const char *peer)
{
	struct fixture f = begin(conf, ZW_ATTRIBUTION_CERTAIN);

	add_peer(&f, ZW_CHANNEL_TRANSFER, peer, "xfr-key");
	add_cause(&f, ZW_ROLE_SERVER, 411, "bind", 110, "/usr/sbin/named");
	return f;
}

static void test_transfers(void **state)
{
	static const char primaries[] = ALICE "primaries: [192.0.2.53, '2001:db8::/32']\n";
	struct fixture f = begin_transfer(primaries, "2001:db8::7");
	struct fixture g = begin_transfer(primaries, "198.51.100.9");
	struct fixture h = begin_transfer(ALICE, "192.0.2.53");

	(void)state;
	judge(&f, AUTHORIZED);
	REASONS(&f, "2001:db8::7 is one of the primaries");
	judge(&g, UNAUTHORIZED);
	REASONS(&g,
		"198.51.100.9 is not one of the primaries, which are 192.0.2.53 or 2001:db8::/32");
	judge(&h, UNJUDGED);
	REASONS(&h, "no primaries are configured to judge it by");
	end(&f);
	end(&g);
	end(&h);
}

static void test_ambiguous_peers(void **state)
{
	struct fixture f = begin(DDNS, ZW_ATTRIBUTION_AMBIGUOUS);

	(void)state;
	add_peer(&f, ZW_CHANNEL_UPDATE, "192.0.2.9", "ddns-key");
	add_peer(&f, ZW_CHANNEL_UPDATE, "198.51.100.1", "ddns-key");
	f.report->diff = sample_diff("", A_DYN);
	judge(&f, UNATTRIBUTED);
	REASONS(&f,
		"if 192.0.2.9 made it: 192.0.2.9 with key ddns-key is an admin of example.com. (line 2)",
		"if 198.51.100.1 made it: address 198.51.100.1 is not within 192.0.2.0/24 (line 2)",
		"which of them made the change cannot be told, and not all of them were entitled to");
	end(&f);
}

static void test_signing(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_CERTAIN);
	struct fixture g = begin(NULL, ZW_ATTRIBUTION_NONE);

	(void)state;
	add_cause(&f, ZW_ROLE_SERVER, 411, "bind", 110, "/usr/sbin/named");
	f.report->channel = g.report->channel = ZW_CHANNEL_SIGNING;
	judge(&f, ZW_VERDICT_AUTOMATIC, ZW_SEVERITY_AUTOMATIC, false);
	REASONS(&f, "only what the server maintains by itself to sign the zone");
	/* Without the server as the author it could be anybody's. */
	judge(&g, UNATTRIBUTED);
	end(&f);
	end(&g);
}

static void test_server_without_a_request(void **state)
{
	struct fixture f = begin(ALICE, ZW_ATTRIBUTION_NONE);

	(void)state;
	add_cause(&f, ZW_ROLE_SERVER, 411, "bind", 110, "/usr/sbin/named");
	judge(&f, UNATTRIBUTED);
	REASONS(&f, "the server made this change, and nobody was seen asking it to");
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_names_and_types),
		cmocka_unit_test(test_user_with_a_key),
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_ambiguous_peers),
		cmocka_unit_test(test_signing),
		cmocka_unit_test(test_server_without_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
