/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a service's status. A file of its own: tests play the skeleton, and need this all the
 * same.
 */
#include "svc/common/service.h"

void
svc_common_facts(struct buf *facts, const struct svc_common_fact *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(facts, "%s=%llu\n", rows[i].key, (unsigned long long)rows[i].value);
	}
}
