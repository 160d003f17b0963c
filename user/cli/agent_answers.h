/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of what the agent makes of answers that servers here give, shared by agent_answers.c (which zone, and is it right),
 * agent_answers_doubt.c (is it really wrong) and agent_answers_tell.c. */
#pragma once

#include "cli/agent_net.h"
#include "engine/answer.h"
#include "engine/answer_book.h"
#include "engine/outbound.h"
#include "engine/rule.h"

/* Zones of one name, of all servers and views. */
struct zw_answer_zones {
	ZW_VEC(struct zw_agent_zone *) zones;
};

/* An answer that is wrong as far as is known. */
struct zw_answer_doubt {
	struct zw_agent_server *server; /* that serves where it came from; a reference */
	uint8_t origin[ZW_NAME_MAX];
	struct zw_message *message;
	struct zw_actor *actor; /* who answered; NULL: not known */
	uint32_t tgid;
	struct zw_endpoint end;
	bool tcp;
	uint64_t hash;    /* of all that makes it the same answer */
	uint64_t time_ns; /* CLOCK_BOOTTIME */
	bool asked;       /* its zones are read anew */
};

struct zw_answer_stats {
	uint64_t seen, cut, malformed;
	uint64_t result[_ZW_ANSWER_RESULT_MAX];
	uint64_t failed;    /* REFUSED, SERVFAIL and the like, for a zone that is served */
	uint64_t explained; /* doubts that newer or older states of the zone explain */
	uint64_t waited;    /* that came close to a change, and are to come again */
	uint64_t unread;    /* whose zone could not be read anew */
	uint64_t dropped;   /* for want of room or memory */
	uint64_t told, counted;
	uint64_t
		untold; /* times that one was over what the kernel may tell of in a second: it is told of later */
};

struct zw_agent_answers {
	struct zw_map *zones; /* origin -> struct zw_answer_zones */
	struct zw_answer_book *book;
	struct zw_outbound_book *outbound;
	uint64_t outbound_save_ns;  /* CLOCK_BOOTTIME: when to store what is new in it */
	uint64_t outbound_renew_ns; /* when to store all of it */
	bool outbound_loaded;
	ZW_VEC(struct zw_answer_doubt) doubts;
	ZW_VEC(struct zw_agent_zone *) moved; /* zones that have a past */
	struct zw_answer_stats stats;
	uint64_t forget_ns;    /* the kernel is to tell of all answers again then; 0: not */
	uint64_t forgotten_ns; /* when it was last told so */
	uint64_t tick_ns;      /* of the next look at doubts */
	bool limited;          /* the kernel was told how many answers may come */
};

/* Checks @m against all states that the zones of this name on this server may be in. 0 or -ENOMEM. */
int zw_answers_check(struct zw_agent *a, const struct zw_agent_server *server,
	const uint8_t *origin, const struct zw_message *m, struct zw_answer_verdict *ret_verdict);
/* NULL: none. */
struct zw_answer_zones *zw_answers_zones(const struct zw_agent *a, const uint8_t *origin);
/* The kernel is to tell of all answers again, so much later. */
void zw_answers_again(struct zw_agent *a, uint64_t after_ns);

/* agent_answers_doubt.c */

/* Takes a doubt, which moves here; @wrong is what is wrong with it. */
void zw_answers_doubt(
	struct zw_agent *a, struct zw_answer_doubt *doubt, const struct zw_answer_verdict *wrong);
/* Looks at those whose time has come. */
void zw_answers_settle(struct zw_agent *a, uint64_t now_ns);
void zw_answers_doubt_done(struct zw_answer_doubt *doubt);
/* A right answer: what was told of this name may be over. */
void zw_answers_agree(struct zw_agent *a, const struct zw_agent_server *server,
	const uint8_t *origin, const struct zw_message *m, uint64_t now_ns);

/* agent_answers_tell.c: all return 0 or -ENOMEM */

int zw_answers_tell(struct zw_agent *a, const struct zw_answer_doubt *doubt,
	const struct zw_answer_verdict *wrong);
int zw_answers_tell_over(
	struct zw_agent *a, const struct zw_agent_zone *z, const uint8_t *name, uint16_t type);
/* So many more than could be told one by one. */
int zw_answers_tell_more(struct zw_agent *a, uint64_t more);
