/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message with a signature on top, read, hashed and signed again; what we sign is always readable
 * and hashes to the same octets. The first octet says how: a key record or a message.
 */
#include "mail/header.h"
#include "proto/dkim/key.h"
#include "proto/dkim/signature.h"

enum { ROOM = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
into(void *ctx, str octets)
{
	buf_str(ctx, octets);
}

/* The body in one piece and in octets gives the same. */
static void
try_body(str body, enum dkim_canon canon)
{
	struct buf whole, pieces;
	struct dkim_body b;
	buf_init(&whole, ROOM);
	buf_init(&pieces, ROOM);
	dkim_body_init(&b, canon, into, &whole);
	dkim_body_feed(&b, body);
	dkim_body_end(&b);
	dkim_body_init(&b, canon, into, &pieces);
	for (size_t i = 0; i < body.n; i++) {
		dkim_body_feed(&b, str_sub(body, i, 1));
	}
	dkim_body_end(&b);
	ASSERT(str_eq(buf_view(&whole), buf_view(&pieces)));
	buf_done(&whole);
	buf_done(&pieces);
}

static void
try_read(str header, struct arena *a)
{
	static struct dkim_signature s;
	struct mail_field f;
	struct buf out;
	const char *why;
	if (!mail_header_find(header, S("DKIM-Signature"), &f) ||
	    dkim_signature_read(f.raw, &s, &why) != ERR_OK) {
		return;
	}
	struct dkim_hashed what = { s.header, header, s.names, f.raw, s.b };
	buf_init(&out, ROOM);
	(void)(dkim_hash_input(&out, &what, a) == ERR_OK);
	buf_done(&out);
}

static void
try_sign(str header, struct arena *a)
{
	static const uint8_t hash[DKIM_BODY_HASH];
	static struct dkim_signature s;
	struct dkim_signer who = { S("a.test"), S("s"), DKIM_RSA_SHA256, 1, 2, hash };
	struct buf field, input, again;
	const char *why;
	buf_init(&field, DKIM_FIELD_MAX);
	buf_init(&input, ROOM);
	buf_init(&again, ROOM);
	if (dkim_sign(&who, header, a, &field, &input) == ERR_OK) {
		dkim_sign_finish(&field, S("signature"));
		ASSERT(dkim_signature_read(buf_view(&field), &s, &why) == ERR_OK);
		struct dkim_hashed what = { s.header, header, s.names, buf_view(&field), s.b };
		ASSERT(dkim_hash_input(&again, &what, a) == ERR_OK);
		ASSERT(str_eq(buf_view(&input), buf_view(&again)));
	}
	buf_done(&field);
	buf_done(&input);
	buf_done(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dkim_key k;
	if (size == 0 || size > ROOM / 4) {
		return 0;
	}
	str in = str_make(data + 1, size - 1);
	if (data[0] == 'k') {
		(void)(dkim_key_read(in, &k) == ERR_OK);
		return 0;
	}
	struct arena *a = arena_new(NULL, "fuzz", 4 << 20, 0);
	size_t n = mail_header_length(in);
	try_read(str_sub(in, 0, n), a);
	try_sign(str_sub(in, 0, n), a);
	try_body(str_from_off(in, n), data[0] == 's' ? DKIM_SIMPLE : DKIM_RELAXED);
	arena_free(&a);
	return 0;
}
