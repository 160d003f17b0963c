/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may change what: "admins" and "primaries" of the configuration and the verdict they give. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/report.h"

/* An address block; IPv4 is kept as IPv4. */
struct zw_net {
	int family;       /* AF_INET or AF_INET6 */
	uint8_t addr[16]; /* network byte order, host bits zero */
	uint8_t prefix;
};

/* "192.0.2.0/24", "2001:db8::1"; -EINVAL, also when host bits are set beyond the prefix. */
int zw_net_parse(const char *text, struct zw_net *ret_net);
/* IPv4-mapped IPv6 addresses match IPv4 blocks. False when @address is not an address. */
bool zw_net_contains(const struct zw_net *net, const char *address);
/* "2001:db8::/32"; a single address without its prefix length. The longest address, "/128" and the NUL. */
#define ZW_NET_TEXT_MAX 56
void zw_net_to_text(const struct zw_net *net, char ret_text[static ZW_NET_TEXT_MAX]);

/* Minutes of the week that are allowed, local time. */
struct zw_hours {
	uint8_t days; /* bit 0 is Monday */
	uint16_t from_min,
		to_min; /* minutes after midnight; from > to runs over midnight, into the next day */
};

/* "Mon-Fri 08:00-18:00", "Sat,Sun 00:00-24:00", "Fri-Mon,Wed 22:00-06:00"; -EINVAL. */
int zw_hours_parse(const char *text, struct zw_hours *ret_hours);
/* In the time zone of the process (TZ, /etc/localtime). */
bool zw_hours_contain(const struct zw_hours *hours, uint64_t realtime_ns);
/* As zw_hours_parse() reads it; days listed one by one ("Mon,Wed,Fri,Sun") are the longest. */
#define ZW_HOURS_TEXT_MAX 48
void zw_hours_to_text(const struct zw_hours *hours, char ret_text[static ZW_HOURS_TEXT_MAX]);

/* One entry; every member that is set must match. Strings and arrays are owned by the policy. */
struct zw_admin {
	char *user; /* login name, or a decimal uid; the login user counts, not the effective one. NULL: the
	             * entry is about a key */
	char *tsig_key; /* lower case, no final dot; NULL: any, and none. One of both is set */
	char **zones;   /* presentation names; "*." prefix: everything below. Empty: all zones */
	size_t n_zones;
	char **names; /* owners of records, as zones. Empty: all */
	size_t n_names;
	uint16_t *types; /* of records. Empty: all */
	size_t n_types;
	struct zw_net *
		from; /* origin of the session; without a user, of the request. Empty: anywhere, also
	                      * local */
	size_t n_from;
	char **with; /* executables by full path, as the process sees it; of a script, its interpreter's.
	                  * Empty: any */
	size_t n_with;
	bool has_hours;
	struct zw_hours hours;
	unsigned int line; /* in the configuration, for reasons */
};

struct zw_policy {
	struct zw_admin *admin;
	size_t admins;
	struct zw_net *primary; /* where zones may be transferred from */
	size_t primaries;
};

void zw_policy_done(struct zw_policy *policy);

/* Severities of a record change by its verdict, on the scale Elastic's detection rules use (21 low, 47
 * medium, 73 high). Nobody seen is worse than nobody asked: the change went around every hook. */
#define ZW_SEVERITY_AUTHORIZED 21
#define ZW_SEVERITY_AUTOMATIC 21
#define ZW_SEVERITY_UNJUDGED 47
#define ZW_SEVERITY_UNATTRIBUTED 60
#define ZW_SEVERITY_UNAUTHORIZED 73

/* Fills verdict, reasons, severity and escalate of a record-change report from its attribution, causes and
 * zone. A cause is an administrator's when some entry matches it whole: the zone, the principal's user, the
 * key that signed the request, the origin of the session or the address of the request, the executable, every
 * record that changed (but for signatures and the serial, which every change brings), and the time of its last
 * event. A transfer is judged by the address of the primary alone.
 *
 *	nobody was seen (attribution none)		unattributed, whether there are admins or not
 *	the channel is signing				automatic
 *	no admins (for a transfer: primaries)
 *	are configured					unjudged
 *	the principal is known				authorized or unauthorized, after its own cause alone; a
 *							preparer of the content who is no admin is a reason, not
 *							a verdict
 *	the server itself wrote the file		unjudged: who asked it to is not known here
 *	several could have made the change:
 *	  each of them an administrator's		authorized, whoever it was
 *	  none of them an administrator's		unauthorized, whoever it was
 *	  some of them an administrator's		unattributed: to call it unauthorized could accuse an
 *							administrator of what he was entitled to, to call it
 *							authorized would let an intruder hide in his shadow
 *	  administrators and the server			unjudged
 *
 * Unauthorized and unattributed changes escalate. The reasons are whole sentences that name the user and the
 * configuration's line; where several could have acted, there is at least one for each of them. They hold names
 * and paths as they are: sinks escape. The verdict is set before the reasons are written, so it is valid also
 * when this fails. 0 or -ENOMEM. */
int zw_policy_judge(const struct zw_policy *policy, struct zw_report *report);
