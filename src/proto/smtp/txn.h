/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One mail transaction, as the engine collects it and as those who store it read it; and what those
 * who are asked about it want said. Read smtp.h first.
 */
#ifndef PROTO_SMTP_TXN_H
#define PROTO_SMTP_TXN_H

#include "base/buf.h"
#include "proto/smtp/body.h"
#include "proto/smtp/limits.h"

enum { /* DSN NOTIFY of RFC 3461 4.1; 0: not given */
	SMTP_NOTIFY_NEVER = 1,
	SMTP_NOTIFY_SUCCESS = 2,
	SMTP_NOTIFY_FAILURE = 4,
	SMTP_NOTIFY_DELAY = 8,
};
enum { SMTP_RET_FULL = 1, SMTP_RET_HDRS = 2 };

/* What is known of a recipient; the same numbers as enum directory_verdict. */
enum smtp_verdict {
	SMTP_KNOWN = 1,
	SMTP_UNKNOWN,
	SMTP_REMOTE,
	SMTP_DISABLED,
	SMTP_OVERQUOTA,
	SMTP_TEMP,
	SMTP_SENDER, /* takes nothing from this sender */
};

/*
 * An account behind a recipient; account 0: the address is at another server, where the author
 * sends it, or, when `via` is not empty, an alias forwards it.
 */
struct smtp_target {
	uint64_t account;
	str address, detail;
	int64_t junk_at, reject_at; /* of this account, for whoever looks at the message */
	str domain_policy;
	bool junk;        /* set before COMMIT: this copy goes to the mailbox for junk */
	str sender, via;  /* forwarded: reverse-path it leaves with, and by which address of ours */
	uint64_t reports; /* forwarded: account that hears what the sender must not; 0: nobody */
};

/* What a peer is to hear from those who were asked about it; the numbers of ipc/common.def. */
enum smtp_told_verdict { SMTP_GO_ON = 1, SMTP_LATER, SMTP_REFUSE };

struct smtp_told {
	unsigned verdict; /* anything else: go on */
	uint16_t code;    /* 4yz or 5yz; 421 closes the connection */
	str enhanced, text;
};

struct smtp_rcpt {
	struct smtp_rcpt *next;
	str address; /* as given, without angle brackets */
	str orcpt;   /* as given: type ";" xtext; may be empty */
	uint8_t notify;
	bool forwarded; /* every copy goes elsewhere, none stays here */
	struct smtp_target *targets;
	size_t targets_n;
};

/* One mail transaction. Everything in it is forgotten by one reset; strings live in its arena. */
struct smtp_txn {
	str reverse_path; /* as given, without angle brackets; empty: the null path */
	str canonical;    /* the same in canonical form */
	str envid;
	uint64_t size; /* as announced; 0: not */
	uint8_t ret;
	bool body8bit, smtputf8, requiretls;
	str message_id; /* of a submission, when COMMIT is given; empty: none that can be read */
	struct smtp_rcpt *rcpts, *last, *pending; /* pending: being asked about */
	size_t rcpts_n, targets_n, rcpt_octets;
	struct smtp_body body;
	uint64_t octets;   /* of BODY actions: the message without our trace */
	enum err failed;   /* smtp_body_failed() */
	struct buf header; /* submission: the header, to look into */
	struct buf added;  /* trace and missing fields, while the action that carries them lives */
	str origins[SMTP_ORIGINS_MAX]; /* submission: addresses to be asked about */
	size_t origins_n, origins_asked;
	bool forwards;         /* a copy goes on to elsewhere */
	bool given, committed; /* BODY octets were handed out; COMMIT was */
	bool looked_at;        /* SCAN was answered */
};

#endif
