/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch process between a played send, resolve and queue: attempts are kept and found, no local
 * part is in the database, thousands cost few transactions, a domain that asks for reports gets one
 * letter and only one.
 */
#include "svc/watch/watch.h"

#include <zlib.h>

#include "base/codec.h"
#include "base/mem.h"
#include "base/test.h"
#include "conf/conf.h"
#include "ipc/adm_watch.h"
#include "ipc/scan_watch.h"
#include "ipc/send_watch.h"
#include "ipc/smtp_watch.h"
#include "ipc/watch_queue.h"
#include "ipc/watch_resolve.h"
#include "proto/dns/dns.h"
#include "reach/inbound.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sys.h"

struct world {
	char folder[64];
	struct svc_common sc;
	struct conf conf;
	int send, resolve, queue, admin, smtp, scan; /* our ends */
	size_t arrived;
	uint64_t arrived_entry;
	struct sys_chan *admin_chan; /* the process's end */
	struct buf in, out;
	struct arena *arena;
	size_t questions, letters, tries;
	uint64_t request, txn;
	str reply, body, recipient;
	bool unenforced, more;
	const char *asked_for; /* what resolve is to be asked next */
};

static void
turn(struct world *w)
{
	for (int i = 0; i < 5; i++) {
		CHECK_ERR(sys_loop_turn(w->sc.loop, 0), ERR_OK);
	}
}

static enum err
on_admin_message(void *ctx, str datagram, int *fd)
{
	struct world *w = ctx;

	return svc_watch_service.on_admin(&w->sc, w->admin_chan, datagram, fd);
}

static void
on_admin_closed(void *ctx, enum err why)
{
	struct world *w = ctx;

	sys_chan_free(&w->admin_chan);
}

static void
wire(struct world *w, const char *edge, int *ret_end)
{
	int ends[2];

	CHECK_ERR(sys_chan_pair(ends), ERR_OK);
	CHECK_ERR(svc_common_wire(&w->sc, str_from(edge), 0, ends[0]), ERR_OK);
	*ret_end = ends[1];
}

static void
begin(struct world *w)
{
	const struct sys_chan_handler admin = {
		.on_message = on_admin_message, .on_closed = on_admin_closed, .ctx = w
	};
	static const str domains[] = { S_INIT("sender.example") };
	int ends[2];

	memset(w, 0, sizeof(*w));
	w->asked_for = "_smtp._tls.receiver.example";
	snprintf(w->folder, sizeof w->folder, "/tmp/postern-watch-%016llx",
	    (unsigned long long)sys_random_u64());
	CHECK_ERR(sys_dir_make(SYS_CWD, str_from(w->folder), 0700), ERR_OK);
	CHECK_ERR(sys_loop_new(&w->sc.loop), ERR_OK);
	w->arena = arena_new(NULL, "test", 64 << 20, 0);
	w->sc.arena = arena_new(NULL, "process", 64 << 20, 0);
	w->sc.conf = &w->conf;
	w->sc.service = &svc_watch_service;
	w->conf = (struct conf){ .hostname = S("mx.sender.example"),
		.domain = { domains, 1 },
		.state = str_from(w->folder),
		.watch_keep = 90ULL * 86400000,
		.watch_attempts = 1000000,
		.watch_keep_inbound = 14ULL * 86400000,
		.watch_inbound = 1000,
		.watch_reports = true,
		.dmarc_reports = true,
		.watch_report_day = 86400000 };
	str inner = arena_printf(w->arena, "%s/watch", w->folder);
	CHECK_ERR(sys_dir_make(SYS_CWD, inner, 0700), ERR_OK);
	buf_init(&w->in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&w->out, SYS_CHAN_MESSAGE_MAX);
	CHECK_ERR(svc_watch_service.init(&w->sc), ERR_OK);
	wire(w, "send_watch", &w->send);
	wire(w, "scan_watch", &w->scan);
	wire(w, "watch_resolve", &w->resolve);
	wire(w, "watch_queue", &w->queue);
	wire(w, "smtp_watch", &w->smtp);
	CHECK_ERR(sys_chan_pair(ends), ERR_OK);
	CHECK_ERR(sys_chan_new(w->sc.loop, ends[0], &admin, &w->admin_chan), ERR_OK);
	w->admin = ends[1];
	CHECK_ERR(svc_watch_service.start(&w->sc), ERR_OK);
	turn(w);
}

static void
end(struct world *w)
{
	struct svc_watch *p = w->sc.ctx;

	reach_journal_close(&p->journal);
	reach_inbound_close(&p->inbound);
	svc_common_links_close(&w->sc);
	sys_close(&w->smtp);
	sys_close(&w->scan);
	sys_chan_free(&w->admin_chan);
	sys_close(&w->send);
	sys_close(&w->resolve);
	sys_close(&w->queue);
	sys_close(&w->admin);
	buf_done(&p->out);
	buf_done(&w->in);
	buf_done(&w->out);
	sys_loop_free(&w->sc.loop);
	arena_free(&w->sc.arena);
	arena_free(&w->arena);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(w->folder)), ERR_OK);
}

static void
put(struct world *w, int fd)
{
	CHECK_ERR(buf_err(&w->out), ERR_OK);
	CHECK_ERR(sys_chan_send_wait(fd, &w->out, -1, 1000), ERR_OK);
	buf_reset(&w->out);
}

/* ---- send ----------------------------------------------------------------------------------- */

static void
attempt(struct world *w, struct ipc_send_watch_attempt m)
{
	static struct ipc_send_watch_phase phases[] = { { REACH_PHASE_CONNECT, 0, 5 },
		{ REACH_PHASE_RCPT, 40, 7 } };

	m.phases = phases;
	m.phases_n = LEN(phases);
	ipc_send_watch_attempt_put(&w->out, &m);
	put(w, w->send);
}

static struct ipc_send_watch_attempt
sample(void)
{
	return (struct ipc_send_watch_attempt){ .entry = 7,
		.began_ms = sys_clock_wall_ms(),
		.domain = S("receiver.example"),
		.message_id = S("<hidden.id@sender.example>"),
		.operator= S("receiver.example"),
		.mx = S("mx.receiver.example"),
		.peer_ip = S("\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1"),
		.source_ip = S("\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\2"),
		.rcpts = 1,
		.verdict = REACH_AGAIN,
		.phase = REACH_PHASE_RCPT,
		.class = S("L1"),
		.rule = S("greylist"),
		.tls_version = S("TLSv1.3"),
		.code = 450,
		.reply = S("450 <hiddenjane@receiver.example> Greylisted") };
}

/* ---- answers -------------------------------------------------------------------------------- */

static enum err
on_tries(void *ctx, const struct ipc_adm_watch_tries *m, int *fd)
{
	struct world *w = ctx;

	CHECK_ERR(m->result, ERR_OK);
	w->tries = m->tries_n;
	w->more = m->more;
	if (m->tries_n > 0) {
		w->reply = arena_dup(w->arena, m->tries[0].reply);
		CHECK_U64(m->tries[0].took_ms, 47);
		CHECK_STR(m->tries[0].tls_version, S("TLSv1.3"));
		CHECK_STR(m->tries[0].phases, S("connect 0+5 rcpt 40+7"));
	}
	return ERR_OK;
}

static enum err
on_templates(void *ctx, const struct ipc_adm_watch_templates *m, int *fd)
{
	struct world *w = ctx;

	w->tries = m->templates_n;
	w->reply = m->templates_n > 0 ? arena_dup(w->arena, m->templates[0].text) : S("");
	return ERR_OK;
}

static enum err
on_totals(void *ctx, const struct ipc_adm_watch_totals *m, int *fd)
{
	struct world *w = ctx;

	w->tries = m->totals_n > 0 ? m->totals[0].attempts : 0;
	return ERR_OK;
}

static enum err
on_reported(void *ctx, const struct ipc_adm_watch_reported *m, int *fd)
{
	struct world *w = ctx;

	w->tries = m->domains;
	return ERR_OK;
}

/* Send what is in w->out as the administrator, and take the answer. */
static void
ask(struct world *w)
{
	static const struct ipc_adm_watch_at_admin handlers = { .tries = on_tries,
		.templates = on_templates,
		.totals = on_totals,
		.reported = on_reported };
	int fd = -1;

	put(w, w->admin);
	turn(w);
	CHECK_ERR(sys_chan_recv(w->admin, &w->in, &fd), ERR_OK);
	CHECK_ERR(ipc_adm_watch_admin_dispatch(&handlers, w, buf_view(&w->in), &fd, w->arena),
	    ERR_OK);
}

static size_t
find(struct world *w, struct ipc_adm_watch_find m)
{
	w->tries = 0;
	ipc_adm_watch_find_put(&w->out, &m);
	ask(w);
	return w->tries;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void
attempts_are_kept_and_found(void)
{
	struct world w;

	begin(&w);
	for (int i = 0; i < 3; i++) {
		attempt(&w, sample());
	}
	turn(&w);
	CHECK_U64(find(&w, (struct ipc_adm_watch_find){ .by = REACH_ALL }), 3);
	CHECK_STR(w.reply, S("450 <*@receiver.example> Greylisted"));
	CHECK_U64(find(&w, (struct ipc_adm_watch_find){ .by = REACH_BY_ENTRY, .entry = 7 }), 3);
	CHECK_U64(find(&w,
		      (struct ipc_adm_watch_find){
			  .by = REACH_BY_DOMAIN, .text = S("receiver.example") }),
	    3);
	CHECK_U64(find(&w,
		      (struct ipc_adm_watch_find){
			  .by = REACH_BY_MESSAGE, .text = S("hidden.id@sender.example") }),
	    3);
	CHECK_U64(find(&w,
		      (struct ipc_adm_watch_find){ .by = REACH_BY_MESSAGE, .text = S("other") }),
	    0);
	struct ipc_adm_watch_sum sum = { .operator= S("receiver.example") };
	ipc_adm_watch_sum_put(&w.out, &sum);
	ask(&w);
	CHECK_U64(w.tries, 3);
	end(&w);
}

static void
unknown_replies_are_listed(void)
{
	struct world w;
	struct ipc_send_watch_attempt m = sample();
	struct ipc_adm_watch_unknown q = { .request = 1 };

	begin(&w);
	m.rule = S("code-550-rcpt");
	m.reply = S("550 no, queue 4F0A9C77");
	attempt(&w, m);
	attempt(&w, sample());
	turn(&w);
	ipc_adm_watch_unknown_put(&w.out, &q);
	ask(&w);
	CHECK_U64(w.tries, 1);
	CHECK_STR(w.reply, S("<n> no, queue <id>"));
	end(&w);
}

/* Grep all files of the folder. */
static bool
holds(struct world *w, str word)
{
	static const char *const names[] = { "watch/watch.db", "watch/watch.db-wal" };
	struct buf all;
	bool yes = false;

	buf_init(&all, 64 << 20);
	for (size_t i = 0; i < LEN(names); i++) {
		str path = arena_printf(w->arena, "%s/%s", w->folder, names[i]);
		buf_reset(&all);
		if (sys_file_load(SYS_CWD, path, &all) == ERR_OK) {
			yes = yes || str_ifind(buf_view(&all), word) >= 0;
		}
	}
	buf_done(&all);
	return yes;
}

static void
many_cost_few_transactions_and_hold_no_name(void)
{
	struct world w;

	begin(&w);
	struct svc_watch *p = w.sc.ctx;
	for (int i = 0; i < 5000; i++) {
		attempt(&w, sample());
		if (i % 50 == 0) {
			turn(&w);
		}
	}
	turn(&w);
	svc_watch_commit(p);
	CHECK_U64(p->attempts, 5000);
	CHECK_U64(p->lost, 0);
	CHECK(p->commits < 500);
	CHECK(holds(&w, S("receiver.example")));
	CHECK(!holds(&w, S("hidden")));
	CHECK_U64(find(&w, (struct ipc_adm_watch_find){ .by = REACH_ALL }), 20);
	CHECK(w.more);
	end(&w);
}

/* ---- reports -------------------------------------------------------------------------------- */

static enum err
on_query(void *ctx, const struct ipc_watch_resolve_query *m, int *fd)
{
	struct world *w = ctx;

	CHECK_STR(m->name, str_from(w->asked_for));
	CHECK_U64(m->type, DNS_TXT);
	w->request = m->request;
	w->questions++;
	return ERR_OK;
}

static enum err
on_commit(void *ctx, const struct ipc_watch_queue_commit *m, int *fd)
{
	struct world *w = ctx;

	w->txn = m->txn;
	w->letters++;
	w->unenforced = m->unenforced;
	w->recipient = arena_dup(w->arena, m->recipient);
	w->body = arena_dup(w->arena, m->body);
	return ERR_OK;
}

/* Take what came at resolve's and queue's end. */
static void
look(struct world *w)
{
	static const struct ipc_watch_resolve_at_resolve resolve = { .query = on_query };
	static const struct ipc_watch_queue_at_queue queue = { .commit = on_commit };
	int fd = -1;

	turn(w);
	while (sys_chan_recv(w->resolve, &w->in, &fd) == ERR_OK) {
		CHECK_ERR(ipc_watch_resolve_resolve_dispatch(&resolve, w, buf_view(&w->in), &fd,
			      w->arena),
		    ERR_OK);
	}
	while (sys_chan_recv(w->queue, &w->in, &fd) == ERR_OK) {
		CHECK_ERR(ipc_watch_queue_queue_dispatch(&queue, w, buf_view(&w->in), &fd,
			      w->arena),
		    ERR_OK);
	}
}

static void
answer(struct world *w, enum err result, const char *txt)
{
	struct ipc_common_dns_record record;
	struct ipc_watch_resolve_answer m = { .request = w->request, .records = &record };
	char storage[600];
	struct buf rdata;

	m.answer.result = result;
	m.answer.trust = DNS_INSECURE;
	buf_init_fixed(&rdata, storage, sizeof storage);
	if (txt != NULL) {
		CHECK_ERR(dns_txt_put(&rdata, str_from(txt)), ERR_OK);
		record.rdata = buf_view(&rdata);
		m.records_n = 1;
	}
	ipc_watch_resolve_answer_put(&w->out, &m);
	put(w, w->resolve);
	look(w);
}

static void
hurry(struct world *w)
{
	struct ipc_adm_watch_report q = { .request = 1 };

	ipc_adm_watch_report_put(&w->out, &q);
	ask(w);
	look(w);
}

/* The attachment, decoded and unpacked, has these words. */
static void
check_report(struct world *w, str end, const char *const *words, size_t n)
{
	struct buf gzip;
	char json[20000];
	ptrdiff_t at = str_find(w->body, end);
	str rest = str_from_off(w->body, (size_t)at + end.n), line;
	z_stream z = { 0 };

	CHECK(at > 0);
	buf_init(&gzip, 20000);
	while (str_next(&rest, '\n', &line) && line.n > 1) {
		CHECK_ERR(base64_decode(&gzip, str_trim(line)), ERR_OK);
	}
	z.next_in = (Bytef *)gzip.p;
	z.avail_in = (uInt)gzip.n;
	z.next_out = (Bytef *)json;
	z.avail_out = sizeof(json);
	CHECK(inflateInit2(&z, 31) == Z_OK && inflate(&z, Z_FINISH) == Z_STREAM_END);
	str text = str_make(json, sizeof(json) - z.avail_out);
	for (size_t i = 0; i < n; i++) {
		test_case = words[i];
		CHECK(str_find(text, str_from(words[i])) >= 0);
	}
	test_case = NULL;
	CHECK(inflateEnd(&z) == Z_OK);
	buf_done(&gzip);
}

static void
play_sessions(struct world *w)
{
	struct ipc_send_watch_attempt m = sample();

	m.began_ms -= 2LL * 86400000;
	m.sts = 1;
	m.policy = S("version: STSv1\nmode: enforce\nmx: *.receiver.example");
	attempt(w, m);
	attempt(w, m);
	m.tls_failure = S("certificate-expired");
	m.class = S("T7");
	attempt(w, m);
	m.tls_failure = S("");
	m.tls_version = S("");
	m.class = S("T3");
	attempt(w, m);
	m.class = S("C1"); /* never came to TLS: RFC 8460 4.3.4 */
	attempt(w, m);
	turn(w);
}

static void
a_domain_that_asks_gets_one_report(void)
{
	static const char *const words[] = {
		"\"policy-type\":\"sts\"",
		"\"policy-string\":[\"version: STSv1\",\"mode: enforce\",",
		"\"mx-host\":[\"*.receiver.example\"]",
		"\"total-successful-session-count\":2,\"total-failure-session-count\":2",
		"\"result-type\":\"certificate-expired\",\"sending-mta-ip\":\"192.0.2.2\"",
		"\"contact-info\":\"postmaster@sender.example\"",
		"\"result-type\":\"starttls-not-supported\"",
	};
	struct ipc_watch_queue_commit_result done = { .entry = 99 };
	struct world w;

	begin(&w);
	play_sessions(&w);
	look(&w);
	w.questions = 0;
	hurry(&w);
	CHECK(w.questions <= 1); /* none when it was its time anyway */
	answer(&w, ERR_OK, "v=TLSRPTv1; rua=mailto:tls%2Dreports@receiver.example,https://x/");
	CHECK_U64(w.letters, 1);
	CHECK(w.unenforced);
	CHECK_STR(w.recipient, S("tls-reports@receiver.example"));
	check_report(&w, S(".json.gz\"\r\n\r\n"), words, LEN(words));
	done.txn = w.txn;
	ipc_watch_queue_commit_result_put(&w.out, &done);
	put(&w, w.queue);
	look(&w);
	CHECK_U64(((struct svc_watch *)w.sc.ctx)->reports_sent, 1);
	w.questions = 0;
	hurry(&w);
	CHECK_U64(w.questions, 0);
	CHECK_U64(w.letters, 1);

	/* Its own way there is not told of. */
	struct ipc_send_watch_attempt own = sample();
	own.entry = 99;
	own.began_ms -= 86400000;
	attempt(&w, own);
	hurry(&w);
	CHECK_U64(w.questions, 0);
	own.entry = 100;
	attempt(&w, own);
	turn(&w);
	hurry(&w);
	CHECK_U64(w.questions, 1);
	end(&w);
}

static void
others_get_none(void)
{
	static const struct {
		const char *name;
		enum err result;
		const char *txt;
	} rows[] = {
		{ "no name", ERR_NOTFOUND, NULL },
		{ "no record", ERR_OK, NULL },
		{ "another record", ERR_OK, "v=spf1 -all" },
		{ "only https", ERR_OK, "v=TLSRPTv1; rua=https://receiver.example/x" },
		{ "bad address", ERR_OK, "v=TLSRPTv1; rua=mailto:a%0db@c" },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		struct world w;

		test_case = rows[i].name;
		begin(&w);
		play_sessions(&w);
		hurry(&w);
		CHECK_U64(w.questions, 1);
		answer(&w, rows[i].result, rows[i].txt);
		CHECK_U64(w.letters, 0);
		w.questions = 0;
		hurry(&w);
		CHECK_U64(w.questions, 0);
		end(&w);
	}
	test_case = NULL;
}

/* ---- what came in ---- */

static enum err
on_arrivals(void *ctx, const struct ipc_adm_watch_arrivals *m, int *fd)
{
	struct world *w = ctx;

	CHECK_ERR(m->result, ERR_OK);
	w->arrived += m->list_n;
	w->more = m->more;
	w->tries = m->list_n > 0 ? m->list[m->list_n - 1].id : 0;
	w->arrived_entry = m->list_n > 0 ? m->list[0].entry : 0;
	return ERR_OK;
}

static size_t
ask_arrived(struct world *w, uint8_t by, str text, uint64_t entry)
{
	static const struct ipc_adm_watch_at_admin handlers = { .arrivals = on_arrivals };
	struct ipc_adm_watch_arrived q = { .request = 7, .by = by, .text = text, .entry = entry };
	int fd = -1;

	w->arrived = 0;
	do {
		ipc_adm_watch_arrived_put(&w->out, &q);
		put(w, w->admin);
		turn(w);
		CHECK_ERR(sys_chan_recv(w->admin, &w->in, &fd), ERR_OK);
		CHECK_ERR(ipc_adm_watch_admin_dispatch(&handlers, w, buf_view(&w->in), &fd,
			      w->arena),
		    ERR_OK);
		q.before = w->tries;
	} while (w->more);
	return w->arrived;
}

static void
what_came_in(void)
{
	struct world w;
	struct ipc_smtp_watch_to to = { S("b@here.example") };
	struct ipc_smtp_watch_inbound m = { .at_s = sys_clock_wall_s(),
		.ip = S("\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1"),
		.reverse_path = S("a@there.example"),
		.message_id = S("m@there.example"),
		.end = 4,
		.code = 451,
		.rcpts = &to,
		.rcpts_n = 1 };
	begin(&w);
	for (uint64_t i = 0; i < 25; i++) {
		m.entry = i == 24 ? 99 : 0;
		ipc_smtp_watch_inbound_put(&w.out, &m);
		put(&w, w.smtp);
	}
	turn(&w);
	CHECK_U64(ask_arrived(&w, 1, S("b@here.example"), 0), 25);
	CHECK_U64(ask_arrived(&w, 1, S("A@there.example"), 0), 25);
	CHECK_U64(ask_arrived(&w, 2, S("there.example"), 0), 25);
	CHECK_U64(ask_arrived(&w, 4, S("<m@there.example>"), 0), 25);
	CHECK_U64(ask_arrived(&w, 1, S("c@here.example"), 0), 0);
	CHECK_U64(ask_arrived(&w, 3, S(""), 99), 1);
	CHECK_U64(w.arrived_entry, 99);
	struct svc_watch *p = w.sc.ctx;
	CHECK(p->inbound_total == 25 && p->inbound_lost == 0);
	end(&w);
}

/* ---- DMARC ---------------------------------------------------------------------------------- */

static void
judged(struct world *w, uint8_t disposition, bool sealed)
{
	struct ipc_scan_watch_signature signatures[] = {
		{ S("receiver.example"), S("s1"), MAIL_AUTHRES_PASS },
		{ S("two words"), S("s2"), MAIL_AUTHRES_PASS }, /* would be read as another */
	};
	const struct ipc_scan_watch_judged m = { .at_s = sys_clock_wall_s() - 86400LL * 2,
		.ip = S("\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1"),
		.domain = S("receiver.example"),
		.from = S("mail.receiver.example"),
		.disposition = disposition,
		.sealed = sealed,
		.dkim = true,
		.spf_domain = S("mx.receiver.example"),
		.spf_result = MAIL_AUTHRES_SOFTFAIL,
		.helo = true,
		.signatures = signatures,
		.signatures_n = LEN(signatures) };
	ipc_scan_watch_judged_put(&w->out, &m);
	put(w, w->scan);
}

static void
taken(struct world *w)
{
	const struct ipc_watch_queue_commit_result done = { .txn = w->txn, .entry = 7 };
	ipc_watch_queue_commit_result_put(&w->out, &done);
	put(w, w->queue);
	look(w);
}

/* Two addresses of the domain's own, one of them with too small a limit, and one elsewhere. */
#define RUA "mailto:a@receiver.example!10m,mailto:b@receiver.example!9,mailto:c@elsewhere.example"

static void
play_dmarc(struct world *w, const char *says)
{
	begin(w);
	judged(w, 0, true);
	judged(w, 0, true);
	judged(w, 2, false);
	w->asked_for = "_dmarc.receiver.example";
	hurry(w);
	w->asked_for = "receiver.example._report._dmarc.elsewhere.example";
	answer(w, ERR_OK, "v=DMARC1; p=reject; rua=" RUA);
	CHECK_U64(w->letters, 0); /* until all were asked */
	answer(w, says == NULL ? ERR_NOTFOUND : ERR_OK, says);
	CHECK_U64(w->letters, says == NULL ? 1 : 2);
	CHECK(!w->unenforced);
}

static void
a_domain_hears_of_letters_in_its_name(void)
{
	static const char *const words[] = {
		"<email>postmaster@sender.example</email>",
		("<domain>receiver.example</domain>\n<adkim>r</adkim>\n"
		 "<aspf>r</aspf>\n<p>reject</p>"),
		("<source_ip>192.0.2.1</source_ip>\n<count>2</count>\n<policy_evaluated>\n"
		 "<disposition>none</disposition>\n<dkim>pass</dkim>\n<spf>fail</spf>\n"
		 "<reason><type>trusted_forwarder</type>"),
		"<count>1</count>\n<policy_evaluated>\n<disposition>reject</disposition>",
		"<envelope_from></envelope_from>\n<header_from>mail.receiver.example</header_from>",
		("<auth_results>\n<dkim>\n<domain>receiver.example</domain>\n"
		 "<selector>s1</selector>\n<result>pass</result>\n</dkim>\n<spf>\n"
		 "<domain>mx.receiver.example</domain>\n"
		 "<scope>helo</scope>\n<result>softfail</result>\n</spf>\n</auth_results>"),
	};
	struct world w;
	play_dmarc(&w, "v=DMARC1;");
	CHECK_STR(w.recipient, S("c@elsewhere.example"));
	check_report(&w, S(".xml.gz\"\r\n\r\n"), words, LEN(words));
	taken(&w);
	taken(&w);
	CHECK_U64(((struct svc_watch *)w.sc.ctx)->reports_sent, 1);
	w.questions = 0;
	hurry(&w); /* once */
	CHECK_U64(w.questions, 0);
	end(&w);
}

static void
nobody_else_gets_one_unasked(void)
{
	static const char *const noes[] = { NULL, "v=spf1 -all", "v=DMARC2; p=none" };
	for (size_t i = 0; i < LEN(noes); i++) {
		struct world w;
		if (i > 0) {
			begin(&w);
			judged(&w, 0, false);
			w.asked_for = "_dmarc.receiver.example";
			hurry(&w);
			w.asked_for = "receiver.example._report._dmarc.elsewhere.example";
			answer(&w, ERR_OK, "v=DMARC1; rua=mailto:c@elsewhere.example");
			answer(&w, ERR_OK, noes[i]);
			CHECK_U64(w.letters, 0);
		} else {
			play_dmarc(&w, NULL);
			CHECK_STR(w.recipient, S("a@receiver.example"));
		}
		end(&w);
	}
}

static void
who_does_not_ask_gets_none(void)
{
	static const char *const records[] = { NULL, "v=DMARC1; p=none", "v=DMARC1; rua=https://x/",
		"v=DMARC1; rua=mailto:nobody" };
	for (size_t i = 0; i < LEN(records); i++) {
		struct world w;
		begin(&w);
		judged(&w, 0, false);
		w.asked_for = "_dmarc.receiver.example";
		hurry(&w);
		w.asked_for = "none";
		answer(&w, records[i] == NULL ? ERR_NOTFOUND : ERR_OK, records[i]);
		CHECK_U64(w.letters, 0);
		end(&w);
	}
}

TEST_MAIN(a_domain_hears_of_letters_in_its_name, nobody_else_gets_one_unasked,
    who_does_not_ask_gets_none, what_came_in, attempts_are_kept_and_found,
    unknown_replies_are_listed, many_cost_few_transactions_and_hold_no_name,
    a_domain_that_asks_gets_one_report, others_get_none)
