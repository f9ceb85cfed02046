/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Helpers of the tests of this folder; nothing of it is in a program.
 */
#include "store/trial.h"

#include "base/codec.h"
#include "base/test.h"
#include "db/db.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <unistd.h>

int64_t store_trial_now = 1700000000;

static int64_t
trial_clock(void)
{
	return store_trial_now++;
}

static struct store_conf
conf_in(const char *folder, const char *name)
{
	static char path[128];
	int n = snprintf(path, sizeof path, "%sstore_trial.%s.%ld", folder, name, (long)getpid());
	struct store_conf conf = { .path = { path, (size_t)n },
		.boot_id = S("boot-1"),
		.create = true,
		.wall_s = trial_clock };
	store_trial_remove(&conf);
	return conf;
}

struct store_conf
store_trial_conf(const char *name)
{
	return conf_in(access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : "", name);
}

struct store_conf
store_trial_conf_disk(const char *name)
{
	return conf_in("", name);
}

void
store_trial_remove(const struct store_conf *conf)
{
	(void)!sys_dir_remove_tree(SYS_CWD, conf->path);
}

struct store *
store_trial_open(const struct store_conf *conf)
{
	struct store *s = NULL;
	return CHECK_ERR(store_open(conf, &s), ERR_OK) ? s : NULL;
}

uint64_t
store_trial_random(uint64_t *state, uint64_t below)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % below;
}

void
store_trial_text(uint64_t number, struct buf *out)
{
	uint64_t r = number * 77 + 1;
	size_t kind = (size_t)store_trial_random(&r, 4), want;
	buf_reset(out);
	buf_printf(out,
	    "From: a@example.org\r\nMessage-ID: <m%llu@example.org>\r\nSubject: number"
	    " %llu\r\n\r\n",
	    (unsigned long long)number, (unsigned long long)number);
	want = out->n + (size_t)store_trial_random(&r, kind == 0 ? 200 : kind == 3 ? 20000 : 3000);
	while (out->n < want) {
		if (kind == 2) { /* does not compress */
			uint64_t v = store_trial_random(&r, UINT64_MAX);
			buf_add(out, &v, sizeof v);
		} else {
			buf_printf(out, "line %u of the text\r\n",
			    (unsigned)store_trial_random(&r, 100));
		}
	}
}

static void
trial_buf(struct buf *b)
{
	buf_init(b, 1 << 26);
}

uint32_t
store_trial_append(struct store *s, uint64_t mailbox, uint64_t number, uint32_t flags)
{
	char own[64];
	struct buf b;
	struct store_added added = { 0 };
	trial_buf(&b);
	store_trial_text(number, &b);
	int n = snprintf(own, sizeof own, "<m%llu@example.org>", (unsigned long long)number);
	struct store_new msg = { .body = buf_view(&b),
		.flags = flags,
		.internal_s = (int64_t)number,
		.message_id = { own, (size_t)n } };
	CHECK_ERR(store_append(s, mailbox, &msg, 1, &added), ERR_OK);
	buf_done(&b);
	return added.uid;
}

uint32_t
store_trial_count(struct store *s)
{
	struct arena *a = arena_new(NULL, "count", 1 << 16, 0);
	struct store_mailbox box = { 0 };
	CHECK_ERR(store_mailbox_get(s, 1, a, &box), ERR_OK);
	arena_free(&a);
	return box.messages;
}

enum err
store_trial_deliver(struct store *s, uint64_t entry, bool replay, struct store_added *ret)
{
	struct buf b;
	trial_buf(&b);
	store_trial_text(entry, &b);
	struct store_delivery d = { .entry = entry,
		.replay = replay,
		.msg = {
		    .prefix = S("Return-Path: <>\r\n"), .body = buf_view(&b), .internal_s = 5 } };
	enum err e = store_deliver(s, &d, 1, ret);
	buf_done(&b);
	return e;
}

/* ---- files -------------------------------------------------------------------------------- */

static int
trial_folder(const struct store_conf *conf)
{
	int dir = -1;
	CHECK_ERR(sys_dir_open(SYS_CWD, conf->path, &dir), ERR_OK);
	return dir;
}

void
store_trial_load(const struct store_conf *conf, const char *file, struct buf *out)
{
	int dir = trial_folder(conf);
	trial_buf(out);
	CHECK_ERR(sys_file_load(dir, str_from(file), out), ERR_OK);
	sys_close(&dir);
}

void
store_trial_save(const struct store_conf *conf, const char *file, str octets)
{
	int dir = trial_folder(conf), fd = -1;
	CHECK_ERR(sys_file_open(dir, str_from(file), SYS_WRITE | SYS_CREATE | SYS_EMPTY, &fd),
	    ERR_OK);
	CHECK_ERR(sys_file_write(fd, 0, octets), ERR_OK);
	sys_close(&fd);
	sys_close(&dir);
}

uint64_t
store_trial_size(const struct store_conf *conf, const char *file)
{
	int dir = trial_folder(conf);
	struct sys_stat st = { 0 };
	enum err e = sys_file_stat(dir, str_from(file), &st);
	sys_close(&dir);
	return e == ERR_OK ? st.size : 0;
}

/* ---- looking at everything ---------------------------------------------------------------- */

static void
dump_text(struct store *s, const struct store_msg *m, struct buf *out)
{
	str text;
	enum err e = store_text(s, m->id, &text);
	if (e != ERR_OK) {
		buf_printf(out, " %s", err_name(e));
		return;
	}
	CHECK_U64(text.n, m->size);
	buf_printf(out, " crc=%08x", crc32c(0, text.p, text.n));
}

static void
dump_msgs(struct store *s, uint64_t mailbox, bool modseqs, struct buf *out)
{
	struct arena *a = arena_new(NULL, "dump", 1 << 20, 0);
	struct store_scan scan = { .mailbox = mailbox, .lo = 1, .hi = UINT32_MAX };
	struct store_msg m;
	size_t n;
	while (CHECK_ERR(store_msgs(s, &scan, &m, 1, &n), ERR_OK) && n == 1) {
		struct store_cold c = { 0 };
		enum err e = store_cold(s, m.id, a, &c);
		buf_printf(out,
		    "  %u flags=%x id=%llu size=%u saved=%lld date=%lld thread=%llu"
		    " %s",
		    m.uid, m.flags, (unsigned long long)m.id, m.size, (long long)m.saved_s,
		    (long long)c.internal_s, (unsigned long long)c.thread, err_name(e));
		if (modseqs) {
			buf_printf(out, " modseq=%llu", (unsigned long long)m.modseq);
		}
		dump_text(s, &m, out);
		buf_ch(out, '\n');
		arena_reset(a);
		scan.lo = m.uid + 1;
	}
	arena_free(&a);
}

static void
dump_annotations(struct store *s, uint64_t mailbox, struct buf *out)
{
	struct arena *a = arena_new(NULL, "dump", 1 << 24, 0);
	struct store_annotation_list list;
	CHECK_ERR(store_annotations(s, mailbox, STR_NONE, a, &list), ERR_OK);
	for (size_t i = 0; i < list.n; i++) {
		buf_printf(out, "  %.*s=%.*s\n", STR_ARG(list.v[i].entry),
		    STR_ARG(list.v[i].value));
	}
	arena_free(&a);
}

void
store_trial_dump(struct store *s, bool modseqs, struct buf *out)
{
	struct arena *a = arena_new(NULL, "dump", 1 << 24, 0);
	struct store_mailbox *v = NULL;
	struct store_keywords k;
	size_t n = 0;
	trial_buf(out);
	CHECK_ERR(store_mailboxes(s, a, &v, &n), ERR_OK);
	for (size_t i = 0; i < n; i++) {
		buf_printf(out,
		    "%.*s id=%llu v=%u n=%u unseen=%u deleted=%u octets=%llu special=%x sub=%d"
		    " ch=%d",
		    STR_ARG(v[i].name), (unsigned long long)v[i].id, v[i].uidvalidity,
		    v[i].messages, v[i].unseen, v[i].deleted, (unsigned long long)v[i].octets,
		    v[i].special, v[i].subscribed, v[i].children);
		if (v[i].id != 0) {
			CHECK_ERR(store_keywords(s, v[i].id, a, &k), ERR_OK);
			for (size_t w = 0; w < k.n; w++) {
				buf_printf(out, " %.*s", STR_ARG(k.name[w]));
			}
		}
		buf_ch(out, '\n');
		if (v[i].id != 0) {
			dump_annotations(s, v[i].id, out);
			dump_msgs(s, v[i].id, modseqs, out);
		}
	}
	CHECK_ERR(buf_err(out), ERR_OK);
	arena_free(&a);
}

void
store_trial_sql(const struct store_conf *conf, const char *sql)
{
	struct db *db = NULL;
	char path[300];
	int n = snprintf(path, sizeof path, "%.*s/index.db", (int)conf->path.n, conf->path.p);
	struct db_conf c = { .path = { path, (size_t)n }, .busy_ms = 1000 };
	CHECK_ERR(db_open(&c, &db), ERR_OK);
	CHECK_ERR(db_exec(db, sql), ERR_OK);
	db_close(&db);
}
