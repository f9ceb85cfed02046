/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as an envelope of the journal; what is accepted is written back and reads the same.
 */
#include "spool/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_OCTETS = 1 << 20 };

static void
same_rcpt(const struct spool_rcpt *a, const struct spool_rcpt *b)
{
	ASSERT(a->account == b->account && a->notify == b->notify);
	ASSERT(a->junk == b->junk && a->reports == b->reports);
	ASSERT(str_eq(a->sender, b->sender) && str_eq(a->via, b->via));
	ASSERT(str_eq(a->address, b->address) && str_eq(a->detail, b->detail));
	ASSERT(str_eq(a->original, b->original) && str_eq(a->orcpt, b->orcpt));
}

static void
same(const struct spool_envelope *a, const struct spool_envelope *b)
{
	ASSERT(a->session == b->session && a->account == b->account);
	ASSERT(a->submission == b->submission && a->smtputf8 == b->smtputf8);
	ASSERT(a->body8bit == b->body8bit && a->ret == b->ret && a->received_s == b->received_s);
	ASSERT(str_eq(a->reverse_path, b->reverse_path) && str_eq(a->envid, b->envid));
	ASSERT(str_eq(a->peer_ip, b->peer_ip) && a->rcpts_n == b->rcpts_n);
	ASSERT(str_eq(a->message_id, b->message_id) && str_eq(a->language, b->language));
	ASSERT(a->requiretls == b->requiretls && a->unenforced == b->unenforced);
	for (size_t i = 0; i < a->rcpts_n; i++) {
		same_rcpt(&a->rcpts[i], &b->rcpts[i]);
	}
}

static void
one_version(str text, uint16_t version)
{
	struct spool_envelope env, back;
	struct arena *a = arena_new(NULL, "fuzz", ARENA_OCTETS, 0);
	ASSERT(a != NULL);
	if (spool_envelope_get(text, version, a, &env) == ERR_OK) {
		struct buf out;
		buf_init(&out, SPOOL_ENVELOPE_MAX);
		ASSERT(env.rcpts_n > 0 && env.rcpts_n <= SPOOL_RCPTS_MAX);
		spool_envelope_put(&out, &env);
		ASSERT(spool_envelope_get(buf_view(&out), SPOOL_ENVELOPE_VERSION, a, &back) ==
		    ERR_OK);
		same(&env, &back);
		buf_done(&out);
	}
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	one_version(str_make(data, size), 1);
	one_version(str_make(data, size), 2);
	one_version(str_make(data, size), 3);
	one_version(str_make(data, size), SPOOL_ENVELOPE_VERSION);
	return 0;
}
