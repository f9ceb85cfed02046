/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of shares.
 */
#include "directory/share.h"

#include "directory/directory_priv.h"

static enum err
add(struct directory *d, const struct directory_share *share, uint64_t guest)
{
	struct db_stmt *q = db_query(d->db, "SELECT count(*) FROM shares WHERE owner = ?");
	uint64_t n = 0;

	db_bind_u64(q, 1, share->owner);
	TRY(directory_number(q, &n));
	if (n >= (share->by == 0 ? DIRECTORY_SHARES_MAX : DIRECTORY_SHARES_GUEST)) {
		return ERR_TOOMANY;
	}
	q = db_query(d->db, "INSERT INTO shares (owner, guest) VALUES (?, ?)");
	db_bind_u64(q, 1, share->owner);
	db_bind_u64(q, 2, guest);
	return db_run(q);
}

enum err
directory_share_check(struct directory *d, uint64_t owner, uint64_t guest)
{
	struct db_stmt *q = db_query(d->db, "SELECT 1 FROM shares WHERE owner = ? AND guest = ?");
	uint64_t one;

	db_bind_u64(q, 1, owner);
	db_bind_u64(q, 2, guest);
	return directory_number(q, &one);
}

enum err
directory_share(struct directory *d, const struct directory_share *share, struct arena *a,
    struct directory_account *ret)
{
	struct directory_account guest;
	enum err e;

	if (share->by != 0) {
		e = directory_share_check(d, share->owner, share->by);
		TRY(e == ERR_NOTFOUND ? ERR_BADSTATE : e);
	}
	TRY(directory_account_find(d, share->name, a, &guest));
	if (guest.id == share->owner) {
		return ERR_DENIED;
	}
	e = directory_share_check(d, share->owner, guest.id);
	if (e != ERR_OK && e != ERR_NOTFOUND) {
		return e;
	}
	if (e == ERR_NOTFOUND && share->on) {
		TRY(directory_change_begin(d));
		TRY(directory_change_finish(d, add(d, share, guest.id)));
	}
	*ret = guest;
	return ERR_OK;
}

enum err
directory_sharers(struct directory *d, uint64_t guest,
    enum err (*each)(void *ctx, uint64_t account, str address), void *ctx)
{
	struct db_stmt *q = db_query(d->db,
	    "SELECT c.id, c.address FROM shares s JOIN accounts c ON c.id = s.owner"
	    " WHERE s.guest = ? AND c.state = ? ORDER BY c.address LIMIT ?");
	enum err e;

	db_bind_u64(q, 1, guest);
	db_bind_u64(q, 2, DIRECTORY_STATE_ACTIVE);
	db_bind_u64(q, 3, DIRECTORY_SHARERS_MAX);
	while ((e = db_row(q)) == ERR_OK) {
		e = each(ctx, db_u64(q, 0), db_str(q, 1));
		if (e != ERR_OK) {
			break;
		}
	}
	db_done(q);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}
