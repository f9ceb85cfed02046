/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large mailbox: commands over all of it give every message once, in bounded memory. A second
 * process plays the client and counts. Prints how long each command took; nothing depends on it.
 * The number of messages is the argument, 20,000 without one.
 */
#include "svc/account/imap/trial.h"

#include "base/test.h"
#include "sys/clock.h"
#include "sys/sock.h"
#include "sys/spawn.h"
#include "sys/sys.h"

enum { BATCH = 1000 };

static size_t messages = 20000;

static void
fill_mailbox(struct svc_account_imap_trial *t)
{
	static struct store_new list[BATCH];
	static struct store_added added[BATCH];
	static char text[BATCH][64];
	struct store_mailbox inbox;
	CHECK_ERR(store_mailbox_find(t->store, S("INBOX"), t->session.work, &inbox), ERR_OK);
	for (size_t done = 0; done < messages; done += BATCH) {
		for (size_t i = 0; i < BATCH; i++) {
			int n = snprintf(text[i], sizeof text[i],
			    "Subject: number %zu\r\n\r\n"
			    "body\r\n",
			    done + i);
			list[i] = (struct store_new){ .body = { text[i], (size_t)n },
				.flags = i % 3 == 0 ? STORE_SEEN : 0,
				.internal_s = 1700000000 };
		}
		CHECK_ERR(store_append(t->store, inbox.id, list, BATCH, added), ERR_OK);
	}
}

/* The client: reads until the stream ends; the exit code tells whether it saw `want` lines. */
static void
read_lines(int fd, size_t want)
{
	static char room[1 << 20];
	size_t lines = 0, n;
	while (sys_wait(fd, true, 60000) == ERR_OK &&
	    sys_sock_read(fd, room, sizeof room, &n) == ERR_OK) {
		for (size_t i = 0; i < n; i++) {
			lines += room[i] == '\n';
		}
	}
	sys_exit(lines == want ? 0 : 1);
}

static void
start_reader(int pair[2], size_t want, struct sys_child *ret)
{
	bool in_child;
	CHECK_ERR(sys_fork(&in_child, ret), ERR_OK);
	if (in_child) {
		sys_close(&pair[1]);
		read_lines(pair[0], want);
	}
	sys_close(&pair[0]);
}

static void
run_one(struct svc_account_imap_trial *t, const char *line, size_t lines)
{
	int pair[2], stream = t->account.stream;
	struct sys_child reader;
	struct sys_child_end end = { 0 };
	CHECK_ERR(sys_sock_pair(pair), ERR_OK);
	start_reader(pair, lines, &reader);
	t->account.stream = pair[1];
	test_case = line;
	int64_t start = sys_clock_us();
	svc_account_imap_feed(&t->session, str_from(line));
	svc_account_imap_flush(&t->session);
	int64_t took = sys_clock_us() - start;
	sys_close(&pair[1]);
	t->account.stream = stream;
	CHECK_ERR(sys_child_wait(&reader, &end), ERR_OK);
	CHECK(!end.signalled && end.code == 0);
	CHECK(!t->session.broken);
	CHECK(t->session.out.cap <= 4u * SVC_ACCOUNT_IMAP_OUT_FLUSH);
	printf("%8.1f ms  %.*s\n", (double)took / 1000, (int)strcspn(line, "\r"), line);
}

static void
whole_mailbox(void)
{
	struct store_conf conf = svc_account_imap_trial_account("bulk");
	struct svc_account_imap_trial t;
	svc_account_imap_trial_begin(&t, &conf);
	fill_mailbox(&t);
	size_t n = messages;
	run_one(&t, "a SELECT INBOX\r\n", 10);
	run_one(&t, "a FETCH 1:* FLAGS\r\n", n + 1);
	run_one(&t, "a UID FETCH 1:* (FLAGS)\r\n", n + 1);
	run_one(&t, "a UID FETCH 1:* (UID FLAGS RFC822.SIZE MODSEQ)\r\n",
	    n + 2); /* and HIGHESTMODSEQ */
	run_one(&t, "a SEARCH UNSEEN\r\n", 2);
	run_one(&t, "a UID SEARCH RETURN (COUNT ALL) SEEN\r\n", 2);
	run_one(&t, "a STORE 1:* +FLAGS.SILENT (\\Seen)\r\n", n - n / 1000 * 334 + 1);
	run_one(&t, "a STORE 1:* -FLAGS (\\Seen)\r\n", n + 1);
	run_one(&t, "a UID FETCH 1:* (INTERNALDATE)\r\n", n + 1);
	run_one(&t, "a FETCH 1:* ENVELOPE\r\n", n + 1);
	run_one(&t, "a FETCH 1:* ENVELOPE\r\n", n + 1);
	run_one(&t, "a FETCH 1:1000 BODYSTRUCTURE\r\n", 1001);
	run_one(&t, "a FETCH 1:1000 BODYSTRUCTURE\r\n", 1001);
	run_one(&t, "a FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject)]\r\n", 4 * n + 1);
	run_one(&t, "a SEARCH SUBJECT \"number 77\"\r\n", 2);
	run_one(&t, "a SEARCH FROM nobody\r\n", 2);
	run_one(&t, "a SORT (SUBJECT) UTF-8 ALL\r\n", 2);
	run_one(&t, "a SORT (REVERSE DATE) UTF-8 ALL\r\n", 2);
	run_one(&t, "a THREAD REFERENCES UTF-8 ALL\r\n", 2);
	run_one(&t, "a SEARCH BODY nothing\r\n", 2);
	run_one(&t, "a COPY 1:* Sent\r\n", 1);
	run_one(&t, "a NOOP\r\n", 1);
	svc_account_imap_trial_end(&t);
	svc_account_imap_trial_remove(&conf);
}

int
main(int argc, char **argv)
{
	uint64_t v;
	if (argc > 1 && str_u64(str_from(argv[1]), &v) && v >= BATCH) {
		messages = (size_t)v / BATCH * BATCH;
	}
	static test_fn *const tests[] = { whole_mailbox };
	return test_run(tests, LEN(tests));
}
