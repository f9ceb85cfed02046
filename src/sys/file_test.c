/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and folders in a fresh folder below the working directory, removed at the end.
 */
#include "base/mem.h"
#include "base/test.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sys.h"

#include <errno.h>
#include <unistd.h>

static int dir = -1;
static char dir_name[64];

static void
opens(void)
{
	snprintf(dir_name, sizeof dir_name, "file_test.%016llx",
	    (unsigned long long)sys_random_u64());
	CHECK_ERR(sys_dir_make(SYS_CWD, str_from(dir_name), 0700), ERR_OK);
	CHECK_ERR(sys_dir_make(SYS_CWD, str_from(dir_name), 0700), ERR_EXISTS);
	CHECK_ERR(sys_dir_open(SYS_CWD, str_from(dir_name), &dir), ERR_OK);
}

static void
write_and_read(void)
{
	int fd = -1;
	char got[16];
	size_t n;
	CHECK_ERR(sys_file_open(dir, S("a"), SYS_READ, &fd), ERR_NOTFOUND);
	CHECK_ERR(sys_file_open(dir, S("a"), SYS_READ | SYS_WRITE | SYS_NEW, &fd), ERR_OK);
	CHECK_ERR(sys_file_write(fd, 0, S("hello world")), ERR_OK);
	CHECK_ERR(sys_file_read(fd, 6, got, sizeof got, &n), ERR_OK);
	CHECK_STR(str_make(got, n), S("world"));
	CHECK_ERR(sys_file_read_exact(fd, 6, got, 5), ERR_OK);
	CHECK_ERR(sys_file_read_exact(fd, 6, got, 6), ERR_EOF);
	CHECK_ERR(sys_file_sync(fd), ERR_OK);
	CHECK_ERR(sys_file_datasync(fd), ERR_OK);
	CHECK_ERR(sys_file_truncate(fd, 5), ERR_OK);
	struct sys_stat s;
	CHECK_ERR(sys_file_stat_fd(fd, &s), ERR_OK);
	CHECK(s.size == 5 && s.is_file && !s.is_folder && s.mode == 0600);
	int other = -1;
	CHECK_ERR(sys_file_open(dir, S("a"), SYS_WRITE | SYS_NEW, &other), ERR_EXISTS);
	sys_close(&fd);
}

static void
parts(void)
{
	static char octets[200][3];
	struct sys_part p[200];
	int fd = -1;
	struct buf want, got;
	buf_init(&want, 1000);
	buf_init(&got, 1000);
	for (size_t i = 0; i < LEN(p); i++) {
		snprintf(octets[i], sizeof octets[i], "%02x", (unsigned)i);
		p[i] = (struct sys_part){ octets[i], i % 3 }; /* empty ones too */
		buf_add(&want, octets[i], i % 3);
	}
	CHECK_ERR(sys_file_open(dir, S("p"), SYS_READ | SYS_WRITE | SYS_CREATE, &fd), ERR_OK);
	CHECK_ERR(sys_file_write_parts(fd, 0, p, LEN(p)), ERR_OK);
	CHECK_ERR(sys_file_load_fd(fd, &got), ERR_OK);
	CHECK_STR(buf_view(&got), buf_view(&want));
	CHECK_ERR(sys_file_write_parts(fd, 0, p, 0), ERR_OK);
	sys_close(&fd);
	buf_done(&want);
	buf_done(&got);
}

static void
load_respects_its_ceiling(void)
{
	static const struct {
		size_t size, max;
		enum err want;
	} cases[] = { { 10000, 10000, ERR_OK }, { 10000, 9999, ERR_TOOBIG }, { 4096, 4096, ERR_OK },
		{ 4097, 4096, ERR_TOOBIG }, { 0, 1, ERR_OK }, { 1, 1, ERR_OK } };
	static char octets[10000];
	for (size_t i = 0; i < LEN(cases); i++) {
		int fd = -1;
		struct buf b;
		buf_init(&b, cases[i].max);
		CHECK_ERR(sys_file_open(dir, S("l"), SYS_WRITE | SYS_CREATE | SYS_EMPTY, &fd),
		    ERR_OK);
		CHECK_ERR(sys_file_write(fd, 0, str_make(octets, cases[i].size)), ERR_OK);
		CHECK_ERR(sys_file_load(dir, S("l"), &b), cases[i].want);
		CHECK(cases[i].want != ERR_OK || b.n == cases[i].size);
		sys_close(&fd);
		buf_done(&b);
	}
}

static void
replaces(void)
{
	struct buf b;
	buf_init(&b, 100);
	CHECK_ERR(sys_file_replace(dir, S("r"), S("one")), ERR_OK);
	CHECK_ERR(sys_file_replace(dir, S("r"), S("two")), ERR_OK);
	for (uint64_t n = 1; n <= 6; n++) { /* each call fails once: old or new, nothing else */
		sys_fail_after(n, ENOSPC);
		enum err e = sys_file_replace(dir, S("r"), S("three"));
		sys_fail_after(0, 0);
		CHECK_ERR(e, ERR_NOSPACE);
		buf_reset(&b);
		CHECK_ERR(sys_file_load(dir, S("r"), &b), ERR_OK);
		CHECK(str_eq(buf_view(&b), S("two")) ||
		    (n > 4 && str_eq(buf_view(&b), S("three"))));
		CHECK_ERR(sys_file_stat(dir, S("r.new"), &(struct sys_stat){ 0 }), ERR_NOTFOUND);
	}
	buf_done(&b);
}

static void
links_are_not_followed(void)
{
	int fd = -1;
	struct sys_stat s;
	CHECK(symlinkat("r", dir, "s") == 0);
	CHECK_ERR(sys_file_open(dir, S("s"), SYS_READ, &fd), ERR_DENIED);
	CHECK_ERR(sys_file_open(dir, S("s"), SYS_READ | SYS_FOLLOW, &fd), ERR_OK);
	sys_close(&fd);
	CHECK_ERR(sys_file_stat(dir, S("s"), &s), ERR_OK);
	CHECK(!s.is_file && !s.is_folder);
	CHECK(symlinkat(".", dir, "d") == 0);
	CHECK_ERR(sys_dir_open(dir, S("d"), &fd), ERR_NOTFOUND);
}

static void
paths(void)
{
	static char long_path[5000];
	int fd = -1;
	memset(long_path, 'x', sizeof long_path);
	CHECK_ERR(sys_file_open(dir, S("a\0b"), SYS_READ, &fd), ERR_SYNTAX);
	CHECK_ERR(sys_file_open(dir, S(""), SYS_READ, &fd), ERR_SYNTAX);
	CHECK_ERR(sys_file_open(dir, str_make(long_path, sizeof long_path), SYS_READ, &fd),
	    ERR_TOOBIG);
	CHECK_ERR(sys_file_open(dir, str_make(long_path, 300), SYS_READ, &fd), ERR_TOOBIG);
}

static void
dates(void)
{
	static const int64_t at[] = { 0, 1700000000123, -1, -1000, -1001 };
	struct sys_stat st;
	int fd = -1;
	CHECK_ERR(sys_file_memory("dates", &fd), ERR_OK);
	for (size_t i = 0; i < LEN(at); i++) {
		CHECK_ERR(sys_file_set_mtime(fd, at[i]), ERR_OK);
		CHECK_ERR(sys_file_stat_fd(fd, &st), ERR_OK);
		CHECK(st.mtime_ms == at[i]);
	}
	sys_close(&fd);
	CHECK_ERR(sys_file_set_mtime(fd, 0), ERR_BUG);
}

static void
memory_files(void)
{
	int fd = -1, temp = -1;
	CHECK_ERR(sys_file_memory("test", &fd), ERR_OK);
	CHECK_ERR(sys_file_append(fd, S("body")), ERR_OK);
	CHECK(!sys_file_is_sealed(fd));
	CHECK_ERR(sys_file_seal(fd), ERR_OK);
	CHECK(sys_file_is_sealed(fd));
	CHECK_ERR(sys_file_write(fd, 0, S("x")), ERR_DENIED);
	const void *p;
	CHECK_ERR(sys_file_map(fd, 0, 4, &p), ERR_OK);
	CHECK_STR(str_make(p, 4), S("body"));
	sys_file_unmap(p, 4);
	sys_close(&fd);
	CHECK_ERR(sys_file_temp(dir, &temp), ERR_OK);
	CHECK(!sys_file_is_sealed(temp));
	CHECK_ERR(sys_file_allocate(temp, 0, 8192), ERR_OK);
	sys_close(&temp);
}

static enum err
count_name(void *ctx, str name)
{
	size_t *n = ctx;
	(*n)++;
	return str_eq(name, S("stop")) ? ERR_BUSY : ERR_OK;
}

static void
folders(void)
{
	size_t n = 0;
	int sub = -1;
	CHECK_ERR(sys_dir_make(dir, S("t"), 0700), ERR_OK);
	CHECK_ERR(sys_dir_open(dir, S("t"), &sub), ERR_OK);
	CHECK_ERR(sys_dir_list(sub, count_name, &n), ERR_OK);
	CHECK_U64(n, 0);
	CHECK_ERR(sys_file_replace(sub, S("x"), S("1")), ERR_OK);
	CHECK_ERR(sys_file_link(sub, S("x"), sub, S("y")), ERR_OK);
	CHECK_ERR(sys_file_link(sub, S("x"), sub, S("y")), ERR_EXISTS);
	CHECK_ERR(sys_dir_list(sub, count_name, &n), ERR_OK);
	CHECK_U64(n, 2);
	CHECK_ERR(sys_dir_list(sub, count_name, &n), ERR_OK); /* again from the start */
	CHECK_U64(n, 4);
	CHECK_ERR(sys_dir_remove(dir, S("t")), ERR_BUSY);
	CHECK_ERR(sys_file_rename(sub, S("y"), sub, S("stop")), ERR_OK);
	CHECK_ERR(sys_dir_list(sub, count_name, &n), ERR_BUSY);
	CHECK_ERR(sys_file_unlink(sub, S("stop")), ERR_OK);
	CHECK_ERR(sys_file_unlink(sub, S("stop")), ERR_NOTFOUND);
	sys_close(&sub);
	CHECK_ERR(sys_dir_remove_tree(dir, S("t")), ERR_OK);
	CHECK_ERR(sys_dir_remove_tree(dir, S("t")), ERR_NOTFOUND);
}

static void
deep_tree_is_refused(void)
{
	char path[64] = "0";
	for (size_t depth = 0; depth < 18; depth++) {
		CHECK_ERR(sys_dir_make(dir, str_make(path, depth * 2 + 1), 0700), ERR_OK);
		memcpy(path + depth * 2 + 1, "/0", 2);
	}
	CHECK_ERR(sys_dir_remove_tree(dir, S("0")), ERR_TOOMANY);
	CHECK_ERR(sys_dir_remove_tree(dir, S("0/0/0")), ERR_OK);
	CHECK_ERR(sys_dir_remove_tree(dir, S("0")), ERR_OK);
}

static void
locks(void)
{
	int a = -1, b = -1;
	CHECK_ERR(sys_file_open(dir, S("a"), SYS_READ | SYS_WRITE, &a), ERR_OK);
	CHECK_ERR(sys_file_open(dir, S("a"), SYS_READ | SYS_WRITE, &b), ERR_OK);
	CHECK_ERR(sys_file_lock(a, true, false), ERR_OK);
	CHECK_ERR(sys_file_lock(b, true, false), ERR_BUSY);
	CHECK_ERR(sys_file_lock(b, false, false), ERR_BUSY);
	sys_file_unlock(a);
	CHECK_ERR(sys_file_lock(b, true, true), ERR_OK);
	sys_close(&b);
	CHECK_ERR(sys_file_lock(a, true, false), ERR_OK);
	sys_close(&a);
}

static size_t told[8];

static void
tell(void *ctx, enum sys_file_op op, int fd, uint64_t off, str data)
{
	told[op]++;
}

static void
hook_sees_everything(void)
{
	sys_file_set_hook(tell, NULL);
	CHECK_ERR(sys_file_replace(dir, S("h"), S("x")), ERR_OK);
	CHECK_ERR(sys_file_unlink(dir, S("h")), ERR_OK);
	sys_file_set_hook(NULL, NULL);
	CHECK_U64(told[SYS_OP_CREATE], 1);
	CHECK_U64(told[SYS_OP_WRITE], 1);
	CHECK_U64(told[SYS_OP_SYNC], 2);
	CHECK_U64(told[SYS_OP_RENAME], 1);
	CHECK_U64(told[SYS_OP_UNLINK], 1);
}

static void
facts(void)
{
	uint64_t space = 0;
	struct buf b;
	buf_init(&b, 4096);
	CHECK_ERR(sys_file_free_space(dir, &space), ERR_OK);
	CHECK(space > 0);
	CHECK_ERR(sys_file_program_folder(&b), ERR_OK);
	CHECK(b.n > 1 && b.p[0] == '/' && b.p[b.n - 1] != '/');
	buf_done(&b);
}

static void
closes(void)
{
	sys_close(&dir);
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(dir_name)), ERR_OK);
}

TEST_MAIN(opens, write_and_read, parts, load_respects_its_ceiling, replaces, links_are_not_followed,
    paths, dates, memory_files, folders, deep_tree_is_refused, locks, hook_sees_everything, facts,
    closes)
