/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolve process. Its table of contents is service.c.
 */
#include "svc/resolve/resolve.h"

int
main(int argc, char **argv)
{
	return svc_common_main(argc, argv, &svc_resolve_service);
}
