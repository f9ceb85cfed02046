/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: each kind of record once, from what the configuration says. Where the RFC leaves a
 * choice the stricter one is proposed; `dns check` accepts others that work.
 */
#include "ctl/dns/want.h"

#include "base/codec.h"
#include "ctl/client.h"
#include "ipc/adm_keys.h"
#include "mail/address.h"

enum { TEXT_MAX = 4096, RDATA_MAX = 16384, DKIM_REVOKED = 4 };

static const char policy_form[] = "version: STSv1\n"
				  "mode: enforce\n"
				  "mx: %.*s\n"
				  "max_age: 604800\n";

void
ctl_dns_plan_add(struct ctl_dns_plan *p, const struct ctl_dns_want *w)
{
	if (p->n == CTL_DNS_WANTS_MAX || w->name.p == NULL) {
		p->full = true;
		return;
	}
	p->v[p->n] = *w;
	p->v[p->n].rdata = arena_dup(p->c->arena, w->rdata);
	p->full = p->full || p->v[p->n].rdata.p == NULL;
	p->n++;
}

str
ctl_dns_below(struct ctl_dns_plan *p, const char *labels, str name)
{
	return arena_printf(p->c->arena, "%s%s%.*s", labels, labels[0] == '\0' ? "" : ".",
	    STR_ARG(name));
}

/* With RDATA from a buffer, whose error makes the plan incomplete. */
static void
add(struct ctl_dns_plan *p, struct ctl_dns_want w, struct buf *rdata, enum err e)
{
	w.rdata = buf_view(rdata);
	if (e != ERR_OK) {
		p->full = true;
	} else {
		ctl_dns_plan_add(p, &w);
	}
	buf_reset(rdata);
}

static void
add_text(struct ctl_dns_plan *p, struct ctl_dns_want w, str text)
{
	struct buf rdata;
	buf_init(&rdata, RDATA_MAX);
	w.type = DNS_TXT;
	enum err e = dns_txt_put(&rdata, text);
	add(p, w, &rdata, text.p == NULL ? ERR_NOMEM : e);
	buf_done(&rdata);
}

/* --- the server itself, and mail to the domain ---------------------------------------------- */

static void
plan_host(struct ctl_dns_plan *p)
{
	struct ctl_dns_want w = { CTL_DNS_ADDRESS, CTL_DNS_NEEDED, p->host, DNS_A, STR_NONE,
		"the server's address" };
	ctl_dns_plan_add(p, &w);
	w.level = CTL_DNS_OPTIONAL;
	w.type = DNS_AAAA;
	w.why = "the server's IPv6 address, if it has one";
	ctl_dns_plan_add(p, &w);
}

static void
plan_mx(struct ctl_dns_plan *p)
{
	enum { PREFERENCE = 10 };
	struct buf rdata;
	buf_init(&rdata, RDATA_MAX);
	enum err e = dns_mx_put(&rdata, PREFERENCE, p->host);
	add(p,
	    (struct ctl_dns_want){ CTL_DNS_MX, CTL_DNS_NEEDED, p->domain, DNS_MX, STR_NONE,
		"mail for the domain comes here (RFC 5321 5.1)" },
	    &rdata, e);
	buf_done(&rdata);
}

/* --- who may send for the domain ------------------------------------------------------------ */

static void
plan_spf(struct ctl_dns_plan *p)
{
	const struct conf *c = &p->c->conf;
	str v4 = c->send_source_v4.n > 0 ? c->send_source_v4.v[0] : S("");
	str v6 = c->send_source_v6.n > 0 ? c->send_source_v6.v[0] : S("");
	add_text(p,
	    (struct ctl_dns_want){ CTL_DNS_SPF, CTL_DNS_ADVISED, p->domain, 0, STR_NONE,
		"only this server sends for the domain (RFC 7208)" },
	    arena_printf(p->c->arena, "v=spf1 mx%s%.*s%s%.*s -all", v4.n > 0 ? " ip4:" : "",
		STR_ARG(v4), v6.n > 0 ? " ip6:" : "", STR_ARG(v6)));
	str helo = c->send_helo.n > 0 ? c->send_helo.v[0] : p->host;
	if (!str_ieq(helo, p->domain)) {
		add_text(p,
		    (struct ctl_dns_want){ CTL_DNS_SPF, CTL_DNS_OPTIONAL, helo, 0, STR_NONE,
			"the name in our HELO is ours (RFC 7208 2.3)" },
		    S("v=spf1 a -all"));
	}
}

struct keys {
	struct ctl_dns_plan *p;
	bool ended, more;
	uint64_t after;
};

static enum err
on_page(void *ctx, const struct ipc_adm_keys_page *m, int *fd)
{
	struct keys *k = ctx;
	k->ended = true;
	k->more = m->more && m->keys_n > 0;
	for (size_t i = 0; i < m->keys_n; i++) {
		const struct ipc_adm_keys_key *key = &m->keys[i];
		k->after = key->serial;
		if (key->state == DKIM_REVOKED) {
			continue;
		}
		str name = arena_printf(k->p->c->arena, "%.*s._domainkey.%.*s",
		    STR_ARG(key->selector), STR_ARG(key->domain));
		add_text(k->p,
		    (struct ctl_dns_want){ CTL_DNS_DKIM, CTL_DNS_ADVISED, name, 0, STR_NONE,
			"a key that signs the domain's mail (RFC 6376 3.6)" },
		    key->record);
	}
	return ERR_OK;
}

static enum err
on_done(void *ctx, const struct ipc_adm_keys_done *m, int *fd)
{
	struct keys *k = ctx;
	k->ended = true;
	k->more = false;
	return ERR_OK;
}

static enum err
take(struct ctl *c, void *ctx, str datagram, int *fd)
{
	static const struct ipc_adm_keys_at_admin handlers = { .page = on_page, .done = on_done };
	return ipc_adm_keys_admin_dispatch(&handlers, ctx, datagram, fd, c->scratch);
}

/* Without a running server nobody knows the keys: said, and no failure. */
static enum ctl_exit
plan_dkim(struct ctl_dns_plan *p)
{
	struct keys k = { .p = p };
	size_t before = p->n;
	enum ctl_exit x = CTL_OK;
	if (ctl_client_try(p->c, "keys") != ERR_OK) {
		p->unknown = "the DKIM keys, because the server does not run";
		return CTL_OK;
	}
	do {
		struct ipc_adm_keys_list m = {
			.request = 1, .domain = p->domain, .after = k.after
		};
		k.ended = false;
		buf_reset(&p->c->msg);
		ipc_adm_keys_list_put(&p->c->msg, &m);
		x = ctl_client_ask(p->c, take, &k, &k.ended, CTL_WAIT_MS);
	} while (x == CTL_OK && k.more);
	p->no_keys = p->n == before;
	return x;
}

static void
plan_dmarc(struct ctl_dns_plan *p)
{
	str name = ctl_dns_below(p, "_dmarc", p->domain);
	add_text(p,
	    (struct ctl_dns_want){ CTL_DNS_DMARC, CTL_DNS_ADVISED, name, 0, STR_NONE,
		"mail that only claims to be ours is refused (RFC 7489)" },
	    arena_printf(p->c->arena, "v=DMARC1; p=reject; rua=mailto:postmaster@%.*s",
		STR_ARG(p->domain)));
}

/* --- mail to the domain is encrypted -------------------------------------------------------- */

static void
plan_reports(struct ctl_dns_plan *p)
{
	str name = ctl_dns_below(p, "_smtp._tls", p->domain);
	add_text(p,
	    (struct ctl_dns_want){ CTL_DNS_TLSRPT, CTL_DNS_ADVISED, name, 0, STR_NONE,
		"others report when TLS to us fails (RFC 8460 3)" },
	    arena_printf(p->c->arena, "v=TLSRPTv1; rua=mailto:postmaster@%.*s",
		STR_ARG(p->domain)));
}

/* The id changes whenever the policy does (RFC 8461 3.1). */
static void
plan_sts(struct ctl_dns_plan *p)
{
	p->policy = arena_printf(p->c->arena, policy_form, STR_ARG(p->host));
	p->policy_id = arena_printf(p->c->arena, "p%08x",
	    (unsigned)crc32c(0, p->policy.p, p->policy.n));
	add_text(p,
	    (struct ctl_dns_want){ CTL_DNS_STS, CTL_DNS_OPTIONAL,
		ctl_dns_below(p, "_mta-sts", p->domain), 0, STR_NONE,
		"there is a policy that TLS is a must (RFC 8461 3.1)" },
	    arena_printf(p->c->arena, "v=STSv1; id=%.*s", STR_ARG(p->policy_id)));
}

/* --- mail programs find their settings ------------------------------------------------------ */

static void
plan_service(struct ctl_dns_plan *p, const char *service, struct conf_list listen,
    uint16_t priority)
{
	uint32_t port = 0;
	struct buf rdata;
	buf_init(&rdata, RDATA_MAX);
	if (listen.n > 0) {
		ptrdiff_t colon = str_rchr(listen.v[0], ':');
		ASSERT(colon > 0);
		(void)str_u32(str_from_off(listen.v[0], (size_t)colon + 1), &port);
	}
	const uint16_t offered[3] = { priority, 1, (uint16_t)port }, not_offered[3] = { 0, 0, 0 };
	enum err e = port > 0 ? dns_srv_put(&rdata, offered, p->host)
			      : dns_srv_put(&rdata, not_offered, S(""));
	add(p,
	    (struct ctl_dns_want){ CTL_DNS_SRV, CTL_DNS_OPTIONAL,
		ctl_dns_below(p, service, p->domain), DNS_SRV, STR_NONE,
		"mail programs find the server (RFC 6186, 8314 5.1, 5804 1.8)" },
	    &rdata, e);
	buf_done(&rdata);
}

/* TLS from the first octet is preferred to STARTTLS (RFC 8314 3). */
static void
plan_services(struct ctl_dns_plan *p)
{
	enum { FIRST = 0, SECOND = 10 };
	const struct conf *c = &p->c->conf;
	plan_service(p, "_submissions._tcp", c->listen_submissions, FIRST);
	plan_service(p, "_submission._tcp", c->listen_submission, SECOND);
	plan_service(p, "_imaps._tcp", c->listen_imaps, FIRST);
	plan_service(p, "_imap._tcp", c->listen_imap, SECOND);
	plan_service(p, "_pop3s._tcp", c->listen_pop3s, FIRST);
	plan_service(p, "_pop3._tcp", c->listen_pop3, SECOND);
	plan_service(p, "_sieve._tcp", c->listen_managesieve, FIRST);
}

/* Names of web servers: of use when one answers there. */
static void
plan_pointers(struct ctl_dns_plan *p)
{
	static const struct {
		const char *label, *why;
	} names[] = {
		{ "mta-sts", "where the policy of MTA-STS is served over HTTPS (RFC 8461 3.3)" },
		{ "autoconfig", "where Thunderbird and others look for settings" },
		{ "autodiscover", "where Outlook looks for settings" },
	};
	struct buf rdata;
	buf_init(&rdata, RDATA_MAX);
	for (size_t i = 0; i < LEN(names); i++) {
		enum err e = dns_name_put(&rdata, p->host);
		add(p,
		    (struct ctl_dns_want){ CTL_DNS_POINTER, CTL_DNS_OPTIONAL,
			ctl_dns_below(p, names[i].label, p->domain), DNS_CNAME, STR_NONE,
			names[i].why },
		    &rdata, e);
	}
	buf_done(&rdata);
}

static enum ctl_exit
read_domain(struct ctl *c, str *ret)
{
	struct buf b;
	buf_init(&b, DNS_NAME_MAX);
	enum err e = mail_domain_put(&b, ctl_arg(c, 0));
	*ret = arena_dup(c->arena, buf_view(&b));
	buf_done(&b);
	if (e != ERR_OK || ret->n == 0 || ret->p[0] == '[') {
		return ctl_fail(c, CTL_USAGE, ERR_SYNTAX, "'%.*s' is no domain",
		    STR_ARG(ctl_arg(c, 0)));
	}
	return CTL_OK;
}

enum ctl_exit
ctl_dns_plan_make(struct ctl *c, struct ctl_dns_plan *p)
{
	*p = (struct ctl_dns_plan){ .c = c, .host = c->conf.hostname };
	enum ctl_exit x = read_domain(c, &p->domain);
	if (x != CTL_OK) {
		return x;
	}
	plan_host(p);
	plan_mx(p);
	plan_spf(p);
	x = plan_dkim(p);
	plan_dmarc(p);
	ctl_dns_plan_tls(p);
	plan_reports(p);
	plan_sts(p);
	plan_services(p);
	plan_pointers(p);
	if (x == CTL_OK && p->full) {
		return ctl_fail(c, CTL_FAILED, ERR_TOOMANY, "more than %d records, or no memory",
		    CTL_DNS_WANTS_MAX);
	}
	return x;
}

str
ctl_dns_want_text(struct ctl *c, const struct ctl_dns_want *w)
{
	struct buf b;
	buf_init(&b, RDATA_MAX);
	buf_printf(&b, "%.*s. ", STR_ARG(w->name));
	dns_type_put(&b, w->type);
	if (w->rdata.n > 0) {
		buf_ch(&b, ' ');
		(void)(dns_text_put(&b, w->type, w->rdata) == ERR_OK);
	}
	str text = arena_dup(c->arena, buf_view(&b));
	buf_done(&b);
	return text;
}
