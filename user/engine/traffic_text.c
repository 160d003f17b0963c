/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys of traffic, and their text. */
#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dns/name.h"
#include "engine/traffic.h"
#include "event/event.h"

/* Behind a name of which the end is not known. */
#define CUT "..."
static_assert(ZW_TRAFFIC_KEY_MAX >= ZW_NAME_TEXT_MAX + sizeof(CUT), "a name fits");

const char *zw_traffic_by_to_string(enum zw_traffic_by v)
{
	static const char *const names[] = {
		[ZW_TRAFFIC_SOURCE] = "source",
		[ZW_TRAFFIC_NAME] = "name",
		[ZW_TRAFFIC_ZONE] = "zone",
		[ZW_TRAFFIC_RCODE] = "rcode",
		[ZW_TRAFFIC_TYPE] = "type",
	};

	static_assert(ZW_ARRAY_SIZE(names) == _ZW_TRAFFIC_BY_MAX, "one name for every value");
	return (size_t)v < ZW_ARRAY_SIZE(names) ? names[v] : "unknown";
}

int zw_traffic_by_from_string(const char *text, enum zw_traffic_by *ret_by)
{
	for (unsigned int i = 0; i < _ZW_TRAFFIC_BY_MAX; i++)
		if (strcmp(text, zw_traffic_by_to_string(i)) == 0) {
			*ret_by = i;
			return 0;
		}
	return -EINVAL;
}

struct zw_traffic_source zw_traffic_source_of(int family, const uint8_t addr[static 16])
{
	struct zw_traffic_source source = {
		.family = family == AF_INET ? 4 : 6,
		.prefix = family == AF_INET ? 32 : 128,
	};

	memcpy(source.addr, addr, source.prefix / 8);
	return source;
}

struct zw_traffic_source zw_traffic_source_net(const struct zw_traffic_source *source)
{
	uint8_t prefix = source->family == 4 ? 24 : 56;
	struct zw_traffic_source net = {.family = source->family, .prefix = prefix};

	memcpy(net.addr, source->addr, prefix / 8);
	return net;
}

/* IANA "DNS RCODEs": what four bits can say. */
static void rcode_text(uint8_t rcode, char *ret_text)
{
	static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",
		"REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE", "DSOTYPENI"};

	if (rcode < ZW_ARRAY_SIZE(names))
		strcpy(ret_text, names[rcode]);
	else
		snprintf(ret_text, ZW_TRAFFIC_KEY_MAX, "RCODE%u", rcode);
}

static void type_text(uint8_t type, char *ret_text)
{
	const char *name = zw_query_class_to_string(type);
	size_t i = 0;

	for (; name[i]; i++)
		ret_text[i] = (char)toupper((unsigned char)name[i]);
	ret_text[i] = '\0';
}

static void source_text(const struct zw_traffic_source *source, char *ret_text)
{
	int family = source->family == 4 ? AF_INET : AF_INET6;
	unsigned int whole = source->family == 4 ? 32 : 128;

	if (!inet_ntop(family, source->addr, ret_text, ZW_TRAFFIC_KEY_MAX))
		strcpy(ret_text, "?");
	else if (source->prefix < whole)
		snprintf(ret_text + strlen(ret_text), sizeof("/128"), "/%u", source->prefix);
}

/* The labels that are whole, where the name was cut. */
static void name_text(const uint8_t *key, size_t len, char *ret_text)
{
	uint8_t name[ZW_NAME_MAX];
	size_t at = 0, checked;

	if (zw_name_check(key, len, &checked) == 0 && checked == len) {
		zw_name_to_text(key, ret_text);
		return;
	}
	while (at < len && key[at] && key[at] <= ZW_LABEL_MAX && at + 1 + key[at] <= len &&
		at + 1 + key[at] < sizeof(name))
		at += 1 + (size_t)key[at];
	memcpy(name, key, at);
	name[at] = 0;
	if (at > 0)
		zw_name_to_text(name, ret_text);
	else
		ret_text[0] = '\0';
	strcat(ret_text, CUT);
}

void zw_traffic_key_text(enum zw_traffic_by by, const void *key, size_t len,
	char ret_text[static ZW_TRAFFIC_KEY_MAX])
{
	struct zw_traffic_source source;

	strcpy(ret_text, "?");
	switch (by) {
	case ZW_TRAFFIC_SOURCE:
		if (len != sizeof(source))
			return;
		memcpy(&source, key, sizeof(source));
		source_text(&source, ret_text);
		return;
	case ZW_TRAFFIC_NAME:
	case ZW_TRAFFIC_ZONE:
		name_text(key, len, ret_text);
		return;
	case ZW_TRAFFIC_RCODE:
		if (len == 1)
			rcode_text(*(const uint8_t *)key, ret_text);
		return;
	case ZW_TRAFFIC_TYPE:
		if (len == 1)
			type_text(*(const uint8_t *)key, ret_text);
		return;
	case _ZW_TRAFFIC_BY_MAX:
		return;
	}
}
