/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this recipient go on? Limits first, then the greylist; what lists, SPF and the peer's name
 * say is handed on, and refuses nobody here.
 */
#include "svc/policy/session.h"

#include "conf/conf.h"
#include "ipc/smtp_policy.h"
#include "policy/fame.h"
#include "policy/grey.h"
#include "policy/net.h"

enum { GO_ON = 1, LATER = 2 };
enum { GREY_WAITED = 1, GREY_EXEMPT = 2, GREY_KNOWN = 3 };
enum { BAD_MORE = 2 }; /* so many more bad letters than good ones, and waiting once is not enough */

/* One answer while it is made. */
struct judging {
	struct svc_policy *p;
	const struct svc_policy_session *s;
	const struct svc_policy_rcpt *r;
	uint32_t now_s;
	struct ipc_smtp_policy_judged m;
	struct ipc_common_listed listed[SVC_POLICY_LISTED_MAX];
	int64_t allow; /* points of lists of addresses that speak for it */
};

static void
send_judged(const struct svc_policy_rcpt *r, const struct ipc_smtp_policy_judged *m)
{
	struct svc_policy *p = svc_policy_of(r->from);

	if (r->from->times != r->times) {
		return; /* whoever asked is gone */
	}
	buf_reset(&p->out);
	ipc_smtp_policy_judged_put(&p->out, m);
	(void)(svc_common_link_send(r->from, &p->out, -1) == ERR_OK);
}

void
svc_policy_rcpt_exempt(struct svc_policy *p, const struct svc_policy_rcpt *r)
{
	const struct ipc_smtp_policy_judged m = { .request = r->request,
		.reply = { .verdict = GO_ON },
		.trust = { .greylist = GREY_EXEMPT } };

	p->exempt++;
	send_judged(r, &m);
}

/* ---- limits --------------------------------------------------------------------------------- */

static bool
count_one(struct svc_policy *p, const struct svc_policy_count *c, size_t level, str who)
{
	struct policy_limit_ask a = { .key = policy_keep_key(p->keep,
					  (enum policy_kind)(POLICY_ADDRESS + level), who,
					  S("limit")),
		.now_s = svc_policy_now(),
		.rules = p->rules[level],
		.always = c->always };

	memcpy(a.n, c->n, sizeof a.n);
	return policy_limit(p->limits, &a) || c->always;
}

bool
svc_policy_rcpt_count(struct svc_policy *p, const struct svc_policy_count *c)
{
	char text[POLICY_NET_TEXT];
	struct buf network;

	if (!p->sc->conf->limits_on) {
		return true;
	}
	buf_init_fixed(&network, text, sizeof text);
	policy_net_put(&network, c->ip);
	bool within = count_one(p, c, 0, str_make(c->ip, 16)) &&
	    count_one(p, c, 1, buf_view(&network));
	if (within && c->s != NULL && c->s->pool.n > 0) {
		within = count_one(p, c, 2, c->s->pool);
	}
	p->limited += !within;
	return within;
}

static bool
is_limited(const struct judging *j)
{
	const struct svc_policy_count c = { .s = j->s,
		.ip = j->s->ip,
		.n = { [POLICY_MESSAGES] = j->r->first, [POLICY_RECIPIENTS] = 1 } };

	return !svc_policy_rcpt_count(j->p, &c);
}

/* ---- what DNS says -------------------------------------------------------------------------- */

static void
take_spf(struct judging *j)
{
	const struct svc_policy_check *mail = &j->s->checks[0], *helo = &j->s->checks[1];
	struct ipc_common_trust *t = &j->m.trust;

	mail = mail->spf != NULL ? mail : helo; /* a null path: RFC 7208 2.4 */
	if (helo->spf != NULL && helo->ended) {
		t->spf_helo = (uint8_t)spf_result(helo->spf)->result;
	}
	if (mail->spf != NULL && mail->ended) {
		const struct spf_result *r = spf_result(mail->spf);
		t->spf = (uint8_t)r->result;
		t->spf_domain = str_sub(r->domain, 0, 255);
		t->spf_why = str_sub(r->explanation.n > 0 ? r->explanation : r->problem, 0, 400);
	}
}

static void
take_trust(struct judging *j)
{
	const struct svc_policy_session *s = j->s;
	struct ipc_common_trust *t = &j->m.trust;
	uint32_t half_s = (uint32_t)(j->p->sc->conf->fame_half / 1000);
	struct policy_fame fame = policy_fame_get(j->p->keep, POLICY_NETWORK,
	    str_make(s->network, s->network_n), j->now_s, half_s);

	t->iprev = s->iprev;
	t->name = s->name;
	t->manners = s->manners;
	t->known = fame.good > fame.bad;
	take_spf(j);
}

static void
take_listed(struct judging *j)
{
	const struct svc_policy_session *s = j->s;

	j->m.listed = j->listed;
	for (size_t i = 0; i < s->lookups_n && j->m.listed_n < SVC_POLICY_LISTED_MAX; i++) {
		const struct svc_policy_lookup *l = &s->lookups[i];
		struct ipc_common_listed *to = &j->listed[j->m.listed_n];
		if (svc_policy_lists_listed(l, j->p->scratch, to)) {
			j->m.listed_n++;
			j->allow += !l->zone->list.domains && to->points < 0 ? to->points : 0;
		}
	}
}

/* ---- greylist ------------------------------------------------------------------------------- */

/* More bad letters than good ones came from there lately. */
static bool
is_infamous(const struct judging *j)
{
	const struct svc_policy_session *s = j->s;
	uint32_t half_s = (uint32_t)(j->p->sc->conf->fame_half / 1000);
	struct policy_fame n = policy_fame_get(j->p->keep, POLICY_NETWORK,
	    str_make(s->network, s->network_n), j->now_s, half_s);
	struct policy_fame o = policy_fame_get(j->p->keep, POLICY_OPERATOR, s->pool, j->now_s,
	    half_s);

	return n.bad > n.good + BAD_MORE || o.bad > o.good + BAD_MORE;
}

static bool
is_known(const struct judging *j)
{
	for (size_t i = 0; i < j->r->accounts_n; i++) {
		if (policy_known(j->p->keep, j->r->accounts[i], j->r->reverse_path, j->now_s)) {
			return true;
		}
	}
	return false;
}

static void
say_wait(struct judging *j, uint32_t wait_s)
{
	struct ipc_common_reply *r = &j->m.reply;
	str page = j->p->sc->conf->greylist_page;

	*r = (struct ipc_common_reply){ .verdict = LATER, .code = 451, .enhanced = S("4.7.1") };
	r->text = arena_printf(j->p->scratch,
	    "Greylisted: this is the first letter from you to this recipient, come again in %u "
	    "seconds%s%.*s",
	    wait_s, page.n > 0 ? "; see " : "", STR_ARG(page));
	j->p->greylisted++;
	LOG(POLICY_GREYLISTED, F_ID("session", j->s->id), F_IP("peer", j->s->ip),
	    F_STR("network",
		j->s->pool.n > 0 ? j->s->pool : str_make(j->s->network, j->s->network_n)),
	    F_STR("to", j->r->address), F_U64("wait", wait_s));
}

static void
greylist(struct judging *j)
{
	const struct conf *c = j->p->sc->conf;
	struct ipc_common_trust *t = &j->m.trust;
	const struct policy_grey_ask a = {
		.network = str_make(j->s->network, j->s->network_n),
		.pool = j->s->pool,
		.domain = t->spf == MAIL_AUTHRES_PASS ? t->spf_domain : S(""),
		.sender = j->r->reverse_path,
		.recipient = j->r->address,
		.now_s = j->now_s,
		.delay_s = (uint32_t)(c->greylist_delay / 1000),
	};

	if (!c->greylist_on) {
		return;
	}
	if (is_known(j)) {
		t->greylist = GREY_KNOWN;
		j->p->known++;
		return;
	}
	if (j->allow < 0 || (policy_grey_waited(j->p->keep, &a) && !is_infamous(j))) {
		t->greylist = GREY_EXEMPT;
		j->p->exempt++;
		return;
	}
	uint32_t wait_s = policy_grey_ask(j->p->keep, &a);
	if (wait_s > 0) {
		say_wait(j, wait_s);
		return;
	}
	policy_grey_let_in(j->p->keep, &a);
	t->greylist = GREY_WAITED;
	j->p->let_in++;
}

/* ---- all of it ------------------------------------------------------------------------------ */

void
svc_policy_rcpt_answer(struct svc_policy_session *s, const struct svc_policy_rcpt *r)
{
	struct judging j = { .p = s->p, .s = s, .r = r, .now_s = svc_policy_now() };

	j.m.request = r->request;
	j.m.reply.verdict = GO_ON;
	take_trust(&j);
	take_listed(&j);
	if (is_limited(&j)) {
		j.m.reply = (struct ipc_common_reply){ .verdict = LATER,
			.code = 450,
			.enhanced = S("4.7.1"),
			.text = S("Too much mail from your network for now, try again later") };
		LOG(POLICY_LIMITED, F_ID("session", s->id), F_IP("peer", s->ip),
		    F_CSTR("what", "recipient"));
	} else {
		greylist(&j);
	}
	send_judged(r, &j.m);
}
