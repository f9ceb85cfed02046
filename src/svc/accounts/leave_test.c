/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions that go back to login, with gate played by the test: the stream comes back when no
 * process has it any more, it and no other, also when gate is behind or gone.
 */
#include "ipc/gate_accounts.h"
#include "svc/accounts/world_test.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <unistd.h>

static struct {
	int fd, back; /* gate's end; a stream that came back */
	char unread[64];
	size_t sessions; /* processes of sessions when it did */
	unsigned backs;
} gate;

static enum err
on_unauthenticated(void *ctx, const struct ipc_gate_accounts_unauthenticated *m, int *fd)
{
	gate.backs++;
	gate.back = *fd;
	*fd = -1;
	snprintf(gate.unread, sizeof gate.unread, "%.*s", STR_ARG(m->unread));
	gate.sessions = w.s->sessions + w.s->guests;
	return ERR_OK;
}

/* What else it is told is filling. */
static enum err
on_drop(void *ctx, const struct ipc_gate_accounts_drop *m, int *fd)
{
	return ERR_OK;
}

static bool
came_back(const void *ctx)
{
	static const struct ipc_gate_accounts_at_gate handlers = { .drop = on_drop,
		.unauthenticated = on_unauthenticated };
	enum err e = ERR_OK;
	while (e == ERR_OK) {
		int fd = -1;
		e = sys_chan_recv(gate.fd, &w.in, &fd);
		if (e == ERR_OK) {
			CHECK_ERR(ipc_gate_accounts_gate_dispatch(&handlers, NULL, buf_view(&w.in),
				      &fd, w.arena),
			    ERR_OK);
		}
		sys_close(&fd);
	}
	return gate.backs > 0;
}

static bool
no_process(const void *ctx)
{
	return list_empty(&w.s->children);
}

static void
setup(struct world_client *c)
{
	int pair[2] = { -1, -1 };
	memset(&gate, 0, sizeof gate);
	world_new();
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	gate.fd = pair[0];
	CHECK_ERR(svc_common_wire(&w.sc, S("gate_accounts"), 0, pair[1]), ERR_OK);
	world_park_after(0);
	world_log_in(7, c);
}

static void
finish(struct world_client *c)
{
	world_client_done(c);
	world_free();
	sys_close(&gate.fd);
}

/* What the client says now comes out of the stream that gate has. */
static void
check_stream(struct world_client *c)
{
	size_t n = 0;
	char rest[16] = "";
	world_say(c, "NOOP\r\n");
	CHECK_ERR(sys_sock_read(gate.back, rest, sizeof rest, &n), ERR_OK);
	CHECK_STR(str_make(rest, n), S("NOOP\r\n"));
	sys_close(&gate.back);
	CHECK(world_over(c));
}

/* It comes with what was behind the command. */
static void
unauthenticated(void)
{
	struct world_client c;
	setup(&c);
	world_say(&c, "s SELECT INBOX\r\nu UNAUTHENTICATE\r\nl LOGIN a b\r\nm ");
	CHECK(world_hears(&c, "u OK UNAUTHENTICATE"));
	CHECK(world_until(came_back, NULL));
	CHECK_U64(gate.sessions, 0);
	CHECK_U64(map_count(w.s->live), 0);
	CHECK_STR(str_from(gate.unread), S("l LOGIN a b\r\nm "));
	check_stream(&c);
	finish(&c);
}

/* From now on what gate is told waits with us. */
static void
fill_gate(void)
{
	struct ipc_gate_accounts_drop m = { .session = 999 };
	struct sys_chan *to = w.s->gates[0].link.chan;
	buf_reset(&w.out);
	ipc_gate_accounts_drop_put(&w.out, &m);
	while (sys_chan_queued(to) == 0) {
		CHECK_ERR(sys_chan_send(to, &w.out, -1), ERR_OK);
	}
	buf_reset(&w.out);
}

/* What waits is the stream itself, not the number that another descriptor gets meanwhile. */
static void
gate_is_behind(void)
{
	struct world_client c;
	int others[4];
	setup(&c);
	world_say(&c, "u UNAUTHENTICATE\r\n");
	fill_gate();
	CHECK(world_until(no_process, NULL));
	for (size_t i = 0; i < LEN(others); i++) {
		others[i] = dup(STDERR_FILENO);
	}
	CHECK(world_until(came_back, NULL));
	check_stream(&c);
	for (size_t i = 0; i < LEN(others); i++) {
		CHECK(close(others[i]) == 0); /* still ours */
	}
	finish(&c);
}

/* A gate that has gone loses its connections. */
static void
no_gate_to_go_back_to(void)
{
	struct world_client c;
	setup(&c);
	sys_close(&gate.fd);
	world_turn();
	world_say(&c, "u UNAUTHENTICATE\r\n");
	CHECK(world_hears(&c, "u OK UNAUTHENTICATE"));
	CHECK(world_over(&c));
	CHECK(world_until(no_process, NULL));
	finish(&c);
}

TEST_MAIN(unauthenticated, gate_is_behind, no_gate_to_go_back_to)
