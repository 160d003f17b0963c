/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A history as years of changes would leave it, made by the writer itself: one zone of many names, changed one RRset at
 * a time by twenty users and eight keys from many addresses. The same numbers give the same changes. Everything aborts
 * when it fails. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report_sample.h"
#include "dns/rr.h"
#include "sink/history.h"
#include "sink/history_impl.h"
#include "sink/sink.h"

#define HISTORY_FILL_ZONE "example.com."
/* Between two changes: a million of them are some seven months. */
#define HISTORY_FILL_STEP_NS 20000000000ULL
#define HISTORY_FILL_BATCH 10000

struct history_fill {
	uint64_t changes;
	uint32_t
		names; /* www0 .. with an A record each; with the SOA and the NS, records of the zone */
};

struct history_fill_run {
	const struct history_fill *wanted;
	struct zw_hash_key key;
	uint8_t origin[ZW_NAME_MAX];
	uint32_t *address; /* of each name, now */
	uint64_t random;
	struct zw_ulid_state ulid;
};

static const struct zw_history_zone history_fill_zone = {
	"bind:/etc/bind/named.conf", "_default", HISTORY_FILL_ZONE};

static inline double history_fill_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* xorshift64 (Marsaglia 2003) */
static inline uint64_t history_fill_random(struct history_fill_run *run)
{
	run->random ^= run->random << 13;
	run->random ^= run->random >> 7;
	run->random ^= run->random << 17;
	return run->random;
}

static inline void history_fill_check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	abort();
}

static inline void history_fill_add(
	struct zw_builder *b, const uint8_t *owner, uint16_t type, const void *rdata, size_t len)
{
	struct zw_record record = {
		.owner = owner,
		.owner_len = (uint8_t)zw_name_len(owner),
		.type = type,
		.klass = ZW_CLASS_IN,
		.ttl = 300,
		.rdata = rdata,
		.rdata_len = (uint16_t)len,
	};

	history_fill_check(zw_builder_add(b, &record), "builder");
}

static inline void history_fill_add_soa(
	struct history_fill_run *run, struct zw_builder *b, uint32_t serial)
{
	uint8_t soa[64], ns[ZW_NAME_MAX], mail[ZW_NAME_MAX];
	uint32_t numbers[5] = {serial, 7200, 3600, 1209600, 300};
	size_t ns_len, mail_len;

	history_fill_check(zw_name_from_text("ns1." HISTORY_FILL_ZONE, ns, &ns_len), "name");
	history_fill_check(zw_name_from_text("admin." HISTORY_FILL_ZONE, mail, &mail_len), "name");
	memcpy(soa, ns, ns_len);
	memcpy(soa + ns_len, mail, mail_len);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(numbers); i++) {
		uint32_t n = __builtin_bswap32(numbers[i]);

		memcpy(soa + ns_len + mail_len + i * sizeof(n), &n, sizeof(n));
	}
	history_fill_add(b, run->origin, ZW_TYPE_SOA, soa, ns_len + mail_len + sizeof(numbers));
}

static inline void history_fill_add_name(
	struct history_fill_run *run, struct zw_builder *b, uint32_t name, uint32_t address)
{
	uint8_t owner[ZW_NAME_MAX];
	char text[64];

	(void)run;
	snprintf(text, sizeof(text), "www%u." HISTORY_FILL_ZONE, name);
	history_fill_check(zw_name_from_text(text, owner, NULL), "name");
	address = __builtin_bswap32(address);
	history_fill_add(b, owner, ZW_TYPE_A, &address, sizeof(address));
}

/* The SOA and, but for @name UINT32_MAX, which means all of them, one name. */
static inline struct zw_snapshot *history_fill_snapshot(
	struct history_fill_run *run, uint32_t serial, uint32_t name, uint32_t address)
{
	_zw_builder_ struct zw_builder *b = NULL;
	struct zw_snapshot *snapshot = NULL;

	history_fill_check(zw_builder_new(&run->key, run->origin, NULL, &b), "builder");
	history_fill_add_soa(run, b, serial);
	if (name != UINT32_MAX)
		history_fill_add_name(run, b, name, address);
	for (uint32_t i = 0; name == UINT32_MAX && i < run->wanted->names; i++)
		history_fill_add_name(run, b, i, run->address[i]);
	history_fill_check(zw_builder_finish(b, &snapshot), "builder");
	return snapshot;
}

static inline void history_fill_actor(struct history_fill_run *run, struct zw_report *report)
{
	uint64_t n = history_fill_random(run);
	struct zw_report_cause *cause;
	struct zw_actor *actor;
	char text[64];

	if (n % 4 == 0) {
		report->channel = ZW_CHANNEL_UPDATE;
		sample_cause(report, ZW_ROLE_PEER, ZW_EVIDENCE_REQUEST | ZW_EVIDENCE_CONTENT, NULL);
		cause = &report->cause[0];
		cause->channel = ZW_CHANNEL_UPDATE;
		snprintf(text, sizeof(text), "ddns-key-%u", (unsigned int)(n >> 8) % 8);
		cause->tsig_key = sample_text(text);
		snprintf(text, sizeof(text), "198.51.%u.%u", (unsigned int)(n >> 16) % 256,
			(unsigned int)(n >> 24) % 256);
		cause->peer = sample_text(text);
		cause->peer_port = 41234;
		return;
	}
	actor = sample_actor();
	report->channel = ZW_CHANNEL_FILE;
	actor->tgid = actor->tid = 1000 + (uint32_t)(n >> 8) % 30000;
	actor->principal.uid = actor->login.uid = 1000 + (uint32_t)(n >> 24) % 20;
	snprintf(text, sizeof(text), "user%u", actor->login.uid);
	free(actor->principal.name);
	free(actor->login.name);
	actor->principal.name = sample_text(text);
	actor->login.name = sample_text(text);
	sample_cause(report, ZW_ROLE_WRITER, ZW_EVIDENCE_WRITE | ZW_EVIDENCE_RENAME, actor);
}

static inline struct zw_report *history_fill_report(struct history_fill_run *run, uint64_t i)
{
	uint32_t name = (uint32_t)(history_fill_random(run) % run->wanted->names);
	uint32_t address = 0x0a000000 | (uint32_t)(history_fill_random(run) & 0xffffff);
	_zw_snapshot_ struct zw_snapshot *before =
		history_fill_snapshot(run, (uint32_t)i + 1, name, run->address[name]);
	_zw_snapshot_ struct zw_snapshot *after =
		history_fill_snapshot(run, (uint32_t)i + 2, name, address);
	struct zw_report *report = sample_report(ZW_ACTION_RECORD_CHANGE, i);

	run->address[name] = address;
	report->time_ns = SAMPLE_TIME_NS + i * HISTORY_FILL_STEP_NS;
	zw_ulid(&run->ulid, report->time_ns, report->id);
	history_fill_check(zw_diff_new(before, after, &report->diff), "diff");
	report->message = sample_text("somebody changed an address in " HISTORY_FILL_ZONE);
	report->server_kind = sample_text("bind");
	report->server_pid = 411;
	report->view = sample_text("_default");
	report->zone = sample_text(HISTORY_FILL_ZONE);
	report->has_serial_before = report->has_serial_after = true;
	report->serial_before = (uint32_t)i + 1;
	report->serial_after = (uint32_t)i + 2;
	report->attribution = ZW_ATTRIBUTION_CERTAIN;
	report->has_principal = true;
	report->verdict = i % 100 ? ZW_VERDICT_AUTHORIZED : ZW_VERDICT_UNAUTHORIZED;
	report->severity = i % 100 ? 1 : 73;
	report->escalate = i % 100 == 0;
	history_fill_actor(run, report);
	return report;
}

static inline void history_fill_put(
	struct history_fill_run *run, struct zw_history *history, uint64_t i)
{
	static const struct zw_sink_host host = {.hostname = "ns1"};
	_zw_report_free_ struct zw_report *report = history_fill_report(run, i);
	_zw_str_ struct zw_str json = {};

	history_fill_check(zw_report_to_json(report, &host, &json), "JSON");
	history_fill_check(
		zw_history_put_event(history, &history_fill_zone, report, json.buf, json.len),
		"put event");
}

static inline void history_fill_state(
	struct history_fill_run *run, struct zw_history *history, uint64_t i)
{
	_zw_snapshot_ struct zw_snapshot *all =
		history_fill_snapshot(run, (uint32_t)i + 1, UINT32_MAX, 0);

	history_fill_check(zw_history_store_zone(history, &history_fill_zone, all,
				   SAMPLE_TIME_NS + i * HISTORY_FILL_STEP_NS),
		"store zone");
}

/* Makes the database at @path. Without syncs, which only a crash would show, and in large transactions. Returns the
 * seconds it took. */
static inline double history_fill(const char *path, const struct history_fill *wanted)
{
	_zw_history_close_ struct zw_history *history = NULL;
	_zw_str_ struct zw_str error = {};
	struct history_fill_run run = {.wanted = wanted, .random = 88172645463325252ULL};
	double begin = history_fill_now();

	zw_hash_key_init(&run.key);
	history_fill_check(zw_name_from_text(HISTORY_FILL_ZONE, run.origin, NULL), "name");
	run.address = sample_checked(calloc(wanted->names, sizeof(*run.address)));
	if (zw_history_open(path, &history, &error) < 0) {
		fprintf(stderr, "%s\n", error.buf);
		abort();
	}
	sqlite3_exec(history->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
	history_fill_check(zw_history_begin(history), "begin");
	history_fill_state(&run, history, 0);
	for (uint64_t i = 0; i < wanted->changes; i++) {
		history_fill_put(&run, history, i);
		if (i % HISTORY_FILL_BATCH == HISTORY_FILL_BATCH - 1) {
			history_fill_check(zw_history_commit(history), "commit");
			history_fill_check(zw_history_begin(history), "begin");
		}
	}
	history_fill_state(&run, history, wanted->changes);
	history_fill_check(zw_history_commit(history), "commit");
	free(run.address);
	return history_fill_now() - begin;
}
