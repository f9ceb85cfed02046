/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a signature: which fields are named, and a field of lines that no mail system needs to
 * fold again.
 */
#include "base/codec.h"
#include "mail/header.h"
#include "proto/dkim/signature.h"

enum how { OVER, PRESENT, EXACT };

static const struct {
	str name;
	enum how how;
} fields[] = {
#define FIELD(name, how) { S_INIT(name), how },
#include "proto/dkim/fields.def"
#undef FIELD
};

/* How often h= names it. */
static size_t
times(str header, size_t field)
{
	size_t n = mail_header_count(header, fields[field].name);
	switch (fields[field].how) {
	case OVER: return n + 1;
	case PRESENT: return n == 0 ? 0 : n + 1;
	case EXACT: return n;
	}
	return 0;
}

/* "From:From:To:..."; a seal also holds fast the signatures it found (RFC 8617 4.1.2). */
static enum err
put_names(struct buf *out, str header, bool arc)
{
	size_t named = 0;
	for (size_t n = arc ? mail_header_count(header, S("DKIM-Signature")) : 0; n > 0; n--) {
		if (++named > DKIM_NAMES_MAX / 2) {
			return ERR_TOOMANY;
		}
		buf_str(out, S("DKIM-Signature:"));
	}
	size_t before = named;
	for (size_t i = 0; i < LEN(fields); i++) {
		for (size_t n = times(header, i); n > 0; n--) {
			if (++named > DKIM_NAMES_MAX) {
				return ERR_TOOMANY;
			}
			if (named > before + 1) {
				buf_ch(out, ':');
			}
			buf_str(out, fields[i].name);
		}
	}
	return buf_err(out);
}

/* Write on, on a new line where this piece would be too much for the one we are on. */
static void
put_folded(struct buf *out, size_t *column, str piece)
{
	if (*column + piece.n > DKIM_LINE) {
		buf_str(out, S("\r\n\t"));
		*column = 8;
	}
	buf_str(out, piece);
	*column += piece.n;
}

static void
put_list(struct buf *out, str names)
{
	str name, rest = names;
	size_t column = 8 + 2;
	buf_str(out, S("\r\n\th="));
	while (str_next(&rest, ':', &name)) {
		bool last = rest.p == NULL;
		put_folded(out, &column, str_make(name.p, name.n + !last));
	}
	buf_ch(out, ';');
}

static void
put_tags(struct buf *out, const struct dkim_signer *s)
{
	if (s->instance > 0) {
		buf_printf(out, "ARC-Message-Signature: i=%u;", s->instance);
	} else {
		buf_str(out, S("DKIM-Signature: v=1;"));
	}
	buf_printf(out, " a=%s; c=relaxed/relaxed;\r\n\td=%.*s; s=%.*s;",
	    s->algorithm == DKIM_RSA_SHA256 ? "rsa-sha256" : "ed25519-sha256", STR_ARG(s->domain),
	    STR_ARG(s->selector));
	buf_str(out, S("\r\n\tt="));
	buf_u64(out, (uint64_t)s->now_s);
	buf_ch(out, ';');
	if (s->expires_s > 0) {
		buf_str(out, S(" x="));
		buf_u64(out, (uint64_t)s->expires_s);
		buf_ch(out, ';');
	}
}

static enum err
put_field(struct buf *field, const struct dkim_signer *s, str names)
{
	put_tags(field, s);
	put_list(field, names);
	buf_str(field, S("\r\n\tbh="));
	base64_encode(field, str_make(s->body_hash, DKIM_BODY_HASH));
	buf_str(field, S(";\r\n\tb="));
	return buf_err(field);
}

static enum err
names_of(str header, bool arc, struct arena *a, str *ret)
{
	struct buf b;
	buf_init(&b, DKIM_FIELD_MAX / 2);
	enum err e = put_names(&b, header, arc);
	*ret = e == ERR_OK ? arena_dup(a, buf_view(&b)) : STR_NONE;
	buf_done(&b);
	return e == ERR_OK && ret->p == NULL ? ERR_BUDGET : e;
}

enum err
dkim_sign(const struct dkim_signer *s, str header, struct arena *scratch, struct buf *field,
    struct buf *input)
{
	size_t from = field->n;
	str names;
	if (mail_header_count(header, S("From")) == 0) {
		return ERR_NOTFOUND;
	}
	TRY(names_of(header, s->instance > 0, scratch, &names));
	TRY(put_field(field, s, names));
	struct dkim_hashed what = { .canon = DKIM_RELAXED,
		.header = header,
		.names = names,
		.own = str_from_off(buf_view(field), from) };
	return dkim_hash_input(input, &what, scratch);
}

void
dkim_sign_finish(struct buf *field, str signature)
{
	char text[4 * DKIM_SIGNATURE_MAX / 3 + 8];
	struct buf b;
	buf_init_fixed(&b, text, sizeof text);
	base64_encode(&b, signature);
	str rest = buf_view(&b);
	size_t room = DKIM_LINE - 8 - 2; /* behind "\tb=" */
	while (rest.n > room) {
		buf_str(field, str_sub(rest, 0, room));
		buf_str(field, S("\r\n\t"));
		rest = str_from_off(rest, room);
		room = DKIM_LINE - 8;
	}
	buf_str(field, rest);
	buf_str(field, S("\r\n"));
}
