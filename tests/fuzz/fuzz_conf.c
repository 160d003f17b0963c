/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a configuration: either every promise of conf.h holds for the result, or there is a message
 * that is safe to print. */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "conf/conf.h"
#include "dns/name.h"

#define DEMAND(condition)                 \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Keys of requests are compared with it as text. */
static void check_key(const char *key)
{
	char text[ZW_NAME_TEXT_MAX];
	uint8_t name[ZW_NAME_MAX];
	size_t len;

	DEMAND(zw_name_from_text(key, name, &len) == 0);
	zw_name_lower(name, len);
	len = zw_name_to_text(name, text);
	DEMAND(len == strlen(key) + 1 && memcmp(text, key, len - 1) == 0);
}

static void check_admin(const struct zw_admin *admin)
{
	DEMAND((admin->user || admin->tsig_key) && admin->line > 0);
	DEMAND(!admin->user || admin->user[0]);
	if (admin->tsig_key)
		check_key(admin->tsig_key);
	for (size_t i = 0; i < admin->n_from; i++) {
		char text[ZW_NET_TEXT_MAX];
		struct zw_net again;

		zw_net_to_text(&admin->from[i], text);
		DEMAND(zw_net_parse(text, &again) == 0);
		DEMAND(again.family == admin->from[i].family &&
			again.prefix == admin->from[i].prefix);
		DEMAND(memcmp(again.addr, admin->from[i].addr, sizeof(again.addr)) == 0);
	}
	for (size_t i = 0; i < admin->n_with; i++)
		DEMAND(admin->with[i][0] == '/');
	for (size_t i = 0; i < admin->n_zones; i++)
		DEMAND(zw_endswith(admin->zones[i], "."));
	for (size_t i = 0; i < admin->n_names; i++)
		DEMAND(zw_endswith(admin->names[i], "."));
	if (admin->has_hours) {
		char text[ZW_HOURS_TEXT_MAX];
		struct zw_hours again;

		zw_hours_to_text(&admin->hours, text);
		DEMAND(zw_hours_parse(text, &again) == 0);
		DEMAND(again.days == admin->hours.days && again.from_min == admin->hours.from_min &&
			again.to_min == admin->hours.to_min);
	}
}

static void check_accepted(const struct zw_conf *conf)
{
	DEMAND(!conf->servers_auto || conf->servers == 0);
	for (size_t i = 0; i < conf->servers; i++)
		DEMAND(conf->server[i].kind && conf->server[i].line > 0);
	for (size_t i = 0; i < conf->zones; i++)
		DEMAND(conf->zone[i].name && conf->zone[i].file && conf->zone[i].file[0] == '/');
	for (size_t i = 0; i < conf->policy.admins; i++)
		check_admin(&conf->policy.admin[i]);
	DEMAND(conf->history.file && conf->spool_file);
	DEMAND(conf->ring_bytes >= 64 << 10 && (conf->ring_bytes & (conf->ring_bytes - 1)) == 0);
	DEMAND(conf->reconcile_ns >= 1000000000);
}

static void check_refused(const struct zw_str *error)
{
	size_t lines = 1;

	DEMAND(error->len > 0);
	for (size_t i = 0; i < error->len; i++) {
		lines += error->buf[i] == '\n';
		DEMAND(error->buf[i] == '\n' || (unsigned char)error->buf[i] >= 0x20);
	}
	DEMAND(lines <= 51);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str error = {};
	int r = zw_conf_parse("fuzz", (const char *)data, size, &conf, &error);

	DEMAND(r == 0 || r == -EINVAL);
	DEMAND((r == 0) == (conf != NULL));
	if (conf)
		check_accepted(conf);
	else
		check_refused(&error);
	return 0;
}
