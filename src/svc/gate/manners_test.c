/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strangers at the MX port: who waits for the greeting and who does not, what is noted of those who
 * do not wait, and that the next time costs nothing.
 */
#include "svc/gate/testkit.h"

#include "ipc/common.h"
#include "svc/gate/manners.h"
#include "sys/clock.h"
#include "sys/sys.h"

enum { WAIT_MS = 30 };

static void
open_world(struct svc_gate_world *w)
{
	svc_gate_world_open(w);
	w->conf.gate_first_wait = WAIT_MS;
}

static void
read_all(struct svc_gate_world *w, int fd, struct buf *out)
{
	buf_reset(out);
	svc_gate_world_read(w, fd, out);
}

/* Turns of the loop until the clock of the world has gone on; nothing is asserted of how far. */
static void
until_greeted(struct svc_gate_world *w, int fd, struct buf *out)
{
	buf_reset(out);
	for (int i = 0; i < 1000 && out->n == 0; i++) {
		CHECK_ERR(sys_loop_turn(w->sc.loop, WAIT_MS), ERR_OK);
		svc_gate_world_read(w, fd, out);
	}
}

static const struct {
	const char *name, *ip;
	enum sys_protocol protocol;
	bool waits;
} cases[] = {
	{ "a stranger", "192.0.2.1", SYS_MX, true },
	{ "a stranger by IPv6", "2001:db8::1", SYS_MX, true },
	{ "loopback", "127.0.0.1", SYS_MX, false },
	{ "loopback by IPv6", "::1", SYS_MX, false },
	{ "private", "10.1.2.3", SYS_MX, false },
	{ "unique local", "fd00::1", SYS_MX, false },
	{ "trusted", "198.51.100.7", SYS_MX, false },
	{ "another port", "192.0.2.1", SYS_SUBMISSION, false },
	{ "another protocol", "192.0.2.1", SYS_IMAP, false },
};

static void
who_waits(void)
{
	static const str trusted[] = { S_INIT("198.51.100.0/24") };
	for (size_t i = 0; i < LEN(cases); i++) {
		struct svc_gate_world w;
		struct buf out;
		test_case = cases[i].name;
		open_world(&w);
		w.conf.auth_trusted = (struct conf_list){ trusted, 1 };
		w.conf.gate_first_wait = 30000;
		buf_init(&out, 1 << 16);
		int fd = svc_gate_world_connect(&w, cases[i].protocol, cases[i].ip);
		read_all(&w, fd, &out);
		CHECK((out.n == 0) == cases[i].waits);
		CHECK_U64(w.g->facts.waited, cases[i].waits);
		sys_close(&fd);
		svc_gate_world_turn(&w);
		CHECK_U64(w.g->conns_n, 0); /* one that goes while it waits is forgotten */
		svc_gate_world_close(&w);
		buf_done(&out);
	}
	test_case = NULL;
}

/* The session's record after STARTTLS and handshake. `early`: octets before the greeting. */
static uint8_t
manners_of(struct svc_gate_world *w, const char *ip, str early, bool *ret_waited)
{
	struct svc_gate_client c;
	struct svc_gate_handed h;
	struct svc_gate_wish wish = { 0 };
	struct buf out;
	buf_init(&out, 1 << 16);
	uint64_t waited = w->g->facts.waited;
	int fd = svc_gate_world_connect(w, SYS_MX, ip);
	*ret_waited = w->g->facts.waited > waited;
	if (early.n > 0) {
		svc_gate_world_send(w, fd, early);
	}
	if (*ret_waited) {
		until_greeted(w, fd, &out);
	}
	svc_gate_client_open(&c, fd, &wish);
	if (*ret_waited) { /* the greeting was read */
		svc_gate_world_send(w, fd, S("STARTTLS\r\n"));
		until_greeted(w, fd, &out);
		CHECK(str_find(buf_view(&out), S("220 2.0.0")) >= 0);
		CHECK_ERR(svc_gate_client_handshake(w, &c), ERR_OK);
	} else {
		CHECK_ERR(svc_gate_client_starttls(w, &c), ERR_OK);
	}
	svc_gate_world_handed(w, w->mx[w->turn++ % 2], &h);
	uint8_t manners = h.about != NULL ? h.about->manners : 0xff;
	svc_gate_handed_done(&h);
	svc_gate_client_close(&c);
	svc_gate_world_turn(w);
	buf_done(&out);
	return manners;
}

static void
noted_and_remembered(void)
{
	struct svc_gate_world w;
	bool waited;
	open_world(&w);
	CHECK_U64(manners_of(&w, "192.0.2.1", S(""), &waited), 0);
	CHECK(waited);
	CHECK_U64(manners_of(&w, "192.0.2.1", S(""), &waited), 0);
	CHECK(!waited); /* it behaved */
	CHECK_U64(manners_of(&w, "192.0.2.2", S("EHLO a\r\n"), &waited), SVC_GATE_EARLY);
	CHECK(waited);
	CHECK_U64(manners_of(&w, "192.0.2.2", S("NOOP\r\nEHLO a\r\n"), &waited),
	    SVC_GATE_EARLY | SVC_GATE_HASTY);
	CHECK(waited); /* it did not */
	CHECK(w.g->facts.early == 2 && w.g->facts.hasty == 1);
	CHECK_U64(lru_count(w.g->behaved), 1);
	svc_gate_world_close(&w);
}

TEST_MAIN(who_waits, noted_and_remembered)
