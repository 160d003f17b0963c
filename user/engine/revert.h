/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The exact inverse of a change, for somebody else to apply: nothing here applies it.
 *
 * A revert puts every RRset that the change touched back as it was before, and nothing else. It is refused unless these
 * RRsets are still as the change left them. Of the SOA the serial is not put back: it goes on from the present one.
 * Signatures and what else a signer maintains are left to it. */
#pragma once

#include "base/str.h"
#include "base/vec.h"
#include "dns/message.h"
#include "dns/rr.h"
#include "engine/report.h"
#include "zone/load.h"

/* One RRset that is to be put back. Borrowed from the revert. */
struct zw_revert_set {
	const uint8_t *owner; /* wire form, lower-case */
	uint16_t type;
	struct zw_rrset have; /* in the present state; count 0: not there */
	struct zw_rrset want; /* count 0: not to be there */
};

/* A change of the same zone after the one to be reverted. */
struct zw_revert_later {
	const char *id;
	const struct zw_diff *diff;
};

struct zw_revert_input {
	const struct zw_diff *change;
	enum zw_channel channel;     /* of the change */
	struct zw_snapshot *present; /* the whole zone as it is now */
	const struct zw_revert_later *later;
	size_t laters;
};

/* Why there is no revert, in words and in the ids of the changes that are in the way. */
struct zw_revert_refusal {
	struct zw_str why;
	ZW_VEC(const char *) later; /* borrowed from the input; oldest first */
};
void zw_revert_refusal_done(struct zw_revert_refusal *refusal);
#define _zw_revert_refusal_ _zw_cleanup_(zw_revert_refusal_done)

/* Two names and five numbers (RFC 1035 section 3.3.13). */
#define ZW_REVERT_SOA_MAX (2 * 255 + 20)

struct zw_revert {
	struct zw_snapshot *present;
	struct zw_snapshot *before, *after; /* what the sets are in, besides @present */
	ZW_VEC(struct zw_revert_set) sets;  /* in canonical order, without the SOA */
	ZW_VEC(struct zw_revert_set)
	left; /* what the signer is left to do; @have and @want as in the change */
	bool signed_zone;
	bool soa_differs; /* in more than its serial */
	bool soa_left;    /* but for its serial it still is as the change left it */
	uint32_t serial, next_serial;
	uint32_t soa_ttl;               /* of the SOA as it is to be, with the next serial */
	uint8_t soa[ZW_REVERT_SOA_MAX]; /* its rdata */
	uint16_t soa_len;
};

/* 0 or, with @refusal filled,
 *	-EBUSY		later changes overlap
 *	-ESTALE		the records are not as the change left them
 *	-ENODATA	nothing but the serial or what a signer maintains was changed
 *	-EOPNOTSUPP	a change that cannot be reverted: the zone itself came or went
 *	-ENOMEM */
int zw_revert_new(const struct zw_revert_input *input, struct zw_revert **ret_revert,
	struct zw_revert_refusal *refusal);
void zw_revert_free(struct zw_revert *revert);
ZW_DEFINE_CLEANUP(struct zw_revert *, zw_revert_free);
#define _zw_revert_free_ _zw_cleanup_(zw_revert_freep)

/* The place of the first set of @owner, or where it would be. */
size_t zw_revert_first(const struct zw_revert *revert, const uint8_t *owner);
/* Whether an RRset of this type is the signer's business and not touched. */
bool zw_revert_leaves(const struct zw_revert *revert, uint16_t type);

/* The same revert where the zone is @now, which has the same @have: the serial goes on from there. *@ret_revert borrows
 * everything and is not freed. 0, -EBADMSG without an SOA. */
int zw_revert_rebase(const struct zw_revert *revert, const struct zw_snapshot *now,
	struct zw_revert *ret_revert);

/* The present state, or with @base another state of the zone that has the same @have, with everything put back. With
 * @serial it has the SOA that is to be; else only when more than its serial differs. 0, -ENOMEM, -EFBIG. */
int zw_revert_target(const struct zw_revert *revert, struct zw_snapshot *base, bool serial,
	struct zw_snapshot **ret_target);

/* --- as dynamic updates (RFC 2136), revert_update.c ---------------------------------------------------- */

/* One after the other; each is carried out whole or not at all. */
typedef ZW_VEC(struct zw_message *) zw_revert_messages;
void zw_revert_messages_done(zw_revert_messages *messages);
#define _zw_revert_messages_ _zw_cleanup_(zw_revert_messages_done)

/* Each message begins with prerequisites that hold only as long as the values of all it touches are the present ones,
 * and, from the second on, only after the one before it was carried out. That the result is the right one has been
 * tried on the present state. 0; -EMSGSIZE, with @refusal filled, when an RRset alone is too large for a message;
 * -EOPNOTSUPP, with @refusal filled, when no update leads there; -ENOMEM. */
int zw_revert_to_messages(const struct zw_revert *revert, zw_revert_messages *ret_messages,
	struct zw_revert_refusal *refusal);

/* Sends the messages to the present state and looks at what becomes of the RRsets: part of the above. 0; -EOPNOTSUPP, with
 * @refusal filled; -ENOMEM. */
int zw_revert_try(const struct zw_revert *revert, const zw_revert_messages *messages,
	struct zw_revert_refusal *refusal);

/* What stands above the text: a line that says what this is, without its end. */
struct zw_revert_heading {
	const char *title;
	const char *server; /* nsupdate: "127.0.0.1"; NULL: none is named */
	uint16_t port;      /* 0: not said */
};

/* A script of nsupdate(1) and knsupdate(1), revert_script.c. 0 or -ENOMEM. */
int zw_revert_to_nsupdate(const struct zw_revert *revert, const zw_revert_messages *messages,
	const struct zw_revert_heading *heading, struct zw_str *out);

/* --- as text of master files, revert_zone.c ------------------------------------------------------------ */

/* The RRsets that differ as they are to be, what is to go as comments. 0 or -ENOMEM. */
int zw_revert_to_rrsets(const struct zw_revert *revert, const struct zw_revert_heading *heading,
	struct zw_str *out);
/* The whole zone as it is to be, without what a signer maintains. 0 or -ENOMEM. */
int zw_revert_to_zone(const struct zw_revert *revert, const struct zw_revert_heading *heading,
	struct zw_str *out);

/* A record as a line of a master file with absolute names and the type in a form that every server reads. */
void zw_revert_add_record(struct zw_str *out, const uint8_t *owner, uint32_t ttl, uint16_t type,
	const uint8_t *rdata, uint16_t len);
/* A type as every reader knows it: those that are not common as TYPEnnn (RFC 3597). */
const char *zw_revert_type(uint16_t type, char buf[static ZW_TYPE_TEXT_MAX]);
/* "RDATA", in the generic form where that is needed; and " TYPE RDATA". */
void zw_revert_add_rdata(struct zw_str *out, uint16_t type, const uint8_t *rdata, uint16_t len);
void zw_revert_add_data(struct zw_str *out, uint16_t type, const uint8_t *rdata, uint16_t len);

/* --- as a patch of the zone file, revert_patch.c ------------------------------------------------------- */

/* A unified diff from @file, which is the text of the zone file named @path, to one that is the same line by line but
 * for what is put back and the serial. What it makes has been read: it is exactly the zone that is wanted. 0; -ESTALE
 * when the file does not have the records that the change left; -EOPNOTSUPP when it cannot be exact (records in
 * included files or from $GENERATE, a binary zone); -EBADMSG when the file cannot be read; with @refusal
 * filled; -ENOMEM. */
int zw_revert_to_patch(const struct zw_revert *revert, const struct zw_zone_input *file,
	const char *path, const struct zw_revert_heading *heading, struct zw_str *out,
	struct zw_revert_refusal *refusal);
