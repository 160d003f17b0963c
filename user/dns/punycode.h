/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Internationalized labels: Punycode (RFC 3492) with the parameters of IDNA (RFC 5890). Nothing is normalized or
 * refused for what Unicode says of it: that is for who registers names, not for who compares them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"

/* Decodes an A-label, "xn--" in any case in front, to code points. 0, or -EINVAL when it is none. @ret_len is never
 * more than ZW_LABEL_MAX. */
int zw_punycode_decode(
	const uint8_t *label, size_t len, uint32_t ret_text[static ZW_LABEL_MAX], size_t *ret_len);

/* Encodes @len code points, some of them outside ASCII, as an A-label with "xn--". 0, or -EINVAL when it does not fit a
 * label. */
int zw_punycode_encode(
	const uint32_t *text, size_t len, uint8_t ret_label[static ZW_LABEL_MAX], size_t *ret_len);
