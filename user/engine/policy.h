/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may change what: the "admins" entries of the configuration and the verdict they give. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/report.h"

/* An address block; IPv4 is kept as IPv4. */
struct zw_net {
	int family; /* AF_INET or AF_INET6 */
	uint8_t addr[16]; /* network byte order, host bits zero */
	uint8_t prefix;
};

/* "192.0.2.0/24", "2001:db8::1"; -EINVAL, also when host bits are set beyond the prefix. */
int zw_net_parse(const char *text, struct zw_net *ret_net);
/* IPv4-mapped IPv6 addresses match IPv4 blocks. False when @address is not an address. */
bool zw_net_contains(const struct zw_net *net, const char *address);

/* Minutes of the week that are allowed, local time. */
struct zw_hours {
	uint8_t days; /* bit 0 is Monday */
	uint16_t from_min, to_min; /* minutes after midnight; from > to runs over midnight, into the next day */
};

/* "Mon-Fri 08:00-18:00", "Sat,Sun 00:00-24:00"; -EINVAL. */
int zw_hours_parse(const char *text, struct zw_hours *ret_hours);
bool zw_hours_contain(const struct zw_hours *hours, uint64_t realtime_ns);

/* One entry; every member that is set must match. Strings and arrays are owned by the policy. */
struct zw_admin {
	char *user;      /* login name, or a decimal uid; the login user counts, not the effective one */
	char **zones;    /* presentation names; "*." prefix: everything below. Empty: all zones */
	size_t n_zones;
	struct zw_net *from; /* origin of the session. Empty: anywhere, also local */
	size_t n_from;
	char **with;     /* executables by full path. Empty: any */
	size_t n_with;
	bool has_hours;
	struct zw_hours hours;
	unsigned int line; /* in the configuration, for reasons */
};

struct zw_policy {
	struct zw_admin *admin;
	size_t admins;
};

void zw_policy_done(struct zw_policy *policy);

/* Fills verdict, reasons, severity and escalate of a record-change report from its attribution, principal
 * and zone. Every cause that could have made the change must be an administrator's for it to be authorized.
 * 0 or -ENOMEM. */
int zw_policy_judge(const struct zw_policy *policy, struct zw_report *report);
