/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each way in a directory of its own: the zone reads as OLD until the announcement, and as NEW after the
 * run. As root, all ways (mounts in a mount namespace of their own); else those that need no root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <libzscanner/scanner.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ways.h"

struct seen {
	int times;
	pid_t pid;
};

static void announce(const struct zw_way_ctx *ctx, pid_t pid, uid_t uid)
{
	struct seen *seen = ctx->userdata;

	seen->times++;
	seen->pid = pid;
	assert_int_equal(uid, getuid());
	assert_int_equal(zw_way_verify(ctx), -EBADMSG);
}

static void make_temp_dir(char buf[static 64])
{
	strcpy(buf, "/tmp/zw-test-ways.XXXXXX");
	assert_non_null(mkdtemp(buf));
}

static void test_way(void **state)
{
	const struct zw_way *way = *state;
	struct zw_way_ctx ctx = ZW_WAY_CTX_INIT;
	struct seen seen = {};
	char dir[64];
	int r;

	if (way->flags & ZW_WAY_ROOT && geteuid() != 0) {
		print_message("skip - %s: needs root\n", way->name);
		skip();
	}
	make_temp_dir(dir);
	ctx.uid = getuid();
	ctx.gid = getgid();
	ctx.announce = announce;
	ctx.userdata = &seen;
	assert_int_equal(zw_way_setup(&ctx, dir, way), 0);
	r = zw_way_prepare(&ctx);
	assert_int_equal(zw_way_verify(&ctx), -EBADMSG);
	if (r == 0)
		r = zw_way_run(&ctx);
	if (r == 0) {
		r = zw_way_verify(&ctx);
		assert_int_equal(seen.times, 1);
		assert_int_equal(seen.pid != getpid(), (way->flags & ZW_WAY_CHILD) != 0);
	}
	assert_int_equal(zw_way_teardown(&ctx), 0);
	assert_int_equal(rmdir(dir), 0);
	if (r == -EOPNOTSUPP) {
		assert_non_null(ctx.reason);
		print_message("skip - %s: %s\n", way->name, ctx.reason);
		skip();
	}
	assert_int_equal(r, 0);
}

/* What the scanner makes of a text: the serial, and the addresses of www as a set of last octets. */
struct parsed {
	uint32_t serial;
	char addresses[64];
	unsigned int others;
};

static void parse(const struct zw_way_text *text, struct parsed *ret)
{
	static const uint8_t www[] = {3, 'w', 'w', 'w', 1, 't', 0};
	zs_scanner_t *s = calloc(1, sizeof(*s));
	char address[sizeof("255.255.255.255 ")];

	assert_non_null(s);
	assert_int_equal(zs_init(s, ".", 1, 3600), 0);
	assert_int_equal(zs_set_input_string(s, text->data, text->len), 0);
	*ret = (struct parsed){};
	while (zs_parse_record(s) == 0 && s->state != ZS_STATE_EOF && s->state != ZS_STATE_STOP) {
		assert_int_equal(s->state, ZS_STATE_DATA);
		if (s->r_type == 6) {
			const uint8_t *p = s->r_data + s->r_data_length - 20;

			ret->serial =
				(uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | p[2] << 8 | p[3];
		} else if (s->r_type == 1 && s->r_owner_length == sizeof(www) &&
			   memcmp(s->r_owner, www, sizeof(www)) == 0) {
			snprintf(address, sizeof(address), "%u.%u.%u.%u ", s->r_data[0],
				s->r_data[1], s->r_data[2], s->r_data[3]);
			if (!strstr(ret->addresses, address))
				strcat(ret->addresses, address);
		} else {
			ret->others++;
		}
	}
	assert_int_equal(s->error.counter, 0);
	zs_deinit(s);
	free(s);
}

static void expect_addresses(const char *found, const char *const *expected)
{
	size_t len = 0;

	for (; *expected; expected++) {
		assert_non_null(strstr(found, *expected));
		len += strlen(*expected) + 1;
	}
	assert_int_equal(strlen(found), len);
}

static void test_texts_say_what_is_expected(void **state)
{
	size_t n;
	const struct zw_way *ways = zw_ways(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct zw_way_ctx ctx = ZW_WAY_CTX_INIT;
		struct parsed old, new;

		ctx.origin = "t";
		ctx.address = "203.0.113.77";
		assert_int_equal(zw_way_attach(&ctx, "/nonexistent", &ways[i]), 0);
		parse(&ctx.old_text, &old);
		parse(&ctx.new_text, &new);
		assert_int_equal(old.serial, ctx.expect.serial_before);
		assert_int_equal(new.serial, ctx.expect.serial_after);
		expect_addresses(old.addresses, ctx.expect.before);
		expect_addresses(new.addresses, ctx.expect.after);
		assert_true(old.others > 0 && new.others > 0);
		zw_way_release(&ctx);
	}
}

static void test_table_is_consistent(void **state)
{
	size_t n;
	const struct zw_way *ways = zw_ways(&n);
	char flags[64];

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(zw_way_find(ways[i].name), &ways[i]);
		assert_int_equal(strspn(ways[i].name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
			strlen(ways[i].name));
		assert_non_null(ways[i].run);
		assert_int_equal(ways[i].prepare != NULL, (ways[i].flags & ZW_WAY_HOLD) != 0);
		if (ways[i].flags & ZW_WAY_MOUNT)
			assert_true(ways[i].flags & ZW_WAY_ROOT);
		assert_int_equal(zw_way_flags_text(ways[i].flags, flags, sizeof(flags)), 0);
	}
	assert_null(zw_way_find("no-such-way"));
	assert_int_equal(zw_way_flags_text(0, flags, sizeof(flags)), 0);
	assert_string_equal(flags, "-");
	assert_int_equal(zw_way_flags_text(ZW_WAY_ROOT | ZW_WAY_GAP, flags, sizeof(flags)), 0);
	assert_string_equal(flags, "root,gap");
	assert_int_equal(zw_way_flags_text(ZW_WAY_ROOT | ZW_WAY_GAP, flags, 8), -ENOBUFS);
}

static void test_standard_text_has_one_size(void **state)
{
	struct zw_way_text a, b;

	(void)state;
	assert_int_equal(zw_way_zone_text("a.test", 1, "1.1.1.1", &a), 0);
	assert_int_equal(zw_way_zone_text("a.test.", UINT32_MAX, "255.255.255.255", &b), 0);
	assert_int_equal(a.len, ZW_WAY_BLOCK);
	assert_int_equal(b.len, ZW_WAY_BLOCK);
	free(a.data);
	free(b.data);
	assert_int_equal(zw_way_zone_text(".", 1, "1.1.1.1", &a), -EINVAL);
	assert_int_equal(zw_way_zone_text("a.test", 1, "2001:db8:1234::1", &a), -EINVAL);
}

static void test_setup_does_not_overwrite(void **state)
{
	const struct zw_way *way = zw_way_find("write");
	struct zw_way_ctx ctx = ZW_WAY_CTX_INIT, again = ZW_WAY_CTX_INIT;
	char dir[64];

	(void)state;
	make_temp_dir(dir);
	ctx.uid = again.uid = getuid();
	ctx.gid = again.gid = getgid();
	assert_int_equal(zw_way_setup(&ctx, dir, way), 0);
	assert_int_equal(zw_way_setup(&again, dir, way), -EEXIST);
	zw_way_release(&again);
	assert_int_equal(zw_way_setup(&again, "relative", way), -EINVAL);
	assert_int_equal(zw_way_teardown(&ctx), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test(test_table_is_consistent),
		cmocka_unit_test(test_texts_say_what_is_expected),
		cmocka_unit_test(test_standard_text_has_one_size),
		cmocka_unit_test(test_setup_does_not_overwrite),
	};
	const size_t n_fixed = sizeof(fixed) / sizeof(fixed[0]);
	struct CMUnitTest *tests;
	size_t n;
	const struct zw_way *ways = zw_ways(&n);
	int r;

	if (geteuid() == 0 && (unshare(CLONE_NEWNS) < 0 ||
				      mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)) {
		perror("private mount namespace");
		return 1;
	}
	tests = calloc(n_fixed + n, sizeof(*tests));
	if (!tests)
		return 1;
	memcpy(tests, fixed, sizeof(fixed));
	for (size_t i = 0; i < n; i++)
		tests[n_fixed + i] = (struct CMUnitTest){.name = ways[i].name,
			.test_func = test_way,
			.initial_state = (void *)&ways[i]};
	r = _cmocka_run_group_tests("ways", tests, n_fixed + n, NULL, NULL);
	free(tests);
	return r;
}
