/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy process. Its table of contents is service.c.
 */
#include "svc/policy/policy.h"

int
main(int argc, char **argv)
{
	return svc_common_main(argc, argv, &svc_policy_service);
}
