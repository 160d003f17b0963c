/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zw_event_decode() on any bytes: no crash, no leak, and what it accepts keeps what event.h says. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "event/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

static void check_path(const char *path)
{
	require(!path || path[0] == '/' || strncmp(path, ".../", 4) == 0 ||
		strcmp(path, "...") == 0);
}

static void check_proc(const struct zw_proc_facts *proc)
{
	require(memchr(proc->comm, '\0', sizeof(proc->comm)) != NULL);
	require(memchr(proc->tty, '\0', sizeof(proc->tty)) != NULL);
	require(proc->ancestors <= ZW_ANCESTORS);
	for (size_t i = 0; i < proc->ancestors; i++)
		require(memchr(proc->ancestor[i].comm, '\0', ZW_COMM_LEN) != NULL);
	check_path(proc->exe);
	check_path(proc->cwd);
	require(proc->argv && proc->argc <= ZW_ARGV_LEN);
	for (size_t i = 0; i < proc->argc; i++)
		require(proc->argv[i] != NULL);
	require(!proc->argv[proc->argc]);
}

static void check_owner(const struct zw_wire_owner *owner)
{
	require(memchr(owner->comm, '\0', sizeof(owner->comm)) != NULL);
	require(owner->tgid || !owner->start_ns);
}

static void check_packet(const struct zw_packet_facts *packet, size_t size)
{
	size_t sum = 0;

	check_owner(&packet->sender);
	check_owner(&packet->receiver);
	require(strcmp(zw_direction_to_string(packet->direction), "unknown") != 0);
	require(packet->family == AF_INET || packet->family == AF_INET6);
	require(packet->proto == IPPROTO_TCP || packet->proto == IPPROTO_UDP);
	require(packet->captured <= size - sizeof(struct zw_wire_packet));
	require((packet->payload != NULL) == (packet->captured != 0));
	/* Every byte is there to be read. */
	for (size_t i = 0; i < packet->captured; i++)
		sum += packet->payload[i];
	require(sum <= packet->captured * UINT8_MAX);
}

static void check_query(const struct zw_query_facts *query, size_t size)
{
	size_t sum = 0;

	check_owner(&query->process);
	require(strcmp(zw_direction_to_string(query->direction), "unknown") != 0);
	require(query->family == AF_INET || query->family == AF_INET6);
	require(query->proto == IPPROTO_TCP || query->proto == IPPROTO_UDP);
	require(query->why != 0);
	require(query->captured <= size - sizeof(struct zw_wire_query));
	require(query->captured <= query->message_bytes && query->message_bytes <= UINT16_MAX);
	require((query->message != NULL) == (query->captured != 0));
	for (size_t i = 0; i < query->captured; i++)
		sum += query->message[i];
	require(sum <= query->captured * UINT8_MAX);
}

static void check_unix(const struct zw_unix_facts *control)
{
	size_t sum = 0;

	require((control->payload != NULL) == (control->captured != 0));
	require(control->captured + (uint64_t)control->omitted <= control->sent_bytes);
	for (size_t i = 0; i < control->captured; i++)
		sum += control->payload[i];
	require(sum <= control->captured * UINT8_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_zw_event_ struct zw_event event = {};

	if (zw_event_decode(data, size, &event) < 0)
		return 0;
	require(event.type > ZW_WIRE_NONE && event.type < _ZW_WIRE_TYPE_MAX);
	require(strcmp(zw_hook_to_string(event.hook), "unknown") != 0);
	if (event.type == ZW_WIRE_FILE) {
		require(strcmp(zw_fop_to_string(event.file.op), "unknown") != 0);
		require(memchr(event.file.name, '\0', sizeof(event.file.name)) != NULL);
	}
	if (event.type == ZW_WIRE_FILE || event.type == ZW_WIRE_EXEC ||
		event.type == ZW_WIRE_BIND || event.type == ZW_WIRE_UNIX)
		check_proc(&event.proc);
	if (event.type == ZW_WIRE_PACKET)
		check_packet(&event.packet, size);
	if (event.type == ZW_WIRE_QUERY)
		check_query(&event.query, size);
	if (event.type == ZW_WIRE_UNIX)
		check_unix(&event.control);
	if (event.type == ZW_WIRE_BIND)
		require(event.bind.port != 0);
	return 0;
}
