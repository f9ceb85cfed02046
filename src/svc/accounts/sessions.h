/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the administrator sees of sessions, and ending them: sessions.c, with the help of parked.c
 * for those that rest.
 */
#ifndef SVC_ACCOUNTS_SESSIONS_H
#define SVC_ACCOUNTS_SESSIONS_H

#include "svc/accounts/accounts.h"

/* One session, as `postern session list` shows it. Texts live as long as who has them. */
struct svc_accounts_seen {
	uint64_t session, account;
	str name, tls, client;
	int64_t since_s;
	struct sys_prefix prefix;
	uint8_t protocol;
	bool resting;
};

/* In   ip: 16 octets, of which the network is kept. */
void svc_accounts_origin_make(struct svc_accounts_origin *o, str ip, str tls);
void svc_accounts_origin_client(struct svc_accounts_origin *o, str name);

/* Edge adm_accounts. */
enum err svc_accounts_on_admin(struct svc_common *sc, struct sys_chan *from, str datagram, int *fd);

/* parked.c. False: it is only on its way to rest, or has left. */
bool svc_accounts_parked_see(const struct svc_accounts_parked *p, struct svc_accounts_seen *ret);
/* Gate is to say good-bye. May free the row and its family. */
void svc_accounts_parked_drop(struct svc_accounts *s, struct svc_accounts_parked *p);
/*
 * child.c: tell it to end, for a reason of accounts_account.quit; it has SVC_ACCOUNTS_LEAVE_MS.
 */
void svc_accounts_dismiss(struct svc_accounts_child *c, uint8_t reason);

#endif
