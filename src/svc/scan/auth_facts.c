/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came of authentication: the facts for adding up, and the results for our field. Nothing here
 * decides about the letter.
 */
#include <libpsl.h>

#include "conf/conf.h"
#include "mail/address.h"
#include "svc/scan/auth.h"

/* --- the author ------------------------------------------------------------------------------ */

str
svc_scan_auth_from(const struct svc_scan_letter *l)
{
	if (l->auth.from_fields != 1 || l->auth.from_n == 0) {
		return STR_NONE;
	}
	return l->auth.from_domain.n > 0 ? l->auth.from_domain : l->auth.from_common;
}

bool
svc_scan_auth_spf_seen(const struct svc_scan_letter *l)
{
	return l->m.trust.spf != MAIL_AUTHRES_NONE;
}

/* --- for DMARC ------------------------------------------------------------------------------- */

static void
add_identifier(struct dmarc_identifier *ret, size_t *n, const struct dmarc_identifier *id)
{
	if (*n < DMARC_IDENTIFIERS_MAX) {
		ret[(*n)++] = *id;
	}
}

/* Those that passed first: there may be too many. */
size_t
svc_scan_auth_identifiers(const struct svc_scan_auth *x, struct dmarc_identifier *ret)
{
	const struct ipc_common_trust *trust = &x->letter->m.trust;
	size_t n = 0;
	for (unsigned late = 0; late < 2; late++) {
		struct dmarc_identifier id = { .temporary = late, .domain = trust->spf_domain };
		if (trust->spf == (late ? MAIL_AUTHRES_TEMPERROR : MAIL_AUTHRES_PASS)) {
			add_identifier(ret, &n, &id);
		}
		id.dkim = true;
		for (size_t i = 0; i < x->dkim.n; i++) {
			id.domain = x->dkim.check[i].domain;
			if (x->dkim.check[i].result == (late ? DKIM_TEMPERROR : DKIM_PASS)) {
				add_identifier(ret, &n, &id);
			}
		}
	}
	if (x->failed) { /* by us: nobody is judged by that */
		const struct dmarc_identifier ours = { .temporary = true,
			.domain = svc_scan_auth_from(x->letter) };
		add_identifier(ret, &n, &ours);
	}
	return n;
}

bool
svc_scan_auth_suffix(void *ctx, str domain, str *ret)
{
	const psl_ctx_t *list = psl_builtin();
	char name[MAIL_DOMAIN_MAX + 1];
	if (domain.n == 0 || domain.n > MAIL_DOMAIN_MAX || list == NULL) {
		return false;
	}
	memcpy(name, domain.p, domain.n);
	name[domain.n] = 0;
	const char *found = psl_registrable_domain(list, name);
	if (found != NULL) {
		*ret = str_from_off(domain, (size_t)(found - name));
	}
	return found != NULL;
}

/* --- results --------------------------------------------------------------------------------- */

static enum mail_authres
authres(enum dkim_result r)
{
	static const enum mail_authres of[] = {
		[DKIM_OPEN] = MAIL_AUTHRES_TEMPERROR,
		[DKIM_PASS] = MAIL_AUTHRES_PASS,
		[DKIM_FAIL] = MAIL_AUTHRES_FAIL,
		[DKIM_NEUTRAL] = MAIL_AUTHRES_NEUTRAL,
		[DKIM_POLICY] = MAIL_AUTHRES_POLICY,
		[DKIM_TEMPERROR] = MAIL_AUTHRES_TEMPERROR,
		[DKIM_PERMERROR] = MAIL_AUTHRES_PERMERROR,
	};
	return of[r];
}

static void
property(struct mail_authres_result *r, str type, str name, str value)
{
	if (value.n > 0) {
		r->property[r->n++] = (struct mail_authres_property){ type, name, value };
	}
}

/* The first octets of b=, by which one finds the signature again: RFC 6008 3, 4. */
static str
shown_b(const struct dkim_check *c, struct arena *a)
{
	char *out = arena_alloc(a, SVC_SCAN_B_SHOWN);
	size_t n = 0;
	for (size_t i = 0; out != NULL && i < c->s.b.n && n < SVC_SCAN_B_SHOWN; i++) {
		char ch = c->s.b.p[i];
		if (ch != ' ' && ch != '\t' && ch != '\r' && ch != '\n') {
			out[n++] = ch;
		}
	}
	return str_make(out, n);
}

/* RFC 8601 2.7.1 */
static void
put_dkim(struct mail_authres_result *r, const struct dkim_check *c, struct arena *a)
{
	bool rsa = c->s.algorithm == DKIM_RSA_SHA256;
	*r = (struct mail_authres_result){ .method = S("dkim"), .result = authres(c->result) };
	r->reason = str_from(c->why);
	if (c->bits > 0 && rsa) {
		r->comment = arena_printf(a, "%u-bit key", c->bits);
	}
	property(r, S("header"), S("d"), c->domain);
	property(r, S("header"), S("s"), c->domain.n > 0 ? c->s.selector : STR_NONE);
	property(r, S("header"), S("b"), shown_b(c, a));
	if (c->domain.n > 0) {
		property(r, S("header"), S("a"), rsa ? S("rsa-sha256") : S("ed25519-sha256"));
	}
}

static void
put_arc(struct mail_authres_result *r, struct svc_scan_auth *x)
{
	struct svc_scan_auth_facts *f = &x->letter->auth;
	const char *why;
	(void)arc_verify_result(&x->arc, &why);
	*r = (struct mail_authres_result){ .method = S("arc"), .result = f->arc };
	r->reason = str_from(why);
	r->comment = f->arc_sealer.n > 0
	    ? arena_printf(x->letter->arena, "i=%u d=%.*s", x->arc.n, STR_ARG(f->arc_sealer))
	    : STR_NONE;
}

static void
put_dmarc(struct mail_authres_result *r, struct svc_scan_auth *x)
{
	struct svc_scan_auth_facts *f = &x->letter->auth;
	*r = (struct mail_authres_result){ .method = S("dmarc"), .result = f->dmarc };
	if (x->unknown) {
		r->reason = S("SPF was not looked at");
	} else if (x->dmarc != NULL) {
		const struct dmarc_result *d = dmarc_result(x->dmarc);
		if (d->tag.n > 0) {
			str word = dmarc_policy_word(d->policy);
			r->comment = arena_printf(x->letter->arena, "%.*s=%.*s", STR_ARG(d->tag),
			    STR_ARG(word));
		}
		property(r, S("header"), S("from"), d->from);
	} else if (f->from_fields != 1) {
		r->reason = f->from_fields == 0 ? S("no From field") : S("several From fields");
	} else if (!x->failed) {
		r->reason = S("no single author domain");
	}
}

/* --- facts ----------------------------------------------------------------------------------- */

/* What speaks for the letter first; then what may be somebody else's fault. */
static uint8_t
best_dkim(const struct svc_scan_auth *x)
{
	static const enum dkim_result order[] = { DKIM_PASS, DKIM_TEMPERROR, DKIM_NEUTRAL,
		DKIM_POLICY, DKIM_FAIL, DKIM_PERMERROR };
	for (size_t i = 0; i < LEN(order); i++) {
		for (size_t k = 0; k < x->dkim.n; k++) {
			if (x->dkim.check[k].result == order[i]) {
				return (uint8_t)authres(order[i]);
			}
		}
	}
	return x->failed ? MAIL_AUTHRES_TEMPERROR : MAIL_AUTHRES_NONE_PUBLISHED;
}

static bool
same_organization(str a, str b)
{
	const struct dmarc_params p = { .suffix = svc_scan_auth_suffix };
	return a.n > 0 && b.n > 0 && str_ieq(dmarc_organization(&p, a), dmarc_organization(&p, b));
}

/* A stranger may name any domain whose servers are silent: that speaks for nobody. */
static bool
has_unread_key(const struct svc_scan_auth *x)
{
	str from = svc_scan_auth_from(x->letter);
	bool any = x->failed;
	for (size_t i = 0; i < x->dkim.n; i++) {
		const struct dkim_check *c = &x->dkim.check[i];
		any |= c->result == DKIM_TEMPERROR && same_organization(c->domain, from);
	}
	return any;
}

/* Without one author domain nobody can say "pass": a fail, or an error of form. */
static uint8_t
dmarc_without(const struct svc_scan_auth *x)
{
	const struct svc_scan_auth_facts *f = &x->letter->auth;
	if (svc_scan_auth_from(x->letter).n > 0) {
		return MAIL_AUTHRES_TEMPERROR; /* out of time or memory */
	}
	return f->from_fields > 1 || f->from_n > 1 ? MAIL_AUTHRES_FAIL : MAIL_AUTHRES_PERMERROR;
}

/*
 * SPF may pass or fail where nobody looked: then only an aligned signature can say "pass", and
 * everything else is not known. RFC 7489 6.6.2 (3, 4) judges by both.
 */
static bool
is_unknown(const struct svc_scan_auth *x)
{
	bool pass = x->dmarc != NULL && dmarc_result(x->dmarc)->result == MAIL_AUTHRES_PASS;
	return !svc_scan_auth_spf_seen(x->letter) && !pass && svc_scan_auth_from(x->letter).n > 0;
}

static void fill_report(struct svc_scan_auth *x, const struct dmarc_result *d);

static void
fill_dmarc(struct svc_scan_auth *x)
{
	struct svc_scan_auth_facts *f = &x->letter->auth;
	const struct dmarc_result *d = x->dmarc != NULL ? dmarc_result(x->dmarc) : NULL;
	x->unknown = is_unknown(x);
	f->organization = d != NULL ? d->organization : f->organization;
	if (d == NULL || x->unknown) {
		f->dmarc = x->unknown ? MAIL_AUTHRES_NONE_PUBLISHED : dmarc_without(x);
		return;
	}
	f->dmarc = (uint8_t)d->result;
	f->aligned = d->result == MAIL_AUTHRES_PASS || d->spf >= 0 || d->dkim >= 0;
	f->asks_reject = d->applied == DMARC_POLICY_REJECT;
	f->asks_quarantine = d->applied == DMARC_POLICY_QUARANTINE;
	fill_report(x, d);
}

/* --- what the author's domain asks to be told (RFC 7489 7.2) --------------------------------- */

static str
domain_of(str address)
{
	ptrdiff_t at = str_rchr(address, '@');
	return at < 0 ? STR_NONE : str_from_off(address, (size_t)at + 1);
}

static void
put_signatures(const struct svc_scan_auth *x, struct ipc_scan_watch_judged *m)
{
	enum { MOST = 8 };
	m->signatures = arena_array(x->letter->arena, MOST, sizeof *m->signatures);
	for (size_t i = 0; m->signatures != NULL && i < MIN(x->dkim.n, (size_t)MOST); i++) {
		const struct dkim_check *c = &x->dkim.check[i];
		if (c->domain.n > 0 && c->domain.n <= 255 && c->s.selector.n <= 255) {
			m->signatures[m->signatures_n++] = (struct ipc_scan_watch_signature){
				.domain = c->domain,
				.selector = c->s.selector,
				.result = (uint8_t)authres(c->result)
			};
		}
	}
}

/* Not of a letter that nobody could judge, nor of one from somewhere inside. */
static bool
asks_for_report(const struct svc_scan_auth *x, const struct dmarc_result *d)
{
	const struct svc_scan_letter *l = x->letter;
	bool judged = d->result == MAIL_AUTHRES_PASS || d->result == MAIL_AUTHRES_FAIL;
	return l->scan->sc->conf->dmarc_reports && !l->m.submission && l->m.ip.n == 16 && judged &&
	    d->record != NULL && d->record->rua.n > 0;
}

static void
fill_report(struct svc_scan_auth *x, const struct dmarc_result *d)
{
	struct svc_scan_letter *l = x->letter;
	const struct ipc_common_trust *trust = &l->m.trust;
	struct ipc_scan_watch_judged *m = asks_for_report(x, d)
	    ? ARENA_NEW(l->arena, struct ipc_scan_watch_judged)
	    : NULL;
	if (m == NULL) {
		return;
	}
	*m = (struct ipc_scan_watch_judged){ .at_s = l->m.received_s,
		.ip = l->m.ip,
		.domain = d->published_at,
		.from = d->from,
		.sender = str_sub(domain_of(l->m.reverse_path), 0, 255),
		.dkim = d->dkim >= 0 && l->auth.dkim == MAIL_AUTHRES_PASS,
		.spf = d->spf >= 0 && trust->spf == MAIL_AUTHRES_PASS,
		.spf_domain = trust->spf_domain,
		.spf_result = trust->spf,
		.helo = l->m.reverse_path.n == 0 };
	put_signatures(x, m);
	l->auth.report = m;
}

/* --- DMARC and ARC ---------------------------------------------------------------------------- */

static bool
lists(const struct conf_list *list, str domain)
{
	for (size_t i = 0; i < list->n; i++) {
		if (str_ieq(list->v[i], domain)) {
			return true;
		}
	}
	return false;
}

/* Did the sealer say dmarc=pass? */
static bool
says_pass(str payload, struct arena *a)
{
	struct mail_authres_reader reader;
	struct mail_authres_read read;
	struct buf id;
	bool pass = false;
	buf_init(&id, payload.n);
	if (mail_authres_begin(payload, &id, &reader) == ERR_OK) {
		while (mail_authres_next(&reader, &read)) {
			pass |= str_ieq(read.method, S("dmarc")) && str_ieq(read.result, S("pass"));
		}
	}
	buf_done(&id);
	return pass;
}

/*
 * The chain helps when, seen from us, only sealers we trust have had the letter since one of them
 * found DMARC right.
 */
static bool
is_trusted(const struct svc_scan_auth *x, const struct conf_list *trusted)
{
	for (unsigned i = x->arc.n; i > 0; i--) {
		if (!lists(trusted, arc_verify_sealer(&x->arc, i))) {
			return false;
		}
		if (says_pass(x->arc.set[i].payload, x->letter->arena)) {
			return true;
		}
	}
	return false;
}

/*
 * It failed for want of a key, and the last sealer says it is one we would trust. The keys wanted
 * must be of such: anybody can write his name above a silent one.
 */
static bool
is_unread(const struct svc_scan_auth *x, const struct conf_list *trusted)
{
	bool unread = x->failed;
	if (x->arc.n == 0 || !lists(trusted, arc_verify_sealer(&x->arc, x->arc.n))) {
		return false;
	}
	for (size_t i = 0; i < x->arc.checks_n; i++) {
		const struct dkim_check *c = &x->arc.check[i];
		bool late = c->result == DKIM_TEMPERROR && lists(trusted, c->domain);
		if (c->result != DKIM_PASS && c->result != DKIM_OPEN && !late) {
			return false;
		}
		unread |= late;
	}
	return unread;
}

static void
fill_arc(struct svc_scan_auth *x)
{
	struct svc_scan_letter *l = x->letter;
	enum arc_status status = arc_verify_result(&x->arc, NULL);
	if (x->arc.n == 0 && status != ARC_FAIL) {
		l->auth.arc = MAIL_AUTHRES_NONE_PUBLISHED;
		return;
	}
	l->auth.arc = status == ARC_PASS ? MAIL_AUTHRES_PASS : MAIL_AUTHRES_FAIL;
	if (status == ARC_PASS) {
		l->auth.arc_sealer = arc_verify_sealer(&x->arc, x->arc.n);
		l->auth.arc_trusted = is_trusted(x, &l->scan->sc->conf->arc_trusted);
	}
	l->auth.arc_unread = is_unread(x, &l->scan->sc->conf->arc_trusted);
}

void
svc_scan_auth_facts(struct svc_scan_auth *x)
{
	struct svc_scan_letter *l = x->letter;
	size_t n = MAX(x->dkim.n, (size_t)1) + 2;
	struct mail_authres_result *r = arena_array(l->arena, n, sizeof *r);
	l->auth.dkim = best_dkim(x);
	l->auth.key_unread = has_unread_key(x);
	fill_arc(x);
	fill_dmarc(x);
	if (r == NULL) {
		return;
	}
	l->auth.results = r;
	for (size_t i = 0; i < x->dkim.n; i++) {
		put_dkim(r++, &x->dkim.check[i], l->arena);
	}
	if (x->dkim.n == 0) {
		*r++ = (struct mail_authres_result){ .method = S("dkim"), .result = l->auth.dkim };
	}
	if (l->auth.arc != MAIL_AUTHRES_NONE_PUBLISHED) {
		put_arc(r++, x);
	}
	put_dmarc(r++, x);
	l->auth.results_n = (size_t)(r - l->auth.results);
}
