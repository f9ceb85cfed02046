/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsers of the client's SASL messages. Each is one pass over borrowed octets with an exact end.
 */
#include "proto/sasl/message.h"

#include "base/codec.h"
#include "proto/sasl/limits.h"

static bool
has_nul(str s)
{
	return str_chr(s, '\0') >= 0;
}

static enum err
check_text(str s, size_t max)
{
	if (s.n > max) {
		return ERR_TOOBIG;
	}
	if (has_nul(s)) {
		return ERR_SYNTAX;
	}
	return utf8_valid(s) ? ERR_OK : ERR_CHARSET;
}

/* message = [authzid] UTF8NUL authcid UTF8NUL passwd (RFC 4616 2) */
enum err
sasl_plain_parse(str in, struct sasl_plain *ret)
{
	struct sasl_plain plain;
	str rest;

	if (!str_cut(in, '\0', &plain.authzid, &rest) ||
	    !str_cut(rest, '\0', &plain.user, &plain.password)) {
		return ERR_SYNTAX;
	}
	TRY(check_text(plain.authzid, SASL_USER_MAX));
	TRY(check_text(plain.user, SASL_USER_MAX));
	TRY(check_text(plain.password, SASL_PASSWORD_MAX));
	if (plain.user.n == 0 || plain.password.n == 0) {
		return ERR_SYNTAX;
	}
	*ret = plain;
	return ERR_OK;
}

/* response = user SP 32(hex digit), lower case (RFC 2195 2); the user may hold spaces */
enum err
sasl_cram_parse(str in, struct sasl_cram *ret)
{
	struct sasl_cram cram = { .user = STR_NONE };
	struct buf digest;
	ptrdiff_t space = str_rchr(in, ' ');

	if (space <= 0 || in.n - (size_t)space - 1 != 2 * sizeof(cram.digest)) {
		return ERR_SYNTAX;
	}
	cram.user = str_sub(in, 0, (size_t)space);
	TRY(check_text(cram.user, SASL_USER_MAX));
	buf_init_fixed(&digest, cram.digest, sizeof(cram.digest));
	TRY(hex_decode(&digest, str_from_off(in, (size_t)space + 1)));
	*ret = cram;
	return ERR_OK;
}

/* Take "X=value" up to the next comma or the end off *in; false when it starts otherwise. */
static bool
take_attribute(str *in, char name, str *ret_value)
{
	str piece, rest;

	if (in->n < 2 || in->p[0] != name || in->p[1] != '=') {
		return false;
	}
	(void)str_cut(*in, ',', &piece, &rest);
	*ret_value = str_from_off(piece, 2);
	*in = rest;
	return true;
}

/* cb-name = 1*(ALPHA / DIGIT / "." / "-") */
static bool
binding_name_ok(str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (!ascii_is_alnum(name.p[i]) && name.p[i] != '.' && name.p[i] != '-') {
			return false;
		}
	}
	return name.n > 0 && name.n <= 64;
}

/* gs2-header = gs2-cbind-flag "," [ "a=" saslname ] ","; *in moves behind it */
static enum err
parse_gs2(str *in, struct sasl_scram_first *first)
{
	str flag, authzid, rest;

	if (!str_cut(*in, ',', &flag, &rest) || !str_cut(rest, ',', &authzid, in)) {
		return ERR_SYNTAX;
	}
	if (str_eq(flag, S("n")) || str_eq(flag, S("y"))) {
		first->binding = flag.p[0];
	} else if (str_starts(flag, S("p=")) && binding_name_ok(str_from_off(flag, 2))) {
		first->binding = 'p';
		first->binding_name = str_from_off(flag, 2);
	} else {
		return ERR_SYNTAX;
	}
	if (authzid.n > 0 && !take_attribute(&authzid, 'a', &first->authzid)) {
		return ERR_SYNTAX;
	}
	return check_text(first->authzid, (size_t)SASL_USER_MAX * 3);
}

/* printable = %x21-2B / %x2D-7E; the comma cannot be here, it was the separator */
static bool
printable(str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x21 || s.p[i] > 0x7e) {
			return false;
		}
	}
	return s.n > 0;
}

/* client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions] */
enum err
sasl_scram_first_parse(str in, struct sasl_scram_first *ret)
{
	struct sasl_scram_first first = { .binding = 0 };

	if (in.n > SASL_MESSAGE_MAX) {
		return ERR_TOOBIG;
	}
	TRY(parse_gs2(&in, &first));
	first.bare = in;
	if (str_starts(in, S("m="))) {
		return ERR_UNSUPPORTED;
	}
	if (!take_attribute(&in, 'n', &first.user) || first.user.n == 0 ||
	    !take_attribute(&in, 'r', &first.nonce)) {
		return ERR_SYNTAX;
	}
	TRY(check_text(first.user, (size_t)SASL_USER_MAX * 3));
	TRY(check_text(in, SASL_MESSAGE_MAX));
	if (first.nonce.n > SASL_NONCE_MAX) {
		return ERR_TOOBIG;
	}
	if (!printable(first.nonce)) {
		return ERR_SYNTAX;
	}
	*ret = first;
	return ERR_OK;
}

enum err
sasl_name_decode(struct buf *out, str in)
{
	size_t start = out->n;

	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '=') {
			buf_ch(out, in.p[i]);
		} else if (str_starts(str_from_off(in, i), S("=2C"))) {
			buf_ch(out, ',');
			i += 2;
		} else if (str_starts(str_from_off(in, i), S("=3D"))) {
			buf_ch(out, '=');
			i += 2;
		} else {
			buf_truncate(out, start);
			return ERR_SYNTAX;
		}
	}
	return buf_err(out);
}

/*
 * client-final-message = channel-binding "," nonce ["," extensions] "," proof
 * The proof is the last attribute, so it is looked for from the end.
 */
enum err
sasl_scram_final_parse(str in, struct sasl_scram_final *ret)
{
	struct sasl_scram_final final = { .proof_n = 0 };
	struct buf proof;
	ptrdiff_t comma = str_rchr(in, ',');
	str rest;

	if (in.n > SASL_MESSAGE_MAX) {
		return ERR_TOOBIG;
	}
	if (comma < 0 || has_nul(in) || !str_starts(str_from_off(in, (size_t)comma), S(",p="))) {
		return ERR_SYNTAX;
	}
	final.without_proof = rest = str_sub(in, 0, (size_t)comma);
	if (!take_attribute(&rest, 'c', &final.binding) || final.binding.n == 0 ||
	    !take_attribute(&rest, 'r', &final.nonce) || !printable(final.nonce)) {
		return ERR_SYNTAX;
	}
	buf_init_fixed(&proof, final.proof, sizeof(final.proof));
	if (base64_decode(&proof, str_from_off(in, (size_t)comma + 3)) != ERR_OK) {
		return ERR_SYNTAX;
	}
	final.proof_n = proof.n;
	if (final.proof_n != 20 && final.proof_n != 32) {
		return ERR_SYNTAX;
	}
	*ret = final;
	return ERR_OK;
}
