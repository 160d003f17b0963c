/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Results of the tests of kernel programs: a line a check, and a sum that scripts/test adds up. Included by one file of
 * each program. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned int passed, failed;

static inline bool check(bool good, const char *name)
{
	printf("%s - %s\n", good ? "ok" : "not ok", name);
	*(good ? &passed : &failed) += 1;
	return good;
}

static inline void die(const char *what)
{
	printf("not ok - %s: %s\n%u passed, %u failed\n", what, strerror(errno), passed,
		failed + 1);
	exit(1);
}

/* The exit status. */
static inline int checked(void)
{
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
