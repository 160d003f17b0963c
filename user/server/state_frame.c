/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/state_frame.h"

#include <string.h>

void zw_state_get(struct zw_state_input *in, void *to, size_t len)
{
	if (in->failed || len > zw_state_left(in)) {
		in->failed = true;
		memset(to, 0, len);
		return;
	}
	memcpy(to, in->p, len);
	in->p += len;
}

size_t zw_state_left(const struct zw_state_input *in)
{
	return (size_t)(in->end - in->p);
}

void zw_state_put(struct zw_str *out, const void *data, size_t len)
{
	zw_str_add_len(out, data, len);
}

void zw_state_frame_begin(struct zw_str *out, enum zw_state_frame kind, size_t *ret_at)
{
	uint32_t len = 0;
	uint8_t byte = (uint8_t)kind;

	*ret_at = out->len;
	zw_state_put_value(out, len);
	zw_state_put_value(out, byte);
}

void zw_state_frame_end(struct zw_str *out, size_t at)
{
	uint32_t len;

	if (out->failed)
		return;
	len = (uint32_t)(out->len - at - sizeof(len));
	memcpy(out->buf + at, &len, sizeof(len));
}
