/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree walk (RFC 9989 4.10): the domain itself, then its parents up to the last label, at most
 * eight names. All of them are asked for at once; what the RFC would not have asked any more is
 * not looked at.
 */
#include "proto/dmarc/dmarc_priv.h"

bool
dmarc_within(str domain, str parent)
{
	if (domain.n <= parent.n) {
		return str_eq(domain, parent);
	}
	size_t at = domain.n - parent.n;
	return domain.p[at - 1] == '.' && str_eq(str_from_off(domain, at), parent);
}

static size_t
count_labels(str domain)
{
	size_t n = 0;
	str label;
	while (str_next(&domain, '.', &label)) {
		n++;
	}
	return n;
}

static str
parent_of(str domain)
{
	ptrdiff_t dot = str_chr(domain, '.');
	return dot < 0 ? S("") : str_from_off(domain, (size_t)dot + 1);
}

/* The name that follows; empty at the end. From eight labels on the second one has seven. */
static str
next_name(str start, str now)
{
	now = parent_of(now);
	while (count_labels(start) >= DMARC_WALK_MAX && count_labels(now) >= DMARC_WALK_MAX) {
		now = parent_of(now);
	}
	return now;
}

static const struct dmarc_name *
find_name(const struct dmarc *d, str domain)
{
	for (size_t i = 0; i < d->names_n; i++) {
		if (!d->name[i].address && str_eq(d->name[i].domain, domain)) {
			return &d->name[i];
		}
	}
	return NULL;
}

bool
dmarc_walk_ask(struct dmarc *d, str domain)
{
	for (str now = domain; now.n > 0; now = next_name(domain, now)) {
		if (find_name(d, now) == NULL && dmarc_name_add(d, now, false) == NULL) {
			return false;
		}
	}
	return true;
}

str
dmarc_listed(const struct dmarc *d, str domain)
{
	str ret;
	return d->suffix != NULL && d->suffix(d->suffix_ctx, domain, &ret) ? ret : STR_NONE;
}

/*
 * 'y' also where the record says nothing and the list knows the name as a suffix; not for the name
 * where the walk began.
 */
static char
suffix_mark(const struct dmarc *d, const struct dmarc_name *n, str start)
{
	if (n->record.psd != 'u' || d->suffix == NULL || str_eq(n->domain, start)) {
		return n->record.psd;
	}
	return dmarc_listed(d, n->domain).p == NULL ? 'y' : 'u';
}

/* The parent of `start` that is one label longer than `suffix`. */
static str
below(str start, str suffix)
{
	while (!str_eq(parent_of(start), suffix)) {
		start = parent_of(start);
	}
	return start;
}

/* A record on the way; true when the walk stops there (RFC 9989 4.10.2). */
static bool
pass_record(const struct dmarc *d, struct dmarc_walk *w, const struct dmarc_name *n, str start)
{
	char mark = suffix_mark(d, n, start);
	bool self = str_eq(n->domain, start);
	w->own = self ? n : w->own;
	w->explicit_psd = n->record.psd != 'u';
	if (mark == 'y' && !self) {
		w->suffix = n;
		w->organization = below(start, n->domain);
		const struct dmarc_name *there = find_name(d, w->organization);
		w->above = there != NULL && there->found == DMARC_RECORD ? there : NULL;
		return true;
	}
	w->organization = n->domain;
	w->above = n;
	return mark != 'u';
}

struct dmarc_walk
dmarc_walk_end(const struct dmarc *d, str domain)
{
	struct dmarc_walk w = { .organization = domain };
	bool stop = false;
	for (str now = domain; now.n > 0 && !stop; now = next_name(domain, now)) {
		const struct dmarc_name *n = find_name(d, now);
		if (n == NULL) {
			continue;
		}
		switch (n->found) {
		case DMARC_RECORD: stop = pass_record(d, &w, n, domain); break;
		case DMARC_UNREADABLE: w.unreadable = true; break;
		case DMARC_FAILED: w.failed = true; break;
		case DMARC_NOTHING: break;
		}
	}
	return w;
}
