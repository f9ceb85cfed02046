/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Helpers of the tests of this folder; nothing of it is in a program.
 */
#include "svc/account/imap/trial.h"

#include "base/test.h"
#include "store/trial.h"
#include "svc/account/imap/park.h"
#include "svc/account/trial.h"

#ifndef SVC_ACCOUNT_IMAP_TRIAL_PARK
#define SVC_ACCOUNT_IMAP_TRIAL_PARK false
#endif

struct store_conf
svc_account_imap_trial_account(const char *name)
{
	store_trial_now = 1700000000;
	return store_trial_conf(name);
}

void
svc_account_imap_trial_remove(const struct store_conf *conf)
{
	store_trial_remove(conf);
}

void
svc_account_imap_trial_begin(struct svc_account_imap_trial *t, const struct store_conf *conf)
{
	*t = (struct svc_account_imap_trial){ .conf = { .imap_append_max = 100000,
						  .imap_idle_timeout = 1800000 } };
	t->store = store_trial_open(conf);
	t->account = (struct svc_account){ .alone = true,
		.store = t->store,
		.conf = &t->conf,
		.name = S("user@example.org"),
		.account = 1,
		.session = 7 };
	svc_account_trial_open(&t->account, &t->client, &t->accounts);
	buf_init(&t->got, 64u << 20);
	CHECK_ERR(svc_account_imap_init(&t->session, &t->account), ERR_OK);
}

void
svc_account_imap_trial_end(struct svc_account_imap_trial *t)
{
	svc_account_imap_done(&t->session);
	store_close(&t->store);
	svc_account_trial_close(&t->account, &t->client, &t->accounts);
	buf_done(&t->got);
}

str
svc_account_imap_trial_feed(struct svc_account_imap_trial *t, str octets)
{
	buf_reset(&t->got);
	svc_account_imap_feed(&t->session, octets);
	svc_account_imap_flush(&t->session);
	svc_account_trial_take(t->client, &t->got);
	return buf_view(&t->got);
}

/* Does `got` follow `want`, where LF stands for CRLF and "#" for letters and digits? */
static bool
is_like(str got, str want)
{
	size_t i = 0;
	for (size_t k = 0; k < want.n; k++) {
		if (want.p[k] == '#') {
			size_t start = i;
			while (i < got.n && ascii_is_alnum(got.p[i])) {
				i++;
			}
			if (i == start) {
				return false;
			}
			continue;
		}
		if (want.p[k] == '\n' && i < got.n && got.p[i] == '\r') {
			i++;
		}
		if (i == got.n || got.p[i++] != want.p[k]) {
			return false;
		}
	}
	return i == got.n;
}

void
svc_account_imap_trial_like(str got, const char *want)
{
	if (!is_like(got, str_from(want))) {
		CHECK_STR(got, str_from(want));
	} else {
		test_passed++;
	}
}

void
svc_account_imap_trial_park(struct svc_account_imap_trial *t)
{
	struct buf blob;
	if (!svc_account_imap_may_park(&t->session)) {
		return;
	}
	buf_init(&blob, SVC_ACCOUNT_IMAP_PARK_MAX + 1);
	CHECK_ERR(svc_account_imap_park_put(&t->session, &blob), ERR_OK);
	svc_account_imap_done(&t->session);
	CHECK_ERR(svc_account_imap_init(&t->session, &t->account), ERR_OK);
	CHECK_ERR(svc_account_imap_park_get(&t->session, buf_view(&blob)), ERR_OK);
	buf_done(&blob);
}

void
svc_account_imap_trial_turn(struct svc_account_imap_trial *t, const char *send, const char *want)
{
	struct buf b;
	buf_init(&b, 1u << 20);
	buf_cstr(&b, send);
	buf_cstr(&b, "\r\n");
	test_case = send;
	str got = svc_account_imap_trial_feed(t, buf_view(&b));
	if (want != NULL) {
		svc_account_imap_trial_like(got, want);
	}
	buf_done(&b);
	if (SVC_ACCOUNT_IMAP_TRIAL_PARK) {
		svc_account_imap_trial_park(t);
	}
}

void
svc_account_imap_trial_talk(struct svc_account_imap_trial *t,
    const struct svc_account_imap_turn *turns, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		svc_account_imap_trial_turn(t, turns[i].send, turns[i].want);
	}
}

void
svc_account_imap_trial_append(struct svc_account_imap_trial *t, const char *mailbox,
    const char *flags, const char *message)
{
	struct buf body, b;
	buf_init(&body, 1u << 20);
	buf_init(&b, 1u << 20);
	for (const char *p = message; *p != '\0'; p++) {
		buf_cstr(&body, *p == '\n' ? "\r\n" : (char[2]){ *p, 0 });
	}
	buf_printf(&b, "app APPEND %s %s \"01-Feb-2024 10:00:00 +0000\" {%zu+}\r\n", mailbox, flags,
	    body.n);
	buf_str(&b, buf_view(&body));
	buf_cstr(&b, "\r\n");
	test_case = message;
	str got = svc_account_imap_trial_feed(t, buf_view(&b));
	CHECK(str_find(got, S("app OK [APPENDUID ")) >= 0);
	buf_done(&b);
	buf_done(&body);
}

void
svc_account_imap_one_begin(struct svc_account_imap_one *w, const char *name)
{
	w->conf = svc_account_imap_trial_account(name);
	svc_account_imap_trial_begin(&w->t, &w->conf);
}

void
svc_account_imap_one_end(struct svc_account_imap_one *w)
{
	svc_account_imap_trial_end(&w->t);
	svc_account_imap_trial_remove(&w->conf);
}

/* ---- two clients -------------------------------------------------------------------------- */

void
svc_account_imap_two_begin(struct svc_account_imap_two *w, const char *name)
{
	w->conf = svc_account_imap_trial_account(name);
	svc_account_imap_trial_begin(&w->a, &w->conf);
	svc_account_imap_trial_begin(&w->b, &w->conf);
}

void
svc_account_imap_two_open(struct svc_account_imap_two *w, struct svc_account_imap_trial *by, int n)
{
	for (int i = 0; i < n; i++) {
		svc_account_imap_trial_append(by, "INBOX", "()", "Subject: x\n\nbody\n");
	}
	svc_account_imap_trial_turn(&w->a, "s SELECT INBOX", NULL);
	svc_account_imap_trial_turn(&w->b, "s SELECT INBOX", NULL);
}

void
svc_account_imap_two_end(struct svc_account_imap_two *w)
{
	svc_account_imap_trial_end(&w->a);
	svc_account_imap_trial_end(&w->b);
	svc_account_imap_trial_remove(&w->conf);
}
