/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the mail of a domain goes: its hosts in order, their addresses, and what each must prove.
 * One route per domain and kind of letter (REQUIRETLS and unenforced ones have their own). It is
 * looked up once, used until it is too old, and then replaced: a route never changes when it is
 * ready.
 */
#ifndef SVC_SEND_ROUTE_H
#define SVC_SEND_ROUTE_H

#include "proto/dane/dane.h"
#include "proto/mtasts/mtasts.h"
#include "reach/attempt.h"
#include "svc/send/send.h"

struct ipc_common_dns_answer;
struct ipc_common_dns_record;

/* Why a host is not used. */
enum svc_send_unfit {
	SVC_SEND_FIT,
	SVC_SEND_NO_ADDRESS,
	SVC_SEND_DNS_FAILED,  /* its addresses or TLSA records could not be had, or are bogus */
	SVC_SEND_BAD_ADDRESS, /* loopback, private, not for anybody */
	SVC_SEND_UNLISTED,    /* not in the MTA-STS policy */
	SVC_SEND_UNSAFE,      /* REQUIRETLS wants its name from signed DNS or a policy */
};

struct svc_send_host {
	struct svc_send_route *route;
	str name;      /* as the MX record has it: A-labels; or an address literal */
	str canonical; /* where its CNAMEs end; else the name */
	uint16_t preference;
	enum svc_send_unfit unfit;
	uint8_t ip[SVC_SEND_ADDRESSES_MAX][16]; /* IPv6 and IPv4 in turns, IPv6 first */
	size_t ip_n, v4_n, v6_n;
	uint8_t v4[SVC_SEND_ADDRESSES_MAX][16], v6[SVC_SEND_ADDRESSES_MAX][16];
	enum dane_dns v4_state, v6_state; /* DANE_DNS_STATES: not answered yet */
	bool bad_address;                 /* some of them were left out */
	struct dane_lookup lookup;
	enum dane_demand dane;
	str base; /* TLSA base domain */
	const struct dane_record *records;
	size_t records_n;
	bool listed; /* in the MTA-STS policy, or there is none */
};

struct svc_send_answer;

/* One question under way. */
struct svc_send_ask {
	struct list node; /* in route->asks */
	bool asked;       /* the channel that is there now took it */
	uint64_t request;
	struct svc_send_route *route;
	struct svc_send_host *host; /* NULL: about the domain */
	uint16_t type;              /* of DNS; 0: a policy, of fetch */
	str name;
	void (*fn)(struct svc_send_ask *q, const struct svc_send_answer *a);
};
struct svc_send_answer {
	enum err result;
	uint8_t trust;
	uint32_t ttl_s;
	str canonical;
	const struct ipc_common_dns_record *records;
	size_t n;
};

enum svc_send_route_state { SVC_SEND_ROUTE_ASKING, SVC_SEND_ROUTE_READY };

struct svc_send_route {
	struct svc_send *server;
	struct arena *arena;
	enum svc_send_route_state state;
	bool current;     /* in svc_send.routes */
	uint32_t holders; /* letters and connections */
	struct list dead_node;
	str key, domain;
	bool literal, requiretls, unenforced, plaintext;
	struct list waiting; /* letters */
	size_t waiting_n;
	uint32_t conns_n;      /* connections that work for it */
	uint32_t ready_n;      /* of these, taken in by a server */
	struct list pace_node; /* in operator->waiting or svc_send.starved */
	struct list pump_node; /* in svc_send.pumps */
	struct svc_send_operator *op;
	bool proven;    /* a connection was made: there may be several */
	uint32_t extra; /* letters have waited long: so many more than by their number */

	struct list asks;
	size_t pending;
	struct sys_timer timer; /* for all answers to come */
	int64_t began_ms, began_wall_ms, took_ms, until_ms, calm_until_ms;
	uint32_t ttl_s;
	enum dane_mx mx;
	str canonical; /* of the domain */
	bool loop;     /* we are its best MX */
	enum reach_dns failed;
	struct svc_send_host *hosts; /* by preference */
	size_t hosts_n;

	enum mtasts_mode sts;
	bool sts_applies; /* a policy of mode testing or enforce is there */
	str sts_failure;  /* result type of RFC 8460 */
	str sts_id;
	const str *patterns;
	size_t patterns_n;
	uint8_t policy_ip[SVC_SEND_ADDRESSES_MAX * 2][16];
	size_t policy_ip_n;
	size_t policy_pending;
};

/* Give the letter its route; it is sent when the route is ready. */
void svc_send_route_take(struct svc_send_letter *l);
/* The letter leaves its route, wherever it stands there. */
void svc_send_route_leave(struct svc_send_letter *l);
/* Connections for the letters that wait, as far as that is allowed; at the end of the turn. */
void svc_send_route_pump(struct svc_send_route *r);
void svc_send_route_pump_all(struct svc_send *sv);
/* A connection became free: routes of this operator, and starved ones, have their turn. */
void svc_send_route_next(struct svc_send *sv, struct svc_send_operator *o);
void svc_send_route_hold(struct svc_send_route *r);
void svc_send_route_drop(struct svc_send_route *r);
/* All hosts failed: every letter that waits comes to what this one has learned. */
void svc_send_route_fail(struct svc_send_route *r, const struct svc_send_letter *lead);
/* One connection more was turned away while others work: no further ones for a while. */
void svc_send_route_calm(struct svc_send_route *r);
/* Old routes that nobody holds go; any: young ones, too. */
void svc_send_route_sweep(struct svc_send *sv, bool any);
void svc_send_route_bury(struct svc_send *sv);
/* May mail be sent there at all? RFC 6890 */
bool svc_send_is_public(const uint8_t ip[16]);
/* In order of preference, equal ones mixed, addresses that did not answer last. Out: how many. */
struct svc_send_place {
	uint8_t host, ip;
};
size_t svc_send_route_places(struct svc_send_route *r, struct svc_send_place *to, size_t max);
/* What a host has to prove; its key is the same when another connection would do as well. */
struct svc_send_proof svc_send_route_proof(const struct svc_send_route *r,
    const struct svc_send_host *h);
void svc_send_route_key(const struct svc_send_route *r, const struct svc_send_host *h,
    struct buf *out);

/* lookup.c: ask for everything; svc_send_route_found() when all answers are there. */
void svc_send_lookup(struct svc_send_route *r);
void svc_send_route_found(struct svc_send_route *r);

/* ask.c: one question to resolve or fetch; the answer may come at once. */
void svc_send_ask(struct svc_send_ask *q);
void svc_send_ask_forget(struct svc_send_ask *q);
enum err svc_send_on_resolve(struct svc_common_link *from, str datagram, int *fd);
enum err svc_send_on_fetch(struct svc_common_link *from, str datagram, int *fd);
/* The channel is gone; there is a new one, or room again: what it was not asked is asked. */
void svc_send_ask_lost(struct svc_send *sv, bool fetch);
void svc_send_ask_again(struct svc_send *sv, bool fetch);

#endif
