/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BIND's control channel. */
#include "fuzz/control_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_control(ZW_CONTROL_RNDC, data, size);
	return 0;
}
