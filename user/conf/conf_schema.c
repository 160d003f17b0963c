/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/conf_schema.h"

#include <assert.h>
#include <stddef.h>

#include "base/cleanup.h"

#define AT(type, member) .offset = offsetof(struct type, member)
#define LIST_AT(type, member, n)                                                    \
	.offset = offsetof(struct type, member), .count = offsetof(struct type, n), \
	.item_size = sizeof(*((struct type *)NULL)->member)
#define KEYS(table) .keys = (table), .n_keys = ZW_ARRAY_SIZE(table)

static const struct zw_conf_key server_keys[] = {
	{.name = "kind",
		.type = ZW_CONF_SERVER_KIND,
		.required = true,
		AT(zw_conf_server, kind),
		.help = "which software it is"},
	{.name = "config",
		.type = ZW_CONF_PATH,
		AT(zw_conf_server, config),
		.help = "its configuration file; left out, the one it was started with"},
	{.name = "control",
		.type = ZW_CONF_PATH,
		AT(zw_conf_server, control),
		.help = "its control socket; left out, the one its configuration names"},
};

static const struct zw_conf_key zone_keys[] = {
	{.name = "name",
		.type = ZW_CONF_ZONE,
		.required = true,
		AT(zw_conf_zone, name),
		.help = "the zone"},
	{.name = "file",
		.type = ZW_CONF_PATH,
		.required = true,
		AT(zw_conf_zone, file),
		.help = "its zone file"},
};

static const struct zw_conf_key admin_keys[] = {
	{.name = "user",
		.type = ZW_CONF_USER,
		.required = true,
		AT(zw_admin, user),
		.help = "who logged in, whatever sudo or su made of it later"},
	{.name = "zones",
		.type = ZW_CONF_ZONE_PATTERN,
		.many = ZW_CONF_LIST_NONEMPTY,
		LIST_AT(zw_admin, zones, n_zones),
		.help = "zones this entry is about; left out, every zone"},
	{.name = "from",
		.type = ZW_CONF_NET,
		.many = ZW_CONF_LIST_NONEMPTY,
		LIST_AT(zw_admin, from, n_from),
		.help = "where the login session may come from; left out, anywhere, the console too"},
	{.name = "with",
		.type = ZW_CONF_PATH,
		.many = ZW_CONF_LIST_NONEMPTY,
		LIST_AT(zw_admin, with, n_with),
		.help = "executables that may be used, of a script its interpreter; left out, any"},
	{.name = "executable",
		.type = ZW_CONF_PATH,
		.many = ZW_CONF_ONE_OF_LIST,
		LIST_AT(zw_admin, with, n_with),
		.help = "short for a list \"with\" of one"},
	{.name = "hours",
		.type = ZW_CONF_HOURS,
		AT(zw_admin, hours),
		.flag = offsetof(struct zw_admin, has_hours),
		.help = "when, in local time; left out, always"},
	{.name = "tsig_key", .type = ZW_CONF_LATER, .help = "key that signs dynamic updates"},
	{.name = "names", .type = ZW_CONF_LATER, .help = "owner names"},
	{.name = "types", .type = ZW_CONF_LATER, .help = "record types"},
};

static const struct zw_conf_key history_keys[] = {
	{.name = "file",
		.type = ZW_CONF_PATH,
		AT(zw_conf, history.file),
		.initial = "/var/lib/zonewitness/history.db",
		.help = "database of the last known state of every zone"},
	{.name = "keep",
		.type = ZW_CONF_DURATION,
		AT(zw_conf, history.keep_ns),
		.min = "1d",
		.max = "36500d",
		.initial = "400d",
		.help = "how long a change is kept"},
};

static const struct zw_conf_key journald_keys[] = {
	{.name = "enabled",
		.type = ZW_CONF_BOOL,
		AT(zw_conf, journald),
		.initial = "true",
		.help = "whether events go to the journal"},
};

static const struct zw_conf_key json_keys[] = {
	{.name = "file",
		.type = ZW_CONF_PATH,
		AT(zw_conf, json_file),
		.help = "file that gets one JSON object a line; left out, none"},
};

static const struct zw_conf_key root_keys[] = {
	{.name = "servers",
		.type = ZW_CONF_MAP,
		.many = ZW_CONF_LIST,
		LIST_AT(zw_conf, server, servers),
		.line = offsetof(struct zw_conf_server, line),
		.word = "auto",
		.flag = offsetof(struct zw_conf, servers_auto),
		.initial = "auto",
		KEYS(server_keys),
		.help = "the DNS servers; auto finds those that run"},
	{.name = "zones",
		.type = ZW_CONF_MAP,
		.many = ZW_CONF_LIST,
		LIST_AT(zw_conf, zone, zones),
		.line = offsetof(struct zw_conf_zone, line),
		KEYS(zone_keys),
		.help = "zone files to watch whether or not a server has them"},
	{.name = "admins",
		.type = ZW_CONF_MAP,
		.many = ZW_CONF_LIST,
		LIST_AT(zw_conf, policy.admin, policy.admins),
		.line = offsetof(struct zw_admin, line),
		KEYS(admin_keys),
		.help = "who may change what; without any, changes are reported unjudged"},
	{.name = "history", .type = ZW_CONF_MAP, KEYS(history_keys), .help = "what is remembered"},
	{.name = "journald",
		.type = ZW_CONF_MAP,
		KEYS(journald_keys),
		.help = "the system journal"},
	{.name = "json", .type = ZW_CONF_MAP, KEYS(json_keys), .help = "events as JSON lines"},
	{.name = "reconcile",
		.type = ZW_CONF_DURATION,
		AT(zw_conf, reconcile_ns),
		.min = "1s",
		.max = "7d",
		.initial = "60s",
		.help = "how often every zone file is compared with what is known of it"},
	{.name = "settle",
		.type = ZW_CONF_DURATION,
		AT(zw_conf, settle_ns),
		.min = "0s",
		.max = "10s",
		.initial = "2ms",
		.help = "quiet time after a write before the file is read"},
	{.name = "settle_held",
		.type = ZW_CONF_DURATION,
		AT(zw_conf, settle_held_ns),
		.min = "0s",
		.max = "60s",
		.initial = "250ms",
		.help = "the same while somebody still has the file open for writing"},
	{.name = "ring_size",
		.type = ZW_CONF_POWER,
		AT(zw_conf, ring_bytes),
		.min = "64K",
		.max = "1G",
		.initial = "8M",
		.help = "kernel memory for events not read yet"},
	{.name = "spool_file",
		.type = ZW_CONF_PATH,
		AT(zw_conf, spool_file),
		.initial = "/var/lib/zonewitness/journal.spool",
		.help = "where events wait while the journal is away"},
	{.name = "spool_size",
		.type = ZW_CONF_SIZE,
		AT(zw_conf, spool_bytes),
		.min = "64K",
		.max = "64G",
		.initial = "64M",
		.help = "how large that file may become"},
	{.name = "primaries", .type = ZW_CONF_LATER, .help = "servers that zones come from"},
	{.name = "familiar_networks", .type = ZW_CONF_LATER, .help = "networks of our own"},
	{.name = "feeds", .type = ZW_CONF_LATER, .help = "lists of bad addresses"},
};

static_assert(ZW_ARRAY_SIZE(root_keys) <= ZW_CONF_KEYS_MAX, "raise ZW_CONF_KEYS_MAX");
static_assert(ZW_ARRAY_SIZE(admin_keys) <= ZW_CONF_KEYS_MAX, "raise ZW_CONF_KEYS_MAX");

const struct zw_conf_key zw_conf_root = {
	.name = "the configuration",
	.type = ZW_CONF_MAP,
	KEYS(root_keys),
};
