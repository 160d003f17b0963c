/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actor/procfs.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/clock.h"
#include "base/str.h"
#include "event/argv.h"

#define PID_PATH_MAX 512
#define FLAG_KTHREAD 0x00200000 /* PF_KTHREAD, include/linux/sched.h */
#define DELETED " (deleted)"

/* Fields of /proc/PID/stat that matter, counted from 1 as in proc_pid_stat(5). */
enum stat_field {
	FIELD_PPID = 4,
	FIELD_TTY = 7,
	FIELD_FLAGS = 9,
	FIELD_START = 22,
};

struct stat_line {
	char comm[ZW_COMM_LEN];
	uint32_t ppid, tty, flags;
	uint64_t start_ns;
};

uint64_t zw_procfs_tick_ns(void)
{
	long per_sec = sysconf(_SC_CLK_TCK);

	return ZW_NSEC_PER_SEC / (per_sec > 0 ? (uint64_t)per_sec : 100);
}

static bool pid_path(
	char buf[static PID_PATH_MAX], const char *root, uint32_t tgid, const char *name)
{
	int n = snprintf(buf, PID_PATH_MAX, "%s/%" PRIu32 "/%s", root, tgid, name);

	return n > 0 && n < PID_PATH_MAX;
}

FILE *zw_procfs_open(const char *root, uint32_t tgid, const char *name)
{
	char path[PID_PATH_MAX];

	return pid_path(path, root, tgid, name) ? fopen(path, "re") : NULL;
}

static void parse_field(struct stat_line *line, int field, const char *text)
{
	switch (field) {
	case FIELD_PPID:
		line->ppid = (uint32_t)strtoul(text, NULL, 10);
		break;
	case FIELD_TTY:
		line->tty = (uint32_t)strtoul(text, NULL, 10);
		break;
	case FIELD_FLAGS:
		line->flags = (uint32_t)strtoul(text, NULL, 10);
		break;
	case FIELD_START:
		line->start_ns = strtoull(text, NULL, 10) * zw_procfs_tick_ns();
		break;
	default:
		break;
	}
}

static int read_stat(const char *root, uint32_t tgid, struct stat_line *ret_line)
{
	_zw_fclose_ FILE *f = zw_procfs_open(root, tgid, "stat");
	char buf[1024], *open, *close, *save = NULL;
	struct stat_line line = {};
	int field = 3;
	size_t n;

	if (!f)
		return -ESRCH;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	/* The name may hold anything, brackets too: it ends at the last one. */
	open = strchr(buf, '(');
	close = strrchr(buf, ')');
	if (!open || !close || close < open)
		return -ESRCH;
	*close = '\0';
	snprintf(line.comm, sizeof(line.comm), "%s", open + 1);
	for (char *at = strtok_r(close + 1, " \n", &save); at && field <= FIELD_START;
		at = strtok_r(NULL, " \n", &save))
		parse_field(&line, field++, at);
	if (field <= FIELD_START)
		return -ESRCH;
	*ret_line = line;
	return 0;
}

int zw_procfs_start(const char *root, uint32_t tgid, uint64_t *ret_start_ns)
{
	struct stat_line line;
	int r = read_stat(root, tgid, &line);

	if (r < 0)
		return r;
	*ret_start_ns = line.start_ns;
	return 0;
}

/* Majors from Documentation/admin-guide/devices.txt; the number is encoded as new_encode_dev() does. */
static void tty_name(uint32_t dev, char buf[static ZW_TTY_LEN])
{
	uint32_t maj = dev >> 8 & 0xfff, min = (dev & 0xff) | (dev >> 12 & 0xfff00);

	if (maj >= 136 && maj <= 143)
		snprintf(buf, ZW_TTY_LEN, "pts/%" PRIu32, (maj - 136) * 256 + min % (1 << 20));
	else if (maj == 4 && min < 64)
		snprintf(buf, ZW_TTY_LEN, "tty%" PRIu32, min);
	else if (maj == 4)
		snprintf(buf, ZW_TTY_LEN, "ttyS%" PRIu32, min - 64);
	else if (maj == 229)
		snprintf(buf, ZW_TTY_LEN, "hvc%" PRIu32, min);
	else if (maj == 5 && min == 1)
		snprintf(buf, ZW_TTY_LEN, "console");
	else
		buf[0] = '\0';
}

static void read_status(const char *root, uint32_t tgid, struct zw_proc_facts *facts)
{
	_zw_fclose_ FILE *f = zw_procfs_open(root, tgid, "status");
	char line[256];

	facts->uid = facts->euid = facts->gid = facts->egid = ZW_ID_UNSET;
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "Uid: %" SCNu32 " %" SCNu32, &facts->uid, &facts->euid);
		sscanf(line, "Gid: %" SCNu32 " %" SCNu32, &facts->gid, &facts->egid);
	}
}

/* Kernels without audit have no such files, which means that no id was ever set. */
static uint32_t read_id(const char *root, uint32_t tgid, const char *name)
{
	_zw_fclose_ FILE *f = zw_procfs_open(root, tgid, name);
	uint32_t id;

	return f && fscanf(f, "%" SCNu32, &id) == 1 ? id : ZW_ID_UNSET;
}

static uint32_t read_namespace(const char *root, uint32_t tgid, const char *name)
{
	char path[PID_PATH_MAX], target[64];
	uint32_t inum;
	ssize_t n;

	if (!pid_path(path, root, tgid, name))
		return 0;
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return 0;
	target[n] = '\0';
	return sscanf(target, "%*[a-z_]:[%" SCNu32 "]", &inum) == 1 ? inum : 0;
}

/* The target of a link below /proc/PID; NULL when it cannot be read. */
static int read_path(const char *root, uint32_t tgid, const char *name, char **ret_target)
{
	char path[PID_PATH_MAX], target[PATH_MAX];
	char *copy = NULL;
	ssize_t n = -1;

	if (pid_path(path, root, tgid, name))
		n = readlink(path, target, sizeof(target) - 1);
	if (n > 0) {
		copy = strndup(target, (size_t)n);
		if (!copy)
			return -ENOMEM;
	}
	*ret_target = copy;
	return 0;
}

static int read_exe(const char *root, uint32_t tgid, struct zw_proc_facts *facts)
{
	char path[PID_PATH_MAX];
	struct stat st;
	int r = read_path(root, tgid, "exe", &facts->exe);

	if (r < 0 || !facts->exe)
		return r;
	/* stat(2) follows the link to the file itself, whatever its path has become. */
	if (!pid_path(path, root, tgid, "exe") || stat(path, &st) < 0)
		return 0;
	facts->exe_dev = (uint64_t)major(st.st_dev) << 20 | minor(st.st_dev);
	facts->exe_ino = st.st_ino;
	if (st.st_nlink > 0)
		return 0;
	facts->flags |= ZW_ACTOR_EXE_DELETED;
	if (zw_endswith(facts->exe, DELETED))
		facts->exe[strlen(facts->exe) - (sizeof(DELETED) - 1)] = '\0';
	return 0;
}

static int read_argv(const char *root, uint32_t tgid, struct zw_proc_facts *facts)
{
	_zw_fclose_ FILE *f = zw_procfs_open(root, tgid, "cmdline");
	char buf[ZW_ARGV_LEN + 1];
	size_t n = f ? fread(buf, 1, sizeof(buf), f) : 0;

	/* The same bound as in the kernel events: the table holds many of these. */
	if (n > ZW_ARGV_LEN) {
		facts->flags |= ZW_ACTOR_ARGV_CUT;
		n = ZW_ARGV_LEN;
	}
	return zw_argv_split(buf, n, &facts->argv, &facts->argc);
}

static int read_strings(const char *root, uint32_t tgid, struct zw_proc_facts *facts)
{
	int r = read_exe(root, tgid, facts);

	if (r < 0)
		return r;
	r = read_path(root, tgid, "cwd", &facts->cwd);
	if (r < 0)
		return r;
	return read_argv(root, tgid, facts);
}

int zw_procfs_read(
	const char *root, uint32_t tgid, struct zw_proc_facts *ret_facts, uint32_t *ret_parent)
{
	_zw_cleanup_(zw_proc_facts_done) struct zw_proc_facts facts = {};
	struct stat_line line;
	uint64_t start_ns;
	int r = read_stat(root, tgid, &line);

	if (r < 0)
		return r;
	facts.tgid = facts.tid = tgid;
	facts.start_ns = line.start_ns;
	facts.flags = line.flags & FLAG_KTHREAD ? ZW_ACTOR_KTHREAD : 0;
	memcpy(facts.comm, line.comm, sizeof(facts.comm));
	tty_name(line.tty, facts.tty);
	read_status(root, tgid, &facts);
	facts.loginuid = read_id(root, tgid, "loginuid");
	facts.session = read_id(root, tgid, "sessionid");
	/* sessionid prints what was never set as 4294967295, some kernels as 0: no login, no session. */
	if (facts.loginuid == ZW_ID_UNSET)
		facts.session = ZW_ID_UNSET;
	facts.mntns = read_namespace(root, tgid, "ns/mnt");
	facts.pidns = read_namespace(root, tgid, "ns/pid_for_children");
	facts.netns = read_namespace(root, tgid, "ns/net");
	r = read_strings(root, tgid, &facts);
	if (r < 0)
		return r;
	/* The pid may have become another process between two files. */
	r = zw_procfs_start(root, tgid, &start_ns);
	if (r < 0 || start_ns != facts.start_ns)
		return -ESRCH;
	*ret_facts = facts;
	*ret_parent = line.ppid;
	facts = (struct zw_proc_facts){};
	return 0;
}
