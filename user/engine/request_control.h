/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands that set records, told as the dynamic update that would do the same. */
#pragma once

#include "engine/request.h"
#include "event/control.h"

/* Fills @request->message from a command of Knot that sets or removes records, as far as the command says what becomes
 * of them; others leave it NULL. 0 or -ENOMEM. */
int zw_request_tell_control(struct zw_request *request, const struct zw_control *control);
