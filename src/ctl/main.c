/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program. ctl_main() in ctl.c is where reading starts.
 */
#include "ctl/ctl.h"

int
main(int argc, char **argv)
{
	return ctl_main(argc, argv);
}
