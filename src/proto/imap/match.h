/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LIST wildcards: "*" matches anything, "%" anything but the hierarchy separator "/".
 */
#ifndef PROTO_IMAP_MATCH_H
#define PROTO_IMAP_MATCH_H

#include "base/str.h"
#include "proto/imap/limits.h"

/*
 * Does the whole of `name` match? Octets compare exactly, but a leading INBOX, alone or before "/",
 * matches in any case.
 *
 * Limits  IMAP_MATCH_NAME_MAX: a longer name matches nothing; time is at most pattern x name
 * RFC     9051 6.3.9
 */
bool imap_match(str pattern, str name);

#endif
