/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone file and its journal, read while named is at them: whatever it does between any two steps of the reader, what is
 * taken for the zone is a state that it was in, and none that it has left. The reader's steps are its looks at files, which
 * are this file's own functions. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "unit/temp_dir.h"
#include "unit/zone_support.h"

#include "base/clock.h"
#include "cli/agent_server.h"
#include "cli/agent_source.h"

#define STEPS_MAX 8
#define JOURNAL_HEADER 64

struct world;
typedef void (*step_fn)(struct world *w, unsigned int arg);

struct step {
	step_fn run;
	unsigned int arg;
};

struct scenario {
	const char *name;
	unsigned int file, first, last; /* serials of the file, and of the journal */
	unsigned int end;               /* serial when all is done */
	struct step step[STEPS_MAX];
};

struct world {
	char dir[64];
	int root_fd;
	struct zw_agent agent;
	struct zw_agent_server server;
	struct zw_agent_zone zone;
	const struct scenario *scenario;
	size_t points;        /* looks so far */
	size_t at[STEPS_MAX]; /* before which look each step is taken */
	size_t taken;         /* steps */
	bool never_quiet;     /* the zone is written to for so long that it is read all the same */
};

/* The one whose files are looked at; NULL: nobody steps in. */
static struct world *observed;

static void step_in(void)
{
	struct world *w = observed;

	if (!w)
		return;
	observed = NULL;
	while (w->taken < STEPS_MAX && w->scenario->step[w->taken].run &&
		w->at[w->taken] <= w->points) {
		w->scenario->step[w->taken].run(w, w->scenario->step[w->taken].arg);
		w->taken++;
		/* As it is when the event of it is taken from the ring. */
		w->zone.last_ns = zw_boottime_ns();
	}
	w->points++;
	observed = w;
}

int fstat(int fd, struct stat *st)
{
	step_in();
	return fstatat(fd, "", st, AT_EMPTY_PATH);
}

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
	step_in();
	return syscall(SYS_pread64, fd, data, len, offset);
}

int openat(int dir_fd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	step_in();
	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, mode_t);
	va_end(args);
	return (int)syscall(SYS_openat, dir_fd, path, flags, mode);
}

/* --- what named writes ---------------------------------------------------------------------------------- */

static void put(struct zw_str *s, uint32_t v, int octets)
{
	while (octets-- > 0)
		zw_str_add_char(s, (char)(v >> (8 * octets)));
}

static const char owner_zone[] = "\7example", owner_a[] = "\1a\7example";

static void put_record(struct zw_str *s, const char *owner, size_t owner_len, uint16_t type,
	const struct zw_str *rdata)
{
	put(s, (uint32_t)(owner_len + 10 + rdata->len), 4);
	zw_str_add_len(s, owner, owner_len);
	put(s, type, 2);
	put(s, ZW_CLASS_IN, 2);
	put(s, 300, 4);
	put(s, (uint32_t)rdata->len, 2);
	zw_str_add_len(s, rdata->buf, rdata->len);
}

/* The SOA of the state, and its address. */
static void put_state(struct zw_str *s, unsigned int serial)
{
	static const char names[] = "\2ns\7example\0\1h\7example";
	_zw_str_ struct zw_str soa = {}, a = {};

	zw_str_add_len(&soa, names, sizeof(names));
	put(&soa, serial, 4);
	for (uint32_t i = 2; i < 5; i++)
		put(&soa, i, 4);
	put(&soa, 500, 4);
	put_record(s, owner_zone, sizeof(owner_zone), ZW_TYPE_SOA, &soa);
	put(&a, 0xc0000200 + serial, 4);
	put_record(s, owner_a, sizeof(owner_a), ZW_TYPE_A, &a);
}

static void put_transaction(struct zw_str *s, unsigned int from)
{
	_zw_str_ struct zw_str records = {};

	put_state(&records, from);
	put_state(&records, from + 1);
	put(s, (uint32_t)records.len, 4);
	put(s, 4, 4);
	put(s, from, 4);
	put(s, from + 1, 4);
	zw_str_add_len(s, records.buf, records.len);
}

static size_t transaction_len(void)
{
	_zw_str_ struct zw_str s = {};

	put_transaction(&s, 1);
	return s.len;
}

static void put_header(struct zw_str *s, unsigned int first, unsigned int last)
{
	char magic[16] = ";BIND LOG V9.2\n";

	zw_str_add_len(s, magic, sizeof(magic));
	put(s, first, 4);
	put(s, JOURNAL_HEADER, 4);
	put(s, last, 4);
	put(s, (uint32_t)(JOURNAL_HEADER + (last - first) * transaction_len()), 4);
	while (s->len < JOURNAL_HEADER)
		put(s, 0, 4);
}

static void write_at(
	struct world *w, const char *name, int flags, off_t offset, const struct zw_str *s)
{
	_zw_close_ int fd = openat(w->root_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

	assert_true(fd >= 0);
	assert_int_equal(s->failed, 0);
	assert_int_equal(pwrite(fd, s->buf, s->len, offset), s->len);
}

static void write_journal(struct world *w, const char *name, unsigned int first, unsigned int last)
{
	_zw_str_ struct zw_str s = {};

	put_header(&s, first, last);
	for (unsigned int i = first; i < last; i++)
		put_transaction(&s, i);
	write_at(w, name, O_TRUNC, 0, &s);
}

static void write_zone(struct world *w, const char *name, unsigned int serial)
{
	_zw_str_ struct zw_str s = {};

	zw_str_addf(&s, "@ 300 SOA ns h %u 2 3 4 500\na 300 A 192.0.2.%u\n", serial, serial);
	write_at(w, name, O_TRUNC, 0, &s);
}

static void move(struct world *w, const char *from, const char *to)
{
	assert_int_equal(renameat(w->root_fd, from, w->root_fd, to), 0);
}

/* The journal begins at the serial that the scenario says, or where it was made anew. */
static void append(struct world *w, unsigned int from)
{
	unsigned int first = w->scenario->first;
	_zw_str_ struct zw_str s = {};

	put_transaction(&s, from);
	write_at(
		w, "zone.jnl", 0, (off_t)(JOURNAL_HEADER + (from - first) * transaction_len()), &s);
}

static void commit(struct world *w, unsigned int last)
{
	_zw_str_ struct zw_str s = {};

	put_header(&s, w->scenario->first, last);
	write_at(w, "zone.jnl", 0, 0, &s);
}

static void dump(struct world *w, unsigned int serial)
{
	write_zone(w, "db-tmp", serial);
	move(w, "db-tmp", "zone");
}

static void remove_journal(struct world *w, unsigned int arg)
{
	(void)arg;
	assert_int_equal(unlinkat(w->root_fd, "zone.jnl", 0), 0);
}

static void new_journal(struct world *w, unsigned int first)
{
	write_journal(w, "zone.jnl", first, first + 1);
}

/* Compaction: what is kept is written beside it, the journal is moved away, and then replaced. */
static void compact_away(struct world *w, unsigned int first)
{
	write_journal(w, "zone.jnw", first, w->scenario->end);
	move(w, "zone.jnl", "zone.jbk");
}

static void compact_back(struct world *w, unsigned int arg)
{
	(void)arg;
	move(w, "zone.jnw", "zone.jnl");
}

static void compact_end(struct world *w, unsigned int arg)
{
	(void)arg;
	assert_int_equal(unlinkat(w->root_fd, "zone.jbk", 0), 0);
}

/* --- the reader ----------------------------------------------------------------------------------------- */

static void world_begin(struct world *w, const struct scenario *scenario)
{
	char *path = strdup("/zone");

	*w = (struct world){.scenario = scenario, .root_fd = -1};
	/* Thousands of them: where files are memory, if there is such a place. */
	snprintf(w->dir, sizeof(w->dir), "%s/zw-journal-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(w->dir));
	w->root_fd = open(w->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(w->root_fd >= 0);
	w->agent.key = test_key;
	w->server = (struct zw_agent_server){.kind = ZW_SERVER_BIND, .root_fd = w->root_fd};
	w->zone = (struct zw_agent_zone){.name = (char *)"example.",
		.server = &w->server,
		.source = &zw_source_file,
		.journal = (char *)"/zone.jnl",
		.journal_beside = true};
	assert_int_equal(zw_name_from_text("example.", w->zone.origin, NULL), 0);
	assert_int_equal(
		zw_vec_push(&w->zone.files, ((struct zw_agent_file){.path = path, .walk.fd = -1})),
		0);
	write_zone(w, "zone", scenario->file);
	if (scenario->last > scenario->first)
		write_journal(w, "zone.jnl", scenario->first, scenario->last);
}

static void world_end(struct world *w)
{
	zw_snapshot_unref(w->zone.good);
	zw_agent_files_done(&w->zone.files);
	zw_agent_files_done(&w->zone.good_files);
	zw_buffer_done(&w->agent.content);
	zw_buffer_done(&w->agent.journal);
	close(w->root_fd);
	assert_int_equal(temp_dir_remove(w->dir), 0);
}

static unsigned int serial_of(const struct zw_snapshot *s)
{
	uint32_t serial = 0;

	if (s)
		assert_true(zw_snapshot_serial(s, &serial));
	return serial;
}

static void assert_state(const struct world *w, const struct zw_snapshot *s)
{
	unsigned int serial = serial_of(s), before = serial_of(w->zone.good);
	_zw_free_ char *text =
		zw_asprintf("@ 300 SOA ns h %u 2 3 4 500\na 300 A 192.0.2.%u\n", serial, serial);
	_zw_snapshot_ struct zw_snapshot *true_state = test_load(text, NULL);

	if (serial < before || !zw_snapshot_equal(s, true_state)) {
		print_error("%s, steps", w->scenario->name);
		for (size_t i = 0; i < STEPS_MAX && w->scenario->step[i].run; i++)
			print_error(" %zu", w->at[i]);
		fail_msg("%u became %u", before, serial);
	}
}

/* What a look makes of it, see agent_zone.c. */
static void take(struct world *w, struct zw_agent_reading *r)
{
	struct zw_agent_zone *z = &w->zone;

	if (r->busy || (!r->same && !r->snapshot) || (r->snapshot && zw_agent_journal_left(z, r)))
		return;
	if (r->snapshot) {
		assert_state(w, r->snapshot);
		zw_snapshot_unref(z->good);
		z->good = ZW_TAKE(r->snapshot);
		z->journal_at = r->journal_at;
	}
	z->state = ZW_ZONE_GOOD;
	z->digest_wanted = false;
	zw_agent_files_done(&z->good_files);
	assert_int_equal(zw_agent_files_copy(&r->files, &z->good_files), 0);
	zw_agent_files_done(&z->files);
	memcpy(&z->files, &r->files, sizeof(z->files));
	r->files = (zw_agent_files){};
}

static void look(struct world *w)
{
	struct zw_agent_reading r;

	w->zone.first_ns = w->never_quiet ? 1 : 0;
	assert_int_equal(zw_agent_read(&w->agent, &w->zone, &r), 0);
	take(w, &r);
	zw_agent_reading_done(&r);
}

/* --- tests ---------------------------------------------------------------------------------------------- */

static const struct scenario scenarios[] = {
	{"update, dump and compaction", 1, 1, 3, 4,
		{{append, 3}, {commit, 4}, {dump, 4}, {compact_away, 3}, {compact_back, 0},
			{compact_end, 0}}},
	{"dump, update and compaction", 1, 1, 3, 4,
		{{dump, 3}, {append, 3}, {commit, 4}, {compact_away, 3}, {compact_back, 0},
			{compact_end, 0}}},
	{"compaction of all but what is new", 3, 1, 4, 4,
		{{compact_away, 3}, {compact_back, 0}, {compact_end, 0}}},
	{"journal removed and made anew", 1, 1, 3, 4,
		{{remove_journal, 0}, {dump, 3}, {new_journal, 3}}},
	{"first journal", 1, 1, 1, 2, {{new_journal, 1}, {dump, 2}}},
	{"two updates and two dumps", 1, 1, 2, 4,
		{{append, 2}, {commit, 3}, {dump, 3}, {append, 3}, {commit, 4}, {dump, 4}}},
};

static size_t steps_of(const struct scenario *s)
{
	size_t n = 0;

	while (n < STEPS_MAX && s->step[n].run)
		n++;
	return n;
}

/* The steps come in two groups, the first @split of them before look @first, the others before @then, which may be of the
 * reading after. */
struct choice {
	size_t split, first, then;
};

static void run(struct world *w, const struct choice *c, bool never_quiet)
{
	size_t steps = steps_of(w->scenario);

	for (size_t i = 0; i < steps; i++)
		w->at[i] = i < c->split ? c->first : c->then;
	w->never_quiet = never_quiet;
	observed = w;
	look(w);
	look(w);
	/* What is left comes after it. */
	w->points = SIZE_MAX - 1;
	step_in();
	observed = NULL;
	assert_int_equal(w->taken, steps);
	w->never_quiet = false;
	w->zone.last_ns = 0;
	for (int i = 0; i < 3; i++) {
		w->zone.digest_wanted = true;
		look(w);
	}
	assert_int_equal(serial_of(w->zone.good), w->scenario->end);
}

/* So many looks there are, where nothing steps in. */
static size_t looks_of(const struct scenario *s)
{
	struct world w;
	size_t looks;

	world_begin(&w, s);
	look(&w);
	w.zone.digest_wanted = true;
	observed = &w;
	for (size_t i = 0; i < STEPS_MAX; i++)
		w.at[i] = SIZE_MAX;
	look(&w);
	observed = NULL;
	looks = w.points;
	world_end(&w);
	return looks;
}

#define CHOICES_MAX 8192

static size_t list_choices(const struct scenario *s, struct choice list[static CHOICES_MAX])
{
	size_t steps = steps_of(s), looks = looks_of(s), n = 0;

	assert_true(looks >= 6);
	for (size_t split = 1; split <= steps; split++)
		for (size_t first = 0; first <= looks; first++)
			/* Where in the first reading does not matter as much for the second. */
			for (size_t then = first; then <= (first % 4 ? looks : 2 * looks); then++) {
				assert_true(n < CHOICES_MAX);
				list[n++] = (struct choice){split, first, then};
			}
	return n;
}

static void run_all(bool never_quiet, bool goes_on)
{
	/* After so long the time of a file is not that of a moment ago: it need not be read again. */
	const struct timespec pause = {.tv_nsec = goes_on ? 15 * ZW_NSEC_PER_MSEC : 0};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(scenarios); i++) {
		_zw_free_ struct world *list = calloc(CHOICES_MAX, sizeof(*list));
		_zw_free_ struct choice *choice = calloc(CHOICES_MAX, sizeof(*choice));
		size_t n;

		assert_non_null(list);
		assert_non_null(choice);
		n = list_choices(&scenarios[i], choice);
		for (size_t k = 0; k < n; k++) {
			world_begin(&list[k], &scenarios[i]);
			look(&list[k]);
			assert_int_equal(serial_of(list[k].zone.good), scenarios[i].last);
			list[k].zone.digest_wanted = !goes_on;
		}
		nanosleep(&pause, NULL);
		for (size_t k = 0; k < n; k++) {
			run(&list[k], &choice[k], never_quiet);
			world_end(&list[k]);
		}
	}
}

static void test_all_is_read(void **state)
{
	(void)state;
	run_all(false, false);
}

static void test_only_what_is_new_is_read(void **state)
{
	(void)state;
	run_all(false, true);
}

/* What was torn is taken all the same when the zone is never quiet. */
static void test_never_quiet(void **state)
{
	(void)state;
	run_all(true, false);
	run_all(true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_is_read),
		cmocka_unit_test(test_only_what_is_new_is_read),
		cmocka_unit_test(test_never_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
