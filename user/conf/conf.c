/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/conf_load.h"
#include "conf/conf_rules.h"
#include "conf/conf_schema.h"

void zw_conf_free(struct zw_conf *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < conf->servers; i++) {
		free(conf->server[i].kind);
		free(conf->server[i].config);
		free(conf->server[i].control);
	}
	free(conf->server);
	for (size_t i = 0; i < conf->zones; i++) {
		free(conf->zone[i].name);
		free(conf->zone[i].file);
	}
	free(conf->zone);
	for (size_t i = 0; i < conf->feeds; i++) {
		free(conf->feed[i].name);
		free(conf->feed[i].file);
	}
	free(conf->feed);
	for (size_t i = 0; i < conf->maxminds; i++)
		free(conf->maxmind[i]);
	free(conf->maxmind);
	zw_policy_done(&conf->policy);
	free(conf->familiar);
	for (size_t i = 0; i < conf->criticals; i++)
		free(conf->critical[i]);
	free(conf->critical);
	free(conf->history.file);
	free(conf->json_file);
	free(conf->spool_file);
	free(conf);
}

/* Defaults are text that goes the same way as what a file says, so they obey the same limits. */
static int apply_defaults(const struct zw_conf_key *map, struct zw_conf *conf)
{
	int r = 0;

	for (size_t i = 0; i < map->n_keys && r == 0; i++) {
		const struct zw_conf_key *key = &map->keys[i];

		if (key->word)
			*(bool *)((char *)conf + key->flag) = zw_streq(key->initial, key->word);
		else if (key->type == ZW_CONF_MAP && key->many == ZW_CONF_ONE)
			r = apply_defaults(key, conf);
		else if (key->initial)
			r = zw_conf_set(key, conf, key->initial);
	}
	return r;
}

int zw_conf_defaults(struct zw_conf **ret_conf)
{
	_zw_conf_free_ struct zw_conf *conf = calloc(1, sizeof(*conf));
	int r;

	if (!conf)
		return -ENOMEM;
	zw_rules_conf_init(&conf->rules);
	r = apply_defaults(&zw_conf_root, conf);
	if (r < 0)
		return r;
	*ret_conf = ZW_TAKE(conf);
	return 0;
}

const char *const *zw_conf_critical(const struct zw_conf *conf, size_t *ret_len)
{
	/* What the campaigns went for: mail, remote access, single sign-on (INDICATORS). */
	static const char *const usual[] = {"mail", "webmail", "owa", "outlook", "exchange", "smtp",
		"imap", "pop", "mx", "autodiscover", "autoconfig", "vpn", "remote", "gateway",
		"citrix", "login", "signin", "sso", "auth", "adfs", "idp", "accounts", "portal",
		"secure"};

	if (conf->critical_default) {
		*ret_len = ZW_ARRAY_SIZE(usual);
		return usual;
	}
	*ret_len = conf->criticals;
	return (const char *const *)conf->critical;
}

static void say(struct zw_str *error, const char *name, const char *what)
{
	zw_str_add_escaped(error, name, strlen(name));
	zw_str_add(error, what);
}

/* For a string that did not survive being appended to, too. */
static int out_of_memory(struct zw_str *error, const char *name)
{
	zw_str_free(error);
	say(error, name, ": out of memory");
	return -ENOMEM;
}

static int too_large(struct zw_str *error, const char *name)
{
	zw_str_add_escaped(error, name, strlen(name));
	zw_str_addf(error, ": larger than %u MiB", ZW_CONF_BYTES_MAX >> 20);
	return -EINVAL;
}

int zw_conf_parse(const char *name, const char *text, size_t len, struct zw_conf **ret_conf,
	struct zw_str *error)
{
	_zw_conf_free_ struct zw_conf *conf = NULL;
	struct zw_conf_reader reader;
	unsigned int mistakes;
	int r;

	if (len > ZW_CONF_BYTES_MAX)
		return too_large(error, name);
	if (zw_conf_defaults(&conf) < 0 || zw_conf_reader_init(&reader, name, text, len, error) < 0)
		return out_of_memory(error, name);
	zw_conf_read_file(&reader, conf);
	r = reader.failed;
	mistakes = reader.mistakes;
	zw_conf_reader_done(&reader);
	if (r < 0 || error->failed)
		return out_of_memory(error, name);
	if (mistakes > 0)
		return -EINVAL;
	*ret_conf = ZW_TAKE(conf);
	return 0;
}

static int cannot(struct zw_str *error, const char *path, const char *what, int err)
{
	zw_str_add_escaped(error, path, strlen(path));
	zw_str_addf(error, ": cannot %s: %s", what, strerror(err));
	return -err;
}

/* Whoever may write the file can make himself an administrator. */
static int check_file(int fd, const char *path, struct zw_str *error)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cannot(error, path, "be examined", errno);
	if (!S_ISREG(st.st_mode)) {
		say(error, path, ": is not a regular file");
		return -EINVAL;
	}
	if (st.st_mode & S_IWOTH) {
		say(error, path,
			": every user may write to it, so nothing in it can be trusted; run chmod o-w");
		return -EINVAL;
	}
	if (st.st_size > ZW_CONF_BYTES_MAX)
		return too_large(error, path);
	return 0;
}

/* Reads one byte more than is allowed at most, so that the caller sees a file that grew. */
static int read_all(int fd, const char *path, struct zw_str *text, struct zw_str *error)
{
	char buf[16384];

	while (text->len <= ZW_CONF_BYTES_MAX) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot(error, path, "be read", errno);
		if (n == 0)
			break;
		zw_str_add_len(text, buf, (size_t)n);
		if (text->failed)
			return out_of_memory(error, path);
	}
	return 0;
}

static bool lists(const struct zw_admin *admin, const char *path)
{
	for (size_t i = 0; i < admin->n_with; i++)
		if (zw_streq(admin->with[i], path))
			return true;
	return false;
}

static int append_executable(struct zw_admin *admin, char *path)
{
	char **with = reallocarray(admin->with, admin->n_with + 1, sizeof(*with));

	if (!with)
		return -ENOMEM;
	admin->with = with;
	admin->with[admin->n_with++] = path;
	return 0;
}

/* The kernel names a process by the file it runs, which is /usr/bin/vim.basic where /usr/bin/vim is a link of
 * update-alternatives(1), and never /bin/sed where /bin is a link. What a link leads to is allowed as well. */
static int resolve_executables(struct zw_conf *conf)
{
	for (size_t i = 0; i < conf->policy.admins; i++) {
		struct zw_admin *admin = &conf->policy.admin[i];
		size_t written = admin->n_with;

		for (size_t k = 0; k < written; k++) {
			_zw_free_ char *target = realpath(admin->with[k], NULL);
			int r;

			if (!target || lists(admin, target))
				continue;
			r = append_executable(admin, target);
			if (r < 0)
				return r;
			target = NULL;
		}
	}
	return 0;
}

int zw_conf_load(const char *path, struct zw_conf **ret_conf, struct zw_str *error)
{
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str text = {};
	_zw_close_ int fd = -1;
	int r;

	/* Opening a FIFO would wait for a writer. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return cannot(error, path, "be opened", errno);
	r = check_file(fd, path, error);
	if (r == 0)
		r = read_all(fd, path, &text, error);
	if (r == 0)
		r = zw_conf_parse(path, text.buf ? text.buf : "", text.len, &conf, error);
	if (r < 0)
		return r;
	if (resolve_executables(conf) < 0)
		return out_of_memory(error, path);
	*ret_conf = ZW_TAKE(conf);
	return 0;
}

static void describe_range(const struct zw_conf_key *key, struct zw_str *out)
{
	if (key->min && key->max)
		zw_str_addf(out, "%s to %s", key->min, key->max);
	else if (key->required)
		zw_str_add(out, "required");
	else if (key->one_of)
		zw_str_add(out, "one of them");
	else
		zw_str_add_char(out, '-');
}

static void describe_map(const struct zw_conf_key *map, const char *prefix, struct zw_str *out);

static void describe_rules(const char *prefix, struct zw_str *out)
{
	_zw_conf_rules_ struct zw_conf_rules *rules = NULL;

	if (zw_conf_rules_new(&rules) < 0)
		out->failed = true;
	else
		describe_map(zw_conf_rules_map(rules), prefix, out);
}

static void describe_map(const struct zw_conf_key *map, const char *prefix, struct zw_str *out)
{
	for (size_t i = 0; i < map->n_keys; i++) {
		const struct zw_conf_key *key = &map->keys[i];
		bool list = key->many == ZW_CONF_LIST || key->many == ZW_CONF_LIST_NONEMPTY;
		_zw_free_ char *path = zw_asprintf("%s%s%s", prefix, key->name, list ? "[]" : "");
		_zw_free_ char *below = zw_asprintf("%s.", path ? path : "");

		if (!path || !below) {
			out->failed = true;
			return;
		}
		zw_str_addf(out, "%s\t%s%s\t", path, list ? "list of " : "",
			zw_conf_types[key->type].name);
		describe_range(key, out);
		zw_str_addf(out, "\t%s\t%s\n", key->initial ? key->initial : "-", key->help);
		if (key->type == ZW_CONF_MAP)
			describe_map(key, below, out);
		else if (key->type == ZW_CONF_RULES)
			describe_rules(below, out);
	}
}

int zw_conf_describe(struct zw_str *out)
{
	describe_map(&zw_conf_root, "", out);
	return out->failed ? -ENOMEM : 0;
}
