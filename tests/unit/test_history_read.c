/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Events and zones, and databases wherever and however they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "history_support.h"

static void test_events(void **state)
{
	struct history_fixture *f = *state;
	_zw_reader_close_ struct zw_reader *reader = NULL;
	_zw_reader_event_ struct zw_reader_event event = {};
	_zw_reader_matches_ struct zw_reader_matches matches = {};
	char id[ZW_ULID_LEN + 2];
	uint64_t seq;

	history_fill(f, true);
	history_run_sql(f->path,
		"INSERT INTO ack (seq, time_ns, by_whom, ticket, reason, json) VALUES"
		" (3, 5, 'bob', 'CHG-1', NULL, '{}'), (3, 6, 'eve', NULL, 'ok', '{}')");
	reader = history_open_reader(f->path);
	for (int i = 1; i <= HISTORY_STEPS; i++) {
		assert_int_equal(zw_reader_find(reader, f->id[i], &seq), 0);
		assert_int_equal(seq, i);
	}
	/* As people copy it. */
	for (size_t i = 0; i <= ZW_ULID_LEN; i++)
		id[i] = (char)(f->id[3][i] == '1'   ? 'l'
			       : f->id[3][i] == '0' ? 'o'
						    : f->id[3][i] | 0x20);
	id[ZW_ULID_LEN] = '\0';
	assert_int_equal(zw_reader_find(reader, id, &seq), 0);
	assert_int_equal(seq, 3);
	/* All are of the same minute. */
	id[6] = '\0';
	assert_int_equal(zw_reader_find(reader, id, &seq), -ENOTUNIQ);
	assert_int_equal(zw_reader_matching(reader, id, 4, &matches), 0);
	assert_int_equal(matches.len, 4);
	assert_string_equal(matches.items[1].id, f->id[2]);
	assert_string_equal(matches.items[1].zone, history_zone.zone);
	assert_int_equal(zw_reader_find(reader, "7ZZ", &seq), -ENOENT);
	assert_int_equal(zw_reader_find(reader, "", &seq), -EINVAL);
	assert_int_equal(zw_reader_find(reader, "01U", &seq), -EINVAL);
	assert_int_equal(zw_reader_find(reader, "01%", &seq), -EINVAL);
	memset(id, '0', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	assert_int_equal(zw_reader_find(reader, id, &seq), -EINVAL);

	assert_int_equal(zw_reader_event(reader, 3, &event), 0);
	assert_string_equal(event.report->id, f->id[3]);
	assert_int_equal(event.zone_id, 1);
	assert_int_equal(event.acks, 2);
	assert_string_equal(event.ack[0].by, "bob");
	assert_string_equal(event.ack[0].ticket, "CHG-1");
	assert_null(event.ack[0].reason);
	assert_string_equal(event.ack[1].reason, "ok");
	/* The whole difference, with the SOA that the text leaves out. */
	assert_int_equal(event.report->diff->len, 3);
	assert_int_equal(event.report->diff->entries[0].type, 6);
	assert_true(event.report->diff->has_serial_before);
	assert_int_equal(event.report->diff->serial_before, 102);
	assert_non_null(strstr(event.json, f->id[3]));
	assert_int_equal(zw_reader_event(reader, 99, &event), -ENOENT);
	assert_int_equal(zw_reader_last_change(reader, 1, &seq), 0);
	assert_int_equal(seq, HISTORY_STEPS);
	assert_int_equal(zw_reader_last_change(reader, 2, &seq), -ENOENT);
}

static void assert_zones(struct zw_reader *reader, const char *name, const char *expected)
{
	_zw_reader_zones_ struct zw_reader_zones zones = {};
	_zw_str_ struct zw_str text = {};

	assert_int_equal(zw_reader_zones(reader, name, &zones), 0);
	ZW_VEC_FOREACH(z, &zones)
		zw_str_addf(&text, "%s/%s/%s ", z->server, z->view, z->zone);
	assert_string_equal(text.buf ? text.buf : "", expected);
}

static void test_zones(void **state)
{
	struct history_fixture *f = *state;
	_zw_reader_zone_ struct zw_reader_zone found = {};
	_zw_reader_close_ struct zw_reader *reader = NULL;

	history_fill(f, false);
	history_run_sql(f->path,
		"INSERT INTO zone (server, view, zone) VALUES ('knot:k', '', 'example.com.'),"
		" ('knot:k', '', 'a.example.')");
	reader = history_open_reader(f->path);
	assert_zones(reader, "example.com.",
		"bind:/etc/named.conf/_default/example.com. knot:k//example.com. ");
	assert_zones(reader, NULL,
		"knot:k//a.example. bind:/etc/named.conf/_default/example.com. "
		"knot:k//example.com. ");
	assert_zones(reader, "org.", "");
	assert_int_equal(zw_reader_zone(reader, 3, &found), 0);
	assert_string_equal(found.zone, "a.example.");
	assert_int_equal(zw_reader_zone(reader, 4, &found), -ENOENT);
}

static void assert_refused(const char *path, int code, const char *sentence)
{
	_zw_str_ struct zw_str error = {};
	struct zw_reader *reader = NULL;

	assert_int_equal(zw_reader_open(path, &reader, &error), code);
	assert_null(reader);
	if (!strstr(error.buf, sentence) || !strstr(error.buf, path))
		fail_msg("%s", error.buf);
}

static void test_refuses(void **state)
{
	struct history_fixture *f = *state;
	FILE *file;

	assert_refused(f->path, -ENOENT, "does not exist");
	assert_refused(f->dir, -EMEDIUMTYPE, "no regular file");
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_refused(f->path, -EMEDIUMTYPE, "no regular file");
	unlink(f->path);
	file = fopen(f->path, "w");
	fputs("example.com. SOA ...", file);
	fclose(file);
	assert_refused(f->path, -EMEDIUMTYPE, "is no database");
	unlink(f->path);
	history_run_sql(f->path, "CREATE TABLE event (seq)");
	assert_refused(f->path, -EMEDIUMTYPE, "no history of zonewitness");
	unlink(f->path);
	history_fill(f, false);
	history_run_sql(f->path, "PRAGMA user_version = 4");
	assert_refused(f->path, -EMEDIUMTYPE,
		"has version 4 of the format, this program reads version 3; read it with");
	history_run_sql(f->path, "PRAGMA user_version = 1");
	assert_refused(f->path, -EMEDIUMTYPE, "an agent of this version brings it up to date");
	history_run_sql(f->path, "PRAGMA user_version = 3");
	zw_reader_close(history_open_reader(f->path));
}

static void test_damage(void **state)
{
	static const struct {
		const char *sql, *told;
	} cases[] = {
		{"UPDATE event SET json = x'00' WHERE seq = 3", "the text of event 3"},
		{"UPDATE event SET json_len = 1 << 40 WHERE seq = 3", "the text of event 3"},
		{"UPDATE event SET json_len = json_len - 1 WHERE seq = 3", "the text of event 3"},
		{"UPDATE event SET delta = substr(delta, 1, 9) WHERE seq = 3",
			"the difference of event 3"},
		{"UPDATE event SET delta = x'' WHERE seq = 3", "the difference of event 3"},
	};
	struct history_fixture *f = *state;

	history_fill(f, true);
	history_run_sql(
		f->path, "CREATE TABLE kept AS SELECT seq, json, json_len, delta FROM event");
	for (size_t i = 0; i < ZW_ARRAY_SIZE(cases); i++) {
		_zw_reader_close_ struct zw_reader *reader = NULL;
		struct zw_reader_event event;

		history_run_sql(f->path, cases[i].sql);
		reader = history_open_reader(f->path);
		if (zw_reader_event(reader, 3, &event) != -EUCLEAN)
			fail_msg("%s: not noticed", cases[i].sql);
		if (!strstr(zw_reader_error(reader), cases[i].told))
			fail_msg("%s: %s", cases[i].sql, zw_reader_error(reader));
		/* The others are as good as before. */
		assert_int_equal(zw_reader_event(reader, 2, &event), 0);
		zw_reader_event_done(&event);
		zw_reader_close(ZW_TAKE(reader));
		history_run_sql(f->path,
			"UPDATE event SET (json, json_len, delta) = (SELECT json, json_len,"
			" delta FROM kept WHERE kept.seq = event.seq)");
	}
}

/* What the file system has below the directory. */
static char *list_files(const struct history_fixture *f)
{
	_zw_str_ struct zw_str text = {};
	char pattern[80], *names;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/*", f->dir);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct stat st;

		assert_int_equal(stat(found.gl_pathv[i], &st), 0);
		zw_str_addf(&text, "%s %lld %lld.%ld\n", found.gl_pathv[i], (long long)st.st_size,
			(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	}
	globfree(&found);
	assert_int_equal(zw_str_done(&text, &names), 0);
	return names;
}

static void copy_file(const struct history_fixture *f, const char *suffix)
{
	char from[96], to[96], data[4096];
	FILE *in, *out;
	size_t n;

	snprintf(from, sizeof(from), "%s%s", f->path, suffix);
	snprintf(to, sizeof(to), "%s/copy.db%s", f->dir, suffix);
	in = fopen(from, "r");
	out = fopen(to, "w");
	assert_non_null(in);
	assert_non_null(out);
	while ((n = fread(data, 1, sizeof(data), in)) > 0)
		assert_int_equal(fwrite(data, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* The copies of a database that is written to, with its journal and without, are read and stay as they are. */
static void test_copies(void **state)
{
	struct history_fixture *f = *state;
	_zw_history_close_ struct zw_history *history = NULL;
	_zw_reader_close_ struct zw_reader *reader = NULL;
	_zw_free_ char *before = NULL, *after = NULL;
	char path[64];
	uint64_t seq;

	snprintf(path, sizeof(path), "%s/copy.db", f->dir);
	history_fill(f, true);
	history = history_open_writer(f);
	f->state[0] = (zw_snapshot_unref(f->state[0]), zw_snapshot_ref(f->state[HISTORY_STEPS]));
	zw_snapshot_unref(f->state[1]);
	f->state[1] = history_make_state(HISTORY_STEPS + 1);
	history_put_change(history, f, 1);

	/* With the journal, which has the last event. */
	copy_file(f, "");
	copy_file(f, "-wal");
	before = list_files(f);
	reader = history_open_reader(path);
	assert_int_equal(zw_reader_last_change(reader, 1, &seq), 0);
	assert_int_equal(seq, HISTORY_STEPS + 1);
	zw_reader_close(ZW_TAKE(reader));
	after = list_files(f);
	assert_string_equal(after, before);

	/* Without it: as far as it was written back. */
	snprintf(path, sizeof(path), "%s/copy.db-wal", f->dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/copy.db", f->dir);
	free(ZW_TAKE(before));
	before = list_files(f);
	reader = history_open_reader(path);
	assert_int_equal(zw_reader_last_change(reader, 1, &seq), 0);
	assert_int_equal(seq, HISTORY_STEPS);
	zw_reader_close(ZW_TAKE(reader));
	free(ZW_TAKE(after));
	after = list_files(f);
	assert_string_equal(after, before);
}

static void test_while_written(void **state)
{
	struct history_fixture *f = *state;
	_zw_history_close_ struct zw_history *history = NULL;
	_zw_reader_close_ struct zw_reader *reader = NULL, *early = NULL;
	uint64_t seq;

	history_fill(f, true);
	early = history_open_reader(f->path); /* when nobody had it open */
	history = history_open_writer(f);
	reader = history_open_reader(f->path);
	assert_int_equal(zw_reader_begin(reader), 0);
	assert_int_equal(zw_reader_last_change(reader, 1, &seq), 0);
	assert_int_equal(seq, HISTORY_STEPS);
	zw_snapshot_unref(f->state[0]);
	f->state[0] = zw_snapshot_ref(f->state[HISTORY_STEPS]);
	zw_snapshot_unref(f->state[1]);
	f->state[1] = history_make_state(HISTORY_STEPS + 1);
	history_put_change(history, f, 1);
	/* The moment lasts until its end. */
	assert_int_equal(zw_reader_last_change(reader, 1, &seq), 0);
	assert_int_equal(seq, HISTORY_STEPS);
	zw_reader_end(reader);
	assert_int_equal(zw_reader_last_change(reader, 1, &seq), 0);
	assert_int_equal(seq, HISTORY_STEPS + 1);
	/* One that read by itself sees that somebody writes now. */
	assert_int_equal(zw_reader_begin(early), 0);
	assert_int_equal(zw_reader_last_change(early, 1, &seq), 0);
	assert_int_equal(seq, HISTORY_STEPS + 1);
	zw_reader_end(early);
}

/* Whether another process is told of a lock on the database, as one that closes it asks before it removes the journal. */
static bool is_locked(const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		int fd = open(path, O_RDWR);

		_exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* The agent reads what it wrote before in the process that writes on. */
static void test_locks_stay(void **state)
{
	struct history_fixture *f = *state;
	_zw_history_close_ struct zw_history *history = NULL;
	_zw_reader_close_ struct zw_reader *reader = NULL;

	history_fill(f, true);
	history = history_open_writer(f);
	assert_true(is_locked(f->path));
	reader = history_open_reader(f->path);
	assert_true(is_locked(f->path));
	zw_reader_close(reader);
	reader = NULL;
	assert_true(is_locked(f->path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_events, history_setup, history_teardown),
		cmocka_unit_test_setup_teardown(test_zones, history_setup, history_teardown),
		cmocka_unit_test_setup_teardown(test_refuses, history_setup, history_teardown),
		cmocka_unit_test_setup_teardown(test_damage, history_setup, history_teardown),
		cmocka_unit_test_setup_teardown(test_copies, history_setup, history_teardown),
		cmocka_unit_test_setup_teardown(
			test_while_written, history_setup, history_teardown),
		cmocka_unit_test_setup_teardown(test_locks_stay, history_setup, history_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
