/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters with reports: what DMARC's and TLS's have in common.
 */
#include "mail/report.h"

#include "base/codec.h"
#include "mail/date.h"

enum { LINE_OCTETS = 57 }; /* 76 characters of base64: RFC 2045 6.8 */

/* Folded, so that a line stays short whatever the domains are. */
void
mail_report_head(struct buf *out, const struct mail_report_letter *l, const char *multipart)
{
	const struct mail_report *r = l->report;
	buf_printf(out, "From: %.*s\r\nTo: %.*s\r\nDate: ", STR_ARG(r->contact), STR_ARG(l->to));
	mail_date_put(out, l->now_s, 0);
	buf_printf(out,
	    "\r\nSubject: Report Domain: %.*s\r\n Submitter: %.*s\r\n Report-ID: <%.*s>\r\n"
	    "Message-ID: %.*s\r\n",
	    STR_ARG(r->domain), STR_ARG(r->submitter), STR_ARG(r->id), STR_ARG(l->message_id));
	buf_printf(out,
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/%s boundary=\"%.*s\"\r\nContent-Language: en\r\n\r\n",
	    multipart, STR_ARG(l->boundary));
	buf_printf(out, "--%.*s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n",
	    STR_ARG(l->boundary));
}

void
mail_report_period(struct buf *out, const struct mail_report *r)
{
	buf_cstr(out, "from ");
	mail_date_put_iso(out, r->begin_s);
	buf_cstr(out, " to ");
	mail_date_put_iso(out, r->end_s);
}

void
mail_report_attachment(struct buf *out, const struct mail_report_letter *l, const char *type,
    const char *ending)
{
	const struct mail_report *r = l->report;
	buf_printf(out,
	    "\r\n--%.*s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment;\r\n filename=\"%.*s!%.*s!%lld!%lld.%s.gz\"\r\n\r\n",
	    STR_ARG(l->boundary), type, STR_ARG(r->submitter), STR_ARG(r->domain),
	    (long long)r->begin_s, (long long)r->end_s, ending);
	for (size_t at = 0; at < l->gzip.n; at += LINE_OCTETS) {
		base64_encode(out, str_sub(l->gzip, at, LINE_OCTETS));
		buf_cstr(out, "\r\n");
	}
	buf_printf(out, "\r\n--%.*s--\r\n", STR_ARG(l->boundary));
}
