/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern greylist, lists, senders: edge adm_policy, asked.
 */
#include "ipc/adm_policy.h"

#include "ctl/client.h"
#include "ctl/ctl.h"
#include "mail/address.h"
#include "sys/sock.h"

struct asking {
	struct ctl *c;
	const struct ipc_adm_policy_at_admin *handlers;
	bool ended, more;
	enum err result;
	uint64_t after, count, shown;
};

static enum err
take(struct ctl *c, void *ctx, str datagram, int *fd)
{
	struct asking *a = ctx;

	a->ended = true;
	return ipc_adm_policy_admin_dispatch(a->handlers, a, datagram, fd, c->scratch);
}

/* Said when it fails; whether something was found is for the caller to say. */
static enum ctl_exit
ask(struct asking *a)
{
	enum ctl_exit x;

	a->ended = false;
	a->result = ERR_OK;
	x = ctl_client_ask(a->c, take, a, &a->ended, CTL_WAIT_MS);
	if (x == CTL_OK && a->result != ERR_OK && a->result != ERR_NOTFOUND) {
		x = ctl_fail(a->c, CTL_FAILED, a->result, "what is remembered cannot be read: %s",
		    err_text(a->result));
	}
	return x;
}

/* ---- greylist ------------------------------------------------------------------------------- */

static enum err
on_greys(void *ctx, const struct ipc_adm_policy_greys *m, int *fd)
{
	struct asking *a = ctx;
	struct ctl_out *o = &a->c->out;

	a->result = m->result;
	a->more = m->more && m->greys_n > 0;
	for (size_t i = 0; i < m->greys_n; i++) {
		const struct ipc_adm_policy_grey *g = &m->greys[i];
		a->after = g->key;
		ctl_out_item(o);
		ctl_out_str(o, "from", g->who);
		ctl_out_str(o, "state", g->let_in_s != 0 ? S("let in") : S("waits"));
		ctl_out_time(o, "first", g->first_s);
		ctl_out_time(o, "last", g->last_s);
		ctl_out_u64(o, "tries", g->tries);
		ctl_out_item_end(o);
	}
	return ERR_OK;
}

enum ctl_exit
ctl_cmd_greylist_list(struct ctl *c)
{
	static const struct ipc_adm_policy_at_admin handlers = { .greys = on_greys };
	static const struct ctl_column columns[] = {
		{ "from", "FROM", 32, false },
		{ "state", "STATE", 6, false },
		{ "first", "FIRST", 20, false },
		{ "last", "LAST", 20, false },
		{ "tries", "TRIES", 5, true },
	};
	struct asking a = { .c = c, .handlers = &handlers };
	enum ctl_exit x;

	ctl_out_list(&c->out, "greylisted", columns, LEN(columns));
	do {
		const struct ipc_adm_policy_grey_list m = { .request = 1, .after = a.after };
		ipc_adm_policy_grey_list_put(&c->msg, &m);
		x = ask(&a);
	} while (x == CTL_OK && a.more);
	if (x == CTL_OK) {
		ctl_out_list_end(&c->out);
	}
	return x;
}

static enum err
on_removed(void *ctx, const struct ipc_adm_policy_removed *m, int *fd)
{
	struct asking *a = ctx;

	a->result = m->result;
	a->count = m->count;
	return ERR_OK;
}

enum ctl_exit
ctl_cmd_greylist_remove(struct ctl *c)
{
	static const struct ipc_adm_policy_at_admin handlers = { .removed = on_removed };
	struct asking a = { .c = c, .handlers = &handlers };
	const struct ipc_adm_policy_grey_remove m = { .request = 1, .who = ctl_arg(c, 0) };

	ipc_adm_policy_grey_remove_put(&c->msg, &m);
	enum ctl_exit x = ask(&a);
	if (x == CTL_OK && a.count == 0) {
		return ctl_fail(c, CTL_FAILED, ERR_NOTFOUND,
		    "nothing is greylisted of '%.*s'; `postern greylist list` shows what is",
		    STR_ARG(m.who));
	}
	if (x == CTL_OK) {
		ctl_out_u64(&c->out, "removed", a.count);
	}
	return x;
}

/* ---- lists ---------------------------------------------------------------------------------- */

static enum err
on_zones(void *ctx, const struct ipc_adm_policy_zones *m, int *fd)
{
	struct asking *a = ctx;
	struct ctl_out *o = &a->c->out;

	for (size_t i = 0; i < m->zones_n; i++) {
		const struct ipc_adm_policy_zone *z = &m->zones[i];
		ctl_out_item(o);
		ctl_out_str(o, "zone", z->name);
		ctl_out_str(o, "of", z->domains ? S("domains") : S("addresses"));
		ctl_out_str(o, "state", z->state);
		ctl_out_time(o, "tested", z->tested_s);
		ctl_out_u64(o, "queries", z->queries);
		ctl_out_u64(o, "hits", z->hits);
		ctl_out_u64(o, "refused", z->refused);
		ctl_out_u64(o, "late", z->late);
		ctl_out_item_end(o);
	}
	return ERR_OK;
}

enum ctl_exit
ctl_cmd_lists(struct ctl *c)
{
	static const struct ipc_adm_policy_at_admin handlers = { .zones = on_zones };
	static const struct ctl_column columns[] = {
		{ "zone", "ZONE", 32, false },
		{ "of", "OF", 9, false },
		{ "state", "STATE", 18, false },
		{ "tested", "TESTED", 20, false },
		{ "queries", "QUERIES", 8, true },
		{ "hits", "HITS", 8, true },
		{ "refused", "REFUSED", 7, true },
		{ "late", "LATE", 6, true },
	};
	struct asking a = { .c = c, .handlers = &handlers };
	const struct ipc_adm_policy_lists m = { .request = 1 };

	ctl_out_list(&c->out, "lists", columns, LEN(columns));
	ipc_adm_policy_lists_put(&c->msg, &m);
	enum ctl_exit x = ask(&a);
	if (x == CTL_OK) {
		ctl_out_list_end(&c->out);
	}
	return x;
}

/* ---- senders -------------------------------------------------------------------------------- */

static str
what_of(uint8_t of)
{
	return of == 1 ? S("address")
	    : of == 2  ? S("network")
	    : of == 3  ? S("operator")
		       : S("domain");
}

static enum err
on_shown(void *ctx, const struct ipc_adm_policy_shown *m, int *fd)
{
	static const struct ctl_column columns[] = {
		{ "of", "OF", 9, false },
		{ "who", "WHO", 40, false },
		{ "good", "GOOD", 7, true },
		{ "bad", "BAD", 7, true },
		{ "let_in", "LET-IN", 6, false },
	};
	struct asking *a = ctx;
	struct ctl_out *o = &a->c->out;

	ctl_out_list(o, "counts", columns, LEN(columns));
	for (size_t i = 0; i < m->fames_n; i++) {
		const struct ipc_adm_policy_fame *f = &m->fames[i];
		ctl_out_item(o);
		ctl_out_str(o, "of", what_of(f->of));
		ctl_out_str(o, "who", f->who);
		ctl_out_u64(o, "good", f->good);
		ctl_out_u64(o, "bad", f->bad);
		ctl_out_bool(o, "let_in", f->let_in);
		ctl_out_item_end(o);
	}
	ctl_out_list_end(o);
	ctl_out_bool(o, "held", m->held);
	if (m->held) {
		ctl_out_time(o, "held_since", m->held_s);
		ctl_out_str(o, "why", m->why);
		ctl_out_u64(o, "recipients_today", m->today);
		ctl_out_u64(o, "recipients_usually", m->usual);
	}
	return ERR_OK;
}

/* The argument: an IP address as it is, everything else as the server has it. */
static enum ctl_exit
read_who(struct ctl *c, str *ret)
{
	str arg = ctl_arg(c, 0);
	char text[1000];
	struct buf who;
	uint8_t ip[16];
	enum err e = ERR_OK;

	buf_init_fixed(&who, text, sizeof text);
	if (sys_addr_ip_parse(arg, ip) == ERR_OK) {
		buf_str(&who, arg);
	} else if (str_chr(arg, '@') >= 0) {
		e = mail_address_canonical(&who, arg);
	} else {
		e = mail_domain_put(&who, arg);
	}
	e = e == ERR_OK ? buf_err(&who) : e;
	*ret = arena_dup(c->arena, buf_view(&who));
	return e == ERR_OK ? CTL_OK
			   : ctl_fail(c, CTL_USAGE, e,
				 "'%.*s' is no mail address, IP address or domain", STR_ARG(arg));
}

enum ctl_exit
ctl_cmd_senders_show(struct ctl *c)
{
	static const struct ipc_adm_policy_at_admin handlers = { .shown = on_shown };
	struct asking a = { .c = c, .handlers = &handlers };
	struct ipc_adm_policy_show m = { .request = 1 };
	enum ctl_exit x = read_who(c, &m.who);

	ipc_adm_policy_show_put(&c->msg, &m);
	return x == CTL_OK ? ask(&a) : x;
}

static enum err
on_released(void *ctx, const struct ipc_adm_policy_released *m, int *fd)
{
	struct asking *a = ctx;

	a->result = m->result;
	return ERR_OK;
}

enum ctl_exit
ctl_cmd_senders_release(struct ctl *c)
{
	static const struct ipc_adm_policy_at_admin handlers = { .released = on_released };
	struct asking a = { .c = c, .handlers = &handlers };
	struct ipc_adm_policy_release m = { .request = 1 };
	enum ctl_exit x = read_who(c, &m.address);

	ipc_adm_policy_release_put(&c->msg, &m);
	x = x == CTL_OK ? ask(&a) : x;
	if (x == CTL_OK && a.result == ERR_NOTFOUND) {
		return ctl_fail(c, CTL_FAILED, ERR_NOTFOUND,
		    "%.*s is not held; give the account's main address", STR_ARG(m.address));
	}
	if (x == CTL_OK) {
		ctl_out_done(&c->out, S("its letters go on; no alarm about it for a day"));
	}
	return x;
}
