/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where records lead to. */
#include "engine/rule_impl.h"

#include <netinet/in.h>
#include <string.h>

#include "dns/rr.h"

/* RFC 9460. */
#define TYPE_SVCB 64
#define TYPE_HTTPS 65
#define SVC_IPV4HINT 4
#define SVC_IPV6HINT 6

/* Aliases that lead to aliases; servers give up about there. */
#define ALIASES_MAX 8

/* Of one record set; what comes after is not followed: a name may have thousands of addresses. */
#define ADDRESSES_MAX 64

struct walk {
	struct zw_rule_scene *s;
	void (*fn)(struct zw_rule_scene *s, void *ctx, const struct zw_rule_target *target);
	void *ctx;
};

static int name_offset(uint16_t type)
{
	switch (type) {
	case ZW_TYPE_NS:
	case ZW_TYPE_CNAME:
	case ZW_TYPE_DNAME:
		return 0;
	case ZW_TYPE_MX:
	case TYPE_SVCB:
	case TYPE_HTTPS:
		return 2;
	case ZW_TYPE_SRV:
		return 6;
	default:
		return -1;
	}
}

bool zw_rule_leads(uint16_t type)
{
	return type == ZW_TYPE_A || type == ZW_TYPE_AAAA || name_offset(type) >= 0;
}

const uint8_t *zw_rule_target_name(uint16_t type, const uint8_t *rdata, size_t len)
{
	int offset = name_offset(type);

	if (offset < 0 || len <= (size_t)offset ||
		zw_name_check(rdata + offset, len - (size_t)offset, NULL) < 0)
		return NULL;
	return rdata + offset;
}

bool zw_rule_gains(const struct zw_diff_entry *e)
{
	for (size_t i = 0; i < e->after.count; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(&e->after, i, &len);

		if (!zw_rrset_has(&e->before, rdata, len))
			return true;
	}
	return false;
}

bool zw_rule_existed(const struct zw_rule_scene *s, const uint8_t *owner)
{
	struct zw_rrset rrset;
	size_t it;

	if (!s->in->before)
		return false;
	it = zw_snapshot_seek(s->in->before, owner);
	while (zw_snapshot_next(s->in->before, &it, &rrset) && zw_name_equal(rrset.owner, owner))
		if (!zw_type_is_signing(rrset.type))
			return true;
	return false;
}

static void give_address(
	const struct walk *w, int family, const uint8_t *address, const uint8_t *via)
{
	struct zw_rule_target target = {.via = via, .address.family = family};
	size_t len = family == AF_INET ? 4 : 16;

	memcpy(target.address.addr, address, len);
	target.address.prefix = (uint8_t)(len * 8);
	w->fn(w->s, w->ctx, &target);
}

static bool give_addresses(
	const struct walk *w, const uint8_t *name, uint16_t type, const uint8_t *via)
{
	size_t want = type == ZW_TYPE_A ? 4 : 16;
	struct zw_rrset rrset;

	if (!zw_snapshot_lookup(w->s->in->after, name, type, &rrset))
		return false;
	for (size_t i = 0; i < rrset.count && i < ADDRESSES_MAX; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(&rrset, i, &len);

		if (len == want)
			give_address(w, want == 4 ? AF_INET : AF_INET6, rdata, via);
	}
	return true;
}

/* The wildcard that would answer for @name, which is not there: that of the closest name above it that has one. */
static bool find_wildcard(
	const struct walk *w, const uint8_t *name, uint8_t ret_wildcard[static ZW_NAME_MAX])
{
	struct zw_rrset rrset;

	while (!zw_name_equal(name, w->s->in->origin)) {
		const uint8_t *parent = zw_name_parent(name);
		size_t len = zw_name_len(parent), it;

		if (len + 2 > ZW_NAME_MAX)
			return false;
		ret_wildcard[0] = 1;
		ret_wildcard[1] = '*';
		memcpy(ret_wildcard + 2, parent, len);
		it = zw_snapshot_seek(w->s->in->after, ret_wildcard);
		if (zw_snapshot_next(w->s->in->after, &it, &rrset) &&
			zw_name_equal(rrset.owner, ret_wildcard))
			return true;
		name = parent;
	}
	return false;
}

static bool is_there(const struct walk *w, const uint8_t *name)
{
	size_t it = zw_snapshot_seek(w->s->in->after, name);
	struct zw_rrset rrset;

	/* A name with nothing of its own is there when one below it is (RFC 4592 section 2.2.2). */
	return zw_snapshot_next(w->s->in->after, &it, &rrset) &&
	       zw_name_is_within(rrset.owner, name);
}

static void follow(const struct walk *w, const uint8_t *name)
{
	uint8_t wildcard[ZW_NAME_MAX];
	const uint8_t *via = name;

	for (unsigned int i = 0; i < ALIASES_MAX; i++) {
		struct zw_rrset alias;
		bool any;
		uint16_t len;

		if (!zw_name_is_within(name, w->s->in->origin)) {
			w->fn(w->s, w->ctx, &(struct zw_rule_target){.name = name, .via = via});
			return;
		}
		if (!w->s->in->after)
			return;
		if (!is_there(w, name) && find_wildcard(w, name, wildcard))
			name = wildcard;
		any = give_addresses(w, name, ZW_TYPE_A, via);
		any |= give_addresses(w, name, ZW_TYPE_AAAA, via);
		if (any || !zw_snapshot_lookup(w->s->in->after, name, ZW_TYPE_CNAME, &alias))
			return;
		name = zw_rrset_rdata(&alias, 0, &len);
		if (zw_name_check(name, len, NULL) < 0)
			return;
	}
}

/* The addresses that a service binding brings with it. */
static void give_hints(const struct walk *w, const uint8_t *p, size_t left)
{
	while (left >= 4) {
		unsigned int key = (unsigned int)p[0] << 8 | p[1];
		size_t len = (size_t)p[2] << 8 | p[3];
		size_t each = key == SVC_IPV4HINT ? 4 : key == SVC_IPV6HINT ? 16 : 0;

		p += 4;
		left -= 4;
		if (len > left)
			return;
		for (size_t at = 0; each && at + each <= len; at += each)
			give_address(w, each == 4 ? AF_INET : AF_INET6, p + at, NULL);
		p += len;
		left -= len;
	}
}

void zw_rule_targets(struct zw_rule_scene *s, const uint8_t *owner, uint16_t type,
	const uint8_t *rdata, size_t len,
	void (*fn)(struct zw_rule_scene *s, void *ctx, const struct zw_rule_target *target),
	void *ctx)
{
	struct walk w = {s, fn, ctx};
	const uint8_t *name;

	if (type == ZW_TYPE_A || type == ZW_TYPE_AAAA) {
		if (len == (type == ZW_TYPE_A ? 4 : 16))
			give_address(&w, type == ZW_TYPE_A ? AF_INET : AF_INET6, rdata, NULL);
		return;
	}
	name = zw_rule_target_name(type, rdata, len);
	if (!name)
		return;
	if (type == TYPE_SVCB || type == TYPE_HTTPS) {
		size_t used = 2 + zw_name_len(name);

		give_hints(&w, rdata + used, len - used);
		/* "." is the owner itself, whose addresses are records of their own (RFC 9460 section 2.5.2). */
		if (name[0] == 0)
			return;
	}
	/* "." of MX and SRV: there is no such service (RFC 7505, RFC 2782). */
	if (name[0] != 0 && !zw_name_equal(name, owner))
		follow(&w, name);
}
