/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What clients say on the control channels of DNS servers: bytes of a connection, which may come from anybody,
 * become commands. What authenticates a client (HMACs, API keys, PINs, key material) is passed over while decoding
 * and is in no result.
 *
 * Nothing here knows whether the server accepted a command: RNDC's HMAC is not checked, for one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

enum zw_control_protocol {
	ZW_CONTROL_RNDC = 0, /* BIND's control channel, TCP 953 */
	ZW_CONTROL_KNOT,     /* knotd's unix socket */
	ZW_CONTROL_PDNS,     /* pdns_server's unix socket */
	ZW_CONTROL_NSD,      /* nsd's unix socket; over TCP it is encrypted */
	ZW_CONTROL_HTTP,     /* PowerDNS' API */
	_ZW_CONTROL_PROTOCOL_MAX,
};
const char *zw_control_protocol_to_string(
	enum zw_control_protocol protocol); /* "rndc", "knot", ...; static */

/* What a command can bring about, if it is obeyed. */
enum zw_control_effect {
	ZW_CONTROL_UNKNOWN = 0, /* no command this program knows of */
	ZW_CONTROL_LOOK,        /* nothing */
	ZW_CONTROL_RECORDS,     /* records are set or removed, now or at the next commit */
	ZW_CONTROL_COMMIT,      /* what others set counts from now on */
	ZW_CONTROL_DISCARD,     /* what others set is forgotten */
	ZW_CONTROL_LOAD, /* a zone is read from its file, written to it or transferred again; frozen, thawed */
	ZW_CONTROL_SIGN,   /* a zone is signed, its keys are rolled */
	ZW_CONTROL_ZONES,  /* zones come, go, or are configured in another way */
	ZW_CONTROL_SERVER, /* the server as a whole: its start, log, cache */
	_ZW_CONTROL_EFFECT_MAX,
};
const char *zw_control_effect_to_string(enum zw_control_effect effect); /* "records", ...; static */

/* One command. Strings are as they were sent up to a NUL, not escaped but for @text; NULL: not given. */
struct zw_control {
	enum zw_control_protocol protocol;
	enum zw_control_effect effect;
	char *command; /* "zone-set", "addzone", "PATCH"; in lower case but for HTTP methods */
	char *zone;    /* the zone concerned; NULL: none, all of them, or in @body */
	char *view;
	char *owner; /* of the record that is set or removed; relative to the zone without a final dot */
	char *ttl;
	char *type;
	char *data; /* in presentation form */
	char *body; /* HTTP, requests about the records of a zone: JSON, NUL-terminated */
	size_t body_len;
	char *text; /* all of it in one printable line of at most ZW_CONTROL_TEXT_MAX octets */
};
#define ZW_CONTROL_TEXT_MAX 512

void zw_control_done(struct zw_control *control);
#define _zw_control_ _zw_cleanup_(zw_control_done)

/* What one client sent on one connection, put together from pieces. Zero but for the protocol at the beginning. */
struct zw_control_stream {
	enum zw_control_protocol protocol;
	int error; /* 0, or why nothing more is decoded: -EBADMSG, -EMSGSIZE, -ENODATA */
	uint8_t *buf;
	size_t len, cap;
	size_t need;    /* octets without which decoding again would be in vain */
	size_t scanned; /* octets that need not be looked at again */
	char block[32]; /* Knot: the command of the units that follow; of others what has been */
};

/* Appends octets. 0; -ENOMEM, after which the octets are lost; or the stream's error. */
int zw_control_stream_add(struct zw_control_stream *stream, const void *data, size_t len);
/* Octets are missing from here on: what is whole is still decoded, nothing after it. */
void zw_control_stream_lost(struct zw_control_stream *stream);
/* The next whole command: 1. 0: there is none yet. -EBADMSG: the octets are not of this protocol, -EMSGSIZE: a message
 * is larger than the server takes, -ENODATA: octets were lost; the stream is at its end with these. -ENOMEM: try
 * again. */
int zw_control_stream_next(struct zw_control_stream *stream, struct zw_control *ret_control);
void zw_control_stream_done(struct zw_control_stream *stream);
#define _zw_control_stream_ _zw_cleanup_(zw_control_stream_done)

/* One thing a server answers. */
struct zw_control_reply {
	bool failed;    /* the command was refused or came to nothing */
	bool last;      /* and this is the end of the answer */
	char zone[256]; /* which of several zones it is about; "": all */
};
/* Reads answers one by one, of which perhaps only the beginning is there: begin with *at 0. 1; 0: no more that can be
 * told; -EBADMSG. */
int zw_control_reply_next(enum zw_control_protocol protocol, const uint8_t *data, size_t len,
	size_t *at, struct zw_control_reply *ret_reply);

/* A command given as the arguments of a program, argv[0] included: nsd-control(8), whose connection is encrypted. 1; 0
 * when the arguments hold no command; -ENOMEM. */
int zw_control_nsd_argv(char *const *argv, size_t argc, struct zw_control *ret_control);
