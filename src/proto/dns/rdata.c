/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RDATA of single types, both ways. The layouts are big-endian, as everything in DNS.
 */
#include "proto/dns/names_priv.h"

enum { IPV4_OCTETS = 4, IPV6_OCTETS = 16, MAPPED_AT = 12 };

enum err
dns_a(str rdata, uint8_t ret_ip[16])
{
	if (rdata.n != IPV4_OCTETS) {
		return ERR_SYNTAX;
	}
	memset(ret_ip, 0, IPV6_OCTETS);
	ret_ip[10] = ret_ip[11] = 0xff;
	memcpy(ret_ip + MAPPED_AT, rdata.p, IPV4_OCTETS);
	return ERR_OK;
}

enum err
dns_aaaa(str rdata, uint8_t ret_ip[16])
{
	if (rdata.n != IPV6_OCTETS) {
		return ERR_SYNTAX;
	}
	memcpy(ret_ip, rdata.p, IPV6_OCTETS);
	return ERR_OK;
}

enum err
dns_mx(str rdata, struct dns_mx *ret)
{
	struct rd r = rd_make(rdata);
	struct dns_mx mx = { .preference = rd_be16(&r) };
	TRY(dns_name_read(&r, &mx.exchange));
	TRY(rd_end(&r));
	*ret = mx;
	return ERR_OK;
}

enum err
dns_cname(str rdata, struct dns_name *ret)
{
	struct rd r = rd_make(rdata);
	struct dns_name name;
	TRY(dns_name_read(&r, &name));
	TRY(rd_end(&r));
	*ret = name;
	return ERR_OK;
}

enum err
dns_ptr(str rdata, struct dns_name *ret)
{
	return dns_cname(rdata, ret);
}

enum err
dns_srv(str rdata, struct dns_srv *ret)
{
	struct rd r = rd_make(rdata);
	struct dns_srv srv = { 0 };
	srv.priority = rd_be16(&r);
	srv.weight = rd_be16(&r);
	srv.port = rd_be16(&r);
	TRY(dns_name_read(&r, &srv.target));
	TRY(rd_end(&r));
	*ret = srv;
	return ERR_OK;
}

enum err
dns_tlsa(str rdata, struct dns_tlsa *ret)
{
	struct rd r = rd_make(rdata);
	struct dns_tlsa t = { 0 };
	t.usage = rd_u8(&r);
	t.selector = rd_u8(&r);
	t.matching = rd_u8(&r);
	t.data = rd_bytes(&r, r.n);
	TRY(rd_end(&r));
	*ret = t;
	return ERR_OK;
}

enum err
dns_caa(str rdata, struct dns_caa *ret)
{
	struct rd r = rd_make(rdata);
	struct dns_caa c = { .flags = rd_u8(&r) };
	c.tag = rd_bytes(&r, rd_u8(&r));
	c.value = rd_bytes(&r, r.n);
	TRY(rd_end(&r));
	if (c.tag.n == 0) {
		return ERR_SYNTAX;
	}
	*ret = c;
	return ERR_OK;
}

enum err
dns_txt(str rdata, struct buf *out)
{
	struct rd r = rd_make(rdata);
	size_t before = out->n;
	if (rdata.n == 0) {
		return ERR_SYNTAX;
	}
	while (r.n > 0 && !r.bad) {
		buf_str(out, rd_bytes(&r, rd_u8(&r)));
	}
	enum err e = rd_end(&r);
	e = e == ERR_OK ? buf_err(out) : e;
	if (e != ERR_OK) {
		buf_truncate(out, before);
	}
	return e;
}

/* Two octets, the high one first. */
static void
put_be16(struct buf *out, uint16_t v)
{
	wr_u8(out, (uint8_t)(v >> 8));
	wr_u8(out, (uint8_t)v);
}

/* The name behind what was written since `before`, or all of it taken back. */
static enum err
end_with_name(struct buf *out, size_t before, str name)
{
	enum err e = dns_name_put(out, name);
	if (e != ERR_OK) {
		buf_truncate(out, before);
	}
	return e;
}

enum err
dns_mx_put(struct buf *out, uint16_t preference, str exchange)
{
	size_t before = out->n;
	put_be16(out, preference);
	return end_with_name(out, before, exchange);
}

enum err
dns_srv_put(struct buf *out, const uint16_t priority_weight_port[3], str target)
{
	size_t before = out->n;
	for (size_t i = 0; i < 3; i++) {
		put_be16(out, priority_weight_port[i]);
	}
	return end_with_name(out, before, target);
}

enum err
dns_txt_put(struct buf *out, str text)
{
	size_t before = out->n;
	do {
		str piece = str_sub(text, 0, DNS_STRING_MAX);
		wr_u8(out, (uint8_t)piece.n);
		buf_str(out, piece);
		text = str_from_off(text, piece.n);
	} while (text.n > 0);
	enum err e = buf_err(out);
	e = e == ERR_OK && out->n - before > DNS_RDATA_MAX ? ERR_TOOBIG : e;
	if (e != ERR_OK) {
		buf_truncate(out, before);
	}
	return e;
}

void
dns_tlsa_put(struct buf *out, const struct dns_tlsa *t)
{
	wr_u8(out, t->usage);
	wr_u8(out, t->selector);
	wr_u8(out, t->matching);
	buf_str(out, t->data);
}

enum err
dns_caa_put(struct buf *out, const struct dns_caa *c)
{
	if (c->tag.n == 0 || c->tag.n > DNS_STRING_MAX) {
		return ERR_SYNTAX;
	}
	wr_u8(out, c->flags);
	wr_u8(out, (uint8_t)c->tag.n);
	buf_str(out, c->tag);
	buf_str(out, c->value);
	return buf_err(out);
}
