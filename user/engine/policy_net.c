/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* ::ffff:0:0/96, RFC 4291 section 2.5.5.2 */
static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};
#define MAPPED_PREFIX_BITS 96

static unsigned int family_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

/* An address alone, IPv4-mapped IPv6 as it is written. A zone index ("fe80::1%eth0") is not part of it. */
static int parse_address(const char *text, size_t len, struct zw_net *ret_net)
{
	char buf[INET6_ADDRSTRLEN];
	struct zw_net net = {};

	if (len >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, text, len);
	buf[len] = '\0';
	net.family = strchr(buf, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(net.family, buf, net.addr) != 1)
		return -EINVAL;
	net.prefix = (uint8_t)family_bits(net.family);
	*ret_net = net;
	return 0;
}

/* The same addresses as IPv4 where all of them are IPv4. */
static void unmap(struct zw_net *net)
{
	if (net->family != AF_INET6 || net->prefix < MAPPED_PREFIX_BITS ||
		memcmp(net->addr, mapped_prefix, sizeof(mapped_prefix)) != 0)
		return;
	net->family = AF_INET;
	net->prefix -= MAPPED_PREFIX_BITS;
	memmove(net->addr, net->addr + sizeof(mapped_prefix), 4);
	memset(net->addr + 4, 0, sizeof(net->addr) - 4);
}

/* Whether the first @bits bits are the same. */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) & (uint8_t)(0xff << (8 - rest))) == 0;
}

static bool has_host_bits(const struct zw_net *net)
{
	for (unsigned int bit = net->prefix; bit < family_bits(net->family); bit++)
		if (net->addr[bit / 8] & (0x80 >> bit % 8))
			return true;
	return false;
}

int zw_net_parse(const char *text, struct zw_net *ret_net)
{
	const char *slash = strchr(text, '/');
	struct zw_net net;
	uint32_t prefix;
	int r;

	r = parse_address(text, slash ? (size_t)(slash - text) : strlen(text), &net);
	if (r < 0)
		return r;
	if (slash) {
		/* zw_parse_u32() also takes "0x18", which no prefix length is written as. */
		if (strlen(slash + 1) > 3 || zw_parse_u32(slash + 1, &prefix) < 0 ||
			strchr(slash + 1, 'x') || strchr(slash + 1, 'X') || prefix > net.prefix)
			return -EINVAL;
		net.prefix = (uint8_t)prefix;
	}
	if (has_host_bits(&net))
		return -EINVAL;
	unmap(&net);
	*ret_net = net;
	return 0;
}

bool zw_net_contains(const struct zw_net *net, const char *address)
{
	struct zw_net one;

	if (parse_address(address, strcspn(address, "%"), &one) < 0)
		return false;
	unmap(&one);
	return one.family == net->family && same_prefix(net->addr, one.addr, net->prefix);
}

void zw_net_to_text(const struct zw_net *net, char ret_text[static ZW_NET_TEXT_MAX])
{
	char addr[INET6_ADDRSTRLEN];

	inet_ntop(net->family, net->addr, addr, sizeof(addr));
	if (net->prefix == family_bits(net->family))
		snprintf(ret_text, ZW_NET_TEXT_MAX, "%s", addr);
	else
		snprintf(ret_text, ZW_NET_TEXT_MAX, "%s/%u", addr, net->prefix);
}
