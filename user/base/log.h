/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One-line messages of the program about itself, on standard error with a <N> syslog
 * priority prefix when standard error is the journal (sd-daemon(3)). Only cli/ logs;
 * everything below returns errors. Control characters in the text are escaped.
 */
#pragma once

#include <stdbool.h>

#include "base/cleanup.h"

/* Values are syslog priorities (RFC 5424 section 6.2.1). */
enum zw_log_level {
	ZW_LOG_ERR = 3,
	ZW_LOG_WARNING = 4,
	ZW_LOG_NOTICE = 5,
	ZW_LOG_INFO = 6,
	ZW_LOG_DEBUG = 7,
};

/* Least urgent level that is printed; the environment variable ZW_LOG_LEVEL (a number) sets it. */
enum zw_log_level zw_log_max_level(void);

void zw_log(enum zw_log_level level, const char *fmt, ...) _zw_printf_(2, 3);

#define zw_error(...) zw_log(ZW_LOG_ERR, __VA_ARGS__)
#define zw_warning(...) zw_log(ZW_LOG_WARNING, __VA_ARGS__)
#define zw_notice(...) zw_log(ZW_LOG_NOTICE, __VA_ARGS__)
#define zw_info(...) zw_log(ZW_LOG_INFO, __VA_ARGS__)
#define zw_debug(...) zw_log(ZW_LOG_DEBUG, __VA_ARGS__)
