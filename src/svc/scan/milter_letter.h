/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A letter as a mail filter is told it: peer, envelope, macros, fields, body.
 */
#ifndef SVC_SCAN_MILTER_LETTER_H
#define SVC_SCAN_MILTER_LETTER_H

#include "proto/milter/milter.h"
#include "svc/scan/scan.h"

/*
 * In      l: its octets are borrowed, texts are made in its arena
 * Limits  SVC_SCAN_FIELDS_MAX fields; later ones are not told
 * Errors  ERR_BUDGET
 */
enum err svc_scan_milter_letter(struct svc_scan_letter *l, struct milter_letter *ret);

#endif
