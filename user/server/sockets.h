/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a family of processes listens on, from /proc. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "server/server.h"

typedef ZW_VEC(uint64_t) zw_inodes;

/* Adds the inode of every socket that @pid holds open. 0 also when the process is gone. */
int zw_sockets_of(const char *proc_root, pid_t pid, zw_inodes *inodes);

/* Appends "127.0.0.1:53/udp" and the like to @server, and its control channels, for those of @inodes (sorted here) that
 * listen in the network namespace of its process. */
int zw_sockets_listening(const char *proc_root, zw_inodes *inodes, struct zw_server *server);
