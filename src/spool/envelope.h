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
	SPOOL_PATH_MAX = 1000, /* reverse-path and addresses */
	SPOOL_RCPTS_MAX = 1000,
	SPOOL_ENVELOPE_MAX = 4 << 20,
};

/* One final recipient; what the fields mean is told in ipc/common.def. */
struct spool_rcpt {
	uint64_t account;
	str address, detail, original, orcpt;
	uint8_t notify;
};

struct spool_envelope {
	uint64_t session, account;
	bool submission, smtputf8, body8bit;
	uint8_t ret;
	int64_t received_s;
	str reverse_path, envid, peer_ip;
	struct spool_rcpt *rcpts;
	size_t rcpts_n;
};

/* Append the envelope; the buffer's sticky error tells when it did not fit. */
void spool_envelope_put(struct buf *out, const struct spool_envelope *e);

/*
 * In      text: one whole envelope, borrowed by `ret`
 * Out     ret: set only on ERR_OK; the recipients' array lives in `a`
 * Errors  ERR_SYNTAX: not an envelope; ERR_BUDGET
 */
enum err spool_envelope_get(str text, struct arena *a, struct spool_envelope *ret);

#endif
