/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The login process. Its table of contents is service.c.
 */
#include "svc/login/service.h"

int
main(int argc, char **argv)
{
	return svc_common_main(argc, argv, &svc_login_service);
}
