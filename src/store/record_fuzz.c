/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: octets as a run of pack records, read as a pack is read; as they are, and with the
 * checksums of the first record put right.
 */
#include "base/codec.h"
#include "store/arrivals/arrivals.h"
#include "store/arrivals/file.h"
#include "store/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the type says, no meta may be trusted. */
static void
read_metas(const struct store_record *r)
{
	struct store_meta_message message;
	struct store_meta_link link;
	struct store_meta_gone gone;
	struct store_meta_mailbox mailbox;
	struct store_meta_subscription subscription;
	struct store_meta_annotation annotation;
	struct store_arrival arrival;
	if (store_meta_message_get(r, &message) == ERR_OK) {
		ASSERT(message.refs_n <= LEN(message.refs) && message.uid != 0);
	}
	if (store_meta_link_get(r, &link) == ERR_OK) {
		ASSERT(r->payload.n == (size_t)link.n * 12);
	}
	if (store_meta_gone_get(r, &gone) == ERR_OK) {
		ASSERT(r->payload.n == (size_t)gone.n * 8);
	}
	if (store_meta_mailbox_get(r, &mailbox) == ERR_OK) {
		ASSERT(mailbox.name.n <= STORE_NAME_MAX);
	}
	if (store_meta_subscription_get(r, &subscription) == ERR_OK) {
		ASSERT(subscription.name.n <= STORE_NAME_MAX);
	}
	if (store_meta_annotation_get(r, &annotation) == ERR_OK) {
		ASSERT(annotation.entry.n <= STORE_ANNOTATION_ENTRY_MAX);
		ASSERT(r->payload.n <= STORE_ANNOTATION_VALUE_MAX);
	}
	if (store_arrivals_record_get(r, &arrival) == ERR_OK) {
		ASSERT(arrival.entry != 0 && arrival.entry <= INT64_MAX);
	}
}

static void
walk(str octets)
{
	size_t off = 0;
	while (off < octets.n) {
		str rest = str_from_off(octets, off);
		struct store_record_head h;
		struct store_record r;
		enum err head = store_record_head(rest, &h);
		enum err e = store_record_get(rest, &r);
		size_t next;
		if (e == ERR_OK) {
			ASSERT(h.octets == STORE_RECORD_HEAD + r.meta.n + r.payload.n);
			read_metas(&r);
		}
		if (head == ERR_OK && h.octets <= rest.n) {
			next = off + (size_t)h.octets;
		} else {
			next = store_record_seek(octets, off + 1);
		}
		ASSERT(next > off || next + 3 >= octets.n);
		off = MAX(next, off + 1);
	}
}

static void
put_crc(char *at, str of)
{
	uint32_t crc = crc32c(0, of.p, of.n);
	for (unsigned i = 0; i < 4; i++) {
		at[i] = (char)(crc >> 8 * i);
	}
}

static uint32_t
length_at(const char *p)
{
	uint32_t v = 0;
	for (unsigned i = 4; i > 0; i--) {
		v = v << 8 | (uint8_t)p[i - 1];
	}
	return v;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char copy[1 << 16];
	struct store_pack_head head;
	size = MIN(size, sizeof copy);
	if (size > 0) {
		memcpy(copy, data, size);
	}
	str all = { copy, size };
	struct store_arrivals_head arrivals;
	(void)!store_pack_head_get(all, &head);
	if (store_arrivals_head_get(all, &arrivals) == ERR_OK) {
		ASSERT(arrivals.end <= STORE_ARRIVALS_OCTETS_MAX);
	}
	walk(all);
	if (size >= STORE_RECORD_HEAD) {
		uint32_t meta = length_at(copy + 8), payload = length_at(copy + 12);
		str rest = str_from_off(all, STORE_RECORD_HEAD);
		put_crc(copy + 20, str_sub(rest, 0, meta));
		put_crc(copy + 24, str_sub(rest, meta, payload));
		put_crc(copy + 28, str_sub(all, 0, STORE_RECORD_HEAD - 4));
		walk(all);
	}
	return 0;
}
