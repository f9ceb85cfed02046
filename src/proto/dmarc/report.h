/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregate reports (RFC 7489 7.2) as text: who is to get one, the report in XML, the letter that
 * carries it. Pure: who counts letters, asks DNS, compresses and sends is svc/watch.
 */
#ifndef PROTO_DMARC_REPORT_H
#define PROTO_DMARC_REPORT_H

#include "base/buf.h"
#include "mail/report.h"
#include "proto/dmarc/dmarc.h"

enum {
	DMARC_RUA_MAX = 4,       /* addresses that a report goes to; 7489 6.2 wants two at least */
	DMARC_REPORT_TEXT = 255, /* octets of a text in a report that strangers chose */
	DMARC_REPORT_RESULTS = 16, /* signatures of a row */
};

/* ---- to whom -------------------------------------------------------------------------------- */

struct dmarc_rua {
	str mailto;          /* behind "mailto:", percent-encoding not undone */
	uint64_t octets_max; /* of the letter's attachment; 0: no limit */
};

struct dmarc_ruas {
	struct dmarc_rua v[DMARC_RUA_MAX];
	size_t n;
	size_t others; /* of other schemes */
};

/*
 * Take the value of rua apart.
 *
 * Out     ret: borrows from `rua`; what cannot be read is left out
 * Limits  DMARC_RUA_MAX; further ones are not looked at
 * RFC     7489 6.2 (uri [ "!" 1*DIGIT [ "k" / "m" / "g" / "t" ] ]), 6.3
 */
void dmarc_rua_read(str rua, struct dmarc_ruas *ret);

/* Where a receiver in another organization says that it wants reports. RFC 7489 7.1 (3, 4) */
void dmarc_external_name(struct buf *out, str domain, str receiver);

/* ---- the report ----------------------------------------------------------------------------- */

struct dmarc_report_signature {
	str domain, selector, result;
};

/* Letters that are alike. Words are those of mail_authres_word. */
struct dmarc_report_row {
	str ip; /* as text */
	uint64_t count;
	str disposition, reason; /* reason: a type of 7489 appendix C; empty: none */
	bool dkim, spf;          /* aligned and passed */
	str from, sender;        /* domains of From and reverse-path */
	str spf_domain, spf_result;
	bool helo; /* SPF looked at the name of HELO */
	const struct dmarc_report_signature *signatures;
	size_t n;
};

/*
 * Written in order: begin, rows, end. Texts become XML whatever they are: what XML cannot say is
 * left out, and long ones are cut. The buffer's sticky error tells of size. RFC 7489 appendix C
 */
void dmarc_report_begin(struct buf *out, const struct mail_report *h,
    const struct dmarc_record *published);
void dmarc_report_row(struct buf *out, const struct dmarc_report_row *r);
void dmarc_report_end(struct buf *out);

/* Append s as character data. */
void dmarc_xml_text(struct buf *out, str s);

/* ---- the letter ----------------------------------------------------------------------------- */

/* Append the whole letter, with CRLF. RFC 7489 7.2.1.1 */
void dmarc_report_letter(struct buf *out, const struct mail_report_letter *l);

#endif
