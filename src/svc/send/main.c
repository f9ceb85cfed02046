/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The send process: letters to other servers. Read next: send.h, route.h, conn.h.
 */
#include "svc/send/send.h"

int
main(int argc, char **argv)
{
	return svc_common_main(argc, argv, &svc_send_service);
}
