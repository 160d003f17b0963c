/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between control.c and the decoders of the protocols. */
#pragma once

#include "base/str.h"
#include "base/vec.h"
#include "event/control.h"

/* A decoder looks at the octets from the beginning of a message on. 1: a command, of *ret_used octets. 0: *ret_used
 * octets that hold no command. -EAGAIN: *ret_used octets would be needed to say more. -EBADMSG, -EMSGSIZE, -ENOMEM.
 * A command that was begun is ended by the caller. */
typedef int (*zw_control_decode_fn)(struct zw_control_stream *stream, const uint8_t *data,
	size_t len, size_t *ret_used, struct zw_control *control);

int zw_control_rndc_decode(struct zw_control_stream *stream, const uint8_t *data, size_t len,
	size_t *ret_used, struct zw_control *control);
int zw_control_knot_decode(struct zw_control_stream *stream, const uint8_t *data, size_t len,
	size_t *ret_used, struct zw_control *control);
int zw_control_pdns_decode(struct zw_control_stream *stream, const uint8_t *data, size_t len,
	size_t *ret_used, struct zw_control *control);
int zw_control_nsd_decode(struct zw_control_stream *stream, const uint8_t *data, size_t len,
	size_t *ret_used, struct zw_control *control);
int zw_control_http_decode(struct zw_control_stream *stream, const uint8_t *data, size_t len,
	size_t *ret_used, struct zw_control *control);

/* What `block` of a stream holds while the first line of pdns_control over TCP may be the secret of the server. */
#define ZW_PDNS_OVER_TCP 't'
/* And once it was the API's. */
#define ZW_HTTP_SPOKEN 'h'
/* Whether a line begins with a command of pdns_control. */
bool zw_control_is_pdns_command(const char *line, size_t len);

/* For zw_control_reply_next(). */
int zw_control_knot_reply(
	const uint8_t *data, size_t len, size_t *at, struct zw_control_reply *reply);
int zw_control_rndc_reply(const uint8_t *data, size_t len, struct zw_control_reply *reply);

/* Where a command has its zone, and which of its arguments may be shown. */
enum zw_control_args {
	ZW_ARGS_NONE = 0, /* no zone; arguments are shown */
	ZW_ARGS_ZONE,     /* zone [class [view]], after words that begin with a dash */
	ZW_ARGS_FIRST,    /* a zone, then something else */
	ZW_ARGS_SIGNING,  /* rndc signing: the zone follows what its option takes */
	ZW_ARGS_DNSSEC,   /* rndc dnssec: the same */
	ZW_ARGS_HIDDEN,   /* may hold a secret: only the first argument is shown */
};

struct zw_control_verb {
	const char *name;
	enum zw_control_effect effect;
	enum zw_control_args args;
};

/* NULL when @verbs, which end with name NULL, have no @name. */
const struct zw_control_verb *zw_control_verb(
	const struct zw_control_verb *verbs, const char *name);

/* Words of a command line. Owned copies; quotes are taken off. */
typedef ZW_VEC(char *) zw_control_words;
/* Splits at blanks and, with @quotes, keeps what is between double quotes together. At most ZW_WORDS_MAX words,
 * what is behind them is left. 0 or -ENOMEM. */
#define ZW_WORDS_MAX 64
int zw_control_split(const char *text, size_t len, bool quotes, zw_control_words *words);
void zw_control_words_done(zw_control_words *words);
#define _zw_control_words_ _zw_cleanup_(zw_control_words_done)

/* Fills @control from the words of a command line, the first of which is the command, after @verbs. 1 or -ENOMEM. */
int zw_control_from_words(struct zw_control *control, const zw_control_words *words,
	const struct zw_control_verb *verbs);

/* Makes @out, which is freed, the text of @control, cut to size. 1 or -ENOMEM. */
int zw_control_set_text(struct zw_control *control, struct zw_str *out);

extern const struct zw_control_verb zw_control_rndc_verbs[], zw_control_pdns_verbs[],
	zw_control_nsd_verbs[];
