/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The exact difference of two snapshots, one entry per RRset, in canonical order. */
#pragma once

#include "zone/snapshot.h"

enum zw_diff_op {
	ZW_DIFF_ADD,
	ZW_DIFF_DELETE,
	ZW_DIFF_MODIFY, /* rdata, TTL or both */
	_ZW_DIFF_OP_MAX,
};

const char *zw_diff_op_to_text(enum zw_diff_op op);

struct zw_diff_entry {
	enum zw_diff_op op;
	uint16_t type;
	const uint8_t *owner;   /* wire form, owned by the difference */
	struct zw_rrset before; /* count 0 for add */
	struct zw_rrset after;  /* count 0 for delete */
};

/* Holds a reference to both snapshots. */
struct zw_diff {
	struct zw_snapshot *before; /* NULL: everything was added */
	struct zw_snapshot *after;
	struct zw_diff_entry *entries; /* with the SOA's, if it changed */
	size_t len;
	bool has_serial_before, has_serial_after;
	uint32_t serial_before, serial_after;
};

/* Either snapshot may be NULL, which counts as no records (a zone that appeared or vanished).
 * 0 or -ENOMEM. No difference gives len 0. */
int zw_diff_new(struct zw_snapshot *before, struct zw_snapshot *after, struct zw_diff **ret_diff);
void zw_diff_free(struct zw_diff *d);
ZW_DEFINE_CLEANUP(struct zw_diff *, zw_diff_free);
#define _zw_diff_ _zw_cleanup_(zw_diff_freep)

/* Keeps only the entries that are @wanted. */
void zw_diff_keep(
	struct zw_diff *d, bool (*wanted)(void *ctx, const struct zw_diff_entry *entry), void *ctx);

/* True when the difference is not empty and touches the apex SOA alone. */
bool zw_diff_is_soa_only(const struct zw_diff *d);
/* True when the difference is not empty and touches only what a signing server maintains by itself:
 * the SOA and the types of zw_type_is_signing(). */
bool zw_diff_is_signing_only(const struct zw_diff *d);
