/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Argument parsers, one per "args" word of commands.def, and what they share. Each starts right
 * behind the verb and leaves the cursor at the end; command.c checks that. Private to this folder.
 */
#ifndef PROTO_IMAP_ARGS_H
#define PROTO_IMAP_ARGS_H

#include "proto/imap/command.h"
#include "proto/imap/cursor.h"

typedef void imap_args_fn(struct imap_cur *c, struct imap_command *cmd);

imap_args_fn imap_args_none, imap_args_id, imap_args_enable, imap_args_compress;
imap_args_fn imap_args_select;
imap_args_fn imap_args_create, imap_args_mailbox, imap_args_rename, imap_args_status;
imap_args_fn imap_args_list, imap_args_lsub;
imap_args_fn imap_args_getmetadata, imap_args_setmetadata;
imap_args_fn imap_args_acl, imap_args_setacl;
imap_args_fn imap_args_append;
imap_args_fn imap_args_expunge, imap_args_fetch, imap_args_store, imap_args_copy;
imap_args_fn imap_args_uidbatches;
imap_args_fn imap_args_getquota, imap_args_setquota;
imap_args_fn imap_args_notify;
imap_args_fn imap_args_search, imap_args_sort, imap_args_thread, imap_args_esearch;

/* "RETURN" SP "(" options ")" SP, where it stands; the rest of `search` is the caller's. */
void imap_parse_return(struct imap_cur *c, struct imap_search_args *search);
/* charset SP; only UTF-8 and US-ASCII are known. */
void imap_parse_charset(struct imap_cur *c);
/* search-key *(SP search-key), to the end of the command; the options of RETURN are known. */
void imap_parse_program(struct imap_cur *c, struct imap_search_args *search);
/* partial-range (RFC 9394). */
struct imap_partial imap_parse_partial(struct imap_cur *c);

/*
 * One line of APPEND or REPLACE, from behind the verb or behind a literal of message octets.
 *
 * In      literal: such a literal follows the line (append->literal8 says which)
 * Out     append: steps live in the cursor's arena and borrow from the line
 * Errors  ERR_AGAIN: the literal that follows is the mailbox name; else as imap_command_parse
 */
void imap_append_line(struct imap_cur *c, struct imap_append *append, bool literal);

/* "(" status-att *(SP status-att) ")" */
unsigned imap_parse_status_items(struct imap_cur *c);

/* entries of RFC 5464 5; `bare`: several need no parentheses. */
void imap_parse_entries(struct imap_cur *c, bool bare, struct imap_metadata_args *ret);

/* What FETCH may ask for; modifiers are left to the caller. */
void imap_parse_fetch_items(struct imap_cur *c, struct imap_fetch_args *fetch);

/* sequence-set; empty after a failure. */
struct imap_seqset imap_parse_set(struct imap_cur *c);

/* flag-list, or bare flags up to the end when there is no parenthesis (STORE). */
struct imap_flags imap_parse_flags(struct imap_cur *c);

/* section-spec, up to "]" or the end; item and peek of `s` are set before. */
void imap_parse_section_spec(struct imap_cur *c, struct imap_section *s);

/* A growing array in the command's arena: room for one more item, or NULL and the cursor fails. */
struct imap_vec {
	void *p;
	size_t n, cap, max;
	size_t size; /* of one item */
};
void *imap_vec_add(struct imap_cur *c, struct imap_vec *v);

#endif
