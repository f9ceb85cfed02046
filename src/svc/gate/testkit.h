/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of this folder alone: a gate in this process with peers played by the test, TLS
 * clients, and certificates made on the spot. Nothing here waits for the clock; every loop is
 * bounded.
 */
#ifndef SVC_GATE_TESTKIT_H
#define SVC_GATE_TESTKIT_H

#include "base/test.h"
#include "conf/conf.h"
#include "svc/gate/gate.h"
#include "sys/spawn.h"

struct ssl_ctx_st;
struct ssl_st;

/* One of our peers: the test holds the other end of its channel. */
struct svc_gate_world {
	struct svc_common sc;
	struct conf conf;
	struct svc_gate *g;
	int mx[2], submission, login, auth; /* our ends; mx: two processes */
	int keys;                           /* gate's end: what is sent here, keys reads */
	struct sys_child keys_child;
	bool ready;
	unsigned turn; /* of tests that look at the processes by turns */
};

/* A gate with default settings, a certificate for mail.example.org in slot 0, all peers wired. */
void svc_gate_world_open(struct svc_gate_world *w);
void svc_gate_world_close(struct svc_gate_world *w);
/* Let the gate do everything it can do now. */
void svc_gate_world_turn(struct svc_gate_world *w);
/* A connection from an address ("192.0.2.1"); the client's end. */
int svc_gate_world_connect(struct svc_gate_world *w, enum sys_protocol protocol, const char *ip);
/* Make a pair for the names (comma-separated) and load it into a slot. P-256. */
void svc_gate_world_certificate(struct svc_gate_world *w, uint32_t slot, const char *names);
/* The same with a key of that kind: "RSA", or a curve. */
void svc_gate_world_certificate_of(struct svc_gate_world *w, uint32_t slot, const char *names,
    const char *kind);

/*
 * The process keys, played by a process of its own, because gate waits for it. It is told what to
 * do: a certificate with its key in PEM is one to sign with; "hang": never answer again; "lie":
 * answer somebody else's question; "spoil": a wrong signature next; "die".
 */
void svc_gate_keys_start(struct svc_gate_world *w);
void svc_gate_keys_tell(struct svc_gate_world *w, str what);
void svc_gate_keys_stop(struct svc_gate_world *w);

/* A session that came to a peer; `stream` is -1 when none did. */
struct svc_gate_handed {
	struct arena *arena;
	struct ipc_common_session *about;
	int stream;
};
void svc_gate_world_handed(struct svc_gate_world *w, int peer, struct svc_gate_handed *ret);
void svc_gate_handed_done(struct svc_gate_handed *h);

/* Read what waits on fd after the gate had its turn; ends with "<EOF>" when the other side closed.
 */
void svc_gate_world_read(struct svc_gate_world *w, int fd, struct buf *out);
void svc_gate_world_send(struct svc_gate_world *w, int fd, str s);

struct svc_gate_client {
	struct ssl_ctx_st *ctx;
	struct ssl_st *ssl;
	int fd;
	unsigned tickets; /* that the server sent */
};

/* Settings of a client; all zero: what a modern one does. */
struct svc_gate_wish {
	int version;         /* TLS1_2_VERSION: that one only */
	const char *ciphers; /* for TLS 1.2 and older */
	const char *sni;
};

/* fd is the client's. */
void svc_gate_client_open(struct svc_gate_client *c, int fd, const struct svc_gate_wish *wish);
void svc_gate_client_close(struct svc_gate_client *c);
/* Shake hands as far as it goes: ERR_OK, ERR_TLS, ERR_AGAIN when the gate never answers. */
enum err svc_gate_client_handshake(struct svc_gate_world *w, struct svc_gate_client *c);
/* Greeting, STARTTLS in SMTP, handshake. */
enum err svc_gate_client_starttls(struct svc_gate_world *w, struct svc_gate_client *c);
void svc_gate_client_send(struct svc_gate_world *w, struct svc_gate_client *c, str s);
/* As svc_gate_world_read; "<BYE>" for close_notify. */
void svc_gate_client_read(struct svc_gate_world *w, struct svc_gate_client *c, struct buf *out);
/* The first DNS name of the server's certificate. */
void svc_gate_client_name(struct svc_gate_client *c, struct buf *out);

#endif
