/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reports as the engine would make them, for the tests of what comes after it. Everything aborts when out of
 * memory. */
#pragma once

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/str.h"
#include "dns/name.h"
#include "engine/report.h"
#include "event/argv.h"
#include "zone/load.h"

/* 2026-11-22T00:11:22.123456789Z */
#define SAMPLE_TIME_NS 1795306282123456789ULL

#define SAMPLE_SOA "@ 3600 IN SOA ns1 admin %u 7200 3600 1209600 300\n@ 3600 IN NS ns1\n"

static inline void *sample_checked(void *p)
{
	if (!p)
		abort();
	return p;
}

static inline char *sample_text(const char *text)
{
	return text ? sample_checked(strdup(text)) : NULL;
}

/* The zone example.com. with serial @serial and the master file lines @records. */
static inline struct zw_snapshot *sample_snapshot(uint32_t serial, const char *records)
{
	static struct zw_hash_key key = {1, 2};
	uint8_t origin[ZW_NAME_MAX];
	struct zw_zone_error error = {};
	struct zw_snapshot *snapshot = NULL;
	_zw_str_ struct zw_str text = {};
	struct zw_zone_input input = {.key = &key};

	if (zw_name_from_text("example.com.", origin, NULL) < 0)
		abort();
	zw_str_addf(&text, SAMPLE_SOA, serial);
	zw_str_add(&text, records);
	input.master.origin = origin;
	input.data = sample_checked(text.buf);
	input.len = text.len;
	if (zw_zone_load(&input, NULL, &snapshot, &error) < 0) {
		fprintf(stderr, "sample zone, line %llu: %s\n", (unsigned long long)error.line,
			error.reason);
		abort();
	}
	return snapshot;
}

static inline struct zw_diff *sample_diff(const char *before, const char *after)
{
	_zw_snapshot_ struct zw_snapshot *old = sample_snapshot(7, before);
	_zw_snapshot_ struct zw_snapshot *new = sample_snapshot(8, after);
	struct zw_diff *diff;

	if (zw_diff_new(old, new, &diff) < 0)
		abort();
	return diff;
}

/* @words: NULL-terminated. */
static inline void sample_argv(const char *const *words, char ***ret_argv, size_t *ret_argc)
{
	_zw_str_ struct zw_str joined = {};

	for (; *words; words++)
		zw_str_add_len(&joined, *words, strlen(*words) + 1);
	if (joined.failed || zw_argv_split(joined.buf, joined.len, ret_argv, ret_argc) < 0)
		abort();
}

/* alice, uid 1000, over ssh and sudo: sed -i ... */
static inline struct zw_actor *sample_actor(void)
{
	static const char *const argv[] = {
		"sed", "-i", "s/192.0.2.1/203.0.113.9/", "db.example.com", NULL};
	static const struct {
		uint32_t tgid, uid;
		const char *comm, *exe;
		enum zw_elevation elevation;
	} chain[] = {
		{800, 0, "bash", "/usr/bin/bash", ZW_ELEVATION_NONE},
		{790, 1000, "sudo", "/usr/bin/sudo", ZW_ELEVATION_SUDO},
		{700, 1000, "sshd", "/usr/sbin/sshd", ZW_ELEVATION_NONE},
	};
	struct zw_actor *actor = sample_checked(calloc(1, sizeof(*actor)));

	actor->refs = 1;
	actor->tgid = actor->tid = 812;
	actor->start_ns = 5000000000;
	actor->start_real_ns = SAMPLE_TIME_NS - 1000000000;
	strcpy(actor->comm, "sed");
	actor->name = sample_text("sed");
	actor->exe = sample_text("/usr/bin/sed");
	actor->cwd = sample_text("/etc/bind");
	sample_argv(argv, &actor->argv, &actor->argc);
	actor->real = (struct zw_actor_user){0, sample_text("root")};
	actor->effective = (struct zw_actor_user){0, sample_text("root")};
	actor->login = (struct zw_actor_user){1000, sample_text("alice")};
	actor->principal = (struct zw_actor_user){1000, sample_text("alice")};
	actor->session = 7;
	strcpy(actor->tty, "pts/2");
	actor->origin_ip = sample_text("198.51.100.7");
	actor->origin_port = 50122;
	actor->cgroup = sample_text("/user.slice/user-1000.slice/session-7.scope");
	actor->ancestor = sample_checked(calloc(ZW_ARRAY_SIZE(chain), sizeof(*actor->ancestor)));
	actor->ancestors = ZW_ARRAY_SIZE(chain);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(chain); i++) {
		struct zw_ancestor *a = &actor->ancestor[i];

		a->tgid = chain[i].tgid;
		a->uid = chain[i].uid;
		a->loginuid = 1000;
		strcpy(a->comm, chain[i].comm);
		a->exe = sample_text(chain[i].exe);
		a->elevation = chain[i].elevation;
	}
	return actor;
}

static inline void sample_cause(
	struct zw_report *report, enum zw_role role, uint32_t evidence, struct zw_actor *actor)
{
	report->cause = sample_checked(
		reallocarray(report->cause, report->causes + 1, sizeof(*report->cause)));
	report->cause[report->causes++] = (struct zw_report_cause){
		.role = role,
		.channel = ZW_CHANNEL_FILE,
		.evidence = evidence,
		.first_ns = SAMPLE_TIME_NS - 1000,
		.last_ns = SAMPLE_TIME_NS,
		.actor = actor,
	};
}

static inline struct zw_report *sample_report(enum zw_action action, uint64_t sequence)
{
	struct zw_report *report = sample_checked(calloc(1, sizeof(*report)));
	struct zw_ulid_state state = {};

	report->action = action;
	report->sequence = sequence;
	report->time_ns = SAMPLE_TIME_NS;
	zw_ulid(&state, SAMPLE_TIME_NS, report->id);
	return report;
}

/* The event of DESIGN section 5. @diff is taken over; NULL: www.example.com. A is changed. */
static inline struct zw_report *sample_change(uint64_t sequence, struct zw_diff *diff)
{
	struct zw_report *report = sample_report(ZW_ACTION_RECORD_CHANGE, sequence);

	report->severity = 73;
	report->escalate = true;
	report->message =
		sample_text("alice changed www.example.com. A 192.0.2.1 -> 203.0.113.9 in "
			    "example.com. with sed (file)");
	report->server_kind = sample_text("bind");
	report->server_pid = 411;
	report->view = sample_text("_default");
	report->zone = sample_text("example.com.");
	report->channel = ZW_CHANNEL_FILE;
	report->has_serial_before = report->has_serial_after = true;
	report->serial_before = 7;
	report->serial_after = 8;
	report->diff =
		diff ? diff : sample_diff("www 3600 A 192.0.2.1\n", "www 60 A 203.0.113.9\n");
	report->attribution = ZW_ATTRIBUTION_CERTAIN;
	report->verdict = ZW_VERDICT_UNAUTHORIZED;
	report->has_principal = true;
	sample_cause(
		report, ZW_ROLE_WRITER, ZW_EVIDENCE_WRITE | ZW_EVIDENCE_RENAME, sample_actor());
	report->file = (struct zw_report_file){
		.path = sample_text("/etc/bind/db.example.com"),
		.dev = 0x800001,
		.ino = 4711,
		.size_bytes = 321,
		.mode = 0100644,
		.mtime_ns = SAMPLE_TIME_NS,
		.ctime_ns = SAMPLE_TIME_NS,
	};
	if (zw_report_add_reason(
		    report, "login user %s is not an admin of %s", "alice", "example.com.") < 0)
		abort();
	return report;
}

/* The same change asked for by a host elsewhere, with a key. */
static inline struct zw_report *sample_update(uint64_t sequence)
{
	struct zw_report *report = sample_change(sequence, NULL);
	struct zw_report_cause *cause = &report->cause[0];

	free(report->message);
	report->message = sample_text("198.51.100.9 changed www.example.com. A 192.0.2.1 -> "
				      "203.0.113.9 in example.com. with key ddns-key (update)");
	report->channel = ZW_CHANNEL_UPDATE;
	zw_actor_unref(cause->actor);
	*cause = (struct zw_report_cause){
		.role = ZW_ROLE_PEER,
		.channel = ZW_CHANNEL_UPDATE,
		.evidence = ZW_EVIDENCE_REQUEST | ZW_EVIDENCE_CONTENT,
		.first_ns = SAMPLE_TIME_NS - 1000,
		.last_ns = SAMPLE_TIME_NS,
		.tsig_key = sample_text("ddns-key"),
		.peer = sample_text("198.51.100.9"),
		.peer_port = 41234,
	};
	return report;
}

/* What alice says of an event. */
static inline struct zw_report *sample_acknowledged(uint64_t sequence)
{
	struct zw_report *report = sample_report(ZW_ACTION_ACKNOWLEDGED, sequence);

	report->zone = sample_text("example.com.");
	report->attribution = ZW_ATTRIBUTION_CERTAIN;
	report->channel = ZW_CHANNEL_CONTROL;
	report->has_principal = true;
	sample_cause(report, ZW_ROLE_CLIENT, ZW_EVIDENCE_REQUEST, sample_actor());
	strcpy(report->note.of, "01JD0000000000000000000000");
	report->note.by = sample_text("carol");
	report->note.ticket = sample_text("INC-7");
	report->note.reason = sample_text("planned move");
	return report;
}

/* What she says will come. */
static inline struct zw_report *sample_expected(uint64_t sequence)
{
	struct zw_report *report = sample_report(ZW_ACTION_EXPECTED, sequence);

	report->zone = sample_text("example.com.");
	report->attribution = ZW_ATTRIBUTION_CERTAIN;
	report->channel = ZW_CHANNEL_CONTROL;
	report->has_principal = true;
	sample_cause(report, ZW_ROLE_CLIENT, ZW_EVIDENCE_REQUEST, sample_actor());
	report->note.expectation = 3;
	report->note.user = sample_text("bob");
	report->note.ticket = sample_text("CHG-8");
	report->note.from_ns = SAMPLE_TIME_NS;
	report->note.until_ns = SAMPLE_TIME_NS + 3600 * 1000000000ULL;
	return report;
}

/* Two rules found something in what she did, one of them twice, one of another version. */
static inline struct zw_report *sample_found(uint64_t sequence)
{
	struct zw_report *report = sample_change(sequence, NULL);

	sample_checked(zw_report_add_finding(report, "redirect-outside", 73, "203.0.113.9",
			       "www.example.com. leads to 203.0.113.9") == 0
			       ? report
			       : NULL);
	strcpy(report->finding[0].country, "NL");
	report->finding[0].as_number = 64496;
	report->finding[0].as_name = sample_text("Example\nNetworks");
	sample_checked(zw_report_add_finding(report, "rule-of-tomorrow", 99, NULL, "\033[2J") == 0
			       ? report
			       : NULL);
	sample_checked(zw_report_add_finding(report, "redirect-outside", 47, NULL, "again") == 0
			       ? report
			       : NULL);
	return report;
}

/* alice's nsupdate wanted something that it did not get. */
static inline struct zw_report *sample_refused(uint64_t sequence)
{
	struct zw_report *report = sample_report(ZW_ACTION_UPDATE_REFUSED, sequence);

	report->severity = 47;
	report->zone = sample_text("example.com.");
	report->channel = ZW_CHANNEL_UPDATE;
	report->attribution = ZW_ATTRIBUTION_CERTAIN;
	report->has_principal = true;
	sample_cause(report, ZW_ROLE_CLIENT, ZW_EVIDENCE_REQUEST, sample_actor());
	report->cause[0].channel = ZW_CHANNEL_UPDATE;
	report->cause[0].peer = sample_text("127.0.0.1");
	report->cause[0].peer_port = 41234;
	report->request.transport = "udp";
	strcpy(report->request.rcode, "REFUSED");
	report->request.asked = sample_checked(calloc(1, sizeof(char *)));
	report->request.asked[report->request.asked_len++] =
		sample_text("add www.example.com. 300 A 203.0.113.9");
	report->request.asked_total = 3;
	return report;
}
