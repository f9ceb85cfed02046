/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ceilings of the process keys.
 */
#ifndef SVC_KEYS_LIMITS_H
#define SVC_KEYS_LIMITS_H

enum {
	SVC_KEYS_MAX = 8000,         /* DKIM keys in the folder: 1,000 domains in rotation, twice */
	SVC_KEYS_OF_DOMAIN_MAX = 40, /* revoked ones among them; rotating daily stays below */
	SVC_KEYS_FILE_MAX = 16384,   /* octets of a key file; RSA with 4,096 bits: 3,500 */
	SVC_KEYS_RSA_BITS = 2048,    /* RFC 8301 3.2; a longer record does not fit one DNS string */
	SVC_KEYS_RECORD_MAX = 1024,  /* octets of a TXT record */
	SVC_KEYS_SIGNATURE_MAX = 1024, /* octets: RSA with 8,192 bits */
	SVC_KEYS_PAGE = 50,            /* keys in one answer to the administrator */
	SVC_KEYS_GATES_MAX = 64,       /* as setting gate.processes */
	SVC_KEYS_SENDS_MAX = 8,        /* as setting send.processes */
	SVC_KEYS_SLOTS_MAX = 64,       /* certificates, as settings.def */
	SVC_KEYS_CHECK_MS = 60000,     /* between two looks for keys whose time has come */
	SVC_KEYS_REVOKED_S = 2592000,  /* a revoked key's file is kept so long, for its selector */
};

#endif
