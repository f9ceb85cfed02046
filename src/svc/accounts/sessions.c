/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the administrator sees of sessions, those with a process and those that rest, and ending
 * them. Read next: child.c (dismissing), parked.c (rows without a process).
 */
#include "svc/accounts/sessions.h"

#include "ipc/adm_accounts.h"
#include "sys/clock.h"
#include "sys/sys.h"

enum { ROWS = 100, PREFIX_TEXT = SYS_ADDR_TEXT_MAX };

/* The lowest ids behind `after`, in order. */
struct page {
	uint64_t after;
	str name;
	bool more;
	size_t n;
	struct svc_accounts_seen rows[ROWS];
};

void
svc_accounts_origin_make(struct svc_accounts_origin *o, str ip, str tls)
{
	*o = (struct svc_accounts_origin){ .since_s = sys_clock_wall_s() };
	if (ip.n == sizeof o->prefix.ip) {
		o->prefix = sys_prefix_of((const uint8_t *)ip.p, SYS_PREFIX_V4, SYS_PREFIX_V6);
	}
	o->tls_n = (uint8_t)MIN(tls.n, sizeof o->tls);
	memcpy(o->tls, o->tls_n > 0 ? tls.p : "", o->tls_n);
}

void
svc_accounts_origin_client(struct svc_accounts_origin *o, str name)
{
	o->client_n = (uint8_t)MIN(name.n, sizeof o->client);
	memcpy(o->client, o->client_n > 0 ? name.p : "", o->client_n);
}

/* ---- listing ---- */

static bool
is_meant(str name, const struct svc_accounts_seen *row)
{
	return name.n == 0 || str_ieq(name, row->name);
}

static void
add(struct page *p, const struct svc_accounts_seen *row)
{
	if (row->session <= p->after || !is_meant(p->name, row)) {
		return;
	}
	size_t at = p->n;
	while (at > 0 && p->rows[at - 1].session > row->session) {
		at--;
	}
	p->more = p->more || p->n == ROWS;
	if (at == ROWS) {
		return;
	}
	size_t kept = MIN(p->n, (size_t)ROWS - 1);
	memmove(p->rows + at + 1, p->rows + at, (kept - at) * sizeof *p->rows);
	p->rows[at] = *row;
	p->n = kept + 1;
}

static void
see_child(const struct svc_accounts_child *c, struct svc_accounts_seen *ret)
{
	*ret = (struct svc_accounts_seen){ .session = c->ident.session,
		.account = c->account,
		.protocol = c->ident.protocol,
		.name = str_make(c->ident.name, c->ident.name_n),
		.tls = str_make(c->origin.tls, c->origin.tls_n),
		.client = str_make(c->origin.client, c->origin.client_n),
		.prefix = c->origin.prefix,
		.since_s = c->origin.since_s };
}

static void
add_child(void *value, void *ctx)
{
	struct svc_accounts_seen row;
	see_child(value, &row);
	add(ctx, &row);
}

static void
add_parked(void *value, void *ctx)
{
	struct svc_accounts_seen row;
	if (svc_accounts_parked_see(value, &row)) {
		add(ctx, &row);
	}
}

static str
prefix_text(struct arena *a, const struct sys_prefix *p)
{
	char room[PREFIX_TEXT];
	struct buf b;
	if (p->bits == 0) {
		return STR_NONE;
	}
	buf_init_fixed(&b, room, sizeof room);
	sys_prefix_text(&b, p);
	return arena_dup(a, buf_view(&b));
}

static struct ipc_adm_accounts_row
row_of(struct svc_accounts *s, const struct svc_accounts_seen *row)
{
	bool known = row->protocol < SYS_PROTOCOL_COUNT;
	return (struct ipc_adm_accounts_row){ .session = row->session,
		.account = row->account,
		.name = row->name,
		.protocol = known ? sys_protocol_row(row->protocol)->name : STR_NONE,
		.resting = row->resting,
		.tls = row->tls,
		.client = row->client,
		.prefix = prefix_text(s->scratch, &row->prefix),
		.since_s = row->since_s };
}

struct asking {
	struct svc_accounts *s;
	struct sys_chan *from;
};

static enum err
on_list(void *ctx, const struct ipc_adm_accounts_list *m, int *fd)
{
	struct asking *a = ctx;
	struct svc_accounts *s = a->s;
	struct ipc_adm_accounts_row rows[ROWS];
	struct page *p = ARENA_NEW(s->scratch, struct page);
	if (p == NULL) {
		return ERR_NOMEM;
	}
	*p = (struct page){ .after = m->after, .name = m->name };
	map_each(s->live, add_child, p);
	map_each(s->parked, add_parked, p);
	for (size_t i = 0; i < p->n; i++) {
		rows[i] = row_of(s, &p->rows[i]);
	}
	struct ipc_adm_accounts_page reply = {
		.request = m->request, .more = p->more, .rows = rows, .rows_n = p->n
	};
	buf_reset(&s->out);
	ipc_adm_accounts_page_put(&s->out, &reply);
	return sys_chan_send(a->from, &s->out, -1);
}

/* ---- ending ---- */

struct killing {
	struct svc_accounts *s;
	str name;
	uint64_t count;
};

static void
kill_seen(struct killing *k, const struct svc_accounts_seen *row)
{
	LOG(ACCOUNTS_KILLED, F_ID("session", row->session), F_U64("account", row->account));
	k->count++;
}

/* What it offered gate is not taken any more. */
static void
kill_child(void *value, void *ctx)
{
	struct svc_accounts_child *c = value;
	struct killing *k = ctx;
	struct svc_accounts_seen row;
	see_child(c, &row);
	if (!is_meant(k->name, &row)) {
		return;
	}
	kill_seen(k, &row);
	if (c->offer != NULL) {
		svc_accounts_parked_drop(k->s, c->offer);
	}
	svc_accounts_dismiss(c, SVC_ACCOUNT_QUIT_KILLED);
}

static void
kill_parked(void *value, void *ctx)
{
	struct killing *k = ctx;
	struct svc_accounts_seen row;
	if (svc_accounts_parked_see(value, &row) && is_meant(k->name, &row)) {
		kill_seen(k, &row);
		svc_accounts_parked_drop(k->s, value);
	}
}

static void
kill_one(struct killing *k, uint64_t session)
{
	struct svc_accounts_child *c = map_get(k->s->live, session);
	struct svc_accounts_parked *p = map_get(k->s->parked, session);
	if (c != NULL) {
		kill_child(c, k);
	} else if (p != NULL) {
		kill_parked(p, k);
	}
}

static enum err
on_kill(void *ctx, const struct ipc_adm_accounts_kill *m, int *fd)
{
	struct asking *a = ctx;
	struct svc_accounts *s = a->s;
	struct killing k = { .s = s, .name = m->name };
	if (m->session != 0) {
		kill_one(&k, m->session);
	} else if (m->name.n > 0) {
		map_each(s->parked, kill_parked, &k);
		map_each(s->live, kill_child, &k);
	}
	struct ipc_adm_accounts_killed reply = { .request = m->request, .count = k.count };
	buf_reset(&s->out);
	ipc_adm_accounts_killed_put(&s->out, &reply);
	return sys_chan_send(a->from, &s->out, -1);
}

enum err
svc_accounts_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd)
{
	static const struct ipc_adm_accounts_at_accounts handlers = { .list = on_list,
		.kill = on_kill };
	struct svc_accounts *s = sc->ctx;
	struct asking a = { s, from };
	arena_reset(s->scratch);
	return ipc_adm_accounts_accounts_dispatch(&handlers, &a, datagram, fd, s->scratch);
}
