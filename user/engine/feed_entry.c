/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/feed_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "dns/punycode.h"

#define ADDRESS_TEXT_MAX (INET6_ADDRSTRLEN + 4) /* with "/128" */

static const char no_address[] = "no address";
static const char no_name[] = "no domain name";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool all_of(const char *text, size_t len, const char *set)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(set, text[i]) || !text[i])
			return false;
	return len > 0;
}

/* Lists hold networks with host bits set; those are dropped. */
static void mask(struct zw_net *net, unsigned int bits)
{
	for (unsigned int i = net->prefix; i < bits; i++)
		net->addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

/* ::ffff:0:0/96, RFC 4291 section 2.5.5.2 */
static void unmap(struct zw_net *net)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (net->family != AF_INET6 || net->prefix < 96 || memcmp(net->addr, mapped, 12) != 0)
		return;
	net->family = AF_INET;
	net->prefix -= 96;
	memmove(net->addr, net->addr + 12, 4);
	memset(net->addr + 4, 0, 12);
}

static int parse_net(const char *text, size_t len, struct zw_net *ret_net, const char **ret_why)
{
	char buf[ADDRESS_TEXT_MAX];
	struct zw_net net = {};
	unsigned int bits;
	uint32_t prefix;
	char *slash;

	*ret_why = no_address;
	if (len >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, text, len);
	buf[len] = '\0';
	slash = strchr(buf, '/');
	if (slash)
		*slash++ = '\0';
	net.family = strchr(buf, ':') ? AF_INET6 : AF_INET;
	bits = net.family == AF_INET ? 32 : 128;
	if (strlen(buf) + (slash ? strlen(slash) + 1 : 0) != len ||
		inet_pton(net.family, buf, net.addr) != 1)
		return -EINVAL;
	net.prefix = (uint8_t)bits;
	if (slash) {
		if (!all_of(slash, strlen(slash), "0123456789") || strlen(slash) > 3 ||
			zw_parse_u32(slash, &prefix) < 0 || prefix > bits)
			return -EINVAL;
		net.prefix = (uint8_t)prefix;
	}
	mask(&net, bits);
	unmap(&net);
	/* A slip of whoever made the list, which would make everything a finding, or nothing. */
	if (net.prefix == 0) {
		*ret_why = "every address there is";
		return -EINVAL;
	}
	*ret_net = net;
	return 0;
}

/* Lower case of the scripts that have it and that domains are registered in; what is written in composed form is not
 * touched else (RFC 5895 section 2.1 without its normalization). */
static uint32_t lower(uint32_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c + 0x20;
	if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3ab && c != 0x3a2) ||
		(c >= 0x410 && c <= 0x42f))
		return c + 0x20;
	if (c >= 0x400 && c <= 0x40f)
		return c + 0x50;
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177))
		return c | 1;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return c + (c & 1);
	return c;
}

/* "。" and its kin end a label, too (RFC 3490 section 3.1). */
static bool is_dot(uint32_t c)
{
	return c == '.' || c == 0x3002 || c == 0xff0e || c == 0xff61;
}

/* Characters of host names, and the underscore that service names have. */
static bool is_name_char(uint32_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

struct label {
	uint32_t text[ZW_LABEL_MAX];
	size_t len;
	bool ascii, digits;
};

static void begin_label(struct label *l)
{
	l->len = 0;
	l->ascii = l->digits = true;
}

static int put_label(struct zw_feed_entry *e, const struct label *l)
{
	uint8_t out[ZW_LABEL_MAX];
	size_t len = l->len;

	if (len == 0)
		return -EINVAL;
	if (!l->ascii && zw_punycode_encode(l->text, l->len, out, &len) < 0)
		return -EINVAL;
	for (size_t i = 0; l->ascii && i < len; i++)
		out[i] = (uint8_t)l->text[i];
	/* The root label stays free. */
	if (e->name_len + 1 + len > ZW_NAME_MAX - 1)
		return -EINVAL;
	e->name[e->name_len++] = (uint8_t)len;
	memcpy(e->name + e->name_len, out, len);
	e->name_len += len;
	return 0;
}

static int parse_name(const char *text, size_t len, struct zw_feed_entry *e, const char **ret_why)
{
	struct label l;
	unsigned int labels = 0;
	size_t pos = 0;
	uint32_t c;

	*ret_why = no_name;
	e->name_len = 0;
	begin_label(&l);
	while (pos < len) {
		size_t n = zw_utf8_decode(text + pos, len - pos, &c);

		if (n == 0)
			return -EINVAL;
		pos += n;
		if (is_dot(c)) {
			if (put_label(e, &l) < 0)
				return -EINVAL;
			labels++;
			if (pos < len)
				begin_label(&l);
			else
				l.len = 0;
			continue;
		}
		c = lower(c);
		if (l.len == ZW_LABEL_MAX || (c < 0x80 && !is_name_char(c)))
			return -EINVAL;
		l.ascii &= c < 0x80;
		l.digits &= c < 0x80 && is_digit((char)c);
		l.text[l.len++] = c;
	}
	if (l.len > 0) {
		if (put_label(e, &l) < 0)
			return -EINVAL;
		labels++;
	}
	e->name[e->name_len++] = 0;
	if (labels == 0 || l.digits)
		return -EINVAL;
	/* Nobody warns of all of "com"; "localhost" is in every hosts file. */
	if (labels == 1) {
		*ret_why = "a single label";
		return -EINVAL;
	}
	return 0;
}

/* Leaves of "http://user@host:80/path" the host and its port. True when it was one. */
static bool strip_url(const char **text, size_t *len)
{
	const char *colon = memchr(*text, ':', *len), *end = *text + *len, *at;

	if (!colon || end - colon < 3 || memcmp(colon, "://", 3) != 0)
		return false;
	*text = colon + 3;
	for (const char *p = *text; p < end; p++)
		if (*p == '/' || *p == '?' || *p == '#' || *p == '\\')
			end = p;
	at = memrchr(*text, '@', (size_t)(end - *text));
	if (at)
		*text = at + 1;
	*len = (size_t)(end - *text);
	return true;
}

/* Takes ":80" away. */
static void strip_port(const char *text, size_t *len)
{
	const char *colon = memchr(text, ':', *len);

	if (colon && colon > text &&
		all_of(colon + 1, *len - (size_t)(colon + 1 - text), "0123456789"))
		*len = (size_t)(colon - text);
}

static bool is_address_text(const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);

	if (colon && memchr(colon + 1, ':', len - (size_t)(colon + 1 - text)))
		return true;
	return all_of(text, len, "0123456789./");
}

int zw_feed_entry_parse(
	const char *text, size_t len, struct zw_feed_entry *ret_entry, const char **ret_why)
{
	const char *slash, *bracket;

	ret_entry->is_net = false;
	*ret_why = no_name;
	(void)strip_url(&text, &len);
	if (len > 0 && *text == '[') {
		bracket = memchr(text, ']', len);
		*ret_why = no_address;
		if (!bracket)
			return -EINVAL;
		ret_entry->is_net = true;
		return parse_net(text + 1, (size_t)(bracket - text - 1), &ret_entry->net, ret_why);
	}
	if (len == 0)
		return -EINVAL;
	if (!is_address_text(text, len)) {
		/* A path without a scheme before it. */
		slash = memchr(text, '/', len);
		if (slash)
			len = (size_t)(slash - text);
		strip_port(text, &len);
	}
	if (is_address_text(text, len)) {
		ret_entry->is_net = true;
		return parse_net(text, len, &ret_entry->net, ret_why);
	}
	/* "*.attacker.example" and ".attacker.example" are meant as what is listed is matched anyway. */
	if (len > 2 && text[0] == '*' && text[1] == '.') {
		text += 2;
		len -= 2;
	} else if (len > 1 && text[0] == '.') {
		text++;
		len--;
	}
	return parse_name(text, len, ret_entry, ret_why);
}
