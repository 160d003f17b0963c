/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/geo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "cli/feed_file.h"
#include "cli/geo_db.h"

/* Databases are issued twice a week. */
#define LOOK_NS (10 * ZW_NSEC_PER_SEC)

struct database {
	char *path;
	struct zw_geo_db *db;        /* NULL: not open */
	struct zw_feed_file_id file; /* that is open, or could not be */
	char *error;                 /* told already; NULL: nothing is wrong */
};

struct zw_geo {
	ZW_VEC(struct database) databases;
	uint64_t look_ns; /* CLOCK_BOOTTIME */
};

int zw_geo_new(struct zw_geo **ret_geo)
{
	struct zw_geo *geo = calloc(1, sizeof(*geo));

	if (!geo)
		return -ENOMEM;
	*ret_geo = geo;
	return 0;
}

static void database_done(struct database *d)
{
	zw_geo_db_close(d->db);
	free(d->path);
	free(d->error);
}

void zw_geo_free(struct zw_geo *geo)
{
	if (!geo)
		return;
	ZW_VEC_FOREACH(d, &geo->databases)
		database_done(d);
	zw_vec_free(&geo->databases);
	free(geo);
}

/* Says it once. */
static void set_error(struct database *d, const char *error)
{
	if (d->error && zw_streq(d->error, error))
		return;
	free(d->error);
	d->error = strdup(error);
	zw_warning("cannot use the address database '%s': %s", d->path, error);
}

static void look(struct database *d)
{
	struct zw_feed_file_id now = {};
	const char *error = NULL;
	struct zw_geo_db *db;
	int r = zw_feed_file_look(d->path, &now);

	/* What is open is good for as long as it is mapped. */
	if (r < 0 && !d->db)
		set_error(d, strerror(-r));
	if (r < 0 || zw_feed_file_id_equal(&now, &d->file))
		return;
	d->file = now;
	r = zw_geo_db_open(d->path, &db, &error);
	if (r < 0) {
		set_error(d, error ? error : strerror(-r));
		return;
	}
	zw_geo_db_close(d->db);
	d->db = db;
	free(ZW_TAKE(d->error));
}

int zw_geo_follow(struct zw_geo *geo, const struct zw_conf *conf)
{
	ZW_VEC_FOREACH(d, &geo->databases)
		database_done(d);
	geo->databases.len = 0;
	for (size_t i = 0; i < conf->maxminds; i++) {
		struct database d = {.path = strdup(conf->maxmind[i])};
		int r = d.path ? zw_vec_push(&geo->databases, d) : -ENOMEM;

		if (r < 0) {
			free(d.path);
			return r;
		}
		look(&geo->databases.items[i]);
	}
	return 0;
}

void zw_geo_tick(struct zw_geo *geo, uint64_t now_ns)
{
	if (now_ns < geo->look_ns)
		return;
	geo->look_ns = now_ns + LOOK_NS;
	ZW_VEC_FOREACH(d, &geo->databases)
		look(d);
}

static bool read_address(const char *text, struct sockaddr_storage *ret_address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;

	*ret_address = (struct sockaddr_storage){};
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		ret_address->ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		ret_address->ss_family = AF_INET6;
	return ret_address->ss_family != AF_UNSPEC;
}

static int explain(const struct zw_geo *geo, struct zw_report_finding *finding)
{
	struct sockaddr_storage address;
	int r = 0;

	if (!finding->subject || !read_address(finding->subject, &address))
		return 0;
	ZW_VEC_FOREACH(d, &geo->databases) {
		struct zw_geo_facts facts = {};

		if (!d->db || !zw_geo_db_find(d->db, (struct sockaddr *)&address, &facts))
			continue;
		if (!finding->country[0])
			memcpy(finding->country, facts.country, sizeof(finding->country));
		if (finding->as_number || !facts.as_number)
			continue;
		finding->as_number = facts.as_number;
		finding->as_name =
			facts.as_name_len ? strndup(facts.as_name, facts.as_name_len) : NULL;
		if (facts.as_name_len && !finding->as_name)
			r = -ENOMEM;
	}
	return r;
}

int zw_geo_explain(const struct zw_geo *geo, struct zw_report *report)
{
	int r = 0;

	for (size_t i = 0; geo->databases.len && i < report->findings && r == 0; i++)
		r = explain(geo, &report->finding[i]);
	return r;
}

json_t *zw_geo_status(const struct zw_geo *geo)
{
	json_t *list = json_array();

	ZW_VEC_FOREACH(d, &geo->databases) {
		char written[ZW_TIME_ISO_MAX] = "";

		if (d->db)
			zw_time_iso(d->file.mtime_ns, written);
		json_array_append_new(list,
			json_pack("{s:s, s:b, s:s*, s:s*}", "file", d->path, "open", d->db != NULL,
				"written", d->db ? written : NULL, "error", d->error));
	}
	return list;
}
