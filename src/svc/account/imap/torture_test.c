/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The n-th allocation fails, then the n-th call into the system, for every n a conversation can
 * reach. Every command is answered or the session ends; afterwards the same account serves a new
 * session in full, and nothing leaks (the sanitizer looks at the end).
 */
#include "svc/account/imap/trial.h"

#include "base/mem.h"
#include "base/test.h"
#include "sys/sock.h"
#include "sys/sys.h"

#include <errno.h>

enum { ALLOCATIONS = 500, CALLS = 120 };

static const char *const lines[] = {
	"SELECT INBOX",
	"FETCH 1:* (FLAGS UID ENVELOPE BODYSTRUCTURE INTERNALDATE)",
	"FETCH 1:* (BODY[1] BODY.PEEK[HEADER.FIELDS (Subject)])",
	"SEARCH OR SUBJECT x BODY y SINCE 1-Jan-2020",
	"UID SORT RETURN (ALL SAVE) (SUBJECT REVERSE DATE FROM) UTF-8 ALL",
	"THREAD REFERENCES UTF-8 ALL",
	"ESEARCH IN (personal) SUBJECT x",
	"UID SEARCH RETURN (SAVE ALL) UNSEEN",
	"STORE 1:* +FLAGS ($new \\Flagged)",
	"COPY 1 Sent",
	"LIST (SUBSCRIBED RECURSIVEMATCH) \"\" * RETURN (STATUS (MESSAGES))",
	"APPEND INBOX (\\Seen) {16+}\r\nSubject: a\r\n\r\nb\r\n",
	"UID MOVE * Trash",
	"STORE 1:* -FLAGS.SILENT (\\Seen $new)",
	"EXPUNGE",
	"NOOP",
};

/* Feed all lines; each is answered exactly once while the session lives. */
static void
converse(struct svc_account_imap_trial *t)
{
	for (size_t i = 0; i < LEN(lines) && !t->session.broken && !t->session.quit; i++) {
		char line[256], tag[16];
		int n = snprintf(line, sizeof line, "t%zu %s\r\n", i, lines[i]);
		snprintf(tag, sizeof tag, "t%zu ", i);
		str got = svc_account_imap_trial_feed(t, (str){ line, (size_t)n });
		ptrdiff_t at = str_find(got, str_from(tag));
		bool over = t->session.broken || t->session.quit;
		CHECK(over || (at >= 0 && (at == 0 || got.p[at - 1] == '\n')));
	}
}

static void
check_all_well(const struct store_conf *conf)
{
	struct svc_account_imap_trial t;
	svc_account_imap_trial_begin(&t, conf);
	svc_account_imap_trial_turn(&t, "w SELECT INBOX", NULL);
	CHECK(str_find(buf_view(&t.got), S("w OK [READ-WRITE]")) >= 0);
	svc_account_imap_trial_turn(&t, "w UID FETCH 1:* (FLAGS BODY.PEEK[] BODYSTRUCTURE)", NULL);
	CHECK(str_ends(buf_view(&t.got), S("w OK FETCH done\r\n")));
	svc_account_imap_trial_end(&t);
}

static void
one_failure(const struct store_conf *conf, uint64_t allocation, uint64_t call)
{
	struct svc_account_imap_trial t;
	svc_account_imap_trial_begin(&t, conf);
	buf_reset(&t.got);
	char *room = buf_room(&t.got, 1u << 20); /* ours: not to fail */
	CHECK(room != NULL);
	mem_fail_after(allocation);
	sys_fail_after(call, call % 2 == 0 ? ENOSPC : EIO);
	converse(&t);
	mem_fail_after(0);
	sys_fail_after(0, 0);
	if (!t.session.broken && !t.session.quit && t.session.state == IMAP_SELECTED) {
		svc_account_imap_trial_turn(&t, "z NOOP", NULL);
		CHECK(str_ends(buf_view(&t.got), S("z OK NOOP done\r\n")));
	}
	svc_account_imap_trial_end(&t);
}

static void
torture(bool allocations, uint64_t n)
{
	struct store_conf conf = svc_account_imap_trial_account("torture");
	struct svc_account_imap_trial t;
	svc_account_imap_trial_begin(&t, &conf);
	svc_account_imap_trial_append(&t, "INBOX", "(a)", "Subject: x\nFrom: a@b\n\ny\n");
	svc_account_imap_trial_append(&t, "INBOX", "()",
	    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n");
	svc_account_imap_trial_end(&t);
	for (uint64_t i = 1; i <= n; i++) {
		one_failure(&conf, allocations ? i : 0, allocations ? 0 : i);
	}
	check_all_well(&conf);
	svc_account_imap_trial_remove(&conf);
}

static void
allocations_fail(void)
{
	torture(true, ALLOCATIONS);
}

static void
calls_fail(void)
{
	torture(false, CALLS);
}

TEST_MAIN(allocations_fail, calls_fail)
