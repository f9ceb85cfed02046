/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answer to smtp. What the stages demand comes first, then the rules of DMARC, then points:
 * refused when all recipients would refuse it, Junk for those whose mark is reached.
 */
#include "conf/conf.h"
#include "mail/msgid.h"
#include "proto/dmarc/dmarc.h"
#include "svc/scan/sum.h"

enum { FROM_MAX = 400, MESSAGE_ID_MAX = 250 };

static struct ipc_common_reply
refuse(str enhanced, str text)
{
	return (struct ipc_common_reply){
		.verdict = SVC_SCAN_REPLY_REFUSE, .code = 550, .enhanced = enhanced, .text = text
	};
}

/* What the peer is to hear, by the first rule that says something. */
static struct ipc_common_reply
decide(const struct svc_scan_letter *l, const struct svc_scan_sum *sum, bool forged)
{
	const struct ipc_common_reply go = { .verdict = SVC_SCAN_REPLY_GO };
	if (l->wish >= SVC_SCAN_LATER) {
		return l->reply;
	}
	if (forged) {
		return refuse(S("5.6.0"), S("Too many fields in the name of this server"));
	}
	if (l->m.submission) {
		return go;
	}
	if (svc_scan_dmarc_failed(l) && l->auth.asks_reject && sum->honour) {
		return refuse(S("5.7.1"),
		    S("The policy (DMARC) of the domain in From asks to refuse this letter"));
	}
	if (sum->refuse) {
		return refuse(S("5.7.1"),
		    sum->kept ? S("This looks too much like junk mail")
			      : S("This looks like junk mail, which is not forwarded from here"));
	}
	return go;
}

static enum svc_scan_ending
ending(const struct svc_scan_letter *l, const struct svc_scan_sum *sum,
    const struct ipc_common_reply *r)
{
	if (l->virus) {
		return SVC_SCAN_INFECTED;
	}
	if (r->verdict == SVC_SCAN_REPLY_REFUSE) {
		return SVC_SCAN_REFUSED;
	}
	return sum->junk ? SVC_SCAN_TO_JUNK : SVC_SCAN_INBOX;
}

static void
count(struct svc_scan *s, enum svc_scan_ending end, const struct ipc_common_reply *r)
{
	s->count.viruses += end == SVC_SCAN_INFECTED;
	if (r->verdict == SVC_SCAN_REPLY_LATER) {
		s->count.later++;
	} else if (r->verdict == SVC_SCAN_REPLY_REFUSE) {
		s->count.refused++;
	} else if (end == SVC_SCAN_TO_JUNK) {
		s->count.junk++;
	} else {
		s->count.passed++;
	}
}

/* --- why ----------------------------------------------------------------------------------- */

static void
put_fact(struct buf *out, const char *what, uint8_t result)
{
	if (result != MAIL_AUTHRES_NONE) {
		buf_printf(out, "%s=%.*s ", what, STR_ARG(mail_authres_word(result)));
	}
}

/* For the log and `postern why`: facts first, then points; as much as there is room for. */
static void
put_why(struct buf *out, const struct svc_scan_letter *l, const struct svc_scan_sum *sum)
{
	static const char *const how[] = { [SVC_SCAN_ABSENT] = "absent", [SVC_SCAN_LATE] = "late" };
	const struct svc_scan_auth_facts *a = &l->auth;
	put_fact(out, "iprev", l->m.trust.iprev);
	put_fact(out, "spf", l->m.trust.spf);
	put_fact(out, "dkim", a->dkim);
	put_fact(out, "arc", a->arc);
	put_fact(out, "dmarc", a->dmarc);
	if (a->dmarc == MAIL_AUTHRES_FAIL) {
		const char *p = a->asks_reject ? "reject" : "quarantine";
		buf_printf(out, "dmarc-asks=%s ",
		    a->asks_reject || a->asks_quarantine ? p : "none");
	}
	for (size_t i = 0; i < SVC_SCAN_STAGES; i++) {
		if (l->ended[i] == SVC_SCAN_ABSENT || l->ended[i] == SVC_SCAN_LATE) {
			buf_printf(out, "%s=%s ",
			    l->scan->stages[i] == NULL ? "?" : l->scan->stages[i]->name,
			    how[l->ended[i]]);
		}
	}
	if (l->virus) {
		buf_cstr(out, "virus=found ");
	}
	if (l->auth.from_fields > 1) {
		buf_printf(out, "from-fields=%u ", l->auth.from_fields);
	}
	for (size_t i = 0; i < l->parts_n; i++) { /* the others are among the reasons */
		const struct filter_part *p = &l->parts[i];
		if (p->points == 0) {
			buf_printf(out, p->detail.n > 0 ? "%.*s(%.*s) " : "%.*s%.*s ",
			    STR_ARG(p->word), STR_ARG(p->detail));
		}
	}
	str rest = buf_view(&sum->why);
	buf_str(out, str_sub(rest, 0, out->max - out->n));
	while (out->n > 0 && out->p[out->n - 1] == ' ') {
		buf_truncate(out, out->n - 1);
	}
}

static void
put_message_id(struct buf *out, const struct svc_scan_letter *l)
{
	struct mail_field f;
	str value, id;
	if (mail_header_find(l->header, S("Message-ID"), &f)) {
		value = f.value;
		if (mail_msgid_next(&value, &id) && id.n + 2 <= MESSAGE_ID_MAX) {
			buf_printf(out, "<%.*s>", STR_ARG(id));
		}
	}
}

/* --- answering ----------------------------------------------------------------------------- */

struct texts {
	struct buf header, why, message_id;
};

static enum err
send(struct svc_scan_letter *l, const struct ipc_smtp_scan_verdict *v)
{
	struct svc_scan *s = l->scan;
	buf_reset(&s->out);
	ipc_smtp_scan_verdict_put(&s->out, v);
	return svc_common_link_send(l->smtp, &s->out, -1);
}

/* There is no verdict: smtp has a rule for that. */
static void
give_up(struct svc_scan_letter *l, enum err why)
{
	struct svc_scan *s = l->scan;
	const struct ipc_smtp_scan_verdict v = { .request = l->m.request, .result = why };
	LOG(SCAN_FAILED, F_ID("session", l->m.session), F_U64("octets", l->octets.n), F_ERR(why));
	s->count.failed++;
	s->count.lost += send(l, &v) == ERR_OK ? 0 : 1;
}

/* What the author's domain asked to be told of it. RFC 7489 7.2 */
static void
tell_watch(struct svc_scan_letter *l, const struct ipc_common_reply *reply)
{
	struct svc_scan *s = l->scan;
	struct ipc_scan_watch_judged *m = l->auth.report;
	bool refused = reply->verdict == SVC_SCAN_REPLY_REFUSE && l->auth.asks_reject;
	if (m == NULL || s->watch.chan == NULL) {
		return;
	}
	m->sealed = l->auth.dmarc == MAIL_AUTHRES_FAIL && l->auth.arc_trusted;
	m->disposition = !svc_scan_dmarc_failed(l) ? DMARC_POLICY_NONE
	    : refused                              ? DMARC_POLICY_REJECT
						   : DMARC_POLICY_QUARANTINE;
	buf_reset(&s->out);
	ipc_scan_watch_judged_put(&s->out, m);
	/* not told, the report says of one letter less */
	s->count.untold += svc_common_link_send(&s->watch, &s->out, -1) == ERR_OK ? 0 : 1;
}

static void
note(struct svc_scan_letter *l, const struct ipc_smtp_scan_verdict *v, enum svc_scan_ending end)
{
	static const char *const words[] = { "", "pass", "junk", "refuse", "virus" };
	struct svc_scan *s = l->scan;
	bool later = v->reply.verdict == SVC_SCAN_REPLY_LATER;
	count(s, end, &v->reply);
	LOG(SCAN_VERDICT, F_ID("session", l->m.session),
	    F_CSTR("end", later ? "later" : words[end]), F_I64("score", v->score),
	    F_STR("why", v->why), F_U64("octets", l->octets.n), F_U64("targets", l->m.targets_n),
	    F_U64("cuts", v->cuts_n),
	    F_U64("ms", (uint64_t)(sys_loop_now_ms(s->sc->loop) - l->began_ms)));
	if (!later) { /* else it will be looked at again */
		svc_scan_judge_ended(l, v->score, end);
		tell_watch(l, &v->reply);
	}
}

static void
answer(struct svc_scan_letter *l, struct svc_scan_sum *sum, struct texts *t)
{
	struct ipc_smtp_scan_cut cuts[SVC_SCAN_CUTS_MAX];
	size_t cuts_n = 0;
	bool forged = svc_scan_cuts(l, cuts, &cuts_n) != ERR_OK;
	svc_scan_mark(l, sum, &t->header);
	put_why(&t->why, l, sum);
	put_message_id(&t->message_id, l);
	struct ipc_smtp_scan_verdict v = { .request = l->m.request,
		.result = ERR_OK,
		.reply = decide(l, sum, forged),
		.header = buf_view(&t->header),
		.cuts = cuts,
		.cuts_n = forged ? 0 : cuts_n,
		.places = sum->places,
		.places_n = sum->places_n,
		.score = sum->score,
		.message_id = buf_view(&t->message_id),
		.from = l->auth.from.n <= FROM_MAX ? l->auth.from : S(""),
		.why = buf_view(&t->why) };
	l->scan->count.cuts += v.cuts_n;
	enum err e = send(l, &v);
	if (e == ERR_TOOBIG) { /* a bug of ours; smtp must not wait for nothing */
		give_up(l, e);
		return;
	}
	l->scan->count.lost += e == ERR_OK ? 0 : 1;
	note(l, &v, ending(l, sum, &v.reply));
}

void
svc_scan_verdict(struct svc_scan_letter *l)
{
	struct svc_scan_sum sum;
	struct texts t;
	buf_init(&t.header, SVC_SCAN_HEADER_MAX);
	buf_init(&t.why, SVC_SCAN_WHY_MAX);
	buf_init(&t.message_id, MESSAGE_ID_MAX);
	enum err e = svc_scan_sum(l, &sum);
	if (e == ERR_OK) {
		answer(l, &sum, &t);
	} else {
		give_up(l, e);
	}
	buf_done(&sum.why);
	buf_done(&t.header);
	buf_done(&t.why);
	buf_done(&t.message_id);
}
