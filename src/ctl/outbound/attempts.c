/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern attempts: what became of connections to other servers, by domain or operator; replies
 * that no rule knew; sums per day.
 */
#include "ctl/outbound/watch.h"
#include "sys/clock.h"

enum { SHOWN_MAX = 100, DAYS_DEFAULT = 30 };

enum ctl_exit
ctl_cmd_attempts(struct ctl *c)
{
	struct ctl_watch w = { .c = c, .show = ctl_watch_put };
	struct ipc_adm_watch_find q = { .request = 1, .by = REACH_ALL };

	if (c->args.pos_n > 0) {
		q.by = REACH_BY_DOMAIN;
		q.text = ctl_arg(c, 0);
	}
	if (ctl_given(&c->args, CTL_OPT_OPERATOR)) {
		q.by = REACH_BY_MX_OPERATOR;
		q.text = c->args.value[CTL_OPT_OPERATOR];
	}
	ctl_watch_list(c);
	enum ctl_exit x = ctl_watch_find(&w, &q, SHOWN_MAX);
	if (x != CTL_OK) {
		return x;
	}
	ctl_out_list_end(&c->out);
	if (w.shown == 0) {
		ctl_out_line(&c->out, "no attempts are remembered");
	}
	if (w.any) {
		ctl_watch_explain(c, w.newest);
	}
	return CTL_OK;
}

/* ---- unknown replies ------------------------------------------------------------------------ */

static enum err
on_templates(void *ctx, const struct ipc_adm_watch_templates *m, int *fd)
{
	struct ctl_watch *w = ctx;
	struct ctl_out *o = &w->c->out;

	w->result = m->result;
	for (size_t i = 0; i < m->templates_n; i++) {
		const struct ipc_adm_watch_template *t = &m->templates[i];
		ctl_out_item(o);
		ctl_out_u64(o, "count", t->count);
		ctl_out_time(o, "last", t->last_s);
		ctl_out_str(o, "operator", t->operator);
		ctl_out_str(o, "phase",
		    t->phase < REACH_PHASE_COUNT ? reach_phase_name((enum reach_phase)t->phase)
						 : S("-"));
		ctl_out_str(o, "reply", t->text);
		ctl_out_u64(o, "code", t->code);
		ctl_out_time(o, "first", t->first_s);
		ctl_out_item_end(o);
	}
	w->shown = m->templates_n;
	return ERR_OK;
}

enum ctl_exit
ctl_cmd_attempts_unknown(struct ctl *c)
{
	static const struct ctl_column columns[] = {
		{ "count", "SEEN", 6, true },
		{ "last", "LAST", 20, false },
		{ "operator", "OPERATOR", 20, false },
		{ "phase", "PHASE", 8, false },
		{ "reply", "REPLY", 0, false },
	};
	static const struct ipc_adm_watch_at_admin handlers = { .templates = on_templates };
	struct ctl_watch w = { .c = c };
	struct ipc_adm_watch_unknown m = { .request = 1 };

	ctl_out_list(&c->out, "replies", columns, LEN(columns));
	ipc_adm_watch_unknown_put(&c->msg, &m);
	enum ctl_exit x = ctl_watch_ask(&w, &handlers);
	if (x != CTL_OK) {
		return x;
	}
	ctl_out_list_end(&c->out);
	if (w.shown == 0) {
		ctl_out_line(&c->out, "every reply so far was known to a rule");
	}
	return CTL_OK;
}

/* ---- sums ----------------------------------------------------------------------------------- */

static enum err
on_totals(void *ctx, const struct ipc_adm_watch_totals *m, int *fd)
{
	struct ctl_watch *w = ctx;
	struct ctl_out *o = &w->c->out;

	w->result = m->result;
	for (size_t i = 0; i < m->totals_n; i++) {
		const struct ipc_adm_watch_total *t = &m->totals[i];
		enum reach_class class = REACH_NONE;
		bool failed = reach_class_find(t->class, &class);
		ctl_out_item(o);
		ctl_out_time(o, "day", t->day_s);
		ctl_out_str(o, "operator", t->operator);
		ctl_out_u64(o, "attempts", t->attempts);
		ctl_out_u64(o, "recipients", t->rcpts);
		ctl_out_str(o, "class", failed ? t->class : S("-"));
		ctl_out_str(o, "what", failed ? reach_class_row(class)->what : S("delivered"));
		ctl_out_item_end(o);
	}
	return ERR_OK;
}

enum ctl_exit
ctl_cmd_attempts_sum(struct ctl *c)
{
	static const struct ctl_column columns[] = {
		{ "day", "DAY", 20, false },
		{ "operator", "OPERATOR", 24, false },
		{ "attempts", "ATTEMPTS", 8, true },
		{ "recipients", "RECIPIENTS", 10, true },
		{ "class", "CLASS", 5, false },
		{ "what", "WHAT", 0, false },
	};
	static const struct ipc_adm_watch_at_admin handlers = { .totals = on_totals };
	struct ctl_watch w = { .c = c };
	struct ipc_adm_watch_sum m = { .request = 1,
		.operator= ctl_given(&c->args, CTL_OPT_OPERATOR) ? c->args.value[CTL_OPT_OPERATOR]
								 : S(""),
		.since_s = sys_clock_wall_s() - DAYS_DEFAULT * 86400 };

	ctl_out_list(&c->out, "sums", columns, LEN(columns));
	ipc_adm_watch_sum_put(&c->msg, &m);
	enum ctl_exit x = ctl_watch_ask(&w, &handlers);
	if (x == CTL_OK) {
		ctl_out_list_end(&c->out);
	}
	return x;
}

/* ---- reports -------------------------------------------------------------------------------- */

static enum err
on_reported(void *ctx, const struct ipc_adm_watch_reported *m, int *fd)
{
	struct ctl_watch *w = ctx;

	w->shown = m->domains;
	return ERR_OK;
}

enum ctl_exit
ctl_cmd_tls_report(struct ctl *c)
{
	static const struct ipc_adm_watch_at_admin handlers = { .reported = on_reported };
	struct ctl_watch w = { .c = c };
	struct ipc_adm_watch_report m = { .request = 1 };

	ipc_adm_watch_report_put(&c->msg, &m);
	enum ctl_exit x = ctl_watch_ask(&w, &handlers);
	if (x == CTL_OK) {
		ctl_out_u64(&c->out, "domains", w.shown);
	}
	return x;
}
