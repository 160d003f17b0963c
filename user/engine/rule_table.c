/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules of records. Severities are those that a zone without any policy should be able to bear: what an ordinary day brings
 * is low, what is worth a look when something else points there is medium, and high is only what an ordinary day does not
 * bring. */
#include "engine/rule.h"

#include "base/clock.h"

#define HOUR_NS (3600 * ZW_NSEC_PER_SEC)
#define DAY_NS (24 * HOUR_NS)
#define MINUTE_NS (60 * ZW_NSEC_PER_SEC)

/* "Compromise Infrastructure": of a DNS server, of domains; "Obtain Capabilities: Digital Certificates". */
#define DNS_SERVER "T1584.002"
#define DOMAINS "T1584.001"
#define CERTIFICATES "T1588.004"

/* clang-format off */
static const struct zw_rule rows[] = {
	{
		.id = "redirect-outside",
		.title = "existing name leads to an unfamiliar network",
		.indicator = "unexpected record changes to unfamiliar addresses (incident card; DNSpionage, Sea Turtle)",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_HIGH, .escalates = true, .kind = ZW_RULE_RECORD,
		.knob = ZW_RULE_KNOBS(
			{"prefix4", ZW_KNOB_BITS, 24, 8, 32,
				"size of a network of IPv4 where familiar_networks is not set: addresses of one site are"
				" usually in one /24, and larger blocks have many owners"},
			{"prefix6", ZW_KNOB_BITS, 48, 16, 128,
				"the same of IPv6: a site is given a /48"},
			{"settled", ZW_KNOB_DURATION, 7 * DAY_NS, 0, 365 * DAY_NS,
				"how long a network or a domain must have been in the zone before more of it is familiar:"
				" hijacks lasted hours to days, and the first one must not hide the next"},
			{"roaming", ZW_KNOB_COUNT, 20, 2, 65536,
				"in a zone that has so many networks and domains, and more of them than half its addresses, hosts"
				" go about as those of dynamic DNS do, and no address is unfamiliar"}),
		.quiet = "Networks of familiar_networks are familiar, and nothing else where it is set. Without it, the"
			" networks that the zone itself has held long enough are. Private addresses lead"
			" nobody away then. What an administrator brought is familiar from the next change on. Data that is a name is"
			" followed within the zone to the addresses; a name outside the zone is familiar when the zone led to that domain"
			" before, or holds that domain.",
	},
	{
		.id = "new-subdomain-outside",
		.title = "new name leads to an unfamiliar network",
		.indicator = "new subdomains that divert traffic (incident card; domain shadowing, ATT&CK DS0038)",
		.technique = DOMAINS, .severity = ZW_SEVERITY_HIGH, .escalates = true, .kind = ZW_RULE_RECORD,
		.quiet = "Familiar is what redirect-outside says it is. New names that lead to a name of another domain are"
			" new-alias-outside.",
	},
	{
		.id = "new-alias-outside",
		.title = "new name is an alias of an unfamiliar domain",
		.indicator = "new records pointing to external, unknown addresses (incident card)",
		.technique = DOMAINS, .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_RECORD,
		.quiet = "Hosted services are joined this way every week, so by itself it is worth a look, not a call.",
	},
	{
		.id = "ns-change",
		.title = "name servers of the zone changed",
		.indicator = "NS changed to attacker name servers (FireEye technique 2, Sea Turtle)",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_MEDIUM, .escalates = true, .kind = ZW_RULE_RECORD,
		.quiet = "A set that only loses servers is none: nobody else answers then; nor is a change of the TTL. Where the new"
			" servers are unfamiliar, redirect-outside fires as well, which escalates; set the severity of this one"
			" to 73 so that any of them does.",
	},
	{
		.id = "delegation-change",
		.title = "delegation of a subdomain changed",
		.indicator = "delegation to attacker name servers (Sea Turtle)",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_RECORD,
		.quiet = "A delegation that goes away altogether is none.",
	},
	{
		.id = "glue-change",
		.title = "address of a name server changed",
		.indicator = "NS host and hijacked host share an address (FireEye technique 2)",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_RECORD,
		.quiet = "Only hosts that the zone names as name servers before and after the change; where the new address is"
			" unfamiliar, redirect-outside fires as well.",
	},
	{
		.id = "lookalike-ns",
		.title = "name server's name imitates another name",
		.indicator = "new NS name imitates the organisation (FireEye technique 2)",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_CRITICAL, .escalates = true, .kind = ZW_RULE_RECORD,
		.quiet = "Compared with the zone's own name and the name servers it had; names within the zone imitate nobody.",
	},
	{
		.id = "orphan-glue",
		.title = "address of a name server is left behind",
		.indicator = "dangling or orphan glue (Sommese et al.)",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_LOW, .escalates = false, .kind = ZW_RULE_RECORD,
		.quiet = "Only in a change of name servers: an address below the delegation that no NS record names any more, or"
			" an NS record that names a host within the zone without an address.",
	},
	{
		.id = "mx-change",
		.title = "mail is delivered elsewhere",
		.indicator = "MX repointed (CISA ED 19-01)",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_RECORD,
		.quiet = "A set that only loses hosts, or whose preferences alone changed, is none.",
	},
	{
		.id = "critical-name",
		.title = "name that people log in at leads elsewhere",
		.indicator = "A and AAAA of webmail, VPN, mail, autodiscover repointed (DNSpionage, FireEye technique 1)",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_RECORD,
		.quiet = "The first label of the name is looked up in critical_names. Only existing names whose data changed;"
			" where it is unfamiliar, redirect-outside fires as well.",
	},
	{
		.id = "random-subdomains",
		.title = "many new names with random labels",
		.indicator = "domain shadowing: random labels to few foreign addresses (Angler, Proofpoint, Liu et al.)",
		.technique = DOMAINS, .severity = ZW_SEVERITY_HIGH, .escalates = true, .kind = ZW_RULE_RECORD,
		.knob = ZW_RULE_KNOBS(
			{"names", ZW_KNOB_COUNT, 10, 2, 1000,
				"so many new names with random labels within the window: shadowed domains had hundreds, a"
				" validation token or a content hash comes alone"},
			{"window", ZW_KNOB_DURATION, HOUR_NS, MINUTE_NS, 7 * DAY_NS,
				"of time that is looked back: campaigns added names in bursts"},
			{"addresses", ZW_KNOB_COUNT, 3, 1, 1000,
				"so many different addresses at most they lead to: shadowed names led to few, the leases of"
				" hosts with generated names to one each"}),
		.quiet = "Labels are judged by how unlikely their characters are in words. Labels that begin with an underscore,"
			" numbers and hardware addresses do not count, nor do names that lead to familiar addresses.",
	},
	{
		.id = "shared-address",
		.title = "several zones lead to the same new address",
		.indicator = "same addresses across several domains (domain shadowing, Liu et al.)",
		.technique = DOMAINS, .severity = ZW_SEVERITY_HIGH, .escalates = true, .kind = ZW_RULE_RECORD,
		.knob = ZW_RULE_KNOBS(
			{"zones", ZW_KNOB_COUNT, 3, 2, 8,
				"so many zones within the window; two zones of one owner often move together"},
			{"window", ZW_KNOB_DURATION, DAY_NS, MINUTE_NS, 30 * DAY_NS, "of time that is looked back"}),
		.quiet = "Only addresses that are unfamiliar to each of the zones.",
	},
	{
		.id = "wildcard-created",
		.title = "wildcard was created",
		.indicator = "every name that is not there leads somewhere from then on (domain shadowing without a trace of names)",
		.technique = DOMAINS, .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_RECORD,
		.quiet = "Only wildcards of A, AAAA, CNAME, DNAME, NS, MX, HTTPS and SVCB, where the name had none of them.",
	},
	{
		.id = "ttl-cut",
		.title = "time to live was cut",
		.indicator = "TTL lowered before a change",
		.technique = NULL, .severity = ZW_SEVERITY_LOW, .escalates = false, .kind = ZW_RULE_RECORD,
		.knob = ZW_RULE_KNOBS(
			{"below", ZW_KNOB_DURATION, 300 * ZW_NSEC_PER_SEC, 0, DAY_NS,
				"a TTL that is shorter serves quick changes; 300 s is the shortest that is common"},
			{"factor", ZW_KNOB_COUNT, 4, 2, 100000,
				"so many times shorter it became; halving a TTL is maintenance"}),
		.quiet = "Of addresses, aliases, NS and MX. Planned moves begin the same way, so it is low. A change that cuts it of"
			" more than half of the sets it is about, and of 20 at least, is a new default, and none.",
	},
	{
		.id = "certificate-near-redirect",
		.title = "certificate was prepared for a redirected name",
		.indicator = "_acme-challenge or CAA edits near a redirect (DNSpionage: certificates for hijacked names)",
		.technique = CERTIFICATES, .severity = ZW_SEVERITY_CRITICAL, .escalates = true, .kind = ZW_RULE_RECORD,
		.knob = ZW_RULE_KNOBS(
			{"window", ZW_KNOB_DURATION, DAY_NS, MINUTE_NS, 30 * DAY_NS,
				"of time between both, in either order: certificates were had within hours of the redirect"}),
		.quiet = "The redirect is a finding of redirect-outside, new-subdomain-outside, new-alias-outside or lookalike-ns"
			" that was no administrator's, of the same name, one below it (for which a wildcard is valid), or name"
			" servers above it. So renewing certificates by itself is none, nor beside an ordinary move.",
	},
	{
		.id = "dnssec-downgrade",
		.title = "DNSSEC was removed or weakened",
		.indicator = "DS, DNSKEY, CDS removed",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_HIGH, .escalates = true, .kind = ZW_RULE_RECORD,
		.quiet = "Rollovers keep at least one key of an algorithm as strong, or its DS: they are none. A delegation that goes"
			" away with its DS is none.",
	},
	{
		.id = "serial-unchanged",
		.title = "records changed without a new serial",
		.indicator = "content changed without a new serial",
		.technique = NULL, .severity = ZW_SEVERITY_LOW, .escalates = false, .kind = ZW_RULE_RECORD,
		.quiet = "Not in databases and by API, where the server may make the serial when it is asked for it, nor in what"
			" the server signed by itself. People forget the serial, so it is low.",
	},
	{
		.id = "serial-back",
		.title = "serial went back",
		.indicator = "serial gone back",
		.technique = NULL, .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_RECORD,
		.quiet = "Compared as RFC 1982 says.",
	},
	{
		.id = "mass-change",
		.title = "large share of the zone changed at once",
		.indicator = "over 30 % of a zone changed at once (octoDNS' own safety limit)",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_HIGH, .escalates = true, .kind = ZW_RULE_RECORD,
		.knob = ZW_RULE_KNOBS(
			{"share", ZW_KNOB_PERCENT, 30, 1, 100, "of the record sets before; 30 is where octoDNS refuses to go on"},
			{"least", ZW_KNOB_COUNT, 20, 1, 10000000,
				"so many changed record sets at least: in a small zone an ordinary edit is a large share"}),
		.quiet = "Signatures and what else the server maintains by itself do not count, nor do new names, nor sets of which"
			" only the TTL changed.",
	},
	{
		.id = "flip",
		.title = "change was taken back soon",
		.indicator = "change then revert; records repointed for hours or less (DNSpionage)",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_RECORD,
		.knob = ZW_RULE_KNOBS(
			{"window", ZW_KNOB_DURATION, DAY_NS, MINUTE_NS, 30 * DAY_NS,
				"between the change and its revert: hijacks were kept for hours at a time"},
			{"habit", ZW_KNOB_COUNT, 4, 1, 1000,
				"a set that changed so often within the window does so by habit, as that of a failover or a lease"}),
		.quiet = "Only A, AAAA, CNAME, NS and MX sets that had data before and have the same again; leases that come and go"
			" are none.",
	},
	{
		.id = "unseen-type",
		.title = "type of record that the zone never had",
		.indicator = "never-seen record type on an established name (Unit 42)",
		.technique = NULL, .severity = ZW_SEVERITY_LOW, .escalates = false, .kind = ZW_RULE_RECORD,
		.quiet = "The name had records before; types of DNSSEC do not count.",
	},
	{
		.id = "outside-hours",
		.title = "person made a change outside the usual hours",
		.indicator = "changes not initiated by legitimate administrators (incident card)",
		.technique = NULL, .severity = ZW_SEVERITY_LOW, .escalates = false, .kind = ZW_RULE_RECORD,
		.knob = ZW_RULE_KNOBS(
			{"from", ZW_KNOB_HOUR, 6, 0, 24, "first hour, local time; most offices are empty before"},
			{"until", ZW_KNOB_HOUR, 22, 0, 24, "hour it ends at"},
			{"days", ZW_KNOB_COUNT, 5, 1, 7, "of the week from Monday on"}),
		.quiet = "Only of a principal that logged in: programs work at all hours. The hours of an entry of admins are judged"
			" by themselves.",
	},
	{
		.id = "unsigned-update",
		.title = "unsigned update was accepted",
		.indicator = "unsigned update accepted",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_RECORD,
		.knob = ZW_RULE_KNOBS(
			{"habit", ZW_KNOB_COUNT, 5, 1, 100000,
				"an address that made so many unsigned updates of the zone does so by habit, as old DHCP servers do"}),
		.quiet = "Not where the update was encrypted, so that it cannot be seen whether it was signed.",
	},
	{
		.id = "unknown-key",
		.title = "update with a key that was not used before",
		.indicator = "unknown TSIG key",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_MEDIUM, .escalates = false, .kind = ZW_RULE_RECORD,
		.knob = ZW_RULE_KNOBS(
			{"learn", ZW_KNOB_COUNT, 5, 1, 100000,
				"so many signed updates of the zone must have been seen before a key can be unknown"}),
		.quiet = "Not keys of admins, nor those used before as far as is remembered.",
	},
	{
		.id = "feed-address",
		.title = "record leads to an address that a feed lists",
		.indicator = "feeds confirm the addresses involved (incident card)",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_HIGH, .escalates = true, .kind = ZW_RULE_RECORD,
		.quiet = "Only data that was not there before, with the addresses of names in the zone that it leads to; not what a"
			" feed that suppresses has, too.",
	},
	{
		.id = "feed-domain",
		.title = "record leads to a name that a feed lists, or has one",
		.indicator = "domains flagged by security feeds (incident card)",
		.technique = DNS_SERVER, .severity = ZW_SEVERITY_HIGH, .escalates = true, .kind = ZW_RULE_RECORD,
		.quiet = "As feed-address. A listed domain of one's own is told of at each change but of signatures and serials.",
	},
};
/* clang-format on */

const struct zw_rule_rows zw_rule_rows_record = {rows, ZW_ARRAY_SIZE(rows)};
