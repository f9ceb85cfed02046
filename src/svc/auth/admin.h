/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the administrator asks of auth, edge adm_auth. Every request gets one reply; an error is a
 * sentence that names what was wrong and what to do. Requests that set passwords wait for the hash
 * workers, everything else is answered at once.
 */
#ifndef SVC_AUTH_ADMIN_H
#define SVC_AUTH_ADMIN_H

#include "svc/auth/auth.h"

struct svc_auth_admin;

enum {
	SVC_AUTH_OPS_MAX = 64,        /* requests that wait for a hash at the same time */
	SVC_AUTH_IMPORTS_MAX = 8,     /* of them imports */
	SVC_AUTH_OP_OCTETS = 4 << 20, /* memory of one */
	SVC_AUTH_TEXT_MAX = 1000,
};

/*
 * In      send: gives one message to the administrator `from`; an error means he has gone
 * Out     NULL: no memory
 */
struct svc_auth_admin *svc_auth_admin_new(struct svc_auth *a,
    enum err (*send)(void *from, const struct buf *message)) NODISCARD;
/* Pending requests end without a reply. *admin becomes NULL. */
void svc_auth_admin_free(struct svc_auth_admin **admin);

/* A message from `from`. ERR_PROTOCOL: close that connection. */
enum err svc_auth_admin_message(struct svc_auth_admin *admin, void *from, str datagram, int *fd);

/* He has gone; what he asked for is finished all the same. */
void svc_auth_admin_closed(struct svc_auth_admin *admin, void *from);

#endif
