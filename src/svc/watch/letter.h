/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the journal to a letter with a TLS report.
 */
#ifndef SVC_WATCH_LETTER_H
#define SVC_WATCH_LETTER_H

#include "base/err.h"
#include "base/str.h"

struct svc_watch;

struct svc_watch_letter {
	int64_t day, now_s;
	str domain, to;
	size_t index;         /* among the addresses of this report */
	str message_id, body; /* out: in w->scratch */
};

/*
 * Make the report of a day and domain.
 *
 * Out     message_id, body: live until w->scratch is reset
 * Limits  SVC_WATCH_JSON_OCTETS before, SVC_WATCH_REPORT_OCTETS after compression
 * Errors  TOOBIG, BUDGET, NOMEM, and those of the journal
 */
enum err svc_watch_letter_make(struct svc_watch *w, struct svc_watch_letter *l);

#endif
