/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Programs by which a user becomes another one: sudo, su, doas, pkexec. */
#pragma once

#include <stdint.h>

#include "actor/actor.h"

/* Judged by the name of the executable (@comm where the path is not known) and by what no unprivileged program can
 * have: an effective uid of 0, which the set-uid bit of the real ones gives them at the exec. */
enum zw_elevation zw_elevation_of(const char *exe, const char *comm, uint32_t euid);
