/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes and lengths of time as people write and read them on a command line.
 */
#ifndef CTL_UNITS_H
#define CTL_UNITS_H

#include "base/buf.h"

/* "10G", "512K", "4096": octets, units of 1024. False: something else, or too large. */
bool ctl_size_parse(str s, uint64_t *ret_octets);
/* "90s", "10m", "12h", "7d": seconds; the unit must be there. False: something else. */
bool ctl_time_parse(str s, uint64_t *ret_s);
/* "1.5M", "312": for the eye. */
void ctl_size_put(struct buf *out, uint64_t octets);

#endif
