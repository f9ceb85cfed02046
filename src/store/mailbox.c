/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creating, deleting, renaming and subscribing mailboxes, and looking one up. RFC 9051 6.3.4
 * to 6.3.8; the list of all of them is at the end.
 */
#include "store/store_priv.h"

#include "base/codec.h"

/* ---- names -------------------------------------------------------------------------------- */

static bool
allowed(uint32_t cp)
{
	/* C0, DEL and C1 controls, and the line separators of RFC 5198 2 */
	return cp >= 0x20 && cp != 0x7f && (cp < 0x80 || cp > 0x9f) && cp != 0x2028 &&
	    cp != 0x2029 && cp != UINT32_MAX;
}

static bool
all_allowed(str s)
{
	while (s.n > 0) {
		if (!allowed(utf8_next(&s))) {
			return false;
		}
	}
	return true;
}

/* The first level is INBOX in whatever case. */
static bool
is_inbox(str name)
{
	str head, tail;
	(void)str_cut(name, '/', &head, &tail);
	return str_ieq(head, S("INBOX"));
}

enum err
store_name_check(str name, struct buf *out)
{
	size_t depth = 0;
	if (name.n > 1 && name.p[name.n - 1] == '/') {
		name.n--; /* RFC 9051 6.3.4: a client's way to say that there will be inferiors */
	}
	if (name.n > STORE_NAME_MAX) {
		return ERR_TOOBIG;
	}
	if (name.n == 0 || name.p[0] == '/' || str_ends(name, S("/")) ||
	    str_find(name, S("//")) >= 0 || !utf8_valid(name) || !all_allowed(name)) {
		return ERR_SYNTAX;
	}
	for (size_t i = 0; i < name.n; i++) {
		depth += name.p[i] == '/';
	}
	if (depth >= STORE_DEPTH_MAX) {
		return ERR_TOOBIG;
	}
	buf_reset(out);
	buf_str(out, is_inbox(name) ? S("INBOX") : str_sub(name, 0, 5));
	buf_str(out, str_from_off(name, 5));
	return buf_err(out);
}

int
store_name_cmp(str a, str b)
{
	bool inbox_a = is_inbox(a), inbox_b = is_inbox(b);
	if (inbox_a != inbox_b) {
		return inbox_a ? -1 : 1;
	}
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		unsigned ca = a.p[i] == '/' ? 0 : (uint8_t)a.p[i];
		unsigned cb = b.p[i] == '/' ? 0 : (uint8_t)b.p[i];
		if (ca != cb) {
			return ca < cb ? -1 : 1;
		}
	}
	return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

bool
store_name_below(str name, str parent)
{
	return name.n > parent.n && name.p[parent.n] == '/' && str_starts(name, parent);
}

/* ---- rows by name ------------------------------------------------------------------------- */

/* A canonical name in its own storage. */
struct name {
	struct buf b;
	char storage[STORE_NAME_MAX];
};

static enum err
name_take(struct name *n, str from)
{
	buf_init_fixed(&n->b, n->storage, sizeof n->storage);
	return store_name_check(from, &n->b);
}

static enum err
id_of(struct store *s, str name, uint64_t *ret_id)
{
	struct db_stmt *q = db_query(s->db, "SELECT id FROM mailbox WHERE name = ?");
	db_bind_str(q, 1, name);
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret_id = db_u64(q, 0);
	}
	db_done(q);
	return e;
}

static enum err
count_of(struct db_stmt *q, uint64_t *ret_n)
{
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret_n = db_u64(q, 0);
	}
	db_done(q);
	return e;
}

/* ---- looking up --------------------------------------------------------------------------- */

static enum err
read_mailbox(struct db_stmt *q, struct arena *a, struct store_mailbox *ret)
{
	enum err e = db_row(q);
	if (e == ERR_OK) {
		struct store_mailbox m = {
			.id = db_u64(q, 0),
			.name = arena_dup(a, db_str(q, 1)),
			.uidvalidity = (uint32_t)db_u64(q, 2),
			.uidnext = (uint32_t)db_u64(q, 3),
			.modseq = db_u64(q, 4),
			.messages = (uint32_t)db_u64(q, 5),
			.unseen = (uint32_t)db_u64(q, 6),
			.deleted = (uint32_t)db_u64(q, 7),
			.octets = db_u64(q, 8),
			.special = (unsigned)db_u64(q, 9),
			.subscribed = !db_is_null(q, 10),
		};
		e = m.name.p == NULL ? ERR_BUDGET : ERR_OK;
		*ret = m;
	}
	db_done(q);
	return e;
}

#define MAILBOX_COLUMNS                                                                         \
	"SELECT m.id, m.name, uidvalidity, uidnext, modseq, messages, unseen, deleted, octets," \
	" special, s.name FROM mailbox m LEFT JOIN subscription s ON s.name = m.name"

enum err
store_mailbox_get(struct store *s, uint64_t id, struct arena *a, struct store_mailbox *ret)
{
	TRY(store_begin(s, DB_READ));
	struct db_stmt *q = db_query(s->db, MAILBOX_COLUMNS " WHERE m.id = ?");
	db_bind_u64(q, 1, id);
	return store_end(s, read_mailbox(q, a, ret));
}

enum err
store_mailbox_find(struct store *s, str name, struct arena *a, struct store_mailbox *ret)
{
	struct name n;
	if (name_take(&n, name) != ERR_OK) {
		return ERR_NOTFOUND;
	}
	TRY(store_begin(s, DB_READ));
	struct db_stmt *q = db_query(s->db, MAILBOX_COLUMNS " WHERE m.name = ?");
	db_bind_str(q, 1, buf_view(&n.b));
	return store_end(s, read_mailbox(q, a, ret));
}

/* ---- create ------------------------------------------------------------------------------- */

static enum err
check_special(struct store *s, unsigned special)
{
	uint64_t taken = 0;
	if (special == 0) {
		return ERR_OK;
	}
	struct db_stmt *q = db_query(s->db,
	    "SELECT count(*) FROM mailbox WHERE special & ? !="
	    " 0");
	db_bind_u64(q, 1, special);
	TRY(count_of(q, &taken));
	return taken == 0 ? ERR_OK : ERR_DENIED;
}

/* The nearest mailbox above a name that exists; 0: there is none. */
static enum err
nearest_above(struct store *s, str name, uint64_t *ret_id)
{
	*ret_id = 0;
	for (size_t i = name.n; i-- > 1;) {
		enum err e = name.p[i] == '/' ? id_of(s, str_sub(name, 0, i), ret_id)
					      : ERR_NOTFOUND;
		if (e != ERR_NOTFOUND) {
			return e;
		}
	}
	return ERR_OK;
}

/* A new mailbox takes over what the one above it hands down. */
static enum err
make(struct store *s, str name, unsigned special, uint64_t *ret_id)
{
	uint64_t above;
	TRY(nearest_above(s, name, &above));
	TRY(store_box_new(s, name, special, ret_id));
	return above == 0 ? ERR_OK : store_annotations_hand_down(s, above, *ret_id);
}

static enum err
make_parents(struct store *s, str name)
{
	uint64_t id;
	for (size_t i = 1; i < name.n; i++) {
		if (name.p[i] != '/') {
			continue;
		}
		enum err e = id_of(s, str_sub(name, 0, i), &id);
		if (e == ERR_NOTFOUND) {
			e = make(s, str_sub(name, 0, i), 0, &id);
		}
		TRY(e);
	}
	return ERR_OK;
}

/* Under a restriction: is this name the one that may be given, where it was meant to be? */
static enum err
check_new_name(struct store *s, str name)
{
	uint64_t above, count = 0;
	TRY(count_of(db_query(s->db, "SELECT count(*) FROM mailbox"), &count));
	uint64_t most = s->restricted ? STORE_MAILBOXES_GUEST : STORE_MAILBOXES_MAX;
	if (count + STORE_DEPTH_MAX > most) {
		return ERR_TOOMANY;
	}
	if (!s->restricted) {
		return ERR_OK;
	}
	TRY(nearest_above(s, name, &above));
	return above != 0 && above == s->only.below ? ERR_OK : ERR_DENIED;
}

static enum err
create_in(struct store *s, str name, unsigned special, uint64_t *ret_id)
{
	uint64_t id;
	enum err e = id_of(s, name, &id);
	if (e != ERR_NOTFOUND) {
		return e == ERR_OK ? ERR_EXISTS : e;
	}
	TRY(check_new_name(s, name));
	TRY(check_special(s, special));
	TRY(make_parents(s, name));
	return make(s, name, special, ret_id);
}

/* Is it the name that a restriction lets be given? */
static bool
may_give(const struct store *s, str name)
{
	struct name only;
	return name_take(&only, s->only.name) == ERR_OK && str_eq(buf_view(&only.b), name);
}

enum err
store_mailbox_create(struct store *s, str name, unsigned special, uint64_t *ret_id)
{
	struct name n;
	uint64_t id = 0;
	TRY(name_take(&n, name));
	TRY(store_may(s, s->only.rename == 0 && special == 0 && may_give(s, buf_view(&n.b))));
	TRY(store_begin(s, DB_DURABLE));
	TRY(store_end(s, create_in(s, buf_view(&n.b), special, &id)));
	if (ret_id != NULL) {
		*ret_id = id;
	}
	return ERR_OK;
}

/* ---- delete ------------------------------------------------------------------------------- */

/*
 * The first name below `parent`; its row's id. A '/' sorts right before '0'.
 */
static enum err
first_below(struct store *s, str parent, struct name *ret_name, uint64_t *ret_id)
{
	struct name lo, hi;
	buf_init_fixed(&lo.b, lo.storage, sizeof lo.storage);
	buf_init_fixed(&hi.b, hi.storage, sizeof hi.storage);
	buf_str(&lo.b, parent);
	buf_ch(&lo.b, '/');
	buf_str(&hi.b, parent);
	buf_ch(&hi.b, '0');
	if (buf_err(&lo.b) != ERR_OK) {
		return ERR_NOTFOUND; /* too long to have anything below */
	}
	struct db_stmt *q = db_query(s->db,
	    "SELECT id, name FROM mailbox WHERE name > ? AND name < ? ORDER BY name LIMIT 1");
	db_bind_str(q, 1, buf_view(&lo.b));
	db_bind_str(q, 2, buf_view(&hi.b));
	enum err e = db_row(q);
	if (e == ERR_OK) {
		*ret_id = db_u64(q, 0);
		buf_init_fixed(&ret_name->b, ret_name->storage, sizeof ret_name->storage);
		buf_str(&ret_name->b, db_str(q, 1));
		e = buf_err(&ret_name->b);
	}
	db_done(q);
	return e;
}

static enum err
delete_in(struct store *s, str name)
{
	struct name below;
	uint64_t id, other;
	enum err e = id_of(s, name, &id);
	if (e == ERR_NOTFOUND) {
		e = first_below(s, name, &below, &other);
		return e == ERR_OK ? ERR_DENIED : e;
	}
	TRY(e);
	if (id == STORE_INBOX || (s->restricted && id != s->only.remove)) {
		return ERR_DENIED;
	}
	(void)store_tick(s);
	TRY(store_box_empty(s, id));
	TRY(store_box_log(s, id, true));
	TRY(store_annotations_drop(s, id));
	struct db_stmt *q = db_query(s->db, "DELETE FROM gone WHERE mailbox = ?");
	db_bind_u64(q, 1, id);
	TRY(db_run(q));
	q = db_query(s->db, "DELETE FROM mailbox WHERE id = ?");
	db_bind_u64(q, 1, id);
	return db_run(q);
}

enum err
store_mailbox_delete(struct store *s, str name)
{
	struct name n;
	if (name_take(&n, name) != ERR_OK) {
		return ERR_NOTFOUND;
	}
	TRY(store_may(s, s->only.remove != 0));
	TRY(store_begin(s, DB_DURABLE));
	return store_end(s, delete_in(s, buf_view(&n.b)));
}

/* ---- rename ------------------------------------------------------------------------------- */

/* Under a restriction: this one, and those below it that are named there. */
static bool
may_rename(const struct store *s, uint64_t id)
{
	const struct store_restriction *r = &s->only;
	bool along = false;
	for (size_t lo = 0, hi = r->along_n; lo < hi && !along;) {
		size_t mid = lo + (hi - lo) / 2;
		along = r->along[mid] == id;
		lo = r->along[mid] < id ? mid + 1 : lo;
		hi = r->along[mid] < id ? hi : mid;
	}
	return !s->restricted || (id != STORE_INBOX && (id == r->rename || along));
}

static enum err
set_name(struct store *s, uint64_t id, str name)
{
	if (!may_rename(s, id)) {
		return ERR_DENIED;
	}
	struct db_stmt *q = db_query(s->db, "UPDATE mailbox SET name = ? WHERE id = ?");
	db_bind_str(q, 1, name);
	db_bind_u64(q, 2, id);
	TRY(db_run(q)); /* EXISTS when an inferior's new name is taken */
	return store_box_log(s, id, false);
}

/* A new name that may not be would hide the mailbox from everybody who asks for it. */
static enum err
rename_below(struct store *s, str from, str to)
{
	struct name old, new;
	char storage[2 * STORE_NAME_MAX];
	struct buf joined;
	uint64_t id;
	enum err e;
	buf_init_fixed(&joined, storage, sizeof storage);
	while ((e = first_below(s, from, &old, &id)) == ERR_OK) {
		buf_reset(&joined);
		buf_str(&joined, to);
		buf_str(&joined, str_from_off(buf_view(&old.b), from.n));
		TRY(name_take(&new, buf_view(&joined)));
		TRY(set_name(s, id, buf_view(&new.b)));
	}
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* Parents that were missing, and the mailbox that INBOX's messages went to, are new ones. */
static enum err
check_count(struct store *s)
{
	uint64_t count = 0;
	TRY(count_of(db_query(s->db, "SELECT count(*) FROM mailbox"), &count));
	return count > STORE_MAILBOXES_MAX ? ERR_TOOMANY : ERR_OK;
}

/* RFC 9051 6.3.6: all messages move, the inbox stays. */
static enum err
rename_inbox(struct store *s, str to)
{
	struct store_range all = { 1, UINT32_MAX };
	struct store_set uids = { .v = &all, .n = 1, .cap = 1 };
	struct store_copying c = { .from = STORE_INBOX, .uids = &uids, .move = true };
	struct store_copied copied;
	TRY(store_box_new(s, to, 0, &c.to));
	TRY(store_annotations_copy(s, STORE_INBOX, c.to)); /* RFC 5464 4.1 */
	return store_copy_in(s, &c, &copied, NULL);
}

static enum err
rename_in(struct store *s, str from, str to)
{
	struct name below;
	uint64_t id = 0, other;
	enum err found = id_of(s, from, &id), e;
	if (found != ERR_OK && found != ERR_NOTFOUND) {
		return found;
	}
	if (found == ERR_NOTFOUND) {
		TRY(first_below(s, from, &below, &other));
	}
	e = id_of(s, to, &other);
	if (e != ERR_NOTFOUND) {
		return e == ERR_OK ? ERR_EXISTS : e;
	}
	if (s->restricted) {
		TRY(check_new_name(s, to));
		TRY(id == s->only.rename && id != STORE_INBOX ? ERR_OK : ERR_DENIED);
	}
	(void)store_tick(s);
	if (id == STORE_INBOX) {
		TRY(make_parents(s, to));
		TRY(rename_inbox(s, to));
		return check_count(s);
	}
	if (store_name_below(to, from)) {
		return ERR_DENIED;
	}
	TRY(make_parents(s, to));
	if (found == ERR_OK) {
		TRY(set_name(s, id, to));
	}
	TRY(rename_below(s, from, to));
	return check_count(s);
}

enum err
store_mailbox_rename(struct store *s, str from, str to)
{
	struct name old, new;
	if (name_take(&old, from) != ERR_OK) {
		return ERR_NOTFOUND;
	}
	TRY(name_take(&new, to));
	TRY(store_may(s, s->only.rename != 0 && may_give(s, buf_view(&new.b))));
	TRY(store_begin(s, DB_DURABLE));
	return store_end(s, rename_in(s, buf_view(&old.b), buf_view(&new.b)));
}

/* ---- subscribe ---------------------------------------------------------------------------- */

enum err
store_subscription_log(struct store *s, str name, bool on)
{
	struct store_place place;
	struct store_meta_subscription m = { store_tick(s), on, name };
	buf_reset(&s->blob);
	store_meta_subscription_put(&s->blob, &m);
	TRY(buf_err(&s->blob));
	struct store_record r = { .type = STORE_RECORD_SUBSCRIPTION, .meta = buf_view(&s->blob) };
	return store_log_put(s, &r, &place);
}

static enum err
subscribe_in(struct store *s, str name, bool on)
{
	uint64_t count = 0;
	if (on) {
		TRY(count_of(db_query(s->db, "SELECT count(*) FROM subscription"), &count));
		if (count >= STORE_SUBSCRIPTIONS_MAX) {
			return ERR_TOOMANY;
		}
	}
	struct db_stmt *q = on
	    ? db_query(s->db, "INSERT INTO subscription VALUES(?) ON CONFLICT(name) DO NOTHING")
	    : db_query(s->db, "DELETE FROM subscription WHERE name = ?");
	db_bind_str(q, 1, name);
	TRY(db_run(q));
	return db_changes(s->db) == 0 ? ERR_OK : store_subscription_log(s, name, on);
}

enum err
store_subscribe(struct store *s, str name, bool on)
{
	struct name n;
	TRY(name_take(&n, name));
	TRY(store_begin(s, DB_DURABLE));
	return store_end(s, subscribe_in(s, buf_view(&n.b), on));
}

/* ---- the list ----------------------------------------------------------------------------- */

/*
 * Rows, parents that do not exist by themselves, and names that are only subscribed, merged in
 * order. Since '/' sorts lowest, what is below a name follows it directly.
 */
struct list_items {
	struct arena *a;
	struct store_mailbox *v;
	size_t n, cap;
};

static enum err
push(struct list_items *l, const struct store_mailbox *m)
{
	struct store_mailbox *v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof *v);
	if (v == NULL) {
		return ERR_BUDGET;
	}
	l->v = v;
	l->v[l->n++] = *m;
	return ERR_OK;
}

static int
by_name(const void *a, const void *b)
{
	return store_name_cmp(((const struct store_mailbox *)a)->name,
	    ((const struct store_mailbox *)b)->name);
}

static void
sort(struct list_items *l)
{
	if (l->n > 1) {
		qsort(l->v, l->n, sizeof *l->v, by_name);
	}
}

static enum err
rows_of(struct db_stmt *q, struct list_items *l)
{
	enum err e;
	while ((e = db_row(q)) == ERR_OK) {
		struct store_mailbox m = {
			.id = db_u64(q, 0),
			.name = arena_dup(l->a, db_str(q, 1)),
			.uidvalidity = (uint32_t)db_u64(q, 2),
			.uidnext = (uint32_t)db_u64(q, 3),
			.modseq = db_u64(q, 4),
			.messages = (uint32_t)db_u64(q, 5),
			.unseen = (uint32_t)db_u64(q, 6),
			.deleted = (uint32_t)db_u64(q, 7),
			.octets = db_u64(q, 8),
			.special = (unsigned)db_u64(q, 9),
		};
		e = m.name.p == NULL ? ERR_BUDGET : push(l, &m);
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* The parents of item i that the item before it neither is nor lies below. */
static enum err
add_parents(struct list_items *l, size_t i)
{
	str name = l->v[i].name, before = i == 0 ? STR_NONE : l->v[i - 1].name;
	for (size_t at = 1; at < name.n; at++) {
		str parent = str_sub(name, 0, at);
		if (name.p[at] == '/' && !str_eq(before, parent) &&
		    !store_name_below(before, parent)) {
			struct store_mailbox m = { .name = parent };
			TRY(push(l, &m));
		}
	}
	return ERR_OK;
}

static void
mark_children(struct list_items *l)
{
	for (size_t i = 0; i + 1 < l->n; i++) {
		l->v[i].children = store_name_below(l->v[i + 1].name, l->v[i].name);
	}
}

static enum err
subscriptions_of(struct db_stmt *q, struct list_items *l)
{
	size_t rows = l->n;
	enum err e;
	while ((e = db_row(q)) == ERR_OK) {
		struct store_mailbox m = { .name = db_str(q, 0), .subscribed = true };
		struct store_mailbox *found = rows == 0
		    ? NULL
		    : bsearch(&m, l->v, rows, sizeof m, by_name);
		if (found != NULL) {
			found->subscribed = true;
			continue;
		}
		m.name = arena_dup(l->a, m.name);
		e = m.name.p == NULL ? ERR_BUDGET : push(l, &m);
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
list_in(struct store *s, struct list_items *l)
{
	TRY(rows_of(db_query(s->db,
			"SELECT id, name, uidvalidity, uidnext, modseq, messages, unseen,"
			" deleted, octets, special FROM mailbox"),
	    l));
	sort(l);
	size_t rows = l->n;
	for (size_t i = 0; i < rows; i++) {
		TRY(add_parents(l, i));
	}
	sort(l);
	mark_children(l);
	TRY(subscriptions_of(db_query(s->db, "SELECT name FROM subscription"), l));
	sort(l);
	return ERR_OK;
}

enum err
store_mailboxes(struct store *s, struct arena *a, struct store_mailbox **ret, size_t *ret_n)
{
	struct list_items l = { .a = a };
	TRY(store_begin(s, DB_READ));
	TRY(store_end(s, list_in(s, &l)));
	*ret = l.v;
	*ret_n = l.n;
	return ERR_OK;
}
