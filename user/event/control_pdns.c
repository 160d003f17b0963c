/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Servers that take one line of text a connection: pdns_control(1), and nsd-control(8) on a unix socket. */
#include <errno.h>
#include <string.h>

#include "event/control_impl.h"

const struct zw_control_verb zw_control_pdns_verbs[] = {
	{"bind-add-zone", ZW_CONTROL_ZONES, ZW_ARGS_FIRST},
	{"bind-domain-extended-status", ZW_CONTROL_LOOK, ZW_ARGS_FIRST},
	{"bind-domain-status", ZW_CONTROL_LOOK, ZW_ARGS_FIRST},
	{"bind-list-rejects", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"bind-reload-now", ZW_CONTROL_LOAD, ZW_ARGS_FIRST},
	{"ccounts", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"current-config", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"cycle", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"flush", ZW_CONTROL_SERVER, ZW_ARGS_FIRST},
	{"help", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"list-zones", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"notify", ZW_CONTROL_SERVER, ZW_ARGS_FIRST},
	{"notify-host", ZW_CONTROL_SERVER, ZW_ARGS_FIRST},
	{"ping", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"purge", ZW_CONTROL_SERVER, ZW_ARGS_FIRST},
	{"qtypes", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"quit", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"rediscover", ZW_CONTROL_LOAD, ZW_ARGS_NONE},
	{"reload", ZW_CONTROL_LOAD, ZW_ARGS_NONE},
	{"remotes", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"respsizes", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"retrieve", ZW_CONTROL_LOAD, ZW_ARGS_FIRST},
	{"rping", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"rquit", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"set", ZW_CONTROL_SERVER, ZW_ARGS_HIDDEN},
	{"show", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"status", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"token-login", ZW_CONTROL_SERVER, ZW_ARGS_HIDDEN},
	{"uptime", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"version", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"xfr-queue", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{NULL},
};

const struct zw_control_verb zw_control_nsd_verbs[] = {
	{"add_cookie_secret", ZW_CONTROL_SERVER, ZW_ARGS_HIDDEN},
	{"add_tsig", ZW_CONTROL_SERVER, ZW_ARGS_HIDDEN},
	{"addzone", ZW_CONTROL_ZONES, ZW_ARGS_FIRST},
	{"addzones", ZW_CONTROL_ZONES, ZW_ARGS_NONE},
	{"assoc_tsig", ZW_CONTROL_ZONES, ZW_ARGS_FIRST},
	{"changezone", ZW_CONTROL_ZONES, ZW_ARGS_FIRST},
	{"del_tsig", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"delzone", ZW_CONTROL_ZONES, ZW_ARGS_FIRST},
	{"delzones", ZW_CONTROL_ZONES, ZW_ARGS_NONE},
	{"force_transfer", ZW_CONTROL_LOAD, ZW_ARGS_FIRST},
	{"log_reopen", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"notify", ZW_CONTROL_SERVER, ZW_ARGS_FIRST},
	{"print_tsig", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"reconfig", ZW_CONTROL_ZONES, ZW_ARGS_NONE},
	{"reload", ZW_CONTROL_LOAD, ZW_ARGS_FIRST},
	{"repattern", ZW_CONTROL_ZONES, ZW_ARGS_NONE},
	{"serverpid", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"start", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"stats", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"stats_noreset", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"status", ZW_CONTROL_LOOK, ZW_ARGS_NONE},
	{"stop", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"transfer", ZW_CONTROL_LOAD, ZW_ARGS_FIRST},
	{"update_tsig", ZW_CONTROL_SERVER, ZW_ARGS_HIDDEN},
	{"verbosity", ZW_CONTROL_SERVER, ZW_ARGS_NONE},
	{"write", ZW_CONTROL_LOAD, ZW_ARGS_FIRST},
	{"zonestatus", ZW_CONTROL_LOOK, ZW_ARGS_FIRST},
	{NULL},
};

/* Over TCP, behind the secret. */
#define ZW_PDNS_COMMAND 'c'

/* Of nsd's remote.c: "NSDCT", the version, a space. */
#define NSD_PREFIX "NSDCT1 "

static int decode_line(const uint8_t *data, size_t len, const char *prefix,
	const struct zw_control_verb *verbs, size_t *ret_used, struct zw_control *control)
{
	_zw_control_words_ zw_control_words words = {};
	const uint8_t *end = memchr(data, '\n', len);
	size_t skip = strlen(prefix), line;
	int r;

	*ret_used = len + 1;
	if (!end)
		return -EAGAIN;
	*ret_used = (size_t)(end - data) + 1;
	line = strnlen((const char *)data, *ret_used - 1);
	if (line < skip || memcmp(data, prefix, skip) != 0)
		return -EBADMSG;
	r = zw_control_split((const char *)data + skip, line - skip, false, &words);
	if (r < 0 || words.len == 0)
		return r;
	return zw_control_from_words(control, &words, verbs);
}

bool zw_control_is_pdns_command(const char *line, size_t len)
{
	static const char blank[] = {' ', '\t', '\r', '\n'};
	char word[64];
	size_t n = 0;

	while (n < len && n < sizeof(word) - 1 && !memchr(blank, line[n], sizeof(blank))) {
		word[n] = line[n];
		n++;
	}
	word[n] = '\0';
	return zw_control_verb(zw_control_pdns_verbs, word) != NULL;
}

/* Over TCP the secret of the server comes first, if it has one (pdns, dynmessenger.cc). What is no command there is not
 * shown: it may be that. */
int zw_control_pdns_decode(struct zw_control_stream *stream, const uint8_t *data, size_t len,
	size_t *ret_used, struct zw_control *control)
{
	const uint8_t *end = memchr(data, '\n', len);
	bool tcp = stream->block[0] != '\0';

	if (tcp && end && !zw_control_is_pdns_command((const char *)data, (size_t)(end - data))) {
		*ret_used = (size_t)(end - data) + 1;
		if (stream->block[0] != ZW_PDNS_OVER_TCP)
			return -EBADMSG;
		stream->block[0] = ZW_PDNS_COMMAND;
		return 0;
	}
	return decode_line(data, len, "", zw_control_pdns_verbs, ret_used, control);
}

/* What follows the line is input of the command: lists of zones. */
int zw_control_nsd_decode(struct zw_control_stream *stream, const uint8_t *data, size_t len,
	size_t *ret_used, struct zw_control *control)
{
	int r;

	if (stream->block[0]) {
		*ret_used = len;
		return 0;
	}
	r = decode_line(data, len, NSD_PREFIX, zw_control_nsd_verbs, ret_used, control);
	if (r >= 0)
		memcpy(stream->block, "input", sizeof("input"));
	return r;
}

int zw_control_nsd_argv(char *const *argv, size_t argc, struct zw_control *ret_control)
{
	_zw_control_ struct zw_control control = {.protocol = ZW_CONTROL_NSD};
	_zw_control_words_ zw_control_words words = {};
	size_t i = 1;
	int r;

	/* Its options: -c and -s with an argument, -h. */
	while (i < argc && argv[i][0] == '-') {
		bool takes = argv[i][1] == 'c' || argv[i][1] == 's';

		i += takes && argv[i][2] == '\0' ? 2 : 1;
	}
	for (; i < argc && words.len < ZW_WORDS_MAX; i++) {
		char *word = strdup(argv[i]);

		if (!word)
			return -ENOMEM;
		if (zw_vec_push(&words, word) < 0) {
			free(word);
			return -ENOMEM;
		}
	}
	if (words.len == 0)
		return 0;
	r = zw_control_from_words(&control, &words, zw_control_nsd_verbs);
	if (r < 0)
		return r;
	*ret_control = control;
	control = (struct zw_control){};
	return 1;
}
