/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Greylisting: a recipient is put off until the same network, or the same operator's verified name,
 * comes again with the same sender and recipient after a while. Who waited once need not again, and
 * neither must others of that network, operator or SPF-authenticated domain.
 */
#ifndef POLICY_GREY_H
#define POLICY_GREY_H

#include "policy/keep.h"

struct policy_grey_ask {
	str network; /* "192.0.2.0/24" */
	str pool;    /* organizational domain of the peer's verified name; empty: none */
	str domain;  /* of the sender, when SPF passed; empty: it did not */
	str sender, recipient;
	uint32_t now_s;
	uint32_t delay_s; /* that it must wait */
};

/* Has this network, operator or domain waited before? Then it need not now. */
bool policy_grey_waited(const struct policy_keep *k, const struct policy_grey_ask *a);

/*
 * May it come in? Writes down that it came.
 *
 * Out     0: yes; else how many seconds it has still to wait
 */
uint32_t policy_grey_ask(struct policy_keep *k, const struct policy_grey_ask *a);

/* It waited: the network, the operator and the domain need not again. */
void policy_grey_let_in(struct policy_keep *k, const struct policy_grey_ask *a);

#endif
