/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Circular doubly linked lists whose links live in the elements. An unlinked element points at itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct zw_list {
	struct zw_list *prev, *next;
};

static inline void zw_list_init(struct zw_list *list)
{
	list->prev = list->next = list;
}

static inline bool zw_list_empty(const struct zw_list *list)
{
	return list->next == list;
}

static inline void zw_list_add_tail(struct zw_list *list, struct zw_list *item)
{
	item->prev = list->prev;
	item->next = list;
	list->prev->next = item;
	list->prev = item;
}

static inline void zw_list_del(struct zw_list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	zw_list_init(item);
}
