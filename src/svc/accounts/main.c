/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accounts process. Its table of contents is service.c.
 */
#include "svc/accounts/accounts.h"

int
main(int argc, char **argv)
{
	return svc_common_main(argc, argv, &svc_accounts_service);
}
