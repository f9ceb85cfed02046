/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates of strangers: what is found lies within the input and is a SEQUENCE.
 */
#include "proto/dane/dane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str spki, in = str_make(data, size);
	if (dane_spki(in, &spki) == ERR_OK) {
		ASSERT(spki.n >= 2 && spki.p > in.p && spki.p + spki.n <= in.p + in.n);
		ASSERT((uint8_t)spki.p[0] == 0x30);
	}
	return 0;
}
