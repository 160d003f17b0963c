/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/agent_learned.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "sink/history_writer.h"

/* In one transaction, so that events do not wait for more. */
#define SAVE_KEYS 256

struct loading {
	const struct zw_learned *kind;
	void *book;
};

static int load_one(void *ctx, unsigned int class, const char *key, const void *data, size_t len)
{
	struct loading *l = ctx;
	int r = l->kind->load(l->book, class, key, data, len);

	return r == -ENOMEM ? r : 0;
}

static int load(struct zw_history *history, void *ctx)
{
	struct loading *l = ctx;

	return zw_history_load_baselines(
		history, l->kind->first, l->kind->last, l->kind->max, load_one, l);
}

void zw_learned_load(struct zw_agent *a, const struct zw_learned *kind, void *book, bool *loaded)
{
	struct loading l = {.kind = kind, .book = book};
	int r;

	if (*loaded || !a->history)
		return;
	r = zw_writer_with(a->history, load, &l);
	if (r == -ENODEV)
		return;
	if (r < 0)
		zw_error("%s cannot be read from the history: %s; it is learned anew", kind->what,
			strerror(-r));
	*loaded = true;
}

struct saving {
	struct zw_str bytes;
	uint64_t time_ns;
};

static int save_one(void *ctx, unsigned int class, const char *key, const void *data, size_t len)
{
	struct saving *s = ctx;

	return zw_history_encode_baseline(class, key, s->time_ns, data, len, &s->bytes);
}

int zw_learned_save(struct zw_agent *a, const struct zw_learned *kind, void *book, uint64_t now_ns)
{
	size_t n;
	int r = 0;

	if (!a->history)
		return -ENOTCONN;
	do {
		struct saving s = {.time_ns = zw_realtime_ns()};

		n = kind->save(book, now_ns, SAVE_KEYS, save_one, &s);
		if (n > 0)
			r = zw_writer_baselines(a->history, &s.bytes);
		zw_str_free(&s.bytes);
	} while (r == 0 && n == SAVE_KEYS);
	return r;
}
