/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of svc/log.def as a table. A field that its row does not name is our mistake; it is
 * found by the test of this folder, which reads the sources, not at run time.
 */
#include "svc/common/log.h"

static const struct {
	enum sys_log_level level;
	const char *event;
} rows[SVC_LOG_COUNT] = {
#define LOGROW(id, level, event, fields) { SYS_LOG_##level, event },
#include "svc/log.def"
#undef LOGROW
};

void
svc_common_log(enum svc_common_log_id id, const struct sys_log_field *fields)
{
	ASSERT((unsigned)id < SVC_LOG_COUNT);
	sys_log_write(rows[id].level, rows[id].event, fields);
}
