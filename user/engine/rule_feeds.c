/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records that lead to what feeds warn of, and names that they warn of: feed-address, feed-domain. */
#include "engine/rule_impl.h"

#include <string.h>

#include "base/str.h"
#include "dns/rr.h"

struct lead {
	const struct zw_diff_entry *entry;
};

/* " (Cobalt Strike)" or nothing. */
static const char *tag_text(const struct zw_feed_match *m, char *buf, size_t size)
{
	if (m->tag)
		snprintf(buf, size, " (%s)", m->tag);
	else
		buf[0] = '\0';
	return buf;
}

/* What one entry warns of is one finding. */
static uint64_t group_of(const struct zw_rule_scene *s, const struct zw_feed_match *m)
{
	return zw_rule_hash(s->memory, 0, m->entry, strlen(m->entry));
}

/* The escaped tag of a list has at most 64 octets of it, as \xHH each. */
#define TAG_TEXT_MAX 300

/* @subject is listed, and @entry leads there, by way of the name @via where that is not NULL. */
static void found(struct zw_rule_scene *s, const char *rule, const struct zw_diff_entry *e,
	const char *subject, const uint8_t *via, const struct zw_feed_match *m)
{
	char owner[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX], through[ZW_NAME_TEXT_MAX] = "";
	char tag[TAG_TEXT_MAX];

	zw_name_to_text(e->owner, owner);
	if (via)
		zw_name_to_text(via, through);
	zw_rule_found(s, rule, group_of(s, m), subject,
		"%s %s leads to %s%s%s, which the feed \"%s\" lists as %s%s", owner,
		zw_type_to_text(e->type, type), subject, via ? " by way of " : "", through, m->feed,
		m->entry, tag_text(m, tag, sizeof(tag)));
}

static void look_at_target(struct zw_rule_scene *s, void *ctx, const struct zw_rule_target *target)
{
	const struct lead *lead = ctx;
	char subject[ZW_NAME_TEXT_MAX];
	struct zw_feed_match m;

	if (target->name) {
		if (!zw_feeds_match_name(s->in->feeds, target->name, &m))
			return;
		zw_name_to_text(target->name, subject);
		found(s, "feed-domain", lead->entry, subject,
			target->via == target->name ? NULL : target->via, &m);
		return;
	}
	if (!zw_feeds_match_address(s->in->feeds, target->address.family, target->address.addr, &m))
		return;
	zw_net_to_text(&target->address, subject);
	found(s, "feed-address", lead->entry, subject, target->via, &m);
}

/* A domain of one's own that others warn of is being used by somebody. */
static void look_at_owner(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	char owner[ZW_NAME_TEXT_MAX], tag[TAG_TEXT_MAX];
	struct zw_feed_match m;

	if (zw_type_is_signing(e->type) || e->type == ZW_TYPE_SOA ||
		!zw_feeds_match_name(s->in->feeds, e->owner, &m))
		return;
	zw_name_to_text(e->owner, owner);
	zw_rule_found(s, "feed-domain", group_of(s, &m), owner,
		"%s, of which records changed, is listed by the feed \"%s\" as %s%s", owner, m.feed,
		m.entry, tag_text(&m, tag, sizeof(tag)));
}

void zw_rule_feeds(struct zw_rule_scene *s, const struct zw_diff_entry *e)
{
	struct lead lead = {.entry = e};

	if (!s->in->feeds)
		return;
	look_at_owner(s, e);
	for (size_t i = 0; zw_rule_leads(e->type) && i < e->after.count; i++) {
		uint16_t len;
		const uint8_t *rdata = zw_rrset_rdata(&e->after, i, &len);

		if (!zw_rrset_has(&e->before, rdata, len))
			zw_rule_targets(s, e->owner, e->type, rdata, len, look_at_target, &lead);
	}
}
