/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may stand in our commands: nothing that could be read as the end of a line, of a path or of
 * a parameter. Addresses were parsed when they came; this is the last gate before the wire.
 */
#ifndef PROTO_SMTPC_SYNTAX_H
#define PROTO_SMTPC_SYNTAX_H

#include "proto/smtpc/letter.h"

/*
 * Can this letter be said? Paths hold no control octets, spaces or angle brackets outside quotes,
 * and are UTF-8; parameters are printable.
 *
 * Limits  SMTPC_ADDRESS_MAX
 * RFC     5321 4.1.2; 3461 4; 6531 3.3
 */
bool smtpc_letter_valid(const struct smtpc_letter *l);

#endif
