/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What servers were asked to do, by whom and with what answer: dynamic updates, transfers, control commands, API
 * calls, local work on a database. And the book of them, kept until they can no longer explain a difference. Pure
 * bookkeeping; bytes and times come in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actor/actor.h"
#include "base/vec.h"
#include "engine/report.h"

struct zw_message; /* dns/message.h */

enum zw_request_kind {
	ZW_REQUEST_UPDATE = 0, /* RFC 2136 */
	ZW_REQUEST_NOTIFY, /* RFC 1996: changes nothing itself, makes a secondary ask for a transfer */
	ZW_REQUEST_TRANSFER, /* AXFR (RFC 5936) or IXFR (RFC 1995); the client is who gets the zone */
	ZW_REQUEST_TKEY,     /* RFC 2930, 3645 */
	ZW_REQUEST_CONTROL,  /* rndc, knotc, nsd-control, pdns_control */
	ZW_REQUEST_API,      /* HTTP API of PowerDNS */
	ZW_REQUEST_DATABASE, /* a process wrote the server's database beside it */
	/* A connection whose content is not seen (TLS, QUIC): whatever was asked through it is not known. Asked
	 * when it was opened, answered when it was closed. */
	ZW_REQUEST_CONNECTION,
	_ZW_REQUEST_KIND_MAX,
};

enum zw_transport {
	ZW_TRANSPORT_UDP = 0,
	ZW_TRANSPORT_TCP,
	ZW_TRANSPORT_UNIX,
	ZW_TRANSPORT_HTTP,
	ZW_TRANSPORT_LOCAL, /* none: a local process and a file */
	_ZW_TRANSPORT_MAX,
};

/* One end of a packet or connection. */
struct zw_endpoint {
	int family; /* AF_INET, AF_INET6; 0: no address, as of a unix socket */
	uint8_t addr[16];
	uint16_t port;
};

/* A process as packets and sockets name it: enough to recognise it. */
struct zw_request_process {
	uint32_t tgid; /* 0: not known, or of another host */
	uint64_t start_ns;
	uint64_t exe_dev, exe_ino;
	bool made; /* it made the socket; who used it, perhaps a child that inherited it, was not seen */
};

/* Beside the RCODEs of dns/message.h: no answer yet, or none came; its transaction was given up. */
#define ZW_REQUEST_UNANSWERED (-1)
#define ZW_REQUEST_ABORTED (-2)
/* RFC 8945 section 5.2: what a TSIG MAC may have at most, SHA-512. */
#define ZW_TSIG_MAC_MAX 64

/* Filled by whoever saw it, then handed to the book. It enters the book when it is asked, and is completed in place
 * when the answer comes: rcode and answered_ns. */
struct zw_request {
	unsigned int refs;
	enum zw_request_kind kind;
	enum zw_channel channel;        /* of the change it would make */
	uint64_t asked_ns, answered_ns; /* CLOCK_BOOTTIME; answered 0: not yet or never */
	int rcode; /* of DNS, with the extension of EDNS; of others 0 for success, 1 for failure */
	uint8_t *zone; /* wire form, lower case, owned; NULL: none or all of the server's */
	uint16_t klass;
	/* UPDATE: the request. CONTROL and API: the records they set, told as an UPDATE would; NULL when it is not
	 * known what they do. Owned. */
	struct zw_message *message;
	/* CONTROL and API without a message: it may change records; a reload or a question does not. */
	bool may_change;
	bool reloads; /* CONTROL: makes visible what somebody changed: reload, thaw, zone-commit */
	size_t size_bytes; /* of the message on the wire: what counts against the bound of the book */
	char *command; /* CONTROL and API: "zone-set example.com. www A"; printable, without secrets; or NULL */
	/* TRANSFER: what the client had and what it got; else 0 */
	bool has_serial_before, has_serial_after;
	uint32_t serial_before, serial_after;
	bool incremental; /* TRANSFER: the answer was an increment */
	struct zw_endpoint client, server;
	enum zw_transport transport;
	bool encrypted;
	/* Part of a transaction (knotc zone-begin): has no effect while @held; @effect_ns is when it was committed. */
	bool held;
	uint64_t effect_ns;
	/* The process that asked, with its login; NULL: on another host, or not known. Owned reference. */
	struct zw_actor *client_actor;
	struct zw_request_process client_process;
	struct zw_request_process server_process; /* who was asked */
	char *tsig_key;                           /* lower case, no final dot; NULL: unsigned */
	uint8_t tsig_mac[ZW_TSIG_MAC_MAX];
	size_t tsig_mac_len;
	/* The request of which a secondary made this one (RFC 2136 section 6); owned reference or NULL. */
	struct zw_request *forwarded_from;
};

/* With one reference, rcode ZW_REQUEST_UNANSWERED and class IN. NULL: no memory. */
struct zw_request *zw_request_new(enum zw_request_kind kind, uint64_t asked_ns);
struct zw_request *zw_request_ref(struct zw_request *request);
void zw_request_unref(struct zw_request *request);
ZW_DEFINE_CLEANUP(struct zw_request *, zw_request_unref);
#define _zw_request_ _zw_cleanup_(zw_request_unrefp)

/* Copies a well-formed wire name, in lower case. 0 or -ENOMEM. */
int zw_request_set_zone(struct zw_request *request, const uint8_t *zone);
/* The same as text, from the wire name of a key. */
int zw_request_set_tsig_key(struct zw_request *request, const uint8_t *key);

/* The first of a chain of forwarded requests: who asked in the first place. */
const struct zw_request *zw_request_first(const struct zw_request *request);
/* From when on it cannot change anything any more; UINT64_MAX while it still may. */
uint64_t zw_request_end_ns(const struct zw_request *request);
/* Unanswered ones may have an effect for so long. */
#define ZW_REQUEST_WAIT_NS 10000000000ULL

/* "192.0.2.1" or "2001:db8::1"; IPv4-mapped as IPv4. An address that is none gives "". */
#define ZW_ADDRESS_TEXT_MAX 46
void zw_endpoint_to_text(
	const struct zw_endpoint *endpoint, char ret_text[static ZW_ADDRESS_TEXT_MAX]);
bool zw_endpoint_equal(const struct zw_endpoint *a, const struct zw_endpoint *b);
/* The port aside. */
bool zw_endpoint_same_host(const struct zw_endpoint *a, const struct zw_endpoint *b);

const char *zw_request_kind_to_string(enum zw_request_kind kind); /* "update" */
const char *zw_transport_to_string(enum zw_transport transport);  /* "udp" */

/* --- the book ----------------------------------------------------------------------------------------- */

struct zw_request_book;
typedef ZW_VEC(struct zw_request *) zw_requests;

int zw_request_book_new(struct zw_request_book **ret_book);
void zw_request_book_free(struct zw_request_book *book);
ZW_DEFINE_CLEANUP(struct zw_request_book *, zw_request_book_free);
#define _zw_request_book_ _zw_cleanup_(zw_request_book_freep)

/* Takes a reference of its own. In whatever order they come, they are kept by the time they were asked. 0 or -ENOMEM:
 * the request is then counted as lost. */
int zw_request_book_add(struct zw_request_book *book, struct zw_request *request);

/* Those that can have had an effect on @zone between the two times, oldest first, also those that concern every zone
 * of a server. @ret_list is empty before; the requests in it are borrowed until the next expire or add, the list is the
 * caller's to free. 0 or -ENOMEM. */
int zw_request_book_find(const struct zw_request_book *book, const uint8_t *zone, uint64_t from_ns,
	uint64_t to_ns, zw_requests *ret_list);

/* The transaction of @zone on this server (0: any) ended at @time_ns: what was held took effect then, or never. */
void zw_request_book_settle(struct zw_request_book *book, const uint8_t *zone, uint32_t server_tgid,
	uint64_t time_ns, bool committed);

/* Forgets what could not change anything after @before_ns. */
void zw_request_book_expire(struct zw_request_book *book, uint64_t before_ns);

/* Beyond these the oldest go first: a flood must not eat all memory. */
#define ZW_REQUESTS_MAX 65536
#define ZW_REQUESTS_BYTES_MAX (64U << 20) /* of messages */
/* What is older than this may be incomplete, since something had to be forgotten early; 0: nothing was. */
uint64_t zw_request_book_incomplete_until(const struct zw_request_book *book);
/* A request was lost before it came here; counts like one forgotten early. */
void zw_request_book_lost(struct zw_request_book *book, uint64_t time_ns);
size_t zw_request_book_len(const struct zw_request_book *book);
/* The latest asked is 0; NULL beyond the first. Borrowed until the next expire or add. */
const struct zw_request *zw_request_book_latest(const struct zw_request_book *book, size_t i);
