/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers that differed from their zone: when that is sure enough to be told, that it is told once, and when it is over. Pure;
 * times come in.
 *
 * What a zone was for a moment between two readings may be answered and never be known. So an answer that came close to a
 * change counts only when the same comes again, and again some time later. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* So often, and over so long, an answer close to changes has to come. */
#define ZW_ANSWER_AGAIN 3
#define ZW_ANSWER_AGAIN_NS 4000000000ULL
/* It is over when for so long no such answer came, and a right one comes. */
#define ZW_ANSWER_OVER_NS 30000000000ULL
/* Told one by one in a minute; the others are counted. */
#define ZW_ANSWERS_TOLD 20
/* Kept in mind. */
#define ZW_ANSWERS_MAX 4096

enum zw_answer_step {
	ZW_ANSWER_STEP_WAIT = 0, /* for it to come again */
	ZW_ANSWER_STEP_TELL,
	ZW_ANSWER_STEP_KNOWN,   /* told before */
	ZW_ANSWER_STEP_COUNTED, /* sure, but there are too many */
};

struct zw_answer_book;

int zw_answer_book_new(struct zw_answer_book **ret_book);
void zw_answer_book_free(struct zw_answer_book *book);
ZW_DEFINE_CLEANUP(struct zw_answer_book *, zw_answer_book_free);
#define _zw_answer_book_ _zw_cleanup_(zw_answer_book_freep)

/* An answer that no known state of the zone explains. @key: which server, zone, name and type; @answer: a hash of what it
 * said; @changing: the zone changed about then. */
enum zw_answer_step zw_answer_book_differs(struct zw_answer_book *book, const void *key, size_t len,
	uint64_t answer, bool changing, uint64_t now_ns);
/* A right answer. True: what was told of the key is over, and forgotten. */
bool zw_answer_book_agrees(
	struct zw_answer_book *book, const void *key, size_t len, uint64_t now_ns);
/* Of the minute that is over, with @all of the current one: how many were counted. Also forgets what came to nothing. */
uint64_t zw_answer_book_expire(struct zw_answer_book *book, uint64_t now_ns, bool all);
/* Kept in mind: told and not over, and doubted. */
size_t zw_answer_book_len(const struct zw_answer_book *book);
