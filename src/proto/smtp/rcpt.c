/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RCPT: who gets the message. Somebody else knows who exists; here the answer becomes a reply, and
 * guessing is made slow.
 *
 *	rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path )
 *	       [ SP Rcpt-parameters ] CRLF
 */
#include "mail/address.h"
#include "proto/smtp/param.h"
#include "proto/smtp/smtp_priv.h"

/* notify-esmtp-value = "NEVER" / 1#( "SUCCESS" / "FAILURE" / "DELAY" ) */
bool
smtp_param_notify(struct smtp *s, str value)
{
	static const struct {
		str word;
		uint8_t bit;
	} words[] = {
		{ S_INIT("NEVER"), SMTP_NOTIFY_NEVER },
		{ S_INIT("SUCCESS"), SMTP_NOTIFY_SUCCESS },
		{ S_INIT("FAILURE"), SMTP_NOTIFY_FAILURE },
		{ S_INIT("DELAY"), SMTP_NOTIFY_DELAY },
	};
	uint8_t bits = 0;
	str rest = value, word;
	while (str_next(&rest, ',', &word)) {
		uint8_t bit = 0;
		for (size_t i = 0; i < LEN(words); i++) {
			bit |= str_ieq(word, words[i].word) ? words[i].bit : 0;
		}
		if (bit == 0 || (bits & bit) != 0) {
			return false;
		}
		bits |= bit;
	}
	s->txn.pending->notify = bits;
	return (bits & SMTP_NOTIFY_NEVER) == 0 || bits == SMTP_NOTIFY_NEVER;
}

/* original-recipient-address = addr-type ";" xtext */
bool
smtp_param_orcpt(struct smtp *s, str value)
{
	str type, address;
	if (value.n > SMTP_ORCPT_MAX || !str_cut(value, ';', &type, &address) || type.n == 0 ||
	    !smtp_xtext_valid(type, SMTP_ORCPT_MAX) || address.n == 0) {
		return false;
	}
	/* utf-8-addr-unitext may come raw when SMTPUTF8 is on: RFC 6533 3 */
	if (!s->txn.smtputf8 && !smtp_xtext_valid(address, SMTP_ORCPT_MAX)) {
		return false;
	}
	s->txn.pending->orcpt = arena_dup(s->txn_arena, value);
	return s->txn.pending->orcpt.p != NULL;
}

static enum err
keep_address(struct smtp *s, const struct mail_path *path)
{
	char room[MAIL_CANONICAL_MAX];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	mail_local_put(&b, path->local);
	if (path->domain.n > 0) {
		buf_ch(&b, '@');
		buf_str(&b, path->domain);
	}
	TRY(buf_err(&b));
	s->txn.pending->address = arena_dup(s->txn_arena, buf_view(&b));
	return s->txn.pending->address.p == NULL ? ERR_BUDGET : ERR_OK;
}

static enum smtp_reply
path_reply(enum err e)
{
	return e == ERR_BUDGET ? SMTP_REPLY_BUDGET
	    : e == ERR_CHARSET ? SMTP_REPLY_UTF8_NEEDED
			       : SMTP_REPLY_RCPT_BAD;
}

static void
take(struct smtp *s, str text)
{
	struct mail_path path;
	size_t used;
	enum err e = mail_path_parse(s->txn_arena, text, MAIL_PATH_UTF8 | MAIL_PATH_POSTMASTER,
	    &path, &used);
	if (e == ERR_OK) {
		e = keep_address(s, &path);
	}
	text = str_from_off(text, e == ERR_OK ? used : 0);
	if (e != ERR_OK || (text.n > 0 && text.p[0] != ' ')) {
		smtp_reply(s, path_reply(e), S(""));
	} else if (!smtp_params(s, SMTP_CMD_RCPT, text)) {
		return;
	} else if (path.utf8 && !s->txn.smtputf8) {
		smtp_reply(s, SMTP_REPLY_UTF8_NEEDED, S(""));
	} else {
		s->wait = SMTP_WAIT_RCPT;
		smtp_act(s,
		    (struct smtp_action){ .kind = SMTP_ASK_RCPT, .text = s->txn.pending->address });
	}
}

void
smtp_do_rcpt(struct smtp *s, str arg)
{
	if (!str_istarts(arg, S("TO:"))) {
		smtp_reply_syntax(s, SMTP_CMD_RCPT);
		return;
	}
	if (s->txn.rcpts_n >= s->conf->max_rcpts) {
		smtp_reply(s, SMTP_REPLY_RCPTS, S(""));
		return;
	}
	s->txn.pending = ARENA_NEW(s->txn_arena, struct smtp_rcpt);
	if (s->txn.pending == NULL) {
		smtp_reply(s, SMTP_REPLY_BUDGET, S(""));
		return;
	}
	s->txn.pending->orcpt = S("");
	take(s, str_trim(str_from_off(arg, 3)));
}

/* One account gets one copy, however many recipients lead to it by the same address. */
static bool
has_target(const struct smtp *s, const struct smtp_target *t)
{
	for (const struct smtp_rcpt *r = s->txn.rcpts; r != NULL; r = r->next) {
		for (size_t i = 0; i < r->targets_n; i++) {
			const struct smtp_target *u = &r->targets[i];
			if (u->account == t->account && str_eq(u->address, t->address) &&
			    str_eq(u->detail, t->detail)) {
				return true;
			}
		}
	}
	return false;
}

/* Octets of fields, lengths and numbers of record rcpt in edge smtp_queue. */
static size_t
target_octets(const struct smtp_rcpt *r, const struct smtp_target *t)
{
	return 2 * 8 + 6 * 4 + 2 + t->address.n + t->detail.n + r->address.n + r->orcpt.n +
	    t->sender.n + t->via.n;
}

static bool
copy_target(struct smtp *s, const struct smtp_target *from, struct smtp_target *to)
{
	*to = *from;
	to->address = arena_dup(s->txn_arena, from->address);
	to->detail = arena_dup(s->txn_arena, from->detail);
	to->domain_policy = arena_dup(s->txn_arena, from->domain_policy);
	to->sender = arena_dup(s->txn_arena, from->sender);
	to->via = arena_dup(s->txn_arena, from->via);
	return to->address.p != NULL && to->detail.p != NULL && to->domain_policy.p != NULL &&
	    to->sender.p != NULL && to->via.p != NULL;
}

/* Copy what is new among the targets. Out: SMTP_REPLY_RCPT when the recipient is taken. */
static enum smtp_reply
keep_targets(struct smtp *s, const struct smtp_target *v, size_t n)
{
	struct smtp_rcpt *r = s->txn.pending;
	size_t octets = s->txn.rcpt_octets;
	r->targets = arena_array(s->txn_arena, n, sizeof *v);
	r->targets_n = 0;
	for (size_t i = 0; r->targets != NULL && i < n; i++) {
		if (has_target(s, &v[i])) {
			continue;
		}
		struct smtp_target *t = &r->targets[r->targets_n];
		if (!copy_target(s, &v[i], t)) {
			return SMTP_REPLY_BUDGET;
		}
		octets += target_octets(r, t);
		r->targets_n++;
	}
	if (r->targets == NULL) {
		return SMTP_REPLY_BUDGET;
	}
	if (octets > SMTP_RCPT_OCTETS_MAX || s->txn.targets_n + r->targets_n > SMTP_TARGETS_MAX) {
		return SMTP_REPLY_RCPTS;
	}
	s->txn.rcpt_octets = octets;
	s->txn.targets_n += r->targets_n;
	return SMTP_REPLY_RCPT;
}

static void
link_pending(struct smtp *s)
{
	if (s->txn.last == NULL) {
		s->txn.rcpts = s->txn.pending;
	} else {
		s->txn.last->next = s->txn.pending;
	}
	s->txn.last = s->txn.pending;
	for (size_t i = 0; i < s->txn.pending->targets_n; i++) {
		s->txn.forwards |= s->txn.pending->targets[i].via.n > 0;
	}
	s->txn.rcpts_n++;
	smtp_enter(s, SMTP_RCPT);
}

/* Unknown recipients: a few are stale entries, many are guesses. */
static enum smtp_reply
unknown(struct smtp *s)
{
	s->unknown++;
	if (s->unknown >= SMTP_UNKNOWN_MAX) {
		return SMTP_REPLY_GUESSING;
	}
	uint32_t over = s->unknown > SMTP_UNKNOWN_FREE ? s->unknown - SMTP_UNKNOWN_FREE : 0;
	smtp_delay(s, MIN(over * SMTP_UNKNOWN_STEP_MS, SMTP_UNKNOWN_DELAY_MS));
	return SMTP_REPLY_RCPT_UNKNOWN;
}

/*
 * A recipient at another server, given by who is logged in: nobody else may send through us. The
 * domain is written as DNS wants it, the local part stays as it was given.
 */
static enum smtp_reply
keep_remote(struct smtp *s)
{
	char room[MAIL_CANONICAL_MAX];
	struct buf b;
	str local, domain;
	if (!s->peer.submission || s->account == 0) {
		return SMTP_REPLY_RELAY;
	}
	mail_address_split(s->txn.pending->address, &local, &domain);
	buf_init_fixed(&b, room, sizeof room);
	buf_str(&b, local);
	buf_ch(&b, '@');
	if (mail_domain_put(&b, domain) != ERR_OK || buf_err(&b) != ERR_OK) {
		return SMTP_REPLY_RCPT_BAD;
	}
	const struct smtp_target target = { .address = buf_view(&b),
		.detail = S(""),
		.domain_policy = S(""),
		.sender = S(""),
		.via = S("") };
	return keep_targets(s, &target, 1);
}

/*
 * What is only forwarded is refused where it would be junk, what stays is put into Junk: one answer
 * to DATA cannot say both. Senders come again with the others (RFC 5321 4.5.3.1.10).
 */
static enum smtp_reply
keep_known(struct smtp *s, const struct smtp_target *targets, size_t n)
{
	bool forwarded = true;
	for (size_t i = 0; i < n; i++) {
		forwarded = forwarded && targets[i].via.n > 0;
	}
	if (s->txn.rcpts != NULL && s->txn.rcpts->forwarded != forwarded) {
		return SMTP_REPLY_RCPT_APART;
	}
	s->txn.pending->forwarded = forwarded;
	return keep_targets(s, targets, n);
}

static enum smtp_reply
verdict_reply(struct smtp *s, unsigned verdict, const struct smtp_target *targets, size_t n)
{
	switch (verdict) {
	case SMTP_KNOWN: return keep_known(s, targets, n);
	case SMTP_UNKNOWN: return unknown(s);
	case SMTP_REMOTE: return keep_remote(s);
	case SMTP_DISABLED: return SMTP_REPLY_RCPT_DISABLED;
	case SMTP_OVERQUOTA: return SMTP_REPLY_OVERQUOTA;
	case SMTP_SENDER: return SMTP_REPLY_RCPT_SENDER;
	default: return SMTP_REPLY_TEMP;
	}
}

/* As others compare addresses; as it was given when that cannot be told. */
static str
canonical_of(struct smtp *s, const struct smtp_rcpt *r)
{
	char room[MAIL_CANONICAL_MAX];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	if (mail_address_canonical(&b, r->address) != ERR_OK || buf_err(&b) != ERR_OK) {
		return r->targets[0].address;
	}
	str kept = arena_dup(s->txn_arena, buf_view(&b));
	return kept.p != NULL ? kept : r->targets[0].address;
}

void
smtp_answer_rcpt(struct smtp *s, unsigned verdict, const struct smtp_target *targets, size_t n)
{
	smtp_answered(s, SMTP_WAIT_RCPT);
	enum smtp_reply id = verdict_reply(s, verdict, targets, n);
	if (id == SMTP_REPLY_RCPT && s->peer.checked && s->txn.pending->targets_n > 0) {
		s->wait = SMTP_WAIT_POLICY;
		smtp_act(s,
		    (struct smtp_action){
			.kind = SMTP_ASK_POLICY, .text = canonical_of(s, s->txn.pending) });
		return;
	}
	if (id == SMTP_REPLY_RCPT) {
		link_pending(s);
	}
	smtp_reply(s, id, s->txn.pending->address);
}

void
smtp_rcpt_told(struct smtp *s, const struct smtp_told *t)
{
	struct smtp_rcpt *r = s->txn.pending;
	if (t->verdict != SMTP_LATER && t->verdict != SMTP_REFUSE) {
		link_pending(s);
		smtp_reply(s, SMTP_REPLY_RCPT, r->address);
		return;
	}
	for (size_t i = 0; i < r->targets_n; i++) {
		s->txn.rcpt_octets -= target_octets(r, &r->targets[i]);
	}
	s->txn.targets_n -= r->targets_n;
	smtp_reply_told(s, t, r->address, 0);
}
