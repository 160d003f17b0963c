/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How the history keeps the JSON of an event: deflated, with what all events have in common known beforehand. */
#pragma once

#include <stddef.h>

#include "base/str.h"

/* Appends to @out. 0 or -ENOMEM. */
int zw_json_pack(const char *json, size_t len, struct zw_str *out);
/* @json_len is the length before, which the history has beside it. Appends to @out. -EBADMSG when it is damaged,
 * -EPROTONOSUPPORT when a later version wrote it, -ENOMEM. */
int zw_json_unpack(const void *data, size_t len, size_t json_len, struct zw_str *out);
