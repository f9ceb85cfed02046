/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any attempt: five octets of facts, then any octets as the reply.
 */
#include "reach/classify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct arena *a;
	static struct reach_rules *rules;
	const str own[] = { S_INIT("mail.example.org"), S_INIT("example.org") };
	struct reach_found found;

	if (a == NULL) {
		a = arena_new(NULL, "fuzz", REACH_RULES_ARENA, 0);
		ASSERT(reach_rules_parse(reach_rules_builtin(), a, NULL, NULL, &rules) == ERR_OK);
	}
	if (size < 5) {
		return 0;
	}
	struct reach_seen seen = { .phase = (enum reach_phase)(data[0] % REACH_PHASE_COUNT),
		.tls = (enum reach_tls)(data[1] % REACH_TLS_COUNT),
		.code = data[2] == 0 ? 0 : 200 + (unsigned)data[2] * 3 % 400,
		.system_error = data[3],
		.dns = (enum reach_dns)(data[4] & 7),
		.timed_out = (data[4] & 8) != 0,
		.closed = (data[4] & 16) != 0,
		.tls_expected = (data[4] & 32) != 0,
		.reply = str_make(data + 5, size - 5),
		.operator=(data[4] & 64) != 0 ? S("google") : S("gmx"),
		.own = own,
		.own_n = LEN(own) };
	reach_classify(rules, &seen, &found);
	ASSERT(found.class < REACH_CLASS_COUNT);
	ASSERT(found.class == REACH_NONE || found.rule.n > 0);
	return 0;
}
