/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who asks for names that are new, or were not answered lately. Sources and zones are counted apart, so which source asks below which zone is known only of the
 * names that the kernel tells of when they are new: so many a second, whosever they are. */
#include <inttypes.h>
#include <string.h>

#include "engine/traffic_watch_impl.h"

/* Of the sources with this share, the first three are named. */
#define NAMED_MAX 3
#define NAMED_PERCENT 10

struct asker {
	struct zw_traffic_source source;
	uint64_t n;
};

void zw_watch_new_name(struct zw_watch *w, uint64_t zone, uint8_t longest, int family,
	const uint8_t addr[static 16], uint64_t now_ns)
{
	w->sighting[w->sightings++ % ZW_ARRAY_SIZE(w->sighting)] = (struct sighting){
		.zone = zone,
		.time_ns = now_ns,
		.longest = longest,
		.source = zw_traffic_source_of(family, addr),
	};
}

/* Adds the source, which stands for @n, to the few that have asked most; all others are somebody's, but not told apart. */
static void rank(struct asker top[static NAMED_MAX], const struct asker *one)
{
	size_t at = NAMED_MAX;

	while (at > 0 && top[at - 1].n < one->n)
		at--;
	if (at == NAMED_MAX)
		return;
	memmove(&top[at + 1], &top[at], (NAMED_MAX - 1 - at) * sizeof(*top));
	top[at] = *one;
}

/* Sources of new names of the zone with such a label since then, in @map: source -> how many. */
static uint64_t tally(const struct zw_watch *w, uint64_t zone, uint64_t label, uint64_t since_ns,
	struct zw_map *map)
{
	uint64_t all = 0;

	for (size_t i = 0; i < ZW_ARRAY_SIZE(w->sighting); i++) {
		const struct sighting *s = &w->sighting[i];
		uintptr_t n;

		if (s->zone != zone || s->longest < label || s->time_ns < since_ns || !s->time_ns)
			continue;
		n = (uintptr_t)zw_map_get(map, &s->source, sizeof(s->source)) + 1;
		if (zw_map_put(map, &s->source, sizeof(s->source), (void *)n, NULL) == 0)
			all++;
	}
	return all;
}

static void most_of(struct zw_map *map, struct asker top[static NAMED_MAX])
{
	const void *key;
	size_t it = 0;
	void *value;

	while (zw_map_next(map, &it, &key, NULL, &value)) {
		struct asker one = {.n = (uintptr_t)value};

		memcpy(&one.source, key, sizeof(one.source));
		rank(top, &one);
	}
}

static void name(
	const struct asker top[static NAMED_MAX], uint64_t all, size_t sources, struct zw_str *out)
{
	char text[ZW_TRAFFIC_KEY_MAX];

	zw_str_addf(out, "; of %" PRIu64 " of them that were looked at, ", all);
	for (size_t i = 0; i < NAMED_MAX && top[i].n * 100 >= all * NAMED_PERCENT; i++) {
		zw_traffic_key_text(ZW_TRAFFIC_SOURCE, &top[i].source, sizeof(top[i].source), text);
		zw_str_addf(out, "%s%" PRIu64 " %% came from %s", i ? ", " : "",
			top[i].n * 100 / all, text);
	}
	if (top[0].n * 100 < all * NAMED_PERCENT)
		zw_str_addf(out, "no more than %" PRIu64 " %% came from one of %zu addresses",
			top[0].n * 100 / all, sources);
}

void zw_watch_who(const struct zw_watch *w, uint64_t zone, uint64_t label, uint64_t since_ns,
	struct zw_watch_askers *ret_askers)
{
	_zw_map_free_ struct zw_map *map = NULL;
	struct asker top[NAMED_MAX] = {};
	struct zw_watch_askers askers = {};
	_zw_str_ struct zw_str out = {};
	uint64_t all = 0;

	*ret_askers = askers;
	if (zw_map_new(&map) < 0)
		return;
	all = tally(w, zone, label, since_ns, map);
	if (!all)
		return;
	most_of(map, top);
	name(top, all, zw_map_len(map), &out);
	if (out.failed || out.len >= sizeof(askers.text))
		return;
	memcpy(askers.text, out.buf, out.len + 1);
	if (top[0].n * 2 > all)
		zw_traffic_key_text(
			ZW_TRAFFIC_SOURCE, &top[0].source, sizeof(top[0].source), askers.source);
	*ret_askers = askers;
}

/* --- of one name --------------------------------------------------------------------------------------- */

/* The lowest bit of a hash is always set. */
static size_t place_of(uint64_t name)
{
	return name >> 1 & (ASKERS_MAX - 1);
}

void zw_watch_asker(struct zw_watch *w, uint64_t name, int family, const uint8_t addr[static 16],
	uint64_t now_ns)
{
	const struct zw_traffic_source source = zw_traffic_source_of(family, addr);
	struct name_asker *a = &w->asker[place_of(name)];

	if (a->name != name || now_ns > a->time_ns + ASKER_NS)
		*a = (struct name_asker){.name = name, .time_ns = now_ns, .first = source};
	else
		a->others |= memcmp(&a->first, &source, sizeof(source)) != 0;
}

const struct name_asker *zw_watch_asker_of(const struct zw_watch *w, uint64_t name)
{
	const struct name_asker *a = &w->asker[place_of(name)];

	return a->name == name && w->now_ns <= a->time_ns + ASKER_NS ? a : NULL;
}
