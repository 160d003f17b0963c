/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/vec.h"

#include <stdint.h>

int zw_vec_reserve_raw(void **items, size_t *cap, size_t size, size_t need)
{
	size_t new_cap = *cap;
	void *p;

	if (need <= *cap)
		return 0;
	while (new_cap < need)
		new_cap = new_cap ? new_cap * 2 : 8;
	if (new_cap > SIZE_MAX / size)
		return -ENOMEM;
	p = realloc(*items, new_cap * size);
	if (!p)
		return -ENOMEM;
	*items = p;
	*cap = new_cap;
	return 0;
}
