/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/agent_traffic.h"
#include "cli/served.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/agent_feeds.h"
#include "cli/geo.h"
#include "probe/net.h"
#include "sink/notify.h"

/* Housekeeping: process events, losses, reconciliation slices. */
#define TICK_NS (100 * ZW_NSEC_PER_MSEC)
/* A cause older than two reconciliations explains nothing any more. */
#define CAUSE_PERIODS 2
#define CAUSE_KEEP_MIN_NS (120 * ZW_NSEC_PER_SEC)
/* Ancestors of a living process may have exited long ago; the table has a bound of its own besides. */
#define PROC_KEEP_NS (3600 * ZW_NSEC_PER_SEC)

const struct zw_sink_host *zw_agent_host(const struct zw_agent *a)
{
	return &a->host;
}

int zw_agent_add_sink(struct zw_agent *a, struct zw_sink *sink)
{
	int r = zw_vec_push(&a->sinks, sink);

	if (r < 0)
		zw_sink_free(sink);
	return r;
}

static int block_signals(struct zw_agent *a)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	/* A reader that went away is an error of that sink, not the end of the agent. */
	signal(SIGPIPE, SIG_IGN);
	a->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return a->signal_fd < 0 ? -errno : 0;
}

static int poll_add(struct zw_agent *a, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static int open_loop(struct zw_agent *a)
{
	int r = block_signals(a);

	if (r < 0)
		return r;
	a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	a->timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (a->epoll_fd < 0 || a->timer_fd < 0)
		return -errno;
	r = poll_add(a, a->signal_fd);
	if (r == 0)
		r = poll_add(a, a->timer_fd);
	if (r == 0)
		r = poll_add(a, zw_probe_fd(a->probe));
	if (r == 0 && zw_probe_net_fd(a->probe) >= 0)
		r = poll_add(a, zw_probe_net_fd(a->probe));
	if (r == 0 && a->status_fd >= 0)
		r = poll_add(a, a->status_fd);
	return r;
}

/* The hooks are proven where the zones are, since some are particular to a file system. */
static const char *scratch_dir(const struct zw_conf *conf, char **ret_free)
{
	const char *slash;

	if (!conf->zones)
		return "/var/tmp";
	slash = strrchr(conf->zone[0].file, '/');
	*ret_free = slash > conf->zone[0].file
			    ? strndup(conf->zone[0].file, (size_t)(slash - conf->zone[0].file))
			    : NULL;
	if (*ret_free && access(*ret_free, W_OK) == 0)
		return *ret_free;
	return "/var/tmp";
}

static int open_books(struct zw_agent *a, const struct zw_agent_options *o, struct zw_str *error)
{
	int r = zw_proc_table_new("/proc", &a->procs);

	if (r == 0)
		r = zw_cause_book_new(&a->book);
	if (r == 0)
		r = zw_request_book_new(&a->requests);
	if (r == 0)
		r = zw_trail_new(&a->key, &a->trail);
	if (r == 0)
		r = zw_dialogs_new(&zw_agent_dialog_ops, a, &a->dialogs);
	if (r == 0)
		r = zw_agent_net_open(a);
	if (r == 0)
		r = zw_agent_rules_open(a);
	if (r == 0)
		r = zw_agent_feeds_new(&a->feeds);
	if (r == 0)
		r = zw_agent_feeds_follow(a->feeds, a->conf);
	if (r == 0)
		r = zw_geo_new(&a->geo);
	if (r == 0)
		r = zw_geo_follow(a->geo, a->conf);
	if (r == 0)
		r = zw_agent_traffic_open(a);
	if (r == 0)
		r = zw_agent_answers_open(a);
	if (r == 0)
		r = zw_map_new(&a->sites);
	if (r == 0)
		r = zw_map_new(&a->chain_by_dir);
	if (r == 0)
		r = zw_map_new(&a->journals);
	if (r < 0)
		return r;
	zw_hash_key_init(&a->key);
	if (gethostname(a->hostname, sizeof(a->hostname) - 1) < 0)
		strcpy(a->hostname, "localhost");
	a->host.hostname = a->hostname;
	if (!o->history)
		return 0;
	return zw_agent_history_open(a->conf, o->need_history, &a->history, error);
}

static int open_kernel(struct zw_agent *a, struct zw_str *error)
{
	_zw_free_ char *dir = NULL, *pin = a->history ? zw_agent_guard_pin(a->conf) : NULL;
	struct zw_probe_options options = {
		.ring_bytes = a->conf->ring_bytes,
		.guard_pin = pin,
		.scratch = scratch_dir(a->conf, &dir),
	};
	int r = zw_probe_open(&options, &a->probe, error);

	if (r < 0)
		return r;
	/* The exec and fork hooks are on: nothing falls between them and what /proc shows. */
	r = zw_proc_table_seed(a->procs);
	if (r < 0)
		zw_str_addf(error, "cannot read /proc: %s", strerror(-r));
	return r;
}

int zw_agent_new(
	const struct zw_agent_options *o, struct zw_agent **ret_agent, struct zw_str *error)
{
	_zw_agent_free_ struct zw_agent *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->timer_fd = a->signal_fd = a->epoll_fd = a->status_fd = -1;
	a->conf = o->conf;
	a->conf_path = o->conf_path;
	a->discover = o->discover;
	a->started_ns = zw_boottime_ns();
	if (o->for_ns)
		a->stop_ns = a->started_ns + o->for_ns;
	r = open_books(a, o, error);
	if (r == 0 && a->history)
		zw_agent_expectations_load(a);
	if (r == 0 && a->history)
		zw_agent_rules_recall(a);
	if (r == 0)
		r = open_kernel(a, error);
	if (r == 0 && o->status_socket) {
		r = zw_agent_status_open(a, o->status_socket);
		if (r < 0)
			zw_str_addf(
				error, "cannot listen on '%s': %s", o->status_socket, strerror(-r));
	}
	if (r == 0)
		r = open_loop(a);
	if (r == 0)
		r = zw_agent_reads_open(a);
	if (r < 0) {
		/* The configuration stays the caller's on failure. */
		a->conf = NULL;
		return r;
	}
	*ret_agent = ZW_TAKE(a);
	return 0;
}

void zw_agent_free(struct zw_agent *a)
{
	if (!a)
		return;
	while (a->zones.len)
		zw_agent_zone_free(a, a->zones.items[--a->zones.len]);
	zw_vec_free(&a->zones);
	zw_vec_free(&a->due);
	zw_agent_index_free(a);
	ZW_VEC_FOREACH(s, &a->servers)
		zw_agent_server_unref(*s);
	zw_vec_free(&a->servers);
	ZW_VEC_FOREACH(s, &a->sinks)
		zw_sink_free(*s);
	zw_vec_free(&a->sinks);
	zw_cause_book_free(a->book);
	zw_agent_net_free(a->net);
	zw_agent_reads_free(a->reads);
	zw_agent_rules_free(a->rules);
	zw_agent_feeds_free(a->feeds);
	zw_geo_free(a->geo);
	zw_agent_traffic_free(a->traffic);
	zw_agent_answers_free(a->answers);
	zw_dialogs_free(a->dialogs);
	zw_trail_free(a->trail);
	zw_request_book_free(a->requests);
	zw_proc_table_free(a->procs);
	zw_probe_close(a->probe);
	zw_writer_close(a->history);
	zw_conf_free(a->conf);
	zw_closep(&a->timer_fd);
	zw_closep(&a->signal_fd);
	zw_closep(&a->epoll_fd);
	zw_closep(&a->status_fd);
	if (a->status_path)
		unlink(a->status_path);
	free(a->status_path);
	free(a->status_line);
	zw_expectations_done(&a->expectations);
	zw_map_free(a->journals);
	zw_buffer_done(&a->content);
	zw_buffer_done(&a->journal);
	free(a);
}

static void report_ready(struct zw_agent *a)
{
	struct zw_report *report = zw_agent_report_new(a, ZW_ACTION_AGENT_READY, NULL);
	uint64_t records = 0, zones = 0;

	if (!report)
		return;
	ZW_VEC_FOREACH(z, &a->zones) {
		/* Before it is signed and after, it is one. */
		zones += !(*z)->is_signed;
		if ((*z)->good)
			records += zw_snapshot_count((*z)->good);
	}
	report->count[report->counts++] = (struct zw_report_count){"servers", 0};
	ZW_VEC_FOREACH(s, &a->servers)
		report->count[0].value += (*s)->kind != ZW_SERVER_NONE;
	report->count[report->counts++] = (struct zw_report_count){"zones", zones};
	report->count[report->counts++] = (struct zw_report_count){"records", records};
	report->count[report->counts++] = (struct zw_report_count){
		"startup_ms", (zw_boottime_ns() - a->started_ns) / ZW_NSEC_PER_MSEC};
	zw_agent_report_means(a, report);
	zw_agent_deliver(a, report);
}

static void read_signals(struct zw_agent *a)
{
	struct signalfd_siginfo info;

	while (read(a->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			a->reload = true;
		else
			a->stopping = true;
	}
}

/* What is done now and then, whatever happens. */
static void tick(struct zw_agent *a, uint64_t now, uint64_t *slow_ns)
{
	uint64_t keep = a->conf->reconcile_ns * CAUSE_PERIODS;

	zw_agent_notify_alive(a, now);
	zw_agent_report_losses(a);
	zw_agent_net_expire(a, now);
	zw_agent_feeds_tick(a->feeds, now);
	zw_agent_guarded_run(a, now);
	zw_agent_reads_run(a, now, false);
	zw_agent_traffic_tick(a, now);
	zw_agent_answers_tick(a, now, false);
	zw_agent_reconcile(a, now);
	if (a->discover && now >= a->discover_ns) {
		int r = zw_agent_discover(a);

		if (r < 0)
			zw_error("cannot look for servers: %s", strerror(-r));
	}
	if (now < *slow_ns)
		return;
	*slow_ns = now + ZW_NSEC_PER_SEC;
	if (keep < CAUSE_KEEP_MIN_NS)
		keep = CAUSE_KEEP_MIN_NS;
	if (now > keep)
		zw_cause_book_expire(a->book, now - keep);
	if (now > keep)
		zw_request_book_expire(a->requests, now - keep);
	if (now > ZW_REQUEST_WAIT_NS)
		zw_dialogs_expire(a->dialogs, now - ZW_REQUEST_WAIT_NS);
	zw_proc_table_expire(a->procs, now, PROC_KEEP_NS);
	zw_geo_tick(a->geo, now);
	ZW_VEC_FOREACH(s, &a->sinks)
		if ((*s)->ops->tick)
			(void)(*s)->ops->tick(*s);
	zw_agent_guard_tick(a);
	zw_agent_notify_status(a);
	zw_agent_history_tick(a);
	zw_agent_expectations_save(a);
}

static int wait_until(struct zw_agent *a, uint64_t at_ns)
{
	struct itimerspec when = {
		.it_value.tv_sec = (time_t)(at_ns / ZW_NSEC_PER_SEC),
		.it_value.tv_nsec = (long)(at_ns % ZW_NSEC_PER_SEC),
	};
	struct epoll_event ev[8];
	uint64_t expired;
	int n;

	if (timerfd_settime(a->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
		return -errno;
	n = epoll_wait(a->epoll_fd, ev, ZW_ARRAY_SIZE(ev), -1);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		if (ev[i].data.fd == a->signal_fd)
			read_signals(a);
		else if (ev[i].data.fd == a->status_fd)
			zw_agent_status_answer(a);
		else if (ev[i].data.fd == a->timer_fd)
			(void)!read(a->timer_fd, &expired, sizeof(expired));
	}
	return 0;
}

/* Looks at zones that were busy at the first look until all are read; the looks themselves give up waiting
 * after a while, so this ends. Feeds are read meanwhile, once. */
static int settle_first(struct zw_agent *a)
{
	for (;;) {
		struct timespec pause = {.tv_nsec = (long)a->conf->settle_ns};
		bool waiting;
		int r = zw_agent_drain(a);

		if (r < 0)
			return r;
		(void)zw_agent_run_due(a);
		zw_agent_feeds_tick(a->feeds, zw_boottime_ns());
		waiting = zw_served_are_awaited(a) || zw_agent_feeds_are_awaited(a->feeds);
		ZW_VEC_FOREACH(z, &a->due)
			waiting |= (*z)->state == ZW_ZONE_NEW;
		if (!waiting)
			return 0;
		nanosleep(&pause, NULL);
	}
}

static int start(struct zw_agent *a)
{
	_zw_str_ struct zw_str error = {};
	int r = zw_agent_configured_zones(a, &error);

	if (r < 0) {
		zw_error("%s", error.buf ? error.buf : strerror(-r));
		return r;
	}
	if (a->discover) {
		r = zw_agent_discover(a);
		if (r < 0)
			return r;
	}
	/* A zone that was being written is read before anything is promised. */
	r = settle_first(a);
	if (r < 0)
		return r;
	a->reconcile_from_ns = zw_boottime_ns();
	a->reconcile_next = a->zones.len;
	zw_agent_history_flush(a);
	a->ready = true;
	report_ready(a);
	zw_agent_guard_ready(a);
	zw_agent_notify_status(a);
	(void)zw_notify_ready();
	return 0;
}

int zw_agent_run(struct zw_agent *a)
{
	uint64_t tick_ns = 0, slow_ns = 0;
	int r = start(a);

	while (r == 0 && !a->stopping) {
		uint64_t now = zw_boottime_ns(), next;

		r = zw_agent_drain(a);
		next = zw_agent_run_due(a);
		if (a->reload)
			zw_agent_reload(a);
		if (now >= tick_ns) {
			tick(a, now, &slow_ns);
			tick_ns = now + TICK_NS;
		}
		if (zw_agent_reconcile_behind(a)) {
			zw_agent_reconcile(a, zw_boottime_ns());
			next = now;
		}
		if (a->stop_ns && now >= a->stop_ns)
			break;
		if (r == 0)
			r = wait_until(a, next < tick_ns ? next : tick_ns);
	}
	if (!a->ready)
		return r;
	zw_agent_stop(a);
	return r;
}
