/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and prefixes of sock.h: text forms and arithmetic on 16 octets.
 */
#include "sys/sock.h"

#include <arpa/inet.h>

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool
sys_addr_is_v4(const uint8_t ip[16])
{
	return memcmp(ip, v4_mapped, sizeof v4_mapped) == 0;
}

bool
sys_addr_is_loopback(const uint8_t ip[16])
{
	static const uint8_t v6_loopback[16] = { [15] = 1 };
	return sys_addr_is_v4(ip) ? ip[12] == 127 : memcmp(ip, v6_loopback, 16) == 0;
}

bool
sys_addr_ip_eq(const uint8_t a[16], const uint8_t b[16])
{
	return memcmp(a, b, 16) == 0;
}

void
sys_addr_ip_text(struct buf *out, const uint8_t ip[16])
{
	char text[INET6_ADDRSTRLEN];
	bool v4 = sys_addr_is_v4(ip);
	if (inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip + 12 : ip, text, sizeof text) != NULL) {
		buf_cstr(out, text);
	}
}

void
sys_addr_text(struct buf *out, const struct sys_addr *a)
{
	bool v4 = sys_addr_is_v4(a->ip);
	buf_cstr(out, v4 ? "" : "[");
	sys_addr_ip_text(out, a->ip);
	buf_cstr(out, v4 ? ":" : "]:");
	buf_u64(out, a->port);
}

void
sys_addr_literal(struct buf *out, const uint8_t ip[16])
{
	buf_cstr(out, sys_addr_is_v4(ip) ? "[" : "[IPv6:");
	sys_addr_ip_text(out, ip);
	buf_ch(out, ']');
}

enum err
sys_addr_ip_parse(str s, uint8_t ret_ip[16])
{
	char text[INET6_ADDRSTRLEN];
	uint8_t ip[16];
	if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n) != NULL) {
		return ERR_SYNTAX;
	}
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (str_chr(s, ':') >= 0) {
		if (inet_pton(AF_INET6, text, ip) != 1) {
			return ERR_SYNTAX;
		}
	} else {
		memcpy(ip, v4_mapped, sizeof v4_mapped);
		if (inet_pton(AF_INET, text, ip + 12) != 1) {
			return ERR_SYNTAX;
		}
	}
	memcpy(ret_ip, ip, 16);
	return ERR_OK;
}

/* Cut "[v6]:port" or "v4:port" into both; an absent port gives an empty str with p == NULL. */
static bool
cut_port(str s, str *ret_ip, str *ret_port)
{
	if (s.n > 0 && s.p[0] == '[') {
		ptrdiff_t close = str_chr(s, ']');
		if (close < 0) {
			return false;
		}
		str rest = str_from_off(s, (size_t)close + 1);
		*ret_ip = str_sub(s, 1, (size_t)close - 1);
		*ret_port = rest.n == 0 ? STR_NONE : str_from_off(rest, 1);
		return str_chr(*ret_ip, ':') >= 0 && (rest.n == 0 || rest.p[0] == ':');
	}
	ptrdiff_t colon = str_chr(s, ':');
	if (colon < 0 || str_rchr(s, ':') != colon) { /* none, or IPv6 without brackets */
		*ret_ip = s;
		*ret_port = STR_NONE;
		return true;
	}
	*ret_ip = str_sub(s, 0, (size_t)colon);
	*ret_port = str_from_off(s, (size_t)colon + 1);
	return true;
}

enum err
sys_addr_parse(str s, uint16_t default_port, struct sys_addr *ret)
{
	str ip, port_text;
	struct sys_addr a;
	uint32_t port = default_port;
	if (!cut_port(s, &ip, &port_text)) {
		return ERR_SYNTAX;
	}
	if (port_text.p != NULL && !str_u32(port_text, &port)) {
		return ERR_SYNTAX;
	}
	if (port == 0 || port > UINT16_MAX) {
		return ERR_SYNTAX;
	}
	TRY(sys_addr_ip_parse(ip, a.ip));
	a.port = (uint16_t)port;
	*ret = a;
	return ERR_OK;
}

/* --- prefixes ------------------------------------------------------------------------------ */

static struct sys_prefix
mask(const uint8_t ip[16], unsigned bits)
{
	struct sys_prefix p = { .bits = (uint8_t)MIN(bits, 128u) };
	for (unsigned i = 0; i < 16; i++) {
		unsigned left = p.bits > i * 8 ? p.bits - i * 8 : 0;
		uint8_t keep = left >= 8 ? 0xff : (uint8_t)(0xff00u >> left);
		p.ip[i] = ip[i] & keep;
	}
	return p;
}

struct sys_prefix
sys_prefix_of(const uint8_t ip[16], unsigned v4_bits, unsigned v6_bits)
{
	return mask(ip, sys_addr_is_v4(ip) ? 96 + MIN(v4_bits, 32u) : v6_bits);
}

bool
sys_prefix_contains(const struct sys_prefix *p, const uint8_t ip[16])
{
	struct sys_prefix of = mask(ip, p->bits);
	return memcmp(of.ip, p->ip, 16) == 0;
}

bool
sys_prefix_eq(const struct sys_prefix *a, const struct sys_prefix *b)
{
	return a->bits == b->bits && memcmp(a->ip, b->ip, 16) == 0;
}

void
sys_prefix_text(struct buf *out, const struct sys_prefix *p)
{
	bool v4 = sys_addr_is_v4(p->ip) && p->bits >= 96;
	sys_addr_ip_text(out, p->ip);
	buf_ch(out, '/');
	buf_u64(out, v4 ? p->bits - 96u : p->bits);
}

enum err
sys_prefix_parse(str s, struct sys_prefix *ret)
{
	str ip_text, bits_text;
	uint8_t ip[16];
	uint32_t bits;
	bool has_bits = str_cut(s, '/', &ip_text, &bits_text);
	TRY(sys_addr_ip_parse(ip_text, ip));
	uint32_t most = sys_addr_is_v4(ip) && str_chr(ip_text, ':') < 0 ? 32 : 128;
	if (!has_bits) {
		bits = most;
	} else if (!str_u32(bits_text, &bits) || bits > most) {
		return ERR_SYNTAX;
	}
	struct sys_prefix p = mask(ip, bits + (most == 32 ? 96 : 0));
	if (memcmp(p.ip, ip, 16) != 0) {
		return ERR_SYNTAX;
	}
	*ret = p;
	return ERR_OK;
}

/* --- protocols ----------------------------------------------------------------------------- */

static const struct sys_protocol_row protocols[SYS_PROTOCOL_COUNT] = {
#define PROTOCOL(id, setting, port, tls, text) [SYS_##id] = { S_INIT(setting), port, tls, text },
#include "sys/protocols.def"
#undef PROTOCOL
};

const struct sys_protocol_row *
sys_protocol_row(enum sys_protocol p)
{
	ASSERT((unsigned)p < SYS_PROTOCOL_COUNT);
	return &protocols[p];
}

enum err
sys_protocol_find(str name, enum sys_protocol *ret)
{
	for (int p = 0; p < SYS_PROTOCOL_COUNT; p++) {
		if (str_eq(protocols[p].name, name)) {
			*ret = (enum sys_protocol)p;
			return ERR_OK;
		}
	}
	return ERR_NOTFOUND;
}
