/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a letter looks like, as numbers: hashed features for the statistics (model.h), hits of the
 * rules (rules.def), the hosts its links lead to; and the adding up of everything that is known of
 * a letter into one score with its reasons. Pure: no clock, no network, no memory of other letters.
 * Start with filter_features, then filter_auth, then filter_total.
 */
#ifndef FILTER_FILTER_H
#define FILTER_FILTER_H

#include "base/arena.h"
#include "base/buf.h"
#include "mail/mime.h"

enum {
	FILTER_FEATURES_MAX = 4000, /* of a letter; fits into 16,384 octets on the wire */
	FILTER_FEATURES_OCTETS = 4 * FILTER_FEATURES_MAX,
	FILTER_TEXT_MAX = 32 << 10,   /* decoded octets of all text parts that are looked at */
	FILTER_HEADER_MAX = 64 << 10, /* octets of the header that are looked at */
	FILTER_FIELDS_MAX = 1000,     /* fields of it */
	FILTER_PARTS_MIME = 200,      /* MIME parts that are looked at */
	FILTER_HOSTS_MAX = 100,       /* hosts of links that are given back */
	FILTER_HITS_MAX = 64,         /* rules that a letter can hit */
	FILTER_WORD_MAX = 40,         /* octets of a word; longer ones count by their beginning */
};

/* Points are thousandths everywhere; what is above zero speaks for junk. */
enum {
	FILTER_JUNK_AT = 5000, /* defaults of the settings filter.junk-at and filter.reject-at */
	FILTER_REJECT_AT = 15000,
};

/* What filter_features found. Everything lives in the arena of the call. */
struct filter_seen {
	uint32_t *features; /* rising, each once */
	uint32_t n;
	str octets;                     /* the same as it goes over IPC: u32, little-endian */
	uint16_t hits[FILTER_HITS_MAX]; /* enum filter_rule, once */
	uint32_t hits_n;
	str hosts
	    [FILTER_HOSTS_MAX]; /* of links, lower case, each once, addresses without brackets */
	uint32_t hosts_n;
};

/* Rows of rules.def. */
enum filter_rule {
#define RULE(id, kind, points, word, text) FILTER_RULE_##id,
#include "filter/rules.def"
#undef RULE
	FILTER_RULES
};

/* Where points come from. Each kind has bounds that its sum cannot leave: total.c. */
enum filter_kind {
	FILTER_AUTH,         /* SPF, DKIM, DMARC, ARC, the peer's name */
	FILTER_LIST,         /* DNS lists of addresses and domains */
	FILTER_FAME,         /* what came from this address, network, operator, domain before */
	FILTER_KNOWN,        /* the account has written to the sender: per account */
	FILTER_RULE,         /* rules.def, by the letter's looks */
	FILTER_WORDS_SHARED, /* the statistics all accounts share */
	FILTER_WORDS_OWN,    /* the account's own: per account */
	FILTER_OTHER,        /* a milter, or what only the caller knows */
	FILTER_KINDS
};

struct filter_part {
	uint8_t kind; /* enum filter_kind */
	str word;     /* for the explanation: "spf-fail"; letters, digits, "-" */
	str detail;   /* "p=none"; a zone's name; empty: none. Never contents of the letter */
	int64_t points;
	uint32_t learned; /* WORDS_*: letters the statistics have seen */
};

struct filter_row {
	const char *word, *text;
	uint8_t kind;
	int64_t points;
};

/* Facts of authentication; numbers of enum mail_authres (mail/authres.h), 0: not looked at. */
struct filter_auth {
	uint8_t spf, spf_helo, dkim, dmarc, arc, iprev;
	bool dmarc_asks_reject;     /* the domain's policy is p=reject, or sp= or np= that counts */
	bool dmarc_asks_quarantine; /* and so on */
	bool dmarc_aligned;         /* passed by an aligned identifier */
	bool arc_trusted;           /* arc passed and the sealer is one we trust */
	uint8_t manners;            /* as in session.manners of ipc/common.def */
	bool from_missing;          /* no From field, or none that can be read */
	bool from_many;             /* more than one From field */
	str helo;                   /* as said; empty: not known */
};

/*
 * Look at one letter: features, rules it hits, hosts of its links. What a server of ours has
 * put above it is not looked at (Received fields at the top that say "by HOSTNAME", the results of
 * authentication, marks of spam filters), so that a letter gives the same features when it comes
 * in and when its owner moves it later.
 *
 * In      m: the letter; hostname: ours; received_s: when it came, 0: not known (the rules about
 *         dates are silent then); a: everything that is given back
 * Out     ret: set only on ERR_OK
 * Limits  all FILTER_*_MAX: what is beyond them is not looked at, nothing fails
 * Errors  ERR_BUDGET, ERR_NOMEM
 * RFC     5322 3.6, 2045, 2047
 */
enum err filter_features(const struct mail_mime *m, str hostname, int64_t received_s,
    struct arena *a, struct filter_seen *ret);

/* The row of a rule. */
const struct filter_row *filter_rule_row(enum filter_rule r);

/* The part that a hit rule adds; `detail` as in struct filter_part. */
struct filter_part filter_rule_part(enum filter_rule r, str detail);

/*
 * Turn facts of authentication into parts.
 *
 * In      ret_parts: room for `max`
 * Out     how many were written; at most FILTER_AUTH_PARTS
 */
enum { FILTER_AUTH_PARTS = 16 };
size_t filter_auth(const struct filter_auth *f, struct filter_part *ret_parts, size_t max);

/*
 * Add up. The sum of each kind is bounded, own statistics outweigh the shared ones as they learn.
 *
 * In      why: gets the reasons, appended, heaviest first: "words=2.310 spf-fail=1.000"; NULL: not
 *         wanted. Leave KNOWN and WORDS_OWN out where several recipients will read it.
 * Out     the score in thousandths
 * Limits  parts beyond FILTER_TOTAL_MAX count but are not explained
 */
enum { FILTER_TOTAL_MAX = 200 };
int64_t filter_total(const struct filter_part *parts, size_t n, struct buf *why);

#endif
