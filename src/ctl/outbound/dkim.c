/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern dkim: edge adm_keys. What is to be published is shown as lines of a zone file.
 */
#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ipc/adm_keys.h"

enum { NEXT = 1, ACTIVE, RETIRING, REVOKED, STATES }; /* key.state of adm_keys.def */
enum { RSA, ED25519, ALGORITHMS };                    /* key.algorithm */
enum { STRING_MAX = 255 };                            /* octets of a string of a TXT record */

struct asking {
	struct ctl *c;
	void (*show)(struct asking *a, const struct ipc_adm_keys_key *key);
	unsigned states; /* bits of those to be shown */
	bool more, ended;
	uint64_t after, shown, count;
	unsigned active, next; /* bits of algorithms that the domain has in these states */
	enum err result;
};

static const char *const state_names[STATES] = { "unknown", "next", "active", "retiring",
	"revoked" };
static const char *const algorithm_names[ALGORITHMS] = { "rsa-sha256", "ed25519-sha256" };

static str
state_of(const struct ipc_adm_keys_key *key)
{
	return str_from(state_names[key->state < STATES ? key->state : 0]);
}

static str
algorithm_of(const struct ipc_adm_keys_key *key)
{
	return key->algorithm < ALGORITHMS ? str_from(algorithm_names[key->algorithm])
					   : S("unknown");
}

/* --- asking -------------------------------------------------------------------------------- */

static enum err
on_page(void *ctx, const struct ipc_adm_keys_page *m, int *fd)
{
	struct asking *a = ctx;
	a->ended = true;
	a->more = m->more && m->keys_n > 0;
	for (size_t i = 0; i < m->keys_n; i++) {
		const struct ipc_adm_keys_key *key = &m->keys[i];
		a->after = key->serial;
		a->active |= key->state == ACTIVE ? 1u << (key->algorithm & 7) : 0;
		a->next |= key->state == NEXT ? 1u << (key->algorithm & 7) : 0;
		if (a->show != NULL && (a->states & 1u << (key->state & 7)) != 0) {
			a->shown++;
			a->show(a, key);
		}
	}
	return ERR_OK;
}

static enum err
on_done(void *ctx, const struct ipc_adm_keys_done *m, int *fd)
{
	struct asking *a = ctx;
	a->ended = true;
	a->result = m->result;
	a->count = m->count;
	return ERR_OK;
}

static enum err
take(struct ctl *c, void *ctx, str datagram, int *fd)
{
	static const struct ipc_adm_keys_at_admin handlers = { .page = on_page, .done = on_done };
	return ipc_adm_keys_admin_dispatch(&handlers, ctx, datagram, fd, c->scratch);
}

static enum ctl_exit
ask(struct asking *a)
{
	a->ended = false;
	return ctl_client_ask(a->c, take, a, &a->ended, CTL_WAIT_MS);
}

static enum ctl_exit
each_key(struct asking *a, str domain)
{
	enum ctl_exit x;
	a->after = 0;
	do {
		struct ipc_adm_keys_list m = { .request = 1, .domain = domain, .after = a->after };
		ipc_adm_keys_list_put(&a->c->msg, &m);
		x = ask(a);
	} while (x == CTL_OK && a->more);
	return x;
}

/* What the process says to a change, in words. */
static enum ctl_exit
outcome(struct asking *a, str domain, const char *what)
{
	switch (a->result) {
	case ERR_OK: return CTL_OK;
	case ERR_NOTFOUND:
		return ctl_fail(a->c, CTL_FAILED, a->result,
		    "there is no such key; `postern dkim list %.*s` shows what there is",
		    STR_ARG(domain));
	case ERR_EXISTS:
		return ctl_fail(a->c, CTL_FAILED, a->result,
		    "%.*s has a next key already: publish it (`postern dkim records %.*s`), then "
		    "`postern dkim activate %.*s`",
		    STR_ARG(domain), STR_ARG(domain), STR_ARG(domain));
	case ERR_BADSTATE:
		return ctl_fail(a->c, CTL_FAILED, a->result,
		    "the key is revoked: its private half is gone");
	case ERR_SYNTAX:
	case ERR_CHARSET:
		return ctl_fail(a->c, CTL_USAGE, a->result, "'%.*s' is no domain", STR_ARG(domain));
	default:
		return ctl_fail(a->c, CTL_FAILED, a->result, "%s: %s; see the log", what,
		    err_text(a->result));
	}
}

/* --- showing ------------------------------------------------------------------------------- */

/* "v=DKIM1; ..." as strings of at most 255 octets (RFC 1035 3.3; RFC 6376 3.6.2.2). */
static str
zone_strings(struct ctl *c, str record)
{
	str out = S("");
	for (size_t at = 0; at < record.n; at += STRING_MAX) {
		out = arena_printf(c->scratch, "%.*s%s\"%.*s\"", STR_ARG(out), at == 0 ? "" : " ",
		    STR_ARG(str_sub(record, at, STRING_MAX)));
	}
	return out;
}

static void
show_record(struct asking *a, const struct ipc_adm_keys_key *key)
{
	struct ctl_out *o = &a->c->out;
	str name = arena_printf(a->c->scratch, "%.*s._domainkey.%.*s", STR_ARG(key->selector),
	    STR_ARG(key->domain));
	if (!o->json) {
		str strings = zone_strings(a->c, key->record);
		ctl_out_line(o, "; %.*s, %.*s", STR_ARG(algorithm_of(key)), STR_ARG(state_of(key)));
		ctl_out_line(o, "%.*s. IN TXT ( %.*s )", STR_ARG(name), STR_ARG(strings));
		return;
	}
	ctl_out_item(o);
	ctl_out_str(o, "name", name);
	ctl_out_str(o, "type", S("TXT"));
	ctl_out_str(o, "value", key->record);
	ctl_out_str(o, "state", state_of(key));
	ctl_out_item_end(o);
}

static enum ctl_exit
show_records(struct ctl *c, str domain, unsigned states)
{
	static const struct ctl_column columns[] = { { "name", "NAME", 0, false } };
	struct asking a = { .c = c, .show = show_record, .states = states };
	if (c->out.json) {
		ctl_out_list(&c->out, "records", columns, LEN(columns));
	}
	enum ctl_exit x = each_key(&a, domain);
	if (x == CTL_OK && c->out.json) {
		ctl_out_list_end(&c->out);
	}
	if (x == CTL_OK && a.shown == 0) {
		ctl_out_line(&c->out, "; no keys of %.*s", STR_ARG(domain));
	}
	return x;
}

static void
show_key(struct asking *a, const struct ipc_adm_keys_key *key)
{
	struct ctl_out *o = &a->c->out;
	ctl_out_item(o);
	ctl_out_str(o, "domain", key->domain);
	ctl_out_str(o, "selector", key->selector);
	ctl_out_str(o, "algorithm", algorithm_of(key));
	ctl_out_str(o, "state", state_of(key));
	ctl_out_time(o, "since", key->changed_s);
	ctl_out_time(o, "until", key->due_s);
	ctl_out_time(o, "seen", key->seen_s);
	ctl_out_u64(o, "signatures", key->signatures);
	ctl_out_item_end(o);
}

enum ctl_exit
ctl_cmd_dkim_list(struct ctl *c)
{
	static const struct ctl_column columns[] = {
		{ "domain", "DOMAIN", 28, false },
		{ "selector", "SELECTOR", 12, false },
		{ "algorithm", "ALGORITHM", 14, false },
		{ "state", "STATE", 8, false },
		{ "since", "SINCE", 20, false },
		{ "until", "UNTIL", 20, false },
		{ "seen", "SEEN IN DNS", 20, false },
		{ "signatures", "SIGNATURES", 0, true },
	};
	struct asking a = { .c = c, .show = show_key, .states = UINT_MAX };
	ctl_out_list(&c->out, "keys", columns, LEN(columns));
	enum ctl_exit x = each_key(&a, ctl_arg_or_empty(c, 0));
	if (x == CTL_OK) {
		ctl_out_list_end(&c->out);
	}
	return x;
}

enum ctl_exit
ctl_cmd_dkim_records(struct ctl *c)
{
	return show_records(c, ctl_arg(c, 0), 1u << NEXT | 1u << ACTIVE | 1u << RETIRING);
}

/* --- changing ------------------------------------------------------------------------------ */

static enum ctl_exit
create(struct ctl *c, str domain, unsigned algorithms)
{
	struct asking a = { .c = c };
	struct ipc_adm_keys_create m = {
		.request = 1, .domain = domain, .algorithms = (uint8_t)algorithms
	};
	ipc_adm_keys_create_put(&c->msg, &m);
	enum ctl_exit x = ask(&a);
	if (x == CTL_OK) {
		x = outcome(&a, domain, "no key was made");
	}
	if (x != CTL_OK) {
		return x;
	}
	ctl_out_line(&c->out, "; publish this, then `postern dkim activate %.*s`", STR_ARG(domain));
	return show_records(c, domain, 1u << NEXT);
}

enum ctl_exit
ctl_cmd_dkim_create(struct ctl *c)
{
	unsigned both = ctl_given(&c->args, CTL_OPT_ED25519) ? 1u << RSA | 1u << ED25519 : 0;
	return create(c, ctl_arg(c, 0), both);
}

enum ctl_exit
ctl_cmd_dkim_rotate(struct ctl *c)
{
	struct asking a = { .c = c };
	str domain = ctl_arg(c, 0);
	enum ctl_exit x = each_key(&a, domain);
	if (x != CTL_OK) {
		return x;
	}
	if (a.active == 0) {
		return ctl_fail(c, CTL_FAILED, ERR_NOTFOUND,
		    "%.*s has no active key; `postern dkim create %.*s` makes a first one",
		    STR_ARG(domain), STR_ARG(domain));
	}
	return create(c, domain, a.active);
}

enum ctl_exit
ctl_cmd_dkim_activate(struct ctl *c)
{
	struct asking a = { .c = c };
	str domain = ctl_arg(c, 0);
	struct ipc_adm_keys_activate m = {
		.request = 1, .domain = domain, .selector = ctl_arg_or_empty(c, 1)
	};
	ipc_adm_keys_activate_put(&c->msg, &m);
	enum ctl_exit x = ask(&a);
	if (x == CTL_OK) {
		x = outcome(&a, domain, "not activated");
	}
	if (x == CTL_OK) {
		ctl_out_done(&c->out,
		    S("letters are signed with it from now on; a replaced key's record must stay "
		      "until `postern dkim list` says revoked"));
	}
	return x;
}

enum ctl_exit
ctl_cmd_dkim_revoke(struct ctl *c)
{
	struct asking a = { .c = c };
	str domain = ctl_arg(c, 0);
	struct ipc_adm_keys_revoke m = {
		.request = 1, .domain = domain, .selector = ctl_arg(c, 1)
	};
	if (!ctl_given(&c->args, CTL_OPT_FOR_GOOD)) {
		return ctl_fail(c, CTL_USAGE, ERR_DENIED,
		    "the private key is deleted and letters under way may fail their check; add "
		    "--for-good");
	}
	ipc_adm_keys_revoke_put(&c->msg, &m);
	enum ctl_exit x = ask(&a);
	if (x == CTL_OK) {
		x = outcome(&a, domain, "not revoked");
	}
	if (x == CTL_OK) {
		ctl_out_done(&c->out, S("revoked; take its record out of DNS"));
	}
	return x;
}
