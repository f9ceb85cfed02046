/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parent: reads the configuration, binds ports, starts every other process, hands it what it
 * needs and nothing else, starts it again when it ends, and stops all in order. It parses nothing
 * that comes from the net.
 */
#ifndef SVC_PARENT_PARENT_H
#define SVC_PARENT_PARENT_H

#include "base/str.h"

/*
 * Run the server until it is told to stop (SIGTERM, SIGINT, or the administrator).
 *
 * In      config: path of the configuration file; programs: folder of the service programs, empty:
 *         found beside the running program (../libexec/postern, or the build tree)
 * Out     exit code: 0 stopped in order; 1 could not start (said in the log)
 */
int svc_parent_run(str config, str programs);

#endif
