/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern dns check: the plan against DNS, by the first path, the second one where there is one,
 * and the server of --server. A record is shown as the first path sees it, and again for every path
 * that sees it otherwise.
 */
#include "ctl/client.h"
#include "ctl/dns/judge.h"

enum { NOTE_MAX = 1024, SEEN_MAX = 4096 };

struct checking {
	struct ctl *c;
	struct ctl_dns_plan *p;
	bool asked[CTL_DNS_PATHS];
	struct ctl_dns_question q[CTL_DNS_PATHS][CTL_DNS_WANTS_MAX];
	bool seen[CTL_DNS_WANTS_MAX]; /* a DKIM record that is right, by the first path */
	uint64_t findings;
};

static const char *const path_names[CTL_DNS_PATHS] = {
	[CTL_DNS_FIRST] = "first", [CTL_DNS_SECOND] = "second", [CTL_DNS_SERVER] = "server"
};

/* Names that lead somewhere are asked for their address: that follows every alias. */
static uint16_t
type_to_ask(const struct ctl_dns_want *w)
{
	return w->kind == CTL_DNS_POINTER ? (uint16_t)DNS_A : w->type;
}

static enum ctl_exit
ask(struct checking *k, enum ctl_dns_path path, size_t from)
{
	struct ctl_dns_question *q = k->q[path];
	for (size_t i = from; i < k->p->n; i++) {
		q[i].name = k->p->v[i].name;
		q[i].type = type_to_ask(&k->p->v[i]);
	}
	return ctl_dns_ask(k->c, path, q + from, k->p->n - from);
}

/* --- the names of our addresses ------------------------------------------------------------- */

static void
want_reverse(struct ctl_dns_plan *p, const uint8_t ip[16])
{
	struct buf name, rdata;
	buf_init(&name, DNS_NAME_MAX);
	buf_init(&rdata, DNS_WIRE_MAX);
	dns_reverse_put(&name, ip);
	if (dns_name_put(&rdata, p->host) == ERR_OK) {
		str at = arena_dup(p->c->arena, buf_view(&name));
		ctl_dns_plan_add(p,
		    &(struct ctl_dns_want){ CTL_DNS_REVERSE, CTL_DNS_NEEDED, at, DNS_PTR,
			buf_view(&rdata), "the name of the address is ours (RFC 1912 2.1)" });
	}
	buf_done(&name);
	buf_done(&rdata);
}

/* For each address that the first path sees; loopback in tests as well. */
static void
want_reverses(struct checking *k)
{
	size_t n = k->p->n;
	for (size_t i = 0; i < n; i++) {
		const struct ctl_dns_answer *a = &k->q[CTL_DNS_FIRST][i].answer;
		bool v4 = k->p->v[i].type == DNS_A;
		for (size_t r = 0; k->p->v[i].kind == CTL_DNS_ADDRESS && r < a->n; r++) {
			uint8_t ip[16];
			if ((v4 ? dns_a : dns_aaaa)(a->rdata[r], ip) == ERR_OK) {
				want_reverse(k->p, ip);
			}
		}
	}
}

static enum ctl_exit
ask_all(struct checking *k)
{
	bool server = ctl_given(&k->c->args, CTL_OPT_SERVER);
	enum ctl_exit x = ctl_client_open(k->c, "resolve");
	k->asked[CTL_DNS_FIRST] = true;
	k->asked[CTL_DNS_SECOND] = k->c->conf.resolve_second.n > 0;
	k->asked[CTL_DNS_SERVER] = server;
	size_t planned = k->p->n;
	if (x == CTL_OK) {
		x = ask(k, CTL_DNS_FIRST, 0);
	}
	if (x == CTL_OK) {
		want_reverses(k);
		x = ask(k, CTL_DNS_FIRST, planned);
	}
	for (int path = CTL_DNS_SECOND; path < CTL_DNS_PATHS && x == CTL_OK; path++) {
		x = k->asked[path] ? ask(k, (enum ctl_dns_path)path, 0) : CTL_OK;
	}
	return x;
}

/* --- showing -------------------------------------------------------------------------------- */

/* What is there, in one line. */
static void
put_seen(struct buf *out, uint16_t type, const struct ctl_dns_answer *a)
{
	for (size_t i = 0; i < a->n; i++) {
		buf_cstr(out, i > 0 ? " | " : "");
		if (dns_text_put(out, type, a->rdata[i]) != ERR_OK) {
			return;
		}
	}
}

/* What to do: the record to publish, or why the one that is there does not do. */
static void
put_fix(struct checking *k, const struct ctl_dns_want *w, enum ctl_dns_status s, str note,
    struct buf *out)
{
	buf_str(out, note);
	if (s == CTL_DNS_GOOD || s == CTL_DNS_OTHER || s == CTL_DNS_UNANSWERED ||
	    s == CTL_DNS_BOGUS_ZONE) {
		return;
	}
	buf_cstr(out, note.n > 0 ? "; " : "");
	bool may = w->level == CTL_DNS_OPTIONAL && s == CTL_DNS_MISSING;
	buf_cstr(out, may ? "you may publish " : "publish ");
	if (w->rdata.n == 0) {
		buf_printf(out, "the address of %.*s", STR_ARG(w->name));
		return;
	}
	buf_str(out, ctl_dns_want_text(k->c, w));
}

static void
show_row(struct checking *k, size_t i, enum ctl_dns_path path, enum ctl_dns_status s, str note)
{
	const struct ctl_dns_want *w = &k->p->v[i];
	const struct ctl_dns_answer *a = &k->q[path][i].answer;
	struct ctl_out *o = &k->c->out;
	struct buf type, seen, fix;
	buf_init(&type, DNS_TYPE_TEXT_MAX);
	buf_init(&seen, SEEN_MAX);
	buf_init(&fix, SEEN_MAX);
	dns_type_put(&type, w->type);
	put_seen(&seen, type_to_ask(w), a);
	put_fix(k, w, s, note, &fix);
	bool finding = ctl_dns_is_finding(w, s, a->trust);
	ctl_out_item(o);
	ctl_out_str(o, "status", str_from(ctl_dns_status_text(s)));
	ctl_out_str(o, "path", str_from(path_names[path]));
	ctl_out_str(o, "type", buf_view(&type));
	ctl_out_str(o, "name", w->name);
	ctl_out_str(o, "fix", buf_view(&fix));
	ctl_out_bool(o, "finding", finding);
	ctl_out_str(o, "trust", str_from(ctl_dns_trust_text(a->trust)));
	ctl_out_str(o, "seen", buf_view(&seen));
	ctl_out_item_end(o);
	k->findings += finding;
	buf_done(&type);
	buf_done(&seen);
	buf_done(&fix);
}

static void
show_record(struct checking *k, size_t i)
{
	char room[NOTE_MAX];
	struct buf note;
	enum ctl_dns_status first = CTL_DNS_GOOD;
	for (int path = 0; path < CTL_DNS_PATHS; path++) {
		/* A server of ours knows the zone, not whose the addresses are. */
		bool ours = path == CTL_DNS_SERVER && k->p->v[i].kind == CTL_DNS_REVERSE;
		if (!k->asked[path] || ours) {
			continue;
		}
		buf_init_fixed(&note, room, sizeof room);
		enum ctl_dns_status s = ctl_dns_judge(&k->p->v[i], &k->q[path][i].answer, &note);
		if (path == CTL_DNS_FIRST || s != first) {
			show_row(k, i, (enum ctl_dns_path)path, s, buf_view(&note));
		}
		if (path == CTL_DNS_FIRST) {
			first = s;
			k->seen[i] = s == CTL_DNS_GOOD && k->p->v[i].kind == CTL_DNS_DKIM;
		}
	}
}

static enum ctl_exit
tell_keys(struct checking *k)
{
	enum ctl_exit x = CTL_OK;
	bool open = false;
	for (size_t i = 0; i < k->p->n && x == CTL_OK; i++) {
		if (!k->seen[i]) {
			continue;
		}
		x = open ? CTL_OK : ctl_client_open(k->c, "keys");
		open = true;
		if (x == CTL_OK) {
			x = ctl_dns_tell_seen(k->c, k->p->v[i].name,
			    k->q[CTL_DNS_FIRST][i].answer.ttl_s);
		}
	}
	return x;
}

/* What no record can show. */
static void
show_rest(struct checking *k)
{
	struct ctl_out *o = &k->c->out;
	if (k->p->no_keys) {
		k->findings++;
		ctl_out_str(o, "dkim",
		    S("there is no key: mail leaves without a signature; see "
		      "`postern help dkim create`"));
	}
	ctl_out_u64(o, "findings", k->findings);
	if (k->p->unknown != NULL) {
		ctl_out_str(o, "left_out", str_from(k->p->unknown));
	}
}

static enum ctl_exit
show(struct checking *k)
{
	static const struct ctl_column columns[] = { { "status", "STATUS", 10, false },
		{ "path", "PATH", 6, false }, { "type", "TYPE", 5, false },
		{ "name", "NAME", 36, false }, { "fix", "WHAT TO DO", 0, false } };
	struct ctl *c = k->c;
	ctl_out_list(&c->out, "records", columns, LEN(columns));
	for (size_t i = 0; i < k->p->n; i++) {
		show_record(k, i);
	}
	ctl_out_list_end(&c->out);
	ctl_out_line(&c->out, "%s", "");
	show_rest(k);
	enum ctl_exit x = tell_keys(k);
	if (x != CTL_OK) {
		return x;
	}
	return k->findings > 0 || k->p->unknown != NULL ? CTL_FINDINGS : CTL_OK;
}

enum ctl_exit
ctl_cmd_dns_check(struct ctl *c)
{
	struct checking *k = ARENA_NEW(c->arena, struct checking);
	struct ctl_dns_plan *p = ARENA_NEW(c->arena, struct ctl_dns_plan);
	if (k == NULL || p == NULL) {
		return ctl_fail(c, CTL_FAILED, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	}
	k->c = c;
	k->p = p;
	enum ctl_exit x = ctl_dns_plan_make(c, p);
	if (x == CTL_OK) {
		ctl_out_str(&c->out, "domain", p->domain);
		x = ask_all(k);
	}
	return x == CTL_OK ? show(k) : x;
}
