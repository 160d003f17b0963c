/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The query lane read: the tables turned over, totals, the names of zones, whom this host asks. */
#include "probe/query.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "probe/internal.h"
#include "probe/net_internal.h"

/* Of the bits of a filter, the share from which on it is put aside: one in four, so that a name that was never there is
 * taken for known with a probability of 1/64 in each of the two. */
#define KNOWN_FULL_SHIFT 2

static struct zw_query_lane *lane_of(const struct zw_probe *p)
{
	return p->net ? &p->net->lane : NULL;
}

/* --- the tables ------------------------------------------------------------------------------------------ */

/* Hands the rows of one half to the book and clears them. Rows that found no memory are gone; *@r says so. */
#define TAKE_TABLE(lane, book, half, rows, table, add, r)                                 \
	do {                                                                              \
		size_t _sets = (size_t)(lane)->cpus * (lane)->sets[table];                \
		for (size_t _i = 0; _i < _sets; _i++) {                                   \
			__typeof__((lane)->rows) _set = &(lane)->rows[(half)*_sets + _i]; \
			bool _used = false;                                               \
			for (int _k = 0; _k < ZW_QUERY_WAYS; _k++) {                      \
				if (!_set->key[_k])                                       \
					continue;                                         \
				_used = true;                                             \
				if (*(r) == 0)                                            \
					*(r) = add(book, &_set->e[_k]);                   \
			}                                                                 \
			if (_used)                                                        \
				memset(_set, 0, sizeof(*_set));                           \
		}                                                                         \
	} while (0)

static int add_pair(struct zw_query_book *book, const struct zw_query_pair *row)
{
	struct zw_query_source source = {.types = row->types, .family = row->family, .n = row->n};
	struct zw_query_server server = {.port = row->port, .family = row->family, .n = row->n};
	int r;

	memcpy(source.addr, row->client, sizeof(source.addr));
	memcpy(server.addr, row->server, sizeof(server.addr));
	r = zw_query_book_add_source(book, &source);
	return r < 0 ? r : zw_query_book_add_server(book, &server);
}

static void take_heads(struct zw_query_lane *lane, struct zw_query_book *book, uint32_t half)
{
	uint8_t sources[ZW_QUERY_REGISTERS] = {}, names[ZW_QUERY_REGISTERS] = {};

	for (uint32_t c = 0; c < lane->cpus; c++) {
		struct zw_query_head *h = &lane->heads[half * lane->cpus + c];

		for (int t = 0; t < _ZW_QUERY_TABLE_MAX; t++) {
			book->evictions[t] += h->evictions[t];
			zw_query_counts_add(&book->other[t], &h->other[t]);
		}
		for (int i = 0; i < ZW_QUERY_REGISTERS; i++) {
			sources[i] = h->sources[i] > sources[i] ? h->sources[i] : sources[i];
			names[i] = h->names[i] > names[i] ? h->names[i] : names[i];
		}
		memset(h, 0, sizeof(*h));
	}
	book->evictions[ZW_QUERY_SERVERS] = book->evictions[ZW_QUERY_SOURCES];
	book->other[ZW_QUERY_SERVERS] = book->other[ZW_QUERY_SOURCES];
	book->distinct_sources = zw_query_estimate(sources, ZW_QUERY_REGISTERS);
	book->distinct_names = zw_query_estimate(names, ZW_QUERY_REGISTERS);
}

/* The half that was at rest goes to the book and is written from now on. */
static int turn_over(struct zw_query_lane *lane, struct zw_query_book *book)
{
	uint32_t half = (lane->control->half & 1) ^ 1;
	int r = 0;

	zw_query_book_clear(book);
	TAKE_TABLE(lane, book, half, pairs, ZW_QUERY_SOURCES, add_pair, &r);
	TAKE_TABLE(lane, book, half, names, ZW_QUERY_NAMES, zw_query_book_add_name, &r);
	TAKE_TABLE(lane, book, half, zones, ZW_QUERY_ZONES, zw_query_book_add_zone, &r);
	take_heads(lane, book, half);
	zw_query_book_close(book);
	book->from_ns = lane->turned_ns[1];
	book->to_ns = lane->turned_ns[0];
	__atomic_store_n(&lane->control->half, half, __ATOMIC_RELEASE);
	lane->turned_ns[1] = lane->turned_ns[0];
	lane->turned_ns[0] = zw_boottime_ns();
	return r;
}

/* --- totals ---------------------------------------------------------------------------------------------- */

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * ZW_NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

/* Queries that waited too long. One may be answered, or its place taken, in the same moment. */
static void give_up(struct zw_query_lane *lane, uint64_t now_ns)
{
	size_t sets = 0;

	ZW_VEC_FOREACH(area, &lane->areas)
		if (area->at == lane->pending)
			sets = area->bytes / sizeof(*lane->pending);
	for (size_t i = 0; i < sets; i++)
		for (int k = 0; k < ZW_PENDING_WAYS; k++) {
			uint64_t *slot = (uint64_t *)&lane->pending[i].slot[k];
			uint64_t v = __atomic_load_n(slot, __ATOMIC_RELAXED);

			if (v && zw_pending_age(v, now_ns) >= ZW_QUERY_PATIENCE_NS &&
				__atomic_compare_exchange_n(
					slot, &v, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
				lane->unanswered[v >> 1 & 1]++;
		}
}

static void sum_u64(void *to, const void *from, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
		((uint64_t *)to)[i] +=
			__atomic_load_n(&((const uint64_t *)from)[i], __ATOMIC_RELAXED);
}

static struct zw_query_cell read_cell(const struct zw_query_cell *cell)
{
	const struct zw_query_cell c = {
		.messages = __atomic_load_n(&cell->messages, __ATOMIC_RELAXED),
		.bytes = __atomic_load_n(&cell->bytes, __ATOMIC_RELAXED),
	};

	return c;
}

static void add_query(
	struct zw_query_totals *t, const struct zw_query_common *c, const struct zw_query_cell *n)
{
	bool asked = c->direction == ZW_DIRECTION_OUT;

	t->query[asked][c->tcp][c->six] += n->messages;
	t->query_bytes[asked] += n->bytes;
	if (c->kind < _ZW_QUERY_MAX)
		t->type[asked][c->kind] += n->messages;
	if (c->flag && !asked)
		t->recursion += n->messages;
}

static void add_response(
	struct zw_query_totals *t, const struct zw_query_common *c, const struct zw_query_cell *n)
{
	bool asked = c->direction == ZW_DIRECTION_IN;

	t->response[asked][c->tcp][c->six] += n->messages;
	t->response_bytes[asked] += n->bytes;
	t->rcode[asked][c->kind] += n->messages;
	if (c->answers)
		t->answered[asked] += n->messages;
	if (c->flag && !asked)
		t->authoritative += n->messages;
}

static void each_cell(const struct zw_query_lane *lane,
	void (*fn)(void *to, const struct zw_query_common *c, const struct zw_query_cell *n),
	void *to)
{
	for (uint32_t i = 0; i < lane->cpus * ZW_QUERY_CELLS; i++) {
		const struct zw_query_cells *cells = &lane->cells[i / ZW_QUERY_CELLS];
		const struct zw_query_cell n = read_cell(&cells->cell[i % ZW_QUERY_CELLS]);
		const struct zw_query_common c = zw_query_cell_common(i % ZW_QUERY_CELLS);

		if (n.messages)
			fn(to, &c, &n);
	}
}

static void add_to_totals(void *to, const struct zw_query_common *c, const struct zw_query_cell *n)
{
	if (c->response)
		add_response(to, c, n);
	else
		add_query(to, c, n);
}

static void add_to_traffic(void *to, const struct zw_query_common *c, const struct zw_query_cell *n)
{
	struct zw_traffic *traffic = to;

	if (c->response)
		traffic->response[c->direction][c->tcp][c->kind] += n->messages;
	else if (c->kind < _ZW_QUERY_MAX)
		traffic->query[c->direction][c->tcp][c->kind] += n->messages;
	/* Over TCP there is the length before each. */
	traffic->bytes[c->direction][c->tcp] += n->bytes + 2 * n->messages * c->tcp;
}

void zw_query_add_traffic(const struct zw_query_lane *lane, struct zw_traffic *traffic)
{
	each_cell(lane, add_to_traffic, traffic);
}

static void difference(void *to, const void *now, const void *before, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(uint64_t); i++)
		((uint64_t *)to)[i] = ((const uint64_t *)now)[i] - ((const uint64_t *)before)[i];
}

static int read_totals(struct zw_probe *p, struct zw_query_lane *lane, struct zw_query_book *book)
{
	struct zw_query_totals now = {};
	struct zw_traffic traffic;
	int r = zw_probe_net_traffic(p, &traffic);

	if (r < 0)
		return r;
	give_up(lane, monotonic_ns());
	for (uint32_t c = 0; c < lane->cpus; c++)
		sum_u64(&now, &lane->totals[c], sizeof(now));
	each_cell(lane, add_to_totals, &now);
	for (int i = 0; i < _ZW_QUERY_SIDE_MAX; i++)
		now.unanswered[i] += lane->unanswered[i];
	difference(&book->delta, &now, &book->total, sizeof(now));
	difference(&book->traffic_delta, &traffic, &book->traffic, sizeof(traffic));
	book->total = now;
	book->traffic = traffic;
	return 0;
}

/* --- what is known --------------------------------------------------------------------------------------- */

static size_t known_words(const struct zw_query_lane *lane)
{
	ZW_VEC_FOREACH(area, &lane->areas)
		if (area->at == lane->known)
			return area->bytes / sizeof(*lane->known) / 2;
	return 0;
}

/* When the filter that learns is full, the other one is emptied and learns in its place: what was not seen since is
 * forgotten at the next time. */
static void age_filters(struct zw_query_lane *lane)
{
	size_t words = known_words(lane), set = 0;
	uint32_t learning = lane->control->filter & 1;
	const uint64_t *w = lane->known + learning * words;

	for (size_t i = 0; i < words; i++)
		set += (size_t)__builtin_popcountll(w[i]);
	if (set <= words * 64 >> KNOWN_FULL_SHIFT)
		return;
	memset(lane->known + (learning ^ 1) * words, 0, words * sizeof(*w));
	__atomic_store_n(&lane->control->filter, learning ^ 1, __ATOMIC_RELEASE);
}

int zw_query_read(struct zw_probe *p, struct zw_query_book *book)
{
	struct zw_query_lane *lane = lane_of(p);
	int r, q;

	if (!lane)
		return -EOPNOTSUPP;
	r = turn_over(lane, book);
	q = read_totals(p, lane, book);
	age_filters(lane);
	return r < 0 ? r : q;
}

/* --- zones ----------------------------------------------------------------------------------------------- */

/* The labels of a whole name of @len octets; -EINVAL when it is none. */
static int count_labels(const uint8_t *name, size_t len)
{
	size_t at = 0;
	int labels = 0;

	if (len == 0 || len > 255)
		return -EINVAL;
	while (at < len && name[at] != 0) {
		if (name[at] > 63)
			return -EINVAL;
		at += name[at] + 1U;
		labels++;
	}
	return at + 1 == len ? labels : -EINVAL;
}

static void count_depth(struct zw_query_lane *lane, int labels, int by)
{
	uint64_t *word = (uint64_t *)&lane->control->depth[labels / 64];
	uint64_t bit = 1ULL << labels % 64;

	lane->depth[labels] += (uint32_t)by;
	__atomic_store_n(word, lane->depth[labels] ? *word | bit : *word & ~bit, __ATOMIC_RELAXED);
}

int zw_query_serve(struct zw_probe *p, const uint8_t *name, size_t len)
{
	struct zw_query_lane *lane = lane_of(p);
	int labels = count_labels(name, len), r;
	uint32_t times = 0;
	uint64_t hash;

	if (!lane)
		return -EOPNOTSUPP;
	if (labels < 0)
		return labels;
	hash = zw_query_hash(lane->control->key, name, (unsigned int)len);
	(void)bpf_map_lookup_elem(lane->served, &hash, &times);
	times++;
	r = bpf_map_update_elem(lane->served, &hash, &times, BPF_ANY);
	if (r == 0 && times == 1)
		count_depth(lane, labels, 1);
	return r;
}

int zw_query_unserve(struct zw_probe *p, const uint8_t *name, size_t len)
{
	struct zw_query_lane *lane = lane_of(p);
	int labels = count_labels(name, len), r;
	uint32_t times;
	uint64_t hash;

	if (!lane)
		return -EOPNOTSUPP;
	if (labels < 0)
		return labels;
	hash = zw_query_hash(lane->control->key, name, (unsigned int)len);
	r = bpf_map_lookup_elem(lane->served, &hash, &times);
	if (r < 0)
		return r;
	if (--times > 0)
		return bpf_map_update_elem(lane->served, &hash, &times, BPF_EXIST);
	r = bpf_map_delete_elem(lane->served, &hash);
	if (r == 0)
		count_depth(lane, labels, -1);
	return r;
}

uint64_t zw_query_name_hash(const struct zw_probe *p, const uint8_t *name, size_t len)
{
	const struct zw_query_lane *lane = lane_of(p);

	return lane && len <= 255 ? zw_query_hash(lane->control->key, name, (unsigned int)len) : 0;
}

/* --- the rest -------------------------------------------------------------------------------------------- */

int zw_query_forget_answers(struct zw_probe *p)
{
	struct zw_query_lane *lane = lane_of(p);

	if (!lane)
		return -EOPNOTSUPP;
	ZW_VEC_FOREACH(area, &lane->areas)
		if (area->at == lane->answers)
			memset(area->at, 0, area->bytes);
	return 0;
}

int zw_query_limit(struct zw_probe *p, enum zw_query_why why, uint32_t per_second)
{
	struct zw_query_lane *lane = lane_of(p);

	if (!lane)
		return -EOPNOTSUPP;
	for (int i = 0; i < ZW_QUERY_WHYS; i++)
		if (why == 1U << i) {
			__atomic_store_n(&lane->control->limit[i], per_second, __ATOMIC_RELAXED);
			return 0;
		}
	return -EINVAL;
}

uint64_t zw_query_memory(const struct zw_probe *p)
{
	const struct zw_query_lane *lane = lane_of(p);

	return lane ? lane->memory : 0;
}
