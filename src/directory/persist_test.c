/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must survive closing and opening again: everything, with the ids, secrets and bans; and that
 * the file is for us alone.
 */
#include "base/buf.h"
#include "base/test.h"
#include "directory/account.h"
#include "directory/ban.h"
#include "directory/domain.h"
#include "sys/file.h"
#include "sys/random.h"
#include "sys/sys.h"

enum { NOW = 1800000000 };

static char folder[64];
static struct buf path;

static void
make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/postern-directory-%016llx",
	    (unsigned long long)sys_random_u64());
	CHECK_ERR(sys_dir_make(SYS_CWD, str_from(folder), 0700), ERR_OK);
	buf_init(&path, 200);
	buf_printf(&path, "%s/directory.db", folder);
}

static void
remove_folder(void)
{
	CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(folder)), ERR_OK);
	buf_done(&path);
}

static struct directory *
open_it(void)
{
	struct directory_conf conf = {
		.path = buf_view(&path), .delimiter = S("+"), .default_domain = S("example.org")
	};
	struct directory *d = NULL;

	CHECK_ERR(directory_open(&conf, &d), ERR_OK);
	return d;
}

struct seen {
	unsigned n;
	struct directory_ban last;
	char reason[32];
};

static enum err
see_ban(void *ctx, const struct directory_ban *ban)
{
	struct seen *seen = ctx;

	seen->n++;
	seen->last = *ban;
	snprintf(seen->reason, sizeof(seen->reason), "%.*s", STR_ARG(ban->reason));
	return ERR_OK;
}

static void
everything_is_there_again(void)
{
	struct directory_ban ban = { .bits = 120,
		.since_s = NOW,
		.until_s = NOW + 60,
		.times = 3,
		.reason = S("log-ins"),
		.ip = { [10] = 0xff, 0xff, 192, 0, 2, 0 } };
	struct directory_ban old = { .bits = 128, .until_s = NOW - 10, .reason = S("old") };
	struct directory_account want = { .address = S("anna@example.org"), .quota_octets = 77 };
	uint8_t secret[2][DIRECTORY_SECRET_OCTETS], other[DIRECTORY_SECRET_OCTETS];
	struct arena *arena = arena_new(NULL, "test", 1 << 16, 0);
	struct directory_account got;
	struct seen seen = { .n = 0 };
	struct directory *d;
	uint64_t first, second;

	make_folder();
	d = open_it();
	CHECK_ERR(directory_domain_add(d, S("example.org"), NOW), ERR_OK);
	CHECK_ERR(directory_account_add(d, &want, false, NOW, &first), ERR_OK);
	CHECK_ERR(directory_secret(d, S("salt"), secret[0]), ERR_OK);
	CHECK_ERR(directory_secret(d, S("other"), other), ERR_OK);
	CHECK_ERR(directory_ban_put(d, &old), ERR_OK);
	CHECK_ERR(directory_ban_put(d, &ban), ERR_OK);
	ban.times = 4;
	CHECK_ERR(directory_ban_put(d, &ban), ERR_OK);
	CHECK_ERR(directory_ban_expire(d, NOW), ERR_OK);
	directory_close(&d);
	CHECK(d == NULL);

	d = open_it();
	CHECK_ERR(directory_account_find(d, S("anna"), arena, &got), ERR_OK);
	CHECK(got.id == first && got.quota_octets == 77 && got.created_s == NOW);
	CHECK_ERR(directory_secret(d, S("salt"), secret[1]), ERR_OK);
	CHECK(memcmp(secret[0], secret[1], sizeof(other)) == 0);
	CHECK(memcmp(secret[0], other, sizeof(other)) != 0);
	CHECK_ERR(directory_ban_each(d, see_ban, &seen), ERR_OK);
	CHECK_U64(seen.n, 1);
	CHECK(memcmp(seen.last.ip, ban.ip, 16) == 0 && seen.last.bits == 120);
	CHECK(seen.last.times == 4 && seen.last.until_s == NOW + 60);
	CHECK_STR(str_from(seen.reason), S("log-ins"));
	CHECK_ERR(directory_ban_remove(d, &ban), ERR_OK);
	CHECK_ERR(directory_ban_remove(d, &ban), ERR_NOTFOUND);
	CHECK_ERR(directory_account_delete(d, first, NOW), ERR_OK);
	directory_close(&d);

	d = open_it();
	want.address = S("bert@example.org");
	CHECK_ERR(directory_account_add(d, &want, false, NOW, &second), ERR_OK);
	CHECK(second > first);
	directory_close(&d);
	remove_folder();
	arena_free(&arena);
}

static void
file_is_private(void)
{
	static const char *const names[] = { "directory.db", "directory.db-wal",
		"directory.db-shm" };
	struct directory *d;
	int dir = -1;

	make_folder();
	d = open_it();
	CHECK_ERR(directory_domain_add(d, S("example.org"), NOW), ERR_OK);
	CHECK_ERR(sys_dir_open(SYS_CWD, str_from(folder), &dir), ERR_OK);
	for (size_t i = 0; i < LEN(names); i++) {
		struct sys_stat st;

		test_case = names[i];
		if (CHECK_ERR(sys_file_stat(dir, str_from(names[i]), &st), ERR_OK)) {
			CHECK_U64(st.mode & 077, 0);
		}
	}
	test_case = NULL;
	sys_close(&dir);
	directory_close(&d);
	remove_folder();
}

TEST_MAIN(everything_is_there_again, file_is_private)
