/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern session: edge adm_accounts, asked. Nothing is asked twice; a list comes in pages.
 */
#include "ipc/adm_accounts.h"

#include "base/codec.h"
#include "ctl/client.h"
#include "ctl/ctl.h"

enum { ID_DIGITS = 16 };

struct asking {
	struct ctl *c;
	const struct ipc_adm_accounts_at_admin *handlers;
	bool ended, more;
	uint64_t after, count;
};

static enum err
take(struct ctl *c, void *ctx, str datagram, int *fd)
{
	struct asking *a = ctx;
	a->ended = true; /* the answer is one message */
	return ipc_adm_accounts_admin_dispatch(a->handlers, a, datagram, fd, c->scratch);
}

static enum ctl_exit
ask(struct asking *a)
{
	a->ended = false;
	return ctl_client_ask(a->c, take, a, &a->ended, CTL_WAIT_MS);
}

static void
put_known(struct ctl_out *o, const char *key, str v)
{
	if (v.n > 0) {
		ctl_out_str(o, key, v);
	} else {
		ctl_out_none(o, key);
	}
}

static enum err
on_page(void *ctx, const struct ipc_adm_accounts_page *m, int *fd)
{
	struct asking *a = ctx;
	struct ctl_out *o = &a->c->out;
	char id[ID_DIGITS + 1];
	a->more = m->more && m->rows_n > 0;
	for (size_t i = 0; i < m->rows_n; i++) {
		const struct ipc_adm_accounts_row *r = &m->rows[i];
		snprintf(id, sizeof id, "%016llx", (unsigned long long)r->session);
		a->after = r->session;
		ctl_out_item(o);
		ctl_out_str(o, "session", str_from(id));
		ctl_out_str(o, "account", r->name);
		ctl_out_str(o, "protocol", r->protocol);
		ctl_out_str(o, "state", r->resting ? S("resting") : S("active"));
		put_known(o, "tls", r->tls);
		put_known(o, "network", r->prefix);
		ctl_out_time(o, "since", r->since_s);
		put_known(o, "program", r->client);
		ctl_out_item_end(o);
	}
	return ERR_OK;
}

enum ctl_exit
ctl_cmd_session_list(struct ctl *c)
{
	static const struct ipc_adm_accounts_at_admin handlers = { .page = on_page };
	static const struct ctl_column columns[] = {
		{ "session", "SESSION", ID_DIGITS, false },
		{ "account", "ACCOUNT", 24, false },
		{ "protocol", "PROTOCOL", 8, false },
		{ "state", "STATE", 7, false },
		{ "tls", "TLS", 7, false },
		{ "network", "NETWORK", 18, false },
		{ "since", "SINCE", 20, false },
		{ "program", "PROGRAM", 0, false },
	};
	struct asking a = { .c = c, .handlers = &handlers };
	enum ctl_exit x;
	ctl_out_list(&c->out, "sessions", columns, LEN(columns));
	do {
		struct ipc_adm_accounts_list m = {
			.request = 1, .after = a.after, .name = ctl_arg_or_empty(c, 0)
		};
		ipc_adm_accounts_list_put(&c->msg, &m);
		x = ask(&a);
	} while (x == CTL_OK && a.more);
	if (x == CTL_OK) {
		ctl_out_list_end(&c->out);
	}
	return x;
}

static enum err
on_killed(void *ctx, const struct ipc_adm_accounts_killed *m, int *fd)
{
	((struct asking *)ctx)->count = m->count;
	return ERR_OK;
}

/* Sixteen hexadecimal digits, as the log writes them. */
static bool
read_id(str text, uint64_t *ret)
{
	uint8_t octets[ID_DIGITS / 2];
	struct buf b;
	buf_init_fixed(&b, (char *)octets, sizeof octets);
	if (text.n != ID_DIGITS || hex_decode(&b, text) != ERR_OK) {
		return false;
	}
	*ret = 0;
	for (size_t i = 0; i < sizeof octets; i++) {
		*ret = *ret << 8 | octets[i];
	}
	return *ret != 0;
}

enum ctl_exit
ctl_cmd_session_kill(struct ctl *c)
{
	static const struct ipc_adm_accounts_at_admin handlers = { .killed = on_killed };
	struct asking a = { .c = c, .handlers = &handlers };
	struct ipc_adm_accounts_kill m = { .request = 1 };
	str who = ctl_arg(c, 0);
	if (str_chr(who, '@') >= 0) {
		m.name = who;
	} else if (!read_id(who, &m.session)) {
		return ctl_fail(c, CTL_USAGE, ERR_SYNTAX,
		    "'%.*s' is neither an address nor an id of `postern session list`",
		    STR_ARG(who));
	}
	ipc_adm_accounts_kill_put(&c->msg, &m);
	enum ctl_exit x = ask(&a);
	if (x == CTL_OK && a.count == 0) {
		return ctl_fail(c, CTL_FAILED, ERR_NOTFOUND,
		    "no such session; `postern session list` shows them");
	}
	if (x == CTL_OK) {
		ctl_out_u64(&c->out, "ended", a.count);
	}
	return x;
}
