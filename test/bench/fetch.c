/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One session at a time, blocking, counting lines without looking into them: reading 100,000 FETCH
 * responses must cost the client far less than it costs the server. Start with bench_fetch_run.
 */
#include "fetch.h"
#include "wake.h"

#include "base/mem.h"
#include "conn.h"
#include "sample.h"

#include <unistd.h>

#define TEXT_MAX 4096u

struct times {
	double login_ms[BENCH_REPEAT_MAX], select_ms[BENCH_REPEAT_MAX], flags_ms[BENCH_REPEAT_MAX];
	uint32_t exists, fetched;
};

/* Send `text` (tagged "a", with CRLF) and read to its result; counts FETCH lines, keeps EXISTS. */
static enum err
command(struct bench_conn *c, str text, uint32_t *exists, uint32_t *fetched)
{
	enum err e = bench_conn_send(c, text);
	*fetched = 0;
	while (e == ERR_OK) {
		str line;
		e = bench_conn_line(c, &line);
		if (e == ERR_OK && str_starts(line, S("a "))) {
			return str_istarts(line, S("a OK")) ? ERR_OK : ERR_PROTOCOL;
		}
		if (e == ERR_OK && str_istarts(line, S("a BYE"))) {
			return ERR_PROTOCOL;
		}
		*fetched += str_starts(line, S("* ")) && str_find(line, S(" FETCH (")) > 0;
		str head, tail;
		if (str_ends(line, S(" EXISTS")) &&
		    str_cut(str_from_off(line, 2), ' ', &head, &tail)) {
			(void)str_u32(head, exists);
		}
	}
	return e;
}

/* The user's name with its number in place of %u. */
static void
add_user(const struct bench_fetch *f, uint32_t number, struct buf *out)
{
	str head = str_from(f->user);
	ptrdiff_t at = str_find(head, S("%u"));
	if (at < 0) {
		buf_str(out, head);
		return;
	}
	buf_str(out, str_sub(head, 0, (size_t)at));
	buf_u64(out, number);
	buf_str(out, str_from_off(head, (size_t)at + 2));
}

static enum err
login(const struct bench_fetch *f, SSL_CTX *ctx, uint32_t number, struct bench_conn *c)
{
	char text[TEXT_MAX];
	struct buf b;
	buf_init_fixed(&b, text, sizeof(text));
	buf_str(&b, S("a LOGIN "));
	add_user(f, number, &b);
	buf_printf(&b, " %s\r\n", f->password);
	str greeting;
	enum err e = bench_conn_open(c, f->port);
	e = e == ERR_OK ? bench_conn_tls(c, ctx) : e;
	e = e == ERR_OK ? bench_conn_line(c, &greeting) : e;
	uint32_t none;
	return e == ERR_OK ? command(c, buf_view(&b), &none, &none) : e;
}

static enum err
select_mailbox(const struct bench_fetch *f, struct bench_conn *c, uint32_t *exists)
{
	char text[TEXT_MAX];
	struct buf b;
	buf_init_fixed(&b, text, sizeof(text));
	buf_printf(&b, "a SELECT \"%s\"\r\n", f->mailbox);
	uint32_t none;
	return command(c, buf_view(&b), exists, &none);
}

static double
since_ms(uint64_t *mark_us)
{
	uint64_t now_us = bench_now_us();
	double ms = (double)(now_us - *mark_us) / 1000.0;
	*mark_us = now_us;
	return ms;
}

static enum err
session(const struct bench_fetch *f, SSL_CTX *ctx, struct times *t, uint32_t i)
{
	struct bench_conn c;
	uint32_t none;
	uint64_t mark_us = bench_now_us();
	enum err e = login(f, ctx, f->first, &c);
	t->login_ms[i] = since_ms(&mark_us);
	e = e == ERR_OK ? select_mailbox(f, &c, &t->exists) : e;
	t->select_ms[i] = since_ms(&mark_us);
	e = e == ERR_OK ? command(&c, S("a FETCH 1:* (FLAGS)\r\n"), &none, &t->fetched) : e;
	t->flags_ms[i] = since_ms(&mark_us);
	e = e == ERR_OK ? command(&c, S("a LOGOUT\r\n"), &none, &none) : e;
	bench_conn_close(&c);
	return e;
}

static void
add_array(struct buf *out, const char *name, const double *v, uint32_t n)
{
	buf_printf(out, "\"%s\": [", name);
	for (uint32_t i = 0; i < n; i++) {
		buf_printf(out, "%s%.3f", i == 0 ? "" : ", ", v[i]);
	}
	buf_str(out, S("], "));
}

enum err
bench_fetch_run(const struct bench_fetch *f, SSL_CTX *ctx, struct buf *out)
{
	struct times t = { .exists = 0 };
	if (f->repeat > BENCH_REPEAT_MAX) {
		return ERR_TOOMANY;
	}
	for (uint32_t i = 0; i < f->repeat; i++) {
		enum err e = session(f, ctx, &t, i);
		if (e != ERR_OK) {
			return e;
		}
	}
	buf_ch(out, '{');
	add_array(out, "login_ms", t.login_ms, f->repeat);
	add_array(out, "select_ms", t.select_ms, f->repeat);
	add_array(out, "flags_ms", t.flags_ms, f->repeat);
	buf_printf(out, "\"exists\": %u, \"fetched\": %u}\n", t.exists, t.fetched);
	return ERR_OK;
}

static enum err
open_idle(const struct bench_fetch *f, SSL_CTX *ctx, struct bench_conn *c, uint32_t i)
{
	uint32_t exists;
	enum err e = login(f, ctx, f->first + i, c);
	e = e == ERR_OK ? select_mailbox(f, c, &exists) : e;
	e = e == ERR_OK ? bench_conn_send(c, S("b IDLE\r\n")) : e;
	str line = STR_NONE;
	while (e == ERR_OK && !str_starts(line, S("+"))) {
		e = bench_conn_line(c, &line);
	}
	return e;
}

/* A "w" on standard input wakes `wake` of them, once; its end ends the rest. */
static enum err
hold_until_stdin_ends(const struct bench_fetch *f, struct bench_conn *all)
{
	char octet;
	bool woken = f->wake == 0 || f->wake > f->sessions;
	while (read(STDIN_FILENO, &octet, 1) > 0) {
		struct buf out;
		if (octet != 'w' || woken) {
			continue;
		}
		woken = true;
		buf_init(&out, 4096);
		enum err e = bench_wake(all, f->wake, &out);
		if (e == ERR_OK) {
			printf("%.*s", STR_ARG(buf_view(&out)));
			fflush(stdout);
		}
		buf_done(&out);
		if (e != ERR_OK) {
			return e;
		}
	}
	return ERR_OK;
}

enum err
bench_fetch_idle(const struct bench_fetch *f, SSL_CTX *ctx)
{
	if (f->sessions > BENCH_IDLE_MAX) {
		return ERR_TOOMANY;
	}
	struct bench_conn *all = mem_zalloc(f->sessions, sizeof(*all));
	if (all == NULL) {
		return ERR_NOMEM;
	}
	uint64_t started_us = bench_now_us();
	uint32_t n = 0;
	enum err e = ERR_OK;
	while (e == ERR_OK && n < f->sessions) {
		e = open_idle(f, ctx, &all[n], n);
		n++;
	}
	if (e == ERR_OK) {
		printf("{\"sessions\": %u, \"seconds\": %.3f}\n", n,
		    (double)(bench_now_us() - started_us) / 1e6);
		fflush(stdout);
		e = hold_until_stdin_ends(f, all);
	}
	while (n > 0) {
		bench_conn_close(&all[--n]);
	}
	MEM_FREE(all);
	return e;
}
