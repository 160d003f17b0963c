/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/moment.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/when.h"
#include "cli/commands.h"

static bool is_number(const char *text)
{
	return text[0] && strspn(text, "0123456789") == strlen(text);
}

static int parse_event(const struct zw_history_cmd *cmd, struct zw_reader *reader, const char *text,
	struct zw_moment *ret_moment)
{
	size_t len = strlen(text);
	bool before = len > 0 && text[len - 1] == '^';
	_zw_free_ char *id = strndup(text, before ? len - 1 : len);
	uint64_t seq;
	int r;

	if (!id) {
		zw_error("out of memory");
		return -ENOMEM;
	}
	r = zw_history_cmd_find(cmd, reader, id, &seq);
	if (r == -EINVAL)
		zw_error("nor is it a serial number, or a time as " ZW_WHEN_FORMS);
	if (r < 0)
		return r;
	*ret_moment =
		(struct zw_moment){.kind = before ? ZW_MOMENT_BEFORE : ZW_MOMENT_AFTER, .seq = seq};
	return 0;
}

int zw_moment_parse(const struct zw_history_cmd *cmd, struct zw_reader *reader, const char *text,
	struct zw_moment *ret_moment)
{
	struct zw_moment moment = {};
	int r;

	if (is_number(text)) {
		moment.kind = ZW_MOMENT_SERIAL;
		r = zw_parse_u32(text, &moment.serial);
		if (r < 0)
			zw_error("'%s' is no serial number: %s", text, strerror(-r));
	} else {
		moment.kind = ZW_MOMENT_TIME;
		r = zw_parse_when(text, zw_realtime_ns(), cmd->utc, &moment.time_ns);
		if (r == -EINVAL)
			return parse_event(cmd, reader, text, ret_moment);
		if (r < 0)
			zw_error("'%s' is no time: %s", text, strerror(-r));
	}
	if (r == 0)
		*ret_moment = moment;
	return r;
}

int zw_moment_refuse(const struct zw_reader *reader, const char *zone, const char *text, int error)
{
	if (error == -ENOENT)
		zw_error("the history has no state of zone '%s' at '%s'", zone, text);
	else if (error == -ENODATA)
		zw_error("at '%s' it was not known what zone '%s' held", text, zone);
	else
		zw_history_cmd_failed(reader, "the zone", error);
	return ZW_EXIT_FAILED;
}

int zw_moment_shield(int argc, char **argv)
{
	for (int i = 1; i < argc && !zw_streq(argv[i], "--"); i++) {
		char *text;

		if (argv[i][0] != '-' || !isdigit((unsigned char)argv[i][1]))
			continue;
		text = zw_asprintf("%s ago", argv[i] + 1);
		if (!text)
			return -ENOMEM;
		argv[i] = text;
	}
	return 0;
}
