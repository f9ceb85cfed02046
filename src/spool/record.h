/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments and records of the spool journal. Pure. A record is a header and a payload, nothing
 * between. The header has a check of its own under a key that only this segment holds: a damaged
 * payload does not hide the records behind it, and a message that contains octets like a record is
 * never taken for one.
 */
#ifndef SPOOL_RECORD_H
#define SPOOL_RECORD_H

#include "base/wire.h"

/*
 *	segment head, 40 octets, at 0 and again at 4096; records begin at 8192
 *	OFFSET SIZE MEANING
 *	0      8    magic "PJSEG01" NUL
 *	8      4    segment number
 *	12     4    0
 *	16     16   key, random
 *	32     4    CRC-32C of octets 0..31
 *	36     4    0
 *
 *	record header, 40 octets
 *	0      4    magic "PJ01"
 *	4      2    type (enum spool_record_type)
 *	6      2    version of the payload: messages 4 (1 to 3 are read), others 1
 *	8      8    entry: queue id; 0 for records that are about several
 *	16     8    payload octets
 *	24     4    CRC-32C of the payload
 *	28     4    0
 *	32     8    SipHash-2-4 of octets 0..31 under the segment's key
 *
 *	message payload: u32 envelope octets, envelope (envelope.h), the message as it will be
 *	                 delivered
 *	done payload:    repeated { u64 entry, u16 recipient index (0xffff: the whole entry) }
 *	state payload:   repeated items of state.h; at most SPOOL_STATES_MAX octets
 */

enum {
	SPOOL_HEAD = 40,
	SPOOL_HEAD_AGAIN = 4096, /* the key opens every record: one bad sector must not cost it */
	SPOOL_SEGMENT_HEAD = 8192,
	SPOOL_RECORD_HEADER = 40,
	SPOOL_RECORD_VERSION = 1,
	SPOOL_MESSAGE_VERSION = 4, /* that of the envelope in it */
	SPOOL_DONE_ITEM = 10,
	SPOOL_DONE_ALL = 0xffff,
	SPOOL_KEY = 16,
};

/* Larger payloads are not written and not believed: 2 GB message and 2 MB envelope. */
#define SPOOL_PAYLOAD_MAX ((uint64_t)2049 << 20)

enum spool_record_type { SPOOL_RECORD_MESSAGE = 1, SPOOL_RECORD_DONE = 2, SPOOL_RECORD_STATE = 3 };

struct spool_record {
	uint16_t type, version;
	uint64_t entry, length;
	uint32_t payload_crc;
};

/* Append a segment's head. */
void spool_head_put(struct buf *out, uint32_t number, const uint8_t key[SPOOL_KEY]);

/* Errors  ERR_CORRUPT: not the head of a segment */
enum err spool_head_get(str head, uint32_t *ret_number, uint8_t ret_key[SPOOL_KEY]);

/* Append a record header with its check. */
void spool_record_put(struct buf *out, const uint8_t key[SPOOL_KEY], const struct spool_record *r);

/*
 * Read one header.
 *
 * In      header: SPOOL_RECORD_HEADER octets
 * Errors  ERR_EOF: zeros, the unwritten end of a segment; ERR_CORRUPT: magic, check or length;
 *         ERR_VERSION: of a later program
 */
enum err spool_record_get(str header, const uint8_t key[SPOOL_KEY], struct spool_record *ret);

#endif
