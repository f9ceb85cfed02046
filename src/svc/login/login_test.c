/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Login between a gate, an auth and an accounts that the test plays: log-ins that work, fail, are
 * delayed, given up; peers that are gone; the stream that goes on with every octet.
 */
#include "svc/login/login.h"
#include "svc/login/service.h"

#include "base/mem.h"
#include "base/test.h"
#include "conf/conf.h"
#include "ipc/gate_login.h"
#include "ipc/login_accounts.h"
#include "ipc/login_auth.h"
#include "sys/sys.h"

struct world {
	struct svc_common sc;
	struct conf conf;
	struct svc_login *l;
	int gate, auth, accounts; /* our ends */
	int client;
	struct arena *arena;
	struct buf out;
	/* what the peers were asked last */
	struct ipc_login_auth_sasl_start start;
	struct ipc_login_auth_sasl_step step;
	struct ipc_login_auth_sasl_abort abort;
	struct ipc_login_accounts_attach attach;
	unsigned starts, steps, aborts, attaches;
	int stream; /* that accounts got */
};

static void
complain(void *ctx, unsigned line, str key, const char *what)
{
	fprintf(stderr, "line %u: %.*s: %s\n", line, STR_ARG(key), what);
}

static int
wire(struct world *w, const char *edge, uint32_t peer)
{
	int pair[2] = { -1, -1 };
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, str_from(edge), peer, pair[0]), ERR_OK);
	return pair[1];
}

static void
open_world(struct world *w)
{
	*w = (struct world){ .client = -1, .stream = -1 };
	w->arena = arena_new(NULL, "peers", 1 << 22, 0);
	CHECK(arena_alloc(w->arena, 60000) != NULL); /* this chunk is kept */
	arena_reset(w->arena);
	w->sc.arena = arena_new(NULL, "test", 1 << 24, 0);
	buf_init(&w->out, 1 << 20);
	CHECK_ERR(sys_loop_new(&w->sc.loop), ERR_OK);
	CHECK_ERR(conf_parse(S("hostname h\ndomain example.org\nstate /nowhere\n"), w->sc.arena,
		      complain, NULL, &w->conf),
	    ERR_OK);
	w->sc.conf = &w->conf;
	w->sc.service = &svc_login_service;
	w->sc.ctx = w->l = mem_zalloc(1, sizeof *w->l);
	CHECK_ERR(svc_login_init(w->l, &w->sc), ERR_OK);
	w->gate = wire(w, "gate_login", 5);
	w->auth = wire(w, "login_auth", 0);
	w->accounts = wire(w, "login_accounts", 0);
}

static void
close_world(struct world *w)
{
	svc_login_done(w->l);
	MEM_FREE(w->l);
	sys_loop_free(&w->sc.loop);
	arena_free(&w->sc.arena);
	arena_free(&w->arena);
	buf_done(&w->out);
	sys_close(&w->gate);
	sys_close(&w->auth);
	sys_close(&w->accounts);
	sys_close(&w->client);
	sys_close(&w->stream);
}

static void
turn(struct world *w)
{
	for (unsigned i = 0; i < 4; i++) {
		CHECK_ERR(sys_loop_turn(w->sc.loop, 0), ERR_OK);
	}
}

static enum err
on_start(void *ctx, const struct ipc_login_auth_sasl_start *m, int *fd)
{
	struct world *w = ctx;
	w->start = *m;
	w->starts++;
	return ERR_OK;
}

static enum err
on_step(void *ctx, const struct ipc_login_auth_sasl_step *m, int *fd)
{
	struct world *w = ctx;
	w->step = *m;
	w->steps++;
	return ERR_OK;
}

static enum err
on_abort(void *ctx, const struct ipc_login_auth_sasl_abort *m, int *fd)
{
	struct world *w = ctx;
	w->abort = *m;
	w->aborts++;
	return ERR_OK;
}

static enum err
on_attach(void *ctx, const struct ipc_login_accounts_attach *m, int *fd)
{
	struct world *w = ctx;
	w->attach = *m;
	w->attaches++;
	sys_close(&w->stream);
	w->stream = *fd;
	*fd = -1;
	return ERR_OK;
}

/* Take every message that waits on one of our ends. */
static void
take(struct world *w, int end)
{
	static const struct ipc_login_auth_at_auth auth = {
		.sasl_start = on_start, .sasl_step = on_step, .sasl_abort = on_abort
	};
	static const struct ipc_login_accounts_at_accounts accounts = { .attach = on_attach };
	static char octets[SYS_CHAN_MESSAGE_MAX]; /* the heap is what fails in memory_runs_out */
	struct buf in;
	int fd = -1;
	buf_init_fixed(&in, octets, sizeof octets);
	while (end >= 0 && sys_chan_recv(end, &in, &fd) == ERR_OK) {
		str m = arena_dup(w->arena, buf_view(&in));
		CHECK_ERR(end == w->auth
			? ipc_login_auth_auth_dispatch(&auth, w, m, &fd, w->arena)
			: ipc_login_accounts_accounts_dispatch(&accounts, w, m, &fd, w->arena),
		    ERR_OK);
		sys_close(&fd);
	}
}

static void
settle(struct world *w)
{
	turn(w);
	take(w, w->auth);
	take(w, w->accounts);
}

/* What the client reads; "<EOF>" at the end. */
static str
reads(struct world *w)
{
	enum err e = ERR_OK;
	buf_reset(&w->out);
	settle(w);
	while (e == ERR_OK) {
		size_t n = 0;
		char *to = buf_room(&w->out, 65536);
		e = to == NULL ? ERR_NOMEM : sys_sock_read(w->client, to, 65536, &n);
		buf_grow(&w->out, n);
	}
	if (e != ERR_AGAIN) {
		buf_cstr(&w->out, "<EOF>");
	}
	return buf_view(&w->out);
}

static void
says(struct world *w, str s)
{
	size_t n = 0;
	CHECK_ERR(sys_sock_write(w->client, s, &n), ERR_OK);
	CHECK_U64(n, s.n);
	settle(w);
}

static void
send_to(struct world *w, int end, const struct buf *m, int fd)
{
	CHECK_ERR(buf_err(m), ERR_OK);
	CHECK_ERR(sys_chan_send_wait(end, m, fd, 0), ERR_OK);
	settle(w);
}

/* Gate hands in a session. */
static void
begin(struct world *w, enum sys_protocol protocol, bool greeted, str exporter)
{
	int pair[2] = { -1, -1 };
	struct buf m;
	struct ipc_gate_login_session session = { .session = { .id = 7,
						      .protocol = protocol,
						      .greeted = greeted,
						      .peer_ip = S("0123456789abcdef"),
						      .local_ip = S("0123456789abcdef"),
						      .tls_version = S("TLSv1.3"),
						      .exporter = exporter } };
	buf_init(&m, 4096);
	sys_close(&w->client);
	CHECK_ERR(sys_sock_pair(pair), ERR_OK);
	w->client = pair[1];
	ipc_gate_login_session_put(&m, &session);
	send_to(w, w->gate, &m, pair[0]);
	buf_done(&m);
}

static void
auth_says(struct world *w, enum err result, str final, uint32_t delay_ms)
{
	struct buf m;
	char octets[1024];
	buf_init_fixed(&m, octets, sizeof octets);
	ipc_login_auth_sasl_done_put(&m,
	    &(struct ipc_login_auth_sasl_done){ .request = w->start.request,
		.result = result,
		.account = 42,
		.name = S("bob@example.org"),
		.ticket = result == ERR_OK ? S("0123456789abcdef") : STR_NONE,
		.has_final = final.n > 0,
		.final = final,
		.delay_ms = delay_ms });
	send_to(w, w->auth, &m, -1);
}

static void
auth_challenges(struct world *w, str data)
{
	struct buf m;
	buf_init(&m, 65536);
	ipc_login_auth_sasl_challenge_put(&m,
	    &(struct ipc_login_auth_sasl_challenge){ .request = w->start.request, .data = data });
	send_to(w, w->auth, &m, -1);
	buf_done(&m);
}

static void
accounts_say(struct world *w, enum err result)
{
	struct buf m;
	buf_init(&m, 256);
	ipc_login_accounts_attached_put(&m,
	    &(struct ipc_login_accounts_attached){
		.request = w->attach.request, .result = result });
	send_to(w, w->accounts, &m, -1);
	buf_done(&m);
}

static struct svc_login_session *
session(struct world *w)
{
	return LIST_ENTRY(w->l->sessions.next, struct svc_login_session, node);
}

static void
an_imap_login_goes_on(void)
{
	struct world w;
	open_world(&w);
	begin(&w, SYS_IMAP, true, STR_NONE);
	CHECK_STR(reads(&w), STR_NONE);
	says(&w, S("a1 LOGIN bob secret\r\na2 SELECT INBOX\r\n"));
	CHECK_U64(w.starts, 1);
	CHECK_STR(w.start.mechanism, S("PLAIN"));
	CHECK_STR(w.start.initial, S("\0bob\0secret"));
	CHECK_U64(w.start.session.id, 7);
	CHECK_STR(w.start.session.peer_ip, S("0123456789abcdef"));
	auth_says(&w, ERR_OK, STR_NONE, 0);
	CHECK_U64(w.attaches, 1);
	CHECK_STR(w.attach.tag, S("a1"));
	CHECK_STR(w.attach.ticket, S("0123456789abcdef"));
	CHECK_STR(w.attach.unread, S("a2 SELECT INBOX\r\n"));
	CHECK_U64(w.attach.session.id, 7);
	accounts_say(&w, ERR_OK);
	CHECK_U64(w.l->sessions_n, 0);
	CHECK_U64(w.l->facts.logins, 1);
	size_t n;
	CHECK_ERR(sys_sock_write(w.stream, S("a1 OK welcome\r\n"), &n), ERR_OK);
	CHECK_STR(reads(&w), S("a1 OK welcome\r\n"));
	close_world(&w);
}

static void
greetings(void)
{
	struct world w;
	open_world(&w);
	begin(&w, SYS_IMAPS, false, STR_NONE);
	str hello = reads(&w);
	CHECK(str_starts(hello, S("* OK [CAPABILITY ")));
	CHECK(str_find(hello, S("AUTH=SCRAM-SHA-256 ")) > 0);
	CHECK(str_find(hello, S("-PLUS")) < 0 && str_find(hello, S("CRAM-MD5")) < 0);
	begin(&w, SYS_IMAPS, false, S("exporter octets"));
	CHECK(str_find(reads(&w), S("AUTH=SCRAM-SHA-256-PLUS ")) > 0);
	begin(&w, SYS_POP3S, false, STR_NONE);
	CHECK_STR(reads(&w), S("+OK h Postern ready\r\n"));
	begin(&w, SYS_MANAGESIEVE, true, STR_NONE);
	CHECK(str_ends(reads(&w), S("OK \"h Postern ready\"\r\n")));
	w.conf.auth_cram_md5 = true;
	svc_login_settings(w.l);
	begin(&w, SYS_IMAPS, false, STR_NONE);
	CHECK(str_find(reads(&w), S("AUTH=CRAM-MD5")) > 0);
	close_world(&w);
}

static void
scram_has_a_last_word(void)
{
	struct world w;
	open_world(&w);
	begin(&w, SYS_IMAP, true, STR_NONE);
	says(&w, S("a AUTHENTICATE SCRAM-SHA-256 YQ==\r\n"));
	auth_challenges(&w, S("chal"));
	CHECK_STR(reads(&w), S("+ Y2hhbA==\r\n"));
	says(&w, S("Yg==\r\n"));
	CHECK_U64(w.steps, 1);
	CHECK_U64(w.step.request, w.start.request);
	CHECK_STR(w.step.data, S("b"));
	auth_says(&w, ERR_OK, S("fin"), 0);
	CHECK_STR(reads(&w), S("+ Zmlu\r\n"));
	CHECK_U64(w.attaches, 0);
	says(&w, S("\r\nb NOOP\r\n"));
	CHECK_U64(w.attaches, 1);
	CHECK_STR(w.attach.unread, S("b NOOP\r\n"));
	close_world(&w);
}

static void
other_protocols_log_in(void)
{
	struct world w;
	open_world(&w);
	begin(&w, SYS_POP3, true, STR_NONE);
	says(&w, S("USER bob\r\nPASS two words\r\nSTAT\r\n"));
	CHECK_STR(w.start.initial, S("\0bob\0two words"));
	CHECK_STR(reads(&w), S("+OK Password, please\r\n"));
	auth_says(&w, ERR_OK, STR_NONE, 0);
	CHECK_STR(w.attach.tag, STR_NONE);
	CHECK_STR(w.attach.unread, S("STAT\r\n"));
	accounts_say(&w, ERR_OK);
	begin(&w, SYS_MANAGESIEVE, true, STR_NONE);
	says(&w, S("AUTHENTICATE \"PLAIN\" \"AGJvYgBw\"\r\n"));
	CHECK_STR(w.start.initial, S("\0bob\0p"));
	auth_says(&w, ERR_OK, STR_NONE, 0);
	CHECK_U64(w.attaches, 2);
	close_world(&w);
}

/* Three wrong passwords; the answer comes when auth says, and nothing is read before. */
static void
wrong_passwords(void)
{
	struct world w;
	open_world(&w);
	begin(&w, SYS_IMAP, true, STR_NONE);
	says(&w, S("a LOGIN bob x\r\nb LOGIN bob y\r\nc LOGIN bob z\r\n"));
	auth_says(&w, ERR_AUTH, STR_NONE, 100);
	CHECK_U64(w.starts, 1);
	CHECK_U64(session(&w)->wait, SVC_LOGIN_DELAY);
	for (unsigned i = 0; i < 100 && w.starts < 2; i++) {
		CHECK_ERR(sys_loop_turn(w.sc.loop, 10), ERR_OK);
		take(&w, w.auth);
	}
	CHECK_STR(reads(&w), S("a NO [AUTHENTICATIONFAILED] Authentication failed\r\n"));
	CHECK_STR(w.start.initial, S("\0bob\0y"));
	auth_says(&w, ERR_DISABLED, STR_NONE, 0);
	CHECK_STR(reads(&w), S("b NO [CONTACTADMIN] Account is disabled\r\n"));
	auth_says(&w, ERR_AUTH, STR_NONE, 0);
	CHECK_STR(reads(&w),
	    S("c NO [AUTHENTICATIONFAILED] Authentication failed\r\n"
	      "* BYE Too many failed log-ins\r\n<EOF>"));
	CHECK_U64(w.l->facts.failures, 3);
	CHECK_U64(w.l->sessions_n, 0);
	close_world(&w);
}

static void
auth_is_gone_and_comes_back(void)
{
	struct world w;
	open_world(&w);
	begin(&w, SYS_IMAP, true, STR_NONE);
	says(&w, S("a LOGIN bob x\r\n"));
	sys_close(&w.auth);
	CHECK_STR(reads(&w), S("a NO [UNAVAILABLE] Log-in is not possible at the moment\r\n"));
	says(&w, S("b LOGIN bob x\r\n"));
	CHECK_STR(reads(&w), S("b NO [UNAVAILABLE] Log-in is not possible at the moment\r\n"));
	w.auth = wire(&w, "login_auth", 0);
	says(&w, S("c LOGIN bob x\r\n"));
	CHECK_U64(w.starts, 2);
	auth_says(&w, ERR_OK, STR_NONE, 0);
	CHECK_STR(w.attach.tag, S("c"));
	close_world(&w);
}

static void
a_broken_auth_grants_nothing(void)
{
	struct world w;
	struct buf m;
	open_world(&w);
	buf_init(&m, 4096);
	begin(&w, SYS_IMAP, true, STR_NONE);
	says(&w, S("a LOGIN bob x\r\n"));
	ipc_login_auth_sasl_done_put(&m,
	    &(struct ipc_login_auth_sasl_done){
		.request = w.start.request, .result = ERR_OK, .ticket = S("short") });
	send_to(&w, w.auth, &m, -1);
	CHECK_U64(w.attaches, 0);
	CHECK(w.l->auth.chan == NULL);
	CHECK(str_find(reads(&w), S("<EOF>")) < 0);
	CHECK_U64(w.l->sessions_n, 1);
	buf_done(&m);
	close_world(&w);
}

/* The client goes while auth thinks: auth is told, its late answer finds nobody. */
static void
the_client_goes(void)
{
	struct world w;
	open_world(&w);
	begin(&w, SYS_IMAP, true, STR_NONE);
	says(&w, S("a AUTHENTICATE PLAIN\r\n"));
	auth_challenges(&w, STR_NONE);
	CHECK_STR(reads(&w), S("+ \r\n"));
	sys_close(&w.client);
	settle(&w);
	CHECK_U64(w.aborts, 1);
	CHECK_U64(w.abort.request, w.start.request);
	CHECK_U64(w.l->sessions_n, 0);
	auth_says(&w, ERR_OK, STR_NONE, 0);
	auth_challenges(&w, S("late"));
	CHECK_U64(w.attaches, 0);
	CHECK_U64(map_count(w.l->requests), 0);
	close_world(&w);
}

static void
cancel_tells_auth(void)
{
	struct world w;
	open_world(&w);
	begin(&w, SYS_IMAP, true, STR_NONE);
	says(&w, S("a AUTHENTICATE PLAIN\r\n"));
	auth_challenges(&w, STR_NONE);
	says(&w, S("*\r\n"));
	CHECK_STR(reads(&w), S("+ \r\na BAD Authentication cancelled\r\n"));
	CHECK_U64(w.aborts, 1);
	CHECK_U64(map_count(w.l->requests), 0);
	close_world(&w);
}

static void
accounts_is_busy(void)
{
	struct world w;
	open_world(&w);
	begin(&w, SYS_IMAP, true, STR_NONE);
	says(&w, S("a LOGIN bob x\r\nb LOGOUT\r\n"));
	auth_says(&w, ERR_OK, STR_NONE, 0);
	accounts_say(&w, ERR_BUSY);
	CHECK_STR(reads(&w),
	    S("a NO [UNAVAILABLE] Log-in is not possible at the moment\r\n"
	      "* BYE Good-bye\r\nb OK Logged out\r\n"));
	CHECK_U64(w.l->sessions_n, 0);
	close_world(&w);
}

/* Two owners must never be: when accounts dies with the stream in its hands the session ends. */
static void
accounts_dies(void)
{
	struct world w;
	open_world(&w);
	begin(&w, SYS_IMAP, true, STR_NONE);
	says(&w, S("a LOGIN bob x\r\n"));
	auth_says(&w, ERR_OK, STR_NONE, 0);
	sys_close(&w.accounts);
	sys_close(&w.stream);
	CHECK_STR(reads(&w), S("<EOF>"));
	CHECK_U64(w.l->sessions_n, 0);
	begin(&w, SYS_IMAP, true, STR_NONE);
	says(&w, S("a LOGIN bob x\r\n"));
	auth_says(&w, ERR_OK, STR_NONE, 0);
	CHECK_STR(reads(&w), S("a NO [UNAVAILABLE] Log-in is not possible at the moment\r\n"));
	close_world(&w);
}

static void
silence_ends(void)
{
	struct world w;
	open_world(&w);
	begin(&w, SYS_POP3, true, STR_NONE);
	CHECK(sys_timer_is_set(&session(&w)->idle));
	session(&w)->idle.fn(session(&w)->idle.ctx);
	CHECK_STR(reads(&w), S("-ERR Idle for too long\r\n<EOF>"));
	CHECK_U64(w.l->facts.timeouts, 1);
	close_world(&w);
}

static void
quit_sends_everybody_home(void)
{
	struct world w;
	open_world(&w);
	begin(&w, SYS_IMAP, true, STR_NONE);
	svc_login_quit(w.l, 60000);
	CHECK_STR(reads(&w), S("* BYE Service is shutting down\r\n<EOF>"));
	CHECK_U64(w.l->sessions_n, 0);
	close_world(&w);
}

/* A client that sends and never reads: what waits is bounded, and then nothing more is taken. */
static void
a_client_that_never_reads(void)
{
	struct world w;
	open_world(&w);
	begin(&w, SYS_IMAP, true, STR_NONE);
	for (unsigned i = 0; i < 2000; i++) {
		size_t n = 0;
		enum err e = sys_sock_write(w.client, S("a CAPABILITY\r\n"), &n);
		if (e != ERR_OK) {
			break;
		}
		turn(&w);
	}
	str all = reads(&w);
	CHECK(str_ends(all, S("* BYE Too many commands before log-in\r\n<EOF>")));
	CHECK(all.n < PREAUTH_OUT_MAX);
	close_world(&w);
}

/* The n-th allocation fails during a log-in: the session may end, nothing else may. */
static void
memory_runs_out(void)
{
	for (uint64_t n = 1; n < 40; n++) {
		struct world w;
		open_world(&w);
		begin(&w, SYS_IMAP, true, STR_NONE);
		mem_fail_after(n);
		says(&w, S("a LOGIN {3+}\r\nbob x\r\nb NOOP\r\n"));
		settle(&w);
		if (w.starts == 1) {
			auth_says(&w, ERR_OK, STR_NONE, 0);
			settle(&w);
		}
		mem_fail_after(0);
		settle(&w);
		sys_close(&w.client);
		settle(&w);
		CHECK_U64(w.l->sessions_n, 0);
		CHECK_U64(map_count(w.l->requests), 0);
		CHECK(list_empty(&w.l->dead));
		close_world(&w);
	}
}

TEST_MAIN(an_imap_login_goes_on, greetings, scram_has_a_last_word, other_protocols_log_in,
    wrong_passwords, auth_is_gone_and_comes_back, a_broken_auth_grants_nothing, the_client_goes,
    cancel_tells_auth, accounts_is_busy, accounts_dies, silence_ends, quit_sends_everybody_home,
    a_client_that_never_reads, memory_runs_out)
