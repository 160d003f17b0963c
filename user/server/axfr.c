/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/axfr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Addresses in order of preference, as struct zw_server has them, and what is asked instead. */
static const struct {
	const char *listen, *ask;
} addresses[] = {
	{"127.0.0.1", "127.0.0.1"},
	{"0.0.0.0", "127.0.0.1"},
	{"[::1]", "::1"},
	{"[::]", "::1"},
};

/* What is only for commands, or encrypted, serves no plain DNS. */
static bool is_control(const struct zw_server *server, unsigned int port)
{
	ZW_VEC_FOREACH(c, &server->controls)
		if (!c->path && c->port == port)
			return true;
	return false;
}

/* "[::1]:53/tcp". False: over UDP, or no DNS. */
static bool parse(
	const struct zw_server *server, const char *listen, size_t *ret_len, unsigned int *ret_port)
{
	const char *colon = strrchr(listen, ':');

	if (!colon || !zw_endswith(listen, "/tcp") || sscanf(colon + 1, "%u/", ret_port) != 1 ||
		is_control(server, *ret_port))
		return false;
	*ret_len = (size_t)(colon - listen);
	return true;
}

/* How good an address is to be asked at: the lower the better. */
static size_t rank(const char *listen, size_t len)
{
	size_t n = ZW_ARRAY_SIZE(addresses);

	for (size_t i = 0; i < n; i++)
		if (strlen(addresses[i].listen) == len &&
			memcmp(addresses[i].listen, listen, len) == 0)
			return i;
	return listen[0] == '[' ? n + 1 : n;
}

int zw_axfr_target(
	const struct zw_server *server, const char *allow, struct zw_state_target *target)
{
	const char *best = NULL;
	size_t best_rank = SIZE_MAX, best_len = 0;
	unsigned int best_port = 0;

	ZW_VEC_FOREACH(l, &server->listens) {
		unsigned int port;
		size_t len;

		if (!parse(server, *l, &len, &port) || rank(*l, len) >= best_rank)
			continue;
		best = *l;
		best_rank = rank(*l, len);
		best_len = len;
		best_port = port;
	}
	if (!best)
		return -ENOTSUP;
	target->kind = ZW_STATE_AXFR;
	target->allow = allow;
	if (best_rank < ZW_ARRAY_SIZE(addresses))
		target->path = zw_asprintf("%s@%u", addresses[best_rank].ask, best_port);
	else if (best[0] == '[')
		target->path = zw_asprintf("%.*s@%u", (int)best_len - 2, best + 1, best_port);
	else
		target->path = zw_asprintf("%.*s@%u", (int)best_len, best, best_port);
	return target->path ? 0 : -ENOMEM;
}
