/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest process: a session on the owner's store for somebody else. Each command is checked here
 * and in may.c, in the process that is locked into the owner's folder: is it one that guests have,
 * does it name a mailbox the visitor may see, and what may it change. The store itself refuses
 * every other change. What comes over the channel may come from a process that was taken over.
 */
#include "svc/account/imap/shared/guest.h"

#include "svc/account/imap/limit.h"
#include "svc/account/imap/qresync.h"
#include "sys/chan.h"
#include "sys/clock.h"
#include "sys/sys.h"

str
svc_account_imap_shared_full_name(struct svc_account_imap *s, str name)
{
	return s->shared.prefix.n == 0 || str_starts(name, s->shared.prefix)
	    ? name
	    : arena_printf(s->work, "%.*s%.*s", STR_ARG(s->shared.prefix), STR_ARG(name));
}

static enum err
select_mailbox(struct svc_account_imap *s, struct imap_command *c)
{
	struct store_mailbox m;
	unsigned rights;
	svc_account_imap_deselect(s);
	TRY(svc_account_imap_shared_guest_take_name(s, &c->u.select.mailbox, IMAP_RIGHT_READ,
	    &rights));
	TRY(store_mailbox_find(s->store, c->u.select.mailbox, s->work, &m));
	svc_account_imap_shared_guest_restrict(s, m.id, rights);
	/* RFC 4314 5.2: READ-ONLY when nothing can be changed */
	bool changes = svc_account_imap_shared_flags_may(s) != 0 ||
	    (rights & (IMAP_RIGHT_EXPUNGE | IMAP_RIGHT_INSERT)) != 0;
	return c->verb == IMAP_SELECT && changes ? svc_account_imap_cmd_select(s, c)
						 : svc_account_imap_cmd_examine(s, c);
}

/* RFC 4314 4: at least one of the flags named may be changed. */
static enum err
store_flags_of(struct svc_account_imap *s, struct imap_command *c)
{
	const struct imap_flags *f = &c->u.store.flags;
	uint32_t named = f->bits | (f->n > 0 ? (uint32_t)STORE_FLAGGED : 0);
	if (named != 0 && (named & svc_account_imap_shared_flags_may(s)) == 0) {
		return svc_account_imap_fail(s, ERR_DENIED, "NOPERM",
		    "you may not change these flags");
	}
	if (f->n > 0 && (s->shared.rights & IMAP_RIGHT_WRITE) == 0) {
		c->u.store.flags.n = 0; /* keywords cannot be made, the rest can be done */
	}
	return svc_account_imap_cmd_store(s, c);
}

/* CLOSE without "e" closes all the same (RFC 4314 4). */
static enum err
close_mailbox(struct svc_account_imap *s, struct imap_command *c)
{
	enum err e = svc_account_imap_cmd_close(s, c);
	return e == ERR_DENIED ? ERR_OK : e;
}

static enum err
metadata(struct svc_account_imap *s, struct imap_command *c)
{
	struct imap_metadata_args *m = &c->u.metadata;
	unsigned rights;
	TRY(svc_account_imap_shared_guest_take_name(s, &m->mailbox, IMAP_RIGHT_LOOKUP, &rights));
	if ((rights & ~(unsigned)(IMAP_RIGHT_LOOKUP | IMAP_RIGHT_DELETE | IMAP_RIGHT_EXPUNGE)) ==
	    0) {
		return svc_account_imap_fail(s, ERR_DENIED, "NOPERM", "you may not do this here");
	}
	return svc_account_imap_cmd_getmetadata(s, c); /* it leaves out what is private */
}

/* RFC 4314 4: one of these is enough. */
static enum err
my_rights(struct svc_account_imap *s, struct imap_command *c)
{
	const unsigned any = IMAP_RIGHT_LOOKUP | IMAP_RIGHT_READ | IMAP_RIGHT_INSERT |
	    IMAP_RIGHT_CREATE | IMAP_RIGHT_DROP | IMAP_RIGHT_ADMIN;
	unsigned rights;
	TRY(svc_account_imap_shared_guest_take_name(s, &c->u.mailbox, 0, &rights));
	return (rights & any) == 0 ? ERR_NOTFOUND : svc_account_imap_shared_myrights(s, c);
}

/* "a", and "l": these commands tell nothing of what may not be listed (RFC 4314 4, 6). */
static enum err
administer(struct svc_account_imap *s, struct imap_command *c)
{
	unsigned rights;
	str *name = c->verb == IMAP_GETACL ? &c->u.mailbox : &c->u.acl.mailbox;
	TRY(svc_account_imap_shared_guest_take_name(s, name, IMAP_RIGHT_LOOKUP | IMAP_RIGHT_ADMIN,
	    &rights));
	switch (c->verb) {
	case IMAP_SETACL: return svc_account_imap_shared_setacl(s, c);
	case IMAP_DELETEACL: return svc_account_imap_shared_deleteacl(s, c);
	case IMAP_LISTRIGHTS: return svc_account_imap_shared_listrights(s, c);
	default: return svc_account_imap_shared_getacl(s, c);
	}
}

/* The one place that says what guests have. */
static enum err
run(struct svc_account_imap *s, struct imap_command *c)
{
	unsigned rights;
	switch (c->verb) {
	case IMAP_SELECT:
	case IMAP_EXAMINE: return select_mailbox(s, c);
	case IMAP_STATUS:
		TRY(svc_account_imap_shared_guest_take_name(s, &c->u.status.mailbox,
		    IMAP_RIGHT_READ, &rights));
		return svc_account_imap_cmd_status(s, c);
	case IMAP_MYRIGHTS: return my_rights(s, c);
	case IMAP_GETMETADATA: return metadata(s, c);
	case IMAP_LIST: return svc_account_imap_cmd_list(s, c);
	case IMAP_STORE: return store_flags_of(s, c);
	case IMAP_CLOSE: return close_mailbox(s, c);
	case IMAP_FETCH: return svc_account_imap_cmd_fetch(s, c);
	case IMAP_SEARCH: return svc_account_imap_cmd_search(s, c);
	case IMAP_SORT: return svc_account_imap_cmd_sort(s, c);
	case IMAP_THREAD: return svc_account_imap_cmd_thread(s, c);
	case IMAP_UIDBATCHES: return svc_account_imap_cmd_uidbatches(s, c);
	case IMAP_EXPUNGE: return svc_account_imap_cmd_expunge(s, c);
	case IMAP_APPEND: return svc_account_imap_cmd_append(s, c); /* these find their target */
	case IMAP_REPLACE: return svc_account_imap_cmd_replace(s, c);
	case IMAP_COPY: return svc_account_imap_cmd_copy(s, c);
	case IMAP_MOVE: return svc_account_imap_cmd_move(s, c);
	case IMAP_UNSELECT: return svc_account_imap_cmd_unselect(s, c);
	case IMAP_CHECK:
	case IMAP_NOOP: return ERR_OK;
	case IMAP_CREATE: return svc_account_imap_shared_guest_create(s, c);
	case IMAP_DELETE: return svc_account_imap_shared_guest_delete(s, c);
	case IMAP_RENAME: return svc_account_imap_shared_guest_rename(s, c);
	case IMAP_GETACL:
	case IMAP_SETACL:
	case IMAP_DELETEACL:
	case IMAP_LISTRIGHTS: return administer(s, c);
	case IMAP_SETMETADATA:
		TRY(svc_account_imap_shared_guest_take_name(s, &c->u.metadata.mailbox,
		    IMAP_RIGHT_ADMIN, &rights));
		return ERR_DENIED;
	default: return ERR_DENIED;
	}
}

enum err
svc_account_imap_shared_guest_filter(struct svc_account_imap *s, struct store_mailbox **all,
    size_t *n)
{
	size_t kept = 0;
	if (s->account->guest == 0) {
		return ERR_OK;
	}
	for (size_t i = 0; i < *n; i++) {
		struct store_mailbox m = (*all)[i];
		unsigned rights = 0;
		if (m.id != 0) {
			TRY(svc_account_imap_shared_rights(s, m.id, &rights));
		}
		if ((rights & IMAP_RIGHT_LOOKUP) == 0) {
			continue;
		}
		m.name = svc_account_imap_shared_full_name(s, m.name);
		m.special = 0;
		m.subscribed = m.children = false; /* those of the visitor are elsewhere */
		if (m.name.p == NULL) {
			return ERR_BUDGET;
		}
		(*all)[kept++] = m;
	}
	for (size_t i = 0; i + 1 < kept; i++) {
		str name = (*all)[i].name, next = (*all)[i + 1].name;
		(*all)[i].children = str_starts(next, name) && next.n > name.n &&
		    next.p[name.n] == '/';
	}
	*n = kept;
	return ERR_OK;
}

/* ---- the channel -------------------------------------------------------------------------- */

void
svc_account_imap_shared_guest_tell(struct svc_account_imap_guest *g, enum err result)
{
	struct buf out;
	struct svc_account_imap *s = &g->s;
	svc_account_imap_flush(s);
	struct ipc_account_guest_done m = { .octets = s->octets_out,
		.enabled = s->enabled,
		.selected = s->state == IMAP_SELECTED,
		.ended = s->quit || s->broken,
		.result = result };
	buf_init(&out, SYS_CHAN_MESSAGE_MAX);
	ipc_account_guest_done_put(&out, &m);
	enum err e = sys_chan_send_wait(g->chan, &out, -1, SVC_ACCOUNT_IMAP_SHARED_GUEST_SEND_MS);
	buf_done(&out);
	if (e != ERR_OK || m.ended) {
		g->over = true;
		g->end = e;
	}
}

static void
tell_done(struct svc_account_imap_guest *g)
{
	svc_account_imap_shared_guest_tell(g, ERR_OK);
}

void
svc_account_imap_shared_guest_withdraw(struct svc_account_imap_guest *g)
{
	svc_account_imap_deselect(&g->s);
	svc_account_imap_end(&g->s, ERR_OK, "access was withdrawn");
}

enum err
svc_account_imap_shared_guest_begin(struct svc_account_imap_guest *g)
{
	struct svc_account_imap *s = &g->s;
	arena_reset(s->command_arena);
	arena_reset(s->work);
	buf_reset(&s->code);
	s->text = NULL;
	enum err e = svc_account_imap_shared_guest_check(s);
	if (e != ERR_OK) {
		svc_account_imap_shared_guest_withdraw(g);
	}
	return e;
}

static void
run_command(struct svc_account_imap_guest *g, bool untagged)
{
	struct svc_account_imap *s = &g->s;
	struct imap_command c;
	if (svc_account_imap_shared_guest_begin(g) != ERR_OK) {
		return;
	}
	enum err e = imap_command_parse(s->command_arena, buf_view(&g->raw), s->state, s->enabled,
	    &c);
	if (e != ERR_OK) {
		svc_account_imap_bad(s, c.tag, e, false);
		return;
	}
	s->tag = c.tag;
	s->tell_ms = sys_clock_ms() + SVC_ACCOUNT_IMAP_PROGRESS_MS;
	svc_account_imap_limit_reset(s);
	e = run(s, &c);
	s->tag = STR_NONE;
	if (e == ERR_DENIED && s->code.n == 0) {
		e = svc_account_imap_fail(s, e, "NOPERM", "you may not do this here");
	}
	enum err news = svc_account_imap_refresh(s, svc_account_imap_may_expunge(&c), NULL);
	svc_account_imap_limit_tell(s, e);
	if (!untagged) {
		svc_account_imap_reply(s, c.tag, imap_verbs[c.verb].name, e == ERR_OK ? news : e);
	}
}

static enum err
on_command(void *ctx, const struct ipc_account_guest_command *m, int *fd)
{
	struct svc_account_imap_guest *g = ctx;
	if (g->busy != SVC_ACCOUNT_IMAP_SHARED_GUEST_FREE) {
		return ERR_PROTOCOL;
	}
	buf_str(&g->raw, m->octets);
	if (!m->last) {
		return buf_err(&g->raw);
	}
	TRY(buf_err(&g->raw));
	g->s.enabled = g->s.reader.enabled = m->enabled & SVC_ACCOUNT_IMAP_SHARED_GUEST_ENABLED;
	store_set_reset(&g->sent);
	g->idle = false;
	run_command(g, m->untagged);
	buf_reset(&g->raw);
	tell_done(g);
	return ERR_OK;
}

/* A notice of the owner's other sessions, or one from us to begin with. */
static void
tell_news(struct svc_account_imap_guest *g)
{
	struct svc_account_imap *s = &g->s;
	arena_reset(s->work);
	uint64_t before = s->octets_out;
	if (svc_account_imap_shared_guest_check(s) != ERR_OK ||
	    svc_account_imap_refresh(s, true, NULL) != ERR_OK) {
		svc_account_imap_shared_guest_withdraw(g);
	}
	s->dirty = false;
	svc_account_imap_flush(s);
	if (s->octets_out != before || s->quit) {
		tell_done(g);
	}
}

static enum err
on_idle(void *ctx, const struct ipc_account_guest_idle *m, int *fd)
{
	struct svc_account_imap_guest *g = ctx;
	if (g->busy != SVC_ACCOUNT_IMAP_SHARED_GUEST_FREE) {
		return ERR_PROTOCOL;
	}
	g->idle = m->on;
	if (svc_account_imap_shared_guest_check(&g->s) != ERR_OK ||
	    svc_account_imap_refresh(&g->s, true, NULL) != ERR_OK) {
		svc_account_imap_shared_guest_withdraw(g);
	}
	tell_done(g);
	return ERR_OK;
}

static enum err
take_messages(struct svc_account_imap_guest *g, struct buf *in, struct arena *scratch)
{
	static const struct ipc_account_guest_at_guest handlers = { .command = on_command,
		.idle = on_idle,
		.copy = svc_account_imap_shared_guest_on_copy,
		.remove = svc_account_imap_shared_guest_on_remove,
		.append = svc_account_imap_shared_guest_on_append,
		.insert = svc_account_imap_shared_guest_on_insert,
		.own_letter = svc_account_imap_shared_guest_on_letter,
		.own_piece = svc_account_imap_shared_guest_on_piece,
		.keep = svc_account_imap_shared_guest_on_keep };
	int fd = -1;
	enum err e = sys_chan_recv(g->chan, in, &fd);
	if (e == ERR_OK) {
		arena_reset(scratch);
		e = ipc_account_guest_guest_dispatch(&handlers, g, buf_view(in), &fd, scratch);
	}
	sys_close(&fd);
	return e == ERR_AGAIN ? ERR_OK : e;
}

static enum err
serve(struct svc_account_imap_guest *g, struct buf *in, struct arena *scratch)
{
	struct svc_account_imap *s = &g->s;
	while (!g->over) {
		struct sys_wait_item items[] = { { .fd = g->chan, .want_read = true },
			{ .fd = s->account->control, .want_read = true } };
		if (s->account->control < 0) {
			return ERR_OK;
		}
		TRY(sys_wait_any(items, LEN(items), -1));
		if (items[1].ready_read) {
			svc_account_imap_control(s);
		}
		if (s->quit) {
			tell_done(g);
		} else if (items[0].ready_read) {
			TRY(take_messages(g, in, scratch));
		} else if (s->dirty && g->idle) {
			tell_news(g);
		}
	}
	return g->end;
}

enum err
svc_account_imap_shared_serve(struct svc_account *a, int visit)
{
	static struct svc_account_imap_guest g; /* large; one per process */
	struct buf in;
	TRY(svc_account_imap_init(&g.s, a));
	g.chan = visit;
	store_set_init(&g.sent);
	g.s.shared.prefix = arena_printf(g.s.arena, "Other Users/%.*s/", STR_ARG(a->name));
	struct arena *scratch = arena_new(g.s.arena, "channel", 1 << 20, 0);
	buf_init(&in, SYS_CHAN_MESSAGE_MAX);
	buf_init(&g.raw, IMAP_COMMAND_MAX);
	svc_account_imap_shared_guest_restrict(&g.s, 0, 0);
	enum err e = scratch == NULL || g.s.shared.prefix.p == NULL ? ERR_NOMEM
								    : serve(&g, &in, scratch);
	buf_done(&in);
	buf_done(&g.raw);
	store_set_done(&g.sent);
	svc_account_imap_shared_spool_done(&g.spool);
	svc_account_imap_done(&g.s);
	return e == ERR_EOF ? ERR_OK : e;
}
