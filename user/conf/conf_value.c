/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/conf_schema.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "dns/name.h"
#include "dns/rr.h"

/* useradd(8) allows 32; directory services use longer ones with a domain. */
#define USER_NAME_MAX 256

static int set_text(const char *text, void *field)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	*(char **)field = copy;
	return 0;
}

static bool has_control_characters(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return true;
	return false;
}

static int set_bool(const struct zw_conf_key *key, const char *text, void *field)
{
	/* As YAML 1.1 spells them, without the single letters. */
	static const struct {
		const char *text;
		bool value;
	} words[] = {
		{"true", true},
		{"false", false},
		{"yes", true},
		{"no", false},
		{"on", true},
		{"off", false},
	};

	(void)key;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(words); i++) {
		if (strcasecmp(text, words[i].text) != 0)
			continue;
		*(bool *)field = words[i].value;
		return 0;
	}
	return -EINVAL;
}

static int set_path(const struct zw_conf_key *key, const char *text, void *field)
{
	(void)key;
	if (text[0] != '/' || zw_endswith(text, "/") || strlen(text) >= PATH_MAX ||
		has_control_characters(text))
		return -EINVAL;
	return set_text(text, field);
}

typedef int (*parse_number_fn)(const char *text, uint64_t *ret_value);

static int set_number(
	const struct zw_conf_key *key, const char *text, void *field, parse_number_fn parse)
{
	uint64_t value, limit;
	int r = parse(text, &value);

	if (r < 0)
		return r;
	if (key->min && parse(key->min, &limit) == 0 && value < limit)
		return -ERANGE;
	if (key->max && parse(key->max, &limit) == 0 && value > limit)
		return -ERANGE;
	*(uint64_t *)field = value;
	return 0;
}

static int set_duration(const struct zw_conf_key *key, const char *text, void *field)
{
	return set_number(key, text, field, zw_parse_duration);
}

/* "65536", "64K", "8M", "1G": binary multiples. */
static int parse_size(const char *text, uint64_t *ret_value)
{
	static const char units[] = "KMG";
	size_t digits = strspn(text, "0123456789");
	unsigned int shift = 0;
	char number[24];
	uint64_t value;
	int r;

	if (digits == 0 || digits >= sizeof(number))
		return -EINVAL;
	if (text[digits]) {
		const char *unit = strchr(units, text[digits]);

		if (!unit || text[digits + 1])
			return -EINVAL;
		shift = 10 * (unsigned int)(unit - units + 1);
	}
	memcpy(number, text, digits);
	number[digits] = '\0';
	r = zw_parse_u64(number, &value);
	if (r < 0)
		return r;
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*ret_value = value << shift;
	return 0;
}

static int set_size(const struct zw_conf_key *key, const char *text, void *field)
{
	return set_number(key, text, field, parse_size);
}

static int set_power(const struct zw_conf_key *key, const char *text, void *field)
{
	uint64_t value;
	int r = parse_size(text, &value);

	if (r < 0)
		return r;
	if (value == 0 || (value & (value - 1)) != 0)
		return -EINVAL;
	return set_size(key, text, field);
}

static int set_server_kind(const struct zw_conf_key *key, const char *text, void *field)
{
	static const char *const kinds[] = {"bind", "knot", "nsd", "pdns"};

	(void)key;
	for (size_t i = 0; i < ZW_ARRAY_SIZE(kinds); i++)
		if (zw_streq(text, kinds[i]))
			return set_text(text, field);
	return -EINVAL;
}

/* Stored as servers list zones, so that names can be compared as text. */
static int set_zone_pattern(const struct zw_conf_key *key, const char *text, void *field)
{
	char canonical[ZW_NAME_TEXT_MAX];
	uint8_t name[ZW_NAME_MAX];
	size_t len;

	(void)key;
	if (has_control_characters(text) || zw_name_from_text(text, name, &len) < 0)
		return -EINVAL;
	zw_name_lower(name, len);
	zw_name_to_text(name, canonical);
	return set_text(canonical, field);
}

static int set_zone(const struct zw_conf_key *key, const char *text, void *field)
{
	if (text[0] == '*')
		return -EINVAL;
	return set_zone_pattern(key, text, field);
}

static int set_type(const struct zw_conf_key *key, const char *text, void *field)
{
	uint16_t type;

	(void)key;
	if (zw_type_from_text(text, &type) < 0 || zw_type_is_meta(type))
		return -EINVAL;
	*(uint16_t *)field = type;
	return 0;
}

/* A key's name is a domain name (RFC 8945 section 4.2), but is written without the final dot. */
static int set_key(const struct zw_conf_key *key, const char *text, void *field)
{
	char canonical[ZW_NAME_TEXT_MAX];
	uint8_t name[ZW_NAME_MAX];
	size_t len;

	(void)key;
	if (has_control_characters(text) || zw_name_from_text(text, name, &len) < 0 || len < 2)
		return -EINVAL;
	zw_name_lower(name, len);
	len = zw_name_to_text(name, canonical);
	canonical[len - 1] = '\0';
	return set_text(canonical, field);
}

static int set_user(const struct zw_conf_key *key, const char *text, void *field)
{
	uint32_t uid;

	(void)key;
	if (text[0] == '\0' || strlen(text) > USER_NAME_MAX || has_control_characters(text) ||
		strpbrk(text, ": /"))
		return -EINVAL;
	if (strspn(text, "0123456789") == strlen(text) && zw_parse_u32(text, &uid) < 0)
		return -EINVAL;
	return set_text(text, field);
}

static int set_net(const struct zw_conf_key *key, const char *text, void *field)
{
	(void)key;
	return zw_net_parse(text, field);
}

static int set_hours(const struct zw_conf_key *key, const char *text, void *field)
{
	(void)key;
	return zw_hours_parse(text, field);
}

/* No other spelling of a number, such as "0x10", which zw_parse_u64() takes. */
static int parse_decimal(const char *text, uint64_t *ret_value)
{
	if (text[strspn(text, "0123456789")] || (text[0] == '0' && text[1]))
		return -EINVAL;
	return zw_parse_u64(text, ret_value);
}

static int set_decimal(const struct zw_conf_key *key, const char *text, void *field)
{
	return set_number(key, text, field, parse_decimal);
}

/* A name is what has a dot. */
static int set_label(const struct zw_conf_key *key, const char *text, void *field)
{
	char canonical[ZW_NAME_TEXT_MAX];
	uint8_t name[ZW_NAME_MAX];
	size_t len;

	(void)key;
	if (has_control_characters(text) || zw_name_from_text(text, name, &len) < 0 || len < 2)
		return -EINVAL;
	zw_name_lower(name, len);
	if (strchr(text, '.')) {
		zw_name_to_text(name, canonical);
		return set_text(canonical, field);
	}
	memcpy(canonical, name + 1, name[0]);
	canonical[name[0]] = '\0';
	return strlen(canonical) == name[0] ? set_text(canonical, field) : -EINVAL;
}

/* Findings and status have it in sentences. */
#define FEED_NAME_MAX 64

static int set_feed_name(const struct zw_conf_key *key, const char *text, void *field)
{
	(void)key;
	if (text[0] == '\0' || strlen(text) > FEED_NAME_MAX || has_control_characters(text))
		return -EINVAL;
	return set_text(text, field);
}

static int set_feed_format(const struct zw_conf_key *key, const char *text, void *field)
{
	(void)key;
	return zw_feed_format_from_string(text, field);
}

static int set_feed_kind(const struct zw_conf_key *key, const char *text, void *field)
{
	(void)key;
	return zw_feed_kind_from_string(text, field);
}

#define TEXT sizeof(char *), true
#define PLAIN(type) sizeof(type), false

const struct zw_conf_type_info zw_conf_types[_ZW_CONF_TYPE_MAX] = {
	[ZW_CONF_BOOL] = {"boolean", "true or false", PLAIN(bool), set_bool},
	[ZW_CONF_PATH] = {"path", "an absolute path of a file", TEXT, set_path},
	[ZW_CONF_DURATION] = {"duration", "a duration such as 250ms, 60s, 5m, 2h or 400d",
		PLAIN(uint64_t), set_duration},
	[ZW_CONF_SIZE] = {"size", "a size such as 65536, 64K, 8M or 1G", PLAIN(uint64_t), set_size},
	[ZW_CONF_POWER] = {"power of two",
		"a size that is a power of two, such as 65536, 64K or 8M", PLAIN(uint64_t),
		set_power},
	[ZW_CONF_SERVER_KIND] = {"server kind", "one of bind, knot, nsd, pdns", TEXT,
		set_server_kind},
	[ZW_CONF_ZONE] = {"zone", "the name of a zone", TEXT, set_zone},
	[ZW_CONF_ZONE_PATTERN] = {"zone pattern",
		"the name of a zone, or with \"*.\" in front all zones below it", TEXT,
		set_zone_pattern},
	[ZW_CONF_NAME_PATTERN] = {"name pattern",
		"a domain name, or with \"*.\" in front all names below it", TEXT,
		set_zone_pattern},
	[ZW_CONF_TYPE] = {"record type", "a record type such as A, AAAA or TYPE65280",
		PLAIN(uint16_t), set_type},
	[ZW_CONF_KEY] = {"key", "the name of a TSIG key", TEXT, set_key},
	[ZW_CONF_USER] = {"user", "a login name or a numeric user id", TEXT, set_user},
	[ZW_CONF_NET] = {"network",
		"an address or a block without host bits, such as 192.0.2.0/24 or 2001:db8::/32",
		PLAIN(struct zw_net), set_net},
	[ZW_CONF_HOURS] = {"hours", "days and times such as \"Mon-Fri 08:00-18:00\"",
		PLAIN(struct zw_hours), set_hours},
	[ZW_CONF_NUMBER] = {"number", "a number", PLAIN(uint64_t), set_decimal},
	[ZW_CONF_LABEL] = {"label", "the first label of names, such as mail, or one whole name",
		TEXT, set_label},
	[ZW_CONF_FEED_NAME] = {"feed name", "a name of 1 to 64 characters", TEXT, set_feed_name},
	[ZW_CONF_FEED_FORMAT] = {"feed format", "one of plain, hosts, csv, misp",
		PLAIN(enum zw_feed_format), set_feed_format},
	[ZW_CONF_FEED_KIND] = {"feed kind", "bad or suppress", PLAIN(enum zw_feed_kind),
		set_feed_kind},
	[ZW_CONF_MAP] = {"map", "keys with values"},
	[ZW_CONF_RULES] = {"map", "keys with values"},
};

int zw_conf_list_grow(const struct zw_conf_key *key, void *base, void **ret_item)
{
	char **array = (char **)((char *)base + key->offset);
	size_t *count = (size_t *)((char *)base + key->count);

	/* Doubled whenever the number of items has reached a power of two; 0 is taken for one. */
	if ((*count & (*count - 1)) == 0) {
		char *grown = reallocarray(*array, *count ? *count * 2 : 1, key->item_size);

		if (!grown)
			return -ENOMEM;
		*array = grown;
	}
	*ret_item = *array + *count * key->item_size;
	memset(*ret_item, 0, key->item_size);
	(*count)++;
	return 0;
}

static int set_one(const struct zw_conf_key *key, void *base, const char *text)
{
	const struct zw_conf_type_info *type = &zw_conf_types[key->type];
	void *field = (char *)base + key->offset;
	char *old = type->text ? *(char **)field : NULL;
	int r;

	r = type->set(key, text, field);
	if (r < 0)
		return r;
	free(old);
	if (key->flag)
		*(bool *)((char *)base + key->flag) = true;
	return 0;
}

/* Converted first, so that a list never has an item without a value. */
static int set_item(const struct zw_conf_key *key, void *base, const char *text)
{
	const struct zw_conf_type_info *type = &zw_conf_types[key->type];
	union {
		char *text;
		struct zw_net net;
		uint16_t type;
	} value;
	void *item;
	int r;

	assert(type->size <= sizeof(value) && type->size == key->item_size);
	r = type->set(key, text, &value);
	if (r < 0)
		return r;
	r = zw_conf_list_grow(key, base, &item);
	if (r < 0) {
		if (type->text)
			free(value.text);
		return r;
	}
	memcpy(item, &value, key->item_size);
	return 0;
}

int zw_conf_set(const struct zw_conf_key *key, void *base, const char *text)
{
	return key->many == ZW_CONF_ONE ? set_one(key, base, text) : set_item(key, base, text);
}
