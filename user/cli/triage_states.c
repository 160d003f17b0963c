/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the stored states of the zones say: what can be put back, where else the same addresses are, who does not sign. */
#include "cli/triage.h"

#include <errno.h>
#include <string.h>

/* Changes of all zones that are tried; rebuilding states for more keeps a person waiting. */
#define STEPS_MAX 500
/* States that are looked into. */
#define ZONES_MAX 10000
#define SHADOWS_MAX 1000

/* What the agent adds to a server's name for what signing made of its zones. */
#define SIGNED_SUFFIX ":signed"

/* --- what can be put back ------------------------------------------------------------------------------ */

static bool is_to_be_undone(const struct zw_triage_event *e)
{
	return e->action == ZW_ACTION_RECORD_CHANGE && e->escalates;
}

/* The changes of one zone. */
struct batch {
	ZW_VEC(size_t) event; /* where they are in the triage */
	ZW_VEC(struct zw_reader_event) read;
	struct zw_triage_change *change;
};

static void batch_done(struct batch *b)
{
	for (size_t i = 0; b->change && i < b->event.len; i++)
		zw_str_free(&b->change[i].why);
	free(b->change);
	ZW_VEC_FOREACH(read, &b->read)
		zw_reader_event_done(read);
	zw_vec_free(&b->read);
	zw_vec_free(&b->event);
}

static int add_step(
	struct zw_triage_view *view, size_t event, enum zw_triage_undo undo, const char *why)
{
	struct zw_triage_step step = {.event = event, .undo = undo};
	int r;

	if (why && why[0] && !(step.why = strdup(why)))
		return -ENOMEM;
	r = zw_vec_push(&view->steps, step);
	if (r < 0)
		free(step.why);
	return r;
}

static int read_batch(struct zw_triage_view *view, struct zw_reader *reader, struct batch *b)
{
	b->change = calloc(b->event.len, sizeof(*b->change));
	if (!b->change)
		return -ENOMEM;
	for (size_t i = 0; i < b->event.len; i++) {
		const struct zw_triage_event *e = &view->t->events.items[b->event.items[i]];
		struct zw_reader_event read = {};
		int r = zw_reader_event(reader, e->seq, &read);

		if (r == 0 && (r = zw_vec_push(&b->read, read)) < 0)
			zw_reader_event_done(&read);
		if (r < 0)
			return r;
		b->change[i] =
			(struct zw_triage_change){.diff = read.report->diff, .channel = e->channel};
		/* The list of an event is cut where it is long, and the journal has no other. */
		if (!read.report->diff || read.report->changes_total > read.report->diff->len)
			return -ENODATA;
	}
	return 0;
}

static int all_by_hand(struct zw_triage_view *view, const struct batch *b, const char *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->event.len; i++)
		r = add_step(view, b->event.items[i], ZW_TRIAGE_BY_HAND, why);
	return r;
}

static int plan_batch(
	struct zw_triage_view *view, struct zw_reader *reader, int64_t zone_id, struct batch *b)
{
	const struct zw_moment last = {.kind = ZW_MOMENT_LAST};
	_zw_reader_state_ struct zw_reader_state state = {};
	int r = read_batch(view, reader, b);

	if (r == -ENODATA)
		return all_by_hand(view, b, "the history does not have all of its records");
	if (r == 0)
		r = zw_reader_state(reader, zone_id, &last, &state);
	if (r == -ENOENT || r == -ENODATA)
		return all_by_hand(view, b, "the history does not know how the zone is now");
	if (r == 0)
		r = zw_triage_plan(state.snapshot, b->change, b->event.len);
	for (size_t i = 0; r == 0 && i < b->event.len; i++)
		r = add_step(view, b->event.items[i], b->change[i].undo, b->change[i].why.buf);
	return r;
}

static int plan_zone(struct zw_triage_view *view, struct zw_reader *reader, int64_t zone_id,
	const size_t *event, size_t n)
{
	_zw_cleanup_(batch_done) struct batch b = {};
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (view->t->events.items[event[i]].zone_id == zone_id)
			r = zw_vec_push(&b.event, event[i]);
	return r < 0 ? r : plan_batch(view, reader, zone_id, &b);
}

/* Last first, whatever the zone. */
static int later_first(const void *a, const void *b)
{
	const struct zw_triage_step *x = a, *y = b;

	return (x->event < y->event) - (x->event > y->event);
}

static int plan(struct zw_triage_view *view, struct zw_reader *reader)
{
	size_t event[STEPS_MAX], n = 0;
	int r = 0;

	for (size_t i = view->t->events.len; i-- > 0;) {
		if (!is_to_be_undone(&view->t->events.items[i]))
			continue;
		if (n < STEPS_MAX)
			event[STEPS_MAX - ++n] = i;
		else
			view->steps_left++;
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		const size_t *first = event + STEPS_MAX - n;
		int64_t zone_id = view->t->events.items[first[i]].zone_id;
		bool done = false;

		for (size_t k = 0; k < i && !done; k++)
			done = view->t->events.items[first[k]].zone_id == zone_id;
		if (!done)
			r = plan_zone(view, reader, zone_id, first, n);
	}
	if (view->steps.len)
		qsort(view->steps.items, view->steps.len, sizeof(*view->steps.items), later_first);
	return r;
}

/* --- all zones ----------------------------------------------------------------------------------------- */

struct shadowing {
	struct zw_triage_view *view;
	const struct zw_reader_zone *zone;
};

static int add_shadow(void *ctx, const struct zw_triage_address *address, const uint8_t *owner)
{
	struct shadowing *x = ctx;
	struct zw_triage_shadow shadow = {};
	char text[ZW_NAME_TEXT_MAX];
	int r = -ENOMEM;

	if (x->view->shadows.len == SHADOWS_MAX) {
		x->view->shadows_left++;
		return 0;
	}
	zw_name_to_text(owner, text);
	memcpy(shadow.key, address->key, sizeof(shadow.key));
	shadow.zone = strdup(x->zone->zone);
	shadow.name = strdup(text);
	if (shadow.zone && shadow.name)
		r = zw_vec_push(&x->view->shadows, shadow);
	if (r < 0) {
		free(shadow.zone);
		free(shadow.name);
	}
	return r;
}

static bool is_twin(const struct zw_reader_zone *zone)
{
	return zw_endswith(zone->server, SIGNED_SUFFIX);
}

/* Of a zone and what signing makes of it, the latter is what is served. Zones of one name are neighbours. */
static bool has_twin(const struct zw_triage_view *view, size_t i)
{
	const struct zw_reader_zone *zone = &view->zones.items[i];
	size_t k = i;

	if (is_twin(zone))
		return false;
	while (k > 0 && zw_streq(view->zones.items[k - 1].zone, zone->zone))
		k--;
	for (; k < view->zones.len && zw_streq(view->zones.items[k].zone, zone->zone); k++)
		if (is_twin(&view->zones.items[k]) &&
			zw_streq(view->zones.items[k].view, zone->view))
			return true;
	return false;
}

static int add_unsigned(struct zw_triage_view *view, const char *zone)
{
	char *copy;
	int r;

	/* The zones come sorted by name. */
	if (view->unsigned_zones.len &&
		zw_streq(view->unsigned_zones.items[view->unsigned_zones.len - 1], zone))
		return 0;
	copy = strdup(zone);
	r = copy ? zw_vec_push(&view->unsigned_zones, copy) : -ENOMEM;
	if (r < 0)
		free(copy);
	return r;
}

static int look_into(struct zw_triage_view *view, struct zw_reader *reader, size_t i)
{
	const struct zw_reader_zone *zone = &view->zones.items[i];
	const struct zw_moment last = {.kind = ZW_MOMENT_LAST};
	_zw_reader_state_ struct zw_reader_state state = {};
	struct shadowing x = {view, zone};
	int r = zw_reader_state(reader, zone->id, &last, &state);

	if (r == -ENOENT || r == -ENODATA)
		return 0;
	if (r < 0)
		return r;
	view->zones_looked++;
	if (!has_twin(view, i) && !zw_triage_is_signed(state.snapshot))
		r = add_unsigned(view, zone->zone);
	if (r == 0 && !is_twin(zone))
		r = zw_triage_find_targets(view->t, state.snapshot, add_shadow, &x);
	return r;
}

int zw_triage_read_states(struct zw_triage_view *view, struct zw_reader *reader)
{
	int r = plan(view, reader);

	for (size_t i = 0; r == 0 && i < view->zones.len; i++) {
		/* The same addresses elsewhere matter whatever --zone says. */
		if (i < ZONES_MAX)
			r = look_into(view, reader, i);
		else
			view->zones_left++;
	}
	return r;
}
