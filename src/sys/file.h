/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and folders, always relative to an open folder (`at`; SYS_CWD only for paths from the
 * configuration). Symbolic links are followed only with SYS_FOLLOW. Every write and sync of ours
 * goes through this file, so that a hook can record or fail them (power-cut tests).
 */
#ifndef SYS_FILE_H
#define SYS_FILE_H

#include "base/buf.h"

enum { SYS_CWD = -100 }; /* AT_FDCWD */

enum {
	SYS_READ = 1,
	SYS_WRITE = 2,
	SYS_CREATE = 4, /* make it when it is not there */
	SYS_NEW = 8,    /* make it; ERR_EXISTS when it is there */
	SYS_EMPTY = 16, /* cut to nothing */
	SYS_APPEND = 32,
	SYS_FOLLOW = 64, /* the last part may be a symbolic link */
};

struct sys_stat {
	uint64_t size, inode, device;
	int64_t mtime_ms;
	uint32_t mode; /* permission bits */
	uint32_t uid, gid;
	bool is_folder, is_file;
};

struct sys_part {
	const void *p;
	size_t n;
};

/* What a hook is told after an operation succeeded. */
enum sys_file_op {
	SYS_OP_WRITE,
	SYS_OP_SYNC,
	SYS_OP_DATASYNC,
	SYS_OP_TRUNCATE,
	SYS_OP_ALLOCATE,
	SYS_OP_RENAME,
	SYS_OP_UNLINK,
	SYS_OP_CREATE
};

/* A NUL in a path is ERR_SYNTAX, more than 4095 octets ERR_TOOBIG; not repeated below. */
/* New files have mode 0600. */
enum err sys_file_open(int at, str path, unsigned flags, int *ret_fd);
/* A folder, to be used as `at`. ERR_NOTFOUND also when it is something else. */
enum err sys_dir_open(int at, str path, int *ret_fd);
/* Make a folder. ERR_EXISTS when something of that name is there. */
enum err sys_dir_make(int at, str path, unsigned mode);
/*
 * Call each for the names in a folder, without "." and "..", in no order. An answer other than
 * ERR_OK ends it and is returned.
 */
enum err sys_dir_list(int dir, enum err (*each)(void *ctx, str name), void *ctx);
/* A file without a name in `dir`; gone when closed. */
enum err sys_file_temp(int dir, int *ret_fd);
/* A file in memory. `label` shows in /proc only. */
enum err sys_file_memory(const char *label, int *ret_fd);
/* No one can write or resize it from now on. sys_file_memory files only. */
enum err sys_file_seal(int fd);
bool sys_file_is_sealed(int fd);

/* Up to n octets at off; *ret_n < n only at the end of the file. */
enum err sys_file_read(int fd, uint64_t off, void *to, size_t n, size_t *ret_n);
/* Exactly n octets. ERR_EOF when the file is shorter. */
enum err sys_file_read_exact(int fd, uint64_t off, void *to, size_t n);
/* A hint: n octets from off will be read soon. Waits for nothing. */
void sys_file_ahead(int fd, uint64_t off, uint64_t n);
/* A whole small file appended to `out`, whose ceiling is the limit (ERR_TOOBIG). */
enum err sys_file_load(int at, str path, struct buf *out);
/* The same for an open file, from its start. */
enum err sys_file_load_fd(int fd, struct buf *out);

/* All of it, or an error (then some of it may be there). */
enum err sys_file_write(int fd, uint64_t off, str s);
/* All parts one behind another, 64 per system call. */
enum err sys_file_write_parts(int fd, uint64_t off, const struct sys_part *parts, size_t n);
/* At the end of a descriptor that was opened with SYS_APPEND, or at its own offset. */
enum err sys_file_append(int fd, str s);

/* Data and metadata reach the disk; for folders too. */
enum err sys_file_sync(int fd);
/*
 * A file or folder that was made, and its name: both are there after a power cut. Data of the file
 * too.
 */
enum err sys_file_sync_name(int at, str path);
/* Data, and the size if it grew. */
enum err sys_file_datasync(int fd);
/* Reserve n octets of disk from off on, growing the file. ERR_NOSPACE. */
enum err sys_file_allocate(int fd, uint64_t off, uint64_t n);
/* Cut or grow to `size`. */
enum err sys_file_truncate(int fd, uint64_t size);

/* Replaces what has the new name. */
enum err sys_file_rename(int at_from, str from, int at_to, str to);
/* A second name. ERR_EXISTS. */
enum err sys_file_link(int at_from, str from, int at_to, str to);
/* Remove a name; open files live on. ERR_NOTFOUND. */
enum err sys_file_unlink(int at, str path);
/* Remove an empty folder. ERR_BUSY when it is not empty. */
enum err sys_dir_remove(int at, str path);
/* The whole tree, without following links. Depth at most 16: ERR_TOOMANY. ERR_NOTFOUND. */
enum err sys_dir_remove_tree(int at, str path);

/* Facts about a name; the last part is not followed when it is a link. */
enum err sys_file_stat(int at, str path, struct sys_stat *ret);
/* Facts about an open file. */
enum err sys_file_stat_fd(int fd, struct sys_stat *ret);
/* Permission bits. */
/* When the contents last changed, as others shall see it. */
enum err sys_file_set_mtime(int fd, int64_t mtime_ms);
enum err sys_file_chmod(int at, str path, unsigned mode);
/* Owner; needs root. */
enum err sys_file_chown(int at, str path, uint32_t uid, uint32_t gid);
/* Octets free for us on the file system of fd. */
enum err sys_file_free_space(int fd, uint64_t *ret_octets);

/* Write beside, sync, rename, sync the folder: old or new content after any crash. */
enum err sys_file_replace(int at, str path, str content);

/*
 * Lock the whole file for this open description (other processes wait or are refused). Gone when
 * closed.
 *
 * In      wait: block until it is ours
 * Errors  ERR_BUSY: somebody has it (only without wait)
 */
enum err sys_file_lock(int fd, bool exclusive, bool wait);
void sys_file_unlock(int fd);
/*
 * The same for one octet, without waiting. A lock that is held changes its kind in one step; it is
 * given back by closing.
 */
enum err sys_file_lock_octet(int fd, uint64_t off, bool exclusive);

/* See n octets from off without reading them; a file that is cut meanwhile faults. */
enum err sys_file_map(int fd, uint64_t off, size_t n, const void **ret);
void sys_file_unmap(const void *p, size_t n);

/* Tests: told of every operation that changes files, after it. NULL: none. */
void sys_file_set_hook(void (*hook)(void *ctx, enum sys_file_op op, int fd, uint64_t off, str data),
    void *ctx);

/* The folder of the running program, without trailing slash. */
enum err sys_file_program_folder(struct buf *out);

#endif
