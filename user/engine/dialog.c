/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/dialog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hash.h"
#include "dns/name.h"

/* A server on another processor may have answered before the kernel tells of the command; not by more than this. */
#define EARLY_NS (2 * ZW_NSEC_PER_MSEC)
/* Commands of one connection that wait for their answers. */
#define PENDING_MAX 64

#define UNDECODED "(not decoded)"

/* A command whose answer is to come. */
struct pending {
	struct zw_request *request; /* NULL: it has no effect of its own */
	enum zw_control_effect effect;
	char *zone; /* as it was sent; NULL: all */
	uint64_t asked_ns;
	bool failed;
};

struct dialog {
	uint64_t id;
	struct zw_control_stream stream;
	uint64_t next; /* offset of what the client sends next */
	uint64_t last_ns;
	uint32_t server_tgid;
	ZW_VEC(struct pending) pending;
	bool known;     /* @next holds */
	bool told;      /* that it cannot be decoded */
	bool answering; /* an answer has begun and its end was not seen */
	/* An answer without a command, perhaps to the one that comes next. */
	bool early, early_failed;
	uint64_t early_ns;
};

struct zw_dialogs {
	const struct zw_dialog_ops *ops;
	void *ctx;
	struct zw_map *by_id;
	size_t bytes; /* held in all streams */
	struct zw_dialog_counts counts;
};

int zw_dialogs_new(const struct zw_dialog_ops *ops, void *ctx, struct zw_dialogs **ret_dialogs)
{
	_zw_dialogs_ struct zw_dialogs *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->ops = ops;
	d->ctx = ctx;
	r = zw_map_new(&d->by_id);
	if (r < 0)
		return r;
	*ret_dialogs = ZW_TAKE(d);
	return 0;
}

static void pending_done(struct pending *p)
{
	zw_request_unref(p->request);
	free(p->zone);
}

/* The end of a command: @rcode of a request, and what it means for a transaction. */
static void conclude(
	struct zw_dialogs *d, struct dialog *dialog, struct pending *p, uint64_t time_ns)
{
	bool ends = p->effect == ZW_CONTROL_COMMIT || p->effect == ZW_CONTROL_DISCARD;

	if (p->request) {
		p->request->rcode = p->failed;
		p->request->answered_ns = time_ns;
	}
	if (ends && !p->failed)
		d->ops->settle(d->ctx, p->zone, dialog->server_tgid, p->asked_ns,
			p->effect == ZW_CONTROL_COMMIT);
	pending_done(p);
}

/* Nobody will hear the answer. A commit may have been obeyed, which the content will show. */
static void give_up(struct zw_dialogs *d, struct dialog *dialog)
{
	ZW_VEC_FOREACH(p, &dialog->pending) {
		if (p->effect == ZW_CONTROL_COMMIT)
			d->ops->settle(d->ctx, p->zone, dialog->server_tgid, p->asked_ns, true);
		pending_done(p);
	}
	dialog->pending.len = 0;
}

static void dialog_free(struct zw_dialogs *d, struct dialog *dialog)
{
	give_up(d, dialog);
	zw_vec_free(&dialog->pending);
	d->bytes -= dialog->stream.len;
	zw_control_stream_done(&dialog->stream);
	free(dialog);
}

void zw_dialogs_free(struct zw_dialogs *d)
{
	void *dialog;
	size_t it = 0;

	if (!d)
		return;
	while (d->by_id && zw_map_next(d->by_id, &it, NULL, NULL, &dialog))
		dialog_free(d, dialog);
	zw_map_free(d->by_id);
	free(d);
}

static void forget(struct zw_dialogs *d, struct dialog *dialog)
{
	zw_map_remove(d->by_id, &dialog->id, sizeof(dialog->id));
	dialog_free(d, dialog);
}

void zw_dialogs_expire(struct zw_dialogs *d, uint64_t before_ns)
{
	void *item;
	size_t it = 0;

	while (zw_map_next(d->by_id, &it, NULL, NULL, &item)) {
		struct dialog *dialog = item;

		if (dialog->last_ns < before_ns)
			forget(d, dialog);
	}
}

/* Makes room for one more: rare, so looking through all is fine. */
static void forget_oldest(struct zw_dialogs *d, const struct dialog *but)
{
	struct dialog *oldest = NULL;
	void *item;
	size_t it = 0;

	while (zw_map_next(d->by_id, &it, NULL, NULL, &item)) {
		struct dialog *dialog = item;

		if (dialog != but && (!oldest || dialog->last_ns < oldest->last_ns))
			oldest = dialog;
	}
	if (!oldest)
		return;
	d->counts.forgotten++;
	forget(d, oldest);
}

static int find(
	struct zw_dialogs *d, const struct zw_dialog_piece *piece, struct dialog **ret_dialog)
{
	struct dialog *dialog = zw_map_get(d->by_id, &piece->id, sizeof(piece->id));
	int r;

	if (dialog) {
		*ret_dialog = dialog;
		return 0;
	}
	if (zw_map_len(d->by_id) >= ZW_DIALOGS_MAX)
		forget_oldest(d, NULL);
	dialog = calloc(1, sizeof(*dialog));
	if (!dialog)
		return -ENOMEM;
	dialog->id = piece->id;
	dialog->stream.protocol = piece->protocol;
	r = zw_map_put(d->by_id, &dialog->id, sizeof(dialog->id), dialog, NULL);
	if (r < 0) {
		free(dialog);
		return r;
	}
	*ret_dialog = dialog;
	return 0;
}

/* --- answers ------------------------------------------------------------------------------------------- */

/* The same zone, with or without the final dot. */
static bool same_zone(const char *a, const char *b)
{
	uint8_t x[ZW_NAME_MAX], y[ZW_NAME_MAX];

	return zw_name_from_text(a, x, NULL) == 0 && zw_name_from_text(b, y, NULL) == 0 &&
	       zw_name_equal(x, y);
}

static void conclude_all(struct zw_dialogs *d, struct dialog *dialog, uint64_t time_ns)
{
	ZW_VEC_FOREACH(p, &dialog->pending)
		conclude(d, dialog, p, time_ns);
	dialog->pending.len = 0;
}

static void on_reply(
	struct zw_dialogs *d, struct dialog *dialog, const struct zw_dialog_piece *piece)
{
	struct zw_control_reply reply;
	bool any = false, failed = false, last = false;
	size_t at = 0;

	/* What is spoken there the client may have shown. */
	while (zw_control_reply_next(
		       dialog->stream.protocol, piece->bytes, piece->len, &at, &reply) == 1) {
		ZW_VEC_FOREACH(p, &dialog->pending)
			p->failed |= reply.failed &&
				     (!reply.zone[0] || !p->zone || same_zone(reply.zone, p->zone));
		failed |= reply.failed;
		last = reply.last;
		any = true;
	}
	if (!any)
		return;
	if (dialog->pending.len == 0 && !dialog->answering && !dialog->early) {
		dialog->early = true;
		dialog->early_failed = failed;
		dialog->early_ns = piece->time_ns;
	}
	dialog->answering = !last;
	conclude_all(d, dialog, piece->time_ns);
}

/* --- commands ------------------------------------------------------------------------------------------ */

static bool has_effect(const struct zw_control *control)
{
	return control->effect != ZW_CONTROL_LOOK && control->effect != ZW_CONTROL_DISCARD;
}

/* @control NULL: what could not be decoded, and may be anything. */
static int make_request(const struct zw_dialog_piece *piece, const struct zw_control *control,
	struct zw_request **ret_request)
{
	bool http = (control ? control->protocol : piece->protocol) == ZW_CONTROL_HTTP;
	_zw_request_ struct zw_request *q =
		zw_request_new(http ? ZW_REQUEST_API : ZW_REQUEST_CONTROL, piece->time_ns);
	enum zw_control_effect effect = control ? control->effect : ZW_CONTROL_UNKNOWN;
	uint8_t zone[ZW_NAME_MAX];

	if (!q)
		return -ENOMEM;
	q->channel = http ? ZW_CHANNEL_API : ZW_CHANNEL_CONTROL;
	q->transport = piece->transport == ZW_TRANSPORT_HTTP && !http ? ZW_TRANSPORT_TCP
								      : piece->transport;
	q->client = piece->client_end;
	q->server = piece->server_end;
	q->client_process = piece->client_process;
	q->server_process = piece->server_process;
	q->client_actor = piece->client ? zw_actor_ref(piece->client) : NULL;
	q->may_change = effect == ZW_CONTROL_UNKNOWN || effect == ZW_CONTROL_RECORDS ||
			effect == ZW_CONTROL_ZONES;
	q->reloads = effect == ZW_CONTROL_LOAD || effect == ZW_CONTROL_COMMIT;
	/* Knot sets records within a transaction only. */
	q->held = effect == ZW_CONTROL_RECORDS && piece->protocol == ZW_CONTROL_KNOT;
	q->command = strdup(control ? control->text : UNDECODED);
	if (!q->command)
		return -ENOMEM;
	if (control && control->zone && zw_name_from_text(control->zone, zone, NULL) == 0 &&
		zw_request_set_zone(q, zone) < 0)
		return -ENOMEM;
	*ret_request = ZW_TAKE(q);
	return 0;
}

static int add_pending(struct zw_dialogs *d, struct dialog *dialog, struct zw_request *request,
	const struct zw_control *control, uint64_t time_ns)
{
	struct pending p = {.effect = control->effect, .asked_ns = time_ns};

	/* Who never listens to answers, or whose answers are not seen. */
	if (dialog->pending.len >= PENDING_MAX)
		give_up(d, dialog);
	if (control->zone) {
		p.zone = strdup(control->zone);
		if (!p.zone)
			return -ENOMEM;
	}
	if (zw_vec_push(&dialog->pending, p) < 0) {
		free(p.zone);
		return -ENOMEM;
	}
	if (request)
		dialog->pending.items[dialog->pending.len - 1].request = zw_request_ref(request);
	return 0;
}

static int on_command(struct zw_dialogs *d, struct dialog *dialog,
	const struct zw_dialog_piece *piece, const struct zw_control *control)
{
	_zw_request_ struct zw_request *request = NULL;
	int r = 0;

	d->counts.commands++;
	if (has_effect(control)) {
		r = make_request(piece, control, &request);
		if (r == 0)
			r = d->ops->request(d->ctx, request, control);
	}
	if (r == 0)
		r = add_pending(d, dialog, request, control, piece->time_ns);
	if (r < 0)
		return r;
	if (dialog->early && piece->time_ns < dialog->early_ns + EARLY_NS &&
		piece->transport == ZW_TRANSPORT_UNIX) {
		dialog->pending.items[dialog->pending.len - 1].failed = dialog->early_failed;
		conclude_all(d, dialog, piece->time_ns);
	}
	dialog->early = false;
	return 0;
}

/* Says once that something of this connection is not known. */
static int on_undecoded(
	struct zw_dialogs *d, struct dialog *dialog, const struct zw_dialog_piece *piece)
{
	_zw_request_ struct zw_request *request = NULL;
	int r;

	if (dialog->told)
		return 0;
	dialog->told = true;
	d->counts.undecoded++;
	r = make_request(piece, NULL, &request);
	return r < 0 ? r : d->ops->request(d->ctx, request, NULL);
}

static int on_sent(struct zw_dialogs *d, struct dialog *dialog, const struct zw_dialog_piece *piece)
{
	struct zw_control_stream *stream = &dialog->stream;
	size_t before = stream->len;
	int r = 0;

	if (dialog->known && piece->offset != dialog->next)
		zw_control_stream_lost(stream);
	dialog->known = true;
	dialog->next = piece->offset + piece->len + piece->omitted;
	if (zw_control_stream_add(stream, piece->bytes, piece->len) == -ENOMEM)
		r = -ENOMEM;
	if (piece->omitted > 0)
		zw_control_stream_lost(stream);
	while (r == 0) {
		_zw_control_ struct zw_control control = {};
		int got = zw_control_stream_next(stream, &control);

		if (got == 0)
			break;
		if (got == 1)
			r = on_command(d, dialog, piece, &control);
		else if (got == -ENOMEM)
			r = got;
		else
			r = on_undecoded(d, dialog, piece);
		if (got < 0)
			break;
	}
	d->bytes += stream->len - before;
	while (d->bytes > ZW_DIALOGS_BYTES_MAX && d->bytes > stream->len)
		forget_oldest(d, dialog);
	return r;
}

int zw_dialogs_feed(struct zw_dialogs *d, const struct zw_dialog_piece *piece)
{
	struct dialog *dialog;
	int r = find(d, piece, &dialog);

	if (r < 0)
		return r;
	dialog->last_ns = piece->time_ns;
	dialog->server_tgid = piece->server_process.tgid;
	if (!piece->reply)
		return on_sent(d, dialog, piece);
	on_reply(d, dialog, piece);
	return 0;
}

int zw_dialogs_told(
	struct zw_dialogs *d, const struct zw_dialog_piece *piece, const struct zw_control *control)
{
	_zw_request_ struct zw_request *request = NULL;
	int r;

	d->counts.commands++;
	if (!has_effect(control))
		return 0;
	r = make_request(piece, control, &request);
	return r < 0 ? r : d->ops->request(d->ctx, request, control);
}

struct zw_dialog_counts zw_dialogs_counts(const struct zw_dialogs *d)
{
	return d->counts;
}
