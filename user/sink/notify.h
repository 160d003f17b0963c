/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the service manager is told (sd_notify(3)). Without one, each of these does nothing and returns 0;
 * -errno when there is one that cannot be reached. */
#pragma once

#include <stdint.h>

/* Every hook is on and every zone is read: units ordered after this one may start. */
int zw_notify_ready(void);
/* @text is shown by `systemctl status`; control characters are escaped. */
int zw_notify_status(const char *text);
/* Still alive. */
int zw_notify_watchdog(void);
/* SIGHUP was taken; zw_notify_ready() ends it. */
int zw_notify_reloading(void);
int zw_notify_stopping(void);

/* How often zw_notify_watchdog() is to be called: half of WatchdogSec=. *ret_ns is 0 when no watchdog is
 * set. 0 or -errno. */
int zw_notify_watchdog_interval(uint64_t *ret_ns);
