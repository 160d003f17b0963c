/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zone lists of servers that are plain files. */
#pragma once

#include "server_fixture.h"

struct listing {
	zw_server_zones zones;
	struct zw_str error;
	int result;
};

static inline void listing_done(struct listing *l)
{
	zw_server_zones_done(&l->zones);
	zw_str_free(&l->error);
}
#define _listing_ _zw_cleanup_(listing_done)

static inline struct zw_server server_of(
	struct fixture *f, enum zw_server_kind kind, const char *config)
{
	return (struct zw_server){.kind = kind,
		.pid = 10,
		.config = (char *)config,
		.cwd = (char *)"/wd",
		.chroot = f->root};
}

static inline struct listing list(struct fixture *f, enum zw_server_kind kind, const char *config)
{
	struct zw_server server = server_of(f, kind, config);
	struct listing l = {};

	l.result = zw_server_list_zones(&server, f->proc, &l.zones, &l.error);
	return l;
}

static inline struct listing list_text(
	struct fixture *f, enum zw_server_kind kind, const char *text)
{
	put_process(f, 10, 1, "/usr/sbin/x", "x");
	put(f, "etc/conf", text);
	return list(f, kind, "/etc/conf");
}
