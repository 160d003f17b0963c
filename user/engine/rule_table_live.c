/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules of what passes on the network and of what happens on this host. */
#include "engine/rule.h"

#include "base/cleanup.h"
#include "base/clock.h"

#define SECOND_NS ZW_NSEC_PER_SEC
#define MINUTE_NS (60 * SECOND_NS)
#define HOUR_NS (60 * MINUTE_NS)

/* clang-format off */
/* What is far beyond the usual: @floor queries a minute at least, and @percent of the mean. */
#define SPIKE_KNOBS(floor, percent) \
	ZW_RULE_KNOBS( \
		{"queries", ZW_KNOB_COUNT, floor, 1, 1000000000000, "in a minute, at least: less harms nobody"}, \
		{"percent", ZW_KNOB_PERCENT, percent, 101, 1000000, "of what is usual, at least"}, \
		{"deviations", ZW_KNOB_COUNT, 8, 1, 1000, "more than is usual, at least, in mean deviations"}, \
		{"warm_up", ZW_KNOB_DURATION, 24 * HOUR_NS, MINUTE_NS, 30 * 24 * HOUR_NS, \
			"how long it must be known before: a day has a night and a noon"})

#define FAILURE_KNOBS(count) \
	ZW_RULE_KNOBS( \
		{"answers", ZW_KNOB_COUNT, count, 1, 1000000000, "such answers within the window"}, \
		{"window", ZW_KNOB_DURATION, MINUTE_NS, 10 * SECOND_NS, 10 * MINUTE_NS, "time that is looked at"}, \
		{"percent", ZW_KNOB_PERCENT, 80, 1, 100, "of all answers to that address, at least"})

static const struct zw_rule rows[] = {
	{
		.id = "rate-limit",
		.title = "one address asks more than any client should",
		.indicator = "more queries from unusual external sources (incident card)",
		.technique = NULL, .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_TRAFFIC,
		.knob = ZW_RULE_KNOBS(
			{"qps", ZW_KNOB_RATE, 1000, 1, 100000000,
				"queries a second from one address: a busy resolver asks an authoritative server some hundred times a"
				" second; where clients ask directly, 20 is plenty (the example of dnsdist)"},
			{"window", ZW_KNOB_DURATION, 10 * SECOND_NS, SECOND_NS, MINUTE_NS,
				"for so long"}),
		.quiet = "Of many addresses at a time the first few are told of by name, all others together.",
	},
	{
		.id = "rate-source",
		.title = "network asks far more than it usually does",
		.indicator = "more queries from unusual external sources (incident card)",
		.technique = NULL, .severity = ZW_SEVERITY_LOW, .escalates = false, .kind = ZW_RULE_TRAFFIC,
		.knob = SPIKE_KNOBS(3000, 500),
		.quiet = "The /24 or /56 of a client is compared with its own minutes; one that is not known for the warm-up is not.",
	},
	{
		.id = "traffic-spike",
		.title = "far more queries than usual",
		.indicator = "an unusual spike in queries (incident card)",
		.technique = NULL, .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_TRAFFIC,
		.knob = SPIKE_KNOBS(6000, 300),
		.quiet = "All queries of a minute are compared with what is usual, from the second day on at that hour.",
	},
	{
		.id = "domain-spike",
		.title = "far more queries for a zone than usual",
		.indicator = "an unusual spike in traffic to specific domains (incident card)",
		.technique = NULL, .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_TRAFFIC,
		.knob = SPIKE_KNOBS(3000, 500),
		.quiet = "Zones that are served here are compared with their own minutes.",
	},
	{
		.id = "nxdomain-rate",
		.title = "one address asks for many names that do not exist",
		.indicator = "zones are searched for names before they are attacked; queries from unusual sources (incident card)",
		.technique = "T1590.002", .severity = ZW_SEVERITY_LOW, .escalates = false, .kind = ZW_RULE_TRAFFIC,
		.knob = FAILURE_KNOBS(1200),
		.quiet = "Resolvers pass on what their clients mistype: most of what they ask for exists, so that the share is low.",
	},
	{
		.id = "refused-rate",
		.title = "one address is refused most of what it asks for",
		.indicator = "servers are searched for what they answer to strangers: open recursion, zones of others",
		.technique = NULL, .severity = ZW_SEVERITY_LOW, .escalates = false, .kind = ZW_RULE_TRAFFIC,
		.knob = FAILURE_KNOBS(300),
		.quiet = "A delegation that leads here by mistake brings refusals from many addresses, few from each.",
	},
	{
		.id = "random-subdomain-flood",
		.title = "flood of queries for names at random",
		.indicator = "random-subdomain flood: 60 s, 50 children, 100 a second, 0.8 failed, 2 queries per child (INDICATORS)",
		.technique = "T1498", .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_TRAFFIC,
		.knob = ZW_RULE_KNOBS(
			{"window", ZW_KNOB_DURATION, MINUTE_NS, 10 * SECOND_NS, 10 * MINUTE_NS,
				"time that is looked at; told of as soon as there are enough for all of it"},
			{"children", ZW_KNOB_COUNT, 50, 2, 1000000000,
				"distinct names of a zone, or of a domain that is not served here"},
			{"qps", ZW_KNOB_RATE, 100, 1, 100000000, "queries a second for it"},
			{"failed", ZW_KNOB_PERCENT, 80, 1, 100,
				"share of NXDOMAIN, SERVFAIL, REFUSED, and of what was not answered at all"},
			{"per_child", ZW_KNOB_PERCENT, 300, 100, 100000,
				"queries for each name, at most: 200 for A and AAAA, and room for the error of the estimate"}),
		.quiet = "Names that exist do not fail; names that are asked for again and again are more than so many for each.",
	},
	{
		.id = "feed-query",
		.title = "name that a feed lists was asked for and answered",
		.indicator = "queries for domains flagged by security feeds (incident card)",
		.technique = "T1071.004", .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_TRAFFIC,
		.quiet = "What is refused, fails or does not exist is none: anybody can ask for anything. Names below one that is"
			" listed are one finding, and what a feed that suppresses has is none.",
	},
	{
		.id = "feed-source",
		.title = "address that a feed lists asks",
		.indicator = "queries from sources flagged by security feeds (incident card)",
		.technique = NULL, .severity = ZW_SEVERITY_LOW, .escalates = false, .kind = ZW_RULE_TRAFFIC,
		.quiet = "Listed scanners come by every server of the Internet, hence low; not what a feed that suppresses has, too.",
	},
	{
		.id = "tunnelling",
		.title = "data in the names of queries",
		.indicator = "tunnelling: distinct long labels of one domain, odd types, large messages (INDICATORS)",
		.technique = "T1071.004", .severity = ZW_SEVERITY_HIGH, .escalates = false, .kind = ZW_RULE_TRAFFIC,
		.knob = ZW_RULE_KNOBS(
			{"window", ZW_KNOB_DURATION, MINUTE_NS, 10 * SECOND_NS, 10 * MINUTE_NS, "time that is looked at"},
			{"label", ZW_KNOB_BYTES, 40, 8, 63,
				"octets that make a label long: a SHA-1 in hexadecimal has 40, what people choose has fewer"},
			{"names", ZW_KNOB_COUNT, 100, 2, 1000000000, "distinct names with such a label, of one domain"},
			{"failed", ZW_KNOB_PERCENT, 50, 0, 100,
				"share of failures, at most: a tunnel is answered, a flood is not"},
			{"bytes", ZW_KNOB_BYTES, 16384, 0, UINT32_MAX, "of queries and answers, at least"}),
		.quiet = "Lists that are asked by hash (of mail, of files) look the same: disable the rule where such a list is served. Who"
			" asks is told from those of the names that the kernel tells of, some dozens a second of all zones.",
	},
	{
		.id = "agent-killed",
		.title = "agent was ended or stopped by a signal",
		.indicator = "agent tampering: what follows is to stay unseen",
		.technique = "T1562.001", .severity = ZW_SEVERITY_CRITICAL, .escalates = true, .kind = ZW_RULE_HOST,
		.quiet = "SIGTERM and SIGINT, by which it ends as it should, are none: agent-stopped names who sent them. Nor"
			" is a kill by the kernel itself, as when memory runs out, which is told of without a finding. Who killed"
			" it is told by the next agent with the same history.",
	},
	{
		.id = "programs-detached",
		.title = "agent's programs were taken off network devices",
		.indicator = "agent tampering: what follows is to stay unseen",
		.technique = "T1562.001", .severity = ZW_SEVERITY_CRITICAL, .escalates = true, .kind = ZW_RULE_HOST,
		.quiet = "Looked for once a second. Devices that went away, or to another namespace, are none.",
	},
	{
		.id = "server-config-changed",
		.title = "configuration of a server was changed",
		.indicator = "changes not initiated by legitimate administrators (incident card): who may transfer, update, serve",
		.technique = "T1584.002", .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_HOST,
		.quiet = "Not by the server itself, nor by a user of admins. By anybody else who logged in it escalates; by a"
			" program of root that nobody's login is behind, as the upgrade of a package, it does not.",
	},
	{
		.id = "server-key-changed",
		.title = "key beside a server's configuration was changed",
		.indicator = "changes not initiated by legitimate administrators (incident card): TSIG and control keys",
		.technique = "T1584.002", .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_HOST,
		.quiet = "As server-config-changed.",
	},
	{
		.id = "server-key-read",
		.title = "key, or configuration that not everybody may read, was read by a stranger",
		.indicator = "changes not initiated by legitimate administrators (incident card): a stolen key is a way in",
		.technique = "T1552.004", .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_HOST,
		.quiet = "Nobody of those whom server-config-changed is quiet about is a stranger; where no admins are given, neither"
			" are root, the owner of the file, nor its group. The same program of the same user is told of once an hour for"
			" each file. Opening it counts as well, for writing too, since what is mapped is read without a system call.",
	},
	{
		.id = "answer-mismatch",
		.title = "server answers otherwise than its zone says",
		.indicator = "diverted answers though no record changed: a hijacked socket, a policy that rewrites answers, a server"
			" that lies (incident card)",
		.technique = "T1584.002", .severity = ZW_SEVERITY_HIGH, .escalates = true, .kind = ZW_RULE_TRAFFIC,
		.quiet = "The zone is read anew first. Answers that are right for a state the zone had, or for another view of the"
			" same server, are right, and so is what a zone does not determine: order, TTLs, signatures, what lies below"
			" delegations and behind aliases, PowerDNS's ALIAS and LUA. Close to changes an answer has to come several"
			" times. Truncated answers are not compared: clients ask again over TCP. A server that has its answers made by modules (geography, synthesized records) has to be exempted:"
			" disable the rule there.",
	},
	{
		.id = "answer-restored",
		.title = "answers are as the zone says again",
		.indicator = "end of answer-mismatch: how long it lasted",
		.technique = NULL, .severity = ZW_SEVERITY_LOW, .escalates = false, .kind = ZW_RULE_TRAFFIC,
		.quiet = "Told when for half a minute no wrong answer came, and a right one does.",
	},
	{
		.id = "outbound-new",
		.title = "program asks a DNS server that nobody here asked before",
		.indicator = "tunnels and beacons of a host that was taken over; a resolver that was exchanged (ATT&CK T1071.004)",
		.technique = "T1071.004", .severity = ZW_SEVERITY_LOW, .escalates = false, .kind = ZW_RULE_TRAFFIC,
		.knob = ZW_RULE_KNOBS(
			{"warmup", ZW_KNOB_DURATION, 24 * 3600 * ZW_NSEC_PER_SEC, 0, 720 * 3600 * ZW_NSEC_PER_SEC,
				"servers are learned for so long first: what is asked every day is asked within a day"},
			{"resolver", ZW_KNOB_COUNT, 32, 1, 100000,
				"so many servers make a program a resolver: hosts have three (resolv.conf), recursion needs thousands"}),
		.quiet = "Resolvers, which ask whom their clients make them ask, are not told of. What was learned is in the history,"
			" and is learned anew only where there is none.",
	},
	{
		.id = "transfer-unknown",
		.title = "zone was transferred to an unknown client",
		.indicator = "all names of a zone in strange hands: reconnaissance (ATT&CK T1590.002)",
		.technique = "T1590.002", .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_TRAFFIC,
		.quiet = "Clients on this host, and those that a server here notifies of changes, are known; others are told of once for"
			" each zone.",
	},
	{
		.id = "transfer-refused",
		.title = "transfer of a zone was refused",
		.indicator = "reconnaissance (ATT&CK T1590.002)",
		.technique = "T1590.002", .severity = ZW_SEVERITY_LOW, .escalates = false, .kind = ZW_RULE_TRAFFIC,
		.quiet = "Once for each client and zone.",
	},
};
/* clang-format on */

const struct zw_rule_rows zw_rule_rows_live = {rows, ZW_ARRAY_SIZE(rows)};
