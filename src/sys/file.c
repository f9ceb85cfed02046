/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open, read, write and sync files. Every call that changes something first asks sys_must_fail()
 * and afterwards tells the hook. Names (rename, unlink, folders) are in dir.c.
 */
#include "sys/file.h"
#include "sys/file_priv.h"
#include "sys/sys.h"
#include "sys/sys_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

static void (*hook_fn)(void *ctx, enum sys_file_op op, int fd, uint64_t off, str data);
static void *hook_ctx;

void
sys_file_set_hook(void (*hook)(void *ctx, enum sys_file_op op, int fd, uint64_t off, str data),
    void *ctx)
{
	hook_fn = hook;
	hook_ctx = ctx;
}

void
sys_file_told(enum sys_file_op op, int fd, uint64_t off, str data)
{
	if (hook_fn != NULL) {
		hook_fn(hook_ctx, op, fd, off, data);
	}
}

enum err
sys_path(str path, char out[SYS_PATH_MAX])
{
	if (path.n == 0 || memchr(path.p, '\0', path.n) != NULL) {
		return ERR_SYNTAX;
	}
	if (path.n >= SYS_PATH_MAX) {
		return ERR_TOOBIG;
	}
	memcpy(out, path.p, path.n);
	out[path.n] = '\0';
	return ERR_OK;
}

static int
open_flags(unsigned flags)
{
	int f = O_CLOEXEC | O_NOCTTY;
	f |= (flags & SYS_WRITE) ? ((flags & SYS_READ) ? O_RDWR : O_WRONLY) : O_RDONLY;
	f |= (flags & SYS_CREATE) ? O_CREAT : 0;
	f |= (flags & SYS_NEW) ? O_CREAT | O_EXCL : 0;
	f |= (flags & SYS_EMPTY) ? O_TRUNC : 0;
	f |= (flags & SYS_APPEND) ? O_APPEND : 0;
	f |= (flags & SYS_FOLLOW) ? 0 : O_NOFOLLOW;
	return f;
}

enum err
sys_file_open(int at, str path, unsigned flags, int *ret_fd)
{
	char p[SYS_PATH_MAX];
	TRY(sys_path(path, p));
	int fd = sys_must_fail() ? -1 : openat(at, p, open_flags(flags), 0600);
	if (fd < 0) {
		return sys_err(errno);
	}
	if (flags & (SYS_CREATE | SYS_NEW | SYS_EMPTY)) {
		sys_file_told(SYS_OP_CREATE, fd, 0, path);
	}
	*ret_fd = fd;
	return ERR_OK;
}

enum err
sys_file_temp(int dir, int *ret_fd)
{
	int fd = sys_must_fail() ? -1 : openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		return sys_err(errno);
	}
	*ret_fd = fd;
	return ERR_OK;
}

enum err
sys_file_memory(const char *label, int *ret_fd)
{
	int fd = sys_must_fail() ? -1 : memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) {
		return sys_err(errno);
	}
	*ret_fd = fd;
	return ERR_OK;
}

enum { SEALS = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK };

enum err
sys_file_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, SEALS | F_SEAL_SEAL) == 0 ? ERR_OK : sys_err(errno);
}

bool
sys_file_is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	return seals >= 0 && (seals & SEALS) == SEALS;
}

/* --- reading ------------------------------------------------------------------------------- */

enum err
sys_file_read(int fd, uint64_t off, void *to, size_t n, size_t *ret_n)
{
	char *p = to;
	size_t done = 0;
	while (done < n) {
		ssize_t got = sys_must_fail() ? -1
					      : pread(fd, p + done, n - done, (off_t)(off + done));
		if (got < 0 && errno != EINTR) {
			return sys_err(errno);
		}
		if (got == 0) {
			break;
		}
		done += got < 0 ? 0 : (size_t)got;
	}
	*ret_n = done;
	return ERR_OK;
}

enum err
sys_file_read_exact(int fd, uint64_t off, void *to, size_t n)
{
	size_t got;
	TRY(sys_file_read(fd, off, to, n, &got));
	return got == n ? ERR_OK : ERR_EOF;
}

enum { LOAD_CHUNK = 4096 };

/* The buffer is full, or has no memory: fine only when the file ends here. */
static enum err
load_at_ceiling(int fd, uint64_t off, struct buf *out)
{
	char one;
	size_t n;
	enum err e = buf_err(out);
	if (e == ERR_TOOBIG) {
		TRY(sys_file_read(fd, off, &one, 1, &n));
		if (n == 0) {
			out->err = ERR_OK;
			return ERR_OK;
		}
	}
	return e;
}

enum err
sys_file_load_fd(int fd, struct buf *out)
{
	uint64_t off = 0;
	for (;;) {
		size_t n;
		size_t ask = MIN(MAX(out->max - out->n, (size_t)1), (size_t)LOAD_CHUNK);
		char *room = buf_room(out, ask);
		if (room == NULL) {
			return load_at_ceiling(fd, off, out);
		}
		TRY(sys_file_read(fd, off, room, ask, &n));
		buf_grow(out, n);
		if (n < ask) {
			return ERR_OK;
		}
		off += n;
	}
}

void
sys_file_ahead(int fd, uint64_t off, uint64_t n)
{
	(void)posix_fadvise(fd, (off_t)off, (off_t)n, POSIX_FADV_WILLNEED);
}

enum err
sys_file_load(int at, str path, struct buf *out)
{
	int fd SYS_FD_AUTO = -1;
	TRY(sys_file_open(at, path, SYS_READ | SYS_FOLLOW, &fd));
	return sys_file_load_fd(fd, out);
}

/* --- writing ------------------------------------------------------------------------------- */

enum err
sys_file_write(int fd, uint64_t off, str s)
{
	for (size_t done = 0; done < s.n;) {
		ssize_t put = sys_must_fail()
		    ? -1
		    : pwrite(fd, s.p + done, s.n - done, (off_t)(off + done));
		if (put < 0 && errno != EINTR) {
			return sys_err(errno);
		}
		done += put < 0 ? 0 : (size_t)put;
	}
	sys_file_told(SYS_OP_WRITE, fd, off, s);
	return ERR_OK;
}

enum err
sys_file_append(int fd, str s)
{
	for (size_t done = 0; done < s.n;) {
		ssize_t put = sys_must_fail() ? -1 : write(fd, s.p + done, s.n - done);
		if (put < 0 && errno != EINTR) {
			return sys_err(errno);
		}
		done += put < 0 ? 0 : (size_t)put;
	}
	sys_file_told(SYS_OP_WRITE, fd, UINT64_MAX, s);
	return ERR_OK;
}

enum { PARTS_MAX = 64 };

/* Describe what is left: parts[0] from `skip` on. Out: how many entries of iov are filled. */
static int
fill_iov(struct iovec *iov, const struct sys_part *parts, size_t n, size_t skip)
{
	int used = 0;
	for (size_t i = 0; i < n && used < PARTS_MAX; i++) {
		size_t from = i == 0 ? skip : 0;
		iov[used].iov_base = (char *)(uintptr_t)parts[i].p + from;
		iov[used].iov_len = parts[i].n - from;
		used++;
	}
	return used;
}

static enum err
write_parts(int fd, uint64_t off, const struct sys_part *parts, size_t n)
{
	size_t skip = 0;
	for (size_t i = 0; i < n;) {
		if (skip == parts[i].n) {
			skip = 0;
			i++;
			continue;
		}
		struct iovec iov[PARTS_MAX];
		int used = fill_iov(iov, parts + i, n - i, skip);
		ssize_t put = sys_must_fail() ? -1 : pwritev(fd, iov, used, (off_t)off);
		if (put < 0 && errno != EINTR) {
			return sys_err(errno);
		}
		off += put < 0 ? 0 : (uint64_t)put;
		for (size_t left = put < 0 ? 0 : (size_t)put; left > 0;) {
			size_t of_part = MIN(left, parts[i].n - skip);
			left -= of_part;
			skip += of_part;
			if (skip == parts[i].n && left > 0) {
				skip = 0;
				i++;
			}
		}
	}
	return ERR_OK;
}

enum err
sys_file_write_parts(int fd, uint64_t off, const struct sys_part *parts, size_t n)
{
	TRY(write_parts(fd, off, parts, n));
	for (size_t i = 0; i < n; i++) {
		sys_file_told(SYS_OP_WRITE, fd, off, str_make(parts[i].p, parts[i].n));
		off += parts[i].n;
	}
	return ERR_OK;
}

/* --- making it last ------------------------------------------------------------------------ */

enum err
sys_file_sync(int fd)
{
	if (sys_must_fail() || fsync(fd) != 0) {
		return sys_err(errno);
	}
	sys_file_told(SYS_OP_SYNC, fd, 0, STR_NONE);
	return ERR_OK;
}

enum err
sys_file_datasync(int fd)
{
	if (sys_must_fail() || fdatasync(fd) != 0) {
		return sys_err(errno);
	}
	sys_file_told(SYS_OP_DATASYNC, fd, 0, STR_NONE);
	return ERR_OK;
}

enum err
sys_file_allocate(int fd, uint64_t off, uint64_t n)
{
	if (sys_must_fail() || fallocate(fd, 0, (off_t)off, (off_t)n) != 0) {
		return sys_err(errno);
	}
	sys_file_told(SYS_OP_ALLOCATE, fd, off + n, STR_NONE);
	return ERR_OK;
}

enum err
sys_file_truncate(int fd, uint64_t size)
{
	if (sys_must_fail() || ftruncate(fd, (off_t)size) != 0) {
		return sys_err(errno);
	}
	sys_file_told(SYS_OP_TRUNCATE, fd, size, STR_NONE);
	return ERR_OK;
}

/* --- facts --------------------------------------------------------------------------------- */

static struct sys_stat
from_kernel(const struct stat *s)
{
	return (struct sys_stat){
		.size = (uint64_t)s->st_size,
		.inode = s->st_ino,
		.device = s->st_dev,
		.mtime_ms = (int64_t)s->st_mtim.tv_sec * 1000 + s->st_mtim.tv_nsec / 1000000,
		.mode = s->st_mode & 07777u,
		.uid = s->st_uid,
		.gid = s->st_gid,
		.is_folder = S_ISDIR(s->st_mode),
		.is_file = S_ISREG(s->st_mode),
	};
}

enum err
sys_file_stat(int at, str path, struct sys_stat *ret)
{
	char p[SYS_PATH_MAX];
	struct stat s;
	TRY(sys_path(path, p));
	if (sys_must_fail() || fstatat(at, p, &s, AT_SYMLINK_NOFOLLOW) != 0) {
		return sys_err(errno);
	}
	*ret = from_kernel(&s);
	return ERR_OK;
}

enum err
sys_file_stat_fd(int fd, struct sys_stat *ret)
{
	struct stat s;
	if (sys_must_fail() || fstat(fd, &s) != 0) {
		return sys_err(errno);
	}
	*ret = from_kernel(&s);
	return ERR_OK;
}

enum err
sys_file_free_space(int fd, uint64_t *ret_octets)
{
	struct statvfs v;
	if (sys_must_fail() || fstatvfs(fd, &v) != 0) {
		return sys_err(errno);
	}
	*ret_octets = (uint64_t)v.f_bavail * v.f_frsize;
	return ERR_OK;
}

/* --- locks and maps ------------------------------------------------------------------------ */

enum err
sys_file_lock(int fd, bool exclusive, bool wait)
{
	struct flock l = { .l_type = exclusive ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };
	int failed;
	do {
		failed = sys_must_fail() ? -1 : fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &l);
	} while (failed != 0 && errno == EINTR);
	if (failed == 0) {
		return ERR_OK;
	}
	return errno == EAGAIN || errno == EACCES ? ERR_BUSY : sys_err(errno);
}

enum err
sys_file_lock_octet(int fd, uint64_t off, bool exclusive)
{
	struct flock l = { .l_type = exclusive ? F_WRLCK : F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)off,
		.l_len = 1 };
	if (!sys_must_fail() && fcntl(fd, F_OFD_SETLK, &l) == 0) {
		return ERR_OK;
	}
	return errno == EAGAIN || errno == EACCES ? ERR_BUSY : sys_err(errno);
}

void
sys_file_unlock(int fd)
{
	struct flock l = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
	fcntl(fd, F_OFD_SETLK, &l);
}

enum err
sys_file_map(int fd, uint64_t off, size_t n, const void **ret)
{
	/* private: before Linux 6.7 nobody may share what is sealed, not even to read it */
	void *p = sys_must_fail() ? MAP_FAILED
				  : mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, (off_t)off);
	if (p == MAP_FAILED) {
		return sys_err(errno);
	}
	*ret = p;
	return ERR_OK;
}

void
sys_file_unmap(const void *p, size_t n)
{
	munmap((void *)(uintptr_t)p, n);
}
