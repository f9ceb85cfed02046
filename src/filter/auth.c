/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts of authentication as parts. A result nobody looked for, a temporary error and "neutral"
 * say nothing. What DMARC says stands in for SPF and DKIM where it passed. Start at filter_auth.
 */
#include "filter/filter.h"
#include "mail/authres.h"

struct list {
	struct filter_part *parts;
	size_t n, max;
};

static void
add(struct list *l, enum filter_rule r, bool is)
{
	if (is && l->n < l->max) {
		l->parts[l->n++] = filter_rule_part(r, STR_NONE);
	}
}

/* A mailing list or forwarder that breaks SPF but keeps DMARC whole has done nothing wrong. */
static void
add_spf(struct list *l, const struct filter_auth *f)
{
	bool saved = f->dmarc == MAIL_AUTHRES_PASS || f->arc_trusted;
	add(l, FILTER_RULE_SPF_PASS, f->spf == MAIL_AUTHRES_PASS);
	add(l, FILTER_RULE_SPF_FAIL, f->spf == MAIL_AUTHRES_FAIL && !saved);
	add(l, FILTER_RULE_SPF_SOFTFAIL, f->spf == MAIL_AUTHRES_SOFTFAIL && !saved);
	add(l, FILTER_RULE_SPF_BROKEN, f->spf == MAIL_AUTHRES_PERMERROR);
	add(l, FILTER_RULE_SPF_HELO_FAIL, f->spf_helo == MAIL_AUTHRES_FAIL);
}

static void
add_dmarc(struct list *l, const struct filter_auth *f)
{
	bool fail = f->dmarc == MAIL_AUTHRES_FAIL && !f->arc_trusted;
	bool quarantine = f->dmarc_asks_quarantine && !f->dmarc_asks_reject;
	add(l, FILTER_RULE_DMARC_PASS, f->dmarc == MAIL_AUTHRES_PASS);
	add(l, FILTER_RULE_DMARC_REJECT, fail && f->dmarc_asks_reject);
	add(l, FILTER_RULE_DMARC_QUARANTINE, fail && quarantine);
	add(l, FILTER_RULE_DMARC_FAIL, fail && !f->dmarc_asks_reject && !quarantine);
}

static bool
is_address(str helo)
{
	size_t other = 0;
	for (size_t i = 0; i < helo.n; i++) {
		other += !ascii_is_digit(helo.p[i]) && helo.p[i] != '.';
	}
	return helo.n > 0 && (other == 0 || helo.p[0] == '[');
}

static void
add_peer(struct list *l, const struct filter_auth *f)
{
	bool named = f->helo.n > 0;
	add(l, FILTER_RULE_IPREV_FAIL,
	    f->iprev == MAIL_AUTHRES_FAIL || f->iprev == MAIL_AUTHRES_PERMERROR);
	add(l, FILTER_RULE_HELO_ADDRESS, is_address(f->helo));
	add(l, FILTER_RULE_HELO_BARE, named && !is_address(f->helo) && str_chr(f->helo, '.') < 0);
	add(l, FILTER_RULE_EARLY_TALKER, f->manners != 0);
}

size_t
filter_auth(const struct filter_auth *f, struct filter_part *ret_parts, size_t max)
{
	struct list l = { ret_parts, 0, MIN(max, (size_t)FILTER_AUTH_PARTS) };
	add_spf(&l, f);
	add(&l, FILTER_RULE_DKIM_PASS, f->dkim == MAIL_AUTHRES_PASS);
	add(&l, FILTER_RULE_DKIM_FAIL,
	    f->dkim == MAIL_AUTHRES_FAIL && f->dmarc != MAIL_AUTHRES_PASS);
	add_dmarc(&l, f);
	add(&l, FILTER_RULE_ARC_TRUSTED, f->arc_trusted);
	add_peer(&l, f);
	add(&l, FILTER_RULE_FROM_MANY, f->from_many);
	add(&l, FILTER_RULE_FROM_MISSING, f->from_missing);
	return l.n;
}
