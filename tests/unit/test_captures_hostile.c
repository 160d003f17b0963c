/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The recorded captures of test_captures, cut and damaged: they are never taken for more than they are. */
#include "unit/capture_fixture.h"

#include <dirent.h>

#include "dns/rr.h"

typedef ZW_VEC(char *) names;

static int setup(void **state)
{
	names *all = calloc(1, sizeof(*all));
	_zw_closedir_ DIR *dir = opendir(CAPTURES);
	const struct dirent *entry;

	assert_non_null(all);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char *name;

		if (!zw_endswith(entry->d_name, ".pcap"))
			continue;
		name = strndup(entry->d_name, strlen(entry->d_name) - strlen(".pcap"));
		assert_non_null(name);
		assert_int_equal(zw_vec_push(all, name), 0);
	}
	assert_true(all->len > 0);
	*state = all;
	return 0;
}

static int teardown(void **state)
{
	names *all = *state;

	ZW_VEC_FOREACH(name, all)
		free(*name);
	zw_vec_free(all);
	free(all);
	return 0;
}

/* Long ones are not damaged at every octet. */
static size_t step_of(const struct capture *c)
{
	return c->len < 2000 ? 1 : 13;
}

static void check_cut_request(const struct zw_request *q, const struct zw_request *whole)
{
	assert_int_equal(q->kind, whole->kind);
	assert_true(q->rcode == ZW_REQUEST_UNANSWERED || q->rcode == whole->rcode);
	assert_true(!q->message || q->message->rrs == whole->message->rrs);
	assert_true(!q->tsig_key || strcmp(q->tsig_key, whole->tsig_key) == 0);
}

/* Wherever it ends: the messages are those of the whole capture, the last of them perhaps only begun, and none is told
 * of as whole that is not. */
static void test_cut(void **state)
{
	const names *all = *state;
	static struct capture c;

	ZW_VEC_FOREACH(name, all) {
		_replay_ struct replay whole;
		size_t len, step;

		open_capture(*name, &c);
		replay(&whole, &c);
		len = c.len;
		step = step_of(&c);
		for (c.len = PCAP_HEADER; c.len < len; c.len += step) {
			_replay_ struct replay cut;

			replay(&cut, &c);
			assert_true(cut.messages.len <= whole.messages.len);
			for (size_t k = 0; k < cut.messages.len; k++) {
				const struct captured *m = &cut.messages.items[k],
						      *w = &whole.messages.items[k];

				assert_int_equal(m->packet.whole, w->len);
				assert_true(m->len <= w->len);
				assert_memory_equal(m->data, w->data, m->len);
			}
			assert_true(cut.exchange.asked.len <= whole.exchange.asked.len);
			for (size_t k = 0; k < cut.exchange.asked.len; k++)
				check_cut_request(
					cut.exchange.asked.items[k], whole.exchange.asked.items[k]);
		}
	}
}

/* No beginning of a message is one. */
static void test_cut_messages(void **state)
{
	const names *all = *state;
	static struct capture c;

	ZW_VEC_FOREACH(name, all) {
		_replay_ struct replay r;

		open_capture(*name, &c);
		replay(&r, &c);
		ZW_VEC_FOREACH(m, &r.messages) {
			for (size_t len = 0; len < m->len; len++) {
				struct zw_message *parsed = NULL;

				assert_int_equal(zw_message_parse(m->data, len, &parsed), -EBADMSG);
			}
		}
	}
}

/* The shortest record is a root name and what is fixed. */
static void check_bounds(const struct zw_message *m, size_t len)
{
	assert_true(m->rrs <= len / 11);
	assert_true(m->memory <= 4096 + 64 * len);
	assert_true(m->tsig.mac_len <= len);
	for (size_t i = 0; i < m->rrs; i++)
		assert_true(m->rr[i].rdata_len <= len + ZW_RDATA_GROWTH + 2 * ZW_NAME_MAX);
}

static void test_flipped_messages(void **state)
{
	const names *all = *state;
	static struct capture c;
	size_t taken = 0, refused = 0;

	ZW_VEC_FOREACH(name, all) {
		_replay_ struct replay r;

		open_capture(*name, &c);
		replay(&r, &c);
		ZW_VEC_FOREACH(m, &r.messages) {
			for (size_t bit = 0; bit < 8 * m->len; bit += step_of(&c)) {
				_zw_message_ struct zw_message *parsed = NULL;
				int q;

				m->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
				q = zw_message_parse(m->data, m->len, &parsed);
				m->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
				assert_true(q == 0 || q == -EBADMSG);
				if (q == 0)
					check_bounds(parsed, m->len);
				taken += q == 0;
				refused += q < 0;
			}
		}
	}
	assert_true(taken > 0 && refused > 0);
}

static void check_flipped_packet(struct capture *c, size_t at)
{
	uint8_t bit = (uint8_t)(1 << at % 8);
	_replay_ struct replay r;
	size_t octets = 0;

	c->data[at] ^= bit;
	replay(&r, c);
	c->data[at] ^= bit;
	ZW_VEC_FOREACH(m, &r.messages)
		octets += m->len;
	assert_true(octets <= r.octets);
	assert_true(r.exchange.asked.len <= r.messages.len);
	assert_true(r.exchange.answered.len <= r.exchange.asked.len);
}

/* A bit of an address, a port, a sequence number or a length as well as of a message; what libpcap wrote around the
 * frames stays. */
static void test_flipped_packets(void **state)
{
	const names *all = *state;
	static struct capture c;

	ZW_VEC_FOREACH(name, all) {
		uint32_t len;

		open_capture(*name, &c);
		for (size_t frame = PCAP_HEADER; frame < c.len; frame += PCAP_RECORD + len) {
			memcpy(&len, c.data + frame + 8, sizeof(len));
			for (size_t at = 0; at < len; at += step_of(&c))
				check_flipped_packet(&c, frame + PCAP_RECORD + at);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_cut_messages),
		cmocka_unit_test(test_flipped_messages),
		cmocka_unit_test(test_flipped_packets),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
