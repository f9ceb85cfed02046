/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parsed command. imap_command_parse() reads tag, verb and arguments of one complete command as
 * reader.h delivers it, checks the state, and fills the member of the union that belongs to the
 * verb's argument parser. Nothing is executed here.
 */
#ifndef PROTO_IMAP_COMMAND_H
#define PROTO_IMAP_COMMAND_H

#include "base/arena.h"
#include "proto/imap/acl.h"
#include "proto/imap/append.h"
#include "proto/imap/fetch.h"
#include "proto/imap/limits.h"
#include "proto/imap/metadata.h"
#include "proto/imap/notify.h"
#include "proto/imap/search.h"
#include "proto/imap/seqset.h"
#include "proto/imap/sort.h"
#include "proto/imap/thread/thread.h"

enum imap_state { IMAP_NOTAUTH = 1, IMAP_AUTH = 2, IMAP_SELECTED = 4 };

enum imap_verb {
#define CMD(verb, states, flags, handler, args, grammar, rfc) IMAP_##verb,
#include "proto/imap/commands.def"
#undef CMD
	IMAP_VERB_COUNT
};

enum { IMAP_VERB_UID = 1, IMAP_VERB_NOEXPUNGE = 2 };

struct imap_verb_row {
	str name;
	unsigned states, flags;
	const char *grammar, *rfc;
};
extern const struct imap_verb_row imap_verbs[IMAP_VERB_COUNT];

/* What ENABLE may turn on (caps.def); they change how later commands are read and answered. */
enum {
	IMAP_ENABLED_NONE = 0,
	IMAP_ENABLED_REV2 = 1,
	IMAP_ENABLED_UTF8 = 2,
	IMAP_ENABLED_CONDSTORE = 4,
	IMAP_ENABLED_QRESYNC = 8,    /* never without CONDSTORE */
	IMAP_ENABLED_METADATA = 256, /* tell annotations that others changed */
	IMAP_ENABLED_UIDONLY = 512   /* no message numbers in either direction */
};

/* Mailbox names and strings are UTF-8 on the wire. */
static inline bool
imap_enabled_utf8(unsigned enabled)
{
	return (enabled & (IMAP_ENABLED_REV2 | IMAP_ENABLED_UTF8)) != 0;
}

/* The bit a capability name enables, or IMAP_ENABLED_NONE; names are compared without case. */
unsigned imap_enable_bit(str name);

/* Mailbox names are UTF-8, hierarchy separator "/", INBOX and its prefix in upper case. */
/* What a client that was here before knows (RFC 7162 3.2.5). */
struct imap_qresync {
	bool given, has_known;
	uint32_t uidvalidity;
	uint64_t modseq;
	struct imap_seqset known; /* uids, without "*" */
	/* As many numbers in both, ascending: which uid each of these messages had. */
	struct imap_seqset match_seqs, match_uids;
};

struct imap_select_args {
	str mailbox;
	bool condstore;
	struct imap_qresync qresync;
};

struct imap_create_args {
	str mailbox;
	unsigned use; /* IMAP_USE_* */
};

/* Attributes of RFC 6154; the first six are what CREATE (USE ...) may ask for. */
enum {
	IMAP_USE_ARCHIVE = 1,
	IMAP_USE_DRAFTS = 2,
	IMAP_USE_FLAGGED = 4,
	IMAP_USE_JUNK = 8,
	IMAP_USE_SENT = 16,
	IMAP_USE_TRASH = 32,
	IMAP_USE_ALL = 64
};

struct imap_rename_args {
	str from, to;
};

enum {
	IMAP_LIST_SUBSCRIBED = 1,
	IMAP_LIST_REMOTE = 2,
	IMAP_LIST_RECURSIVEMATCH = 4,
	IMAP_LIST_SPECIAL_USE = 8,
	IMAP_LIST_CHILDREN = 16,
	IMAP_LIST_STATUS = 32,
	IMAP_LIST_METADATA = 1024,
	IMAP_LIST_MYRIGHTS = 2048
};

struct imap_list_args {
	unsigned select, ret; /* IMAP_LIST_*: selection and RETURN options */
	bool extended;        /* any extended syntax was used */
	str reference;        /* UTF-8 */
	str *patterns;        /* UTF-8 with wildcards */
	size_t n;
	unsigned status;                    /* IMAP_STATUS_* of RETURN (STATUS ...) */
	struct imap_metadata_args metadata; /* RETURN (METADATA ...) */
};

enum {
	IMAP_STATUS_MESSAGES = 1,
	IMAP_STATUS_UIDNEXT = 2,
	IMAP_STATUS_UIDVALIDITY = 4,
	IMAP_STATUS_UNSEEN = 8,
	IMAP_STATUS_DELETED = 16,
	IMAP_STATUS_SIZE = 32,
	IMAP_STATUS_RECENT = 64,
	IMAP_STATUS_HIGHESTMODSEQ = 128,
	IMAP_STATUS_MAILBOXID = 256,
	IMAP_STATUS_APPENDLIMIT = 512,
	IMAP_STATUS_DELETED_STORAGE = 1024,
};

struct imap_status_args {
	str mailbox;
	unsigned items;
};

enum imap_store_mode { IMAP_STORE_SET, IMAP_STORE_ADD, IMAP_STORE_REMOVE };

struct imap_store_args {
	struct imap_seqset set;
	enum imap_store_mode mode;
	bool silent;
	bool has_unchangedsince;
	uint64_t unchangedsince;
	struct imap_flags flags;
};

struct imap_copy_args {
	struct imap_seqset set;
	str mailbox;
};

/* UIDBATCHES (RFC 10022 3.1.5). Without a range: 1 to UINT32_MAX. `last` may be below `first`. */
struct imap_batches_args {
	uint32_t size;        /* messages in each, not 0 */
	uint32_t first, last; /* which batches; the first has the newest messages; not 0 */
};

struct imap_command {
	str tag;
	enum imap_verb verb;
	bool uid; /* prefixed with UID */
	union {
		str mailbox;    /* args mailbox */
		str client;     /* ID: the value of "name" */
		str quota_root; /* GETQUOTA, SETQUOTA */
		struct imap_select_args select;
		struct imap_create_args create;
		struct imap_rename_args rename;
		struct imap_list_args list;
		struct imap_status_args status;
		struct imap_append append;  /* without literals: URL parts alone */
		unsigned enable;            /* IMAP_ENABLED_* bits of the known names */
		struct imap_seqset expunge; /* UID EXPUNGE */
		struct imap_search_args search;
		struct imap_sort_args sort;
		struct imap_thread_args thread;
		struct imap_esearch_args esearch;
		struct imap_fetch_args fetch;
		struct imap_store_args store;
		struct imap_notify_args notify;
		struct imap_copy_args copy;
		struct imap_batches_args batches;
		struct imap_metadata_args metadata;
		struct imap_acl_args acl;
	} u;
};

/*
 * Parse one complete command.
 *
 * In      raw: tag to the last octet before the final CRLF, literals inline; borrowed, must outlive
 *         ret; state: where the session is; enabled: IMAP_ENABLED_*
 * Out     ret: tag is set whenever one could be read, even on errors (else empty); the rest on
 *         ERR_OK. Strings borrow from raw or live in `a`
 * Limits  limits.h
 * Errors  ERR_SYNTAX: BAD; ERR_UNSUPPORTED: unknown verb, BAD; ERR_BADSTATE: BAD, not in this
 *         state; ERR_CHARSET: NO [BADCHARSET] for SEARCH, else NO [CANNOT];
 *         ERR_TOOBIG, ERR_TOOMANY, ERR_BUDGET: NO [LIMIT]
 * RFC     9051 6, 9
 */
enum err imap_command_parse(struct arena *a, str raw, enum imap_state state, unsigned enabled,
    struct imap_command *ret);

/* The tag at the start of `raw`, empty when there is none that may be echoed. */
str imap_tag_of(str raw);

/* True when `raw` starts with a tag and APPEND, REPLACE or UID REPLACE: messages are streamed. */
bool imap_is_append(str raw);

/* Is the literal behind this line, of such a command, the string of a URL? Without its "{n}". */
bool imap_append_wants_url(str line);

/*
 * Parse the next line of an APPEND or REPLACE.
 *
 * In      line: from the tag, or from behind the last literal of message octets, to the literal
 *         announcement or the final CRLF, both left out; literal: one of message octets follows
 * Out     a: goes on from the line before; steps are this line's, and live in `arena`
 * Errors  ERR_AGAIN: the literal that comes is the mailbox name; else as imap_command_parse
 */
enum err imap_append_parse(struct arena *arena, str line, unsigned enabled, bool literal,
    struct imap_append *a);

#endif
