/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reader of Knot's control socket, against a server made of libknot's other half, which may lie. */
#include "unit/state_support.h"

#include <pthread.h>

#include <libknot/control/control.h>

#include "server/state_knot.h"

struct record {
	const char *owner, *ttl, *type, *data;
};

/* What the server says of one zone. */
struct zone {
	const char *name;   /* as Knot writes it, with the final dot */
	const char *serial; /* NULL: no such zone */
	const struct record *record;
	size_t records;
	const char *error; /* said instead of records */
};

struct server {
	char dir[64], socket[96];
	knot_ctl_t *ctl;
	pthread_t thread;
	const struct zone *zone;
	size_t zones;
	bool mute;             /* accepts, and says nothing */
	unsigned int reads;    /* zone-read commands */
	unsigned int statuses; /* zone-status commands */
};

static int setup(void **state)
{
	struct server *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	strcpy(s->dir, "/tmp/zw-knot-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->socket, sizeof(s->socket), "%s/knot.sock", s->dir);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct server *s = *state;

	unlink(s->socket);
	rmdir(s->dir);
	free(s);
	return 0;
}

static void say(struct server *s, const char *zone, const struct record *r, const char *error)
{
	knot_ctl_data_t data = {[KNOT_CTL_IDX_ZONE] = zone, [KNOT_CTL_IDX_ERROR] = error};

	if (r) {
		data[KNOT_CTL_IDX_OWNER] = r->owner;
		data[KNOT_CTL_IDX_TTL] = r->ttl;
		data[KNOT_CTL_IDX_TYPE] = r->type;
		data[KNOT_CTL_IDX_DATA] = r->data;
	}
	(void)knot_ctl_send(s->ctl, KNOT_CTL_TYPE_DATA, &data);
}

static void answer_status(struct server *s, const char *zone)
{
	bool found = false;

	s->statuses++;
	for (size_t i = 0; i < s->zones; i++) {
		knot_ctl_data_t data = {[KNOT_CTL_IDX_ZONE] = s->zone[i].name,
			[KNOT_CTL_IDX_TYPE] = "serial",
			[KNOT_CTL_IDX_DATA] = s->zone[i].serial};

		if (!s->zone[i].serial || (zone && strcmp(zone, s->zone[i].name) != 0))
			continue;
		found = true;
		(void)knot_ctl_send(s->ctl, KNOT_CTL_TYPE_DATA, &data);
	}
	if (!found)
		say(s, zone, NULL, "no such zone found");
}

static void answer_read(struct server *s, const char *zone)
{
	s->reads++;
	for (size_t i = 0; i < s->zones; i++) {
		const struct zone *z = &s->zone[i];

		if (strcmp(zone, z->name) != 0)
			continue;
		for (size_t j = 0; j < z->records; j++)
			say(s, zone, &z->record[j], NULL);
		if (z->error)
			say(s, zone, NULL, z->error);
	}
}

static void *serve(void *arg)
{
	struct server *s = arg;
	knot_ctl_type_t type;
	knot_ctl_data_t data;
	char command[32] = "", zone[256] = "";
	bool has_zone = false;

	if (knot_ctl_accept(s->ctl) != 0)
		return NULL;
	while (knot_ctl_receive(s->ctl, &type, &data) == 0 && type != KNOT_CTL_TYPE_END) {
		if (type == KNOT_CTL_TYPE_DATA) {
			snprintf(command, sizeof(command), "%s", data[KNOT_CTL_IDX_CMD]);
			has_zone = data[KNOT_CTL_IDX_ZONE] != NULL;
			if (has_zone)
				snprintf(zone, sizeof(zone), "%s", data[KNOT_CTL_IDX_ZONE]);
			continue;
		}
		if (s->mute)
			continue;
		if (strcmp(command, "zone-status") == 0)
			answer_status(s, has_zone ? zone : NULL);
		else
			answer_read(s, zone);
		(void)knot_ctl_send(s->ctl, KNOT_CTL_TYPE_BLOCK, NULL);
	}
	return NULL;
}

static void start(struct server *s, const struct zone *zone, size_t zones)
{
	s->zone = zone;
	s->zones = zones;
	s->reads = s->statuses = 0;
	s->ctl = knot_ctl_alloc();
	assert_non_null(s->ctl);
	unlink(s->socket);
	assert_int_equal(knot_ctl_bind(s->ctl, s->socket), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
	assert_int_equal(pthread_join(s->thread, NULL), 0);
	knot_ctl_free(s->ctl);
}

static int ask(struct server *s, struct taken *t, const struct zw_state_ask *asks, size_t n,
	uint64_t timeout_ms)
{
	struct zw_state_sink sink = taken_sink(t);

	return zw_state_read_knot(s->socket, asks, n,
		zw_boottime_ns() + timeout_ms * ZW_NSEC_PER_MSEC, &sink, &t->error);
}

#define SOA(serial)                                                                   \
	{                                                                             \
		"example.", "300", "SOA", "ns.example. h.example. " serial " 2 3 4 5" \
	}

static const struct record good[] = {
	SOA("7"),
	{"WWW.example.", "60", "A", "192.0.2.1"},
	{"www.example.", "60", "TXT", "\"a b\" \"\\010\""},
	{"x.example.", "60", "TYPE65280", "\\# 1 ff"},
};
#define GOOD_ZONE                                                \
	{                                                        \
		"example.", "7", good, ZW_ARRAY_SIZE(good), NULL \
	}
#define GOOD_TEXT                                             \
	"example. 300 SOA ns.example. h.example. 7 2 3 4 5\n" \
	"www.example. 60 A 192.0.2.1\n"                       \
	"www.example. 60 TXT \"a b\" \"\\010\"\n"             \
	"x.example. 60 TYPE65280 \\# 1 FF\n"

static void test_zone(void **state)
{
	static const struct zone zones[] = {GOOD_ZONE};
	struct zw_state_ask a = {.origin = wire("example.")};
	struct server *s = *state;
	struct taken t = {};

	start(s, zones, 1);
	assert_int_equal(ask(s, &t, &a, 1, 5000), 0);
	stop(s);
	expect_zone(&t, 0, true, GOOD_TEXT);
	/* With its mark, it is not read again. */
	a.mark = t.zone[0].mark;
	assert_int_not_equal(a.mark, 0);
	taken_done(&t);
	start(s, zones, 1);
	assert_int_equal(ask(s, &t, &a, 1, 5000), 0);
	stop(s);
	assert_int_equal(s->reads, 0);
	expect_zone(&t, 0, false, "");
	assert_int_equal(t.zone[0].mark, a.mark);
	taken_done(&t);
	a.mark++;
	start(s, zones, 1);
	assert_int_equal(ask(s, &t, &a, 1, 5000), 0);
	stop(s);
	expect_zone(&t, 0, true, GOOD_TEXT);
	taken_done(&t);
}

/* Many zones: one listing, and what is wrong with one is not wrong with the others. */
static void test_many(void **state)
{
	static const struct record two_soas[] = {
		{"two.test.", "300", "SOA", "ns.two.test. h.two.test. 7 2 3 4 5"},
		{"two.test.", "300", "SOA", "ns.two.test. h.two.test. 8 2 3 4 5"}};
	static const struct record no_record[] = {
		{"b.example.", "300", "SOA", "ns.example. h.example. 7 2 3 4 5"},
		{"b.example.", "x", "A", "192.0.2.1"}, {"b.example.", "60", "A", "192.0.2.1"}};
	static const struct record outside[] = {
		{"c.example.", "300", "SOA", "ns.example. h.example. 7 2 3 4 5"},
		{"www.example.", "60", "A", "192.0.2.1"},
		{"after.c.example.", "60", "A", "192.0.2.1"}};
	static const struct zone zones[] = {
		GOOD_ZONE,
		{"a.example.", "-", NULL, 0, NULL},
		{"b.example.", "1", no_record, 3, NULL},
		{"c.example.", "1", outside, 3, NULL},
		{"d.example.", "1", NULL, 0, "operation not supported"},
		{"e.example.", "1", NULL, 0, "no such zone found"},
		{"f.example.", "1", NULL, 0, NULL},
		{"two.test.", "1", two_soas, 2, NULL},
		{"nobody-asked.example.", "1", NULL, 0, NULL},
	};
	static const char *const names[] = {"none.example.", "a.example.", "b.example.",
		"c.example.", "d.example.", "e.example.", "f.example.", "two.test.",
		"none2.example.", "example."};
	static const struct {
		int result;
		enum zw_zone_errkind kind;
	} want[] = {
		{-ENOENT, ZW_ZERR_SERVER},
		{-ENODATA, ZW_ZERR_SERVER},
		{-EBADMSG, ZW_ZERR_FORMAT},
		{-EBADMSG, ZW_ZERR_OUT_OF_ZONE},
		{-EREMOTEIO, ZW_ZERR_SERVER},
		{-ENOENT, ZW_ZERR_SERVER},
		{-EBADMSG, ZW_ZERR_EMPTY},
		{-EBADMSG, ZW_ZERR_TWO_SOA},
		{-ENOENT, ZW_ZERR_SERVER},
		{0, ZW_ZERR_NONE},
	};
	struct zw_state_ask asks[ZW_ARRAY_SIZE(names)] = {};
	struct server *s = *state;
	struct taken t = {};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(names); i++)
		asks[i].origin = wire(names[i]);
	start(s, zones, ZW_ARRAY_SIZE(zones));
	assert_int_equal(ask(s, &t, asks, ZW_ARRAY_SIZE(asks), 5000), 0);
	stop(s);
	assert_int_equal(s->statuses, 1);
	assert_true(t.unasked);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(want); i++) {
		assert_int_equal(t.zone[i].result, want[i].result);
		assert_int_equal(t.zone[i].error.kind, want[i].kind);
	}
	expect_zone(&t, 9, true, GOOD_TEXT);
	assert_string_equal(t.zone[4].error.reason, "knotd says \"operation not supported\"");
	taken_done(&t);
}

static void test_unreachable(void **state)
{
	static const struct zone zones[] = {GOOD_ZONE};
	struct zw_state_ask a = {.origin = wire("example.")};
	struct server *s = *state;
	struct taken t = {};

	assert_int_equal(ask(s, &t, &a, 1, 5000), -ENOENT);
	assert_int_equal(t.error.kind, ZW_ZERR_SERVER);
	assert_non_null(strstr(t.error.reason, s->socket));
	assert_non_null(strstr(t.error.reason, "is knotd running?"));
	/* Alive, and silent. */
	s->mute = true;
	start(s, zones, 1);
	assert_int_equal(ask(s, &t, &a, 1, 50), -ETIME);
	stop(s);
	assert_non_null(strstr(t.error.reason, "busy or stopped"));
	/* The socket of a server that is gone. */
	s->mute = false;
	assert_int_equal(ask(s, &t, &a, 1, 5000), -ECONNREFUSED);
	assert_int_equal(ask(s, &t, &a, 1, 0), -ETIME);
	assert_int_equal(t.zones, 0);
}

/* What the caller says ends it. */
static void test_callback(void **state)
{
	static const struct zone zones[] = {GOOD_ZONE};
	struct zw_state_ask a = {.origin = wire("example.")};
	struct server *s = *state;
	struct taken t = {.refuse = -EPIPE};

	start(s, zones, 1);
	assert_int_equal(ask(s, &t, &a, 1, 5000), -EPIPE);
	stop(s);
	taken_done(&t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_zone),
		TEST(test_many),
		TEST(test_unreachable),
		TEST(test_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
