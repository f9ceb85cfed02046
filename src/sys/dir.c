/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and folders: make, list, rename, remove, and replacing a small file safely.
 */
#include "sys/file.h"
#include "sys/file_priv.h"
#include "sys/sys.h"
#include "sys/sys_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TREE_DEPTH = 16 };

enum err
sys_dir_open(int at, str path, int *ret_fd)
{
	char p[SYS_PATH_MAX];
	TRY(sys_path(path, p));
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (at == SYS_CWD ? 0 : O_NOFOLLOW);
	int fd = sys_must_fail() ? -1 : openat(at, p, flags);
	if (fd < 0) {
		return sys_err(errno);
	}
	*ret_fd = fd;
	return ERR_OK;
}

enum err
sys_dir_make(int at, str path, unsigned mode)
{
	char p[SYS_PATH_MAX];
	TRY(sys_path(path, p));
	if (sys_must_fail() || mkdirat(at, p, mode) != 0) {
		return sys_err(errno);
	}
	sys_file_told(SYS_OP_CREATE, at, 0, path);
	return ERR_OK;
}

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A stream over the folder that leaves `dir` and its offset alone. */
static enum err
open_stream(int dir, const char *name, DIR **ret)
{
	int fd = sys_must_fail()
	    ? -1
	    : openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		return sys_err(errno);
	}
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		sys_close(&fd);
		return ERR_NOMEM;
	}
	*ret = d;
	return ERR_OK;
}

enum err
sys_dir_list(int dir, enum err (*each)(void *ctx, str name), void *ctx)
{
	DIR *d;
	enum err e = open_stream(dir, ".", &d);
	if (e != ERR_OK) {
		return e;
	}
	for (struct dirent *entry; e == ERR_OK && (entry = readdir(d)) != NULL;) {
		if (!is_dots(entry->d_name)) {
			e = each(ctx, str_from(entry->d_name));
		}
	}
	closedir(d);
	return e;
}

enum err
sys_file_rename(int at_from, str from, int at_to, str to)
{
	char a[SYS_PATH_MAX], b[SYS_PATH_MAX];
	TRY(sys_path(from, a));
	TRY(sys_path(to, b));
	if (sys_must_fail() || renameat(at_from, a, at_to, b) != 0) {
		return sys_err(errno);
	}
	sys_file_told(SYS_OP_RENAME, at_to, 0, to);
	return ERR_OK;
}

enum err
sys_file_link(int at_from, str from, int at_to, str to)
{
	char a[SYS_PATH_MAX], b[SYS_PATH_MAX];
	TRY(sys_path(from, a));
	TRY(sys_path(to, b));
	if (sys_must_fail() || linkat(at_from, a, at_to, b, 0) != 0) {
		return sys_err(errno);
	}
	sys_file_told(SYS_OP_CREATE, at_to, 0, to);
	return ERR_OK;
}

static enum err
unlink_at(int at, str path, int flags)
{
	char p[SYS_PATH_MAX];
	TRY(sys_path(path, p));
	if (sys_must_fail() || unlinkat(at, p, flags) != 0) {
		return flags != 0 && errno == EEXIST ? ERR_BUSY : sys_err(errno);
	}
	sys_file_told(SYS_OP_UNLINK, at, 0, path);
	return ERR_OK;
}

enum err
sys_file_unlink(int at, str path)
{
	return unlink_at(at, path, 0);
}

enum err
sys_dir_remove(int at, str path)
{
	return unlink_at(at, path, AT_REMOVEDIR);
}

enum err
sys_file_chmod(int at, str path, unsigned mode)
{
	char p[SYS_PATH_MAX];
	TRY(sys_path(path, p));
	return !sys_must_fail() && fchmodat(at, p, mode, 0) == 0 ? ERR_OK : sys_err(errno);
}

enum err
sys_file_set_mtime(int fd, int64_t mtime_ms)
{
	int64_t rest = mtime_ms % 1000;
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = (mtime_ms - rest) / 1000 - (rest < 0),
		    .tv_nsec = (rest + (rest < 0 ? 1000 : 0)) * 1000000 } };
	return !sys_must_fail() && futimens(fd, t) == 0 ? ERR_OK : sys_err(errno);
}

enum err
sys_file_chown(int at, str path, uint32_t uid, uint32_t gid)
{
	char p[SYS_PATH_MAX];
	TRY(sys_path(path, p));
	return !sys_must_fail() && fchownat(at, p, uid, gid, AT_SYMLINK_NOFOLLOW) == 0
	    ? ERR_OK
	    : sys_err(errno);
}

/* --- removing a tree ----------------------------------------------------------------------- */

/* The folders that are being emptied, outermost first. */
struct tree {
	DIR *level[TREE_DEPTH];
	char name[TREE_DEPTH][NAME_MAX + 1];
	size_t depth;
};

static enum err
descend(struct tree *t, int at, const char *name)
{
	size_t n = strlen(name);
	if (t->depth == TREE_DEPTH) {
		return ERR_TOOMANY;
	}
	if (n > NAME_MAX) {
		return ERR_TOOBIG;
	}
	TRY(open_stream(at, name, &t->level[t->depth]));
	memcpy(t->name[t->depth], name, n + 1);
	t->depth++;
	return ERR_OK;
}

/* Remove one entry of the innermost folder, or go into it, or leave and remove the empty folder. */
static enum err
step(struct tree *t, int at)
{
	DIR *d = t->level[t->depth - 1];
	struct dirent *entry = readdir(d);
	if (entry == NULL) {
		closedir(d);
		t->depth--;
		int above = t->depth == 0 ? at : dirfd(t->level[t->depth - 1]);
		return sys_dir_remove(above, str_from(t->name[t->depth]));
	}
	if (is_dots(entry->d_name)) {
		return ERR_OK;
	}
	if (unlinkat(dirfd(d), entry->d_name, 0) == 0) {
		return ERR_OK;
	}
	if (errno != EISDIR && errno != EPERM) {
		return sys_err(errno);
	}
	return descend(t, dirfd(d), entry->d_name);
}

enum err
sys_dir_remove_tree(int at, str path)
{
	struct tree t = { .depth = 0 };
	int parent SYS_FD_AUTO = -1;
	ptrdiff_t slash = str_rchr(path, '/');
	char name[SYS_PATH_MAX];
	TRY(sys_path(str_from_off(path, (size_t)(slash + 1)), name));
	if (slash > 0) {
		TRY(sys_dir_open(at, str_sub(path, 0, (size_t)slash), &parent));
		at = parent;
	}
	enum err e = descend(&t, at, name);
	while (e == ERR_OK && t.depth > 0) {
		e = step(&t, at);
	}
	while (t.depth > 0) {
		closedir(t.level[--t.depth]);
	}
	return e;
}

/* --- lasting, replacing ------------------------------------------------------------------- */

static enum err
sync_parent(int at, str path)
{
	int dir SYS_FD_AUTO = -1;
	ptrdiff_t slash = str_rchr(path, '/');
	str folder = slash < 0 ? S(".") : str_sub(path, 0, (size_t)MAX(slash, 1));
	TRY(sys_dir_open(at, folder, &dir));
	return sys_file_sync(dir);
}

enum err
sys_file_sync_name(int at, str path)
{
	int fd SYS_FD_AUTO = -1;
	TRY(sys_file_open(at, path, SYS_READ, &fd));
	TRY(sys_file_sync(fd));
	return sync_parent(at, path);
}

enum err
sys_file_replace(int at, str path, str content)
{
	static const char suffix[] = ".new";
	char beside[SYS_PATH_MAX];
	if (path.n + sizeof suffix > sizeof beside) {
		return ERR_TOOBIG;
	}
	TRY(sys_path(path, beside));
	memcpy(beside + path.n, suffix, sizeof suffix);
	str temp = str_from(beside);

	int fd SYS_FD_AUTO = -1;
	TRY(sys_file_open(at, temp, SYS_WRITE | SYS_CREATE | SYS_EMPTY, &fd));
	enum err e = sys_file_write(fd, 0, content);
	if (e == ERR_OK) {
		e = sys_file_sync(fd);
	}
	if (e == ERR_OK) {
		e = sys_file_rename(at, temp, at, path);
	}
	if (e != ERR_OK) {
		enum err ignored = sys_file_unlink(at, temp);
		(void)ignored;
		return e;
	}
	return sync_parent(at, path);
}

enum err
sys_file_program_folder(struct buf *out)
{
	char p[SYS_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", p, sizeof p);
	if (n <= 0) {
		return sys_err(errno);
	}
	ptrdiff_t slash = str_rchr(str_make(p, (size_t)n), '/');
	buf_str(out, str_make(p, slash <= 0 ? 1 : (size_t)slash));
	return buf_err(out);
}
