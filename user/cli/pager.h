/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Output page by page: what goes to standard output from now on goes through a pager instead. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct zw_pager {
	pid_t pid; /* 0: none runs */
};

/* Starts $PAGER (less -FRX when it is not set), unless standard output is no terminal or $PAGER is empty or "cat". From
 * then on SIGPIPE is ignored: a pager that is left shows as EPIPE. Nothing is lost when none can be started. */
void zw_pager_start(struct zw_pager *pager);
/* Flushes and waits for the pager to be left. */
void zw_pager_end(struct zw_pager *pager);
#define _zw_pager_ _zw_cleanup_(zw_pager_end)
