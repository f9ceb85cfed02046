/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern greylist, postern lists, postern senders. Hashes cannot be listed: who is asked for must
 * be named, but for networks and operators that wait, and held accounts.
 */
#include "ipc/adm_policy.h"
#include "policy/fame.h"
#include "policy/habit.h"
#include "policy/net.h"
#include "reach/operator.h"
#include "svc/policy/policy.h"
#include "conf/conf.h"
#include "mail/address.h"
#include "sys/sock.h"

enum { GREYS = 100, REMOVED_MAX = 100000, FAMES = 8 };

struct asking {
	struct svc_policy *p;
	struct sys_chan *from;
	struct ipc_adm_policy_grey greys[GREYS];
	size_t n;
	uint64_t keys[GREYS];
};

static enum err
reply(struct asking *a)
{
	return sys_chan_send(a->from, &a->p->out, -1);
}

/* ---- greylist ------------------------------------------------------------------------------- */

static enum err
take_grey(void *ctx, const struct policy_seen *row)
{
	struct asking *a = ctx;

	a->keys[a->n] = row->key;
	a->greys[a->n] = (struct ipc_adm_policy_grey){ .key = row->key,
		.first_s = row->v[POLICY_GREY_FIRST],
		.last_s = row->last_s,
		.tries = row->v[POLICY_GREY_TRIES],
		.let_in_s = row->v[POLICY_GREY_LET_IN],
		.who = arena_dup(a->p->scratch, row->who) };
	return a->greys[a->n++].who.p == NULL ? ERR_BUDGET : ERR_OK;
}

static enum err
on_grey_list(void *ctx, const struct ipc_adm_policy_grey_list *m, int *fd)
{
	struct asking *a = ctx;
	const struct policy_keep_query q = { .kind = POLICY_GREY, .after = m->after, .max = GREYS };
	struct ipc_adm_policy_greys page = { .request = m->request };

	page.result = policy_keep_list(a->p->keep, &q, take_grey, a);
	page.greys = a->greys;
	page.greys_n = page.result == ERR_OK ? a->n : 0;
	page.more = page.greys_n == GREYS;
	buf_reset(&a->p->out);
	ipc_adm_policy_greys_put(&a->p->out, &page);
	return reply(a);
}

/* All triplets of a network or operator, and that it waited once. */
static uint64_t
remove_all(struct asking *a, str who, enum err *ret)
{
	static const char *const kinds[] = { "network", "operator", "domain" };
	struct policy_keep *k = a->p->keep;
	uint32_t now_s = svc_policy_now();
	uint64_t count = 0;

	for (struct policy_keep_query q = { .kind = POLICY_GREY, .who = who, .max = GREYS };
	     count < REMOVED_MAX;) {
		a->n = 0;
		*ret = policy_keep_list(k, &q, take_grey, a);
		for (size_t i = 0; i < a->n; i++) {
			struct policy_row *row = policy_keep_get(k, POLICY_GREY, a->keys[i], now_s);
			if (row != NULL) {
				policy_keep_drop(k, POLICY_GREY, row);
				count++;
			}
			q.after = a->keys[i];
		}
		if (*ret != ERR_OK || a->n < GREYS) {
			break;
		}
	}
	for (size_t i = 0; i < LEN(kinds); i++) {
		uint64_t key = policy_keep_key(k, POLICY_PASSED, str_from(kinds[i]), who);
		struct policy_row *row = policy_keep_get(k, POLICY_PASSED, key, now_s);
		if (row != NULL) {
			policy_keep_drop(k, POLICY_PASSED, row);
			count++;
		}
	}
	return count;
}

static enum err
on_grey_remove(void *ctx, const struct ipc_adm_policy_grey_remove *m, int *fd)
{
	struct asking *a = ctx;
	struct ipc_adm_policy_removed done = { .request = m->request };

	done.result = m->who.n == 0 ? ERR_SYNTAX : ERR_OK;
	if (done.result == ERR_OK) {
		done.count = remove_all(a, m->who, &done.result);
	}
	buf_reset(&a->p->out);
	ipc_adm_policy_removed_put(&a->p->out, &done);
	return reply(a);
}

/* ---- lists ---------------------------------------------------------------------------------- */

static enum err
on_lists(void *ctx, const struct ipc_adm_policy_lists *m, int *fd)
{
	struct asking *a = ctx;
	struct ipc_adm_policy_zone zones[SVC_POLICY_LISTS_MAX];
	struct ipc_adm_policy_zones page = { .request = m->request, .zones = zones };

	for (size_t i = 0; i < a->p->zones_n; i++) {
		const struct svc_policy_zone *z = &a->p->zones[i];
		zones[page.zones_n++] = (struct ipc_adm_policy_zone){ .name = z->list.zone,
			.domains = z->list.domains,
			.state = svc_policy_lists_state(z->state),
			.tested_s = z->tested_s,
			.queries = z->queries,
			.hits = z->hits,
			.refused = z->refused,
			.late = z->late };
	}
	buf_reset(&a->p->out);
	ipc_adm_policy_zones_put(&a->p->out, &page);
	return reply(a);
}

/* ---- senders -------------------------------------------------------------------------------- */

struct showing {
	struct asking *a;
	struct ipc_adm_policy_fame fames[FAMES];
	struct ipc_adm_policy_shown m;
	uint64_t account;
};

static void
add_fame(struct showing *s, enum policy_kind kind, str key, const str shown_passed[2])
{
	struct svc_policy *p = s->a->p;
	uint32_t now_s = svc_policy_now();
	uint32_t half_s = (uint32_t)(p->sc->conf->fame_half / 1000);
	struct policy_fame f = policy_fame_get(p->keep, kind, key, now_s, half_s);
	uint64_t passed = policy_keep_key(p->keep, POLICY_PASSED, shown_passed[1], key);

	s->fames[s->m.fames_n++] = (struct ipc_adm_policy_fame){ .of = (uint8_t)(kind -
								     POLICY_ADDRESS + 1),
		.who = shown_passed[0],
		.good = f.good,
		.bad = f.bad,
		.let_in = policy_keep_get(p->keep, POLICY_PASSED, passed, now_s) != NULL };
}

static void
show_ip(struct showing *s, str text, const uint8_t ip[16])
{
	char room[POLICY_NET_TEXT];
	struct buf network;

	buf_init_fixed(&network, room, sizeof room);
	policy_net_put(&network, ip);
	str net = arena_dup(s->a->p->scratch, buf_view(&network));
	add_fame(s, POLICY_ADDRESS, str_make(ip, 16), (const str[2]){ text, S("") });
	add_fame(s, POLICY_NETWORK, net, (const str[2]){ net, S("network") });
}

static void
show_domain(struct showing *s, str domain)
{
	str pool = reach_operator(NULL, domain);

	add_fame(s, POLICY_DOMAIN, domain, (const str[2]){ domain, S("domain") });
	add_fame(s, POLICY_OPERATOR, pool, (const str[2]){ pool, S("operator") });
}

static enum err
take_held(void *ctx, const struct policy_seen *row)
{
	struct showing *s = ctx;

	if (svc_policy_submit_held(row->v)) {
		s->m.held = true;
		s->m.held_s = row->v[POLICY_HELD_SINCE];
		s->m.why = svc_policy_submit_why(row->v[POLICY_HELD_WHY]);
	}
	s->account = row->v[POLICY_HELD_ACCOUNT] | (uint64_t)row->v[POLICY_HELD_HIGH] << 32;
	return ERR_OK;
}

static void
show_account(struct showing *s, str address)
{
	const struct policy_keep_query q = { .kind = POLICY_HELD, .who = address, .max = 1 };

	(void)(policy_keep_list(s->a->p->keep, &q, take_held, s) == ERR_OK);
	if (s->account != 0) {
		struct policy_habit h = policy_habit(s->a->p->keep, s->account, svc_policy_now(),
		    false);
		s->m.today = h.today;
		s->m.usual = h.usual;
	}
}

static enum err
on_show(void *ctx, const struct ipc_adm_policy_show *m, int *fd)
{
	struct asking *a = ctx;
	struct showing s = { .a = a, .m = { .request = m->request } };
	str local, domain;
	uint8_t ip[16];

	s.m.fames = s.fames;
	if (sys_addr_ip_parse(m->who, ip) == ERR_OK) {
		show_ip(&s, m->who, ip);
	} else if (str_chr(m->who, '@') >= 0) {
		mail_address_split(m->who, &local, &domain);
		show_domain(&s, str_sub(domain, 0, 255));
		show_account(&s, m->who);
	} else {
		show_domain(&s, str_sub(m->who, 0, 255));
	}
	buf_reset(&a->p->out);
	ipc_adm_policy_shown_put(&a->p->out, &s.m);
	return reply(a);
}

static enum err
on_release(void *ctx, const struct ipc_adm_policy_release *m, int *fd)
{
	struct asking *a = ctx;
	struct ipc_adm_policy_released done = { .request = m->request };

	done.result = svc_policy_submit_release(a->p, m->address);
	buf_reset(&a->p->out);
	ipc_adm_policy_released_put(&a->p->out, &done);
	return reply(a);
}

enum err
svc_policy_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd)
{
	static const struct ipc_adm_policy_at_policy handlers = { .grey_list = on_grey_list,
		.grey_remove = on_grey_remove,
		.lists = on_lists,
		.show = on_show,
		.release = on_release };
	static struct asking a; /* too large for the stack; one question at a time */

	a.p = sc->ctx;
	a.from = from;
	a.n = 0;
	arena_reset(a.p->scratch);
	return ipc_adm_policy_policy_dispatch(&handlers, &a, datagram, fd, a.p->scratch);
}
