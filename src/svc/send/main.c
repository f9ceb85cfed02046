/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The send process: letters to other servers. Read next: send.h, route.h, conn.h.
 */
#include "svc/send/send.h"

int
main(int argc, char **argv)
{
	static const struct svc_common_service service = {
		.name = "send",
		.profile = svc_send_profile,
		.init = svc_send_init,
		.on_wire = svc_send_on_wire,
		.on_reload = svc_send_on_reload,
		.on_status = svc_send_on_status,
		.on_quit = svc_send_on_quit,
	};
	return svc_common_main(argc, argv, &service);
}
