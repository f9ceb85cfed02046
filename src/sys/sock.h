/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets and addresses. An address is 16 octets, IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2), so
 * there is one kind everywhere. Every socket made here is non-blocking and closed on exec.
 */
#ifndef SYS_SOCK_H
#define SYS_SOCK_H

#include "base/buf.h"

struct sys_addr {
	uint8_t ip[16];
	uint16_t port;
};

/* The first `bits` of 128 count; the others are zero. IPv4 /24 has bits 120. */
struct sys_prefix {
	uint8_t ip[16];
	uint8_t bits;
};

enum {
	SYS_ADDR_TEXT_MAX = 64, /* octets any text form below takes at most */
	SYS_PREFIX_V4 = 24,     /* one customer, as limits and bans see it */
	SYS_PREFIX_V6 = 48,
};

/* IPv4 (v4-mapped). */
bool sys_addr_is_v4(const uint8_t ip[16]);
/* 127.0.0.0/8 or ::1. */
bool sys_addr_is_loopback(const uint8_t ip[16]);
/* The same address, ports aside. */
bool sys_addr_ip_eq(const uint8_t a[16], const uint8_t b[16]);

/* "192.0.2.1" or "2001:db8::1" (RFC 5952). */
void sys_addr_ip_text(struct buf *out, const uint8_t ip[16]);
/* "192.0.2.1:25" or "[2001:db8::1]:25". */
void sys_addr_text(struct buf *out, const struct sys_addr *a);
/* As RFC 5321 4.1.3 writes it: "[192.0.2.1]" or "[IPv6:2001:db8::1]". */
void sys_addr_literal(struct buf *out, const uint8_t ip[16]);

/* An address without brackets or port. ERR_SYNTAX. */
enum err sys_addr_ip_parse(str s, uint8_t ret_ip[16]);
/* "192.0.2.1:25", "[::1]:25", or without port when default_port is not 0. ERR_SYNTAX. */
enum err sys_addr_parse(str s, uint16_t default_port, struct sys_addr *ret);

/* The network of an address: v4_bits of 32 or v6_bits of 128 count. */
struct sys_prefix sys_prefix_of(const uint8_t ip[16], unsigned v4_bits, unsigned v6_bits);
bool sys_prefix_contains(const struct sys_prefix *p, const uint8_t ip[16]);
bool sys_prefix_eq(const struct sys_prefix *a, const struct sys_prefix *b);
/* "192.0.2.0/24" or "2001:db8::/48". */
void sys_prefix_text(struct buf *out, const struct sys_prefix *p);
/* The same form; a single address is all its bits. Set bits behind the prefix: ERR_SYNTAX. */
enum err sys_prefix_parse(str s, struct sys_prefix *ret);

enum sys_protocol {
#define PROTOCOL(id, setting, port, tls, text) SYS_##id,
#include "sys/protocols.def"
#undef PROTOCOL
	SYS_PROTOCOL_COUNT
};

struct sys_protocol_row {
	str name; /* as in settings and log lines: "mx" */
	uint16_t port;
	bool implicit_tls;
	const char *text;
};

/* p < SYS_PROTOCOL_COUNT. */
const struct sys_protocol_row *sys_protocol_row(enum sys_protocol p);
/* ERR_NOTFOUND. */
enum err sys_protocol_find(str name, enum sys_protocol *ret);

/*
 * A listening TCP socket; [::] takes IPv6 only.
 *
 * Errors  ERR_DENIED: port below 1024 and no right; ERR_EXISTS: somebody listens there;
 *         ERR_NOTFOUND: the address is not on this machine
 */
enum err sys_sock_listen(const struct sys_addr *a, int *ret_fd);

/*
 * Take one waiting connection, with TCP_NODELAY set.
 *
 * In      reserve: a spare descriptor from sys_dup(listener); it is spent and renewed when
 *         descriptors run out, so that the connection is closed rather than left to spin the loop
 * Out     ret_fd, ret_peer (zero for a UNIX socket); ret_peer may be NULL
 * Errors  ERR_AGAIN: none waits; ERR_NOFD: one was refused, go on; ERR_IO: this one failed, go on;
 *         ERR_NOMEM: the kernel can give none, which waits on and is told of at once again: stop
 *         watching for SYS_ACCEPT_PAUSE_MS
 */
enum { SYS_ACCEPT_PAUSE_MS = 100 };
enum err sys_sock_accept(int listener, int *reserve, int *ret_fd, struct sys_addr *ret_peer);

/* Start to connect: ERR_AGAIN until writable, then ask sys_sock_error(). *ret_fd is set on both. */
enum err sys_sock_connect(const struct sys_addr *a, int *ret_fd);
enum err sys_sock_error(int fd);

/* Our end of a TCP connection or listener. */
enum err sys_sock_local(int fd, struct sys_addr *ret);
/* The other end. ERR_EOF: it is gone already. */
enum err sys_sock_peer(int fd, struct sys_addr *ret);
/* Send small segments at once. */
enum err sys_sock_nodelay(int fd);
/* Acknowledge what came at once: a peer may hold back its next words until then (Nagle). */
enum err sys_sock_ack_now(int fd);

/* A connected SOCK_STREAM pair for one session. */
enum err sys_sock_pair(int ret_fds[2]);

/* A listening SOCK_SEQPACKET socket at a path, with permissions `mode`; an old one is replaced. */
enum err sys_sock_listen_local(str path, unsigned mode, int *ret_fd);
/* Connect to one; waits for nothing. ERR_NOTFOUND, ERR_DENIED, ERR_UNAVAILABLE (nobody listens). */
enum err sys_sock_connect_local(str path, int *ret_fd);
/*
 * The same for a stream socket of somebody else's program. ERR_AGAIN: too many wait there.
 *
 * Limits  SYS_SOCK_LOCAL_MAX octets: the sandbox of who uses this opens no folders
 */
enum { SYS_SOCK_LOCAL_MAX = 107 };
enum err sys_sock_connect_stream(str path, int *ret_fd);
/* Send a few octets with a descriptor, which stays the caller's. ERR_AGAIN, ERR_EOF. */
enum err sys_sock_send_fd(int fd, str s, int passed);
/* The user at the other end of a UNIX socket. */
enum err sys_sock_peer_user(int fd, uint32_t *ret_uid);

/* Read what is there. ERR_AGAIN, ERR_EOF (orderly end), ERR_IO (reset). *ret_n > 0 on ERR_OK. */
enum err sys_sock_read(int fd, void *to, size_t n, size_t *ret_n);
/* Write what fits, never raising SIGPIPE. ERR_AGAIN: nothing fits; ERR_EOF: the peer is gone. */
enum err sys_sock_write(int fd, str s, size_t *ret_n);
/* The same for up to SYS_SOCK_PIECES pieces in one call; *ret_n counts the octets of all. */
enum { SYS_SOCK_PIECES = 8 };
enum err sys_sock_write_pieces(int fd, const str *pieces, size_t n, size_t *ret_n);
/* End our direction; the peer reads EOF after what is on its way. */
enum err sys_sock_shutdown(int fd);

#endif
