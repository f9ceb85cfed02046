/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern-auth: log-ins, recipients, senders, bans, and the administrator's changes. The table of
 * contents; server.h says where each part is.
 */
#include "svc/auth/server.h"

static const struct svc_common_service service = {
	.name = "auth",
	.init = svc_auth_init,
	.profile = svc_auth_profile,
	.edges = svc_auth_edges,
	.start = svc_auth_serve,
	.on_reload = svc_auth_on_reload,
	.on_status = svc_auth_on_status,
	.on_quit = svc_auth_on_quit,
	.on_admin = svc_auth_on_admin,
	.on_admin_closed = svc_auth_on_admin_closed,
};

int
main(int argc, char **argv)
{
	return svc_common_main(argc, argv, &service);
}
