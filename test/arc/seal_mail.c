/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seal one file with proto/arc, as a forwarding server does.
 *
 *	seal_mail KEY DOMAIN SELECTOR CHAIN PAYLOAD IN OUT
 *
 * KEY: an RSA or Ed25519 key in PEM. CHAIN: none, pass or fail, what IN's chain was found to be.
 */
#include "base/arena.h"
#include "mail/header.h"
#include "proto/arc/arc.h"
#include "svc/scan/crypto.h"
#include "sys/file.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

enum { FILE_MAX = 32 << 20 };

static struct buf message, input, fields;
static struct arena *arena;
static EVP_PKEY *key;

static bool
load_key(const char *path)
{
	struct buf pem;
	buf_init(&pem, 1 << 16);
	if (sys_file_load(SYS_CWD, str_from(path), &pem) == ERR_OK) {
		BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
		key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
		BIO_free(bio);
	}
	buf_done(&pem);
	return key != NULL;
}

static bool
is_rsa(void)
{
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
}

/* Sign what waits in `input`, and empty it. */
static str
sign(uint8_t *out)
{
	uint8_t digest[32];
	size_t n = DKIM_SIGNATURE_MAX;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_Digest(input.p, input.n, digest, NULL, EVP_sha256(), NULL);
	bool good = EVP_DigestSignInit(ctx, NULL, is_rsa() ? EVP_sha256() : NULL, NULL, key) == 1 &&
	    EVP_DigestSign(ctx, out, &n, is_rsa() ? (uint8_t *)input.p : digest,
		is_rsa() ? input.n : sizeof digest) == 1;
	EVP_MD_CTX_free(ctx);
	buf_reset(&input);
	return good ? str_make(out, n) : S("");
}

static enum arc_status
status_of(str word)
{
	return str_eq(word, S("pass")) ? ARC_PASS : str_eq(word, S("none")) ? ARC_NONE : ARC_FAIL;
}

static enum err
seal(char **argv)
{
	static struct arc_seal s;
	struct svc_scan_bodies bodies;
	uint8_t octets[DKIM_SIGNATURE_MAX];
	str all = buf_view(&message);
	TRY(svc_scan_hash_bodies(str_from_off(all, mail_header_length(all)), 1U << DKIM_RELAXED,
	    &bodies));
	const struct arc_sealer who = { .domain = str_from(argv[2]),
		.selector = str_from(argv[3]),
		.algorithm = is_rsa() ? DKIM_RSA_SHA256 : DKIM_ED25519_SHA256,
		.now_s = 1600000000,
		.body_hash = bodies.hash[DKIM_RELAXED],
		.payload = str_from(argv[5]),
		.chain = status_of(str_from(argv[4])) };
	TRY(arc_seal_begin(&s, &who, all, arena, &input));
	TRY(arc_seal_message(&s, sign(octets), &input));
	TRY(arc_seal_end(&s, sign(octets), &fields));
	buf_str(&fields, all);
	return sys_file_replace(SYS_CWD, str_from(argv[7]), buf_view(&fields));
}

int
main(int argc, char **argv)
{
	enum err e = ERR_NOTFOUND;
	if (argc != 8) {
		fprintf(stderr, "usage: seal_mail KEY DOMAIN SELECTOR CHAIN PAYLOAD IN OUT\n");
		return 2;
	}
	arena = arena_new(NULL, "message", 16 << 20, 0);
	buf_init(&message, FILE_MAX);
	buf_init(&input, FILE_MAX);
	buf_init(&fields, FILE_MAX);
	if (load_key(argv[1])) {
		e = sys_file_load(SYS_CWD, str_from(argv[6]), &message);
		e = e == ERR_OK ? seal(argv) : e;
	}
	if (e != ERR_OK) {
		fprintf(stderr, "seal_mail: %s\n", err_name(e));
	}
	buf_done(&message);
	buf_done(&input);
	buf_done(&fields);
	arena_free(&arena);
	EVP_PKEY_free(key);
	return e == ERR_OK ? 0 : 1;
}
