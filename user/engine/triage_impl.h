/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engine/triage*.c. */
#pragma once

#include "engine/triage.h"

/* The address of that key, made if there is none yet; NULL when there are too many. Valid until the next call. 0 or
 * -ENOMEM. */
int zw_triage_address_at(
	struct zw_triage *t, const uint8_t key[static 16], struct zw_triage_address **ret_address);
/* False when it is no address. */
bool zw_triage_address_key(const char *text, uint8_t ret_key[static 16]);
