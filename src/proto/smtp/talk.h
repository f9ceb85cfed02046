/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests and the fuzz target: a world around one engine that answers its questions by fixed
 * rules and writes down what was said, done and stored. Addresses decide: local parts known,
 * alias, unknown, disabled, full, temp; domain remote.test is not ours; me@, also@ example.org
 * belong to the account. AUTH PLAIN with user "me" succeeds; SCRAM-SHA-256 takes two steps and
 * has a last word. With peer.checked set, local parts grey and listed are put off and refused, and
 * so is a message with the words LATER or VIRUS in it.
 */
#ifndef PROTO_SMTP_TALK_H
#define PROTO_SMTP_TALK_H

#include "proto/smtp/smtp.h"

struct smtp_talk {
	struct smtp_conf conf;
	struct smtp_peer peer;
	struct arena *arena;
	struct smtp s;
	struct buf said;    /* all output */
	struct buf done;    /* a word for each action */
	struct buf stored;  /* the message under way, our trace in front */
	size_t trace;       /* octets of that */
	struct buf mailbox; /* all committed messages, one behind the other */
	enum err commit;    /* what COMMIT is answered */
	enum err body;      /* what storing an octet is answered */
	bool closed;
	bool silent; /* asks are not answered */
	unsigned delays;
	struct smtp_told told; /* what the peer's first question is answered; 0: go on */
};

/* Size limit 4000, errors 10, recipients 100, messages 1000 unless changed before smtp_talk_open.
 */
void smtp_talk_init(struct smtp_talk *t, bool submission);
void smtp_talk_open(struct smtp_talk *t);
void smtp_talk_done(struct smtp_talk *t);
/* Give octets in pieces of `chunk`; what the engine does not take is given again as long as it
 * helps. */
void smtp_talk_give(struct smtp_talk *t, str in, size_t chunk);
/* Actions and output only. */
void smtp_talk_turn(struct smtp_talk *t);

#endif
