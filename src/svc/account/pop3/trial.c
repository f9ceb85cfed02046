/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Helpers of the tests of this folder; nothing of it is in a program.
 */
#include "svc/account/pop3/trial.h"

#include "base/test.h"
#include "store/trial.h"
#include "svc/account/trial.h"

struct store_conf
svc_account_pop3_trial_account(const char *name)
{
	store_trial_now = 1700000000;
	return store_trial_conf(name);
}

/* LF becomes CR LF. */
static void
put_lines(struct buf *b, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		buf_cstr(b, *p == '\n' ? "\r\n" : (char[2]){ *p, 0 });
	}
}

void
svc_account_pop3_trial_append(struct store *s, const char *message, bool exact)
{
	struct store_mailbox m;
	struct store_added added;
	struct buf body;
	struct arena *a = arena_new(NULL, "trial", 1u << 20, 0);
	buf_init(&body, 8u << 20);
	if (exact) {
		buf_cstr(&body, message);
	} else {
		put_lines(&body, message);
	}
	CHECK_ERR(store_mailbox_find(s, S("INBOX"), a, &m), ERR_OK);
	struct store_new msg = { .body = buf_view(&body), .internal_s = store_trial_now };
	CHECK_ERR(store_append(s, m.id, &msg, 1, &added), ERR_OK);
	buf_done(&body);
	arena_free(&a);
}

void
svc_account_pop3_trial_begin(struct svc_account_pop3_trial *t, const struct store_conf *conf)
{
	*t = (struct svc_account_pop3_trial){ .conf = { .pop3_idle_timeout = 600000 } };
	t->store = store_trial_open(conf);
	t->account = (struct svc_account){ .store = t->store,
		.conf = &t->conf,
		.folder = conf->path,
		.name = S("user@example.org"),
		.account = 1,
		.session = 7 };
	svc_account_trial_open(&t->account, &t->client, &t->accounts);
	buf_init(&t->got, 64u << 20);
	CHECK_ERR(svc_account_pop3_init(&t->session, &t->account), ERR_OK);
}

void
svc_account_pop3_trial_end(struct svc_account_pop3_trial *t)
{
	svc_account_pop3_done(&t->session);
	store_close(&t->store);
	svc_account_trial_close(&t->account, &t->client, &t->accounts);
	buf_done(&t->got);
}

static str
take_all(struct svc_account_pop3_trial *t)
{
	svc_account_pop3_flush(&t->session);
	svc_account_trial_take(t->client, &t->got);
	return buf_view(&t->got);
}

str
svc_account_pop3_trial_open(struct svc_account_pop3_trial *t)
{
	buf_reset(&t->got);
	(void)svc_account_pop3_open(&t->session);
	return take_all(t);
}

str
svc_account_pop3_trial_feed(struct svc_account_pop3_trial *t, str octets)
{
	buf_reset(&t->got);
	svc_account_pop3_feed(&t->session, octets);
	return take_all(t);
}

void
svc_account_pop3_trial_turn(struct svc_account_pop3_trial *t, const char *send, const char *want)
{
	struct buf line, lines;
	buf_init(&line, 65536);
	buf_init(&lines, 1u << 20);
	buf_cstr(&line, send);
	buf_cstr(&line, "\r\n");
	put_lines(&lines, want);
	test_case = send;
	CHECK_STR(svc_account_pop3_trial_feed(t, buf_view(&line)), buf_view(&lines));
	buf_done(&line);
	buf_done(&lines);
}
