/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a running PowerDNS serves. "pdns_control bind-add-zone" adds zones without a trace in any file, and some backends
 * keep their zones where only they can read them, so the server itself is asked, over its control socket
 * (pdns_control(1)). */
#pragma once

#include "server/driver.h"

/* Appends the zones that the server behind @socket, a path in its own root, has and @zones has not, by name. 0 or
 * -errno; -EOPNOTSUPP when it has no bind backend, or one before 4.5 that does not say which files it reads. */
int zw_pdns_list_running(
	const struct zw_server_roots *roots, const char *socket, zw_server_zones *zones);

/* Appends the zones of any backend that @zones has not, without a file. 0 or -errno; -EOPNOTSUPP when it is one before
 * 4.0 that does not list them. */
int zw_pdns_list_all(
	const struct zw_server_roots *roots, const char *socket, zw_server_zones *zones);
/* The same from the answer to list-zones (pdns, dynhandler.cc, DLListZones); @text is modified. */
int zw_pdns_parse_list(char *text, zw_server_zones *zones);

/* What is appended by zw_pdns_list_running(), from the answer to bind-domain-extended-status (pdns,
 * modules/bindbackend/bindbackend2.cc); @text is modified. */
int zw_pdns_parse_status(char *text, zw_server_zones *zones);
