/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which record counts, what is aligned with the author's domain, and the verdict (RFC 7489 3.1,
 * 6.6; RFC 9989 4.10.1, 4.10.2).
 */
#include "proto/dmarc/dmarc_priv.h"

enum alignment { ALIGNED_NOT, ALIGNED, ALIGNED_UNKNOWN };

/* --- the record ---------------------------------------------------------------------------- */

static void
set_policy(struct dmarc *d, enum dmarc_policy p, const char *tag)
{
	d->result.policy = p;
	d->result.tag = str_from(tag);
}

/* The policy of a record above the author's domain: sp, or np where the name does not exist. */
static void
set_inherited(struct dmarc *d, const struct dmarc_record *r)
{
	bool missing = false;
	for (size_t i = 0; i < d->names_n; i++) {
		missing = missing || (d->name[i].address && d->name[i].missing);
	}
	if (missing && r->has_np) {
		set_policy(d, r->np, "np");
	} else {
		set_policy(d, r->sp, r->has_sp ? "sp" : "p");
	}
}

const struct dmarc_record *
dmarc_discover(struct dmarc *d)
{
	const struct dmarc_walk *w = &d->author;
	const struct dmarc_name *n = w->own != NULL ? w->own
	    : w->above != NULL                      ? w->above
						    : w->suffix;
	if (n == NULL) {
		return NULL;
	}
	d->result.record = &n->record;
	d->result.published_at = n->domain;
	if (n == w->own) {
		set_policy(d, n->record.p, "p");
	} else {
		set_inherited(d, &n->record);
	}
	return &n->record;
}

void
dmarc_exists_ask(struct dmarc *d)
{
	const struct dmarc_record *r = d->result.record;
	if (r != NULL && r->has_np && !str_eq(d->result.published_at, d->from)) {
		(void)dmarc_name_add(d, d->from, true);
	}
}

/* --- alignment ----------------------------------------------------------------------------- */

static bool
is_strict(const struct dmarc_record *r, const struct dmarc_identifier *i)
{
	return i->dkim ? r->strict_dkim : r->strict_spf;
}

/* Does the list put both into one organization? */
static bool
same_listed(const struct dmarc *d, str domain)
{
	str mine = dmarc_listed(d, d->from);
	str other = dmarc_listed(d, domain);
	return mine.p != NULL && other.p != NULL && str_eq(mine, other);
}

/* Do they end in the same label? While DNS fails no more can be said. */
static bool
same_top(str a, str b)
{
	return str_eq(str_from_off(a, (size_t)(str_rchr(a, '.') + 1)),
	    str_from_off(b, (size_t)(str_rchr(b, '.') + 1)));
}

/* Can it be aligned, though it is not the same? Only then its walk is of interest. */
static bool
is_candidate(const struct dmarc *d, const struct dmarc_identifier *i)
{
	const struct dmarc_record *r = d->result.record;
	if (i->domain.n == 0 || is_strict(r, i) || str_eq(i->domain, d->from)) {
		return false;
	}
	return dmarc_within(i->domain, d->author.organization) ||
	    (!d->author.explicit_psd && same_listed(d, i->domain)) ||
	    (d->author.failed && same_top(i->domain, d->from));
}

void
dmarc_align_ask(struct dmarc *d)
{
	for (size_t i = 0; i < d->identifiers_n; i++) {
		struct dmarc_identifier *id = &d->identifier[i];
		if (is_candidate(d, id) && !dmarc_walk_ask(d, id->domain)) {
			id->domain = S(""); /* too many names */
		}
	}
}

static enum alignment
align(const struct dmarc *d, const struct dmarc_identifier *i)
{
	if (str_eq(i->domain, d->from)) {
		return ALIGNED;
	}
	if (!is_candidate(d, i)) {
		return ALIGNED_NOT;
	}
	struct dmarc_walk w = dmarc_walk_end(d, i->domain);
	if (w.failed || d->author.failed) {
		return ALIGNED_UNKNOWN;
	}
	if (str_eq(w.organization, d->author.organization)) {
		return ALIGNED;
	}
	bool listed = !w.explicit_psd && !d->author.explicit_psd && same_listed(d, i->domain);
	return listed ? ALIGNED : ALIGNED_NOT;
}

/* --- the verdict --------------------------------------------------------------------------- */

static enum dmarc_policy
milder(enum dmarc_policy p)
{
	return p == DMARC_POLICY_NONE ? p : (enum dmarc_policy)(p - 1);
}

static void
judge_identifiers(struct dmarc *d)
{
	bool unknown = false;
	for (size_t i = 0; i < d->identifiers_n; i++) {
		const struct dmarc_identifier *id = &d->identifier[i];
		enum alignment how = align(d, id);
		ptrdiff_t *first = id->dkim ? &d->result.dkim : &d->result.spf;
		unknown = unknown || how == ALIGNED_UNKNOWN || (how == ALIGNED && id->temporary);
		if (how == ALIGNED && !id->temporary && *first < 0) {
			*first = (ptrdiff_t)i;
		}
	}
	if (d->result.dkim >= 0 || d->result.spf >= 0) {
		d->result.applied = DMARC_POLICY_NONE;
		dmarc_end(d, MAIL_AUTHRES_PASS);
	} else {
		dmarc_end(d, unknown ? MAIL_AUTHRES_TEMPERROR : MAIL_AUTHRES_FAIL);
	}
}

void
dmarc_judge(struct dmarc *d)
{
	const struct dmarc_record *r = dmarc_discover(d);
	if (d->author.failed && d->author.own == NULL) {
		dmarc_end(d, MAIL_AUTHRES_TEMPERROR);
		return;
	}
	if (r == NULL) {
		dmarc_end(d,
		    d->author.unreadable ? MAIL_AUTHRES_PERMERROR : MAIL_AUTHRES_NONE_PUBLISHED);
		return;
	}
	d->result.applied = r->testing ? milder(d->result.policy) : d->result.policy;
	judge_identifiers(d);
}
