/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers and peers that mean no good, large and odd letters, and a machine that runs out of
 * things: every letter still ends as exactly one result.
 */
#include "base/mem.h"
#include "proto/dns/dns.h"
#include "svc/send/world_test.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <errno.h>

static const struct world_name names[] = {
	{ "one.test", DNS_MX, ERR_OK, 0, "10 mx1.test", false },
	{ "two.test", DNS_MX, ERR_OK, 0, "10 mx1.test;20 mx2.test", false },
	{ "mx1.test", DNS_A, ERR_OK, 0, "127.0.1.1", false },
	{ "mx2.test", DNS_A, ERR_OK, 0, "127.0.1.2", false },
	{ NULL, 0, ERR_OK, 0, NULL, false },
};

static struct world w;
static char endless[200000];

static void
go(uint64_t job, const char *domain, const char *rcpts)
{
	struct ipc_queue_send_letter m = svc_send_world_letter(job, domain);
	svc_send_world_send(&w, &m, rcpts);
	svc_send_world_settle(&w);
}

/* --- servers ------------------------------------------------------------------------------- */

static const struct server_script nasty[] = {
	{ .banner = "220 a\r\n220 b\r\n220 c" },
	{ .banner = "220-" },
	{ .banner = "" },
	{ .banner = "220 x\r\n\r\n" },
	{ .banner = "999 what" },
	{ .ehlo = "250-" },
	{ .ehlo = "500 5.5.1 no" },
	{ .ehlo = "250-STARTTLS\r\n250 STARTTLS\r\n250 again" },
	{ .mail = "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 done" },
	{ .mail = "354 too early" },
	{ .rcpt = "250-x" },
	{ .data = "250 fine, no need" },
	{ .data = "!354 go" },
	{ .eod = "354 more" },
	{ .eod = "250 ok\r\n250 ok" },
	{ .eod = "250-" },
	{ .starttls = "!220 go" },
	{ .banner = endless },
	{ .ehlo = endless },
	{ .mail = endless },
	{ .eod = endless },
};

static void
nasty_servers_end(void)
{
	memset(endless, 'x', sizeof endless - 1);
	memcpy(endless, "250-", 4);
	for (size_t i = 0; i < LEN(nasty); i++) {
		svc_send_world_open(&w, names);
		w.sv->set.reply_ms = 200;
		w.server[0].say = nasty[i];
		go(1, "one.test", "a@one.test");
		svc_send_world_wait(&w, 1);
		CHECK_U64(w.results_n, 1);
		CHECK_U64(w.sv->letters_n, 0);
		go(2, "one.test", "a@one.test");
		svc_send_world_wait(&w, 2);
		CHECK_U64(w.results_n, 2);
		svc_send_world_close(&w);
	}
}

/* What waits behind the reply to STARTTLS was never said by the server we speak with. */
static void
injected_replies_count_for_nothing(void)
{
	svc_send_world_open(&w, names);
	w.server[0].say.starttls = "220 go\r\n250-evil\r\n250 8BITMIME";
	go(1, "one.test", "a@one.test");
	CHECK_U64(w.server[0].letters, 0);
	CHECK(str_find(buf_view(&w.attempts), S("fail=validation-failure")) >= 0);
	svc_send_world_close(&w);
}

/* --- letters ------------------------------------------------------------------------------- */

static void
fill_file(int *fd, size_t size)
{
	static const char line[] = "0123456789012345678901234567890123456789\r\n";
	CHECK_ERR(sys_file_memory("letter", fd), ERR_OK);
	CHECK_ERR(sys_file_write(*fd, 0, S("From: a@b.test\r\n\r\n")), ERR_OK);
	for (size_t at = 18; at < size; at += sizeof line - 1) {
		CHECK_ERR(sys_file_write(*fd, at, str_from(line)), ERR_OK);
	}
}

static void
send_file(uint64_t job, size_t size, bool seal)
{
	int fd = -1;
	fill_file(&fd, size);
	if (seal) {
		CHECK_ERR(sys_file_seal(fd), ERR_OK);
	}
	svc_send_world_send_file(&w, job, fd);
	svc_send_world_settle(&w);
}

static void
large_letters_come_as_sealed_files(void)
{
	svc_send_world_open(&w, names);
	w.server[0].say.ehlo = "250-hello\r\n250-STARTTLS\r\n250 8BITMIME";
	send_file(1, 3 << 20, true);
	svc_send_world_wait(&w, 1);
	CHECK_U64(w.server[0].letters, 1);
	CHECK(w.server[0].taken.n > (3 << 20) * 41 / 42);
	send_file(2, 1 << 20, false); /* somebody could still cut it */
	CHECK(str_ends(buf_view(&w.results), S("2 class= mx= 0:2/0/\n")));
	CHECK_U64(w.server[0].letters, 1);
	svc_send_world_close(&w);
}

static void
what_a_server_cannot_do_is_said_here(void)
{
	struct ipc_queue_send_letter m = svc_send_world_letter(1, "one.test");
	svc_send_world_open(&w, names);
	m.smtputf8 = true;
	svc_send_world_send(&w, &m, "a@one.test");
	svc_send_world_settle(&w);
	CHECK(str_find(buf_view(&w.results), S(" 0:3/0/5.6.7\n")) >= 0);
	send_file(2, 300000, true); /* SIZE 100000 */
	svc_send_world_wait(&w, 2);
	CHECK(str_find(buf_view(&w.results), S(" 0:3/0/5.3.4\n")) >= 0);
	CHECK_U64(w.server[0].letters, 0);
	svc_send_world_close(&w);
}

static void
few_recipients_at_once(void)
{
	svc_send_world_open(&w, names);
	w.server[0].say.ehlo =
	    "250-hello\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=2 MAILMAX=3";
	go(1, "one.test",
	    "a@one.test,b@one.test,c@one.test,d@one.test,e@one.test,f@one.test,g@one.test");
	svc_send_world_wait(&w, 1);
	CHECK_U64(w.server[0].letters, 4);
	CHECK_U64(w.server[0].connects, 2);
	CHECK_U64(w.sv->count.delivered, 7);
	svc_send_world_close(&w);
}

static void
odd_envelopes(void)
{
	struct ipc_queue_send_letter m = svc_send_world_letter(1, "one.test");
	svc_send_world_open(&w, names);
	svc_send_world_send(&w, &m, "a@one.test> EVIL");
	m.job = 2;
	m.entry = 1002;
	m.reverse_path = S("x\r\nRSET\r\n");
	svc_send_world_send(&w, &m, "a@one.test");
	svc_send_world_settle(&w);
	CHECK(str_find(buf_view(&w.results), S("1 class= mx= 0:3/0/5.1.3\n")) >= 0);
	CHECK(str_find(buf_view(&w.results), S("2 class= mx= 0:3/0/5.1.3\n")) >= 0);
	CHECK(str_find(buf_view(&w.server[0].heard), S("EVIL")) < 0);
	m = svc_send_world_letter(3, "one.test");
	m.body = S("From: a@b\r\n\r\nbare\nfeed\r\n");
	svc_send_world_send(&w, &m, "a@one.test");
	svc_send_world_settle(&w);
	CHECK_U64(w.results_n, 3);
	CHECK_U64(w.server[0].letters, 0);
	svc_send_world_close(&w);
}

static void
bad_messages_close_the_channel(void)
{
	svc_send_world_open(&w, names);
	struct ipc_queue_send_letter m = svc_send_world_letter(1, "one.test");
	ipc_queue_send_letter_put(&w.out, &m); /* no recipient */
	CHECK_ERR(sys_chan_send_wait(w.queue, &w.out, -1, 1000), ERR_OK);
	buf_reset(&w.out);
	sys_close(&w.queue);
	svc_send_world_settle(&w);
	CHECK(w.sv->queue.chan == NULL);
	CHECK_U64(w.sv->letters_n, 0);
	svc_send_world_close(&w);
}

/* --- a machine without --------------------------------------------------------------------- */

/* Whatever allocation fails, the letter ends, or goes on later; nothing is lost or said twice. */
static void
memory_runs_out(void)
{
	for (uint64_t n = 1; n < 400; n += 3) {
		svc_send_world_open(&w, names);
		struct ipc_queue_send_letter m = svc_send_world_letter(1, "two.test");
		svc_send_world_send(&w, &m, "a@two.test");
		mem_fail_after(n);
		for (unsigned i = 0; i < 60; i++) {
			(void)(sys_loop_turn(w.sc.loop, 0) == ERR_OK);
		}
		mem_fail_after(0);
		svc_send_world_settle(&w);
		CHECK(w.results_n <= 1);
		CHECK(w.server[0].letters + w.server[1].letters <= 1);
		svc_send_world_close(&w);
	}
}

static void
sockets_run_out(void)
{
	for (uint64_t n = 1; n < 30; n++) {
		svc_send_world_open(&w, names);
		struct ipc_queue_send_letter m = svc_send_world_letter(1, "two.test");
		svc_send_world_send(&w, &m, "a@two.test");
		sys_fail_after(n, EMFILE);
		for (unsigned i = 0; i < 60; i++) {
			(void)(sys_loop_turn(w.sc.loop, 0) == ERR_OK);
		}
		sys_fail_after(0, 0);
		svc_send_world_settle(&w);
		CHECK(w.results_n <= 1);
		svc_send_world_close(&w);
	}
}

TEST_MAIN(nasty_servers_end, injected_replies_count_for_nothing, large_letters_come_as_sealed_files,
    what_a_server_cannot_do_is_said_here, few_recipients_at_once, odd_envelopes,
    bad_messages_close_the_channel, memory_runs_out, sockets_run_out)
