/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store wants to know of a new message beside its octets: where the header ends, its
 * identifiers, and the cached ENVELOPE and BODYSTRUCTURE. APPEND and delivery use the same.
 */
#ifndef SVC_ACCOUNT_IMAP_DESCRIBE_H
#define SVC_ACCOUNT_IMAP_DESCRIBE_H

#include "base/arena.h"
#include "store/message.h"

/*
 * Fill body, header_octets, message_id, refs, envelope and structure of `msg`; flags and internal
 * date are the caller's. A structure that cannot be made stays empty: it is tried at first use.
 *
 * In      message: all octets with the trace fields in front; borrowed as long as msg is used
 * Out     msg: what is not borrowed lives in `a`
 * Limits  STORE_REFS_MAX identifiers, the newest
 * Errors  ERR_BUDGET
 * RFC     5322 3.6.4; 8474 5.2
 */
enum err svc_account_imap_describe(struct arena *a, str message, struct store_new *msg);

#endif
