/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shared library that is loaded before the C library into every process of a server under test
 * (powercut_start.c). It records each operation on the files of one disk, so that replay.py can
 * build the folder as it may look after a power cut, and it can make writes and syncs fail. It
 * never stores anything itself: the record is opened before the sandbox closes, and appending to
 * it is one system call that every process may make. Not seen: shared maps that are written
 * (SQLite's index of its log, which it makes anew) and copies inside the kernel. Start reading at
 * record_parts().
 */
#include "powercut.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

static long (*real_syscall)(long number, ...);
static int record_fd = -1;
static dev_t disk;
static const struct powercut_fault *fault;

static void
start(void)
{
	if (real_syscall == NULL) {
		real_syscall = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	}
}

/* Every system call of this file goes here: none of them is to be recorded itself. */
#define RAW(...) (start(), real_syscall(__VA_ARGS__))

__attribute__((constructor)) static void
open_record(void)
{
	const char *path = getenv("POWERCUT_RECORD");
	const char *faults = getenv("POWERCUT_FAULT");
	struct stat s;
	start();
	if (path == NULL || faults == NULL) {
		return;
	}
	int fd = (int)RAW(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC);
	int fault_fd = (int)RAW(SYS_openat, AT_FDCWD, faults, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fault_fd < 0 || fstat(fd, &s) != 0) {
		_exit(126);
	}
	record_fd = fcntl(fd, F_DUPFD_CLOEXEC, POWERCUT_FD);
	disk = s.st_dev;
	void *p = mmap(NULL, sizeof *fault, PROT_READ, MAP_SHARED, fault_fd, 0);
	RAW(SYS_close, fd);
	RAW(SYS_close, fault_fd);
	if (record_fd < 0 || p == MAP_FAILED) {
		_exit(126);
	}
	fault = p;
}

/* --- recording ----------------------------------------------------------------------------- */

/* Append one record; errno stays as the recorded operation left it. */
static void
record_parts(struct powercut_record *r, const char *path, const struct iovec *data, int data_n)
{
	struct iovec parts[2 + 64];
	int before = errno, n = 2;
	if (record_fd < 0) {
		return;
	}
	r->magic = POWERCUT_MAGIC;
	r->pid = (uint32_t)getpid();
	r->path_n = path == NULL ? 0 : (uint32_t)strlen(path);
	parts[0] = (struct iovec){ r, sizeof *r };
	parts[1] = (struct iovec){ (void *)(uintptr_t)path, r->path_n };
	for (int i = 0; i < data_n && i < 64; i++) {
		parts[n++] = data[i];
		r->data_n += (uint32_t)data[i].iov_len;
	}
	size_t all = sizeof *r + r->path_n + r->data_n;
	if (RAW(SYS_writev, record_fd, parts, n) != (long)all) {
		_exit(125);
	}
	errno = before;
}

static void
record(enum powercut_op op, uint64_t inode, uint64_t value)
{
	struct powercut_record r = { .op = op, .inode = inode, .value = value };
	record_parts(&r, NULL, NULL, 0);
}

/* The inode of a file or folder on the disk we watch; 0 for everything else. */
static uint64_t
inode_of(int fd)
{
	struct stat s;
	int before = errno;
	bool ours = record_fd >= 0 && fd > 2 && fd != record_fd && fstat(fd, &s) == 0 &&
	    s.st_dev == disk && (S_ISREG(s.st_mode) || S_ISDIR(s.st_mode));
	errno = before;
	return ours ? s.st_ino : 0;
}

/* The folder that a relative path starts from. */
static uint64_t
folder_of(int at, const char *path)
{
	return path[0] == '/' ? 0 : inode_of(at);
}

static bool
must_fail(uint32_t errnum)
{
	if (errnum != 0) {
		errno = (int)errnum;
	}
	return errnum != 0;
}

static bool
writes_fail(void)
{
	return fault != NULL && must_fail(*(const volatile uint32_t *)&fault->write_errnum);
}

static bool
syncs_fail(void)
{
	return fault != NULL && must_fail(*(const volatile uint32_t *)&fault->sync_errnum);
}

/* --- making -------------------------------------------------------------------------------- */

static void
record_made(enum powercut_op op, int at, const char *path, const struct stat *s)
{
	struct powercut_record r = { .op = op,
		.inode = folder_of(at, path),
		.made = s->st_ino,
		.owner = s->st_uid,
		.group = s->st_gid,
		.value = s->st_mode & 07777u };
	record_parts(&r, path, NULL, 0);
}

static int
do_open(int at, const char *path, int flags, mode_t mode)
{
	bool anon = (flags & O_TMPFILE) == O_TMPFILE;
	if ((flags & (O_CREAT | O_TRUNC)) == 0 && !anon) {
		return (int)RAW(SYS_openat, at, path, flags, mode);
	}
	if (strncmp(path, "/dev/", 5) != 0 && writes_fail()) {
		return -1;
	}
	int fd = (int)RAW(SYS_openat, at, path, flags, mode);
	struct stat s;
	if (fd >= 0 && inode_of(fd) != 0 && fstat(fd, &s) == 0) {
		record_made(anon ? POWERCUT_MAKE_ANON : POWERCUT_MAKE, at, path, &s);
		if ((flags & O_TRUNC) != 0 && !anon) {
			record(POWERCUT_SIZE, s.st_ino, 0);
		}
	}
	return fd;
}

static mode_t
mode_of(int flags, va_list args)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t)
									  : 0;
}

#define OPEN(name)                                           \
	EXPORTED int name(const char *path, int flags, ...); \
	EXPORTED int name(const char *path, int flags, ...)  \
	{                                                    \
		va_list args;                                \
		va_start(args, flags);                       \
		mode_t mode = mode_of(flags, args);          \
		va_end(args);                                \
		return do_open(AT_FDCWD, path, flags, mode); \
	}
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                 \
	EXPORTED int name(int at, const char *path, int flags, ...); \
	EXPORTED int name(int at, const char *path, int flags, ...)  \
	{                                                            \
		va_list args;                                        \
		va_start(args, flags);                               \
		mode_t mode = mode_of(flags, args);                  \
		va_end(args);                                        \
		return do_open(at, path, flags, mode);               \
	}
OPENAT(openat)
OPENAT(openat64)

EXPORTED int
mkdirat(int at, const char *path, mode_t mode)
{
	struct stat s;
	if (writes_fail()) {
		return -1;
	}
	int result = (int)RAW(SYS_mkdirat, at, path, mode);
	if (result == 0 && fstatat(at, path, &s, AT_SYMLINK_NOFOLLOW) == 0 && s.st_dev == disk) {
		record_made(POWERCUT_MAKE_DIR, at, path, &s);
	}
	return result;
}

EXPORTED int
mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

/* --- writing ------------------------------------------------------------------------------- */

static bool
is_socket(int fd)
{
	struct stat s;
	return record_fd >= 0 && fd > 2 && fstat(fd, &s) == 0 && S_ISSOCK(s.st_mode);
}

/* A reply that says "it is ours now" is noted before it leaves. */
static void
note_reply(int fd, const struct iovec *parts, int n)
{
	static const char words[] = "250 2.0.0 Queued as ";
	struct powercut_record r = { .op = POWERCUT_REPLY };
	int before = errno;
	for (int i = 0; i < n; i++) {
		const char *at = memmem(parts[i].iov_base, parts[i].iov_len, words,
		    sizeof words - 1);
		if (at != NULL && is_socket(fd)) {
			record_parts(&r, NULL, parts + i, 1);
		}
	}
	errno = before;
}

/* What a write of all parts put at `off`; a short one is recorded as far as it went. */
static void
record_write(uint64_t inode, uint64_t off, const struct iovec *parts, int n, long written)
{
	for (int i = 0; i < n && written > 0; i++) {
		struct iovec part = { parts[i].iov_base, MIN(parts[i].iov_len, (size_t)written) };
		struct powercut_record r = { .op = POWERCUT_WRITE, .inode = inode, .value = off };
		record_parts(&r, NULL, &part, 1);
		off += part.iov_len;
		written -= (long)part.iov_len;
	}
}

static ssize_t
do_pwritev(int fd, const struct iovec *parts, int n, uint64_t off)
{
	uint64_t inode = inode_of(fd);
	if (inode != 0 && writes_fail()) {
		return -1;
	}
	long written = RAW(SYS_pwritev, fd, parts, n, off, 0);
	if (inode != 0) {
		record_write(inode, off, parts, n, written);
	}
	return written;
}

/* Where the octets went is known afterwards, also when the descriptor appends. */
static ssize_t
do_writev(int fd, const struct iovec *parts, int n)
{
	uint64_t inode = inode_of(fd);
	note_reply(fd, parts, n);
	if (inode != 0 && writes_fail()) {
		return -1;
	}
	long written = RAW(SYS_writev, fd, parts, n);
	if (inode != 0 && written > 0) {
		uint64_t end = (uint64_t)RAW(SYS_lseek, fd, 0, SEEK_CUR);
		record_write(inode, end - (uint64_t)written, parts, n, written);
	}
	return written;
}

EXPORTED ssize_t
write(int fd, const void *p, size_t n)
{
	struct iovec part = { (void *)(uintptr_t)p, n };
	return do_writev(fd, &part, 1);
}

EXPORTED ssize_t
writev(int fd, const struct iovec *parts, int n)
{
	return do_writev(fd, parts, n);
}

EXPORTED ssize_t
pwrite(int fd, const void *p, size_t n, off_t off)
{
	struct iovec part = { (void *)(uintptr_t)p, n };
	return do_pwritev(fd, &part, 1, (uint64_t)off);
}

EXPORTED ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t off)
{
	return pwrite(fd, p, n, off);
}

EXPORTED ssize_t
pwritev(int fd, const struct iovec *parts, int n, off_t off)
{
	return do_pwritev(fd, parts, n, (uint64_t)off);
}

EXPORTED ssize_t
pwritev64(int fd, const struct iovec *parts, int n, off64_t off)
{
	return do_pwritev(fd, parts, n, (uint64_t)off);
}

EXPORTED ssize_t
send(int fd, const void *p, size_t n, int flags)
{
	struct iovec part = { (void *)(uintptr_t)p, n };
	note_reply(fd, &part, 1);
	return RAW(SYS_sendto, fd, p, n, flags, NULL, 0);
}

EXPORTED ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	note_reply(fd, m->msg_iov, (int)m->msg_iovlen);
	return RAW(SYS_sendmsg, fd, m, flags);
}

/* --- size ---------------------------------------------------------------------------------- */

EXPORTED int
ftruncate(int fd, off_t size)
{
	uint64_t inode = inode_of(fd);
	if (inode != 0 && writes_fail()) {
		return -1;
	}
	int result = (int)RAW(SYS_ftruncate, fd, size);
	if (inode != 0 && result == 0) {
		record(POWERCUT_SIZE, inode, (uint64_t)size);
	}
	return result;
}

EXPORTED int
ftruncate64(int fd, off64_t size)
{
	return ftruncate(fd, size);
}

EXPORTED int
fallocate(int fd, int mode, off_t off, off_t n)
{
	uint64_t inode = inode_of(fd);
	if (inode != 0 && writes_fail()) {
		return -1;
	}
	int result = (int)RAW(SYS_fallocate, fd, mode, off, n);
	if (inode != 0 && result == 0 && (mode & FALLOC_FL_KEEP_SIZE) == 0) {
		record(POWERCUT_GROW, inode, (uint64_t)(off + n));
	}
	return result;
}

EXPORTED int
fallocate64(int fd, int mode, off64_t off, off64_t n)
{
	return fallocate(fd, mode, off, n);
}

EXPORTED int
posix_fallocate(int fd, off_t off, off_t n)
{
	return fallocate(fd, 0, off, n) == 0 ? 0 : errno;
}

EXPORTED int
posix_fallocate64(int fd, off64_t off, off64_t n)
{
	return posix_fallocate(fd, off, n);
}

/* --- syncing ------------------------------------------------------------------------------- */

static int
do_sync(int fd, long number)
{
	uint64_t inode = inode_of(fd);
	if (inode == 0) {
		return (int)RAW(number, fd);
	}
	record(POWERCUT_SYNC, inode, 0);
	if (syncs_fail()) {
		return -1;
	}
	int result = (int)RAW(number, fd);
	if (result == 0) {
		record(POWERCUT_SYNCED, inode, 0);
	}
	return result;
}

EXPORTED int
fsync(int fd)
{
	return do_sync(fd, SYS_fsync);
}

EXPORTED int
fdatasync(int fd)
{
	return do_sync(fd, SYS_fdatasync);
}

/* --- names --------------------------------------------------------------------------------- */

static void
record_names(enum powercut_op op, int at, const char *from, int at_to, const char *to)
{
	struct iovec data = { (void *)(uintptr_t)to, strlen(to) };
	struct powercut_record r = {
		.op = op, .inode = folder_of(at, from), .made = folder_of(at_to, to)
	};
	record_parts(&r, from, &data, 1);
}

EXPORTED int
renameat(int at, const char *from, int at_to, const char *to)
{
	if (writes_fail()) {
		return -1;
	}
	int result = (int)RAW(SYS_renameat2, at, from, at_to, to, 0);
	if (result == 0) {
		record_names(POWERCUT_RENAME, at, from, at_to, to);
	}
	return result;
}

EXPORTED int
rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

EXPORTED int
linkat(int at, const char *from, int at_to, const char *to, int flags)
{
	if (writes_fail()) {
		return -1;
	}
	int result = (int)RAW(SYS_linkat, at, from, at_to, to, flags);
	if (result == 0) {
		record_names(POWERCUT_LINK, at, from, at_to, to);
	}
	return result;
}

EXPORTED int
unlinkat(int at, const char *path, int flags)
{
	int result = (int)RAW(SYS_unlinkat, at, path, flags);
	if (result == 0) {
		struct powercut_record r = { .op = POWERCUT_REMOVE, .inode = folder_of(at, path) };
		record_parts(&r, path, NULL, 0);
	}
	return result;
}

EXPORTED int
unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

EXPORTED int
rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* --- owners and modes ---------------------------------------------------------------------- */

static void
record_facts(enum powercut_op op, const struct stat *s)
{
	struct powercut_record r = { .op = op,
		.inode = s->st_ino,
		.owner = s->st_uid,
		.group = s->st_gid,
		.value = s->st_mode & 07777u };
	if (s->st_dev == disk) {
		record_parts(&r, NULL, NULL, 0);
	}
}

EXPORTED int
fchownat(int at, const char *path, uid_t uid, gid_t gid, int flags)
{
	struct stat s;
	int result = (int)RAW(SYS_fchownat, at, path, uid, gid, flags);
	if (result == 0 && fstatat(at, path, &s, AT_SYMLINK_NOFOLLOW) == 0) {
		record_facts(POWERCUT_OWNER, &s);
	}
	return result;
}

EXPORTED int
fchown(int fd, uid_t uid, gid_t gid)
{
	struct stat s;
	int result = (int)RAW(SYS_fchown, fd, uid, gid);
	if (result == 0 && inode_of(fd) != 0 && fstat(fd, &s) == 0) {
		record_facts(POWERCUT_OWNER, &s);
	}
	return result;
}

EXPORTED int
fchmodat(int at, const char *path, mode_t mode, int flags)
{
	struct stat s;
	int result = (int)RAW(SYS_fchmodat, at, path, mode);
	if (result == 0 && fstatat(at, path, &s, AT_SYMLINK_NOFOLLOW) == 0) {
		record_facts(POWERCUT_MODE, &s);
	}
	return result;
}

EXPORTED int
fchmod(int fd, mode_t mode)
{
	struct stat s;
	int result = (int)RAW(SYS_fchmod, fd, mode);
	if (result == 0 && inode_of(fd) != 0 && fstat(fd, &s) == 0) {
		record_facts(POWERCUT_MODE, &s);
	}
	return result;
}

/* --- keeping the record open --------------------------------------------------------------- */

/* Processes close what they do not know; this one descriptor stays. */
static long
close_around(unsigned first, unsigned last, unsigned flags)
{
	unsigned kept = (unsigned)record_fd;
	bool whole = record_fd < 0 || kept < first || kept > last;
	if (whole || (flags & (1u << 2)) != 0) { /* CLOSE_RANGE_CLOEXEC closes nothing now */
		return RAW(SYS_close_range, first, last, flags);
	}
	long below = kept > first ? RAW(SYS_close_range, first, kept - 1, flags) : 0;
	long above = kept < last ? RAW(SYS_close_range, kept + 1, last, flags) : 0;
	return below != 0 ? below : above;
}

EXPORTED int
close_range(unsigned first, unsigned last, int flags)
{
	return (int)close_around(first, last, (unsigned)flags);
}

EXPORTED long
syscall(long number, ...)
{
	long a[6];
	va_list args;
	va_start(args, number);
	for (size_t i = 0; i < LEN(a); i++) {
		a[i] = va_arg(args, long);
	}
	va_end(args);
	if (number == SYS_close_range) {
		return close_around((unsigned)a[0], (unsigned)a[1], (unsigned)a[2]);
	}
	return RAW(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
