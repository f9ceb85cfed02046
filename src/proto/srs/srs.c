/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing and reading. The hash covers everything behind it, in lower case: relays may change the
 * case of a local part, and auth compares in lower case, too.
 */
#include "proto/srs/srs.h"

#include "base/codec.h"

enum { DAY_S = 86400, DAYS = 1024, DAY_DIGITS = 2, TEXT_MAX = 1000 };

static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

static void
put_number(struct buf *out, uint64_t v, unsigned n)
{
	while (n-- > 0) {
		buf_ch(out, digits[v >> (5 * n) & 31]);
	}
}

static bool
take_number(str s, uint64_t *ret)
{
	uint64_t v = 0;
	for (size_t i = 0; i < s.n; i++) {
		ptrdiff_t digit = str_chr(S("abcdefghijklmnopqrstuvwxyz234567"),
		    ascii_lower(s.p[i]));
		if (digit < 0) {
			return false;
		}
		v = v << 5 | (uint64_t)digit;
	}
	*ret = v;
	return true;
}

/* Of "0" or "1" and the rest of the address, with one of the keys. ERR_TOOBIG */
static enum err
hash(const uint8_t key[SRS_KEY], char kind, str rest, uint64_t *ret)
{
	char text[TEXT_MAX];
	struct buf b;
	buf_init_fixed(&b, text, sizeof text);
	buf_ch(&b, kind);
	for (size_t i = 0; i < rest.n; i++) {
		buf_ch(&b, ascii_lower(rest.p[i]));
	}
	TRY(buf_err(&b));
	*ret = siphash(key, buf_view(&b)) >> (64 - 5 * SRS_HASH);
	return ERR_OK;
}

static bool
is_separator(char c)
{
	return c == '=' || c == '-' || c == '+';
}

/* "SRS0=..." or "SRS1=...": others also write - or + there. The kind and what follows. */
static bool
split_kind(str local, char *ret_kind, str *ret_rest)
{
	bool is = local.n > 5 && str_istarts(local, S("SRS")) &&
	    (local.p[3] == '0' || local.p[3] == '1') && is_separator(local.p[4]);
	if (is) {
		*ret_kind = local.p[3];
		*ret_rest = str_from_off(local, 5);
	}
	return is;
}

bool
srs_is(str local)
{
	char kind;
	str rest;
	return split_kind(local, &kind, &rest) && local.p[4] == '=';
}

/* What stands behind the hash of a new address. */
static void
put_rest(struct buf *out, str local, str domain, int64_t now_s)
{
	put_number(out, (uint64_t)(now_s / DAY_S) % DAYS, DAY_DIGITS);
	buf_ch(out, '=');
	buf_str(out, domain);
	buf_ch(out, '=');
	buf_str(out, local);
}

/*
 * "first=rest" of an address that another forwarder made: from his SRS0 he is the first himself,
 * with his own separator kept; from his SRS1 we leave him out.
 */
static bool
put_again(struct buf *out, char kind, str local, str domain)
{
	str hashed, first, tail, rest = str_from_off(local, 5);
	if (kind == '0') {
		buf_str(out, domain);
		buf_ch(out, '=');
		buf_str(out, str_from_off(local, 4));
		return true;
	}
	if (!str_cut(rest, '=', &hashed, &first) || !str_cut(first, '=', &rest, &tail) ||
	    rest.n == 0 || tail.n < 2 || !is_separator(tail.p[0])) {
		return false; /* his address leads nowhere: it is taken as any other */
	}
	buf_str(out, first);
	return true;
}

static enum err
finish(const struct srs *s, char kind, str rest, struct buf *out)
{
	size_t from = out->n;
	uint64_t v;
	if (rest.n + 6 + SRS_HASH > SRS_LOCAL_MAX) {
		return ERR_TOOBIG;
	}
	TRY(hash(s->keys[0], kind, rest, &v));
	buf_printf(out, "SRS%c=", kind);
	put_number(out, v, SRS_HASH);
	buf_ch(out, '=');
	buf_str(out, rest);
	if (buf_err(out) != ERR_OK) {
		buf_truncate(out, from);
	}
	return buf_err(out);
}

enum err
srs_forward(const struct srs *s, str local, str domain, int64_t now_s, struct buf *out)
{
	char text[TEXT_MAX], kind = 0, made = '0';
	struct buf rest;
	str ignored;
	if (local.n == 0 || domain.n == 0) {
		return ERR_SYNTAX;
	}
	buf_init_fixed(&rest, text, sizeof text);
	if (split_kind(local, &kind, &ignored) && put_again(&rest, kind, local, domain)) {
		made = '1';
	} else {
		buf_reset(&rest);
		put_rest(&rest, local, domain, now_s);
	}
	return buf_err(&rest) == ERR_OK ? finish(s, made, buf_view(&rest), out) : ERR_TOOBIG;
}

/* Did one of our keys make the hash? */
static bool
is_ours(const struct srs *s, char kind, str hashed, str rest)
{
	uint64_t given, want;
	bool ours = false;
	if (hashed.n != SRS_HASH || !take_number(hashed, &given)) {
		return false;
	}
	for (size_t i = 0; i < s->keys_n; i++) {
		ours |= hash(s->keys[i], kind, rest, &want) == ERR_OK && want == given;
	}
	return ours;
}

static bool
is_old(uint64_t day, int64_t now_s)
{
	uint64_t today = (uint64_t)(now_s / DAY_S) % DAYS;
	uint64_t age = (today + SRS_FUTURE_DAYS + DAYS - day) % DAYS;
	return age > SRS_DAYS_MAX + SRS_FUTURE_DAYS;
}

/* DAY=domain=local */
static enum err
read_sender(str rest, int64_t now_s, struct srs_sender *ret)
{
	str day, tail;
	uint64_t v;
	if (!str_cut(rest, '=', &day, &tail) || day.n != DAY_DIGITS || !take_number(day, &v) ||
	    !str_cut(tail, '=', &ret->domain, &ret->local) || ret->domain.n == 0 ||
	    ret->local.n == 0) {
		return ERR_SYNTAX;
	}
	return is_old(v, now_s) ? ERR_TIMEOUT : ERR_OK;
}

/* first=SEPARATOR... */
static enum err
read_first(str rest, struct srs_sender *ret)
{
	struct buf b;
	str tail;
	if (!str_cut(rest, '=', &ret->domain, &tail) || ret->domain.n == 0 || tail.n < 2) {
		return ERR_SYNTAX;
	}
	buf_init_fixed(&b, ret->text, sizeof ret->text);
	buf_str(&b, S("SRS0"));
	buf_str(&b, tail);
	ret->local = buf_view(&b);
	return buf_err(&b);
}

enum err
srs_reverse(const struct srs *s, str local, int64_t now_s, struct srs_sender *ret)
{
	char kind;
	str all, hashed, rest;
	if (!srs_is(local) || !split_kind(local, &kind, &all)) {
		return ERR_NOTFOUND;
	}
	if (local.n > SRS_LOCAL_MAX || !str_cut(all, '=', &hashed, &rest)) {
		return ERR_SYNTAX;
	}
	if (!is_ours(s, kind, hashed, rest)) {
		return ERR_DENIED;
	}
	return kind == '0' ? read_sender(rest, now_s, ret) : read_first(rest, ret);
}
