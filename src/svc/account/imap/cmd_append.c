/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APPEND and REPLACE (RFC 9051 6.3.12; 3502; 4469; 8508): the reader announces octets of messages,
 * hands them through, and tells the end. Target and room are checked before the client may send;
 * all messages of a command lie one after the other in s->message until they are stored at once.
 */
#include "svc/account/imap/append.h"

#include "conf/conf.h"
#include "proto/imap/seqset.h"
#include "proto/imap/url.h"
#include "store/limits.h"
#include "svc/account/imap/describe.h"
#include "svc/account/imap/notify/notify.h"
#include "svc/account/imap/teach/teach.h"
#include "sys/clock.h"

struct message {
	struct imap_append_step step; /* its texts live in the work arena */
	size_t start;                 /* in s->message; the next message begins where it ends */
};

struct svc_account_imap_append {
	uint64_t mailbox;
	bool replace;
	uint32_t uid;      /* REPLACE: of the selected mailbox, */
	uint64_t replaced; /* and the octets it has */
	struct message *messages;
	size_t n, cap;
	bool binary; /* the octets under way may hold NUL */
	bool nul;    /* some that may not did */
};

/* ---- beginning ---------------------------------------------------------------------------- */

static enum err
find_target(struct svc_account_imap *s, str name, uint64_t *ret)
{
	struct store_mailbox m;
	TRY(svc_account_imap_shared_target(s, name, &m));
	*ret = m.id;
	return ERR_OK;
}

/* The message that REPLACE removes. */
static enum err
find_replaced(struct svc_account_imap *s, const struct imap_append *append)
{
	struct svc_account_imap_append *a = s->append;
	struct store_msg m;
	if (s->state != IMAP_SELECTED) {
		return svc_account_imap_fail(s, ERR_BADSTATE, "", "no mailbox is selected");
	}
	if (!append->uid && svc_account_imap_has_uidonly(s)) {
		return svc_account_imap_fail(s, ERR_BADSTATE, "UIDREQUIRED", "uids only, please");
	}
	if (s->box.read_only) {
		return svc_account_imap_fail(s, ERR_DENIED, "NOPERM", "mailbox is open read-only");
	}
	TRY(svc_account_imap_shared_may_remove(s));
	a->uid = append->uid ? append->number : store_view_uid(&s->box.view, append->number);
	if (a->uid == 0) {
		return svc_account_imap_fail(s, ERR_BADSTATE, "", "no such message number");
	}
	enum err e = store_view_seq(&s->box.view, a->uid) == 0
	    ? ERR_NOTFOUND
	    : store_msg(s->store, s->box.id, a->uid, &m);
	if (e == ERR_NOTFOUND) {
		return svc_account_imap_fail(s, e, "NONEXISTENT", "no such message");
	}
	TRY(e);
	a->replaced = m.size;
	return ERR_OK;
}

static enum err
open_append(struct svc_account_imap *s, const struct imap_append *append)
{
	buf_reset(&s->code);
	buf_reset(&s->message);
	arena_reset(s->work);
	s->append = ARENA_NEW(s->work, struct svc_account_imap_append);
	if (s->append == NULL) {
		return ERR_BUDGET;
	}
	*s->append = (struct svc_account_imap_append){ .replace = append->replace };
	if (append->replace && !imap_caps_has(&s->caps, S("REPLACE"))) {
		return svc_account_imap_fail(s, ERR_BADSTATE, "", "unknown command");
	}
	if (append->replace) {
		TRY(find_replaced(s, append));
	}
	return find_target(s, append->mailbox, &s->append->mailbox);
}

void
svc_account_imap_append_drop(struct svc_account_imap *s)
{
	s->append = NULL;
	buf_done(&s->message);
}

/* ---- room --------------------------------------------------------------------------------- */

static enum err
check_quota(struct svc_account_imap *s, uint64_t size)
{
	const struct svc_account_imap_append *a = s->append;
	struct store_quota q;
	TRY(store_quota(s->store, &q));
	uint64_t octets = q.octets - MIN(q.octets, a->replaced) + s->message.n;
	uint64_t messages = q.messages - MIN(q.messages, (uint64_t)a->replace) + a->n;
	bool full = (q.octets_max != 0 && (size > q.octets_max || octets > q.octets_max - size)) ||
	    (q.messages_max != 0 && messages > q.messages_max);
	return full ? ERR_QUOTA : ERR_OK;
}

/* May `size` octets more be added to the message under way? */
static enum err
check_room(struct svc_account_imap *s, uint64_t size)
{
	const struct svc_account_imap_append *a = s->append;
	uint64_t max = s->account->conf->imap_append_max;
	uint64_t have = s->message.n - a->messages[a->n - 1].start;
	if (size > max || have > max - size) {
		return svc_account_imap_fail(s, ERR_TOOBIG, "TOOBIG", "message is too large");
	}
	if (s->message.n + size > SVC_ACCOUNT_IMAP_APPEND_TOTAL * max) {
		return svc_account_imap_fail(s, ERR_TOOBIG, "LIMIT",
		    "too many octets in one command");
	}
	return check_quota(s, size);
}

/* ---- steps -------------------------------------------------------------------------------- */

/* Nothing was sent for the last message: that cancels the command (RFC 3502 6.3.11). */
static enum err
check_last(struct svc_account_imap *s)
{
	const struct svc_account_imap_append *a = s->append;
	if (a->n > 0 && a->messages[a->n - 1].start == s->message.n) {
		return svc_account_imap_fail(s, ERR_DENIED, "CANNOT",
		    "an empty message: nothing is stored");
	}
	return ERR_OK;
}

static enum err
begin_message(struct svc_account_imap *s, const struct imap_append_step *step)
{
	struct svc_account_imap_append *a = s->append;
	if ((a->n > 0 && !imap_caps_has(&s->caps, S("MULTIAPPEND"))) ||
	    (step->catenate && !imap_caps_has(&s->caps, S("CATENATE")))) {
		return svc_account_imap_fail(s, ERR_BADSTATE, "", "not announced here");
	}
	TRY(check_last(s));
	struct message *v = arena_grow(s->work, a->messages, a->n, &a->cap, sizeof *v);
	if (v == NULL) {
		return ERR_BUDGET;
	}
	a->messages = v;
	struct message *m = &a->messages[a->n++];
	*m = (struct message){ .step = *step, .start = s->message.n };
	m->step.flags.keywords = arena_array(s->work, MAX(step->flags.n, 1), sizeof(str));
	if (m->step.flags.keywords == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < step->flags.n; i++) {
		str *keyword = &m->step.flags.keywords[i];
		*keyword = arena_dup(s->work, step->flags.keywords[i]);
		if (keyword->p == NULL) {
			return ERR_BUDGET;
		}
	}
	return ERR_OK;
}

/* The octets a URL names are added to the message. */
static enum err
add_url(struct svc_account_imap *s, str text)
{
	struct imap_url url;
	struct store_mailbox box = { .id = s->state == IMAP_SELECTED ? s->box.id : 0 };
	struct store_msg m;
	struct buf octets;
	TRY(imap_url_parse(s->work, text, &url));
	if (url.mailbox.n > 0) {
		TRY(svc_account_imap_shared_source(s, url.mailbox, &box));
	} else if (box.id != 0) {
		TRY(store_mailbox_get(s->store, box.id, s->work, &box));
	}
	if (box.id == 0 || (url.uidvalidity != 0 && url.uidvalidity != box.uidvalidity)) {
		return ERR_NOTFOUND;
	}
	TRY(store_msg(s->store, box.id, url.uid, &m));
	buf_init(&octets, STORE_MESSAGE_MAX);
	arena_reset(s->scratch);
	enum err e = svc_account_imap_section_octets(s, m.id, &url.section, &octets);
	e = e == ERR_OK ? check_room(s, octets.n) : e;
	if (e == ERR_OK) {
		buf_str(&s->message, buf_view(&octets));
		e = buf_err(&s->message);
	}
	buf_done(&octets);
	return e;
}

static enum err
take_url(struct svc_account_imap *s, str text)
{
	enum err e = add_url(s, text);
	if (e == ERR_OK || s->code.n > 0 || e == ERR_QUOTA || e == ERR_BUDGET || e == ERR_NOMEM) {
		return e;
	}
	buf_reset(&s->code);
	buf_cstr(&s->code, "BADURL ");
	imap_url_put(&s->code, text);
	s->text = "this URL gives no octets";
	return ERR_NOTFOUND;
}

static enum err
take_steps(struct svc_account_imap *s, const struct imap_append *append)
{
	for (size_t i = 0; i < append->n; i++) {
		const struct imap_append_step *step = &append->steps[i];
		TRY(step->kind == IMAP_STEP_MESSAGE ? begin_message(s, step)
						    : take_url(s, step->url));
	}
	return ERR_OK;
}

/* ---- storing ------------------------------------------------------------------------------ */

static enum err
describe(struct svc_account_imap *s, size_t i, struct store_new *ret)
{
	const struct svc_account_imap_append *a = s->append;
	const struct message *m = &a->messages[i];
	size_t end = i + 1 < a->n ? a->messages[i + 1].start : s->message.n;
	struct store_new msg = { .internal_s = m->step.has_date ? m->step.date_s
								: sys_clock_wall_s() };
	struct imap_flags flags = m->step.flags;
	if ((svc_account_imap_shared_target_flags(s) & ~(uint32_t)STORE_SYSTEM_FLAGS) == 0) {
		flags.n = 0; /* RFC 4314 4: keywords without "w" are no reason to fail */
	}
	TRY(svc_account_imap_flag_bits(s, a->mailbox, &flags, &msg.flags));
	TRY(svc_account_imap_describe(s->scratch,
	    str_sub(buf_view(&s->message), m->start, end - m->start), &msg));
	*ret = msg;
	return ERR_OK;
}

/* "APPENDUID uidvalidity uids" (RFC 4315 3; 3502) */
static void
put_appenduid(struct buf *out, const struct store_added *added, size_t n)
{
	struct imap_set_writer w = { .out = out };
	buf_printf(out, "APPENDUID %u ", added[0].uidvalidity);
	for (size_t i = 0; i < n; i++) {
		imap_set_writer_put(&w, added[i].uid);
	}
	imap_set_writer_end(&w);
}

/* APPENDUID comes untagged, before the EXPUNGE (RFC 8508 4.3). */
static enum err
replace(struct svc_account_imap *s, const struct store_new *msg)
{
	const struct svc_account_imap_append *a = s->append;
	struct store_replacing r = {
		.from = s->box.id, .uid = a->uid, .to = a->mailbox, .msg = msg
	};
	struct store_added added;
	TRY(store_replace(s->store, &r, &added));
	buf_cstr(&s->out, "* OK [");
	put_appenduid(&s->out, &added, 1);
	buf_cstr(&s->out, "] replacement is there\r\n");
	svc_account_imap_notify_mine(s, a->mailbox, added.uid, added.uid);
	svc_account_imap_changed(s, s->box.id);
	if (a->mailbox != s->box.id) {
		svc_account_imap_changed(s, a->mailbox);
	}
	return ERR_OK;
}

static enum err
store_messages(struct svc_account_imap *s)
{
	const struct svc_account_imap_append *a = s->append;
	TRY(check_last(s));
	TRY(buf_err(&s->message));
	arena_reset(s->scratch);
	struct store_new *msgs = arena_array(s->work, a->n, sizeof *msgs);
	struct store_added *added = arena_array(s->work, a->n, sizeof *added);
	if (msgs == NULL || added == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < a->n; i++) {
		TRY(describe(s, i, &msgs[i]));
	}
	if (a->replace) {
		return replace(s, msgs);
	}
	TRY(store_append(s->store, a->mailbox, msgs, a->n, added));
	put_appenduid(&s->code, added, a->n);
	for (size_t i = 0; i < a->n; i++) {
		svc_account_imap_notify_mine(s, a->mailbox, added[i].uid, added[i].uid);
	}
	svc_account_imap_changed(s, a->mailbox);
	struct store_range range = { added[0].uid, added[a->n - 1].uid };
	svc_account_imap_teach_moved(s, 0, a->mailbox, &(struct store_set){ .v = &range, .n = 1 });
	return ERR_OK;
}

static enum err
finish(struct svc_account_imap *s, const struct imap_append *append)
{
	TRY(take_steps(s, append));
	enum err e = store_messages(s);
	if (e == ERR_DENIED && s->code.n == 0) { /* a right was withdrawn since the command began */
		return svc_account_imap_fail(s, e, "NOPERM", "you may not do this here any more");
	}
	if (e != ERR_NOTFOUND || s->code.n > 0) {
		return e;
	}
	return append->replace
	    ? svc_account_imap_fail(s, e, "NONEXISTENT", "message or mailbox is gone")
	    : svc_account_imap_fail(s, e, "TRYCREATE", "mailbox is gone");
}

/* ---- what the session calls --------------------------------------------------------------- */

static str
verb_of(const struct imap_append *append)
{
	return append->replace ? S("REPLACE") : S("APPEND");
}

void
svc_account_imap_append_begin(struct svc_account_imap *s, const struct imap_append *append)
{
	if (svc_account_imap_shared_pass_begin(s, append)) {
		return;
	}
	enum err e = s->append == NULL ? open_append(s, append) : ERR_OK;
	e = e == ERR_OK ? take_steps(s, append) : e;
	e = e == ERR_OK ? check_room(s, append->size) : e;
	if (e == ERR_OK && append->size == 0 && append->where != IMAP_APPEND_CATENATE) {
		e = check_last(s);
	}
	if (e == ERR_OK && buf_room(&s->message, (size_t)append->size) == NULL &&
	    append->size > 0) {
		e = ERR_NOMEM;
	}
	if (e != ERR_OK) {
		svc_account_imap_append_drop(s);
		svc_account_imap_reply(s, imap_tag_of(buf_view(&s->reader.raw)), verb_of(append),
		    e);
	} else {
		s->append->binary = append->literal8;
	}
	if (e == ERR_OK && append->sync) {
		svc_account_imap_line(s, "+ send it");
	}
	imap_reader_append(&s->reader, e == ERR_OK);
}

void
svc_account_imap_append_body(struct svc_account_imap *s, str octets)
{
	struct svc_account_imap_append *a = s->append;
	if (svc_account_imap_shared_pass_body(s, octets)) {
		return;
	}
	a->nul = a->nul || (!a->binary && octets.n > 0 && memchr(octets.p, 0, octets.n) != NULL);
	buf_str(&s->message, octets);
}

void
svc_account_imap_append_end(struct svc_account_imap *s, const struct imap_action *act)
{
	enum err e = act->err;
	if (svc_account_imap_shared_pass_end(s, act)) {
		return;
	}
	if (e != ERR_OK) {
		svc_account_imap_append_drop(s);
		svc_account_imap_bad(s, act->tag, e, false);
		return;
	}
	/* RFC 9051 4.3.1: NUL is for literal8 alone. */
	e = s->append->nul ? svc_account_imap_fail(s, ERR_DENIED, "CANNOT",
				 "NUL octets may only come in a literal8")
			   : finish(s, act->append);
	s->errors = 0;
	svc_account_imap_append_drop(s);
	enum err news = svc_account_imap_refresh(s, true, NULL);
	svc_account_imap_reply(s, act->tag, verb_of(act->append), e == ERR_OK ? news : e);
}

/* Commands whose messages are made of URLs alone. */
enum err
svc_account_imap_cmd_append(struct svc_account_imap *s, struct imap_command *cmd)
{
	enum err e = open_append(s, &cmd->u.append);
	e = e == ERR_OK ? finish(s, &cmd->u.append) : e;
	svc_account_imap_append_drop(s);
	return e;
}

enum err
svc_account_imap_cmd_replace(struct svc_account_imap *s, struct imap_command *cmd)
{
	return svc_account_imap_cmd_append(s, cmd);
}
