/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ceilings of the ARC engine; those of fields and signatures are DKIM's.
 */
#ifndef PROTO_ARC_LIMITS_H
#define PROTO_ARC_LIMITS_H

#include "proto/dkim/limits.h"

enum {
	ARC_SETS_MAX = DKIM_INSTANCE_MAX, /* RFC 8617 4.2.1 */
	ARC_OCTETS_MAX = 512 << 10, /* of all fields of a chain: each seal hashes those before */
	ARC_RESULTS_MAX = 8 << 10,  /* of results in an AAR of ours */
};

#endif
