/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern dns records: the plan as lines for a zone file, with what each is for as a comment.
 */
#include "ctl/dns/want.h"

static const char *const level_names[] = {
	[CTL_DNS_NEEDED] = "needed", [CTL_DNS_ADVISED] = "advised", [CTL_DNS_OPTIONAL] = "optional"
};

static void
show_json(struct ctl *c, const struct ctl_dns_want *w)
{
	struct buf type, data;
	buf_init(&type, DNS_TYPE_TEXT_MAX);
	buf_init(&data, 1 << 16);
	dns_type_put(&type, w->type);
	bool known = w->rdata.n > 0 && dns_text_put(&data, w->type, w->rdata) == ERR_OK;
	ctl_out_item(&c->out);
	ctl_out_str(&c->out, "name", w->name);
	ctl_out_str(&c->out, "type", buf_view(&type));
	if (known) {
		ctl_out_str(&c->out, "data", buf_view(&data));
	} else {
		ctl_out_none(&c->out, "data");
	}
	ctl_out_str(&c->out, "level", str_from(level_names[w->level]));
	ctl_out_str(&c->out, "why", str_from(w->why));
	ctl_out_item_end(&c->out);
	buf_done(&type);
	buf_done(&data);
}

/* A comment before each group of records that say the same. */
static void
show_zone(struct ctl *c, const struct ctl_dns_want *w, const char *said)
{
	str text = ctl_dns_want_text(c, w);
	if (said == NULL || strcmp(said, w->why) != 0) {
		ctl_out_line(&c->out, "; %s, %s", level_names[w->level], w->why);
	}
	ctl_out_line(&c->out, "%s%.*s%s", w->rdata.n > 0 ? "" : "; ", STR_ARG(text),
	    w->rdata.n > 0 ? "" : " ...");
}

static void
show_policy(struct ctl *c, const struct ctl_dns_plan *p)
{
	str rest = p->policy, line;
	if (c->out.json) {
		ctl_out_str(&c->out, "policy", p->policy);
		return;
	}
	ctl_out_line(&c->out, ";");
	ctl_out_line(&c->out,
	    "; https://mta-sts.%.*s/.well-known/mta-sts.txt, first with mode: testing:",
	    STR_ARG(p->domain));
	while (str_next(&rest, '\n', &line)) {
		if (line.n > 0) {
			ctl_out_line(&c->out, ";   %.*s", STR_ARG(line));
		}
	}
}

enum ctl_exit
ctl_cmd_dns_records(struct ctl *c)
{
	struct ctl_dns_plan *p = ARENA_NEW(c->arena, struct ctl_dns_plan);
	if (p == NULL) {
		return ctl_fail(c, CTL_FAILED, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	}
	enum ctl_exit x = ctl_dns_plan_make(c, p);
	if (x != CTL_OK) {
		return x;
	}
	if (c->out.json) {
		ctl_out_str(&c->out, "domain", p->domain);
		ctl_out_list(&c->out, "records", NULL, 0);
	}
	for (size_t i = 0; i < p->n; i++) {
		if (c->out.json) {
			show_json(c, &p->v[i]);
		} else {
			show_zone(c, &p->v[i], i > 0 ? p->v[i - 1].why : NULL);
		}
	}
	if (c->out.json) {
		ctl_out_list_end(&c->out);
	}
	show_policy(c, p);
	if (p->unknown != NULL) {
		if (c->out.json) {
			ctl_out_str(&c->out, "left_out", str_from(p->unknown));
		}
		ctl_warn(c, "left out: %s", p->unknown);
		return CTL_FINDINGS;
	}
	return CTL_OK;
}
