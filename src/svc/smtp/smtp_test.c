/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process from the gate's descriptor to the queue's answer, over real sockets and channels,
 * with fake peers that answer, stay silent, or go away.
 */
#include "base/mem.h"
#include "base/test.h"
#include "svc/smtp/world_test.h"
#include "sys/sys.h"

#define ENVELOPE "MAIL FROM:<a@b.org>\r\nRCPT TO:<b@c.org>\r\nDATA\r\n"

static bool
heard(const struct world *w, const char *what)
{
	return str_find(buf_view(&w->heard), str_from(what)) >= 0;
}

static void
mx_dialogue(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_MX, false);
	CHECK_STR(buf_view(&w.heard), S("220 mx.example.org ESMTP Postern\r\n"));
	svc_smtp_world_say(&w, S("EHLO a.test\r\n"));
	CHECK(heard(&w, "250-SIZE 1048576\r\n") && !heard(&w, "AUTH"));
	svc_smtp_world_say(&w, S(ENVELOPE "Subject: x\r\n\r\nhi\r\n.\r\nQUIT\r\n"));
	CHECK(heard(&w, "354 ") && heard(&w, "250 2.0.0 Queued as ") &&
	    heard(&w,
		"221 2.0.0 "
		"Bye"));
	CHECK(w.client_eof);
	CHECK_STR(buf_view(&w.envelopes), S("0 <a@b.org> b@c.org:7\n"));
	CHECK(str_ends(buf_view(&w.stored), S("Subject: x\r\n\r\nhi\r\n")));
	CHECK(str_starts(buf_view(&w.stored),
	    S("Authentication-Results: mx.example.org; none\r\n"
	      "Received: from a.test ([192.0.2.1])\r\n")));
	CHECK_U64(w.by_file, 0);
	sys_close(&w.client);
	svc_smtp_world_settle(&w);
	CHECK_U64(w.sv->living, 0);
	CHECK_U64(w.sv->counters.accepted, 1);
	svc_smtp_world_close(&w);
}

static void
submission_dialogue(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_SUBMISSION, true);
	CHECK_U64(w.heard.n, 0);
	svc_smtp_world_say(&w, S("EHLO a.test\r\n"));
	CHECK(heard(&w, "250 AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256"));
	CHECK(!heard(&w, "CRAM-MD5"));
	svc_smtp_world_say(&w, S("MAIL FROM:<me@example.org>\r\nAUTH PLAIN AG1lAHg=\r\n"));
	CHECK(heard(&w, "530 5.7.0") && heard(&w, "235 2.7.0"));
	svc_smtp_world_say(&w,
	    S("MAIL FROM:<me@example.org>\r\nRCPT TO:<b@c.org>\r\nDATA\r\n"
	      "From: me@example.org\r\n\r\nhi\r\n.\r\n"));
	CHECK(heard(&w, "250 2.0.0 Queued as "));
	CHECK_STR(buf_view(&w.envelopes), S("1 <me@example.org> b@c.org:7\n"));
	CHECK(str_find(buf_view(&w.stored), S("Message-ID: <")) > 0);
	svc_smtp_world_say(&w,
	    S("MAIL FROM:<me@example.org>\r\nRCPT TO:<b@c.org>\r\nDATA\r\n"
	      "From: you@example.org\r\n\r\nhi\r\n.\r\n"));
	CHECK(heard(&w, "550 5.7.1 You may not write <you@example.org>"));
	CHECK_U64(w.commits, 1);
	svc_smtp_world_close(&w);
}

/* Who says SMTPUTF8 without need is not kept from servers that know nothing of it. */
static void
utf8_is_asked_for_where_it_is_needed(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_SUBMISSION, true);
	svc_smtp_world_say(&w, S("EHLO a.test\r\nAUTH PLAIN AG1lAHg=\r\n"));
	svc_smtp_world_say(&w,
	    S("MAIL FROM:<me@example.org> SMTPUTF8 BODY=8BITMIME\r\nRCPT TO:<b@c.org>\r\n"
	      "DATA\r\nFrom: me@example.org\r\n\r\nh\xc3\xbc\r\n.\r\n"));
	svc_smtp_world_say(&w,
	    S("MAIL FROM:<me@example.org> SMTPUTF8\r\nRCPT TO:<b@c.org>\r\nDATA\r\n"
	      "From: me@example.org\r\nSubject: h\xc3\xbc\r\n\r\nhi\r\n.\r\n"));
	svc_smtp_world_say(&w,
	    S("MAIL FROM:<me@example.org>\r\nRCPT TO:<b@c.org>\r\nDATA\r\n"
	      "From: me@example.org\r\nSubject: h\xc3\xbc\r\n\r\nhi\r\n.\r\n"));
	CHECK_STR(buf_view(&w.envelopes),
	    S("1 <me@example.org> b@c.org:7\n1 <me@example.org> utf8 b@c.org:7\n"
	      "1 <me@example.org> b@c.org:7\n"));
	svc_smtp_world_close(&w);
}

/* An account that is locked, or whose password changed, sends nothing more. */
static void
revoked(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_SUBMISSION, true);
	int stranger = w.client;
	svc_smtp_world_say(&w, S("EHLO a.test\r\n"));
	svc_smtp_world_connect(&w, SYS_SUBMISSION, true);
	svc_smtp_world_say(&w,
	    S("EHLO a.test\r\nAUTH PLAIN AG1lAHg=\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.org>\r\n"));
	CHECK(heard(&w, "235 2.7.0") && heard(&w, "250 2.1.5"));
	svc_smtp_world_revoke(&w, 8);
	svc_smtp_world_revoke(&w, 0);
	CHECK(!heard(&w, "421"));
	svc_smtp_world_revoke(&w, 7);
	CHECK(heard(&w, "421 4.7.0") && w.client_eof);
	sys_close(&w.client);
	w.client = stranger;
	w.client_eof = false;
	svc_smtp_world_say(&w, S("NOOP\r\n"));
	CHECK(!w.client_eof && str_ends(buf_view(&w.heard), S("250 2.0.0 OK\r\n")));
	/* While a message waits to be stored. */
	svc_smtp_world_connect(&w, SYS_SUBMISSION, true);
	w.queue_silent = true;
	svc_smtp_world_say(&w, S("EHLO a.test\r\nAUTH PLAIN AG1lAHg=\r\n" ENVELOPE));
	svc_smtp_world_say(&w,
	    S("MAIL FROM:<me@example.org>\r\nRCPT TO:<b@c.org>\r\nDATA\r\n"
	      "From: me@example.org\r\n\r\n.\r\n"));
	CHECK_U64(w.commits, 1);
	svc_smtp_world_revoke(&w, 7);
	CHECK(heard(&w, "421 4.7.0") && w.client_eof);
	svc_smtp_world_answer_commit(&w, ERR_OK);
	svc_smtp_world_settle(&w);
	CHECK(!heard(&w, "Queued"));
	sys_close(&stranger);
	svc_smtp_world_close(&w);
}

static void
steps_and_aborts(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_SUBMISSIONS, false);
	svc_smtp_world_say(&w, S("EHLO a.test\r\nAUTH LOGIN\r\n"));
	CHECK(heard(&w, "334 Yw==\r\n"));
	svc_smtp_world_say(&w, S("*\r\n"));
	CHECK(heard(&w, "501 5.7.0") && w.aborts == 1);
	svc_smtp_world_say(&w, S("AUTH LOGIN\r\neA==\r\n"));
	CHECK(heard(&w, "235 2.7.0") && w.aborts == 1);
	svc_smtp_world_connect(&w, SYS_SUBMISSION, true);
	svc_smtp_world_say(&w, S("EHLO a.test\r\nAUTH LOGIN\r\n"));
	sys_close(&w.client);
	svc_smtp_world_settle(&w);
	CHECK_U64(w.aborts, 2);
	svc_smtp_world_close(&w);
}

/* A body of every size around the limits comes out as it went in, inline or as a file. */
static void
bodies(void)
{
	static const size_t sizes[] = { 1, 4000, 60000, 65000, 65536, 66000, 131072, 262000, 262144,
		300000, 330000, 900000 };
	struct world w;
	struct buf text;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_MX, true);
	svc_smtp_world_say(&w, S("EHLO a.test\r\n"));
	buf_init(&text, 2 << 20);
	unsigned files = 0;
	for (size_t i = 0; i < LEN(sizes); i++) {
		buf_reset(&text);
		for (size_t k = 0; text.n < sizes[i]; k++) {
			buf_printf(&text, "line %zu of the text, not the same as others\r\n", k);
		}
		files += text.n > 65536;
		buf_reset(&w.stored);
		svc_smtp_world_say(&w, S(ENVELOPE "\r\n"));
		svc_smtp_world_say(&w, buf_view(&text));
		svc_smtp_world_say(&w, S(".\r\n"));
		CHECK(str_ends(buf_view(&w.stored), buf_view(&text)));
		CHECK_U64(w.commits, i + 1);
	}
	CHECK(w.by_file >= files && w.by_file <= files + 1);
	buf_done(&text);
	svc_smtp_world_close(&w);
}

static void
auth_goes_away(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_MX, true);
	w.auth_silent = true;
	svc_smtp_world_say(&w, S("EHLO a.test\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.org>\r\n"));
	CHECK(!heard(&w, "451"));
	sys_close(&w.auth);
	svc_smtp_world_settle(&w);
	CHECK(heard(&w, "451 4.3.0"));
	svc_smtp_world_say(&w, S("RCPT TO:<c@c.org>\r\nQUIT\r\n"));
	CHECK(heard(&w, "451 4.3.0") && heard(&w, "221 2.0.0"));
	svc_smtp_world_connect(&w, SYS_SUBMISSION, true);
	svc_smtp_world_say(&w, S("EHLO a.test\r\nAUTH PLAIN AG1lAHg=\r\n"));
	CHECK(heard(&w, "454 4.7.0"));
	svc_smtp_world_close(&w);
}

static void
queue_goes_away(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_MX, true);
	w.queue_silent = true;
	svc_smtp_world_say(&w, S("EHLO a.test\r\n" ENVELOPE ".\r\n"));
	CHECK(w.commits == 1 && !heard(&w, "451"));
	sys_close(&w.queue);
	svc_smtp_world_settle(&w);
	CHECK(heard(&w, "451 4.3.0"));
	svc_smtp_world_say(&w, S(ENVELOPE ".\r\n"));
	CHECK_U64(w.sv->bodies, 0);
	/* A new channel in place of the old one: all is well again. */
	svc_smtp_world_wire(&w, "smtp_queue", &w.queue);
	w.queue_silent = false;
	svc_smtp_world_say(&w, S(ENVELOPE ".\r\n"));
	CHECK(heard(&w, "250 2.0.0 Queued as"));
	svc_smtp_world_close(&w);
}

static void
queue_refuses(void)
{
	static const struct {
		enum err result;
		const char *reply;
	} rows[] = {
		{ ERR_NOSPACE, "452 4.3.1" },
		{ ERR_BUSY, "451 4.3.0" },
		{ ERR_IO, "451 4.3.0" },
		{ ERR_TOOBIG, "552 5.3.4" },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct world w;
		svc_smtp_world_open(&w);
		w.commit = rows[i].result;
		svc_smtp_world_connect(&w, SYS_MX, true);
		svc_smtp_world_say(&w, S("EHLO a.test\r\n" ENVELOPE ".\r\n"));
		CHECK(heard(&w, rows[i].reply) && !heard(&w, "Queued"));
		svc_smtp_world_close(&w);
	}
}

/* Nobody looks: a letter waits where it would not be taken without a look for viruses. */
static void
scan_is_absent(void)
{
	static const str path = S_INIT("/run/clamd.sock");
	static const struct {
		str scan, virus;
		size_t clamd;
		bool held;
	} rows[] = { { S_INIT("pass"), S_INIT("hold"), 0, false },
		{ S_INIT("pass"), S_INIT("pass"), 1, false },
		{ S_INIT("pass"), S_INIT("hold"), 1, true },
		{ S_INIT("hold"), S_INIT("pass"), 0, true } };
	for (size_t i = 0; i < LEN(rows); i++) {
		struct world w;
		svc_smtp_world_open(&w);
		w.conf.scan_absent = rows[i].scan;
		w.conf.virus_absent = rows[i].virus;
		w.conf.virus_clamd = (struct conf_list){ &path, rows[i].clamd };
		svc_smtp_world_connect(&w, SYS_MX, true);
		svc_smtp_world_say(&w, S("EHLO a.test\r\n" ENVELOPE ".\r\n"));
		CHECK(heard(&w, rows[i].held ? "451 4.7.1" : "250 2.0.0 Queued"));
		CHECK_U64(w.commits, rows[i].held ? 0 : 1);
		svc_smtp_world_close(&w);
	}
}

/* Large bodies leave the reserve alone: 452 before the disk is full, small mail still passes. */
static void
reserve_is_kept(void)
{
	struct world w;
	struct buf text;
	svc_smtp_world_open(&w);
	w.conf.queue_reserve = UINT64_MAX;
	svc_smtp_world_connect(&w, SYS_MX, true);
	buf_init(&text, 1 << 20);
	while (text.n < 200000) {
		buf_cstr(&text, "a line of a large message\r\n");
	}
	svc_smtp_world_say(&w, S("EHLO a.test\r\n" ENVELOPE "\r\n"));
	svc_smtp_world_say(&w, buf_view(&text));
	svc_smtp_world_say(&w, S(".\r\n"));
	CHECK(heard(&w, "452 4.3.1") && w.commits == 0 && w.sv->bodies == 0);
	svc_smtp_world_say(&w, S(ENVELOPE "\r\nsmall\r\n.\r\n"));
	CHECK(heard(&w, "250 2.0.0 Queued") && w.commits == 1);
	buf_done(&text);
	svc_smtp_world_close(&w);
}

/* The disk is full, or no descriptor is left, while a large body is written. */
static void
disk_full(void)
{
	static const struct {
		int errnum;
		const char *reply;
	} rows[] = { { 28 /* ENOSPC */, "452 4.3.1" }, { 5 /* EIO */, "451 4.3.0" } };
	for (size_t i = 0; i < LEN(rows); i++) {
		struct world w;
		struct svc_smtp_body b;
		char block[1000];
		svc_smtp_world_open(&w);
		memset(block, 'x', sizeof block);
		enum err e = ERR_OK;
		svc_smtp_body_init(&b, w.sv);
		sys_fail_after(1, rows[i].errnum);
		for (int k = 0; k < 300 && e == ERR_OK; k++) {
			e = svc_smtp_body_add(&b, str_make(block, sizeof block), 0);
		}
		sys_fail_after(0, 0);
		CHECK_ERR(e, i == 0 ? ERR_NOSPACE : ERR_IO);
		svc_smtp_body_reset(&b);
		CHECK_U64(w.sv->bodies, 0);
		svc_smtp_world_close(&w);
	}
}

/* When bodies fill the memory allowed for them, small ones go to files, too. */
static void
crowded(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_MX, true);
	w.sv->bodies += SVC_SMTP_BODIES_MAX;
	svc_smtp_world_say(&w, S("EHLO a.test\r\n" ENVELOPE "A: b\r\n\r\nx\r\n.\r\n"));
	CHECK(heard(&w, "250 2.0.0 Queued") && w.by_file == 1);
	CHECK(str_ends(buf_view(&w.stored), S("A: b\r\n\r\nx\r\n")));
	w.sv->bodies -= SVC_SMTP_BODIES_MAX;
	svc_smtp_world_close(&w);
}

/* A client that goes away while its message is with the queue: nothing is left, nothing breaks. */
static void
client_goes_away(void)
{
	static const char *const scripts[] = { "", "EHLO a.test\r\n", "EHLO a.test\r\n" ENVELOPE,
		"EHLO a.test\r\n" ENVELOPE "x\r\n", "EHLO a.test\r\n" ENVELOPE "x\r\n.\r\n",
		"EHLO a.test\r\n" ENVELOPE "x\r\n.\r\nNOOP\r\nNOOP\r\n" };
	for (size_t i = 0; i < LEN(scripts); i++) {
		struct world w;
		svc_smtp_world_open(&w);
		svc_smtp_world_connect(&w, SYS_MX, false);
		w.queue_silent = true;
		svc_smtp_world_say(&w, str_from(scripts[i]));
		CHECK_U64(w.sv->living, 1);
		sys_close(&w.client);
		svc_smtp_world_settle(&w);
		CHECK_U64(w.sv->living, 0);
		if (w.commits > 0) {
			svc_smtp_world_answer_commit(&w, ERR_OK);
			svc_smtp_world_settle(&w);
			CHECK_U64(w.sv->counters.lost, 1);
		}
		svc_smtp_world_close(&w);
	}
}

/* Answers to questions nobody asks any more are ignored; numbers are not used twice. */
static void
late_answers(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_MX, true);
	w.auth_silent = true;
	svc_smtp_world_say(&w, S("EHLO a.test\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.org>\r\n"));
	uint64_t old = w.last_request;
	sys_close(&w.client);
	svc_smtp_world_settle(&w);
	svc_smtp_world_connect(&w, SYS_MX, true);
	svc_smtp_world_say(&w, S("EHLO a.test\r\nMAIL FROM:<>\r\nRCPT TO:<c@c.org>\r\n"));
	CHECK(w.last_request != old);
	CHECK(svc_smtp_session_answered(w.sv, old) == NULL);
	CHECK(svc_smtp_session_answered(w.sv, 0) == NULL);
	CHECK(svc_smtp_session_answered(w.sv, UINT64_MAX) == NULL);
	CHECK(svc_smtp_session_answered(w.sv, w.last_request) != NULL);
	CHECK(svc_smtp_session_answered(w.sv, w.last_request) == NULL);
	svc_smtp_world_close(&w);
}

/*
 * Somebody's log-in is answered when he is gone and another session has his place, with a question
 * of its own: the answer is not for it.
 */
static void
the_place_of_another(void)
{
	enum { PLACES = 64 }; /* of the first table */
	struct world w;
	int kept[PLACES];
	svc_smtp_world_open(&w);
	for (size_t i = 0; i + 1 < PLACES; i++) {
		svc_smtp_world_connect(&w, SYS_SUBMISSION, true);
		kept[i] = w.client;
	}
	w.auth_silent = true;
	svc_smtp_world_connect(&w, SYS_SUBMISSION, true);
	svc_smtp_world_say(&w, S("EHLO a.test\r\nAUTH PLAIN AG1lAHg=\r\n"));
	uint64_t mine = w.last_request;
	sys_close(&w.client);
	svc_smtp_world_settle(&w);
	svc_smtp_world_connect(&w, SYS_SUBMISSION, true);
	svc_smtp_world_say(&w, S("EHLO a.test\r\nAUTH PLAIN AGhlAHg=\r\n"));
	CHECK(w.last_request != mine);
	svc_smtp_world_answer_login(&w, mine);
	svc_smtp_world_settle(&w);
	CHECK(!heard(&w, "235"));
	for (size_t i = 0; i + 1 < PLACES; i++) {
		sys_close(&kept[i]);
	}
	svc_smtp_world_close(&w);
}

static void
quitting(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_MX, true);
	svc_smtp_world_say(&w, S("EHLO a.test\r\n"));
	int idle = w.client;
	svc_smtp_world_connect(&w, SYS_MX, true);
	svc_smtp_world_say(&w, S("EHLO a.test\r\n" ENVELOPE "x\r\n"));
	svc_smtp_service.on_quit(&w.sc, 1000);
	svc_smtp_world_settle(&w);
	CHECK(!heard(&w, "421"));
	svc_smtp_world_say(&w, S(".\r\n"));
	CHECK(heard(&w, "250 2.0.0 Queued as") && heard(&w, "421 4.3.2") && w.client_eof);
	char room[600];
	size_t n;
	CHECK_ERR(sys_sock_read(idle, room, sizeof room, &n), ERR_OK);
	CHECK(str_find(str_make(room, n), S("421 4.3.2")) >= 0);
	sys_close(&idle);
	int last = w.client;
	svc_smtp_world_connect(&w, SYS_MX, false);
	CHECK(heard(&w, "421 4.3.2"));
	sys_close(&last);
	CHECK_U64(svc_smtp_world_exits, 0);
	sys_close(&w.client);
	svc_smtp_world_settle(&w);
	CHECK_U64(svc_smtp_world_exits, 1);
	svc_smtp_world_close(&w);
}

/* What waits for an answer is not read further, and is not lost. */
static void
back_pressure(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_MX, true);
	w.auth_silent = true;
	svc_smtp_world_say(&w, S("EHLO a.test\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.org>\r\n"));
	struct buf noops;
	buf_init(&noops, 1 << 20);
	for (int i = 0; i < 90; i++) {
		buf_printf(&noops, "NOOP %0400d\r\n", i);
	}
	svc_smtp_world_say(&w, buf_view(&noops));
	size_t before = w.heard.n;
	struct svc_smtp_session *x = svc_smtp_session_answered(w.sv, w.last_request);
	CHECK(x != NULL && x->pending.n > 0);
	smtp_answer_rcpt(&x->engine, SMTP_TEMP, NULL, 0);
	svc_smtp_session_run(x);
	svc_smtp_world_settle(&w);
	CHECK_U64(w.heard.n - before,
	    strlen("451 4.3.0 A part of this server does not answer; "
		   "try again later\r\n") +
		90 *
		    strlen("250 2.0.0 "
			   "OK\r\n"));
	CHECK(x->pending.n == 0 && x->pending.cap == 0);
	buf_done(&noops);
	svc_smtp_world_close(&w);
}

static void
strange_sessions(void)
{
	struct world w;
	int pair[2];
	static const uint8_t ip[16];
	svc_smtp_world_open(&w);
	struct ipc_common_session info = {
		.id = 1, .protocol = SYS_IMAP, .peer_ip = str_make(ip, 16)
	};
	CHECK_ERR(sys_sock_pair(pair), ERR_OK);
	CHECK_ERR(svc_smtp_session_new(w.sv, &info, pair[1]), ERR_PROTOCOL);
	sys_close(&pair[0]);
	info.protocol = SYS_MX;
	info.peer_ip.n = 4;
	CHECK_ERR(sys_sock_pair(pair), ERR_OK);
	CHECK_ERR(svc_smtp_session_new(w.sv, &info, pair[1]), ERR_PROTOCOL);
	sys_close(&pair[0]);
	CHECK_U64(w.sv->living, 0);
	svc_smtp_world_close(&w);
}

/* Many at a time, interleaved: each gets its own answers. */
static void
many_sessions(void)
{
	enum { MANY = 200 };
	struct world w;
	int clients[MANY];
	svc_smtp_world_open(&w);
	for (int i = 0; i < MANY; i++) {
		svc_smtp_world_connect(&w, SYS_MX, true);
		clients[i] = w.client;
		svc_smtp_world_say(&w, S("EHLO a.test\r\n"));
	}
	CHECK_U64(w.sv->living, MANY);
	w.client = -1;
	for (int i = 0; i < MANY; i++) {
		char text[200];
		int n = snprintf(text, sizeof text,
		    "MAIL FROM:<a@b.org>\r\nRCPT TO:<%s%d@c.org>\r\nDATA\r\n\r\nx\r\n.\r\n"
		    "QUIT\r\n",
		    i % 3 == 0 ? "unknown" : "u", i);
		size_t done;
		CHECK_ERR(sys_sock_write(clients[i], str_make(text, (size_t)n), &done), ERR_OK);
	}
	svc_smtp_world_settle(&w);
	CHECK_U64(w.commits, MANY - (MANY + 2) / 3);
	for (int i = 0; i < MANY; i++) {
		char room[2000];
		size_t n;
		CHECK_ERR(sys_sock_read(clients[i], room, sizeof room, &n), ERR_OK);
		bool queued = str_find(str_make(room, n), S("250 2.0.0 Queued as")) >= 0;
		CHECK(queued == (i % 3 != 0));
		sys_close(&clients[i]);
	}
	svc_smtp_world_settle(&w);
	CHECK_U64(w.sv->living, 0);
	svc_smtp_world_close(&w);
}

/* Memory may run out anywhere: a session ends, the process does not. */
static void
torture(void)
{
	for (uint64_t n = 1; n < 40; n++) {
		struct world w;
		svc_smtp_world_open(&w);
		(void)(buf_room(&w.heard, 10000) == NULL || buf_room(&w.stored, 10000) == NULL ||
		    buf_room(&w.envelopes, 1000) == NULL || buf_room(&w.in, 100000) == NULL ||
		    buf_room(&w.out, 100000) == NULL);
		w.may_fail = true;
		mem_fail_after(n);
		svc_smtp_world_connect(&w, SYS_MX, true);
		svc_smtp_world_say(&w, S("EHLO a.test\r\n"));
		svc_smtp_world_say(&w, S(ENVELOPE "A: b\r\n\r\nx\r\n.\r\nQUIT\r\n"));
		mem_fail_after(0);
		CHECK(!heard(&w, "Queued") || w.commits == 1);
		/*
		 * A channel that could not take a message was closed; the parent makes a new
		 * one.
		 */
		svc_smtp_world_wire(&w, "smtp_auth", &w.auth);
		svc_smtp_world_wire(&w, "smtp_queue", &w.queue);
		svc_smtp_world_wire(&w, "gate_smtp", &w.gate);
		svc_smtp_world_connect(&w, SYS_MX, true);
		svc_smtp_world_say(&w, S("EHLO a.test\r\n" ENVELOPE "x\r\n.\r\n"));
		CHECK(heard(&w, "Queued") || w.sc.ctx == NULL);
		svc_smtp_world_close(&w);
	}
}

static struct svc_smtp_session *
first(const struct world *w)
{
	ASSERT(!list_empty(&w->sv->sessions));
	return LIST_ENTRY(w->sv->sessions.next, struct svc_smtp_session, node);
}

/* The clock says that the time is over. */
static void
ring(struct world *w)
{
	struct svc_smtp_session *x = first(w);
	CHECK(sys_timer_is_set(&x->timer));
	x->timer.fn(x->timer.ctx);
	svc_smtp_world_settle(w);
}

/* In each state the clock runs; what happens when it is over. */
static void
clocks(void)
{
	static const struct {
		const char *script, *reply;
		bool silent, ends;
	} rows[] = {
		{ "", "421 4.4.2", false, true },
		{ "EHLO a.test\r\n", "421 4.4.2", false, true },
		{ "EHLO a.test\r\nMAIL FR", "421 4.4.2", false, true },
		{ "EHLO a.test\r\n" ENVELOPE, "421 4.4.2", false, true },
		{ "EHLO a.test\r\n" ENVELOPE "x", "421 4.4.2", false, true },
		{ "EHLO a.test\r\nMAIL FROM:<>\r\n"
		  "RCPT TO:<b@c.org>\r\n",
		    "451 4.3.0", true, false },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		struct world w;
		svc_smtp_world_open(&w);
		svc_smtp_world_connect(&w, SYS_MX, true);
		w.auth_silent = rows[i].silent;
		svc_smtp_world_say(&w, str_from(rows[i].script));
		ring(&w);
		CHECK(heard(&w, rows[i].reply) && w.client_eof == rows[i].ends);
		ring(&w);
		CHECK(w.client_eof && w.sv->living == (rows[i].ends ? 0 : 1));
		svc_smtp_world_close(&w);
	}
}

static void
clocks_of_answers(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_SUBMISSION, true);
	w.auth_silent = true;
	svc_smtp_world_say(&w, S("EHLO a.test\r\nAUTH PLAIN AG1lAHg=\r\n"));
	ring(&w);
	CHECK(heard(&w, "454 4.7.0") && w.aborts == 1);
	svc_smtp_world_close(&w);

	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_MX, true);
	w.queue_silent = true;
	svc_smtp_world_say(&w, S("EHLO a.test\r\n" ENVELOPE ".\r\n"));
	ring(&w);
	CHECK(heard(&w, "451 4.3.0") && w.commits == 1);
	svc_smtp_world_answer_commit(&w, ERR_OK);
	svc_smtp_world_settle(&w);
	CHECK(!heard(&w, "Queued"));
	svc_smtp_world_close(&w);
}

/* Octets of an unfinished command do not wind the clock; a complete one does. */
static void
clock_is_not_fooled(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_MX, true);
	svc_smtp_world_say(&w, S("EHLO a.test\r\n"));
	struct svc_smtp_session *x = first(&w);
	sys_timer_set(w.sc.loop, &x->timer, 777777);
	int64_t due = x->timer.due_ms;
	svc_smtp_world_say(&w, S("NO"));
	svc_smtp_world_say(&w, S("OP"));
	CHECK(x->timer.due_ms == due);
	svc_smtp_world_say(&w, S("\r\n"));
	CHECK(x->timer.due_ms != due);
	svc_smtp_world_say(&w, S(ENVELOPE));
	sys_timer_set(w.sc.loop, &x->timer, 777777);
	due = x->timer.due_ms;
	svc_smtp_world_say(&w, S("x"));
	CHECK(x->timer.due_ms != due);
	svc_smtp_world_close(&w);
}

static void
slow_data(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_MX, true);
	svc_smtp_world_say(&w, S("EHLO a.test\r\n" ENVELOPE "x"));
	struct svc_smtp_session *x = first(&w);
	int64_t now = sys_loop_now_ms(w.sc.loop);
	CHECK(x->data_from_ms != 0);
	/* As if DATA had begun a minute ago: still within data-timeout. */
	x->data_from_ms = now - 60000;
	svc_smtp_world_say(&w, S("x"));
	CHECK(!heard(&w, "421"));
	x->data_from_ms = now - 200000;
	svc_smtp_world_say(&w, S("x"));
	CHECK(heard(&w, "421 4.4.2 Data comes too slowly") && w.client_eof);
	svc_smtp_world_close(&w);

	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_MX, true);
	svc_smtp_world_say(&w, S("EHLO a.test\r\n" ENVELOPE "\r\n"));
	x = first(&w);
	for (int i = 0; i < 500; i++) {
		svc_smtp_world_say(&w, S("01234567890123456789012345678901234567890123456789\r\n"));
	}
	x->data_from_ms = now - 200000;
	svc_smtp_world_say(&w, S(".\r\n"));
	CHECK(heard(&w, "250 2.0.0 Queued") && !heard(&w, "421"));
	svc_smtp_world_close(&w);
}

static void
waiting_reply(void)
{
	struct world w;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_MX, true);
	svc_smtp_world_say(&w, S("EHLO a.test\r\nMAIL FROM:<>\r\n"));
	for (int i = 0; i < SMTP_UNKNOWN_FREE; i++) {
		svc_smtp_world_say(&w, S("RCPT TO:<unknown@c.org>\r\n"));
	}
	struct svc_smtp_session *x = first(&w);
	buf_reset(&w.heard);
	svc_smtp_world_say(&w, S("RCPT TO:<unknown@c.org>\r\nNOOP\r\n"));
	CHECK(w.heard.n == 0 && sys_timer_is_set(&x->delay));
	x->delay.fn(x->delay.ctx);
	svc_smtp_world_settle(&w);
	CHECK_STR(buf_view(&w.heard),
	    S("550 5.1.1 <unknown@c.org> does not exist here\r\n250 2.0.0 OK\r\n"));
	svc_smtp_world_close(&w);
}

static void
status(void)
{
	struct world w;
	struct buf facts;
	svc_smtp_world_open(&w);
	svc_smtp_world_connect(&w, SYS_MX, true);
	buf_init(&facts, 4096);
	svc_smtp_service.on_status(&w.sc, &facts);
	CHECK(str_starts(buf_view(&facts), S("sessions=1\nsessions_total=1\naccepted=0\n")));
	buf_done(&facts);
	svc_smtp_world_close(&w);
}

TEST_MAIN(mx_dialogue, submission_dialogue, utf8_is_asked_for_where_it_is_needed, revoked,
    steps_and_aborts, bodies, auth_goes_away, queue_goes_away, queue_refuses, scan_is_absent,
    reserve_is_kept, disk_full, crowded, client_goes_away, late_answers, the_place_of_another,
    quitting, back_pressure, strange_sessions, many_sessions, torture, clocks, clocks_of_answers,
    clock_is_not_fooled, slow_data, waiting_reply, status)
