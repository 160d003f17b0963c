/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/state_knot.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <libknot/control/control.h>
#include <libknot/errcode.h>
#include <libknot/error.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/str.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "dns/rrtext.h"

/* Zones up to which each is asked for its status by itself: knotd logs every command, so mostly they are listed. */
#define SINGLE_MAX 1
/* Wait between attempts to connect while knotd's queue of connections is full. */
#define RETRY_NS (10 * ZW_NSEC_PER_MSEC)
/* Filter of zone-status for the serial alone (knotc's "+serial"). */
#define FILTER_SERIAL "s"
/* Above all serials, so that a mark is never 0. */
#define MARK_SERIAL (1ULL << 32)

struct knot {
	knot_ctl_t *ctl;
	const char *socket;
	uint64_t deadline_ns;
	const struct zw_state_sink *sink;
	struct zw_zone_error *error;
};

static int from_knot(int r)
{
	if (r == KNOT_ETIMEOUT)
		return -ETIME;
	if (r == KNOT_ECONN || r == KNOT_EOF)
		return -ECONNRESET;
	/* Between these are its own codes, below and above them negative errnos. */
	return r < KNOT_ERRNO_ERROR ? -EIO : r;
}

static int fail(const struct knot *k, int r)
{
	const char *todo = "is knotd running?";

	if (r == -ETIME)
		todo = "knotd is busy or stopped";
	else if (r == -EACCES || r == -EPERM)
		todo = "run as root";
	else if (r == -EIO || r == -ECONNRESET || r == -EPROTO)
		todo = "see knotd's log";
	else if (r == -ENOMEM)
		todo = "free some memory";
	return zw_state_fail(
		k->error, r, "control socket \"%s\": %s; %s", k->socket, strerror(-r), todo);
}

/* Every operation may take what is left of the time. */
static int begin_operation(const struct knot *k)
{
	int ms = zw_state_left_ms(k->deadline_ns);

	if (ms == 0)
		return -ETIME;
	knot_ctl_set_timeout(k->ctl, ms);
	return 0;
}

static int open_socket(struct knot *k)
{
	const struct timespec pause = {.tv_nsec = RETRY_NS};
	int r;

	k->ctl = knot_ctl_alloc();
	if (!k->ctl)
		return -ENOMEM;
	for (;;) {
		r = begin_operation(k);
		if (r < 0)
			return r;
		r = from_knot(knot_ctl_connect(k->ctl, k->socket));
		if (r != -EAGAIN)
			return r;
		nanosleep(&pause, NULL);
	}
}

static void close_socket(knot_ctl_t **ctl)
{
	if (!*ctl)
		return;
	(void)knot_ctl_send(*ctl, KNOT_CTL_TYPE_END, NULL);
	knot_ctl_free(*ctl);
}

/* Sends one command, for @zone or for all of them. */
static int command(const struct knot *k, const char *name, const char *zone, const char *filter)
{
	knot_ctl_data_t data = {
		[KNOT_CTL_IDX_CMD] = name,
		[KNOT_CTL_IDX_FLAGS] = "",
		[KNOT_CTL_IDX_ZONE] = zone,
		[KNOT_CTL_IDX_FILTER] = filter,
	};
	int r = begin_operation(k);

	if (r == 0)
		r = from_knot(knot_ctl_send(k->ctl, KNOT_CTL_TYPE_DATA, &data));
	return r < 0 ? r : from_knot(knot_ctl_send(k->ctl, KNOT_CTL_TYPE_BLOCK, NULL));
}

/* The next unit of the answer: 1, or 0 at its end. */
static int receive(const struct knot *k, knot_ctl_data_t *data)
{
	knot_ctl_type_t type;
	int r = begin_operation(k);

	if (r == 0)
		r = from_knot(knot_ctl_receive(k->ctl, &type, data));
	if (r < 0)
		return r;
	return type == KNOT_CTL_TYPE_DATA || type == KNOT_CTL_TYPE_EXTRA;
}

/* What knotd says instead of an answer about one zone. */
static int refusal(const char *text, struct zw_zone_error *error)
{
	int r = zw_streq(text, knot_strerror(KNOT_ENOZONE)) ? -ENOENT : -EREMOTEIO;

	return zw_state_fail(error, r, "knotd says \"%.100s\"", text);
}

/* --- serials ----------------------------------------------------------------------------------------- */

struct serial {
	bool told;
	bool loaded;
	uint32_t serial;
};

static void take_serial(struct serial *s, const knot_ctl_data_t data)
{
	const char *type = data[KNOT_CTL_IDX_TYPE], *value = data[KNOT_CTL_IDX_DATA];

	if (!type || !zw_streq(type, "serial"))
		return;
	s->told = true;
	/* "-" for a zone that is not loaded, or has expired. */
	s->loaded = value && zw_parse_u32(value, &s->serial) == 0;
}

static int read_serial(const struct knot *k, const char *zone, struct serial *s)
{
	knot_ctl_data_t data;
	int r = command(k, "zone-status", zone, FILTER_SERIAL);

	while (r == 0 && (r = receive(k, &data)) == 1) {
		if (!data[KNOT_CTL_IDX_ERROR])
			take_serial(s, data);
		r = 0;
	}
	return r;
}

static int index_asks(const struct zw_state_ask *asks, size_t n, struct zw_map *map)
{
	/* Values are not NULL, so numbers begin with 1. */
	for (size_t i = 0; i < n; i++) {
		int r = zw_map_put(map, asks[i].origin, zw_name_len(asks[i].origin),
			(void *)(uintptr_t)(i + 1), NULL);

		if (r < 0)
			return r;
	}
	return 0;
}

/* One answer for all zones of the server, of which others are asked for. */
static int read_all_serials(
	const struct knot *k, const struct zw_state_ask *asks, size_t n, struct serial *list)
{
	_zw_map_free_ struct zw_map *map = NULL;
	knot_ctl_data_t data;
	bool unasked = false;
	int r = zw_map_new(&map);

	if (r == 0)
		r = index_asks(asks, n, map);
	if (r == 0)
		r = command(k, "zone-status", NULL, FILTER_SERIAL);
	while (r == 0 && (r = receive(k, &data)) == 1) {
		const char *zone = data[KNOT_CTL_IDX_ZONE];
		uint8_t name[ZW_NAME_MAX];
		size_t len, number = 0;

		if (zone && zw_name_from_text(zone, name, &len) == 0) {
			zw_name_lower(name, len);
			number = (uintptr_t)zw_map_get(map, name, len);
		}
		if (number && !data[KNOT_CTL_IDX_ERROR])
			take_serial(&list[number - 1], data);
		unasked |= zone && !number;
		r = 0;
	}
	return r == 0 && unasked && k->sink->unasked ? k->sink->unasked(k->sink->ctx) : r;
}

/* --- records ----------------------------------------------------------------------------------------- */

struct reading {
	const struct zw_state_sink *sink;
	size_t i;
	bool have_soa;
	uint32_t serial;
};

static int on_record(void *ctx, const struct zw_record *record)
{
	struct reading *r = ctx;

	if (record->type == ZW_TYPE_SOA &&
		zw_soa_parse(record->rdata, record->rdata_len, &r->serial, NULL) == 0)
		r->have_soa = true;
	return r->sink->record(r->sink->ctx, r->i, record);
}

static int add_unit(struct zw_rrtext *text, const knot_ctl_data_t data, struct zw_zone_error *error)
{
	const char *owner = data[KNOT_CTL_IDX_OWNER], *rdata = data[KNOT_CTL_IDX_DATA];
	const char *ttl_text = data[KNOT_CTL_IDX_TTL], *type_text = data[KNOT_CTL_IDX_TYPE];
	uint32_t ttl;
	uint16_t type;

	if (data[KNOT_CTL_IDX_ERROR])
		return refusal(data[KNOT_CTL_IDX_ERROR], error);
	if (!owner || !rdata || !ttl_text || !type_text || zw_parse_u32(ttl_text, &ttl) < 0 ||
		zw_type_from_text(type_text, &type) < 0)
		return zw_zone_fail(error, ZW_ZERR_FORMAT, 0, 0, "an answer of knotd is no record");
	return zw_rrtext_add(text, owner, ttl, type, rdata, error);
}

/* Whether the zone alone is at fault, so that others can still be read. */
static bool is_zone_fault(int r)
{
	return r == -EBADMSG || r == -ENOENT || r == -EREMOTEIO;
}

/* Reads the records of zone @i; *ret_zone is what is wrong with it alone. */
static int read_records(const struct knot *k, const struct zw_state_ask *ask, const char *zone,
	struct reading *reading, int *ret_zone, struct zw_zone_error *zone_error)
{
	_zw_rrtext_ struct zw_rrtext *text = NULL;
	knot_ctl_data_t data;
	int r = zw_rrtext_new(ask->origin, on_record, reading, &text), bad = 0;

	if (r == 0)
		r = command(k, "zone-read", zone, NULL);
	/* An answer is read to its end also when it is of no use any more. */
	while (r == 0 && (r = receive(k, &data)) == 1) {
		r = bad ? 0 : add_unit(text, data, zone_error);
		if (is_zone_fault(r)) {
			bad = r;
			r = 0;
		}
	}
	if (r == 0 && bad == 0)
		bad = zw_rrtext_end(text, zone_error);
	*ret_zone = bad;
	return r;
}

static int read_zone(
	const struct knot *k, const struct zw_state_ask *ask, size_t i, const struct serial *status)
{
	struct reading reading = {.sink = k->sink, .i = i};
	uint64_t mark = MARK_SERIAL | status->serial;
	struct zw_zone_error error = {};
	char zone[ZW_NAME_TEXT_MAX];
	int bad = 0, r;

	zw_name_to_text(ask->origin, zone);
	if (!status->told)
		bad = zw_state_fail(&error, -ENOENT, "knotd does not have the zone");
	else if (!status->loaded)
		bad = zw_state_fail(&error, -ENODATA, "knotd has not loaded the zone");
	if (bad < 0)
		return k->sink->failed(k->sink->ctx, i, bad, &error);
	if (ask->mark == mark)
		return k->sink->done(k->sink->ctx, i, mark, false);
	r = read_records(k, ask, zone, &reading, &bad, &error);
	if (r != 0)
		return r;
	if (bad < 0)
		return k->sink->failed(k->sink->ctx, i, bad, &error);
	/* It may have changed since its status. */
	return k->sink->done(k->sink->ctx, i, MARK_SERIAL | reading.serial, true);
}

static int read_zones(struct knot *k, const struct zw_state_ask *asks, size_t n)
{
	_zw_free_ struct serial *list = calloc(n ? n : 1, sizeof(*list));
	int r = list ? 0 : -ENOMEM;

	if (r == 0)
		r = open_socket(k);
	if (r == 0 && n > SINGLE_MAX)
		r = read_all_serials(k, asks, n, list);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (n <= SINGLE_MAX) {
			char zone[ZW_NAME_TEXT_MAX];

			zw_name_to_text(asks[i].origin, zone);
			r = read_serial(k, zone, &list[i]);
		}
		if (r == 0)
			r = read_zone(k, &asks[i], i, &list[i]);
	}
	return r;
}

int zw_state_read_knot(const char *socket, const struct zw_state_ask *asks, size_t n,
	uint64_t deadline_ns, const struct zw_state_sink *sink, struct zw_zone_error *ret_error)
{
	struct zw_zone_error error = {};
	struct knot k = {
		.socket = socket, .deadline_ns = deadline_ns, .sink = sink, .error = &error};
	int r = read_zones(&k, asks, n);

	close_socket(&k.ctl);
	if (r != 0)
		fail(&k, r);
	if (r != 0 && ret_error)
		*ret_error = error;
	return r;
}
