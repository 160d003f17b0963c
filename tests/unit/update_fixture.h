/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Updates from lines of text. */
#pragma once

#include "unit/zone_support.h"

#include <stdlib.h>

#include "unit/message_support.h"
#include "zone/update.h"

/* "TYPE rdata" of master files to wire form. */
static inline size_t rdata_of(const char *text, uint16_t *ret_type, uint8_t *ret)
{
	bool soa = strncmp(text, "SOA ", 4) == 0;
	_zw_snapshot_ struct zw_snapshot *s = NULL;
	const uint8_t *rdata;
	char zone[512];
	struct zw_rrset set;
	uint16_t len;
	size_t it = 0;

	snprintf(zone, sizeof(zone), "%s%s 1 %s\n", soa ? "" : SOA_LINE, soa ? "@" : "zz", text);
	s = test_load(zone, NULL);
	while (zw_snapshot_next(s, &it, &set))
		;
	rdata = zw_rrset_rdata(&set, 0, &len);
	*ret_type = set.type;
	memcpy(ret, rdata, len);
	return len;
}

static inline uint32_t number(const char **p)
{
	char *end;
	uint32_t n = (uint32_t)strtoul(*p, &end, 10);

	assert_true(end > *p);
	*p = *end == ' ' ? end + 1 : end;
	return n;
}

static inline void word(const char **p, char *out, size_t size)
{
	size_t n = strcspn(*p, " ");

	assert_true(n < size);
	memcpy(out, *p, n);
	out[n] = '\0';
	*p += n;
	while (**p == ' ')
		(*p)++;
}

/* One line: "OWNER TTL CLASS TYPE[ RDATA]"; class any and none may be without rdata. */
static inline void put_line(struct wire *w, enum zw_section section, const char *line)
{
	char owner[64], klass[8], full[300];
	uint8_t rdata[512];
	size_t len = 0;
	uint16_t type;
	unsigned int c;
	uint32_t ttl;

	word(&line, owner, sizeof(owner));
	ttl = number(&line);
	word(&line, klass, sizeof(klass));
	c = zw_streq(klass, "any")    ? ZW_CLASS_ANY
	    : zw_streq(klass, "none") ? ZW_CLASS_NONE
	    : zw_streq(klass, "ch")   ? 3
				      : ZW_CLASS_IN;
	if (strchr(line, ' '))
		len = rdata_of(line, &type, rdata);
	else if (zw_streq(line, "ANY"))
		type = ZW_TYPE_ANY;
	else
		assert_int_equal(zw_type_from_text(line, &type), 0);
	if (zw_streq(owner, "@"))
		strcpy(full, "example");
	else
		snprintf(full, sizeof(full), "%s%s", owner,
			owner[strlen(owner) - 1] == '.' ? "" : ".example");
	put_rr(w, section, full, type, c, ttl, rdata, len);
}

/* @text: lines, the prerequisites begin with "? ". */
static inline struct zw_message *update_of(const char *text)
{
	struct wire w;

	begin(&w, 1, FLAGS_UPDATE);
	put_question(&w, "example", ZW_TYPE_SOA, ZW_CLASS_IN);
	for (int section = 0; section < 2; section++) {
		const char *p = text;

		while (*p) {
			size_t n = strcspn(p, "\n");
			bool prerequisite = p[0] == '?';
			char line[400];

			snprintf(line, sizeof(line), "%.*s", (int)n, p);
			if (prerequisite == (section == 0))
				put_line(&w, section ? ZW_SECTION_UPDATE : ZW_SECTION_PREREQUISITE,
					line + (prerequisite ? 2 : 0));
			p += n + (p[n] == '\n');
		}
	}
	return parse(&w);
}
