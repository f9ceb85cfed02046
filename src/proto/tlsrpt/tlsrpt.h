/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS reports (RFC 8460) as text: the record that asks for them, the report in JSON, the letter
 * that carries it. Pure: who counts sessions, compresses and sends is svc/watch.
 */
#ifndef PROTO_TLSRPT_TLSRPT_H
#define PROTO_TLSRPT_TLSRPT_H

#include "base/buf.h"
#include "mail/report.h"
#include "proto/tlsrpt/limits.h"

struct tlsrpt_record {
	size_t mail_n;
	str mail[TLSRPT_RUA_MAX]; /* as written: reports@example.org, percent-decoding undone yet */
	size_t https;             /* how many rua were https */
};

/*
 * The record below _smtp._tls.<domain>.
 *
 * In      records: TXT records, each with its strings joined
 * Out     ret: borrows from the records
 * Limits  TLSRPT_RUA_MAX addresses; further ones are not looked at
 * Errors  ERR_NOTFOUND: none, or more than one begins "v=TLSRPTv1;"; ERR_SYNTAX: it has no rua
 * RFC     8460 3
 */
enum err tlsrpt_record(const str *records, size_t n, struct tlsrpt_record *ret);

/*
 * Append the address of a mailto URI: what is before "?", percent-encoding undone.
 *
 * Errors  ERR_SYNTAX: no "@", a bad encoding, or an octet that no address of ours may have
 * RFC     6068 2; 3986 2.1
 */
enum err tlsrpt_address(str mailto, struct buf *out);

/* ---- the report ----------------------------------------------------------------------------- */

/*
 * The report is written in order: tlsrpt_begin; for each policy tlsrpt_policy, then its failures
 * by tlsrpt_failure, then tlsrpt_policy_end; tlsrpt_end. The buffer's sticky error tells of size.
 * RFC 8460 4.4
 */
void tlsrpt_begin(struct buf *out, const struct mail_report *h);

struct tlsrpt_policy {
	str type; /* "tlsa", "sts", "no-policy-found" */
	str text; /* TLSA records or the policy, a line each; empty: not known */
	str domain;
	uint64_t good, bad;
};
/* Its summary too; failure details follow. */
void tlsrpt_policy(struct buf *out, const struct tlsrpt_policy *p);

struct tlsrpt_failure {
	str result;
	const uint8_t *source_ip, *peer_ip; /* 16 octets, IPv4 as v4-mapped; NULL: not known */
	str mx, reason;
	uint64_t count;
};
/* One of the failure details of the policy begun last. */
void tlsrpt_failure(struct buf *out, const struct tlsrpt_failure *f);
/* Close the policy; close the report. */
void tlsrpt_policy_end(struct buf *out);
/* After the last policy: nothing may follow. */
void tlsrpt_end(struct buf *out);

/* ---- the letter ----------------------------------------------------------------------------- */

/* Append the whole letter, with CRLF. RFC 8460 5.1, 5.3 */
void tlsrpt_letter(struct buf *out, const struct mail_report_letter *l);

/* Append s as a JSON string; octets that are no UTF-8 become U+FFFD. RFC 7493 2.1 */
void tlsrpt_json_str(struct buf *out, str s);

#endif
