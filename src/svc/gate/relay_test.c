/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octets both ways: every one arrives, in order, whoever is slow; memory stays bounded; each end of
 * a connection ends the other one after its last octet.
 */
#include "svc/gate/testkit.h"

#include "base/mem.h"
#include "ipc/common.h"
#include "sys/sys.h"

#include <openssl/ssl.h>

enum { LOTS = 6 * 1024 * 1024, ROUNDS_MAX = 20000 };

struct line {
	struct svc_gate_world w;
	struct svc_gate_client c;
	struct svc_gate_handed h;
	struct svc_gate_conn *conn;
	struct buf out;
};

static void
open_line(struct line *l)
{
	static const struct svc_gate_wish plainly;
	svc_gate_world_open(&l->w);
	buf_init(&l->out, LOTS * 2);
	svc_gate_client_open(&l->c, svc_gate_world_connect(&l->w, SYS_SUBMISSIONS, "192.0.2.9"),
	    &plainly);
	CHECK_ERR(svc_gate_client_handshake(&l->w, &l->c), ERR_OK);
	svc_gate_world_handed(&l->w, l->w.submission, &l->h);
	l->conn = LIST_ENTRY(l->w.g->conns.next, struct svc_gate_conn, node);
}

static void
close_line(struct line *l)
{
	svc_gate_handed_done(&l->h);
	svc_gate_client_close(&l->c);
	svc_gate_world_turn(&l->w);
	CHECK_U64(l->w.g->conns_n, 0);
	svc_gate_world_close(&l->w);
	buf_done(&l->out);
}

static char *
pattern(size_t n)
{
	char *p = mem_zalloc(1, n);
	for (size_t i = 0; i < n; i++) {
		p[i] = (char)(i * 7 + i / 251);
	}
	return p;
}

/* Push until nothing moves; how many octets went. `tls`: the client's side. */
static size_t
push(struct line *l, bool tls, str s)
{
	size_t at = 0, stuck = 0;
	for (unsigned i = 0; i < ROUNDS_MAX && at < s.n && stuck < 3; i++) {
		size_t n = 0, take = MIN(s.n - at, (size_t)50000);
		str piece = str_sub(s, at, take);
		if (tls) {
			SSL_set_mode(l->c.ssl,
			    SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
			(void)!SSL_write_ex(l->c.ssl, piece.p, piece.n, &n);
		} else {
			enum err e = sys_sock_write(l->h.stream, piece, &n);
			n = e == ERR_OK ? n : 0;
		}
		at += n;
		stuck = n == 0 ? stuck + 1 : 0;
		svc_gate_world_turn(&l->w);
		CHECK(l->conn->to_app.n <= SVC_GATE_CHUNK && l->conn->to_net.n <= SVC_GATE_CHUNK);
	}
	return at;
}

/* The client sends, the service reads nothing for a while: bounded, and nothing is lost. */
static void
a_slow_service_slows_the_client(void)
{
	struct line l;
	open_line(&l);
	char *p = pattern(LOTS);
	size_t sent = push(&l, true, str_make(p, LOTS));
	CHECK(sent > 0 && sent < LOTS);
	CHECK(l.conn->to_app.n > 0);
	while (sent < LOTS) {
		svc_gate_world_read(&l.w, l.h.stream, &l.out);
		size_t more = push(&l, true, str_make(p + sent, LOTS - sent));
		CHECK(more > 0);
		sent = more > 0 ? sent + more : LOTS;
	}
	svc_gate_world_read(&l.w, l.h.stream, &l.out);
	CHECK(str_eq(buf_view(&l.out), str_make(p, LOTS)));
	CHECK_U64(l.conn->octets_in, LOTS);
	CHECK(l.conn->to_app.p == NULL);
	mem_drop(p);
	close_line(&l);
}

static void
a_slow_client_slows_the_service(void)
{
	struct line l;
	open_line(&l);
	char *p = pattern(LOTS);
	size_t sent = push(&l, false, str_make(p, LOTS));
	CHECK(sent > 0 && sent < LOTS);
	CHECK(l.conn->to_net.n > 0);
	while (sent < LOTS) {
		svc_gate_client_read(&l.w, &l.c, &l.out);
		size_t more = push(&l, false, str_make(p + sent, LOTS - sent));
		CHECK(more > 0);
		sent = more > 0 ? sent + more : LOTS;
	}
	svc_gate_client_read(&l.w, &l.c, &l.out);
	CHECK(str_eq(buf_view(&l.out), str_make(p, LOTS)));
	CHECK_U64(l.conn->octets_out, LOTS);
	CHECK(l.conn->to_net.p == NULL);
	mem_drop(p);
	close_line(&l);
}

/* The service has said much and gone; the client keeps its connection and never reads. */
static void
a_deaf_client_is_left(void)
{
	struct line l;
	open_line(&l);
	struct sys_loop *loop = l.w.sc.loop;
	char *p = pattern(LOTS);
	CHECK(!sys_timer_is_set(&l.conn->timer));
	(void)push(&l, false, str_make(p, LOTS));
	CHECK(sys_timer_is_set(&l.conn->timer));
	svc_gate_client_read(&l.w, &l.c, &l.out); /* it reads after all */
	CHECK(!sys_timer_is_set(&l.conn->timer));
	(void)push(&l, false, str_make(p, LOTS));
	svc_gate_handed_done(&l.h);
	l.h = (struct svc_gate_handed){ .stream = -1 };
	svc_gate_world_turn(&l.w);
	CHECK(l.conn->to_net.n > 0 && sys_timer_is_set(&l.conn->timer));
	sys_timer_set(loop, &l.conn->timer, 0); /* it is over */
	for (unsigned i = 0; i < ROUNDS_MAX && l.w.g->conns_n > 0; i++) {
		CHECK_ERR(sys_loop_turn(loop, 10), ERR_OK);
	}
	CHECK_U64(l.w.g->conns_n, 0);
	CHECK_U64(l.w.g->facts.timeouts, 1);
	mem_drop(p);
	close_line(&l);
}

/* Both fill up at once: neither direction waits for the other. */
static void
both_directions_are_independent(void)
{
	struct line l;
	open_line(&l);
	char *p = pattern(LOTS);
	size_t in = push(&l, true, str_make(p, LOTS)), out = push(&l, false, str_make(p, LOTS));
	CHECK(in < LOTS && out < LOTS);
	svc_gate_world_read(&l.w, l.h.stream, &l.out);
	CHECK(str_eq(buf_view(&l.out), str_make(p, in)));
	buf_reset(&l.out);
	svc_gate_client_read(&l.w, &l.c, &l.out);
	CHECK(str_eq(buf_view(&l.out), str_make(p, out)));
	mem_drop(p);
	close_line(&l);
}

/* The service ends with words on their way: the client reads all of them, and a proper end. */
static void
the_services_end_comes_last(void)
{
	struct line l;
	open_line(&l);
	char *p = pattern(LOTS);
	size_t sent = push(&l, false, str_make(p, LOTS));
	sys_close(&l.h.stream);
	svc_gate_client_read(&l.w, &l.c, &l.out);
	CHECK(str_ends(buf_view(&l.out), S("<BYE>")));
	CHECK_U64(l.out.n, sent + 5);
	CHECK(str_eq(str_sub(buf_view(&l.out), 0, sent), str_make(p, sent)));
	CHECK_U64(l.w.g->conns_n, 1); /* waiting for the client's end */
	mem_drop(p);
	close_line(&l);
}

static void
the_clients_end_comes_last(void)
{
	struct line l;
	open_line(&l);
	char *p = pattern(LOTS);
	size_t sent = push(&l, true, str_make(p, LOTS));
	sys_close(&l.c.fd);
	svc_gate_world_turn(&l.w);
	svc_gate_world_read(&l.w, l.h.stream, &l.out);
	CHECK(str_ends(buf_view(&l.out), S("<EOF>")));
	/* OpenSSL may have kept one record that never went out. */
	CHECK(l.out.n - 5 <= sent && l.out.n - 5 + 16384 >= sent);
	CHECK(str_eq(str_sub(buf_view(&l.out), 0, l.out.n - 5), str_make(p, l.out.n - 5)));
	CHECK_U64(l.w.g->conns_n, 0);
	mem_drop(p);
	close_line(&l);
}

/* close_notify alone, the socket still open: the end of the connection (invariant 3). */
static void
close_notify_ends_it(void)
{
	struct line l;
	open_line(&l);
	svc_gate_client_send(&l.w, &l.c, S("QUIT\r\n"));
	CHECK(SSL_shutdown(l.c.ssl) >= 0);
	svc_gate_world_send(&l.w, l.c.fd, S("in the clear\r\n"));
	svc_gate_world_read(&l.w, l.h.stream, &l.out);
	CHECK_STR(buf_view(&l.out), S("QUIT\r\n<EOF>"));
	CHECK_U64(l.w.g->conns_n, 0);
	close_line(&l);
}

/* Garbage in the record layer ends the connection; nothing of it reaches the service. */
static void
broken_records_end_it(void)
{
	struct line l;
	open_line(&l);
	svc_gate_world_send(&l.w, l.c.fd,
	    S("\x17\x03\x03\x00\x20this is no sealed TLS record ..."));
	svc_gate_world_read(&l.w, l.h.stream, &l.out);
	CHECK_STR(buf_view(&l.out), S("<EOF>"));
	close_line(&l);
}

/* What came with the last message of the handshake is not forgotten. */
static void
early_words_are_relayed(void)
{
	struct line l;
	static const struct svc_gate_wish plainly;
	svc_gate_world_open(&l.w);
	buf_init(&l.out, LOTS);
	svc_gate_client_open(&l.c, svc_gate_world_connect(&l.w, SYS_IMAPS, "192.0.2.9"), &plainly);
	for (unsigned i = 0; i < 20 && SSL_do_handshake(l.c.ssl) != 1; i++) {
		svc_gate_world_turn(&l.w);
	}
	size_t n;
	CHECK(SSL_write_ex(l.c.ssl, "a NOOP\r\n", 8, &n) == 1); /* before the gate's next turn */
	svc_gate_world_handed(&l.w, l.w.login, &l.h);
	svc_gate_world_read(&l.w, l.h.stream, &l.out);
	CHECK_STR(buf_view(&l.out), S("a NOOP\r\n"));
	close_line(&l);
}

static void
lingering_is_bounded(void)
{
	struct line l;
	open_line(&l);
	sys_close(&l.h.stream);
	svc_gate_world_turn(&l.w);
	CHECK_U64(l.conn->state, SVC_GATE_LINGER);
	char *p = pattern(65536);
	for (unsigned i = 0; i < 20 && l.w.g->conns_n > 0; i++) {
		size_t n = 0;
		enum err e = sys_sock_write(l.c.fd, str_make(p, 65536), &n);
		CHECK(e == ERR_OK || e == ERR_AGAIN || e == ERR_EOF);
		svc_gate_world_turn(&l.w);
	}
	CHECK_U64(l.w.g->conns_n, 0);
	mem_drop(p);
	close_line(&l);
}

TEST_MAIN(a_slow_service_slows_the_client, a_slow_client_slows_the_service, a_deaf_client_is_left,
    both_directions_are_independent, the_services_end_comes_last, the_clients_end_comes_last,
    close_notify_ends_it, broken_records_end_it, early_words_are_relayed, lingering_is_bounded)
