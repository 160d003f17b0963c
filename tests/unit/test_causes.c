/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit/engine_fixture.h"

static const uint64_t T = 5000;

static struct zw_event event_at(uint64_t time_ns, enum zw_fop op, uint64_t ino)
{
	return (struct zw_event){
		.type = ZW_WIRE_FILE,
		.time_ns = time_ns,
		.hook = ZW_HOOK_TP_DIRTY,
		.file = {.op = op, .dev = DEV, .ino = ino, .nlink = 1, .generation = 7},
	};
}

static size_t known(const struct zw_cause_book *book, uint64_t dev, uint64_t ino)
{
	const zw_causes *list = zw_cause_book_of(book, dev, ino);

	return list ? list->len : 0;
}

static int setup(void **state)
{
	struct zw_cause_book *book;

	assert_int_equal(zw_cause_book_new(&book), 0);
	*state = book;
	return 0;
}

static int teardown(void **state)
{
	zw_cause_book_free(*state);
	return 0;
}

static void test_empty(void **state)
{
	struct zw_cause_book *book = *state;

	assert_null(zw_cause_book_of(book, DEV, 1));
	assert_int_equal(zw_cause_book_len(book), 0);
	assert_int_equal(zw_cause_book_incomplete_until(book), 0);
	zw_cause_book_expire(book, UINT64_MAX);
	zw_cause_book_free(NULL);
}

static void test_every_inode_of_an_event(void **state)
{
	struct zw_cause_book *book = *state;
	_zw_actor_unref_ struct zw_actor *actor = machine_actor(1);
	struct zw_event e = event_at(T, ZW_FOP_RENAME, 1);
	const struct zw_cause *c;

	e.file.dir_ino = 2;
	e.file.old_dir_ino = 3;
	e.file.ino2 = 4;
	strcpy(e.file.name, "zone");
	assert_int_equal(zw_cause_book_add(book, &e, actor), 0);
	for (uint64_t ino = 1; ino <= 4; ino++)
		assert_int_equal(known(book, DEV, ino), 1);
	assert_int_equal(known(book, DEV, 0), 0);
	assert_int_equal(known(book, DEV + 1, 1), 0);
	assert_int_equal(known(book, 0, 0), 0);
	assert_int_equal(zw_cause_book_len(book), 1);
	c = zw_cause_book_of(book, DEV, 4)->items[0];
	assert_ptr_equal(c, zw_cause_book_of(book, DEV, 1)->items[0]);
	assert_int_equal(c->time_ns, T);
	assert_int_equal(c->op, ZW_FOP_RENAME);
	assert_int_equal(c->hook, ZW_HOOK_TP_DIRTY);
	assert_int_equal(c->generation, 7);
	assert_int_equal(c->nlink, 1);
	assert_string_equal(c->name, "zone");
	assert_ptr_equal(c->actor, actor);
	assert_int_equal(actor->refs, 2);
}

/* A rename within one directory names it twice, and a write names one inode only. */
static void test_an_inode_once(void **state)
{
	struct zw_cause_book *book = *state;
	_zw_actor_unref_ struct zw_actor *actor = machine_actor(1);
	struct zw_event e = event_at(T, ZW_FOP_RENAME, 1);

	e.file.dir_ino = e.file.old_dir_ino = 2;
	e.file.ino2 = 1;
	assert_int_equal(zw_cause_book_add(book, &e, actor), 0);
	assert_int_equal(known(book, DEV, 1), 1);
	assert_int_equal(known(book, DEV, 2), 1);
	assert_null(zw_cause_book_of(book, DEV, 2)->items[0]->name);
}

static void test_mounts_have_a_place(void **state)
{
	struct zw_cause_book *book = *state;
	_zw_actor_unref_ struct zw_actor *actor = machine_actor(1);
	struct zw_event e = event_at(T, ZW_FOP_MOUNT, 0);

	e.file.dev = 0;
	assert_int_equal(zw_cause_book_add(book, &e, actor), 0);
	assert_int_equal(known(book, 0, 0), 1);
	zw_cause_book_expire(book, T + 1);
	assert_int_equal(known(book, 0, 0), 0);
	assert_int_equal(actor->refs, 1);
}

static void test_order_and_expiry(void **state)
{
	struct zw_cause_book *book = *state;
	_zw_actor_unref_ struct zw_actor *actor = machine_actor(1);

	for (uint64_t i = 0; i < 10; i++) {
		struct zw_event e = event_at(T + i, ZW_FOP_WRITE, 1 + i % 2);

		assert_int_equal(zw_cause_book_add(book, &e, actor), 0);
	}
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(zw_cause_book_of(book, DEV, 1)->items[i]->time_ns, T + 2 * i);
	zw_cause_book_expire(book, T);
	assert_int_equal(zw_cause_book_len(book), 10);
	zw_cause_book_expire(book, T + 9);
	assert_int_equal(zw_cause_book_len(book), 1);
	assert_null(zw_cause_book_of(book, DEV, 1));
	assert_int_equal(zw_cause_book_of(book, DEV, 2)->items[0]->time_ns, T + 9);
	assert_int_equal(actor->refs, 2);
	/* Forgetting in time leaves nothing incomplete. */
	assert_int_equal(zw_cause_book_incomplete_until(book), 0);
}

static void add_many(struct zw_cause_book *book, struct zw_actor *actor, size_t n, uint64_t step_ns)
{
	for (size_t i = 0; i < n; i++) {
		struct zw_event e = event_at(T + i * step_ns, ZW_FOP_WRITE, 1 + i % 1000);

		assert_int_equal(zw_cause_book_add(book, &e, actor), 0);
	}
}

static void test_bound(void **state)
{
	struct zw_cause_book *book = *state;
	_zw_actor_unref_ struct zw_actor *actor = machine_actor(1);
	uint64_t until;

	add_many(book, actor, ZW_CAUSES_MAX, 10);
	assert_int_equal(zw_cause_book_len(book), ZW_CAUSES_MAX);
	assert_int_equal(zw_cause_book_incomplete_until(book), 0);
	add_many(book, actor, 1, 0);
	assert_true(zw_cause_book_len(book) < ZW_CAUSES_MAX);
	until = zw_cause_book_incomplete_until(book);
	assert_true(until > T && until <= T + ZW_CAUSES_MAX * 10);
	/* What is younger is all there, what is older is gone; the one added last carries an old time. */
	assert_int_equal(zw_cause_book_len(book), ZW_CAUSES_MAX - (until - 1 - T) / 10 - 1);
	for (uint64_t ino = 1; ino <= 1000; ino++)
		ZW_VEC_FOREACH(c, zw_cause_book_of(book, DEV, ino))
			assert_true((*c)->time_ns >= until);
}

/* A flood within one tick of the clock is held to the bound all the same. */
static void test_bound_without_time(void **state)
{
	struct zw_cause_book *book = *state;
	_zw_actor_unref_ struct zw_actor *actor = machine_actor(1);

	add_many(book, actor, ZW_CAUSES_MAX + 2, 0);
	assert_true(zw_cause_book_len(book) < ZW_CAUSES_MAX);
	assert_int_equal(zw_cause_book_incomplete_until(book), T + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_inode_of_an_event, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_inode_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mounts_have_a_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order_and_expiry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound_without_time, setup, teardown),
	};

	return cmocka_run_group_tests_name("causes", tests, NULL, NULL);
}
