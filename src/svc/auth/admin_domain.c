/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domains, catch-alls, aliases, and the keys of what aliases forward.
 */
#include "directory/domain.h"

#include "svc/auth/admin_priv.h"
#include "svc/auth/forward.h"
#include "sys/clock.h"

enum { ALIAS_PAGE = 100 };

SVC_AUTH_HANDLER(domain_add)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "domain-add");
	struct svc_auth *a = call.admin->auth;
	str domain;
	enum err e;

	if (!svc_auth_call_domain(&call, m->domain, &domain)) {
		return ERR_OK;
	}
	e = directory_domain_add(a->directory, domain, a->now_s);
	if (e == ERR_EXISTS) {
		return svc_auth_call_done(&call, e, "%.*s is a domain of this server already",
		    STR_ARG(domain));
	}
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	return svc_auth_call_done(&call, ERR_OK, "mail to %.*s is accepted from now on",
	    STR_ARG(domain));
}

SVC_AUTH_HANDLER(domain_remove)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "domain-remove");
	struct directory *d = call.admin->auth->directory;
	struct directory_domain facts;
	str domain;
	enum err e;

	if (!svc_auth_call_domain(&call, m->domain, &domain)) {
		return ERR_OK;
	}
	e = directory_domain_get(d, domain, call.admin->scratch, &facts);
	if (e == ERR_OK) {
		e = directory_domain_remove(d, domain);
	}
	switch (e) {
	case ERR_OK:
		return svc_auth_call_done(&call, e, "mail to %.*s is refused from now on",
		    STR_ARG(domain));
	case ERR_NOTFOUND:
		return svc_auth_call_done(&call, e,
		    "%.*s is no domain of this server; see postern domain list", STR_ARG(domain));
	case ERR_DENIED:
		return svc_auth_call_done(&call, e,
		    "%.*s still has %llu accounts and %llu aliases; delete them first",
		    STR_ARG(domain), (unsigned long long)facts.accounts,
		    (unsigned long long)facts.aliases);
	default: return svc_auth_call_failed(&call, e);
	}
}

/* ---- lists: rows are collected in the scratch arena, then sent as one page ------------------- */

struct page {
	struct arena *a;
	void *rows;
	size_t n, max;
	str next;
};

static enum err
keep(struct page *page, str s, str *ret)
{
	*ret = arena_dup(page->a, s);
	return ret->p == NULL ? ERR_BUDGET : ERR_OK;
}

static enum err
add_domain(void *ctx, const struct directory_domain *row)
{
	struct page *page = ctx;
	struct ipc_adm_auth_domain_row *to = (struct ipc_adm_auth_domain_row *)page->rows + page->n;

	TRY(keep(page, row->name, &to->name));
	TRY(keep(page, row->catchall, &to->catchall));
	to->accounts = row->accounts;
	to->dmarc = (uint8_t)row->dmarc;
	page->next = ++page->n == page->max ? to->name : STR_NONE;
	return ERR_OK;
}

SVC_AUTH_HANDLER(domain_list)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "domain-list");
	struct page page = { .a = call.admin->scratch, .max = DIRECTORY_PAGE_MAX };
	struct ipc_adm_auth_domains reply = { .request = m->request };
	enum err e;

	page.rows = arena_array(page.a, page.max, sizeof(struct ipc_adm_auth_domain_row));
	if (page.rows == NULL) {
		return svc_auth_call_failed(&call, ERR_BUDGET);
	}
	e = directory_domain_each(call.admin->auth->directory, m->after, add_domain, &page);
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	reply.rows = page.rows;
	reply.rows_n = page.n;
	reply.next = page.next;
	ipc_adm_auth_domains_put(&call.admin->out, &reply);
	svc_auth_call_send(&call);
	return ERR_OK;
}

SVC_AUTH_HANDLER(domain_set)
{
	static const str words[] = { S_INIT(""), S_INIT("mark"), S_INIT("reject") };
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "domain-set");
	size_t which = 0;
	str domain;

	while (which < LEN(words) && !str_eq(m->value, words[which])) {
		which++;
	}
	if (!str_eq(m->name, S("dmarc")) || which == LEN(words)) {
		return svc_auth_call_done(&call, ERR_SYNTAX,
		    "a domain has the setting dmarc: mark, reject or default");
	}
	if (!svc_auth_call_domain(&call, m->domain, &domain)) {
		return ERR_OK;
	}
	enum err e = directory_domain_dmarc(call.admin->auth->directory, domain,
	    (enum directory_dmarc)which);
	if (e == ERR_NOTFOUND) {
		return svc_auth_call_done(&call, e,
		    "%.*s is no domain of this server; see postern domain list", STR_ARG(domain));
	}
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	return svc_auth_call_done(&call, ERR_OK,
	    "letters to %.*s that fail DMARC, whose policy asks for their refusal: %.*s",
	    STR_ARG(domain),
	    STR_ARG(which == 0 ? S("as the setting dmarc honour-reject says") : words[which]));
}

SVC_AUTH_HANDLER(catchall_set)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "catchall-set");
	struct directory_account account = { .id = 0 };
	str domain;
	enum err e;

	if (!svc_auth_call_domain(&call, m->domain, &domain) ||
	    (m->address.n > 0 && !svc_auth_call_account(&call, m->address, &account))) {
		return ERR_OK;
	}
	e = directory_catchall(call.admin->auth->directory, domain, account.id);
	if (e == ERR_NOTFOUND) {
		return svc_auth_call_done(&call, e,
		    "%.*s is no domain of this server; see postern domain list", STR_ARG(domain));
	}
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	if (account.id == 0) {
		return svc_auth_call_done(&call, e, "unknown addresses of %.*s are refused",
		    STR_ARG(domain));
	}
	return svc_auth_call_done(&call, e, "%.*s gets mail to unknown addresses of %.*s",
	    STR_ARG(account.address), STR_ARG(domain));
}

/* ---- aliases -------------------------------------------------------------------------------- */

/* An account here, or an address elsewhere. */
struct target {
	struct directory_account account; /* id 0: elsewhere */
	str elsewhere;
};

/* False: replied already. */
static bool
read_target(struct svc_auth_call *call, str given, struct target *ret)
{
	struct svc_auth *a = call->admin->auth;
	str address, local, domain;

	*ret = (struct target){ .elsewhere = STR_NONE };
	if (!svc_auth_call_address(call, given, &address)) {
		return false;
	}
	mail_address_split(address, &local, &domain);
	enum err e = directory_domain_find(a->directory, domain);
	if (e == ERR_OK) {
		return svc_auth_call_account(call, given, &ret->account);
	}
	if (e == ERR_NOTFOUND) {
		e = svc_auth_forward_target(call->admin->scratch, given, &ret->elsewhere);
	}
	if (e == ERR_CHARSET || e == ERR_SYNTAX) {
		(void)!svc_auth_call_done(call, ERR_SYNTAX,
		    "%.*s is no address that mail can be forwarded to: the part before the @ must "
		    "be ASCII, behind it a domain name",
		    STR_ARG(given));
	} else if (e != ERR_OK) {
		(void)!svc_auth_call_failed(call, e);
	}
	return e == ERR_OK;
}

static enum err
refuse_target(struct svc_auth_call *call, const struct directory_alias_new *want,
    const struct target *t, enum err e)
{
	struct svc_auth *a = call->admin->auth;
	str name = t->account.id != 0 ? t->account.address : t->elsewhere;

	if (e == ERR_TOOMANY) {
		return svc_auth_call_done(call, e, "%.*s would lead to more than %d addresses",
		    STR_ARG(want->alias), DIRECTORY_ALIAS_MAX);
	}
	if (e == ERR_EXISTS &&
	    (t->account.id == 0 ||
		directory_owns(a->directory, t->account.id, want->alias) == ERR_OK)) {
		return svc_auth_call_done(call, e, "%.*s is an account, or leads to %.*s already",
		    STR_ARG(want->alias), STR_ARG(name));
	}
	svc_auth_explain_address(a, &call->admin->text, want->alias, e);
	return svc_auth_call_done(call, e, "%.*s", STR_ARG(buf_view(&call->admin->text)));
}

/* Add all targets or none. False: replied already. */
static bool
add_targets(struct svc_auth_call *call, const struct ipc_adm_auth_alias_add *m, str alias,
    size_t *ret_elsewhere)
{
	struct svc_auth *a = call->admin->auth;
	struct directory_alias_new want = { .alias = alias, .force = m->force, .now_s = a->now_s };

	*ret_elsewhere = 0;
	for (size_t i = 0; i < m->targets_n; i++) {
		struct target t;

		if (!read_target(call, m->targets[i].name, &t)) {
			return false;
		}
		want.account = t.account.id;
		want.elsewhere = t.elsewhere;
		*ret_elsewhere += t.account.id == 0;
		enum err e = directory_alias_add(a->directory, &want);
		if (e != ERR_OK) {
			(void)!refuse_target(call, &want, &t, e);
			return false;
		}
	}
	return true;
}

SVC_AUTH_HANDLER(alias_add)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "alias-add");
	struct directory *d = call.admin->auth->directory;
	size_t elsewhere;
	str alias;
	enum err e;

	if (!svc_auth_call_address(&call, m->alias, &alias)) {
		return ERR_OK;
	}
	if (m->targets_n == 0) {
		return svc_auth_call_done(&call, ERR_SYNTAX, "say to whom %.*s shall lead",
		    STR_ARG(alias));
	}
	e = directory_begin(d);
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	if (!add_targets(&call, m, alias, &elsewhere)) {
		directory_cancel(d);
		return ERR_OK;
	}
	e = directory_commit(d);
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	return svc_auth_call_done(&call, ERR_OK,
	    elsewhere > 0 ? "%.*s leads to %zu more address%s; its mail leaves this server"
			  : "%.*s leads to %zu more account%s",
	    STR_ARG(alias), m->targets_n,
	    m->targets_n == 1   ? ""
		: elsewhere > 0 ? "es"
				: "s");
}

SVC_AUTH_HANDLER(alias_remove)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "alias-remove");
	struct directory *d = call.admin->auth->directory;
	struct target t = { .elsewhere = STR_NONE };
	str alias;
	enum err e;

	if (!svc_auth_call_address(&call, m->alias, &alias)) {
		return ERR_OK;
	}
	/* as it is in the table: its domain may have become ours since */
	if (m->target.n > 0 &&
	    svc_auth_forward_target(call.admin->scratch, m->target, &t.elsewhere) == ERR_OK) {
		e = directory_alias_remove(d, alias, 0, t.elsewhere);
		if (e != ERR_NOTFOUND) {
			return e == ERR_OK ? svc_auth_call_done(&call, e, "removed")
					   : svc_auth_call_failed(&call, e);
		}
	}
	if (m->target.n > 0 && !read_target(&call, m->target, &t)) {
		return ERR_OK;
	}
	e = directory_alias_remove(d, alias, t.account.id, t.elsewhere);
	if (e == ERR_NOTFOUND) {
		return svc_auth_call_done(&call, e,
		    "there is no such alias %.*s; see postern alias list", STR_ARG(alias));
	}
	return e == ERR_OK ? svc_auth_call_done(&call, e, "removed")
			   : svc_auth_call_failed(&call, e);
}

static enum err
add_alias(void *ctx, const struct directory_alias *row)
{
	struct page *page = ctx;
	struct ipc_adm_auth_alias_row *to = (struct ipc_adm_auth_alias_row *)page->rows + page->n;

	if (page->n == page->max) {
		const struct ipc_adm_auth_alias_row *last = to - 1;

		page->next = arena_printf(page->a, "%.*s\t%.*s", STR_ARG(last->alias),
		    STR_ARG(last->target));
		return ERR_TOOMANY; /* the rest belongs to the next page */
	}
	TRY(keep(page, row->alias, &to->alias));
	TRY(keep(page, row->target, &to->target));
	page->n++;
	return ERR_OK;
}

SVC_AUTH_HANDLER(alias_list)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "alias-list");
	struct page page = { .a = call.admin->scratch, .max = ALIAS_PAGE };
	struct ipc_adm_auth_aliases reply = { .request = m->request };
	struct directory_alias_from from = { .domain = STR_NONE };
	enum err e;

	if (m->domain.n > 0 && !svc_auth_call_domain(&call, m->domain, &from.domain)) {
		return ERR_OK;
	}
	(void)str_cut(m->after, '\t', &from.alias, &from.target);
	page.rows = arena_array(page.a, page.max, sizeof(struct ipc_adm_auth_alias_row));
	if (page.rows == NULL) {
		return svc_auth_call_failed(&call, ERR_BUDGET);
	}
	e = directory_alias_each(call.admin->auth->directory, &from, add_alias, &page);
	if (e != ERR_OK && e != ERR_TOOMANY) {
		return svc_auth_call_failed(&call, e);
	}
	reply.rows = page.rows;
	reply.rows_n = page.n;
	reply.next = page.next;
	ipc_adm_auth_aliases_put(&call.admin->out, &reply);
	svc_auth_call_send(&call);
	return ERR_OK;
}

/* ---- keys of rewritten reverse-paths -------------------------------------------------------- */

SVC_AUTH_HANDLER(srs_list)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "srs-list");
	const struct svc_auth *a = call.admin->auth;
	struct ipc_adm_auth_srs_key rows[DIRECTORY_RING_MAX];
	struct ipc_adm_auth_srs_keys reply = { .request = m->request, .rows = rows };

	for (size_t i = 0; i < a->srs.n; i++) {
		if (i == 0 || a->srs.until_s[i] > a->now_s) {
			rows[reply.rows_n].made_s = a->srs.made_s[i];
			rows[reply.rows_n++].until_s = a->srs.until_s[i];
		}
	}
	ipc_adm_auth_srs_keys_put(&call.admin->out, &reply);
	svc_auth_call_send(&call);
	return ERR_OK;
}

SVC_AUTH_HANDLER(srs_rotate)
{
	struct svc_auth_call call = svc_auth_call(ctx, m->request, "srs-rotate");
	struct svc_auth *a = call.admin->auth;
	char when[SYS_CLOCK_TEXT_MAX];
	struct buf date;
	enum err e = svc_auth_forward_turn(a, m->forget);

	buf_init_fixed(&date, when, sizeof(when));
	if (e == ERR_BUSY) {
		sys_clock_text(&date, a->srs.until_s[a->srs.n - 1] * 1000);
		return svc_auth_call_done(&call, e,
		    "%zu keys are still believed, the oldest until %.10s; wait, or give"
		    " --for-good, and bounces to what they wrote are refused",
		    a->srs.n, when);
	}
	if (e != ERR_OK) {
		return svc_auth_call_failed(&call, e);
	}
	if (a->srs.n == 1) {
		return svc_auth_call_done(&call, e,
		    "a new key is used; bounces to what was forwarded before are refused");
	}
	sys_clock_text(&date, a->srs.until_s[1] * 1000);
	return svc_auth_call_done(&call, e,
	    "a new key is used; the one before is believed until %.10s", when);
}
