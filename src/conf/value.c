/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of single values: numbers with units, host names, paths, addresses and networks. Only
 * the shape is checked here; binding an address or opening a path comes later and names its own
 * errors.
 */
#include "conf/value_priv.h"

#include <arpa/inet.h>

static uint64_t
unit_of(enum conf_type type, str unit)
{
	static const struct {
		str name;
		enum conf_type type;
		uint64_t factor;
	} units[] = {
		{ S_INIT("K"), CONF_SIZE, 1024 },
		{ S_INIT("M"), CONF_SIZE, 1048576 },
		{ S_INIT("G"), CONF_SIZE, 1073741824 },
		{ S_INIT("T"), CONF_SIZE, 1099511627776 },
		{ S_INIT("ms"), CONF_TIME, 1 },
		{ S_INIT("s"), CONF_TIME, 1000 },
		{ S_INIT("m"), CONF_TIME, 60000 },
		{ S_INIT("h"), CONF_TIME, 3600000 },
		{ S_INIT("d"), CONF_TIME, 86400000 },
	};
	for (size_t i = 0; i < LEN(units); i++) {
		if (units[i].type == type && str_eq(units[i].name, unit)) {
			return units[i].factor;
		}
	}
	return 0;
}

/* "4.5" is 4500. */
static bool
points(str v, uint64_t *ret_v)
{
	str whole, rest;
	uint64_t n, part = 0;
	bool dot = str_cut(v, '.', &whole, &rest);
	if (!str_u64(whole, &n) || n > UINT32_MAX ||
	    (dot && (rest.n > 3 || !str_u64(rest, &part)))) {
		return false;
	}
	for (size_t i = rest.n; i < 3; i++) {
		part *= 10;
	}
	*ret_v = n * 1000 + part;
	return true;
}

bool
conf_value_number(enum conf_type type, str v, uint64_t *ret_v)
{
	if (type == CONF_POINTS) {
		return points(v, ret_v);
	}
	size_t digits = 0;
	while (digits < v.n && ascii_is_digit(v.p[digits])) {
		digits++;
	}
	str unit = str_from_off(v, digits);
	uint64_t n, factor = unit.n == 0 ? 1 : unit_of(type, unit);
	if (factor == 0 || !str_u64(str_sub(v, 0, digits), &n) ||
	    __builtin_mul_overflow(n, factor, &n)) {
		return false;
	}
	if (type == CONF_TIME && unit.n == 0 && n != 0) {
		return false; /* a bare number of what? */
	}
	*ret_v = n;
	return true;
}

static bool
is_label(str l)
{
	if (l.n == 0 || l.n > 63 || l.p[0] == '-' || l.p[l.n - 1] == '-') {
		return false;
	}
	for (size_t i = 0; i < l.n; i++) {
		if (!ascii_is_alnum(l.p[i]) && l.p[i] != '-') {
			return false;
		}
	}
	return true;
}

static bool
is_host(str v)
{
	str rest = v, label;
	if (v.n == 0 || v.n > 253) {
		return false;
	}
	while (str_next(&rest, '.', &label)) {
		if (!is_label(label)) {
			return false;
		}
	}
	return true;
}

/* As sys/addr.c reads it: what is good here must be good where it is used. */
static bool
octets_of(int family, str v, uint8_t ret_ip[16])
{
	char text[INET6_ADDRSTRLEN];
	if (v.n == 0 || v.n >= sizeof text || str_chr(v, '\0') >= 0) {
		return false;
	}
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	return inet_pton(family, text, ret_ip) == 1;
}

static bool
is_v4(str v)
{
	uint8_t ip[16];
	return octets_of(AF_INET, v, ip);
}

static bool
is_v6(str v)
{
	uint8_t ip[16];
	return octets_of(AF_INET6, v, ip);
}

static bool
is_addr_port(str v)
{
	ptrdiff_t colon = str_rchr(v, ':');
	uint32_t port;
	if (colon < 1 || !str_u32(str_from_off(v, (size_t)colon + 1), &port) || port == 0 ||
	    port > 65535) {
		return false;
	}
	str host = str_sub(v, 0, (size_t)colon);
	if (host.p[0] == '[') {
		return host.p[host.n - 1] == ']' && host.n > 2 &&
		    is_v6(str_sub(host, 1, host.n - 2));
	}
	return is_v4(host);
}

/* 192.0.2.1/24 may mean the address or the network: the bits behind the length must be 0. */
static bool
is_net(str v)
{
	str addr, length;
	uint8_t ip[16];
	bool has_length = str_cut(v, '/', &addr, &length);
	bool v4 = octets_of(AF_INET, addr, ip);
	uint32_t most = v4 ? 32 : 128, n = most;
	if ((!v4 && !octets_of(AF_INET6, addr, ip)) ||
	    (has_length && (!str_u32(length, &n) || n > most))) {
		return false;
	}
	for (uint32_t i = n; i < most; i++) {
		if (ip[i / 8] & (0x80u >> i % 8)) {
			return false;
		}
	}
	return true;
}

static bool
is_path(str v)
{
	return v.n > 0 && v.n <= 255 && v.p[0] == '/' && str_chr(v, '\0') < 0;
}

static bool
is_private_v4(str v)
{
	uint32_t part[4] = { 0 };
	str label;
	for (size_t i = 0; i < LEN(part) && str_next(&v, '.', &label); i++) {
		(void)str_u32(label, &part[i]); /* is_v4 has seen it */
	}
	return part[0] == 127 || part[0] == 10 || (part[0] == 172 && part[1] / 16 == 1) ||
	    (part[0] == 192 && part[1] == 168);
}

/* fc00::/7 as it is written, or the loopback address. */
static bool
is_private_v6(str v)
{
	return str_eq(v, S("::1")) ||
	    (v.n > 4 && v.p[4] == ':' && ascii_lower(v.p[0]) == 'f' &&
		(ascii_lower(v.p[1]) == 'c' || ascii_lower(v.p[1]) == 'd'));
}

enum err
conf_socket_parse(str v, struct conf_socket *ret)
{
	str port, ip;
	if (str_starts(v, S("inet:"))) {
		uint32_t n = 0;
		bool ok = str_cut(str_from_off(v, 5), '@', &port, &ip) && str_u32(port, &n) &&
		    n > 0 && n <= 65535;
		ok = ok && (is_v4(ip) ? is_private_v4(ip) : is_v6(ip) && is_private_v6(ip));
		*ret = (struct conf_socket){ .ip = ip, .port = (uint16_t)n };
		return ok ? ERR_OK : ERR_SYNTAX;
	}
	str path = str_starts(v, S("unix:")) ? str_from_off(v, 5) : v;
	*ret = (struct conf_socket){ .path = path };
	return is_path(path) && path.n <= CONF_SOCKET_PATH_MAX ? ERR_OK : ERR_SYNTAX;
}

/* "WHO: NAME ...", cut at the last colon */
static bool
is_rule(str v)
{
	ptrdiff_t colon = str_rchr(v, ':');
	return colon > 0 && v.n <= 1000 && str_starts(str_from_off(v, (size_t)colon), S(": ")) &&
	    str_trim(str_from_off(v, (size_t)colon + 1)).n > 0;
}

bool
conf_value_fits(enum conf_type type, str v, const char **ret_why)
{
	switch (type) {
	case CONF_HOST:
	case CONF_HOSTS:
		*ret_why =
		    "a domain name such as mail.example.org (use the xn-- form for other scripts)";
		return is_host(v);
	case CONF_PATH:
	case CONF_PATHS: *ret_why = "an absolute path, at most 255 octets"; return is_path(v);
	case CONF_SOCKETS:
		*ret_why =
		    "unix:PATH (absolute, at most 107 octets) or inet:PORT@ADDRESS with an address "
		    "of this machine or a private network, such as inet:8891@127.0.0.1";
		return conf_socket_parse(v, &(struct conf_socket){ 0 }) == ERR_OK;
	case CONF_RULES: *ret_why = "\"WHO: NAME ...\" in quotes"; return is_rule(v);
	case CONF_ADDRS:
		*ret_why = "an address and port such as 192.0.2.1:25 or [2001:db8::1]:25";
		return is_addr_port(v);
	case CONF_NETS:
		*ret_why = "an address or network such as 192.0.2.0/24 or 2001:db8::/48, "
			   "without bits behind its length";
		return is_net(v);
	case CONF_BOOL: *ret_why = "yes or no"; return str_eq(v, S("yes")) || str_eq(v, S("no"));
	default: return true;
	}
}
