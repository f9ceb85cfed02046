/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking for one run of octets in many others: what costs is done once. Two octets of the needle
 * that are rare in text are compared for sixteen places at a time; only where both fit are all of
 * them looked at. For a single look use str_find().
 */
#ifndef BASE_FIND_H
#define BASE_FIND_H

#include "base/str.h"

struct find {
	str needle;  /* borrowed */
	size_t a, b; /* places of two rare octets in it, a <= b */
};

/* Ready a needle; it is borrowed as long as the struct is used. */
struct find find_make(str needle);

/* Index of the first place of the needle, or -1; the empty needle is found at 0. */
ptrdiff_t find_in(const struct find *f, str hay);

#endif
