/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of a PROXY header is taken. The format allows 65551 octets; balancers send under 600
 * unless they add certificate details.
 */
#ifndef PROTO_PROXY_LIMITS_H
#define PROTO_PROXY_LIMITS_H

#define PROXY_HEADER_MAX 4096u
#define PROXY_TLVS_MAX 64u

#endif
