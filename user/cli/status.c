/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/status.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/log.h"
#include "event/event.h"

json_t *zw_status_hooks(const struct zw_probe *probe)
{
	json_t *capabilities = json_array(), *hooks = json_array();
	const struct zw_hook_status *hook;
	size_t n;

	for (int c = 0; c < _ZW_CAP_MAX; c++) {
		enum zw_tier tier;
		bool served = zw_probe_tier(probe, c, &tier);

		json_array_append_new(
			capabilities, json_pack("{s:s, s:s?}", "name", zw_capability_to_string(c),
					      "tier", served ? zw_tier_to_string(tier) : NULL));
	}
	hook = zw_probe_hooks(probe, &n);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			hooks, json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "hook",
				       zw_hook_to_string(hook[i].program->hook), "capability",
				       zw_capability_to_string(hook[i].program->capability), "tier",
				       zw_tier_to_string(hook[i].program->tier), "state",
				       zw_hook_state_to_string(hook[i].state), "ext4_only",
				       hook[i].program->ext4, "reason", hook[i].reason));
	return json_pack("{s:o, s:o}", "capabilities", capabilities, "hooks", hooks);
}

int zw_status_connect(const char *path, unsigned int seconds, bool request, int *ret_fd)
{
	struct timeval timeout = {.tv_sec = (time_t)seconds};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_zw_close_ int fd = -1;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	/* Without a path the kernel makes up a name (unix(7), "Autobind feature"). */
	if (request && bind(fd, (struct sockaddr *)&addr, sizeof(addr.sun_family)) < 0)
		return -errno;
	strcpy(addr.sun_path, path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return errno == ECONNREFUSED ? -ENOENT : -errno;
	*ret_fd = ZW_TAKE_FD(fd);
	return 0;
}

int zw_status_read(int fd, json_t **ret_answer)
{
	_zw_fclose_ FILE *f = fdopen(fd, "r");
	json_t *answer;
	int r;

	if (!f) {
		r = -errno;
		close(fd);
		return r;
	}
	answer = json_loadf(f, JSON_REJECT_DUPLICATES, NULL);
	if (answer) {
		*ret_answer = answer;
		return 0;
	}
	/* A read fails for no other reason than that the time is up. */
	return ferror(f) ? -ETIMEDOUT : -EBADMSG;
}

void zw_status_log_failure(const char *path, int r)
{
	switch (r) {
	case -EACCES:
	case -EPERM:
		zw_error("not allowed to ask the agent at '%s'; run it with sudo", path);
		break;
	case -ETIMEDOUT:
		zw_error("the agent at '%s' does not answer; it does when it has read its zones",
			path);
		break;
	case -EBADMSG:
		zw_error("whoever answers at '%s' is no zonewitness", path);
		break;
	case -ENOMEM:
		zw_error("out of memory");
		break;
	default:
		zw_error("cannot ask the agent at '%s': %s", path, strerror(-r));
	}
}
