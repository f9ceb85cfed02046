/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets as a configuration file: no crash, a complaint whenever it is refused, and what is
 * accepted survives encode and decode.
 */
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
count(void *ctx, unsigned line, str key, const char *what)
{
	(*(unsigned *)ctx)++;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(NULL, "fuzz", 4 << 20, 0);
	struct conf c, d;
	unsigned told = 0;
	enum err e = conf_parse(str_make(data, size), a, count, &told, &c);
	ASSERT(e != ERR_CONFIG || told > 0);
	if (e == ERR_OK) {
		struct buf b;
		buf_init(&b, 4 << 20);
		conf_encode(&c, &b);
		ASSERT(conf_decode(buf_view(&b), a, &d) != ERR_CONFIG);
		buf_done(&b);
	}
	arena_free(&a);
	return 0;
}
