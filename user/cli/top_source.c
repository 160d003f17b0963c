/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/status.h"
#include "cli/top.h"

static const char request[] = "{\"request\":\"traffic\"}\n";

/* An agent that starts reads all its zones before it answers. */
#define ANSWER_SECONDS 60
/* Our own agent takes so long to listen, or hangs; one that has failed is gone. Loading its programs takes half a minute where
 * the processor is emulated. */
#define LISTEN_NS (120 * ZW_NSEC_PER_SEC)
#define POLL_NS (20 * ZW_NSEC_PER_MSEC)

/* --- an agent of our own ------------------------------------------------------------------------------- */

static int run_agent(const char *path)
{
	struct zw_agent_options options = {.discover = true, .status_socket = path};
	_zw_agent_free_ struct zw_agent *agent = NULL;
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str error = {};
	int r = zw_conf_defaults(&conf);

	options.conf = conf;
	if (r == 0)
		r = zw_agent_new(&options, &agent, &error);
	if (r < 0) {
		zw_error("%s", error.buf ? error.buf : strerror(-r));
		return ZW_EXIT_FAILED;
	}
	ZW_TAKE(conf);
	return zw_agent_run(agent) < 0 ? ZW_EXIT_FAILED : ZW_EXIT_OK;
}

/* What it says goes to a file: the terminal is ours. */
static void be_child(const struct zw_top_source *s, pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int errors = open(s->errors, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (null < 0 || errors < 0 || getppid() != parent)
		_exit(ZW_EXIT_FAILED);
	/* What is typed at the terminal is not for it. */
	(void)setsid();
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	_exit(run_agent(s->path));
}

static void tell_errors(const struct zw_top_source *s)
{
	_zw_fclose_ FILE *f = fopen(s->errors, "re");
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		fputs(line, stderr);
}

static void pause_a_moment(void)
{
	struct timespec pause = {.tv_nsec = (long)POLL_NS};

	nanosleep(&pause, NULL);
}

static int wait_for_child(struct zw_top_source *s)
{
	uint64_t until = zw_boottime_ns() + LISTEN_NS;
	int status;

	while (zw_boottime_ns() < until) {
		_zw_close_ int fd = -1;

		if (zw_status_connect(s->path, ANSWER_SECONDS, false, &fd) == 0)
			return 0;
		if (waitpid(s->child, &status, WNOHANG) == s->child) {
			s->child = 0;
			tell_errors(s);
			return -ECHILD;
		}
		pause_a_moment();
	}
	zw_error("the agent that counts does not start");
	return -ETIMEDOUT;
}

static int start_child(struct zw_top_source *s)
{
	char dir[] = "/run/zonewitness-top.XXXXXX";
	pid_t parent = getpid();
	int r;

	if (!mkdtemp(dir)) {
		r = -errno;
		zw_error("no agent runs, and there is no place for one: '%s': %s%s", dir,
			strerror(-r), r == -EACCES ? "; run it with sudo" : "");
		return r;
	}
	s->dir = strdup(dir);
	s->path = zw_asprintf("%s/socket", dir);
	s->errors = zw_asprintf("%s/errors", dir);
	if (!s->dir || !s->path || !s->errors) {
		zw_error("out of memory");
		return -ENOMEM;
	}
	fflush(NULL);
	s->child = fork();
	if (s->child < 0) {
		r = -errno;
		s->child = 0;
		zw_error("cannot start an agent: %s", strerror(-r));
		return r;
	}
	if (s->child == 0)
		be_child(s, parent);
	s->socket = s->path;
	return wait_for_child(s);
}

int zw_top_source_open(const char *socket, struct zw_top_source *ret_source)
{
	struct zw_top_source s = {.socket = socket};
	_zw_close_ int fd = -1;
	int r = zw_status_connect(socket, ANSWER_SECONDS, false, &fd);

	if (r == -ENOENT) {
		r = start_child(&s);
	} else if (r < 0) {
		zw_status_log_failure(socket, r);
		return r;
	}
	if (r < 0) {
		zw_top_source_close(&s);
		return r;
	}
	*ret_source = s;
	return 0;
}

void zw_top_source_close(struct zw_top_source *s)
{
	if (s->child > 0) {
		kill(s->child, SIGTERM);
		waitpid(s->child, NULL, 0);
	}
	if (s->path)
		unlink(s->path);
	if (s->errors)
		unlink(s->errors);
	if (s->dir)
		rmdir(s->dir);
	free(s->path);
	free(s->errors);
	free(s->dir);
	*s = (struct zw_top_source){};
}

/* --- asking -------------------------------------------------------------------------------------------- */

int zw_top_source_read(struct zw_top_source *s, bool log, json_t **ret_traffic)
{
	_zw_close_ int fd = -1;
	json_t *answer = NULL;
	int r = zw_status_connect(s->socket, ANSWER_SECONDS, true, &fd);

	if (r == 0 && send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		r = -errno;
	if (r == 0)
		r = zw_status_read(ZW_TAKE_FD(fd), &answer);
	if (r == 0 && !json_is_object(json_object_get(answer, "rows")))
		r = -EBADMSG;
	if (r == 0)
		*ret_traffic = answer;
	else
		json_decref(answer);
	if (r < 0 && log)
		zw_status_log_failure(s->socket, r);
	return r;
}
