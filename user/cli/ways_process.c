/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Ways in which the one who writes is not the one who opened, or not who it seems. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cli/ways_internal.h"

int zw_way_prepare_fd(struct zw_way_ctx *ctx)
{
	return zw_way_open(ctx->file, O_WRONLY, &ctx->fd);
}

int zw_way_run_fd(struct zw_way_ctx *ctx)
{
	return zw_way_write_span(ctx, ctx->fd);
}

int zw_way_run_inherited(struct zw_way_ctx *ctx)
{
	int r = zw_way_open(ctx->file, O_WRONLY, &ctx->fd);

	return r < 0 ? r : zw_way_in_child(ctx, 0, zw_way_run_fd);
}

/* The zone is the standard output of a program that does not know where it writes. */
static int become_cat(struct zw_way_ctx *ctx)
{
	if (dup2(ctx->fd, STDOUT_FILENO) < 0)
		return -errno;
	execl("/bin/cat", "cat", ctx->spare, NULL);
	return -errno;
}

int zw_way_run_exec_cat(struct zw_way_ctx *ctx)
{
	int r;

	if (access("/bin/cat", X_OK) < 0)
		return zw_way_unsupported(ctx, "no /bin/cat");
	r = zw_way_put_new(ctx, ctx->spare);
	if (r == 0)
		r = zw_way_open(ctx->file, O_WRONLY, &ctx->fd);
	return r < 0 ? r : zw_way_in_child(ctx, 0, become_cat);
}

/* By the time anybody looks, the process is another program. */
static int write_and_exec(struct zw_way_ctx *ctx)
{
	int r = zw_way_run_fd(ctx);

	if (r < 0)
		return r;
	execl("/bin/true", "true", NULL);
	return -errno;
}

int zw_way_run_exec_after(struct zw_way_ctx *ctx)
{
	int r;

	if (access("/bin/true", X_OK) < 0)
		return zw_way_unsupported(ctx, "no /bin/true");
	r = zw_way_open(ctx->file, O_WRONLY, &ctx->fd);
	return r < 0 ? r : zw_way_in_child(ctx, 0, write_and_exec);
}

union fd_message {
	struct cmsghdr header;
	char buf[CMSG_SPACE(sizeof(int))];
};

static int send_fd(int sock, int fd)
{
	union fd_message control = {};
	char byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) < 0 ? -errno : 0;
}

static int receive_fd(int sock, int *ret_fd)
{
	union fd_message control;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	const struct cmsghdr *c;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	memcpy(ret_fd, CMSG_DATA(c), sizeof(*ret_fd));
	return 0;
}

/* ctx->fd is the receiver's end of the socket here; this process never opened the zone. */
static int receive_and_write(struct zw_way_ctx *ctx)
{
	_zw_close_ int fd = -1;
	int r = receive_fd(ctx->fd, &fd);

	return r < 0 ? r : zw_way_write_span(ctx, fd);
}

int zw_way_run_passed(struct zw_way_ctx *ctx)
{
	_zw_close_ int sender = -1, fd = -1;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	sender = pair[0];
	ctx->fd = pair[1];
	r = zw_way_open(ctx->file, O_WRONLY, &fd);
	if (r == 0)
		r = send_fd(sender, fd);
	if (r < 0)
		return r;
	/* The message is the only reference left, so the child does not inherit the descriptor. */
	close(ZW_TAKE_FD(fd));
	close(ZW_TAKE_FD(sender));
	return zw_way_in_child(ctx, 0, receive_and_write);
}

/* Opens the zone, tells the number of the descriptor and waits to be killed. */
static void holder_main(const struct zw_way_ctx *ctx, int tell)
{
	int fd = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (zw_way_open(ctx->file, O_WRONLY, &fd) == 0 &&
		write(tell, &fd, sizeof(fd)) == sizeof(fd))
		pause();
	_exit(1);
}

static int take_fd(struct zw_way_ctx *ctx, pid_t holder, int told)
{
	_zw_close_ int pidfd = -1, fd = -1;
	int number;

	if (read(told, &number, sizeof(number)) != sizeof(number))
		return -EPROTO;
	pidfd = (int)syscall(SYS_pidfd_open, holder, 0);
	if (pidfd < 0)
		return zw_way_refused(ctx, errno, "kernel without pidfd_open(2)");
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	if (fd < 0)
		return zw_way_refused(ctx, errno,
			"pidfd_getfd(2) refused: kernel before 5.6, or ptrace restricted");
	return zw_way_write_span(ctx, fd);
}

int zw_way_run_getfd(struct zw_way_ctx *ctx)
{
	_zw_close_ int told = -1, tell = -1;
	int pipe_fds[2], r;
	pid_t holder;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	told = pipe_fds[0];
	tell = pipe_fds[1];
	holder = fork();
	if (holder < 0)
		return -errno;
	if (holder == 0)
		holder_main(ctx, tell);
	/* Or the read would not end if the holder dies early. */
	close(ZW_TAKE_FD(tell));
	r = take_fd(ctx, holder, told);
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	return r;
}

int zw_way_run_userns(struct zw_way_ctx *ctx)
{
	int r = zw_way_open(ctx->file, O_WRONLY, &ctx->fd);

	return r < 0 ? r : zw_way_in_child(ctx, CLONE_NEWUSER, zw_way_run_fd);
}

int zw_way_run_pidns(struct zw_way_ctx *ctx)
{
	return zw_way_in_child(ctx, CLONE_NEWPID, zw_way_run_pwrite);
}

int zw_way_run_mountns(struct zw_way_ctx *ctx)
{
	return zw_way_in_child(ctx, CLONE_NEWNS, zw_way_run_pwrite);
}
