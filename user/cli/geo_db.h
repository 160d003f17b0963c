/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to cli/geo*.c: one database in MaxMind's format, by libmaxminddb where it was there for the build. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct zw_geo_db;

struct zw_geo_facts {
	char country[3]; /* empty: not known */
	uint32_t as_number;
	const char *as_name; /* of the database, not terminated */
	size_t as_name_len;
};

/* -EOPNOTSUPP without the library, -ENOMEM, -EINVAL with a reason in *@ret_error, which is static. */
int zw_geo_db_open(const char *path, struct zw_geo_db **ret_db, const char **ret_error);
/* NULL is allowed. */
void zw_geo_db_close(struct zw_geo_db *db);
/* False when it has nothing on the address. */
bool zw_geo_db_find(
	const struct zw_geo_db *db, const struct sockaddr *address, struct zw_geo_facts *ret_facts);
