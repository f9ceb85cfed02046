/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions that rest, with accounts played by the test: no octet is lost or doubled whatever comes
 * between, nobody rests who should not, and every rest has an end that accounts hears of.
 */
#include "svc/gate/testkit.h"

#include <sys/socket.h>
#include <unistd.h>

#include "ipc/common.h"
#include "ipc/gate_accounts.h"
#include "sys/sys.h"

struct told {
	struct ipc_gate_accounts_parked parked;
	unsigned parked_n, resumed_n, gone_n, keep_n;
	uint64_t gone;
	char sealed[16];
	size_t sealed_n;
	int stream;
	bool mute; /* do not say resumed */
	int accounts;
};

struct line {
	struct svc_gate_world w;
	struct svc_gate_client c;
	struct svc_gate_handed h;
	struct buf out;
	int accounts; /* our end */
	struct told told;
};

static enum err
on_parked(void *ctx, const struct ipc_gate_accounts_parked *m, int *fd)
{
	struct told *t = ctx;
	t->parked = *m;
	t->parked_n++;
	return ERR_OK;
}

static enum err
say_resumed(const struct told *t, uint64_t session, enum err result)
{
	char room[64];
	struct buf m;
	struct ipc_gate_accounts_resumed resumed = { session, result };
	buf_init_fixed(&m, room, sizeof room);
	ipc_gate_accounts_resumed_put(&m, &resumed);
	return sys_chan_send_wait(t->accounts, &m, -1, 0);
}

static enum err
on_resume(void *ctx, const struct ipc_gate_accounts_resume *m, int *fd)
{
	struct told *t = ctx;
	sys_close(&t->stream);
	t->stream = *fd;
	*fd = -1;
	t->sealed_n = MIN(m->sealed.n, sizeof t->sealed);
	memcpy(t->sealed, m->sealed.p, t->sealed_n);
	t->resumed_n++;
	return t->mute ? ERR_OK : say_resumed(t, m->session, ERR_OK);
}

static enum err
on_gone(void *ctx, const struct ipc_gate_accounts_gone *m, int *fd)
{
	struct told *t = ctx;
	t->gone = m->session;
	t->gone_n++;
	return ERR_OK;
}

static enum err
on_keep(void *ctx, const struct ipc_gate_accounts_keep *m, int *fd)
{
	struct told *t = ctx;
	CHECK_STR(m->sealed, S("sealed"));
	t->keep_n++;
	return ERR_OK;
}

/* Let the gate have its turn and take everything it tells accounts. */
static void
listen_to_it(struct line *l)
{
	static const struct ipc_gate_accounts_at_accounts handlers = {
		.parked = on_parked, .resume = on_resume, .gone = on_gone, .keep = on_keep
	};
	struct buf in;
	enum err e = ERR_OK;
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	l->told.accounts = l->accounts;
	svc_gate_world_turn(&l->w);
	while (e == ERR_OK) {
		int fd = -1;
		e = sys_chan_recv(l->accounts, &in, &fd);
		if (e == ERR_OK) {
			CHECK_ERR(ipc_gate_accounts_accounts_dispatch(&handlers, &l->told,
				      buf_view(&in), &fd, l->h.arena),
			    ERR_OK);
		}
		sys_close(&fd);
	}
	buf_done(&in);
	svc_gate_world_turn(&l->w);
}

static void
open_line(struct line *l)
{
	static const struct svc_gate_wish plainly;
	int pair[2] = { -1, -1 };
	*l = (struct line){ .told.stream = -1 };
	svc_gate_world_open(&l->w);
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	CHECK_ERR(svc_common_wire(&l->w.sc, S("gate_accounts"), 0, pair[0]), ERR_OK);
	l->accounts = pair[1];
	buf_init(&l->out, 1 << 20);
	svc_gate_client_open(&l->c, svc_gate_world_connect(&l->w, SYS_IMAPS, "192.0.2.9"),
	    &plainly);
	CHECK_ERR(svc_gate_client_handshake(&l->w, &l->c), ERR_OK);
	svc_gate_world_handed(&l->w, l->w.login, &l->h);
	CHECK(l->h.stream >= 0);
}

static void
leave(struct line *l)
{
	if (l->c.ssl != NULL) {
		svc_gate_client_close(&l->c);
		l->c.ssl = NULL;
	}
}

static void
close_line(struct line *l)
{
	svc_gate_handed_done(&l->h);
	sys_close(&l->told.stream);
	leave(l);
	svc_gate_world_turn(&l->w);
	svc_gate_world_turn(&l->w);
	CHECK_U64(l->w.g->conns_n, 0);
	CHECK_U64(l->w.g->parked_n, 0);
	svc_gate_world_close(&l->w);
	sys_close(&l->accounts);
	buf_done(&l->out);
}

static void
send_message(struct line *l, const struct buf *m)
{
	CHECK_ERR(sys_chan_send_wait(l->accounts, m, -1, 0), ERR_OK);
}

struct offer {
	uint64_t octets, left_ms;
	uint32_t keep_alive_ms;
};

static void
put_offer(struct line *l, const struct offer *o)
{
	char room[256];
	struct buf m;
	buf_init_fixed(&m, room, sizeof room);
	ipc_gate_accounts_park_put(&m,
	    &(struct ipc_gate_accounts_park){ .session = l->h.about->id,
		.octets = o->octets,
		.left_ms = o->left_ms,
		.keep_alive_ms = o->keep_alive_ms,
		.sealed = S("sealed") });
	send_message(l, &m);
}

/* Offer the session and take gate's answer. */
static enum err
offered(struct line *l, uint64_t octets)
{
	unsigned before = l->told.parked_n;
	put_offer(l, &(struct offer){ octets, 100000, 0 });
	listen_to_it(l);
	CHECK_U64(l->told.parked_n, before + 1);
	CHECK_U64(l->told.parked.session, l->h.about->id);
	return l->told.parked.result;
}

static void
wake(struct line *l)
{
	char room[64];
	struct buf m;
	buf_init_fixed(&m, room, sizeof room);
	ipc_gate_accounts_wake_put(&m, &(struct ipc_gate_accounts_wake){ l->h.about->id });
	send_message(l, &m);
	listen_to_it(l);
}

static void
drop(struct line *l)
{
	char room[64];
	struct buf m;
	buf_init_fixed(&m, room, sizeof room);
	ipc_gate_accounts_drop_put(&m, &(struct ipc_gate_accounts_drop){ l->h.about->id });
	send_message(l, &m);
	listen_to_it(l);
}

/* What lies in a stream, added to out. */
static void
take(struct line *l, int stream)
{
	svc_gate_world_read(&l->w, stream, &l->out);
}

static void
client_hears(struct line *l, const char *want)
{
	buf_reset(&l->out);
	svc_gate_client_read(&l->w, &l->c, &l->out);
	CHECK_STR(buf_view(&l->out), str_from(want));
}

static void
rests_and_goes_on(void)
{
	struct line l;
	open_line(&l);
	svc_gate_client_send(&l.w, &l.c, S("abc"));
	take(&l, l.h.stream);
	CHECK_ERR(offered(&l, 3), ERR_OK);
	buf_reset(&l.out);
	take(&l, l.h.stream);
	CHECK_STR(buf_view(&l.out), S("<EOF>"));
	CHECK_U64(l.told.resumed_n, 0);
	svc_gate_client_send(&l.w, &l.c, S("more"));
	listen_to_it(&l);
	CHECK_U64(l.told.resumed_n, 1);
	CHECK_STR(str_make(l.told.sealed, l.told.sealed_n), S("sealed"));
	buf_reset(&l.out);
	take(&l, l.told.stream);
	CHECK_STR(buf_view(&l.out), S("more"));
	svc_gate_world_send(&l.w, l.told.stream, S("answer"));
	client_hears(&l, "answer");
	CHECK_ERR(offered(&l, 7), ERR_BUSY); /* the count begins anew with the stream */
	CHECK_ERR(offered(&l, 4), ERR_OK);
	close_line(&l);
}

/*
 * The client sends six octets; between them the service reads, and offers with what it has read.
 * Whatever gate answers, the two streams together carry each octet once.
 */
static void
one_race(unsigned before, unsigned read, bool late_turn)
{
	static const char text[] = "abcdef";
	struct line l;
	size_t got = 0;
	char octets[8];
	open_line(&l);
	if (before > 0) {
		svc_gate_client_send(&l.w, &l.c, str_make(text, before));
	}
	if (read > 0) {
		CHECK_ERR(sys_sock_read(l.h.stream, octets, read, &got), ERR_OK);
		buf_add(&l.out, octets, got);
	}
	put_offer(&l, &(struct offer){ got, 100000, 0 });
	if (!late_turn) {
		listen_to_it(&l);
	}
	if (before < 6) {
		svc_gate_client_send(&l.w, &l.c, str_make(text + before, 6 - before));
	}
	listen_to_it(&l);
	CHECK_U64(l.told.parked_n, 1);
	bool rested = l.told.parked.result == ERR_OK;
	CHECK(rested || l.told.parked.result == ERR_BUSY);
	CHECK(!rested || got == before);
	CHECK_U64(l.told.resumed_n, rested && before < 6 ? 1 : 0);
	if (!rested || before < 6) {
		take(&l, rested ? l.told.stream : l.h.stream);
	}
	CHECK_STR(buf_view(&l.out), S("abcdef"));
	close_line(&l);
}

static void
every_race(void)
{
	for (unsigned before = 0; before <= 6; before++) {
		for (unsigned read = 0; read <= before; read++) {
			one_race(before, read, false);
			one_race(before, read, true);
		}
	}
}

/* What the session wrote before it offered itself is with the client, however much it is. */
static void
last_words(void)
{
	struct line l;
	char much[20000];
	memset(much, 'w', sizeof much);
	open_line(&l);
	size_t n = 0;
	CHECK_ERR(sys_sock_write(l.h.stream, str_make(much, sizeof much), &n), ERR_OK);
	CHECK_ERR(offered(&l, 0), ERR_OK);
	svc_gate_client_read(&l.w, &l.c, &l.out);
	CHECK_STR(buf_view(&l.out), str_make(much, n));
	close_line(&l);
}

static void
woken_by_accounts(void)
{
	struct line l;
	open_line(&l);
	CHECK_ERR(offered(&l, 0), ERR_OK);
	wake(&l);
	CHECK_U64(l.told.resumed_n, 1);
	wake(&l);
	drop(&l); /* too late, both: it does not rest */
	CHECK_U64(l.told.resumed_n, 1);
	svc_gate_world_send(&l.w, l.told.stream, S("news"));
	client_hears(&l, "news");
	close_line(&l);
}

static void
not_everybody_may_rest(void)
{
	struct line l;
	open_line(&l);
	l.h.about->id ^= 1;
	CHECK_ERR(offered(&l, 0), ERR_NOTFOUND);
	l.h.about->id ^= 1;
	CHECK_ERR(offered(&l, 0), ERR_OK);
	CHECK_ERR(offered(&l, 0), ERR_NOTFOUND); /* it does already */
	close_line(&l);
	open_line(&l);
	sys_close(&l.h.stream);
	CHECK_ERR(offered(&l, 0), ERR_NOTFOUND); /* the service has ended it */
	close_line(&l);
}

static void
the_client_leaves(void)
{
	struct line l;
	open_line(&l);
	CHECK_ERR(offered(&l, 0), ERR_OK);
	leave(&l);
	listen_to_it(&l);
	CHECK_U64(l.told.gone_n, 1);
	CHECK_U64(l.told.gone, l.h.about->id);
	CHECK_U64(l.told.resumed_n, 0);
	close_line(&l);
}

static void
dropped(void)
{
	struct line l;
	open_line(&l);
	CHECK_ERR(offered(&l, 0), ERR_OK);
	drop(&l);
	client_hears(&l, "* BYE [UNAVAILABLE] The session was ended; log in again\r\n<BYE>");
	leave(&l);
	listen_to_it(&l);
	CHECK_U64(l.told.gone_n, 0); /* accounts said it itself */
	close_line(&l);
}

static void
silent_for_too_long(void)
{
	struct line l;
	open_line(&l);
	put_offer(&l, &(struct offer){ 0, 0, 0 });
	listen_to_it(&l);
	CHECK_ERR(l.told.parked.result, ERR_OK);
	client_hears(&l, "* BYE Idle for too long\r\n<BYE>");
	listen_to_it(&l);
	CHECK_U64(l.told.gone_n, 1);
	close_line(&l);
}

static void
kept_alive(void)
{
	struct line l;
	open_line(&l);
	put_offer(&l, &(struct offer){ 0, 100000, 1 });
	for (unsigned i = 0; i < 1000 && l.out.n == 0; i++) {
		CHECK_ERR(sys_loop_turn(l.w.sc.loop, 1), ERR_OK);
		svc_gate_client_read(&l.w, &l.c, &l.out);
	}
	CHECK(str_starts(buf_view(&l.out), S("* OK Still here\r\n")));
	listen_to_it(&l);
	CHECK_U64(l.told.resumed_n, 0);
	close_line(&l);
}

static void
accounts_ends(struct line *l)
{
	sys_close(&l->accounts);
	svc_gate_world_turn(&l->w);
}

static void
accounts_is_back(struct line *l)
{
	int pair[2] = { -1, -1 };
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	l->accounts = pair[1];
	CHECK_ERR(svc_common_wire(&l->w.sc, S("gate_accounts"), 0, pair[0]), ERR_OK);
	listen_to_it(l);
}

static void
say_kept(struct line *l, enum err result)
{
	char room[64];
	struct buf m;
	struct ipc_gate_accounts_kept kept = { l->h.about->id, result };
	buf_init_fixed(&m, room, sizeof room);
	ipc_gate_accounts_kept_put(&m, &kept);
	send_message(l, &m);
	listen_to_it(l);
}

/* The client's octets wait for an accounts process that confirms the session. */
static void
accounts_is_started_anew(void)
{
	struct line l;
	open_line(&l);
	CHECK_ERR(offered(&l, 0), ERR_OK);
	accounts_ends(&l);
	svc_gate_client_send(&l.w, &l.c, S("early"));
	CHECK_U64(l.w.g->parked_n, 1);
	accounts_is_back(&l);
	CHECK_U64(l.told.keep_n, 1);
	CHECK_U64(l.told.resumed_n, 0);
	wake(&l);
	CHECK_U64(l.told.resumed_n, 0); /* not before it is confirmed */
	say_kept(&l, ERR_OK);
	CHECK_U64(l.told.resumed_n, 1);
	take(&l, l.told.stream);
	CHECK_STR(buf_view(&l.out), S("early"));
	close_line(&l);
}

/* Its end is noticed only when it is to be told something. */
static void
accounts_has_just_ended(void)
{
	struct line l;
	open_line(&l);
	CHECK_ERR(offered(&l, 0), ERR_OK);
	sys_close(&l.accounts);
	svc_gate_park_wake(LIST_ENTRY(l.w.g->conns.next, struct svc_gate_conn, node));
	svc_gate_world_turn(&l.w);
	accounts_is_back(&l);
	say_kept(&l, ERR_OK);
	CHECK_U64(l.told.resumed_n, 1);
	close_line(&l);
}

/* It dies with the stream in its hands: the octets are still here. */
static void
accounts_ends_while_it_wakes(void)
{
	struct line l;
	open_line(&l);
	l.told.mute = true;
	CHECK_ERR(offered(&l, 0), ERR_OK);
	svc_gate_client_send(&l.w, &l.c, S("early"));
	listen_to_it(&l);
	CHECK_U64(l.told.resumed_n, 1);
	accounts_ends(&l);
	l.told.mute = false;
	accounts_is_back(&l);
	say_kept(&l, ERR_OK);
	CHECK_U64(l.told.resumed_n, 2);
	take(&l, l.told.stream);
	CHECK_STR(buf_view(&l.out), S("early"));
	close_line(&l);
}

static void
refused_while_it_wakes(void)
{
	struct line l;
	open_line(&l);
	l.told.mute = true;
	CHECK_ERR(offered(&l, 0), ERR_OK);
	svc_gate_client_send(&l.w, &l.c, S("early"));
	listen_to_it(&l);
	CHECK_ERR(say_resumed(&l.told, l.h.about->id, ERR_DENIED), ERR_OK);
	client_hears(&l, "* BYE [UNAVAILABLE] The session was ended; log in again\r\n<BYE>");
	close_line(&l);
}

static void
a_new_accounts_refuses(void)
{
	struct line l;
	open_line(&l);
	CHECK_ERR(offered(&l, 0), ERR_OK);
	accounts_ends(&l);
	accounts_is_back(&l);
	say_kept(&l, ERR_DENIED);
	client_hears(&l, "* BYE [UNAVAILABLE] The session was ended; log in again\r\n<BYE>");
	close_line(&l);
}

static void
nobody_confirms(void)
{
	struct line l;
	open_line(&l);
	CHECK_ERR(offered(&l, 0), ERR_OK);
	accounts_ends(&l);
	CHECK(sys_timer_is_set(&l.w.g->orphans));
	svc_gate_park_orphans_end(l.w.g);
	client_hears(&l, "* BYE [UNAVAILABLE] The session was ended; log in again\r\n<BYE>");
	close_line(&l);
}

static void
quitting(void)
{
	struct line l;
	open_line(&l);
	CHECK_ERR(offered(&l, 0), ERR_OK);
	svc_gate_quit(l.w.g, 100000);
	client_hears(&l, "* BYE Service is shutting down\r\n<BYE>");
	close_line(&l);
}

/* ---- back to login ---- */

static void
give_back(struct line *l, int stream, const char *unread)
{
	char room[256];
	struct buf m;
	buf_init_fixed(&m, room, sizeof room);
	ipc_gate_accounts_unauthenticated_put(&m,
	    &(struct ipc_gate_accounts_unauthenticated){ l->h.about->id, str_from(unread) });
	CHECK_ERR(sys_chan_send_wait(l->accounts, &m, stream, 0), ERR_OK);
	listen_to_it(l);
}

/*
 * The client sends six octets, of which the process has read `read`, the last `behind` of them
 * behind its command. What the process said comes out, and login reads the rest once.
 */
static void
back_with(unsigned read, unsigned behind)
{
	static const char text[] = "abcdef";
	char unread[8];
	struct line l;
	struct svc_gate_handed again = { .stream = -1 };
	open_line(&l);
	uint64_t id = l.h.about->id;
	CHECK(!l.h.about->greeted);
	svc_gate_client_send(&l.w, &l.c, str_from(text));
	for (unsigned i = 0; i < read; i++) {
		size_t n;
		char c;
		CHECK_ERR(sys_sock_read(l.h.stream, &c, 1, &n), ERR_OK);
	}
	snprintf(unread, sizeof unread, "%.*s", (int)behind, text + read - behind);
	size_t n = 0;
	CHECK_ERR(sys_sock_write(l.h.stream, S("OK"), &n), ERR_OK);
	give_back(&l, l.h.stream, unread);
	client_hears(&l, "OK");
	svc_gate_world_handed(&l.w, l.w.login, &again);
	CHECK(again.stream >= 0 && again.about->id == id && again.about->greeted);
	CHECK_STR(again.about->tls_version, l.h.about->tls_version);
	CHECK_STR(again.about->exporter, l.h.about->exporter);
	svc_gate_client_send(&l.w, &l.c, S("!"));
	svc_gate_world_turn(&l.w);
	buf_reset(&l.out);
	take(&l, again.stream);
	char want[16];
	snprintf(want, sizeof want, "%s!", text + read - behind);
	CHECK_STR(buf_view(&l.out), str_from(want));
	svc_gate_world_send(&l.w, again.stream, S("again"));
	client_hears(&l, "again");
	CHECK_ERR(offered(&l, strlen(want) - 1), ERR_BUSY); /* counted from the new stream on */
	CHECK_ERR(offered(&l, strlen(want)), ERR_OK);
	svc_gate_handed_done(&again);
	close_line(&l);
}

static void
back_to_login(void)
{
	for (unsigned read = 0; read <= 6; read++) {
		for (unsigned behind = 0; behind <= read; behind++) {
			back_with(read, behind);
		}
	}
}

static void
nobody_to_go_back_to(void)
{
	struct line l;
	open_line(&l);
	sys_close(&l.w.login);
	svc_gate_world_turn(&l.w);
	give_back(&l, l.h.stream, "");
	client_hears(&l, "<EOF>");
	CHECK_U64(l.w.g->conns_n, 0);
	close_line(&l);
}

/* Octets that no read gives together, because each comes with a descriptor. */
static void
dribble(int fd, unsigned n)
{
	int along = STDERR_FILENO;
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(int))];
	} u = { .h = { .cmsg_len = CMSG_LEN(sizeof(int)),
		    .cmsg_level = SOL_SOCKET,
		    .cmsg_type = SCM_RIGHTS } };
	memcpy(CMSG_DATA(&u.h), &along, sizeof along);
	char x = 'x';
	struct iovec octet = { .iov_base = &x, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &octet,
		.msg_iovlen = 1,
		.msg_control = &u,
		.msg_controllen = sizeof u.room };
	for (unsigned i = 0; i < n; i++) {
		CHECK(sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == 1);
	}
}

enum { MANY = 100 }; /* of any size: no buffer of the kernel holds so many chunks */

/* A stream of its own, whose other end goes on writing, instead of the one it had. */
static void
given_back_without_end(void)
{
	struct line l;
	int false_one[2];
	open_line(&l);
	CHECK_ERR(sys_sock_pair(false_one), ERR_OK);
	dribble(false_one[1], MANY);
	give_back(&l, false_one[0], "");
	client_hears(&l, "<EOF>");
	CHECK_U64(l.w.g->conns_n, 0);
	sys_close(&false_one[1]);
	close_line(&l);
}

/* Somebody holds the process's end of the stream after it has ended, and writes on. */
static void
given_back_with_a_writer(void)
{
	struct line l;
	int copy = -1;
	open_line(&l);
	CHECK_ERR(sys_dup(l.h.stream, &copy), ERR_OK);
	dribble(copy, MANY);
	give_back(&l, l.h.stream, "");
	buf_reset(&l.out);
	svc_gate_client_read(&l.w, &l.c, &l.out);
	CHECK(str_ends(buf_view(&l.out), S("<EOF>")) && l.out.n < MANY);
	CHECK_U64(l.w.g->conns_n, 0);
	sys_close(&copy);
	close_line(&l);
}

static void
no_rest_for_who_says_too_much(void)
{
	struct line l;
	open_line(&l);
	dribble(l.h.stream, MANY);
	CHECK_ERR(offered(&l, 0), ERR_BUSY);
	close_line(&l);
}

TEST_MAIN(rests_and_goes_on, every_race, last_words, woken_by_accounts, not_everybody_may_rest,
    the_client_leaves, dropped, silent_for_too_long, kept_alive, accounts_is_started_anew,
    accounts_has_just_ended, accounts_ends_while_it_wakes, refused_while_it_wakes,
    a_new_accounts_refuses, nobody_confirms, quitting, back_to_login, nobody_to_go_back_to,
    given_back_without_end, given_back_with_a_writer, no_rest_for_who_says_too_much)
