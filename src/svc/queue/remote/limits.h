/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every bound of mail for other servers. What an administrator may change is in settings.def.
 */
#ifndef SVC_QUEUE_REMOTE_LIMITS_H
#define SVC_QUEUE_REMOTE_LIMITS_H

enum {
	SVC_QUEUE_REMOTE_RCPTS =
	    100, /* of one transaction (RFC 5321 4.5.3.1.8); of edge queue_send */
	SVC_QUEUE_REMOTE_SENDERS = 8, /* ceiling of send.processes */
	SVC_QUEUE_REMOTE_WINDOW = 64, /* letters of one destination in hand of send */
	SVC_QUEUE_REMOTE_BEGIN = 2,   /* of one that has not taken any yet */
	SVC_QUEUE_REMOTE_DEST_OCTETS = 8 << 20,
	SVC_QUEUE_REMOTE_HAND = 2048, /* letters in hand of send in all */
	SVC_QUEUE_REMOTE_HAND_OCTETS = 128 << 20,
	/* of these, so many for destinations that have not taken any yet: dead ones stop nobody */
	SVC_QUEUE_REMOTE_UNPROVEN = 1024,
	SVC_QUEUE_REMOTE_BURST = 8,    /* letters before another destination gets its turn */
	SVC_QUEUE_REMOTE_TURN = 256,   /* letters before the loop gets its turn */
	SVC_QUEUE_REMOTE_SYNC_MS = 50, /* from "delivered" to the disk knowing it */
	SVC_QUEUE_REMOTE_SOON_MS =
	    200, /* the same when it is known already that there is a reason */
	SVC_QUEUE_REMOTE_LOOK_S = 120, /* a letter that waits sees if its sender should know why */
	SVC_QUEUE_REMOTE_LOOKS = 10,   /* doublings of that */
	SVC_QUEUE_REMOTE_NOTICES = 20000,     /* (sender, destination, class) remembered */
	SVC_QUEUE_REMOTE_NOTICE_S = 6 * 3600, /* one notice of each in this time */
	/* after an outcome of permanence WAIT or FIX: at least so many first rests (30 minutes) */
	SVC_QUEUE_REMOTE_PATIENCE = 6,
	SVC_QUEUE_REMOTE_SUSPECTS = 10000, /* accounts whose letters are held */
	SVC_QUEUE_REMOTE_RELEASES = 64,    /* told to policy by one flush */
	/* in memory, spool and maps included, for a letter with one recipient of 40 octets */
	SVC_QUEUE_REMOTE_LETTER_OCTETS = 1024,
};

#endif
