/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octet 0 picks protocol and phase, octet 1 how auth answers, octet 2 the split; the rest is what
 * the peer sends. Nothing may crash, hang, or take more than the limits; the counts must hold.
 */
#include "proto/preauth/preauth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
answer(struct preauth *x, const struct preauth_action *a, uint8_t how, unsigned turn)
{
	static const enum err results[] = { ERR_OK, ERR_AUTH, ERR_UNAVAILABLE, ERR_UNSUPPORTED };
	str final = S("v=server");
	switch (a->kind) {
	case PREAUTH_ACT_SASL_START:
	case PREAUTH_ACT_SASL_STEP:
		ASSERT(a->data.n <= PREAUTH_COMMAND_MAX && a->mechanism.n <= PREAUTH_MECHANISM_MAX);
		if ((how >> turn % 8 & 1) != 0) {
			preauth_answer_challenge(x, S("challenge"));
		} else {
			preauth_answer_done(x, results[how >> 2 & 3],
			    (how & 1) != 0 ? &final : NULL, how & 2);
		}
		break;
	case PREAUTH_ACT_DELAY:
		preauth_step(x, a->until_ms - 1);
		preauth_step(x, a->until_ms);
		break;
	case PREAUTH_ACT_ATTACH: preauth_answer_attach(x, ERR_UNAVAILABLE); break;
	default: break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const str mechanisms[] = { S_INIT("SCRAM-SHA-256-PLUS"), S_INIT("PLAIN"),
		S_INIT("LOGIN") };
	if (size < 3) {
		return 0;
	}
	struct preauth_conf conf = { .protocol = data[0] & 3,
		.hostname = S("mx.example.org"),
		.phase = (data[0] & 4) != 0 ? PREAUTH_LOGIN : PREAUTH_PRETLS,
		.mechanisms = mechanisms + ((data[0] & 16) == 0),
		.mechanisms_n = LEN(mechanisms) - ((data[0] & 16) == 0) };
	struct preauth x;
	preauth_init(&x, &conf, (data[0] & 8) != 0);
	str rest = str_make(data + 3, size - 3);
	size_t split = MAX(data[2], 1u);
	unsigned turn = 0;
	for (bool more = true; more;) {
		size_t used = 0;
		struct preauth_action a;
		preauth_feed(&x, str_sub(rest, 0, split), 0, &used);
		rest = str_from_off(rest, used);
		more = used > 0;
		while (preauth_next(&x, &a)) {
			more = more || preauth_listening(&x);
			answer(&x, &a, data[1], turn++);
		}
		more = more && rest.n > 0;
		buf_reset(preauth_out(&x));
	}
	ASSERT(x.commands <= PREAUTH_COMMANDS_MAX && x.errors <= PREAUTH_ERRORS_MAX);
	preauth_done(&x);
	return 0;
}
