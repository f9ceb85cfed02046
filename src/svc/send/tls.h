/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS towards other servers, above svc/common/tls.h. The handshake takes any certificate; whether
 * it is good enough is asked afterwards, once, and nothing is sent before (svc_send_tls_prove).
 */
#ifndef SVC_SEND_TLS_H
#define SVC_SEND_TLS_H

#include "proto/dane/dane.h"
#include "svc/common/tls.h"

struct lru;
struct ssl_ctx_st;
struct ssl_session_st;
struct x509_store_st;

enum {
	SVC_SEND_ISSUER_MAX = 255,
	SVC_SEND_KEY_MAX = 640, /* octets of a name for sessions and connections to be reused */
};

/* One for the process. */
struct svc_send_tls_all {
	struct ssl_ctx_st *ctx;
	struct x509_store_st *roots; /* certificate authorities; NULL: none could be read */
	struct lru *sessions;        /* by key */
};

/* What the peer has to prove. All strings are borrowed while the connection lives. */
enum svc_send_demand {
	SVC_SEND_ENCRYPT, /* nothing: TLS alone */
	SVC_SEND_PKIX,    /* a chain to a root, and the host's name */
	SVC_SEND_DANE,    /* a TLSA record */
};
struct svc_send_proof {
	enum svc_send_demand demand;
	str host;                          /* name of the MX host: SNI without DANE */
	const struct dane_record *records; /* DANE: usable or not */
	size_t records_n;
	str names[DANE_NAMES_MAX]; /* DANE: reference identifiers, the base domain (SNI) first */
	size_t names_n;
};

/* How the proof went. */
enum svc_send_proven {
	SVC_SEND_PROVEN,
	SVC_SEND_UNTRUSTED,
	SVC_SEND_EXPIRED,
	SVC_SEND_OTHER_NAME,
	SVC_SEND_NO_MATCH, /* DANE: no record fits */
};

struct svc_send_tls {
	struct svc_common_tls io;
	struct svc_send_tls_all *all;
	struct ssl_session_st *fresh; /* may be kept once the peer is proven */
	bool proven;
	char key[SVC_SEND_KEY_MAX]; /* under which its session is kept */
	size_t key_n;
};

/* What is known of a peer after the handshake; texts are OpenSSL's or lie in the struct. */
struct svc_send_tls_facts {
	str version, cipher, issuer;
	uint8_t key[32]; /* SHA-256 of its SubjectPublicKeyInfo */
	int64_t expires_s;
	bool resumed, has_cert;
	char issuer_text[SVC_SEND_ISSUER_MAX];
};

/*
 * Read the roots from `ca_file`; done outside the sandbox.
 *
 * In      hash_key: 16 random octets
 * Errors  ERR_NOMEM. Without a readable file all->roots is NULL: PKIX proofs fail
 */
enum err svc_send_tls_all_init(struct svc_send_tls_all *all, str ca_file, const uint8_t *hash_key);
void svc_send_tls_all_done(struct svc_send_tls_all *all);

/*
 * Begin. The struct must not move until svc_send_tls_done().
 *
 * In      key: same key, same server and same demands: an earlier session may be resumed
 * Errors  ERR_NOMEM
 */
enum err svc_send_tls_init(struct svc_send_tls *t, struct svc_send_tls_all *all, int fd,
    const struct svc_send_proof *proof, str key);
void svc_send_tls_done(struct svc_send_tls *t);

/*
 * In trust.c: has the peer proven what was asked of it?
 *
 * RFC     7672 3.1, 3.2; 8461 4.2; 6125 6.4
 */
enum svc_send_proven svc_send_tls_prove(struct svc_send_tls *t, const struct svc_send_proof *proof);
/* Nothing stays of sessions of peers that are not proven; this keeps the one there is. */
void svc_send_tls_keep(struct svc_send_tls *t);

/* Facts for records; nothing to free. */
void svc_send_tls_tell(const struct svc_send_tls *t, struct svc_send_tls_facts *ret);
/* Was what came before the last ERR_TLS no TLS at all? Ask before the reason is cleared. */
bool svc_send_tls_alien(void);
#endif
