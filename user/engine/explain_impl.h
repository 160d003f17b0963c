/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Shared by the explain*.c files only. */
#pragma once

#include "dns/message.h"
#include "engine/explain.h"

/* A request that may have made the difference, or a part of it. */
struct ask {
	struct zw_request *request; /* borrowed from the book */
	uint64_t start_ns, end_ns;  /* when it took effect, somewhere between */
	bool optional;              /* it may have had its effect before or after, or none */
	bool used;                  /* found in a step already */
	/* In steps: in the states before this one it was looked whether it would have changed nothing there. */
	size_t scanned;
	bool idle;  /* and in one of them it would have changed nothing */
	size_t who; /* the same number for the same principal */
	size_t group;
};
typedef ZW_VEC(struct ask) ask_list;

enum piece_kind {
	PIECE_RECORDS = 0,
	PIECE_KEYS,    /* of the zone: a server that signs rolls them over by itself */
	PIECE_DERIVED, /* signatures and denial of existence: comes with any other change */
	PIECE_SERIAL,  /* nothing but the serial */
};

/* One RRset of the difference. */
struct piece {
	const struct zw_diff_entry *entry;
	enum piece_kind kind;
	size_t group; /* SIZE_MAX: nobody asked for it */
	bool done;    /* it is in a part */
};

#define NO_GROUP SIZE_MAX

/* One of a group, by its index; in the order of groups, and of indexes in each. */
struct member {
	size_t group, index;
};
typedef ZW_VEC(struct member) member_list;

/* One RRset as a part changed it; borrowed from snapshots that the explanation keeps. */
struct part_change {
	struct zw_rrset before, after; /* count 0: not there */
	const uint8_t *owner;
	uint16_t type;
};

enum part_kind {
	PART_CONTENT = 0, /* of requests, by what they asked for */
	PART_TRANSFER,
	PART_COMMAND, /* of requests whose effect is not known */
	PART_FILES,   /* of those who wrote the files, see zw_correlate() */
	PART_SIGNING,
	PART_NOBODY,
};

/* What becomes one report. */
struct part {
	ZW_VEC(struct part_change) changes;
	zw_requests by;     /* who made it, or may have; borrowed */
	zw_requests beside; /* of whose work nothing is left */
	enum zw_channel channel;
	enum zw_attribution attribution;
	enum part_kind kind;
	uint64_t
		order_ns; /* reports come in this order, those of the same in that of their making */
};

/* Requests by the names they are about. */
struct ask_index;

/* What a difference may cost, whatever was asked for: counted in requests that are tried on a state, each of which
 * takes some microseconds. */
struct budget {
	uint64_t tried, limit;
	bool hurried; /* there is no more time */
};

struct explanation {
	const struct zw_explain_input *in;
	const struct ask_index *index; /* of asks; those of it that are used are left out */
	struct budget *budget;
	const struct zw_report *seen; /* with the causes of the files */
	struct zw_snapshot *before, *after;
	const struct zw_diff *diff; /* of these, as far as it is to be told */
	struct zw_diff *own;        /* the same when it was made here */
	ask_list *asks;
	/* What was over before the one, or began after the other, had no part in it; and no ask before the first of these
	 * may have. */
	uint64_t since_ns, until_ns;
	size_t first_ask;
	ZW_VEC(struct piece) pieces;
	member_list group_asks, group_pieces; /* see zw_explain_groups() */
	ZW_VEC(struct part) parts;
	struct zw_map
		*part_by; /* the first request of a part and what it is -> 1 + index of the part */
	zw_requests *others; /* requests that are no asks: transfers, commands, connections */
	ZW_VEC(struct zw_snapshot *) kept; /* what the changes of parts point into */
};

/* explain_index.c */

int zw_explain_index_new(
	const ask_list *asks, const struct zw_hash_key *key, struct ask_index **ret_index);
void zw_explain_index_free(struct ask_index *index);
ZW_DEFINE_CLEANUP(struct ask_index *, zw_explain_index_free);
/* Numbers of asks, by start; the first @used of them are used for good. */
struct ask_numbers {
	size_t *items;
	size_t len, cap, used;
};
/* Those that are about @owner; NULL: none. */
struct ask_numbers *zw_explain_asks_of(const struct ask_index *index, const uint8_t *owner);
/* Those, and perhaps others, that add this record. */
struct ask_numbers *zw_explain_asks_for(const struct ask_index *index, const uint8_t *owner,
	uint16_t type, const uint8_t *rdata, uint16_t len);
/* The place in the list of the first that is not used, which may be its end. */
size_t zw_explain_first_unused(const ask_list *asks, struct ask_numbers *numbers);
/* What it wants changed, and what it wants to be so beforehand. */
static inline bool is_asked(const struct zw_message_rr *rr)
{
	return rr->section == ZW_SECTION_PREREQUISITE || rr->section == ZW_SECTION_UPDATE;
}

/* explain_group.c: names that are asked about together */

typedef ZW_VEC(const uint8_t *) name_list;

/* Sorts requests and pieces into groups that have no name in common, and makes the lists of their members. */
int zw_explain_groups(struct explanation *x);
/* The members of @group among @list. */
const struct member *zw_explain_members(const member_list *list, size_t group, size_t *ret_len);
/* The names that these requests and the zone itself are about, each once, in canonical order. */
int zw_explain_names(
	const struct explanation *x, const size_t *ask, size_t len, name_list *ret_names);
/* The records of @s with these names. */
int zw_explain_cut(const struct explanation *x, const struct zw_snapshot *s, const name_list *names,
	struct zw_snapshot **ret_part);
/* Whether any of both is about a name that the other is about too. */
bool zw_explain_share_names(const struct ask *a, const struct ask *b);

/* The part of these requests and of this kind and attribution, a new one if need be; NULL: no memory. */
struct part *zw_explain_part(struct explanation *x, enum part_kind kind,
	enum zw_attribution attribution, struct zw_request *const *by, size_t len);

/* explain_replay.c: requests applied in every order that is possible */

/* A way in which the requests of a group give the state after. */
struct way {
	const size_t *ask;                /* indexes in the order of their effect */
	struct zw_snapshot *const *state; /* before the first, after the first, ... */
	size_t len;
};
/* 0 to go on, else stops and is returned. */
typedef int (*way_fn)(void *ctx, const struct way *way);

struct replay {
	const struct explanation *x;
	const size_t *ask; /* the group's, by start */
	size_t len;
	struct zw_snapshot *before, *after; /* of the group's names */
	bool unsure;                        /* out: not every order was tried */
};

int zw_explain_replay(struct replay *replay, way_fn fn, void *ctx);
/* Whether the one request gives the state after: 1 or 0. */
int zw_explain_arrives(const struct replay *replay);
/* All requests in the order of their start, whether or not that gives the state after; @ret_state has len + 1
 * snapshots, to be freed by the caller. */
int zw_explain_replay_plain(
	const struct replay *replay, const size_t *ask, size_t len, struct zw_snapshot **ret_state);
/* Whether the RRset is what it is in the state after, as far as it must be. */
bool zw_explain_settled(const struct replay *replay, const struct zw_snapshot *state,
	const uint8_t *owner, uint16_t type);
bool zw_explain_touched(const struct replay *replay, const uint8_t *owner, uint16_t type);
bool zw_explain_precedes(const struct ask *a, const struct ask *b);

/* explain_assign.c: whose work each RRset of a group is */
int zw_explain_assign_group(struct explanation *x, size_t group);

/* explain_rest.c: what nobody asked for by content */
int zw_explain_rest(struct explanation *x);
/* What there is no time for. */
int zw_explain_leave(struct explanation *x);
/* Whether it is a transfer to this server that can have brought the difference. */
bool zw_explain_is_inbound(const struct explanation *x, const struct zw_request *request);

/* explain_cause.c */

/* Whether two requests have the same principal: the same process, or the same address and key; in one transaction, the
 * same user. */
bool zw_explain_same_who(const struct zw_request *a, const struct zw_request *b);
/* Whether it was this server that was asked, or, for a transfer, that asked. */
bool zw_explain_of_server(const struct zw_explain_input *in, const struct zw_request *request);
/* Whether it was over before the reading before, as far as that can tell. */
bool zw_explain_is_early(const struct zw_explain_input *in, const struct zw_request *request);
/* Appends the cause a request stands for; @role ZW_ROLE_CLIENT becomes peer for one on another host. */
int zw_explain_add_cause(const struct zw_explain_input *in, const struct zw_request *request,
	enum zw_role role, uint32_t evidence, struct zw_report *report);
/* It is not certain, for this reason. 0 or -ENOMEM. */
int zw_explain_doubt(struct zw_report *report, const char *why);
#define ZW_EXPLAIN_MADE "who made the socket is known, not who sent through it"
int zw_explain_copy_causes(const struct zw_report *seen, struct zw_report *report);
int zw_explain_copy_others(const struct zw_report *seen, struct zw_report *report);
/* Appends the server, unless it is there. */
int zw_explain_add_server(
	const struct zw_explain_input *in, const struct zw_report *seen, struct zw_report *report);

/* explain_step.c: states one by one */

/* The states of all->in->step, each step explained by itself where one request made it, else what lies between such
 * steps as a whole. */
int zw_explain_steps(const struct explanation *all, zw_reports *reports);

/* explain.c */

/* Finds the difference of x->before and x->after, unless it is there. */
int zw_explain_pieces(struct explanation *x);
/* The same requests between two other states. */
struct explanation zw_explain_between(
	const struct explanation *all, struct zw_snapshot *before, struct zw_snapshot *after);
/* Explains all of it. @only: there is no other part of the difference. */
int zw_explain_whole(struct explanation *x, bool only, zw_reports *reports);

/* explain_report.c: parts become reports */

/* Makes a report of each part of @x and appends it; @whole: the only explanation there is. */
int zw_explain_reports(const struct explanation *x, bool whole, zw_reports *reports);
void zw_explain_parts_done(struct explanation *x);

/* Somebody else than the server wrote the files. */
static inline bool is_other(const struct zw_report_cause *cause)
{
	return cause->role != ZW_ROLE_SERVER && cause->role != ZW_ROLE_RELOADER;
}

static inline size_t others_in(const struct zw_report *seen)
{
	size_t n = 0;

	for (size_t i = 0; i < seen->causes; i++)
		n += is_other(&seen->cause[i]);
	return n;
}

static inline bool server_in(const struct zw_report *seen)
{
	for (size_t i = 0; i < seen->causes; i++)
		if (seen->cause[i].role == ZW_ROLE_SERVER)
			return true;
	return false;
}

static inline struct part_change change_of(const struct zw_diff_entry *entry)
{
	return (struct part_change){.before = entry->before,
		.after = entry->after,
		.owner = entry->owner,
		.type = entry->type};
}

static inline bool is_hurried(const struct explanation *x)
{
	if (!x->budget->hurried && x->in->hurried)
		x->budget->hurried = x->in->hurried(x->in->hurried_ctx);
	return x->budget->hurried;
}

static inline bool may_have_part(const struct explanation *x, const struct ask *ask)
{
	return !ask->used && ask->end_ns >= x->since_ns && ask->start_ns <= x->until_ns;
}

static inline bool same_rrset(const struct zw_rrset *a, const struct zw_rrset *b)
{
	return a->count == b->count && (a->count == 0 || zw_rrset_equal(a, b));
}

static inline bool same_who(const struct zw_request *a, const struct zw_request *b)
{
	return zw_explain_same_who(zw_request_first(a), zw_request_first(b));
}
