/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of what a server did to its files, as powercut.c writes and record.py reads it: one
 * record per operation, appended by every process to one file in the order in which the operations
 * took effect.
 */
#ifndef TEST_CRASH_POWERCUT_H
#define TEST_CRASH_POWERCUT_H

enum { POWERCUT_MAGIC = 0x31524350, POWERCUT_FD = 900 };

enum powercut_op {
	POWERCUT_MAKE = 1,      /* path, made inode, mode, owner: a file was opened to be made */
	POWERCUT_MAKE_DIR = 2,  /* the same for a folder */
	POWERCUT_MAKE_ANON = 3, /* made inode, mode, owner: a file without a name */
	POWERCUT_WRITE = 4,     /* inode, offset, data */
	POWERCUT_SIZE = 5,      /* inode, size: cut or grown */
	POWERCUT_GROW = 6,      /* inode, size: at least that long from now on */
	POWERCUT_SYNC = 7,      /* inode: the sync begins; it covers what was recorded before */
	POWERCUT_SYNCED = 8,    /* inode: that sync of the same process succeeded */
	POWERCUT_RENAME = 9,    /* folder, path, second folder, data: second path */
	POWERCUT_LINK = 10,     /* the same */
	POWERCUT_REMOVE = 11,   /* folder, path */
	POWERCUT_OWNER = 12,    /* inode, owner */
	POWERCUT_MODE = 13,     /* inode, mode */
	POWERCUT_REPLY = 14, /* data: an SMTP reply that takes responsibility, about to be sent */
	POWERCUT_NOTE = 15,  /* data: JSON from the test itself */
};

/*
 * The head of a record. All numbers are little-endian.
 *
 *	OFFSET	SIZE	MEANING
 *	0	4	POWERCUT_MAGIC
 *	4	4	operation, enum powercut_op
 *	8	4	process
 *	12	4	octets of the path behind this head
 *	16	4	octets of data behind the path
 *	20	4	owner of what was made
 *	24	4	its group
 *	28	4	0
 *	32	8	inode of the file, or of the folder that the path starts from (0: absolute)
 *	40	8	inode of what was made, or of the second folder
 *	48	8	offset, size, or mode
 */
struct powercut_record {
	uint32_t magic, op, pid, path_n, data_n, owner, group, zero;
	uint64_t inode, made, value;
};

static_assert(sizeof(struct powercut_record) == 56, "record.py reads 56 octets");

/* A file of the test, seen by every process: how writes are to fail. */
struct powercut_fault {
	uint32_t write_errnum; /* of writing, growing and making; 0: they work */
	uint32_t sync_errnum;
};

#endif
