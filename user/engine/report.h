/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the engine tells the world: one struct for every event of DESIGN section 5, complete enough that
 * sinks only translate. A report is immutable once handed to the sinks. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actor/actor.h"
#include "base/ulid.h"
#include "zone/diff.h"
#include "zone/snapshot.h"

enum zw_action {
	ZW_ACTION_AGENT_READY = 0,
	ZW_ACTION_RECORD_CHANGE,
	ZW_ACTION_ZONE_UNREADABLE,
	ZW_ACTION_ZONE_ADDED,
	ZW_ACTION_ZONE_REMOVED,
	ZW_ACTION_UPDATE_REFUSED,
	ZW_ACTION_EVENTS_LOST,
	ZW_ACTION_CONFIG_CHANGE,
	ZW_ACTION_TAMPER,
	ZW_ACTION_AGENT_STOPPED,
	ZW_ACTION_ACKNOWLEDGED,
	ZW_ACTION_EXPECTED,
	ZW_ACTION_FINDING, /* of a rule, where no records changed */
	_ZW_ACTION_MAX,
};

enum zw_channel {
	ZW_CHANNEL_UNKNOWN = 0,
	ZW_CHANNEL_FILE,
	ZW_CHANNEL_UPDATE,
	ZW_CHANNEL_TRANSFER,
	ZW_CHANNEL_CONTROL,
	ZW_CHANNEL_API,
	ZW_CHANNEL_DATABASE,
	ZW_CHANNEL_SIGNING,
	_ZW_CHANNEL_MAX,
};

enum zw_attribution {
	ZW_ATTRIBUTION_NONE = 0,
	ZW_ATTRIBUTION_AMBIGUOUS,
	ZW_ATTRIBUTION_PROBABLE,
	ZW_ATTRIBUTION_CERTAIN,
	_ZW_ATTRIBUTION_MAX,
};

enum zw_verdict {
	ZW_VERDICT_UNJUDGED = 0,
	ZW_VERDICT_AUTHORIZED,
	ZW_VERDICT_UNAUTHORIZED,
	ZW_VERDICT_AUTOMATIC,
	ZW_VERDICT_UNATTRIBUTED,
	_ZW_VERDICT_MAX,
};

enum zw_role {
	ZW_ROLE_WRITER = 0,
	ZW_ROLE_RENAMER, /* whoever made the name point to other content: rename, link, unlink, symlink, mount */
	ZW_ROLE_CLIENT,
	ZW_ROLE_PEER,
	ZW_ROLE_RELOADER,
	ZW_ROLE_SERVER,
	_ZW_ROLE_MAX,
};

/* Bits of what was seen a cause do; printed as the list "evidence". */
enum zw_evidence {
	ZW_EVIDENCE_WRITE = 1 << 0,
	ZW_EVIDENCE_ATTR = 1 << 1,
	ZW_EVIDENCE_OPEN = 1 << 2,
	ZW_EVIDENCE_MAPPING = 1 << 3, /* holds or made a shared writable mapping */
	ZW_EVIDENCE_DIRENT = 1 << 4,
	ZW_EVIDENCE_CREATE = 1 << 5,
	ZW_EVIDENCE_LINK = 1 << 6,
	ZW_EVIDENCE_UNLINK = 1 << 7,
	ZW_EVIDENCE_RENAME = 1 << 8,
	ZW_EVIDENCE_MOUNT = 1 << 9,
	ZW_EVIDENCE_HELD_OPEN = 1 << 10,  /* had it open for writing when the change was found */
	ZW_EVIDENCE_REQUEST = 1 << 11,    /* asked the server for it, and the server agreed */
	ZW_EVIDENCE_CONTENT = 1 << 12,    /* and what it asked for is what the records became */
	ZW_EVIDENCE_CONNECTION = 1 << 13, /* had an encrypted connection to the server */
};
#define ZW_EVIDENCE_BITS 14

struct zw_report_cause {
	enum zw_role role;
	enum zw_channel channel;
	uint32_t evidence;          /* enum zw_evidence */
	uint64_t first_ns, last_ns; /* CLOCK_REALTIME */
	struct zw_actor *actor; /* owned reference; NULL: a peer on another host, or not known */
	char *tsig_key;         /* NULL without one */
	char *peer;             /* address, without the port; NULL without one */
	uint16_t peer_port;     /* 0: not known */
	char *command; /* what it told the server to do, printable; NULL: not by a command */
};

/* What the file itself says, the only evidence there is when nobody was seen. */
struct zw_report_file {
	char *path; /* as the server names it */
	uint64_t dev, ino, size_bytes;
	uint32_t owner_uid, owner_gid, mode;
	uint64_t mtime_ns, ctime_ns; /* CLOCK_REALTIME */
};

/* What a server was asked to do, where that is what is told: update-refused. */
struct zw_report_request {
	const char *transport; /* static: "udp"; NULL: there is none */
	bool encrypted;
	char rcode[16]; /* "REFUSED"; empty: there was no answer */
	char **asked;   /* "add www.example.com. 300 A 192.0.2.1", printable; the first ones */
	size_t asked_len;
	uint64_t asked_total;
	/* So many requests in one event, where they were too many to be told one by one, between these times; 0: it is one. */
	uint64_t repeated;
	uint64_t first_ns, last_ns; /* CLOCK_REALTIME */
};

/* What a person says of a change, after it (acknowledged) or before (expected). Who ran the command is the principal. */
struct zw_report_note {
	char *ticket, *reason;      /* NULL: none was given */
	char *by;                   /* acknowledged: whose word it is; NULL in others */
	char of[ZW_ULID_LEN + 1];   /* acknowledged: the event; empty in others */
	uint64_t expectation;       /* expected: its number; 0 in others */
	char *user, *tsig_key;      /* expected: of whom; one of both */
	uint64_t from_ns, until_ns; /* CLOCK_REALTIME */
	bool withdrawn;             /* no longer expected */
};

/* What a rule found. */
struct zw_report_finding {
	char *rule; /* its id: "redirect-outside" (engine/rule.h) */
	unsigned int severity;
	char *reason;  /* a sentence; names and data are in it as they are: sinks escape */
	char *subject; /* the one address or name it is about; NULL: not one */
	/* Where the subject is an address, who announces it: empty, 0 and NULL when that is not known. */
	char country[3];    /* ISO 3166-1: "NL" */
	uint32_t as_number; /* autonomous system */
	char *as_name;      /* of whoever it is registered to */
};

#define ZW_REPORT_COUNTS_MAX 24

struct zw_report {
	enum zw_action action;
	char id[ZW_ULID_LEN + 1];
	uint64_t sequence;     /* counts up by one for each report of this agent */
	uint64_t time_ns;      /* CLOCK_REALTIME: of the last cause, else when it was found */
	unsigned int severity; /* 0 to 100 */
	bool escalate;
	char *message; /* one plain sentence; names and data in it are escaped already */
	/* the zone, NULL or 0 where the action has none */
	char *server_kind; /* "bind", "knot", "nsd", "pdns", "none" */
	uint32_t server_pid;
	char *server; /* which one, over its restarts: "bind:/etc/bind/named.conf"; not part of what is printed */
	char *view;
	char *zone; /* presentation form with the final dot */
	enum zw_channel channel;
	bool has_serial_before, has_serial_after;
	uint32_t serial_before, serial_after;
	struct zw_diff *diff; /* owned; NULL without record changes */
	/* RRsets that changed, where @diff was read back from a list that was cut and holds fewer of them; else 0 */
	uint64_t changes_total;
	enum zw_attribution attribution;
	struct zw_report_cause *cause; /* the principal's first */
	size_t causes;
	bool has_principal;         /* cause[0] is whoever chose to make the change */
	struct zw_report_file file; /* path NULL when there is none */
	struct zw_report_request request;
	struct zw_report_note note;
	enum zw_verdict verdict;
	char **reason; /* sentences; for the verdict and for what limits the attribution */
	size_t reasons;
	struct zw_report_finding *finding; /* in the order they were added */
	size_t findings;
	/* zone-unreadable */
	char *error; /* "line 12: ..." */
	char *error_file;
	uint64_t error_line;
	/* events-lost, agent-ready, agent-stopped: named counts, printed in this order */
	struct zw_report_count {
		const char *name; /* static or in @count_names, snake_case */
		uint64_t value;
	} count[ZW_REPORT_COUNTS_MAX];
	size_t counts;
	char *count_names; /* owned; NULL while they are static */
	/* What it is in JSON, where that was made already: zw_report_seal(). Owned; NULL: not yet */
	char *json;
	size_t json_len;
};

void zw_report_free(struct zw_report *report);
ZW_DEFINE_CLEANUP(struct zw_report *, zw_report_free);
#define _zw_report_free_ _zw_cleanup_(zw_report_freep)

/* Frees what the @n causes own and the array. */
void zw_report_causes_free(struct zw_report_cause *cause, size_t n);

/* Makes @actor (of which a reference is taken; may be NULL) at @time_ns the only cause of @report, which has none yet, and
 * its principal, for certain. 0 or -ENOMEM. */
int zw_report_set_cause(
	struct zw_report *report, enum zw_role role, struct zw_actor *actor, uint64_t time_ns);
/* Appends a copy of the formatted sentence to reason[]; 0 or -ENOMEM. */
int zw_report_add_reason(struct zw_report *report, const char *fmt, ...) _zw_printf_(2, 3);

/* Appends a finding of the rule with that id, and raises @report->severity to @severity where it is lower; @subject, of
 * which a copy is kept, may be NULL. Says nothing about escalation: see zw_rules_add_finding(). 0 or -ENOMEM. */
int zw_report_add_finding(struct zw_report *report, const char *rule, unsigned int severity,
	const char *subject, const char *fmt, ...) _zw_printf_(5, 6);
int zw_report_add_finding_v(struct zw_report *report, const char *rule, unsigned int severity,
	const char *subject, const char *fmt, va_list ap) __attribute__((format(printf, 5, 0)));

const char *zw_action_to_string(enum zw_action v);           /* "record-change" */
const char *zw_channel_to_string(enum zw_channel v);         /* "file" */
const char *zw_attribution_to_string(enum zw_attribution v); /* "certain" */
const char *zw_verdict_to_string(enum zw_verdict v);         /* "unauthorized" */
const char *zw_role_to_string(enum zw_role v);               /* "writer" */
const char *zw_evidence_to_string(unsigned int bit);         /* of bit number 0.. : "write" */

/* The inverse of these. 0, or -EINVAL with the out-parameter untouched. */
int zw_action_from_string(const char *text, enum zw_action *ret_action);
int zw_channel_from_string(const char *text, enum zw_channel *ret_channel);
int zw_attribution_from_string(const char *text, enum zw_attribution *ret_attribution);
int zw_verdict_from_string(const char *text, enum zw_verdict *ret_verdict);
int zw_role_from_string(const char *text, enum zw_role *ret_role);
int zw_evidence_from_string(const char *text, unsigned int *ret_bit);
