/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of DNS messages share: good ones, and what a bad one gets. */
#pragma once

#include "unit/zone_support.h"

#include <stdlib.h>

#include "unit/message_support.h"

static const uint8_t a_rdata[] = {192, 0, 2, 1};

static inline void refuse(const struct wire *w)
{
	struct zw_message *m = (struct zw_message *)&a_rdata;

	assert_int_equal(zw_message_parse(w->data, w->len, &m), -EBADMSG);
	assert_ptr_equal(m, &a_rdata);
}

static inline void assert_name(const uint8_t *name, const char *text)
{
	char buf[ZW_NAME_TEXT_MAX];

	zw_name_to_text(name, buf);
	assert_string_equal(buf, text);
}

/* A query for @name as it stands, from offset 12 on. */
static inline void begin_query(struct wire *w, const void *name, size_t len)
{
	begin(w, 1, 0);
	put(w, name, len);
	put_u32(w, ZW_TYPE_A << 16 | ZW_CLASS_IN);
	count(w, 0);
}

/* A name of @len octets in labels of at most 63. */
static inline size_t long_name(uint8_t *out, size_t len)
{
	size_t n = 0;

	while (len - n > 1) {
		size_t label = len - n - 2 > 63 ? 63 : len - n - 2;

		if (len - n - 2 == 64)
			label = 62; /* or a length octet without a label would be left */
		out[n] = (uint8_t)label;
		memset(out + n + 1, 'x', label);
		n += 1 + label;
	}
	out[n++] = 0;
	return n;
}

static inline void big_update(struct wire *w)
{
	static const struct test_tsig t = {.key = "Ddns-Key.", .mac = "0123456789abcdef"};
	const uint8_t option[] = {0, 10, 0, 2, 1, 2};

	begin(w, 7, FLAGS_UPDATE);
	put_question(w, "example", ZW_TYPE_SOA, ZW_CLASS_IN);
	put_rr(w, ZW_SECTION_PREREQUISITE, "a.example", ZW_TYPE_A, ZW_CLASS_NONE, 0, NULL, 0);
	put(w, "\1b\xc0\x0c", 4);
	put_rr_tail(w, ZW_SECTION_UPDATE, ZW_TYPE_MX, ZW_CLASS_IN, 60, "\0\1\xc0\x0c", 4);
	put_edns(w, 0, option, sizeof(option));
	put_tsig(w, &t);
}
