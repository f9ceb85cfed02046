/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The visitor's side of shared mailboxes: which commands are about one, a guest process per owner,
 * and passing octets on. Nothing here decides what may be seen. Start reading at visit_run.
 */
#include "svc/account/imap/session.h"

#include "ipc/account_guest.h"
#include "proto/imap/match.h"
#include "proto/imap/write.h"
#include "sys/chan.h"
#include "sys/sock.h"
#include "sys/sys.h"

enum { PIECE = 65536, SEND_MS = 10000 };

static const str root = S_INIT("Other Users");
static const char gone[] = "the shared mailbox is not available any more";

bool
svc_account_imap_shared_is_name(str name)
{
	return str_starts(name, root) && (name.n == root.n || name.p[root.n] == '/');
}

/* ---- guests ------------------------------------------------------------------------------- */

static void
close_visit(struct svc_account_imap *s, struct svc_account_imap_visit *v)
{
	if (s->shared.at == v) {
		s->shared.at = NULL;
	}
	if (v->open) {
		sys_close(&v->chan);
		sys_close(&v->stream);
	}
	*v = (struct svc_account_imap_visit){ .chan = -1, .stream = -1 };
}

void
svc_account_imap_shared_visit_leave(struct svc_account_imap *s)
{
	if (s->shared.at != NULL) {
		close_visit(s, s->shared.at);
	}
}

void
svc_account_imap_shared_visit_done(struct svc_account_imap *s)
{
	for (size_t i = 0; i < LEN(s->shared.visits); i++) {
		close_visit(s, &s->shared.visits[i]);
	}
	sys_close(&s->shared.stream);
	sys_close(&s->shared.chan);
}

/* A place for another guest; the one that is selected stays. */
static struct svc_account_imap_visit *
free_place(struct svc_account_imap *s)
{
	struct svc_account_imap_visit *v = s->shared.visits;
	for (size_t i = 0; i < LEN(s->shared.visits); i++) {
		if (!v[i].open) {
			return &v[i];
		}
	}
	v = v == s->shared.at ? v + 1 : v;
	close_visit(s, v);
	return v;
}

static enum err
open_visit(struct svc_account_imap *s, uint64_t owner, str name,
    struct svc_account_imap_visit **ret)
{
	struct svc_account_imap_visit *v = s->shared.visits;
	for (size_t i = 0; i < LEN(s->shared.visits); i++) {
		if (v[i].open && v[i].owner == owner) {
			*ret = &v[i];
			return ERR_OK;
		}
	}
	char room[sizeof v->name];
	if (name.n > sizeof room) {
		return ERR_NOTFOUND;
	}
	memcpy(room, name.p, name.n); /* the question forgets the last answer */
	TRY(svc_account_imap_shared_ask_visit(s, owner));
	v = free_place(s);
	*v = (struct svc_account_imap_visit){ .owner = owner,
		.name_n = name.n,
		.chan = s->shared.chan,
		.stream = s->shared.stream,
		.open = true };
	memcpy(v->name, room, name.n);
	s->shared.chan = s->shared.stream = -1;
	*ret = v;
	return v->chan >= 0 && v->stream >= 0 ? ERR_OK : ERR_UNAVAILABLE;
}

/* The owner a name belongs to: "Other Users/owner/mailbox". */
enum err
svc_account_imap_shared_visit_of(struct svc_account_imap *s, str name,
    struct svc_account_imap_visit **ret)
{
	str owner, rest;
	(void)str_cut(str_from_off(name, MIN(name.n, root.n + 1)), '/', &owner, &rest);
	for (size_t i = 0; i < LEN(s->shared.visits); i++) {
		struct svc_account_imap_visit *v = &s->shared.visits[i];
		if (v->open && str_eq(owner, str_make(v->name, v->name_n))) {
			*ret = v;
			return ERR_OK;
		}
	}
	TRY(svc_account_imap_shared_ask_sharers(s));
	for (size_t i = 0; i < s->shared.list_n; i++) {
		struct svc_account_imap_sharer *one = &s->shared.list[i];
		if (str_eq(one->name, owner)) {
			return open_visit(s, one->account, owner, ret);
		}
	}
	return ERR_NOTFOUND;
}

/* ---- octets ------------------------------------------------------------------------------- */

static enum err
on_done(void *ctx, const struct ipc_account_guest_done *m, int *fd)
{
	struct svc_account_imap *s = ctx;
	struct svc_account_imap_visit *v = s->shared.talking;
	v->owed = m->octets;
	v->selected = m->selected;
	v->ended = m->ended;
	v->result = m->result;
	v->done = true;
	s->enabled |= m->enabled & IMAP_ENABLED_CONDSTORE;
	s->reader.enabled = s->enabled;
	return ERR_OK;
}

static enum err
take_message(struct svc_account_imap *s, struct svc_account_imap_visit *v)
{
	static const struct ipc_account_guest_at_account handlers = { .done = on_done,
		.letter = svc_account_imap_shared_on_letter,
		.piece = svc_account_imap_shared_on_piece,
		.kept = svc_account_imap_shared_on_kept };
	struct buf in;
	int fd = -1;
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	s->shared.talking = v;
	enum err e = sys_chan_recv(v->chan, &in, &fd);
	if (e == ERR_OK) {
		arena_reset(s->scratch);
		e = ipc_account_guest_account_dispatch(&handlers, s, buf_view(&in), &fd,
		    s->scratch);
	}
	sys_close(&fd);
	buf_done(&in);
	return e == ERR_AGAIN ? ERR_OK : e;
}

static enum err
take_octets(struct svc_account_imap *s, struct svc_account_imap_visit *v)
{
	size_t n = 0;
	char *room = buf_room(&s->out, PIECE);
	if (room == NULL) {
		return ERR_NOMEM;
	}
	enum err e = sys_sock_read(v->stream, room, PIECE, &n);
	if (e == ERR_OK) {
		buf_grow(&s->out, n);
		v->got += n;
		svc_account_imap_breathe(s);
	}
	return e == ERR_AGAIN ? ERR_OK : e;
}

enum err
svc_account_imap_shared_visit_pump(struct svc_account_imap *s, struct svc_account_imap_visit *v)
{
	struct sys_wait_item items[] = { { .fd = v->stream, .want_read = true },
		{ .fd = v->chan, .want_read = true },
		{ .fd = s->account->control, .want_read = true } };
	size_t n = s->account->control < 0 ? 2 : 3;
	while (!v->done || v->got < v->owed) {
		if (s->quit || s->broken) {
			return ERR_UNAVAILABLE;
		}
		TRY(sys_wait_any(items, n, -1));
		if (items[0].ready_read) {
			TRY(take_octets(s, v));
		}
		if (items[1].ready_read && !v->done) {
			TRY(take_message(s, v));
		}
		if (n == 3 && items[2].ready_read) {
			svc_account_imap_control(s);
		}
	}
	return ERR_OK;
}

static enum err
send(struct svc_account_imap_visit *v, struct buf *out)
{
	enum err e = sys_chan_send_wait(v->chan, out, -1, SEND_MS);
	buf_done(out);
	return e;
}

static enum err
send_command(struct svc_account_imap *s, struct svc_account_imap_visit *v, bool untagged)
{
	str rest = s->shared.raw;
	v->done = false;
	do {
		struct buf out;
		struct ipc_account_guest_command m = { .last = rest.n <= PIECE,
			.untagged = untagged,
			.enabled = s->enabled,
			.octets = str_sub(rest, 0, PIECE) };
		rest = str_from_off(rest, m.octets.n);
		buf_init(&out, SYS_CHAN_MESSAGE_MAX);
		ipc_account_guest_command_put(&out, &m);
		TRY(send(v, &out));
	} while (rest.n > 0);
	return ERR_OK;
}

void
svc_account_imap_shared_visit_settle(struct svc_account_imap *s, struct svc_account_imap_visit *v)
{
	if (v->ended) {
		svc_account_imap_end(s, ERR_OK, "access to the shared mailbox was withdrawn");
		return;
	}
	if (v->selected) {
		s->shared.at = v;
		s->state = IMAP_SELECTED;
	} else if (s->shared.at == v) {
		s->shared.at = NULL;
		s->state = IMAP_AUTH;
	}
}

enum err
svc_account_imap_shared_visit_lost(struct svc_account_imap *s, struct svc_account_imap_visit *v)
{
	if (s->shared.at == v) {
		svc_account_imap_end(s, ERR_OK, gone);
		s->state = IMAP_AUTH;
	}
	close_visit(s, v);
	return svc_account_imap_fail(s, ERR_BUSY, "UNAVAILABLE", "cannot be done now, try again");
}

/* The tagged response is the guest's; ours, when there is none to be expected any more. */
static void
forward(struct svc_account_imap *s, struct svc_account_imap_visit *v, const struct imap_command *c)
{
	uint64_t before = v->got;
	enum err e = send_command(s, v, false);
	e = e == ERR_OK ? svc_account_imap_shared_visit_pump(s, v) : e;
	if (e == ERR_OK) {
		svc_account_imap_shared_visit_settle(s, v);
		return;
	}
	bool halfway = v->got != before, selected = s->shared.at == v;
	e = svc_account_imap_shared_visit_lost(s, v);
	if (halfway || selected) {
		svc_account_imap_end(s, ERR_OK, gone);
		return;
	}
	svc_account_imap_reply(s, c->tag, imap_verbs[c->verb].name, e);
}

/* ---- which commands ----------------------------------------------------------------------- */

/* The mailbox a command names and a guest may deal with; NULL: none. */
static const str *
name_in(const struct imap_command *c)
{
	switch (c->verb) {
	case IMAP_SELECT:
	case IMAP_EXAMINE: return &c->u.select.mailbox;
	case IMAP_STATUS: return &c->u.status.mailbox;
	case IMAP_GETMETADATA:
	case IMAP_SETMETADATA: return &c->u.metadata.mailbox;
	case IMAP_GETACL:
	case IMAP_MYRIGHTS: return &c->u.mailbox;
	case IMAP_SETACL:
	case IMAP_DELETEACL:
	case IMAP_LISTRIGHTS: return &c->u.acl.mailbox;
	case IMAP_APPEND: return &c->u.append.mailbox;
	case IMAP_CREATE: return &c->u.create.mailbox;
	case IMAP_DELETE: return &c->u.mailbox;
	case IMAP_RENAME: return &c->u.rename.from;
	default: return NULL;
	}
}

static bool
is_select(const struct imap_command *c)
{
	return c->verb == IMAP_SELECT || c->verb == IMAP_EXAMINE;
}

/* Commands of the selected mailbox. IDLE and NOTIFY are ours. */
static bool
is_for_guest(const struct imap_command *c)
{
	return imap_verbs[c->verb].states == IMAP_SELECTED || c->verb == IMAP_NOOP;
}

static void
answer(struct svc_account_imap *s, const struct imap_command *c, enum err e)
{
	svc_account_imap_reply(s, c->tag, imap_verbs[c->verb].name, e);
}

/* `target`: messages were to go there. */
static enum err
find_guest(struct svc_account_imap *s, str name, bool target, struct svc_account_imap_visit **ret)
{
	enum err e = svc_account_imap_shared_visit_of(s, name, ret);
	if (e == ERR_NOTFOUND || e == ERR_DISABLED) {
		return target
		    ? svc_account_imap_fail(s, ERR_NOTFOUND, "TRYCREATE", "no such mailbox")
		    : ERR_NOTFOUND;
	}
	return e == ERR_OK ? e
			   : svc_account_imap_fail(s, ERR_BUSY, "UNAVAILABLE", "not available now");
}

static void
run_named(struct svc_account_imap *s, struct imap_command *c, str name)
{
	struct svc_account_imap_visit *v = NULL;
	if (is_select(c) && s->state == IMAP_SELECTED) {
		svc_account_imap_deselect(s);
		svc_account_imap_line(s, "* OK [CLOSED] previous mailbox is closed");
	}
	enum err e = find_guest(s, name, c->verb == IMAP_APPEND, &v);
	if (e == ERR_NOTFOUND && c->verb == IMAP_CREATE) {
		e = svc_account_imap_fail(s, ERR_DENIED, "NOPERM",
		    "you may not make a mailbox there");
	}
	if (e != ERR_OK) {
		answer(s, c, e);
		return;
	}
	forward(s, v, c);
}

/* "Other Users/owner"; all of a name of our own is our own. */
static str
owner_in(str name)
{
	str owner, rest;
	if (!svc_account_imap_shared_is_name(name)) {
		return STR_NONE;
	}
	(void)str_cut(str_from_off(name, MIN(name.n, root.n + 1)), '/', &owner, &rest);
	return str_sub(name, 0, MIN(name.n, root.n + 1 + owner.n));
}

/* What would take a mailbox or a message from one account into another is not there. */
static bool
refuse(struct svc_account_imap *s, const struct imap_command *c)
{
	const char *text = NULL;
	if (c->verb == IMAP_REPLACE &&
	    svc_account_imap_shared_is_name(c->u.append.mailbox) != (s->shared.at != NULL)) {
		text = "a message is replaced within one account only";
	} else if (c->verb == IMAP_RENAME &&
	    !str_eq(owner_in(c->u.rename.from), owner_in(c->u.rename.to))) {
		text = "a mailbox stays in its account";
	}
	if (text == NULL) {
		return false;
	}
	answer(s, c, svc_account_imap_fail(s, ERR_DENIED, "CANNOT", text));
	return true;
}

/* COPY and MOVE: within one owner's mailboxes the guest does it, all else is carried. */
static bool
run_copy(struct svc_account_imap *s, struct imap_command *c)
{
	struct svc_account_imap_visit *v = NULL;
	str name = c->u.copy.mailbox;
	bool into = svc_account_imap_shared_is_name(name);
	if (!into && s->shared.at == NULL) {
		return false;
	}
	enum err e = into ? find_guest(s, name, true, &v) : ERR_OK;
	if (e == ERR_OK && into && v == s->shared.at) {
		forward(s, v, c);
		return true;
	}
	answer(s, c, e == ERR_OK ? svc_account_imap_shared_visit_copy(s, c, v) : e);
	return true;
}

bool
svc_account_imap_shared_visit_run(struct svc_account_imap *s, struct imap_command *c, str raw)
{
	const str *name = name_in(c);
	s->shared.raw = raw;
	s->errors = 0;
	buf_reset(&s->code);
	arena_reset(s->work);
	if (s->account->guest != 0) {
		return false;
	}
	if (refuse(s, c)) {
		return true;
	}
	if (name != NULL && svc_account_imap_shared_is_name(*name)) {
		run_named(s, c, *name);
		return true;
	}
	if (c->verb == IMAP_COPY || c->verb == IMAP_MOVE) {
		return run_copy(s, c);
	}
	if (s->shared.at == NULL || !is_for_guest(c)) {
		return false;
	}
	forward(s, s->shared.at, c);
	return true;
}

/* ---- LIST --------------------------------------------------------------------------------- */

/* Could a pattern fit a name below `prefix`, or `prefix` itself? */
static bool
may_fit(str reference, str pattern)
{
	str whole[] = { reference, pattern };
	size_t at = 0, slashes = 0;
	bool star = false, wild = false;
	for (size_t p = 0; p < LEN(whole); p++) {
		for (size_t i = 0; i < whole[p].n; i++) {
			char ch = whole[p].p[i];
			wild |= ch == '*' || ch == '%';
			star |= ch == '*';
			slashes += ch == '/';
			if (!wild && at < root.n && ch != root.p[at]) {
				return false;
			}
			at++;
		}
	}
	return star || slashes >= 2;
}

static void
put_node(struct svc_account_imap *s, const struct imap_list_args *l, str name)
{
	for (size_t i = 0; i < l->n; i++) {
		str pattern = arena_printf(s->work, "%.*s%.*s", STR_ARG(l->reference),
		    STR_ARG(l->patterns[i]));
		if (pattern.p != NULL && l->patterns[i].n > 0 && imap_match(pattern, name)) {
			buf_cstr(&s->out,
			    l->extended ? "* LIST (\\NonExistent \\HasChildren) \"/\" "
					: "* LIST (\\Noselect \\HasChildren) \"/\" ");
			imap_put_mailbox(&s->out, name, svc_account_imap_utf8(s));
			buf_cstr(&s->out, "\r\n");
			return;
		}
	}
}

/* Clients ask for INBOX and for the top level all the time: no question to accounts for that. */
static bool
is_about_others(const struct imap_list_args *l)
{
	for (size_t i = 0; i < l->n; i++) {
		str reference = l->reference, pattern = l->patterns[i];
		bool top = reference.n == 0 && imap_match(pattern, root);
		if (pattern.n > 0 && (top || may_fit(reference, pattern))) {
			return true;
		}
	}
	return false;
}

static enum err
list_owner(struct svc_account_imap *s, const struct imap_list_args *l,
    const struct svc_account_imap_sharer *who)
{
	struct svc_account_imap_visit *v;
	bool below = false;
	str name = arena_printf(s->work, "%.*s/%.*s", STR_ARG(root), STR_ARG(who->name));
	if (name.p == NULL) {
		return ERR_BUDGET;
	}
	put_node(s, l, name);
	for (size_t i = 0; i < l->n; i++) {
		below |= may_fit(l->reference, l->patterns[i]);
	}
	if (!below || open_visit(s, who->account, who->name, &v) != ERR_OK) {
		return ERR_OK; /* RFC 4314 4: what cannot be listed is left out */
	}
	enum err e = send_command(s, v, true);
	e = e == ERR_OK ? svc_account_imap_shared_visit_pump(s, v) : e;
	if (e != ERR_OK) {
		close_visit(s, v);
	}
	return s->broken ? e : ERR_OK;
}

/* The answer of accounts is forgotten with the next question: keep it. */
static enum err
keep_list(struct svc_account_imap *s, struct svc_account_imap_sharer **ret)
{
	size_t n = s->shared.list_n;
	struct svc_account_imap_sharer *v = arena_array(s->work, n + 1, sizeof *v);
	for (size_t i = 0; i < n && v != NULL; i++) {
		v[i].account = s->shared.list[i].account;
		v[i].name = arena_dup(s->work, s->shared.list[i].name);
		if (v[i].name.p == NULL) {
			return ERR_BUDGET;
		}
	}
	*ret = v;
	return v == NULL ? ERR_BUDGET : ERR_OK;
}

enum err
svc_account_imap_shared_visit_list(struct svc_account_imap *s, const struct imap_list_args *l)
{
	struct svc_account_imap_sharer *list;
	bool chosen = (l->select & (IMAP_LIST_SUBSCRIBED | IMAP_LIST_SPECIAL_USE)) != 0;
	if (s->account->guest != 0 || chosen || !is_about_others(l) ||
	    svc_account_imap_shared_ask_sharers(s) != ERR_OK || s->shared.list_n == 0) {
		return ERR_OK;
	}
	size_t n = s->shared.list_n;
	TRY(keep_list(s, &list));
	put_node(s, l, root);
	for (size_t i = 0; i < n; i++) {
		TRY(list_owner(s, l, &list[i]));
	}
	return ERR_OK;
}

/* ---- waiting ------------------------------------------------------------------------------ */

void
svc_account_imap_shared_visit_idle(struct svc_account_imap *s, bool on)
{
	struct svc_account_imap_visit *v = s->shared.at;
	struct buf out;
	if (v == NULL) {
		return;
	}
	struct ipc_account_guest_idle m = { on };
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	ipc_account_guest_idle_put(&out, &m);
	v->done = false;
	enum err e = send(v, &out);
	e = e == ERR_OK ? svc_account_imap_shared_visit_pump(s, v) : e;
	if (e != ERR_OK || v->ended) {
		svc_account_imap_end(s, ERR_OK, gone);
	}
}

void
svc_account_imap_shared_visit_news(struct svc_account_imap *s)
{
	struct svc_account_imap_visit *v = s->shared.at;
	v->done = false;
	enum err e = take_octets(s, v);
	e = e == ERR_OK ? take_message(s, v) : e;
	if (e != ERR_OK || v->ended) {
		svc_account_imap_end(s, ERR_OK, "access to the shared mailbox was withdrawn");
	}
}
