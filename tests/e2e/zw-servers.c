/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prints what discovery finds, one JSON object a line, for the end-to-end tests:
 *	zw-servers [PID]...	servers and their zones, of these processes only when any are given
 *	zw-servers --fingerprint PID
 *	zw-servers --walk PID PATH	the result of walking PATH in the root of PID and what the file holds */
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/server.h"

static void print(json_t *o)
{
	json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(o);
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static void print_server(const struct zw_server *s)
{
	json_t *listens = json_array();

	for (size_t i = 0; i < s->listens.len; i++)
		json_array_append_new(listens, json_string(s->listens.items[i]));
	print(json_pack("{ss si so so so so so}", "server", zw_server_kind_to_string(s->kind),
		"pid", (int)s->pid, "config", text_or_null(s->config), "control",
		text_or_null(s->control), "cwd", text_or_null(s->cwd), "chroot",
		text_or_null(s->chroot), "listens", listens));
}

static void print_zones(const struct zw_server *s)
{
	static const char *const roles[] = {"primary", "secondary", "other"};
	_zw_cleanup_(zw_server_zones_done) zw_server_zones zones = {};
	_zw_str_ struct zw_str error = {};
	uint64_t start = zw_boottime_ns();
	int r = zw_server_list_zones(s, "/proc", &zones, &error);
	uint64_t took = zw_boottime_ns() - start;

	if (r < 0) {
		print(json_pack("{si si ss}", "pid", (int)s->pid, "result", r, "error",
			error.buf ? error.buf : ""));
		return;
	}
	for (size_t i = 0; i < zones.len; i++) {
		const struct zw_server_zone *z = &zones.items[i];

		print(json_pack("{si ss ss so ss}", "pid", (int)s->pid, "zone", z->name, "view",
			z->view, "file", text_or_null(z->file), "role", roles[z->role]));
	}
	print(json_pack("{si sI sf}", "pid", (int)s->pid, "zones", (json_int_t)zones.len, "ms",
		(double)took / ZW_NSEC_PER_MSEC));
}

static int walk(const char *pid, const char *path)
{
	_zw_free_ char *name = zw_asprintf("/proc/%s/root", pid);
	_zw_close_ int root = name ? open(name, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	_zw_walk_ struct zw_walk w = {.fd = -1};
	char buf[4096] = "";

	if (zw_walk_path(root, path, true, &w) < 0)
		return 1;
	if (w.fd >= 0 && pread(w.fd, buf, sizeof(buf) - 1, 0) < 0)
		return 1;
	print(json_pack(
		"{si si ss}", "result", w.result, "places", (int)w.places.len, "text", buf));
	return 0;
}

static bool wanted(const struct zw_server *s, char **pids)
{
	uint32_t pid;

	if (!*pids)
		return true;
	for (; *pids; pids++)
		if (zw_parse_u32(*pids, &pid) == 0 && (pid_t)pid == s->pid)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	_zw_cleanup_(zw_servers_done) zw_servers servers = {};
	bool fingerprint = argc > 1 && strcmp(argv[1], "--fingerprint") == 0;
	uint64_t start = zw_boottime_ns(), fp = 0;

	if (argc == 4 && strcmp(argv[1], "--walk") == 0)
		return walk(argv[2], argv[3]);
	if (zw_servers_discover("/proc", &servers) < 0)
		return 1;
	for (size_t i = 0; i < servers.len; i++) {
		const struct zw_server *s = &servers.items[i];

		if (!wanted(s, argv + 1 + fingerprint))
			continue;
		if (!fingerprint) {
			print_server(s);
			print_zones(s);
			continue;
		}
		start = zw_boottime_ns();
		if (zw_server_fingerprint(s, "/proc", &fp) < 0)
			return 1;
		printf("%016jx %.3f ms\n", (uintmax_t)fp,
			(double)(zw_boottime_ns() - start) / ZW_NSEC_PER_MSEC);
	}
	return 0;
}
