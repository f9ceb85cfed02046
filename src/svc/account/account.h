/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every account process holds after it was forked: one account's open store and at most one
 * client's stream. Sessions (imap/) and delivery are run with it; main.c fills it and locks the
 * process down before either sees an octet from outside.
 */
#ifndef SVC_ACCOUNT_ACCOUNT_H
#define SVC_ACCOUNT_ACCOUNT_H

#include "base/err.h"
#include "base/str.h"

struct conf;
struct store;

struct svc_account {
	int stream;  /* SOCK_STREAM to gate; -1 in a delivery process. Not closed by sessions */
	int control; /* SOCK_SEQPACKET to accounts, edge accounts_account */
	struct store *store; /* open, owned by child.c; NULL: not needed so far */
	/* Opens it, or fails as store_open does: for a session that rested and missed nothing. */
	enum err (*open)(struct svc_account *a);
	const void *start; /* child.c's own, for `open` */
	const struct conf *conf;
	str folder;       /* the account's, the only one this process may see */
	str name;         /* canonical address that logged in */
	uint64_t account; /* account id */
	uint64_t session; /* session id given by gate, for log lines */
	bool alone;       /* nobody answers questions on `control`: in tests */
	uint64_t guest;   /* 0, or the account of a visitor: then this is somebody else's folder */
};

/* How a client arrived: what login handed over. Borrowed; the session copies what it keeps. */
struct svc_account_login {
	str tag;         /* IMAP: tag of the command that authenticated, to be answered with OK */
	str unread;      /* octets read from the stream after that command */
	uint64_t octets; /* read from the stream before us, `unread` among them */
	str parked;      /* what svc_account_imap_park_put left; p == NULL: a new session */
};

/*
 * Serve one IMAP session until the client logs out, the stream ends, autologout, or `quit` arrives
 * on the control channel. Blocks.
 *
 * In      a: all set, store may be NULL when `parked` is given and nothing has changed since then;
 *         stream may be blocking or not (it is made non-blocking)
 * Out     everything is flushed or given up; the stream is left open for the caller to close (also
 *         when the session is parked and goes on without this process)
 * Limits  svc/account/imap/limits.h, proto/imap/limits.h
 * Errors  ERR_OK: LOGOUT or end of stream; ERR_TIMEOUT: autologout or a peer that does not read;
 *         ERR_PROTOCOL: the control channel broke its rules; ERR_BUDGET, ERR_IO, what the store
 *         gives
 * RFC     9051, 3501
 */
enum err svc_account_imap_run(struct svc_account *a, const struct svc_account_login *login);

/*
 * Serve a visitor's session on mailboxes that are shared with it (imap/shared/guest.c), until it
 * goes. Blocks.
 *
 * In      a: guest is set; stream takes what the visitor's client is to read; visit: edge
 *         account_guest
 * Errors  ERR_PROTOCOL: the channel broke its rules; ERR_NOMEM, ERR_IO
 * RFC     4314
 */
enum err svc_account_imap_shared_serve(struct svc_account *a, int visit);

/*
 * Serve one POP3 session from the reply to the log-in on, until QUIT, the end of the stream,
 * autologout, or `quit` on the control channel. Blocks. `tag` of the log-in is not used.
 *
 * Limits  svc/account/pop3/limits.h, proto/pop3/limits.h
 * Errors  as svc_account_imap_run; ERR_OK also when another session has the maildrop
 * RFC     1939, 2449, 6856
 */
enum err svc_account_pop3_run(struct svc_account *a, const struct svc_account_login *login);

#endif
