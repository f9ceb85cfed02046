/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any octets to any dispatcher. What is accepted must encode again to the very same octets.
 * Input: u32 checksum of the edge's and message's name (or any number), u8 descriptor, datagram.
 */
#include "base/codec.h"
#include "ipc/cases.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

str
ipc_filler(size_t n)
{
	static char octets[IPC_MESSAGE_MAX + 2];
	return str_make(octets, MIN(n, sizeof octets));
}

static const struct ipc_case *
choose(uint32_t key)
{
	for (size_t i = 0; i < ipc_cases_n; i++) {
		const struct ipc_case *c = &ipc_cases[i];
		if (crc32c(crc32c(0, c->edge, strlen(c->edge)), c->message, strlen(c->message)) ==
		    key) {
			return c;
		}
	}
	return &ipc_cases[key % ipc_cases_n];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_make(str_make(data, size));
	const struct ipc_case *c = choose(rd_u32(&in));
	int fd = rd_u8(&in) & 1 ? 0 : -1;
	str datagram = rd_bytes(&in, in.n);
	if (datagram.n > IPC_MESSAGE_MAX) {
		return 0;
	}
	struct arena *scratch = arena_new(NULL, "fuzz", 8 * 1024 * 1024, 0);
	struct buf echo;
	buf_init(&echo, IPC_MESSAGE_MAX);
	ipc_echo = &echo;
	if (c->dispatch(datagram, &fd, scratch) == ERR_OK) {
		ASSERT(str_eq(buf_view(&echo), datagram));
	}
	enum err back = c->dispatch_back(datagram, &fd, scratch);
	ASSERT(back == ERR_OK || back == ERR_PROTOCOL || back == ERR_BUDGET);
	buf_done(&echo);
	arena_free(&scratch);
	return 0;
}
