/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/refusals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "dns/message.h"
#include "dns/name.h"

#define MINUTE_NS (60 * ZW_NSEC_PER_SEC)

struct principal {
	uint64_t tgid, start_ns; /* of a process of this host; else 0 */
	uint64_t zone, tsig_key; /* hashes; 0: none */
	uint8_t addr[16];        /* of another host */
	uint32_t family;
	uint32_t server;
};
_Static_assert(sizeof(struct principal) == 56, "no padding in what is hashed");

struct asker {
	struct principal key;
	uint64_t from_ns; /* of its minute */
	unsigned int told;
	struct zw_refusals_sum sum;
};

struct zw_refusals {
	struct zw_hash_key hash;
	struct zw_map *askers; /* struct principal -> struct asker */
	struct asker many;     /* those that are not kept apart */
	uint64_t from_ns;      /* of the minute of all */
	unsigned int told;
};

int zw_refusals_new(struct zw_refusals **ret_refusals)
{
	_zw_refusals_ struct zw_refusals *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return -ENOMEM;
	zw_hash_key_init(&x->hash);
	x->many.sum.several = true;
	r = zw_map_new(&x->askers);
	if (r < 0)
		return r;
	*ret_refusals = ZW_TAKE(x);
	return 0;
}

static void asker_free(struct asker *a)
{
	zw_request_unref(a->sum.last);
	free(a);
}

void zw_refusals_free(struct zw_refusals *x)
{
	size_t it = 0;
	void *asker;

	if (!x)
		return;
	while (x->askers && zw_map_next(x->askers, &it, NULL, NULL, &asker))
		asker_free(asker);
	zw_map_free(x->askers);
	zw_request_unref(x->many.sum.last);
	free(x);
}

static struct principal principal_of(const struct zw_refusals *x, const struct zw_request *request)
{
	const struct zw_request *first = zw_request_first(request);
	struct principal key;

	memset(&key, 0, sizeof(key));
	key.server = request->server_process.tgid;
	if (request->zone)
		key.zone = zw_hash_bytes(&x->hash, request->zone, zw_name_len(request->zone));
	if (first->client_process.tgid) {
		key.tgid = first->client_process.tgid;
		key.start_ns = first->client_process.start_ns;
		return key;
	}
	if (first->tsig_key)
		key.tsig_key = zw_hash_bytes(&x->hash, first->tsig_key, strlen(first->tsig_key));
	key.family = (uint32_t)first->client.family;
	memcpy(key.addr, first->client.addr, sizeof(key.addr));
	return key;
}

/* The one that has asked, a new one if there is room. */
static struct asker *asker_of(
	struct zw_refusals *x, const struct zw_request *request, uint64_t now_ns)
{
	struct principal key = principal_of(x, request);
	struct asker *a = zw_map_get(x->askers, &key, sizeof(key));

	if (a)
		return a;
	if (zw_map_len(x->askers) >= ZW_REFUSALS_MAX)
		return &x->many;
	a = calloc(1, sizeof(*a));
	if (!a)
		return &x->many;
	a->key = key;
	a->from_ns = now_ns;
	if (zw_map_put(x->askers, &key, sizeof(key), a, NULL) < 0) {
		free(a);
		return &x->many;
	}
	return a;
}

static uint64_t asked_in(const struct zw_request *request)
{
	const struct zw_message *m = request->message;
	uint64_t n = 0;

	for (size_t i = 0; m && i < m->rrs; i++)
		n += m->rr[i].section == ZW_SECTION_UPDATE;
	return n;
}

static void count(struct asker *a, struct zw_request *request)
{
	struct zw_refusals_sum *sum = &a->sum;
	uint64_t ns = request->answered_ns ? request->answered_ns : request->asked_ns;

	if (!sum->count || ns < sum->first_ns)
		sum->first_ns = ns;
	if (ns > sum->last_ns)
		sum->last_ns = ns;
	sum->count++;
	sum->asked += asked_in(request);
	zw_request_unref(sum->last);
	sum->last = zw_request_ref(request);
}

bool zw_refusals_take(struct zw_refusals *x, struct zw_request *request, uint64_t now_ns)
{
	struct asker *a = asker_of(x, request, now_ns);

	if (now_ns - x->from_ns >= MINUTE_NS) {
		x->from_ns = now_ns;
		x->told = 0;
	}
	if (a == &x->many || a->told >= ZW_REFUSALS_TOLD || x->told >= ZW_REFUSALS_TOLD_ALL) {
		if (a == &x->many && !a->sum.count)
			a->from_ns = now_ns;
		count(a, request);
		return false;
	}
	a->told++;
	x->told++;
	return true;
}

static void hand_on(struct asker *a, zw_refusals_fn fn, void *ctx)
{
	bool several = a->sum.several;

	if (a->sum.count)
		fn(ctx, &a->sum);
	zw_request_unref(a->sum.last);
	a->sum = (struct zw_refusals_sum){.several = several};
}

void zw_refusals_expire(
	struct zw_refusals *x, uint64_t now_ns, bool all, zw_refusals_fn fn, void *ctx)
{
	size_t it = 0;
	void *value;

	while (zw_map_next(x->askers, &it, NULL, NULL, &value)) {
		struct asker *a = value;

		if (!all && now_ns - a->from_ns < MINUTE_NS)
			continue;
		hand_on(a, fn, ctx);
		zw_map_remove(x->askers, &a->key, sizeof(a->key));
		asker_free(a);
	}
	if (all || now_ns - x->many.from_ns >= MINUTE_NS)
		hand_on(&x->many, fn, ctx);
}

size_t zw_refusals_len(const struct zw_refusals *x)
{
	return zw_map_len(x->askers);
}
