/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch process. Its table of contents is service.c.
 */
#include "svc/watch/watch.h"

int
main(int argc, char **argv)
{
	return svc_common_main(argc, argv, &svc_watch_service);
}
