/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two processes that write one standard zone at nearly the same time. Each writes what the other never
 * writes, so what is in the zone tells who wrote it:
 *
 *	race whole FILE ORIGIN SERIAL IPV4-A IPV4-B DELAY	both write the whole text
 *	race rename FILE ORIGIN SERIAL IPV4-A IPV4-B DELAY	A in place, B by a rename over it
 *	race records FILE ORIGIN SERIAL IPV4-A DIGIT DELAY	A the address of www, B the last digit
 *							of the address of mail, each with pwrite(2)
 *	race swap FILE ORIGIN SERIAL IPV4-A IPV4-B DELAY	A exchanges the directory of the file with DIRECTORY.new, B
 *							by a rename over it from DIRECTORY.spare, both of which
 *							are there
 *	race fresh FILE ORIGIN SERIAL IPV4-A IPV4-B DELAY	A writes the file in DIRECTORY.new and exchanges the two at
 *							once, B opens what is at the path then and writes it
 *	race deep FILE ORIGIN SERIAL IPV4-A IPV4-B DELAY	the same, but what is exchanged is the directory above that
 *							of the file
 *
 * B starts DELAY microseconds after A. Both have the file open before; who is who is printed first:
 * {"a":{"pid":..},"b":{"pid":..}}.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/ways.h"

struct race {
	const char *shape;
	const char *path;
	char spare[PATH_MAX];
	/* Of the shapes that exchange directories. */
	char dir[PATH_MAX], other[PATH_MAX], prepared[PATH_MAX];
	uint64_t delay_ns;
	struct zw_way_text text[2];
	/* Boot time at which A starts, 0 until then; shared by the two. */
	_Atomic uint64_t *start;
};

/* Spins, because a sleep would be less exact than the delays that matter. */
static void wait_for_start(const struct race *race, uint64_t delay_ns)
{
	uint64_t start;

	while ((start = atomic_load(race->start)) == 0)
		sched_yield();
	while (zw_boottime_ns() < start + delay_ns)
		;
}

/* Writes the @len bytes of @text after the first occurrence of @mark. */
static int write_field(int fd, const struct zw_way_text *text, const char *mark, size_t len)
{
	const char *field = memmem(text->data, text->len, mark, strlen(mark));

	if (!field)
		return -EINVAL;
	field += strlen(mark);
	return pwrite(fd, field, len, field - text->data) == (ssize_t)len ? 0 : -EIO;
}

static int write_whole(int fd, const struct zw_way_text *text)
{
	return pwrite(fd, text->data, text->len, 0) == (ssize_t)text->len ? 0 : -EIO;
}

static int prepare(const char *path, const struct zw_way_text *text)
{
	_zw_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	return fd < 0 ? -errno : write_whole(fd, text);
}

static int exchange(const char *a, const char *b)
{
	return renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0 ? -errno : 0;
}

/* Levels from the file up to the directory that is exchanged; 0: none is. */
static int levels(const struct race *race)
{
	if (zw_streq(race->shape, "swap") || zw_streq(race->shape, "fresh"))
		return 1;
	return zw_streq(race->shape, "deep") ? 2 : 0;
}

/* The shapes `fresh` and `deep`. */
static int fresh_main(const struct race *race, int i)
{
	_zw_close_ int fd = -1;
	int r;

	wait_for_start(race, i == 1 ? race->delay_ns : 0);
	if (i == 0) {
		r = prepare(race->prepared, &race->text[0]);
		return r < 0 ? r : exchange(race->dir, race->other);
	}
	fd = open(race->path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : write_whole(fd, &race->text[1]);
}

/* The life of writer @i: 0 is A, 1 is B. */
static int writer_main(const struct race *race, int i)
{
	bool swap = zw_streq(race->shape, "swap");
	_zw_close_ int fd = levels(race) ? -1 : open(race->path, O_WRONLY | O_CLOEXEC);
	bool renames = i == 1 && (swap || zw_streq(race->shape, "rename"));
	int r = 0;

	if (levels(race) && !swap)
		return fresh_main(race, i);
	if (fd < 0 && !swap)
		return -errno;
	if (renames)
		r = prepare(race->spare, &race->text[1]);
	else if (swap)
		r = prepare(race->prepared, &race->text[0]);
	if (r < 0)
		return r;
	wait_for_start(race, i == 1 ? race->delay_ns : 0);
	if (renames)
		return rename(race->spare, race->path) < 0 ? -errno : 0;
	if (swap)
		return exchange(race->dir, race->other);
	if (!zw_streq(race->shape, "records"))
		return write_whole(fd, &race->text[i]);
	return i == 0 ? write_field(
				fd, &race->text[0], "\nwww\tIN A ", sizeof("255.255.255.255") - 1)
		      : write_field(fd, &race->text[1], "\nmail\tIN AAAA 2001:db8::2", 1);
}

/* B's text of the shape `records`: A's with another last digit in the address of mail. */
static int set_mail_digit(struct zw_way_text *text, const char *digit)
{
	static const char mark[] = "\nmail\tIN AAAA 2001:db8::2";
	char *field = memmem(text->data, text->len, mark, sizeof(mark) - 1);

	if (!field || strlen(digit) != 1 || strspn(digit, "0123456789abcdef") != 1)
		return -EINVAL;
	field[sizeof(mark) - 1] = *digit;
	return 0;
}

static int make_texts(struct race *race, char **args)
{
	int records = zw_streq(race->shape, "records"), r;
	uint32_t serial;

	r = zw_parse_u32(args[1], &serial);
	if (r == 0)
		r = zw_way_zone_text(args[0], serial, args[2], &race->text[0]);
	if (r == 0)
		r = zw_way_zone_text(args[0], serial, records ? args[2] : args[3], &race->text[1]);
	if (r == 0 && records)
		r = set_mail_digit(&race->text[1], args[3]);
	return r;
}

/* The paths beside that of the file. */
static int make_paths(struct race *race)
{
	const char *path = race->path, *slash = path + strlen(path);
	int up = levels(race), dir, n[4];

	for (int i = 0; i < (up ? up : 1); i++) {
		slash = memrchr(path, '/', (size_t)(slash - path));
		if (!slash)
			return -EINVAL;
	}
	dir = (int)(slash - path);
	n[0] = up ? snprintf(race->spare, PATH_MAX, "%.*s.spare%s", dir, path, slash)
		  : snprintf(race->spare, PATH_MAX, "%s.new", path);
	n[1] = snprintf(race->dir, PATH_MAX, "%.*s", dir, path);
	n[2] = snprintf(race->other, PATH_MAX, "%.*s.new", dir, path);
	n[3] = snprintf(race->prepared, PATH_MAX, "%.*s.new%s", dir, path, slash);
	for (size_t i = 0; i < ZW_ARRAY_SIZE(n); i++)
		if (n[i] < 0 || n[i] >= PATH_MAX)
			return -ENAMETOOLONG;
	return 0;
}

static int parse(struct race *race, char **argv)
{
	uint32_t delay_us;
	int r;

	race->shape = argv[1];
	race->path = argv[2];
	if (!zw_streq(argv[1], "whole") && !zw_streq(argv[1], "rename") &&
		!zw_streq(argv[1], "records") && !levels(race))
		return -EINVAL;
	r = make_paths(race);
	if (r == 0)
		r = make_texts(race, argv + 3);
	if (r == 0)
		r = zw_parse_u32(argv[7], &delay_us);
	if (r == 0)
		race->delay_ns = delay_us * ZW_NSEC_PER_USEC;
	return r;
}

static int run(struct race *race)
{
	pid_t pids[2] = {-1, -1};
	int status, r = 0;

	race->start = mmap(NULL, sizeof(*race->start), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (race->start == MAP_FAILED)
		return -errno;
	for (int i = 0; i < 2 && r == 0; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			r = -errno;
		if (pids[i] == 0)
			_exit(-writer_main(race, i));
	}
	if (r == 0)
		printf("{\"a\":{\"pid\":%d},\"b\":{\"pid\":%d}}\n", pids[0], pids[1]);
	fflush(stdout);
	/* A millisecond is ample for both to have opened the file and to be spinning. What is put in the place of a
	 * directory was prepared some ticks of the coarse clock before, as file times tell. */
	atomic_store(race->start,
		zw_boottime_ns() + (zw_streq(race->shape, "swap") ? 40 : 1) * ZW_NSEC_PER_MSEC);
	for (int i = 0; i < 2 && pids[i] > 0; i++)
		if (waitpid(pids[i], &status, 0) < 0 || status != 0)
			r = WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
	return r;
}

int main(int argc, char **argv)
{
	struct race race = {};
	int r = argc == 8 ? parse(&race, argv) : -EINVAL;

	if (r == 0)
		r = run(&race);
	free(race.text[0].data);
	free(race.text[1].data);
	if (r < 0)
		fprintf(stderr, "race: %s\n", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
