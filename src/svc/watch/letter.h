/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the journal to a letter with a report.
 */
#ifndef SVC_WATCH_LETTER_H
#define SVC_WATCH_LETTER_H

#include "base/err.h"
#include "base/str.h"

struct svc_watch;

struct svc_watch_letter {
	int64_t day, now_s;
	str domain, to, record; /* record: of DMARC, as published */
	uint64_t octets_max;    /* of the compressed report; 0: as many as queue takes */
	size_t index;           /* among the addresses of this report */
	str message_id, body;   /* out: in w->scratch */
};

struct buf;
struct mail_report;
struct mail_report_letter;

/*
 * What a report says of itself; texts live in w->scratch. Its contact is RFC 8460's contact-info:
 * the domain of that is submitter and, as From, signer.
 *
 * In      prefix: of the report's id
 * Errors  BUDGET
 */
enum err svc_watch_report_about(struct svc_watch *w, const struct svc_watch_letter *l,
    const char *prefix, struct mail_report *ret);
/* Append `in` compressed (RFC 1952), SVC_WATCH_REPORT_OCTETS at most: else ERR_TOOBIG. */
enum err svc_watch_compress(str in, struct buf *out);
/*
 * What `put` makes of the compressed report becomes l->body, in w->scratch.
 *
 * In      letter: report, boundary and gzip; the rest is filled in
 * Errors  BUDGET, TOOBIG
 */
enum err svc_watch_letter_put(struct svc_watch *w, struct svc_watch_letter *l,
    struct mail_report_letter *letter,
    void (*put)(struct buf *out, const struct mail_report_letter *l));

/*
 * Make the report of a day and domain: of TLS; of DMARC is svc_watch_dmarc.make.
 *
 * Out     message_id, body: live until w->scratch is reset
 * Limits  SVC_WATCH_JSON_OCTETS before, SVC_WATCH_REPORT_OCTETS after compression
 * Errors  TOOBIG, BUDGET, NOMEM, and those of the journal
 */
enum err svc_watch_letter_make(struct svc_watch *w, struct svc_watch_letter *l);

#endif
