/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pack log: records are added to the current pack inside the write transaction, which is the
 * lock on it. The index says where the committed part ends; what lies behind is from a crash and
 * is cut before the first write. Reading needs no lock. Formats: record.c.
 */
#include "store/store_priv.h"
#include "sys/file.h"
#include "sys/sys.h"

str
store_pack_name(uint32_t pack, char out[16])
{
	return str_make(out, (size_t)snprintf(out, 16, "%06u", pack));
}

enum err
store_pack_create(int packs, const struct store_pack_head *h, int *ret_fd)
{
	char name[16], head[STORE_RECORD_HEAD];
	struct buf b;
	int fd;
	buf_init_fixed(&b, head, sizeof head);
	store_pack_head_put(&b, h);
	TRY(sys_file_open(packs, store_pack_name(h->number, name),
	    SYS_READ | SYS_WRITE | SYS_CREATE | SYS_EMPTY, &fd));
	enum err e = sys_file_write(fd, 0, buf_view(&b));
	if (e != ERR_OK) {
		sys_close(&fd);
		return e;
	}
	*ret_fd = fd;
	return ERR_OK;
}

static struct store_fd *
oldest_fd(struct store *s)
{
	struct store_fd *oldest = &s->fds[0];
	for (size_t i = 0; i < STORE_PACK_FDS; i++) {
		if (s->fds[i].fd < 0) {
			return &s->fds[i];
		}
		if (s->fds[i].used < oldest->used) {
			oldest = &s->fds[i];
		}
	}
	return oldest;
}

static void
keep_fd(struct store *s, uint32_t pack, int fd)
{
	struct store_fd *slot = oldest_fd(s);
	if (slot->fd >= 0) {
		sys_close(&slot->fd);
	}
	*slot = (struct store_fd){ pack, fd, ++s->fds_used };
}

enum err
store_log_fd(struct store *s, uint32_t pack, int *ret_fd)
{
	char name[16];
	int fd;
	for (size_t i = 0; i < STORE_PACK_FDS; i++) {
		if (s->fds[i].fd >= 0 && s->fds[i].pack == pack) {
			s->fds[i].used = ++s->fds_used;
			*ret_fd = s->fds[i].fd;
			return ERR_OK;
		}
	}
	TRY(sys_file_open(s->packs, store_pack_name(pack, name), SYS_READ | SYS_WRITE, &fd));
	keep_fd(s, pack, fd);
	*ret_fd = fd;
	return ERR_OK;
}

void
store_log_forget(struct store *s)
{
	for (size_t i = 0; i < STORE_PACK_FDS; i++) {
		if (s->fds[i].fd >= 0) {
			sys_close(&s->fds[i].fd);
		}
	}
}

/* Begin the next pack. The old one is made durable: the syncer looks at the current one only. */
static enum err
roll(struct store *s)
{
	struct store_pack_head h = { .number = s->account.pack + 1 };
	int fd;
	TRY(store_log_flush(s));
	TRY(store_log_sync(s));
	memcpy(h.key, s->account.key, sizeof h.key);
	TRY(store_pack_create(s->packs, &h, &fd));
	keep_fd(s, h.number, fd);
	TRY(sys_file_sync(s->packs));
	s->account.pack = h.number;
	s->account.pack_end = STORE_RECORD_HEAD;
	s->account_dirty = true;
	return ERR_OK;
}

/* Cut what a crash left behind the committed end. */
static enum err
check_end(struct store *s)
{
	struct sys_stat st;
	int fd;
	TRY(store_log_fd(s, s->account.pack, &fd));
	TRY(sys_file_stat_fd(fd, &st));
	if (st.size > s->account.pack_end) {
		TRY(sys_file_truncate(fd, s->account.pack_end));
	}
	s->log_checked = true;
	return ERR_OK;
}

enum err
store_log_flush(struct store *s)
{
	int fd;
	TRY(buf_err(&s->log));
	if (s->log.n == 0) {
		return ERR_OK;
	}
	TRY(store_log_fd(s, s->account.pack, &fd));
	TRY(sys_file_write(fd, s->account.pack_end, buf_view(&s->log)));
	s->account.pack_end += s->log.n;
	s->account_dirty = s->log_written = true;
	buf_reset(&s->log);
	return ERR_OK;
}

enum err
store_log_sync(struct store *s)
{
	int fd;
	TRY(store_log_fd(s, s->account.pack, &fd));
	return sys_file_datasync(fd);
}

/* A large payload goes straight to the file. */
static enum err
put_large(struct store *s, const struct store_record *r)
{
	int fd;
	TRY(store_log_flush(s));
	TRY(store_log_fd(s, s->account.pack, &fd));
	store_record_front_put(&s->log, r);
	TRY(buf_err(&s->log));
	struct sys_part parts[] = { { s->log.p, s->log.n }, { r->payload.p, r->payload.n } };
	TRY(sys_file_write_parts(fd, s->account.pack_end, parts, LEN(parts)));
	s->account.pack_end += s->log.n + r->payload.n;
	s->account_dirty = s->log_written = true;
	buf_reset(&s->log);
	return ERR_OK;
}

enum err
store_log_put(struct store *s, const struct store_record *r, struct store_place *ret)
{
	ASSERT(s->in_txn && s->mode != DB_READ);
	if (!s->log_checked) {
		TRY(check_end(s));
	}
	if (s->account.pack_end + s->log.n >= s->pack_octets) {
		TRY(roll(s));
	}
	*ret = (struct store_place){ s->account.pack, s->account.pack_end + s->log.n,
		(uint64_t)STORE_RECORD_HEAD + r->meta.n + r->payload.n };
	if (r->payload.n > STORE_FLUSH_OCTETS) {
		return put_large(s, r);
	}
	store_record_front_put(&s->log, r);
	buf_str(&s->log, r->payload);
	TRY(buf_err(&s->log));
	return s->log.n > STORE_FLUSH_OCTETS ? store_log_flush(s) : ERR_OK;
}

enum err
store_log_get(struct store *s, const struct store_place *at, struct buf *out,
    struct store_record *ret)
{
	int fd;
	if (at->octets < STORE_RECORD_HEAD || at->octets > out->max) {
		return ERR_CORRUPT;
	}
	enum err e = store_log_fd(s, at->pack, &fd);
	if (e != ERR_OK) {
		return e;
	}
	buf_reset(out);
	char *to = buf_room(out, (size_t)at->octets);
	if (to == NULL) {
		return buf_err(out);
	}
	e = sys_file_read_exact(fd, at->off, to, (size_t)at->octets);
	if (e != ERR_OK) {
		return e == ERR_EOF ? ERR_CORRUPT : e;
	}
	e = store_record_get(str_make(to, (size_t)at->octets), ret);
	return e == ERR_EOF ? ERR_CORRUPT : e;
}

enum err
store_log_dead(struct store *s, uint32_t pack, uint64_t octets)
{
	size_t i = 0;
	while (i < s->dead_n && s->dead[i].pack != pack) {
		i++;
	}
	if (i == STORE_DEAD_MAX) {
		TRY(store_log_dead_save(s));
		i = 0;
	}
	if (i == s->dead_n) {
		s->dead[s->dead_n++] = (struct store_dead){ pack, 0 };
	}
	s->dead[i].octets += octets;
	return ERR_OK;
}

enum err
store_log_dead_save(struct store *s)
{
	for (size_t i = 0; i < s->dead_n; i++) {
		struct db_stmt *q = db_query(s->db,
		    "INSERT INTO pack(id, dead) VALUES(?, ?)"
		    " ON CONFLICT(id) DO UPDATE SET dead = dead + excluded.dead");
		db_bind_u64(q, 1, s->dead[i].pack);
		db_bind_u64(q, 2, s->dead[i].octets);
		TRY(db_run(q));
	}
	s->dead_n = 0;
	return ERR_OK;
}
