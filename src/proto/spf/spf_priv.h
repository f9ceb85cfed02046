/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine from inside. It stands in one of two states: it waits for look-ups, and `after` says
 * what happens when the last of them is answered; or it runs, and `next` says with what. One loop
 * (spf.c) does the one or the other. Included records are a stack of frames, not recursion.
 */
#ifndef PROTO_SPF_SPF_PRIV_H
#define PROTO_SPF_SPF_PRIV_H

#include "mail/address.h"
#include "proto/dns/dns.h"
#include "proto/spf/macro.h"
#include "proto/spf/record.h"
#include "proto/spf/spf.h"

/* How a question ended. */
enum spf_outcome {
	SPF_OPEN,
	SPF_FAILED, /* no answer, SERVFAIL, bogus */
	SPF_VOID,   /* no such name, or no such record */
	SPF_MISS,   /* addresses, but not the peer's */
	SPF_HIT, /* the peer's address; any record of exists and the first questions of a batch */
};

struct spf_lookup {
	str name;     /* raw: labels joined by dots, without escapes */
	str question; /* as text of RFC 1035 5.1; p == NULL: not to be asked */
	uint16_t type;
	bool asked;
	enum spf_outcome outcome;
};

/* A record in work. */
struct spf_frame {
	str domain; /* raw */
	struct spf_record record;
	size_t at; /* term */
	bool redirected;
};

typedef void spf_fn(struct spf *s);

struct spf {
	uint32_t magic;
	bool done;
	bool counted;    /* the term at work was counted */
	bool known;      /* the peer's names were asked for */
	bool any;        /* any record will do, not the peer's address or an SPF record alone */
	bool explaining; /* the result is FAIL, whatever happens now */
	bool local_utf8; /* RFC 8616 4 */
	struct arena *a;
	struct spf_values values;
	uint8_t ip[16];
	spf_fn *next;   /* NULL: waiting */
	spf_fn *after;  /* when all look-ups are answered */
	spf_fn *resume; /* when the peer's names are known */
	unsigned id;    /* of lookup[0] */
	unsigned bits;  /* of an address that must agree with the peer's */
	size_t lookups_n;
	struct spf_lookup lookup[SPF_QUESTIONS_MAX];
	size_t depth; /* frames in use */
	struct spf_frame frame[SPF_DEPTH_MAX];
	str text; /* of the first TXT record that counts */
	size_t texts_n;
	size_t names_n; /* of an MX or PTR answer, those beyond the limit counted too */
	struct {
		uint16_t preference;
		str name;
	} names[SPF_NAMES_MAX];
	size_t validated_n;
	str validated[SPF_NAMES_MAX];
	str explain; /* text of the exp record, at work */
	struct spf_result result;
};

static inline struct spf_frame *
spf_top(struct spf *s)
{
	return &s->frame[s->depth - 1];
}

/* --- spf.c: questions and the end --- */
/* Forget the look-ups of before; then add some and wait. */
void spf_lookups_reset(struct spf *s);
void spf_lookup_add(struct spf *s, str name, uint16_t type);
void spf_wait(struct spf *s, spf_fn *after);
/* One more answer was empty; false when that was one too many, and the check has ended. */
bool spf_void(struct spf *s);
/* The check as a whole ends: `problem` static, or NULL. */
void spf_end(struct spf *s, enum mail_authres result, const char *problem);

/* --- eval.c --- */
/* Put the record of a domain in work, in a frame of its own. */
void spf_begin_record(struct spf *s, str domain);

/* --- names.c --- */
/*
 * Expand a domain-spec into a raw name cut to SPF_NAME_MAX; p == NULL: none can be made (malformed,
 * or RFC 8616 4 forbids it). Ends the check when memory is out or the expansion is too long: look
 * at s->done. spf_names_need first.
 */
str spf_expand(struct spf *s, str spec);
/* Well-formed: labels of 1 to 63 octets, 253 in all. */
bool spf_name_valid(str name);
/* True when the text needs the peer's names and they are not known: they are asked for, and then
 * `resume` runs. */
bool spf_names_need(struct spf *s, str text, spf_fn *resume);
/* Ask for them whatever; then `resume` runs. */
void spf_names_ask(struct spf *s, spf_fn *resume);
/* The name for %{p} below `domain`; empty: unknown. */
str spf_names_best(const struct spf *s, str domain);
/* Is one of the peer's names `domain` or below it? */
bool spf_names_within(const struct spf *s, str domain);
/* Hosts of the MX record s->names: ask for their addresses, in order of preference. */
void spf_names_addresses(struct spf *s, spf_fn *after);

#endif
