/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one sentence that stands for an event: "message" in JSON, MESSAGE in the journal. */
#pragma once

#include "engine/report.h"

/* Sets report->message; names and values in it are escaped. 0 or -ENOMEM. */
int zw_report_set_message(struct zw_report *report);
