/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the process table costs: time per event decoded, fed and resolved, and memory per process.
 *
 *	bench_actor [PROCESSES]		default 60000
 *
 * Processes live and die as under a busy shell: each is forked, executes a program with four arguments, writes
 * once and exits. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor/table.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"

#define PROCESSES 60000
#define SHELLS 6 /* nested, so that an actor has as many ancestors */
#define FIRST_PID 1000

enum step { DECODE, FORK, EXEC, RESOLVE, EXIT, EXPIRE, STEPS };

static const char *const step_names[STEPS] = {
	"decode", "feed fork", "feed exec", "resolve", "feed exit", "expire"};

static void require(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "bench_actor: %s: %s\n", what, strerror(-r));
	exit(EXIT_FAILURE);
}

static uint64_t start_of(uint32_t pid)
{
	return (uint64_t)pid * ZW_NSEC_PER_MSEC;
}

static void fill_wire(struct zw_wire_file *w, uint32_t pid)
{
	static const char argv[] = "sed\0-i\0s/192.0.2.1/203.0.113.9/\0/etc/bind/db.example.com";
	static const char exe[] = "sed\0bin\0usr", cwd[] = "bind\0etc";

	memset(w, 0, sizeof(*w));
	w->hdr = (struct zw_wire_hdr){
		sizeof(*w), ZW_WIRE_FILE, ZW_HOOK_TP_DIRTY, ZW_WIRE_VERSION, start_of(pid) + 3};
	w->op = ZW_FOP_WRITE;
	w->actor.start_ns = start_of(pid);
	w->actor.tgid = w->actor.tid = pid;
	w->actor.loginuid = w->actor.session = ZW_ID_UNSET;
	w->actor.exe_ino = 7;
	memcpy(w->actor.comm, "sed", 4);
	memcpy(w->actor.argv, argv, sizeof(argv));
	w->actor.argv_len = sizeof(argv);
	memcpy(w->actor.exe, exe, sizeof(exe));
	w->actor.exe_len = sizeof(exe);
	memcpy(w->actor.cwd, cwd, sizeof(cwd));
	w->actor.cwd_len = sizeof(cwd);
	w->actor.ancestors = SHELLS;
	for (uint32_t i = 0; i < SHELLS; i++) {
		w->actor.ancestor[i].tgid = SHELLS - i;
		w->actor.ancestor[i].start_ns = start_of(SHELLS - i);
		w->actor.ancestor[i].exe_ino = 7;
	}
}

static void feed_tree(
	struct zw_proc_table *table, enum zw_wire_type type, uint32_t parent, uint32_t child)
{
	struct zw_event event = {
		.type = type,
		.time_ns = start_of(child) + (type == ZW_WIRE_FORK ? 1 : 4),
		.fork = {start_of(parent), start_of(child), parent, child},
	};

	require(zw_proc_table_feed(table, &event), "feed");
}

/* One life; adds what each step took to @ns. */
static void live(
	struct zw_proc_table *table, uint32_t parent, uint32_t pid, uint64_t ns[static STEPS])
{
	_zw_actor_unref_ struct zw_actor *actor = NULL;
	_zw_event_ struct zw_event event = {};
	struct zw_wire_file wire;
	uint64_t t[STEPS];

	fill_wire(&wire, pid);
	t[DECODE] = zw_boottime_ns();
	require(zw_event_decode(&wire, sizeof(wire), &event), "decode");
	t[FORK] = zw_boottime_ns();
	feed_tree(table, ZW_WIRE_FORK, parent, pid);
	t[EXEC] = zw_boottime_ns();
	event.type = ZW_WIRE_EXEC;
	require(zw_proc_table_feed(table, &event), "feed");
	t[RESOLVE] = zw_boottime_ns();
	event.type = ZW_WIRE_FILE;
	require(zw_proc_table_resolve(table, &event, &actor), "resolve");
	t[EXIT] = zw_boottime_ns();
	if (pid > SHELLS)
		feed_tree(table, ZW_WIRE_EXIT, parent, pid);
	t[EXPIRE] = zw_boottime_ns();
	for (int i = DECODE; i < EXPIRE; i++)
		ns[i] += t[i + 1] - t[i];
}

int main(int argc, char **argv)
{
	_zw_proc_table_free_ struct zw_proc_table *table = NULL;
	uint64_t ns[STEPS] = {}, before;
	uint32_t processes = PROCESSES;
	size_t used, held;

	if (argc > 2 || (argc == 2 && zw_parse_u32(argv[1], &processes) < 0) || processes == 0) {
		fprintf(stderr, "usage: bench_actor [PROCESSES]\n");
		return 2;
	}
	require(zw_proc_table_new("/nonexistent", &table), "new");
	for (uint32_t i = 1; i <= SHELLS; i++)
		live(table, i - 1, i, ns);
	memset(ns, 0, sizeof(ns));
	used = mallinfo2().uordblks;
	for (uint32_t i = 0; i < processes; i++)
		live(table, SHELLS, FIRST_PID + i, ns);
	used = mallinfo2().uordblks - used;
	held = zw_proc_table_len(table);
	before = zw_boottime_ns();
	zw_proc_table_expire(table, UINT64_MAX, 0);
	ns[EXPIRE] = zw_boottime_ns() - before;
	for (int i = 0; i < STEPS; i++)
		printf("%-10s %6.0f ns\n", step_names[i], (double)ns[i] / processes);
	printf("%-10s %6.0f bytes each, %zu held\n", "memory", (double)used / (double)held, held);
	before = zw_boottime_ns();
	zw_proc_table_free(ZW_TAKE(table));
	require(zw_proc_table_new("/proc", &table), "new");
	require(zw_proc_table_seed(table), "seed");
	printf("%-10s %6.0f us for each of %zu processes\n", "seed",
		(double)(zw_boottime_ns() - before) / 1e3 / (double)zw_proc_table_len(table),
		zw_proc_table_len(table));
	return 0;
}
