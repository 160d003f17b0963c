/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "unit/conf_fixture.h"

#include <arpa/inet.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

static void test_defaults(void **state)
{
	_zw_conf_free_ struct zw_conf *conf = NULL;

	(void)state;
	assert_int_equal(zw_conf_defaults(&conf), 0);
	assert_true(conf->servers_auto);
	assert_int_equal(conf->servers + conf->zones + conf->policy.admins, 0);
	assert_string_equal(conf->history.file, "/var/lib/zonewitness/history.db");
	assert_int_equal(conf->history.keep_ns, 400 * 86400 * ZW_NSEC_PER_SEC);
	assert_true(conf->journald);
	assert_null(conf->json_file);
	assert_int_equal(conf->reconcile_ns, 60 * ZW_NSEC_PER_SEC);
	assert_int_equal(conf->settle_ns, 2 * ZW_NSEC_PER_MSEC);
	assert_int_equal(conf->settle_held_ns, 250 * ZW_NSEC_PER_MSEC);
	assert_int_equal(conf->ring_bytes, 8 << 20);
	assert_string_equal(conf->spool_file, "/var/lib/zonewitness/journal.spool");
	assert_int_equal(conf->spool_bytes, 64 << 20);
}

static void test_nothing_is_the_defaults(void **state)
{
	static const char *const texts[] = {"", "\n\n", "# only a comment\n", "---\n", "---\n...\n",
		"servers: auto\n", "zones:\nadmins:\nhistory:\n", "zones: []\nadmins: ~\n",
		"\xef\xbb\xbfservers: auto\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_zw_conf_free_ struct zw_conf *conf = take(texts[i]);

		assert_true(conf->servers_auto);
		assert_int_equal(conf->zones, 0);
		assert_int_equal(conf->ring_bytes, 8 << 20);
	}
}

static void test_everything(void **state)
{
	_zw_conf_free_ struct zw_conf *conf = take(
		"servers:\n"
		"  - {kind: bind, config: /etc/bind/named.conf, control: /run/named/ctl}\n"
		"  - kind: nsd\n"
		"zones: [{name: Example.COM, file: /srv/zones/example.com}, {file: /z, name: .}]\n"
		"admins:\n"
		"  - {user: alice, zones: [example.com, '*.Example.NET.'], from: [10.0.0.0/8, \"::1\"],\n"
		"     with: [/nonexistent/vim, /nonexistent/nsupdate], hours: \"Mon-Fri 08:00-18:00\"}\n"
		"  - {executable: /nonexistent/ansible, user: 1001}\n"
		"history: {file: /h.db, keep: 30d}\n"
		"journald: {enabled: no}\n"
		"json: {file: /var/log/zw.json}\n"
		"reconcile: 5m\nsettle: 10ms\nsettle_held: 1s\nring_size: 1M\n"
		"spool_file: /s\nspool_size: 100000\n");
	const struct zw_admin *a = conf->policy.admin;

	(void)state;
	assert_false(conf->servers_auto);
	assert_int_equal(conf->servers, 2);
	assert_string_equal(conf->server[0].config, "/etc/bind/named.conf");
	assert_string_equal(conf->server[0].control, "/run/named/ctl");
	assert_int_equal(conf->server[0].line, 2);
	assert_string_equal(conf->server[1].kind, "nsd");
	assert_null(conf->server[1].config);
	assert_int_equal(conf->zones, 2);
	assert_string_equal(conf->zone[0].name, "example.com.");
	assert_string_equal(conf->zone[0].file, "/srv/zones/example.com");
	assert_string_equal(conf->zone[1].name, ".");
	assert_int_equal(conf->zone[1].line, 4);
	assert_int_equal(conf->policy.admins, 2);
	assert_int_equal(a[0].line, 6);
	assert_int_equal(a[0].n_zones, 2);
	assert_string_equal(a[0].zones[1], "*.example.net.");
	assert_int_equal(a[0].n_from, 2);
	assert_int_equal(a[0].from[0].prefix, 8);
	assert_int_equal(a[0].from[1].family, AF_INET6);
	assert_int_equal(a[0].n_with, 2);
	assert_true(a[0].has_hours);
	assert_int_equal(a[0].hours.from_min, 8 * 60);
	assert_string_equal(a[1].user, "1001");
	assert_int_equal(a[1].n_with, 1);
	assert_string_equal(a[1].with[0], "/nonexistent/ansible");
	assert_false(a[1].has_hours);
	assert_int_equal(conf->history.keep_ns, 30 * 86400 * ZW_NSEC_PER_SEC);
	assert_false(conf->journald);
	assert_string_equal(conf->json_file, "/var/log/zw.json");
	assert_int_equal(conf->reconcile_ns, 300 * ZW_NSEC_PER_SEC);
	assert_int_equal(conf->ring_bytes, 1 << 20);
	assert_int_equal(conf->spool_bytes, 100000);
}

static void test_block_style_is_the_same(void **state)
{
	_zw_conf_free_ struct zw_conf *conf = take("admins:\n"
						   "- user: bob\n"
						   "  zones:\n"
						   "  - a.example\n"
						   "  - b.example\n");

	(void)state;
	assert_int_equal(conf->policy.admin[0].n_zones, 2);
	assert_string_equal(conf->policy.admin[0].zones[1], "b.example.");
	assert_int_equal(conf->policy.admin[0].line, 2);
}

static void test_many_zones(void **state)
{
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str text = {}, error = {};

	(void)state;
	zw_str_add(&text, "zones:\n");
	for (int i = 0; i < 20000; i++)
		zw_str_addf(&text, "- {name: z%d.example, file: /srv/z%d}\n", i, i);
	assert_int_equal(zw_conf_parse("t", text.buf, text.len, &conf, &error), 0);
	assert_int_equal(conf->zones, 20000);
	assert_string_equal(conf->zone[19999].name, "z19999.example.");
	assert_int_equal(conf->zone[19999].line, 20001);
}

/* A temporary directory that the test removes. */
static int make_dir(void **state)
{
	char *dir = strdup("/tmp/zw-conf.XXXXXX");

	*state = dir;
	return dir && mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	_zw_free_ char *dir = *state;

	return rmdir(dir);
}

static void write_file(const char *path, const char *text)
{
	_zw_fclose_ FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

static void test_load(void **state)
{
	_zw_free_ char *path = zw_asprintf("%s/c.yaml", (char *)*state);
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str error = {};

	write_file(path, "settle: 5ms\n");
	assert_int_equal(zw_conf_load(path, &conf, &error), 0);
	assert_int_equal(conf->settle_ns, 5 * ZW_NSEC_PER_MSEC);
	assert_int_equal(unlink(path), 0);
}

static void test_load_refuses(void **state)
{
	_zw_free_ char *path = zw_asprintf("%s/c.yaml", (char *)*state);
	_zw_str_ struct zw_str absent = {}, directory = {}, fifo = {}, writable = {};
	struct zw_conf *conf = NULL;

	assert_int_equal(zw_conf_load(path, &conf, &absent), -ENOENT);
	assert_true(zw_endswith(absent.buf, "c.yaml: cannot be opened: No such file or directory"));
	assert_int_equal(zw_conf_load(*state, &conf, &directory), -EINVAL);
	assert_true(zw_endswith(directory.buf, ": is not a regular file"));
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(zw_conf_load(path, &conf, &fifo), -EINVAL);
	assert_true(zw_endswith(fifo.buf, ": is not a regular file"));
	assert_int_equal(unlink(path), 0);
	write_file(path, "settle: 5ms\n");
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(zw_conf_load(path, &conf, &writable), -EINVAL);
	assert_non_null(strstr(writable.buf, "every user may write to it"));
	assert_null(conf);
	assert_int_equal(unlink(path), 0);
}

/* The kernel names the file that runs, not the link by which it was started. */
static void test_load_follows_links_of_executables(void **state)
{
	_zw_free_ char *path = zw_asprintf("%s/c.yaml", (char *)*state);
	_zw_free_ char *link = zw_asprintf("%s/vim", (char *)*state);
	_zw_free_ char *target = zw_asprintf("%s/vim.basic", (char *)*state);
	_zw_free_ char *text =
		zw_asprintf("admins: [{user: a, with: [%s, /nonexistent/x]}]\n", link);
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str error = {};

	write_file(target, "");
	write_file(path, text);
	assert_int_equal(symlink("vim.basic", link), 0);
	assert_int_equal(zw_conf_load(path, &conf, &error), 0);
	assert_int_equal(conf->policy.admin[0].n_with, 3);
	assert_string_equal(conf->policy.admin[0].with[0], link);
	assert_string_equal(conf->policy.admin[0].with[1], "/nonexistent/x");
	assert_string_equal(conf->policy.admin[0].with[2], target);
	assert_int_equal(unlink(link) | unlink(target) | unlink(path), 0);
}

/* The example that is installed says what the defaults are; it must not be wrong about them. */
static void test_example_is_the_defaults(void **state)
{
	_zw_conf_free_ struct zw_conf *conf = NULL, *defaults = NULL;
	_zw_str_ struct zw_str error = {};

	(void)state;
	assert_int_equal(zw_conf_load("scripts/zonewitness.yaml", &conf, &error), 0);
	assert_int_equal(zw_conf_defaults(&defaults), 0);
	assert_true(conf->servers_auto);
	assert_int_equal(conf->policy.admins + conf->zones, 0);
	assert_string_equal(conf->history.file, defaults->history.file);
	assert_int_equal(conf->history.keep_ns, defaults->history.keep_ns);
	assert_int_equal(conf->journald, defaults->journald);
	assert_int_equal(conf->reconcile_ns, defaults->reconcile_ns);
	assert_int_equal(conf->settle_ns, defaults->settle_ns);
	assert_int_equal(conf->settle_held_ns, defaults->settle_held_ns);
	assert_int_equal(conf->ring_bytes, defaults->ring_bytes);
	assert_string_equal(conf->spool_file, defaults->spool_file);
	assert_int_equal(conf->spool_bytes, defaults->spool_bytes);
}

/* What the example shows commented out must be right once the comment signs are gone. */
static void test_full_example(void **state)
{
	_zw_conf_free_ struct zw_conf *conf = NULL;
	_zw_str_ struct zw_str error = {};

	(void)state;
	if (zw_conf_load("tests/data/conf/everything.yaml", &conf, &error) < 0)
		fail_msg("%s", error.buf);
	assert_int_equal(conf->policy.admins, 4);
	assert_int_equal(conf->policy.primaries, 2);
	assert_int_equal(conf->servers, 4);
	assert_int_equal(conf->zones, 2);
	assert_int_equal(conf->feeds, 3);
	assert_int_equal(conf->maxminds, 2);
}

static void test_feeds(void **state)
{
	_zw_conf_free_ struct zw_conf *conf =
		take("feeds:\n- {file: /etc/feeds/bad-ips.txt}\n"
		     "- {file: /etc/feeds/urlhaus.csv, format: csv, name: URLhaus}\n"
		     "- {file: /etc/feeds/cdn.json, format: misp}\n"
		     "- {format: misp, kind: bad, file: /etc/feeds/tor.json}\n"
		     "- {file: /etc/feeds/ours, kind: suppress}\n");
	static const struct {
		const char *name;
		enum zw_feed_format format;
		enum zw_feed_kind kind;
	} expected[] = {
		{"bad-ips.txt", ZW_FEED_PLAIN, ZW_FEED_BAD},
		{"URLhaus", ZW_FEED_CSV, ZW_FEED_BAD},
		{"cdn.json", ZW_FEED_MISP, ZW_FEED_SUPPRESS},
		{"tor.json", ZW_FEED_MISP, ZW_FEED_BAD},
		{"ours", ZW_FEED_PLAIN, ZW_FEED_SUPPRESS},
	};

	(void)state;
	assert_int_equal(conf->feeds, ZW_ARRAY_SIZE(expected));
	for (size_t i = 0; i < ZW_ARRAY_SIZE(expected); i++) {
		assert_string_equal(conf->feed[i].name, expected[i].name);
		assert_int_equal(conf->feed[i].format, expected[i].format);
		assert_int_equal(conf->feed[i].kind, expected[i].kind);
		assert_int_equal(conf->feed[i].line, i + 2);
	}
	assert_string_equal(conf->feed[0].file, "/etc/feeds/bad-ips.txt");
}

static void test_rules(void **state)
{
	_zw_conf_free_ struct zw_conf *conf = take("familiar_networks: [192.0.2.0/24]\n"
						   "critical_names: [Mail, Portal.Example.COM]\n"
						   "rules:\n"
						   "  flip: {window: 2h, habit: 9, severity: 73}\n"
						   "  ttl-cut: {enabled: no}\n");
	_zw_conf_free_ struct zw_conf *defaults = take(""), *none = take("critical_names: []\n");
	size_t n;

	(void)state;
	assert_int_equal(
		zw_rules_knob(&conf->rules, "flip", "window"), 7200 * UINT64_C(1000000000));
	assert_int_equal(zw_rules_knob(&conf->rules, "flip", "habit"), 9);
	assert_int_equal(zw_rules_severity(&conf->rules, "flip"), 73);
	assert_true(zw_rules_enabled(&conf->rules, "flip"));
	assert_false(zw_rules_enabled(&conf->rules, "ttl-cut"));
	assert_int_equal(zw_rules_severity(&conf->rules, "ns-change"), 47);
	assert_int_equal(conf->familiars, 1);
	assert_string_equal(zw_conf_critical(conf, &n)[0], "mail");
	assert_string_equal(zw_conf_critical(conf, &n)[1], "portal.example.com.");
	assert_int_equal(n, 2);
	assert_int_equal(defaults->familiars, 0);
	assert_true(zw_rules_enabled(&defaults->rules, "ttl-cut"));
	assert_string_equal(zw_conf_critical(defaults, &n)[0], "mail");
	assert_true(n > 10);
	(void)zw_conf_critical(none, &n);
	assert_int_equal(n, 0);
}

static void test_describe(void **state)
{
	_zw_str_ struct zw_str out = {};

	(void)state;
	assert_int_equal(zw_conf_describe(&out), 0);
	assert_non_null(strstr(out.buf, "\nreconcile\tduration\t1s to 7d\t60s\t"));
	assert_non_null(strstr(out.buf, "\nadmins[].user\tuser\tone of them\t-\t"));
	assert_non_null(strstr(out.buf, "\nhistory.keep\tduration\t1d to 36500d\t400d\t"));
	assert_non_null(strstr(out.buf, "\nzones[].name\tzone\trequired\t-\t"));
	assert_non_null(strstr(out.buf, "\nrules.mass-change.share\tnumber\t1 to 100\t30\t"));
	assert_non_null(strstr(out.buf, "\nrules.flip.window\tduration\t1m to 30d\t1d\t"));
	for (char *line = strtok(out.buf, "\n"); line; line = strtok(NULL, "\n")) {
		unsigned int tabs = 0;

		for (const char *p = line; *p; p++)
			tabs += *p == '\t';
		assert_int_equal(tabs, 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_nothing_is_the_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_block_style_is_the_same),
		cmocka_unit_test(test_many_zones),
		cmocka_unit_test_setup_teardown(test_load, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_load_refuses, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			test_load_follows_links_of_executables, make_dir, remove_dir),
		cmocka_unit_test(test_example_is_the_defaults),
		cmocka_unit_test(test_full_example),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_feeds),
		cmocka_unit_test(test_describe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
