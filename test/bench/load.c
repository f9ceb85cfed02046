/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialogue of a sending server, from greeting to QUIT. MAIL, RCPT and DATA leave in one write
 * when the server offers PIPELINING, as real senders do. Start with session().
 */
#include "load.h"

#include "conn.h"

#include "base/codec.h"

#include <sys/wait.h>
#include <unistd.h>

#define OUT_SLACK 65536u /* commands, and the header over the asked size */

struct worker {
	const struct bench_load *l;
	const struct bench_letter *letter;
	struct bench_samples *samples;
	SSL_CTX *ctx;
	struct bench_conn c;
	struct buf out;
	bool pipelining;
	const char *during; /* the step an error belongs to */
	str words;          /* the reply that was not wanted; borrowed */
};

/* Read one whole reply; ERR_PROTOCOL when its first digit is another one. */
static enum err
expect(struct worker *w, char digit, const char *during)
{
	w->during = during;
	w->words = S("connection lost");
	str line;
	do {
		enum err e = bench_conn_line(&w->c, &line);
		if (e != ERR_OK) {
			return e;
		}
		if (str_ifind(line, S("PIPELINING")) == 4) {
			w->pipelining = !w->l->lockstep;
		}
	} while (line.n > 3 && line.p[3] == '-');
	w->words = line;
	return line.n >= 3 && line.p[0] == digit ? ERR_OK : ERR_PROTOCOL;
}

static enum err
command(struct worker *w, str text, char digit, const char *during)
{
	enum err e = bench_conn_send(&w->c, text);
	return e == ERR_OK ? expect(w, digit, during) : e;
}

/* RFC 4616 over RFC 4954. */
static enum err
log_in(struct worker *w)
{
	char room[512];
	struct buf plain;
	buf_init_fixed(&plain, room, sizeof room);
	buf_add(&plain, "", 1);
	buf_cstr(&plain, w->l->sender);
	buf_add(&plain, "", 1);
	buf_cstr(&plain, w->l->password);
	buf_reset(&w->out);
	buf_cstr(&w->out, "AUTH PLAIN ");
	base64_encode(&w->out, buf_view(&plain));
	buf_cstr(&w->out, "\r\n");
	return command(w, buf_view(&w->out), '2', "AUTH");
}

static enum err
greet(struct worker *w, uint32_t seq)
{
	uint32_t clients = w->l->clients;
	enum err e = clients == 0
	    ? bench_conn_open(&w->c, w->l->port)
	    : bench_conn_open_as(&w->c, w->l->port, (uint16_t)(seq % clients + 1));
	w->during = "connect";
	w->words = S("refused");
	e = e == ERR_OK ? expect(w, '2', "greeting") : e;
	e = e == ERR_OK ? command(w, S("EHLO load.sender.test\r\n"), '2', "EHLO") : e;
	e = e == ERR_OK ? command(w, S("STARTTLS\r\n"), '2', "STARTTLS") : e;
	if (e == ERR_OK) {
		w->during = "handshake";
		w->words = S("failed");
		e = bench_conn_tls(&w->c, w->ctx);
	}
	w->pipelining = false; /* what was said before TLS does not count, RFC 3207 4.2 */
	e = e == ERR_OK ? command(w, S("EHLO load.sender.test\r\n"), '2', "EHLO") : e;
	return e == ERR_OK && w->l->password != NULL && w->l->password[0] != 0 ? log_in(w) : e;
}

static uint32_t
mailbox(const struct bench_load *l, uint32_t seq, uint32_t i)
{
	return l->first + (uint32_t)(((uint64_t)seq * l->rcpts + i) % l->mailboxes);
}

static void
put_mail(struct worker *w, uint32_t seq)
{
	const struct bench_corpus *c = w->l->corpus;
	str from = c == NULL ? str_from(w->l->sender) : c->letters[seq % c->n].from;
	buf_printf(&w->out, "MAIL FROM:<%.*s>\r\n", STR_ARG(from));
}

static void
put_rcpt(struct worker *w, uint32_t seq, uint32_t i)
{
	buf_printf(&w->out, "RCPT TO:<user%u@", mailbox(w->l, seq, i));
	if (w->l->domains > 0) {
		buf_printf(&w->out, "d%u.", seq % w->l->domains + 1);
	}
	buf_printf(&w->out, "%s>\r\n", w->l->domain);
}

/* MAIL, RCPT..., DATA in lockstep. */
static enum err
envelope_slowly(struct worker *w, uint32_t seq)
{
	buf_reset(&w->out);
	put_mail(w, seq);
	enum err e = command(w, buf_view(&w->out), '2', "MAIL");
	for (uint32_t i = 0; e == ERR_OK && i < w->l->rcpts; i++) {
		buf_reset(&w->out);
		put_rcpt(w, seq, i);
		e = command(w, buf_view(&w->out), '2', "RCPT");
	}
	return e == ERR_OK ? command(w, S("DATA\r\n"), '3', "DATA") : e;
}

static enum err
envelope_pipelined(struct worker *w, uint32_t seq)
{
	buf_reset(&w->out);
	put_mail(w, seq);
	for (uint32_t i = 0; i < w->l->rcpts; i++) {
		put_rcpt(w, seq, i);
	}
	buf_str(&w->out, S("DATA\r\n"));
	enum err e = bench_conn_send(&w->c, buf_view(&w->out));
	e = e == ERR_OK ? expect(w, '2', "MAIL") : e;
	for (uint32_t i = 0; e == ERR_OK && i < w->l->rcpts; i++) {
		e = expect(w, '2', "RCPT");
	}
	return e == ERR_OK ? expect(w, '3', "DATA") : e;
}

static enum err
transaction(struct worker *w, uint32_t seq, uint64_t started_us)
{
	enum err e = w->pipelining ? envelope_pipelined(w, seq) : envelope_slowly(w, seq);
	if (e != ERR_OK) {
		return e;
	}
	buf_reset(&w->out);
	const struct bench_corpus *c = w->l->corpus;
	if (c != NULL) {
		buf_str(&w->out, c->letters[seq % c->n].text);
	} else {
		bench_letter_add(w->letter, seq, mailbox(w->l, seq, 0), w->l->octets, &w->out);
	}
	buf_str(&w->out, S(".\r\n"));
	e = bench_conn_send(&w->c, buf_view(&w->out));
	uint64_t dot_us = bench_now_us();
	e = e == ERR_OK ? expect(w, '2', "end of data") : e;
	if (e == ERR_OK) {
		uint64_t now_us = bench_now_us();
		struct bench_sample *s = &w->samples->at[seq];
		s->dot_us = (uint32_t)MAX(now_us - dot_us, 1u);
		s->whole_us = (uint32_t)(now_us - started_us);
	}
	return e;
}

static bool
take(struct worker *w, uint32_t *ret_seq)
{
	*ret_seq = atomic_fetch_add(&w->samples->next, 1);
	return *ret_seq < w->l->messages;
}

/* One connection's life, beginning with message `seq`. False when no message is left. */
static bool
session(struct worker *w, uint32_t seq)
{
	uint64_t started_us = bench_now_us();
	enum err e = greet(w, seq);
	bool more = true;
	for (uint32_t n = 1; e == ERR_OK && more; n++) {
		e = transaction(w, seq, started_us);
		if (e != ERR_OK || n == w->l->per_connection) {
			break;
		}
		started_us = bench_now_us();
		more = take(w, &seq);
	}
	if (e == ERR_OK) {
		e = command(w, S("QUIT\r\n"), '2', "QUIT");
	}
	if (e != ERR_OK) {
		bench_samples_fail(w->samples, w->during, w->words);
	}
	bench_conn_close(&w->c);
	return more;
}

/* The life of a worker process: it starts when `gate` is closed by the parent. */
static void
work(struct worker *w, int gate)
{
	char none;
	ssize_t closed = read(gate, &none, 1);
	uint32_t seq;
	size_t longest = w->l->corpus == NULL ? 0 : w->l->corpus->longest;
	buf_init(&w->out, MAX(w->l->octets, longest) + OUT_SLACK);
	while (closed == 0 && take(w, &seq) && session(w, seq)) {
	}
	buf_done(&w->out);
}

static enum err
start_workers(struct worker *w, int gate[2])
{
	if (pipe(gate) < 0) {
		return ERR_NOFD;
	}
	for (uint32_t i = 0; i < w->l->connections; i++) {
		pid_t pid = fork();
		if (pid < 0) {
			return ERR_NOMEM;
		}
		if (pid == 0) {
			close(gate[1]);
			work(w, gate[0]);
			_exit(0);
		}
	}
	close(gate[0]);
	return ERR_OK;
}

enum err
bench_load_run(const struct bench_load *l, SSL_CTX *ctx, struct buf *out)
{
	struct bench_letter letter;
	struct worker w = {
		.l = l, .ctx = ctx, .letter = &letter, .samples = bench_samples_new(l->messages)
	};
	if (w.samples == NULL) {
		return ERR_NOMEM;
	}
	enum err e = bench_letter_init(&letter, l->octets, l->domain, l->sender, bench_now_us());
	int gate[2];
	e = e == ERR_OK ? start_workers(&w, gate) : e;
	if (e != ERR_OK) {
		return e;
	}
	uint64_t started_us = bench_now_us();
	close(gate[1]);
	while (wait(NULL) > 0) {
	}
	bench_samples_report(w.samples, (double)(bench_now_us() - started_us) / 1e6, out);
	bench_letter_done(&letter);
	return ERR_OK;
}
