/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a DKIM-Signature field. One row per tag; what is missing gets its default, what is wrong
 * is told in words that an operator can act on.
 */
#include "base/codec.h"
#include "mail/header.h"
#include "proto/dkim/signature.h"
#include "proto/dkim/tags.h"

/* A sentence and the error it goes with. */
static enum err
fail(const char **why, enum err e, const char *text)
{
	*why = text;
	return e;
}

static enum err
read_version(struct dkim_signature *s, str v, const char **why)
{
	return str_eq(v, S("1")) ? ERR_OK : fail(why, ERR_UNSUPPORTED, "unknown version");
}

static enum err
read_algorithm(struct dkim_signature *s, str v, const char **why)
{
	if (str_ieq(v, S("rsa-sha256"))) {
		s->algorithm = DKIM_RSA_SHA256;
	} else if (str_ieq(v, S("ed25519-sha256"))) {
		s->algorithm = DKIM_ED25519_SHA256;
	} else {
		return fail(why, ERR_UNSUPPORTED, "unsupported algorithm");
	}
	return ERR_OK;
}

static bool
canon_of(str name, enum dkim_canon *ret)
{
	*ret = str_ieq(name, S("relaxed")) ? DKIM_RELAXED : DKIM_SIMPLE;
	return *ret == DKIM_RELAXED || str_ieq(name, S("simple"));
}

static enum err
read_canon(struct dkim_signature *s, str v, const char **why)
{
	str header, body;
	if (!str_cut(v, '/', &header, &body)) {
		header = v;
		body = S("simple");
	}
	return canon_of(header, &s->header) && canon_of(body, &s->body)
	    ? ERR_OK
	    : fail(why, ERR_UNSUPPORTED, "unknown canonicalization");
}

/* Letters, digits, hyphens, underscores and dots; at least one dot in a domain. */
static bool
is_domain(str s, bool dot)
{
	bool any = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool at_dot = c == '.';
		if (!ascii_is_alnum(c) && c != '-' && c != '_' && !at_dot) {
			return false;
		}
		if (at_dot && (i == 0 || i + 1 == s.n || s.p[i - 1] == '.')) {
			return false;
		}
		any |= at_dot;
	}
	return s.n > 0 && s.n <= 253 && (any || !dot);
}

static enum err
read_domain(struct dkim_signature *s, str v, const char **why)
{
	s->domain = v;
	return is_domain(v, true) ? ERR_OK : fail(why, ERR_SYNTAX, "d= is no domain name");
}

static enum err
read_selector(struct dkim_signature *s, str v, const char **why)
{
	s->selector = v;
	return is_domain(v, false) ? ERR_OK : fail(why, ERR_SYNTAX, "s= is no selector");
}

/* From must be among them, or the signature says nothing about who wrote the letter. */
static enum err
read_names(struct dkim_signature *s, str v, const char **why)
{
	bool from = false;
	size_t n = 0;
	str rest = v, name;
	s->names = v;
	while (dkim_tag_next(&rest, &name)) {
		if (!mail_field_name_valid(name)) {
			return fail(why, ERR_SYNTAX, "h= names no field");
		}
		from |= str_ieq(name, S("From"));
		if (++n > DKIM_NAMES_MAX) {
			return fail(why, ERR_TOOBIG, "h= names too many fields");
		}
	}
	return from ? ERR_OK : fail(why, ERR_SYNTAX, "From field not signed");
}

/* Base64 with white space anywhere; `cap` octets at most. */
static enum err
decode(str v, uint8_t *to, size_t cap, size_t *ret_n)
{
	char text[2 * DKIM_SIGNATURE_MAX];
	struct buf bare, out;
	buf_init_fixed(&bare, text, sizeof text);
	buf_init_fixed(&out, to, cap);
	dkim_tag_bare(&bare, v);
	TRY(buf_err(&bare));
	TRY(base64_decode(&out, buf_view(&bare)));
	*ret_n = out.n;
	return ERR_OK;
}

static enum err
read_body_hash(struct dkim_signature *s, str v, const char **why)
{
	size_t n = 0;
	return decode(v, s->body_hash, sizeof s->body_hash, &n) == ERR_OK &&
		n == sizeof s->body_hash
	    ? ERR_OK
	    : fail(why, ERR_SYNTAX, "bh= is no SHA-256 hash");
}

static enum err
read_octets(struct dkim_signature *s, str v, const char **why)
{
	s->b = v;
	return decode(v, s->octets, sizeof s->octets, &s->octets_n) == ERR_OK && s->octets_n > 0
	    ? ERR_OK
	    : fail(why, ERR_SYNTAX, "b= is no signature");
}

static enum err
read_signed(struct dkim_signature *s, str v, const char **why)
{
	return dkim_tag_number(v, &s->signed_s) ? ERR_OK : fail(why, ERR_SYNTAX, "t= is no time");
}

static enum err
read_expires(struct dkim_signature *s, str v, const char **why)
{
	return dkim_tag_number(v, &s->expires_s) ? ERR_OK : fail(why, ERR_SYNTAX, "x= is no time");
}

static enum err
read_identity(struct dkim_signature *s, str v, const char **why)
{
	s->identity = v;
	return str_rchr(v, '@') >= 0 ? ERR_OK : fail(why, ERR_SYNTAX, "i= is no address");
}

static enum err
read_length(struct dkim_signature *s, str v, const char **why)
{
	s->has_length = true;
	return ERR_OK;
}

static enum err
read_queries(struct dkim_signature *s, str v, const char **why)
{
	str rest = v, method;
	while (dkim_tag_next(&rest, &method)) {
		if (str_ieq(method, S("dns/txt"))) {
			return ERR_OK;
		}
	}
	return fail(why, ERR_UNSUPPORTED, "unknown query method");
}

static const struct {
	str tag;
	bool required;
	enum err (*read)(struct dkim_signature *s, str v, const char **why);
} rows[] = {
	{ S_INIT("v"), true, read_version },
	{ S_INIT("a"), true, read_algorithm },
	{ S_INIT("b"), true, read_octets },
	{ S_INIT("bh"), true, read_body_hash },
	{ S_INIT("c"), false, read_canon },
	{ S_INIT("d"), true, read_domain },
	{ S_INIT("h"), true, read_names },
	{ S_INIT("i"), false, read_identity },
	{ S_INIT("l"), false, read_length },
	{ S_INIT("q"), false, read_queries },
	{ S_INIT("s"), true, read_selector },
	{ S_INIT("t"), false, read_signed },
	{ S_INIT("x"), false, read_expires },
};

/* What several tags say together. */
static enum err
check(const struct dkim_signature *s, const char **why)
{
	if (s->signed_s >= 0 && s->expires_s >= 0 && s->expires_s <= s->signed_s) {
		return fail(why, ERR_SYNTAX, "x= is not later than t=");
	}
	if (s->identity.p == NULL) {
		return ERR_OK;
	}
	str host = str_from_off(s->identity, (size_t)str_rchr(s->identity, '@') + 1);
	size_t more = host.n > s->domain.n ? host.n - s->domain.n : 0;
	bool below = more > 0 && host.p[more - 1] == '.';
	return str_ieq(str_from_off(host, more), s->domain) && (more == 0 || below)
	    ? ERR_OK
	    : fail(why, ERR_SYNTAX, "domain mismatch");
}

enum err
dkim_signature_read(str raw, struct dkim_signature *ret, const char **ret_why)
{
	struct mail_header h = mail_header_make(raw);
	struct mail_field f;
	struct dkim_tags tags;
	str value;
	*ret = (struct dkim_signature){ .signed_s = -1, .expires_s = -1 };
	*ret_why = "";
	if (raw.n > DKIM_FIELD_MAX) {
		return fail(ret_why, ERR_TOOBIG, "field too long");
	}
	if (!mail_header_next(&h, &f) || dkim_tags_parse(f.value, &tags) != ERR_OK) {
		return fail(ret_why, ERR_SYNTAX, "no list of tags");
	}
	for (size_t i = 0; i < LEN(rows); i++) {
		if (dkim_tags_find(&tags, rows[i].tag, &value)) {
			TRY(rows[i].read(ret, value, ret_why));
		} else if (rows[i].required) {
			return fail(ret_why, ERR_SYNTAX, "a required tag is missing");
		}
	}
	return check(ret, ret_why);
}
