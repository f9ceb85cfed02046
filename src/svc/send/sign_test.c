/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signing with a played keys process: what it is asked, what leaves, what waits, what is kept, and
 * that every letter is answered exactly once whatever goes wrong.
 */
#include "base/mem.h"
#include "base/test.h"
#include "ipc/send_keys.h"
#include "proto/dkim/signature.h"
#include "svc/send/send.h"
#include "svc/send/sign.h"
#include "svc/send/sign_text.h"
#include "sys/sys.h"

#include <openssl/evp.h>

enum { LETTERS = 8 };

#define MESSAGE(from) "From: " from "\r\nTo: b@example.net\r\nSubject: x\r\n\r\nbody\r\n"

struct answer {
	unsigned signed_n, unsignable_n;
	char fields[4096];
};

static struct {
	struct svc_common sc;
	struct svc_send sv;
	int keys; /* our end */
	struct svc_send_letter letters[LETTERS];
	struct answer answers[LETTERS];
	struct svc_send_letter *forget_at_answer; /* by the next letter that is answered */
	struct arena *arena;
	struct buf in, out;
	/* what keys was asked last */
	unsigned signers_n, sign_n;
	uint64_t request[16];
	char domain[256], selector[16][64];
	uint8_t digest[32];
} w;

static struct answer *
answer_of(const struct svc_send_letter *l)
{
	if (w.forget_at_answer != NULL) {
		svc_send_sign_forget(w.forget_at_answer);
		w.forget_at_answer = NULL;
	}
	return &w.answers[l - w.letters];
}

void
svc_send_signed(struct svc_send_letter *l, str fields)
{
	struct answer *a = answer_of(l);
	a->signed_n++;
	snprintf(a->fields, sizeof a->fields, "%.*s", STR_ARG(fields));
}

void
svc_send_unsignable(struct svc_send_letter *l)
{
	answer_of(l)->unsignable_n++;
}

static enum err
on_message(void *ctx, str datagram, int *fd)
{
	return svc_send_on_keys(ctx, datagram, fd);
}

static void
on_closed(void *ctx, enum err why)
{
	sys_chan_free(&w.sv.keys.chan);
	svc_send_keys_gone(&w.sv);
}

static void
connect_keys(void)
{
	struct sys_chan_handler h = {
		.on_message = on_message, .on_closed = on_closed, .ctx = &w.sv.keys
	};
	int pair[2];
	CHECK_ERR(sys_chan_pair(pair), ERR_OK);
	CHECK_ERR(sys_chan_new(w.sc.loop, pair[0], &h, &w.sv.keys.chan), ERR_OK);
	w.keys = pair[1];
}

static void
open_world(bool keys)
{
	memset(&w, 0, sizeof w);
	CHECK_ERR(sys_loop_new(&w.sc.loop), ERR_OK);
	w.sc.arena = arena_new(NULL, "test", 16 << 20, 0);
	w.arena = arena_new(NULL, "letters", 1 << 20, 0);
	w.sv.sc = &w.sc;
	w.sv.keys.sc = &w.sc;
	w.sc.ctx = &w.sv;
	w.sv.scratch = arena_new(w.sc.arena, "message", 1 << 20, 0);
	buf_init(&w.sv.out, SYS_CHAN_MESSAGE_MAX);
	buf_init(&w.in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&w.out, SYS_CHAN_MESSAGE_MAX);
	w.keys = -1;
	CHECK_ERR(svc_send_sign_init(&w.sv), ERR_OK);
	if (keys) {
		connect_keys();
	}
}

static void
close_world(void)
{
	sys_chan_free(&w.sv.keys.chan);
	sys_close(&w.keys);
	svc_send_sign_done(&w.sv);
	buf_done(&w.sv.out);
	buf_done(&w.in);
	buf_done(&w.out);
	sys_loop_free(&w.sc.loop);
	arena_free(&w.arena);
	arena_free(&w.sc.arena);
}

static struct svc_send_letter *
letter(unsigned i, uint64_t entry, str body)
{
	struct svc_send_letter *l = &w.letters[i];
	*l = (struct svc_send_letter){
		.server = &w.sv, .arena = w.arena, .entry = entry, .body = body
	};
	svc_send_sign(l);
	return l;
}

/* --- the played keys ----------------------------------------------------------------------- */

static enum err
got_signers(void *ctx, const struct ipc_send_keys_signers *m, int *fd)
{
	w.request[0] = m->request;
	w.signers_n++;
	snprintf(w.domain, sizeof w.domain, "%.*s", STR_ARG(m->domain));
	return ERR_OK;
}

static enum err
got_sign(void *ctx, const struct ipc_send_keys_sign *m, int *fd)
{
	w.request[w.sign_n] = m->request;
	snprintf(w.selector[w.sign_n++], 64, "%.*s", STR_ARG(m->selector));
	CHECK_U64(m->digest.n, sizeof w.digest);
	memcpy(w.digest, m->digest.p, sizeof w.digest);
	snprintf(w.domain, sizeof w.domain, "%.*s", STR_ARG(m->domain));
	return ERR_OK;
}

static void
turn(void)
{
	for (int i = 0; i < 3; i++) {
		CHECK_ERR(sys_loop_turn(w.sc.loop, 0), ERR_OK);
	}
}

/* Read everything keys was asked since. */
static void
read_questions(void)
{
	static const struct ipc_send_keys_at_keys handlers = { .signers = got_signers,
		.sign = got_sign };
	int fd = -1;
	w.signers_n = w.sign_n = 0;
	turn();
	while (sys_chan_recv(w.keys, &w.in, &fd) == ERR_OK) {
		CHECK_ERR(ipc_send_keys_keys_dispatch(&handlers, NULL, buf_view(&w.in), &fd,
			      w.arena),
		    ERR_OK);
	}
}

static void
say_signers(uint64_t request, enum err result, str domain, size_t n)
{
	static const struct ipc_send_keys_signer rows[] = {
		{ S_INIT("one"), DKIM_RSA_SHA256 },
		{ S_INIT("two"), DKIM_ED25519_SHA256 },
	};
	struct ipc_send_keys_signers_are m = { .request = request,
		.result = result,
		.domain = domain,
		.signers = (struct ipc_send_keys_signer *)(uintptr_t)rows,
		.signers_n = n };
	buf_reset(&w.out);
	ipc_send_keys_signers_are_put(&w.out, &m);
	CHECK_ERR(sys_chan_send_wait(w.keys, &w.out, -1, 0), ERR_OK);
	read_questions();
}

static void
say_signature(uint64_t request, enum err result)
{
	struct ipc_send_keys_signature m = { .request = request,
		.result = result,
		.octets = result == ERR_OK ? S("SIGNATURE") : S("") };
	buf_reset(&w.out);
	ipc_send_keys_signature_put(&w.out, &m);
	CHECK_ERR(sys_chan_send_wait(w.keys, &w.out, -1, 0), ERR_OK);
	turn();
}

static void
check(unsigned i, unsigned signed_n, unsigned unsignable_n)
{
	CHECK_U64(w.answers[i].signed_n, signed_n);
	CHECK_U64(w.answers[i].unsignable_n, unsignable_n);
	CHECK(w.letters[i].signing == NULL || signed_n + unsignable_n == 0);
}

/* --- tests --------------------------------------------------------------------------------- */

/* The field that left, checked the way a verifier does. */
static void
check_field(str field, str message)
{
	static struct dkim_signature s;
	uint8_t body[32], digest[32];
	const char *why = "";
	struct buf input;
	struct arena *scratch = arena_new(NULL, "check", 1 << 20, 0);
	buf_init(&input, 65536);
	CHECK_ERR(dkim_signature_read(field, &s, &why), ERR_OK);
	CHECK_STR(s.domain, S("example.org"));
	CHECK_ERR(svc_send_sign_body(message, body), ERR_OK);
	CHECK(memcmp(body, s.body_hash, sizeof body) == 0);
	struct dkim_hashed what = { s.header, message, s.names, field, s.b };
	CHECK_ERR(dkim_hash_input(&input, &what, scratch), ERR_OK);
	CHECK(EVP_Digest(input.p, input.n, digest, NULL, EVP_sha256(), NULL) == 1);
	CHECK(memcmp(digest, w.digest, sizeof digest) == 0);
	buf_done(&input);
	arena_free(&scratch);
}

static void
one_letter_two_signatures(void)
{
	str message = S(MESSAGE("Joe <joe@Mail.Example.ORG>"));
	open_world(true);
	letter(0, 1, message);
	read_questions();
	CHECK_U64(w.signers_n, 1);
	CHECK_STR(str_from(w.domain), S("mail.example.org"));
	check(0, 0, 0);
	say_signers(w.request[0], ERR_OK, S("example.org"), 2);
	CHECK_U64(w.sign_n, 2);
	CHECK_STR(str_from(w.selector[0]), S("one"));
	CHECK_STR(str_from(w.domain), S("example.org"));
	say_signature(w.request[1], ERR_OK);
	check(0, 0, 0);
	say_signature(w.request[0], ERR_OK);
	check(0, 1, 0);
	str fields = str_from(w.answers[0].fields);
	ptrdiff_t second = str_find(str_from_off(fields, 1), S("DKIM-Signature:"));
	CHECK(str_starts(fields, S("DKIM-Signature: v=1; a=rsa-sha256;")));
	CHECK(second > 0 && str_ends(fields, S("\r\n")));
	check_field(str_from_off(fields, (size_t)second + 1), message); /* its digest came last */
	CHECK_U64(svc_send_sign_count(&w.sv)->signatures, 2);
	close_world();
}

/* The same message for other domains, at the same time and later. */
static void
one_message_is_signed_once(void)
{
	str message = S(MESSAGE("joe@example.org"));
	open_world(true);
	letter(0, 7, message);
	letter(1, 7, message);
	letter(2, 8, message);
	read_questions();
	CHECK_U64(w.signers_n, 2);
	uint64_t other = w.request[0], first = other - 1;
	say_signers(first, ERR_OK, S("example.org"), 1);
	say_signature(w.request[0], ERR_OK);
	check(0, 1, 0);
	check(1, 1, 0);
	check(2, 0, 0);
	CHECK_STR(str_from(w.answers[1].fields), str_from(w.answers[0].fields));
	say_signers(other, ERR_NOTFOUND, S(""), 0);
	check(2, 1, 0);
	CHECK_STR(str_from(w.answers[2].fields), S(""));
	letter(3, 7, message);
	check(3, 1, 0);
	CHECK_STR(str_from(w.answers[3].fields), str_from(w.answers[0].fields));
	read_questions();
	CHECK_U64(w.signers_n, 0);
	letter(4, 7, S(MESSAGE("another@example.com"))); /* not the same message after all */
	read_questions();
	CHECK_U64(w.signers_n, 1);
	CHECK_U64(svc_send_sign_count(&w.sv)->kept, 1);
	CHECK_U64(svc_send_sign_count(&w.sv)->unsigned_letters, 1);
	svc_send_sign_forget(&w.letters[4]);
	close_world();
}

static void
messages_nobody_signs(void)
{
	static const struct {
		const char *name;
		str message;
	} rows[] = {
		{ "no From", S_INIT("To: x@example.org\r\n\r\nFrom: a@example.org\r\n") },
		{ "an empty From", S_INIT("From:\r\n\r\nx\r\n") },
		{ "a group", S_INIT("From: Nobody:;\r\n\r\nx\r\n") },
		{ "a literal", S_INIT("From: <a@[192.0.2.1]>\r\n\r\nx\r\n") },
		{ "a bad domain", S_INIT("From: a@b..c\r\n\r\nx\r\n") },
		{ "nothing", S_INIT("") },
	};
	open_world(true);
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		w.answers[0] = (struct answer){ 0 };
		letter(0, 100 + i, rows[i].message);
		check(0, 1, 0);
		CHECK_STR(str_from(w.answers[0].fields), S(""));
	}
	test_case = NULL;
	CHECK_U64(svc_send_sign_count(&w.sv)->unsigned_letters, LEN(rows));
	close_world();
}

static void
whose_domain(void)
{
	static const struct {
		str from, domain;
	} rows[] = {
		{ S_INIT(MESSAGE("a@example.org")), S_INIT("example.org") },
		{ S_INIT(MESSAGE("\"x@example.net\" <a@example.org>")), S_INIT("example.org") },
		{ S_INIT(MESSAGE("x:;, a@example.org, b@example.net")), S_INIT("example.org") },
		{ S_INIT(MESSAGE("\r\n =?utf-8?q?J=C3=B6?=\r\n <a@example.org>")),
		    S_INIT("example.org") },
		{ S_INIT(MESSAGE("j\xc3\xb6@b\xc3\xbc"
				 "cher.example")),
		    S_INIT("xn--bcher-kva.example") },
		{ S_INIT("To: x@y.example\r\nfrom : a@EXAMPLE.org\r\n\r\n"),
		    S_INIT("example.org") },
	};
	open_world(true);
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].domain.p;
		letter(0, 100 + i, rows[i].from);
		read_questions();
		CHECK_U64(w.signers_n, 1);
		CHECK_STR(str_from(w.domain), rows[i].domain);
		svc_send_sign_forget(&w.letters[0]);
		check(0, 0, 0);
	}
	test_case = NULL;
	close_world();
}

/* Away at first, gone in the middle: the letter waits and is signed in the end. */
static void
waits_for_keys(void)
{
	open_world(false);
	letter(0, 1, S(MESSAGE("a@example.org")));
	turn();
	check(0, 0, 0);
	connect_keys();
	svc_send_keys_here(&w.sv);
	read_questions();
	CHECK_U64(w.signers_n, 1);
	sys_close(&w.keys);
	turn();
	check(0, 0, 0);
	connect_keys();
	svc_send_keys_here(&w.sv);
	read_questions();
	CHECK_U64(w.signers_n, 1);
	say_signers(w.request[0], ERR_OK, S("example.org"), 2);
	say_signature(w.request[0], ERR_OK);
	sys_close(&w.keys);
	turn();
	check(0, 0, 0);
	connect_keys();
	svc_send_keys_here(&w.sv);
	read_questions();
	say_signers(w.request[0], ERR_OK, S("example.org"), 1);
	say_signature(w.request[0], ERR_OK);
	check(0, 1, 0);
	CHECK(str_starts(str_from(w.answers[0].fields), S("DKIM-Signature:")));
	close_world();
}

/* A key that was replaced in between: once more; one of two fails: the other is good enough. */
static void
signatures_that_fail(void)
{
	open_world(true);
	letter(0, 1, S(MESSAGE("a@example.org")));
	read_questions();
	say_signers(w.request[0], ERR_OK, S("example.org"), 1);
	say_signature(w.request[0], ERR_NOTFOUND);
	check(0, 0, 0);
	read_questions();
	CHECK_U64(w.signers_n, 1);
	say_signers(w.request[0], ERR_OK, S("example.org"), 2);
	uint64_t second = w.request[1];
	say_signature(w.request[0], ERR_BUG);
	say_signature(second, ERR_OK);
	check(0, 1, 0);
	CHECK(str_find(str_from(w.answers[0].fields), S("ed25519-sha256")) > 0);
	CHECK(str_find(str_from(w.answers[0].fields), S("rsa-sha256")) < 0);
	letter(1, 2, S(MESSAGE("a@example.org")));
	for (unsigned i = 0; i < 2; i++) {
		read_questions();
		say_signers(w.request[0], ERR_OK, S("example.org"), 1);
		say_signature(w.request[0], ERR_BUG);
	}
	check(1, 0, 1);
	letter(2, 3, S(MESSAGE("a@example.org")));
	read_questions();
	say_signers(w.request[0], ERR_NOMEM, S(""), 0);
	check(2, 0, 1);
	CHECK_U64(svc_send_sign_count(&w.sv)->delayed, 2);
	close_world();
}

/* Answers nobody asked for, and signers that have no right to the domain. */
static void
answers_out_of_place(void)
{
	static const str wrong[] = { S_INIT(""), S_INIT("example.net"), S_INIT("ample.org"),
		S_INIT("a.example.org") };
	open_world(true);
	for (size_t i = 0; i < LEN(wrong); i++) {
		test_case = wrong[i].p;
		w.answers[0] = (struct answer){ 0 };
		letter(0, 100 + i, S(MESSAGE("a@example.org")));
		read_questions();
		uint64_t request = w.request[0];
		say_signature(request, ERR_OK);
		say_signers(request + 1, ERR_OK, S("example.org"), 1);
		check(0, 0, 0);
		letter(0, 200 + i, S(MESSAGE("a@example.org")));
		read_questions();
		say_signers(w.request[0], ERR_OK, wrong[i], 1);
		check(0, 0, 1);
	}
	test_case = NULL;
	close_world();
}

static void
letters_that_go_away(void)
{
	open_world(true);
	letter(0, 1, S(MESSAGE("a@example.org")));
	letter(1, 1, S(MESSAGE("a@example.org")));
	letter(2, 1, S(MESSAGE("a@example.org")));
	read_questions();
	svc_send_sign_forget(&w.letters[0]);
	svc_send_sign_forget(&w.letters[0]);
	say_signers(w.request[0], ERR_OK, S("example.org"), 1);
	w.forget_at_answer = &w.letters[2]; /* while the job is ending */
	say_signature(w.request[0], ERR_OK);
	check(0, 0, 0);
	check(1, 1, 0);
	check(2, 0, 0);
	letter(3, 2, S(MESSAGE("a@example.org")));
	read_questions();
	svc_send_sign_forget(&w.letters[3]);
	say_signers(w.request[0], ERR_OK, S("example.org"), 1); /* nobody is left */
	CHECK_U64(w.sign_n, 0);
	check(3, 0, 0);
	letter(4, 3, S(MESSAGE("a@example.org"))); /* is there when the process ends */
	close_world();
}

/* --- letters that are forwarded ------------------------------------------------------------ */

static void
forward(unsigned i, uint64_t entry, str via, str body)
{
	w.sv.set.hostname = S("mx.example.org");
	w.letters[i] = (struct svc_send_letter){
		.server = &w.sv, .arena = w.arena, .entry = entry, .via = via, .body = body
	};
	svc_send_sign(&w.letters[i]);
	read_questions();
}

#define TEAM S("team@example.org")

/* Two signatures by one key, one after the other; RSA where there is a choice. */
static void
one_seal(void)
{
	static const struct {
		const char *name, *above, *cv, *payload;
	} rows[] = {
		{ "no chain", "Authentication-Results: mx.example.org;\r\n\tspf=pass; arc=none\r\n",
		    "cv=none", "i=1; mx.example.org;\r\n\tspf=pass; arc=none\r\n" },
		{ "nobody looked", "", "cv=none", "i=1; mx.example.org; none\r\n" },
		{ "of another server", "Authentication-Results: other.test; arc=pass\r\n",
		    "cv=none", "i=1; mx.example.org; none\r\n" },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].name;
		char body[1000];
		snprintf(body, sizeof body, "%s" MESSAGE("a@far.test"), rows[i].above);
		open_world(true);
		forward(0, 1, TEAM, str_from(body));
		CHECK_STR(str_from(w.domain), S("example.org"));
		say_signers(w.request[0], ERR_OK, S("example.org"), 2);
		CHECK_U64(w.sign_n, 1);
		CHECK_STR(str_from(w.selector[0]), S("one"));
		check(0, 0, 0);
		say_signature(w.request[0], ERR_OK);
		read_questions();
		CHECK_U64(w.sign_n, 1);
		check(0, 0, 0);
		say_signature(w.request[0], ERR_OK);
		check(0, 1, 0);
		const char *f = w.answers[0].fields;
		CHECK(strncmp(f, "ARC-Seal: i=1; ", 15) == 0);
		CHECK(strstr(f, rows[i].cv) != NULL && strstr(f, rows[i].payload) != NULL);
		CHECK(strstr(f, "\r\nARC-Message-Signature: i=1; ") != NULL);
		CHECK(strstr(f, "DKIM-Signature") == NULL);
		close_world();
	}
	test_case = NULL;
}

/* Each address that forwards has its own; what was made once is kept; its author's is apart. */
static void
seals_are_kept(void)
{
	str body = S(MESSAGE("a@far.test"));
	open_world(true);
	forward(0, 1, TEAM, body);
	say_signers(w.request[0], ERR_OK, S("example.org"), 1);
	say_signature(w.request[0], ERR_OK);
	read_questions();
	say_signature(w.request[0], ERR_OK);
	check(0, 1, 0);
	forward(1, 1, TEAM, body);
	check(1, 1, 0);
	CHECK(w.signers_n == 0 && strcmp(w.answers[0].fields, w.answers[1].fields) == 0);
	forward(2, 1, S("other@example.net"), body);
	CHECK(w.signers_n == 1 && strcmp(w.domain, "example.net") == 0);
	say_signers(w.request[0], ERR_NOTFOUND, S(""), 0);
	check(2, 1, 0);
	CHECK_STR(str_from(w.answers[2].fields), S(""));
	letter(3, 1, body);
	read_questions();
	CHECK(w.signers_n == 1 && strcmp(w.domain, "far.test") == 0);
	close_world();
}

static void
seals_that_cannot_be(void)
{
#define SET(cv)                                                                                \
	"ARC-Seal: i=1; a=rsa-sha256; cv=" cv "; d=x.test; s=x; t=1; b=YWJj\r\n"               \
	"ARC-Message-Signature: i=1; a=rsa-sha256; d=x.test; s=x; h=from; bh=YWJj; b=YWJj\r\n" \
	"ARC-Authentication-Results: i=1; x.test; none\r\n"
	static const char *const rows[] = { SET("none") MESSAGE("a@far.test"), /* nobody looked */
		"Authentication-Results: mx.example.org; arc=fail\r\n" SET("fail")
		    MESSAGE("a@far.test"),
		"Subject: no author\r\n\r\nx\r\n" };
	for (size_t i = 0; i < LEN(rows); i++) {
		open_world(true);
		forward(0, 1, TEAM, str_from(rows[i]));
		say_signers(w.request[0], ERR_OK, S("example.org"), 1);
		CHECK_U64(w.sign_n, 0);
		check(0, 1, 0);
		CHECK_STR(str_from(w.answers[0].fields), S(""));
		CHECK_U64(svc_send_sign_count(&w.sv)->unsigned_letters, 1);
		close_world();
	}
	open_world(true); /* the second signature fails: all of it once more, then it waits */
	forward(0, 1, TEAM, S(MESSAGE("a@far.test")));
	for (int turn = 0; turn < 2; turn++) {
		say_signers(w.request[0], ERR_OK, S("example.org"), 1);
		say_signature(w.request[0], ERR_OK);
		read_questions();
		say_signature(w.request[0], ERR_UNAVAILABLE);
		read_questions();
	}
	check(0, 0, 1);
	close_world();
	open_world(true); /* it goes away in between */
	forward(0, 1, TEAM, S(MESSAGE("a@far.test")));
	say_signers(w.request[0], ERR_OK, S("example.org"), 1);
	svc_send_sign_forget(&w.letters[0]);
	say_signature(w.request[0], ERR_OK);
	check(0, 0, 0);
	close_world();
}

TEST_MAIN(one_seal, seals_are_kept, seals_that_cannot_be, one_letter_two_signatures,
    one_message_is_signed_once, messages_nobody_signs, whose_domain, waits_for_keys,
    signatures_that_fail, answers_out_of_place, letters_that_go_away)
