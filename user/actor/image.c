/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actor/image.h"

#include <errno.h>
#include <string.h>

#include "actor/origin.h"
#include "event/argv.h"

static size_t argv_bytes(const struct zw_proc_facts *facts)
{
	size_t n = 0;

	for (size_t i = 0; i < facts->argc; i++)
		n += strlen(facts->argv[i]) + 1;
	return n;
}

int zw_image_new(const struct zw_proc_facts *facts, struct zw_image **ret_image)
{
	size_t exe_len = facts->exe ? strlen(facts->exe) : 0, argv_len = argv_bytes(facts);
	struct zw_image *image = malloc(sizeof(*image) + exe_len + 1 + argv_len);
	char *at;

	if (!image)
		return -ENOMEM;
	*image = (struct zw_image){
		.refs = 1,
		.exe_len = (uint32_t)exe_len,
		.argv_len = (uint32_t)argv_len,
		.dev = facts->exe_dev,
		.ino = facts->exe_ino,
		.exe_cut = facts->flags & ZW_ACTOR_EXE_CUT,
		.exe_deleted = facts->flags & ZW_ACTOR_EXE_DELETED,
		.argv_cut = facts->flags & ZW_ACTOR_ARGV_CUT,
		.login_server = zw_is_login_server(facts->exe),
	};
	memcpy(image->text, facts->exe ? facts->exe : "", exe_len + 1);
	at = image->text + exe_len + 1;
	for (size_t i = 0; i < facts->argc; i++)
		at = stpcpy(at, facts->argv[i]) + 1;
	*ret_image = image;
	return 0;
}

struct zw_image *zw_image_ref(struct zw_image *image)
{
	if (image)
		image->refs++;
	return image;
}

void zw_image_unref(struct zw_image *image)
{
	if (image && --image->refs == 0)
		free(image);
}

const char *zw_image_exe(const struct zw_image *image)
{
	return image && image->exe_len ? image->text : NULL;
}

int zw_image_argv(const struct zw_image *image, char ***ret_argv, size_t *ret_argc)
{
	if (!image)
		return zw_argv_split("", 0, ret_argv, ret_argc);
	return zw_argv_split(image->text + image->exe_len + 1, image->argv_len, ret_argv, ret_argc);
}

bool zw_image_agrees(const struct zw_image *image, uint64_t dev, uint64_t ino)
{
	return image && (ino == 0 || image->ino == 0 || (image->dev == dev && image->ino == ino));
}

const char *zw_path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
