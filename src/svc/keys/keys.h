/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process keys in memory: DKIM keys by domain, keys of certificates by slot, and the channels
 * over which others ask for signatures. Private keys never leave this struct but for their files.
 */
#ifndef SVC_KEYS_KEYS_H
#define SVC_KEYS_KEYS_H

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "conf/conf.h"
#include "proto/dkim/signature.h"
#include "svc/common/service.h"
#include "svc/keys/crypto.h"
#include "svc/keys/limits.h"
#include "svc/keys/tls.h"

/* The numbers are those of adm_keys.def; the words are in the files. */
enum svc_keys_state {
	SVC_KEYS_NEXT = 1,
	SVC_KEYS_ACTIVE,
	SVC_KEYS_RETIRING,
	SVC_KEYS_REVOKED,
	SVC_KEYS_STATES
};

struct svc_keys_key {
	struct list node; /* in svc_keys.keys, by serial */
	struct list same; /* in its domain's list */
	uint64_t serial;
	enum svc_keys_state state;
	enum dkim_algorithm algorithm;
	int64_t created_s, changed_s;
	int64_t seen_s;  /* its record was first seen in DNS; 0: not yet */
	int64_t ready_s; /* next: becomes active then; 0: when told */
	uint64_t signatures;
	struct evp_pkey_st *pkey; /* NULL: revoked */
	char domain[256];         /* A-labels, lower case */
	char selector[64];
};

struct svc_keys_domain {
	struct list keys;
	size_t n;
};

struct svc_keys {
	struct svc_common *sc;
	int folder;          /* state/keys */
	struct map *domains; /* name -> struct svc_keys_domain */
	struct list keys;    /* all, by serial */
	size_t keys_n, bad_files;
	uint64_t last_serial;
	struct sys_timer check;
	struct svc_keys_tls tls;
	struct svc_common_link gates[SVC_KEYS_GATES_MAX], sends[SVC_KEYS_SENDS_MAX];
	struct arena *scratch;
	struct buf out;
	struct {
		uint64_t dkim, tls, refused;
	} count;
};

/* table.c: all DKIM keys and their states. */
/* Empty; `folder` is taken. ERR_NOMEM. */
enum err svc_keys_table_init(struct svc_keys *k, struct svc_common *sc, int folder);
void svc_keys_table_done(struct svc_keys *k);
/* Read the folder; what is broken is logged and counted. Errors of the folder itself. */
enum err svc_keys_table_load(struct svc_keys *k);
/*
 * Make keys in state next.
 *
 * In      algorithms: bits 1 << enum dkim_algorithm; domain: any spelling
 * Out     ret_n: how many were made; set on errors too
 * Errors  SYNTAX, CHARSET: no domain; EXISTS: there is a next key of each; TOOMANY; those of files
 */
enum err svc_keys_table_create(struct svc_keys *k, str domain, unsigned algorithms, size_t *ret_n);
/* Activate one key, or with an empty selector all next ones. NOTFOUND; BADSTATE: revoked. */
enum err svc_keys_table_activate(struct svc_keys *k, str domain, str selector, size_t *ret_n);
/* Forget its private half for good. NOTFOUND; BADSTATE: it is revoked already. */
enum err svc_keys_table_revoke(struct svc_keys *k, str domain, str selector);
/* DNS has its record: activate it later. NOTFOUND; BADSTATE: it is not a next one. */
enum err svc_keys_table_seen(struct svc_keys *k, str domain, str selector, uint32_t ttl_s);
/* What time does to keys. */
void svc_keys_table_check(struct svc_keys *k, int64_t now_s);
/* The active keys of the domain, or of the nearest one above it. NULL: there is none. */
const struct svc_keys_domain *svc_keys_table_signers(const struct svc_keys *k, str domain,
    str *ret_domain);
struct svc_keys_key *svc_keys_table_find(const struct svc_keys *k, str domain, str selector);
/* When it leaves its state by itself; 0: never. */
int64_t svc_keys_table_due(const struct svc_keys *k, const struct svc_keys_key *key);

/* sign.c: edge send_keys. gates.c: edge gate_keys. */
enum err svc_keys_on_send(struct svc_common_link *from, str datagram, int *fd);
enum err svc_keys_on_gate(struct svc_common_link *from, str datagram, int *fd);

/* admin.c: edge adm_keys. */
enum err svc_keys_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd);

/* service.c: the table of contents. */
extern const struct svc_common_service svc_keys_service;

/* profile.c: what this process may do. */
enum err svc_keys_profile(struct svc_common *sc, struct sys_sandbox_profile *p);

#endif
