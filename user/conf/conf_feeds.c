/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/conf_feeds.h"

#include <string.h>

void zw_conf_check_feed(struct zw_conf_reader *reader, const struct zw_conf *conf,
	struct zw_conf_feed *feed, yaml_mark_t at)
{
	if (!feed->has_kind)
		feed->kind = feed->format == ZW_FEED_MISP ? ZW_FEED_SUPPRESS : ZW_FEED_BAD;
	/* A mistake was told already. */
	if (!feed->file)
		return;
	if (!feed->name) {
		feed->name = strdup(strrchr(feed->file, '/') + 1);
		if (!feed->name) {
			zw_conf_no_memory(reader);
			return;
		}
	}
	if (conf->feeds > ZW_CONF_FEEDS_MAX) {
		if (conf->feeds == ZW_CONF_FEEDS_MAX + 1)
			zw_conf_mistake(
				reader, at, "there are more than %d feeds", ZW_CONF_FEEDS_MAX);
		return;
	}
	for (const struct zw_conf_feed *f = conf->feed; f < feed; f++) {
		if (!f->name || !zw_streq(f->name, feed->name))
			continue;
		zw_conf_mistake(reader, at,
			"the feed on line %u has the same name; give one of them another \"name\"",
			f->line);
		return;
	}
}
