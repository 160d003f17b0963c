/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the running agent says about itself, to whoever connects to its socket: one JSON object. */
#include "cli/agent_traffic.h"
#include "cli/served.h"

#include <errno.h>
#include <jansson.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/clock.h"
#include "dns/name.h"
#include "cli/agent_feeds.h"
#include "cli/geo.h"
#include "cli/status.h"

/* A client that does not read must not hold up the agent. */
#define CLIENT_TIMEOUT_US 500000

int zw_agent_status_open(struct zw_agent *a, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_zw_close_ int fd = -1;
	mode_t mask;
	int r;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Another agent that answers here keeps its socket; one that died left only the name. */
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return -EADDRINUSE;
	if (errno == ECONNREFUSED)
		unlink(path);
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0)
		return r;
	if (listen(fd, 8) < 0)
		return -errno;
	a->status_path = strdup(path);
	if (!a->status_path)
		return -ENOMEM;
	a->status_fd = ZW_TAKE_FD(fd);
	return 0;
}

static json_t *servers(const struct zw_agent *a)
{
	json_t *list = json_array();

	ZW_VEC_FOREACH(s, &a->servers)
		if ((*s)->kind != ZW_SERVER_NONE)
			json_array_append_new(list,
				json_pack("{s:s, s:i, s:s, s:s*}", "kind",
					zw_server_kind_to_string((*s)->kind), "pid", (int)(*s)->pid,
					"config", (*s)->config, "error", (*s)->error));
	return list;
}

/* Its looks are not over: the next difference there may still be somebody's who was seen before. */
static bool is_unsettled(const struct zw_agent_zone *z)
{
	return z->first_ns || z->due_ns || zw_served_is_open(z);
}

static json_t *zones(const struct zw_agent *a)
{
	static const char *const states[] = {"new", "good", "unreadable"};
	json_t *list = json_array();

	ZW_VEC_FOREACH(it, &a->zones) {
		const struct zw_agent_zone *z = *it;
		json_t *zone = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "zone", z->name, "view",
			z->view, "server", zw_server_kind_to_string(z->server->kind), "file",
			z->files.items[0].path, "state",
			states[z->failures ? ZW_ZONE_BAD : z->state], "unsettled", is_unsettled(z));
		uint32_t serial;

		if (z->served && z->served->error)
			json_object_set_new(zone, "server_says", json_string(z->served->error));
		if (z->good) {
			json_object_set_new(zone, "records",
				json_integer((json_int_t)zw_snapshot_count(z->good)));
			json_object_set_new(zone, "bytes",
				json_integer((json_int_t)zw_snapshot_memory(z->good)));
			if (zw_snapshot_serial(z->good, &serial))
				json_object_set_new(zone, "serial", json_integer(serial));
		}
		json_array_append_new(list, zone);
	}
	return list;
}

/* What servers were asked lately, the latest first. */
#define REQUESTS_SHOWN 100

static json_t *request_of(const struct zw_request *q)
{
	char zone[ZW_NAME_TEXT_MAX];
	json_t *object = json_pack("{s:s, s:s, s:i, s:b, s:b, s:I}", "kind",
		zw_request_kind_to_string(q->kind), "transport",
		zw_transport_to_string(q->transport), "rcode", q->rcode, "held", q->held, "content",
		q->message != NULL, "server_pid", (json_int_t)q->server_process.tgid);

	if (q->zone)
		zw_name_to_text(q->zone, zone);
	if (q->zone)
		json_object_set_new(object, "zone", json_string(zone));
	if (q->command)
		json_object_set_new(object, "command", json_string(q->command));
	if (q->client_actor) {
		json_object_set_new(object, "pid", json_integer(q->client_actor->tgid));
		json_object_set_new(object, "uid", json_integer(q->client_actor->real.uid));
		json_object_set_new(object, "process", json_string(q->client_actor->name));
	}
	return object;
}

static json_t *requests(const struct zw_agent *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < REQUESTS_SHOWN; i++) {
		const struct zw_request *q = zw_request_book_latest(a->requests, i);

		if (!q)
			break;
		json_array_append_new(list, request_of(q));
	}
	return list;
}

static json_t *history(const struct zw_agent *a)
{
	char oldest[ZW_TIME_ISO_MAX] = "";
	struct zw_writer_facts facts;

	zw_writer_facts(a->history, &facts);
	if (facts.oldest_ns)
		zw_time_iso(facts.oldest_ns, oldest);
	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:s*, s:s*}", "file",
		a->conf->history.file, "open", facts.open, "stored", (json_int_t)facts.stored,
		"waiting", (json_int_t)facts.waiting, "lost", (json_int_t)facts.lost, "bytes",
		(json_int_t)facts.bytes, "oldest", oldest[0] ? oldest : NULL, "error",
		facts.error[0] ? facts.error : NULL);
}

static json_t *control_counters(const struct zw_agent *a)
{
	struct zw_dialog_counts counts = zw_dialogs_counts(a->dialogs);

	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "commands", (json_int_t)counts.commands,
		"not_decoded", (json_int_t)counts.undecoded, "forgotten",
		(json_int_t)counts.forgotten, "ring_full",
		(json_int_t)a->drops[ZW_DROP_CONTROL_RING_FULL], "requests",
		(json_int_t)zw_request_book_len(a->requests));
}

static json_int_t unsettled(const struct zw_agent *a)
{
	json_int_t n = 0;

	ZW_VEC_FOREACH(z, &a->zones)
		n += is_unsettled(*z);
	return n;
}

static json_t *counters(const struct zw_agent *a)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "events", (json_int_t)a->events,
		"changes", (json_int_t)a->changes, "reports", (json_int_t)a->sequence, "coalesced",
		(json_int_t)a->drops[ZW_DROP_COALESCED], "failed_looks",
		(json_int_t)a->failed_looks, "unsettled", unsettled(a), "causes",
		(json_int_t)zw_cause_book_len(a->book));
}

static json_t *named_counts(const struct zw_report_count *list, size_t n)
{
	json_t *object = json_object();

	for (size_t i = 0; i < n; i++)
		json_object_set_new(object, list[i].name, json_integer((json_int_t)list[i].value));
	return object;
}

static json_t *answers(const struct zw_agent *a)
{
	struct zw_report_count list[ZW_AGENT_ANSWERS];

	return named_counts(list, zw_agent_answers_list(a, list));
}

static json_t *losses(const struct zw_agent *a)
{
	struct zw_report_count list[ZW_AGENT_LOSSES];

	return named_counts(list, zw_agent_losses_list(a, list));
}

static json_t *sinks(const struct zw_agent *a)
{
	json_t *list = json_array();

	ZW_VEC_FOREACH(s, &a->sinks)
		json_array_append_new(
			list, json_pack("{s:s, s:I, s:I, s:I}", "name", (*s)->ops->name,
				      "delivered", (json_int_t)(*s)->delivered, "spooled",
				      (json_int_t)(*s)->spooled, "lost", (json_int_t)(*s)->lost));
	return list;
}

static json_t *status(struct zw_agent *a)
{
	json_t *root;

	/* What happened before the question counts. */
	(void)zw_agent_drain(a);
	(void)zw_probe_drops(a->probe, a->drops);
	root = json_pack("{s:s, s:i, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version",
		ZW_VERSION, "pid", (int)getpid(), "uptime_ms",
		(json_int_t)((zw_boottime_ns() - a->started_ns) / ZW_NSEC_PER_MSEC), "hooks",
		zw_status_hooks(a->probe), "servers", servers(a), "zones", zones(a), "counters",
		counters(a), "sinks", sinks(a), "control", control_counters(a), "losses", losses(a),
		"requests", requests(a));
	if (root && a->conf->feeds)
		json_object_set_new(root, "feeds", zw_agent_feeds_status(a->feeds));
	if (root && a->conf->maxminds)
		json_object_set_new(root, "maxmind", zw_geo_status(a->geo));
	if (root)
		json_object_set_new(root, "traffic", zw_agent_traffic_json(a, 0));
	if (root)
		json_object_set_new(root, "answers", answers(a));
	if (root && a->history)
		json_object_set_new(root, "history", history(a));
	return root;
}

void zw_agent_status_answer(struct zw_agent *a)
{
	struct timeval timeout = {.tv_usec = CLIENT_TIMEOUT_US};
	struct sockaddr_un peer = {};
	socklen_t peer_len = sizeof(peer);
	_zw_close_ int fd =
		accept4(a->status_fd, (struct sockaddr *)&peer, &peer_len, SOCK_CLOEXEC);
	_zw_free_ char *text = NULL;
	json_t *root = NULL;
	size_t len, done = 0;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	/* Whoever only wants to know the state says nothing, and is not waited for. */
	if (peer_len > offsetof(struct sockaddr_un, sun_path))
		zw_agent_note(a, fd, &root);
	else
		root = status(a);
	text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	len = text ? strlen(text) : 0;
	while (done < len) {
		ssize_t n = send(fd, text + done, len - done, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		done += (size_t)n;
	}
}
