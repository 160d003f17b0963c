/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names and addresses as the indexes of the history have them: bytes that memcmp() puts into the right order. */
#pragma once

#include <stdint.h>

#include "base/str.h"

/* Appends the key of the name @wire (wire form, any case): its labels from the root down, in lower case, each ended
 * by an octet 0, with the octets 0 and 1 of a label written as 1 1 and 1 2. memcmp() then sorts in canonical order
 * (RFC 4034 section 6.1), and what is at or below a name has a key that begins with the name's. The root has the
 * empty key. 0 or -ENOMEM. */
int zw_name_key(const uint8_t *wire, struct zw_str *out);
/* Appends the first key behind those of @wire and all names below it: "key >= a AND key < b" is the subtree. For the
 * root there is none: -ERANGE. */
int zw_name_key_end(const uint8_t *wire, struct zw_str *out);
/* The name of a key in wire form. 0, -EBADMSG when it is no key. */
int zw_name_from_key(const void *key, size_t len, uint8_t ret_name[static 255]);

/* An address is 16 octets, that of IPv4 mapped into IPv6 (RFC 4291 section 2.5.5.2). */
#define ZW_ADDRESS_KEY_LEN 16

/* 0, -EINVAL when it is no address. A zone ("%eth0") is left out. */
int zw_address_key(const char *text, uint8_t ret_key[static 16]);
/* Calls @found for each address in @rdata: A, AAAA, and the hints of SVCB and HTTPS (RFC 9460 section 7.3). What does
 * not fit its type has none. Stops at the first result that is not 0, and returns it. */
int zw_address_each(uint16_t type, const uint8_t *rdata, size_t len,
	int (*found)(void *ctx, const uint8_t key[static 16]), void *ctx);
