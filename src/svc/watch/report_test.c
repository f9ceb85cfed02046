/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports of TLS and of DMARC: a domain that asks for them gets one letter and only one, also when
 * the channel to queue is full for a while; others get none.
 */
#include "svc/watch/world_test.h"

#include <zlib.h>

#include "base/codec.h"
#include "base/test.h"
#include "ipc/adm_watch.h"
#include "ipc/scan_watch.h"
#include "ipc/watch_queue.h"
#include "ipc/watch_resolve.h"
#include "proto/dns/dns.h"
#include "sys/clock.h"
#include "sys/sys.h"

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

	svc_watch_world_turn(w);
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

/* Without a look at what comes of it. */
static void
answer_only(struct world *w, enum err result, const char *txt)
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
	svc_watch_world_put(w, w->resolve);
}

static void
answer(struct world *w, enum err result, const char *txt)
{
	answer_only(w, result, txt);
	look(w);
}

static void
taken(struct world *w)
{
	const struct ipc_watch_queue_commit_result done = { .txn = w->txn, .entry = 7 };
	ipc_watch_queue_commit_result_put(&w->out, &done);
	svc_watch_world_put(w, w->queue);
	look(w);
}

static void
hurry(struct world *w)
{
	struct ipc_adm_watch_report q = { .request = 1 };

	ipc_adm_watch_report_put(&w->out, &q);
	svc_watch_world_ask(w);
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
	struct ipc_send_watch_attempt m = svc_watch_world_sample();

	m.began_ms -= 2LL * 86400000;
	m.sts = 1;
	m.policy = S("version: STSv1\nmode: enforce\nmx: *.receiver.example");
	svc_watch_world_attempt(w, m);
	svc_watch_world_attempt(w, m);
	m.tls_failure = S("certificate-expired");
	m.class = S("T7");
	svc_watch_world_attempt(w, m);
	m.tls_failure = S("");
	m.tls_version = S("");
	m.class = S("T3");
	svc_watch_world_attempt(w, m);
	m.class = S("C1"); /* never came to TLS: RFC 8460 4.3.4 */
	svc_watch_world_attempt(w, m);
	svc_watch_world_turn(w);
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

	svc_watch_world_begin(&w);
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
	svc_watch_world_put(&w, w.queue);
	look(&w);
	CHECK_U64(((struct svc_watch *)w.sc.ctx)->reports_sent, 1);
	w.questions = 0;
	hurry(&w);
	CHECK_U64(w.questions, 0);
	CHECK_U64(w.letters, 1);

	/* Its own way there is not told of. */
	struct ipc_send_watch_attempt own = svc_watch_world_sample();
	own.entry = 99;
	own.began_ms -= 86400000;
	svc_watch_world_attempt(&w, own);
	hurry(&w);
	CHECK_U64(w.questions, 0);
	own.entry = 100;
	svc_watch_world_attempt(&w, own);
	svc_watch_world_turn(&w);
	hurry(&w);
	CHECK_U64(w.questions, 1);
	svc_watch_world_end(&w);
}

/* At most n small letters, until the channel to queue has no room for another. Out: how many. */
static size_t
fill(struct world *w, size_t n)
{
	struct svc_watch *p = w->sc.ctx;
	struct ipc_watch_queue_commit m = { .body = S("x") };
	size_t sent = 0;
	enum err e = ERR_OK;

	while (e == ERR_OK && sent < n) {
		buf_reset(&p->out);
		ipc_watch_queue_commit_put(&p->out, &m);
		e = svc_common_link_send(&p->queue, &p->out, -1);
		sent += e == ERR_OK;
	}
	return sent;
}

static void
drain(struct world *w)
{
	size_t before = SIZE_MAX;

	while (w->letters != before) {
		before = w->letters;
		look(w);
	}
}

/* Two addresses want a report when the channel has room for so many letters. */
static void
play_full(struct world *w, size_t room)
{
	size_t all;

	svc_watch_world_begin(w);
	all = fill(w, SIZE_MAX);
	CHECK(all > room);
	svc_watch_world_end(w);

	svc_watch_world_begin(w);
	play_sessions(w);
	look(w);
	hurry(w);
	CHECK_U64(fill(w, all - room), all - room);
	answer_only(w, ERR_OK,
	    "v=TLSRPTv1; rua=mailto:a@receiver.example,mailto:b@receiver.example");
	svc_watch_world_turn(w);
}

/* A queue that is behind costs a report time, not the report. */
static void
a_full_channel_puts_off_a_report(void)
{
	struct world w;

	play_full(&w, 0);
	CHECK_U64(((struct svc_watch *)w.sc.ctx)->reports_failed, 0);
	drain(&w);
	w.letters = w.questions = 0;
	w.conf.watch_report_day = 600; /* after a sixth of that it is tried again */
	for (int64_t until = sys_clock_ms() + 110; sys_clock_ms() < until;) {
		CHECK_ERR(sys_loop_turn(w.sc.loop, 10), ERR_OK);
	}
	hurry(&w);
	CHECK_U64(w.questions, 1);
	answer(&w, ERR_OK, "v=TLSRPTv1; rua=mailto:a@receiver.example");
	CHECK_U64(w.letters, 1);
	CHECK_STR(w.recipient, S("a@receiver.example"));
	svc_watch_world_end(&w);
}

/* The second of two letters follows when queue has answered for the first, which goes once. */
static void
a_channel_that_fills_up_gets_the_rest_later(void)
{
	struct world w;

	play_full(&w, 1);
	drain(&w);
	CHECK_STR(w.recipient, S("a@receiver.example"));
	w.letters = 0;
	taken(&w);
	CHECK_U64(w.letters, 1);
	CHECK_STR(w.recipient, S("b@receiver.example"));
	CHECK_U64(((struct svc_watch *)w.sc.ctx)->reports_sent, 0);
	taken(&w);
	CHECK_U64(w.letters, 1);
	CHECK_U64(((struct svc_watch *)w.sc.ctx)->reports_sent, 1);
	svc_watch_world_end(&w);
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
		svc_watch_world_begin(&w);
		play_sessions(&w);
		hurry(&w);
		CHECK_U64(w.questions, 1);
		answer(&w, rows[i].result, rows[i].txt);
		CHECK_U64(w.letters, 0);
		w.questions = 0;
		hurry(&w);
		CHECK_U64(w.questions, 0);
		svc_watch_world_end(&w);
	}
	test_case = NULL;
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
	svc_watch_world_put(w, w->scan);
}

/* Two addresses of the domain's own, one of them with too small a limit, and one elsewhere. */
#define RUA "mailto:a@receiver.example!10m,mailto:b@receiver.example!9,mailto:c@elsewhere.example"

static void
play_dmarc(struct world *w, const char *says)
{
	svc_watch_world_begin(w);
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
	svc_watch_world_end(&w);
}

static void
nobody_else_gets_one_unasked(void)
{
	static const char *const noes[] = { NULL, "v=spf1 -all", "v=DMARC2; p=none" };
	for (size_t i = 0; i < LEN(noes); i++) {
		struct world w;
		if (i > 0) {
			svc_watch_world_begin(&w);
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
		svc_watch_world_end(&w);
	}
}

static void
who_does_not_ask_gets_none(void)
{
	static const char *const records[] = { NULL, "v=DMARC1; p=none", "v=DMARC1; rua=https://x/",
		"v=DMARC1; rua=mailto:nobody" };
	for (size_t i = 0; i < LEN(records); i++) {
		struct world w;
		svc_watch_world_begin(&w);
		judged(&w, 0, false);
		w.asked_for = "_dmarc.receiver.example";
		hurry(&w);
		w.asked_for = "none";
		answer(&w, records[i] == NULL ? ERR_NOTFOUND : ERR_OK, records[i]);
		CHECK_U64(w.letters, 0);
		svc_watch_world_end(&w);
	}
}

TEST_MAIN(a_domain_hears_of_letters_in_its_name, nobody_else_gets_one_unasked,
    who_does_not_ask_gets_none, a_domain_that_asks_gets_one_report, others_get_none,
    a_full_channel_puts_off_a_report, a_channel_that_fills_up_gets_the_rest_later)
