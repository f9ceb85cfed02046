/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fields that we wrote above a delivered letter say of it: Authentication-Results and
 * X-Spam-Status (svc/scan/mark.c writes them, svc/smtp puts them in front of Received). Only to be
 * asked about letters that came from the queue. Few octets, to be kept beside a message.
 */
#ifndef MAIL_RESULTS_H
#define MAIL_RESULTS_H

#include "base/buf.h"
#include "mail/authres.h"

enum {
	MAIL_RESULTS_HEADER_MAX = 64 << 10, /* of a letter's header that are looked at */
	MAIL_RESULTS_FIELDS_MAX = 200,
	MAIL_RESULTS_REASON_MAX = 64,
	MAIL_RESULTS_PUT_MAX = 12 + MAIL_RESULTS_REASON_MAX,
};

/* Results are numbers of enum mail_authres; NONE: nobody looked. */
struct mail_results {
	uint8_t spf, dkim, dmarc, arc, iprev; /* of several signatures the best */
	bool scored;
	bool junk;     /* for all who got it; one recipient's own copy may be, nonetheless */
	int64_t score; /* thousandths of a point */
	str reason;    /* what added most points: "dmarc-reject"; empty: nothing did */
};

/*
 * In      header: of the stored letter, beginning with the Return-Path of its delivery (RFC 5321
 *         4.4), or the beginning of it
 * Out     ret: `reason` points into the header; written only when true is returned
 *
 * False when the second field is not Authentication-Results of the server that wrote the first
 * Received field below. What strangers write stands below that Received field, and a letter of an
 * account ("from client") has no results, whatever it says itself.
 *
 * RFC     8601 4.1, 5
 */
bool mail_results_read(str header, struct mail_results *ret);

/*
 * The octets to be kept: version 1; flags (1 scored, 2 junk); spf, dkim, dmarc, arc, iprev, an
 * octet each; score, 4 octets, two's complement; n and n octets of the reason.
 */
void mail_results_put(struct buf *out, const struct mail_results *r);
/* The same of a header; nothing when mail_results_read says false. */
void mail_results_keep(str header, struct buf *out);
/*
 * Back; `reason` points into `octets`.
 *
 * Errors  SYNTAX; VERSION: of a newer program
 */
enum err mail_results_get(str octets, struct mail_results *ret);

#endif
