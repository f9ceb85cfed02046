/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue without its parent, for tests: begun on a journal of the test's own, and ended as SIGKILL
 * would. The test has our ends of its channels.
 */
#ifndef SVC_QUEUE_START_TEST_H
#define SVC_QUEUE_START_TEST_H

#include "svc/queue/queue.h"

/* A queue on the journal in `folder`, ready for channels; sc->conf is set before. */
struct svc_queue *queue_test_start(struct svc_common *sc, const char *folder);
/* The end of one whose channels are closed: no quit, no last flush. */
void queue_test_kill(struct svc_queue *q);
/* Keep what a killed process leaves behind reachable, so that leak checks look at the rest. */
void queue_test_bury(const void *p);

#endif
