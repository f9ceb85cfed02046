/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a client of a real account: a session selects a mailbox with a few messages, then
 * the fuzzed octets are fed in pieces whose size is the first octet. The account stays from run to
 * run; a second process reads what the session writes.
 */
#include "svc/account/imap/trial.h"

#include "store/trial.h"
#include "svc/account/trial.h"
#include "sys/sys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PLAIN "From: a@b\nTo: c@d\nSubject: one\nDate: Thu, 1 Feb 2024 23:30:00 -0500\n\nbody\n"
#define NESTED                                                         \
	"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\n" \
	"Content-Type: message/rfc822\n\nSubject: in\n\ny\n--b--\n"
#define BASE64 "Content-Transfer-Encoding: base64\n\nAAAA\n"

static struct {
	struct store_conf account;
	struct svc_account_imap_trial trial;
	int stream;
	bool ready;
} world;

static void
forget(void)
{
	svc_account_imap_trial_end(&world.trial);
	sys_close(&world.stream);
	svc_account_imap_trial_remove(&world.account);
}

static void
prepare(void)
{
	static const char *const messages[] = { PLAIN, NESTED, BASE64 };
	world.account = svc_account_imap_trial_account("fuzz");
	svc_account_imap_trial_begin(&world.trial, &world.account);
	for (size_t i = 0; i < LEN(messages); i++) {
		svc_account_imap_trial_append(&world.trial, "INBOX", "(k)", messages[i]);
	}
	world.stream = svc_account_trial_drain();
	world.ready = true;
	(void)!atexit(forget);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!world.ready) {
		prepare();
	}
	struct svc_account account = world.trial.account;
	struct svc_account_imap s;
	account.stream = world.stream;
	account.control = -1;
	if (svc_account_imap_init(&s, &account) != ERR_OK) {
		return 0;
	}
	svc_account_imap_feed(&s, S("p SELECT INBOX\r\n"));
	size_t step = size == 0 || data[0] == 0 ? 65536 : data[0];
	str in = size == 0 ? STR_NONE : str_make(data + 1, size - 1);
	for (size_t at = 0; at < in.n; at += step) {
		svc_account_imap_feed(&s, str_sub(in, at, step));
		svc_account_imap_flush(&s);
	}
	svc_account_imap_done(&s);
	return 0;
}
