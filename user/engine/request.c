/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/request.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/name.h"
#include "dns/rr.h"

/* ::ffff:0:0/96, RFC 4291 section 2.5.5.2 */
static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static const char *const kind_names[] = {
	[ZW_REQUEST_UPDATE] = "update",
	[ZW_REQUEST_NOTIFY] = "notify",
	[ZW_REQUEST_TRANSFER] = "transfer",
	[ZW_REQUEST_TKEY] = "tkey",
	[ZW_REQUEST_CONTROL] = "control",
	[ZW_REQUEST_API] = "api",
	[ZW_REQUEST_DATABASE] = "database",
	[ZW_REQUEST_CONNECTION] = "connection",
};
static_assert(ZW_ARRAY_SIZE(kind_names) == _ZW_REQUEST_KIND_MAX, "a name for every kind");

static const char *const transport_names[] = {
	[ZW_TRANSPORT_UDP] = "udp",
	[ZW_TRANSPORT_TCP] = "tcp",
	[ZW_TRANSPORT_UNIX] = "unix",
	[ZW_TRANSPORT_HTTP] = "http",
	[ZW_TRANSPORT_LOCAL] = "local",
};
static_assert(ZW_ARRAY_SIZE(transport_names) == _ZW_TRANSPORT_MAX, "a name for every transport");

static const enum zw_channel kind_channels[] = {
	[ZW_REQUEST_UPDATE] = ZW_CHANNEL_UPDATE,
	[ZW_REQUEST_NOTIFY] = ZW_CHANNEL_TRANSFER,
	[ZW_REQUEST_TRANSFER] = ZW_CHANNEL_TRANSFER,
	[ZW_REQUEST_TKEY] = ZW_CHANNEL_UPDATE,
	[ZW_REQUEST_CONTROL] = ZW_CHANNEL_CONTROL,
	[ZW_REQUEST_API] = ZW_CHANNEL_API,
	[ZW_REQUEST_DATABASE] = ZW_CHANNEL_DATABASE,
	[ZW_REQUEST_CONNECTION] = ZW_CHANNEL_UNKNOWN,
};
static_assert(ZW_ARRAY_SIZE(kind_channels) == _ZW_REQUEST_KIND_MAX, "a channel for every kind");

const char *zw_request_kind_to_string(enum zw_request_kind kind)
{
	return kind < _ZW_REQUEST_KIND_MAX ? kind_names[kind] : "unknown";
}

const char *zw_transport_to_string(enum zw_transport transport)
{
	return transport < _ZW_TRANSPORT_MAX ? transport_names[transport] : "unknown";
}

struct zw_request *zw_request_new(enum zw_request_kind kind, uint64_t asked_ns)
{
	struct zw_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->refs = 1;
	request->kind = kind;
	request->channel = kind_channels[kind];
	request->asked_ns = asked_ns;
	request->rcode = ZW_REQUEST_UNANSWERED;
	request->klass = ZW_CLASS_IN;
	return request;
}

struct zw_request *zw_request_ref(struct zw_request *request)
{
	if (request)
		request->refs++;
	return request;
}

void zw_request_unref(struct zw_request *request)
{
	/* A chain of forwarded requests is as long as its sender makes it: no recursion. */
	while (request && --request->refs == 0) {
		struct zw_request *from = request->forwarded_from;

		zw_message_free(request->message);
		zw_actor_unref(request->client_actor);
		free(request->zone);
		free(request->command);
		free(request->tsig_key);
		free(request);
		request = from;
	}
}

int zw_request_set_zone(struct zw_request *request, const uint8_t *zone)
{
	size_t len = zw_name_len(zone);
	uint8_t *copy = malloc(len);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, zone, len);
	zw_name_lower(copy, len);
	free(request->zone);
	request->zone = copy;
	return 0;
}

int zw_request_set_tsig_key(struct zw_request *request, const uint8_t *key)
{
	char text[ZW_NAME_TEXT_MAX];
	uint8_t name[ZW_NAME_MAX];
	size_t len = zw_name_len(key);
	char *copy;

	memcpy(name, key, len);
	zw_name_lower(name, len);
	len = zw_name_to_text(name, text);
	if (len > 1)
		text[len - 1] = '\0';
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(request->tsig_key);
	request->tsig_key = copy;
	return 0;
}

const struct zw_request *zw_request_first(const struct zw_request *request)
{
	while (request->forwarded_from)
		request = request->forwarded_from;
	return request;
}

uint64_t zw_request_end_ns(const struct zw_request *request)
{
	if (request->held)
		return UINT64_MAX;
	if (request->effect_ns > request->answered_ns)
		return request->effect_ns;
	if (request->answered_ns)
		return request->answered_ns;
	/* A connection that is open can be used at any time. */
	if (request->kind == ZW_REQUEST_CONNECTION)
		return UINT64_MAX;
	return request->asked_ns + ZW_REQUEST_WAIT_NS;
}

void zw_endpoint_to_text(
	const struct zw_endpoint *endpoint, char ret_text[static ZW_ADDRESS_TEXT_MAX])
{
	static_assert(ZW_ADDRESS_TEXT_MAX >= INET6_ADDRSTRLEN, "every address fits");
	ret_text[0] = '\0';
	if (endpoint->family == AF_INET6 &&
		memcmp(endpoint->addr, mapped_prefix, sizeof(mapped_prefix)) == 0)
		inet_ntop(AF_INET, endpoint->addr + sizeof(mapped_prefix), ret_text,
			ZW_ADDRESS_TEXT_MAX);
	else if (endpoint->family == AF_INET || endpoint->family == AF_INET6)
		inet_ntop(endpoint->family, endpoint->addr, ret_text, ZW_ADDRESS_TEXT_MAX);
}

bool zw_endpoint_same_host(const struct zw_endpoint *a, const struct zw_endpoint *b)
{
	return a->family == b->family && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

bool zw_endpoint_equal(const struct zw_endpoint *a, const struct zw_endpoint *b)
{
	return zw_endpoint_same_host(a, b) && a->port == b->port;
}
