/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to engine/feed*.c: networks in an order in which the smallest one around an address is found. */
#pragma once

#include "engine/feed_impl.h"

/* Sorts @n networks by address, the wider first, drops duplicates and links each to the one around it. Returns how many
 * are left. */
size_t zw_feed_sort4(struct zw_feed_net4 *net, size_t n);
size_t zw_feed_sort6(struct zw_feed_net6 *net, size_t n);

/* The smallest network around an address; NULL: none. */
const struct zw_feed_net4 *zw_feed_find4(const struct zw_feed *feed, uint32_t addr);
const struct zw_feed_net6 *zw_feed_find6(const struct zw_feed *feed, const uint8_t addr[16]);
