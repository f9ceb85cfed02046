/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LOG(ID, fields...): the only way a service writes to the log. The rows are in svc/log.def.
 *
 *	LOG(CONNECT, F_ID("session", s->id), F_ADDR("peer", &s->peer));
 */
#ifndef SVC_COMMON_LOG_H
#define SVC_COMMON_LOG_H

#include "sys/log.h"

enum svc_common_log_id {
#define LOGROW(id, level, event, fields) SVC_LOG_##id,
#include "svc/log.def"
#undef LOGROW
	SVC_LOG_COUNT
};

#define LOG(id, ...)                 \
	svc_common_log(SVC_LOG_##id, \
	    (const struct sys_log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } })

/* fields end with an all-zero one. */
void svc_common_log(enum svc_common_log_id id, const struct sys_log_field *fields);

#endif
