/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests to acknowledge and to expect: what is allowed in them, and their form on the socket. */
#include "cli/note.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "dns/name.h"

static const char *const kinds[] = {
	[ZW_NOTE_ACKNOWLEDGE] = "acknowledge",
	[ZW_NOTE_EXPECT] = "expect",
	[ZW_NOTE_WITHDRAW] = "withdraw",
	[ZW_NOTE_LIST] = "list-expected",
};
static_assert(ZW_ARRAY_SIZE(kinds) == _ZW_NOTE_MAX, "a word for every kind");

void zw_note_done(struct zw_note *note)
{
	ZW_VEC_FOREACH(id, &note->ids)
		free(*id);
	zw_vec_free(&note->ids);
	free(note->by);
	free(note->ticket);
	free(note->reason);
	zw_expectation_done(&note->expectation);
}

/* --- what is allowed --------------------------------------------------------------------------------- */

static int refuse(struct zw_str *error, const char *sentence)
{
	zw_str_add(error, sentence);
	return -EINVAL;
}

/* @what: "ticket". Control characters would be escaped wherever it is shown, so that it is not what was said. */
static int check_text(const char *text, const char *what, bool needed, struct zw_str *error)
{
	json_t *utf8;

	if (!text && !needed)
		return 0;
	if (!text || text[strspn(text, " \t")] == '\0') {
		zw_str_addf(error, "a %s is needed", what);
		return -EINVAL;
	}
	if (strlen(text) > ZW_NOTE_TEXT_MAX) {
		zw_str_addf(error, "the %s is longer than %d bytes", what, ZW_NOTE_TEXT_MAX);
		return -EINVAL;
	}
	utf8 = json_string(text);
	if (!utf8) {
		zw_str_addf(error, "the %s is no UTF-8", what);
		return -EINVAL;
	}
	json_decref(utf8);
	for (const char *p = text; *p; p++)
		if (iscntrl((unsigned char)*p)) {
			zw_str_addf(error, "the %s has a control character in it", what);
			return -EINVAL;
		}
	return 0;
}

static int check_name(char **name, const char *what, bool dot, struct zw_str *error)
{
	uint8_t wire[ZW_NAME_MAX];
	char text[ZW_NAME_TEXT_MAX];
	size_t len;
	char *copy;

	if (zw_name_from_text(*name, wire, &len) < 0) {
		zw_str_addf(error, "the %s '", what);
		zw_str_add_escaped(error, *name, strlen(*name));
		zw_str_add(error, "' is no domain name");
		return -EINVAL;
	}
	zw_name_lower(wire, len);
	len = zw_name_to_text(wire, text);
	if (!dot && len > 1)
		text[len - 1] = '\0';
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*name);
	*name = copy;
	return 0;
}

static int check_expect(struct zw_note *note, uint64_t now_ns, struct zw_str *error)
{
	struct zw_expectation *e = &note->expectation;
	int r;

	if (!e->user == !e->tsig_key)
		return refuse(error, "either a user or a key is expected to make the change");
	if (!e->zone)
		return refuse(error, "a zone is needed");
	r = check_text(note->ticket, "ticket", true, error);
	if (r == 0 && e->user)
		r = check_text(e->user, "user", true, error);
	if (r == 0 && e->user && strpbrk(e->user, " \t:"))
		r = refuse(error, "the user is no login name");
	if (r == 0 && e->tsig_key)
		r = check_name(&e->tsig_key, "key", false, error);
	if (r == 0)
		r = check_name(&e->zone, "zone", true, error);
	if (r < 0)
		return r;
	if (!e->from_ns)
		e->from_ns = now_ns;
	if (!e->until_ns)
		return refuse(
			error, "an end of the time in which the change is expected is needed");
	if (e->until_ns <= e->from_ns)
		return refuse(
			error, "the time in which the change is expected ends before it begins");
	if (e->until_ns <= now_ns)
		return refuse(error, "the time in which the change is expected is over");
	/* What was done already is acknowledged, by its id. */
	if (e->from_ns < now_ns)
		e->from_ns = now_ns;
	if (e->until_ns - e->from_ns > ZW_NOTE_WINDOW_MAX_NS)
		return refuse(error,
			"a change can be expected for 31 days at most; "
			"who may always make it belongs into 'admins' of the configuration");
	return 0;
}

static int check_acknowledge(const struct zw_note *note, struct zw_str *error)
{
	int r;

	if (!note->ids.len)
		return refuse(error, "the id of an event is needed");
	if (note->ids.len > ZW_NOTE_IDS_MAX) {
		zw_str_addf(error, "more than %d events at once", ZW_NOTE_IDS_MAX);
		return -EINVAL;
	}
	if (!note->ticket && !note->reason)
		return refuse(error, "a ticket or a reason is needed");
	r = check_text(note->by, "name of who confirms it", false, error);
	if (r == 0)
		r = check_text(note->ticket, "ticket", false, error);
	return r < 0 ? r : check_text(note->reason, "reason", false, error);
}

int zw_note_check(struct zw_note *note, uint64_t now_ns, struct zw_str *error)
{
	switch (note->kind) {
	case ZW_NOTE_ACKNOWLEDGE:
		return check_acknowledge(note, error);
	case ZW_NOTE_EXPECT:
		return check_expect(note, now_ns, error);
	case ZW_NOTE_WITHDRAW:
		if (note->expectation.id == 0 || note->expectation.id > INT64_MAX)
			return refuse(error, "the number of what was expected is needed");
		return 0;
	default:
		return 0;
	}
}

/* --- on the socket ------------------------------------------------------------------------------------ */

json_t *zw_note_to_json(const struct zw_note *note)
{
	const struct zw_expectation *e = &note->expectation;
	json_t *ids = json_array();

	ZW_VEC_FOREACH(id, &note->ids)
		json_array_append_new(ids, json_string(*id));
	return json_pack("{s:s, s:o, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:I, s:I, s:I, s:b}",
		"request", kinds[note->kind], "ids", ids, "by", note->by, "ticket", note->ticket,
		"reason", note->reason, "user", e->user, "tsig_key", e->tsig_key, "zone", e->zone,
		"from_ns", (json_int_t)e->from_ns, "until_ns", (json_int_t)e->until_ns,
		"expectation", (json_int_t)e->id, "all", note->all);
}

/* A missing member leaves NULL; text with a NUL in it is cut there by nobody. */
static int take_text(const json_t *root, const char *key, char **ret_text)
{
	const json_t *value = json_object_get(root, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return -EINVAL;
	*ret_text = strdup(json_string_value(value));
	return *ret_text ? 0 : -ENOMEM;
}

static int take_number(const json_t *root, const char *key, uint64_t *ret_value)
{
	const json_t *value = json_object_get(root, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return -EINVAL;
	*ret_value = (uint64_t)json_integer_value(value);
	return 0;
}

static int take_ids(const json_t *root, struct zw_note *note)
{
	const json_t *list = json_object_get(root, "ids"), *item;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, item) {
		char *id = json_is_string(item) ? strdup(json_string_value(item)) : NULL;

		if (!id)
			return json_is_string(item) ? -ENOMEM : -EINVAL;
		r = zw_vec_push(&note->ids, id);
		if (r < 0) {
			free(id);
			break;
		}
	}
	return r;
}

static int take_kind(const json_t *root, enum zw_note_kind *ret_kind)
{
	const char *text = json_string_value(json_object_get(root, "request"));

	for (unsigned int i = 0; text && i < _ZW_NOTE_MAX; i++)
		if (zw_streq(text, kinds[i])) {
			*ret_kind = i;
			return 0;
		}
	return -EINVAL;
}

static int take_all(const json_t *root, struct zw_note *note)
{
	struct zw_expectation *e = &note->expectation;
	const struct {
		const char *key;
		char **text;
	} texts[] = {{"by", &note->by}, {"ticket", &note->ticket}, {"reason", &note->reason},
		{"user", &e->user}, {"tsig_key", &e->tsig_key}, {"zone", &e->zone}};
	int r = take_kind(root, &note->kind);

	for (size_t i = 0; r == 0 && i < ZW_ARRAY_SIZE(texts); i++)
		r = take_text(root, texts[i].key, texts[i].text);
	if (r == 0)
		r = take_number(root, "from_ns", &e->from_ns);
	if (r == 0)
		r = take_number(root, "until_ns", &e->until_ns);
	if (r == 0)
		r = take_number(root, "expectation", &e->id);
	note->all = json_is_true(json_object_get(root, "all"));
	return r < 0 ? r : take_ids(root, note);
}

int zw_note_from_json(const char *text, size_t len, struct zw_note *ret_note, struct zw_str *error)
{
	_zw_note_ struct zw_note note = {};
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	int r = root ? take_all(root, &note) : -EINVAL;

	json_decref(root);
	if (r == -EINVAL)
		zw_str_add(error, "this agent does not understand the request");
	if (r < 0)
		return r;
	*ret_note = note;
	note = (struct zw_note){};
	return 0;
}
