/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gate as the skeleton of all services sees it.
 */
#ifndef SVC_GATE_SERVICE_H
#define SVC_GATE_SERVICE_H

#include "svc/common/service.h"

extern const struct svc_common_service svc_gate_service;

/* profile.c: what the kernel lets this process do. */
enum err svc_gate_profile(struct svc_common *sc, struct sys_sandbox_profile *p);

#endif
