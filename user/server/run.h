/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Programs of this host that list what only the server's own tools can read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ZW_RUN_OUTPUT_MAX ((size_t)256 << 20)
#define ZW_RUN_TIMEOUT_MS 5000

struct zw_run {
	/* NULL-terminated. The program is looked for in the system's own directories only. */
	const char *const *argv;
	int input_fd;   /* is the program's descriptor 3; -1: none */
	bool drop;      /* run it as nobody: it reads bytes that an attacker may have made */
	int timeout_ms; /* 0: ZW_RUN_TIMEOUT_MS */
};

/* Runs a program and collects its standard output; standard input is empty, standard error is dropped, the
 * environment is PATH and LC_ALL only. -ENOENT when it is not installed, -ETIME, -EFBIG, -EIO when it
 * exits other than with 0 or by a signal. It never outlives the call. */
int zw_run(const struct zw_run *run, char **ret_output, size_t *ret_len);
