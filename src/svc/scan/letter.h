/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share beside scan.h: the life of a letter and of the process. No
 * stage needs it, but judge.c, whose answers come over our own channel.
 */
#ifndef SVC_SCAN_LETTER_H
#define SVC_SCAN_LETTER_H

#include "svc/scan/scan.h"

/* --- service.c; main.c names the service, tests call these ----------------------------------- */

/*
 * Make the process' state, sc->ctx.
 *
 * In      stages: SVC_SCAN_STAGES of them in the order of their numbers; NULL: that one is not
 *         there; static
 * Errors  ERR_NOMEM, and those of the stages
 */
enum err svc_scan_init(struct svc_common *sc, const struct svc_scan_stage *const *stages);
void svc_scan_done(struct svc_common *sc);
enum err svc_scan_start(struct svc_common *sc);
void svc_scan_on_reload(struct svc_common *sc);
void svc_scan_on_status(struct svc_common *sc, struct buf *facts);
void svc_scan_on_quit(struct svc_common *sc, uint32_t grace_ms);
extern const struct svc_common_edge svc_scan_edges[];
/* Takes letters again, or no more; ends the process once it is told to and no letter is left. */
void svc_scan_relax(struct svc_scan *s);
/* profile.c */
enum err svc_scan_profile(struct svc_common *sc, struct sys_sandbox_profile *p);
/* The stages there are; ends after SVC_SCAN_STAGES. */
extern const struct svc_scan_stage *const svc_scan_stages[];

/* --- letter.c -------------------------------------------------------------------------------- */

/* A message of edge smtp_scan. */
enum err svc_scan_from_smtp(struct svc_common_link *from, str datagram, int *fd);
/* It is over: its stages let go, its memory is given back. */
void svc_scan_letter_free(struct svc_scan_letter *l);
/* Nobody waits for the letters of this smtp any more. */
void svc_scan_smtp_gone(struct svc_common_link *gone);
/* The letter with this number; NULL: it is over. */
struct svc_scan_letter *svc_scan_letter_find(struct svc_scan *s, uint64_t id);

/* --- stage.c, dns.c, judge.c, verdict.c ------------------------------------------------------- */

/* All stages that need not wait for another. */
void svc_scan_stages_begin(struct svc_scan_letter *l);
/* Let go of what is under way. */
void svc_scan_stages_cancel(struct svc_scan_letter *l);

/* A message of edge scan_resolve. */
enum err svc_scan_from_resolve(struct svc_common_link *from, str datagram, int *fd);
/* Open questions of the letter are forgotten. */
void svc_scan_questions_drop(struct svc_scan_letter *l);
/* resolve is gone: all open questions have no answer. */
void svc_scan_resolve_gone(struct svc_common_link *gone);

/* A message of edge scan_policy. */
enum err svc_scan_from_policy(struct svc_common_link *from, str datagram, int *fd);
/* policy is gone: letters that wait for it go on without. */
void svc_scan_policy_gone(struct svc_common_link *gone);

/* What became of a letter: `end` of edge scan_policy. */
enum svc_scan_ending {
	SVC_SCAN_INBOX = 1,
	SVC_SCAN_TO_JUNK = 2,
	SVC_SCAN_REFUSED = 3,
	SVC_SCAN_INFECTED = 4,
};

/* Add up, answer smtp, tell policy. */
void svc_scan_verdict(struct svc_scan_letter *l);
/* Tell policy how it ended: judge.c. */
void svc_scan_judge_ended(struct svc_scan_letter *l, int64_t score, enum svc_scan_ending end);

/*
 * What the fame of its senders is worth: parts of kind FAME. The more letters there were, the more
 * it says; half of it after five.
 */
size_t svc_scan_fame(const struct svc_scan_letter *l, struct filter_part *ret, size_t max);

#endif
