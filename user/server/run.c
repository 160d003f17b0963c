/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "server/run.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"

/* The overflow user of the kernel (kernel/sys.c), nobody on every distribution. */
#define NOBODY 65534
#define INPUT_FD 3
#define READ_CHUNK 65536

/* Exit status of a child that could not become the program. */
enum { EXIT_NOT_FOUND = 127, EXIT_NOT_RUN = 126 };

static char *find_program(const char *name)
{
	static const char *const dirs[] = {
		"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/sbin", "/bin"};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(dirs); i++) {
		_zw_free_ char *path = zw_asprintf("%s/%s", dirs[i], name);

		if (path && access(path, X_OK) == 0)
			return ZW_TAKE(path);
	}
	return NULL;
}

static void close_from(int first)
{
	if (close_range((unsigned int)first, ~0U, 0) == 0)
		return;
	for (int fd = first; fd < 65536; fd++)
		close(fd);
}

/* In the child; async-signal-safe calls only, since the agent may have threads. */
static void __attribute__((noreturn))
become(const struct zw_run *run, const char *program, int null_fd, int out_fd)
{
	char *const env[] = {
		(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C", NULL};
	struct rlimit no_core = {0, 0};
	sigset_t none;
	int input = -1;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setrlimit(RLIMIT_CORE, &no_core);
	/* Out of the way of 0 to 3 first. */
	null_fd = fcntl(null_fd, F_DUPFD, 10);
	out_fd = fcntl(out_fd, F_DUPFD, 10);
	if (run->input_fd >= 0)
		input = fcntl(run->input_fd, F_DUPFD, 10);
	if (dup2(null_fd, 0) < 0 || dup2(out_fd, 1) < 0 || dup2(null_fd, 2) < 0)
		_exit(EXIT_NOT_RUN);
	if (input >= 0 && dup2(input, INPUT_FD) < 0)
		_exit(EXIT_NOT_RUN);
	close_from(input >= 0 ? INPUT_FD + 1 : INPUT_FD);
	if (run->drop && geteuid() == 0 &&
		(setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
			setresuid(NOBODY, NOBODY, NOBODY) < 0))
		_exit(EXIT_NOT_RUN);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	execve(program, (char *const *)run->argv, env);
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN);
}

/* Reads until the end of the output, the deadline or the limit. */
static int collect(int fd, uint64_t deadline_ns, struct zw_str *out)
{
	_zw_free_ char *chunk = malloc(READ_CHUNK);

	if (!chunk)
		return -ENOMEM;
	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		uint64_t now = zw_boottime_ns();
		ssize_t n;

		if (now >= deadline_ns)
			return -ETIME;
		if (poll(&pfd, 1, (int)((deadline_ns - now) / ZW_NSEC_PER_MSEC) + 1) < 0 &&
			errno != EINTR)
			return -errno;
		if (!pfd.revents)
			continue;
		n = read(fd, chunk, READ_CHUNK);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		if (out->len + (size_t)n > ZW_RUN_OUTPUT_MAX)
			return -EFBIG;
		zw_str_add_len(out, chunk, (size_t)n);
		if (out->failed)
			return -ENOMEM;
	}
}

/* Waits for the end of @pid until the deadline. */
static int wait_end(pid_t pid, uint64_t deadline_ns)
{
	_zw_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd pfd = {.fd = pidfd, .events = POLLIN};

	if (pidfd < 0)
		return -errno;
	for (;;) {
		uint64_t now = zw_boottime_ns();
		int n;

		if (now >= deadline_ns)
			return -ETIME;
		n = poll(&pfd, 1, (int)((deadline_ns - now) / ZW_NSEC_PER_MSEC) + 1);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

/* Takes the exit status; what has not ended in time is killed with all it started. */
static int reap(pid_t pid, int collected, uint64_t deadline_ns)
{
	int status, r = collected;

	if (r == 0)
		r = wait_end(pid, deadline_ns);
	if (r < 0) {
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (r < 0)
		return r;
	if (!WIFEXITED(status))
		return -EIO;
	if (WEXITSTATUS(status) == EXIT_NOT_FOUND)
		return -ENOENT;
	return WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

int zw_run(const struct zw_run *run, char **ret_output, size_t *ret_len)
{
	_zw_free_ char *program = find_program(run->argv[0]);
	_zw_close_ int null_fd = -1, read_fd = -1, write_fd = -1;
	_zw_str_ struct zw_str out = {};
	uint64_t deadline;
	int fds[2], r;
	pid_t pid;

	if (!program)
		return -ENOENT;
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0)
		return -errno;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	read_fd = fds[0];
	write_fd = fds[1];
	deadline = zw_boottime_ns() +
		   (uint64_t)(run->timeout_ms ? run->timeout_ms : ZW_RUN_TIMEOUT_MS) *
			   ZW_NSEC_PER_MSEC;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(run, program, null_fd, write_fd);
	close(write_fd);
	write_fd = -1;
	r = reap(pid, collect(read_fd, deadline, &out), deadline);
	if (r < 0)
		return r;
	*ret_len = out.len;
	return zw_str_done(&out, ret_output);
}
