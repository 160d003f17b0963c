/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory of the query lane: how large it is, and where. */
#include "probe/query_internal.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"

#include "net.skel.h"

/* Sets of ZW_QUERY_WAYS for each half, shared out among the processors, and the least that one gets. With two
 * processors it is 8,192 names, 4,096 pairs of a source and a server, and 1,024 zones in each half. */
static const struct {
	uint32_t sets, least;
} sizes[_ZW_QUERY_TABLE_MAX] = {
	[ZW_QUERY_SOURCES] = {512, 32},
	[ZW_QUERY_SERVERS] = {1, 1}, /* none of its own */
	[ZW_QUERY_NAMES] = {1024, 64},
	[ZW_QUERY_ZONES] = {128, 16},
};
#define FAR_SETS 16384U    /* 65,536 queries may wait, beside those in the near sets */
#define ANSWER_SETS 8192U  /* 32,768 answers with records, as many without */
#define KNOWN_WORDS 32768U /* 2^21 bits in each filter */

/* Events in a second, by bit of enum zw_query_why. An event costs the agent some ten microseconds. */
static const uint32_t limits[ZW_QUERY_WHYS] = {64, 64, 128, 128, 64, 32};

static uint32_t cpus(void)
{
	int n = libbpf_num_possible_cpus();

	return n > 0 ? (uint32_t)n : 1;
}

/* The largest power of two of sets that each processor can have. */
static uint32_t sets_of(enum zw_query_table table)
{
	uint32_t n = sizes[table].least;

	while (n * 2 * cpus() <= sizes[table].sets)
		n *= 2;
	return n;
}

int zw_query_size(struct zw_net_bpf *skel)
{
	uint32_t both = 2 * cpus();
	const struct {
		struct bpf_map *map;
		uint32_t entries;
	} maps[] = {
		{skel->maps.zw_query_cells, cpus()},
		{skel->maps.zw_query_totals, cpus()},
		{skel->maps.zw_query_scratch, cpus()},
		{skel->maps.zw_query_heads, both},
		{skel->maps.zw_query_pairs, both * sets_of(ZW_QUERY_SOURCES)},
		{skel->maps.zw_query_names, both * sets_of(ZW_QUERY_NAMES)},
		{skel->maps.zw_query_zones, both * sets_of(ZW_QUERY_ZONES)},
		{skel->maps.zw_query_pending, ZW_PENDING_NEAR + FAR_SETS},
		{skel->maps.zw_query_answers, ANSWER_SETS},
		{skel->maps.zw_query_known, 2 * KNOWN_WORDS},
	};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(maps); i++) {
		int r = bpf_map__set_max_entries(maps[i].map, maps[i].entries);

		if (r < 0)
			return r;
	}
	return 0;
}

void zw_query_tell_sizes(struct zw_net_bpf *skel)
{
	skel->rodata->zw_query_cpus = cpus();
	for (int i = 0; i < _ZW_QUERY_TABLE_MAX; i++)
		skel->rodata->zw_query_sets[i] = sets_of((enum zw_query_table)i);
	skel->rodata->zw_pending_far_sets = FAR_SETS;
	skel->rodata->zw_answer_sets = ANSWER_SETS;
	skel->rodata->zw_known_words = KNOWN_WORDS;
}

/* The kernel rounds what a map takes up to whole pages (kernel/bpf/arraymap.c). */
static int map_area(struct zw_query_lane *lane, const struct bpf_map *map, void **ret_at)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = bpf_map__max_entries(map) * ((bpf_map__value_size(map) + 7UL) & ~7UL);
	struct zw_query_area area = {.bytes = (bytes + page - 1) / page * page};
	int r;

	area.at = mmap(NULL, area.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (area.at == MAP_FAILED)
		return -errno;
	r = zw_vec_push(&lane->areas, area);
	if (r < 0) {
		munmap(area.at, area.bytes);
		return r;
	}
	lane->memory += area.bytes;
	*ret_at = area.at;
	return 0;
}

int zw_query_open(struct zw_query_lane *lane, const struct zw_net_bpf *skel)
{
	const struct {
		const struct bpf_map *map;
		void **at;
	} maps[] = {
		{skel->maps.zw_query_control, (void **)&lane->control},
		{skel->maps.zw_query_cells, (void **)&lane->cells},
		{skel->maps.zw_query_totals, (void **)&lane->totals},
		{skel->maps.zw_query_heads, (void **)&lane->heads},
		{skel->maps.zw_query_pairs, (void **)&lane->pairs},
		{skel->maps.zw_query_names, (void **)&lane->names},
		{skel->maps.zw_query_zones, (void **)&lane->zones},
		{skel->maps.zw_query_pending, (void **)&lane->pending},
		{skel->maps.zw_query_answers, (void **)&lane->answers},
		{skel->maps.zw_query_known, (void **)&lane->known},
	};
	int r = 0;

	lane->cpus = cpus();
	for (int i = 0; i < _ZW_QUERY_TABLE_MAX; i++)
		lane->sets[i] = sets_of((enum zw_query_table)i);
	for (size_t i = 0; r == 0 && i < ZW_ARRAY_SIZE(maps); i++)
		r = map_area(lane, maps[i].map, maps[i].at);
	if (r < 0)
		return r;
	lane->memory += bpf_map__max_entries(skel->maps.zw_query_ring);
	lane->served = bpf_map__fd(skel->maps.zw_query_served);
	if (getrandom(lane->control->key, sizeof(lane->control->key), 0) !=
		(ssize_t)sizeof(lane->control->key))
		return -EIO;
	memcpy(lane->control->limit, limits, sizeof(limits));
	lane->turned_ns[0] = lane->turned_ns[1] = zw_boottime_ns();
	return 0;
}

void zw_query_close(struct zw_query_lane *lane)
{
	ZW_VEC_FOREACH(area, &lane->areas)
		munmap(area->at, area->bytes);
	zw_vec_free(&lane->areas);
}
