/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/geo_db.h"

#include <errno.h>

#ifdef ZW_HAVE_MAXMINDDB

#include <maxminddb.h>
#include <stdlib.h>
#include <string.h>

/* An organisation has a name, not a story. */
#define NAME_MAX_OCTETS 128

struct zw_geo_db {
	MMDB_s mmdb;
};

int zw_geo_db_open(const char *path, struct zw_geo_db **ret_db, const char **ret_error)
{
	struct zw_geo_db *db = calloc(1, sizeof(*db));
	int r;

	if (!db)
		return -ENOMEM;
	r = MMDB_open(path, MMDB_MODE_MMAP, &db->mmdb);
	if (r != MMDB_SUCCESS) {
		free(db);
		*ret_error = MMDB_strerror(r);
		return -EINVAL;
	}
	*ret_db = db;
	return 0;
}

void zw_geo_db_close(struct zw_geo_db *db)
{
	if (!db)
		return;
	MMDB_close(&db->mmdb);
	free(db);
}

static bool get(MMDB_entry_s *entry, const char *const *path, uint32_t type, MMDB_entry_data_s *ret)
{
	return MMDB_aget_value(entry, ret, path) == MMDB_SUCCESS && ret->has_data &&
	       ret->type == type;
}

bool zw_geo_db_find(
	const struct zw_geo_db *db, const struct sockaddr *address, struct zw_geo_facts *ret_facts)
{
	static const char *const country[] = {"country", "iso_code", NULL};
	static const char *const number[] = {"autonomous_system_number", NULL};
	static const char *const name[] = {"autonomous_system_organization", NULL};
	struct zw_geo_facts facts = {};
	MMDB_lookup_result_s found;
	MMDB_entry_data_s data;
	int r;

	found = MMDB_lookup_sockaddr(&db->mmdb, address, &r);
	if (r != MMDB_SUCCESS || !found.found_entry)
		return false;
	if (get(&found.entry, country, MMDB_DATA_TYPE_UTF8_STRING, &data) && data.data_size == 2)
		memcpy(facts.country, data.utf8_string, 2);
	if (get(&found.entry, number, MMDB_DATA_TYPE_UINT32, &data))
		facts.as_number = data.uint32;
	if (get(&found.entry, name, MMDB_DATA_TYPE_UTF8_STRING, &data)) {
		facts.as_name = data.utf8_string;
		facts.as_name_len =
			data.data_size < NAME_MAX_OCTETS ? data.data_size : NAME_MAX_OCTETS;
	}
	*ret_facts = facts;
	return true;
}

#else

int zw_geo_db_open(const char *path, struct zw_geo_db **ret_db, const char **ret_error)
{
	(void)path;
	(void)ret_db;
	*ret_error = "this program was built without libmaxminddb";
	return -EOPNOTSUPP;
}

void zw_geo_db_close(struct zw_geo_db *db)
{
	(void)db;
}

bool zw_geo_db_find(
	const struct zw_geo_db *db, const struct sockaddr *address, struct zw_geo_facts *ret_facts)
{
	(void)db;
	(void)address;
	(void)ret_facts;
	return false;
}

#endif
