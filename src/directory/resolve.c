/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is behind an address. Answers are kept by the octets that were asked, so that the hot path is
 * one hash and no parsing; any change of the directory forgets them all.
 */
#include "base/mem.h"
#include "directory/account.h"
#include "directory/directory_priv.h"
#include "mail/address.h"

/* A cached answer: the struct, its targets, its forwards, its texts, in one block. */
struct directory_kept {
	struct directory_answer answer;
	struct directory_target targets[];
};

/* One look at the tables on the way to an answer. */
struct search {
	struct directory *d;
	str local, domain; /* canonical parts */
	uint64_t catchall;
	size_t n; /* targets found, in d->targets */
};

static void
add_target(struct search *s, struct db_stmt *q)
{
	struct directory *d = s->d;
	uint64_t account = db_u64(q, 0), state = db_u64(q, 1);

	if (s->n == DIRECTORY_TARGETS_MAX) {
		return;
	}
	d->targets[s->n++] = (struct directory_target){
		.account = account,
		.full = map_get(d->full, account) != NULL,
		.disabled = state == DIRECTORY_STATE_DISABLED,
		.locked = state == DIRECTORY_STATE_LOCKED,
		.junk_at = db_i64(q, 2),
		.reject_at = db_i64(q, 3),
	};
}

static enum err
collect(struct search *s, struct db_stmt *q)
{
	enum err e;

	while ((e = db_row(q)) == ERR_OK) {
		add_target(s, q);
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* One address elsewhere; when its domain is ours by now, the account that has it. */
static void
add_forward(struct search *s, struct db_stmt *q)
{
	struct directory *d = s->d;
	struct directory_answer *a = &d->answer;
	bool ours = db_u64(q, 5) != 0;
	str target = db_str(q, 4);

	if (ours && db_u64(q, 0) != 0) {
		for (size_t i = 0; i < s->n; i++) {
			if (d->targets[i].account == db_u64(q, 0)) {
				return;
			}
		}
		add_target(s, q);
	} else if (ours || target.n > DIRECTORY_NAME_MAX) {
		a->lost++;
	} else if (a->forwards_n < DIRECTORY_TARGETS_MAX) {
		char *room = d->forward_text[a->forwards_n];

		memcpy(room, target.p, target.n);
		d->forwards[a->forwards_n++] = str_make(room, target.n);
	}
}

static enum err
look_up_forwards(struct search *s, str alias)
{
	struct db_stmt *q = db_query(s->d->db,
	    "SELECT COALESCE(c.id, 0), c.state, c.junk_at, c.reject_at, x.target,"
	    " CASE WHEN m.name IS NULL THEN 0 ELSE 1 END FROM forwards x"
	    " LEFT JOIN domains m ON m.name = x.target_domain"
	    " LEFT JOIN addresses y ON y.address = LOWER(x.target)"
	    " LEFT JOIN accounts c ON c.id = y.account"
	    " WHERE x.alias = ? ORDER BY x.target");
	enum err e;

	s->d->answer.forwards_n = s->d->answer.lost = 0;
	s->d->answer.forwards = s->d->forwards;
	db_bind_str(q, 1, alias);
	while ((e = db_row(q)) == ERR_OK) {
		add_forward(s, q);
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

/* There is such a name, though it may lead nowhere now. */
static bool
found(const struct search *s)
{
	return s->n > 0 || s->d->answer.forwards_n > 0 || s->d->answer.lost > 0;
}

/* Own address or alias of exactly this name. */
static enum err
look_up(struct search *s, str address)
{
	struct db_stmt *q = db_query(s->d->db,
	    "SELECT c.id, c.state, c.junk_at, c.reject_at FROM addresses x"
	    " JOIN accounts c ON c.id = x.account"
	    " WHERE x.address = ?");

	db_bind_str(q, 1, address);
	TRY(collect(s, q));
	if (s->n > 0) {
		return ERR_OK;
	}
	q = db_query(s->d->db,
	    "SELECT c.id, c.state, c.junk_at, c.reject_at FROM aliases x"
	    " JOIN accounts c ON c.id = x.account"
	    " WHERE x.alias = ? ORDER BY c.id");
	db_bind_str(q, 1, address);
	TRY(collect(s, q));
	return look_up_forwards(s, address);
}

static enum err
look_up_account(struct search *s, uint64_t account)
{
	struct db_stmt *q = db_query(s->d->db,
	    "SELECT id, state, junk_at, reject_at FROM accounts"
	    " WHERE id = ?");

	db_bind_u64(q, 1, account);
	return collect(s, q);
}

/*
 * RFC 5321 4.5.1: postmaster is always there. Without such an address, the oldest account of the
 * domain, else of the server, takes its mail; it may be anybody's, so it does not own the address.
 */
static enum err
look_up_postmaster(struct search *s)
{
	s->d->answer.lent = true;
	struct db_stmt *q = db_query(s->d->db,
	    "SELECT id, state, junk_at, reject_at FROM accounts"
	    " WHERE state <> 3 AND domain = ? ORDER BY id LIMIT 1");

	db_bind_str(q, 1, s->domain);
	TRY(collect(s, q));
	if (s->n > 0) {
		return ERR_OK;
	}
	q = db_query(s->d->db,
	    "SELECT id, state, junk_at, reject_at FROM accounts"
	    " WHERE state <> 3 ORDER BY id LIMIT 1");
	return collect(s, q);
}

/* Write local@domain into the directory's answer. */
static void
say_address(struct search *s, str local)
{
	struct buf b;

	buf_init_fixed(&b, s->d->address, sizeof(s->d->address));
	buf_str(&b, local);
	buf_ch(&b, '@');
	buf_str(&b, s->domain);
	s->d->answer.address = buf_err(&b) == ERR_OK ? buf_view(&b) : STR_NONE;
}

/* Was it the address of an account that is deleted? Its mail is not for others to read. */
static enum err
look_up_tombstone(struct search *s, bool *ret)
{
	int64_t deleted_s;
	enum err e = directory_tombstone(s->d, s->d->answer.address, &deleted_s);

	*ret = e == ERR_OK;
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err
look_up_detail(struct search *s, bool *ret_deleted)
{
	str user, detail;

	if (s->local.n > 0 && s->local.p[0] == '"') {
		return ERR_OK; /* a quoted local part has no detail */
	}
	if (!mail_detail_split(s->local, buf_view(&s->d->delimiter), &user, &detail)) {
		return ERR_OK;
	}
	say_address(s, user);
	TRY(look_up(s, s->d->answer.address));
	if (!found(s)) {
		TRY(look_up_tombstone(s, ret_deleted));
		say_address(s, s->local);
		return ERR_OK;
	}
	memcpy(s->d->detail, detail.p, detail.n);
	s->d->answer.detail = str_make(s->d->detail, detail.n);
	return ERR_OK;
}

/* Who gets what is no address of its own. */
static enum err
find_others(struct search *s)
{
	bool deleted = false;

	TRY(look_up_detail(s, &deleted));
	if (deleted) {
		return ERR_OK;
	}
	if (!found(s) && str_eq(s->local, S("postmaster"))) {
		TRY(look_up_postmaster(s));
	}
	if (!found(s) && s->catchall != 0) {
		TRY(look_up_account(s, s->catchall));
	}
	return ERR_OK;
}

/* ERR_NOTFOUND: not one of ours. */
static enum err
read_domain(struct search *s)
{
	struct db_stmt *q = db_query(s->d->db,
	    "SELECT catchall, dmarc FROM domains WHERE name = ?");

	db_bind_str(q, 1, s->domain);
	enum err e = db_row(q);
	if (e == ERR_OK) {
		s->catchall = db_u64(q, 0);
		s->d->answer.dmarc = (enum directory_dmarc)MIN(db_u64(q, 1),
		    (uint64_t)DIRECTORY_DMARC_REJECT);
	}
	db_done(q);
	return e;
}

/* The order of who gets it. Found nobody: no error, no targets. */
static enum err
find_targets(struct search *s)
{
	bool deleted = false;

	TRY(read_domain(s));
	say_address(s, s->local);
	TRY(look_up(s, s->d->answer.address));
	if (!found(s)) {
		TRY(look_up_tombstone(s, &deleted));
	}
	return found(s) || deleted ? ERR_OK : find_others(s);
}

/* Leave disabled accounts out when others remain; the verdict follows from who is left. */
static void
judge(struct search *s)
{
	struct directory *d = s->d;
	size_t alive = 0, full = 0, forwards = d->answer.forwards_n;

	for (size_t i = 0; i < s->n; i++) {
		if (!d->targets[i].disabled) {
			d->targets[alive++] = d->targets[i];
			full += d->targets[alive - 1].full;
		}
	}
	d->answer.targets = d->targets;
	d->answer.targets_n = alive > 0 || forwards > 0 ? alive : s->n;
	if (s->n == 0 && forwards == 0) {
		d->answer.verdict = DIRECTORY_UNKNOWN;
	} else if (alive == 0 && forwards == 0) {
		d->answer.verdict = DIRECTORY_DISABLED;
	} else {
		bool all_full = full == alive && forwards == 0;

		d->answer.verdict = all_full ? DIRECTORY_OVERQUOTA : DIRECTORY_KNOWN;
	}
}

static void
resolve_uncached(struct directory *d, str address)
{
	char text[DIRECTORY_NAME_MAX];
	struct search s = { .d = d };
	struct buf canonical;
	enum err e;

	d->answer = (struct directory_answer){ .verdict = DIRECTORY_UNKNOWN };
	buf_init_fixed(&canonical, text, sizeof(text));
	if (str_ieq(address, S("postmaster"))) {
		s.local = S("postmaster");
		s.domain = buf_view(&d->default_domain);
	} else if (mail_address_canonical(&canonical, address) == ERR_OK) {
		mail_address_split(buf_view(&canonical), &s.local, &s.domain);
	} else {
		return;
	}
	e = find_targets(&s);
	if (e == ERR_OK) {
		judge(&s);
	} else {
		d->answer.verdict = e == ERR_NOTFOUND ? DIRECTORY_REMOTE : DIRECTORY_TEMP;
		d->answer.targets_n = d->answer.forwards_n = 0;
	}
}

uint64_t
directory_postmaster(struct directory *d, str domain)
{
	char text[DIRECTORY_NAME_MAX];
	struct search s = { .d = d, .domain = domain };
	struct buf b;

	buf_init_fixed(&b, text, sizeof(text));
	buf_cstr(&b, "postmaster@");
	buf_str(&b, domain);
	if (buf_err(&b) != ERR_OK) {
		return 0;
	}
	const struct directory_answer *a = directory_resolve(d, buf_view(&b));
	if (a->targets_n > 0 && !a->targets[0].disabled) {
		return a->targets[0].account;
	}
	/* an alias that leads elsewhere only: somebody here has to read it all the same */
	return look_up_postmaster(&s) == ERR_OK && s.n > 0 ? d->targets[0].account : 0;
}

static char *
place(char *at, str *s)
{
	if (s->n > 0) {
		memcpy(at, s->p, s->n);
	}
	*s = str_make(at, s->n);
	return at + s->n;
}

/* A copy in one block, for the cache. NULL: no memory. */
static struct directory_kept *
keep(const struct directory_answer *a)
{
	size_t targets = a->targets_n * sizeof(a->targets[0]), texts = a->address.n + a->detail.n;
	size_t forwards = a->forwards_n * sizeof(a->forwards[0]);
	struct directory_kept *k;
	str *copies;
	char *at;

	for (size_t i = 0; i < a->forwards_n; i++) {
		texts += a->forwards[i].n;
	}
	k = mem_zalloc(1, sizeof(*k) + targets + forwards + texts);

	if (k == NULL) {
		return NULL;
	}
	k->answer = *a;
	if (targets > 0) {
		memcpy(k->targets, a->targets, targets);
	}
	k->answer.targets = k->targets;
	copies = (str *)(void *)((char *)k->targets + targets);
	k->answer.forwards = copies;
	at = place((char *)copies + forwards, &k->answer.address);
	at = place(at, &k->answer.detail);
	for (size_t i = 0; i < a->forwards_n; i++) {
		copies[i] = a->forwards[i];
		at = place(at, &copies[i]);
	}
	return k;
}

const struct directory_answer *
directory_resolve(struct directory *d, str address)
{
	struct directory_kept **slot, *kept;

	if (address.n > DIRECTORY_NAME_MAX) {
		d->answer = (struct directory_answer){ .verdict = DIRECTORY_UNKNOWN };
		return &d->answer;
	}
	slot = lru_get(d->cache, address);
	if (slot != NULL) {
		return &(*slot)->answer;
	}
	resolve_uncached(d, address);
	if (d->answer.verdict == DIRECTORY_TEMP || d->batch) {
		return &d->answer; /* no answer, or one that may be taken back */
	}
	kept = keep(&d->answer);
	if (kept == NULL) {
		return &d->answer;
	}
	slot = lru_put(d->cache, address);
	if (slot == NULL) {
		mem_drop(kept);
		return &d->answer;
	}
	*slot = kept;
	return &kept->answer;
}

enum err
directory_owns(struct directory *d, uint64_t account, str address)
{
	const struct directory_answer *a = directory_resolve(d, address);

	if (a->verdict == DIRECTORY_TEMP) {
		return ERR_UNAVAILABLE;
	}
	for (size_t i = 0; i < a->targets_n && !a->lent; i++) {
		const struct directory_target *t = &a->targets[i];

		if (t->account == account) {
			return t->disabled || t->locked ? ERR_DENIED : ERR_OK;
		}
	}
	return ERR_DENIED;
}

void
directory_usage(struct directory *d, uint64_t account, uint64_t octets, uint64_t messages)
{
	struct db_stmt *q = db_query(d->db,
	    "SELECT quota_octets, quota_messages FROM accounts WHERE id = ?");
	bool full = false, was = map_get(d->full, account) != NULL;

	db_bind_u64(q, 1, account);
	if (db_row(q) == ERR_OK) {
		uint64_t max_octets = db_u64(q, 0), max_messages = db_u64(q, 1);

		full = (max_octets != 0 && octets >= max_octets) ||
		    (max_messages != 0 && messages >= max_messages);
	}
	db_done(q);
	if (full == was) {
		return;
	}
	if (!full) {
		(void)map_del(d->full, account);
	} else if (map_set(d->full, account, d) != ERR_OK) {
		return; /* too many full accounts to remember: delivery still refuses */
	}
	directory_changed(d);
}
