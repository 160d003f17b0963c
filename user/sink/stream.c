/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reports on standard output, for `watch`. A reader that stops reading makes the writer wait, as in every
 * pipeline; a reader that went away shows as -EPIPE (the caller ignores SIGPIPE). */
#include "sink/sink.h"

#include <errno.h>

struct stream_sink {
	struct zw_sink sink;
	FILE *stream;
	struct zw_sink_host host;
	bool json, colour;
};

static int write_text(FILE *stream, const struct zw_str *text)
{
	errno = 0;
	if (fwrite(text->buf, 1, text->len, stream) == text->len && fflush(stream) == 0)
		return 0;
	clearerr(stream);
	return errno > 0 ? -errno : -EIO;
}

static int stream_deliver(struct zw_sink *sink, const struct zw_report *report)
{
	struct stream_sink *s = ZW_CONTAINER_OF(sink, struct stream_sink, sink);
	_zw_str_ struct zw_str text = {};
	int r;

	if (s->json)
		r = zw_report_to_json(report, &s->host, &text);
	else
		r = zw_report_to_human(report, s->colour, &text);
	if (r == 0)
		r = write_text(s->stream, &text);
	if (r < 0) {
		sink->lost++;
		return r;
	}
	sink->delivered++;
	return 0;
}

static void stream_free(struct zw_sink *sink)
{
	free(ZW_CONTAINER_OF(sink, struct stream_sink, sink));
}

static const struct zw_sink_ops json_ops = {
	.name = "json",
	.deliver = stream_deliver,
	.free = stream_free,
};

static const struct zw_sink_ops human_ops = {
	.name = "human",
	.deliver = stream_deliver,
	.free = stream_free,
};

int zw_sink_stream_new(FILE *stream, bool json, bool colour, const struct zw_sink_host *host,
	struct zw_sink **ret_sink)
{
	struct stream_sink *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->sink.ops = json ? &json_ops : &human_ops;
	s->stream = stream;
	s->host = *host;
	s->json = json;
	s->colour = colour;
	*ret_sink = &s->sink;
	return 0;
}
