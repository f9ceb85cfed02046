/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine: beginning, questions and answers, rounds, the end.
 */
#include "mail/address.h"
#include "proto/dmarc/dmarc_priv.h"
#include "proto/dns/dns.h"

enum { MAGIC = 0x444d4331, ROUND_AUTHOR = 0, ROUND_ALIGN, ROUND_EXISTS, ROUND_END };

void
dmarc_end(struct dmarc *d, enum mail_authres result)
{
	d->result.result = result;
	d->done = true;
}

struct dmarc_name *
dmarc_name_add(struct dmarc *d, str domain, bool address)
{
	if (d->names_n == DMARC_NAMES_MAX) {
		return NULL;
	}
	struct dmarc_name *n = &d->name[d->names_n++];
	*n = (struct dmarc_name){ .domain = domain, .address = address };
	n->question = address ? domain : arena_printf(d->a, "_dmarc.%.*s", STR_ARG(domain));
	if (n->question.p == NULL) {
		n->found = DMARC_FAILED;
		n->state = DMARC_ANSWERED;
	} else if (n->question.n > MAIL_DOMAIN_MAX) {
		n->state = DMARC_ANSWERED;
	}
	return n;
}

/* --- rounds -------------------------------------------------------------------------------- */

static bool
all_answered(const struct dmarc *d)
{
	for (size_t i = 0; i < d->names_n; i++) {
		if (d->name[i].state != DMARC_ANSWERED) {
			return false;
		}
	}
	return true;
}

/* A round begins; it may have nothing to ask. */
static void
begin_round(struct dmarc *d)
{
	switch (d->round) {
	case ROUND_AUTHOR:
		if (!dmarc_walk_ask(d, d->from)) {
			dmarc_end(d, MAIL_AUTHRES_TEMPERROR);
		}
		break;
	case ROUND_ALIGN:
		d->author = dmarc_walk_end(d, d->from);
		d->result.organization = d->author.organization;
		if (dmarc_discover(d) != NULL) {
			dmarc_align_ask(d);
		}
		break;
	case ROUND_EXISTS: dmarc_exists_ask(d); break;
	default: dmarc_judge(d); break;
	}
}

static void
run(struct dmarc *d)
{
	while (!d->done && all_answered(d)) {
		d->round++;
		begin_round(d);
	}
}

/* --- questions and answers ----------------------------------------------------------------- */

bool
dmarc_want(struct dmarc *d, struct dmarc_question *ret)
{
	ASSERT(d->magic == MAGIC);
	for (size_t i = 0; !d->done && i < d->names_n; i++) {
		struct dmarc_name *n = &d->name[i];
		if (n->state == DMARC_NEW) {
			n->state = DMARC_ASKED;
			ret->id = (unsigned)i;
			ret->name = n->question;
			ret->type = n->address ? DNS_A : DNS_TXT;
			return true;
		}
	}
	return false;
}

/* One TXT record; what is of another version is passed over. False when memory is out. */
static bool
take_text(struct dmarc *d, struct dmarc_name *n, str rdata, size_t *versions)
{
	struct buf text;
	struct dmarc_record r;
	bool enough = true;
	buf_init(&text, DNS_RDATA_MAX);
	enum err e = dns_txt(rdata, &text);
	if (e == ERR_OK && dmarc_record_read(buf_view(&text), &r) != ERR_NOTFOUND) {
		str copy = arena_dup(d->a, buf_view(&text));
		bool good = copy.p != NULL && dmarc_record_read(copy, &n->record) == ERR_OK;
		n->found = good ? DMARC_RECORD : DMARC_UNREADABLE;
		enough = copy.p != NULL;
		++*versions;
	}
	enough = enough && e != ERR_NOMEM;
	buf_done(&text);
	return enough;
}

static void
take_texts(struct dmarc *d, struct dmarc_name *n, const struct dmarc_answer *a)
{
	size_t versions = 0;
	for (size_t i = 0; i < a->n; i++) {
		if (!take_text(d, n, a->rdata[i], &versions)) {
			n->found = DMARC_FAILED;
			return;
		}
	}
	if (versions > 1) {
		n->found = DMARC_NOTHING; /* RFC 7489 6.6.3 (5), 9989 4.10 */
	}
}

void
dmarc_answer(struct dmarc *d, unsigned id, const struct dmarc_answer *a)
{
	ASSERT(d->magic == MAGIC);
	if (d->done || id >= d->names_n || d->name[id].state != DMARC_ASKED) {
		return;
	}
	struct dmarc_name *n = &d->name[id];
	n->state = DMARC_ANSWERED;
	n->missing = a->result == ERR_NOTFOUND;
	if (a->result != ERR_OK && a->result != ERR_NOTFOUND) {
		n->found = DMARC_FAILED;
	} else if (a->result == ERR_OK && !n->address) {
		take_texts(d, n, a);
	}
	run(d);
}

bool
dmarc_done(const struct dmarc *d)
{
	return d->done;
}

void
dmarc_expire(struct dmarc *d)
{
	if (!d->done) {
		dmarc_end(d, MAIL_AUTHRES_TEMPERROR);
	}
}

const struct dmarc_result *
dmarc_result(const struct dmarc *d)
{
	ASSERT(d->done);
	return &d->result;
}

/* --- beginning ----------------------------------------------------------------------------- */

/* A-labels, lower case; empty: no domain that DNS could know. False when memory is out. */
static bool
clean_domain(struct arena *a, str domain, str *ret)
{
	char storage[MAIL_DOMAIN_MAX];
	struct buf out;
	buf_init_fixed(&out, storage, sizeof storage);
	*ret = S("");
	if (domain.n > 0 && domain.p[0] != '[' && mail_domain_put(&out, domain) == ERR_OK) {
		*ret = arena_dup(a, buf_view(&out));
	}
	return ret->p != NULL;
}

static bool
take_domains(struct dmarc *d, const struct dmarc_params *p)
{
	bool enough = clean_domain(d->a, p->from, &d->from);
	for (size_t i = 0; i < MIN(p->n, (size_t)DMARC_IDENTIFIERS_MAX) && enough; i++) {
		d->identifier[i] = p->identifiers[i];
		enough = clean_domain(d->a, p->identifiers[i].domain, &d->identifier[i].domain);
		d->identifiers_n++;
	}
	return enough;
}

enum err
dmarc_new(struct arena *a, const struct dmarc_params *p, struct dmarc **ret)
{
	struct dmarc *d = ARENA_NEW(a, struct dmarc);
	if (d == NULL) {
		return ERR_BUDGET;
	}
	d->magic = MAGIC;
	d->a = a;
	d->suffix = p->suffix;
	d->suffix_ctx = p->suffix_ctx;
	d->result.spf = d->result.dkim = -1;
	if (!take_domains(d, p)) {
		return ERR_BUDGET;
	}
	d->result.from = d->result.organization = d->from;
	if (d->from.n == 0) {
		dmarc_end(d, MAIL_AUTHRES_PERMERROR);
	} else {
		begin_round(d);
		run(d);
	}
	*ret = d;
	return ERR_OK;
}

str
dmarc_organization(const struct dmarc_params *p, str domain)
{
	str ret;
	return p->suffix != NULL && p->suffix(p->suffix_ctx, domain, &ret) ? ret : domain;
}
