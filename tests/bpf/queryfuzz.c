/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parser of the query lane against the one of user space: messages made and damaged at random are run through the
 * programs, and both have to say the same. Usage: queryfuzz DIRECTORY; in the environment ZW_SEED and ZW_CASES.
 */
#include "dns/message.h"
#include "query_bench.h"

#define CASES 100000

struct fuzz {
	struct lane *l;
	uint64_t state;
	unsigned int named, damaged, wrong;
};

/* Knuth's MMIX generator: the same cases for the same seed. */
static uint32_t draw(struct fuzz *z, uint32_t below)
{
	z->state = z->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(z->state >> 33) % below;
}

static void make_question(struct fuzz *z, struct frame *f)
{
	static const uint16_t types[] = {1, 2, 5, 6, 12, 15, 16, 28, 33, 43, 48, 65, 99, 255, 257};
	uint32_t labels = draw(z, 8) ? draw(z, 6) : draw(z, 127), room = 254;

	for (uint32_t i = 0; i < labels && room > 1; i++) {
		uint32_t len = 1 + draw(z, draw(z, 8) ? 12 : 63);

		if (len + 1 > room)
			len = room - 1;
		room -= len + 1;
		frame_u8(f, (uint8_t)len);
		for (uint32_t k = 0; k < len; k++)
			frame_u8(f, (uint8_t)(draw(z, 8) ? 'A' + draw(z, 58) : draw(z, 256)));
	}
	frame_u8(f, 0);
	frame_u16(f, types[draw(z, ZW_ARRAY_SIZE(types))]);
	frame_u16(f, 1);
}

static void make_record(struct fuzz *z, struct frame *f)
{
	/* Types of which the data holds no names. */
	static const uint16_t types[] = {1, 16, 28, 43, 46, 48, 257, 1000};
	uint16_t bytes = (uint16_t)(draw(z, 4) ? draw(z, 20) : draw(z, 100));

	frame_u16(f, 0xc00c);
	frame_u16(f, types[draw(z, ZW_ARRAY_SIZE(types))]);
	frame_u16(f, 1);
	frame_u32(f, draw(z, 1000));
	frame_u16(f, bytes);
	for (uint16_t i = 0; i < bytes; i++)
		frame_u8(f, (uint8_t)draw(z, 256));
}

/* A message without a plain mistake, or with a few octets changed or cut off. */
static void make_message(struct fuzz *z, struct frame *f)
{
	uint32_t answers = draw(z, 2) ? draw(z, 5) : 0;
	bool response = draw(z, 2);

	f->len = 0;
	frame_u16(f, (uint16_t)draw(z, 65536));
	frame_u16(f, (uint16_t)((response ? DNS_ANSWER : 0) | draw(z, 0x800)));
	frame_u16(f, draw(z, 20) ? 1 : (uint16_t)draw(z, 3));
	frame_u16(f, (uint16_t)answers);
	frame_u32(f, 0);
	make_question(z, f);
	for (uint32_t i = 0; i < answers; i++)
		make_record(z, f);
	if (draw(z, 2))
		return;
	z->damaged++;
	for (uint32_t i = 0, n = draw(z, 4); i < n; i++)
		f->b[draw(z, (uint32_t)f->len)] = (uint8_t)draw(z, 256);
	if (draw(z, 3) == 0)
		f->len = 12 + draw(z, (uint32_t)f->len - 11);
}

/* Whether the question is one that a name is taken of, for which user space has to read it whole and find no pointer
 * in it: then it is as long there as it is here. */
static bool expect_name(const struct frame *f, const struct zw_message_head *head, size_t *ret_len)
{
	size_t at = 12;

	if (head->opcode != 0 || head->count[0] != 1 || !head->has_question)
		return false;
	while (at < f->len && f->b[at] != 0 && f->b[at] <= 63)
		at += f->b[at] + 1U;
	if (at + 5 > f->len || f->b[at] != 0)
		return false;
	*ret_len = at + 1 - 12;
	return true;
}

static void wrong(struct fuzz *z, const struct frame *f, unsigned int number, const char *what)
{
	if (z->wrong++ >= 5)
		return;
	printf("# case %u: %s:", number, what);
	for (size_t i = 0; i < f->len && i < 80; i++)
		printf(" %02x", f->b[i]);
	printf("\n");
}

static void one_case(struct fuzz *z, unsigned int number)
{
	struct zw_message_head head = {};
	struct lane *l = z->l;
	struct frame f;
	struct spec s = {.payload = f.b};
	const struct zw_query_totals *t = &l->totals;
	const struct zw_query_name *n;
	uint64_t class[_ZW_QUERY_MAX];
	bool response, named;
	size_t len = 0;

	make_message(z, &f);
	response = f.b[2] & 0x80;
	s.bytes = f.len;
	s.sport = response ? 53 : 40000;
	s.dport = response ? 40000 : 53;
	s.back = response;
	named = zw_message_head_parse(f.b, f.len, &head) == 0 && expect_name(&f, &head, &len);
	lane_run(l, &s);
	/* What is no plain message goes the other way. */
	if (((f.b[2] >> 3) & 15) == 5 || ((f.b[2] >> 3) & 15) == 4 ||
		(named && (head.type == 249 || head.type == 251 || head.type == 252)))
		return;
	memcpy(class, t->type[ZW_QUERY_SERVED], sizeof(class));
	if (t->query[ZW_QUERY_SERVED][0][0] + t->response[ZW_QUERY_SERVED][0][0] != 1) {
		/* A response without a question may be a transfer's, and what the other lane copies is told of there. */
		if (!(response && !named) && l->others == 0)
			wrong(z, &f, number, "not counted once");
		return;
	}
	if (t->rcode[ZW_QUERY_SERVED][f.b[3] & 15] != response)
		wrong(z, &f, number, "another rcode");
	if (t->nameless != !named)
		wrong(z, &f, number, named ? "a name was not found" : "a name was found");
	n = l->book.names.len == 1 ? &l->book.names.items[0] : NULL;
	if (!named)
		return;
	z->named++;
	if (!n || n->len != len || n->hash != zw_query_name_hash(l->b->probe, head.name, len) ||
		memcmp(n->name, head.name, len < sizeof(n->name) ? len : sizeof(n->name)) != 0)
		wrong(z, &f, number, "another name");
	if (!response && n && n->types != 0 && class[__builtin_ctz(n->types)] != 1)
		wrong(z, &f, number, "another type");
}

/* The same records in another order and with other TTLs are the same answer, and with one bit changed another. */
static void one_answer(struct fuzz *z, unsigned int number)
{
	struct frame record[6], f;
	struct spec s = {.payload = f.b, .sport = 53, .dport = 40000, .back = true};
	uint16_t n = (uint16_t)(1 + draw(z, ZW_ARRAY_SIZE(record)));
	_zw_message_ struct zw_message *parsed = NULL;
	struct lane *l = z->l;
	char text[40];

	snprintf(text, sizeof(text), "a%u.example.com", number);
	for (int turn = 0; turn < 3; turn++) {
		dns_answer(&f, DNS_AA, text, 1000, n);
		for (uint16_t i = 0; i < n; i++) {
			struct frame *r = &record[turn == 1 ? n - 1 - i : i];

			if (turn == 0) {
				r->len = 0;
				make_record(z, r);
				/* Not one that is left out. */
				r->b[2] = 0x03;
				r->b[3] = 0xe8;
			}
			r->b[9] = (uint8_t)turn;
			frame_bytes(&f, r->b, r->len);
		}
		/* The last octet of the last record, or its type where it has no data. */
		if (turn == 2)
			f.b[record[n - 1].len > 12 ? f.len - 1 : f.len - 10 + 1] ^= 1;
		s.bytes = f.len;
		if (turn == 0 && zw_message_parse(f.b, f.len, &parsed) < 0)
			wrong(z, &f, number, "user space does not read the answer");
		lane_run(l, &s);
		if (turn == 1 && l->totals.answer_known != 1)
			wrong(z, &f, number, "another order is another answer");
		if (turn != 1 && l->totals.answer_known != 0)
			wrong(z, &f, number, "another answer is the same");
		if (l->totals.answer_part || l->totals.answer_long || l->totals.nameless)
			wrong(z, &f, number, "the answer is not read");
	}
}

static void test_all(struct bench *b)
{
	const char *seed = getenv("ZW_SEED"), *cases = getenv("ZW_CASES");
	unsigned int n = cases ? (unsigned int)strtoul(cases, NULL, 10) : CASES;
	static struct lane l;
	struct fuzz z = {.l = &l, .state = seed ? strtoull(seed, NULL, 10) : 1};

	l.b = b;
	lane_look(&l);
	for (unsigned int i = 0; i < n; i++)
		one_case(&z, i);
	printf("# %u cases, %u of them damaged, %u with a name\n", n, z.damaged, z.named);
	check(z.wrong == 0 && z.named > n / 4 && z.damaged > n / 4,
		"oracle: both parsers say the same");
	z.wrong = 0;
	/* What is over the limit is not remembered. */
	if (zw_query_limit(b->probe, ZW_QUERY_ANSWER_NEW, UINT32_MAX) < 0 ||
		zw_query_limit(b->probe, ZW_QUERY_ANSWER_CHANGED, UINT32_MAX) < 0)
		die("setting limits");
	for (unsigned int i = 0; i < n / 10; i++)
		one_answer(&z, i);
	check(z.wrong == 0, "oracle: answers are the same in any order");
	zw_query_book_done(&l.book);
}

int main(int argc, char **argv)
{
	return bench_main(argc, argv, test_all);
}
