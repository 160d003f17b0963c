/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Random zones, and a server that answers from them by text alone, in the plainest way there is: none of its answers is a
 * mismatch, in whatever order, letter case and TTLs they come, and any of them is one as soon as something in it is wrong. */
#include "unit/zone_support.h"

#include <stdlib.h>

#include "engine/answer.h"
#include "unit/message_support.h"

#define RECORDS_MAX 40
#define ANSWERS_MAX 256
#define ALIASES 5 /* that every server follows */
#define ZONES 300
#define QUESTIONS 120
#define SOA_OF "example."

/* --- the zone ------------------------------------------------------------------------------------------- */

struct record {
	char owner[64];
	uint16_t type;
	char data[64]; /* a name, or for A the last octets, or text */
};

struct zone {
	struct record r[RECORDS_MAX];
	size_t n;
};

/* Names get no longer than this. */
static _zw_printf_(2, 3) void set(char to[static 64], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	assert_true(vsnprintf(to, 64, fmt, ap) < 64);
	va_end(ap);
}

static unsigned int any(unsigned int n)
{
	return (unsigned int)random() % n;
}

static const char *const labels[] = {"a", "b", "c", "*"};

/* Up to three labels below the apex, which is "example.". */
static void random_name(char to[static 64], unsigned int depth_max)
{
	const char *label[4] = {"", "", "", ""};
	unsigned int depth = any(depth_max + 1);

	for (unsigned int i = 0; i < depth; i++)
		label[i] = labels[any(i ? ZW_ARRAY_SIZE(labels) - 1 : ZW_ARRAY_SIZE(labels))];
	set(to, "%s%s%s%s%s%s%s%sexample.", label[0], *label[0] ? "." : "", label[1],
		*label[1] ? "." : "", label[2], *label[2] ? "." : "", label[3],
		*label[3] ? "." : "");
}

static bool has(const struct zone *z, const char *owner, uint16_t type)
{
	for (size_t i = 0; i < z->n; i++)
		if (strcmp(z->r[i].owner, owner) == 0 && (!type || z->r[i].type == type))
			return true;
	return false;
}

static bool has_same(const struct zone *z, const struct record *r)
{
	for (size_t i = 0; i < z->n; i++)
		if (strcmp(z->r[i].owner, r->owner) == 0 && z->r[i].type == r->type &&
			strcmp(z->r[i].data, r->data) == 0)
			return true;
	return false;
}

static void random_record(struct zone *z)
{
	static const uint16_t types[] = {ZW_TYPE_A, ZW_TYPE_A, ZW_TYPE_A, ZW_TYPE_TXT, ZW_TYPE_MX,
		ZW_TYPE_CNAME, ZW_TYPE_NS, ZW_TYPE_DNAME, ZW_TYPE_DS};
	struct record r = {.type = types[any(ZW_ARRAY_SIZE(types))]};
	bool apex;

	random_name(r.owner, 3);
	apex = strcmp(r.owner, SOA_OF) == 0;
	if (r.type == ZW_TYPE_CNAME || r.type == ZW_TYPE_DNAME || r.type == ZW_TYPE_NS) {
		/* At a wildcard they have no meaning that servers agree on. */
		if (apex || (r.owner[0] == '*' && r.type != ZW_TYPE_CNAME))
			return;
		if (any(6) == 0)
			strcpy(r.data, "elsewhere.");
		else
			random_name(r.data, 3);
	} else {
		set(r.data, "%u", any(4));
	}
	if (r.type == ZW_TYPE_DS && (apex || r.owner[0] == '*'))
		return;
	/* An alias is alone (RFC 2181 section 10.1). */
	if (has(z, r.owner, ZW_TYPE_CNAME) || (r.type == ZW_TYPE_CNAME && has(z, r.owner, 0)) ||
		(r.type == ZW_TYPE_DNAME &&
			(has(z, r.owner, ZW_TYPE_DNAME) || has(z, r.owner, ZW_TYPE_NS))) ||
		(r.type == ZW_TYPE_NS && has(z, r.owner, ZW_TYPE_DNAME)) || has_same(z, &r))
		return;
	z->r[z->n++] = r;
}

static struct zw_snapshot *load_zone(struct zone *z)
{
	_zw_str_ struct zw_str text = {};
	char type[ZW_TYPE_TEXT_MAX];

	z->n = 0;
	for (unsigned int i = any(RECORDS_MAX); i > 0; i--)
		random_record(z);
	zw_str_add(&text, SOA_LINE "@ NS elsewhere.\n");
	for (size_t i = 0; i < z->n; i++) {
		const struct record *r = &z->r[i];

		zw_str_addf(&text, "%s 60 %s ", r->owner, zw_type_to_text(r->type, type));
		if (r->type == ZW_TYPE_A)
			zw_str_addf(&text, "192.0.2.%s\n", r->data);
		else if (r->type == ZW_TYPE_MX)
			zw_str_addf(&text, "10 m%s.elsewhere.\n", r->data);
		else if (r->type == ZW_TYPE_DS)
			zw_str_addf(&text, "%s 13 2 00\n", r->data);
		else
			zw_str_addf(&text, "%s\n", r->data);
	}
	return test_load(text.buf, NULL);
}

/* --- the server ----------------------------------------------------------------------------------------- */

struct answer {
	char qname[64];
	uint16_t qtype;
	unsigned int rcode;
	bool referral, outside;
	unsigned int aliases;
	struct said {
		enum zw_section section;
		struct record r;
		bool made; /* by a DNAME */
	} said[ANSWERS_MAX];
	size_t n;
};

static bool is_below(const char *name, const char *parent)
{
	size_t n = strlen(name), p = strlen(parent);

	return n > p && strcmp(name + n - p, parent) == 0 && name[n - p - 1] == '.';
}

static bool there_is(const struct zone *z, const char *name)
{
	if (strcmp(name, SOA_OF) == 0)
		return true;
	for (size_t i = 0; i < z->n; i++)
		if (strcmp(z->r[i].owner, name) == 0 || is_below(z->r[i].owner, name))
			return true;
	return false;
}

static size_t say(struct answer *a, enum zw_section section, const struct zone *z,
	const char *owner, const char *as, uint16_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < z->n; i++) {
		if (strcmp(z->r[i].owner, owner) != 0 || z->r[i].type != type)
			continue;
		assert_true(a->n < ANSWERS_MAX);
		a->said[a->n] = (struct said){.section = section, .r = z->r[i]};
		set(a->said[a->n++].r.owner, "%s", as);
		n++;
	}
	return n;
}

static const struct record *only(const struct zone *z, const char *owner, uint16_t type)
{
	for (size_t i = 0; i < z->n; i++)
		if (strcmp(z->r[i].owner, owner) == 0 && z->r[i].type == type)
			return &z->r[i];
	return NULL;
}

/* Cuts off labels from the left, as many as leave @left dots. */
static const char *tail(const char *name, size_t dots)
{
	size_t n = 0;

	for (const char *c = name; *c; c++)
		n += *c == '.';
	while (n > dots && *name)
		n -= *name++ == '.';
	return name;
}

/* Aliases that lead in a ring are told once. */
static bool is_said(const struct answer *a, const char *owner)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->said[i].r.type == ZW_TYPE_CNAME && strcmp(a->said[i].r.owner, owner) == 0)
			return true;
	return false;
}

/* True: it is decided by a delegation or a DNAME, and goes on at @name when that is not empty. */
static bool from_above(const struct zone *z, struct answer *a, char *name)
{
	size_t depth = 0;

	for (const char *c = name; *c; c++)
		depth += *c == '.';
	for (size_t dots = 2; dots <= depth; dots++) {
		const char *at = tail(name, dots);
		const struct record *dname = only(z, at, ZW_TYPE_DNAME);
		struct said made = {.section = ZW_SECTION_ANSWER, .made = true};

		if (has(z, at, ZW_TYPE_NS) && !(dots == depth && a->qtype == ZW_TYPE_DS)) {
			a->referral = a->n == 0;
			say(a, ZW_SECTION_AUTHORITY, z, at, at, ZW_TYPE_NS);
			name[0] = '\0';
			return true;
		}
		if (!dname || dots == depth)
			continue;
		say(a, ZW_SECTION_ANSWER, z, at, at, ZW_TYPE_DNAME);
		made.r.type = ZW_TYPE_CNAME;
		strcpy(made.r.owner, name);
		set(made.r.data, "%.*s%s", (int)(at - name), name, dname->data);
		a->said[a->n++] = made;
		a->aliases++;
		strcpy(name,
			a->qtype == ZW_TYPE_CNAME || is_said(a, made.r.data) ? "" : made.r.data);
		return true;
	}
	return false;
}

static void answer(const struct zone *z, struct answer *a)
{
	char name[64], source[64];

	strcpy(name, a->qname);
	while (name[0] && a->aliases <= ALIASES) {
		const char *encloser = name;
		const struct record *alias;

		if (strcmp(name, SOA_OF) != 0 && !is_below(name, SOA_OF)) {
			a->outside = true;
			return;
		}
		if (from_above(z, a, name))
			continue;
		strcpy(source, name);
		if (!there_is(z, name)) {
			while (!there_is(z, encloser))
				encloser = strchr(encloser, '.') + 1;
			set(source, "*.%s", encloser);
			if (!there_is(z, source)) {
				a->rcode = ZW_RCODE_NXDOMAIN;
				return;
			}
		}
		alias = a->qtype == ZW_TYPE_CNAME ? NULL : only(z, source, ZW_TYPE_CNAME);
		if (!alias) {
			say(a, ZW_SECTION_ANSWER, z, source, name, a->qtype);
			return;
		}
		say(a, ZW_SECTION_ANSWER, z, source, name, ZW_TYPE_CNAME);
		a->aliases++;
		if (is_said(a, alias->data))
			return;
		strcpy(name, alias->data);
	}
}

/* --- on the wire ---------------------------------------------------------------------------------------- */

static void put_data(struct wire *w, const struct record *r)
{
	unsigned int n = (unsigned int)atoi(r->data);

	switch (r->type) {
	case ZW_TYPE_A:
		put_u32(w, 0xc0000200 + n);
		break;
	case ZW_TYPE_TXT:
		put_u8(w, (unsigned int)strlen(r->data));
		put(w, r->data, strlen(r->data));
		break;
	case ZW_TYPE_MX: {
		char name[64];

		set(name, "m%s.elsewhere.", r->data);
		put_u16(w, 10);
		put_name(w, name);
		break;
	}
	case ZW_TYPE_DS:
		put_u16(w, n);
		put_u8(w, 13);
		put_u16(w, 0x0200);
		break;
	default:
		put_name(w, r->data);
	}
}

static struct zw_message *send_answer(const struct answer *a, unsigned int flags)
{
	static struct wire w, data;
	char owner[64];

	begin(&w, 1, 0x8000 | flags | a->rcode);
	put_question(&w, a->qname, a->qtype, ZW_CLASS_IN);
	for (enum zw_section s = 0; s < _ZW_SECTION_MAX; s++) {
		size_t from = a->n ? any((unsigned int)a->n) : 0;

		for (size_t i = 0; i < a->n; i++) {
			const struct said *said = &a->said[(from + i) % a->n];

			if (said->section != s)
				continue;
			strcpy(owner, said->r.owner);
			for (char *c = owner; *c; c++)
				*c = (char)(any(2) && *c >= 'a' && *c <= 'z' ? *c - 32 : *c);
			data.len = 0;
			put_data(&data, &said->r);
			put_rr(&w, s, owner, said->r.type, ZW_CLASS_IN, any(1000), data.data,
				data.len);
		}
	}
	return parse(&w);
}

static void check(const struct zw_snapshot *zone, const struct answer *a, unsigned int flags,
	bool wrong, const char *what)
{
	_zw_message_ struct zw_message *m = send_answer(a, flags);
	_zw_answer_verdict_ struct zw_answer_verdict v = {};
	bool good;

	assert_int_equal(zw_answer_check(zone, m, NULL, &v), 0);
	good = wrong ? v.result == ZW_ANSWER_MISMATCH && v.expected && v.answered
		     : v.result == ZW_ANSWER_MATCH;
	if (good)
		return;
	print_error("%s: %s %u: %s (%s): \"%s\", \"%s\"\n%s", what, a->qname, a->qtype,
		zw_answer_result_to_string(v.result), zw_answer_why_to_string(v.why),
		v.expected ? v.expected : "", v.answered ? v.answered : "", test_dump(zone));
	for (size_t i = 0; i < a->n; i++)
		print_error("said %d %s %u %s\n", a->said[i].section, a->said[i].r.owner,
			a->said[i].r.type, a->said[i].r.data);
	fail();
}

/* --- what is wrong then --------------------------------------------------------------------------------- */

static bool spoil_data(struct answer *a)
{
	struct said *s;

	if (!a->n)
		return false;
	s = &a->said[any((unsigned int)a->n)];
	set(s->r.data, "%s",
		s->r.type == ZW_TYPE_CNAME || s->r.type == ZW_TYPE_NS || s->r.type == ZW_TYPE_DNAME
			? "bad.example."
			: "77");
	return true;
}

/* A DNAME may be left out, its alias not; and behind many aliases servers stop. */
static bool spoil_less(struct answer *a)
{
	size_t i = a->n ? any((unsigned int)a->n) : 0;

	if (!a->n || a->said[i].r.type == ZW_TYPE_DNAME || a->aliases >= ALIASES ||
		(a->said[i].section == ZW_SECTION_AUTHORITY && !a->referral))
		return false;
	memmove(&a->said[i], &a->said[i + 1], (--a->n - i) * sizeof(a->said[0]));
	return true;
}

static bool spoil_more(struct answer *a)
{
	struct said *s = &a->said[a->n];

	/* Behind a question for DS all else is the zone's below. */
	if (a->referral || a->qtype == ZW_TYPE_DS)
		return false;
	*s = (struct said){.section = ZW_SECTION_ANSWER, .r.type = ZW_TYPE_A, .r.data = "99"};
	strcpy(s->r.owner, any(4) ? a->qname : "new.example.");
	a->n++;
	return true;
}

static bool spoil_rcode(struct answer *a)
{
	if (a->aliases > 0 || a->referral)
		return false;
	a->rcode = a->rcode ? ZW_RCODE_NOERROR : ZW_RCODE_NXDOMAIN;
	return true;
}

static bool (*const spoil[])(struct answer *a) = {spoil_data, spoil_less, spoil_more, spoil_rcode};

static void ask_about(const struct zone *z, const struct zw_snapshot *zone, size_t *spoiled)
{
	static const uint16_t types[] = {
		ZW_TYPE_A, ZW_TYPE_A, ZW_TYPE_TXT, ZW_TYPE_MX, ZW_TYPE_CNAME, ZW_TYPE_DS};
	static struct answer a, bad;
	unsigned int way = any(ZW_ARRAY_SIZE(spoil));

	memset(&a, 0, sizeof(a));
	a.qtype = types[any(ZW_ARRAY_SIZE(types))];
	random_name(a.qname, 4);
	answer(z, &a);
	check(zone, &a, ZW_MESSAGE_FLAG_AA, false, "right");
	bad = a;
	if (a.n && a.said[a.n - 1].section == ZW_SECTION_ANSWER && a.aliases == 0) {
		bad.n = any((unsigned int)a.n + 1);
		check(zone, &bad, ZW_MESSAGE_FLAG_AA | ZW_MESSAGE_FLAG_TC, false, "truncated");
		bad = a;
	}
	/* The zone above may have a DS for this one. */
	if ((a.qtype == ZW_TYPE_DS && strcmp(a.qname, SOA_OF) == 0) || !spoil[way](&bad))
		return;
	check(zone, &bad, ZW_MESSAGE_FLAG_AA, true, "spoiled");
	spoiled[way]++;
}

static void test_random(void **state)
{
	size_t spoiled[ZW_ARRAY_SIZE(spoil)] = {};
	struct zone z;

	(void)state;
	srandom(20261122);
	for (size_t i = 0; i < ZONES; i++) {
		_zw_snapshot_ struct zw_snapshot *zone = load_zone(&z);

		for (size_t k = 0; k < QUESTIONS; k++)
			ask_about(&z, zone, spoiled);
	}
	for (size_t i = 0; i < ZW_ARRAY_SIZE(spoil); i++)
		assert_true(spoiled[i] > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
