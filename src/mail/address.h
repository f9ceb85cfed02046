/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail addresses, in both grammars: the SMTP path (RFC 5321, the envelope) and the address list
 * (RFC 5322, header fields). Also the canonical form every folder compares and stores. This
 * does not know who owns an address; that is directory/.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	/*
	 * RFC 5321 4.5.3.1.1 says 64 must work and longer should; return paths of lists are
	 * often longer.
	 */
	MAIL_LOCAL_MAX = 256,
	MAIL_LOCAL_OWN_MAX = 64, /* for addresses we make ourselves (directory) */
	MAIL_DOMAIN_MAX = 255,   /* RFC 5321 4.5.3.1.2 */
	MAIL_LABEL_MAX = 63,     /* RFC 1035 2.3.4 */
	MAIL_PATH_MAX = 1000, /* with quoting and source route; RFC 5321 4.5.3.1.3 asks for 256 */
	MAIL_CANONICAL_MAX = 800, /* local quoted and escaped at worst: 514, "@", 255 */
};

enum {                      /* flags of mail_path_parse and mail_mailbox_parse */
	MAIL_PATH_UTF8 = 1, /* SMTPUTF8 was asked for: UTF-8 in local part and domain (RFC 6531) */
	MAIL_PATH_NULL = 2, /* "<>" is a reverse-path */
	MAIL_PATH_POSTMASTER = 4, /* "<Postmaster>" without a domain is a forward-path */
};

/* One envelope address. */
struct mail_path {
	str local;    /* quotes and escapes removed, case as given; empty for the null path alone */
	str domain;   /* as given; a literal with its brackets; empty: null path, postmaster */
	bool literal; /* the domain is an address literal */
	bool utf8;    /* holds octets beyond ASCII */
};

/*
 * Parse "<...>" at the start of `in`. Source routes are read and ignored. Dots may stand
 * anywhere in an unquoted local part, as some providers once gave out such addresses.
 *
 * In      in: octets after "FROM:" or "TO:"; borrowed. flags: MAIL_PATH_*
 * Out     ret, its strings in `a`; ret_used: octets up to and with ">"
 * Limits  MAIL_LOCAL_MAX, MAIL_DOMAIN_MAX, MAIL_PATH_MAX
 * Errors  ERR_SYNTAX; ERR_TOOBIG; ERR_CHARSET: UTF-8 without the flag, or not UTF-8; ERR_BUDGET
 * RFC     5321 4.1.2, 4.1.3, 4.5.3.1; 6531 3.3
 */
enum err mail_path_parse(struct arena *a, str in, unsigned flags, struct mail_path *ret,
    size_t *ret_used);

/*
 * Parse a mailbox without angle brackets; all of `in`.
 *
 * Errors  as mail_path_parse
 * RFC     5321 4.1.2
 */
enum err mail_mailbox_parse(struct arena *a, str in, unsigned flags, struct mail_path *ret);

/*
 * Write a domain in the form all tables use: A-labels, lower case, no dot at the end. An address
 * literal is lower-cased, its brackets kept.
 *
 * Errors  ERR_SYNTAX: no valid host name (labels of letters, digits, hyphen and underscore, 63
 *         octets); ERR_TOOBIG; ERR_CHARSET: not valid by IDNA 2008. `out` is then as it was.
 * RFC     5890 2.3.2.1; 5891 5; 5321 2.3.5
 */
enum err mail_domain_put(struct buf *out, str domain);

/* The same for the eye: U-labels where all labels convert, else as given. For logs and notices. */
void mail_domain_put_unicode(struct buf *out, str domain);

/* IPv4-address-literal = Snum 3("." Snum); Snum = 1*3DIGIT, 0 to 255. RFC 5321 4.1.3 */
bool mail_is_ipv4(str s);

/*
 * Write the canonical address: local part lower-cased in ASCII and quoted only where it must
 * be, "@", canonical domain. Two spellings of one address give the same octets. An empty domain
 * (postmaster) gives the local part alone; the null path gives nothing.
 *
 * Errors  as mail_domain_put
 */
enum err mail_address_put(struct buf *out, str local, str domain);

/*
 * Parse and write canonical in one step: what auth does with `address` of an IPC message and
 * ctl with an argument. UTF-8 is allowed.
 *
 * Errors  as mail_mailbox_parse and mail_domain_put
 */
enum err mail_address_canonical(struct buf *out, str text);

/* Local part as it must stand in a protocol: quoted only when it is no dot-atom. */
void mail_local_put(struct buf *out, str local);

/* Split a canonical address at its last "@"; without one the domain is empty. */
void mail_address_split(str canonical, str *ret_local, str *ret_domain);

/*
 * Split a sub-address off an unquoted local part: "user+list" at "+" gives "user", "list". A
 * delimiter at the start does not split; an empty delimiter never does. True when there is a
 * detail.
 */
bool mail_detail_split(str local, str delimiter, str *ret_user, str *ret_detail);

enum mail_address_kind { MAIL_ADDRESS_MAILBOX, MAIL_ADDRESS_GROUP, MAIL_ADDRESS_GROUP_END };

/* One element of an address list. Absent parts have p == NULL. */
struct mail_address {
	enum mail_address_kind kind;
	/*
	 * Display name or, lacking one, a comment; unquoted, white space folded to one SP, encoded
	 * words not decoded. The group's name for MAIL_ADDRESS_GROUP.
	 */
	str name;
	str route;  /* obsolete source route "@a,@b", IMAP's adl */
	str local;  /* unquoted */
	str domain; /* as given; literals with brackets; empty, not absent, when there was no "@" */
};

enum { MAIL_ADDRESSES_MAX = 10000, MAIL_COMMENT_DEPTH_MAX = 50 };

enum { /* flags of mail_addresses_parse */
	MAIL_ADDRESSES_STRICT =
	    1, /* any fault is ERR_SYNTAX; otherwise faulty elements are mended or skipped */
};

/*
 * Parse the value of From, Sender, Reply-To, To, Cc, Bcc and their Resent- forms: groups,
 * comments, quoted strings, domain literals, obsolete syntax (empty elements, spaces around
 * dots, phrases with dots). Time and memory are linear; comments nest iteratively.
 *
 * In      value: raw field value, folded or not; borrowed for the call
 * Out     ret: array in `a`, strings too; group members stand between GROUP and GROUP_END
 * Limits  MAIL_ADDRESSES_MAX elements, MAIL_COMMENT_DEPTH_MAX
 * Errors  ERR_SYNTAX, ERR_TOOMANY (strict; otherwise cut there), ERR_BUDGET
 * RFC     5322 3.4, 4.4; 6532 3.2; 9051 7.5.2
 */
enum err mail_addresses_parse(struct arena *a, str value, unsigned flags, struct mail_address **ret,
    size_t *ret_n);

#endif
