/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mountinfo.h"

#include <stdio.h>
#include <string.h>

/* Blanks and the like come as \ooo. */
static void unescape(char *text)
{
	char *to = text;

	while (*text) {
		unsigned int c;

		if (text[0] == '\\' && sscanf(text + 1, "%3o", &c) == 1) {
			*to++ = (char)c;
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

bool zw_mountinfo_parse(char *line, struct zw_mountinfo *ret_mount)
{
	char *type = strstr(line, " - "), *save = NULL, *field[5] = {};
	struct zw_mountinfo mount;

	if (!type)
		return false;
	*type = '\0';
	type += 3;
	type[strcspn(type, " \n")] = '\0';
	for (int i = 0; i < 5; i++) {
		field[i] = strtok_r(i == 0 ? line : NULL, " ", &save);
		if (!field[i])
			return false;
	}
	if (sscanf(field[2], "%u:%u", &mount.major, &mount.minor) != 2)
		return false;
	unescape(field[4]);
	mount.point = field[4];
	mount.type = type;
	*ret_mount = mount;
	return true;
}
