/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a zone is used to: networks of addresses, domains of others, types. */
#include "engine/rule_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "dns/rr.h"
#include "engine/lookalike.h"

/* A zone with more has no networks of its own: that of a provider of dynamic names. */
#define NETWORKS_MAX 65536

/* Since the epoch in seconds, as a value of the map; 1: longer than anybody remembers. */
static void *since(uint64_t realtime_ns)
{
	return (void *)(uintptr_t)(realtime_ns / ZW_NSEC_PER_SEC + 2);
}

#define ALWAYS ((void *)(uintptr_t)1)
/* Beside the number of the change that brought it. */
#define ENTITLED (UINT64_C(1) << 63)

static bool within(const struct zw_net *network, const struct zw_net *address)
{
	unsigned int whole = network->prefix / 8, rest = network->prefix % 8;

	if (network->family != address->family || network->prefix > address->prefix ||
		memcmp(network->addr, address->addr, whole) != 0)
		return false;
	return rest == 0 ||
	       ((network->addr[whole] ^ address->addr[whole]) & (uint8_t)(0xff << (8 - rest))) == 0;
}

void zw_rule_network_of(
	const struct zw_rule_scene *s, const struct zw_net *address, struct zw_net *ret_network)
{
	uint8_t prefix = address->family == AF_INET ? s->prefix4 : s->prefix6;
	struct zw_net network = {.family = address->family, .prefix = prefix};

	memcpy(network.addr, address->addr, prefix / 8);
	if (prefix % 8)
		network.addr[prefix / 8] =
			address->addr[prefix / 8] & (uint8_t)(0xff << (8 - prefix % 8));
	*ret_network = network;
}

/* Addresses that lead nobody away: of this host, of private networks, of no host (RFC 6890). */
static bool is_special(const struct zw_net *address)
{
	static const struct zw_net special[] = {
		{AF_INET, {0}, 8},
		{AF_INET, {10}, 8},
		{AF_INET, {100, 64}, 10},
		{AF_INET, {127}, 8},
		{AF_INET, {169, 254}, 16},
		{AF_INET, {172, 16}, 12},
		{AF_INET, {192, 168}, 16},
		{AF_INET6, {0}, 127}, /* :: and ::1 */
		{AF_INET6, {0xfc}, 7},
		{AF_INET6, {0xfe, 0x80}, 10},
	};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(special); i++)
		if (within(&special[i], address))
			return true;
	return false;
}

/* Registers @key since @value unless it is known; *@ret_value is what holds. */
static int know(struct zw_rule_scene *s, const void *key, size_t len, void *value, void **ret_value)
{
	struct zw_rule_zone *zone = s->zone;
	void *known;
	int r;

	if (!zone->network && zw_map_new(&zone->network) < 0)
		return -ENOMEM;
	known = zw_map_get(zone->network, key, len);
	if (!known) {
		if (zw_map_len(zone->network) >= NETWORKS_MAX ||
			!zw_rule_memory_take(s->memory, zone)) {
			zone->crowded = true;
			*ret_value = ALWAYS;
			return 0;
		}
		r = zw_map_put(zone->network, key, len, value, NULL);
		if (r < 0)
			return r;
		known = value;
	}
	*ret_value = known;
	return 0;
}

static int know_address(
	struct zw_rule_scene *s, const struct zw_net *address, void *value, void **ret_value)
{
	struct zw_net network;
	uint8_t key[1 + sizeof(network.addr)];

	zw_rule_network_of(s, address, &network);
	key[0] = (uint8_t)network.family;
	memcpy(key + 1, network.addr, sizeof(network.addr));
	return know(s, key, network.family == AF_INET ? 5 : sizeof(key), value, ret_value);
}

/* An octet that is no family of addresses tells domains from those. */
static int know_domain(struct zw_rule_scene *s, const uint8_t *name, void *value, void **ret_value)
{
	const uint8_t *domain = zw_lookalike_domain(name);
	uint8_t key[1 + ZW_NAME_MAX] = {0xff};
	size_t len;

	if (!domain)
		domain = name;
	len = zw_name_len(domain);
	memcpy(key + 1, domain, len);
	zw_name_lower(key + 1, len);
	return know(s, key, len + 1, value, ret_value);
}

static void learn_type(struct zw_rule_zone *zone, uint16_t type, int *failed)
{
	ZW_VEC_FOREACH(t, &zone->types)
		if (*t == type)
			return;
	if (zw_vec_push(&zone->types, type) < 0)
		*failed = -ENOMEM;
}

static void learn_record(struct zw_rule_scene *s, uint16_t type, const uint8_t *rdata, uint16_t len)
{
	struct zw_net address = {.family = type == ZW_TYPE_A ? AF_INET : AF_INET6};
	const uint8_t *name;
	void *ignored;
	int r = 0;

	if ((type == ZW_TYPE_A && len == 4) || (type == ZW_TYPE_AAAA && len == 16)) {
		memcpy(address.addr, rdata, len);
		address.prefix = (uint8_t)(len * 8);
		s->zone->addresses++;
		r = know_address(s, &address, ALWAYS, &ignored);
	} else {
		name = zw_rule_target_name(type, rdata, len);
		if (name && !zw_name_is_within(name, s->in->origin))
			r = know_domain(s, name, ALWAYS, &ignored);
	}
	if (r < 0)
		s->failed = r;
}

/* All of the zone as it was before. What was recalled stays as new as it was. */
static void learn(struct zw_rule_scene *s)
{
	struct zw_rule_zone *zone = s->zone;
	uint16_t last_type = 0;
	struct zw_rrset rrset;
	size_t it = 0;

	/* Networks of another size cannot be compared with these. */
	if (zone->learned && (zone->prefix4 != s->prefix4 || zone->prefix6 != s->prefix6))
		zw_rule_memory_unlearn(s->memory, zone);
	if (zone->learned)
		return;
	zone->learned = true;
	zone->prefix4 = s->prefix4;
	zone->prefix6 = s->prefix6;
	zone->addresses = zone->own_networks = 0;
	while (s->in->before && zw_snapshot_next(s->in->before, &it, &rrset)) {
		if (rrset.type != last_type)
			learn_type(zone, rrset.type, &s->failed);
		last_type = rrset.type;
		if (zone->crowded || !zw_rule_leads(rrset.type))
			continue;
		for (size_t i = 0; i < rrset.count; i++) {
			uint16_t len;
			const uint8_t *rdata = zw_rrset_rdata(&rrset, i, &len);

			learn_record(s, rrset.type, rdata, len);
		}
	}
	zone->own_networks = zone->network ? zw_map_len(zone->network) : 0;
}

/* Hosts that go about: most of many addresses have a network of their own. */
static bool is_roaming(const struct zw_rule_scene *s)
{
	const struct zw_rule_zone *zone = s->zone;

	return zone->crowded ||
	       (zone->own_networks >= zw_rule_knob(s, "redirect-outside", "roaming") &&
		       zone->own_networks * 2 > zone->addresses);
}

/* What an administrator brought is new in that change and familiar in the next. */
static void *new_value(const struct zw_rule_scene *s)
{
	return zw_rule_is_entitled(s) ? (void *)(uintptr_t)(ENTITLED | s->zone->used)
				      : since(s->now_ns);
}

static bool is_settled(const struct zw_rule_scene *s, const void *value)
{
	uint64_t settled_s = zw_rule_knob(s, "redirect-outside", "settled") / ZW_NSEC_PER_SEC;

	if (value == ALWAYS)
		return true;
	if ((uintptr_t)value & ENTITLED)
		return ((uintptr_t)value & ~ENTITLED) != s->zone->used;
	return (uintptr_t)value + settled_s <= (uintptr_t)since(s->now_ns);
}

bool zw_rule_address_is_outside(struct zw_rule_scene *s, const struct zw_net *address)
{
	const struct zw_rule_input *in = s->in;
	void *value;
	int r;

	for (size_t i = 0; i < in->familiars; i++)
		if (within(&in->familiar[i], address))
			return false;
	if (in->familiars > 0)
		return true;
	if (is_special(address))
		return false;
	learn(s);
	r = know_address(s, address, new_value(s), &value);
	if (r < 0) {
		s->failed = r;
		return false;
	}
	return !is_settled(s, value) && !is_roaming(s);
}

bool zw_rule_name_is_outside(struct zw_rule_scene *s, const uint8_t *name)
{
	void *value;
	int r;

	if (s->in->serves && s->in->serves(s->in->ctx, name))
		return false;
	learn(s);
	r = know_domain(s, name, new_value(s), &value);
	if (r < 0) {
		s->failed = r;
		return false;
	}
	return !is_settled(s, value) && !s->zone->crowded;
}

bool zw_rule_type_is_new(struct zw_rule_scene *s, uint16_t type)
{
	size_t known;

	learn(s);
	known = s->zone->types.len;
	learn_type(s->zone, type, &s->failed);
	return s->zone->types.len > known;
}

int zw_rule_recall_subject(struct zw_rule_scene *s, const char *subject, uint64_t time_ns)
{
	struct zw_net address;
	uint8_t name[ZW_NAME_MAX];
	void *ignored;

	if (zw_net_parse(subject, &address) == 0)
		return know_address(s, &address, since(time_ns), &ignored);
	if (zw_name_from_text(subject, name, NULL) == 0)
		return know_domain(s, name, since(time_ns), &ignored);
	return 0;
}
