/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a DKIM key in which the n-th system call or the n-th allocation fails: what was
 * answered is on disk, what is on disk can be read, and no domain ever has two active keys of a
 * kind after the next start.
 */
#include "base/mem.h"
#include "base/test.h"
#include "svc/keys/keys.h"
#include "sys/file.h"
#include "sys/sys.h"

#include <errno.h>

enum { FAILURES = 60 };

struct world {
	char folder[64];
	struct svc_common sc;
	struct conf conf;
	struct svc_keys k;
};

static void
start(struct world *w)
{
	int folder = -1;
	CHECK_ERR(sys_loop_new(&w->sc.loop), ERR_OK);
	w->sc.conf = &w->conf;
	w->k = (struct svc_keys){ 0 };
	CHECK_ERR(sys_dir_open(SYS_CWD, str_from(w->folder), &folder), ERR_OK);
	CHECK_ERR(svc_keys_table_init(&w->k, &w->sc, folder), ERR_OK);
	CHECK_ERR(svc_keys_table_load(&w->k), ERR_OK);
}

static void
stop(struct world *w)
{
	svc_keys_table_done(&w->k);
	sys_loop_free(&w->sc.loop);
}

static size_t
count(const struct world *w, enum svc_keys_state state)
{
	size_t n = 0;
	LIST_EACH(it, &w->k.keys) {
		const struct svc_keys_key *key = LIST_ENTRY(it, struct svc_keys_key, node);
		n += key->state == state;
		CHECK((key->pkey == NULL) == (key->state == SVC_KEYS_REVOKED));
	}
	return n;
}

/* Two keys one after the other; the last of the answers, and what memory holds then. */
static enum err
live(struct world *w)
{
	size_t n;
	TRY(svc_keys_table_create(&w->k, S("example.org"), 1u << DKIM_ED25519_SHA256, &n));
	TRY(svc_keys_table_activate(&w->k, S("example.org"), S(""), &n));
	TRY(svc_keys_table_create(&w->k, S("example.org"), 1u << DKIM_ED25519_SHA256, &n));
	return svc_keys_table_activate(&w->k, S("example.org"), S(""), &n);
}

/* Once more, undisturbed: whatever state it was left in, it can be gone on from. */
static void
check_after(struct world *w, enum err e)
{
	size_t n;
	size_t active = count(w, SVC_KEYS_ACTIVE), all = w->k.keys_n;
	CHECK(e != ERR_OK || (all == 2 && active == 1));
	stop(w);
	start(w);
	CHECK_U64(w->k.bad_files, 0);
	CHECK(w->k.keys_n >= all);
	CHECK(count(w, SVC_KEYS_ACTIVE) <= 1);
	CHECK(e != ERR_OK || count(w, SVC_KEYS_ACTIVE) == 1);
	enum err again = svc_keys_table_create(&w->k, S("example.org"), 1u << DKIM_ED25519_SHA256,
	    &n);
	CHECK(again == ERR_OK || again == ERR_EXISTS);
	CHECK_ERR(svc_keys_table_activate(&w->k, S("example.org"), S(""), &n), ERR_OK);
	CHECK_U64(count(w, SVC_KEYS_ACTIVE), 1);
}

static void
with_failures(void (*fail)(uint64_t n))
{
	unsigned failed = 0;
	for (uint64_t n = 1; n <= FAILURES; n++) {
		struct world w = { .folder = "keys-torture-XXXXXX",
			.conf = { .dkim_keep = 86400000 } };
		CHECK(mkdtemp(w.folder) != NULL);
		start(&w);
		fail(n);
		enum err e = live(&w);
		fail(0);
		failed += e != ERR_OK;
		check_after(&w, e);
		stop(&w);
		CHECK_ERR(sys_dir_remove_tree(SYS_CWD, str_from(w.folder)), ERR_OK);
	}
	CHECK(failed >= 4 && failed < FAILURES); /* it hurt, and there was an end to it */
}

static void
fail_call(uint64_t n)
{
	sys_fail_after(n, n == 0 ? 0 : EIO);
}

static void
calls_fail(void)
{
	with_failures(fail_call);
}

static void
memory_runs_out(void)
{
	with_failures(mem_fail_after);
}

TEST_MAIN(calls_fail, memory_runs_out)
