/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail that goes on to addresses elsewhere: what reverse-path it leaves with, and where a bounce to
 * such a reverse-path belongs. lookup.c asks; admin_domain.c has targets of aliases read here.
 */
#ifndef SVC_AUTH_FORWARD_H
#define SVC_AUTH_FORWARD_H

#include "svc/auth/auth.h"

/* The keys, from the directory; the first time one is made. Errors of the directory. */
enum err svc_auth_forward_load(struct svc_auth *a);
/*
 * A new key. The one before is believed until no bounce to an address it wrote can be good,
 * or, with forget, none of those before from now on.
 *
 * Errors  ERR_BUSY: too many are still believed; those of the directory
 */
enum err svc_auth_forward_turn(struct svc_auth *a, bool forget);
/* Once a day or so: a new key when this one is older than the settings say. */
void svc_auth_forward_age(struct svc_auth *a);

/*
 * The reverse-path of a letter that an address of ours sends on. A null one, and one at a domain of
 * ours, stay as they are: bounces come here anyway, and our servers may send for our domains.
 *
 * In      reverse_path: as in MAIL FROM; via: canonical address that forwards
 * Out     ret: lives in the arena
 * Errors  ERR_TOOBIG: SRS_LOCAL_MAX; ERR_SYNTAX: no address; ERR_BUDGET; those of the directory
 */
enum err svc_auth_forward_sender(const struct svc_auth *a, struct arena *arena, str reverse_path,
    str via, str *ret);

/*
 * The account that hears of a letter in the name of a domain of ours which could not be forwarded:
 * the first behind its reverse-path. 0: not at a domain of ours, or nobody. Takes the directory's
 * last answer away.
 */
uint64_t svc_auth_forward_reader(const struct svc_auth *a, struct arena *arena, str reverse_path);

/* What an address with a rewritten reverse-path in it stands for. */
struct svc_auth_bounce {
	str to;     /* whose letter it was; domain canonical, local part as it came back */
	str via;    /* the address itself, canonical */
	bool local; /* `to` is at a domain of ours */
};

/*
 * Take a bounce back to the sender.
 *
 * Errors  ERR_NOTFOUND: an address as any other; ERR_DENIED: not written by us, too old, or leading
 *         nowhere; ERR_BUDGET; those of the directory
 */
enum err svc_auth_forward_back(const struct svc_auth *a, struct arena *arena, str address,
    struct svc_auth_bounce *ret);

/*
 * An address elsewhere as aliases keep it: the local part as it was given, the domain canonical.
 *
 * Errors  ERR_SYNTAX: no address, or an address literal; ERR_CHARSET: a local part beyond ASCII,
 *         to which a letter without SMTPUTF8 could not be sent; ERR_TOOBIG; ERR_BUDGET
 */
enum err svc_auth_forward_target(struct arena *arena, str given, str *ret);

#endif
