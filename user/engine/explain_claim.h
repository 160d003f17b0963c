/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to explain_claim.c and explain_assign.c: who made what of one RRset. */
#pragma once

#include "engine/explain_impl.h"

typedef ZW_VEC(size_t) index_list;

/* A record that is there after and was not before, or the other way round, and the last one who made it so. */
struct owned {
	const uint8_t *rdata; /* of the difference */
	uint16_t len;
	bool added;
	size_t ask;
};

/* One RRset of a group, and what every way says of it. */
struct claim {
	struct piece *piece;
	ZW_VEC(struct owned) owned; /* by the first way, as the rest of these */
	index_list needed;          /* the owners, in the order of their turns */
	index_list beside;          /* others who changed it; nothing of that is left */
	uint64_t signature;         /* the same for ways that say the same of who owns what */
	index_list any;             /* owners by any way */
	bool ambiguous;             /* the ways do not agree */
};

void zw_explain_claim_done(struct claim *c);
/* Takes in what @way says. @first: it is the first one. */
int zw_explain_claim_way(
	struct claim *c, const struct replay *replay, const struct way *way, bool first);
/* The RRset after each of the needed, needed.len of them; *@ret_state is kept by the caller. */
int zw_explain_claim_step(const struct claim *c, const struct explanation *x, size_t step,
	const struct zw_rrset *before, struct zw_snapshot **ret_state);

static inline bool has_index(const index_list *list, size_t index)
{
	for (size_t i = 0; i < list->len; i++)
		if (list->items[i] == index)
			return true;
	return false;
}

static inline int add_index(index_list *list, size_t index)
{
	return has_index(list, index) ? 0 : zw_vec_push(list, index);
}
