/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Configurations that are not valid, and what is said of them. */
#include "unit/conf_fixture.h"

#include "base/clock.h"

static void test_unknown_keys(void **state)
{
	(void)state;
	refuse("zonez: []\n",
		"t.yaml:1:1: unknown key \"zonez\" in the configuration; known are servers, zones, "
		"admins, primaries, familiar_networks, critical_names, rules, feeds, maxmind, history, journald, json, reconcile, settle, settle_held, ring_size, "
		"spool_file, spool_size");
	refuse("history:\n  keeps: 3d\n",
		"t.yaml:2:3: unknown key \"keeps\" in history; known are file, keep, keep_traffic, max_size");
	refuse("zones:\n  - {name: a, file: /a, view: [x, {y: z}]}\n",
		"t.yaml:2:25: unknown key \"view\" in zones; known are name, file");
	refuse("\"a\\nb\": 1\n",
		"t.yaml:1:1: unknown key \"a\\x0ab\" in the configuration; known are servers, zones, "
		"admins, primaries, familiar_networks, critical_names, rules, feeds, maxmind, history, journald, json, reconcile, settle, settle_held, ring_size, "
		"spool_file, spool_size");
}

static void test_rules(void **state)
{
	(void)state;
	refuse_with("rules:\n  redirect: {enabled: no}\n",
		"t.yaml:2:3: ", "unknown key \"redirect\" in rules; known are redirect-outside, ");
	refuse_with("rules:\n  flip: {windows: 1h}\n", "t.yaml:2:10: ",
		"unknown key \"windows\" in flip; known are enabled, severity, window, habit");
	refuse("rules: {flip: {window: 1s}}\n",
		"t.yaml:1:24: \"window\" is \"1s\", but must be a duration such as 250ms, 60s, 5m, 2h or "
		"400d, from 1m to 30d");
	refuse("rules: {flip: {severity: 101}}\n",
		"t.yaml:1:26: \"severity\" is \"101\", but must be a number, from 0 to 100");
	refuse("rules: {flip: {severity: 0x10}}\n",
		"t.yaml:1:26: \"severity\" is \"0x10\", but must be a number, from 0 to 100");
	refuse("rules: {flip: {severity: 1, severity: 2}}\n",
		"t.yaml:1:29: \"severity\" cannot be used here: \"severity\" is already set on line 1");
	refuse("rules: {flip: {enabled: no}, flip: {enabled: yes}}\n",
		"t.yaml:1:30: \"flip\" cannot be used here: \"flip\" is already set on line 1");
	refuse("rules: [flip]\n", "t.yaml:1:8: \"rules\" must be keys with values below it");
	refuse("rules: {flip: no}\n", "t.yaml:1:15: \"flip\" must be keys with values below it");
	refuse("critical_names: [mail, \"\"]\n",
		"t.yaml:1:24: \"critical_names\" is empty, but must be the first label of names, such as "
		"mail, or one whole name");
	refuse_with("familiar_networks: [192.0.2.1/24]\n", "t.yaml:1:21: ", "without host bits");
	refuse_with("familiar_networks: []\n", "t.yaml:1:20: ", "must not be empty");
}

static void test_keys_and_records_of_admins(void **state)
{
	_zw_conf_free_ struct zw_conf *conf = take(
		"admins:\n"
		"- {tsig_key: DDNS-Key., zones: [dyn.example.com], names: ['*.Dyn.example.com'],\n"
		"   types: [a, AAAA, TYPE65280], from: [192.0.2.0/24]}\n"
		"- {user: alice, tsig_key: k}\n"
		"primaries: [192.0.2.53, '2001:db8::/32']\n");
	const struct zw_admin *a = conf->policy.admin;

	(void)state;
	assert_null(a[0].user);
	assert_string_equal(a[0].tsig_key, "ddns-key");
	assert_int_equal(a[0].n_names, 1);
	assert_string_equal(a[0].names[0], "*.dyn.example.com.");
	assert_int_equal(a[0].n_types, 3);
	assert_int_equal(a[0].types[0], 1);
	assert_int_equal(a[0].types[1], 28);
	assert_int_equal(a[0].types[2], 65280);
	assert_string_equal(a[1].user, "alice");
	assert_string_equal(a[1].tsig_key, "k");
	assert_int_equal(conf->policy.primaries, 2);
	assert_int_equal(conf->policy.primary[1].prefix, 32);
	refuse("admins:\n- {zones: [a]}\n",
		"t.yaml:2:3: this entry of \"admins\" needs a \"user\" or a \"tsig_key\"");
	refuse("admins:\n- {tsig_key: ., types: [ANY, NOTYPE], names: [a..b]}\n",
		"t.yaml:2:14: \"tsig_key\" is \".\", but must be the name of a TSIG key\n"
		"t.yaml:2:25: \"types\" is \"ANY\", but must be a record type such as A, AAAA or "
		"TYPE65280\n"
		"t.yaml:2:30: \"types\" is \"NOTYPE\", but must be a record type such as A, AAAA or "
		"TYPE65280\n"
		"t.yaml:2:47: \"names\" is \"a..b\", but must be a domain name, or with \"*.\" in "
		"front all names below it");
	refuse("primaries: [ns1.example.com]\n",
		"t.yaml:1:13: \"primaries\" is \"ns1.example.com\", but must be an address or a "
		"block without host bits, such as 192.0.2.0/24 or 2001:db8::/32");
}

static void test_every_mistake_at_once(void **state)
{
	(void)state;
	refuse("reconcile: soon\n"
	       "settle: 3h\n"
	       "ring_size: 100K\n"
	       "journald: {enabled: maybe}\n"
	       "zones:\n"
	       "  - name: example.com\n"
	       "  - {name: a..b, file: relative}\n",
		"t.yaml:1:12: \"reconcile\" is \"soon\", but must be a duration such as 250ms, 60s, 5m, "
		"2h or 400d, from 1s to 7d\n"
		"t.yaml:2:9: \"settle\" is \"3h\", but must be a duration such as 250ms, 60s, 5m, 2h or "
		"400d, from 0s to 10s\n"
		"t.yaml:3:12: \"ring_size\" is \"100K\", but must be a size that is a power of two, such "
		"as 65536, 64K or 8M, from 64K to 1G\n"
		"t.yaml:4:21: \"enabled\" is \"maybe\", but must be true or false\n"
		"t.yaml:6:5: this entry of \"zones\" needs a \"file\"\n"
		"t.yaml:7:12: \"name\" is \"a..b\", but must be the name of a zone\n"
		"t.yaml:7:24: \"file\" is \"relative\", but must be an absolute path of a file");
}

static void test_mistakes_are_bounded(void **state)
{
	_zw_str_ struct zw_str text = {}, error = {};
	struct zw_conf *conf = NULL;
	size_t lines = 1;

	(void)state;
	for (int i = 0; i < 1000; i++)
		zw_str_addf(&text, "key%d: 1\n", i);
	assert_int_equal(zw_conf_parse("t", text.buf, text.len, &conf, &error), -EINVAL);
	for (const char *p = error.buf; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 51);
	assert_true(zw_endswith(
		error.buf, "t:50:1: too many mistakes, the rest of the file was not read"));
}

static void test_duplicates(void **state)
{
	(void)state;
	refuse("settle: 1s\nsettle: 2s\n",
		"t.yaml:2:1: \"settle\" cannot be used here: \"settle\" is already set on line 1");
	refuse("history: {keep: 3d, keep: 4d}\n",
		"t.yaml:1:21: \"keep\" cannot be used here: \"keep\" is already set on line 1");
	refuse("admins:\n- {user: a,\n   with: [/a],\n   executable: /b}\n",
		"t.yaml:4:4: \"executable\" cannot be used here: \"with\" is already set on line 3");
	refuse("zones:\n- {name: example.com, file: /a}\n- {name: EXAMPLE.com., file: /b}\n",
		"t.yaml:3:3: zone \"example.com.\" is already listed on line 2");
	refuse("history: {}\njournald: {}\njson: {}\nhistory: {}\n",
		"t.yaml:4:1: \"history\" cannot be used here: \"history\" is already set on line 1");
}

static void test_wrong_shapes(void **state)
{
	(void)state;
	refuse("servers: bind\n",
		"t.yaml:1:10: \"servers\" must be \"auto\" or a list, each entry beginning with \"- \"");
	refuse("zones: {a: b}\nsettle: [1s]\nhistory: 3\n",
		"t.yaml:1:8: \"zones\" must be a list, each entry beginning with \"- \"\n"
		"t.yaml:2:9: \"settle\" must be a duration such as 250ms, 60s, 5m, 2h or 400d, not a "
		"list\n"
		"t.yaml:3:10: \"history\" must be keys with values below it");
	refuse("zones: [example.com, [a]]\n",
		"t.yaml:1:9: an entry of \"zones\" must be keys with values\n"
		"t.yaml:1:22: an entry of \"zones\" must be keys with values");
	refuse("- a\n- b\n",
		"t.yaml:1:1: a configuration is made of lines such as \"servers: auto\"");
	refuse("text\n", "t.yaml:1:1: a configuration is made of lines such as \"servers: auto\"");
	refuse("settle: 1s\n---\nsettle: 2s\n",
		"t.yaml:2:1: a second document begins here, but a configuration is only one");
	refuse("[a, b]: 1\nsettle: x\n",
		"t.yaml:1:1: a key must be a single word\n"
		"t.yaml:2:9: \"settle\" is \"x\", but must be a duration such as 250ms, 60s, 5m, 2h or "
		"400d, from 0s to 10s");
	refuse("settle:\nspool_file: ~\n",
		"t.yaml:1:8: \"settle\" is empty, but must be a duration such as 250ms, 60s, 5m, 2h or "
		"400d, from 0s to 10s\n"
		"t.yaml:2:13: \"spool_file\" is \"~\", but must be an absolute path of a file");
}

/* "zones: []" reads like "no zones", but an entry without zones is about all of them. */
static void test_empty_lists_never_mean_any(void **state)
{
	(void)state;
	refuse("admins: [{user: a, zones: []}]\n",
		"t.yaml:1:27: \"zones\" must not be empty: leave it out to allow any");
	refuse_with("admins: [{user: a, from: }]\n", "t.yaml:1:26: ", "\"from\" must be a list");
	refuse_with("admins: [{}]\n", "t.yaml:1:10: ", "needs a \"user\"");
	refuse_with("admins: [{user: ''}]\n", "t.yaml:1:17: ", "is empty");
}

static void test_bad_values(void **state)
{
	static const struct {
		const char *text, *place, *gist;
	} cases[] = {
		{"servers: [{kind: unbound}]", "t.yaml:1:18: ", "one of bind, knot, nsd, pdns"},
		{"admins: [{user: a, from: [10.0.0.1/8]}]", "t.yaml:1:27: ", "without host bits"},
		{"admins: [{user: a, hours: 9-5}]", "t.yaml:1:27: ", "Mon-Fri 08:00-18:00"},
		{"admins: [{user: 'a b'}]", "t.yaml:1:17: ", "login name"},
		{"admins: [{user: 99999999999}]", "t.yaml:1:17: ", "login name"},
		{"admins: [{user: a, zones: [a b..]}]", "t.yaml:1:28: ", "name of a zone"},
		{"zones: [{name: '*.example', file: /a}]", "t.yaml:1:16: ", "name of a zone"},
		{"spool_file: /var/lib/", "t.yaml:1:13: ", "absolute path"},
		{"spool_file: \"/a\\0b\"", "t.yaml:1:13: ", "absolute path"},
		{"spool_file: \"/a\\nb\"", "t.yaml:1:13: ", "absolute path"},
		{"spool_size: 63K", "t.yaml:1:13: ", "from 64K to 64G"},
		{"spool_size: 65G", "t.yaml:1:13: ", "from 64K to 64G"},
		{"spool_size: 99999999999999999999", "t.yaml:1:13: ", "a size such as"},
		{"spool_size: 18446744073709551615G", "t.yaml:1:13: ", "a size such as"},
		{"spool_size: 1MB", "t.yaml:1:13: ", "a size such as"},
		{"spool_size: -1", "t.yaml:1:13: ", "a size such as"},
		{"reconcile: 0", "t.yaml:1:12: ", "from 1s to 7d"},
		{"reconcile: 8d", "t.yaml:1:12: ", "from 1s to 7d"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refuse_with(cases[i].text, cases[i].place, cases[i].gist);
}

static void test_yaml_itself(void **state)
{
	(void)state;
	refuse_with("zones: [\n", "t.yaml:2:1: ", "not YAML: ");
	refuse_with("history:\n\tkeep: 3d\n", "t.yaml:2:1: ", "not YAML: ");
	refuse_with("settle: 1s\nspool_file: \xff\xfe\n", "t.yaml:2:13: ", "not UTF-8 text");
	refuse_with("a: \x01\n", "t.yaml:1:4: ", "not UTF-8 text");
	/* What was found before the break is not lost. */
	refuse_with("settle: x\nzones: [\n", "t.yaml:1:9: ", "\nt.yaml:3:1: not YAML: ");
}

static void test_anchors_aliases_tags(void **state)
{
	(void)state;
	refuse_with("zones: &z []\n", "t.yaml:1:8: ", "anchors");
	refuse_with("zones: *z\n", "t.yaml:1:8: ", "aliases");
	refuse_with(
		"admins: [{user: a, zones: [*.example.com]}]\n", "t.yaml:1:29: ", "needs quotes");
	refuse_with("settle: !!str 1s\n", "t.yaml:1:9: ", "tags");
	refuse_with("*k : 1\n", "t.yaml:1:1: ", "aliases");
}

/* Each level would double what is in memory, if aliases were followed. */
static void test_billion_laughs(void **state)
{
	_zw_str_ struct zw_str text = {}, error = {};
	struct zw_conf *conf = NULL;

	(void)state;
	zw_str_add(&text, "l0: &l0 [lol, lol]\n");
	for (int i = 1; i < 40; i++)
		zw_str_addf(&text, "l%d: &l%d [*l%d, *l%d]\n", i, i, i - 1, i - 1);
	assert_int_equal(zw_conf_parse("t", text.buf, text.len, &conf, &error), -EINVAL);
	assert_true(error.len < 20000);
}

static void test_depth(void **state)
{
	_zw_str_ struct zw_str text = {}, error = {};
	struct zw_conf *conf = NULL;

	(void)state;
	zw_str_add(&text, "x: ");
	for (int i = 0; i < 100000; i++)
		zw_str_add_char(&text, '[');
	assert_int_equal(zw_conf_parse("t", text.buf, text.len, &conf, &error), -EINVAL);
	assert_non_null(strstr(error.buf, "t:1:19: nested more than 16 levels deep"));
}

static void test_size(void **state)
{
	_zw_free_ char *text = malloc((16 << 20) + 1);
	_zw_str_ struct zw_str error = {};
	struct zw_conf *conf = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, '#', (16 << 20) + 1);
	assert_int_equal(zw_conf_parse("t", text, (16 << 20) + 1, &conf, &error), -EINVAL);
	assert_string_equal(error.buf, "t: larger than 16 MiB");
}

static void test_long_values_are_cut_in_messages(void **state)
{
	_zw_str_ struct zw_str text = {}, error = {};
	struct zw_conf *conf = NULL;

	(void)state;
	zw_str_add(&text, "settle: ");
	for (int i = 0; i < 5000; i++)
		zw_str_add(&text, "\xc3\xa4");
	assert_int_equal(zw_conf_parse("t", text.buf, text.len, &conf, &error), -EINVAL);
	assert_true(error.len < 300);
	assert_non_null(strstr(error.buf, "\xc3\xa4...\", but"));
}

static void test_feeds(void **state)
{
	(void)state;
	refuse("feeds: [{format: plain}]\n",
		"t.yaml:1:9: this entry of \"feeds\" needs a \"file\"");
	refuse("feeds: [{file: bad.txt}]\n",
		"t.yaml:1:16: \"file\" is \"bad.txt\", but must be an absolute path of a file");
	refuse("feeds: [{file: /f, format: xml}]\n",
		"t.yaml:1:28: \"format\" is \"xml\", but must be one of plain, hosts, csv, misp");
	refuse("feeds:\n- {file: /f, kind: good}\n",
		"t.yaml:2:20: \"kind\" is \"good\", but must be bad or suppress");
	refuse("feeds: [{file: /f, name: ''}]\n",
		"t.yaml:1:26: \"name\" is empty, but must be a name of 1 to 64 characters");
	refuse("feeds:\n- {file: /a/bad.txt}\n- {file: /b/bad.txt}\n",
		"t.yaml:3:3: the feed on line 2 has the same name; give one of them another \"name\"");
	refuse("feeds: /f\n",
		"t.yaml:1:8: \"feeds\" must be a list, each entry beginning with \"- \"");
}

static void test_too_many_feeds(void **state)
{
	_zw_str_ struct zw_str text = {}, error = {};
	struct zw_conf *conf = NULL;

	(void)state;
	zw_str_add(&text, "feeds:\n");
	for (int i = 0; i < ZW_CONF_FEEDS_MAX; i++)
		zw_str_addf(&text, "- {file: /f%d}\n", i);
	assert_int_equal(zw_conf_parse("t.yaml", text.buf, text.len, &conf, &error), 0);
	assert_int_equal(conf->feeds, ZW_CONF_FEEDS_MAX);
	zw_conf_free(ZW_TAKE(conf));
	zw_str_add(&text, "- {file: /g}\n- {file: /h}\n");
	assert_int_equal(zw_conf_parse("t.yaml", text.buf, text.len, &conf, &error), -EINVAL);
	assert_string_equal(error.buf, "t.yaml:66:3: there are more than 64 feeds");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_feeds),
		cmocka_unit_test(test_too_many_feeds),
		cmocka_unit_test(test_keys_and_records_of_admins),
		cmocka_unit_test(test_every_mistake_at_once),
		cmocka_unit_test(test_mistakes_are_bounded),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_wrong_shapes),
		cmocka_unit_test(test_empty_lists_never_mean_any),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_yaml_itself),
		cmocka_unit_test(test_anchors_aliases_tags),
		cmocka_unit_test(test_billion_laughs),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_long_values_are_cut_in_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
