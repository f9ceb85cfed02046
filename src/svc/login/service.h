/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Login as the skeleton of all services sees it.
 */
#ifndef SVC_LOGIN_SERVICE_H
#define SVC_LOGIN_SERVICE_H

#include "svc/common/service.h"

extern const struct svc_common_service svc_login_service;

/* profile.c: what the kernel lets this process do. */
enum err svc_login_profile(struct svc_common *sc, struct sys_sandbox_profile *p);

#endif
