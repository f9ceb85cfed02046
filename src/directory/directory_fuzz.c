/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look any octets up, as a recipient, a sender and a log-in name. Nothing may crash, an answer
 * keeps its rules, and asking twice gives the same.
 */
#include "directory/account.h"
#include "directory/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct directory *d;
static uint64_t only;

static void
set_up(void)
{
	struct directory_conf conf = { .path = S(":memory:"),
		.delimiter = S("+"),
		.default_domain = S("a.example"),
		.cache = 100 };
	struct directory_account want = { .address = S("u@a.example") };

	ASSERT(directory_open(&conf, &d) == ERR_OK);
	ASSERT(directory_domain_add(d, S("a.example"), 1) == ERR_OK);
	ASSERT(directory_domain_add(d, S("b.example"), 1) == ERR_OK);
	ASSERT(directory_account_add(d, &want, false, 1, &only) == ERR_OK);
	ASSERT(directory_catchall(d, S("b.example"), only) == ERR_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct directory_answer *a;
	struct directory_account account;
	enum directory_verdict verdict;
	struct arena *arena;
	bool lent;
	str in = str_make(data, size);

	if (d == NULL) {
		set_up();
	}
	arena = arena_new(NULL, "fuzz", 1 << 16, 0);
	a = directory_resolve(d, in);
	verdict = a->verdict;
	lent = a->lent;
	ASSERT(verdict != DIRECTORY_TEMP && verdict != DIRECTORY_DISABLED);
	ASSERT((verdict == DIRECTORY_KNOWN) == (a->targets_n == 1));
	ASSERT((verdict == DIRECTORY_KNOWN && !lent) == (directory_owns(d, only, in) == ERR_OK));
	ASSERT(directory_resolve(d, in)->verdict == verdict);
	if (directory_account_find(d, in, arena, &account) == ERR_OK) {
		ASSERT(account.id == only);
	}
	arena_free(&arena);
	return 0;
}
