/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration parsers of all servers on bytes that may come from a container. The first byte says whose. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/knotconf.h"
#include "server/namedconf.h"
#include "server/pdns_control.h"

static char dir[] = "/tmp/zw-fuzz-XXXXXX";
static bool made;

static void put(const char *name, const void *data, size_t len)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	close(fd);
}

static void remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		perror(command);
}

/* A process 1 of a made-up /proc whose root is the scratch directory itself. */
static void make_dir(void)
{
	char path[128];

	if (!mkdtemp(dir))
		abort();
	made = true;
	atexit(remove_dir);
	snprintf(path, sizeof(path), "%s/1", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/1/root", dir);
	if (symlink(dir, path) < 0)
		abort();
	put("1/cmdline", "x\0--bind-config=/conf", 22);
}

static void parse_text(const uint8_t *data, size_t size)
{
	struct zw_namedconf named = {.root_fd = -1, .cwd = "/"};
	struct zw_knotconf knot;
	zw_server_zones zones = {};
	char *text = malloc(size + 1);

	if (!text || zw_knotconf_init(&knot, -1, "/") < 0)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	zw_namedconf_parse(&named, text, size, "fuzz", "v", NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	zw_knotconf_parse_export(&knot, text);
	memcpy(text, data, size);
	text[size] = '\0';
	zw_pdns_parse_status(text, &zones);
	zw_server_zones_done(&zones);
	zw_namedconf_done(&named);
	zw_knotconf_done(&knot);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zw_server server = {
		.pid = 1, .config = (char *)"/conf", .cwd = (char *)"/", .chroot = (char *)"/j"};
	zw_server_zones zones = {};
	struct zw_str error = {};
	uint64_t fp;

	if (size == 0)
		return 0;
	if (!made)
		make_dir();
	server.kind = ZW_SERVER_BIND + data[0] % 4;
	put("conf", data + 1, size - 1);
	parse_text(data + 1, size - 1);
	if (zw_server_list_zones(&server, dir, &zones, &error) == 0)
		for (size_t i = 0; i < zones.len; i++)
			if (!zones.items[i].name || !zones.items[i].view)
				abort();
	if (data[0] & 4)
		zw_server_fingerprint(&server, dir, &fp);
	zw_server_zones_done(&zones);
	zw_str_free(&error);
	return 0;
}
