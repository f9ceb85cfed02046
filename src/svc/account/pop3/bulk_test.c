/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large maildrop and large messages: opening costs one pass over the index, whatever is listed
 * is complete, and a message of many dots comes back octet for octet.
 */
#include "svc/account/pop3/trial.h"

#include "base/mem.h"
#include "base/test.h"
#include "store/trial.h"
#include "sys/clock.h"

enum {
	MANY = 20000,
	OPEN_MS = 500, /* measured: 5; sanitizers and a busy machine included */
	LINES = 7000,  /* behind the front that TOP reads first; as much as a stream holds unread */
};

static struct store_conf
large_account(void)
{
	struct store_conf conf = svc_account_pop3_trial_account("pop3-bulk");
	struct store *s = store_trial_open(&conf);
	struct arena *a = arena_new(NULL, "bulk", 1u << 20, 0);
	struct store_new *msgs = mem_zalloc(1000, sizeof *msgs);
	struct store_added *added = mem_zalloc(1000, sizeof *added);
	struct store_mailbox m;
	CHECK_ERR(store_mailbox_find(s, S("INBOX"), a, &m), ERR_OK);
	for (size_t i = 0; i < 1000; i++) {
		msgs[i].body = S("Subject: x\r\n\r\nbody\r\n");
	}
	for (size_t i = 0; i < MANY / 1000; i++) {
		CHECK_ERR(store_append(s, m.id, msgs, 1000, added), ERR_OK);
	}
	mem_drop(msgs);
	mem_drop(added);
	arena_free(&a);
	store_close(&s);
	return conf;
}

static size_t
lines_in(str text)
{
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		n += text.p[i] == '\n';
	}
	return n;
}

static void
opens_a_large_maildrop(void)
{
	struct store_conf conf = large_account();
	struct svc_account_pop3_trial t;
	svc_account_pop3_trial_begin(&t, &conf);
	int64_t began = sys_clock_ms();
	CHECK_STR(svc_account_pop3_trial_open(&t), S("+OK Logged in\r\n"));
	svc_account_pop3_trial_turn(&t, "STAT", "+OK 20000 400000\n");
	CHECK(sys_clock_ms() - began < OPEN_MS);
	svc_account_pop3_trial_turn(&t, "LIST 20000", "+OK 20000 20\n");
	svc_account_pop3_trial_end(&t);
	store_trial_remove(&conf);
}

/* A list that is larger than every buffer, read while it is written. */
static void
lists_in_pieces(void)
{
	struct svc_account_pop3 s = { .broken = false };
	struct svc_account a = { .stream = -1, .control = -1 };
	struct conf conf = { .pop3_idle_timeout = 600000 };
	a.conf = &conf;
	CHECK_ERR(svc_account_pop3_init(&s, &a), ERR_OK);
	s.drop.msg = mem_zalloc(1000, sizeof *s.drop.msg);
	for (s.drop.n = 0; s.drop.n < 1000; s.drop.n++) {
		s.drop.msg[s.drop.n] = (struct svc_account_pop3_msg){ .uid = 1, .size = 7 };
	}
	s.drop.left = 1000;
	svc_account_pop3_feed(&s, S("LIST\r\n"));
	CHECK_U64(lines_in(buf_view(&s.out)), 1002);
	CHECK(str_ends(buf_view(&s.out), S("\r\n1000 7\r\n.\r\n")));
	svc_account_pop3_done(&s);
}

static void
sends_large_messages(void)
{
	static const size_t sizes[] = { 10, 20000, 60000 };
	for (size_t k = 0; k < LEN(sizes); k++) {
		struct store_conf conf = svc_account_pop3_trial_account("pop3-large");
		struct store *s = store_trial_open(&conf);
		struct svc_account_pop3_trial t;
		struct buf text, want;
		buf_init(&text, 1u << 20);
		buf_init(&want, 1u << 20);
		buf_cstr(&text, "Subject: large\r\n\r\n");
		for (size_t i = 0; i < sizes[k]; i++) {
			buf_ch(&text, (char)('a' + i % 26));
		}
		buf_cstr(&text, "\r\n.\r\n..\r\n.x\r\n");
		buf_printf(&want, "+OK %zu octets\r\n", text.n);
		buf_str(&want, str_sub(buf_view(&text), 0, text.n - 11));
		buf_cstr(&want, "..\r\n...\r\n..x\r\n.\r\n");
		buf_ch(&text, '\0');
		svc_account_pop3_trial_append(s, text.p, true);
		svc_account_pop3_trial_begin(&t, &conf);
		CHECK_STR(svc_account_pop3_trial_open(&t), S("+OK Logged in\r\n"));
		CHECK_STR(svc_account_pop3_trial_feed(&t, S("RETR 1\r\n")), buf_view(&want));
		svc_account_pop3_trial_end(&t);
		store_close(&s);
		store_trial_remove(&conf);
		buf_done(&text);
		buf_done(&want);
	}
}

/* TOP finds its lines also behind the front that it reads first. */
static void
tops_large_messages(void)
{
	struct store_conf conf = svc_account_pop3_trial_account("pop3-top");
	struct store *s = store_trial_open(&conf);
	struct svc_account_pop3_trial t;
	struct buf text;
	buf_init(&text, 8u << 20);
	buf_cstr(&text, "Subject: many\r\n\r\n");
	for (unsigned i = 0; i < LINES; i++) {
		buf_printf(&text, "line %05u\r\n", i);
	}
	buf_ch(&text, '\0');
	svc_account_pop3_trial_append(s, text.p, true);
	svc_account_pop3_trial_begin(&t, &conf);
	(void)svc_account_pop3_trial_open(&t);
	static const uint32_t lines[] = { 0, 1, 100, 5000, 6000, LINES - 1, LINES, LINES + 1,
		UINT32_MAX };
	for (size_t i = 0; i < LEN(lines); i++) {
		char line[64];
		int n = snprintf(line, sizeof line, "TOP 1 %u\r\n", lines[i]);
		str got = svc_account_pop3_trial_feed(&t, str_make(line, (size_t)n));
		test_case = line;
		CHECK_U64(lines_in(got), 1 + 2 + MIN(lines[i], (uint32_t)LINES) + 1);
	}
	svc_account_pop3_trial_end(&t);
	store_close(&s);
	buf_done(&text);
	store_trial_remove(&conf);
}

TEST_MAIN(opens_a_large_maildrop, lists_in_pieces, sends_large_messages, tops_large_messages)
