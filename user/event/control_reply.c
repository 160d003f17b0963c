/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What servers answer, as far as it tells success from failure. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "event/control_impl.h"

static bool begins(const uint8_t *data, size_t len, const char *text)
{
	return len >= strlen(text) && strncasecmp((const char *)data, text, strlen(text)) == 0;
}

/* "HTTP/1.1 204 No Content" */
static bool http_failed(const uint8_t *data, size_t len)
{
	return !(len >= 12 && begins(data, len, "HTTP/1.") && data[8] == ' ' && data[9] == '2');
}

/* nsd answers "ok", "error ..." or what was asked for; pdns_server only says so of what it does not know. */
static bool text_failed(enum zw_control_protocol protocol, const uint8_t *data, size_t len)
{
	return begins(data, len, protocol == ZW_CONTROL_NSD ? "error" : "unknown");
}

int zw_control_reply_next(enum zw_control_protocol protocol, const uint8_t *data, size_t len,
	size_t *at, struct zw_control_reply *ret_reply)
{
	struct zw_control_reply reply = {.last = true};
	int r = 1;

	if (*at >= len)
		return 0;
	switch (protocol) {
	case ZW_CONTROL_KNOT:
		r = zw_control_knot_reply(data, len, at, &reply);
		break;
	case ZW_CONTROL_RNDC:
		r = zw_control_rndc_reply(data, len, &reply);
		*at = len;
		break;
	case ZW_CONTROL_HTTP:
		reply.failed = http_failed(data, len);
		*at = len;
		break;
	default:
		reply.failed = text_failed(protocol, data, len);
		*at = len;
		break;
	}
	if (r > 0)
		*ret_reply = reply;
	return r;
}
