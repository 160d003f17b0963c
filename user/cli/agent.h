/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The agent: what `run` and `watch` share. One thread, one loop:
 *
 *	ring -> event -> actor -> book of causes; the inode says which zones may have changed
 *	zone due -> walk its path, read, parse, diff -> correlate -> judge -> sinks
 *
 * Internal to the agent_*.c files except for the first part.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "actor/table.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "cli/agent_server.h"
#include "cli/agent_zone.h"
#include "conf/conf.h"
#include "engine/causes.h"
#include "engine/correlate.h"
#include "engine/dialog.h"
#include "engine/expect.h"
#include "engine/explain.h"
#include "engine/report.h"
#include "probe/probe.h"
#include "server/server.h"
#include "sink/history.h"
#include "sink/history_writer.h"
#include "sink/sink.h"
#include "zone/snapshot.h"

/* --- for cmd_run.c and cmd_watch.c ------------------------------------------------------------------- */

struct zw_agent_options {
	struct zw_conf *conf;      /* moves to the agent on success */
	const char *conf_path;     /* reread on SIGHUP; NULL: there is none */
	bool discover;             /* look for servers */
	bool history;              /* keep events and states in conf->history.file */
	bool need_history;         /* fail when it cannot be opened, instead of trying again */
	uint64_t for_ns;           /* stop by itself after this time; 0: never */
	const char *status_socket; /* NULL: none */
};

struct zw_agent;
struct zw_agent_rules;
struct zw_agent_reading; /* cli/agent_source.h */
struct zw_agent_net;     /* cli/agent_net.h */
struct zw_agent_feeds;   /* cli/agent_feeds.h */
struct zw_geo;           /* cli/geo.h */
struct zw_agent_traffic; /* cli/agent_traffic.h */
struct zw_agent_answers; /* cli/agent_answers.h */
struct zw_agent_reads;   /* cli/agent_reads.c */
struct zw_query_totals;  /* zw_query.h */

/* Loads the kernel side, finds servers and zones, reads every snapshot. @error says what to do about a failure. */
int zw_agent_new(
	const struct zw_agent_options *options, struct zw_agent **ret_agent, struct zw_str *error);
/* Hands over a sink; call before zw_agent_run(). 0 or -ENOMEM (the sink is freed then). */
int zw_agent_add_sink(struct zw_agent *agent, struct zw_sink *sink);
/* Opens the sinks that the configuration names; SIGHUP opens and closes them from then on. A failure is logged. */
int zw_agent_open_sinks(struct zw_agent *agent);
/* Runs until SIGTERM, SIGINT or the time is over. 0 or -errno. */
int zw_agent_run(struct zw_agent *agent);
void zw_agent_free(struct zw_agent *agent);
ZW_DEFINE_CLEANUP(struct zw_agent *, zw_agent_free);
#define _zw_agent_free_ _zw_cleanup_(zw_agent_freep)
const struct zw_sink_host *zw_agent_host(const struct zw_agent *agent);

/* --- inside the agent -------------------------------------------------------------------------------- */

/* A pass over many chains, see agent_sweep.c. */
struct zw_agent_sweep {
	struct zw_inode_key key;
	uint64_t due_ns;     /* CLOCK_BOOTTIME: of the next pass, or of the one that is under way */
	size_t next;         /* so many are left of the one that is under way */
	bool open;           /* of those that wait for an entry, then of those it leads through */
	bool running;        /* one is under way */
	unsigned int passes; /* done since the last event */
	bool again;          /* there was an event during the pass */
};

struct zw_agent {
	struct zw_conf *conf;
	const char *conf_path;
	bool discover;
	struct zw_hash_key key;
	struct zw_probe *probe;
	struct zw_proc_table *procs;
	struct zw_cause_book *book;
	struct zw_request_book *requests;
	struct zw_trail *trail; /* of zones that other servers of this host may have from us */
	uint64_t zone_number;   /* of the zone that came last */
	struct zw_dialogs *dialogs;
	bool requests_seen; /* what servers are asked is seen, as far as it can be */
	struct zw_agent_net *net;
	struct zw_agent_reads *reads;
	struct zw_agent_rules *rules;
	struct zw_agent_feeds *feeds;
	struct zw_geo *geo;
	struct zw_agent_traffic *traffic;
	struct zw_agent_answers *answers;
	struct zw_writer *history; /* NULL: none is kept */
	bool history_leads;        /* the events that are told make the next state of their zone */
	bool history_missed;       /* one of them was lost */
	bool history_late;         /* they go before all that waits, see agent_late.c */
	uint64_t history_lost;     /* events, as reported */
	uint64_t history_told_ns;  /* CLOCK_BOOTTIME: when that was */
	struct zw_ulid_state ulid;
	char hostname[256];
	struct zw_sink_host host;
	ZW_VEC(struct zw_sink *) sinks;
	struct zw_sink *journald, *jsonfile; /* those of the configuration; borrowed, NULL: none */
	uint64_t sequence;
	struct
	{ /* processes that asked servers for transfers, and when; the oldest is overwritten */
		pid_t pid;
		uint64_t from_ns, to_ns;
	} reader[64];
	size_t reader_next;
	ZW_VEC(struct zw_agent_server *) servers;
	ZW_VEC(struct zw_agent_zone *) zones;
	ZW_VEC(struct zw_agent_chain *) chains;
	ZW_VEC(struct zw_inode_key) early_sites; /* directories to be walked to again, unordered */
	ZW_VEC(struct zw_agent_sweep) sweeps;
	struct zw_map *chain_by_dir;
	struct zw_map *sites;               /* struct zw_inode_key -> struct site */
	struct zw_map *journals;            /* chain and name of a journal -> its zone */
	ZW_VEC(struct zw_agent_zone *) due; /* zones with due_ns set, unordered */
	size_t due_next;                    /* so many of them were looked through in this pass */
	struct zw_buffer content, journal;  /* of the files that are read, reused */
	size_t reconcile_next;              /* zone the reconciliation has come to */
	uint64_t reconcile_from_ns;
	/* CLOCK_BOOTTIME: when a directory was last watched that may have changed unseen; 0: never */
	uint64_t unseen_ns;
	bool reconcile_all;   /* all zones without delay, not one by one over the period */
	uint64_t discover_ns; /* when to look for servers again */
	uint64_t stop_ns;     /* 0: never */
	uint64_t drops[_ZW_DROP_MAX];
	uint64_t drops_reported, net_drops_reported;
	uint64_t events, bad_events, changes, failed_looks;
	uint64_t started_ns; /* CLOCK_BOOTTIME */
	bool ready, stopping, reload;
	uint64_t stopping_ns; /* CLOCK_BOOTTIME: when it was found that it is to stop; 0: not yet */
	int timer_fd, signal_fd, epoll_fd, status_fd;
	char *status_path;
	zw_expectations expectations;
	bool expectations_wanted; /* they could not be read yet */
	bool expectations_used;   /* counts are newer than what the history has */
	char *status_line;        /* what the service manager was told last */
	uint64_t watchdog_at_ns;  /* when it is to be told again that this runs; 0: at once */
};

/* agent_index.c, agent_chain.c: which zones an inode concerns, and the kernel's watch map */

/* Watches what the files of @z depend on, then stops watching what they no longer do. On failure some may not be
 * watched; calling again completes it. 0, -ENOMEM, -E2BIG. */
int zw_agent_index_zone(struct zw_agent *a, struct zw_agent_zone *z);
void zw_agent_unindex_zone(struct zw_agent *a, struct zw_agent_zone *z);
/* Puts a zone under the chain of its directory; before it is first looked at. */
int zw_agent_chain_join(struct zw_agent *a, struct zw_agent_zone *z);
void zw_agent_chain_leave(struct zw_agent *a, struct zw_agent_zone *z);
/* Says whether entries of its directory matter to @z, after its files have changed. 0 or -ENOMEM. */
int zw_agent_chain_want(struct zw_agent_zone *z);
/* Whether a directory on the way to @z had an event a moment ago that has not made it lead elsewhere yet. */
bool zw_agent_chain_early(const struct zw_agent *a, const struct zw_agent_zone *z, uint64_t now);
/* Walks to such directories again; returns when the next one is to be walked to, UINT64_MAX when none is. */
uint64_t zw_agent_chains_again(struct zw_agent *a);
/* Marks the zones that a FILE event may have changed. */
void zw_agent_mark(struct zw_agent *a, const struct zw_event *event);
void zw_agent_index_free(struct zw_agent *a);
/* Watches the files @paths, which @server writes for all its zones, and stops watching what they were before. On failure
 * some may not be watched; calling again completes it. 0, -ENOMEM, -E2BIG. */
int zw_agent_index_server(
	struct zw_agent *a, struct zw_agent_server *server, const zw_paths *paths);
void zw_agent_unindex_server(struct zw_agent *a, struct zw_agent_server *server);

/* After an event that changed nothing, so much later each: hooks run before the operation, some of them long before,
 * and even ext4's own events come before a path leads to what was renamed (fs/namei.c, vfs_rename). */
static const uint64_t zw_second_looks[] = {
	20 * ZW_NSEC_PER_MSEC, 200 * ZW_NSEC_PER_MSEC,
	ZW_NSEC_PER_SEC, /* a rename waits for the journal when the disk is busy */
};
/* What has such events for longer than ZW_EARLY_MAX_NS is not waited for: the next difference starts at what was read. */

/* agent_schedule.c */

/* The zone had an event at @time_ns: look at it when it has been quiet for a while. */
void zw_agent_touch(struct zw_agent *a, struct zw_agent_zone *z, uint64_t time_ns);
void zw_agent_schedule(struct zw_agent *a, struct zw_agent_zone *z, uint64_t due_ns);
void zw_agent_unschedule(struct zw_agent *a, struct zw_agent_zone *z);
/* Looks at what is due; returns when something is due next, UINT64_MAX when nothing is. */
uint64_t zw_agent_run_due(struct zw_agent *a);
/* A slice of the pass over all zones that takes the whole period. */
void zw_agent_reconcile(struct zw_agent *a, uint64_t now_ns);
/* Begins a pass at once and goes through it as fast as events leave time for. */
void zw_agent_reconcile_now(struct zw_agent *a);
/* True while such a pass is not done. */
bool zw_agent_reconcile_behind(const struct zw_agent *a);

/* agent_report.c */

struct zw_report *zw_agent_report_new(
	struct zw_agent *a, enum zw_action action, const struct zw_agent_zone *z);
/* Adds what the agent has to judge by, as counts that `triage` reads. */
void zw_agent_report_means(const struct zw_agent *a, struct zw_report *report);
/* Completes and delivers; frees @report. */
void zw_agent_deliver(struct zw_agent *a, struct zw_report *report);
/* The same of what is nothing without a finding, which it lacks where the rule is disabled. */
void zw_agent_deliver_found(struct zw_agent *a, struct zw_report *report);
/* Correlates the files of @z between its good reading and @r, into @report, and with @ret (else NULL) what the server was
 * asked for: @report is then the first of several changes. Judges all of them. */
int zw_agent_attribute(struct zw_agent *a, struct zw_agent_zone *z,
	const struct zw_agent_reading *r, struct zw_report *report, struct zw_explained *ret);

/* agent_read.c: how long a zone that is written to all the time is waited for before it is read as it is. */
uint64_t zw_agent_busy_max(const struct zw_agent *a, const struct zw_agent_zone *z);

/* agent_rules.c */

int zw_agent_rules_open(struct zw_agent *a);
/* NULL is allowed. */
void zw_agent_rules_free(struct zw_agent_rules *rules);
/* Reads what the rules have to remember from the history; before the first zone is looked at. Failures are logged. */
void zw_agent_rules_recall(struct zw_agent *a);
/* @z came or went: what leads to its names does not, or does, lead away from this host. */
void zw_agent_rules_zone(struct zw_agent *a, const struct zw_agent_zone *z, bool came);
/* Adds findings to @report and to those of @explained, which are judged, and are what became of @z->good until @after. */
void zw_agent_rules_judge(struct zw_agent *a, const struct zw_agent_zone *z,
	const struct zw_snapshot *after, struct zw_report *report, struct zw_explained *explained);

/* agent_losses.c: what was lost since the start, as of when the kernel was last asked */

/* By name, in the order it is told of; at most ZW_AGENT_LOSSES. */
#define ZW_AGENT_LOSSES 19
size_t zw_agent_losses_list(
	const struct zw_agent *a, struct zw_report_count ret_list[static ZW_AGENT_LOSSES]);
/* Events of files that may have been a cause; packets and commands that may have been a request; and all. */
uint64_t zw_agent_file_losses(const struct zw_agent *a);
uint64_t zw_agent_net_losses(const struct zw_agent *a);
uint64_t zw_agent_losses(const struct zw_agent *a);
/* Tells of what was lost since that was last told of. */
void zw_agent_report_losses(struct zw_agent *a);

/* agent_sinks.c: what the configuration says of sinks */

/* Sinks of another configuration, opened while the old ones are still in use. */
struct zw_agent_sinks {
	bool journald_differs, jsonfile_differs;
	struct zw_sink *journald, *jsonfile; /* owned; NULL: none */
	struct zw_sink *old_journald, *old_jsonfile;
};
/* Opens those in which @conf differs from what is open. 0, or -errno with what is wrong in @error. */
int zw_agent_sinks_prepare(struct zw_agent *a, const struct zw_conf *conf,
	struct zw_agent_sinks *ret_next, struct zw_str *error);
void zw_agent_sinks_done(struct zw_agent_sinks *next);
#define _zw_agent_sinks_ _zw_cleanup_(zw_agent_sinks_done)
/* From here on reports go to the new ones too. 0 or -ENOMEM, nothing has changed then. */
int zw_agent_sinks_open(struct zw_agent *a, struct zw_agent_sinks *next);
/* From here on they go to the old ones no more. */
void zw_agent_sinks_close(struct zw_agent *a, struct zw_agent_sinks *next);

/* agent_stop.c */

/* Takes what waits in the rings into memory, so that nothing is lost while something takes long. */
void zw_agent_hold(struct zw_agent *a);
/* True when somebody asked it to stop so long ago that what is under way is to be cut short. That it was asked is noted. */
bool zw_agent_is_hurried(struct zw_agent *a);
/* Tells what was seen, also what was waiting to settle, and that this is the end. */
void zw_agent_stop(struct zw_agent *a);

/* agent_reload.c */

/* Takes over what is in the configuration file now, whole or not at all. */
void zw_agent_reload(struct zw_agent *a);

/* agent_explain.c: both return 0 or -ENOMEM */

int zw_agent_explain(struct zw_agent *a, struct zw_agent_zone *z, const struct zw_agent_reading *r,
	struct zw_report *report, struct zw_explained *ret);
/* Who made it come or go. */
int zw_agent_explain_zone(
	struct zw_agent *a, const struct zw_agent_zone *z, struct zw_report *report);
int zw_agent_judge(struct zw_agent *a, struct zw_report *report, struct zw_explained *explained);

/* agent_events.c */

/* Takes all events from the rings into the books. */
int zw_agent_drain(struct zw_agent *a);

/* agent_notify.c: what the service manager hears */

/* One line for `systemctl status`, when it says something new. */
void zw_agent_notify_status(struct zw_agent *a);
/* Feeds its watchdog, when that is due. */
void zw_agent_notify_alive(struct zw_agent *a, uint64_t now);

/* agent_guard.c: what is done to the agent itself */

/* Where on bpffs it is kept who ended an agent with this configuration. NULL: no memory. */
char *zw_agent_guard_pin(const struct zw_conf *conf);
/* Tells who ended the one before, once the agent is ready. */
void zw_agent_guard_ready(struct zw_agent *a);
/* Tells of signals it has outlived, and of programs that were detached, and attaches these again; now and then. */
void zw_agent_guard_tick(struct zw_agent *a);
/* Adds who asked it to end, which is then no riddle for the next one. */
void zw_agent_guard_stopping(struct zw_agent *a, struct zw_report *report);

/* agent_net.c: what passes on the network */

/* Makes a->net; zw_agent_net_free() frees what is there also after a failure. 0 or -ENOMEM. */
int zw_agent_net_open(struct zw_agent *a);
/* NULL is allowed. */
void zw_agent_net_free(struct zw_agent_net *net);
/* Process @tgid runs another program now. */
void zw_agent_net_exec(struct zw_agent *a, uint32_t tgid);
/* Takes a packet into the book of requests. */
int zw_agent_packet(struct zw_agent *a, const struct zw_event *event);
/* Gives up what was waited for; now and then. */
void zw_agent_net_expire(struct zw_agent *a, uint64_t now_ns);
/* Packets that never came here may have been requests: enters what was lost since into the book of them. */
void zw_agent_net_lose(struct zw_agent *a, uint64_t now_ns);
/* agent_refused.c: tells of refused updates that were counted, with @all also of those of this minute. */
void zw_agent_refusals_expire(struct zw_agent *a, uint64_t now_ns, bool all);

/* agent_answers.c: what servers answer, against what their zones say */

/* Makes a->answers; zw_agent_answers_free() frees what is there also after a failure. 0 or -ENOMEM. */
int zw_agent_answers_open(struct zw_agent *a);
/* NULL is allowed. */
void zw_agent_answers_free(struct zw_agent_answers *answers);
/* A zone came, and went. The first returns 0 or -ENOMEM. */
int zw_agent_answers_add(struct zw_agent *a, struct zw_agent_zone *z);
void zw_agent_answers_remove(struct zw_agent *a, struct zw_agent_zone *z);
/* @z->good is about to be another. */
void zw_agent_answers_moved(struct zw_agent *a, struct zw_agent_zone *z);
/* Takes a QUERY event. 0 or -ENOMEM. */
int zw_agent_answer(struct zw_agent *a, const struct zw_event *event);
/* What was compared since the start, and what came of it, by name. */
#define ZW_AGENT_ANSWERS 14
size_t zw_agent_answers_list(
	const struct zw_agent *a, struct zw_report_count ret_list[static ZW_AGENT_ANSWERS]);
/* agent_outbound.c: the same of one that tells whom this host asks. */
int zw_agent_outbound(struct zw_agent *a, const struct zw_event *event);
/* Stores what is new of it, and with @all whatever is not stored yet. */
void zw_agent_outbound_tick(struct zw_agent *a, uint64_t now_ns, bool all);
/* What the query lane counted since this was last called: answers that it could not tell of are to come again. */
void zw_agent_answers_counted(struct zw_agent *a, const struct zw_query_totals *delta);
/* Tells what has settled; now and then, and with @all at the end. */
void zw_agent_answers_tick(struct zw_agent *a, uint64_t now_ns, bool all);

/* agent_ports.c */

/* Follows the ports and network namespaces of the servers of @found that the agent has. 0 or -ENOMEM; what else fails
 * is logged, once, and tried again the next time. */
int zw_agent_net_follow(struct zw_agent *a, const zw_servers *found);
/* A process bound a port: reports it when that is a server's. */
int zw_agent_bound(struct zw_agent *a, const struct zw_event *event);

/* agent_control.c: what clients say to servers on control channels */

/* For a->dialogs, with the agent as context. */
extern const struct zw_dialog_ops zw_agent_dialog_ops;
/* Watches the control channels that @found has, and no others, as those of @s; NULL: it has stopped. 0 or -ENOMEM. */
int zw_agent_channels_follow(
	struct zw_agent *a, struct zw_agent_server *s, const struct zw_server *found);
void zw_agent_channels_done(struct zw_agent_server *s);
/* Takes a UNIX event. 0 or -errno. */
int zw_agent_control_said(struct zw_agent *a, const struct zw_event *event);
/* Takes an EXEC event of nsd-control(8), whose connection is encrypted. 0 or -errno. */
int zw_agent_control_run(struct zw_agent *a, const struct zw_event *event);

/* agent_status.c */

int zw_agent_status_open(struct zw_agent *a, const char *path);
/* Answers one client of the status socket with one JSON object: its state, or what came of the request when the client
 * makes one, which it says by binding its own end to a name before it connects. */
void zw_agent_status_answer(struct zw_agent *a);

/* agent_notes.c: what people say of changes */

/* Carries out a request of whoever is at the other end of @fd. *@ret_answer is for them, also when it was refused; NULL: no
 * memory. */
void zw_agent_note(struct zw_agent *a, int fd, json_t **ret_answer);
/* Reads what is expected from the history, as soon as that can be read. */
void zw_agent_expectations_load(struct zw_agent *a);
/* Makes expected changes authorized. 0 or -ENOMEM. */
int zw_agent_expect(struct zw_agent *a, struct zw_report *report);
/* Stores how often each was used; reads them where that was not possible before. Now and then. */
void zw_agent_expectations_save(struct zw_agent *a);
