/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process keys. Its table of contents is service.c.
 */
#include "svc/keys/keys.h"

int
main(int argc, char **argv)
{
	return svc_common_main(argc, argv, &svc_keys_service);
}
