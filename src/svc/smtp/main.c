/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smtp process: mail from other servers, or submissions, after the gate's TLS. Read next:
 * server.h, session.c.
 */
#include "svc/smtp/server.h"

int
main(int argc, char **argv)
{
	static const struct svc_common_service service = {
		.name = "smtp",
		.profile = svc_smtp_profile,
		.init = svc_smtp_init,
		.on_wire = svc_smtp_on_wire,
		.on_reload = svc_smtp_on_reload,
		.on_status = svc_smtp_on_status,
		.on_quit = svc_smtp_on_quit,
	};
	return svc_common_main(argc, argv, &service);
}
