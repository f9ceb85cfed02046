/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From accept to the session in its process: plaintext words, octets that want to slip through
 * STARTTLS, bans, limits, deadlines, balancers, and the end of the process.
 */
#include "svc/gate/testkit.h"

#include <errno.h>

#include "ipc/common.h"
#include "ipc/gate_auth.h"
#include "sys/clock.h"
#include "sys/sys.h"

static const struct svc_gate_wish plainly;

/* What a client on a fresh connection reads after sending `say`. */
static void
expect_plain(struct svc_gate_world *w, enum sys_protocol protocol, str say, const char *want)
{
	struct buf out;
	int fd = svc_gate_world_connect(w, protocol, "192.0.2.1");
	buf_init(&out, 1 << 18);
	if (say.n > 0) {
		svc_gate_world_send(w, fd, say);
	}
	svc_gate_world_read(w, fd, &out);
	CHECK_STR(buf_view(&out), str_from(want));
	sys_close(&fd);
	svc_gate_world_turn(w);
	buf_done(&out);
}

static void
plaintext_offers_the_way_into_tls_only(void)
{
	struct svc_gate_world w;
	svc_gate_world_open(&w);
	expect_plain(&w, SYS_MX, S("MAIL FROM:<a@b>\r\nQUIT\r\n"),
	    "220 mail.example.org ESMTP Postern\r\n530 5.7.0 Must issue a STARTTLS command "
	    "first\r\n221 2.0.0 Bye\r\n<EOF>");
	expect_plain(&w, SYS_IMAP, S("a LOGIN u p\r\n"),
	    "* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE STARTTLS "
	    "LOGINDISABLED] mail.example.org Postern ready\r\n"
	    "a NO [PRIVACYREQUIRED] Must issue STARTTLS first\r\n");
	expect_plain(&w, SYS_POP3, S("STLS\r\n"),
	    "+OK mail.example.org Postern ready\r\n+OK Begin TLS negotiation\r\n");
	expect_plain(&w, SYS_MANAGESIEVE, S("LOGOUT\r\n"),
	    "\"IMPLEMENTATION\" \"Postern\"\r\n\"SIEVE\" \"\"\r\n\"SASL\" \"\"\r\n\"STARTTLS\"\r\n"
	    "\"VERSION\" \"1.0\"\r\nOK \"mail.example.org Postern ready\"\r\n"
	    "OK \"Good-bye\"\r\n<EOF>");
	expect_plain(&w, SYS_SUBMISSIONS, S("EHLO a\r\n"), "<EOF>");
	CHECK_U64(w.g->conns_n, 0);
	svc_gate_world_close(&w);
}

static void
octets_behind_starttls_end_it(void)
{
	struct svc_gate_world w;
	svc_gate_world_open(&w);
	expect_plain(&w, SYS_MX, S("STARTTLS\r\nEHLO evil.example\r\n"),
	    "220 mail.example.org ESMTP Postern\r\n<EOF>");
	CHECK_U64(w.g->facts.injections, 1);
	svc_gate_world_close(&w);
}

/* Plaintext that comes after 220 is a broken handshake, never a command. */
static void
plaintext_after_220_ends_it(void)
{
	struct svc_gate_world w;
	struct buf out;
	svc_gate_world_open(&w);
	buf_init(&out, 1 << 18);
	int fd = svc_gate_world_connect(&w, SYS_MX, "192.0.2.1");
	svc_gate_world_send(&w, fd, S("STARTTLS\r\n"));
	svc_gate_world_send(&w, fd, S("EHLO evil.example\r\nMAIL FROM:<>\r\n"));
	svc_gate_world_read(&w, fd, &out);
	CHECK(str_starts(buf_view(&out),
	    S("220 mail.example.org ESMTP Postern\r\n220 2.0.0 Ready")));
	CHECK(str_ends(buf_view(&out), S("<EOF>")));
	CHECK(str_find(buf_view(&out), S("250")) < 0);
	CHECK_U64(w.g->facts.handshakes_failed, 1);
	CHECK_U64(w.g->conns_n, 0);
	sys_close(&fd);
	svc_gate_world_close(&w);
	buf_done(&out);
}

static void
check_record(const struct svc_gate_world *w, const struct ipc_common_session *s)
{
	uint8_t ip[16];
	CHECK_ERR(sys_addr_ip_parse(S("192.0.2.9"), ip), ERR_OK);
	CHECK_U64(s->protocol, SYS_MX);
	CHECK(s->greeted);
	CHECK_STR(s->peer_ip, str_make(ip, 16));
	CHECK_U64(s->peer_port, 4711);
	CHECK_STR(s->tls_version, S("TLSv1.3"));
	CHECK_STR(s->tls_cipher, S("TLS_AES_128_GCM_SHA256"));
	CHECK_STR(s->sni, S("mail.example.org"));
	CHECK_U64(s->id >> 56, w->sc.index);
}

static void
a_session_reaches_its_process(void)
{
	struct svc_gate_world w;
	struct svc_gate_client c;
	struct svc_gate_handed h;
	struct svc_gate_wish wish = { .sni = "mail.example.org" };
	struct buf out;
	svc_gate_world_open(&w);
	buf_init(&out, 1 << 20);
	svc_gate_client_open(&c, svc_gate_world_connect(&w, SYS_MX, "192.0.2.9"), &wish);
	CHECK_ERR(svc_gate_client_starttls(&w, &c), ERR_OK);
	svc_gate_world_handed(&w, w.mx[0], &h);
	CHECK(h.stream >= 0);
	check_record(&w, h.about);
	svc_gate_client_send(&w, &c, S("EHLO again\r\n"));
	svc_gate_world_read(&w, h.stream, &out);
	CHECK_STR(buf_view(&out), S("EHLO again\r\n"));
	svc_gate_world_send(&w, h.stream, S("250 hello\r\n"));
	buf_reset(&out);
	svc_gate_client_read(&w, &c, &out);
	CHECK_STR(buf_view(&out), S("250 hello\r\n"));
	svc_gate_handed_done(&h);
	svc_gate_client_close(&c);
	svc_gate_world_close(&w);
	buf_done(&out);
}

/* Where does a connection to this port go? */
static void
expect_peer(struct svc_gate_world *w, enum sys_protocol protocol, int peer, bool starttls)
{
	struct svc_gate_client c;
	struct svc_gate_handed h;
	test_case = sys_protocol_row(protocol)->name.p;
	svc_gate_client_open(&c, svc_gate_world_connect(w, protocol, "192.0.2.9"), &plainly);
	CHECK_ERR(starttls ? svc_gate_client_starttls(w, &c) : svc_gate_client_handshake(w, &c),
	    ERR_OK);
	svc_gate_world_handed(w, peer, &h);
	CHECK(h.stream >= 0);
	CHECK(h.about->greeted == starttls);
	svc_gate_handed_done(&h);
	svc_gate_client_close(&c);
}

static void
sessions_go_round(void)
{
	struct svc_gate_world w;
	svc_gate_world_open(&w);
	expect_peer(&w, SYS_MX, w.mx[0], true);
	expect_peer(&w, SYS_MX, w.mx[1], true);
	expect_peer(&w, SYS_MX, w.mx[0], true);
	expect_peer(&w, SYS_SUBMISSION, w.submission, true);
	expect_peer(&w, SYS_SUBMISSIONS, w.submission, false);
	expect_peer(&w, SYS_IMAPS, w.login, false);
	expect_peer(&w, SYS_POP3S, w.login, false);
	sys_close(&w.mx[1]); /* that process died */
	svc_gate_world_turn(&w);
	expect_peer(&w, SYS_MX, w.mx[0], true);
	expect_peer(&w, SYS_MX, w.mx[0], true);
	svc_gate_world_close(&w);
}

static void
nobody_serves(void)
{
	struct svc_gate_world w;
	struct svc_gate_client c;
	struct buf out;
	svc_gate_world_open(&w);
	buf_init(&out, 1 << 20);
	sys_close(&w.submission);
	svc_gate_world_turn(&w);
	svc_gate_client_open(&c, svc_gate_world_connect(&w, SYS_SUBMISSIONS, "192.0.2.9"),
	    &plainly);
	CHECK_ERR(svc_gate_client_handshake(&w, &c), ERR_OK);
	svc_gate_client_read(&w, &c, &out);
	CHECK_STR(buf_view(&out), S("421 4.3.2 Service is shutting down\r\n<BYE>"));
	CHECK_U64(w.g->facts.nobody, 1);
	svc_gate_client_close(&c);
	svc_gate_world_close(&w);
	buf_done(&out);
}

static void
say_ban(struct svc_gate_world *w, const char *network, int64_t until_s)
{
	struct sys_prefix p;
	struct buf m;
	char octets[256];
	buf_init_fixed(&m, octets, sizeof octets);
	CHECK_ERR(sys_prefix_parse(str_from(network), &p), ERR_OK);
	ipc_gate_auth_ban_put(&m,
	    &(struct ipc_gate_auth_ban){
		.prefix = str_make(p.ip, 16), .bits = p.bits, .until_s = until_s });
	CHECK_ERR(sys_chan_send_wait(w->auth, &m, -1, 0), ERR_OK);
	svc_gate_world_turn(w);
}

static void
the_banned_hear_nothing(void)
{
	struct svc_gate_world w;
	svc_gate_world_open(&w);
	say_ban(&w, "192.0.2.0/24", sys_clock_wall_s() + 60);
	expect_plain(&w, SYS_MX, STR_NONE, "<EOF>");
	CHECK_U64(w.g->facts.refused[SVC_GATE_BANNED], 1);
	say_ban(&w, "192.0.2.0/24", 0);
	expect_plain(&w, SYS_MX, S("QUIT\r\n"),
	    "220 mail.example.org ESMTP Postern\r\n221 2.0.0 Bye\r\n<EOF>");
	svc_gate_world_close(&w);
}

static void
nonsense_from_auth_closes_its_channel(void)
{
	struct svc_gate_world w;
	struct buf m;
	char octets[16];
	svc_gate_world_open(&w);
	buf_init_fixed(&m, octets, sizeof octets);
	buf_str(&m, S("\x09\x09nonsense"));
	CHECK_ERR(sys_chan_send_wait(w.auth, &m, -1, 0), ERR_OK);
	svc_gate_world_turn(&w);
	CHECK(w.g->auth.chan == NULL);
	expect_plain(&w, SYS_MX, S("QUIT\r\n"),
	    "220 mail.example.org ESMTP Postern\r\n221 2.0.0 Bye\r\n<EOF>");
	svc_gate_world_close(&w);
}

static void
limits_hold(void)
{
	struct svc_gate_world w;
	int fds[4];
	svc_gate_world_open(&w);
	w.conf.gate_processes = 1;
	w.conf.gate_per_address = 2;
	w.conf.gate_per_prefix = 3;
	w.conf.gate_connections = 4;
	fds[0] = svc_gate_world_connect(&w, SYS_MX, "192.0.2.1");
	fds[1] = svc_gate_world_connect(&w, SYS_MX, "192.0.2.1");
	expect_plain(&w, SYS_MX, STR_NONE, "421 4.7.0 Too many connections\r\n<EOF>");
	CHECK_U64(w.g->facts.refused[SVC_GATE_ADDRESS], 1);
	fds[2] = svc_gate_world_connect(&w, SYS_MX, "192.0.2.2");
	sys_close(&fds[1]);
	svc_gate_world_turn(&w);
	fds[1] = svc_gate_world_connect(&w, SYS_MX, "192.0.2.3");
	expect_plain(&w, SYS_MX, STR_NONE, "421 4.7.0 Too many connections\r\n<EOF>");
	CHECK_U64(w.g->facts.refused[SVC_GATE_NETWORK], 1);
	fds[3] = svc_gate_world_connect(&w, SYS_MX, "198.51.100.1");
	expect_plain(&w, SYS_MX, STR_NONE, "421 4.7.0 Too many connections\r\n<EOF>");
	CHECK_U64(w.g->facts.refused[SVC_GATE_FULL], 1);
	expect_plain(&w, SYS_IMAPS, STR_NONE, "<EOF>");
	for (size_t i = 0; i < LEN(fds); i++) {
		sys_close(&fds[i]);
	}
	svc_gate_world_turn(&w);
	CHECK_U64(w.g->conns_n, 0);
	CHECK_U64(map_count(w.g->counts.map), 0);
	svc_gate_world_close(&w);
}

/* Turn, waiting for timers, until the connection is gone; bounded. */
static void
wait_for_the_end(struct svc_gate_world *w)
{
	for (unsigned i = 0; i < 1000 && w->g->conns_n > 0; i++) {
		CHECK_ERR(sys_loop_turn(w->sc.loop, 10), ERR_OK);
	}
	CHECK_U64(w->g->conns_n, 0);
}

static void
the_silent_are_sent_away(void)
{
	struct svc_gate_world w;
	struct buf out;
	svc_gate_world_open(&w);
	buf_init(&out, 1 << 18);
	w.conf.gate_idle = 5;
	w.conf.gate_handshake = 5;
	size_t n;
	int fd = svc_gate_world_connect(&w, SYS_MX, "192.0.2.1");
	wait_for_the_end(&w);
	svc_gate_world_read(&w, fd, &out);
	CHECK_STR(buf_view(&out),
	    S("220 mail.example.org ESMTP Postern\r\n421 4.4.2 Idle for too long\r\n<EOF>"));
	sys_close(&fd);
	fd = svc_gate_world_connect(&w, SYS_IMAPS, "192.0.2.1");
	/* a hello that never ends; on a busy machine the time is up before it begins */
	enum err e = sys_sock_write(fd, S("\x16\x03\x01"), &n);
	CHECK(e == ERR_OK || e == ERR_EOF);
	wait_for_the_end(&w);
	CHECK_U64(w.g->facts.timeouts, 2);
	sys_close(&fd);
	svc_gate_world_close(&w);
	buf_done(&out);
}

#define HEADER "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x33\x64\x07\xcb\x00\x71\x08\x30\x39\x00\x19"

static void
set_balancer(struct svc_gate_world *w)
{
	static const str nets[] = { S_INIT("10.0.0.0/8") };
	w->conf.listen_proxy = (struct conf_list){ nets, LEN(nets) };
	CHECK_ERR(svc_gate_settings(w->g), ERR_OK);
}

/* The header at every split; nothing is said before it is complete. */
static void
balancers_name_their_client(void)
{
	struct svc_gate_world w;
	str all = S(HEADER);
	struct buf out;
	svc_gate_world_open(&w);
	buf_init(&out, 1 << 18);
	set_balancer(&w);
	for (size_t at = 1; at < all.n; at++) {
		int fd = svc_gate_world_connect(&w, SYS_MX, "10.1.1.1");
		svc_gate_world_send(&w, fd, str_sub(all, 0, at));
		buf_reset(&out);
		svc_gate_world_read(&w, fd, &out);
		CHECK_U64(out.n, 0);
		svc_gate_world_send(&w, fd, str_from_off(all, at));
		svc_gate_world_read(&w, fd, &out);
		CHECK_STR(buf_view(&out), S("220 mail.example.org ESMTP Postern\r\n"));
		sys_close(&fd);
		svc_gate_world_turn(&w);
	}
	svc_gate_world_close(&w);
	buf_done(&out);
}

static void
the_named_client_counts(void)
{
	struct svc_gate_world w;
	struct svc_gate_client c;
	struct svc_gate_handed h;
	svc_gate_world_open(&w);
	set_balancer(&w);
	int fd = svc_gate_world_connect(&w, SYS_SUBMISSIONS, "10.1.1.1");
	svc_gate_world_send(&w, fd, S(HEADER));
	svc_gate_client_open(&c, fd, &plainly);
	CHECK_ERR(svc_gate_client_handshake(&w, &c), ERR_OK);
	svc_gate_world_handed(&w, w.submission, &h);
	CHECK_STR(h.about->peer_ip, S("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\x07"));
	CHECK_U64(h.about->peer_port, 12345);
	CHECK_STR(h.about->local_ip, S("\0\0\0\0\0\0\0\0\0\0\xff\xff\xcb\x00\x71\x08"));
	CHECK_U64(h.about->local_port, 25);
	svc_gate_handed_done(&h);
	svc_gate_client_close(&c);
	say_ban(&w, "198.51.100.7", sys_clock_wall_s() + 60);
	fd = svc_gate_world_connect(&w, SYS_MX, "10.1.1.1");
	svc_gate_world_send(&w, fd, S(HEADER));
	CHECK_U64(w.g->facts.refused[SVC_GATE_BANNED], 1);
	sys_close(&fd);
	svc_gate_world_close(&w);
}

static void
headers_that_are_not_right(void)
{
	struct svc_gate_world w;
	struct buf out;
	svc_gate_world_open(&w);
	buf_init(&out, 1 << 18);
	set_balancer(&w);
	int fd = svc_gate_world_connect(&w, SYS_MX, "10.1.1.1");
	svc_gate_world_send(&w, fd, S("EHLO client.example\r\n"));
	svc_gate_world_read(&w, fd, &out);
	CHECK_STR(buf_view(&out), S("<EOF>"));
	CHECK_U64(w.g->facts.refused[SVC_GATE_HEADER], 1);
	sys_close(&fd);
	/* From anybody else it is just a line that makes no sense. */
	expect_plain(&w, SYS_MX, S(HEADER),
	    "220 mail.example.org ESMTP Postern\r\n"
	    "530 5.7.0 Must issue a STARTTLS command first\r\n"
	    "530 5.7.0 Must issue a STARTTLS command first\r\n500 5.5.2 Lines must end in CR "
	    "LF\r\n500 5.5.2 Lines must end in CR LF\r\n");
	svc_gate_world_close(&w);
	buf_done(&out);
}

/* A real listener: connections come in, also after this process stepped to the end of the list. */
static void
listeners_accept(void)
{
	struct svc_gate_world w;
	struct sys_addr at = { .port = 0 };
	int listener = -1, fds[SVC_GATE_ACCEPTS_IN_A_ROW * 2 + 1];
	svc_gate_world_open(&w);
	CHECK_ERR(sys_addr_ip_parse(S("127.0.0.1"), at.ip), ERR_OK);
	CHECK_ERR(sys_sock_listen(&at, &listener), ERR_OK);
	CHECK_ERR(sys_sock_local(listener, &at), ERR_OK);
	CHECK_ERR(svc_gate_listen(w.g, SYS_MX, listener), ERR_OK);
	CHECK_ERR(svc_gate_listen_start(w.g), ERR_OK);
	for (size_t i = 0; i < LEN(fds); i++) {
		enum err e = sys_sock_connect(&at, &fds[i]);
		CHECK(e == ERR_OK || e == ERR_AGAIN);
		for (unsigned k = 0; k < 100 && w.g->conns_n <= i; k++) {
			CHECK_ERR(sys_loop_turn(w.sc.loop, 10), ERR_OK);
		}
		CHECK_U64(w.g->conns_n, i + 1);
	}
	struct svc_gate_conn *c = LIST_ENTRY(w.g->conns.next, struct svc_gate_conn, node);
	CHECK(sys_addr_is_loopback(c->peer.ip));
	for (size_t i = 0; i < LEN(fds); i++) {
		sys_close(&fds[i]);
	}
	wait_for_the_end(&w);
	CHECK_U64(w.g->facts.accepted, LEN(fds));
	svc_gate_world_close(&w);
}

/* The kernel has nothing to give: it is asked again later, not over and over. */
static void
listeners_rest(void)
{
	static const int why[] = { ENOMEM, ENOBUFS };
	struct svc_gate_world w;
	struct sys_addr at = { .port = 0 };
	int listener = -1, fds[LEN(why)];
	svc_gate_world_open(&w);
	CHECK_ERR(sys_addr_ip_parse(S("127.0.0.1"), at.ip), ERR_OK);
	CHECK_ERR(sys_sock_listen(&at, &listener), ERR_OK);
	CHECK_ERR(sys_sock_local(listener, &at), ERR_OK);
	CHECK_ERR(svc_gate_listen(w.g, SYS_MX, listener), ERR_OK);
	CHECK_ERR(svc_gate_listen_start(w.g), ERR_OK);
	for (size_t i = 0; i < LEN(why); i++) {
		enum err e = sys_sock_connect(&at, &fds[i]);
		CHECK(e == ERR_OK || e == ERR_AGAIN);
		CHECK_ERR(sys_wait(listener, true, 5000), ERR_OK);
		sys_fail_after(1, why[i]);
		for (unsigned k = 0; k < 10; k++) {
			CHECK_ERR(sys_loop_turn(w.sc.loop, 1), ERR_OK);
		}
		CHECK_U64(w.g->conns_n, i);
		for (unsigned k = 0; k < 200 && w.g->conns_n <= i; k++) {
			CHECK_ERR(sys_loop_turn(w.sc.loop, 10), ERR_OK);
		}
		CHECK_U64(w.g->conns_n, i + 1);
		sys_fail_after(0, 0);
	}
	for (size_t i = 0; i < LEN(fds); i++) {
		sys_close(&fds[i]);
	}
	wait_for_the_end(&w);
	svc_gate_world_close(&w);
}

static void
quit_lets_sessions_end(void)
{
	struct svc_gate_world w;
	struct svc_gate_client c;
	struct svc_gate_handed h;
	struct buf out;
	svc_gate_world_open(&w);
	buf_init(&out, 1 << 20);
	svc_gate_client_open(&c, svc_gate_world_connect(&w, SYS_SUBMISSIONS, "192.0.2.9"),
	    &plainly);
	CHECK_ERR(svc_gate_client_handshake(&w, &c), ERR_OK);
	svc_gate_world_handed(&w, w.submission, &h);
	int fd = svc_gate_world_connect(&w, SYS_IMAP, "192.0.2.1");
	svc_gate_quit(w.g, 60000);
	svc_gate_world_read(&w, fd, &out);
	CHECK(str_ends(buf_view(&out), S("* BYE Service is shutting down\r\n<EOF>")));
	CHECK_U64(w.g->conns_n, 1);
	svc_gate_handed_done(&h);
	buf_reset(&out);
	svc_gate_client_read(&w, &c, &out);
	CHECK_STR(buf_view(&out), S("<BYE>"));
	svc_gate_client_close(&c);
	svc_gate_world_turn(&w);
	CHECK_U64(w.g->conns_n, 0);
	sys_close(&fd);
	svc_gate_world_close(&w);
	buf_done(&out);
}

TEST_MAIN(plaintext_offers_the_way_into_tls_only, octets_behind_starttls_end_it,
    plaintext_after_220_ends_it, a_session_reaches_its_process, sessions_go_round, nobody_serves,
    the_banned_hear_nothing, nonsense_from_auth_closes_its_channel, limits_hold,
    the_silent_are_sent_away, balancers_name_their_client, the_named_client_counts,
    headers_that_are_not_right, listeners_accept, listeners_rest, quit_lets_sessions_end)
