/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/outbound.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "dns/name.h"

#define HOUR_NS (3600 * ZW_NSEC_PER_SEC)
/* For how long servers were learned is saved with what is new, and this often. */
#define LEARNED_NS (300 * ZW_NSEC_PER_SEC)

/* What is told of, each with bounds of its own. Stored: new ones come last. */
enum kind {
	KIND_ASKED = 0,
	KIND_GOT,
	KIND_REFUSED,
	KIND_NOTIFIED,
	_KIND_MAX,
};
static_assert(ZW_OUTBOUND_CLASS_KNOWN + _KIND_MAX - 1 == ZW_OUTBOUND_CLASS_LAST,
	"a class for every kind");

/* Without holes, as it is hashed. */
struct key {
	uint8_t kind;
	uint8_t family;
	uint8_t addr[16];
	uint8_t zone[ZW_NAME_MAX];
};

struct entry {
	uint64_t n; /* of a program: how many servers it was the first to ask */
	bool saved;
};

struct zw_outbound_book {
	struct zw_map *known;    /* struct key -> struct entry */
	struct zw_map *programs; /* executable -> struct entry */
	size_t len[_KIND_MAX];
	size_t unsaved;
	uint64_t begin_ns;   /* of this run */
	uint64_t learned_ns; /* before it */
	uint64_t saved_ns;   /* how long it was learned when that was saved */
	uint64_t counted;
	uint64_t hour_ns[_KIND_MAX]; /* when the current one began */
	unsigned int told[_KIND_MAX];
};

int zw_outbound_book_new(uint64_t now_ns, struct zw_outbound_book **ret_book)
{
	_zw_outbound_book_ struct zw_outbound_book *book = calloc(1, sizeof(*book));
	int r = book ? zw_map_new(&book->known) : -ENOMEM;

	if (r == 0)
		r = zw_map_new(&book->programs);
	if (r < 0)
		return r;
	book->begin_ns = now_ns;
	*ret_book = ZW_TAKE(book);
	return 0;
}

static void free_entries(struct zw_map *map)
{
	size_t it = 0;
	void *value;

	while (map && zw_map_next(map, &it, NULL, NULL, &value))
		free(value);
	zw_map_free(map);
}

void zw_outbound_book_free(struct zw_outbound_book *book)
{
	if (!book)
		return;
	free_entries(book->known);
	free_entries(book->programs);
	free(book);
}

static struct entry *add(
	struct zw_outbound_book *book, struct zw_map *map, const void *key, size_t len)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e || zw_map_put(map, key, len, e, NULL) < 0) {
		free(e);
		return NULL;
	}
	book->unsaved++;
	return e;
}

static size_t make_key(
	struct key *key, enum kind kind, const struct zw_endpoint *end, const uint8_t *zone)
{
	size_t len = zone ? zw_name_len(zone) : 0;

	*key = (struct key){.kind = (uint8_t)kind, .family = (uint8_t)end->family};
	memcpy(key->addr, end->addr, sizeof(key->addr));
	if (zone)
		memcpy(key->zone, zone, len);
	return offsetof(struct key, zone) + len;
}

/* True when it was not known; *ret_full instead when there is no room to know more. */
static bool learn(struct zw_outbound_book *book, enum kind kind, const struct zw_endpoint *end,
	const uint8_t *zone, bool *ret_full)
{
	struct key key;
	size_t len = make_key(&key, kind, end, zone);

	if (zw_map_get(book->known, &key, len))
		return false;
	if (book->len[kind] >= ZW_OUTBOUND_MAX || !add(book, book->known, &key, len)) {
		*ret_full = true;
		return false;
	}
	book->len[kind]++;
	return true;
}

static enum zw_outbound_step tell(struct zw_outbound_book *book, enum kind kind, uint64_t now_ns)
{
	if (now_ns - book->hour_ns[kind] >= HOUR_NS || !book->hour_ns[kind]) {
		book->hour_ns[kind] = now_ns;
		book->told[kind] = 0;
	}
	if (book->told[kind] < ZW_OUTBOUND_TOLD) {
		book->told[kind]++;
		return ZW_OUTBOUND_NEW;
	}
	book->counted++;
	return ZW_OUTBOUND_COUNTED;
}

static enum zw_outbound_step count(struct zw_outbound_book *book)
{
	book->counted++;
	return ZW_OUTBOUND_COUNTED;
}

/* How many servers the program has been the first to ask, with this one. */
static uint64_t count_for(struct zw_outbound_book *book, const struct zw_request_process *program)
{
	const uint64_t exe[2] = {program->exe_dev, program->exe_ino};
	struct entry *e = zw_map_get(book->programs, exe, sizeof(exe));

	if (!e && zw_map_len(book->programs) < ZW_OUTBOUND_MAX)
		e = add(book, book->programs, exe, sizeof(exe));
	if (!e)
		return 1;
	book->unsaved += e->saved;
	e->saved = false;
	return ++e->n;
}

static bool is_warm(const struct zw_outbound_book *book, const struct zw_outbound_limits *limits,
	uint64_t now_ns)
{
	return book->learned_ns + (now_ns - book->begin_ns) >= limits->warm_up_ns;
}

enum zw_outbound_step zw_outbound_asked(struct zw_outbound_book *book,
	const struct zw_outbound_limits *limits, const struct zw_request_process *program,
	const struct zw_endpoint *server, uint64_t now_ns)
{
	bool full = false, resolves;
	struct key key;
	size_t len = make_key(&key, KIND_ASKED, server, NULL);

	if (zw_map_get(book->known, &key, len))
		return ZW_OUTBOUND_KNOWN;
	resolves = count_for(book, program) > limits->resolver;
	if (!resolves || book->len[KIND_ASKED] < ZW_OUTBOUND_MAX / 2)
		(void)learn(book, KIND_ASKED, server, NULL, &full);
	if (full)
		return count(book);
	if (!is_warm(book, limits, now_ns))
		return ZW_OUTBOUND_LEARNED;
	return resolves ? ZW_OUTBOUND_RESOLVER : tell(book, KIND_ASKED, now_ns);
}

void zw_outbound_notified(struct zw_outbound_book *book, const struct zw_endpoint *client)
{
	bool full = false;

	(void)learn(book, KIND_NOTIFIED, client, NULL, &full);
}

enum zw_outbound_step zw_outbound_transferred(struct zw_outbound_book *book,
	const struct zw_endpoint *client, const uint8_t *zone, bool refused, uint64_t now_ns)
{
	enum kind kind = refused ? KIND_REFUSED : KIND_GOT;
	bool full = false;
	struct key key;
	size_t len = make_key(&key, KIND_NOTIFIED, client, NULL);

	if (zw_map_get(book->known, &key, len))
		return ZW_OUTBOUND_KNOWN;
	if (learn(book, kind, client, zone, &full))
		return tell(book, kind, now_ns);
	return full ? count(book) : ZW_OUTBOUND_KNOWN;
}

uint64_t zw_outbound_counted(const struct zw_outbound_book *book)
{
	return book->counted;
}

/* --- keeping ------------------------------------------------------------------------------------------- */

/* As it is stored, little-endian. */
struct stored_program {
	uint64_t dev, ino, n;
} __attribute__((packed));

struct saving {
	size_t max, done;
	zw_baseline_save_fn fn;
	void *ctx;
};

static int save_program(struct saving *s, const uint64_t exe[2], uint64_t n)
{
	struct stored_program data = {htole64(exe[0]), htole64(exe[1]), htole64(n)};
	char text[48];

	snprintf(text, sizeof(text), "%" PRIx64 ":%" PRIu64, exe[0], exe[1]);
	return s->fn(s->ctx, ZW_OUTBOUND_CLASS_PROGRAM, text, &data, sizeof(data));
}

/* The key as it is, but for the kind, which the class says. */
static int save_known(struct saving *s, const struct key *key, size_t len)
{
	char text[ZW_ADDRESS_TEXT_MAX + ZW_NAME_TEXT_MAX];
	struct zw_endpoint end = {.family = key->family};
	size_t at;

	memcpy(end.addr, key->addr, sizeof(end.addr));
	zw_endpoint_to_text(&end, text);
	at = strlen(text);
	if (len > offsetof(struct key, zone)) {
		text[at++] = ' ';
		zw_name_to_text(key->zone, text + at);
	}
	return s->fn(s->ctx, ZW_OUTBOUND_CLASS_KNOWN + key->kind, text, (const uint8_t *)key + 1,
		len - 1);
}

static void save_map(struct zw_outbound_book *book, struct zw_map *map, struct saving *s)
{
	const void *key;
	void *value;
	size_t it = 0, len;

	while (s->done < s->max && book->unsaved && zw_map_next(map, &it, &key, &len, &value)) {
		struct entry *e = value;

		if (e->saved)
			continue;
		if ((map == book->programs ? save_program(s, key, e->n) : save_known(s, key, len)) <
			0) {
			s->max = s->done;
			return;
		}
		e->saved = true;
		book->unsaved--;
		s->done++;
	}
}

size_t zw_outbound_save(struct zw_outbound_book *book, uint64_t now_ns, size_t max,
	zw_baseline_save_fn fn, void *ctx)
{
	uint64_t learned_ns = book->learned_ns + (now_ns - book->begin_ns);
	uint64_t data = htole64(learned_ns);
	struct saving s = {.max = max, .done = 1, .fn = fn, .ctx = ctx};

	if (!max || (!book->unsaved && learned_ns - book->saved_ns < LEARNED_NS))
		return 0;
	if (fn(ctx, ZW_OUTBOUND_CLASS_LEARNED, "", &data, sizeof(data)) < 0)
		return 0;
	book->saved_ns = learned_ns;
	save_map(book, book->programs, &s);
	save_map(book, book->known, &s);
	return s.done;
}

static void renew(struct zw_outbound_book *book, struct zw_map *map)
{
	size_t it = 0;
	void *value;

	while (zw_map_next(map, &it, NULL, NULL, &value)) {
		struct entry *e = value;

		book->unsaved += e->saved;
		e->saved = false;
	}
}

void zw_outbound_renew(struct zw_outbound_book *book)
{
	renew(book, book->programs);
	renew(book, book->known);
}

static int load_program(struct zw_outbound_book *book, const void *data, size_t len)
{
	struct stored_program s;
	uint64_t exe[2];
	struct entry *e;

	if (len != sizeof(s))
		return -EBADMSG;
	memcpy(&s, data, sizeof(s));
	exe[0] = le64toh(s.dev);
	exe[1] = le64toh(s.ino);
	e = zw_map_get(book->programs, exe, sizeof(exe));
	if (!e && zw_map_len(book->programs) >= ZW_OUTBOUND_LOADED_MAX)
		return -ENOSPC;
	if (!e)
		e = add(book, book->programs, exe, sizeof(exe));
	if (!e)
		return -ENOMEM;
	e->n += le64toh(s.n);
	return 0;
}

static int load_learned(struct zw_outbound_book *book, const void *data, size_t len)
{
	uint64_t learned_ns;

	if (len != sizeof(learned_ns))
		return -EBADMSG;
	memcpy(&learned_ns, data, sizeof(learned_ns));
	learned_ns = le64toh(learned_ns);
	if (learned_ns > INT64_MAX)
		return -EBADMSG;
	book->learned_ns = book->saved_ns = learned_ns;
	return 0;
}

static int load_known(struct zw_outbound_book *book, enum kind kind, const void *data, size_t len)
{
	bool has_zone = kind == KIND_GOT || kind == KIND_REFUSED;
	size_t head = offsetof(struct key, zone), zone = 0;
	struct key key = {.kind = (uint8_t)kind};
	struct entry *e;

	if (len + 1 < head || len + 1 > sizeof(key))
		return -EBADMSG;
	memcpy((uint8_t *)&key + 1, data, len);
	if (key.family != AF_INET && key.family != AF_INET6)
		return -EBADMSG;
	if (has_zone && zw_name_check(key.zone, len + 1 - head, &zone) < 0)
		return -EBADMSG;
	if (len + 1 != head + zone)
		return -EBADMSG;
	if (zw_map_get(book->known, &key, len + 1))
		return 0;
	if (book->len[kind] >= ZW_OUTBOUND_LOADED_MAX)
		return -ENOSPC;
	e = add(book, book->known, &key, len + 1);
	if (!e)
		return -ENOMEM;
	book->len[kind]++;
	book->unsaved--;
	e->saved = true;
	return 0;
}

int zw_outbound_load(
	struct zw_outbound_book *book, unsigned int class, const void *data, size_t len)
{
	if (class == ZW_OUTBOUND_CLASS_PROGRAM)
		return load_program(book, data, len);
	if (class == ZW_OUTBOUND_CLASS_LEARNED)
		return load_learned(book, data, len);
	if (class >= ZW_OUTBOUND_CLASS_KNOWN && class <= ZW_OUTBOUND_CLASS_LAST)
		return load_known(book, class - ZW_OUTBOUND_CLASS_KNOWN, data, len);
	return -EBADMSG;
}
