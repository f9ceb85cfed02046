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

/*
 * Letters, digits, hyphens, underscores, octets of UTF-8 (RFC 8616 4) and dots; at least one dot in
 * a domain.
 */
static bool
is_domain(str s, bool dot)
{
	bool any = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool at_dot = c == '.';
		bool wide = (unsigned char)c >= 0x80;
		if (!ascii_is_alnum(c) && c != '-' && c != '_' && !at_dot && !wide) {
			return false;
		}
		if (at_dot && (i == 0 || i + 1 == s.n || s.p[i - 1] == '.')) {
			return false;
		}
		any |= at_dot;
	}
	return s.n > 0 && s.n <= 253 && (any || !dot) && utf8_valid(s);
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

static enum err
read_instance(struct dkim_signature *s, str v, const char **why)
{
	uint32_t n = 0;
	bool good = v.n <= 2 && str_u32(v, &n) && n >= 1 && n <= DKIM_INSTANCE_MAX;
	s->instance = good ? n : 0;
	return good ? ERR_OK : fail(why, ERR_SYNTAX, "i= is no instance");
}

static enum err
read_chain(struct dkim_signature *s, str v, const char **why)
{
	static const str names[] = {
		[DKIM_CHAIN_NONE] = S_INIT("none"),
		[DKIM_CHAIN_FAIL] = S_INIT("fail"),
		[DKIM_CHAIN_PASS] = S_INIT("pass"),
	};
	for (size_t i = 0; i < LEN(names); i++) {
		if (str_ieq(v, names[i])) {
			s->chain = (enum dkim_chain)i;
			return ERR_OK;
		}
	}
	return fail(why, ERR_SYNTAX, "cv= is no chain status");
}

static enum err
read_forbidden(struct dkim_signature *s, str v, const char **why)
{
	return fail(why, ERR_SYNTAX, "h= must not be in a seal");
}

/* Whether a kind of field has a tag. SKIP: it is as good as unknown there. */
enum has { SKIP, MAY, MUST };

static const struct {
	str tag;
	enum has has[3]; /* by enum dkim_kind */
	enum err (*read)(struct dkim_signature *s, str v, const char **why);
} rows[] = {
	/*                  DKIM  AMS   AS */
	{ S_INIT("v"), { MUST, SKIP, SKIP }, read_version },
	{ S_INIT("i"), { SKIP, MUST, MUST }, read_instance },
	{ S_INIT("a"), { MUST, MUST, MUST }, read_algorithm },
	{ S_INIT("b"), { MUST, MUST, MUST }, read_octets },
	{ S_INIT("bh"), { MUST, MUST, SKIP }, read_body_hash },
	{ S_INIT("c"), { MAY, MAY, SKIP }, read_canon },
	{ S_INIT("cv"), { SKIP, SKIP, MUST }, read_chain },
	{ S_INIT("d"), { MUST, MUST, MUST }, read_domain },
	{ S_INIT("h"), { MUST, MUST, SKIP }, read_names },
	{ S_INIT("h"), { SKIP, SKIP, MAY }, read_forbidden },
	{ S_INIT("i"), { MAY, SKIP, SKIP }, read_identity },
	{ S_INIT("l"), { MAY, MAY, SKIP }, read_length },
	{ S_INIT("q"), { MAY, MAY, SKIP }, read_queries },
	{ S_INIT("s"), { MUST, MUST, MUST }, read_selector },
	{ S_INIT("t"), { MAY, MAY, MAY }, read_signed },
	{ S_INIT("x"), { MAY, MAY, SKIP }, read_expires },
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

static enum err
read_tags(enum dkim_kind kind, const struct dkim_tags *tags, struct dkim_signature *s,
    const char **why)
{
	str value;
	for (size_t i = 0; i < LEN(rows); i++) {
		if (rows[i].has[kind] == SKIP) {
			continue;
		}
		if (dkim_tags_find(tags, rows[i].tag, &value)) {
			TRY(rows[i].read(s, value, why));
		} else if (rows[i].has[kind] == MUST) {
			return fail(why, ERR_SYNTAX, "a required tag is missing");
		}
	}
	return check(s, why);
}

enum err
dkim_signature_read_as(enum dkim_kind kind, str raw, struct dkim_signature *ret,
    const char **ret_why)
{
	struct mail_header h = mail_header_make(raw);
	struct mail_field f;
	struct dkim_tags tags;
	*ret = (struct dkim_signature){ .signed_s = -1, .expires_s = -1 };
	*ret_why = "";
	if (kind == DKIM_ARC_SEAL) {
		ret->header = DKIM_RELAXED; /* RFC 8617 4.1.3 */
	}
	if (raw.n > DKIM_FIELD_MAX) {
		return fail(ret_why, ERR_TOOBIG, "field too long");
	}
	if (!mail_header_next(&h, &f) || dkim_tags_parse(f.value, &tags) != ERR_OK) {
		return fail(ret_why, ERR_SYNTAX, "no list of tags");
	}
	return read_tags(kind, &tags, ret, ret_why);
}

enum err
dkim_signature_read(str raw, struct dkim_signature *ret, const char **ret_why)
{
	return dkim_signature_read_as(DKIM_SIGNATURE, raw, ret, ret_why);
}
