/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fetch process. Its table of contents is service.c.
 */
#include "svc/fetch/fetch.h"

int
main(int argc, char **argv)
{
	return svc_common_main(argc, argv, &svc_fetch_service);
}
