/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The letter that carries a report: multipart/report with a part for people and the compressed
 * report. RFC 8460 5.1 (file name), 5.3 (fields and parts); RFC 6522.
 */
#include "proto/tlsrpt/tlsrpt.h"

void
tlsrpt_letter(struct buf *out, const struct mail_report_letter *l)
{
	const struct mail_report *r = l->report;
	buf_printf(out, "TLS-Report-Domain: %.*s\r\nTLS-Report-Submitter: %.*s\r\n",
	    STR_ARG(r->domain), STR_ARG(r->submitter));
	mail_report_head(out, l, "report; report-type=\"tlsrpt\";\r\n");
	buf_printf(out,
	    "This is a report on TLS sessions from\r\n%.*s\r\nto the mail servers of\r\n%.*s\r\n",
	    STR_ARG(r->submitter), STR_ARG(r->domain));
	mail_report_period(out, r);
	buf_cstr(out, ", as the record\r\n_smtp._tls of that domain asks for (RFC 8460).\r\n");
	mail_report_attachment(out, l, "application/tlsrpt+gzip", "json");
}
