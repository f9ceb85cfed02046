/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verify files with proto/dkim, as the scanner of incoming mail will.
 *
 *	verify_mail RECORDS FILE...
 *
 * RECORDS has "NAME RECORD" lines. For each signature of each file a line "FILE RESULT WHY" comes
 * out: pass, fail (hash or signature), invalid (the field or the key).
 */
#include "base/arena.h"
#include "mail/header.h"
#include "proto/dkim/key.h"
#include "proto/dkim/signature.h"
#include "sys/file.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

enum { FILE_MAX = 32 << 20, RSA_BITS_MIN = 1024 };

static struct buf records, message;
static struct arena *scratch;

struct verdict {
	const char *result, *why;
};

static struct verdict
invalid(const char *why)
{
	return (struct verdict){ "invalid", why };
}

static bool
find_record(const struct dkim_signature *s, str *ret)
{
	str rest = buf_view(&records), line, name, data;
	str want = arena_printf(scratch, "%.*s._domainkey.%.*s", STR_ARG(s->selector),
	    STR_ARG(s->domain));
	while (rest.n > 0 && str_next(&rest, '\n', &line)) {
		if (str_cut(line, '\t', &name, &data) && str_ieq(name, want)) {
			*ret = data;
			return true;
		}
	}
	return false;
}

static EVP_PKEY *
load_key(const struct dkim_key *k)
{
	const unsigned char *der = k->octets;
	if (k->type == DKIM_KEY_ED25519) {
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->octets, k->octets_n);
	}
	EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)k->octets_n);
	der = k->octets;
	return key != NULL ? key : d2i_PublicKey(EVP_PKEY_RSA, NULL, &der, (long)k->octets_n);
}

static bool
signature_is_good(EVP_PKEY *key, const struct dkim_signature *s, const struct buf *input)
{
	uint8_t digest[32];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool rsa = s->algorithm == DKIM_RSA_SHA256;
	EVP_Digest(input->p, input->n, digest, NULL, EVP_sha256(), NULL);
	bool good = EVP_DigestVerifyInit(ctx, NULL, rsa ? EVP_sha256() : NULL, NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, s->octets, s->octets_n,
		rsa ? (const unsigned char *)input->p : digest,
		rsa ? input->n : sizeof digest) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

static void
into_hash(void *ctx, str octets)
{
	EVP_DigestUpdate(ctx, octets.p, octets.n);
}

static bool
body_is_good(const struct dkim_signature *s)
{
	uint8_t hash[32];
	struct dkim_body body;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	str all = buf_view(&message);
	EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
	dkim_body_init(&body, s->body, into_hash, ctx);
	dkim_body_feed(&body, str_from_off(all, mail_header_length(all)));
	dkim_body_end(&body);
	EVP_DigestFinal_ex(ctx, hash, NULL);
	EVP_MD_CTX_free(ctx);
	return memcmp(hash, s->body_hash, sizeof hash) == 0;
}

static struct verdict
verify_with(const struct dkim_signature *s, const struct dkim_key *k, str raw)
{
	struct buf input;
	struct verdict v = { "pass", "" };
	str all = buf_view(&message);
	EVP_PKEY *key = load_key(k);
	if (key == NULL) {
		return invalid("the key cannot be read");
	}
	if (k->type == DKIM_KEY_RSA && EVP_PKEY_get_bits(key) < RSA_BITS_MIN) {
		EVP_PKEY_free(key);
		return invalid("the key is too short");
	}
	struct dkim_hashed what = { s->header, str_sub(all, 0, mail_header_length(all)), s->names,
		raw, s->b };
	buf_init(&input, FILE_MAX);
	if (!body_is_good(s)) {
		v = (struct verdict){ "fail", "body hash" };
	} else if (dkim_hash_input(&input, &what, scratch) != ERR_OK ||
	    !signature_is_good(key, s, &input)) {
		v = (struct verdict){ "fail", "signature" };
	}
	buf_done(&input);
	EVP_PKEY_free(key);
	return v;
}

static struct verdict
verify(str raw)
{
	static struct dkim_signature s;
	static struct dkim_key key;
	const char *why = "";
	str record;
	if (dkim_signature_read(raw, &s, &why) != ERR_OK) {
		return invalid(why);
	}
	if (s.has_length) {
		return invalid("a length is not trusted");
	}
	if (!find_record(&s, &record)) {
		return invalid("no key");
	}
	enum err e = dkim_key_read(record, &key);
	if (e != ERR_OK) {
		return invalid(e == ERR_NOTFOUND ? "revoked" : "the record cannot be used");
	}
	return dkim_key_fits(&key, &s) ? verify_with(&s, &key, raw)
				       : invalid("the key does not fit");
}

static enum err
verify_file(const char *path)
{
	struct mail_field f;
	size_t n = 0;
	buf_reset(&message);
	TRY(sys_file_load(SYS_CWD, str_from(path), &message));
	struct mail_header h = mail_header_make(buf_view(&message));
	while (mail_header_next(&h, &f)) {
		if (str_ieq(f.name, S("DKIM-Signature"))) {
			arena_reset(scratch);
			struct verdict v = verify(f.raw);
			printf("%s\t%s\t%s\n", path, v.result, v.why);
			n++;
		}
	}
	if (n == 0) {
		printf("%s\tnone\tno signature\n", path);
	}
	return ERR_OK;
}

int
main(int argc, char **argv)
{
	scratch = arena_new(NULL, "scratch", 16 << 20, 0);
	buf_init(&records, FILE_MAX);
	buf_init(&message, FILE_MAX);
	if (argc < 2 || sys_file_load(SYS_CWD, str_from(argv[1]), &records) != ERR_OK) {
		fprintf(stderr, "usage: verify_mail RECORDS FILE...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++) {
		if (verify_file(argv[i]) != ERR_OK) {
			fprintf(stderr, "%s: cannot be read\n", argv[i]);
			return 1;
		}
	}
	buf_done(&records);
	buf_done(&message);
	arena_free(&scratch);
	return 0;
}
