/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mechanism table and the offer rule. See mechanism.def for the rows.
 */
#include "proto/sasl/mechanism.h"

#include "proto/sasl/limits.h"

static const struct sasl_mechanism_row rows[SASL_MECHANISMS] = {
#define SASL(id, name, hash, flags, rfc) { S_INIT(name), SASL_HASH_##hash, flags, rfc },
#include "proto/sasl/mechanism.def"
#undef SASL
};

const struct sasl_mechanism_row *
sasl_mechanism_row(enum sasl_mechanism m)
{
	ASSERT(m < SASL_MECHANISMS);
	return &rows[m];
}

enum sasl_mechanism
sasl_mechanism_find(str name)
{
	if (name.n > SASL_MECHANISM_MAX) {
		return SASL_MECHANISMS;
	}
	for (size_t i = 0; i < SASL_MECHANISMS; i++) {
		if (str_ieq(rows[i].name, name)) {
			return (enum sasl_mechanism)i;
		}
	}
	return SASL_MECHANISMS;
}

bool
sasl_mechanism_offered(enum sasl_mechanism m, const struct sasl_offer *offer)
{
	unsigned flags = sasl_mechanism_row(m)->flags;

	if (!offer->tls) {
		return false;
	}
	return ((flags & SASL_BINDING) == 0 || offer->binding) &&
	    ((flags & SASL_OPT_IN) == 0 || offer->cram_md5);
}

void
sasl_mechanism_list(struct buf *out, const struct sasl_offer *offer, str before)
{
	for (size_t i = 0; i < SASL_MECHANISMS; i++) {
		if (sasl_mechanism_offered((enum sasl_mechanism)i, offer)) {
			buf_str(out, before);
			buf_str(out, rows[i].name);
		}
	}
}
