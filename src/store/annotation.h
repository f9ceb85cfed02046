/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Annotations of an open store: small named values kept with a mailbox, or with the account
 * (mailbox 0). The store does not read the names; IMAP's METADATA uses those that start with "/",
 * access control lists others. They follow a renamed mailbox, end with a deleted one, and a
 * rebuild restores them. A new mailbox takes over those of the one above it whose names do not
 * start with "/". Included by store.h; start there.
 */
#ifndef STORE_ANNOTATION_H
#define STORE_ANNOTATION_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct store;

struct store_annotation {
	uint64_t mailbox; /* 0: the account */
	uint64_t modseq;  /* of its last change; the account's clock. Not used when setting */
	str entry;        /* octets, compared as they are; never empty */
	str value;        /* p is NULL: there is none */
};

struct store_annotation_list {
	struct store_annotation *v;
	size_t n;
};

/*
 * The annotations of a mailbox whose names start with `start`, in order of their names.
 *
 * Out     ret: lives in `a`
 * Errors  DB, BUDGET
 */
enum err store_annotations(struct store *s, uint64_t mailbox, str start, struct arena *a,
    struct store_annotation_list *ret);

/*
 * Set or remove annotations in one durable transaction: all of them or none.
 *
 * In      list: a value without octets (p not NULL) is a value; p NULL removes
 * Out     ret_modseq: of the change; may be NULL
 * Limits  STORE_ANNOTATION_*
 * Errors  NOTFOUND (mailbox), TOOBIG (name or value), TOOMANY (per mailbox, or octets of the
 *         account), DB, IO, NOSPACE
 * RFC     5464 4.3
 */
enum err store_annotate(struct store *s, const struct store_annotation *list, size_t n,
    uint64_t *ret_modseq);

/* One annotation that becomes what others, as they are then, make of it. */
struct store_annotation_choice {
	uint64_t mailbox;
	str start; /* of the names that it is chosen by; its own has it, too */
	/* `one` is empty, with the mailbox; any error ends it with nothing changed. */
	enum err (*choose)(void *ctx, const struct store_annotation_list *now,
	    struct store_annotation *one);
	void *ctx;
	struct arena *a; /* for the list */
};

/*
 * Look, choose and set or remove in one durable transaction: nobody changes them in between.
 *
 * Errors  those of store_annotate, of store_annotations, and of `choose`
 */
enum err store_annotate_by(struct store *s, const struct store_annotation_choice *c);

/*
 * What changed after modseq `since`, in order of modseq, without values; at most
 * STORE_ANNOTATION_NEWS_MAX. What was removed comes too, unless others took its room meanwhile.
 *
 * Errors  DB, BUDGET
 * RFC     5464 4.4
 */
enum err store_annotations_since(struct store *s, uint64_t since, str start, struct arena *a,
    struct store_annotation_list *ret);

/* The modseq of the last change of any annotation; 0: none. */
enum err store_annotations_modseq(struct store *s, uint64_t *ret);

#endif
