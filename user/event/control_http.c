/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests to PowerDNS' API: HTTP/1.1 (RFC 9112). Of the head only the request line and what the length depends on is
 * looked at; of the path everything before the query, since keys were passed in queries once. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "event/control_impl.h"

/* The longest line that is taken for one of pdns_control. */
#define PDNS_LINE_MAX 1024

/* Octets of the request line and all header fields. */
#define HEAD_MAX 65536

struct head {
	const char *method, *target;
	size_t method_len, target_len;
	uint64_t length; /* of the body, unless it is chunked */
	bool has_length, chunked;
	size_t octets; /* with the empty line */
};

static bool is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= 'a' && s[i] <= 'z') ||
			    (s[i] >= '0' && s[i] <= '9') ||
			    (s[i] && strchr("!#$%&'*+-.^_`|~", s[i]))))
			return false;
	return len > 0;
}

/* The line at @at without its end, which is CR LF or, as servers take it too, LF alone (section 2.2). */
static bool take_line(
	const char *data, size_t len, size_t *at, const char **ret_line, size_t *ret_len)
{
	const char *line = data + *at, *end = memchr(line, '\n', len - *at);

	if (!end)
		return false;
	*ret_line = line;
	*ret_len = (size_t)(end - line);
	*at += *ret_len + 1;
	if (*ret_len > 0 && line[*ret_len - 1] == '\r')
		*ret_len -= 1;
	return true;
}

static int read_request_line(const char *line, size_t len, struct head *head)
{
	const char *space = memchr(line, ' ', len), *last = memrchr(line, ' ', len);
	size_t version;

	if (!space || space == last)
		return -EBADMSG;
	head->method = line;
	head->method_len = (size_t)(space - line);
	head->target = space + 1;
	head->target_len = (size_t)(last - space - 1);
	version = len - (size_t)(last + 1 - line);
	if (!is_token(head->method, head->method_len) || head->target_len == 0 || version != 8 ||
		memcmp(last + 1, "HTTP/1.", 7) != 0 || memchr(head->target, ' ', head->target_len))
		return -EBADMSG;
	return 0;
}

static bool field_is(const char *field, size_t len, const char *name)
{
	return len == strlen(name) && strncasecmp(field, name, len) == 0;
}

static int read_length(const char *value, size_t len, struct head *head)
{
	uint64_t n = 0;

	if (len == 0 || len > 15)
		return -EBADMSG;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return -EBADMSG;
		n = n * 10 + (uint64_t)(value[i] - '0');
	}
	/* Two that differ are a way to hide a request in another (section 6.3). */
	if (head->has_length && head->length != n)
		return -EBADMSG;
	head->has_length = true;
	head->length = n;
	return 0;
}

static int read_field(const char *line, size_t len, struct head *head)
{
	const char *colon = memchr(line, ':', len), *value;
	size_t name_len, value_len;

	if (!colon || !is_token(line, (size_t)(colon - line)))
		return -EBADMSG;
	name_len = (size_t)(colon - line);
	value = colon + 1;
	value_len = len - name_len - 1;
	while (value_len > 0 && (*value == ' ' || *value == '\t')) {
		value++;
		value_len--;
	}
	while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
		value_len--;
	if (field_is(line, name_len, "Content-Length"))
		return read_length(value, value_len, head);
	if (!field_is(line, name_len, "Transfer-Encoding"))
		return 0;
	head->chunked = true;
	return field_is(value, value_len, "chunked") ? 0 : -EBADMSG;
}

/* Where the head ends, its empty line included. Goes on where the last look at the same octets ended, as a head may come
 * octet by octet. */
static bool head_end(
	struct zw_control_stream *stream, const char *data, size_t len, size_t *ret_end)
{
	size_t at = stream->scanned;

	/* Empty lines before a request are passed over (section 2.2). */
	if (at == 0)
		while (at < len && (data[at] == '\r' || data[at] == '\n'))
			at++;
	while (at < len) {
		const char *line = memchr(data + at, '\n', len - at);
		size_t next = line ? (size_t)(line - data) + 1 : len;

		if (next < len && data[next] == '\r')
			next++;
		if (next >= len)
			return false;
		if (data[next] == '\n') {
			*ret_end = next + 1;
			return true;
		}
		at = stream->scanned = (size_t)(line - data) + 1;
	}
	return false;
}

static int read_head(const char *data, size_t end, struct head *head)
{
	const char *line;
	size_t line_len, at = 0;
	int r;

	do {
		if (!take_line(data, end, &at, &line, &line_len))
			return -EBADMSG;
	} while (line_len == 0);
	r = read_request_line(line, line_len, head);
	while (r == 0 && take_line(data, end, &at, &line, &line_len) && line_len > 0)
		r = read_field(line, line_len, head);
	if (r == 0 && head->chunked && head->has_length)
		return -EBADMSG;
	head->octets = end;
	return r;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A chunk's size, before extensions, which begin with a semicolon. */
static int chunk_size(const char *line, size_t len, size_t *ret_size)
{
	size_t size = 0, i = 0;

	for (; i < len && hex(line[i]) >= 0; i++) {
		if (i == 7)
			return -EBADMSG;
		size = size << 4 | (size_t)hex(line[i]);
	}
	if (i == 0 || (i < len && line[i] != ';' && line[i] != ' '))
		return -EBADMSG;
	*ret_size = size;
	return 0;
}

/* Puts the chunks of section 7.1 together. *at ends behind the last, or at what would be needed with -EAGAIN. */
static int read_chunks(const char *data, size_t len, size_t *at, struct zw_str *body)
{
	for (;;) {
		size_t from, size, line_len;
		const char *line;
		int r;

		if (!take_line(data, len, at, &line, &line_len)) {
			*at = len + 1;
			return -EAGAIN;
		}
		r = chunk_size(line, line_len, &size);
		if (r < 0)
			return r;
		if (size == 0)
			break;
		if (len - *at < size + 1) {
			*at += size + 1;
			return -EAGAIN;
		}
		if (body)
			zw_str_add_len(body, data + *at, size);
		*at += size;
		from = *at;
		if (!take_line(data, len, at, &line, &line_len)) {
			*at = len + 1;
			return len - from > 1 ? -EBADMSG : -EAGAIN;
		}
		if (line_len != 0)
			return -EBADMSG;
	}
	/* Trailer fields, up to an empty line. */
	for (;;) {
		const char *line;
		size_t line_len;

		if (!take_line(data, len, at, &line, &line_len)) {
			*at = len + 1;
			return -EAGAIN;
		}
		if (line_len == 0)
			return 0;
	}
}

/* Decodes @mark and two hexadecimal digits: '%' as in every URL, '=' as PowerDNS writes names of zones (apiZoneNameToId
 * in its ws-api.cc). Broken sequences stay as they are; a NUL ends the text. */
static char *unescape(const char *text, size_t len, char mark)
{
	char *out = malloc(len + 1);
	size_t n = 0;

	if (!out)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		int high = text[i] == mark && len - i > 2 ? hex(text[i + 1]) : -1;
		int low = high >= 0 ? hex(text[i + 2]) : -1;

		if (low >= 0) {
			out[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[n++] = text[i];
		}
	}
	out[n] = '\0';
	return out;
}

/* The path of origin-form and absolute-form targets (section 3.2), without query and fragment. */
static char *path_of(const struct head *head)
{
	const char *path = head->target;
	size_t len = head->target_len, i = 0;

	if (len > 7 && strncasecmp(path, "http://", 7) == 0) {
		const char *slash = memchr(path + 7, '/', len - 7);

		len = slash ? len - (size_t)(slash - path) : 0;
		path = slash;
	}
	while (i < len && path[i] != '?' && path[i] != '#')
		i++;
	return len ? unescape(path, i, '%') : strdup("/");
}

/* The segment after @prefix in @path; *ret_rest is what follows it. */
static const char *segment(const char *path, size_t *ret_len)
{
	*ret_len = strcspn(path, "/");
	return path;
}

/* The part of the path below /api/v1/servers/NAME/, or NULL. */
static const char *below_server(const char *path)
{
	static const char *const prefixes[] = {"/api/v1/servers/", "/servers/"};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(prefixes); i++) {
		size_t len;

		if (!zw_startswith(path, prefixes[i]))
			continue;
		path = segment(path + strlen(prefixes[i]), &len);
		return path[len] == '/' ? path + len + 1 : NULL;
	}
	return NULL;
}

/* What is below a zone, and what it can bring about. */
static enum zw_control_effect zone_effect(const char *rest)
{
	static const struct {
		const char *what;
		enum zw_control_effect effect;
	} below[] = {
		{"/axfr-retrieve", ZW_CONTROL_LOAD},
		{"/cryptokeys", ZW_CONTROL_SIGN},
		{"/metadata", ZW_CONTROL_ZONES},
		{"/notify", ZW_CONTROL_SERVER},
		{"/rectify", ZW_CONTROL_SIGN},
	};

	for (size_t i = 0; i < ZW_ARRAY_SIZE(below); i++)
		if (zw_startswith(rest, below[i].what))
			return below[i].effect;
	return ZW_CONTROL_UNKNOWN;
}

static bool reads_only(const char *method)
{
	return zw_streq(method, "GET") || zw_streq(method, "HEAD") || zw_streq(method, "OPTIONS");
}

/* Fills zone and effect. *ret_keep: the body is about records, and holds no key. */
static int read_path(struct zw_control *control, const char *path, bool *ret_keep)
{
	const char *below = below_server(path);
	size_t len;

	*ret_keep = false;
	control->effect = reads_only(control->command) ? ZW_CONTROL_LOOK : ZW_CONTROL_SERVER;
	if (!below || !zw_startswith(below, "zones"))
		return 0;
	below += strlen("zones");
	if (*below == '\0' || zw_streq(below, "/")) {
		*ret_keep = control->effect != ZW_CONTROL_LOOK;
		if (*ret_keep)
			control->effect = ZW_CONTROL_ZONES;
		return 0;
	}
	if (*below++ != '/')
		return 0;
	below = segment(below, &len);
	control->zone = unescape(below, len, '=');
	if (!control->zone)
		return -ENOMEM;
	if (control->effect == ZW_CONTROL_LOOK)
		return 0;
	below += len;
	if (*below == '\0' || zw_streq(below, "/")) {
		*ret_keep = true;
		control->effect =
			zw_streq(control->command, "PATCH") ? ZW_CONTROL_RECORDS : ZW_CONTROL_ZONES;
		return 0;
	}
	control->effect = zone_effect(below);
	return 0;
}

static int read_body(const char *data, size_t len, const struct head *head, size_t *ret_used,
	struct zw_str *body)
{
	size_t at = head->octets;
	int r = 0;

	if (head->chunked) {
		r = read_chunks(data, len, &at, body);
	} else {
		/* More than 15 digits are refused, so this cannot wrap. */
		at += head->length;
		if (at > len)
			r = -EAGAIN;
		else if (body)
			zw_str_add_len(body, data + head->octets, head->length);
	}
	*ret_used = at;
	return r;
}

static int describe(struct zw_control *control, const char *path)
{
	_zw_str_ struct zw_str text = {};

	zw_str_add(&text, control->command);
	zw_str_add_char(&text, ' ');
	zw_str_add_escaped(&text, path, strlen(path));
	return zw_control_set_text(control, &text);
}

/* A port of PowerDNS that is not the API's is that of pdns_control, of which no configuration is needed to know it: a
 * command, or the secret and then a command, each a line. */
static bool is_pdns_control(const char *text, size_t len)
{
	const char *end = memchr(text, '\n', len);
	size_t line = end ? (size_t)(end - text) : 0, word = 0;

	if (line == 0 || line > PDNS_LINE_MAX)
		return false;
	while (word < line && !memchr(" \t\r/", text[word], sizeof(" \t\r/")))
		word++;
	return word == line || zw_control_is_pdns_command(text, line);
}

int zw_control_http_decode(struct zw_control_stream *stream, const uint8_t *data, size_t len,
	size_t *ret_used, struct zw_control *control)
{
	const char *text = (const char *)data;
	_zw_free_ char *path = NULL;
	_zw_str_ struct zw_str body = {};
	struct head head = {};
	size_t end;
	bool keep;
	int r;

	if (!stream->scanned && !stream->block[0] && is_pdns_control(text, len)) {
		stream->protocol = ZW_CONTROL_PDNS;
		stream->block[0] = ZW_PDNS_OVER_TCP;
		*ret_used = 0;
		return 0;
	}
	*ret_used = len + 1;
	if (!head_end(stream, text, len, &end))
		return len > HEAD_MAX ? -EMSGSIZE : -EAGAIN;
	r = read_head(text, end, &head);
	if (r < 0)
		return r;
	/* Only the length, before anything is allocated: this is asked again for every segment. */
	r = read_body(text, len, &head, ret_used, NULL);
	if (r < 0)
		return r;
	stream->block[0] = ZW_HTTP_SPOKEN;
	control->command = strndup(head.method, head.method_len);
	path = path_of(&head);
	if (!control->command || !path)
		return -ENOMEM;
	r = read_path(control, path, &keep);
	if (r == 0 && keep)
		r = read_body(text, len, &head, ret_used, &body);
	if (r < 0)
		return r;
	if (body.len > 0 || body.failed) {
		control->body_len = body.len;
		r = zw_str_done(&body, &control->body);
	}
	return r < 0 ? r : describe(control, path);
}
