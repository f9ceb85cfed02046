/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a POP3 client of a real account with a few messages: fed in pieces whose size is
 * the first octet. QUIT of one run removes messages; they are put back when fewer than two are
 * left. A second process reads what the session writes.
 */
#include "svc/account/pop3/trial.h"

#include "store/trial.h"
#include "svc/account/trial.h"
#include "sys/sys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct store_conf account;
	struct svc_account_pop3_trial trial;
	int stream;
	bool ready;
} world;

static void
forget(void)
{
	svc_account_pop3_trial_end(&world.trial);
	sys_close(&world.stream);
	store_trial_remove(&world.account);
}

static void
prepare(void)
{
	world.account = svc_account_pop3_trial_account("pop3-fuzz");
	svc_account_pop3_trial_begin(&world.trial, &world.account);
	world.stream = svc_account_trial_drain();
	world.ready = true;
	(void)!atexit(forget);
}

static void
fill(size_t have)
{
	static const char *const messages[] = { "Subject: a\n\n.\n..b\n", "Subject: b\n\n1\n2\n",
		"no header at all", "Subject: c\n\nx\n" };
	for (size_t i = have; i < LEN(messages); i++) {
		svc_account_pop3_trial_append(world.trial.store, messages[i], i == 2);
	}
}

static void
feed_all(struct svc_account_pop3 *s, const uint8_t *data, size_t size)
{
	size_t step = data[0] == 0 ? 65536 : data[0];
	str in = str_make(data + 1, size - 1);
	for (size_t at = 0; at < in.n; at += step) {
		svc_account_pop3_feed(s, str_sub(in, at, step));
		svc_account_pop3_flush(s);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!world.ready) {
		prepare();
	}
	struct svc_account account = world.trial.account;
	struct svc_account_pop3 s;
	account.stream = world.stream;
	account.control = -1;
	if (size == 0 || svc_account_pop3_init(&s, &account) != ERR_OK) {
		return 0;
	}
	if (svc_account_pop3_open(&s)) {
		size_t n = s.drop.n;
		feed_all(&s, data, size);
		ASSERT(s.removed <= n && s.drop.left <= s.drop.n);
		if (n - s.removed < 2) {
			fill(n - (size_t)s.removed);
		}
	}
	svc_account_pop3_done(&s);
	return 0;
}
