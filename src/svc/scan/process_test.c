/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real program, postern-scan, inside its sandbox; this test plays its parent and peers. What
 * the kernel would forbid shows here and nowhere else. Last, what a signed letter of 4 KB costs.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/codec.h"
#include "mail/header.h"
#include "svc/common/program_test.h"
#include "svc/scan/crypto.h"
#include "svc/scan/world_test.h"
#include "sys/file.h"

enum { LETTERS = 400, KEY_BITS = 2048, NOW = 1700000000 };

static struct scan_world w;
static struct svc_common_program program;
static struct buf letter;
static char record[1000];

/* --- a letter ------------------------------------------------------------------------------ */

static void
make_record(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	struct buf b;
	int n = i2d_PUBKEY(key, &der);
	CHECK(n > 0);
	buf_init_fixed(&b, record, sizeof record - 1);
	buf_cstr(&b, "v=DKIM1; k=rsa; p=");
	base64_encode(&b, str_make(der, (size_t)n));
	CHECK_ERR(buf_err(&b), ERR_OK);
	OPENSSL_free(der);
}

static void
sign(EVP_PKEY *key, str octets, struct buf *field)
{
	struct svc_scan_bodies bodies;
	struct buf input;
	uint8_t sig[KEY_BITS / 8];
	size_t n = sizeof sig;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	str body = str_from_off(octets, mail_header_length(octets));
	CHECK_ERR(svc_scan_hash_bodies(body, 1U << DKIM_RELAXED, &bodies), ERR_OK);
	const struct dkim_signer who = { .domain = S("example.com"),
		.selector = S("sel"),
		.algorithm = DKIM_RSA_SHA256,
		.now_s = NOW,
		.body_hash = bodies.hash[DKIM_RELAXED] };
	buf_init(&input, 1 << 20);
	CHECK_ERR(dkim_sign(&who, octets, w.sc.arena, field, &input), ERR_OK);
	CHECK(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1);
	CHECK(EVP_DigestSign(ctx, sig, &n, (const uint8_t *)input.p, input.n) == 1);
	dkim_sign_finish(field, str_make(sig, n));
	EVP_MD_CTX_free(ctx);
	buf_done(&input);
}

/* About 4 KB as people write: two alternatives, some links. */
static void
make_letter(void)
{
	static const char *const sentences[] = { "The committee will meet on Thursday at ten.",
		"Please find the agenda of the last three months below.",
		"We have changed the room because of the repairs in the cellar.",
		"Whoever cannot come may send his notes to the secretary." };
	EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_init(&letter, 1 << 20);
	buf_cstr(&b,
	    "Received: from inner.example.com by mx.example.com; "
	    "Tue, 14 Nov 2023 22:13:20 +0000\r\n"
	    "From: Ann Example <ann@example.com>\r\nTo: user@example.org\r\n"
	    "Subject: Meeting on Thursday\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
	    "Message-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: multipart/alternative; boundary=\"b1\"\r\n\r\n"
	    "--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
	for (unsigned i = 0; i < 24; i++) {
		buf_printf(&b, "%s Item %u of the list.\r\n", sentences[i % LEN(sentences)], i);
	}
	buf_cstr(&b, "--b1\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>\r\n");
	for (unsigned i = 0; i < 18; i++) {
		buf_printf(&b, "<p>%s <a href=\"https://www%u.example.com/x\">Item</a></p>\r\n",
		    sentences[i % LEN(sentences)], i % 3);
	}
	buf_cstr(&b, "</body></html>\r\n--b1--\r\n");
	make_record(key);
	sign(key, buf_view(&b), &letter);
	buf_str(&letter, buf_view(&b));
	EVP_PKEY_free(key);
	buf_done(&b);
}

/* --- the parent ---------------------------------------------------------------------------- */

static void
start(void)
{
	svc_common_program_start(&program, "scan", "scan", 0,
	    S("hostname mx.example.org\ndomain example.org\nstate /nowhere\nlog /dev/null\n"));
	w.smtp = svc_common_program_wire(&program, "smtp_scan", 0);
	w.policy = svc_common_program_wire(&program, "scan_policy", 0);
	w.resolve = svc_common_program_wire(&program, "scan_resolve", 0);
	svc_common_program_go(&program);
}

/* --- what it does -------------------------------------------------------------------------- */

static void
looks(void)
{
	struct ipc_smtp_scan_letter m = svc_scan_world_letter(1, buf_view(&letter));
	svc_scan_world_send(&w, &m);
	svc_scan_world_wait(&w, 1);
	svc_scan_world_send_file(&w, &m, buf_view(&letter));
	svc_scan_world_wait(&w, 2);
	CHECK(str_find(buf_view(&w.whys), S("dkim=pass")) >= 0);
	CHECK(str_find(buf_view(&w.whys), S("dmarc=pass")) >= 0);
	CHECK(str_find(buf_view(&w.headers), S("dkim=pass")) >= 0);
	CHECK(str_find(buf_view(&w.judges), S("domain=example.com aligned ")) >= 0);
	printf("%.*s", STR_ARG(buf_view(&w.headers)));
}

/* Nanoseconds of CPU it has used. */
static uint64_t
used_ns(void)
{
	char path[64];
	struct buf b;
	str first, rest;
	uint64_t ns = 0;
	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)program.child.pid);
	buf_init(&b, 4096);
	CHECK_ERR(sys_file_load(SYS_CWD, str_from(path), &b), ERR_OK);
	CHECK(str_cut(buf_view(&b), ' ', &first, &rest) && str_u64(first, &ns));
	buf_done(&b);
	return ns;
}

static void
costs(void)
{
	uint64_t began = used_ns();
	for (unsigned i = 0; i < LETTERS; i++) {
		struct ipc_smtp_scan_letter m = svc_scan_world_letter(i, buf_view(&letter));
		svc_scan_world_send(&w, &m);
		if (i % 20 == 19) {
			svc_scan_world_wait(&w, i - 1);
		}
	}
	svc_scan_world_wait(&w, LETTERS + 2);
	printf("%zu octets, %u us of CPU each\n", letter.n,
	    (unsigned)((used_ns() - began) / LETTERS / 1000));
}

static void
lives(void)
{
	struct scan_world_name names[] = { { "sel._domainkey.example.com", record },
		{ "_dmarc.example.com", "v=DMARC1; p=reject" }, { NULL, NULL } };
	CHECK_ERR(svc_scan_crypto_begin(), ERR_OK);
	svc_scan_world_outside(&w);
	w.names = names;
	make_letter();
	start();
	looks();
	costs();
	svc_common_program_quit(&program, 1000);
	svc_common_program_end(&program);
	buf_done(&letter);
	svc_scan_world_close(&w);
}

TEST_MAIN(lives)
