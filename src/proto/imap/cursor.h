/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens of RFC 9051 section 9, read from one complete command. After the first failure every
 * read gives nothing and the cursor stands at the end; check imap_cur_end() once. Private to the
 * parsers of this folder.
 */
#ifndef PROTO_IMAP_CURSOR_H
#define PROTO_IMAP_CURSOR_H

#include "base/arena.h"
#include "base/err.h"

struct imap_cur {
	const char *p, *end;
	struct arena *arena;
	enum err err;
	bool utf8; /* mailbox names are UTF-8, not modified UTF-7 */
};

/* Stand before the first octet of `raw`, which is borrowed; copies live in `a`. */
struct imap_cur imap_cur_make(struct arena *a, str raw, bool utf8);

/* Remember the first failure and go to the end. */
void imap_cur_fail(struct imap_cur *c, enum err e);
static inline bool
imap_cur_ok(const struct imap_cur *c)
{
	return c->err == ERR_OK;
}
/* Everything was read without failure; leftovers are ERR_SYNTAX. */
enum err imap_cur_end(struct imap_cur *c);

/* Is the next octet `ch`? */
bool imap_cur_is(const struct imap_cur *c, char ch);
/* Take `ch` if it is next. */
bool imap_cur_try(struct imap_cur *c, char ch);
/* Take `ch`; anything else fails. */
void imap_cur_ch(struct imap_cur *c, char ch);
static inline void
imap_cur_sp(struct imap_cur *c)
{
	imap_cur_ch(c, ' ');
}

/* Take `word` (case ignored) when it is next and no further atom octet follows it. */
bool imap_cur_word(struct imap_cur *c, str word);

str imap_cur_atom(struct imap_cur *c);    /* 1*ATOM-CHAR */
str imap_cur_astring(struct imap_cur *c); /* 1*ASTRING-CHAR / string */
str imap_cur_string(struct imap_cur *c);  /* quoted / literal, also literal8 */
/* string or NIL; NIL gives p == NULL. */
str imap_cur_nstring(struct imap_cur *c);
/* list-mailbox: astring that may hold wildcards. */
str imap_cur_list_mailbox(struct imap_cur *c);
/* Octets up to SP, ")" or the end; at least one. For sequence sets and dates. */
str imap_cur_run(struct imap_cur *c);

/* number: 32 bits. number64: 63 bits. Larger ones fail. */
uint32_t imap_cur_number(struct imap_cur *c);
uint32_t imap_cur_nz_number(struct imap_cur *c); /* not 0 */
uint64_t imap_cur_number64(struct imap_cur *c);

/* A mailbox name as UTF-8 in canonical form (see imap_mailbox_decode). */
str imap_cur_mailbox(struct imap_cur *c);

/* "$Keyword", "\Seen": with its backslash. */
str imap_cur_flag(struct imap_cur *c);

/*
 * Name from the wire to UTF-8: modified UTF-7 unless utf8; INBOX, alone or before "/", in upper
 * case.
 *
 * Errors  ERR_CHARSET: neither valid; ERR_TOOBIG: over IMAP_MAILBOX_NAME_MAX; ERR_BUDGET
 * RFC     9051 5.1; 3501 5.1.3
 */
enum err imap_mailbox_decode(struct arena *a, str wire, bool utf8, str *ret);

bool imap_is_atom_char(char ch);    /* ATOM-CHAR */
bool imap_is_astring_char(char ch); /* ATOM-CHAR / resp-specials */

#endif
