/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One server, and the process that is it. */
#include "cli/served.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"

#define PROC_ROOT "/proc"
/* A server that does not listen by then may never do so. */
#define STARTING_MAX_NS (60 * ZW_NSEC_PER_SEC)

void zw_agent_server_unref(struct zw_agent_server *s)
{
	if (!s || --s->refs > 0)
		return;
	zw_closep(&s->root_fd);
	zw_closep(&s->mounts_fd);
	zw_agent_channels_done(s);
	zw_served_free(s->served);
	zw_vec_free(&s->sites);
	zw_agent_guarded_free(NULL, s);
	free(s->config);
	free(s->cwd);
	free(s->error);
	free(s);
}

int zw_agent_server_new(
	enum zw_server_kind kind, const char *config, struct zw_agent_server **ret_server)
{
	struct zw_agent_server *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->refs = 1;
	s->kind = kind;
	s->root_fd = s->mounts_fd = -1;
	s->config = strdup(config ? config : "");
	if (!s->config) {
		zw_agent_server_unref(s);
		return -ENOMEM;
	}
	*ret_server = s;
	return 0;
}

int zw_agent_server_attach(struct zw_agent_server *s, const struct zw_server *found)
{
	_zw_free_ char *root = zw_asprintf(PROC_ROOT "/%d/root", (int)found->pid);
	_zw_free_ char *exe = zw_asprintf(PROC_ROOT "/%d/exe", (int)found->pid);
	_zw_free_ char *mounts = zw_asprintf(PROC_ROOT "/%d/mountinfo", (int)found->pid);
	_zw_free_ char *cwd = strdup(found->cwd ? found->cwd : "/");
	struct stat st;
	int fd;

	if (!root || !exe || !mounts || !cwd)
		return -ENOMEM;
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	zw_closep(&s->root_fd);
	s->root_fd = fd;
	zw_agent_server_follow_mounts(s, mounts);
	free(s->cwd);
	s->cwd = ZW_TAKE(cwd);
	s->pid = found->pid;
	s->start_ns = found->start_ns;
	s->fingerprint = 0;
	if (stat(exe, &st) == 0) {
		s->exe_dev = zw_dev_from_stat(st.st_dev);
		s->exe_ino = st.st_ino;
	}
	return 0;
}

bool zw_agent_server_is_starting(const struct zw_server *found)
{
	return !found->listens.len && zw_boottime_ns() < found->start_ns + STARTING_MAX_NS;
}

bool zw_agent_server_has_moved(const struct zw_agent_server *s, const struct zw_server *found)
{
	_zw_free_ char *root = zw_asprintf(PROC_ROOT "/%d/root", (int)found->pid);
	struct stat held, now;

	if (found->cwd && !zw_streq(s->cwd, found->cwd))
		return true;
	return root && fstat(s->root_fd, &held) == 0 && stat(root, &now) == 0 &&
	       (held.st_dev != now.st_dev || held.st_ino != now.st_ino);
}

/* mountinfo wakes with POLLERR | POLLPRI once for each change of the table (fs/proc_namespace.c, mounts_poll). What
 * cannot be asked is taken for changed. */
bool zw_agent_server_remounted(struct zw_agent_server *s)
{
	struct pollfd p = {.fd = s->mounts_fd, .events = POLLPRI};
	uint64_t before = zw_boottime_ns();
	bool changed = s->mounts_fd < 0 || poll(&p, 1, 0) != 0;

	zw_remounts_note(&s->remounts, before, zw_boottime_ns(), changed);
	return changed;
}

void zw_agent_server_follow_mounts(struct zw_agent_server *s, const char *path)
{
	uint64_t before = zw_boottime_ns();

	zw_closep(&s->mounts_fd);
	s->mounts_fd = open(path, O_RDONLY | O_CLOEXEC);
	/* What changed in between nobody tells. */
	zw_remounts_note(&s->remounts, before, zw_boottime_ns(), true);
}

bool zw_agent_server_is(
	const struct zw_agent_server *s, uint32_t tgid, uint64_t exe_dev, uint64_t exe_ino)
{
	return (uint32_t)s->pid == tgid ||
	       (s->exe_ino && s->exe_dev == exe_dev && s->exe_ino == exe_ino);
}
