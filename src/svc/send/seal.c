/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/arc with libcrypto's SHA-256, and what it needs from our own Authentication-Results.
 */
#include "svc/send/seal.h"

#include "mail/authres.h"
#include "proto/arc/arc.h"

#include <openssl/evp.h>

enum { SEAL_OCTETS = 4 << 20, INPUT_MAX = 2 << 20 };

struct svc_send_seal {
	struct arena *outer, *a; /* it lies in the first, what it works with in the second */
	struct arc_seal arc;
	uint8_t body_hash[DKIM_BODY_HASH];
	bool second; /* the message signature is there */
};

enum err
svc_send_seal_new(struct arena *parent, struct svc_send_seal **ret)
{
	struct arena *outer = arena_new(parent, "seal", SEAL_OCTETS, 0);
	struct svc_send_seal *s = outer == NULL ? NULL : ARENA_NEW(outer, struct svc_send_seal);
	struct arena *a = s == NULL ? NULL : arena_new(outer, "set", SEAL_OCTETS, 0);
	if (a == NULL) {
		arena_free(&outer);
		return ERR_NOMEM;
	}
	s->outer = outer;
	s->a = a;
	*ret = s;
	return ERR_OK;
}

void
svc_send_seal_free(struct svc_send_seal **s)
{
	if (*s != NULL) {
		struct arena *outer = (*s)->outer;
		*s = NULL;
		arena_free(&outer);
	}
}

static enum err
digest_of(struct buf *input, uint8_t digest[32])
{
	enum err e = buf_err(input);
	if (e == ERR_OK && EVP_Digest(input->p, input->n, digest, NULL, EVP_sha256(), NULL) != 1) {
		e = ERR_NOMEM;
	}
	return e;
}

/* What we said of the chain when the letter came in. */
static enum err
read_chain(str header, str payload, enum arc_status *ret)
{
	enum mail_authres arc = mail_authres_of(payload, S("arc"));
	bool sealed = mail_header_count(header, S("ARC-Seal")) > 0;
	if (arc == MAIL_AUTHRES_NONE && sealed) {
		return ERR_UNSUPPORTED;
	}
	*ret = arc == MAIL_AUTHRES_PASS ? ARC_PASS : sealed ? ARC_FAIL : ARC_NONE;
	return ERR_OK;
}

static enum err
read_letter(struct svc_send_seal *s, str message, str hostname, struct arc_sealer *who,
    str *ret_header)
{
	str payload, header = arena_dup(s->a, str_sub(message, 0, mail_header_length(message)));
	if (header.p == NULL) {
		return ERR_BUDGET;
	}
	if (!mail_authres_own(header, hostname, &payload)) {
		payload = arena_printf(s->a, "%.*s; none", STR_ARG(hostname));
	}
	*ret_header = header;
	who->payload = payload;
	return read_chain(header, payload, &who->chain);
}

enum err
svc_send_seal_begin(struct svc_send_seal *s, const struct dkim_signer *who, str message,
    str hostname, uint8_t digest[32])
{
	struct buf input;
	str header;
	arena_reset(s->a);
	s->second = false;
	memcpy(s->body_hash, who->body_hash, sizeof s->body_hash);
	struct arc_sealer sealer = { .domain = arena_dup(s->a, who->domain),
		.selector = arena_dup(s->a, who->selector),
		.algorithm = who->algorithm,
		.now_s = who->now_s,
		.body_hash = s->body_hash };
	TRY(read_letter(s, message, hostname, &sealer, &header));
	buf_init(&input, INPUT_MAX);
	enum err e = arc_seal_begin(&s->arc, &sealer, header, s->a, &input);
	e = e != ERR_OK ? e : digest_of(&input, digest);
	buf_done(&input);
	return e;
}

enum err
svc_send_seal_take(struct svc_send_seal *s, str signature, uint8_t digest[32], bool *ret_done,
    struct buf *fields)
{
	struct buf input;
	*ret_done = s->second;
	if (s->second) {
		return arc_seal_end(&s->arc, signature, fields);
	}
	s->second = true;
	buf_init(&input, INPUT_MAX);
	enum err e = arc_seal_message(&s->arc, signature, &input);
	e = e != ERR_OK ? e : digest_of(&input, digest);
	buf_done(&input);
	return e;
}
