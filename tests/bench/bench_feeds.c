/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How long lists of a million entries take to be read, in each format, what they take in memory, and how long an address or
 * a name takes to be looked up in them.
 *
 *	bench_feeds [ENTRIES]		default 1000000
 *
 * Lines that begin with "figure" are rows of the table of tests/bench/run. Exit status 1 over the budget: 2 s. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "engine/feed.h"

#define BUDGET_MS 2000.0
#define LOOKUPS 1000000

static uint64_t seed = 1;

static uint32_t draw(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(seed >> 32);
}

/* "kezimo4f2a.badomu.example" and the like: 20 octets or so. */
static void add_name(struct zw_str *s)
{
	static const char *const ends[] = {"com", "net", "org", "xyz", "top", "info", "example"};
	unsigned int n = 4 + draw() % 4;

	for (unsigned int i = 0; i < n; i++)
		zw_str_addf(s, "%c%c", "bdfgklmnprstvz"[draw() % 14], "aeiou"[draw() % 5]);
	zw_str_addf(s, "%04x.%s", draw() & 0xffff, ends[draw() % ZW_ARRAY_SIZE(ends)]);
}

static void add_address(struct zw_str *s)
{
	uint32_t a = draw();

	zw_str_addf(s, "%u.%u.%u.%u", 1 + a % 223, a >> 8 & 255, a >> 16 & 255, a >> 24);
}

static void domains(struct zw_str *s)
{
	add_name(s);
	zw_str_add_char(s, '\n');
}

static void addresses(struct zw_str *s)
{
	add_address(s);
	zw_str_add_char(s, '\n');
}

static void networks6(struct zw_str *s)
{
	zw_str_addf(s, "2001:%x:%x::/48\n", draw() & 0xffff, draw() & 0xffff);
}

static void hosts(struct zw_str *s)
{
	zw_str_add(s, "0.0.0.0 ");
	domains(s);
}

static void urls(struct zw_str *s)
{
	zw_str_add(s, "\"3040001\",\"2026-11-21 23:59:00\",\"http://");
	if (draw() % 2)
		add_name(s);
	else
		add_address(s);
	zw_str_add(s, ":8080/bin.sh\",\"online\",\"\",\"malware_download\",\"elf\",\"x\",\"y\"\n");
}

static void warnings(struct zw_str *s)
{
	zw_str_add(s, ",\"");
	add_name(s);
	zw_str_add_char(s, '"');
}

static const struct {
	const char *name, *head, *tail;
	enum zw_feed_format format;
	void (*add)(struct zw_str *s);
} lists[] = {
	{"plain domains", "", "", ZW_FEED_PLAIN, domains},
	{"plain IPv4 addresses", "", "", ZW_FEED_PLAIN, addresses},
	{"plain IPv6 networks", "", "", ZW_FEED_PLAIN, networks6},
	{"hosts file", "", "", ZW_FEED_HOSTS, hosts},
	{"CSV of URLs",
		"# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n", "",
		ZW_FEED_CSV, urls},
	{"MISP warning list", "{\"type\":\"hostname\",\"list\":[\"first.example\"", "]}",
		ZW_FEED_MISP, warnings},
};

/* Processor time: nothing is waited for, and others on this machine do not count. */
static uint64_t used_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * ZW_NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static double ms_since(uint64_t from_ns)
{
	return (double)(used_ns() - from_ns) / ZW_NSEC_PER_MSEC;
}

/* Reads one list, and puts it into @feeds. Returns how long that took. */
static double measure(size_t which, size_t entries, struct zw_feeds *feeds)
{
	_zw_str_ struct zw_str text = {}, error = {};
	struct zw_feed *feed = NULL;
	uint64_t from;
	double ms;

	zw_str_add(&text, lists[which].head);
	for (size_t i = 0; i < entries; i++)
		lists[which].add(&text);
	zw_str_add(&text, lists[which].tail);
	from = used_ns();
	if (text.failed || zw_feed_parse(lists[which].name, lists[which].format, ZW_FEED_BAD,
				   text.buf, text.len, &feed, &error) < 0) {
		fprintf(stderr, "%s: %s\n", lists[which].name, error.buf ? error.buf : "no memory");
		exit(1);
	}
	ms = ms_since(from);
	printf("%-22s %8.0f ms  %6.1f MB of text  %6.1f MB in memory  %" PRIu64 " entries\n",
		lists[which].name, ms, (double)text.len / 1e6, (double)zw_feed_memory(feed) / 1e6,
		zw_feed_entries(zw_feed_stats(feed)));
	printf("figure\tfeed of %zu entries, %s: read\t%.0f ms\t<= %.0f ms\n", entries,
		lists[which].name, ms, BUDGET_MS);
	printf("figure\tfeed of %zu entries, %s: memory\t%.1f octets an entry\t\n", entries,
		lists[which].name,
		(double)zw_feed_memory(feed) / (double)zw_feed_entries(zw_feed_stats(feed)));
	if (zw_feed_stats(feed)->bad || zw_feeds_replace(feeds, NULL, feed) < 0) {
		fprintf(stderr, "%s: bad lines\n", lists[which].name);
		exit(1);
	}
	return ms;
}

static void look_up(const struct zw_feeds *feeds)
{
	uint8_t name[ZW_NAME_MAX];
	struct zw_feed_match match;
	uint64_t from, found = 0;

	if (zw_name_from_text("www.host17.some-department.unlisted-name.org", name, NULL) < 0)
		exit(1);
	from = used_ns();
	for (unsigned int i = 0; i < LOOKUPS; i++) {
		name[1] = (uint8_t)('a' + i % 26);
		found += zw_feeds_match_name(feeds, name, &match);
	}
	printf("figure\ta name of 5 labels looked up in %zu feeds\t%.0f ns\t\n",
		ZW_ARRAY_SIZE(lists), ms_since(from) * 1e6 / LOOKUPS);
	from = used_ns();
	for (unsigned int i = 0; i < LOOKUPS; i++) {
		uint32_t addr = draw();

		found += zw_feeds_match_address(feeds, AF_INET, &addr, &match);
	}
	printf("figure\tan address looked up in %zu feeds\t%.0f ns\t\n", ZW_ARRAY_SIZE(lists),
		ms_since(from) * 1e6 / LOOKUPS);
	printf("%" PRIu64 " of them were listed\n", found);
}

int main(int argc, char **argv)
{
	size_t entries = argc > 1 ? (size_t)strtoull(argv[1], NULL, 10) : 1000000;
	_zw_feeds_free_ struct zw_feeds *feeds = NULL;
	struct rusage usage;
	int status = 0;

	if (entries == 0 || zw_feeds_new(&feeds) < 0) {
		fprintf(stderr, "usage: bench_feeds [ENTRIES]\n");
		return 2;
	}
	for (size_t i = 0; i < ZW_ARRAY_SIZE(lists); i++)
		if (measure(i, entries, feeds) > BUDGET_MS)
			status = 1;
	look_up(feeds);
	getrusage(RUSAGE_SELF, &usage);
	printf("most memory in use at a time, texts and all: %ld MB\n", usage.ru_maxrss / 1000);
	return status;
}
