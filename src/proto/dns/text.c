/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RDATA as zone text, driven by the field letters of types.def.
 */
#include "base/codec.h"
#include "proto/dns/names_priv.h"

enum { TYPE_NUMBER_MAX = 65535 };

static const struct {
	str name;
	uint16_t number;
	const char *fields;
} types[] = {
#define TYPE(name, number, fields) { S_INIT(#name), number, fields },
#include "proto/dns/types.def"
#undef TYPE
};

void
dns_type_put(struct buf *out, uint16_t type)
{
	for (size_t i = 0; i < LEN(types); i++) {
		if (types[i].number == type) {
			buf_str(out, types[i].name);
			return;
		}
	}
	buf_printf(out, "TYPE%u", type);
}

enum err
dns_type_find(str name, uint16_t *ret)
{
	for (size_t i = 0; i < LEN(types); i++) {
		if (str_ieq(types[i].name, name)) {
			*ret = types[i].number;
			return ERR_OK;
		}
	}
	uint32_t number;
	if (!str_istarts(name, S("TYPE")) || name.n > DNS_TYPE_TEXT_MAX ||
	    !str_u32(str_from_off(name, 4), &number) || number > TYPE_NUMBER_MAX) {
		return ERR_NOTFOUND;
	}
	*ret = (uint16_t)number;
	return ERR_OK;
}

/* A character string between quotes (RFC 1035 5.1): case is kept, controls and high octets go. */
static void
put_quoted(struct buf *out, str s)
{
	buf_ch(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '"' || c == '\\') {
			buf_ch(out, '\\');
			buf_ch(out, c);
		} else if (c >= ' ' && c < 0x7f) {
			buf_ch(out, c);
		} else {
			buf_printf(out, "\\%03u", (unsigned)(uint8_t)c);
		}
	}
	buf_ch(out, '"');
}

static enum err
put_name(struct buf *out, struct rd *r)
{
	struct dns_name name;
	TRY(dns_name_read(r, &name));
	buf_str(out, dns_name_str(&name));
	buf_ch(out, '.');
	return ERR_OK;
}

static enum err
put_strings(struct buf *out, struct rd *r)
{
	if (r->n == 0) {
		return ERR_SYNTAX;
	}
	for (bool first = true; r->n > 0 && !r->bad; first = false) {
		buf_cstr(out, first ? "" : " ");
		put_quoted(out, rd_bytes(r, rd_u8(r)));
	}
	return ERR_OK;
}

static void
put_ipv4(struct buf *out, struct rd *r)
{
	for (int i = 0; i < 4; i++) {
		buf_printf(out, "%s%u", i == 0 ? "" : ".", rd_u8(r));
	}
}

/* Eight groups, the longest run of two or more zeros as "::" (RFC 5952 4). */
static void
put_ipv6(struct buf *out, struct rd *r)
{
	uint16_t group[8];
	size_t at = 8, run = 1;
	for (size_t i = 0; i < 8; i++) {
		group[i] = rd_be16(r);
	}
	for (size_t i = 0; i < 8; i++) {
		size_t n = 0;
		while (i + n < 8 && group[i + n] == 0) {
			n++;
		}
		if (n > run) {
			at = i;
			run = n;
		}
	}
	for (size_t i = 0; i < 8; i++) {
		if (i == at) {
			buf_cstr(out, "::");
			i += run - 1;
		} else {
			buf_printf(out, "%s%x", i == 0 || i == at + run ? "" : ":", group[i]);
		}
	}
}

/* A CAA tag is letters and digits (RFC 8659 4.1); anything else has no text form. */
static enum err
put_tag(struct buf *out, struct rd *r)
{
	str tag = rd_bytes(r, rd_u8(r));
	for (size_t i = 0; i < tag.n; i++) {
		if (!ascii_is_alnum(tag.p[i])) {
			return ERR_SYNTAX;
		}
	}
	buf_str(out, tag);
	return tag.n == 0 ? ERR_SYNTAX : ERR_OK;
}

static enum err
put_field(struct buf *out, char field, struct rd *r)
{
	switch (field) {
	case 'b': buf_u64(out, rd_u8(r)); return ERR_OK;
	case 'w': buf_u64(out, rd_be16(r)); return ERR_OK;
	case 'l': buf_u64(out, rd_be32(r)); return ERR_OK;
	case '4': put_ipv4(out, r); return ERR_OK;
	case '6': put_ipv6(out, r); return ERR_OK;
	case 'n': return put_name(out, r);
	case 't': return put_strings(out, r);
	case 'c': return put_tag(out, r);
	case 'q': put_quoted(out, rd_bytes(r, r->n)); return ERR_OK;
	case 'h': hex_encode(out, rd_bytes(r, r->n)); return ERR_OK;
	default: base64_encode(out, rd_bytes(r, r->n)); return ERR_OK;
	}
}

static enum err
put_fields(struct buf *out, const char *fields, str rdata)
{
	struct rd r = rd_make(rdata);
	for (size_t i = 0; fields[i] != '\0'; i++) {
		buf_cstr(out, i == 0 ? "" : " ");
		TRY(put_field(out, fields[i], &r));
		if (r.bad) {
			return ERR_SYNTAX;
		}
	}
	return rd_end(&r);
}

static enum err
put_unknown(struct buf *out, str rdata)
{
	buf_printf(out, "\\# %zu", rdata.n);
	if (rdata.n > 0) {
		buf_ch(out, ' ');
		hex_encode(out, rdata);
	}
	return ERR_OK;
}

static const char *
fields_of(uint16_t type)
{
	for (size_t i = 0; i < LEN(types); i++) {
		if (types[i].number == type) {
			return types[i].fields;
		}
	}
	return NULL;
}

enum err
dns_text_put(struct buf *out, uint16_t type, str rdata)
{
	size_t before = out->n;
	const char *fields = fields_of(type);
	if (rdata.n > DNS_RDATA_MAX) {
		return ERR_TOOBIG;
	}
	enum err e = fields == NULL ? put_unknown(out, rdata) : put_fields(out, fields, rdata);
	e = e == ERR_OK ? buf_err(out) : e;
	if (e != ERR_OK) {
		buf_truncate(out, before);
	}
	return e;
}
