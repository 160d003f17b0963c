/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A client that sends dynamic updates (RFC 2136) as fast as it is told, over UDP, with so many under way at once. One that is
 * not answered is sent again, under the same id.
 *
 *	updates ADDRESS PORT ZONE CLIENT COUNT RATE WINDOW NAMES
 *
 * gives name N.CLIENT.ZONE the address 10.CLIENT.N, for each N below COUNT; with NAMES other than 0, the names N modulo
 * NAMES below ZONE itself, whatever they had before. Prints its pid, then, when all are answered, "COUNT REFUSED AGAIN
 * SECONDS". */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WINDOW_MAX 1024
#define AGAIN_NS 1000000000ULL
#define GIVE_UP_NS 60000000000ULL

struct pending {
	bool busy;
	unsigned int number;
	uint64_t sent_ns;
};

struct client {
	int fd;
	const char *zone;
	unsigned int number, count, rate, window, names;
	struct pending pending[WINDOW_MAX]; /* by id modulo the window */
	unsigned int next, done, refused, again;
	uint64_t begin_ns;
};

static void die(const char *what)
{
	fprintf(stderr, "updates: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static uint8_t *put16(uint8_t *p, unsigned int v)
{
	*p++ = (uint8_t)(v >> 8);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *put_name(uint8_t *p, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		*p++ = (uint8_t)len;
		memcpy(p, name, len);
		p += len;
		name += len + (name[len] == '.');
	}
	*p++ = 0;
	return p;
}

static void send_update(struct client *c, unsigned int slot)
{
	struct pending *q = &c->pending[slot];
	uint8_t message[512] = {}, *p = message;
	char name[64];

	/* The number modulo 64 makes up the rest of the id, so that a late answer is known. */
	p = put16(p, slot | (q->number / c->window % 64) << 10);
	p = put16(p, 5 << 11);
	p = put16(put16(p, 1), 0);
	p = put16(put16(p, c->names ? 2 : 1), 0);
	p = put_name(p, c->zone);
	p = put16(put16(p, 6), 1);
	if (c->names)
		snprintf(name, sizeof(name), "%u", q->number % c->names);
	else
		snprintf(name, sizeof(name), "%u.%u", q->number, c->number);
	if (c->names) {
		p = put16(put_name(p, name) - 1, 0xc000 | 12);
		p = put16(put16(p, 1), 255);
		p = put16(put16(put16(p, 0), 0), 0);
	}
	p = put16(put_name(p, name) - 1, 0xc000 | 12);
	p = put16(put16(p, 1), 1);
	p = put16(put16(p, 0), 60);
	p = put16(p, 4);
	*p++ = 10;
	*p++ = (uint8_t)c->number;
	p = put16(p, q->number);
	q->sent_ns = now_ns();
	if (send(c->fd, message, (size_t)(p - message), 0) < 0 && errno != ENOBUFS)
		die("send");
}

static void fill(struct client *c)
{
	uint64_t passed = now_ns() - c->begin_ns;

	for (unsigned int slot = 0; slot < c->window && c->next < c->count; slot++) {
		if (c->pending[slot].busy)
			continue;
		if (c->rate && (uint64_t)c->next * 1000000000ULL / c->rate > passed)
			return;
		c->pending[slot] = (struct pending){true, c->next++, 0};
		send_update(c, slot);
	}
}

static void receive(struct client *c)
{
	uint8_t answer[512];
	ssize_t n;

	while ((n = recv(c->fd, answer, sizeof(answer), MSG_DONTWAIT)) >= 12) {
		unsigned int id = (unsigned int)answer[0] << 8 | answer[1], slot = id & 1023;
		struct pending *q = &c->pending[slot < c->window ? slot : 0];

		if (slot >= c->window || !q->busy || id >> 10 != q->number / c->window % 64)
			continue;
		q->busy = false;
		c->done++;
		c->refused += (answer[3] & 15) != 0;
	}
}

static void send_again(struct client *c)
{
	uint64_t now = now_ns();

	for (unsigned int slot = 0; slot < c->window; slot++)
		if (c->pending[slot].busy && now - c->pending[slot].sent_ns > AGAIN_NS) {
			c->again++;
			send_update(c, slot);
		}
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	static struct client c;

	if (argc != 9 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1) {
		fprintf(stderr,
			"usage: updates ADDRESS PORT ZONE CLIENT COUNT RATE WINDOW NAMES\n");
		return 2;
	}
	at.sin_port = htons((uint16_t)atoi(argv[2]));
	c.zone = argv[3];
	c.number = (unsigned int)atoi(argv[4]);
	c.count = (unsigned int)atoi(argv[5]);
	c.rate = (unsigned int)atoi(argv[6]);
	c.window = (unsigned int)atoi(argv[7]);
	c.names = (unsigned int)atoi(argv[8]);
	if (c.window < 1 || c.window > WINDOW_MAX)
		c.window = 1;
	c.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (c.fd < 0 || connect(c.fd, (void *)&at, sizeof(at)) < 0)
		die("socket");
	printf("%d\n", (int)getpid());
	fflush(stdout);
	c.begin_ns = now_ns();
	while (c.done < c.count && now_ns() - c.begin_ns < GIVE_UP_NS) {
		struct pollfd p = {.fd = c.fd, .events = POLLIN};

		fill(&c);
		(void)poll(&p, 1, 1);
		receive(&c);
		send_again(&c);
	}
	printf("%u %u %u %.3f\n", c.done, c.refused, c.again,
		(double)(now_ns() - c.begin_ns) / 1e9);
	return c.done < c.count;
}
