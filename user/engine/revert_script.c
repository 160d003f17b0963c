/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Updates as a script of nsupdate(1). An empty line sends, so there is none. */
#include "engine/revert.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rr.h"

#define TYPE_RP 17
#define TYPE_AFSDB 18

/* RFC 952 and 1123, as nsupdate's check-names has it; a wildcard may begin with "*". */
static bool is_host(const char *name)
{
	if (name[0] == '*' && name[1] == '.')
		name += 2;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '-' && *name != '.')
			return false;
	return true;
}

/* Whether nsupdate would refuse to ask for the record, which was there before. */
static int is_unusual(const struct zw_message_rr *rr, bool *ret)
{
	_zw_free_ char *text = NULL;
	char name[ZW_NAME_TEXT_MAX];
	int r;

	switch (rr->type) {
	case ZW_TYPE_MX:
	case ZW_TYPE_A:
	case ZW_TYPE_AAAA:
		zw_name_to_text(rr->owner, name);
		*ret |= !is_host(name);
		if (rr->type != ZW_TYPE_MX)
			return 0;
		break;
	case ZW_TYPE_NS:
	case ZW_TYPE_SOA:
	case ZW_TYPE_PTR:
	case ZW_TYPE_SRV:
	case TYPE_RP:
	case TYPE_AFSDB:
		break;
	default:
		return 0;
	}
	r = zw_rdata_to_text(rr->type, rr->rdata, rr->rdata_len, &text);
	if (r < 0)
		return r;
	for (char *p = text; *p; p++)
		if (*p == ' ')
			*p = '.';
	*ret |= !is_host(text);
	return 0;
}

static int has_unusual(const zw_revert_messages *messages, bool *ret)
{
	int r = 0;

	ZW_VEC_FOREACH(m, messages)
		for (size_t i = 0; r == 0 && i < (*m)->rrs; i++)
			if ((*m)->rr[i].section == ZW_SECTION_UPDATE &&
				(*m)->rr[i].klass == ZW_CLASS_IN)
				r = is_unusual(&(*m)->rr[i], ret);
	return r;
}

static void add_guard(struct zw_str *out, const struct zw_message_rr *rr)
{
	char name[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];
	bool there = rr->klass != ZW_CLASS_NONE;

	zw_name_to_text(rr->owner, name);
	if (rr->type == ZW_TYPE_ANY) {
		zw_str_addf(out, "prereq %s %s", there ? "yxdomain" : "nxdomain", name);
	} else {
		zw_str_addf(out, "prereq %s %s", there ? "yxrrset" : "nxrrset", name);
		if (rr->klass == ZW_CLASS_IN)
			zw_revert_add_data(out, rr->type, rr->rdata, rr->rdata_len);
		else
			zw_str_addf(out, " %s", zw_revert_type(rr->type, type));
	}
	zw_str_add_char(out, '\n');
}

static void add_update(struct zw_str *out, const struct zw_message_rr *rr)
{
	char name[ZW_NAME_TEXT_MAX];

	zw_name_to_text(rr->owner, name);
	if (rr->klass == ZW_CLASS_IN)
		zw_str_addf(out, "update add %s %u", name, rr->ttl);
	else
		zw_str_addf(out, "update delete %s", name);
	if (rr->klass == ZW_CLASS_ANY) {
		char type[ZW_TYPE_TEXT_MAX];

		zw_str_addf(out, " %s", zw_revert_type(rr->type, type));
	} else {
		zw_revert_add_data(out, rr->type, rr->rdata, rr->rdata_len);
	}
	zw_str_add_char(out, '\n');
}

static void add_message(struct zw_str *out, const struct zw_message *m, const char *zone,
	const struct zw_revert_heading *heading)
{
	if (heading->server && heading->port)
		zw_str_addf(out, "server %s %u\n", heading->server, heading->port);
	else if (heading->server)
		zw_str_addf(out, "server %s\n", heading->server);
	zw_str_addf(out, "zone %s\n", zone);
	for (size_t i = 0; i < m->rrs; i++) {
		if (m->rr[i].section == ZW_SECTION_PREREQUISITE)
			add_guard(out, &m->rr[i]);
		else
			add_update(out, &m->rr[i]);
	}
	zw_str_add(out, "send\n");
}

static void add_heading(struct zw_str *out, const struct zw_revert *v, size_t messages,
	const struct zw_revert_heading *heading)
{
	char name[ZW_NAME_TEXT_MAX], type[ZW_TYPE_TEXT_MAX];

	zw_str_addf(out, "; %s\n", heading->title);
	if (v->soa_differs)
		zw_str_addf(out, "; serial %u is followed by %u\n", v->serial, v->next_serial);
	else
		zw_str_addf(out, "; the server itself increments the serial, which is %u now\n",
			v->serial);
	ZW_VEC_FOREACH(set, &v->left) {
		zw_name_to_text(set->owner, name);
		zw_str_addf(out, "; left to whoever signs the zone: %s %s\n", name,
			zw_type_to_text(set->type, type));
	}
	if (messages < 2)
		return;
	zw_str_addf(out,
		"; NOT ATOMIC: this takes %zu messages, and others see the zone in between.\n"
		"; Each holds only as long as the records are as they are now, and after the one\n"
		"; before it was carried out; what comes is put in before what goes is taken out.\n"
		"; When one fails, those before it stay: look at the zone and revert again.\n",
		messages);
}

int zw_revert_to_nsupdate(const struct zw_revert *v, const zw_revert_messages *messages,
	const struct zw_revert_heading *heading, struct zw_str *out)
{
	char zone[ZW_NAME_TEXT_MAX];
	bool unusual = false;
	int r = has_unusual(messages, &unusual);

	if (r < 0)
		return r;
	zw_name_to_text(zw_snapshot_origin(v->present), zone);
	add_heading(out, v, messages->len, heading);
	/* Names that are no host names were there before. knsupdate(1) has no such check and does not know it. */
	if (unusual)
		zw_str_add(out, "check-names no\n");
	ZW_VEC_FOREACH(m, messages)
		add_message(out, *m, zone, heading);
	return out->failed ? -ENOMEM : 0;
}
