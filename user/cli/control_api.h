/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies of requests to PowerDNS' API: JSON, from anybody. */
#pragma once

#include "engine/request.h"
#include "event/control.h"

/* Fills @request->message from a PATCH of rrsets, told as the dynamic update that would do the same, and
 * @request->zone of a new zone, which only the body names. What is not understood leaves them as they are. 0 or -ENOMEM. */
int zw_request_tell_api(struct zw_request *request, const struct zw_control *control);
