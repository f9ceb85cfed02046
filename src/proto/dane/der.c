/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much DER as it takes to find the public key of a certificate; nothing is checked but lengths
 * and tags on the way there.
 *
 *	Certificate    = SEQUENCE { TBSCertificate, ... }
 *	TBSCertificate = SEQUENCE { [0] version OPTIONAL, INTEGER serial, SEQUENCE signature,
 *	                            SEQUENCE issuer, SEQUENCE validity, SEQUENCE subject,
 *	                            SEQUENCE subjectPublicKeyInfo, ... }
 */
#include "proto/dane/dane.h"

enum { TAG_INTEGER = 0x02, TAG_SEQUENCE = 0x30, TAG_VERSION = 0xa0 };

/* The length at *at, in DER: definite and as short as can be. RFC 5280 4.1; X.690 10.1 */
static bool
take_length(str s, size_t *at, size_t *ret_n)
{
	if (*at >= s.n) {
		return false;
	}
	uint8_t first = (uint8_t)s.p[(*at)++];
	size_t octets = first & 0x7f, n = 0;
	if (first < 0x80) {
		*ret_n = first;
		return true;
	}
	if (octets == 0 || octets > 4 || octets > s.n - *at) {
		return false;
	}
	for (size_t i = 0; i < octets; i++) {
		n = n << 8 | (uint8_t)s.p[(*at)++];
	}
	*ret_n = n;
	return n >= 0x80 && n >> (8 * (octets - 1)) != 0;
}

/* The element at the start of *s with this tag: its contents, and all of it. *s moves behind it. */
static bool
take(str *s, uint8_t tag, str *ret_inner, str *ret_all)
{
	size_t at = 1, n;
	if (s->n == 0 || (uint8_t)s->p[0] != tag || !take_length(*s, &at, &n) || n > s->n - at) {
		return false;
	}
	*ret_inner = str_sub(*s, at, n);
	*ret_all = str_sub(*s, 0, at + n);
	*s = str_from_off(*s, at + n);
	return true;
}

enum err
dane_spki(str der, str *ret_spki)
{
	str cert, tbs, inner, all;
	static const uint8_t before[] = { TAG_INTEGER, TAG_SEQUENCE, TAG_SEQUENCE, TAG_SEQUENCE,
		TAG_SEQUENCE };
	if (!take(&der, TAG_SEQUENCE, &cert, &all) || der.n > 0 ||
	    !take(&cert, TAG_SEQUENCE, &tbs, &all)) {
		return ERR_SYNTAX;
	}
	bool ok = tbs.n > 0;
	if (ok && (uint8_t)tbs.p[0] == TAG_VERSION) {
		ok = take(&tbs, TAG_VERSION, &inner, &all);
	}
	for (size_t i = 0; i < LEN(before) && ok; i++) {
		ok = take(&tbs, before[i], &inner, &all);
	}
	if (!ok || !take(&tbs, TAG_SEQUENCE, &inner, &all)) {
		return ERR_SYNTAX;
	}
	*ret_spki = all;
	return ERR_OK;
}
