/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate process. Its table of contents is service.c.
 */
#include "svc/gate/service.h"

int
main(int argc, char **argv)
{
	return svc_common_main(argc, argv, &svc_gate_service);
}
