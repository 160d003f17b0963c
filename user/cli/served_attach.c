/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How servers are asked: found out when one is found, forgotten when it goes. */
#include "cli/served_impl.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define PROC_ROOT "/proc"

void zw_served_free(struct zw_served *s)
{
	if (!s)
		return;
	zw_served_end_job(s);
	zw_vec_free(&s->asked);
	zw_state_target_done(&s->target);
	free(s->failure);
	free(s);
}

int zw_served_attach(
	struct zw_agent *a, struct zw_agent_server *server, const struct zw_server *found)
{
	_zw_cleanup_(zw_state_target_done) struct zw_state_target target = {};
	_zw_str_ struct zw_str error = {};
	struct zw_served *s;
	int r = zw_state_target_find(found, PROC_ROOT, &target, &error);

	/* What the process before it was asked is void. */
	zw_served_free(ZW_TAKE(server->served));
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		if (r != -ENOTSUP)
			zw_warning(
				"%s; its zone files count", error.buf ? error.buf : strerror(-r));
		return 0;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->server = server;
	s->target = target;
	target = (struct zw_state_target){};
	server->served = s;
	ZW_VEC_FOREACH(z, &a->zones)
		if ((*z)->server == server && (*z)->served)
			(*z)->served->refused = false;
	/* Zones that are known already are asked for at once. */
	s->reconcile_ns = s->whole_ns = zw_boottime_ns();
	return zw_agent_index_server(a, server, &s->target.watch);
}

bool zw_served_transfers(const struct zw_served *served)
{
	return served->target.kind == ZW_STATE_AXFR;
}

void zw_served_reconfigured(
	struct zw_agent *a, struct zw_agent_server *server, const struct zw_server *found)
{
	_zw_cleanup_(zw_state_target_done) struct zw_state_target target = {};
	struct zw_served *s = server->served;

	if (!zw_served_transfers(s))
		return;
	if (zw_state_target_find(found, PROC_ROOT, &target, NULL) == 0 &&
		target.kind == s->target.kind) {
		char *path = s->target.path;

		s->target.path = target.path;
		target.path = path;
	}
	s->refused = false;
	ZW_VEC_FOREACH(z, &a->zones)
		if ((*z)->server == server && (*z)->served)
			(*z)->served->refused = false;
	if (!s->due_ns)
		s->due_ns = zw_boottime_ns() + a->conf->settle_ns;
}
