/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names, for the other files of this folder.
 */
#ifndef PROTO_DNS_NAMES_PRIV_H
#define PROTO_DNS_NAMES_PRIV_H

#include "base/wire.h"
#include "proto/dns/dns.h"

/* The name at the cursor, which then stands behind it. ERR_SYNTAX, ERR_TOOBIG. */
enum err dns_name_read(struct rd *r, struct dns_name *ret);

/* One octet of a label as text. */
void dns_octet_put(struct buf *out, char c);

#endif
