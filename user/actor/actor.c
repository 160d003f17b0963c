/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actor/actor.h"

#include <stdlib.h>
#include <string.h>

#include "event/argv.h"

struct zw_actor *zw_actor_ref(struct zw_actor *actor)
{
	actor->refs++;
	return actor;
}

void zw_actor_unref(struct zw_actor *actor)
{
	if (!actor || --actor->refs > 0)
		return;
	for (size_t i = 0; i < actor->ancestors; i++) {
		free(actor->ancestor[i].exe);
		zw_argv_free(actor->ancestor[i].argv);
	}
	free(actor->ancestor);
	free(actor->name);
	free(actor->exe);
	free(actor->cwd);
	zw_argv_free(actor->argv);
	free(actor->real.name);
	free(actor->effective.name);
	free(actor->login.name);
	free(actor->principal.name);
	free(actor->origin_ip);
	free(actor->cgroup);
	free(actor->container);
	free(actor);
}

void zw_actor_add_who(const struct zw_actor *actor, struct zw_str *s)
{
	if (actor->principal.name)
		zw_str_add_escaped(s, actor->principal.name, strlen(actor->principal.name));
	else
		zw_str_addf(s, "uid %u", actor->principal.uid);
	zw_str_add(s, " with ");
	zw_str_add_escaped(s, actor->name, strlen(actor->name));
}
