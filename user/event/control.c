/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "event/control.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event/control_impl.h"

/* One row a protocol. The limits are the servers' own, so that no client hides a command by making it long. */
static const struct {
	const char *name;
	size_t max; /* octets of a message, with everything around it */
	zw_control_decode_fn decode;
} protocols[] = {
	/* isccc_ccmsg_setmaxsize(..., 1048576) in BIND's bin/named/controlconf.c, and the length itself. */
	[ZW_CONTROL_RNDC] = {"rndc", (1U << 20) + 4, zw_control_rndc_decode},
	/* A unit of libknot's control.c: every item once, 16 bits of length each. */
	[ZW_CONTROL_KNOT] = {"knot", 12 * (65535 + 3) + 2, zw_control_knot_decode},
	[ZW_CONTROL_PDNS] = {"pdns", 65536, zw_control_pdns_decode},
	[ZW_CONTROL_NSD] = {"nsd", 65536, zw_control_nsd_decode},
	/* webserver-max-bodysize is 2 MB by default; chunks have lengths, and there is a head. */
	[ZW_CONTROL_HTTP] = {"http", 4U << 20, zw_control_http_decode},
};
static_assert(ZW_ARRAY_SIZE(protocols) == _ZW_CONTROL_PROTOCOL_MAX, "a protocol has no decoder");

static const char *const effect_names[] = {
	[ZW_CONTROL_UNKNOWN] = "unknown",
	[ZW_CONTROL_LOOK] = "look",
	[ZW_CONTROL_RECORDS] = "records",
	[ZW_CONTROL_COMMIT] = "commit",
	[ZW_CONTROL_DISCARD] = "discard",
	[ZW_CONTROL_LOAD] = "load",
	[ZW_CONTROL_SIGN] = "sign",
	[ZW_CONTROL_ZONES] = "zones",
	[ZW_CONTROL_SERVER] = "server",
};
static_assert(ZW_ARRAY_SIZE(effect_names) == _ZW_CONTROL_EFFECT_MAX, "an effect has no name");

const char *zw_control_protocol_to_string(enum zw_control_protocol protocol)
{
	return (unsigned int)protocol < _ZW_CONTROL_PROTOCOL_MAX ? protocols[protocol].name
								 : "unknown";
}

const char *zw_control_effect_to_string(enum zw_control_effect effect)
{
	return (unsigned int)effect < _ZW_CONTROL_EFFECT_MAX ? effect_names[effect] : "unknown";
}

void zw_control_done(struct zw_control *control)
{
	free(control->command);
	free(control->zone);
	free(control->view);
	free(control->owner);
	free(control->ttl);
	free(control->type);
	free(control->data);
	free(control->body);
	free(control->text);
	*control = (struct zw_control){};
}

/* What a stream still holds may be half a message with a key in it. */
static void drop_octets(struct zw_control_stream *stream)
{
	if (stream->buf)
		explicit_bzero(stream->buf, stream->len);
	free(stream->buf);
	stream->buf = NULL;
	stream->len = stream->cap = stream->need = stream->scanned = 0;
}

static int fail(struct zw_control_stream *stream, int error)
{
	drop_octets(stream);
	stream->error = error;
	return error;
}

int zw_control_stream_add(struct zw_control_stream *stream, const void *data, size_t len)
{
	size_t need;
	int r;

	if (stream->error < 0)
		return stream->error;
	/* Whole messages are taken out before more come, but not all callers do so after each piece. */
	if (len > SIZE_MAX / 4 - stream->len)
		return fail(stream, -EMSGSIZE);
	need = stream->len + len;
	r = zw_vec_reserve_raw((void **)&stream->buf, &stream->cap, 1, need);
	if (r < 0) {
		zw_control_stream_lost(stream);
		return r;
	}
	if (len > 0)
		memcpy(stream->buf + stream->len, data, len);
	stream->len = need;
	return 0;
}

void zw_control_stream_lost(struct zw_control_stream *stream)
{
	if (stream->error == 0)
		stream->error = -ENODATA;
}

/* Takes @used octets off the front. */
static void consume(struct zw_control_stream *stream, size_t used)
{
	memmove(stream->buf, stream->buf + used, stream->len - used);
	explicit_bzero(stream->buf + stream->len - used, used);
	stream->len -= used;
	stream->need = stream->scanned = 0;
}

int zw_control_stream_next(struct zw_control_stream *stream, struct zw_control *ret_control)
{
	while (stream->len > 0 && stream->len >= stream->need) {
		_zw_control_ struct zw_control control = {.protocol = stream->protocol};
		size_t used = 0;
		int r = protocols[stream->protocol].decode(
			stream, stream->buf, stream->len, &used, &control);

		if (r == -EAGAIN && used > protocols[stream->protocol].max)
			r = -EMSGSIZE;
		if (r == -EAGAIN) {
			stream->need = used;
			break;
		}
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			return fail(stream, r);
		consume(stream, used);
		if (r == 0)
			continue;
		*ret_control = control;
		control = (struct zw_control){};
		return 1;
	}
	return stream->error < 0 ? fail(stream, stream->error) : 0;
}

void zw_control_stream_done(struct zw_control_stream *stream)
{
	enum zw_control_protocol protocol = stream->protocol;

	drop_octets(stream);
	*stream = (struct zw_control_stream){.protocol = protocol};
}
