/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine from inside: a list of names that were asked for, each once, and three rounds of
 * questions: the author's walk; the walks of identifiers that may be aligned; whether the author's
 * name exists. A round begins when the one before is answered.
 */
#ifndef PROTO_DMARC_DMARC_PRIV_H
#define PROTO_DMARC_DMARC_PRIV_H

#include "proto/dmarc/dmarc.h"

enum dmarc_state { DMARC_NEW, DMARC_ASKED, DMARC_ANSWERED };

/* What a name published. */
enum dmarc_found { DMARC_NOTHING, DMARC_RECORD, DMARC_UNREADABLE, DMARC_FAILED };

struct dmarc_name {
	str domain;   /* part of a domain of the letter */
	str question; /* "_dmarc." before it, but for the address */
	bool address; /* asks for A: does the author's name exist? */
	enum dmarc_state state;
	enum dmarc_found found;
	bool missing; /* NXDOMAIN */
	struct dmarc_record record;
};

/* What a walk came to. */
struct dmarc_walk {
	str organization;
	const struct dmarc_name *own;    /* record at the domain itself, or NULL */
	const struct dmarc_name *above;  /* record at the organization, or NULL */
	const struct dmarc_name *suffix; /* record with psd=y above it, or NULL */
	bool explicit_psd;               /* a psd tag decided: the list of suffixes has no say */
	bool failed;                     /* DNS failed before it could be decided */
	bool unreadable;                 /* a record on the way could not be read */
};

struct dmarc {
	uint32_t magic;
	bool done;
	unsigned round;
	struct arena *a;
	str from;
	dmarc_suffix_fn *suffix;
	void *suffix_ctx;
	size_t identifiers_n;
	struct dmarc_identifier identifier[DMARC_IDENTIFIERS_MAX]; /* domain.n == 0: not one */
	size_t names_n;
	struct dmarc_name name[DMARC_NAMES_MAX];
	struct dmarc_walk author;
	struct dmarc_result result;
};

/* --- walk.c --- */
/* Add the names of a walk that were not asked for; false: there is no room. */
bool dmarc_walk_ask(struct dmarc *d, str domain);
/* All its names are answered: what it came to. */
struct dmarc_walk dmarc_walk_end(const struct dmarc *d, str domain);
/* Organization by the list; p == NULL: it knows none, or there is no list. */
str dmarc_listed(const struct dmarc *d, str domain);
/* Is `domain` `parent` or below it? */
bool dmarc_within(str domain, str parent);

/* --- align.c --- */
/* The record that counts; NULL: none. Sets what the result says about it. */
const struct dmarc_record *dmarc_discover(struct dmarc *d);
/* Ask for the walks that alignment needs. */
void dmarc_align_ask(struct dmarc *d);
/* Ask whether the author's name exists, if that matters. */
void dmarc_exists_ask(struct dmarc *d);
/* The verdict: everything is answered. */
void dmarc_judge(struct dmarc *d);

/* --- dmarc.c --- */
void dmarc_end(struct dmarc *d, enum mail_authres result);
/* Add a question; NULL: no room, or the name would be too long (then it counts as nothing). */
struct dmarc_name *dmarc_name_add(struct dmarc *d, str domain, bool address);

#endif
