/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The n-th allocation fails, then the n-th call into the system, for every n a session can reach.
 * What QUIT has answered with +OK is gone; what it refused, or never answered, is all there.
 */
#include "svc/account/pop3/trial.h"

#include "base/mem.h"
#include "base/test.h"
#include "store/trial.h"
#include "sys/sys.h"

#include <errno.h>

enum { ALLOCATIONS = 150, CALLS = 120, MESSAGES = 4 };

static const char *const lines[] = { "STAT\r\n", "UIDL\r\n", "TOP 1 1\r\n", "RETR 1\r\n",
	"DELE 1\r\n", "DELE 3\r\n", "CAPA\r\n", "LIST\r\n" };

static size_t
messages_left(const struct store_conf *conf)
{
	struct svc_account_pop3_trial t;
	svc_account_pop3_trial_begin(&t, conf);
	CHECK_STR(svc_account_pop3_trial_open(&t), S("+OK Logged in\r\n"));
	size_t n = t.session.drop.n;
	for (uint32_t i = 1; i <= n; i++) {
		char line[32];
		int k = snprintf(line, sizeof line, "RETR %u\r\n", i);
		str got = svc_account_pop3_trial_feed(&t, str_make(line, (size_t)k));
		CHECK(str_starts(got, S("+OK ")));
	}
	svc_account_pop3_trial_end(&t);
	return n;
}

/* Every command is answered while the session lives; how QUIT was answered. */
static bool
converse(struct svc_account_pop3_trial *t, size_t *ret_marked)
{
	*ret_marked = 0;
	str got = svc_account_pop3_trial_open(t);
	CHECK(t->session.broken || got.n > 0);
	for (size_t i = 0; i < LEN(lines) && !t->session.broken && !t->session.quit; i++) {
		got = svc_account_pop3_trial_feed(t, str_from(lines[i]));
		bool good = str_starts(got, S("+OK "));
		CHECK(t->session.broken || t->session.quit || good || str_starts(got, S("-ERR ")));
		*ret_marked += good && str_starts(str_from(lines[i]), S("DELE"));
	}
	if (t->session.broken || t->session.quit) {
		return false;
	}
	return str_starts(svc_account_pop3_trial_feed(t, S("QUIT\r\n")), S("+OK "));
}

static void
one_failure(uint64_t allocation, uint64_t call)
{
	struct store_conf conf = svc_account_pop3_trial_account("pop3-torture");
	struct store *s = store_trial_open(&conf);
	struct svc_account_pop3_trial t;
	size_t marked;
	for (int i = 0; i < MESSAGES; i++) {
		svc_account_pop3_trial_append(s, "Subject: x\n\ny\n", false);
	}
	store_close(&s);
	svc_account_pop3_trial_begin(&t, &conf);
	char *room = buf_room(&t.got, 1u << 20); /* ours: not to fail */
	CHECK(room != NULL);
	mem_fail_after(allocation);
	sys_fail_after(call, call % 2 == 0 ? ENOSPC : EIO);
	bool removed = converse(&t, &marked);
	mem_fail_after(0);
	sys_fail_after(0, 0);
	bool broken = t.session.broken; /* then +OK may have been said and not arrived */
	uint64_t gone = t.session.removed;
	svc_account_pop3_trial_end(&t);
	size_t left = messages_left(&conf);
	CHECK_U64(left, MESSAGES - gone);
	CHECK(broken || left == (removed ? MESSAGES - marked : MESSAGES));
	store_trial_remove(&conf);
}

static void
allocations_fail(void)
{
	for (uint64_t i = 1; i <= ALLOCATIONS; i++) {
		one_failure(i, 0);
	}
}

static void
calls_fail(void)
{
	for (uint64_t i = 1; i <= CALLS; i++) {
		one_failure(0, i);
	}
}

TEST_MAIN(allocations_fail, calls_fail)
