/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything DNS and fetch have to say about a domain, asked side by side: MX; of each host its
 * addresses and then its TLSA records; the MTA-STS record and policy. What it means is decided in
 * route.c, by the tables of proto/dane and proto/mtasts.
 */
#include "ipc/send_resolve.h"
#include "proto/dns/dns.h"
#include "svc/send/route.h"

typedef void ask_fn(struct svc_send_ask *q, const struct svc_send_answer *a);

/* A question below the route; without memory the route stays incomplete and runs out of time. */
static void
ask(struct svc_send_route *r, struct svc_send_host *h, uint16_t type, str name, ask_fn *fn)
{
	struct svc_send_ask *q = ARENA_NEW(r->arena, struct svc_send_ask);
	str copy = arena_dup(r->arena, name);
	if (q == NULL || copy.p == NULL) {
		r->failed = REACH_DNS_SERVFAIL;
		return;
	}
	*q = (struct svc_send_ask){ .route = r, .host = h, .type = type, .name = copy, .fn = fn };
	svc_send_ask(q);
}

static void
note_ttl(struct svc_send_route *r, const struct svc_send_answer *a)
{
	r->ttl_s = MIN(r->ttl_s, a->ttl_s);
}

/* --- hosts --------------------------------------------------------------------------------- */

/* Of A and AAAA the worse; an error of one does not matter where the other has addresses. */
static enum dane_dns
both(enum dane_dns a, enum dane_dns b)
{
	bool a_has = a == DANE_DNS_SECURE || a == DANE_DNS_INSECURE;
	bool b_has = b == DANE_DNS_SECURE || b == DANE_DNS_INSECURE;
	if (a_has != b_has) {
		enum dane_dns has = a_has ? a : b, other = a_has ? b : a;
		return other == DANE_DNS_INSECURE_NONE ? DANE_DNS_INSECURE : has;
	}
	if (a == DANE_DNS_ERROR || b == DANE_DNS_ERROR) {
		return DANE_DNS_ERROR;
	}
	bool secure = a == b && (a == DANE_DNS_SECURE || a == DANE_DNS_SECURE_NONE);
	if (a_has) {
		return secure ? DANE_DNS_SECURE : DANE_DNS_INSECURE;
	}
	return secure ? DANE_DNS_SECURE_NONE : DANE_DNS_INSECURE_NONE;
}

static void step_host(struct svc_send_host *h);

static void
on_cname(struct svc_send_ask *q, const struct svc_send_answer *a)
{
	q->host->lookup.cname = dane_dns(a->result, a->trust, a->n);
	step_host(q->host);
}

static void
take_tlsa(struct svc_send_host *h, const struct svc_send_answer *a)
{
	struct svc_send_route *r = h->route;
	size_t most = MIN(a->n, (size_t)SVC_SEND_TLSA_MAX), n = 0;
	struct dane_record *records = arena_array(r->arena, most + 1, sizeof *records);
	for (size_t i = 0; i < most && records != NULL; i++) {
		struct dns_tlsa t;
		if (dns_tlsa(a->records[i].rdata, &t) == ERR_OK) {
			records[n++] = (struct dane_record){ .usage = t.usage,
				.selector = t.selector,
				.matching = t.matching,
				.data = arena_dup(r->arena, t.data) };
		}
	}
	h->records = records;
	h->records_n = n;
}

static void
on_tlsa(struct svc_send_ask *q, const struct svc_send_answer *a)
{
	struct svc_send_host *h = q->host;
	struct dane_lookup *l = &h->lookup;
	enum dane_dns state = dane_dns(a->result, a->trust, a->n);
	if (l->asked_original) {
		l->original = state;
	} else {
		l->expanded = state;
	}
	if (state == DANE_DNS_SECURE) {
		take_tlsa(h, a);
		note_ttl(h->route, a);
	}
	step_host(h);
}

/* _25._tcp whatever send.port says: that stands for port 25. */
static void
ask_tlsa(struct svc_send_host *h, str base)
{
	char name[300];
	struct buf b;
	buf_init_fixed(&b, name, sizeof name);
	dns_tlsa_name_put(&b, 25, base);
	ask(h->route, h, DNS_TLSA, buf_view(&b), on_tlsa);
}

/* The table of RFC 7672 2.2 says what to do next about a host. */
static void
step_host(struct svc_send_host *h)
{
	struct dane_lookup *l = &h->lookup;
	switch (dane_host(l)) {
	case DANE_STEP_CNAME: ask(h->route, h, DNS_CNAME, h->name, on_cname); return;
	case DANE_STEP_TLSA_EXPANDED:
		l->asked_expanded = true;
		ask_tlsa(h, h->canonical);
		return;
	case DANE_STEP_TLSA_ORIGINAL:
		l->asked_original = true;
		ask_tlsa(h, h->name);
		return;
	case DANE_STEP_USE_EXPANDED: h->base = h->canonical; break;
	case DANE_STEP_USE_ORIGINAL: h->base = h->name; break;
	case DANE_STEP_SKIP: h->unfit = SVC_SEND_DNS_FAILED; break;
	default: break;
	}
	if (h->base.p != NULL) {
		h->dane = dane_demand(h->records, h->records_n);
		h->dane = h->records_n == 0 ? DANE_DEMAND_ENCRYPT : h->dane;
	}
}

static void
take_addresses(struct svc_send_host *h, const struct svc_send_answer *a, bool v6)
{
	size_t *n = v6 ? &h->v6_n : &h->v4_n;
	for (size_t i = 0; i < a->n && *n < SVC_SEND_ADDRESSES_MAX; i++) {
		uint8_t *ip = v6 ? h->v6[*n] : h->v4[*n];
		str rdata = a->records[i].rdata;
		enum err e = v6 ? dns_aaaa(rdata, ip) : dns_a(rdata, ip);
		*n += e == ERR_OK;
	}
}

static void
addresses_done(struct svc_send_host *h)
{
	struct svc_send_route *r = h->route;
	if (h->v4_state == DANE_DNS_STATES || h->v6_state == DANE_DNS_STATES) {
		return;
	}
	h->lookup.address = both(h->v4_state, h->v6_state);
	h->lookup.alias = h->canonical.n > 0 && !str_ieq(h->canonical, h->name);
	h->lookup.cname = DANE_DNS_STATES;
	h->canonical = h->canonical.n > 0 ? h->canonical : h->name;
	if (h->v4_n + h->v6_n == 0) {
		enum dane_dns d =
		    h->lookup.address; /* records, none of them readable: failed, too */
		bool failed = d != DANE_DNS_SECURE_NONE && d != DANE_DNS_INSECURE_NONE;
		h->unfit = failed ? SVC_SEND_DNS_FAILED : SVC_SEND_NO_ADDRESS;
	} else if (r->server->set.dane && !r->unenforced) {
		step_host(h);
	}
}

static void
on_address(struct svc_send_ask *q, const struct svc_send_answer *a)
{
	struct svc_send_host *h = q->host;
	enum dane_dns state = dane_dns(a->result, a->trust, a->n);
	bool v6 = q->type == DNS_AAAA;
	if (v6) {
		h->v6_state = state;
	} else {
		h->v4_state = state;
	}
	if (a->n > 0 && a->result == ERR_OK) {
		take_addresses(h, a, v6);
		note_ttl(h->route, a);
	}
	if (a->canonical.n > 0 && h->canonical.n == 0) {
		h->canonical = arena_dup(h->route->arena, a->canonical);
	}
	addresses_done(h);
}

static void
ask_host(struct svc_send_host *h)
{
	h->v4_state = h->v6_state = DANE_DNS_STATES;
	ask(h->route, h, DNS_AAAA, h->name, on_address);
	ask(h->route, h, DNS_A, h->name, on_address);
}

/* --- MX ------------------------------------------------------------------------------------ */

static bool
new_hosts(struct svc_send_route *r, size_t n)
{
	r->hosts = arena_array(r->arena, n, sizeof *r->hosts);
	return r->hosts != NULL;
}

/* The best SVC_SEND_HOSTS_MAX of them, in order. */
static void
insert_host(struct svc_send_route *r, const struct dns_mx *mx)
{
	size_t at = r->hosts_n;
	while (at > 0 && r->hosts[at - 1].preference > mx->preference) {
		at--;
	}
	if (at >= SVC_SEND_HOSTS_MAX) {
		return;
	}
	size_t last = MIN(r->hosts_n, (size_t)SVC_SEND_HOSTS_MAX - 1);
	memmove(&r->hosts[at + 1], &r->hosts[at], (last - at) * sizeof *r->hosts);
	r->hosts_n = last + 1;
	r->hosts[at] = (struct svc_send_host){ .route = r,
		.name = arena_dup(r->arena, dns_name_str(&mx->exchange)),
		.preference = mx->preference };
}

/* RFC 7505 3: one record, with no name. Such a record beside others means nothing. */
static void
take_mx(struct svc_send_route *r, const struct svc_send_answer *a)
{
	size_t nulls = 0;
	for (size_t i = 0; i < a->n; i++) {
		struct dns_mx mx;
		if (dns_mx(a->records[i].rdata, &mx) != ERR_OK) {
			continue;
		}
		nulls += mx.exchange.n == 0;
		if (mx.exchange.n > 0) {
			insert_host(r, &mx);
		}
	}
	if (r->hosts_n == 0) {
		r->failed = nulls > 0 ? REACH_DNS_NULLMX : REACH_DNS_SERVFAIL;
	}
}

/* No MX: the domain is its own host. RFC 5321 5.1 */
static void
imply_mx(struct svc_send_route *r)
{
	r->hosts[0] = (struct svc_send_host){ .route = r, .name = r->canonical };
	r->hosts_n = 1;
}

static void
on_mx(struct svc_send_ask *q, const struct svc_send_answer *a)
{
	struct svc_send_route *r = q->route;
	r->mx = dane_mx(dane_dns(a->result, a->trust, a->n));
	r->canonical = a->canonical.n > 0 ? arena_dup(r->arena, a->canonical) : r->domain;
	note_ttl(r, a);
	if (a->result == ERR_NOTFOUND) {
		r->failed = REACH_DNS_NXDOMAIN;
	} else if (a->result != ERR_OK || r->mx == DANE_MX_DEFER) {
		r->failed = a->trust == DNS_BOGUS ? REACH_DNS_BOGUS : REACH_DNS_SERVFAIL;
	} else if (!new_hosts(r, SVC_SEND_HOSTS_MAX + 1) || r->canonical.p == NULL) {
		r->failed = REACH_DNS_SERVFAIL;
	} else if (a->n == 0) {
		imply_mx(r);
	} else {
		take_mx(r, a);
	}
	for (size_t i = 0; i < r->hosts_n && r->failed == REACH_DNS_OK; i++) {
		ask_host(&r->hosts[i]);
	}
}

/* --- MTA-STS ------------------------------------------------------------------------------- */

static void
on_policy(struct svc_send_ask *q, const struct svc_send_answer *a)
{
}

/*
 * fetch keeps policies, so it is asked even when DNS announces none (RFC 8461 3.1), and also when
 * it is not there: it starts after us, and a letter of that moment waits for it.
 */
static void
ask_policy(struct svc_send_route *r)
{
	ask(r, NULL, 0, r->domain, on_policy);
}

static void
on_policy_address(struct svc_send_ask *q, const struct svc_send_answer *a)
{
	struct svc_send_route *r = q->route;
	for (size_t i = 0; i < a->n && r->policy_ip_n < LEN(r->policy_ip); i++) {
		uint8_t *ip = r->policy_ip[r->policy_ip_n];
		str rdata = a->records[i].rdata;
		enum err e = q->type == DNS_AAAA ? dns_aaaa(rdata, ip) : dns_a(rdata, ip);
		r->policy_ip_n += e == ERR_OK;
	}
	if (--r->policy_pending == 0) {
		ask_policy(r);
	}
}

static void
on_txt(struct svc_send_ask *q, const struct svc_send_answer *a)
{
	struct svc_send_route *r = q->route;
	str texts[16], id = STR_NONE;
	size_t n = 0;
	struct buf b;
	buf_init(&b, 65536);
	size_t at[LEN(texts)];
	for (size_t i = 0; i < a->n && n < LEN(texts) && a->result == ERR_OK; i++) {
		at[n] = b.n;
		n += dns_txt(a->records[i].rdata, &b) == ERR_OK;
	}
	for (size_t i = 0; i < n; i++) {
		size_t end = i + 1 < n ? at[i + 1] : b.n;
		texts[i] = str_sub(buf_view(&b), at[i], end - at[i]);
	}
	bool has = mtasts_txt(texts, n, &id) == ERR_OK;
	r->sts_id = has ? arena_dup(r->arena, id) : STR_NONE;
	buf_done(&b);
	if (!has || r->sts_id.p == NULL) {
		ask_policy(r);
		return;
	}
	r->policy_pending = 2;
	str host = arena_printf(r->arena, "mta-sts.%.*s", STR_ARG(r->domain));
	ask(r, NULL, DNS_AAAA, host, on_policy_address);
	ask(r, NULL, DNS_A, host, on_policy_address);
}

/* --- everything ---------------------------------------------------------------------------- */

/* "[192.0.2.1]" or "[IPv6:2001:db8::1]": nothing to look up. RFC 5321 4.1.3 */
static void
take_literal(struct svc_send_route *r)
{
	str inner = str_sub(r->domain, 1, r->domain.n - 2);
	str text = str_istarts(inner, S("IPv6:")) ? str_from_off(inner, 5) : inner;
	struct svc_send_host h = { .route = r, .name = r->domain, .canonical = r->domain };
	bool ok = r->domain.n > 2 && str_ends(r->domain, S("]")) &&
	    sys_addr_ip_parse(text, h.v4[0]) == ERR_OK;
	r->mx = DANE_MX_HOSTS_INSECURE;
	r->canonical = r->domain;
	if (!ok || !new_hosts(r, 1)) {
		r->failed = ok ? REACH_DNS_SERVFAIL : REACH_DNS_NXDOMAIN;
		return;
	}
	h.v4_n = 1;
	r->hosts[0] = h;
	r->hosts_n = 1;
}

void
svc_send_lookup(struct svc_send_route *r)
{
	r->pending++; /* until all questions are asked */
	if (r->literal) {
		take_literal(r);
	} else {
		ask(r, NULL, DNS_MX, r->domain, on_mx);
		if (r->server->set.sts && !r->unenforced) {
			str name = arena_printf(r->arena, "_mta-sts.%.*s", STR_ARG(r->domain));
			ask(r, NULL, DNS_TXT, name, on_txt);
		}
	}
	if (--r->pending == 0) {
		svc_send_route_found(r);
	}
}
