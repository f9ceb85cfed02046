/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new set on top of a chain: results, then a signature of the message, then the seal of it all.
 * Each of the two signatures is made by the caller in between.
 */
#include "mail/header.h"
#include "proto/arc/arc_priv.h"

/* Folds are line ends with white space behind them; anything else would end the field. */
static bool
is_folded(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], next = i + 1 < s.n ? s.p[i + 1] : 0;
		bool folds = i > 0 && s.p[i - 1] == '\r' && (next == ' ' || next == '\t');
		if (c == 0 || (c == '\n' && !folds) || (c == '\r' && next != '\n')) {
			return false;
		}
	}
	return s.n > 0;
}

static str
keep(struct arena *a, struct buf *b, enum err *e)
{
	str s = STR_NONE;
	*e = *e == ERR_OK ? buf_err(b) : *e;
	if (*e == ERR_OK) {
		s = arena_dup(a, buf_view(b));
		*e = s.p == NULL ? ERR_BUDGET : ERR_OK;
	}
	buf_done(b);
	return s;
}

static enum err
write_results(struct arc_seal *s)
{
	str payload = str_trim(s->who.payload);
	struct buf b;
	enum err e = ERR_OK;
	if (payload.n > ARC_RESULTS_MAX) {
		return ERR_TOOBIG;
	}
	if (!is_folded(payload)) {
		return ERR_SYNTAX;
	}
	buf_init(&b, ARC_RESULTS_MAX + 100);
	buf_printf(&b, "ARC-Authentication-Results: i=%u; ", s->instance);
	buf_str(&b, payload);
	buf_str(&b, S("\r\n"));
	s->set.results = keep(s->a, &b, &e);
	return e;
}

/* The chain as we go on with it: what is broken in its structure is broken, whoever passed it. */
static enum err
look_at_chain(struct arc_seal *s)
{
	bool whole = arc_collect(&s->old)[0] == 0;
	struct dkim_signature *last = ARENA_NEW(s->a, struct dkim_signature);
	const char *why;
	if (last == NULL) {
		return ERR_BUDGET;
	}
	str seal = s->old.set[s->old.n].seal;
	if (seal.p != NULL && dkim_signature_read_as(DKIM_ARC_SEAL, seal, last, &why) == ERR_OK &&
	    last->chain == DKIM_CHAIN_FAIL) {
		return ERR_DENIED;
	}
	if (s->old.n == 0 && whole) {
		s->who.chain = ARC_NONE;
	} else if (!whole || s->who.chain != ARC_PASS) {
		s->who.chain = ARC_FAIL;
	}
	s->instance = s->old.n + 1;
	return s->instance > ARC_SETS_MAX ? ERR_TOOMANY : ERR_OK;
}

enum err
arc_seal_begin(struct arc_seal *s, const struct arc_sealer *who, str header, struct arena *a,
    struct buf *input)
{
	*s = (struct arc_seal){ .who = *who, .a = a, .old = { .a = a, .why = "" } };
	s->old.header = str_sub(header, 0, mail_header_length(header));
	TRY(look_at_chain(s));
	TRY(write_results(s));
	const struct dkim_signer signer = { .domain = who->domain,
		.selector = who->selector,
		.algorithm = who->algorithm,
		.now_s = who->now_s,
		.body_hash = who->body_hash,
		.instance = s->instance };
	struct buf field;
	buf_init(&field, DKIM_FIELD_MAX);
	enum err e = dkim_sign(&signer, s->old.header, a, &field, input);
	s->set.message = keep(a, &field, &e);
	return e;
}

static void
put_seal(struct buf *out, const struct arc_seal *s)
{
	const struct arc_sealer *who = &s->who;
	buf_printf(out,
	    "ARC-Seal: i=%u; a=%s; t=%lld; cv=%s;\r\n\td=%.*s; s=%.*s;\r\n\tb=", s->instance,
	    who->algorithm == DKIM_RSA_SHA256 ? "rsa-sha256" : "ed25519-sha256",
	    (long long)who->now_s, arc_status_text(who->chain), STR_ARG(who->domain),
	    STR_ARG(who->selector));
}

static enum err
finish(struct arc_seal *s, str *text, str signature)
{
	struct buf b;
	enum err e = ERR_OK;
	buf_init(&b, DKIM_FIELD_MAX);
	buf_str(&b, *text);
	dkim_sign_finish(&b, signature);
	*text = keep(s->a, &b, &e);
	return e;
}

enum err
arc_seal_message(struct arc_seal *s, str signature, struct buf *input)
{
	struct buf b;
	enum err e = ERR_OK;
	TRY(finish(s, &s->set.message, signature));
	buf_init(&b, DKIM_FIELD_MAX);
	put_seal(&b, s);
	s->set.seal = keep(s->a, &b, &e);
	TRY(e);
	s->old.set[s->instance] = s->set;
	const struct arc_hashed what = { .set = s->old.set,
		.from = s->who.chain == ARC_FAIL ? s->instance : 1,
		.to = s->instance,
		.own = s->set.seal,
		.b = str_from_off(s->set.seal, s->set.seal.n) };
	return arc_seal_input(&what, s->a, input);
}

enum err
arc_seal_end(struct arc_seal *s, str signature, struct buf *ret_fields)
{
	TRY(finish(s, &s->set.seal, signature));
	buf_str(ret_fields, s->set.seal);
	buf_str(ret_fields, s->set.message);
	buf_str(ret_fields, s->set.results);
	return buf_err(ret_fields);
}
