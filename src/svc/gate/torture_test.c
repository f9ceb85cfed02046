/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole connection in which the n-th allocation, or the n-th call on a socket, fails: whatever
 * that does to the connection, the gate lives, serves the next one, and has kept nothing.
 */
#include "base/mem.h"
#include "ipc/common.h"
#include "svc/gate/testkit.h"
#include "sys/sys.h"

#include <errno.h>
#include <openssl/ssl.h>

enum { FAILURES = 60 };

static const struct svc_gate_wish plainly;

/* Nothing here insists on success. */
static void
say(int fd, str s)
{
	size_t n;
	enum err e = sys_sock_write(fd, s, &n);
	(void)e;
}

/* More than the service's socket holds, so that some must be kept. */
static void
flood(struct svc_gate_world *w, struct svc_gate_client *c)
{
	static const char lots[50000];
	size_t n = 0;
	for (unsigned i = 0; i < 40 && SSL_write_ex(c->ssl, lots, sizeof lots, &n) == 1; i++) {
		svc_gate_world_turn(w);
	}
}

static void
live_and_die(struct svc_gate_world *w)
{
	struct sys_addr peer = { .ip = { [10] = 0xff, [11] = 0xff, [12] = 192 }, .port = 1 };
	struct svc_gate_client c;
	int pair[2] = { -1, -1 };
	if (sys_sock_pair(pair) != ERR_OK) {
		return;
	}
	svc_gate_admit(w->g, SYS_MX, pair[0], &peer);
	svc_gate_world_turn(w);
	say(pair[1], S("EHLO client.example\r\n"));
	svc_gate_world_turn(w);
	say(pair[1], S("STARTTLS\r\n"));
	svc_gate_world_turn(w);
	char words[1024];
	size_t n;
	enum err e = sys_sock_read(pair[1], words, sizeof words, &n);
	svc_gate_client_open(&c, pair[1], &plainly);
	if (e == ERR_OK && svc_gate_client_handshake(w, &c) == ERR_OK) {
		flood(w, &c);
	}
	svc_gate_client_close(&c);
	svc_gate_world_turn(w);
}

/* Streams that were handed out are closed; then nothing may be left. */
static void
check_clean(struct svc_gate_world *w)
{
	struct svc_gate_handed h;
	for (unsigned i = 0; i < 4; i++) {
		svc_gate_world_handed(w, w->mx[i % 2], &h);
		svc_gate_handed_done(&h);
		svc_gate_world_turn(w);
	}
	CHECK_U64(w->g->conns_n, 0);
	CHECK(list_empty(&w->g->dead));
	CHECK_U64(map_count(w->g->counts.map), 0);
	uint64_t sessions = w->g->facts.sessions;
	live_and_die(w);
	CHECK_U64(w->g->facts.sessions, sessions + 1);
	for (unsigned i = 0; i < 4; i++) {
		svc_gate_world_handed(w, w->mx[i % 2], &h);
		svc_gate_handed_done(&h);
		svc_gate_world_turn(w);
	}
	CHECK_U64(w->g->conns_n, 0);
}

static void
memory_runs_out(void)
{
	for (uint64_t n = 1; n <= FAILURES; n++) {
		struct svc_gate_world w;
		svc_gate_world_open(&w);
		mem_fail_after(n);
		live_and_die(&w);
		mem_fail_after(0);
		check_clean(&w);
		svc_gate_world_close(&w);
	}
}

static void
sockets_fail(void)
{
	static const int errnums[] = { EMFILE, ECONNRESET };
	for (uint64_t n = 1; n <= FAILURES * 2; n++) {
		struct svc_gate_world w;
		svc_gate_world_open(&w);
		sys_fail_after(n / 2 + 1, errnums[n % 2]);
		live_and_die(&w);
		sys_fail_after(0, 0);
		/* A channel may have broken; its peer is wired again by the parent. */
		for (unsigned i = 0; i < 2; i++) {
			int chan[2] = { -1, -1 };
			sys_close(&w.mx[i]);
			CHECK_ERR(sys_chan_pair(chan), ERR_OK);
			CHECK_ERR(svc_common_wire(&w.sc, S("gate_smtp"), i, chan[0]), ERR_OK);
			w.mx[i] = chan[1];
		}
		if (w.g->signer.fd < 0) {
			svc_gate_keys_stop(&w);
			svc_gate_keys_start(&w);
			svc_gate_world_certificate(&w, 0, "mail.example.org");
		}
		svc_gate_world_turn(&w);
		check_clean(&w);
		svc_gate_world_close(&w);
	}
}

TEST_MAIN(memory_runs_out, sockets_fail)
