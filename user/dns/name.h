/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Domain names in uncompressed wire form (RFC 1035 section 3.1): length-prefixed labels, ended by
 * the zero-length root label. Functions that take a bare `const uint8_t *name` trust it to be well
 * formed; bytes from outside go through zw_name_check() first. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZW_NAME_MAX 255   /* octets, RFC 1035 section 2.3.4 */
#define ZW_LABEL_MAX 63   /* octets of one label */
#define ZW_LABELS_MAX 127 /* labels without the root: 127 * 2 + 1 = 255 octets */
/* Every octet as \DDD, plus dots and the NUL: 4 * 255 rounded up. */
#define ZW_NAME_TEXT_MAX 1024

/* Length in octets with the root label. */
size_t zw_name_len(const uint8_t *name);

/* Checks a name that begins at @wire with @avail readable octets: no compression pointers, at most
 * 255 octets. 0, or -EBADMSG. @ret_len may be NULL. */
int zw_name_check(const uint8_t *wire, size_t avail, size_t *ret_len);

/* Reads the possibly compressed name at *@pos of a message of @len octets (RFC 1035 section 4.1.4) and
 * moves *@pos past it. Each pointer must lead behind the header, to before the name, and before where the one
 * before it led, which every compressor keeps to and no loop can; 128 pointers are the most. 0, or -EBADMSG with
 * *@pos untouched. @ret_len may be NULL. */
int zw_name_decompress(const uint8_t *message, size_t len, size_t *pos,
	uint8_t ret_name[static ZW_NAME_MAX], size_t *ret_len);

/* Presentation form to wire form with \DDD and \X escapes (RFC 1035 section 5.1). A missing final
 * dot is supplied: the text is always absolute. Case is kept. "" is refused, "." is the root.
 * 0 or -EINVAL. @ret_len may be NULL. */
int zw_name_from_text(const char *text, uint8_t ret_name[static ZW_NAME_MAX], size_t *ret_len);

/* Absolute presentation form, always with the final dot, NUL-terminated. Octets outside 0x21..0x7e
 * are written as \DDD, the characters special in master files get a backslash. Returns the text
 * length. */
size_t zw_name_to_text(const uint8_t *name, char ret_text[static ZW_NAME_TEXT_MAX]);

/* ASCII letters to lower case, in place (RFC 4034 section 6.2); octets above 0x7f stay (RFC 4343).
 * */
void zw_name_lower(uint8_t *name, size_t len);

/* Same name, without regard to ASCII case. */
bool zw_name_equal(const uint8_t *a, const uint8_t *b);

/* Canonical order (RFC 4034 section 6.1): by label from the right, absent label first. <0, 0, >0.
 * */
int zw_name_cmp(const uint8_t *a, const uint8_t *b);

/* True when @name is @parent or lies below it. */
bool zw_name_is_within(const uint8_t *name, const uint8_t *parent);

/* Labels without the root label. */
unsigned int zw_name_labels(const uint8_t *name);

/* The name without its first label; the root's parent is the root. */
const uint8_t *zw_name_parent(const uint8_t *name);

/* A leftmost "*" label in @pattern stands for one or more labels, as a wildcard owner does (RFC
 * 4592 section 3.3.1); without it the names must be equal. */
bool zw_name_matches(const uint8_t *pattern, const uint8_t *name);
