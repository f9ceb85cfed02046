/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character classes that the parsers of this folder share.
 */
#ifndef MAIL_MAIL_PRIV_H
#define MAIL_MAIL_PRIV_H

#include "base/str.h"

/* atext of RFC 5322 3.2.3, and every octet beyond ASCII (RFC 6532). */
bool mail_is_atext(unsigned char c);

/*
 * What can stand in a domain name: letters, digits, hyphen, underscore, dot, octets beyond
 * ASCII.
 */
bool mail_is_domain_octet(unsigned char c);

/* Read up to `max` decimal digits at the start of *s, moving on; -1 when there is none. */
int mail_digits(str *s, size_t max, size_t *ret_n);

#endif
