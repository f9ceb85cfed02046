/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that is known of a letter as parts of filter, and what they come to: once for all
 * recipients, once for each whose own statistics say more. Which copies are junk follows from it.
 */
#include "svc/scan/sum.h"

#include "conf/conf.h"

/* An account has written to this sender before; only when it is really the sender. */
enum { KNOWN_POINTS = -3000 };

static void
add(struct svc_scan_sum *sum, const struct filter_part *part)
{
	if (sum->parts_n < SVC_SCAN_SUM_PARTS) {
		sum->parts[sum->parts_n++] = *part;
	}
}

static void
add_auth(struct svc_scan_sum *sum, const struct svc_scan_letter *l)
{
	const struct svc_scan_auth_facts *a = &l->auth;
	const struct ipc_common_trust *t = &l->m.trust;
	const struct filter_auth f = { .spf = t->spf,
		.spf_helo = t->spf_helo,
		.dkim = a->dkim,
		.dmarc = a->dmarc,
		.arc = a->arc,
		.iprev = t->iprev,
		.dmarc_asks_reject = a->asks_reject,
		.dmarc_asks_quarantine = a->asks_quarantine,
		.dmarc_aligned = a->aligned,
		.arc_trusted = a->arc_trusted,
		.manners = t->manners,
		.from_missing = a->from_fields == 0 || (a->from_fields == 1 && a->from_n == 0),
		.from_many = a->from_fields > 1,
		.helo = l->m.helo };
	sum->parts_n += filter_auth(&f, sum->parts + sum->parts_n,
	    SVC_SCAN_SUM_PARTS - sum->parts_n);
}

static void
add_listed(struct svc_scan_sum *sum, const struct ipc_common_listed *listed, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add(sum,
		    &(struct filter_part){ .kind = FILTER_LIST,
			.word = S("listed"),
			.detail = listed[i].zone,
			.points = listed[i].points });
	}
}

static void
collect(struct svc_scan_sum *sum, const struct svc_scan_letter *l)
{
	const struct svc_scan_judged *j = &l->judged;
	add_auth(sum, l);
	add_listed(sum, l->m.listed, l->m.listed_n);
	add_listed(sum, j->listed, j->listed_n);
	for (size_t i = 0; i < l->seen.hits_n; i++) {
		struct filter_part p = filter_rule_part(l->seen.hits[i], STR_NONE);
		add(sum, &p);
	}
	sum->parts_n += svc_scan_fame(l, sum->parts + sum->parts_n,
	    SVC_SCAN_SUM_PARTS - sum->parts_n);
	if (j->words != 0) {
		add(sum,
		    &(struct filter_part){ .kind = FILTER_WORDS_SHARED,
			.word = S("words"),
			.points = j->words,
			.learned = j->learned });
	}
	for (size_t i = 0; i < l->parts_n; i++) {
		add(sum, &l->parts[i]);
	}
}

/* What this account alone knows, behind the others; how many parts. */
static size_t
add_own(struct svc_scan_sum *sum, const struct svc_scan_letter *l, uint64_t account)
{
	const struct svc_scan_judged *j = &l->judged;
	struct filter_part *to = sum->parts + sum->parts_n;
	size_t n = 0;
	for (size_t i = 0; i < j->opinions_n; i++) {
		const struct ipc_scan_policy_opinion *o = &j->opinions[i];
		if (o->account != account) {
			continue;
		}
		if (o->known && l->auth.aligned) {
			to[n++] = (struct filter_part){ .kind = FILTER_KNOWN,
				.word = S("known-sender"),
				.points = KNOWN_POINTS };
		}
		if (o->words != 0) {
			to[n++] = (struct filter_part){ .kind = FILTER_WORDS_OWN,
				.word = S("own-words"),
				.points = o->words,
				.learned = o->learned };
		}
		break;
	}
	return n;
}

/* --- rules that go before points ----------------------------------------------------------- */

bool
svc_scan_dmarc_failed(const struct svc_scan_letter *l)
{
	const struct svc_scan_auth_facts *a = &l->auth;
	return a->dmarc == MAIL_AUTHRES_FAIL && (a->asks_reject || a->asks_quarantine) &&
	    !a->arc_trusted;
}

static bool
honours(const struct svc_scan_letter *l, const struct ipc_smtp_scan_target *t)
{
	bool as_configured = t->domain_policy.n == 0;
	return as_configured ? l->scan->sc->conf->dmarc_honour_reject
			     : str_eq(t->domain_policy, S("reject"));
}

/* Something that nobody could look at may speak for the sender: a key, a chain. */
static bool
is_open(const struct svc_scan_auth_facts *a)
{
	return a->key_unread || a->dmarc == MAIL_AUTHRES_TEMPERROR || a->arc_unread;
}

/*
 * SPF says no, or no signature is right and one is wrong, and nothing speaks for the sender. A
 * mailing list breaks signatures, but its own SPF is right; a forwarder breaks SPF, but no
 * signature. SPF that was not seen, or not answered, may be that list's.
 */
static bool
unauthentic(const struct svc_scan_letter *l)
{
	const struct svc_scan_auth_facts *a = &l->auth;
	uint8_t spf = l->m.trust.spf;
	if (a->aligned || a->arc_trusted || a->dmarc == MAIL_AUTHRES_PASS || is_open(a)) {
		return false;
	}
	bool list = spf == MAIL_AUTHRES_PASS || spf == MAIL_AUTHRES_TEMPERROR ||
	    spf == MAIL_AUTHRES_NONE;
	return spf == MAIL_AUTHRES_FAIL || (a->dkim == MAIL_AUTHRES_FAIL && !list);
}

/*
 * Several From fields, or authors at several domains: readers show one of them, and no policy is
 * asked of whoever that is. RFC 7489 6.6.1 has such letters typically refused.
 */
static bool
many_authors(const struct svc_scan_auth_facts *a)
{
	return a->from_fields > 1 || (a->from_n > 1 && a->from_common.n == 0);
}

static bool
must_be_junk(const struct svc_scan_letter *l)
{
	bool forged = l->scan->sc->conf->filter_unauthentic && unauthentic(l);
	return l->wish == SVC_SCAN_JUNK || many_authors(&l->auth) || forged ||
	    svc_scan_dmarc_failed(l);
}

/* --- the whole ----------------------------------------------------------------------------- */

static void
judge_target(struct svc_scan_sum *sum, const struct svc_scan_letter *l, size_t i)
{
	const struct conf *c = l->scan->sc->conf;
	const struct ipc_smtp_scan_target *t = &l->m.targets[i];
	int64_t junk_at = t->junk_at != 0 ? t->junk_at : (int64_t)c->filter_junk_at;
	int64_t reject_at = t->reject_at != 0 ? t->reject_at : (int64_t)c->filter_reject_at;
	bool single = l->m.targets_n == 1;
	size_t own = add_own(sum, l, t->account);
	int64_t score = sum->score;
	if (single) { /* nobody else reads why */
		buf_truncate(&sum->why, 0);
		sum->score = filter_total(sum->parts, sum->parts_n + own, &sum->why);
		score = sum->score;
	} else if (own > 0) {
		score = filter_total(sum->parts, sum->parts_n + own, NULL);
	}
	sum->required = single ? junk_at : sum->required;
	bool junk = sum->forced || score >= junk_at || (l->junk_one != NULL && l->junk_one[i]);
	bool forward = t->account == 0; /* which is no mailbox: junk is refused, never sent on */
	sum->kept |= !forward;
	sum->refuse &= forward ? junk : score >= reject_at;
	sum->honour &= honours(l, t);
	if (junk) {
		sum->places[sum->places_n++] = (struct ipc_smtp_scan_place){ .target = (uint16_t)i,
			.junk = true };
	}
}

enum err
svc_scan_sum(const struct svc_scan_letter *l, struct svc_scan_sum *sum)
{
	size_t n = l->m.targets_n;
	*sum = (struct svc_scan_sum){ .required = (int64_t)l->scan->sc->conf->filter_junk_at,
		.refuse = n > 0,
		.honour = n > 0,
		.forced = must_be_junk(l) };
	buf_init(&sum->why, SVC_SCAN_WHY_MAX);
	sum->places = arena_array(l->arena, n, sizeof *sum->places);
	if (sum->places == NULL) {
		return ERR_BUDGET;
	}
	if (l->m.submission) {
		sum->refuse = sum->honour = sum->forced = false;
		return ERR_OK;
	}
	collect(sum, l);
	sum->score = filter_total(sum->parts, sum->parts_n, &sum->why);
	for (size_t i = 0; i < n; i++) {
		judge_target(sum, l, i);
	}
	sum->refuse |= n > 0 && !sum->kept && sum->places_n > 0;
	sum->junk = n > 0 ? sum->places_n == n : sum->forced || sum->score >= sum->required;
	return ERR_OK;
}
