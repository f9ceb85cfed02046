/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage auth with a DNS of its own: letters signed and sealed here, whole or changed, with answers
 * at once, late or never. What facts come of it.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "base/test.h"
#include "conf/conf.h"
#include "mail/header.h"
#include "svc/scan/auth.h"
#include "svc/scan/crypto.h"

enum { QUESTIONS_MAX = 60, NOW = 1700000000 };
#define FROM "From: Joe <joe@mail.example.com>\r\nSubject: x\r\n"
#define BODY "Hello  there \r\n\r\n"

struct question {
	char name[256];
	void (*fn)(void *ctx, const struct svc_scan_dns_answer *a);
	void *ctx;
};

static struct world {
	struct svc_common sc;
	struct conf conf;
	struct svc_scan scan;
	struct svc_scan_letter letter;
	struct arena *arena;
	struct question questions[QUESTIONS_MAX];
	size_t asked, answered, refused_after;
	unsigned done;
	enum svc_scan_end how;
	char message[20000];
	char key[200]; /* the record of our key */
	const char *policy;
	enum err broken; /* what every question is answered with, when not OK */
} w;

static EVP_PKEY *pkey;

/* --- what the process does ------------------------------------------------------------------- */

bool
svc_scan_dns(struct svc_scan_letter *l, str name, uint16_t type,
    void (*fn)(void *ctx, const struct svc_scan_dns_answer *a), void *ctx)
{
	if (w.asked == w.refused_after || w.asked == QUESTIONS_MAX) {
		return false;
	}
	struct question *q = &w.questions[w.asked++];
	CHECK(name.n < sizeof q->name);
	memcpy(q->name, name.p, name.n);
	q->name[name.n] = 0;
	q->fn = fn;
	q->ctx = ctx;
	return true;
}

bool
svc_scan_dns_early(struct svc_scan_letter *l, str name, uint16_t type,
    void (*fn)(void *ctx, const struct svc_scan_dns_answer *a), void *ctx)
{
	return svc_scan_dns(l, name, type, fn, ctx);
}

void
svc_scan_stage_done(struct svc_scan_letter *l, enum svc_scan_stage_id id, enum svc_scan_end how)
{
	CHECK(id == SVC_SCAN_AUTH);
	w.done++;
	w.how = how;
}

/* --- keys and letters ------------------------------------------------------------------------ */

static str
sign(struct buf *input, uint8_t out[64])
{
	uint8_t digest[32];
	size_t n = 64;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	CHECK(EVP_Digest(input->p, input->n, digest, NULL, EVP_sha256(), NULL) == 1);
	CHECK(EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1);
	CHECK(EVP_DigestSign(ctx, out, &n, digest, sizeof digest) == 1);
	EVP_MD_CTX_free(ctx);
	buf_reset(input);
	return str_make(out, n);
}

static void
put_above(struct buf *fields)
{
	size_t n = strlen(w.message);
	CHECK(fields->n + n < sizeof w.message);
	memmove(w.message + fields->n, w.message, n + 1);
	memcpy(w.message, fields->p, fields->n);
	buf_reset(fields);
}

static void
hash(struct svc_scan_bodies *ret)
{
	str all = str_from(w.message);
	CHECK_ERR(svc_scan_hash_bodies(str_from_off(all, mail_header_length(all)),
		      1U << DKIM_RELAXED, ret),
	    ERR_OK);
}

static void
sign_letter(str domain)
{
	struct svc_scan_bodies bodies;
	struct buf field, input;
	uint8_t octets[64];
	hash(&bodies);
	const struct dkim_signer who = { .domain = domain,
		.selector = S("sel"),
		.algorithm = DKIM_ED25519_SHA256,
		.now_s = NOW,
		.body_hash = bodies.hash[DKIM_RELAXED] };
	buf_init(&field, 10000);
	buf_init(&input, 100000);
	CHECK_ERR(dkim_sign(&who, str_from(w.message), w.arena, &field, &input), ERR_OK);
	dkim_sign_finish(&field, sign(&input, octets));
	put_above(&field);
	buf_done(&field);
	buf_done(&input);
}

static void
seal_letter(str domain, str payload, enum arc_status chain)
{
	static struct arc_seal s;
	struct svc_scan_bodies bodies;
	struct buf fields, input;
	uint8_t octets[64];
	hash(&bodies);
	const struct arc_sealer who = { .domain = domain,
		.selector = S("sel"),
		.algorithm = DKIM_ED25519_SHA256,
		.now_s = NOW,
		.body_hash = bodies.hash[DKIM_RELAXED],
		.payload = payload,
		.chain = chain };
	buf_init(&fields, 10000);
	buf_init(&input, 100000);
	CHECK_ERR(arc_seal_begin(&s, &who, str_from(w.message), w.arena, &input), ERR_OK);
	CHECK_ERR(arc_seal_message(&s, sign(&input, octets), &input), ERR_OK);
	CHECK_ERR(arc_seal_end(&s, sign(&input, octets), &fields), ERR_OK);
	put_above(&fields);
	buf_done(&fields);
	buf_done(&input);
}

static void
change(const char *from, const char *to)
{
	char *at = strstr(w.message, from);
	CHECK(at != NULL && strlen(from) == strlen(to));
	memcpy(at, to, strlen(to));
}

/* --- the world ------------------------------------------------------------------------------- */

static void
open_world(const char *message)
{
	struct arena *arena = w.arena;
	w = (struct world){ .arena = arena, .refused_after = QUESTIONS_MAX };
	w.letter.m.trust.spf = MAIL_AUTHRES_NONE_PUBLISHED;
	arena_reset(arena);
	uint8_t raw[32];
	size_t n = sizeof raw;
	struct buf record;
	memcpy(w.message, message, strlen(message) + 1);
	buf_init_fixed(&record, w.key, sizeof w.key);
	CHECK(EVP_PKEY_get_raw_public_key(pkey, raw, &n) == 1);
	dkim_key_write(&record, DKIM_KEY_ED25519, str_make(raw, n));
	buf_ch(&record, 0);
	w.sc.conf = &w.conf;
	w.scan.sc = &w.sc;
}

/* As svc/scan/letter.c does, for letters with one From field. */
static void
begin(void)
{
	struct svc_scan_letter *l = &w.letter;
	l->scan = &w.scan;
	l->arena = w.arena;
	l->octets = str_from(w.message);
	l->header = str_sub(l->octets, 0, mail_header_length(l->octets));
	l->m.received_s = NOW;
	l->auth.from_fields = (unsigned)mail_header_count(l->header, S("From"));
	if (l->auth.from_fields == 1 && l->auth.from_n == 0) {
		l->auth.from = S("joe@mail.example.com");
		l->auth.from_domain = S("mail.example.com");
		l->auth.from_n = 1;
	}
	svc_scan_auth_stage.begin(l);
}

static void
answer(struct question *q)
{
	static char rdata[300];
	str name = str_from(q->name), text = STR_NONE;
	if (str_ends(name, S("sel._domainkey.example.com")) ||
	    str_ends(name, S("sel._domainkey.list.test"))) {
		text = str_from(w.key);
	} else if (str_eq(name, S("_dmarc.example.com")) && w.policy != NULL) {
		text = str_from(w.policy);
	}
	rdata[0] = (char)text.n;
	if (text.n > 0) {
		memcpy(rdata + 1, text.p, text.n);
	}
	str record = str_make(rdata, text.n + 1);
	struct svc_scan_dns_answer a = { .result = text.p == NULL ? ERR_NOTFOUND : ERR_OK,
		.rdata = &record,
		.n = text.p != NULL };
	if (w.broken != ERR_OK) {
		a = (struct svc_scan_dns_answer){ .result = w.broken };
	}
	q->fn(q->ctx, &a);
}

static void
run(void)
{
	begin();
	while (w.answered < w.asked) {
		CHECK(w.done == 0);
		answer(&w.questions[w.answered++]);
	}
	CHECK_U64(w.done, 1);
	CHECK(w.how == SVC_SCAN_DONE);
}

static unsigned
asked_for(const char *name)
{
	unsigned n = 0;
	for (size_t i = 0; i < w.asked; i++) {
		n += strcmp(w.questions[i].name, name) == 0;
	}
	return n;
}

static str
field(void)
{
	static char text[4000];
	struct buf b;
	buf_init_fixed(&b, text, sizeof text);
	mail_authres_put(&b, S("mx.test"), w.letter.auth.results, w.letter.auth.results_n);
	CHECK_ERR(buf_err(&b), ERR_OK);
	return buf_view(&b);
}

static bool
shows(const char *what)
{
	return str_find(field(), str_from(what)) >= 0;
}

/* --- tests ----------------------------------------------------------------------------------- */

static void
signed_and_aligned(void)
{
	open_world(FROM "\r\n" BODY);
	w.policy = "v=DMARC1; p=reject";
	sign_letter(S("example.com"));
	run();
	struct svc_scan_auth_facts *f = &w.letter.auth;
	CHECK_U64(f->dkim, MAIL_AUTHRES_PASS);
	CHECK_U64(f->dmarc, MAIL_AUTHRES_PASS);
	CHECK_U64(f->arc, MAIL_AUTHRES_NONE_PUBLISHED);
	CHECK(f->aligned && !f->asks_reject);
	CHECK_STR(f->organization, S("example.com"));
	CHECK(shows("dkim=pass"));
	CHECK(shows("header.d=example.com"));
	CHECK(shows("header.s=sel"));
	CHECK(shows("dmarc=pass"));
	CHECK(!shows(" arc=") && !shows("\tarc="));
	CHECK_U64(asked_for("sel._domainkey.example.com"), 1);
}

static void
changed_body(void)
{
	open_world(FROM "\r\n" BODY);
	w.policy = "v=DMARC1; p=reject";
	sign_letter(S("example.com"));
	change("Hello", "Hullo");
	run();
	CHECK_U64(w.letter.auth.dkim, MAIL_AUTHRES_FAIL);
	CHECK_U64(w.letter.auth.dmarc, MAIL_AUTHRES_FAIL);
	CHECK(w.letter.auth.asks_reject && !w.letter.auth.aligned);
	CHECK_U64(asked_for("sel._domainkey.example.com"), 0);
	CHECK(shows("reason=\"body hash\""));
}

static void
changed_header(void)
{
	open_world(FROM "\r\n" BODY);
	sign_letter(S("example.com"));
	change("Subject: x", "Subject: y");
	run();
	CHECK_U64(w.letter.auth.dkim, MAIL_AUTHRES_FAIL);
	CHECK_U64(w.letter.auth.dmarc, MAIL_AUTHRES_NONE_PUBLISHED);
	CHECK(!w.letter.auth.asks_reject);
	CHECK(shows("reason=signature"));
}

static void
spf_alone(void)
{
	open_world(FROM "\r\n" BODY);
	w.policy = "v=DMARC1; p=quarantine";
	w.letter.m.trust.spf = MAIL_AUTHRES_PASS;
	w.letter.m.trust.spf_domain = S("bounces.example.com");
	run();
	CHECK_U64(w.letter.auth.dkim, MAIL_AUTHRES_NONE_PUBLISHED);
	CHECK_U64(w.letter.auth.dmarc, MAIL_AUTHRES_PASS);
	open_world(FROM "\r\n" BODY);
	w.policy = "v=DMARC1; p=quarantine";
	w.letter.m.trust.spf = MAIL_AUTHRES_PASS;
	w.letter.m.trust.spf_domain = S("example.net");
	run();
	CHECK_U64(w.letter.auth.dmarc, MAIL_AUTHRES_FAIL);
	CHECK(w.letter.auth.asks_quarantine && !w.letter.auth.asks_reject);
}

/* Nobody looked at SPF, so only a signature can say how it stands; nothing else is asked about. */
static void
spf_unseen(void)
{
	static const struct {
		str domain;
		const char *from, *to;
		enum mail_authres want;
	} rows[] = {
		{ S_INIT("example.com"), "Hello", "Hello", MAIL_AUTHRES_PASS },
		{ S_INIT("example.com"), "Hello", "Hullo", MAIL_AUTHRES_NONE_PUBLISHED },
		{ S_INIT("list.test"), "Hello", "Hello", MAIL_AUTHRES_NONE_PUBLISHED },
		{ S_INIT(""), "Hello", "Hello", MAIL_AUTHRES_NONE_PUBLISHED },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		open_world(FROM "\r\n" BODY);
		w.policy = "v=DMARC1; p=reject";
		w.letter.m.trust.spf = MAIL_AUTHRES_NONE;
		if (rows[i].domain.n > 0) {
			sign_letter(rows[i].domain);
		}
		change(rows[i].from, rows[i].to);
		run();
		bool passed = rows[i].want == MAIL_AUTHRES_PASS;
		CHECK_U64(w.letter.auth.dmarc, rows[i].want);
		CHECK(!w.letter.auth.asks_reject && !w.letter.auth.asks_quarantine);
		CHECK(w.letter.auth.aligned == passed);
		CHECK_STR(w.letter.auth.organization, S("example.com"));
		CHECK(shows("SPF was not looked at") == !passed);
	}
	CHECK_U64(w.asked, 0);
}

/* DNS that says nothing makes nobody guilty. */
static void
no_dns(void)
{
	static const str sealer = S_INIT("list.test");
	for (int i = 0; i < 2; i++) {
		open_world(FROM "\r\n" BODY);
		sign_letter(S("example.com"));
		seal_letter(S("list.test"), S("list.test; dmarc=pass"), ARC_NONE);
		w.broken = i == 0 ? ERR_AGAIN : ERR_OK;
		w.refused_after = i == 0 ? QUESTIONS_MAX : 0;
		w.conf.arc_trusted = (struct conf_list){ &sealer, (size_t)i };
		run();
		CHECK_U64(w.letter.auth.dkim, MAIL_AUTHRES_TEMPERROR);
		CHECK_U64(w.letter.auth.dmarc, MAIL_AUTHRES_TEMPERROR);
		CHECK_U64(w.letter.auth.arc, MAIL_AUTHRES_FAIL);
		CHECK(w.letter.auth.arc_unread == (i == 1));
	}
}

/* The policy is there, the key is not to be had: a fail would be somebody else's fault. */
static void
no_key(void)
{
	static const struct {
		str domain;
		enum mail_authres spf, want;
	} rows[] = {
		{ S_INIT("example.com"), MAIL_AUTHRES_NONE_PUBLISHED, MAIL_AUTHRES_TEMPERROR },
		{ S_INIT("list.test"), MAIL_AUTHRES_NONE_PUBLISHED, MAIL_AUTHRES_FAIL },
		{ S_INIT("list.test"), MAIL_AUTHRES_TEMPERROR, MAIL_AUTHRES_TEMPERROR },
		{ S_INIT("list.test"), MAIL_AUTHRES_PASS, MAIL_AUTHRES_PASS },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		open_world(FROM "\r\n" BODY);
		w.policy = "v=DMARC1; p=reject";
		w.letter.m.trust.spf = (uint8_t)rows[i].spf;
		w.letter.m.trust.spf_domain = S("example.com");
		sign_letter(rows[i].domain);
		begin();
		CHECK_U64(w.asked, 1);
		w.broken = ERR_AGAIN;
		answer(&w.questions[w.answered++]);
		w.broken = ERR_OK;
		while (w.answered < w.asked) {
			answer(&w.questions[w.answered++]);
		}
		CHECK_U64(w.letter.auth.dkim, MAIL_AUTHRES_TEMPERROR);
		CHECK_U64(w.letter.auth.dmarc, rows[i].want);
		CHECK(w.letter.auth.key_unread == (i == 0));
	}
}

/* A stranger's silent key behind a seal in the name of one we trust: that is nobody's chain. */
static void
silent_chain(void)
{
	static const str trusted = S_INIT("example.com");
	for (int strange = 0; strange <= 1; strange++) {
		open_world(FROM "\r\n" BODY);
		seal_letter(S("example.com"), S("example.com; dmarc=pass"), ARC_NONE);
		if (strange) {
			change("relaxed;\r\n\td=example.com", "relaxed;\r\n\td=silent.test");
		}
		w.conf.arc_trusted = (struct conf_list){ &trusted, 1 };
		w.broken = ERR_AGAIN;
		run();
		CHECK_U64(w.letter.auth.arc, MAIL_AUTHRES_FAIL);
		CHECK(w.letter.auth.arc_unread == !strange);
	}
}

static void
deadline(void)
{
	open_world(FROM "\r\n" BODY);
	sign_letter(S("example.com"));
	begin();
	CHECK_U64(w.done, 0);
	svc_scan_auth_stage.cancel(&w.letter);
	CHECK_U64(w.done, 0);
	CHECK_U64(w.letter.auth.dkim, MAIL_AUTHRES_TEMPERROR);
	CHECK_U64(w.letter.auth.dmarc, MAIL_AUTHRES_TEMPERROR);
	CHECK(shows("dkim=temperror"));
	open_world(FROM "\r\n" BODY);
	sign_letter(S("example.com"));
	begin();
	w.letter.gone = true;
	svc_scan_auth_stage.cancel(&w.letter);
	CHECK_U64(w.letter.auth.results_n, 0);
}

/* A list changed the letter and sealed it: it depends on who is trusted, and what they found. */
static void
sealed(void)
{
	static const str list[] = { S_INIT("other.test"), S_INIT("List.test") };
	static const struct {
		str payload;
		size_t trusted_n;
		bool trusted;
	} rows[] = {
		{ S_INIT("list.test; dmarc=pass header.from=example.com"), 2, true },
		{ S_INIT("list.test; dmarc=pass"), 1, false },
		{ S_INIT("list.test; dmarc=fail"), 2, false },
		{ S_INIT("list.test; none"), 2, false },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		open_world(FROM "\r\n" BODY);
		w.policy = "v=DMARC1; p=reject";
		sign_letter(S("example.com"));
		change("Hello", "Hullo");
		seal_letter(S("list.test"), rows[i].payload, ARC_NONE);
		w.conf.arc_trusted = (struct conf_list){ list, rows[i].trusted_n };
		run();
		CHECK_U64(w.letter.auth.dmarc, MAIL_AUTHRES_FAIL);
		CHECK_U64(w.letter.auth.arc, MAIL_AUTHRES_PASS);
		CHECK_STR(w.letter.auth.arc_sealer, S("list.test"));
		CHECK(w.letter.auth.arc_trusted == rows[i].trusted);
		CHECK_U64(asked_for("sel._domainkey.list.test"), 1);
		CHECK(shows("arc=pass (i=1 d=list.test)"));
	}
}

/* Trust does not reach behind a sealer who is not trusted. */
static void
sealed_twice(void)
{
	static const str list[] = { S_INIT("list.test"), S_INIT("example.com") };
	for (size_t trusted_n = 1; trusted_n <= 2; trusted_n++) {
		open_world(FROM "\r\n" BODY);
		seal_letter(S("list.test"), S("list.test; dmarc=pass"), ARC_NONE);
		seal_letter(S("example.com"), S("example.com; dmarc=fail; arc=pass"), ARC_PASS);
		w.conf.arc_trusted = (struct conf_list){ list, trusted_n };
		run();
		CHECK_U64(w.letter.auth.arc, MAIL_AUTHRES_PASS);
		CHECK_STR(w.letter.auth.arc_sealer, S("example.com"));
		CHECK(w.letter.auth.arc_trusted == (trusted_n == 2));
	}
	change("dmarc=pass", "dmarc=none");
	w.letter.auth = (struct svc_scan_auth_facts){ 0 };
	w.asked = w.answered = w.done = 0;
	run();
	CHECK_U64(w.letter.auth.arc, MAIL_AUTHRES_FAIL);
	CHECK(!w.letter.auth.arc_trusted && w.letter.auth.arc_sealer.n == 0);
}

static void
authors(void)
{
	static const struct {
		const char *header;
		unsigned from_n;
		const char *common;
		enum mail_authres want;
	} rows[] = {
		{ FROM FROM "\r\n", 1, "", MAIL_AUTHRES_FAIL },
		{ "Subject: x\r\n\r\n", 0, "", MAIL_AUTHRES_PERMERROR },
		{ "From: a@example.com, b@EXAMPLE.com\r\n\r\n", 2, "example.com",
		    MAIL_AUTHRES_PASS },
		{ "From: a@example.com, b@example.net\r\n\r\n", 2, "", MAIL_AUTHRES_FAIL },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		test_case = rows[i].header;
		open_world(rows[i].header);
		w.policy = "v=DMARC1; p=reject";
		w.letter.auth.from_n = rows[i].from_n;
		w.letter.auth.from_common = str_from(rows[i].common);
		w.letter.m.trust.spf = MAIL_AUTHRES_PASS;
		w.letter.m.trust.spf_domain = S("example.com");
		if (rows[i].from_n == 0) {
			w.letter.auth.from_domain = STR_NONE;
		}
		run();
		CHECK_U64(w.letter.auth.dmarc, rows[i].want);
	}
	test_case = NULL;
}

static void
public_suffixes(void)
{
	static const struct {
		str domain, want;
	} rows[] = {
		{ S_INIT("a.b.example.com"), S_INIT("example.com") },
		{ S_INIT("example.co.uk"), S_INIT("example.co.uk") },
		{ S_INIT("co.uk"), S_INIT("") },
		{ S_INIT("com"), S_INIT("") },
		{ S_INIT(""), S_INIT("") },
	};
	for (size_t i = 0; i < LEN(rows); i++) {
		str got = S("");
		CHECK(svc_scan_auth_suffix(NULL, rows[i].domain, &got) == (rows[i].want.n > 0));
		CHECK_STR(got, rows[i].want);
	}
}

/* Whatever request for memory fails: the stage ends, and nobody is called guilty. */
static void
want_of_memory(void)
{
	for (uint64_t n = 1; n <= 150; n++) {
		open_world(FROM "\r\n" BODY);
		w.policy = "v=DMARC1; p=reject";
		sign_letter(S("example.com"));
		mem_fail_after(n);
		begin();
		while (w.answered < w.asked) {
			answer(&w.questions[w.answered++]);
		}
		mem_fail_after(0);
		CHECK_U64(w.done, 1);
		CHECK(w.letter.auth.dkim == MAIL_AUTHRES_PASS ||
		    w.letter.auth.dkim == MAIL_AUTHRES_TEMPERROR);
		CHECK(w.letter.auth.dmarc == MAIL_AUTHRES_PASS ||
		    w.letter.auth.dmarc == MAIL_AUTHRES_TEMPERROR);
	}
}

/* Only RSA keys are RSA keys; nothing longer than a signature can be. */
static void
keys(void)
{
	static struct dkim_key key;
	static struct dkim_signature s;
	struct dkim_proof proof;
	key.type = DKIM_KEY_RSA;
	key.octets_n = (size_t)i2d_PUBKEY(pkey, &(unsigned char *){ key.octets });
	CHECK(key.octets_n > 0);
	s.algorithm = DKIM_RSA_SHA256;
	svc_scan_prove(&key, &s, S("x"), &proof);
	CHECK(!proof.readable && !proof.good);
	CHECK_ERR(svc_scan_crypto_begin(), ERR_OK);
}

int
main(void)
{
	static test_fn *const tests[] = { signed_and_aligned, changed_body, changed_header,
		spf_alone, spf_unseen, no_dns, no_key, silent_chain, deadline, sealed, sealed_twice,
		authors, public_suffixes, want_of_memory, keys };
	pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	w.arena = arena_new(NULL, "test", SVC_SCAN_LETTER_BUDGET, 0);
	int status = test_run(tests, LEN(tests));
	arena_free(&w.arena);
	EVP_PKEY_free(pkey);
	return status;
}
