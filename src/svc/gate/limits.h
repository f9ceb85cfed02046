/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What strangers can make gate hold, beyond the settings gate.* that an administrator chooses.
 */
#ifndef SVC_GATE_LIMITS_H
#define SVC_GATE_LIMITS_H

enum {
	SVC_GATE_LISTENERS_MAX = 128, /* 8 protocols, 16 addresses each */
	SVC_GATE_PEERS_MAX = 128,     /* smtp processes of both kinds; the setting ends at 64 */
	SVC_GATE_CERTIFICATES_MAX = 64,
	SVC_GATE_NAMES_MAX = 16384,     /* names in all certificates together */
	SVC_GATE_BANS_MAX = 65536,      /* auth bans networks, so this is many */
	SVC_GATE_BEHAVED_MAX = 50000,   /* addresses, about 100 octets each; others wait again */
	SVC_GATE_BALANCERS_MAX = 64,    /* setting listen.proxy-from */
	SVC_GATE_ACCEPTS_PER_TURN = 32, /* then the other connections get their turn */
	SVC_GATE_ACCEPTS_IN_A_ROW = 8,  /* then another process is first */
	SVC_GATE_TRIM_ABOVE = 100,      /* connections; half of the peak gone: give memory back */
	SVC_GATE_CHUNK = 65536, /* moved at a time; also the most that waits per direction */
	SVC_GATE_ROUNDS = 4,    /* chunks per connection, direction and turn */
	SVC_GATE_LEFT_OCTETS =
	    1048576, /* a session rests or is given back: what may lie in its stream */
	SVC_GATE_PLAIN_READ = 4096, /* before TLS */
	SVC_GATE_DRAIN_MS = 30000,  /* the client is gone, its last octets wait for the service */
	SVC_GATE_ORPHAN_MS =
	    30000, /* accounts has ended: wait for the next one to confirm a rest */
	SVC_GATE_STALL_MS = 300000, /* the client takes nothing of what waits for it */
	SVC_GATE_LINGER_MS = 2000,  /* the service has ended: wait for the client's end */
	SVC_GATE_LINGER_OCTETS = 262144,
	SVC_GATE_TICK_OCTETS = 262144, /* decoding one message of auth */
	SVC_GATE_SIGNATURE_MAX = 1024, /* octets; RSA with 8,192 bits */
	SVC_GATE_SIGN_MS = 2000,   /* keys may be making a key, which takes it that long at worst */
	SVC_GATE_REWIRE_MS = 5000, /* after that was too short: handshakes fail at once meanwhile */
	SVC_GATE_REFUSALS_PER_S = 10, /* lines in the log; status counts all */
};

#endif
