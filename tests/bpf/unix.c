/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is told of connections to a watched unix socket.
 *
 *	unix DIRECTORY	for files and sockets of its own
 *
 * Clients and servers are children, since what the agent itself says is not told. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "check.h"
#include "event/event.h"
#include "probe/probe.h"
#include "server/server.h"
#include "unix_peers.h"

/* --- what came ---------------------------------------------------------------------------------------- */

/* Both directions of one connection, put together. */
struct seen {
	struct zw_str said, answered;
	uint64_t connection, ino, next_offset;
	uint64_t omitted, answer_omitted, start_ns;
	uint32_t tgid, uid, peer_tgid, peer_uid, server_tgid;
	size_t events, answers, bad, gaps, made, given, others;
	char exe[64];
};

static void on_event(void *ctx, const void *data, size_t len)
{
	_zw_event_ struct zw_event e = {};
	struct seen *seen = ctx;

	if (zw_event_decode(data, len, &e) < 0) {
		seen->bad++;
		return;
	}
	if (e.type != ZW_WIRE_UNIX)
		return;
	seen->bad += e.control.connection == 0 ||
		     (seen->connection && e.control.connection != seen->connection);
	seen->connection = e.control.connection;
	seen->ino = e.control.ino;
	seen->peer_tgid = e.control.peer_tgid;
	seen->peer_uid = e.control.peer_uid;
	if (e.control.reply) {
		seen->answers++;
		seen->server_tgid = e.proc.tgid;
		seen->answer_omitted += e.control.omitted;
		zw_str_add_len(&seen->answered, (char *)e.control.payload, e.control.captured);
		return;
	}
	seen->events++;
	seen->gaps += e.control.offset != seen->next_offset;
	seen->next_offset = e.control.offset + e.control.captured + e.control.omitted;
	seen->omitted += e.control.omitted;
	seen->made += e.control.made;
	seen->given += e.control.given;
	seen->others += e.proc.tgid != e.control.peer_tgid;
	seen->tgid = e.proc.tgid;
	seen->start_ns = e.proc.start_ns;
	seen->uid = e.proc.uid;
	snprintf(
		seen->exe, sizeof(seen->exe), "%s", e.proc.exe ? strrchr(e.proc.exe, '/') + 1 : "");
	zw_str_add_len(&seen->said, (char *)e.control.payload, e.control.captured);
}

static struct seen drain(struct zw_probe *p)
{
	struct seen seen = {};

	if (zw_probe_drain(p, on_event, &seen) < 0)
		die("draining");
	return seen;
}

static void done(struct seen *seen)
{
	zw_str_free(&seen->said);
	zw_str_free(&seen->answered);
}

static bool said(const struct seen *seen, const char *text)
{
	return seen->said.buf && zw_streq(seen->said.buf, text) && seen->omitted == 0 &&
	       seen->gaps == 0 && seen->bad == 0;
}

/* --- the checks ----------------------------------------------------------------------------------------- */

static void test_who(struct zw_probe *p, const struct server *server, const char *path)
{
	uint32_t client = as_client(server, path, by_write);
	struct seen seen = drain(p);
	struct stat st;

	check(said(&seen, "notify a.example\n"), "unix: what was written");
	check(seen.tgid == client && seen.uid == CLIENT_UID && zw_streq(seen.exe, "unix") &&
			seen.given == 0,
		"unix: who wrote it");
	check(seen.peer_tgid == client && seen.peer_uid == CLIENT_UID, "unix: who connected");
	check(stat(path, &st) == 0 && seen.ino == st.st_ino, "unix: to which socket");
	check(seen.answers == 1 && seen.answered.buf && zw_streq(seen.answered.buf, "got it") &&
			seen.server_tgid == (uint32_t)server->pid,
		"unix: what the server answered, on the same connection");
	done(&seen);
	client = as_client(server, path, by_duplicate);
	seen = drain(p);
	check(said(&seen, "notify a.example\nduplicatenotify a.example\n") && seen.tgid == client &&
			seen.given == 0,
		"unix: by more descriptors than one");
	done(&seen);
}

/* Where sends are seen, each is its process'. Where only what is received is, the process that connected is known, and that
 * another one may have sent it. */
static void test_inherited(
	struct zw_probe *p, const struct server *server, const char *path, bool sends)
{
	uint32_t client = as_client(server, path, inherited);
	struct seen seen = drain(p);

	check(seen.events == 3 && seen.peer_tgid == client && seen.tgid == client &&
			(sends ? seen.others == 1 && !seen.made
			       : seen.others == 0 && seen.made >= 2 && !seen.given),
		"unix: a connection that was made by another process");
	done(&seen);
	client = as_client(server, path, given_away);
	seen = drain(p);
	check(seen.events == 2 && seen.peer_tgid == client &&
			(sends ? seen.others == 1 && !seen.made
			       : seen.others == 0 && seen.given == 1),
		"unix: a connection that was given away");
	done(&seen);
	kill(server->pid, SIGSTOP);
	wait_stopped(server);
	client = run_client(path, inherited_early);
	kill(server->pid, SIGCONT);
	wait_done(server);
	seen = drain(p);
	check(said(&seen, "early") && seen.peer_tgid == client && seen.tgid &&
			seen.tgid != client && seen.made == 0,
		"unix: the same, before it was accepted");
	done(&seen);
	client = run_client(path, last_words);
	wait_stopped(server);
	kill(server->pid, SIGCONT);
	wait_done(server);
	seen = drain(p);
	check(said(&seen, "stop\nlast words") && seen.tgid == client && seen.peer_tgid == client &&
			(sends ? seen.start_ns && !seen.made : !seen.start_ns && seen.made) &&
			!seen.given,
		"unix: from one that is gone when it is read");
	done(&seen);
}

static void test_ways(struct zw_probe *p, const struct server *server, const char *path)
{
	static const struct {
		bool (*act)(int fd);
		const char *text, *name;
	} ways[] = {
		{by_send, "by send", "unix: send"},
		{by_writev, "one two three", "unix: writev, with an empty element"},
		{by_sendmsg, "\1\2\3four", "unix: sendmsg"},
		{in_pieces, "first second third", "unix: in pieces"},
		{unfaulted, "ELF", "unix: from a page that was not there"},
	};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(ways); i++) {
		struct seen seen;

		as_client(server, path, ways[i].act);
		seen = drain(p);
		if (!check(said(&seen, ways[i].text), ways[i].name))
			printf("# said '%s', omitted %llu, gaps %zu, bad %zu\n",
				seen.said.buf ? seen.said.buf : "",
				(unsigned long long)seen.omitted, seen.gaps, seen.bad);
		done(&seen);
	}
}

/* Before 6.12 a tracepoint reads the beginning of a packet only. What it does not read it tells the size of. */
static bool reads_pages(void)
{
	struct utsname name;
	int major, minor;

	return uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 12));
}

static void test_size(struct zw_probe *p, const struct server *server, const char *path, bool sends)
{
	bool same = true, whole = sends || reads_pages();
	struct seen seen;

	as_client(server, path, much);
	seen = drain(p);
	for (size_t i = 0; i < BIG_BYTES && i < seen.said.len; i++)
		same &= seen.said.buf[i] == (char)('a' + i % 23);
	check(same && seen.said.len + seen.omitted == BIG_BYTES && seen.gaps == 0 &&
			(whole ? seen.omitted == 0 : seen.said.len > 1000),
		"unix: 30,000 bytes in one write");
	done(&seen);
	as_client(server, path, long_answer);
	seen = drain(p);
	check(seen.answered.len == 256 && seen.answer_omitted == 1744,
		"unix: only the beginning of a long answer");
	done(&seen);
}

/* What is sent by the kernel, or in more messages than one, is in no place that a sender's call names. It is told of all the
 * same, with its size. */
static void test_unread(
	struct zw_probe *p, const struct server *server, const char *path, bool sends)
{
	uint32_t client = as_client(server, path, by_sendfile);
	struct seen seen = drain(p);

	check((sends || !reads_pages() ? seen.said.len == 0 && seen.omitted == 100
				       : seen.said.len == 100 && seen.omitted == 0 &&
						 memcmp(seen.said.buf, "\177ELF", 4) == 0) &&
			seen.tgid == client && seen.bad == 0,
		"unix: sendfile");
	done(&seen);
	as_client(server, path, by_sendmmsg);
	seen = drain(p);
	check((sends ? seen.said.len == 0 && seen.omitted == 8 : said(&seen, "fivefive")) &&
			seen.gaps == 0,
		"unix: sendmmsg");
	done(&seen);
}

static void test_watch(
	struct zw_probe *p, const struct server *server, const char *path, const char *other)
{
	struct seen seen;
	struct stat st;

	as_client(server + 1, other, by_write);
	seen = drain(p);
	check(seen.events == 0 && seen.answers == 0, "unix: another socket is not told of");
	done(&seen);
	{
		int fd = connect_to(path);

		if (fd < 0 || !by_write(fd))
			die(path);
		close(fd);
		wait_done(server);
	}
	seen = drain(p);
	check(seen.events == 0 && seen.answers == 0, "unix: the agent itself is not told of");
	done(&seen);
	if (stat(path, &st) < 0)
		die(path);
	check(zw_probe_unwatch_socket(p, zw_dev_from_stat(st.st_dev), st.st_ino) == 0 &&
			zw_probe_unwatch_socket(p, zw_dev_from_stat(st.st_dev), st.st_ino) ==
				-ENOENT,
		"unix: unwatched once");
	as_client(server, path, by_write);
	seen = drain(p);
	check(seen.events == 0 && seen.answers == 0, "unix: unwatched, nothing is told any more");
	done(&seen);
}

#define FLOOD 4000

static bool flood(int fd)
{
	for (int i = 0; i < FLOOD; i++)
		if (write(fd, "x", 1) != 1)
			return false;
	return true;
}

static void test_losses(struct zw_probe *p, const struct server *server, const char *path)
{
	uint64_t drops[_ZW_DROP_MAX];
	struct seen seen;

	as_client(server, path, flood);
	if (zw_probe_drops(p, drops) < 0)
		die("drops");
	seen = drain(p);
	check(drops[ZW_DROP_CONTROL_RING_FULL] > 0 && seen.events > 0 &&
			seen.events + drops[ZW_DROP_CONTROL_RING_FULL] == FLOOD,
		"unix: what the ring does not hold is counted");
	done(&seen);
	as_client(server, path, by_write);
	seen = drain(p);
	check(said(&seen, "notify a.example\n"), "unix: nothing is lost once there is room");
	done(&seen);
}

/* Everything once more in the tier tracepoint, which is served by others where there is a better one. */
static bool run(const char *dir, const char *path, const char *other, bool lowest)
{
	struct zw_probe_options options = {.scratch = dir, .allow[ZW_TIER_TRACEPOINT] = lowest};
	_zw_probe_close_ struct zw_probe *p = NULL;
	_zw_str_ struct zw_str error = {};
	struct server servers[2];
	enum zw_tier tier;
	struct stat st;

	if (zw_probe_open(&options, &p, &error) < 0)
		die(error.buf ? error.buf : "opening the probe");
	if (!zw_probe_tier(p, ZW_CAP_CONTROL, &tier)) {
		printf("skip - unix: no hook for unix sockets here\n");
		return true;
	}
	printf("# tier %s\n", zw_tier_to_string(tier));
	servers[0] = start_server(path);
	servers[1] = start_server(other);
	if (stat(path, &st) < 0 ||
		zw_probe_watch_socket(p, zw_dev_from_stat(st.st_dev), st.st_ino) < 0)
		die(path);
	test_who(p, servers, path);
	test_inherited(p, servers, path, tier != ZW_TIER_TRACEPOINT);
	test_ways(p, servers, path);
	test_size(p, servers, path, tier != ZW_TIER_TRACEPOINT);
	test_unread(p, servers, path, tier != ZW_TIER_TRACEPOINT);
	test_losses(p, servers, path);
	test_watch(p, servers, path, other);
	for (int i = 0; i < 2; i++) {
		kill(servers[i].pid, SIGKILL);
		waitpid(servers[i].pid, NULL, 0);
		close(servers[i].done);
	}
	if (unlink(path) < 0 || unlink(other) < 0)
		die(path);
	return tier == ZW_TIER_TRACEPOINT;
}

int main(int argc, char **argv)
{
	_zw_free_ char *path = NULL, *other = NULL;

	if (argc != 2) {
		fprintf(stderr, "usage: unix DIRECTORY\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	path = zw_asprintf("%s/control", argv[1]);
	other = zw_asprintf("%s/other", argv[1]);
	if (!path || !other)
		die("memory");
	if (!run(argv[1], path, other, false))
		run(argv[1], path, other, true);
	return checked();
}
