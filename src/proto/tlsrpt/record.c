/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TXT record that asks for reports. RFC 8460 3:
 *
 *	tlsrpt-record  = tlsrpt-version 1*(field-delim tlsrpt-field) [field-delim]
 *	field-delim    = *WSP ";" *WSP
 *	tlsrpt-version = %s"v=TLSRPTv1"
 *	tlsrpt-rua     = %s"rua=" tlsrpt-uri *(*WSP "," *WSP tlsrpt-uri)
 */
#include "proto/tlsrpt/tlsrpt.h"

/* "v=TLSRPTv1" and a delimiter behind it. */
static bool
is_ours(str record, str *ret_rest)
{
	str version;

	return str_cut(record, ';', &version, ret_rest) &&
	    str_eq(str_trim(version), S("v=TLSRPTv1")) && str_starts(record, S("v="));
}

static void
read_uris(str uris, struct tlsrpt_record *ret)
{
	str uri;

	while (str_next(&uris, ',', &uri)) {
		uri = str_trim(uri);
		if (str_istarts(uri, S("https:"))) {
			ret->https++;
		} else if (str_istarts(uri, S("mailto:")) && ret->mail_n < TLSRPT_RUA_MAX) {
			ret->mail[ret->mail_n++] = str_from_off(uri, 7);
		}
	}
}

enum err
tlsrpt_record(const str *records, size_t n, struct tlsrpt_record *ret)
{
	struct tlsrpt_record r = { 0 };
	str fields = STR_NONE, rest, field;
	size_t ours = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_ours(records[i], &rest)) {
			fields = rest;
			ours++;
		}
	}
	if (ours != 1) {
		return ERR_NOTFOUND;
	}
	for (size_t i = 0; i < TLSRPT_FIELDS_MAX && str_next(&fields, ';', &field); i++) {
		field = str_trim(field);
		if (str_starts(field, S("rua="))) {
			read_uris(str_from_off(field, 4), &r);
		}
	}
	if (r.mail_n == 0 && r.https == 0) {
		return ERR_SYNTAX;
	}
	*ret = r;
	return ERR_OK;
}

static int
hex_digit(char c)
{
	char l = ascii_lower(c);

	return ascii_is_digit(c) ? c - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

enum err
tlsrpt_address(str mailto, struct buf *out)
{
	size_t before = out->n;
	ptrdiff_t query = str_chr(mailto, '?');
	str s = str_sub(mailto, 0, query < 0 ? mailto.n : (size_t)query);
	bool good = true;

	for (size_t i = 0; i < s.n && good; i++) {
		int c = (unsigned char)s.p[i];
		if (c == '%') {
			int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
			int low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
			c = high < 0 || low < 0 ? 0 : high * 16 + low;
			i += 2;
		}
		good = c > ' ' && c < 0x7f && c != '<' && c != '>' && c != '"' && c != ',';
		buf_ch(out, (char)c);
	}
	str address = str_from_off(buf_view(out), before);
	ptrdiff_t at = str_rchr(address, '@');
	if (!good || address.n > TLSRPT_ADDRESS_MAX || at <= 0 || (size_t)at + 1 >= address.n) {
		buf_truncate(out, before);
		return ERR_SYNTAX;
	}
	return buf_err(out);
}
