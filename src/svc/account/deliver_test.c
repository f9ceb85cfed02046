/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A delivery process in this one, on a real store: what it takes, stores and answers. The queue's
 * end is shut for writing before it runs, so that it works off what was sent and returns.
 */
#include <sys/socket.h>

#include "base/test.h"
#include "ipc/accounts_account.h"
#include "ipc/queue_account.h"
#include "store/store.h"
#include "svc/account/account.h"
#include "svc/account/child.h"
#include "sys/chan.h"
#include "sys/file.h"
#include "sys/sys.h"

enum { HEARD_MAX = 200 };

static struct {
	char folder[64];
	struct store *store;
	struct arena *arena;
	struct buf out, in;
	int queue[2], control[2];
	struct ipc_queue_account_delivered heard[HEARD_MAX];
	size_t heard_n, changes;
	uint64_t used;
} w;

static void
setup(uint64_t quota_octets)
{
	memset(&w, 0, sizeof w);
	snprintf(w.folder, sizeof w.folder, "deliver-test-XXXXXX");
	CHECK(mkdtemp(w.folder) != NULL);
	struct store_conf conf = { .path = str_from(w.folder),
		.boot_id = S("boot"),
		.create = true,
		.quota_octets = quota_octets };
	CHECK_ERR(store_open(&conf, &w.store), ERR_OK);
	w.arena = arena_new(NULL, "test", 64 << 20, 0);
	buf_init(&w.out, SYS_CHAN_MESSAGE_MAX);
	buf_init(&w.in, SYS_CHAN_MESSAGE_MAX);
	CHECK_ERR(sys_chan_pair(w.queue), ERR_OK);
	CHECK_ERR(sys_chan_pair(w.control), ERR_OK);
}

static void
teardown(void)
{
	for (int i = 0; i < 2; i++) {
		sys_close(&w.queue[i]);
		sys_close(&w.control[i]);
	}
	store_close(&w.store);
	arena_free(&w.arena);
	buf_done(&w.out);
	buf_done(&w.in);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(w.folder)), ERR_OK);
}

static void
send_letter(const struct ipc_queue_account_deliver *m, int fd)
{
	buf_reset(&w.out);
	ipc_queue_account_deliver_put(&w.out, m);
	CHECK_ERR(sys_chan_send_wait(w.queue[0], &w.out, fd, 1000), ERR_OK);
}

static void
send_text(uint64_t entry, const char *text)
{
	struct ipc_queue_account_deliver m = { .entry = entry,
		.oldest_live = 1,
		.reverse_path = S("from@example.net"),
		.received_s = 1000,
		.size = strlen(text),
		.body = str_from(text) };
	send_letter(&m, -1);
}

static enum err
on_delivered(void *ctx, const struct ipc_queue_account_delivered *m, int *fd)
{
	ASSERT(w.heard_n < HEARD_MAX);
	w.heard[w.heard_n++] = *m;
	return ERR_OK;
}

static enum err
on_changed(void *ctx, const struct ipc_accounts_account_changed *m, int *fd)
{
	w.changes++;
	return ERR_OK;
}

static enum err
on_usage(void *ctx, const struct ipc_accounts_account_usage *m, int *fd)
{
	w.used = m->messages;
	return ERR_OK;
}

static enum err
run(void)
{
	static const struct ipc_queue_account_at_queue at_queue = { .delivered = on_delivered };
	static const struct ipc_accounts_account_at_accounts at_accounts = { .changed = on_changed,
		.usage = on_usage };
	struct svc_account a = { .stream = -1, .control = w.control[1], .store = w.store };
	int fd = -1;
	CHECK(shutdown(w.queue[0], SHUT_WR) == 0);
	enum err e = svc_account_deliver_run(&a, w.queue[1]);
	while (sys_chan_recv(w.queue[0], &w.in, &fd) == ERR_OK) {
		CHECK_ERR(ipc_queue_account_queue_dispatch(&at_queue, NULL, buf_view(&w.in), &fd,
			      w.arena),
		    ERR_OK);
	}
	while (sys_chan_recv(w.control[0], &w.in, &fd) == ERR_OK) {
		CHECK_ERR(ipc_accounts_account_accounts_dispatch(&at_accounts, NULL,
			      buf_view(&w.in), &fd, w.arena),
		    ERR_OK);
	}
	return e;
}

/* The next run has a new channel, as a new process would. */
static void
new_channel(void)
{
	sys_close(&w.queue[0]);
	sys_close(&w.queue[1]);
	CHECK_ERR(sys_chan_pair(w.queue), ERR_OK);
	w.heard_n = 0;
}

static size_t
messages(struct store_msg *list, size_t cap)
{
	size_t n = 0;
	struct store_scan scan = { .mailbox = 1, .lo = 1, .hi = UINT32_MAX };
	CHECK_ERR(store_msgs(w.store, &scan, list, cap, &n), ERR_OK);
	return n;
}

static void
a_letter_is_stored_with_its_return_path(void)
{
	struct store_msg list[8];
	str text;
	setup(0);
	send_text(5, "Subject: x\r\n\r\nHello\r\n");
	CHECK_ERR(run(), ERR_OK);
	CHECK_U64(w.heard_n, 1);
	CHECK(w.heard[0].entry == 5 && w.heard[0].result == ERR_OK);
	CHECK_U64(w.changes, 1);
	CHECK_U64(messages(list, 8), 1);
	CHECK_ERR(store_text(w.store, list[0].id, &text), ERR_OK);
	CHECK_STR(text, S("Return-Path: <from@example.net>\r\nSubject: x\r\n\r\nHello\r\n"));
	teardown();
}

static void
an_answer_joins_its_thread(void)
{
	struct store_msg list[8];
	struct store_cold cold[3];
	setup(0);
	send_text(1, "Message-ID: <one@a>\r\n\r\nx\r\n");
	send_text(2, "Message-ID: <two@a>\r\nReferences: <zero@a>\r\n <one@a>\r\n\r\nx\r\n");
	send_text(3, "Message-ID: <three@a>\r\nIn-Reply-To: <two@a>\r\n\r\nx\r\n");
	CHECK_ERR(run(), ERR_OK);
	CHECK_U64(messages(list, 8), 3);
	for (size_t i = 0; i < 3; i++) {
		CHECK_ERR(store_cold(w.store, list[i].id, w.arena, &cold[i]), ERR_OK);
		CHECK_U64(cold[i].thread, cold[0].thread);
	}
	teardown();
}

static int
memory_file(const char *text, size_t n, bool seal)
{
	int fd = -1;
	CHECK_ERR(sys_file_memory("test", &fd), ERR_OK);
	CHECK_ERR(sys_file_write(fd, 0, str_make(text, n)), ERR_OK);
	if (seal) {
		CHECK_ERR(sys_file_seal(fd), ERR_OK);
	}
	return fd;
}

static void
bodies_must_be_what_they_say(void)
{
	static char big[100000];
	static const struct {
		const char *name;
		bool file, sealed;
		uint64_t more; /* octets told beyond those there are */
		bool inline_too;
		enum err want;
	} cases[] = {
		{ "sealed", true, true, 0, false, ERR_OK },
		{ "not sealed", true, false, 0, false, ERR_PROTOCOL },
		{ "larger than the file", true, true, 1, false, ERR_PROTOCOL },
		{ "smaller than the file", true, true, (uint64_t)-1, false, ERR_PROTOCOL },
		{ "both at once", true, true, 0, true, ERR_PROTOCOL },
		{ "inline, wrong size", false, false, 1, false, ERR_PROTOCOL },
	};
	memset(big, 'x', sizeof big);
	memcpy(big, "A: b\r\n\r\n", 8);
	for (size_t i = 0; i < LEN(cases); i++) {
		struct store_msg list[8];
		test_case = cases[i].name;
		setup(0);
		size_t n = cases[i].file ? sizeof big : 10;
		struct ipc_queue_account_deliver m = { .entry = 1, .size = n + cases[i].more };
		m.body = cases[i].file && !cases[i].inline_too ? STR_NONE : str_make(big, 10);
		send_letter(&m, cases[i].file ? memory_file(big, n, cases[i].sealed) : -1);
		CHECK_ERR(run(), cases[i].want);
		CHECK_U64(w.heard_n, cases[i].want == ERR_OK);
		CHECK_U64(messages(list, 8), cases[i].want == ERR_OK);
		teardown();
	}
	test_case = "";
}

/* What stands above a file's octets belongs to the message, and may hold its identifier. */
static void
fields_above_a_file(void)
{
	static const char above[] = "Received: by a\r\nMessage-ID: <one@a>\r\n";
	static const char rest[] = "A: b\r\n\r\nx\r\n";
	struct store_msg list[8];
	struct store_cold cold[2];
	str text;
	setup(0);
	struct ipc_queue_account_deliver m = { .entry = 1,
		.reverse_path = S("c@d"),
		.size = sizeof above + sizeof rest - 2,
		.body = S("Received: by a\r\nMessage-ID: <one@a>\r\n") };
	send_letter(&m, memory_file(rest, sizeof rest - 1, true));
	send_text(2, "Message-ID: <two@a>\r\nIn-Reply-To: <one@a>\r\n\r\nx\r\n");
	CHECK_ERR(run(), ERR_OK);
	CHECK_U64(messages(list, 8), 2);
	CHECK_ERR(store_text(w.store, list[0].id, &text), ERR_OK);
	CHECK_STR(text,
	    S("Return-Path: <c@d>\r\nReceived: by a\r\nMessage-ID: <one@a>\r\n"
	      "A: b\r\n\r\nx\r\n"));
	for (size_t i = 0; i < 2; i++) {
		CHECK_ERR(store_cold(w.store, list[i].id, w.arena, &cold[i]), ERR_OK);
	}
	CHECK_U64(cold[1].thread, cold[0].thread);
	teardown();
}

static void
every_letter_of_a_batch_is_answered(void)
{
	struct store_msg list[HEARD_MAX];
	setup(0);
	for (uint64_t i = 1; i <= 100; i++) {
		send_text(i, "A: b\r\n\r\nx\r\n");
	}
	CHECK_ERR(run(), ERR_OK);
	CHECK_U64(w.heard_n, 100);
	for (uint64_t i = 0; i < w.heard_n; i++) {
		CHECK(w.heard[i].entry == i + 1 && w.heard[i].result == ERR_OK);
	}
	CHECK_U64(w.changes, 2); /* one for each transaction */
	CHECK_U64(messages(list, HEARD_MAX), 100);
	teardown();
}

static void
a_full_mailbox_says_so(void)
{
	static char large[3000];
	struct store_msg list[8];
	setup(2000);
	memset(large, 'x', sizeof large - 1);
	send_text(1, "A: b\r\n\r\nsmall\r\n");
	send_text(2, large);
	send_text(3, "A: b\r\n\r\nsmall, too\r\n");
	CHECK_ERR(run(), ERR_OK);
	CHECK_U64(w.heard_n, 3);
	CHECK_ERR(w.heard[0].result, ERR_OK);
	CHECK_ERR(w.heard[1].result, ERR_QUOTA);
	CHECK_ERR(w.heard[2].result, ERR_OK);
	CHECK_U64(w.used, 2); /* so that auth can refuse at RCPT */
	CHECK_U64(messages(list, 8), 2);
	teardown();
}

static void
a_replay_is_no_second_message(void)
{
	struct store_msg list[8];
	setup(0);
	send_text(7, "A: b\r\n\r\nx\r\n");
	CHECK_ERR(run(), ERR_OK);
	new_channel();
	struct ipc_queue_account_deliver m = { .entry = 7,
		.replay = true,
		.reverse_path = S("from@example.net"),
		.size = 11,
		.body = S("A: b\r\n\r\nx\r\n") };
	send_letter(&m, -1);
	m.rcpt = 1; /* another recipient of the same message is another letter */
	send_letter(&m, -1);
	CHECK_ERR(run(), ERR_OK);
	CHECK_U64(w.heard_n, 2);
	CHECK(w.heard[0].result == ERR_OK && w.heard[1].result == ERR_OK);
	CHECK_U64(messages(list, 8), 2);
	teardown();
}

static void
quit_and_gone_peers_end_it(void)
{
	struct svc_account a = { .stream = -1 };
	struct ipc_accounts_account_quit quit = { .reason = 1 };
	setup(0);
	a.store = w.store;
	a.control = w.control[1];
	buf_reset(&w.out);
	ipc_accounts_account_quit_put(&w.out, &quit);
	CHECK_ERR(sys_chan_send_wait(w.control[0], &w.out, -1, 1000), ERR_OK);
	CHECK_ERR(svc_account_deliver_run(&a, w.queue[1]), ERR_OK); /* the queue still there */
	send_text(1, "A: b\r\n\r\nx\r\n");
	sys_close(&w.queue[0]); /* nobody takes the answer */
	CHECK_ERR(svc_account_deliver_run(&a, w.queue[1]), ERR_OK);
	new_channel();
	sys_close(&w.control[0]);
	CHECK_ERR(svc_account_deliver_run(&a, w.queue[1]), ERR_OK);
	teardown();
}

TEST_MAIN(a_letter_is_stored_with_its_return_path, an_answer_joins_its_thread,
    bodies_must_be_what_they_say, fields_above_a_file, every_letter_of_a_batch_is_answered,
    a_full_mailbox_says_so, a_replay_is_no_second_message, quit_and_gone_peers_end_it)
