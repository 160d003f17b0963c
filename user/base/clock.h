/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Time as two clocks: kernel events carry CLOCK_BOOTTIME nanoseconds, people read CLOCK_REALTIME. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ZW_NSEC_PER_SEC 1000000000ULL
#define ZW_NSEC_PER_MSEC 1000000ULL
#define ZW_NSEC_PER_USEC 1000ULL

uint64_t zw_boottime_ns(void);
uint64_t zw_realtime_ns(void);

/* Realtime minus boottime, taken once per conversion so that a stepped wall clock is followed. */
int64_t zw_boot_to_real_offset_ns(void);

/* "2026-11-22T00:11:22.123456789Z"; always UTC, always nine digits. */
#define ZW_TIME_ISO_MAX 40
void zw_time_iso(uint64_t realtime_ns, char buf[static ZW_TIME_ISO_MAX]);
/* Exactly what zw_time_iso() writes. 0 or -EINVAL. */
int zw_time_from_iso(const char *text, uint64_t *ret_ns);

/* "30s", "5m", "2h", "400d", "250ms"; a bare number is seconds. -EINVAL, -ERANGE. */
int zw_parse_duration(const char *s, uint64_t *ret_ns);
