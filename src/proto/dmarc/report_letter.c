/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The letter that carries an aggregate report: a part for people and the compressed report. RFC
 * 7489 7.2.1.1 (subject, file name, type).
 */
#include "proto/dmarc/report.h"

void
dmarc_report_letter(struct buf *out, const struct mail_report_letter *l)
{
	const struct mail_report *r = l->report;
	mail_report_head(out, l, "mixed;");
	buf_printf(out,
	    "This is an aggregate report on letters from\r\n%.*s\r\nthat came to\r\n%.*s\r\n",
	    STR_ARG(r->domain), STR_ARG(r->submitter));
	mail_report_period(out, r);
	buf_cstr(out, ", as the record\r\n_dmarc of that domain asks for (RFC 7489).\r\n");
	mail_report_attachment(out, l, "application/gzip", "xml");
}
