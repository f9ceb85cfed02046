/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fakes of world_test.h: smtp, policy and resolve.
 */
#include "svc/scan/world_test.h"

#include "ipc/scan_resolve.h"
#include "proto/dns/dns.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/sys.h"

enum { TURNS_MAX = 100000, WAIT_MS = 20000, QUIET = 5, HEARD_MAX = 4 << 20 };

unsigned svc_scan_world_exits, svc_scan_world_rewires;

void
svc_common_exit(struct svc_common *sc)
{
	svc_scan_world_exits++;
}

void
svc_common_rewire(struct svc_common *sc, str edge, uint32_t peer)
{
	svc_scan_world_rewires++;
}

static void
send_from(struct scan_world *w, int fd, int passed)
{
	if (fd >= 0) {
		(void)(sys_chan_send_wait(fd, &w->out, passed, 1000) == ERR_OK);
	} else {
		sys_close(&passed);
	}
	buf_reset(&w->out);
}

/* --- smtp ---------------------------------------------------------------------------------- */

static enum err
on_verdict(void *ctx, const struct ipc_smtp_scan_verdict *m, int *fd)
{
	struct scan_world *w = ctx;
	struct buf *b = &w->verdicts;
	buf_printf(b, "%llu %s %u/%u/%.*s", (unsigned long long)m->request, err_name(m->result),
	    m->reply.verdict, m->reply.code, STR_ARG(m->reply.enhanced));
	for (size_t i = 0; i < m->places_n; i++) {
		buf_printf(b, "%s%u", i == 0 ? " junk=" : ",", m->places[i].target);
		CHECK(m->places[i].junk);
	}
	buf_printf(b, " score=%lld", (long long)m->score);
	for (size_t i = 0; i < m->cuts_n; i++) {
		buf_printf(b, "%s%llu+%u", i == 0 ? " cuts=" : ",",
		    (unsigned long long)m->cuts[i].at, m->cuts[i].length);
	}
	if (m->from.n > 0) {
		buf_printf(b, " from=%.*s", STR_ARG(m->from));
	}
	if (m->message_id.n > 0) {
		buf_printf(b, " id=%.*s", STR_ARG(m->message_id));
	}
	buf_ch(b, '\n');
	buf_printf(&w->headers, "%.*s\n", STR_ARG(m->header));
	buf_printf(&w->whys, "%.*s\n", STR_ARG(m->why));
	w->verdicts_n++;
	return ERR_OK;
}

struct ipc_smtp_scan_letter
svc_scan_world_letter(uint64_t request, str octets)
{
	static struct ipc_smtp_scan_target target = { .account = 7,
		.address = { "user@example.org", 16 } };
	return (struct ipc_smtp_scan_letter){ .request = request,
		.session = 9,
		.ip = S("\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1"),
		.helo = S("mx.example.com"),
		.reverse_path = S("sender@example.com"),
		.received_s = 1700000000,
		.tls_version = S("TLSv1.3"),
		.targets = &target,
		.targets_n = 1,
		.size = octets.n,
		.body = octets };
}

void
svc_scan_world_send(struct scan_world *w, const struct ipc_smtp_scan_letter *m)
{
	ipc_smtp_scan_letter_put(&w->out, m);
	send_from(w, w->smtp, -1);
}

void
svc_scan_world_send_file(struct scan_world *w, const struct ipc_smtp_scan_letter *m, str octets)
{
	struct ipc_smtp_scan_letter with = *m;
	int fd = -1;
	CHECK_ERR(sys_file_memory("letter", &fd), ERR_OK);
	CHECK_ERR(sys_file_write(fd, 0, octets), ERR_OK);
	with.body = S("");
	ipc_smtp_scan_letter_put(&w->out, &with);
	send_from(w, w->smtp, fd);
}

/* --- policy -------------------------------------------------------------------------------- */

static enum err
on_judge(void *ctx, const struct ipc_scan_policy_judge *m, int *fd)
{
	struct scan_world *w = ctx;
	struct ipc_scan_policy_judged r = w->judged;
	buf_printf(&w->judges, "domain=%.*s%s sender=%.*s", STR_ARG(m->domain),
	    m->aligned ? " aligned" : "", STR_ARG(m->sender));
	for (size_t i = 0; i < m->accounts_n; i++) {
		buf_printf(&w->judges, "%s%llu", i == 0 ? " accounts=" : ",",
		    (unsigned long long)m->accounts[i].id);
	}
	for (size_t i = 0; i < m->looked_n; i++) {
		buf_printf(&w->judges, "%s%.*s", i == 0 ? " looked=" : ",",
		    STR_ARG(m->looked[i].what));
	}
	CHECK(m->features.n > 0 && m->features.n % 4 == 0);
	buf_ch(&w->judges, '\n');
	w->judges_n++;
	r.request = m->request;
	if (!w->policy_silent) {
		ipc_scan_policy_judged_put(&w->out, &r);
		send_from(w, w->policy, -1);
	}
	return ERR_OK;
}

static enum err
on_ended(void *ctx, const struct ipc_scan_policy_ended *m, int *fd)
{
	struct scan_world *w = ctx;
	buf_printf(&w->ends, "%u score=%lld features=%s\n", m->end, (long long)m->score,
	    m->features.n > 0 ? "yes" : "no");
	w->ends_n++;
	return ERR_OK;
}

/* --- resolve ------------------------------------------------------------------------------- */

static enum err
on_query(void *ctx, const struct ipc_scan_resolve_query *m, int *fd)
{
	struct scan_world *w = ctx;
	struct ipc_common_dns_record record = { 0 };
	struct buf rdata;
	struct ipc_scan_resolve_answer r = { .request = m->request,
		.answer = { .result = ERR_NOTFOUND, .trust = DNS_INSECURE },
		.records = &record };
	bool silent = w->resolve_silent;
	buf_init(&rdata, 8192);
	for (const struct scan_world_name *n = w->names; n != NULL && n->name != NULL; n++) {
		bool is = m->type == DNS_TXT && str_eq(str_from(n->name), m->name);
		silent |= is && n->text == NULL;
		if (is && !silent) {
			CHECK_ERR(dns_txt_put(&rdata, str_from(n->text)), ERR_OK);
			record.rdata = buf_view(&rdata);
			r.records_n = 1;
			r.answer.result = ERR_OK;
		}
	}
	w->questions_n++;
	if (!silent) {
		ipc_scan_resolve_answer_put(&w->out, &r);
		send_from(w, w->resolve, -1);
	}
	buf_done(&rdata);
	return ERR_OK;
}

/* --- turning ------------------------------------------------------------------------------- */

static bool
take(struct scan_world *w, int end)
{
	static const struct ipc_smtp_scan_at_smtp smtp = { .verdict = on_verdict };
	static const struct ipc_scan_policy_at_policy policy = { .judge = on_judge,
		.ended = on_ended };
	static const struct ipc_scan_resolve_at_resolve resolve = { .query = on_query };
	enum err e;
	int fd;
	if (end < 0 || sys_chan_recv(end, &w->in, &fd) != ERR_OK) {
		return false;
	}
	str in = buf_view(&w->in);
	if (end == w->smtp) {
		e = ipc_smtp_scan_smtp_dispatch(&smtp, w, in, &fd, w->scratch);
	} else if (end == w->policy) {
		e = ipc_scan_policy_policy_dispatch(&policy, w, in, &fd, w->scratch);
	} else {
		e = ipc_scan_resolve_resolve_dispatch(&resolve, w, in, &fd, w->scratch);
	}
	CHECK_ERR(e, ERR_OK);
	arena_reset(w->scratch);
	sys_close(&fd);
	return true;
}

static bool
turn(struct scan_world *w, int wait_ms)
{
	if (w->sc.loop != NULL) {
		(void)(sys_loop_turn(w->sc.loop, wait_ms) == ERR_OK);
	}
	bool moved = take(w, w->smtp);
	moved |= take(w, w->policy);
	moved |= take(w, w->resolve);
	return moved;
}

void
svc_scan_world_settle(struct scan_world *w)
{
	unsigned quiet = 0;
	for (unsigned i = 0; i < TURNS_MAX && quiet < QUIET; i++) {
		quiet = turn(w, 0) ? 0 : quiet + 1;
	}
	ASSERT(quiet == QUIET);
}

void
svc_scan_world_wait(struct scan_world *w, unsigned verdicts)
{
	int64_t until = sys_clock_ms() + WAIT_MS;
	while (w->verdicts_n < verdicts && sys_clock_ms() < until) {
		(void)turn(w, 1);
	}
	CHECK(w->verdicts_n >= verdicts);
	svc_scan_world_settle(w);
}

void
svc_scan_world_wire(struct scan_world *w, const char *edge, int *end)
{
	int pair[2];
	sys_close(end);
	ASSERT(sys_chan_pair(pair) == ERR_OK);
	ASSERT(svc_common_wire(&w->sc, str_from(edge), 0, pair[1]) == ERR_OK);
	*end = pair[0];
}

/* --- opening ------------------------------------------------------------------------------- */

void
svc_scan_world_outside(struct scan_world *w)
{
	*w = (struct scan_world){ .smtp = -1, .policy = -1, .resolve = -1 };
	struct buf *heard[] = { &w->verdicts, &w->headers, &w->whys, &w->judges, &w->ends };
	for (size_t i = 0; i < LEN(heard); i++) {
		buf_init(heard[i], HEARD_MAX);
	}
	buf_init(&w->in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&w->out, SYS_CHAN_MESSAGE_MAX);
	w->sc.arena = arena_new(NULL, "test", 1 << 30, 0);
	w->scratch = arena_new(NULL, "scratch", 1 << 20, 0);
	w->conf = (struct conf){ .hostname = S("mx.example.org"),
		.scan_deadline = 60000,
		.scan_dns = 60000,
		.scan_absent = S("pass"),
		.filter_junk_at = FILTER_JUNK_AT,
		.filter_reject_at = FILTER_REJECT_AT };
}

void
svc_scan_world_open(struct scan_world *w, const struct svc_scan_stage *const *stages)
{
	svc_scan_world_outside(w);
	svc_scan_world_start(w, stages);
}

void
svc_scan_world_start(struct scan_world *w, const struct svc_scan_stage *const *stages)
{
	static const struct svc_common_service service = { .edges = svc_scan_edges };
	ASSERT(sys_loop_new(&w->sc.loop) == ERR_OK);
	w->sc.conf = &w->conf;
	w->sc.service = &service;
	ASSERT(svc_scan_init(&w->sc, stages) == ERR_OK);
	ASSERT(svc_scan_start(&w->sc) == ERR_OK);
	w->scan = w->sc.ctx;
	svc_scan_world_wire(w, "smtp_scan", &w->smtp);
	svc_scan_world_wire(w, "scan_policy", &w->policy);
	svc_scan_world_wire(w, "scan_resolve", &w->resolve);
}

void
svc_scan_world_close(struct scan_world *w)
{
	struct buf *bufs[] = { &w->verdicts, &w->headers, &w->whys, &w->judges, &w->ends, &w->in,
		&w->out };
	if (w->scan != NULL) {
		svc_scan_done(&w->sc);
		CHECK_U64(w->scan->letters_n, 0);
		CHECK_U64(w->scan->octets, 0);
	}
	sys_close(&w->smtp);
	sys_close(&w->policy);
	sys_close(&w->resolve);
	sys_loop_free(&w->sc.loop);
	arena_free(&w->scratch);
	arena_free(&w->sc.arena);
	for (size_t i = 0; i < LEN(bufs); i++) {
		buf_done(bufs[i]);
	}
}
