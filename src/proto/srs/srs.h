/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sender rewriting scheme: a reverse-path at one of our domains that holds another one, so that
 * a letter we forward passes SPF and its bounces find back. There is no RFC; the form is the one
 * that forwarders have used since 2003, the hash is ours alone to know.
 *
 *	SRS0=HASH=DAY=domain=local@us                       domain, local: of the sender
 *	SRS1=HASH=first==HASH=DAY=domain=local@us           first: who made the SRS0 address
 */
#ifndef PROTO_SRS_SRS_H
#define PROTO_SRS_SRS_H

#include "base/buf.h"

enum {
	SRS_KEY = 16, /* octets of a key */
	SRS_KEYS_MAX = 4,
	SRS_HASH = 8,        /* characters of 5 bits: ours are read back by us alone */
	SRS_DAYS_MAX = 30,   /* a bounce may take so long; queues give up after five */
	SRS_FUTURE_DAYS = 1, /* clocks differ */
	SRS_LOCAL_MAX = 240, /* octets of the local part we write; RFC 5321 4.5.3.1.3: path 256 */
};

/* Keys: the first one writes, all of them are believed. */
struct srs {
	const uint8_t (*keys)[SRS_KEY];
	size_t keys_n; /* at least 1, at most SRS_KEYS_MAX */
};

/*
 * Rewrite a reverse-path. An address that another forwarder rewrote stays one level deep: bounces
 * go to the first of them directly.
 *
 * In      local: without quotes; domain: canonical, of somebody else; both not empty
 * Out     out: local part, not quoted, appended
 * Limits  SRS_LOCAL_MAX
 * Errors  TOOBIG: the result would be longer; SYNTAX: an empty part. `out` then holds what it held
 */
enum err srs_forward(const struct srs *s, str local, str domain, int64_t now_s, struct buf *out);

/* Does a local part look like one that srs_forward has written? ASCII case is ignored. */
bool srs_is(str local);

/* What an address of ours holds; both point into what was read or into `text`. */
struct srs_sender {
	str local, domain;
	char text[SRS_LOCAL_MAX + 8];
};

/*
 * Take a rewritten address back to where its bounces belong. For SRS1 that is the SRS0 address at
 * the first forwarder.
 *
 * In      local: without quotes, of an address at our domain; borrowed as long as ret is used
 * Errors  NOTFOUND: not such an address at all; SYNTAX; DENIED: not written by us, or changed;
 *         TIMEOUT: older than SRS_DAYS_MAX
 */
enum err srs_reverse(const struct srs *s, str local, int64_t now_s, struct srs_sender *ret);

#endif
