/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actor/elevation.h"

#include <assert.h>

#include "actor/image.h"
#include "base/str.h"

static const char *const elevation_names[] = {
	[ZW_ELEVATION_NONE] = "none",
	[ZW_ELEVATION_SUDO] = "sudo",
	[ZW_ELEVATION_SU] = "su",
	[ZW_ELEVATION_DOAS] = "doas",
	[ZW_ELEVATION_PKEXEC] = "pkexec",
};
static_assert(ZW_ARRAY_SIZE(elevation_names) == _ZW_ELEVATION_MAX, "an elevation has no name");

/* Names the executables go by; distributions that ship two implementations rename one. */
static const struct {
	const char *base;
	enum zw_elevation elevation;
} programs[] = {
	{"sudo", ZW_ELEVATION_SUDO},
	{"sudo.ws", ZW_ELEVATION_SUDO},
	{"sudo-rs", ZW_ELEVATION_SUDO},
	{"su", ZW_ELEVATION_SU},
	{"su-rs", ZW_ELEVATION_SU},
	{"doas", ZW_ELEVATION_DOAS},
	{"pkexec", ZW_ELEVATION_PKEXEC},
};

enum zw_elevation zw_elevation_of(const char *exe, const char *comm, uint32_t euid)
{
	const char *base = exe ? zw_path_base(exe) : comm;

	if (euid != 0)
		return ZW_ELEVATION_NONE;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(programs); i++)
		if (zw_streq(base, programs[i].base))
			return programs[i].elevation;
	return ZW_ELEVATION_NONE;
}

const char *zw_elevation_to_string(enum zw_elevation e)
{
	return (unsigned int)e < _ZW_ELEVATION_MAX ? elevation_names[e] : "unknown";
}
