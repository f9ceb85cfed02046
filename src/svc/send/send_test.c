/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters through a whole process to servers on loopback: what is delivered, what comes back, and
 * what is told of the way.
 */
#include "proto/dns/dns.h"
#include "svc/send/world_test.h"

#define HOST(n, ip)                                         \
	{                                                   \
		"mx" n ".test", DNS_A, ERR_OK, 0, ip, false \
	}

static const struct world_name names[] = {
	{ "one.test", DNS_MX, ERR_OK, 0, "10 mx1.test", false },
	{ "two.test", DNS_MX, ERR_OK, 0, "10 mx1.test;20 mx2.test", false },
	{ "three.test", DNS_MX, ERR_OK, 0, "10 mx3.test", false },
	{ "null.test", DNS_MX, ERR_OK, 0, "0 .", false },
	{ "gone.test", DNS_MX, ERR_NOTFOUND, 0, NULL, false },
	{ "fail.test", DNS_MX, ERR_AGAIN, DNS_TRUST_UNKNOWN, NULL, false },
	{ "bogus.test", DNS_MX, ERR_CORRUPT, DNS_BOGUS, NULL, false },
	{ "silent.test", DNS_MX, ERR_OK, 0, NULL, true },
	{ "implicit.test", DNS_A, ERR_OK, 0, "127.0.1.4", false },
	{ "loop.test", DNS_MX, ERR_OK, 0, "10 out.example.org;20 mx2.test", false },
	{ "second.test", DNS_MX, ERR_OK, 0, "20 out.example.org;10 mx2.test;30 mx3.test", false },
	{ "junk.test", DNS_MX, ERR_OK, 0, "#x;#;#\1\1\77", false },
	{ "half.test", DNS_MX, ERR_OK, 0, "#x;10 mx1.test", false },
	{ "odd.test", DNS_MX, ERR_OK, 0, "10 strange.test", false },
	{ "strange.test", DNS_A, ERR_OK, 0, "#abc;#abcde", false },
	{ "strange.test", DNS_AAAA, ERR_OK, 0, "#", false },
	{ "hidden.test", DNS_MX, ERR_OK, 0, "10 inner.test", false },
	{ "inner.test", DNS_A, ERR_OK, 0, "10.1.2.3;192.168.1.1;169.254.0.1", false },
	{ "inner.test", DNS_AAAA, ERR_OK, 0, "::1;fe80::1;fc00::1", false },
	{ "both.test", DNS_MX, ERR_OK, 0, "10 mxb.test", false },
	{ "mxb.test", DNS_AAAA, ERR_OK, 0, "::1", false },
	{ "mxb.test", DNS_A, ERR_OK, 0, "127.0.1.1", false },
	HOST("1", "127.0.1.1"),
	HOST("2", "127.0.1.2"),
	HOST("3", "127.0.1.3"),
	{ NULL, 0, ERR_OK, 0, NULL, false },
};

static struct world w;

static void
go(uint64_t job, const char *domain, const char *rcpts)
{
	struct ipc_queue_send_letter m = svc_send_world_letter(job, domain);
	svc_send_world_send(&w, &m, rcpts);
	svc_send_world_settle(&w);
}

static void
delivers_over_tls_and_uses_connections_again(void)
{
	svc_send_world_open(&w, names);
	go(1, "one.test", "secret@one.test");
	CHECK_STR(buf_view(&w.results), S("1 dsn class= mx=mx1.test 0:1/250/2.0.0\n"));
	CHECK_STR(buf_view(&w.attempts),
	    S("1 10  mx1.test 250 2.0.0 dane=0 sts=0 tls=TLSv1.3 fail=\n"));
	CHECK_STR(buf_view(&w.server[0].taken),
	    S("From: me@example.org\nSubject: secret\n\n..dot\nend\n.\n"));
	go(2, "one.test", "secret@one.test");
	CHECK_U64(w.server[0].letters, 2);
	CHECK_U64(w.server[0].connects, 1);
	CHECK_U64(w.sv->count.handshakes, 1);
	CHECK_U64(w.sv->count.reused, 1);
	CHECK(str_find(buf_view(&w.server[0].heard), S("EHLO out.example.org\nSTARTTLS\nEHLO")) ==
	    0);
	svc_send_world_close(&w);
}

static void
many_letters_share_few_connections(void)
{
	svc_send_world_open(&w, names);
	for (uint64_t i = 1; i <= 300; i++) {
		struct ipc_queue_send_letter m = svc_send_world_letter(i, "one.test");
		svc_send_world_send(&w, &m, "a@one.test");
	}
	svc_send_world_wait(&w, 300);
	CHECK_U64(w.server[0].letters, 300);
	CHECK_U64(w.sv->count.delivered, 300);
	CHECK(w.server[0].most <= 20 && w.server[0].connects <= 40);
	svc_send_world_close(&w);
}

static void
nothing_leaves_without_tls(void)
{
	svc_send_world_open(&w, names);
	w.server[0].say.no_tls = true;
	go(1, "one.test", "a@one.test");
	CHECK_STR(buf_view(&w.results), S("1 whole class=T1 mx=mx1.test 0:2/0/4.7.10\n"));
	CHECK(str_find(buf_view(&w.server[0].heard), S("MAIL")) < 0);
	CHECK_U64(w.server[0].letters, 0);
	CHECK(str_ends(buf_view(&w.attempts), S("fail=starttls-not-supported\n")));
	svc_send_world_close(&w);
}

static void
an_exception_may_be_plain(void)
{
	static const str listed[] = { S_INIT("one.test") };
	svc_send_world_open(&w, names);
	w.conf.send_plaintext = (struct conf_list){ listed, 1 };
	w.server[0].say.no_tls = true;
	go(1, "one.test", "a@one.test");
	CHECK_U64(w.server[0].letters, 1);
	CHECK_U64(w.sv->count.plaintext, 1);
	svc_send_world_close(&w);
}

struct dns_case {
	const char *domain, *want;
};

static const struct dns_case dns_cases[] = {
	{ "null.test", " whole class=N3 mx= 0:3/0/5.1.10\n" },
	{ "gone.test", " whole class=N1 mx= 0:3/0/5.1.2\n" },
	{ "fail.test", " whole class=N4 mx= 0:2/0/4.4.3\n" },
	{ "bogus.test", " whole class=N5 mx= 0:2/0/4.4.3\n" },
	{ "nothing.test", " whole class=N2 mx=nothing.test 0:3/0/5.1.2\n" },
	{ "loop.test", " whole class=N6 mx= 0:3/0/5.4.6\n" },
	{ "hidden.test", " whole class=N6 mx=inner.test 0:3/0/5.4.4\n" },
	{ "[127.0.0.1]", " whole class=N6 mx=[127.0.0.1] 0:3/0/5.4.4\n" },
	{ "[IPv6:::1]", " whole class=N6 mx=[IPv6:::1] 0:3/0/5.4.4\n" },
	{ "junk.test", " whole class=N4 mx= 0:2/0/4.4.3\n" },
	{ "odd.test", " whole class=N4 mx=strange.test 0:2/0/4.4.3\n" },
	{ "[nonsense]", " whole class=N1 mx= 0:3/0/5.1.2\n" },
};

static void
dns_says_no(void)
{
	svc_send_world_open(&w, names);
	w.sv->set.private_addresses = false;
	for (size_t i = 0; i < LEN(dns_cases); i++) {
		test_case = dns_cases[i].domain;
		buf_reset(&w.results);
		go(i + 1, dns_cases[i].domain, "a@x.test");
		char want[200];
		int n = snprintf(want, sizeof want, "%zu%s", i + 1, dns_cases[i].want);
		CHECK_STR(buf_view(&w.results), str_make(want, (size_t)n));
	}
	CHECK_U64(w.attempts_n, LEN(dns_cases));
	CHECK_U64(w.sv->count.connects, 0);
	svc_send_world_close(&w);
}

static void
finds_the_way(void)
{
	svc_send_world_open(&w, names);
	go(1, "implicit.test", "a@implicit.test");
	CHECK_U64(w.server[3].letters, 1);
	go(2, "[127.0.1.4]", "a@[127.0.1.4]");
	CHECK_U64(w.server[3].letters, 2);
	go(4, "half.test", "a@half.test"); /* what can be read of its records will do */
	CHECK_U64(w.server[0].letters, 1);
	go(3, "second.test", "a@second.test"); /* we are its second MX: only better ones count */
	CHECK_U64(w.server[1].letters, 1);
	CHECK_U64(w.server[2].connects, 0);
	svc_send_world_close(&w);
}

static void
goes_on_to_the_next_host(void)
{
	svc_send_world_open(&w, names);
	svc_send_world_deaf(&w, 0);
	go(1, "two.test", "a@two.test");
	CHECK_U64(w.server[1].letters, 1);
	CHECK_STR(buf_view(&w.attempts),
	    S("2 1 C2 mx1.test 0 4.4.1 dane=0 sts=0 tls= fail=\n"
	      "1 10  mx2.test 250 2.0.0 dane=0 sts=0 tls=TLSv1.3 fail=\n"));
	CHECK_STR(buf_view(&w.results), S("1 dsn class= mx=mx2.test 0:1/250/2.0.0\n"));
	svc_send_world_close(&w);
}

/* IPv6 comes first; where it is deaf, IPv4 takes over, and comes first from then on. */
static void
a_deaf_address_goes_last(void)
{
	svc_send_world_open(&w, names);
	w.server[0].say.close_after = 1;
	go(1, "both.test", "a@both.test");
	CHECK_U64(w.server[0].letters, 1);
	CHECK_U64(w.attempts_n, 2);
	go(2, "both.test", "a@both.test");
	CHECK_U64(w.server[0].letters, 2);
	CHECK_U64(w.attempts_n, 3);
	svc_send_world_close(&w);
}

struct refusal {
	const char *name;
	struct server_script first;
	const char *want;
	unsigned second; /* letters that the second host got */
};

static const struct refusal refusals[] = {
	{ "MAIL later", { .mail = "451 4.3.2 later" }, ":1/250/", 1 },
	{ "MAIL never", { .mail = "550 5.7.1 not you" }, ":3/550/5.7.1", 0 },
	{ "421 at MAIL", { .mail = "!421 4.3.2 closing" }, ":1/250/", 1 },
	{ "greeting", { .banner = "!554 5.7.1 no" }, ":1/250/", 1 },
	{ "greeting 421", { .banner = "!421 4.7.0 busy" }, ":1/250/", 1 },
	{ "closes at once", { .banner = "!" }, ":1/250/", 1 },
	{ "not SMTP", { .banner = "HTTP/1.0 400 what" }, ":1/250/", 1 },
	{ "STARTTLS refused", { .starttls = "454 4.7.0 not now" }, ":1/250/", 1 },
	{ "STARTTLS, more", { .starttls = "220 go\r\n250 injected" }, ":1/250/", 1 },
	{ "no handshake", { .garbage_tls = true }, ":1/250/", 1 },
	{ "closes at MAIL", { .mail = "!" }, ":1/250/", 1 },
	{ "closes at RCPT", { .rcpt = "!" }, ":1/250/", 1 },
	{ "RCPT never", { .rcpt = "550 5.1.1 unknown" }, ":3/550/5.1.1", 0 },
	{ "RCPT later", { .rcpt = "450 4.2.1 later" }, ":2/450/4.2.1", 0 },
	{ "DATA never", { .data = "554 5.7.1 no" }, ":3/554/5.7.1", 0 },
	{ "end later", { .eod = "452 4.3.1 full" }, ":2/452/4.3.1", 0 },
	{ "end never", { .eod = "550 5.7.1 spam" }, ":3/550/5.7.1", 0 },
	{ "end unseen", { .eod = "!" }, " uncertain ", 0 },
};

static void
each_refusal_has_its_end(void)
{
	for (size_t i = 0; i < LEN(refusals); i++) {
		const struct refusal *r = &refusals[i];
		test_case = r->name;
		svc_send_world_open(&w, names);
		w.server[0].say = r->first;
		go(1, "two.test", "a@two.test");
		CHECK_U64(w.results_n, 1);
		if (!CHECK(str_find(buf_view(&w.results), str_from(r->want)) >= 0)) {
			printf("%s: %.*s", r->name, STR_ARG(buf_view(&w.results)));
		}
		CHECK_U64(w.server[1].letters, r->second);
		svc_send_world_close(&w);
	}
}

/* The refusal of the first host says more than the deafness of the second, tried last. */
static void
the_most_telling_attempt_is_told(void)
{
	svc_send_world_open(&w, names);
	w.server[0].say.banner = "!554 not today";
	svc_send_world_deaf(&w, 1);
	go(1, "two.test", "a@two.test");
	CHECK_STR(buf_view(&w.results), S("1 whole class=S1 mx=mx1.test 0:2/554/4.3.2\n"));
	CHECK_U64(w.attempts_n, 2);
	svc_send_world_close(&w);
}

static void
recipients_have_their_own_fate(void)
{
	svc_send_world_open(&w, names);
	go(1, "one.test", "good@one.test,bad@one.test,grey@one.test");
	CHECK_STR(buf_view(&w.results),
	    S("1 dsn class=U1 mx=mx1.test 0:1/250/2.0.0 1:3/550/5.1.1 2:2/451/4.7.1\n"));
	svc_send_world_close(&w);
}

static void
a_closed_idle_connection_costs_nothing(void)
{
	svc_send_world_open(&w, names);
	w.server[0].say.close_after = 1;
	go(1, "one.test", "a@one.test");
	go(2, "one.test", "a@one.test");
	CHECK_U64(w.server[0].letters, 2);
	CHECK_U64(w.server[0].connects, 2);
	CHECK_U64(w.sv->count.delivered, 2);
	CHECK_U64(w.attempts_n, 2);
	CHECK_U64(w.sv->count.resumed, 1); /* the second handshake is a short one */
	svc_send_world_close(&w);
}

static void
an_operator_that_has_enough_gets_fewer(void)
{
	svc_send_world_open(&w, names);
	w.server[0].say.mail = "421 4.7.0 too many";
	struct ipc_queue_send_letter m = svc_send_world_letter(1, "one.test");
	svc_send_world_send(&w, &m, "a@one.test");
	svc_send_world_wait(&w, 1);
	CHECK_U64(w.sv->pace.halvings, 1);
	struct svc_send_operator *o = svc_send_operator_hold(&w.sv->pace, S("mx1.test"));
	CHECK(o->limit_milli <= 2500);
	svc_send_operator_drop(o);
	svc_send_world_close(&w);
}

/* Only one connection at a time is let in: the letters take it one after the other. */
static void
a_narrow_door_is_not_stormed(void)
{
	for (int rude = 0; rude < 2; rude++) {
		svc_send_world_open(&w, names);
		w.server[0].say.sessions = 1;
		w.server[0].say.rude = rude == 1;
		for (uint64_t i = 1; i <= 100; i++) {
			struct ipc_queue_send_letter m = svc_send_world_letter(i, "one.test");
			svc_send_world_send(&w, &m, "a@one.test");
		}
		svc_send_world_wait(&w, 100);
		CHECK_U64(w.sv->count.delivered, 100);
		CHECK(w.server[0].connects < 20);
		svc_send_world_close(&w);
	}
}

static void
one_dead_destination_delays_nobody(void)
{
	svc_send_world_open(&w, names);
	w.server[0].say.banner = ""; /* it never says a word */
	for (uint64_t i = 1; i <= 50; i++) {
		struct ipc_queue_send_letter m = svc_send_world_letter(i, "one.test");
		svc_send_world_send(&w, &m, "a@one.test");
	}
	go(51, "three.test", "a@three.test");
	CHECK_U64(w.results_n, 1);
	CHECK_U64(w.server[2].letters, 1);
	CHECK_U64(w.server[0].connects, 1);
	svc_send_world_close(&w);
}

static void
time_runs_out(void)
{
	svc_send_world_open(&w, names);
	w.sv->set.reply_ms = 50;
	w.server[0].say.banner = "";
	go(1, "one.test", "a@one.test");
	svc_send_world_wait(&w, 1);
	CHECK_STR(buf_view(&w.results), S("1 whole class=C7 mx=mx1.test 0:2/0/4.4.2\n"));
	svc_send_world_close(&w);
}

static void
letters_are_cancelled(void)
{
	svc_send_world_open(&w, names);
	go(1, "silent.test", "a@silent.test");
	CHECK_U64(w.results_n, 0);
	svc_send_world_cancel(&w, 1);
	svc_send_world_settle(&w);
	CHECK_STR(buf_view(&w.results), S("1 class= mx= 0:2/0/\n"));
	svc_send_world_cancel(&w, 7); /* never heard of */
	svc_send_world_settle(&w);
	CHECK_U64(w.results_n, 1);
	svc_send_world_close(&w);
}

static void
at_the_end_transactions_finish(void)
{
	svc_send_world_open(&w, names);
	w.server[0].say.eod = "";
	svc_send_world_exits = 0;
	go(1, "one.test", "a@one.test");
	go(2, "silent.test", "a@silent.test");
	svc_send_on_quit(&w.sc, 1000);
	svc_send_world_settle(&w);
	CHECK_STR(buf_view(&w.results), S("2 class= mx= 0:2/0/\n"));
	CHECK_U64(svc_send_world_exits, 0);
	struct server_session *x = &w.server[0].sessions[0];
	svc_send_world_answer(x, "250 2.0.0 late");
	svc_send_world_settle(&w);
	CHECK(str_find(buf_view(&w.results), S("1 dsn class= mx=mx1.test 0:1/250/2.0.0\n")) >= 0);
	CHECK_U64(svc_send_world_exits, 1);
	svc_send_world_close(&w);
}

/* queue is slow to read: what it has not been told of yet is not lost with this process. */
static void
at_the_end_results_are_told(void)
{
	const struct ipc_queue_send_result m = { .job = 99, .entry = 1099 };
	struct buf out;
	svc_send_world_open(&w, names);
	buf_init(&out, 4096);
	ipc_queue_send_result_put(&out, &m);
	while (sys_chan_queued(w.sv->queue.chan) == 0) {
		CHECK_ERR(sys_chan_send(w.sv->queue.chan, &out, -1), ERR_OK);
	}
	svc_send_world_exits = 0;
	svc_send_on_quit(&w.sc, 1000);
	CHECK_U64(svc_send_world_exits, 0);
	for (int i = 0; i < 100 && svc_send_world_exits == 0; i++) {
		svc_send_world_settle(&w);
		CHECK_ERR(sys_loop_turn(w.sc.loop, 10), ERR_OK);
	}
	CHECK_U64(svc_send_world_exits, 1);
	buf_done(&out);
	svc_send_world_close(&w);
}

/*
 * queue goes while the end of data is under way. Its successor gives the letter again: what is
 * under way, or the result that waits, answers for it.
 */
static void
a_letter_given_again_is_not_sent_again(void)
{
	for (int late = 0; late < 2; late++) {
		struct ipc_queue_send_letter m = svc_send_world_letter(9, "one.test");
		svc_send_world_open(&w, names);
		w.server[0].say.eod = "";
		m.entry = 1001;
		go(1, "one.test", "a@one.test");
		go(2, "silent.test", "a@silent.test");
		sys_chan_free(&w.sv->queue.chan);
		svc_send_queue_gone(w.sv);
		CHECK_U64(w.sv->letters_n, 1);
		if (late) {
			svc_send_world_answer(&w.server[0].sessions[0], "250 2.0.0 late");
			svc_send_world_settle(&w);
			CHECK_U64(w.sv->owed_n, 1);
		}
		svc_send_world_wire(&w, "queue_send", &w.queue);
		w.entry_offset = 1001 - 9;
		svc_send_world_send(&w, &m, "a@one.test");
		svc_send_world_settle(&w);
		if (!late) {
			svc_send_world_answer(&w.server[0].sessions[0], "250 2.0.0 late");
			svc_send_world_settle(&w);
		}
		CHECK_STR(buf_view(&w.results), S("9 dsn class= mx=mx1.test 0:1/250/2.0.0\n"));
		CHECK_U64(w.server[0].letters, 1);
		CHECK_U64(w.sv->letters_n + w.sv->owed_n + w.sv->orphans_n, 0);
		svc_send_world_close(&w);
	}
}

/* The same entry for somebody else is another letter. */
static void
only_the_same_letter_is_adopted(void)
{
	struct ipc_queue_send_letter m = svc_send_world_letter(9, "three.test");
	svc_send_world_open(&w, names);
	w.server[0].say.eod = "";
	m.entry = 1001;
	w.entry_offset = 1001 - 9;
	go(1, "one.test", "a@one.test");
	sys_chan_free(&w.sv->queue.chan);
	svc_send_queue_gone(w.sv);
	svc_send_world_wire(&w, "queue_send", &w.queue);
	svc_send_world_send(&w, &m, "a@three.test");
	svc_send_world_settle(&w);
	CHECK_U64(w.server[2].letters, 1);
	CHECK_U64(w.sv->orphans_n, 1);
	svc_send_world_close(&w);
}

static void
questions_survive_their_channel(void)
{
	svc_send_world_open(&w, names);
	sys_chan_free(&w.sv->resolve.chan);
	go(1, "one.test", "a@one.test");
	CHECK_U64(w.results_n, 0);
	svc_send_world_wire(&w, "send_resolve", &w.resolve);
	svc_send_world_settle(&w);
	CHECK_U64(w.results_n, 1);
	CHECK_U64(w.server[0].letters, 1);
	svc_send_world_close(&w);
}

TEST_MAIN(delivers_over_tls_and_uses_connections_again, many_letters_share_few_connections,
    nothing_leaves_without_tls, an_exception_may_be_plain, dns_says_no, finds_the_way,
    goes_on_to_the_next_host, a_deaf_address_goes_last, each_refusal_has_its_end,
    the_most_telling_attempt_is_told, recipients_have_their_own_fate,
    a_closed_idle_connection_costs_nothing, an_operator_that_has_enough_gets_fewer,
    a_narrow_door_is_not_stormed, one_dead_destination_delays_nobody, time_runs_out,
    letters_are_cancelled, at_the_end_transactions_finish, at_the_end_results_are_told,
    a_letter_given_again_is_not_sent_again, only_the_same_letter_is_adopted,
    questions_survive_their_channel)
