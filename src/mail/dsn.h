/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery reports: a multipart/report that tells a human, in German, French or English, and a
 * program what became of a message. Pure: the facts come in, octets go out. Who gets a report, and
 * when, is decided in svc/queue; never send one to others about a message whose reverse-path is
 * null.
 */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include "base/buf.h"

enum {
	MAIL_DSN_RCPTS_MAX = 100,        /* of one report; the caller writes several */
	MAIL_DSN_FULL_MAX = 128 * 1024,  /* a longer message is returned as its header only */
	MAIL_DSN_HEADER_MAX = 32 * 1024, /* and of that so much */
	MAIL_DSN_MAX = 512 * 1024,       /* octets of a report: what `out` should allow */
	MAIL_DSN_REPLY_MAX = 1024,       /* octets of a reply that are quoted */
};

/* RFC 3464 2.3.3. RELAYED: the next server took over the duty to report, or cannot. */
enum mail_dsn_action {
	MAIL_DSN_FAILED = 1,
	MAIL_DSN_DELAYED,
	MAIL_DSN_DELIVERED,
	MAIL_DSN_RELAYED,
	MAIL_DSN_ACTIONS
};

enum mail_dsn_language { MAIL_DSN_EN, MAIL_DSN_DE, MAIL_DSN_FR, MAIL_DSN_LANGUAGES };

/* What is told of one recipient. */
struct mail_dsn_rcpt {
	enum mail_dsn_action action;
	str address;         /* Final-Recipient */
	str original;        /* ORCPT as given, "rfc822;" xtext; may be empty */
	str status;          /* "5.1.1"; empty: x.0.0 by the action */
	str remote_mta;      /* a host name; empty: nobody answered */
	str reply;           /* "550 5.1.1 no such user": its words, not ours; may be empty */
	int64_t last_s;      /* of the attempt told; 0: none was made */
	int64_t until_s;     /* delayed: tried until then */
	str meaning, remedy; /* in the reader's language, UTF-8; may be empty */
};

struct mail_dsn {
	enum mail_dsn_language language;
	str hostname;             /* Reporting-MTA, and where From and Message-ID are */
	str to;                   /* the address that gets it */
	str envid;                /* as given: xtext; may be empty */
	str queue_id;             /* printed; may be empty */
	uint8_t random[16];       /* for Message-ID and the boundary */
	int64_t now_s, arrival_s; /* arrival_s: of the message reported on */
	bool full;                /* RET=FULL: return the message when it is short enough */
	bool smtputf8; /* it came with SMTPUTF8: UTF-8 addresses and header may be sent */
	str message;   /* the message, or its beginning: at least the header */
	uint64_t size; /* of the whole message */
	const struct mail_dsn_rcpt *rcpts;
	size_t rcpts_n;
};

/* By the account's language tag, "de", "fr-CH"; anything else is English. */
enum mail_dsn_language mail_dsn_language(str tag);

/*
 * Write the whole report, header and all, with CRLF. Text from outside is quoted as text: control
 * octets go, and it cannot end a field or a part.
 *
 * In      out: ceiling MAIL_DSN_MAX
 * Limits  MAIL_DSN_RCPTS_MAX recipients, MAIL_DSN_FULL_MAX, MAIL_DSN_HEADER_MAX, MAIL_DSN_REPLY_MAX
 * Errors  ERR_TOOMANY: no recipient, or too many; ERR_TOOBIG, ERR_NOMEM: of `out`
 * RFC     3461 6; 3462 and 6522 3; 3464 2; 6533 4, 5
 */
enum err mail_dsn_put(struct buf *out, const struct mail_dsn *d);

#endif
