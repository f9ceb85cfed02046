/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters made to hurt, through the stages there are: header fields, parts, addresses and octets
 * beyond measure. Each gets a verdict, within bounds of time and memory. And every allocation that
 * can fail on a letter's way fails once.
 */
#include "svc/scan/world_test.h"

#include "base/codec.h"
#include "base/mem.h"
#include "svc/scan/crypto.h"
#include "sys/clock.h"

enum {
	FIELDS = 10000,
	LARGE = 50 << 20,
	SLOW_MS = 8000, /* with sanitizers on a busy machine; a square of anything takes longer */
	FAILURES = 400,
};

static struct scan_world w;

static void
begin(void)
{
	svc_scan_world_open(&w, svc_scan_stages);
}

/* As a file, at most so many recipients as the message holds. */
static void
verdict_for(const struct buf *octets, const char *name)
{
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, buf_view(octets));
	int64_t began_us = sys_clock_us();
	test_case = name;
	CHECK_ERR(buf_err(octets), ERR_OK);
	buf_reset(&w.verdicts);
	w.verdicts_n = 0;
	m.body = S("");
	svc_scan_world_send_file(&w, &m, buf_view(octets));
	svc_scan_world_wait(&w, 1);
	CHECK(str_starts(buf_view(&w.verdicts), S("1 OK ")));
	int64_t ms = (sys_clock_us() - began_us) / 1000;
	printf("%s: %zu octets, %lld ms\n", name, octets->n, (long long)ms);
	CHECK(ms < SLOW_MS);
	CHECK_U64(w.scan->letters_n, 0);
	CHECK_U64(w.scan->octets, 0);
	test_case = NULL;
}

static void
repeat(struct buf *b, const char *text, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		buf_cstr(b, text);
	}
}

static void
fields(void)
{
	struct buf b;
	buf_init(&b, 64 << 20);
	begin();
	repeat(&b, "X-A: b\r\n", FIELDS);
	buf_cstr(&b, "\r\nbody\r\n");
	verdict_for(&b, "10,000 fields");
	buf_reset(&b);
	repeat(&b, "From: a@b.test\r\n", FIELDS);
	verdict_for(&b, "10,000 From fields, no body");
	buf_reset(&b);
	repeat(&b, "X-Spam-Flag: NO\r\nX-A: b\r\n", FIELDS);
	verdict_for(&b, "10,000 fields in our name");
	buf_reset(&b);
	repeat(&b, "Authentication-Results: ((((mx.example.org; spf=pass\r\n", FIELDS);
	verdict_for(&b, "10,000 results with open comments");
	buf_reset(&b);
	repeat(&b, "DKIM-Signature: v=1; a=rsa-sha256; d=b.test; s=s; h=from; bh=AA==; b=AA==\r\n",
	    FIELDS);
	repeat(&b, "ARC-Seal: i=1; cv=none; a=rsa-sha256; d=b.test; s=s; b=AA==\r\n", FIELDS);
	repeat(&b, "Received: from a by b; Tue, 14 Nov 2023 22:13:20 +0000\r\n", FIELDS);
	buf_cstr(&b, "From: a@b.test\r\n\r\n");
	verdict_for(&b, "10,000 signatures, seals and hops");
	svc_scan_world_close(&w);
	buf_done(&b);
}

static void
addresses(void)
{
	struct buf b;
	buf_init(&b, 64 << 20);
	begin();
	buf_cstr(&b, "From: ");
	repeat(&b, "a@b.test,\r\n ", 100000);
	buf_cstr(&b, "a@b.test\r\n\r\nx\r\n");
	verdict_for(&b, "100,000 addresses");
	buf_reset(&b);
	buf_cstr(&b, "From: ");
	repeat(&b, "((((((((((", 1 << 20);
	buf_cstr(&b, "\r\n\r\nx\r\n");
	verdict_for(&b, "10 MB of comments in From");
	buf_reset(&b);
	buf_cstr(&b, "From: \"");
	repeat(&b, "=?utf-8?q?", 1 << 20);
	buf_cstr(&b, "\" <a@b.test>\r\nSubject: ");
	repeat(&b, "=?utf-8?b?QQ==?= ", 1 << 19);
	buf_cstr(&b, "\r\n\r\nx\r\n");
	verdict_for(&b, "10 MB of encoded words");
	svc_scan_world_close(&w);
	buf_done(&b);
}

static void
parts(void)
{
	struct buf b;
	buf_init(&b, 64 << 20);
	begin();
	buf_cstr(&b, "From: a@b.test\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n");
	repeat(&b, "--x\r\nContent-Type: text/html\r\n\r\n<a href=http://a.test>a</a>\r\n", 50000);
	verdict_for(&b, "50,000 parts");
	buf_reset(&b);
	buf_cstr(&b, "From: a@b.test\r\n");
	repeat(&b, "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n", 50000);
	verdict_for(&b, "50,000 levels");
	buf_reset(&b);
	buf_cstr(&b, "From: a@b.test\r\nContent-Type: text/html\r\n\r\n");
	repeat(&b, "<a href=\"http://", 500000);
	verdict_for(&b, "500,000 tags that never end");
	buf_reset(&b);
	buf_cstr(&b, "From: a@b.test\r\nContent-Type: text/html\r\n\r\n");
	for (unsigned i = 0; i < 100000; i++) {
		buf_printf(&b, "<a href='http://h%u.test/'>x</a>\r\n", i);
	}
	verdict_for(&b, "100,000 hosts");
	buf_reset(&b);
	buf_cstr(&b,
	    "Content-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=x\r\n\r\n");
	repeat(&b, "=\0=", 1 << 20);
	verdict_for(&b, "1 M of broken base64");
	buf_reset(&b);
	buf_cstr(&b, "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: a/b");
	repeat(&b, ";\r\n c=d", 2 << 20);
	for (unsigned i = 0; i < 64; i++) {
		buf_printf(&b, "; name*%u=x", i);
	}
	verdict_for(&b, "2 M of parameters");
	svc_scan_world_close(&w);
	buf_done(&b);
}

/*
 * What a letter may hold is bounded, and no letter can use it up: it would go on unseen, its
 * author's policy not asked for, and no rule of ours would look at it.
 */
static void
fills_its_budget(void)
{
	static const char *const lists[] = { "To: ", "Cc: ", "Reply-To: " };
	struct buf b;
	buf_init(&b, 64 << 20);
	begin();
	buf_cstr(&b, "From: a@b.test,");
	repeat(&b, "a,", 20000);
	buf_cstr(&b, "c@d.test\r\n");
	for (unsigned i = 0; i < 60; i++) {
		buf_cstr(&b, lists[i % LEN(lists)]);
		repeat(&b, "a,", 1000);
		repeat(&b, "\r\n b,", 200);
		buf_cstr(&b, "\r\n");
	}
	buf_cstr(&b, "Content-Type: multipart/mixed; boundary=x\r\n\r\n");
	repeat(&b, "--x\r\n\r\n", 12000);
	verdict_for(&b, "60 lists of 1,200 addresses, 12,000 parts");
	CHECK(str_find(buf_view(&w.whys), S("absent")) < 0);
	CHECK_U64(w.judges_n, 1);
	svc_scan_world_close(&w);
	buf_done(&b);
}

/* Half of what is read is not in memory twice: octets are bounded, the rest waits its turn. */
static void
large(void)
{
	struct buf b;
	unsigned letters = 4;
	buf_init(&b, 64 << 20);
	begin();
	buf_cstr(&b, "From: a@b.test\r\n\r\n");
	repeat(&b, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n",
	    LARGE / 64);
	verdict_for(&b, "50 MB");
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, buf_view(&b));
	m.body = S("");
	w.verdicts_n = 0;
	for (unsigned i = 0; i < letters; i++) {
		svc_scan_world_send_file(&w, &m, buf_view(&b));
	}
	while (w.verdicts_n < letters) {
		svc_scan_world_wait(&w, w.verdicts_n + 1);
		CHECK(w.scan->octets <= 2 * (uint64_t)SVC_SCAN_OCTETS_MAX);
	}
	CHECK(w.scan->count.waited > 0);
	m.size = (uint64_t)SVC_SCAN_LETTER_MAX + 1;
	svc_scan_world_send_file(&w, &m, S("small"));
	svc_scan_world_settle(&w);
	CHECK(str_ends(buf_view(&w.verdicts), S("1 TOOBIG 0/0/ score=0\n")));
	svc_scan_world_close(&w);
	buf_done(&b);
}

/* A signature that fits the body, of a domain whose key nobody ever sees. */
static void
sign_silently(struct buf *out, str body)
{
	struct svc_scan_bodies bodies;
	CHECK_ERR(svc_scan_hash_bodies(body, 1U << DKIM_RELAXED, &bodies), ERR_OK);
	buf_cstr(out,
	    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=slow.test; s=s; h=from;\r\n"
	    "\tbh=");
	base64_encode(out, str_make(bodies.hash[DKIM_RELAXED], 32));
	buf_cstr(out, "; b=AAAA\r\n");
}

/*
 * A forged author under p=reject, and beside it a stranger's signature whose key never comes: the
 * policy is asked for all the same, and counts.
 */
static void
silent_key(void)
{
	static const struct scan_world_name names[] = { { "s._domainkey.slow.test", NULL },
		{ "_dmarc.victim.test", "v=DMARC1; p=reject" }, { NULL, NULL } };
	static const char body[] = "pay me\r\n";
	struct buf b;
	buf_init(&b, 4096);
	begin();
	w.names = names;
	w.conf.scan_dns = 400;
	w.conf.dmarc_honour_reject = true;
	sign_silently(&b, str_from(body));
	buf_printf(&b, "From: boss@victim.test\r\n\r\n%s", body);
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, buf_view(&b));
	m.trust.spf = MAIL_AUTHRES_FAIL;
	svc_scan_world_send(&w, &m);
	svc_scan_world_wait(&w, 1);
	CHECK(str_starts(buf_view(&w.verdicts), S("1 OK 3/550/5.7.1")));
	CHECK(str_find(buf_view(&w.whys), S("dkim=temperror")) >= 0);
	CHECK(str_find(buf_view(&w.whys), S("dmarc=fail")) >= 0);
	svc_scan_world_close(&w);
	buf_done(&b);
}

/* The n-th allocation fails: a verdict comes all the same, or word that there is none. */
static void
torture(void)
{
	static const char octets[] =
	    "From: Ann <ann@example.com>\r\nTo: user@example.org\r\n"
	    "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s; h=from; bh=AA==; b=AA==\r\n"
	    "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\none\r\n--x\r\n"
	    "Content-Type: text/html\r\n\r\n<a href=http://a.test>b</a>\r\n--x--\r\n";
	unsigned failed = 0, closed = 0;
	begin();
	w.conf.scan_deadline = 200; /* a question lost for want of memory */
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, str_from(octets));
	for (unsigned n = 1; n <= FAILURES; n++) {
		w.verdicts_n = 0;
		buf_reset(&w.verdicts);
		svc_scan_world_send(&w, &m);
		mem_fail_after(n);
		(void)(sys_loop_turn(w.sc.loop, 0) == ERR_OK);
		mem_fail_after(0);
		if (w.scan->smtps[0].chan == NULL) { /* the parent makes a new one */
			svc_scan_world_wire(&w, "smtp_scan", &w.smtp);
			closed++;
			continue;
		}
		if (w.scan->policy.chan == NULL) {
			svc_scan_world_wire(&w, "scan_policy", &w.policy);
			closed++;
		}
		svc_scan_world_wait(&w, 1);
		CHECK_U64(w.verdicts_n, 1);
		failed += !str_starts(buf_view(&w.verdicts), S("1 OK 1/0/"));
		CHECK_U64(w.scan->letters_n, 0);
		CHECK_U64(map_count(w.scan->questions), 0);
		CHECK_U64(map_count(w.scan->open), 0);
	}
	CHECK(failed > 0 && failed < FAILURES / 2);
	CHECK(closed < FAILURES / 10);
	printf("%u of %u failures left the letter unseen, %u closed a channel\n", failed,
	    (unsigned)FAILURES, closed);
	svc_scan_world_close(&w);
}

TEST_MAIN(fields, addresses, parts, fills_its_budget, large, silent_key, torture)
