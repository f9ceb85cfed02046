/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file `arrivals`: a head that tells where the letters end, then a record for each. A letter
 * counts when the head says so; octets behind the end are of somebody who was killed and are
 * written over. One who adds and one who takes in exclude each other by a lock on the file.
 */
#include "store/arrivals/file.h"

#include "base/codec.h"
#include "base/wire.h"
#include "store/arrivals/arrivals.h"
#include "store/record.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sys.h"

enum { VERSION = 1 };
static const char magic[8] = "PostArrv";

/*
 *	OFFSET SIZE  MEANING            of the head
 *	0      8     "PostArrv"
 *	8      2     version, 1
 *	10     2     zero
 *	12     4     letters
 *	16     8     where the letters end
 *	24     4     serial of this filling, at random
 *	28     4     crc32c of the 28 octets above
 */
void
store_arrivals_head_put(struct buf *out, const struct store_arrivals_head *h)
{
	size_t start = out->n;
	buf_add(out, magic, sizeof magic);
	wr_u16(out, VERSION);
	wr_u16(out, 0);
	wr_u32(out, h->letters);
	wr_u64(out, h->end);
	wr_u32(out, h->serial);
	if (buf_err(out) == ERR_OK) {
		wr_u32(out, crc32c(0, out->p + start, out->n - start));
	}
}

enum err
store_arrivals_head_get(str octets, struct store_arrivals_head *ret)
{
	struct rd r = rd_make(str_sub(octets, 0, STORE_ARRIVALS_HEAD));
	struct store_arrivals_head h = { 0 };
	str word = rd_bytes(&r, sizeof magic);
	uint16_t version = rd_u16(&r), zero = rd_u16(&r);
	h.letters = rd_u32(&r);
	h.end = rd_u64(&r);
	h.serial = rd_u32(&r);
	uint32_t crc = rd_u32(&r);
	if (rd_end(&r) != ERR_OK || !str_eq(word, str_make(magic, sizeof magic)) ||
	    crc != crc32c(0, octets.p, STORE_ARRIVALS_HEAD - 4)) {
		return ERR_CORRUPT;
	}
	if (version != VERSION) {
		return ERR_VERSION;
	}
	if (zero != 0 || h.end < STORE_ARRIVALS_HEAD || h.end > STORE_ARRIVALS_OCTETS_MAX) {
		return ERR_CORRUPT;
	}
	*ret = h;
	return ERR_OK;
}

/* 0 8 entry, 8 8 oldest live entry, 16 8 internal date, 24 8 save date, 32 2 recipient, and of junk
 * 34 1 one */
static void
meta_put(struct buf *out, const struct store_arrival *a)
{
	wr_u64(out, a->entry);
	wr_u64(out, a->oldest_live);
	wr_i64(out, a->internal_s);
	wr_i64(out, a->saved_s);
	wr_u16(out, a->rcpt);
	if (a->junk) {
		wr_u8(out, 1);
	}
}

enum err
store_arrivals_record_get(const struct store_record *rec, struct store_arrival *ret)
{
	struct rd r = rd_make(rec->meta);
	struct store_arrival a = { .entry = rd_u64(&r), .oldest_live = rd_u64(&r) };
	a.internal_s = rd_i64(&r);
	a.saved_s = rd_i64(&r);
	a.rcpt = rd_u16(&r);
	uint8_t junk = r.n > 0 ? rd_u8(&r) : 0;
	a.junk = junk == 1;
	a.body = rec->payload;
	if (rd_end(&r) != ERR_OK || rec->type != STORE_RECORD_ARRIVAL || rec->flags != 0 ||
	    junk > 1 || a.entry == 0 || (a.entry | a.oldest_live) > INT64_MAX) {
		return ERR_CORRUPT;
	}
	*ret = a;
	return ERR_OK;
}

/* The octets in front of the payload. */
static enum err
front_put(struct buf *out, const struct store_arrival *a, str payload)
{
	char meta[64];
	struct buf m;
	buf_init_fixed(&m, meta, sizeof meta);
	meta_put(&m, a);
	struct store_record r = { .type = STORE_RECORD_ARRIVAL,
		.plain = (uint32_t)payload.n,
		.meta = buf_view(&m),
		.payload = payload };
	store_record_front_put(out, &r);
	return buf_err(out);
}

/* ---- adding ------------------------------------------------------------------------------- */

enum err
store_arrivals_open(str account, int *ret_fd)
{
	int dir SYS_FD_AUTO = -1;
	int fd SYS_FD_AUTO = -1;
	struct sys_stat st;
	TRY(sys_dir_open(SYS_CWD, account, &dir));
	TRY(sys_file_open(dir, S(STORE_ARRIVALS_FILE), SYS_READ | SYS_WRITE, &fd));
	TRY(sys_file_stat_fd(fd, &st));
	if (!st.is_file) {
		return ERR_CORRUPT;
	}
	*ret_fd = fd;
	fd = -1;
	return ERR_OK;
}

/* BUSY: there is something we do not add to. */
static enum err
read_head(int fd, struct store_arrivals_head *ret)
{
	char head[STORE_ARRIVALS_HEAD];
	struct sys_stat st;
	TRY(sys_file_stat_fd(fd, &st));
	*ret = (struct store_arrivals_head){ .end = STORE_ARRIVALS_HEAD };
	if (st.size == 0) {
		sys_random(&ret->serial, sizeof ret->serial);
		return ERR_OK;
	}
	enum err e = sys_file_read_exact(fd, 0, head, sizeof head);
	e = e != ERR_OK ? e : store_arrivals_head_get(str_make(head, sizeof head), ret);
	return e == ERR_OK || e == ERR_IO ? e : ERR_BUSY;
}

static enum err
write_head(int fd, const struct store_arrivals_head *h)
{
	char head[STORE_ARRIVALS_HEAD];
	struct buf b;
	buf_init_fixed(&b, head, sizeof head);
	store_arrivals_head_put(&b, h);
	return sys_file_write(fd, 0, buf_view(&b));
}

static enum err
add_locked(int fd, str front, str payload)
{
	struct store_arrivals_head h;
	struct sys_part parts[] = { { front.p, front.n }, { payload.p, payload.n } };
	TRY(read_head(fd, &h));
	if (h.end + front.n + payload.n > STORE_ARRIVALS_OCTETS_MAX ||
	    h.letters >= STORE_ARRIVALS_LETTERS_MAX) {
		return ERR_BUSY;
	}
	TRY(sys_file_write_parts(fd, h.end, parts, LEN(parts)));
	h.end += front.n + payload.n;
	h.letters++;
	return write_head(fd, &h);
}

static enum err
add(int fd, const struct store_arrival *a, str payload)
{
	char room[STORE_RECORD_HEAD + 64];
	struct buf front;
	buf_init_fixed(&front, room, sizeof room);
	TRY(front_put(&front, a, payload));
	TRY(sys_file_lock(fd, true, false));
	enum err e = add_locked(fd, buf_view(&front), payload);
	sys_file_unlock(fd);
	return e;
}

enum err
store_arrivals_add(int fd, const struct store_arrival *a)
{
	struct buf payload;
	if (a->prefix.n + a->body.n > STORE_ARRIVALS_LETTER_MAX) {
		return ERR_TOOBIG;
	}
	buf_init(&payload, STORE_ARRIVALS_LETTER_MAX);
	buf_str(&payload, a->prefix);
	buf_str(&payload, a->body);
	enum err e = buf_err(&payload);
	e = e != ERR_OK ? e : add(fd, a, buf_view(&payload));
	buf_done(&payload);
	return e;
}

enum err
store_arrivals_sync(str account)
{
	int fd SYS_FD_AUTO = -1;
	TRY(store_arrivals_open(account, &fd));
	return sys_file_datasync(fd);
}
