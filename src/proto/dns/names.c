/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names: labels of the wire to text and back.
 *
 *	name  = *( length 1*63OCTET ) 0        ; RFC 1035 3.1, at most 255 octets
 *	text  = label *( "." label ) [ "." ]   ; RFC 1035 5.1, "\" DDD and "\" char as escapes
 */
#include "proto/dns/names_priv.h"

enum { ESCAPE_DIGITS = 3, OCTET_MAX = 255 };

/* Octets with a meaning of their own in text (RFC 1035 5.1). */
static const char special[] = ".\\\"();@$";

void
dns_octet_put(struct buf *out, char c)
{
	if (c <= ' ' || c >= 0x7f) {
		buf_printf(out, "\\%03u", (unsigned)(uint8_t)c);
		return;
	}
	if (strchr(special, c) != NULL) {
		buf_ch(out, '\\');
	}
	buf_ch(out, ascii_lower(c));
}

enum err
dns_name_read(struct rd *r, struct dns_name *ret)
{
	struct buf text;
	buf_init_fixed(&text, ret->text, sizeof ret->text);
	size_t wire = 0;
	for (;;) {
		size_t n = rd_u8(r);
		wire += n + 1;
		str label = rd_bytes(r, n);
		if (r->bad || n > DNS_LABEL_MAX || wire > DNS_WIRE_MAX) {
			return ERR_SYNTAX;
		}
		if (n == 0) {
			break;
		}
		if (text.n > 0) {
			buf_ch(&text, '.');
		}
		for (size_t i = 0; i < n; i++) {
			dns_octet_put(&text, label.p[i]);
		}
	}
	TRY(buf_err(&text));
	ret->n = (uint16_t)text.n;
	return ERR_OK;
}

/* One octet of text, escapes undone; moves *text on. */
static enum err
unescape(str *text, char *ret)
{
	char c = text->p[0];
	*text = str_from_off(*text, 1);
	if (c != '\\') {
		*ret = c;
		return ERR_OK;
	}
	if (text->n == 0) {
		return ERR_SYNTAX;
	}
	if (!ascii_is_digit(text->p[0])) {
		*ret = text->p[0];
		*text = str_from_off(*text, 1);
		return ERR_OK;
	}
	uint32_t value;
	if (text->n < ESCAPE_DIGITS || !str_u32(str_sub(*text, 0, ESCAPE_DIGITS), &value) ||
	    value > OCTET_MAX) {
		return ERR_SYNTAX;
	}
	*ret = (char)value;
	*text = str_from_off(*text, ESCAPE_DIGITS);
	return ERR_OK;
}

/* The label at the start of *text into `label`; *text goes behind it and its dot. */
static enum err
take_label(str *text, char label[DNS_LABEL_MAX], size_t *ret_n)
{
	size_t n = 0;
	while (text->n > 0 && text->p[0] != '.') {
		if (n == DNS_LABEL_MAX) {
			return ERR_SYNTAX;
		}
		TRY(unescape(text, &label[n]));
		n++;
	}
	*text = str_from_off(*text, text->n > 0);
	*ret_n = n;
	return n == 0 ? ERR_SYNTAX : ERR_OK;
}

enum err
dns_name_put(struct buf *out, str name)
{
	uint8_t wire[DNS_WIRE_MAX];
	size_t used = 0;
	name = str_eq(name, S(".")) ? STR_NONE : name;
	while (name.n > 0) {
		char label[DNS_LABEL_MAX];
		size_t n;
		TRY(take_label(&name, label, &n));
		if (used + n + 2 > sizeof wire) {
			return ERR_TOOBIG;
		}
		wire[used++] = (uint8_t)n;
		memcpy(wire + used, label, n);
		used += n;
	}
	wire[used++] = 0;
	buf_add(out, wire, used);
	return buf_err(out);
}

void
dns_reverse_put(struct buf *out, const uint8_t ip[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (memcmp(ip, mapped, sizeof mapped) == 0) {
		buf_printf(out, "%u.%u.%u.%u.in-addr.arpa", ip[15], ip[14], ip[13], ip[12]);
		return;
	}
	for (int i = 15; i >= 0; i--) {
		buf_printf(out, "%x.%x.", ip[i] & 0xfu, ip[i] >> 4u);
	}
	buf_cstr(out, "ip6.arpa");
}

void
dns_tlsa_name_put(struct buf *out, uint16_t port, str host)
{
	buf_printf(out, "_%u._tcp.%.*s", port, STR_ARG(host));
}
