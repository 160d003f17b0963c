/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events as the kernel programs put them into a ring buffer; both sides include this file, which has its parts by what they
 * are about. Host byte order, fixed width, no padding the compiler chose. Of a file on an overlay, device and inode are
 * those of the file below it.
 *
 * Times are nanoseconds of CLOCK_BOOTTIME. A device number is the kernel's own dev_t (major << 20 |
 * minor, include/linux/kdev_t.h), not the one stat(2) returns: zw_dev_from_stat() converts.
 */
#pragma once

#include <zw_wire_base.h>
#include <zw_wire_file.h>
#include <zw_wire_net.h>
#include <zw_wire_process.h>
#include <zw_wire_unix.h>
