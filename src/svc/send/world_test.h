/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole send process inside a test: its loop and handlers, fake queue, resolve, keys, fetch and
 * watch at the other ends of real channels, and mail servers on loopback addresses that say what
 * the test wants. Nothing waits for the clock but time-outs that are asked for.
 */
#ifndef SVC_SEND_WORLD_TEST_H
#define SVC_SEND_WORLD_TEST_H

#include "base/test.h"
#include "ipc/queue_send.h"
#include "svc/send/route.h"

struct ssl_ctx_st;
struct ssl_st;
struct evp_pkey_st;
struct x509_st;

enum { WORLD_SERVERS = 4, WORLD_SESSIONS = 24 };

/* What a server says; NULL: what a good one would. A reply of "!" closes, "" is silence. */
struct server_script {
	const char *banner, *ehlo, *starttls, *mail, *rcpt, *data, *eod;
	bool no_tls, garbage_tls;
	unsigned close_after; /* letters of a connection; 0: any number */
	unsigned sessions;    /* at a time; others hear 421, or are just closed: `rude` */
	bool rude;
};

struct server_session {
	int fd; /* -1: free */
	struct ssl_st *ssl;
	bool handshake, in_data, closing;
	unsigned letters;
	struct buf in;
};

struct server {
	int listener, reserve;
	struct server_script say;
	struct ssl_ctx_st *tls;
	struct x509_st *cert;
	struct server_session sessions[WORLD_SESSIONS];
	unsigned connects, letters, most; /* most: sessions at a time */
	struct buf taken;                 /* letters, one behind the other */
	struct buf heard;                 /* commands */
	struct buf peers;                 /* where clients came from */
};

/* One answer of DNS. `data`: as in a zone file, several separated by ";". */
struct world_name {
	const char *name;
	uint16_t type;
	enum err result;
	uint8_t trust;
	const char *data;
	bool silent;
};

struct world {
	struct svc_common sc;
	struct conf conf;
	struct svc_send *sv;
	struct arena *scratch;
	int queue, resolve, watch, keys, fetch;
	uint16_t port;
	struct server server[WORLD_SERVERS]; /* at 127.0.1.1, .2 ... */
	const struct world_name *names;
	size_t names_n;
	uint8_t policy_mode; /* of fetch, with patterns; 0: none */
	const char *policy_mx;
	uint64_t questions;
	struct buf results;  /* a line for each */
	struct buf attempts; /* a line for each */
	unsigned results_n, attempts_n;
	uint64_t entry_offset; /* entries are jobs and this */
	struct buf in, out;
	char ca_file[64];
	struct evp_pkey_st *ca_key;
	struct x509_st *ca;
};

extern unsigned svc_send_world_exits;

/* names: NULL-terminated by a name of NULL. The servers have certificates of mx1.test and so on. */
void svc_send_world_open(struct world *w, const struct world_name *names);
/* The fakes and servers alone: the process is another one. */
void svc_send_world_outside(struct world *w, const struct world_name *names);
void svc_send_world_close(struct world *w);
/* Until nobody has anything to do. */
void svc_send_world_settle(struct world *w);
/* The same, waiting for the clock until there are so many results. */
void svc_send_world_wait(struct world *w, unsigned results);
/* A letter of queue for one recipient; more of them separated by ",". */
struct ipc_queue_send_letter svc_send_world_letter(uint64_t job, const char *domain);
void svc_send_world_send(struct world *w, const struct ipc_queue_send_letter *m, const char *rcpts);
/* The same for a@one.test, in a file; fd is taken. */
void svc_send_world_send_file(struct world *w, uint64_t job, int fd);
void svc_send_world_cancel(struct world *w, uint64_t job);
void svc_send_world_wire(struct world *w, const char *edge, int *end);
/* Another certificate for a server: expired, signed by itself, for other names. */
void svc_send_world_certificate(struct world *w, unsigned server, const char *names, int days,
    bool self_signed);
/* "3 1 1 hex" of the server's key, or "2 0 1 hex" of the authority. */
const char *svc_send_world_tlsa(struct world *w, unsigned server, bool anchor);
/* What a server says late. */
void svc_send_world_answer(struct server_session *x, const char *reply);
/* Nobody listens there any more. */
void svc_send_world_deaf(struct world *w, unsigned server);

#endif
