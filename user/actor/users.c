/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actor/users.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/hash.h"

/* The database is looked at once a second at most: a burst of events must not become a burst of stat calls. */
#define CHECK_INTERVAL_NS ZW_NSEC_PER_SEC
/* Directory services change without any file changing. */
#define KEEP_NS (60 * ZW_NSEC_PER_SEC)
/* uids that never repeat (containers with mapped ranges) must not fill the memory. */
#define CACHE_MAX 4096
/* getpwuid_r(3) says ERANGE until the buffer is large enough; a record larger than this is not a user. */
#define RECORD_MAX (1 << 20)

struct name {
	bool known;
	char text[];
};

struct zw_users {
	char *passwd;
	struct zw_map *names; /* uid -> struct name */
	struct stat seen;
	uint64_t checked_ns, filled_ns;
};

static void forget(struct zw_users *users)
{
	size_t it = 0;
	void *name;

	while (zw_map_next(users->names, &it, NULL, NULL, &name))
		free(name);
	zw_map_free(ZW_TAKE(users->names));
}

int zw_users_new(const char *passwd, struct zw_users **ret_users)
{
	_zw_users_free_ struct zw_users *users = calloc(1, sizeof(*users));
	int r;

	if (!users)
		return -ENOMEM;
	users->passwd = strdup(passwd);
	if (!users->passwd)
		return -ENOMEM;
	r = zw_map_new(&users->names);
	if (r < 0)
		return r;
	*ret_users = ZW_TAKE(users);
	return 0;
}

void zw_users_free(struct zw_users *users)
{
	if (!users)
		return;
	if (users->names)
		forget(users);
	free(users->passwd);
	free(users);
}

static bool changed(struct zw_users *users, uint64_t now_ns)
{
	struct stat st = {};
	bool same;

	if (users->checked_ns && now_ns - users->checked_ns < CHECK_INTERVAL_NS)
		return false;
	users->checked_ns = now_ns;
	if (stat(users->passwd, &st) < 0)
		st = (struct stat){};
	same = st.st_ino == users->seen.st_ino && st.st_size == users->seen.st_size &&
	       st.st_mtim.tv_sec == users->seen.st_mtim.tv_sec &&
	       st.st_mtim.tv_nsec == users->seen.st_mtim.tv_nsec;
	users->seen = st;
	return !same || now_ns - users->filled_ns >= KEEP_NS;
}

static int refresh(struct zw_users *users, uint64_t now_ns)
{
	if (!changed(users, now_ns) && users->names && zw_map_len(users->names) < CACHE_MAX)
		return 0;
	if (users->names)
		forget(users);
	users->filled_ns = now_ns;
	return zw_map_new(&users->names);
}

/* What the system says. A database that cannot be asked gives no name, like one that has none. */
static int ask(uint32_t uid, struct name **ret_name)
{
	_zw_free_ char *buf = NULL;
	struct passwd pw, *found = NULL;
	struct name *name;
	size_t len;
	int e = ERANGE;

	for (size_t size = 1024; e == ERANGE && size <= RECORD_MAX; size *= 4) {
		free(buf);
		buf = malloc(size);
		if (!buf)
			return -ENOMEM;
		e = getpwuid_r(uid, &pw, buf, size, &found);
	}
	if (e != 0)
		found = NULL;
	len = found ? strlen(found->pw_name) : 0;
	name = malloc(sizeof(*name) + len + 1);
	if (!name)
		return -ENOMEM;
	name->known = found != NULL;
	memcpy(name->text, found ? found->pw_name : "", len + 1);
	*ret_name = name;
	return 0;
}

int zw_users_name(struct zw_users *users, uint32_t uid, uint64_t now_ns, char **ret_name)
{
	struct name *name;
	char *copy = NULL;
	int r = refresh(users, now_ns);

	if (r < 0)
		return r;
	name = zw_map_get(users->names, &uid, sizeof(uid));
	if (!name) {
		r = ask(uid, &name);
		if (r < 0)
			return r;
		r = zw_map_put(users->names, &uid, sizeof(uid), name, NULL);
		if (r < 0) {
			free(name);
			return r;
		}
	}
	if (name->known) {
		copy = strdup(name->text);
		if (!copy)
			return -ENOMEM;
	}
	*ret_name = copy;
	return 0;
}
