/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The answers of the world in talk.h.
 */
#include "proto/smtp/talk.h"

void
smtp_talk_init(struct smtp_talk *t, bool submission)
{
	*t = (struct smtp_talk){ 0 };
	t->conf = (struct smtp_conf){ .hostname = S("mx.example.org"),
		.max_size = 4000,
		.max_rcpts = 100,
		.max_errors = 10,
		.max_txns = 1000 };
	t->peer = (struct smtp_peer){ .session = 0xab,
		.submission = submission,
		.greeted = true,
		.literal = S("[192.0.2.1]"),
		.tls_version = S("TLSv1.3"),
		.tls_cipher = S("TLS_AES_128_GCM_SHA256"),
		.mechanisms = S(" SCRAM-SHA-256 PLAIN") };
}

void
smtp_talk_open(struct smtp_talk *t)
{
	buf_init(&t->said, 1 << 20);
	buf_init(&t->done, 1 << 20);
	buf_init(&t->stored, 8 << 20);
	buf_init(&t->mailbox, 8 << 20);
	t->arena = arena_new(NULL, "talk", 4 << 20, 0);
	ASSERT(t->arena != NULL);
	ASSERT(smtp_init(&t->s, &t->conf, &t->peer, t->arena) == ERR_OK);
	smtp_talk_turn(t);
}

void
smtp_talk_done(struct smtp_talk *t)
{
	smtp_done(&t->s);
	arena_free(&t->arena);
	buf_done(&t->said);
	buf_done(&t->done);
	buf_done(&t->stored);
	buf_done(&t->mailbox);
}

static void
answer_rcpt(struct smtp_talk *t, str address)
{
	static const struct {
		str local;
		unsigned verdict;
	} rows[] = {
		{ S_INIT("unknown"), SMTP_UNKNOWN },
		{ S_INIT("disabled"), SMTP_DISABLED },
		{ S_INIT("full"), SMTP_OVERQUOTA },
		{ S_INIT("temp"), SMTP_TEMP },
	};
	struct smtp_target targets[] = { { .account = 7, .address = address },
		{ .account = 8, .address = S("b@example.org"), .detail = S("x") },
		{ .account = 9, .address = S("c@example.org"), .junk_at = 4500 } };
	unsigned verdict = SMTP_KNOWN;
	for (size_t i = 0; i < LEN(rows); i++) {
		verdict = str_starts(address, rows[i].local) ? rows[i].verdict : verdict;
	}
	verdict = str_ifind(address, S("remote.test")) >= 0 ? SMTP_REMOTE : verdict;
	smtp_answer_rcpt(&t->s, verdict, targets, str_starts(address, S("alias")) ? 3 : 1);
}

static void
answer_sender(struct smtp_talk *t, str address)
{
	bool mine = str_eq(address, S("me@example.org")) || str_eq(address, S("also@example.org"));
	enum err e = str_starts(address, S("temp@")) ? ERR_UNAVAILABLE : ERR_DENIED;
	smtp_answer_sender(&t->s, mine ? ERR_OK : e);
}

static void
answer_sasl(struct smtp_talk *t, const struct smtp_action *a)
{
	struct smtp_auth_result r = {
		.result = ERR_AUTH, .name = S(""), .language = S(""), .final = S("")
	};
	bool start = a->kind == SMTP_ASK_SASL_START;
	bool scram = start && str_eq(a->mechanism, S("SCRAM-SHA-256"));
	if (start && (scram || !a->has_initial)) {
		smtp_answer_challenge(&t->s, scram ? S("nonce") : S(""));
		return;
	}
	if (str_starts(a->text, S("slow"))) {
		r.delay_ms = 1500;
	} else if (str_eq(a->text, S("proof")) || str_find(a->text, S("\0me\0")) >= 0) {
		r = (struct smtp_auth_result){ .result = ERR_OK,
			.account = 7,
			.name = S("me@example.org"),
			.language = S("de"),
			.has_final = str_eq(a->text, S("proof")),
			.final = S("v=1") };
	} else if (str_starts(a->text, S("off"))) {
		r.result = ERR_DISABLED;
	}
	smtp_answer_auth(&t->s, &r);
}

static void
answer_policy(struct smtp_talk *t, str address)
{
	struct smtp_told told = { .verdict = SMTP_GO_ON };
	if (str_starts(address, S("grey"))) {
		told = (struct smtp_told){ SMTP_LATER, 451, S("4.7.1"), S("Come back $ later") };
	} else if (str_starts(address, S("listed"))) {
		told = (struct smtp_told){ SMTP_REFUSE, 550, S("5.7.1"),
			S("Your address\r\nis listed") };
	} else if (str_starts(address, S("odd"))) {
		told = (struct smtp_told){ SMTP_REFUSE, 250, S("2.0.0"), S("") };
	} else if (str_starts(address, S("enough"))) {
		told = (struct smtp_told){ SMTP_LATER, 421, S("4.7.0"), S("Enough") };
	}
	smtp_answer_reply(&t->s, &told);
}

static void
answer_scan(struct smtp_talk *t)
{
	struct smtp_told told = { .verdict = SMTP_GO_ON };
	ASSERT(smtp_txn(&t->s)->rcpts_n > 0 && t->s.state == SMTP_FINAL);
	if (str_find(buf_view(&t->stored), S("VIRUS")) >= 0) {
		told = (struct smtp_told){ SMTP_REFUSE, 554, S("5.7.1"), S("Has a virus") };
	} else if (str_find(buf_view(&t->stored), S("LATER")) >= 0) {
		told = (struct smtp_told){ SMTP_LATER, 451, S("4.7.1"), S("Not looked at") };
	}
	smtp_answer_reply(&t->s, &told);
}

static void
commit(struct smtp_talk *t)
{
	const struct smtp_txn *x = smtp_txn(&t->s);
	ASSERT(x->rcpts_n > 0 && x->octets + t->trace == t->stored.n);
	ASSERT(!t->peer.checked || x->looked_at);
	buf_printf(&t->done, "{commit <%.*s>", STR_ARG(x->reverse_path));
	for (const struct smtp_rcpt *r = x->rcpts; r != NULL; r = r->next) {
		buf_printf(&t->done, " %.*s:%zu", STR_ARG(r->address), r->targets_n);
		if (r->targets_n == 1 && r->targets[0].account == 0) {
			buf_printf(&t->done, ">%.*s", STR_ARG(r->targets[0].address));
		}
	}
	buf_cstr(&t->done, x->requiretls ? " requiretls" : "");
	if (x->requiretls) {
		buf_printf(&t->done, " %.*s", STR_ARG(x->message_id));
	}
	buf_ch(&t->done, '}');
	if (t->commit == ERR_OK) {
		buf_str(&t->mailbox, buf_view(&t->stored));
	}
	buf_reset(&t->stored);
	if (!t->silent) {
		smtp_answer_commit(&t->s, t->commit, S("E1"));
	}
}

static void
put_word(struct smtp_talk *t, const struct smtp_action *a)
{
	static const char *const words[] = { [SMTP_ASK_RCPT] = "rcpt",
		[SMTP_ASK_SENDER] = "sender",
		[SMTP_ASK_SASL_START] = "sasl",
		[SMTP_ASK_SASL_STEP] = "step",
		[SMTP_SASL_ABORT] = "abort",
		[SMTP_ASK_PEER] = "peer",
		[SMTP_ASK_POLICY] = "policy",
		[SMTP_ASK_SCAN] = "scan",
		[SMTP_DROP] = "drop",
		[SMTP_DELAY] = "delay",
		[SMTP_REFUSED] = "refused",
		[SMTP_CLOSE] = "close" };
	if (a->kind == SMTP_TRACE || a->kind == SMTP_BODY || a->kind == SMTP_COMMIT) {
		return;
	}
	buf_printf(&t->done, "{%s", words[a->kind]);
	if (a->kind == SMTP_REFUSED) {
		buf_printf(&t->done, " %.*s %u", STR_ARG(a->verb), a->code);
	} else if (a->kind == SMTP_DELAY) {
		buf_printf(&t->done, " %u", a->delay_ms);
	} else if (a->text.n > 0) {
		buf_printf(&t->done, " %.*s", STR_ARG(a->text));
	}
	buf_ch(&t->done, '}');
}

static void
act(struct smtp_talk *t, const struct smtp_action *a)
{
	put_word(t, a);
	switch (a->kind) {
	case SMTP_TRACE:
		ASSERT(t->stored.n == 0);
		t->trace = a->text.n;
		buf_str(&t->stored, a->text);
		break;
	case SMTP_BODY: buf_str(&t->stored, a->text); break;
	case SMTP_DROP: buf_reset(&t->stored); break;
	case SMTP_CLOSE: t->closed = true; break;
	case SMTP_COMMIT: commit(t); break;
	default: break;
	}
	if (a->kind == SMTP_BODY && t->body != ERR_OK) {
		smtp_body_failed(&t->s, t->body);
	}
	if (t->silent) {
		return;
	}
	switch (a->kind) {
	case SMTP_ASK_RCPT: answer_rcpt(t, a->text); break;
	case SMTP_ASK_SENDER: answer_sender(t, a->text); break;
	case SMTP_ASK_SASL_START:
	case SMTP_ASK_SASL_STEP: answer_sasl(t, a); break;
	case SMTP_ASK_PEER: smtp_answer_reply(&t->s, &t->told); break;
	case SMTP_ASK_POLICY: answer_policy(t, a->text); break;
	case SMTP_ASK_SCAN: answer_scan(t); break;
	case SMTP_DELAY:
		t->delays++;
		smtp_answer_delay(&t->s);
		break;
	default: break;
	}
}

void
smtp_talk_turn(struct smtp_talk *t)
{
	struct smtp_action a;
	while (smtp_next(&t->s, &a)) {
		act(t, &a);
	}
	str out = smtp_output(&t->s);
	buf_str(&t->said, out);
	smtp_sent(&t->s, out.n);
}

void
smtp_talk_give(struct smtp_talk *t, str in, size_t chunk)
{
	size_t have = 0; /* octets that have "arrived" */
	size_t used, at = 0;
	while (at < in.n) {
		have = MAX(have, MIN(at + chunk, in.n));
		/* A copy with nothing behind it, so that reading too far is found. */
		size_t n = have - at;
		struct buf piece;
		buf_init(&piece, n);
		buf_add(&piece, in.p + at, n);
		smtp_feed(&t->s, buf_view(&piece), 1794942000, &used);
		ASSERT(used <= n);
		smtp_talk_turn(t);
		buf_done(&piece);
		if (used == 0 && have == in.n) {
			break;
		}
		have += used == 0 ? MIN(chunk, in.n - have) : 0;
		at += used;
	}
}
