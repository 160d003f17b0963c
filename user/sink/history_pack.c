/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/history_pack.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* The first octet: which dictionary. What was packed with one can be read only with the same, byte for byte, so a
 * better one is another one. */
enum {
	FORM_FIRST = 1,
};

/* What is met most often comes last (zlib.h, deflateSetDictionary()). */
static const char dictionary[] =
	"\"threat\":{\"technique\":{\"id\":[\"T1584.002\"]}},\"findings\":[{\"rule\":\""
	"\"file\":{\"path\":\"/var/lib/bind/\",\"device\":\"\",\"inode\":\"\",\"size\":,\"uid\":\"0\",\"gid\":\"0\","
	"\"mode\":\"0644\",\"mtime\":\"2026-\",\"ctime\":\"2026-"
	"\"reasons\":[\"no hook saw a process do this; the file's owner and times are the only evidence\","
	"\"changed while the agent was not watching, between \",\"login user is not an admin of "
	"\"update-refused\"\"zone-added\"\"zone-removed\"\"zone-unreadable\"\"agent-ready\"\"agent-stopped\""
	"\"events-lost\"\"config-change\"\"request\":{\"transport\":\"udp\",\"encrypted\":false,\"rcode\":\"REFUSED\","
	"\"asked\":[],\"asked_total\":\"counts\":{\"servers\":,\"zones\":,\"records\":,\"startup_ms\":"
	"\"outcome\":\"failure\"\"channel\":\"update\"\"channel\":\"control\"\"channel\":\"transfer\""
	"\"channel\":\"signing\",\"verdict\":\"automatic\"\"attribution\":\"probable\",\"verdict\":\"unauthorized\""
	"\"attribution\":\"none\",\"verdict\":\"unattributed\"\"role\":\"client\"\"role\":\"peer\"\"role\":\"reloader\""
	"\"role\":\"server\"\"role\":\"renamer\"\"evidence\":[\"request\",\"content\"]\"evidence\":[\"write\",\"create\","
	"\"rename\",\"dirent\"]\"op\":\"add\"\"op\":\"delete\"\"type\":\"AAAA\"\"type\":\"TXT\"\"type\":\"CNAME\""
	"\"type\":\"NS\"\"type\":\"MX\"\"type\":\"SOA\"\"type\":\"RRSIG\"\"server\":{\"kind\":\"knot\",\"pid\":"
	"\"server\":{\"kind\":\"nsd\"\"server\":{\"kind\":\"pdns\"\"server\":{\"kind\":\"none\"}"
	"/usr/bin/nsupdate\"/usr/sbin/rndc\"/usr/sbin/named\"/usr/bin/sed\"/usr/bin/vim\"/usr/bin/mv\"/usr/bin/cp\""
	"/usr/bin/sudo\"/usr/sbin/sshd\"/usr/lib/systemd/systemd\"\"name\":\"systemd\"\"name\":\"sshd\"\"name\":\"sudo\""
	"\"origin_port\":,\"elevation\":\"sudo\"\"cgroup\":\"/user.slice/user-1000.slice/session-.scope\""
	"\"cgroup\":\"/system.slice/\"\"args_cut\":true,\"tsig_key\":\"ddns-key\",\"peer\":\"127.0.0.1\",\"peer_port\":"
	"{\"@timestamp\":\"2026-11-22T\",\"ecs\":{\"version\":\"8.11.0\"},\"event\":{\"id\":\"01K\",\"kind\":\"event\","
	"\"action\":\"record-change\",\"category\":[\"configuration\"],\"type\":[\"change\"],\"outcome\":\"success\","
	"\"severity\":0,\"dataset\":\"zonewitness.change\",\"sequence\":},\"message\":\" changed in with (file)\","
	"\"host\":{\"name\":\"\"},\"process\":{\"pid\":,\"start\":\"2026-\",\"name\":\"bash\",\"executable\":\"/usr/bin/bash\","
	"\"args\":[\"\",\"-c\",\"\"],\"working_directory\":\"/root\",\"parent\":{\"pid\":,\"name\":\"bash\","
	"\"executable\":\"/usr/bin/bash\"}},\"user\":{\"id\":\"1000\",\"name\":\"\",\"effective\":{\"id\":\"0\","
	"\"name\":\"root\"}},\"source\":{\"ip\":\"\",\"port\":},\"zonewitness\":{\"server\":{\"kind\":\"bind\",\"pid\":},"
	"\"view\":\"_default\",\"zone\":\"\",\"serial\":{\"before\":,\"after\":},\"changes\":[{\"op\":\"modify\","
	"\"name\":\"www.\",\"type\":\"A\",\"before\":{\"ttl\":3600,\"rdata\":[\"192.\"]},\"after\":{\"ttl\":3600,"
	"\"rdata\":[\"192.\"]}}],\"changes_total\":1,\"channel\":\"file\",\"attribution\":\"certain\",\"verdict\":\"unjudged\","
	"\"causes\":[{\"role\":\"writer\",\"channel\":\"file\",\"process\":{\"pid\":,\"start\":\"2026-\",\"name\":\"\","
	"\"executable\":\"/usr/bin/\",\"args\":[\"\"],\"working_directory\":\"\"},\"user\":{\"id\":\"0\",\"name\":\"root\","
	"\"effective\":{\"id\":\"0\",\"name\":\"root\"}},\"login\":{\"uid\":null,\"user\":null,\"session\":null,"
	"\"tty\":null,\"origin\":null},\"ancestors\":[{\"pid\":,\"name\":\"bash\",\"executable\":\"/usr/bin/bash\","
	"\"args\":[\"bash\"],\"uid\":0,\"euid\":0},{\"pid\":1,\"name\":\"\",\"uid\":0,\"euid\":0}],\"tsig_key\":null,"
	"\"peer\":null,\"evidence\":[\"write\"],\"first\":\"2026-\",\"last\":\"2026-\"}],\"reasons\":[],\"escalate\":false}}";

int zw_json_pack(const char *json, size_t len, struct zw_str *out)
{
	_zw_free_ uint8_t *packed = NULL;
	z_stream z = {};
	uLong bound;
	int code;

	if (len > UINT32_MAX || deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -15, 8,
					Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	bound = deflateBound(&z, len);
	packed = bound <= UINT32_MAX ? malloc(bound) : NULL;
	if (!packed) {
		deflateEnd(&z);
		return -ENOMEM;
	}
	(void)deflateSetDictionary(&z, (const Bytef *)dictionary, sizeof(dictionary) - 1);
	z.next_in = (Bytef *)json;
	z.avail_in = (uInt)len;
	z.next_out = packed;
	z.avail_out = (uInt)bound;
	code = deflate(&z, Z_FINISH);
	deflateEnd(&z);
	if (code != Z_STREAM_END)
		return -ENOMEM;
	zw_str_add_char(out, FORM_FIRST);
	zw_str_add_len(out, (const char *)packed, z.total_out);
	return out->failed ? -ENOMEM : 0;
}

int zw_json_unpack(const void *data, size_t len, size_t json_len, struct zw_str *out)
{
	_zw_free_ char *json = NULL;
	const uint8_t *p = data;
	z_stream z = {};
	int code;

	/* deflate cannot do better than 1032:1 (zlib.net/zlib_tech.html). */
	if (len < 1 || len > UINT32_MAX || json_len / 1032 > len)
		return -EBADMSG;
	if (*p != FORM_FIRST)
		return -EPROTONOSUPPORT;
	json = malloc(json_len + 1);
	if (!json || inflateInit2(&z, -15) != Z_OK)
		return -ENOMEM;
	(void)inflateSetDictionary(&z, (const Bytef *)dictionary, sizeof(dictionary) - 1);
	z.next_in = (Bytef *)p + 1;
	z.avail_in = (uInt)len - 1;
	z.next_out = (Bytef *)json;
	z.avail_out = (uInt)json_len;
	code = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (code == Z_MEM_ERROR)
		return -ENOMEM;
	if (code != Z_STREAM_END || z.total_out != json_len)
		return -EBADMSG;
	zw_str_add_len(out, json, json_len);
	return out->failed ? -ENOMEM : 0;
}
