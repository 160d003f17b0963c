/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zw_message_parse() on any bytes: what it accepts keeps what message.h says, and libknot's parser accepts it
 * too. */
#include <stdlib.h>
#include <string.h>

#include <libknot/errcode.h>
#include <libknot/packet/pkt.h>

#include "dns/message.h"
#include "dns/name.h"
#include "dns/rr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
	if (!holds)
		abort();
}

static void check_name(const uint8_t *name, const uint8_t *text_end)
{
	uint8_t lower[ZW_NAME_MAX];
	size_t len;

	require(zw_name_check(name, (size_t)(text_end - name), &len) == 0);
	memcpy(lower, name, len);
	zw_name_lower(lower, len);
	require(memcmp(lower, name, len) == 0);
}

static void check_rr(const struct zw_message_rr *rr, const uint8_t *text_end)
{
	_zw_free_ char *text = NULL;

	require(rr->section < _ZW_SECTION_MAX);
	require(rr->type != ZW_TYPE_OPT && rr->type != ZW_TYPE_TSIG);
	check_name(rr->owner, text_end);
	require(rr->owner_len == zw_name_len(rr->owner));
	require(rr->rdata_len <= text_end - rr->rdata);
	require(zw_rdata_to_text(rr->type, rr->rdata, rr->rdata_len, &text) == 0);
}

static void check(const struct zw_message *m, size_t size)
{
	const uint8_t *text_end = m->text ? m->text + m->text_len : NULL;

	require(m->memory <= sizeof(*m) + 8 * sizeof(*m->rr) + 60 * size);
	if (m->has_question)
		check_name(m->question.name, text_end);
	for (size_t i = 0; i < m->rrs; i++) {
		check_rr(&m->rr[i], text_end);
		require(i == 0 || m->rr[i - 1].section <= m->rr[i].section);
	}
	if (m->has_tsig) {
		check_name(m->tsig.key, text_end);
		check_name(m->tsig.algorithm, text_end);
	}
}

static void check_head(const struct zw_message *m, const uint8_t *data, size_t size)
{
	struct zw_message_head head;

	require(zw_message_head_parse(data, size, &head) == 0);
	require(head.id == m->id && head.flags == m->flags && head.opcode == m->opcode);
	require(head.has_question == m->has_question);
	if (head.has_question)
		require(zw_name_equal(head.name, m->question.name) &&
			head.type == m->question.type && head.klass == m->question.klass);
}

/* libknot refuses others while parsing; that is for a server to answer. */
static bool has_known_tsig(const struct zw_message *m)
{
	static const char *const names[] = {"\10hmac-md5\7sig-alg\3reg\3int", "\11hmac-sha1",
		"\13hmac-sha224", "\13hmac-sha256", "\13hmac-sha384", "\13hmac-sha512"};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(names) && m->tsig.error == 0; i++)
		if (zw_name_equal((const uint8_t *)names[i], m->tsig.algorithm))
			return true;
	return false;
}

/* A pointer to the end of a name, as BIND takes it and libknot does not. */
static bool may_point_to_root(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 1 < size; i++) {
		size_t target = (size_t)(data[i] & 0x3f) << 8 | data[i + 1];

		if (data[i] >= 0xc0 && target < i && data[target] == 0)
			return true;
	}
	return false;
}

/* The class of an OPT record is the size of a payload, where less than 512 counts as that (RFC 6891 section 6.2.3). libknot
 * refuses one of class IN without options: other records of that class have data. */
static bool has_opt_of_class_in(const struct zw_message *m)
{
	return m->has_edns && m->edns_size == ZW_CLASS_IN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_zw_message_ struct zw_message *m = NULL, *prefix = NULL;
	struct zw_message_head head;
	_zw_free_ uint8_t *copy = NULL;
	knot_pkt_t *pkt;
	size_t used;

	if (zw_message_parse_prefix(data, size, &prefix, &used) == 0)
		require(used <= size);
	if (zw_message_parse(data, size, &m) < 0) {
		require(!prefix || used < size);
		zw_message_head_parse(data, size, &head);
		return 0;
	}
	require(prefix && used == size);
	check(m, size);
	check_head(m, data, size);
	if ((m->has_tsig && !has_known_tsig(m)) || may_point_to_root(data, size) ||
		has_opt_of_class_in(m))
		return 0;
	/* libknot cuts the TSIG off. */
	copy = malloc(size);
	require(copy != NULL);
	memcpy(copy, data, size);
	pkt = knot_pkt_new(copy, (uint16_t)size, NULL);
	require(pkt != NULL);
	require(knot_pkt_parse(pkt, 0) == KNOT_EOK);
	knot_pkt_free(pkt);
	return 0;
}
