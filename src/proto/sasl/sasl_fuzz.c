/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feed one message to every parser. The first octet picks nothing: all run on all input, and what
 * they accept must lie inside it and keep the limits.
 */
#include "base/codec.h"
#include "proto/sasl/cram.h"
#include "proto/sasl/limits.h"
#include "proto/sasl/message.h"
#include "proto/sasl/mechanism.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
inside(str whole, str part)
{
	ASSERT(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str in = str_make(data, size);
	struct sasl_scram_first first;
	struct sasl_scram_final final;
	struct sasl_plain plain;
	struct sasl_cram cram;
	struct buf name;

	if (sasl_plain_parse(in, &plain) == ERR_OK) {
		ASSERT(plain.user.n <= SASL_USER_MAX && plain.password.n <= SASL_PASSWORD_MAX);
		ASSERT(plain.authzid.n + plain.user.n + plain.password.n + 2 == in.n);
		inside(in, plain.password);
	}
	if (sasl_cram_parse(in, &cram) == ERR_OK) {
		ASSERT(cram.user.n + 33 == in.n && utf8_valid(cram.user));
	}
	if (sasl_scram_first_parse(in, &first) == ERR_OK) {
		inside(in, first.bare);
		inside(first.bare, first.user);
		inside(first.bare, first.nonce);
		buf_init(&name, (size_t)3 * SASL_USER_MAX);
		if (sasl_name_decode(&name, first.user) == ERR_OK) {
			ASSERT(name.n <= first.user.n);
		}
		buf_done(&name);
	}
	if (sasl_scram_final_parse(in, &final) == ERR_OK) {
		inside(in, final.without_proof);
		inside(final.without_proof, final.nonce);
		ASSERT(final.proof_n == 20 || final.proof_n == 32);
	}
	(void)sasl_mechanism_find(in);
	return 0;
}
