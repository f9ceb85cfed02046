/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing an account folder, making a new one, and what a new boot means: numbers
 * start behind everything that was reserved, since a client may have seen what a power cut took
 * back.
 */
#include "store/store_priv.h"

#include "base/mem.h"
#include "store/arrivals/take.h"
#include "store/care.h"
#include "store/scan.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sys.h"

#include <inttypes.h>
#include <zstd.h>

/* ---- memory ------------------------------------------------------------------------------- */

static struct store *
new_empty(void)
{
	struct store *s = mem_zalloc(1, sizeof *s);
	if (s == NULL) {
		return NULL;
	}
	s->magic = STORE_MAGIC;
	s->dir = s->packs = s->lock = s->arrivals = -1;
	for (size_t i = 0; i < STORE_PACK_FDS; i++) {
		s->fds[i].fd = -1;
	}
	buf_init(&s->log, 4 * (size_t)STORE_FLUSH_OCTETS);
	buf_init(&s->join, STORE_MESSAGE_MAX + (1 << 20));
	buf_init(&s->packed, STORE_MESSAGE_MAX + (4 << 20));
	buf_init(&s->text.octets, STORE_MESSAGE_MAX + (1 << 20));
	buf_init(&s->ahead.octets, STORE_AHEAD_OCTETS);
	buf_init(&s->blob, MAX((size_t)STORE_PAGE_OCTETS_MAX, (size_t)STORE_RECORD_META_MAX));
	s->page = mem_resize(NULL, sizeof *s->page); /* most of it is never touched */
	s->tail = mem_resize(NULL, sizeof *s->tail);
	if (s->page == NULL || s->tail == NULL) {
		store_close(&s);
		return NULL;
	}
	s->page->n = s->tail->n = 0;
	return s;
}

void
store_close(struct store **sp)
{
	struct store *s = *sp;
	if (s == NULL) {
		return;
	}
	ASSERT(s->magic == STORE_MAGIC);
	db_close(&s->db);
	store_log_forget(s);
	sys_close(&s->dir);
	sys_close(&s->packs);
	sys_close(&s->lock);
	sys_close(&s->arrivals);
	buf_done(&s->log);
	buf_done(&s->join);
	buf_done(&s->packed);
	buf_done(&s->text.octets);
	store_ahead_forget(s, true);
	buf_done(&s->blob);
	store_maps_forget(s);
	mem_drop(s->page);
	mem_drop(s->tail);
	ZSTD_freeCCtx(s->zip);
	ZSTD_freeDCtx(s->unzip);
	s->magic = 0;
	MEM_FREE(*sp);
}

void
store_leave(struct store *s)
{
	if (s != NULL) {
		db_leave(s->db);
	}
}

/* ---- the folder --------------------------------------------------------------------------- */

enum err
store_temp(struct store *s, int *ret_fd)
{
	return sys_file_temp(s->dir, ret_fd);
}

static enum err
make_folder(int at, str path)
{
	enum err e = sys_dir_make(at, path, 0700);
	return e == ERR_EXISTS ? ERR_OK : e;
}

/* Making what is there already costs the folder's lock: look first. */
static enum err
open_parts(struct store *s, bool create)
{
	enum err e = sys_dir_open(s->dir, S("packs"), &s->packs);
	if (e == ERR_NOTFOUND && create) {
		TRY(make_folder(s->dir, S("packs")));
		e = sys_dir_open(s->dir, S("packs"), &s->packs);
	}
	TRY(e);
	e = sys_file_open(s->dir, S("lock"), SYS_READ | SYS_WRITE, &s->lock);
	return e != ERR_NOTFOUND
	    ? e
	    : sys_file_open(s->dir, S("lock"), SYS_READ | SYS_WRITE | SYS_CREATE, &s->lock);
}

static enum err
open_folder(struct store *s, const struct store_conf *conf)
{
	str path = { s->path, s->path_n };
	enum err e = sys_dir_open(SYS_CWD, path, &s->dir);
	if (e == ERR_NOTFOUND && conf->create) {
		TRY(make_folder(SYS_CWD, path));
		e = sys_dir_open(SYS_CWD, path, &s->dir);
	}
	TRY(e);
	TRY(open_parts(s, conf->create));
	return store_arrivals_attach(s, conf->create);
}

/* Does any pack hold more than its head? */
static enum err
look_at_pack(void *ctx, str name)
{
	struct store *s = ctx;
	struct sys_stat st;
	TRY(sys_file_stat(s->packs, name, &st));
	return st.size > STORE_RECORD_HEAD ? ERR_EXISTS : ERR_OK;
}

/* EXISTS: the first pack holds a message, or what cannot be read and may have been one. */
static enum err
look_for_mail(struct store *s)
{
	struct store_scan_pack sc;
	struct store_record r;
	struct store_place at;
	enum err e = store_scan_open(&sc, s->packs, 1, 0);
	while (e == ERR_OK && (e = store_scan_next(&sc, &r, &at)) == ERR_OK) {
		e = r.type == STORE_RECORD_MESSAGE || r.type == STORE_RECORD_LINK ? ERR_EXISTS
										  : ERR_OK;
	}
	store_scan_close(&sc);
	if (e == ERR_NOTFOUND || (e == ERR_CORRUPT && sc.torn)) {
		return ERR_OK;
	}
	return e == ERR_CORRUPT || e == ERR_VERSION ? ERR_EXISTS : e;
}

/*
 * EXISTS: the packs tell more than a new account's first mailboxes. With an index that never
 * had an account and one pack without mail, a crash came while the account was made: it is made
 * again from the beginning, so that none of its mailboxes is missing.
 */
static enum err
look_at_packs(struct store *s)
{
	struct store_set packs;
	enum err e = sys_dir_list(s->packs, look_at_pack, s);
	if (e != ERR_EXISTS || s->db == NULL) {
		return e;
	}
	store_set_init(&packs);
	e = store_pack_list(s->packs, &packs);
	bool one = packs.n == 1 && packs.v[0].lo == 1 && packs.v[0].hi == 1;
	store_set_done(&packs);
	TRY(e);
	return one ? look_for_mail(s) : ERR_EXISTS;
}

/* ---- a new account ------------------------------------------------------------------------ */

static const struct {
	str name;
	unsigned special;
} first_mailboxes[] = {
	{ S_INIT("INBOX"), 0 },
	{ S_INIT("Drafts"), STORE_DRAFTS },
	{ S_INIT("Sent"), STORE_SENT },
	{ S_INIT("Junk"), STORE_JUNK },
	{ S_INIT("Trash"), STORE_TRASH },
	{ S_INIT("Archive"), STORE_ARCHIVE },
};

enum err
store_account_insert(struct store *s)
{
	struct store_account *a = &s->account;
	struct db_stmt *q = db_query(s->db,
	    "INSERT INTO account VALUES(1, ?, ?, ?, ?, ?, ?, ?, ?)");
	db_bind_str(q, 1, str_make(s->boot, s->boot_n));
	db_bind_u64(q, 2, a->clock);
	db_bind_u64(q, 3, a->clock_reserved);
	db_bind_u64(q, 4, a->mailbox_next);
	db_bind_u64(q, 5, a->pack);
	db_bind_u64(q, 6, a->pack_end);
	db_bind_u64(q, 7, a->uidvalidity);
	db_bind_blob(q, 8, str_make(a->key, sizeof a->key));
	return db_run(q);
}

static enum err
first_pack(struct store *s)
{
	struct store_pack_head h = { .number = s->account.pack };
	int fd = -1;
	memcpy(h.key, s->account.key, sizeof h.key);
	TRY(store_pack_create(s->packs, &h, &fd));
	sys_close(&fd);
	return ERR_OK;
}

/*
 * Names and first pages last before there is an account: an index that came through a power cut
 * never points to a pack that did not, and its log never lies beside an empty file, where the
 * engine would throw it away.
 */
static enum err
make_last(struct store *s)
{
	int fd SYS_FD_AUTO = -1;
	TRY(sys_file_open(s->dir, S("index.db"), SYS_READ | SYS_WRITE, &fd));
	TRY(sys_file_datasync(fd));
	TRY(sys_file_sync(s->packs));
	return sys_file_sync(s->dir);
}

static enum err
subscribe_first(struct store *s, str name)
{
	struct db_stmt *q = db_query(s->db, "INSERT INTO subscription VALUES(?)");
	db_bind_str(q, 1, name);
	TRY(db_run(q));
	return store_subscription_log(s, name, true);
}

static enum err
account_fill(struct store *s)
{
	uint64_t id;
	TRY(store_account_insert(s));
	for (size_t i = 0; i < LEN(first_mailboxes); i++) {
		TRY(store_box_new(s, first_mailboxes[i].name, first_mailboxes[i].special, &id));
		TRY(subscribe_first(s, first_mailboxes[i].name));
	}
	return ERR_OK;
}

static void
account_begin(struct store_account *a)
{
	*a = (struct store_account){ .clock_reserved = STORE_MARGIN + STORE_RESERVE,
		.mailbox_next = STORE_INBOX,
		.pack_end = STORE_RECORD_HEAD,
		.pack = 1 };
	sys_random(a->key, sizeof a->key);
}

static enum err
fill_new(struct store *s)
{
	account_begin(&s->account);
	TRY(first_pack(s));
	TRY(make_last(s));
	return account_fill(s);
}

/* The end of a transaction that was begun by hand, because there was nothing to begin it with. */
static enum err
leave_new(struct store *s, enum err e)
{
	s->in_txn = false;
	if (e != ERR_OK) {
		db_rollback(s->db);
		return e;
	}
	return db_commit(s->db);
}

/*
 * The whole of a new account in one transaction, on disk before anybody sees a number of it: made
 * again after a power cut, it would give those numbers to other messages.
 */
static enum err
make_new(struct store *s)
{
	TRY(db_begin(s->db, DB_DURABLE));
	s->in_txn = true;
	s->mode = DB_DURABLE;
	s->log_checked = true;
	enum err e = fill_new(s);
	if (e == ERR_OK) {
		e = store_log_flush(s);
	}
	if (e == ERR_OK) {
		e = store_log_sync(s);
	}
	if (e == ERR_OK) {
		e = store_account_save(s->db, &s->account);
	}
	return leave_new(s, e);
}

static enum err
make_index_file(struct store *s)
{
	char path[DB_PATH_MAX + 16];
	struct db *db = NULL;
	int n = snprintf(path, sizeof path, "%.*s/index.db", (int)s->path_n, s->path);
	struct db_conf conf = { .path = { path, (size_t)n }, .flags = DB_CREATE };
	enum err e = db_open(&conf, &db);
	db_close(&db);
	return e;
}

/* Out: is there an account, and was it opened in this boot before? */
static enum err
look_at_account(struct store *s, bool *ret_has, bool *ret_same_boot)
{
	struct db_stmt *q = db_query(s->db, "SELECT boot, key FROM account");
	enum err e = db_row(q);
	*ret_has = e == ERR_OK;
	*ret_same_boot = e == ERR_OK && str_eq(db_str(q, 0), str_make(s->boot, s->boot_n));
	if (e == ERR_OK && db_blob(q, 1).n != sizeof s->account.key) {
		e = ERR_CORRUPT;
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/*
 * With the lock held exclusively: the index is missing or empty. NOTFOUND: packs are there and
 * the index must be rebuilt from them.
 */
static enum err
make_index_locked(struct store *s)
{
	bool has = false, same;
	enum err e = store_swap_finish(s->dir);
	if (e == ERR_OK) {
		return store_index_open(s);
	}
	if (e != ERR_NOTFOUND) {
		return e;
	}
	e = s->db != NULL ? ERR_OK : store_index_open(s);
	if (e == ERR_OK) {
		TRY(look_at_account(s, &has, &same)); /* another process may have been first */
		if (has) {
			return ERR_OK;
		}
	} else if (e != ERR_NOTFOUND) {
		return e;
	}
	e = look_at_packs(s);
	if (e != ERR_OK) {
		return e == ERR_EXISTS ? ERR_NOTFOUND : e;
	}
	if (s->db == NULL) {
		TRY(make_index_file(s));
		TRY(store_index_open(s));
	}
	return make_new(s);
}

/* The packs know everything: an index that cannot be read is made again, not complained about. */
static enum err
rebuild_index(struct store *s, const struct store_conf *conf)
{
	struct store_report none = { 0 };
	db_close(&s->db);
	TRY(store_rebuild(conf, &none));
	return store_index_open(s);
}

static enum err
make_index(struct store *s, const struct store_conf *conf)
{
	TRY(sys_file_lock(s->lock, true, true));
	enum err e = make_index_locked(s);
	sys_file_unlock(s->lock);
	return e == ERR_NOTFOUND ? rebuild_index(s, conf) : e;
}

/* ---- a new boot --------------------------------------------------------------------------- */

/* Each mailbox starts behind its reserved uids, and has new ones set aside at once. */
static enum err
skip_uids(struct store *s)
{
	struct db_stmt *q = db_query(s->db,
	    "UPDATE mailbox SET uidnext = uid_reserved,"
	    " uid_reserved = min(uid_reserved + ?, 4294967295)");
	db_bind_u64(q, 1, STORE_MARGIN + STORE_RESERVE);
	TRY(db_run(q));
	enum err e = ERR_OK;
	q = db_query(s->db, "SELECT id FROM mailbox");
	while (e == ERR_OK && (e = db_row(q)) == ERR_OK) {
		e = store_box_log(s, db_u64(q, 0), false);
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
skip_reserved(struct store *s)
{
	bool has, same;
	TRY(look_at_account(s, &has, &same));
	if (same) {
		return ERR_OK;
	}
	s->account.clock = s->account.clock_reserved;
	struct db_stmt *q = db_query(s->db, "UPDATE account SET boot = ?");
	db_bind_str(q, 1, str_make(s->boot, s->boot_n));
	TRY(db_run(q));
	(void)store_tick(s);
	return skip_uids(s);
}

static enum err
check_boot(struct store *s)
{
	bool has, same;
	TRY(look_at_account(s, &has, &same));
	if (same) {
		return ERR_OK;
	}
	TRY(store_begin(s, DB_DURABLE));
	return store_end(s, skip_reserved(s));
}

/* ---- opening ------------------------------------------------------------------------------ */

enum err
store_new_bare(const struct store_conf *conf, struct store **ret)
{
	struct store *s;
	if (conf->path.n == 0 || conf->path.n > DB_PATH_MAX - 64 ||
	    conf->boot_id.n > sizeof s->boot - 1) {
		return ERR_TOOBIG;
	}
	s = new_empty();
	if (s == NULL) {
		return ERR_NOMEM;
	}
	memcpy(s->path, conf->path.p, conf->path.n);
	s->path_n = conf->path.n;
	if (conf->boot_id.n > 0) {
		memcpy(s->boot, conf->boot_id.p, conf->boot_id.n);
	}
	s->boot_n = conf->boot_id.n;
	s->quota_octets = conf->quota_octets;
	s->quota_messages = conf->quota_messages;
	s->pack_octets = conf->pack_octets != 0 ? conf->pack_octets : STORE_PACK_MAX;
	s->trigram_from = conf->trigram_from;
	s->wall_s = conf->wall_s;
	enum err e = open_folder(s, conf);
	if (e != ERR_OK) {
		store_close(&s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}

static enum err
look_at_index(struct store *s, bool *ret_has, bool *ret_same_boot)
{
	*ret_has = *ret_same_boot = false;
	enum err e = store_index_open(s);
	if (e == ERR_OK) {
		return look_at_account(s, ret_has, ret_same_boot);
	}
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
open_in(struct store *s, const struct store_conf *conf)
{
	bool has = false, same = false;
	enum err e = look_at_index(s, &has, &same);
	if (e == ERR_CORRUPT) {
		e = rebuild_index(s, conf);
	} else if (e == ERR_OK && !has) {
		e = make_index(s, conf);
	}
	return e == ERR_OK && !same ? check_boot(s) : e;
}

enum err
store_open(const struct store_conf *conf, struct store **ret)
{
	struct store *s = NULL;
	TRY(store_new_bare(conf, &s));
	enum err e = open_in(s, conf);
	if (e != ERR_OK) {
		store_close(&s);
		return e;
	}
	s->opened = true;
	*ret = s;
	return ERR_OK;
}

/* ---- a rehearsal -------------------------------------------------------------------------- */

/*
 * What nearly every account process does, done once before any is forked, in an account without
 * files: so that the engine has its tables read and these statements prepared in each of them. Add
 * what your operation asks for here when many processes begin with it.
 */
static enum err
rehearse_fill(struct store *s)
{
	TRY(db_begin(s->db, DB_WRITE));
	account_begin(&s->account);
	s->in_txn = true;
	s->mode = DB_WRITE;
	s->log_checked = true;
	enum err e = account_fill(s);
	e = e == ERR_OK ? store_log_flush(s) : e;
	e = e == ERR_OK ? store_account_save(s->db, &s->account) : e;
	return leave_new(s, e);
}

static enum err
rehearse_delivery(struct store *s)
{
	struct store_delivery d = { .entry = 2,
		.rcpt = 1,
		.oldest_live = 1,
		.msg = {
		    .body = S("Subject: none\r\n\r\nnone\r\n"), .message_id = S("one@none") } };
	struct store_added added;
	struct store_quota quota;
	TRY(store_deliver(s, &d, 1, &added));
	d.entry++;
	TRY(store_deliver(s, &d, 1, &added));
	return store_quota(s, &quota);
}

static enum err
rehearse_session(struct store *s, struct arena *a)
{
	struct store_mailbox *list, box;
	struct store_view view;
	struct store_news news;
	struct store_msg msg;
	size_t n;
	uint32_t unseen;
	TRY(store_mailboxes(s, a, &list, &n));
	TRY(store_mailbox_find(s, S("INBOX"), a, &box));
	TRY(store_view_init(&view, s, box.id));
	enum err e = store_view_refresh(&view, true, a, &news);
	e = e == ERR_OK ? store_view_first_unseen(&view, &unseen) : e;
	e = e == ERR_OK ? store_msg(s, box.id, 1, &msg) : e;
	store_view_done(&view);
	return e;
}

static enum err
rehearse_all(struct store *s)
{
	bool has, same;
	struct arena *a = arena_new(NULL, "rehearsal", 1 << 20, 0);
	if (a == NULL) {
		return ERR_NOMEM;
	}
	enum err e = rehearse_fill(s);
	e = e == ERR_OK ? rehearse_delivery(s) : e;
	e = e == ERR_OK ? rehearse_session(s, a) : e;
	e = e == ERR_OK ? look_at_account(s, &has, &same) : e;
	e = e == ERR_OK ? store_tidy(s) : e;
	arena_free(&a);
	return e;
}

static enum err
rehearse(void *ctx, struct db *db)
{
	struct store *s = new_empty();
	if (s == NULL) {
		return ERR_NOMEM;
	}
	s->db = db;
	s->pack_octets = STORE_PACK_MAX;
	s->fds[0].pack = 1;
	enum err e = sys_file_memory("rehearsal", &s->lock);
	e = e == ERR_OK ? sys_file_memory("rehearsal", &s->fds[0].fd) : e;
	e = e == ERR_OK ? rehearse_all(s) : e;
	s->db = NULL; /* it is not ours */
	store_close(&s);
	return e;
}

void
store_start(void)
{
	/* Without it everything opens as it would anyway. */
	(void)(db_warm(store_schema, store_schema_n, rehearse, NULL) == ERR_OK);
}

str
store_id_text(char kind, uint64_t id, char out[STORE_ID_TEXT_MAX])
{
	return str_make(out, (size_t)snprintf(out, STORE_ID_TEXT_MAX, "%c%" PRIu64, kind, id));
}
