/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The letter that carries an aggregate report: a part for people and the compressed report. RFC
 * 7489 7.2.1.1 (subject, file name, type).
 */
#include "base/codec.h"
#include "mail/date.h"
#include "proto/dmarc/report.h"

enum { LINE_OCTETS = 57 }; /* 76 characters of base64: RFC 2045 6.8 */

/* Folded, so that a line stays short whatever the domains are. */
static void
head(struct buf *out, const struct dmarc_report_letter *l)
{
	const struct dmarc_report_head *h = l->head;
	buf_printf(out, "From: %.*s\r\nTo: %.*s\r\nDate: ", STR_ARG(h->contact), STR_ARG(l->to));
	mail_date_put(out, l->now_s, 0);
	buf_printf(out,
	    "\r\nSubject: Report Domain: %.*s\r\n Submitter: %.*s\r\n Report-ID: <%.*s>\r\n"
	    "Message-ID: %.*s\r\n",
	    STR_ARG(h->domain), STR_ARG(h->submitter), STR_ARG(h->id), STR_ARG(l->message_id));
	buf_printf(out,
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/mixed; boundary=\"%.*s\"\r\nContent-Language: en\r\n\r\n",
	    STR_ARG(l->boundary));
}

static void
words(struct buf *out, const struct dmarc_report_letter *l)
{
	const struct dmarc_report_head *h = l->head;
	buf_printf(out,
	    "--%.*s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nThis is an aggregate"
	    " report on letters from\r\n%.*s\r\nthat came to\r\n%.*s\r\nfrom ",
	    STR_ARG(l->boundary), STR_ARG(h->domain), STR_ARG(h->submitter));
	mail_date_put_iso(out, h->begin_s);
	buf_cstr(out, " to ");
	mail_date_put_iso(out, h->end_s);
	buf_cstr(out, ", as the record\r\n_dmarc of that domain asks for (RFC 7489).\r\n\r\n");
}

static void
attachment(struct buf *out, const struct dmarc_report_letter *l)
{
	const struct dmarc_report_head *h = l->head;
	buf_printf(out,
	    "--%.*s\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment;\r\n filename=\"%.*s!%.*s!%lld!%lld.xml.gz\"\r\n\r\n",
	    STR_ARG(l->boundary), STR_ARG(h->submitter), STR_ARG(h->domain), (long long)h->begin_s,
	    (long long)h->end_s);
	for (size_t at = 0; at < l->gzip.n; at += LINE_OCTETS) {
		base64_encode(out, str_sub(l->gzip, at, LINE_OCTETS));
		buf_cstr(out, "\r\n");
	}
}

void
dmarc_report_letter(struct buf *out, const struct dmarc_report_letter *l)
{
	head(out, l);
	words(out, l);
	attachment(out, l);
	buf_printf(out, "\r\n--%.*s--\r\n", STR_ARG(l->boundary));
}
