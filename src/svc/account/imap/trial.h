/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of this folder: clients of one real account in a temporary folder. A client's line
 * is fed to its session, and what the session wrote is compared. In an expected text "#" stands for
 * one or more letters and digits.
 */
#ifndef SVC_ACCOUNT_IMAP_TRIAL_H
#define SVC_ACCOUNT_IMAP_TRIAL_H

#include "conf/conf.h"
#include "svc/account/imap/session.h"

struct svc_account_imap_trial {
	struct conf conf;
	struct svc_account account;
	struct store *store;
	struct svc_account_imap session;
	int client, accounts; /* the far ends of stream and control */
	struct buf got;
};

/* One line of a conversation. */
struct svc_account_imap_turn {
	const char *send; /* CRLF is added */
	const char *want; /* lines end in LF here, CRLF there; NULL: not looked at */
};

/* A fresh account; remove it with svc_account_imap_trial_remove. */
struct store_conf svc_account_imap_trial_account(const char *name);
void svc_account_imap_trial_remove(const struct store_conf *conf);

/* A client with its own open store. Checks fail when that fails. */
void svc_account_imap_trial_begin(struct svc_account_imap_trial *t, const struct store_conf *conf);
void svc_account_imap_trial_end(struct svc_account_imap_trial *t);

/* A client of a fresh account, which its end removes. */
struct svc_account_imap_one {
	struct store_conf conf;
	struct svc_account_imap_trial t;
};
void svc_account_imap_one_begin(struct svc_account_imap_one *w, const char *name);
void svc_account_imap_one_end(struct svc_account_imap_one *w);

/* Two clients of one fresh account, each with its own open store, as two processes have. */
struct svc_account_imap_two {
	struct store_conf conf;
	struct svc_account_imap_trial a, b;
};

/* Begin with an empty account. */
void svc_account_imap_two_begin(struct svc_account_imap_two *w, const char *name);
/* One of them appends n messages to INBOX, then both select it. */
void svc_account_imap_two_open(struct svc_account_imap_two *w, struct svc_account_imap_trial *by,
    int n);
/* Both sessions end, the account is removed. */
void svc_account_imap_two_end(struct svc_account_imap_two *w);

/* Feed octets, take what was written; the view is good until the next call. */
str svc_account_imap_trial_feed(struct svc_account_imap_trial *t, str octets);
/* Feed one line, check the answer. */
void svc_account_imap_trial_turn(struct svc_account_imap_trial *t, const char *send,
    const char *want);
void svc_account_imap_trial_talk(struct svc_account_imap_trial *t,
    const struct svc_account_imap_turn *turns, size_t n);
/* Check that a text follows a pattern with "#". */
void svc_account_imap_trial_like(str got, const char *want);

/*
 * Let the session go on in a new one, as after parking; nothing when it may not be parked now. In
 * the tests called parked-* svc_account_imap_trial_turn does it after every line.
 */
void svc_account_imap_trial_park(struct svc_account_imap_trial *t);

/* What one of two says and hears. */
static inline void
a_says(struct svc_account_imap_two *w, const char *send, const char *want)
{
	svc_account_imap_trial_turn(&w->a, send, want);
}

/* The other one. */
static inline void
b_says(struct svc_account_imap_two *w, const char *send, const char *want)
{
	svc_account_imap_trial_turn(&w->b, send, want);
}

/* APPEND a message with LF line ends (made CRLF) to a mailbox. */
void svc_account_imap_trial_append(struct svc_account_imap_trial *t, const char *mailbox,
    const char *flags, const char *message);

#endif
