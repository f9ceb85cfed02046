/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only one file, since a process has one warm handle. As long as it is in memory nothing is locked
 * and nothing is synced; attached, every call goes on to the engine's own door. Start reading with
 * warm_open.
 */
#include "db/warm.h"

#include "base/mem.h"

#include <sqlite3.h>

enum { PATH_ROOM = 4096 + 16, IMAGE_MAX = 4 << 20 };

struct file {
	sqlite3_file base;
	sqlite3_file *real; /* NULL: in memory */
};

static struct {
	sqlite3_vfs *below; /* the engine's own */
	struct file *file;  /* as opened; the real one lies behind it */
	char *image;
	size_t n, cap;
	char path[PATH_ROOM - 16];             /* a tail fits behind it */
	char log[PATH_ROOM], other[PATH_ROOM]; /* the engine keeps the name of an open file */
} warm;

static struct file *
of(sqlite3_file *f)
{
	return (struct file *)f;
}

static sqlite3_file *
real_of(sqlite3_file *f)
{
	return ((struct file *)f)->real;
}

/* ---- pages in memory ---- */

static int
image_read(void *to, size_t n, size_t off)
{
	size_t have = off < warm.n ? MIN(warm.n - off, n) : 0;
	if (have > 0) {
		memcpy(to, warm.image + off, have);
	}
	if (have == n) {
		return SQLITE_OK;
	}
	memset((char *)to + have, 0, n - have);
	return SQLITE_IOERR_SHORT_READ;
}

static int
image_write(const void *p, size_t n, size_t off)
{
	if (off + n > warm.cap) {
		size_t cap = MAX(2 * warm.cap, off + n);
		char *more = cap > IMAGE_MAX ? NULL : mem_resize(warm.image, cap);
		if (more == NULL) {
			return SQLITE_IOERR_WRITE;
		}
		memset(more + warm.cap, 0, cap - warm.cap);
		warm.image = more;
		warm.cap = cap;
	}
	memcpy(warm.image + off, p, n);
	warm.n = MAX(warm.n, off + n);
	return SQLITE_OK;
}

/* ---- the file ---- */

static int
file_close(sqlite3_file *f)
{
	sqlite3_file *real = real_of(f);
	warm.file = NULL;
	return real != NULL && real->pMethods != NULL ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int
file_read(sqlite3_file *f, void *to, int n, sqlite3_int64 off)
{
	sqlite3_file *real = real_of(f);
	return real == NULL ? image_read(to, (size_t)n, (size_t)off)
			    : real->pMethods->xRead(real, to, n, off);
}

static int
file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 off)
{
	sqlite3_file *real = real_of(f);
	return real == NULL ? image_write(p, (size_t)n, (size_t)off)
			    : real->pMethods->xWrite(real, p, n, off);
}

static int
file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	sqlite3_file *real = real_of(f);
	if (real != NULL) {
		return real->pMethods->xTruncate(real, size);
	}
	warm.n = MIN(warm.n, (size_t)size);
	return SQLITE_OK;
}

static int
file_sync(sqlite3_file *f, int flags)
{
	sqlite3_file *real = real_of(f);
	return real == NULL ? SQLITE_OK : real->pMethods->xSync(real, flags);
}

static int
file_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	sqlite3_file *real = real_of(f);
	if (real != NULL) {
		return real->pMethods->xFileSize(real, ret);
	}
	*ret = (sqlite3_int64)warm.n;
	return SQLITE_OK;
}

static int
file_lock(sqlite3_file *f, int level)
{
	sqlite3_file *real = real_of(f);
	return real == NULL ? SQLITE_OK : real->pMethods->xLock(real, level);
}

static int
file_unlock(sqlite3_file *f, int level)
{
	sqlite3_file *real = real_of(f);
	return real == NULL ? SQLITE_OK : real->pMethods->xUnlock(real, level);
}

static int
file_reserved(sqlite3_file *f, int *ret)
{
	sqlite3_file *real = real_of(f);
	if (real != NULL) {
		return real->pMethods->xCheckReservedLock(real, ret);
	}
	*ret = 0;
	return SQLITE_OK;
}

static int
file_control(sqlite3_file *f, int op, void *arg)
{
	sqlite3_file *real = real_of(f);
	return real == NULL ? SQLITE_NOTFOUND : real->pMethods->xFileControl(real, op, arg);
}

/* The engine asks once, in memory: what its own door says of a file there, 4096. */
static int
file_sector(sqlite3_file *f)
{
	sqlite3_file *real = real_of(f);
	return real == NULL ? 4096 : real->pMethods->xSectorSize(real);
}

static int
file_traits(sqlite3_file *f)
{
	sqlite3_file *real = real_of(f);
	return real == NULL ? SQLITE_IOCAP_POWERSAFE_OVERWRITE
			    : real->pMethods->xDeviceCharacteristics(real);
}

static int
file_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **ret)
{
	sqlite3_file *real = real_of(f);
	return real == NULL ? SQLITE_IOERR_SHMMAP
			    : real->pMethods->xShmMap(real, region, size, extend, ret);
}

static int
file_shm_lock(sqlite3_file *f, int off, int n, int flags)
{
	sqlite3_file *real = real_of(f);
	return real == NULL ? SQLITE_IOERR_SHMLOCK : real->pMethods->xShmLock(real, off, n, flags);
}

static void
file_shm_barrier(sqlite3_file *f)
{
	sqlite3_file *real = real_of(f);
	if (real != NULL) {
		real->pMethods->xShmBarrier(real);
	}
}

static int
file_shm_unmap(sqlite3_file *f, int remove)
{
	sqlite3_file *real = real_of(f);
	return real == NULL ? SQLITE_OK : real->pMethods->xShmUnmap(real, remove);
}

/* Version 2: a log, and no memory mapping of the database, which we never ask for. */
static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_traits,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

/* ---- the door ---- */

/* What the engine calls DB_WARM_NAME and a tail lies beside the database. */
static const char *
beside(const char *name)
{
	const char *tail = name + sizeof DB_WARM_NAME - 1;
	char *room = str_eq(str_from(tail), S("-wal")) ? warm.log : warm.other;
	snprintf(room, PATH_ROOM, "%s%s", warm.path, tail);
	return room;
}

/* A log that is there is opened without making it: that costs the folder's lock. */
static int
open_beside(const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	const char *path = beside(name);
	int rc = warm.below->xOpen(warm.below, path, f, flags & ~SQLITE_OPEN_CREATE, ret_flags);
	if (rc != SQLITE_OK && (flags & SQLITE_OPEN_CREATE) != 0) {
		rc = warm.below->xOpen(warm.below, path, f, flags, ret_flags);
	}
	return rc;
}

static int
warm_open(sqlite3_vfs *door, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
	f->pMethods = NULL;
	if (name == NULL || (flags & SQLITE_OPEN_MAIN_DB) == 0) {
		bool ours = name != NULL && warm.path[0] != '\0';
		return ours ? open_beside(name, f, flags, ret_flags) : SQLITE_CANTOPEN;
	}
	if (warm.image == NULL || warm.file != NULL) {
		return SQLITE_CANTOPEN;
	}
	of(f)->real = NULL;
	f->pMethods = &methods;
	warm.file = of(f);
	if (ret_flags != NULL) {
		*ret_flags = flags;
	}
	return SQLITE_OK;
}

static int
warm_delete(sqlite3_vfs *door, const char *name, int sync_dir)
{
	return warm.path[0] == '\0' ? SQLITE_IOERR_DELETE_NOENT
				    : warm.below->xDelete(warm.below, beside(name), sync_dir);
}

static int
warm_access(sqlite3_vfs *door, const char *name, int flags, int *ret)
{
	*ret = 0;
	return warm.path[0] == '\0' ? SQLITE_OK
				    : warm.below->xAccess(warm.below, beside(name), flags, ret);
}

static int
warm_full_path(sqlite3_vfs *door, const char *name, int n, char *ret)
{
	return snprintf(ret, (size_t)n, "%s", name) < n ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int
warm_random(sqlite3_vfs *door, int n, char *ret)
{
	return warm.below->xRandomness(warm.below, n, ret);
}

static int
warm_sleep(sqlite3_vfs *door, int us)
{
	return warm.below->xSleep(warm.below, us);
}

static int
warm_time(sqlite3_vfs *door, double *ret)
{
	return warm.below->xCurrentTime(warm.below, ret);
}

static int
warm_time_ms(sqlite3_vfs *door, sqlite3_int64 *ret)
{
	return warm.below->xCurrentTimeInt64(warm.below, ret);
}

static int
warm_last_error(sqlite3_vfs *door, int n, char *ret)
{
	return warm.below->xGetLastError(warm.below, n, ret);
}

static sqlite3_vfs door = {
	.iVersion = 2,
	.mxPathname = PATH_ROOM,
	.zName = DB_WARM_DOOR,
	.xOpen = warm_open,
	.xDelete = warm_delete,
	.xAccess = warm_access,
	.xFullPathname = warm_full_path,
	.xRandomness = warm_random,
	.xSleep = warm_sleep,
	.xCurrentTime = warm_time,
	.xGetLastError = warm_last_error,
	.xCurrentTimeInt64 = warm_time_ms,
};

enum err
db_warm_file(char *image, size_t n)
{
	ASSERT(warm.image == NULL);
	warm.below = sqlite3_vfs_find(NULL);
	if (warm.below == NULL || warm.below->iVersion < 2) {
		mem_drop(image);
		return ERR_DB;
	}
	door.szOsFile = (int)sizeof(struct file) + warm.below->szOsFile;
	warm.image = image;
	warm.n = warm.cap = n;
	return sqlite3_vfs_register(&door, 0) == SQLITE_OK ? ERR_OK : ERR_DB;
}

enum err
db_warm_attach(str path)
{
	int flags = 0;
	if (warm.file == NULL || path.n >= sizeof warm.path) {
		return ERR_BUG;
	}
	sqlite3_file *real = (sqlite3_file *)(warm.file + 1);
	memcpy(warm.path, path.p, path.n);
	warm.path[path.n] = '\0';
	int rc = warm.below->xOpen(warm.below, warm.path, real,
	    SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READWRITE, &flags);
	if (rc != SQLITE_OK || (flags & SQLITE_OPEN_READONLY) != 0) {
		if (rc == SQLITE_OK) {
			real->pMethods->xClose(real);
		}
		return ERR_NOTFOUND;
	}
	warm.file->real = real;
	return ERR_OK;
}
