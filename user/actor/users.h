/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names of users by uid, remembered until the user database changes. Names are data: they need not be printable. */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"

struct zw_users;

/* @passwd is the file whose change makes all names be asked for again: "/etc/passwd" outside tests. */
int zw_users_new(const char *passwd, struct zw_users **ret_users);
void zw_users_free(struct zw_users *users);
ZW_DEFINE_CLEANUP(struct zw_users *, zw_users_free);
#define _zw_users_free_ _zw_cleanup_(zw_users_freep)

/* A copy of the name of @uid, NULL when it has none. @now_ns is CLOCK_BOOTTIME. 0 or -ENOMEM. */
int zw_users_name(struct zw_users *users, uint32_t uid, uint64_t now_ns, char **ret_name);
