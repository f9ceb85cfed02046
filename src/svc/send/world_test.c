/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fakes of world_test.h around the process: queue, resolve, keys, fetch, watch.
 */
#include "svc/send/world_test.h"
#include "base/codec.h"
#include "ipc/send_fetch.h"
#include "ipc/send_keys.h"
#include "ipc/send_resolve.h"
#include "ipc/send_watch.h"
#include "proto/dns/dns.h"
#include "svc/send/server_test.h"
#include "sys/clock.h"
#include "sys/sys.h"

enum { TURNS_MAX = 20000, WAIT_MS = 20000 };

unsigned svc_send_world_exits;

void
svc_common_exit(struct svc_common *sc)
{
	svc_send_world_exits++;
}

void
svc_common_rewire(struct svc_common *sc, str edge, uint32_t peer)
{
}

static void
send_from(struct world *w, int fd)
{
	if (fd >= 0) {
		(void)(sys_chan_send_wait(fd, &w->out, -1, 1000) == ERR_OK);
	}
	buf_reset(&w->out);
}

/* --- resolve ------------------------------------------------------------------------------- */

/* "10 mx1.test", "127.0.1.1", "3 1 1 hex", or any text for TXT. */
static void
put_rdata(struct buf *b, uint16_t type, str text)
{
	str a, rest;
	uint8_t ip[16];
	uint32_t n = 0;
	(void)str_cut(text, ' ', &a, &rest);
	if (str_starts(text, S("#"))) { /* octets as they are */
		buf_str(b, str_from_off(text, 1));
		return;
	}
	switch (type) {
	case DNS_MX:
		(void)str_u32(a, &n);
		CHECK_ERR(dns_mx_put(b, (uint16_t)n, rest), ERR_OK);
		break;
	case DNS_A:
		CHECK_ERR(sys_addr_ip_parse(text, ip), ERR_OK);
		buf_add(b, ip + 12, 4);
		break;
	case DNS_AAAA:
		CHECK_ERR(sys_addr_ip_parse(text, ip), ERR_OK);
		buf_add(b, ip, 16);
		break;
	case DNS_TLSA:
		buf_ch(b, (char)(text.p[0] - '0'));
		buf_ch(b, (char)(text.p[2] - '0'));
		buf_ch(b, (char)(text.p[4] - '0'));
		CHECK_ERR(hex_decode(b, str_from_off(text, 6)), ERR_OK);
		break;
	default: CHECK_ERR(dns_txt_put(b, text), ERR_OK); break;
	}
}

static void
answer(struct world *w, uint64_t request, const struct world_name *row, str name)
{
	struct ipc_common_dns_record records[16];
	struct buf data[16];
	struct ipc_send_resolve_answer m = { .request = request,
		.answer = { .result = row->result,
		    .trust = row->trust == 0 ? DNS_INSECURE : row->trust,
		    .ttl_s = 300,
		    .canonical = name },
		.records = records };
	str all = str_from(row->data == NULL ? "" : row->data), one;
	while (all.n > 0 && str_next(&all, ';', &one) && m.records_n < LEN(records)) {
		buf_init(&data[m.records_n], 8192);
		put_rdata(&data[m.records_n], row->type, one);
		records[m.records_n].rdata = buf_view(&data[m.records_n]);
		m.records_n++;
	}
	ipc_send_resolve_answer_put(&w->out, &m);
	send_from(w, w->resolve);
	for (size_t i = 0; i < m.records_n; i++) {
		buf_done(&data[i]);
	}
}

/* A name that is not in the table has no such records, insecurely. */
static enum err
on_query(void *ctx, const struct ipc_send_resolve_query *m, int *fd)
{
	struct world *w = ctx;
	struct world_name none = { .type = m->type };
	const struct world_name *row = &none;
	w->questions++;
	for (size_t i = 0; w->names[i].name != NULL; i++) {
		const struct world_name *r = &w->names[i];
		bool same = r->type == m->type && str_eq(str_from(r->name), m->name);
		row = same ? r : row;
	}
	if (!row->silent) {
		answer(w, m->request, row, m->name);
	}
	return ERR_OK;
}

/* --- keys, fetch, watch -------------------------------------------------------------------- */

static enum err
on_signers(void *ctx, const struct ipc_send_keys_signers *m, int *fd)
{
	struct world *w = ctx;
	struct ipc_send_keys_signers_are r = { .request = m->request, .result = ERR_NOTFOUND };
	ipc_send_keys_signers_are_put(&w->out, &r);
	send_from(w, w->keys);
	return ERR_OK;
}

static enum err
on_policy(void *ctx, const struct ipc_send_fetch_policy *m, int *fd)
{
	struct world *w = ctx;
	struct ipc_send_fetch_mx mx = { .pattern = str_from(w->policy_mx) };
	struct ipc_send_fetch_policy_is r = { .request = m->request,
		.result = w->policy_mode == 0 ? ERR_NOTFOUND : ERR_OK,
		.mode = w->policy_mode,
		.mx = &mx,
		.mx_n = w->policy_mode == 0 ? 0 : 1 };
	ipc_send_fetch_policy_is_put(&w->out, &r);
	send_from(w, w->fetch);
	return ERR_OK;
}

static enum err
on_attempt(void *ctx, const struct ipc_send_watch_attempt *m, int *fd)
{
	struct world *w = ctx;
	CHECK(str_chr(m->reply, '@') < 0 || str_find(m->reply, S("secret")) < 0);
	CHECK(m->phases_n > 0);
	buf_printf(&w->attempts, "%u %u %.*s %.*s %u %.*s dane=%u sts=%u tls=%.*s fail=%.*s\n",
	    m->verdict, m->phase, STR_ARG(m->class), STR_ARG(m->mx), m->code, STR_ARG(m->enhanced),
	    m->dane, m->sts, STR_ARG(m->tls_version), STR_ARG(m->tls_failure));
	w->attempts_n++;
	return ERR_OK;
}

/* --- queue --------------------------------------------------------------------------------- */

static enum err
on_result(void *ctx, const struct ipc_queue_send_result *m, int *fd)
{
	struct world *w = ctx;
	buf_printf(&w->results, "%llu%s%s%s class=%.*s mx=%.*s", (unsigned long long)m->job,
	    m->whole_domain ? " whole" : "", m->uncertain ? " uncertain" : "",
	    m->relayed_dsn ? " dsn" : "", STR_ARG(m->class), STR_ARG(m->mx));
	for (size_t i = 0; i < m->outcomes_n; i++) {
		const struct ipc_queue_send_outcome *o = &m->outcomes[i];
		buf_printf(&w->results, " %u:%u/%u/%.*s", o->rcpt, o->verdict, o->code,
		    STR_ARG(o->enhanced));
	}
	buf_ch(&w->results, '\n');
	CHECK_U64(m->entry, m->job + w->entry_offset);
	w->results_n++;
	return ERR_OK;
}

struct ipc_queue_send_letter
svc_send_world_letter(uint64_t job, const char *domain)
{
	return (struct ipc_queue_send_letter){ .job = job,
		.entry = job + 1000,
		.domain = str_from(domain),
		.reverse_path = S("me@example.org"),
		.message_id = S("<m@example.org>"),
		.body = S("From: me@example.org\r\nSubject: secret\r\n\r\n.dot\r\nend\r\n"),
		.size = 52 };
}

void
svc_send_world_send(struct world *w, const struct ipc_queue_send_letter *letter, const char *rcpts)
{
	struct ipc_queue_send_letter m = *letter;
	struct ipc_queue_send_to to[SVC_SEND_RCPTS_MAX];
	str all = str_from(rcpts), one;
	while (str_next(&all, ',', &one) && m.rcpts_n < LEN(to)) {
		to[m.rcpts_n] = (struct ipc_queue_send_to){ .rcpt = (uint16_t)m.rcpts_n,
			.address = one };
		m.rcpts_n++;
	}
	m.rcpts = to;
	ipc_queue_send_letter_put(&w->out, &m);
	send_from(w, w->queue);
}

void
svc_send_world_send_file(struct world *w, uint64_t job, int fd)
{
	struct ipc_queue_send_letter m = svc_send_world_letter(job, "one.test");
	struct ipc_queue_send_to to = { .address = S("a@one.test") };
	m.body = S("");
	m.rcpts = &to;
	m.rcpts_n = 1;
	ipc_queue_send_letter_put(&w->out, &m);
	CHECK_ERR(sys_chan_send_wait(w->queue, &w->out, fd, 1000), ERR_OK);
	buf_reset(&w->out);
}

void
svc_send_world_cancel(struct world *w, uint64_t job)
{
	struct ipc_queue_send_cancel m = { .job = job };
	ipc_queue_send_cancel_put(&w->out, &m);
	send_from(w, w->queue);
}

/* --- turning ------------------------------------------------------------------------------- */

static bool
take(struct world *w, int end)
{
	static const struct ipc_send_resolve_at_resolve resolve = { .query = on_query };
	static const struct ipc_send_keys_at_keys keys = { .signers = on_signers };
	static const struct ipc_send_fetch_at_fetch fetch = { .policy = on_policy };
	static const struct ipc_send_watch_at_watch watch = { .attempt = on_attempt };
	static const struct ipc_queue_send_at_queue queue = { .result = on_result };
	int fd;
	enum err e = ERR_OK;
	if (end < 0 || sys_chan_recv(end, &w->in, &fd) != ERR_OK) {
		return false;
	}
	str in = buf_view(&w->in);
	if (end == w->resolve) {
		e = ipc_send_resolve_resolve_dispatch(&resolve, w, in, &fd, w->scratch);
	} else if (end == w->keys) {
		e = ipc_send_keys_keys_dispatch(&keys, w, in, &fd, w->scratch);
	} else if (end == w->fetch) {
		e = ipc_send_fetch_fetch_dispatch(&fetch, w, in, &fd, w->scratch);
	} else if (end == w->watch) {
		e = ipc_send_watch_watch_dispatch(&watch, w, in, &fd, w->scratch);
	} else {
		e = ipc_queue_send_queue_dispatch(&queue, w, in, &fd, w->scratch);
	}
	CHECK_ERR(e, ERR_OK);
	arena_reset(w->scratch);
	sys_close(&fd);
	return true;
}

static bool
turn(struct world *w, int wait_ms)
{
	(void)(sys_loop_turn(w->sc.loop, wait_ms) == ERR_OK);
	bool moved = take(w, w->resolve);
	moved |= take(w, w->keys);
	moved |= take(w, w->fetch);
	moved |= take(w, w->watch);
	moved |= take(w, w->queue);
	for (size_t i = 0; i < WORLD_SERVERS; i++) {
		moved |= svc_send_server_pump(&w->server[i]);
	}
	return moved;
}

void
svc_send_world_settle(struct world *w)
{
	unsigned quiet = 0;
	for (unsigned i = 0; i < TURNS_MAX && quiet < 20; i++) {
		quiet = turn(w, 0) ? 0 : quiet + 1;
	}
	ASSERT(quiet == 20);
}

void
svc_send_world_wait(struct world *w, unsigned results)
{
	int64_t until = sys_clock_ms() + WAIT_MS;
	while (w->results_n < results && sys_clock_ms() < until) {
		(void)turn(w, 1);
	}
	CHECK(w->results_n >= results);
	svc_send_world_settle(w);
}

void
svc_send_world_wire(struct world *w, const char *edge, int *end)
{
	int pair[2];
	sys_close(end);
	ASSERT(sys_chan_pair(pair) == ERR_OK);
	ASSERT(svc_common_wire(&w->sc, str_from(edge), 0, pair[1]) == ERR_OK);
	*end = pair[0];
}

/* --- opening ------------------------------------------------------------------------------- */

static void
configure(struct world *w)
{
	w->conf = (struct conf){ .hostname = S("out.example.org"),
		.send_port = w->port,
		.send_concurrency = 20,
		.send_connections = 100,
		.send_connect_timeout = 3000,
		.send_reply_timeout = 60000,
		.send_idle = 60000,
		.send_reuse_count = 100,
		.send_reuse_age = 300000,
		.send_tls = S("require"),
		.send_dane = true,
		.send_sts = true,
		.send_ca_file = str_from(w->ca_file),
		.send_private = true };
}

void
svc_send_world_outside(struct world *w, const struct world_name *names)
{
	*w = (struct world){ .queue = -1, .resolve = -1, .watch = -1, .keys = -1, .fetch = -1 };
	w->names = names;
	w->entry_offset = 1000;
	buf_init(&w->results, 1 << 20);
	buf_init(&w->attempts, 1 << 20);
	buf_init(&w->in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&w->out, SYS_CHAN_MESSAGE_MAX);
	w->sc.arena = arena_new(NULL, "test", 1 << 30, 0);
	w->scratch = arena_new(NULL, "scratch", 1 << 20, 0);
	svc_send_servers_open(w);
	ASSERT(sys_loop_new(&w->sc.loop) == ERR_OK);
}

void
svc_send_world_open(struct world *w, const struct world_name *names)
{
	svc_send_world_outside(w, names);
	configure(w);
	w->sc.conf = &w->conf;
	w->sc.service = &svc_send_service;
	ASSERT(svc_send_init(&w->sc) == ERR_OK);
	w->sv = w->sc.ctx;
	svc_send_world_wire(w, "queue_send", &w->queue);
	svc_send_world_wire(w, "send_resolve", &w->resolve);
	svc_send_world_wire(w, "send_watch", &w->watch);
	svc_send_world_wire(w, "send_keys", &w->keys);
	svc_send_world_wire(w, "send_fetch", &w->fetch);
}

void
svc_send_world_close(struct world *w)
{
	if (w->sv != NULL) {
		svc_send_done(&w->sc);
		ASSERT(w->sv->letters_n == 0 && w->sv->conns_n == 0 && w->sv->bodies == 0);
	}
	int *ends[] = { &w->queue, &w->resolve, &w->watch, &w->keys, &w->fetch };
	for (size_t i = 0; i < LEN(ends); i++) {
		sys_close(ends[i]);
	}
	svc_send_servers_close(w);
	sys_loop_free(&w->sc.loop);
	arena_free(&w->scratch);
	arena_free(&w->sc.arena);
	buf_done(&w->results);
	buf_done(&w->attempts);
	buf_done(&w->in);
	buf_done(&w->out);
}
