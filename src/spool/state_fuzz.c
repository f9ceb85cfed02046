/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a record of states; what is accepted is written back and reads the same.
 */
#include "spool/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
same_outcome(const struct spool_outcome *a, const struct spool_outcome *b)
{
	ASSERT(a->at_s == b->at_s && a->code == b->code && str_eq(a->class, b->class));
	ASSERT(str_eq(a->enhanced, b->enhanced) && str_eq(a->reply, b->reply));
	ASSERT(str_eq(a->host, b->host));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_make(str_make(data, size));
	struct spool_state s, again;
	uint64_t entry, entry_again;
	uint16_t rcpt, rcpt_again;
	while (spool_state_get(&r, &entry, &rcpt, &s) == ERR_OK) {
		char room[SPOOL_STATE_MAX];
		struct buf b;
		buf_init_fixed(&b, room, sizeof room);
		spool_state_put(&b, entry, rcpt, &s);
		ASSERT(buf_err(&b) == ERR_OK);
		struct rd back = rd_make(buf_view(&b));
		ASSERT(spool_state_get(&back, &entry_again, &rcpt_again, &again) == ERR_OK);
		ASSERT(entry == entry_again && rcpt == rcpt_again && s.tries == again.tries);
		ASSERT(s.next_s == again.next_s && s.held == again.held);
		ASSERT(s.warned == again.warned);
		same_outcome(&s.first, &again.first);
		same_outcome(&s.best, &again.best);
	}
	return 0;
}
