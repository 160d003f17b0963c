/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/outbound.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "dns/name.h"

#define HOUR_NS (3600 * ZW_NSEC_PER_SEC)

/* What is told of, each with a bound of its own. */
enum kind {
	KIND_ASKED = 0,
	KIND_GOT,
	KIND_REFUSED,
	KIND_NOTIFIED,
	_KIND_MAX,
};

/* Without holes, as it is hashed. */
struct key {
	uint8_t kind;
	uint8_t family;
	uint8_t addr[16];
	uint8_t zone[ZW_NAME_MAX];
};

struct zw_outbound_book {
	struct zw_map *known;    /* struct key -> what is not NULL */
	struct zw_map *programs; /* executable -> how many servers it was the first to ask */
	uint64_t begin_ns, counted;
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

void zw_outbound_book_free(struct zw_outbound_book *book)
{
	if (!book)
		return;
	zw_map_free(book->known);
	zw_map_free(book->programs);
	free(book);
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
	if (zw_map_len(book->known) >= ZW_OUTBOUND_MAX ||
		zw_map_put(book->known, &key, len, book, NULL) < 0) {
		*ret_full = true;
		return false;
	}
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
	uintptr_t n = (uintptr_t)zw_map_get(book->programs, exe, sizeof(exe)) + 1;

	if (n > 1 || zw_map_len(book->programs) < ZW_OUTBOUND_MAX)
		(void)zw_map_put(book->programs, exe, sizeof(exe), (void *)n, NULL);
	return n;
}

enum zw_outbound_step zw_outbound_asked(struct zw_outbound_book *book,
	const struct zw_outbound_limits *limits, const struct zw_request_process *program,
	const struct zw_endpoint *server, uint64_t now_ns)
{
	bool full = false;
	uint64_t n;

	if (!learn(book, KIND_ASKED, server, NULL, &full))
		return full ? count(book) : ZW_OUTBOUND_KNOWN;
	n = count_for(book, program);
	if (now_ns - book->begin_ns < limits->warm_up_ns)
		return ZW_OUTBOUND_LEARNED;
	if (n > limits->resolver)
		return ZW_OUTBOUND_RESOLVER;
	return tell(book, KIND_ASKED, now_ns);
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

uint64_t zw_outbound_counted(struct zw_outbound_book *book)
{
	uint64_t counted = book->counted;

	book->counted = 0;
	return counted;
}
