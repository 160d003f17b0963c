/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random histories of which the truth is known. ZW_SEED=N runs the history of that seed alone, and tells it; ZW_ROUNDS=N
 * runs so many. */
#pragma once

#include "unit/correlate_fixture.h"

static uint64_t rng;

static inline void roll_from(uint64_t seed)
{
	rng = seed * 2654435769ULL + 1;
}

/* xorshift64* (Vigna 2016): the same histories everywhere. */
static inline uint32_t roll(uint32_t below)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (uint32_t)((rng * 2685821657736338717ULL) >> 33) % below;
}

static inline void random_pause(struct machine *m)
{
	static const uint64_t step[] = {2 * US, 20 * US, 300 * US, 900 * US, 1100 * US, 4 * MS};

	m->now += step[roll(ZW_ARRAY_SIZE(step))];
}

static inline bool is_told(void)
{
	return getenv("ZW_SEED") != NULL;
}

struct tally {
	size_t differing, certain, lonely, lonely_certain;
};

/* @alone: one took part in what @r explains, where all is seen; @fault: NULL if it does so well. */
static inline bool tally_up(struct tally *tally, const struct machine *m, const struct zw_report *r,
	bool alone, uint64_t seed, const char *fault)
{
	tally->differing++;
	tally->certain += r->attribution == CERTAIN;
	tally->lonely += alone;
	tally->lonely_certain += alone && r->attribution == CERTAIN;
	if (!fault)
		return true;
	print_error("seed %llu, %s: %s; last P%d, authors %#x\n", (unsigned long long)seed,
		dialect_name[m->dialect], fault, m->last_author, m->authors);
	show(r);
	return false;
}

/* Runs @rounds histories; @run is false when one is explained wrongly. */
static inline void check_histories(bool (*run)(uint64_t seed, struct tally *tally), uint64_t rounds)
{
	const char *one = getenv("ZW_SEED"), *many = getenv("ZW_ROUNDS");
	struct tally tally = {};
	size_t bad = 0;

	if (one) {
		assert_true(run(strtoull(one, NULL, 10), &tally));
		return;
	}
	if (many)
		rounds = strtoull(many, NULL, 10);
	for (uint64_t seed = 1; seed <= rounds && bad < 20; seed++)
		bad += !run(seed, &tally);
	assert_int_equal(bad, 0);
	/* Never to be sure would be right as well, but of no use. */
	print_message("%zu differences, %zu certain; alone %zu, %zu certain\n", tally.differing,
		tally.certain, tally.lonely, tally.lonely_certain);
	assert_true(tally.certain * 4 > tally.differing);
	assert_true(tally.lonely_certain * 100 > tally.lonely * 95);
}
