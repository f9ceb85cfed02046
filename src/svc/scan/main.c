/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scan process. Its table of contents is service.c.
 */
#include "svc/scan/scan.h"

int
main(int argc, char **argv)
{
	return svc_common_main(argc, argv, &svc_scan_service);
}
