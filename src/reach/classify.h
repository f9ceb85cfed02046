/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an attempt means: from replies, by a table of rules in a readable file
 * (dist/rules/replies.rules), and from what the network did. Pure: no input or output, no clock.
 * Order of evidence: operator's token, operator's phrase, phrase of anybody, our own name in the
 * reply, IANA enhanced status code, bare reply code.
 */
#ifndef REACH_CLASSIFY_H
#define REACH_CLASSIFY_H

#include "base/arena.h"
#include "base/err.h"
#include "reach/attempt.h"
#include "reach/class.h"

struct reach_rules;

enum {
	REACH_RULES_FILE_MAX = 1 << 20,
	REACH_RULES_MAX = 4000,
	REACH_OPERATORS_MAX = 1000,   /* suffixes */
	REACH_RULE_LINE_MAX = 1000,   /* octets */
	REACH_PATTERN_MAX = 300,      /* octets of one pattern */
	REACH_REPLY_MAX = 4096,       /* octets looked at of a reply */
	REACH_RULES_ARENA = 16 << 20, /* a budget that a full file fits in */
};

/* Everything a classifier may look at. Zero means: not known, or did not happen. */
struct reach_seen {
	enum reach_phase phase; /* where it ended */
	enum reach_dns dns;     /* when phase is DNS */
	enum reach_tls tls;     /* what failed in TLS */
	unsigned code;          /* of the reply; 0: none came */
	str enhanced;           /* "5.7.1"; empty: found in the text, if it is there */
	str reply;              /* its text, all lines, with or without the codes before each */
	int system_error;       /* errno of the socket */
	uint8_t icmp_type, icmp_code; /* what came with it; both 0: nothing */
	bool timed_out;               /* our own clock ended it */
	bool closed;                  /* the peer closed in order, without a reply */
	bool tls_expected;            /* DANE, MTA-STS or history: STARTTLS must be offered */
	bool garbled;                 /* EHLO answers like a filter's: "250-XXXXXXXA", "***" */
	bool identity_changed;        /* issuer, key and name of the peer changed at once */
	uint64_t sent, received;      /* octets */
	uint32_t retransmits, unacked;
	str operator;   /* reach_operator() of the MX host */
	const str *own; /* our host names and domains: what a receiver may call us */
	size_t own_n;
};

enum reach_evidence {
	REACH_BY_CODE,     /* bare reply code: hardly known */
	REACH_BY_STATUS,   /* enhanced status code as IANA means it */
	REACH_BY_PHRASE,   /* words anybody uses */
	REACH_BY_NAME,     /* our own name beside a verb of blocking */
	REACH_BY_OPERATOR, /* words or a token of this operator */
	REACH_BY_NETWORK,  /* no reply: errno, TLS, DNS */
};

/* What it means. All strs are borrowed from the rules, or static. */
struct reach_found {
	enum reach_class class; /* REACH_NONE: a 2xx or 3xx reply and nothing else wrong */
	str rule;               /* id of the rule: "google-521", "net-c1", "code-5" */
	enum reach_evidence evidence;
	enum reach_scope scope; /* the rule's, else of the class */
	enum reach_permanence permanence;
	bool block, notify; /* of the class */
	str remedy;         /* a short English hint for the operator; may be empty */
	str verified;       /* "2026-01-15": when somebody saw the text in use; empty: unknown */
};

/* Where complaints about the file go; column counts from 1, in octets. */
typedef void reach_complain(void *ctx, unsigned line, unsigned column, const char *what);

/*
 * Read a rules file. A bad row is told of and left out; the others count.
 *
 * In      text: the file, not needed afterwards; complain: may be NULL
 * Out     ret: lives in `a`; set only on ERR_OK
 * Limits  REACH_RULES_FILE_MAX, _MAX, REACH_OPERATORS_MAX, REACH_RULE_LINE_MAX
 * Errors  ERR_TOOBIG (the file), ERR_BUDGET
 */
enum err reach_rules_parse(str text, struct arena *a, reach_complain *complain, void *ctx,
    struct reach_rules **ret);

/* The rules the program was built with, to be parsed: the text of dist/rules/replies.rules. */
str reach_rules_builtin(void);

/*
 * Read the file at `path`; empty: the built-in rules. A file that is not there gives them, too, and
 * a complaint at line 1. Errors as above, and those of reading but NOTFOUND.
 */
enum err reach_rules_load(str path, struct arena *a, reach_complain *complain, void *ctx,
    struct reach_rules **ret);

/* How many rules of replies were read; operators' suffixes not counted. */
size_t reach_rules_count(const struct reach_rules *r);

/* What was seen, in one class. Never fails; takes time linear in reply and rules. */
void reach_classify(const struct reach_rules *rules, const struct reach_seen *seen,
    struct reach_found *ret);

/* Is that the id of a last resort ("code" rows, and "none"): nobody knew the reply? */
bool reach_rules_vague(const struct reach_rules *r, str id);

#endif
