/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bans by hand. They work always: whoever is locked out asks the administrator, who needs no
 * log-in.
 */
#include "svc/auth/admin_priv.h"
#include "svc/auth/bans.h"

enum { PAGE = 200, BITS_MIN = 8 };

/* Text to prefix. False: replied already. */
static bool
parse(struct svc_auth_call *call, str given, struct sys_prefix *ret)
{
	if (sys_prefix_parse(given, ret) == ERR_OK) {
		return true;
	}
	(void)!svc_auth_call_done(call, ERR_SYNTAX,
	    "%.*s is no address or network; write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/48",
	    STR_ARG(given));
	return false;
}

/* ::/16 and its like hold all of IPv4, this machine included. */
static bool
too_wide(const struct sys_prefix *p)
{
	static const uint8_t any_v4[16] = { [10] = 0xff, [11] = 0xff };
	bool v4 = sys_addr_is_v4(p->ip);

	return p->bits < (v4 ? 96 + BITS_MIN : 2 * BITS_MIN) ||
	    (!v4 && sys_prefix_contains(p, any_v4));
}

SVC_AUTH_HANDLER(ban_add)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "ban-add");
	struct sys_prefix p;
	enum err e;

	if (!parse(&call, m->prefix, &p)) {
		return ERR_OK;
	}
	if (too_wide(&p)) {
		return svc_auth_call_done(&call, ERR_DENIED,
		    "%.*s is too wide: at least /8 for IPv4, /16 for IPv6", STR_ARG(m->prefix));
	}
	if (sys_addr_is_loopback(p.ip)) {
		return svc_auth_call_done(&call, ERR_DENIED, "this machine itself is never banned");
	}
	if (m->seconds < 0) {
		return svc_auth_call_done(&call, ERR_SYNTAX,
		    "the length of a ban is 0 or more seconds");
	}
	e = svc_auth_ban_add(call.admin->auth, &p, m->seconds);
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	if (m->seconds == 0) {
		return svc_auth_call_done(&call, ERR_OK, "%.*s is banned until you remove it",
		    STR_ARG(m->prefix));
	}
	return svc_auth_call_done(&call, ERR_OK, "%.*s is banned for %lld seconds",
	    STR_ARG(m->prefix), (long long)m->seconds);
}

SVC_AUTH_HANDLER(ban_remove)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "ban-remove");
	struct sys_prefix p;
	enum err e;

	if (!parse(&call, m->prefix, &p)) {
		return ERR_OK;
	}
	e = svc_auth_ban_remove(call.admin->auth, &p);
	if (e == ERR_NOTFOUND) {
		return svc_auth_call_done(&call, e,
		    "%.*s is not banned as such; see postern ban list for what is",
		    STR_ARG(m->prefix));
	}
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	return svc_auth_call_done(&call, ERR_OK, "%.*s is not banned any more", STR_ARG(m->prefix));
}

struct page {
	struct arena *a;
	struct ipc_adm_auth_ban_row *rows;
	size_t n;
	uint64_t skip;
	bool more;
};

static enum err
add_ban(void *ctx, const struct svc_auth_ban *ban)
{
	struct page *page = ctx;
	char text[SYS_ADDR_TEXT_MAX];
	struct ipc_adm_auth_ban_row *row;
	struct buf b;

	if (page->skip > 0) {
		page->skip--;
		return ERR_OK;
	}
	if (page->n == PAGE) {
		page->more = true;
		return ERR_TOOMANY; /* ends the walk */
	}
	row = &page->rows[page->n++];
	buf_init_fixed(&b, text, sizeof(text));
	sys_prefix_text(&b, &ban->prefix);
	row->prefix = arena_dup(page->a, buf_view(&b));
	row->reason = arena_dup(page->a, str_from(ban->reason));
	row->since_s = ban->since_s;
	row->until_s = ban->until_s;
	row->times = ban->times;
	return row->prefix.p == NULL || row->reason.p == NULL ? ERR_BUDGET : ERR_OK;
}

/* The cursor is the number of rows seen: bans that come and go meanwhile may shift it, nothing
 * worse. */
SVC_AUTH_HANDLER(ban_list)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "ban-list");
	struct svc_auth *a = call.admin->auth;
	struct page page = { .a = call.admin->scratch };
	struct ipc_adm_auth_bans reply = { .request = m->request };
	uint64_t seen = 0;
	enum err e;

	if (m->after.n > 0 && !str_u64(m->after, &seen)) {
		return svc_auth_call_done(&call, ERR_SYNTAX, "the cursor of the list is damaged");
	}
	page.skip = seen;
	page.rows = arena_array(page.a, PAGE, sizeof(page.rows[0]));
	if (page.rows == NULL) {
		return svc_auth_call_failed(&call, ERR_BUDGET);
	}
	e = svc_auth_guard_bans(a->guard, a->now_s, add_ban, &page);
	if (e != ERR_OK && e != ERR_TOOMANY) {
		return svc_auth_call_failed(&call, e);
	}
	reply.rows = page.rows;
	reply.rows_n = page.n;
	if (page.more) {
		reply.next = arena_printf(page.a, "%llu", (unsigned long long)(seen + PAGE));
	}
	ipc_adm_auth_bans_put(&call.admin->out, &reply);
	svc_auth_call_send(&call);
	return ERR_OK;
}
