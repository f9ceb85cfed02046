/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets: the decoder never reads behind the header, and says "not yet" only while more could
 * make it good.
 */
#include "proto/proxy/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str in = str_make(data, size);
	struct proxy_header h;
	size_t used = 0;
	enum err e = proxy_decode(in, &h, &used);
	if (e == ERR_OK) {
		ASSERT(used == proxy_need(in) && used <= size && used <= PROXY_HEADER_MAX);
		ASSERT(proxy_decode(str_sub(in, 0, used - 1), &h, &used) == ERR_AGAIN);
	} else if (e == ERR_AGAIN) {
		ASSERT(size < proxy_need(in));
	}
	return 0;
}
