/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading packs from front to back, for those who look at everything: rebuild, verify, compact. A
 * bad record is reported and stepped over: by its own length when the head is sound, else by
 * searching for the next head.
 */
#include "store/scan.h"

#include "store/store_priv.h"
#include "sys/file.h"
#include "sys/sys.h"

enum { CHUNK = 1 << 20 };

enum err
store_scan_open(struct store_scan_pack *sc, int packs, uint32_t pack, uint64_t from)
{
	char name[16];
	struct sys_stat st;
	*sc = (struct store_scan_pack){
		.pack = pack, .fd = -1, .off = MAX(from, (uint64_t)STORE_RECORD_HEAD)
	};
	buf_init(&sc->b, STORE_MESSAGE_MAX + 4 * (size_t)CHUNK);
	TRY(sys_file_open(packs, store_pack_name(pack, name), SYS_READ, &sc->fd));
	enum err e = sys_file_stat_fd(sc->fd, &st);
	sc->end = st.size;
	return e;
}

void
store_scan_close(struct store_scan_pack *sc)
{
	sys_close(&sc->fd);
	buf_done(&sc->b);
}

void
store_scan_file(struct store_scan_pack *sc, int fd, uint64_t from, uint64_t end)
{
	*sc = (struct store_scan_pack){ .fd = fd, .off = from, .end = end };
	buf_init(&sc->b, STORE_MESSAGE_MAX + 4 * (size_t)CHUNK);
}

void
store_scan_leave(struct store_scan_pack *sc)
{
	buf_done(&sc->b);
}

/* What the buffer holds from sc->off on. */
static str
ahead(const struct store_scan_pack *sc)
{
	return str_from_off(buf_view(&sc->b), (size_t)(sc->off - sc->at));
}

/* Have `want` octets from sc->off on in the buffer, or all there are. */
static enum err
fill(struct store_scan_pack *sc, uint64_t want)
{
	uint64_t left = sc->end - sc->off;
	want = MIN(want, left);
	if (sc->off < sc->at || sc->off - sc->at > sc->b.n) {
		buf_reset(&sc->b);
		sc->at = sc->off;
	}
	if (ahead(sc).n >= want) {
		return ERR_OK;
	}
	buf_consume(&sc->b, (size_t)(sc->off - sc->at));
	sc->at = sc->off;
	size_t more = (size_t)MIN(MAX(want, (uint64_t)CHUNK), left) - sc->b.n, got;
	char *to = buf_room(&sc->b, more);
	if (to == NULL) {
		return buf_err(&sc->b);
	}
	TRY(sys_file_read(sc->fd, sc->at + sc->b.n, to, more, &got));
	buf_grow(&sc->b, got);
	if (got < more) {
		sc->end = sc->at + sc->b.n; /* it was cut meanwhile */
	}
	return ERR_OK;
}

/* Go on at the next place that looks like a head. */
static enum err
seek(struct store_scan_pack *sc)
{
	sc->off++;
	while (sc->off < sc->end) {
		TRY(fill(sc, CHUNK));
		str in = ahead(sc);
		size_t at = store_record_seek(in, 0);
		sc->off += at;
		if (at + 3 < in.n) {
			return ERR_OK;
		}
		if (sc->at + sc->b.n >= sc->end) {
			sc->off = sc->end; /* fewer than four octets are left */
		}
	}
	return ERR_OK;
}

enum err
store_scan_next(struct store_scan_pack *sc, struct store_record *ret, struct store_place *ret_at)
{
	struct store_record_head h;
	if (sc->off >= sc->end) {
		return ERR_NOTFOUND;
	}
	TRY(fill(sc, STORE_RECORD_HEAD));
	*ret_at = (struct store_place){ sc->pack, sc->off, 0 };
	enum err e = store_record_head(ahead(sc), &h);
	if (e != ERR_OK || h.octets > sc->end - sc->off) {
		TRY(seek(sc));
		if (sc->off >= sc->end) {
			sc->torn = true; /* nothing sound follows: a crash cut it off */
		}
		return e == ERR_VERSION ? ERR_VERSION : ERR_CORRUPT;
	}
	TRY(fill(sc, h.octets));
	e = store_record_get(ahead(sc), ret);
	ret_at->octets = h.octets;
	sc->off += h.octets;
	return e == ERR_EOF ? ERR_CORRUPT : e;
}

/* ---- which packs there are ---------------------------------------------------------------- */

static enum err
take_name(void *ctx, str name)
{
	struct store_set *t = ctx;
	uint32_t pack;
	if (name.n >= 6 && name.n <= 10 && str_u32(name, &pack) && pack != 0) {
		store_set_add(t, pack, pack);
	}
	return store_set_err(t);
}

enum err
store_pack_list(int packs, struct store_set *ret)
{
	return sys_dir_list(packs, take_name, ret);
}
