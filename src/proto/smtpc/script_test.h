/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialogue tables: what a server says, what it hears, what was done. Every row runs at every split
 * point and octet by octet, and must come out the same. An expectation that is NULL is not checked.
 */
#ifndef PROTO_SMTPC_SCRIPT_TEST_H
#define PROTO_SMTPC_SCRIPT_TEST_H

#include "base/test.h"
#include "proto/smtpc/peer.h"

struct script {
	const char *name;
	const struct smtpc_letter *letters; /* NULL: alice to bob */
	size_t letters_n;
	bool want_tls;
	enum smtpc_end lost; /* at the end; 0: not */
	const char *in, *said, *done;
};

#define HELLO "220 mx.b.test ESMTP\r\n"
#define EHLO_PLAIN "250-mx.b.test\r\n250 SIZE 1000\r\n"
#define EHLO_FULL                                                                             \
	"250-mx.b.test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-DSN\r\n250 " \
	"SMTPUTF8\r\n"
#define SAID_EHLO "EHLO mx.a.test\r\n"
#define SAID_MAIL "MAIL FROM:<alice@a.test> SIZE=20\r\n"
#define SAID_BOB "RCPT TO:<bob@b.test>\r\n"
#define SAID_BODY "Subject: x\r\n\r\nhi\r\n.\r\n"
#define SAID_ALL SAID_EHLO SAID_MAIL SAID_BOB "DATA\r\n" SAID_BODY

/* Run one row: the first `first` octets in one go, the others in pieces of `chunk`. */
static inline void
script_once(const struct script *c, size_t first, size_t chunk)
{
	struct smtpc_peer p;
	str in = str_from(c->in);
	smtpc_peer_init(&p);
	p.want_tls = c->want_tls;
	if (c->letters != NULL) {
		p.letters = c->letters;
		p.letters_n = c->letters_n;
	}
	smtpc_peer_open(&p);
	if (first > 0) {
		smtpc_peer_give(&p, str_sub(in, 0, first), in.n);
	}
	smtpc_peer_give(&p, str_from_off(in, first), chunk);
	if (c->lost != 0) {
		smtpc_lost(&p.s, c->lost);
		smtpc_peer_turn(&p);
	}
	if (c->said != NULL) {
		CHECK_STR(buf_view(&p.said), str_from(c->said));
	}
	if (c->done != NULL) {
		CHECK_STR(buf_view(&p.done), str_from(c->done));
	}
	smtpc_peer_done(&p);
}

/* Run all rows at all split points. */
static inline void
script_run(const struct script *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(rows[i].in);
		test_case = rows[i].name;
		script_once(&rows[i], 0, 1);
		for (size_t cut = 0; cut <= length; cut++) {
			script_once(&rows[i], cut, length + 1);
		}
	}
}

#endif
