/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verifying. A check is open until something ends it: the field itself, the body's hash, what DNS
 * says of the key, or the computation. Cheap reasons come first, so that a broken signature costs
 * no question.
 */
#include "proto/dkim/verify.h"

#include "mail/address.h"
#include "mail/header.h"

enum { KEY_NAME_MAX = 2 * MAIL_DOMAIN_MAX };

static void
end(struct dkim_check *c, enum dkim_result r, const char *why)
{
	c->result = r;
	c->why = why;
}

/* Of RFC 8616 3, names may be written with U-labels; DNS has A-labels. */
static enum err
put_name(struct buf *out, const struct dkim_signature *s, size_t *ret_domain_at)
{
	TRY(mail_domain_put(out, s->selector));
	buf_str(out, S("._domainkey."));
	*ret_domain_at = out->n;
	TRY(mail_domain_put(out, s->domain));
	TRY(buf_err(out));
	return out->n <= MAIL_DOMAIN_MAX ? ERR_OK : ERR_TOOBIG;
}

static enum err
find_name(struct dkim_check *c, struct arena *a)
{
	char text[KEY_NAME_MAX + 32];
	struct buf b;
	size_t at = 0;
	buf_init_fixed(&b, text, sizeof text);
	enum err e = put_name(&b, &c->s, &at);
	if (err_class(e) != ERR_CLASS_NONE && err_class(e) != ERR_CLASS_PEER) {
		return ERR_BUDGET;
	}
	if (e != ERR_OK) {
		end(c, DKIM_PERMERROR, "no name for a key");
		return ERR_OK;
	}
	c->name = arena_dup(a, buf_view(&b));
	c->domain = str_from_off(c->name, at);
	return c->name.p == NULL ? ERR_BUDGET : ERR_OK;
}

/* RFC 6376 3.5 (x=, t=), 8.2 (l=). */
static void
judge_field(struct dkim_check *c, int64_t now_s)
{
	if (c->s.has_length) {
		end(c, DKIM_POLICY, "a length is not trusted");
	} else if (c->s.expires_s >= 0 && c->s.expires_s < now_s) {
		end(c, DKIM_PERMERROR, "signature expired");
	} else if (c->s.signed_s > now_s + DKIM_FUTURE_S) {
		end(c, DKIM_PERMERROR, "signed in the future");
	}
}

enum err
dkim_check_begin(struct dkim_check *c, enum dkim_kind kind, str raw, int64_t now_s, struct arena *a)
{
	const char *why = "";
	*c = (struct dkim_check){ .raw = raw, .why = "" };
	if (dkim_signature_read_as(kind, raw, &c->s, &why) != ERR_OK) {
		end(c, DKIM_PERMERROR, why);
		return ERR_OK;
	}
	TRY(find_name(c, a));
	if (c->result == DKIM_OPEN) {
		judge_field(c, now_s);
	}
	return ERR_OK;
}

static size_t
count(struct dkim_verify *v, size_t max)
{
	size_t n = mail_header_count(v->header, S("DKIM-Signature"));
	v->more = n > max ? n - max : 0;
	return MIN(n, max);
}

enum err
dkim_verify_begin(struct dkim_verify *v, str header, int64_t now_s, struct arena *a)
{
	struct mail_header h;
	struct mail_field f;
	*v = (struct dkim_verify){ .now_s = now_s, .a = a };
	v->header = str_sub(header, 0, mail_header_length(header));
	size_t n = count(v, DKIM_SIGNATURES_MAX);
	v->check = arena_array(a, n + 1, sizeof *v->check);
	if (v->check == NULL) {
		return ERR_BUDGET;
	}
	h = mail_header_make(v->header);
	while (v->n < n && mail_header_next(&h, &f)) {
		if (str_ieq(f.name, S("DKIM-Signature"))) {
			TRY(dkim_check_begin(&v->check[v->n], DKIM_SIGNATURE, f.raw, now_s, a));
			v->n++;
		}
	}
	return ERR_OK;
}

unsigned
dkim_verify_bodies(const struct dkim_verify *v)
{
	unsigned bits = 0;
	for (size_t i = 0; i < v->n; i++) {
		bits |= v->check[i].result == DKIM_OPEN ? 1U << v->check[i].s.body : 0;
	}
	return bits;
}

void
dkim_check_body(struct dkim_check *c, const uint8_t *hash)
{
	bool same = memcmp(c->s.body_hash, hash, DKIM_BODY_HASH) == 0;
	if (c->result == DKIM_OPEN && !same) {
		end(c, DKIM_FAIL, "body hash");
	}
}

void
dkim_verify_body(struct dkim_verify *v, enum dkim_canon canon, const uint8_t *hash)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->check[i].s.body == canon) {
			dkim_check_body(&v->check[i], hash);
		}
	}
}

enum err
dkim_verify_input(struct dkim_verify *v, struct dkim_check *c, struct buf *out,
    struct arena *scratch)
{
	const struct dkim_hashed what = { .canon = c->s.header,
		.header = v->header,
		.names = c->s.names,
		.own = c->raw,
		.b = c->s.b };
	enum err e = dkim_hash_input(out, &what, scratch);
	if (e != ERR_OK && c->result == DKIM_OPEN) {
		end(c, DKIM_TEMPERROR, "out of memory");
	}
	return e;
}

/* Several records under one name: the first one of use is taken (RFC 6376 3.6.2.2, 6.1.2). */
static bool
choose(struct dkim_check *c, const str *records, size_t n, struct dkim_key *ret)
{
	const char *why = "no key";
	for (size_t i = 0; i < n; i++) {
		enum err e = dkim_key_read(records[i], ret);
		if (e == ERR_OK && dkim_key_fits(ret, &c->s)) {
			return true;
		}
		why = e == ERR_OK       ? "the key does not fit"
		    : e == ERR_NOTFOUND ? "the key was revoked"
					: "the record cannot be used";
	}
	end(c, DKIM_PERMERROR, why);
	return false;
}

bool
dkim_check_key(struct dkim_check *c, enum err result, const str *records, size_t n,
    struct dkim_key *ret)
{
	if (c->result != DKIM_OPEN) {
		return false;
	}
	if (result == ERR_CORRUPT) {
		end(c, DKIM_TEMPERROR, "DNSSEC: the answer for the key is bogus");
	} else if (result != ERR_OK && result != ERR_NOTFOUND) {
		end(c, DKIM_TEMPERROR, "no answer for the key");
	} else if (choose(c, records, result == ERR_OK ? n : 0, ret)) {
		c->testing = ret->testing;
		return true;
	}
	return false;
}

/*
 * A good signature is good whether its key is in testing or not; a bad one of a key in testing must
 * not count against the letter (RFC 6376 3.6.1).
 */
void
dkim_check_proof(struct dkim_check *c, const struct dkim_proof *p)
{
	bool rsa = c->s.algorithm == DKIM_RSA_SHA256;
	c->bits = p->bits;
	if (c->result != DKIM_OPEN) {
		return;
	}
	if (!p->readable) {
		end(c, DKIM_PERMERROR, "the key cannot be read");
	} else if (rsa && p->bits < DKIM_RSA_BITS_MIN) {
		end(c, DKIM_POLICY, "the key is too short");
	} else if (p->good) {
		end(c, DKIM_PASS, "");
	} else if (c->testing) {
		end(c, DKIM_NEUTRAL, "signature, by a key in testing");
	} else {
		end(c, DKIM_FAIL, "signature");
	}
}

const char *
dkim_result_text(enum dkim_result r)
{
	static const char *const names[] = {
		[DKIM_OPEN] = "none",
		[DKIM_PASS] = "pass",
		[DKIM_FAIL] = "fail",
		[DKIM_NEUTRAL] = "neutral",
		[DKIM_POLICY] = "policy",
		[DKIM_TEMPERROR] = "temperror",
		[DKIM_PERMERROR] = "permerror",
	};
	return names[r];
}
