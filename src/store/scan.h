/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading packs from front to back. Private to this folder.
 */
#ifndef STORE_SCAN_H
#define STORE_SCAN_H

#include "store/record.h"
#include "store/set.h"

struct store_place;

struct store_scan_pack {
	uint32_t pack;
	int fd;
	uint64_t off, end; /* the next record; where the file ends, or reading shall */
	bool torn;         /* what is behind the last sound record is no record */
	uint64_t at;       /* place of b in the file */
	struct buf b;
};

/*
 * Begin reading a pack.
 *
 * In      from: 0, or the end of a record
 * Out     sc: close it, also after a failure
 * Errors  NOTFOUND, IO
 */
enum err store_scan_open(struct store_scan_pack *sc, int packs, uint32_t pack, uint64_t from);
void store_scan_close(struct store_scan_pack *sc);

/* The records of another file, from an offset to an end; leave it then: the file stays open. */
void store_scan_file(struct store_scan_pack *sc, int fd, uint64_t from, uint64_t end);
void store_scan_leave(struct store_scan_pack *sc);

/*
 * The next record. After CORRUPT or VERSION (ret is not set) go on calling.
 *
 * Out     ret: borrowed until the next call; ret_at: where it is, also when it is bad
 * Errors  NOTFOUND (the end), CORRUPT, VERSION, IO, NOMEM
 */
enum err store_scan_next(struct store_scan_pack *sc, struct store_record *ret,
    struct store_place *ret_at);

/* Add the numbers of all packs. */
enum err store_pack_list(int packs, struct store_set *ret);

#endif
