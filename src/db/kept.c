/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the engine opens a log whose index nobody has locked, it empties the index and reads the
 * log. We hold that lock first, shared, when the index can be believed, and then it does not. Start
 * reading with db_kept_begin; believable() is the heart.
 */
#include "db/kept.h"

#include "base/codec.h"
#include "sys/file.h"
#include "sys/sys.h"

/*
 * OFFSET  SIZE  MEANING                                  (octets of the machine's order)
 *      0     4  version 3007000
 *     12     1  1: valid
 *     14     2  page size, 1: 65536
 *     16     4  frames in the log that are committed
 *     20     4  pages of the database
 *     24     8  checksum of the last of those frames
 *     32     8  salts, as the log has them
 *     48    48  all of it again
 *    120     8  set aside by the engine: our mark
 *    128     1  whoever has it open holds a shared lock here
 */
enum {
	HEAD = 48,
	MARK_AT = 120,
	LOCK_AT = 128,
	INDEX_OCTETS = 136,
	VERSION = 3007000,
	LOG_HEAD = 32,
	FRAME_HEAD = 24,
};

/*
 * Handles of this process. Closing any descriptor of a file takes away the locks the engine has on
 * it, for whatever handle: so only a handle that is alone is kept, and with others left its
 * descriptor stays open for good. Our processes have one.
 */
static size_t handles;

static uint32_t
u32_at(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static uint32_t
big_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static str
beside(const struct db_kept *k, const char *tail, char room[4200])
{
	int n = snprintf(room, 4200, "%s%s", k->path, tail);
	return str_make(room, (size_t)n);
}

/* A name for this boot and these files. */
static enum err
mark_of(const struct db_kept *k, uint64_t *ret)
{
	static const uint8_t key[16] = "boot and files";
	char room[4200];
	struct sys_stat db, log;
	TRY(sys_file_stat(SYS_CWD, str_from(k->path), &db));
	TRY(sys_file_stat(SYS_CWD, beside(k, "-wal", room), &log));
	uint64_t all[] = { k->boot, db.device, db.inode, log.device, log.inode };
	*ret = siphash(key, str_make((const char *)all, sizeof all)) | 1;
	return ERR_OK;
}

/* Its last transaction is the one the index names as last. */
static bool
log_fits(int log, const uint8_t *index)
{
	uint8_t head[LOG_HEAD], frame[FRAME_HEAD];
	uint32_t frames = u32_at(index + 16);
	uint16_t page = (uint16_t)(index[14] | index[15] << 8);
	uint64_t size = page == 1 ? 65536 : page;
	if (frames == 0 || sys_file_read_exact(log, 0, head, sizeof head) != ERR_OK) {
		return false;
	}
	uint64_t at = LOG_HEAD + (frames - 1) * (FRAME_HEAD + size);
	if (sys_file_read_exact(log, at, frame, sizeof frame) != ERR_OK) {
		return false;
	}
	return memcmp(head + 16, index + 32, 8) == 0 && memcmp(frame + 8, index + 32, 8) == 0 &&
	    big_at(frame + 4) == u32_at(index + 20) && big_at(frame + 16) == u32_at(index + 24) &&
	    big_at(frame + 20) == u32_at(index + 28);
}

/*
 * It can be believed when
 *  - it bears our mark, in octets the engine sets aside and never uses, which an engine that
 *    empties it erases: written in this boot, for the files that lie there now; so nothing of it
 *    was lost in a power cut;
 *  - both copies of its head agree, so nobody died while it was changed;
 *  - the log begins with the salts it names, and its last transaction ends with the checksum it
 *    names, which is one over the whole log.
 * That is looked at under the lock that whoever would empty it needs. A process that died in the
 * middle of a transaction leaves what the engine's own rules for several processes provide for:
 * frames behind the end are overwritten.
 */
static bool
believable(const struct db_kept *k)
{
	SYS_FD_AUTO int log = -1;
	uint8_t index[INDEX_OCTETS];
	char room[4200];
	uint64_t mark, want;
	if (sys_file_read_exact(k->fd, 0, index, sizeof index) != ERR_OK) {
		return false;
	}
	memcpy(&mark, index + MARK_AT, sizeof mark);
	return u32_at(index) == VERSION && index[12] == 1 &&
	    memcmp(index, index + HEAD, HEAD) == 0 && mark_of(k, &want) == ERR_OK && mark == want &&
	    sys_file_open(SYS_CWD, beside(k, "-wal", room), SYS_READ, &log) == ERR_OK &&
	    log_fits(log, index);
}

static enum err
open_index(struct db_kept *k)
{
	char room[4200];
	return sys_file_open(SYS_CWD, beside(k, "-shm", room), SYS_READ | SYS_WRITE, &k->fd);
}

/* With the lock when it can be believed. */
static bool
hold(struct db_kept *k)
{
	if (sys_file_lock_octet(k->fd, LOCK_AT, true) != ERR_OK) {
		return false; /* others have it open: the engine believes it anyway */
	}
	return believable(k) && sys_file_lock_octet(k->fd, LOCK_AT, false) == ERR_OK;
}

void
db_kept_begin(struct db_kept *k, str path, str boot)
{
	static const uint8_t key[16] = "boot";
	k->fd = k->file = -1;
	k->marked = false;
	k->boot = 0;
	k->path[0] = '\0';
	bool alone = handles++ == 0;
	if (path.n == 0 || path.n >= sizeof k->path) {
		return;
	}
	memcpy(k->path, path.p, path.n);
	k->path[path.n] = '\0';
	if (!alone || boot.n == 0) {
		return;
	}
	k->boot = siphash(key, boot);
	if (open_index(k) != ERR_OK) {
		return;
	}
	k->marked = hold(k);
	if (!k->marked) {
		sys_close(&k->fd);
	}
}

void
db_kept_mark(struct db_kept *k)
{
	uint64_t mark;
	if (k->boot == 0 || k->marked) {
		return;
	}
	k->marked = true; /* once is enough to try */
	if (mark_of(k, &mark) == ERR_OK && open_index(k) == ERR_OK) {
		/* Without it the next one reads the log. */
		(void)(sys_file_write(k->fd, MARK_AT, str_make((const char *)&mark, sizeof mark)) ==
		    ERR_OK);
	}
}

int
db_kept_file(struct db_kept *k)
{
	if (k->file < 0 && k->path[0] != '\0' &&
	    sys_file_open(SYS_CWD, str_from(k->path), SYS_READ, &k->file) != ERR_OK) {
		k->file = -1;
	}
	return k->file;
}

void
db_kept_end(struct db_kept *k)
{
	handles--;
	if (handles == 0) {
		sys_close(&k->fd);
		sys_close(&k->file);
	}
}
