/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/vec.h"
#include "cli/top.h"
#include "cli/traffic_text.h"

/* Eighths of a block (Unicode 2581 to 2588), and what there is without them. */
static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char plain[] = " ..::--=#";

static void add_sparkline(struct zw_str *s, const uint32_t *second, bool utf8)
{
	uint32_t most = 1;

	for (size_t i = 0; i < ZW_TRAFFIC_SECONDS; i++)
		if (second[i] > most)
			most = second[i];
	for (size_t i = 0; i < ZW_TRAFFIC_SECONDS; i++) {
		size_t level = (size_t)((uint64_t)second[i] * 8 / most);

		/* Something is not nothing. */
		if (level == 0 && second[i])
			level = 1;
		if (utf8)
			zw_str_add(s, blocks[level]);
		else
			zw_str_add_char(s, plain[level]);
	}
	zw_str_addf(s, "  most %" PRIu32 "/s", most);
}

static double percent(uint64_t part, uint64_t all)
{
	return all ? (double)part * 100 / (double)all : 0;
}

static void add_latency(struct zw_str *s, uint64_t ns)
{
	if (ns >= ZW_NSEC_PER_MSEC)
		zw_str_addf(s, "%.1f ms", (double)ns / ZW_NSEC_PER_MSEC);
	else
		zw_str_addf(s, "%.0f us", (double)ns / ZW_NSEC_PER_USEC);
}

void zw_top_head(struct zw_str *s, const struct zw_top_model *m, bool utf8)
{
	const uint64_t *n = m->total.n;
	char queries[16], in[16], out[16];

	zw_traffic_short(n[ZW_COUNT_QUERIES], queries);
	zw_traffic_short(n[ZW_COUNT_IN_BYTES], in);
	zw_traffic_short(n[ZW_COUNT_OUT_BYTES], out);
	zw_str_addf(s, "%.0f queries/s  %.0f answers/s", m->query_rate, m->response_rate);
	if (!m->counted)
		zw_str_add(s, "  (the kernel does not count: see 'zonewitness status')");
	if (m->findings)
		zw_str_addf(s, "  %" PRIu64 " findings go on: see 'zonewitness log'", m->findings);
	zw_str_addf(s,
		"\n%s queries, %s octets in, %s out; %.1f %% nxdomain, %.1f %% servfail, %.1f %%"
		" refused, %.1f %% tcp, %" PRIu64 " unanswered; half within ",
		queries, in, out, percent(n[ZW_COUNT_NXDOMAIN], n[ZW_COUNT_RESPONSES]),
		percent(n[ZW_COUNT_SERVFAIL], n[ZW_COUNT_RESPONSES]),
		percent(n[ZW_COUNT_REFUSED], n[ZW_COUNT_RESPONSES]),
		percent(n[ZW_COUNT_TCP], n[ZW_COUNT_QUERIES]), m->unanswered);
	add_latency(s, m->latency_p50_ns);
	zw_str_add(s, ", 99 % within ");
	add_latency(s, m->latency_p99_ns);
	zw_str_add_char(s, '\n');
	add_sparkline(s, m->second, utf8);
	zw_str_add_char(s, '\n');
}

void zw_top_table(struct zw_str *s, const struct zw_top_model *m, enum zw_traffic_by by, size_t max)
{
	const struct zw_traffic_rows *rows = &m->rows[by];

	zw_str_addf(s, "%10s %10s %6s %6s %6s %6s %7s  %s\n", "a second", "minute", "nx %", "sf %",
		"ref %", "tcp %", "octets", zw_traffic_by_to_string(by));
	for (size_t i = 0; i < rows->len && i < max; i++) {
		const struct zw_traffic_row *row = &rows->items[i];
		const uint64_t *n = row->counts.n;
		char octets[16];

		zw_traffic_short(n[ZW_COUNT_IN_BYTES] + n[ZW_COUNT_OUT_BYTES], octets);
		zw_str_addf(s, "%10.1f %10" PRIu64 " %6.1f %6.1f %6.1f %6.1f %7s  ", row->rate,
			zw_counts_weight(&row->counts),
			percent(n[ZW_COUNT_NXDOMAIN], n[ZW_COUNT_RESPONSES]),
			percent(n[ZW_COUNT_SERVFAIL], n[ZW_COUNT_RESPONSES]),
			percent(n[ZW_COUNT_REFUSED], n[ZW_COUNT_RESPONSES]),
			percent(n[ZW_COUNT_TCP], n[ZW_COUNT_QUERIES]), octets);
		zw_str_add_escaped(s, row->key, strlen(row->key));
		zw_str_add_char(s, '\n');
	}
}
