/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mail servers of world_test.h: one session after the other, line by line, over TLS or not.
 */
#ifndef SVC_SEND_SERVER_TEST_H
#define SVC_SEND_SERVER_TEST_H

#include "svc/send/world_test.h"

/* Listen, with certificates of an authority that w->ca_file holds. */
void svc_send_servers_open(struct world *w);
void svc_send_servers_close(struct world *w);
/* Whatever its clients want; true when something was done. */
bool svc_send_server_pump(struct server *s);

#endif
