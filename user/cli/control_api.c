/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/control_api.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "dns/message.h"
#include "dns/name.h"
#include "dns/rr.h"
#include "dns/rrtext.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int add_record(void *ctx, const struct zw_record *record)
{
	return zw_message_add_rr(ctx, ZW_SECTION_UPDATE, record);
}

/* REPLACE and DELETE both begin with what is there. */
static int add_removal(struct zw_message *message, const char *name, uint16_t type)
{
	uint8_t owner[ZW_NAME_MAX];
	struct zw_record record = {.owner = owner, .klass = ZW_CLASS_ANY, .type = type};
	size_t len;

	if (zw_name_from_text(name, owner, &len) < 0)
		return -EBADMSG;
	zw_name_lower(owner, len);
	record.owner_len = (uint8_t)len;
	return zw_message_add_rr(message, ZW_SECTION_UPDATE, &record);
}

/* An update cannot take these away (RFC 2136 section 3.4.2.4); the API can, and what it did is not told as one. */
static bool is_beyond_updates(const struct zw_message *message, const char *name, uint16_t type)
{
	uint8_t owner[ZW_NAME_MAX];

	return (type == ZW_TYPE_SOA || type == ZW_TYPE_NS) &&
	       zw_name_from_text(name, owner, NULL) == 0 &&
	       zw_name_equal(owner, message->question.name);
}

static int add_rrset(struct zw_message *message, struct zw_rrtext *reader, const json_t *rrset)
{
	const char *name = text_of(rrset, "name"), *change = text_of(rrset, "changetype");
	json_int_t ttl = json_integer_value(json_object_get(rrset, "ttl"));
	bool replace = strcasecmp(change, "REPLACE") == 0;
	const json_t *record;
	uint16_t type;
	size_t i;
	int r;

	if (zw_type_from_text(text_of(rrset, "type"), &type) < 0 || ttl < 0 || ttl > UINT32_MAX ||
		(!replace && strcasecmp(change, "DELETE") != 0))
		return -EBADMSG;
	if (is_beyond_updates(message, name, type))
		return -EOPNOTSUPP;
	r = add_removal(message, name, type);
	if (!replace)
		return r;
	json_array_foreach(json_object_get(rrset, "records"), i, record) {
		if (r < 0)
			break;
		/* Kept in the database, but not served. */
		if (json_is_true(json_object_get(record, "disabled")))
			continue;
		r = zw_rrtext_add(
			reader, name, (uint32_t)ttl, type, text_of(record, "content"), NULL);
	}
	return r;
}

static int tell_rrsets(struct zw_request *request, const json_t *rrsets)
{
	_zw_message_ struct zw_message *message = NULL;
	_zw_rrtext_ struct zw_rrtext *reader = NULL;
	const json_t *rrset;
	size_t i;
	int r = zw_message_new_update(request->zone, &message);

	if (r == 0)
		r = zw_rrtext_new(request->zone, add_record, message, &reader);
	json_array_foreach(rrsets, i, rrset) {
		if (r == 0)
			r = add_rrset(message, reader, rrset);
	}
	if (r == 0)
		request->message = ZW_TAKE(message);
	return r == -ENOMEM ? r : 0;
}

int zw_request_tell_api(struct zw_request *request, const struct zw_control *control)
{
	_zw_cleanup_(json_decrefp) json_t *body = NULL;
	const json_t *rrsets;
	uint8_t zone[ZW_NAME_MAX];

	if (control->protocol != ZW_CONTROL_HTTP || !control->body)
		return 0;
	/* Broken JSON is refused by the server, too. */
	body = json_loadb(control->body, control->body_len, 0, NULL);
	if (!json_is_object(body))
		return 0;
	if (!request->zone && zw_name_from_text(text_of(body, "name"), zone, NULL) == 0)
		return zw_request_set_zone(request, zone);
	rrsets = json_object_get(body, "rrsets");
	if (control->effect != ZW_CONTROL_RECORDS || !request->zone || json_array_size(rrsets) == 0)
		return 0;
	return tell_rrsets(request, rrsets);
}
