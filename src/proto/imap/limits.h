/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything a client can grow, with its ceiling. Exceeding one is answered (BAD, NO [TOOBIG],
 * NO [LIMIT]) or ends the connection (BYE); it never grows memory further.
 */
#ifndef PROTO_IMAP_LIMITS_H
#define PROTO_IMAP_LIMITS_H

enum {
	/* One line without its literals; RFC 9051 has none, RFC 7162 4 asks for at least 8192. */
	IMAP_LINE_MAX = 65536,
	/* One literal that is not a message; RFC 7888 4 wants at least 4096. */
	IMAP_LITERAL_MAX = 65536,
	/* A whole command with all its literals, without messages. */
	IMAP_COMMAND_MAX = 262144,
	/* LITERAL-: largest non-synchronising literal the client may send (RFC 7888 5). */
	IMAP_LITERAL_MINUS_MAX = 4096,
	/* A refused non-synchronising literal up to this size is read and dropped; above, BYE. */
	IMAP_SKIP_MAX = 16777216,
	/* The same for a message of APPEND: BYE would only make the client send it again. */
	IMAP_SKIP_APPEND_MAX = 268435456,
	/* Literals in one command. */
	IMAP_LITERALS_MAX = 1000,
	/* Memory for one parsed command. */
	IMAP_COMMAND_BUDGET = 4194304,
	IMAP_TAG_MAX = 100,          /* what login_accounts.attach carries, too */
	IMAP_NEST_MAX = 20,          /* parentheses, NOT, OR and FUZZY of SEARCH */
	IMAP_SET_RANGES_MAX = 10000, /* sequence-set */
	IMAP_FLAGS_MAX = 100,        /* flags in one command */
	IMAP_FLAG_MAX = 255,         /* octets of a keyword */
	IMAP_FETCH_ITEMS_MAX = 200,
	IMAP_SECTION_DEPTH_MAX = 50,    /* numbers in a section-part */
	IMAP_SECTION_HEADERS_MAX = 500, /* names in HEADER.FIELDS, per item */
	IMAP_SEARCH_NODES_MAX = 2000,
	IMAP_SEARCH_TEXT_MAX = 1000, /* octets of one search string */
	IMAP_SEARCH_FUZZY_MAX = 8,   /* strings within FUZZY in one program */
	IMAP_SEARCH_SCORE_MAX = 100, /* RFC 6203 4 */
	IMAP_SORT_KEYS_MAX = 20,     /* each criterion once in both directions is enough */
	IMAP_BATCH_MIN = 500,        /* messages in a batch of UIDBATCHES; RFC 10022 3.1.3.2 */
	IMAP_BATCHES_MAX = 10000,    /* batches in one response: five million messages at least */
	IMAP_LOOKS_MAX = 1000,       /* mailboxes named in one ESEARCH */
	/* Newest references of one message that THREAD follows. */
	IMAP_THREAD_REFS_MAX = 1000,
	/* Steps of looking for loops in one THREAD. */
	IMAP_THREAD_STEPS_MAX = 100000000,
	IMAP_PATTERNS_MAX = 50, /* LIST */
	IMAP_PATTERN_MAX = 1000,
	IMAP_MAILBOX_NAME_MAX = 1000, /* octets in UTF-8 */
	IMAP_MATCH_NAME_MAX = 2048,   /* the same with what stands before one of somebody else's */
	IMAP_APPEND_MESSAGES_MAX = 1000, /* in one APPEND; RFC 3502 */
	IMAP_APPEND_STEPS_MAX = 1000,    /* messages and URLs in one line of it */
	IMAP_URL_MAX = 4096,             /* octets of a URL in CATENATE */
	/* NOTIFY: its text is kept with the session. */
	IMAP_NOTIFY_TEXT_MAX = 16384,
	IMAP_NOTIFY_GROUPS_MAX = 50,
	IMAP_NOTIFY_NAMES_MAX = 500, /* per group */
	IMAP_ID_PAIRS_MAX = 30,      /* RFC 2971 3.3 */
	IMAP_ENABLE_MAX = 50,
	IMAP_IDENTIFIER_MAX = 320, /* octets of an access identifier */
	IMAP_ENTRIES_MAX = 200,    /* annotations in one command */
	IMAP_ENTRY_MAX = 1000,     /* octets of an annotation's name */
	/* Response side. Octets of one string in ENVELOPE or BODYSTRUCTURE; longer ones are cut. */
	IMAP_ENVELOPE_STRING_MAX = 65536,
	/* Address lists of one ENVELOPE end here. */
	IMAP_ENVELOPE_MAX = 1048576,
	/* Parameters shown per Content-Type or Content-Disposition. */
	IMAP_BODY_PARAMS_MAX = 100,
	IMAP_BODY_LANGUAGES_MAX = 50,
};

#endif
