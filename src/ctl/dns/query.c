/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern dns query: what resolve says, in full.
 */
#include "ctl/dns/ask.h"
#include "mail/address.h"

static enum ctl_exit
read_question(struct ctl *c, struct ctl_dns_question *q)
{
	struct buf name;
	str given = ctl_arg(c, 0), type = ctl_arg(c, 1);
	if (given.n > 1 && given.p[given.n - 1] == '.') {
		given.n--;
	}
	buf_init(&name, DNS_NAME_MAX);
	/* International names in the form of DNS; what is no host name is asked as it is. */
	enum err e = mail_domain_put(&name, given);
	q->name = arena_dup(c->arena, e == ERR_OK ? buf_view(&name) : given);
	buf_done(&name);
	if (dns_type_find(type, &q->type) != ERR_OK) {
		return ctl_fail(c, CTL_USAGE, ERR_SYNTAX,
		    "'%.*s' is no type of DNS records; A, MX, TXT, TLSA, or TYPE and a number",
		    STR_ARG(type));
	}
	if (q->name.p == NULL) {
		return ctl_fail(c, CTL_FAILED, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	}
	return CTL_OK;
}

static void
show_records(struct ctl *c, const struct ctl_dns_question *q)
{
	static const struct ctl_column columns[] = { { "type", "TYPE", 6, false },
		{ "data", "DATA", 0, false } };
	struct buf type, data;
	buf_init(&type, DNS_TYPE_TEXT_MAX);
	buf_init(&data, 1 << 20);
	dns_type_put(&type, q->type);
	ctl_out_list(&c->out, "records", columns, LEN(columns));
	for (size_t i = 0; i < q->answer.n; i++) {
		buf_reset(&data);
		if (dns_text_put(&data, q->type, q->answer.rdata[i]) != ERR_OK) {
			buf_reset(&data);
			buf_cstr(&data, "(malformed)");
		}
		ctl_out_item(&c->out);
		ctl_out_str(&c->out, "type", buf_view(&type));
		ctl_out_str(&c->out, "data", buf_view(&data));
		ctl_out_item_end(&c->out);
	}
	ctl_out_list_end(&c->out);
	buf_done(&type);
	buf_done(&data);
}

static void
show(struct ctl *c, const struct ctl_dns_question *q)
{
	const struct ctl_dns_answer *a = &q->answer;
	struct ctl_out *o = &c->out;
	ctl_out_str(o, "name", q->name);
	ctl_out_str(o, "result", str_from(ctl_dns_result_text(a)));
	ctl_out_str(o, "trust", str_from(ctl_dns_trust_text(a->trust)));
	ctl_out_u64(o, "rcode", a->rcode);
	if (a->canonical.n > 0) {
		ctl_out_str(o, "canonical", a->canonical);
	}
	if (a->why.n > 0) {
		ctl_out_str(o, "why", a->why);
	}
	ctl_out_u64(o, "ttl_s", a->ttl_s);
	ctl_out_u64(o, "took_ms", a->took_ms);
	if (a->n > 0) {
		ctl_out_line(o, "%s", "");
	}
	show_records(c, q);
}

enum ctl_exit
ctl_cmd_dns_query(struct ctl *c)
{
	struct ctl_dns_question q = { 0 };
	enum ctl_dns_path path = CTL_DNS_FIRST;
	if (ctl_given(&c->args, CTL_OPT_SERVER)) {
		path = CTL_DNS_SERVER;
	} else if (ctl_given(&c->args, CTL_OPT_SECOND)) {
		path = CTL_DNS_SECOND;
	}
	enum ctl_exit x = read_question(c, &q);
	if (x == CTL_OK) {
		x = ctl_dns_ask(c, path, &q, 1);
	}
	if (x != CTL_OK) {
		return x;
	}
	show(c, &q);
	if (q.answer.result != ERR_OK && q.answer.result != ERR_NOTFOUND) {
		return ctl_fail(c, CTL_FAILED, q.answer.result, "%.*s: %s%s%.*s", STR_ARG(q.name),
		    ctl_dns_result_text(&q.answer), q.answer.why.n > 0 ? ": " : "",
		    STR_ARG(q.answer.why));
	}
	return CTL_OK;
}
