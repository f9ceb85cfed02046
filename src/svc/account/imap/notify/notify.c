/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling a session of mailboxes that are not selected (RFC 5465 5). A notice costs one row of the
 * store, a change of names one comparison of all rows, sorted; whoever has more mailboxes than the
 * limit is refused or told [NOTIFICATIONOVERFLOW].
 */
#include "svc/account/imap/notify/notify.h"

#include "proto/imap/write.h"

/* ---- what is wanted ------------------------------------------------------------------------- */

static const struct imap_notify_group *
selected_group(const struct svc_account_imap *s)
{
	for (size_t i = 0; s->notify != NULL && i < s->notify->args.n; i++) {
		const struct imap_notify_group *g = &s->notify->args.groups[i];
		if (g->filter <= IMAP_NOTIFY_DELAYED) {
			return g;
		}
	}
	return NULL;
}

unsigned
svc_account_imap_notify_selected(const struct svc_account_imap *s)
{
	if (s->notify == NULL) {
		return IMAP_NOTIFY_MESSAGES;
	}
	const struct imap_notify_group *g = selected_group(s);
	return g == NULL ? 0 : g->events;
}

bool
svc_account_imap_notify_pushes(const struct svc_account_imap *s)
{
	return s->notify != NULL && s->notify->args.set;
}

bool
svc_account_imap_notify_expunges(const struct svc_account_imap *s)
{
	return s->notify != NULL && s->notify->args.expunges;
}

const struct imap_fetch_args *
svc_account_imap_notify_fetch(const struct svc_account_imap *s)
{
	const struct imap_notify_group *g = selected_group(s);
	return g != NULL && g->has_fetch ? &g->fetch : NULL;
}

static bool
is_below(str name, str parent)
{
	return name.n > parent.n && name.p[parent.n] == '/' && str_starts(name, parent);
}

/* INBOXES is read as PERSONAL: filters may deliver anywhere (RFC 5465 6.3). */
static bool
covers(const struct imap_notify_group *g, const struct store_mailbox *m)
{
	switch (g->filter) {
	case IMAP_NOTIFY_INBOXES:
	case IMAP_NOTIFY_PERSONAL: return true;
	case IMAP_NOTIFY_SUBSCRIBED: return m->subscribed;
	default: break;
	}
	for (size_t i = 0; i < g->n; i++) {
		bool below = g->filter == IMAP_NOTIFY_SUBTREE && is_below(m->name, g->names[i]);
		if (below || str_eq(m->name, g->names[i])) {
			return true;
		}
	}
	return false;
}

unsigned
svc_account_imap_notify_events(const struct svc_account_imap_notify *n,
    const struct store_mailbox *m)
{
	unsigned events = 0;
	for (size_t i = 0; i < n->args.n; i++) {
		const struct imap_notify_group *g = &n->args.groups[i];
		if (g->filter > IMAP_NOTIFY_DELAYED && covers(g, m)) {
			events |= g->events;
		}
	}
	return events;
}

static unsigned
all_events(const struct svc_account_imap_notify *n)
{
	unsigned events = 0;
	for (size_t i = 0; i < n->args.n; i++) {
		events |= n->args.groups[i].events;
	}
	return events;
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* All mailboxes as they are now, in the arena that is free. */
static enum err
read_rows(struct svc_account_imap *s, struct store_mailbox **ret, size_t *ret_n)
{
	arena_reset(s->notify->rows_arena[1]);
	TRY(store_mailboxes(s->store, s->notify->rows_arena[1], ret, ret_n));
	return *ret_n > SVC_ACCOUNT_IMAP_NOTIFY_MAILBOXES ? ERR_TOOMANY : ERR_OK;
}

/* These are now what was told. */
static void
take_rows(struct svc_account_imap_notify *n, struct store_mailbox *rows, size_t count)
{
	struct arena *old = n->rows_arena[0];
	n->rows_arena[0] = n->rows_arena[1];
	n->rows_arena[1] = old;
	n->rows = rows;
	n->n = count;
}

enum err
svc_account_imap_notify_begin(struct svc_account_imap *s)
{
	struct store_mailbox *rows;
	size_t count;
	TRY(read_rows(s, &rows, &count));
	TRY(store_annotations_modseq(s->store, &s->notify->annotations));
	take_rows(s->notify, rows, count);
	return ERR_OK;
}

static struct store_mailbox *
row_of(const struct svc_account_imap_notify *n, uint64_t id)
{
	for (size_t i = 0; i < n->n; i++) {
		if (n->rows[i].id == id) {
			return &n->rows[i];
		}
	}
	return NULL;
}

/* ---- messages of other mailboxes ------------------------------------------------------------ */

static unsigned
changed_items(const struct svc_account_imap *s, unsigned events, const struct store_mailbox *was,
    const struct store_mailbox *is)
{
	unsigned items = 0,
		 modseq = svc_account_imap_has_condstore(s) ? IMAP_STATUS_HIGHESTMODSEQ : 0;
	bool count = was->uidnext != is->uidnext || was->messages != is->messages;
	if (count && (events & IMAP_NOTIFY_NEW) != 0) {
		items |= IMAP_STATUS_UIDNEXT | IMAP_STATUS_MESSAGES | modseq;
	}
	if (was->modseq != is->modseq && (events & IMAP_NOTIFY_FLAGS) != 0) {
		items |= modseq != 0 ? modseq | IMAP_STATUS_UIDVALIDITY : 0;
		items |= was->unseen != is->unseen ? IMAP_STATUS_UNSEEN : 0;
	}
	return items;
}

static void
tell_messages(struct svc_account_imap *s, struct store_mailbox *was, const struct store_mailbox *is)
{
	unsigned events = svc_account_imap_notify_events(s->notify, was) & IMAP_NOTIFY_MESSAGES;
	unsigned items = changed_items(s, events, was, is);
	bool selected = s->state == IMAP_SELECTED && s->box.id == was->id;
	if (items != 0 && !selected) {
		svc_account_imap_put_status(s, is, items);
		svc_account_imap_breathe(s);
	}
	was->messages = is->messages;
	was->uidnext = is->uidnext;
	was->modseq = is->modseq;
	was->unseen = is->unseen;
}

static enum err
tell_pending(struct svc_account_imap *s)
{
	struct svc_account_imap_notify *n = s->notify;
	for (size_t i = 0; i < n->pending_n; i++) {
		struct store_mailbox now, *was = row_of(n, n->pending[i]);
		arena_reset(s->scratch);
		enum err e = store_mailbox_get(s->store, n->pending[i], s->scratch, &now);
		if (e == ERR_OK && was != NULL) {
			tell_messages(s, was, &now);
		} else if (e != ERR_OK && e != ERR_NOTFOUND) {
			return e;
		}
	}
	return ERR_OK;
}

/* ---- names and subscriptions ---------------------------------------------------------------- */

/* Rows in order of name and of id; those without id are in `name` alone. */
struct sorted {
	const struct store_mailbox **name, **id;
	size_t name_n, id_n;
};

struct comparison {
	struct svc_account_imap *s;
	struct sorted was, is;
	str own[2]; /* names that this session changed itself */
};

static int
by_name(const void *a, const void *b)
{
	const struct store_mailbox *const *x = a, *const *y = b;
	return str_cmp((*x)->name, (*y)->name);
}

static int
by_id(const void *a, const void *b)
{
	const struct store_mailbox *const *x = a, *const *y = b;
	return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

static enum err
sort(struct arena *a, const struct store_mailbox *rows, size_t n, struct sorted *ret)
{
	ret->name = arena_array(a, n + 1, sizeof *ret->name);
	ret->id = arena_array(a, n + 1, sizeof *ret->id);
	if (ret->name == NULL || ret->id == NULL) {
		return ERR_BUDGET;
	}
	for (size_t i = 0; i < n; i++) {
		ret->name[ret->name_n++] = &rows[i];
		if (rows[i].id != 0) {
			ret->id[ret->id_n++] = &rows[i];
		}
	}
	qsort(ret->name, ret->name_n, sizeof *ret->name, by_name);
	qsort(ret->id, ret->id_n, sizeof *ret->id, by_id);
	return ERR_OK;
}

static const struct store_mailbox *
named(const struct sorted *in, str name)
{
	struct store_mailbox key = { .name = name };
	const struct store_mailbox *wanted = &key;
	const struct store_mailbox **at = bsearch(&wanted, in->name, in->name_n, sizeof *in->name,
	    by_name);
	return at == NULL ? NULL : *at;
}

static const struct store_mailbox *
numbered(const struct sorted *in, uint64_t id)
{
	struct store_mailbox key = { .id = id };
	const struct store_mailbox *wanted = &key;
	const struct store_mailbox **at = bsearch(&wanted, in->id, in->id_n, sizeof *in->id, by_id);
	return at == NULL ? NULL : *at;
}

static bool
is_own(const struct comparison *c, str name)
{
	for (size_t i = 0; i < LEN(c->own); i++) {
		str own = c->own[i];
		if (own.n > 0 &&
		    (str_eq(name, own) || is_below(name, own) || is_below(own, name))) {
			return true;
		}
	}
	return false;
}

/* Is this event wanted of a mailbox by its name before or after? */
static bool
wants(const struct comparison *c, unsigned event, const struct store_mailbox *was,
    const struct store_mailbox *is)
{
	unsigned events = was == NULL ? 0 : svc_account_imap_notify_events(c->s->notify, was);
	events |= is == NULL ? 0 : svc_account_imap_notify_events(c->s->notify, is);
	return (events & event) != 0;
}

/* LIST of a name as it is now; with its old name when it was renamed. */
static void
put_list(const struct comparison *c, str name, str oldname)
{
	struct svc_account_imap *s = c->s;
	const struct store_mailbox *is = named(&c->is, name);
	struct store_mailbox none = { .name = name };
	is = is == NULL ? &none : is;
	buf_cstr(&s->out, is->id == 0 ? "* LIST (\\NonExistent " : "* LIST (");
	buf_cstr(&s->out, is->subscribed ? "\\Subscribed " : "");
	buf_cstr(&s->out, is->children ? "\\HasChildren" : "\\HasNoChildren");
	imap_put_uses(&s->out, svc_account_imap_uses(is->special), true);
	buf_cstr(&s->out, ") \"/\" ");
	imap_put_mailbox(&s->out, name, svc_account_imap_utf8(s));
	if (oldname.n > 0) {
		buf_cstr(&s->out, " (\"OLDNAME\" (");
		imap_put_mailbox(&s->out, oldname, svc_account_imap_utf8(s));
		buf_cstr(&s->out, "))");
	}
	buf_cstr(&s->out, "\r\n");
	svc_account_imap_breathe(s);
}

static str
parent_of(str name)
{
	size_t n = name.n;
	while (n > 0 && name.p[n - 1] != '/') {
		n--;
	}
	return n == 0 ? STR_NONE : str_sub(name, 0, n - 1);
}

/* The direct parent counts as affected, too (RFC 5465 5.4), unless its own event comes anyway. */
static void
tell_parent(const struct comparison *c, str name)
{
	str parent = parent_of(name);
	const struct store_mailbox *was = named(&c->was, parent), *is = named(&c->is, parent);
	struct store_mailbox none = { .name = parent };
	bool same = (was == NULL ? 0 : was->id) == (is == NULL ? 0 : is->id);
	if (parent.n > 0 && same && wants(c, IMAP_NOTIFY_NAME, is == NULL ? &none : is, NULL)) {
		put_list(c, parent, STR_NONE);
	}
}

/* Has the name changed only because its parent's did? (RFC 5465 5.4: no event then) */
static bool
moved_along(const struct comparison *c, const struct store_mailbox *was,
    const struct store_mailbox *is)
{
	str old = parent_of(was->name), new = parent_of(is->name);
	const struct store_mailbox *parent = old.n == 0 ? NULL : named(&c->was, old);
	if (parent == NULL || parent->id == 0 || new.n == 0 ||
	    !str_eq(str_from_off(was->name, old.n), str_from_off(is->name, new.n))) {
		return false;
	}
	const struct store_mailbox *now = numbered(&c->is, parent->id);
	return now != NULL && str_eq(now->name, new);
}

static void
tell_names(const struct comparison *c)
{
	for (size_t i = 0; i < c->was.id_n; i++) {
		const struct store_mailbox *was = c->was.id[i], *is = numbered(&c->is, was->id);
		if (is_own(c, was->name) || !wants(c, IMAP_NOTIFY_NAME, was, is)) {
			continue;
		}
		if (is == NULL) {
			put_list(c, was->name, STR_NONE);
			tell_parent(c, was->name);
		} else if (!str_eq(was->name, is->name) && !moved_along(c, was, is)) {
			put_list(c, is->name, was->name);
		}
	}
	for (size_t i = 0; i < c->is.id_n; i++) {
		const struct store_mailbox *is = c->is.id[i];
		bool fresh = numbered(&c->was, is->id) == NULL;
		if (fresh && !is_own(c, is->name) && wants(c, IMAP_NOTIFY_NAME, is, NULL)) {
			put_list(c, is->name, STR_NONE);
			tell_parent(c, is->name);
		}
	}
}

static void
tell_subscription(const struct comparison *c, const struct store_mailbox *was,
    const struct store_mailbox *is)
{
	str name = was != NULL ? was->name : is->name;
	bool before = was != NULL && was->subscribed, now = is != NULL && is->subscribed;
	if (before != now && !is_own(c, name) && wants(c, IMAP_NOTIFY_SUBSCRIPTION, was, is)) {
		put_list(c, name, STR_NONE);
	}
}

static void
tell_subscriptions(const struct comparison *c)
{
	for (size_t i = 0; i < c->was.name_n; i++) {
		tell_subscription(c, c->was.name[i], named(&c->is, c->was.name[i]->name));
	}
	for (size_t i = 0; i < c->is.name_n; i++) {
		if (named(&c->was, c->is.name[i]->name) == NULL) {
			tell_subscription(c, NULL, c->is.name[i]);
		}
	}
}

/*
 * Compare all mailboxes with what was told. Names that this session changed are left out; numbers
 * of messages are told only with `messages`, else they stay what was told.
 */
static enum err
compare(struct svc_account_imap *s, const str own[2], bool messages)
{
	struct svc_account_imap_notify *n = s->notify;
	struct comparison c = { .s = s, .own = { own[0], own[1] } };
	struct store_mailbox *rows;
	size_t count;
	TRY(read_rows(s, &rows, &count));
	TRY(sort(n->rows_arena[1], n->rows, n->n, &c.was));
	TRY(sort(n->rows_arena[1], rows, count, &c.is));
	tell_names(&c);
	tell_subscriptions(&c);
	for (size_t i = 0; i < count; i++) {
		const struct store_mailbox *was = rows[i].id == 0 ? NULL
								  : numbered(&c.was, rows[i].id);
		if (was == NULL) {
			continue;
		}
		struct store_mailbox told = *was;
		told.name = rows[i].name;
		if (messages) {
			tell_messages(s, &told, &rows[i]);
		}
		rows[i].messages = told.messages;
		rows[i].uidnext = told.uidnext;
		rows[i].modseq = told.modseq;
		rows[i].unseen = told.unseen;
	}
	take_rows(n, rows, count);
	return ERR_OK;
}

/* ---- metadata ------------------------------------------------------------------------------- */

static void
put_metadata(struct svc_account_imap *s, str mailbox, str entry)
{
	buf_cstr(&s->out, "* METADATA ");
	imap_put_mailbox(&s->out, mailbox, svc_account_imap_utf8(s));
	buf_ch(&s->out, ' ');
	imap_put_astring(&s->out, entry);
	buf_cstr(&s->out, "\r\n");
	svc_account_imap_breathe(s);
}

static enum err
tell_metadata(struct svc_account_imap *s)
{
	struct svc_account_imap_notify *n = s->notify;
	struct store_annotation_list list;
	uint64_t modseq, since = n->annotations;
	unsigned events = all_events(n);
	if ((events & (IMAP_NOTIFY_METADATA | IMAP_NOTIFY_SERVER)) == 0 ||
	    (s->enabled & IMAP_ENABLED_METADATA) != 0) {
		return ERR_OK; /* who enabled METADATA is told of all changes anyway */
	}
	TRY(store_annotations_modseq(s->store, &modseq));
	if (modseq <= since) {
		return ERR_OK;
	}
	arena_reset(s->scratch);
	TRY(store_annotations_since(s->store, since, S("/"), s->scratch, &list));
	for (size_t i = 0; i < list.n; i++) {
		const struct store_annotation *a = &list.v[i];
		const struct store_mailbox *m = a->mailbox == 0 ? NULL : row_of(n, a->mailbox);
		n->annotations = MAX(n->annotations, a->modseq);
		if (a->modseq == s->metadata.own) {
			continue;
		}
		if (a->mailbox == 0 && (events & IMAP_NOTIFY_SERVER) != 0) {
			put_metadata(s, S(""), a->entry);
		} else if (m != NULL &&
		    (svc_account_imap_notify_events(n, m) & IMAP_NOTIFY_METADATA) != 0) {
			put_metadata(s, m->name, a->entry);
		}
	}
	n->annotations = MAX(n->annotations, modseq);
	return ERR_OK;
}

/* ---- notices -------------------------------------------------------------------------------- */

bool
svc_account_imap_notify_waits(const struct svc_account_imap *s)
{
	const struct svc_account_imap_notify *n = s->notify;
	return n != NULL && n->others && (n->pending_n > 0 || n->all || n->list);
}

bool
svc_account_imap_notify_notice(struct svc_account_imap *s, uint64_t mailbox)
{
	struct svc_account_imap_notify *n = s->notify;
	if (n == NULL || !n->others) {
		return false;
	}
	if (mailbox == 0) {
		n->list = true;
		return true;
	}
	for (size_t i = 0; i < n->pending_n; i++) {
		if (n->pending[i] == mailbox) {
			return true;
		}
	}
	if (n->pending_n == LEN(n->pending)) {
		n->all = true;
	} else {
		n->pending[n->pending_n++] = mailbox;
	}
	return true;
}

/* RFC 5465 5.8: as if NOTIFY NONE had come. */
static void
give_up(struct svc_account_imap *s)
{
	s->notify->args = (struct imap_notify_args){ 0 };
	s->notify->others = false;
	svc_account_imap_line(s, "* OK [NOTIFICATIONOVERFLOW] too much to watch");
}

void
svc_account_imap_notify_tell(struct svc_account_imap *s)
{
	static const str nobody[2];
	struct svc_account_imap_notify *n = s->notify;
	if (!svc_account_imap_notify_waits(s) || s->broken) {
		return;
	}
	enum err e = n->list || n->all ? compare(s, nobody, n->all) : ERR_OK;
	if (e == ERR_OK && !n->all) {
		e = tell_pending(s);
	}
	if (e == ERR_OK) {
		e = tell_metadata(s);
	}
	n->pending_n = 0;
	n->all = n->list = false;
	if (e != ERR_OK) {
		give_up(s);
	}
}

void
svc_account_imap_notify_own(struct svc_account_imap *s, str name, str other)
{
	const str own[2] = { name, other };
	if (s->notify != NULL && s->notify->others && compare(s, own, false) != ERR_OK) {
		give_up(s);
	}
}

void
svc_account_imap_notify_mine(struct svc_account_imap *s, uint64_t mailbox, uint32_t lo, uint32_t hi)
{
	if (svc_account_imap_notify_fetch(s) != NULL && s->state == IMAP_SELECTED &&
	    mailbox == s->box.id) {
		store_set_add(&s->notify->mine, lo, hi);
	}
}
