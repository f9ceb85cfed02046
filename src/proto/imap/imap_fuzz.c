/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets through reader and parser. The first octet sets what is enabled, the second how large
 * the pieces are; a valid command runs first, so that the fuzzed octets meet a used reader. Parsed
 * search programs are evaluated and section names written.
 */
#include "proto/imap/reader.h"
#include "proto/imap/url.h"

#include "proto/imap/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err
ask(void *ctx, const struct imap_search_node *leaf, bool *ret)
{
	uint32_t *seed = ctx;
	*seed = *seed * 1664525u + 1013904223u;
	*ret = (*seed >> 16 & 1) != 0;
	return leaf->op == IMAP_SEARCH_TEXT && *seed % 64 == 0 ? ERR_IO : ERR_OK;
}

static void
use_set(struct imap_seqset *set, uint32_t seed)
{
	imap_seqset_resolve(set, seed % 100);
	for (size_t i = 1; i < set->n; i++) {
		ASSERT(set->r[i - 1].lo <= set->r[i - 1].hi);
		ASSERT((uint64_t)set->r[i - 1].hi + 1 < set->r[i].lo);
	}
	ASSERT(set->n == 0 || imap_seqset_has(set, set->r[0].lo));
}

/* What the executor does with the steps of an APPEND. */
static void
use_steps(const struct imap_append *append)
{
	char room[4 * IMAP_URL_MAX];
	for (size_t i = 0; i < append->n; i++) {
		struct imap_url url;
		struct buf b;
		struct arena *a = arena_new(NULL, "url", 65536, 0);
		buf_init_fixed(&b, room, sizeof room);
		if (append->steps[i].kind == IMAP_STEP_URL &&
		    imap_url_parse(a, append->steps[i].url, &url) == ERR_OK) {
			ASSERT(url.uid != 0);
			imap_section_name_put(&b, &url.section);
		}
		imap_url_put(&b, append->steps[i].url);
		arena_free(&a);
	}
}

static void
use_command(struct imap_command *cmd, uint32_t seed)
{
	char room[4096];
	struct buf b;
	buf_init_fixed(&b, room, sizeof room);
	const struct imap_search_program *p = cmd->verb == IMAP_SEARCH ? &cmd->u.search.program
	    : cmd->verb == IMAP_SORT                                   ? &cmd->u.sort.search.program
	    : cmd->verb == IMAP_THREAD  ? &cmd->u.thread.search.program
	    : cmd->verb == IMAP_ESEARCH ? &cmd->u.esearch.search.program
					: NULL;
	if (p != NULL) {
		bool match = false;
		enum err e = imap_search_eval(p, ask, &seed, &match);
		ASSERT(e == ERR_OK || e == ERR_IO);
	} else if (cmd->verb == IMAP_FETCH) {
		use_set(&cmd->u.fetch.set, seed);
		for (size_t i = 0; i < cmd->u.fetch.n; i++) {
			imap_section_name_put(&b, &cmd->u.fetch.sections[i]);
		}
	} else if (cmd->verb == IMAP_STATUS) {
		imap_put_mailbox(&b, cmd->u.status.mailbox, (seed & 1) != 0);
	} else if (cmd->verb == IMAP_APPEND || cmd->verb == IMAP_REPLACE) {
		use_steps(&cmd->u.append);
	} else if (cmd->verb == IMAP_STORE) {
		use_set(&cmd->u.store.set, seed);
	}
}

static void
take_actions(struct imap_reader *r, uint32_t seed)
{
	struct imap_action act;
	while (imap_reader_next(r, &act)) {
		struct imap_command cmd;
		enum imap_state state = seed % 3 == 0 ? IMAP_AUTH : IMAP_SELECTED;
		if (act.kind == IMAP_DO_COMMAND &&
		    imap_command_parse(r->arena, act.raw, state, r->enabled, &cmd) == ERR_OK) {
			use_command(&cmd, seed);
		}
		if (act.kind == IMAP_DO_APPEND || act.kind == IMAP_DO_APPEND_END) {
			use_steps(act.append);
		}
		if (act.kind == IMAP_DO_APPEND) {
			imap_reader_append(r, act.append->size < 200);
		} else if (act.kind != IMAP_DO_BODY && act.kind != IMAP_DO_CONTINUE) {
			imap_reader_reset(r);
		}
	}
}

static void
feed(struct imap_reader *r, str in, size_t step, uint32_t seed)
{
	while (in.n > 0) {
		size_t used;
		imap_reader_feed(r, str_sub(in, 0, step), &used);
		take_actions(r, seed);
		if (used == 0) {
			return;
		}
		in = str_from_off(in, used);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2) {
		return 0;
	}
	struct arena *arena = arena_new(NULL, "command", IMAP_COMMAND_BUDGET, 0);
	struct imap_reader r;
	imap_reader_init(&r, arena);
	r.enabled = data[0] & 7u;
	feed(&r, S("p1 SELECT {5+}\r\nINBOX\r\n"), 1000, 1);
	feed(&r, str_make(data + 2, size - 2), data[1] == 0 ? size : data[1], data[0]);
	imap_reader_done(&r);
	arena_free(&arena);
	return 0;
}
