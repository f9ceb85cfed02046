/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage that asks policy: what the words of a letter, the fame of those it comes from and the
 * lists of hosts say. Nothing of the letter leaves but numbers and the names of hosts in links.
 * Without policy the rules of filter are all there is.
 */
#include "conf/conf.h"
#include "filter/model.h"
#include "svc/scan/letter.h"

enum { FAME_FULL = 2000, FAME_DOUBT = 5 };

/* --- asking -------------------------------------------------------------------------------- */

/* What policy is to remember the domain by. */
static str
domain_of(const struct svc_scan_letter *l)
{
	return l->auth.organization.n > 0 ? l->auth.organization : l->auth.from_domain;
}

static enum err
ask(struct svc_scan_letter *l)
{
	struct svc_scan *s = l->scan;
	struct ipc_common_listed looked[SVC_SCAN_LINKS_MAX] = { 0 };
	struct ipc_common_id *accounts = arena_array(l->arena, l->m.targets_n, sizeof *accounts);
	if (s->policy.chan == NULL) {
		return ERR_UNAVAILABLE;
	}
	if (accounts == NULL) {
		return ERR_BUDGET;
	}
	struct ipc_scan_policy_judge m = { .request = l->id,
		.ip = l->m.ip,
		.name = l->m.trust.name,
		.domain = domain_of(l),
		.aligned = l->auth.aligned,
		.sender = l->auth.from,
		.accounts = accounts,
		.looked = looked,
		.features = l->seen.octets };
	for (size_t i = 0; i < l->m.targets_n; i++) {
		accounts[m.accounts_n].id = l->m.targets[i].account;
		m.accounts_n += l->m.targets[i].account != 0; /* 0: forwarded */
	}
	for (size_t i = 0; i < l->seen.hosts_n && m.looked_n < LEN(looked); i++) {
		if (l->seen.hosts[i].n <= 255) {
			looked[m.looked_n++].what = l->seen.hosts[i];
		}
	}
	buf_reset(&s->out);
	ipc_scan_policy_judge_put(&s->out, &m);
	return svc_common_link_send(&s->policy, &s->out, -1);
}

static bool
wanted(const struct svc_scan_letter *l)
{
	return !l->m.submission;
}

static void
begin(struct svc_scan_letter *l)
{
	enum err e = filter_features(&l->mime, l->scan->sc->conf->hostname, l->m.received_s,
	    l->arena, &l->seen);
	if (e == ERR_OK) {
		e = ask(l);
	}
	if (e != ERR_OK) {
		svc_scan_stage_done(l, SVC_SCAN_JUDGE, SVC_SCAN_ABSENT);
	}
}

/* --- answers ------------------------------------------------------------------------------- */

/* An array of the message, copied; its strings are borrowed. NULL: over budget. */
static void *
dup_array(struct arena *a, const void *from, size_t n, size_t size)
{
	void *to = arena_array(a, n, size);
	if (to != NULL && n > 0) {
		memcpy(to, from, n * size);
	}
	return to;
}

static bool
keep_listed(struct arena *a, struct svc_scan_judged *j)
{
	for (size_t i = 0; i < j->listed_n; i++) {
		struct ipc_common_listed *x = &j->listed[i];
		x->zone = arena_dup(a, x->zone);
		x->what = arena_dup(a, x->what);
		x->answer = arena_dup(a, x->answer);
		if (x->zone.p == NULL || x->what.p == NULL || x->answer.p == NULL) {
			return false;
		}
	}
	return true;
}

static enum err
on_judged(void *ctx, const struct ipc_scan_policy_judged *m, int *fd)
{
	struct svc_scan_letter *l = svc_scan_letter_find(ctx, m->request);
	if (l == NULL || !l->began[SVC_SCAN_JUDGE] || l->ended[SVC_SCAN_JUDGE] != SVC_SCAN_OPEN) {
		return ERR_OK; /* its deadline is over, or its smtp gone */
	}
	struct arena *a = l->arena;
	struct svc_scan_judged j = { .is = true,
		.words = m->words,
		.learned = m->learned,
		.opinions = dup_array(a, m->opinions, m->opinions_n, sizeof *m->opinions),
		.opinions_n = m->opinions_n,
		.fame = dup_array(a, m->fame, m->fame_n, sizeof *m->fame),
		.fame_n = m->fame_n,
		.listed = dup_array(a, m->listed, m->listed_n, sizeof *m->listed),
		.listed_n = m->listed_n };
	bool ok = j.opinions != NULL && j.fame != NULL && j.listed != NULL && keep_listed(a, &j);
	if (ok) {
		l->judged = j;
	}
	svc_scan_stage_done(l, SVC_SCAN_JUDGE, ok ? SVC_SCAN_DONE : SVC_SCAN_ABSENT);
	return ERR_OK;
}

enum err
svc_scan_from_policy(struct svc_common_link *from, str datagram, int *fd)
{
	static const struct ipc_scan_policy_at_scan handlers = { .judged = on_judged };
	struct svc_scan *s = svc_scan_of(from);
	enum err e = ipc_scan_policy_scan_dispatch(&handlers, s, datagram, fd, s->scratch);
	arena_reset(s->scratch);
	return e;
}

void
svc_scan_policy_gone(struct svc_common_link *gone)
{
	struct svc_scan *s = svc_scan_of(gone);
	LIST_EACH(it, &s->letters) {
		struct svc_scan_letter *l = LIST_ENTRY(it, struct svc_scan_letter, node);
		if (l->began[SVC_SCAN_JUDGE] && l->ended[SVC_SCAN_JUDGE] == SVC_SCAN_OPEN) {
			svc_scan_stage_done(l, SVC_SCAN_JUDGE, SVC_SCAN_ABSENT);
		}
	}
}

const struct svc_scan_stage svc_scan_judge_stage = {
	.name = "judge",
	.wanted = wanted,
	.begin = begin,
};

/* --- afterwards ---------------------------------------------------------------------------- */

/* Policy decides what is a lesson; most letters cannot be one, and their features stay here. */
static bool
may_teach(const struct svc_scan_letter *l, int64_t score, enum svc_scan_ending end)
{
	return end != SVC_SCAN_INFECTED && filter_model_lesson(score, l->judged.words) != 0;
}

void
svc_scan_judge_ended(struct svc_scan_letter *l, int64_t score, enum svc_scan_ending end)
{
	struct svc_scan *s = l->scan;
	const struct ipc_scan_policy_ended m = { .ip = l->m.ip,
		.name = l->m.trust.name,
		.domain = domain_of(l),
		.aligned = l->auth.aligned,
		.score = score,
		.end = end,
		.features = may_teach(l, score, end) ? l->seen.octets : S("") };
	if (s->policy.chan == NULL || l->m.submission) {
		return;
	}
	buf_reset(&s->out);
	ipc_scan_policy_ended_put(&s->out, &m);
	enum err e = svc_common_link_send(&s->policy, &s->out, -1);
	s->count.untold += e == ERR_OK ? 0 : 1; /* one lesson less */
}

/* --- fame ---------------------------------------------------------------------------------- */

size_t
svc_scan_fame(const struct svc_scan_letter *l, struct filter_part *ret, size_t max)
{
	static const struct {
		const char *word;
		int64_t percent; /* what it says of one sender among all it stands for */
	} kinds[] = { { NULL, 0 }, { "address-fame", 100 }, { "network-fame", 40 },
		{ "operator-fame", 20 }, { "domain-fame", 100 } };
	size_t n = 0;
	for (size_t i = 0; i < l->judged.fame_n && n < max; i++) {
		const struct ipc_scan_policy_fame *f = &l->judged.fame[i];
		if (f->of == 0 || f->of >= LEN(kinds) || f->good + (uint64_t)f->bad == 0) {
			continue;
		}
		int64_t seen = (int64_t)f->good + f->bad;
		int64_t points = FAME_FULL * ((int64_t)f->bad - f->good) / (seen + FAME_DOUBT);
		ret[n++] = (struct filter_part){ .kind = FILTER_FAME,
			.word = str_from(kinds[f->of].word),
			.points = points * kinds[f->of].percent / 100 };
	}
	return n;
}
