/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashes with libcrypto, everything else with proto/dkim and mail.
 */
#include "svc/send/sign_text.h"

#include "mail/address.h"
#include "mail/header.h"

#include <openssl/evp.h>

enum err
svc_send_sign_from(str message, struct arena *a, struct buf *ret_domain)
{
	struct mail_field from;
	struct mail_address *list;
	size_t n;
	if (!mail_header_find(message, S("From"), &from)) {
		return ERR_NOTFOUND;
	}
	TRY(mail_addresses_parse(a, from.value, 0, &list, &n));
	for (size_t i = 0; i < n; i++) {
		bool named = list[i].kind == MAIL_ADDRESS_MAILBOX && list[i].domain.n > 0 &&
		    list[i].domain.p[0] != '[';
		if (named) {
			enum err e = mail_domain_put(ret_domain, list[i].domain);
			return e == ERR_OK ? ERR_OK : ERR_NOTFOUND;
		}
	}
	return ERR_NOTFOUND;
}

static void
into_hash(void *ctx, str octets)
{
	int good = EVP_DigestUpdate(ctx, octets.p, octets.n);
	ASSERT(good == 1); /* fails for a context that was never begun, only */
}

enum err
svc_send_sign_body(str message, uint8_t ret[DKIM_BODY_HASH])
{
	struct dkim_body body;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(ctx);
		return ERR_NOMEM;
	}
	dkim_body_init(&body, DKIM_RELAXED, into_hash, ctx);
	dkim_body_feed(&body, str_from_off(message, mail_header_length(message)));
	dkim_body_end(&body);
	int good = EVP_DigestFinal_ex(ctx, ret, NULL);
	EVP_MD_CTX_free(ctx);
	return good == 1 ? ERR_OK : ERR_NOMEM;
}

enum err
svc_send_sign_begin(const struct dkim_signer *s, str message, struct arena *a, struct buf *field,
    uint8_t digest[32])
{
	str header = str_sub(message, 0, mail_header_length(message));
	struct buf input;
	buf_init(&input, header.n + DKIM_FIELD_MAX);
	enum err e = dkim_sign(s, header, a, field, &input);
	if (e == ERR_OK && EVP_Digest(input.p, input.n, digest, NULL, EVP_sha256(), NULL) != 1) {
		e = ERR_NOMEM;
	}
	buf_done(&input);
	return e;
}
