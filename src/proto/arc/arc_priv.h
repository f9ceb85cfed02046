/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verifying and sealing share.
 */
#ifndef PROTO_ARC_ARC_PRIV_H
#define PROTO_ARC_ARC_PRIV_H

#include "proto/arc/arc.h"
#include "proto/dkim/tags.h"

/* Fill v->set and v->n from v->header; "" or what is wrong with the structure. */
const char *arc_collect(struct arc_verify *v);

/* "i=1; authserv-id; results": the value of ARC-Authentication-Results. RFC 8617 4.1.1 */
bool arc_results_split(str value, unsigned *ret_instance, str *ret_payload);

/* What a seal is made over: sets from..to, of the last one `own` without `b` as seal. */
struct arc_hashed {
	const struct arc_set *set;
	unsigned from, to;
	str own, b;
};
enum err arc_seal_input(const struct arc_hashed *what, struct arena *a, struct buf *out);

#endif
