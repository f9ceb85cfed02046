/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The letter that carries a report of a day about a domain, as DMARC (RFC 7489 7.2.1.1) and TLS
 * (RFC 8460 5.1, 5.3) have it: a part for people and the compressed report. What the report is of,
 * in words and as an attachment, the engines say (proto/dmarc, proto/tlsrpt).
 */
#ifndef MAIL_REPORT_H
#define MAIL_REPORT_H

#include "base/buf.h"

struct mail_report {
	str organization, contact, id; /* id: unique, of dot-atom and one "@" */
	str submitter;                 /* domain of `contact` */
	str domain;                    /* A-label: whom the report is about */
	int64_t begin_s, end_s;        /* the last second is part of it */
};

struct mail_report_letter {
	const struct mail_report *report;
	str to, message_id, boundary; /* message_id with its brackets */
	int64_t now_s;
	str gzip; /* the report, compressed */
};

/*
 * Append the letter in order: head, words of the engine, period, words, attachment. All with CRLF;
 * the buffer's sticky error tells of size.
 *
 * In      multipart: "mixed;", with parameters that go before the boundary; type: of the
 *         attachment; ending: of its name, before ".gz"
 */
void mail_report_head(struct buf *out, const struct mail_report_letter *l, const char *multipart);
/* "from ... to ..." in words. */
void mail_report_period(struct buf *out, const struct mail_report *r);
void mail_report_attachment(struct buf *out, const struct mail_report_letter *l, const char *type,
    const char *ending);

#endif
