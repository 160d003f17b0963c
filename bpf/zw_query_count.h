/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting of messages by source, server, name and zone. Finding a key that is there is inline; giving a new one a place is
 * not. */
#pragma once

#include "zw_query_tell.h"

/* Where in a set a new entry goes: a free place, or that of the entry with the fewest messages. */
#define QUERY_VICTIM(set)                                                                          \
	({                                                                                         \
		__u64 _least = ~0ULL;                                                              \
		__u32 _at = 0;                                                                     \
		for (__u32 _i = 0; _i < ZW_QUERY_WAYS; _i++) {                                     \
			__u64 _n = (set)->key[_i]                                                  \
					   ? (set)->e[_i].n.queries + (set)->e[_i].n.responses + 1 \
					   : 0;                                                    \
			if (_n < _least) {                                                         \
				_least = _n;                                                       \
				_at = _i;                                                          \
			}                                                                          \
		}                                                                                  \
		_at &(ZW_QUERY_WAYS - 1);                                                          \
	})

/* What leaves a table is added up in its head. */
static __always_inline void query_evict(
	struct zw_query_head *h, __u32 table, const struct zw_query_counts *n)
{
	h->evictions[table]++;
	zw_query_counts_add(&h->other[table], n);
}

static __always_inline void query_count(
	struct zw_query_counts *n, const struct query_scratch *s, bool tcp)
{
	if (!s->response) {
		n->queries++;
		n->query_bytes += s->bytes;
		n->tcp += tcp;
		return;
	}
	n->responses++;
	n->response_bytes += s->bytes;
	switch (s->flags & 0xf) {
	case 2:
		n->servfail++;
		break;
	case 3:
		n->nxdomain++;
		break;
	case 5:
		n->refused++;
		break;
	}
}

/* --- what was there before -------------------------------------------------------------------------------- */

#define KNOWN_PROBES 3

/* Whether @hash was there lately, as far as the two filters know; it is from now on. The words of the second filter
 * lie behind those of the first. */
static __noinline bool query_known(__u64 hash)
{
	struct zw_query_control *c = query_control();
	__u32 words = zw_known_words, learning;
	bool known[2] = {true, true};

	if (!c)
		return true;
	learning = c->filter & 1;
	for (__u32 i = 0; i < KNOWN_PROBES; i++) {
		__u32 word = (__u32)(hash >> 6) & (words - 1);
		__u64 bit = 1ULL << (hash & 63);

		for (__u32 f = 0; f < 2; f++) {
			__u32 at = f * words + word;
			__u64 *w = bpf_map_lookup_elem(&zw_query_known, &at);

			if (!w || *w & bit)
				continue;
			known[f] = false;
			if (f == learning)
				__sync_fetch_and_or(w, bit);
		}
		hash = hash * 0xd6e8feb86659fd93ULL;
		hash ^= hash >> 32;
	}
	return known[0] || known[1];
}

/* --- sources and servers ---------------------------------------------------------------------------------- */

/* Gives the two ends of @p a place in @set. */
__noinline int zw_query_new_pair(struct query_scratch *s, struct zw_pair_set *set, struct packet *p)
{
	struct zw_query_head *h;
	struct zw_query_pair *e;
	__u32 at;

	if (!s || !set || !p)
		return 0;
	h = query_head(s);
	if (!h)
		return 0;
	at = query_forget(s, QUERY_VICTIM(set)) & (ZW_QUERY_WAYS - 1);
	e = &set->e[at];
	if (set->key[at])
		query_evict(h, ZW_QUERY_SOURCES, &e->n);
	__builtin_memset(e, 0, sizeof(*e));
	set->key[at] = s->pair;
	copy16(e->client, s->response ? p->key.daddr : p->key.saddr);
	copy16(e->server, s->response ? p->key.saddr : p->key.daddr);
	e->port = s->response ? p->key.sport : p->key.dport;
	e->family = p->family;
	query_register(h->sources, ZW_QUERY_REGISTERS, s->client);
	return at;
}

/* The reasons to tell of it. */
static __always_inline __u32 count_pair(struct query_scratch *s, struct packet *p)
{
	__u32 index, way, why = 0;
	struct zw_query_pair *e;
	struct zw_pair_set *set;

	index = query_set(s, ZW_QUERY_SOURCES, s->pair);
	set = bpf_map_lookup_elem(&zw_query_pairs, &index);
	if (!set)
		return 0;
	way = query_way(set->key, s->pair);
	if (way == ZW_QUERY_WAYS) {
		way = zw_query_new_pair(s, set, p);
		if (!query_known(s->client) && !s->response)
			why = ZW_QUERY_NEW_SOURCE;
	}
	e = &set->e[query_forget(s, way) & (ZW_QUERY_WAYS - 1)];
	if (!s->response)
		e->types |= 1U << (s->class & 31);
	query_count(&e->n, s, p->tcp);
	return why;
}

/* --- zones ------------------------------------------------------------------------------------------------ */

/* The hash of @len octets, 255 at most, of the message from @at on, as zw_query_hash() has it. */
static __always_inline __u64 hash_suffix(
	const struct query_scratch *s, const struct zw_query_control *c, __u32 at, __u32 len)
{
	__u64 h = len;

	for (__u32 i = 0; i < ZW_QUERY_KEYS / 2; i++) {
		__u64 w;

		if (i * 8 >= len)
			break;
		w = *(const __u64 *)(s->b + ((at + i * 8) & ZW_QUERY_MASK));
		if (i * 8 + 8 > len)
			w &= (1ULL << ((len & 7) * 8)) - 1;
		h = zw_query_mix(h, zw_query_fold(w), c->key[i * 2], c->key[i * 2 + 1]);
	}
	return zw_query_finish(h);
}

/* The search for the zone of the name in the message, from the name itself up: one label, at `pos` of which `left` are
 * still to come. */
static long zone_step(__u32 i, void *ctx)
{
	struct query_scratch *s = *(struct query_scratch **)ctx;
	__u32 at = s->pos, left = s->left, len = DNS_HEADER + s->name_len - at;
	struct zw_query_control *c = query_control();
	bool last_two = left == 2 || (i == 0 && left < 2);
	__u64 hash;

	if (!c || len > 255)
		return 1;
	if (last_two || c->depth[left / 64 & 1] >> (left & 63) & 1) {
		hash = hash_suffix(s, c, at, len);
		s->served = !!bpf_map_lookup_elem(&zw_query_served, &hash);
		if (s->served || last_two) {
			s->zone = hash;
			s->zone_at = at;
		}
		if (s->served)
			return 1;
	}
	if (left == 0)
		return 1;
	s->pos = at + s->b[at & ZW_QUERY_MASK] + 1;
	s->left = left - 1;
	return 0;
}

static __always_inline void copy_name(
	__u8 to[ZW_QUERY_NAME_BYTES], const struct query_scratch *s, __u32 at, __u32 len)
{
	for (__u32 i = 0; i < ZW_QUERY_NAME_BYTES / 8; i++) {
		__u32 left = len - i * 8;
		__u64 w;

		if (i * 8 >= len)
			break;
		w = *(const __u64 *)(s->b + ((at + i * 8) & ZW_QUERY_MASK));
		if (left < 8)
			w &= (1ULL << (left * 8 & 63)) - 1;
		((__u64 *)to)[i] = zw_query_fold(w);
	}
}

/* The row of the zone that was found, made if there is none. */
static __noinline struct zw_query_zone *find_zone(struct query_scratch *s)
{
	__u32 len = DNS_HEADER + s->name_len - s->zone_at;
	__u64 key = s->zone;
	__u32 index = query_set(s, ZW_QUERY_ZONES, key), way;
	struct zw_zone_set *set = bpf_map_lookup_elem(&zw_query_zones, &index);
	struct zw_query_head *h = query_head(s);
	struct zw_query_zone *e;

	if (!set || !h)
		return NULL;
	way = query_way(set->key, key);
	if (way < ZW_QUERY_WAYS)
		return &set->e[way];
	way = query_forget(s, QUERY_VICTIM(set)) & (ZW_QUERY_WAYS - 1);
	e = &set->e[way];
	if (set->key[way])
		query_evict(h, ZW_QUERY_ZONES, &e->n);
	__builtin_memset(e, 0, sizeof(*e));
	set->key[way] = key;
	e->hash = key;
	e->served = s->served;
	e->len = len;
	copy_name(e->name, s, s->zone_at, len);
	return e;
}

/* --- names ------------------------------------------------------------------------------------------------ */

/* Gives the name in @s a place in @set, and what was there to its zone. */
__noinline int zw_query_new_name(struct query_scratch *s, struct zw_name_set *set)
{
	struct zw_zone_set *zones;
	struct zw_query_name *e;
	struct zw_query_zone *z;
	struct zw_query_head *h;
	__u32 at, index;

	if (!s || !set)
		return 0;
	h = query_head(s);
	if (!h)
		return 0;
	at = query_forget(s, QUERY_VICTIM(set)) & (ZW_QUERY_WAYS - 1);
	e = &set->e[at];
	if (set->key[at]) {
		h->evictions[ZW_QUERY_NAMES]++;
		zw_query_counts_add(&h->other[ZW_QUERY_NAMES], &e->n);
		index = query_set(s, ZW_QUERY_ZONES, e->zone);
		zones = bpf_map_lookup_elem(&zw_query_zones, &index);
		if (zones) {
			__u32 way = query_way(zones->key, e->zone);

			zw_query_counts_add(
				way < ZW_QUERY_WAYS ? &zones->e[way].n : &h->other[ZW_QUERY_ZONES],
				&e->n);
		}
	}
	s->served = 0;
	s->zone = 0;
	s->zone_at = s->pos = DNS_HEADER;
	s->left = s->labels;
	bpf_loop(DNS_MAX_LABELS, zone_step, &s, 0);
	__builtin_memset(e, 0, sizeof(*e));
	set->key[at] = s->name;
	e->hash = s->name;
	e->zone = s->zone;
	e->len = s->name_len;
	e->labels = s->labels;
	e->longest = s->longest;
	copy_name(e->name, s, DNS_HEADER, s->name_len);
	query_register(h->names, ZW_QUERY_REGISTERS, s->name);
	z = find_zone(s);
	if (!z)
		return at;
	z->inserted++;
	if (z->longest < s->longest)
		z->longest = s->longest;
	query_register(z->names, ZW_QUERY_ZONE_REGISTERS, s->name);
	return at;
}

/* The reasons to tell of it. */
static __always_inline __u32 count_name(struct query_scratch *s, bool tcp)
{
	__u32 index, way, why = 0;
	struct zw_query_name *e;
	struct zw_name_set *set;

	index = query_set(s, ZW_QUERY_NAMES, s->name);
	set = bpf_map_lookup_elem(&zw_query_names, &index);
	if (!set)
		return 0;
	way = query_way(set->key, s->name);
	if (way == ZW_QUERY_WAYS) {
		way = zw_query_new_name(s, set);
		if (!query_known(s->name) && !s->response)
			why = ZW_QUERY_NEW_NAME;
	}
	e = &set->e[query_forget(s, way) & (ZW_QUERY_WAYS - 1)];
	s->zone = e->zone;
	if (!s->response)
		e->types |= 1U << (s->class & 31);
	query_count(&e->n, s, tcp);
	return why;
}
