/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue process. Its table of contents is service.c.
 */
#include "svc/queue/queue.h"

int
main(int argc, char **argv)
{
	return svc_common_main(argc, argv, &svc_queue_service);
}
