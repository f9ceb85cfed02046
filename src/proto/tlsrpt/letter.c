/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The letter that carries a report: multipart/report with a part for people and the compressed
 * report. RFC 8460 5.1 (file name), 5.3 (fields and parts); RFC 6522.
 */
#include "base/codec.h"
#include "mail/date.h"
#include "proto/tlsrpt/tlsrpt.h"

enum { LINE_OCTETS = 57 }; /* 76 characters of base64: RFC 2045 6.8 */

static void
field(struct buf *out, const char *name, str value)
{
	buf_printf(out, "%s: ", name);
	buf_str(out, value);
	buf_cstr(out, "\r\n");
}

/* Folded, so that a line stays short whatever the domains are. */
static void
head(struct buf *out, const struct tlsrpt_letter *l)
{
	const struct tlsrpt_head *h = l->head;

	field(out, "From", h->contact);
	field(out, "To", l->to);
	buf_cstr(out, "Date: ");
	mail_date_put(out, l->now_s, 0);
	buf_cstr(out, "\r\nSubject: Report Domain: ");
	buf_str(out, h->domain);
	buf_cstr(out, "\r\n Submitter: ");
	buf_str(out, h->submitter);
	buf_cstr(out, "\r\n Report-ID: <");
	buf_str(out, h->id);
	buf_cstr(out, ">\r\n");
	field(out, "Message-ID", l->message_id);
	field(out, "TLS-Report-Domain", h->domain);
	field(out, "TLS-Report-Submitter", h->submitter);
	buf_cstr(out,
	    "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n boundary=\"");
	buf_str(out, l->boundary);
	buf_cstr(out, "\"\r\nContent-Language: en\r\n\r\n");
}

static void
part(struct buf *out, str boundary, const char *tail)
{
	buf_cstr(out, "--");
	buf_str(out, boundary);
	buf_cstr(out, tail);
}

static void
words(struct buf *out, const struct tlsrpt_head *h)
{
	buf_cstr(out,
	    "Content-Type: text/plain; charset=us-ascii\r\n\r\nThis is a report on TLS"
	    " sessions from\r\n");
	buf_str(out, h->submitter);
	buf_cstr(out, "\r\nto the mail servers of\r\n");
	buf_str(out, h->domain);
	buf_cstr(out, "\r\nfrom ");
	mail_date_put_iso(out, h->begin_s);
	buf_cstr(out, " to ");
	mail_date_put_iso(out, h->end_s);
	buf_cstr(out, ", as the record\r\n_smtp._tls of that domain asks for (RFC 8460).\r\n");
}

static void
attachment(struct buf *out, const struct tlsrpt_letter *l)
{
	const struct tlsrpt_head *h = l->head;

	buf_cstr(out,
	    "Content-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding:"
	    " base64\r\nContent-Disposition: attachment;\r\n filename=\"");
	buf_str(out, h->submitter);
	buf_ch(out, '!');
	buf_str(out, h->domain);
	buf_printf(out, "!%lld!%lld.json.gz\"\r\n\r\n", (long long)h->begin_s, (long long)h->end_s);
	for (size_t at = 0; at < l->gzip.n; at += LINE_OCTETS) {
		base64_encode(out, str_sub(l->gzip, at, LINE_OCTETS));
		buf_cstr(out, "\r\n");
	}
}

void
tlsrpt_letter(struct buf *out, const struct tlsrpt_letter *l)
{
	head(out, l);
	part(out, l->boundary, "\r\n");
	words(out, l->head);
	buf_cstr(out, "\r\n");
	part(out, l->boundary, "\r\n");
	attachment(out, l);
	buf_cstr(out, "\r\n");
	part(out, l->boundary, "--\r\n");
}
