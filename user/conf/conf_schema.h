/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to conf/: the table every key of the configuration is in, and the types of their values. */
#pragma once

#include "conf/conf.h"

enum zw_conf_type {
	ZW_CONF_BOOL,         /* bool */
	ZW_CONF_PATH,         /* char *, absolute */
	ZW_CONF_DURATION,     /* uint64_t, nanoseconds */
	ZW_CONF_SIZE,         /* uint64_t, bytes */
	ZW_CONF_POWER,        /* the same, a power of two */
	ZW_CONF_SERVER_KIND,  /* char * */
	ZW_CONF_ZONE,         /* char *, lower case with the final dot */
	ZW_CONF_ZONE_PATTERN, /* the same; "*." in front allowed */
	ZW_CONF_NAME_PATTERN, /* the same, of an owner */
	ZW_CONF_TYPE,         /* uint16_t */
	ZW_CONF_KEY,          /* char *, lower case without the final dot */
	ZW_CONF_USER,         /* char * */
	ZW_CONF_NET,          /* struct zw_net */
	ZW_CONF_HOURS,        /* struct zw_hours */
	ZW_CONF_NUMBER,       /* uint64_t, decimal */
	ZW_CONF_LABEL,        /* char *, a label, or a name with the final dot, in lower case */
	ZW_CONF_FEED_NAME,    /* char * */
	ZW_CONF_FEED_FORMAT,  /* enum zw_feed_format */
	ZW_CONF_FEED_KIND,    /* enum zw_feed_kind */
	ZW_CONF_MAP,          /* keys of their own */
	ZW_CONF_RULES,        /* a map whose keys are the rules there are, see conf_rules.h */
	_ZW_CONF_TYPE_MAX,
};

/* How often a key's value may occur. */
enum zw_conf_many {
	ZW_CONF_ONE = 0,
	ZW_CONF_LIST,          /* a YAML list; may be empty */
	ZW_CONF_LIST_NONEMPTY, /* a YAML list of one or more: an empty one would mean the opposite, "any" */
	ZW_CONF_ONE_OF_LIST, /* one value, stored as a list of one */
};

struct zw_conf_key {
	const char *name;
	enum zw_conf_type type;
	enum zw_conf_many many;
	bool required;    /* in each map that is an item of a list */
	bool one_of;      /* so is one at least of the keys with this flag */
	size_t offset;    /* of the value or the array, in the struct of the map the key is in */
	size_t count;     /* lists: offset of the size_t number of items */
	size_t item_size; /* lists: of one item */
	size_t line;      /* lists of maps: offset of the item's unsigned int line */
	const char *word; /* lists: a word that may stand instead of the list ... */
	size_t flag; /* ... and the offset of the bool that says it did; for hours, that there are some */
	const char *min, *max;          /* as the value is written; NULL: none */
	const char *initial;            /* default, as it is written; NULL: unset */
	const char *help;               /* one line */
	const struct zw_conf_key *keys; /* of a map */
	size_t n_keys;
};

/* The whole file is one map; its struct is struct zw_conf. */
extern const struct zw_conf_key zw_conf_root;

/* The longest list of keys in a map. */
#define ZW_CONF_KEYS_MAX ZW_RULES_MAX

struct zw_conf_type_info {
	const char *name;    /* "duration" */
	const char *allowed; /* completes "must be ..." */
	size_t size;         /* of the value in memory; 0 when it is no scalar */
	bool text;           /* it is a char * to be freed */
	/* Converts @text to @field, which is overwritten. 0, -EINVAL, -ERANGE (outside key->min to
	 * key->max) or -ENOMEM; @field is untouched on failure. */
	int (*set)(const struct zw_conf_key *key, const char *text, void *field);
};

extern const struct zw_conf_type_info zw_conf_types[_ZW_CONF_TYPE_MAX];

/* Makes room for one more item at the end of the list at @base; it is zeroed and already counted. */
int zw_conf_list_grow(const struct zw_conf_key *key, void *base, void **ret_item);
/* Sets one scalar, whether alone or as the next item of a list. As zw_conf_type_info.set(). */
int zw_conf_set(const struct zw_conf_key *key, void *base, const char *text);
