/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to sink/history*.c: what tells our databases from those of others, and from later ones of our own
 * (sqlite.org/fileformat2.html, "Database header"). */
#pragma once

#define ZW_HISTORY_APPLICATION_ID 0x5a577374 /* "ZWst" */
#define ZW_HISTORY_VERSION 3
