/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage auth: DKIM and ARC side by side, DMARC when DKIM has ended, which has half of the time for
 * DNS. Bodies are hashed before anything is asked, so that a signature broken on the way costs no
 * question; a key that several signatures name is asked for once.
 */
#include "svc/scan/auth.h"

#include "mail/header.h"
#include "proto/dns/dns.h"
#include "svc/scan/crypto.h"

static void step(struct svc_scan_auth *x);

/* --- keys ------------------------------------------------------------------------------------ */

/* What a signature is made over, hashed and compared. */
static void
prove(struct svc_scan_auth *x, struct dkim_check *c, const struct dkim_key *key, bool arc)
{
	struct arena *scratch = arena_new(NULL, "hash", SVC_SCAN_HASH_BUDGET, 0);
	struct dkim_proof proof;
	struct buf input;
	enum err e = ERR_NOMEM;
	buf_init(&input, SVC_SCAN_INPUT_MAX);
	if (scratch != NULL) {
		e = arc ? arc_verify_input(&x->arc, c, &input, scratch)
			: dkim_verify_input(&x->dkim, c, &input, scratch);
	}
	if (e == ERR_OK) {
		svc_scan_prove(key, &c->s, buf_view(&input), &proof);
		dkim_check_proof(c, &proof);
	} else {
		c->result = DKIM_TEMPERROR;
		c->why = "out of memory";
	}
	buf_done(&input);
	arena_free(&scratch);
}

/* Records that can be read, their strings put together; how many. */
static size_t
read_records(const struct svc_scan_dns_answer *a, struct buf *text, str *ret)
{
	size_t ends[SVC_SCAN_RECORDS_MAX], n = 0, from = 0;
	for (size_t i = 0; i < a->n && n < SVC_SCAN_RECORDS_MAX; i++) {
		if (dns_txt(a->rdata[i], text) == ERR_OK) {
			ends[n++] = text->n;
		}
	}
	for (size_t i = 0; i < n; i++) {
		ret[i] = str_sub(buf_view(text), from, ends[i] - from);
		from = ends[i];
	}
	return n;
}

struct found {
	enum err result;
	str record[SVC_SCAN_RECORDS_MAX];
	size_t n;
};

static void
try_check(struct svc_scan_auth *x, struct dkim_check *c, const struct found *f, bool arc)
{
	static struct dkim_key key;
	if (dkim_check_key(c, f->result, f->record, f->n, &key)) {
		prove(x, c, &key, arc);
	}
}

/* The chain's fate may be sealed already; then its other signatures are not computed. */
static void
try_all(struct svc_scan_auth *x, str name, const struct found *f)
{
	for (size_t i = 0; i < x->dkim.n; i++) {
		struct dkim_check *c = &x->dkim.check[i];
		if (c->result == DKIM_OPEN && str_eq(c->name, name)) {
			try_check(x, c, f, false);
		}
	}
	for (size_t i = 0; i < x->arc.checks_n; i++) {
		struct dkim_check *c = &x->arc.check[i];
		bool open = arc_verify_result(&x->arc, NULL) == ARC_OPEN;
		if (open && c->result == DKIM_OPEN && str_eq(c->name, name)) {
			try_check(x, c, f, true);
		}
	}
}

static void
on_key(void *ctx, const struct svc_scan_dns_answer *a)
{
	struct svc_scan_auth_key *k = ctx;
	struct svc_scan_auth *x = k->auth;
	struct found f = { .result = a->result };
	struct buf text;
	buf_init(&text, SVC_SCAN_TXT_MAX);
	if (a->result == ERR_OK) {
		f.n = read_records(a, &text, f.record);
		f.result = buf_err(&text) == ERR_NOMEM ? ERR_NOMEM : ERR_OK;
	}
	try_all(x, k->name, &f);
	buf_done(&text);
	x->waiting--;
	step(x);
}

/* DMARC waits for those of DKIM: a stranger's silent name must not cost it its time. */
static void
ask_key(struct svc_scan_auth *x, str name, bool early)
{
	static const struct svc_scan_dns_answer none = { .result = ERR_AGAIN };
	for (size_t i = 0; i < x->keys_n; i++) {
		if (str_eq(x->key[i].name, name)) {
			return;
		}
	}
	struct svc_scan_auth_key *k = &x->key[x->keys_n++];
	*k = (struct svc_scan_auth_key){ .auth = x, .name = name };
	x->waiting++;
	bool asked = early ? svc_scan_dns_early(x->letter, name, DNS_TXT, on_key, k)
			   : svc_scan_dns(x->letter, name, DNS_TXT, on_key, k);
	if (!asked) {
		on_key(k, &none);
	}
}

static void
ask_keys(struct svc_scan_auth *x)
{
	for (size_t i = 0; i < x->dkim.n; i++) {
		if (x->dkim.check[i].result == DKIM_OPEN) {
			ask_key(x, x->dkim.check[i].name, true);
		}
	}
	for (size_t i = 0; i < x->arc.checks_n; i++) {
		if (arc_verify_result(&x->arc, NULL) == ARC_OPEN) {
			ask_key(x, x->arc.check[i].name, false);
		}
	}
}

/* --- policy ---------------------------------------------------------------------------------- */

struct question {
	struct svc_scan_auth *auth;
	unsigned id;
};

static void
on_policy(void *ctx, const struct svc_scan_dns_answer *a)
{
	struct question *q = ctx;
	const struct dmarc_answer answer = { .result = a->result, .rdata = a->rdata, .n = a->n };
	dmarc_answer(q->auth->dmarc, q->id, &answer);
	step(q->auth);
}

static void
ask_policy(struct svc_scan_auth *x, const struct dmarc_question *want)
{
	static const struct dmarc_answer none = { .result = ERR_AGAIN };
	struct question *q = ARENA_NEW(x->letter->arena, struct question);
	if (q != NULL) {
		*q = (struct question){ .auth = x, .id = want->id };
	}
	if (q == NULL || !svc_scan_dns(x->letter, want->name, want->type, on_policy, q)) {
		dmarc_answer(x->dmarc, want->id, &none);
	}
}

static bool
dkim_is_open(const struct svc_scan_auth *x)
{
	for (size_t i = 0; i < x->dkim.n; i++) {
		if (x->dkim.check[i].result == DKIM_OPEN) {
			return true;
		}
	}
	return false;
}

static bool
any_passed(const struct dmarc_identifier *ids, size_t n)
{
	bool any = false;
	for (size_t i = 0; i < n; i++) {
		any |= !ids[i].temporary;
	}
	return any;
}

static void
judge(struct svc_scan_auth *x)
{
	struct dmarc_identifier ids[DMARC_IDENTIFIERS_MAX];
	const struct dmarc_params p = { .from = svc_scan_auth_from(x->letter),
		.identifiers = ids,
		.n = svc_scan_auth_identifiers(x, ids),
		.suffix = svc_scan_auth_suffix };
	x->judged = true;
	if (!svc_scan_auth_spf_seen(x->letter) && !any_passed(ids, p.n)) {
		x->letter->auth.organization = dmarc_organization(&p, p.from);
		return;
	}
	if (p.from.n > 0 && dmarc_new(x->letter->arena, &p, &x->dmarc) != ERR_OK) {
		x->dmarc = NULL;
	}
}

/* --- the road -------------------------------------------------------------------------------- */

static void
end(struct svc_scan_auth *x)
{
	x->over = true;
	svc_scan_auth_facts(x);
}

/* Go on as far as answers reach. Answers that come at once do not come in here again. */
static void
step(struct svc_scan_auth *x)
{
	struct dmarc_question q;
	if (x->busy || x->over) {
		return;
	}
	x->busy = true;
	if (!x->judged && !dkim_is_open(x)) {
		judge(x);
	}
	while (x->dmarc != NULL && dmarc_want(x->dmarc, &q)) {
		ask_policy(x, &q);
	}
	x->busy = false;
	bool policy = x->judged && (x->dmarc == NULL || dmarc_done(x->dmarc));
	if (policy && x->waiting == 0) {
		end(x);
		svc_scan_stage_done(x->letter, SVC_SCAN_AUTH, SVC_SCAN_DONE);
	}
}

/* One walk over the body for each canonicalization that somebody signed. */
static enum err
hash_bodies(struct svc_scan_auth *x)
{
	struct svc_scan_bodies bodies;
	const struct svc_scan_letter *l = x->letter;
	unsigned bits = dkim_verify_bodies(&x->dkim) | arc_verify_bodies(&x->arc);
	str body = str_from_off(l->octets, mail_header_length(l->octets));
	TRY(svc_scan_hash_bodies(body, bits, &bodies));
	for (unsigned canon = DKIM_SIMPLE; canon <= DKIM_RELAXED; canon++) {
		if (bits & (1U << canon)) {
			dkim_verify_body(&x->dkim, (enum dkim_canon)canon, bodies.hash[canon]);
			arc_verify_body(&x->arc, (enum dkim_canon)canon, bodies.hash[canon]);
		}
	}
	return ERR_OK;
}

static enum err
read_letter(struct svc_scan_auth *x)
{
	struct svc_scan_letter *l = x->letter;
	TRY(dkim_verify_begin(&x->dkim, l->header, l->m.received_s, l->arena));
	TRY(arc_verify_begin(&x->arc, l->header, l->m.received_s, l->arena));
	return hash_bodies(x);
}

/* What is open when time or memory is over has no answer. */
static void
give_up(struct svc_scan_auth *x)
{
	static const struct found none = { .result = ERR_TIMEOUT };
	for (size_t i = 0; i < x->dkim.n; i++) {
		try_check(x, &x->dkim.check[i], &none, false);
	}
	for (size_t i = 0; i < x->arc.checks_n; i++) {
		try_check(x, &x->arc.check[i], &none, true);
	}
	if (x->dmarc != NULL) {
		dmarc_expire(x->dmarc);
	}
}

static void
begin(struct svc_scan_letter *l)
{
	struct svc_scan_auth *x = ARENA_NEW(l->arena, struct svc_scan_auth);
	l->stage[SVC_SCAN_AUTH] = x;
	if (x == NULL) {
		l->auth.dkim = l->auth.dmarc = MAIL_AUTHRES_TEMPERROR;
		svc_scan_stage_done(l, SVC_SCAN_AUTH, SVC_SCAN_ABSENT);
		return;
	}
	x->letter = l;
	x->busy = true;
	if (read_letter(x) == ERR_OK) {
		ask_keys(x);
	} else {
		x->failed = true;
		give_up(x);
	}
	x->busy = false;
	step(x);
}

static void
cancel(struct svc_scan_letter *l)
{
	struct svc_scan_auth *x = l->stage[SVC_SCAN_AUTH];
	if (!l->gone && !x->over) {
		give_up(x);
		end(x);
	}
}

/* What an account sends is signed by us later, and SPF says nothing of it. */
static bool
wanted(const struct svc_scan_letter *l)
{
	return !l->m.submission;
}

static enum err
init(struct svc_scan *s)
{
	return svc_scan_crypto_begin();
}

const struct svc_scan_stage svc_scan_auth_stage = {
	.name = "auth",
	.init = init,
	.wanted = wanted,
	.begin = begin,
	.cancel = cancel,
};
