/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <string.h>

#include "base/str.h"

enum zw_log_level zw_log_max_level(void)
{
	const char *env = getenv("ZW_LOG_LEVEL");
	uint32_t level;

	if (env && zw_parse_u32(env, &level) == 0 && level <= ZW_LOG_DEBUG)
		return (enum zw_log_level)level;
	return ZW_LOG_INFO;
}

/* systemd sets JOURNAL_STREAM to the device:inode of the stream it connected us to. */
static bool to_journal(void)
{
	return getenv("JOURNAL_STREAM") != NULL;
}

void zw_log(enum zw_log_level level, const char *fmt, ...)
{
	_zw_str_ struct zw_str line = {};
	_zw_free_ char *text = NULL;
	va_list ap;

	if (level > zw_log_max_level())
		return;
	va_start(ap, fmt);
	text = zw_vasprintf(fmt, ap);
	va_end(ap);
	if (!text) {
		fputs("zonewitness: out of memory while logging\n", stderr);
		return;
	}
	if (to_journal())
		zw_str_addf(&line, "<%d>", (int)level);
	else
		zw_str_add(&line, "zonewitness: ");
	zw_str_add_escaped(&line, text, strlen(text));
	zw_str_add_char(&line, '\n');
	if (!line.failed)
		fwrite(line.buf, 1, line.len, stderr);
}
