/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PowerDNS' API. */
#include "fuzz/control_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_control(ZW_CONTROL_HTTP, data, size);
	return 0;
}
