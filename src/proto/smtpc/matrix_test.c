/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every state with every kind of reply, out of commands.def: a class the row does not list ends the
 * connection, one it lists does not count as a broken protocol, 421 is believed everywhere, and
 * whatever comes, each recipient has exactly one result and the connection one end.
 */
#include "base/test.h"
#include "proto/smtpc/peer.h"
#include "proto/smtpc/smtpc_priv.h"

#define HELLO "220 b\r\n"
#define PLAIN HELLO "250-b\r\n250 STARTTLS\r\n"

static const struct {
	enum smtpc_command awaits;
	bool tls, idle;
	const char *in; /* how to get there */
} places[] = {
	{ SMTPC_CMD_BANNER, false, false, "" },
	{ SMTPC_CMD_EHLO, false, false, HELLO },
	{ SMTPC_CMD_HELO, false, false, HELLO "500 x\r\n" },
	{ SMTPC_CMD_NOTHING, false, true, PLAIN },
	{ SMTPC_CMD_STARTTLS, true, false, PLAIN },
	{ SMTPC_CMD_TLS, true, false, PLAIN "220 x\r\n" },
	{ SMTPC_CMD_MAIL, false, false, PLAIN },
	{ SMTPC_CMD_RSET, false, false, PLAIN "250 x\r\n250 x\r\n554 x\r\n" },
	{ SMTPC_CMD_RCPT, false, false, PLAIN "250 x\r\n" },
	{ SMTPC_CMD_DATA, false, false, PLAIN "250 x\r\n250 x\r\n" },
	{ SMTPC_CMD_BLOCK, false, true, PLAIN "250 x\r\n250 x\r\n354 x\r\n" },
	{ SMTPC_CMD_EOD, false, false, PLAIN "250 x\r\n250 x\r\n354 x\r\n" },
	{ SMTPC_CMD_QUIT, false, false,
	    PLAIN "250 x\r\n250 x\r\n354 x\r\n250 x\r\n250 x\r\n250 x\r\n"
		  "354 x\r\n250 x\r\n" },
};

static const struct smtpc_to to[] = { { S_INIT("bob@b.test"), S_INIT(""), 0 } };
static const struct smtpc_letter letters[] = {
	{ .reverse_path = S_INIT("a@a.test"), .envid = S_INIT(""), .rcpts = to, .rcpts_n = 1 },
	{ .reverse_path = S_INIT("a@a.test"), .envid = S_INIT(""), .rcpts = to, .rcpts_n = 1 },
};

/* Stand where row i of places says. Idle: nobody acts on READY or BODY. */
static void
reach(struct smtpc_peer *p, size_t i)
{
	smtpc_peer_init(p);
	p->want_tls = places[i].tls;
	p->letters = letters;
	p->letters_n = LEN(letters);
	smtpc_peer_open(p);
	str in = str_from(places[i].in);
	size_t used = 0,
	       last = places[i].idle ? (size_t)str_rchr(str_sub(in, 0, in.n - 1), '\n') : in.n;
	smtpc_peer_give(p, str_sub(in, 0, last), 999);
	if (places[i].idle) {
		struct smtpc_action a;
		str rest = str_from_off(in, last);
		smtpc_feed(&p->s, rest, &used);
		CHECK_U64(used, rest.n);
		CHECK(smtpc_next(&p->s, &a));
	}
	CHECK_U64(smtpc_awaits(&p->s), places[i].awaits);
	buf_reset(&p->done);
}

static bool
has(const struct smtpc_peer *p, const char *word)
{
	return str_find(buf_view(&p->done), str_from(word)) >= 0;
}

static void
one(size_t i, unsigned code)
{
	char text[16];
	struct smtpc_peer p;
	const struct smtpc_command_row *row = smtpc_command_row(places[i].awaits);
	reach(&p, i);
	uint64_t replies = p.s.replies;
	int n = snprintf(text, sizeof text, "%u x\r\n", code);
	smtpc_peer_give(&p, str_make(text, (size_t)n), 99);
	bool listed = (row->classes & (1u << (code / 100))) != 0;
	if (places[i].awaits == SMTPC_CMD_TLS) {
		CHECK(has(&p, "{failed 3 5") && p.closed);
	} else if (places[i].awaits == SMTPC_CMD_QUIT) {
		CHECK(p.closed && !has(&p, "{failed 1"));
	} else if (code == 421) {
		CHECK(has(&p, "{failed 1 ") && has(&p, " 421}{close}") && p.closed);
	} else {
		CHECK(has(&p, "{failed 2 ") == !listed);
	}
	CHECK(places[i].awaits == SMTPC_CMD_TLS || p.s.replies == replies + 1);
	smtpc_lost(&p.s, SMTPC_END_EOF);
	smtpc_peer_turn(&p);
	CHECK(p.closed);
	smtpc_peer_done(&p);
}

static void
every_state_with_every_reply(void)
{
	static const unsigned codes[] = { 200, 220, 250, 299, 300, 354, 399, 400, 421, 450, 452,
		499, 500, 502, 521, 550, 552, 554, 599 };
	for (size_t i = 0; i < LEN(places); i++) {
		for (size_t c = 0; c < LEN(codes); c++) {
			test_case = smtpc_command_row(places[i].awaits)->name.p;
			one(i, codes[c]);
		}
	}
}

/* The times of RFC 5321 4.5.3.2, and that each state has one but those in which the caller acts. */
static void
every_state_has_its_time(void)
{
	static const uint32_t seconds[SMTPC_COMMANDS] = { [SMTPC_CMD_BANNER] = 300,
		[SMTPC_CMD_EHLO] = 300,
		[SMTPC_CMD_HELO] = 300,
		[SMTPC_CMD_STARTTLS] = 120,
		[SMTPC_CMD_TLS] = 120,
		[SMTPC_CMD_RSET] = 300,
		[SMTPC_CMD_MAIL] = 300,
		[SMTPC_CMD_RCPT] = 300,
		[SMTPC_CMD_DATA] = 120,
		[SMTPC_CMD_BLOCK] = 180,
		[SMTPC_CMD_EOD] = 600,
		[SMTPC_CMD_QUIT] = 30 };
	for (size_t i = 0; i < LEN(places); i++) {
		struct smtpc_peer p;
		test_case = smtpc_command_row(places[i].awaits)->name.p;
		reach(&p, i);
		CHECK_U64(smtpc_timeout_s(&p.s), seconds[places[i].awaits]);
		smtpc_peer_done(&p);
	}
}

/* Every way to lose the connection in every state. */
static void
every_state_with_every_end(void)
{
	for (size_t i = 0; i < LEN(places); i++) {
		for (unsigned end = SMTPC_END_PROTOCOL; end < SMTPC_ENDS; end++) {
			struct smtpc_peer p;
			test_case = smtpc_command_row(places[i].awaits)->name.p;
			reach(&p, i);
			smtpc_lost(&p.s, (enum smtpc_end)end);
			smtpc_peer_turn(&p);
			bool txn = places[i].awaits >= SMTPC_CMD_RSET &&
			    places[i].awaits <= SMTPC_CMD_EOD;
			CHECK(p.closed && has(&p, "{done") == txn);
			CHECK(has(&p, "{done?") == (places[i].awaits == SMTPC_CMD_EOD));
			CHECK(has(&p, "{failed") == (places[i].awaits != SMTPC_CMD_QUIT));
			smtpc_peer_done(&p);
		}
	}
}

TEST_MAIN(every_state_with_every_reply, every_state_has_its_time, every_state_with_every_end)
