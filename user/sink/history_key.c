/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_key.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"

/* IANA "Resource Record (RR) TYPEs" */
#define TYPE_SVCB 64
#define TYPE_HTTPS 65

/* IANA "Service Parameter Keys (SvcParamKeys)" */
#define SVC_IPV4HINT 4
#define SVC_IPV6HINT 6

/* Smaller than every octet of a label, so that a label sorts before those it begins. */
#define LABEL_END 0
#define ESCAPE 1

static void add_label(struct zw_str *out, const uint8_t *label)
{
	for (unsigned int i = 1; i <= label[0]; i++) {
		uint8_t octet = label[i];

		zw_name_lower(&octet, 1);
		if (octet == LABEL_END || octet == ESCAPE) {
			zw_str_add_char(out, ESCAPE);
			octet++;
		}
		zw_str_add_char(out, (char)octet);
	}
	zw_str_add_char(out, LABEL_END);
}

int zw_name_key(const uint8_t *wire, struct zw_str *out)
{
	const uint8_t *label[ZW_LABELS_MAX];
	size_t labels = 0;

	for (; *wire; wire += 1 + *wire)
		label[labels++] = wire;
	while (labels > 0)
		add_label(out, label[--labels]);
	return out->failed ? -ENOMEM : 0;
}

int zw_name_key_end(const uint8_t *wire, struct zw_str *out)
{
	int r;

	if (!*wire)
		return -ERANGE;
	r = zw_name_key(wire, out);
	if (r < 0)
		return r;
	/* Behind all labels that continue the name; no label has this octet, see ESCAPE, where it ends. */
	out->buf[out->len - 1] = LABEL_END + 1;
	return 0;
}

/* One label, from the key's position on. */
static int take_label(const uint8_t **p, const uint8_t *end, uint8_t ret_label[static 64])
{
	uint8_t len = 0;

	for (; *p < end; ++*p) {
		uint8_t octet = **p;

		if (octet == LABEL_END) {
			++*p;
			ret_label[0] = len;
			return len > 0 ? 0 : -EBADMSG;
		}
		if (octet == ESCAPE) {
			if (++*p == end || (**p != ESCAPE && **p != ESCAPE + 1))
				return -EBADMSG;
			octet = **p - 1;
		}
		if (len == ZW_LABEL_MAX)
			return -EBADMSG;
		ret_label[++len] = octet;
	}
	return -EBADMSG;
}

int zw_name_from_key(const void *key, size_t len, uint8_t ret_name[static 255])
{
	const uint8_t *p = key, *end = p + len;
	uint8_t name[ZW_NAME_MAX];
	size_t at = sizeof(name) - 1;

	/* Filled from its end, where the root is. */
	name[at] = 0;
	while (p < end) {
		uint8_t label[1 + ZW_LABEL_MAX];

		if (take_label(&p, end, label) < 0 || at < 1U + label[0])
			return -EBADMSG;
		at -= 1U + label[0];
		memcpy(&name[at], label, 1U + label[0]);
	}
	memcpy(ret_name, &name[at], sizeof(name) - at);
	return 0;
}

static void address_key_ipv4(const uint8_t address[static 4], uint8_t ret_key[static 16])
{
	memset(ret_key, 0, 10);
	memset(ret_key + 10, 0xff, 2);
	memcpy(ret_key + 12, address, 4);
}

int zw_address_key(const char *text, uint8_t ret_key[static 16])
{
	char bare[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "%");
	uint8_t v4[4];

	if (len >= sizeof(bare))
		return -EINVAL;
	memcpy(bare, text, len);
	bare[len] = '\0';
	if (inet_pton(AF_INET, bare, v4) == 1) {
		address_key_ipv4(v4, ret_key);
		return 0;
	}
	return inet_pton(AF_INET6, bare, ret_key) == 1 ? 0 : -EINVAL;
}

typedef int (*found_fn)(void *ctx, const uint8_t key[static 16]);

static int each_hint(const uint8_t *p, size_t len, size_t size, found_fn found, void *ctx)
{
	int r = 0;

	for (size_t at = 0; r == 0 && len - at >= size; at += size) {
		uint8_t key[ZW_ADDRESS_KEY_LEN];

		if (size == 4)
			address_key_ipv4(p + at, key);
		else
			memcpy(key, p + at, sizeof(key));
		r = found(ctx, key);
	}
	return r;
}

/* Priority, target, then parameters as u16 key, u16 length, value (RFC 9460 section 2.2). */
static int each_service_hint(const uint8_t *rdata, size_t len, found_fn found, void *ctx)
{
	size_t name_len, at;
	int r = 0;

	if (len < 2 || zw_name_check(rdata + 2, len - 2, &name_len) < 0)
		return 0;
	at = 2 + name_len;
	while (r == 0 && len - at >= 4) {
		unsigned int key = rdata[at] << 8 | rdata[at + 1];
		size_t value = (size_t)(rdata[at + 2] << 8 | rdata[at + 3]);

		at += 4;
		if (value > len - at)
			return 0;
		if (key == SVC_IPV4HINT || key == SVC_IPV6HINT)
			r = each_hint(rdata + at, value, key == SVC_IPV4HINT ? 4 : 16, found, ctx);
		at += value;
	}
	return r;
}

int zw_address_each(uint16_t type, const uint8_t *rdata, size_t len, found_fn found, void *ctx)
{
	switch (type) {
	case ZW_TYPE_A:
		return len == 4 ? each_hint(rdata, len, 4, found, ctx) : 0;
	case ZW_TYPE_AAAA:
		return len == 16 ? each_hint(rdata, len, 16, found, ctx) : 0;
	case TYPE_SVCB:
	case TYPE_HTTPS:
		return each_service_hint(rdata, len, found, ctx);
	default:
		return 0;
	}
}
