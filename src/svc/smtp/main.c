/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smtp process: mail from other servers, or submissions, after the gate's TLS. Its table of
 * contents is at the end of server.c.
 */
#include "svc/smtp/server.h"

int
main(int argc, char **argv)
{
	return svc_common_main(argc, argv, &svc_smtp_service);
}
