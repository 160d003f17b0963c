/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/answer_book.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

/* Different wrong answers to one question that are told of: who lies at random is not told of without end. */
#define ANSWERS_OF_ONE 4
/* A doubt that does not come again. */
#define DOUBT_NS (120 * ZW_NSEC_PER_SEC)
#define MINUTE_NS (60 * ZW_NSEC_PER_SEC)

struct answered {
	uint64_t told[ANSWERS_OF_ONE];
	unsigned int tolds;
	uint64_t doubted; /* answer that is waited for to come again */
	uint64_t first_ns, last_ns;
	unsigned int times;
};

struct zw_answer_book {
	struct zw_map *answered; /* key -> struct answered */
	uint64_t minute_ns;      /* when the current one began */
	uint64_t counted;
	unsigned int told; /* in it */
};

int zw_answer_book_new(struct zw_answer_book **ret_book)
{
	_zw_answer_book_ struct zw_answer_book *book = calloc(1, sizeof(*book));
	int r = book ? zw_map_new(&book->answered) : -ENOMEM;

	if (r < 0)
		return r;
	*ret_book = ZW_TAKE(book);
	return 0;
}

void zw_answer_book_free(struct zw_answer_book *book)
{
	size_t it = 0;
	void *answered;

	if (!book)
		return;
	while (book->answered && zw_map_next(book->answered, &it, NULL, NULL, &answered))
		free(answered);
	zw_map_free(book->answered);
	free(book);
}

static struct answered *entry_of(struct zw_answer_book *book, const void *key, size_t len)
{
	struct answered *a = zw_map_get(book->answered, key, len);

	if (a || zw_map_len(book->answered) >= ZW_ANSWERS_MAX)
		return a;
	a = calloc(1, sizeof(*a));
	if (a && zw_map_put(book->answered, key, len, a, NULL) < 0) {
		free(a);
		a = NULL;
	}
	return a;
}

static bool was_told(const struct answered *a, uint64_t answer)
{
	for (unsigned int i = 0; i < a->tolds; i++)
		if (a->told[i] == answer)
			return true;
	return a->tolds == ANSWERS_OF_ONE;
}

static bool is_sure(struct answered *a, uint64_t answer, bool changing, uint64_t now_ns)
{
	if (!changing)
		return true;
	if (a->doubted != answer || !a->times) {
		a->doubted = answer;
		a->first_ns = now_ns;
		a->times = 0;
	}
	return ++a->times >= ZW_ANSWER_AGAIN && now_ns - a->first_ns >= ZW_ANSWER_AGAIN_NS;
}

static enum zw_answer_step tell_or_count(struct zw_answer_book *book)
{
	if (book->told < ZW_ANSWERS_TOLD) {
		book->told++;
		return ZW_ANSWER_STEP_TELL;
	}
	book->counted++;
	return ZW_ANSWER_STEP_COUNTED;
}

enum zw_answer_step zw_answer_book_differs(struct zw_answer_book *book, const void *key, size_t len,
	uint64_t answer, bool changing, uint64_t now_ns)
{
	struct answered *a = entry_of(book, key, len);

	/* Too many to keep apart: none of them is doubted long. */
	if (!a) {
		book->counted += !changing;
		return changing ? ZW_ANSWER_STEP_WAIT : ZW_ANSWER_STEP_COUNTED;
	}
	a->last_ns = now_ns;
	if (was_told(a, answer))
		return ZW_ANSWER_STEP_KNOWN;
	if (!is_sure(a, answer, changing, now_ns))
		return ZW_ANSWER_STEP_WAIT;
	a->told[a->tolds++] = answer;
	a->times = 0;
	return tell_or_count(book);
}

bool zw_answer_book_agrees(
	struct zw_answer_book *book, const void *key, size_t len, uint64_t now_ns)
{
	struct answered *a = zw_map_get(book->answered, key, len);

	if (!a || !a->tolds || now_ns - a->last_ns < ZW_ANSWER_OVER_NS)
		return false;
	free(zw_map_remove(book->answered, key, len));
	return true;
}

uint64_t zw_answer_book_expire(struct zw_answer_book *book, uint64_t now_ns, bool all)
{
	uint64_t counted;
	const void *key;
	void *value;
	size_t it = 0, len;

	if (!book->minute_ns)
		book->minute_ns = now_ns;
	if (!all && now_ns - book->minute_ns < MINUTE_NS)
		return 0;
	counted = book->counted;
	book->counted = book->told = 0;
	book->minute_ns = now_ns;
	while (zw_map_next(book->answered, &it, &key, &len, &value)) {
		const struct answered *a = value;

		if (a->tolds || now_ns - a->last_ns < DOUBT_NS)
			continue;
		free(zw_map_remove(book->answered, key, len));
	}
	return counted;
}

size_t zw_answer_book_len(const struct zw_answer_book *book)
{
	return zw_map_len(book->answered);
}
