/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/load.h"

#include <errno.h>

#include "dns/rawzone.h"

int zw_zone_load(const struct zw_zone_input *input, struct zw_snapshot *old,
	struct zw_snapshot **ret_snapshot, struct zw_zone_error *ret_error)
{
	const uint8_t *origin = input->master.origin;
	_zw_builder_ struct zw_builder *b = NULL;
	int r;

	r = zw_builder_new(input->key, origin, old, &b);
	if (r < 0)
		return r;
	if (zw_zone_format_detect(input->data, input->len) == ZW_ZONE_TEXT)
		r = zw_master_parse(
			&input->master, input->data, input->len, zw_builder_add_fn, b, ret_error);
	else
		r = zw_rawzone_parse(
			origin, input->data, input->len, zw_builder_add_fn, b, ret_error);
	if (r == 0)
		r = zw_builder_finish(b, ret_snapshot);
	if (r == -EFBIG)
		return zw_zone_fail(ret_error, ZW_ZERR_LIMIT, 0, 0,
			"more than 2^31 records or 4 GiB of names and data");
	return r;
}
