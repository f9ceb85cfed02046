/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a rules file; what could be read of it classifies a reply.
 */
#include "reach/classify.h"
#include "reach/operator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
quiet(void *ctx, unsigned line, unsigned column, const char *what)
{
	ASSERT(line > 0 && column > 0 && what != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(NULL, "fuzz", REACH_RULES_ARENA, 0);
	struct reach_rules *r = NULL;
	struct reach_found found;
	const str own[] = { S_INIT("mail.example.org") };
	struct reach_seen seen = { .phase = REACH_PHASE_BANNER,
		.code = 550,
		.reply = S("550 5.7.1 mail.example.org is blocked, see (S3150) for [192.0.2.1]"),
		.operator= S("google"),
		.own = own,
		.own_n = 1 };

	if (reach_rules_parse(str_make(data, size), a, quiet, NULL, &r) == ERR_OK) {
		reach_classify(r, &seen, &found);
		ASSERT(found.class > REACH_NONE && found.class < REACH_CLASS_COUNT);
		(void)reach_operator(r, S("mx.mail.google.com"));
	}
	arena_free(&a);
	return 0;
}
