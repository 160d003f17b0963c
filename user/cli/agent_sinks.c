/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The journal and the file of events, opened and closed as the configuration says. */
#include "cli/agent.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

static bool same_text(const char *a, const char *b)
{
	return a && b ? zw_streq(a, b) : a == b;
}

static int open_journald(struct zw_agent *a, const struct zw_conf *conf, struct zw_sink **ret_sink,
	struct zw_str *error)
{
	int r;

	if (!conf->journald)
		return 0;
	r = zw_sink_journald_new(conf->spool_file, conf->spool_bytes, &a->host, ret_sink);
	if (r < 0)
		zw_str_addf(error, "cannot write events to the journal: %s", strerror(-r));
	return r;
}

static int open_jsonfile(struct zw_agent *a, const struct zw_conf *conf, struct zw_sink **ret_sink,
	struct zw_str *error)
{
	int r;

	if (!conf->json_file)
		return 0;
	r = zw_sink_jsonfile_new(conf->json_file, &a->host, ret_sink);
	if (r < 0)
		zw_str_addf(
			error, "cannot write events to '%s': %s", conf->json_file, strerror(-r));
	return r;
}

/* What waits for the journal is in the spool, which only one of two sinks can own: a spool that another size
 * is wanted of is kept until the next start. */
static bool journald_differs(const struct zw_agent *a, const struct zw_conf *conf)
{
	if (conf->journald != (a->journald != NULL))
		return true;
	return conf->journald && !same_text(conf->spool_file, a->conf->spool_file);
}

static bool jsonfile_differs(const struct zw_agent *a, const struct zw_conf *conf)
{
	return !same_text(conf->json_file, a->jsonfile ? a->conf->json_file : NULL);
}

int zw_agent_sinks_prepare(struct zw_agent *a, const struct zw_conf *conf,
	struct zw_agent_sinks *ret_next, struct zw_str *error)
{
	_zw_agent_sinks_ struct zw_agent_sinks next = {
		.journald_differs = journald_differs(a, conf),
		.jsonfile_differs = jsonfile_differs(a, conf),
	};
	int r = 0;

	if (next.journald_differs)
		r = open_journald(a, conf, &next.journald, error);
	if (r == 0 && next.jsonfile_differs)
		r = open_jsonfile(a, conf, &next.jsonfile, error);
	if (r < 0)
		return r;
	*ret_next = next;
	next = (struct zw_agent_sinks){};
	return 0;
}

void zw_agent_sinks_done(struct zw_agent_sinks *next)
{
	zw_sink_free(next->journald);
	zw_sink_free(next->jsonfile);
}

int zw_agent_sinks_open(struct zw_agent *a, struct zw_agent_sinks *next)
{
	int r = zw_vec_reserve(&a->sinks, a->sinks.len + 2);

	if (r < 0)
		return r;
	if (next->journald_differs) {
		next->old_journald = a->journald;
		a->journald = ZW_TAKE(next->journald);
		if (a->journald)
			(void)zw_vec_push(&a->sinks, a->journald);
	}
	if (next->jsonfile_differs) {
		next->old_jsonfile = a->jsonfile;
		a->jsonfile = ZW_TAKE(next->jsonfile);
		if (a->jsonfile)
			(void)zw_vec_push(&a->sinks, a->jsonfile);
	}
	return 0;
}

static void close_sink(struct zw_agent *a, struct zw_sink *sink)
{
	for (size_t i = 0; sink && i < a->sinks.len; i++)
		if (a->sinks.items[i] == sink) {
			zw_vec_remove_unordered(&a->sinks, i);
			zw_sink_free(sink);
			return;
		}
}

void zw_agent_sinks_close(struct zw_agent *a, struct zw_agent_sinks *next)
{
	close_sink(a, ZW_TAKE(next->old_journald));
	close_sink(a, ZW_TAKE(next->old_jsonfile));
}

int zw_agent_open_sinks(struct zw_agent *a)
{
	_zw_agent_sinks_ struct zw_agent_sinks first = {};
	_zw_str_ struct zw_str error = {};
	int r = zw_agent_sinks_prepare(a, a->conf, &first, &error);

	if (r == 0)
		r = zw_agent_sinks_open(a, &first);
	if (r < 0)
		zw_error("%s", error.buf ? error.buf : strerror(-r));
	return r;
}
