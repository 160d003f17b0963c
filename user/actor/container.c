/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actor/container.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

#define HEX_ID_LEN 64 /* Docker, containerd, CRI-O and Podman name containers by 256 random bits */

/* Scopes named PREFIX<64 hexadecimal digits>SUFFIX. The helpers of the same managers ("crio-conmon-...") do not fit,
 * for they are not containers. An empty pair is a plain component, as without systemd below /docker or /kubepods. */
static const struct {
	const char *prefix, *suffix;
} hex_forms[] = {
	{"docker-", ".scope"},
	{"libpod-", ".scope"},
	{"crio-", ".scope"},
	{"crio-", ""},
	{"cri-containerd-", ".scope"},
	{"nerdctl-", ".scope"},
	{"libpod-", ""},
	{"", ""},
};

/* Components that are a name of any form between the two. @parent, if any, must be the component before. */
static const struct {
	const char *parent, *prefix, *suffix;
} named_forms[] = {
	{"machine.slice", "machine-", ".scope"},
	{"machine.slice", "systemd-nspawn@", ".service"},
	{NULL, "lxc.payload.", ""},
	{"lxc.payload", "", ""},
	{"lxc", "", ""},
};

/* The part of [@c, @c + @len) between @prefix and @suffix; false when it does not have them or is empty. */
static bool between(const char **c, size_t *len, const char *prefix, const char *suffix)
{
	size_t pre = strlen(prefix), suf = strlen(suffix);

	if (*len <= pre + suf || memcmp(*c, prefix, pre) != 0 ||
		memcmp(*c + *len - suf, suffix, suf) != 0)
		return false;
	*c += pre;
	*len -= pre + suf;
	return true;
}

static bool hex_id(const char **c, size_t *len)
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(hex_forms); i++) {
		const char *id = *c;
		size_t n = *len, digits = 0;

		if (!between(&id, &n, hex_forms[i].prefix, hex_forms[i].suffix) || n != HEX_ID_LEN)
			continue;
		while (digits < n && isxdigit((unsigned char)id[digits]))
			digits++;
		if (digits < n)
			continue;
		*c = id;
		*len = n;
		return true;
	}
	return false;
}

static bool named(const char *parent, size_t parent_len, const char **c, size_t *len)
{
	for (size_t i = 0; i < ZW_ARRAY_SIZE(named_forms); i++) {
		const char *want = named_forms[i].parent;

		if (want && (strlen(want) != parent_len || memcmp(want, parent, parent_len) != 0))
			continue;
		if (between(c, len, named_forms[i].prefix, named_forms[i].suffix))
			return true;
	}
	return false;
}

/* systemd writes bytes that unit names cannot have as \xHH (systemd.unit(5)). */
static int unescape(const char *text, size_t len, char **ret_text)
{
	_zw_str_ struct zw_str s = {};

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\' && i + 3 < len && text[i + 1] == 'x' &&
			isxdigit((unsigned char)text[i + 2]) &&
			isxdigit((unsigned char)text[i + 3])) {
			char hex[3] = {text[i + 2], text[i + 3], '\0'};
			char c = (char)strtoul(hex, NULL, 16);

			if (c != '\0')
				zw_str_add_char(&s, c);
			i += 3;
		} else {
			zw_str_add_char(&s, text[i]);
		}
	}
	return zw_str_done(&s, ret_text);
}

int zw_container_of(const char *path, char **ret_id)
{
	const char *parent = "";
	size_t parent_len = 0;

	while (*path) {
		size_t len = strcspn(path, "/"), id_len = len;
		const char *id = path;

		if (hex_id(&id, &id_len) || named(parent, parent_len, &id, &id_len))
			return unescape(id, id_len, ret_id);
		if (len > 0) {
			parent = path;
			parent_len = len;
		}
		path += len;
		path += *path == '/';
	}
	*ret_id = NULL;
	return 0;
}
