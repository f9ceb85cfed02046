/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The envelope of a queued message and its form on disk. Pure. Decoding checks every length again:
 * what was written by an earlier program, or by a damaged disk, is not trusted.
 */
#ifndef SPOOL_ENVELOPE_H
#define SPOOL_ENVELOPE_H

#include "base/arena.h"
#include "base/wire.h"

enum {
	/* what is written; 1 has no fields behind peer_ip, 2 no junk, 3 nothing of forwarding */
	SPOOL_ENVELOPE_VERSION = 4,
	SPOOL_PATH_MAX = 1000, /* reverse-path and addresses */
	SPOOL_MESSAGE_ID_MAX = 250,
	SPOOL_LANGUAGE_MAX = 16,
	SPOOL_RCPTS_MAX = 1000,
	SPOOL_ENVELOPE_MAX = 4 << 20,
};

/*
 * One final recipient; what the fields mean is told in ipc/common.def. account 0: at another
 * server.
 */
struct spool_rcpt {
	uint64_t account;
	str address, detail, original, orcpt;
	uint8_t notify;
	bool junk;
	str sender, via;
	uint64_t reports;
};

struct spool_envelope {
	uint64_t session, account;
	bool submission, smtputf8, body8bit;
	uint8_t ret;
	int64_t received_s;
	str reverse_path, envid, peer_ip;
	str message_id, language; /* of the submitter's reports; empty: not known */
	bool requiretls;          /* RFC 8689 */
	bool unenforced;          /* RFC 8460 3 */
	struct spool_rcpt *rcpts;
	size_t rcpts_n;
};

/* Append the envelope; the buffer's sticky error tells when it did not fit. */
void spool_envelope_put(struct buf *out, const struct spool_envelope *e);

/*
 * In      text: one whole envelope, borrowed by `ret`; version: of its record, 1 to 4
 * Out     ret: set only on ERR_OK; the recipients' array lives in `a`
 * Errors  ERR_SYNTAX: not an envelope; ERR_BUDGET
 */
enum err spool_envelope_get(str text, uint16_t version, struct arena *a,
    struct spool_envelope *ret);

#endif
